//! The state of the contents of each lease, behind a lock of its own.
//!
//! ```text
//!   lease table   entry ─► Handle { slot, generation, offset, size }       copied, then unlocked
//!                               │
//!   arena         page ─► slot ─┴► lock ─► Contents { generation, offset, length, version, … }
//!                                                        └─► the words of the block
//! ```
//!
//! The lease table gives each lease a slot, and the contents of the lease have the slot of the same
//! number here. A thread takes the handle under the tables' lock, unlocks the tables, and *opens*
//! the contents: it locks the slot and compares the generation.
//!
//! ```text
//!   handle       slot 7, generation 4
//!   slot has     0 to 3    nobody has opened these contents yet: they begin now
//!                4         they are this lease's
//!                5         they were released
//!                6, …      the slot has a later lease
//! ```
//!
//! **Invariants**
//!
//! 1. A lease or grant reads as its last set followed by zeros. `Contents` keeps the length of
//!    the last set, so the rest need not be cleared, and no lease reads the bytes of the lease
//!    before it. In a process's *own block*, its memory for messages (chapter 6), a message is read
//!    only where it was written before.
//! 2. Once released, contents are neither read nor written.
//!
//! **Lock** each `Contents` has its own. *The lock of a block* means the lock of the slot that the
//! block's lease has now. A thread that gives a block back first marks its contents released, under
//! that lock. So a copy under way ends before the block can have another lease, and a later copy
//! fails with `Released`.
//!
//! **Simplified** a slot is not used again after 2^31 leases in it. At a million leases a second
//! that is after 25 days, because 1024 leases in other slots come between two leases of a slot. The
//! arena has spare slots for 16 times as long; after that a new lease could not be opened.
//!
//! **Source** `memorylease.txt`: leased memory. Its server lets a new lease read the bytes of the
//! one before.

use std::cmp::Ordering;
use std::collections::TryReserveError;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::Instant;

use crate::common::error::{Code, Error};
use crate::common::lock::lock;
use crate::memory::arena::{Arena, set_length};
use crate::memory::compact::{Tick, U48};
use crate::memory::lease::not_found;
use crate::memory::versions::{Condition, Part};

/// The slots of a page, here and in the lease table.
pub(super) const PAGE: usize = 1024;

/// The pages of slots that the lease table may have more than the blocks of the arena fill: two
/// because it adds a page when there are few free slots, and the rest for slots that are not used
/// again.
const SPARE_PAGES: usize = 2 + 16;

/// The key to the contents of a block. It opens them until they are released.
#[derive(Debug, Clone, Copy)]
pub struct Handle {
    slot: u32,
    generation: u32,
    /// The block's offset, in bytes from the arena's start.
    pub offset: u64,
    /// The bytes of the lease or held block.
    pub size: u64,
}

impl Handle {
    /// Returns a handle. The slot and the generation are the key. Only the first open of a lease
    /// uses `offset`: later the contents know their offset, because a put to a name may move them.
    pub fn new(slot: u32, generation: u32, offset: u64, size: u64) -> Self {
        Self { slot, generation, offset, size }
    }

