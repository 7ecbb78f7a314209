//! # Chapter 6: processes talk
//!
//! **The question.** One process sends a megabyte to another one. How do the bytes get there
//! without a copy from buffer to buffer, and without a lock that stops all other processes
//! meanwhile?
//!
//! **The wrong ways.** With one lock around a queue of messages, all processes wait while a
//! megabyte is copied in, and again while it is copied out. Without a lock, the reader sees a
//! message that is half written. With one shared area, each process can destroy the data of all
//! others.
//!
//! **The right way.** A *communications engine* mediates. Each process has memory blocks of its
//! own, and sends a message by filling a part of one of them. The engine passes on the *location*
//! of the bytes. A thread holds the tables' lock only while it reads or changes the tables, never
//! while it copies. A copy holds the lock of the bytes alone.
//!
//! ```text
//!   process ── fills ──► sub-block of its block, dealt by the block's manager
//!      │                    ▲
//!      │ send               │ names the bytes
//!      ▼                    │
//!   engine ── puts ──► location in the destination's inbox
//!      │
//!      └── notices: opened, message, blocked, closed …
//! ```
//!
//! | file | contents |
//! | --- | --- |
//! | `rendezvous`, [`entering`] | a process joins (figure 4); its wait for the lock, or for room |
//! | `session`, `pairs` | a session opens and closes; the sessions as others see them |
//! | `message`, `receipt` | figure 5: a message is sent; it is received, or handed on |
//! | `guests` | a first message, in the block of the process that it is for |
//! | [`copying`], `seat` | the copy of bytes; the right to ask for a block's lock |
//! | `block`, `sizing`, `triggers` | a block; its growth and shrinking; the events that cause them |
//! | `names`, `notice` | `lookup`, `watch`, the requests that wait to join; notices not yet heard |
//! | `changes` | the processes that joined and ended, for those that watch |
//! | `values` | a process's own memory: values that it stores in its blocks by name |
//! | `delivery`, `departure` | a sender waits for the receipt; a process ends |
//! | `keeping` | messages outlive their sender's process |
//! | `administration`, `check` | the account of the bounded memory; the invariants, for tests |
//! | [`shown`] | a snapshot of the blocks, which the lessons draw |
//! | [`commands`], [`waiting`], [`words`] | the commands; those that wait; ids, notices, lists |
//!
//! ## One message, step by step
//!
//! Alice sends 7 bytes to bob. Each line with `tables` or `bytes` is one hold of that lock. The
//! numbers are steps of the patent's figure 5; in the code `mark!(steps …)` names them, and tests
//! check that they were reached:
//!
//! ```text
//!   alice: send S hi, bob                                                         step
//!     tables   a sub-block of 32 bytes at logical 64 of alice's block; her seat   504, 506
//!     bytes    copy 7 bytes into it                                               512
//!     tables   its location into bob's inbox; notice `message S 7`; wake bob      514, 516
//!   bob: receive S
//!     tables   logical 64 is byte 64 of the extent at 4096; the engine's seat     518, 520
//!     bytes    copy 7 bytes out                                                   522
//!     tables   the last reader has it: give the sub-block back                    524
//! ```
//!
//! So the engine decides *where* the bytes lie, and its caller copies them, in three steps.
//! **Begin** returns a [`Copying`]: the place, and whether the copy has its seat already. **Copy**:
//! the caller waits until the copy has its seat ([`Engine::is_seated`]), and copies under the
//! block's lock. **Finish** ([`Engine::finish`]) leaves the seat, and posts the message or frees
//! it. Between the steps the tables are unlocked, so the session or a process may end. When
//! `finish` then finds no message, or no open session for a message that was filled, it answers
//! `not-found`.
//!
//! `forward` needs only the location: it moves that from one inbox to another, and its cost does
//! not depend on the message's length.
//!
//! ## What ends with a process
//!
//! A message lies in its sender's block. Only a *first message*, the one that `open` sends, lies in
//! the destination's block and so outlives its sender. When a process ends, the messages in its
//! blocks that were not received are lost: the readers get the notice `lost`. The process's memory
//! goes back as soon as no thread copies in it. If the messages were kept, one reader that never
//! reads could keep the memory of an ended process for ever. So they are kept only with
//! `--keep-messages`, and only for the time that this option names.
//!
//! **Invariants** ([`Engine::check`])
//!
//! 1. A process's entry and the engine's duplicate of it are equal, and agree with its blocks.
//! 2. The used sub-blocks are those of messages and values. Each has as many readers as inboxes,
//!    names and reading copies refer to it.
//! 3. Administrative memory is charged for exactly what there is.
//! 4. Each seat that is taken is taken by a copy that is under way.
//! 5. A session has an open end. If only one end is open, a message waits there to be received.
//!
//! **Lock** the tables, around each call of the engine. The engine takes no lock itself, and gets
//! the time as an argument: a test needs no thread and no clock. Rows refer to rows of other tables
//! by number, and each function looks them up. If a row is missing, the function returns early,
//! also where only a bug can be the cause: a panic would leave the tables half changed.
//!
//! **Cost** send and receive: O(log n) in the tables, and the copy. A send for which a block must
//! grow goes through its sender's messages. The end of a process with messages in its blocks goes
//! through all inboxes. A close goes through the messages in the closed inbox, and through the
//! notices that its two processes have yet to hear.
//!
//! **Simplified** there is one engine on one server, and messages have no priorities. A bigger
//! system keeps an index from each owner to the inboxes with its messages, so that the end of a
//! process visits only these inboxes.
//!
//! | word | means |
//! | --- | --- |
//! | engine, entry | the mediator between processes; its record of one process, kept twice |
//! | block, extent, manager | memory that a process sends from; one piece of it; its allocator |
//! | sub-block, location | the part of a block that one message has; the record of its place |
//! | session, end, inbox | two processes that talk; one side; the messages it has not received |
//! | reader | each inbox, name and reading copy that still needs the bytes of a message |
//! | value | bytes that a process stores under a name in its own block; stored as a message is |
//! | first message | the message that `open` sends with its DATA |
//! | guest | a first message, as the process that owns the block counts it |
//! | copy, seat | one transfer of bytes into a block or out of it; the right to ask for its lock: one seat for the block's owner, one (the engine's) for all others |
//! | notice | a signal of the engine to a process |
//! | ticket | the number of a request that waits for a name, or for room to join |
//! | administrative memory | the tables, and the account that bounds their bytes |
//! | rendezvous | a process, or one more block of it, enters administrative memory |
//!
//! **Reading order** `rendezvous`, `session`, `message`, `receipt`, `copying`, `seat`, `departure`;
//! then the rest.
//!
//! **Source** `interprocess-communication-patent.txt`: communications engine 108, figures 2, 4 and
//! 5.

