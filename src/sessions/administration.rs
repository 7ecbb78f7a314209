//! Administrative memory: an entry for each process, and an account of a bounded number of bytes.
//!
//! ```text
//!   entry   │ name, token, event │ blocks: spans │ registered? │ held: entry, sessions, messages │
//!                    handle          logical ─► physical                bytes on the account
//! ```
//!
//! | thing | bytes | paid by |
//! | --- | --- | --- |
//! | a process | 128 | itself |
//! | a block | 64, and 32 for each of its spans | its process |
//! | a session | 192 | the process that opened it |
//! | a message | 64, and 32 for each of its readers | its sender |
//! | a value | 96 and its name's bytes, and 32 for each reader that has not received it | its process |
//!
//! Without a bound on each process, one process could open sessions until no other can join. So one
//! process may hold a quarter of administrative memory: its share. Of the share, at most a quarter
//! may be sessions and at most three quarters messages. With the default `--admin` of 1 MiB:
//!
//! ```text
//!   one process       1 MiB / 4         262,144 bytes
//!     sessions        262,144 / 4        65,536 bytes =   341 sessions
//!     messages        262,144 × 3/4     196,608 bytes = 2,048 messages with one reader each
//! ```
//!
//! A block of 64 KiB has room for 2,048 of the smallest messages (32 bytes). So with 1 MiB, few
//! sessions, and one reader for each message, the block is full no later than the share is used up.
//! Messages with more readers use the share up sooner.
//!
//! **Invariants**
//!
//! 1. `used` is the sum of the bytes that all entries hold, and of the sessions and messages whose
//!    payer has ended: they stay charged until they are freed.
//! 2. `used` is never more than `size`.
//!
//! **Lock** the tables. A client has no request that writes here directly, so it cannot overwrite
//! another process's entry.
//!
//! **Simplified** the account has fixed prices, and leaves four things out. The first is the tables
//! of each block's allocator. They take a twenty-fifth of the block's size, so the size of the
//! arena bounds them too. The second is the log for watchers, with a bound of its own
//! ([`super::changes`]). The other two are the notices that a process keeps, and the space that
//! maps take around their entries; docs/book/sessions.md has their measured bytes.
//!
//! **Source** `interprocess-communication-patent.txt`: administrative memory 106, other data 116.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar};

use crate::common::error::{Code, Error};
use crate::cooperative::process::ProcessNumber;
use crate::cooperative::words::ProcessToken;

// The prices are fixed, so every machine grants or refuses the same requests, however many bytes
// its own allocator takes.

/// Bytes of administrative memory for a process's entry, without its blocks.
pub const PROCESS: u64 = 128;
/// Bytes of a block in its process's entry.
pub const BLOCK: u64 = 64;
/// Bytes of each span of a block.
pub const SPAN: u64 = 32;
/// Bytes of a session.
pub const SESSION: u64 = 192;
/// Bytes of administrative memory for a message, without its readers. Its data lies in a block.
pub const MESSAGE: u64 = 64;
/// Bytes for each reader of a message.
pub const READER: u64 = 32;

/// The bytes of an entry with one block of one span. A join needs this many free bytes, also when
/// it asks for a block of 0 bytes, which has no span: one number for all keeps the queue simple.
pub const MIN_ENTRY: u64 = PROCESS + BLOCK + SPAN;

/// The three uses of administrative memory. Each one's number is its index in [`Held`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// [`PROCESS`], [`BLOCK`] and [`SPAN`].
    Entry,
    /// [`SESSION`], charged to the opener.
    Sessions,
    /// [`MESSAGE`] and [`READER`], charged to the sender.
    Messages,
}

/// The bytes that one process holds, by their use.
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

/// The place of one extent, in its block and in the arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// Bytes from the block's start: the logical address.
    pub at: u64,
    /// Bytes from the arena's start: the physical address.
    pub offset: u64,
    /// Bytes; a power of two, as for every used block of the arena.
    pub size: u64,
}

/// A handle to a notification event: whoever has it can wake the threads that wait for the event.
/// In a server it is a condition variable behind an `Arc`, and a duplicate is one more `Arc` to the
/// same one. Tests and the simulation wake no thread, so plain values do there.
pub trait EventHandle: Clone {
    /// Returns whether both are handles to the same event.
    fn is_same(&self, other: &Self) -> bool;
}

impl EventHandle for Arc<Condvar> {
    fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(self, other)
    }
}

