//! The words of cooperative memory: pools, reasons, signals and accounts.
//!
//! ```text
//!   Wanted { size, reason }  ──► Granted { id, size, pool }  a request, and the block it got
//!   return ID                ──► Amounts                     the bytes that each pool got back
//!   Signal::Collect { size, level, within_ms }               the manager asks for memory
//!   Account                                                  one process: its blocks and debts
//! ```
//!
//! These are plain values: [`crate::cooperative::commands`] reads them from lines and frames and
//! writes them there. [`crate::cooperative::manager`] takes a [`Wanted`] and makes the others.
//!
//! **Invariants** Debts and free bytes are bytes of blocks. The buddy allocator rounds each request
//! up to a power of two, at least 32: if a debt were the requested bytes, it would be smaller than
//! the pool's loss. These numbers are not rounded: [`Wanted::size`], the caps, the freeable bytes
//! of a report, the secured bytes, and the size of a signal to collect.
//!
//! The table of words in [`crate::cooperative`] explains *freeable*, *collateral*, *efficiency* and
//! *pause*. A box is a numbered step of the source's figures.
//!
//! **Lock** none.
//!
//! **Source** `cooperative-memory-management.txt`: figure 7B for the pools, figures 8 to 11 for the
//! reasons, the paragraphs on status information for reports and signals.

use std::ops::{Index, IndexMut};

use crate::common::description::{choice, message};
use crate::common::id::LeaseId;
use crate::memory::buddy::Buddy;

/// The secret by which a further client attaches to a process. It has the form of a lease id, and
/// is as hard to guess.
pub type ProcessToken = LeaseId;

// The brackets after the name hold two texts of errors: for a word that is none of these, in a line
// of text, and for such a number, in a frame.
choice! {
    /// A pool: a share of the arena for certain reasons. The order here is the order on the wire.
    Pool["a pool is committed, gl, gp, le or lp; give one", "has a pool of no known number"] {
        /// The pool for the memory that processes run on, and for plain leases: box 750.
        Committed = "committed",
        /// GL, for a process that is out of memory, perhaps because it leaks: box 752.
        GrantedLeak = "gl",
        /// GP, for a process that would pause and gets no loan from LP: box 754.
        GrantedPause = "gp",
        /// LE, for loans that make a process more efficient; also the last reserve against a pause:
        /// box 756.
        LoanedEfficiency = "le",
        /// LP, for loans that avoid a pause: box 758.
        LoanedPause = "lp",
    }
}

/// A number of bytes for each pool, indexed by the pool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amounts([u64; Pool::ALL.len()]);

impl Amounts {
    /// Returns `bytes` of one pool, and none of the others.
    pub fn in_one_pool(pool: Pool, bytes: u64) -> Self {
        let mut amounts = Self::default();
        amounts[pool] = bytes;
        amounts
    }

    /// Returns the amounts that the function `bytes` gives for each pool. It is called in the order
    /// of [`Pool::ALL`].
    pub fn each(bytes: impl FnMut(Pool) -> u64) -> Self {
        Self(Pool::ALL.map(bytes))
    }

    /// Returns the sum. It fits in 64 bits, because the amounts are parts of one arena; amounts
    /// from a frame are checked for that when they are read.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Adds the amount of each pool.
    pub fn add(&mut self, other: &Self) {
        Pool::ALL.into_iter().for_each(|pool| self[pool] += other[pool]);
    }

    /// Subtracts the amount of each pool. If `other` is larger, the manager has a bug. A build with
    /// debug assertions then panics. A release build stops at 0, so that a wrong account does not
    /// wrap round to nearly 2^64 free bytes.
    pub fn subtract(&mut self, other: &Self) {
        debug_assert!(Pool::ALL.into_iter().all(|pool| self[pool] >= other[pool]));
        Pool::ALL.into_iter().for_each(|pool| self[pool] = self[pool].saturating_sub(other[pool]));
    }
}

