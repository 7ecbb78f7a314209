//! The homework's table, made from the turns of the record: counter, client, result.
//!
//! ```text
//!   turns   0..3 A   2..4 B   4..5 A                 as they were recorded
//!   first   0 A  1 A  2 A  2 B  3 B  4 A             the first rows of all
//!   each    0 A  1 A │ 2 B  3 B                      the first 2 of each client
//!   twice   1 A  2 A  2 B  3 B                       4 rows around the first index taken twice
//!   last    3 B  4 A                                 the last 2 of all
//! ```
//!
//! A *turn* is an entry of the record: a range of indices and its client. A thread copies the turns
//! in parts, each under one hold of the draw's lock: 256 turns at most, or for [`Rows::Last`] the
//! last 4096 at most. So no draw waits while a whole long record is copied, or while rows are made.
//!
//! **Invariants**
//!
//! 1. A table never has more than `max_rows` rows.
//! 2. Only [`Rows::Twice`] keeps the turns, because two turns with a common index can stand
//!    anywhere in the record. For [`Rows::Last`] the turns are added from the record's end, the
//!    latest first.
//!
//! **Lock** the draw's for each copy of a part; none while the rows are made.
//!
//! **Simplified** clients go on drawing between two parts. A turn that grows after its part was
//! copied shows only its old indices. A bigger system would read one snapshot of the record.
//!
//! **Source** `loot-box.txt`, the scenario's two tables.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Mutex;

use crate::common::caller::ClientNumber;
use crate::common::lock::lock;
use crate::numbers::commands::{Row, Rows};
use crate::numbers::list::NumberList;
use crate::numbers::record::DrawState;

/// The most turns that are copied under one hold of the lock: 4 KiB of the record. Only
/// [`Rows::Last`] copies up to [`MAX_ROWS`] turns at once.
const TURNS_AT_ONCE: usize = 256;

/// The most rows of one table: 64 KiB in a frame.
const MAX_ROWS: usize = 4096;

/// The record and the list: the source of a table.
pub(super) struct TableSource<'n> {
    /// The record, behind the draw's lock.
    pub state: &'n Mutex<DrawState>,
    /// The list that was drawn from.
    pub list: &'n NumberList,
}

impl TableSource<'_> {
    /// Returns the rows of a table: never more than `MAX_ROWS`. It copies the next part of the
    /// record only if a further turn can add a row.
    pub fn rows(&self, rows: u64, which: Rows) -> Vec<Row> {
        let mut table = TableBuilder::new(rows, which, MAX_ROWS);
        if which == Rows::Last {
            // Each turn has at least one index, so as many turns as rows are enough: one copy of at
            // most 64 KiB of the record.
            let most = usize::try_from(rows).unwrap_or(usize::MAX).min(MAX_ROWS);
            let turns = lock(self.state).last_turns(most);
            // The latest turn is added first, because the table keeps the rows of the latest turns.
            for turn in turns.into_iter().rev() {
                if !table.add(turn, self.list) {
                    break;
                }
            }
            return table.into_rows(self.list);
        }
        let mut from = 0;
        loop {
            let turns = lock(self.state).turns(from, TURNS_AT_ONCE);
            from += turns.len();
            // `all` adds one turn after another, and stops when `add` returns false.
            if turns.is_empty() || !turns.into_iter().all(|turn| table.add(turn, self.list)) {
                return table.into_rows(self.list);
            }
        }
    }
}

/// A table while it is built.
#[derive(Debug)]
pub struct TableBuilder {
    /// The rows that the request asks for; with [`Rows::Each`], of each client.
    wanted: u64,
    which: Rows,
    /// The most rows in all.
    max_rows: usize,
    /// The number of rows of each client so far. [`Rows::First`] counts all rows under 0, which is
    /// the number of no client.
    shown: HashMap<ClientNumber, u64>,
    rows: Vec<Row>,
    /// All turns, for [`Rows::Twice`] alone.
    turns: Vec<(Range<u32>, ClientNumber)>,
}

impl TableBuilder {
    /// Returns an empty table. It will have up to `wanted` rows (with [`Rows::Each`], as many of
    /// each client), and never more than `max_rows` rows in all.
    pub fn new(wanted: u64, which: Rows, max_rows: usize) -> Self {
        let (shown, rows, turns) = (HashMap::new(), Vec::new(), Vec::new());
        Self { wanted, which, max_rows, shown, rows, turns }
    }

