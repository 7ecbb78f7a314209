//! The memory manager: it gives processes memory from the pools, and asks them to return memory.
//!
//! ```text
//!   join ─────► committed ─► own block          membership, extents
//!   request ──► decide ────► lease table ─► id  allocation; waiting, if it has to wait
//!   return ───► repay ─────► pools ─► serve     allocation, then waiting
//!   report ───► status ────► collect ─► signal  allocation, then collection
//! ```
//!
//! | module | content |
//! | --- | --- |
//! | membership | processes, their clients, their end |
//! | allocation | figures 5, 6 and 8 to 12 |
//! | waiting | requests that wait for memory |
//! | collection | the choice of processes to ask |
//! | statement | pools and accounts |
//! | extents | the memory of own blocks |
//! | rules | the configuration |
//!
//! The table of words in [`crate::cooperative`] explains *own block*, *owed*, *collateral*,
//! *strike* and the others. A box is one step of the source's figures.
//!
//! The manager never waits. It answers at once, or gives a ticket, the number of a request that
//! waits. The server's threads wait. The server makes a waker for each process, such as a condition
//! variable, and the manager says which wakers to use ([`Processes::take_wakers`]). So the same
//! manager runs in the server, in the simulation, and in tests without a thread or a clock.
//!
//! A granted block comes back in two steps, because another thread may still copy in it:
//!
//! ```text
//!   time ──►
//!   tables' lock      end_block: out of the table, debts repaid         give_back: pools refilled
//!   block's lock                                  marked released                │
//!   the bytes are     owed ────► returning ────────────────────────────► free ◄──┘
//! ```
//!
//! A process ends in steps for the same reason. It loses its name, its token, its clients and its
//! places in the queue at once. Then its blocks are struck in batches ([`Manager::strike`]). The
//! caller marks the blocks of each batch released and gives them back. The call of `strike` that
//! finds no more blocks removes the process.
//!
//! **Invariants** ([`Manager::check`] tests 1 and 2)
//!
//! 1. For each pool, the free, owed and returning bytes, and in the committed pool the bytes of
//!    plain leases, add up to the size. The free bytes of all pools together are those of the
//!    allocator.
//! 2. Each process owes as much as it holds ([`crate::cooperative::process`]).
//! 3. A refusal changes nothing. A report that came with the request still takes effect.
//! 4. Every decision is one path of the figures.
//!
//! **Lock** the tables': the caller holds it around each call. The manager writes no log and wakes
//! no thread itself: it collects the lines and the wakers, and the caller uses them after the
//! unlock. Time is an argument.
//!
//! **Simplified** The manager believes each report. A process that reports garbage that it does not
//! have gets loans for it, up to the caps.
//!
//! **Source** `cooperative-memory-management.txt`, figure 3, in the form with one module in user
//! space, which sends messages to the processes.

mod allocation;
mod collection;
mod extents;
mod membership;
mod rules;
mod statement;
mod waiting;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use crate::common::caller::ClientNumber;
use crate::common::error::{Code, Error};
use crate::common::marks::mark;
use crate::cooperative::pool::{PoolAmounts, Shares};
use crate::cooperative::pressure::PressureMeter;
use crate::cooperative::process::{Process, ProcessNumber};
use crate::cooperative::words::{Amounts, Pool, ProcessToken};
use crate::memory::lease::{Committed, LeaseTable};
pub use collection::CollectBy;
pub(crate) use extents::{memory_of, too_much};
pub use membership::{OwnBlock, check_name};
pub use rules::{Rules, ServeBy, default_low_water};
pub use statement::HeldRow;
use waiting::Queue;
pub use waiting::Ticket;

