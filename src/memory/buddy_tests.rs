//! Tests of the buddy allocator: exact shapes, and random steps against a naive model.

use super::*;
use crate::memory::picture::picture;
use proptest::prelude::*;

fn draw(buddy: &Buddy) -> String {
    picture(buddy, 10_000)
}

#[test]
fn a_request_is_rounded_up_to_a_power_of_two() {
    let mut buddy = Buddy::new(1024);
    for (size, block) in [(1, 32), (32, 32), (33, 64), (64, 64), (65, 128), (500, 512)] {
        let got = buddy.allocate(size).unwrap();
        assert_eq!(got.size(), block, "for {size} bytes");
        assert_eq!(buddy.release(got.offset), Some(block));
    }
    assert_eq!(draw(&buddy), "1024-free");
}

#[test]
fn the_smallest_free_block_that_fits_is_split_and_the_leftmost_among_equals() {
    let mut buddy = Buddy::new(1024);
    let blocks: Vec<Block> = (0..4).map(|_| buddy.allocate(256).unwrap()).collect();
    buddy.release(blocks[0].offset).unwrap();
    buddy.release(blocks[3].offset).unwrap();
    let small = buddy.allocate(64).unwrap();
    assert_eq!(small.offset, 0, "the leftmost of two blocks of 256");
    let exact = buddy.allocate(256).unwrap();
    assert_eq!(exact.offset, 768, "256 fits the whole block better than a larger one");
    let other = buddy.allocate(64).unwrap();
    assert_eq!(other.offset, 64, "the rest of the split block is smallest");
}

#[test]
fn a_released_block_joins_its_buddy_up_to_the_root() {
    let mut buddy = Buddy::new(1024);
    let left = buddy.allocate(32).unwrap();
    let right = buddy.allocate(32).unwrap();
    buddy.release(left.offset).unwrap();
    let split = "(1024 (512 (256 (128 (64 32-free 32-used) 64-free) 128-free) 256-free) 512-free)";
    assert_eq!(draw(&buddy), split);
    buddy.release(right.offset).unwrap();
    assert_eq!(draw(&buddy), "1024-free");
}

#[test]
fn neighbours_that_are_no_buddies_do_not_join() {
    let mut buddy = Buddy::new(128);
    let blocks: Vec<Block> = (0..4).map(|_| buddy.allocate(32).unwrap()).collect();
    buddy.release(blocks[1].offset).unwrap();
    buddy.release(blocks[2].offset).unwrap();
    assert_eq!(draw(&buddy), "(128 (64 32-used 32-free) (64 32-free 32-used))");
    let error = AllocateError::OutOfMemory { largest_free: 32 };
    assert_eq!(buddy.allocate(64), Err(error));
}

#[test]
fn an_arena_that_is_no_power_of_two_serves_all_but_its_last_bytes() {
    let mut buddy = Buddy::new(1000);
    for size in [512, 256, 128, 64, 32] {
        assert_eq!(buddy.allocate(size).unwrap().size(), size);
    }
    let filling = Filling { used: 992, free: 0, largest_free: 0, unused: 8 };
    assert_eq!(buddy.filling(), filling);
    assert_eq!(buddy.allocate(1), Err(AllocateError::OutOfMemory { largest_free: 0 }));
}

#[test]
fn roots_never_join_with_each_other() {
    let mut buddy = Buddy::new(96);
    let blocks: Vec<Block> = (0..3).map(|_| buddy.allocate(32).unwrap()).collect();
    for block in blocks {
        buddy.release(block.offset).unwrap();
    }
    assert_eq!(draw(&buddy), "64-free 32-free");
    assert_eq!(buddy.check(), Ok(()));
}

