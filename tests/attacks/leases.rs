//! The smallest leases, as many as there may be. In an earlier edition 64 MiB of them were two
//! million, and their entries took 720 MiB more.

use crate::buffers::{MIB, peak};
use crate::support::Running;

/// Requests that are sent before their answers are read.
const BATCH: usize = 1000;

#[test]
fn a_lease_takes_at_most_100_bytes_beside_its_block() {
    let server = Running::start(&[]);
    let mut client = server.connect();
    let before = peak(&server);
    let (mut ids, mut refused) = (Vec::new(), String::new());
    while refused.is_empty() {
        client.send("lease 32 3600000\n".repeat(BATCH));
        let first = ids.len();
        for _ in 0..BATCH {
            let line = client.line();
            match line.strip_prefix("leased ") {
                Some(lease) => ids.push(lease.split(' ').next().unwrap().to_string()),
                None => refused = line,
            }
        }
        // The state of the contents begins with the first set.
        client.send(ids[first..].iter().map(|id| format!("set {id} x\n")).collect::<String>());
        ids[first..].iter().for_each(|id| assert_eq!(client.line(), format!("set {id} 1")));
    }
    // One MiB is for the buffers of this client.
    let grown = peak(&server) - before;
    let most = 100 * ids.len() + MIB;
    assert!(grown < most, "{grown} bytes more for {} leases", ids.len());
    assert!(
        refused.starts_with("error out-of-memory there are 599186 leases and granted blocks"),
        "{refused}"
    );
    assert_eq!(ids.len(), 599_186);
    let last = ids.pop().unwrap();
    assert_eq!(client.ask(&format!("release {last}")), format!("released {last} 32"));
    assert!(client.ask("lease 32 5").starts_with("leased "), "its entry is free again");
}
