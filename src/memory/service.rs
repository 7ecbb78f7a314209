//! The locks of this chapter: the tables' lock says where a block is, and the block's own lock
//! guards its bytes.
//!
//! ```text
//!   get    tables: find, clone the handle ─ unlock │ block: copy ─ unlock │ write to the socket
//!   end    tables: strike ─ unlock │ block: mark released ─ unlock │ tables: give back ─ unlock
//! ```
//!
//! The server keeps two more tables under the same lock, those of later chapters. This one knows of
//! them only what [`Tables`] says; alone it has a lease table and nothing else.
//!
//! **Invariants**
//!
//! 1. No thread holds two locks, so no two can wait for each other in a circle.
//! 2. Under a lock no socket is read or written and nothing is logged. Time is read under the lock:
//!    a lease that has not expired for one thread was not gone for another before it.
//! 3. A block is given back only after its contents were marked released under their own lock: a
//!    copy under way ends first, and a later one sees the mark.
//!
//! **Lock** the tables, then a block's, then the tables again; never two at once.
//!
//! **Simplified** one lock for all tables; a server for thousands of leases a millisecond would divide
//! them.
//!
//! **Source** MemoryLease's requests; the patent's separate locks for the administrative memory and
//! for each block.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::common::error::{Code, Error};
use crate::common::id::{IdKind, LeaseId};
use crate::common::lock::lock;
use crate::memory::arena::{Arena, Contents, ContentsError, Inspected};
use crate::memory::lease::{Ending, LeaseTable, not_found};
use crate::memory::versions::{Condition, Inspect, Inspection, Part};

/// Leases that are ended under one hold of the lock: some 0.1 ms.
const ENDED_AT_ONCE: usize = 256;

/// A block's contents behind their own lock: the lease table's handle.
pub type LockedContents = Arc<Mutex<Contents>>;

/// The contents of a fresh block, behind their lock.
pub fn make_block(offset: u64, size: u64) -> LockedContents {
    Arc::new(Mutex::new(Contents::new(offset, size)))
}

/// The data under the tables' lock: the lease table, and the tables of later chapters.
pub trait Tables {
    /// The lease table.
    fn leases(&mut self) -> &mut LeaseTable<LockedContents>;

    /// Returns blocks whose contents are marked released.
    fn give_back(&mut self, endings: Vec<Ending<LockedContents>>, now: Instant);

    /// Makes room for a block of `size` bytes that was not there, if later chapters can.
    fn make_room(&mut self, size: u64);

    /// The threads to wake once the tables are unlocked.
    fn take_wakers(&mut self) -> Vec<Arc<Condvar>>;

    /// The lines to log once the tables are unlocked.
    fn take_journal(&mut self) -> Vec<String>;
}

/// A lease table alone.
impl Tables for LeaseTable<LockedContents> {
    fn leases(&mut self) -> &mut LeaseTable<LockedContents> {
        self
    }

    fn give_back(&mut self, endings: Vec<Ending<LockedContents>>, _: Instant) {
        for ending in endings {
            LeaseTable::give_back(self, ending);
        }
    }

    fn make_room(&mut self, _: u64) {}

    fn take_wakers(&mut self) -> Vec<Arc<Condvar>> {
        Vec::new()
    }

    fn take_journal(&mut self) -> Vec<String> {
        Vec::new()
    }
}

/// The arena, and the tables behind their lock.
#[derive(Debug)]
pub struct Memory<T> {
    /// Words that mean something only under the lock of the block they lie in. Every thread that
    /// copies touches them.
    arena: Arena,
    /// The tables: all requests about memory lock them, and so do the reaper and the end of a
    /// connection.
    tables: Mutex<T>,
    /// Goes with `tables`: the next wake of the reaper has moved, or it shall stop.
    reaper_wakeup: Condvar,
    /// Never changes.
    started: StartTime,
}

/// The start time on both clocks. Later instants are converted from it, so setting the system clock
/// does not move them.
#[derive(Debug, Clone, Copy)]
struct StartTime {
    instant: Instant,
    system: SystemTime,
}

impl StartTime {
    /// An instant, in milliseconds since 1970.
    fn milliseconds(&self, instant: Instant) -> u64 {
        let system = self.system + instant.saturating_duration_since(self.instant);
        system.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis() as u64
    }
}