#[test]
fn what_can_never_fit_is_told_from_what_does_not_fit_now() {
    let mut buddy = Buddy::new(1000);
    assert_eq!(buddy.allocate(513), Err(AllocateError::TooLarge { largest: 512 }));
    assert_eq!(buddy.allocate(u64::MAX), Err(AllocateError::TooLarge { largest: 512 }));
    assert_eq!(buddy.allocate(0), Err(AllocateError::Zero));
    buddy.allocate(512).unwrap();
    assert_eq!(buddy.allocate(512), Err(AllocateError::OutOfMemory { largest_free: 256 }));
    assert_eq!(Buddy::new(31).allocate(1), Err(AllocateError::TooLarge { largest: 0 }));
}

#[test]
fn a_wrong_or_a_double_release_is_an_error_and_changes_nothing() {
    let mut buddy = Buddy::new(1000);
    let block = buddy.allocate(100).unwrap();
    let before = draw(&buddy);
    assert_eq!(buddy.release(block.offset + 1), None);
    assert_eq!(buddy.release(block.offset + 32), None);
    assert_eq!(buddy.release(992), None);
    assert_eq!(buddy.release(u64::MAX), None);
    assert_eq!(draw(&buddy), before);
    assert_eq!(buddy.release(block.offset), Some(128));
    assert_eq!(buddy.release(block.offset), None);
}

#[test]
fn fragmentation_is_given_inside_blocks_and_between_them() {
    let mut buddy = Buddy::new(1024);
    let first = buddy.allocate(200).unwrap();
    buddy.allocate(256).unwrap();
    buddy.release(first.offset).unwrap();
    let filling = buddy.filling();
    assert_eq!((filling.used, filling.free, filling.largest_free), (256, 768, 512));
    assert!((filling.external_fragmentation() - 100.0 / 3.0).abs() < 1e-9);
    assert!((filling.internal_fragmentation(192) - 25.0).abs() < 1e-9);
    assert_eq!(Buddy::new(0).filling().external_fragmentation(), 0.0);
}

#[test]
fn check_finds_each_kind_of_damage() {
    let mut sound = Buddy::new(1024);
    sound.allocate(100).unwrap();
    assert_eq!(sound.check(), Ok(()));
    let damages: [fn(&mut Buddy); 5] = [
        |buddy| buddy.insert_free(0, 0),
        |buddy| buddy.starts[0] = NONE,
        |buddy| buddy.free_orders = 0,
        |buddy| buddy.used_bytes += 32,
        |buddy| {
            buddy.starts[0] = NONE;
            buddy.insert_free(2, 0);
        },
    ];
    for damage in damages {
        let mut buddy = sound.clone();
        damage(&mut buddy);
        assert!(buddy.check().is_err());
    }
}

/// The naive model. `owner` has the offset of the used block that each unit belongs to; `roots` has
/// the offset and the size of each tree. Every step searches all units.
struct Naive {
    owner: Vec<Option<u64>>,
    roots: Vec<(u64, u64)>,
}

impl Naive {
    fn new(size: u64) -> Self {
        let mut roots = Vec::new();
        let mut offset = 0;
        for bit in (5..40).rev() {
            if size >> bit & 1 == 1 {
                roots.push((offset, 1 << bit));
                offset += 1 << bit;
            }
        }
        Self { owner: vec![None; (size / MIN_BLOCK) as usize], roots }
    }

    fn is_free(&self, offset: u64, size: u64) -> bool {
        let units = (offset / MIN_BLOCK) as usize..((offset + size) / MIN_BLOCK) as usize;
        self.owner[units].iter().all(Option::is_none)
    }

    /// Adds the size and the offset of each largest free block of a tree to `found`, as if buddies
    /// were always joined.
    fn free_blocks(&self, offset: u64, size: u64, found: &mut Vec<(u64, u64)>) {
        if self.is_free(offset, size) {
            found.push((size, offset));
        } else if size > MIN_BLOCK {
            self.free_blocks(offset, size / 2, found);
            self.free_blocks(offset + size / 2, size / 2, found);
        }
    }

    fn allocate(&mut self, size: u64) -> Option<u64> {
        let size = size.next_power_of_two().max(MIN_BLOCK);
        let mut found = Vec::new();
        for &(offset, root) in &self.roots.clone() {
            self.free_blocks(offset, root, &mut found);
        }
        let (_, offset) = found.into_iter().filter(|&(free, _)| free >= size).min()?;
        for unit in offset / MIN_BLOCK..(offset + size) / MIN_BLOCK {
            self.owner[unit as usize] = Some(offset);
        }
        Some(offset)
    }

