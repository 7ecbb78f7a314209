//! Tests of draws without a line end, and of bytes that nobody sees.

use super::*;
use crate::numbers::list::NumberList;
use crate::numbers::taken::Taken;

/// Sends pieces, then nothing for 100 ms. Returns the requests, each with the end of its answer.
fn silence_after(text: &mut Text, pieces: &[&str]) -> Vec<String> {
    let (mut input, mut seen) = (Vec::new(), Vec::new());
    for (at, piece) in pieces.iter().enumerate() {
        let tail = if at == 0 { Tail::OnePiece } else { Tail::Open };
        input.extend_from_slice(piece.as_bytes());
        drain(text, &mut input, tail, &mut seen);
    }
    if text.awaits_quiet(&input) {
        drain(text, &mut input, Tail::Quiet, &mut seen);
    }
    seen
}

/// Decodes until the input holds no whole request, and adds each request to `seen`.
fn drain(text: &mut Text, input: &mut Vec<u8>, tail: Tail, seen: &mut Vec<String>) {
    loop {
        let used = match text.decode(input, tail) {
            Decoded::Incomplete => return,
            Decoded::Asked { request: Ok(Request::Draw(draw)), used } => {
                seen.push(format!("draw {} {:?}", draw.count, text.unended.reply_end));
                used
            }
            Decoded::Asked { request: Err(error), used } => {
                seen.push(format!("{} {:?}", error.code.word(), text.unended.reply_end));
                used
            }
            Decoded::Skip { used } => used,
            other => panic!("{other:?}"),
        };
        input.drain(..used);
    }
}

#[test]
fn draws_that_came_in_one_piece_are_ended_by_silence() {
    let cases: [(&str, &[&str]); 6] = [
        ("draw 4", &["draw 4 Nothing"]),
        ("DRAW 10", &["draw 10 Nothing"]),
        ("draw 4draw 2", &["draw 4 Space", "draw 2 Nothing"]),
        ("draw 4\0draw 2\0", &["draw 4 Space", "draw 2 Nothing"]),
        ("\0draw 4", &["draw 4 Nothing"]),
        ("\u{feff}draw 4", &["draw 4 Nothing"]),
    ];
    for (piece, expected) in cases {
        assert_eq!(silence_after(&mut Text::default(), &[piece]), expected, "{piece:?}");
    }
}

#[test]
fn a_draw_that_is_typed_key_by_key_waits_for_its_line_end() {
    let mut text = Text::default();
    assert_eq!(silence_after(&mut text, &["draw 2", "5"]), [""; 0]);
    for typed in ["d", "draw", "draw ", "draw 4 ", "get 7", "stats", "quit", "\u{feff}"] {
        assert_eq!(silence_after(&mut Text::default(), &[typed]), [""; 0], "{typed:?}");
    }
}

#[test]
fn what_cannot_become_a_request_is_told_after_the_silence() {
    let mut text = Text::default();
    assert_eq!(text.decode(b"\xef", Tail::OnePiece), Decoded::Incomplete);
    assert!(text.awaits_quiet(b"\xef"), "a part of a byte order mark");
    assert!(matches!(text.decode(b"\xef", Tail::Quiet), Decoded::Asked { request: Err(_), .. }));
    let cases: [(&[&str], &str); 5] = [
        (&["hello"], "unknown-command Nothing"),
        (&["draw x"], "bad-request Nothing"),
        (&["draw 4 draw 2"], "bad-request Nothing"),
        (&["draw 3", "draw 6"], "bad-request Nothing"),
        (&["he", "llo"], "unknown-command Nothing"),
    ];
    for (pieces, expected) in cases {
        assert_eq!(silence_after(&mut Text::default(), pieces), [expected], "{pieces:?}");
    }
    let long = format!("draw {}", "0".repeat(MAX_LINE - 5));
    assert!(!Text::default().awaits_quiet(&long.as_bytes()[..1000]), "only its start is looked at");
}

#[test]
fn after_the_first_silence_draws_are_answered_at_once() {
    let mut text = Text::default();
    silence_after(&mut text, &["draw 4"]);
    let mut seen = Vec::new();
    drain(&mut text, &mut b"draw 2".to_vec(), Tail::OnePiece, &mut seen);
    assert_eq!(seen, ["draw 2 Nothing"]);
}

