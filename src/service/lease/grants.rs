//! Blocks that are granted to processes, out of the same table.
//!
//! **Invariants** a grant has no expiry; what it refills when it ends sums to its block.
//!
//! **Lock** the tables. **Source** `cooperative-memory-management.txt`: memory assigned from a
//! pool.

use super::{Ending, LeaseTable, Tenure};
use crate::message::LeaseId;
use crate::message::memory::{Amounts, Pool};
use crate::service::buddy::AllocateError;
use crate::service::process::ProcessNumber;

impl<H: Clone> LeaseTable<H> {
    /// Gives a process a whole block of at least `size` bytes out of a pool; answers its id
    /// and its bytes. Unchanged when it fails.
    ///
    /// # Errors
    /// [`AllocateError`]: the pool has too little, or no free block is large enough.
    pub fn grant(
        &mut self,
        size: u64,
        pool: Pool,
        process: ProcessNumber,
    ) -> Result<(LeaseId, u64), AllocateError> {
        let block = self.allocate(size, pool)?;
        let id = self.uuid();
        self.insert(id, block, block.size(), Tenure::Of(process, pool));
        Ok((id, block.size()))
    }

    /// Ends a process's grant; its block will refill those pools, which sum to its size.
    /// `None` when the process has no such block.
    pub fn end_grant(
        &mut self,
        id: LeaseId,
        process: ProcessNumber,
        refill: Amounts,
    ) -> Option<Ending<H>> {
        let (size, _) = self.granted(id, process)?;
        debug_assert_eq!(refill.total(), size);
        self.strike(id, refill)
    }

    /// Doubles a process's grant where it stands, out of the pool that gave it. Answers its
    /// bytes; `None`, and nothing is changed, when the place beside it is taken or the pool has
    /// too little.
    pub fn double_grant(&mut self, id: LeaseId, process: ProcessNumber) -> Option<u64> {
        let (size, pool) = self.granted(id, process)?;
        if self.pools.free()[pool] < size {
            return None;
        }
        let lease = self.leases.get_mut(&id)?;
        lease.block = self.buddy.double(lease.block.offset)?;
        lease.size += size;
        self.requested += size;
        self.pools.charge(&Amounts::of(pool, size));
        Some(lease.size)
    }

    /// Gives the right half of a process's grant back, in which nothing may be that is still
    /// copied; it refills those pools, which sum to it. Answers the bytes that are left;
    /// `None`, and nothing is changed, when it cannot be halved.
    pub fn halve_grant(
        &mut self,
        id: LeaseId,
        process: ProcessNumber,
        refill: &Amounts,
    ) -> Option<u64> {
        self.granted(id, process)?;
        let lease = self.leases.get_mut(&id)?;
        lease.block = self.buddy.halve(lease.block.offset)?;
        lease.size /= 2;
        debug_assert_eq!(refill.total(), lease.size);
        self.requested -= lease.size;
        self.pools.refill(refill);
        Some(lease.size)
    }

    /// Where a process's grant lies in the arena, and what its owner kept for it.
    pub fn place(&self, id: LeaseId, process: ProcessNumber) -> Option<(u64, H)> {
        self.granted(id, process)?;
        let lease = self.leases.get(&id)?;
        Some((lease.block.offset, lease.handle.clone()))
    }

    /// The bytes of a process's grant, and the pool that gave it.
    pub fn granted(&self, id: LeaseId, process: ProcessNumber) -> Option<(u64, Pool)> {
        let lease = self.leases.get(&id)?;
        match lease.tenure {
            Tenure::Of(whose, pool) if whose == process => Some((lease.block.size(), pool)),
            _ => None,
        }
    }
}
