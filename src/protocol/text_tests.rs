//! Tests of text lines.

use super::*;
use crate::commands::{Data, Help, Quit, Set};
use crate::common::id::LeaseId;
use crate::numbers::list::NumberList;
use crate::numbers::taken::Taken;
use std::borrow::Cow;

fn decode_line(line: &str) -> Result<String, Code> {
    let mut text = Text::default();
    match text.decode(line.as_bytes(), Tail::Open) {
        Decoded::Asked { request: Ok(request), used } => {
            assert_eq!(used, line.len());
            Ok(format!("{request:?}"))
        }
        Decoded::Asked { request: Err(error), .. } => Err(error.code),
        other => panic!("{line:?} gave {other:?}"),
    }
}

fn encoded(reply: Reply<'_>) -> String {
    let mut out = Output::default();
    encode(&reply, 100, &mut out);
    String::from_utf8(out.bytes).unwrap()
}

#[test]
fn words_are_read_in_either_case_and_between_any_spaces() {
    let draw = Ok("Draw(Draw { count: 4 })".to_string());
    for line in ["draw 4\n", "DRAW 4\r\n", "dRaW   4\n", "  draw 4  \n"] {
        assert_eq!(decode_line(line), draw, "{line:?}");
    }
    let table = Ok("Table(Table { rows: 3, which: Each })".to_string());
    assert_eq!(decode_line("table 3 EACH\n"), table);
}

#[test]
fn wrong_lines_are_bad_requests_and_unknown_words_say_so() {
    let bad = [
        "\n",
        "   \n",
        "draw\n",
        "draw x\n",
        "draw -1\n",
        "draw +1\n",
        "draw 1.0\n",
        "draw 4 2\n",
        "draw 18446744073709551616\n",
        "draw \u{664}\n",
        "lease 1\n",
        "lease 1 2 3\n",
        "lease -1 5\n",
        "get\n",
        "get x\n",
        "get 1 2\n",
        "set\n",
        "set x y\n",
        "set 1 \\q\n",
        "renew 1\n",
        "table x\n",
        "table 1 all\n",
        "table 1 each 2\n",
        "stats now\n",
        "quit now\n",
    ];
    for line in bad {
        assert_eq!(decode_line(line), Err(Code::BadRequest), "{line:?}");
    }
    for line in
        ["drew 4\n", "drawing 4\n", "releases 4\n", "released 4\n", "\u{e9}\n", "draw\t4 4\n"]
    {
        let decoded = Text { past_first: true, ..Text::default() };
        assert_eq!(refusal(decoded, line), Code::UnknownCommand, "{line:?}");
    }
}

fn refusal(mut text: Text, line: &str) -> Code {
    match text.decode(line.as_bytes(), Tail::Open) {
        Decoded::Asked { request: Err(error), .. } => error.code,
        other => panic!("{line:?} gave {other:?}"),
    }
}

#[test]
fn data_is_all_after_the_one_space_behind_the_id() {
    let cases: [(&str, &[u8]); 7] = [
        ("set 7 some text\n", b"some text"),
        ("set 7  two before and two behind  \r\n", b" two before and two behind  "),
        ("set 7\n", b""),
        ("set 7 \n", b""),
        ("set 7 a\\x00\\n\\\\\n", b"a\0\n\\"),
        ("SET 7 Case Stays\n", b"Case Stays"),
        ("  set   7 x\n", b"x"),
    ];
    for (line, expected) in cases {
        let mut text = Text::default();
        let id = LeaseId::from_number(7);
        let request = Ok(Request::Set(Set { id, data: Cow::Borrowed(expected) }));
        let decoded = text.decode(line.as_bytes(), Tail::Open);
        assert_eq!(decoded, Decoded::Asked { request, used: line.len() }, "{line:?}");
    }
}

