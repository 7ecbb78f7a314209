//! Clients that send for longer than the server reads, and a server that stood still.

use std::thread;
use std::time::Duration;

use crate::support::Running;

#[test]
fn a_request_that_came_while_the_server_stood_still_is_answered() {
    let server = Running::start(&["--request-timeout", "500ms"]);
    for half in ["draw ", "lease 100 "] {
        let mut client = server.connect();
        client.send(half);
        // The server has the first half. If it is later than that, the test shows less.
        thread::sleep(Duration::from_millis(100));
        server.signal("-STOP");
        client.send("1000\n");
        thread::sleep(Duration::from_millis(700));
        server.signal("-CONT");
        assert!(!client.line().starts_with("error"), "{half}");
    }
}

#[test]
fn an_upload_that_was_refused_before_its_end_still_gets_the_refusal() {
    let server = Running::start(&["--max-message", "64KiB"]);
    let upload = vec![b'z'; 40_000_000];
    let mut text = server.connect();
    text.send([b"set 1 ", &upload[..]].concat());
    let refusal = text.line();
    assert!(refusal.starts_with("error bad-request a line has at most"), "{refusal}");
    let mut http = server.connect();
    let head = "PUT /leases/1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 40000000\r\n\r\n";
    http.send([head.as_bytes(), &upload].concat());
    assert!(http.line().starts_with("HTTP/1.1 413 "));
}
