//! **Goal** move bytes from one account to another, each of which has a lock. **Invariant** the sum stays as it is, and two transfers in opposite
//! directions both end.
//!
//! *Predict first:* one thread moves from 0 to 1, another from 1 to 0, and each has taken its first lock. What happens next?
//! (The server's own way is stricter: no thread ever holds two locks.)

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Moves `amount` from one account to another. Calls `between` when it holds the first lock and not yet the second.
pub fn transfer(accounts: &[Mutex<i64>], from: usize, to: usize, amount: i64, between: impl Fn()) {
    if from == to {
        return;
    }
    // YOUR TURN: who holds what, while it waits for what? Remove this line.
    let mut source = locked(&accounts[from]);
    between();
    let mut target = locked(&accounts[to]);
    *source -= amount;
    *target += amount;
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
