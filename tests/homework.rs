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

/// Makes the archive, unpacks it into a folder of its own, and returns that folder.
fn handed_in(id: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let made = Command::new(root.join("run.sh")).args(["hand-in", id]).output().unwrap();
    let said = String::from_utf8(made.stdout).unwrap();
    assert!(said.starts_with(&format!("{id}.zip: {id}.rs, ")), "{said}");
    let (archive, folder) = (root.join(format!("{id}.zip")), support::scratch("handed-in"));
    let mut unzip = Command::new("python3");
    unzip.args(["-m", "zipfile", "-e"]).arg(&archive).arg(&folder);
    assert!(unzip.status().unwrap().success());
    std::fs::remove_file(archive).unwrap();
    folder
}

#[test]
fn what_is_handed_in_builds_and_gets_full_marks() {
    let folder = handed_in("test-0716001");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    // The versions that this project has: nothing has to be fetched.
    std::fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    let lines = std::fs::read_to_string(folder.join("run.txt")).unwrap();
    assert_eq!(lines, "cargo build --release --quiet\ntarget/release/homework {port}\n");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--release", "--quiet", "--offline"]).current_dir(&folder);
    cargo.env_remove("CARGO_TARGET_DIR");
    assert!(cargo.status().unwrap().success());
    let server = folder.join("target/release/homework");
    let (child, line) = announced(Command::new(server).arg("0"), Stdio::null());
    let port = line.trim().strip_prefix("listening on ").unwrap().to_string();
    let (report, code) = Homework { child, port }.grade(&[]);
    assert!(report.ends_with("\nscore 100 of 100\n") && code == Some(0), "{report}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn an_id_that_is_no_name_of_a_file_is_refused() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for id in ["", "../x", "a b", "a.zip"] {
        let refused = Command::new(root.join("run.sh")).args(["hand-in", id]).output().unwrap();
        let why = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success() && why.contains("give your id"), "{id:?}: {why}");
    }
}
