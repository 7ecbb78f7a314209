//! The report of a grading: each check with its points and its reasons.
//!
//! ```text
//!   10/10  answers draw N with N numbers
//!    0/30  gives no number twice
//!          1712 went to client 3 (draw 4, 1.203 s) and to client 5 (draw 1, 1.204 s)
//!   score 70 of 100
//! ```
//!
//! The weights of the checks add up to 100. The score is the sum of the earned points, in percent
//! of the sum of the weights. A check that is undecidable or skipped is left out of both sums:
//!
//! ```text
//!   all but unique earned               70 of 100 points    score  70
//!   the same, linearizable undecidable  65 of  95 points    score  68.42
//! ```
//!
//! **Invariants**
//!
//! 1. A check that has not run earns nothing, so a report that was cut off has no full marks.
//! 2. An undecidable check counts neither for nor against the server. Neither does a skipped one:
//!    one fault costs the points of one check.
//! 3. A score below 100 is never shown as 100.
//!
//! **Lock** none: one thread owns the report.
//!
//! **Source** a teacher must be able to justify a mark; Gradescope's tests have the same parts.

use std::fmt::Write;

use crate::lab::grader::picture::GradePicture;

/// The outcome of a check.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CheckOutcome {
    /// The check has not run.
    NotRun,
    /// The share of its weight that the check earned, 0 to 1.
    Earned(f64),
    /// The check cannot be decided from outside.
    Undecidable,
    /// The check was not made, because an earlier check had found the fault that would show here.
    Skipped,
    /// No fault was found, and the evidence is too weak to show that there is none. The value is
    /// the share of the weight that such a check earns, 0 to 1: an option of the user.
    NotShown(f64),
}

/// One check, with its outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// The name for programs, and for the table of checks in [`Grading`](super::Grading).
    pub key: &'static str,
    /// The name for people: the behaviour of a good server.
    pub name: &'static str,
    /// The points for a full share.
    pub weight: u32,
    /// The outcome: not run, in a new report.
    pub outcome: CheckOutcome,
    /// The reasons: the input, and the server's answer to it. A passed check may have some too.
    pub details: Vec<String>,
    /// The seconds that the check took.
    pub seconds: f64,
}

/// The key, name and weight of each check, in the order of the report, which differs from the order
/// in which they run. Uniqueness weighs most, because it is the aim of the homework.
const CHECKS: [(&str, &str, u32); 11] = [
    ("numbers", "answers draw N with N numbers", 10),
    ("together", "serves many clients that are connected together", 10),
    ("unique", "gives no number twice", 30),
    ("range", "gives only numbers of the list", 5),
    ("linearizable", "draws in an order that one counter could have", 5),
    ("permutation", "is drained to an exact permutation", 10),
    ("random", "draws in a random order", 10),
    ("endures", "serves hundreds of connections, and a long one", 5),
    ("vanish", "is not harmed by a client that vanishes", 5),
    ("unread", "is not harmed by a client that never reads", 5),
    ("bad-input", "is not harmed by bad input", 5),
];

/// The verdict on a server that this machine could not grade.
pub const NOT_GRADED: &str = "not graded";

/// All checks, and notes for a person.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GradeReport {
    /// The server's address, the clients and the list, on one line.
    pub target: String,
    /// Every check, also those that have not run.
    pub checks: Vec<Check>,
    /// The strength of the evidence, and warnings. A person judges them.
    pub notes: Vec<String>,
    /// Whether any draw was answered with a number.
    pub answered: bool,
    /// The numbers of the first draws, by which two starts of a server are compared.
    pub first_numbers: Vec<u64>,
    /// Whether this machine ran short of something, so that the server may not be at fault.
    pub is_excused: bool,
    /// The end of what the server printed, if the grader started it.
    pub printed: Vec<u8>,
    /// The requests that the page shows; `None` before the end, and if the grading ended early.
    pub picture: Option<GradePicture>,
    /// The warnings that stand at the top: why the replies are not understood, how the server
    /// ended, and what this machine ran short of.
    pub warnings: Vec<String>,
}

impl Check {
    /// Returns the points that the check earned.
    pub fn score(&self) -> f64 {
        match self.outcome {
            CheckOutcome::Earned(share) | CheckOutcome::NotShown(share) => {
                share.clamp(0.0, 1.0) * f64::from(self.weight)
            }
            CheckOutcome::NotRun | CheckOutcome::Undecidable | CheckOutcome::Skipped => 0.0,
        }
    }

    /// Returns the points that the check could earn: none when it is undecidable or skipped.
    pub fn max_score(&self) -> u32 {
        if self.is_left_out() { 0 } else { self.weight }
    }

