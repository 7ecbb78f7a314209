//! Rendezvous: a process and its block enter administrative memory.
//!
//! ```text
//!   404 access ─ 406 locked? ─ no ─► 410 lock ─ 412 block ─ 414 handles ─ 416 store ─ 418 flag ─┐
//!     ▲            │ yes, or no room                                                            │
//!     └─ 408 wait ─┘     428 end ─ 426 unlock ─ 424 manager ─ 422 duplicate ─ 420 signal ◄──────┘
//! ```
//!
//! Steps 410 to 426 happen under one hold of the lock. The wrong way is to unlock the tables after
//! 420 and to lock them again for 424: a process that opens a session in between finds a process
//! without a block, and its first message fails with `out-of-memory`. A test runs this wrong way
//! and sees the failure.
//!
//! Two things are called a manager. The *memory manager* of chapter 5 gives a block its memory
//! (step 412). The *block's manager* of step 424 is the allocator inside one block: it deals
//! sub-blocks to messages.
//!
//! [`crate::sessions::entering`] tries the lock for a bounded time (404 to 408). When
//! administrative memory has no room, or no block is free, [`Engine::join`] and
//! [`Engine::register`] return [`Full`], and `entering` waits with a ticket.
//!
//! **Invariants**
//!
//! 1. A process has an entry from its rendezvous until it ends.
//! 2. The engine's duplicate of the entry may stay longer: until no thread copies in the blocks of
//!    the process.
//! 3. The spans in the entry are those of the blocks.
//!
//! **Lock** the tables.
//!
//! **Simplified** a block stays registered as long as its process lives: it can shrink, and cannot
//! be taken out of the list of blocks.
//!
//! **Source** `interprocess-communication-patent.txt`, figure 4, paragraphs 20 to 22.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use crate::common::caller::Caller;
use crate::common::caller::ClientNumber;
use crate::common::error::{Code, Error};
use crate::common::id::LeaseId;
use crate::common::marks::mark;
use crate::cooperative::manager::OwnBlock;
use crate::cooperative::process::ProcessNumber;
use crate::cooperative::words::ProcessToken;
use crate::memory::lease::SpaceNumber;
use crate::sessions::administration::{BLOCK, Entry, MIN_ENTRY, SPAN, Use};
use crate::sessions::block::MessageBlock;
use crate::sessions::names::NameTicket;
use crate::sessions::notice::Notices;
use crate::sessions::{Engine, RegisteredProcess};

/// The reason why a rendezvous has to wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Full {
    /// Administrative memory has no room for one more process now, or older joins wait for room.
    Administration,
    /// No block of so many bytes is free in the space now, but one could become free. The error is
    /// for a client that does not wait.
    Block {
        /// The space.
        space: SpaceNumber,
        /// The bytes.
        bytes: u64,
        /// The refusal.
        error: Error,
    },
}

/// The number that stands for a process that is about to join. The numbers of processes begin at 1,
/// so the memory manager finds no process and no debt under this number.
const NEW: ProcessNumber = 0;

/// The most blocks of one process. A send looks for a sub-block in one block after the other, so
/// this bounds its steps under the lock. 16 blocks of one span each take 16 × (64 + 32) = 1,536
/// bytes of administrative memory.
const MAX_BLOCKS: usize = 16;

