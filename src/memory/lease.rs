//! The lease table: the leased and held blocks, with the place and the end of each.
//!
//! ```text
//!   lease ──► entry: id, block, size, tenure      a handle ──► the block's contents, elsewhere
//!   hold             │     │            │
//!                  by id  buddy     by expiry ──► expired ─► Ending ─► give_back
//! ```
//!
//! A *lease* belongs to every client that knows its id, for a duration. Its block is charged to the
//! committed bytes ([`Committed`]), the part of the arena that leases may take. A *held* block
//! belongs to a holder and has no expiry. Later chapters give held blocks to processes, and charge
//! the bytes themselves. The *tenure* of a block is the expiry of its lease, or its holder.
//!
//! The table knows where a block is, and not its bytes. It returns a [`Handle`], which opens the
//! contents under the block's own lock ([`super::contents`]). The leases and the held blocks stand
//! in `lease/entries.rs`, which finds them by id and by expiry.
//!
//! ```text
//!   lease 64 5000    expiry at 5000 ms          the reaper wakes, a moment later
//!   ├ there ─────────┤ gone for every client ───┤ strike ─ mark released ─ give back
//! ```
//!
//! A lease ends in two steps, because a copy may be under way in its block. First the table
//! *strikes* the lease: it removes the entry and returns its [`Ending`]. Then the caller
//! ([`super::service::Memory::give_back`]) marks the contents released, under the block's lock, and
//! [`LeaseTable::give_back`] frees the block. For expired leases the *reaper*, a thread of the
//! server, does both steps.
//!
//! **Invariants** ([`LeaseTable::check`] tests the second, and for the first it compares sums of
//! bytes)
//!
//! 1. Each used block of the allocator belongs to one lease, one held block or one ending.
//! 2. Each lease and held block is found by its id, and each lease in the order of expiries.
//! 3. No client finds a lease once `now >= expiry`: each access by its id compares the times. So
//!    [`LeaseTable::strike_expired`] is needed only to get the memory back.
//!
//! **Lock** the tables', around the whole table. No function here copies a lease's bytes.
//!
//! **Simplified** a sorted list of slots keeps the order of the expiries. A timer wheel would need
//! no comparisons, and is longer to read.
//!
//! **Source** `memorylease.txt`: leases. There a lease of 1 ms lived for 610 ms.

mod check;
mod committed;
mod ending;
mod entries;
mod held;
mod list;
mod named;
mod order;
mod refusals;
mod slots;
mod spaces;

use refusals::{GRANTED, NO_NUMBERS};
pub use refusals::{explain, not_found};

use std::collections::BTreeSet;
use std::hash::RandomState;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::common::error::{Code, Error};
use crate::common::id::{IdKind, LeaseId};
use crate::memory::buddy::{Block, Buddy};
use crate::memory::compact::{Tick, U48};
use crate::memory::contents::Handle;
use crate::memory::ids::Ids;
pub use committed::{Committed, LOOK_SOON, power_of_two_within};
pub use ending::Ending;
use entries::{Entries, LeaseEntry, Tenure};
pub use held::Holder;
pub use list::LeaseRow;
use order::SlotNumber;
use spaces::Spaces;
pub use spaces::{MAX_SPACES, SpaceFigures, SpaceNumber};

/// The most leases and held blocks that a table can have: the number of a slot has 32 bits, and
/// endings have slots too.
pub const MAX_ENTRIES: usize = 1 << 31;

/// All leases and held blocks.
#[derive(Debug)]
pub struct LeaseTable {
    /// The leases and the held blocks.
    entries: Entries,
    /// The ids of the names at which a put is under way ([`super::named`]).
    puts: BTreeSet<LeaseId>,
    /// The memory spaces, each with its own allocator.
    spaces: Spaces,
    /// The bytes that leases may take.
    committed: Committed,
    /// The time at which the memory manager of chapter 5 checks the free bytes next. When few are
    /// left, this time is made earlier. `None` if no check is planned.
    next_look: Option<Instant>,
    ids: Ids,
    /// The longest duration of a lease.
    longest_duration: Duration,
    /// The most leases and held blocks at a time.
    max_entries: usize,
    /// The bytes of the blocks of leases.
    leased: u64,
    /// The bytes of the blocks whose leases were struck and that are not given back yet.
    ending_leased: u64,
    /// The same for all blocks that were struck: those of leases, and held blocks.
    ending: u64,
}

/// The terms of a lease: its bytes and its milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// The bytes asked for.
    pub size: u64,
    /// The duration that it was leased or last renewed for.
    pub granted_ms: u64,
}

