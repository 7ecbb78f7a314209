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
//! **Lock** each [`Contents`] has its own, put on in `transport::shared`. Whoever
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

use crate::message::resource::{Condition, Part};

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
    /// `Released`; `Changed`; `TooLarge`.
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
mod tests {
    use super::*;

    fn get(contents: &Contents, arena: &Arena) -> Vec<u8> {
        let mut data = b"whatever a buffer held before".to_vec();
        contents.get(arena, &mut data).unwrap();
        data
    }

    #[test]
    fn every_length_reads_back_as_it_was_set() {
        let arena = Arena::new(128).unwrap();
        let mut contents = Contents::new(32, 64);
        for length in (0..=64).chain((0..=64).rev()) {
            let data: Vec<u8> = (0..length).map(|byte| byte ^ 0xa5).collect();
            contents.set(&arena, &data, Instant::now()).unwrap();
            assert_eq!(get(&contents, &arena), data);
        }
    }

    #[test]
    fn a_set_stays_within_its_block() {
        let arena = Arena::new(96).unwrap();
        let mut blocks: Vec<Contents> = (0..3).map(|at| Contents::new(at * 32, 32)).collect();
        for (at, block) in blocks.iter_mut().enumerate() {
            block.set(&arena, &[at as u8; 32], Instant::now()).unwrap();
        }
        blocks[1].set(&arena, &[9; 31], Instant::now()).unwrap();
        assert_eq!(get(&blocks[0], &arena), [0; 32]);
        assert_eq!(get(&blocks[1], &arena), [9; 31]);
        assert_eq!(get(&blocks[2], &arena), [2; 32]);
    }

    #[test]
    fn the_next_tenant_reads_nothing_of_the_last_one() {
        let arena = Arena::new(32).unwrap();
        let mut last = Contents::new(0, 32);
        last.set(&arena, b"a secret of the last tenant", Instant::now()).unwrap();
        last.release();
        let mut next = Contents::new(0, 32);
        assert_eq!(get(&next, &arena), b"");
        next.set(&arena, b"new", Instant::now()).unwrap();
        assert_eq!(get(&next, &arena), b"new");
    }

    #[test]
    fn more_than_was_leased_is_refused_and_nothing_changes() {
        let arena = Arena::new(64).unwrap();
        let mut contents = Contents::new(0, 33);
        contents.set(&arena, b"before", Instant::now()).unwrap();
        assert_eq!(contents.set(&arena, &[1; 34], Instant::now()), Err(ContentsError::TooLarge));
        assert_eq!(get(&contents, &arena), b"before");
    }

    #[test]
    fn a_part_is_read_from_any_byte_on() {
        let arena = Arena::new(96).unwrap();
        let data: Vec<u8> = (0..64).collect();
        let mut contents = Contents::new(32, 64);
        contents.write_part(&arena, 0, &data).unwrap();
        for from in 0..=64 {
            for to in from..=64 {
                let mut part = vec![0xff; to - from];
                contents.read_part(&arena, from, &mut part).unwrap();
                assert_eq!(part, data[from..to], "{from} to {to}");
            }
        }
        contents.write_part(&arena, 32, b"anew").unwrap();
        let mut part = [0; 5];
        contents.read_part(&arena, 31, &mut part).unwrap();
        assert_eq!(&part, b"\x1fanew");
        contents.release();
        assert_eq!(contents.write_part(&arena, 0, b"x"), Err(ContentsError::Released));
        assert_eq!(contents.read_part(&arena, 0, &mut part), Err(ContentsError::Released));
    }

    #[test]
    fn a_released_block_is_neither_read_nor_written() {
        let arena = Arena::new(32).unwrap();
        let mut contents = Contents::new(0, 32);
        contents.release();
        assert_eq!(contents.set(&arena, b"x", Instant::now()), Err(ContentsError::Released));
        assert_eq!(contents.get(&arena, &mut Vec::new()), Err(ContentsError::Released));
    }

    #[test]
    fn only_the_version_that_was_read_is_replaced() {
        let arena = Arena::new(64).unwrap();
        let (mut contents, now) = (Contents::new(0, 64), Instant::now());
        let mut replace = |condition: &Condition, data: &[u8]| {
            contents.replace(&arena, condition, data, now).map(|version| (version, contents.length))
        };
        let is = |version| Condition::OneOf(vec![version]);
        assert_eq!(replace(&is(0), b"one"), Ok((1, 3)));
        assert_eq!(replace(&is(0), b"another's"), Err(ContentsError::Changed));
        assert_eq!(replace(&Condition::NoneOf(vec![1]), b"x"), Err(ContentsError::Changed));
        assert_eq!(replace(&is(1), &[7; 65]), Err(ContentsError::TooLarge));
        assert_eq!(replace(&Condition::NoneOf(vec![0]), b"three"), Ok((2, 5)));
        assert_eq!(replace(&Condition::Any, b""), Ok((3, 0)));
        contents.release();
        let released = contents.replace(&arena, &Condition::Any, b"x", now);
        assert_eq!(released, Err(ContentsError::Released));
    }

    #[test]
    fn a_part_is_told_with_how_the_block_is() {
        let arena = Arena::new(96).unwrap();
        let (mut contents, now) = (Contents::new(32, 64), Instant::now());
        let mut data = Vec::new();
        let never = contents.inspect(&arena, Part::All, 64, &mut data).unwrap();
        assert_eq!((never.length, never.version, never.changed), (0, 0, None));
        contents.set(&arena, b"0123456789", now).unwrap();
        let part = Part::Span { first: 3, last: 5 };
        let told = contents.inspect(&arena, part, 3, &mut data).unwrap();
        assert_eq!(told, Inspected { length: 10, version: 1, changed: Some(now), first: 3 });
        assert_eq!(data, b"345");
        let too_long = contents.inspect(&arena, part, 2, &mut data);
        assert_eq!(too_long, Err(ContentsError::TooLarge));
        contents.inspect(&arena, Part::Last(4), 64, &mut data).unwrap();
        assert_eq!(data, b"6789");
        contents.inspect(&arena, Part::None, 0, &mut data).unwrap();
        assert_eq!(data, b"");
        contents.release();
        let released = contents.inspect(&arena, Part::All, 64, &mut data);
        assert_eq!(released, Err(ContentsError::Released));
    }

    #[test]
    fn more_than_the_system_has_is_an_error_and_no_abort() {
        assert!(Arena::new(u64::MAX).is_err());
    }
}
