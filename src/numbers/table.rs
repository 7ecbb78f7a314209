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
//! 1. A table never has more than `MAX_ROWS` rows.
//! 2. Only [`Rows::Twice`] keeps the turns, because two turns with a common index can stand
//!    anywhere in the record. For [`Rows::Last`] the turns come from the record's end, the latest
//!    first.
//!
//! **Lock** the draw's for each copy of a part; none while the rows are made.
//!
//! **Simplified** clients go on drawing between two parts. A turn that grows after its part was
//! copied shows only its old indices. A bigger system would read one snapshot of the record.
//!
//! **Source** `loot-box.txt`, the scenario's two tables.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::common::caller::ClientNumber;
use crate::common::lock::lock;
use crate::numbers::commands::{Row, Rows};
use crate::numbers::list::NumberList;
use crate::numbers::record::{DrawState, Turn};

/// The most turns that are copied under one hold of the lock: 4 KiB of the record. Only
/// [`Rows::Last`] copies up to [`MAX_ROWS`] turns at once.
const TURNS_AT_ONCE: usize = 256;

/// The most rows of one table: 64 KiB in a frame.
const MAX_ROWS: usize = 4096;

/// Returns the rows of a table: at most `wanted` (with [`Rows::Each`], of each client), and never
/// more than [`MAX_ROWS`]. The next part of the record is copied only if a further turn can add a
/// row.
pub(super) fn table(
    state: &Mutex<DrawState>,
    list: &NumberList,
    wanted: u64,
    which: Rows,
) -> Vec<Row> {
    let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
    if which == Rows::Last {
        // Each turn has at least one index, so as many turns as rows are enough: one copy of at
        // most 64 KiB of the record.
        let turns = lock(state).last_turns(wanted.min(MAX_ROWS));
        return rows(turns.into_iter().rev(), list, wanted, which, MAX_ROWS);
    }
    let turns = in_parts(|from| lock(state).turns(from, TURNS_AT_ONCE));
    rows(turns, list, wanted, which, MAX_ROWS)
}

/// Returns all turns of the record, one after another. `part(from)` copies some of them, from the
/// `from`th on, and is called only when the turns before are used up.
fn in_parts(mut part: impl FnMut(usize) -> Vec<Turn>) -> impl Iterator<Item = Turn> {
    let mut from = 0;
    let next = move || {
        let turns = part(from);
        from += turns.len();
        (!turns.is_empty()).then_some(turns)
    };
    std::iter::from_fn(next).flatten()
}

/// Returns the rows of these turns, in the order of the counter: up to `wanted` (with
/// [`Rows::Each`], as many of each client), and never more than `most` in all. For [`Rows::Last`]
/// the latest turn comes first. The sort is stable: the rows of one index stay in the order in
/// which they were added.
fn rows(
    turns: impl Iterator<Item = Turn>,
    list: &NumberList,
    wanted: usize,
    which: Rows,
    most: usize,
) -> Vec<Row> {
    let rows_of =
        |turn: Turn| (turn.first..turn.end).map(move |counter| row(counter, turn.client, list));
    let of_all = wanted.min(most);
    let mut rows: Vec<Row> = match which {
        Rows::First => turns.flat_map(rows_of).take(of_all).collect(),
        Rows::Last => turns.flat_map(|turn| rows_of(turn).rev()).take(of_all).collect(),
        Rows::Each => {
            // The number of rows that each client may still have.
            let mut left_of: HashMap<ClientNumber, usize> = HashMap::new();
            let first_of_each = |turn: Turn| {
                let left = left_of.entry(turn.client).or_insert(wanted);
                let its_rows = rows_of(turn).take(*left);
                *left -= its_rows.len();
                its_rows
            };
            turns.flat_map(first_of_each).take(most).collect()
        }
        Rows::Twice => around_the_first_taken_twice(turns.collect(), list, of_all),
    };
    rows.sort_by_key(|row| row.counter);
    rows
}

