//! Chapters 2 and 9.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use crate::pieces::{e2_01, e2_02, e2_03, e2_04, e9_01};

/// Nothing that ends takes longer. What is wrong waits so long, and only that.
const PATIENCE: Duration = Duration::from_secs(10);

/// Numbers that look random and are the same each time.
pub fn random(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed;
    move |below| {
        // Knuth's MMIX; the high bits are the good ones.
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    }
}

pub fn e2_01() {
    let mut next = random(7);
    for _ in 0..50 {
        let mut buddies = e2_01::Buddies::new(6);
        let mut taken: Vec<(u32, u64)> = Vec::new();
        for _ in 0..200 {
            if next(2) == 0 {
                let order = next(4) as u32;
                taken.extend(buddies.allocate(order).map(|index| (order, index)));
            } else if !taken.is_empty() {
                let (order, index) = taken.swap_remove(next(taken.len() as u64) as usize);
                buddies.release(order, index);
            }
            let all = buddies.free.iter().chain(&taken);
            let units: u64 = all.clone().map(|(order, _)| 1 << order).sum();
            assert_eq!(units, 64, "free and taken blocks are the whole arena");
            let is_apart =
                |(order, index): &(u32, u64)| !buddies.free.contains(&(*order, index ^ 1));
            assert!(buddies.free.iter().all(is_apart), "two free buddies: {:?}", buddies.free);
        }
        taken.into_iter().for_each(|(order, index)| buddies.release(order, index));
        assert_eq!(buddies.free.iter().collect::<Vec<_>>(), [&(6, 0)], "the whole is one again");
    }
}

pub fn e2_02() {
    let mut block = e2_02::Block { bytes: vec![0; 64], length: 0 };
    block.set(b"the secret of the first tenant");
    assert!(block.get().starts_with(b"the secret of the first tenant\0"));
    let before = block.bytes.clone();
    block.lease();
    assert_eq!(block.bytes, before, "a new tenant costs nothing: nothing is cleared");
    assert_eq!(block.get(), vec![0; 64], "before the first set it is all zeros");
    block.set(b"hi");
    assert!(block.bytes[2..].starts_with(b"e secret"), "a set writes its own bytes alone");
    let mut expected = b"hi".to_vec();
    expected.resize(64, 0);
    assert_eq!(block.get(), expected);
}

pub fn e2_03() {
    let lock = Arc::new(e2_03::BlockLock::default());
    two_readers_are_inside_together(&lock);
    a_writer_is_alone(&lock);
    a_writer_is_not_kept_out(&lock);
}

/// Each of two readers stays inside until it has seen the other one there.
fn two_readers_are_inside_together(lock: &Arc<e2_03::BlockLock>) {
    let inside = Arc::new(AtomicU32::new(0));
    let (done, came) = channel();
    for _ in 0..2 {
        let (lock, inside, done) = (lock.clone(), inside.clone(), done.clone());
        thread::spawn(move || {
            lock.read(|| {
                inside.fetch_add(1, Ordering::SeqCst);
                let start = Instant::now();
                while inside.load(Ordering::SeqCst) < 2 && start.elapsed() < PATIENCE {
                    thread::yield_now();
                }
                let _ = done.send(inside.load(Ordering::SeqCst));
            });
        });
    }
    let seen = [came.recv(), came.recv()].map(Result::unwrap);
    assert_eq!(seen, [2, 2], "two readers are inside at once");
}

fn a_writer_is_alone(lock: &Arc<e2_03::BlockLock>) {
    let (a, b) = (AtomicU32::new(0), AtomicU32::new(0));
    let is_torn = AtomicBool::new(false);
    thread::scope(|scope| {
        for writes in [true, true, false, false] {
            let (a, b, is_torn) = (&a, &b, &is_torn);
            scope.spawn(move || {
                for _ in 0..500 {
                    if writes {
                        lock.write(|| {
                            let one = a.load(Ordering::SeqCst);
                            a.store(one + 1, Ordering::SeqCst);
                            thread::yield_now();
                            b.store(one + 1, Ordering::SeqCst);
                        });
                    } else if lock.read(|| a.load(Ordering::SeqCst) != b.load(Ordering::SeqCst)) {
                        is_torn.store(true, Ordering::SeqCst);
                    }
                }
            });
        }
    });
    assert!(!is_torn.into_inner(), "a reader saw half of a write");
    assert_eq!((a.into_inner(), b.into_inner()), (1000, 1000), "two writers were inside at once");
}

/// Readers hand over to each other without a gap, until the writer was inside.
fn a_writer_is_not_kept_out(lock: &Arc<e2_03::BlockLock>) {
    let (entered, wrote) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
    let stop = Instant::now() + PATIENCE;
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (lock, entered, wrote) = (lock.clone(), entered.clone(), wrote.clone());
            thread::spawn(move || {
                while !wrote.load(Ordering::SeqCst) && Instant::now() < stop {
                    lock.read(|| {
                        // Until the other reader has come in too: there is always one inside. Where
                        // a writer keeps the other one out, a moment is enough.
                        let before = entered.fetch_add(1, Ordering::SeqCst) + 1;
                        let start = Instant::now();
                        while entered.load(Ordering::SeqCst) == before
                            && start.elapsed() < Duration::from_millis(100)
                            && Instant::now() < stop
                        {
                            thread::yield_now();
                        }
                    });
                }
            })
        })
        .collect();
    while entered.load(Ordering::SeqCst) < 2 {
        thread::yield_now();
    }
    lock.write(|| wrote.store(true, Ordering::SeqCst));
    let is_in_time = Instant::now() < stop;
    readers.into_iter().for_each(|reader| reader.join().unwrap());
    assert!(is_in_time, "the readers kept the writer out");
}

pub fn e2_04() {
    let began = Instant::now();
    for ms in [1, 2, 999, 1000, 1001, 1500, 2000, 2999, 86_400_000] {
        let lease = e2_04::Lease { began, lasts: Duration::from_millis(ms) };
        let end = began + lease.lasts;
        let moment = Duration::from_nanos(1);
        assert!(lease.is_there(began) && lease.is_there(end - moment), "{ms} ms: it ended early");
        assert!(!lease.is_there(end) && !lease.is_there(end + moment), "{ms} ms: it ended late");
        assert!(!lease.is_there(end + Duration::from_millis(400)), "{ms} ms: it ended late");
    }
}

pub fn e9_01() {
    let mut next = random(9);
    for _ in 0..2000 {
        let free: Vec<(u64, u64)> = (0..next(8)).map(|_| (next(64) * 64, 32 << next(4))).collect();
        let size = 1 + next(300);
        // The naive model: sort all that fit.
        let mut fit: Vec<_> = free.iter().copied().filter(|&(_, bytes)| bytes >= size).collect();
        fit.sort_by_key(|&(offset, bytes)| (bytes, offset));
        let chosen = e9_01::choose(&free, size).map(|at| free[at]);
        assert_eq!(chosen, fit.first().copied(), "{size} of {free:?}");
    }
}
