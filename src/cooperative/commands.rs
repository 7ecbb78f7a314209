//! The commands of this chapter: what a process asks of the memory manager. Each is a row, and the
//! function that carries it out. In text:
//!
//! | request | reply |
//! | --- | --- |
//! | `attach TOKEN` · `leave` | `attached NAME` · `left NAME` |
//! | `report FREEABLE [EFFICIENCY]` | `reported` |
//! | `request SIZE REASON [freeable=N] [wait=MS] [why]` | `granted ID SIZE POOL`; with `why` also ` by 800-801-802-…`, the boxes of the decision |
//! | `return ID` | `returned SIZE lp=… le=… gp=… gl=… committed=…`: what it repaid |
//! | `reuse SIZE` | `reused SIZE`, or an error that says which pools it owes |
//! | `owed` | `owed lp=… le=… gp=… gl=…` |
//! | `pools` | `pools committed=SIZE:FREE:FREEABLE gl=… gp=… le=… lp=… some10=… some60=… all10=… all60=…` |
//! | `accounts` | `accounts`, and for each process `name=… freeable=… secured=… efficiency=… asked=… obeyed=… committed=HOLDS:OWES:MAY gl=… gp=… le=… lp=…` |
//!
//! Sizes are bytes of blocks: SIZE in a reply is the request rounded up to a power of two. REASON is
//! `committed`, `efficiency`, `urgent-efficiency`, `pause` or `out-of-memory`. EFFICIENCY is 0 to
//! 100, and `-` in an account when it was never reported. `some10` is the share of the last 10 s, in
//! percent, in which some process waited for memory; `all60` is that of the last 60 s in which all
//! processes waited.
//!
//! ```text
//!   > join demo                         > request 1000 pause freeable=4000 why
//!   < joined 5b1d…                      < granted 77f0… 1024 lp by 800-801-802-812-900-902-904-908
//! ```
//!
//! **Source** `cooperative-memory-management.txt`, in the shape of the other lines.

use std::borrow::Cow;
use std::time::Instant;

use super::repayment::ORDER;
use super::waiting::make_room_for;
use super::words::{
    Account, Amounts, Granted, Pool, PoolState, Pressure, ProcessToken, Reason, Wanted,
};
use crate::common::caller::Caller;
use crate::common::description::{
    Answer, Command, Execute, Field, Message, Sink, Source, command, reply,
};
use crate::common::error::{Error, Malformed};
use crate::common::id::{LeaseId, parse_decimal};
use crate::common::line::{Line, put};
use crate::server::shared::Shared;

command! {
    /// Makes this connection one more of a process.
    0x10 "attach TOKEN" Attach -> Attached {
        /// What its join was answered with.
        token: ProcessToken,
    }
}

reply! {
    /// The connection belongs to a process.
    0x90 "attached" Attached {
        /// The process's name.
        name: String,
    }
}

impl Execute<Shared> for Attach {
    type Done = Attached;

    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Result<Attached, Error> {
        let name =
            shared.memory.change(|tables, now| tables.processes.attach(caller, self.token, now))?;
        Ok(Attached { name })
    }
}

command! {
    /// Ends the process that this connection belongs to.
    0x11 "leave" Leave -> Left
}

reply! {
    /// A process ended.
    0x91 "left" Left {
        /// Its name.
        name: String,
    }
}

command! {
    /// Says how the process is.
    0x12 "report FREEABLE [EFFICIENCY]" Report -> Reported {
        /// Bytes of garbage that it could return after a collection.
        freeable: u64,
        /// The share of the examined bytes that its last collection freed, in percent.
        efficiency: Option<u8>,
    }
}

reply! {
    /// The report was taken.
    0x92 "reported" Reported
}

impl Execute<Shared> for Report {
    type Done = Reported;

    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Result<Reported, Error> {
        let &Report { freeable, efficiency } = self;
        shared.memory.change(|tables, now| {
            tables.manager().report(caller.client, freeable, efficiency, now)
        })?;
        Ok(Reported)
    }
}

