//! The solution of e1_02: the index that a thread uses must be read in the same hold of the lock
//! in which the counter is raised.

use std::sync::{Mutex, PoisonError};

use leasebox::numbers::draw::Counter;

/// The data that the threads share.
pub struct Shared<'a, C> {
    pub lock: &'a Mutex<()>,
    pub counter: C,
}

/// Takes one index.
pub fn draw_one<C: Counter>(shared: &Shared<'_, C>) -> u32 {
    let _guard = shared.lock.lock().unwrap_or_else(PoisonError::into_inner);
    let index = shared.counter.load();
    shared.counter.store(index + 1);
    index
}
