//! **Goal** write a reader-writer lock for a block: many read at once, one writes alone. **Invariant** a reader never sees
//! half of a write, and a writer that waits is not kept out by readers who come after it.
//!
//! *Predict first:* with the mutex below, how many readers are inside at once? With a count of readers alone, what happens to a writer if
//! there is always some reader?

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// YOUR TURN: a mutex and a condition variable are enough. Add fields, and remove this line.
#[derive(Default)]
pub struct BlockLock {
    state: Mutex<()>,
    changed: Condvar,
}

impl BlockLock {
    /// Runs `look` while others may look, and nobody writes.
    pub fn read<T>(&self, look: impl FnOnce() -> T) -> T {
        let _alone = locked(&self.state);
        let _ = &self.changed;
        look()
    }

    /// Runs `change` alone.
    pub fn write<T>(&self, change: impl FnOnce() -> T) -> T {
        let _alone = locked(&self.state);
        change()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
