//! The commands of this chapter: the requests of a process to the memory manager. For most commands
//! the macro `command!` below generates how they are read and written, and an `Execute` carries
//! them out. For `request` the reading and writing is written by hand. Chapter 6 carries out
//! `leave`. In text:
//!
//! | request | reply |
//! | --- | --- |
//! | `attach TOKEN` · `leave` | `attached NAME` · `left NAME` |
//! | `report FREEABLE [EFFICIENCY]` | `reported` |
//! | `request SIZE REASON [freeable=N] [efficiency=E] [wait=MS] [why]` | `granted ID SIZE POOL`; with `why` also ` by 800-801-802-…`, the boxes of the decision |
//! | `return ID` | `returned SIZE lp=… le=… gp=… gl=… committed=…`: the debts that it repaid |
//! | `reuse SIZE` | `reused SIZE`, or an error that names the pool to repay first |
//! | `owed` | `owed lp=… le=… gp=… gl=…` |
//! | `pools` | `pools committed=SIZE:FREE:FREEABLE gl=… gp=… le=… lp=… some10=… some60=… all10=… all60=…` |
//! | `accounts` | `accounts`, and for each process `name=… freeable=… secured=… efficiency=… asked=… obeyed=… committed=HOLDS:OWES:MAY gl=… gp=… le=… lp=…` |
//!
//! `join` and `wait` stand in chapter 6, because a process also gets a message block and notices
//! there.
//!
//! Sizes are bytes. SIZE in `granted` is that of the block: the request rounded up to a power of
//! two, at least 32. REASON is `committed`, `efficiency`, `urgent-efficiency`, `pause` or
//! `out-of-memory`, or a level of urgency from 0 to 4, which stands for these in this order.
//! `freeable=` and `efficiency=` report with the request. EFFICIENCY is 0 to 100, and `-` in an
//! account when it was never reported: the share of the examined bytes that the last collection
//! freed, in percent. FREEABLE is the garbage that the process could return after a collection.
//! `some10` is the share of the last 10 s, in percent, in which some process waited for memory;
//! `all60` is that of the last 60 s in which all processes waited. [`super::words`] explains the
//! other fields, and [`crate::cooperative`] has a table of the chapter's words.
//!
//! ```text
//!   > join demo                         > request 1000 pause freeable=4000 why
//!   < joined 5b1d…                      < granted 77f0… 1024 lp by 800-801-802-812-900-902-904-908
//!   > return 77f0…                      > request 99999999 out-of-memory
//!   < returned 1024 lp=1024 le=0 …      < error refused the granted leak pool has less, …
//! ```
//!
//! **Invariants** No reply to these commands contains the id of another process's block.
//!
//! **Lock** the tables', for the steps of a command. `return` takes it twice, with the block's lock
//! between; `request` first ends expired leases, which takes the tables' lock and those of blocks;
//! `accounts` takes the tables' lock once for each part of its list.
//!
//! **Source** `cooperative-memory-management.txt`, figure 3: requests, reports and responses. The
//! words are ours.

mod statements;

pub use statements::{Accounts, Debts, Owed, PoolStatement, Pools};

use std::time::Instant;

use super::repayment::ORDER;
use super::waiting::make_room_for;
use super::words::{Amounts, Granted, Pool, ProcessToken, Reason, Wanted};
use crate::common::caller::Caller;
use crate::common::description::{
    Answer, Asks, Command, Execute, Executed, Field, Message, Sink, Source, command, message, reply,
};
use crate::common::error::{Error, Malformed};
use crate::common::id::{LeaseId, parse_decimal};
use crate::common::line::put;
use crate::server::shared::Shared;

command! {
    /// Makes this client a further client of a process that has joined.
    0x10 "attach TOKEN" Attach -> Attached {
        /// The token in the reply to the process's `join`.
        token: ProcessToken,
    }
}

reply! {
    /// The client now belongs to the process.
    0x90 "attached" Attached {
        /// The process's name.
        name: String,
    }
}

impl Execute<Shared> for Attach {
    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Result<Attached, Error> {
        let name =
            shared.memory.change(|tables, now| tables.processes.attach(caller, self.token, now))?;
        Ok(Attached { name })
    }
}

