//! # Chapter 6: processes talk
//!
//! **The question.** A process wants to say a megabyte to another one. How does it get there without
//! being copied from buffer to buffer, and without a lock that stops everybody meanwhile?
//!
//! **The wrong way.** A queue of messages behind one lock: the bytes are copied in and out while all other
//! processes wait. Or no lock at all: the reader sees a message that is half written.
//!
//! **The right way.** The *communications engine*. Each process has blocks of its own, and says things by
//! filling a part of one of them. What goes to the other process is the *location* of the bytes. The
//! tables' lock is held only while places are looked up; the copy holds the lock of that block alone.
//!
//! ```text
//!   process ── registers ──► block ◄── manager        rendezvous  figure 4, and the end
//!      │                       │                      session     open and close
//!      │ send: fill            │ sub-block            message     figure 5 up to the signal
//!      ▼                       ▼                      receipt     from the location on
//!   engine ── location ──► destination's inbox        sizing      blocks that grow and shrink; triggers
//!      │                                              names       lookup and watch
//!      └── opened, message, blocked, closed …         notice      what is yet to be told
//!                                                   pairs       who talks with whom
//!
//!   administration  what all that takes of the bounded memory; block, seat: one block
//! ```
//!
//! The engine says *where* bytes are; copying them is its owner's, in three turns: **begin**
//! answers a [`Copying`] with the place, and whether the seat at its block is free; when it
//! [`Engine::is_seated`] the bytes are copied, under the lock of the block alone; **finish**
//! leaves the seat and does the rest. Whatever ends meanwhile, `finish` finds out.
//!
//! **Invariants** ([`Engine::check`])
//!
//! 1. The engine's duplicate of each entry is the entry, and what both say of a block is so.
//! 2. The used sub-blocks are those of messages, each of which is in as many inboxes and
//!    copies as it has readers.
//! 3. Administrative memory is charged for what there is.
//! 4. A seat is had by a copy that there is.
//!
//! **Lock** the tables, around the whole of it. Time is an argument.
//!
//! **Simplified** one engine, one server; no priorities among messages. A process that ends
//! while it has messages under way goes through all inboxes.
//!
//! | word | means |
//! | --- | --- |
//! | engine, entry | what mediates between processes; what it knows of each, and holds twice |
//! | block, extent, manager | the memory that a process says things from; a piece of it; who deals its parts |
//! | sub-block, location | the part of a block that one message has; where it lies |
//! | session, end, inbox | two processes that talk; one's half; what it has yet to receive |
//! | copy, seat | bytes that are filled in or read out; the right to contend for a block's lock |
//! | notice | what the engine tells a process |
//! | rendezvous | to enter administrative memory, which is the tables |
//!
//! **Source** `interprocess-communication-patent.txt`: communications engine 108.

mod administration;
mod block;
mod check;
pub mod commands;
pub mod copying;
mod delivery;
mod departure;
pub mod entering;
mod message;
mod names;
mod notice;
mod pairs;
mod receipt;
mod rendezvous;
mod seat;
mod session;
mod sizing;
pub mod steps;
mod triggers;
pub mod waiting;
pub mod words;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use crate::common::caller::ClientNumber;
use crate::common::error::{Code, Error};
use crate::cooperative::manager::{Manager, Processes};
use crate::cooperative::process::ProcessNumber;
use crate::cooperative::words::ProcessToken;
use crate::memory::lease::LeaseTable;
use crate::sessions::words::{Notice, SessionId, Told};
use administration::Administration;
pub use administration::LEAST;
use block::MessageBlock;
pub use block::{Piece, Place};
use message::StoredMessage;
pub use message::{Delivery, MessageId};
pub use names::NameTicket;
use notice::Notices;
pub use pairs::Pair;
use receipt::Copy;
pub use receipt::{CopyNumber, Finished};
pub use rendezvous::Full;
use session::Session;

/// What an engine has counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SessionCounts {
    /// Rendezvous that found administrative memory full.
    pub full: u64,
    /// Messages for which a block had no room: step 508.
    pub blocked: u64,
    /// Messages that were lost with their sender, or unreceived when their session was closed.
    pub lost: u64,
    /// How often a block grew, and shrank.
    pub resized: u64,
}

/// How much there is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionFigures {
    /// The bytes of administrative memory.
    pub admin: u64,
    /// How many of them are used.
    pub admin_used: u64,
    /// Sessions with an open end.
    pub sessions: u64,
    /// Messages that somebody is yet to receive, or fills or reads now.
    pub messages: u64,
    /// What was counted.
    pub counts: SessionCounts,
}

/// A copy to be made, between two turns with the tables.
#[derive(Debug)]
#[must_use = "the seat is taken until the copy is finished"]
pub struct Copying<H> {
    /// By which it is finished.
    pub number: CopyNumber,
    /// Where the bytes are, or shall be.
    pub place: Place<H>,
    /// How many.
    pub length: u64,
    /// The seat was free.
    pub is_seated: bool,
}

/// What the engine knows of a process: its duplicate of the entry, and what hangs on it.
#[derive(Debug)]
struct RegisteredProcess<H> {
    // Step 422; the spans stand in the blocks.
    name: Arc<str>,
    token: ProcessToken,
    blocks: Vec<MessageBlock<H>>,
    // What it is part of.
    sessions: BTreeSet<SessionId>,
    notices: Notices,
    /// Sessions for which a message did not fit: it is told when something was freed.
    unfit: BTreeSet<SessionId>,
    /// The bytes for which step 508 found no memory: they are tried again when some comes back.
    wants: Option<u64>,
    /// First messages of others in its first block, by who sent them.
    guests: BTreeMap<ProcessNumber, Guests>,
    /// It has ended; copies in its blocks are under way.
    is_gone: bool,
}

