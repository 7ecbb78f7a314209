//! The lease table: which block is leased or granted, where it is and when it ends.
//!
//! ```text
//!   lease ──► id ─► block, size, tenure, handle ──► the block's contents, elsewhere
//!   grant           │           │
//!                 buddy,    by expiry ──► expired ─► Ending ─► give_back
//!                 pools
//! ```
//!
//! A *lease* is anybody's for a duration, out of the committed pool. A *granted* block is a
//! process's, out of whichever pool the manager chose ([`super::manager`]), and has no expiry.
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
//! 1. Each used block of the allocator belongs to one lease, one grant or one ending.
//! 2. `by_expiry` has exactly one entry a lease, at its expiry, and none for a grant.
//! 3. A lease is there while `now < expiry` and gone from then on, for everyone: expiry
//!    is checked on access. [`LeaseTable::expired`] only gives memory back.
//!
//! **Lock** the tables, around the whole of it. Nothing here copies a lease's bytes.
//!
//! **Simplified** the order of expiries is a B-tree, not a timer wheel: a microsecond
//! less at a million leases is not worth the reading.
//!
//! **Source** MemoryLease's leases; its 1 ms lease lived for 610.

mod check;
mod grants;
mod list;

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use super::buddy::{AllocateError, Block, Buddy, Filling};
use super::ids::Ids;
use super::pool::Pools;
use super::process::ProcessNumber;
use crate::message::memory::{Amounts, Pool};
use crate::message::{Code, Error, IdKind, LeaseId};
pub use list::LeaseRow;

/// Every lease there is. `H` is what the owner keeps for each.
#[derive(Debug)]
pub struct LeaseTable<H> {
    leases: HashMap<LeaseId, Lease<H>>,
    by_expiry: BTreeSet<(Instant, LeaseId)>,
    buddy: Buddy,
    pools: Pools,
    ids: Ids,
    longest: Duration,
    /// Makes a handle of a block's offset and size.
    make: fn(u64, u64) -> H,
    /// The bytes asked for by the leases and grants there are.
    requested: u64,
    /// The bytes of leases there are: what the committed pool lends to no process.
    leased: u64,
    /// Bytes of blocks that ended and are not yet given back, by the pool that they refill.
    ending: Amounts,
}

#[derive(Debug)]
struct Lease<H> {
    block: Block,
    size: u64,
    tenure: Tenure,
    handle: H,
}

/// How long a block is whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tenure {
    /// Anybody's who knows its id, until then.
    Until(Instant),
    /// A process's, given from that pool, until it is returned.
    Of(ProcessNumber, Pool),
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
    /// The pools that its block refills.
    refill: Amounts,
}

impl<H> Ending<H> {
    /// What each pool gets back.
    pub fn refill(&self) -> &Amounts {
        &self.refill
    }
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
    /// An empty table over a fresh arena, whose blocks get what `make` makes of their offset
    /// and size; no lease lasts longer than `longest`.
    pub fn new(
        buddy: Buddy,
        pools: Pools,
        ids: Ids,
        longest: Duration,
        make: fn(u64, u64) -> H,
    ) -> Self {
        let (leases, by_expiry, ending) = (HashMap::new(), BTreeSet::new(), Amounts::default());
        let (requested, leased) = (0, 0);
        Self { leases, by_expiry, buddy, pools, ids, longest, make, requested, leased, ending }
    }

