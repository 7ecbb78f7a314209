//! The state of the draw: the counter, the record of the draws, and the count of undelivered
//! numbers.
//!
//! ```text
//!   turns     0:A       3:B  4:A  5:B             the client that took the indices from here on
//!   counter                            ▲ 6        the next index
//! ```
//!
//! **Invariants** (they hold with the lock, and not with
//! [`Locking::None`](super::locking::Locking::None))
//!
//! 1. Every index below the counter was taken exactly once, and `turns` has the client that took
//!    it.
//! 2. `turns` has an entry only where the client changes, and each entry has at least one index. So
//!    there are never more entries than numbers in the list: at 16 bytes an entry, 1.6 MB for
//!    100,000 numbers.
//!
//! Without the lock several entries can have the same index, so invariant 2 does not bound the
//! number of entries. Then [`DrawState::record`] bounds it: when there are as many entries as
//! numbers in the list, it adds no further one.
//!
//! **Lock** the draw's, around [`DrawState`]. With `--no-lock` or `--lab` the draws use another
//! counter ([`crate::numbers::unlocked`]), and the counter here stays at 0.
//!
//! **Simplified** the record lives in memory and ends with the process. A bigger system writes it
//! to a log.
//!
//! **Source** `loot-box.txt`: its tables name the thread that got each number.

use std::cell::Cell;
use std::ops::Range;

use crate::common::caller::ClientNumber;
use crate::numbers::draw::Counter;

/// The data behind the draw's lock.
#[derive(Debug, Default)]
pub struct DrawState {
    /// The index of the next number. A `Cell`, because a [`Counter`] stores through `&self`.
    pub(super) counter: Cell<u32>,
    /// The record, the oldest turn first.
    turns: Vec<Turn>,
    /// The count of drawn numbers that reached no client, as far as the server can tell.
    undelivered: u64,
}

/// A turn: `client` took the indices from `first` up to, but without, `end`.
#[derive(Debug, Clone, Copy)]
pub struct Turn {
    pub(super) first: u32,
    pub(super) end: u32,
    pub(super) client: ClientNumber,
}

impl DrawState {
    /// Records that `client` took the indices `taken` of a list of `length`. If the last turn is
    /// this client's and ends where `taken` starts, that turn grows: `0..3` and then `3..4` become
    /// `0..4`. So a client that draws alone has one turn, however many requests it sends.
    pub fn record(&mut self, client: ClientNumber, taken: Range<u32>, length: u32) {
        let (first, end) = (taken.start, taken.end);
        let last = self.turns.last_mut();
        if let Some(last) = last.filter(|last| last.client == client && last.end == first) {
            last.end = end;
        } else if first < end && self.turns.len() < length as usize {
            // Now and then the push moves the whole vector while the lock is held. Its capacity
            // doubles each time, so a push is O(1) on average.
            self.turns.push(Turn { first, end, client });
        }
    }

    /// Returns the count of numbers that were drawn under the lock: the counter is the next index.
    pub fn drawn(&self) -> u32 {
        self.counter.load()
    }

    /// Returns the count of undelivered numbers.
    pub fn undelivered(&self) -> u64 {
        self.undelivered
    }

    /// Counts numbers as undelivered. They do not go back into the list. The sum saturates, so a
    /// figure for `stats` never makes a draw panic.
    pub fn add_undelivered(&mut self, count: u64) {
        self.undelivered = self.undelivered.saturating_add(count);
    }

    /// Returns the last turns, at most `most`, the oldest of them first.
    pub fn last_turns(&self, most: usize) -> Vec<Turn> {
        self.turns(self.turns.len().saturating_sub(most), most)
    }

    /// Returns at most `most` turns from the `from`th on. It copies them, so that the caller can
    /// unlock before it uses them.
    pub fn turns(&self, from: usize, most: usize) -> Vec<Turn> {
        self.turns.iter().skip(from).take(most).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers::draw::take;

    /// Draws from a list of `length`, as a server with the lock does.
    fn draw(state: &mut DrawState, client: ClientNumber, count: u64, length: u32) {
        let taken = take(&state.counter, count, length);
        state.record(client, taken, length);
    }

    #[test]
    fn the_record_grows_only_when_the_drawer_changes() {
        let mut state = DrawState::default();
        for _ in 0..1000 {
            draw(&mut state, 1, 1, 2000);
        }
        assert_eq!(state.turns.len(), 1);
        for client in 0..10_000 {
            draw(&mut state, client, 1, 2000);
        }
        assert_eq!(state.turns.len(), 1001);
    }

    #[test]
    fn a_record_of_draws_without_the_lock_is_bounded_too() {
        let mut state = DrawState::default();
        for client in 0..100 {
            state.record(client, 0..1, 10);
        }
        assert_eq!(state.turns(0, 100).len(), 10);
    }

    #[test]
    fn a_turn_goes_on_only_where_the_last_one_ended() {
        let mut state = DrawState::default();
        for taken in [0..3, 3..4, 2..3, 3..5] {
            state.record(1, taken, 10);
        }
        let turns = state.turns(0, 9).into_iter();
        let turns: Vec<_> = turns.map(|turn| (turn.first..turn.end, turn.client)).collect();
        assert_eq!(turns, [(0..4, 1), (2..5, 1)]);
    }
}
