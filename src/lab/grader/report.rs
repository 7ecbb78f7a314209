//! What a grading says, check by check.
//!
//! ```text
//!   10/10  answers draw N with N numbers
//!    0/30  gives no number twice
//!          1712 went to client 3 (draw 4, 1.203 s) and to client 5 (draw 1, 1.204 s)
//!   score 70 of 100
//! ```
//!
//! **Invariants**
//!
//! 1. A check that has not run earns nothing: a report that was cut off is no full marks.
//! 2. What cannot be decided counts neither for nor against; the score is of the rest.
//!
//! **Lock** none.
//!
//! **Source** what a teacher needs to justify a mark; Gradescope's tests have the same parts.

use std::fmt::Write;

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CheckOutcome {
    /// Not yet.
    NotRun,
    /// The share of its weight that was earned, 0 to 1.
    Earned(f64),
    /// Nobody can tell from outside.
    Undecidable,
}

/// One thing that is looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// A word for programs.
    pub key: &'static str,
    /// What a good server does.
    pub name: &'static str,
    /// Points.
    pub weight: u32,
    /// How it went.
    pub outcome: CheckOutcome,
    /// Why: the input that failed, what was expected, what came.
    pub details: Vec<String>,
    /// How long it took.
    pub seconds: f64,
}

/// Keys, names and weights, in the order of the report.
const CHECKS: [(&str, &str, u32); 10] = [
    ("numbers", "answers draw N with N numbers", 10),
    ("together", "serves many clients that are connected together", 10),
    ("unique", "gives no number twice", 30),
    ("range", "gives only numbers of the list", 5),
    ("linearizable", "draws in an order that one counter could have", 10),
    ("permutation", "is drained to an exact permutation", 10),
    ("random", "draws in a random order", 10),
    ("vanish", "is not harmed by a client that vanishes", 5),
    ("unread", "is not harmed by a client that never reads", 5),
    ("bad-input", "is not harmed by bad input", 5),
];

/// All checks, and what else is worth saying.
#[derive(Debug, Clone, PartialEq)]
pub struct GradeReport {
    /// What was graded, and with how much.
    pub target: String,
    /// Every check, also those that have not run.
    pub checks: Vec<Check>,
    /// The strength of evidence, and warnings for a person to judge.
    pub notes: Vec<String>,
    /// A draw was answered at some time.
    pub answered: bool,
}

impl Check {
    /// Points earned.
    pub fn score(&self) -> f64 {
        match self.outcome {
            CheckOutcome::Earned(share) => share.clamp(0.0, 1.0) * f64::from(self.weight),
            CheckOutcome::NotRun | CheckOutcome::Undecidable => 0.0,
        }
    }

    /// Points that could be earned.
    pub fn max_score(&self) -> u32 {
        if self.outcome == CheckOutcome::Undecidable { 0 } else { self.weight }
    }

    /// Whether nothing is missing.
    pub fn passed(&self) -> bool {
        matches!(self.outcome, CheckOutcome::Earned(share) if share >= 1.0)
    }

    /// Whether it cannot be decided.
    pub fn is_undecidable(&self) -> bool {
        self.outcome == CheckOutcome::Undecidable
    }

    /// The details, or what stands for them.
    pub fn output(&self) -> String {
        match (self.details.is_empty(), self.outcome) {
            (true, CheckOutcome::NotRun) => "not run: the grading did not get that far".into(),
            _ => self.details.join("\n"),
        }
    }
}

impl GradeReport {
    /// Before anything was done: no points.
    pub fn new(target: String) -> Self {
        let check = |(key, name, weight)| {
            let (outcome, details) = (CheckOutcome::NotRun, Vec::new());
            Check { key, name, weight, outcome, details, seconds: 0.0 }
        };
        let checks = CHECKS.into_iter().map(check).collect();
        Self { target, checks, notes: Vec::new(), answered: false }
    }

