//! A stop while thousands of clients are idle, wait, or ask for long answers.

use std::time::Instant;

use crate::support::{Client, Running, STOP, numbers};

/// Stops a server with so many clients that do this. Prints how long it took.
fn stop_beside(clients: usize, request: &str) {
    let mut server = Running::start(&["--max-clients", "9000"]);
    let mut crowd: Vec<Client> = (0..clients).map(|_| server.connect()).collect();
    crowd.iter_mut().for_each(|client| client.send(request));
    // A new client is answered while the others are.
    let begun = Instant::now();
    assert_eq!(numbers(&server.ask("draw 1")).len(), 1);
    let (answered, begun) = (begun.elapsed(), Instant::now());
    server.signal("-TERM");
    assert_eq!(server.wait().code(), Some(0));
    let stopped = begun.elapsed();
    println!("{clients} of {request:?}: a new one answered in {answered:.1?}, stop {stopped:.2?}");
    assert!(stopped < STOP);
    let log = server.log();
    assert!(!log.contains("had not ended") && !log.contains("could not be woken"), "{log}");
}

#[test]
fn a_stop_leaves_no_thread_of_idle_or_waiting_clients() {
    stop_beside(1000, "");
    stop_beside(1000, "lookup nobody 600000\n");
    stop_beside(1000, "list connections\n");
}

#[test]
#[ignore = "long: ./run.sh soak"]
fn a_stop_leaves_no_thread_of_eight_thousand_clients() {
    stop_beside(8000, "");
    stop_beside(8000, "lookup nobody 600000\n");
    stop_beside(8000, &"list connections\n".repeat(8));
}