/// The state of the manager: the processes, their pools, and the requests that wait. The lease
/// table stands beside it, under the same lock: the tables'. Client threads, the `udp` thread and
/// the reaper change it.
#[derive(Debug)]
pub struct Processes<W> {
    // The configuration.
    rules: Rules,
    /// The size, the free bytes and the cap of each pool.
    pools: PoolAmounts,
    /// The low-water marks in bytes.
    low_water: Amounts,
    // The processes.
    /// Every process, also one that has ended, until its blocks are given back. The other three
    /// maps have the numbers of processes here, and only of those that have not ended. Each process
    /// is in a `Box`, because a node of the map has room for eleven values: without the `Box` the
    /// first process allocates 5 kB, and joins 4 % slower.
    all: BTreeMap<ProcessNumber, Box<Process<W>>>,
    names: BTreeMap<Arc<str>, ProcessNumber>,
    tokens: HashMap<ProcessToken, ProcessNumber>,
    clients: HashMap<ClientNumber, ProcessNumber>,
    /// The number of the process that joined last.
    last: ProcessNumber,
    // The requests that wait.
    queue: Queue,
    /// The number of processes with a request in the queue. It changes when a process's first
    /// request enters, and when its last one is removed.
    waiting: usize,
    /// Measures the share of the time in which processes waited for memory.
    pressure: PressureMeter,
    /// The time of the last request to all processes (`collect_every`); `None` before the first
    /// look.
    asked_all: Option<Instant>,
    // The work that is left.
    /// The blocks that were struck and are not given back yet. The key is the block's offset in the
    /// arena, the value the bytes that each pool gets back with the block. While the block is here,
    /// no other block can have that offset.
    returning: BTreeMap<u64, Amounts>,
    /// Threads to wake after the unlock: under the lock they would wake only to wait for it.
    wakers: Vec<W>,
    /// Lines to log after the unlock.
    journal: Vec<String>,
}

/// The memory manager at work. It borrows its own state and the lease table for one call, so
/// neither owns the other, and plain leases need no manager. `W` is the type of a waker.
#[derive(Debug)]
pub struct Manager<'t, W> {
    leases: &'t mut LeaseTable,
    processes: &'t mut Processes<W>,
}

impl<'t, W: Clone> Manager<'t, W> {
    /// Returns the manager over the two tables.
    pub fn over(leases: &'t mut LeaseTable, processes: &'t mut Processes<W>) -> Self {
        Self { leases, processes }
    }
}

