//! The state of the draw: the counter, who took which indices, and how many never arrived.
//!
//! ```text
//!   counter                       ▲               the next index
//!   turns     0:A       3:B  4:A  5:B             who took from which index on
//! ```
//!
//! **Invariants**, of all but [`Locking::None`](super::draw::Locking::None)
//!
//! 1. Every index below the counter was taken exactly once; `turns` says by whom.
//! 2. `turns` has an entry only where the drawer changes, so it never has more entries than the
//!    list has numbers. Without the lock that is a bound of its own.
//!
//! **Lock** the draw, around [`DrawState`]. Without locking it guards the record alone.
//!
//! **Simplified** the record lives in memory and ends with the process.
//!
//! **Source** `loot-box.txt`: its tables name the thread that got each number.

use std::cell::Cell;
use std::ops::Range;

use crate::common::caller::ClientNumber;
use crate::numbers::draw::Counter;

/// The data behind the draw's lock.
#[derive(Debug, Default)]
pub struct DrawState {
    /// The index of the next number.
    pub(super) counter: Cell<u32>,
    turns: Vec<Turn>,
    undelivered: u64,
}

/// `client` drew from `first` to before `end`.
#[derive(Debug, Clone, Copy)]
struct Turn {
    first: u32,
    end: u32,
    client: ClientNumber,
}

impl DrawState {
    /// Notes who took what of a list of `length`.
    pub fn record(&mut self, client: ClientNumber, taken: Range<u32>, length: u32) {
        let (first, end) = (taken.start, taken.end);
        let last = self.turns.last_mut();
        if let Some(last) = last.filter(|last| last.client == client && last.end == first) {
            last.end = end;
        } else if first < end && self.turns.len() < length as usize {
            self.turns.push(Turn { first, end, client });
        }
    }

    /// How many numbers have gone out under the lock.
    pub fn drawn(&self) -> u32 {
        self.counter.load()
    }

    /// How many numbers went to clients that were gone before their reply was written.
    pub fn undelivered(&self) -> u64 {
        self.undelivered
    }

    /// Counts numbers of a client that was gone; they are not put back.
    pub fn add_undelivered(&mut self, count: u64) {
        self.undelivered = self.undelivered.saturating_add(count);
    }

    /// The last turns, up to `most` of them.
    pub fn last_turns(&self, most: usize) -> Vec<(Range<u32>, ClientNumber)> {
        self.turns(self.turns.len().saturating_sub(most), most)
    }

    /// Up to `most` turns from the `from`th on: which indices, and who drew them.
    pub fn turns(&self, from: usize, most: usize) -> Vec<(Range<u32>, ClientNumber)> {
        let turns = self.turns.iter().skip(from).take(most);
        turns.map(|turn| (turn.first..turn.end, turn.client)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers::draw::take;

    /// Draws under the lock, of a list of `length`.
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
        assert_eq!(state.turns(0, 9), [(0..4, 1), (2..5, 1)]);
    }
}
