//! One process: what it holds, owes, has reported, and is yet to be told.
//!
//! ```text
//!   freeable │ secured │ collateral │      garbage that it has reported
//!             owed lp,    free to secure
//!             part of le  another loan
//! ```
//!
//! A loan out of LP is secured whole, or figure 9 would not have lent it; one out of LE by
//! whatever collateral there was. What is owed stays secured, whatever else is repaid.
//!
//! **Invariants** (`Process::check`)
//!
//! 1. What it owes all pools is what its blocks hold: returned bytes repay their sum.
//! 2. It owes committed at least its own blocks, which it cannot return.
//! 3. What secures loans is not collateral. A report below it is taken: then there is none.
//!
//! **Lock** the tables.
//!
//! **Source** `cooperative-memory-management.txt`: status information, collateral, the record
//! of how much a process has received from each pool.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use crate::common::caller::ClientNumber;
use crate::common::id::LeaseId;
use crate::cooperative::figures::Path;
use crate::cooperative::repayment::repay;
use crate::cooperative::words::{Account, Amounts, Level, Pool, ProcessToken, Signal};

/// Which process: counted from 1 in the order of joining, never reused.
pub type ProcessNumber = u64;

/// One process. `W` is what its owner wakes those by who wait for it.
#[derive(Debug)]
pub(super) struct Process<W> {
    pub name: Arc<str>,
    pub token: ProcessToken,
    pub waker: W,
    /// Threads that wait to be woken by it: without one it is a system call for nothing.
    pub sleepers: usize,
    /// Who speaks for it: the process ends with the last one.
    pub members: Vec<Member>,
    /// It has ended, and its blocks are being given back.
    pub is_gone: bool,
    // Its memory.
    /// What its own blocks are made of, and the bytes of each.
    pub own: BTreeMap<LeaseId, u64>,
    /// Its granted blocks.
    pub blocks: BTreeMap<LeaseId, Grant>,
    /// Bytes of all its blocks, by the pool that gave each.
    pub holds: Amounts,
    /// Bytes that it still owes each pool.
    pub owed: Amounts,
    // Its status.
    pub freeable: u64,
    /// How much of what it owes LE is secured.
    pub secured_efficiency: u64,
    /// How much of what secures loans was missing in the last report.
    pub missing: u64,
    pub efficiency: Option<u8>,
    pub reported: Option<Instant>,
    /// When it was asked to report.
    pub status_asked: Option<Instant>,
    // What it is asked for.
    pub signals: VecDeque<Signal>,
    pub due: Option<Due>,
    pub asked: u64,
    pub obeyed: u64,
    /// It did not obey the last time.
    pub is_deaf: bool,
    /// Its requests that wait for memory.
    pub waiting: usize,
}

/// The record of a granted block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grant {
    /// The pool that gave it.
    pub pool: Pool,
    /// How many bytes of collateral secured it as a loan from LE.
    pub secured: u64,
}

/// A client of a process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    pub client: ClientNumber,
    /// When it was heard last; `None` for a connection, whose end will be told.
    pub heard: Option<Instant>,
}

/// A signal to collect that was not obeyed yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Due {
    /// The pool that it is for.
    pub pool: Pool,
    /// How much of it will refill that pool, in bytes.
    pub gain: u64,
    /// How many bytes are still to come back.
    pub left: u64,
    pub level: Level,
    pub until: Instant,
}

impl<W> Process<W> {
    pub fn new(name: Arc<str>, token: ProcessToken, waker: W) -> Self {
        Self {
            name,
            token,
            waker,
            sleepers: 0,
            members: Vec::new(),
            is_gone: false,
            own: BTreeMap::new(),
            blocks: BTreeMap::new(),
            holds: Amounts::default(),
            owed: Amounts::default(),
            freeable: 0,
            secured_efficiency: 0,
            missing: 0,
            efficiency: None,
            reported: None,
            status_asked: None,
            signals: VecDeque::new(),
            due: None,
            asked: 0,
            obeyed: 0,
            is_deaf: false,
            waiting: 0,
        }
    }

    /// The bytes of all its blocks.
    pub fn held(&self) -> u64 {
        self.holds.total()
    }

    /// The bytes of its own blocks.
    pub fn own_bytes(&self) -> u64 {
        self.own.values().sum()
    }

    /// Freeable memory that already secures loans, as far as it was reported then.
    pub fn secured(&self) -> u64 {
        self.owed[Pool::LoanedPause] + self.secured_efficiency
    }

    /// Freeable memory that secures nothing yet.
    pub fn collateral(&self) -> u64 {
        self.freeable.saturating_sub(self.secured())
    }

    /// Takes a block from a pool. A loan is secured by the collateral there is; answers how
    /// much of it one from LE takes.
    pub fn take(&mut self, pool: Pool, size: u64) -> u64 {
        let secured = if pool == Pool::LoanedEfficiency { self.collateral().min(size) } else { 0 };
        self.secured_efficiency += secured;
        self.holds[pool] += size;
        self.owed[pool] += size;
        secured
    }

