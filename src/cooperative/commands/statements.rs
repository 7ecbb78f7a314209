//! The commands that show the state of memory: `pools`; `accounts`, for all processes; and `owed`,
//! for the debts of one process.
//!
//! ```text
//!   pools committed=786432:720896:0 gl=65536:16384:49152 … some10=0.00 …
//!         pool      size   free   freeable                 pressure, in percent
//!   accounts name=demo freeable=81920 secured=0 … gp=32768:0:65536 …
//!                                                   gp=HOLDS:OWES:MAY
//! ```
//!
//! HOLDS is the bytes of the blocks that the pool gave, OWES the bytes that the process still owes
//! the pool, MAY the most that it may owe. The process `demo` holds a block of GP and owes GP
//! nothing: another block that it returned repaid that debt. Freeable bytes are reported garbage;
//! pressure is the share of the time in which processes waited for memory.
//!
//! **Invariants** `pools` shows one moment, under one hold of the lock. `accounts` does not: it
//! reads the processes in parts, and some may join and leave between two parts. Each process that
//! is there all the time appears once, because the parts follow the order of names.
//!
//! **Lock** the tables'; for `accounts` once for each part of up to 256 processes. No lock is held
//! while the reply is written.
//!
//! **Source** `cooperative-memory-management.txt`: the record of how much a process has received
//! from each pool.

use std::borrow::Cow;

use crate::common::caller::Caller;
use crate::common::description::{
    Answer, Execute, Executed, Field, Message, Sink, Source, command,
};
use crate::common::error::{Code, Error};
use crate::common::line::{Line, put};
use crate::cooperative::commands::put_debts;
use crate::cooperative::words::{Account, Amounts, Pool, PoolState, Pressure};
use crate::server::shared::Shared;

command! {
    /// Shows the state of each pool, and how much of the time processes waited for memory.
    0x18 "pools" @ "GET /pools" Pools -> Box<PoolStatement>
}

/// The state of the pools, and how much of the time processes waited lately.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolStatement {
    /// The pools, in the order of [`Pool::ALL`].
    pub pools: Vec<PoolState>,
    /// The share of time in which processes waited.
    pub pressure: Pressure,
}

/// The least bytes of one pool's state in a frame: the pool's number in 4, and three sizes of 8;
/// padding may add 4. A list that claims more pools than the rest of the frame has bytes for is
/// refused before memory is reserved.
const POOL_STATE_BYTES: usize = 28;

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
    fn execute(&self, shared: &Shared, _: Caller, _: &mut Vec<u8>) -> Executed<Self> {
        let (pools, pressure) =
            shared.memory.with_tables(|tables, now| tables.manager().pools(now));
        Ok(Box::new(PoolStatement { pools, pressure }))
    }
}

command! {
    /// Shows the account of each process.
    0x19 "accounts" @ "GET /processes" Accounts -> Vec<Account>
}

/// The most accounts that are read under one hold of the tables' lock. There may be thousands of
/// processes, by default up to 8192: without parts every other request would wait until all
/// accounts are copied.
const ACCOUNTS_AT_ONCE: usize = 256;

/// The bytes that an account in a frame has at least: 20 numbers of 8, which are four single
/// numbers, the efficiency, and three times five amounts. The efficiency's presence flag and the
/// name come on top. A list that claims more accounts than the frame has bytes for is refused.
const MIN_ACCOUNT: usize = 20 * size_of::<u64>();

const TOO_MANY: &str =
    "there are more accounts than an answer can carry here; ask by TCP, or raise --max-message";

impl Account {
    fn read<'a, S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        Ok(Account {
            name: source.text()?.into_owned(),
            freeable: source.u64()?,
            secured: source.u64()?,
            efficiency: Field::read(source)?,
            asked: source.u64()?,
            obeyed: source.u64()?,
            holds: Field::read(source)?,
            owes: Field::read(source)?,
            may: Field::read(source)?,
        })
    }

    fn write(&self, sink: &mut impl Sink) {
        sink.text("name", &self.name);
        sink.u64("freeable", self.freeable);
        sink.u64("secured", self.secured);
        self.efficiency.write("efficiency", sink);
        sink.u64("asked", self.asked);
        sink.u64("obeyed", self.obeyed);
        // A frame has the amounts as they are kept. JSON and XML group them by pool, as a reader
        // wants them.
        if sink.is_binary() {
            for amounts in [&self.holds, &self.owes, &self.may] {
                amounts.write("amounts", sink);
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
        source.list(MIN_ACCOUNT, Account::read)
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
    /// Reads the accounts in parts, so that no other request waits for a long copy. Stops when
    /// there are more accounts than the answer can carry, so that a datagram of 40 bytes does not
    /// make the server copy all of them for an answer that it then refuses.
    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Executed<Self> {
        // A frame to this caller has room for at most `most` accounts. A part may have one more
        // than `most`, so that the loop finds out whether there are more.
        let most = usize::try_from(caller.most_data).unwrap_or(usize::MAX) / MIN_ACCOUNT;
        let at_once = ACCOUNTS_AT_ONCE.min(most + 1);
        let mut accounts: Vec<Account> = Vec::new();
        loop {
            if accounts.len() > most {
                return Err(Error::new(Code::TooLarge, TOO_MANY));
            }
            // The next part begins after the last name. If it began at an index, it would skip or
            // repeat a process when another one leaves or joins meanwhile.
            let last = accounts.last().map(|account| account.name.as_str());
            let part =
                shared.memory.with_tables(|tables, _| tables.processes.accounts(last, at_once));
            let is_last = part.len() < at_once;
            accounts.extend(part);
            if is_last {
                // An account takes up to 700 bytes of an answer.
                return caller.check_rows(accounts, 700);
            }
        }
    }
}

command! {
    /// Shows the bytes that the process still owes each pool.
    0x16 "owed" Owed -> Box<Debts>
}

/// The bytes that a process owes each pool. The text form leaves the committed pool out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Debts {
    /// By pool.
    pub amounts: Amounts,
    /// The part of these debts that comes from requests with the reason `pause`, summed over the
    /// pools. Bytes that a pool gets back repay this part of the debt to it first. A reply leaves
    /// the number out when it is 0.
    pub pause: u64,
}

impl<'a> Message<'a> for Debts {
    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        let amounts = Amounts::read(source)?;
        let pause = if source.is_at_end() { 0 } else { source.u64()? };
        Ok(Self { amounts, pause })
    }

    fn write(&self, sink: &mut impl Sink) {
        self.amounts.write("amounts", sink);
        if self.pause > 0 {
            sink.u64("pause", self.pause);
        }
    }
}

impl Answer<'_> for Debts {
    const KIND: u8 = 0x96;
    const WORD: &'static str = "owed";

    fn line(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"owed");
        put_debts(&self.amounts, out);
        if self.pause > 0 {
            put(out, format_args!(" pause={}", self.pause));
        }
    }
}

impl Execute<Shared> for Owed {
    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Executed<Self> {
        shared.memory.with_tables(|tables, _| {
            let process = tables.processes.process_of(caller.client)?;
            let (amounts, pause) = (process.owed, process.owed_for_pauses.total());
            Ok(Box::new(Debts { amounts, pause }))
        })
    }
}
