//! Lesson 2, the buddy tree: leases and releases, each split and each join one step, by best fit
//! and by first fit.
//!
//! ```text
//!   moves   A100.B30.-1      A leases 100 bytes, B leases 30, the first lease ends
//! ```
//!
//! A *buddy* allocator splits a free block into two halves, and joins two free halves again. *Best
//! fit* takes the smallest free block that is large enough, *first fit* the one with the lowest
//! offset. Both allocators get the same moves. If one of them refuses a lease, the release of that
//! lease does nothing there.
//!
//! **Invariants** a view's tree is that of the server's allocator ([`crate::memory::buddy`]).
//!
//! **Lock** none: each view has an arena of its own, without its bytes.
//!
//! **Source** `memorylease.txt`: best fit, splits and joins.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::Lesson;
use super::settings::Settings;
use super::view::{list, number, record, text};
use crate::memory::buddy::{AllocateError, Block, Buddy};
use crate::memory::nodes::{NodeState, TreeChange, TreeNode, change, freeing, nodes, taking};
use crate::protocol::http::value::Value;

/// The lesson.
pub const LESSON: Lesson = Lesson {
    name: "tree",
    title: "The buddy tree",
    question: "how is memory split and joined, and why is a lease refused although enough is free?",
    html: include_str!("pages/tree.html"),
    script: include_str!("pages/tree.js"),
    settings: &["size", "seed", "moves"],
    questions: &[("view", view), ("random", random)],
    between: ".",
    runs: &[
        ("100 bytes, and back", "size=1024&moves=A100.-1"),
        ("Refused, though enough is free", "size=256&moves=A64.B64.C64.D64.-1.-3.A100"),
        ("Best fit beside first fit", "size=1024&moves=A256.B64.-1.C64.D200.-3.A500"),
    ],
};

/// The arena's bytes, if the page names no size.
const SIZE: u64 = 1024;

/// The sizes that a page may name, in bytes.
const SIZES: std::ops::RangeInclusive<u64> = 32..=65_536;

/// The moves that one random question adds.
const RANDOM_MOVES: usize = 12;

/// One move.
#[derive(Debug, Clone, Copy)]
enum Move {
    /// The process of that letter leases so many bytes.
    Lease(char, u64),
    /// The lease of that number ends. Leases are counted from 1, refused ones too.
    Release(usize),
}

/// Reads one move.
fn read(word: &str) -> Result<Move, String> {
    let why = || format!("{word} is no move; give A100 for a lease, -1 for the end of the first");
    if let Some(number) = word.strip_prefix('-') {
        return number.parse().map(Move::Release).map_err(|_| why());
    }
    let mut letters = word.chars();
    let owner = letters.next().filter(char::is_ascii_uppercase).ok_or_else(why)?;
    letters.as_str().parse().map(|size| Move::Lease(owner, size)).map_err(|_| why())
}

/// A lease that a move asked for, also one that was refused or has ended: releases count them all.
#[derive(Debug, Clone, Copy)]
struct LessonLease {
    owner: char,
    /// The bytes that the move asked for.
    asked: u64,
    /// The block, also after the end of the lease; `None` if the lease was refused.
    block: Option<Block>,
    has_ended: bool,
}

impl LessonLease {
    /// Returns the block of the lease; `None` if it was refused or has ended.
    fn alive(&self) -> Option<Block> {
        self.block.filter(|_| !self.has_ended)
    }
}

/// An arena under one way to choose a block, its leases, and the last move.
struct LessonArena {
    /// The server's allocator. The arena has no bytes here.
    buddy: Buddy,
    /// The way to choose a block: best fit or first fit.
    allocate: fn(&mut Buddy, u64) -> Result<Block, AllocateError>,
    /// The leases, in the order of the moves.
    leases: Vec<LessonLease>,
    /// The tree before the last move.
    before: Vec<TreeNode>,
    /// The changes of the tree by the last move, in their order.
    changes: Vec<TreeChange>,
    /// The result of the last move, in words.
    told: String,
    /// The waste after each move, in hundredths of a percent. The first number is internal: the
    /// share of the used bytes that no lease asked for. The second is external: the share of the
    /// free bytes that lies outside the largest free block.
    waste: Vec<(u32, u32)>,
}

impl LessonArena {
    fn new(size: u64, allocate: fn(&mut Buddy, u64) -> Result<Block, AllocateError>) -> Self {
        let buddy = Buddy::new(size);
        let before = nodes(&buddy);
        let (leases, changes, waste) = (Vec::new(), Vec::new(), Vec::new());
        Self { buddy, allocate, leases, before, changes, told: String::new(), waste }
    }

    /// Carries out one move, and keeps the changes of the tree, the result in words and the waste.
    fn carry_out(&mut self, what: Move) {
        self.before = nodes(&self.buddy);
        (self.changes, self.told) = match what {
            Move::Lease(owner, asked) => self.lease(owner, asked),
            Move::Release(number) => self.release(number),
        };
        // A lease's block may have more bytes than the lease asked for.
        let alive = self.leases.iter().filter(|lease| lease.alive().is_some());
        let asked = alive.map(|lease| lease.asked).sum();
        let filling = self.buddy.filling();
        let hundredths = |percent: f64| (percent * 100.0).round() as u32;
        self.waste.push((
            hundredths(filling.internal_fragmentation(asked)),
            hundredths(filling.external_fragmentation()),
        ));
    }

