//! Pools, accounts and debts, printed like a bank statement; lists, printed as tables.
//!
//! ```text
//!   pool                   size         free     freeable    given out
//!   committed            524352       523328            0         1024
//! ```
//!
//! Chapter 5 has the words. A *pool* is a share of the memory for certain reasons. A process *owes*
//! a pool the bytes that it got from there; a loan is *secured* by garbage that the process could
//! return, its *freeable* bytes. *Pressure* is the share of the time in which processes waited for
//! memory.
//!
//! **Invariants** while numbers have at most twelve digits, no line of a statement is longer than
//! 80 columns, and each sum stands under its column. (A list is as wide as its values.)
//!
//! **Lock** none: plain values. The server reads the pools, and the debts of one process, at one
//! moment. It reads accounts in parts, so a sum over many accounts may mix two moments.
//!
//! **Source** ours; the pools are those of `cooperative-memory-management.txt`, figure 7A.

use std::fmt::Write;

use crate::cli::client::printable;
use crate::commands::Reply;
use crate::cooperative::commands::Debts;
use crate::cooperative::words::{Account, Amounts, Pool, PoolState, Pressure};
use crate::server::lists::Listing;

/// The width of a label, in columns. A label and five numbers, each after a space, have
/// 14 + 5 × (1 + 12) = 79 columns.
const LABEL: usize = 14;
/// The width of a number, in columns: twelve digits are enough for almost a terabyte.
const NUMBER: usize = 12;

/// Returns the statement of a reply; `None` for a reply of another kind.
pub fn statement_of(reply: &Reply<'_>) -> Option<String> {
    match reply {
        Reply::Pools(statement) => Some(of_pools(&statement.pools, &statement.pressure)),
        Reply::Accounts(accounts) => Some(of_accounts(accounts)),
        Reply::Owed(debts) => Some(of_debts(debts)),
        Reply::List(listing) => Some(of_listing(listing)),
        _ => None,
    }
}