/// First messages of one process in the block of another, which has not received them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Guests {
    count: u64,
    /// Of their sub-blocks.
    bytes: u64,
}

impl<H> RegisteredProcess<H> {
    /// It has no part in a session any more.
    fn part_from(&mut self, session: SessionId) {
        self.sessions.remove(&session);
        self.unfit.remove(&session);
        if self.unfit.is_empty() {
            self.wants = None;
        }
    }
}

/// The state of the engine: sessions, messages, and administrative memory. The lease table and the
/// processes stand beside it, under the same lock.
#[derive(Debug)]
pub struct Sessions<H, W> {
    administration: Administration,
    registered: BTreeMap<ProcessNumber, RegisteredProcess<H>>,
    all: HashMap<SessionId, Session>,
    messages: BTreeMap<MessageId, StoredMessage>,
    copies: HashMap<CopyNumber, Copy>,
    deliveries: HashMap<MessageId, (ProcessNumber, Delivery)>,
    // Who waits without being a process.
    lookups: BTreeMap<(String, NameTicket), W>,
    entrants: BTreeMap<NameTicket, W>,
    // Who asked for a look at something.
    watchers: BTreeSet<ProcessNumber>,
    /// Processes with a block that is larger than was asked for, and may have something to give.
    grown: BTreeSet<ProcessNumber>,
    /// Processes that want memory which was not there, in the order in which they wanted it.
    wanting: VecDeque<ProcessNumber>,
    /// Numbers messages, copies and tickets.
    last: u64,
    counts: SessionCounts,
}

/// The communications engine at work: it borrows its own state, and what stands beside it.
#[derive(Debug)]
pub struct Engine<'t, H, W> {
    leases: &'t mut LeaseTable<H>,
    processes: &'t mut Processes<W>,
    sessions: &'t mut Sessions<H, W>,
}

impl<'t, H: Clone, W: Clone> Engine<'t, H, W> {
    /// The engine over all three.
    pub fn over(
        leases: &'t mut LeaseTable<H>,
        processes: &'t mut Processes<W>,
        sessions: &'t mut Sessions<H, W>,
    ) -> Self {
        Self { leases, processes, sessions }
    }

    /// The memory manager over the same memory.
    fn manager(&mut self) -> Manager<'_, H, W> {
        Manager::over(self.leases, self.processes)
    }
}

impl<H: Clone, W: Clone> Sessions<H, W> {
    /// No sessions, and administrative memory of `admin` bytes.
    pub fn new(admin: u64) -> Self {
        Self {
            administration: Administration::new(admin),
            registered: BTreeMap::new(),
            all: HashMap::new(),
            messages: BTreeMap::new(),
            copies: HashMap::new(),
            deliveries: HashMap::new(),
            lookups: BTreeMap::new(),
            entrants: BTreeMap::new(),
            watchers: BTreeSet::new(),
            grown: BTreeSet::new(),
            wanting: VecDeque::new(),
            last: 0,
            counts: SessionCounts::default(),
        }
    }

    /// The wakers of all requests that wait for a name or for room: the server stops.
    pub fn all_wakers(&self) -> Vec<W> {
        self.lookups.values().chain(self.entrants.values()).cloned().collect()
    }

    /// Counts a rendezvous that found administrative memory full.
    pub fn note_full(&mut self) {
        self.counts.full += 1;
    }

    /// How much there is now.
    pub fn figures(&self) -> SessionFigures {
        SessionFigures {
            admin: self.administration.size(),
            admin_used: self.administration.used(),
            sessions: self.all.len() as u64,
            messages: self.messages.len() as u64,
            counts: self.counts,
        }
    }
}

impl<H: Clone, W: Clone> Engine<'_, H, W> {
    fn next(&mut self) -> u64 {
        self.sessions.last += 1;
        self.sessions.last
    }

    /// Tells a process, and wakes who waits for it.
    fn notify(&mut self, number: ProcessNumber, notice: Notice) -> notice::NoticeNumber {
        let registered =
            self.sessions.registered.get_mut(&number).filter(|process| !process.is_gone);
        let Some(registered) = registered else { return 0 };
        let number_of_notice = registered.notices.add(notice);
        self.processes.wake(number);
        number_of_notice
    }

    /// The next signal to `client`'s process: the manager's first.
    ///
    /// # Errors
    /// `refused` when it belongs to none.
    pub fn next_signal(&mut self, client: ClientNumber) -> Result<Option<Told>, Error> {
        if let Some(signal) = self.processes.next_signal(client)? {
            return Ok(Some(Told::Signal(signal)));
        }
        let number = self.processes.number_of(client)?;
        let registered = self.sessions.registered.get_mut(&number);
        Ok(registered.and_then(|process| process.notices.next()).map(Told::Notice))
    }

    /// A signal that could not be said is the next one again.
    pub fn put_back(&mut self, client: ClientNumber, told: Told) {
        match told {
            Told::Notice(notice) => {
                let Ok(number) = self.processes.number_of(client) else { return };
                if let Some(registered) = self.sessions.registered.get_mut(&number) {
                    registered.notices.put_back(notice);
                }
                self.processes.wake(number);
            }
            Told::Signal(signal) => self.processes.put_back(client, signal),
        }
    }
}

/// The one answer for a session that never was, was closed, or is others'.
fn no_session() -> Error {
    let text = "there is no such session of this process, or no longer; open a new one";
    Error::new(Code::NotFound, text)
}
