//! Joining and registering: administrative memory is entered within a bounded time.
//!
//! ```text
//!   404 try the lock ─ 406 locked? ─ 410 … 426 under it: the engine's
//!    ▲                   │ yes
//!    └─ pause, 20 us … 1 ms: 408            full: wait by a condition variable of one's own
//! ```
//!
//! **Invariants** nothing here waits for the lock in any other way. Whoever has no connection
//! tries for 1 ms at most: one thread serves them all.
//!
//! **Lock** the tables, tried. **Simplified** std's lock cannot be waited for with a deadline, so it
//! is tried again and again; who tries has no place in a queue.
//!
//! **Source** `interprocess-communication-patent.txt`, figure 4, steps 404 to 410.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, MutexGuard, TryLockError};
use std::time::{Duration, Instant};

use crate::common::marks::mark;
use crate::cooperative::manager::Caller;
use crate::message::{Code, Error, Reply};
use crate::server::shared::waiting::{Waiting, What};
use crate::server::shared::{Shared, Tables};
use crate::sessions::Full;

/// How long a rendezvous pauses before it tries the lock again, at first and at most.
const SHORTEST_PAUSE: Duration = Duration::from_micros(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(1);

/// How long one who has no connection tries: all the others wait meanwhile.
const UNCONNECTED: Duration = Duration::from_millis(1);

impl Shared {
    /// Figure 4 for a connection, which waits while administrative memory is full.
    pub(super) fn join_or_wait(
        &self,
        caller: Caller,
        name: &str,
        committed: Option<u64>,
    ) -> Result<Result<Reply<'_>, Waiting>, Error> {
        let waker: Arc<Condvar> = Arc::default();
        match self.enter(caller, name, committed, &waker)? {
            Ok(reply) => Ok(Ok(reply)),
            Err(Full) => self.change_now(|tables, now| {
                let ticket = tables.engine().await_room(waker.clone());
                let name = name.to_string();
                let what = What::Room { name, committed, ticket };
                Ok(Err(Waiting { caller, what, deadline: now + self.waits.rendezvous, waker }))
            }),
        }
    }

    /// Figure 4: its lock is tried for a bounded time, steps 404 to 408.
    fn enter(
        &self,
        caller: Caller,
        name: &str,
        committed: Option<u64>,
        waker: &Arc<Condvar>,
    ) -> Result<Result<Reply<'static>, Full>, Error> {
        self.rendezvous(caller, |tables, now| {
            let joined = tables.engine().join(caller, name, committed, waker.clone(), None, now)?;
            if joined.is_err() {
                tables.sessions.note_full();
            }
            Ok(joined.map(|token| Reply::Joined { token }))
        })
    }

    /// Changes the tables when their lock can be had within the time of a rendezvous; a second
    /// time when memory lacked of which some had expired.
    pub(super) fn rendezvous<T>(
        &self,
        caller: Caller,
        change: impl Fn(&mut Tables, Instant) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let enter = || {
            let mut tables = self.try_for(caller)?;
            let sleeps_until = tables.leases.next_wake();
            let changed = change(&mut tables, Instant::now());
            self.let_go(tables, sleeps_until);
            changed
        };
        enter().or_else(|error| match error.code {
            // What has expired and nobody struck yet stands in nobody's way.
            Code::OutOfMemory if self.reap_all(Instant::now()) => enter(),
            _ => Err(error),
        })
    }

    /// Steps 404 to 410.
    fn try_for(&self, caller: Caller) -> Result<MutexGuard<'_, Tables>, Error> {
        let patience = if caller.is_connected { self.waits.rendezvous } else { UNCONNECTED };
        let deadline = Instant::now() + patience;
        let mut pause = SHORTEST_PAUSE;
        let mut is_locked = false;
        let tables = loop {
            match self.tables.try_lock() {
                Ok(tables) => break tables,
                Err(TryLockError::Poisoned(poisoned)) => break poisoned.into_inner(),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    if !is_locked {
                        self.locked.fetch_add(1, Ordering::Relaxed);
                    }
                    is_locked = true;
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(TryLockError::WouldBlock) => {
                    let text = "administrative memory stayed locked for too long; try again later";
                    return Err(Error::new(Code::Busy, text));
                }
            }
        };
        if is_locked {
            mark!(steps 402, 404, 406, 408);
        }
        Ok(tables)
    }

    /// A join that does not wait for room.
    pub(super) fn join(
        &self,
        caller: Caller,
        name: &str,
        committed: Option<u64>,
    ) -> Result<Reply<'_>, Error> {
        self.enter(caller, name, committed, &Arc::default())?.map_err(|Full| full())
    }
}

pub(super) fn full() -> Error {
    let text = "administrative memory is full; try again when a process has left";
    Error::new(Code::OutOfMemory, text)
}