/// Returns up to `wanted` rows around the least index that two turns have.
///
/// ```text
///   sorted by start    0..3   2..4   4..5
///   end so far            3      4               2 < 3: index 2 was taken twice
/// ```
///
/// A turn that begins before the greatest end so far overlaps an earlier turn. In the order of the
/// starts, the first turn of this kind begins at the least index that two turns have. The sort
/// takes O(n log n) time; a comparison of all pairs of turns would take O(n²).
fn around_the_first_taken_twice(
    mut turns: Vec<Turn>,
    list: &NumberList,
    wanted: usize,
) -> Vec<Row> {
    turns.sort_by_key(|turn| turn.first);
    let mut end = 0;
    let twice = turns.iter().find(|turn| {
        let overlaps = turn.first < end;
        end = end.max(turn.end);
        overlaps
    });
    let Some(Turn { first: twice, .. }) = twice else { return Vec::new() };
    // The rows begin before the index that was taken twice, a third of `wanted` earlier.
    let from = twice.saturating_sub(u32::try_from(wanted / 3).unwrap_or(u32::MAX));
    let until = from.saturating_add(u32::try_from(wanted).unwrap_or(u32::MAX));
    let mut rows = Vec::new();
    for turn in turns.iter().take_while(|turn| turn.first < until) {
        let part = turn.first.max(from)..turn.end.min(until);
        rows.extend(part.map(|counter| row(counter, turn.client, list)));
        // Many clients can have the same indices. This cut keeps the memory small: there are never
        // more than 3 × `wanted` rows.
        if rows.len() > 2 * wanted {
            keep_first(&mut rows, wanted);
        }
    }
    keep_first(&mut rows, wanted);
    rows
}

/// Sorts the rows by their index, and keeps only the first `wanted` rows.
fn keep_first(rows: &mut Vec<Row>, wanted: usize) {
    rows.sort_by_key(|row| row.counter);
    rows.truncate(wanted);
}

/// Returns the row of an index that `client` took.
fn row(counter: u32, client: ClientNumber, list: &NumberList) -> Row {
    Row { counter, client, result: list.number(counter as usize) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers::draw::take;
    use std::ops::Range;

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
        assert_eq!(table(&state, &list, 100, Rows::First, 100), homework);
    }

    /// The table, read two turns at a time.
    fn table(
        state: &DrawState,
        list: &NumberList,
        wanted: usize,
        which: Rows,
        most: usize,
    ) -> Vec<(u32, u64, u32)> {
        let turns = in_parts(|from| state.turns(from, 2));
        let rows = rows(turns, list, wanted, which, most).into_iter();
        rows.map(|row| (row.counter, row.client, row.result)).collect()
    }

    #[test]
    fn the_table_can_show_the_first_rows_of_each_client() {
        let mut state = DrawState::default();
        for (client, count) in [(1, 3), (2, 2), (1, 2), (3, 1)] {
            draw(&mut state, client, count, 100);
        }
        let list = NumberList::new((100..200).collect());
        let shown = |wanted, which, most| {
            let rows = table(&state, &list, wanted, which, most);
            rows.into_iter().map(|(counter, client, _)| (counter, client)).collect::<Vec<_>>()
        };
        assert_eq!(shown(2, Rows::First, 9), [(0, 1), (1, 1)]);
        assert_eq!(shown(4, Rows::First, 9), [(0, 1), (1, 1), (2, 1), (3, 2)]);
        assert_eq!(shown(2, Rows::Each, 9), [(0, 1), (1, 1), (3, 2), (4, 2), (7, 3)]);
        assert_eq!(shown(2, Rows::Each, 3), [(0, 1), (1, 1), (3, 2)]);
        assert_eq!(shown(usize::MAX, Rows::First, 99).len(), 8);
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
            let turns = state.last_turns(10).into_iter().rev();
            let rows = rows(turns, &list, wanted, Rows::Last, most).into_iter();
            rows.map(|row| (row.counter, row.client)).collect::<Vec<_>>()
        };
        assert_eq!(shown(2, 9), [(6, 1), (7, 3)]);
        assert_eq!(shown(4, 9), [(4, 2), (5, 1), (6, 1), (7, 3)]);
        assert_eq!(shown(usize::MAX, 3), [(5, 1), (6, 1), (7, 3)]);
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
            let rows = table(&state, &list, wanted, Rows::Twice, 12);
            rows.into_iter().map(|(counter, client, _)| (counter, client)).collect::<Vec<_>>()
        };
        // The homework's second table, as its results have it.
        let homework = [(0..3, 1), (2..3, 2), (3..4, 1), (4..5, 2)];
        assert_eq!(shown(&homework, 6), [(0, 1), (1, 1), (2, 1), (2, 2), (3, 1), (4, 2)]);
        let late = [(0..500, 1), (400..401, 2), (500..600, 2)];
        assert_eq!(shown(&late, 4), [(399, 1), (400, 1), (400, 2), (401, 1)]);
        assert_eq!(shown(&[(0..9, 1), (9..20, 2)], 6), [], "no number twice");
        assert_eq!(shown(&late, usize::MAX).len(), 12);
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
        let rows = table(&state, &list, 6, Rows::Twice, 100);
        let expected = [(50, 7), (50, 8), (50, 9), (50, 10), (51, 7), (51, 8)];
        assert_eq!(rows.iter().map(|row| (row.0, row.1)).collect::<Vec<_>>(), expected);
    }
}