/// `request SIZE REASON [freeable=N] [wait=MS] [why]`: asks for memory.
impl<'a> Message<'a> for Wanted {
    const WORDS: (usize, usize) = (2, 5);

    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        let size = source.u64()?;
        let reason = Reason::read(source)?;
        let asked = Wanted { size, reason, freeable: None, wait_ms: 0, why: false };
        if let Some(word) = source.word() {
            return options(asked, word, source);
        }
        let (freeable, wait_ms) = (source.optional()?, source.u64()?);
        let why = match source.u32()? {
            0 => false,
            1 => true,
            _ => return Err(Malformed("asks why with neither 0 nor 1").into()),
        };
        Ok(Wanted { freeable, wait_ms, why, ..asked })
    }

    fn write(&self, sink: &mut impl Sink) {
        sink.u64("size", self.size);
        self.reason.write("reason", sink);
        sink.optional("freeable", self.freeable);
        sink.u64("wait_ms", self.wait_ms);
        sink.u32("why", self.why.into());
    }
}

impl Command<'_> for Wanted {
    const KIND: u8 = 0x13;
    const FORM: &'static str = "request SIZE REASON [freeable=N] [wait=MS] [why]";
    type Reply = Box<Granted>;
}

/// The options of a text, in any order, each once; `word` is the first.
fn options<'a>(
    mut wanted: Wanted,
    mut word: &'a [u8],
    source: &mut impl Source<'a>,
) -> Result<Wanted, Error> {
    let mut wait_ms = None;
    while !word.is_empty() {
        let named = |name: &str| {
            let (first, value) = word.split_at_checked(name.len())?;
            first.eq_ignore_ascii_case(name.as_bytes()).then(|| parse_decimal(value))
        };
        match (named("freeable="), named("wait=")) {
            (Some(Some(bytes)), _) if wanted.freeable.is_none() => wanted.freeable = Some(bytes),
            (_, Some(Some(ms))) if wait_ms.is_none() => wait_ms = Some(ms),
            _ if word.eq_ignore_ascii_case(b"why") && !wanted.why => wanted.why = true,
            _ => return Err(Error::wrong_words(Wanted::FORM)),
        }
        word = source.word().unwrap_or_default();
    }
    Ok(Wanted { wait_ms: wait_ms.unwrap_or(0), ..wanted })
}

impl<'a> Message<'a> for Granted {
    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        let (id, size, pool) = (source.id()?, source.u64()?, Pool::read(source)?);
        let by = Some(source.text()?.into_owned()).filter(|by| !by.is_empty());
        Ok(Granted { id, size, pool, by })
    }

    fn write(&self, sink: &mut impl Sink) {
        sink.id("id", self.id);
        sink.u64("size", self.size);
        self.pool.write("pool", sink);
        sink.text("by", self.by.as_deref().unwrap_or_default());
    }
}

impl Answer<'_> for Granted {
    const KIND: u8 = 0x93;
    const WORD: &'static str = "granted";

    fn line(&self, out: &mut Vec<u8>) {
        let Granted { id, size, pool, by } = self;
        put(out, format_args!("granted {id} {size} {}", pool.word()));
        if let Some(by) = by {
            put(out, format_args!(" by {by}"));
        }
    }
}

impl Execute<Shared> for Wanted {
    type Done = Box<Granted>;

    fn execute(
        &self,
        shared: &Shared,
        caller: Caller,
        _: &mut Vec<u8>,
    ) -> Result<Box<Granted>, Error> {
        shared.memory.reap_all(Instant::now());
        shared.memory.change(|tables, now| {
            make_room_for(tables, self);
            tables.manager().request(caller.client, self, now).map(Box::new)
        })
    }
}

command! {
    /// Gives a granted block back.
    0x14 "return ID" Return -> Box<Repaid> {
        /// The block.
        id: LeaseId,
    }
}

/// What came back to each pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repaid(pub Amounts);

impl<'a> Message<'a> for Repaid {
    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        Ok(Repaid(read_amounts(source)?))
    }

    fn write(&self, sink: &mut impl Sink) {
        write_amounts(&self.0, sink);
    }
}

impl Answer<'_> for Repaid {
    const KIND: u8 = 0x94;
    const WORD: &'static str = "returned";

    fn line(&self, out: &mut Vec<u8>) {
        put(out, format_args!("returned {}", self.0.total()));
        put_debts(&self.0, out);
        put(out, format_args!(" committed={}", self.0[Pool::Committed]));
    }
}

impl Execute<Shared> for Return {
    type Done = Box<Repaid>;