impl EventHandle for u64 {
    fn is_same(&self, other: &Self) -> bool {
        self == other
    }
}

impl EventHandle for () {
    fn is_same(&self, (): &Self) -> bool {
        true
    }
}

/// The entry of a process: the patent's other data 116. The engine keeps a duplicate (step 422).
#[derive(Debug)]
pub(super) struct Entry<W> {
    pub name: Arc<str>,
    pub token: ProcessToken,
    /// The handle to the event that wakes the threads of the process (step 414).
    pub event: W,
    /// For each block, its spans in the order of their logical addresses.
    pub blocks: Vec<Vec<Span>>,
    /// The flag of step 418. Other processes can open a session with this one only when it is set.
    pub is_registered: bool,
    pub held: Held,
}

/// All entries, and the account.
#[derive(Debug)]
pub(super) struct Administration<W> {
    /// The bytes of `--admin`. Never changes.
    pub size: u64,
    /// The bytes that are charged now, to living and to ended processes.
    pub used: u64,
    /// The entries of the processes that have not ended.
    pub entries: BTreeMap<ProcessNumber, Entry<W>>,
}

impl<W> Administration<W> {
    pub fn new(size: u64) -> Self {
        Self { size, used: 0, entries: BTreeMap::new() }
    }

    /// Returns whether so many bytes are free. The subtraction cannot wrap, by invariant 2.
    pub fn has_room(&self, bytes: u64) -> bool {
        bytes <= self.size - self.used
    }

    /// Step 416: stores the entry of a new process and charges [`PROCESS`] for it. Its blocks are
    /// charged when they are added. The caller has checked that there is room for [`MIN_ENTRY`].
    pub fn store(&mut self, number: ProcessNumber, entry: Entry<W>) {
        self.used += PROCESS;
        let held = Held([PROCESS, 0, 0]);
        self.entries.insert(number, Entry { held, ..entry });
    }

    /// Removes the entry of a process that ends, and refunds the bytes of the entry and its blocks.
    /// The process's messages in other processes' blocks, and its sessions with messages to
    /// receive, stay charged: others still use them.
    pub fn remove(&mut self, number: ProcessNumber) {
        if let Some(entry) = self.entries.remove(&number) {
            self.used -= entry.held.of(Use::Entry);
        }
    }

    /// Returns the most bytes of administrative memory that one process may hold for one use.
    fn most(&self, what: Use) -> u64 {
        let share = self.size / 4;
        match what {
            Use::Entry => share,
            Use::Sessions => share / 4,
            Use::Messages => share / 4 * 3,
        }
    }

    /// Returns whether [`Self::charge`] would succeed. A send asks this before it grows a block, so
    /// that no memory is taken for a message that cannot be paid.
    pub fn may_charge(&self, payer: ProcessNumber, what: Use, bytes: u64) -> bool {
        let held = self.entries.get(&payer).map(|entry| entry.held).unwrap_or_default();
        self.is_within(held, what, bytes) && self.has_room(bytes)
    }

    /// Returns whether the process stays within both bounds with `bytes` more: the bound of this
    /// use, and its share (a quarter of administrative memory) for the three uses together. The
    /// second is needed because the bounds of the three uses add up to twice the share.
    fn is_within(&self, held: Held, what: Use, bytes: u64) -> bool {
        held.of(what) + bytes <= self.most(what) && held.total() + bytes <= self.size / 4
    }

    /// Charges bytes to a process. Unchanged when it fails.
    ///
    /// The share is checked before the room. A process beyond its share must free something of its
    /// own. An error that says "try again when others have freed something" would be wrong advice.
    ///
    /// # Errors
    /// `refused` beyond the process's share; `out-of-memory` when administrative memory is full.
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

    /// Refunds bytes that were charged to a process. When the process has ended it has no entry,
    /// and only `used` falls.
    pub fn refund(&mut self, payer: ProcessNumber, what: Use, bytes: u64) {
        // A second refund of the same bytes is a bug. A debug build, as in tests, panics here; a
        // released server goes on.
        debug_assert!(self.used >= bytes, "more comes back than was used");
        self.used = self.used.saturating_sub(bytes);
        if let Some(entry) = self.entries.get_mut(&payer) {
            let held = &mut entry.held.0[what as usize];
            *held = held.saturating_sub(bytes);
        }
    }
}

/// Returns the refusal of a charge beyond a share, with the cure for that use.
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
