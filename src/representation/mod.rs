//! External data representation: bytes to `Request`, `Reply` to bytes.
//!
//! Pure functions over byte slices. [`Conversation`] is one connection's state: the
//! first bytes choose how it speaks, for its whole life.
//!
//! | first bytes | speaks |
//! | --- | --- |
//! | a line `METHOD SP (/… or *) SP HTTP/1.x`, METHOD in capitals | HTTP, not built yet: one error, close |
//! | 0x01 to 0x05, or three 0x00 and one of those | [`memorylease`], the second form big-endian |
//! | `*` | RESP, not built yet: one error, close |
//! | 0x89 | leasebox frames, [`frame`] |
//! | anything else | [`text`] |
//!
//! ```text
//!   input ──► decode ──► Request ──► (a service) ──► Reply ──► encode ──► Output
//!     ▲          │ used
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

pub mod byte_order;
pub mod cdr;
pub mod datagram;
pub mod escape;
pub mod frame;
pub mod marshal;
pub mod memorylease;
pub mod modified_utf8;
pub mod output;
pub mod text;

use crate::message::{Code, Error, Reply, Request};
use byte_order::ByteOrder;
use frame::Frames;
use memorylease::MemoryLease;
use output::Output;
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
    /// Bytes that ask nothing.
    Skip {
        /// Bytes to drop.
        used: usize,
    },
    /// The connection closes, after this answer if there is one.
    Last(Option<Error>),
}

/// How long a first line's end is waited for, in bytes, to see whether it is HTTP.
const HTTP_LINE: usize = 8 * 1024;

/// One connection's way of speaking.
#[derive(Debug)]
pub struct Conversation {
    /// The longest message in bytes.
    max_message: usize,
    speaks: Option<Speaks>,
}

#[derive(Debug)]
enum Speaks {
    Text(Text),
    MemoryLease(MemoryLease),
    Frames(Frames),
    /// Known by its first bytes, not spoken yet.
    Unbuilt(Unbuilt),
}

#[derive(Debug, Clone, Copy)]
enum Unbuilt {
    Http,
    Resp,
}

impl Conversation {
    /// A connection that has said nothing, with the longest message in bytes.
    pub fn new(max_message: usize) -> Self {
        Self { max_message, speaks: None }
    }

    /// Looks for one request at the start of `input`.
    pub fn decode<'a>(&mut self, input: &'a [u8], tail: Tail) -> Decoded<'a> {
        if self.speaks.is_none() {
            self.speaks = choose(input, tail, self.max_message);
        }
        match &mut self.speaks {
            None => Decoded::Incomplete,
            Some(Speaks::Text(text)) => text.decode(input, tail),
            Some(Speaks::MemoryLease(frames)) => frames.decode(input),
            Some(Speaks::Frames(frames)) => frames.decode(input),
            Some(Speaks::Unbuilt(kind)) => Decoded::Last(Some(kind.error())),
        }
    }

    /// Appends the answer to what was decoded last. Large data is moved out of it.
    pub fn encode(&self, reply: &mut Reply<'_>, out: &mut Output) {
        match &self.speaks {
            Some(Speaks::MemoryLease(frames)) => frames.encode(reply, out),
            Some(Speaks::Frames(frames)) => frames.encode(reply, out),
            Some(Speaks::Unbuilt(kind)) => kind.encode(reply, out),
            Some(Speaks::Text(_)) | None => text::encode(reply, self.max_message, out),
        }
    }

    /// The most bytes of data that an answer can have.
    pub fn most_data(&self) -> u64 {
        match &self.speaks {
            Some(Speaks::Frames(frames)) => frames.most_data(),
            _ => text::most_data(self.max_message),
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

    /// The answer to a request that did not come whole in time, if this way of
    /// speaking has one.
    pub fn too_slow(&self, timeout_ms: u128) -> Option<Error> {
        let text = format!("the request was not whole after {timeout_ms} ms; send it at once");
        match self.speaks {
            Some(Speaks::MemoryLease(_)) => None,
            _ => Some(Error::new(Code::BadRequest, text)),
        }
    }
}

/// Chooses by the first bytes; `None` while they could still be one or another.
fn choose(input: &[u8], tail: Tail, max_message: usize) -> Option<Speaks> {
    let frames = |order| Some(Speaks::MemoryLease(MemoryLease::new(order, max_message)));
    match *input {
        [] => None,
        [1..=5, ..] => frames(ByteOrder::Little),
        [0, 0, 0, 1..=5, ..] => frames(ByteOrder::Big),
        [0] | [0, 0] | [0, 0, 0] if tail == Tail::Open => None,
        [b'*', ..] => Some(Speaks::Unbuilt(Unbuilt::Resp)),
        [0x89, ..] => Some(Speaks::Frames(Frames::new(max_message))),
        _ => match is_http(&input[..input.len().min(HTTP_LINE)]) {
            FirstLine::Http => Some(Speaks::Unbuilt(Unbuilt::Http)),
            FirstLine::Other => Some(Speaks::Text(Text::default())),
            _ if tail == Tail::Open && input.len() < HTTP_LINE => None,
            // Cut off, but no text line begins so; a body may follow.
            FirstLine::LikeHttp => Some(Speaks::Unbuilt(Unbuilt::Http)),
            FirstLine::Unclear => Some(Speaks::Text(Text::default())),
        },
    }
}

/// What a first line looks like so far.
enum FirstLine {
    Http,
    /// It begins as HTTP does, and has no end yet.
    LikeHttp,
    /// Nothing but capitals yet.
    Unclear,
    Other,
}

/// Whether a first line asks for HTTP.
fn is_http(input: &[u8]) -> FirstLine {
    let end = input.iter().position(|&byte| byte == b'\n');
    let line = &input[..end.unwrap_or(input.len())];
    let method = line.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    match line[method..] {
        [b' ', b'/' | b'*', ..] if method > 0 => {}
        [] | [b' '] if end.is_none() => return FirstLine::Unclear,
        _ => return FirstLine::Other,
    }
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let version = line.split(|&byte| byte == b' ').nth(2).is_some_and(|word| {
        matches!(word, [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0'..=b'9'])
    });
    match end {
        Some(_) if version => FirstLine::Http,
        Some(_) => FirstLine::Other,
        None => FirstLine::LikeHttp,
    }
}

impl Unbuilt {
    fn error(self) -> Error {
        let name = match self {
            Unbuilt::Http => "HTTP",
            Unbuilt::Resp => "RESP, the Redis protocol,",
        };
        let text = format!("{name} cannot be spoken here yet; send text lines, such as draw 4");
        Error::new(Code::Refused, text)
    }

    /// The error in the shape that the other side will recognise.
    fn encode(self, reply: &Reply<'_>, out: &mut Output) {
        let Reply::Error(error) = reply else { return };
        let line = match self {
            Unbuilt::Http => {
                let body = format!("error {error}\n");
                let length = body.len();
                format!(
                    "HTTP/1.1 501 Not Implemented\r\nConnection: close\r\n\
                     Content-Type: text/plain\r\nContent-Length: {length}\r\n\r\n{body}"
                )
            }
            Unbuilt::Resp => format!("-ERR {error}\r\n"),
        };
        out.bytes.extend_from_slice(line.as_bytes());
    }
}

#[cfg(test)]
#[path = "choice_tests.rs"]
mod tests;
