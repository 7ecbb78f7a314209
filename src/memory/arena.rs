//! The arena: one array of words that all threads share, and the contents of each block in it.
//!
//! ```text
//!   arena     │ word │ word │ word │ word │ word │ …
//!              ◄── contents of a block ──►
//!              last set ……… │ never read │
//! ```
//!
//! The lock of the block in which a word lies orders all reads and writes of the word. But the
//! arena is one array, and the compiler cannot know which lock guards which word. Safe Rust lets
//! several threads write into such an array only if its words are atomics.
//!
//! **Invariants**
//!
//! 1. A lease or grant reads as its last set followed by zeros. [`Contents`] keeps the length of
//!    the last set, so the rest need not be cleared, and no lease reads the bytes of the lease
//!    before it. In a process's *own block*, its memory for messages (chapter 6), a message is read
//!    only where it was written before.
//! 2. Once released, contents are neither read nor written.
//!
//! **Lock** each [`Contents`] has its own, which [`super::service`] puts around it. A thread that
//! gives a block back first marks its contents released, under that lock. So a copy under way ends
//! before the block can have another lease, and a later copy fails with `Released`.
//!
//! **Simplified** words are copied one at a time. The compiler never joins two atomic loads, so a
//! copy takes a quarter more time than `memcpy`.
//!
//! **Source** `memorylease.txt`: leased memory. Its server lets a new lease read the bytes of the
//! one before.

use std::collections::TryReserveError;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::memory::versions::{Condition, Part};

/// Bytes in a word.
const WORD: usize = size_of::<u64>();

/// The memory of all blocks, as words.
pub struct Arena {
    words: Box<[AtomicU64]>,
}