impl LeaseTable {
    /// Returns an empty table over a fresh arena. Leases may take all of the arena, unless the
    /// owner of the table sets a smaller account through [`LeaseTable::committed_mut`]. No lease
    /// lasts longer than `longest_duration`.
    pub fn new(buddy: Buddy, ids: Ids, longest_duration: Duration) -> Self {
        Self {
            entries: Entries::default(),
            puts: BTreeSet::new(),
            committed: Committed::new(buddy.filling().free),
            next_look: None,
            spaces: Spaces::new(buddy),
            ids,
            longest_duration,
            max_entries: MAX_ENTRIES,
            leased: 0,
            ending_leased: 0,
            ending: 0,
        }
    }

    /// Returns an empty table for a simulation, a lesson or a test, over an arena of `size` bytes.
    /// A lease lasts one hour at most. The UUIDs come from a known seed, so anybody could guess
    /// them.
    pub fn with_known_seed(size: u64) -> Self {
        let ids = Ids::new(StdRng::seed_from_u64(0), RandomState::new());
        Self::new(Buddy::new(size), ids, Duration::from_secs(3600))
    }

    /// Bounds the count of leases and held blocks, and so the bytes of their entries. `max_entries`
    /// is at most [`MAX_ENTRIES`].
    pub fn with_most(self, max_entries: usize) -> Self {
        Self { max_entries, ..self }
    }

    /// Returns whether there are as many leases and held blocks as there may be.
    fn is_full(&self) -> bool {
        self.entries.len() >= self.max_entries
    }

    /// Leases `size` bytes for `duration_ms` from `now`, out of the committed bytes. The table is
    /// unchanged when this fails.
    ///
    /// # Errors
    /// `bad-request` for a zero or too long duration or zero bytes, `too-large` when it can never
    /// fit, `out-of-memory` when it does not fit now, `refused` when no numeric id is left.
    pub fn lease(
        &mut self,
        size: u64,
        duration_ms: u64,
        id_kind: IdKind,
        now: Instant,
    ) -> Result<LeaseId, Error> {
        let expiry = self.expiry(duration_ms, now)?;
        self.lease_until(size, (expiry, duration_ms), id_kind, now)
    }

    /// Leases `size` bytes until `expiry`. `granted_ms` is the duration that the client asked for;
    /// [`LeaseTable::terms`] returns it later.
    fn lease_until(
        &mut self,
        size: u64,
        (expiry, granted_ms): (Tick, u64),
        id_kind: IdKind,
        now: Instant,
    ) -> Result<LeaseId, Error> {
        let block = self.allocate(size).map_err(|error| explain(size, error))?;
        // The id comes last: a request that fails for another reason spends none of the numbers.
        let Some(id) = self.unused_id(id_kind) else {
            self.release_block(block);
            return Err(Error::new(Code::Refused, NO_NUMBERS));
        };
        self.leased += block.size();
        self.committed.charge(block.size());
        // If few bytes are free now, the memory manager of chapter 5 checks them soon.
        self.note_taken(now);
        let granted_ms = U48::new(granted_ms);
        self.insert(id, block, size, Tenure::Until { expiry, granted_ms });
        Ok(id)
    }

    /// Returns a UUID that no lease or held block has.
    pub fn uuid(&mut self) -> LeaseId {
        loop {
            let id = self.ids.uuid();
            if self.entries.get(id).is_none() {
                return id;
            }
        }
    }

    /// Adds the entry of a lease or held block. The caller counts the block's bytes.
    fn insert(&mut self, id: LeaseId, block: Block, size: u64, tenure: Tenure) {
        self.entries.insert(LeaseEntry::new(id, block, size, tenure));
        self.spaces.at(block.offset).requested += size;
    }

    /// Returns the handle of the lease or held block of that id.
    ///
    /// # Errors
    /// `not-found` when there is none, or no longer.
    pub fn find(&self, id: LeaseId, now: Instant) -> Result<Handle, Error> {
        self.living(id, now).map(|(slot, lease)| lease.handle(slot))
    }

    /// Moves the end of a lease to `duration_ms` from `now`, sooner or later than before. Returns
    /// its new terms. The table is unchanged when this fails.
    ///
    /// # Errors
    /// `bad-request` for a zero or too long duration, `not-found`, `refused` for a held block.
    pub fn renew(&mut self, id: LeaseId, duration_ms: u64, now: Instant) -> Result<Terms, Error> {
        let expiry = self.expiry(duration_ms, now)?;
        // A held block has no terms that could change: `terms` fails.
        let size = self.terms(id, now)?.size;
        let tenure = Tenure::Until { expiry, granted_ms: U48::new(duration_ms) };
        self.entries.set_id_and_tenure(id, id, tenure);
        Ok(Terms { size, granted_ms: duration_ms })
    }

    /// Returns the terms that a lease was last granted.
    ///
    /// # Errors
    /// `not-found`, `refused` for a held block.
    pub fn terms(&self, id: LeaseId, now: Instant) -> Result<Terms, Error> {
        let (_, lease) = self.living(id, now)?;
        match lease.tenure {
            Tenure::Until { granted_ms, .. } => {
                Ok(Terms { size: lease.size(), granted_ms: granted_ms.get() })
            }
            Tenure::HeldBy(_) => Err(Error::new(Code::Refused, GRANTED)),
        }
    }

