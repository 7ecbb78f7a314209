//! What must hold of the table at any time: the tests ask after each step.
//!
//! **Invariants** those of [`super`], counted. **Lock** the tables. **Source** ours.

use super::{LeaseTable, Tenure};
use crate::message::memory::{Amounts, Pool};

impl<H: Clone> LeaseTable<H> {
    /// Says which invariant is broken, if one is.
    ///
    /// # Errors
    /// The invariant, in words.
    pub fn check(&self) -> Result<(), String> {
        self.buddy.check()?;
        let leases = || self.leases.iter().map(|(&id, lease)| (id, lease));
        let ordered = leases().all(|(id, lease)| match lease.tenure {
            Tenure::Until(expiry) => self.by_expiry.contains(&(expiry, id)),
            Tenure::Of(..) => true,
        });
        let plain = leases().filter(|(_, lease)| matches!(lease.tenure, Tenure::Until(_)));
        let plain: Vec<u64> = plain.map(|(_, lease)| lease.block.size()).collect();
        if !ordered || self.by_expiry.len() != plain.len() {
            return Err("the leases and their order of expiry disagree".into());
        }
        if plain.iter().sum::<u64>() != self.leased {
            return Err("the bytes of leases are miscounted".into());
        }
        let blocks: u64 = leases().map(|(_, lease)| lease.block.size()).sum();
        let (used, ending) = (self.buddy.filling().used, self.ending.total());
        if blocks + ending != used {
            return Err(format!("blocks have {blocks} and {ending} bytes of {used} used ones"));
        }
        if leases().map(|(_, lease)| lease.size).sum::<u64>() != self.requested {
            return Err("the requested bytes are miscounted".into());
        }
        Ok(())
    }

    /// Says which pool's account is wrong, if one is, when processes owe that much in all.
    ///
    /// # Errors
    /// The pool, in words.
    pub fn check_pools(&self, owed: &Amounts) -> Result<(), String> {
        for pool in Pool::ALL {
            let leased = if pool == Pool::Committed { self.leased } else { 0 };
            let (free, size) = (self.pools.free()[pool], self.pools.size()[pool]);
            let charged = owed[pool] + leased + self.ending[pool];
            if free + charged != size {
                let word = pool.word();
                return Err(format!("{word} has {free} free, {charged} charged, of {size}"));
            }
        }
        if self.pools.free().total() != self.buddy.filling().free {
            return Err("the pools and the allocator disagree on what is free".into());
        }
        Ok(())
    }
}
