//! # Chapter 4: how it is said
//!
//! **The question.** A student types lines, a C++ program sends frames, `redis-cli` speaks RESP, a browser
//! HTTP. How does one server understand all of them, without a second copy of what can be asked?
//!
//! **The wrong way.** A parser for each command in each format: six formats and forty-two commands make
//! over two hundred places, and one of them is wrong.
//!
//! **The right way.** A command describes itself once, field by field ([`crate::common::description`]). A
//! format is a visitor of that description: one that reads fields and one that writes them. So a new
//! command is known to every format, and a new format knows every command.
//!
//!
//! Pure functions over byte slices. [`Conversation`] is one connection's state: the
//! first bytes choose how it speaks, for its whole life.
//!
//! | first bytes | speaks |
//! | --- | --- |
//! | a line `METHOD SP (/… or *) SP HTTP/1.x`, METHOD in capitals | [`http`]; so is one with `http://…` for its target |
//! | 0x01 to 0x05, or three 0x00 and one of those | [`memorylease`], the second form big-endian |
//! | `*` | [`resp`] |
//! | 0x89 | leasebox frames, [`frame`] |
//! | anything else | [`text`] |
//!
//! ```text
//!   input ──► decode ──► Request ──► (a service) ──► Reply ──► encode ──► Output
//!     ▲          │ used ──► what is about the conversation alone ──► encode_own
//!     └──────────┘ the caller drops what was used and decodes again
//! ```
//!
//! **Invariants**
//!
//! 1. Decoding is incremental: the same bytes, one at a time or all at once, give the
//!    same requests. `Incomplete` uses nothing and is answered by more bytes.
//! 2. `decode` and `encode` alternate: each question is answered before the next is
//!    decoded.
//! 3. After [`Decoded::Last`] nothing more is decoded.
//! 4. Nothing is allocated for a length that was only claimed.
//!
//! **Lock** none: each connection has its own.
//!
//! **Source** the lecture's name for it; the formats are those of the two older
//! programs, and the lecture's CORBA.

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
pub mod resp;
pub mod text;

use std::time::SystemTime;

use crate::commands::{Reply, Request};
use crate::common::error::{Code, Error};
pub use choice::Tongue;
use choice::choose;
use frame::Frames;
use http::Http;
use log_on::User;
use memorylease::MemoryLease;
use output::Output;
use resp::Resp;
use text::Text;

/// What the transport knows of the bytes that follow the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// More may come at any time.
    Open,
    /// Nothing has come for [`text::QUIET_MS`].
    Quiet,
    /// The stream has ended.
    Ended,
}

/// What the input begins with.
#[derive(Debug, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// Nothing whole yet.
    Incomplete,
    /// One question, `used` bytes long. The connection goes on, also after one that can
    /// be answered only with an error.
    Asked {
        /// What is asked, or the answer.
        request: Result<Request<'a>, Error>,
        /// Bytes to drop.
        used: usize,
    },
    /// A question about the conversation, which [`Conversation::encode_own`] answers.
    Own {
        /// Bytes to drop.
        used: usize,
    },
    /// Bytes that ask nothing.
    Skip {
        /// Bytes to drop.
        used: usize,
    },
    /// The connection closes, after this answer if there is one.
    Last(Option<Error>),
}

/// What all conversations of a server keep to.
#[derive(Debug, Clone)]
pub struct Manners {
    /// The longest message in bytes.
    pub max_message: usize,
    /// The names that the server has beside its addresses.
    pub hosts: Vec<String>,
    /// Who may use it; anybody when there is none.
    pub user: Option<User>,
    /// What dates are made by.
    pub clock: fn() -> SystemTime,
}

impl Manners {
    /// Those of a server that anybody may use.
    pub fn plain(max_message: usize) -> Self {
        Self { max_message, hosts: Vec::new(), user: None, clock: SystemTime::now }
    }
}

/// One connection's way of speaking.
#[derive(Debug)]
pub struct Conversation<'m> {
    manners: &'m Manners,
    speaks: Option<Speaks>,
}

#[derive(Debug)]
enum Speaks {
    Text(Text),
    MemoryLease(MemoryLease),
    Frames(Frames),
    Http(Box<Http>),
    Resp(Box<Resp>),
}

