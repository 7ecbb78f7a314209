//! Versions: a client looks at a lease, and changes it only if no other client has changed it.
//!
//! ```text
//!   Inspect { id, part } ──► Inspection { size, length, version, changed, left, data }
//!   Replace { id, condition, data } ──► version + 1, or refused
//! ```
//!
//! | request | reply |
//! | --- | --- |
//! | `inspect ID [FIRST [LAST]]` | `inspected ID SIZE LENGTH VERSION CHANGED LEFT FIRST DATA` |
//! | `replace ID VERSIONS DATA` | `replaced ID LENGTH VERSION`, or `error refused …` |
//!
//! - DATA of `inspected` has the bytes FIRST to LAST of the last set, both included: without FIRST
//!   none, without LAST all that follow.
//! - VERSIONS has the versions that may be replaced: `3` only version 3, `3,4` version 3 or 4, `!3`
//!   or `!3,4` all but these, `*` all.
//! - CHANGED is the time of the last set, in milliseconds since 1970; LEFT is the time that the
//!   lease has left, in milliseconds. Each is `-` if there is none.
//! - FIRST and LAST count bytes from 0.
//!
//! ```text
//!   > replace 2f0c… 1 new          > inspect 2f0c… 1 1
//!   < replaced 2f0c… 3 2           < inspected 2f0c… 64 3 2 1795299855123 3800 1 e
//! ```
//!
//! A *version* counts the sets of a lease: 0 is a lease that was never set. Two clients that get,
//! change and set the same lease lose a change: the second set overwrites the first. With `replace`
//! the second client is refused, because the lease no longer has the version that this client read:
//!
//! ```text
//!   Ada   inspect: version 1                       replace 1 ─► version 2
//!   Bob              inspect: version 1                                    replace 1 ─► refused
//! ```
//!
//! The check and the set are one step, under the block's lock
//! ([`super::contents::OpenContents::replace`]).
//!
//! **Lock** none: plain values. **Simplified** a client that is refused reads and tries again; a
//! bigger system would let many writers of one lease wait in a queue.
//!
//! **Source** RFC 9110, section 13 for conditions, section 14 for ranges.

use std::borrow::Cow;

use crate::common::description::{
    Answer, Asks, Command, Field, Message, Sink, Source, command, reply,
};
use crate::common::error::{Code, Error, Malformed};
use crate::common::escape::escape;
use crate::common::id::{LeaseId, parse_decimal};
use crate::common::line::put;

/// A part of the bytes of the last set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// No bytes: only the state of the lease.
    None,
    /// All bytes of the last set.
    All,
    /// The bytes from `first` to `last`, both included. The part ends earlier if the data does.
    Span {
        /// The place of the first byte, counted from 0.
        first: u64,
        /// The place of the last byte, at least `first`.
        last: u64,
    },
    /// The last bytes, as many as the number says.
    Last(u64),
}

impl Part {
    /// Returns the range of this part in `length` bytes. A part that begins behind their end has an
    /// empty range.
    pub fn range_in(self, length: u64) -> std::ops::Range<u64> {
        match self {
            Part::None => 0..0,
            Part::All => 0..length,
            // Without LAST, `last` is `u64::MAX`, and 1 more would overflow.
            Part::Span { first, last } => first.min(length)..last.saturating_add(1).min(length),
            Part::Last(count) => length.saturating_sub(count)..length,
        }
    }
}

/// The condition of a change, about the version of the lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Any version.
    Any,
    /// Only one of these versions.
    OneOf(Vec<u64>),
    /// Only a version that is none of these.
    NoneOf(Vec<u64>),
}

impl Condition {
    /// Returns whether a lease of that version may be changed.
    pub fn holds(&self, version: u64) -> bool {
        match self {
            Condition::Any => true,
            Condition::OneOf(versions) => versions.contains(&version),
            Condition::NoneOf(versions) => !versions.contains(&version),
        }
    }
}

/// The state of a lease at one moment, and a part of its contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The lease.
    pub id: LeaseId,
    /// Its size in bytes.
    pub size: u64,
    /// The number of bytes of the last set.
    pub length: u64,
    /// The count of sets.
    pub version: u64,
    /// The time of the last set, in milliseconds since 1970; `None` if there was none. Each
    /// inspection of one version shows the same time.
    pub changed_ms: Option<u64>,
    /// The time until the lease expires, in milliseconds, rounded up. `None` for a granted block,
    /// which has no expiry.
    pub left_ms: Option<u64>,
    /// The number of bytes that stand before `data` in the contents: 0 if `data` begins with the
    /// first byte of the contents.
    pub first: u64,
    /// The bytes of the part that the request asked for. If the part goes past the end of the
    /// contents, `data` ends with the contents.
    pub data: Vec<u8>,
}

/// The request to read the state of a block and a part of its contents. The block belongs to a
/// lease, or it is a *granted block*: it has no expiry, and chapter 5 gives it to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inspect {
    /// The id of the lease or granted block.
    pub id: LeaseId,
    /// The part to return.
    pub part: Part,
    /// If the lease has another version than this, the reply has all bytes instead of the part. So
    /// a client that has the first half of one version never appends the second half of another. A
    /// line of text has no word for this field.
    pub if_version: Option<u64>,
}

