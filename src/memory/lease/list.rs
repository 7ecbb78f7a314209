//! The list of leases, for the command `list` of a later chapter, and the figures of the table.
//!
//! **Invariants** the walk ends after `most` leases. There may be many expired leases, so the walk
//! starts behind them. Only those that expire at `now` itself are skipped one by one.
//!
//! **Lock** the tables'. **Cost** O(most + log leases), and a step for each lease that expires at
//! `now` itself.

use std::time::{Duration, Instant};

use crate::common::id::LeaseId;
use crate::memory::buddy::{Buddy, Filling};
use crate::memory::compact::Tick;
use crate::memory::lease::LeaseTable;
use crate::memory::lease::entries::LeaseEntry;

/// A lease in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRow {
    /// The id of the lease. It is secret: `list` shows other clients only [`LeaseId::shown`] of it.
    pub id: LeaseId,
    /// The offset of its block, in bytes from the arena's start.
    pub offset: u64,
    /// The block's bytes.
    pub block: u64,
    /// The lease's bytes.
    pub size: u64,
    /// The time that it has left.
    pub left: Duration,
}

impl LeaseTable {
    /// Returns the number of all leases, with the expired ones that were not struck yet; and at
    /// most `most` leases that have not expired, the one that ends first in front.
    pub fn soonest(&self, most: usize, now: Instant) -> (u64, Vec<LeaseRow>) {
        // The range begins behind the expired leases. Those that expire at `now` itself are left
        // out below.
        let living = self.entries.expiring_from(Tick::of(now));
        let listed = |lease: &LeaseEntry| {
            let expiry = lease.expiry()?.instant();
            let left = expiry.checked_duration_since(now).filter(|left| !left.is_zero())?;
            let (id, block, size) = (lease.id, lease.block(), lease.size());
            Some(LeaseRow { id, offset: block.offset, block: block.size(), size, left })
        };
        let soonest = living.filter_map(listed).take(most).collect();
        (self.entries.lease_count() as u64, soonest)
    }

    /// Returns the count of leases and held blocks, with expired ones that were not struck yet.
    pub fn count(&self) -> usize {
        self.entries.len()
    }

    /// Returns the requested bytes of all leases, with the whole bytes of held blocks in the first
    /// space.
    pub fn requested(&self) -> u64 {
        self.spaces.first.requested
    }

    /// Returns the use of the first space.
    pub fn filling(&self) -> Filling {
        self.spaces.first.buddy.filling()
    }

    /// Returns the allocator of the first space: `tree` shows its blocks, and `stats` its size.
    pub fn buddy(&self) -> &Buddy {
        &self.spaces.first.buddy
    }
}
