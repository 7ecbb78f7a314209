//! The boxes of the document's figures 5 to 12, by their numbers.
//!
//! ```text
//!   request 1000 pause freeable=4000 why
//!     800 ─ 801 ─ 802 ─ 812 ─ 900 ─ 902 ─ 904 ─ 908          a path: the boxes in their order
//!     figure 8                figure 9
//! ```
//!
//! A box is one step of a drawing: a question or an action. The code names the number of a box at
//! the line that does this step: `path.pass(900)` in a decision, `mark!(boxes 600)` elsewhere. So a
//! reader can compare the code with the drawings, and a test proves that each box is reached:
//! `tests/cooperative/boxes.rs` has the table of all boxes. A client sees a path when its request
//! says `why`; the log shows it at the level debug.
//!
//! **Invariants** No path is longer than `MAX_PATH`.
//!
//! **Cost** A path is an array on the stack, 48 bytes: writing a box allocates nothing, so every
//! decision writes its path, whether the client asks for it or not.
//!
//! **Lock** none. **Source** `cooperative-memory-management.txt`, figures 5 to 12.

use std::fmt;

use crate::common::marks::mark;

/// A box of our own: the committed pool has too few free bytes, or the block would take the process
/// over the cap of that pool. The document's figure 8 grants committed memory without a question.
pub const FULL: u16 = 1;

/// A box of our own: the pool has the bytes, but the arena has no free block of that size.
pub const FRAGMENTED: u16 = 2;

/// The most boxes of a path. A repayment (figure 12) passes at most 10 boxes, the longest decision
/// 17; three are to spare. The longest decision refuses an urgent efficiency request with enough
/// collateral, because each pool has free bytes, but too few, or the block would exceed its cap:
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
    pub fn starting_at(first: u16) -> Self {
        let mut path = Self { boxes: [0; MAX_PATH], length: 0 };
        path.pass(first);
        path
    }

    /// Appends a box. If the path already has `MAX_PATH` boxes, a release build leaves the box out:
    /// a shorter explanation is better than a panic in a request.
    ///
    /// # Panics
    /// Panics if the path is full and the build has debug assertions.
    pub fn pass(&mut self, number: u16) {
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
        let mut path = Path::starting_at(800);
        [801, 803, FULL].into_iter().for_each(|number| path.pass(number));
        assert_eq!(path.to_string(), "800-801-803-full");
        let mut path = Path::starting_at(908);
        path.pass(FRAGMENTED);
        assert_eq!(path.to_string(), "908-fragmented");
    }
}
