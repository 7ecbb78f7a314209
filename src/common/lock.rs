//! The rule for a poisoned lock, stated once.
//!
//! A thread that panics while it holds a lock takes down its own client; the others take the lock
//! as it is. They may, because each critical section checks first and changes last: between its
//! first change and its last nothing can panic short of a bug in a table itself, and the tests
//! call the tables' `check` after each step.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, also when a thread panicked while it held the lock.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
