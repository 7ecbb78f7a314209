//! The buddy allocator: which part of the arena is whose, in offsets alone.
//!
//! ```text
//!   order 5 │            1024             │     block (order, i) has
//!   order 4 │     512      │     512      │       its parent at   (order + 1, i / 2)
//!   order 3 │ 256  │ 256   │ 256  │ 256   │       its children at (order - 1, 2i), (order - 1, 2i + 1)
//!     …                                         its buddy at    (order, i xor 1)
//!   order 0 │32│32│32│32│ …                     its bytes at    i × (32 << order)
//! ```
//!
//! The source links each node of a tree to its parent and both children. Here the
//! three links are arithmetic, and what is stored is one bit a block "this one is
//! free", for each order, and one byte for each 32 bytes of arena: the order of the
//! used block that starts there.
//!
//! An arena that is no power of two is a forest: the largest power of two first,
//! then what is left, so every tree stands at a multiple of its own size. A root's
//! buddy lies past the arena's end or over smaller roots, is never free, and so
//! joining stops at a root by itself.
//!
//! **Invariants** ([`Buddy::check`])
//!
//! 1. Used and free blocks tile the arena: no gap, no overlap.
//! 2. Every block stands at a multiple of its size.
//! 3. No two buddies are both free: they were joined.
//! 4. Bit `k` of `free_orders` is set exactly when order `k` has a free block.
//!
//! **Lock** the tables, held by the lease table's owner.
//!
//! **Cost** an allocation looks at one word of `free_orders`, descends one set of
//! bits (4 words at 64 MiB) and splits; a release climbs. Both are O(log arena),
//! whatever is leased. Free lists took half of that in a prototype, but find the block
//! freed last and not the leftmost, which keeps what is used together and the large
//! blocks whole.
//!
//! **Simplified** no threads' caches, no size classes between powers of two.
//!
//! **Source** MemoryLease's description of its tree: best fit, splitting to the
//! request rounded up to a power of two, joining upwards.

use std::fmt;

use crate::memory::bits::BitSet;

mod resize;

/// The smallest block, in bytes: half of what a cache line holds, and four words.
pub const MIN_BLOCK: u64 = 32;

/// In [`Buddy::starts`]: no used block starts here. Zeros are what the system gives memory with,
/// so a table of them costs nothing until it is used.
const NONE: u8 = 0;

/// A used block: where it starts and how large it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Bytes from the arena's start, a multiple of the size.
    pub offset: u64,
    order: u8,
}

impl Block {
    /// Bytes, a power of two.
    pub fn size(self) -> u64 {
        MIN_BLOCK << self.order
    }
}

/// Why there is no block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllocateError {
    /// Zero bytes were asked for.
    Zero,
    /// No block of this arena is ever that large.
    TooLarge {
        /// The arena's largest block in bytes.
        largest: u64,
    },
    /// No free block is that large now.
    OutOfMemory {
        /// The largest free block in bytes, 0 when there is none.
        largest_free: u64,
    },
}

/// Why nothing was released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseError {
    /// The offset lies past the arena.
    OutOfRange,
    /// The offset is no multiple of the smallest block.
    Misaligned,
    /// No used block starts there: never allocated, or released before.
    NotAllocated,
}

impl fmt::Display for ReleaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ReleaseError::OutOfRange => "the offset lies past the arena",
            ReleaseError::Misaligned => "the offset is no multiple of the smallest block",
            ReleaseError::NotAllocated => "no used block starts at the offset",
        })
    }
}

impl std::error::Error for ReleaseError {}

/// How the arena is filled, all in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filling {
    /// In used blocks.
    pub used: u64,
    /// In free blocks.
    pub free: u64,
    /// The largest free block.
    pub largest_free: u64,
    /// Less than the smallest block, at the arena's end, never served.
    pub unused: u64,
}

impl Filling {
    /// The share of the free bytes that lies outside the largest free block, in
    /// percent: 0 when one block has all of it.
    pub fn external_fragmentation(&self) -> f64 {
        percent(self.free - self.largest_free, self.free)
    }

