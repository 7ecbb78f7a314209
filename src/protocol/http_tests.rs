//! Tests of HTTP's conversation: one request after the other, with and without bodies.

use super::*;
use crate::commands::{Draw, Lease, Replace, Request, Stats};
use crate::common::id::{IdKind, LeaseId};
use crate::memory::versions::Condition;
use crate::protocol::Conversation;
use crate::protocol::http::page::Page;

const MAX: usize = 1 << 16;

pub(super) fn policy() -> Policy {
    // The lecture's date.
    let clock = || UNIX_EPOCH + Duration::from_secs(1_116_887_914);
    Policy { clock, ..Policy::plain(MAX) }
}

/// Decodes some bytes. Returns each request for a service, each answer that HTTP gave by itself,
/// and `closed` if one of these answers closed the connection.
pub(super) fn heard(policy: &Policy, bytes: &[u8]) -> Vec<String> {
    let mut conversation = Conversation::new(policy, 1);
    let (mut rest, mut heard) = (bytes, Vec::new());
    loop {
        match conversation.decode(rest, Tail::Open) {
            Decoded::Asked { request, used } => {
                heard.push(format!("{request:?}"));
                rest = &rest[used..];
            }
            Decoded::SelfAnswered { used, answer } => {
                heard.push(String::from_utf8(answer).unwrap());
                rest = &rest[used..];
                if conversation.is_over() {
                    heard.push("closed".into());
                    return heard;
                }
            }
            Decoded::Skip { used } => rest = &rest[used..],
            Decoded::Incomplete => return heard,
            Decoded::Last(error) => panic!("{error:?}"),
        }
    }
}

/// Returns a request as [`heard`] shows it.
fn shown(request: Request<'_>) -> String {
    format!("{:?}", Ok::<_, Error>(request))
}

fn draw(count: u64) -> String {
    shown(Request::Draw(Draw { count }))
}

pub(super) const HOST: &str = "Host: localhost\r\n";

#[test]
fn requests_sent_ahead_are_read_one_after_the_other() {
    let requests = format!(
        "POST /draws?n=1 HTTP/1.1\r\n{HOST}\r\n\r\nPOST /draws?n=2 HTTP/1.1\r\n{HOST}Content-Length: 0\r\n\r\n\
         PUT /leases/7 HTTP/1.1\r\n{HOST}Content-Length: 8\r\n\r\ndraw 9\r\nPOST /draws?n=3 HTTP/1.1\r\n{HOST}\r\n"
    );
    let put = Request::Replace(Replace {
        id: LeaseId::from_number(7),
        condition: Condition::Any.into(),
        data: b"draw 9\r\n"[..].into(),
    });
    let heard = heard(&policy(), requests.as_bytes());
    assert_eq!(heard, [draw(1), draw(2), shown(put), draw(3)]);
}

#[test]
fn a_chunked_body_is_what_is_in_its_chunks() {
    let bodies = [
        "5\r\nHello\r\n6\r\n World\r\n0\r\n\r\n",
        "b\r\nHello World\r\n0\r\n\r\n",
        "B ; name=value\r\nHello World\r\n000\r\n\r\n",
        "0000000b\r\nHello World\r\n0;x\r\nTrailer: x\r\n\r\n",
        "1\r\nH\r\na\r\nello World\r\n0\r\n\r\n",
    ];
    for body in bodies {
        let head = format!("PUT /leases/7 HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n");
        let bytes = [&head, body, &format!("POST /draws?n=1 HTTP/1.1\r\n{HOST}\r\n")].concat();
        let put = Request::Replace(Replace {
            id: LeaseId::from_number(7),
            condition: Condition::Any.into(),
            data: b"Hello World"[..].into(),
        });
        assert_eq!(heard(&policy(), bytes.as_bytes()), [shown(put), draw(1)], "{body:?}");
    }
}

#[test]
fn the_word_to_go_on_is_said_once_and_only_to_who_waits_for_it() {
    let head = format!(
        "PUT /leases/7 HTTP/1.1\r\n{HOST}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    );
    let policy = policy();
    let mut conversation = Conversation::new(&policy, 1);
    let answer = b"HTTP/1.1 100 Continue\r\n\r\n".to_vec();
    let go_on = Decoded::SelfAnswered { used: 0, answer };
    assert_eq!(conversation.decode(head.as_bytes(), Tail::Open), go_on);
    assert_eq!(conversation.decode(head.as_bytes(), Tail::Open), Decoded::Incomplete);
    let whole = [head.as_bytes(), b"hi"].concat();
    assert!(matches!(
        conversation.decode(&whole, Tail::Open),
        Decoded::Asked { request: Ok(_), .. }
    ));
    // A client that has sent its body already gets no `100 Continue`.
    assert_eq!(heard(&policy, &whole).len(), 1);
    // A refusal comes instead of `100 Continue`, before the body is sent.
    let refused = head.replace("/leases/7", "/nothing");
    let heard = heard(&policy, refused.as_bytes());
    assert!(heard[0].starts_with("HTTP/1.1 404 ") && heard[1] == "closed", "{heard:?}");
    // HTTP/1.0 has no `100 Continue`.
    let older = head.replace("HTTP/1.1", "HTTP/1.0");
    assert_eq!(conversation_of(&policy, &older), Decoded::Incomplete);
}

fn conversation_of<'a>(policy: &Policy, bytes: &'a str) -> Decoded<'a> {
    Conversation::new(policy, 1).decode(bytes.as_bytes(), Tail::Open)
}

