//! `leasebox check --history`: judges a recorded history, without a server.
//!
//! ```text
//!   $ leasebox check --history history.txt
//!   4 requests of 2 clients, 6 numbers
//!   no number came twice
//!   one counter: yes; the order follows from the record, 5 19 228 665 7 11
//! ```
//!
//! *One counter* explains a record if a server that takes the next numbers of one list for each
//! request, one request after another, can have given these replies at these times.
//!
//! | exit | when |
//! | --- | --- |
//! | 0 | no fault; perhaps the order of the list cannot be decided |
//! | 1 | a number came twice, or is outside the list, or no counter explains the record; with `--drained`, a number is missing |
//! | 2 | a file cannot be read, or is no history |
//!
//! **Invariants** Each finding names the lines of the file that show it. Missing numbers stand on
//! no line, and of many findings of one kind only the first ten are named.
//!
//! **Lock** none. **Source** [`history`] for the file and for what can be inferred.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use crate::cli::read_file;
use crate::lab::grader::judgement::{contradiction, strength};
use crate::lab::grader::ledger::{Ledger, Operation};
use crate::lab::history::{self, OrderFound, infer};

/// The most findings of one kind, and the most numbers of an order, that are shown.
const MOST_SHOWN: usize = 10;

/// Reads the history. Returns the report, and whether it found no fault. `order` is the list in its
/// order, if it is known.
///
/// # Errors
/// Fails with one line if the file cannot be read, or is no history.
pub(super) fn report(
    file: &Path,
    max: u32,
    drained: bool,
    order: Option<&[u32]>,
) -> Result<(String, bool), String> {
    let text = read_file(file, "name a history")?;
    let shown = file.display();
    let lines = history::read(&String::from_utf8_lossy(&text))
        .map_err(|why| format!("{shown}, {why}; a line is: client start end count numbers"))?;
    if lines.is_empty() {
        return Err(format!("{shown} has no request"));
    }
    let (lines, operations): (Vec<usize>, Vec<Operation>) = lines.into_iter().unzip();
    // 0: there are no numbers that were asked for before the record.
    let mut ledger = Ledger::new(max, 0);
    operations.into_iter().for_each(|operation| ledger.add(operation));
    Ok(Judged { lines: &lines, ledger: &ledger, order }.report(drained))
}

/// Returns the first [`MOST_SHOWN`] lines, and a last line with the count of the others, if there
/// are more. `kind` is the word for all of them.
fn first_of(lines: impl ExactSizeIterator<Item = String>, kind: &str) -> Vec<String> {
    let more = lines.len().saturating_sub(MOST_SHOWN);
    let more = (more > 0).then(|| format!("… and {more} more {kind}"));
    lines.take(MOST_SHOWN).chain(more).collect()
}

/// A history, and all that its report needs.
struct Judged<'j> {
    /// The number of the file's line that holds each operation.
    lines: &'j [usize],
    ledger: &'j Ledger,
    /// The server's list in its order, if the user knows it.
    order: Option<&'j [u32]>,
}

