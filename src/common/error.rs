//! A refusal: its code, its cause and its cure.
//!
//! ```text
//!   error too-large 70000 bytes do not fit the lease of 65536; lease more
//!         └ code ─┘ └──────────────── cause ─────────────────┘ └─ cure ─┘
//! ```
//!
//! The code is for programs and the same in every format: a word in text, RESP, JSON and XML, the
//! status of a frame, and a status in HTTP. The text is for people, and may change.
//!
//! **Invariants** the text has at least three words, names the cure, holds no line break, and never
//! repeats an id: a log or a screenshot of an error gives no lease away.
//!
//! **Simplified** one type for all refusals, without a chain of causes: the client can do nothing
//! with the inside of the server.
//!
//! **Source** the codes are ours.

use std::borrow::Cow;
use std::fmt;

use super::description::words;

/// A refusal: a code for programs, and a text for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The kind of refusal.
    pub code: Code,
    /// The cause and the cure. Most texts are constants, and `Cow` borrows a constant without an
    /// allocation.
    pub text: Cow<'static, str>,
}

impl Error {
    /// Returns an error with a constant or a formatted text.
    pub fn new(code: Code, text: impl Into<Cow<'static, str>>) -> Self {
        let text = text.into();
        Self { code, text }
    }

    /// Returns the refusal of too few or too many words. `form` is the command's form, such as
    /// `lease SIZE MS`.
    pub fn wrong_words(form: &str) -> Self {
        let text = format!("wrong number of words; the form is: {form}");
        Self::new(Code::BadRequest, text)
    }

    /// Returns the refusal of a word that is no number, or of a missing one. The text names the
    /// range of `u64`, also for fields of 32 bits. It begins at 1, although some fields may be 0:
    /// each chapter checks 0 itself.
    pub fn not_a_number() -> Self {
        let text = "a number is missing or out of range; give digits, 1 to 18446744073709551615";
        Self::new(Code::BadRequest, text)
    }
}

impl fmt::Display for Error {
    /// Writes `CODE TEXT`: the form of text lines, of RESP and of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code.word(), self.text)
    }
}

impl std::error::Error for Error {}

words! {
    /// The kinds of refusal, each with its word in text, RESP, JSON and XML. Their order is part of
    /// the wire format: a frame's status is the position of the code in this list, counted from 1.
    /// So a new code goes to the end.
    Code {
        /// A wrong number, word count, escape or frame: the same request fails again.
        BadRequest = "bad-request",
        /// There is no such command.
        UnknownCommand = "unknown-command",
        /// The lease, process, session or parked client does not exist, or no longer. Both cases
        /// get the same answer, so a stranger who guesses ids learns nothing.
        NotFound = "not-found",
        /// The data, the block or the reply is over its bound; to try again later does not help.
        TooLarge = "too-large",
        /// The block does not fit now; it may fit later.
        OutOfMemory = "out-of-memory",
        /// Every number of the list was drawn.
        Exhausted = "exhausted",
        /// A rule forbids the request, or the server could not finish it; the text says why.
        Refused = "refused",
        /// A limit of the server is reached, such as that of clients, or another request is in the
        /// way; try again later.
        Busy = "busy",
    }
}

/// A mistake in the body of a frame. The text continues the sentence "the body …". The type is
/// `Copy` and allocates nothing, because the decoder of each field has it in its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl From<Malformed> for Error {
    /// Makes the whole sentence, with its cure. The memory for it is allocated only here.
    fn from(Malformed(what): Malformed) -> Self {
        Error::new(Code::BadRequest, format!("the body {what}; send the one its kind has"))
    }
}
