//! The locks of this chapter: the tables' lock guards the place of a block, and the block's own
//! lock guards its bytes.
//!
//! ```text
//!   get    tables: find, copy the handle ─ unlock │ block: copy ─ unlock │ write to the socket
//!   end    tables: strike ─ unlock │ block: mark released ─ unlock │ tables: give back ─ unlock
//! ```
//!
//! Without the released mark, a client would read the bytes of another client's lease:
//!
//! ```text
//!   client A   get: finds block 7 ─ unlocks           copies block 7: the bytes of client C
//!   client B                        releases block 7
//!   client C                        leases block 7, and sets it
//! ```
//!
//! The server keeps two more tables under the same lock, those of later chapters. This chapter
//! knows all of them only as [`Tables`]. In the tests a [`LeaseTable`] alone implements the trait,
//! so this chapter needs no later chapter.
//!
//! **Invariants**
//!
//! 1. No thread holds two locks at once, so no two threads can wait for each other's lock.
//! 2. Under a lock a thread neither reads nor writes a socket, and logs nothing. A request that
//!    looks for a lease reads the time under the lock: if one thread finds the lease expired, each
//!    later thread finds it expired too. ([`Memory::reap`] may use an older time. It then ends
//!    fewer leases.)
//! 3. The block of a lease or grant goes back to the allocator only after its contents were marked
//!    released, under their own lock. A copy under way ends first, and a later copy sees the mark.
//!    (A part of a process's own block may go back without a mark: chapter 6 shrinks such a block
//!    only if no copy is under way in the part.)
//!
//! **Lock** the tables', then a block's, then the tables' again; never two at once.
//!
//! **Simplified** one lock for all tables. A server for thousands of leases a millisecond would
//! divide the tables among several locks.
//!
//! **Source** `memorylease.txt`: the requests. `interprocess-communication-patent.txt`: separate
//! locks for the administrative memory and for each block.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::common::caller::no_room;
use crate::common::error::{Code, Error};
use crate::common::id::{IdKind, LeaseId};
use crate::common::lock::lock;
use crate::memory::arena::{Arena, set_length};
use crate::memory::contents::{ContentsError, Handle, Inspected};
use crate::memory::lease::{Ending, LeaseTable, not_found};
use crate::memory::versions::{Condition, Inspect, Inspection, Part};

/// The most blocks that are struck, or given back, under one hold of the tables' lock. Such a hold
/// takes 1.6 to 2.1 ms (`benches/holds.rs`).
pub const ENDED_AT_ONCE: usize = 1024;

/// A buffer for a lease of more bytes gets its length before the block is locked. For 1 MiB this
/// cost 9 % of the speed of a get.
const PREPARED: u64 = 16 << 20;

/// Sleeps, so that a thread that waits for the tables' lock gets it. A thread that has held the
/// lock for long, or soon wants it again, calls this without the lock.
///
/// std's mutex is not fair: a thread that unlocks it and locks it again is faster than one that has
/// to wake up first. Without this sleep, a `ttl` lost the race some 200 times in a row, for 60 ms,
/// while a million leases ended. With it the `ttl` waits for 4 to 6 ms.
pub fn rest() {
    std::thread::sleep(Duration::from_micros(100));
}

/// The data under the tables' lock: the lease table, and the tables of later chapters.
pub trait Tables {
    /// Returns the lease table.
    fn leases(&mut self) -> &mut LeaseTable;

    /// Frees blocks. The caller has marked their contents released.
    fn give_back(&mut self, endings: Vec<Ending>, now: Instant);

    /// Tries to make room for a block of `size` bytes that did not fit. Only later chapters can do
    /// that; a lease table alone does nothing.
    fn make_room(&mut self, size: u64);

    /// Takes the condition variables that the present change has to notify: on them requests of
    /// later chapters wait. They are notified after the unlock.
    fn take_wakers(&mut self) -> Vec<Arc<Condvar>>;

    /// Takes the lines that the present change has for the log. They are logged after the unlock.
    fn take_journal(&mut self) -> Vec<String>;
}