impl Index<Pool> for Amounts {
    type Output = u64;

    fn index(&self, pool: Pool) -> &u64 {
        &self.0[pool as usize]
    }
}

impl IndexMut<Pool> for Amounts {
    fn index_mut(&mut self, pool: Pool) -> &mut u64 {
        &mut self.0[pool as usize]
    }
}

choice! {
    /// The reasons of a request, in the order of urgency, the most urgent last: the manager
    /// compares them when it serves the requests that wait ([`crate::cooperative::manager`]).
    Reason[
        "a reason is committed, efficiency, urgent-efficiency, pause or out-of-memory; give one",
        "has a reason of no known number"
    ] {
        /// The memory that the process needs to run at all. The document gives it no urgency; here
        /// it stands first, as the least urgent.
        Committed = "committed",
        /// More headroom, to collect less often.
        Efficiency = "efficiency",
        /// More headroom, for a process that would otherwise soon pause.
        UrgentEfficiency = "urgent-efficiency",
        /// Memory for the collector: without it the process stops until it has collected.
        Pause = "pause",
        /// Memory for a process that would end without it.
        OutOfMemory = "out-of-memory",
    }
}

/// A request for memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The bytes that the process needs, at least 1; the block may be larger.
    pub size: u64,
    /// The reason, which decides from which pools the block may come. A request in text may give a
    /// number from 0 to 4 instead, the document's level of urgency: the index of the reason in
    /// [`Reason::ALL`].
    pub reason: Reason,
    /// The freeable bytes of the process, when it reports them with the request. The report and the
    /// request are then under one hold of the lock, so no other client comes between them.
    pub freeable: Option<u64>,
    /// The efficiency of the process's last collection, in percent, when the process reports it
    /// with the request.
    pub efficiency: Option<u8>,
    /// The longest wait for memory to come back, in milliseconds; 0 is no wait.
    pub wait_ms: u64,
    /// Whether the reply shows the boxes of the decision.
    pub why: bool,
}

impl Wanted {
    /// Returns a request without a report, which does not wait and does not ask why.
    pub fn new(size: u64, reason: Reason) -> Self {
        Self { size, reason, freeable: None, efficiency: None, wait_ms: 0, why: false }
    }

    /// Returns the bytes of the block for this request. A size that no block can have becomes the
    /// largest number, which exceeds every pool and every cap.
    pub fn block(&self) -> u64 {
        Buddy::rounded(self.size).unwrap_or(u64::MAX)
    }
}

/// A block that a process was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// The block's id, by which `set` and `get` reach it.
    pub id: LeaseId,
    /// The block's bytes: the request rounded up to a power of two.
    pub size: u64,
    /// The pool that gave it.
    pub pool: Pool,
    /// The boxes of the decision with hyphens between them, when the request asked why.
    pub by: Option<String>,
}

/// The urgency of a signal to collect; the most pressing level stands last. At the levels `Wanted`
/// and `Urgent` some process waits for memory. By default the manager sends the signal to another
/// process: it asks processes that wait only with
/// [`crate::cooperative::manager::CollectBy::Freeable`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// A pool is below its low-water mark; or the garbage that the process reports no longer covers
    /// its loans; or the manager asks all processes at the end of an interval (`collect_every`).
    Low,
    /// A process waits for memory, to run or to be more efficient.
    Wanted,
    /// A process waits for memory, and pauses or ends without it.
    Urgent,
}

impl Level {
    /// All levels, in their order.
    pub const ALL: [Self; 3] = [Level::Low, Level::Wanted, Level::Urgent];

    /// Returns the number on the wire: 1 to 3.
    pub fn number(self) -> u8 {
        self as u8 + 1
    }
}

