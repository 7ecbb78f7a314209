//! Joining and registering: a client enters administrative memory within a bounded time.
//!
//! ```text
//!   404 try the lock ─ 406 locked? ─ no ──► 410 … 426 under the lock, by the engine
//!    ▲                   │ yes               │ full
//!    └─ 408 pause ◄──────┘                   └──► take a ticket, sleep on a condition variable
//! ```
//!
//! The patent has one wait state (408) for two cases, and they need different waits. A *locked*
//! memory is free again in microseconds: the thread sleeps for a short time and tries again. A
//! *full* memory has room again when a process ends, a session is closed or a message is freed.
//! Nobody knows when that is, so the thread must be woken. Only a `join` by TCP waits for room;
//! `register` fails at once. Pauses grow, because a lock that is still held after 20 us is probably
//! held for longer:
//!
//! ```text
//!   try ─20 us─ try ─40─ try ─80─ try ─160─ try ─320─ try ─640─ try ─1 ms─ try ─1 ms─ … busy
//! ```
//!
//! **Invariants**
//!
//! 1. A thread tries the lock for `--rendezvous` (default 1 s) and at most one more pause, and then
//!    gives up. For a client without a connection it tries for 1 ms, because one thread serves all
//!    those clients. When expired leases were ended to make room, it tries for the same time once
//!    more. Two rare steps wait for the lock as other requests do: a join that has to wait for
//!    room, from its ticket on; and, when memory was missing, the search for expired leases and
//!    their end.
//! 2. A join waits for room for at most `--rendezvous`, counted from its ticket.
//! 3. A later join does not pass a join that waits for room: the engine looks at the tickets.
//!
//! **Lock** the tables, by `try_lock`, except in the two rare steps. The end of expired leases also
//! locks their blocks, one at a time. A pause holds no lock.
//!
//! **Simplified** std's lock has no wait with a deadline, so the thread tries again and again. Such
//! a thread has no place in a queue and may be passed by others. A bigger system would use a lock
//! that is fair and has a deadline (`pthread_mutex_timedlock` has the deadline).
//!
//! **Source** `interprocess-communication-patent.txt`, figure 4, steps 404 to 410; paragraph 21.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, MutexGuard, TryLockError};
use std::time::{Duration, Instant};

use super::Full;
use super::commands::{Join, Joined};
use super::names::NameTicket;
use crate::common::caller::Caller;
use crate::common::description::Execute;
use crate::common::error::{Code, Error};
use crate::common::marks::mark;
use crate::server::shared::Shared;
use crate::server::tables::ServerTables;
use crate::server::waiting::{
    Beginning, Begun, Look, MayWait, Moment, Waiting, Waits, stopped_waiting,
};

/// The first pause before a rendezvous tries the lock again. Each pause is twice as long as the one
/// before, up to [`MAX_PAUSE`].
const MIN_PAUSE: Duration = Duration::from_micros(20);
/// The longest pause. It bounds the time after which a thread notices that the lock is free. The
/// 1,000 tries a second cost the thread little.
const MAX_PAUSE: Duration = Duration::from_millis(1);

/// The time for which the server tries the lock for a client without a connection. One thread
/// serves all datagrams, so the other clients without a connection wait meanwhile.
const UNCONNECTED: Duration = Duration::from_millis(1);

impl Execute<Shared> for Join<'_> {
    /// Joins, or refuses when administrative memory is full. This serves datagrams. The process
    /// gets a fresh condition variable, on which its later requests wait.
    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Result<Joined, Error> {
        self.enter(shared, caller, &Arc::default())?.map_err(|Full| full())
    }
}

impl MayWait for Join<'_> {
    /// Returns 0, because the request has no duration: the server's `--rendezvous` bounds the wait.
    /// A datagram that names a wait is refused; with 0 it may join. Its join never waits for room.
    fn longest_wait_ms(&self) -> u64 {
        0
    }

    fn may_wait(&self) -> bool {
        true
    }

    fn begin(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Beginning<Self> {
        let waker: Arc<Condvar> = Arc::default();
        match self.enter(shared, caller, &waker)? {
            Ok(joined) => Ok(Begun::Done(joined)),
            // This is a second hold of the lock. Room that came back in between is not missed: the
            // first look of a waiting request comes before its first sleep.
            Err(Full) => shared.memory.change(|tables, now| {
                let ticket = tables.engine().await_room(waker.clone());
                let (name, committed) = (self.name.to_string(), self.committed);
                let rules = ForRoom { name, committed, ticket, waker: waker.clone() };
                let deadline = now + shared.waits.rendezvous;
                Ok(Begun::Waits(Waits::new(caller, deadline, waker, rules)))
            }),
        }
    }
}

