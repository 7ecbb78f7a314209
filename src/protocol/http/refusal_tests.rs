//! Tests of the refusals: each names its cause, and nothing is refused that the RFC allows.

use super::tests::{HOST, heard, policy};
use super::*;

#[test]
fn a_list_may_have_empty_elements_and_several_lines() {
    let put = |field: &str| {
        let request = format!("PUT /leases/7 HTTP/1.1\r\n{HOST}{field}\r\n\r\n");
        heard(&policy(), request.as_bytes()).remove(0)
    };
    for fine in [
        "Content-Encoding: ",
        "Content-Encoding: , identity,IDENTITY",
        "Expect: ,100-Continue, ",
        "Expect:",
        "If-Match: ,\"1\",",
    ] {
        assert!(put(fine).contains("Replace"), "{fine}: {}", put(fine));
    }
    for (wrong, status) in [
        ("Content-Encoding: identity, gzip", 415),
        ("Expect: 100-continue, more", 417),
        ("Expect: more\r\nExpect: 100-continue", 417),
    ] {
        assert!(put(wrong).starts_with(&format!("HTTP/1.1 {status} ")), "{wrong}");
    }
    assert!(put("Content-Encoding: gzip").contains("\r\nAccept-Encoding: identity\r\n"));
}

#[test]
fn what_cannot_be_a_host_is_an_unreadable_request_and_not_a_foreign_host() {
    for (host, status) in [
        ("::1", 400),
        ("[::1", 400),
        ("[::1]x", 400),
        ("localhost:1:2", 400),
        ("a b", 400),
        ("localhost:x", 400),
        ("[evil]", 403),
        ("evil.example", 403),
        ("", 403),
        ("ada.localhost:4120", 200),
    ] {
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let answer = heard(&policy(), request.as_bytes()).remove(0);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{host}: {answer}");
    }
}

#[test]
fn a_refusal_names_its_cause() {
    let cases = [
        ("GET /leases/xyz", "", "that is no id"),
        ("GET /leases/%zz", "", "must follow a %"),
        ("GET /nothing", "", "there is no such resource"),
        ("POST /draws?n=%zz", "", "must follow a %"),
        ("POST /draws?n=99999999999999999999", "", "64 bits"),
        ("PUT /leases/7", "Content-Length: 99999999999999999999\r\n", "64 bits"),
        ("PUT /leases/7", "Content-Length: 5, 5\r\n", "not one number"),
        ("GET /leases/7", "Accept: image/png\r\n", "application/octet-stream"),
    ];
    for (line, fields, cause) in cases {
        let request = format!("{line} HTTP/1.1\r\n{HOST}{fields}\r\n");
        let answer = heard(&policy(), request.as_bytes()).remove(0);
        assert!(answer.contains(cause), "{line} {fields}: {answer}");
    }
    let metrics = format!("GET /metrics HTTP/1.1\r\n{HOST}Accept: text/html\r\n\r\n");
    assert!(heard(&policy(), metrics.as_bytes())[0].contains("Stats"));
    assert_eq!(Refusal::new(503, "full").error().code, Code::Busy);
}