    /// Writes down how a check went; of two parts of a check, the worse one counts.
    pub fn set(&mut self, key: &str, outcome: CheckOutcome, details: Vec<String>, seconds: f64) {
        if let Some(check) = self.checks.iter_mut().find(|check| check.key == key) {
            check.outcome = match (check.outcome, outcome) {
                (CheckOutcome::Earned(before), CheckOutcome::Earned(now)) => {
                    CheckOutcome::Earned(before.min(now))
                }
                (_, now) => now,
            };
            check.details.extend(details);
            check.seconds += seconds;
        }
    }

    /// Points of 100.
    pub fn score(&self) -> f64 {
        let possible: u32 = self.checks.iter().map(Check::max_score).sum();
        let earned: f64 = self.checks.iter().map(Check::score).sum();
        if possible == 0 { 0.0 } else { 100.0 * earned / f64::from(possible) }
    }

    /// Whether every check that can be decided passed.
    pub fn passed(&self) -> bool {
        self.checks.iter().all(|check| check.passed() || check.is_undecidable())
    }

    /// As a person reads it.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n\n", self.target);
        for check in &self.checks {
            let points = match check.outcome {
                CheckOutcome::Undecidable => "   -".to_string(),
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
        let _ = writeln!(text, "\nscore {} of 100", points(self.score()));
        text
    }
}

/// Columns of a terminal, and how far reasons stand in.
const WIDTH: usize = 80;
const INDENT: &str = "         ";

/// A line in parts of at most `width` columns, divided between words. What is to be copied stays
/// whole, however long it is: a word, and a line that is set in, which is a place in a file.
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

/// Points without decimals that say nothing; never rounded up to full marks.
pub fn points(points: f64) -> String {
    let hundredths = (points * 100.0 + 1e-6).floor() / 100.0;
    if hundredths.fract() == 0.0 { format!("{hundredths:.0}") } else { format!("{hundredths:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_not_run_earns_nothing_and_the_weights_are_100() {
        let report = GradeReport::new("somewhere".into());
        assert_eq!(report.checks.iter().map(|check| check.weight).sum::<u32>(), 100);
        assert!((report.score(), report.passed()) == (0.0, false));
        assert!(report.text().ends_with("score 0 of 100\n"), "{}", report.text());
    }

    #[test]
    fn lines_fit_a_terminal() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("a  b", 80), ["a  b"]);
        assert_eq!(wrapped("see 123456789 there", 4), ["see", "123456789", "there"]);
        assert_eq!(wrapped("  a/path/server.py:3: pop", 7), ["  a/path/server.py:3: pop"]);
        let mut report = GradeReport::new("somewhere".into());
        report.set("range", CheckOutcome::Earned(0.0), vec!["ü ".repeat(99)], 0.0);
        report.notes.push("words ".repeat(40));
        assert!(
            report.text().lines().all(|line| line.chars().count() <= WIDTH),
            "{}",
            report.text()
        );
    }

    #[test]
    fn of_two_parts_of_a_check_the_worse_one_counts() {
        let mut report = GradeReport::new("somewhere".into());
        for share in [1.0, 0.5, 1.0] {
            report.set("unread", CheckOutcome::Earned(share), vec![share.to_string()], 1.0);
        }
        let unread = report.checks.iter().find(|check| check.key == "unread").unwrap();
        assert_eq!((unread.outcome, unread.seconds), (CheckOutcome::Earned(0.5), 3.0));
        assert_eq!(unread.output(), "1\n0.5\n1");
    }

    #[test]
    fn what_cannot_be_decided_counts_neither_way() {
        let mut report = GradeReport::new("somewhere".into());
        for (key, ..) in CHECKS {
            report.set(key, CheckOutcome::Earned(1.0), Vec::new(), 0.0);
        }
        assert!((report.score(), report.passed()) == (100.0, true));
        report.set("linearizable", CheckOutcome::Undecidable, vec!["why".into()], 0.0);
        report.set("unread", CheckOutcome::Earned(1.0), Vec::new(), 0.0);
        assert!((report.score(), report.passed()) == (100.0, true));
        report.set("bad-input", CheckOutcome::Earned(0.999_999), Vec::new(), 0.0);
        assert!(!report.passed());
        assert_eq!(points(report.score()), "99.99", "never rounded up");
    }
}
