//! The gradebook: a table with a row for each submission, in a file that spreadsheets read.
//!
//! ```text
//!   submission,score,verdict,numbers,…,bad-input,seconds,why,started by,files,settings
//!   ali,100,right,10,…,5,62.1,,python3 server.py {port},5f0c2a…,numbers=100000 …
//!   bo,70,wrong,10,…,5,31.7,"1712 went to client 3, and to client 5",…
//! ```
//!
//! | column | what |
//! | --- | --- |
//! | `score` | 0 to 100; empty if the replies were not understood |
//! | `verdict` | [`GradeReport::verdict`], `not started` (its own fault), `not graded` (this machine's: the next grading tries it again) |
//! | a check's key | its points; empty if it was left out or did not run |
//! | `seconds` | the time for building, starting and grading |
//! | `why` | the first warning, or else the first reason of the worst check |
//! | `started by` | the commands that build and start the submission |
//! | `files` | a fingerprint of the submission's files |
//! | `settings` | the options of the grading that can change a score |
//!
//! A grading that was interrupted goes on where it was: a submission whose files and settings are
//! in the table is not graded again.
//!
//! **Invariants**
//!
//! 1. What is written here is read here unchanged.
//! 2. No cell begins with `=`, `+`, `-` or `@`: a spreadsheet would run what a student wrote. Such
//!    a cell gets an apostrophe in front.
//!
//! **Lock** none.
//!
//! **Simplified** The fingerprint finds files that changed. A student who wants two programs with
//! the same fingerprint can make them: FNV-1a is no cryptographic hash.
//!
//! **Source** RFC 4180 for the file; Fowler, Noll and Vo for the fingerprint (FNV-1a, 64 bits);
//! OWASP's page "CSV injection" for the apostrophe.

use crate::lab::grader::report::{Check, CheckOutcome, GradeReport, NOT_GRADED, points};

/// One submission's row. The cells are text as they stand in the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GradeRow {
    /// The name of the file or folder.
    pub submission: String,
    /// 0 to 100, with at most two digits behind the point.
    pub score: String,
    /// See the table above.
    pub verdict: String,
    /// The points of each check, in the report's order.
    pub points: Vec<String>,
    /// The seconds for building, starting and grading, with one digit behind the point.
    pub seconds: String,
    /// See the table above.
    pub why: String,
    /// The commands that build and start the submission, on one line.
    pub started_by: String,
    /// The fingerprint of the submission's files.
    pub files: String,
    /// The options of the grading that can change a score.
    pub settings: String,
}

/// The columns before the checks and behind them.
const BEFORE: [&str; 3] = ["submission", "score", "verdict"];
const BEHIND: [&str; 5] = ["seconds", "why", "started by", "files", "settings"];

impl GradeRow {
    /// Sets the score, the verdict, the points and `why`, the reason, to those of a report.
    ///
    /// The reason is the report's first warning. Without a warning it is the first reason of the
    /// check that lost the most points. A check with a fault goes before each check that is only
    /// *not shown*. If two checks lost the same, the one that is first in the report counts.
    pub fn take(&mut self, report: &GradeReport) {
        let of = |check: &Check| match check.outcome {
            CheckOutcome::NotRun => String::new(),
            _ if check.is_left_out() => String::new(),
            _ => points(check.score()),
        };
        self.score = if report.is_left_out() { String::new() } else { points(report.score()) };
        self.verdict = report.verdict().to_string();
        self.points = report.checks.iter().map(of).collect();
        let lost = report.checks.iter().filter(|check| !check.passed() && !check.is_left_out());
        let lost = lost.filter(|check| !check.details.is_empty());
        let missing = |check: &&Check| f64::from(check.weight) - check.score();
        // The command line gives a check at most 1000 points. So 1000 more put each fault before
        // all checks that are not shown.
        let rank =
            |check: &&Check| if check.is_not_shown() { 0.0 } else { 1000.0 } + missing(check);
        // Among equal checks `max_by` returns the last, which after `rev` is the first of the
        // report.
        let worst = lost.rev().max_by(|a, b| rank(a).total_cmp(&rank(b)));
        let reasons = worst.and_then(|check| check.details.first());
        self.why = report.warnings.iter().chain(reasons).next().cloned().unwrap_or_default();
    }

