//! Tests of leasebox frames: the expected bytes of the requests and replies that the tables below
//! list, in both byte orders; every refusal; and that a reply that was written reads back the same.

use super::*;
use crate::commands::{
    Bye, CommandNames, Data, DoStep, Draw, Get, Help, Lease, Leased, Parked, Picture, Quit,
    Release, Released, Renew, Set, Stats, Table, TimeLeft, Tree, Ttl, WasSet,
};
use crate::common::id::{IdKind, LeaseId};
use crate::memory::versions::Inspection;
use crate::numbers::commands::{Row, Rows};
use crate::numbers::list::NumberList;
use crate::numbers::parking::Step;
use crate::numbers::taken::{Drawn, Taken};
use proptest::prelude::*;

#[path = "frame/process_tests.rs"]
mod process_tests;
#[path = "frame/resource_tests.rs"]
mod resource_tests;
#[path = "frame/session_tests.rs"]
mod session_tests;

const MAX_MESSAGE: usize = 1024;
const UUID: &str = "=0123456789ab4def8123456789abcdef";

fn id() -> LeaseId {
    LeaseId::from_uuid(0x0123_4567_89ab_4def_8123_4567_89ab_cdef)
}

/// Returns the bytes of words of hexadecimal digits. Each word is one integer in this byte order; a
/// word that begins with `=` is bytes as they stand.
fn bytes(words: &str, order: ByteOrder) -> Vec<u8> {
    let word = |word: &str| {
        let digits = word.strip_prefix('=').unwrap_or(word);
        let pairs = (0..digits.len()).step_by(2).map(|at| &digits[at..at + 2]);
        let mut bytes: Vec<u8> = pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect();
        if order == ByteOrder::Little && !word.starts_with('=') {
            bytes.reverse();
        }
        bytes
    };
    words.split_whitespace().flat_map(word).collect()
}

/// A frame with request id 2, put together without the code under test.
fn frame(order: ByteOrder, kind: u8, status: u8, body: &str) -> Vec<u8> {
    let flags = u8::from(order == ByteOrder::Little);
    let body = bytes(body, order);
    let head =
        format!("=894c425802 ={flags:02x}{kind:02x}{status:02x} 00000002 {:08x}", body.len());
    [bytes(&head, order), body].concat()
}

const ORDERS: [ByteOrder; 2] = [ByteOrder::Big, ByteOrder::Little];

fn requests() -> Vec<(u8, String, Request<'static>)> {
    let table = |rows, which| Request::Table(Table { rows, which });
    vec![
        (1, "0000000000000004".into(), Request::Draw(Draw { count: 4 })),
        (2, "000000000000000c 00000000".into(), table(12, Rows::First)),
        (2, "000000000000000c 00000001".into(), table(12, Rows::Each)),
        (2, "000000000000000c 00000002".into(), table(12, Rows::Twice)),
        (2, "000000000000000c 00000003".into(), table(12, Rows::Last)),
        (
            3,
            "0000000000000040 0000000000001388".into(),
            Request::Lease(Lease { size: 64, duration_ms: 5000, id_kind: IdKind::Uuid }),
        ),
        (
            4,
            format!("{UUID} 00000002 =6869"),
            Request::Set(Set { id: id(), data: b"hi"[..].into() }),
        ),
        (5, UUID.into(), Request::Get(Get { id: id() })),
        (
            6,
            format!("{UUID} 0000000000001388"),
            Request::Renew(Renew { id: id(), duration_ms: 5000 }),
        ),
        (7, UUID.into(), Request::Ttl(Ttl { id: id() })),
        (8, UUID.into(), Request::Release(Release { id: id() })),
        (9, String::new(), Request::Stats(Stats)),
        (10, String::new(), Request::Tree(Tree)),
        (11, String::new(), Request::Parked(Parked)),
        (12, "0000000000000003".into(), Request::Step(DoStep { client: 3 })),
        (13, String::new(), Request::Help(Help)),
        (14, String::new(), Request::Quit(Quit)),
    ]
}

