//! Tests of the locks: threads start together at a barrier. Some tests have a twin without the
//! lock, in which the error must show itself.

use super::*;
use crate::commands::{
    Data, DoStep, Draw, Get, Lease, Leased, Parked, Release, Released, Reply, Request, Set, Stats,
    Table, Ttl,
};
use crate::common::caller::Caller;
use crate::common::error::Code;
use crate::common::id::{IdKind, LeaseId};
use crate::memory::contents::{ContentsError, Handle};
use crate::memory::service::Tables;
use crate::numbers::commands::Rows;
use crate::numbers::draw::{Counter, take};
use crate::numbers::locking::Locking;
use crate::server::config::Config;
use std::cell::Cell;
use std::collections::HashSet;
use std::sync::atomic::AtomicU32;
use std::sync::{Barrier, Mutex};
use std::thread;

fn shared(memory: u64, numbers: u32, locking: Locking) -> Shared {
    Config { memory, numbers, locking, ..Config::default() }.share().unwrap()
}

fn answer<'s>(shared: &'s Shared, request: Request<'_>) -> Reply<'s> {
    request.execute(shared, Caller::connected(1), &mut Vec::new())
}

fn lease(shared: &Shared, size: u64, duration_ms: u64) -> Result<LeaseId, Code> {
    match answer(shared, Request::Lease(Lease { size, duration_ms, id_kind: IdKind::Uuid })) {
        Reply::Leased(Leased { id, .. }) => Ok(id),
        Reply::Error(error) => Err(error.code),
        other => panic!("{other:?}"),
    }
}

fn set(shared: &Shared, id: LeaseId, data: &[u8]) -> Result<(), Code> {
    match answer(shared, Request::Set(Set { id, data: data.into() })) {
        Reply::Set(_) => Ok(()),
        Reply::Error(error) => Err(error.code),
        other => panic!("{other:?}"),
    }
}

fn get(shared: &Shared, id: LeaseId) -> Result<Vec<u8>, Code> {
    match answer(shared, Request::Get(Get { id })) {
        Reply::Data(Data { data, .. }) => Ok(data),
        Reply::Error(error) => Err(error.code),
        other => panic!("{other:?}"),
    }
}

