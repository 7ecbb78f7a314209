//! The record of all draws: each request, its answer, and the times of both.
//!
//! ```text
//!   operation   client 3   start 1.203114 s   end 1.203398 s   draw 2   19 228
//! ```
//!
//! Duplicates are found as the answers come, with one array access for each number:
//!
//! ```text
//!   first   number    1   2   3   4   5   6   7
//!           held by   0   0   0   0   2   0   1      5 came first in operation 1, 7 in operation 0
//!                                                    (the operation's index plus 1; 0 is none)
//!   add operation 2 with 7:  first[7] is not 0, so 7 is a duplicate of operations 0 and 2
//! ```
//!
//! **Invariants**
//!
//! 1. Each number in range counts once as drawn; each further time it is one duplicate, with both
//!    operations that had it.
//! 2. A number counts as unseen if its client vanished, or gave up because the server was silent.
//!    That many numbers may be missing at the end without a fault of the server.
//!
//! **Lock** one around the whole ledger, in [`Grading`](super::Grading). A client thread takes it
//! after it has timed the end of its answer.
//!
//! **Simplified** All operations stay in memory: 72 bytes for each request and 8 for each number
//! that came, and in `first` 4 for each number of the list.
//!
//! **Source** Herlihy and Wing, "Linearizability" (1990), call such a record a history.

use std::collections::HashMap;
use std::time::Duration;

/// One request and its answer. Both times count from the start of the first draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// The client: 1 and up in bursts and the drain; 0 for every other one, and for the drain if
    /// the system has no thread for it.
    pub client: usize,
    /// The time just before the command was sent.
    pub start: Duration,
    /// The time when the last byte of the reply had come.
    pub end: Duration,
    /// The count of the draw.
    pub asked: usize,
    /// The numbers that came. One that no list can hold is `u64::MAX`.
    pub numbers: Vec<u64>,
}

/// A number that came again, with both operations as indices of [`Ledger::operations`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duplicate {
    /// The number.
    pub number: u64,
    /// The operation that had it first.
    pub before: usize,
    /// The operation that had it again.
    pub again: usize,
}

/// All draws so far.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Every answered request, in the order of recording, which is not the order of their times.
    pub operations: Vec<Operation>,
    /// Numbers that came again.
    pub duplicates: Vec<Duplicate>,
    /// Numbers that are not in the list, each with the operation that had it.
    pub out_of_range: Vec<(u64, usize)>,
    /// The count of different numbers of the list that came.
    pub drawn: u64,
    /// The count of numbers that were asked for by clients that vanished, or gave up because the
    /// server was silent. They may have been drawn.
    pub unseen: u64,
    /// A reply had fewer numbers than were asked for, although many were left. The rest may be
    /// lost.
    pub lost_in_replies: bool,
    /// For each number of the list, the operation that had it first, as the operation's index plus
    /// 1; 0 for none. The number itself is the index in this vector.
    first: Vec<u32>,
    /// For each number that came and is not in the list, the index of the operation that had it
    /// first.
    strangers: HashMap<u64, usize>,
}

impl Ledger {
    /// Returns an empty ledger for a list of 1 to `greatest`. `unseen` numbers were asked for
    /// before, and not seen.
    pub fn new(greatest: u32, unseen: u64) -> Self {
        Self { first: vec![0; greatest as usize + 1], unseen, ..Self::default() }
    }

    /// Adds an operation and judges each of its numbers: new, again, or out of range.
    pub fn add(&mut self, operation: Operation) {
        let at = self.operations.len();
        for &number in &operation.numbers {
            // Place 0 of `first` is never used, because no list holds 0. A number without a place
            // is out of range.
            let index = usize::try_from(number).ok().filter(|&index| index > 0);
            match index.and_then(|index| self.first.get_mut(index)) {
                None => self.add_stranger(number, at),
                Some(first) if *first == 0 => {
                    // No grading has 4 billion operations, so the fallback is never used.
                    *first = u32::try_from(at + 1).unwrap_or(u32::MAX);
                    self.drawn += 1;
                }
                Some(first) => {
                    let before = *first as usize - 1;
                    self.duplicates.push(Duplicate { number, before, again: at });
                }
            }
        }
        self.operations.push(operation);
    }

    /// Adds a number that is not in the list, from the operation with the index `at`. The first
    /// time the number is out of range; each further time it is a duplicate.
    fn add_stranger(&mut self, number: u64, at: usize) {
        match self.strangers.get(&number) {
            // `u64::MAX` stands for any number that no list can hold, so two of them may be
            // different numbers.
            Some(&before) if number != u64::MAX => {
                self.duplicates.push(Duplicate { number, before, again: at });
            }
            _ => {
                self.strangers.insert(number, at);
                self.out_of_range.push((number, at));
            }
        }
    }

