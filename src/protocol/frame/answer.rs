//! The bodies of replies, in both directions; those of requests are in [`crate::protocol::frame::body`].
//!
//! **Invariants** as there: what is put is taken as the same.
//!
//! **Lock** none. **Source** the table of [`super`].

use std::borrow::Cow;

use crate::message::{Code, Error, Reply, Row, Step};
use crate::numbers::list::Drawn;
use crate::protocol::cdr::{Malformed, Reader, Writer};
use crate::protocol::frame::body::{
    DRAW, GET, HELP, LEASE, PARKED, QUIT, RELEASE, SET, STATS, TABLE, TREE, TTL, put_all, put_id,
    take_all, take_id,
};
use crate::protocol::frame::{process, resource, session};

/// A reply has the kind of the first request that it answers, and this.
pub const REPLY: u8 = 0x80;
const ERROR: u8 = 0xff;

/// The answer to Help.
const KINDS: &str = "01 Draw, 02 Table, 03 Lease, 04 Set, 05 Get, 06 Renew, 07 Ttl, 08 Release, \
     09 Stats, 0a Tree, 0b Parked, 0c Step, 0d Help, 0e Quit, 0f Join, 10 Attach, 11 Leave, \
     12 Report, 13 Request, 14 Return, 15 Reuse, 16 Owed, 17 Wait, 18 Pools, 19 Accounts, 1a Open, 1b Send, \
     1c Deliver, 1d Publish, 1e Receive, 1f Peek, 20 Forward, 21 Close, 22 Sessions, 23 Lookup, \
     24 Watch, 25 Register, 26 Grow, 27 Shrink, 28 Inspect, 29 Replace, 2a List";

/// The kind and the status of a reply's frame.
pub fn reply_kind(reply: &Reply<'_>) -> (u8, u8) {
    let request = match reply {
        Reply::Drawn(_) => DRAW,
        Reply::Table(_) => TABLE,
        Reply::Leased { .. } => LEASE,
        Reply::Set { .. } => SET,
        Reply::Data { .. } => GET,
        Reply::Ttl { .. } => TTL,
        Reply::Released { .. } => RELEASE,
        Reply::Stats(_) => STATS,
        Reply::Tree(_) => TREE,
        Reply::Parked(_) => PARKED,
        Reply::Help => HELP,
        Reply::Bye => QUIT,
        Reply::Error(error) => return (ERROR, status_of(error.code)),
        Reply::Joined { .. } => process::JOIN,
        Reply::Attached { .. } => process::ATTACH,
        Reply::Left { .. } => process::LEAVE,
        Reply::Reported => process::REPORT,
        Reply::Granted(_) => process::REQUEST,
        Reply::Returned(_) => process::RETURN,
        Reply::Reused { .. } => process::REUSE,
        Reply::Owed(_) => process::OWED,
        Reply::Signal(_) => process::WAIT,
        Reply::Pools(..) => process::POOLS,
        Reply::Accounts(_) => process::ACCOUNTS,
        Reply::Opened { .. } => session::OPEN,
        Reply::Sent { .. } => session::SEND,
        Reply::Delivered { .. } => session::DELIVER,
        Reply::Published { .. } => session::PUBLISH,
        Reply::Message { .. } => session::RECEIVE,
        Reply::Forwarded { .. } => session::FORWARD,
        Reply::Closed { .. } => session::CLOSE,
        Reply::Sessions(_) => session::SESSIONS,
        Reply::Found { .. } => session::LOOKUP,
        Reply::Watching(_) => session::WATCH,
        Reply::Registered { .. } => session::REGISTER,
        Reply::Block { .. } => session::GROW,
        Reply::Inspected(_) => resource::INSPECT,
        Reply::Replaced { .. } => resource::REPLACE,
        Reply::List(_) => resource::LIST,
    };
    (REPLY + request, 0)
}

