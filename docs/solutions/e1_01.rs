//! The solution of e1_01: the guard is a variable, so it is dropped at the end of the function
//! and not at the end of its own line.

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
    let _guard = shared.lock.lock().unwrap_or_else(PoisonError::into_inner);
    take(&shared.counter, count, shared.length)
}
