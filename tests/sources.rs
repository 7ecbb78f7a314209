//! `docs/sources.md`: each row of the five documents names what shows it, and here it is shown.

use std::path::Path;

use regex::Regex;

mod support;

use support::{Running, leasebox, sources};

const PAGE: &str = include_str!("../docs/sources.md");

/// The evidence for a row.
#[derive(Debug, PartialEq)]
enum Evidence<'a> {
    /// A test of this name.
    Test(&'a str),
    /// A file with tests.
    File(&'a str),
    /// A command, and a pattern of what it prints.
    Command(&'a str, &'a str),
    /// Lines of text to a server, and a pattern of the last reply.
    Lines(&'a str, &'a str),
}

/// A row: its name, its state, and what shows it.
fn row(line: &str) -> Option<(&str, &str, Vec<Evidence<'_>>)> {
    let cells: Vec<&str> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
    let &[name, _, state, shown] = &cells[..] else { return None };
    if matches!(name, "row" | "---") {
        return None;
    }
    let mut pieces = shown.split('`').skip(1).step_by(2);
    let mut evidence = Vec::new();
    while let Some(piece) = pieces.next() {
        let mut says = || pieces.next().unwrap_or_else(|| panic!("{name}: what does it say?"));
        evidence.push(match (piece.strip_prefix("$ "), piece.strip_prefix("> ")) {
            (Some(command), _) => Evidence::Command(command, says()),
            (_, Some(lines)) => Evidence::Lines(lines, says()),
            _ if piece.contains('/') => Evidence::File(piece),
            _ => Evidence::Test(piece),
        });
    }
    Some((name, state, evidence))
}

fn rows() -> Vec<(&'static str, &'static str, Vec<Evidence<'static>>)> {
    PAGE.lines().filter_map(row).collect()
}

#[test]
fn the_page_has_every_row_once_and_counts_those_that_work() {
    let rows = rows();
    let mut names: Vec<&str> = rows.iter().map(|(name, ..)| *name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!((rows.len(), names.len()), (227, 227));
    let works = rows.iter().filter(|(_, state, _)| state.starts_with("works")).count();
    let counted = format!("Of these rows {works} work. {} are kept", 227 - works);
    assert!(PAGE.contains(&counted), "{counted}");
    for (name, state, evidence) in rows {
        // A row that works is shown, or was measured.
        let is_shown = !evidence.is_empty() || state.contains("measurements.md");
        assert!(is_shown || !state.starts_with("works"), "{name} is shown by nothing");
    }
}

#[test]
fn each_test_and_each_file_that_a_row_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let all = sources();
    for (name, _, evidence) in rows() {
        for shown in evidence {
            match shown {
                Evidence::Test(test) => {
                    assert!(all.contains(&format!("fn {test}(")), "{name}: no test {test}");
                }
                Evidence::File(file) => assert!(root.join(file).is_file(), "{name}: no {file}"),
                Evidence::Command(..) | Evidence::Lines(..) => {}
            }
        }
    }
}

fn server() -> Running {
    Running::start(&["--seed", "7", "--memory", "1MiB"])
}

/// Says the lines; the last reply.
fn said(lines: &str) -> String {
    let server = server();
    let mut client = server.connect();
    let (mut id, mut reply) = (String::new(), String::new());
    for line in lines.split(" ; ") {
        reply = client.ask(&line.replace("{}", &id));
        if let Some(word) = reply.split(' ').nth(1) {
            id = word.to_string();
        }
    }
    reply
}

/// The output of a command, on standard output and standard error.
fn printed(command: &str) -> String {
    let server = command.contains(" HOST PORT ").then(server);
    let place = server.as_ref().map_or(String::new(), |server| {
        format!(" {} {} ", server.address.ip(), server.address.port())
    });
    let command = command.replace(" HOST PORT ", &place);
    let words: Vec<&str> = command.split(' ').collect();
    assert_eq!(words[0], "leasebox");
    let output = leasebox(&words[1..]);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

#[test]
fn each_command_and_each_line_of_a_row_says_what_the_row_says() {
    let mut count = 0;
    for (name, _, evidence) in rows() {
        for shown in evidence {
            let (told, pattern) = match shown {
                Evidence::Command(command, says) => (printed(command), says),
                Evidence::Lines(lines, says) => (said(lines), says),
                Evidence::Test(_) | Evidence::File(_) => continue,
            };
            count += 1;
            assert!(Regex::new(pattern).unwrap().is_match(&told), "{name}: {told}");
        }
    }
    assert!(count > 25, "{count}");
}

#[test]
fn a_row_is_read_as_it_is_written() {
    let shown = "`$ leasebox x` says `y`, `a_test`, `tests/a.py`, `> a ; b` says `c`";
    let evidence = vec![
        Evidence::Command("leasebox x", "y"),
        Evidence::Test("a_test"),
        Evidence::File("tests/a.py"),
        Evidence::Lines("a ; b", "c"),
    ];
    let line = format!("| M1 | says | works | {shown} |");
    assert_eq!(row(&line), Some(("M1", "works", evidence)));
    assert_eq!(row("| --- | --- | --- | --- |"), None);
}
