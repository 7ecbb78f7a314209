//! The buddy tree as a drawing, for a terminal: a row for each size of block.
//!
//! ```text
//!   (1024 512-used (512 (256 (128 64-used 64-free) 128-free) 256-free))
//!
//!   1024 │                             1024                              │
//!    512 │           512 used            │              512              │
//!    256 │                               │      256      │   256 free    │
//!    128 │                               │  128  │ free  │               │
//!     64 │                               │ u │ f │       │               │
//! ```
//!
//! The server sends the first line. A program that reads the answer through a pipe gets that line,
//! and only a person gets the drawing.
//!
//! **Invariants** no line is longer than 80 columns. The sizes come from the server. So a text that
//! is no tree, or a tree of more bytes than any arena has, gives no drawing. A drawing has at most
//! one row for each size.
//!
//! **Lock** none. **Simplified** blocks of less than two columns are left out, and a line says so.
//!
//! **Source** `memorylease.txt`: its tree of blocks; [`crate::memory::picture`] has the grammar.

use std::fmt::Write;

/// The columns of the drawing, without the size before each row.
const COLUMNS: u64 = 64;

/// The most digits of a size: 14, a space, and the columns with their last border fit a terminal.
const MAX_DIGITS: usize = 14;

/// A block, or a split block, of the tree.
struct TreePart {
    offset: u64,
    size: u64,
    /// `used` or `free`; empty for a split block.
    state: &'static str,
}

/// Returns the drawing of an answer to `tree`; `None` if it is no whole tree.
pub(super) fn drawn(answer: &str) -> Option<String> {
    let parts = parts(answer.strip_prefix("tree ")?)?;
    let whole = parts.iter().map(|part| part.offset + part.size).max()?;
    let mut sizes: Vec<u64> = parts.iter().map(|part| part.size).collect();
    sizes.sort_unstable();
    sizes.dedup();
    // The offsets come from the server: a product of 128 bits cannot overflow.
    let column =
        |offset: u64| (u128::from(offset) * u128::from(COLUMNS) / u128::from(whole)) as usize;
    let margin = Some(sizes.last()?.to_string().len()).filter(|&digits| digits <= MAX_DIGITS)?;
    let is_wide = |size: &&u64| column(**size) >= 2;
    let mut drawing = String::new();
    for size in sizes.iter().rev().filter(is_wide) {
        let mut row = vec![' '; COLUMNS as usize + 1];
        // Larger blocks reach down into this row: their borders stay, and their labels stand above.
        for part in parts.iter().filter(|part| part.size >= *size) {
            row[column(part.offset)] = '│';
            row[column(part.offset + part.size)] = '│';
        }
        for part in parts.iter().filter(|part| part.size == *size) {
            let (first, end) = (column(part.offset) + 1, column(part.offset + part.size));
            put_in_the_middle(&mut row[first..end], part);
        }
        let row: String = row.into_iter().collect();
        let _ = writeln!(drawing, "{size:margin$} {}", row.trim_end());
    }
    if let Some(least) = sizes.iter().find(is_wide).filter(|least| **least > sizes[0]) {
        let _ = writeln!(drawing, "blocks of less than {least} bytes are not drawn");
    }
    Some(drawing)
}

/// Writes the label of a block into the middle of its columns: the longest of `512 used`, `used`
/// and `u` that fits, or none. A split block has only its size as a label.
fn put_in_the_middle(room: &mut [char], part: &TreePart) {
    let size = part.size.to_string();
    let labels = match part.state {
        "" => vec![size],
        state => vec![format!("{size} {state}"), state.into(), state[..1].into()],
    };
    let label = labels.iter().find(|label| label.len() <= room.len());
    let label = label.map(String::as_str).unwrap_or_default();
    let at = (room.len() - label.len()) / 2;
    for (column, character) in room[at..].iter_mut().zip(label.chars()) {
        *column = character;
    }
}

/// Reads the text of a tree. Returns `None` if the server cut the text, or if it is no tree.
fn parts(text: &str) -> Option<Vec<TreePart>> {
    let mut parts = Vec::new();
    // The place of the next block.
    let mut offset = 0_u64;
    for word in text.trim_end().split(' ') {
        let inner = word.trim_end_matches(')');
        let (size, state) = match inner.strip_prefix('(') {
            Some(size) => (size, ""),
            None => inner.split_once('-')?,
        };
        let size: u64 = size.parse().ok()?;
        let state = match state {
            "used" => "used",
            "free" => "free",
            "" => "",
            // The rest of an arena of any size; it is no block.
            "unused" => continue,
            _ => return None,
        };
        parts.push(TreePart { offset, size, state });
        // A split block takes no place of its own: the blocks in it follow, at the same offset.
        offset = offset.checked_add(if state.is_empty() { 0 } else { size })?;
    }
    // In a whole tree a split block is as large as the blocks in it, so no part ends behind the
    // last block. A text that was cut breaks this rule.
    let ends_within =
        |part: &TreePart| part.offset.checked_add(part.size).is_some_and(|end| end <= offset);
    let is_whole = parts.iter().all(ends_within);
    (is_whole && offset > 0).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_drawn_with_a_row_for_each_size() {
        let tree = "tree (1024 512-used (512 (256 (128 64-used 64-free) 128-free) 256-free))";
        let expected = "
1024 │                             1024                              │
 512 │           512 used            │              512              │
 256 │                               │      256      │   256 free    │
 128 │                               │  128  │ free  │               │
  64 │                               │ u │ f │       │               │
";
        assert_eq!(format!("\n{}", drawn(tree).unwrap()), expected);
    }

    #[test]
    fn a_forest_has_its_trees_side_by_side_and_small_blocks_are_named() {
        let forest = drawn("tree 512-free 256-free 128-free 64-used 32-free 8-unused").unwrap();
        assert_eq!(forest.lines().count(), 5, "{forest}");
        assert!(forest.lines().all(|line| line.chars().count() <= 80), "{forest}");
        let deep = "tree (65536 (32768 16384-free (16384 8192-free (8192 4096-free (4096 2048-free \
                    (2048 1024-used 1024-free))))) 32768-free)";
        let drawing = drawn(deep).unwrap();
        assert!(drawing.ends_with("blocks of less than 2048 bytes are not drawn\n"), "{drawing}");
    }

    #[test]
    fn what_is_no_whole_tree_is_not_drawn() {
        for text in [
            "tree 64-used (1024 512-us…",
            "tree",
            "tree x",
            "tree (18446744073709551615 18446744073709551615-used 18446744073709551615-used)",
            "tree (64",
            "tree 0-free",
            "tree 100000000000000-free",
            "tree (1024 32-used)",
            "tree 5-used (18446744073709551615 1-used)",
        ] {
            assert_eq!(drawn(text), None, "{text}");
        }
    }
}