impl<W: Clone> Manager<'_, W> {
    /// Checks the invariants. It goes through the queue once for each process, so only tests and
    /// debug builds of the simulation call it.
    ///
    /// # Errors
    /// Fails with the broken invariant, in words.
    pub fn check(&self) -> Result<(), String> {
        let mut owed = Amounts::default();
        for process in self.processes.all.values() {
            process.check(self.processes.pools.cap())?;
            owed.add(&process.owed);
        }
        self.check_pools(&owed)?;
        let living = || self.processes.all.iter().filter(|(_, process)| !process.has_ended);
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

    /// Checks that each pool's bytes are free, owed or returning, and in the committed pool also
    /// those of plain leases. `owed` is the debt of all processes.
    fn check_pools(&self, owed: &Amounts) -> Result<(), String> {
        let mut charged = *owed;
        self.processes.returning.values().for_each(|refill| charged.add(refill));
        self.leases.check_committed(charged[Pool::Committed])?;
        let (size, free) = (self.processes.pools.size(), self.free());
        // `check_committed` has counted the committed pool, with its plain leases.
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

    /// Returns the free bytes of each pool.
    fn free(&self) -> Amounts {
        self.processes.pools.free(self.leases.committed())
    }

    /// Adds bytes to the free bytes of each pool.
    fn refill(&mut self, amounts: &Amounts) {
        self.processes.pools.refill(amounts, self.leases.committed_mut());
    }
}

impl<W: Clone> Processes<W> {
    /// Returns the state without processes, over those pools: box 500. The pools were divided
    /// before, by boxes 700 and 704. Gives the lease table the size and the low-water mark of the
    /// committed pool, because the lease table counts the committed bytes.
    pub fn new(pools: PoolAmounts, rules: Rules, leases: &mut LeaseTable, now: Instant) -> Self {
        let size = *pools.size();
        // A pool for which the rules have no mark gets the mark 0: it is never low.
        let low_water = Amounts::each(|pool| {
            rules.low_water.get(&pool).map_or(0, |share| share.of(size[pool]).min(size[pool]))
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
            asked_all: None,
            returning: BTreeMap::new(),
            wakers: Vec::new(),
            journal: Vec::new(),
        }
    }

    /// Takes the wakers of the threads that have to look at the tables again, for example because
    /// their request was granted. The caller uses the wakers after it has unlocked the tables.
    pub fn take_wakers(&mut self) -> Vec<W> {
        std::mem::take(&mut self.wakers)
    }

    /// Takes the lines that were written since the last call, for the log.
    pub fn take_journal(&mut self) -> Vec<String> {
        std::mem::take(&mut self.journal)
    }

    /// Returns the wakers of all processes, for the server's stop.
    pub fn all_wakers(&self) -> Vec<W> {
        self.all.values().map(|process| process.waker.clone()).collect()
    }

    /// Returns the number of the process that a client belongs to.
    ///
    /// # Errors
    /// `refused` when the client belongs to none.
    pub(crate) fn number_of(&self, client: ClientNumber) -> Result<ProcessNumber, Error> {
        let text = "this client belongs to no process; join NAME or attach TOKEN first";
        self.clients.get(&client).copied().ok_or_else(|| Error::new(Code::Refused, text))
    }

    /// Returns the process of that number, to read or to change it. A process that has ended is
    /// still here until its blocks are given back.
    ///
    /// # Errors
    /// `not-found` when the process is removed.
    fn process(&mut self, number: ProcessNumber) -> Result<&mut Process<W>, Error> {
        self.all.get_mut(&number).map(Box::as_mut).ok_or_else(process_ended)
    }

    /// Returns the process that a client belongs to, to read or to change it.
    ///
    /// # Errors
    /// `refused` when the client belongs to none; `not-found` when the process is removed.
    pub(super) fn process_of(&mut self, client: ClientNumber) -> Result<&mut Process<W>, Error> {
        self.number_of(client).and_then(|number| self.process(number))
    }

    /// Registers a thread of `client` that is about to sleep on its process's waker: `wake` does
    /// nothing for a process without sleepers.
    pub fn add_sleeper(&mut self, client: ClientNumber) {
        if let Ok(process) = self.process_of(client) {
            process.sleepers += 1;
        }
    }

    /// Unregisters a thread that has woken. Does nothing if the process has ended meanwhile. The
    /// count is at least 1, by `add_sleeper`; saturation only guards against a bug.
    pub fn remove_sleeper(&mut self, client: ClientNumber) {
        if let Ok(process) = self.process_of(client) {
            process.sleepers = process.sleepers.saturating_sub(1);
        }
    }

    /// Wakes the threads that wait for the process, after the unlock: if any thread sleeps, adds
    /// the process's waker to `wakers`. Each thread then looks whether the change is for it.
    pub(crate) fn wake(&mut self, number: ProcessNumber) {
        if self.has_sleepers(number) {
            self.wakers.extend(self.all.get(&number).map(|process| process.waker.clone()));
        }
    }

    /// Returns whether a thread of the process sleeps. Only then is it worth a wake.
    pub(crate) fn has_sleepers(&self, number: ProcessNumber) -> bool {
        self.all.get(&number).is_some_and(|process| process.sleepers > 0)
    }

    /// Wakes, after the unlock, a request that has a waker of its own: in chapter 6 each request
    /// that waits for a name or for room has one.
    pub(crate) fn wake_by(&mut self, waker: W) {
        self.wakers.push(waker);
    }

    /// Adds a line to the journal. The line is a function, so that no text is composed if the rules
    /// want no journal.
    pub(crate) fn write(&mut self, line: impl FnOnce() -> String) {
        if self.rules.journal {
            self.journal.push(line());
        }
    }
}

/// A manager with its two tables, without a server: for tests, lessons and the simulation.
#[derive(Debug)]
pub struct StandAlone<W> {
    /// The leases, and the blocks of processes.
    pub leases: LeaseTable,
    /// The processes and their pools.
    pub processes: Processes<W>,
}

impl<W: Clone> StandAlone<W> {
    /// Returns a manager over an arena of `size` bytes, with these shares of its pools, and these
    /// caps of each process.
    ///
    /// # Errors
    /// Fails as [`PoolAmounts::divided`] does.
    pub fn new(
        size: u64,
        shares: &Shares,
        caps: &Shares,
        rules: Rules,
        now: Instant,
    ) -> Result<Self, String> {
        let pools = PoolAmounts::divided(size, shares, caps)?;
        let mut leases = LeaseTable::with_known_seed(size);
        let processes = Processes::new(pools, rules, &mut leases, now);
        Ok(Self { leases, processes })
    }

    /// Returns the manager over both tables.
    pub fn manager(&mut self) -> Manager<'_, W> {
        Manager::over(&mut self.leases, &mut self.processes)
    }

    /// Checks the invariants of both tables.
    ///
    /// # Errors
    /// Fails with the broken invariant, in words.
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
