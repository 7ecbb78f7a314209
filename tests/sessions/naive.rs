//! What an engine should do, in maps and queues alone: who lives, which sessions there are, what
//! is in each inbox, and which copies are under way.

use std::collections::{BTreeMap, VecDeque};

use leasebox::sessions::Copying;
use leasebox::sessions::words::SessionId;

/// A message as the model has it: its bytes, and in which life of whose block they lie.
#[derive(Debug, Clone)]
pub struct Said {
    pub data: Vec<u8>,
    pub owner: (u64, u64),
}

#[derive(Debug, Default)]
pub struct Known {
    pub ends: [u64; 2],
    pub closed: [bool; 2],
    pub inboxes: [VecDeque<Said>; 2],
}

/// What a copy under way is for.
#[derive(Debug)]
pub enum Doing {
    Open(SessionId, SessionLater, Vec<u8>),
    Fill(Vec<SessionId>, Vec<u8>),
    Read(Said, Vec<u8>),
}

/// A session that its first message is yet to be filled for: the two ends' lives.
pub type SessionLater = [(u64, u64); 2];

pub struct Underway {
    pub copying: Copying,
    pub by: (u64, u64),
    pub doing: Doing,
    pub is_made: bool,
    /// What was read when it was made.
    pub read: Vec<u8>,
}

#[derive(Default)]
pub struct Model {
    /// Who lives, and in which life: a client that left may join again.
    pub lives: BTreeMap<u64, u64>,
    pub sessions: BTreeMap<SessionId, Known>,
    pub underway: Vec<Underway>,
    pub births: u64,
    pub said: u64,
}

/// The processes: as many clients, and named by them.
pub const CLIENTS: u8 = 5;

impl Model {
    pub fn life(&self, client: u64) -> Option<(u64, u64)> {
        self.lives.get(&client).map(|&life| (client, life))
    }

    pub fn is_alive(&self, life: (u64, u64)) -> bool {
        self.life(life.0) == Some(life)
    }

    /// Bytes that no other message has.
    pub fn data(&mut self, length: usize) -> Vec<u8> {
        self.said += 1;
        let mark = self.said.to_le_bytes();
        (0..length).map(|at| mark[at % 8] ^ (at / 8) as u8).collect()
    }

    /// An open end: the session, which side, and its process.
    pub fn end(&self, choice: u8) -> Option<(SessionId, usize, u64)> {
        let open = self.sessions.iter().flat_map(|(&id, known)| {
            let sides = (0..2).filter(|&side| !known.closed[side]);
            sides.map(move |side| (id, side, known.ends[side]))
        });
        let open: Vec<_> = open.collect();
        (!open.is_empty()).then(|| open[usize::from(choice) % open.len()])
    }

    pub fn hears(&self, session: SessionId, speaker: u64) -> bool {
        let Some(known) = self.sessions.get(&session) else { return false };
        let Some(side) = known.ends.iter().position(|&end| end == speaker) else { return false };
        !known.closed[side] && !known.closed[1 - side]
    }

    pub fn post(&mut self, session: SessionId, by: u64, said: Said) {
        let known = self.sessions.get_mut(&session).unwrap();
        let side = known.ends.iter().position(|&end| end == by).unwrap();
        known.inboxes[1 - side].push_back(said);
    }

    pub fn close(&mut self, session: SessionId, side: usize) {
        let known = self.sessions.get_mut(&session).unwrap();
        known.closed[side] = true;
        known.inboxes[side].clear();
    }

    pub fn tidy(&mut self) {
        self.sessions.retain(|_, known| {
            !known.closed.contains(&true)
                || (0..2).any(|side| !known.closed[side] && !known.inboxes[side].is_empty())
        });
    }

    pub fn died(&mut self, life: (u64, u64)) {
        for known in self.sessions.values_mut() {
            known.inboxes.iter_mut().for_each(|inbox| inbox.retain(|said| said.owner != life));
            for side in 0..2 {
                if known.ends[side] == life.0 && !known.closed[side] {
                    known.closed[side] = true;
                    known.inboxes[side].clear();
                }
            }
        }
        self.tidy();
    }
}
