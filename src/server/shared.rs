//! The one struct that all threads share. Its fields have the locks.
//!
//! ```text
//!   accept ───┐                ┌─ numbers ─── the draw's lock ──── counter, record
//!   client-1 ─┤                ├─ memory ─┬── the tables' lock ─── leases, processes, sessions
//!   client-2 ─┼─► Arc<Shared> ─┤          └── a lock for each block: its bytes
//!   look ─────┤                ├─ lookout ── the lookout's lock ── sockets of waiting clients
//!   reap ─────┤                ├─ clients ── the clients' lock ─── the connected clients
//!   udp ──────┘                └─ counts and the flag of the stop: atomics, no lock
//! ```
//!
//! | lock | guards |
//! | --- | --- |
//! | the draw's, in [`Numbers`] | the counter, the record, the count of undelivered numbers |
//! | the tables', in [`Memory`] | leases, allocator, pools, processes, sessions, queues |
//! | one for each block of memory | its bytes, their length, whether it was released |
//! | the clients', in [`Clients`] | the connected clients, the last client number |
//! | the two [`Turnstile`]s', one each | how many threads make a list now; how many end a client |
//! | the lookout's, in [`Lookout`] | the sockets of clients whose requests wait |
//! | that of the account of buffers, in [`Buffers`] | the memory of each connection's buffers |
//! | the guesses', in [`Guesses`] | how many wrong guesses are left |
//! | the [`Parking`](crate::numbers::parking::Parking)'s, in a lab server | parked draws, plan |
//!
//! Condition variables go with the tables' lock: one for the reaper, one for each process, and one
//! for each `join`, `register` or `lookup` that waits ([`super::waiting`]). Others go with the
//! other locks: one each with the clients', a turnstile's, the lookout's and that of the account of
//! buffers, and two with the guesses'.
//!
//! **Invariants**
//!
//! 1. No thread holds two locks at once. So no two threads can each hold the lock that the other
//!    waits for: there is no deadlock, and no order of locks to remember.
//! 2. Under a lock no thread waits for a socket, and none logs. So a lock is usually held for
//!    microseconds, however slow a client is. (Under its own lock the lookout only peeks at
//!    sockets, which never waits.) Two locks are sometimes held for milliseconds: a block's lock
//!    while a large message or lease is copied, and the clients' lock while the stop shuts down
//!    every socket.
//! 3. A thread takes a poisoned lock as it is: [`crate::common::lock`] says why that is safe.
//!
//! **Simplified** one lock for all tables. A bigger server divides the tables among several locks,
//! and then needs an order in which a thread takes two of them.
//!
//! **Source** `loot-box.txt`, a lock around the counter; `interprocess-communication-patent.txt`,
//! separate locks for the administrative memory and for each block.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::buffers::Buffers;
use super::clients::Clients;
use super::lookout::Lookout;
use super::tables::ServerTables;
use super::turnstile::Turnstile;
use crate::common::caller::ClientNumber;
use crate::common::guesses::Guesses;
use crate::common::lock::{lock, sleep};
use crate::memory::arena::Arena;
use crate::memory::service::Memory;
use crate::numbers::draw::Numbers;

