//! The bodies of sessions' frames, with their kinds.
//!
//! | kind | request | kind | reply |
//! | --- | --- | --- | --- |
//! | 1a Open | name string, sequence of bytes | 9a Opened | ID |
//! | 1b Send | ID, sequence of bytes | 9b Sent | ID, length `u64` |
//! | 1c Deliver | ID, ms `u64`, sequence of bytes | 9c Delivered | ID, length `u64` |
//! | 1d Publish | count `u32` and so many IDs, sequence of bytes | 9d Published | count `u64`, length `u64` |
//! | 1e Receive | ID, ms `u64` | 9e Message | ID, `u32` 0 none or 1, sequence of bytes |
//! | 1f Peek | ID, offset `u64`, length `u64` | 9e Message | |
//! | 20 Forward | ID, other ID | a0 Forwarded | ID, length `u64` |
//! | 21 Close | ID | a1 Closed | ID |
//! | 22 Sessions | | a2 Sessions | sequence of ID, name string, inward `u64`, outward `u64` |
//! | 23 Lookup | name string, ms `u64` | a3 Found | name string |
//! | 24 Watch | | a4 Watching | sequence of name string |
//! | 25 Register | size `u64` | a5 Registered | block `u64`, size `u64` |
//! | 26 Grow | size `u64`, block `u64` | a6 Block | size `u64` |
//! | 27 Shrink | size `u64`, block `u64` | a6 Block | |
//!
//! In Open no bytes are no first message. Signals of sessions, as 97 Signal has them: 4 opened: ID, name string; 5 message: ID, length `u64`;
//! 6 blocked: ID; 7 unblocked: ID; 8 lost: ID, count `u64`; 9 closed: ID; 10 joined: name
//! string; 11 left: name string.
//!
//! **Invariants** as [`crate::protocol::frame::body`]. **Lock** none. **Source** [`crate::sessions::words`].

use std::borrow::Cow;

use crate::message::{Reply, Request};
use crate::protocol::cdr::{Malformed, Reader, Writer};
use crate::protocol::frame::body::{put_all, put_id, take_all, take_id};
use crate::sessions::words::{Notice, SessionState};

pub const OPEN: u8 = 0x1a;
pub const SEND: u8 = 0x1b;
pub const DELIVER: u8 = 0x1c;
pub const PUBLISH: u8 = 0x1d;
pub const RECEIVE: u8 = 0x1e;
pub const PEEK: u8 = 0x1f;
pub const FORWARD: u8 = 0x20;
pub const CLOSE: u8 = 0x21;
pub const SESSIONS: u8 = 0x22;
pub const LOOKUP: u8 = 0x23;
pub const WATCH: u8 = 0x24;
pub const REGISTER: u8 = 0x25;
pub const GROW: u8 = 0x26;
pub const SHRINK: u8 = 0x27;

/// The bytes of an id.
const ID: usize = 16;

fn put_data(data: &[u8], out: &mut Writer<'_>) {
    out.count(data.len());
    out.octets(data);
}

fn take_data<'a>(body: &mut Reader<'a>) -> Result<Cow<'a, [u8]>, Malformed> {
    body.sequence().map(Cow::Borrowed)
}

/// Writes one of these requests' bodies.
pub fn put_request(request: &Request<'_>, out: &mut Writer<'_>) {
    match request {
        Request::Open { name, data } => {
            out.string(name);
            put_data(data, out);
        }
        Request::Send { session, data } => {
            put_id(*session, out);
            put_data(data, out);
        }
        Request::Deliver { session, ms, data } => {
            put_id(*session, out);
            out.u64(*ms);
            put_data(data, out);
        }
        Request::Publish { sessions, data } => {
            put_all(sessions, out, |session, out| put_id(*session, out));
            put_data(data, out);
        }
        Request::Receive { session, ms } => {
            put_id(*session, out);
            out.u64(*ms);
        }
        Request::Peek { session, offset, length } => {
            put_id(*session, out);
            out.u64(*offset);
            out.u64(*length);
        }
        Request::Forward { session, to } => {
            put_id(*session, out);
            put_id(*to, out);
        }
        Request::Close { session } => put_id(*session, out),
        Request::Lookup { name, ms } => {
            out.string(name);
            out.u64(*ms);
        }
        Request::Register { size } => out.u64(*size),
        Request::Grow { size, block } | Request::Shrink { size, block } => {
            out.u64(*size);
            out.u64(*block);
        }
        _ => {}
    }
}

