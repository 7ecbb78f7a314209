//! The memory of processes' own blocks: extents out of the committed pool.
//!
//! ```text
//!   own block   │ extent │ extent │        taken, doubled in its place, halved, dropped
//!                   │        └── a block of the arena, owed to the committed pool
//! ```
//!
//! An own block is memory that a process has from its join or registration until its end; its
//! messages lie there. An extent is a block of the arena that is a part of an own block. Each
//! process has its own blocks in one *space*, a part of the arena: the first one (number 0) has the
//! committed memory, and the others belong to no pool ([`crate::memory::lease::SpaceNumber`]).
//!
//! The communications engine ([`crate::sessions`]) decides when an own block grows or shrinks. The
//! engine knows which bytes are used and which threads copy there. This file changes the arena and
//! the process's account. It also answers the engine's and the commands' questions about one
//! process, such as its waker.
//!
//! **Invariants**
//!
//! 1. An extent in the first space is charged to the committed pool, and its process owes it, as
//!    long as the extent exists.
//! 2. No client is told the id of an extent, so no client can set, get or return it.
//!
//! **Lock** the tables. **Source** `cooperative-memory-management.txt`, box 702;
//! `interprocess-communication-patent.txt`, blocks that grow and contract.

use crate::common::caller::ClientNumber;
use crate::common::error::{Code, Error};
use crate::common::id::LeaseId;
use crate::common::marks::mark;
use crate::cooperative::manager::{Manager, Processes};
use crate::cooperative::process::ProcessNumber;
use crate::cooperative::words::Pool;
use crate::memory::buddy::{AllocateError, Buddy};
use crate::memory::lease::{SpaceNumber, explain, power_of_two_within};

impl<W: Clone> Manager<'_, W> {
    /// Takes an extent of at least `size` bytes in a space for a process. In the first space it is
    /// committed memory: box 702. Returns the extent's id and bytes; the caller enters them in the
    /// process's account with `take_own`. A process that is about to join is not in the table yet.
    ///
    /// # Errors
    /// `out-of-memory`, with the largest size that would succeed: the largest power of two within
    /// the bytes that the process may take, and the largest free block. Unchanged when it fails.
    pub(super) fn take_in(
        &mut self,
        space: SpaceNumber,
        number: ProcessNumber,
        size: u64,
    ) -> Result<(LeaseId, u64), Error> {
        let (free, largest_free) = self.leases.free_in(space);
        let room = self.processes.room_in(space, number, free);
        let most = power_of_two_within(room).min(largest_free);
        let refused = || too_much(&format!("{size} bytes of {}", memory_of(space)), most);
        if Buddy::rounded(size).is_none_or(|rounded| rounded > most) {
            return Err(refused());
        }
        let held = self.leases.hold_in(space, size, number);
        let (id, size) = held.map_err(|error| match error {
            // The lease table is full: to ask for less, as `refused` advises, would not help.
            AllocateError::TooMany { .. } => explain(size, error),
            _ => refused(),
        })?;
        if space == 0 {
            self.leases.committed_mut().charge(size);
            mark!(boxes 702);
        }
        Ok((id, size))
    }

    /// Returns whether a process could have one more own block of `size` bytes if the space were
    /// empty. If so, a request for it may wait until other processes give blocks back.
    pub(crate) fn could_take_in(
        &self,
        space: SpaceNumber,
        number: ProcessNumber,
        size: u64,
    ) -> bool {
        // `u64::MAX` is no limit: only the cap of the first space counts.
        let room = self.processes.room_in(space, number, u64::MAX);
        Buddy::rounded(size).is_some_and(|rounded| rounded <= room)
            && self.leases.could_have_room_in(space, size)
    }

    /// Takes one more extent of at least `size` bytes for a process's own blocks, and enters it in
    /// the process's account. Returns its id and its bytes. Unchanged when it fails.
    ///
    /// # Errors
    /// `out-of-memory`; `not-found` when the process has ended and its blocks are given back.
    pub(crate) fn take_extent(
        &mut self,
        number: ProcessNumber,
        size: u64,
    ) -> Result<(LeaseId, u64), Error> {
        let space = self.processes.process(number)?.space;
        let (id, size) = self.take_in(space, number, size)?;
        self.processes.process(number)?.take_own(id, size);
        Ok((id, size))
    }

    /// Doubles an extent in its place, so no byte in it moves; returns its bytes. `None`, and
    /// nothing is changed, when the process has no such extent, when the committed pool has too few
    /// free bytes or the process would exceed its cap, or when the extent cannot take in its right
    /// buddy: the buddy is not free, or the extent is itself the right one.
    pub(crate) fn double_extent(&mut self, number: ProcessNumber, id: LeaseId) -> Option<u64> {
        let process = self.processes.all.get(&number)?;
        let (size, space) = (*process.own_extents.get(&id)?, process.space);
        let (free, _) = self.leases.free_in(space);
        if self.processes.room_in(space, number, free) < size {
            return None;
        }
        // The pool and the cap are checked before this step, because it changes the arena.
        let doubled = self.leases.double_held(id, number)?;
        if space == 0 {
            self.leases.committed_mut().charge(size);
        }
        self.processes.all.get_mut(&number)?.take_own(id, size);
        Some(doubled)
    }

    /// Gives the right half of an extent back; returns the bytes that are left. `None`, and nothing
    /// is changed, when there is no such extent or it cannot be halved. The caller has checked that
    /// no thread copies in that half, so the half is free at once, without the step `returning`.
    pub(crate) fn halve_extent(&mut self, number: ProcessNumber, id: LeaseId) -> Option<u64> {
        let process = self.processes.all.get_mut(&number)?;
        let half = *process.own_extents.get(&id)? / 2;
        let left = self.leases.halve_held(id, number)?;
        process.own_extents.insert(id, left);
        if process.space > 0 {
            return Some(left);
        }
        // Like any returned memory, the half repays loans before committed memory.
        let (refill, path) = process.repay(Pool::Committed, half);
        path.mark();
        self.refill(&refill);
        Some(left)
    }

    /// Gives a whole extent back. The caller has checked that no thread copies in it, so it is free
    /// at once, and its contents need no released mark.
    pub(crate) fn drop_extent(&mut self, number: ProcessNumber, id: LeaseId) {
        if let Some((ending, _)) = self.end_block(id, number) {
            self.give_back_one(ending);
        }
    }
}

