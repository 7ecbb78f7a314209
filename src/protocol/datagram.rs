//! Datagrams: one leasebox frame in each, and what makes an unreliable exchange safe.
//!
//! ```text
//!   client                                    server
//!     │ 70 Hello ───────────────────────────────► │   keeps nothing
//!     │ ◄─────────────────────── f0 Welcome, token│
//!     │ 01 Draw, token, id 7 ───────────────────► │   executes it
//!     │ ◄──────────────── 81 Drawn, token, id 7 ──│   keeps the reply, if asked at most once
//!     │ 71 Acknowledge, token, id 7 ────────────► │   drops the reply
//! ```
//!
//! Header and bodies are those of [`crate::protocol::frame`]; three more flags and kinds belong to
//! datagrams alone:
//!
//! | flag | means |
//! | --- | --- |
//! | bit 1 | a token of 24 bytes stands before the body, and counts in its length |
//! | bit 2 | at most once: a repeated request is answered from the history, not executed |
//! | bit 3 | no reply is wanted |
//!
//! | kind | from | body |
//! | --- | --- | --- |
//! | 70 Hello | client | nothing, and no token |
//! | f0 Welcome | server | token, how long the history keeps a client in ms `u32`, the longest datagram `u32` |
//! | 71 Acknowledge | client | token; its id is that of the request whose reply arrived |
//!
//! The body begins at byte 40, behind the token, and is aligned from the frame's start. A
//! Hello's id has nothing to do with those of requests.
//!
//! A token is bound to the client's address and port; whoever sent a Hello from a false
//! address never sees it. Without one nothing is executed, and no answer is longer than
//! three times the question: Welcome's 48 bytes answer Hello's 16. Replies carry the
//! client's token too, so that nobody who cannot read its mail can forge one. An Error that
//! carries none is about the token itself: there was none, it was never given to this
//! address by this server (which may have been started anew), or it is older than the
//! history's time and its client was silent for as long. That request was not executed; of
//! an earlier copy of it nothing is said. A client says Hello again in time: half that
//! time after the last answer that the history keeps, or after its Welcome.
//!
//! At most once, the ids of a token's requests go up, with gaps if it likes, one request at a
//! time: a request says that its client waits for no earlier reply. The id alone decides
//! what is a repeat. An Error with the token is the request's own answer, but for two:
//! status 7 (refused) may say that a higher id came first, status 8 (busy) that the history has
//! no room for this client. Those copies were not executed; an earlier or later one may be. After the last id, ffffffff, a client takes
//! another token. A repeat of what was acknowledged, or wanted no reply, is not answered.
//!
//! ```text
//!   > 894c4258 02 01 70 00 06000000 00000000                                    Hello
//!   < 894c4258 02 01 f0 00 06000000 20000000 TOKEN… 60ea0000 00200000           60 s, 8 KiB
//!   > 894c4258 02 07 01 00 07000000 20000000 TOKEN… 0400000000000000            draw 4
//!   < 894c4258 02 03 81 00 07000000 2c000000 TOKEN… 04000000 05000000 13000000 …
//! ```
//!
//! What is no frame, or a reply, is not answered. A request that is longer than a datagram
//! may be, or that has an effect and whose reply could be, is refused before it is executed.
//!
//! **Invariants** a datagram is one whole frame, or nothing is executed.
//!
//! **Lock** none. **Simplified** no fragments: what does not fit is asked over TCP.
//!
//! **Source** the lecture's R, RR and RRA; the token is QUIC's address validation (RFC 9000,
//! section 8), and so is the factor of three.

use std::fmt;

use crate::commands::{Draw, Reply, Request};
use crate::common::error::{Code, Error, Malformed};
use crate::protocol::byte_order::ByteOrder;
use crate::protocol::cdr::Reader;
use crate::protocol::frame::{self, HEADER, Header, LITTLE};
use crate::protocol::output::Output;

/// Flag: a token stands before the body.
const WITH_TOKEN: u8 = 2;
/// Flag: a repeated request is not executed again.
const AT_MOST_ONCE: u8 = 4;
/// Flag: no reply is wanted.
const NO_REPLY: u8 = 8;

const HELLO: u8 = 0x70;
const ACKNOWLEDGE: u8 = 0x71;
const WELCOME: u8 = 0xf0;

/// The bytes of a token.
pub const TOKEN: usize = 24;

/// The most bytes that UDP over IPv4 carries in one datagram.
pub const MAX_DATAGRAM: usize = 65_507;

/// A buffer that any datagram fits, in bytes.
pub const BUFFER: usize = 64 * 1024;

/// A reply is at most this many times as long as a question without a valid token.
pub const AMPLIFICATION: usize = 3;

/// What a client proves its address by.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token(pub [u8; TOKEN]);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// How a request is to be treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// A repeated request is not executed again.
    pub at_most_once: bool,
    /// A reply is wanted.
    pub reply: bool,
}

/// What a client's datagram says.
#[derive(Debug, PartialEq, Eq)]
pub enum Said<'a> {
    /// It asks for a token.
    Hello,
    /// A reply arrived.
    Acknowledge(Token),
    /// A request, or what is wrong with it.
    Asked {
        /// Who says it is.
        token: Token,
        /// How to treat it.
        wish: Wish,
        /// What is asked.
        request: Result<Request<'a>, Error>,
    },
    /// A request without a token.
    Unproven,
}

