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
//! handle of the earlier lease does not open the contents of the later one
//! ([`crate::memory::contents`]).
//!
//! **Invariants** a slot is used again as late as possible: the slots of the last page that were
//! never used come first, and then the slot that has been free for the longest time. There are
//! always as many other slots as a page has between two leases of one slot. No generation of a slot
//! comes twice: after 2^31 leases the slot is not used again.
//!
//! **Lock** the tables'.
//!
//! **Source** tables of this kind are called slot maps.

use crate::memory::contents::PAGE;
use crate::memory::lease::LeaseEntry;
use crate::memory::lease::order::SlotNumber;

/// The generation of the first lease in a slot.
const FIRST: u32 = 2;

/// The generation of the next lease in a slot is larger by this. The odd number between the two
/// means, in the arena, that the contents were released.
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
    /// Each page but the last has `PAGE` slots, used or free.
    pages: Vec<Vec<Slot>>,
    /// The slot that has been free for the longest time, and the one that was freed last.
    free_queue: Option<(SlotNumber, SlotNumber)>,
    /// The number of free slots.
    free_count: usize,
}

impl Slots {
    /// Puts an entry into a slot, and sets its generation. Returns the slot's number.
    pub fn insert(&mut self, mut entry: LeaseEntry) -> SlotNumber {
        let is_last_full = self.pages.last().is_none_or(|page| page.len() == PAGE);
        if is_last_full
            && self.free_count > PAGE
            && let Some((number, generation)) = self.take_free()
        {
            entry.generation = generation;
            if let Some(slot) = self.slot_mut(number) {
                *slot = Slot::Used(entry);
            }
            return number;
        }
        if is_last_full {
            self.pages.push(Vec::with_capacity(PAGE));
        }
        entry.generation = FIRST;
        let before = (self.pages.len() - 1) * PAGE;
        let page = &mut self.pages[before / PAGE];
        page.push(Slot::Used(entry));
        (before + page.len() - 1) as SlotNumber
    }

    /// Takes the slot that has been free for the longest time, with its next generation.
    fn take_free(&mut self) -> Option<(SlotNumber, u32)> {
        let (number, last) = self.free_queue?;
        let Slot::Free { generation, next } = *self.slot_mut(number)? else { return None };
        self.free_queue = next.map(|next| (next, last));
        self.free_count -= 1;
        Some((number, generation))
    }

    /// Frees a slot. The caller has no more use for its entry.
    pub fn free(&mut self, number: SlotNumber) {
        let Some(slot) = self.slot_mut(number) else { return };
        let Slot::Used(entry) = slot else { return };
        let Some(generation) = entry.generation.checked_add(STEP) else { return };
        *slot = Slot::Free { generation, next: None };
        let first = match self.free_queue {
            None => number,
            Some((first, last)) => {
                if let Some(Slot::Free { next, .. }) = self.slot_mut(last) {
                    *next = Some(number);
                }
                first
            }
        };
        self.free_queue = Some((first, number));
        self.free_count += 1;
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

    /// Slots of so many pages, all used.
    fn full(pages: usize) -> Slots {
        let mut slots = Slots::default();
        for slot in 0..pages * PAGE {
            assert_eq!(slots.insert(entry()), slot as SlotNumber);
        }
        slots
    }

    #[test]
    fn a_slot_is_used_again_as_late_as_possible_and_with_a_later_generation() {
        let mut slots = full(2);
        // The slots of the first page become free, and the last one does so first.
        (0..PAGE).rev().for_each(|slot| slots.free(slot as SlotNumber));
        assert_eq!(generation(&slots, 0), None);
        // A page of other slots comes first.
        for slot in 2 * PAGE..3 * PAGE {
            assert_eq!(slots.insert(entry()), slot as SlotNumber);
        }
        let next = PAGE as SlotNumber;
        slots.free(next);
        let last = next - 1;
        assert_eq!(slots.insert(entry()), last);
        assert_eq!(generation(&slots, last), Some(FIRST + STEP));
        // Too few slots are free now, so a page is added.
        assert_eq!(slots.insert(entry()), 3 * PAGE as SlotNumber);
        assert_eq!(generation(&slots, 3 * next), Some(FIRST));
    }

    #[test]
    fn a_slot_without_a_later_generation_is_not_used_again() {
        let mut slots = full(1);
        slots.get_mut(5).unwrap().generation = u32::MAX - 1;
        slots.free(5);
        slots.get_mut(6).unwrap().generation = u32::MAX - 3;
        slots.free(6);
        assert_eq!((slots.free_count, slots.free_queue), (1, Some((6, 6))));
    }

    #[test]
    fn a_slot_that_is_freed_twice_is_free_once() {
        let mut slots = full(1);
        slots.free(5);
        slots.free(5);
        assert_eq!(slots.free_count, 1);
    }
}
