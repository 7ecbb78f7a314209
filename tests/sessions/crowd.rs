//! Two hundred processes, a thousand sessions, random traffic, and somebody dies: short here, a
//! minute in `./run.sh soak`.
//!
//! Each message says in which session, in which direction and as how many it goes, and is filled
//! with bytes of its own. So whoever receives sees what is missing, doubled, late or mixed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use leasebox::client::{CallError, Client as Library};
use leasebox::common::error::Code;
use leasebox::sessions::words::{Notice, SessionId, Told};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::connections::{all_back, library};
use crate::support::calls::Calls as _;
use crate::support::{Running, wait_for};

/// What all of them saw.
#[derive(Default)]
struct Tally {
    sent: AtomicU64,
    received: AtomicU64,
    lost: AtomicU64,
    deaths: AtomicU64,
}

/// One process's half of its sessions: the next number out, and the next expected.
struct One {
    client: Library,
    name: String,
    sessions: HashMap<SessionId, (u64, u64)>,
    rng: StdRng,
}

fn fill(session: SessionId, name: &str, number: u64, length: usize) -> Vec<u8> {
    let mut data = number.to_le_bytes().to_vec();
    let key = name.bytes().fold(session.to_bytes()[3], u8::wrapping_add);
    data.extend((0..length).map(|at| key ^ number as u8 ^ at as u8));
    data
}

impl One {
    fn born(server: &Running, number: usize, life: u64) -> Self {
        let mut client = library(server);
        let name = format!("p{number}");
        // The server may still be ending its last life.
        wait_for("the name to be free", || match client.join(&name, Some(16 << 10)) {
            Ok(_) => true,
            Err(CallError::Refused(error)) => !error.text.contains("has that name"),
            Err(error) => panic!("{error}"),
        });
        let rng = StdRng::seed_from_u64(number as u64 * 1000 + life);
        Self { client, name, sessions: HashMap::new(), rng }
    }

    fn live(&mut self, processes: usize, sessions: usize, tally: &Tally) {
        if self.sessions.len() < sessions {
            let other = format!("p{}", self.rng.random_range(0..processes));
            if let Ok(session) = self.client.open(&other, b"") {
                self.sessions.insert(session, (0, 0));
            }
        }
        let ids: Vec<_> = self.sessions.keys().copied().collect();
        for session in ids {
            if self.rng.random_range(0..3) == 0 {
                self.say(session, tally);
            }
        }
        while let Some(signal) = self.client.wait(Duration::ZERO).unwrap() {
            self.hear(signal, tally);
        }
    }

    fn say(&mut self, session: SessionId, tally: &Tally) {
        let Some((out, _)) = self.sessions.get_mut(&session) else { return };
        let length = [0, 10, 300, 3000][self.rng.random_range(0..4)];
        match self.client.send(session, &fill(session, &self.name, *out, length)) {
            Ok(()) => {
                *out += 1;
                tally.sent.fetch_add(1, Ordering::Relaxed);
            }
            Err(CallError::Refused(error)) => match error.code {
                Code::OutOfMemory | Code::Refused => {}
                Code::NotFound => drop(self.sessions.remove(&session)),
                _ => panic!("{error}"),
            },
            Err(error) => panic!("{error}"),
        }
    }

    fn hear(&mut self, signal: Told, tally: &Tally) {
        let Told::Notice(notice) = signal else { panic!("{signal:?}") };
        match notice {
            Notice::Opened { session, .. } => drop(self.sessions.insert(session, (0, 0))),
            Notice::Message { session, .. } => self.receive(session, tally),
            Notice::Closed { session } => drop(self.sessions.remove(&session)),
            Notice::Lost { session, count } => {
                tally.lost.fetch_add(count, Ordering::Relaxed);
                if let Some((_, next)) = self.sessions.get_mut(&session) {
                    *next += count;
                }
            }
            Notice::Blocked { .. } | Notice::Unblocked { .. } => {}
            other => panic!("{other:?}"),
        }
    }

