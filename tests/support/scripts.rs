//! Scripts: what is asked, and what has to be answered.
//!
//! A script is a sentence after `#`, a line `server` with the server's arguments, and
//! rounds: requests, `---`, the reply to each. `$A` in a reply takes any word, and
//! stands for that word from then on.

use std::collections::HashMap;

use super::{Client, Running};

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
pub fn matches(expected: &str, reply: &str, names: &mut HashMap<String, String>) -> bool {
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

/// Plays a script against a server that `start` starts with the script's arguments.
pub fn play(name: &str, text: &str, start: impl FnOnce(&[&str]) -> Running) {
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let arguments: Vec<&str> = lines.next().unwrap().split(' ').skip(1).collect();
    let body: Vec<&str> = lines.collect();
    let server = start(&arguments);
    let mut client: Client = server.connect();
    let mut names: HashMap<String, String> = HashMap::new();
    for (requests, replies) in rounds(&body.join("\n")) {
        assert_eq!(requests.len(), replies.len(), "{name}: one reply a request");
        for (request, expected) in requests.iter().zip(replies) {
            let request = names
                .iter()
                .fold(request.to_string(), |request, (name, word)| request.replace(name, word));
            let reply = client.ask(&request);
            let well = matches(expected, &reply, &mut names);
            assert!(
                well,
                "{name}\n  asked    {request}\n  expected {expected}\n  came     {reply}"
            );
        }
    }
}
