//! The data behind the tables' lock: three tables that stand beside each other.
//!
//! ```text
//!   ServerTables │ leases │ processes │ sessions │
//!             ▲        ▲           ▲
//!             │        Manager     │          borrows the first two
//!             └────────Engine──────┘          borrows all three
//! ```
//!
//! **Invariants** ([`ServerTables::check`]) those of the three. A plain lease touches the first alone.
//!
//! **Lock** the tables, around the whole of it. **Source** ours.

use std::sync::{Arc, Condvar};
use std::time::Instant;

use crate::cooperative::manager::{Manager, Processes};
use crate::memory::lease::{Ending, LeaseTable};
use crate::memory::service::{LockedContents, Tables};
use crate::sessions::{Engine, Sessions};

/// A process is woken by its condition variable.
type Waker = Arc<Condvar>;

/// The three tables. In a server `H` is a block's contents behind their lock, and `W` a condition
/// variable.
#[derive(Debug)]
pub struct ServerTables<H = LockedContents, W = Waker> {
    /// Which lease there is, and whose each block of the arena is.
    pub leases: LeaseTable<H>,
    /// Which process there is, what it holds and owes, and who waits for memory.
    pub processes: Processes<W>,
    /// Which session there is, and where each message lies.
    pub sessions: Sessions<H, W>,
}

impl<H: Clone, W: Clone> ServerTables<H, W> {
    /// The memory manager over the leases and the processes.
    pub fn manager(&mut self) -> Manager<'_, H, W> {
        Manager::over(&mut self.leases, &mut self.processes)
    }

    /// The communications engine over all three.
    pub fn engine(&mut self) -> Engine<'_, H, W> {
        Engine::over(&mut self.leases, &mut self.processes, &mut self.sessions)
    }

    /// Returns blocks whose contents are marked released. Where there are processes, those that
    /// waited for memory are served.
    pub fn give_back(&mut self, endings: Vec<Ending<H>>, now: Instant) {
        self.engine().give_back(endings, now);
    }

    /// Lets blocks that grew give back what they do not use, when `size` committed bytes are not
    /// there in one piece.
    pub fn make_room(&mut self, size: u64) {
        self.engine().make_room(size);
    }

    /// The wakers of all who wait: the server stops.
    pub fn all_wakers(&self) -> Vec<W> {
        let mut wakers = self.processes.all_wakers();
        wakers.extend(self.sessions.all_wakers());
        wakers
    }

    /// Says which invariant is broken, if one is.
    ///
    /// # Errors
    /// The invariant, in words.
    pub fn check(&mut self) -> Result<(), String> {
        self.leases.check()?;
        self.manager().check()?;
        self.engine().check()
    }
}

impl Tables for ServerTables {
    fn leases(&mut self) -> &mut LeaseTable<LockedContents> {
        &mut self.leases
    }

    fn give_back(&mut self, endings: Vec<Ending<LockedContents>>, now: Instant) {
        ServerTables::give_back(self, endings, now);
    }

    fn make_room(&mut self, size: u64) {
        ServerTables::make_room(self, size);
    }

    fn take_wakers(&mut self) -> Vec<Waker> {
        self.processes.take_wakers()
    }

    fn take_journal(&mut self) -> Vec<String> {
        self.processes.take_journal()
    }
}