impl<W: Clone> Engine<'_, W> {
    /// Makes a process of that name, with the block `own`, and `caller` as its first client.
    /// `waker` becomes the waker of the process. `ticket` is the ticket of a join that waits for
    /// room; `None` for a new join. Returns the process's token; or [`Full`] when there is no room
    /// or no block for the process, or older joins wait for room. When it fails, it leaves nothing
    /// behind; but blocks that grew by themselves may have shrunk to make room.
    ///
    /// # Errors
    /// As [`crate::cooperative::manager::Manager::join`]; `refused` if the processes of the
    /// caller's address hold all that they may.
    pub fn join(
        &mut self,
        caller: Caller,
        name: &str,
        own: impl Into<OwnBlock>,
        waker: W,
        ticket: Option<NameTicket>,
        now: Instant,
    ) -> Result<Result<ProcessToken, Full>, Error> {
        mark!(steps 402, 404, 406);
        // These checks come before that of the room: a join that must fail does not wait for room.
        let OwnBlock { size, space } = own.into();
        let bytes = self.processes.check_join(caller, name, size)?;
        self.sessions.administration.check_stranger(caller.stranger, MIN_ENTRY)?;
        if !self.sessions.administration.has_room(MIN_ENTRY) || !self.is_next(ticket) {
            mark!(steps 408);
            return Ok(Err(Full::Administration));
        }
        mark!(steps 410, 412);
        self.make_room(space, bytes);
        let own = OwnBlock { size: Some(bytes), space };
        let token = match self.manager().join(caller, name, own, waker.clone(), now) {
            Ok(token) => token,
            Err(error) => return self.wait_or_fail(NEW, space, bytes, error).map(Err),
        };
        let number = self.processes.number_of(caller.client)?;
        let name: Arc<str> = name.into();
        self.announce(number, name.clone(), token, waker, caller.stranger);
        let own = self.processes.extents(number).first().copied();
        // The charge below cannot fail: the checks above found `MIN_ENTRY` free, that is `PROCESS`,
        // which `announce` has charged, and `BLOCK + SPAN`. The process's share has room for these
        // 224 bytes too: it is a quarter of `--admin`, at least 1,024.
        let bytes = BLOCK + if own.is_some() { SPAN } else { 0 };
        let _ = self.sessions.administration.charge(number, Use::Entry, bytes);
        self.add_block(number, own);
        self.wake_lookups(&name);
        self.tell_watchers_of_the_join(number, name);
        mark!(steps 426, 428);
        Ok(Ok(token))
    }

    /// Steps 414 to 422: stores the process's entry with `event`, the handle to its notification
    /// event; then sets the entry's flag; then makes the engine's duplicate. The process has no
    /// block before its first block gets a manager (step 424, [`Self::add_block`]), so the tables
    /// stay locked until then.
    fn announce(
        &mut self,
        number: ProcessNumber,
        name: Arc<str>,
        token: ProcessToken,
        event: W,
        stranger: Option<IpAddr>,
    ) {
        mark!(steps 414);
        let (blocks, is_registered) = (Vec::new(), false);
        let entry =
            Entry { name: name.clone(), token, event: event.clone(), blocks, is_registered };
        mark!(steps 416);
        self.sessions.administration.store(number, entry, stranger);
        mark!(steps 418);
        if let Some(entry) = self.sessions.administration.entries.get_mut(&number) {
            entry.is_registered = true;
        }
        // Step 420, the signal to those that wait for the name, is `wake_lookups` in `join`. Nobody
        // sees that it comes later: the tables stay locked.
        mark!(steps 420, 422);
        self.sessions.registered.insert(
            number,
            RegisteredProcess {
                name,
                token,
                event,
                blocks: Vec::new(),
                sessions: BTreeSet::new(),
                notices: Notices::default(),
                blocked_sessions: BTreeSet::new(),
                wanted_bytes: None,
                values: BTreeMap::new(),
                guests: BTreeMap::new(),
                // `tell_watchers_of_the_join` sets it.
                joined: 0,
                has_ended: false,
            },
        );
    }

    /// Gives `client`'s process one more block, with a manager of its own. Returns the block's
    /// index and its bytes, which are `size` rounded up to a power of two. When it fails, it leaves
    /// nothing behind; but blocks that grew by themselves may have shrunk to make room.
    ///
    /// # Errors
    /// `bad-request` for 0 bytes; `refused` when the client belongs to no process, or the process
    /// has too many blocks or too much of administrative memory; `out-of-memory` when
    /// administrative memory is full, or no block of that size could ever be free.
    pub fn register(
        &mut self,
        client: ClientNumber,
        size: u64,
    ) -> Result<Result<(u64, u64), Full>, Error> {
        mark!(steps 402, 404, 406, 410);
        let number = self.processes.number_of(client)?;
        if size == 0 {
            let text = "a block has at least 1 byte; register more than 0";
            return Err(Error::new(Code::BadRequest, text));
        }
        let blocks =
            self.sessions.registered.get(&number).map_or(0, |process| process.blocks.len());
        if blocks >= MAX_BLOCKS {
            let text = format!("a process has at most {MAX_BLOCKS} blocks; grow one of them");
            return Err(Error::new(Code::Refused, text));
        }
        // The charge comes before the extent: a refund is simpler than giving an extent back.
        self.sessions.administration.charge(number, Use::Entry, BLOCK + SPAN)?;
        mark!(steps 412);
        let space = self.processes.space_of(number);
        self.make_room(space, size);
        let extent = match self.manager().take_extent(number, size) {
            Ok(extent) => extent,
            Err(error) => {
                self.sessions.administration.refund(number, Use::Entry, BLOCK + SPAN);
                return self.wait_or_fail(number, space, size, error).map(Err);
            }
        };
        // The process has its handle, entry, flag and duplicate since its join. `add_block` adds
        // the block to the entry and to the duplicate.
        mark!(steps 414, 416, 418, 420, 422);
        self.add_block(number, Some(extent));
        mark!(steps 426, 428);
        Ok(Ok((blocks as u64, extent.1)))
    }

    /// Decides for a process that got no block of `bytes`: returns the reason to wait, if such a
    /// block could become free. `error` is the refusal of the memory manager. The callers return
    /// the reason as `Ok(Err(full))`, hence their `map(Err)`.
    ///
    /// # Errors
    /// `error`, if a wait would be in vain.
    fn wait_or_fail(
        &mut self,
        number: ProcessNumber,
        space: SpaceNumber,
        bytes: u64,
        error: Error,
    ) -> Result<Full, Error> {
        let could = self.manager().could_take_in(space, number, bytes);
        if error.code == Code::OutOfMemory && could {
            mark!(steps 408);
            return Ok(Full::Block { space, bytes, error });
        }
        Err(error)
    }

    /// Step 424: gives a process one more block, with a manager of its own: the allocator that
    /// `MessageBlock` has inside. `extent` is the block's memory. Without an extent the block has 0
    /// bytes, until the process lets it grow ([`Engine::grow`]).
    fn add_block(&mut self, number: ProcessNumber, extent: Option<(LeaseId, u64)>) {
        let mut block = MessageBlock::new();
        if let Some(extent) = extent {
            block.append(self.leases, number, &[], extent);
        }
        // Two bounds depend on this size. When memory is short, a block that grew by itself shrinks
        // to no less than this. When a message does not fit (step 508), the process's first block
        // grows by itself, to at most 4 times this.
        block.asked = block.size();
        mark!(steps 424);
        if let Some(registered) = self.sessions.registered.get_mut(&number) {
            registered.blocks.push(block);
        }
        self.publish_spans(number);
    }

    /// Step 416 for blocks that have changed: writes their spans into the process's entry.
    pub(super) fn publish_spans(&mut self, number: ProcessNumber) {
        let Some(registered) = self.sessions.registered.get(&number) else { return };
        let spans = registered.blocks.iter().map(MessageBlock::spans).collect();
        if let Some(entry) = self.sessions.administration.entries.get_mut(&number) {
            entry.blocks = spans;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cooperative::manager::{Processes, Rules};
    use crate::cooperative::pool::{PoolAmounts, Shares};
    use crate::memory::lease::LeaseTable;
    use crate::server::tables::ServerTables;
    use crate::sessions::Sessions;
    use std::sync::{Barrier, Mutex};
    use std::thread;
    use std::time::Duration;

    type Locked = Mutex<ServerTables<u64>>;

    /// The tables with one process, whose event is 7.
    fn tables() -> Locked {
        let pools = PoolAmounts::divided(1 << 20, &Shares::default(), &Shares::default()).unwrap();
        let mut leases = LeaseTable::with_known_seed(1 << 20);
        let processes = Processes::new(pools, Rules::default(), &mut leases, Instant::now());
        let sessions = Sessions::new(1 << 20, Duration::ZERO);
        let mut tables = ServerTables { leases, processes, sessions };
        tables
            .engine()
            .join(Caller::connected(1), "caller", Some(0), 7, None, Instant::now())
            .unwrap()
            .unwrap();
        Mutex::new(tables)
    }

    /// Begins to open a session with a first message, as soon as there is a process of that name.
    fn open(tables: &Locked, name: &str) -> Result<(), Code> {
        loop {
            let begun = tables.lock().unwrap().engine().begin_open(1, name, 1);
            match begun {
                Err(error) if error.code == Code::NotFound => thread::yield_now(),
                Err(error) => return Err(error.code),
                Ok(_) => return Ok(()),
            }
        }
    }

    #[test]
    fn the_engine_signals_with_its_duplicate_of_the_handle() {
        let tables = tables();
        let mut tables = tables.lock().unwrap();
        tables
            .engine()
            .join(Caller::connected(2), "p", None, 8, None, Instant::now())
            .unwrap()
            .unwrap();
        tables.processes.add_sleeper(2);
        tables.engine().begin_open(1, "p", 0).unwrap();
        assert_eq!(tables.processes.take_wakers(), [8]);
        tables.check().unwrap();
        let number = tables.processes.number_of(2).unwrap();
        tables.sessions.registered.get_mut(&number).unwrap().event = 9;
        assert!(tables.check().unwrap_err().contains("duplicate"));
        tables.engine().begin_open(1, "p", 0).unwrap();
        assert_eq!(tables.processes.take_wakers(), [9]);
    }

    #[test]
    fn no_open_ever_sees_a_block_without_its_manager() {
        for round in 0..300 {
            let (tables, barrier) = (tables(), Barrier::new(2));
            let name = format!("p{round}");
            let opened = thread::scope(|scope| {
                scope.spawn(|| {
                    barrier.wait();
                    let (caller, now) = (Caller::connected(2), Instant::now());
                    tables
                        .lock()
                        .unwrap()
                        .engine()
                        .join(caller, &name, Some(4096), 8, None, now)
                        .unwrap()
                });
                barrier.wait();
                open(&tables, &name)
            });
            assert_eq!(opened, Ok(()));
        }
    }

    #[test]
    fn a_rendezvous_under_two_holds_of_the_lock_is_caught() {
        let (tables, announced, looked) = (tables(), Barrier::new(2), Barrier::new(2));
        let opened = thread::scope(|scope| {
            scope.spawn(|| {
                let (caller, now) = (Caller::connected(2), Instant::now());
                let mut held = tables.lock().unwrap();
                let token = held.manager().join(caller, "p", Some(4096), 8, now).unwrap();
                let number = held.processes.number_of(2).unwrap();
                held.engine().announce(number, "p".into(), token, 8, None);
                drop(held);
                announced.wait();
                looked.wait();
                let mut held = tables.lock().unwrap();
                let own = held.processes.extents(number).first().copied();
                held.engine().add_block(number, own);
            });
            announced.wait();
            let opened = open(&tables, "p");
            looked.wait();
            opened
        });
        assert_eq!(opened, Err(Code::OutOfMemory), "a process without its block was seen");
    }
}
