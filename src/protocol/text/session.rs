//! The lines of sessions: what processes say to each other.
//!
//! | request | reply |
//! | --- | --- |
//! | `open NAME [DATA]` | `opened SESSION`; without DATA there is no first message |
//! | `send SESSION DATA` | `sent SESSION LENGTH`, without waiting |
//! | `deliver SESSION MS DATA` | `delivered SESSION LENGTH` when it was received within MS, or it is taken back |
//! | `publish SESSION,SESSION,… DATA` | `published COUNT LENGTH` |
//! | `receive SESSION [MS]` | `message SESSION DATA`, the oldest, or `none` after MS (0) |
//! | `peek SESSION OFFSET LENGTH` | `message SESSION DATA`: a part, left where it is; or `none` |
//! | `forward SESSION OTHER` | `forwarded OTHER LENGTH`: the oldest of SESSION, by its location |
//! | `close SESSION` | `closed SESSION` |
//! | `sessions` | `sessions SESSION:NAME:INWARD:OUTWARD …`: messages to receive, and those the other end has not; NAME is empty when it is closed |
//! | `lookup NAME [MS]` | `found NAME`, when there is such a process within MS (0) |
//! | `watch` | `watching NAME …`: who is there; who comes and goes then is a signal |
//! | `register SIZE` | `registered BLOCK SIZE`: one more block of one's own |
//! | `grow SIZE [BLOCK]` · `shrink SIZE [BLOCK]` | `block SIZE`: what it has now; BLOCK is 0, the one joined with |
//!
//! And `wait` answers with these signals too: `opened SESSION NAME` · `message SESSION LENGTH` ·
//! `blocked SESSION` (the other end has no room for a message) · `unblocked SESSION` (here is
//! room again) · `lost SESSION COUNT` · `closed SESSION` · `joined NAME` · `left NAME`.
//!
//! DATA is as in `set`. Sizes, offsets and lengths are bytes, MS milliseconds.
//!
//! ```text
//!   > open bob hello, bob            > wait
//!   < opened 2f0c…                   < opened 2f0c… alice
//!   > wait                           > receive 2f0c…
//!   < message 2f0c… 9                < message 2f0c… hello, bob
//!   > receive 2f0c…                  > send 2f0c… hi, alice
//!   < message 2f0c… hi, alice        < sent 2f0c… 9
//! ```
//!
//! **Invariants** one reply a line.
//!
//! **Lock** none. **Source** `interprocess-communication-patent.txt`, in the shape of the other
//! lines.

use crate::message::{Error, LeaseId, Reply, Request};
use crate::protocol::escape::escape;
use crate::protocol::output::Output;
use crate::protocol::text::line;
use crate::protocol::text::words::{Words, key, number, optional, required, words};
use crate::sessions::words::{Notice, SessionState};

const OPEN: u64 = key(b"open");
const SEND: u64 = key(b"send");
const DELIVER: u64 = key(b"deliver");
const PUBLISH: u64 = key(b"publish");
const RECEIVE: u64 = key(b"receive");
const PEEK: u64 = key(b"peek");
const FORWARD: u64 = key(b"forward");
const CLOSE: u64 = key(b"close");
const SESSIONS: u64 = key(b"sessions");
const LOOKUP: u64 = key(b"lookup");
const WATCH: u64 = key(b"watch");
const REGISTER: u64 = key(b"register");
const GROW: u64 = key(b"grow");
const SHRINK: u64 = key(b"shrink");