command! {
    /// Ends the process that this client belongs to, for all its clients. Chapter 6 carries it out,
    /// because sessions end too.
    0x11 "leave" Leave -> Left
}

reply! {
    /// The process has ended.
    0x91 "left" Left {
        /// The process's name.
        name: String,
    }
}

command! {
    /// Reports the status of the process: the manager lends for reported garbage, and asks
    /// processes that report much of it to collect.
    0x12 "report FREEABLE [EFFICIENCY]" Report -> Reported {
        /// The bytes of garbage that it could return after a collection.
        freeable: u64,
        /// The share of the examined bytes that its last collection freed, in percent. When it is
        /// left out, the efficiency that was reported before stays.
        efficiency: Option<u8>,
    }
}

reply! {
    /// The manager has taken the report.
    0x92 "reported" Reported
}

impl Execute<Shared> for Report {
    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Result<Reported, Error> {
        let &Report { freeable, efficiency } = self;
        shared.memory.change(|tables, now| {
            tables.manager().report(caller.client, freeable, efficiency, now)
        })?;
        Ok(Reported)
    }
}

/// `request SIZE REASON [freeable=N] [efficiency=E] [wait=MS] [why]`: asks for memory. Written by
/// hand, because the options may stand in any order, and `command!` cannot describe that.
impl<'a> Message<'a> for Wanted {
    /// The least and the most words after `request` in a line: SIZE and REASON, and four options.
    const WORDS: (usize, usize) = (2, 6);

    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        let size = source.u64()?;
        let reason = reason(source)?;
        let asked = Wanted::new(size, reason);
        // In a text the options follow. In a frame each field has its place, and `word` is `None`.
        if let Some(word) = source.word() {
            return options(asked, word, source);
        }
        let (freeable, wait_ms) = (source.optional()?, source.u64()?);
        let why = match source.u32()? {
            0 => false,
            1 => true,
            _ => return Err(Malformed("asks why with neither 0 nor 1").into()),
        };
        // A frame without an efficiency ends here.
        let efficiency = match source.is_at_end() {
            true => None,
            false => Some(percent(source.u32()?.into())),
        };
        Ok(Wanted { freeable, efficiency, wait_ms, why, ..asked })
    }

    fn write(&self, sink: &mut impl Sink) {
        sink.u64("size", self.size);
        self.reason.write("reason", sink);
        sink.optional("freeable", self.freeable);
        sink.u64("wait_ms", self.wait_ms);
        sink.u32("why", self.why.into());
        // The only field that a frame may end without: it comes last, and only if it was given.
        if let Some(efficiency) = self.efficiency {
            sink.u32("efficiency", efficiency.into());
        }
    }
}

impl Command<'_> for Wanted {
    const KIND: u8 = 0x13;
    const FORM: &'static str = "request SIZE REASON [freeable=N] [efficiency=E] [wait=MS] [why]";
}

impl Asks for Wanted {
    type Reply = Box<Granted>;
}

/// Reads a reason, or in a text the level of urgency that stands for it.
fn reason<'a>(source: &mut impl Source<'a>) -> Result<Reason, Error> {
    match source.word() {
        Some([level @ b'0'..=b'4']) => Ok(Reason::ALL[usize::from(level - b'0')]),
        Some(word) => Reason::named(word),
        None => Reason::read(source),
    }
}

/// Returns a share in percent. A number beyond 8 bits becomes 255, which the manager refuses as it
/// refuses each share above 100.
fn percent(number: u64) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

