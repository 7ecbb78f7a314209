//! The scripts of `tests/scripts`, each against a server of its own.

mod support;

use std::collections::HashMap;
use std::path::Path;

use support::Running;
use support::scripts::{matches, play};

#[test]
fn every_script_plays_as_it_is_written() {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let mut count = 0;
    for entry in std::fs::read_dir(scripts).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        play(&path.display().to_string(), &text, Running::start);
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
