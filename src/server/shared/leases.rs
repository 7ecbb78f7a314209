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

use std::time::{Duration, Instant};

use crate::cooperative::manager::Caller;
use crate::memory::arena::{ContentsError, Inspected};
use crate::memory::lease::{Ending, not_found};
use crate::message::resource::{Condition, Inspection, Part};
use crate::message::{Code, Error, IdKind, LeaseId, Reply};
use crate::server::shared::{BITE, LockedContents, Shared, Tables, hold};

impl Shared {
    pub(super) fn lease(
        &self,
        size: u64,
        duration_ms: u64,
        id_kind: IdKind,
    ) -> Result<Reply<'_>, Error> {
        let lease = |tables: &mut Tables, now| tables.leases.lease(size, duration_ms, id_kind, now);
        let leased = self.change_now(lease).or_else(|error| match error.code {
            Code::OutOfMemory => {
                // Expired leases that were not struck yet are in nobody's way, and blocks that
                // grew give back what they do not use.
                self.reap_all(Instant::now());
                self.change_now(|tables, now| {
                    tables.make_room(size);
                    lease(tables, now)
                })
            }
            _ => Err(error),
        });
        leased.map(|id| Reply::Leased { id, size, duration_ms })
    }

    /// A lease, its size, and when it was found to be there.
    pub(super) fn find(&self, id: LeaseId) -> Result<(LockedContents, u64, Instant), Error> {
        let tables = hold(&self.tables);
        let now = Instant::now();
        let found = tables.leases.find(id, now)?;
        Ok((found.handle, found.size, now))
    }

    pub(super) fn set(&self, id: LeaseId, data: &[u8]) -> Result<Reply<'_>, Error> {
        let (block, size, now) = self.find(id)?;
        let set = hold(&block).set(&self.arena, data, now);
        let length = data.len() as u64;
        set.map(|()| Reply::Set { id, length }).map_err(|error| explain(error, length, size))
    }

    pub(super) fn replace(
        &self,
        id: LeaseId,
        condition: &Condition,
        data: &[u8],
    ) -> Result<Reply<'_>, Error> {
        let (block, size, now) = self.find(id)?;
        let replaced = hold(&block).replace(&self.arena, condition, data, now);
        let length = data.len() as u64;
        let replaced = replaced.map(|version| Reply::Replaced { id, length, version });
        replaced.map_err(|error| explain(error, length, size))
    }

    /// At most as many bytes as the caller can be told. A part that is wanted of one version
    /// alone is all of another.
    pub(super) fn inspect(
        &self,
        caller: Caller,
        id: LeaseId,
        part: Part,
        if_version: Option<u64>,
        spare: &mut Vec<u8>,
    ) -> Result<Reply<'_>, Error> {
        let (found, left) = {
            let tables = hold(&self.tables);
            let (leases, now) = (&tables.leases, Instant::now());
            (leases.find(id, now)?, leases.time_left(id, now).ok())
        };
        let (mut data, most) = (std::mem::take(spare), caller.most_data);
        let inspected = {
            let block = hold(&found.handle);
            let is_other = if_version.is_some_and(|version| version != block.version());
            block.inspect(&self.arena, if is_other { Part::All } else { part }, most, &mut data)
        };
        let Inspected { length, version, changed, first } = inspected.map_err(|e| match e {
            ContentsError::TooLarge => {
                let text = format!("an answer has at most {most} bytes of data; ask for a part");
                Error::new(Code::TooLarge, text)
            }
            _ => not_found(),
        })?;
        let changed_ms = changed.map(|at| self.started.milliseconds(at));
        let (size, left_ms) = (found.size, left.map(rounded_up));
        let inspection = Inspection { id, size, length, version, changed_ms, left_ms, first, data };
        Ok(Reply::Inspected(Box::new(inspection)))
    }

    pub(super) fn get(&self, id: LeaseId, spare: &mut Vec<u8>) -> Result<Reply<'_>, Error> {
        let (block, size, _) = self.find(id)?;
        let mut data = std::mem::take(spare);
        let got = hold(&block).get(&self.arena, &mut data);
        match got {
            Ok(()) => Ok(Reply::Data { id, size, data }),
            Err(_) => Err(not_found()),
        }
    }

    pub(super) fn renew(&self, id: LeaseId, duration_ms: u64) -> Result<Reply<'_>, Error> {
        let size = self.change_now(|tables, now| tables.leases.renew(id, duration_ms, now))?;
        Ok(Reply::Leased { id, size, duration_ms })
    }

    pub(super) fn ttl(&self, id: LeaseId) -> Result<Reply<'_>, Error> {
        let tables = hold(&self.tables);
        let left = tables.leases.time_left(id, Instant::now())?;
        drop(tables);
        Ok(Reply::Ttl { id, left_ms: rounded_up(left) })
    }

    pub(super) fn release(&self, id: LeaseId) -> Result<Reply<'_>, Error> {
        let ending = self.change_now(|tables, now| tables.leases.end(id, now))?;
        let size = ending.size;
        self.give_back(vec![ending]);
        Ok(Reply::Released { id, size })
    }

    /// Ends up to [`BITE`] expired leases; answers how many.
    pub(super) fn reap(&self, now: Instant) -> usize {
        let endings = hold(&self.tables).leases.expired(now, BITE);
        let count = endings.len();
        self.give_back(endings);
        count
    }

    /// Ends all expired leases: they stand in nobody's way. Answers whether there were any.
    pub(super) fn reap_all(&self, now: Instant) -> bool {
        let is_due = || hold(&self.tables).leases.next_expiry().is_some_and(|at| at <= now);
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

/// In milliseconds: a lease that still lasts does not read as 0.
pub(super) fn rounded_up(left: Duration) -> u64 {
    left.as_nanos().div_ceil(1_000_000) as u64
}

/// Why `length` bytes were not set in a lease of `size`.
fn explain(error: ContentsError, length: u64, size: u64) -> Error {
    match error {
        ContentsError::Released => not_found(),
        ContentsError::TooLarge => {
            let text = format!("{length} bytes do not fit the lease of {size}; lease more");
            Error::new(Code::TooLarge, text)
        }
        ContentsError::Changed => {
            let text =
                "the lease has another version: somebody has set it; inspect it and try again";
            Error::new(Code::Refused, text)
        }
    }
}
