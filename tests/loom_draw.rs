//! Every interleaving of two drawing threads, by loom: with the lock none gives a number
//! twice, without it one does.
//!
//! The draw is the server's own: it is generic over its counter, so nothing is built
//! a second time.

use std::ops::Range;

use leasebox::numbers::draw::{Counter, take};
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread;

const LENGTH: u32 = 6;

/// The counter as loom sees it: each load and each store is a step.
#[derive(Default)]
struct Stepped(AtomicU32);

impl Counter for Stepped {
    fn load(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }

    fn store(&self, index: u32) {
        self.0.store(index, Ordering::SeqCst);
    }
}

/// Two clients draw, 4 and 2, number by number; `draw` takes one number.
fn two_clients(draw: fn(&Mutex<()>, &Stepped) -> Range<u32>) {
    let shared = Arc::new((Mutex::new(()), Stepped::default()));
    let of_other = shared.clone();
    let many = move |shared: &(Mutex<()>, Stepped), count| {
        (0..count).flat_map(|_| draw(&shared.0, &shared.1)).collect::<Vec<u32>>()
    };
    let other = thread::spawn(move || many(&of_other, 2));
    let mut drawn = many(&shared, 4);
    drawn.extend(other.join().unwrap());
    drawn.sort_unstable();
    assert!(drawn.into_iter().eq(0..LENGTH), "a number came twice");
}

#[test]
fn with_the_lock_no_interleaving_gives_a_number_twice() {
    loom::model(|| {
        two_clients(|lock, counter| {
            let _held = lock.lock().unwrap();
            take(counter, 1, LENGTH)
        });
    });
}

#[test]
#[should_panic(expected = "a number came twice")]
fn without_the_lock_an_interleaving_gives_a_number_twice() {
    loom::model(|| two_clients(|_, counter| take(counter, 1, LENGTH)));
}