impl<'m> Conversation<'m> {
    /// A connection that has said nothing.
    pub fn new(manners: &'m Manners) -> Self {
        Self { manners, speaks: None }
    }

    /// Looks for one request at the start of `input`.
    pub fn decode<'a>(&mut self, input: &'a [u8], tail: Tail) -> Decoded<'a> {
        if self.speaks.is_none() {
            self.speaks = choose(input, tail, self.manners);
        }
        // Each is answered from where it is decoded: to move it costs as much as the lock.
        match &mut self.speaks {
            None => Decoded::Incomplete,
            Some(Speaks::Http(http)) => http.decode(input, tail, self.manners),
            Some(Speaks::Resp(resp)) => resp.decode(input, self.manners),
            Some(speaks) if self.manners.user.is_some() => speaks.turn_away(input, tail),
            Some(Speaks::Text(text)) => text.decode(input, tail),
            Some(Speaks::MemoryLease(frames)) => frames.decode(input),
            Some(Speaks::Frames(frames)) => frames.decode(input),
        }
    }

    /// Appends the answer to what was decoded last. Large data is moved out of it.
    pub fn encode(&mut self, reply: &mut Reply<'_>, out: &mut Output) {
        match &mut self.speaks {
            Some(Speaks::Text(_)) | None => text::encode(reply, self.manners.max_message, out),
            Some(Speaks::MemoryLease(frames)) => frames.encode(reply, out),
            Some(Speaks::Frames(frames)) => frames.encode(reply, out),
            Some(Speaks::Http(http)) => http.encode(reply, self.manners, out),
            Some(Speaks::Resp(resp)) => resp.encode(reply, out),
        }
    }

    /// Appends the answer to what was decoded last as [`Decoded::Own`].
    pub fn encode_own(&mut self, out: &mut Output) {
        match &mut self.speaks {
            Some(Speaks::Http(http)) => http.encode_own(self.manners, out),
            Some(Speaks::Resp(resp)) => resp.encode_own(out),
            _ => {}
        }
    }

    /// Whether the connection closes after what was encoded last.
    #[inline]
    pub fn is_over(&self) -> bool {
        match &self.speaks {
            Some(Speaks::Http(http)) => http.is_over(),
            Some(Speaks::Resp(resp)) => resp.is_over(),
            _ => false,
        }
    }

    /// What is spoken.
    pub fn tongue(&self) -> Tongue {
        match &self.speaks {
            None => Tongue::Nothing,
            Some(Speaks::Text(_)) => Tongue::Text,
            Some(Speaks::MemoryLease(_)) => Tongue::MemoryLease,
            Some(Speaks::Frames(_)) => Tongue::Frames,
            Some(Speaks::Http(_)) => Tongue::Http,
            Some(Speaks::Resp(_)) => Tongue::Resp,
        }
    }

    /// The most bytes of data that an answer can have.
    pub fn most_data(&self) -> u64 {
        match &self.speaks {
            Some(Speaks::Frames(frames)) => frames.most_data(),
            Some(Speaks::Http(http)) => http.most_data(self.manners.max_message),
            _ => text::most_data(self.manners.max_message),
        }
    }

    /// Whether silence after `input` would make a request of it.
    pub fn awaits_quiet(&self, input: &[u8]) -> bool {
        match &self.speaks {
            None => text::is_whole_draw(input),
            Some(Speaks::Text(text)) => text.awaits_quiet(input),
            Some(_) => false,
        }
    }

    /// Appends the answer to a request that did not come whole in time, if this way of
    /// speaking has one.
    pub fn too_slow(&mut self, input: &[u8], timeout_ms: u128, out: &mut Output) {
        if self.speaks.is_none() {
            self.speaks = choose(input, Tail::Ended, self.manners);
        }
        let text = format!("the request was not whole after {timeout_ms} ms; send it at once");
        let error = Error::new(Code::BadRequest, text);
        match &mut self.speaks {
            Some(Speaks::MemoryLease(_)) => {}
            Some(Speaks::Http(http)) => {
                http.is_late(&error);
                self.encode_own(out);
            }
            _ => self.encode(&mut Reply::Error(error), out),
        }
    }
}

#[cfg(test)]
#[path = "choice_tests.rs"]
mod tests;
