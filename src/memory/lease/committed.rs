//! The bytes that leases may take, and when little of them is left.
//!
//! ```text
//!   arena │ committed: leases, and the own blocks of processes │ the pools of later chapters │
//!         │ charged ……………………… │ free ……… │
//!                                      ▲ low water: below it the owner looks at once
//! ```
//!
//! A server without pools has committed its whole arena, so nothing here ever refuses what the
//! allocator could give.
//!
//! **Invariants** what is free and what is charged are the size.
//!
//! **Lock** the tables. **Source** `cooperative-memory-management.txt`, figure 7B, box 750.

use std::time::{Duration, Instant};

use crate::memory::buddy::Buddy;
use crate::memory::lease::LeaseTable;

/// How soon the owner looks after little was left: what else happens meanwhile is looked at
/// together.
pub const LOOK_SOON: Duration = Duration::from_millis(10);

/// A number of bytes, and how many of them are free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    size: u64,
    free: u64,
    /// Below so many free bytes the owner looks soon.
    low_water: u64,
}

impl Committed {
    /// So many bytes, all free.
    pub fn new(size: u64) -> Self {
        Self { size, free: size, low_water: 0 }
    }

    /// The same bytes, of which less than `low_water` free ones are few.
    pub fn with_low_water(self, low_water: u64) -> Self {
        Self { low_water, ..self }
    }

    /// All of them.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The free ones.
    pub fn free(&self) -> u64 {
        self.free
    }

    /// How many are missing up to the low-water mark.
    pub fn missing(&self) -> u64 {
        self.low_water.saturating_sub(self.free)
    }

    /// Takes bytes that are free.
    pub fn charge(&mut self, bytes: u64) {
        debug_assert!(bytes <= self.free, "{bytes} of {} bytes are charged", self.free);
        self.free = self.free.saturating_sub(bytes);
    }

    /// Gives bytes back.
    pub fn refill(&mut self, bytes: u64) {
        self.free += bytes;
    }
}

impl<H: Clone> LeaseTable<H> {
    /// The committed bytes.
    pub fn committed(&self) -> &Committed {
        &self.committed
    }

    /// The committed bytes, to divide the arena at the start, and to charge held blocks to them.
    pub fn committed_mut(&mut self) -> &mut Committed {
        &mut self.committed
    }

    /// Whether a block of `size` committed bytes can be had in one piece now.
    pub fn has_room(&self, size: u64) -> bool {
        let most = self.committed.free.min(self.buddy.filling().largest_free);
        Buddy::rounded(size).is_some_and(|rounded| rounded <= most)
    }

    /// Whether there are ever so many committed bytes.
    pub fn could_have_room(&self, size: u64) -> bool {
        Buddy::rounded(size).is_some_and(|rounded| rounded <= self.committed.size)
    }

    /// When something is to be done without a request: a lease ends, or the owner looks at what
    /// is free.
    pub fn next_wake(&self) -> Option<Instant> {
        self.next_expiry().into_iter().chain(self.look_at).min()
    }

    /// The owner wants to look at what is free at that time, if no look comes sooner.
    pub fn look_by(&mut self, at: Instant) {
        self.look_at = Some(self.look_at.map_or(at, |sooner| sooner.min(at)));
    }

    /// Whether it is time to look. The next look is then the owner's to ask for.
    pub fn take_look(&mut self, now: Instant) -> bool {
        let is_due = self.look_at.is_some_and(|at| at <= now);
        if is_due {
            self.look_at = None;
        }
        is_due
    }

    /// Committed bytes were taken: an owner that looks at all does so soon when few are left.
    pub(super) fn note_taken(&mut self, now: Instant) {
        if self.look_at.is_some() && self.committed.missing() > 0 {
            self.look_by(now + LOOK_SOON);
        }
    }
}