/// Reads the options of a request in text, in any order, each at most once; `word` is the first. An
/// empty word is the end of the text.
///
/// # Errors
/// `bad-request` for an unknown option, a second one of a kind, or a value that is no number.
fn options<'a>(
    mut wanted: Wanted,
    mut word: &'a [u8],
    source: &mut impl Source<'a>,
) -> Result<Wanted, Error> {
    let mut wait_ms = None;
    while !word.is_empty() {
        // `None` if the word is another option, `Some(None)` if the value is no number.
        let named = |name: &str| {
            let (first, value) = word.split_at_checked(name.len())?;
            first.eq_ignore_ascii_case(name.as_bytes()).then(|| parse_decimal(value))
        };
        match (named("freeable="), named("efficiency="), named("wait=")) {
            (Some(Some(bytes)), ..) if wanted.freeable.is_none() => wanted.freeable = Some(bytes),
            (_, Some(Some(share)), _) if wanted.efficiency.is_none() => {
                wanted.efficiency = Some(percent(share));
            }
            (.., Some(Some(ms))) if wait_ms.is_none() => wait_ms = Some(ms),
            _ if word.eq_ignore_ascii_case(b"why") && !wanted.why => wanted.why = true,
            _ => return Err(Error::wrong_words(Wanted::FORM)),
        }
        word = source.word().unwrap_or_default();
    }
    Ok(Wanted { wait_ms: wait_ms.unwrap_or(0), ..wanted })
}

/// Written by hand, because a line of text has the boxes (` by 800-…`) only when the request said
/// `why`. A frame always has the field; it is an empty string when the request did not say `why`.
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

/// Carries out a request with `wait=0`, or without `wait`. [`super::waiting`] carries out a request
/// that may wait. A datagram that asks to wait is refused before it comes here.
impl Execute<Shared> for Wanted {
    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Executed<Self> {
        // Ends expired leases first: the request may need their blocks.
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
        /// The block's id.
        id: LeaseId,
    }
}

message! {
    /// The bytes that each pool got back.
    Repaid {
        /// By pool.
        amounts: Amounts,
    }
}

impl Answer<'_> for Repaid {
    const KIND: u8 = 0x94;
    const WORD: &'static str = "returned";

    fn line(&self, out: &mut Vec<u8>) {
        put(out, format_args!("returned {}", self.amounts.total()));
        put_debts(&self.amounts, out);
        put(out, format_args!(" committed={}", self.amounts[Pool::Committed]));
    }
}

impl Execute<Shared> for Return {
    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Executed<Self> {
        // `return_block` repays the debts at once. The pools get the bytes only in `give_back`,
        // when no copy can be under way in the block any more.
        let (ending, refill) = shared
            .memory
            .change(|tables, _| tables.manager().return_block(caller.client, self.id))?;
        shared.memory.give_back(vec![ending]);
        Ok(Box::new(Repaid { amounts: refill }))
    }
}

command! {
    /// Keeps freed memory instead of giving it back. Refused while the process owes LP, LE, GP or
    /// GL any bytes: the process must return memory until these debts are repaid.
    0x15 "reuse SIZE" Reuse -> Reused {
        /// The freed bytes that the process wants to keep.
        size: u64,
    }
}

reply! {
    /// The process may keep the freed memory.
    0x95 "reused" Reused {
        /// The bytes that it keeps.
        size: u64,
    }
}

impl Execute<Shared> for Reuse {
    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Result<Reused, Error> {
        shared.memory.change(|tables, _| tables.processes.reuse(caller.client, self.size))?;
        Ok(Reused { size: self.size })
    }
}

/// Appends the amounts in the order of repayment, without the committed pool.
fn put_debts(amounts: &Amounts, out: &mut Vec<u8>) {
    for pool in ORDER.into_iter().filter(|&pool| pool != Pool::Committed) {
        put(out, format_args!(" {}={}", pool.word(), amounts[pool]));
    }
}

/// Five numbers, in the order of [`Pool::ALL`], each under the name of its pool.
impl<'a> Field<'a> for Amounts {
    /// Refuses amounts whose sum exceeds 64 bits: `Amounts::total` does not check the sum.
    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        let mut amounts = Amounts::default();
        for pool in Pool::ALL {
            amounts[pool] = source.u64()?;
        }
        match Pool::ALL.into_iter().try_fold(0_u64, |sum, pool| sum.checked_add(amounts[pool])) {
            Some(_) => Ok(amounts),
            None => Err(Malformed("has amounts beyond 64 bits").into()),
        }
    }

    fn write(&self, _: &str, sink: &mut impl Sink) {
        for pool in Pool::ALL {
            sink.u64(pool.word(), self[pool]);
        }
    }
}
