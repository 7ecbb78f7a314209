//! The data behind the tables' lock: the tables of chapters 2, 5 and 6.
//!
//! ```text
//!   ServerTables │ leases │ processes │ sessions │
//!   Manager      │   ×    │     ×     │          │   borrows the first two
//!   Engine       │   ×    │     ×     │    ×     │   borrows all three
//! ```
//!
//! A [`Manager`] or an [`Engine`] is a struct of borrowed tables that lives for one call. So the
//! rules of chapters 5 and 6 are methods with `&mut` access to exactly the tables that they need,
//! and the compiler sees that a plain lease touches the first table alone.
//!
//! **Invariants** those of the three tables, and that they agree: [`ServerTables::check`].
//!
//! **Lock** the tables', around the whole struct. **Simplified** one lock for three tables: a
//! message changes two of them in one step, and with a lock each that would take two locks in a
//! fixed order.
//!
//! **Source** `interprocess-communication-patent.txt`: the administrative memory has one lock.

use std::sync::{Arc, Condvar};
use std::time::Instant;

use crate::cooperative::manager::{Manager, Processes};
use crate::memory::lease::{Ending, LeaseTable};
use crate::memory::service::Tables;
use crate::sessions::{Engine, EventHandle, Sessions};

/// The condition variable of a process, or of one request that waits for a name or for room.
type Waker = Arc<Condvar>;

/// The three tables. `W` is a waker, by which a thread that waits is woken: in a server it is a
/// condition variable. Tests of the pure rules use plain values.
#[derive(Debug)]
pub struct ServerTables<W = Waker> {
    /// All leases and blocks of processes, the order in which leases end, and the buddy allocators.
    /// Requests about memory, and the reaper, change it.
    pub leases: LeaseTable,
    /// All processes: their holdings and debts, the pools, and the queue of requests that wait for
    /// memory.
    pub processes: Processes<W>,
    /// All sessions, the location of each message, and the administrative memory.
    pub sessions: Sessions<W>,
}

impl<W: Clone> ServerTables<W> {
    /// Returns the memory manager over the leases and the processes.
    pub fn manager(&mut self) -> Manager<'_, W> {
        Manager::over(&mut self.leases, &mut self.processes)
    }

    /// Returns the communications engine over all three tables.
    pub fn engine(&mut self) -> Engine<'_, W> {
        Engine::over(&mut self.leases, &mut self.processes, &mut self.sessions)
    }

    /// Returns all condition variables on which requests may be waiting. The stop notifies them.
    pub fn all_wakers(&self) -> Vec<W> {
        let mut wakers = self.processes.all_wakers();
        wakers.extend(self.sessions.all_wakers());
        wakers
    }
}

impl<W: EventHandle> ServerTables<W> {
    /// Checks the invariants of each table, and that they agree.
    ///
    /// # Errors
    /// Fails with the broken invariant, in words.
    pub fn check(&mut self) -> Result<(), String> {
        self.leases.check()?;
        self.manager().check()?;
        self.engine().check()
    }
}

/// The view of chapter 2, which does not know the later tables.
impl Tables for ServerTables {
    fn leases(&mut self) -> &mut LeaseTable {
        &mut self.leases
    }

    fn give_back(&mut self, endings: Vec<Ending>, now: Instant) {
        self.engine().give_back(endings, now);
    }

    fn make_room(&mut self, size: u64) {
        self.engine().make_room(0, size);
    }

    /// The engine adds the wakers of its sessions to those of the processes, so one take has all.
    fn take_wakers(&mut self) -> Vec<Waker> {
        self.processes.take_wakers()
    }

    fn take_journal(&mut self) -> Vec<String> {
        self.processes.take_journal()
    }
}
