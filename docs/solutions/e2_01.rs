//! The solution of e2_01: the buddy of block (order, i) is (order, i xor 1); as long as it is
//! free, both become their parent (order + 1, i / 2).

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
        let (mut order, mut index) = (order, index);
        while order < self.top && self.free.remove(&(order, index ^ 1)) {
            (order, index) = (order + 1, index / 2);
        }
        self.free.insert((order, index));
    }
}