impl Join<'_> {
    /// Figure 4: tries the lock for a bounded time (steps 404 to 408), and lets the engine do the
    /// steps from 410 on under it. `waker` becomes the condition variable of the process.
    ///
    /// # Errors
    /// `busy` when the lock was not free in time, and those of the engine's join. A full memory is
    /// no error here but `Ok(Err(Full))`, because the caller decides whether to wait.
    fn enter(
        &self,
        shared: &Shared,
        caller: Caller,
        waker: &Arc<Condvar>,
    ) -> Result<Result<Joined, Full>, Error> {
        shared.rendezvous(caller, |tables, now| {
            let (name, committed) = (&self.name, self.committed);
            let waker = waker.clone();
            let joined = tables.engine().join(caller, name, committed, waker, None, now)?;
            if joined.is_err() {
                tables.sessions.counts.full += 1;
            }
            Ok(joined.map(|token| Joined { token }))
        })
    }
}

/// A join that waits until administrative memory has room. It keeps the request's fields, because
/// each look tries the join again.
#[derive(Debug)]
struct ForRoom {
    name: String,
    committed: Option<u64>,
    ticket: NameTicket,
    waker: Arc<Condvar>,
}

impl Waiting for ForRoom {
    type Done = Joined;

    fn look(&mut self, tables: &mut ServerTables, moment: &Moment) -> Look<Joined> {
        let Self { name, committed, ticket, waker } = self;
        let mut engine = tables.engine();
        let joined =
            engine.join(moment.caller, name, *committed, waker.clone(), Some(*ticket), moment.now);
        if matches!(joined, Ok(Err(Full))) && !moment.is_over {
            return Look::Nothing;
        }
        // Success or not, the ticket is removed now, and the next join in the queue is woken if
        // there is room for it. A ticket that stayed would block the queue for ever.
        engine.forget_room(*ticket);
        Look::Answered(match joined {
            Ok(Ok(token)) => Ok(Joined { token }),
            Ok(Err(Full)) => Err(full()),
            Err(error) => Err(error),
        })
    }

    fn give_up(&mut self, shared: &Shared) -> Result<Joined, Error> {
        shared.memory.change(|tables, _| tables.engine().forget_room(self.ticket));
        Err(stopped_waiting())
    }
}

impl Shared {
    /// Changes the tables, if their lock is free within the time of a rendezvous. When memory was
    /// missing and leases have expired, ends those leases and tries the change a second time. So a
    /// `change` that fails must leave nothing behind.
    ///
    /// # Errors
    /// `busy` when the lock was not free in time, and those of `change`.
    pub(super) fn rendezvous<T>(
        &self,
        caller: Caller,
        change: impl Fn(&mut ServerTables, Instant) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let enter = || {
            let mut locked = self.memory.begin_change(self.try_lock_for(caller)?);
            let changed = change(locked.tables(), Instant::now());
            self.memory.unlock_and_wake(locked);
            changed
        };
        enter().or_else(|error| match error.code {
            // A lease that has expired must not keep memory from others, also when the reaper has
            // not ended it yet.
            Code::OutOfMemory if self.memory.reap_all(Instant::now()) => enter(),
            _ => Err(error),
        })
    }

    /// Steps 404 to 410: locks the tables. Tries for `--rendezvous`, or for [`UNCONNECTED`] if the
    /// caller has no connection.
    ///
    /// # Errors
    /// `busy` when the lock was not free in time.
    fn try_lock_for(&self, caller: Caller) -> Result<MutexGuard<'_, ServerTables>, Error> {
        let patience = if caller.is_connected { self.waits.rendezvous } else { UNCONNECTED };
        let deadline = Instant::now() + patience;
        let mut pause = MIN_PAUSE;
        let mut was_locked = false;
        let tables = loop {
            match self.memory.tables().try_lock() {
                Ok(tables) => break tables,
                // The rule for a poisoned lock: see `crate::common::lock`.
                Err(TryLockError::Poisoned(poisoned)) => break poisoned.into_inner(),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    // Counted once for each call, however many tries it takes.
                    if !was_locked {
                        self.found_locked.fetch_add(1, Ordering::Relaxed);
                    }
                    was_locked = true;
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(MAX_PAUSE);
                }
                Err(TryLockError::WouldBlock) => {
                    let text = "administrative memory stayed locked for too long; try again later";
                    return Err(Error::new(Code::Busy, text));
                }
            }
        };
        if was_locked {
            mark!(steps 402, 404, 406, 408);
        }
        Ok(tables)
    }
}

/// Returns the refusal of a join for which there was no room in time.
fn full() -> Error {
    let text = "administrative memory is full; try again when a process has left";
    Error::new(Code::OutOfMemory, text)
}
