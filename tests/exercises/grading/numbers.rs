//! Chapter 1. The counters here let somebody else draw wherever the lock lets it, so the evidence is
//! certain: without the lock the other one always comes.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use leasebox::numbers::draw::Counter;

use crate::pieces::{e1_01, e1_02, e1_03};

/// A counter between whose steps somebody else draws one index, if the lock is free.
struct Disturbed<'a> {
    value: Cell<u32>,
    lock: Option<&'a Mutex<()>>,
    /// The indices that the other one drew.
    others: RefCell<Vec<u32>>,
    /// The number of loads, and of stores.
    loads: Cell<u32>,
    stores: Cell<u32>,
}

impl<'a> Disturbed<'a> {
    fn new(lock: Option<&'a Mutex<()>>) -> Self {
        let (value, others) = (Cell::new(0), RefCell::default());
        Self { value, lock, others, loads: Cell::new(0), stores: Cell::new(0) }
    }

    fn disturb(&self) {
        if self.lock.is_none_or(|lock| lock.try_lock().is_ok()) {
            self.others.borrow_mut().push(self.value.get());
            self.value.set(self.value.get() + 1);
        }
    }
}

impl Counter for Disturbed<'_> {
    fn load(&self) -> u32 {
        let value = self.value.get();
        self.loads.set(self.loads.get() + 1);
        self.disturb();
        value
    }

    fn store(&self, index: u32) {
        self.disturb();
        self.stores.set(self.stores.get() + 1);
        self.value.set(index);
    }
}

/// Asserts that no index came twice, and returns how many there are.
fn all_different(indices: Vec<u32>) -> usize {
    let (mut different, mut twice) = (BTreeSet::new(), Vec::new());
    for &index in &indices {
        if !different.insert(index) {
            twice.push(index);
        }
    }
    assert!(twice.is_empty(), "indices that went out twice: {twice:?}");
    indices.len()
}

/// A counter for real threads.
#[derive(Default)]
struct Plain(AtomicU32);

impl Counter for Plain {
    fn load(&self) -> u32 {
        let value = self.0.load(Ordering::SeqCst);
        thread::yield_now();
        value
    }

    fn store(&self, index: u32) {
        thread::yield_now();
        self.0.store(index, Ordering::SeqCst);
    }
}

/// Lets four threads draw one by one, 500 times each.
fn by_threads(draw: impl Fn() -> Vec<u32> + Sync) -> Vec<u32> {
    thread::scope(|scope| {
        let draw = &draw;
        let many = move || (0..500).flat_map(|_| draw()).collect::<Vec<u32>>();
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(many)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

pub fn e1_01() {
    let lock = Mutex::new(());
    let counter = Disturbed::new(Some(&lock));
    let shared = e1_01::Shared { lock: &lock, counter, length: 1000 };
    let mut drawn: Vec<u32> = (0..10).flat_map(|_| e1_01::draw(&shared, 4)).collect();
    assert_eq!(drawn.len(), 40, "a draw of 4 gives 4");
    assert!(shared.counter.loads.get() >= 10 && shared.counter.stores.get() >= 10);
    drawn.extend(shared.counter.others.borrow().iter());
    all_different(drawn);
    let shared = e1_01::Shared { lock: &lock, counter: Plain::default(), length: 4000 };
    assert_eq!(all_different(by_threads(|| e1_01::draw(&shared, 2).collect())), 4000);
    assert!(e1_01::draw(&shared, 2).is_empty(), "the list is at its end");
}

pub fn e1_02() {
    let lock = Mutex::new(());
    let shared = e1_02::Shared { lock: &lock, counter: Disturbed::new(Some(&lock)) };
    let mut drawn: Vec<u32> = (0..10).map(|_| e1_02::draw_one(&shared)).collect();
    drawn.extend(shared.counter.others.borrow().iter());
    let count = all_different(drawn);
    assert_eq!(shared.counter.value.get() as usize, count, "the counter is right in the end");
    let shared = e1_02::Shared { lock: &lock, counter: Plain::default() };
    assert_eq!(all_different(by_threads(|| vec![e1_02::draw_one(&shared)])), 2000);
}

/// The other one comes before the steps whose numbers these are.
struct Swapped {
    counter: Disturbed<'static>,
    step: Cell<u32>,
    when: Vec<u32>,
}

impl Swapped {
    fn come(&self) {
        self.step.set(self.step.get() + 1);
        if self.when.contains(&self.step.get()) {
            self.counter.disturb();
        }
    }
}

impl e1_03::Cas for Swapped {
    fn load(&self) -> u32 {
        self.come();
        self.counter.value.get()
    }

    fn store(&self, value: u32) {
        self.come();
        self.counter.value.set(value);
    }

    fn store_if(&self, expected: u32, value: u32) -> bool {
        self.come();
        let is_so = self.counter.value.get() == expected;
        if is_so {
            self.counter.value.set(value);
        }
        is_so
    }
}

pub fn e1_03() {
    // The other one comes before each step alone, and before each two of the first six.
    let pairs = (1..=6).flat_map(|one| (1..=6).map(move |two| vec![one, two]));
    for when in pairs {
        let counter = Disturbed::new(None);
        let swapped = Swapped { counter, step: Cell::new(0), when: when.clone() };
        let first = e1_03::draw(&swapped, 3);
        let mut drawn: Vec<u32> = (first..first + 3).collect();
        drawn.extend(swapped.counter.others.borrow().iter());
        let count = all_different(drawn);
        assert_eq!(swapped.counter.value.get() as usize, count, "the other one came at {when:?}");
    }
}
