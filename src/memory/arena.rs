//! The arena: one array of words that all threads share, and the contents of each block in it.
//!
//! ```text
//!   arena     │ word │ word │ word │ word │ word │ …
//!              ◄── contents of a block ──►
//!              last set ……… │ never read │
//! ```
//!
//! During one lease, the lock of its contents orders all reads and writes of a word. Between two
//! leases of a block, the release and the tables' lock order them. But the arena is one array, and
//! the compiler cannot know which lock guards which word. Safe Rust lets several threads write into
//! such an array only if its words are atomics.
//!
//! **Lock** each block has its own, around its [`super::contents`].
//!
//! **Simplified** words are copied one at a time. The compiler never joins two atomic loads, so a
//! copy takes a quarter more time than `memcpy`.
//!
//! **Source** `memorylease.txt`: leased memory.

use std::collections::TryReserveError;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::memory::buddy::MIN_BLOCK;
use crate::memory::contents::ContentsPages;

/// Bytes in a word.
const WORD: usize = size_of::<u64>();

/// The memory of all blocks, as words, and the contents of each block.
pub struct Arena {
    words: Box<[AtomicU64]>,
    pub(super) contents: ContentsPages,
}

impl Arena {
    /// Returns an arena of `size` bytes. It writes all of them, so that the system provides the
    /// memory now and not during a lease. The pages of contents are made later, when leases need
    /// them.
    ///
    /// # Errors
    /// Fails when the system does not have that much memory.
    pub fn new(size: u64) -> Result<Self, TryReserveError> {
        // A size beyond `usize` becomes the largest one, which no system has: the reservation below
        // then fails.
        let count = usize::try_from(size).unwrap_or(usize::MAX).div_ceil(WORD);
        let mut words = Vec::new();
        words.try_reserve_exact(count)?;
        words.resize_with(count, || AtomicU64::new(0));
        let contents = ContentsPages::new(count / (MIN_BLOCK as usize / WORD))?;
        Ok(Self { words: words.into(), contents })
    }

    /// Writes `data` from the word-aligned byte `offset` on, and zeros into the rest of the last
    /// word. That rest belongs to the same block, because blocks have whole words.
    pub(super) fn write(&self, offset: usize, data: &[u8]) {
        let words = &self.words[offset / WORD..][..data.len().div_ceil(WORD)];
        let (whole, rest) = data.as_chunks::<WORD>();
        for (word, bytes) in words.iter().zip(whole) {
            // `Relaxed` is enough: the lock of the contents orders the stores and the loads of one
            // lease, and the release and the tables' lock those of two leases.
            word.store(u64::from_ne_bytes(*bytes), Ordering::Relaxed);
        }
        if !rest.is_empty() {
            let mut bytes = [0; WORD];
            bytes[..rest.len()].copy_from_slice(rest);
            words[whole.len()].store(u64::from_ne_bytes(bytes), Ordering::Relaxed);
        }
    }

    /// Replaces the bytes from `offset` on. The first and the last word may be changed in part. The
    /// load and the store of a word are two steps; no other thread writes the word in between,
    /// because the caller holds the block's lock.
    pub(super) fn write_anywhere(&self, offset: usize, data: &[u8]) {
        let mut at = offset;
        let mut rest = data;
        while !rest.is_empty() {
            let (word, into) = (&self.words[at / WORD], at % WORD);
            let (bytes, more) = rest.split_at(rest.len().min(WORD - into));
            let mut whole = word.load(Ordering::Relaxed).to_ne_bytes();
            whole[into..][..bytes.len()].copy_from_slice(bytes);
            word.store(u64::from_ne_bytes(whole), Ordering::Relaxed);
            (at, rest) = (at + bytes.len(), more);
        }
    }

    /// Fills `data` from the byte `offset` on: bytes up to the next word, then words.
    ///
    /// ```text
    ///   offset 5, 14 bytes   │·····███│████████│███·····│
    /// ```
    pub(super) fn read_anywhere(&self, offset: usize, data: &mut [u8]) {
        let into = offset % WORD;
        // The bytes up to the next word: 0 if the offset is a multiple of 8.
        let first = data.len().min((WORD - into) % WORD);
        let (head, rest) = data.split_at_mut(first);
        if !head.is_empty() {
            let word = self.words[offset / WORD].load(Ordering::Relaxed).to_ne_bytes();
            head.copy_from_slice(&word[into..][..first]);
        }
        if !rest.is_empty() {
            self.read(offset + first, rest);
        }
    }

    /// Fills `data` from the word-aligned byte `offset` on.
    fn read(&self, offset: usize, data: &mut [u8]) {
        let words = &self.words[offset / WORD..][..data.len().div_ceil(WORD)];
        let (whole, rest) = data.as_chunks_mut::<WORD>();
        for (word, bytes) in words.iter().zip(whole.iter_mut()) {
            *bytes = word.load(Ordering::Relaxed).to_ne_bytes();
        }
        if !rest.is_empty() {
            let bytes = words[whole.len()].load(Ordering::Relaxed).to_ne_bytes();
            rest.copy_from_slice(&bytes[..rest.len()]);
        }
    }
}

impl std::fmt::Debug for Arena {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Arena of {} words", self.words.len())
    }
}

/// Gives a buffer this length. The caller then overwrites all its bytes, so old bytes may stay: to
/// clear them would take as long as to copy new ones. A buffer that is too small is replaced by one
/// of just this capacity, because `resize` could reserve twice as much.
pub fn set_length(data: &mut Vec<u8>, length: usize) {
    if data.capacity() < length {
        *data = Vec::with_capacity(length);
    }
    data.resize(length, 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_the_system_has_is_an_error_and_no_abort() {
        assert!(Arena::new(u64::MAX).is_err());
    }
}
