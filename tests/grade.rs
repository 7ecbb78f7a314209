//! The grader against servers that are right, and servers with one fault each.

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use support::{Running, leasebox, scratch, shown};

/// Enough for every check, and quick.
const NUMBERS: &str = "20000";

const SERVERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/broken_servers/");

/// A running Python server, killed at the end.
struct Student {
    child: Child,
    port: String,
}

impl Student {
    fn start(script: &str, more: &[&str]) -> Self {
        let mut child = Command::new("python3")
            .args([&format!("{SERVERS}{script}"), "--numbers", NUMBERS])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().strip_prefix("listening on ").unwrap().to_string();
        Self { child, port }
    }

    fn grade(&self, more: &[&str]) -> (String, Option<i32>) {
        grade(&self.port, more)
    }
}

impl Drop for Student {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn grade(port: &str, more: &[&str]) -> (String, Option<i32>) {
    let fixed = ["grade", "127.0.0.1", port, "--numbers", NUMBERS, "--timeout", "30s"];
    let (stdout, _, code) = shown(&leasebox(&[&fixed, more].concat()));
    (stdout, code)
}

/// The keys of the checks with that status, of a report in JSON.
fn with_status<'r>(report: &'r str, status: &str) -> Vec<&'r str> {
    let is = |line: &&str| line.contains(&format!("\"status\": \"{status}\""));
    let key = |line: &'r str| line.split('"').nth(3).unwrap();
    report.lines().filter(is).map(key).collect()
}

/// Asserts that a server with one fault loses exactly these checks, however often.
fn assert_fault(script: &str, faults: &[&str]) {
    let (report, code) = Student::start(script, &[]).grade(&["--format", "json"]);
    assert_eq!(with_status(&report, "failed"), faults, "{script}: {report}");
    assert_eq!(with_status(&report, "undecidable"), ["linearizable"], "{script}: {report}");
    assert_eq!(code, Some(1), "{script}");
}

#[test]
fn right_servers_whose_replies_end_get_full_marks() {
    full_marks(&["lines", "list", "words", "shell"]);
}

#[test]
fn right_servers_whose_replies_do_not_end_or_end_the_connection_get_full_marks() {
    full_marks(&["bare", "close"]);
}

fn full_marks(shapes: &[&str]) {
    for shape in shapes {
        let (report, code) = Student::start("correct.py", &["--shape", shape]).grade(&[]);
        assert!(report.ends_with("\nscore 100 of 100\n"), "{shape}: {report}");
        assert_eq!(code, Some(0), "{shape}");
    }
}

#[test]
fn leasebox_gets_full_marks_also_for_its_order() {
    for lock in ["request", "number"] {
        let server = Running::start(&["--numbers", NUMBERS, "--seed", "7", "--lock", lock]);
        let port = server.address.port().to_string();
        let (report, code) = grade(&port, &["--seed", "7"]);
        assert!(report.ends_with("\nscore 100 of 100\n"), "{report}");
        assert!(report.contains("  10/10  draws in an order that one counter could have"));
        assert_eq!(code, Some(0));
    }
}

#[test]
fn leasebox_without_the_lock_is_caught() {
    let server = Running::start(&["--numbers", NUMBERS, "--no-lock", "--race-window", "50us"]);
    let (report, code) = grade(&server.address.port().to_string(), &["--format", "json"]);
    assert!(with_status(&report, "failed").contains(&"unique"), "{report}");
    assert_eq!(code, Some(1));
}

#[test]
fn a_server_without_a_lock_gives_numbers_twice() {
    assert_fault("no_lock.py", &["unique", "permutation"]);
}

#[test]
fn a_lock_around_the_read_alone_gives_numbers_twice() {
    assert_fault("lock_around_the_read.py", &["unique", "permutation"]);
}

#[test]
fn numbers_that_come_twice_only_under_load_are_found() {
    assert_fault("twice_under_load.py", &["unique", "permutation"]);
}

#[test]
fn long_replies_that_lose_their_tail_are_found() {
    assert_fault("drops_the_tail.py", &["numbers", "permutation"]);
}

#[test]
fn a_server_for_one_client_at_a_time_is_found() {
    assert_fault("one_client_at_a_time.py", &["together", "vanish", "unread"]);
}

#[test]
fn numbers_that_are_not_in_the_list_are_found() {
    assert_fault("out_of_range.py", &["range", "permutation"]);
}

#[test]
fn a_list_that_was_not_shuffled_is_found() {
    assert_fault("not_shuffled.py", &["random"]);
}

#[test]
fn a_server_that_dies_of_a_bad_line_is_found() {
    assert_fault("dies_on_a_bad_line.py", &["bad-input"]);
}

#[test]
fn numbers_out_of_the_order_of_one_counter_are_found_where_the_list_is_known_and_only_there() {
    let list = scratch("list");
    let list = list.to_str().unwrap();
    let student = Student::start("not_linearizable.py", &["--list", list]);
    let (report, code) = student.grade(&["--format", "json", "--order", list]);
    assert_eq!(with_status(&report, "failed"), ["linearizable"], "{report}");
    assert_eq!(code, Some(1));
    let student = Student::start("not_linearizable.py", &[]);
    let (report, code) = student.grade(&["--format", "json"]);
    assert_eq!((with_status(&report, "failed"), code), (vec![], Some(0)), "{report}");
    assert!(report.contains("not decidable: the list's order is not known"), "{report}");
    std::fs::remove_file(list).unwrap();
}