/// Reads the rest of a line whose command has that key; `None` for none of these commands.
pub(super) fn parse(command: u64, rest: Words<'_>) -> Option<Result<Request<'_>, Error>> {
    Some(match command {
        OPEN => parse_open(rest),
        SEND => parse_send(rest),
        DELIVER => parse_deliver(rest),
        PUBLISH => parse_publish(rest),
        RECEIVE => parse_receive(rest),
        PEEK => parse_peek(rest),
        FORWARD => words(rest, "forward SESSION OTHER").and_then(|[session, to]| {
            Ok(Request::Forward { session: LeaseId::parse(session)?, to: LeaseId::parse(to)? })
        }),
        CLOSE => words(rest, "close SESSION")
            .and_then(|[session]| Ok(Request::Close { session: LeaseId::parse(session)? })),
        SESSIONS => words(rest, "sessions").map(|[]| Request::Sessions),
        LOOKUP => parse_lookup(rest),
        WATCH => words(rest, "watch").map(|[]| Request::Watch),
        REGISTER => words(rest, "register SIZE")
            .and_then(|[size]| Ok(Request::Register { size: number(size)? })),
        GROW => parse_sizing(rest, "grow SIZE [BLOCK]")
            .map(|(size, block)| Request::Grow { size, block }),
        SHRINK => parse_sizing(rest, "shrink SIZE [BLOCK]")
            .map(|(size, block)| Request::Shrink { size, block }),
        _ => return None,
    })
}

fn parse_open(rest: Words<'_>) -> Result<Request<'_>, Error> {
    let (name, rest) = required(rest, "open NAME [DATA]")?;
    // What is no text is no name either, and so nobody's.
    Ok(Request::Open { name: String::from_utf8_lossy(name), data: rest.data()? })
}

fn parse_send(rest: Words<'_>) -> Result<Request<'_>, Error> {
    let (session, rest) = required(rest, "send SESSION DATA")?;
    Ok(Request::Send { session: LeaseId::parse(session)?, data: rest.data()? })
}

fn parse_deliver(rest: Words<'_>) -> Result<Request<'_>, Error> {
    const FORM: &str = "deliver SESSION MS DATA";
    let (session, rest) = required(rest, FORM)?;
    let (ms, rest) = required(rest, FORM)?;
    let (session, ms) = (LeaseId::parse(session)?, number(ms)?);
    Ok(Request::Deliver { session, ms, data: rest.data()? })
}

fn parse_publish(rest: Words<'_>) -> Result<Request<'_>, Error> {
    let (sessions, rest) = required(rest, "publish SESSION,SESSION,… DATA")?;
    let sessions = sessions.split(|&byte| byte == b',').map(LeaseId::parse);
    Ok(Request::Publish { sessions: sessions.collect::<Result<_, _>>()?, data: rest.data()? })
}

fn parse_receive(rest: Words<'_>) -> Result<Request<'_>, Error> {
    const FORM: &str = "receive SESSION [MS]";
    let (session, rest) = required(rest, FORM)?;
    let ms = optional(rest, FORM)?.map_or(Ok(0), number)?;
    Ok(Request::Receive { session: LeaseId::parse(session)?, ms })
}

fn parse_peek(rest: Words<'_>) -> Result<Request<'_>, Error> {
    let [session, offset, length] = words(rest, "peek SESSION OFFSET LENGTH")?;
    let (session, offset) = (LeaseId::parse(session)?, number(offset)?);
    Ok(Request::Peek { session, offset, length: number(length)? })
}

fn parse_lookup(rest: Words<'_>) -> Result<Request<'_>, Error> {
    const FORM: &str = "lookup NAME [MS]";
    let (name, rest) = required(rest, FORM)?;
    let ms = optional(rest, FORM)?.map_or(Ok(0), number)?;
    Ok(Request::Lookup { name: String::from_utf8_lossy(name), ms })
}

fn parse_sizing(rest: Words<'_>, form: &str) -> Result<(u64, u64), Error> {
    let (size, rest) = required(rest, form)?;
    let block = optional(rest, form)?.map_or(Ok(0), number)?;
    Ok((number(size)?, block))
}

/// Appends one of these replies, without its line end.
pub(super) fn encode(reply: &Reply<'_>, out: &mut Output) {
    match reply {
        Reply::Opened { session } => line(out, format_args!("opened {session}")),
        Reply::Sent { session, length } => line(out, format_args!("sent {session} {length}")),
        Reply::Delivered { session, length } => {
            line(out, format_args!("delivered {session} {length}"));
        }
        Reply::Published { count, length } => {
            line(out, format_args!("published {count} {length}"));
        }
        Reply::Message { session, data: Some(data) } => {
            line(out, format_args!("message {session} "));
            escape(data, &mut out.bytes);
        }
        Reply::Message { data: None, .. } => line(out, format_args!("none")),
        Reply::Forwarded { session, length } => {
            line(out, format_args!("forwarded {session} {length}"));
        }
        Reply::Closed { session } => line(out, format_args!("closed {session}")),
        Reply::Sessions(sessions) => {
            line(out, format_args!("sessions"));
            for SessionState { session, name, inward, outward } in sessions {
                line(out, format_args!(" {session}:{name}:{inward}:{outward}"));
            }
        }
        Reply::Found { name } => line(out, format_args!("found {name}")),
        Reply::Watching(names) => {
            line(out, format_args!("watching"));
            names.iter().for_each(|name| line(out, format_args!(" {name}")));
        }
        Reply::Registered { block, size } => line(out, format_args!("registered {block} {size}")),
        Reply::Block { size } => line(out, format_args!("block {size}")),
        other => debug_assert!(false, "{other:?} is none of these"),
    }
}

/// Appends a signal of the engine.
pub(super) fn encode_notice(notice: &Notice, out: &mut Output) {
    match notice {
        Notice::Opened { session, name } => line(out, format_args!("opened {session} {name}")),
        Notice::Message { session, length } => {
            line(out, format_args!("message {session} {length}"));
        }
        Notice::Blocked { session } => line(out, format_args!("blocked {session}")),
        Notice::Unblocked { session } => line(out, format_args!("unblocked {session}")),
        Notice::Lost { session, count } => line(out, format_args!("lost {session} {count}")),
        Notice::Closed { session } => line(out, format_args!("closed {session}")),
        Notice::Joined { name } => line(out, format_args!("joined {name}")),
        Notice::Left { name } => line(out, format_args!("left {name}")),
    }
}
