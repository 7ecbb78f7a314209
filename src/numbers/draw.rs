//! The draw: a counter over an immutable shuffled list.
//!
//! ```text
//!   list      5   19  228  665   7   11  …        immutable, read without a lock
//!   counter                       ▲               under the lock
//!   turns     0:A       3:B  4:A  5:B             who took from which index on
//! ```
//!
//! [`take`] is the whole of it: load the counter, add, store it back. Done by two
//! threads at once without a lock, both load the same value and both go away with
//! the same numbers; that is the race of the homework. So the counter is loaded and
//! stored through [`Counter`], and never with one atomic step: the lock is the lesson.
//!
//! **Invariants**, of all but [`Locking::None`]
//!
//! 1. `counter <= list.len()`, and it never falls.
//! 2. Every index below the counter was taken exactly once; `turns` says by whom.
//! 3. `turns` holds an entry only where the drawer changes, so it never has more
//!    entries than the list has numbers. Without the lock that is a bound of its own.
//!
//! **Lock** the draw, around [`DrawState`]. Under it a draw is a few additions and at
//! most one push; numbers are looked up, and tables made, after it was let go.
//! [`Locking::None`] takes from a counter outside of it, and the lock then guards the
//! record alone.
//!
//! **Simplified** the record lives in memory and ends with the process.
//!
//! **Source** `loot-box.txt`, the specification and both of its tables.

use std::cell::Cell;
use std::ops::Range;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use crate::message::ClientNumber;
use crate::numbers::list::{NumberList, Taken};

/// What a draw needs of its counter. Two separate steps, on purpose.
pub trait Counter {
    /// The index of the next number.
    fn load(&self) -> u32;
    /// Puts the counter where it shall be.
    fn store(&self, index: u32);
}

/// The counter behind a lock: nothing but a number.
impl Counter for Cell<u32> {
    fn load(&self) -> u32 {
        self.get()
    }

    fn store(&self, index: u32) {
        self.set(index);
    }
}

/// Takes up to `count` indices of a list of `length`: fewer when fewer are left, an
/// empty range when none is. Correct only if nobody else takes from load to store.
pub fn take<C: Counter>(counter: &C, count: u64, length: u32) -> Range<u32> {
    let first = counter.load();
    let left = length.saturating_sub(first);
    let taken = u32::try_from(count).unwrap_or(u32::MAX).min(left);
    let end = first + taken;
    counter.store(end);
    first..end
}

/// What the lock is held for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locking {
    /// A whole request.
    Request,
    /// One number: requests interleave.
    Number,
    /// Nothing, number by number: the race.
    None,
}

impl Locking {
    /// The word of the command line and of `stats`.
    pub fn word(self) -> &'static str {
        match self {
            Locking::Request => "request",
            Locking::Number => "number",
            Locking::None => "none",
        }
    }
}

/// Draws up to `count` numbers as `locking` says. `locked` takes so many under the lock,
/// `unlocked` one without it; both answer an empty range when none is left.
#[inline]
pub fn draw(
    list: &NumberList,
    locking: Locking,
    count: u64,
    mut locked: impl FnMut(u64) -> Range<u32>,
    unlocked: impl FnMut() -> Range<u32>,
) -> Taken<'_> {
    match locking {
        Locking::Request => Taken::new(list, locked(count)),
        Locking::Number => one_by_one(list, count, || locked(1)),
        Locking::None => one_by_one(list, count, unlocked),
    }
}

fn one_by_one(
    list: &NumberList,
    count: u64,
    mut take_one: impl FnMut() -> Range<u32>,
) -> Taken<'_> {
    let mut drawn = Taken::new(list, take_one());
    let mut left = if drawn.is_empty() { 0 } else { count - 1 };
    while left > 0 {
        let taken = take_one();
        if taken.is_empty() {
            break;
        }
        drawn.add(taken);
        left -= 1;
    }
    drawn
}

/// The numbers 1 to `count` in an order that `seed` repeats, or in one from the
/// system's randomness.
pub fn shuffled(count: u32, seed: Option<u64>) -> NumberList {
    let mut numbers: Vec<u32> = (1..=count).collect();
    let mut rng = match seed {
        Some(seed) => StdRng::seed_from_u64(seed),
        None => rand::make_rng(),
    };
    numbers.shuffle(&mut rng);
    NumberList::new(numbers)
}

/// All that the draw's lock guards.
#[derive(Debug, Default)]
pub struct DrawState {
    counter: Cell<u32>,
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
    /// Draws up to `count` numbers of a list of `length` for `client`.
    pub fn draw(&mut self, client: ClientNumber, count: u64, length: u32) -> Range<u32> {
        let taken = take(&self.counter, count, length);
        self.record(client, taken.clone(), length);
        taken
    }

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

    #[test]
    fn the_list_holds_every_number_once_and_is_shuffled() {
        let list = shuffled(1000, Some(7));
        let mut numbers: Vec<u32> = (0..1000).map(|index| list.number(index)).collect();
        assert_ne!(numbers, (1..=1000).collect::<Vec<_>>());
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=1000).collect::<Vec<_>>());
    }

    #[test]
    fn a_seed_repeats_the_order_and_another_does_not() {
        let order = |seed| {
            let list = shuffled(100, seed);
            (0..100).map(|index| list.number(index)).collect::<Vec<_>>()
        };
        assert_eq!(order(Some(1)), order(Some(1)));
        assert_ne!(order(Some(1)), order(Some(2)));
        assert_ne!(order(None), order(None));
    }

    #[test]
    fn a_draw_gives_what_is_left_and_then_nothing() {
        let mut state = DrawState::default();
        assert_eq!(state.draw(1, 4, 6), 0..4);
        assert_eq!(state.draw(2, u64::MAX, 6), 4..6);
        assert_eq!(state.draw(1, 1, 6), 6..6);
        assert_eq!(state.drawn(), 6);
    }

    #[test]
    fn a_drained_list_is_asked_once() {
        let list = shuffled(2, None);
        for (left, asked) in [(0, 1), (1, 2), (2, 3)] {
            let (mut times, mut next) = (0, 2 - left);
            let take_one = || {
                times += 1;
                let first = next;
                next = (next + 1).min(2);
                first..next
            };
            let drawn = draw(&list, Locking::None, 9, |_| 0..0, take_one);
            assert_eq!((drawn.count(), times), (u64::from(left), asked));
        }
    }

    #[test]
    fn the_record_grows_only_when_the_drawer_changes() {
        let mut state = DrawState::default();
        for _ in 0..1000 {
            state.draw(1, 1, 2000);
        }
        assert_eq!(state.turns.len(), 1);
        for client in 0..10_000 {
            state.draw(client, 1, 2000);
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
