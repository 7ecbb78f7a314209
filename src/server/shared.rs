//! Every lock there is, and the one place where requests meet services.
//!
//! | lock | guards | taken by | held with |
//! | --- | --- | --- | --- |
//! | the draw | counter, turns, undelivered | a draw, `table`, `stats`, the end of a connection | no other |
//! | the tables | administrative memory: leases, their order, the allocator, pools, processes, sessions, where messages lie, who waits | all requests about memory, processes and sessions, the end of a connection, the reaper | no other |
//! | one for each block | the block's contents: its bytes, length, released | set, get, the copies of messages, and whoever ends the lease, grant or process | no other |
//! | [`crate::server::clients`]' | who is connected | the accepting thread, the end of a connection, `list connections`, `stats`, the stop | no other |
//! | [`crate::numbers::parking`]'s | whose step is next; of a lab server only | its draws, `parked`, `step` | no other |
//!
//! | file | requests |
//! | --- | --- |
//! | `draws` | draw, table; parked and step of a lab server |
//! | `leases` | lease, set, get, renew, ttl, release, inspect, replace |
//! | `lists` | list |
//! | `processes` | what processes ask of the manager |
//! | `rendezvous` | join: entering administrative memory |
//! | [`waiting`] | those that may wait |
//! | `sessions` | what they ask of the engine, and the copies of messages |
//! | `stats` | the figures of all of them |
//!
//! Two kinds of condition variable go with the tables: one for the reaper, and one for each
//! process, on which its clients wait ([`waiting`]).
//!
//! **Invariants**
//!
//! 1. No thread holds two locks, so none can wait in a circle.
//! 2. Under a lock no socket is read or written and nothing is logged. Time is read under
//!    the lock: what was not yet expired for one thread was not gone for another before it.
//! 3. A block's place is given back only after its contents were marked released under
//!    their own lock: a copy that is under way ends first, a later one sees the mark. What a
//!    process's own block gives back while it lives holds no message, so nobody copies there.
//!
//! **Lock** *the rule for a poisoned lock, stated once:* a thread that panics while it
//! holds a lock takes down its own client; the others take the lock as it is
//! (the function `hold`). They may, because each critical section checks first and changes last:
//! between its first change and its last nothing can panic short of a bug in the
//! services themselves, and those are watched by their `check`s in the tests.
//!
//! **Simplified** one lock for all tables; a server for thousands of leases a
//! millisecond would divide them.
//!
//! **Source** the homework (lock around the counter); the patent's separate locks for
//! the administrative memory and for each block.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::cooperative::manager::Caller;
use crate::memory::arena::{Arena, Contents};
use crate::memory::picture::picture;
use crate::message::{Reply, Request};
use crate::numbers::draw::{DrawState, Locking};
use crate::numbers::list::NumberList;
use crate::server::clients::Clients;

mod draws;
mod leases;
mod lists;
mod processes;
mod rendezvous;
mod sessions;
mod stats;
mod tables;
pub mod waiting;

pub use draws::Unlocked;
pub use tables::Tables;

/// Leases ended, or turns read, under a lock at once: some 0.1 ms.
const BITE: usize = 256;

/// Rows of a `table` reply: a page or two.
const MOST_ROWS: usize = 4096;

/// The length of a `tree` reply's picture in bytes.
const MOST_PICTURE: usize = 64 * 1024;

/// A block's contents behind their own lock; the lease table's handle.
pub type LockedContents = Arc<Mutex<Contents>>;

/// What all threads share.
#[derive(Debug)]
pub struct Shared {
    // Never changes.
    list: NumberList,
    locking: Locking,
    // Words that mean something only under the lock of the block they lie in.
    arena: Arena,
    draw: Mutex<DrawState>,
    /// Used instead of the draw's own counter where nothing is locked.
    unlocked: Unlocked,
    tables: Mutex<Tables>,
    /// Goes with `tables`: something is to be done sooner than the reaper sleeps, or it shall stop.
    sooner: Condvar,
    waits: Waits,
    // Flags and gauges, which guard nothing.
    stopping: AtomicBool,
    /// Rendezvous that found the tables locked: step 408.
    locked: AtomicU64,
    /// The most that ever held or waited for the lock of one block's bytes in a session.
    contenders: AtomicU32,
    /// Of datagrams, when they are served.
    datagrams: Option<DatagramGauges>,
    /// What moments are called outside.
    started: Started,
    /// Who is connected, behind a lock of its own.
    clients: Clients,
}