    fn release(&mut self, offset: u64) {
        for owner in &mut self.owner {
            *owner = owner.filter(|&of| of != offset);
        }
    }
}

proptest! {
    #[test]
    fn it_places_every_block_where_a_naive_search_does(
        arena in 0_u64..9_000,
        steps in prop::collection::vec((any::<bool>(), 1_u64..700, any::<prop::sample::Index>()), 1..120),
    ) {
        let mut buddy = Buddy::new(arena);
        let mut naive = Naive::new(arena);
        let mut live: Vec<u64> = Vec::new();
        for (allocate, size, index) in steps {
            if allocate || live.is_empty() {
                let got = buddy.allocate(size).ok().map(|block| block.offset);
                prop_assert_eq!(got, naive.allocate(size), "{} bytes", size);
                live.extend(got);
            } else {
                let offset = live.swap_remove(index.index(live.len()));
                prop_assert!(buddy.release(offset).is_some());
                naive.release(offset);
            }
            prop_assert_eq!(buddy.check(), Ok(()));
        }
        for offset in live {
            prop_assert!(buddy.release(offset).is_some());
        }
        let untouched = Buddy::new(arena);
        prop_assert_eq!(draw(&buddy), draw(&untouched));
    }
}

/// A node of MemoryLease's tree, with its three links as places in a list of all nodes.
struct LinkedNode {
    parent: Option<usize>,
    halves: Option<[usize; 2]>,
    offset: u64,
    size: u64,
}

/// Splits a node, and its halves, down to the smallest block.
fn split_all(nodes: &mut Vec<LinkedNode>, at: usize) {
    let (offset, size) = (nodes[at].offset, nodes[at].size / 2);
    if size < MIN_BLOCK {
        return;
    }
    let halves = [offset, offset + size].map(|offset| {
        nodes.push(LinkedNode { parent: Some(at), halves: None, offset, size });
        nodes.len() - 1
    });
    nodes[at].halves = Some(halves);
    halves.into_iter().for_each(|half| split_all(nodes, half));
}

#[test]
fn the_three_links_of_the_originals_nodes_are_arithmetic() {
    let mut nodes = vec![LinkedNode { parent: None, halves: None, offset: 0, size: 4096 }];
    split_all(&mut nodes, 0);
    assert_eq!(nodes.len(), 255, "128 smallest blocks, and 127 above them");
    let mut buddy = Buddy::new(4096);
    for _ in 0..128 {
        buddy.allocate(MIN_BLOCK).unwrap();
    }
    // A block by its order and index, as the head of `buddy.rs` counts them.
    let of = |node: &LinkedNode| {
        let order = (node.size / MIN_BLOCK).ilog2() as usize;
        (order, (node.offset / node.size) as usize)
    };
    for node in &nodes {
        let (order, index) = of(node);
        let expected = if node.halves.is_some() { State::Split } else { State::Used };
        assert_eq!(buddy.state(order, index), expected);
        if let Some([left, right]) = node.halves {
            assert_eq!(
                [left, right].map(|half| of(&nodes[half])),
                [0, 1].map(|half| (order - 1, 2 * index + half))
            );
        }
    }
    // Of each four smallest blocks the first two are released. The block to which the link of the
    // first one leads, their parent, is then free as a whole.
    for leaf in
        nodes.iter().filter(|node| node.offset % (4 * MIN_BLOCK) == 0 && node.halves.is_none())
    {
        let (order, index) = of(&nodes[leaf.parent.unwrap()]);
        buddy.release(leaf.offset).unwrap();
        assert_eq!(buddy.state(order, index), State::Split);
        buddy.release(leaf.offset + MIN_BLOCK).unwrap();
        assert_eq!(buddy.state(order, index), State::Free);
    }
}
