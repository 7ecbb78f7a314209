//! The solution of e2_04: a duration that is rounded before it is compared ends early or late.
//! Compare the times themselves, and let the end belong to nobody.

use std::time::{Duration, Instant};

/// A lease: when it began, and how long it lasts.
pub struct Lease {
    pub began: Instant,
    pub lasts: Duration,
}

impl Lease {
    /// Returns whether the lease is there at `now`, which is not before its beginning.
    pub fn is_there(&self, now: Instant) -> bool {
        now.duration_since(self.began) < self.lasts
    }
}
