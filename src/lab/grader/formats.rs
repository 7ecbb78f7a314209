//! The report in the formats of other programs. One failed check in each of them:
//!
//! ```text
//!   text         0/30  gives no number twice
//!   json        {"key": "unique", "name": "gives no number twice", "status": "failed", …
//!   gradescope  {"name": "gives no number twice", "score": 0, "max_score": 30, …
//!   junit       <testcase classname="leasebox.unique" …><failure message="0 of 30 points">…
//!   tap         not ok 3 - gives no number twice
//! ```
//!
//! | format | read by | shape |
//! | --- | --- | --- |
//! | json | scripts | `score`, `max_score`, `tests` with `key`, `status` and the rest, `notes` |
//! | gradescope | Gradescope's `results.json` | `score`, `output`, `tests` |
//! | junit | CI servers | `testsuites`, `testsuite`, `testcase` with `failure` or `skipped` |
//! | tap | TAP harnesses | version 13: plan, `ok` and `not ok`, a YAML block of details |
//!
//! Each format has its own words for the six outcomes of a check:
//!
//! | outcome | json | gradescope | junit | tap |
//! | --- | --- | --- | --- | --- |
//! | all points | `passed` | `passed` | a bare `testcase` | `ok` |
//! | fewer points | `failed` | `failed` | `failure` | `not ok` |
//! | undecidable | `undecidable` | `passed`, 0 of 0 | `skipped` | `ok … # SKIP` |
//! | skipped | `skipped` | `passed`, 0 of 0 | `skipped` | `ok … # SKIP` |
//! | not shown | `not-shown` | `failed` | `failure` | `not ok` |
//! | not run | `not-run` | `failed` | `failure` | `not ok` |
//!
//! **Invariants**
//!
//! 1. The result is well formed, whatever a graded server sent: strings are escaped, and characters
//!    that a format cannot hold are replaced.
//! 2. No format shows a check that did not run as passed.
//!
//! **Lock** none: these are pure functions over a report.
//!
//! **Simplified** `format!` writes the JSON and XML. That is enough for one flat shape; a program
//! with many shapes uses a library, which also checks that the brackets match.
//!
//! **Source** Gradescope's autograder specifications; the JUnit XML that Jenkins and GitLab
//! document; testanything.org, version 13; RFC 8259 for JSON, and the W3C's XML 1.0.

use std::fmt::Write;

use crate::lab::grader::report::{Check, CheckOutcome, GradeReport, points};

/// Returns the word for a check's outcome in JSON.
fn status(check: &Check) -> &'static str {
    match check.outcome {
        CheckOutcome::Undecidable => "undecidable",
        CheckOutcome::NotRun => "not-run",
        CheckOutcome::Skipped => "skipped",
        CheckOutcome::NotShown(_) => "not-shown",
        CheckOutcome::Earned(_) if check.passed() => "passed",
        CheckOutcome::Earned(_) => "failed",
    }
}

/// Returns the report as JSON for scripts. Each check is on a line of its own, so that `grep` and
/// `diff` can be used on the file.
pub fn json(report: &GradeReport) -> String {
    let test = |check: &Check| {
        format!(
            "    {{\"key\": {}, \"name\": {}, \"status\": {}, \"score\": {}, \"max_score\": {}, \
             \"seconds\": {:.3}, \"output\": {}}}",
            quoted(check.key),
            quoted(check.name),
            quoted(status(check)),
            points(check.score()),
            check.max_score(),
            check.seconds,
            quoted(&check.output()),
        )
    };
    let tests: Vec<String> = report.checks.iter().map(test).collect();
    let notes: Vec<String> = report.remarks().map(|note| quoted(note)).collect();
    format!(
        "{{\n  \"target\": {},\n  \"score\": {},\n  \"max_score\": 100,\n  \"tests\": [\n{}\n  ],\n  \
         \"notes\": [{}]\n}}\n",
        quoted(&report.target),
        points(report.score()),
        tests.join(",\n"),
        notes.join(", "),
    )
}

/// Returns the report as Gradescope's `results.json`. Gradescope knows only `passed` and `failed`.
/// An undecidable check gets `passed` with 0 of 0 points: `failed` would blame the server for a
/// thing that the grader cannot know. The `score` at the top replaces Gradescope's own sum, which
/// would be at most 90 when a check of 10 points is left out.
pub fn gradescope(report: &GradeReport) -> String {
    let test = |check: &Check| {
        let status = if check.passed() || check.is_left_out() { "passed" } else { "failed" };
        format!(
            "    {{\"name\": {}, \"score\": {}, \"max_score\": {}, \"status\": {}, \"output\": {}}}",
            quoted(check.name),
            points(check.score()),
            check.max_score(),
            quoted(status),
            quoted(&check.output()),
        )
    };
    let tests: Vec<String> = report.checks.iter().map(test).collect();
    // Gradescope has no place for notes, so they follow the target in the text of the whole result.
    let mut output = report.target.clone();
    report.remarks().for_each(|note| output.push_str(&format!("\n{note}")));
    format!(
        "{{\n  \"score\": {},\n  \"output\": {},\n  \"tests\": [\n{}\n  ]\n}}\n",
        points(report.score()),
        quoted(&output),
        tests.join(",\n"),
    )
}

