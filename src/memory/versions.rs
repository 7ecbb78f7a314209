//! Versions: looking at a lease, and changing it only if no other client has.
//!
//! ```text
//!   Inspect { id, part } ──► Inspection { size, length, version, changed, left, data }
//!   Replace { id, condition, data } ──► version + 1, or refused
//! ```
//!
//! | request | reply |
//! | --- | --- |
//! | `inspect ID [FIRST [LAST]]` | `inspected ID SIZE LENGTH VERSION CHANGED LEFT FIRST DATA`: how a lease is, and the bytes from FIRST to LAST of what was last set, both included; without FIRST none, without LAST all that follow |
//! | `replace ID VERSIONS DATA` | `replaced ID LENGTH VERSION`, or `error refused …` when another client has set it |
//!
//! VERSIONS says which versions may be replaced: `3` only version 3, `3,4` version 3 or 4, `!3` or `!3,4`
//! all but these, `*` all.
//! CHANGED is when it was last set, in milliseconds since 1970, and LEFT what is left of the lease,
//! in milliseconds; each is `-` where there is none. FIRST counts from 0.
//!
//! ```text
//!   > replace 2f0c… 1 new          > inspect 2f0c… 1 1
//!   < replaced 2f0c… 3 2           < inspected 2f0c… 64 3 2 1795299855123 3800 1 e
//! ```
//!
//! A *version* counts the sets of a lease: 0 is one that was never set. A client that changes a lease
//! on condition of the version that it read overwrites no other client's set.
//!
//! **Lock** none: plain values. **Source** RFC 9110 for conditions and ranges.

use std::borrow::Cow;

use crate::common::description::{Answer, Command, Field, Message, Sink, Source, command, reply};
use crate::common::error::{Code, Error, Malformed};
use crate::common::escape::escape;
use crate::common::id::{LeaseId, parse_decimal};
use crate::common::line::put;

/// Which bytes of what was last set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// No bytes: only the state of the lease.
    None,
    /// All of them.
    All,
    /// From `first` to `last`, both included; fewer where the data ends.
    Span {
        /// Bytes from the start.
        first: u64,
        /// At least `first`.
        last: u64,
    },
    /// So many at the end.
    Last(u64),
}

impl Part {
    /// The bytes of `length` that this is.
    pub fn of(self, length: u64) -> std::ops::Range<u64> {
        match self {
            Part::None => 0..0,
            Part::All => 0..length,
            Part::Span { first, last } => first.min(length)..last.saturating_add(1).min(length),
            Part::Last(count) => length.saturating_sub(count)..length,
        }
    }
}

/// Under which a lease is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Any version.
    Any,
    /// Only when its version is one of these.
    OneOf(Vec<u64>),
    /// Only when its version is none of these.
    NoneOf(Vec<u64>),
}

impl Condition {
    /// Whether a lease of that version may be changed.
    pub fn holds(&self, version: u64) -> bool {
        match self {
            Condition::Any => true,
            Condition::OneOf(versions) => versions.contains(&version),
            Condition::NoneOf(versions) => !versions.contains(&version),
        }
    }
}

/// A lease, looked at in one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The lease.
    pub id: LeaseId,
    /// Its size in bytes.
    pub size: u64,
    /// How many bytes were last set.
    pub length: u64,
    /// How often it was set.
    pub version: u64,
    /// When it was last set, in milliseconds since 1970; `None` when it never was. The same for each look at
    /// one version.
    pub changed_ms: Option<u64>,
    /// How long it still lasts, in milliseconds, rounded up; `None` for a granted block.
    pub left_ms: Option<u64>,
    /// Where `data` begins, in bytes from the start.
    pub first: u64,
    /// The part that was asked for, as far as there are such bytes.
    pub data: Vec<u8>,
}

/// Looks at a lease, or at a granted block: how it is, and a part of what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inspect {
    /// The lease.
    pub id: LeaseId,
    /// The bytes to answer.
    pub part: Part,
    /// Answer the part only when this is the version, and otherwise all of it. A text has no word
    /// for it.
    pub if_version: Option<u64>,
}

/// A text gives the first and the last byte of a part. A frame gives a number, 0 none, 1 all, 2 a
/// span, 3 the last bytes, and two numbers more; and then 1 and a version, or 0 and 0.
impl<'a> Message<'a> for Inspect {
    const WORDS: (usize, usize) = (1, 3);

    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        let id = source.id()?;
        if let Some(first) = source.word() {
            let part = span(first, source.word().unwrap_or_default())?;
            return Ok(Inspect { id, part, if_version: None });
        }
        let part = match (source.u32()?, source.u64()?, source.u64()?) {
            (0, 0, 0) => Part::None,
            (1, 0, 0) => Part::All,
            (2, first, last) if first <= last => Part::Span { first, last },
            (3, count, 0) => Part::Last(count),
            _ => return Err(Malformed("asks for a part that is none").into()),
        };
        let if_version = match (source.u32()?, source.u64()?) {
            (0, 0) => None,
            (1, version) => Some(version),
            _ => return Err(Malformed("has a version that is neither there nor left out").into()),
        };
        Ok(Inspect { id, part, if_version })
    }

    fn write(&self, sink: &mut impl Sink) {
        sink.id("id", self.id);
        let (kind, first, second) = match self.part {
            Part::None => (0, 0, 0),
            Part::All => (1, 0, 0),
            Part::Span { first, last } => (2, first, last),
            Part::Last(count) => (3, count, 0),
        };
        sink.u32("part", kind);
        sink.u64("first", first);
        sink.u64("second", second);
        sink.optional("if_version", self.if_version);
    }
}

