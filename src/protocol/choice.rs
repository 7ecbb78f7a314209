//! The choice: how a connection speaks, by its first bytes. The table stands in [`super`].
//!
//! **Invariants** the first bytes in pieces choose as they do in one.
//!
//! **Lock** none. **Source** ours.

use super::byte_order::ByteOrder;
use super::frame::Frames;
use super::http;
use super::memorylease::MemoryLease;
use super::resp::Resp;
use super::text::Text;
use super::{Manners, Speaks, Tail};

/// How long a first line's end is waited for, in bytes, to see whether it is HTTP.
pub(super) const HTTP_LINE: usize = http::head::MAX_LINE;

/// The format that a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tongue {
    /// Nothing yet.
    Nothing,
    /// Text lines.
    Text,
    /// MemoryLease frames.
    MemoryLease,
    /// leasebox frames.
    Frames,
    /// HTTP.
    Http,
    /// RESP.
    Resp,
}

impl Tongue {
    /// Every one of them, in the order of their numbers.
    pub const ALL: [Self; 6] = [
        Tongue::Nothing,
        Tongue::Text,
        Tongue::MemoryLease,
        Tongue::Frames,
        Tongue::Http,
        Tongue::Resp,
    ];

    /// As it stands on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Tongue::Nothing => "nothing",
            Tongue::Text => "text",
            Tongue::MemoryLease => "memorylease",
            Tongue::Frames => "frames",
            Tongue::Http => "http",
            Tongue::Resp => "resp",
        }
    }
}

/// Chooses by the first bytes; `None` while they could still be one or another.
pub(super) fn choose(input: &[u8], tail: Tail, manners: &Manners) -> Option<Speaks> {
    let max_message = manners.max_message;
    let frames = |order| Some(Speaks::MemoryLease(MemoryLease::new(order, max_message)));
    let http = || Some(Speaks::Http(Box::default()));
    match *input {
        [] => None,
        [1..=5, ..] => frames(ByteOrder::Little),
        [0, 0, 0, 1..=5, ..] => frames(ByteOrder::Big),
        [0] | [0, 0] | [0, 0, 0] if tail == Tail::Open => None,
        [b'*', ..] => Some(Speaks::Resp(Box::new(Resp::new(manners)))),
        [0x89, ..] => Some(Speaks::Frames(Frames::new(max_message))),
        _ => match is_http(&input[..input.len().min(HTTP_LINE)]) {
            FirstLine::Http => http(),
            FirstLine::Other => Some(Speaks::Text(Text::default())),
            _ if tail == Tail::Open && input.len() < HTTP_LINE => None,
            // Cut off, but no text line begins so; a body may follow.
            FirstLine::LikeHttp => http(),
            FirstLine::Unclear => Some(Speaks::Text(Text::default())),
        },
    }
}

/// The look of a first line so far.
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
        // As to a proxy: what follows is a head and a body, and no lines.
        [b' ', b'h', b't', b't', b'p', b':', b'/', b'/', ..] if method > 0 => {}
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