fn replies(list: &NumberList) -> Vec<(u8, u8, String, Reply<'_>)> {
    let row = Row { counter: 7, client: 3, result: 228 };
    let error = |code, text: &'static str| Reply::Error(Error::new(code, text));
    let figures = vec![("used".into(), "0".to_string()), ("free".into(), "64".to_string())];
    vec![
        (
            0x81,
            0,
            "00000004 00000005 00000013 000000e4 00000299".into(),
            Reply::Drawn(Drawn::Taken(Taken::new(list, 0..4))),
        ),
        (
            0x82,
            0,
            "00000001 =00000000 0000000000000003 00000007 000000e4".into(),
            Reply::Table(vec![row]),
        ),
        (
            0x83,
            0,
            format!("{UUID} 0000000000000040 0000000000001388"),
            Reply::Leased(Leased { id: id(), size: 64, duration_ms: 5000 }),
        ),
        (0x84, 0, format!("{UUID} 0000000000000002"), Reply::Set(WasSet { id: id(), length: 2 })),
        (
            0x85,
            0,
            format!("{UUID} 0000000000000040 00000002 =6869"),
            Reply::Data(Data { id: id(), size: 64, data: b"hi".to_vec() }),
        ),
        (
            0x87,
            0,
            format!("{UUID} 0000000000001387"),
            Reply::Ttl(TimeLeft { id: id(), left_ms: 4999 }),
        ),
        (
            0x88,
            0,
            format!("{UUID} 0000000000000040"),
            Reply::Released(Released { id: id(), size: 64 }),
        ),
        (
            0x89,
            0,
            "00000002 00000005 =7573656400 =000000 00000002 =3000 =0000 \
             00000005 =6672656500 =000000 00000003 =363400"
                .into(),
            Reply::Stats(figures),
        ),
        (
            0x8a,
            0,
            "00000008 =36342d6672656500".into(),
            Reply::Tree(Picture { picture: "64-free".into() }),
        ),
        (
            0x8b,
            0,
            "00000002 =00000000 0000000000000003 00000000 =00000000 0000000000000004 00000003"
                .into(),
            Reply::Parked(vec![(3, Step::Load), (4, Step::Take)]),
        ),
        (0x8e, 0, String::new(), Reply::Bye(Bye)),
        (0xff, 1, "00000006 =6120622063 =00".into(), error(Code::BadRequest, "a b c")),
        (0xff, 2, "00000006 =6120622063 =00".into(), error(Code::UnknownCommand, "a b c")),
        (0xff, 3, "00000006 =6120622063 =00".into(), error(Code::NotFound, "a b c")),
        (0xff, 4, "00000006 =6120622063 =00".into(), error(Code::TooLarge, "a b c")),
        (0xff, 5, "00000006 =6120622063 =00".into(), error(Code::OutOfMemory, "a b c")),
        (0xff, 6, "00000006 =6120622063 =00".into(), error(Code::Exhausted, "a b c")),
        (0xff, 7, "00000006 =6120622063 =00".into(), error(Code::Refused, "a b c")),
        (0xff, 8, "00000006 =6120622063 =00".into(), error(Code::Busy, "a b c")),
    ]
}

/// Encodes a reply as the answer to request 2.
fn encoded(order: ByteOrder, mut reply: Reply<'_>, max_message: usize) -> Vec<u8> {
    let mut frames = Frames::new(max_message);
    frames.decode(&frame(order, 13, 0, ""));
    let mut out = Output::default();
    frames.encode(&mut reply, &mut out);
    [out.bytes, out.body].concat()
}

/// Reads a reply's frame, as a client does.
fn taken(frame: &[u8]) -> Result<Reply<'static>, Error> {
    let header = Header::read(frame.first_chunk().unwrap()).unwrap();
    assert_eq!(HEADER + header.length as usize, frame.len());
    read_reply(header.kind, header.status, &mut Reader::new(frame, HEADER, header.order()))
}

fn decode(frame: &[u8]) -> Decoded<'_> {
    Frames::new(MAX_MESSAGE).decode(frame)
}

