//! The rule for a poisoned lock, stated once.
//!
//! When a thread panics while it holds a `Mutex`, std *poisons* the mutex: each later `lock`
//! returns an error, because the data may be half changed. The usual `lock().unwrap()` would turn
//! one client's panic into a panic of every thread that uses the lock: the whole server.
//!
//! Here a panic in a request ends that client's connection only (a datagram gets a refusal), and
//! other threads take the lock as it is. They may do that, because each critical section checks
//! first and changes last: between its first change and its last one nothing can panic, except by a
//! bug in a table itself. The tests search for such bugs: they call the tables' `check` after each
//! step.
//!
//! **Simplified** a server that cannot prove this of its critical sections stops at a poisoned
//! lock, and starts again from a state on disk.
//!
//! **Source** std, `std::sync::Mutex`, section *Poisoning*.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Locks the mutex, even if a thread panicked while it held the lock. Bind the guard with `let`: in
/// the head of a `match` it would live to the end of the `match`.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sleeps on a condition variable until it is notified, for at most `time`; `Duration::MAX` is no
/// limit. The mutex of `guard` is unlocked meanwhile. A condition variable may wake without a
/// cause, so every caller looks again.
pub fn sleep<'a, T>(on: &Condvar, guard: MutexGuard<'a, T>, time: Duration) -> MutexGuard<'a, T> {
    on.wait_timeout(guard, time).unwrap_or_else(PoisonError::into_inner).0
}

/// Sleeps in the same way while `holds` is true for the data, also after a wake-up without a cause.
pub fn sleep_while<'a, T>(
    on: &Condvar,
    mut guard: MutexGuard<'a, T>,
    time: Duration,
    mut holds: impl FnMut(&mut T) -> bool,
) -> MutexGuard<'a, T> {
    let start = Instant::now();
    // std's `wait_timeout_while` would return after the first wake-up if the lock is poisoned.
    while holds(&mut guard) {
        let Some(left) = time.checked_sub(start.elapsed()) else { break };
        guard = sleep(on, guard, left);
    }
    guard
}
