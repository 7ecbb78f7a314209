//! The moves of lesson 5, carried out by the server's engine ([`crate::sessions`]): a process
//! joins, opens a session, sends, publishes, receives, forwards a message, or is killed.
//!
//! A move such as `A:send:B:hello` begins a copy: the engine says where in the arena the bytes lie.
//! The move `1:copy` then copies them, into or out of the arena, and tells the engine that the copy
//! is finished.
//!
//! **Invariants** a copy that has begun is finished at most once. A block is given back when no
//! copy is under way in it.
//!
//! **Lock** none: the tables and the arena belong to one view.
//!
//! **Source** `interprocess-communication-patent.txt`, figures 4 and 5.

use std::time::{Duration, Instant};

use crate::common::caller::Caller;
use crate::common::error::Error;
use crate::common::marks::{Figures, traced};
use crate::cooperative::manager::{Rules, StandAlone};
use crate::cooperative::pool::Shares;
use crate::lessons::client_of;
use crate::server::tables::ServerTables;
use crate::sessions::words::{Notice, SessionId, Told};
use crate::sessions::{Copying, Sessions, no_session};

/// The bytes of the arena.
pub(super) const ARENA: u64 = 2048;

/// The bytes of each process's block.
const BLOCK: u64 = 256;

/// The bytes of administrative memory, in which the engine keeps processes, sessions and messages.
const ADMIN: u64 = 64 * 1024;

/// The processes that a page may have.
const NAMES: std::ops::RangeInclusive<char> = 'A'..='C';

/// A copy that has begun.
pub(super) struct CopyUnderWay {
    /// The process that copies.
    pub(super) name: char,
    /// The bytes that it writes; `None` if it reads.
    pub(super) writes: Option<String>,
    /// The engine's record of the copy; `None` once it is finished.
    pub(super) copying: Option<Copying>,
}

/// The state of a view: the server's tables, the arena, and the results for the page.
pub(super) struct Messages {
    /// The server's tables. The handle of a block is its offset in `arena`.
    pub(super) tables: ServerTables<u64>,
    /// The bytes of the blocks: `finish` finds those of a block by its handle.
    pub(super) arena: Vec<u8>,
    /// The time of all moves: no time passes in this lesson.
    now: Instant,
    /// All copies that have begun. A page names a copy by its place here, counted from 1.
    pub(super) copies: Vec<CopyUnderWay>,
    /// The numbers of processes that have ended, and whose blocks are not given back yet.
    ending: Vec<u64>,
    /// The results of the last move, in words.
    pub(super) told: Vec<String>,
    /// The steps of figures 4 and 5 that the last move passed.
    pub(super) steps: Vec<u16>,
}

impl Messages {
    pub(super) fn new() -> Result<Self, String> {
        let (none, now) = (Shares::default(), Instant::now());
        // Without shares and caps the committed pool has the whole arena: own blocks lie there.
        let manager = StandAlone::new(ARENA, &none, &none, Rules::default(), now)?;
        let StandAlone { leases, processes } = manager;
        let sessions = Sessions::new(ADMIN, Duration::ZERO);
        let tables = ServerTables { leases, processes, sessions };
        let arena = vec![0; ARENA as usize];
        let (copies, ending, told, steps) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Ok(Self { tables, arena, now, copies, ending, told, steps })
    }

    /// Carries out one move. Notes the result in words, and the steps that the engine passed.
    ///
    /// # Errors
    /// Fails if the word is no move. A refusal by the engine is a result, and no error.
    pub(super) fn carry_out(&mut self, word: &str) -> Result<(), String> {
        self.told.clear();
        let (done, marks) = traced(|| self.dispatch(word));
        let steps = marks.into_iter().filter(|(figures, _)| *figures == Figures::Steps);
        self.steps = steps.map(|(_, step)| step).collect();
        match done? {
            Ok(said) => self.told.push(said),
            Err(error) => self.told.push(format!("Refused: {}.", error.text)),
        }
        self.give_back_what_is_quiet();
        self.hear();
        Ok(())
    }