    /// Leases a block. Returns the changes of the tree, and the result in words.
    fn lease(&mut self, owner: char, asked: u64) -> (Vec<TreeChange>, String) {
        let taken = (self.allocate)(&mut self.buddy, asked);
        let (block, has_ended) = (taken.ok(), false);
        self.leases.push(LessonLease { owner, asked, block, has_ended });
        match taken {
            Ok(block) => {
                let (size, offset) = (block.size(), block.offset);
                let told = format!("{owner} gets {size} bytes from {offset} on for {asked}.");
                (taking(&self.before, block), told)
            }
            Err(why) => (Vec::new(), self.refusal(owner, asked, why)),
        }
    }

    /// Says why a lease was refused.
    fn refusal(&self, owner: char, asked: u64, why: AllocateError) -> String {
        let free = self.buddy.filling().free;
        let because = match why {
            AllocateError::Zero => "a lease has at least 1 byte".into(),
            AllocateError::TooLarge { largest } => {
                format!("the largest block that this arena can have has {largest} bytes")
            }
            AllocateError::OutOfMemory { largest_free } => {
                // Such a size can be rounded: one that cannot is refused as `Zero` or `TooLarge`.
                let block = Buddy::rounded(asked).unwrap_or(asked);
                let pieces = if free >= block { ", but in pieces" } else { "" };
                format!(
                    "it needs a block of {block}; {free} bytes are free{pieces}: the largest free \
                     block has {largest_free}"
                )
            }
            AllocateError::TooMany { most } => format!("there may be {most} leases"),
        };
        format!("{owner} is refused {asked} bytes: {because}.")
    }

    /// Ends the lease of that number. Returns the changes of the tree, and the result in words. A
    /// lease that was refused here, or has ended, is left alone.
    fn release(&mut self, number: usize) -> (Vec<TreeChange>, String) {
        let lease = number.checked_sub(1).and_then(|at| self.leases.get_mut(at));
        let Some((lease, block)) =
            lease.and_then(|lease| lease.alive().map(|block| (lease, block)))
        else {
            return (Vec::new(), format!("Lease {number} is none here: nothing happens."));
        };
        lease.has_ended = true;
        // `lease` has allocated the block, and it is released once, so this cannot fail.
        let _ = self.buddy.release(block.offset);
        let told = format!("{} gives {} bytes back.", lease.owner, block.size());
        (freeing(&nodes(&self.buddy), block.offset, block.size()), told)
    }

    /// Returns the tree before the last move, and the tree after each of its changes, with the
    /// change in words.
    fn frames(&self) -> Vec<Value> {
        let mut shown = self.before.clone();
        let mut frames = vec![self.frame("", &shown)];
        for one in &self.changes {
            change(&mut shown, *one);
            frames.push(self.frame(&said(*one), &shown));
        }
        frames
    }

    fn frame(&self, words: &str, nodes: &[TreeNode]) -> Value {
        record([("words", text(words)), ("roots", list(nodes.iter().map(|node| self.node(node))))])
    }

    /// Returns a node of the tree for the page: offset and size, and the halves of a split node, or
    /// the owner of a used one.
    fn node(&self, node: &TreeNode) -> Value {
        let what = match &node.what {
            NodeState::Split(halves) => {
                Some(("halves", list(halves.iter().map(|half| self.node(half)))))
            }
            NodeState::Free => None,
            NodeState::Used => {
                let starts =
                    |lease: &&LessonLease| lease.block.is_some_and(|b| b.offset == node.offset);
                // Several leases may have had this offset, one after the other: the last has it.
                // Each used block has a lease, so no page shows a '?'.
                let owner = self.leases.iter().rev().find(starts).map_or('?', |lease| lease.owner);
                Some(("owner", text(owner)))
            }
        };
        let place = [("offset", number(node.offset)), ("size", number(node.size))];
        record(place.into_iter().chain(what))
    }

    /// Returns the arena for the page: the last move, step by step, the leases, and the waste.
    fn view(&self, name: &str) -> Value {
        let filling = self.buddy.filling();
        let lease = |(at, lease): (usize, &LessonLease)| {
            lease.alive().map(|block| {
                record([
                    ("number", number(at + 1)),
                    ("owner", text(lease.owner)),
                    ("asked", number(lease.asked)),
                    ("size", number(block.size())),
                    ("offset", number(block.offset)),
                ])
            })
        };
        let (internal, external) = self.waste.last().copied().unwrap_or_default();
        let point = |&(internal, external): &(u32, u32)| {
            list([Value::Hundredths(internal), Value::Hundredths(external)])
        };
        record([
            ("name", text(name)),
            ("told", text(&self.told)),
            ("frames", list(self.frames())),
            ("leases", list(self.leases.iter().enumerate().filter_map(lease))),
            ("used", number(filling.used)),
            ("free", number(filling.free)),
            ("largest_free", number(filling.largest_free)),
            ("internal", Value::Hundredths(internal)),
            ("external", Value::Hundredths(external)),
            ("waste", list(self.waste.iter().map(point))),
        ])
    }
}

