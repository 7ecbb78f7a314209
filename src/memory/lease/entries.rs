//! The entries of the lease table: what it knows of each lease and held block, and two orders in
//! which it finds them.
//!
//! ```text
//!   slots       0 │ id, tenure, block, size │   1 │ … │   2 │ … │       48 bytes each
//!   by id       2 0 1                            4 bytes each, and the empty part of a piece
//!   by expiry   1 2                              (slot 0 has a held block, which has no expiry)
//! ```
//!
//! With its contents ([`crate::memory::contents`], 40 bytes) a lease takes 99 to 100 bytes beside
//! its block. If leases end so that the pieces are as empty as they may be, it takes 107.
//!
//! **Invariants** ([`Entries::check`]) `by_id` has the slot of each lease and held block, and
//! `by_expiry` the slot of each lease, at its expiry. The entry of an ending is in a slot, and in
//! no order.
//!
//! **Lock** the tables'. **Cost** O(log entries), and the moves of [`super::order`].

use crate::common::id::LeaseId;
use crate::memory::buddy::Block;
use crate::memory::compact::{Tick, U48};
use crate::memory::contents::Handle;
use crate::memory::lease::Holder;
use crate::memory::lease::order::{Order, SlotNumber};
use crate::memory::lease::slots::Slots;

/// A lease or held block. Only a lease's `size` may be less than its block's.
#[derive(Debug, Clone, Copy)]
pub(super) struct LeaseEntry {
    pub id: LeaseId,
    pub tenure: Tenure,
    /// The block, as [`Block::packed`] returns it.
    block: U48,
    size: U48,
    /// Tells this entry from the others that have had its slot ([`super::slots`]).
    pub generation: u32,
}

/// The kind of a block, and its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tenure {
    /// A lease: ends at `expiry`, and was last granted for `granted_ms`.
    Until { expiry: Tick, granted_ms: U48 },
    /// A held block: its holder has it until [`super::LeaseTable::end_held`].
    HeldBy(Holder),
}

impl LeaseEntry {
    /// Returns an entry. [`Slots::insert`] sets its generation.
    pub fn new(id: LeaseId, block: Block, size: u64, tenure: Tenure) -> Self {
        let (block, size) = (U48::new(block.packed()), U48::new(size));
        Self { id, tenure, block, size, generation: 0 }
    }

    pub fn block(&self) -> Block {
        Block::unpacked(self.block.get())
    }

    pub fn size(&self) -> u64 {
        self.size.get()
    }

    /// Gives the entry another block, and another size.
    pub fn set_block(&mut self, block: Block, size: u64) {
        (self.block, self.size) = (U48::new(block.packed()), U48::new(size));
    }

    /// Returns the handle that opens the contents. The entry stands in the slot `slot`.
    pub fn handle(&self, slot: SlotNumber) -> Handle {
        Handle::new(slot, self.generation, self.block().offset, self.size())
    }

    /// Returns the expiry of a lease; `None` for a held block.
    pub fn expiry(&self) -> Option<Tick> {
        match self.tenure {
            Tenure::Until { expiry, .. } => Some(expiry),
            Tenure::HeldBy(_) => None,
        }
    }
}

/// All entries.
#[derive(Debug, Default)]
pub(super) struct Entries {
    slots: Slots,
    /// A hash map would find an entry faster, but it doubles at once: a million entries would be
    /// moved under one hold of the lock.
    by_id: Order,
    /// Leases that expire at the same time stand in the order of their ids.
    by_expiry: Order,
}

impl Entries {
    /// Returns the number of leases and held blocks.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Returns the number of leases.
    pub fn lease_count(&self) -> usize {
        self.by_expiry.len()
    }

    /// Returns the entry of that id, and the number of its slot.
    pub fn find(&self, id: LeaseId) -> Option<(SlotNumber, &LeaseEntry)> {
        // The first slot whose id does not come before this one. It may have a later id.
        let slot = self.by_id.first_from(|slot| has_id_before(&self.slots, slot, id))?;
        self.slots.get(slot).filter(|lease| lease.id == id).map(|lease| (slot, lease))
    }

    /// Returns the entry of that id.
    pub fn get(&self, id: LeaseId) -> Option<&LeaseEntry> {
        self.find(id).map(|(_, lease)| lease)
    }

