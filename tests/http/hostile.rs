//! Hostile requests, and the answer that each must get.
//!
//! Each stands on a connection of its own; a second, good request follows it in the same write. The last
//! column says whether that one is answered: after a request whose end is in doubt it is not, because it could as
//! well be a body.

use crate::hostile_table::CASES;
use crate::support::http::{once, response};
use crate::support::{Running, figure};

const GOOD: &str = "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// How many good requests a case begins with, so that the connection speaks HTTP already.
fn begins_well(request: &str) -> usize {
    let good = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    usize::from(request.starts_with(good) && request.len() > good.len())
}

#[test]
fn each_hostile_request_gets_its_answer_and_no_number() {
    assert!(CASES.len() >= 40);
    let server = Running::start(&["--max-message", "64KiB"]);
    let mut good = 0;
    for (what, request, status, goes_on) in CASES {
        let mut client = server.connect();
        client.send([request, GOOD].concat());
        for _ in 0..begins_well(request) {
            assert_eq!(response(&mut client, false).unwrap().status, 200, "{what}");
        }
        let answer = response(&mut client, false).unwrap_or_else(|| panic!("{what}: no answer"));
        assert_eq!(answer.status, *status, "{what}: {answer:?}");
        assert!(
            answer.text().starts_with("error ") && answer.text().len() > 20,
            "{what}: {answer:?}"
        );
        assert_eq!(answer.field("Connection"), (!goes_on).then_some("close"), "{what}");
        if *goes_on {
            assert_eq!(response(&mut client, false).map(|r| r.status), Some(200), "{what}");
            good += 1;
        }
        assert!(response(&mut client, false).is_none(), "{what}: the connection did not end");
    }
    assert_eq!(figure(&server.ask("stats"), "drawn"), good, "numbers went to hostile requests");
}

#[test]
fn a_head_that_never_ends_is_cut_off_where_it_is_too_long() {
    let server = Running::start(&[]);
    let long = |line: &str, count: usize| line.repeat(count);
    let fields = |count: usize| {
        format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", long("X: y\r\n", count))
    };
    let cases = [
        (format!("GET /{} HTTP/1.1\r\n", long("a", 9000)), 414),
        (format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", long("a", 9000)), 414),
        (format!("GET /{}", long("a", 90_000)), 414),
        (format!("GET / HTTP/1.1\r\nX: {}", long("a", 20_000)), 431),
        (fields(100), 431),
        (long("GET / HTTP/1.1\r\nX: ", 1) + &long("y\r\nX: ", 100_000), 431),
    ];
    for (request, status) in cases {
        let mut client = server.connect();
        client.send(&request);
        let answer = response(&mut client, false).unwrap();
        assert_eq!((answer.status, answer.field("Connection")), (status, Some("close")));
        assert!(response(&mut client, false).is_none());
    }
    for (count, status) in [(63, 200), (64, 431)] {
        let mut client = server.connect();
        client.send(fields(count));
        assert_eq!(response(&mut client, false).unwrap().status, status, "Host and {count} more");
    }
    // To the byte: the longest head, and one byte more.
    for (more, status) in [(0, 200), (1, 431)] {
        let head = |length| {
            format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", long("y", length))
        };
        let mut client = server.connect();
        client.send(head(16 * 1024 - head(0).len() + more));
        assert_eq!(response(&mut client, false).unwrap().status, status, "{more} over");
    }
}

#[test]
fn a_body_that_grows_too_long_is_refused_and_what_came_before_is_answered() {
    let server = Running::start(&["--max-message", "64KiB"]);
    let chunk = format!("ff\r\n{}\r\n", "a".repeat(255));
    let head = "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut client = server.connect();
    client.send("POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client.send(head.to_string() + &chunk.repeat(400));
    assert_eq!(response(&mut client, false).unwrap().status, 200);
    assert_eq!(response(&mut client, false).unwrap().status, 413);
    assert!(response(&mut client, false).is_none());
}

#[test]
fn a_request_that_does_not_come_whole_is_told_so_in_time() {
    let server = Running::start(&["--request-timeout", "200ms"]);
    for half in [
        "GET / HTTP/1.1\r\nHost: localhost\r\n",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhal",
    ] {
        let mut client = server.connect();
        client.send(half);
        let answer = response(&mut client, false).unwrap();
        assert_eq!((answer.status, answer.field("Connection")), (408, Some("close")));
        assert!(response(&mut client, false).is_none());
    }
    assert_eq!(once(&server, "GET /stats", "", b"").status, 200);
}

#[test]
fn a_request_that_is_cut_off_is_no_request() {
    let server = Running::start(&[]);
    for half in [
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\n",
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nabc",
    ] {
        let mut client = server.connect();
        client.send(half);
        client.end_of_requests();
        assert_eq!(response(&mut client, false).unwrap().status, 400);
    }
    assert_eq!(server.figure("drawn"), 0);
}

/// What browsers, gateways and mail servers can be made to send, with a command behind it.
#[test]
fn a_conversation_of_another_protocol_runs_no_command() {
    let server = Running::start(&[]);
    let conversations = [
        "EHLO evil.example\r\nMAIL FROM:<a@evil.example>\r\nDATA\r\n",
        "OPTIONS rtsp://box/ RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 7\r\n\r\n",
        "REGISTER sip:box SIP/2.0\r\nVia: SIP/2.0/TCP evil.example\r\n\r\n",
        "/gopher/selector\r\n",
        "iq-get-all\r\n",
        "USER anonymous\r\nPASS x\r\n",
        "@PJL SET RESOLUTION=600\r\n",
        "\x1b%-12345X@PJL\r\n",
        "NICK a\r\nUSER a 0 * :a\r\n",
        "\u{feff}iq\n",
    ];
    for conversation in conversations {
        let mut client = server.connect();
        client.send(format!("{conversation}draw 4\r\ndraw 4\r\n"));
        let all = String::from_utf8(client.rest()).unwrap();
        assert_eq!(all.lines().count(), 1, "{conversation}: {all}");
        assert!(all.starts_with("error "), "{conversation}: {all}");
    }
    assert_eq!(server.figure("drawn"), 0);
    // A student who mistypes later stays connected.
    let mut student = server.connect();
    student.ask("draw 1");
    assert!(student.ask("drwa 1").starts_with("error unknown-command "));
    assert_eq!(student.ask("draw 2").split(' ').count(), 2);
}

/// What is no line of HTTP as the first bytes of a connection is text, and must not run what follows.
#[test]
fn a_first_line_that_is_nearly_http_runs_no_body() {
    let server = Running::start(&[]);
    let body = "Host: evil.example\r\nContent-Length: 14\r\n\r\ndraw 1\ndraw 1\n";
    let lines = [
        "patch /draws HTTP/1.1",
        "POST /a b HTTP/1.1",
        "POST HTTP://evil.example/ HTTP/1.1",
        "POST / HTTP/2.0",
        "POST / HTTP/1.10",
        "post / http/1.1",
        "POST  / HTTP/1.1",
        "M-POST / HTTP/1.1",
        "CONNECT evil.example:25 HTTP/1.1",
        "\r\nPOST / HTTP/1.1",
        "open /x HTTP/1.1",
        "help",
    ];
    for line in lines {
        let mut client = server.connect();
        client.send(format!("{line}\r\n{body}"));
        let all = String::from_utf8(client.rest()).unwrap();
        assert!(
            all.contains("error bad-request this is a line of another protocol"),
            "{line}: {all}"
        );
    }
    assert_eq!(server.figure("drawn"), 0);
}