/// Reads the body of one of these kinds; `None` for none of them.
pub fn take_request<'a>(kind: u8, body: &mut Reader<'a>) -> Option<Result<Request<'a>, Malformed>> {
    Some(match kind {
        OPEN => take_open(body),
        SEND => take_send(body),
        DELIVER => take_deliver(body),
        PUBLISH => take_publish(body),
        RECEIVE => take_receive(body),
        PEEK => take_peek(body),
        FORWARD => take_forward(body),
        CLOSE => take_id(body).map(|session| Request::Close { session }),
        SESSIONS => Ok(Request::Sessions),
        LOOKUP => take_lookup(body),
        WATCH => Ok(Request::Watch),
        REGISTER => body.u64().map(|size| Request::Register { size }),
        GROW => take_sizing(body).map(|(size, block)| Request::Grow { size, block }),
        SHRINK => take_sizing(body).map(|(size, block)| Request::Shrink { size, block }),
        _ => return None,
    })
}

fn take_open<'a>(body: &mut Reader<'a>) -> Result<Request<'a>, Malformed> {
    Ok(Request::Open { name: body.string()?.into(), data: take_data(body)? })
}

fn take_send<'a>(body: &mut Reader<'a>) -> Result<Request<'a>, Malformed> {
    Ok(Request::Send { session: take_id(body)?, data: take_data(body)? })
}

fn take_deliver<'a>(body: &mut Reader<'a>) -> Result<Request<'a>, Malformed> {
    let (session, ms) = (take_id(body)?, body.u64()?);
    Ok(Request::Deliver { session, ms, data: take_data(body)? })
}

fn take_publish<'a>(body: &mut Reader<'a>) -> Result<Request<'a>, Malformed> {
    let sessions = take_all(body, ID, take_id)?;
    Ok(Request::Publish { sessions, data: take_data(body)? })
}

fn take_receive<'a>(body: &mut Reader<'_>) -> Result<Request<'a>, Malformed> {
    Ok(Request::Receive { session: take_id(body)?, ms: body.u64()? })
}

fn take_peek<'a>(body: &mut Reader<'_>) -> Result<Request<'a>, Malformed> {
    Ok(Request::Peek { session: take_id(body)?, offset: body.u64()?, length: body.u64()? })
}

fn take_forward<'a>(body: &mut Reader<'_>) -> Result<Request<'a>, Malformed> {
    Ok(Request::Forward { session: take_id(body)?, to: take_id(body)? })
}

fn take_lookup<'a>(body: &mut Reader<'a>) -> Result<Request<'a>, Malformed> {
    Ok(Request::Lookup { name: body.string()?.into(), ms: body.u64()? })
}

fn take_sizing(body: &mut Reader<'_>) -> Result<(u64, u64), Malformed> {
    Ok((body.u64()?, body.u64()?))
}

/// Writes one of these replies' bodies, but for a message's: `data` bytes, which the caller
/// appends.
pub fn put_reply(reply: &Reply<'_>, data: usize, out: &mut Writer<'_>) {
    match reply {
        Reply::Opened { session } | Reply::Closed { session } => put_id(*session, out),
        Reply::Sent { session, length }
        | Reply::Delivered { session, length }
        | Reply::Forwarded { session, length } => {
            put_id(*session, out);
            out.u64(*length);
        }
        Reply::Published { count: first, length: second }
        | Reply::Registered { block: first, size: second } => {
            out.u64(*first);
            out.u64(*second);
        }
        Reply::Message { session, data: message } => {
            put_id(*session, out);
            out.u32(u32::from(message.is_some()));
            out.count(data);
        }
        Reply::Sessions(sessions) => put_all(sessions, out, |state, out| {
            put_id(state.session, out);
            out.string(&state.name);
            out.u64(state.inward);
            out.u64(state.outward);
        }),
        Reply::Found { name } => out.string(name),
        Reply::Watching(names) => put_all(names, out, |name, out| out.string(name)),
        Reply::Block { size } => out.u64(*size),
        _ => {}
    }
}

