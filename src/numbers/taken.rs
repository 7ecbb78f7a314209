//! The numbers that one draw took.
//!
//! ```text
//!   index      0    1     2     3     4
//!   list       5   19   228   665     7
//!              A    A     B     A               `draw 3` of client A, one by one: 0..2 and 3..4
//! ```
//!
//! A draw keeps ranges of indices and no numbers, so nothing is copied while the draw's lock is
//! held. A reply in text later copies the text of each range.
//!
//! **Lock** none: the list never changes.
//!
//! **Source** `loot-box.txt`: the reply to `draw N` has N numbers.

use std::ops::Range;

use super::list::NumberList;

/// The numbers of one draw, in the order in which they were drawn.
#[derive(Debug)]
pub enum Drawn<'a> {
    /// Ranges of the list: the form of a draw in the server.
    Taken(Taken<'a>),
    /// The numbers themselves: the form without a list. A client reads them from a reply; a test or
    /// a simulation makes them up.
    Values(Vec<u32>),
}

impl Drawn<'_> {
    /// Returns the count of the numbers.
    pub fn count(&self) -> u64 {
        match self {
            Drawn::Taken(taken) => taken.count(),
            Drawn::Values(numbers) => numbers.len() as u64,
        }
    }

    /// Calls `each` with the numbers in order: one call for each *run*, the numbers of one range of
    /// the list. So an encoder reads whole slices and needs no vector in between.
    #[inline]
    pub fn for_each_run(&self, mut each: impl FnMut(&[u32])) {
        match self {
            Drawn::Taken(taken) => {
                each(taken.list.run(&taken.first));
                taken.others.iter().for_each(|range| each(taken.list.run(range)));
            }
            Drawn::Values(numbers) => each(numbers),
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
            Drawn::Values(numbers) => {
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

    /// Adds a later range. If it begins where the last range ends, the last range grows instead.
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

    /// Returns whether the draw took no number, because the list was drained before. Such a draw
    /// has no further ranges: a draw ends at its first empty take.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// Returns the numbers, in the order in which they were drawn.
    pub fn numbers(&self) -> impl Iterator<Item = u32> {
        let ranges = std::iter::once(&self.first).chain(&self.others).cloned();
        ranges.flatten().map(|index| self.list.number(index))
    }

    /// Appends the text of each range, which the list keeps.
    #[inline]
    fn append_text(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.list.text(&self.first));
        for range in &self.others {
            out.extend_from_slice(self.list.text(range));
        }
    }
}

/// Returns a range of the counter as a range of indices into a slice.
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
        for drawn in [Drawn::Taken(taken), Drawn::Values(vec![5, 19, 7])] {
            assert_eq!(drawn.count(), 3);
            assert_eq!(drawn.numbers(), [5, 19, 7]);
            let mut text = Vec::new();
            drawn.append_text(&mut text);
            assert_eq!(text, b"5 19 7 ");
        }
    }
}
