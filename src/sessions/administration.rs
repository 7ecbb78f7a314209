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
//! may be sessions and at most three quarters messages. A stranger could start many processes, so
//! all processes of one address that the server does not trust may together hold a half. With the
//! default `--admin` of 1 MiB:
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
//! 1. `used` is the sum of the bytes of all accounts. The account of a process that has ended stays
//!    until the last of its sessions and messages is freed.
//! 2. `used` is never more than `size`.
//! 3. `strangers` has, for each address, the sum of the bytes of its processes' accounts, and no 0.
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
use std::net::IpAddr;
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

/// The account of one process.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ProcessAccount {
    pub held: Held,
    /// The address of the client that started the process; `None` if the server trusts it.
    pub stranger: Option<IpAddr>,
}

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
/// same one. Tests and the lessons wake no thread, so numbers do there.
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
}

/// All entries, and the account.
#[derive(Debug, Default)]
pub(super) struct Administration<W> {
    /// The bytes of `--admin`. Never changes.
    pub size: u64,
    /// The bytes that are charged now, to living and to ended processes.
    pub used: u64,
    /// The entries of the processes that have not ended.
    pub entries: BTreeMap<ProcessNumber, Entry<W>>,
    /// The accounts with at least one byte, of living and of ended processes.
    pub accounts: BTreeMap<ProcessNumber, ProcessAccount>,
    /// The bytes of each address that the server does not trust (invariant 3).
    pub strangers: BTreeMap<IpAddr, u64>,
}

impl<W: Default> Administration<W> {
    pub fn new(size: u64) -> Self {
        Self { size, ..Self::default() }
    }
}

impl<W> Administration<W> {
    /// Returns whether so many bytes are free. The subtraction cannot wrap, by invariant 2.
    pub fn has_room(&self, bytes: u64) -> bool {
        bytes <= self.size - self.used
    }

    /// Step 416: stores the entry of a new process and charges [`PROCESS`] for it. Its blocks are
    /// charged when they are added. The caller has checked that there is room for [`MIN_ENTRY`].
    pub fn store(&mut self, number: ProcessNumber, entry: Entry<W>, stranger: Option<IpAddr>) {
        self.entries.insert(number, entry);
        self.accounts.insert(number, ProcessAccount { stranger, ..ProcessAccount::default() });
        self.add(number, Use::Entry, PROCESS);
    }

    /// Removes the entry of a process that ends, and refunds the bytes of the entry and its blocks.
    /// The process's messages in other processes' blocks, and its sessions with messages to
    /// receive, stay charged: others still use them.
    pub fn remove(&mut self, number: ProcessNumber) {
        if self.entries.remove(&number).is_some() {
            self.refund(number, Use::Entry, self.account(number).held.of(Use::Entry));
        }
    }

    /// Returns the account of a process; an empty one for a process that has none.
    pub fn account(&self, number: ProcessNumber) -> ProcessAccount {
        self.accounts.get(&number).copied().unwrap_or_default()
    }

    /// Checks that the processes of an address may hold so many bytes more. A trusted address,
    /// `None`, may.
    ///
    /// # Errors
    /// `refused`.
    pub fn check_stranger(&self, stranger: Option<IpAddr>, bytes: u64) -> Result<(), Error> {
        let most = self.size / 2;
        let held = stranger.and_then(|address| self.strangers.get(&address)).copied().unwrap_or(0);
        if stranger.is_none() || held + bytes <= most {
            return Ok(());
        }
        let text = format!(
            "all processes of your address hold {held} bytes of administrative memory, and may \
             hold {most}; leave one, or let the server trust your address (--trust)"
        );
        Err(Error::new(Code::Refused, text))
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

    /// Checks that [`Self::charge`] would succeed. A send asks this before it grows a block, so
    /// that no memory is taken for a message that cannot be paid.
    ///
    /// The shares are checked before the room. A process beyond its share must free something of
    /// its own. An error that says "try again when others have freed something" would be wrong
    /// advice.
    ///
    /// # Errors
    /// `refused` beyond the share of the process or of its address; `out-of-memory` when
    /// administrative memory is full.
    pub fn check(&self, payer: ProcessNumber, what: Use, bytes: u64) -> Result<(), Error> {
        let ProcessAccount { held, stranger } = self.account(payer);
        if !self.is_within(held, what, bytes) {
            return Err(beyond(what, held, self.most(what), self.size / 4));
        }
        self.check_stranger(stranger, bytes)?;
        if self.has_room(bytes) {
            return Ok(());
        }
        let (used, size) = (self.used, self.size);
        let text = format!(
            "administrative memory is full, {used} of {size} bytes are used; try again when \
             messages were received and sessions closed"
        );
        Err(Error::new(Code::OutOfMemory, text))
    }

    /// Returns whether the process stays within both bounds with `bytes` more: the bound of this
    /// use, and its share (a quarter of administrative memory) for the three uses together. The
    /// second is needed because the bounds of the three uses add up to twice the share.
    fn is_within(&self, held: Held, what: Use, bytes: u64) -> bool {
        held.of(what) + bytes <= self.most(what) && held.total() + bytes <= self.size / 4
    }

    /// Charges bytes to a process. Unchanged when it fails.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn charge(&mut self, payer: ProcessNumber, what: Use, bytes: u64) -> Result<(), Error> {
        self.check(payer, what, bytes)?;
        self.add(payer, what, bytes);
        Ok(())
    }