mod administration;
mod block;
mod changes;
mod check;
pub mod commands;
pub mod copying;
mod delivery;
mod departure;
pub mod entering;
mod guests;
mod keeping;
mod message;
mod names;
mod notice;
mod pairs;
mod receipt;
mod rendezvous;
mod seat;
mod session;
pub mod shown;
mod sizing;
mod triggers;
mod values;
pub mod waiting;
pub mod words;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::common::error::{Code, Error};
use crate::cooperative::manager::{Manager, Processes};
use crate::cooperative::process::ProcessNumber;
use crate::cooperative::words::ProcessToken;
use crate::memory::lease::{LeaseTable, SpaceNumber};
use crate::sessions::words::SessionId;
use administration::Administration;
pub use administration::{EventHandle, MIN_ENTRY};
use block::MessageBlock;
pub use block::{Piece, Place};
use changes::{ChangeNumber, Changes};
use message::StoredMessage;
pub use message::{Delivery, MessageId};
pub use names::NameTicket;
use notice::Notices;
pub use pairs::Pair;
use receipt::Copy;
pub use receipt::CopyNumber;
pub use rendezvous::Full;
use session::Session;

/// The counts of an engine since its start. They only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SessionCounts {
    /// Requests `join` and `register` that waited or were refused, because administrative memory
    /// was full, no block was free, or older joins waited for room.
    pub full: u64,
    /// Messages that did not fit: the sender's blocks had no room and did not grow (step 508), or
    /// the destination's block had none for a first message.
    pub blocked: u64,
    /// Messages that were lost with the process in whose block they lay, or that the receiver's end
    /// threw away when it was closed. A published message counts once for each inbox.
    pub lost: u64,
    /// Changes of a block's size, up or down, by a process's request or by the engine itself.
    pub resized: u64,
}

