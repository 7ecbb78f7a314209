//! The end of a lease, between its two steps: the lease has left the table, and its block is not
//! free yet.
//!
//! **Lock** none: the thread that ends the lease owns the [`Ending`].

use crate::memory::buddy::Block;

/// A lease or held block that was struck from the table; its block is still used.
#[derive(Debug)]
#[must_use = "the block is lost unless it is given back"]
pub struct Ending<H> {
    /// The handle of its block.
    pub handle: H,
    /// The size of the lease or held block, in bytes.
    pub size: u64,
    pub(super) block: Block,
    /// Whether it was a lease: then its block is still charged to the committed bytes.
    pub(super) is_lease: bool,
}

impl<H> Ending<H> {
    /// Returns the offset of its block. No other block lies there until this one is given back.
    pub fn offset(&self) -> u64 {
        self.block.offset
    }
}
