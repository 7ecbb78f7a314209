//! The bodies of the frames that look at what the server has: kinds 0x28 to 0x2a, in both
//! directions.
//!
//! | kind | request | reply |
//! | --- | --- | --- |
//! | 28 Inspect | id, part `u32` (0 none, 1 all, 2 span, 3 the last), two `u64` (first and last, or how many and 0), `u32` and `u64` (1 and a version, or 0 and 0) | id, size, length, version, changed, left and first `u64`, data; a time that there is not is 2^64 - 1 |
//! | 29 Replace | id, condition `u32` (0 any, 1 one of, 2 none of), versions (a sequence of `u64`), data | id, length `u64`, version `u64` |
//! | 2a List | what `u32` (0 leases, 1 sessions, 2 connections) | what, total `u64`, columns (a sequence of strings), values (one sequence of strings, row by row) |
//!
//! **Invariants** as in [`crate::protocol::frame::body`]: what is put is taken as the same.
//!
//! **Lock** none. **Source** [`crate::message::resource`].

use std::borrow::Cow;

use crate::message::resource::{Condition, Inspection, Listed, Listing, Part};
use crate::message::{Reply, Request};
use crate::protocol::cdr::{Malformed, Reader, Writer};
use crate::protocol::frame::body::{put_all, put_id, take_all, take_id};

pub const INSPECT: u8 = 0x28;
pub const REPLACE: u8 = 0x29;
pub const LIST: u8 = 0x2a;

/// Stands for a time that there is not.
const NEVER: u64 = u64::MAX;

/// The least bytes of a string: its length, and its NUL.
const LEAST_STRING: usize = 5;

/// Writes one of these requests' bodies.
pub fn put_request(request: &Request<'_>, out: &mut Writer<'_>) {
    match request {
        Request::Inspect { id, part, if_version } => {
            put_id(*id, out);
            let (kind, first, second) = match *part {
                Part::None => (0, 0, 0),
                Part::All => (1, 0, 0),
                Part::Span { first, last } => (2, first, last),
                Part::Last(count) => (3, count, 0),
            };
            out.u32(kind);
            out.u64(first);
            out.u64(second);
            out.u32(u32::from(if_version.is_some()));
            out.u64(if_version.unwrap_or(0));
        }
        Request::Replace { id, condition, data } => {
            put_id(*id, out);
            let (kind, versions) = match &**condition {
                Condition::Any => (0, &[][..]),
                Condition::OneOf(versions) => (1, &versions[..]),
                Condition::NoneOf(versions) => (2, &versions[..]),
            };
            out.u32(kind);
            put_all(versions, out, |&version, out| out.u64(version));
            out.count(data.len());
            out.octets(data);
        }
        Request::List { what } => out.u32(*what as u32),
        _ => {}
    }
}

/// Reads the body of one of these kinds; `None` for none of them.
pub fn take_request<'a>(kind: u8, body: &mut Reader<'a>) -> Option<Result<Request<'a>, Malformed>> {
    Some(match kind {
        INSPECT => take_inspect(body),
        REPLACE => take_replace(body),
        LIST => take_listed(body).map(|what| Request::List { what }),
        _ => return None,
    })
}

fn take_inspect<'a>(body: &mut Reader<'_>) -> Result<Request<'a>, Malformed> {
    let id = take_id(body)?;
    let part = match (body.u32()?, body.u64()?, body.u64()?) {
        (0, 0, 0) => Part::None,
        (1, 0, 0) => Part::All,
        (2, first, last) if first <= last => Part::Span { first, last },
        (3, count, 0) => Part::Last(count),
        _ => return Err(Malformed("asks for a part that is none")),
    };
    let if_version = match (body.u32()?, body.u64()?) {
        (0, 0) => None,
        (1, version) => Some(version),
        _ => return Err(Malformed("has a version that is neither there nor left out")),
    };
    Ok(Request::Inspect { id, part, if_version })
}