    /// Returns the time that a lease has left.
    ///
    /// # Errors
    /// `not-found`, `refused` for a held block.
    pub fn time_left(&self, id: LeaseId, now: Instant) -> Result<Duration, Error> {
        let (_, lease) = self.living(id, now)?;
        let expiry = lease.expiry().ok_or_else(|| Error::new(Code::Refused, GRANTED))?;
        Ok(expiry.instant().duration_since(now))
    }

    /// Strikes a lease before its expiry.
    ///
    /// # Errors
    /// `not-found`, `refused` for a held block.
    pub fn end(&mut self, id: LeaseId, now: Instant) -> Result<Ending, Error> {
        // The call only checks that `id` is a lease that has not expired. The terms are not needed.
        self.terms(id, now)?;
        self.strike_lease(id).ok_or_else(not_found)
    }

    /// Strikes at most `most` expired leases; the lease that expired first comes first. The bound
    /// limits the time under the lock.
    pub fn strike_expired(&mut self, now: Instant, most: usize) -> Vec<Ending> {
        let now = Tick::of(now);
        let due = self.entries.expiring_from(None).take_while(|lease| lease.expiry() <= now);
        let due: Vec<LeaseId> = due.take(most).map(|lease| lease.id).collect();
        due.into_iter().filter_map(|id| self.strike_lease(id)).collect()
    }

    /// Frees the block and the slot of an ending. The caller has marked its contents released, or
    /// knows that no copy is under way in the block.
    pub fn give_back(&mut self, ending: Ending) {
        let bytes = ending.block.size();
        self.ending -= bytes;
        if ending.is_lease {
            self.ending_leased -= bytes;
            self.committed.refill(bytes);
        }
        self.release_block(ending.block);
        self.entries.free(ending.handle.slot());
    }

    /// Returns the earliest expiry of a lease in the table. It may lie in the past, because an
    /// expired lease stays in the table until it is struck.
    pub fn next_expiry(&self) -> Option<Instant> {
        self.entries.first_expiry().map(Tick::instant)
    }

    /// Returns a held block, or a lease before its expiry, with its slot: the check of invariant 3.
    fn living(&self, id: LeaseId, now: Instant) -> Result<(SlotNumber, &LeaseEntry), Error> {
        let is_living = |(_, lease): &(SlotNumber, &LeaseEntry)| match lease.tenure {
            Tenure::Until { expiry, .. } => now < expiry.instant(),
            Tenure::HeldBy(_) => true,
        };
        self.entries.find(id).filter(is_living).ok_or_else(not_found)
    }

    /// Strikes a lease, and moves its bytes from `leased` to `ending_leased`. Held blocks are in
    /// neither sum, so `end_held` calls `strike` instead.
    fn strike_lease(&mut self, id: LeaseId) -> Option<Ending> {
        let ending = self.strike(id)?;
        self.leased -= ending.block.size();
        self.ending_leased += ending.block.size();
        Some(ending)
    }

    /// Removes an entry, so that nobody finds it any more. Its block and its slot stay used until
    /// [`LeaseTable::give_back`]. `None` if no entry has that id.
    fn strike(&mut self, id: LeaseId) -> Option<Ending> {
        let (slot, lease) = self.entries.remove(id)?;
        let (handle, block) = (lease.handle(slot), lease.block());
        self.spaces.at(block.offset).requested -= handle.size;
        self.ending += block.size();
        Some(Ending { handle, block, is_lease: lease.expiry().is_some() })
    }

    /// Returns an id that no entry has; `None` when all numeric ids were given. No number is given
    /// twice, so only a UUID is looked up.
    fn unused_id(&mut self, kind: IdKind) -> Option<LeaseId> {
        match kind {
            IdKind::Uuid => Some(self.uuid()),
            IdKind::Number => self.ids.number(),
        }
    }

    /// Returns the time that is `duration_ms` after `now`. Fails with `bad-request` for 0 ms, for
    /// more than `longest_duration`, and for a time that the clock cannot express.
    fn expiry(&self, duration_ms: u64, now: Instant) -> Result<Tick, Error> {
        let duration = Duration::from_millis(duration_ms);
        let expiry = now.checked_add(duration).and_then(Tick::of);
        let in_range = duration_ms > 0 && duration <= self.longest_duration;
        expiry.filter(|_| in_range).ok_or_else(|| self.wrong_duration())
    }

    /// Returns the error for a duration that no lease can have.
    fn wrong_duration(&self) -> Error {
        let longest = self.longest_duration.as_millis();
        Error::new(Code::BadRequest, format!("a lease lasts 1 to {longest} ms; ask within that"))
    }
}

#[cfg(test)]
#[path = "lease_tests.rs"]
mod tests;
