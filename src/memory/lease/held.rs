//! Held blocks. Later chapters give them to processes: as *grants*, whose ids clients know, and as
//! a process's own memory, whose ids no client knows.
//!
//! ```text
//!   lease   each client with the id may end it    has an expiry     charged by the lease table
//!   held    only its holder may end it            has no expiry     charged by the caller
//! ```
//!
//! A block lies in one *memory space*, a part of the arena with its own allocator. Most servers
//! have only the first one, whose number is 0 ([`super::spaces`]).
//!
//! **Invariants** a held block has no expiry, and each function here that takes an id fails for
//! another holder. The caller charges the bytes of a block, and repays them when the block ends.
//!
//! **Lock** the tables'. **Source** `cooperative-memory-management.txt`: memory assigned from a
//! pool.

use crate::common::id::LeaseId;
use crate::memory::buddy::AllocateError;
use crate::memory::lease::{Ending, LeaseTable, Tenure};

/// The holder of a block: a number that a later chapter chooses, in the server a process's number.
pub type Holder = u64;

impl<H: Clone> LeaseTable<H> {
    /// Allocates a block of at least `size` bytes in the first space for a holder, who may use all
    /// of its bytes. Returns the block's id and its bytes. The committed bytes are not charged: the
    /// caller charges the pool of a later chapter from which the block comes. The table is
    /// unchanged when this fails.
    ///
    /// # Errors
    /// [`AllocateError`] when `size` is 0, no free block is large enough, or the table is full.
    pub fn hold(&mut self, size: u64, holder: Holder) -> Result<(LeaseId, u64), AllocateError> {
        self.hold_in(0, size, holder)
    }

    /// Strikes a held block. `None` if the holder has no such block.
    pub fn end_held(&mut self, id: LeaseId, holder: Holder) -> Option<Ending<H>> {
        // Only the check of the holder is needed here, and not the size.
        self.size_of_held(id, holder)?;
        self.strike(id)
    }

    /// Doubles a held block in its place; returns its new bytes. `None`, and nothing is changed,
    /// when the holder has no such block, when its right buddy is not free, or when the block is
    /// itself the right one of two buddies, because its bytes would then have to move.
    pub fn double_held(&mut self, id: LeaseId, holder: Holder) -> Option<u64> {
        let size = self.size_of_held(id, holder)?;
        let doubled = self.double(self.leases.get(&id)?.block.offset)?;
        let lease = self.leases.get_mut(&id)?;
        lease.block = doubled;
        lease.size += size;
        self.requested += size;
        Some(lease.size)
    }

    /// Frees the right half of a held block at once; returns the bytes that are left. The half gets
    /// no released mark, because the block goes on. So the caller must know that no copy is under
    /// way in that half. `None`, and nothing is changed, when the holder has no such block, or the
    /// block is of the smallest size.
    pub fn halve_held(&mut self, id: LeaseId, holder: Holder) -> Option<u64> {
        // Only the check of the holder is needed here, and not the size.
        self.size_of_held(id, holder)?;
        let half = self.halve(self.leases.get(&id)?.block.offset)?;
        let lease = self.leases.get_mut(&id)?;
        lease.block = half;
        lease.size /= 2;
        self.requested -= lease.size;
        Some(lease.size)
    }

    /// Returns the offset of a held block, and the handle, through which its holder reads and
    /// writes the bytes. `None` if the holder has no such block.
    pub fn place(&self, id: LeaseId, holder: Holder) -> Option<(u64, H)> {
        // Only the check of the holder is needed here, and not the size.
        self.size_of_held(id, holder)?;
        let lease = self.leases.get(&id)?;
        Some((lease.block.offset, lease.handle.clone()))
    }

    /// Returns the bytes of a held block. `None` if the holder has no such block.
    pub fn size_of_held(&self, id: LeaseId, holder: Holder) -> Option<u64> {
        let lease = self.leases.get(&id)?;
        (lease.tenure == Tenure::HeldBy(holder)).then(|| lease.block.size())
    }
}
