//! The lease table: which lease exists, where its block is and when it ends.
//!
//! ```text
//!   lease ──► id ─► block, size, expiry, handle ──► the block's contents, elsewhere
//!                     │           │
//!                   buddy     by expiry ──► expired ─► Ending ─► give_back
//! ```
//!
//! The table knows where a block is, not what is in it. For each lease it keeps a
//! handle that its owner made: in the server an `Arc` around the block's own lock.
//!
//! A lease ends in two steps, because a copy may be under way in its block. First
//! the lease is struck from the table and its [`Ending`] handed out; then, when the
//! owner has marked the contents released under the block's lock, [`LeaseTable::give_back`]
//! returns the block to the allocator.
//!
//! **Invariants** ([`LeaseTable::check`])
//!
//! 1. Each used block of the allocator belongs to one lease or one ending.
//! 2. `by_expiry` has exactly one entry a lease, at its expiry.
//! 3. A lease is there while `now < expiry` and gone from then on, for everyone: expiry
//!    is checked on access. [`LeaseTable::expired`] only gives memory back.
//!
//! **Lock** the tables, around the whole of it. Nothing here copies a lease's bytes.
//!
//! **Simplified** the order of expiries is a B-tree, not a timer wheel: a microsecond
//! less at a million leases is not worth the reading.
//!
//! **Source** MemoryLease's leases; its 1 ms lease lived for 610.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use super::buddy::{AllocateError, Block, Buddy, Filling};
use super::ids::Ids;
use crate::message::{Code, Error, IdKind, LeaseId};

/// Every lease there is. `H` is what the owner keeps for each.
#[derive(Debug)]
pub struct LeaseTable<H> {
    leases: HashMap<LeaseId, Lease<H>>,
    by_expiry: BTreeSet<(Instant, LeaseId)>,
    buddy: Buddy,
    ids: Ids,
    longest: Duration,
    /// The bytes asked for by the leases there are.
    requested: u64,
    /// Blocks of leases that ended, not yet given back.
    endings: u64,
}

#[derive(Debug)]
struct Lease<H> {
    block: Block,
    size: u64,
    expiry: Instant,
    handle: H,
}

/// A lease that was struck from the table; its block is still taken.
#[derive(Debug)]
#[must_use = "the block is lost unless it is given back"]
pub struct Ending<H> {
    /// What the owner kept for it.
    pub handle: H,
    /// The lease's size in bytes.
    pub size: u64,
    block: Block,
}

/// A lease that was found: its handle, and its size in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<H> {
    /// What the owner kept for it.
    pub handle: H,
    /// The lease's size in bytes.
    pub size: u64,
}

impl<H: Clone> LeaseTable<H> {
    /// An empty table over a fresh arena; no lease lasts longer than `longest`.
    pub fn new(buddy: Buddy, ids: Ids, longest: Duration) -> Self {
        let (leases, by_expiry) = (HashMap::new(), BTreeSet::new());
        Self { leases, by_expiry, buddy, ids, longest, requested: 0, endings: 0 }
    }

    /// Grants `size` bytes for `duration_ms` from `now`. `make` is given the block's
    /// offset and the size, and answers the handle. Unchanged when it fails.
    ///
    /// # Errors
    /// `bad-request` for a zero or too long duration or zero bytes, `too-large` when
    /// it can never fit, `out-of-memory` when it does not fit now, `refused` when no
    /// number is left to name it by.
    pub fn lease(
        &mut self,
        size: u64,
        duration_ms: u64,
        id_kind: IdKind,
        now: Instant,
        make: impl FnOnce(u64, u64) -> H,
    ) -> Result<LeaseId, Error> {
        let expiry = self.expiry(duration_ms, now)?;
        let block = self.buddy.allocate(size).map_err(|error| self.explain(size, error))?;
        let Some(id) = self.unused_id(id_kind) else {
            self.release_block(block);
            return Err(Error::new(Code::Refused, NO_NUMBERS));
        };
        let lease = Lease { block, size, expiry, handle: make(block.offset, size) };
        self.leases.insert(id, lease);
        self.by_expiry.insert((expiry, id));
        self.requested += size;
        Ok(id)
    }

    /// The lease of that id.
    ///
    /// # Errors
    /// `not-found` when there is none, or no longer.
    pub fn find(&self, id: LeaseId, now: Instant) -> Result<Found<H>, Error> {
        let lease = self.living(id, now)?;
        Ok(Found { handle: lease.handle.clone(), size: lease.size })
    }

    /// Lets a lease end `duration_ms` from `now`, sooner or later than before.
    /// Answers its size. Unchanged when it fails.
    ///
    /// # Errors
    /// `bad-request` for a zero or too long duration, `not-found`.
    pub fn renew(&mut self, id: LeaseId, duration_ms: u64, now: Instant) -> Result<u64, Error> {
        let expiry = self.expiry(duration_ms, now)?;
        self.living(id, now)?;
        let lease = self.leases.get_mut(&id).ok_or_else(not_found)?;
        self.by_expiry.remove(&(lease.expiry, id));
        self.by_expiry.insert((expiry, id));
        lease.expiry = expiry;
        Ok(lease.size)
    }

