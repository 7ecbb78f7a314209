//! What was asked, what came, and when: the record that the verdicts are made of.
//!
//! ```text
//!   operation   client 3   start 1.203114 s   end 1.203398 s   draw 2   19 228
//! ```
//!
//! **Invariants** each number in range is counted once as drawn; each further time is one
//! duplicate, with both operations that had it. Numbers asked for by a client that
//! vanished or never read count as drawn, up to as many as it asked for.
//!
//! **Lock** one around the whole ledger, taken after an answer's end was timed.
//!
//! **Source** Herlihy and Wing, "Linearizability" (1990), for histories of operations, which are called records here.

use std::time::Duration;

/// One request and what came of it. Times are since the grading began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Which client of the grader's.
    pub client: usize,
    /// When the command went out.
    pub start: Duration,
    /// When its last byte came.
    pub end: Duration,
    /// How many numbers were asked for.
    pub asked: usize,
    /// What came; what no list can hold is `u64::MAX`.
    pub numbers: Vec<u64>,
}

/// A number that came again: the number, and both operations' indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duplicate {
    /// The number.
    pub number: u64,
    /// The operation that had it before.
    pub before: usize,
    /// The one that had it again.
    pub again: usize,
}

/// All that was drawn so far.
#[derive(Debug)]
pub struct Ledger {
    /// Every answered request, in the order they were written down.
    pub operations: Vec<Operation>,
    /// Numbers that came again.
    pub duplicates: Vec<Duplicate>,
    /// Numbers that are not in the list, and the operation that had each.
    pub out_of_range: Vec<(u64, usize)>,
    /// Distinct numbers of the list that came.
    pub drawn: u64,
    /// Numbers that a vanished or silent client asked for and nobody saw.
    pub unseen: u64,
    /// For each number the operation that had it first, from 1; 0 for none.
    first: Vec<u32>,
}

impl Ledger {
    /// An empty one for a list of 1 to `greatest`.
    pub fn new(greatest: u32) -> Self {
        Self {
            operations: Vec::new(),
            duplicates: Vec::new(),
            out_of_range: Vec::new(),
            drawn: 0,
            unseen: 0,
            first: vec![0; greatest as usize + 1],
        }
    }

    /// Writes an operation down.
    pub fn add(&mut self, operation: Operation) {
        let at = self.operations.len();
        for &number in &operation.numbers {
            let known = usize::try_from(number).ok().filter(|&number| number > 0);
            match known.and_then(|number| self.first.get_mut(number)) {
                None => self.out_of_range.push((number, at)),
                Some(first) if *first == 0 => {
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

    /// How many numbers the list has.
    pub fn greatest(&self) -> u32 {
        self.first.len() as u32 - 1
    }

    /// How many numbers of the list nobody saw.
    pub fn missing(&self) -> u64 {
        u64::from(self.greatest()) - self.drawn
    }

    /// Up to `most` of them.
    pub fn missing_numbers(&self, most: usize) -> Vec<usize> {
        (1..self.first.len()).filter(|&number| self.first[number] == 0).take(most).collect()
    }

    /// How many numbers came, duplicates and all.
    pub fn received(&self) -> u64 {
        self.drawn + (self.duplicates.len() + self.out_of_range.len()) as u64
    }

    /// The numbers in range, each client's in its order, one client behind the other, and
    /// each number only where it came first: a race that deals out a part of the list again
    /// does not make its order less random.
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
        let mut ledger = Ledger::new(10);
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
    fn each_clients_order_is_kept() {
        let mut ledger = Ledger::new(100);
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
