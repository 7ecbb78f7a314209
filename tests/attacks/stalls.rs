//! How long one request of one client keeps another one waiting: the worst time of a `ttl` that is
//! sent each millisecond, while others ask for the costly things. It prints the figures;
//! docs/measurements.md has those of a machine that does nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Client, Running, wait_for};

/// Sends `ttl` each millisecond while `action` runs, and prints the worst time to an answer.
fn probe<R>(server: &Running, what: &str, action: impl FnOnce() -> R) -> R {
    let is_over = Arc::new(AtomicBool::new(false));
    let (mut prober, flag) = (server.connect(), is_over.clone());
    let id = prober.lease(32, 3_600_000);
    let probing = thread::spawn(move || {
        let mut worst = Duration::ZERO;
        while !flag.load(Ordering::Relaxed) {
            let begun = Instant::now();
            assert!(prober.ask(&format!("ttl {id}")).starts_with("ttl "));
            worst = worst.max(begun.elapsed());
            thread::sleep(Duration::from_millis(1));
        }
        worst
    });
    let returned = action();
    is_over.store(true, Ordering::Relaxed);
    let worst = probing.join().unwrap();
    println!("{:8.1} ms  {what}", worst.as_secs_f64() * 1000.0);
    returned
}

/// Sends the same request so often, and reads the answers. Two are under way at a time, so that the
/// server is never idle.
fn repeat(client: &mut Client, request: &str, times: usize) {
    client.send(format!("{request}\n"));
    for _ in 1..times {
        client.send(format!("{request}\n"));
        client.line();
    }
    client.line();
}

/// Leases a million pieces that all end at the same time, and waits until they are back.
fn a_million_leases(server: &Running) {
    const BATCH: u128 = 1000;
    let mut client = server.connect();
    let end = Instant::now() + Duration::from_secs(15);
    probe(server, "a million leases are made", || {
        for _ in 0..1_000_000 / BATCH {
            let left = end.saturating_duration_since(Instant::now()).as_millis().max(1);
            client.send(format!("lease 32 {left}\n").repeat(BATCH as usize));
            (0..BATCH).for_each(|_| drop(client.line()));
        }
    });
    probe(server, "tree, 200 times", || repeat(&mut client, "tree", 200));
    probe(server, "list leases, 200 times", || repeat(&mut client, "list leases", 200));
    probe(server, "lease 32 1, 20,000 times", || repeat(&mut client, "lease 32 1", 20_000));
    probe(server, "all of them end at once", || {
        thread::sleep(end.saturating_duration_since(Instant::now()));
        wait_for("the end of all leases", || server.figure("leases") <= 20);
        println!("{:8.0} ms  until all are back", end.elapsed().as_secs_f64() * 1000.0);
    });
}

fn joined(server: &Running, name: &str) -> Client {
    let mut client = server.connect();
    let reply = client.ask(&format!("join {name} 65536"));
    assert!(reply.starts_with("joined "), "{reply}");
    client
}

/// A thousand watchers that wait, and 3,000 other processes. All of those end at once.
fn processes(server: &Running) {
    let mut watchers: Vec<Client> = (0..1024)
        .map(|number| {
            let mut client = server.connect();
            assert!(client.ask(&format!("join w{number} 0")).starts_with("joined "));
            client.ask("watch");
            client
        })
        .collect();
    let mut others: Vec<Client> = Vec::new();
    probe(server, "3,000 joins beside 1,024 watchers that do not listen", || {
        for number in 0..3000 {
            let mut client = server.connect();
            assert!(client.ask(&format!("join p{number} 0")).starts_with("joined "));
            others.push(client);
        }
    });
    probe(server, "accounts, 20 times", || repeat(&mut others[0], "accounts", 20));
    probe(server, "the end of 3,000 processes beside them", || {
        others.clear();
        wait_for("the end of all", || server.figure("processes") == 1024);
    });
    for watcher in &mut watchers {
        watcher.send("watch\nwait 60000\n");
        watcher.line();
    }
    probe(server, "a join that 1,024 watchers wait for", || {
        let _joined = joined(server, "last");
        watchers.iter_mut().for_each(|watcher| assert_eq!(watcher.line(), "joined last"));
    });
}

/// A process in some 4,000 sessions.
fn sessions(server: &Running) {
    // By RESP: a line of text has no room for so many ids.
    let mut publisher = server.connect();
    publisher.send("*3\r\n$4\r\njoin\r\n$9\r\npublisher\r\n$5\r\n65536\r\n");
    assert!(publisher.line().starts_with("+joined "));
    let mut openers: Vec<Client> = Vec::new();
    let mut ids: Vec<String> = Vec::new();
    for number in 0..14 {
        let mut opener = joined(server, &format!("opener{number}"));
        opener.send("open publisher\n".repeat(300));
        let opened = (0..300).map(|_| opener.line());
        ids.extend(opened.filter_map(|line| Some(line.strip_prefix("opened ")?.to_string())));
        openers.push(opener);
    }
    let list = ids.join(",");
    let request = format!("*3\r\n$7\r\npublish\r\n${}\r\n{list}\r\n$4\r\nnews\r\n", list.len());
    probe(server, &format!("publish in {} sessions", ids.len()), || {
        publisher.send(&request);
        let line = publisher.line();
        assert_eq!(line, format!("+published {} 4\r", ids.len()));
    });
}

fn lookups(server: &Running) {
    let mut crowd: Vec<Client> = (0..4000).map(|_| server.connect()).collect();
    crowd.iter_mut().for_each(|client| client.send("lookup late 600000\n"));
    wait_for("all clients' threads", || server.client_threads() == 4000);
    thread::sleep(Duration::from_secs(1));
    probe(server, "a join that 4,000 clients wait for", || {
        let _joined = joined(server, "late");
        crowd.iter_mut().for_each(|client| assert!(client.line().starts_with("found ")));
    });
}

#[test]
#[ignore = "long: ./run.sh soak"]
fn the_worst_time_that_one_client_s_request_keeps_another_waiting() {
    a_million_leases(&Running::start(&["--max-leases", "1100000"]));
    processes(&Running::start(&[]));
    sessions(&Running::start(&[]));
    lookups(&Running::start(&[]));
}
