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
use crate::memory::buddy::{AllocateError, Block, Buddy};
use crate::memory::contents::Handle;
use crate::memory::lease::entries::Tenure;
use crate::memory::lease::{Ending, LeaseTable};

/// The holder of a block: a number that a later chapter chooses, in the server a process's number.
pub type Holder = u64;

impl LeaseTable {
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
    pub fn end_held(&mut self, id: LeaseId, holder: Holder) -> Option<Ending> {
        // Only the check of the holder is needed here, and not the size.
        self.size_of_held(id, holder)?;
        self.strike(id)
    }

    /// Doubles a held block in its place; returns its new bytes. `None`, and nothing is changed,
    /// when the holder has no such block, when its right buddy is not free, or when the block is
    /// itself the right one of two buddies, because its bytes would then have to move.
    pub fn double_held(&mut self, id: LeaseId, holder: Holder) -> Option<u64> {
        self.resize_held(id, holder, Buddy::double)
    }

    /// Frees the right half of a held block at once; returns the bytes that are left. The contents
    /// stay open, so they would not stop a copy in the freed half. The caller must know that no
    /// copy is under way there. `None`, and nothing is changed, when the holder has no such block,
    /// or the block is of the smallest size.
    pub fn halve_held(&mut self, id: LeaseId, holder: Holder) -> Option<u64> {
        self.resize_held(id, holder, Buddy::halve)
    }

    /// Doubles or halves a held block, as `resize` does in the block's space, and keeps the sums.
    fn resize_held(
        &mut self,
        id: LeaseId,
        holder: Holder,
        resize: impl Fn(&mut Buddy, u64) -> Option<Block>,
    ) -> Option<u64> {
        let Handle { offset, size: before, .. } = self.handle_of_held(id, holder)?;
        let space = self.spaces.at(offset);
        let block = resize(&mut space.buddy, offset - space.start)?.moved_by(space.start);
        space.requested = space.requested - before + block.size();
        self.entries.get_mut(id)?.set_block(block, block.size());
        Some(block.size())
    }

    /// Returns the handle of a held block, through which its holder reads and writes the bytes.
    /// `None` if the holder has no such block.
    pub fn handle_of_held(&self, id: LeaseId, holder: Holder) -> Option<Handle> {
        let (slot, lease) = self.entries.find(id)?;
        (lease.tenure == Tenure::HeldBy(holder)).then(|| lease.handle(slot))
    }

    /// Returns the bytes of a held block. `None` if the holder has no such block.
    pub fn size_of_held(&self, id: LeaseId, holder: Holder) -> Option<u64> {
        self.handle_of_held(id, holder).map(|handle| handle.size)
    }
}
