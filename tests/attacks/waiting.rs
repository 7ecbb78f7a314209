//! Clients that wait or are idle: what they cost while nothing happens, and whether an end is seen.

use std::time::Duration;

use crate::buffers::peak;
use crate::support::{Client, Running, figure, wait_for};

/// How often the threads of the clients gave up their core, all together.
fn switches(server: &Running) -> u64 {
    let of = |status: String| {
        let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        count.unwrap().trim().parse::<u64>().unwrap()
    };
    server.statuses_of_clients().into_iter().map(of).sum()
}

/// Lets so many clients wait, until a span of time passes in which none of their threads ran. Then
/// closes some, one after the other, and waits until the server has seen that.
fn wait_beside(clients: usize, span: Duration) {
    let server = Running::start(&["--max-clients", "9000"]);
    let mut crowd: Vec<Client> = (0..clients).map(|_| server.connect()).collect();
    crowd.iter_mut().for_each(|client| client.send("lookup nobody 600000\n"));
    wait_for("all clients' threads", || server.client_threads() == clients);
    wait_for("a span in which no thread of a client ran", || {
        let before = switches(&server);
        std::thread::sleep(span);
        switches(&server) == before
    });
    let mut asking = server.connect();
    for _ in 0..20 {
        drop(crowd.pop());
        let left = crowd.len() as u64 + 1;
        wait_for("the end of a client", || figure(&asking.ask("stats"), "clients") == left);
    }
}

#[test]
fn a_client_that_waits_costs_its_thread_nothing_and_its_end_is_seen() {
    wait_beside(100, Duration::from_secs(1));
}

#[test]
#[ignore = "long: ./run.sh soak"]
fn eight_thousand_clients_that_wait_cost_their_threads_nothing() {
    wait_beside(8000, Duration::from_secs(5));
}

/// The compiler once put the 16 KiB with which a close discards input onto the stack that lives as
/// long as the connection: 27 KiB each. A build with fewer optimizations does not do that.
#[test]
#[ignore = "of the optimized build: ./run.sh soak"]
fn an_idle_client_that_has_drawn_takes_less_than_16_kib() {
    const CROWD: usize = 2000;
    let server = Running::start(&[]);
    let before = peak(&server);
    let mut crowd: Vec<Client> = (0..CROWD).map(|_| server.connect()).collect();
    crowd.iter_mut().for_each(|client| assert!(!client.ask("draw 1").is_empty()));
    let each = (peak(&server) - before) / CROWD;
    assert!(each < 16 * 1024, "{each} bytes each");
}
