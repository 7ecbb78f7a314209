//! The grader against servers that are right, and servers with one fault each.

mod support;

use std::process::Command;
use std::time::{Duration, Instant};

use support::students::{
    NUMBERS, Student, assert_fault, assert_full_marks, assert_leasebox_passes,
    assert_not_linearizable, grade, with_status,
};
use support::{BINARY, Running, leasebox, shown};

#[test]
fn right_servers_whose_replies_end_get_full_marks() {
    ["lines", "list", "words", "shell"].into_iter().for_each(assert_full_marks);
}

#[test]
fn right_servers_whose_replies_do_not_end_or_end_the_connection_get_full_marks() {
    ["bare", "close", "strict"].into_iter().for_each(assert_full_marks);
}

#[test]
fn leasebox_gets_full_marks_also_for_its_order() {
    ["request", "number"].into_iter().for_each(assert_leasebox_passes);
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
    assert_fault("no_lock.py");
}

#[test]
fn a_server_without_a_lock_whose_threads_take_turns_gives_numbers_twice() {
    assert_fault("no_lock_no_pause.py");
}

#[test]
fn a_lock_around_the_read_alone_gives_numbers_twice() {
    assert_fault("lock_around_the_read.py");
}

#[test]
fn numbers_that_come_twice_only_under_load_are_found() {
    assert_fault("twice_under_load.py");
}

#[test]
fn long_replies_that_lose_their_tail_are_found() {
    assert_fault("drops_the_tail.py");
}

#[test]
fn a_server_for_one_client_at_a_time_is_found() {
    assert_fault("one_client_at_a_time.py");
}

#[test]
fn numbers_that_are_not_in_the_list_are_found() {
    assert_fault("out_of_range.py");
}

#[test]
fn numbers_that_nobody_ever_gets_are_found() {
    assert_fault("lacks_numbers.py");
}

#[test]
fn a_list_that_was_not_shuffled_is_found() {
    assert_fault("not_shuffled.py");
}

#[test]
fn a_list_that_is_dealt_out_again_is_found() {
    assert_fault("starts_again.py");
}

#[test]
fn a_server_that_dies_of_a_client_that_vanished_is_found() {
    assert_fault("dies_of_a_broken_pipe.py");
}

#[test]
fn a_server_that_waits_for_a_client_that_does_not_read_is_found() {
    assert_fault("waits_for_its_reader.py");
}

#[test]
fn a_grading_keeps_its_time_and_what_it_had_no_time_for_is_not_shown() {
    let student = Student::start("correct.py", &["--shape", "lines", "--delay-ms", "200"]);
    let start = Instant::now();
    let arguments = ["grade", "127.0.0.1", &student.port, "--numbers", NUMBERS];
    let output = leasebox(&[&arguments[..], &["--timeout", "5s", "--format", "json"]].concat());
    assert!(start.elapsed() < Duration::from_secs(50), "{:?}", start.elapsed());
    let (report, _, code) = shown(&output);
    assert_eq!(with_status(&report, "failed"), [""; 0], "{report}");
    assert!(with_status(&report, "not-shown").contains(&"permutation"), "{report}");
    assert_eq!(code, Some(2));
}

#[test]
fn the_strength_of_evidence_is_told() {
    let (report, _) = Student::start("correct.py", &["--shape", "list"]).grade(&[]);
    let told = report.lines().find(|line| line.starts_with("strength of evidence: ")).unwrap();
    let pairs: u64 = told.split(' ').nth(3).unwrap().parse().unwrap();
    assert!(pairs > 1000, "{report}");
    let (report, _) = Student::start("one_client_at_a_time.py", &[]).grade(&[]);
    assert!(report.contains("strength of evidence: none"), "{report}");
}

#[test]
fn a_server_that_dies_of_a_bad_line_is_found() {
    assert_fault("dies_on_a_bad_line.py");
}

#[test]
fn numbers_out_of_the_order_of_one_counter_are_found_where_the_list_is_known_and_only_there() {
    assert_not_linearizable();
    let student = Student::start("not_linearizable.py", &[]);
    let (report, code) = student.grade(&["--format", "json"]);
    assert_eq!((with_status(&report, "failed"), code), (vec![], Some(0)), "{report}");
    assert!(report.contains("not decidable: the list's order is not known"), "{report}");
}

#[test]
fn what_this_machine_lacks_is_held_against_nobody() {
    let server = Running::start(&["--numbers", NUMBERS]);
    let port = server.address.port().to_string();
    // Fewer descriptors than the check of many connections needs.
    let command = format!(
        "ulimit -n 40; exec {BINARY} grade 127.0.0.1 {port} --numbers {NUMBERS} --timeout 20s \
         --format json"
    );
    let output = Command::new("sh").args(["-c", &command]).output().unwrap();
    let (report, _, code) = shown(&output);
    assert!(
        report.contains("this machine ran short, and not the server: no connection"),
        "{report}"
    );
    assert_eq!(with_status(&report, "failed"), [""; 0], "{report}");
    assert_eq!(code, Some(2));
}