/// Writes a reply's body, but for the data of a get or a message: `data` bytes, which the caller
/// appends.
pub fn put_reply(reply: &Reply<'_>, data: usize, out: &mut Writer<'_>) {
    match reply {
        Reply::Drawn(drawn) => {
            out.u32(drawn.count() as u32);
            drawn.for_each_run(|run| out.u32s(run));
        }
        Reply::Table(rows) => put_all(rows, out, |row, out| {
            out.u64(row.client);
            out.u32(row.counter);
            out.u32(row.result);
        }),
        Reply::Leased { id, size, duration_ms } => {
            put_id(*id, out);
            out.u64(*size);
            out.u64(*duration_ms);
        }
        Reply::Data { id, size, data: _ } => {
            put_id(*id, out);
            out.u64(*size);
            out.count(data);
        }
        Reply::Set { id, length: number }
        | Reply::Ttl { id, left_ms: number }
        | Reply::Released { id, size: number } => {
            put_id(*id, out);
            out.u64(*number);
        }
        Reply::Stats(figures) => put_all(figures, out, |(name, value), out| {
            out.string(name);
            out.string(value);
        }),
        Reply::Tree(picture) => out.string(picture),
        Reply::Parked(clients) => put_all(clients, out, |(client, step), out| {
            out.u64(*client);
            out.u32(step_number(*step));
        }),
        Reply::Help => out.string(KINDS),
        Reply::Bye => {}
        Reply::Error(error) => out.string(&error.text),
        Reply::Joined { .. }
        | Reply::Attached { .. }
        | Reply::Left { .. }
        | Reply::Reported
        | Reply::Granted(_)
        | Reply::Returned(_)
        | Reply::Reused { .. }
        | Reply::Owed(_)
        | Reply::Signal(_)
        | Reply::Pools(..)
        | Reply::Accounts(_) => process::put_reply(reply, out),
        Reply::Opened { .. }
        | Reply::Sent { .. }
        | Reply::Delivered { .. }
        | Reply::Published { .. }
        | Reply::Message { .. }
        | Reply::Forwarded { .. }
        | Reply::Closed { .. }
        | Reply::Sessions(_)
        | Reply::Found { .. }
        | Reply::Watching(_)
        | Reply::Registered { .. }
        | Reply::Block { .. } => session::put_reply(reply, data, out),
        Reply::Inspected(_) | Reply::Replaced { .. } | Reply::List(_) => {
            resource::put_reply(reply, data, out);
        }
    }
}

/// Reads a reply's body, to its end.
///
/// # Errors
/// [`Malformed`], also for a kind or a status that there is not.
pub fn take_reply(
    kind: u8,
    status: u8,
    body: &mut Reader<'_>,
) -> Result<Reply<'static>, Malformed> {
    let reply = match (kind.wrapping_sub(REPLY), status) {
        (DRAW, 0) => Reply::Drawn(Drawn::Received(take_all(body, 4, Reader::u32)?)),
        (TABLE, 0) => Reply::Table(take_all(body, 16, take_row)?),
        (LEASE, 0) => {
            let id = take_id(body)?;
            Reply::Leased { id, size: body.u64()?, duration_ms: body.u64()? }
        }
        (SET, 0) => Reply::Set { id: take_id(body)?, length: body.u64()? },
        (GET, 0) => {
            let (id, size) = (take_id(body)?, body.u64()?);
            Reply::Data { id, size, data: body.sequence()?.to_vec() }
        }
        (TTL, 0) => Reply::Ttl { id: take_id(body)?, left_ms: body.u64()? },
        (RELEASE, 0) => Reply::Released { id: take_id(body)?, size: body.u64()? },
        (STATS, 0) => Reply::Stats(take_all(body, 10, take_figure)?),
        (TREE, 0) => Reply::Tree(body.string()?.to_string()),
        (PARKED, 0) => Reply::Parked(take_all(body, 12, take_parked)?),
        (HELP, 0) => body.string().map(|_| Reply::Help)?,
        (QUIT, 0) => Reply::Bye,
        (_, status) if kind == ERROR => {
            let code = code_of(status).ok_or(Malformed("is an error of no known status"))?;
            Reply::Error(Error::new(code, body.string()?.to_string()))
        }
        (kind, 0) => {
            let other = process::take_reply(kind, body)
                .or_else(|| session::take_reply(kind, body))
                .or_else(|| resource::take_reply(kind, body));
            match other {
                Some(reply) => reply?,
                None => return Err(NO_REPLY),
            }
        }
        _ => return Err(NO_REPLY),
    };
    body.end().map(|()| reply)
}

const NO_REPLY: Malformed = Malformed("is that of no known reply");

fn take_row(body: &mut Reader<'_>) -> Result<Row, Malformed> {
    let (client, counter, result) = (body.u64()?, body.u32()?, body.u32()?);
    Ok(Row { counter, client, result })
}

fn take_figure(body: &mut Reader<'_>) -> Result<(Cow<'static, str>, String), Malformed> {
    Ok((body.string()?.to_string().into(), body.string()?.to_string()))
}

fn take_parked(body: &mut Reader<'_>) -> Result<(u64, Step), Malformed> {
    let (client, number) = (body.u64()?, body.u32()?);
    let step = [Step::Load, Step::Read, Step::Store, Step::Take]
        .into_iter()
        .find(|&step| step_number(step) == number);
    Ok((client, step.ok_or(Malformed("has a step of no known number"))?))
}

fn step_number(step: Step) -> u32 {
    match step {
        Step::Load => 0,
        Step::Read => 1,
        Step::Store => 2,
        Step::Take => 3,
    }
}

fn status_of(code: Code) -> u8 {
    match code {
        Code::BadRequest => 1,
        Code::UnknownCommand => 2,
        Code::NotFound => 3,
        Code::TooLarge => 4,
        Code::OutOfMemory => 5,
        Code::Exhausted => 6,
        Code::Refused => 7,
        Code::Busy => 8,
    }
}

fn code_of(status: u8) -> Option<Code> {
    Code::ALL.into_iter().find(|&code| status_of(code) == status)
}
