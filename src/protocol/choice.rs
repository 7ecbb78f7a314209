//! The choice: the first bytes of a connection decide its format. The table stands in [`super`].
//!
//! ```text
//!   01..05                  MemoryLease, little-endian: the low byte of a type from 1 to 5
//!   00 00 00 01..05         MemoryLease, big-endian
//!   *, PING LF              RESP
//!   89                      leasebox frames
//!   GET / HTTP/1.1 LF       HTTP; its first line decides, up to 8192 bytes
//!   draw 4                  text: the rest
//! ```
//!
//! Only the choice between HTTP and text can need more than four bytes. `DRAW` may be a command of
//! text or a method of HTTP, so the choice waits. `DRAW 4` is no HTTP, because a target begins with
//! `/`, `*` or `http://`.
//!
//! **Invariants** the choice depends on the bytes, not on the pieces in which they arrive. So
//! `choose` waits while two formats are possible and more bytes may come. A property test cuts its
//! inputs at every place.
//!
//! **Lock** none.
//!
//! **Simplified** under TLS a client names its format in the handshake, before its first request
//! (ALPN, RFC 7301). Here each new format needs first bytes with which no other format begins.
//!
//! **Source** ours.

use super::byte_order::ByteOrder;
use super::frame::Frames;
use super::http;
use super::memorylease::MemoryLease;
use super::resp::{Resp, inline_ping};
use super::text::Text;
use super::{FormatState, Policy, Tail};
use crate::common::caller::ClientNumber;
use crate::common::description::words;

/// The longest first line, in bytes, whose end the choice waits for, to see whether it is HTTP.
pub(super) const HTTP_LINE: usize = http::head::MAX_LINE;

words! {
    /// The format that a connection speaks, with its word in the list of connections. The client's
    /// thread stores the value's number in an atomic, so that other threads can read it
    /// ([`crate::server::clients::Gauge`]).
    Protocol {
        /// None yet: too few bytes have arrived.
        Nothing = "nothing",
        /// Text lines.
        Text = "text",
        /// MemoryLease frames.
        MemoryLease = "memorylease",
        /// leasebox frames.
        Frames = "frames",
        /// HTTP.
        Http = "http",
        /// RESP.
        Resp = "resp",
    }
}

/// Chooses the format by the first bytes. Returns `None` for no bytes, and while two formats are
/// possible and more bytes may come.
pub(super) fn choose(
    input: &[u8],
    tail: Tail,
    policy: &Policy,
    client: ClientNumber,
) -> Option<FormatState> {
    let max_message = policy.max_message;
    let memory_lease = |order| Some(FormatState::MemoryLease(MemoryLease::new(order, max_message)));
    let text = || Some(FormatState::Text(Text::new(policy.course)));
    let http = || Some(FormatState::Http(Box::default()));
    let resp = || Some(FormatState::Resp(Box::new(Resp::new(policy, client))));
    // `PING` is no command of text, and tools send it to see whether a Redis server is there. 0
    // means that the input may become such a line; otherwise the number is the line's length.
    match inline_ping(input) {
        Some(0) if tail.is_open() => return None,
        Some(1..) => return resp(),
        Some(0) | None => {}
    }
    match *input {
        [] => None,
        [1..=5, ..] => memory_lease(ByteOrder::Little),
        [0, 0, 0, 1..=5, ..] => memory_lease(ByteOrder::Big),
        [0] | [0, 0] | [0, 0, 0] if tail.is_open() => None,
        [b'*', ..] => resp(),
        [0x89, ..] => Some(FormatState::Frames(Frames::new(max_message))),
        _ => match look_at(&input[..input.len().min(HTTP_LINE)]) {
            FirstLine::Http => http(),
            FirstLine::Other => text(),
            _ if tail.is_open() && input.len() < HTTP_LINE => None,
            // The line is too long or cut off. Few text lines begin so (`PUT /NAME …` does). As
            // HTTP it gets one refusal, and the connection closes. As text, each line behind it,
            // which may be the body of an HTTP request, would run as a command.
            FirstLine::LikeHttp => http(),
            FirstLine::Unclear => text(),
        },
    }
}

/// The kind of a first line. Perhaps not all of the line has arrived.
enum FirstLine {
    /// A whole request line of HTTP.
    Http,
    /// A line that begins with a method and the start of a target, and whose end has not arrived.
    LikeHttp,
    /// Only capitals, perhaps with the first bytes of the start of a target behind them. The end of
    /// the line has not arrived.
    Unclear,
    /// No line of HTTP, whatever follows.
    Other,
}

/// The starts of a target, each with the space between method and target. The last is the form that
/// a client sends to a proxy: a head and a body follow it, not lines of text.
const TARGETS: [&[u8]; 3] = [b" /", b" *", b" http://"];

/// Returns the kind of a first line. It is HTTP if the first word is capitals, the second begins
/// like a target, and the third is `HTTP/1.x`.
fn look_at(input: &[u8]) -> FirstLine {
    let end = input.iter().position(|&byte| byte == b'\n');
    let line = &input[..end.unwrap_or(input.len())];
    let method = line.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    let target = &line[method..];
    if method == 0 || !TARGETS.iter().any(|start| target.starts_with(start)) {
        let may_become_one = TARGETS.iter().any(|start| start.starts_with(target));
        let is_unclear = method > 0 && end.is_none() && may_become_one;
        return if is_unclear { FirstLine::Unclear } else { FirstLine::Other };
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