impl Arena {
    /// Returns an arena of `size` bytes. It writes all of them, so that the system provides the
    /// memory now and not during a lease.
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
        Ok(Self { words: words.into() })
    }

    /// Writes `data` from the word-aligned byte `offset` on, and zeros into the rest of the last
    /// word. That rest belongs to the same block, because blocks have whole words.
    fn write(&self, offset: usize, data: &[u8]) {
        let words = &self.words[offset / WORD..][..data.len().div_ceil(WORD)];
        let (whole, rest) = data.as_chunks::<WORD>();
        for (word, bytes) in words.iter().zip(whole) {
            // `Relaxed` is enough: this thread unlocks the block's lock after its stores, and the
            // next thread locks it before its loads. So the lock orders the stores and the loads.
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
    fn write_anywhere(&self, offset: usize, data: &[u8]) {
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
    fn read_anywhere(&self, offset: usize, data: &mut [u8]) {
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

/// Gives a buffer this length, for bytes that are read into it next. A buffer that is too small is
/// replaced by one of just this capacity, because `resize` could reserve twice as much. In a larger
/// buffer the old bytes stay: to write zeros over them would cost as much as the copy.
pub fn set_length(data: &mut Vec<u8>, length: usize) {
    if data.capacity() < length {
        *data = Vec::with_capacity(length);
    }
    data.resize(length, 0);
}

/// The reason why contents were not set or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentsError {
    /// The block was released.
    Released,
    /// The data of a set is longer than the lease, or the part to read is longer than the reply can
    /// carry.
    TooLarge,
    /// The condition does not hold for the version.
    Changed,
}

/// The state of a block's contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inspected {
    /// The number of bytes of the last set.
    pub length: u64,
    /// The count of sets.
    pub version: u64,
    /// The time of the last set; `None` if there was none.
    pub changed: Option<Instant>,
    /// The place of the part's first byte, in bytes from the start of the block.
    pub first: u64,
}

/// The contents of a block during one lease or grant: the data that the block's lock guards.
#[derive(Debug)]
pub struct Contents {
    /// Bytes from the arena's start, a multiple of the smallest block.
    offset: usize,
    /// The bytes of the lease or grant; the block has at least as many. Only the functions that set
    /// contents use this number. It stays the same when a process's own block doubles or halves: no
    /// client knows the id of such a block, so no client can set its contents.
    size: usize,
    /// The number of bytes of the last set.
    length: usize,
    /// The count of sets, and the time of the last one.
    version: u64,
    changed: Option<Instant>,
    /// Set once, before the block of a lease or grant goes back to the allocator. It is never
    /// cleared: the next lease of the block gets new contents.
    released: bool,
    /// Makes the piece of heap around these contents larger than 128 bytes. glibc does not join
    /// freed pieces of up to 128 bytes with their neighbours. It joins all of them at some later
    /// call of `free`: after a million leases this call took 140 ms, under the tables' lock.
    _large: [u64; 6],
}

impl Contents {
    /// Returns fresh contents: nothing is set, so the block reads as zeros.
    pub fn new(offset: u64, size: u64) -> Self {
        let (offset, size) = (offset as usize, size as usize);
        Self { offset, size, length: 0, version: 0, changed: None, released: false, _large: [0; 6] }
    }

    /// Replaces the contents with `data`. They are unchanged when this fails.
    ///
    /// # Errors
    /// `Released`; `TooLarge` when `data` is longer than the lease.
    pub fn set(&mut self, arena: &Arena, data: &[u8], now: Instant) -> Result<(), ContentsError> {
        self.check_not_released()?;
        if data.len() > self.size {
            return Err(ContentsError::TooLarge);
        }
        arena.write(self.offset, data);
        self.length = data.len();
        self.version += 1;
        self.changed = Some(now);
        Ok(())
    }

    /// Replaces the contents with `data` if the condition holds for the version; returns the new
    /// version. Nothing is changed when this fails. The check and the set are under one hold of the
    /// block's lock, so no other client can set in between.
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
        self.check_not_released()?;
        // The condition comes last. RFC 9110, section 13.2.1: a server ignores the condition of a
        // request that would fail without it.
        if data.len() > self.size {
            return Err(ContentsError::TooLarge);
        }
        if !condition.holds(self.version) {
            return Err(ContentsError::Changed);
        }
        self.set(arena, data, now).map(|()| self.version)
    }

    /// Replaces the contents as [`Contents::replace`] does, and moves them to another block, of
    /// `size` bytes from `offset` on, which nobody else uses. Nothing is changed when this fails.
    ///
    /// # Errors
    /// `Released`; `TooLarge`; `Changed`.
    pub fn replace_at(
        &mut self,
        arena: &Arena,
        (offset, size): (u64, u64),
        condition: &Condition,
        data: &[u8],
        now: Instant,
    ) -> Result<u64, ContentsError> {
        // `replace` writes to the place in `self`, and compares the data with the size there. So
        // the new place is entered first, and taken back if `replace` fails.
        let before = (self.offset, self.size);
        (self.offset, self.size) = (offset as usize, size as usize);
        let replaced = self.replace(arena, condition, data, now);
        if replaced.is_err() {
            (self.offset, self.size) = before;
        }
        replaced
    }

    /// Returns the state of the contents, and replaces `data` with the bytes of `part`. It uses the
    /// capacity of `data`. State and part are of one version, because the caller holds the block's
    /// lock. `most` bounds the copy, in bytes.
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
        self.check_not_released()?;
        let length = self.length as u64;
        let Range { start: first, end } = part.range_in(length);
        if end - first > most {
            return Err(ContentsError::TooLarge);
        }
        set_length(data, (end - first) as usize);
        arena.read_anywhere(self.offset + first as usize, data);
        Ok(Inspected { length, version: self.version, changed: self.changed, first })
    }

    /// Returns the count of sets.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Writes a part of a process's own block, `at` bytes from its start. `at` is a multiple of the
    /// smallest block, and the rest of the last word becomes zero. The caller knows that the part
    /// lies in the block: a second buddy allocator, over the process's own blocks, allocated it.
    ///
    /// # Errors
    /// `Released`.
    pub fn write_part(
        &mut self,
        arena: &Arena,
        at: usize,
        data: &[u8],
    ) -> Result<(), ContentsError> {
        self.check_not_released()?;
        arena.write(self.offset + at, data);
        Ok(())
    }

    /// Replaces `data.len()` bytes of a process's own block, from any byte on, and leaves the bytes
    /// around them as they are.
    ///
    /// # Errors
    /// `Released`.
    pub fn patch_part(
        &mut self,
        arena: &Arena,
        at: usize,
        data: &[u8],
    ) -> Result<(), ContentsError> {
        self.check_not_released()?;
        arena.write_anywhere(self.offset + at, data);
        Ok(())
    }

    /// Reads a part of a process's own block, `at` bytes from its start.
    ///
    /// # Errors
    /// `Released`; `data` is unchanged then.
    pub fn read_part(
        &self,
        arena: &Arena,
        at: usize,
        data: &mut [u8],
    ) -> Result<(), ContentsError> {
        self.check_not_released()?;
        arena.read_anywhere(self.offset + at, data);
        Ok(())
    }

    /// Replaces `data` with the bytes of the last set. Allocates only if they need more room.
    ///
    /// # Errors
    /// `Released`; `TooLarge` when there are more than `most`. `data` is unchanged then.
    pub fn get(&self, arena: &Arena, most: u64, data: &mut Vec<u8>) -> Result<(), ContentsError> {
        self.check_not_released()?;
        if self.length as u64 > most {
            return Err(ContentsError::TooLarge);
        }
        set_length(data, self.length);
        arena.read(self.offset, data);
        Ok(())
    }

    /// Checks that the block was not released: only then may its bytes be read or written.
    fn check_not_released(&self) -> Result<(), ContentsError> {
        if self.released { Err(ContentsError::Released) } else { Ok(()) }
    }

    /// Marks the contents released. From now on each set and read of them fails, so the block may
    /// go back to the allocator.
    pub fn release(&mut self) {
        self.released = true;
    }
}

#[cfg(test)]
#[path = "arena_tests.rs"]
mod tests;
