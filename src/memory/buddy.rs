//! The buddy allocator: the used and free blocks of the arena, as offsets alone.
//!
//! ```text
//!   order 5 │            1024             │     block (order, i) has
//!   order 4 │     512      │     512      │       its parent at   (order + 1, i / 2)
//!   order 3 │ 256  │ 256   │ 256  │ 256   │       its children at (order - 1, 2i), (order - 1, 2i + 1)
//!     …                                         its buddy at    (order, i xor 1)
//!   order 0 │32│32│32│32│ …                     its bytes at    i × (32 << order)
//! ```
//!
//! ```text
//!   allocate(100) in an empty arena of 1024; 100 bytes need a block of 128, order 2
//!     1024 ─► 512 + 512 ─► 256 + 256 ─► 128 + 128       each time the left half is split
//!     │128 used│128│   256   │        512         │
//!   release(0)
//!     128 + 128 ─► 256,  256 + 256 ─► 512,  512 + 512 ─► 1024
//! ```
//!
//! `memorylease.txt` links each node of a tree to its parent and to both children. Here the links
//! are computed. The allocator stores one bit for each block of each order, which says that the
//! block is free, and one byte for each 32 bytes of the arena: the order, plus 1, of the used block
//! that starts there. Both together take 3.9 % of the arena.
//!
//! An arena whose size is no power of two is a forest: the largest power of two comes first, then
//! the rest, so every tree stands at a multiple of its own size. 1000 bytes are 512, 256, 128, 64
//! and 32, and 8 unused. The buddy of a root would lie past the arena's end or over smaller roots.
//! Its bit is never set, so joining stops at a root without a special case.
//!
//! **Invariants** ([`Buddy::check`])
//!
//! 1. Used and free blocks tile the arena: no gap, no overlap.
//! 2. Every block stands at a multiple of its size.
//! 3. No two buddies are both free: they were joined.
//! 4. Bit `k` of `free_orders` is set exactly when order `k` has a free block.
//!
//! **Lock** the tables' lock guards the lease table, which owns the arena's allocator.
//!
//! **Cost** an allocation looks at `free_orders`, descends one set of bits (4 words at 64 MiB), and
//! splits; a release joins. Both are O(log arena), whatever is leased. A prototype with free lists
//! took half the time, but a free list returns the block that was freed last. This allocator takes
//! the leftmost block: that keeps the used blocks together, so large free blocks stay whole.
//!
//! **Simplified** threads have no caches of blocks, and there are no sizes between powers of two,
//! so nearly half of a block can be unused.
//!
//! **Source** `memorylease.txt`: best fit, splitting to the request rounded up to a power of two,
//! joining upwards.

use crate::memory::bits::BitSet;

mod block;
mod first_fit;
mod resize;

pub use block::Block;

/// The smallest block, in bytes: half a cache line, and four words. A *unit* is one such piece.
pub const MIN_BLOCK: u64 = 32;

/// The value of `starts` where no used block starts. It is 0, because the system provides zeroed
/// pages: a table of zeros takes no memory before it is used.
const NONE: u8 = 0;

/// The reason why no block was allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllocateError {
    /// The request is for zero bytes.
    Zero,
    /// No block can ever be that large: the arena, or its part for leases, is too small.
    TooLarge {
        /// The largest block that a request could ever get, in bytes.
        largest: u64,
    },
    /// No free block is that large now, or the part for leases has too few free bytes.
    OutOfMemory {
        /// The largest block that a request could get now, in bytes; 0 when there is none.
        largest_free: u64,
    },
    /// There are as many leases as the lease table may have. The allocator itself has no such
    /// bound.
    TooMany {
        /// The most leases that the table may have.
        most: usize,
    },
}

/// The use of the arena, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filling {
    /// The bytes of the used blocks.
    pub used: u64,
    /// The bytes of the free blocks.
    pub free: u64,
    /// The bytes of the largest free block; 0 if there is none.
    pub largest_free: u64,
    /// The bytes at the arena's end that are in no block: fewer than the smallest block has.
    pub unused: u64,
}