/// Returns the text as a JSON string. JSON demands an escape for the quotation mark, the backslash
/// and characters below 0x20 (RFC 8259, section 7); all others may stand as they are.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            control if u32::from(control) < 0x20 => {
                // Writing to a `String` never fails.
                let _ = write!(quoted, "\\u{:04x}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// Returns the report as JUnit XML for CI servers. A check that did not run is a `failure`: with
/// `skipped`, a CI server would show success for a grading that was cut off.
pub fn junit(report: &GradeReport) -> String {
    let failures = report.checks.iter().filter(|c| !c.passed() && !c.is_left_out()).count();
    let skipped = report.checks.iter().filter(|check| check.is_left_out()).count();
    let seconds: f64 = report.checks.iter().map(|check| check.seconds).sum();
    let (tests, name) = (report.checks.len(), escaped(&report.target));
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites tests=\"{tests}\" failures=\"{failures}\" time=\"{seconds:.3}\">\n  \
         <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" \
         skipped=\"{skipped}\" time=\"{seconds:.3}\">\n"
    );
    for check in &report.checks {
        let (name, output) = (escaped(check.name), escaped(&check.output()));
        let head = format!(
            "    <testcase classname=\"leasebox.{}\" name=\"{name}\" time=\"{:.3}\"",
            check.key, check.seconds
        );
        let earned = format!("{} of {} points", points(check.score()), check.weight);
        // `passed()` is false for a check that did not run, so the last arm handles that one too.
        let _ = match check.outcome {
            CheckOutcome::Undecidable | CheckOutcome::Skipped => {
                writeln!(xml, "{head}>\n      <skipped message=\"{output}\"/>\n    </testcase>")
            }
            _ if check.passed() => writeln!(xml, "{head}/>"),
            _ => writeln!(
                xml,
                "{head}>\n      <failure message=\"{earned}\">{output}</failure>\n    </testcase>"
            ),
        };
    }
    let notes: Vec<String> = report.remarks().map(|note| escaped(note)).collect();
    let _ = writeln!(xml, "    <system-out>{}</system-out>", notes.join("\n"));
    xml + "  </testsuite>\n</testsuites>\n"
}

/// Returns the text for XML 1.0, for an element or an attribute. A line end becomes `&#10;`,
/// because a parser turns a raw one in an attribute into a space (section 3.3.3). Characters that
/// XML cannot hold even as a reference (section 2.2) become `?`, and so does a carriage return.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            // Needed only in `]]>`, which no text may hold (section 2.4); escaping each `>` needs
            // no search.
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            control if control < ' ' || matches!(control, '\u{fffe}' | '\u{ffff}') => {
                escaped.push('?');
            }
            other => escaped.push(other),
        }
    }
    escaped
}

/// Returns the report in TAP, the *Test Anything Protocol*: the plan `1..11`, a line for each
/// check, and the notes as comments.
pub fn tap(report: &GradeReport) -> String {
    let mut tap = format!("TAP version 13\n1..{}\n", report.checks.len());
    for (at, check) in report.checks.iter().enumerate() {
        let (number, name) = (at + 1, check.name);
        let output = check.output();
        if check.is_left_out() {
            // The reason follows `# SKIP` on the same line, so it can hold no line end and no `#`.
            let why = output.replace('\n', " ").replace('#', "");
            let _ = writeln!(tap, "ok {number} - {name} # SKIP {why}");
            continue;
        }
        let ok = if check.passed() { "ok" } else { "not ok" };
        let _ = writeln!(tap, "{ok} {number} - {name}");
        if !check.passed() {
            // A YAML block, indented by two columns. A JSON string is a YAML string too, so
            // `quoted` serves both formats.
            let _ = writeln!(tap, "  ---\n  score: {}", points(check.score()));
            let _ = writeln!(
                tap,
                "  max_score: {}\n  output: {}\n  ...",
                check.weight,
                quoted(&output)
            );
        }
    }
    // A harness shows a line that begins with `#`, and does not count it.
    for line in report.remarks().flat_map(|note| note.lines()) {
        let _ = writeln!(tap, "# {line}");
    }
    let _ = writeln!(tap, "# score {} of 100", points(report.score()));
    tap
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hostile() -> GradeReport {
        let mut report = GradeReport::new("a \"b\" <c> & \u{7}".into());
        report.set(
            "unique",
            CheckOutcome::Earned(0.0),
            vec!["]]> \\ \u{0}\n1 < 2 # & \"".into()],
            0.5,
        );
        report.set("random", CheckOutcome::Earned(1.0), Vec::new(), 0.25);
        report.set("linearizable", CheckOutcome::Undecidable, vec!["no # order".into()], 0.0);
        report.notes.push("note\nof two lines".into());
        report
    }

    #[test]
    fn strings_of_a_hostile_server_stay_strings() {
        assert_eq!(quoted("a\"\\\n\u{1}é"), "\"a\\\"\\\\\\n\\u0001é\"");
        assert_eq!(escaped("<a b=\"c\">&\u{0}\n"), "&lt;a b=&quot;c&quot;&gt;&amp;?&#10;");
    }

    #[test]
    fn tap_has_its_plan_and_a_line_for_each_check() {
        let tap = tap(&hostile());
        assert!(tap.starts_with("TAP version 13\n1..11\nnot ok 1 - "), "{tap}");
        assert!(tap.contains("\nnot ok 3 - gives no number twice\n  ---\n  score: 0\n"), "{tap}");
        assert!(
            tap.contains(
                "\nok 5 - draws in an order that one counter could have # SKIP no  order\n"
            )
        );
        assert!(tap.contains("\nok 7 - "), "{tap}");
        assert!(tap.ends_with("# note\n# of two lines\n# score 10.52 of 100\n"), "{tap}");
    }
}
