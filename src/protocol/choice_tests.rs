//! Tests of the choice by the first bytes, and of decoding in pieces.

use std::time::SystemTime;

use super::byte_order::ByteOrder;
use super::choice::HTTP_LINE;
use super::*;
use crate::commands::Draw;
use proptest::prelude::*;

const MAX_MESSAGE: usize = 1 << 20;

fn policy() -> Policy {
    Policy { clock: || SystemTime::UNIX_EPOCH, ..Policy::plain(MAX_MESSAGE) }
}

/// Feeds `pieces` one after the other and then the end of the stream. Returns all that was decoded
/// or answered, as text.
fn decode_all<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> Vec<String> {
    let policy = policy();
    let mut conversation = Conversation::new(&policy, 1);
    let mut input = Vec::new();
    let mut seen = Vec::new();
    for piece in pieces {
        input.extend_from_slice(piece);
        if !drain(&mut conversation, &mut input, Tail::Open, &mut seen) {
            return seen;
        }
    }
    drain(&mut conversation, &mut input, Tail::Ended, &mut seen);
    seen
}

/// Decodes until the input holds no whole request. Returns false if the connection closes.
fn drain(
    speech: &mut Conversation<'_>,
    input: &mut Vec<u8>,
    tail: Tail,
    seen: &mut Vec<String>,
) -> bool {
    loop {
        let decoded = speech.decode(input, tail);
        let used = match &decoded {
            Decoded::Incomplete => return true,
            Decoded::Last(error) => {
                seen.push(format!("last {error:?}"));
                return false;
            }
            Decoded::Asked { request, used } => {
                seen.push(format!("{request:?}"));
                *used
            }
            Decoded::SelfAnswered { used, answer } => {
                // With `used` 0 it is `100 Continue`, which is no answer.
                if *used > 0 {
                    seen.push(answer.escape_ascii().to_string());
                }
                if speech.is_over() {
                    return false;
                }
                *used
            }
            Decoded::Skip { used } => *used,
        };
        assert!(used <= input.len());
        input.drain(..used);
    }
}

fn speaks(first: &[u8]) -> &'static str {
    let policy = policy();
    let mut conversation = Conversation::new(&policy, 1);
    conversation.decode(first, Tail::Open);
    conversation.protocol().word()
}

#[test]
fn the_first_bytes_choose() {
    let cases: [(&[u8], &str); 26] = [
        (b"", "nothing"),
        (b"draw 4", "text"),
        (b"DRAW 4", "text"),
        (b"DRAW 4\n", "text"),
        (b"\x01", "memorylease"),
        (b"\x05", "memorylease"),
        (b"\x06", "text"),
        (b"\0", "nothing"),
        (b"\0\0\0", "nothing"),
        (b"\0\0\0\x01", "memorylease"),
        (b"\0\0\0\x06", "text"),
        (b"\0\x01", "text"),
        (b"*", "resp"),
        (b"\x89", "frames"),
        (b"GET / HTTP/1.1\r\n", "http"),
        (b"OPTIONS * HTTP/1.0\n", "http"),
        (b"GET / HTTP/1.", "nothing"),
        (b"GET http://localhost/ HTTP/1.1\r\n", "http"),
        (b"GET http://localhost/", "nothing"),
        (b"GET ht", "nothing"),
        (b"GET http:/", "nothing"),
        (b"GET hu", "text"),
        (b"GET ht\n", "text"),
        (b"GET https://localhost/ HTTP/1.1\n", "text"),
        (b"GET /leases HTTP/2.0\n", "text"),
        (b"get / HTTP/1.1\n", "text"),
    ];
    for (first, expected) in cases {
        assert_eq!(speaks(first), expected, "{}", first.escape_ascii());
    }
}

#[test]
fn a_silent_draw_in_capitals_is_text_though_it_could_become_http() {
    let policy = policy();
    let mut conversation = Conversation::new(&policy, 1);
    assert_eq!(conversation.decode(b"DRAW", Tail::OnePiece), Decoded::Incomplete);
    assert!(!conversation.awaits_quiet(b"DRAW"), "HTTP may have such a method");
    let mut conversation = Conversation::new(&policy, 1);
    assert_eq!(conversation.decode(b"DRAW 4", Tail::OnePiece), Decoded::Incomplete);
    assert!(conversation.awaits_quiet(b"DRAW 4"));
    let drawn = Decoded::Asked { request: Ok(Request::Draw(Draw { count: 4 })), used: 6 };
    assert_eq!(conversation.decode(b"DRAW 4", Tail::Quiet), drawn);
}

#[test]
fn a_body_is_never_run_as_commands() {
    let commands = b"draw 4\nlease 64 5000\nquit\n".as_slice();
    let length = commands.len();
    let bodies = [
        format!("POST /draws HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"),
        format!(
            "POST http://localhost/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"
        ),
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\n\r\n".to_string(),
        "POST /draws HTTP/1.0\n\n".to_string(),
        "POST /draws HTTP/1.7\r\nX\r\n\r\n".to_string(),
        "*1\r\n".to_string(),
    ];
    for first in bodies {
        for request in decode_all([first.as_bytes(), commands]) {
            assert!(
                !request.contains("Draw") && !request.contains("Lease {"),
                "{first:?}: {request}"
            );
        }
    }
}