/// Draws in `threads` threads until the list is drained; returns the numbers of each thread.
fn drain(shared: &Shared, threads: u64) -> Vec<Vec<u32>> {
    let barrier = Barrier::new(threads as usize);
    let draw = |client: u64| {
        let mut numbers = Vec::new();
        barrier.wait();
        loop {
            let request = Request::Draw(Draw { count: 1 + client });
            match request.execute(shared, Caller::connected(client), &mut Vec::new()) {
                Reply::Drawn(drawn) => numbers.extend(drawn.numbers()),
                Reply::Error(error) => {
                    assert_eq!(error.code, Code::Exhausted);
                    return numbers;
                }
                other => panic!("{other:?}"),
            }
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> =
            (0..threads).map(|client| scope.spawn(move || (draw)(client))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn eight_threads_drain_the_list_to_an_exact_permutation() {
    for locking in [Locking::Request, Locking::Number] {
        let shared = shared(64, 50_000, locking);
        let mut all = drain(&shared, 8).concat();
        assert_eq!(all.len(), 50_000);
        all.sort_unstable();
        assert!(all.iter().copied().eq(1..=50_000), "{locking:?}");
    }
}

/// A counter without a lock, for the same `take`. The barrier makes both threads load before
/// either of them stores.
struct Unlocked<'a> {
    counter: &'a AtomicU32,
    both_loaded: &'a Barrier,
}

impl Counter for Unlocked<'_> {
    fn load(&self) -> u32 {
        let index = self.counter.load(Ordering::SeqCst);
        self.both_loaded.wait();
        index
    }

    fn store(&self, index: u32) {
        self.counter.store(index, Ordering::SeqCst);
    }
}

#[test]
fn the_same_draw_without_the_lock_gives_two_threads_the_same_numbers() {
    let counter = AtomicU32::new(0);
    let both_loaded = Barrier::new(2);
    let draw = || take(&Unlocked { counter: &counter, both_loaded: &both_loaded }, 4, 100);
    thread::scope(|scope| {
        let (one, other) = (scope.spawn(draw), scope.spawn(draw));
        assert_eq!(one.join().unwrap(), other.join().unwrap(), "the race, caught");
    });
    let locked = Mutex::new(Cell::new(0));
    let draw = || take(&*lock(&locked), 4, 100);
    thread::scope(|scope| {
        let (one, other) = (scope.spawn(draw), scope.spawn(draw));
        assert_ne!(one.join().unwrap(), other.join().unwrap());
    });
}

#[test]
fn numbers_taken_one_by_one_are_in_the_table_as_they_went() {
    let shared = shared(64, 1000, Locking::Number);
    let drawn = drain(&shared, 4);
    let Reply::Table(rows) =
        answer(&shared, Request::Table(Table { rows: 1000, which: Rows::First }))
    else {
        panic!("no table");
    };
    assert!(rows.iter().map(|row| row.counter).eq(0..1000));
    for (client, numbers) in drawn.iter().enumerate() {
        let of_client = rows.iter().filter(|row| row.client == client as u64);
        assert!(of_client.map(|row| row.result).eq(numbers.iter().copied()));
    }
}

#[test]
fn a_get_is_never_a_mix_of_two_sets() {
    const SIZE: usize = 1 << 20;
    let shared = shared(2 << 20, 1, Locking::Request);
    let id = lease(&shared, SIZE as u64, 60_000).unwrap();
    set(&shared, id, &vec![0; SIZE]).unwrap();
    let barrier = Barrier::new(4);
    thread::scope(|scope| {
        for writer in 1..=2_u8 {
            let (shared, barrier) = (&shared, &barrier);
            scope.spawn(move || {
                barrier.wait();
                for _ in 0..50 {
                    set(shared, id, &vec![writer; SIZE]).unwrap();
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                barrier.wait();
                for _ in 0..50 {
                    let data = get(&shared, id).unwrap();
                    let first = data[0];
                    assert!(data.iter().all(|&byte| byte == first), "a mix");
                }
            });
        }
    });
}

/// The twin of the test before: the contents of two slots at the same bytes have two locks, which
/// is as good as none. A mix must show itself here, or `a_get_is_never_a_mix_of_two_sets` would
/// prove nothing.
#[test]
fn without_the_one_lock_of_the_block_a_get_is_a_mix() {
    const SIZE: usize = 1 << 20;
    let arena = Arena::new(SIZE as u64).unwrap();
    let done = AtomicBool::new(false);
    let deadline = Instant::now() + Duration::from_secs(60);
    let [written, read] = [0, 1].map(|slot| {
        let handle = Handle::new(slot, 2, 0, SIZE as u64);
        arena.open(&handle).unwrap().set(&vec![0; SIZE], Instant::now()).unwrap();
        handle
    });
    let mixed = thread::scope(|scope| {
        scope.spawn(|| {
            for writer in (1..=2).cycle() {
                if done.load(Ordering::Relaxed) {
                    return;
                }
                let mut contents = arena.open(&written).unwrap();
                contents.set(&vec![writer; SIZE], Instant::now()).unwrap();
            }
        });
        let mut data = Vec::new();
        let mut mixed = false;
        while !mixed && Instant::now() < deadline {
            arena.open(&read).unwrap().get(1 << 20, &mut data).unwrap();
            mixed = data.iter().any(|&byte| byte != data[0]);
        }
        done.store(true, Ordering::Relaxed);
        mixed
    });
    assert!(mixed, "two locks were as good as one");
}

#[test]
fn a_place_has_a_new_tenant_only_after_the_copy_in_it_ended() {
    let shared = shared(32, 1, Locking::Request);
    let id = lease(&shared, 32, 60_000).unwrap();
    let found = shared.memory.with_tables(|tables, now| tables.leases().find(id, now));
    let handle = found.unwrap();
    let copying = shared.memory.arena().open(&handle).unwrap();
    thread::scope(|scope| {
        let release = scope.spawn(|| answer(&shared, Request::Release(Release { id })));
        // The lease is removed from the table at once, but its block is not free yet.
        while get_code(&shared, id) != Some(Code::NotFound) {
            thread::yield_now();
        }
        assert_eq!(lease(&shared, 32, 5), Err(Code::OutOfMemory));
        drop(copying);
        assert!(matches!(release.join().unwrap(), Reply::Released(Released { size: 32, .. })));
    });
    assert!(lease(&shared, 32, 60_000).is_ok());
    let opened = shared.memory.arena().open(&handle).map(drop);
    assert_eq!(opened, Err(ContentsError::Released));
}

fn get_code(shared: &Shared, id: LeaseId) -> Option<Code> {
    match answer(shared, Request::Ttl(Ttl { id })) {
        Reply::Error(error) => Some(error.code),
        _ => None,
    }
}

#[test]
fn leases_from_many_threads_leave_the_tables_sound() {
    let shared = shared(100_000, 1, Locking::Request);
    let barrier = Barrier::new(8);
    thread::scope(|scope| {
        for seed in 0..8_u64 {
            let (shared, barrier) = (&shared, &barrier);
            scope.spawn(move || {
                barrier.wait();
                for step in 0..500_u64 {
                    let size = 1 + (seed * 7919 + step * 104_729) % 3000;
                    let Ok(id) = lease(shared, size, 60_000) else {
                        continue;
                    };
                    let mark = vec![seed as u8; size as usize];
                    set(shared, id, &mark).unwrap();
                    assert_eq!(get(shared, id).unwrap(), mark);
                    if step % 4 != 0 {
                        answer(shared, Request::Release(Release { id }));
                    }
                }
            });
        }
    });
    assert_eq!(shared.check(), Ok(()));
}

#[test]
fn expired_leases_stand_in_no_ones_way() {
    let shared = shared(1024, 1, Locking::Request);
    let ids: HashSet<LeaseId> = (0..32).map(|_| lease(&shared, 32, 1).unwrap()).collect();
    assert_eq!(ids.len(), 32);
    // No reaper runs here: a `lease` that finds no room ends the expired leases itself.
    let deadline = Instant::now() + Duration::from_secs(1);
    while lease(&shared, 1024, 60_000).is_err() {
        assert!(Instant::now() < deadline, "expired leases were not taken back");
    }
    assert_eq!(shared.check(), Ok(()));
}

#[test]
fn a_lock_that_a_panic_poisoned_serves_the_others() {
    let shared = shared(1024, 10, Locking::Request);
    thread::scope(|scope| {
        let poisoning = scope.spawn(|| {
            let _draw = shared.numbers.state.lock();
            let _tables = shared.memory.tables().lock();
            std::panic::resume_unwind(Box::new("a panic, on purpose"));
        });
        assert!(poisoning.join().is_err());
    });
    assert!(shared.numbers.state.is_poisoned() && shared.memory.tables().is_poisoned());
    assert!(matches!(answer(&shared, Request::Draw(Draw { count: 4 })), Reply::Drawn(_)));
    assert!(lease(&shared, 100, 5000).is_ok());
    assert_eq!(shared.check(), Ok(()));
}

#[test]
fn a_zero_draw_is_a_bad_request_and_a_drained_list_says_so() {
    let shared = shared(64, 3, Locking::Number);
    let code = |count| match answer(&shared, Request::Draw(Draw { count })) {
        Reply::Error(error) => Some(error.code),
        _ => None,
    };
    assert_eq!(code(0), Some(Code::BadRequest));
    assert_eq!(code(u64::MAX), None, "fewer than asked for, but some");
    assert_eq!(code(1), Some(Code::Exhausted));
}

#[test]
fn stats_name_what_is_left_and_hold_no_id() {
    let shared = shared(1000, 10, Locking::Request);
    answer(&shared, Request::Draw(Draw { count: 4 }));
    let id = lease(&shared, 100, 60_000).unwrap().to_string();
    let Reply::Stats(figures) = answer(&shared, Request::Stats(Stats)) else { panic!("no stats") };
    let text = figures.iter().map(|(name, value)| format!("{name}={value} ")).collect::<String>();
    for expected in
        ["remaining=6 ", "drawn=4 ", "unused=8 ", "leases=1 ", "used=128 ", "requested=100 "]
    {
        assert!(text.contains(expected), "{text}");
    }
    assert!(!text.contains(&id));
}

#[test]
fn without_the_lock_the_servers_own_draw_gives_numbers_twice_and_the_table_shows_them() {
    let config = Config {
        memory: 32,
        numbers: 500,
        locking: Locking::None,
        race_window: Duration::from_micros(200),
        ..Config::default()
    };
    let shared = config.share().unwrap();
    let all = drain(&shared, 4).concat();
    let distinct: HashSet<u32> = all.iter().copied().collect();
    assert!(distinct.len() < all.len(), "no number came twice");
    let Reply::Table(rows) = answer(&shared, Request::Table(Table { rows: 9, which: Rows::Twice }))
    else {
        panic!("no table");
    };
    let twice = rows.windows(2).any(|pair| pair[0].counter == pair[1].counter);
    assert!(twice && rows.len() == 9, "{rows:?}");
    let Reply::Stats(figures) = answer(&shared, Request::Stats(Stats)) else { panic!("no stats") };
    assert_eq!(figures[0].0, "warning");
    let locked = self::shared(32, 500, Locking::Number);
    drain(&locked, 4);
    let Reply::Table(rows) = answer(&locked, Request::Table(Table { rows: 9, which: Rows::Twice }))
    else {
        panic!("no table");
    };
    assert_eq!(rows, [], "with the lock there is nothing to show");
}

#[test]
fn a_plain_server_parks_nobody() {
    let shared = shared(32, 5, Locking::Request);
    for request in [Request::Parked(Parked), Request::Step(DoStep { client: 1 })] {
        let Reply::Error(error) = answer(&shared, request) else { panic!("no error") };
        assert_eq!(error.code, Code::Refused);
    }
}
