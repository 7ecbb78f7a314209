//! The end of a lease, between its two steps: the lease has left the table, and its block is not
//! free yet.
//!
//! **Lock** none: the thread that ends the lease owns the [`Ending`].

use crate::memory::buddy::Block;
use crate::memory::contents::Handle;

/// A lease or held block that was struck from the table; its block is still used.
#[derive(Debug)]
#[must_use = "the block is lost unless it is given back"]
pub struct Ending {
    /// The handle of its contents.
    pub handle: Handle,
    pub(super) block: Block,
    /// Whether it was a lease: then its block is still charged to the committed bytes.
    pub(super) is_lease: bool,
}

impl Ending {
    /// Returns the size of the lease or held block, in bytes.
    pub fn size(&self) -> u64 {
        self.handle.size
    }

    /// Returns the offset of its block. No other block lies there until this one is given back.
    pub fn offset(&self) -> u64 {
        self.block.offset
    }
}
