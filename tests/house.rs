//! The house: who may import whom, as the title page in `src/lib.rs` says.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// In the order in which they are read.
const CHAPTERS: [&str; 8] =
    ["numbers", "memory", "server", "protocol", "cooperative", "sessions", "lab", "lecture"];

/// What puts the chapters together.
const PUT_TOGETHER: [&str; 6] = ["server", "client", "cli", "commands", "lib", "main"];

/// The rooms that a room may import beside itself.
fn may_import(room: &str) -> BTreeSet<&'static str> {
    let everything = CHAPTERS.iter().copied().chain(["common", "commands", "client", "cli"]);
    if PUT_TOGETHER.contains(&room) {
        return everything.collect();
    }
    match CHAPTERS.iter().position(|chapter| *chapter == room) {
        None => BTreeSet::new(),
        Some(0 | 1) => BTreeSet::from(["common"]),
        Some(at) => {
            // The lab draws from real servers, by the library.
            let library = (room == "lab").then_some("client");
            let earlier = CHAPTERS[..at].iter().copied();
            earlier.chain(["common", "commands"]).chain(library).collect()
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The rooms that a source names by `crate::room`, but for comments and tests.
fn named(source: &str) -> BTreeSet<String> {
    let lines = source.lines().take_while(|line| line.trim() != "#[cfg(test)]");
    let code = lines.filter(|line| !line.trim_start().starts_with("//"));
    let rooms = code.flat_map(|line| line.split("crate::").skip(1));
    let room = |rest: &str| {
        rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().map(str::to_string)
    };
    rooms.filter_map(room).collect()
}

/// What a source of that room imports and may not.
fn forbidden(room: &str, source: &str) -> Vec<String> {
    let allowed = may_import(room);
    let is_wrong = |name: &String| name != room && !allowed.contains(name.as_str());
    named(source).into_iter().filter(is_wrong).collect()
}

#[test]
fn who_may_import_whom() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    let is_test = |path: &Path| {
        let name = path.to_str().unwrap();
        name.ends_with("_tests.rs") || name.ends_with("_goldens.rs")
    };
    for path in files(&src).iter().filter(|path| !is_test(path)) {
        let inside = path.strip_prefix(&src).unwrap();
        let room = inside.components().next().unwrap().as_os_str().to_str().unwrap();
        let room = room.trim_end_matches(".rs");
        let source = fs::read_to_string(path).unwrap();
        let names = forbidden(room, &source);
        wrong.extend(names.into_iter().map(|name| format!("{} imports {name}", inside.display())));
    }
    assert_eq!(wrong, [""; 0], "a chapter imports a later one");
}

#[test]
fn an_import_of_a_later_chapter_is_seen() {
    assert_eq!(forbidden("numbers", "use crate::memory::buddy::Buddy;\n"), ["memory"]);
    assert_eq!(forbidden("common", "    crate::numbers::draw::take();\n"), ["numbers"]);
    assert_eq!(forbidden("sessions", "use crate::lab::record;\n"), ["lab"]);
    let fine = "//! [`crate::lab`]\nuse crate::common::id;\nuse crate::sessions::words;\n#[cfg(test)]\nuse crate::lab;\n";
    assert_eq!(forbidden("sessions", fine), [""; 0]);
}