    /// Returns whether a new grading would tell nothing new: this row has the same files and
    /// settings, and its submission was graded.
    pub fn holds_for(&self, files: &str, settings: &str) -> bool {
        self.files == files && self.settings == settings && self.verdict != NOT_GRADED
    }

    /// Returns whether the score is lower than in `before`, the row of an earlier grading of the
    /// same submission with the same files. Both rows must have a score.
    pub fn fell_since(&self, before: &GradeRow) -> bool {
        let is_same = self.submission == before.submission && self.files == before.files;
        let is_graded = [self, before].iter().all(|row| row.verdict != NOT_GRADED);
        let [now, was] = [self, before].map(|row| row.score.parse::<f64>().ok());
        is_same && is_graded && now.zip(was).is_some_and(|(now, was)| now < was)
    }

    /// Returns the cells in the order of [`columns`].
    fn cells(&self) -> Vec<&str> {
        let before = [&self.submission, &self.score, &self.verdict];
        let behind = [&self.seconds, &self.why, &self.started_by, &self.files, &self.settings];
        before.into_iter().chain(&self.points).chain(behind).map(String::as_str).collect()
    }
}

/// Returns the names of the columns.
fn columns() -> Vec<&'static str> {
    let checks = GradeReport::new(String::new()).checks;
    let keys = checks.iter().map(|check| check.key);
    BEFORE.into_iter().chain(keys).chain(BEHIND).collect()
}

/// Returns the text of a CSV file: the names of the columns, and a line for each row. The lines end
/// in CR LF, as RFC 4180 wants it.
pub fn csv(rows: &[GradeRow]) -> String {
    let line = |cells: Vec<&str>| {
        let cells: Vec<String> = cells.into_iter().map(quoted).collect();
        cells.join(",") + "\r\n"
    };
    line(columns()) + &rows.iter().map(|row| line(row.cells())).collect::<String>()
}

/// Returns the rows in the text of a CSV file; `None` if the first line has other columns, or a
/// line has more or fewer cells than columns.
pub fn rows(text: &str) -> Option<Vec<GradeRow>> {
    let mut lines = parsed(text).into_iter();
    if lines.next()? != columns() {
        return None;
    }
    let checks = columns().len() - BEFORE.len() - BEHIND.len();
    lines.map(|cells| row(cells, checks)).collect()
}

/// Returns the row of a line; `None` if the line has more or fewer cells than columns. `checks` is
/// the number of checks, each of which has a cell with its points in the middle of the line.
fn row(cells: Vec<String>, checks: usize) -> Option<GradeRow> {
    let mut cells = cells.into_iter().map(without_apostrophe);
    let [submission, score, verdict] = [cells.next()?, cells.next()?, cells.next()?];
    let points: Vec<String> = cells.by_ref().take(checks).collect();
    let [seconds, why, started_by] = [cells.next()?, cells.next()?, cells.next()?];
    let (files, settings) = (cells.next()?, cells.next()?);
    let row =
        GradeRow { submission, score, verdict, points, seconds, why, started_by, files, settings };
    cells.next().is_none().then_some(row)
}

/// The characters at which some spreadsheet takes the text of a cell for a formula and runs it.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// Removes the apostrophe that [`with_apostrophe`] has put before a text, if there is one.
fn without_apostrophe(text: String) -> String {
    match text.strip_prefix('\'') {
        Some(rest) if rest.trim_start_matches('\'').starts_with(FORMULA) => rest.to_string(),
        _ => text,
    }
}

/// Returns a cell that no spreadsheet takes for a formula: a text that begins like one gets an
/// apostrophe in front. So does a text that has apostrophes before such a beginning: else
/// [`without_apostrophe`] would remove one of its own.
fn with_apostrophe(text: &str) -> String {
    let is_formula = text.trim_start_matches('\'').starts_with(FORMULA);
    if is_formula { format!("'{text}") } else { text.to_string() }
}

