//! Further memory spaces: `--memory a=32MiB,b=32MiB` divides the arena into two.
//!
//! ```text
//!   arena │ a: leases, grants, own blocks         │ b: own blocks │
//!         │ buddy ·····                           │ buddy ·····   │
//!         0                                       32 MiB
//! ```
//!
//! Each space has an allocator of its own, and a block lies in one space. Leases come from the
//! first space, and so do the grants of processes (chapter 5). Only there are bytes charged
//! to an account, such as [`super::Committed`]. A process may have its *own blocks*, the memory for
//! its messages (chapter 6), in another space; no account counts these.
//!
//! **Invariants** the offset of a block tells its space: the spaces follow one another in the
//! arena.
//!
//! **Lock** the tables'. **Cost** one step for each space; there are at most 8.
//!
//! **Source** `interprocess-communication-patent.txt`, paragraph 43: several shared memory spaces.

use crate::common::id::LeaseId;
use crate::memory::buddy::{AllocateError, Block, Buddy};
use crate::memory::lease::entries::Tenure;
use crate::memory::lease::{Holder, LeaseTable};

/// The number of a space. The first has the number 0, and `others[n - 1]` has the number `n`. So
/// `checked_sub(1)` gives the index in `others`, and `None` for the first space.
pub type SpaceNumber = usize;

/// The most spaces of a server, with the first one.
pub const MAX_SPACES: usize = 8;

/// A further space: the part of the arena that begins `start` bytes behind the arena's start. The
/// offsets of its allocator count from there.
#[derive(Debug)]
pub(super) struct Space {
    name: String,
    start: u64,
    buddy: Buddy,
}

/// All spaces but the first, and the name of the first one. The allocator of the first space is
/// `LeaseTable::buddy`.
#[derive(Debug, Default)]
pub(super) struct Spaces {
    first: String,
    others: Vec<Space>,
    /// The bytes of the held blocks in the other spaces.
    pub held: u64,
}

impl Spaces {
    /// Returns the space in which an offset lies; `None` for the first one.
    fn at(&mut self, offset: u64) -> Option<&mut Space> {
        // The spaces stand in the order of `start`. The last one that starts at the offset or
        // before it is the right one, so the search begins at the end.
        self.others.iter_mut().rev().find(|space| space.start <= offset)
    }

    /// Returns the used bytes of all spaces but the first.
    pub fn used(&self) -> u64 {
        self.others.iter().map(|space| space.buddy.filling().used).sum()
    }

    /// Checks the allocators of all spaces but the first.
    pub fn check(&self) -> Result<(), String> {
        self.others.iter().try_for_each(|space| space.buddy.check())
    }
}

/// A space as `stats` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpaceFigures {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub size: u64,
    /// The bytes of its used blocks.
    pub used: u64,
}

impl LeaseTable {
    /// Names the first space, and adds further ones behind it. `others` has the name and the bytes
    /// of each.
    pub fn with_spaces(mut self, first: &str, others: &[(String, u64)]) -> Self {
        let mut start = self.buddy.size();
        self.spaces.first = first.into();
        for (name, size) in others {
            let (name, buddy) = (name.clone(), Buddy::new(*size));
            self.spaces.others.push(Space { name, start, buddy });
            start += size;
        }
        self
    }

    /// Returns the number of the space of that name.
    pub fn space_named(&self, name: &str) -> Option<SpaceNumber> {
        let Spaces { first, others, .. } = &self.spaces;
        let mut names = std::iter::once(first).chain(others.iter().map(|space| &space.name));
        names.position(|known| known == name)
    }

    /// Returns the figures of each space, the first one in front.
    pub fn space_figures(&self) -> Vec<SpaceFigures> {
        let figures = |name: &str, buddy: &Buddy| {
            let (name, size, used) = (name.to_string(), buddy.size(), buddy.filling().used);
            SpaceFigures { name, size, used }
        };
        let first = figures(&self.spaces.first, &self.buddy);
        let others = self.spaces.others.iter().map(|space| figures(&space.name, &space.buddy));
        std::iter::once(first).chain(others).collect()
    }