    /// Grants `size` bytes for `duration_ms` from `now`, out of the committed pool.
    /// Unchanged when it fails.
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
    ) -> Result<LeaseId, Error> {
        let expiry = self.expiry(duration_ms, now)?;
        let block = self.allocate(size, Pool::Committed);
        let block = block.map_err(|error| self.explain(size, error))?;
        let Some(id) = self.unused_id(id_kind) else {
            self.release_block(block, &Amounts::of(Pool::Committed, block.size()));
            return Err(Error::new(Code::Refused, NO_NUMBERS));
        };
        self.leased += block.size();
        self.by_expiry.insert((expiry, id));
        self.insert(id, block, size, Tenure::Until(expiry));
        Ok(id)
    }

    /// A name that no lease has.
    pub fn uuid(&mut self) -> LeaseId {
        loop {
            let id = self.ids.uuid();
            if !self.leases.contains_key(&id) {
                return id;
            }
        }
    }

    fn insert(&mut self, id: LeaseId, block: Block, size: u64, tenure: Tenure) {
        let handle = (self.make)(block.offset, size);
        self.leases.insert(id, Lease { block, size, tenure, handle });
        self.requested += size;
    }

    /// A block that is charged to a pool.
    fn allocate(&mut self, size: u64, pool: Pool) -> Result<Block, AllocateError> {
        let (whole, free) = (self.pools.size()[pool], self.pools.free()[pool]);
        match Buddy::rounded(size) {
            Some(rounded) if rounded > whole => {
                let largest = power_of_two_within(whole).min(self.buddy.largest());
                return Err(AllocateError::TooLarge { largest });
            }
            Some(rounded) if rounded > free => {
                let largest_free = power_of_two_within(free).min(self.buddy.filling().largest_free);
                return Err(AllocateError::OutOfMemory { largest_free });
            }
            _ => {}
        }
        let block = self.buddy.allocate(size)?;
        self.pools.charge(&Amounts::of(pool, block.size()));
        Ok(block)
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
    /// `bad-request` for a zero or too long duration, `not-found`, `refused` for a grant.
    pub fn renew(&mut self, id: LeaseId, duration_ms: u64, now: Instant) -> Result<u64, Error> {
        let expiry = self.expiry(duration_ms, now)?;
        let before = self.ends(id, now)?;
        let lease = self.leases.get_mut(&id).ok_or_else(not_found)?;
        self.by_expiry.remove(&(before, id));
        self.by_expiry.insert((expiry, id));
        lease.tenure = Tenure::Until(expiry);
        Ok(lease.size)
    }

    /// How long a lease still lasts.
    ///
    /// # Errors
    /// `not-found`, `refused` for a grant.
    pub fn time_left(&self, id: LeaseId, now: Instant) -> Result<Duration, Error> {
        Ok(self.ends(id, now)?.duration_since(now))
    }

    /// Ends a lease before its time.
    ///
    /// # Errors
    /// `not-found`, `refused` for a grant.
    pub fn end(&mut self, id: LeaseId, now: Instant) -> Result<Ending<H>, Error> {
        self.ends(id, now)?;
        self.strike_lease(id).ok_or_else(not_found)
    }

    /// Strikes the oldest expired leases, at most `most` of them.
    pub fn expired(&mut self, now: Instant, most: usize) -> Vec<Ending<H>> {
        let due = self.by_expiry.iter().take_while(|(expiry, _)| *expiry <= now);
        let due: Vec<LeaseId> = due.take(most).map(|&(_, id)| id).collect();
        due.into_iter().filter_map(|id| self.strike_lease(id)).collect()
    }

    /// Returns the block of a lease whose contents are marked released.
    pub fn give_back(&mut self, ending: Ending<H>) {
        self.ending.subtract(&ending.refill);
        self.release_block(ending.block, &ending.refill);
    }

    /// When the next lease ends.
    pub fn next_expiry(&self) -> Option<Instant> {
        self.by_expiry.first().map(|&(expiry, _)| expiry)
    }

    /// The pools.
    pub fn pools(&self) -> &Pools {
        &self.pools
    }

    /// How many leases and grants there are, expired ones that nobody struck yet included.
    pub fn len(&self) -> usize {
        self.leases.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.leases.is_empty()
    }

    /// The bytes that living leases and grants were asked for.
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

    fn living(&self, id: LeaseId, now: Instant) -> Result<&Lease<H>, Error> {
        let is_living = |lease: &&Lease<H>| match lease.tenure {
            Tenure::Until(expiry) => now < expiry,
            Tenure::Of(..) => true,
        };
        self.leases.get(&id).filter(is_living).ok_or_else(not_found)
    }

    /// When a lease ends; a grant is none.
    fn ends(&self, id: LeaseId, now: Instant) -> Result<Instant, Error> {
        match self.living(id, now)?.tenure {
            Tenure::Until(expiry) => Ok(expiry),
            Tenure::Of(..) => Err(Error::new(Code::Refused, GRANTED)),
        }
    }

    fn strike_lease(&mut self, id: LeaseId) -> Option<Ending<H>> {
        let block = self.leases.get(&id)?.block.size();
        let ending = self.strike(id, Amounts::of(Pool::Committed, block))?;
        self.leased -= block;
        Some(ending)
    }

    fn strike(&mut self, id: LeaseId, refill: Amounts) -> Option<Ending<H>> {
        let Lease { block, size, tenure, handle } = self.leases.remove(&id)?;
        if let Tenure::Until(expiry) = tenure {
            self.by_expiry.remove(&(expiry, id));
        }
        self.requested -= size;
        self.ending.add(&refill);
        Some(Ending { handle, size, block, refill })
    }

    fn release_block(&mut self, block: Block, refill: &Amounts) {
        let released = self.buddy.release(block.offset);
        debug_assert!(released.is_ok(), "a block of the table was not used: {released:?}");
        self.pools.refill(refill);
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

/// The largest block that so many bytes could be, 0 for none.
pub(super) fn power_of_two_within(bytes: u64) -> u64 {
    bytes.checked_ilog2().map_or(0, |log| 1 << log)
}

const GRANTED: &str =
    "a granted block has no time; it ends when its process returns it, or with its process";
const NO_NUMBERS: &str = "all numeric ids were given; lease by text, whose ids do not run out";

/// The one answer for a lease that never was, has expired or was released: a stranger
/// learns nothing from it.
pub fn not_found() -> Error {
    Error::new(Code::NotFound, "there is no such lease, or no longer; lease again")
}

#[cfg(test)]
#[path = "lease_tests.rs"]
mod tests;