#[test]
fn every_request_has_its_bytes_in_both_orders() {
    for order in ORDERS {
        let asked = requests().into_iter().chain(process_tests::requests());
        let asked = asked.chain(session_tests::requests()).chain(resource_tests::requests());
        for (kind, body, request) in asked {
            let golden = frame(order, kind, 0, &body);
            let mut put = Vec::new();
            let header = Header::new(order, request.kind(), 2);
            header.put(&mut put, 0, |out| request.write(out));
            assert_eq!(put, golden, "{request:?}");
            let decoded = Decoded::Asked { request: Ok(request), used: golden.len() };
            assert_eq!(decode(&golden), decoded);
            for cut in 0..golden.len() {
                assert_eq!(decode(&golden[..cut]), Decoded::Incomplete, "{cut}");
            }
        }
    }
}

#[test]
fn every_reply_has_its_bytes_in_the_order_of_the_request() {
    let list = NumberList::new(vec![5, 19, 228, 665]);
    for order in ORDERS {
        let told = replies(&list).into_iter().chain(process_tests::replies());
        let told = told.chain(session_tests::replies()).chain(resource_tests::replies());
        for (kind, status, body, reply) in told {
            let shown = format!("{reply:?}");
            let golden = frame(order, kind, status, &body);
            assert_eq!(encoded(order, reply, MAX_MESSAGE), golden, "{shown}");
            let taken = taken(&golden).unwrap();
            assert_eq!(encoded(order, taken, MAX_MESSAGE), golden, "{shown} was taken otherwise");
        }
        let help = encoded(order, Reply::Help(CommandNames), MAX_MESSAGE);
        assert!(
            help.windows(6).any(|six| six == b"1 Draw")
                && matches!(taken(&help), Ok(Reply::Help(CommandNames)))
        );
    }
}

#[test]
fn large_data_is_moved_and_not_copied() {
    let data = vec![7; 20_000];
    let mut reply = Reply::Data(Data { id: id(), size: 30_000, data });
    let mut out = Output::default();
    put_reply(Header::new(ByteOrder::Big, 0, 2), &mut reply, &mut out, |_| {});
    assert_eq!((out.bytes.len(), out.body.len()), (DATA_HEADER, 20_000));
    let Ok(Reply::Data(Data { data, .. })) = taken(&[out.bytes, out.body].concat()) else {
        panic!()
    };
    assert_eq!(data, [7; 20_000]);
}

#[test]
fn what_is_no_frame_gets_one_error_and_the_end() {
    let good = frame(ByteOrder::Little, 1, 0, "0000000000000004");
    let changed = |at: usize, byte: u8| {
        let mut frame = good.clone();
        frame[at] = byte;
        frame
    };
    let cases = [
        (changed(1, b'l'), "begin no frame"),
        (b"\x89PNG".to_vec(), "begin no frame"),
        (changed(4, 1), "version 1 are not spoken"),
        (changed(14, 1), "longer than a message"),
        (changed(15, 0xff), "longer than a message"),
    ];
    for (frame, why) in cases {
        match decode(&frame) {
            Decoded::Last(Some(error)) => assert!(error.text.contains(why), "{error}"),
            other => panic!("{frame:02x?}: {other:?}"),
        }
    }
}