/// Reads the body of the reply to one of these kinds; `None` for none of them.
pub fn take_reply(kind: u8, body: &mut Reader<'_>) -> Option<Result<Reply<'static>, Malformed>> {
    Some(match kind {
        OPEN => take_id(body).map(|session| Reply::Opened { session }),
        SEND => take_lengthy(body).map(|(session, length)| Reply::Sent { session, length }),
        DELIVER => take_lengthy(body).map(|(session, length)| Reply::Delivered { session, length }),
        PUBLISH => take_sizing(body).map(|(count, length)| Reply::Published { count, length }),
        RECEIVE => take_message(body),
        FORWARD => take_lengthy(body).map(|(session, length)| Reply::Forwarded { session, length }),
        CLOSE => take_id(body).map(|session| Reply::Closed { session }),
        // An id, a name of at least its NUL, two numbers.
        SESSIONS => take_all(body, 40, take_state).map(Reply::Sessions),
        LOOKUP => body.string().map(|name| Reply::Found { name: name.to_string() }),
        WATCH => take_all(body, 5, |body| body.string().map(str::to_string)).map(Reply::Watching),
        REGISTER => take_sizing(body).map(|(block, size)| Reply::Registered { block, size }),
        GROW => body.u64().map(|size| Reply::Block { size }),
        _ => return None,
    })
}

fn take_lengthy(body: &mut Reader<'_>) -> Result<(crate::message::LeaseId, u64), Malformed> {
    Ok((take_id(body)?, body.u64()?))
}

fn take_message(body: &mut Reader<'_>) -> Result<Reply<'static>, Malformed> {
    let session = take_id(body)?;
    let data = match (body.u32()?, body.sequence()?) {
        (0, []) => None,
        (1, data) => Some(data.to_vec()),
        _ => return Err(Malformed("has a message that is neither there nor left out")),
    };
    Ok(Reply::Message { session, data })
}

fn take_state(body: &mut Reader<'_>) -> Result<SessionState, Malformed> {
    let (session, name) = (take_id(body)?, body.string()?.to_string());
    Ok(SessionState { session, name, inward: body.u64()?, outward: body.u64()? })
}

/// Writes a signal of the engine.
pub fn put_notice(notice: &Notice, out: &mut Writer<'_>) {
    let number = match notice {
        Notice::Opened { .. } => 4,
        Notice::Message { .. } => 5,
        Notice::Blocked { .. } => 6,
        Notice::Unblocked { .. } => 7,
        Notice::Lost { .. } => 8,
        Notice::Closed { .. } => 9,
        Notice::Joined { .. } => 10,
        Notice::Left { .. } => 11,
    };
    out.u32(number);
    match notice {
        Notice::Opened { session, name } => {
            put_id(*session, out);
            out.string(name);
        }
        Notice::Message { session, length: count } | Notice::Lost { session, count } => {
            put_id(*session, out);
            out.u64(*count);
        }
        Notice::Blocked { session }
        | Notice::Unblocked { session }
        | Notice::Closed { session } => put_id(*session, out),
        Notice::Joined { name } | Notice::Left { name } => out.string(name),
    }
}

/// Reads the signal of that number.
pub fn take_notice(number: u32, body: &mut Reader<'_>) -> Result<Notice, Malformed> {
    Ok(match number {
        4 => Notice::Opened { session: take_id(body)?, name: body.string()?.to_string() },
        5 => Notice::Message { session: take_id(body)?, length: body.u64()? },
        6 => Notice::Blocked { session: take_id(body)? },
        7 => Notice::Unblocked { session: take_id(body)? },
        8 => Notice::Lost { session: take_id(body)?, count: body.u64()? },
        9 => Notice::Closed { session: take_id(body)? },
        10 => Notice::Joined { name: body.string()?.to_string() },
        11 => Notice::Left { name: body.string()?.to_string() },
        _ => return Err(Malformed("has a signal of no known number")),
    })
}
