//! Statements of account: the state of the pools, and of each process.
//!
//! **Invariants** A statement changes nothing but the pressure meter, which counts up to now.
//!
//! **Lock** the tables. The accounts are read in parts, in the order of their names, so that no
//! request waits for a long list. The pools are read under one hold of the lock: a pass over all
//! processes, which adds a few numbers for each.
//!
//! **Source** `cooperative-memory-management.txt`: the record of figure 12.

use std::ops::Bound;
use std::time::Instant;

use crate::cooperative::manager::{Manager, Processes};
use crate::cooperative::words::{Account, Amounts, Pool, PoolState, Pressure};

impl<H: Clone, W: Clone> Manager<'_, H, W> {
    /// Returns the state of each pool, and how much of the time processes waited lately.
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

    /// Returns the number of processes that have not ended.
    pub fn processes(&self) -> usize {
        self.names.len()
    }

    /// Returns the number of requests in the queue: those that wait for memory.
    pub fn requests_waiting(&self) -> usize {
        self.queue.iter().count()
    }
}
