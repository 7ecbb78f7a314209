//! The words for looking at what the server has, and for changing a lease only if nobody else has.
//!
//! ```text
//!   Inspect { id, part } ──► Inspection { size, length, version, changed, left, data }
//!   Replace { id, condition, data } ──► version + 1, or refused
//!   List { what } ──► Listing { columns, rows }         a table of one kind of thing
//! ```
//!
//! A *version* counts the sets of a lease: 0 is one that was never set. Whoever changes a lease on
//! condition of the version that it read loses nobody's set.
//!
//! **Invariants** a listing never holds an id, only its first digits: whoever has an id has the lease.
//!
//! **Lock** none: plain values.
//!
//! **Source** RFC 9110 for conditions and ranges; the lists are ours.

use std::borrow::Cow;

use crate::message::LeaseId;

/// Which bytes of what was last set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// None of them: how the lease is, no more.
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
    /// Whatever its version.
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

/// What can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// Leases and the blocks they lie in, the one that ends first at first.
    Leases,
    /// Sessions: who talks with whom.
    Sessions,
    /// Connections, and what each does.
    Connections,
}

impl Listed {
    /// Every one of them.
    pub const ALL: [Self; 3] = [Listed::Leases, Listed::Sessions, Listed::Connections];

    /// As it stands on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Listed::Leases => "leases",
            Listed::Sessions => "sessions",
            Listed::Connections => "connections",
        }
    }

    /// The name of one of them.
    pub fn one(self) -> &'static str {
        match self {
            Listed::Leases => "lease",
            Listed::Sessions => "session",
            Listed::Connections => "connection",
        }
    }
}

/// A list: as many values in each row as there are columns. Names and values hold no space and
/// no comma.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Of what.
    pub what: Listed,
    /// How many there are, of which no more than the first are listed.
    pub total: u64,
    /// What each row says.
    pub columns: Vec<Cow<'static, str>>,
    /// One for each.
    pub rows: Vec<Vec<String>>,
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
