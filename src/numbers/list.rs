//! The shuffled list, and what a draw took of it.
//!
//! ```text
//!   numbers   │ 5 │ 19 │ 228 │ 665 │ …
//!   starts    │ 0 │ 2  │ 5   │ 9   │ …         where each number's text starts
//!   text      │5 19 228 665 …                  rendered once; a reply copies a part
//! ```
//!
//! **Invariants** the list never changes after it was made, so reading it needs no lock;
//! `text` has every number followed by one space, in the list's order.
//!
//! **Lock** none. **Source** the homework's list; rendering it once is ours.

use std::fmt;
use std::ops::Range;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

/// The shuffled list, and the same list rendered to text once, so that a text
/// reply is a copy of bytes. Never changes after it was made, so needs no lock.
pub struct NumberList {
    numbers: Box<[u32]>,
    /// Every number followed by one space, in the list's order.
    text: Box<[u8]>,
    /// Where each number starts in `text`, and where the last one ends.
    starts: Box<[u32]>,
}

impl NumberList {
    /// The most numbers a list may hold: their text, 79 MB, keeps its places in 32 bits.
    pub const MAX: u32 = 10_000_000;

    /// Keeps `numbers` in the given order.
    pub fn new(numbers: Vec<u32>) -> Self {
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

    /// How many numbers there are.
    pub fn len(&self) -> u32 {
        self.numbers.len() as u32
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// The number at an index of the list.
    pub fn number(&self, index: usize) -> u32 {
        self.numbers[index]
    }

    /// The numbers of `taken`, each followed by one space.
    fn text(&self, taken: &Range<usize>) -> &[u8] {
        &self.text[self.starts[taken.start] as usize..self.starts[taken.end] as usize]
    }
}

impl fmt::Debug for NumberList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NumberList of {}", self.len())
    }
}

/// The numbers 1 to `count` in an order that `seed` repeats, or in one from the system's
/// randomness.
pub fn shuffled(count: u32, seed: Option<u64>) -> NumberList {
    let mut numbers: Vec<u32> = (1..=count).collect();
    let mut rng = match seed {
        Some(seed) => StdRng::seed_from_u64(seed),
        None => rand::make_rng(),
    };
    numbers.shuffle(&mut rng);
    NumberList::new(numbers)
}

/// The numbers of one draw, in the order they were drawn.
#[derive(Debug)]
pub enum Drawn<'a> {
    /// In the server: where in the list they are.
    Taken(Taken<'a>),
    /// In a client: what came.
    Received(Vec<u32>),
}

impl Drawn<'_> {
    /// How many there are.
    pub fn count(&self) -> u64 {
        match self {
            Drawn::Taken(taken) => taken.count(),
            Drawn::Received(numbers) => numbers.len() as u64,
        }
    }

    /// Hands the numbers on, in order, in as few pieces as they lie in memory.
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

    /// The numbers, in order.
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

/// What one draw took: ranges of indices into the list, looked up after the lock was let go.
#[derive(Debug)]
pub struct Taken<'a> {
    list: &'a NumberList,
    first: Range<usize>,
    /// Further ranges, when numbers were taken one by one and others came between.
    others: Vec<Range<usize>>,
}

impl<'a> Taken<'a> {
    /// A draw that took one range.
    pub fn new(list: &'a NumberList, taken: Range<u32>) -> Self {
        Self { list, first: indices(taken), others: Vec::new() }
    }

    /// Adds what was taken later, joining it to the last range where it follows on.
    pub fn add(&mut self, taken: Range<u32>) {
        let taken = indices(taken);
        let last = self.others.last_mut().unwrap_or(&mut self.first);
        if last.end == taken.start {
            last.end = taken.end;
        } else {
            self.others.push(taken);
        }
    }

    /// How many numbers were drawn.
    pub fn count(&self) -> u64 {
        let others: usize = self.others.iter().map(ExactSizeIterator::len).sum();
        (self.first.len() + others) as u64
    }

    /// Whether the list was drained before.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// The numbers, in the order they were drawn.
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