impl Filling {
    /// Returns the share of the free bytes that lies outside the largest free block, in percent: 0
    /// when one block has them all. A high share means that large requests fail although many bytes
    /// are free.
    pub fn external_fragmentation(&self) -> f64 {
        percent(self.free - self.largest_free, self.free)
    }

    /// Returns the share of the used bytes that no request asked for, in percent: the cost of
    /// rounding up to powers of two. `requested` has the bytes that the requests asked for.
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
    /// The size of the arena as it was given, with the unused bytes at its end.
    size: u64,
    /// The indices of the free blocks, a set for each order.
    free: Vec<BitSet>,
    /// Bit `k`: order `k` has a free block.
    free_orders: u64,
    /// For each unit: the order of the used block that starts there plus 1, or `NONE`.
    starts: Box<[u8]>,
    /// The bytes of the used blocks, counted so that [`Buddy::filling`] needs no walk.
    used_bytes: u64,
}

impl Buddy {
    /// Returns an allocator for `size` bytes, all free but the last `size % 32`.
    pub fn new(size: u64) -> Self {
        let mut buddy = Self::without_free(size);
        buddy.insert_gap(0, buddy.starts.len());
        buddy
    }

    /// Returns an allocator whose units (32 bytes each) are neither free nor used yet. The caller
    /// makes each unit free or used: `new` all free, `resized` some used.
    fn without_free(size: u64) -> Self {
        let units = (size / MIN_BLOCK) as usize;
        let orders = (usize::BITS - units.leading_zeros()) as usize;
        let levels = BitSet::levels(units);
        let free = (0..orders).map(|order| BitSet::new(units >> order, levels)).collect();
        let starts = vec![NONE; units].into();
        Self { size, free, free_orders: 0, starts, used_bytes: 0 }
    }

    /// Returns the arena's size in bytes, as it was given.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the bytes of the block that serves `size`: a power of two, at least 32. `None` for
    /// zero bytes, and if the power of two does not fit a `u64`.
    pub fn rounded(size: u64) -> Option<u64> {
        let order = order_for(size)? as u32;
        // `checked_shl` checks the order alone. A bit that is shifted out leaves 0, which is less
        // than `size`.
        MIN_BLOCK.checked_shl(order).filter(|&rounded| rounded >= size)
    }

    /// Returns the bytes of the largest block there can be, 0 if the arena is smaller than any.
    pub fn largest(&self) -> u64 {
        self.free.len().checked_sub(1).map_or(0, |order| MIN_BLOCK << order)
    }

    /// Takes the leftmost of the smallest free blocks that `size` fits in, and splits it down to
    /// `size` rounded up to a power of two, at least 32. Nothing is changed when this fails.
    ///
    /// # Errors
    /// [`AllocateError`]. It names the largest block that a request could get, unless `size` is 0.
    #[inline]
    pub fn allocate(&mut self, size: u64) -> Result<Block, AllocateError> {
        let order = match order_for(size) {
            Some(order) if order < self.free.len() => order,
            Some(_) => {
                return Err(AllocateError::TooLarge { largest: self.largest() });
            }
            None => return Err(AllocateError::Zero),
        };
        // Best fit without a search: the shift drops the orders that are too small, and the lowest
        // bit that is left is the smallest order with a free block.
        let fitting = self.free_orders >> order;
        if fitting == 0 {
            let largest_free = self.filling().largest_free;
            return Err(AllocateError::OutOfMemory { largest_free });
        }
        let at_order = order + fitting.trailing_zeros() as usize;
        // A free block is there: bit `at_order` of `free_orders` is set (invariant 4).
        let index = self.free[at_order].first().unwrap_or_default();
        Ok(self.carve(order, at_order, index))
    }

    /// Takes the free block (`at_order`, `index`), and splits it down to `order`.
    #[inline]
    fn carve(&mut self, order: usize, mut at_order: usize, mut index: usize) -> Block {
        self.remove_free(at_order, index);
        // Each step keeps the left half and frees the right one.
        while at_order > order {
            at_order -= 1;
            index *= 2;
            self.insert_free(at_order, index + 1);
        }
        let unit = index << order;
        self.starts[unit] = order as u8 + 1;
        let block = Block { offset: unit as u64 * MIN_BLOCK, order: order as u8 };
        self.used_bytes += block.size();
        block
    }

