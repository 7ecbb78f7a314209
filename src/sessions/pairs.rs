//! Who talks with whom, as others may see it.
//!
//! **Invariants** no id of a session is told: it is the secret of its two ends.
//!
//! **Lock** the tables. **Source** ours.

use crate::sessions::Sessions;
use crate::sessions::session::Session;

/// A session without its id: its opener is the first of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// Who they are.
    pub names: [String; 2],
    /// How many messages each has yet to receive.
    pub waiting: [u64; 2],
    /// Whether each end is open.
    pub is_open: [bool; 2],
}

impl<H: Clone, W: Clone> Sessions<H, W> {
    /// At most `most` sessions, whichever, as others may see them; by the names of their ends.
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
        let mut pairs: Vec<Pair> = self.all.values().take(most).map(pair).collect();
        pairs.sort_unstable_by(|one, other| one.names.cmp(&other.names));
        pairs
    }
}