impl<W: Clone> Processes<W> {
    /// Returns the extents of a process, and the bytes of each; none if the process is removed.
    pub(crate) fn extents(&self, number: ProcessNumber) -> Vec<(LeaseId, u64)> {
        let process = self.all.get(&number);
        process.into_iter().flat_map(|p| &p.own_extents).map(|(&id, &size)| (id, size)).collect()
    }

    /// Returns the waker of the threads that wait for `client`'s process.
    ///
    /// # Errors
    /// `refused` when the client belongs to no process.
    pub fn waker(&mut self, client: ClientNumber) -> Result<W, Error> {
        Ok(self.process_of(client)?.waker.clone())
    }

    /// Returns the waker of a process that has ended, for a thread that waits until no copy is
    /// under way in the process's blocks; `None` when the process is removed already. Counts the
    /// thread as a sleeper: the manager uses the waker only of processes with sleepers. The count
    /// is not lowered afterwards, because the process itself is removed soon.
    pub fn ending_waker(&mut self, number: ProcessNumber) -> Option<W> {
        let process = self.all.get_mut(&number)?;
        process.sleepers += 1;
        Some(process.waker.clone())
    }

    /// Returns the space in which a process's own blocks lie; 0, the first one, if the process is
    /// removed.
    pub(crate) fn space_of(&self, number: ProcessNumber) -> SpaceNumber {
        self.all.get(&number).map_or(0, |process| process.space)
    }

    /// Returns the bytes that a process may still take in a space if `free` bytes are free there:
    /// in the first space the cap less the process's debt, but at most `free`; in another one,
    /// which has no cap, all of them. The process may get fewer bytes, if the arena has no free
    /// blocks of the right sizes. A process that is not in the table owes nothing.
    pub(crate) fn room_in(&self, space: SpaceNumber, number: ProcessNumber, free: u64) -> u64 {
        if space > 0 {
            return free;
        }
        let owed = self.all.get(&number).map_or(0, |p| p.owed[Pool::Committed]);
        self.pools.cap()[Pool::Committed].saturating_sub(owed).min(free)
    }
}

/// Returns the words for the memory of a space: own blocks in the first one take committed memory.
pub(crate) fn memory_of(space: SpaceNumber) -> &'static str {
    if space == 0 { "committed memory" } else { "that space" }
}

/// Returns the error for bytes that cannot be had. `what` names the bytes and their memory.
pub(crate) fn too_much(what: &str, most: u64) -> Error {
    let text = format!("{what} cannot be had, at most {most} can; ask for less");
    Error::new(Code::OutOfMemory, text)
}
