//! The bodies of cooperative memory's frames, with their kinds.
//!
//! | kind | request | kind | reply |
//! | --- | --- | --- | --- |
//! | 0f Join | name string, committed optional | 8f Joined | ID |
//! | 10 Attach | ID | 90 Attached | name string |
//! | 11 Leave | | 91 Left | name string |
//! | 12 Report | freeable `u64`, efficiency optional | 92 Reported | |
//! | 13 Request | size `u64`, reason `u32`, freeable optional, wait `u64`, why `u32` | 93 Granted | ID, size `u64`, pool `u32`, boxes string, empty unless asked |
//! | 14 Return | ID | 94 Returned | amounts |
//! | 15 Reuse | size `u64` | 95 Reused | size `u64` |
//! | 16 Owed | | 96 Owed | amounts |
//! | 17 Wait | ms optional | 97 Signal | signal `u32`: 0 none; 1 collect: size `u64`, level `u32` 1 to 3, ms `u64`; 2 status; 3 granted: ID, size `u64`, pool `u32`; 4 to 11: `frame/session.rs` |
//! | 18 Pools | | 98 Pools | sequence of pool `u32`, size, free, freeable `u64`; some10, some60, all10, all60 `u32` in 0.01 % |
//! | 19 Accounts | | 99 Accounts | sequence of name string, freeable, secured `u64`, efficiency optional, asked, obeyed `u64`, holds, owes, may amounts |
//!
//! A pool is 0 committed, 1 gl, 2 gp, 3 le, 4 lp; amounts are five `u64` in that order. A reason is 0
//! committed, 1 efficiency, 2 urgent-efficiency, 3 pause, 4 out-of-memory. An optional is a
//! `u32`, 0 or 1, and a `u64` that means something after 1.
//!
//! **Invariants** as [`crate::protocol::frame::body`]. **Lock** none. **Source** [`crate::cooperative::words`].

use crate::cooperative::words::{
    Account, Amounts, Granted, Level, Pool, PoolState, Pressure, Reason, Signal, Wanted,
};
use crate::message::{Reply, Request};
use crate::protocol::cdr::{Malformed, Reader, Writer};
use crate::protocol::frame::body::{put_all, put_id, take_all, take_id};
use crate::protocol::frame::session::{put_notice, take_notice};

pub const JOIN: u8 = 0x0f;
pub const ATTACH: u8 = 0x10;
pub const LEAVE: u8 = 0x11;
pub const REPORT: u8 = 0x12;
pub const REQUEST: u8 = 0x13;
pub const RETURN: u8 = 0x14;
pub const REUSE: u8 = 0x15;
pub const OWED: u8 = 0x16;
pub const WAIT: u8 = 0x17;
pub const POOLS: u8 = 0x18;
pub const ACCOUNTS: u8 = 0x19;

fn put_optional(value: Option<u64>, out: &mut Writer<'_>) {
    out.u32(u32::from(value.is_some()));
    out.u64(value.unwrap_or(0));
}

fn take_optional(body: &mut Reader<'_>) -> Result<Option<u64>, Malformed> {
    match (body.u32()?, body.u64()?) {
        (0, _) => Ok(None),
        (1, value) => Ok(Some(value)),
        _ => Err(Malformed("has an optional that is neither there nor left out")),
    }
}

/// What no byte holds is no percentage, which the service says.
fn take_percent(body: &mut Reader<'_>) -> Result<Option<u8>, Malformed> {
    Ok(take_optional(body)?.map(|percent| u8::try_from(percent).unwrap_or(u8::MAX)))
}

fn put_amounts(amounts: &Amounts, out: &mut Writer<'_>) {
    Pool::ALL.into_iter().for_each(|pool| out.u64(amounts[pool]));
}

fn take_amounts(body: &mut Reader<'_>) -> Result<Amounts, Malformed> {
    let mut amounts = Amounts::default();
    for pool in Pool::ALL {
        amounts[pool] = body.u64()?;
    }
    match Pool::ALL.into_iter().try_fold(0_u64, |sum, pool| sum.checked_add(amounts[pool])) {
        Some(_) => Ok(amounts),
        None => Err(Malformed("has amounts beyond 64 bits")),
    }
}