#[test]
fn a_long_first_line_that_looks_like_http_is_no_text_however_it_came() {
    let mut line = b"POST /".to_vec();
    line.resize(HTTP_LINE + 10, b'a');
    line.extend_from_slice(b" HTTP/1.1\r\n\r\ndraw 3\n");
    let whole = decode_all([line.as_slice()]);
    assert!(whole.len() == 1 && whole[0].contains("HTTP/1.1 414 "), "{whole:?}");
    assert_eq!(decode_all([b"GET / HTT".as_slice()]).len(), 1, "nor when it is cut off");
    assert_eq!(decode_all(line.chunks(1)), whole);
}

/// Requests of HTTP, whole and broken, except those that wait for `100 Continue`.
fn http() -> impl Strategy<Value = Vec<u8>> {
    let first = prop::sample::select(vec![
        "GET / HTTP/1.1",
        "POST /draws?n=4 HTTP/1.1",
        "GET /leases/7 HTTP/1.0",
        "PUT /leases/7 HTTP/1.1",
        "PUT  /leases/7 HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "GET http://localhost/ HTTP/1.1",
        "TRACE /stats HTTP/1.1",
    ]);
    let fields = prop::sample::select(vec![
        "Host: localhost",
        "Host: localhost",
        "Host: evil.example",
        "Connection: close",
        "Content-Length: 3",
        "Content-Length: 0",
        "Transfer-Encoding: chunked",
        "Range: bytes=0-3",
        "If-Match: \"3\"",
        "Accept: application/json",
        "X : y",
        " folded",
        "X: \u{1}",
    ]);
    let bodies = prop::sample::select(vec!["", "abc", "3\r\nabc\r\n0\r\n\r\n", "g\r\n", "\r\n"]);
    let parts = (first, prop::collection::vec(fields, 0..4), bodies, any::<bool>());
    parts.prop_map(|(first, fields, body, is_bare)| {
        let end = if is_bare { "\n" } else { "\r\n" };
        let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
        format!("{first}{end}{fields}\r\n{body}").into_bytes()
    })
}

/// Requests of RESP, whole and broken.
fn resp() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(
        prop::sample::select(vec![
            "*2\r\n$4\r\ndraw\r\n$1\r\n4\r\n",
            "*3\r\n$3\r\nSET\r\n$1\r\n7\r\n$3\r\na\r\n\r\n",
            "*1\r\n$4\r\nPING\r\n",
            "*0\r\n",
            "*-1\r\n",
            "*1\r\n$4\r\nPINGxx",
            "*3000000000\r\n",
            "*1\r\n$-10\r\n",
            "*1\r\n:4\r\n",
            "*1\r\n$4",
        ]),
        1..4,
    )
    .prop_map(|requests| requests.concat().into_bytes())
}

/// Requests in one of the formats, whole and broken, one after the other.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let lines = prop_oneof![
        Just(b"draw 4\n".to_vec()),
        Just(b"DRAW 1\r\n".to_vec()),
        Just(b"set 7 a\\x00b \r\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"draw 4\r\r\n".to_vec()),
        Just(b"get \xff\xfe\n".to_vec()),
        "[ -~]{0,30}\n".prop_map(String::into_bytes),
        "GET /[a-z]{0,5} HTTP/1.[0-9]\r\n".prop_map(String::into_bytes),
        http(),
        prop::collection::vec(any::<u8>(), 0..20),
    ];
    let frames =
        (any::<bool>(), 0_i32..7, -1_i64..40, 0_usize..40).prop_map(|(big, kind, length, sent)| {
            let order = if big { ByteOrder::Big } else { ByteOrder::Little };
            let mut frame = order.put_i32(kind).to_vec();
            frame.extend_from_slice(&order.put_i64(length));
            frame.extend((0..sent).map(|byte| byte as u8));
            frame
        });
    let leasebox =
        (any::<bool>(), 0..17_u8, 0_usize..40, 0..3_u8).prop_map(|(big, kind, sent, bad)| {
            let order = if big { ByteOrder::Big } else { ByteOrder::Little };
            let mut frame = Vec::new();
            frame::Header::new(order, kind, 7)
                .put(&mut frame, 0, |body| body.octets(&vec![0; sent]));
            if bad == 1 {
                frame[usize::from(kind) % 16] ^= 1;
            }
            frame
        });
    let texts = prop::collection::vec(lines, 0..6).prop_map(|lines| lines.concat());
    let frames = prop::collection::vec(frames, 0..4).prop_map(|frames| frames.concat());
    let leasebox = prop::collection::vec(leasebox, 0..4).prop_map(|frames| frames.concat());
    let https = prop::collection::vec(http(), 1..4).prop_map(|requests| requests.concat());
    prop_oneof![texts, frames, leasebox, https, resp()]
}

proptest! {
    #[test]
    fn the_same_bytes_in_any_pieces_are_the_same_requests(
        bytes in bytes(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let whole = decode_all([bytes.as_slice()]);
        prop_assert_eq!(&decode_all(bytes.chunks(1)), &whole, "one at a time");
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
        prop_assert_eq!(&decode_all(pieces), &whole, "cut at {:?}", cuts);
        for cut in 0..=bytes.len() {
            let (left, right) = bytes.split_at(cut);
            prop_assert_eq!(&decode_all([left, right]), &whole, "cut at {}", cut);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        decode_all([bytes.as_slice()]);
    }
}
