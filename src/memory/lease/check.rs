//! What must hold of the table at any time: the tests ask after each step.
//!
//! **Invariants** those of [`super`], counted. **Lock** the tables. **Source** ours.

use crate::memory::lease::{LeaseTable, Tenure};

impl<H: Clone> LeaseTable<H> {
    /// Says which invariant is broken, if one is.
    ///
    /// # Errors
    /// The invariant, in words.
    pub fn check(&self) -> Result<(), String> {
        self.buddy.check()?;
        let leases = || self.leases.iter().map(|(&id, lease)| (id, lease));
        let ordered = leases().all(|(id, lease)| match lease.tenure {
            Tenure::Until { expiry, .. } => self.by_expiry.contains(&(expiry, id)),
            Tenure::HeldBy(_) => true,
        });
        let plain = leases().filter(|(_, lease)| matches!(lease.tenure, Tenure::Until { .. }));
        let plain: Vec<u64> = plain.map(|(_, lease)| lease.block.size()).collect();
        if !ordered || self.by_expiry.len() != plain.len() {
            return Err("the leases and their order of expiry disagree".into());
        }
        if plain.iter().sum::<u64>() != self.leased {
            return Err("the bytes of leases are miscounted".into());
        }
        let blocks: u64 = leases().map(|(_, lease)| lease.block.size()).sum();
        let (used, ending) = (self.buddy.filling().used, self.ending);
        if blocks + ending != used {
            return Err(format!("blocks have {blocks} and {ending} bytes of {used} used ones"));
        }
        if leases().map(|(_, lease)| lease.size).sum::<u64>() != self.requested {
            return Err("the requested bytes are miscounted".into());
        }
        Ok(())
    }

    /// Says whether the committed bytes are wrong, when holders are charged `held` of them.
    ///
    /// # Errors
    /// The account, in words.
    pub fn check_committed(&self, held: u64) -> Result<(), String> {
        let (free, size) = (self.committed.free(), self.committed.size());
        let charged = held + self.leased + self.ending_leased;
        if free + charged != size {
            return Err(format!("committed has {free} free, {charged} charged, of {size}"));
        }
        Ok(())
    }
}
