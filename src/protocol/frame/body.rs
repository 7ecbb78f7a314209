//! What stands in a frame behind its header: one line for each request, in both directions; the
//! replies' are in [`crate::protocol::frame::answer`].
//!
//! ```text
//!   Request ── put_request ──► body ── take_request ──► Request       a client, the server
//! ```
//!
//! **Invariants** what is put is taken as the same; a body that is too short or too long
//! for its kind is [`Malformed`].
//!
//! **Lock** none. **Source** the table of [`super`].

use std::borrow::Cow;

use crate::message::{Code, Error, IdKind, LeaseId, Request, Rows};
use crate::protocol::cdr::{Malformed, Reader, Writer};
use crate::protocol::frame::{malformed, process, resource, session};

pub const DRAW: u8 = 0x01;
pub(super) const TABLE: u8 = 0x02;
pub(super) const LEASE: u8 = 0x03;
pub(super) const SET: u8 = 0x04;
pub(super) const GET: u8 = 0x05;
pub(super) const RENEW: u8 = 0x06;
pub(super) const TTL: u8 = 0x07;
pub(super) const RELEASE: u8 = 0x08;
pub(super) const STATS: u8 = 0x09;
pub(super) const TREE: u8 = 0x0a;
pub(super) const PARKED: u8 = 0x0b;
pub(super) const STEP: u8 = 0x0c;
pub(super) const HELP: u8 = 0x0d;
pub(super) const QUIT: u8 = 0x0e;

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
        Request::Inspect { .. } => resource::INSPECT,
        Request::Replace { .. } => resource::REPLACE,
        Request::List { .. } => resource::LIST,
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
                Rows::Last => 3,
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
        Request::Inspect { .. } | Request::Replace { .. } | Request::List { .. } => {
            resource::put_request(request, out);
        }
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
            let other = process::take_request(kind, body)
                .or_else(|| session::take_request(kind, body))
                .or_else(|| resource::take_request(kind, body));
            match other {
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
        3 => Rows::Last,
        _ => return Err(Malformed("asks for rows that are none of 0 to 3")),
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

pub(super) fn put_all<T>(items: &[T], out: &mut Writer<'_>, each: impl Fn(&T, &mut Writer<'_>)) {
    out.count(items.len());
    items.iter().for_each(|item| each(item, out));
}

/// A sequence of elements of at least `size` bytes each.
pub(super) fn take_all<'a, T>(
    body: &mut Reader<'a>,
    size: usize,
    each: impl Fn(&mut Reader<'a>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let count = body.count(size)?;
    (0..count).map(|_| each(body)).collect()
}
