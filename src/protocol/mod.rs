//! # Chapter 4: how bytes become commands
//!
//! **The question.** A student types lines, a C++ program sends frames, `redis-cli` speaks RESP,
//! and a browser speaks HTTP. How does one server understand all of them without a second list of
//! its commands?
//!
//! **The wrong way.** A parser for each command in each format. Five formats and 49 commands make
//! over two hundred parsers, and a bug hides in one of them.
//!
//! **The right way.** A command describes itself once, field by field
//! ([`crate::common::description`]). A format is a visitor of that description: one part of it
//! reads fields, another part writes them. So a new command needs no new parser. Two formats know
//! fewer commands: MemoryLease frames have three requests, written by hand, and HTTP has only the
//! commands that its resources need.
//!
//! [`Conversation`] is the state of one connection. The first bytes choose its format, and the
//! format never changes while the connection lives:
//!
//! | first bytes | format |
//! | --- | --- |
//! | a line `METHOD TARGET HTTP/1.x`; METHOD has capitals alone, TARGET begins with `/`, `*` or `http://` | [`http`] |
//! | 0x01 to 0x05, or three 0x00 and one of those | [`memorylease`], the second form big-endian |
//! | `*`, or a line `PING` | [`resp`] |
//! | 0x89 | leasebox frames, [`frame`] |
//! | anything else | [`text`] |
//!
//! ```text
//!   input ──► decode ──► Request ──► (a service) ──► Reply ──► encode ──► Output
//!     ▲          │
//!     │          ├──► SelfAnswered: the format answers ─────────────────────► Output
//!     └──────────┘ the caller drops the `used` bytes and decodes again
//! ```
//!
//! **Reading order.** [`text`] first, then [`crate::common::description`], then [`frame`] with
//! [`cdr`]. Then any other format.
//!
//! **Invariants**
//!
//! 1. Decoding is incremental: the same bytes give the same requests, whether they arrive one at a
//!    time or all at once. `Incomplete` uses no byte; the caller decodes again when more bytes have
//!    arrived. (A property test cuts its inputs at every place.) Time matters to two features: a
//!    request of text without a line end ([`text::unended`]), and an HTTP request with `Expect:
//!    100-continue`. If HTTP refuses such a request before the body has begun to arrive, the
//!    connection closes; afterwards the connection can go on.
//! 2. `decode` and `encode` alternate: the caller answers each request before it decodes the next
//!    one. So a format can keep in its own state what the answer needs, such as a frame's id.
//! 3. After [`Decoded::Last`] the caller decodes nothing more.
//! 4. A length that a client only claims makes the server allocate nothing.
//!
//! **Lock** none for decoding and encoding: these are functions over byte slices, without a socket
//! or a thread. The thread of a connection owns its `Conversation`. Only a log-on by HTTP or RESP
//! locks the budget of wrong guesses, and it may wait up to 1 s ([`log_on`]). HTTP takes the time
//! for its dates from the clock in [`Policy`].
//!
//! **Simplified** no TLS, and no change of format within a connection, such as HTTP's `Upgrade`.
//!
//! **Source** the lecture's *external data representation* and *marshalling*; each format names its
//! own specification.

pub mod base64;
pub mod byte_order;
pub mod cdr;
mod choice;
pub mod datagram;
pub mod frame;
pub mod http;
pub mod log_on;
pub mod memorylease;
pub mod output;
mod policy;
pub mod proxy;
pub mod resp;
pub mod text;
mod unfinished;

use crate::commands::{Reply, Request};
use crate::common::caller::ClientNumber;
use crate::common::error::Error;
pub use choice::Protocol;
use choice::choose;
use frame::Frames;
use http::Http;
use memorylease::MemoryLease;
use output::Output;
pub use policy::Policy;
use resp::Resp;
use text::Text;

/// The state of the stream behind the bytes of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// More bytes may arrive at any time. The input came in several pieces.
    Open,
    /// More bytes may arrive at any time. One read brought all of the input.
    OnePiece,
    /// No byte has arrived for 100 ms, and that ends a request of text without a line
    /// end ([`text::unended`]).
    Quiet,
    /// The client has closed its half of the stream: no byte follows.
    Ended,
}

impl Tail {
    /// Returns whether a decoder may wait for more bytes.
    fn is_open(self) -> bool {
        matches!(self, Tail::Open | Tail::OnePiece)
    }
}

/// The result of one look at the start of the input. `used` is the number of bytes that the caller
/// drops from the start of the input.
#[derive(Debug, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// The input holds no whole request yet.
    Incomplete,
    /// One request. The connection goes on, even when the request is wrong and its answer is an
    /// error.
    Asked {
        /// The request, or the error that answers it. It borrows from the input, so the caller
        /// drops the bytes only after the request is executed, or its wait has begun.
        request: Result<Request<'a>, Error>,
        /// The length of the request in bytes, with its end.
        used: usize,
    },
    /// A request that the format answers by itself, such as RESP's `PING` or a file of HTTP's live
    /// page, or one that it refuses. No service sees the request.
    SelfAnswered {
        /// The length of the request in bytes; all of the input if the format cannot go on after
        /// the refusal; 0 for HTTP's interim answer `100 Continue`.
        used: usize,
        /// The answer. The caller reserves memory before it appends the answer to the output.
        answer: Vec<u8>,
    },
    /// Bytes without a request, such as an empty array of RESP. They get no answer.
    Skip {
        /// The number of bytes to drop.
        used: usize,
    },
    /// The connection closes, after this error as the answer. `None` closes it without an answer.
    Last(Option<Error>),
}

