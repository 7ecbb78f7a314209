//! The lines of cooperative memory: what a process asks, and what it is told.
//!
//! | request | reply |
//! | --- | --- |
//! | `join NAME [COMMITTED]` | `joined TOKEN` |
//! | `attach TOKEN` · `leave` | `attached NAME` · `left NAME` |
//! | `report FREEABLE [EFFICIENCY]` | `reported` |
//! | `request SIZE REASON [freeable=N] [wait=MS] [why]` | `granted ID SIZE POOL`, and with `why` the boxes: ` by 800-801-802-…` |
//! | `return ID` | `returned SIZE lp=… le=… gp=… gl=… committed=…`: what it repaid |
//! | `reuse SIZE` | `reused SIZE`, or who is owed |
//! | `owed` | `owed lp=… le=… gp=… gl=…` |
//! | `wait [MS]` | a signal, or `none` after MS (30,000): `collect SIZE LEVEL MS` · `status` · `granted ID SIZE POOL`, and those of [`crate::protocol::text::session`] |
//! | `pools` | `pools committed=SIZE:FREE:FREEABLE gl=… gp=… le=… lp=… some10=… some60=… all10=… all60=…` |
//! | `accounts` | `accounts`, and for each process `name=… freeable=… secured=… efficiency=… asked=… obeyed=… committed=HOLDS:OWES:MAY gl=… gp=… le=… lp=…` |
//!
//! Sizes are bytes of blocks: SIZE in a reply is the request rounded up to a power of two.
//! REASON is `committed`, `efficiency`, `urgent-efficiency`, `pause` or `out-of-memory`;
//! EFFICIENCY is 0 to 100, and `-` in an account when it was never reported. LEVEL is 1 (a
//! pool is low), 2 (another process waits) or 3 (it pauses or ends without). `some10` is the
//! share of the last 10 s, in percent, in which some process waited for memory, `all60` that of the
//! last 60 s in which all did.
//!
//! ```text
//!   > join demo                         > request 1000 pause freeable=4000 why
//!   < joined 5b1d…                      < granted 77f0… 1024 lp by 800-801-802-812-900-902-904-908
//! ```
//!
//! **Invariants** one reply a line; an account begins with its name.
//!
//! **Lock** none. **Source** `cooperative-memory-management.txt`, in the shape of the other
//! lines.

use std::borrow::Cow;

use crate::cooperative::repayment::ORDER;
use crate::cooperative::words::{
    Account, Amounts, Granted, Pool, PoolState, Reason, Signal, Wanted,
};
use crate::message::{Code, Error, LeaseId, Reply, Request, parse_decimal};
use crate::protocol::output::Output;
use crate::protocol::text::line;
use crate::protocol::text::session::encode_notice;
use crate::protocol::text::words::{Words, key, number, optional, usage, words};

const JOIN: u64 = key(b"join");
const ATTACH: u64 = key(b"attach");
const LEAVE: u64 = key(b"leave");
const REPORT: u64 = key(b"report");
const REQUEST: u64 = key(b"request");
const RETURN: u64 = key(b"return");
const REUSE: u64 = key(b"reuse");
const OWED: u64 = key(b"owed");
const WAIT: u64 = key(b"wait");
const POOLS: u64 = key(b"pools");
const ACCOUNTS: u64 = key(b"accounts");

const REQUEST_FORM: &str = "request SIZE REASON [freeable=N] [wait=MS] [why]";

/// Reads the rest of a line whose command has that key; `None` for none of these commands.
pub(super) fn parse(command: u64, rest: Words<'_>) -> Option<Result<Request<'_>, Error>> {
    Some(match command {
        JOIN => parse_join(rest),
        ATTACH => words(rest, "attach TOKEN")
            .and_then(|[token]| Ok(Request::Attach { token: LeaseId::parse(token)? })),
        LEAVE => words(rest, "leave").map(|[]| Request::Leave),
        REPORT => parse_report(rest),
        REQUEST => parse_request(rest),
        RETURN => words(rest, "return ID")
            .and_then(|[id]| Ok(Request::Return { id: LeaseId::parse(id)? })),
        REUSE => {
            words(rest, "reuse SIZE").and_then(|[size]| Ok(Request::Reuse { size: number(size)? }))
        }
        OWED => words(rest, "owed").map(|[]| Request::Owed),
        WAIT => optional(rest, "wait [MS]")
            .and_then(|ms| Ok(Request::Wait { ms: ms.map(number).transpose()? })),
        POOLS => words(rest, "pools").map(|[]| Request::Pools),
        ACCOUNTS => words(rest, "accounts").map(|[]| Request::Accounts),
        _ => return None,
    })
}

fn parse_join(rest: Words<'_>) -> Result<Request<'_>, Error> {
    const FORM: &str = "join NAME [COMMITTED]";
    let (name, rest) = rest.next();
    if name.is_empty() {
        return Err(usage(FORM));
    }
    let committed = optional(rest, FORM)?.map(number).transpose()?;
    // What is no text is no name either, which the service says.
    Ok(Request::Join { name: String::from_utf8_lossy(name), committed })
}

fn parse_report<'a>(rest: Words<'_>) -> Result<Request<'a>, Error> {
    const FORM: &str = "report FREEABLE [EFFICIENCY]";
    let (freeable, rest) = rest.next();
    if freeable.is_empty() {
        return Err(usage(FORM));
    }
    let efficiency = optional(rest, FORM)?.map(number).transpose()?;
    // What no byte holds is no percentage either, which the service says.
    let efficiency = efficiency.map(|percent| u8::try_from(percent).unwrap_or(u8::MAX));
    Ok(Request::Report { freeable: number(freeable)?, efficiency })
}