/// The figures of the engine at one moment, for `stats`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionFigures {
    /// The bytes of administrative memory, used and free.
    pub admin: u64,
    /// The bytes of it that are used.
    pub admin_used: u64,
    /// Sessions with at least one open end.
    pub sessions: u64,
    /// Messages that are being filled, wait to be received, or are being read; and all values.
    pub messages: u64,
    /// The counts since the start.
    pub counts: SessionCounts,
}

/// A copy that has begun: the caller makes it with the tables unlocked, and then finishes it.
#[derive(Debug)]
#[must_use = "the seat is taken until the copy is finished"]
pub struct Copying {
    /// The number for [`Engine::is_seated`] and [`Engine::finish`].
    pub number: CopyNumber,
    /// The message's id. `deliver` asks by it whether the message was received.
    pub message: MessageId,
    /// The place to copy to, or from.
    pub place: Place,
    /// The count of bytes to copy.
    pub length: u64,
    /// Whether the seat was free when the copy began, so that this copy has it. Otherwise the copy
    /// is in the seat's queue.
    pub is_seated: bool,
}

/// A process as the engine knows it: its duplicate of the entry, and the state of its sessions.
#[derive(Debug)]
struct RegisteredProcess<W> {
    // The duplicate of step 422. For each span in the entry, a block here has an extent.
    name: Arc<str>,
    token: ProcessToken,
    event: W,
    blocks: Vec<MessageBlock>,
    // Its open ends, and the signals that it has not heard.
    sessions: BTreeSet<SessionId>,
    notices: Notices,
    /// Sessions in which a message did not fit. The process hears `unblocked` for each of them when
    /// something in its blocks is freed, after its `grow`, or when memory came back and its block
    /// grew.
    blocked_sessions: BTreeSet<SessionId>,
    /// The length of a message for which step 508 found no memory to grow a block. The engine tries
    /// again when memory comes back.
    wanted_bytes: Option<u64>,
    /// The values that it stores in its blocks, by name.
    values: BTreeMap<Arc<str>, MessageId>,
    /// The first messages of other processes in its first block, by sender.
    guests: BTreeMap<ProcessNumber, Guests>,
    /// The place at which its join stands in the log of changes.
    joined: ChangeNumber,
    /// The process has ended. It stays here while copies in its blocks are under way, or its
    /// messages are kept.
    has_ended: bool,
}

/// The first messages of one process that lie in the block of another one and are not freed yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Guests {
    count: u64,
    /// The bytes of their sub-blocks.
    bytes: u64,
}

impl<W> RegisteredProcess<W> {
    /// Removes a session from the process, also from its `blocked_sessions`. If no message of the
    /// process is blocked any more, the engine need not find memory for one (`wanted_bytes`).
    fn part_from(&mut self, session: SessionId) {
        self.sessions.remove(&session);
        self.blocked_sessions.remove(&session);
        if self.blocked_sessions.is_empty() {
            self.wanted_bytes = None;
        }
    }
}