    /// Adds bytes to the account of a process and to that of its address.
    fn add(&mut self, payer: ProcessNumber, what: Use, bytes: u64) {
        let account = self.accounts.entry(payer).or_default();
        account.held.0[what as usize] += bytes;
        self.used += bytes;
        if let Some(address) = account.stranger {
            *self.strangers.entry(address).or_default() += bytes;
        }
    }

    /// Refunds bytes that were charged to a process, which may have ended.
    pub fn refund(&mut self, payer: ProcessNumber, what: Use, bytes: u64) {
        // A second refund of the same bytes is a bug. A debug build, as in tests, panics here; a
        // released server goes on.
        let charged = self.account(payer).held.of(what);
        debug_assert!(charged >= bytes, "more comes back than was charged");
        let Some(account) = self.accounts.get_mut(&payer) else { return };
        let held = &mut account.held.0[what as usize];
        let bytes = bytes.min(*held);
        *held -= bytes;
        self.used -= bytes;
        let ProcessAccount { held, stranger } = *account;
        if held.total() == 0 {
            self.accounts.remove(&payer);
        }
        if let Some(address) = stranger
            && let Some(sum) = self.strangers.get_mut(&address)
        {
            *sum -= bytes;
            if *sum == 0 {
                self.strangers.remove(&address);
            }
        }
    }

    /// Checks invariants 1 to 3. `all` is the sum of the bytes of all things that exist.
    pub fn check_sums(&self, all: u64) -> Result<(), String> {
        let (mut sum, mut strangers) = (0, BTreeMap::new());
        for account in self.accounts.values() {
            sum += account.held.total();
            if let Some(address) = account.stranger {
                *strangers.entry(address).or_default() += account.held.total();
            }
        }
        if [self.used, sum] != [all, all] || self.used > self.size {
            return Err(format!("{} bytes are used, {sum} on accounts, for {all}", self.used));
        }
        match strangers == self.strangers {
            true => Ok(()),
            false => Err(format!("strangers have {:?}, not {strangers:?}", self.strangers)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_processes_of_a_stranger_hold_a_half_also_by_messages_that_outlive_them() {
        let address = Some(IpAddr::from([192, 0, 2, 1]));
        let mut administration = Administration::<()>::new(8192);
        let name = Arc::from("p");
        let entry = |name: &Arc<str>| Entry {
            name: name.clone(),
            token: ProcessToken::from_number(1),
            event: (),
            blocks: Vec::new(),
            is_registered: true,
        };
        for (number, stranger) in [(1, address), (2, address), (3, address), (4, None)] {
            administration.store(number, entry(&name), stranger);
        }
        let mut charge = |number| administration.charge(number, Use::Messages, 1536);
        assert_eq!([charge(1).is_ok(), charge(2).is_ok()], [true, true]);
        assert_eq!(charge(3).unwrap_err().code, Code::Refused);
        assert!(charge(4).is_ok(), "a trusted address has no share");
        administration.remove(1);
        assert!(administration.charge(3, Use::Messages, 1536).is_err(), "its messages are there");
        administration.refund(1, Use::Messages, 1536);
        assert!(administration.charge(3, Use::Messages, 1536).is_ok());
        administration.check_sums(administration.used).unwrap();
        assert!(administration.accounts.len() == 3, "an empty account goes");
    }
}