/// The arena, and the tables behind their lock.
#[derive(Debug)]
pub struct Memory<T> {
    /// The words and the contents of all blocks. A thread that executes a command such as get or
    /// set opens the contents of a block, and copies words under their lock.
    arena: Arena,
    /// The tables, behind their lock. Client threads lock them for each request about memory,
    /// processes, sessions or figures. The thread `udp`, which serves all datagrams, locks them for
    /// every request that it executes, also for a draw, because it notes that the client was heard.
    /// The thread `reap` (the reaper), the end of a connection and the stop of the server lock them
    /// too.
    tables: Mutex<T>,
    /// Goes with the lock of `tables`. The reaper, the thread that ends expired leases, sleeps on
    /// it until its next wake: a lease ends, or a later chapter has planned work for it. It is
    /// notified when a change has moved that time, and by the stop.
    reaper_wakeup: Condvar,
    /// The start of the server, from which `inspect` computes the date of a set. It never changes.
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
    /// Returns an instant, in milliseconds since 1970.
    fn milliseconds(&self, instant: Instant) -> u64 {
        let system = self.system + instant.saturating_duration_since(self.instant);
        // `duration_since` fails only if the system clock stood before 1970; 0 is shown then.
        system.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis() as u64
    }
}

/// The locked tables during a change, which [`Memory::unlock_and_wake`] ends.
#[derive(Debug)]
pub struct Locked<'m, T> {
    tables: MutexGuard<'m, T>,
    /// The time of the reaper's next wake when the change began.
    reaper_wakes: Option<Instant>,
}

impl<T: Tables> Memory<T> {
    /// Puts the tables behind their lock.
    pub fn new(arena: Arena, tables: T) -> Self {
        let started = StartTime { instant: Instant::now(), system: SystemTime::now() };
        Self { arena, tables: Mutex::new(tables), reaper_wakeup: Condvar::new(), started }
    }

    /// Returns the arena.
    pub fn arena(&self) -> &Arena {
        &self.arena
    }

    /// Returns the tables' lock, for a thread that waits on a condition variable with its guard.
    pub fn tables(&self) -> &Mutex<T> {
        &self.tables
    }

    /// Returns the condition variable on which the reaper sleeps. It goes with [`Memory::tables`].
    pub fn reaper_wakeup(&self) -> &Condvar {
        &self.reaper_wakeup
    }

    /// Locks the tables, and calls `look` with the tables and the time. No thread is woken, so
    /// `look` must not change anything that a thread waits for. The wrong way is to read the time
    /// before the lock: a thread that waits for the lock would use an old time, and find a lease
    /// that another thread has found expired.
    pub fn with_tables<R>(&self, look: impl FnOnce(&mut T, Instant) -> R) -> R {
        let mut tables = lock(&self.tables);
        look(&mut tables, Instant::now())
    }

    /// Locks the tables, calls `change`, unlocks them, and then wakes the threads that the change
    /// concerns.
    pub fn change<R>(&self, change: impl FnOnce(&mut T, Instant) -> R) -> R {
        let mut locked = self.begin_change(lock(&self.tables));
        let changed = change(&mut locked.tables, Instant::now());
        self.unlock_and_wake(locked);
        changed
    }

