//! Statements of account: the state of the pools, and of each process.
//!
//! **Invariants** A statement changes nothing but the pressure meter, which counts up to now.
//!
//! A process's *account* has the bytes of its blocks, of its debts and of its reported garbage.
//! *Pressure* is the share of the time in which processes waited for memory.
//!
//! **Lock** the tables'. The accounts are read in parts, in the order of their names, so that no
//! request waits for a long list. The pools are read under one hold of the lock: a pass over all
//! processes, which adds a few numbers for each.
//!
//! **Source** `cooperative-memory-management.txt`: the record of figure 12.

use std::ops::Bound;
use std::sync::Arc;
use std::time::Instant;

use crate::cooperative::manager::{Manager, Processes};
use crate::cooperative::process::Process;
use crate::cooperative::words::{Account, Amounts, Pool, PoolState, Pressure};
use crate::memory::lease::LeaseTable;

/// A block of a process, for lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldRow {
    /// The bytes before the block in the arena.
    pub offset: u64,
    /// The bytes of the block.
    pub block: u64,
    /// The pool that gave the block.
    pub pool: Pool,
    /// The name of the process.
    pub process: Arc<str>,
}

impl<W: Clone> Manager<'_, W> {
    /// Returns the state of each pool, and the shares of the last 10 and 60 seconds in which
    /// processes waited. Needs `&mut self`, because the pressure meter counts up to `now`.
    pub fn pools(&mut self, now: Instant) -> (Vec<PoolState>, Pressure) {
        let (size, free) = (*self.processes.pools.size(), self.free());
        let mut freeable = Amounts::default();
        self.processes.all.values().for_each(|process| freeable.add(&process.freeable_by_pool()));
        let state =
            |pool| PoolState { pool, size: size[pool], free: free[pool], freeable: freeable[pool] };
        (Pool::ALL.map(state).to_vec(), self.processes.pressure.figures(now))
    }
}

impl<W: Clone> Processes<W> {
    /// Returns up to `most` accounts in the order of the names: those that follow the name `after`,
    /// or the first ones when `after` is `None`. A process that has ended has no account, also
    /// while its blocks are given back.
    pub fn accounts(&self, after: Option<&str>, most: usize) -> Vec<Account> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let names = self.names.range::<str, _>((from, Bound::Unbounded)).take(most);
        let cap = *self.pools.cap();
        names.filter_map(|(_, number)| Some(self.all.get(number)?.account(cap))).collect()
    }

    /// Returns the count of the blocks that processes have in the first space, which is the part of
    /// the arena that the pools divide; and at most `most` of these blocks, in the order of the
    /// processes' numbers. The blocks of a process that has ended are among them until they are
    /// struck, that is, taken out of the lease table.
    pub fn held_blocks(&self, leases: &LeaseTable, most: usize) -> (u64, Vec<HeldRow>) {
        // Granted blocks always lie in the first space; own blocks may lie in another one.
        let of_first_space = |process: &Process<W>| process.space == 0;
        let count = |process: &Process<W>| {
            process.blocks.len()
                + if of_first_space(process) { process.own_extents.len() } else { 0 }
        };
        let total: usize = self.all.values().map(|process| count(process)).sum();
        let rows = self.all.iter().flat_map(|(&number, process)| {
            let own = process.own_extents.keys().filter(|_| of_first_space(process));
            let granted = process.blocks.iter().map(|(&id, grant)| (id, grant.pool));
            own.map(|&id| (id, Pool::Committed)).chain(granted).filter_map(move |(id, pool)| {
                let block = leases.size_of_held(id, number)?;
                let (offset, process) = (leases.offset(id)?, process.name.clone());
                Some(HeldRow { offset, block, pool, process })
            })
        });
        (total as u64, rows.take(most).collect())
    }

    /// Returns the number of processes that have not ended.
    pub fn living_count(&self) -> usize {
        self.names.len()
    }

    /// Returns the number of requests in the queue: those that wait for memory.
    pub fn requests_waiting(&self) -> usize {
        self.queue.waiting.len()
    }
}
