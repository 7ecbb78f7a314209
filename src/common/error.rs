//! A refusal: what kind, and what to do about it.
//!
//! **Invariants** the text has at least three words, names the cure, and never repeats an id.
//!
//! **Source** the design, section 3.1, for the codes.

use std::borrow::Cow;
use std::fmt;

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

    /// The refusal of too few or too many words.
    pub fn wrong_words(form: &str) -> Self {
        let text = format!("wrong number of words; the form is: {form}");
        Self::new(Code::BadRequest, text)
    }

    /// The refusal of a word that should be a number.
    pub fn not_a_number() -> Self {
        let text = "a number is missing or out of range; give digits, 1 to 18446744073709551615";
        Self::new(Code::BadRequest, text)
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

/// A mistake in the bytes of a frame, in words that fit after "the body".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl From<Malformed> for Error {
    fn from(Malformed(what): Malformed) -> Self {
        Error::new(Code::BadRequest, format!("the body {what}; send the one its kind has"))
    }
}
