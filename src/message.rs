//! The vocabulary: what can be asked of the server, and what it can answer.
//!
//! Every service understands only these types, every representation turns its
//! bytes into them and back. A new command is one variant here; the compiler
//! then names each room that has forgotten it.
//!
//! ```text
//!   bytes ── decode ──► Request<'a> ── a service ──► Reply<'a> ── encode ──► bytes
//!                       borrows from                 a draw borrows from the list,
//!                       the input buffer             data owns one buffer
//! ```
//!
//! **Invariants**
//!
//! 1. A [`LeaseId`] is a secret: whoever has it has the lease. Its `Debug` form,
//!    the only one that a log could meet by accident, shows the first digits alone.
//! 2. An [`Error`]'s text has at least three words, names the cure, and never an id.
//!
//! **Lock** none: plain values.
//!
//! **Source** MemoryLease's five messages (lease, leased, set, access, data set) and
//! the homework's `draw`; the errors' codes are those of the design, section 3.1.

pub mod numbers;

use std::borrow::Cow;
use std::fmt;

use numbers::Drawn;

/// The greatest id that a MemoryLease frame can carry: a positive `i32`.
pub const GREATEST_NUMBER_ID: u32 = i32::MAX as u32;

/// Which connection asked: counted from 1 in the order of acceptance, never reused.
pub type ClientNumber = u64;

/// One thing asked of the server. Borrows its bytes from the input buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request<'a> {
    /// Draw `count` numbers.
    Draw {
        /// How many, at least 1.
        count: u64,
    },
    /// Rows of the homework's table: who drew what.
    Table {
        /// How many rows.
        rows: u64,
        /// Which ones.
        which: Rows,
    },
    /// Lease `size` bytes for `duration_ms`.
    Lease {
        /// Bytes, at least 1.
        size: u64,
        /// Milliseconds, at least 1.
        duration_ms: u64,
        /// Which kind of id the asker can carry.
        id_kind: IdKind,
    },
    /// Replace what a lease holds; the rest of it reads as zeros.
    Set {
        /// The lease.
        id: LeaseId,
        /// The bytes, borrowed unless they had to be unescaped.
        data: Cow<'a, [u8]>,
    },
    /// Read what was last set.
    Get {
        /// The lease.
        id: LeaseId,
    },
    /// Let a lease last `duration_ms` from now.
    Renew {
        /// The lease.
        id: LeaseId,
        /// Milliseconds, at least 1.
        duration_ms: u64,
    },
    /// How long a lease still lasts.
    Ttl {
        /// The lease.
        id: LeaseId,
    },
    /// Give a lease back before its time.
    Release {
        /// The lease.
        id: LeaseId,
    },
    /// The server's figures.
    Stats,
    /// A picture of the buddy tree.
    Tree,
    /// On a lab server: which clients are parked, and before what.
    Parked,
    /// On a lab server: let a parked client do its next step.
    Step {
        /// Which one.
        client: ClientNumber,
    },
    /// The commands, in one line.
    Help,
    /// End the connection.
    Quit,
}

/// One answer. What it borrows is the immutable list of numbers.
#[derive(Debug)]
pub enum Reply<'a> {
    /// The numbers drawn, at least one.
    Drawn(Drawn<'a>),
    /// Rows of the homework's table.
    Table(Vec<Row>),
    /// A lease was granted or renewed.
    Leased {
        /// Its id.
        id: LeaseId,
        /// The bytes asked for, not those of the block behind them.
        size: u64,
        /// Milliseconds from now.
        duration_ms: u64,
    },
    /// Data was set.
    Set {
        /// The lease.
        id: LeaseId,
        /// How many bytes were set.
        length: u64,
    },
    /// What was last set; the lease reads as this followed by zeros.
    Data {
        /// The lease.
        id: LeaseId,
        /// The lease's size in bytes, at least `data.len()`.
        size: u64,
        /// The bytes last set.
        data: Vec<u8>,
    },
    /// The time a lease has left.
    Ttl {
        /// The lease.
        id: LeaseId,
        /// Milliseconds, rounded up.
        left_ms: u64,
    },
    /// A lease ended.
    Released {
        /// The lease.
        id: LeaseId,
        /// Its size in bytes.
        size: u64,
    },
    /// Names and values, in a fixed order.
    Stats(Vec<(Cow<'static, str>, String)>),
    /// The buddy tree, cut where the asker's bound was reached.
    Tree(String),
    /// Clients of a lab server that are parked, in their order.
    Parked(Vec<(ClientNumber, Step)>),
    /// The commands, as the representation names them.
    Help,
    /// The connection closes after this.
    Bye,
    /// A refusal.
    Error(Error),
}

/// A refusal: what kind, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The kind, the same word in every representation.
    pub code: Code,
    /// Cause and cure.
    pub text: Cow<'static, str>,
}

impl Error {
    /// An error with a fixed or a composed explanation.
    pub fn new(code: Code, text: impl Into<Cow<'static, str>>) -> Self {
        let text = text.into();
        Self { code, text }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code.word(), self.text)
    }
}

impl std::error::Error for Error {}

/// The kinds of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// Not a number, zero, negative, out of range, a wrong word count or escape.
    BadRequest,
    /// No such word.
    UnknownCommand,
    /// No such lease, or no longer.
    NotFound,
    /// Can never fit.
    TooLarge,
    /// Does not fit now.
    OutOfMemory,
    /// The list is drained.
    Exhausted,
    /// A rule says no.
    Refused,
    /// The client limit.
    Busy,
}

