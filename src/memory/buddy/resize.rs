//! Changes of sizes: of the arena that an allocator divides into blocks, and of one used block.
//!
//! ```text
//!   resized   │used│ free │  ──►  │used│     free      │     the same used blocks, another arena
//!   double    │used│ free │  ──►  │    used   │           the free right buddy is added
//!   halve     │    used   │  ──►  │used│ free │           the right half is free again
//! ```
//!
//! **Invariants** those of [`super`], and no used block moves: its bytes stay where they are.
//!
//! **Lock** the tables', as in [`super`].
//!
//! **Cost** `double` and `halve` change one set of bits and one byte. `resized` takes a few steps
//! for each used block and each gap, and walks over no free unit. The reason is chapter 6: there
//! each process's memory for messages has such an allocator, a client may change the size of this
//! memory often, and all other clients wait for the tables' lock meanwhile.
//!
//! **Source** `interprocess-communication-patent.txt`, paragraph 24: blocks that grow and contract.

use crate::memory::buddy::{Block, Buddy, MIN_BLOCK};

impl Buddy {
    /// Returns an allocator for `size` bytes with the same used blocks. `used` has the offsets of
    /// all used blocks, in order. `None` if a block would end past `size`, or if no used block
    /// starts at one of the offsets.
    pub fn resized(&self, size: u64, used: &[u64]) -> Option<Self> {
        let mut resized = Self::without_free(size);
        let units = resized.starts.len();
        let mut free_from = 0;
        for &offset in used {
            let (unit, order) = self.used_at(offset)?;
            // The units since the last used block are free. A block that starts past the new end
            // makes `get_mut` below return `None`.
            resized.insert_gap(free_from, unit.min(units));
            free_from = unit + (1 << order);
            *resized.starts.get_mut(unit)? = self.starts[unit];
            resized.used_bytes += MIN_BLOCK << order;
        }
        if free_from > units {
            return None;
        }
        resized.insert_gap(free_from, units);
        debug_assert_eq!(resized.used_bytes, self.used_bytes, "a used block was not named");
        Some(resized)
    }

    /// Returns where the used block at `offset` ends, in bytes. `None` if no used block starts
    /// there.
    pub fn end_of(&self, offset: u64) -> Option<u64> {
        let (_, order) = self.used_at(offset)?;
        Some(offset + (MIN_BLOCK << order))
    }

    /// Joins the used block at `offset` with its right buddy; returns the doubled block. `None`,
    /// and nothing is changed, when no used block starts there, when the buddy is not free, or when
    /// the block is the right one of the two, because it would have to move.
    pub fn double(&mut self, offset: u64) -> Option<Block> {
        let (unit, order) = self.used_at(offset)?;
        let index = unit >> order;
        if index % 2 == 1 || !self.remove_free(order, index + 1) {
            return None;
        }
        self.starts[unit] += 1;
        self.used_bytes += MIN_BLOCK << order;
        Some(Block { offset, order: self.starts[unit] - 1 })
    }

    /// Frees the right half of the used block at `offset`; returns the left half, which stays used.
    /// `None`, and nothing is changed, when no used block starts there, or when the block is of the
    /// smallest size.
    pub fn halve(&mut self, offset: u64) -> Option<Block> {
        let (unit, order) = self.used_at(offset)?;
        let half = order.checked_sub(1)?;
        self.starts[unit] -= 1;
        self.used_bytes -= MIN_BLOCK << half;
        self.insert_free(half, (unit >> half) + 1);
        Some(Block { offset, order: self.starts[unit] - 1 })
    }

