//! The book: REPORT.md and the pages below docs show the sources as they are, and between them each
//! line of the homework, of `numbers/` and of `memory/`.
//!
//! A woven part of a page stands between a comment that says what it is, and `<!-- end -->`:
//!
//! ```text
//!   <!-- code src/numbers/draw.rs: Counter, take -->   segments of a source, in a block of Rust
//!   <!-- code src/numbers/draw.rs: rest -->            those of the file that no page before shows
//!   <!-- essay src/numbers/draw.rs -->                 the head of a source, as text of the page
//!   <!-- essay src/numbers/draw.rs: intro, Lock -->    parts of the head: a part begins where a
//!                                                      paragraph begins with a word in bold
//!   <!-- essay src/numbers/draw.rs: rest -->           the parts that were not shown before
//!   <!-- commands -->                                  the table of all commands
//!   <!-- left out src/lib.rs: imports -->              needs no end: the book does not show these
//!   <!-- left out all: tests -->                       the same of every file
//! ```
//!
//! `LEASEBOX_WRITE=1 cargo test --test book` writes the woven parts anew. The other tests that write
//! a table of a page have markers of the same kind.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use leasebox::commands::Request;
use regex::Regex;

#[path = "book/segments.rs"]
mod segments;

use segments::{Segment, parts, segments};