    /// Returns the entry of that id, to change its block. [`Entries::set_id_and_tenure`] changes
    /// the id and the tenure.
    pub fn get_mut(&mut self, id: LeaseId) -> Option<&mut LeaseEntry> {
        let (slot, _) = self.find(id)?;
        self.slots.get_mut(slot)
    }

    /// Returns all entries in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &LeaseEntry> {
        self.by_id.from(|_| false).filter_map(|slot| self.slots.get(slot))
    }

    /// Returns the leases that expire at `expiry` or later, the one that ends first in front. If
    /// `expiry` is `None`, returns all leases.
    pub fn expiring_from(&self, expiry: Option<Tick>) -> impl Iterator<Item = &LeaseEntry> {
        let is_before = move |slot| {
            expiry.is_some_and(|expiry| expires_before(&self.slots, slot, (expiry, LeaseId::MIN)))
        };
        self.by_expiry.from(is_before).filter_map(|slot| self.slots.get(slot))
    }

    /// Returns the earliest expiry of a lease.
    pub fn first_expiry(&self) -> Option<Tick> {
        self.by_expiry.first().and_then(|slot| self.slots.get(slot)?.expiry())
    }

    /// Adds an entry. No entry has its id yet.
    pub fn insert(&mut self, lease: LeaseEntry) {
        let slot = self.slots.insert(lease);
        self.enter(slot, &lease);
    }

    /// Gives an entry another id and another tenure. The entry keeps its slot, so its handles stay
    /// good. Does nothing if there is no entry `id`.
    pub fn set_id_and_tenure(&mut self, id: LeaseId, to: LeaseId, tenure: Tenure) {
        let Some((slot, lease)) = self.remove(id) else { return };
        let lease = LeaseEntry { id: to, tenure, ..lease };
        if let Some(entry) = self.slots.get_mut(slot) {
            *entry = lease;
        }
        self.enter(slot, &lease);
    }

    /// Takes an entry out of both orders, so that nobody finds it. Its slot stays used until
    /// [`Entries::free`]. Returns the number of the slot, and the entry.
    pub fn remove(&mut self, id: LeaseId) -> Option<(SlotNumber, LeaseEntry)> {
        let Self { slots, by_id, by_expiry } = self;
        let is_it = |slot| slots.get(slot).is_some_and(|lease| lease.id == id);
        let slot = by_id.remove(|slot| has_id_before(slots, slot, id), is_it)?;
        let lease = *slots.get(slot)?;
        if let Some(expiry) = lease.expiry() {
            let is_before = |other| expires_before(slots, other, (expiry, id));
            let removed = by_expiry.remove(is_before, |other| other == slot);
            debug_assert!(removed.is_some(), "a lease was not in the order of expiries");
        }
        Some((slot, lease))
    }

    /// Frees the slot of an entry that was removed.
    pub fn free(&mut self, slot: SlotNumber) {
        self.slots.free(slot);
    }

    /// Checks the invariants. For tests.
    pub fn check(&self) -> bool {
        let is_sorted = self.iter().is_sorted_by(|one, next| one.id < next.id);
        let ends: Vec<_> =
            self.expiring_from(None).map(|lease| (lease.expiry(), lease.id)).collect();
        let leases = self.iter().filter(|lease| lease.expiry().is_some()).count();
        let are_whole = self.iter().count() == self.len() && ends.len() == self.lease_count();
        let orders_are_right = self.by_id.check() && self.by_expiry.check();
        is_sorted && ends.is_sorted() && leases == ends.len() && are_whole && orders_are_right
    }

    /// Puts a slot with this entry into the orders.
    fn enter(&mut self, slot: SlotNumber, lease: &LeaseEntry) {
        let Self { slots, by_id, by_expiry } = self;
        by_id.insert(slot, |other| has_id_before(slots, other, lease.id));
        if let Some(expiry) = lease.expiry() {
            by_expiry.insert(slot, |other| expires_before(slots, other, (expiry, lease.id)));
        }
    }
}

/// Returns whether the entry in a slot comes before this id in the order of the ids.
fn has_id_before(slots: &Slots, slot: SlotNumber, id: LeaseId) -> bool {
    slots.get(slot).is_some_and(|lease| lease.id < id)
}

/// Returns whether the lease in a slot comes before this key in the order of the expiries.
fn expires_before(slots: &Slots, slot: SlotNumber, key: (Tick, LeaseId)) -> bool {
    let own = slots.get(slot).and_then(|lease| Some((lease.expiry()?, lease.id)));
    own.is_some_and(|own| own < key)
}
