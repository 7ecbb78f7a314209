//! The memory of processes' own blocks: extents out of the committed pool.
//!
//! ```text
//!   own block   │ extent │ extent │        taken, doubled where it stands, halved, dropped
//!                   │        └── a block of the arena, which the process owes committed
//! ```
//!
//! What is in them, and who may look, is the communications engine's ([`crate::service::engine`]).
//!
//! **Invariants** an extent is charged as long as it is there, and named to nobody: it cannot
//! be set, got or returned.
//!
//! **Lock** the tables. **Source** `cooperative-memory-management.txt`, box 702;
//! `interprocess-communication-patent.txt`, blocks that grow and contract.

use super::Manager;
use crate::message::memory::Pool;
use crate::message::{Code, Error, LeaseId};
use crate::service::buddy::Buddy;
use crate::service::lease::power_of_two_within;
use crate::service::process::ProcessNumber;

impl<H: Clone, W: Clone> Manager<H, W> {
    /// Takes an extent of at least `size` bytes for a process that owes `owed` of committed
    /// memory, and may not be known yet: box 702. Unchanged when it fails.
    ///
    /// # Errors
    /// `out-of-memory`.
    pub(super) fn take_committed(
        &mut self,
        number: ProcessNumber,
        owed: u64,
        size: u64,
    ) -> Result<(LeaseId, u64), Error> {
        let pools = self.leases.pools();
        let room = pools.cap()[Pool::Committed].saturating_sub(owed);
        let most = room.min(pools.free()[Pool::Committed]);
        let most = power_of_two_within(most).min(self.leases.filling().largest_free);
        let refused = || {
            let text = format!(
                "{size} bytes of committed memory cannot be had, at most {most} can; ask for less"
            );
            Error::new(Code::OutOfMemory, text)
        };
        if Buddy::rounded(size).is_none_or(|rounded| rounded > most) {
            return Err(refused());
        }
        let taken = self.leases.grant(size, Pool::Committed, number).map_err(|_| refused())?;
        self.visited.at(702);
        Ok(taken)
    }

    /// Takes one more extent of at least `size` bytes for a process's own blocks.
    ///
    /// # Errors
    /// `out-of-memory`; `not-found` when the process has ended.
    pub(in crate::service) fn take_extent(
        &mut self,
        number: ProcessNumber,
        size: u64,
    ) -> Result<(LeaseId, u64), Error> {
        let owed = self.process(number)?.owed[Pool::Committed];
        let (id, size) = self.take_committed(number, owed, size)?;
        self.process(number)?.take_own(id, size);
        Ok((id, size))
    }

    /// Doubles an extent where it stands; answers its bytes. `None`, and nothing is changed,
    /// when the place beside it is taken, or the process may have no more.
    pub(in crate::service) fn double_extent(
        &mut self,
        number: ProcessNumber,
        id: LeaseId,
    ) -> Option<u64> {
        let room = self.leases.pools().cap()[Pool::Committed];
        let process = self.processes.get_mut(&number)?;
        let size = *process.own.get(&id)?;
        if room.saturating_sub(process.owed[Pool::Committed]) < size {
            return None;
        }
        let doubled = self.leases.double_grant(id, number)?;
        process.take_own(id, size);
        Some(doubled)
    }

    /// Gives the right half of an extent back, in which nothing may be that is still copied;
    /// answers the bytes that are left.
    pub(in crate::service) fn halve_extent(
        &mut self,
        number: ProcessNumber,
        id: LeaseId,
    ) -> Option<u64> {
        let process = self.processes.get_mut(&number)?;
        let half = *process.own.get(&id)? / 2;
        let (refill, path) = process.foresee(half);
        let left = self.leases.halve_grant(id, number, &refill)?;
        process.own.insert(id, left);
        process.repay(Pool::Committed, half);
        self.visited.along(&path);
        Some(left)
    }

    /// Gives an extent back in which nothing is that is still copied.
    pub(in crate::service) fn drop_extent(&mut self, number: ProcessNumber, id: LeaseId) {
        if let Some(ending) = self.end_block(id, number) {
            self.leases.give_back(ending);
        }
    }

    /// Where an extent lies in the arena, and what its owner kept for it.
    pub(in crate::service) fn where_extent_is(
        &self,
        number: ProcessNumber,
        id: LeaseId,
    ) -> Option<(u64, H)> {
        self.leases.place(id, number)
    }

    /// The extents of a process, and the bytes of each.
    pub(in crate::service) fn extents(&self, number: ProcessNumber) -> Vec<(LeaseId, u64)> {
        let process = self.processes.get(&number);
        process.into_iter().flat_map(|p| &p.own).map(|(&id, &size)| (id, size)).collect()
    }

    /// What wakes those who wait for the end of a process, as long as its blocks are there.
    pub fn ending_waker(&mut self, number: ProcessNumber) -> Option<W> {
        let process = self.processes.get_mut(&number)?;
        process.sleepers += 1;
        Some(process.waker.clone())
    }

    /// The bytes of committed memory that a process could have besides what it owes, if they were
    /// in pieces of the right sizes.
    pub(in crate::service) fn committed_room(&self, number: ProcessNumber) -> u64 {
        let pools = self.leases.pools();
        let owed = self.processes.get(&number).map_or(0, |p| p.owed[Pool::Committed]);
        let room = pools.cap()[Pool::Committed].saturating_sub(owed);
        room.min(pools.free()[Pool::Committed])
    }

    /// Whether so many bytes of committed memory can be had in one piece now.
    pub(in crate::service) fn has_committed(&self, size: u64) -> bool {
        let free = self.leases.pools().free()[Pool::Committed];
        let most = free.min(self.leases.filling().largest_free);
        Buddy::rounded(size).is_some_and(|rounded| rounded <= most)
    }

    /// Whether the committed pool ever has so many bytes.
    pub(in crate::service) fn could_have_committed(&self, size: u64) -> bool {
        let whole = self.leases.pools().size()[Pool::Committed];
        Buddy::rounded(size).is_some_and(|rounded| rounded <= whole)
    }

    /// Whether less of the committed pool is free than shall be.
    pub(in crate::service) fn is_committed_low(&self) -> bool {
        self.missing(Pool::Committed) > 0
    }
}
