//! One process: its blocks, its debts, its last report, and the signals that it has not read yet.
//!
//! ```text
//!   held      │ own blocks   │ granted blocks                    │   bytes of blocks
//!   owed      │ committed    │ committed │ gl │ gp │ le  │ lp     │   the same sum
//!   freeable         │ secured: parts of lp and of le   │ collateral │   reported garbage
//! ```
//!
//! GL is the granted leak pool, GP granted pause, LE loaned efficiency, LP loaned pause. LE and LP
//! lend blocks, the other pools grant them; *granted block* is the word for both kinds. Collateral
//! is the reported garbage that secures no loan yet. A new loan takes as much of it as the block
//! has bytes, or all of it. A loan from LP needs collateral of the requested size (figure 9), one
//! from LE a single byte, or none at step 928 of figure 9. A debt keeps its security until it is
//! repaid; otherwise the same garbage could secure a second loan.
//!
//! **Invariants** (`Process::check` tests 1, 2 and 4, and that the security of each pool's loans is
//! at most the debt to it)
//!
//! 1. The process owes all pools together as many bytes as its blocks from them have, so returned
//!    bytes always repay a debt. For one pool the two may differ: a block of GL may have repaid LP.
//! 2. The process owes the committed pool at least the bytes of its own blocks in the first space,
//!    the part of the arena that the pools divide. It cannot return these blocks.
//! 3. Bytes that secure loans are not collateral. A report below them is accepted: the collateral
//!    is then 0. If the shortfall has grown, the manager asks the process to return memory.
//! 4. The process owes no pool more than the pool's cap.
//!
//! **Lock** the tables. Nothing here locks; the manager is the only caller.
//!
//! **Source** `cooperative-memory-management.txt`: status information, collateral, and the record
//! of how much a process has received from each pool.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use crate::common::caller::ClientNumber;
use crate::common::id::LeaseId;
use crate::cooperative::figures::Path;
use crate::cooperative::repayment::repay;
use crate::cooperative::words::{Account, Amounts, Level, Pool, ProcessToken, Reason, Signal};
use crate::memory::lease::SpaceNumber;

/// The number of a process: counted from 1 in the order of joining, never reused.
pub type ProcessNumber = u64;

/// One process. `W` wakes the threads that wait for it: in the server a condition variable, in
/// tests and simulations a number or `()`.
#[derive(Debug)]
pub(super) struct Process<W> {
    // Its identity, and the threads that wait for it.
    /// The name, unique among the processes that have not ended.
    pub name: Arc<str>,
    /// The secret by which further clients attach.
    pub token: ProcessToken,
    /// Wakes the threads that wait for this process.
    pub waker: W,
    /// The number of threads that sleep on `waker`. When it is 0 the manager wakes no one, which
    /// saves a system call for each signal.
    pub sleepers: usize,
    /// The clients that belong to it. The process ends with the last one.
    pub members: Vec<Member>,
    /// The process has ended; its entry stays until its blocks are given back.
    pub has_ended: bool,
    // Its memory.
    /// The extents of its own blocks, and the bytes of each.
    pub own_extents: BTreeMap<LeaseId, u64>,
    /// The number of the space, a part of the arena, with its own blocks. The pools divide space 0,
    /// the first one. In another space no pool gives the own blocks, and the process owes nothing.
    pub space: SpaceNumber,
    /// Its granted blocks.
    pub blocks: BTreeMap<LeaseId, BlockRecord>,
    /// The bytes of its blocks that pools gave, by the pool that gave each.
    pub holds: Amounts,
    /// The bytes that it still owes each pool.
    pub owed: Amounts,
    /// The parts of these debts that come from requests with the reason `pause`. When a pool is
    /// repaid, the bytes repay this part of the debt first.
    pub owed_for_pauses: Amounts,
    // Its status, as it reported it.
    /// The reported bytes of garbage. A return, a `reuse`, or the shrinking of an own block lowers
    /// the number: the manager assumes that so much garbage is gone.
    pub freeable: u64,
    /// The parts of the debts to LP and LE that are secured; 0 for the other pools.
    pub secured_loans: Amounts,
    /// The bytes by which the last report was lower than the bytes that secure the loans. The
    /// process gets another signal only when a report makes this larger. Otherwise each report
    /// would make the process collect again.
    pub missing: u64,
    /// The share of the examined bytes that its last collection freed, in percent.
    pub efficiency: Option<u8>,
    /// The time of the last report.
    pub reported: Option<Instant>,
    /// The time at which the manager last asked it to report.
    pub status_asked: Option<Instant>,
    // Its signals and its requests.
    /// The signals that no client of the process has read yet, the next one in front.
    pub signals: VecDeque<Signal>,
    /// The signal to collect for a pool in need, until the process has obeyed or is found deaf.
    pub due: Option<Due>,
    /// The count of signals to collect for a pool in need that were sent ([`Account::asked`]).
    pub asked: u64,
    /// The count of those signals that it obeyed ([`Account::obeyed`]).
    pub obeyed: u64,
    /// The process did not obey a signal in time, and has obeyed none since. The manager asks it
    /// after the others, and asks others for the same bytes too.
    pub is_deaf: bool,
    /// The number of its requests in the queue.
    pub waiting: usize,
}

