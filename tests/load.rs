//! Many clients, slow clients, and no trace of those that left.

mod support;

use std::net::TcpStream;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use support::frames::Frames;
use support::{Client, Running, numbers, wait_for};

/// "Promptly": an answer takes some 0.1 ms when nobody waits, and any time limit 30 s.
const PROMPT: Duration = Duration::from_secs(1);

#[test]
fn a_client_that_never_reads_delays_no_other() {
    let server = Running::start(&["--numbers", "5000000"]);
    let deaf: Vec<Client> = (0..4)
        .map(|_| {
            let mut client = server.connect();
            client.send("draw 1000000\n");
            client
        })
        .collect();
    server.await_figure("drawn", 4_000_000);
    let mut client = server.connect();
    for _ in 0..100 {
        let start = Instant::now();
        assert_eq!(numbers(&client.ask("draw 1")).len(), 1);
        assert!(start.elapsed() < PROMPT, "{:?}", start.elapsed());
    }
    drop(deaf);
}

#[test]
fn a_thousand_idle_clients_keep_nobody_waiting() {
    let server = Running::start(&[]);
    let idle: Vec<TcpStream> =
        (0..1000).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    server.await_figure("clients", 1001);
    let start = Instant::now();
    assert_eq!(numbers(&server.ask("draw 1")).len(), 1);
    assert!(start.elapsed() < PROMPT, "{:?}", start.elapsed());
    drop(idle);
    server.await_figure("clients", 1);
}

#[test]
fn ten_thousand_clients_come_and_go_without_a_trace() {
    let server = Running::start(&[]);
    server.await_figure("clients", 1);
    // The one that asked is gone once its thread is.
    wait_for("the first clients' end", || server.client_threads() == 0);
    let before = server.resources();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                // Each waits for the server's close too: closed at once, they would come
                // faster than any accept, and an overflowing backlog costs a second.
                for _ in 0..2500 {
                    let mut client = server.connect();
                    client.end_of_requests();
                    assert_eq!(client.rest(), b"");
                }
            });
        }
    });
    wait_for(&format!("threads and descriptors as before: {before:?}"), || {
        server.resources() == before
    });
    assert_eq!(numbers(&server.ask("draw 1")).len(), 1);
}

#[test]
fn concurrent_sets_and_gets_of_one_lease_never_mix() {
    const SIZE: usize = 1 << 20;
    let server = Running::start(&[]);
    let mut client = server.connect();
    let id = client.lease_number(SIZE as i32, 60_000);
    let set = |client: &mut Client, byte: u8| assert_eq!(client.set(id, &vec![byte; SIZE]), 0);
    set(&mut client, 0);
    let barrier = Barrier::new(4);
    thread::scope(|scope| {
        for writer in 1..=2 {
            let (server, barrier, set) = (&server, &barrier, &set);
            scope.spawn(move || {
                let mut client = server.connect();
                barrier.wait();
                (0..30).for_each(|_| set(&mut client, writer));
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                let mut client = server.connect();
                barrier.wait();
                for _ in 0..30 {
                    let data = client.get(id);
                    assert!(data.iter().all(|&byte| byte == data[0]), "a mix of two sets");
                }
            });
        }
    });
}