/// The pages in the order of the book. A page may show the rest of what the pages before left.
const PAGES: [&str; 8] = [
    "REPORT.md",
    "docs/book/homework.md",
    "docs/book/numbers.md",
    "docs/book/blocks.md",
    "docs/book/leases.md",
    "docs/book/data.md",
    "docs/protocol.md",
    "docs/exercises.md",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The names of the segments that were shown or left out so far, by file.
#[derive(Default)]
struct Shown {
    segments: BTreeMap<String, BTreeSet<String>>,
    /// The names of the shown parts of heads.
    parts: BTreeMap<String, BTreeSet<String>>,
}

impl Shown {
    fn of(&mut self, file: &str) -> &mut BTreeSet<String> {
        self.segments.entry(file.into()).or_default()
    }

    /// Returns the text of a woven part, and remembers what it shows.
    fn weave(&mut self, what: &str) -> String {
        if what == "commands" {
            return commands();
        }
        let (kind, rest) = what.split_once(' ').unwrap();
        match (kind, rest.split_once(": ")) {
            ("essay", None) => self.essay(rest, "rest"),
            ("essay", Some((file, names))) => self.essay(file, names),
            ("code", Some((file, names))) => self.code(file, names),
            _ => panic!("there is no woven part of this form: {what}"),
        }
    }

    /// Returns parts of the head of a source as text: without `//!`, and with its links as names.
    fn essay(&mut self, file: &str, names: &str) -> String {
        let source = read(file);
        let all = parts(&source);
        let wanted: Vec<&str> = names.split(", ").collect();
        let shown = self.parts.entry(file.into()).or_default();
        let chosen: Vec<_> = match wanted[..] {
            ["rest"] => all.iter().filter(|(name, _)| !shown.contains(name)).collect(),
            _ => {
                let find = |name: &&str| all.iter().find(|(known, _)| known == name);
                let found: Option<_> = wanted.iter().map(find).collect();
                found
                    .unwrap_or_else(|| panic!("the head of {file} has not all of {names}: {all:?}"))
            }
        };
        assert!(!chosen.is_empty(), "nothing of the head of {file} is left");
        shown.extend(chosen.iter().map(|(name, _)| name.clone()));
        let is_whole = shown.len() == all.len();
        let text: Vec<&str> = chosen.iter().map(|(_, text)| text.as_str()).collect();
        if is_whole {
            self.of(file).insert("essay".into());
        }
        let links = Regex::new(r"\[(`[^`]+`|[a-z ]+)\](\([a-z_:A-Z]+\))?").unwrap();
        format!("\n{}\n\n", links.replace_all(&text.join("\n\n"), "$1"))
    }

    /// Returns a block of the segments of a file. Segments that do not follow each other have a line
    /// with `…` between them.
    fn code(&mut self, file: &str, names: &str) -> String {
        let source = read(file);
        let all = segments(&source);
        let known: BTreeSet<&str> = all.iter().map(|segment| segment.name.as_str()).collect();
        let wanted: Vec<&str> = names.split(", ").collect();
        let shown = self.of(file);
        let is_wanted = |segment: &Segment| match wanted[..] {
            ["rest"] => {
                segment.name != "essay" && segment.name != "tests" && !shown.contains(&segment.name)
            }
            _ => wanted.contains(&segment.name.as_str()),
        };
        let chosen: Vec<&Segment> = all.iter().filter(|segment| is_wanted(segment)).collect();
        let missing = |name: &&&str| **name != "rest" && !known.contains(**name);
        assert!(wanted.iter().find(missing).is_none(), "{file} has not all of {names}: {known:?}");
        assert!(!chosen.is_empty(), "nothing of {file} is left");
        let lines: Vec<&str> = source.lines().collect();
        let mut text = String::new();
        let mut end = None;
        for segment in chosen {
            let part = lines[segment.lines.0..segment.lines.1].join("\n");
            if end.is_some_and(|end| end != segment.lines.0) {
                text += "\n…\n";
            }
            text += &part;
            text.push('\n');
            end = Some(segment.lines.1);
            self.of(file).insert(segment.name.clone());
        }
        format!("```rust\n{}\n```\n", text.trim_matches('\n'))
    }
}

/// Returns the table of all commands: the words of a text, the resource of HTTP, the kind of a frame.
fn commands() -> String {
    let mut table = String::from("\n| text, RESP | HTTP | frame |\n| --- | --- | --- |\n");
    for ((group, kind, form), route) in Request::COMMANDS.iter().zip(Request::ROUTES) {
        let route = if route.is_empty() { String::new() } else { format!("`{route}`") };
        let group = group.trim_end_matches(": ");
        let group = if group.is_empty() { String::new() } else { format!(" ({group})") };
        let form = form.replace('|', "\\|");
        table += &format!("| `{form}`{group} | {route} | 0x{kind:02x} |\n");
    }
    table + "\n"
}

/// Returns a page with its woven parts as they must be.
fn woven(page: &str, shown: &mut Shown) -> String {
    let mut text = String::new();
    let mut rest = page;
    let marker =
        Regex::new(r"<!-- (code [^>]+|essay [^>]+|commands|left out [^>]+) -->\n").unwrap();
    while let Some(found) = marker.captures(rest) {
        let (whole, what) = (found.get(0).unwrap(), &found[1]);
        text += &rest[..whole.end()];
        rest = &rest[whole.end()..];
        if let Some(left_out) = what.strip_prefix("left out ") {
            let (file, names) = left_out.split_once(": ").unwrap();
            shown.of(file).extend(names.split(", ").map(str::to_string));
            continue;
        }
        let (_, after) =
            rest.split_once("<!-- end -->").unwrap_or_else(|| panic!("{what}: no end"));
        text += &shown.weave(what);
        text += "<!-- end -->";
        rest = after;
    }
    text + rest
}

#[test]
fn the_book_shows_the_sources_as_they_are_and_leaves_no_line_out() {
    let mut shown = Shown::default();
    for page in PAGES {
        let stands = read(page);
        let text = woven(&stands, &mut shown);
        if std::env::var_os("LEASEBOX_WRITE").is_some() {
            fs::write(root().join(page), &text).unwrap();
        } else {
            let differs = stands.lines().zip(text.lines()).find(|(stands, text)| stands != text);
            assert!(stands == text, "{page} is old; LEASEBOX_WRITE=1 writes it: {differs:?}");
        }
    }
    assert_eq!(not_shown(&mut shown), [""; 0]);
    // A book that shows nothing of a file would be found.
    assert!(!not_shown(&mut Shown::default()).is_empty());
}

/// Returns the segments of the homework, of chapter 1 and of chapter 2 that the book neither shows
/// nor names as left out; and names of the book that are no segments.
fn not_shown(shown: &mut Shown) -> Vec<String> {
    let mut files = vec!["examples/homework.rs".to_string()];
    for folder in ["src/numbers", "src/memory", "src/memory/buddy", "src/memory/lease"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_string();
            if name.ends_with(".rs") && !name.ends_with("_tests.rs") {
                files.push(name);
            }
        }
    }
    let mut wrong = Vec::new();
    for file in files {
        let known: BTreeSet<String> = segments(&read(&file)).into_iter().map(|s| s.name).collect();
        let of_all = shown.of("all").clone();
        let mut known = known;
        known.retain(|name| !of_all.contains(name));
        let named = shown.of(&file);
        wrong.extend(known.difference(named).map(|name| format!("{file}: {name}")));
        wrong.extend(named.difference(&known).map(|name| format!("{file} has no {name}")));
    }
    wrong
}
