//! Datagrams: one leasebox frame in each, and the parts that make an unreliable exchange safe.
//!
//! ```text
//!   client                                    server
//!     │ 70 Hello ───────────────────────────────► │   keeps nothing
//!     │ ◄─────────────────────── f0 Welcome, token│
//!     │ 01 Draw, token, id 7 ───────────────────► │   executes it
//!     │ ◄──────────────── 81 Drawn, token, id 7 ──│   keeps the reply, if flag bit 2 was set
//!     │ 71 Acknowledge, token, id 7 ────────────► │   drops the reply
//! ```
//!
//! The network may lose a datagram, repeat it, or deliver two in another order, and a sender may
//! lie about its address. The header and the bodies are those of [`crate::protocol::frame`]; three
//! more flags and three kinds belong to datagrams alone:
//!
//! | flag | means |
//! | --- | --- |
//! | bit 1 | a token of 24 bytes stands before the body; the header's length counts it |
//! | bit 2 | at most once: a repeat is not executed; the *history* (below) has its answer |
//! | bit 3 | no reply is wanted |
//!
//! | kind | from | body |
//! | --- | --- | --- |
//! | 70 Hello | client | nothing, and no token |
//! | f0 Welcome | server | token, how long the history keeps a client in ms `u32`, the longest datagram `u32` |
//! | 71 Acknowledge | client | token; its id is that of the request whose reply arrived |
//!
//! With flag bit 1 the fields begin at byte 40, behind the token, and are aligned from the frame's
//! start. The id of a Hello is independent of the ids of requests.
//!
//! **Tokens.** The server binds a token to the client's address and port. A client that sends a
//! Hello from a false address never sees its token. Without a valid token the server executes
//! nothing, and answers with at most three times as many bytes as it received: Welcome's 48 bytes
//! answer Hello's 16. So the server is a poor tool to flood a third machine. The reply to a request
//! with a valid token carries this token too: a machine that cannot read the client's datagrams
//! cannot forge such a reply.
//!
//! The *history* is the server's memory of at-most-once clients: the last id of each, and the reply
//! to it ([`crate::server::history`]). An Error without a token is about the token itself. There
//! are three causes: the request had none; this server never gave it to this address (the server
//! may have been restarted); or the token is older than the history's time, and its client has sent
//! no at-most-once request for as long. Requests without flag bit 2 do not renew a token. The
//! request that gets this Error was not executed, but an earlier copy of it may have been. To avoid
//! this Error, a client sends a new Hello in time: half the history's time after the last answer to
//! an at-most-once request, or after its Welcome.
//!
//! **At most once.** The ids of a token's requests rise; gaps are allowed. One request is under way
//! at a time: a new id also means that its client waits for no earlier reply. The id alone decides
//! whether a request is a repeat. An Error with the token is the request's own answer, with two
//! exceptions: status 7 (refused) may mean that a higher id came first, and status 8 (busy) that
//! the history has no room for this client. Then this copy was not executed; in the first case an
//! earlier copy may have been, and in the second a later one may be. After its last id, ffffffff, a
//! client takes another token. The server does not answer a repeat of a request that was
//! acknowledged or wanted no reply.
//!
//! ```text
//!   > 894c4258 02 01 70 00 06000000 00000000                                    Hello
//!   < 894c4258 02 01 f0 00 06000000 20000000 TOKEN… 60ea0000 00200000           60 s, 8 KiB
//!   > 894c4258 02 07 01 00 07000000 20000000 TOKEN… 0400000000000000            draw 4
//!   < 894c4258 02 03 81 00 07000000 2c000000 TOKEN… 04000000 05000000 13000000 …
//! ```
//!
//! The server does not answer a datagram that is no frame, or that is a reply: two servers could
//! answer each other for ever. It refuses three kinds of request before it executes them: a request
//! that is longer than a datagram may be, a request that asks for a wait for other clients, and a
//! draw whose reply could be longer than a datagram.
//!
//! **Invariants** a datagram is one whole frame, or the server executes nothing.
//!
//! **Lock** none: in the server only the `udp` thread reads and writes datagrams. **Simplified** no
//! fragments: a client asks over TCP for data that does not fit.
//!
//! **Source** the lecture's protocols R (request), RR (request, reply) and RRA (request, reply,
//! acknowledge); the token and the factor of three are QUIC's address validation (RFC 9000, section
//! 8).

