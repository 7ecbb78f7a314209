//! The shuffled list, and the numbers that one draw took from it.
//!
//! ```text
//!   numbers   │ 5 │ 19 │ 228 │ 665 │ …
//!   starts    │ 0 │ 2  │ 5   │ 9   │ …         where each number's text starts
//!   text      │5 19 228 665 …                  rendered once; a reply copies a part
//!
//!   a draw of 3, one by one     first 0..2, others 3..4       another client took index 2
//! ```
//!
//! A draw keeps ranges of indices and no numbers. So a reply in text is one copy of bytes for each
//! range, where the usual way converts every number to digits.
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
    /// The most numbers of a list. Their text has 79 MB (69 million digits and 10 million spaces),
    /// so a `u32` holds each place in it.
    pub const MAX: u32 = 10_000_000;

    /// Makes a list of `numbers`, in the given order.
    pub fn new(numbers: Vec<u32>) -> Self {
        // 8 bytes each: a number up to 9,999,999 has at most 7 digits, and a space follows it.
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

    /// Returns the length of the list.
    pub fn len(&self) -> u32 {
        self.numbers.len() as u32
    }

    /// Returns whether the list has no number.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Returns the number at an index below the length.
    pub fn number(&self, index: usize) -> u32 {
        self.numbers[index]
    }

    /// Returns the numbers of `taken` as text, each followed by one space.
    fn text(&self, taken: &Range<usize>) -> &[u8] {
        &self.text[self.starts[taken.start] as usize..self.starts[taken.end] as usize]
    }
}

impl fmt::Debug for NumberList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NumberList of {}", self.len())
    }
}

/// Returns the numbers 1 to `count` in a random order. `shuffle` goes through the list once, and
/// each order is equally likely. The same `seed` gives the same order, as long as `rand` keeps its
/// generator; without a seed the system's randomness seeds it.
pub fn shuffled(count: u32, seed: Option<u64>) -> NumberList {
    let mut numbers: Vec<u32> = (1..=count).collect();
    let mut rng = match seed {
        Some(seed) => StdRng::seed_from_u64(seed),
        None => rand::make_rng(),
    };
    numbers.shuffle(&mut rng);
    NumberList::new(numbers)
}

/// The numbers of one draw, in the order in which they were drawn.
#[derive(Debug)]
pub enum Drawn<'a> {
    /// In the server: ranges of the list.
    Taken(Taken<'a>),
    /// In a client: the received numbers.
    Received(Vec<u32>),
}

impl Drawn<'_> {
    /// Returns the count of the numbers.
    pub fn count(&self) -> u64 {
        match self {
            Drawn::Taken(taken) => taken.count(),
            Drawn::Received(numbers) => numbers.len() as u64,
        }
    }

    /// Calls `each` with the numbers in order: one call for each run of neighbours in the list. An
    /// encoder so reads whole slices and needs no vector in between.
    #[inline]
    pub fn for_each_run(&self, mut each: impl FnMut(&[u32])) {
        match self {
            Drawn::Taken(taken) => {
                each(&taken.list.numbers[taken.first.clone()]);
                taken.others.iter().for_each(|range| each(&taken.list.numbers[range.clone()]));
            }
            Drawn::Received(numbers) => each(numbers),
        }
    }

    /// Returns the numbers, in order.
    pub fn numbers(&self) -> Vec<u32> {
        let mut numbers = Vec::new();
        self.for_each_run(|run| numbers.extend_from_slice(run));
        numbers
    }

    /// Appends the numbers as text, each followed by one space.
    #[inline]
    pub fn append_text(&self, out: &mut Vec<u8>) {
        match self {
            Drawn::Taken(taken) => taken.append_text(out),
            Drawn::Received(numbers) => {
                for number in numbers {
                    out.extend_from_slice(number.to_string().as_bytes());
                    out.push(b' ');
                }
            }
        }
    }
}

/// The indices that one draw took, as ranges. A thread looks their numbers up after it has unlocked
/// the draw's lock.
#[derive(Debug)]
pub struct Taken<'a> {
    list: &'a NumberList,
    /// The first range, and the only one of a request that takes its numbers at once. It is not in
    /// the vector, so such a draw allocates nothing.
    first: Range<usize>,
    /// The further ranges, if the draw took its numbers one by one and other threads took some
    /// between them.
    others: Vec<Range<usize>>,
}

impl<'a> Taken<'a> {
    /// Returns a draw that took one range.
    pub fn new(list: &'a NumberList, taken: Range<u32>) -> Self {
        Self { list, first: indices(taken), others: Vec::new() }
    }

    /// Adds a later range. Joins it to the last one if it begins where that ends.
    pub fn add(&mut self, taken: Range<u32>) {
        let taken = indices(taken);
        let last = self.others.last_mut().unwrap_or(&mut self.first);
        if last.end == taken.start {
            last.end = taken.end;
        } else {
            self.others.push(taken);
        }
    }

    /// Returns the count of the drawn numbers.
    pub fn count(&self) -> u64 {
        let others: usize = self.others.iter().map(ExactSizeIterator::len).sum();
        (self.first.len() + others) as u64
    }

    /// Returns whether the draw took no number, because the list was drained before.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// Returns the numbers, in the order in which they were drawn.
    pub fn numbers(&self) -> impl Iterator<Item = u32> {
        let ranges = std::iter::once(&self.first).chain(&self.others).cloned();
        ranges.flatten().map(|index| self.list.number(index))
    }

    #[inline]
    fn append_text(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.list.text(&self.first));
        for range in &self.others {
            out.extend_from_slice(self.list.text(range));
        }
    }
}

fn indices(taken: Range<u32>) -> Range<usize> {
    taken.start as usize..taken.end as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_follow_on_become_one() {
        let list = NumberList::new(vec![5, 19, 228, 665, 7, 11]);
        let mut taken = Taken::new(&list, 0..1);
        taken.add(1..2);
        taken.add(4..5);
        assert_eq!(taken.others.len(), 1);
        for drawn in [Drawn::Taken(taken), Drawn::Received(vec![5, 19, 7])] {
            assert_eq!(drawn.count(), 3);
            assert_eq!(drawn.numbers(), [5, 19, 7]);
            let mut text = Vec::new();
            drawn.append_text(&mut text);
            assert_eq!(text, b"5 19 7 ");
        }
    }

    #[test]
    fn the_list_holds_every_number_once_and_is_shuffled() {
        let list = shuffled(1000, Some(7));
        let mut numbers: Vec<u32> = (0..1000).map(|index| list.number(index)).collect();
        assert_ne!(numbers, (1..=1000).collect::<Vec<_>>());
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=1000).collect::<Vec<_>>());
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
