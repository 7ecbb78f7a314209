//! The solution of e9_01: the order to compare by is the size first and the offset second; a
//! block that is too small is no candidate.

/// Returns the place in the list of the free block to take; each is an offset and a size.
pub fn choose(free: &[(u64, u64)], size: u64) -> Option<usize> {
    let fits = free.iter().enumerate().filter(|(_, block)| block.1 >= size);
    fits.min_by_key(|(_, block)| (block.1, block.0)).map(|(at, _)| at)
}
