//! The one struct that all threads share. Its fields are the locks.
//!
//! | lock | guards | taken by | held with |
//! | --- | --- | --- | --- |
//! | the draw, in [`Numbers`] | counter, turns, undelivered | a draw, `table`, `stats`, the end of a connection | no other |
//! | the tables, in [`Memory`] | administrative memory: leases, their order, the allocator, pools, processes, sessions, where messages lie, who waits | all requests about memory, processes and sessions, the end of a connection, the reaper | no other |
//! | one for each block, in its [`Contents`](crate::memory::arena::Contents) | the block's bytes, their length, whether it was released | set, get, the copies of messages, and the end of a lease, grant or process | no other |
//! | the clients, in [`Clients`] | who is connected | the accepting thread, the end of a connection, `list connections`, `stats`, the stop | no other |
//! | the [`Parking`](crate::numbers::parking::Parking)'s | whose step is next; of a lab server only | its draws, `parked`, `step` | no other |
//!
//! Two kinds of condition variable go with the tables: one for the reaper, and one for each
//! process, on which its clients wait ([`super::waiting`]).
//!
//! **Invariants**
//!
//! 1. No thread holds two locks, so no two can wait for each other in a circle.
//! 2. Under a lock no socket is read or written and nothing is logged.
//! 3. A poisoned lock is taken as it is: [`crate::common::lock`] says why that is safe.
//!
//! **Source** the homework (a lock around the counter); the patent's separate locks for the
//! administrative memory and for each block.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::clients::Clients;
use super::tables::ServerTables;
use crate::common::caller::ClientNumber;
use crate::common::lock::lock;
use crate::memory::arena::Arena;
use crate::memory::service::Memory;
use crate::numbers::draw::Numbers;

/// The one struct that all threads share.
#[derive(Debug)]
pub struct Shared {
    /// Chapter 1: the list, and its counter behind the draw's lock. Each draw locks it.
    pub numbers: Numbers,
    /// Chapter 2: the arena, and the tables behind their lock. Later chapters have tables there too.
    pub memory: Memory<ServerTables>,
    /// The connected clients, behind a lock of their own.
    pub clients: Clients,
    /// How long a request may wait. Never changes.
    pub waits: WaitLimits,
    /// Of datagrams, when they are served: the `udp` thread sets them, `stats` shows them.
    pub datagrams: Option<DatagramGauges>,
    /// Rendezvous that found the tables locked: step 408. They guard nothing.
    pub locked: AtomicU64,
    /// The most threads that ever held or waited for the lock of one block's bytes in a session.
    pub contenders: AtomicU32,
    /// The server stops: connections end when nothing more has come.
    is_stopping: AtomicBool,
}

/// How long may be waited.
#[derive(Debug, Clone, Copy)]
pub struct WaitLimits {
    /// By a request that says how long.
    pub longest: Duration,
    /// By a join, for administrative memory.
    pub rendezvous: Duration,
}

/// The figures of datagrams in `stats`.
#[derive(Debug, Default)]
pub struct DatagramGauges {
    /// How many clients the history knows.
    pub history: AtomicU64,
    /// How many replies were sent again.
    pub resent: AtomicU64,
}

impl Shared {
    /// Puts the locks on.
    pub fn new(
        numbers: Numbers,
        arena: Arena,
        tables: ServerTables,
        waits: WaitLimits,
        datagrams: Option<DatagramGauges>,
    ) -> Self {
        Self {
            numbers,
            memory: Memory::new(arena, tables),
            clients: Clients::default(),
            waits,
            datagrams,
            locked: AtomicU64::new(0),
            contenders: AtomicU32::new(0),
            is_stopping: AtomicBool::new(false),
        }
    }

    /// A client without a connection was heard.
    pub fn hear(&self, client: ClientNumber) {
        self.memory.read(|tables, now| tables.processes.hear(client, now));
    }

    /// A connection has ended: if it was its process's last, so does that.
    pub fn disconnect(&self, client: ClientNumber) {
        let ended = self.memory.change(|tables, now| tables.engine().disconnect(client, now));
        if let Some(number) = ended {
            self.end_process(number);
        }
    }

    /// The reaping thread: sleeps until a lease ends or the pools are to be looked at, gives
    /// memory back, asks for it, and returns when the server stops.
    pub fn reap_until_stopped(&self) {
        let mut tables = lock(self.memory.tables());
        while !self.is_stopping() {
            let now = Instant::now();
            let left = tables.leases.next_wake().map(|at| at.saturating_duration_since(now));
            let wakeup = self.memory.reaper_wakeup();
            tables = match left {
                Some(Duration::ZERO) => {
                    drop(tables);
                    self.memory.reap(now);
                    self.look_after_processes();
                    lock(self.memory.tables())
                }
                Some(left) => {
                    wakeup.wait_timeout(tables, left).unwrap_or_else(PoisonError::into_inner).0
                }
                None => wakeup.wait(tables).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Ends processes that were silent for too long, and asks others for memory.
    fn look_after_processes(&self) {
        let ended = self.memory.change(|tables, now| {
            // Not each time that a lease ends: it goes through all processes.
            if !tables.manager().collect(now) {
                return Vec::new();
            }
            let mut engine = tables.engine();
            engine.look_after_blocks(now);
            engine.end_silent(now)
        });
        for number in ended {
            self.end_process(number);
        }
    }

    /// Whether the server is stopping.
    pub fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Acquire)
    }

    /// Begins the stop, and wakes every thread that waits for the tables or for its turn.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
        self.numbers.unlocked().stop();
        // With the lock held in between, a thread either sees the flag or already waits.
        let wakers = self.memory.read(|tables, _| tables.all_wakers());
        self.memory.reaper_wakeup().notify_all();
        wakers.iter().for_each(|waker| waker.notify_all());
    }

    /// Says which invariant of the tables is broken, if one is.
    ///
    /// # Errors
    /// The invariant, in words.
    pub fn check(&self) -> Result<(), String> {
        self.memory.read(|tables, _| tables.check())
    }
}

#[cfg(test)]
#[path = "shared_tests.rs"]
mod tests;