    /// Returns two numbers of bytes for a process that wants own blocks in a space: the free bytes,
    /// and the largest free block. Of the first space only the committed bytes count as free.
    pub fn free_in(&self, space: SpaceNumber) -> (u64, u64) {
        match space.checked_sub(1).and_then(|at| self.spaces.others.get(at)) {
            None => (self.committed.free(), self.buddy.filling().largest_free),
            Some(space) => {
                let filling = space.buddy.filling();
                (filling.free, filling.largest_free)
            }
        }
    }

    /// Returns whether a space can give a block of `size` bytes now: so many bytes are free, they
    /// are in one piece, and the table has room for an entry. (A lease with a numeric id may still
    /// fail: the numbers can run out.)
    pub fn has_room_in(&self, space: SpaceNumber, size: u64) -> bool {
        let (free, largest) = self.free_in(space);
        let rounded = Buddy::rounded(size);
        !self.is_full() && rounded.is_some_and(|rounded| rounded <= free.min(largest))
    }

    /// Returns whether a space could give a block of `size` bytes if the space were empty. If not,
    /// it is no use to wait or to make room.
    pub fn could_have_room_in(&self, space: SpaceNumber, size: u64) -> bool {
        match space.checked_sub(1).and_then(|at| self.spaces.others.get(at)) {
            None => Buddy::rounded(size).is_some_and(|r| r <= self.committed.size()),
            Some(space) => Buddy::rounded(size).is_some_and(|r| r <= space.buddy.largest()),
        }
    }

    /// Allocates a block in a space for a holder, as [`LeaseTable::hold`] does in the first.
    ///
    /// # Errors
    /// As [`LeaseTable::hold`].
    pub fn hold_in(
        &mut self,
        space: SpaceNumber,
        size: u64,
        holder: Holder,
    ) -> Result<(LeaseId, u64), AllocateError> {
        if self.is_full() {
            return Err(AllocateError::TooMany { most: self.max_entries });
        }
        let other = space.checked_sub(1).and_then(|at| self.spaces.others.get_mut(at));
        let block = match other {
            None => self.buddy.allocate(size)?,
            Some(other) => {
                let block = other.buddy.allocate(size)?.moved_by(other.start);
                self.spaces.held += block.size();
                block
            }
        };
        let id = self.uuid();
        self.insert(id, block, block.size(), Tenure::HeldBy(holder));
        Ok((id, block.size()))
    }

    /// Doubles a used block in its place, in whichever space it lies; returns the doubled block.
    /// `None` if [`Buddy::double`] cannot double it.
    pub(super) fn double(&mut self, offset: u64) -> Option<Block> {
        match self.spaces.at(offset) {
            None => self.buddy.double(offset),
            Some(space) => {
                let doubled = space.buddy.double(offset - space.start)?.moved_by(space.start);
                // Half of the doubled block was held before.
                self.spaces.held += doubled.size() / 2;
                Some(doubled)
            }
        }
    }

    /// Frees the right half of a used block; returns the left half, which stays used. `None` if
    /// the block has the smallest size.
    pub(super) fn halve(&mut self, offset: u64) -> Option<Block> {
        match self.spaces.at(offset) {
            None => self.buddy.halve(offset),
            Some(space) => {
                let half = space.buddy.halve(offset - space.start)?.moved_by(space.start);
                self.spaces.held -= half.size();
                Some(half)
            }
        }
    }

    /// Frees a block of the table. This cannot fail, because the table has only used blocks.
    pub(super) fn release_block(&mut self, block: Block) {
        let released = match self.spaces.at(block.offset) {
            None => self.buddy.release(block.offset),
            Some(space) => space.buddy.release(block.offset - space.start),
        };
        debug_assert!(released.is_some(), "a block of the table was not used");
    }

    /// Subtracts a struck block from `held`, if it lies in another space than the first. The sum
    /// `held` has the blocks in the table alone: [`LeaseTable::requested`] subtracts it.
    pub(super) fn note_struck(&mut self, block: Block) {
        if self.spaces.at(block.offset).is_some() {
            self.spaces.held -= block.size();
        }
    }
}
