//! `grade --start`: it starts a submission, finds its port, grades it with chaos, and ends it.

mod support;

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::students::{NUMBERS, with_status};
use support::{leasebox, processes_of, shown, wait_for};

const SERVERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/broken_servers/");

/// Grades a script once; returns the report, the errors and the exit code.
fn start(script: &str, more: &[&str]) -> (String, String, Option<i32>) {
    let command = format!("python3 {SERVERS}{script} --numbers {NUMBERS}");
    let fixed = ["grade", "--start", &command, "--numbers", NUMBERS, "--timeout", "60s"];
    let once = ["--repeat", "1", "--chaos-seed", "1", "--format", "json"];
    shown(&leasebox(&[&fixed[..], &once, more].concat()))
}

#[test]
fn chaos_finds_the_race_that_python_hides_and_without_chaos_it_stays_hidden() {
    let quiet = "faults.py --fault no_lock_and_quiet";
    let (report, _, code) = start(quiet, &[]);
    assert!(with_status(&report, "failed").contains(&"unique"), "{report}");
    assert_eq!(code, Some(1));
    let (report, _, code) = start(quiet, &["--chaos", "off", "--least-cores", "0"]);
    assert_eq!((with_status(&report, "failed"), code), (vec![], Some(0)), "{report}");
}

#[test]
fn a_right_server_loses_nothing_by_chaos() {
    let (report, _, code) = start("correct.py --shape lines", &[]);
    assert_eq!((with_status(&report, "failed"), code), (vec![], Some(0)), "{report}");
}

/// Counts the sleeps of chaos in a script, before and after the grader has ended it.
const COUNTS_SLEEPS: &str = r#"
import os, sitecustomize
sleeps = []
sitecustomize.time = type("Time", (), {"sleep": staticmethod(sleeps.append)})

def work():
    return sum(range(3))

def many():
    for _ in range(2000):
        work()

many()
before = len(sleeps)
open(os.path.join(sitecustomize.FOLDER, "over"), "w").close()
many()
print(before > 0, len(sleeps) - before)
"#;

#[test]
fn chaos_is_over_when_all_draws_are_judged() {
    let home = support::scratch("chaos");
    fs::create_dir(&home).unwrap();
    let chaos = concat!(env!("CARGO_MANIFEST_DIR"), "/src/lab/grader/sitecustomize.py");
    fs::copy(chaos, home.join("sitecustomize.py")).unwrap();
    fs::write(home.join("script.py"), COUNTS_SLEEPS).unwrap();
    let mut python = Command::new("python3");
    python.arg(home.join("script.py")).env("PYTHONPATH", &home).env("CHAOS_ROOT", &home);
    let (stdout, stderr, _) = shown(&python.output().unwrap());
    assert_eq!(stdout, "True 0\n", "{stderr}");
    fs::remove_dir_all(home).unwrap();
}

/// Returns the most threads that a process with this word in its command line has.
fn threads_of(word: &str) -> usize {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let of_word = entries.filter(|entry| {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        line.contains(word) && !line.contains("--start")
    });
    let threads = of_word.filter_map(|entry| fs::read_dir(entry.path().join("task")).ok());
    threads.map(Iterator::count).max().unwrap_or(0)
}

/// Grades a server of `engines.py` with chaos, and asserts what its lock decides.
fn assert_engine(engine: &str) {
    for (lock, failed) in [("yes", &[][..]), ("no", &["unique"])] {
        let script = format!("engines.py --engine {engine} --lock {lock}");
        let (report, ..) = start(&script, &[]);
        assert_eq!(with_status(&report, "failed"), failed, "{script}: {report}");
    }
}

#[test]
fn chaos_is_for_pools_of_threads_too() {
    assert_engine("executor");
}

#[test]
fn chaos_is_for_processes_too() {
    assert_engine("processes");
}

#[test]
fn a_submission_does_not_outlive_a_grading_that_is_killed() {
    let word = "tests/../tests/broken_servers/correct.py";
    let command = format!("python3 {}/{word} --shape lines", env!("CARGO_MANIFEST_DIR"));
    let mut grading = Command::new(support::BINARY)
        .args(["grade", "--start", &command, "--chaos", "off"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // Its first client has a thread: until then it may end by a print that nobody reads.
    wait_for("the submission to serve a client", || threads_of(word) > 1);
    grading.kill().unwrap();
    grading.wait().unwrap();
    wait_for("the submission to end", || processes_of(word).is_empty());
}

#[test]
fn a_submission_that_ends_before_it_listens_is_told_with_its_last_words() {
    let begun = Instant::now();
    let words = ["grade", "--start", "echo missing module; exit 3"];
    let (stdout, stderr, code) = shown(&leasebox(&words));
    assert_eq!((stdout.as_str(), code), ("", Some(2)));
    assert!(stderr.contains("ended with exit 3 before it listened: missing module"), "{stderr}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_port_of_its_own_that_is_still_in_use_is_waited_for() {
    // The listener of this test has the port at first.
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let server = format!("{} serve --port {port} --numbers 5000", support::BINARY);
    // leasebox has its own words for it; the C library's are those that students' servers print.
    let command = format!("{server} || {{ echo Address already in use; exit 1; }}");
    let mut grading = Command::new(support::BINARY)
        .args(["grade", "--start", &command, "--numbers", "5000", "--repeat", "1"])
        .args(["--least-cores", "0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let word = format!("serve --port {port}");
    wait_for("the first start", || !processes_of(&word).is_empty());
    wait_for("its end", || processes_of(&word).is_empty());
    drop(listener);
    let mut report = String::new();
    grading.stdout.take().unwrap().read_to_string(&mut report).unwrap();
    assert!(report.ends_with("\nscore 100 of 100\n"), "{report}");
    assert_eq!(grading.wait().unwrap().code(), Some(0));
}

#[test]
fn an_order_that_is_the_same_at_each_start_is_not_random() {
    let command = format!("{} serve --port {{port}} --numbers 5000 --seed 7", support::BINARY);
    let fixed = ["grade", "--start", &command, "--numbers", "5000", "--repeat", "2"];
    let (report, _, code) = shown(&leasebox(&[&fixed[..], &["--format", "json"]].concat()));
    assert_eq!((with_status(&report, "failed"), code), (vec!["random"], Some(1)), "{report}");
    assert!(report.contains("each start gives the same order"), "{report}");
}

#[test]
fn where_other_programs_leave_too_few_cores_a_race_is_left_open() {
    let command = format!("{} serve --port {{port}} --numbers 5000", support::BINARY);
    let fixed = ["grade", "--start", &command, "--numbers", "5000", "--repeat", "1"];
    // No machine has a million cores, and every machine leaves at least 0.
    for (least, open, expected) in [("1000000", vec!["unique"], 2), ("0", vec![], 0)] {
        let more = ["--format", "json", "--least-cores", least];
        let (report, _, code) = shown(&leasebox(&[&fixed[..], &more].concat()));
        assert_eq!((with_status(&report, "not-shown"), code), (open, Some(expected)), "{report}");
        assert_eq!(report.contains("not shown: other programs used"), expected == 2, "{report}");
    }
    let script = "engines.py --engine executor --lock yes";
    let (report, ..) = start(script, &["--least-cores", "1000000"]);
    assert_eq!(with_status(&report, "not-shown"), [""; 0], "chaos needs no second core: {report}");
}
