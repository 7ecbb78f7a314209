//! Several gradings of one submission, each of a fresh start.
//!
//! ```text
//!   start 1   score 100
//!   start 2   score  64.70   gives no number twice: failed      ─► this report, with a note
//!   start 3   score 100
//! ```
//!
//! A race shows in some runs and not in others, so the worst run counts. A list with a constant
//! seed looks random in each run: only two starts side by side show it.
//!
//! **Lock** none: these are pure functions over reports. **Source** ours.

use super::report::{CheckOutcome, GradeReport, points};

/// The least count of first numbers by which two orders are compared. Two random orders of 5,000
/// numbers begin with the same six numbers once in 10^22 pairs.
const TELLING: usize = 6;

/// Returns the worst of several reports, with a note on the others; `None` if there is none. A
/// report that failed is worse than one that does not decide, and this is worse than one that
/// passed. Among those of one kind the lower score is worse.
pub fn worst(reports: Vec<GradeReport>) -> Option<GradeReport> {
    let scores: Vec<String> = reports.iter().map(|report| points(report.score())).collect();
    let is_constant = begins_alike(&reports);
    // Among failed reports only the score counts, also if one of their checks is undecided.
    let rank = |report: &GradeReport| (report.passed(), report.passed() && report.is_decided());
    let mut worst = reports
        .into_iter()
        .min_by(|a, b| rank(a).cmp(&rank(b)).then(a.score().total_cmp(&b.score())))?;
    if is_constant {
        let why = "each start gives the same order: the list has a constant seed";
        worst.set("random", CheckOutcome::Earned(0.0), vec![why.into()], 0.0);
    }
    let (count, scores) = (scores.len(), scores.join(", "));
    worst.notes.insert(0, format!("this is the worst of {count} runs: {scores}"));
    Some(worst)
}

/// Returns whether there are several reports, and all begin with the same numbers.
fn begins_alike(reports: &[GradeReport]) -> bool {
    let is_alike = |pair: &[GradeReport]| pair[0].first_numbers == pair[1].first_numbers;
    reports.len() > 1
        && reports.iter().all(|report| report.first_numbers.len() >= TELLING)
        && reports.windows(2).all(is_alike)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A report whose checks all passed, but for `unique`.
    fn report(unique: CheckOutcome, first_numbers: &[u64]) -> GradeReport {
        let mut report = GradeReport::new("somewhere".into());
        for check in &mut report.checks {
            check.outcome = CheckOutcome::Earned(1.0);
        }
        report.set("unique", unique, Vec::new(), 0.0);
        report.first_numbers = first_numbers.to_vec();
        report
    }

    fn outcome(report: &GradeReport, key: &str) -> CheckOutcome {
        report.checks.iter().find(|check| check.key == key).unwrap().outcome
    }

    #[test]
    fn a_failed_run_is_worse_than_an_undecided_one_and_that_than_a_passed_one() {
        let [failed, undecided, passed] =
            [CheckOutcome::Earned(0.0), CheckOutcome::NotShown(0.0), CheckOutcome::Earned(1.0)];
        for (others, expected) in [
            (vec![passed, failed, undecided], failed),
            (vec![passed, undecided, passed], undecided),
            (vec![passed, passed], passed),
        ] {
            let reports = others.iter().enumerate().map(|(at, &o)| report(o, &[at as u64; 6]));
            let worst = worst(reports.collect()).unwrap();
            assert_eq!(outcome(&worst, "unique"), expected, "{others:?}");
            assert_eq!(outcome(&worst, "random"), CheckOutcome::Earned(1.0));
        }
        assert_eq!(worst(Vec::new()), None);
    }

    #[test]
    fn of_failed_runs_the_lower_score_is_worse() {
        let failed = report(CheckOutcome::Earned(0.0), &[]);
        let mut half = report(CheckOutcome::Earned(0.5), &[]);
        half.set("together", CheckOutcome::NotShown(1.0), Vec::new(), 0.0);
        assert!(half.score() > failed.score() && !half.is_decided());
        let worst = worst(vec![half, failed]).unwrap();
        assert_eq!(outcome(&worst, "unique"), CheckOutcome::Earned(0.0));
    }

    #[test]
    fn the_same_first_numbers_at_each_start_are_no_random_order() {
        let right = CheckOutcome::Earned(1.0);
        let of = |first: &[&[u64]]| {
            let reports = first.iter().map(|numbers| report(right, numbers)).collect();
            outcome(&worst(reports).unwrap(), "random")
        };
        let order = [5, 19, 228, 665, 7, 11];
        assert_eq!(of(&[&order, &order]), CheckOutcome::Earned(0.0));
        assert_eq!(of(&[&order, &order, &[1, 2, 3, 4, 5, 6]]), right);
        assert_eq!(of(&[&order]), right, "one start shows nothing");
        assert_eq!(of(&[&order[..5], &order[..5]]), right, "nor do five numbers");
    }
}
