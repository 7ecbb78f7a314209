//! `check --history`: recorded requests with their times, judged without a server.

mod support;

use std::fs;

use support::{leasebox, scratch, shown};

/// Writes the history, checks it, and returns the output, the errors and the exit code.
fn check(history: &str, more: &[&str]) -> (String, String, Option<i32>) {
    let file = scratch("history");
    fs::write(&file, history).unwrap();
    let fixed = ["check", "--history", file.to_str().unwrap(), "--max", "6"];
    let (stdout, stderr, code) = shown(&leasebox(&[&fixed, more].concat()));
    let name = file.display().to_string();
    fs::remove_file(file).unwrap();
    (stdout, stderr.replace(&name, "FILE"), code)
}

const ONE_AFTER_ANOTHER: &str = "\
# client start end asked numbers
1 0.0 0.1 2 5 1
2 0.2 0.3 1 3
1 0.4 0.5 4 6 2 4
2 0.6 0.7 1
";

#[test]
fn the_order_follows_where_no_two_requests_overlap() {
    let (stdout, _, code) = check(ONE_AFTER_ANOTHER, &["--drained"]);
    let expected = "4 requests of 2 clients, 6 numbers\n\
                    no number came twice\n\
                    one counter: yes; the order follows from the record, 5 1 3 6 2 4\n";
    assert_eq!((stdout.as_str(), code), (expected, Some(0)));
}

#[test]
fn two_orders_remain_where_two_requests_overlap_and_the_list_decides() {
    let history = "1 0.0 0.2 1 5\n2 0.1 0.3 1 3\n2 0.4 0.5 1 1\n";
    let (stdout, _, code) = check(history, &[]);
    assert!(stdout.contains("not decidable; lines 1 and 2 overlapped"), "{stdout}");
    assert!(stdout.contains("1 pairs of requests overlapped"), "{stdout}");
    assert_eq!(code, Some(0));
    for (list, expected) in [
        ("3 5 1 2 4 6", "one counter: yes, in the order that was given"),
        ("3 1 5 2 4 6", "no; line 1 got index 2, and line 3, which began after its end, index 1"),
    ] {
        let order = scratch("order");
        fs::write(&order, list).unwrap();
        let (stdout, stderr, _) = check(history, &["--order", order.to_str().unwrap()]);
        assert!(stdout.contains(expected), "{list}: {stdout}{stderr}");
        fs::remove_file(order).unwrap();
    }
}

#[test]
fn faults_are_named_with_their_lines() {
    let twice = "1 0.0 0.1 1 5\n\n2 0.2 0.3 2 5 7\n";
    let (stdout, _, code) = check(twice, &["--drained"]);
    assert!(stdout.contains("duplicate 5: line 1, line 3\n"), "{stdout}");
    assert!(stdout.contains("out of range 7: line 3\n"), "{stdout}");
    assert!(stdout.contains("5 never came, such as 1, 2, 3, 4, 6\n"), "{stdout}");
    assert_eq!(code, Some(1));
    let after_the_end = "1 0.0 0.1 1\n2 0.2 0.3 1 5\n";
    let (stdout, _, code) = check(after_the_end, &[]);
    let expected = "no; line 1 found the list at its end, and line 2, which began after that";
    assert!(stdout.contains(expected), "{stdout}");
    assert_eq!(code, Some(1));
}

#[test]
fn what_is_no_history_is_refused_with_its_line() {
    let (stdout, stderr, code) = check("1 0.0 0.1 1 5\n5 19 228\n", &[]);
    let expected = "leasebox: FILE, line 2: the count is missing; a line is: client start end count \
                    numbers\n";
    assert_eq!((stdout.as_str(), stderr.as_str(), code), ("", expected, Some(2)));
    let (_, stderr, code) = check("# nothing\n", &[]);
    assert!(stderr.contains("FILE has no request"), "{stderr}");
    assert_eq!(code, Some(2));
}
