//! The memory manager: processes that share the pools, what they are given, and what they
//! are asked to give back.
//!
//! ```text
//!   join ─────► committed ─► own block          membership   who is a process, and its end
//!                                               allocation   figures 5, 6 and 8 to 12
//!   request ──► decide ────► lease table ─► id  waiting      who waits for memory
//!   return ───► repay ─────► pools ─► serve ──► who waited   collection   whom to ask for it
//!   report ───► status ────► collect ─► signal  statement    pools and accounts
//!                                               extents      the memory of own blocks
//! ```
//!
//! It answers at once or says that nothing can be given now; the waiting itself, and the
//! waking, are transport's: for each process the manager keeps a waker of its owner's making,
//! and hands out those that are to be woken ([`Processes::take_wakers`]).
//!
//! A process ends in steps, because a copy may be under way in its blocks: it loses its name,
//! token and place in the queue at once, then its blocks are struck bite by bite
//! ([`Manager::strike`]), marked released by the owner, and given back.
//!
//! **Invariants** ([`Manager::check`], after each step of the tests)
//!
//! 1. Free of all pools, debts, leases and what is on its way back are the arena.
//! 2. Each process owes what it holds ([`crate::cooperative::process`]).
//! 3. A refusal changes nothing but the report that came with it.
//! 4. Every decision is one path of the figures.
//!
//! **Lock** the tables, around the whole of it. Time is an argument.
//!
//! **Simplified** processes are believed: one that reports garbage it does not have borrows on
//! it, up to the caps.
//!
//! **Source** `cooperative-memory-management.txt`. Of figure 3 it is the form with the modules
//! combined into one, in user space, that speaks to the processes by messages.

mod allocation;
mod collection;
mod extents;
mod membership;
mod statement;
mod waiting;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::common::caller::ClientNumber;
use crate::common::error::{Code, Error};
use crate::common::marks::mark;
use crate::cooperative::pool::{PoolAmounts, Shares};
use crate::cooperative::pressure::PressureMeter;
use crate::cooperative::process::{Process, ProcessNumber};
use crate::cooperative::words::{Amounts, Pool, ProcessToken};
use crate::memory::lease::{Committed, LeaseTable};
pub use collection::CollectBy;
pub use membership::check_name;
use waiting::Queue;
pub use waiting::Ticket;

/// What a manager goes by.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// The bytes of a process's own block when it asks for none.
    pub block: u64,
    /// What the user has fixed: the committed bytes of processes by name.
    pub fixed: BTreeMap<String, u64>,
    /// When less than this of a pool is free, memory is asked for.
    pub low_water: Shares,
    /// Whom to ask.
    pub collect_by: CollectBy,
    /// A process that reports an efficiency below this gets memory without asking.
    pub boost_below: Option<u8>,
    /// How long a process without a connection lives after it was heard.
    pub idle: Duration,
    /// The most processes.
    pub most: usize,
    /// Whether to keep a journal of decisions.
    pub journal: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            block: 64 << 10,
            fixed: BTreeMap::new(),
            low_water: default_low_water(),
            collect_by: CollectBy::Effect,
            boost_below: None,
            idle: Duration::from_secs(30),
            most: 8192,
            journal: false,
        }
    }
}

/// A quarter of each pool that lends and grants; committed memory comes back last, and nobody
/// is asked for it unless another waits.
pub fn default_low_water() -> Shares {
    use crate::cooperative::pool::Share::Percent;
    let mut shares = Shares::all(Percent(25));
    shares.set(Pool::Committed, Percent(0));
    shares
}

