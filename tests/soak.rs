//! The long runs, `./run.sh soak`: some six minutes of random work with nothing lost at the end.

mod support;

use std::collections::HashSet;
use std::io::Write;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use leasebox::client::exchange::Way;
use leasebox::memory::buddy::Buddy;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use support::weather::{BAD, Lossy, drain_by_eight};
use support::{Client, Running, assert_permutation, numbers, wait_for};

const LONG: Duration = Duration::from_secs(120);

#[test]
#[ignore = "long: ./run.sh soak"]
fn at_most_once_burns_no_number_in_two_minutes_of_bad_weather() {
    let (end, mut lists) = (Instant::now() + LONG, 0);
    while Instant::now() < end {
        let server = Running::start(&["--udp", "--numbers", "20000"]);
        let lossy = Lossy::start(server.address, lists, &BAD);
        let retry = Duration::from_millis(5);
        let way = Way { acknowledge: lists % 2 == 0, retry, ..Way::default() };
        assert_permutation(drain_by_eight(lossy.address, way), 20_000);
        lists += 1;
    }
    println!("{lists} lists of 20000 numbers were drained by datagrams");
}

#[test]
#[ignore = "long: ./run.sh soak"]
fn ten_million_random_steps_leave_the_buddy_tree_sound() {
    let mut rng = StdRng::seed_from_u64(1);
    let mut buddy = Buddy::new(10_000_000);
    let mut live: Vec<u64> = Vec::new();
    for step in 0..10_000_000_u64 {
        if rng.random_bool(0.5) {
            live.extend(buddy.allocate(1 << rng.random_range(0..16)).map(|block| block.offset));
        } else if !live.is_empty() {
            let offset = live.swap_remove(rng.random_range(0..live.len()));
            assert!(buddy.release(offset).is_some());
        }
        if step % 10_000 == 0 {
            assert_eq!(buddy.check(), Ok(()), "after {step} steps");
        }
    }
    for offset in live {
        assert!(buddy.release(offset).is_some());
    }
    let untouched = Buddy::new(10_000_000);
    assert_eq!(buddy.filling(), untouched.filling());
    println!("10,000,000 steps, 1,000 checks");
}

/// Leases, sets, reads back and releases at random until the deadline; answers the rounds.
fn lease_at_random(server: &Running, seed: u64, deadline: Instant) -> u64 {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut client = server.connect();
    let mut rounds = 0;
    while Instant::now() < deadline {
        let (size, ms) = (rng.random_range(1..20_000), rng.random_range(1..2_000));
        let reply = client.ask(&format!("lease {size} {ms}"));
        rounds += 1;
        if reply.starts_with("error out-of-memory ") {
            continue;
        }
        let id = reply.split(' ').nth(1).unwrap().to_string();
        let data = format!("{seed}-{rounds}-").repeat(size / 20);
        let set = client.ask(&format!("set {id} {data}"));
        let got = client.ask(&format!("get {id}"));
        // It may have expired meanwhile; what is there is what was set.
        if set.starts_with("set ") && got.starts_with("data ") {
            assert_eq!(got, format!("data {id} {data}"));
        }
        if rng.random_bool(0.5) {
            client.ask(&format!("release {id}"));
        }
    }
    rounds
}

#[test]
#[ignore = "long: ./run.sh soak"]
fn sixty_four_clients_lease_for_two_minutes_and_all_memory_comes_back() {
    let server = Running::start(&["--memory", "300000"]);
    let before = server.resources();
    let deadline = Instant::now() + LONG;
    let rounds: u64 = thread::scope(|scope| {
        let server = &server;
        let threads: Vec<_> = (0..64)
            .map(|seed| scope.spawn(move || lease_at_random(server, seed, deadline)))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    server.await_figure("leases", 0);
    server.await_figure("used", 0);
    wait_for("threads and descriptors as before", || {
        let now = server.resources();
        now.0 <= before.0 && now.1 <= before.1
    });
    println!("{rounds} rounds by 64 clients, every byte read back, all memory free again");
}

#[test]
#[ignore = "long: ./run.sh soak"]
fn list_after_list_is_drained_while_clients_vanish() {
    let deadline = Instant::now() + LONG;
    let mut lists = 0;
    while Instant::now() < deadline {
        let server =
            Running::start(&["--numbers", "50000", "--lock", ["request", "number"][lists % 2]]);
        let seen = Mutex::new(HashSet::new());
        thread::scope(|scope| {
            for seed in 0..16 {
                let (server, seen) = (&server, &seen);
                scope.spawn(move || drain_and_vanish(server, seed, seen));
            }
        });
        assert_eq!(server.figure("remaining"), 0);
        assert!(seen.lock().unwrap().len() <= 50_000);
        lists += 1;
    }
    println!("{lists} lists drained, no number twice");
}

/// Draws until nothing is left; now and then asks, reads nothing and vanishes.
fn drain_and_vanish(server: &Running, seed: u64, seen: &Mutex<HashSet<u32>>) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut client: Client = server.connect();
    loop {
        if rng.random_bool(0.02) {
            let _ = client.stream.get_mut().write_all(b"draw 50\n");
            client = server.connect();
        }
        let drawn = numbers(&client.ask(&format!("draw {}", rng.random_range(1..100))));
        if drawn.is_empty() {
            return;
        }
        let mut seen = seen.lock().unwrap();
        for number in drawn {
            assert!(seen.insert(number), "{number} came twice");
        }
    }
}
