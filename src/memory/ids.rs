//! Ids for leases. They are hard to guess, and no two leases have the same id.
//!
//! ```text
//!   UUID     122 random bits, version 4
//!   number   counter 1, 2, 3 … ─► keyed permutation of 31 bits ─► 1 to 2^31 - 1
//! ```
//!
//! A MemoryLease frame carries a positive `i32`. Random numbers of 31 bits repeat after some 46,000
//! leases (the square root of 2^31), and with a plain counter every client knows the next id. So a
//! counter goes through a permutation whose key is this server's secret: a Feistel network. It maps
//! no two numbers to the same one, whatever its round function is.
//!
//! ```text
//!   one round    (left, right) ─► (right, left xor hash(key, round, right))
//!   back         the new left is the old right, so the hash is known again and xor undoes it
//! ```
//!
//! The network permutes 32 bits. It is applied until the result fits 31 bits, two times on average.
//! That is still one-to-one: it goes along a cycle of the permutation from one number of 31
//! bits to the next.
//!
//! **Invariants** no number comes twice, and 0 never comes. A random UUID hardly ever comes twice,
//! and the lease table checks that no lease has the new id.
//!
//! **Lock** the tables', which guards the counter and the generator.
//!
//! **Simplified** a patient stranger can try all 2^31 numbers in 68 years, because the server
//! allows about one wrong guess a second ([`crate::server::guesses`]). No client can try all UUIDs.
//! When all numbers are used, there are no more until the server starts again.
//!
//! **Source** M. Luby and C. Rackoff, How to construct pseudorandom permutations (1988);
//! cycle walking: J. Black and P. Rogaway, Ciphers with arbitrary finite domains (2002).

use std::hash::{BuildHasher, RandomState};

use rand::Rng;
use rand::rngs::StdRng;

use crate::common::id::{GREATEST_NUMBER_ID, LeaseId};

/// The rounds of the Feistel network. Luby and Rackoff prove four enough for a good round function;
/// the rest is margin.
const ROUNDS: u32 = 8;

/// The source of ids.
#[derive(Debug)]
pub struct Ids {
    /// The generator of UUIDs.
    rng: StdRng,
    /// The secret key of the permutation: std's keyed hash is the round function.
    key: RandomState,
    /// The last number that went through the permutation; 0 before the first.
    counter: u64,
}

impl Ids {
    /// Returns a source of ids from this random generator and this secret key.
    pub fn new(rng: StdRng, key: RandomState) -> Self {
        Self { rng, key, counter: 0 }
    }

    /// Returns a version 4 UUID: the four bits of the version and the two of the variant are fixed,
    /// and 122 are random (RFC 9562, section 5.4).
    pub fn uuid(&mut self) -> LeaseId {
        let random = u128::from(self.rng.next_u64()) << 64 | u128::from(self.rng.next_u64());
        LeaseId::from_uuid(random & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62)
    }

    /// Returns the next number, or `None` when all were given.
    pub fn number(&mut self) -> Option<LeaseId> {
        while self.counter < u64::from(GREATEST_NUMBER_ID) {
            self.counter += 1;
            // The permutation maps one number to 0, which is no id. So that number is left out. (If
            // it maps 0 itself to 0, none is left out.)
            let number = self.walk(self.counter as u32);
            if number != 0 {
                return Some(LeaseId::from_number(u64::from(number)));
            }
        }
        None
    }

    /// Permutes 31 bits: applies the 32-bit network until bit 31 is clear.
    fn walk(&self, number: u32) -> u32 {
        let mut number = self.permute(number);
        while number > GREATEST_NUMBER_ID {
            number = self.permute(number);
        }
        number
    }

    /// Permutes 32 bits by the Feistel network.
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
            (0..200_000).map(|_| ids.number().unwrap().number().unwrap()).collect();
        assert_eq!(given.len(), 200_000);
        assert!(given.iter().all(|&number| number > 0));
    }

    #[test]
    fn numbers_follow_no_order_that_another_key_would_give() {
        let (mut one, mut other) = (ids(), ids());
        let first = |ids: &mut Ids| (0..8).map(|_| ids.number()).collect::<Vec<_>>();
        let (one, other) = (first(&mut one), first(&mut other));
        assert_ne!(one, other);
        assert!(!one.is_sorted());
    }

    #[test]
    fn when_every_number_is_used_there_is_none() {
        let mut ids = ids();
        ids.counter = u64::from(GREATEST_NUMBER_ID) - 3;
        let left = (0..9).filter_map(|_| ids.number()).count();
        assert!((2..=3).contains(&left), "one of them may be the image 0: {left}");
        assert_eq!(ids.uuid().number(), None);
    }

    #[test]
    fn a_uuid_says_version_4_and_its_variant() {
        let mut ids = ids();
        for _ in 0..100 {
            let text = ids.uuid().to_string();
            assert_eq!(&text[14..15], "4", "{text}");
            assert!("89ab".contains(&text[19..20]), "{text}");
        }
    }
}
