//! The committed bytes: the part of the arena that leases may take, and the mark for "few are
//! left".
//!
//! ```text
//!   arena │ committed: leases, and the own blocks of processes │ the pools of later chapters │
//!         │ charged ……………………… │ free ……… │
//!                                      ▲ low water: charged bytes past it bring a check soon
//! ```
//!
//! The account only counts bytes. It does not say which parts of the arena are committed. A server
//! without pools commits its whole arena, so the account refuses no lease that the allocator
//! could give. The *own blocks* of a process are its memory for messages (chapter 6).
//!
//! The memory manager of chapter 5 *looks* at the free bytes from time to time, and asks processes
//! for memory if few are left.
//!
//! **Invariants** the free and the charged bytes add up to the size
//! ([`LeaseTable::check_committed`]).
//!
//! **Lock** the tables'. **Source** `cooperative-memory-management.txt`, figure 7B, box 750.

use std::time::{Duration, Instant};

use crate::memory::buddy::{AllocateError, Block, Buddy};
use crate::memory::lease::LeaseTable;

/// The time from an allocation that leaves few bytes free until the memory manager checks the free
/// bytes. All allocations in that time share one check.
pub const LOOK_SOON: Duration = Duration::from_millis(10);

/// The number of the committed bytes, and of the free ones among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    size: u64,
    free: u64,
    /// With fewer free bytes than this, the memory manager checks them soon ([`LOOK_SOON`]).
    low_water: u64,
}

impl Committed {
    /// Returns an account of `size` bytes, all free. Its low-water mark is 0, and no account has
    /// fewer free bytes than that.
    pub fn new(size: u64) -> Self {
        Self { size, free: size, low_water: 0 }
    }

    /// Returns the same account with a low-water mark.
    pub fn with_low_water(self, low_water: u64) -> Self {
        Self { low_water, ..self }
    }

    /// Returns the number of all bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the number of free bytes.
    pub fn free(&self) -> u64 {
        self.free
    }

    /// Returns how many free bytes are missing up to the low-water mark; 0 if none are.
    pub fn missing_to_low_water(&self) -> u64 {
        self.low_water.saturating_sub(self.free)
    }

    /// Charges bytes that are free. The caller has checked that they are.
    pub fn charge(&mut self, bytes: u64) {
        debug_assert!(bytes <= self.free, "{bytes} of {} bytes are charged", self.free);
        // Only a bug can charge more than is free. A release build then stops at 0. Without
        // `saturating_sub` the number would wrap, and nearly all bytes would count as free.
        self.free = self.free.saturating_sub(bytes);
    }

    /// Makes charged bytes free again.
    pub fn refill(&mut self, bytes: u64) {
        self.free += bytes;
    }
}

impl LeaseTable {
    /// Returns the account of the committed bytes.
    pub fn committed(&self) -> &Committed {
        &self.committed
    }

    /// Returns the account, to divide the arena at the start and to charge held blocks.
    pub fn committed_mut(&mut self) -> &mut Committed {
        &mut self.committed
    }

    /// Allocates a block for a lease, if the committed bytes and the table have room for it.
    pub(super) fn allocate(&mut self, size: u64) -> Result<Block, AllocateError> {
        let (whole, free) = (self.committed.size(), self.committed.free());
        let buddy = &self.spaces.first.buddy;
        // A block is charged with all its bytes, a power of two. So the largest block that the
        // account has room for is the largest power of two within its bytes.
        match Buddy::rounded(size) {
            Some(rounded) if rounded > whole => {
                let largest = power_of_two_within(whole).min(buddy.largest());
                Err(AllocateError::TooLarge { largest })
            }
            Some(rounded) if rounded > free => {
                let largest_free = power_of_two_within(free).min(buddy.filling().largest_free);
                Err(AllocateError::OutOfMemory { largest_free })
            }
            _ if self.is_full() => Err(AllocateError::TooMany { most: self.max_entries }),
            // A `size` that `rounded` cannot round comes here too: the allocator names the reason.
            _ => self.spaces.first.buddy.allocate(size),
        }
    }

    /// Returns the next time at which the reaper has work: a lease ends, or the memory manager
    /// checks the free bytes. `None` if neither is planned.
    pub fn next_wake(&self) -> Option<Instant> {
        self.next_expiry().into_iter().chain(self.next_look).min()
    }

    /// Plans the reaper's next look for `at`, unless an earlier look is planned. In a look the
    /// memory manager checks the free bytes. Chapter 6 then gives back the memory of ended
    /// processes whose messages are kept no longer; it plans looks for that too.
    pub fn plan_look_by(&mut self, at: Instant) {
        self.next_look = Some(self.next_look.map_or(at, |sooner| sooner.min(at)));
    }

    /// Returns whether the planned check of the free bytes is due. If it is, the plan is cleared:
    /// the caller, the memory manager, makes the check now and plans the next one.
    pub fn take_due_look(&mut self, now: Instant) -> bool {
        let is_due = self.next_look.is_some_and(|at| at <= now);
        if is_due {
            self.next_look = None;
        }
        is_due
    }

    /// Notes that committed bytes were taken. If few are left, moves the planned check to an
    /// earlier time. Without a planned check it does nothing: then there are no processes that the
    /// manager could ask for memory.
    pub(super) fn note_taken(&mut self, now: Instant) {
        if self.next_look.is_some() && self.committed.missing_to_low_water() > 0 {
            self.plan_look_by(now + LOOK_SOON);
        }
    }
}

/// Returns the largest power of two that is at most `bytes`; 0 if `bytes` is 0.
pub fn power_of_two_within(bytes: u64) -> u64 {
    bytes.checked_ilog2().map_or(0, |log| 1 << log)
}
