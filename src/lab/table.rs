//! The homework's table as text, from the rows of a server's `table` reply or of an explored run.
//!
//! ```text
//!   Counter      0     1     2     3     4     5
//!   Thread       A     A     A     B     A     B
//!   Result       5    19   228   665     7    11
//!   A is client 1, B is client 2
//! ```
//!
//! Each column is one number that was drawn: its index in the list, the client that drew it, and
//! the number. If an index stands in two columns, the race has happened, and a fourth line marks
//! these columns with `^`.
//!
//! **Invariants** no line is longer than 80 columns, if client numbers have at most 8 digits.
//!
//! **Lock** none: plain values.
//!
//! **Source** `loot-box.txt`, the scenario.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;

use crate::common::caller::ClientNumber;
use crate::numbers::commands::Row;

/// The most cells of one line. The label takes 7 columns and each cell 8, so a line has 79 of 80.
const CELLS: usize = 9;

/// The number of letters for clients. Further clients are shown by their numbers.
const LETTERS: usize = 26;

/// Reads the rows of a `table` reply, such as `table 0:7:5 1:7:19`: counter, client and result of
/// each row. Returns `None` for any other reply.
pub fn parse(reply: &str) -> Option<Vec<Row>> {
    let mut words = reply.split_whitespace();
    // Without the word `table` the `?` returns `None`.
    (words.next()? == "table").then_some(())?;
    words.map(parse_row).collect()
}

/// Reads one row, which has exactly three numbers.
fn parse_row(word: &str) -> Option<Row> {
    let mut parts = word.split(':');
    let (counter, client) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let result = parts.next()?.parse().ok()?;
    parts.next().is_none().then_some(Row { counter, client, result })
}

/// Returns the `count` consecutive rows in which the client changes most often: the part of a long
/// table where clients interleave most. A `count` of 0 is taken as 1; if there are fewer rows,
/// returns all.
///
/// The function counts the changes of each `count` rows anew, which takes `rows.len() * count`
/// steps: fast enough for the rows that one reply holds.
pub fn busiest(rows: &[Row], count: usize) -> &[Row] {
    let changes =
        |window: &&[Row]| window.windows(2).filter(|pair| pair[0].client != pair[1].client).count();
    // `max_by_key` returns the last of equal windows. The first one is wanted, so `rev` turns the
    // windows round. `windows` panics for a size of 0, and yields none for a size over
    // `rows.len()`, so `clamp` keeps the size between 1 and that.
    let windows = rows.windows(count.clamp(1, rows.len().max(1)));
    windows.rev().max_by_key(changes).unwrap_or(rows)
}

/// Draws the table of a server's clients, with a letter for each and a key to the letters. The
/// clients get their letters in the order of their numbers. Without rows the text says that there
/// is no such draw.
pub fn render(rows: &[Row]) -> String {
    let clients: Vec<ClientNumber> =
        rows.iter().map(|row| row.client).collect::<BTreeSet<_>>().into_iter().collect();
    let name = |client: ClientNumber| match clients.binary_search(&client) {
        Ok(at) if at < LETTERS => char::from(b'A' + at as u8).to_string(),
        _ => client.to_string(),
    };
    let mut text = render_named(rows, name);
    let key: Vec<String> = clients
        .iter()
        .take(LETTERS)
        .map(|&client| format!("{} is client {client}", name(client)))
        .collect();
    // Three clients, each with a number of 8 digits, fit a line of 80 columns.
    for line in key.chunks(3) {
        let _ = writeln!(text, "{}", line.join(", "));
    }
    if rows.is_empty() {
        text.push_str("there is no such draw\n");
    }
    text
}

/// Draws the table with `name` for each client. Each block has at most 9 rows of `rows` side by
/// side, so no line is over 80 columns if no cell has more than 8 characters.
pub fn render_named(rows: &[Row], name: impl Fn(ClientNumber) -> String) -> String {
    let mut text = String::new();
    // The count is over all rows: the two columns of one index may stand in different blocks.
    let mut times: HashMap<u32, usize> = HashMap::new();
    rows.iter().for_each(|row| *times.entry(row.counter).or_default() += 1);
    for block in rows.chunks(CELLS) {
        push_line(&mut text, "Counter", block.iter().map(|row| row.counter.to_string()));
        push_line(&mut text, "Thread", block.iter().map(|row| name(row.client)));
        push_line(&mut text, "Result", block.iter().map(|row| row.result.to_string()));
        let twice = |row: &Row| times.get(&row.counter).is_some_and(|&times| times > 1);
        if block.iter().any(twice) {
            let mark = |row| if twice(row) { "^".to_string() } else { String::new() };
            let mut marks = String::new();
            push_line(&mut marks, "Twice", block.iter().map(mark));
            text.push_str(marks.trim_end());
            text.push('\n');
        }
        text.push('\n');
    }
    text
}

/// Adds one line: the label, and each cell at the right of its 8 columns.
fn push_line(text: &mut String, label: &str, cells: impl Iterator<Item = String>) {
    let _ = write!(text, "{label:7}");
    for cell in cells {
        let _ = write!(text, "{cell:>8}");
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_homeworks_first_table() {
        let rows = parse("table 0:7:5 1:7:19 2:7:228 3:9:665 4:7:7 5:9:11\n").unwrap();
        let expected = "\
Counter       0       1       2       3       4       5
Thread        A       A       A       B       A       B
Result        5      19     228     665       7      11

A is client 7, B is client 9
";
        assert_eq!(render(&rows), expected);
    }

    #[test]
    fn the_rows_in_which_the_thread_changes_most_are_found() {
        let row = |(counter, client)| Row { counter, client, result: 1 };
        let clients = [1, 1, 1, 1, 2, 1, 2, 2, 2, 1, 2, 1];
        let rows: Vec<Row> = (0..).zip(clients).map(row).collect();
        let counters =
            |count| busiest(&rows, count).iter().map(|row| row.counter).collect::<Vec<_>>();
        assert_eq!(counters(4), [3, 4, 5, 6]);
        assert_eq!(counters(99).len(), 12);
        assert_eq!(counters(0).len(), 1);
        assert_eq!(busiest(&[], 5), []);
    }

    #[test]
    fn what_two_drew_is_marked() {
        let rows = parse("table 0:1:5 1:1:19 2:1:228 2:2:228 3:1:665 4:2:7").unwrap();
        let expected = "\
Counter       0       1       2       2       3       4
Thread        A       A       A       B       A       B
Result        5      19     228     228     665       7
Twice                         ^       ^

A is client 1, B is client 2
";
        assert_eq!(render(&rows), expected);
    }

    #[test]
    fn no_line_is_longer_than_a_terminal() {
        let row = |at: u32| Row {
            counter: 9_999_900 + at,
            client: u64::from(at % 30),
            result: 10_000_000,
        };
        let rows: Vec<Row> = (0..90).map(row).collect();
        assert!(render(&rows).lines().all(|line| line.len() <= 80));
    }

    #[test]
    fn what_is_no_table_is_not_read() {
        for reply in ["", "error busy", "table 1:2", "table 1:2:3:4", "table a:b:c"] {
            assert!(parse(reply).is_none(), "{reply}");
        }
        assert_eq!(parse("table\n"), Some(Vec::new()));
    }
}
