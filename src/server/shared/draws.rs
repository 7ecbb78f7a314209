//! Draws: under the lock, and without it.
//!
//! ```text
//!   request   lock ─ take n ─ unlock                       --lock request
//!   number    lock ─ take 1 ─ unlock   lock ─ take 1 …     --lock number
//!   none      load ─ (window) ─ store  lock ─ record …     --no-lock, the race
//!   lab       ┤load ─ ┤store           lock ─ record …     --lab, ┤ parked until told
//! ```
//!
//! **Invariants** the same [`take`] in all of them; without the lock nothing else is
//! different, and it never uses one atomic step (`fetch_add`) for load and store.
//!
//! **Lock** the draw. Without locking it guards the record alone: who took what.
//!
//! **Source** `loot-box.txt`, "with lock" and "without lock".

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::message::{ClientNumber, Code, Error, Reply, Rows, Step};
use crate::numbers::draw::{self, Counter, Locking, take};
use crate::numbers::list::Drawn;
use crate::numbers::parking::{Parking, Stuck};
use crate::numbers::table::Table;
use crate::server::shared::{BITE, MOST_ROWS, Shared, hold};

/// How long a step of a parked client may take before its asker is told that it hangs.
const STEP_PATIENCE: Duration = Duration::from_secs(1);

/// The counter that no lock guards.
#[derive(Debug)]
pub struct Unlocked {
    index: AtomicU32,
    window: Duration,
    pub(super) parking: Option<Parking>,
}

impl Unlocked {
    /// A counter at 0, with `window` between load and store; `parking` is where a lab
    /// server's clients wait before each step.
    pub fn new(window: Duration, parking: Option<Parking>) -> Self {
        Self { index: AtomicU32::new(0), window, parking }
    }
}

/// From here on a window is slept through.
const SLEEP: Duration = Duration::from_micros(100);

/// The same counter as one client's thread reaches it.
struct Reached<'s> {
    shared: &'s Shared,
    client: ClientNumber,
}

impl Reached<'_> {
    fn park(&self, before: Step) {
        if let Some(parking) = &self.shared.unlocked.parking {
            parking.park(self.client, before);
        }
    }
}

impl Counter for Reached<'_> {
    fn load(&self) -> u32 {
        self.park(Step::Load);
        let index = self.shared.unlocked.index.load(Ordering::SeqCst);
        // A server that stops waits for nobody's window.
        if !self.shared.is_stopping() {
            wait(self.shared.unlocked.window);
        }
        index
    }

    fn store(&self, index: u32) {
        self.park(Step::Store);
        self.shared.unlocked.index.store(index, Ordering::SeqCst);
    }
}

/// Waits so long; a short time exactly, because a sleep is some 70 us too long.
fn wait(window: Duration) {
    if window >= SLEEP {
        return thread::sleep(window);
    }
    let start = Instant::now();
    while !window.is_zero() && start.elapsed() < window {
        std::hint::spin_loop();
    }
}

impl Shared {
    #[inline]
    pub(super) fn draw(&self, client: ClientNumber, count: u64) -> Reply<'_> {
        if count == 0 {
            let text = "a draw takes at least 1 number; ask for more than 0";
            return Reply::Error(Error::new(Code::BadRequest, text));
        }
        let locked = |count| self.take(client, count);
        let unlocked = || self.take_without_lock(client);
        let drawn = draw::draw(&self.list, self.locking, count, locked, unlocked);
        if let Some(parking) = &self.unlocked.parking {
            parking.leave(client);
        }
        if drawn.is_empty() {
            let text = "every number has been drawn; start the server anew for another list";
            return Reply::Error(Error::new(Code::Exhausted, text));
        }
        Reply::Drawn(Drawn::Taken(drawn))
    }

    /// The homework's critical section.
    #[inline]
    fn take(&self, client: ClientNumber, count: u64) -> Range<u32> {
        let mut state = hold(&self.draw);
        state.draw(client, count, self.list.len())
    }

    /// The homework's race: the same `take`, and nobody kept out.
    fn take_without_lock(&self, client: ClientNumber) -> Range<u32> {
        let taken = take(&Reached { shared: self, client }, 1, self.list.len());
        hold(&self.draw).record(client, taken.clone(), self.list.len());
        taken
    }

    /// How many numbers have gone out; without the lock, as far as the counter knows.
    pub(super) fn drawn(&self) -> u32 {
        match self.locking {
            Locking::None => self.unlocked.index.load(Ordering::SeqCst),
            Locking::Request | Locking::Number => hold(&self.draw).drawn(),
        }
    }

    /// Reads the turns in bites, so that no draw waits for a long record.
    pub(super) fn table(&self, rows: u64, which: Rows) -> Reply<'_> {
        if which == Rows::Twice && self.locking != Locking::None {
            // Invariant 2 of the draw: the record cannot hold an index twice.
            return Reply::Table(Vec::new());
        }
        let mut table = Table::new(rows, which, MOST_ROWS);
        if which == Rows::Last {
            // Each turn has a number at least: more turns than rows are never needed.
            let most = usize::try_from(rows).unwrap_or(usize::MAX).min(MOST_ROWS);
            let turns = hold(&self.draw).last_turns(most);
            let _ =
                turns.into_iter().rev().try_for_each(|t| table.add(t, &self.list).then_some(()));
            return Reply::Table(table.into_rows(&self.list));
        }
        let mut from = 0;
        loop {
            let bite = hold(&self.draw).turns(from, BITE);
            from += bite.len();
            if bite.is_empty() || !bite.into_iter().all(|turn| table.add(turn, &self.list)) {
                return Reply::Table(table.into_rows(&self.list));
            }
        }
    }

    pub(super) fn parked(&self) -> Result<Reply<'_>, Error> {
        Ok(Reply::Parked(self.lab()?.parked()))
    }

    /// Lets a parked client do its next step.
    pub(super) fn step(&self, client: ClientNumber) -> Result<Reply<'_>, Error> {
        let parking = self.lab()?;
        if !parking.parked().iter().any(|&(parked, _)| parked == client) {
            let text = "no such client is parked; send parked for those that are";
            return Err(Error::new(Code::NotFound, text));
        }
        match parking.carry_out([client], STEP_PATIENCE) {
            Ok(()) => self.parked(),
            Err(Stuck::Busy) => {
                let text = "another step is under way; step from one connection at a time";
                Err(Error::new(Code::Busy, text))
            }
            Err(Stuck::Late) => {
                let text = "the client did not do its step in time; send parked and try again";
                Err(Error::new(Code::Refused, text))
            }
        }
    }

    fn lab(&self) -> Result<&Parking, Error> {
        let text = "this is no lab server, so nobody is parked; start one with serve --lab";
        self.unlocked.parking.as_ref().ok_or_else(|| Error::new(Code::Refused, text))
    }
}
