//! The history: the last reply to each client that asks at most once.
//!
//! ```text
//!   client 7 ──► last id 12 │ reply, 64 bytes │ last heard 3 s ago
//!   client 9 ──► last id  3 │ acknowledged    │ last heard 1 s ago
//! ```
//!
//! A request is executed if its id is higher than its client's last one. A client has one
//! request under way, so a higher id also says that it waits for no earlier reply: one entry
//! a client is enough. The same id again is answered with the reply that was kept; a lower
//! one is a straggler.
//!
//! **Invariants**
//!
//! 1. No request is executed twice. An entry is dropped only after its client was silent
//!    for the history's time; from then on its token is older than that time, and a token
//!    of that age without an entry is refused. So a copy that outlives the history is not
//!    executed again: the history says that it does not know the token any more.
//! 2. There are never more entries than its bound; a full history refuses new clients and
//!    forgets nobody. Half of it at most, rounded up, belongs to one address.
//! 3. An entry whose time is over is dropped within half of that time, whoever sends what in
//!    the meantime.
//!
//! **Lock** none: the `udp` thread's own. Time is an argument; it is the server's alone.
//!
//! **Simplified** a client that wants more than one request under way says Hello more than
//! once. An address is one IP address: whoever has many has many halves.
//!
//! **Source** Coulouris and others, section 5.2: history, and the request that acknowledges
//! the reply before it; Birrell and Nelson (1984) for the ids that go up. Invariant 1's
//! second half is ours.

use std::collections::HashMap;
use std::collections::hash_map::Entry::{Occupied, Vacant};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::common::caller::ClientNumber;
use crate::server::token::Proof;

/// Entries whose time is over are looked for so many times in the history's time.
const SWEEPS: u32 = 4;

/// The last request of each client.
#[derive(Debug)]
pub struct History {
    entries: HashMap<ClientNumber, HistoryEntry>,
    /// How many entries each address has.
    addresses: HashMap<IpAddr, usize>,
    most: usize,
    time: Duration,
    /// When entries whose time is over were looked for.
    swept: Instant,
    /// Replies that were sent again.
    resent: u64,
}

#[derive(Debug)]
struct HistoryEntry {
    last: u32,
    outcome: Outcome,
    heard: Instant,
    ip: IpAddr,
}

/// What is known of a client's last request.
#[derive(Debug)]
enum Outcome {
    /// It was begun, and no reply is kept: none was wanted, or it comes.
    Begun,
    Replied(Box<[u8]>),
    Acknowledged,
}

/// What to do with a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Recall<'a> {
    /// Execute it, then [`History::keep`] the reply.
    New,
    /// It was executed: send this again.
    Repeated(&'a [u8]),
    /// It was executed, and nothing is sent: its reply arrived, or was not wanted.
    Settled,
    /// A later request of the client came first.
    Behind,
    /// There is no room for another client.
    Full,
}

impl History {
    /// For at most so many clients, each kept for that time after its last request; no time
    /// that is given from now on is before `start`.
    pub fn new(most: usize, time: Duration, start: Instant) -> Self {
        let (entries, addresses) = (HashMap::new(), HashMap::new());
        Self { entries, addresses, most, time, swept: start, resent: 0 }
    }

    /// Whether a token is taken: it is younger than the history's time, or its client is
    /// known.
    pub fn accepts(&self, proof: Proof, now: Instant) -> bool {
        let known = self.entries.get(&proof.client);
        proof.age < self.time || known.is_some_and(|entry| !self.is_over(entry, now))
    }

    /// Decides on request `id` of a client whose token is accepted; a new one is begun from
    /// now on. Room that silence made is found by [`History::sweep`] before.
    pub fn begin(&mut self, client: ClientNumber, id: u32, ip: IpAddr, now: Instant) -> Recall<'_> {
        let has_room = self.has_room(ip);
        let entry = match self.entries.entry(client) {
            Occupied(known) => known.into_mut(),
            Vacant(_) if !has_room => return Recall::Full,
            Vacant(place) => {
                *self.addresses.entry(ip).or_default() += 1;
                place.insert(HistoryEntry { last: id, outcome: Outcome::Begun, heard: now, ip });
                return Recall::New;
            }
        };
        entry.heard = now;
        if id > entry.last {
            (entry.last, entry.outcome) = (id, Outcome::Begun);
            return Recall::New;
        }
        match &entry.outcome {
            _ if id < entry.last => Recall::Behind,
            Outcome::Replied(reply) => {
                self.resent += 1;
                Recall::Repeated(reply)
            }
            Outcome::Begun | Outcome::Acknowledged => Recall::Settled,
        }
    }

    /// Keeps the reply to the request that was begun last.
    pub fn keep(&mut self, client: ClientNumber, reply: &[u8]) {
        if let Some(entry) = self.entries.get_mut(&client) {
            entry.outcome = Outcome::Replied(reply.into());
        }
    }

    /// The reply to request `id` arrived: it is dropped, and the id remembered.
    pub fn acknowledge(&mut self, client: ClientNumber, id: u32) {
        if let Some(entry) = self.entries.get_mut(&client).filter(|entry| entry.last == id) {
            entry.outcome = Outcome::Acknowledged;
        }
    }

    /// Drops the clients that were silent for long enough, now and then.
    pub fn sweep(&mut self, now: Instant) {
        if now.saturating_duration_since(self.swept) < self.sweep_every() {
            return;
        }
        self.swept = now;
        let (time, addresses) = (self.time, &mut self.addresses);
        self.entries.retain(|_, entry| {
            let keep = now.saturating_duration_since(entry.heard) < time;
            if !keep && let Some(count) = addresses.get_mut(&entry.ip) {
                *count -= 1;
            }
            keep
        });
        addresses.retain(|_, count| *count > 0);
    }

    /// How often [`History::sweep`] has something to do.
    pub fn sweep_every(&self) -> Duration {
        self.time / SWEEPS
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
        let kept = |entry: &&HistoryEntry| matches!(entry.outcome, Outcome::Replied(_));
        self.entries.values().filter(kept).count()
    }

    /// How many replies were sent again.
    pub fn resent(&self) -> u64 {
        self.resent
    }

    /// How long a client is kept after its last request.
    pub fn time(&self) -> Duration {
        self.time
    }

    fn is_over(&self, entry: &HistoryEntry, now: Instant) -> bool {
        now.saturating_duration_since(entry.heard) >= self.time
    }

    fn has_room(&self, ip: IpAddr) -> bool {
        let of_this_address = self.addresses.get(&ip).copied().unwrap_or_default();
        self.entries.len() < self.most && of_this_address < self.most.div_ceil(2)
    }
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