/// The state of the manager: the processes, their pools, and who waits for memory. The lease table
/// stands beside it, under the same lock.
#[derive(Debug)]
pub struct Processes<W> {
    rules: Rules,
    pools: PoolAmounts,
    low_water: Amounts,
    // Who there is.
    all: BTreeMap<ProcessNumber, Process<W>>,
    names: BTreeMap<Arc<str>, ProcessNumber>,
    tokens: HashMap<ProcessToken, ProcessNumber>,
    clients: HashMap<ClientNumber, ProcessNumber>,
    last: ProcessNumber,
    // Who waits.
    queue: Queue,
    /// How many processes have a request in the queue.
    waiting: usize,
    pressure: PressureMeter,
    // What is to be done.
    /// The bytes that each pool gets back with a block that was struck and is not given back yet, by the
    /// block's place in the arena.
    returning: BTreeMap<u64, Amounts>,
    wakers: Vec<W>,
    journal: Vec<String>,
}

/// The memory manager at work: it borrows its own state and the lease table beside it.
#[derive(Debug)]
pub struct Manager<'t, H, W> {
    leases: &'t mut LeaseTable<H>,
    processes: &'t mut Processes<W>,
}

impl<'t, H: Clone, W: Clone> Manager<'t, H, W> {
    /// The manager over both.
    pub fn over(leases: &'t mut LeaseTable<H>, processes: &'t mut Processes<W>) -> Self {
        Self { leases, processes }
    }
}

impl<H: Clone, W: Clone> Manager<'_, H, W> {
    /// Says which invariant is broken, if one is.
    ///
    /// # Errors
    /// The invariant, in words.
    pub fn check(&self) -> Result<(), String> {
        let mut owed = Amounts::default();
        for process in self.processes.all.values() {
            process.check(self.processes.pools.cap())?;
            owed.add(&process.owed);
        }
        self.check_pools(&owed)?;
        let living = || self.processes.all.iter().filter(|(_, process)| !process.is_gone);
        let named = living().all(|(number, process)| {
            self.processes.names.get(&process.name) == Some(number)
                && self.processes.tokens.get(&process.token) == Some(number)
        });
        let (count, clients) = (living().count(), living().map(|(_, p)| p.members.len()).sum());
        if !named || self.processes.names.len() != count || self.processes.tokens.len() != count {
            return Err("names, tokens and processes disagree".into());
        }
        if self.processes.clients.len() != clients {
            return Err("clients and processes disagree".into());
        }
        self.processes.check_queue()
    }

    /// Checks that each pool's bytes are free, owed or on their way back. `owed` is the debt of all
    /// processes.
    fn check_pools(&self, owed: &Amounts) -> Result<(), String> {
        let mut charged = *owed;
        self.processes.returning.values().for_each(|refill| charged.add(refill));
        self.leases.check_committed(charged[Pool::Committed])?;
        let (size, free) = (self.processes.pools.size(), self.free());
        let is_wrong =
            |pool: &Pool| *pool != Pool::Committed && free[*pool] + charged[*pool] != size[*pool];
        if let Some(pool) = Pool::ALL.into_iter().find(is_wrong) {
            let (word, free, charged) = (pool.word(), free[pool], charged[pool]);
            return Err(format!("{word} has {free} free, {charged} charged, of {}", size[pool]));
        }
        if free.total() != self.leases.filling().free {
            return Err("the pools and the allocator disagree on what is free".into());
        }
        Ok(())
    }

    /// The free bytes of each pool.
    fn free(&self) -> Amounts {
        self.processes.pools.free(self.leases.committed())
    }

    /// Gives bytes back to each pool.
    fn refill(&mut self, amounts: &Amounts) {
        self.processes.pools.refill(amounts, self.leases.committed_mut());
    }
}

