//! First fit: the other way to choose a block, for comparison. No server allocates by it.
//!
//! ```text
//!   32 bytes of │ 512 free │ 256 used │ 128 free │ 128 used │
//!   best fit    takes 32 of the 128    the smallest block that fits
//!   first fit   takes 32 of the 512    the first that fits: the large block is gone
//! ```
//!
//! **Invariants** those of the allocator.
//!
//! **Lock** none: only lessons use it, and a lesson has an allocator of its own.
//!
//! **Source** Knuth, *The Art of Computer Programming*, volume 1, section 2.5, for both names;
//! `memorylease.txt` asks for best fit.

use super::{AllocateError, Block, Buddy, order_for};

impl Buddy {
    /// Takes the leftmost free block that `size` fits in, however large, and splits it down as
    /// [`Buddy::allocate`] does. Nothing is changed when this fails.
    ///
    /// # Errors
    /// Those of [`Buddy::allocate`].
    pub fn allocate_first_fit(&mut self, size: u64) -> Result<Block, AllocateError> {
        // For 0 bytes `skip` skips all orders, and `allocate` below refuses the request.
        let order = order_for(size).unwrap_or(usize::MAX);
        let free = self.free.iter().enumerate().skip(order);
        let leftmost = free.filter_map(|(at, free)| Some((free.first()? << at, at))).min();
        match leftmost {
            Some((unit, at_order)) => Ok(self.carve(order, at_order, unit >> at_order)),
            // Best fit has no block either, and says why.
            None => self.allocate(size),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_leftmost_block_is_taken_although_a_smaller_one_would_fit() {
        let mut best = Buddy::new(1024);
        let left = best.allocate(256).unwrap();
        best.allocate(64).unwrap();
        best.release(left.offset).unwrap();
        let mut first = best.clone();
        // Free are 256 at 0, 64 at 320, 128 at 384 and 512 at 512.
        assert_eq!(best.allocate(64).unwrap().offset, 320);
        assert_eq!(first.allocate_first_fit(64).unwrap().offset, 0);
        assert_eq!((best.check(), first.check()), (Ok(()), Ok(())));
        let largest = |buddy: &Buddy| buddy.filling().largest_free;
        assert_eq!((largest(&best), largest(&first)), (512, 512));
    }

    #[test]
    fn what_fits_nowhere_is_refused_as_by_best_fit() {
        let mut buddy = Buddy::new(256);
        buddy.allocate_first_fit(100).unwrap();
        for size in [0, 200, 1000] {
            let refused = buddy.clone().allocate(size).unwrap_err();
            assert_eq!(buddy.allocate_first_fit(size), Err(refused));
        }
    }
}
