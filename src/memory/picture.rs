//! The buddy tree as one line of text.
//!
//! ```text
//!   (1024 512-used (512 (256 (128 64-used 64-free) 128-free) 256-free)) 8-unused
//! ```
//!
//! A whole block is its size and its state. A split block is a bracket with its size and its two
//! halves, the left one first. If the size of the arena is no power of two, the arena has several
//! trees, the largest first. Then they stand beside each other, and `8-unused` is the rest of the
//! arena behind them. Sizes are those of blocks: the picture shows no client the size or the id of
//! another client's lease.
//!
//! **Invariants** the text has at most `most` bytes and one ellipsis. The walk stops where the text
//! is cut, so a tree of a million blocks costs no more than the part that is shown.
//!
//! **Lock** the tables', for the whole walk, which `most` bounds.
//!
//! **Source** `memorylease.txt`: its tree of nodes, written with every level.

use crate::memory::buddy::{Buddy, MIN_BLOCK, State};

/// The mark where the picture was cut.
const CUT: char = '…';

/// Returns the tree in at most `most` bytes; an ellipsis follows if it was cut.
pub fn picture(buddy: &Buddy, most: usize) -> String {
    let mut picture = TreePicture { buddy, text: String::new(), most };
    // A root is the block (order, index), and its first unit of 32 bytes is `index << order`. `all`
    // stops at the first tree that does not fit.
    let mut whole = buddy.roots().all(|(order, unit)| picture.draw(order, unit >> order));
    let unused = buddy.filling().unused;
    if whole && unused > 0 {
        whole = picture.push(&format!("{unused}-unused"));
    }
    if !whole {
        picture.text.push(CUT);
    }
    picture.text
}

/// The text so far, and the most bytes that it may have.
struct TreePicture<'a> {
    buddy: &'a Buddy,
    text: String,
    most: usize,
}

impl TreePicture<'_> {
    /// Appends one block and its parts. Returns false once the text is full, and every caller then
    /// stops too. The recursion has at most one level for each order: 22 at 64 MiB.
    fn draw(&mut self, order: usize, index: usize) -> bool {
        let size = MIN_BLOCK << order;
        match self.buddy.state(order, index) {
            State::Free => self.push(&format!("{size}-free")),
            State::Used => self.push(&format!("{size}-used")),
            State::Split => {
                let whole = self.push(&format!("({size}"))
                    && self.draw(order - 1, 2 * index)
                    && self.draw(order - 1, 2 * index + 1);
                whole && self.append(")")
            }
        }
    }

    /// Appends a word, with a space before it unless it is the first. Returns false if it does not
    /// fit.
    fn push(&mut self, word: &str) -> bool {
        (self.text.is_empty() || self.append(" ")) && self.append(word)
    }

    /// Appends a text if it fits; returns whether it did.
    fn append(&mut self, text: &str) -> bool {
        let fits = self.text.len() + text.len() <= self.most;
        if fits {
            self.text.push_str(text);
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_block_shows_both_halves() {
        let mut buddy = Buddy::new(1024);
        for size in [512, 64] {
            buddy.allocate(size).unwrap();
        }
        let expected = "(1024 512-used (512 (256 (128 64-used 64-free) 128-free) 256-free))";
        assert_eq!(picture(&buddy, 1000), expected);
    }

    #[test]
    fn an_arena_of_1000_bytes_is_a_forest_with_8_unused() {
        let buddy = Buddy::new(1000);
        assert_eq!(picture(&buddy, 1000), "512-free 256-free 128-free 64-free 32-free 8-unused");
    }

    #[test]
    fn a_long_picture_is_cut_at_the_bound() {
        let mut buddy = Buddy::new(1 << 20);
        while buddy.allocate(32).is_ok() {}
        for most in 0..200 {
            let text = picture(&buddy, most);
            assert!(text.ends_with('…') && text.len() <= most + '…'.len_utf8(), "{most}: {text}");
        }
    }
}
