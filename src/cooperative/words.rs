//! The words of cooperative memory: pools, reasons, signals and accounts.
//!
//! ```text
//!   Wanted { size, reason } ──► Granted { block, pool }     a loan or a grant
//!   Return { block }        ──► Amounts                     what it repaid, pool by pool
//!   Signal::Collect { size, level, within_ms }              the manager asks for memory back
//! ```
//!
//! **Invariants** all bytes are those of blocks: a request rounded up to a power of two,
//! at least 32.
//!
//! **Lock** none: plain values.
//!
//! **Source** `cooperative-memory-management.txt`: the pools are those of figure 7B, the
//! reasons those of figures 8 to 11.

use std::ops::{Index, IndexMut};

use crate::common::description::choice;
use crate::common::id::LeaseId;

/// The secret by which a further connection joins a process. Of a lease id's form, and
/// as hard to guess.
pub type ProcessToken = LeaseId;

choice! {
    /// A part of the arena with a character of its own.
    Pool["a pool is committed, gl, gp, le or lp; give one", "has a pool of no known number"] {
        /// The pool that processes run on, and plain leases: box 750.
        Committed = "committed",
        /// GL, for a process that may leak and is out of memory: box 752.
        GrantedLeak = "gl",
        /// GP, against a pause of a process without sufficient collateral: box 754.
        GrantedPause = "gp",
        /// LE, lent to be more efficient: box 756.
        LoanedEfficiency = "le",
        /// LP, lent against a pause: box 758.
        LoanedPause = "lp",
    }
}

/// Bytes for each pool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amounts([u64; Pool::ALL.len()]);

impl Amounts {
    /// So many bytes of one pool.
    pub fn of(pool: Pool, bytes: u64) -> Self {
        let mut amounts = Self::default();
        amounts[pool] = bytes;
        amounts
    }

    /// What a function says of each pool.
    pub fn each(bytes: impl FnMut(Pool) -> u64) -> Self {
        Self(Pool::ALL.map(bytes))
    }

    /// All of it. What stands here is parts of one arena, so the sum fits.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Adds pool by pool.
    pub fn add(&mut self, other: &Self) {
        Pool::ALL.into_iter().for_each(|pool| self[pool] += other[pool]);
    }

    /// Subtracts pool by pool; nothing goes below 0.
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
    /// Why a process asks for memory. In the order of urgency, the most urgent last.
    Reason[
        "a reason is committed, efficiency, urgent-efficiency, pause or out-of-memory; give one",
        "has a reason of no known number"
    ] {
        /// To run at all.
        Committed = "committed",
        /// To collect less often.
        Efficiency = "efficiency",
        /// To collect less often, or else it will soon pause.
        UrgentEfficiency = "urgent-efficiency",
        /// Its collector would stop it.
        Pause = "pause",
        /// It would end.
        OutOfMemory = "out-of-memory",
    }
}

/// A request for memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Bytes, at least 1.
    pub size: u64,
    /// Why.
    pub reason: Reason,
    /// A report of the freeable bytes that comes with it.
    pub freeable: Option<u64>,
    /// How long to wait for memory to come back, in milliseconds; 0 is not at all.
    pub wait_ms: u64,
    /// Whether the answer shall say how it was decided.
    pub why: bool,
}

/// Memory that a process was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// The block's name.
    pub id: LeaseId,
    /// The block's bytes: what was asked for, rounded up to a power of two.
    pub size: u64,
    /// Where it came from.
    pub pool: Pool,
    /// The boxes of the figures on the way, if that was asked.
    pub by: Option<String>,
}

/// How pressing a signal to collect is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// A pool is below its low-water mark, or a loan is no longer secured.
    Low,
    /// Another process waits for memory.
    Wanted,
    /// Another process waits for memory, and pauses or ends without it.
    Urgent,
}

impl Level {
    /// Every one of them.
    pub const ALL: [Self; 3] = [Level::Low, Level::Wanted, Level::Urgent];

    /// As it stands on the wire: 1 to 3.
    pub fn number(self) -> u8 {
        self as u8 + 1
    }
}

/// A signal of the memory manager to a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// Collect garbage and return memory.
    Collect {
        /// How many bytes.
        size: u64,
        /// How pressing it is.
        level: Level,
        /// Within how many milliseconds, to count as obeyed.
        within_ms: u64,
    },
    /// Report: what is known of the process is old.
    Status,
    /// The manager asked on the process's behalf, because it reported a low efficiency.
    Granted {
        /// The block's name.
        id: LeaseId,
        /// The block's bytes.
        size: u64,
        /// Where it came from.
        pool: Pool,
    },
}

/// One pool, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolState {
    /// Which one.
    pub pool: Pool,
    /// All of it.
    pub size: u64,
    /// What can be given.
    pub free: u64,
    /// What would come back if every process returned what it reported as freeable.
    pub freeable: u64,
}

/// The share of time in which processes waited for memory, in hundredths of a percent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pressure {
    /// Some process did, in the last 10 s.
    pub some_10: u32,
    /// Some process did, in the last 60 s.
    pub some_60: u32,
    /// All processes did, in the last 10 s.
    pub all_10: u32,
    /// All processes did, in the last 60 s.
    pub all_60: u32,
}

impl Pressure {
    /// The four with their names, in the order in which they stand on the wire.
    pub fn figures(&self) -> [(&'static str, u32); 4] {
        [
            ("some10", self.some_10),
            ("some60", self.some_60),
            ("all10", self.all_10),
            ("all60", self.all_60),
        ]
    }
}

/// One process's account, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The process's name.
    pub name: String,
    /// Garbage that it has reported and not returned.
    pub freeable: u64,
    /// How much of that secures loans.
    pub secured: u64,
    /// The share of the examined bytes that its last collection freed, in percent.
    pub efficiency: Option<u8>,
    /// How often it was signalled to collect.
    pub asked: u64,
    /// How often it then returned enough in time.
    pub obeyed: u64,
    /// The blocks that it has, by the pool that each was given from.
    pub holds: Amounts,
    /// What it still owes each pool: figure 12's W, X, Y and Z, and what it runs on.
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
        let mut amounts = Amounts::of(Pool::GrantedPause, 5);
        amounts.add(&Amounts::each(|pool| pool as u64));
        assert_eq!((amounts[Pool::GrantedPause], amounts.total()), (7, 15));
        amounts.subtract(&Amounts::of(Pool::GrantedPause, 7));
        assert_eq!((amounts[Pool::GrantedPause], amounts.total()), (0, 8));
    }
}
