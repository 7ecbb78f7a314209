//! What stands in a frame behind its header: one line for each request and each reply, in
//! both directions.
//!
//! ```text
//!   Request ── put_request ──► body ── take_request ──► Request       a client, the server
//!   Reply   ── put_reply   ──► body ── take_reply   ──► Reply         the server, a client
//! ```
//!
//! **Invariants** what is put is taken as the same; a body that is too short or too long
//! for its kind is [`Malformed`].
//!
//! **Lock** none. **Source** the table of [`super`].

use std::borrow::Cow;

use super::{malformed, process, session};
use crate::message::numbers::Drawn;
use crate::message::{Code, Error, IdKind, LeaseId, Reply, Request, Row, Rows, Step};
use crate::representation::cdr::{Malformed, Reader, Writer};

pub const DRAW: u8 = 0x01;
const TABLE: u8 = 0x02;
const LEASE: u8 = 0x03;
const SET: u8 = 0x04;
const GET: u8 = 0x05;
const RENEW: u8 = 0x06;
const TTL: u8 = 0x07;
const RELEASE: u8 = 0x08;
const STATS: u8 = 0x09;
const TREE: u8 = 0x0a;
const PARKED: u8 = 0x0b;
const STEP: u8 = 0x0c;
const HELP: u8 = 0x0d;
const QUIT: u8 = 0x0e;

/// A reply has the kind of the first request that it answers, and this.
pub const REPLY: u8 = 0x80;
const ERROR: u8 = 0xff;

/// The answer to Help.
const KINDS: &str = "01 Draw, 02 Table, 03 Lease, 04 Set, 05 Get, 06 Renew, 07 Ttl, 08 Release, \
     09 Stats, 0a Tree, 0b Parked, 0c Step, 0d Help, 0e Quit, 0f Join, 10 Attach, 11 Leave, \
     12 Report, 13 Request, 14 Return, 15 Reuse, 16 Owed, 17 Wait, 18 Pools, 19 Accounts, 1a Open, 1b Send, \
     1c Deliver, 1d Publish, 1e Receive, 1f Peek, 20 Forward, 21 Close, 22 Sessions, 23 Lookup, \
     24 Watch, 25 Register, 26 Grow, 27 Shrink";

/// The kind of a request's frame.
pub fn kind_of(request: &Request<'_>) -> u8 {
    match request {
        Request::Draw { .. } => DRAW,
        Request::Table { .. } => TABLE,
        Request::Lease { .. } => LEASE,
        Request::Set { .. } => SET,
        Request::Get { .. } => GET,
        Request::Renew { .. } => RENEW,
        Request::Ttl { .. } => TTL,
        Request::Release { .. } => RELEASE,
        Request::Stats => STATS,
        Request::Tree => TREE,
        Request::Parked => PARKED,
        Request::Step { .. } => STEP,
        Request::Join { .. } => process::JOIN,
        Request::Attach { .. } => process::ATTACH,
        Request::Leave => process::LEAVE,
        Request::Report { .. } => process::REPORT,
        Request::Grant(_) => process::REQUEST,
        Request::Return { .. } => process::RETURN,
        Request::Reuse { .. } => process::REUSE,
        Request::Owed => process::OWED,
        Request::Wait { .. } => process::WAIT,
        Request::Pools => process::POOLS,
        Request::Accounts => process::ACCOUNTS,
        Request::Open { .. } => session::OPEN,
        Request::Send { .. } => session::SEND,
        Request::Deliver { .. } => session::DELIVER,
        Request::Publish { .. } => session::PUBLISH,
        Request::Receive { .. } => session::RECEIVE,
        Request::Peek { .. } => session::PEEK,
        Request::Forward { .. } => session::FORWARD,
        Request::Close { .. } => session::CLOSE,
        Request::Sessions => session::SESSIONS,
        Request::Lookup { .. } => session::LOOKUP,
        Request::Watch => session::WATCH,
        Request::Register { .. } => session::REGISTER,
        Request::Grow { .. } => session::GROW,
        Request::Shrink { .. } => session::SHRINK,
        Request::Help => HELP,
        Request::Quit => QUIT,
    }
}

