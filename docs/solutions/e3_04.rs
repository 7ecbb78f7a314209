//! The solution of e3_04: the flag belongs to the condition that is waited for, and whoever
//! changes a condition notifies those that wait for it.

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
        self.changed.notify_all();
    }

    /// Waits for the next job; `None` when the server stops and no job is left.
    pub fn next(&self) -> Option<u32> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let must_wait = |(jobs, stops): &mut (VecDeque<u32>, bool)| jobs.is_empty() && !*stops;
        let waited = self.changed.wait_while(queue, must_wait);
        waited.unwrap_or_else(PoisonError::into_inner).0.pop_front()
    }
}
