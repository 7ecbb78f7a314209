//! The report as other programs read it.
//!
//! | format | read by | shape |
//! | --- | --- | --- |
//! | json | scripts | `score`, `max_score`, `tests` with `key`, `status` and the rest |
//! | gradescope | Gradescope's `results.json` | `score`, `output`, `tests` with `name`, `score`, `max_score`, `status`, `output` |
//! | junit | CI servers | `testsuites`, `testsuite`, `testcase` with `failure` or `skipped` |
//! | tap | TAP harnesses | version 13: plan, `ok` and `not ok`, a YAML block of details |
//!
//! **Invariants** whatever a graded server said, the result is well formed: strings are
//! escaped, and what the format cannot hold at all is replaced.
//!
//! **Lock** none.
//!
//! **Source** Gradescope's autograder specifications; the JUnit XML that Jenkins and
//! GitLab document; testanything.org, version 13.

use std::fmt::Write;

use crate::lab::grader::report::{Check, CheckOutcome, GradeReport, points};

/// Which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// For scripts.
    Json,
    /// For Gradescope.
    Gradescope,
    /// For CI servers.
    Junit,
    /// For TAP harnesses.
    Tap,
}

/// The whole report in that form.
pub fn render(report: &GradeReport, format: Format) -> String {
    match format {
        Format::Text => report.text(),
        Format::Json => json(report),
        Format::Gradescope => gradescope(report),
        Format::Junit => junit(report),
        Format::Tap => tap(report),
    }
}

fn status(check: &Check) -> &'static str {
    match check.outcome {
        CheckOutcome::Undecidable => "undecidable",
        CheckOutcome::NotRun => "not-run",
        CheckOutcome::Earned(_) if check.passed() => "passed",
        CheckOutcome::Earned(_) => "failed",
    }
}

fn json(report: &GradeReport) -> String {
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
    let notes: Vec<String> = report.notes.iter().map(|note| quoted(note)).collect();
    format!(
        "{{\n  \"target\": {},\n  \"score\": {},\n  \"max_score\": 100,\n  \"tests\": [\n{}\n  ],\n  \
         \"notes\": [{}]\n}}\n",
        quoted(&report.target),
        points(report.score()),
        tests.join(",\n"),
        notes.join(", "),
    )
}

fn gradescope(report: &GradeReport) -> String {
    let test = |check: &Check| {
        let status = if check.passed() || check.is_undecidable() { "passed" } else { "failed" };
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
    let mut output = report.target.clone();
    report.notes.iter().for_each(|note| output.push_str(&format!("\n{note}")));
    format!(
        "{{\n  \"score\": {},\n  \"output\": {},\n  \"tests\": [\n{}\n  ]\n}}\n",
        points(report.score()),
        quoted(&output),
        tests.join(",\n"),
    )
}

/// A JSON string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            control if u32::from(control) < 0x20 => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

fn junit(report: &GradeReport) -> String {
    let failures = report.checks.iter().filter(|c| !c.passed() && !c.is_undecidable()).count();
    let skipped = report.checks.iter().filter(|check| check.is_undecidable()).count();
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
        let _ = match check.outcome {
            CheckOutcome::Undecidable => {
                writeln!(xml, "{head}>\n      <skipped message=\"{output}\"/>\n    </testcase>")
            }
            _ if check.passed() => writeln!(xml, "{head}/>"),
            _ => writeln!(
                xml,
                "{head}>\n      <failure message=\"{earned}\">{output}</failure>\n    </testcase>"
            ),
        };
    }
    let notes: Vec<String> = report.notes.iter().map(|note| escaped(note)).collect();
    let _ = writeln!(xml, "    <system-out>{}</system-out>", notes.join("\n"));
    xml + "  </testsuite>\n</testsuites>\n"
}

/// Text of XML 1.0, also within an attribute; characters that it cannot hold become `?`.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
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

fn tap(report: &GradeReport) -> String {
    let mut tap = format!("TAP version 13\n1..{}\n", report.checks.len());
    for (at, check) in report.checks.iter().enumerate() {
        let (number, name) = (at + 1, check.name);
        let output = check.output();
        if check.is_undecidable() {
            let why = output.replace('\n', " ").replace('#', "");
            let _ = writeln!(tap, "ok {number} - {name} # SKIP {why}");
            continue;
        }
        let ok = if check.passed() { "ok" } else { "not ok" };
        let _ = writeln!(tap, "{ok} {number} - {name}");
        if !check.passed() {
            let _ = writeln!(tap, "  ---\n  score: {}", points(check.score()));
            let _ = writeln!(
                tap,
                "  max_score: {}\n  output: {}\n  ...",
                check.weight,
                quoted(&output)
            );
        }
    }
    for line in report.notes.iter().flat_map(|note| note.lines()) {
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
        let tap = render(&hostile(), Format::Tap);
        assert!(tap.starts_with("TAP version 13\n1..10\nnot ok 1 - "), "{tap}");
        assert!(tap.contains("\nnot ok 3 - gives no number twice\n  ---\n  score: 0\n"), "{tap}");
        assert!(
            tap.contains(
                "\nok 5 - draws in an order that one counter could have # SKIP no  order\n"
            )
        );
        assert!(tap.contains("\nok 7 - "), "{tap}");
        assert!(tap.ends_with("# note\n# of two lines\n# score 11.11 of 100\n"), "{tap}");
    }
}
