//! The steps of a put to a name ([`crate::memory::named`]) in the lease table. None of them changes
//! how many bytes are charged.
//!
//! **Invariants** each function changes everything that it says, or nothing.
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
    /// lease of that id, or if the duration is none.
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

    /// Lets two leases change their blocks and their sizes; each keeps its handle. Returns false if
    /// one was struck, or if the handle of the first is not the one for which `is_it` is true:
    /// then it is another lease of that id.
    pub fn change_blocks(
        &mut self,
        first: LeaseId,
        second: LeaseId,
        is_it: impl Fn(&H) -> bool,
    ) -> bool {
        let part = |lease: &LeaseEntry<H>| match lease.tenure {
            Tenure::Until { .. } => Some((lease.block, lease.size)),
            Tenure::HeldBy(_) => None,
        };
        let ours = self.leases.get(&first).filter(|lease| is_it(&lease.handle)).and_then(part);
        let (Some(ours), Some(theirs)) = (ours, self.leases.get(&second).and_then(part)) else {
            return false;
        };
        for (id, (block, size)) in [(first, theirs), (second, ours)] {
            if let Some(lease) = self.leases.get_mut(&id) {
                (lease.block, lease.size) = (block, size);
            }
        }
        true
    }
}
