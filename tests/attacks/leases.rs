//! The smallest leases, as many as there may be. In an earlier edition 64 MiB of them were two
//! million, and their entries took 720 MiB more.

use crate::buffers::{MIB, peak};
use crate::support::Running;

/// Requests that are sent before their answers are read.
const BATCH: usize = 1000;

#[test]
fn the_entries_of_the_smallest_leases_take_no_more_than_the_memory_again() {
    let server = Running::start(&[]);
    let mut client = server.connect();
    let before = peak(&server);
    let (mut ids, mut refused) = (Vec::new(), String::new());
    while refused.is_empty() {
        client.send("lease 32 3600000\n".repeat(BATCH));
        for _ in 0..BATCH {
            let line = client.line();
            match line.strip_prefix("leased ") {
                Some(lease) => ids.push(lease.split(' ').next().unwrap().to_string()),
                None => refused = line,
            }
        }
    }
    let grown = peak(&server) - before;
    assert!(grown < 64 * MIB, "{grown} bytes more for {} leases", ids.len());
    assert!(
        refused.starts_with("error out-of-memory there are 199728 leases and granted blocks"),
        "{refused}"
    );
    assert_eq!(ids.len(), 199_728);
    let last = ids.pop().unwrap();
    assert_eq!(client.ask(&format!("release {last}")), format!("released {last} 32"));
    assert!(client.ask("lease 32 5").starts_with("leased "), "its entry is free again");
}
