//! Draw servers as students hand them in: right ones, and ones with a fault.

use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;

use super::{Running, announced, leasebox, scratch, shown};

/// Enough for every check, and quick.
pub const NUMBERS: &str = "20000";

const SERVERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/broken_servers/");

/// A running Python server, killed at the end.
pub struct Student {
    child: Child,
    pub port: String,
}

impl Student {
    pub fn start(script: &str, more: &[&str]) -> Self {
        let mut command = Command::new("python3");
        command.args([&format!("{SERVERS}{script}"), "--numbers", NUMBERS]).args(more);
        let (child, line) = announced(&mut command, Stdio::null());
        let port = line.trim().strip_prefix("listening on ").unwrap().to_string();
        Self { child, port }
    }

    pub fn grade(&self, more: &[&str]) -> (String, Option<i32>) {
        grade(&self.port, more)
    }
}

impl Drop for Student {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Grades what listens on the port.
pub fn grade(port: &str, more: &[&str]) -> (String, Option<i32>) {
    let fixed = ["grade", "127.0.0.1", port, "--numbers", NUMBERS, "--timeout", "30s"];
    let (stdout, _, code) = shown(&leasebox(&[&fixed, more].concat()));
    (stdout, code)
}

/// The keys of the checks with that status, of a report in JSON.
pub fn with_status<'r>(report: &'r str, status: &str) -> Vec<&'r str> {
    let is = |line: &&str| line.contains(&format!("\"status\": \"{status}\""));
    let key = |line: &'r str| line.split('"').nth(3).unwrap();
    report.lines().filter(is).map(key).collect()
}

/// Servers with one fault each, and the checks that they lose by it, no more and no less.
pub const FAULTS: [(&str, &[&str]); 13] = [
    ("no_lock.py", &["unique"]),
    ("no_lock_no_pause.py", &["unique"]),
    ("lock_around_the_read.py", &["unique"]),
    ("twice_under_load.py", &["unique"]),
    ("drops_the_tail.py", &["numbers"]),
    ("one_client_at_a_time.py", &["together"]),
    ("out_of_range.py", &["range"]),
    ("lacks_numbers.py", &["permutation"]),
    ("not_shuffled.py", &["random"]),
    ("starts_again.py", &["unique"]),
    ("dies_on_a_bad_line.py", &["bad-input"]),
    ("dies_of_a_broken_pipe.py", &["vanish"]),
    ("waits_for_its_reader.py", &["unread"]),
];

/// The ways in which the right servers of `dialects.py` speak, but for `slow_banner`: it needs more
/// time than a test gives.
pub const SAYINGS: [&str; 27] = [
    "one_each",
    "one_each_line",
    "one_each_nul",
    "one_each_words",
    "nul_record_close",
    "records_of_nuls",
    "padded",
    "records_of_spaces",
    "length_big",
    "length_little",
    "length_short",
    "length_in_text",
    "after_shutdown",
    "grouped",
    "clock",
    "seconds",
    "name",
    "name_and_left",
    "request",
    "took",
    "count",
    "json",
    "indexed",
    "each_in_words",
    "semicolons",
    "slow_replies",
    "two_line_ends",
];

/// The faults of `faults.py` that are seen from outside, and the checks that they lose: the first
/// one in any case, the others perhaps.
pub const CLASS_FAULTS: [(&str, &[&str]); 20] = [
    ("lock_released_before_the_index_is_used", &["unique"]),
    ("a_lock_for_each_client", &["unique"]),
    ("wrong_at_the_end", &["unique"]),
    ("race_that_spoils_replies", &["unique"]),
    ("pop_and_catch", &["unique"]),
    ("choice_without_removal", &["unique"]),
    ("dies_under_load", &["together"]),
    ("last_never", &["permutation"]),
    ("first_never", &["permutation"]),
    ("fifty_never", &["permutation"]),
    ("last_twice", &["unique"]),
    ("larger_range", &["range"]),
    ("from_zero", &["range"]),
    ("dies_at_its_200th", &["endures"]),
    ("closes_after_1000", &["endures"]),
    ("a_number_too_many", &["numbers", "unique"]),
    ("one_too_few", &["numbers"]),
    ("shared_buffer", &["unique", "numbers"]),
    ("lock_kept_by_a_vanished_client", &["vanish"]),
    ("ends_with_its_list", &["vanish"]),
];

