//! An order of leases: slot numbers, sorted by a key of their entries.
//!
//! ```text
//!   pieces    │ 7 2 9 │ 4 0 │ 5 8 1 │        the slots, the one with the smallest key in front
//!   entries   0 1 2 3 4 5 6 7 8 9            the keys stand here alone
//! ```
//!
//! The lease table needs two orders: by id, to find a lease, and by expiry. A `BTreeMap` would keep
//! each key again, beside the entry, and leave about a third of each node empty. Here a lease takes
//! four bytes in each order, and its part of the empty room in the piece.
//!
//! The keys are in the caller's entries, so the caller passes a function: `is_before(slot)` tells
//! whether the key of that slot comes before the key that the caller looks for. The *place* of that
//! key is the first slot for which `is_before` is false.
//!
//! **Invariants** ([`Order::check`]) the slots stand in the order of their keys. Each piece has 1
//! to `PIECE` slots, and two neighbours together have more than `JOINED`. So the pieces take at
//! most 9.4 bytes for each slot, and one piece more.
//!
//! **Cost** a search compares O(log n) keys. An insert or a remove moves at most about two pieces
//! of 1 KiB. Sometimes it also moves the list of pieces, which has 24 bytes for each piece.
//!
//! **Lock** the tables'.
//!
//! **Simplified** one list has all pieces. To add or remove a piece moves the rest of the list, up
//! to 24 bytes for each 112 slots: 0.2 MB at a million slots, 20 MB at a hundred million. A larger
//! table would have lists of lists, as a B-tree has.

/// The most slots of a piece.
const PIECE: usize = 256;

/// Two neighbours that have so many slots together, or fewer, become one piece.
const JOINED: usize = PIECE * 7 / 8;

/// A piece with so many slots takes no slots of the piece behind it.
const NEARLY_FULL: usize = PIECE - 8;

/// The number of a lease's slot ([`super::slots`]).
pub(super) type SlotNumber = u32;

/// Slots, in the order of a key.
#[derive(Debug, Default)]
pub(super) struct Order {
    pieces: Vec<Vec<SlotNumber>>,
    length: usize,
}

impl Order {
    /// Returns the number of slots.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Returns the slot with the smallest key.
    pub fn first(&self) -> Option<SlotNumber> {
        self.pieces.first()?.first().copied()
    }

    /// Returns the slot at the place of a key.
    pub fn first_from(&self, is_before: impl Fn(SlotNumber) -> bool) -> Option<SlotNumber> {
        let (piece, at) = self.search(is_before);
        self.pieces.get(piece)?.get(at).copied()
    }

    /// Returns all slots from the place of a key on, in order.
    pub fn from(&self, is_before: impl Fn(SlotNumber) -> bool) -> impl Iterator<Item = SlotNumber> {
        let (piece, at) = self.search(is_before);
        let first = self.pieces.get(piece).map_or(&[][..], |slots| &slots[at..]);
        let more = self.pieces.iter().skip(piece + 1).flatten();
        first.iter().chain(more).copied()
    }

    /// Adds a slot at the place of its key.
    pub fn insert(&mut self, slot: SlotNumber, is_before: impl Fn(SlotNumber) -> bool) {
        let (mut piece, mut at) = self.search(&is_before);
        if piece == self.pieces.len() {
            // The slot comes last, as most new leases do. If the last piece is full, a new one
            // begins. The full piece is not divided, because no later slot would fill its halves.
            match self.pieces.last().map(Vec::len).filter(|&length| length < PIECE) {
                Some(length) => (piece, at) = (piece - 1, length),
                None => self.pieces.push(Vec::with_capacity(PIECE)),
            }
        } else if self.pieces[piece].len() == PIECE {
            self.make_room_in(piece);
            // Pieces that lost slots may be small beside their other neighbours now.
            (piece.saturating_sub(2)..=piece + 1).rev().for_each(|piece| self.join(piece));
            (piece, at) = self.search(&is_before);
        }
        self.pieces[piece].insert(at, slot);
        self.length += 1;
    }

    /// Makes room in a full piece. If the piece before it is not nearly full, some slots move
    /// there. Otherwise a new piece between the two takes a third of each. So pieces are filled to
    /// 81 % on average; if each full piece were halved, it would be 69 %.
    fn make_room_in(&mut self, piece: usize) {
        let mut between = Vec::with_capacity(PIECE);
        match self.pieces.get_mut(piece.saturating_sub(1)..=piece) {
            Some([left, full]) if left.len() < NEARLY_FULL => {
                let moved = (PIECE - left.len()) / 2;
                return left.extend(full.drain(..moved));
            }
            Some([left, full]) => {
                between.extend(left.drain(PIECE * 2 / 3..));
                between.extend(full.drain(..PIECE / 3));
            }
            // No piece is before the first one.
            _ => between.extend(self.pieces[piece].drain(..PIECE / 2)),
        }
        self.pieces.insert(piece, between);
    }

