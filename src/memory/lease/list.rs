//! Leases as others may see them.
//!
//! **Invariants** no more is gone through than is listed, and what expires in this very moment.
//!
//! **Lock** the tables. **Source** ours.

use std::time::{Duration, Instant};

use crate::common::id::LeaseId;
use crate::memory::lease::{LeaseEntry, LeaseTable};

/// A lease as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRow {
    /// Its id.
    pub id: LeaseId,
    /// Where its block lies, in bytes from the arena's start.
    pub offset: u64,
    /// The block's bytes.
    pub block: u64,
    /// The lease's bytes.
    pub size: u64,
    /// How long it still lasts.
    pub left: Duration,
}

impl<H: Clone> LeaseTable<H> {
    /// The leases that end first, at most `most` of them; and how many there are, expired ones
    /// that nobody struck yet included.
    pub fn soonest(&self, most: usize, now: Instant) -> (u64, Vec<LeaseRow>) {
        // Not those that have expired: of what is not struck yet there may be many.
        let living = self.by_expiry.range((now, LeaseId::MIN)..);
        let listed = |&(expiry, id): &(Instant, LeaseId)| {
            let LeaseEntry { block, size, .. } = self.leases.get(&id)?;
            let left = expiry.checked_duration_since(now).filter(|left| !left.is_zero())?;
            Some(LeaseRow { id, offset: block.offset, block: block.size(), size: *size, left })
        };
        let soonest = living.filter_map(listed).take(most).collect();
        (self.by_expiry.len() as u64, soonest)
    }
}
