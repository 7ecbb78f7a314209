//! The steps of a put to a name ([`crate::memory::named`]) in the lease table. Only
//! [`LeaseTable::lease_unseen`] charges the committed bytes; the other steps leave all sums of the
//! table as they are.
//!
//! **Invariants** each function makes its whole change, or changes nothing.
//!
//! **Lock** the tables'.

use std::time::{Duration, Instant};

use crate::common::error::Error;
use crate::common::id::{IdKind, LeaseId};
use crate::memory::compact::{Tick, U48};
use crate::memory::lease::LeaseTable;
use crate::memory::lease::entries::{LeaseEntry, Tenure};

/// The duration of a lease while only its put knows it: a year, which is longer than any put.
const UNSEEN_DURATION: Duration = Duration::from_secs(3600 * 24 * 365);

impl LeaseTable {
    /// Checks that a lease may have this duration.
    ///
    /// # Errors
    /// `bad-request` for a zero or too long duration.
    pub fn check_duration(&self, duration_ms: u64, now: Instant) -> Result<(), Error> {
        self.expiry(duration_ms, now).map(|_| ())
    }

    /// Returns the offset of a block; `None` if its lease was struck.
    pub fn offset(&self, id: LeaseId) -> Option<u64> {
        self.entries.get(id).map(|lease| lease.block().offset)
    }

    /// Leases a block that only the caller knows, which does not expire while the caller writes
    /// into it. The caller ends it, or gives it an expiry by [`LeaseTable::rename`].
    ///
    /// # Errors
    /// As [`LeaseTable::lease`].
    pub fn lease_unseen(&mut self, size: u64, now: Instant) -> Result<LeaseId, Error> {
        // `rename` sets the granted milliseconds. Until then nobody asks for them, so 0 is enough.
        let expiry = Tick::of(now + UNSEEN_DURATION).ok_or_else(|| self.wrong_duration())?;
        self.lease_until(size, (expiry, 0), IdKind::Uuid, now)
    }

    /// Gives the unseen lease `from` the id `to` of its name, and a duration. Returns false if the
    /// table still has a lease with the id `to` (also an expired one), if the duration is not
    /// allowed, or if `from` is gone.
    pub fn rename(&mut self, from: LeaseId, to: LeaseId, duration_ms: u64, now: Instant) -> bool {
        let Ok(expiry) = self.expiry(duration_ms, now) else { return false };
        if self.terms(from, now).is_err() || self.entries.get(to).is_some() {
            return false;
        }
        let tenure = Tenure::Until { expiry, granted_ms: U48::new(duration_ms) };
        self.entries.set_id_and_tenure(from, to, tenure);
        true
    }

    /// Exchanges the blocks and the sizes of two leases. Each keeps its slot and its generation, so
    /// old handles still open its contents. The caller has already moved the contents of the named
    /// lease to the other block. Returns false if one of the leases is gone.
    pub fn exchange_blocks(&mut self, first: LeaseId, second: LeaseId) -> bool {
        let block_of = |lease: &LeaseEntry| (lease.block(), lease.size());
        let (Some(block_of_first), Some(block_of_second)) =
            (self.entries.get(first).map(block_of), self.entries.get(second).map(block_of))
        else {
            return false;
        };
        for (id, (block, size)) in [(first, block_of_second), (second, block_of_first)] {
            if let Some(lease) = self.entries.get_mut(id) {
                lease.set_block(block, size);
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