/// How long may be waited.
#[derive(Debug, Clone, Copy)]
pub struct Waits {
    /// By a request that says how long.
    pub longest: Duration,
    /// By a join, for administrative memory.
    pub rendezvous: Duration,
}

/// One moment by both clocks: what the other moments are called outside does not change when the
/// system's clock is set.
#[derive(Debug, Clone, Copy)]
struct Started {
    at: Instant,
    called: SystemTime,
}

impl Started {
    fn now() -> Self {
        Self { at: Instant::now(), called: SystemTime::now() }
    }

    /// A moment since, in milliseconds since 1970.
    fn milliseconds(&self, moment: Instant) -> u64 {
        let called = self.called + moment.saturating_duration_since(self.at);
        called.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis() as u64
    }
}

/// What `stats` shows of datagrams.
#[derive(Debug, Default)]
pub struct DatagramGauges {
    history: AtomicU64,
    resent: AtomicU64,
}

/// Takes a lock, poisoned or not: see the rule above.
pub(crate) fn hold<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Puts the locks on.
    pub fn new(
        list: NumberList,
        locking: Locking,
        unlocked: Unlocked,
        arena: Arena,
        tables: Tables,
        waits: Waits,
        datagrams: Option<DatagramGauges>,
    ) -> Self {
        Self {
            list,
            locking,
            arena,
            draw: Mutex::default(),
            unlocked,
            tables: Mutex::new(tables),
            sooner: Condvar::new(),
            waits,
            stopping: AtomicBool::new(false),
            locked: AtomicU64::new(0),
            contenders: AtomicU32::new(0),
            datagrams,
            started: Started::now(),
            clients: Clients::default(),
        }
    }

    /// The contents of a fresh block, behind their lock.
    pub fn make_block(offset: u64, size: u64) -> LockedContents {
        Arc::new(Mutex::new(Contents::new(offset, size)))
    }

    /// Answers one request of `caller` at once. `spare` is a buffer to put data in; it may
    /// be taken.
    pub fn answer<'s>(
        &'s self,
        request: &Request<'_>,
        caller: Caller,
        spare: &mut Vec<u8>,
    ) -> Reply<'s> {
        let client = caller.client;
        let answered = match *request {
            // Not by way of a Result: moving one costs as much as the lock.
            Request::Draw { count } => return self.draw(client, count),
            Request::Table { rows, which } => Ok(self.table(rows, which)),
            Request::Lease { size, duration_ms, id_kind } => self.lease(size, duration_ms, id_kind),
            Request::Set { id, ref data } => self.set(id, data),
            Request::Get { id } => self.get(id, spare),
            Request::Renew { id, duration_ms } => self.renew(id, duration_ms),
            Request::Ttl { id } => self.ttl(id),
            Request::Release { id } => self.release(id),
            Request::Join { ref name, committed } => self.join(caller, name, committed),
            Request::Attach { token } => self.attach(caller, token),
            Request::Leave => self.leave(client),
            Request::Report { freeable, efficiency } => self.report(client, freeable, efficiency),
            Request::Grant(ref wanted) => self.request(client, wanted),
            Request::Return { id } => self.return_block(client, id),
            Request::Reuse { size } => self.reuse(client, size),
            Request::Owed => self.owed(client),
            Request::Wait { .. } => self.signal(client),
            Request::Pools => Ok(self.pools()),
            Request::Accounts => Ok(self.accounts()),
            Request::Open { ref name, ref data } => self.open(client, name, data),
            Request::Send { session, ref data } => self.send(client, session, data),
            // To wait no time for it is to take it back unless it was received at once.
            Request::Deliver { session, ref data, .. } => self.deliver_now(client, session, data),
            Request::Publish { ref sessions, ref data } => self.publish(client, sessions, data),
            Request::Receive { session, .. } => self.receive(caller, session, spare),
            Request::Peek { session, offset, length } => {
                self.peek(caller, session, (offset, length), spare)
            }
            Request::Forward { session, to } => self.forward(client, session, to),
            Request::Close { session } => self.close(client, session),
            Request::Sessions => self.sessions(client),
            Request::Lookup { ref name, .. } => self.lookup(name),
            Request::Watch => self.watch(caller),
            Request::Register { size } => self.register(caller, size),
            Request::Grow { size, block } => self.grow(client, block, size),
            Request::Shrink { size, block } => self.shrink(client, block, size),
            Request::Inspect { id, part, if_version } => {
                self.inspect(caller, id, part, if_version, spare)
            }
            Request::Replace { id, ref condition, ref data } => self.replace(id, condition, data),
            Request::List { what } => self.list(caller, what),
            Request::Stats => Ok(self.stats()),
            Request::Tree => Ok(self.tree()),
            Request::Parked => self.parked(),
            Request::Step { client } => self.step(client),
            Request::Help => Ok(Reply::Help),
            Request::Quit => Ok(Reply::Bye),
        };
        answered.unwrap_or_else(Reply::Error)
    }

    /// Changes the tables, and afterwards, without the lock, wakes whom that concerns.
    fn change<T>(&self, change: impl FnOnce(&mut Tables) -> T) -> T {
        let mut tables = hold(&self.tables);
        let sleeps_until = tables.leases.next_wake();
        let changed = change(&mut tables);
        self.let_go(tables, sleeps_until);
        changed
    }

    /// The same, with the time that it is under the lock.
    fn change_now<T>(&self, change: impl FnOnce(&mut Tables, Instant) -> T) -> T {
        self.change(|tables| change(tables, Instant::now()))
    }

    /// Lets go of tables that were changed, which the reaper knew to be due at `sleeps_until`.
    fn let_go(&self, mut tables: MutexGuard<'_, Tables>, sleeps_until: Option<Instant>) {
        let is_other = tables.leases.next_wake() != sleeps_until;
        let (wakers, journal) = (tables.processes.take_wakers(), tables.processes.take_journal());
        drop(tables);
        if is_other {
            self.sooner.notify_one();
        }
        wakers.iter().for_each(|waker| waker.notify_all());
        journal.iter().for_each(|line| log::debug!("{line}"));
    }

    /// The reaping thread: sleeps until a lease ends or the pools are to be looked at, gives
    /// memory back, asks for it, and returns when the server stops.
    pub fn reap_until_stopped(&self) {
        let mut tables = hold(&self.tables);
        while !self.is_stopping() {
            let now = Instant::now();
            let left = tables.leases.next_wake().map(|at| at.saturating_duration_since(now));
            tables = match left {
                Some(Duration::ZERO) => {
                    drop(tables);
                    self.reap(now);
                    self.look_after_processes();
                    hold(&self.tables)
                }
                Some(left) => {
                    let woken = self.sooner.wait_timeout(tables, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.sooner.wait(tables).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Ends processes that were silent for too long, and asks others for memory.
    fn look_after_processes(&self) {
        let ended = self.change_now(|tables, now| {
            // Not each time that a lease ends: it goes through all processes.
            if tables.manager().collect(now) {
                tables.engine().look_after_blocks(now);
                tables.engine().end_silent(now)
            } else {
                Vec::new()
            }
        });
        ended.into_iter().for_each(|number| self.end_process(number));
    }

    fn tree(&self) -> Reply<'_> {
        let tables = hold(&self.tables);
        Reply::Tree(picture(tables.leases.buddy(), MOST_PICTURE))
    }

    /// Counts numbers of a client that was gone before their reply was written.
    pub fn add_undelivered(&self, count: u64) {
        hold(&self.draw).add_undelivered(count);
    }

    /// Who is connected.
    pub fn clients(&self) -> &Clients {
        &self.clients
    }

    /// Tells `stats` how many clients the history knows, and how many replies were sent again.
    pub fn set_history(&self, clients: usize, resent: u64) {
        if let Some(gauges) = &self.datagrams {
            gauges.history.store(clients as u64, Ordering::Relaxed);
            gauges.resent.store(resent, Ordering::Relaxed);
        }
    }

    /// How many numbers the list has.
    pub fn numbers(&self) -> u32 {
        self.list.len()
    }

    /// Whether the server is stopping: connections end when nothing more has come.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Begins the stop and wakes the reaper.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        if let Some(parking) = &self.unlocked.parking {
            parking.open();
        }
        // With the lock held in between, who waits either sees the flag or already waits.
        let wakers = hold(&self.tables).all_wakers();
        self.sooner.notify_all();
        wakers.iter().for_each(|waker| waker.notify_all());
    }

    /// Says which invariant of the tables is broken, if one is.
    ///
    /// # Errors
    /// The invariant, in words.
    pub fn check(&self) -> Result<(), String> {
        hold(&self.tables).check()
    }
}

#[cfg(test)]
#[path = "shared_tests.rs"]
mod tests;
