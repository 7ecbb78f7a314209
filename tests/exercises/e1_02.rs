//! **Goal** mend a lock that is there, and is around the wrong half. **Invariant** each index goes out
//! at most once, and the counter is right in the end.
//!
//! *Predict first:* the counter is raised under the lock, as a whole. So the counter is right in the
//! end. How can a number come twice all the same? (`leasebox race --lock increment` is this program.)

use std::sync::{Mutex, PoisonError};

use leasebox::numbers::draw::Counter;

/// The data that the threads share.
pub struct Shared<'a, C> {
    pub lock: &'a Mutex<()>,
    pub counter: C,
}

/// Takes one index.
pub fn draw_one<C: Counter>(shared: &Shared<'_, C>) -> u32 {
    // YOUR TURN: where must the lock begin? Remove this line when it does.
    let index = shared.counter.load();
    let _guard = shared.lock.lock().unwrap_or_else(PoisonError::into_inner);
    shared.counter.store(shared.counter.load() + 1);
    index
}