fn parse_request<'a>(rest: Words<'_>) -> Result<Request<'a>, Error> {
    let (size, rest) = rest.next();
    let (reason, mut rest) = rest.next();
    if reason.is_empty() {
        return Err(usage(REQUEST_FORM));
    }
    let is_reason = |known: &Reason| known.word().as_bytes().eq_ignore_ascii_case(reason);
    let reason = Reason::ALL.into_iter().find(is_reason).ok_or_else(|| {
        let text = "a reason is committed, efficiency, urgent-efficiency, pause or out-of-memory; give one";
        Error::new(Code::BadRequest, text)
    })?;
    let (mut freeable, mut wait_ms, mut why) = (None, None, false);
    loop {
        let word;
        (word, rest) = rest.next();
        let named = |name: &str| {
            let (first, value) = word.split_at_checked(name.len())?;
            first.eq_ignore_ascii_case(name.as_bytes()).then(|| parse_decimal(value))
        };
        match word {
            [] if rest.is_over() => break,
            word if word.eq_ignore_ascii_case(b"why") && !why => why = true,
            _ => match (named("freeable="), named("wait=")) {
                (Some(Some(bytes)), _) if freeable.is_none() => freeable = Some(bytes),
                (_, Some(Some(ms))) if wait_ms.is_none() => wait_ms = Some(ms),
                _ => return Err(usage(REQUEST_FORM)),
            },
        }
    }
    let wait_ms = wait_ms.unwrap_or(0);
    Ok(Request::Grant(Wanted { size: number(size)?, reason, freeable, wait_ms, why }))
}

/// Appends one of these replies, without its line end.
pub(super) fn encode(reply: &Reply<'_>, out: &mut Output) {
    match reply {
        Reply::Joined { token } => line(out, format_args!("joined {token}")),
        Reply::Attached { name } => line(out, format_args!("attached {name}")),
        Reply::Left { name } => line(out, format_args!("left {name}")),
        Reply::Reported => line(out, format_args!("reported")),
        Reply::Granted(granted) => {
            let Granted { id, size, pool, by } = &**granted;
            line(out, format_args!("granted {id} {size} {}", pool.word()));
            by.iter().for_each(|by| line(out, format_args!(" by {by}")));
        }
        Reply::Returned(refill) => {
            line(out, format_args!("returned {}", refill.total()));
            debts(refill, out);
            line(out, format_args!(" committed={}", refill[Pool::Committed]));
        }
        Reply::Reused { size } => line(out, format_args!("reused {size}")),
        Reply::Owed(owed) => {
            line(out, format_args!("owed"));
            debts(owed, out);
        }
        Reply::Signal(signal) => encode_signal(signal.as_ref(), out),
        Reply::Pools(pools, pressure) => {
            line(out, format_args!("pools"));
            for PoolState { pool, size, free, freeable } in pools {
                line(out, format_args!(" {}={size}:{free}:{freeable}", pool.word()));
            }
            for (name, share) in pressure.figures() {
                line(out, format_args!(" {name}={}.{:02}", share / 100, share % 100));
            }
        }
        Reply::Accounts(accounts) => {
            line(out, format_args!("accounts"));
            accounts.iter().for_each(|account| encode_account(account, out));
        }
        other => debug_assert!(false, "{other:?} is none of these"),
    }
}

fn debts(amounts: &Amounts, out: &mut Output) {
    for pool in ORDER.into_iter().filter(|&pool| pool != Pool::Committed) {
        line(out, format_args!(" {}={}", pool.word(), amounts[pool]));
    }
}

fn encode_signal(signal: Option<&Signal>, out: &mut Output) {
    match signal {
        None => line(out, format_args!("none")),
        Some(Signal::Notice(notice)) => encode_notice(notice, out),
        Some(Signal::Status) => line(out, format_args!("status")),
        Some(Signal::Collect { size, level, within_ms }) => {
            line(out, format_args!("collect {size} {} {within_ms}", level.number()));
        }
        Some(Signal::Granted { id, size, pool }) => {
            line(out, format_args!("granted {id} {size} {}", pool.word()));
        }
    }
}

fn encode_account(account: &Account, out: &mut Output) {
    let Account { name, freeable, secured, efficiency, asked, obeyed, holds, owes, may } = account;
    let efficiency = efficiency.map_or(Cow::Borrowed("-"), |percent| percent.to_string().into());
    line(
        out,
        format_args!(
            " name={name} freeable={freeable} secured={secured} efficiency={efficiency} \
             asked={asked} obeyed={obeyed}"
        ),
    );
    for pool in Pool::ALL {
        let (holds, owes, may) = (holds[pool], owes[pool], may[pool]);
        line(out, format_args!(" {}={holds}:{owes}:{may}", pool.word()));
    }
}
