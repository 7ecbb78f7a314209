//! The buddy tree as nodes, and the single changes that one allocation or release makes in it. A
//! lesson shows these changes one after the other.
//!
//! ```text
//!   take 64 of 256 free      256 ─► (128 128) ─► ((64 64) 128) ─► ((64 used, 64) 128)
//!   free it                  ((64 64) 128) ─► (128 128) ─► 256
//! ```
//!
//! **Invariants** after the last change the nodes are those of the allocator.
//!
//! **Lock** none: the nodes are a copy.
//!
//! **Source** `memorylease.txt`: its tree of nodes.

use crate::memory::buddy::{Block, Buddy, MIN_BLOCK, State};

/// A block of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeNode {
    /// Its first byte in the arena.
    pub offset: u64,
    /// Its bytes.
    pub size: u64,
    /// Its state.
    pub what: NodeState,
}

/// The state of a block of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeState {
    /// Free, as a whole.
    Free,
    /// Used, as a whole.
    Used,
    /// Split into its left and its right half.
    Split(Box<[TreeNode; 2]>),
}

/// One change of the tree: the splits come before a block is taken, the joins after it is freed.
/// Each has the offset and the size of a block, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TreeChange {
    /// The free block becomes two free halves.
    Split(u64, u64),
    /// The free block becomes used.
    Take(u64, u64),
    /// The used block becomes free.
    Free(u64, u64),
    /// The two free halves of the block become one.
    Join(u64, u64),
}

/// Returns the trees of an arena, the largest first.
pub fn nodes(buddy: &Buddy) -> Vec<TreeNode> {
    buddy.roots().map(|(order, unit)| node(buddy, order, unit >> order)).collect()
}

/// Returns the block (order, index) with all blocks within it. The block begins at the byte
/// `index` times its size.
fn node(buddy: &Buddy, order: usize, index: usize) -> TreeNode {
    let size = MIN_BLOCK << order;
    let what = match buddy.state(order, index) {
        State::Free => NodeState::Free,
        State::Used => NodeState::Used,
        State::Split => NodeState::Split(Box::new([
            node(buddy, order - 1, 2 * index),
            node(buddy, order - 1, 2 * index + 1),
        ])),
    };
    TreeNode { offset: index as u64 * size, size, what }
}

/// Returns the changes by which an allocation took `block`. `before` is the tree before them.
pub fn taking(before: &[TreeNode], block: Block) -> Vec<TreeChange> {
    // The free block that the allocation has split. It is always found: a new block lies in a block
    // that was free before.
    let holder = leaves(before).find(|leaf| leaf.holds(block.offset));
    let mut size = holder.map_or(block.size(), |leaf| leaf.size);
    let mut changes = Vec::new();
    while size > block.size() {
        // A block stands at a multiple of its size: the block of this size that contains the
        // offset starts at the offset, rounded down to such a multiple.
        changes.push(TreeChange::Split(block.offset / size * size, size));
        size /= 2;
    }
    changes.push(TreeChange::Take(block.offset, size));
    changes
}

/// Returns the changes by which a release freed the used block at `offset`. `after` is the tree
/// after them.
pub fn freeing(after: &[TreeNode], offset: u64, size: u64) -> Vec<TreeChange> {
    // The size of the free block after all joins.
    let joined = leaves(after).find(|leaf| leaf.holds(offset)).map_or(size, |leaf| leaf.size);
    let mut changes = vec![TreeChange::Free(offset, size)];
    let mut size = size;
    while size < joined {
        size *= 2;
        changes.push(TreeChange::Join(offset / size * size, size));
    }
    changes
}

/// Returns the blocks that are free or used as a whole, from left to right.
pub fn leaves(nodes: &[TreeNode]) -> impl Iterator<Item = &TreeNode> {
    // A stack of the blocks that are still to visit, the leftmost one on top.
    let mut waiting: Vec<&TreeNode> = nodes.iter().rev().collect();
    std::iter::from_fn(move || {
        loop {
            match waiting.pop()? {
                TreeNode { what: NodeState::Split(halves), .. } => {
                    waiting.extend(halves.iter().rev());
                }
                leaf => return Some(leaf),
            }
        }
    })
}

/// Makes one change in the nodes. A change that fits no node changes nothing.
pub fn change(nodes: &mut [TreeNode], change: TreeChange) {
    let (TreeChange::Split(offset, size)
    | TreeChange::Take(offset, size)
    | TreeChange::Free(offset, size)
    | TreeChange::Join(offset, size)) = change;
    let Some(node) = nodes.iter_mut().find(|node| node.holds(offset)) else { return };
    // The change is about a smaller block, in one of the halves.
    if node.size > size {
        if let NodeState::Split(halves) = &mut node.what {
            self::change(&mut halves[..], change);
        }
        return;
    }
    node.what = match change {
        TreeChange::Take(..) => NodeState::Used,
        TreeChange::Free(..) | TreeChange::Join(..) => NodeState::Free,
        TreeChange::Split(..) => {
            let half = size / 2;
            let free = |offset| TreeNode { offset, size: half, what: NodeState::Free };
            NodeState::Split(Box::new([free(offset), free(offset + half)]))
        }
    };
}

impl TreeNode {
    /// Returns whether the byte at `offset` lies in this block.
    fn holds(&self, offset: u64) -> bool {
        (self.offset..self.offset + self.size).contains(&offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_changes_lead_to_the_tree_that_the_allocator_has(
            size in 32_u64..3000,
            moves in prop::collection::vec((any::<bool>(), 1_u64..900), 1..60),
        ) {
            let mut buddy = Buddy::new(size);
            let mut taken: Vec<Block> = Vec::new();
            for (is_lease, number) in moves {
                let mut shown = nodes(&buddy);
                if is_lease {
                    let Ok(block) = buddy.allocate_first_fit(number) else { continue };
                    taking(&shown, block).into_iter().for_each(|one| change(&mut shown, one));
                    taken.push(block);
                } else if !taken.is_empty() {
                    let block = taken.swap_remove(number as usize % taken.len());
                    buddy.release(block.offset).unwrap();
                    let all = freeing(&nodes(&buddy), block.offset, block.size());
                    all.into_iter().for_each(|one| change(&mut shown, one));
                }
                prop_assert_eq!(shown, nodes(&buddy));
            }
        }
    }
}