    fn execute(
        &self,
        shared: &Shared,
        caller: Caller,
        _: &mut Vec<u8>,
    ) -> Result<Box<Repaid>, Error> {
        let (ending, refill) =
            shared.memory.change(|tables, _| tables.manager().end_grant(caller.client, self.id))?;
        shared.memory.give_back(vec![ending]);
        Ok(Box::new(Repaid(refill)))
    }
}

command! {
    /// Keeps freed memory instead of giving it back.
    0x15 "reuse SIZE" Reuse -> Reused {
        /// Bytes.
        size: u64,
    }
}

reply! {
    /// Freed memory may be kept.
    0x95 "reused" Reused {
        /// Bytes.
        size: u64,
    }
}

impl Execute<Shared> for Reuse {
    type Done = Reused;

    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Result<Reused, Error> {
        shared.memory.change(|tables, _| tables.processes.reuse(caller.client, self.size))?;
        Ok(Reused { size: self.size })
    }
}

command! {
    /// Says what the process still owes each pool.
    0x16 "owed" Owed -> Box<Debts>
}

/// What a process owes each pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Debts(pub Amounts);

impl<'a> Message<'a> for Debts {
    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        Ok(Debts(read_amounts(source)?))
    }

    fn write(&self, sink: &mut impl Sink) {
        write_amounts(&self.0, sink);
    }
}

impl Answer<'_> for Debts {
    const KIND: u8 = 0x96;
    const WORD: &'static str = "owed";

    fn line(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"owed");
        put_debts(&self.0, out);
    }
}

impl Execute<Shared> for Owed {
    type Done = Box<Debts>;

    fn execute(
        &self,
        shared: &Shared,
        caller: Caller,
        _: &mut Vec<u8>,
    ) -> Result<Box<Debts>, Error> {
        let owed = shared.memory.read(|tables, _| tables.processes.owed(caller.client))?;
        Ok(Box::new(Debts(owed)))
    }
}

/// In the order of repayment, without the committed pool.
fn put_debts(amounts: &Amounts, out: &mut Vec<u8>) {
    for pool in ORDER.into_iter().filter(|&pool| pool != Pool::Committed) {
        put(out, format_args!(" {}={}", pool.word(), amounts[pool]));
    }
}

fn write_amounts(amounts: &Amounts, sink: &mut impl Sink) {
    for pool in Pool::ALL {
        sink.u64(pool.word(), amounts[pool]);
    }
}

fn read_amounts<'a, S: Source<'a>>(source: &mut S) -> Result<Amounts, Error> {
    let mut amounts = Amounts::default();
    for pool in Pool::ALL {
        amounts[pool] = source.u64()?;
    }
    match Pool::ALL.into_iter().try_fold(0_u64, |sum, pool| sum.checked_add(amounts[pool])) {
        Some(_) => Ok(amounts),
        None => Err(Malformed("has amounts beyond 64 bits").into()),
    }
}

command! {
    /// Shows the state of each pool, and how much of the time processes waited for memory.
    0x18 "pools" Pools -> Box<PoolStatement>
}

/// The pools, and how long processes had to wait lately.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolStatement {
    /// Each pool.
    pub pools: Vec<PoolState>,
    /// The share of time in which processes waited.
    pub pressure: Pressure,
}

/// The bytes of a pool's state in a frame.
const POOL_STATE_BYTES: usize = 28;

impl PoolState {
    fn read<'a, S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        let pool = Pool::read(source)?;
        Ok(PoolState { pool, size: source.u64()?, free: source.u64()?, freeable: source.u64()? })
    }

    fn write(&self, sink: &mut impl Sink) {
        self.pool.write("name", sink);
        sink.u64("size", self.size);
        sink.u64("free", self.free);
        sink.u64("freeable", self.freeable);
    }
}

impl<'a> Message<'a> for PoolStatement {
    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        let pools = source.list(POOL_STATE_BYTES, PoolState::read)?;
        let (some_10, some_60) = (source.u32()?, source.u32()?);
        let (all_10, all_60) = (source.u32()?, source.u32()?);
        let pressure = Pressure { some_10, some_60, all_10, all_60 };
        Ok(PoolStatement { pools, pressure })
    }

    fn write(&self, sink: &mut impl Sink) {
        sink.list("pools", "pool", &self.pools, PoolState::write);
        sink.record("pressure", |sink| {
            for (name, share) in self.pressure.figures() {
                sink.hundredths(name, share);
            }
        });
    }
}