#[test]
fn an_answer_says_whether_the_connection_goes_on() {
    let cases = [
        ("HTTP/1.1", "", None, false),
        ("HTTP/1.1", "Connection: close\r\n", Some("close"), true),
        ("HTTP/1.1", "Connection: x, Close\r\n", Some("close"), true),
        ("HTTP/1.1", "Connection: keep-alive\r\n", None, false),
        ("HTTP/1.0", "", Some("close"), true),
        ("HTTP/1.0", "Connection: Keep-Alive\r\n", Some("keep-alive"), false),
        ("HTTP/1.0", "Connection: keep-alive, close\r\n", Some("close"), true),
        ("HTTP/1.7", "", None, false),
    ];
    for (version, field, says, closes) in cases {
        let request = format!("OPTIONS * {version}\r\n{HOST}{field}\r\n");
        let heard = heard(&policy(), request.as_bytes());
        let said = heard[0].lines().find_map(|line| line.strip_prefix("Connection: "));
        assert_eq!((said, heard.len() == 2), (says, closes), "{version} {field:?}");
    }
}

#[test]
fn a_late_request_and_one_that_ends_too_early_are_told_so() {
    let policy = policy();
    let mut conversation = Conversation::new(&policy, 1);
    conversation.decode(b"GET / HTTP/1.1\r\n", Tail::Open);
    let mut out = Output::default();
    conversation.too_slow(b"GET / HTTP/1.1\r\n", 500, &mut out);
    let text = String::from_utf8(out.bytes).unwrap();
    assert!(text.starts_with("HTTP/1.1 408 ") && text.contains("Connection: close"), "{text}");
    assert!(text.contains("500 ms") && conversation.is_over());
    // The answer is 408 also if the bytes are not known to be HTTP yet. For HEAD it has no body.
    for (half, has_body) in [("GET /stats HT", true), ("HEAD /stats HTTP/1.1\r\n", false)] {
        let mut conversation = Conversation::new(&policy, 1);
        conversation.decode(half.as_bytes(), Tail::Open);
        let mut out = Output::default();
        conversation.too_slow(half.as_bytes(), 500, &mut out);
        let text = String::from_utf8(out.bytes).unwrap();
        assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
        assert_eq!(!text.ends_with("\r\n\r\n"), has_body, "{text}");
    }
    let half = format!("PUT /leases/7 HTTP/1.1\r\n{HOST}Content-Length: 9\r\n\r\nhal");
    let mut conversation = Conversation::new(&policy, 1);
    let decoded = conversation.decode(half.as_bytes(), Tail::Ended);
    assert!(matches!(decoded, Decoded::SelfAnswered { used, .. } if used == half.len()));
}

#[test]
fn trace_shows_what_came_but_no_secret() {
    let request = format!(
        "TRACE /x?y HTTP/1.1\r\n{HOST}Authorization: Basic eHg6eXk=\r\nCookie: a=b\r\nX:  y \r\n\r\n"
    );
    let heard = heard(&policy(), request.as_bytes());
    assert!(
        heard[0].starts_with("HTTP/1.1 404 "),
        "what there is not, cannot be traced: {heard:?}"
    );
    let request = request.replace("/x?y", "/stats?y");
    let answer = self::heard(&policy(), request.as_bytes()).remove(0);
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    assert_eq!(body, "TRACE /stats?y HTTP/1.1\r\nHost: localhost\r\nX: y\r\n\r\n");
    assert!(answer.contains("Content-Type: message/http\r\n"));
}

#[test]
fn a_form_that_there_is_not_is_refused_before_anything_is_drawn() {
    let request = format!("POST /draws?n=1 HTTP/1.1\r\n{HOST}Accept: image/png\r\n\r\n");
    assert!(heard(&policy(), request.as_bytes())[0].starts_with("HTTP/1.1 406 "));
    let lease = format!("POST /leases?size=1&duration=2 HTTP/1.1\r\n{HOST}Accept: */*\r\n\r\n");
    let asked = Request::Lease(Lease { size: 1, duration_ms: 2, id_kind: IdKind::Uuid });
    assert_eq!(heard(&policy(), lease.as_bytes()), [shown(asked)]);
}

