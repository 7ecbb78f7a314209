//! The history: the last reply to each client that asks at most once.
//!
//! ```text
//!   client 7 ──► last id 12 │ reply, 64 bytes │ last heard 3 s ago
//!   client 9 ──► last id  3 │ acknowledged    │ last heard 1 s ago
//!
//!   from client 7   id 13 ─► execute, keep the new reply instead
//!                   id 12 ─► send the kept reply again
//!                   id 11 ─► a late copy: refuse
//! ```
//!
//! The server executes a request if its id is higher than the last one of its client. A client has
//! one request under way at a time, so a higher id also says that the client waits for no earlier
//! reply: one entry for each client is enough.
//!
//! **Invariants** (the *history's time* is how long an entry is kept after its client was heard)
//!
//! 1. No request that asks for at most once is executed twice. An entry is dropped only after its
//!    client sent no such request for the history's time. The client got its token before that
//!    silence, so by then the token is older than the history's time. A token of that age is
//!    refused if its client has no entry. So a copy that arrives after its entry was dropped is not
//!    executed: the server answers that the token is too old.
//! 2. There are never more entries than the bound. A full history refuses new clients and drops no
//!    entry for them. One address has at most half of the bound, rounded up, and the last sixteenth
//!    is for addresses without an entry: two strangers cannot take all of a bound of 16 or more.
//! 3. An entry whose time is over is dropped within half of the history's time. A sweep is due when
//!    a quarter of that time has passed since the last sweep. The thread wakes up at the latest
//!    another quarter later, also when no datagram arrives.
//!
//! **Cost** one entry is a few words and its reply, at most one datagram. A decision on a request
//! is a few lookups in hash tables; a sweep walks all entries, four times in the history's time.
//!
//! **Lock** none. The `udp` thread owns the history. Time is an argument, and it comes from the
//! server's clock alone: no client can change it.
//!
//! **Simplified** a client that wants two requests under way says Hello twice. An address is one IP
//! address, or one IPv6 network of 64 bits, so a sender with many addresses has many halves.
//!
//! **Source** Coulouris and others, section 5.2: the history, and the request that acknowledges the
//! reply before it; Birrell and Nelson (1984) for the rising ids. The rule for old tokens is ours.

use std::collections::HashMap;
use std::collections::hash_map::Entry::{Occupied, Vacant};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::common::caller::ClientNumber;
use crate::server::addresses::{AddressCounts, RESERVED_DIVISOR, counted};
use crate::server::token::Proof;

/// The number of sweeps in the history's time. More sweeps would cost more walks over all entries;
/// with fewer sweeps an entry would stay longer after its time is over.
const SWEEPS: u32 = 4;

/// The last request of each client that asks at most once. The `udp` thread owns it.
#[derive(Debug)]
pub struct History {
    entries: HashMap<ClientNumber, HistoryEntry>,
    /// The number of entries of each address. Counted as entries come and go: a walk over all
    /// entries for each new client would take longer as the history fills.
    addresses: AddressCounts,
    /// The bound: the most entries.
    most: usize,
    /// The time for which an entry is kept after its client was heard.
    time: Duration,
    /// The time of the last sweep.
    swept: Instant,
    /// The number of replies that were sent again, for `stats`.
    resent: u64,
}

/// The last request of one client.
#[derive(Debug)]
struct HistoryEntry {
    /// The highest id that was begun.
    last: u32,
    outcome: Outcome,
    /// The time of the client's last request, new or repeated.
    heard: Instant,
    /// The address whose count the entry is in.
    ip: IpAddr,
}

/// The outcome of a client's last request.
#[derive(Debug)]
enum Outcome {
    /// It was begun, and no reply is kept: the client wanted none, or the server is executing the
    /// request.
    Begun,
    /// The whole datagram of the reply, which is sent again for each copy of the request.
    Replied(Box<[u8]>),
    /// The client has received the reply. Only the id is still needed.
    Acknowledged,
}

/// The decision on a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Recall<'a> {
    /// Execute it, then [`History::keep`] the reply.
    New,
    /// It was executed; send this reply again.
    Repeated(&'a [u8]),
    /// The request was executed; send nothing, because the reply arrived or none is kept.
    Settled,
    /// The client has sent a request with a higher id already; refuse.
    Behind,
    /// The history has no room for another client; refuse.
    Full,
}