#[test]
fn for_the_courses_client_a_draw_without_a_line_end_is_one_number_at_once() {
    let mut text = Text::new(true);
    let mut seen = Vec::new();
    for piece in ["draw 4", "draw 1000", "draw 0", "draw 4\n", "draw 4"] {
        drain(&mut text, &mut piece.into(), Tail::OnePiece, &mut seen);
    }
    let first = ["draw 1 Nothing", "draw 1 Nothing", "draw 0 Nothing", "draw 4 Line"];
    assert_eq!(seen, first, "and after a line end only line ends count");
}

#[test]
fn a_connection_that_has_sent_a_line_end_is_never_taken_by_silence() {
    let mut text = Text::default();
    let line = text.decode(b"draw 4\n", Tail::OnePiece);
    assert!(matches!(line, Decoded::Asked { request: Ok(_), used: 7 }));
    for piece in ["draw 4", "hello"] {
        assert_eq!(silence_after(&mut text, &[piece]), [""; 0]);
        text = Text { scanned: 0, ..text };
    }
}

#[test]
fn a_line_end_that_comes_after_the_answer_belongs_to_the_draw() {
    for late in ["\n", "\r\n"] {
        let mut text = Text::default();
        silence_after(&mut text, &["draw 4"]);
        assert_eq!(text.decode(late.as_bytes(), Tail::Open), Decoded::Skip { used: late.len() });
        let empty = text.decode(b"\n", Tail::Open);
        assert!(
            matches!(empty, Decoded::Asked { request: Err(_), .. }),
            "the next one is an empty line: {empty:?}"
        );
    }
}

#[test]
fn answers_to_one_piece_have_a_space_between_them_and_no_line_end() {
    let list = NumberList::new(vec![5, 19, 228, 665, 7, 11]);
    let mut out = Output::default();
    for reply_end in [ReplyEnd::Space, ReplyEnd::Nothing] {
        let mut text = Text::default();
        text.unended.reply_end = reply_end;
        let drawn = Drawn::Taken(Taken::new(&list, 0..2));
        text.encode(&Reply::Drawn(drawn), MAX_LINE, &mut out);
    }
    assert_eq!(String::from_utf8(out.bytes).unwrap(), "5 19 5 19");
}

#[test]
fn what_stands_unseen_in_front_of_a_line_is_passed_over() {
    for line in ["\0draw 4\n", "\0\0\0\0draw 4\r\n", "\u{feff}draw 4\n"] {
        let mut seen = Vec::new();
        drain(&mut Text::default(), &mut line.into(), Tail::Open, &mut seen);
        assert_eq!(seen, ["draw 4 Line"], "{line:?}");
    }
    let mut later = Text::default();
    let mut seen = Vec::new();
    drain(&mut later, &mut b"draw 1\n\0draw 2\n\0".to_vec(), Tail::Open, &mut seen);
    assert_eq!(seen, ["draw 1 Line", "draw 2 Line"]);
}

#[test]
fn what_cannot_be_seen_in_a_wrong_line_is_shown() {
    let cases: [(&[u8], &str); 6] = [
        (b"draw\xc2\xa04\n", "\\xc2\\xa0"),
        (b"draw 4\xe2\x80\x8b\n", "\\xe2\\x80\\x8b"),
        (b"draw\t4\n", "\\t"),
        (b"draw 4\0\n", "\\x00"),
        (b"draw \xff4\n", "\\xff"),
        (b"draw\r4\n", "\\r"),
    ];
    for (line, shown) in cases {
        let mut text = Text { past_first: true, ..Text::default() };
        match text.decode(line, Tail::Open) {
            Decoded::Asked { request: Err(error), .. } => {
                let expected = format!("; the line holds {shown}, which cannot be seen");
                assert!(error.text.ends_with(&expected), "{}", error.text);
            }
            other => panic!("{other:?}"),
        }
    }
    let mut hello = Text::default();
    match hello.decode(b"\x16\x03\x01", Tail::OnePiece) {
        Decoded::Last(Some(error)) => assert!(error.text.contains(" \\x16,"), "{}", error.text),
        other => panic!("{other:?}"),
    }
    let mut visible = Text { past_first: true, ..Text::default() };
    match visible.decode("caf\u{e9} 4\n".as_bytes(), Tail::Open) {
        Decoded::Asked { request: Err(error), .. } => {
            assert!(!error.text.contains("cannot be seen"), "{}", error.text);
        }
        other => panic!("{other:?}"),
    }
}
