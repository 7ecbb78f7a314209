//! Joining and registering: administrative memory is entered within a bounded time.
//!
//! ```text
//!   404 try the lock ─ 406 locked? ─ 410 … 426 under it: the engine's
//!    ▲                   │ yes
//!    └─ pause, 20 us … 1 ms: 408            full: wait by a condition variable of its own
//! ```
//!
//! **Invariants** nothing here waits for the lock in any other way. A client without a connection
//! tries for 1 ms at most: one thread serves them all.
//!
//! **Lock** the tables, tried. **Simplified** std's lock cannot be waited for with a deadline, so it
//! is tried again and again; a thread that tries has no place in a queue.
//!
//! **Source** `interprocess-communication-patent.txt`, figure 4, steps 404 to 410.

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
use crate::server::waiting::{Begun, Look, MayWait, Moment, Waiting, Waits, stopped_waiting};

/// How long a rendezvous pauses before it tries the lock again, at first and at most.
const SHORTEST_PAUSE: Duration = Duration::from_micros(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(1);

/// How long a client without a connection tries: all the others wait meanwhile.
const UNCONNECTED: Duration = Duration::from_millis(1);

impl Execute<Shared> for Join<'_> {
    type Done = Joined;

    /// Joins without waiting for room.
    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Result<Joined, Error> {
        self.enter(shared, caller, &Arc::default())?.map_err(|Full| full())
    }
}

impl MayWait for Join<'_> {
    /// The server says how long a join waits for room, so a client's limit does not count it.
    fn longest_wait_ms(&self) -> u64 {
        0
    }

    fn may_wait(&self) -> bool {
        true
    }

    fn begin(
        &self,
        shared: &Shared,
        caller: Caller,
        _: &mut Vec<u8>,
    ) -> Result<Begun<Joined>, Error> {
        let waker: Arc<Condvar> = Arc::default();
        match self.enter(shared, caller, &waker)? {
            Ok(joined) => Ok(Begun::Done(joined)),
            Err(Full) => shared.memory.change(|tables, now| {
                let ticket = tables.engine().await_room(waker.clone());
                let (name, committed) = (self.name.to_string(), self.committed);
                let how = ForRoom { name, committed, ticket, waker: waker.clone() };
                let deadline = now + shared.waits.rendezvous;
                Ok(Begun::Waits(Waits::new(caller, deadline, waker, how)))
            }),
        }
    }
}

impl Join<'_> {
    /// Figure 4: its lock is tried for a bounded time, steps 404 to 408.
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
                tables.sessions.note_full();
            }
            Ok(joined.map(|token| Joined { token }))
        })
    }
}

/// Waits until administrative memory has room for one more process.
#[derive(Debug)]
struct ForRoom {
    name: String,
    committed: Option<u64>,
    ticket: NameTicket,
    waker: Arc<Condvar>,
}

impl Waiting for ForRoom {
    type Done = Joined;

    fn look(&mut self, tables: &mut ServerTables, turn: &Moment) -> Look<Joined> {
        let Self { name, committed, ticket, waker } = self;
        let mut engine = tables.engine();
        let joined =
            engine.join(turn.caller, name, *committed, waker.clone(), Some(*ticket), turn.now);
        if matches!(joined, Ok(Err(Full))) && !turn.is_over {
            return Look::Nothing;
        }
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
    /// Changes the tables when their lock can be had within the time of a rendezvous; a second
    /// time when memory was missing of which some had expired.
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
            // Leases that have expired and were not struck yet are in the way of no other.
            Code::OutOfMemory if self.memory.reap_all(Instant::now()) => enter(),
            _ => Err(error),
        })
    }

    /// Steps 404 to 410.
    fn try_lock_for(&self, caller: Caller) -> Result<MutexGuard<'_, ServerTables>, Error> {
        let patience = if caller.is_connected { self.waits.rendezvous } else { UNCONNECTED };
        let deadline = Instant::now() + patience;
        let mut pause = SHORTEST_PAUSE;
        let mut was_locked = false;
        let tables = loop {
            match self.memory.tables().try_lock() {
                Ok(tables) => break tables,
                Err(TryLockError::Poisoned(poisoned)) => break poisoned.into_inner(),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    if !was_locked {
                        self.locked.fetch_add(1, Ordering::Relaxed);
                    }
                    was_locked = true;
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(LONGEST_PAUSE);
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

fn full() -> Error {
    let text = "administrative memory is full; try again when a process has left";
    Error::new(Code::OutOfMemory, text)
}
