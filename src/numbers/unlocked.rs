//! The counter that no lock guards: what a server without the lock draws from.
//!
//! **Invariants** the same [`take`](super::draw::take) as under the lock. Nothing else is
//! different, and load and store are never one atomic step.
//!
//! **Lock** none: that is the point.
//!
//! **Source** `loot-box.txt`, "without lock".

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::caller::ClientNumber;
use crate::numbers::draw::Counter;
use crate::numbers::parking::{Parking, Step};

/// From this length on a window is slept through.
const SLEEP: Duration = Duration::from_micros(100);

/// The counter, and what stands between its load and its store.
#[derive(Debug)]
pub struct Unlocked {
    index: AtomicU32,
    window: Duration,
    parking: Option<Parking>,
    is_stopping: AtomicBool,
}

impl Unlocked {
    /// A counter at 0, with `window` between load and store. On a lab server `parking` is where
    /// clients wait before each step.
    pub fn new(window: Duration, parking: Option<Parking>) -> Self {
        let is_stopping = AtomicBool::new(false);
        Self { index: AtomicU32::new(0), window, parking, is_stopping }
    }

    /// Where a lab server's clients wait.
    pub fn parking(&self) -> Option<&Parking> {
        self.parking.as_ref()
    }

    /// How many numbers have gone out, as far as the counter knows.
    pub fn drawn(&self) -> u32 {
        self.index.load(Ordering::SeqCst)
    }

    /// A client has drawn.
    #[inline]
    pub fn leave(&self, client: ClientNumber) {
        if let Some(parking) = &self.parking {
            parking.leave(client);
        }
    }

    /// The server stops: it waits for no window, and no client is parked any more.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
        if let Some(parking) = &self.parking {
            parking.open();
        }
    }
}

/// The same counter as one client's thread reaches it.
pub(super) struct Reached<'n> {
    pub unlocked: &'n Unlocked,
    pub client: ClientNumber,
}

impl Reached<'_> {
    fn park(&self, before: Step) {
        if let Some(parking) = &self.unlocked.parking {
            parking.park(self.client, before);
        }
    }
}

impl Counter for Reached<'_> {
    fn load(&self) -> u32 {
        self.park(Step::Load);
        let index = self.unlocked.index.load(Ordering::SeqCst);
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