    /// Takes an extent of its own blocks, or as much again of one that it has.
    pub fn take_own(&mut self, id: LeaseId, size: u64) {
        *self.own.entry(id).or_insert(0) += size;
        self.take(Pool::Committed, size);
    }

    /// Repays with a block that `pool` gave once: figure 12. Answers what each pool gets back.
    /// What is still owed stays secured by what secured it.
    pub fn repay(&mut self, pool: Pool, size: u64) -> (Amounts, Path) {
        let (refill, path) = repay(size, &self.owed);
        self.settle(pool, size, &refill);
        self.freeable = self.freeable.saturating_sub(size);
        if let Some(due) = &mut self.due {
            due.left = due.left.saturating_sub(size);
            due.gain = due.gain.min(due.left);
            if due.left == 0 {
                self.obeyed += 1;
                self.is_deaf = false;
                self.due = None;
            }
        }
        (refill, path)
    }

    /// Takes back a block that `pool` gave and nobody received: no repayment, nor obeying. What
    /// was repaid of it meanwhile, by another block, repays by figure 12.
    pub fn undo(&mut self, pool: Pool, size: u64, secured: u64) -> Amounts {
        let mut refill = Amounts::of(pool, self.owed[pool].min(size));
        let mut owed = self.owed;
        owed.subtract(&refill);
        refill.add(&repay(size - refill.total(), &owed).0);
        self.secured_efficiency = self.secured_efficiency.saturating_sub(secured);
        self.settle(pool, size, &refill);
        refill
    }

    fn settle(&mut self, pool: Pool, size: u64, refill: &Amounts) {
        self.holds[pool] -= size;
        self.owed.subtract(refill);
        let owed = self.owed[Pool::LoanedEfficiency];
        self.secured_efficiency = self.secured_efficiency.min(owed);
    }

    /// What it could give back of what it runs on: all but its own blocks.
    pub fn returnable(&self, pool: Pool) -> u64 {
        match pool {
            Pool::Committed => self.owed[pool].saturating_sub(self.own_bytes()),
            pool => self.owed[pool],
        }
    }

    /// What each pool would get back if it returned what it reported as freeable.
    pub fn freeable_by_pool(&self) -> Amounts {
        let returnable = Pool::ALL.into_iter().map(|pool| self.returnable(pool)).sum();
        repay(self.freeable.min(returnable), &self.owed).0
    }

    /// Takes a report of its garbage. Answers how many bytes are missing of what secures its
    /// loans, if those are more than in the last report.
    pub fn report(&mut self, freeable: u64, now: Instant) -> Option<u64> {
        self.freeable = freeable;
        self.reported = Some(now);
        let missing = self.secured().saturating_sub(freeable);
        let is_more = missing > std::mem::replace(&mut self.missing, missing);
        is_more.then_some(missing)
    }

    /// Adds a signal. There is at most one of a kind that waits to be heard: of two to collect
    /// the more pressing, but for as much as either; of equals the later.
    pub fn signal(&mut self, signal: Signal) {
        for waiting in &mut self.signals {
            match (&signal, &*waiting) {
                (Signal::Status, Signal::Status) => return,
                (Signal::Collect { level, .. }, Signal::Collect { level: before, .. })
                    if level >= before =>
                {
                    *waiting = signal;
                    return;
                }
                (
                    &Signal::Collect { size: less, .. },
                    &Signal::Collect { size, level, within_ms },
                ) => {
                    *waiting = Signal::Collect { size: size.max(less), level, within_ms };
                    return;
                }
                _ => {}
            }
        }
        self.signals.push_back(signal);
    }

    /// Its account, with the most that it may owe each pool.
    pub fn account(&self, may: Amounts) -> Account {
        Account {
            name: self.name.to_string(),
            freeable: self.freeable,
            secured: self.secured(),
            efficiency: self.efficiency,
            asked: self.asked,
            obeyed: self.obeyed,
            holds: self.holds,
            owes: self.owed,
            may,
        }
    }

    /// Says which invariant is broken, if one is.
    pub fn check(&self, cap: &Amounts) -> Result<(), String> {
        let name = &self.name;
        if self.owed.total() != self.held() {
            return Err(format!("{name} owes {:?} and holds {:?}", self.owed, self.holds));
        }
        if self.owed[Pool::Committed] < self.own_bytes() {
            return Err(format!("{name} owes committed less than its own blocks"));
        }
        if self.secured_efficiency > self.owed[Pool::LoanedEfficiency] {
            return Err(format!("{name} secures more than LE lent it"));
        }
        let is_capped = |pool: Pool| self.owed[pool] <= cap[pool];
        match Pool::ALL.into_iter().find(|&pool| !is_capped(pool)) {
            Some(pool) => Err(format!("{name} owes {} more than it may", pool.word())),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
#[path = "process_tests.rs"]
mod tests;