/// Appends one line: a label on the left, cells on the right.
fn row(text: &mut String, label: &str, cells: impl IntoIterator<Item = impl ToString>) {
    // Writing to a string cannot fail.
    let _ = write!(text, "{label:LABEL$}");
    for cell in cells {
        let _ = write!(text, " {:>NUMBER$}", cell.to_string());
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
}

/// Returns the statement of all pools, with their sum and the pressure.
fn of_pools(pools: &[PoolState], pressure: &Pressure) -> String {
    let mut text = String::new();
    row(&mut text, "pool", ["size", "free", "freeable", "given out"]);
    let mut sum = [0; 4];
    for &PoolState { pool, size, free, freeable } in pools {
        // The figures may come from any server: if `free` is larger than `size`, the result is 0,
        // and not a panic.
        let cells = [size, free, freeable, size.saturating_sub(free)];
        sum.iter_mut()
            .zip(cells)
            .for_each(|(sum, cell): (&mut u64, u64)| *sum = sum.saturating_add(cell));
        row(&mut text, pool.word(), cells);
    }
    row(&mut text, "sum", sum);
    // The pressure comes in hundredths of a percent: 5 is 0.05 %.
    let share = |share: u32| format!("{}.{:02} %", share / 100, share % 100);
    text.push('\n');
    row(&mut text, "pressure", ["last 10 s", "last 60 s"]);
    row(&mut text, "some waited", [pressure.some_10, pressure.some_60].map(share));
    row(&mut text, "all waited", [pressure.all_10, pressure.all_60].map(share));
    text
}

/// Returns the statement of each process, and the sum of all.
fn of_accounts(accounts: &[Account]) -> String {
    let mut text = String::new();
    // The bytes that all processes hold, and those that they owe.
    let mut sum = [Amounts::default(); 2];
    for account in accounts {
        let Account { name, freeable, secured, asked, obeyed, .. } = account;
        let efficiency =
            account.efficiency.map_or("unknown".to_string(), |percent| format!("{percent} %"));
        let name = printable(name);
        let _ = writeln!(text, "{name}\n  {freeable} freeable, {secured} secure loans");
        let _ = writeln!(text, "  efficiency {efficiency}, asked {asked} times, obeyed {obeyed}");
        row(&mut text, "", Pool::ALL.map(Pool::word));
        for (label, amounts) in
            [("  holds", account.holds), ("  owes", account.owes), ("  may owe", account.may)]
        {
            row(&mut text, label, Pool::ALL.map(|pool| amounts[pool]));
        }
        text.push('\n');
        // The figures may come from any server: a sum that does not fit stays at the greatest
        // number.
        for (sum, amounts) in sum.iter_mut().zip([account.holds, account.owes]) {
            *sum = Amounts::each(|pool| sum[pool].saturating_add(amounts[pool]));
        }
    }
    let count = accounts.len();
    row(&mut text, &format!("all {count}"), Pool::ALL.map(Pool::word));
    row(&mut text, "  hold", Pool::ALL.map(|pool| sum[0][pool]));
    row(&mut text, "  owe", Pool::ALL.map(|pool| sum[1][pool]));
    text
}

/// Returns the statement of the bytes that one process owes to each pool. If some of these debts
/// come from requests with the reason `pause`, a last line has their sum.
fn of_debts(debts: &Debts) -> String {
    let mut text = String::new();
    row(&mut text, "pool", Pool::ALL.map(Pool::word));
    row(&mut text, "owed", Pool::ALL.map(|pool| debts.amounts[pool]));
    if debts.pause > 0 {
        row(&mut text, "for a pause", [debts.pause]);
    }
    text
}

/// Returns a list as a table. Each column is as wide as its widest value. If the server has more
/// rows than it sent, a last line says so.
fn of_listing(listing: &Listing) -> String {
    let Listing { what, total, columns, rows } = listing;
    let head: Vec<String> = columns.iter().map(|column| printable(column)).collect();
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|value| printable(value)).collect()).collect();
    // A closure, because the lines are needed twice: to measure them, and to print them.
    let lines = || std::iter::once(&head).chain(&rows);
    let wide =
        |at: usize| lines().filter_map(|row| row.get(at)).map(|value| value.chars().count()).max();
    let wide: Vec<usize> = (0..head.len()).map(|at| wide(at).unwrap_or(0)).collect();
    let mut text = String::new();
    for line in lines() {
        let cells = line.iter().zip(&wide).map(|(value, &wide)| format!("{value:>wide$}"));
        text += &cells.collect::<Vec<_>>().join("  ");
        text.push('\n');
    }
    if *total != rows.len() as u64 {
        let _ = writeln!(text, "{} of {total} {}", rows.len(), what.word());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::lists::Listed;

    #[test]
    fn a_list_is_a_table_and_says_when_there_is_more() {
        let listing = Listing {
            what: Listed::Connections,
            total: 7,
            columns: vec!["client".into(), "process".into()],
            rows: vec![vec!["1".into(), "\u{1b}[2J".into()], vec!["12345678".into(), "bob".into()]],
        };
        let text = statement_of(&Reply::List(listing.into())).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "  client    process");
        assert!(lines[2].ends_with("bob") && lines[3] == "2 of 7 connections", "{text}");
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }

    #[test]
    fn a_statement_fits_80_columns_and_sums_up() {
        let size = 99 << 30;
        let pools = Pool::ALL.map(|pool| PoolState { pool, size, free: 2, freeable: 3 });
        let pressure = Pressure { some_10: 10_000, some_60: 5, ..Pressure::default() };
        let text = of_pools(&pools, &pressure);
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
        assert!(text.contains(&(5 * size).to_string()) && text.contains("0.05 %"), "{text}");
        let most = Amounts::each(|_| size);
        let account = Account {
            name: "n".repeat(32),
            freeable: size,
            secured: size,
            efficiency: Some(100),
            asked: 12,
            obeyed: 11,
            holds: most,
            owes: most,
            may: most,
        };
        let text = of_accounts(&[account.clone(), account.clone()]);
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
        assert!(text.contains("all 2") && text.contains(&(2 * size).to_string()), "{text}");
        assert!(of_debts(&Debts { amounts: most, pause: size }).contains("owed"));
        let hostile = Amounts::each(|pool| if pool == Pool::Committed { u64::MAX } else { 0 });
        let account = Account { name: "\u{1b}[2J".into(), holds: hostile, ..account };
        let text = of_accounts(&[account.clone(), account]);
        assert!(!text.contains('\u{1b}') && text.contains(&u64::MAX.to_string()), "{text}");
    }
}