    /// Adds the rows of the next turn; for [`Rows::Twice`] it only keeps the turn. Returns false if
    /// no further turn can add a row.
    pub fn add(&mut self, turn: (Range<u32>, ClientNumber), list: &NumberList) -> bool {
        if self.which == Rows::Twice {
            self.turns.push(turn);
            return true;
        }
        let (range, client) = turn;
        if self.which == Rows::Last {
            let wanted = usize::try_from(self.wanted).unwrap_or(usize::MAX).min(self.max_rows);
            let room = wanted - self.rows.len();
            self.rows.extend(range.rev().take(room).map(|counter| row(counter, client, list)));
            return self.rows.len() < wanted;
        }
        // No difference below is negative: a client never gets more than `wanted` rows, and all
        // together never more than `max_rows`.
        let each = self.which == Rows::Each;
        let shown = self.shown.entry(if each { client } else { 0 }).or_default();
        let wanted = usize::try_from(self.wanted - *shown).unwrap_or(usize::MAX);
        let room = wanted.min(self.max_rows - self.rows.len());
        let before = self.rows.len();
        self.rows.extend(range.take(room).map(|counter| row(counter, client, list)));
        *shown += (self.rows.len() - before) as u64;
        self.rows.len() < self.max_rows && (each || *shown < self.wanted)
    }

    /// Returns the rows, in the order of the counter. The sort is stable: the rows of one index
    /// stay in the order in which they were added.
    pub fn into_rows(mut self, list: &NumberList) -> Vec<Row> {
        if self.which == Rows::Twice {
            self.add_around_the_first_taken_twice(list);
        }
        self.rows.sort_by_key(|row| row.counter);
        self.rows
    }

    /// Adds the rows around the least index that two turns have.
    ///
    /// ```text
    ///   sorted by start    0..3   2..4   4..5
    ///   end so far            3      4               2 < 3: index 2 was taken twice
    /// ```
    ///
    /// A turn that begins before the greatest end so far overlaps an earlier turn. In the order of
    /// the starts, the first turn of this kind begins at the least index that two turns have. The
    /// sort takes O(n log n) time; a comparison of all pairs of turns would take O(n²).
    fn add_around_the_first_taken_twice(&mut self, list: &NumberList) {
        let mut turns = std::mem::take(&mut self.turns);
        turns.sort_by_key(|(range, _)| range.start);
        let mut end = 0;
        let twice = turns.iter().find(|(range, _)| {
            let overlaps = range.start < end;
            end = end.max(range.end);
            overlaps
        });
        let Some((Range { start: twice, .. }, _)) = twice else { return };
        let wanted = usize::try_from(self.wanted).unwrap_or(usize::MAX).min(self.max_rows);
        // The rows begin before the index that was taken twice, a third of `wanted` earlier.
        let from = twice.saturating_sub(u32::try_from(wanted / 3).unwrap_or(u32::MAX));
        let until = from.saturating_add(u32::try_from(wanted).unwrap_or(u32::MAX));
        for (range, client) in turns.iter().take_while(|(range, _)| range.start < until) {
            let part = range.start.max(from)..range.end.min(until);
            self.rows.extend(part.map(|counter| row(counter, *client, list)));
            // Many clients can have the same indices. This cut keeps the memory small: there are
            // never more than 3 × `wanted` rows.
            if self.rows.len() > 2 * wanted {
                self.keep_first(wanted);
            }
        }
        self.keep_first(wanted);
    }

    /// Sorts the rows by their index, and keeps only the first `wanted` rows.
    fn keep_first(&mut self, wanted: usize) {
        self.rows.sort_by_key(|row| row.counter);
        self.rows.truncate(wanted);
    }
}

