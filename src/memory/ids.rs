//! Names for leases that nobody can guess and that never come twice.
//!
//! ```text
//!   UUID     122 random bits, version 4
//!   number   counter 1, 2, 3 … ─► keyed permutation of 31 bits ─► 1 to 2^31 - 1
//! ```
//!
//! A MemoryLease frame carries a positive `i32`. Drawn at random, 31 bits would meet
//! again after some 46,000 leases; counted up, the next one is known. So a counter
//! goes through a permutation whose key is this server's secret: a Feistel network,
//! which is one-to-one whatever its round function is. It permutes 32 bits, and is
//! applied again until the result fits 31 (two steps on average): still one-to-one.
//!
//! **Invariants** no id of either kind is given twice; number 0 is never given.
//!
//! **Lock** the tables.
//!
//! **Simplified** 31 bits can be searched by a patient stranger; UUIDs cannot. When all
//! 2^31 - 1 numbers are used, there are no more until the server starts again.
//!
//! **Source** M. Luby and C. Rackoff, How to construct pseudorandom permutations (1988);
//! cycle walking: J. Black and P. Rogaway, Ciphers with arbitrary finite domains (2002).

use std::hash::{BuildHasher, RandomState};

use rand::Rng;
use rand::rngs::StdRng;

use crate::common::id::{GREATEST_NUMBER_ID, IdKind, LeaseId};

/// Rounds of the Feistel network: four are proven enough, the rest is margin.
const ROUNDS: u32 = 8;

/// Where ids come from.
#[derive(Debug)]
pub struct Ids {
    rng: StdRng,
    key: RandomState,
    /// How many values of the permutation were looked at.
    counter: u64,
}

impl Ids {
    /// Ids from this source of chance and this secret key.
    pub fn new(rng: StdRng, key: RandomState) -> Self {
        Self { rng, key, counter: 0 }
    }

    /// A new id, or `None` when every number was given.
    pub fn next(&mut self, kind: IdKind) -> Option<LeaseId> {
        match kind {
            IdKind::Uuid => Some(self.uuid()),
            IdKind::Number => self.number(),
        }
    }

    /// A version 4 UUID: the version's four bits and the variant's two are fixed.
    pub fn uuid(&mut self) -> LeaseId {
        let random = u128::from(self.rng.next_u64()) << 64 | u128::from(self.rng.next_u64());
        LeaseId::from_uuid(random & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62)
    }

    fn number(&mut self) -> Option<LeaseId> {
        while self.counter < u64::from(GREATEST_NUMBER_ID) {
            self.counter += 1;
            // One of the numbers 1 to 2^31 - 1 becomes 0, unless 0 itself does: no id, go on.
            let number = self.walk(self.counter as u32);
            if number != 0 {
                return Some(LeaseId::from_number(u64::from(number)));
            }
        }
        None
    }

    /// Permutes 31 bits: the 32-bit network, again while the result has bit 31.
    fn walk(&self, number: u32) -> u32 {
        let mut number = self.permute(number);
        while number > GREATEST_NUMBER_ID {
            number = self.permute(number);
        }
        number
    }

    fn permute(&self, number: u32) -> u32 {
        let (mut left, mut right) = ((number >> 16) as u16, number as u16);
        for round in 0..ROUNDS {
            let mixed = self.key.hash_one((round, right)) as u16;
            (left, right) = (right, left ^ mixed);
        }
        u32::from(left) << 16 | u32::from(right)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use std::collections::HashSet;

    fn ids() -> Ids {
        Ids::new(StdRng::seed_from_u64(1), RandomState::new())
    }

    #[test]
    fn numbers_are_positive_and_never_come_twice() {
        let mut ids = ids();
        let given: HashSet<i32> =
            (0..200_000).map(|_| ids.next(IdKind::Number).unwrap().number().unwrap()).collect();
        assert_eq!(given.len(), 200_000);
        assert!(given.iter().all(|&number| number > 0));
    }

    #[test]
    fn numbers_follow_no_order_that_another_key_would_give() {
        let (mut one, mut other) = (ids(), ids());
        let first = |ids: &mut Ids| (0..8).map(|_| ids.next(IdKind::Number)).collect::<Vec<_>>();
        let (one, other) = (first(&mut one), first(&mut other));
        assert_ne!(one, other);
        assert!(!one.is_sorted());
    }

    #[test]
    fn when_every_number_is_used_there_is_none() {
        let mut ids = ids();
        ids.counter = u64::from(GREATEST_NUMBER_ID) - 3;
        let left = (0..9).filter_map(|_| ids.next(IdKind::Number)).count();
        assert!((2..=3).contains(&left), "one of them may be the image 0: {left}");
        assert!(ids.next(IdKind::Uuid).is_some());
    }

    #[test]
    fn a_uuid_says_version_4_and_its_variant() {
        let mut ids = ids();
        for _ in 0..100 {
            let text = ids.next(IdKind::Uuid).unwrap().to_string();
            assert_eq!(&text[14..15], "4", "{text}");
            assert!("89ab".contains(&text[19..20]), "{text}");
        }
    }
}
