//! A hundred processes at once, with nothing lost: short here, a minute in `./run.sh soak`.

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use leasebox::cooperative::words::{Reason, Wanted};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::connections::{all_free, library};
use crate::support::calls::Calls as _;
use crate::support::{Running, wait_for};

/// Many processes that ask, return, wait and die; answers how many grants there were.
fn crowd(processes: usize, time: Duration) -> u64 {
    let server = Running::start(&[
        "--memory",
        "8MiB",
        "--pools",
        "committed=20%,gl=10%,gp=20%,le=30%,lp=20%",
    ]);
    let server = Arc::new(server);
    let barrier = Arc::new(Barrier::new(processes));
    let threads: Vec<_> = (0..processes)
        .map(|number| {
            let (server, barrier) = (server.clone(), barrier.clone());
            thread::spawn(move || one_of_the_crowd(&server, &barrier, number, time))
        })
        .collect();
    let grants = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    wait_for("all to be back", || all_free(&server) && server.figure("processes") == 0);
    let tree = server.ask("tree");
    assert!(tree.contains("8388608-free"), "one free block again: {tree}");
    grants
}

fn one_of_the_crowd(server: &Running, barrier: &Barrier, number: usize, time: Duration) -> u64 {
    let mut rng = StdRng::seed_from_u64(number as u64);
    let mut grants = 0;
    barrier.wait();
    let start = Instant::now();
    while start.elapsed() < time {
        let mut process = library(server);
        process.join(&format!("p{number}"), Some(4096)).unwrap();
        let mut blocks = Vec::new();
        for _ in 0..rng.random_range(5..60) {
            let held = 4096 + blocks.len() as u64 * 32_768;
            match rng.random_range(0..10) {
                0..5 => {
                    let wanted = Wanted {
                        size: rng.random_range(20_000..32_768),
                        reason: Reason::ALL[rng.random_range(1..5)],
                        freeable: rng.random::<bool>().then(|| rng.random_range(0..held)),
                        efficiency: None,
                        wait_ms: rng.random_range(0..3) * 20,
                        why: false,
                    };
                    if let Ok(granted) = process.request_as(&wanted) {
                        grants += 1;
                        let mark = [number as u8 ^ blocks.len() as u8; 100];
                        process.set(granted.id, &mark).unwrap();
                        blocks.push((granted.id, mark));
                    }
                }
                5..9 if !blocks.is_empty() => {
                    let (id, mark) = blocks.swap_remove(rng.random_range(0..blocks.len()));
                    assert_eq!(process.get(id).unwrap(), mark, "two processes have one block");
                    process.give_back(id).unwrap();
                }
                _ => drop(process.wait(Duration::from_millis(1)).unwrap()),
            }
        }
        // Half of them say goodbye; the others are just gone.
        if rng.random() {
            process.leave().unwrap();
        } else {
            drop(process);
            let name_is_free = || library(server).join(&format!("p{number}"), Some(0)).is_ok();
            wait_for("the name of a process that is gone", name_is_free);
            wait_for("the end of that", || {
                let mut next = library(server);
                next.join(&format!("p{number}"), Some(0)).and_then(|_| next.leave()).is_ok()
            });
        }
    }
    grants
}

#[test]
fn a_hundred_processes_at_once_lose_nothing() {
    assert!(crowd(100, Duration::from_secs(2)) > 100);
}

#[test]
#[ignore = "a minute, in ./run.sh soak"]
fn a_hundred_processes_lose_nothing_for_a_minute() {
    let grants = crowd(100, Duration::from_secs(60));
    println!("100 processes, 60 s: {grants} grants, all back");
}