/// Returns the row of an index that `client` took.
fn row(counter: u32, client: ClientNumber, list: &NumberList) -> Row {
    Row { counter, client, result: list.number(counter as usize) }
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
    fn the_table_is_the_homeworks_first_one() {
        let mut state = DrawState::default();
        for client in [1, 1, 1, 2, 1, 2] {
            draw(&mut state, client, 1, 6);
        }
        let list = NumberList::new(vec![5, 19, 228, 665, 7, 11]);
        let homework = [(0, 1, 5), (1, 1, 19), (2, 1, 228), (3, 2, 665), (4, 1, 7), (5, 2, 11)];
        assert_eq!(table(&state, &list, TableBuilder::new(100, Rows::First, 100)), homework);
    }

    /// The table, read two turns at a time.
    fn table(
        state: &DrawState,
        list: &NumberList,
        mut table: TableBuilder,
    ) -> Vec<(u32, u64, u32)> {
        let mut from = 0;
        loop {
            let bite = state.turns(from, 2);
            from += bite.len();
            if bite.is_empty() || !bite.into_iter().all(|turn| table.add(turn, list)) {
                let rows = table.into_rows(list).into_iter();
                return rows.map(|row| (row.counter, row.client, row.result)).collect();
            }
        }
    }

    #[test]
    fn the_table_can_show_the_first_rows_of_each_client() {
        let mut state = DrawState::default();
        for (client, count) in [(1, 3), (2, 2), (1, 2), (3, 1)] {
            draw(&mut state, client, count, 100);
        }
        let list = NumberList::new((100..200).collect());
        let shown = |wanted, which, most| {
            let rows = table(&state, &list, TableBuilder::new(wanted, which, most));
            rows.into_iter().map(|(counter, client, _)| (counter, client)).collect::<Vec<_>>()
        };
        assert_eq!(shown(2, Rows::First, 9), [(0, 1), (1, 1)]);
        assert_eq!(shown(4, Rows::First, 9), [(0, 1), (1, 1), (2, 1), (3, 2)]);
        assert_eq!(shown(2, Rows::Each, 9), [(0, 1), (1, 1), (3, 2), (4, 2), (7, 3)]);
        assert_eq!(shown(2, Rows::Each, 3), [(0, 1), (1, 1), (3, 2)]);
        assert_eq!(shown(u64::MAX, Rows::First, 99).len(), 8);
        assert_eq!(shown(0, Rows::Each, 9), []);
    }

    #[test]
    fn the_last_rows_come_from_the_end() {
        let list = NumberList::new((100..200).collect());
        let mut state = DrawState::default();
        for (client, count) in [(1, 3), (2, 2), (1, 2), (3, 1)] {
            draw(&mut state, client, count, 100);
        }
        let shown = |wanted, most| {
            let mut table = TableBuilder::new(wanted, Rows::Last, most);
            let turns = state.last_turns(10).into_iter();
            let _ = turns.rev().try_for_each(|turn| table.add(turn, &list).then_some(()));
            let rows = table.into_rows(&list).into_iter();
            rows.map(|row| (row.counter, row.client)).collect::<Vec<_>>()
        };
        assert_eq!(shown(2, 9), [(6, 1), (7, 3)]);
        assert_eq!(shown(4, 9), [(4, 2), (5, 1), (6, 1), (7, 3)]);
        assert_eq!(shown(u64::MAX, 3), [(5, 1), (6, 1), (7, 3)]);
        assert_eq!(shown(99, 99).len(), 8);
        assert_eq!(shown(0, 9), []);
    }

    #[test]
    fn what_was_taken_twice_is_shown_with_what_stands_around_it() {
        let list = NumberList::new((100..1100).collect());
        let shown = |turns: &[(Range<u32>, u64)], wanted| {
            let mut state = DrawState::default();
            for (range, client) in turns {
                state.record(*client, range.clone(), 1000);
            }
            let rows = table(&state, &list, TableBuilder::new(wanted, Rows::Twice, 12));
            rows.into_iter().map(|(counter, client, _)| (counter, client)).collect::<Vec<_>>()
        };
        // The homework's second table, as its results have it.
        let homework = [(0..3, 1), (2..3, 2), (3..4, 1), (4..5, 2)];
        assert_eq!(shown(&homework, 6), [(0, 1), (1, 1), (2, 1), (2, 2), (3, 1), (4, 2)]);
        let late = [(0..500, 1), (400..401, 2), (500..600, 2)];
        assert_eq!(shown(&late, 4), [(399, 1), (400, 1), (400, 2), (401, 1)]);
        assert_eq!(shown(&[(0..9, 1), (9..20, 2)], 6), [], "no number twice");
        assert_eq!(shown(&late, u64::MAX).len(), 12);
        assert_eq!(shown(&late, 0), []);
        assert_eq!(shown(&[], 6), []);
    }

    #[test]
    fn an_index_that_many_took_is_shown_for_each() {
        let list = NumberList::new((1..=100).collect());
        let mut state = DrawState::default();
        for client in [7, 8, 9, 10] {
            state.record(client, 50..60, 100);
        }
        let rows = table(&state, &list, TableBuilder::new(6, Rows::Twice, 100));
        let expected = [(50, 7), (50, 8), (50, 9), (50, 10), (51, 7), (51, 8)];
        assert_eq!(rows.iter().map(|row| (row.0, row.1)).collect::<Vec<_>>(), expected);
    }
}
