//! Tests of the lists: their bounds, and what they do not show.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::*;
use crate::commands::{Accounts, Join, Lease, Leave, List, Reply, Request};
use crate::common::id::IdKind;
use crate::server::clients::Gauge;
use crate::server::config::{Config, SpacePlan};

const LOCALHOST: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 50_000);

fn answer<'s>(shared: &'s Shared, request: Request<'_>) -> Reply<'s> {
    request.execute(shared, Caller::connected(1), &mut Vec::new())
}

#[test]
fn a_list_is_bounded_and_shows_no_lease_that_has_expired() {
    let shared = Config { memory: 1 << 20, ..Config::default() }.share().unwrap();
    let list = || match answer(&shared, Request::List(List { what: Listed::Leases })) {
        Reply::List(listing) => *listing,
        other => panic!("{other:?}"),
    };
    for _ in 0..600 {
        answer(
            &shared,
            Request::Lease(Lease { size: 1, duration_ms: 60_000, id_kind: IdKind::Uuid }),
        );
    }
    let listing = list();
    assert_eq!((listing.total, listing.rows.len()), (600, 512));
    let left = |row: &Vec<String>| row[4].parse::<u64>().unwrap();
    assert!(listing.rows.is_sorted_by_key(left) && left(&listing.rows[0]) > 50_000);
    // This lease expires. No reaper removes it from the table, but the list leaves it out.
    answer(&shared, Request::Lease(Lease { size: 1, duration_ms: 1, id_kind: IdKind::Uuid }));
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(2) {
        std::hint::spin_loop();
    }
    assert!(left(&list().rows[0]) > 50_000);
}

#[test]
fn who_is_connected_is_not_told_by_datagrams() {
    let shared = Config::default().share().unwrap();
    let connections = Request::List(List { what: Listed::Connections });
    let answer = |caller| connections.execute(&shared, caller, &mut Vec::new());
    let none = answer(Caller::connected(1));
    assert!(matches!(&none, Reply::List(listing) if listing.total == 0), "{none:?}");
    let refused = answer(Caller::unconnected(1));
    assert!(matches!(&refused, Reply::Error(error) if error.code == Code::Refused), "{refused:?}");
}

/// Returns a socket, which all clients of a test share: nothing is read or written.
fn socket() -> Arc<TcpStream> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    Arc::new(TcpStream::connect(listener.local_addr().unwrap()).unwrap())
}

#[test]
fn a_list_of_connections_is_bounded_and_says_how_many_there_are() {
    let shared = Config::default().share().unwrap();
    let stream = socket();
    for client in 1..=600 {
        assert!(shared.clients.enter(client, &stream, &Arc::default(), LOCALHOST, Instant::now()));
    }
    let listing = match answer(&shared, Request::List(List { what: Listed::Connections })) {
        Reply::List(listing) => *listing,
        other => panic!("{other:?}"),
    };
    assert_eq!((listing.total, listing.rows.len()), (600, 512));
    assert_eq!((&*listing.rows[0][0], &*listing.rows[511][0]), ("1", "512"), "the first ones");
}

#[test]
fn a_list_of_blocks_names_the_process_of_each_and_is_bounded() {
    let shared = Config { memory: 1 << 20, ..Config::default() }.share().unwrap();
    let list = || match answer(&shared, Request::List(List { what: Listed::Blocks })) {
        Reply::List(listing) => *listing,
        other => panic!("{other:?}"),
    };
    assert_eq!((list().total, list().rows.len()), (0, 0));
    for client in 1..=600 {
        let join = Join { name: format!("p{client}").into(), committed: Some(1000), space: None };
        Request::Join(join).execute(&shared, Caller::connected(client), &mut Vec::new());
        let lease = Lease { size: 100, duration_ms: 60_000, id_kind: IdKind::Uuid };
        assert!(!matches!(answer(&shared, Request::Lease(lease)), Reply::Error(_)));
    }
    let listing = list();
    assert_eq!((listing.total, listing.rows.len()), (600, 512), "no lease is among them");
    let offsets: HashSet<&String> = listing.rows.iter().map(|row| &row[0]).collect();
    assert_eq!(offsets.len(), 512);
    for (row, number) in listing.rows.iter().zip(1..) {
        let of_whom = format!("p{number}");
        assert_eq!(row[1..], ["1024", "committed", &*of_whom], "in the order of joining");
    }
    Request::Leave(Leave).execute(&shared, Caller::connected(1), &mut Vec::new());
    assert_eq!(list().total, 599);
}

#[test]
fn a_list_of_blocks_has_none_of_another_space() {
    let others = vec![("low-heat".to_string(), 1 << 16)];
    let spaces = SpacePlan { others, ..SpacePlan::default() };
    let shared = Config { memory: 1 << 20, spaces, ..Config::default() }.share().unwrap();
    for (client, space) in [(1, Some("low-heat".into())), (2, None)] {
        let join = Join { name: format!("p{client}").into(), committed: Some(1000), space };
        Request::Join(join).execute(&shared, Caller::connected(client), &mut Vec::new());
    }
    let listing = match answer(&shared, Request::List(List { what: Listed::Blocks })) {
        Reply::List(listing) => *listing,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        (listing.total, listing.rows),
        (1, vec![["0", "1024", "committed", "p2"].map(String::from).to_vec()])
    );
}

#[test]
fn nobody_is_entered_once_the_stop_has_begun() {
    let clients = Config::default().share().unwrap().clients;
    let (stream, gauge) = (socket(), Arc::<Gauge>::default());
    assert!(clients.enter(1, &stream, &gauge, LOCALHOST, Instant::now()));
    assert_eq!(clients.begin_stop().len(), 0);
    assert!(!clients.enter(2, &stream, &gauge, LOCALHOST, Instant::now()));
    assert_eq!(clients.count(), 1);
}

#[test]
fn more_accounts_than_an_answer_can_carry_are_refused() {
    let shared = Config::default().share().unwrap();
    let accounts = || {
        let caller = Caller { most_data: 8000, ..Caller::unconnected(1) };
        Request::Accounts(Accounts).execute(&shared, caller, &mut Vec::new())
    };
    // 160 bytes each, so 50 of them are just enough.
    for client in 1..=51 {
        let join = Join { name: format!("p{client}").into(), committed: Some(0), space: None };
        Request::Join(join).execute(&shared, Caller::connected(client), &mut Vec::new());
        match accounts() {
            Reply::Accounts(accounts) => assert_eq!(accounts.len() as u64, client),
            Reply::Error(error) => assert_eq!((error.code, client), (Code::TooLarge, 51)),
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(accounts(), Reply::Error(_)));
}