impl<W: Clone> Processes<W> {
    /// No processes, and those pools over that memory: box 500. The pools were divided before:
    /// boxes 700 and 704.
    pub fn new<H: Clone>(
        pools: PoolAmounts,
        rules: Rules,
        leases: &mut LeaseTable<H>,
        now: Instant,
    ) -> Self {
        let size = *pools.size();
        let low_water = Amounts::each(|pool| {
            rules.low_water.get(pool).map_or(0, |share| share.of(size[pool]).min(size[pool]))
        });
        *leases.committed_mut() =
            Committed::new(size[Pool::Committed]).with_low_water(low_water[Pool::Committed]);
        mark!(boxes 500, 700, 704);
        for (pool, number) in Pool::ALL.into_iter().zip([750, 752, 754, 756, 758]) {
            if size[pool] > 0 {
                mark!(boxes number);
            }
        }
        Self {
            rules,
            pools,
            low_water,
            all: BTreeMap::new(),
            names: BTreeMap::new(),
            tokens: HashMap::new(),
            clients: HashMap::new(),
            last: 0,
            queue: Queue::default(),
            waiting: 0,
            pressure: PressureMeter::new(now),
            returning: BTreeMap::new(),
            wakers: Vec::new(),
            journal: Vec::new(),
        }
    }

    /// Those who wait and should look again.
    pub fn take_wakers(&mut self) -> Vec<W> {
        std::mem::take(&mut self.wakers)
    }

    /// What was decided since, for the log.
    pub fn take_journal(&mut self) -> Vec<String> {
        std::mem::take(&mut self.journal)
    }

    /// The wakers of all processes: the server stops.
    pub fn all_wakers(&self) -> Vec<W> {
        self.all.values().map(|process| process.waker.clone()).collect()
    }

    /// Which process a client belongs to.
    ///
    /// # Errors
    /// `refused` when it belongs to none.
    pub(crate) fn number_of(&self, client: ClientNumber) -> Result<ProcessNumber, Error> {
        let text = "this client belongs to no process; join NAME or attach TOKEN first";
        self.clients.get(&client).copied().ok_or_else(|| Error::new(Code::Refused, text))
    }

    fn process(&mut self, number: ProcessNumber) -> Result<&mut Process<W>, Error> {
        self.all.get_mut(&number).ok_or_else(process_ended)
    }

    /// Registers a thread of `client` that is about to sleep by its process's waker.
    pub fn add_sleeper(&mut self, client: ClientNumber) {
        if let Ok(process) = self.number_of(client).and_then(|number| self.process(number)) {
            process.sleepers += 1;
        }
    }

    /// Unregisters a thread that has woken.
    pub fn remove_sleeper(&mut self, client: ClientNumber) {
        if let Ok(process) = self.number_of(client).and_then(|number| self.process(number)) {
            process.sleepers = process.sleepers.saturating_sub(1);
        }
    }

    /// Those who wait for the process should look again.
    pub(crate) fn wake(&mut self, number: ProcessNumber) {
        let process = self.all.get(&number).filter(|process| process.sleepers > 0);
        self.wakers.extend(process.map(|process| process.waker.clone()));
    }

    /// Wakes a waiter that is not a process.
    pub(crate) fn wake_by(&mut self, waker: W) {
        self.wakers.push(waker);
    }

    pub(crate) fn write(&mut self, line: impl FnOnce() -> String) {
        if self.rules.journal {
            self.journal.push(line());
        }
    }
}

/// The manager with its two tables, where no server holds them: in tests, and in the simulation.
#[derive(Debug)]
pub struct StandAlone<H, W> {
    /// Leases and granted blocks.
    pub leases: LeaseTable<H>,
    /// The processes and their pools.
    pub processes: Processes<W>,
}

impl<H: Clone, W: Clone> StandAlone<H, W> {
    /// A manager of those pools over that lease table.
    pub fn new(mut leases: LeaseTable<H>, pools: PoolAmounts, rules: Rules, now: Instant) -> Self {
        let processes = Processes::new(pools, rules, &mut leases, now);
        Self { leases, processes }
    }

    /// The manager over both.
    pub fn manager(&mut self) -> Manager<'_, H, W> {
        Manager::over(&mut self.leases, &mut self.processes)
    }

    /// Says which invariant is broken, if one is.
    ///
    /// # Errors
    /// The invariant, in words.
    pub fn check(&mut self) -> Result<(), String> {
        self.leases.check()?;
        self.manager().check()
    }
}

fn process_ended() -> Error {
    Error::new(Code::NotFound, "the process has ended; join a new one")
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
