//! Clients that wait: what they cost while nothing happens, and whether an end is seen.

use std::time::Duration;

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