/// The state of one connection, for its own thread alone. `client` is for RESP's `CLIENT ID`.
#[derive(Debug)]
pub struct Conversation<'m> {
    policy: &'m Policy,
    client: ClientNumber,
    /// The chosen format; `None` until the first bytes decide.
    format: Option<FormatState>,
}

/// A format with the state that it keeps between requests. The two large states are boxed, so that
/// a connection that speaks text does not carry their size.
#[derive(Debug)]
enum FormatState {
    Text(Text),
    MemoryLease(MemoryLease),
    Frames(Frames),
    Http(Box<Http>),
    Resp(Box<Resp>),
}

impl<'m> Conversation<'m> {
    /// Starts a connection that has sent no byte.
    pub fn new(policy: &'m Policy, client: ClientNumber) -> Self {
        Self { policy, client, format: None }
    }

    /// Looks for one request at the start of `input`. Until bytes are used, the next call passes
    /// the same bytes again, with the new ones behind them.
    pub fn decode<'a>(&mut self, input: &'a [u8], tail: Tail) -> Decoded<'a> {
        // Usually a client sends one request, and then waits: the look after that finds no byte.
        if input.is_empty() {
            return Decoded::Incomplete;
        }
        if self.format.is_none() {
            self.format = choose(input, tail, self.policy, self.client);
        }
        // Each arm returns straight from its decoder: a request that is stored in a variable first
        // is moved once more, and that costs as much as the lock of a draw.
        match &mut self.format {
            None => Decoded::Incomplete,
            Some(FormatState::Http(http)) => http.decode(input, tail, self.policy),
            Some(FormatState::Resp(resp)) => resp.decode(input, self.policy),
            // The formats below have no log-on, so a server with a user refuses them.
            Some(format) if self.policy.user.is_some() => format.turn_away(input, tail),
            Some(FormatState::Text(text)) => text.decode(input, tail),
            Some(FormatState::MemoryLease(frames)) => frames.decode(input),
            Some(FormatState::Frames(frames)) => frames.decode(input),
        }
    }

    /// Appends the answer to the request that was decoded last. A format that sends data unescaped
    /// may move it out of `reply`, to save a copy.
    pub fn encode(&mut self, reply: &mut Reply<'_>, out: &mut Output) {
        match &mut self.format {
            // Before a format is chosen, an answer is a text line: a person can read it.
            None => text::encode(reply, self.policy.max_message, out),
            Some(FormatState::Text(text)) => text.encode(reply, self.policy.max_message, out),
            Some(FormatState::MemoryLease(frames)) => frames.encode(reply, out),
            Some(FormatState::Frames(frames)) => frames.encode(reply, out),
            Some(FormatState::Http(http)) => http.encode(reply, self.policy, out),
            Some(FormatState::Resp(resp)) => resp.encode(reply, out),
        }
    }

    /// Returns whether HTTP or RESP closes the connection after its last answer. In every format
    /// the caller itself also closes after the command `quit` and after [`Decoded::Last`].
    #[inline]
    pub fn is_over(&self) -> bool {
        match &self.format {
            Some(FormatState::Http(http)) => http.is_over(),
            Some(FormatState::Resp(resp)) => resp.is_over(),
            _ => false,
        }
    }

    /// Returns the format of the connection.
    pub fn protocol(&self) -> Protocol {
        match &self.format {
            None => Protocol::Nothing,
            Some(FormatState::Text(_)) => Protocol::Text,
            Some(FormatState::MemoryLease(_)) => Protocol::MemoryLease,
            Some(FormatState::Frames(_)) => Protocol::Frames,
            Some(FormatState::Http(_)) => Protocol::Http,
            Some(FormatState::Resp(_)) => Protocol::Resp,
        }
    }

    /// Returns a bound, in bytes, for the data of a message between processes ([`crate::sessions`])
    /// or of an inspection. A message of this length fits in one answer, even if the format has to
    /// escape each byte of it. A service compares the bound before it takes a message out of an
    /// inbox, so a message that does not fit stays there. An inspection has more fields before its
    /// data: with nearly this much data, [`Frames::encode`] still answers `too-large`.
    pub fn most_data(&self) -> u64 {
        match &self.format {
            Some(FormatState::Frames(frames)) => frames.most_data(),
            Some(FormatState::Http(http)) => http.most_data(self.policy.max_message),
            _ => text::most_data(self.policy.max_message),
        }
    }
}

#[cfg(test)]
#[path = "choice_tests.rs"]
mod tests;
