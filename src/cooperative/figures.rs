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
//! that each box is reached: `tests/cooperative/boxes.rs` has the table of all boxes, with what
//! each of them asks or does. A client sees a path when its request says `why`; the log shows it at
//! the level debug.
//!
//! **Invariants** No path is longer than `MAX_PATH`.
//!
//! **Cost** A path is an array on the stack, 48 bytes: writing a box allocates nothing, so every
//! decision writes its path, whether the client asks for it or not.
//!
//! **Lock** none. **Source** `cooperative-memory-management.txt`, figures 5 to 12.

use std::fmt;

use crate::common::marks::mark;

/// A box of our own: the committed pool has too little, or the block would take the process over
/// its cap. The document's figure 8 grants committed memory without a question.
pub const FULL: u16 = 1;

/// A box of our own: the pool has the bytes, but the arena has no free block of that size.
pub const FRAGMENTED: u16 = 2;

/// The most boxes of a path. A repayment (figure 12) has at most 10, the longest decision 17, so
/// three are to spare. That decision is about an urgent efficiency request with enough collateral.
/// Each pool in turn has too few free bytes for it, or may not let the process owe so much:
/// 800-801-802-813-1100-1104-1108-1114-1116-900-902-904-906-912-920-924-926.
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

    /// Appends a box. A path that already has `MAX_PATH` boxes stays as it is in a release build: a
    /// shorter explanation is better than a panic in a request.
    ///
    /// # Panics
    /// Panics at such a path in a build with debug assertions.
    pub fn at(&mut self, number: u16) {
        debug_assert!(self.length < MAX_PATH, "{self} is longer than the figures allow");
        if let Some(next) = self.boxes.get_mut(self.length) {
            *next = number;
            self.length += 1;
        }
    }

    /// Counts the boxes as reached, for the test that each box is reached. Does nothing in a build
    /// without debug assertions.
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
    fn a_path_reads_as_the_box_numbers() {
        let mut path = Path::from(800);
        [801, 803, FULL].into_iter().for_each(|number| path.at(number));
        assert_eq!(path.to_string(), "800-801-803-full");
        let mut path = Path::from(908);
        path.at(FRAGMENTED);
        assert_eq!(path.to_string(), "908-fragmented");
    }
}