impl Code {
    /// Every one of them.
    pub const ALL: [Self; 8] = [
        Code::BadRequest,
        Code::UnknownCommand,
        Code::NotFound,
        Code::TooLarge,
        Code::OutOfMemory,
        Code::Exhausted,
        Code::Refused,
        Code::Busy,
    ];

    /// The code as it stands on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Code::BadRequest => "bad-request",
            Code::UnknownCommand => "unknown-command",
            Code::NotFound => "not-found",
            Code::TooLarge => "too-large",
            Code::OutOfMemory => "out-of-memory",
            Code::Exhausted => "exhausted",
            Code::Refused => "refused",
            Code::Busy => "busy",
        }
    }
}

/// Which ids a representation can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdKind {
    /// A random (version 4) UUID.
    Uuid,
    /// A positive `i32`, for MemoryLease frames.
    Number,
}

/// The name of a lease: a UUID, or a small number for clients that know only numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LeaseId(u128);

impl LeaseId {
    /// A number as MemoryLease frames carry it. As 16 bytes: twelve zeros and the number.
    pub fn from_number(number: u64) -> Self {
        Self(u128::from(number))
    }

    /// A UUID as one big-endian integer.
    pub fn from_uuid(bits: u128) -> Self {
        Self(bits)
    }

    /// As leasebox frames carry it: a UUID's bytes, or twelve zeros and a number, big-endian.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }

    /// The same bytes.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// The number, when this is one that a MemoryLease frame can carry.
    pub fn number(self) -> Option<i32> {
        i32::try_from(self.0).ok().filter(|&number| number > 0)
    }

    /// Reads a decimal number or a UUID in its 8-4-4-4-12 form, in either case.
    ///
    /// # Errors
    /// `bad-request` for anything else; the text never repeats the input.
    pub fn parse(word: &[u8]) -> Result<Self, Error> {
        parse_decimal(word)
            .map(Self::from_number)
            .or_else(|| parse_uuid(word).map(Self))
            .ok_or_else(|| Error::new(Code::BadRequest, NOT_AN_ID))
    }
}

const NOT_AN_ID: &str = "that is no lease id; give the id exactly as the lease reply had it";

/// Digits alone, within 64 bits.
pub fn parse_decimal(word: &[u8]) -> Option<u64> {
    if word.is_empty() {
        return None;
    }
    word.iter().try_fold(0_u64, |sum, &byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        sum.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

fn parse_uuid(word: &[u8]) -> Option<u128> {
    const HYPHENS: [usize; 4] = [8, 13, 18, 23];
    if word.len() != 36 || HYPHENS.iter().any(|&at| word[at] != b'-') {
        return None;
    }
    let digits = word.iter().enumerate().filter(|(at, _)| !HYPHENS.contains(at));
    digits
        .map(|(_, &byte)| char::from(byte).to_digit(16))
        .try_fold(0_u128, |bits, digit| Some(bits << 4 | u128::from(digit?)))
}

impl fmt::Display for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 <= u128::from(GREATEST_NUMBER_ID) {
            return write!(f, "{}", self.0);
        }
        let hex = format!("{:032x}", self.0);
        let (a, b, c, d, e) = (&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
        write!(f, "{a}-{b}-{c}-{d}-{e}")
    }
}

impl fmt::Debug for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.to_string();
        // Of a short number even three digits would be too much.
        let shown = if whole.len() > 6 { &whole[..3] } else { "" };
        write!(f, "LeaseId({shown}…)")
    }
}

/// Which rows of the homework's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// The first of all.
    First,
    /// The first of each client.
    Each,
    /// Those around the first index that was taken twice.
    Twice,
}

/// What a parked draw will do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// Load the counter.
    Load,
    /// Read the number at the index that was loaded.
    Read,
    /// Store the counter.
    Store,
    /// All of it under the lock, which is one step for everybody else.
    Take,
}

impl Step {
    /// The step as it stands on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Step::Load => "load",
            Step::Read => "read",
            Step::Store => "store",
            Step::Take => "take",
        }
    }
}

/// One row of the homework's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The counter: an index into the list, from 0.
    pub counter: u32,
    /// Who drew it.
    pub client: ClientNumber,
    /// The number there.
    pub result: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_it_was_shown() {
        let uuid = LeaseId::from_uuid(0x0123_4567_89ab_4def_8123_4567_89ab_cdef);
        assert_eq!(uuid.to_string(), "01234567-89ab-4def-8123-456789abcdef");
        assert_eq!(LeaseId::parse(uuid.to_string().as_bytes()), Ok(uuid));
        assert_eq!(LeaseId::parse(uuid.to_string().to_uppercase().as_bytes()), Ok(uuid));
        assert_eq!(LeaseId::parse(b"123"), Ok(LeaseId::from_number(123)));
        assert_eq!(LeaseId::from_number(123).to_string(), "123");
    }

    #[test]
    fn what_is_no_id_is_refused() {
        let wrong =
            ["", "-1", "+1", "12x", "18446744073709551616", "0123456789ab4def8123456789abcdef"];
        for word in wrong {
            assert!(LeaseId::parse(word.as_bytes()).is_err(), "{word}");
        }
        assert!(LeaseId::parse("01234567-89ab-4def-8123-456789abcdeg".as_bytes()).is_err());
    }

    #[test]
    fn a_log_line_never_holds_a_whole_id() {
        let shown = format!("{:?}", LeaseId::from_number(1_234_567_890));
        assert_eq!(shown, "LeaseId(123…)");
        assert_eq!(format!("{:?}", LeaseId::from_number(12)), "LeaseId(…)");
    }
}