    /// Removes the slot at the place of a key, and returns it. `None`, and nothing is changed, if
    /// `is_it` is false for that slot.
    pub fn remove(
        &mut self,
        is_before: impl Fn(SlotNumber) -> bool,
        is_it: impl Fn(SlotNumber) -> bool,
    ) -> Option<SlotNumber> {
        let (piece, at) = self.search(is_before);
        let slot = *self.pieces.get(piece)?.get(at).filter(|&&slot| is_it(slot))?;
        self.pieces[piece].remove(at);
        self.length -= 1;
        if self.pieces[piece].is_empty() {
            self.pieces.remove(piece);
        } else {
            (piece.saturating_sub(1)..=piece).rev().for_each(|piece| self.join(piece));
        }
        Some(slot)
    }

    /// Joins a piece with the next one if both together have few slots.
    fn join(&mut self, piece: usize) {
        let Some([left, right]) = self.pieces.get_mut(piece..piece + 2) else { return };
        if left.len() + right.len() <= JOINED {
            left.append(right);
            self.pieces.remove(piece + 1);
        }
    }

    /// Returns the piece with the place of a key, and the index in that piece. If `is_before` holds
    /// for all slots, the place is behind the last piece.
    fn search(&self, is_before: impl Fn(SlotNumber) -> bool) -> (usize, usize) {
        let is_all_before = |slots: &Vec<SlotNumber>| slots.last().is_some_and(|&s| is_before(s));
        let piece = self.pieces.partition_point(is_all_before);
        let at = self.pieces.get(piece).map_or(0, |p| p.partition_point(|&slot| is_before(slot)));
        (piece, at)
    }

    /// Checks the invariants. For tests.
    pub fn check(&self) -> bool {
        let lengths: Vec<usize> = self.pieces.iter().map(Vec::len).collect();
        lengths.iter().all(|length| (1..=PIECE).contains(length))
            && lengths.windows(2).all(|pair| pair[0] + pair[1] > JOINED)
            && lengths.iter().sum::<usize>() == self.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use rand::seq::SliceRandom;
    use std::collections::BTreeSet;

    /// The key of a slot in these tests: it reverses the bits, so that neighbours in number are far
    /// apart.
    fn key(slot: SlotNumber) -> SlotNumber {
        slot.reverse_bits()
    }

    proptest! {
        /// The model: a sorted set of keys.
        #[test]
        fn it_does_what_a_sorted_set_does(
            steps in prop::collection::vec((any::<bool>(), 0_u32..2000), 1..3000),
        ) {
            let (mut order, mut model) = (Order::default(), BTreeSet::new());
            for (is_insert, slot) in steps {
                let is_before = |other| key(other) < key(slot);
                if is_insert && model.insert(key(slot)) {
                    order.insert(slot, is_before);
                } else if !is_insert {
                    let removed = order.remove(is_before, |other| other == slot);
                    prop_assert_eq!(removed.is_some(), model.remove(&key(slot)));
                }
                prop_assert!(order.check());
                prop_assert_eq!(order.first().map(key), model.first().copied());
                prop_assert_eq!(order.len(), model.len());
                let next = order.from(is_before).take(3).map(key).collect::<Vec<_>>();
                prop_assert_eq!(next, model.range(key(slot)..).take(3).copied().collect::<Vec<_>>());
            }
            prop_assert!(order.from(|_| false).map(key).eq(model));
        }
    }

    /// An order of the slots from 0 on, which are their own keys.
    fn rising(pieces: usize) -> Order {
        let mut order = Order::default();
        for slot in 0..(pieces * PIECE) as SlotNumber {
            order.insert(slot, |other| other < slot);
        }
        order
    }

    #[test]
    fn keys_that_rise_fill_their_pieces() {
        assert_eq!(rising(10).pieces.len(), 10);
    }

    #[test]
    fn shuffled_keys_fill_four_fifths_of_their_pieces() {
        const COUNT: SlotNumber = 50_000;
        let mut slots: Vec<SlotNumber> = (0..COUNT).collect();
        slots.shuffle(&mut StdRng::seed_from_u64(1));
        let mut order = Order::default();
        for slot in slots {
            order.insert(slot, |other| other < slot);
        }
        assert!(order.check() && order.from(|_| false).eq(0..COUNT));
        let filled = COUNT as usize * 100 / (order.pieces.len() * PIECE);
        assert!((79..=83).contains(&filled), "{filled} %");
    }

    #[test]
    fn a_piece_that_becomes_small_joins_the_next_one_and_the_one_before() {
        let remove = |order: &mut Order, slots: std::ops::Range<usize>| {
            for slot in slots.map(|slot| slot as SlotNumber) {
                order.remove(|other| other < slot, |other| other == slot).unwrap();
                assert!(order.check());
            }
        };
        for (small, shrinking) in [(1, 2), (2, 1)] {
            let mut order = rising(4);
            remove(&mut order, small * PIECE..(small + 1) * PIECE - 1);
            // With one slot in one piece, the other one may have one less than `JOINED`.
            let (first, end) = (shrinking * PIECE, (shrinking + 1) * PIECE);
            remove(&mut order, first..end - JOINED);
            assert_eq!(order.pieces.len(), 4);
            remove(&mut order, end - JOINED..end - JOINED + 1);
            assert_eq!(order.pieces.len(), 3);
        }
    }
}
