//! The solution of e2_03: a writer first says that it waits, which stops new readers, and then
//! waits until nobody is inside. Both ends notify all.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

#[derive(Default)]
struct Inside {
    readers: usize,
    writes: bool,
    writers_waiting: usize,
}

#[derive(Default)]
pub struct BlockLock {
    state: Mutex<Inside>,
    changed: Condvar,
}

impl BlockLock {
    /// Runs `look` while others may look, and nobody writes.
    pub fn read<T>(&self, look: impl FnOnce() -> T) -> T {
        let must_wait = |inside: &mut Inside| inside.writes || inside.writers_waiting > 0;
        let waited = self.changed.wait_while(locked(&self.state), must_wait);
        let mut inside = waited.unwrap_or_else(PoisonError::into_inner);
        inside.readers += 1;
        drop(inside);
        let seen = look();
        locked(&self.state).readers -= 1;
        self.changed.notify_all();
        seen
    }

    /// Runs `change` alone.
    pub fn write<T>(&self, change: impl FnOnce() -> T) -> T {
        let mut inside = locked(&self.state);
        inside.writers_waiting += 1;
        let must_wait = |inside: &mut Inside| inside.writes || inside.readers > 0;
        let waited = self.changed.wait_while(inside, must_wait);
        let mut inside = waited.unwrap_or_else(PoisonError::into_inner);
        inside.writers_waiting -= 1;
        inside.writes = true;
        drop(inside);
        let changed = change();
        locked(&self.state).writes = false;
        self.changed.notify_all();
        changed
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
