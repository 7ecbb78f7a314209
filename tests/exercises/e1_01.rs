//! **Goal** `draw` takes numbers that nobody else takes. **Invariant** each index goes out at most once.
//!
//! *Predict first:* two threads draw 4 each, and both load before either stores. Which indices does each
//! of them get, and what is the counter in the end?

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use leasebox::numbers::draw::{Counter, take};

/// The data that the threads share. The counter has a load and a store, and no lock of its own.
pub struct Shared<'a, C> {
    pub lock: &'a Mutex<()>,
    pub counter: C,
    pub length: u32,
}

/// Takes the next `count` indices.
pub fn draw<C: Counter>(shared: &Shared<'_, C>, count: u64) -> Range<u32> {
    // YOUR TURN: the lock is taken, and let go at once. Remove this line when it holds.
    drop(shared.lock.lock().unwrap_or_else(PoisonError::into_inner));
    take(&shared.counter, count, shared.length)
}