fn take_pool(body: &mut Reader<'_>) -> Result<Pool, Malformed> {
    let number = body.u32()? as usize;
    Pool::ALL.get(number).copied().ok_or(Malformed("has a pool of no known number"))
}

/// Writes one of these requests' bodies.
pub fn put_request(request: &Request<'_>, out: &mut Writer<'_>) {
    match request {
        Request::Join { name, committed } => {
            out.string(name);
            put_optional(*committed, out);
        }
        Request::Attach { token: id } | Request::Return { id } => put_id(*id, out),
        Request::Report { freeable, efficiency } => {
            out.u64(*freeable);
            put_optional(efficiency.map(u64::from), out);
        }
        Request::Grant(Wanted { size, reason, freeable, wait_ms, why }) => {
            out.u64(*size);
            out.u32(*reason as u32);
            put_optional(*freeable, out);
            out.u64(*wait_ms);
            out.u32(u32::from(*why));
        }
        Request::Reuse { size } => out.u64(*size),
        Request::Wait { ms } => put_optional(*ms, out),
        _ => {}
    }
}

/// Reads the body of one of these kinds; `None` for none of them.
pub fn take_request<'a>(kind: u8, body: &mut Reader<'a>) -> Option<Result<Request<'a>, Malformed>> {
    Some(match kind {
        JOIN => take_join(body),
        ATTACH => take_id(body).map(|token| Request::Attach { token }),
        LEAVE => Ok(Request::Leave),
        REPORT => take_report(body),
        REQUEST => take_wanted(body).map(Request::Grant),
        RETURN => take_id(body).map(|id| Request::Return { id }),
        REUSE => body.u64().map(|size| Request::Reuse { size }),
        OWED => Ok(Request::Owed),
        WAIT => take_optional(body).map(|ms| Request::Wait { ms }),
        POOLS => Ok(Request::Pools),
        ACCOUNTS => Ok(Request::Accounts),
        _ => return None,
    })
}

fn take_join<'a>(body: &mut Reader<'a>) -> Result<Request<'a>, Malformed> {
    Ok(Request::Join { name: body.string()?.into(), committed: take_optional(body)? })
}

fn take_report<'a>(body: &mut Reader<'_>) -> Result<Request<'a>, Malformed> {
    Ok(Request::Report { freeable: body.u64()?, efficiency: take_percent(body)? })
}

fn take_wanted(body: &mut Reader<'_>) -> Result<Wanted, Malformed> {
    let (size, reason) = (body.u64()?, body.u32()? as usize);
    let reason = Reason::ALL.get(reason).copied();
    let reason = reason.ok_or(Malformed("has a reason of no known number"))?;
    let (freeable, wait_ms) = (take_optional(body)?, body.u64()?);
    let why = match body.u32()? {
        0 => false,
        1 => true,
        _ => return Err(Malformed("asks why with neither 0 nor 1")),
    };
    Ok(Wanted { size, reason, freeable, wait_ms, why })
}

/// Writes one of these replies' bodies.
pub fn put_reply(reply: &Reply<'_>, out: &mut Writer<'_>) {
    match reply {
        Reply::Joined { token } => put_id(*token, out),
        Reply::Attached { name } | Reply::Left { name } => out.string(name),
        Reply::Granted(granted) => {
            put_id(granted.id, out);
            out.u64(granted.size);
            out.u32(granted.pool as u32);
            out.string(granted.by.as_deref().unwrap_or(""));
        }
        Reply::Returned(amounts) | Reply::Owed(amounts) => put_amounts(amounts, out),
        Reply::Reused { size } => out.u64(*size),
        Reply::Signal(signal) => put_signal(signal.as_ref(), out),
        Reply::Pools(pools, pressure) => {
            put_all(pools, out, |state, out| {
                out.u32(state.pool as u32);
                [state.size, state.free, state.freeable].into_iter().for_each(|n| out.u64(n));
            });
            pressure.figures().into_iter().for_each(|(_, share)| out.u32(share));
        }
        Reply::Accounts(accounts) => put_all(accounts, out, put_account),
        _ => {}
    }
}

