//! Joining and registering: a client enters administrative memory within a bounded time.
//!
//! ```text
//!   404 try the lock ─ 406 locked? ─ no ──► 410 … 426 under the lock, by the engine
//!    ▲                   │ yes               │ full, or no block
//!    └─ 408 pause ◄──────┘                   └──► take a ticket, sleep on a condition variable
//! ```
//!
//! The patent has one wait state (408) for several cases, and they need different waits. A *locked*
//! memory is free again in microseconds: the thread sleeps for a short time and tries again. A
//! *full* memory has room again when a process ends, a session is closed or a message is freed, and
//! a *block* is free again when another client gives memory back. Nobody knows when that is, so the
//! thread must be woken. Only requests by TCP wait so. Pauses grow, because a lock that is still
//! held after 20 us is probably held for longer:
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
//! 2. A request waits for room or a block for at most `--rendezvous`, counted from its ticket.
//! 3. A later join does not pass a join that waits for room in administrative memory: the engine
//!    looks at the tickets. For a block, the first that fits gets it.
//!
//! **Lock** the tables, by `try_lock`, except in the two rare steps. The end of expired leases also
//! locks their blocks, one at a time. A pause holds no lock.
//!
//! **Simplified** std's lock has no wait with a deadline, so the thread tries again and again. Such
//! a thread has no place in a queue and may be passed by others. A bigger system would use a lock
//! that is fair and has a deadline (`pthread_mutex_timedlock` has the deadline).
//!
//! **Source** `interprocess-communication-patent.txt`, figure 4, steps 404 to 410; paragraph 21.

use std::fmt::Debug;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, MutexGuard, TryLockError};
use std::time::{Duration, Instant};

use super::Full;
use super::commands::{Join, Joined, Register, Registered};
use super::names::NameTicket;
use crate::commands::Reply;
use crate::common::caller::Caller;
use crate::common::description::{Execute, Executed};
use crate::common::error::{Code, Error};
use crate::common::marks::mark;
use crate::cooperative::manager::OwnBlock;
use crate::memory::lease::SpaceNumber;
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

/// A request that enters administrative memory: `join`, or `register`. Each try is one call.
trait Enters: Debug {
    type Done;

    /// Tries to enter under the lock. `moment` is the caller and the time. `waker` becomes the
    /// waker of a process that joins. `ticket` is the ticket of a request that waits; `None` at the
    /// first try. Too little room is no error but `Ok(Err(full))`, because the request may wait.
    fn enter(
        &self,
        tables: &mut ServerTables,
        moment: (Caller, Instant),
        waker: &Arc<Condvar>,
        ticket: Option<NameTicket>,
    ) -> Result<Result<Self::Done, Full>, Error>;
}

impl Enters for Join<'_> {
    type Done = Joined;

    /// `waker` becomes the condition variable of the process.
    fn enter(
        &self,
        tables: &mut ServerTables,
        (caller, now): (Caller, Instant),
        waker: &Arc<Condvar>,
        ticket: Option<NameTicket>,
    ) -> Result<Result<Joined, Full>, Error> {
        // Without a name it is the first space, number 0.
        let space = self.space.as_deref().map_or(Ok(0), |space| named(tables, space))?;
        let own = OwnBlock { size: self.committed, space };
        let joined = tables.engine().join(caller, &self.name, own, waker.clone(), ticket, now)?;
        Ok(joined.map(|token| Joined { token }))
    }
}

impl Enters for Register {
    type Done = Registered;

    /// Ignores the waker and the ticket. The process has a waker since its join. A `register` that
    /// waits has a ticket too, but the engine compares tickets only when processes join
    /// (invariant 3): a block goes to the first request that it fits.
    fn enter(
        &self,
        tables: &mut ServerTables,
        (caller, _): (Caller, Instant),
        _: &Arc<Condvar>,
        _: Option<NameTicket>,
    ) -> Result<Result<Registered, Full>, Error> {
        let registered = tables.engine().register(caller.client, self.size)?;
        Ok(registered.map(|(block, size)| Registered { block, size }))
    }
}

impl Join<'_> {
    /// Returns the same join with words of its own: the bytes of the request are dropped before it
    /// waits.
    fn kept(&self) -> Join<'static> {
        let owned = |text: &str| text.to_string().into();
        let space = self.space.as_deref().map(owned);
        Join { name: owned(&self.name), committed: self.committed, space }
    }
}

impl Execute<Shared> for Join<'_> {
    /// Joins, or refuses when there is no room. This serves datagrams. The process gets a fresh
    /// condition variable, on which its later requests wait.
    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Result<Joined, Error> {
        enter(self, shared, caller, &Arc::default())?.map_err(full)
    }
}

impl Execute<Shared> for Register {
    /// Registers, or refuses when no block is free.
    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Executed<Self> {
        enter(self, shared, caller, &Arc::default())?.map_err(full)
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
        begin(self, shared, caller, || self.kept())
    }
}

impl MayWait for Register {
    /// Returns 0, as for a join.
    fn longest_wait_ms(&self) -> u64 {
        0
    }

    fn may_wait(&self) -> bool {
        true
    }

