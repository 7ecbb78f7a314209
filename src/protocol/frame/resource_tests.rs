//! The expected bytes of the frames of `inspect`, `replace` and `list`.

use super::{UUID, id};
use crate::commands::{Inspect, List, Replace, Replaced, Reply, Request};
use crate::memory::versions::{Condition, Inspection, Part};
use crate::server::lists::{Listed, Listing};

const NEVER: &str = "ffffffffffffffff";

pub fn requests() -> Vec<(u8, String, Request<'static>)> {
    let inspect = |part, if_version| Request::Inspect(Inspect { id: id(), part, if_version });
    let replace = |condition: Condition| {
        let (condition, data) = (condition.into(), b"hi"[..].into());
        Request::Replace(Replace { id: id(), condition, data })
    };
    // A version that is left out: the flag 0, padding, and the number 0.
    let none = "00000000 =00000000 0000000000000000";
    let part = |kind, first, second| format!("{kind:08x} =00000000 {first:016x} {second:016x}");
    vec![
        (0x28, format!("{UUID} {} {none}", part(0, 0, 0)), inspect(Part::None, None)),
        (0x28, format!("{UUID} {} {none}", part(1, 0, 0)), inspect(Part::All, None)),
        (
            0x28,
            format!("{UUID} {} 00000001 =00000000 0000000000000003", part(2, 5, 7)),
            inspect(Part::Span { first: 5, last: 7 }, Some(3)),
        ),
        (0x28, format!("{UUID} {} {none}", part(3, 9, 0)), inspect(Part::Last(9), None)),
        (0x29, format!("{UUID} 00000000 00000000 00000002 =6869"), replace(Condition::Any)),
        (
            0x29,
            format!("{UUID} 00000001 00000002 0000000000000003 0000000000000004 00000002 =6869"),
            replace(Condition::OneOf(vec![3, 4])),
        ),
        (
            0x29,
            format!("{UUID} 00000002 00000001 0000000000000003 00000002 =6869"),
            replace(Condition::NoneOf(vec![3])),
        ),
        (0x2a, "00000000".into(), Request::List(List { what: Listed::Leases })),
        (0x2a, "00000001".into(), Request::List(List { what: Listed::Sessions })),
        (0x2a, "00000002".into(), Request::List(List { what: Listed::Connections })),
        (0x2a, "00000003".into(), Request::List(List { what: Listed::Blocks })),
    ]
}

pub fn replies() -> Vec<(u8, u8, String, Reply<'static>)> {
    let inspected = |changed_ms, left_ms, first, data: &[u8]| {
        let (size, length, version, data) = (64, 11, 3, data.to_vec());
        let id = id();
        Reply::Inspected(
            Inspection { id, size, length, version, changed_ms, left_ms, first, data }.into(),
        )
    };
    let numbers = "0000000000000040 000000000000000b 0000000000000003";
    let listing = Listing {
        what: Listed::Leases,
        total: 7,
        columns: vec!["a".into(), "b".into()],
        rows: vec![vec!["1".into(), "22".into()]],
    };
    vec![
        (
            0xa8,
            0,
            format!("{UUID} {numbers} {NEVER} {NEVER} 0000000000000000 00000000"),
            inspected(None, None, 0, b""),
        ),
        (
            0xa8,
            0,
            format!(
                "{UUID} {numbers} 0000000000000005 0000000000000006 0000000000000001 00000002 =6869"
            ),
            inspected(Some(5), Some(6), 1, b"hi"),
        ),
        (
            0xa9,
            0,
            format!("{UUID} 0000000000000002 0000000000000004"),
            Reply::Replaced(Replaced { id: id(), length: 2, version: 4 }),
        ),
        (
            0xaa,
            0,
            "00000000 =00000000 0000000000000007 00000002 00000002 =6100 =0000 00000002 =6200 =0000 \
             00000002 00000002 =3100 =0000 00000003 =323200"
                .into(),
            Reply::List(listing.into()),
        ),
    ]
}