    /// Frees the block that starts at `offset`, and joins it with its buddy for as long as the
    /// buddy is free too. Returns its size. Returns `None`, and changes nothing, if no used
    /// block starts there: the offset is wrong, or the block was released before.
    #[inline]
    pub fn release(&mut self, offset: u64) -> Option<u64> {
        // A second release of a block ends here. If the block was allocated again meanwhile, the
        // second release would free the new one. No client can cause that: clients name a lease by
        // its id, and each lease has a new id.
        let (unit, mut order) = self.used_at(offset)?;
        self.starts[unit] = NONE;
        let size = MIN_BLOCK << order;
        self.used_bytes -= size;
        let mut index = unit >> order;
        // `remove_free` takes the buddy if it is free. The joined block is one order larger, at
        // half the index. At a root it returns false.
        while self.remove_free(order, index ^ 1) {
            order += 1;
            index /= 2;
        }
        self.insert_free(order, index);
        Some(size)
    }

    /// Returns the unit and the order of the used block that starts at `offset`; `None` if no used
    /// block starts there.
    #[inline]
    fn used_at(&self, offset: u64) -> Option<(usize, usize)> {
        let unit = (offset / MIN_BLOCK) as usize;
        let order = self.starts.get(unit).copied().filter(|&order| order != NONE)?;
        offset.is_multiple_of(MIN_BLOCK).then_some((unit, usize::from(order - 1)))
    }

    /// Returns the use of the arena, in O(1). The highest bit of `free_orders` is the order of the
    /// largest free block.
    pub fn filling(&self) -> Filling {
        let unused = self.size % MIN_BLOCK;
        let largest_free = self.free_orders.checked_ilog2().map_or(0, |order| MIN_BLOCK << order);
        let free = self.size - unused - self.used_bytes;
        Filling { used: self.used_bytes, free, largest_free, unused }
    }

    /// Returns the trees of the forest, the largest first: the order of each, and its first unit.
    /// Each bit that is set in the number of units is a tree; the bits above it are the trees
    /// before it.
    pub(super) fn roots(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let units = self.starts.len();
        let set_bits = (0..usize::BITS as usize).rev().filter(move |bit| units >> bit & 1 == 1);
        set_bits.map(move |order| (order, (units >> order ^ 1) << order))
    }

    /// Returns the state of the block (order, index). The block must not be part of a larger used
    /// or free block: a caller begins at a root, and goes to the halves of split blocks only.
    pub(super) fn state(&self, order: usize, index: usize) -> State {
        if self.free[order].contains(index) {
            State::Free
        } else if usize::from(self.starts[index << order]) == order + 1 {
            State::Used
        } else {
            State::Split
        }
    }

    /// Walks all blocks, and checks the invariants. For tests.
    ///
    /// # Errors
    /// Fails with the broken invariant, in words.
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
        // In the order of their units, each block has to start where the one before it ends.
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

    /// Adds a block to the free ones, and keeps `free_orders` right (invariant 4).
    #[inline]
    fn insert_free(&mut self, order: usize, index: usize) {
        self.free[order].insert(index);
        self.free_orders |= 1 << order;
    }

    /// Removes a block from the free ones if it is free, and keeps `free_orders` right. Returns
    /// whether it was free.
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

/// The state of a block in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Free,
    Used,
    Split,
}

/// Returns the order of the smallest block that `size` fits in: 0 for 1 to 32 bytes, 1 for 33 to
/// 64, 2 for 65 to 128. `None` for zero bytes.
#[inline]
fn order_for(size: u64) -> Option<usize> {
    let units = size.checked_sub(1)? / MIN_BLOCK;
    Some((u64::BITS - units.leading_zeros()) as usize)
}

#[cfg(test)]
#[path = "buddy_tests.rs"]
mod tests;