/// The one struct that all threads share. Each method locks at most one lock at a time.
#[derive(Debug)]
pub struct Shared {
    /// Chapter 1: the list of numbers, and its counter. The draw's lock, inside, guards the
    /// counter, the record and the count of undelivered numbers; client threads and `udp` take it.
    /// In a lab server client threads and the stop take the parking's lock too. The list never
    /// changes, so reading it needs no lock.
    pub numbers: Numbers,
    /// Chapters 2, 5 and 6: the arena and the tables. The tables' lock, inside, guards the tables;
    /// client threads, `udp`, `reap` and the stop take it. Each block's lock guards its words of
    /// the arena; client threads, `udp` and `reap` take it.
    pub memory: Memory<ServerTables>,
    /// The connected clients, behind a lock of their own: `accept` inserts a client, the client's
    /// thread removes it, and the stop shuts down their sockets.
    pub clients: Clients,
    /// Where clients' threads wait for their turn to make a list, behind a lock of its own.
    pub lists: Turnstile,
    /// Where clients' threads wait for their turn to end, behind a lock of its own. When thousands
    /// of clients go at once, only a few of their threads want the tables' lock at a time, and the
    /// request of another client gets it soon.
    ends: Turnstile,
    /// The clients of waiting requests, whose sockets `look` looks at, behind a lock of its own.
    pub lookout: Lookout,
    /// The memory for the buffers of all connections, behind a lock of its own.
    pub buffers: Buffers,
    /// The budget of wrong guesses, behind a lock of its own. The policy of the formats has the
    /// same budget, because a wrong password is a wrong guess too.
    pub guesses: Arc<Guesses>,
    /// The longest waits of requests. Set at the start and never changed, so every thread reads
    /// them without a lock.
    pub waits: WaitLimits,
    /// The figures of the `udp` thread; `None` if the server takes no datagrams. Only `udp` writes
    /// them, only `stats` reads them, and no lock guards them.
    pub datagrams: Option<DatagramGauges>,
    /// The number of `join`s and `register`s, the patent's *rendezvous*, that found the tables
    /// locked and had to pause (step 408). Client threads and `udp` add to it, `stats` reads it.
    /// Atomic and relaxed: no other data depends on it.
    pub found_locked: AtomicU64,
    /// The most threads that at one time held the lock of one block, or waited for it, to copy a
    /// message. Those threads write it, `stats` reads it; atomic and relaxed, as `found_locked`.
    pub contenders: AtomicU32,
    /// The server stops. The thread that calls [`Shared::stop`] sets it once; the other threads
    /// read it and end when they have no more work. Atomic, because `accept`, `udp` and the
    /// clients' threads read it without a lock.
    is_stopping: AtomicBool,
}

/// The longest waits of requests.
#[derive(Debug, Clone, Copy)]
pub struct WaitLimits {
    /// The longest wait that a request may name; a longer one is refused. `--idle-timeout` may end
    /// a wait before that.
    pub longest: Duration,
    /// The time for which a `join` or a `register` over TCP tries to lock the tables; over UDP it
    /// tries for 1 ms. If administrative memory is full then, or no block is free, it waits for
    /// that, again for at most this time.
    pub rendezvous: Duration,
}

/// The figures of datagrams in `stats`. The two may be of different moments.
#[derive(Debug, Default)]
pub struct DatagramGauges {
    /// The number of clients in the history.
    pub history: AtomicU64,
    /// The number of replies that were sent again from the history.
    pub resent: AtomicU64,
}

impl Shared {
    /// Makes the struct: puts the tables behind their lock, with no client connected yet. Starts no
    /// thread.
    pub fn new(
        numbers: Numbers,
        arena: Arena,
        tables: ServerTables,
        waits: WaitLimits,
        datagrams: Option<DatagramGauges>,
        guesses: Arc<Guesses>,
        buffers: Buffers,
    ) -> Self {
        Self {
            numbers,
            memory: Memory::new(arena, tables),
            clients: Clients::default(),
            lists: Turnstile::default(),
            ends: Turnstile::default(),
            lookout: Lookout::default(),
            buffers,
            guesses,
            waits,
            datagrams,
            found_locked: AtomicU64::new(0),
            contenders: AtomicU32::new(0),
            is_stopping: AtomicBool::new(false),
        }
    }

    /// Notes that a client without a connection has just sent a datagram. `udp` calls this for each
    /// request that it executes. The server unregisters such a client when it was silent for
    /// `--process-idle`, and ends a process that has no client left. `with_tables` is enough for
    /// this change, because no thread waits for it.
    pub fn hear(&self, client: ClientNumber) {
        self.memory.with_tables(|tables, now| tables.processes.hear(client, now));
    }

    /// Unregisters a connection that has ended. If it was the last client of its process, ends the
    /// process too and gives back its blocks. Waits for its turn at the turnstile for ends. Locks
    /// the tables, and then, if the process ended, each block and the tables in turn.
    pub fn disconnect(&self, client: ClientNumber) {
        // During the stop this is `None` at once. Then all clients end at the same time; the server
        // takes no new requests, which this could delay.
        let _stay = self.ends.enter();
        let ended = self.memory.change(|tables, now| tables.engine().disconnect(client, now));
        if let Some(number) = ended {
            self.end_process(number);
        }
    }