impl Command<'_> for Inspect {
    const KIND: u8 = 0x28;
    const FORM: &'static str = "inspect ID [FIRST [LAST]]";
    type Reply = Box<Inspection>;
}

fn span(first: &[u8], last: &[u8]) -> Result<Part, Error> {
    let (first, last) = match (first, last) {
        ([], _) => return Ok(Part::None),
        (first, []) => (number(first)?, u64::MAX),
        (first, last) => (number(first)?, number(last)?),
    };
    if first > last {
        let text = "a part begins before it ends; give FIRST, then LAST";
        return Err(Error::new(Code::BadRequest, text));
    }
    Ok(Part::Span { first, last })
}

fn number(word: &[u8]) -> Result<u64, Error> {
    parse_decimal(word).ok_or_else(Error::not_a_number)
}

command! {
    /// Replaces what a lease or a granted block holds, if no other client has set it meanwhile.
    0x29 "replace ID VERSIONS DATA" Replace<'a> -> Replaced {
        /// The lease.
        id: LeaseId,
        /// The versions of which it has to be. Boxed: every request would be larger by it.
        condition: Box<Condition>,
        /// The bytes.
        data: Cow<'a, [u8]>,
    }
}

/// A text says `3`, `3,4`, `!3,4` or `*`; the body of a frame a number, 0 any, 1 one of, 2 none of,
/// and the versions.
impl<'a> Field<'a> for Box<Condition> {
    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        if let Some(word) = source.word() {
            return condition(word).map(Box::new);
        }
        let kind = source.u32()?;
        let versions = source.list(size_of::<u64>(), S::u64)?;
        Ok(Box::new(match kind {
            0 if versions.is_empty() => Condition::Any,
            1 => Condition::OneOf(versions),
            2 => Condition::NoneOf(versions),
            _ => return Err(Malformed("has a condition that is none of 0, 1 and 2").into()),
        }))
    }

    fn write(&self, name: &str, sink: &mut impl Sink) {
        let (kind, versions) = match &**self {
            Condition::Any => (0, &[][..]),
            Condition::OneOf(versions) => (1, &versions[..]),
            Condition::NoneOf(versions) => (2, &versions[..]),
        };
        sink.u32(name, kind);
        sink.list(name, "version", versions, |version, sink| sink.u64("", *version));
    }
}

fn condition(word: &[u8]) -> Result<Condition, Error> {
    let listed = |versions: &[u8]| -> Result<Vec<u64>, Error> {
        versions.split(|&byte| byte == b',').map(number).collect()
    };
    Ok(match word {
        b"*" => Condition::Any,
        [b'!', versions @ ..] => Condition::NoneOf(listed(versions)?),
        versions => Condition::OneOf(listed(versions)?),
    })
}

reply! {
    /// Data was set, by a condition that held.
    0xa9 "replaced" / "lease" Replaced {
        /// The lease.
        id: LeaseId,
        /// How many bytes were set.
        length: u64,
        /// Its version since.
        version: u64,
    }
}

/// In a frame stands for a time that there is not.
const NEVER: u64 = u64::MAX;

impl<'a> Message<'a> for Inspection {
    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        let time = |ms| Some(ms).filter(|&ms| ms != NEVER);
        Ok(Inspection {
            id: source.id()?,
            size: source.u64()?,
            length: source.u64()?,
            version: source.u64()?,
            changed_ms: time(source.u64()?),
            left_ms: time(source.u64()?),
            first: source.u64()?,
            data: source.data()?.into_owned(),
        })
    }

    /// Outside of frames nothing that changes without a set: two answers of one version are alike.
    fn write(&self, sink: &mut impl Sink) {
        sink.id("id", self.id);
        sink.u64("size", self.size);
        sink.u64("length", self.length);
        sink.u64("version", self.version);
        if sink.is_binary() {
            sink.u64("changed_ms", self.changed_ms.unwrap_or(NEVER));
            sink.u64("left_ms", self.left_ms.unwrap_or(NEVER));
            sink.u64("first", self.first);
        }
        sink.data("base64", &self.data);
    }
}

impl Answer<'_> for Inspection {
    const KIND: u8 = 0xa8;
    const WORD: &'static str = "inspected";
    const ELEMENT: &'static str = "lease";

    fn line(&self, out: &mut Vec<u8>) {
        let Inspection { id, size, length, version, changed_ms, left_ms, first, data } = self;
        let shown = |ms: &Option<u64>| ms.map_or_else(|| "-".into(), |ms| ms.to_string());
        let (changed, left) = (shown(changed_ms), shown(left_ms));
        put(
            out,
            format_args!("inspected {id} {size} {length} {version} {changed} {left} {first} "),
        );
        escape(data, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_never_beyond_the_data() {
        for length in [0, 1, 5, u64::MAX] {
            let span = |first, last| Part::Span { first, last }.of(length);
            let parts = [
                Part::None.of(length),
                Part::All.of(length),
                Part::Last(0).of(length),
                Part::Last(3).of(length),
                Part::Last(u64::MAX).of(length),
                span(0, 0),
                span(0, u64::MAX),
                span(4, 4),
                span(u64::MAX, u64::MAX),
            ];
            for part in parts {
                assert!(part.start <= part.end && part.end <= length, "{part:?} of {length}");
            }
        }
        assert_eq!(Part::Span { first: 1, last: 3 }.of(5), 1..4);
        assert_eq!(Part::Last(2).of(5), 3..5);
    }

    #[test]
    fn a_condition_is_about_versions() {
        assert!(Condition::Any.holds(7));
        assert!(Condition::OneOf(vec![6, 7]).holds(7) && !Condition::OneOf(vec![]).holds(7));
        assert!(!Condition::NoneOf(vec![7]).holds(7) && Condition::NoneOf(vec![]).holds(7));
    }
}
