//! A set of small integers that finds its least member in a few steps, whatever its size.
//!
//! ```text
//!   level 2   [1]                            one bit a word of level 1
//!   level 1   [0…0100]  [0…0000] …           one bit a word of level 0
//!   level 0   [0…0000]  [0…0000]  [0…1000]   one bit a member
//! ```
//!
//! A bit above level 0 says "that word below is not zero". Finding the least member
//! is one `trailing_zeros` a level; inserting and removing climb only while a word
//! changes between zero and not zero. Two million members make four levels.
//!
//! **Invariants**
//!
//! 1. Bit `i` of level `n + 1` is set exactly when word `i` of level `n` is not zero.
//! 2. No bit at or past `length` is set.
//!
//! **Lock** none of its own; the allocator's owner holds the tables.
//!
//! **Simplified** the levels are stored whole, also where nothing was ever free:
//! `length / 8` bytes and a sixty-third more.
//!
//! **Source** a bitmap with a summary level; here the summary has a summary, up to one word.

/// Members a word holds.
const WORD_BITS: usize = u64::BITS as usize;

/// Levels that any `usize` length can need.
const MOST_LEVELS: usize = usize::BITS.div_ceil(6) as usize;

/// A set of integers below a fixed length.
#[derive(Debug, Clone)]
pub struct BitSet {
    words: Box<[u64]>,
    /// Where each level starts in `words`; the last level is one word.
    bases: [usize; MOST_LEVELS],
    levels: usize,
    length: usize,
}

impl BitSet {
    /// An empty set of integers below `length`.
    pub fn new(length: usize) -> Self {
        let mut bases = [0; MOST_LEVELS];
        let mut levels = 0;
        let mut total = 0;
        let mut members = length.max(1);
        loop {
            bases[levels] = total;
            levels += 1;
            let words = members.div_ceil(WORD_BITS);
            total += words;
            if words == 1 {
                break;
            }
            members = words;
        }
        Self { words: vec![0; total].into(), bases, levels, length }
    }

    /// Whether `member` is in the set. False at or past the length.
    #[inline]
    pub fn contains(&self, member: usize) -> bool {
        member < self.length && self.words[member / WORD_BITS] >> (member % WORD_BITS) & 1 == 1
    }

    /// Whether the set has no member.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.words[self.words.len() - 1] == 0
    }

    /// The least member.
    #[inline]
    pub fn first(&self) -> Option<usize> {
        if self.is_empty() {
            return None;
        }
        let climb_down = |at: usize, base: &usize| {
            let word = self.words[base + at];
            at * WORD_BITS + word.trailing_zeros() as usize
        };
        Some(self.bases[..self.levels].iter().rev().fold(0, climb_down))
    }

    /// Adds a member below the length.
    #[inline]
    pub fn insert(&mut self, member: usize) {
        debug_assert!(member < self.length);
        let mut at = member;
        for base in &self.bases[..self.levels] {
            let word = &mut self.words[base + at / WORD_BITS];
            let was = *word;
            *word = was | 1 << (at % WORD_BITS);
            if was != 0 {
                break;
            }
            at /= WORD_BITS;
        }
    }

    /// Removes a member.
    #[inline]
    pub fn remove(&mut self, member: usize) {
        debug_assert!(self.contains(member));
        let mut at = member;
        for base in &self.bases[..self.levels] {
            let word = &mut self.words[base + at / WORD_BITS];
            *word &= !(1 << (at % WORD_BITS));
            if *word != 0 {
                break;
            }
            at /= WORD_BITS;
        }
    }

    /// The members, least first.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        let words = self.words[..self.length.max(1).div_ceil(WORD_BITS)].iter().enumerate();
        words.flat_map(|(at, &word)| {
            let bits = (0..WORD_BITS).filter(move |bit| word >> bit & 1 == 1);
            bits.map(move |bit| at * WORD_BITS + bit)
        })
    }

    /// Whether the invariants hold.
    pub fn check(&self) -> bool {
        let below_length = self.iter().all(|member| member < self.length);
        let mut summaries = self.bases[..self.levels].windows(2).enumerate();
        let summed = summaries.all(|(level, pair)| {
            let (low, high) = (pair[0], pair[1]);
            let end = self.bases[..self.levels].get(level + 2).copied();
            let high_words = &self.words[high..end.unwrap_or(self.words.len())];
            let low_words = &self.words[low..high];
            high_words.iter().enumerate().all(|(at, &high_word)| {
                (0..WORD_BITS).all(|bit| {
                    let below = low_words.get(at * WORD_BITS + bit).copied().unwrap_or(0);
                    (high_word >> bit & 1 == 1) == (below != 0)
                })
            })
        });
        below_length && summed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_summary_that_lies_is_found_by_check() {
        let mut bits = BitSet::new(10_000);
        bits.insert(9_999);
        assert!(bits.check());
        let last = bits.words.len() - 1;
        bits.words[last] = 0;
        assert!(!bits.check());
    }

    proptest! {
        #[test]
        fn it_does_what_an_ordered_set_does(
            length in 1_usize..9_000,
            steps in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 1..200),
        ) {
            let mut bits = BitSet::new(length);
            let mut model = BTreeSet::new();
            for (add, index) in steps {
                let member = index.index(length);
                if add {
                    bits.insert(member);
                    model.insert(member);
                } else if model.remove(&member) {
                    bits.remove(member);
                }
                prop_assert!(bits.check());
                prop_assert_eq!(bits.first(), model.first().copied());
                prop_assert_eq!(bits.contains(member), model.contains(&member));
                prop_assert_eq!(bits.is_empty(), model.is_empty());
            }
            prop_assert_eq!(bits.iter().collect::<BTreeSet<_>>(), model);
        }
    }
}