    /// Returns the number of the slot.
    pub fn slot(&self) -> u32 {
        self.slot
    }
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

impl ContentsError {
    /// Returns the error for `length` bytes that could not be set in a lease of `size` bytes.
    pub(super) fn explain(self, length: usize, size: u64) -> Error {
        match self {
            ContentsError::Released => not_found(),
            ContentsError::TooLarge => {
                let text = format!("{length} bytes do not fit the lease of {size}; lease more");
                Error::new(Code::TooLarge, text)
            }
            ContentsError::Changed => {
                let text =
                    "the lease has another version: somebody has set it; inspect it and try again";
                Error::new(Code::Refused, text)
            }
        }
    }
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

/// The place, the length and the version of the bytes of one lease or grant: the data that the
/// block's lock guards. The bytes are in the arena's words.
#[derive(Debug)]
struct Contents {
    /// The generation of the lease. A release adds 1.
    generation: u32,
    /// Bytes from the arena's start, a multiple of the smallest block.
    offset: U48,
    /// The number of bytes of the last set.
    length: U48,
    /// The count of sets.
    version: u64,
    /// The time of the last set, if there was one.
    changed: Option<Tick>,
}

impl Contents {
    /// Returns the contents of a fresh block: nothing is set, so the block reads as zeros.
    fn new(generation: u32, offset: u64) -> Self {
        let (offset, length) = (U48::new(offset), U48::new(0));
        Self { generation, offset, length, version: 0, changed: None }
    }
}

/// A page of contents, each behind its lock.
type ContentsPage = Box<[Mutex<Contents>]>;

/// The contents of all blocks. The thread that opens the first contents of a page makes the page.
pub(super) struct ContentsPages(Box<[OnceLock<ContentsPage>]>);

impl ContentsPages {
    /// Returns a list of pages, none of which is made yet. It is long enough for the contents of
    /// `blocks` blocks.
    ///
    /// # Errors
    /// Fails when the system does not have the memory for the list.
    pub fn new(blocks: usize) -> Result<Self, TryReserveError> {
        let mut pages = Vec::new();
        let count = blocks.div_ceil(PAGE) + SPARE_PAGES;
        pages.try_reserve_exact(count)?;
        pages.resize_with(count, OnceLock::new);
        Ok(Self(pages.into()))
    }

    /// Locks a slot.
    fn lock(&self, slot: u32) -> Option<MutexGuard<'_, Contents>> {
        let page = self.0.get(slot as usize / PAGE)?;
        // The first lease of a slot has generation 2, which is later than 0. So its first open
        // begins new contents.
        let fresh = || (0..PAGE).map(|_| Mutex::new(Contents::new(0, 0))).collect();
        page.get_or_init(fresh).get(slot as usize % PAGE).map(lock)
    }
}

impl Arena {
    /// Locks the contents of a block, until the result is dropped. The first open of a lease begins
    /// new contents.
    ///
    /// # Errors
    /// `Released`.
    pub fn open(&self, handle: &Handle) -> Result<OpenContents<'_>, ContentsError> {
        let mut contents = self.contents.lock(handle.slot).ok_or(ContentsError::Released)?;
        match handle.generation.cmp(&contents.generation) {
            Ordering::Less => return Err(ContentsError::Released),
            Ordering::Equal => {}
            Ordering::Greater => *contents = Contents::new(handle.generation, handle.offset),
        }
        Ok(OpenContents { arena: self, size: handle.size, contents })
    }

    /// Marks contents released: their generation becomes one more, so no handle of this lease opens
    /// them, and the block may go back to the allocator. A copy under way in the block ends first,
    /// because it holds the lock.
    pub fn release(&self, handle: &Handle) {
        if let Ok(mut opened) = self.open(handle) {
            // The generations of leases are even.
            opened.contents.generation = handle.generation | 1;
        }
    }
}

/// The contents of a block, and its lock.
pub struct OpenContents<'a> {
    arena: &'a Arena,
    /// The bytes of the lease when its handle was found. A put to a name can have moved the
    /// contents to a larger block since then, and never to a smaller one.
    size: u64,
    contents: MutexGuard<'a, Contents>,
}