fn put_signal(signal: Option<&Signal>, out: &mut Writer<'_>) {
    match signal {
        None => out.u32(0),
        Some(Signal::Collect { size, level, within_ms }) => {
            out.u32(1);
            out.u64(*size);
            out.u32(level.number().into());
            out.u64(*within_ms);
        }
        Some(Signal::Notice(notice)) => put_notice(notice, out),
        Some(Signal::Status) => out.u32(2),
        Some(Signal::Granted { id, size, pool }) => {
            out.u32(3);
            put_id(*id, out);
            out.u64(*size);
            out.u32(*pool as u32);
        }
    }
}

fn put_account(account: &Account, out: &mut Writer<'_>) {
    out.string(&account.name);
    out.u64(account.freeable);
    out.u64(account.secured);
    put_optional(account.efficiency.map(u64::from), out);
    out.u64(account.asked);
    out.u64(account.obeyed);
    [account.holds, account.owes, account.may].iter().for_each(|amounts| put_amounts(amounts, out));
}

/// Reads the body of the reply to one of these kinds; `None` for none of them.
pub fn take_reply(kind: u8, body: &mut Reader<'_>) -> Option<Result<Reply<'static>, Malformed>> {
    Some(match kind {
        JOIN => take_id(body).map(|token| Reply::Joined { token }),
        ATTACH => body.string().map(|name| Reply::Attached { name: name.to_string() }),
        LEAVE => body.string().map(|name| Reply::Left { name: name.to_string() }),
        REPORT => Ok(Reply::Reported),
        REQUEST => take_granted(body).map(|granted| Reply::Granted(granted.into())),
        RETURN => take_amounts(body).map(|amounts| Reply::Returned(amounts.into())),
        REUSE => body.u64().map(|size| Reply::Reused { size }),
        OWED => take_amounts(body).map(|amounts| Reply::Owed(amounts.into())),
        WAIT => take_signal(body).map(Reply::Signal),
        POOLS => take_pools(body),
        // A name, 20 numbers of 8 bytes.
        ACCOUNTS => take_all(body, 160, take_account).map(Reply::Accounts),
        _ => return None,
    })
}

fn take_granted(body: &mut Reader<'_>) -> Result<Granted, Malformed> {
    let (id, size, pool) = (take_id(body)?, body.u64()?, take_pool(body)?);
    let by = Some(body.string()?.to_string()).filter(|by| !by.is_empty());
    Ok(Granted { id, size, pool, by })
}

fn take_signal(body: &mut Reader<'_>) -> Result<Option<Signal>, Malformed> {
    Ok(Some(match body.u32()? {
        0 => return Ok(None),
        1 => {
            let (size, number) = (body.u64()?, body.u32()?);
            let level = Level::ALL.into_iter().find(|level| u32::from(level.number()) == number);
            let level = level.ok_or(Malformed("has a level of no known number"))?;
            Signal::Collect { size, level, within_ms: body.u64()? }
        }
        2 => Signal::Status,
        3 => Signal::Granted { id: take_id(body)?, size: body.u64()?, pool: take_pool(body)? },
        number => Signal::Notice(take_notice(number, body)?),
    }))
}

fn take_pools(body: &mut Reader<'_>) -> Result<Reply<'static>, Malformed> {
    let pools = take_all(body, 28, |body| {
        let pool = take_pool(body)?;
        Ok(PoolState { pool, size: body.u64()?, free: body.u64()?, freeable: body.u64()? })
    })?;
    let (some_10, some_60) = (body.u32()?, body.u32()?);
    let (all_10, all_60) = (body.u32()?, body.u32()?);
    Ok(Reply::Pools(pools, Pressure { some_10, some_60, all_10, all_60 }))
}

fn take_account(body: &mut Reader<'_>) -> Result<Account, Malformed> {
    Ok(Account {
        name: body.string()?.to_string(),
        freeable: body.u64()?,
        secured: body.u64()?,
        efficiency: take_percent(body)?,
        asked: body.u64()?,
        obeyed: body.u64()?,
        holds: take_amounts(body)?,
        owes: take_amounts(body)?,
        may: take_amounts(body)?,
    })
}