#[test]
fn the_page_is_asked_for_again_only_when_it_changed() {
    let get = |field: &str| {
        let request = format!("GET /index.html HTTP/1.1\r\n{HOST}{field}\r\n");
        heard(&policy(), request.as_bytes()).remove(0)
    };
    let page = get("");
    let tag = page.lines().find_map(|line| line.strip_prefix("ETag: ")).unwrap();
    assert!(page.starts_with("HTTP/1.1 200 ") && page.ends_with("</html>\n"));
    let same = get(&format!("If-None-Match: {tag}\r\n"));
    assert!(same.starts_with("HTTP/1.1 304 ") && same.ends_with("\r\n\r\n"), "{same}");
    assert!(get("If-None-Match: \"x\"\r\n").starts_with("HTTP/1.1 200 "));
    assert!(get("If-Match: \"x\"\r\n").starts_with("HTTP/1.1 412 "));
}

#[test]
fn the_page_names_nothing_outside_this_server() {
    for page in [Page::HTML, Page::CSS, Page::SCRIPT] {
        let text = std::str::from_utf8(page.bytes).unwrap();
        for outside in ["http:", "https:", "//www", "@import", "url(", "innerHTML", "eval("] {
            assert!(!text.contains(outside), "{} has {outside}", page.content_type);
        }
        for (_, link) in text.match_indices("=\"").map(|(at, _)| text.split_at(at + 2)) {
            assert!(!link.starts_with("//"), "{}: {}", page.content_type, &link[..20]);
        }
    }
}

#[test]
fn a_refusal_of_head_has_no_body_either() {
    for head in [
        "HEAD /stats HTTP/1.1\r\n\r\n",
        "HEAD /stats HTTP/1.1\r\nHost: localhost\r\nX : y\r\n\r\n",
        "HEAD / HTTP/1.1\n",
    ] {
        let heard = heard(&policy(), head.as_bytes());
        assert!(
            heard[0].starts_with("HTTP/1.1 400 ") && heard[0].ends_with("\r\n\r\n"),
            "{heard:?}"
        );
    }
}

#[test]
fn a_long_body_that_is_in_vain_is_not_waited_for() {
    let with = |target: &str, field: &str| {
        let request = format!("PUT {target} HTTP/1.1\r\n{HOST}{field}\r\n\r\n");
        heard(&Policy { max_message: 1 << 20, ..policy() }, request.as_bytes())
    };
    for field in ["Content-Length: 65537", "Transfer-Encoding: chunked"] {
        let refused = with("/nothing", field);
        assert!(refused[0].starts_with("HTTP/1.1 404 ") && refused[1] == "closed", "{refused:?}");
        assert!(with("/leases/7", field).is_empty(), "what is wanted is waited for");
    }
    assert!(with("/nothing", "Content-Length: 65536").is_empty(), "the connection can go on");
}

