//! A classroom of servers: right ones that speak in many ways, and wrong ones with one fault each.
//! The soak grades all of them many times; here each kind is graded once.

mod support;

use support::students::{CLASS_FAULTS, SAYINGS, assert_class_fault, assert_understood};

/// Grades every second one of a list, from `first` on: two tests run side by side.
fn every_second<T: Copy>(list: &[T], first: usize, assert: fn(T)) {
    list.iter().skip(first).step_by(2).for_each(|&one| assert(one));
}

#[test]
fn right_servers_lose_nothing_however_they_speak() {
    every_second(&SAYINGS, 0, assert_understood);
}

#[test]
fn right_servers_lose_nothing_however_else_they_speak() {
    every_second(&SAYINGS, 1, assert_understood);
}

#[test]
fn wrong_servers_lose_the_check_of_their_fault() {
    every_second(&CLASS_FAULTS, 0, assert_class_fault);
}

#[test]
fn other_wrong_servers_lose_the_check_of_their_fault() {
    every_second(&CLASS_FAULTS, 1, assert_class_fault);
}