/// Does it to each item, four at once: most of a grading is waiting.
pub fn four_at_once<T: Send>(
    items: impl IntoIterator<Item = T, IntoIter: Send>,
    act: impl Fn(T) + Sync,
) {
    let items = Mutex::new(items.into_iter());
    let draw = || items.lock().unwrap().next();
    let work = || {
        while let Some(item) = draw() {
            act(item);
        }
    };
    thread::scope(|scope| {
        (0..4).for_each(|_| drop(scope.spawn(work)));
    });
}

/// Asserts that a right server gets full marks, however it speaks.
pub fn assert_understood(saying: &str) {
    let student = Student::start("dialects.py", &["--say", saying]);
    let (report, code) = student.grade(&[]);
    assert!(report.ends_with("\nscore 100 of 100\n"), "{saying}: {report}");
    assert_eq!(code, Some(0), "{saying}");
}

/// Asserts that the grader finds a fault of `faults.py`, and names no other.
pub fn assert_class_fault((fault, checks): (&str, &[&str])) {
    let student = Student::start("faults.py", &["--fault", fault]);
    let (report, code) = student.grade(&["--format", "json"]);
    let failed = with_status(&report, "failed");
    assert!(failed.contains(&checks[0]), "{fault}: {report}");
    assert!(failed.iter().all(|check| checks.contains(check)), "{fault}: {report}");
    assert_eq!(code, Some(1), "{fault}");
}

/// The shapes of the right one.
pub const SHAPES: [&str; 7] = ["lines", "list", "words", "shell", "bare", "close", "strict"];

/// Asserts that the grader finds the fault.
pub fn assert_fault(script: &str) {
    let (_, faults) = FAULTS.into_iter().find(|(name, _)| *name == script).unwrap();
    let (report, code) = Student::start(script, &[]).grade(&["--format", "json"]);
    assert_eq!(with_status(&report, "failed"), faults, "{script}: {report}");
    // Where the server serves one client at a time, the record itself shows the order.
    let is_one = script == "one_client_at_a_time.py";
    let undecidable: &[&str] = if is_one { &[] } else { &["linearizable"] };
    assert_eq!(with_status(&report, "undecidable"), undecidable, "{script}: {report}");
    assert_eq!(with_status(&report, "not-run"), [""; 0], "{script}: {report}");
    assert_eq!(code, Some(1), "{script}");
}

/// Asserts that the right server gets full marks in that shape, for its order too.
pub fn assert_full_marks(shape: &str) {
    let list = scratch("list");
    let name = list.to_str().unwrap();
    let student = Student::start("correct.py", &["--shape", shape, "--list", name]);
    let (report, code) = student.grade(&["--order", name]);
    assert!(report.ends_with("\nscore 100 of 100\n"), "{shape}: {report}");
    assert!(report.contains("   5/5   draws in an order that one counter could have"), "{report}");
    assert_eq!(code, Some(0), "{shape}");
    std::fs::remove_file(list).unwrap();
}

/// Asserts that the order of one counter is missed where it can be seen.
pub fn assert_not_linearizable() {
    let list = scratch("list");
    let name = list.to_str().unwrap();
    let student = Student::start("not_linearizable.py", &["--list", name]);
    let (report, code) = student.grade(&["--format", "json", "--order", name]);
    assert_eq!(with_status(&report, "failed"), ["linearizable"], "{report}");
    assert_eq!(code, Some(1));
    std::fs::remove_file(list).unwrap();
}

/// Asserts that leasebox gets full marks, its order included.
pub fn assert_leasebox_passes(lock: &str) {
    let server = Running::start(&["--numbers", NUMBERS, "--seed", "7", "--lock", lock]);
    let port = server.address.port().to_string();
    let (report, code) = grade(&port, &["--seed", "7"]);
    assert!(report.ends_with("\nscore 100 of 100\n"), "{report}");
    assert!(report.contains("   5/5   draws in an order that one counter could have"));
    assert_eq!(code, Some(0));
}
