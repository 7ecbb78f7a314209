//! A turnstile: only a few threads at a time may do work that takes long; the others sleep.
//!
//! ```text
//!   4000 clients ask for a list ──► 3998 sleep here ─┬─► 2 make their list ─► out
//!                                                    └── one that goes out lets one in
//! ```
//!
//! A thread for each client has a weak point. When thousands of threads have work for the
//! processor, each one runs for some milliseconds, and then all others run before it runs again. A
//! new client, who wants one number, waits for seconds. So a request that takes long to answer
//! waits here for its turn, asleep, and the processor is free for the short ones. A client's thread
//! that ends waits at a second turnstile: thousands of clients may go at once, and all their
//! threads would stand before others' requests in the queue for the tables' lock. The site of HTTP
//! has turnstiles too.
//!
//! **Invariants**
//!
//! 1. At most `most` threads are inside: two, unless [`Turnstile::with_most`] sets another number.
//!    A thread that panics inside goes out too.
//! 2. When the server stops, no thread comes in any more, and none waits.
//!
//! **Lock** its own, for the count alone. It is not held while a list is made or a client ends.
//!
//! **Simplified** the turnstile is not fair: any thread that sleeps may be the next one. The rows
//! of a list are made inside; each client's own thread turns them into bytes outside.
//!
//! **Source** Dijkstra's counting semaphore.

use std::sync::{Condvar, Mutex};
use std::time::Duration;

use crate::common::lock::{lock, sleep_while};

/// The turnstile. All threads of clients share it.
#[derive(Debug)]
pub struct Turnstile {
    /// The most threads inside.
    most: usize,
    /// How many are inside, and whether the server stops. Locked by clients' threads and the stop.
    inside: Mutex<Inside>,
    /// Goes with `inside`. A thread that goes out notifies one that waits; the stop notifies all.
    went_out: Condvar,
}

/// The data behind the turnstile's lock.
#[derive(Debug, Default)]
struct Inside {
    /// The count of threads inside.
    count: usize,
    /// The count of threads that wait. A notification is a system call also when nobody waits.
    waiting: usize,
    /// The server stops, so no thread comes in any more.
    is_closed: bool,
}

/// The stay of one thread; the drop ends it.
#[derive(Debug)]
pub struct Stay<'a>(&'a Turnstile);

impl Default for Turnstile {
    /// Lets two threads in: a small machine has two cores.
    fn default() -> Self {
        Self::with_most(2)
    }
}

impl Turnstile {
    /// Makes a turnstile that lets `most` threads in.
    pub fn with_most(most: usize) -> Self {
        Self { most, inside: Mutex::default(), went_out: Condvar::new() }
    }

    /// Waits for a turn; returns `None` when the server stops.
    pub fn enter(&self) -> Option<Stay<'_>> {
        let must_wait = |inside: &mut Inside| inside.count >= self.most && !inside.is_closed;
        let mut inside = lock(&self.inside);
        inside.waiting += 1;
        let mut inside = sleep_while(&self.went_out, inside, Duration::MAX, must_wait);
        inside.waiting -= 1;
        if inside.is_closed {
            return None;
        }
        inside.count += 1;
        Some(Stay(self))
    }

    /// Lets no thread in from now on, and wakes those that wait. The stop calls this.
    pub fn close(&self) {
        lock(&self.inside).is_closed = true;
        self.went_out.notify_all();
    }
}

impl Drop for Stay<'_> {
    fn drop(&mut self) {
        let mut inside = lock(&self.0.inside);
        inside.count -= 1;
        let somebody_waits = inside.waiting > 0;
        drop(inside);
        if somebody_waits {
            self.0.went_out.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn a_few_are_inside_and_the_others_come_after_them() {
        assert_eq!(most_inside(&Turnstile::with_most(1)), 1);
        assert!(most_inside(&Turnstile::default()) <= 2);
    }

    /// Lets eight threads through 500 times each; returns how many were inside at most.
    fn most_inside(turnstile: &Turnstile) -> usize {
        let all = Barrier::new(8);
        let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    all.wait();
                    for _ in 0..500 {
                        let _stay = turnstile.enter();
                        let now = inside.fetch_add(1, Ordering::SeqCst) + 1;
                        most.fetch_max(now, Ordering::SeqCst);
                        thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(lock(&turnstile.inside).count, 0);
        most.into_inner()
    }

    #[test]
    fn a_panic_inside_lets_the_next_one_in_and_the_stop_lets_nobody_wait() {
        let turnstile = Turnstile::default();
        for _ in 0..3 {
            thread::scope(|scope| {
                let panics = || {
                    let _stay = turnstile.enter();
                    std::panic::resume_unwind(Box::new("on purpose"));
                };
                assert!(scope.spawn(panics).join().is_err());
            });
        }
        let stays = [turnstile.enter(), turnstile.enter()];
        assert!(stays.iter().all(Option::is_some));
        thread::scope(|scope| {
            let waits = scope.spawn(|| turnstile.enter().is_none());
            turnstile.close();
            assert!(waits.join().unwrap());
        });
        drop(stays);
    }
}