    /// Begins a change: notes the reaper's next wake. The caller has locked the tables, and ends
    /// the change with [`Memory::unlock_and_wake`].
    pub fn begin_change<'m>(&self, mut tables: MutexGuard<'m, T>) -> Locked<'m, T> {
        let reaper_wakes = tables.leases().next_wake();
        Locked { tables, reaper_wakes }
    }

    /// Ends a change: unlocks the tables, wakes the reaper if its next wake has moved, wakes the
    /// threads that wait for the change, and writes the log. The wake-ups follow the unlock,
    /// because a thread that wakes earlier would only wait for the lock.
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

    /// Leases `size` bytes for `duration_ms`. If they do not fit, it ends all expired leases, asks
    /// later chapters for room, and tries once more.
    ///
    /// # Errors
    /// As [`LeaseTable::lease`].
    pub fn lease(&self, size: u64, duration_ms: u64, id_kind: IdKind) -> Result<LeaseId, Error> {
        self.lease_by(size, |leases, now| leases.lease(size, duration_ms, id_kind, now))
    }

    /// Leases `size` bytes by a call of `lease`. If they do not fit, it makes room as
    /// [`Memory::lease`] says, and calls `lease` once more.
    pub(super) fn lease_by(
        &self,
        size: u64,
        lease: impl Fn(&mut LeaseTable, Instant) -> Result<LeaseId, Error>,
    ) -> Result<LeaseId, Error> {
        let lease = |tables: &mut T, now| lease(tables.leases(), now);
        let leased = self.change(lease);
        if !leased.as_ref().is_err_and(|error| error.code == Code::OutOfMemory) {
            return leased;
        }
        // Expired leases that the reaper has not ended yet must not make a new lease fail.
        self.reap_all(Instant::now());
        self.change(|tables, now| {
            tables.make_room(size);
            lease(tables, now)
        })
    }

    /// Returns the handle of a lease or held block, and the time at which it was found. A set is
    /// dated with this time.
    fn find(&self, id: LeaseId) -> Result<(Handle, Instant), Error> {
        self.with_tables(|tables, now| tables.leases().find(id, now).map(|handle| (handle, now)))
    }

    /// Replaces the contents of a lease.
    ///
    /// # Errors
    /// `not-found`, also when the lease ends between the two locks; `too-large`.
    pub fn set(&self, id: LeaseId, data: &[u8]) -> Result<(), Error> {
        self.replace(id, &Condition::Any, data).map(|_| ())
    }

    /// Replaces the contents of a lease if the condition holds for its version; returns the new
    /// version. The copy runs under the block's lock alone, so other leases are read and written
    /// meanwhile.
    ///
    /// # Errors
    /// `not-found`, also when the lease ends between the two locks; `too-large`; `refused` if the
    /// condition does not hold.
    pub fn replace(&self, id: LeaseId, condition: &Condition, data: &[u8]) -> Result<u64, Error> {
        let (handle, now) = self.find(id)?;
        let opened = self.arena.open(&handle);
        let replaced = opened.and_then(|mut block| block.replace(condition, data, now));
        replaced.map_err(|error| error.explain(data.len(), handle.size))
    }

    /// Copies the bytes of the last set into `data`; returns the lease's size.
    ///
    /// # Errors
    /// `not-found`; [`no_room`] if there are more than `most` bytes: a connection then gets memory
    /// for more and asks again.
    pub fn get(&self, id: LeaseId, most: u64, data: &mut Vec<u8>) -> Result<u64, Error> {
        let (handle, _) = self.find(id)?;
        self.prepare(&handle, Part::All, most, data);
        let got = self.arena.open(&handle).and_then(|block| block.get(most, data));
        got.map(|()| handle.size).map_err(|error| match error {
            ContentsError::TooLarge => no_room(),
            _ => not_found(),
        })
    }

    /// Gives a buffer the length of a part, before the block is locked for the copy: the system
    /// provides a large buffer page by page, which for 32 MiB takes longer than the copy.
    fn prepare(&self, handle: &Handle, part: Part, most: u64, data: &mut Vec<u8>) {
        if handle.size > PREPARED
            && let Ok(length) = self.arena.open(handle).map(|block| block.length_of(part))
            && length <= most
        {
            set_length(data, length as usize);
        }
    }

    /// Returns the state of a lease, and the part of its contents that was asked for. If
    /// `if_version` names another version, the part is all of the contents: RFC 9110, section
    /// 13.1.5, `If-Range`. `data` is a buffer whose capacity is used.
    ///
    /// # Errors
    /// `not-found`; `too-large` if the part has more than `most` bytes.
    pub fn inspect(
        &self,
        asked: &Inspect,
        most: u64,
        mut data: Vec<u8>,
    ) -> Result<Inspection, Error> {
        let &Inspect { id, part, if_version } = asked;
        let (handle, left) = self.with_tables(|tables, now| {
            let leases = tables.leases();
            // `time_left` fails for a granted block, which has no expiry: `ok` makes it `None`.
            Ok::<_, Error>((leases.find(id, now)?, leases.time_left(id, now).ok()))
        })?;
        self.prepare(&handle, part, most, &mut data);
        // The closure drops the lock before the text of an error or the date is made.
        let inspected = self.arena.open(&handle).and_then(|block| {
            let is_other = if_version.is_some_and(|version| version != block.version());
            block.inspect(if is_other { Part::All } else { part }, most, &mut data)
        });
        let Inspected { length, version, changed, first } = inspected.map_err(|e| match e {
            ContentsError::TooLarge => {
                let text = format!(
                    "an answer has at most {most} bytes of data in this form; ask for a part, by \
                     HTTP as application/octet-stream"
                );
                Error::new(Code::TooLarge, text)
            }
            _ => not_found(),
        })?;
        let changed_ms = changed.map(|at| self.started.milliseconds(at));
        let (size, left_ms) = (handle.size, left.map(rounded_up));
        Ok(Inspection { id, size, length, version, changed_ms, left_ms, first, data })
    }

    /// Ends up to `ENDED_AT_ONCE` leases that have expired at `now`; returns their number. It
    /// strikes them in [`Memory::with_tables`], which wakes no thread: no byte is free yet, and the
    /// next expiry, for which the reaper sleeps, only becomes later. `give_back` frees the blocks
    /// and wakes the threads that wait for memory.
    pub fn reap(&self, now: Instant) -> usize {
        let endings =
            self.with_tables(|tables, _| tables.leases().strike_expired(now, ENDED_AT_ONCE));
        let count = endings.len();
        self.give_back(endings);
        count
    }

    /// Ends all leases that have expired at `now`, in parts between which other threads can lock
    /// the tables. Returns whether this thread has ended any. `now` stays the same in all parts, so
    /// leases that expire meanwhile cannot make the loop endless.
    pub fn reap_all(&self, now: Instant) -> bool {
        let is_due = || {
            self.with_tables(|tables, _| tables.leases().next_expiry().is_some_and(|at| at <= now))
        };
        let mut found = false;
        // `reap` returns 0 if another thread has struck the leases since `is_due`.
        while is_due() && self.reap(now) > 0 {
            found = true;
        }
        found
    }

    /// Marks contents released, each under its own lock, and then gives their blocks back under the
    /// tables' lock. The caller has struck the leases. After [`ENDED_AT_ONCE`] blocks it calls
    /// [`rest`], because the caller probably has more to end and wants the lock again at once.
    pub fn give_back(&self, endings: Vec<Ending>) {
        for ending in &endings {
            self.arena.release(&ending.handle);
        }
        let count = endings.len();
        if count > 0 {
            self.change(|tables, now| tables.give_back(endings, now));
        }
        if count >= ENDED_AT_ONCE {
            rest();
        }
    }
}

impl<T> Locked<'_, T> {
    /// Returns the tables.
    pub fn tables(&mut self) -> &mut T {
        &mut self.tables
    }
}

impl<'m, T> Locked<'m, T> {
    /// Passes the guard to `with`, for example to a wait on a condition variable, and keeps the
    /// guard that `with` returns.
    pub fn map(self, with: impl FnOnce(MutexGuard<'m, T>) -> MutexGuard<'m, T>) -> Self {
        let Self { tables, reaper_wakes } = self;
        Self { tables: with(tables), reaper_wakes }
    }
}

/// Returns a time in milliseconds, rounded up: a lease that still lasts does not read as 0.
pub fn rounded_up(left: Duration) -> u64 {
    left.as_nanos().div_ceil(1_000_000) as u64
}

#[cfg(test)]
#[path = "service_tests.rs"]
pub(in crate::memory) mod tests;