    fn receive(&mut self, session: SessionId, tally: &Tally) {
        let data = match self.client.receive(session, Duration::ZERO) {
            Ok(Some(data)) => data,
            // Lost in between, or the other end has gone: that is told.
            Ok(None) => return,
            Err(CallError::Refused(error)) if error.code == Code::NotFound => return,
            Err(error) => panic!("{error}"),
        };
        tally.received.fetch_add(1, Ordering::Relaxed);
        let other = self.client.sessions().unwrap();
        let other = other.iter().find(|state| state.session == session).map(|s| s.name.clone());
        let Some((_, next)) = self.sessions.get_mut(&session) else { return };
        let number = u64::from_le_bytes(data[..8].try_into().unwrap());
        assert_eq!(number, *next, "in order, none twice, none missing");
        *next += 1;
        if let Some(name) = other.filter(|name| !name.is_empty()) {
            assert_eq!(data, fill(session, &name, number, data.len() - 8), "unmixed");
        }
    }
}

/// The traffic; answers what was seen.
fn crowd(processes: usize, sessions: usize, time: Duration, death: Duration) -> Arc<Tally> {
    let server = Arc::new(Running::start(&["--memory", "32MiB", "--admin", "4MiB"]));
    let (threads, _) = server.resources();
    let barrier = Arc::new(Barrier::new(processes));
    let tally = Arc::new(Tally::default());
    // Who is to die next, by number.
    let victim = Arc::new(AtomicU64::new(u64::MAX));
    let all: Vec<_> = (0..processes)
        .map(|number| {
            let (server, barrier) = (server.clone(), barrier.clone());
            let (tally, victim) = (tally.clone(), victim.clone());
            thread::spawn(move || {
                let mut life = 0;
                let mut one = One::born(&server, number, life);
                barrier.wait();
                let start = Instant::now();
                while start.elapsed() < time {
                    one.live(processes, sessions / processes, &tally);
                    let is_victim = victim.compare_exchange(
                        number as u64,
                        u64::MAX,
                        Ordering::Relaxed,
                        Ordering::Relaxed,
                    );
                    if is_victim.is_ok() {
                        life += 1;
                        drop(one);
                        tally.deaths.fetch_add(1, Ordering::Relaxed);
                        one = One::born(&server, number, life);
                    }
                    thread::sleep(Duration::from_millis(5));
                }
                barrier.wait();
            })
        })
        .collect();
    let mut rng = StdRng::seed_from_u64(7);
    let start = Instant::now();
    while start.elapsed() + death < time {
        thread::sleep(death);
        victim.store(rng.random_range(0..processes as u64), Ordering::Relaxed);
    }
    all.into_iter().for_each(|thread| thread.join().unwrap());
    wait_for("all to be back", || all_back(&server));
    wait_for("no thread to be left", || server.resources().0 <= threads + 1);
    assert!(server.figure("contenders") <= 2);
    tally
}

#[test]
fn a_crowd_loses_nothing_that_was_promised() {
    let tally = crowd(20, 100, Duration::from_secs(3), Duration::from_millis(300));
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    assert!(count(&tally.received) > 100 && count(&tally.deaths) > 3, "{}", count(&tally.received));
}

#[test]
#[ignore = "a minute: ./run.sh soak"]
fn two_hundred_processes_with_a_thousand_sessions_lose_nothing_that_was_promised() {
    let tally = crowd(200, 1000, Duration::from_secs(60), Duration::from_secs(1));
    let [sent, received, lost, deaths] = [&tally.sent, &tally.received, &tally.lost, &tally.deaths]
        .map(|counter| counter.load(Ordering::Relaxed));
    println!("{sent} sent, {received} received, {lost} told to be lost, {deaths} deaths");
    assert!(received > 10_000 && deaths > 50);
}
