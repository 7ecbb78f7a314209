//! The scripts of `tests/scripts_http`, each against a server of its own, on one connection.
//!
//! A script is a sentence after `#`, a line `server` with the server's arguments, and rounds: a request's
//! lines, `---`, the lines of the response. A response's lines are its head's in any order and, behind an
//! empty line, its body's; `…` stands for whatever follows, `$NAME` for a word, the same
//! in all of the script.

use std::collections::HashMap;
use std::path::Path;

use crate::support::Running;
use crate::support::http::response;

/// Whether a line is what was expected, with names bound where they first stand.
fn is_line(expected: &str, line: &str, names: &mut HashMap<String, String>) -> bool {
    if let Some(start) = expected.strip_suffix('…') {
        return line.starts_with(start);
    }
    let (expected, line): (Vec<&str>, Vec<&str>) =
        (expected.split(' ').collect(), line.split(' ').collect());
    expected.len() == line.len()
        && expected.into_iter().zip(line).all(|(expected, came)| match expected.split_once('$') {
            Some((before, name)) => came.strip_prefix(before).is_some_and(|came| {
                names.entry(name.to_string()).or_insert_with(|| came.to_string()) == came
            }),
            None => expected == came,
        })
}

fn with_names(text: &str, names: &HashMap<String, String>) -> String {
    names
        .iter()
        .fold(text.to_string(), |text, (name, word)| text.replace(&format!("${name}"), word))
}

fn play(path: &Path) {
    let text = std::fs::read_to_string(path).unwrap();
    let (first, rest) = text.split_once("\n\n").unwrap();
    let arguments = first.lines().find_map(|line| line.strip_prefix("server")).unwrap();
    let server = Running::start(&arguments.split_whitespace().collect::<Vec<_>>());
    let (mut client, mut names) = (server.connect(), HashMap::new());
    for round in rest.split("\n===\n") {
        let (request, expected) = round.split_once("\n---\n").unwrap();
        let request = with_names(request, &names);
        let (head, body) = request.split_once("\n\n").unwrap_or((&request, ""));
        client.send(head.replace('\n', "\r\n") + "\r\n\r\n" + body);
        let answer = response(&mut client, head.starts_with("HEAD ")).unwrap();
        let shown = format!("{}\n{head}\n{answer:#?}", path.display());
        let (lines, body) = expected.split_once("\n\n").unwrap_or((expected, ""));
        let mut lines = lines.trim_end().lines();
        assert!(is_line(lines.next().unwrap(), &answer.first, &mut names), "{shown}");
        for line in lines {
            let found = answer
                .fields
                .iter()
                .any(|(name, value)| is_line(line, &format!("{name}: {value}"), &mut names));
            assert!(found, "no {line}: {shown}");
        }
        let came = answer.text().trim_end().lines();
        let well =
            body.trim_end().lines().zip(came).all(|(line, came)| is_line(line, came, &mut names));
        let is_whole = body.trim_end().ends_with('…')
            || body.trim_end().lines().count() == answer.text().trim_end().lines().count();
        assert!(well && is_whole, "{shown}\n{}", answer.text());
    }
}

#[test]
fn every_script_plays_as_it_is_written() {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts_http");
    let mut count = 0;
    for entry in std::fs::read_dir(scripts).unwrap() {
        play(&entry.unwrap().path());
        count += 1;
    }
    assert!(count >= 3, "only {count} scripts were found");
}
