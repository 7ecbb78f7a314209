//! The counter without a lock: a server with `--no-lock` or `--lab` draws from it.
//!
//! ```text
//!   client-1   load 2 ──── window ──── store 3
//!   client-2          load 2 ──── window ──── store 3     both take index 2
//! ```
//!
//! The picture shows a *race condition* and not a *data race*. In a data race two threads use one
//! plain variable, at least one of them writes it, and nothing orders the two accesses. A data race
//! is undefined behaviour, and safe Rust does not compile it. So the counter is an atomic, and each
//! load and each store alone is correct. The result can still be wrong, because it depends on the
//! order of the steps. No compiler finds a race condition.
//!
//! The window (`--race-window`) is a wait between load and store. Without it the two steps are
//! nanoseconds apart, and a test can miss the race for a long time.
//!
//! **Invariants** a draw runs the same [`take`](super::draw::take) as under the lock. Load and
//! store are two steps, never one atomic step.
//!
//! **Lock** none, on purpose. **Source** `loot-box.txt`, "without lock".

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::caller::ClientNumber;
use crate::numbers::draw::Counter;
use crate::numbers::parking::{Parking, Step};

/// The shortest window that a thread sleeps through. A thread spins through a shorter one, because
/// a sleep ends some 70 us late.
const MIN_SLEEP: Duration = Duration::from_micros(100);

/// The counter without a lock, and the wait between its load and its store.
#[derive(Debug)]
pub struct Unlocked {
    /// The index of the next number. The threads of all clients load and store it.
    index: AtomicU32,
    /// The wait between load and store. It never changes.
    window: Duration,
    /// On a lab server: clients park here before each step.
    parking: Option<Parking>,
    /// True once the server stops: then a load skips the window.
    is_stopping: AtomicBool,
    /// One more than the greatest index that was taken so far. Each index below was loaded by some
    /// draw: the counter moves forward by a store of the loaded index plus one.
    furthest: AtomicU32,
    /// The count of takes. `Relaxed` is enough for it and for `furthest`: no other data depends on
    /// them.
    takes: AtomicU64,
}

impl Unlocked {
    /// Returns a counter at 0, with `window` between load and store. On a lab server clients park
    /// in `parking` before each step.
    pub fn new(window: Duration, parking: Option<Parking>) -> Self {
        let is_stopping = AtomicBool::new(false);
        let (index, furthest, takes) = <(AtomicU32, AtomicU32, AtomicU64)>::default();
        Self { index, window, parking, is_stopping, furthest, takes }
    }

    /// Returns the parking of a lab server.
    pub fn parking(&self) -> Option<&Parking> {
        self.parking.as_ref()
    }

    /// Returns the counter's value. More numbers may have gone out: two draws can take the same
    /// index, and a late store sets the counter back.
    pub fn drawn(&self) -> u32 {
        self.index.load(Ordering::SeqCst)
    }

    /// Notes a take. `taken` has at most one index; a take at the list's end has none, and does not
    /// count.
    pub(super) fn note_taken(&self, taken: &Range<u32>) {
        if !taken.is_empty() {
            self.furthest.fetch_max(taken.end, Ordering::Relaxed);
            self.takes.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns the number of takes whose index another take had before: all takes, without one for
    /// each index below `furthest`. A take that has stored and is not noted yet makes the result
    /// smaller for a moment.
    pub fn repeated(&self) -> u64 {
        let first_takes = u64::from(self.furthest.load(Ordering::Relaxed));
        self.takes.load(Ordering::Relaxed).saturating_sub(first_takes)
    }

    /// Tells the parking of a lab server that the draw of `client` is over.
    #[inline]
    pub fn leave(&self, client: ClientNumber) {
        if let Some(parking) = &self.parking {
            parking.leave(client);
        }
    }

    /// Begins the stop of the server. A draw that comes later does not wait in a window, and no
    /// client parks any more; parked clients go on. A draw that waits in a window now waits to its
    /// end.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
        if let Some(parking) = &self.parking {
            parking.open();
        }
    }
}

/// The counter as one client uses it. Before each step it parks the client on a lab server, for
/// which it needs the client's number.
pub(super) struct ClientCounter<'n> {
    pub unlocked: &'n Unlocked,
    pub client: ClientNumber,
}

impl ClientCounter<'_> {
    /// Parks before a step on a lab server.
    fn park(&self, before: Step) {
        if let Some(parking) = &self.unlocked.parking {
            parking.park(self.client, before);
        }
    }
}

impl Counter for ClientCounter<'_> {
    fn load(&self) -> u32 {
        self.park(Step::Load);
        // `SeqCst`: all threads see the loads and stores in one order. So a number that goes out
        // twice comes from the order of the steps alone, and not from a weak order of memory.
        let index = self.unlocked.index.load(Ordering::SeqCst);
        // From here to the store another client can load the same index.
        if !self.unlocked.is_stopping.load(Ordering::Acquire) {
            wait(self.unlocked.window);
        }
        index
    }

    fn store(&self, index: u32) {
        self.park(Step::Store);
        self.unlocked.index.store(index, Ordering::SeqCst);
    }
}

/// Waits for the length of the window.
fn wait(window: Duration) {
    if window >= MIN_SLEEP {
        return thread::sleep(window);
    }
    let start = Instant::now();
    while start.elapsed() < window {
        std::hint::spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_that_is_taken_again_counts_also_after_the_counter_was_put_back() {
        let unlocked = Unlocked::new(Duration::ZERO, None);
        // Two take 0, one takes 1 and 2, a late store puts the counter back to 1, and 3 is new.
        for index in [0, 0, 1, 2, 1, 2, 3] {
            unlocked.note_taken(&(index..index + 1));
        }
        // The list is at its end.
        unlocked.note_taken(&(4..4));
        assert_eq!(unlocked.repeated(), 3);
    }

    #[test]
    fn takes_that_are_noted_late_are_not_repeated() {
        let unlocked = Unlocked::new(Duration::ZERO, None);
        // The thread that took 1 stored, and before it noted its take another one took and noted 2.
        for index in [0, 2, 1] {
            unlocked.note_taken(&(index..index + 1));
        }
        assert_eq!(unlocked.repeated(), 0);
    }
}