use std::fmt;

use crate::commands::{Draw, Reply, Request};
use crate::common::error::{Code, Error, Malformed};
use crate::protocol::byte_order::ByteOrder;
use crate::protocol::cdr::{Reader, Writer};
use crate::protocol::frame::{self, HEADER, Header, LITTLE};
use crate::protocol::output::Output;

/// The flag for a token before the body.
const WITH_TOKEN: u8 = 2;
/// The flag for a request that is executed at most once.
const AT_MOST_ONCE: u8 = 4;
/// The flag for a request that wants no reply.
const NO_REPLY: u8 = 8;

const HELLO: u8 = 0x70;
const ACKNOWLEDGE: u8 = 0x71;
const WELCOME: u8 = 0xf0;

/// The length of a token in bytes: three `u64`, so the body behind it keeps its alignment.
pub const TOKEN: usize = 24;

/// The most bytes of one datagram over IPv4: a packet of 65,535 bytes, less 20 of IP and 8 of UDP.
pub const MAX_DATAGRAM: usize = 65_507;

/// The length of a buffer that can hold any datagram, in bytes. The system would cut a datagram
/// that is longer than the buffer.
pub const BUFFER: usize = 64 * 1024;

/// The longest answer to a datagram without a valid token, as a multiple of the datagram's length.
pub const AMPLIFICATION: usize = 3;

/// A client's proof that it receives the datagrams for its address.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token(pub [u8; TOKEN]);

impl fmt::Debug for Token {
    /// Hides the token: a reader of the log could send requests in the client's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The client's wishes for one request. In the lecture's words: without a reply it is R (request),
/// with a reply RR (request, reply), and RRA if the client also acknowledges the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// The server executes the first copy only.
    pub at_most_once: bool,
    /// The server sends a reply.
    pub reply: bool,
}

/// The meaning of a client's datagram.
#[derive(Debug, PartialEq, Eq)]
pub enum Said<'a> {
    /// The client asks for a token.
    Hello,
    /// The client has received a reply, so the server can drop it.
    Acknowledge(Token),
    /// A request with a token, or the mistake in it.
    Asked {
        /// The token, which is not checked yet.
        token: Token,
        /// The client's wishes.
        wish: Wish,
        /// The request, or the error that answers it.
        request: Result<Request<'a>, Error>,
    },
    /// A request or an acknowledgement without a token. Its body is not read.
    Unproven,
}

/// Reads a client's datagram. Returns `None` for one that the server ignores: it is no frame, it is
/// a reply, or it is too short for its token.
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

/// Reads the request behind a token. `length` is that of the datagram.
///
/// # Errors
/// Fails with `bad-request` or `unknown-command`. If the token is valid, the client gets this error
/// as the answer to its request.
fn request<'a>(header: Header, length: usize, body: &mut Reader<'a>) -> Result<Request<'a>, Error> {
    let wrong = |text: &'static str| Err(Error::new(Code::BadRequest, text));
    // If the lengths differ, the frame is cut, or more bytes follow it. The server executes no part
    // of such a datagram. Cannot underflow: `read` has read a header from this datagram.
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

/// Returns a header with `flags` and the flag of the byte order.
fn header(order: ByteOrder, flags: u8, kind: u8, id: u32) -> Header {
    let header = Header::new(order, kind, id);
    Header { flags: header.flags | flags, ..header }
}

/// Returns the datagram with this header, and with the body that `body` writes.
fn datagram(header: Header, body: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut datagram = Vec::new();
    // 0: no data follows the body.
    header.put(&mut datagram, 0, body);
    datagram
}

/// Returns the datagram of a Hello.
pub fn hello(order: ByteOrder, id: u32) -> Vec<u8> {
    // 0: no flags.
    datagram(header(order, 0, HELLO, id), |_| {})
}

/// Returns the datagram of a request.
pub fn ask(order: ByteOrder, id: u32, token: Token, wish: Wish, request: &Request<'_>) -> Vec<u8> {
    let mut flags = WITH_TOKEN;
    if wish.at_most_once {
        flags |= AT_MOST_ONCE;
    }
    if !wish.reply {
        flags |= NO_REPLY;
    }
    datagram(header(order, flags, request.kind(), id), |body| {
        body.octets(&token.0);
        request.write(body);
    })
}