    fn begin(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Beginning<Self> {
        begin(self, shared, caller, || self.clone())
    }
}

/// Figure 4: tries the lock for a bounded time (steps 404 to 408), and lets the engine do the steps
/// from 410 on under it.
///
/// # Errors
/// `busy` when the lock was not free in time, and those of the engine. Too little room is no error
/// here but `Ok(Err(full))`, because the caller decides whether to wait.
fn enter<E: Enters>(
    entering: &E,
    shared: &Shared,
    caller: Caller,
    waker: &Arc<Condvar>,
) -> Result<Result<E::Done, Full>, Error> {
    shared.rendezvous(caller, |tables, now| {
        let entered = entering.enter(tables, (caller, now), waker, None)?;
        if entered.is_err() {
            tables.sessions.counts.full += 1;
        }
        Ok(entered)
    })
}

/// Enters, or begins to wait for room. `keep` returns the request for the later tries. That request
/// owns its words, because the bytes of the first one are dropped before the wait. The bound of
/// `Reply` is that of [`Waits::new`].
fn begin<E, K>(
    entering: &E,
    shared: &Shared,
    caller: Caller,
    keep: impl FnOnce() -> K,
) -> Result<Begun<E::Done>, Error>
where
    E: Enters,
    K: Enters<Done = E::Done> + 'static,
    Reply<'static>: From<E::Done>,
{
    let waker: Arc<Condvar> = Arc::default();
    match enter(entering, shared, caller, &waker)? {
        Ok(done) => Ok(Begun::Done(done)),
        // The lock is taken a second time here. If room came back in between, the request finds it
        // nevertheless: it looks once before it sleeps for the first time.
        Err(full) => shared.memory.change(|tables, now| {
            let ticket = tables.engine().await_room(&full, waker.clone());
            let rules = ForRoom { entering: keep(), ticket, waker: waker.clone() };
            let deadline = now + shared.waits.rendezvous;
            Ok(Begun::Waits(Waits::new(caller, deadline, waker, rules)))
        }),
    }
}

/// A request that waits for room in administrative memory, or for a block.
#[derive(Debug)]
struct ForRoom<E> {
    entering: E,
    ticket: NameTicket,
    waker: Arc<Condvar>,
}

impl<E: Enters> Waiting for ForRoom<E> {
    type Done = E::Done;

    fn look(&mut self, tables: &mut ServerTables, moment: &Moment) -> Look<E::Done> {
        let Self { entering, ticket, waker } = self;
        let entered = entering.enter(tables, (moment.caller, moment.now), waker, Some(*ticket));
        let mut engine = tables.engine();
        if let Ok(Err(full)) = &entered
            && !moment.is_over
        {
            // The request may have waited for room and now need a block, or the other way round. So
            // it enters the right queue. The room or block that woke it may be enough for another
            // request, which is woken instead.
            engine.await_room_as(*ticket, full, waker.clone());
            engine.wake_next_join();
            engine.wake_for_block();
            return Look::Nothing;
        }
        // Success or not, the ticket is removed now, and the next request in the queue is woken if
        // there is room for it. A ticket that stayed would block the queue for ever.
        engine.forget_room(*ticket);
        Look::Answered(entered.and_then(|entered| entered.map_err(full)))
    }

    fn give_up(&mut self, shared: &Shared) -> Result<E::Done, Error> {
        shared.engine(|engine, _| engine.forget_room(self.ticket));
        Err(stopped_waiting())
    }
}

impl Shared {
    /// Changes the tables, if their lock is free within the time of a rendezvous. When no block was
    /// free and leases have expired, ends those leases and tries the change a second time. So a
    /// `change` that fails must leave nothing behind.
    ///
    /// # Errors
    /// `busy` when the lock was not free in time, and those of `change`.
    pub(super) fn rendezvous<T>(
        &self,
        caller: Caller,
        change: impl Fn(&mut ServerTables, Instant) -> Result<Result<T, Full>, Error>,
    ) -> Result<Result<T, Full>, Error> {
        let enter = || {
            let mut locked = self.memory.begin_change(self.try_lock_for(caller)?);
            let changed = change(locked.tables(), Instant::now());
            self.memory.unlock_and_wake(locked);
            changed
        };
        match enter() {
            // A lease that has expired must not keep memory from others, also when the reaper has
            // not ended it yet.
            Ok(Err(Full::Block { .. })) if self.memory.reap_all(Instant::now()) => enter(),
            entered => entered,
        }
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
                    // Counted for `stats`, once for each call, however many tries it takes.
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

/// Returns the number of the memory space of that name.
///
/// # Errors
/// `not-found`, with the names that there are.
fn named(tables: &ServerTables, name: &str) -> Result<SpaceNumber, Error> {
    tables.leases.space_named(name).ok_or_else(|| {
        let figures = tables.leases.space_figures();
        let names: Vec<&str> = figures.iter().map(|space| &*space.name).collect();
        let text = format!("there is no such memory space; there is {}", names.join(", "));
        Error::new(Code::NotFound, text)
    })
}

/// Returns the refusal of a request for which there was no room in time.
fn full(full: Full) -> Error {
    let text = "administrative memory is full; try again when a process has left";
    match full {
        Full::Administration => Error::new(Code::OutOfMemory, text),
        Full::Block { error, .. } => error,
    }
}
