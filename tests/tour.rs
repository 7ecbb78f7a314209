//! The tour in `docs/tour.md`: what it names is where it says, and the way of a draw is short.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The stops of a chapter of the tour: a file, and a function in it.
///
/// A function belongs to the file that was named last; a word in backticks is a function when it is
/// all small letters, and is followed by no `/` or dot.
fn stops(chapter: &str) -> BTreeSet<(String, String)> {
    let mut stops = BTreeSet::new();
    let mut is_code = false;
    let mut file = None;
    for line in chapter.lines() {
        if line.starts_with("```") {
            is_code = !is_code;
        } else if line.is_empty() {
            file = None;
        }
        if is_code {
            continue;
        }
        for word in line.split('`').skip(1).step_by(2) {
            let is_name = word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            if word.starts_with("src/") {
                file = Some(word.to_string());
            } else if let Some(file) = file.as_ref().filter(|_| is_name) {
                stops.insert((file.clone(), word.to_string()));
            }
        }
    }
    stops
}

/// Words in backticks that are no functions of ours.
const OTHER_WORDS: [&str; 5] = ["read", "first", "state", "lock", "accept"];

fn functions(chapter: &str) -> Vec<(String, String)> {
    stops(chapter).into_iter().filter(|(_, word)| !OTHER_WORDS.contains(&word.as_str())).collect()
}

fn chapters() -> (String, String) {
    let text = include_str!("../docs/tour.md");
    let (draw, lease) = text.split_once("## The lease").unwrap();
    (draw.split_once("## The draw").unwrap().1.to_string(), lease.to_string())
}

fn missing(stops: &[(String, String)]) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let is_missing = |(file, function): &&(String, String)| {
        let source = fs::read_to_string(root.join(file)).unwrap_or_default();
        !source.contains(&format!("fn {function}(")) && !source.contains(&format!("fn {function}<"))
    };
    stops.iter().filter(is_missing).map(|(file, name)| format!("{name} in {file}")).collect()
}

#[test]
fn what_the_tour_names_is_where_it_says() {
    let (draw, lease) = chapters();
    let (draw, lease) = (functions(&draw), functions(&lease));
    assert!(draw.len() >= 15 && lease.len() >= 8, "{draw:?} {lease:?}");
    assert_eq!(missing(&[draw, lease].concat()), [""; 0]);
}

/// Returns the pieces of code in the tour that stand in no file of their stop. A `…` stands for what
/// the tour leaves out, and a comment is the tour's own; line breaks and indents do not count.
fn misquoted(tour: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let squeeze = |text: &str| text.split_whitespace().collect::<String>();
    let mut sources = String::new();
    let mut is_quoted = false;
    let mut misquoted = Vec::new();
    for line in tour.lines() {
        if line.starts_with("**") {
            sources.clear();
        }
        let names = line.split('`').filter(|word| word.starts_with("src/"));
        sources.extend(names.map(|name| squeeze(&fs::read_to_string(root.join(name)).unwrap())));
        is_quoted = if line.starts_with("```") { line == "```rust" } else { is_quoted };
        if is_quoted && !line.starts_with("```") {
            let code = line.split("//").next().unwrap_or_default();
            let pieces = code.split('…').filter(|piece| !sources.contains(&squeeze(piece)));
            misquoted.extend(pieces.map(str::to_string));
        }
    }
    misquoted
}

#[test]
fn what_the_tour_quotes_stands_in_the_file_of_its_stop() {
    let tour = include_str!("../docs/tour.md");
    assert!(tour.matches("```rust").count() >= 10);
    assert_eq!(misquoted(tour), [""; 0]);
    let wrong =
        "**1.** [`src/lib.rs`](../src/lib.rs)\n```rust\npub mod cli; // …\npub mod clu;\n```\n";
    assert_eq!(misquoted(wrong), ["pub mod clu;"]);
}

#[test]
fn the_way_of_a_draw_is_short() {
    let draw = functions(&chapters().0);
    let files: BTreeSet<&String> = draw.iter().map(|(file, _)| file).collect();
    assert!(draw.len() <= 25 && files.len() <= 8, "{} in {}: {draw:?}", draw.len(), files.len());
    let lines = |file: &&String| {
        let source = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        source.lines().take_while(|line| *line != "#[cfg(test)]").count()
    };
    let lines: usize = files.iter().map(lines).sum();
    assert!(lines <= 1600, "{lines} lines without their tests");
}

#[test]
fn a_lease_passes_nothing_of_later_chapters() {
    let is_later = |(file, _): &(String, String)| {
        file.starts_with("src/cooperative/") || file.starts_with("src/sessions/")
    };
    assert!(!functions(&chapters().1).iter().any(is_later));
}

#[test]
fn a_function_that_has_moved_is_missed() {
    let moved = functions("In [`src/lib.rs`](../src/lib.rs): `no_such_function`, and `read`.\n");
    assert_eq!(missing(&moved), ["no_such_function in src/lib.rs"]);
}