/// Tables that are being changed.
#[derive(Debug)]
pub struct Locked<'m, T> {
    tables: MutexGuard<'m, T>,
    /// When the reaper means to wake.
    reaper_wakes: Option<Instant>,
}

impl<T: Tables> Memory<T> {
    /// Puts the locks on.
    pub fn new(arena: Arena, tables: T) -> Self {
        let started = StartTime { instant: Instant::now(), system: SystemTime::now() };
        Self { arena, tables: Mutex::new(tables), reaper_wakeup: Condvar::new(), started }
    }

    /// The words of the arena.
    pub fn arena(&self) -> &Arena {
        &self.arena
    }

    /// The tables' lock, for those that wait with it.
    pub fn tables(&self) -> &Mutex<T> {
        &self.tables
    }

    /// Goes with [`Memory::tables`]: the reaper sleeps by it.
    pub fn reaper_wakeup(&self) -> &Condvar {
        &self.reaper_wakeup
    }

    /// Locks the tables to read them. The time is read under the lock.
    pub fn read<R>(&self, read: impl FnOnce(&mut T, Instant) -> R) -> R {
        let mut tables = lock(&self.tables);
        read(&mut tables, Instant::now())
    }

    /// Locks the tables to change them; unlocks them, and wakes whom the change concerns.
    pub fn change<R>(&self, change: impl FnOnce(&mut T, Instant) -> R) -> R {
        let mut locked = self.begin_change(lock(&self.tables));
        let changed = change(&mut locked.tables, Instant::now());
        self.unlock_and_wake(locked);
        changed
    }