#[test]
fn a_wrong_frame_is_refused_and_the_connection_goes_on() {
    let draw = "0000000000000004";
    let order = ByteOrder::Little;
    let flagged = |flags| {
        let mut frame = frame(order, 1, 0, draw);
        frame[5] |= flags;
        frame
    };
    let long = MAX_MESSAGE - DATA_HEADER + 1;
    let longer = MAX_MESSAGE - MESSAGE_HEADER + 1;
    let cases = [
        (flagged(2), Code::BadRequest, "bit 0"),
        (flagged(0x80), Code::BadRequest, "bit 0"),
        (frame(order, 1, 7, draw), Code::BadRequest, "status is 0"),
        (frame(order, 0, 0, ""), Code::UnknownCommand, "kind 0d"),
        (frame(order, 0x2b, 0, draw), Code::UnknownCommand, "kind 0d"),
        (frame(order, 0x81, 0, draw), Code::UnknownCommand, "kind 0d"),
        (frame(order, 1, 0, "00000000"), Code::BadRequest, "ends too early"),
        (frame(order, 1, 0, "0000000000000004 00000000"), Code::BadRequest, "goes on too long"),
        (frame(order, 2, 0, "000000000000000c 00000004"), Code::BadRequest, "none of 0 to 3"),
        (frame(order, 5, 0, draw), Code::BadRequest, "ends too early"),
        (frame(order, 9, 0, "=00"), Code::BadRequest, "goes on too long"),
        (frame(order, 4, 0, &format!("{UUID} ffffffff =6869")), Code::BadRequest, "too early"),
        (frame(order, 4, 0, &format!("{UUID} 00000001 =6869")), Code::BadRequest, "too long"),
        (
            frame(order, 4, 0, &format!("{UUID} {long:08x} ={}", "00".repeat(long))),
            Code::TooLarge,
            "give at most 980",
        ),
        (
            frame(order, 0x1b, 0, &format!("{UUID} {longer:08x} ={}", "00".repeat(longer))),
            Code::TooLarge,
            "give at most 984",
        ),
        (
            frame(order, 0x1d, 0, &format!("00000002 {UUID} 00000000")),
            Code::BadRequest,
            "too early",
        ),
    ];
    for (frame, code, why) in cases {
        match decode(&frame) {
            Decoded::Asked { request: Err(error), used } => {
                assert_eq!((error.code, used), (code, frame.len()), "{error}");
                assert!(error.text.contains(why), "{error}");
            }
            other => panic!("{frame:02x?}: {other:?}"),
        }
    }
}

#[test]
fn a_get_that_is_longer_than_a_message_is_refused() {
    let data = |length| Reply::Data(Data { id: id(), size: 4096, data: vec![7; length] });
    let most = MAX_MESSAGE - DATA_HEADER;
    assert_eq!(encoded(ByteOrder::Big, data(most), MAX_MESSAGE).len(), MAX_MESSAGE);
    let refused = taken(&encoded(ByteOrder::Big, data(most + 1), MAX_MESSAGE));
    assert!(matches!(refused, Ok(Reply::Error(Error { code: Code::TooLarge, .. }))));
    let looked_at = |length| {
        let (id, data) = (id(), vec![7; length]);
        let (size, length, version, changed_ms, left_ms, first) = (4096, 4096, 1, None, None, 0);
        let inspection = Inspection { id, size, length, version, changed_ms, left_ms, first, data };
        Reply::Inspected(inspection.into())
    };
    let most = MAX_MESSAGE - INSPECTION_HEADER;
    assert_eq!(encoded(ByteOrder::Big, looked_at(most), MAX_MESSAGE).len(), MAX_MESSAGE);
    let refused = taken(&encoded(ByteOrder::Big, looked_at(most + 1), MAX_MESSAGE));
    assert!(matches!(refused, Ok(Reply::Error(Error { code: Code::TooLarge, .. }))));
}

proptest! {
    #[test]
    fn any_bytes_are_decoded_without_a_panic(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..80),
        is_frame in any::<bool>(),
    ) {
        if is_frame {
            let begin = [0x89, b'L', b'B', b'X', 2];
            let length = begin.len().min(bytes.len());
            bytes[..length].copy_from_slice(&begin[..length]);
        }
        match decode(&bytes) {
            Decoded::Asked { used, .. } => prop_assert!(used <= bytes.len()),
            Decoded::SelfAnswered { .. } | Decoded::Skip { .. } => prop_assert!(false, "a frame always asks something"),
            Decoded::Incomplete | Decoded::Last(_) => {}
        }
    }

    #[test]
    fn any_body_of_a_reply_is_taken_or_refused(
        kind in any::<u8>(),
        status in 0..10_u8,
        body in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        let frame = [vec![0; HEADER], body].concat();
        if let Ok(mut reply) = read_reply(kind, status, &mut Reader::new(&frame, HEADER, ByteOrder::Big)) {
            let mut out = Output::default();
            put_reply(Header::new(ByteOrder::Big, 0, 2), &mut reply, &mut out, |_| {});
            // Written again, a reply is as long as before, except Help: its text is a constant.
            if kind != 0x8d {
                prop_assert_eq!(out.bytes.len() + out.body.len(), frame.len());
            }
        }
    }
}
