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
//! **Invariants**
//!
//! 1. `counter <= list.len()`, and it never falls.
//! 2. Every index below the counter was taken exactly once; `turns` says by whom.
//! 3. `turns` holds an entry only where the drawer changes, so it never has more
//!    entries than the list has numbers.
//!
//! **Lock** the draw, around [`DrawState`]. Under it a draw is a few additions and at
//! most one push; numbers are looked up, and tables made, after it was let go.
//!
//! **Simplified** the record lives in memory and ends with the process.
//!
//! **Source** `loot-box.txt`, the specification and both of its tables.

use std::cell::Cell;
use std::collections::HashMap;
use std::ops::Range;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use crate::message::numbers::NumberList;
use crate::message::{ClientNumber, Row};

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

/// From `first` on, until the next turn's, `client` drew.
#[derive(Debug, Clone, Copy)]
struct Turn {
    first: u32,
    client: ClientNumber,
}

impl DrawState {
    /// Draws up to `count` numbers of a list of `length` for `client`.
    pub fn draw(&mut self, client: ClientNumber, count: u64, length: u32) -> Range<u32> {
        let taken = take(&self.counter, count, length);
        let goes_on = self.turns.last().is_some_and(|turn| turn.client == client);
        if !goes_on && !taken.is_empty() {
            self.turns.push(Turn { first: taken.start, client });
        }
        taken
    }

    /// How many numbers have gone out.
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

    /// Up to `most` turns from the `from`th on: which indices, and who drew them.
    pub fn turns(&self, from: usize, most: usize) -> Vec<(Range<u32>, ClientNumber)> {
        let turns = self.turns.iter().enumerate().skip(from).take(most);
        let range = |(at, turn): (usize, &Turn)| {
            let end = self.turns.get(at + 1).map_or(self.drawn(), |next| next.first);
            (turn.first..end, turn.client)
        };
        turns.map(range).collect()
    }
}

/// The homework's table, made of turns outside the lock.
#[derive(Debug)]
pub struct Table {
    wanted: u64,
    each_client: bool,
    most: usize,
    shown: HashMap<ClientNumber, u64>,
    rows: Vec<Row>,
}

impl Table {
    /// A table of the first `wanted` rows, or the first `wanted` of each client, in the
    /// order of the counter; never more than `most` rows.
    pub fn new(wanted: u64, each_client: bool, most: usize) -> Self {
        Self { wanted, each_client, most, shown: HashMap::new(), rows: Vec::new() }
    }

    /// Adds the next turn; false once no further one can add a row.
    pub fn add(&mut self, (range, client): (Range<u32>, ClientNumber), list: &NumberList) -> bool {
        let shown = self.shown.entry(if self.each_client { client } else { 0 }).or_default();
        let wanted = usize::try_from(self.wanted - *shown).unwrap_or(usize::MAX);
        let room = wanted.min(self.most - self.rows.len());
        let row = |counter| Row { counter, client, result: list.number(counter as usize) };
        let before = self.rows.len();
        self.rows.extend(range.take(room).map(row));
        *shown += (self.rows.len() - before) as u64;
        self.rows.len() < self.most && (self.each_client || *shown < self.wanted)
    }

    /// The rows so far.
    pub fn into_rows(self) -> Vec<Row> {
        self.rows
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
    fn the_table_is_the_homeworks_first_one() {
        let mut state = DrawState::default();
        for client in [1, 1, 1, 2, 1, 2] {
            state.draw(client, 1, 6);
        }
        let list = NumberList::new(vec![5, 19, 228, 665, 7, 11]);
        let homework = [(0, 1, 5), (1, 1, 19), (2, 1, 228), (3, 2, 665), (4, 1, 7), (5, 2, 11)];
        assert_eq!(table(&state, &list, Table::new(100, false, 100)), homework);
    }

    /// The table, read two turns at a time.
    fn table(state: &DrawState, list: &NumberList, mut table: Table) -> Vec<(u32, u64, u32)> {
        let mut from = 0;
        loop {
            let bite = state.turns(from, 2);
            from += bite.len();
            if bite.is_empty() || !bite.into_iter().all(|turn| table.add(turn, list)) {
                let rows = table.into_rows().into_iter();
                return rows.map(|row| (row.counter, row.client, row.result)).collect();
            }
        }
    }

    #[test]
    fn the_table_can_show_the_first_rows_of_each_client() {
        let mut state = DrawState::default();
        for (client, count) in [(1, 3), (2, 2), (1, 2), (3, 1)] {
            state.draw(client, count, 100);
        }
        let list = NumberList::new((100..200).collect());
        let shown = |wanted, each, most| {
            let rows = table(&state, &list, Table::new(wanted, each, most));
            rows.into_iter().map(|(counter, client, _)| (counter, client)).collect::<Vec<_>>()
        };
        assert_eq!(shown(2, false, 9), [(0, 1), (1, 1)]);
        assert_eq!(shown(4, false, 9), [(0, 1), (1, 1), (2, 1), (3, 2)]);
        assert_eq!(shown(2, true, 9), [(0, 1), (1, 1), (3, 2), (4, 2), (7, 3)]);
        assert_eq!(shown(2, true, 3), [(0, 1), (1, 1), (3, 2)]);
        assert_eq!(shown(u64::MAX, false, 99).len(), 8);
        assert_eq!(shown(0, true, 9), []);
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
}
