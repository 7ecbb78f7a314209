//! The list of sessions that any client may see. It shows the two processes of each session.
//!
//! ```text
//!   names            is_open         waiting
//!   alice   bob      true   true     0   2      bob has two messages to receive
//!   alice   carol    false  true     0   1      alice has closed; carol can still receive one
//! ```
//!
//! **Invariants** no pair has the id of its session: only the two ends know it.
//!
//! **Lock** the tables, while the pairs are made. They own their strings, so the caller formats
//! them after it has unlocked the tables.
//!
//! **Cost** O(n log n) for a list of n pairs, however many sessions there are.
//!
//! **Simplified** the list has no pages. If there are more than n sessions, it shows any n of
//! them.
//!
//! **Source** ours.

use crate::sessions::Sessions;
use crate::sessions::session::Session;

/// A session without its id. The process that opened it is the first in each array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The names of both processes; empty for a process that has ended and that the engine has
    /// forgotten.
    pub names: [String; 2],
    /// The count of messages that each process has yet to receive.
    pub waiting: [u64; 2],
    /// Whether each end is open.
    pub is_open: [bool; 2],
}

impl<W: Clone> Sessions<W> {
    /// Returns at most `most` sessions, in the order of their processes' names. If there are more,
    /// the hash map's order chooses among them.
    pub fn pairs(&self, most: usize) -> Vec<Pair> {
        let name = |number| {
            let name = self.registered.get(&number).map(|process| process.name.to_string());
            name.unwrap_or_default()
        };
        let pair = |session: &Session| {
            let ends = session.ends.each_ref();
            Pair {
                names: ends.map(|end| name(end.process)),
                waiting: ends.map(|end| end.inbox.len() as u64),
                is_open: ends.map(|end| !end.is_closed),
            }
        };
        // The pairs are chosen before they are sorted: to sort all sessions would keep the tables
        // locked for longer, the more sessions there are.
        let mut pairs: Vec<Pair> = self.all.values().take(most).map(pair).collect();
        pairs.sort_unstable_by(|one, other| one.names.cmp(&other.names));
        pairs
    }
}
