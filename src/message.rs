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
//! 1. A [`LeaseId`] is a secret: whoever has it has the lease.
//! 2. An [`Error`]'s text has at least three words, names the cure, and never an id.
//!
//! **Lock** none: plain values.
//!
//! **Source** MemoryLease's five messages (lease, leased, set, access, data set) and
//! the homework's `draw`; RFC 9110 for [`resource`]; the errors' codes are those of the design,
//! section 3.1.

mod reply;
mod request;
pub mod resource;

use std::borrow::Cow;
use std::fmt;

pub use crate::common::id::{GREATEST_NUMBER_ID, IdKind, LeaseId, parse_decimal};
pub use reply::Reply;
pub use request::Request;

/// How long `wait` waits when no time is given, in milliseconds.
pub const DEFAULT_WAIT_MS: u64 = 30_000;

/// Which connection asked: counted from 1 in the order of acceptance, never reused.
pub type ClientNumber = u64;

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

/// Which rows of the homework's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// The first of all.
    First,
    /// The first of each client.
    Each,
    /// Those around the first index that was taken twice.
    Twice,
    /// The last of all.
    Last,
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
