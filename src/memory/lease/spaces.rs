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

/// A space: the part of the arena that begins `start` bytes behind the arena's start. The offsets
/// of its allocator count from there.
#[derive(Debug)]
pub(super) struct Space {
    name: String,
    pub start: u64,
    pub buddy: Buddy,
    /// The sizes of all entries here together: a lease's requested bytes, a held block's whole
    /// bytes.
    pub requested: u64,
}

impl Space {
    /// Returns a space of which nothing is used.
    fn new(name: &str, start: u64, buddy: Buddy) -> Self {
        Self { name: name.into(), start, buddy, requested: 0 }
    }

    /// Returns whether an offset of the arena lies here.
    pub fn has(&self, offset: u64) -> bool {
        (self.start..self.start + self.buddy.size()).contains(&offset)
    }
}

/// All spaces. Most servers have only the first one.
#[derive(Debug)]
pub(super) struct Spaces {
    pub first: Space,
    others: Vec<Space>,
}

impl Spaces {
    /// Returns the first space alone, without a name.
    pub fn new(buddy: Buddy) -> Self {
        Self { first: Space::new("", 0, buddy), others: Vec::new() }
    }

    /// Returns all spaces, the first one in front.
    pub fn iter(&self) -> impl Iterator<Item = &Space> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// Returns the space of that number.
    fn get(&self, number: SpaceNumber) -> &Space {
        number.checked_sub(1).and_then(|at| self.others.get(at)).unwrap_or(&self.first)
    }

    /// Returns the space in which an offset lies.
    pub fn at(&mut self, offset: u64) -> &mut Space {
        let other = self.others.iter_mut().find(|space| space.has(offset));
        other.unwrap_or(&mut self.first)
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
        let mut start = self.spaces.first.buddy.size();
        self.spaces.first.name = first.into();
        for (name, size) in others {
            self.spaces.others.push(Space::new(name, start, Buddy::new(*size)));
            start += size;
        }
        self
    }

    /// Returns the number of the space of that name.
    pub fn space_named(&self, name: &str) -> Option<SpaceNumber> {
        self.spaces.iter().position(|space| space.name == name)
    }

    /// Returns the figures of each space, the first one in front.
    pub fn space_figures(&self) -> Vec<SpaceFigures> {
        let figures = |Space { name, buddy, .. }: &Space| {
            let (name, size, used) = (name.clone(), buddy.size(), buddy.filling().used);
            SpaceFigures { name, size, used }
        };
        self.spaces.iter().map(figures).collect()
    }

    /// Returns two numbers of bytes for a process that wants own blocks in a space: the free bytes,
    /// and the largest free block. Of the first space only the committed bytes count as free.
    pub fn free_in(&self, space: SpaceNumber) -> (u64, u64) {
        let filling = self.spaces.get(space).buddy.filling();
        let free = if space == 0 { self.committed.free() } else { filling.free };
        (free, filling.largest_free)
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
        let whole = self.committed.size();
        let most = if space == 0 { whole } else { self.spaces.get(space).buddy.largest() };
        Buddy::rounded(size).is_some_and(|rounded| rounded <= most)
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
        let Space { start, buddy, .. } = other.unwrap_or(&mut self.spaces.first);
        let block = buddy.allocate(size)?.moved_by(*start);
        let id = self.uuid();
        self.insert(id, block, block.size(), Tenure::HeldBy(holder));
        Ok((id, block.size()))
    }

    /// Frees a block of the table. This cannot fail, because the table has only used blocks.
    pub(super) fn release_block(&mut self, block: Block) {
        let Space { start, buddy, .. } = self.spaces.at(block.offset);
        let released = buddy.release(block.offset - *start);
        debug_assert!(released.is_some(), "a block of the table was not used");
    }
}
