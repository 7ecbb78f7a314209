//! The boxes of the document's figures 5 to 12, by their numbers.
//!
//! ```text
//!   request 1000 pause freeable=4000 why
//!     800 ─ 801 ─ 802 ─ 812 ─ 900 ─ 902 ─ 904 ─ 908          a path: the boxes in their order
//!     figure 8                figure 9
//! ```
//!
//! The number of a box stands in the code where the box is: `path.at(900)` where a decision passes
//! it, `mark!(boxes 600)` elsewhere. So the code can be laid beside the drawings, and a test proves
//! that each box is reached. A client sees a path when its request says `why`; the log shows it at
//! the level debug.
//!
//! **Invariants** [`BOXES`] has each number once. No path is longer than `MAX_PATH`.
//!
//! **Cost** A path is an array on the stack, 48 bytes: writing a box allocates nothing, so every
//! decision writes its path, whether the client asks for it or not.
//!
//! **Lock** none. **Source** `cooperative-memory-management.txt`, figures 5 to 12.

use std::fmt;

use crate::common::marks::mark;

/// A box of our own: the committed pool has too little, or the process has reached its cap. The
/// document's figure 8 grants committed memory without a question.
pub const FULL: u16 = 1;

/// A box of our own: the pool has the bytes, but the arena has no free block of that size.
pub const FRAGMENTED: u16 = 2;

/// The number, the figure and the meaning of every box, as the tests write them into REPORT.md.
pub const BOXES: [(u16, &str, &str); 59] = [
    (500, "5", "maintain a pool"),
    (502, "5", "is a part of it required?"),
    (504, "5", "attempt to allocate"),
    (506, "5", "should memory come back?"),
    (508, "5", "ask a process for it"),
    (600, "6", "a request is received"),
    (602, "6", "it is analyzed"),
    (604, "6", "memory is allocated accordingly"),
    (700, "7A", "the committed memory is determined"),
    (702, "7A", "it is taken for a process that starts"),
    (704, "7A", "the rest is divided into pools"),
    (750, "7B", "committed memory"),
    (752, "7B", "the granted leak pool, GL"),
    (754, "7B", "the granted pause pool, GP"),
    (756, "7B", "the loaned efficiency pool, LE"),
    (758, "7B", "the loaned pause pool, LP"),
    (800, "8", "a request is received"),
    (801, "8", "is it for committed memory?"),
    (802, "8", "of what type is it?"),
    (803, "8", "grant from committed"),
    (804, "8", "handle out-of-memory: figure 11"),
    (812, "8", "handle pause: figure 9"),
    (813, "8", "handle efficiency: figure 10"),
    (FULL, "ours", "committed has too little: refuse"),
    (900, "9", "sufficient collateral?"),
    (902, "9", "is LP empty?"),
    (904, "9", "over the limit of LP?"),
    (906, "9", "is GP empty?"),
    (908, "9", "lend from LP"),
    (912, "9", "over the limit of GP?"),
    (914, "9", "grant from GP"),
    (920, "9", "is LE empty?"),
    (922, "9", "refuse: LE is empty"),
    (924, "9", "over the limit of LE?"),
    (926, "9", "refuse: over the limit of LE"),
    (928, "9", "lend from LE"),
    (1100, "10", "any collateral?"),
    (1104, "10", "is LE empty?"),
    (1106, "10", "refuse: not urgent"),
    (1108, "10", "over the limit of LE?"),
    (1110, "10", "lend from LE"),
    (1114, "10", "is it urgent?"),
    (1116, "10", "handle it as a pause: figure 9"),
    (1200, "11", "is GL empty?"),
    (1202, "11", "refuse: GL is empty"),
    (1204, "11", "over the limit of GL?"),
    (1206, "11", "refuse: over the limit of GL"),
    (1208, "11", "grant from GL"),
    (1250, "12", "A bytes come back"),
    (1252, "12", "is LP owed?"),
    (1254, "12", "refill LP with the lesser of W and A"),
    (1256, "12", "is LE owed?"),
    (1258, "12", "refill LE with the lesser of X and B"),
    (1260, "12", "is GP owed?"),
    (1262, "12", "refill GP with the lesser of Y and C"),
    (1264, "12", "is GL owed?"),
    (1266, "12", "refill GL with the lesser of Z and D"),
    (1268, "12", "the rest refills committed"),
    (FRAGMENTED, "ours", "no free block is large enough: refuse"),
];

/// The most boxes of a path. The longest way has 17: an urgent efficiency request with collateral
/// that each pool in turn refuses by its limit,
/// 800-801-802-813-1100-1104-1108-1114-1116-900-902-904-906-912-920-924-926. Figure 12 alone has at
/// most 10. So 20 leaves room for three more.
const MAX_PATH: usize = 20;

/// The boxes that one decision, or one repayment, passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Path {
    boxes: [u16; MAX_PATH],
    length: usize,
}

impl Path {
    /// Returns a path that begins at the box `first`.
    pub fn from(first: u16) -> Self {
        let mut path = Self { boxes: [0; MAX_PATH], length: 0 };
        path.at(first);
        path
    }

    /// Appends a box. In a release build a path that is full stays as it is: a shorter explanation
    /// is better than a panic in a request.
    pub fn at(&mut self, number: u16) {
        debug_assert!(self.length < MAX_PATH, "{self} is longer than the figures allow");
        if let Some(next) = self.boxes.get_mut(self.length) {
            *next = number;
            self.length += 1;
        }
    }

    /// Counts the boxes as reached, in a build with debug assertions; does nothing in a release
    /// build.
    pub fn mark(&self) {
        for &number in self.boxes() {
            mark!(boxes number);
        }
    }

    /// Returns the boxes in their order.
    pub fn boxes(&self) -> &[u16] {
        &self.boxes[..self.length]
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, &number) in self.boxes().iter().enumerate() {
            if at > 0 {
                f.write_str("-")?;
            }
            match number {
                FULL => f.write_str("full")?,
                FRAGMENTED => f.write_str("fragmented")?,
                number => write!(f, "{number}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_box_stands_once() {
        let numbers: std::collections::BTreeSet<u16> = BOXES.iter().map(|entry| entry.0).collect();
        assert_eq!(numbers.len(), BOXES.len());
    }

    #[test]
    fn a_path_reads_as_the_box_numbers() {
        let mut path = Path::from(800);
        [801, 803, FULL].into_iter().for_each(|number| path.at(number));
        assert_eq!(path.to_string(), "800-801-803-full");
        let mut path = Path::from(908);
        path.at(FRAGMENTED);
        assert_eq!(path.to_string(), "908-fragmented");
    }
}