/// Says one change in words.
fn said(change: TreeChange) -> String {
    match change {
        TreeChange::Split(offset, size) => {
            format!("{size} bytes from {offset} on are split into two halves of {}.", size / 2)
        }
        TreeChange::Take(offset, size) => format!("{size} bytes from {offset} on are taken."),
        TreeChange::Free(offset, size) => format!("{size} bytes from {offset} on are free."),
        TreeChange::Join(offset, size) => {
            format!("Both halves of the {size} bytes from {offset} on are free: they are joined.")
        }
    }
}

/// Plays the moves on both arenas.
fn played(settings: &Settings) -> Result<[LessonArena; 2], String> {
    let size = settings.number_or("size", SIZE, SIZES)?;
    let mut arenas = [
        LessonArena::new(size, Buddy::allocate),
        LessonArena::new(size, Buddy::allocate_first_fit),
    ];
    for word in settings.moves() {
        let what = read(word)?;
        arenas.iter_mut().for_each(|arena| arena.carry_out(what));
    }
    Ok(arenas)
}

/// Answers with both arenas after the moves.
fn view(settings: &Settings) -> Result<Value, String> {
    let [best, first] = played(settings)?;
    Ok(record([
        ("size", number(best.buddy.size())),
        ("arenas", list([best.view("best fit"), first.view("first fit")])),
    ]))
}

/// Answers with the moves and [`RANDOM_MOVES`] random ones after them; the same `seed` gives the
/// same moves.
fn random(settings: &Settings) -> Result<Value, String> {
    // The moves are made up for best fit: its leases decide which of them can be released.
    let [mut best, _] = played(settings)?;
    let mut chance = StdRng::seed_from_u64(settings.number_or("seed", 1, 0..=u64::MAX)?);
    let mut moves: Vec<String> = settings.moves().map(str::to_string).collect();
    // A lease asks for at most a quarter of the arena, so that several fit, or for 32 bytes, the
    // smallest block, if a quarter is less. While more than two leases are alive, a move releases
    // one with a chance of 40 %, so that the arena still fills.
    let most = (best.buddy.size() / 4).max(32);
    for _ in 0..RANDOM_MOVES {
        let alive: Vec<usize> =
            (0..best.leases.len()).filter(|&at| best.leases[at].alive().is_some()).collect();
        let word = if alive.len() > 2 && chance.random_bool(0.4) {
            format!("-{}", alive[chance.random_range(0..alive.len())] + 1)
        } else {
            let owner = char::from(b'A' + chance.random_range(0..4_u8));
            format!("{owner}{}", chance.random_range(1..=most))
        };
        best.carry_out(read(&word)?);
        moves.push(word);
    }
    Ok(record([("moves", text(moves.join(".")))]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(query: &str) -> Settings {
        Settings::read(Some(query.as_bytes()), LESSON.settings).unwrap()
    }

    #[test]
    fn a_refusal_says_that_memory_is_there_but_in_pieces() {
        let [best, _] = played(&settings("size=256&moves=A64.B64.C64.D64.-1.-3.E100")).unwrap();
        let expected = "E is refused 100 bytes: it needs a block of 128; 128 bytes are free, but in pieces: the \
                        largest free block has 64.";
        assert_eq!(best.told, expected);
        assert_eq!(best.waste.last(), Some(&(0, 5000)));
    }

    #[test]
    fn best_fit_and_first_fit_play_the_same_moves_apart() {
        let arenas = played(&settings("moves=A256.B64.-1.C64")).unwrap();
        let offsets = arenas.each_ref().map(|one| one.leases[2].block.unwrap().offset);
        assert_eq!(offsets, [320, 0]);
    }

    #[test]
    fn what_is_no_move_is_refused_and_a_strange_release_does_nothing() {
        for moves in ["x", "100", "a1", "A", "A-1", "--1", "A99999999999999999999"] {
            assert!(view(&settings(&format!("moves={moves}"))).is_err(), "{moves}");
        }
        for moves in ["-0", "-7", "A10.-1.-1", "A0", "A5000"] {
            assert!(view(&settings(&format!("moves={moves}"))).is_ok(), "{moves}");
        }
        assert!(view(&settings("size=31")).is_err());
    }

    #[test]
    fn random_moves_go_on_from_those_that_there_are() {
        let once = random(&settings("seed=5&moves=A10")).unwrap();
        assert_eq!(once, random(&settings("seed=5&moves=A10")).unwrap());
        let Value::Record(fields) = &once else { panic!("{once:?}") };
        let Value::Text(moves) = &fields[0].1 else { panic!("{once:?}") };
        assert!(moves.starts_with("A10.") && moves.split('.').count() == 13, "{moves}");
        assert!(view(&settings(&format!("moves={moves}"))).is_ok());
    }
}
