//! The bytes that are leased: one array of words, shared by every thread.
//!
//! ```text
//!   arena     │ word │ word │ word │ word │ word │ …
//!              ◄── contents of a block ──►
//!              last set ……… │ never read │
//! ```
//!
//! The words are atomics, so that two threads that touch the same one are not
//! undefined behaviour; what a word *means* is settled by the lock of the block it
//! lies in. That is what shared memory is, in safe Rust.
//!
//! **Invariants**
//!
//! 1. A block reads as its last set followed by zeros. The length set is kept, so
//!    nothing is ever cleared, and no tenant sees the last one's bytes.
//! 2. Once released, contents are neither read nor written.
//!
//! **Lock** each [`Contents`] has its own, put on in `server::shared`. Whoever
//! frees the block's place marks its contents released first, under that lock: so a
//! copy that is under way ends before the place can have a new tenant.
//!
//! **Simplified** words are copied one at a time, relaxed: the compiler joins no two
//! atomic loads, which takes a quarter more time than `memcpy` does.
//!
//! **Source** MemoryLease's leased memory; its server let the next tenant read on.

use std::collections::TryReserveError;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::memory::versions::{Condition, Part};

/// Bytes in a word.
const WORD: usize = size_of::<u64>();

/// The memory that blocks are places in.
pub struct Arena {
    words: Box<[AtomicU64]>,
}

impl Arena {
    /// An arena of `size` bytes, all of it taken from the system now, so that no
    /// lease fails later.
    ///
    /// # Errors
    /// When the system does not have that much.
    pub fn new(size: u64) -> Result<Self, TryReserveError> {
        let count = usize::try_from(size).unwrap_or(usize::MAX).div_ceil(WORD);
        let mut words = Vec::new();
        words.try_reserve_exact(count)?;
        words.resize_with(count, || AtomicU64::new(0));
        Ok(Self { words: words.into() })
    }

    /// Writes `data` from the word-aligned byte `offset` on. The rest of the last
    /// word is overwritten with zeros.
    fn write(&self, offset: usize, data: &[u8]) {
        let words = &self.words[offset / WORD..][..data.len().div_ceil(WORD)];
        let (whole, rest) = data.as_chunks::<WORD>();
        for (word, bytes) in words.iter().zip(whole) {
            word.store(u64::from_ne_bytes(*bytes), Ordering::Relaxed);
        }
        if !rest.is_empty() {
            let mut bytes = [0; WORD];
            bytes[..rest.len()].copy_from_slice(rest);
            words[whole.len()].store(u64::from_ne_bytes(bytes), Ordering::Relaxed);
        }
    }

    /// Fills `data` from the byte `offset` on.
    fn read_anywhere(&self, offset: usize, data: &mut [u8]) {
        let into = offset % WORD;
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

/// Why contents were not set or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentsError {
    /// The block was given back.
    Released,
    /// The data is longer than the lease.
    TooLarge,
    /// Its version is none that was wanted.
    Changed,
}

/// How contents are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inspected {
    /// How many bytes were set last.
    pub length: u64,
    /// How often they were set.
    pub version: u64,
    /// When they were, if ever.
    pub changed: Option<Instant>,
    /// Where the part that was read begins.
    pub first: u64,
}

/// One tenancy of one place: what its lock guards.
#[derive(Debug)]
pub struct Contents {
    /// Bytes from the arena's start, a multiple of the smallest block.
    offset: usize,
    /// Bytes leased; the place has at least as many.
    size: usize,
    /// How many bytes were set last.
    length: usize,
    /// How often, and when.
    version: u64,
    changed: Option<Instant>,
    released: bool,
}

impl Contents {
    /// A fresh tenancy: nothing set, so all of it reads as zeros.
    pub fn new(offset: u64, size: u64) -> Self {
        let (offset, size) = (offset as usize, size as usize);
        Self { offset, size, length: 0, version: 0, changed: None, released: false }
    }

    /// Replaces what the block holds. Unchanged when it fails.
    ///
    /// # Errors
    /// `Released`; `TooLarge` when `data` is longer than the lease.
    pub fn set(&mut self, arena: &Arena, data: &[u8], now: Instant) -> Result<(), ContentsError> {
        if self.released {
            return Err(ContentsError::Released);
        }
        if data.len() > self.size {
            return Err(ContentsError::TooLarge);
        }
        arena.write(self.offset, data);
        self.length = data.len();
        self.version += 1;
        self.changed = Some(now);
        Ok(())
    }

    /// Replaces what the block holds if its version fulfils the condition; answers the version
    /// since. Unchanged when it fails.
    ///
    /// # Errors
    /// `Released`; `TooLarge`; `Changed`.
    pub fn replace(
        &mut self,
        arena: &Arena,
        condition: &Condition,
        data: &[u8],
        now: Instant,
    ) -> Result<u64, ContentsError> {
        if self.released {
            return Err(ContentsError::Released);
        }
        // A condition is asked only of what could be done without it.
        if data.len() > self.size {
            return Err(ContentsError::TooLarge);
        }
        if !condition.holds(self.version) {
            return Err(ContentsError::Changed);
        }
        self.set(arena, data, now).map(|()| self.version)
    }

    /// How the block is, and of `part` at most `most` bytes in `data`, whose capacity is used.
    ///
    /// # Errors
    /// `Released`; `TooLarge` when the part is longer than `most`.
    pub fn inspect(
        &self,
        arena: &Arena,
        part: Part,
        most: u64,
        data: &mut Vec<u8>,
    ) -> Result<Inspected, ContentsError> {
        if self.released {
            return Err(ContentsError::Released);
        }
        let length = self.length as u64;
        let Range { start: first, end } = part.of(length);
        if end - first > most {
            return Err(ContentsError::TooLarge);
        }
        data.resize((end - first) as usize, 0);
        arena.read_anywhere(self.offset + first as usize, data);
        Ok(Inspected { length, version: self.version, changed: self.changed, first })
    }

    /// How often it was set.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Writes a part of an own block, `at` bytes from its start, a multiple of the smallest
    /// block. The rest of the last word is overwritten.
    ///
    /// # Errors
    /// `Released`.
    pub fn write_part(
        &mut self,
        arena: &Arena,
        at: usize,
        data: &[u8],
    ) -> Result<(), ContentsError> {
        if self.released {
            return Err(ContentsError::Released);
        }
        arena.write(self.offset + at, data);
        Ok(())
    }

    /// Reads a part of an own block, `at` bytes from its start.
    ///
    /// # Errors
    /// `Released`, with `data` as it was.
    pub fn read_part(
        &self,
        arena: &Arena,
        at: usize,
        data: &mut [u8],
    ) -> Result<(), ContentsError> {
        if self.released {
            return Err(ContentsError::Released);
        }
        arena.read_anywhere(self.offset + at, data);
        Ok(())
    }

    /// Leaves in `data` just the bytes last set. What `data` held before is lost; its
    /// capacity is used.
    ///
    /// # Errors
    /// `Released`, with `data` as it was.
    pub fn get(&self, arena: &Arena, data: &mut Vec<u8>) -> Result<(), ContentsError> {
        if self.released {
            return Err(ContentsError::Released);
        }
        data.resize(self.length, 0);
        arena.read(self.offset, data);
        Ok(())
    }

    /// Ends the tenancy: from now on the place may have another tenant.
    pub fn release(&mut self) {
        self.released = true;
    }
}

#[cfg(test)]
#[path = "arena_tests.rs"]
mod tests;