    /// How long a lease still lasts.
    ///
    /// # Errors
    /// `not-found`.
    pub fn time_left(&self, id: LeaseId, now: Instant) -> Result<Duration, Error> {
        Ok(self.living(id, now)?.expiry.duration_since(now))
    }

    /// Ends a lease before its time.
    ///
    /// # Errors
    /// `not-found`.
    pub fn end(&mut self, id: LeaseId, now: Instant) -> Result<Ending<H>, Error> {
        self.living(id, now)?;
        self.strike(id).ok_or_else(not_found)
    }

    /// Strikes the oldest expired leases, at most `most` of them.
    pub fn expired(&mut self, now: Instant, most: usize) -> Vec<Ending<H>> {
        let due = self.by_expiry.iter().take_while(|(expiry, _)| *expiry <= now);
        let due: Vec<LeaseId> = due.take(most).map(|&(_, id)| id).collect();
        due.into_iter().filter_map(|id| self.strike(id)).collect()
    }

    /// Returns the block of a lease whose contents are marked released.
    pub fn give_back(&mut self, ending: Ending<H>) {
        self.endings -= 1;
        self.release_block(ending.block);
    }

    /// When the next lease ends.
    pub fn next_expiry(&self) -> Option<Instant> {
        self.by_expiry.first().map(|&(expiry, _)| expiry)
    }

    /// How many leases there are, expired ones that nobody struck yet included.
    pub fn len(&self) -> usize {
        self.leases.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.leases.is_empty()
    }

    /// The bytes that living leases asked for.
    pub fn requested(&self) -> u64 {
        self.requested
    }

    /// How the arena is filled.
    pub fn filling(&self) -> Filling {
        self.buddy.filling()
    }

    /// The allocator, to draw it.
    pub fn buddy(&self) -> &Buddy {
        &self.buddy
    }

    /// Says which invariant is broken, if one is.
    ///
    /// # Errors
    /// The invariant, in words.
    pub fn check(&self) -> Result<(), String> {
        self.buddy.check()?;
        let ordered = self.leases.iter().all(|(&id, l)| self.by_expiry.contains(&(l.expiry, id)));
        if !ordered || self.by_expiry.len() != self.leases.len() {
            return Err("the leases and their order of expiry disagree".into());
        }
        let blocks: u64 = self.leases.values().map(|lease| lease.block.size()).sum();
        let used = self.buddy.filling().used;
        if blocks > used || (self.endings == 0 && blocks != used) {
            return Err(format!("leases have {blocks} bytes of {used} used ones"));
        }
        if self.leases.values().map(|lease| lease.size).sum::<u64>() != self.requested {
            return Err("the requested bytes are miscounted".into());
        }
        Ok(())
    }

    fn living(&self, id: LeaseId, now: Instant) -> Result<&Lease<H>, Error> {
        let lease = self.leases.get(&id).filter(|lease| now < lease.expiry);
        lease.ok_or_else(not_found)
    }

    fn strike(&mut self, id: LeaseId) -> Option<Ending<H>> {
        let Lease { block, size, expiry, handle } = self.leases.remove(&id)?;
        self.by_expiry.remove(&(expiry, id));
        self.requested -= size;
        self.endings += 1;
        Some(Ending { handle, size, block })
    }

    fn release_block(&mut self, block: Block) {
        let released = self.buddy.release(block.offset);
        debug_assert!(released.is_ok(), "a block of the table was not used: {released:?}");
    }

    fn unused_id(&mut self, kind: IdKind) -> Option<LeaseId> {
        loop {
            let id = self.ids.next(kind)?;
            if !self.leases.contains_key(&id) {
                return Some(id);
            }
        }
    }

    fn expiry(&self, duration_ms: u64, now: Instant) -> Result<Instant, Error> {
        let duration = Duration::from_millis(duration_ms);
        let expiry = now.checked_add(duration);
        let in_range = duration_ms > 0 && duration <= self.longest;
        expiry.filter(|_| in_range).ok_or_else(|| {
            let longest = self.longest.as_millis();
            Error::new(
                Code::BadRequest,
                format!("a lease lasts 1 to {longest} ms; ask within that"),
            )
        })
    }

    fn explain(&self, size: u64, error: AllocateError) -> Error {
        match error {
            AllocateError::Zero => {
                Error::new(Code::BadRequest, "a lease has at least 1 byte; ask for more than 0")
            }
            AllocateError::TooLarge { largest } => Error::new(
                Code::TooLarge,
                format!("{size} bytes never fit, the largest block has {largest}; ask for less"),
            ),
            AllocateError::OutOfMemory { largest_free } => Error::new(
                Code::OutOfMemory,
                format!(
                    "{size} bytes do not fit now, the largest free block has {largest_free}; \
                     ask for less or wait until leases end"
                ),
            ),
        }
    }
}

const NO_NUMBERS: &str = "all numeric ids were given; lease by text, whose ids do not run out";

/// The one answer for a lease that never was, has expired or was released: a stranger
/// learns nothing from it.
pub fn not_found() -> Error {
    Error::new(Code::NotFound, "there is no such lease, or no longer; lease again")
}

#[cfg(test)]
#[path = "lease_tests.rs"]
mod tests;