/// Writes a request's body.
pub fn put_request(request: &Request<'_>, out: &mut Writer<'_>) {
    match request {
        Request::Draw { count } => out.u64(*count),
        Request::Table { rows, which } => {
            out.u64(*rows);
            out.u32(match which {
                Rows::First => 0,
                Rows::Each => 1,
                Rows::Twice => 2,
            });
        }
        Request::Lease { size, duration_ms, id_kind: _ } => {
            out.u64(*size);
            out.u64(*duration_ms);
        }
        Request::Set { id, data } => {
            put_id(*id, out);
            out.count(data.len());
            out.octets(data);
        }
        Request::Get { id } | Request::Ttl { id } | Request::Release { id } => put_id(*id, out),
        Request::Renew { id, duration_ms } => {
            put_id(*id, out);
            out.u64(*duration_ms);
        }
        Request::Step { client } => out.u64(*client),
        Request::Stats | Request::Tree | Request::Parked | Request::Help | Request::Quit => {}
        Request::Join { .. }
        | Request::Attach { .. }
        | Request::Leave
        | Request::Report { .. }
        | Request::Grant(_)
        | Request::Return { .. }
        | Request::Reuse { .. }
        | Request::Owed
        | Request::Wait { .. }
        | Request::Pools
        | Request::Accounts => process::put_request(request, out),
        Request::Open { .. }
        | Request::Send { .. }
        | Request::Deliver { .. }
        | Request::Publish { .. }
        | Request::Receive { .. }
        | Request::Peek { .. }
        | Request::Forward { .. }
        | Request::Close { .. }
        | Request::Sessions
        | Request::Lookup { .. }
        | Request::Watch
        | Request::Register { .. }
        | Request::Grow { .. }
        | Request::Shrink { .. } => session::put_request(request, out),
    }
}

/// Reads a request's body, to its end.
///
/// # Errors
/// `unknown-command` for a kind that there is not, `bad-request` for another body than
/// the kind has.
pub fn take_request<'a>(kind: u8, body: &mut Reader<'a>) -> Result<Request<'a>, Error> {
    let request = match kind {
        DRAW => body.u64().map(|count| Request::Draw { count }),
        TABLE => take_table(body),
        LEASE => take_lease(body),
        SET => take_set(body),
        GET => take_id(body).map(|id| Request::Get { id }),
        RENEW => take_renew(body),
        TTL => take_id(body).map(|id| Request::Ttl { id }),
        RELEASE => take_id(body).map(|id| Request::Release { id }),
        STATS => Ok(Request::Stats),
        TREE => Ok(Request::Tree),
        PARKED => Ok(Request::Parked),
        STEP => body.u64().map(|client| Request::Step { client }),
        HELP => Ok(Request::Help),
        QUIT => Ok(Request::Quit),
        kind => {
            match process::take_request(kind, body).or_else(|| session::take_request(kind, body)) {
                Some(request) => request,
                None => {
                    let text =
                        "there is no such kind of request; send kind 0d, Help, for those there are";
                    return Err(Error::new(Code::UnknownCommand, text));
                }
            }
        }
    };
    request.and_then(|request| body.end().map(|()| request)).map_err(malformed)
}

pub(super) fn put_id(id: LeaseId, out: &mut Writer<'_>) {
    out.octets(&id.to_bytes());
}

pub(super) fn take_id(body: &mut Reader<'_>) -> Result<LeaseId, Malformed> {
    body.octets().map(LeaseId::from_bytes)
}

fn take_table<'a>(body: &mut Reader<'_>) -> Result<Request<'a>, Malformed> {
    let rows = body.u64()?;
    let which = match body.u32()? {
        0 => Rows::First,
        1 => Rows::Each,
        2 => Rows::Twice,
        _ => return Err(Malformed("asks for rows that are none of 0, 1 and 2")),
    };
    Ok(Request::Table { rows, which })
}

fn take_lease<'a>(body: &mut Reader<'_>) -> Result<Request<'a>, Malformed> {
    let (size, duration_ms) = (body.u64()?, body.u64()?);
    Ok(Request::Lease { size, duration_ms, id_kind: IdKind::Uuid })
}

fn take_set<'a>(body: &mut Reader<'a>) -> Result<Request<'a>, Malformed> {
    let id = take_id(body)?;
    Ok(Request::Set { id, data: Cow::Borrowed(body.sequence()?) })
}

fn take_renew<'a>(body: &mut Reader<'_>) -> Result<Request<'a>, Malformed> {
    Ok(Request::Renew { id: take_id(body)?, duration_ms: body.u64()? })
}

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
    }
}

pub(super) fn put_all<T>(items: &[T], out: &mut Writer<'_>, each: impl Fn(&T, &mut Writer<'_>)) {
    out.count(items.len());
    items.iter().for_each(|item| each(item, out));
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
            match process::take_reply(kind, body).or_else(|| session::take_reply(kind, body)) {
                Some(reply) => reply?,
                None => return Err(NO_REPLY),
            }
        }
        _ => return Err(NO_REPLY),
    };
    body.end().map(|()| reply)
}

const NO_REPLY: Malformed = Malformed("is that of no known reply");

/// A sequence of elements of at least `size` bytes each.
pub(super) fn take_all<'a, T>(
    body: &mut Reader<'a>,
    size: usize,
    each: impl Fn(&mut Reader<'a>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let count = body.count(size)?;
    (0..count).map(|_| each(body)).collect()
}

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