    /// Reads a move and carries it out. Returns the result in words.
    ///
    /// # Errors
    /// The outer error says that the word is no move; the inner error is the engine's refusal.
    fn dispatch(&mut self, word: &str) -> Result<Result<String, Error>, String> {
        let why = || format!("{word} is no move; give A:join, A:send:B:hello or 1:copy");
        let parts: Vec<&str> = word.split(':').collect();
        let first = *parts.first().ok_or_else(why)?;
        if let (Ok(copy), [_, "copy"]) = (first.parse::<usize>(), &parts[..]) {
            return Ok(self.finish(copy));
        }
        let is_process = |part: &str| part.len() == 1 && part.chars().all(|c| NAMES.contains(&c));
        let letter = |part: &str| part.chars().next().filter(|_| is_process(part)).ok_or_else(why);
        let name = letter(first)?;
        Ok(match &parts[1..] {
            ["join"] => self.join(name),
            ["open", other] => self.open(name, letter(other)?),
            ["send", other, data] => self.send(name, letter(other)?, data),
            ["publish", data] => self.publish(name, data),
            ["receive"] => self.receive(name),
            ["forward", other] => self.forward(name, letter(other)?),
            ["kill"] => Ok(self.kill(name)),
            _ => return Err(why()),
        })
    }

    fn join(&mut self, name: char) -> Result<String, Error> {
        let (caller, now) = (Caller::connected(client_of(name)), self.now);
        let own = Some(BLOCK);
        // The client's number stands for the waker: no thread sleeps here. The ticket is `None`:
        // this join has not waited before.
        let joined = self.tables.engine().join(
            caller,
            &name.to_string(),
            own,
            client_of(name),
            None,
            now,
        )?;
        Ok(match joined {
            Ok(_) => format!("{name} joins; its block has {BLOCK} bytes."),
            Err(_) => format!("{name} would have to wait: there is no block, or no room."),
        })
    }

    fn open(&mut self, name: char, other: char) -> Result<String, Error> {
        // The length 0: the session begins without a first message.
        self.tables.engine().begin_open(client_of(name), &other.to_string(), 0)?;
        Ok(format!("{name} opens a session with {other}."))
    }

    /// Returns the session of a process with another one, as the engine lists it.
    fn session(&mut self, name: char, other: char) -> Result<SessionId, Error> {
        let sessions = self.tables.engine().sessions(Caller::connected(client_of(name)))?;
        let found = sessions.into_iter().find(|session| session.name == other.to_string());
        found.map(|session| session.session).ok_or_else(no_session)
    }

    /// Notes a copy that the engine has begun; the move `1:copy` finishes it. If another copy has
    /// the seat of the place, this copy waits for it.
    fn begin(&mut self, name: char, writes: Option<String>, copying: Copying) -> String {
        let waits = if copying.is_seated { "" } else { ", and waits for its seat" };
        let verb = if writes.is_some() { "fill" } else { "read" };
        self.copies.push(CopyUnderWay { name, writes, copying: Some(copying) });
        format!("{name} begins to {verb} a message: copy {}{waits}.", self.copies.len())
    }

    fn send(&mut self, name: char, other: char, data: &str) -> Result<String, Error> {
        let session = self.session(name, other)?;
        let length = data.len() as u64;
        // `false`: the sender does not wait until the message is received.
        let begun = self.tables.engine().begin_send(client_of(name), session, length, false)?;
        Ok(self.begin(name, Some(data.to_string()), begun))
    }

    /// Begins to send one message to all sessions of a process: its bytes are copied once.
    fn publish(&mut self, name: char, data: &str) -> Result<String, Error> {
        let sessions = self.tables.engine().sessions(Caller::connected(client_of(name)))?;
        let to: Vec<SessionId> = sessions.into_iter().map(|session| session.session).collect();
        let length = data.len() as u64;
        let begun = self.tables.engine().begin_publish(client_of(name), &to, length)?;
        Ok(self.begin(name, Some(data.to_string()), begun))
    }

    /// Returns the first session in which a message waits for a process. If no message waits,
    /// returns the process's first session.
    fn with_message(&mut self, name: char) -> Result<SessionId, Error> {
        let sessions = self.tables.engine().sessions(Caller::connected(client_of(name)))?;
        let waiting = sessions.iter().find(|session| session.inward > 0);
        waiting.or(sessions.first()).map(|one| one.session).ok_or_else(no_session)
    }