impl Judged<'_> {
    /// Returns the report, and whether it found no fault: `tell(false, …)` adds the line of a
    /// fault. The last line has the narrowest race window that would have shown itself, because
    /// without a fault a record with few overlaps proves little.
    fn report(&self, drained: bool) -> (String, bool) {
        let ledger = self.ledger;
        let mut text = self.summary();
        let mut is_well = true;
        let mut tell = |well: bool, line: String| {
            let _ = writeln!(text, "{line}");
            is_well &= well;
        };
        for line in self.duplicates() {
            tell(false, line);
        }
        if ledger.duplicates.is_empty() {
            tell(true, "no number came twice".to_string());
        }
        for line in self.out_of_range() {
            tell(false, line);
        }
        if drained && ledger.missing() > 0 {
            let some: Vec<String> =
                ledger.missing_numbers(MOST_SHOWN).iter().map(usize::to_string).collect();
            tell(false, format!("{} never came, such as {}", ledger.missing(), some.join(", ")));
        }
        let (well, line) = self.one_counter();
        tell(well, line);
        let strength = strength(&ledger.operations);
        if let Some(window) = strength.window {
            let pairs = strength.pairs;
            tell(
                true,
                format!(
                    "{pairs} pairs of requests overlapped; a race window of {window:.1?} or more \
                     would have shown itself with 99 %"
                ),
            );
        }
        (text, is_well)
    }

    /// Returns the first line of the report, which says how large the record is.
    fn summary(&self) -> String {
        let operations = &self.ledger.operations;
        let clients: BTreeSet<usize> = operations.iter().map(|o| o.client).collect();
        let (requests, clients) = (operations.len(), clients.len());
        format!("{requests} requests of {clients} clients, {} numbers\n", self.ledger.received())
    }

    /// Returns a line for each of the first duplicates.
    fn duplicates(&self) -> Vec<String> {
        let of = |at: usize| self.lines[at];
        let lines = self.ledger.duplicates.iter().map(|d| {
            format!("duplicate {}: line {}, line {}", d.number, of(d.before), of(d.again))
        });
        first_of(lines, "duplicates")
    }

    /// The same for numbers outside the list.
    fn out_of_range(&self) -> Vec<String> {
        let lines = self.ledger.out_of_range.iter();
        let lines =
            lines.map(|(number, at)| format!("out of range {number}: line {}", self.lines[*at]));
        first_of(lines, "out of range")
    }

    /// Returns the line on whether one counter explains the record, and `false` if no counter can.
    /// A record that cannot be decided is no fault, so it has `true`.
    fn one_counter(&self) -> (bool, String) {
        let of = |at: usize| self.lines[at];
        if !self.ledger.duplicates.is_empty() {
            return (true, "one counter: not judged, because numbers came twice".to_string());
        }
        let operations = &self.ledger.operations;
        if let Some(found) = self.order.and_then(|order| contradiction(operations, order)) {
            // Two requests, each with an index of the list: `over` had ended when `later` began,
            // but has the greater index.
            let (over, later) = (found.over, found.later);
            let line = format!(
                "one counter: no; line {} got index {}, and line {}, which began after its end, \
                 index {}",
                of(over.0),
                over.1,
                of(later.0),
                later.1
            );
            return (false, line);
        }
        self.inferred()
    }

    /// Returns the same as [`Judged::one_counter`], from the record alone. If the order is known,
    /// the record does not contradict it, but one fault can remain: the list was at its end, and a
    /// later request got numbers.
    fn inferred(&self) -> (bool, String) {
        let of = |at: usize| self.lines[at];
        // `true`: in a history, a reply with too few numbers always means the end of the list.
        match infer(&self.ledger.operations, true) {
            OrderFound::None(short, later) => {
                let (short, later) = (of(short), of(later));
                let line = format!(
                    "one counter: no; line {short} found the list at its end, and line {later}, \
                     which began after that, got numbers"
                );
                (false, line)
            }
            _ if self.order.is_some() => {
                (true, "one counter: yes, in the order that was given".to_string())
            }
            OrderFound::One(order) if order.is_empty() => {
                (true, "one counter: yes, it gave nothing".to_string())
            }
            OrderFound::One(order) => {
                let some: Vec<String> = order.iter().take(MOST_SHOWN).map(u64::to_string).collect();
                let more = if order.len() > MOST_SHOWN { " …" } else { "" };
                let some = some.join(" ");
                (true, format!("one counter: yes; the order follows from the record, {some}{more}"))
            }
            OrderFound::Several(one, other) => {
                let (one, other) = (of(one), of(other));
                let line = format!(
                    "one counter: not decidable; lines {one} and {other} overlapped, so two orders \
                     remain; give --order or --seed"
                );
                (true, line)
            }
        }
    }
}
