//! **Goal** a thread that waits for work also ends when the server stops. **Invariant** after a stop no thread waits, and earlier work is still done.
//!
//! *Predict first:* the stop sets the flag and notifies nobody. How long does the thread sleep?

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};

#[derive(Default)]
pub struct Work {
    queue: Mutex<(VecDeque<u32>, bool)>,
    changed: Condvar,
}

impl Work {
    pub fn add(&self, job: u32) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).0.push_back(job);
        self.changed.notify_one();
    }

    pub fn stop(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).1 = true;
        // YOUR TURN: here, and in `next`. Remove this line.
    }

    /// Waits for the next job; `None` when the server stops and no job is left.
    pub fn next(&self) -> Option<u32> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_while(queue, |(jobs, _)| jobs.is_empty());
        waited.unwrap_or_else(PoisonError::into_inner).0.pop_front()
    }
}