/// A line of text has the id, and may have the first and the last byte of a part: 1 to 3 words. A
/// frame has five numbers behind the id: the kind of part (0 none, 1 all, 2 a span, 3 the last
/// bytes), then first and last, or a count and 0, or 0 and 0; then 1 and a version, or 0 and 0.
impl<'a> Message<'a> for Inspect {
    const WORDS: (usize, usize) = (1, 3);

    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        let id = source.id()?;
        // `word` returns `None` only in a frame; in a line, a word that was left out is empty.
        if let Some(first) = source.word() {
            let part = span(first, source.word().unwrap_or_default())?;
            return Ok(Inspect { id, part, if_version: None });
        }
        let part = match (source.u32()?, source.u64()?, source.u64()?) {
            (0, 0, 0) => Part::None,
            (1, 0, 0) => Part::All,
            (2, first, last) if first <= last => Part::Span { first, last },
            (3, count, 0) => Part::Last(count),
            // An unknown kind of part, a span that ends before it begins, or a number other than 0
            // in a place that this kind of part does not use.
            _ => return Err(Malformed("asks for an unknown part").into()),
        };
        let if_version = match (source.u32()?, source.u64()?) {
            (0, 0) => None,
            (1, version) => Some(version),
            // The first number is neither 0 nor 1, or it is 0 and a version follows.
            _ => {
                return Err(Malformed(
                    "has a version without its mark, or a mark that is none of 0 and 1",
                )
                .into());
            }
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
}

impl Asks for Inspect {
    type Reply = Box<Inspection>;
}

/// Parses the words FIRST and LAST of a line; an empty word is one that was left out. Without FIRST
/// the part has no bytes, and without LAST it goes to the end of the contents.
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
    /// Replaces the contents of a lease or granted block, if the condition holds for its version.
    0x29 "replace ID VERSIONS DATA" Replace<'a> -> Replaced {
        /// The lease.
        id: LeaseId,
        /// The versions that may be replaced. The box keeps the enum of all requests small: an enum
        /// is as large as its largest variant.
        condition: Box<Condition>,
        /// The bytes.
        data: Cow<'a, [u8]>,
    }
}

/// A line of text has `3`, `3,4`, `!3,4` or `*`. A frame has a number (0 any, 1 one of, 2 none of),
/// and the list of versions.
impl<'a> Field<'a> for Box<Condition> {
    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        if let Some(word) = source.word() {
            return condition(word).map(Box::new);
        }
        let kind = source.u32()?;
        // A version has 8 bytes in a frame. So the frame's length bounds their number, before
        // memory for them is reserved.
        let versions = source.list(size_of::<u64>(), S::u64)?;
        Ok(Box::new(match kind {
            0 if versions.is_empty() => Condition::Any,
            1 => Condition::OneOf(versions),
            2 => Condition::NoneOf(versions),
            _ => {
                return Err(Malformed(
                    "has a condition that is none of 0, 1 and 2, or versions behind 0",
                )
                .into());
            }
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

/// Parses the word VERSIONS of a line: `3`, `3,4`, `!3,4` or `*`.
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
    /// Data was set, because the condition held.
    0xa9 "replaced" / "lease" Replaced {
        /// The lease.
        id: LeaseId,
        /// The number of bytes that were set.
        length: u64,
        /// The version after the set.
        version: u64,
    }
}

/// The number that stands in a frame for a time that is `None`.
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

    /// JSON and XML leave out `changed_ms`, `left_ms` and `first`. HTTP gives these bodies a strong
    /// entity tag, so two bodies of one version have to be the same bytes. But `left_ms` changes
    /// all the time, so HTTP sends both times in header fields. `first` would always be 0, because
    /// these bodies have all bytes. The name of the data says its form there: base64.
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

    /// Writes the line by hand: `write` leaves out three fields unless it writes a frame.
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
            let span = |first, last| Part::Span { first, last }.range_in(length);
            let parts = [
                Part::None.range_in(length),
                Part::All.range_in(length),
                Part::Last(0).range_in(length),
                Part::Last(3).range_in(length),
                Part::Last(u64::MAX).range_in(length),
                span(0, 0),
                span(0, u64::MAX),
                span(4, 4),
                span(u64::MAX, u64::MAX),
            ];
            for part in parts {
                assert!(part.start <= part.end && part.end <= length, "{part:?} of {length}");
            }
        }
        assert_eq!(Part::Span { first: 1, last: 3 }.range_in(5), 1..4);
        assert_eq!(Part::Last(2).range_in(5), 3..5);
    }

    #[test]
    fn a_condition_is_about_versions() {
        assert!(Condition::Any.holds(7));
        assert!(Condition::OneOf(vec![6, 7]).holds(7) && !Condition::OneOf(vec![]).holds(7));
        assert!(!Condition::NoneOf(vec![7]).holds(7) && Condition::NoneOf(vec![]).holds(7));
    }
}
