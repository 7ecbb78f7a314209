//! Lesson 2, the buddy tree: leases and releases, each split and each join one step, by best fit
//! and by first fit.
//!
//! ```text
//!   moves   A100.B30.-1      A leases 100 bytes, B leases 30, the first lease ends
//! ```
//!
//! Both allocators get the same moves. A lease that one of them refuses is none there, and its
//! release does nothing there.
//!
//! **Invariants** a view's tree is that of the server's allocator ([`crate::memory::buddy`]).
//!
//! **Lock** none: each view has an arena of its own, without its bytes.
//!
//! **Source** `memorylease.txt`: best fit, splits and joins.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::settings::Settings;
use super::view::{list, number, record, text};
use super::{Lesson, Question};
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
    questions: &QUESTIONS,
    between: ".",
    runs: &[
        ("100 bytes, and back", "size=1024&moves=A100.-1"),
        ("Refused, though enough is free", "size=256&moves=A64.B64.C64.D64.-1.-3.A100"),
        ("Best fit beside first fit", "size=1024&moves=A256.B64.-1.C64.D200.-3.A500"),
    ],
};

const QUESTIONS: [(&str, Question); 2] = [("view", view), ("random", random)];

/// The arena's bytes, and the range that a page may choose.
const SIZE: u64 = 1024;
const SIZES: std::ops::RangeInclusive<u64> = 32..=65_536;

/// The moves that one random question adds.
const RANDOM_MOVES: usize = 12;

/// One move.
#[derive(Debug, Clone, Copy)]
enum Move {
    /// The owner leases so many bytes.
    Lease(char, u64),
    /// The lease of that number ends, counted from 1.
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

/// A lease that there was, or is.
#[derive(Debug, Clone, Copy)]
struct LessonLease {
    owner: char,
    asked: u64,
    /// `None` if it was refused.
    block: Option<Block>,
    has_ended: bool,
}

impl LessonLease {
    /// Returns its block, if it has one and has not ended.
    fn alive(&self) -> Option<Block> {
        self.block.filter(|_| !self.has_ended)
    }
}

/// An arena, and how it came to be as it is.
struct LessonArena {
    buddy: Buddy,
    /// The way to choose a block.
    allocate: fn(&mut Buddy, u64) -> Result<Block, AllocateError>,
    leases: Vec<LessonLease>,
    /// The nodes before the last move, and what that did.
    before: Vec<TreeNode>,
    changes: Vec<TreeChange>,
    /// The result of the last move, in words.
    told: String,
    /// Internal and external waste after each move, in hundredths of a percent.
    waste: Vec<(u32, u32)>,
}

impl LessonArena {
    fn new(size: u64, allocate: fn(&mut Buddy, u64) -> Result<Block, AllocateError>) -> Self {
        let buddy = Buddy::new(size);
        let before = nodes(&buddy);
        let (leases, changes, waste) = (Vec::new(), Vec::new(), Vec::new());
        Self { buddy, allocate, leases, before, changes, told: String::new(), waste }
    }

    fn carry_out(&mut self, what: Move) {
        self.before = nodes(&self.buddy);
        (self.changes, self.told) = match what {
            Move::Lease(owner, asked) => self.lease(owner, asked),
            Move::Release(number) => self.release(number),
        };
        let filling = self.buddy.filling();
        let hundredths = |percent: f64| (percent * 100.0).round() as u32;
        self.waste.push((
            hundredths(filling.internal_fragmentation(self.asked())),
            hundredths(filling.external_fragmentation()),
        ));
    }

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

    fn release(&mut self, number: usize) -> (Vec<TreeChange>, String) {
        let lease = number.checked_sub(1).and_then(|at| self.leases.get_mut(at));
        let Some((lease, block)) =
            lease.and_then(|lease| lease.alive().map(|block| (lease, block)))
        else {
            return (Vec::new(), format!("Lease {number} is none here: nothing happens."));
        };
        lease.has_ended = true;
        // The block was allocated above and is released once, so this cannot fail.
        let _ = self.buddy.release(block.offset);
        let told = format!("{} gives {} bytes back.", lease.owner, block.size());
        (freeing(&nodes(&self.buddy), block.offset, block.size()), told)
    }

    /// Returns the bytes that were asked for by the leases that there are.
    fn asked(&self) -> u64 {
        self.leases.iter().filter(|lease| lease.alive().is_some()).map(|lease| lease.asked).sum()
    }

    /// Returns the trees after each change of the last move; the first is that before it.
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

    /// Returns a node; a used one has its owner, the number of its lease, and what was asked for.
    fn node(&self, node: &TreeNode) -> Value {
        let mut fields =
            vec![("offset".into(), number(node.offset)), ("size".into(), number(node.size))];
        match &node.what {
            NodeState::Split(halves) => {
                fields.push(("halves".into(), list(halves.iter().map(|half| self.node(half)))));
            }
            NodeState::Free => {}
            NodeState::Used => {
                let starts =
                    |lease: &&LessonLease| lease.block.is_some_and(|b| b.offset == node.offset);
                let owner = self.leases.iter().rev().find(starts).map_or('?', |lease| lease.owner);
                fields.push(("owner".into(), text(owner)));
            }
        }
        Value::Record(fields)
    }

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
            ("told", text(&*self.told)),
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

/// Answers with some random moves behind those that there are; `seed` repeats them.
fn random(settings: &Settings) -> Result<Value, String> {
    let [mut best, _] = played(settings)?;
    let mut chance = StdRng::seed_from_u64(settings.number_or("seed", 1, 0..=u64::MAX)?);
    let mut moves: Vec<String> = settings.moves().map(str::to_string).collect();
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