    /// Returns the range of the server's list if it is another one than 1 to `greatest`, such as 0
    /// to 99,999. This is so if a number came that is not in the list, and all numbers between the
    /// least and the greatest that came have come too, except for at most `unseen`.
    pub fn other_range(&self) -> Option<(u64, u64)> {
        // `u64::MAX` stands for any number that no list can hold.
        if self.strangers.is_empty() || self.strangers.contains_key(&u64::MAX) {
            return None;
        }
        let in_list = (1..self.first.len()).filter(|&number| self.first[number] > 0);
        let came = self.strangers.keys().copied().chain(in_list.map(|number| number as u64));
        let (least, most) = (came.clone().min()?, came.max()?);
        let count = self.drawn + self.strangers.len() as u64;
        // Numbers of 1 to 99,000 and a few far beyond are no other range: most of the numbers
        // between are missing. (The range has one number more than `most - least`.)
        (count + self.unseen > most - least).then_some((least, most))
    }

    /// Returns the greatest number of the list.
    pub fn greatest(&self) -> u32 {
        self.first.len() as u32 - 1
    }

    /// Returns the count of numbers of the list that have not come.
    pub fn missing(&self) -> u64 {
        u64::from(self.greatest()) - self.drawn
    }

    /// Returns at most `most` numbers of the list that have not come: the smallest ones.
    pub fn missing_numbers(&self, most: usize) -> Vec<usize> {
        (1..self.first.len()).filter(|&number| self.first[number] == 0).take(most).collect()
    }

    /// Returns the count of all numbers that came, with duplicates and those out of range.
    pub fn received(&self) -> u64 {
        self.drawn + (self.duplicates.len() + self.out_of_range.len()) as u64
    }

    /// Returns the numbers in range: each client's in the order it got them, one client after the
    /// other. Each number stands only where it came first: a race that gives a part of the list
    /// again does not make the order less random.
    pub fn orders(&self) -> Vec<u32> {
        let mut by_client: Vec<(usize, &Operation)> = self.operations.iter().enumerate().collect();
        by_client.sort_by_key(|(_, operation)| (operation.client, operation.start));
        let mut taken = vec![false; self.first.len()];
        let mut order = Vec::new();
        for (at, operation) in by_client {
            for &number in &operation.numbers {
                let Ok(index) = usize::try_from(number) else { continue };
                let came_first =
                    self.first.get(index).is_some_and(|&first| first as usize == at + 1);
                // `taken` drops a number that came twice within the operation that had it first.
                if came_first && !std::mem::replace(&mut taken[index], true) {
                    order.push(index as u32);
                }
            }
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub fn operation(client: usize, numbers: &[u64]) -> Operation {
        let start = Duration::from_millis(numbers.first().copied().unwrap_or_default());
        Operation { client, start, end: start, asked: numbers.len(), numbers: numbers.to_vec() }
    }

    #[test]
    fn what_came_again_is_found_with_both_operations() {
        let mut ledger = Ledger::new(10, 0);
        ledger.add(operation(1, &[5, 7]));
        ledger.add(operation(2, &[7, 11, 0, u64::MAX]));
        ledger.add(operation(1, &[7]));
        let twice = |before, again| Duplicate { number: 7, before, again };
        assert_eq!(ledger.duplicates, [twice(0, 1), twice(0, 2)]);
        assert_eq!(ledger.out_of_range, [(11, 1), (0, 1), (u64::MAX, 1)]);
        assert_eq!((ledger.drawn, ledger.missing(), ledger.received()), (2, 8, 7));
        assert_eq!(ledger.missing_numbers(3), [1, 2, 3]);
    }

    #[test]
    fn a_number_that_no_list_can_hold_is_no_list() {
        let mut ledger = Ledger::new(10, 0);
        ledger.add(operation(1, &[u64::MAX]));
        assert_eq!(ledger.other_range(), None);
        let mut ledger = Ledger::new(3, 0);
        ledger.add(operation(1, &[0, 1, 2]));
        assert_eq!(ledger.other_range(), Some((0, 2)));
        let mut ledger = Ledger::new(3, 0);
        ledger.add(operation(1, &[0, 1]));
        assert_eq!(ledger.other_range(), Some((0, 1)), "one number of the list came");
    }

    #[test]
    fn each_clients_order_is_kept() {
        let mut ledger = Ledger::new(100, 0);
        for (client, number) in [(2, 5), (1, 9), (2, 3), (1, 4)] {
            let mut one = operation(client, &[number]);
            one.start = Duration::from_millis(ledger.operations.len() as u64);
            ledger.add(one);
        }
        assert_eq!(ledger.orders(), [9, 4, 5, 3]);
        ledger.add(operation(1, &[5, 7, 7, 0, 101, 9]));
        assert_eq!(ledger.orders(), [9, 4, 7, 5, 3], "each number once");
    }
}