    /// The share of the used bytes that nobody asked for, in percent.
    pub fn internal_fragmentation(&self, requested: u64) -> f64 {
        percent(self.used.saturating_sub(requested), self.used)
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

/// The allocator of one arena.
#[derive(Debug, Clone, PartialEq)]
pub struct Buddy {
    size: u64,
    /// For each order the indices of its free blocks.
    free: Vec<BitSet>,
    /// Bit `k`: order `k` has a free block.
    free_orders: u64,
    /// For each smallest block the order of the used block that starts there, and 1.
    starts: Box<[u8]>,
    used_bytes: u64,
}

impl Buddy {
    /// An allocator for `size` bytes, all free but the last `size % 32`.
    pub fn new(size: u64) -> Self {
        let mut buddy = Self::without_free(size);
        buddy.insert_gap(0, buddy.starts.len());
        buddy
    }

    /// One whose units are yet to be said free or used.
    fn without_free(size: u64) -> Self {
        let units = (size / MIN_BLOCK) as usize;
        let orders = (usize::BITS - units.leading_zeros()) as usize;
        let levels = BitSet::levels(units);
        let free = (0..orders).map(|order| BitSet::new(units >> order, levels)).collect();
        let starts = vec![NONE; units].into();
        Self { size, free, free_orders: 0, starts, used_bytes: 0 }
    }

    /// The arena's size in bytes, as it was given.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The bytes of the block that serves `size`: a power of two. `None` for zero bytes, and
    /// for more than any arena has.
    pub fn rounded(size: u64) -> Option<u64> {
        let order = order_for(size)? as u32;
        MIN_BLOCK.checked_shl(order).filter(|&rounded| rounded >= size)
    }

    /// The largest block there can be, 0 when the arena is smaller than the smallest.
    pub fn largest(&self) -> u64 {
        self.free.len().checked_sub(1).map_or(0, |order| MIN_BLOCK << order)
    }

    /// Takes the leftmost of the smallest free blocks that `size` fits in and splits
    /// it down to `size` rounded up to a power of two. Unchanged when it fails.
    ///
    /// # Errors
    /// [`AllocateError`], with the bytes that could be had.
    #[inline]
    pub fn allocate(&mut self, size: u64) -> Result<Block, AllocateError> {
        let order = match order_for(size) {
            Some(order) if order < self.free.len() => order,
            Some(_) => {
                return Err(AllocateError::TooLarge { largest: self.largest() });
            }
            None => return Err(AllocateError::Zero),
        };
        let fitting = self.free_orders >> order;
        if fitting == 0 {
            let largest_free = self.filling().largest_free;
            return Err(AllocateError::OutOfMemory { largest_free });
        }
        let mut at_order = order + fitting.trailing_zeros() as usize;
        let mut index = self.free[at_order].first().unwrap_or_default();
        self.remove_free(at_order, index);
        while at_order > order {
            at_order -= 1;
            index *= 2;
            self.insert_free(at_order, index + 1);
        }
        let unit = index << order;
        self.starts[unit] = order as u8 + 1;
        let block = Block { offset: unit as u64 * MIN_BLOCK, order: order as u8 };
        self.used_bytes += block.size();
        Ok(block)
    }

    /// Gives back the block that starts at `offset` and joins it with its buddy as
    /// often as that is free too. Answers its size; unchanged when it fails.
    ///
    /// # Errors
    /// [`ReleaseError`] when no used block starts there.
    #[inline]
    pub fn release(&mut self, offset: u64) -> Result<u64, ReleaseError> {
        let unit = (offset / MIN_BLOCK) as usize;
        let start = self.starts.get_mut(unit).ok_or(ReleaseError::OutOfRange)?;
        if !offset.is_multiple_of(MIN_BLOCK) {
            return Err(ReleaseError::Misaligned);
        }
        if *start == NONE {
            return Err(ReleaseError::NotAllocated);
        }
        let mut order = usize::from(*start - 1);
        *start = NONE;
        let size = MIN_BLOCK << order;
        self.used_bytes -= size;
        let mut index = unit >> order;
        while self.remove_free(order, index ^ 1) {
            order += 1;
            index /= 2;
        }
        self.insert_free(order, index);
        Ok(size)
    }

    /// How the arena is filled.
    pub fn filling(&self) -> Filling {
        let unused = self.size % MIN_BLOCK;
        let largest_free = self.free_orders.checked_ilog2().map_or(0, |order| MIN_BLOCK << order);
        let free = self.size - unused - self.used_bytes;
        Filling { used: self.used_bytes, free, largest_free, unused }
    }

    /// The trees of the forest, largest first: order, and the unit each starts at.
    pub(super) fn roots(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let units = self.starts.len();
        let set_bits = (0..usize::BITS as usize).rev().filter(move |bit| units >> bit & 1 == 1);
        set_bits.map(move |order| (order, (units >> order ^ 1) << order))
    }

    /// What the block (order, index) is.
    pub(super) fn state(&self, order: usize, index: usize) -> State {
        if self.free[order].contains(index) {
            State::Free
        } else if usize::from(self.starts[index << order]) == order + 1 {
            State::Used
        } else {
            State::Split
        }
    }

    /// Walks every block and says which invariant is broken, if one is.
    ///
    /// # Errors
    /// The invariant, in words.
    pub fn check(&self) -> Result<(), String> {
        let mut tiled = 0_usize;
        let mut used = 0;
        let mut starts: Vec<(usize, usize, bool)> = Vec::new();
        for (order, free) in self.free.iter().enumerate() {
            if !free.check() {
                return Err(format!("the bits of order {order} contradict their summary"));
            }
            if (self.free_orders >> order & 1 == 1) == free.is_empty() {
                return Err(format!("free_orders is wrong about order {order}"));
            }
            if free.iter().any(|index| free.contains(index ^ 1)) {
                return Err(format!("two free buddies of order {order} were not joined"));
            }
            starts.extend(free.iter().map(|index| (index << order, order, true)));
        }
        for (unit, &order) in self.starts.iter().enumerate().filter(|(_, order)| **order != NONE) {
            starts.push((unit, usize::from(order - 1), false));
            used += MIN_BLOCK << (order - 1);
        }
        starts.sort_unstable();
        for (unit, order, _) in starts {
            if unit != tiled || !unit.is_multiple_of(1 << order) {
                return Err(format!("the block at unit {unit} overlaps, leaves a gap or is askew"));
            }
            tiled += 1 << order;
        }
        if tiled != self.starts.len() || used != self.used_bytes {
            return Err(format!("{tiled} units and {used} bytes are accounted for"));
        }
        Ok(())
    }

    #[inline]
    fn insert_free(&mut self, order: usize, index: usize) {
        self.free[order].insert(index);
        self.free_orders |= 1 << order;
    }

    #[inline]
    fn remove_free(&mut self, order: usize, index: usize) -> bool {
        let free = &mut self.free[order];
        let was_free = free.remove(index);
        if was_free && free.is_empty() {
            self.free_orders &= !(1 << order);
        }
        was_free
    }
}

/// What a block of the tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Free,
    Used,
    Split,
}

/// The order of the smallest block that `size` fits in; `None` for zero bytes.
#[inline]
fn order_for(size: u64) -> Option<usize> {
    let units = size.checked_sub(1)? / MIN_BLOCK;
    Some((u64::BITS - units.leading_zeros()) as usize)
}

#[cfg(test)]
#[path = "buddy_tests.rs"]
mod tests;
