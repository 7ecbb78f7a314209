//! Points, scores and verdicts of a report.

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
    assert!(report.text().lines().all(|line| line.chars().count() <= WIDTH), "{}", report.text());
}

#[test]
fn of_two_parts_of_a_check_the_worse_one_counts() {
    let mut report = GradeReport::new("somewhere".into());
    for share in [1.0, 0.5, 1.0] {
        report.set("unread", CheckOutcome::Earned(share), vec![share.to_string()], 1.0);
    }
    let unread = report.checks.iter().find(|check| check.key == "unread").unwrap();
    assert_eq!((unread.outcome, unread.seconds), (CheckOutcome::Earned(0.5), 3.0));
    assert_eq!(unread.output(), "1\n0.5", "each reason once");
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

#[test]
fn only_a_check_without_a_fault_can_be_left_open() {
    let mut report = GradeReport::new("somewhere".into());
    report.set("unique", CheckOutcome::Earned(1.0), Vec::new(), 0.0);
    report.set("range", CheckOutcome::Earned(0.0), Vec::new(), 0.0);
    for key in ["unique", "range"] {
        report.leave_open(key, 0.5, "the machine was busy");
    }
    let of = |key| report.checks.iter().find(|check| check.key == key).unwrap();
    assert_eq!(of("unique").outcome, CheckOutcome::NotShown(0.5));
    assert_eq!(of("unique").details, ["not shown: the machine was busy"]);
    assert_eq!(of("range").outcome, CheckOutcome::Earned(0.0));
}
