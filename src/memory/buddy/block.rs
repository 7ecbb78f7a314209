//! A block that the allocator has given: its place and its size, as numbers or as one number.
//!
//! ```text
//!   offset 256, order 2     packed: 256 × 2 + 2 = 514
//! ```
//!
//! An offset is a multiple of 32, so twice the offset ends in six zero bits. An order is less than
//! 64, so it fits there.
//!
//! **Lock** none: plain numbers.

use crate::memory::buddy::MIN_BLOCK;

/// A used block: its place and its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Bytes from the arena's start, a multiple of `MIN_BLOCK`. Counted from the start of the
    /// block's own space, it is a multiple of the size.
    pub offset: u64,
    /// The size is `MIN_BLOCK << order`.
    pub(super) order: u8,
}

impl Block {
    /// Returns the bytes, a power of two.
    pub fn size(self) -> u64 {
        MIN_BLOCK << self.order
    }

    /// Returns the block with an offset that is larger by `start`. The allocator of a further
    /// memory space counts offsets from the start of its space, and the lease table counts them
    /// from the start of the arena.
    pub fn moved_by(self, start: u64) -> Self {
        Self { offset: self.offset + start, ..self }
    }

    /// Returns the block as one number, less than 2^42 in an arena of 1 TiB.
    pub fn packed(self) -> u64 {
        self.offset * 2 + u64::from(self.order)
    }

    /// Returns the block that [`Block::packed`] made this number of.
    pub fn unpacked(packed: u64) -> Self {
        let order = packed % (2 * MIN_BLOCK);
        Self { offset: (packed - order) / 2, order: order as u8 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// A block of a further memory space may stand at any multiple of the smallest block.
        #[test]
        fn a_packed_block_is_the_same_block(unit in 0_u64..1 << 35, order in 0_u8..=35) {
            let block = Block { offset: unit * MIN_BLOCK, order };
            prop_assert_eq!(Block::unpacked(block.packed()), block);
            prop_assert!(block.packed() < 1 << 42);
        }
    }
}