/// Returns the datagram of an acknowledgement of request `id`.
pub fn acknowledge(order: ByteOrder, id: u32, token: Token) -> Vec<u8> {
    datagram(header(order, WITH_TOKEN, ACKNOWLEDGE, id), |body| body.octets(&token.0))
}

/// The body of a Welcome: the token, and the server's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Welcome {
    /// The client's token.
    pub token: Token,
    /// The time for which the history keeps a client after its last at-most-once request, in
    /// milliseconds.
    pub history_ms: u32,
    /// The longest datagram in bytes, in both directions.
    pub longest: u32,
}

/// Returns the answer to a Hello with the header `asked`.
pub fn welcome(asked: Header, welcome: &Welcome) -> Vec<u8> {
    // 0: without the flag of a token, because here the token is a field of the body.
    datagram(header(asked.order(), 0, WELCOME, asked.id), |body| {
        body.octets(&welcome.token.0);
        body.u32(welcome.history_ms);
        body.u32(welcome.longest);
    })
}

/// Returns the answer to a request with the header `asked`. Without a token it is an Error about
/// the token itself.
pub fn reply(asked: Header, token: Option<Token>, reply: &mut Reply<'_>) -> Vec<u8> {
    let mut out = Output::default();
    let flags = if token.is_some() { WITH_TOKEN } else { 0 };
    // `put_reply` replaces the kind 0 by the kind of the reply.
    frame::put_reply(header(asked.order(), flags, 0, asked.id), reply, &mut out, |body| {
        token.iter().for_each(|token| body.octets(&token.0));
    });
    // A datagram is one piece, so large data is copied here after all. The result may be longer
    // than a datagram: then the caller drops it and answers `too-large`.
    out.bytes.append(&mut out.body);
    out.bytes
}

/// The meaning of a server's datagram.
#[derive(Debug)]
pub enum Heard {
    /// The answer to a Hello.
    Welcome(Welcome),
    /// The answer to a request. A server leaves the token out only in an Error about the token;
    /// [`hear`] does not check that.
    Reply(Option<Token>, Reply<'static>),
}

/// Reads a server's datagram: the id of the request that it answers, and its meaning. The caller
/// compares the id and the token with its own.
///
/// # Errors
/// Fails with `bad-request` for a datagram that is no whole frame, or no reply.
pub fn hear(datagram: &[u8]) -> Result<(u32, Heard), Error> {
    // The text of `Header::read` tells a client what to send. Here a server has sent the header.
    let no_frame = Malformed("begins no frame");
    let header = Header::read(datagram.first_chunk().ok_or(no_frame)?).map_err(|_| no_frame)?;
    if header.length as usize != datagram.len() - HEADER {
        return Err(Malformed("is no whole frame").into());
    }
    let mut body = Reader::new(datagram, HEADER, header.order());
    if header.kind == WELCOME {
        let token = Token(body.octets()?);
        let (history_ms, longest) = (body.u32()?, body.u32()?);
        body.end()?;
        return Ok((header.id, Heard::Welcome(Welcome { token, history_ms, longest })));
    }
    let token = match header.flags & WITH_TOKEN {
        0 => None,
        _ => Some(Token(body.octets()?)),
    };
    let reply = frame::read_reply(header.kind, header.status, &mut body)?;
    Ok((header.id, Heard::Reply(token, reply)))
}

/// Returns the most bytes of data that fit in a reply of `longest` bytes. The header, the token and
/// the fields of a get's reply (id 16 bytes, size 8, length 4) stand before the data. An inspection
/// has 40 bytes more before its data: if it does not fit, the server answers `too-large`.
pub fn most_data(longest: usize) -> u64 {
    longest.saturating_sub(HEADER + TOKEN + 16 + 8 + 4) as u64
}

/// Returns the greatest length of the reply to a draw, in bytes: the header, the token, the count
/// and the numbers. `numbers` is the length of the server's list; no draw gets more. The server
/// compares the result with the longest datagram before it executes the draw, because the numbers
/// of a reply that cannot be sent would be lost. Returns 0 for every other request: its reply is
/// short, or nothing is lost if the reply is too long.
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