/// Reads a client's datagram; `None` for what is no frame of a client's.
pub fn read<'a>(datagram: &'a [u8]) -> Option<(Header, Said<'a>)> {
    let header = Header::read(datagram.first_chunk()?).ok()?;
    let mut body = Reader::new(datagram, HEADER, header.order());
    let said = match header.kind {
        HELLO => Said::Hello,
        0x80.. => return None,
        _ if header.flags & WITH_TOKEN == 0 => Said::Unproven,
        kind => {
            let token = Token(body.octets().ok()?);
            let wish = Wish {
                at_most_once: header.flags & AT_MOST_ONCE != 0,
                reply: header.flags & NO_REPLY == 0,
            };
            if kind == ACKNOWLEDGE {
                return Some((header, Said::Acknowledge(token)));
            }
            Said::Asked { token, wish, request: request(header, datagram.len(), &mut body) }
        }
    };
    Some((header, said))
}

fn request<'a>(header: Header, length: usize, body: &mut Reader<'a>) -> Result<Request<'a>, Error> {
    let wrong = |text: &'static str| Err(Error::new(Code::BadRequest, text));
    if header.length as usize != length - HEADER {
        return wrong("a datagram is one whole frame; send each in one of its own");
    }
    if header.flags & !(LITTLE | WITH_TOKEN | AT_MOST_ONCE | NO_REPLY) != 0 {
        return wrong("flags over bit 3 mean nothing; leave them 0");
    }
    if header.status != 0 {
        return wrong("a request's status is 0; leave it so");
    }
    frame::read_request(header.kind, body)
}

fn header(order: ByteOrder, flags: u8, kind: u8, id: u32) -> Header {
    let header = Header::new(order, kind, id);
    Header { flags: header.flags | flags, ..header }
}

/// A Hello.
pub fn hello(order: ByteOrder, id: u32) -> Vec<u8> {
    let mut datagram = Vec::new();
    header(order, 0, HELLO, id).put(&mut datagram, 0, |_| {});
    datagram
}

/// A request.
pub fn ask(order: ByteOrder, id: u32, token: Token, wish: Wish, request: &Request<'_>) -> Vec<u8> {
    let mut flags = WITH_TOKEN;
    if wish.at_most_once {
        flags |= AT_MOST_ONCE;
    }
    if !wish.reply {
        flags |= NO_REPLY;
    }
    let mut datagram = Vec::new();
    header(order, flags, request.kind(), id).put(&mut datagram, 0, |body| {
        body.octets(&token.0);
        request.write(body);
    });
    datagram
}

/// An acknowledgement.
pub fn acknowledge(order: ByteOrder, id: u32, token: Token) -> Vec<u8> {
    let mut datagram = Vec::new();
    header(order, WITH_TOKEN, ACKNOWLEDGE, id).put(&mut datagram, 0, |body| body.octets(&token.0));
    datagram
}

/// What a server says of itself in a Welcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Welcome {
    /// The client's token.
    pub token: Token,
    /// How long the history keeps a client after its last request, in milliseconds.
    pub history_ms: u32,
    /// The longest datagram in bytes.
    pub longest: u32,
}

/// The answer to a Hello of that header.
pub fn welcome(asked: Header, welcome: &Welcome) -> Vec<u8> {
    let mut datagram = Vec::new();
    header(asked.order(), 0, WELCOME, asked.id).put(&mut datagram, 0, |body| {
        body.octets(&welcome.token.0);
        body.u32(welcome.history_ms);
        body.u32(welcome.longest);
    });
    datagram
}

/// The answer to a request of that header. Without a token it is about the token itself.
pub fn reply(asked: Header, token: Option<Token>, reply: &mut Reply<'_>) -> Vec<u8> {
    let mut out = Output::default();
    let flags = if token.is_some() { WITH_TOKEN } else { 0 };
    frame::put_reply(header(asked.order(), flags, 0, asked.id), reply, &mut out, |body| {
        token.iter().for_each(|token| body.octets(&token.0));
    });
    out.bytes.append(&mut out.body);
    out.bytes
}

/// What a server's datagram says.
#[derive(Debug)]
pub enum Heard {
    /// The answer to a Hello.
    Welcome(Welcome),
    /// The answer to a request; without a token it is about the token itself.
    Reply(Option<Token>, Reply<'static>),
}

/// Reads a server's datagram: the id that it answers, and what it says.
///
/// # Errors
/// [`Malformed`].
pub fn hear(datagram: &[u8]) -> Result<(u32, Heard), Error> {
    let no_frame = Malformed("begins no frame");
    let header = Header::read(datagram.first_chunk().ok_or(no_frame)?).map_err(|_| no_frame)?;
    if header.length as usize != datagram.len() - HEADER {
        return Err(Malformed("is no whole frame").into());
    }
    let mut body = Reader::new(datagram, HEADER, header.order());
    if header.kind == WELCOME {
        let token = Token(body.octets()?);
        let (history_ms, longest) = (body.u32()?, body.u32()?);
        return Ok((header.id, Heard::Welcome(Welcome { token, history_ms, longest })));
    }
    let token = match header.flags & WITH_TOKEN {
        0 => None,
        _ => Some(Token(body.octets()?)),
    };
    let reply = frame::read_reply(header.kind, header.status, &mut body)?;
    Ok((header.id, Heard::Reply(token, reply)))
}

/// The most bytes of data that fit a reply in a datagram of that length: behind header, token,
/// id, and what else stands before them.
pub fn most_data(longest: usize) -> u64 {
    longest.saturating_sub(HEADER + TOKEN + 16 + 8 + 4) as u64
}

/// The longest that a reply to a request with an effect can be, in bytes, on a list of so
/// many numbers; all but a draw's are short.
pub fn longest_reply(request: &Request<'_>, numbers: u32) -> usize {
    match *request {
        Request::Draw(Draw { count }) => {
            HEADER + TOKEN + size_of::<u32>() * (1 + count.min(numbers.into()) as usize)
        }
        _ => 0,
    }
}

#[cfg(test)]
#[path = "datagram_tests.rs"]
mod tests;
