//! **Goal** buddies join when both are free. **Invariant** no two free blocks are buddies of each other; when
//! all is released, the only free block is the whole arena.
//!
//! *Predict first:* without joins, a client leases and releases 32 bytes all over the arena. Which lease is refused in the end,
//! although all memory is free?

use std::collections::BTreeSet;

/// A buddy allocator over `1 << top` units: its free blocks, as (order, index).
pub struct Buddies {
    pub top: u32,
    pub free: BTreeSet<(u32, u64)>,
}

impl Buddies {
    pub fn new(top: u32) -> Self {
        Self { top, free: BTreeSet::from([(top, 0)]) }
    }

    /// Allocates a block of this order: the smallest free one that fits, halved until it does.
    pub fn allocate(&mut self, order: u32) -> Option<u64> {
        let &(mut larger, mut index) = self.free.range((order, 0)..).next()?;
        self.free.remove(&(larger, index));
        while larger > order {
            (larger, index) = (larger - 1, 2 * index);
            self.free.insert((larger, index + 1));
        }
        Some(index)
    }

    /// Gives a block back.
    pub fn release(&mut self, order: u32, index: u64) {
        // YOUR TURN: join what can be joined. Remove this line when it is.
        self.free.insert((order, index));
    }
}
