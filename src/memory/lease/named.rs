//! The steps of a put to a name ([`crate::memory::named`]) in the lease table. Only
//! [`LeaseTable::lease_unseen`] charges bytes to the committed ones; the other steps leave all sums
//! of the table as they are.
//!
//! **Invariants** each function makes its whole change, or changes nothing.
//!
//! **Lock** the tables'.

use std::time::{Duration, Instant};

use crate::common::error::Error;
use crate::common::id::{IdKind, LeaseId};
use crate::memory::lease::{LeaseEntry, LeaseTable, Tenure};

/// The duration of a lease while only its put knows it: a year, which is longer than any put.
const UNSEEN: Duration = Duration::from_secs(3600 * 24 * 365);

impl<H: Clone> LeaseTable<H> {
    /// Checks that a lease may have this duration.
    ///
    /// # Errors
    /// `bad-request` for a zero or too long duration.
    pub fn check_duration(&self, duration_ms: u64, now: Instant) -> Result<(), Error> {
        self.expiry(duration_ms, now).map(|_| ())
    }

    /// Returns the offset of a lease's block; `None` if the lease was struck.
    pub fn offset(&self, id: LeaseId) -> Option<u64> {
        self.leases.get(&id).map(|lease| lease.block.offset)
    }

    /// Leases a block that only the caller knows, which does not expire while the caller writes
    /// into it. The caller ends it, or gives it an expiry by [`LeaseTable::rename`].
    ///
    /// # Errors
    /// As [`LeaseTable::lease`].
    pub fn lease_unseen(&mut self, size: u64, now: Instant) -> Result<LeaseId, Error> {
        // `rename` sets the granted milliseconds. Until then nobody asks for them, so 0 is enough.
        self.lease_until(size, (now + UNSEEN, 0), IdKind::Uuid, now)
    }

    /// Gives the unseen lease `from` the id `to` of its name, and a duration. Returns false if the
    /// table still has a lease with the id `to` (also an expired one), if the duration is not
    /// allowed, or if `from` is gone.
    pub fn rename(&mut self, from: LeaseId, to: LeaseId, duration_ms: u64, now: Instant) -> bool {
        let Ok(expiry) = self.expiry(duration_ms, now) else { return false };
        let Ok(before) = self.expiry_of(from, now) else { return false };
        if self.leases.contains_key(&to) {
            return false;
        }
        let Some(mut lease) = self.leases.remove(&from) else { return false };
        lease.tenure = Tenure::Until { expiry, granted_ms: duration_ms };
        self.by_expiry.remove(&(before, from));
        self.by_expiry.insert((expiry, to));
        self.leases.insert(to, lease);
        true
    }

    /// Exchanges the blocks and the sizes of two leases. Each keeps its handle: the contents behind
    /// the handle of the named lease were moved to the other block before. Returns false if one of
    /// the leases is gone.
    pub fn exchange_blocks(&mut self, first: LeaseId, second: LeaseId) -> bool {
        let part = |lease: &LeaseEntry<H>| (lease.block, lease.size);
        let (Some(ours), Some(theirs)) =
            (self.leases.get(&first).map(part), self.leases.get(&second).map(part))
        else {
            return false;
        };
        for (id, (block, size)) in [(first, theirs), (second, ours)] {
            if let Some(lease) = self.leases.get_mut(&id) {
                (lease.block, lease.size) = (block, size);
            }
        }
        true
    }

    /// Begins the turn of a put at the name with this id. Returns false if another put has its turn
    /// there: at most one put to a name is under way.
    pub fn begin_turn(&mut self, id: LeaseId) -> bool {
        self.puts.insert(id)
    }

    /// Ends the turn of a put at the name with this id.
    pub fn end_turn(&mut self, id: LeaseId) {
        self.puts.remove(&id);
    }
}
