//! A classroom of servers: right ones that speak in many ways, and wrong ones with one fault each.
//! The soak grades all of them many times; here each kind is graded once.

mod support;

use std::process::Command;

use support::folders::is_there;
use support::students::{
    CLASS_FAULTS, NUMBERS, SAYINGS, assert_class_fault, assert_understood, four_at_once,
    with_status,
};
use support::{leasebox, scratch, shown};

#[test]
fn right_servers_lose_nothing_however_they_speak() {
    four_at_once(SAYINGS, assert_understood);
}

#[test]
fn wrong_servers_lose_the_check_of_their_fault() {
    four_at_once(CLASS_FAULTS, assert_class_fault);
}

#[test]
fn a_server_in_c_without_a_lock_gives_numbers_twice() {
    if !is_there("cc") {
        return;
    }
    let program = scratch("window");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/broken_servers/window.c");
    let mut compile = Command::new("cc");
    compile.args(["-O2", "-pthread", "-o"]).arg(&program).arg(source);
    assert!(compile.status().unwrap().success());
    // A window of 10 µs: narrower ones are found too, but no test may depend on that.
    let command = format!("{} {NUMBERS} 10000", program.display());
    let fixed = ["grade", "--start", &command, "--repeat", "1", "--numbers", NUMBERS];
    let (report, _, code) = shown(&leasebox(&[&fixed[..], &["--format", "json"]].concat()));
    assert_eq!((with_status(&report, "failed"), code), (vec!["unique"], Some(1)), "{report}");
    std::fs::remove_file(program).unwrap();
}