#[test]
fn raw_bytes_that_are_no_utf8_are_data() {
    let mut text = Text::default();
    match text.decode(b"set 7 \xff\xfe\n", Tail::Open) {
        Decoded::Asked { request: Ok(Request::Set(Set { data, .. })), .. } => {
            assert_eq!(&*data, b"\xff\xfe")
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_control_byte_in_the_first_line_ends_it_and_later_does_not() {
    let mut hello = Text::default();
    assert!(matches!(hello.decode(b"\x16\x03\x01", Tail::Open), Decoded::Last(Some(_))));
    let mut later = Text::default();
    let first = later.decode(b"help\n", Tail::Open);
    assert_eq!(first, Decoded::Asked { request: Ok(Request::Help(Help)), used: 5 });
    assert!(matches!(
        later.decode(b"set 7 a\tb\n", Tail::Open),
        Decoded::Asked { request: Ok(_), .. }
    ));
}

#[test]
fn a_line_may_have_65536_bytes_and_no_more() {
    let mut line = b"set 7 ".to_vec();
    line.resize(MAX_LINE - 1, b'a');
    line.push(b'\n');
    let longest = Text::default().decode(&line, Tail::Open).used();
    assert_eq!(longest, Some(MAX_LINE));
    line.insert(6, b'a');
    assert_eq!(Text::default().decode(&line, Tail::Open).used(), None);
    assert_eq!(Text::default().decode(&line[..MAX_LINE], Tail::Ended).used(), None);
}

impl Decoded<'_> {
    fn used(&self) -> Option<usize> {
        match self {
            Decoded::Asked { used, .. }
            | Decoded::SelfAnswered { used, .. }
            | Decoded::Skip { used } => Some(*used),
            Decoded::Incomplete | Decoded::Last(_) => None,
        }
    }
}

#[test]
fn the_end_of_the_stream_ends_the_last_line() {
    for input in ["quit", "quit\r"] {
        let decoded = Text::default().decode(input.as_bytes(), Tail::Ended);
        assert_eq!(decoded, Decoded::Asked { request: Ok(Request::Quit(Quit)), used: input.len() });
    }
    assert_eq!(Text::default().decode(b"", Tail::Ended), Decoded::Incomplete);
}

#[test]
fn numbers_have_a_space_between_them_and_a_line_end_behind() {
    let list = NumberList::new(vec![5, 19, 228, 665, 7, 11]);
    assert_eq!(encoded(Reply::Drawn(Drawn::Taken(Taken::new(&list, 0..4)))), "5 19 228 665\n");
    let mut split = Taken::new(&list, 0..1);
    split.add(3..5);
    assert_eq!(encoded(Reply::Drawn(Drawn::Taken(split))), "5 665 7\n");
}

#[test]
fn data_is_the_bytes_set_and_nothing_before_any_set() {
    let id = LeaseId::from_number(7);
    let data = |data: &[u8]| encoded(Reply::Data(Data { id, size: 64, data: data.to_vec() }));
    assert_eq!(data(b""), "data 7 \n");
    assert_eq!(data(b"a\n\0\"\\"), "data 7 a\\n\\x00\"\\\\\n");
}

#[test]
fn data_that_would_be_too_long_once_escaped_is_refused_and_not_sent() {
    let id = LeaseId::from_number(7);
    let data = |data: Vec<u8>| encoded(Reply::Data(Data { id, size: 999, data }));
    assert!(data(vec![0x80; 25]).starts_with("data 7 \\x80"));
    assert!(data(vec![0x80; 26]).starts_with("error too-large "));
    assert!(data(vec![b'a'; 100]).starts_with("data 7 a"));
    assert!(data(vec![b'a'; 101]).starts_with("error too-large "));
}

#[test]
fn an_error_is_its_code_and_its_cure() {
    let error = Error::new(Code::TooLarge, "70000 bytes do not fit; lease more");
    assert_eq!(
        encoded(Reply::Error(error)),
        "error too-large 70000 bytes do not fit; lease more\n"
    );
}

#[test]
fn a_line_of_http_that_is_no_command_ends_the_connection() {
    let lines = [
        "patch /draws HTTP/1.1",
        "POST /a b HTTP/1.1",
        "POST HTTP://evil.example/ HTTP/1.1",
        "POST / HTTP/2.0",
        "post / http/1.1",
        "CONNECT evil.example:25 HTTP/1.1",
        "M-POST / HTTP/1.1",
        "send /draws HTTP/1.1",
        "lookup / HTTP/1.1",
        "Host: evil.example",
        "host:evil.example",
    ];
    for line in lines {
        let bytes = format!("{line}\r\ndraw 4\n");
        let mut text = Text::default();
        let decoded = text.decode(bytes.as_bytes(), Tail::Open);
        assert!(matches!(decoded, Decoded::Last(Some(_))), "{line}: {decoded:?}");
    }
    // A whole command is executed, whatever its data looks like.
    for line in ["set 7 see HTTP/1.1", "set 7 Host: x", "open q GET / HTTP/1.1"] {
        let bytes = format!("{line}\n");
        let mut text = Text::default();
        let decoded = text.decode(bytes.as_bytes(), Tail::Open);
        assert!(matches!(decoded, Decoded::Asked { request: Ok(_), .. }), "{line}: {decoded:?}");
    }
}
