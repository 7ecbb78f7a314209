//! The entries of the lease table, each in a slot with a number.
//!
//! ```text
//!   page 0   │ used │ free │ used │ used │ …       1024 slots
//!   page 1   │ used │  └─► the slot that was freed next ─► …
//! ```
//!
//! An entry stays in its slot, so the two orders ([`super::order`]) keep its number in place of the
//! entry. The entries do not stand in one `Vec`, which would move all of them when it grows.
//!
//! When a lease has ended, another one gets its slot. The slot's *generation* tells them apart: a
//! handle of the lease before does not open the contents of the next one
//! ([`crate::memory::contents`]).
//!
//! **Invariants** a slot is used again as late as possible: the slots of the last page that were
//! never used come first, and then the slot that has been free for the longest time.
//!
//! **Lock** the tables'.
//!
//! **Source** tables of this kind are called slot maps.

use crate::memory::lease::LeaseEntry;
use crate::memory::lease::order::SlotNumber;

/// The slots of a page.
const PAGE: usize = 1024;

/// The generation of the first lease in a slot.
const FIRST: u32 = 2;

/// From one lease of a slot to the next. The generation between the two means that the slot has no
/// lease.
const STEP: u32 = 2;

#[derive(Debug)]
enum Slot {
    /// A lease or held block, or the ending of one.
    Used(LeaseEntry),
    /// No entry: the generation of the next one, and the slot that was freed next after this one.
    Free { generation: u32, next: Option<SlotNumber> },
}

/// All entries.
#[derive(Debug, Default)]
pub(super) struct Slots {
    /// All pages but the last are full.
    pages: Vec<Vec<Slot>>,
    /// The slot that has been free for the longest time, and the one that was freed last.
    free: Option<(SlotNumber, SlotNumber)>,
}

impl Slots {
    /// Puts an entry into a slot, and sets its generation. Returns the slot's number.
    pub fn insert(&mut self, mut entry: LeaseEntry) -> SlotNumber {
        entry.generation = FIRST;
        if let Some(page) = self.pages.last_mut().filter(|page| page.len() < PAGE) {
            page.push(Slot::Used(entry));
        } else if let Some((number, generation)) = self.take_free() {
            entry.generation = generation;
            if let Some(slot) = self.slot_mut(number) {
                *slot = Slot::Used(entry);
            }
            return number;
        } else {
            let mut page = Vec::with_capacity(PAGE);
            page.push(Slot::Used(entry));
            self.pages.push(page);
        }
        let before = (self.pages.len() - 1) * PAGE;
        (before + self.pages.last().map_or(0, Vec::len) - 1) as SlotNumber
    }

    /// Takes the slot that has been free for the longest time, with its next generation.
    fn take_free(&mut self) -> Option<(SlotNumber, u32)> {
        let (number, last) = self.free?;
        let Slot::Free { generation, next } = *self.slot_mut(number)? else { return None };
        self.free = next.map(|next| (next, last));
        Some((number, generation))
    }

    /// Frees a slot. The caller has no more use for its entry.
    pub fn free(&mut self, number: SlotNumber) {
        let Some(slot) = self.slot_mut(number) else { return };
        let Slot::Used(entry) = slot else { return };
        // After 2^31 leases in one slot the generations begin again.
        let generation = entry.generation.wrapping_add(STEP);
        *slot = Slot::Free { generation, next: None };
        let first = match self.free {
            None => number,
            Some((first, last)) => {
                if let Some(Slot::Free { next, .. }) = self.slot_mut(last) {
                    *next = Some(number);
                }
                first
            }
        };
        self.free = Some((first, number));
    }

    /// Returns the entry in a slot.
    pub fn get(&self, number: SlotNumber) -> Option<&LeaseEntry> {
        match self.pages.get(number as usize / PAGE)?.get(number as usize % PAGE)? {
            Slot::Used(entry) => Some(entry),
            Slot::Free { .. } => None,
        }
    }

    /// Returns the entry in a slot, to change it. Its id and its expiry are the keys of the orders:
    /// to change one of them, the caller takes the slot out of the order first.
    pub fn get_mut(&mut self, number: SlotNumber) -> Option<&mut LeaseEntry> {
        match self.slot_mut(number)? {
            Slot::Used(entry) => Some(entry),
            Slot::Free { .. } => None,
        }
    }

    fn slot_mut(&mut self, number: SlotNumber) -> Option<&mut Slot> {
        self.pages.get_mut(number as usize / PAGE)?.get_mut(number as usize % PAGE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::id::LeaseId;
    use crate::memory::buddy::Buddy;
    use crate::memory::lease::entries::Tenure;

    fn entry() -> LeaseEntry {
        let block = Buddy::new(32).allocate(32).unwrap();
        LeaseEntry::new(LeaseId::MIN, block, 32, Tenure::HeldBy(1))
    }

    fn generation(slots: &Slots, slot: SlotNumber) -> Option<u32> {
        slots.get(slot).map(|entry| entry.generation)
    }

    #[test]
    fn a_slot_has_48_bytes() {
        assert_eq!(size_of::<Slot>(), 48);
    }

    #[test]
    fn a_slot_is_used_again_as_late_as_possible_and_with_a_later_generation() {
        let mut slots = Slots::default();
        assert_eq!((slots.insert(entry()), slots.insert(entry())), (0, 1));
        slots.free(1);
        slots.free(0);
        assert_eq!((generation(&slots, 0), generation(&slots, 1)), (None, None));
        // First the rest of the page, then the two in the order in which they became free.
        let fresh: Vec<SlotNumber> = (2..PAGE).map(|_| slots.insert(entry())).collect();
        assert!(fresh.into_iter().eq(2..PAGE as SlotNumber));
        assert_eq!((slots.insert(entry()), slots.insert(entry())), (1, 0));
        assert_eq!(
            (generation(&slots, 1), generation(&slots, 2)),
            (Some(FIRST + STEP), Some(FIRST))
        );
        // No slot is free: a page is added.
        assert_eq!(slots.insert(entry()), PAGE as SlotNumber);
    }

    #[test]
    fn a_slot_that_is_freed_twice_is_free_once() {
        let mut slots = Slots::default();
        for slot in 0..PAGE {
            assert_eq!(slots.insert(entry()), slot as SlotNumber);
        }
        slots.free(5);
        slots.free(5);
        assert_eq!((slots.insert(entry()), slots.insert(entry())), (5, PAGE as SlotNumber));
    }
}
