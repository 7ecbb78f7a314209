//! Processes that watch and never listen. In an earlier edition each kept a copy of each change:
//! 1,024 watchers and 4,400 joins took 1,145 MiB.

use std::net::{SocketAddr, TcpStream};

use leasebox::client::CallError;
use leasebox::client::exchange::{Semantics, Way};
use leasebox::commands::Join;
use leasebox::common::error::Code;
use socket2::{Domain, Socket, Type};

use crate::buffers::{MIB, peak};
use crate::support::weather::client;
use crate::support::{Client, Running, wait_for};

/// As many as may watch, and nearly as many more as administrative memory has room for.
const WATCHERS: usize = 1024;
const OTHERS: usize = 3400;

/// A client whose process `wN` watches.
fn watcher(server: &Running, number: usize) -> Client {
    let mut client = server.connect();
    assert!(client.ask(&format!("join w{number} 0")).starts_with("joined "));
    assert!(client.ask("watch").starts_with("watching"));
    client
}

#[test]
fn a_thousand_watchers_that_never_listen_keep_a_place_and_no_copies() {
    let server = Running::start(&["--udp"]);
    let mut watchers: Vec<Client> = (0..WATCHERS).map(|number| watcher(&server, number)).collect();
    let before = peak(&server);
    for number in 0..OTHERS {
        join_by_datagram(&server, format!("p{number}")).unwrap();
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

/// Connects from an address of this machine.
fn connect_from(own: [u8; 4], server: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((own, 0)).into()).unwrap();
    socket.connect(&server.into()).unwrap();
    socket.into()
}

/// Joins by datagrams, as a new client of this machine.
fn join_by_datagram(server: &Running, name: String) -> Result<(), CallError> {
    // The history of datagrams has no room for so many clients.
    let way = Way { semantics: Semantics::AtLeastOnce, ..Way::default() };
    let mut client = client(server.address, way);
    let join = || Join { name: name.clone().into(), committed: Some(0), space: None };
    let mut joined = None;
    // By datagrams a join tries the lock for 1 ms, and a thread that has it may be off its core.
    wait_for("an answer to a join", || match client.call(join()) {
        Err(CallError::Refused(error)) if error.code == Code::Busy => false,
        reply => joined.replace(reply.map(drop)).is_none(),
    });
    joined.unwrap()
}

#[test]
fn an_address_has_a_half_of_administrative_memory_and_of_the_watchers() {
    let (join, admin) = (192, 262_144);
    let server = Running::start(&["--udp", "--trust", "none", "--admin", "262144"]);
    let watchers: Vec<Client> = (0..WATCHERS / 2).map(|number| watcher(&server, number)).collect();
    let mut one_more = server.connect();
    assert!(one_more.ask("join w 0").starts_with("joined "));
    let refused = "error busy 512 processes of your address watch already; let one of them leave";
    assert_eq!(one_more.ask("watch"), refused);
    // All others of the address join by datagrams. A join needs room for a block too.
    let most = (admin / 2 - 32) / join;
    for number in WATCHERS / 2 + 1..most {
        assert!(join_by_datagram(&server, format!("p{number}")).is_ok(), "{number}");
    }
    let Err(CallError::Refused(error)) = join_by_datagram(&server, "p".into()) else {
        panic!("a join beyond the half of an address");
    };
    assert_eq!((error.code, error.text.contains("--trust")), (Code::Refused, true), "{error:?}");
    // Another address is not kept out, and the first may use what it gives back.
    let mut other = Client::of(connect_from([127, 0, 0, 2], server.address));
    assert!(other.ask("join other 0").starts_with("joined "));
    assert!(other.ask("watch").starts_with("watching"));
    assert_eq!(one_more.ask("leave"), "left w");
    assert!(join_by_datagram(&server, "p".into()).is_ok());
    drop(watchers);
}
