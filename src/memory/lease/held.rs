//! Blocks that are held and not leased: later chapters give them to processes.
//!
//! **Invariants** a held block has no expiry. Whoever holds it has charged it before, and is
//! refilled by its owner.
//!
//! **Lock** the tables. **Source** `cooperative-memory-management.txt`: memory assigned from a
//! pool.

use crate::common::id::LeaseId;
use crate::memory::buddy::AllocateError;
use crate::memory::lease::{Ending, LeaseTable, Tenure};

/// The holder of a block: a number that the owner of the table chose.
pub type Holder = u64;

impl<H: Clone> LeaseTable<H> {
    /// Gives a holder a whole block of at least `size` bytes; returns its id and its bytes.
    /// Unchanged when it fails.
    ///
    /// # Errors
    /// [`AllocateError`] when no free block is large enough.
    pub fn lock(&mut self, size: u64, holder: Holder) -> Result<(LeaseId, u64), AllocateError> {
        let block = self.buddy.allocate(size)?;
        let id = self.uuid();
        self.insert(id, block, block.size(), Tenure::HeldBy(holder));
        Ok((id, block.size()))
    }

    /// Ends a held block. `None` when the holder has no such block.
    pub fn end_held(&mut self, id: LeaseId, holder: Holder) -> Option<Ending<H>> {
        self.held(id, holder)?;
        self.strike(id)
    }

    /// Doubles a held block where it stands; returns its bytes. `None`, and nothing is changed,
    /// when the place beside it is taken.
    pub fn double_held(&mut self, id: LeaseId, holder: Holder) -> Option<u64> {
        let size = self.held(id, holder)?;
        let lease = self.leases.get_mut(&id)?;
        lease.block = self.buddy.double(lease.block.offset)?;
        lease.size += size;
        self.requested += size;
        Some(lease.size)
    }

    /// Gives the right half of a held block back, in which no copy may be under way; returns the
    /// bytes that are left. `None`, and nothing is changed, when it cannot be halved.
    pub fn halve_held(&mut self, id: LeaseId, holder: Holder) -> Option<u64> {
        self.held(id, holder)?;
        let lease = self.leases.get_mut(&id)?;
        lease.block = self.buddy.halve(lease.block.offset)?;
        lease.size /= 2;
        self.requested -= lease.size;
        Some(lease.size)
    }

    /// Where a held block lies in the arena, and its handle.
    pub fn place(&self, id: LeaseId, holder: Holder) -> Option<(u64, H)> {
        self.held(id, holder)?;
        let lease = self.leases.get(&id)?;
        Some((lease.block.offset, lease.handle.clone()))
    }

    /// The bytes of a held block.
    pub fn held(&self, id: LeaseId, holder: Holder) -> Option<u64> {
        let lease = self.leases.get(&id)?;
        (lease.tenure == Tenure::HeldBy(holder)).then(|| lease.block.size())
    }
}
