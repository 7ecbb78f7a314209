//! The scripts of `tests/scripts`, each against a server of its own.
//!
//! A script is a sentence after `#`, a line `server` with the server's arguments, and
//! rounds: requests, `---`, the reply to each. `$A` in a reply takes any word, and
//! stands for that word from then on.

mod support;

use std::collections::HashMap;
use std::path::Path;

use support::{Client, Running};

/// Requests and their replies.
type Round<'a> = (Vec<&'a str>, Vec<&'a str>);

fn rounds(text: &str) -> Vec<Round<'_>> {
    let mut rounds: Vec<Round<'_>> = vec![Default::default()];
    let mut in_replies = false;
    for line in text.lines() {
        let round = rounds.last_mut().unwrap();
        match line {
            "---" => in_replies = true,
            "" if in_replies => {
                in_replies = false;
                rounds.push(Default::default());
            }
            _ if in_replies => round.1.push(line),
            _ => round.0.push(line),
        }
    }
    rounds.retain(|round| !round.0.is_empty());
    rounds
}

/// Whether `reply` is what was expected, with names bound where they first stand.
fn matches(expected: &str, reply: &str, names: &mut HashMap<String, String>) -> bool {
    let (mut expected, mut reply) = (expected.split(' '), reply.split(' '));
    loop {
        match (expected.next(), reply.next()) {
            (None, None) => return true,
            (Some(word), Some(came)) if word.starts_with('$') => {
                if names.entry(word.to_string()).or_insert_with(|| came.to_string()) != came {
                    return false;
                }
            }
            (Some(word), Some(came)) if word == came => {}
            _ => return false,
        }
    }
}

fn play(path: &Path) {
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let arguments: Vec<&str> = lines.next().unwrap().split(' ').skip(1).collect();
    let body: Vec<&str> = lines.collect();
    let server = Running::start(&arguments);
    let mut client: Client = server.connect();
    let mut names: HashMap<String, String> = HashMap::new();
    for (requests, replies) in rounds(&body.join("\n")) {
        assert_eq!(requests.len(), replies.len(), "{}: one reply a request", path.display());
        for (request, expected) in requests.iter().zip(replies) {
            let request = names
                .iter()
                .fold(request.to_string(), |request, (name, word)| request.replace(name, word));
            let reply = client.ask(&request);
            let well = matches(expected, &reply, &mut names);
            let shown = path.display();
            assert!(
                well,
                "{shown}\n  asked    {request}\n  expected {expected}\n  came     {reply}"
            );
        }
    }
}

#[test]
fn every_script_plays_as_it_is_written() {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let mut count = 0;
    for entry in std::fs::read_dir(scripts).unwrap() {
        play(&entry.unwrap().path());
        count += 1;
    }
    assert!(count >= 4, "only {count} scripts were found");
}

#[test]
fn a_reply_that_differs_is_noticed() {
    let mut names = HashMap::new();
    assert!(matches("leased $A 32", "leased x 32", &mut names));
    assert!(!matches("released $A", "released y", &mut names));
    assert!(!matches("tree 32-free", "tree 32-free 32-free", &mut names));
    assert!(!matches("data $A  ", "data x ", &mut names));
}
