//! Leases: the tables say where a block is, its own lock guards the bytes.
//!
//! ```text
//!   get    tables ─ find, clone the handle ─ let go │ block ─ copy ─ let go │ write to the socket
//!   end    tables ─ strike ─ let go │ block ─ mark released ─ let go │ tables ─ give back ─ let go
//! ```
//!
//! **Invariants** those of [`super`]: two locks are never held at once, and a place is given
//! back only after its contents were marked released.
//!
//! **Lock** the tables, then a block's, then the tables again. **Source** MemoryLease's requests.

use std::time::Instant;

use super::{BITE, LockedContents, Shared, hold};
use crate::message::{Code, Error, IdKind, LeaseId, Reply};
use crate::service::arena::ContentsError;
use crate::service::lease::{Ending, not_found};

impl Shared {
    pub(super) fn lease(
        &self,
        size: u64,
        duration_ms: u64,
        id_kind: IdKind,
    ) -> Result<Reply<'_>, Error> {
        let lease = || {
            self.change_now(|tables, now| {
                tables.make_room(size);
                tables.manager.lease(size, duration_ms, id_kind, now).map_err(|error| (error, now))
            })
        };
        let leased = lease().or_else(|(error, now)| match error.code {
            // What has expired and nobody struck yet stands in nobody's way.
            Code::OutOfMemory if self.reap_all(now) => lease(),
            _ => Err((error, now)),
        });
        match leased {
            Ok(id) => Ok(Reply::Leased { id, size, duration_ms }),
            Err((error, _)) => Err(error),
        }
    }

    pub(super) fn find(&self, id: LeaseId) -> Result<(LockedContents, u64), Error> {
        let tables = hold(&self.tables);
        let found = tables.manager.leases().find(id, Instant::now())?;
        Ok((found.handle, found.size))
    }

    pub(super) fn set(&self, id: LeaseId, data: &[u8]) -> Result<Reply<'_>, Error> {
        let (block, size) = self.find(id)?;
        let set = hold(&block).set(&self.arena, data);
        let length = data.len() as u64;
        match set {
            Ok(()) => Ok(Reply::Set { id, length }),
            Err(ContentsError::Released) => Err(not_found()),
            Err(ContentsError::TooLarge) => {
                let text = format!("{length} bytes do not fit the lease of {size}; lease more");
                Err(Error::new(Code::TooLarge, text))
            }
        }
    }

    pub(super) fn get(&self, id: LeaseId, spare: &mut Vec<u8>) -> Result<Reply<'_>, Error> {
        let (block, size) = self.find(id)?;
        let mut data = std::mem::take(spare);
        let got = hold(&block).get(&self.arena, &mut data);
        match got {
            Ok(()) => Ok(Reply::Data { id, size, data }),
            Err(_) => Err(not_found()),
        }
    }

    pub(super) fn renew(&self, id: LeaseId, duration_ms: u64) -> Result<Reply<'_>, Error> {
        let size = self.change_now(|tables, now| tables.manager.renew(id, duration_ms, now))?;
        Ok(Reply::Leased { id, size, duration_ms })
    }

    pub(super) fn ttl(&self, id: LeaseId) -> Result<Reply<'_>, Error> {
        let tables = hold(&self.tables);
        let left = tables.manager.leases().time_left(id, Instant::now())?;
        drop(tables);
        let left_ms = left.as_nanos().div_ceil(1_000_000) as u64;
        Ok(Reply::Ttl { id, left_ms })
    }

    pub(super) fn release(&self, id: LeaseId) -> Result<Reply<'_>, Error> {
        let ending = self.change_now(|tables, now| tables.manager.end_lease(id, now))?;
        let size = ending.size;
        self.give_back(vec![ending]);
        Ok(Reply::Released { id, size })
    }

    /// Ends up to [`BITE`] expired leases; answers how many.
    pub(super) fn reap(&self, now: Instant) -> usize {
        let endings = hold(&self.tables).manager.expired(now, BITE);
        let count = endings.len();
        self.give_back(endings);
        count
    }

    /// Ends all expired leases: they stand in nobody's way. Answers whether there were any.
    pub(super) fn reap_all(&self, now: Instant) -> bool {
        let is_due =
            || hold(&self.tables).manager.leases().next_expiry().is_some_and(|at| at <= now);
        let mut found = false;
        while is_due() && self.reap(now) > 0 {
            found = true;
        }
        found
    }

    pub(super) fn give_back(&self, endings: Vec<Ending<LockedContents>>) {
        for ending in &endings {
            hold(&ending.handle).release();
        }
        if !endings.is_empty() {
            self.change_now(|tables, now| tables.give_back(endings, now));
        }
    }
}
