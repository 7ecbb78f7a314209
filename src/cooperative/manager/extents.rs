//! The memory of processes' own blocks: extents out of the committed pool.
//!
//! ```text
//!   own block   │ extent │ extent │        taken, doubled where it stands, halved, dropped
//!                   │        └── a block of the arena, which the process owes committed
//! ```
//!
//! The communications engine ([`crate::sessions`]) decides about their bytes, and about their readers.
//!
//! **Invariants** an extent is charged as long as it is there, and named to nobody: it cannot
//! be set, got or returned.
//!
//! **Lock** the tables. **Source** `cooperative-memory-management.txt`, box 702;
//! `interprocess-communication-patent.txt`, blocks that grow and contract.

use crate::common::error::{Code, Error};
use crate::common::id::LeaseId;
use crate::common::marks::mark;
use crate::cooperative::manager::{Manager, Processes};
use crate::cooperative::process::ProcessNumber;
use crate::cooperative::words::Pool;
use crate::memory::buddy::Buddy;
use crate::memory::lease::power_of_two_within;

impl<H: Clone, W: Clone> Manager<'_, H, W> {
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
        let room = self.processes.pools.cap()[Pool::Committed].saturating_sub(owed);
        let most = room.min(self.leases.committed().free());
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
        let (id, size) = self.leases.lock(size, number).map_err(|_| refused())?;
        self.leases.committed_mut().charge(size);
        mark!(boxes 702);
        Ok((id, size))
    }

    /// Takes one more extent of at least `size` bytes for a process's own blocks.
    ///
    /// # Errors
    /// `out-of-memory`; `not-found` when the process has ended.
    pub(crate) fn take_extent(
        &mut self,
        number: ProcessNumber,
        size: u64,
    ) -> Result<(LeaseId, u64), Error> {
        let owed = self.processes.process(number)?.owed[Pool::Committed];
        let (id, size) = self.take_committed(number, owed, size)?;
        self.processes.process(number)?.take_own(id, size);
        Ok((id, size))
    }

    /// Doubles an extent where it stands; answers its bytes. `None`, and nothing is changed,
    /// when the place beside it is taken, or the process may have no more.
    pub(crate) fn double_extent(&mut self, number: ProcessNumber, id: LeaseId) -> Option<u64> {
        let cap = self.processes.pools.cap()[Pool::Committed];
        let process = self.processes.all.get_mut(&number)?;
        let size = *process.own.get(&id)?;
        let room = cap.saturating_sub(process.owed[Pool::Committed]);
        if room.min(self.leases.committed().free()) < size {
            return None;
        }
        let doubled = self.leases.double_held(id, number)?;
        self.leases.committed_mut().charge(size);
        process.take_own(id, size);
        Some(doubled)
    }

    /// Gives the right half of an extent back, in which nothing may be that is still copied;
    /// answers the bytes that are left.
    pub(crate) fn halve_extent(&mut self, number: ProcessNumber, id: LeaseId) -> Option<u64> {
        let process = self.processes.all.get_mut(&number)?;
        let half = *process.own.get(&id)? / 2;
        let left = self.leases.halve_held(id, number)?;
        process.own.insert(id, left);
        let (refill, path) = process.repay(Pool::Committed, half);
        path.mark();
        self.refill(&refill);
        Some(left)
    }

    /// Gives an extent back in which nothing is that is still copied.
    pub(crate) fn drop_extent(&mut self, number: ProcessNumber, id: LeaseId) {
        if let Some((ending, _)) = self.end_block(id, number) {
            self.give_back_one(ending);
        }
    }
}

impl<W: Clone> Processes<W> {
    /// The extents of a process, and the bytes of each.
    pub(crate) fn extents(&self, number: ProcessNumber) -> Vec<(LeaseId, u64)> {
        let process = self.all.get(&number);
        process.into_iter().flat_map(|p| &p.own).map(|(&id, &size)| (id, size)).collect()
    }

    /// The waker of the threads that wait for the end of a process, as long as its blocks are there.
    pub fn ending_waker(&mut self, number: ProcessNumber) -> Option<W> {
        let process = self.all.get_mut(&number)?;
        process.sleepers += 1;
        Some(process.waker.clone())
    }

    /// The bytes of committed memory that a process could have besides what it owes, if they were
    /// in pieces of the right sizes.
    pub(crate) fn committed_room(&self, number: ProcessNumber, free: u64) -> u64 {
        let owed = self.all.get(&number).map_or(0, |p| p.owed[Pool::Committed]);
        self.pools.cap()[Pool::Committed].saturating_sub(owed).min(free)
    }
}
