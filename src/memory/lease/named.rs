//! The steps of a put to a name ([`crate::memory::named`]) in the lease table. None of them changes
//! how many bytes are charged.
//!
//! **Invariants** each function makes its whole change, or changes nothing.
//!
//! **Lock** the tables'.

use std::time::{Duration, Instant};

use crate::common::error::Error;
use crate::common::id::{IdKind, LeaseId};
use crate::memory::lease::{LeaseEntry, LeaseTable, Tenure};

/// The time until a lease that nobody sees would expire: longer than any put.
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
        self.lease_until(size, (now + UNSEEN, 0), IdKind::Uuid, now)
    }

    /// Gives an unseen lease its name's id, and a duration. Returns false if the table still has a
    /// lease of that id, or if the duration is not allowed.
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

    /// Exchanges the blocks and the sizes of two leases; each keeps its handle. Returns false if
    /// one of them is gone.
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

    /// Begins the turn of a put at a name; returns false if another put has it.
    pub fn begin_turn(&mut self, id: LeaseId) -> bool {
        self.puts.insert(id)
    }

    /// Ends the turn of a put.
    pub fn end_turn(&mut self, id: LeaseId) {
        self.puts.remove(&id);
    }
}
