//! Tests of MemoryLease frames: golden bytes, both byte orders, every refusal.

use super::*;
use crate::commands::{Data, Get, Lease, Leased, Set, WasSet};
use crate::memory::lease::not_found;

const MAX_MESSAGE: usize = 1024;
const GOLDEN_LEASE: &str = "01000000 0800000000000000 40000000 88130000";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

/// The same frame from a machine of the other byte order.
fn turned(hex: &str) -> Vec<u8> {
    hex.split(' ').flat_map(|word| bytes(word).into_iter().rev()).collect()
}

fn frames(order: ByteOrder) -> MemoryLease {
    MemoryLease::new(order, MAX_MESSAGE)
}

/// Decodes one frame and answers it with `reply`.
fn answer(order: ByteOrder, frame: &[u8], mut reply: Reply<'_>) -> Vec<u8> {
    let mut frames = frames(order);
    let decoded = frames.decode(frame);
    assert!(matches!(decoded, Decoded::Asked { .. }), "{decoded:?}");
    let mut out = Output::default();
    frames.encode(&mut reply, &mut out);
    [out.bytes, out.body].concat()
}

fn id() -> LeaseId {
    LeaseId::from_number(123)
}

fn both_orders(question: &str, reply: impl Fn() -> Reply<'static>, expected: &str) {
    let little = answer(ByteOrder::Little, &bytes(question), reply());
    assert_eq!(little, bytes(expected), "{}", little.escape_ascii());
    let big = answer(ByteOrder::Big, &turned(question), reply());
    assert_eq!(big, turned(expected), "{}", big.escape_ascii());
}

#[test]
fn a_lease_of_64_bytes_for_5000_ms_has_these_bytes() {
    let lease = Request::Lease(Lease { size: 64, duration_ms: 5000, id_kind: IdKind::Number });
    let decoded = Decoded::Asked { request: Ok(lease), used: 20 };
    assert_eq!(frames(ByteOrder::Little).decode(&bytes(GOLDEN_LEASE)), decoded);
    assert_eq!(frames(ByteOrder::Big).decode(&turned(GOLDEN_LEASE)), decoded);
    let leased = || Reply::Leased(Leased { id: id(), size: 64, duration_ms: 5000 });
    both_orders(GOLDEN_LEASE, leased, "02000000 0400000000000000 7b000000");
    let refused = || Reply::Error(not_found());
    both_orders(GOLDEN_LEASE, refused, "02000000 0400000000000000 ffffffff");
}

#[test]
fn a_set_has_these_bytes_and_a_number_for_each_outcome() {
    let set = "03000000 0e00000000000000 7b000000 0200000000000000 68 69";
    let request = Request::Set(Set { id: id(), data: Cow::Borrowed(b"hi") });
    let decoded = Decoded::Asked { request: Ok(request), used: 26 };
    assert_eq!(frames(ByteOrder::Little).decode(&bytes(set)), decoded);
    assert_eq!(frames(ByteOrder::Big).decode(&turned(set)), decoded);
    let done = || Reply::Set(WasSet { id: id(), length: 2 });
    both_orders(set, done, "05000000 0400000000000000 00000000");
    let missing = || Reply::Error(not_found());
    both_orders(set, missing, "05000000 0400000000000000 ffffffff");
    let too_large = || Reply::Error(Error::new(Code::TooLarge, "lease more than that"));
    both_orders(set, too_large, "05000000 0400000000000000 feffffff");
}

#[test]
fn a_get_answers_the_whole_lease_with_zeros_behind_what_was_set() {
    let get = "04000000 0400000000000000 7b000000";
    let decoded = Decoded::Asked { request: Ok(Request::Get(Get { id: id() })), used: 16 };
    assert_eq!(frames(ByteOrder::Little).decode(&bytes(get)), decoded);
    let data = || Reply::Data(Data { id: id(), size: 4, data: b"hi".to_vec() });
    both_orders(get, data, "04000000 1000000000000000 7b000000 0400000000000000 68 69 00 00");
    let missing = || Reply::Error(not_found());
    both_orders(get, missing, "04000000 0c00000000000000 7b000000 0000000000000000");
}

#[test]
fn a_large_get_is_moved_and_not_copied() {
    let data = vec![7; 100_000];
    let place = data.as_ptr();
    let mut frames = frames(ByteOrder::Little);
    frames.decode(&bytes("04000000 0400000000000000 7b000000"));
    let mut out = Output::default();
    frames.encode(&mut Reply::Data(Data { id: id(), size: 100_000, data }), &mut out);
    assert_eq!((out.bytes.len(), out.body.as_ptr()), (HEADER + DATA_HEADER, place));
}

#[test]
fn a_frame_is_answered_when_it_is_whole_and_never_before() {
    let frame = bytes(GOLDEN_LEASE);
    for cut in 0..frame.len() {
        assert_eq!(frames(ByteOrder::Little).decode(&frame[..cut]), Decoded::Incomplete, "{cut}");
    }
}

#[test]
fn lengths_that_disagree_are_a_set_that_does_not_fit() {
    let claims_more = bytes("03000000 1000000000000000 7b000000 3c00000000000000 61616161");
    let claims_less = bytes("03000000 1000000000000000 7b000000 0100000000000000 61616161");
    let negative = bytes("03000000 1000000000000000 7b000000 ffffffffffffffff 61616161");
    let no_room = bytes("03000000 0200000000000000 7b00");
    for frame in [claims_more, claims_less, negative, no_room] {
        match frames(ByteOrder::Little).decode(&frame) {
            Decoded::Asked { request: Err(error), used } => {
                assert_eq!((error.code, used), (Code::BadRequest, frame.len()));
                let expected = bytes("05000000 0400000000000000 feffffff");
                assert_eq!(answer(ByteOrder::Little, &frame, Reply::Error(error)), expected);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_size_or_duration_below_zero_cannot_be_had() {
    let size = "01000000 0800000000000000 ffffffff 88130000";
    let duration = "01000000 0800000000000000 40000000 ffffffff";
    for frame in [size, duration] {
        let frame = bytes(frame);
        let decoded = frames(ByteOrder::Little).decode(&frame).is_refusal();
        assert_eq!(decoded, Some(Code::BadRequest));
    }
    let beyond_one_message = bytes("01000000 0800000000000000 e9030000 88130000");
    let decoded = frames(ByteOrder::Little).decode(&beyond_one_message).is_refusal();
    assert_eq!(decoded, Some(Code::TooLarge));
}

impl Decoded<'_> {
    fn is_refusal(&self) -> Option<Code> {
        match self {
            Decoded::Asked { request: Err(error), .. } => Some(error.code),
            _ => None,
        }
    }
}

#[test]
fn another_type_or_an_impossible_length_closes_from_the_header_alone() {
    let headers = [
        "00000000 0800000000000000",
        "02000000 0400000000000000",
        "05000000 0400000000000000",
        "06000000 0400000000000000",
        "ffffffff 0400000000000000",
        "01000000 0700000000000000",
        "04000000 0500000000000000",
        "03000000 ffffffffffffffff",
        "03000000 ffffffffffffff7f",
        "03000000 f503000000000000",
    ];
    for header in headers {
        let frame = bytes(header);
        assert_eq!(frames(ByteOrder::Little).decode(&frame), Decoded::Last(None), "{header}");
    }
    let longest = bytes("03000000 f403000000000000");
    assert_eq!(frames(ByteOrder::Little).decode(&longest), Decoded::Incomplete);
}