/// A signal of the memory manager to a process; the process reads it with `wait`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// Collect garbage, and return memory.
    Collect {
        /// The bytes to return.
        size: u64,
        /// Its urgency.
        level: Level,
        /// The time to obey, in milliseconds. A process that needs longer is *deaf* until it obeys
        /// a later signal: the manager does not rely on it, and asks other processes too. If the
        /// signal came only because the garbage no longer covers the loans, the process does not
        /// become deaf.
        within_ms: u64,
    },
    /// Send a report: the process has sent none, or the last one is too old to be believed.
    Status,
    /// A block that the process did not ask for. It reported a low efficiency, and the manager took
    /// the block for it.
    Granted {
        /// The block's id.
        id: LeaseId,
        /// The block's bytes.
        size: u64,
        /// The pool that gave it.
        pool: Pool,
    },
}

message! {
    /// The state of one pool, in bytes.
    PoolState {
        /// The pool.
        pool as "name": Pool,
        /// All its bytes.
        size: u64,
        /// The bytes that it can give now.
        free: u64,
        /// The bytes that would come back to it if every process returned its freeable memory.
        freeable: u64,
    }
}

/// The share of the time in which processes waited for memory, in hundredths of a percent: 833 is
/// 8.33 %.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pressure {
    /// The share of the last 10 s in which at least one process waited.
    pub some_10: u32,
    /// The share of the last 60 s in which at least one process waited.
    pub some_60: u32,
    /// The share of the last 10 s in which all processes waited.
    pub all_10: u32,
    /// The share of the last 60 s in which all processes waited.
    pub all_60: u32,
}

impl Pressure {
    /// Returns the four shares with their names, in the order in which they stand on the wire.
    pub fn figures(&self) -> [(&'static str, u32); 4] {
        [
            ("some10", self.some_10),
            ("some60", self.some_60),
            ("all10", self.all_10),
            ("all60", self.all_60),
        ]
    }
}

/// The account of one process, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The process's name.
    pub name: String,
    /// The garbage that it has reported and not returned.
    pub freeable: u64,
    /// The bytes that secure its loans. They may exceed `freeable`, when a later report was lower.
    pub secured: u64,
    /// The share of the examined bytes that its last collection freed, in percent; `None` when it
    /// never reported one.
    pub efficiency: Option<u8>,
    /// The count of signals to collect that it got for a pool in need. Signals because its garbage
    /// no longer covers its loans are not counted.
    pub asked: u64,
    /// The count of the signals in `asked` after which it returned all of the bytes before the
    /// manager found it late.
    pub obeyed: u64,
    /// The bytes of its blocks, by the pool that gave each.
    pub holds: Amounts,
    /// The bytes that it still owes each pool: figure 12's W, X, Y and Z, and its committed memory.
    /// For one pool this may differ from `holds`: a returned block repays debts in figure 12's
    /// order, whichever pool gave it. The sums over all pools are equal.
    pub owes: Amounts,
    /// The most that it may owe each pool.
    pub may: Amounts,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_all_different() {
        let words: std::collections::HashSet<_> = Pool::ALL.map(Pool::word).into();
        assert_eq!(words.len(), Pool::ALL.len());
        let words: std::collections::HashSet<_> = Reason::ALL.map(Reason::word).into();
        assert_eq!(words.len(), Reason::ALL.len());
    }

    #[test]
    fn the_more_urgent_reason_is_the_greater() {
        assert!(Reason::OutOfMemory > Reason::Pause && Reason::Pause > Reason::UrgentEfficiency);
        assert!(Reason::UrgentEfficiency > Reason::Efficiency);
    }

    #[test]
    fn amounts_are_counted_pool_by_pool() {
        let mut amounts = Amounts::in_one_pool(Pool::GrantedPause, 5);
        amounts.add(&Amounts::each(|pool| pool as u64));
        assert_eq!((amounts[Pool::GrantedPause], amounts.total()), (7, 15));
        amounts.subtract(&Amounts::in_one_pool(Pool::GrantedPause, 7));
        assert_eq!((amounts[Pool::GrantedPause], amounts.total()), (0, 8));
    }
}
