//! Hostile requests, and the answer that each must get.
//!
//! Each stands on a connection of its own; a second, good request follows it in the same write. The last
//! column says whether that one is answered: after a request whose end is in doubt it is not, because it could as
//! well be a body.

use crate::support::http::{once, response};
use crate::support::{Running, figure};

const GOOD: &str = "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// What is hostile about it, the request, its status, whether the connection goes on.
type Case = (&'static str, &'static str, u16, bool);

const CASES: &[Case] = &[
    // Two readers that disagree on a message's end: smuggling.
    (
        "two lengths",
        "PUT /leases/7 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
        400,
        false,
    ),
    (
        "two lengths that differ",
        "PUT /leases/7 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\ncontent-length: 3\r\n\r\nhi",
        400,
        false,
    ),
    (
        "two lengths in one field",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2, 2\r\n\r\nhi",
        400,
        false,
    ),
    (
        "a length and chunks",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nhi",
        400,
        false,
    ),
    (
        "chunks and a length",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\nhi",
        400,
        false,
    ),
    (
        "chunks in HTTP/1.0",
        "PUT /leases/7 HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        false,
    ),
    (
        "chunked twice",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        400,
        false,
    ),
    (
        "another coding",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        501,
        false,
    ),
    (
        "a coding that looks like chunked",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n",
        501,
        false,
    ),
    (
        "chunked, hidden by a tab",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding:\t\"chunked\"\r\n\r\n",
        501,
        false,
    ),
    (
        "a negative length",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        400,
        false,
    ),
    (
        "a length with a sign",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nContent-Length: +2\r\n\r\nhi",
        400,
        false,
    ),
    (
        "a length in hexadecimal",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0x2\r\n\r\nhi",
        400,
        false,
    ),
    (
        "an empty length",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nContent-Length:\r\n\r\n",
        400,
        false,
    ),
    (
        "a length beyond 64 bits",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 18446744073709551616\r\n\r\n",
        400,
        false,
    ),
    (
        "a length over the limit",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n",
        413,
        false,
    ),
    ("lines that end with LF alone", "POST /draws?n=1 HTTP/1.1\nHost: localhost\n\n", 400, false),
    (
        "one line that ends with LF alone",
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n",
        400,
        false,
    ),
    ("a CR within a line", "POST /draws?n=1 HTTP/1.1\r\nHost: local\rhost\r\n\r\n", 400, false),
    ("a CR too many", "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\r\n\r\n", 400, false),
    (
        "a folded line",
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\nX: y\r\n Content-Length: 5\r\n\r\n",
        400,
        false,
    ),
    (
        "a line folded before the first field",
        "POST /draws?n=1 HTTP/1.1\r\n Host: localhost\r\n\r\n",
        400,
        false,
    ),
    (
        "a space before the colon",
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length : 5\r\n\r\n",
        400,
        false,
    ),
    (
        "a field without a colon",
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\nnonsense\r\n\r\n",
        400,
        false,
    ),
    (
        "a field without a name",
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\n: x\r\n\r\n",
        400,
        false,
    ),
    (
        "a NUL in a value",
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n",
        400,
        false,
    ),
    (
        "a NUL in a name",
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\nX\0: b\r\n\r\n",
        400,
        false,
    ),
    // Chunks.
    (
        "a chunk size that is none",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nx\r\nhi\r\n0\r\n\r\n",
        400,
        false,
    ),
    (
        "a negative chunk size",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\nhi\r\n0\r\n\r\n",
        400,
        false,
    ),
    (
        "a chunk size of 0x",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\nhi\r\n0\r\n\r\n",
        400,
        false,
    ),
    (
        "a huge chunk size",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n",
        413,
        false,
    ),
    (
        "a chunk size of more than 64 bits",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000002\r\nhi\r\n0\r\n\r\n",
        400,
        false,
    ),
    (
        "a chunk longer than it says",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nhi\r\n0\r\n\r\n",
        400,
        false,
    ),
    (
        "a chunk line that ends with LF alone",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2\nhi\r\n0\r\n\r\n",
        400,
        false,
    ),
    (
        "a trailer that is no field",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nnonsense\r\n\r\n",
        400,
        false,
    ),
    // The first line.
    (
        "another version",
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTTP/2.0\r\nHost: localhost\r\n\r\n",
        505,
        false,
    ),
    ("no version", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET /\r\n\r\n", 400, false),
    (
        "a version in small letters",
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET / http/1.1\r\nHost: localhost\r\n\r\n",
        400,
        false,
    ),
    (
        "two spaces",
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET  / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        400,
        false,
    ),
    (
        "a space in the target",
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n",
        400,
        false,
    ),
    ("a target that is not ASCII", "GET /\u{e9} HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, false),
    (
        "two empty lines before",
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        400,
        false,
    ),
    (
        "a method in small letters",
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nget / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        501,
        true,
    ),
    ("an unknown method", "PATCH /leases/7 HTTP/1.1\r\nHost: localhost\r\n\r\n", 501, true),
    (
        "a method of a proxy",
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nCONNECT evil.example:25 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        501,
        true,
    ),
    // Who asks, and whom.
    ("no host", "POST /draws?n=1 HTTP/1.1\r\n\r\n", 400, false),
    (
        "two hosts",
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        400,
        false,
    ),
    ("a foreign host", "POST /draws?n=1 HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403, true),
    (
        "a foreign host that begins like ours",
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n",
        403,
        true,
    ),
    (
        "a foreign host in the target",
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nPOST http://evil.example/draws?n=1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        403,
        true,
    ),
    (
        "a page of another site",
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n",
        403,
        true,
    ),
    (
        "a page of another port",
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost:81\r\n\r\n",
        403,
        true,
    ),
    (
        "a page of nowhere",
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\n\r\n",
        403,
        true,
    ),
    ("a host that is none", "POST /draws?n=1 HTTP/1.1\r\nHost: local host\r\n\r\n", 400, false),
    ("a port that is none", "POST /draws?n=1 HTTP/1.1\r\nHost: localhost:x\r\n\r\n", 400, false),
    (
        "two origins",
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\nOrigin: http://localhost\r\n\r\n",
        400,
        false,
    ),
    (
        "two log-ons",
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic eDp5\r\nAuthorization: Basic eDp5\r\n\r\n",
        400,
        false,
    ),
    (
        "our host in the target, a foreign one beside it",
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nPOST http://localhost/draws?n=1 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        403,
        true,
    ),
    ("the server as a whole, by GET", "GET * HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, true),
    (
        "a body for TRACE",
        "TRACE /stats HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi",
        400,
        true,
    ),
    (
        "a body for the page",
        "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi",
        400,
        true,
    ),
    ("a parameter for the page", "GET /?x=1 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, true),
    (
        "white space behind a chunk's size",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2 \r\nhi\r\n0\r\n\r\n",
        400,
        false,
    ),
    (
        "a condition on what has no version",
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\nIf-Match: \"1\"\r\n\r\n",
        412,
        true,
    ),
    // What is asked.
    ("a draw by GET", "GET /draws?n=1 HTTP/1.1\r\nHost: localhost\r\n\r\n", 405, true),
    (
        "nothing that there is",
        "GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
        404,
        true,
    ),
    (
        "a body of commands",
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 7\r\n\r\ndraw 9\n",
        400,
        true,
    ),
    (
        "a body where none belongs",
        "GET /stats HTTP/1.1\r\nHost: localhost\r\nContent-Length: 24\r\n\r\nGET /stats HTTP/1.1\r\n\r\nX",
        400,
        true,
    ),
    (
        "a huge number",
        "POST /draws?n=99999999999999999999 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        400,
        true,
    ),
    (
        "a percent without digits",
        "POST /draws?n=%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        400,
        true,
    ),
    (
        "an expectation",
        "GET /stats HTTP/1.1\r\nHost: localhost\r\nExpect: a-miracle\r\n\r\n",
        417,
        true,
    ),
    (
        "a coded body",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nhi",
        415,
        true,
    ),
    (
        "a part of a lease to be set",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nContent-Range: bytes 0-1/4\r\nContent-Length: 2\r\n\r\nhi",
        400,
        true,
    ),
    (
        "a form that there is not",
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\nAccept: image/png\r\n\r\n",
        406,
        true,
    ),
];

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
        assert!(all.contains("error bad-request this is a line of HTTP"), "{line}: {all}");
    }
    assert_eq!(server.figure("drawn"), 0);
}