    /// Begins a change of tables that are locked.
    pub fn begin_change<'m>(&self, mut tables: MutexGuard<'m, T>) -> Locked<'m, T> {
        let reaper_wakes = tables.leases().next_wake();
        Locked { tables, reaper_wakes }
    }

    /// Ends a change: unlocks the tables, wakes the reaper if its next wake has moved, and wakes
    /// the threads that wait for the tables.
    pub fn unlock_and_wake(&self, locked: Locked<'_, T>) {
        let Locked { mut tables, reaper_wakes } = locked;
        let has_moved = tables.leases().next_wake() != reaper_wakes;
        let (wakers, journal) = (tables.take_wakers(), tables.take_journal());
        drop(tables);
        if has_moved {
            self.reaper_wakeup.notify_one();
        }
        wakers.iter().for_each(|waker| waker.notify_all());
        journal.iter().for_each(|line| log::debug!("{line}"));
    }

    /// Leases `size` bytes for `duration_ms`.
    ///
    /// # Errors
    /// As [`LeaseTable::lease`].
    pub fn lease(&self, size: u64, duration_ms: u64, id_kind: IdKind) -> Result<LeaseId, Error> {
        let lease = |tables: &mut T, now| tables.leases().lease(size, duration_ms, id_kind, now);
        let leased = self.change(lease);
        if !leased.as_ref().is_err_and(|error| error.code == Code::OutOfMemory) {
            return leased;
        }
        // Leases that have expired and were not struck yet are in the way of no other.
        self.reap_all(Instant::now());
        self.change(|tables, now| {
            tables.make_room(size);
            lease(tables, now)
        })
    }

    /// The handle of a lease or held block, its size, and when it was found.
    fn find(&self, id: LeaseId) -> Result<(LockedContents, u64, Instant), Error> {
        self.read(|tables, now| {
            let found = tables.leases().find(id, now)?;
            Ok((found.handle, found.size, now))
        })
    }

    /// Replaces what a lease holds.
    ///
    /// # Errors
    /// `not-found`, `too-large`.
    pub fn set(&self, id: LeaseId, data: &[u8]) -> Result<(), Error> {
        let (block, size, now) = self.find(id)?;
        let set = lock(&block).set(&self.arena, data, now);
        set.map_err(|error| explain(error, data.len(), size))
    }

    /// Replaces what a lease holds if its version fulfils the condition; returns the version since.
    ///
    /// # Errors
    /// `not-found`, `too-large`, `refused` for another version.
    pub fn replace(&self, id: LeaseId, condition: &Condition, data: &[u8]) -> Result<u64, Error> {
        let (block, size, now) = self.find(id)?;
        let replaced = lock(&block).replace(&self.arena, condition, data, now);
        replaced.map_err(|error| explain(error, data.len(), size))
    }

    /// Leaves in `data` the bytes last set; returns the lease's size.
    ///
    /// # Errors
    /// `not-found`.
    pub fn get(&self, id: LeaseId, data: &mut Vec<u8>) -> Result<u64, Error> {
        let (block, size, _) = self.find(id)?;
        let got = lock(&block).get(&self.arena, data);
        got.map(|()| size).map_err(|_| not_found())
    }

    /// How a lease is, and a part of what it holds in `data`: at most `most` bytes. A part that is
    /// wanted of one version is all of another.
    ///
    /// # Errors
    /// `not-found`, `too-large`.
    pub fn inspect(
        &self,
        asked: &Inspect,
        most: u64,
        mut data: Vec<u8>,
    ) -> Result<Inspection, Error> {
        let &Inspect { id, part, if_version } = asked;
        let (found, left) = self.read(|tables, now| {
            let leases = tables.leases();
            Ok::<_, Error>((leases.find(id, now)?, leases.time_left(id, now).ok()))
        })?;
        let inspected = {
            let block = lock(&found.handle);
            let is_other = if_version.is_some_and(|version| version != block.version());
            block.inspect(&self.arena, if is_other { Part::All } else { part }, most, &mut data)
        };
        let Inspected { length, version, changed, first } = inspected.map_err(|e| match e {
            ContentsError::TooLarge => {
                let text = format!("an answer has at most {most} bytes of data; ask for a part");
                Error::new(Code::TooLarge, text)
            }
            _ => not_found(),
        })?;
        let changed_ms = changed.map(|at| self.started.milliseconds(at));
        let (size, left_ms) = (found.size, left.map(rounded_up));
        Ok(Inspection { id, size, length, version, changed_ms, left_ms, first, data })
    }

    /// Ends up to `ENDED_AT_ONCE` expired leases; returns how many.
    pub fn reap(&self, now: Instant) -> usize {
        let endings = self.read(|tables, _| tables.leases().expired(now, ENDED_AT_ONCE));
        let count = endings.len();
        self.give_back(endings);
        count
    }

    /// Ends all expired leases. Returns whether there were any.
    pub fn reap_all(&self, now: Instant) -> bool {
        let is_due =
            || self.read(|tables, _| tables.leases().next_expiry().is_some_and(|at| at <= now));
        let mut found = false;
        while is_due() && self.reap(now) > 0 {
            found = true;
        }
        found
    }

    /// Marks contents released, and then gives their blocks back.
    pub fn give_back(&self, endings: Vec<Ending<LockedContents>>) {
        for ending in &endings {
            lock(&ending.handle).release();
        }
        if !endings.is_empty() {
            self.change(|tables, now| tables.give_back(endings, now));
        }
    }
}

impl<T> Locked<'_, T> {
    /// The tables.
    pub fn tables(&mut self) -> &mut T {
        &mut self.tables
    }
}

impl<'m, T> Locked<'m, T> {
    /// Does something with the guard, such as waiting with it.
    pub fn map(self, with: impl FnOnce(MutexGuard<'m, T>) -> MutexGuard<'m, T>) -> Self {
        let Self { tables, reaper_wakes } = self;
        Self { tables: with(tables), reaper_wakes }
    }
}

/// In milliseconds: a lease that still lasts does not read as 0.
pub fn rounded_up(left: Duration) -> u64 {
    left.as_nanos().div_ceil(1_000_000) as u64
}

/// Why `length` bytes were not set in a lease of `size`.
fn explain(error: ContentsError, length: usize, size: u64) -> Error {
    match error {
        ContentsError::Released => not_found(),
        ContentsError::TooLarge => {
            let text = format!("{length} bytes do not fit the lease of {size}; lease more");
            Error::new(Code::TooLarge, text)
        }
        ContentsError::Changed => {
            let text =
                "the lease has another version: somebody has set it; inspect it and try again";
            Error::new(Code::Refused, text)
        }
    }
}