/// The record of a block that a pool granted or lent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlockRecord {
    /// The pool that gave the block.
    pub pool: Pool,
    /// The bytes of collateral that secured the loan; 0 if the pool does not lend.
    pub secured: u64,
    /// The block came in response to a pause request.
    pub is_for_pause: bool,
}

/// A client that belongs to a process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    /// The client: a connection, or a sender of datagrams.
    pub client: ClientNumber,
    /// When the client was last heard; `None` for a connection, because the server sees its end.
    pub heard: Option<Instant>,
}

/// A signal to collect for a pool in need that was not obeyed yet. Unless the process is deaf, the
/// manager counts `gain` as bytes that are coming. It then asks no other process for them, unless
/// the need becomes more pressing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Due {
    /// The pool in need.
    pub pool: Pool,
    /// The bytes of `left` that will refill that pool.
    pub gain: u64,
    /// The bytes that the process still has to return. They are more than `gain` when figure 12
    /// repays other debts first.
    pub left: u64,
    /// The urgency of the signal. A more pressing one may replace it.
    pub level: Level,
    /// The end of the time to obey. The manager's first look after it marks the process as deaf.
    pub until: Instant,
}

impl<W> Process<W> {
    /// Returns a process without members, blocks or debts.
    pub fn new(name: Arc<str>, token: ProcessToken, waker: W) -> Self {
        Self {
            name,
            token,
            waker,
            sleepers: 0,
            members: Vec::new(),
            has_ended: false,
            own_extents: BTreeMap::new(),
            space: 0,
            blocks: BTreeMap::new(),
            holds: Amounts::default(),
            owed: Amounts::default(),
            owed_for_pauses: Amounts::default(),
            freeable: 0,
            secured_loans: Amounts::default(),
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

    /// Returns the bytes of all its blocks that pools gave.
    pub fn held(&self) -> u64 {
        self.holds.total()
    }

    /// Returns the bytes of its own blocks that are committed memory.
    pub fn own_bytes(&self) -> u64 {
        if self.space == 0 { self.own_extents.values().sum() } else { 0 }
    }

    /// Returns the bytes that secure its loans. They may exceed the freeable bytes, when a later
    /// report was lower.
    pub fn secured(&self) -> u64 {
        self.secured_loans.total()
    }

    /// Returns the efficiency in percent, and 50, the middle of the range, if none was reported.
    pub fn presumed_efficiency(&self) -> u64 {
        self.efficiency.map_or(50, u64::from)
    }

    /// Returns the freeable bytes that secure no loan yet.
    pub fn collateral(&self) -> u64 {
        self.freeable.saturating_sub(self.secured())
    }

    /// Returns the bytes that it may still take from each pool: `cap`, the most that it may owe,
    /// less its debt.
    pub fn room(&self, cap: &Amounts) -> Amounts {
        Amounts::each(|pool| cap[pool].saturating_sub(self.owed[pool]))
    }

    /// Enters a block of `size` bytes from a pool into the account: the process holds and owes it.
    /// Returns the bytes of collateral that secure this block. They are at most `size`, and 0 if
    /// the pool does not lend.
    pub fn take(&mut self, pool: Pool, size: u64) -> u64 {
        let is_loan = matches!(pool, Pool::LoanedPause | Pool::LoanedEfficiency);
        let secured = if is_loan { self.collateral().min(size) } else { 0 };
        self.secured_loans[pool] += secured;
        self.holds[pool] += size;
        self.owed[pool] += size;
        secured
    }

    /// Enters a block as [`Process::take`] does, in response to a request with a reason. Returns
    /// the block's record.
    pub fn take_for(&mut self, reason: Reason, pool: Pool, size: u64) -> BlockRecord {
        let is_for_pause = reason == Reason::Pause;
        if is_for_pause {
            self.owed_for_pauses[pool] += size;
        }
        BlockRecord { pool, secured: self.take(pool, size), is_for_pause }
    }

    /// Enters an extent of an own block, or `size` more bytes of an extent that was doubled.
    pub fn take_own(&mut self, id: LeaseId, size: u64) {
        *self.own_extents.entry(id).or_insert(0) += size;
        if self.space == 0 {
            self.take(Pool::Committed, size);
        }
    }

    /// Repays debts with a block that `pool` gave: figure 12. Returns the bytes that each pool gets
    /// back, and the path. A debt that remains keeps its security.
    pub fn repay(&mut self, pool: Pool, size: u64) -> (Amounts, Path) {
        // `pool` matters for `holds` alone: figure 12 goes by the debts, and not by the pool that
        // gave the block.
        let (refill, path) = repay(size, &self.owed);
        self.settle(pool, size, &refill);
        // The manager assumes that the process collected to free this block, so that as much
        // garbage is gone.
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

    /// Takes back a block that no client received. The bytes go back to `grant.pool` first, and not
    /// in figure 12's order. The process did not return them, so they count for no signal to
    /// collect. The account is then usually the same as before the grant. But another block may
    /// have repaid a part of this debt meanwhile: then that pool has those bytes already, and as
    /// many bytes of this block repay other debts by figure 12. Returns the bytes that each pool
    /// gets back.
    pub fn undo(&mut self, size: u64, grant: BlockRecord) -> Amounts {
        let BlockRecord { pool, secured, is_for_pause } = grant;
        let for_pauses = self.owed_for_pauses;
        let mut refill = Amounts::in_one_pool(pool, self.owed[pool].min(size));
        let mut owed = self.owed;
        owed.subtract(&refill);
        refill.add(&repay(size - refill.total(), &owed).0);
        // Saturating, because a repayment meanwhile may have lowered the security already.
        self.secured_loans[pool] = self.secured_loans[pool].saturating_sub(secured);
        self.settle(pool, size, &refill);
        // `settle` repays the debts for pauses first. This block was not for a pause, so they get
        // their old amounts again, but at most the whole debt to each pool.
        if !is_for_pause {
            self.owed_for_pauses = Amounts::each(|pool| for_pauses[pool].min(self.owed[pool]));
        }
        refill
    }

    /// Subtracts a block of `size` bytes that `pool` gave, and the debts `refill` that this block
    /// repaid. Then lowers the security of each pool's loans, so that it is at most the debt.
    fn settle(&mut self, pool: Pool, size: u64, refill: &Amounts) {
        self.holds[pool] -= size;
        self.owed.subtract(refill);
        self.owed_for_pauses =
            Amounts::each(|pool| self.owed_for_pauses[pool].saturating_sub(refill[pool]));
        self.secured_loans = Amounts::each(|pool| self.secured_loans[pool].min(self.owed[pool]));
    }

    /// Returns the part of the debt to a pool that the process can repay: all except its own
    /// blocks.
    pub fn returnable(&self, pool: Pool) -> u64 {
        match pool {
            Pool::Committed => self.owed[pool].saturating_sub(self.own_bytes()),
            pool => self.owed[pool],
        }
    }

    /// Returns the bytes that each pool would get back if the process returned its freeable bytes,
    /// or all that it can return if that is less: own blocks cannot be returned.
    pub fn freeable_by_pool(&self) -> Amounts {
        let returnable = Pool::ALL.into_iter().map(|pool| self.returnable(pool)).sum();
        repay(self.freeable.min(returnable), &self.owed).0
    }

    /// Takes a report of `freeable` bytes of garbage. If more bytes than that secure the loans, the
    /// difference is missing. Returns the difference if it is larger than at the last report.
    /// Otherwise returns `None`: nothing is missing, or the process has been asked for it already.
    pub fn report(&mut self, freeable: u64, now: Instant) -> Option<u64> {
        self.freeable = freeable;
        self.reported = Some(now);
        let missing = self.secured().saturating_sub(freeable);
        let is_more = missing > std::mem::replace(&mut self.missing, missing);
        is_more.then_some(missing)
    }

    /// Adds a signal. If an unread signal to collect or to report is there already, a second one of
    /// that kind is merged with it, so a process that reads no signals costs no more memory. Each
    /// block that the process did not ask for has a signal of its own; the caps bound their number.
    /// Two signals to collect become one, with the larger size, and with the level and the time of
    /// the more pressing one. With the smaller size, a process that obeys could free less than its
    /// due signal asks for, and would count as deaf.
    pub fn signal(&mut self, signal: Signal) {
        for waiting in &mut self.signals {
            match (&signal, &*waiting) {
                (Signal::Status, Signal::Status) => return,
                (
                    &Signal::Collect { size, level, within_ms },
                    &Signal::Collect { size: size_before, level: level_before, within_ms: before },
                ) => {
                    let is_as_pressing = level >= level_before;
                    *waiting = Signal::Collect {
                        size: size.max(size_before),
                        level: level.max(level_before),
                        within_ms: if is_as_pressing { within_ms } else { before },
                    };
                    return;
                }
                _ => {}
            }
        }
        self.signals.push_back(signal);
    }

    /// Returns the process's account. `may` is the most that it may owe each pool.
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

    /// Says which invariant is broken, if one is. `cap` is the most that it may owe each pool.
    pub fn check(&self, cap: &Amounts) -> Result<(), String> {
        let name = &self.name;
        if self.owed.total() != self.held() {
            return Err(format!("{name} owes {:?} and holds {:?}", self.owed, self.holds));
        }
        if Pool::ALL.into_iter().any(|pool| self.owed_for_pauses[pool] > self.owed[pool]) {
            return Err(format!("{name} owes more for pauses than in all"));
        }
        if self.owed[Pool::Committed] < self.own_bytes() {
            return Err(format!("{name} owes committed less than its own blocks"));
        }
        if Pool::ALL.into_iter().any(|pool| self.secured_loans[pool] > self.owed[pool]) {
            return Err(format!("{name} secures more than it owes"));
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