    /// Runs the `reap` thread: sleeps until a lease ends or a check of the pools is due, gives
    /// memory back, and returns when the server stops.
    ///
    /// ```text
    ///   lock ─► flag? ─► nothing due: wait on the condition variable (unlocks) ─► locked again ─┐
    ///     ▲       └────► due: unlock ─► reap up to 1024 leases, check processes ─► lock ─────────┤
    ///     └─────────────────────────────────────────────────────────────────────────────────────┘
    /// ```
    ///
    /// Each pass begins with the tables locked, so the next deadline cannot change between the look
    /// at it and the wait. The wrong way is a sleep of a fixed time: it often ends when no lease
    /// has expired, and an expired lease waits up to that time.
    pub fn reap_until_stopped(&self) {
        let mut tables = lock(self.memory.tables());
        while !self.is_stopping() {
            let now = Instant::now();
            let left = tables.leases.next_wake().map(|at| at.saturating_duration_since(now));
            tables = if left == Some(Duration::ZERO) {
                // `reap` locks the tables itself; std's mutex would deadlock if this thread held
                // it.
                drop(tables);
                self.memory.reap(now);
                self.check_processes();
                lock(self.memory.tables())
            } else {
                sleep(self.memory.reaper_wakeup(), tables, left.unwrap_or(Duration::MAX))
            };
        }
    }

    /// Asks processes for memory, and ends processes whose clients were silent for too long.
    fn check_processes(&self) {
        let silent = self.memory.change(|tables, now| {
            // `collect` knows when a look at the pools is due. A lease that ends wakes this thread
            // too, and a walk over all processes each time would cost more than the lease.
            if !tables.manager().collect(now) {
                return None;
            }
            // Shrinks blocks that grew, if memory is short.
            tables.engine().look_after_blocks(now);
            Some(tables.processes.silent(now))
        });
        let Some(silent) = silent else { return };
        // Processes that ended before, and whose messages were kept until now.
        let next_kept = |tables: &mut ServerTables, now| tables.engine().next_kept_long_enough(now);
        while let Some(number) = self.memory.change(next_kept) {
            self.end_process(number);
        }
        // The tables are locked anew for each silent client. Thousands may be silent at the same
        // time, and under one hold of the lock all requests would wait until the last of them is
        // removed. `end_process` also needs the tables unlocked: it locks each block, and no thread
        // holds two locks.
        for client in silent {
            let end = |tables: &mut ServerTables, now| tables.engine().end_silent(client, now);
            if let Some(number) = self.memory.change(end) {
                self.end_process(number);
            }
        }
    }

    /// Runs the `look` thread, until the server stops.
    pub fn look_until_stopped(&self) {
        self.lookout.look_until_closed(|wakers| {
            // A client's thread checks its flag and begins to sleep under one hold of this lock. So
            // after this lock it has seen the flag, or it sleeps and the notification reaches it.
            drop(lock(self.memory.tables()));
            wakers.iter().for_each(|waker| waker.notify_all());
        });
    }

    /// Returns whether the server is stopping.
    pub fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Acquire)
    }

    /// Begins the stop: sets the flag, and wakes every thread that waits on a condition variable of
    /// this struct's fields. From now on no thread waits at a turnstile, for room in buffers or for
    /// a guess. [`crate::server::threads`] shuts down the sockets next.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
        // On a lab server, draws that park go on.
        self.numbers.unlocked().stop();
        self.lists.close();
        self.ends.close();
        self.lookout.close();
        self.buffers.close();
        self.guesses.close();
        // Locks the tables once between the flag and the wake-ups. A waiter checks the flag under
        // this lock before it sleeps, so either it sees the flag, or it sleeps already and the
        // wake-up reaches it. Without the lock it could check the flag just before the store and
        // sleep just after the wake-up.
        let wakers = self.memory.with_tables(|tables, _| tables.all_wakers());
        self.memory.reaper_wakeup().notify_all();
        wakers.iter().for_each(|waker| waker.notify_all());
    }

    /// Checks the invariants of the tables. Only tests call it; it walks all blocks.
    ///
    /// # Errors
    /// Fails with the broken invariant, in words.
    pub fn check(&self) -> Result<(), String> {
        self.memory.with_tables(|tables, _| tables.check())
    }
}

#[cfg(test)]
#[path = "shared_tests.rs"]
mod tests;