impl Answer<'_> for PoolStatement {
    const KIND: u8 = 0x98;
    const WORD: &'static str = "pools";
    const ELEMENT: &'static str = "statement";

    fn line(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"pools");
        for PoolState { pool, size, free, freeable } in &self.pools {
            put(out, format_args!(" {}={size}:{free}:{freeable}", pool.word()));
        }
        for (name, share) in self.pressure.figures() {
            Line(out).hundredths(name, share);
        }
    }
}

impl Execute<Shared> for Pools {
    type Done = Box<PoolStatement>;

    fn execute(
        &self,
        shared: &Shared,
        _: Caller,
        _: &mut Vec<u8>,
    ) -> Result<Box<PoolStatement>, Error> {
        let (pools, pressure) = shared.memory.read(|tables, now| tables.manager().pools(now));
        Ok(Box::new(PoolStatement { pools, pressure }))
    }
}

command! {
    /// Shows the account of each process.
    0x19 "accounts" Accounts -> Vec<Account>
}

/// Accounts that are read under one hold of the tables' lock.
const ACCOUNTS_AT_ONCE: usize = 256;

/// The least bytes of an account in a frame: its 20 numbers.
const LEAST_ACCOUNT: usize = 20 * size_of::<u64>();

impl Account {
    fn read<'a, S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        Ok(Account {
            name: source.text()?.into_owned(),
            freeable: source.u64()?,
            secured: source.u64()?,
            efficiency: Field::read(source)?,
            asked: source.u64()?,
            obeyed: source.u64()?,
            holds: read_amounts(source)?,
            owes: read_amounts(source)?,
            may: read_amounts(source)?,
        })
    }

    fn write(&self, sink: &mut impl Sink) {
        sink.text("name", &self.name);
        sink.u64("freeable", self.freeable);
        sink.u64("secured", self.secured);
        self.efficiency.write("efficiency", sink);
        sink.u64("asked", self.asked);
        sink.u64("obeyed", self.obeyed);
        if sink.is_binary() {
            for amounts in [&self.holds, &self.owes, &self.may] {
                write_amounts(amounts, sink);
            }
            return;
        }
        sink.list("pools", "pool", &Pool::ALL, |pool, sink| {
            sink.text("name", pool.word());
            sink.u64("holds", self.holds[*pool]);
            sink.u64("owes", self.owes[*pool]);
            sink.u64("may", self.may[*pool]);
        });
    }

    fn line(&self, out: &mut Vec<u8>) {
        let Account { name, freeable, secured, efficiency, asked, obeyed, holds, owes, may } = self;
        let efficiency =
            efficiency.map_or(Cow::Borrowed("-"), |percent| percent.to_string().into());
        put(out, format_args!(" name={name} freeable={freeable} secured={secured}"));
        put(out, format_args!(" efficiency={efficiency} asked={asked} obeyed={obeyed}"));
        for pool in Pool::ALL {
            let (holds, owes, may) = (holds[pool], owes[pool], may[pool]);
            put(out, format_args!(" {}={holds}:{owes}:{may}", pool.word()));
        }
    }
}

impl<'a> Message<'a> for Vec<Account> {
    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        source.list(LEAST_ACCOUNT, Account::read)
    }

    fn write(&self, sink: &mut impl Sink) {
        sink.list("processes", "process", self, Account::write);
    }
}

impl Answer<'_> for Vec<Account> {
    const KIND: u8 = 0x99;
    const WORD: &'static str = "accounts";
    const ELEMENT: &'static str = "statement";

    fn line(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"accounts");
        self.iter().for_each(|account| account.line(out));
    }
}

impl Execute<Shared> for Accounts {
    type Done = Vec<Account>;

    /// Reads the accounts in parts, so that no request waits for many processes.
    fn execute(&self, shared: &Shared, _: Caller, _: &mut Vec<u8>) -> Result<Self::Done, Error> {
        let mut accounts: Vec<Account> = Vec::new();
        loop {
            let last = accounts.last().map(|account| account.name.as_str());
            let part =
                shared.memory.read(|tables, _| tables.processes.accounts(last, ACCOUNTS_AT_ONCE));
            let is_last = part.len() < ACCOUNTS_AT_ONCE;
            accounts.extend(part);
            if is_last {
                return Ok(accounts);
            }
        }
    }
}
