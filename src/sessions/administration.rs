//! Administrative memory: an entry for each process, and how much of the bounded whole is used.
//!
//! ```text
//!   entry   │ name, token │ block: its spans │ … │ registered? │ what it holds │
//!                              logical ─► physical
//! ```
//!
//! | takes | bytes | paid by |
//! | --- | --- | --- |
//! | a process | 128 | itself |
//! | a block | 64, and 32 for each of its spans | its process |
//! | a session | 192 | who opened it; nobody when that has gone |
//! | a message | 64, and 32 for each of its readers | its sender |
//!
//! One process may hold a quarter of it: three quarters of that in messages, a quarter in
//! sessions. Of 1 MiB, a block of 64 KiB full of the smallest messages to one reader each is just
//! within that, so the block's own limit is met first.
//!
//! **Invariants** what is used is the sum of what is held, by processes that there are and by
//! messages of ones that have gone.
//!
//! **Lock** the tables, of which it is the account: no request can write it but through them.
//!
//! **Simplified** the managers' own tables are not counted: they are a twenty-fifth of each
//! block, which the arena bounds. The bytes are those of the account: what a process keeps for
//! signals, and what maps take around their entries, is not in it; REPORT.md says how much it is.
//!
//! **Source** `interprocess-communication-patent.txt`: administrative memory 106, other data 116.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::common::error::{Code, Error};
use crate::cooperative::process::ProcessNumber;
use crate::cooperative::words::ProcessToken;

/// Bytes of a process's entry.
pub const PROCESS: u64 = 128;
/// Bytes of a block in its process's entry.
pub const BLOCK: u64 = 64;
/// Bytes of each span of a block.
pub const SPAN: u64 = 32;
/// Bytes of a session.
pub const SESSION: u64 = 192;
/// Bytes of a message.
pub const MESSAGE: u64 = 64;
/// Bytes for each reader of a message.
pub const READER: u64 = 32;

/// What a process's entry takes that has one block of one span, in bytes.
pub const LEAST: u64 = PROCESS + BLOCK + SPAN;

/// What administrative memory is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Entry,
    Sessions,
    Messages,
}

/// Bytes that one process holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Held([u64; 3]);

impl Held {
    pub fn of(&self, what: Use) -> u64 {
        self.0[what as usize]
    }

    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// A part of a block that lies in one piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// Bytes from the block's start: the logical address.
    pub at: u64,
    /// Bytes from the arena's start: the physical one.
    pub offset: u64,
    /// Bytes.
    pub size: u64,
}

/// What is known of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub name: Arc<str>,
    pub token: ProcessToken,
    pub blocks: Vec<Vec<Span>>,
    pub is_registered: bool,
    pub held: Held,
}

/// All of it.
#[derive(Debug)]
pub(super) struct Administration {
    size: u64,
    used: u64,
    entries: BTreeMap<ProcessNumber, Entry>,
}

impl Administration {
    pub fn new(size: u64) -> Self {
        Self { size, used: 0, entries: BTreeMap::new() }
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn used(&self) -> u64 {
        self.used
    }

    pub fn has_room(&self, bytes: u64) -> bool {
        bytes <= self.size - self.used
    }

    pub fn entry(&self, number: ProcessNumber) -> Option<&Entry> {
        self.entries.get(&number)
    }

    pub fn entry_mut(&mut self, number: ProcessNumber) -> Option<&mut Entry> {
        self.entries.get_mut(&number)
    }

    pub fn entries(&self) -> impl Iterator<Item = (&ProcessNumber, &Entry)> {
        self.entries.iter()
    }

    /// Step 416: stores a process's entry, for which there is room.
    pub fn store(&mut self, number: ProcessNumber, entry: Entry) {
        self.used += PROCESS;
        let held = Held([PROCESS, 0, 0]);
        self.entries.insert(number, Entry { held, ..entry });
    }

    /// Takes an entry, and what it held for itself and its blocks.
    pub fn remove(&mut self, number: ProcessNumber) {
        if let Some(entry) = self.entries.remove(&number) {
            self.used -= entry.held.of(Use::Entry);
        }
    }

    /// The most bytes that one process may hold for that.
    fn most(&self, what: Use) -> u64 {
        let share = self.size / 4;
        match what {
            Use::Entry => share,
            Use::Sessions => share / 4,
            Use::Messages => share / 4 * 3,
        }
    }

    /// Whether a process could pay so many bytes.
    pub fn may_charge(&self, payer: ProcessNumber, what: Use, bytes: u64) -> bool {
        let held = self.entries.get(&payer).map(|entry| entry.held).unwrap_or_default();
        self.is_within(held, what, bytes) && self.has_room(bytes)
    }

    fn is_within(&self, held: Held, what: Use, bytes: u64) -> bool {
        held.of(what) + bytes <= self.most(what) && held.total() + bytes <= self.size / 4
    }

    /// Takes bytes that a process pays. Unchanged when it fails.
    ///
    /// # Errors
    /// `refused` beyond its share, `out-of-memory` when there is no room.
    pub fn charge(&mut self, payer: ProcessNumber, what: Use, bytes: u64) -> Result<(), Error> {
        let (most, share) = (self.most(what), self.size / 4);
        let held = self.entries.get(&payer).map(|entry| entry.held).unwrap_or_default();
        if !self.is_within(held, what, bytes) {
            return Err(beyond(what, held, most, share));
        }
        if !self.has_room(bytes) {
            let (used, size) = (self.used, self.size);
            let text = format!(
                "administrative memory is full, {used} of {size} bytes are used; try again when \
                 messages were received and sessions closed"
            );
            return Err(Error::new(Code::OutOfMemory, text));
        }
        self.used += bytes;
        if let Some(entry) = self.entries.get_mut(&payer) {
            entry.held.0[what as usize] += bytes;
        }
        Ok(())
    }

    /// Gives back what a process, which may have gone, has paid.
    pub fn refund(&mut self, payer: ProcessNumber, what: Use, bytes: u64) {
        debug_assert!(self.used >= bytes, "more comes back than was used");
        self.used = self.used.saturating_sub(bytes);
        if let Some(entry) = self.entries.get_mut(&payer) {
            let held = &mut entry.held.0[what as usize];
            *held = held.saturating_sub(bytes);
        }
    }
}

fn beyond(what: Use, held: Held, most: u64, share: u64) -> Error {
    let (word, cure) = match what {
        Use::Entry => ("blocks", "shrink one"),
        Use::Sessions => {
            ("sessions", "close one, or wait until what was sent in closed ones was received")
        }
        Use::Messages => ("messages", "wait until some were received"),
    };
    let (now, total) = (held.of(what), held.total());
    let text = format!(
        "a process may hold {most} bytes of administrative memory in {word} and {share} in all, \
         this one holds {now} and {total}; {cure}"
    );
    Error::new(Code::Refused, text)
}
