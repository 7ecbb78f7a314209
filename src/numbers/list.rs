//! The shuffled list: its numbers, and their text.
//!
//! ```text
//!   numbers   │ 5 │ 19 │ 228 │ 665 │ …
//!   starts    │ 0 │ 2  │ 5   │ 9   │ …         where each number's text starts
//!   text      │5 19 228 665 …                  rendered once; a reply copies a part
//! ```
//!
//! A reply in text copies a part of `text`. So the server converts each number to digits once, and
//! not once for each reply.
//!
//! **Invariants** the list never changes after it is made, so reading it needs no lock. `text` has
//! every number followed by one space, in the list's order.
//!
//! **Lock** none.
//!
//! **Cost** for 100,000 numbers: 400 KB for each of `numbers` and `starts`, and 589 KB of text.
//!
//! **Source** `loot-box.txt`: a random list of the numbers 1 to 100,000. The text is our addition.

use std::fmt;
use std::ops::Range;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

/// The shuffled list, as numbers and as text. It never changes after it is made, so reading it
/// needs no lock.
pub struct NumberList {
    numbers: Box<[u32]>,
    /// Every number followed by one space, in the list's order.
    text: Box<[u8]>,
    /// The place of each number in `text`, and at the end the length of `text`.
    starts: Box<[u32]>,
}

impl NumberList {
    /// The most numbers of a list. The text of 1 to 10 million has 79 MB (69 million digits and 10
    /// million spaces).
    pub const MAX: u32 = 10_000_000;

    /// Makes a list of `numbers`, in the given order.
    ///
    /// Precondition: there are at most [`NumberList::MAX`] of them. Each takes at most 10 digits
    /// and a space, so each place in their text fits a `u32`.
    pub fn new(numbers: Vec<u32>) -> Self {
        // The capacity is a guess of 8 bytes for each number: up to 9,999,999 it has at most 7
        // digits, and a space follows it. The vector grows if the guess is too small.
        let mut text = Vec::with_capacity(numbers.len().saturating_mul(8));
        let mut starts = Vec::with_capacity(numbers.len().saturating_add(1));
        for number in &numbers {
            starts.push(text.len() as u32);
            text.extend_from_slice(number.to_string().as_bytes());
            text.push(b' ');
        }
        starts.push(text.len() as u32);
        Self { numbers: numbers.into(), text: text.into(), starts: starts.into() }
    }

    /// Makes a list of numbers that the user chose, in their order.
    ///
    /// # Errors
    /// Fails with the cause and the cure if a number stands in the list twice, because it would be
    /// handed out twice. Also fails if the list is empty or too long.
    pub fn given(numbers: &[u32]) -> Result<Self, String> {
        let most = Self::MAX as usize;
        if numbers.is_empty() || numbers.len() > most {
            return Err(format!("the list has {} numbers; give 1 to {most}", numbers.len()));
        }
        let mut sorted = numbers.to_vec();
        sorted.sort_unstable();
        match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(format!("the list has {} twice; give each number once", pair[0])),
            None => Ok(Self::new(numbers.to_vec())),
        }
    }

    /// Returns the length of the list.
    pub fn len(&self) -> u32 {
        self.numbers.len() as u32
    }

    /// Returns whether the list has no number.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Returns the number at an index. Panics if the index is not below the length.
    pub fn number(&self, index: usize) -> u32 {
        self.numbers[index]
    }

    /// Returns a *run*: the numbers of a range of indices. Panics if the range ends past the list.
    pub(super) fn run(&self, taken: &Range<usize>) -> &[u32] {
        &self.numbers[taken.clone()]
    }

    /// Returns the numbers of a range of indices as text, each followed by one space. Panics if the
    /// range ends past the list.
    pub(super) fn text(&self, taken: &Range<usize>) -> &[u8] {
        &self.text[self.starts[taken.start] as usize..self.starts[taken.end] as usize]
    }
}

impl fmt::Debug for NumberList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NumberList of {}", self.len())
    }
}

/// Returns the numbers 1 to `count` in a random order: all orders are equally likely. The same
/// `seed` gives the same order, as long as `rand` does not change its generator. Without a seed
/// the system's randomness seeds the generator.
pub fn shuffled(count: u32, seed: Option<u64>) -> NumberList {
    let mut numbers: Vec<u32> = (1..=count).collect();
    let mut rng = match seed {
        Some(seed) => StdRng::seed_from_u64(seed),
        None => rand::make_rng(),
    };
    numbers.shuffle(&mut rng);
    NumberList::new(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_holds_every_number_once_and_is_shuffled() {
        let list = shuffled(1000, Some(7));
        let mut numbers: Vec<u32> = (0..1000).map(|index| list.number(index)).collect();
        assert_ne!(numbers, (1..=1000).collect::<Vec<_>>());
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=1000).collect::<Vec<_>>());
    }

    #[test]
    fn a_list_of_ones_own_keeps_its_order_and_has_each_number_once() {
        let list = NumberList::given(&[5, 19, 228]).unwrap();
        assert_eq!((0..3).map(|index| list.number(index)).collect::<Vec<_>>(), [5, 19, 228]);
        assert_eq!(list.text(&(1..3)), b"19 228 ");
        let twice = NumberList::given(&[5, 19, 228, 19]).unwrap_err();
        assert!(twice.starts_with("the list has 19 twice"), "{twice}");
        assert!(NumberList::given(&[]).is_err());
    }

    #[test]
    fn a_seed_repeats_the_order_and_another_does_not() {
        let order = |seed| {
            let list = shuffled(100, seed);
            (0..100).map(|index| list.number(index)).collect::<Vec<_>>()
        };
        assert_eq!(order(Some(1)), order(Some(1)));
        assert_ne!(order(Some(1)), order(Some(2)));
        assert_ne!(order(None), order(None));
    }
}
