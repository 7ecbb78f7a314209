//! The check of the lease table's invariants. Tests call it after each step.
//!
//! The table keeps sums (`leased`, `ending`, `ending_leased`, and `requested` of each space), so
//! that no command needs a walk. The check adds `leased` and `requested` up again, and compares
//! `ending` with the used bytes that no entry has. `check_committed` compares `ending_leased` with
//! the account. So these checks find a function that changes the table and forgets a sum.
//!
//! **Invariants** the first two of [`super`], and those of the spaces. **Lock** the tables'.
//! **Cost** a walk over all blocks.

use crate::memory::lease::LeaseTable;

impl LeaseTable {
    /// Checks the invariants of the table and of its allocator.
    ///
    /// # Errors
    /// Fails with the broken invariant, in words.
    pub fn check(&self) -> Result<(), String> {
        if !self.entries.check() {
            return Err("the entries and their orders disagree".into());
        }
        let entries = || self.entries.iter();
        let leases = entries().filter(|lease| lease.expiry().is_some());
        if leases.map(|lease| lease.block().size()).sum::<u64>() != self.leased {
            return Err("the bytes of leases are miscounted".into());
        }
        // Invariant 1, in bytes: the allocator's used blocks are those of the entries and the
        // endings.
        let blocks: u64 = entries().map(|lease| lease.block().size()).sum();
        let used: u64 = self.spaces.iter().map(|space| space.buddy.filling().used).sum();
        let ending = self.ending;
        if blocks + ending != used {
            return Err(format!("blocks have {blocks} and {ending} bytes of {used} used ones"));
        }
        for space in self.spaces.iter() {
            space.buddy.check()?;
            let here = entries().filter(|lease| space.has(lease.block().offset));
            if here.map(|lease| lease.size()).sum::<u64>() != space.requested {
                return Err("the requested bytes are miscounted".into());
            }
        }
        Ok(())
    }

    /// Checks the account of the committed bytes. The caller passes `held`, the bytes that it has
    /// charged to holders: the table itself keeps no sum of these.
    ///
    /// # Errors
    /// Fails with the figures of the account.
    pub fn check_committed(&self, held: u64) -> Result<(), String> {
        let (free, size) = (self.committed.free(), self.committed.size());
        let charged = held + self.leased + self.ending_leased;
        if free + charged != size {
            return Err(format!("committed has {free} free, {charged} charged, of {size}"));
        }
        Ok(())
    }
}
