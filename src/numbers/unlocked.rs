//! The counter without a lock: a server with `--no-lock` or `--lab` draws from it.
//!
//! ```text
//!   client-1   load 3 ──── window ──── store 4
//!   client-2          load 3 ──── window ──── store 4     both take index 3
//! ```
//!
//! This is a *race condition* and not a *data race*. In a data race two threads use one plain
//! variable, at least one of them writes it, and nothing orders them. That is undefined behaviour,
//! and safe Rust does not compile it. So the counter is an atomic, and each load and each store
//! alone is correct. The result is still wrong, because it depends on the order of the steps. No
//! compiler sees that.
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

/// The shortest window that a thread sleeps through; it spins through a shorter one.
const MIN_SLEEP: Duration = Duration::from_micros(100);

/// The counter, and the wait between its load and its store.
#[derive(Debug)]
pub struct Unlocked {
    /// The index of the next number. The threads of all clients load and store it.
    index: AtomicU32,
    /// The wait between load and store. It never changes.
    window: Duration,
    /// On a lab server: clients park here before each step.
    parking: Option<Parking>,
    /// The stop sets it. A load that reads true skips the window.
    is_stopping: AtomicBool,
    /// The end of the indices that were taken at least once: each index below it was loaded by some
    /// draw, because a store is one more than a load.
    furthest: AtomicU32,
    /// The count of takes that got an index which another had got before. Relaxed: no other data depends on
    /// it.
    repeated: AtomicU64,
}

impl Unlocked {
    /// Returns a counter at 0, with `window` between load and store. On a lab server clients park
    /// in `parking` before each step.
    pub fn new(window: Duration, parking: Option<Parking>) -> Self {
        let is_stopping = AtomicBool::new(false);
        let (index, furthest, repeated) = <(AtomicU32, AtomicU32, AtomicU64)>::default();
        Self { index, window, parking, is_stopping, furthest, repeated }
    }

    /// Returns the parking of a lab server.
    pub fn parking(&self) -> Option<&Parking> {
        self.parking.as_ref()
    }

    /// Returns the counter. More numbers may have gone out: two draws can take the same index, and
    /// a late store sets the counter back.
    pub fn drawn(&self) -> u32 {
        self.index.load(Ordering::SeqCst)
    }

    /// Counts what a draw has taken: at most one index.
    pub(super) fn count(&self, taken: &Range<u32>) {
        // The atomic maximum returns the one before, so of two equal takes only the first is new.
        if !taken.is_empty() && self.furthest.fetch_max(taken.end, Ordering::Relaxed) >= taken.end {
            self.repeated.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns how many numbers went out again.
    pub fn repeated(&self) -> u64 {
        self.repeated.load(Ordering::Relaxed)
    }

    /// Tells the parking of a lab server that the draw of `client` is over.
    #[inline]
    pub fn leave(&self, client: ClientNumber) {
        if let Some(parking) = &self.parking {
            parking.leave(client);
        }
    }

    /// Begins the stop. From now on no draw begins to wait in a window, and no client parks; the
    /// parked ones go on. A wait in a window that is under way ends by itself.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
        if let Some(parking) = &self.parking {
            parking.open();
        }
    }
}

/// The counter, with the client that loads and stores it: the parking needs the client's number.
pub(super) struct Reached<'n> {
    pub unlocked: &'n Unlocked,
    pub client: ClientNumber,
}

impl Reached<'_> {
    /// Parks before a step on a lab server.
    fn park(&self, before: Step) {
        if let Some(parking) = &self.unlocked.parking {
            parking.park(self.client, before);
        }
    }
}

impl Counter for Reached<'_> {
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

/// Waits for the window. A short wait spins, because a sleep ends some 70 us late.
fn wait(window: Duration) {
    if window >= MIN_SLEEP {
        return thread::sleep(window);
    }
    let start = Instant::now();
    while !window.is_zero() && start.elapsed() < window {
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
            unlocked.count(&(index..index + 1));
        }
        // The list is at its end.
        unlocked.count(&(4..4));
        assert_eq!(unlocked.repeated(), 3);
    }
}