/// Returns a cell for the file. RFC 4180 demands quotation marks around a comma, a quotation mark
/// or a line end; a space in front gets them too, because some programs drop it.
fn quoted(text: &str) -> String {
    let text = with_apostrophe(text);
    if text.contains([',', '"', '\r', '\n']) || text.starts_with(' ') {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

/// Returns the cells of each line, by RFC 4180. Also reads what other programs write: lines that
/// end in LF alone, and a byte order mark in front.
fn parsed(text: &str) -> Vec<Vec<String>> {
    let (mut lines, mut line, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut is_quoted = false;
    let mut letters = text.trim_start_matches('\u{feff}').chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if is_quoted && letters.peek() == Some(&'"') => cell.extend(letters.next()),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => line.push(std::mem::take(&mut cell)),
            '\r' if !is_quoted && letters.peek() == Some(&'\n') => {}
            '\n' if !is_quoted => {
                line.push(std::mem::take(&mut cell));
                lines.push(std::mem::take(&mut line));
            }
            other => cell.push(other),
        }
    }
    if !cell.is_empty() || !line.is_empty() {
        line.push(cell);
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_entry() -> impl Strategy<Value = GradeRow> {
        let checks = GradeReport::new(String::new()).checks.len();
        let cell = "\\PC{0,9}|[a,\"\n =']{0,5}|";
        let cells = prop::collection::vec(cell, 8);
        (cells, prop::collection::vec("[0-9]{0,2}", checks)).prop_map(|(c, points)| GradeRow {
            submission: c[0].clone(),
            score: c[1].clone(),
            verdict: c[2].clone(),
            points,
            seconds: c[3].clone(),
            why: c[4].clone(),
            started_by: c[5].clone(),
            files: c[6].clone(),
            settings: c[7].clone(),
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_unchanged(rows in prop::collection::vec(any_entry(), 0..5)) {
            prop_assert_eq!(super::rows(&csv(&rows)), Some(rows));
        }
    }

    #[test]
    fn a_name_that_begins_like_a_formula_is_text() {
        assert_eq!(quoted("=cmd|' /C calc'!A0"), "'=cmd|' /C calc'!A0");
        assert_eq!(quoted("-1,\"2\""), "\"'-1,\"\"2\"\"\"");
    }

    #[test]
    fn other_columns_are_no_gradebook() {
        assert_eq!(rows("name,score\r\nali,100\r\n"), None);
        assert_eq!(rows(""), None);
        let short = format!("{}ali,100\r\n", csv(&[]));
        assert_eq!(rows(&short), None, "a row that was cut off");
    }

    #[test]
    fn the_reason_is_that_of_the_check_that_cost_the_most() {
        let mut report = GradeReport::new(String::new());
        report.answered = true;
        let lost = |why: &str| (CheckOutcome::Earned(0.0), vec![why.to_string()]);
        for (key, (outcome, details)) in [
            ("unique", (CheckOutcome::NotShown(0.0), vec!["one core".to_string()])),
            ("vanish", lost("gone")),
            ("permutation", lost("one is missing")),
        ] {
            report.set(key, outcome, details, 0.0);
        }
        let mut row = GradeRow::default();
        row.take(&report);
        assert_eq!((&*row.why, &*row.verdict), ("one is missing", "wrong"));
        assert_eq!(row.points[2..4], ["0", ""], "not shown, and not run");
    }

    #[test]
    fn a_score_fell_only_if_the_files_are_the_same_and_both_were_graded() {
        let row = |score: &str, files: &str, verdict: &str| GradeRow {
            score: score.into(),
            files: files.into(),
            verdict: verdict.into(),
            ..GradeRow::default()
        };
        let before = row("100", "f1", "right");
        assert!(row("70", "f1", "wrong").fell_since(&before));
        assert!(!row("70", "f2", "wrong").fell_since(&before));
        assert!(!row("100", "f1", "right").fell_since(&before));
        assert!(!row("0", "f1", NOT_GRADED).fell_since(&before));
        assert!(!row("9.5", "f1", "wrong").fell_since(&row("9", "f1", "wrong")), "as numbers");
    }
}
