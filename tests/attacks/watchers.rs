//! Processes that watch and never listen. In an earlier edition each kept a copy of each change:
//! 1,024 watchers and 4,400 joins took 1,145 MiB.

use leasebox::client::CallError;
use leasebox::client::exchange::{Semantics, Way};
use leasebox::commands::Join;
use leasebox::common::error::Code;

use crate::buffers::{MIB, peak};
use crate::support::weather::client;
use crate::support::{Client, Running, wait_for};

/// As many as may watch, and nearly as many more as administrative memory has room for.
const WATCHERS: usize = 1024;
const OTHERS: usize = 3400;

#[test]
fn a_thousand_watchers_that_never_listen_keep_a_place_and_no_copies() {
    let server = Running::start(&["--udp"]);
    let mut watchers: Vec<Client> = (0..WATCHERS)
        .map(|number| {
            let mut client = server.connect();
            assert!(client.ask(&format!("join w{number} 0")).starts_with("joined "));
            assert!(client.ask("watch").starts_with("watching"));
            client
        })
        .collect();
    let before = peak(&server);
    // The history of datagrams has no room for so many clients.
    let way = Way { semantics: Semantics::AtLeastOnce, ..Way::default() };
    for number in 0..OTHERS {
        let mut client = client(server.address, way);
        let join = || Join { name: format!("p{number}").into(), committed: Some(0), space: None };
        // By datagrams a join tries the lock for 1 ms, and a thread that has it may be off its core.
        wait_for("a join", || match client.call(join()) {
            Err(CallError::Refused(error)) if error.code == Code::Busy => false,
            reply => reply.is_ok(),
        });
    }
    let grown = peak(&server) - before;
    assert!(grown < 64 * MIB, "{grown} bytes more");
    // The last one to watch has missed no join of the others; the first one none of the watchers.
    for (at, watchers_after) in [(WATCHERS - 1, 0), (0, WATCHERS - 1)] {
        for number in WATCHERS - watchers_after..WATCHERS {
            assert_eq!(watchers[at].ask("wait 0"), format!("joined w{number}"));
        }
        for number in 0..OTHERS {
            assert_eq!(watchers[at].ask("wait 0"), format!("joined p{number}"));
        }
        assert_eq!(watchers[at].ask("wait 0"), "none");
    }
}