    /// Returns whether the check earned all of its points.
    pub fn passed(&self) -> bool {
        matches!(self.outcome, CheckOutcome::Earned(share) if share >= 1.0)
    }

    /// Returns whether the check counts neither for nor against the server.
    pub fn is_left_out(&self) -> bool {
        matches!(self.outcome, CheckOutcome::Undecidable | CheckOutcome::Skipped)
    }

    /// Returns whether the evidence of the check is too weak.
    pub fn is_not_shown(&self) -> bool {
        matches!(self.outcome, CheckOutcome::NotShown(_))
    }

    /// Returns the reasons, one on a line.
    pub fn output(&self) -> String {
        match (self.details.is_empty(), self.outcome) {
            (true, CheckOutcome::NotRun) => "not run: the grading did not get that far".into(),
            _ => self.details.join("\n"),
        }
    }
}

impl GradeReport {
    /// Returns the report before the first check: no points.
    pub fn new(target: String) -> Self {
        let check = |(key, name, weight)| {
            let (outcome, details) = (CheckOutcome::NotRun, Vec::new());
            Check { key, name, weight, outcome, details, seconds: 0.0 }
        };
        let checks = CHECKS.into_iter().map(check).collect();
        Self { target, checks, ..Self::default() }
    }

    /// Gives checks other weights, by their keys.
    pub fn weigh(&mut self, weights: &[(String, u32)]) {
        for (key, weight) in weights {
            if let Some(check) = self.checks.iter_mut().find(|check| check.key == key) {
                check.weight = *weight;
            }
        }
    }

    /// Sets the outcome of a check, and adds reasons and seconds. When a check with two parts has
    /// earned a share before, the smaller share counts; a part without a verdict does not replace
    /// one with a fault. An unknown key changes nothing.
    pub fn set(&mut self, key: &str, outcome: CheckOutcome, details: Vec<String>, seconds: f64) {
        if let Some(check) = self.checks.iter_mut().find(|check| check.key == key) {
            check.outcome = match (check.outcome, outcome) {
                (CheckOutcome::Earned(before), CheckOutcome::Earned(now)) => {
                    CheckOutcome::Earned(before.min(now))
                }
                // A second part that was not made does not hide a fault that the first one found.
                (
                    found @ CheckOutcome::Earned(share),
                    CheckOutcome::NotShown(_) | CheckOutcome::Skipped,
                ) if share < 1.0 => found,
                // A part that passed does not replace the weak evidence of the other one.
                (found @ CheckOutcome::NotShown(_), CheckOutcome::Earned(1.0)) => found,
                (_, now) => now,
            };
            for line in details {
                if !check.details.contains(&line) {
                    check.details.push(line);
                }
            }
            check.seconds += seconds;
        }
    }

    /// Returns the score, 0 to 100: the points earned, scaled to those that could be earned.
    pub fn score(&self) -> f64 {
        let possible: u32 = self.checks.iter().map(Check::max_score).sum();
        let earned: f64 = self.checks.iter().map(Check::score).sum();
        if possible == 0 { 0.0 } else { 100.0 * earned / f64::from(possible) }
    }

    /// Returns whether every check was left out: then there is no score.
    pub fn is_left_out(&self) -> bool {
        self.checks.iter().all(Check::is_left_out)
    }

    /// Returns the points as they were added up, before they were scaled to 100; `None` where that
    /// is the same.
    pub fn points_in_words(&self) -> Option<String> {
        let sum = |points: fn(&Check) -> f64| self.checks.iter().map(points).sum::<f64>();
        let (earned, possible) = (sum(Check::score), sum(|check| f64::from(check.max_score())));
        let is_scaled = possible != 100.0 && possible > 0.0;
        is_scaled.then(|| format!("{} of {possible} points", points(earned)))
    }

    /// Returns the score in words.
    pub fn score_in_words(&self) -> String {
        if self.is_left_out() {
            return "no score: nothing could be decided".to_string();
        }
        format!("score {} of 100", points(self.score()))
    }

    /// Returns whether no check failed: each passed, was left out, or was not shown.
    pub fn passed(&self) -> bool {
        self.checks.iter().all(|c| c.passed() || c.is_left_out() || c.is_not_shown())
    }

    /// Returns whether the evidence decides: the replies were understood, no check is *not shown*,
    /// and this machine ran short of nothing.
    pub fn is_decided(&self) -> bool {
        !self.is_excused
            && self.checks.iter().any(|check| !check.is_left_out())
            && !self.checks.iter().any(Check::is_not_shown)
    }