    /// Frees the units `from..to`, which lie between two used blocks or at an end of the arena. It
    /// makes the largest blocks that stand at multiples of their sizes. So no two of them are
    /// buddies, and none crosses the border of two trees.
    ///
    /// ```text
    ///   units 3..8   3 │ 4 5 6 7        order 0 at 3, then order 2 at 4
    /// ```
    pub(super) fn insert_gap(&mut self, mut from: usize, to: usize) {
        while from < to {
            // Two things bound the order. A block of order `k` starts only at a unit whose number
            // ends with `k` zero bits. And the block must not be longer than the gap that is left.
            let order = from.trailing_zeros().min((to - from).ilog2()) as usize;
            self.insert_free(order, from >> order);
            from += 1 << order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::buddy::AllocateError;
    use crate::memory::picture::picture;
    use proptest::prelude::*;

    fn draw(buddy: &Buddy) -> String {
        picture(buddy, 10_000)
    }

    #[test]
    fn used_blocks_stay_where_they_are_while_the_arena_grows_and_shrinks() {
        let mut buddy = Buddy::new(256);
        let blocks: Vec<_> = (0..3).map(|_| buddy.allocate(32).unwrap().offset).collect();
        buddy.release(blocks[1]).unwrap();
        let used = [blocks[0], blocks[2]];
        let larger = buddy.resized(512, &used).unwrap();
        assert_eq!(
            draw(&larger),
            "(512 (256 (128 (64 32-used 32-free) (64 32-used 32-free)) 128-free) 256-free)"
        );
        assert_eq!(larger.resized(64, &used), None, "the third block ends at 96");
        assert_eq!(draw(&larger.resized(96, &used).unwrap()), "(64 32-used 32-free) 32-used");
        assert_eq!((larger.end_of(64), larger.end_of(32)), (Some(96), None));
        assert_eq!(larger.resized(32, &used), None, "the third block begins at 64");
        assert_eq!(draw(&Buddy::new(64).resized(0, &[]).unwrap()), "");
    }

    #[test]
    fn a_block_takes_its_right_buddy_and_leaves_it_again() {
        let mut buddy = Buddy::new(128);
        let left = buddy.allocate(32).unwrap();
        assert_eq!(buddy.double(left.offset).map(Block::size), Some(64));
        assert_eq!(buddy.double(left.offset).map(Block::size), Some(128));
        assert_eq!(buddy.double(left.offset), None, "there is no more");
        assert_eq!(buddy.halve(left.offset).map(Block::size), Some(64));
        assert_eq!(draw(&buddy), "(128 64-used 64-free)");
        let right = buddy.allocate(64).unwrap();
        assert_eq!(buddy.double(right.offset), None, "it is the right one");
        assert_eq!(buddy.double(left.offset), None, "its buddy is used");
        assert_eq!(buddy.double(5), None);
        assert_eq!(buddy.halve(1 << 40), None);
        buddy.halve(left.offset).unwrap();
        assert_eq!(buddy.halve(left.offset), None, "it is the smallest");
        assert_eq!(buddy.check(), Ok(()));
    }

    proptest! {
        #[test]
        fn whatever_is_used_an_arena_of_another_size_deals_the_same_blocks(
            units in 1_u64..200,
            steps in prop::collection::vec((0_u64..500, 0_usize..8), 1..60),
            to in 0_u64..300,
        ) {
            let mut buddy = Buddy::new(units * MIN_BLOCK);
            let mut used = Vec::new();
            for (size, which) in steps {
                match which {
                    0 if !used.is_empty() => {
                        let offset = used.remove(size as usize % used.len());
                        buddy.release(offset).unwrap();
                    }
                    1 if !used.is_empty() => {
                        buddy.double(used[size as usize % used.len()]);
                    }
                    2 if !used.is_empty() => {
                        buddy.halve(used[size as usize % used.len()]);
                    }
                    _ => match buddy.allocate(size) {
                        Ok(block) => used.push(block.offset),
                        Err(AllocateError::Zero) => prop_assert_eq!(size, 0),
                        Err(_) => {}
                    },
                }
                prop_assert_eq!(buddy.check(), Ok(()));
            }
            used.sort_unstable();
            let end = used.last().map_or(0, |&last| buddy.end_of(last).unwrap());
            let fits = end <= to * MIN_BLOCK;
            let resized = buddy.resized(to * MIN_BLOCK, &used);
            prop_assert_eq!(resized.is_some(), fits);
            if let Some(mut resized) = resized {
                prop_assert_eq!(resized.check(), Ok(()));
                prop_assert_eq!(resized.filling().used, buddy.filling().used);
                for offset in used {
                    prop_assert!(resized.release(offset).is_some());
                }
                prop_assert_eq!(draw(&resized), draw(&Buddy::new(to * MIN_BLOCK)));
            }
        }
    }
}