#[test]
fn what_has_no_tag_fulfils_no_condition() {
    for (request, status) in [
        ("POST /draws?n=1", "412"),
        ("POST /leases?size=1&duration=1", "412"),
        ("POST /leases/7?duration=1", "412"),
        ("GET /stats", "412"),
        ("DELETE /leases/7", "412"),
    ] {
        let request = format!("{request} HTTP/1.1\r\n{HOST}If-Match: \"7\"\r\n\r\n");
        let heard = heard(&policy(), request.as_bytes());
        assert!(heard[0].starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {heard:?}");
    }
    let any = format!("GET /stats HTTP/1.1\r\n{HOST}If-Match: *\r\n\r\n");
    assert_eq!(heard(&policy(), any.as_bytes()), [shown(Request::Stats(Stats))]);
}

#[test]
fn a_body_of_chunks_is_bounded_however_it_comes() {
    let head = format!("PUT /leases/7 HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n");
    let small = Policy { max_message: 4096, ..policy() };
    let cases = [
        ("1\r\nx\r\n".repeat(700) + "0\r\n\r\n", "HTTP/1.1 413 "),
        (format!("1\r\nx\r\n0\r\n{}\r\n", "X: y\r\n".repeat(3000)), "HTTP/1.1 431 "),
    ];
    for (body, status) in cases {
        let bytes = (head.clone() + &body).into_bytes();
        assert!(heard(&small, &bytes)[0].starts_with(status));
        for cut in [head.len() + 10, head.len() + 4090, head.len() + 4100, bytes.len() - 3] {
            let mut conversation = Conversation::new(&small, 1);
            let mut decoded = conversation.decode(&bytes[..cut], Tail::Open);
            if decoded == Decoded::Incomplete {
                decoded = conversation.decode(&bytes, Tail::Open);
            }
            let Decoded::SelfAnswered { answer, .. } = decoded else { panic!("{decoded:?}") };
            assert!(answer.starts_with(status.as_bytes()), "cut at {cut}");
        }
    }
}

#[test]
fn the_date_is_that_of_each_answer() {
    use std::sync::atomic::{AtomicU64, Ordering};
    static SECOND: AtomicU64 = AtomicU64::new(1_116_887_914);
    let clock =
        || UNIX_EPOCH + Duration::from_millis(SECOND.fetch_add(1, Ordering::Relaxed) * 1000 + 999);
    let policy = Policy { clock, ..policy() };
    let request = format!("OPTIONS * HTTP/1.1\r\n{HOST}\r\n").repeat(3);
    let dates: Vec<String> = heard(&policy, request.as_bytes())
        .iter()
        .filter_map(|answer| {
            answer.lines().find_map(|line| line.strip_prefix("Date: ")).map(str::to_string)
        })
        .collect();
    let expected = ["34", "35", "36"].map(|second| format!("Mon, 23 May 2005 22:38:{second} GMT"));
    assert_eq!(dates, expected);
}

#[test]
fn each_request_that_waits_for_the_word_hears_it() {
    let request = format!(
        "PUT /leases/7 HTTP/1.1\r\n{HOST}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    );
    let policy = policy();
    let mut conversation = Conversation::new(&policy, 1);
    for _ in 0..2 {
        let decoded = conversation.decode(request.as_bytes(), Tail::Open);
        assert!(matches!(decoded, Decoded::SelfAnswered { used: 0, .. }), "{decoded:?}");
        let whole = [request.as_bytes(), b"hi"].concat();
        let Decoded::Asked { used, .. } = conversation.decode(&whole, Tail::Open) else {
            panic!("the body has come");
        };
        assert_eq!(used, whole.len());
    }
}

#[test]
fn an_early_refusal_owes_nothing_to_the_request_before() {
    for before in ["HEAD /", "GET /stats"] {
        let request =
            format!("{before} HTTP/1.1\r\n{HOST}Accept: application/json, text/html\r\n\r\n");
        for broken in ["GET / HTTP/1.1\n", &format!("GET /{}", "a".repeat(9000))] {
            let bytes = [&request, broken].concat();
            let answer = heard(&policy(), bytes.as_bytes());
            let last = &answer[answer.len() - 2];
            assert!(last.contains("text/plain") && last.contains("\r\n\r\nerror "), "{answer:?}");
        }
    }
}

#[test]
fn a_body_of_just_the_bound_may_be_cut_anywhere() {
    let body = b"6\r\nHello!\r\n0\r\n\r\n";
    let chunks = body.len() - b"0\r\n\r\n".len();
    for cut in 0..body.len() {
        let mut scan = body::Scan::default();
        assert_eq!(scan.scan(&body[..cut], chunks), Ok(None), "{cut}");
        assert_eq!(scan.scan(body, chunks), Ok(Some(body.len())), "{cut}");
    }
    let refused = body::Scan::default().scan(body, chunks - 1).map_err(|refusal| refusal.status);
    assert_eq!(refused, Err(413));
}

#[test]
fn what_is_true_for_a_moment_is_not_kept() {
    let request = format!("GET /nothing HTTP/1.1\r\n{HOST}\r\n");
    let answer = heard(&policy(), request.as_bytes()).remove(0);
    assert!(answer.contains("Cache-Control: no-store\r\n") && answer.contains("Vary: Accept\r\n"));
    let identity = format!("PUT /leases/7 HTTP/1.1\r\n{HOST}Content-Encoding: identity\r\n\r\n");
    assert!(heard(&policy(), identity.as_bytes())[0].contains("Replace"));
    let both = identity.replace("Content-Encoding", "Content-Encoding: gzip\r\nContent-Encoding");
    assert!(heard(&policy(), both.as_bytes())[0].starts_with("HTTP/1.1 415 "));
}

#[test]
fn a_lease_in_letters_is_no_longer_than_a_message() {
    let policy = policy();
    let most = |accept: &str| {
        let request = format!("GET /leases/7 HTTP/1.1\r\n{HOST}{accept}\r\n");
        let mut conversation = Conversation::new(&policy, 1);
        conversation.decode(request.as_bytes(), Tail::Open);
        conversation.most_data()
    };
    assert_eq!(most(""), MAX as u64);
    assert_eq!(most("Accept: application/json\r\n"), (MAX / 4 * 3) as u64);
}

#[path = "log_on_tests.rs"]
mod log_on_tests;