impl OpenContents<'_> {
    /// Replaces the contents with `data`. They are unchanged when this fails.
    ///
    /// # Errors
    /// `TooLarge` when `data` is longer than the lease.
    pub fn set(&mut self, data: &[u8], now: Instant) -> Result<(), ContentsError> {
        self.replace(&Condition::Any, data, now).map(|_| ())
    }

    /// Replaces the contents with `data` if the condition holds for the version; returns the new
    /// version. Nothing is changed when this fails. The check and the set are under one hold of the
    /// block's lock, so no other client can set in between.
    ///
    /// # Errors
    /// `TooLarge`; `Changed`.
    pub fn replace(
        &mut self,
        condition: &Condition,
        data: &[u8],
        now: Instant,
    ) -> Result<u64, ContentsError> {
        self.replace_at((self.contents.offset.get(), self.size), condition, data, now)
    }

    /// Replaces the contents as [`OpenContents::replace`] does, and moves them to another block, of
    /// `size` bytes from `offset` on, which nobody else uses. Nothing is changed when this fails.
    ///
    /// # Errors
    /// `TooLarge`; `Changed`.
    pub fn replace_at(
        &mut self,
        (offset, size): (u64, u64),
        condition: &Condition,
        data: &[u8],
        now: Instant,
    ) -> Result<u64, ContentsError> {
        // The condition comes last. RFC 9110, section 13.2.1: a server ignores the condition of a
        // request that would fail without it.
        if data.len() as u64 > size {
            return Err(ContentsError::TooLarge);
        }
        if !condition.holds(self.contents.version) {
            return Err(ContentsError::Changed);
        }
        self.arena.write(offset as usize, data);
        let contents = &mut *self.contents;
        (contents.offset, contents.length) = (U48::new(offset), U48::new(data.len() as u64));
        contents.version += 1;
        contents.changed = Tick::of(now);
        Ok(contents.version)
    }

    /// Returns the state of the contents, and replaces `data` with the bytes of `part`. It uses the
    /// capacity of `data`. State and part are of one version, because the block's lock is held.
    /// `most` bounds the copy, in bytes.
    ///
    /// # Errors
    /// `TooLarge` when the part is longer than `most`.
    pub fn inspect(
        &self,
        part: Part,
        most: u64,
        data: &mut Vec<u8>,
    ) -> Result<Inspected, ContentsError> {
        let length = self.contents.length.get();
        let Range { start: first, end } = part.range_in(length);
        if end - first > most {
            return Err(ContentsError::TooLarge);
        }
        set_length(data, (end - first) as usize);
        self.read_part(first as usize, data);
        let changed = self.contents.changed.map(Tick::instant);
        Ok(Inspected { length, version: self.contents.version, changed, first })
    }

    /// Returns the number of bytes that a part of the contents has.
    pub fn length_of(&self, part: Part) -> u64 {
        let Range { start, end } = part.range_in(self.contents.length.get());
        end - start
    }

    /// Returns the count of sets.
    pub fn version(&self) -> u64 {
        self.contents.version
    }

    /// Replaces `data` with the bytes of the last set. Allocates only if they need more room.
    ///
    /// # Errors
    /// `TooLarge` when there are more than `most`. `data` is unchanged then.
    pub fn get(&self, most: u64, data: &mut Vec<u8>) -> Result<(), ContentsError> {
        self.inspect(Part::All, most, data).map(|_| ())
    }

    /// Writes a part of a process's own block, `at` bytes from its start. `at` is a multiple of the
    /// smallest block, and the rest of the last word becomes zero. The caller knows that the part
    /// lies in the block: a second buddy allocator, over the process's own blocks, allocated it.
    pub fn write_part(&mut self, at: usize, data: &[u8]) {
        self.arena.write(self.start() + at, data);
    }

    /// Replaces `data.len()` bytes of a process's own block, from any byte on, and leaves the bytes
    /// around them as they are.
    pub fn patch_part(&mut self, at: usize, data: &[u8]) {
        self.arena.write_anywhere(self.start() + at, data);
    }

    /// Reads a part of the block, `at` bytes from its start.
    pub fn read_part(&self, at: usize, data: &mut [u8]) {
        self.arena.read_anywhere(self.start() + at, data);
    }

    /// Returns the block's offset in the arena.
    fn start(&self) -> usize {
        self.contents.offset.get() as usize
    }
}

#[cfg(test)]
#[path = "contents_tests.rs"]
mod tests;