    /// Returns the verdict in a few words.
    pub fn verdict(&self) -> &'static str {
        match (self.answered, self.passed(), self.is_decided()) {
            (true, true, false) if self.is_excused => NOT_GRADED,
            (false, ..) => "no answer",
            (true, false, _) => "wrong",
            (true, true, true) => "right",
            (true, true, false) if self.is_left_out() => "not understood",
            (true, true, false) => "not shown",
        }
    }

    /// Returns a check's name for people; an empty text for an unknown key.
    pub fn name(&self, key: &str) -> &'static str {
        self.checks.iter().find(|check| check.key == key).map_or("", |check| check.name)
    }

    /// Gives this outcome to every check that has not run, for one reason.
    pub fn settle_rest(&mut self, outcome: CheckOutcome, why: &str) {
        for check in self.checks.iter_mut().filter(|check| check.outcome == CheckOutcome::NotRun) {
            (check.outcome, check.details) = (outcome, vec![why.to_string()]);
        }
    }

    /// Returns the warnings, and then the notes.
    pub fn remarks(&self) -> impl Iterator<Item = &String> {
        self.warnings.iter().chain(&self.notes)
    }

    /// Excuses the server, because this machine ran short of `what`: each check that lost points
    /// becomes *not shown* and earns nothing. `unique` and `range` stay as they are, because the
    /// numbers that came prove their faults.
    pub fn excuse(&mut self, what: &str) {
        self.is_excused = true;
        let why = format!("this machine ran short, and not the server: {what}");
        self.warnings.insert(0, why);
        for check in self.checks.iter_mut().filter(|c| !["unique", "range"].contains(&c.key)) {
            if matches!(check.outcome, CheckOutcome::Earned(share) if share < 1.0) {
                check.outcome = CheckOutcome::NotShown(0.0);
            }
        }
    }

    /// Turns a check that passed into one that is *not shown*, because its evidence was too weak.
    /// `share` is the share of its points that it then earns. Leaves any other check as it is.
    pub fn leave_open(&mut self, key: &str, share: f64, why: &str) {
        if let Some(check) = self.checks.iter_mut().find(|check| check.key == key && check.passed())
        {
            check.outcome = CheckOutcome::NotShown(share);
            check.details.insert(0, format!("not shown: {why}"));
        }
    }

    /// Returns the report as text for a terminal.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n\n", self.target);
        for line in self.warnings.iter().flat_map(|line| wrapped(line, WIDTH)) {
            let _ = writeln!(text, "{line}");
        }
        if !self.warnings.is_empty() {
            text.push('\n');
        }
        for check in &self.checks {
            let points = match check.outcome {
                CheckOutcome::Undecidable | CheckOutcome::Skipped => "   -".to_string(),
                CheckOutcome::NotShown(_) => format!("   ?/{}", check.weight),
                _ => format!("{:>4}/{}", points(check.score()), check.weight),
            };
            let _ = writeln!(text, "{points:<8} {}", check.name);
            for line in check.output().lines().flat_map(|line| wrapped(line, WIDTH - INDENT.len()))
            {
                let _ = writeln!(text, "{INDENT}{line}");
            }
        }
        if !self.notes.is_empty() {
            text.push('\n');
        }
        for line in self.notes.iter().flat_map(|note| note.lines()) {
            wrapped(line, WIDTH).iter().for_each(|part| text.push_str(&format!("{part}\n")));
        }
        let sum = self.points_in_words().map_or_else(String::new, |sum| format!("{sum}\n"));
        let _ = write!(text, "\n{sum}");
        let _ = writeln!(text, "{}", self.score_in_words());
        text
    }
}

/// The columns of a terminal, and the indentation of reasons.
const WIDTH: usize = 80;
const INDENT: &str = "         ";

/// Divides a line between words into parts of at most `width` columns. A longer word stays whole,
/// and so does an indented line: it names a place in a file, and a person may copy it.
fn wrapped(line: &str, width: usize) -> Vec<String> {
    if line.starts_with("  ") {
        return vec![line.trim_end().to_string()];
    }
    let mut parts: Vec<String> = Vec::new();
    for word in line.split(' ') {
        match parts.last_mut() {
            Some(part) if part.chars().count() + 1 + word.chars().count() <= width => {
                part.push(' ');
                part.push_str(word);
            }
            _ => parts.push(word.to_string()),
        }
    }
    parts.into_iter().map(|part| part.trim_end().to_string()).collect()
}

/// Returns points with two decimals at most. They are rounded down: 99.999 is `99.99`, not `100`.
pub fn points(points: f64) -> String {
    // 8.7 · 100 is 869.9999999999999 in binary: without the small addition, 8.7 would show as 8.69.
    let hundredths = (points * 100.0 + 1e-6).floor() / 100.0;
    if hundredths.fract() == 0.0 { format!("{hundredths:.0}") } else { format!("{hundredths:.2}") }
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
