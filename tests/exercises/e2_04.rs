//! **Goal** a lease lasts until its last moment and no longer. **Invariant** it is there for every moment before its end, and for nobody from its end on.
//!
//! *Predict first:* a lease of 1500 ms is asked for after 1400 ms, and after 1600. What does the table below say each time?

use std::time::{Duration, Instant};

/// A lease: when it began, and how long it lasts.
pub struct Lease {
    pub began: Instant,
    pub lasts: Duration,
}

impl Lease {
    /// Returns whether the lease is there at `now`, which is not before its beginning.
    pub fn is_there(&self, now: Instant) -> bool {
        // YOUR TURN: what does `as_secs` do to 1.5 s? Remove this line.
        now.duration_since(self.began).as_secs() <= self.lasts.as_secs()
    }
}