impl History {
    /// Makes a history for at most `most` clients, each kept for `time` after its last request. No
    /// later call may pass a time before `start`.
    pub fn new(most: usize, time: Duration, start: Instant) -> Self {
        let (entries, addresses) = (HashMap::new(), AddressCounts::default());
        Self { entries, addresses, most, time, swept: start, resent: 0 }
    }

    /// Returns whether a token is accepted: it is younger than the history's time, or its client
    /// has an entry whose time is not over. This test and [`History::sweep`] keep invariant 1.
    pub fn accepts(&self, proof: Proof, now: Instant) -> bool {
        let known = self.entries.get(&proof.client);
        proof.age < self.time || known.is_some_and(|entry| !self.is_over(entry, now))
    }

    /// Decides on request `id` of a client whose token is accepted. A new request is begun: from
    /// now on its copies are repeats. Entries whose time is over still take room, so the caller
    /// sweeps first.
    pub fn begin(&mut self, client: ClientNumber, id: u32, ip: IpAddr, now: Instant) -> Recall<'_> {
        let ip = counted(ip);
        // Asked before `entry` borrows the table; it matters only to a client without an entry.
        let has_room = self.has_room(ip);
        let entry = match self.entries.entry(client) {
            Occupied(known) => known.into_mut(),
            Vacant(_) if !has_room => return Recall::Full,
            Vacant(place) => {
                self.addresses.add(ip);
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

    /// Keeps the reply to the request that was begun last. [`History::begin`] has already dropped
    /// the reply to the request before it.
    pub fn keep(&mut self, client: ClientNumber, reply: &[u8]) {
        if let Some(entry) = self.entries.get_mut(&client) {
            entry.outcome = Outcome::Replied(reply.into());
        }
    }

    /// Drops the reply to request `id`, which has arrived, and keeps the id. An acknowledgement of
    /// any other id is late, and changes nothing.
    pub fn acknowledge(&mut self, client: ClientNumber, id: u32) {
        if let Some(entry) = self.entries.get_mut(&client).filter(|entry| entry.last == id) {
            entry.outcome = Outcome::Acknowledged;
        }
    }

    /// Drops the entries of clients that were silent for the history's time. Does nothing if the
    /// last sweep is younger than [`History::sweep_every`].
    pub fn sweep(&mut self, now: Instant) {
        if now.saturating_duration_since(self.swept) < self.sweep_every() {
            return;
        }
        self.swept = now;
        let (time, addresses) = (self.time, &mut self.addresses);
        self.entries.retain(|_, entry| {
            let keep = now.saturating_duration_since(entry.heard) < time;
            if !keep {
                addresses.remove(entry.ip);
            }
            keep
        });
    }

    /// Returns the time between two sweeps.
    pub fn sweep_every(&self) -> Duration {
        self.time / SWEEPS
    }

    /// Returns the number of clients in the history.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether it holds no client.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the number of kept replies.
    pub fn replies(&self) -> usize {
        let kept = |entry: &&HistoryEntry| matches!(entry.outcome, Outcome::Replied(_));
        self.entries.values().filter(kept).count()
    }

    /// Returns the number of replies that were sent again.
    pub fn resent(&self) -> u64 {
        self.resent
    }

    /// Returns the time for which a client is kept after its last request.
    pub fn time(&self) -> Duration {
        self.time
    }

    /// Returns whether an entry's time is over, also if no sweep has dropped it yet.
    fn is_over(&self, entry: &HistoryEntry, now: Instant) -> bool {
        now.saturating_duration_since(entry.heard) >= self.time
    }

    /// Returns whether another client at this address fits: the bound is not reached, and the
    /// address has fewer entries than half of the bound, rounded up. Rounded down, a bound of 1
    /// would let no address in. The last entries are for addresses without an entry.
    fn has_room(&self, ip: IpAddr) -> bool {
        let its = self.addresses.of(ip);
        let reserved = if its == 0 { 0 } else { self.most / RESERVED_DIVISOR };
        self.entries.len() < self.most - reserved && its < self.most.div_ceil(2)
    }
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
