//! `examples/homework.rs`, graded: full marks with the lock, and the right fault without it.

mod support;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use support::{announced, leasebox, shown};

struct Homework {
    child: Child,
    port: String,
}

impl Homework {
    fn start(more: &[&str]) -> Self {
        let mut command = Command::new(built());
        let (child, line) = announced(command.arg("0").args(more), Stdio::null());
        let port = line.trim().strip_prefix("listening on ").unwrap().to_string();
        Self { child, port }
    }

    fn grade(&self, more: &[&str]) -> (String, Option<i32>) {
        let fixed = ["grade", "127.0.0.1", &self.port, "--timeout", "60s"];
        let (stdout, _, code) = shown(&leasebox(&[&fixed, more].concat()));
        (stdout, code)
    }
}

/// The example beside the binary. `cargo test --test homework` alone does not build it.
fn built() -> PathBuf {
    let folder = Path::new(env!("CARGO_BIN_EXE_leasebox")).parent().unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--example", "homework"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    assert!(cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap().success());
    folder.join("examples/homework")
}

impl Drop for Homework {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_homework_gets_full_marks() {
    let (report, code) = Homework::start(&[]).grade(&[]);
    assert!(report.ends_with("\nscore 100 of 100\n"), "{report}");
    assert_eq!(code, Some(0));
}

#[test]
fn the_homework_without_the_lock_gives_numbers_twice() {
    let (report, code) = Homework::start(&["broken"]).grade(&["--format", "json"]);
    let failed = support::students::with_status(&report, "failed");
    assert_eq!(failed, ["unique"], "{report}");
    assert_eq!(code, Some(1));
}

#[test]
fn the_homework_is_short_and_needs_nothing_but_rand() {
    let text = include_str!("../examples/homework.rs");
    assert!(text.lines().count() <= 150);
    let mut uses = text.lines().filter_map(|line| line.strip_prefix("use "));
    assert!(uses.all(|used| used.starts_with("std::") || used.starts_with("rand::")));
    assert!(!text.contains(".pop("));
}
