//! The history: the last reply to each client that asks at most once.
//!
//! ```text
//!   client 7 ──► last id 12 │ reply, 64 bytes │ last heard 3 s ago
//!   client 9 ──► last id  3 │ acknowledged    │ last heard 1 s ago
//! ```
//!
//! A request is executed if its id is higher than its client's last one: that also says
//! that the last one's reply arrived, so one entry a client is enough. The same id again
//! is answered with the reply that was kept; a lower one is a straggler.
//!
//! **Invariants**
//!
//! 1. No request is executed twice. An entry is dropped only after its client was silent
//!    for the history's time; from then on its token is older than that time, and a token
//!    of that age without an entry is refused. So a retry that outlives the history is
//!    never executed again: it is told that the history does not know it any more.
//! 2. There are never more entries than its bound; a full history refuses new clients and
//!    forgets nobody. Half of it at most belongs to one address.
//!
//! **Lock** none: the `udp` thread's own. Time is an argument.
//!
//! **Simplified** a client has one request under way at a time; one that wants more says
//! Hello more than once. The replies of silent clients stay until their time is over.
//!
//! **Source** Coulouris and others, section 5.2: history, and the request that acknowledges
//! the reply before it; Birrell and Nelson (1984) for the ids that go up. Invariant 1's
//! second half is ours.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::token::Proof;
use crate::message::ClientNumber;

/// The last request of each client.
#[derive(Debug)]
pub struct History {
    entries: HashMap<ClientNumber, Entry>,
    most: usize,
    time: Duration,
    /// Replies that were sent again.
    resent: u64,
}

#[derive(Debug)]
struct Entry {
    last: u32,
    reply: Reply,
    heard: Instant,
    ip: IpAddr,
}

/// What is known of the reply to a client's last request.
#[derive(Debug)]
enum Reply {
    /// The request was begun; none yet, or none was wanted.
    None,
    Kept(Box<[u8]>),
    Acknowledged,
}

/// What to do with a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// Execute it, then [`History::keep`] the reply.
    New,
    /// It was executed: send this again.
    Repeated(&'a [u8]),
    /// It was executed, and nothing is sent: its reply arrived, or was not wanted.
    Settled,
    /// A later request of the client came first.
    Behind,
    /// The token is older than the history, which does not know its client.
    Forgotten,
    /// There is no room for another client.
    Full,
}

impl History {
    /// For at most so many clients, each kept for that time after its last request.
    pub fn new(most: usize, time: Duration) -> Self {
        Self { entries: HashMap::new(), most, time, resent: 0 }
    }

    /// Decides on request `id` of a client; a new one is begun from now on.
    pub fn begin(&mut self, proof: Proof, id: u32, ip: IpAddr, now: Instant) -> Verdict<'_> {
        if self.entries.get(&proof.client).is_none_or(|entry| self.is_over(entry, now)) {
            if proof.age >= self.time {
                return Verdict::Forgotten;
            }
            if !self.has_room(ip, now) {
                return Verdict::Full;
            }
            self.entries
                .insert(proof.client, Entry { last: id, reply: Reply::None, heard: now, ip });
            return Verdict::New;
        }
        let Some(entry) = self.entries.get_mut(&proof.client) else { return Verdict::Forgotten };
        entry.heard = now;
        if id > entry.last {
            (entry.last, entry.reply) = (id, Reply::None);
            return Verdict::New;
        }
        match &entry.reply {
            _ if id < entry.last => Verdict::Behind,
            Reply::Kept(reply) => {
                self.resent += 1;
                Verdict::Repeated(reply)
            }
            Reply::None | Reply::Acknowledged => Verdict::Settled,
        }
    }

    /// Keeps the reply to the request that was begun last.
    pub fn keep(&mut self, client: ClientNumber, reply: &[u8]) {
        if let Some(entry) = self.entries.get_mut(&client) {
            entry.reply = Reply::Kept(reply.into());
        }
    }

    /// The reply to request `id` arrived: it is dropped, and the id remembered.
    pub fn acknowledge(&mut self, client: ClientNumber, id: u32) {
        if let Some(entry) = self.entries.get_mut(&client).filter(|entry| entry.last == id) {
            entry.reply = Reply::Acknowledged;
        }
    }

    /// Drops the clients that were silent for long enough.
    pub fn forget(&mut self, now: Instant) {
        let time = self.time;
        self.entries.retain(|_, entry| now.saturating_duration_since(entry.heard) < time);
    }

    /// How many clients it knows.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many replies are kept.
    pub fn replies(&self) -> usize {
        self.entries.values().filter(|entry| matches!(entry.reply, Reply::Kept(_))).count()
    }

    /// How many replies were sent again.
    pub fn resent(&self) -> u64 {
        self.resent
    }

    /// How long a client is kept after its last request.
    pub fn time(&self) -> Duration {
        self.time
    }

    fn is_over(&self, entry: &Entry, now: Instant) -> bool {
        now.saturating_duration_since(entry.heard) >= self.time
    }

    fn has_room(&mut self, ip: IpAddr, now: Instant) -> bool {
        let half = self.most.div_ceil(2);
        if self.entries.len() < half {
            return true;
        }
        self.forget(now);
        let of_this_address = self.entries.values().filter(|entry| entry.ip == ip).count();
        self.entries.len() < self.most && of_this_address < half
    }
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