fn take_replace<'a>(body: &mut Reader<'a>) -> Result<Request<'a>, Malformed> {
    let (id, kind) = (take_id(body)?, body.u32()?);
    let versions = take_all(body, size_of::<u64>(), Reader::u64)?;
    let condition = match kind {
        0 if versions.is_empty() => Condition::Any,
        1 => Condition::OneOf(versions),
        2 => Condition::NoneOf(versions),
        _ => return Err(Malformed("has a condition that is none of 0, 1 and 2")),
    };
    let (condition, data) = (condition.into(), Cow::Borrowed(body.sequence()?));
    Ok(Request::Replace { id, condition, data })
}

fn take_listed(body: &mut Reader<'_>) -> Result<Listed, Malformed> {
    let number = body.u32()? as usize;
    Listed::ALL.get(number).copied().ok_or(Malformed("asks for a list that there is not"))
}

/// Writes one of these replies' bodies, but for the data of an inspection: `data` bytes, which
/// the caller appends.
pub fn put_reply(reply: &Reply<'_>, data: usize, out: &mut Writer<'_>) {
    match reply {
        Reply::Inspected(inspection) => {
            let Inspection { id, size, length, version, changed_ms, left_ms, first, .. } =
                &**inspection;
            put_id(*id, out);
            let (changed, left) = (changed_ms.unwrap_or(NEVER), left_ms.unwrap_or(NEVER));
            for number in [*size, *length, *version, changed, left, *first] {
                out.u64(number);
            }
            out.count(data);
        }
        Reply::Replaced { id, length, version } => {
            put_id(*id, out);
            out.u64(*length);
            out.u64(*version);
        }
        Reply::List(listing) => {
            out.u32(listing.what as u32);
            out.u64(listing.total);
            put_all(&listing.columns, out, |column, out| out.string(column));
            let values: Vec<&String> = listing.rows.iter().flatten().collect();
            put_all(&values, out, |value, out| out.string(value));
        }
        _ => {}
    }
}

/// Reads the body of the reply to one of these kinds; `None` for none of them.
pub fn take_reply(kind: u8, body: &mut Reader<'_>) -> Option<Result<Reply<'static>, Malformed>> {
    Some(match kind {
        INSPECT => take_inspection(body),
        REPLACE => take_id(body)
            .and_then(|id| Ok(Reply::Replaced { id, length: body.u64()?, version: body.u64()? })),
        LIST => take_listing(body),
        _ => return None,
    })
}

fn take_inspection(body: &mut Reader<'_>) -> Result<Reply<'static>, Malformed> {
    let (id, size, length, version) = (take_id(body)?, body.u64()?, body.u64()?, body.u64()?);
    let time = |ms| Some(ms).filter(|&ms| ms != NEVER);
    let (changed_ms, left_ms, first) = (time(body.u64()?), time(body.u64()?), body.u64()?);
    let data = body.sequence()?.to_vec();
    let inspection = Inspection { id, size, length, version, changed_ms, left_ms, first, data };
    Ok(Reply::Inspected(Box::new(inspection)))
}

fn take_listing(body: &mut Reader<'_>) -> Result<Reply<'static>, Malformed> {
    let (what, total) = (take_listed(body)?, body.u64()?);
    let string = |body: &mut Reader<'_>| body.string().map(str::to_string);
    let columns: Vec<Cow<'static, str>> =
        take_all(body, LEAST_STRING, |body| string(body).map(Cow::Owned))?;
    let values = take_all(body, LEAST_STRING, string)?;
    if columns.is_empty() || values.len() % columns.len() != 0 {
        return Err(Malformed("has a list whose rows are not as long as its columns"));
    }
    let rows = values.chunks(columns.len()).map(<[String]>::to_vec).collect();
    Ok(Reply::List(Box::new(Listing { what, total, columns, rows })))
}