/// The state of the engine: sessions, messages, and administrative memory. The lease table and the
/// processes stand beside it, under the same lock. `W` is the waker of a process: in a server a
/// condition variable, in tests a number.
#[derive(Debug, Default)]
pub struct Sessions<W> {
    // The things that the engine manages. `all` has the sessions. `messages` is ordered, so the
    // messages of one owner are a range. `deliveries` has the outcome of each message whose sender
    // waits, and the sender's process.
    administration: Administration<W>,
    registered: BTreeMap<ProcessNumber, RegisteredProcess<W>>,
    all: HashMap<SessionId, Session>,
    messages: BTreeMap<MessageId, StoredMessage>,
    copies: HashMap<CopyNumber, Copy>,
    deliveries: HashMap<MessageId, (ProcessNumber, Delivery)>,
    // Requests that wait for a name, for room to join, or for a block of so many bytes. Their
    // clients may belong to no process, so each request has a waker of its own.
    lookups: BTreeMap<(String, NameTicket), W>,
    entrants: BTreeMap<NameTicket, W>,
    await_block: BTreeMap<NameTicket, (SpaceNumber, u64, W)>,
    /// The processes that joined and ended, for those that watch.
    changes: Changes,
    /// The time for which messages outlive their sender's process; and for each ended process whose
    /// messages are kept, the time at which its memory goes back. When its last message is freed,
    /// that time becomes the end of the process, which has passed.
    keep: Duration,
    kept: BTreeMap<ProcessNumber, Instant>,
    /// Processes with a block that is larger than they asked for, and may give something back.
    grown: BTreeSet<ProcessNumber>,
    /// Processes that wait for memory for a message, the first one first.
    waiting_for_memory: VecDeque<ProcessNumber>,
    /// The last number that was given to a message, a copy, a ticket, a notice or a change.
    last: u64,
    counts: SessionCounts,
}

/// The communications engine. It borrows its own state, the lease table and the processes. One
/// lock, the tables', guards all three, so one hold of it is enough for a call.
#[derive(Debug)]
pub struct Engine<'t, W> {
    leases: &'t mut LeaseTable,
    processes: &'t mut Processes<W>,
    sessions: &'t mut Sessions<W>,
}

impl<'t, W: Clone> Engine<'t, W> {
    /// Makes the engine over the three tables.
    pub fn over(
        leases: &'t mut LeaseTable,
        processes: &'t mut Processes<W>,
        sessions: &'t mut Sessions<W>,
    ) -> Self {
        Self { leases, processes, sessions }
    }

    /// Returns the memory manager of chapter 5, over the same leases and processes. It gives blocks
    /// their memory. The manager of one block is another thing: [`MessageBlock::manager`].
    fn manager(&mut self) -> Manager<'_, W> {
        Manager::over(self.leases, self.processes)
    }
}

impl<W: Default> Sessions<W> {
    /// Makes the state without sessions, with administrative memory of `admin` bytes. Messages
    /// outlive their sender's process for `keep`; 0 for not at all.
    pub fn new(admin: u64, keep: Duration) -> Self {
        Self { administration: Administration::new(admin), keep, ..Self::default() }
    }
}

impl<W: Clone> Sessions<W> {
    /// Returns the wakers of all requests that wait for a name, for room or for a block. The stop
    /// wakes them.
    pub fn all_wakers(&self) -> Vec<W> {
        let for_block = self.await_block.values().map(|(.., waker)| waker);
        self.lookups.values().chain(self.entrants.values()).chain(for_block).cloned().collect()
    }

    /// Returns the figures for `stats`.
    pub fn figures(&self) -> SessionFigures {
        SessionFigures {
            admin: self.administration.size,
            admin_used: self.administration.used,
            sessions: self.all.len() as u64,
            messages: self.messages.len() as u64,
            counts: self.counts,
        }
    }
}

impl<W: Clone> Engine<'_, W> {
    /// Returns a number that no message, copy, ticket, notice or change has had. 64 bits do not run
    /// out.
    fn next(&mut self) -> u64 {
        self.sessions.last += 1;
        self.sessions.last
    }
}

/// Returns the one refusal for a session that never was, was closed, or belongs to others.
/// Different answers would tell a stranger which ids exist.
pub(crate) fn no_session() -> Error {
    let text = "there is no such session of this process, or no longer; open a new one";
    Error::new(Code::NotFound, text)
}