    fn receive(&mut self, name: char) -> Result<String, Error> {
        let session = self.with_message(name)?;
        // `u64::MAX`: a page can take a message of any length.
        let begun = self.tables.engine().begin_receive(client_of(name), session, u64::MAX)?;
        Ok(match begun {
            Some(copying) => self.begin(name, None, copying),
            None => format!("{name} has no message."),
        })
    }

    fn forward(&mut self, name: char, other: char) -> Result<String, Error> {
        let (from, to) = (self.with_message(name)?, self.session(name, other)?);
        let length = self.tables.engine().forward(client_of(name), from, to)?;
        Ok(format!("{name} hands {length} bytes on to {other}: no byte is copied."))
    }

    /// Copies the bytes of a copy that has begun, between the arena and the message's text, and
    /// finishes the copy. A message may lie in several pieces of the arena.
    fn finish(&mut self, copy: usize) -> Result<String, Error> {
        let under_way = copy.checked_sub(1).and_then(|at| self.copies.get_mut(at));
        let Some((one, copying)) =
            under_way.and_then(|one| one.copying.take().map(|copying| (one, copying)))
        else {
            return Ok(format!("There is no copy {copy} under way."));
        };
        let name = one.name;
        // `None` means that the block's owner has ended: `finish` below refuses the copy then.
        if self.tables.engine().is_seated(copying.number) == Some(false) {
            one.copying = Some(copying);
            return Ok(format!("Copy {copy} still waits for its seat."));
        }
        let pieces = std::iter::once(&copying.place.first).chain(&copying.place.more);
        let mut read = Vec::new();
        let mut left = one.writes.as_ref().map(String::as_bytes).unwrap_or_default();
        for piece in pieces {
            let from = (piece.handle.offset + piece.at) as usize;
            let bytes = &mut self.arena[from..from + piece.length as usize];
            match one.writes {
                Some(_) => {
                    let (now, later) = left.split_at(bytes.len().min(left.len()));
                    bytes[..now.len()].copy_from_slice(now);
                    left = later;
                }
                None => read.extend_from_slice(bytes),
            }
        }
        let is_writing = one.writes.is_some();
        // `true`: the bytes were copied.
        self.tables.engine().finish(copying.number, true)?;
        Ok(match is_writing {
            true => format!("{name}'s message is in its block, and posted."),
            false => format!("{name} receives {:?}.", String::from_utf8_lossy(&read)),
        })
    }

    fn kill(&mut self, name: char) -> String {
        match self.tables.engine().disconnect(client_of(name), self.now) {
            Some(number) => {
                self.ending.push(number);
                format!("{name} is killed.")
            }
            None => format!("{name} is not there."),
        }
    }

    /// Gives the blocks of ended processes back. A process with a copy under way in its blocks
    /// stays in `ending` until a later move. `strike` takes up to 16 blocks out of the lease table;
    /// its call that finds none removes the process.
    fn give_back_what_is_quiet(&mut self) {
        for number in std::mem::take(&mut self.ending) {
            if !self.tables.engine().forget_if_quiet(number) {
                self.ending.push(number);
                continue;
            }
            loop {
                let endings = self.tables.manager().strike(number, 16);
                if endings.is_empty() {
                    break;
                }
                self.tables.engine().give_back(endings, self.now);
            }
        }
    }

    /// Takes the notices that the engine has for each process, and notes them in words. `Joined`,
    /// `Left` and `Missed` are for processes that watch others, and no process here does.
    fn hear(&mut self) {
        for name in NAMES {
            while let Ok(Some(Told::Notice(notice))) =
                self.tables.engine().next_signal(client_of(name))
            {
                let said = match notice {
                    Notice::Opened { name: other, .. } => {
                        format!("{name} hears of the session with {other}.")
                    }
                    Notice::Message { length, .. } => {
                        format!("{name} hears of a message of {length} bytes.")
                    }
                    Notice::Lost { count, .. } => {
                        format!("{name} hears that {count} messages are lost.")
                    }
                    Notice::Closed { .. } => format!("{name} hears that the other end is closed."),
                    Notice::Blocked { .. } => {
                        format!("{name} hears that the other one has no room.")
                    }
                    Notice::Unblocked { .. } => format!("{name} hears that there is room again."),
                    Notice::Joined { .. } | Notice::Left { .. } | Notice::Missed => continue,
                };
                self.told.push(said);
            }
        }
    }
}
