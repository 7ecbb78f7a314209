//! Statements of account: the pools, and each process, as a bank would print them.
//!
//! **Invariants** nothing is changed but the pressure's clock.
//!
//! **Lock** the tables; accounts are read in bites, in the order of their names, so that no
//! request waits for a long list. **Source** the record of figure 12.

use std::ops::Bound;
use std::time::Instant;

use crate::cooperative::manager::{Manager, Processes};
use crate::cooperative::words::{Account, Amounts, Pool, PoolState, Pressure};

impl<H: Clone, W: Clone> Manager<'_, H, W> {
    /// Each pool, and how long processes had to wait lately.
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
    /// Up to `most` accounts, of the names after `after`.
    pub fn accounts(&self, after: Option<&str>, most: usize) -> Vec<Account> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let names = self.names.range::<str, _>((from, Bound::Unbounded)).take(most);
        let cap = *self.pools.cap();
        names.filter_map(|(_, number)| Some(self.all.get(number)?.account(cap))).collect()
    }

    /// How many processes there are.
    pub fn processes(&self) -> usize {
        self.names.len()
    }

    /// How many requests wait.
    pub fn requests_waiting(&self) -> usize {
        self.queue.iter().count()
    }
}
