//! leasebox frames end to end, and the client library's promises.

mod support;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use leasebox::client::{CallError, Client};
use leasebox::commands::{Bye, CommandNames, Help, Parked, Quit, Reply, Request};
use leasebox::common::error::Code;
use leasebox::common::id::LeaseId;
use leasebox::memory::versions::{Condition, Part};
use leasebox::numbers::commands::Rows;
use leasebox::protocol::byte_order::ByteOrder;
use leasebox::server::lists::Listed;
use support::calls::Calls as _;
use support::frames::Frames;
use support::{Running, leasebox, shown};

const LIMIT: Duration = Duration::from_secs(30);

fn client(server: &Running) -> Client {
    let host = server.address.ip().to_string();
    Client::connect(&host, server.address.port(), LIMIT).unwrap()
}

fn code<T: std::fmt::Debug>(called: Result<T, CallError>) -> Code {
    match called {
        Err(CallError::Refused(error)) => error.code,
        other => panic!("{other:?}"),
    }
}

/// A frame put together by hand: little-endian, request id `id`.
fn frame(kind: u8, id: u32, body: &[u8]) -> Vec<u8> {
    let head = [&b"\x89LBX\x02\x01"[..], &[kind, 0]].concat();
    [&head, &id.to_le_bytes()[..], &(body.len() as u32).to_le_bytes(), body].concat()
}

#[test]
fn the_library_says_all_there_is_to_say_in_either_byte_order() {
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let server = Running::start(&["--seed", "7", "--memory", "1024"]);
        let mut client = client(&server);
        client.set_order(order);
        assert_eq!(client.draw(4).unwrap(), [43948, 46732, 71936, 29535]);
        assert_eq!(client.table(2, Rows::First).unwrap()[1].result, 46732);
        let id = client.lease(64, LIMIT).unwrap();
        client.set(id, b"this is\0some text").unwrap();
        assert_eq!(client.get(id).unwrap(), b"this is\0some text");
        assert_eq!(client.replace(id, Condition::OneOf(vec![1]), b"0123456789").unwrap(), 2);
        assert_eq!(code(client.replace(id, Condition::OneOf(vec![1]), b"lost")), Code::Refused);
        let seen = client.inspect(id, Part::Span { first: 3, last: 5 }).unwrap();
        assert_eq!((seen.version, seen.length, seen.first, &*seen.data), (2, 10, 3, &b"345"[..]));
        let leases = client.list(Listed::Leases).unwrap();
        assert_eq!((leases.total, leases.rows[0].len()), (1, leases.columns.len()));
        client.renew(id, 2 * LIMIT).unwrap();
        let left = client.ttl(id).unwrap();
        assert!(left > LIMIT && left <= 2 * LIMIT, "{left:?}");
        assert!(client.tree().unwrap().contains("64-used"));
        let stats = client.stats().unwrap();
        assert!(stats.contains(&("remaining".into(), "99996".into())), "{stats:?}");
        assert_eq!(client.release(id).unwrap(), 64);
        assert_eq!(code(client.get(id)), Code::NotFound);
        assert_eq!(code(client.draw(0)), Code::BadRequest);
        assert_eq!(code(client.lease(2048, LIMIT)), Code::TooLarge);
        assert_eq!(code(client.ask(&Request::Parked(Parked))), Code::Refused);
        assert!(matches!(client.ask(&Request::Help(Help)), Ok(Reply::Help(CommandNames))));
        assert!(matches!(client.ask(&Request::Quit(Quit)), Ok(Reply::Bye(Bye))));
        assert!(matches!(client.draw(1), Err(CallError::Closed | CallError::Broken(_))));
    }
}

#[test]
fn many_frames_at_once_are_answered_in_order() {
    let server = Running::start(&["--seed", "7"]);
    let mut peer = server.connect();
    let many: Vec<u8> = (0..1000).flat_map(|id| frame(1, id, &1_u64.to_le_bytes())).collect();
    peer.send(many);
    for id in 0..1000_u32 {
        let answer: [u8; 24] = peer.exactly();
        assert_eq!((answer[6], &answer[8..12]), (0x81, &id.to_le_bytes()[..]));
    }
}

#[test]
fn a_memorylease_id_is_twelve_zeros_and_the_id() {
    let server = Running::start(&[]);
    let mut old = server.connect();
    let number = old.lease_number(64, 60_000);
    assert_eq!(old.set(number, b"hi"), 0);
    let mut client = client(&server);
    let id = LeaseId::from_number(number as u64);
    assert_eq!(id.to_bytes()[..12], [0; 12]);
    assert_eq!(client.get(id).unwrap(), b"hi");
    client.set(id, b"ho").unwrap();
    assert_eq!(&old.get(number)[..3], b"ho\0");
}

#[test]
fn what_cannot_be_told_apart_any_more_is_one_error_and_the_end() {
    let server = Running::start(&[]);
    let mut too_long = frame(4, 7, &[]);
    too_long[12..16].copy_from_slice(&(33_u32 << 20).to_le_bytes());
    let mut other_version = frame(1, 7, &[]);
    other_version[4] = 1;
    for (bytes, status) in [(too_long, 4), (other_version, 1), (b"\x89PNG\r\n\x1a\n".to_vec(), 1)] {
        let mut peer = server.connect();
        peer.send(&bytes);
        let rest = peer.rest();
        assert_eq!((&rest[..4], rest[6], rest[7]), (&b"\x89LBX"[..], 0xff, status), "{rest:02x?}");
    }
    let mut wrong = server.connect();
    wrong.send(
        [frame(1, 1, &[]), frame(99, 2, b"body"), frame(1, 3, &1_u64.to_le_bytes())].concat(),
    );
    wrong.end_of_requests();
    let rest = wrong.rest();
    let kinds: Vec<(u8, u8, u8)> = frames_of(&rest).iter().map(|f| (f[6], f[7], f[8])).collect();
    assert_eq!(kinds, [(0xff, 1, 1), (0xff, 2, 2), (0x81, 0, 3)]);
}

fn frames_of(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut frames = Vec::new();
    while let Some(length) = bytes.get(12..16) {
        let length = 16 + u32::from_le_bytes(length.try_into().unwrap()) as usize;
        frames.push(&bytes[..length]);
        bytes = &bytes[length..];
    }
    frames
}

#[test]
fn a_slow_frame_is_told_so_with_its_id() {
    let server = Running::start(&["--request-timeout", "100ms"]);
    let mut peer = server.connect();
    peer.send(&frame(1, 7, &[0; 8])[..20]);
    let rest = peer.rest();
    assert_eq!((rest[6], rest[7], &rest[8..12]), (0xff, 1, &[7, 0, 0, 0][..]));
    // Of half a header there is no id, and that of the frame before is not taken for it.
    let mut peer = server.connect();
    peer.send([frame(1, 9, &1_u64.to_le_bytes()), b"\x89LBX\x02\x01\x01".to_vec()].concat());
    let rest = peer.rest();
    assert_eq!((rest[24 + 6], &rest[24 + 8..24 + 12]), (0xff, &[0; 4][..]), "{rest:02x?}");
}

#[test]
fn a_call_ends_with_its_limit_and_its_answer_is_not_taken_for_the_next_ones() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (first_over, over) = std::sync::mpsc::channel::<()>();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = [0; 24];
        stream.read_exact(&mut asked).unwrap();
        over.recv().unwrap();
        // The first answer, too late, and half of the second with it; then the rest.
        let answer = |id: u32, number: u32| {
            let body = [1_u32.to_le_bytes(), number.to_le_bytes()].concat();
            frame(0x81, id, &body)
        };
        stream.read_exact(&mut asked).unwrap();
        let both = [answer(1, 111), answer(2, 222)].concat();
        stream.write_all(&both[..30]).unwrap();
        stream.write_all(&both[30..]).unwrap();
        let _ = stream.read(&mut asked);
    });
    let limit = Duration::from_millis(300);
    let mut client = Client::connect("127.0.0.1", port, limit).unwrap();
    client.set_order(ByteOrder::Little);
    let start = Instant::now();
    assert!(matches!(client.draw(1), Err(CallError::TimedOut(_))));
    assert!((limit..10 * limit).contains(&start.elapsed()), "{:?}", start.elapsed());
    first_over.send(()).unwrap();
    assert_eq!(client.draw(1).unwrap(), [222]);
    drop(client);
    server.join().unwrap();
}

#[test]
fn what_is_no_answer_is_told_and_the_connection_not_used_again() {
    for answer in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"5\n5 19 228 665 7 11 \n", &[0; 16]] {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(answer).unwrap();
            let _ = stream.read_to_end(&mut Vec::new());
        });
        let mut client = Client::connect("127.0.0.1", port, LIMIT).unwrap();
        assert!(matches!(client.draw(1), Err(CallError::Unreadable)), "{}", answer.escape_ascii());
        assert!(matches!(client.draw(1), Err(CallError::NotConnected)));
        drop(client);
        server.join().unwrap();
    }
}

#[test]
fn a_full_server_is_busy_to_the_library_too() {
    let server = Running::start(&["--max-clients", "1"]);
    let mut only = server.connect();
    only.ask("help");
    assert_eq!(code(client(&server).draw(1)), Code::Busy);
}

#[test]
fn the_command_line_speaks_frames() {
    let server = Running::start(&["--seed", "7"]);
    let (host, port) = (server.address.ip().to_string(), server.address.port().to_string());
    let say =
        |words: &[&str]| shown(&leasebox(&[&["client", "--frames", &host, &port], words].concat()));
    assert_eq!(say(&["draw", "4"]).0, "43948 46732 71936 29535\n");
    let (leased, ..) = say(&["lease", "1024", "5000"]);
    let id = leased.strip_prefix("You have leased 1024 bytes for 5000 MS with id ").unwrap().trim();
    assert_eq!(say(&["set", id, "a\\b\n"]).0, format!("Data set for lease {id}\n"));
    assert_eq!(say(&["get", id]).0, format!("Data get for lease {id}: a\\\\b\\n\n"));
    // Data, and not the word that follows the rows of a table.
    assert_eq!(say(&["set", id, "busiest"]).0, format!("Data set for lease {id}\n"));
    // Each command that ends with data keeps the bytes that the shell gave.
    let named = say(&["put", "/x", "60000", "*", "a\\nb"]).0;
    let named = named.split_whitespace().nth(1).unwrap();
    assert_eq!(say(&["get", named]).0, format!("Data get for lease {named}: a\\\\nb\n"));
    assert_eq!(say(&["renew", id, "9000"]).0, format!("leased {id} 1024 9000\n"));
    assert_eq!(say(&["release", id]).0, format!("released {id} 1024\n"));
    assert!(say(&["table", "2"]).0.starts_with("Counter       0       1\n"));
    assert!(say(&["table", "2", "busiest"]).0.starts_with("Counter       0       1\n"));
    assert!(say(&["stats"]).0.starts_with("stats numbers=100000 "));
    assert!(say(&["help"]).0.contains("draw N"));
    let (_, stderr, exit) = say(&["get", id]);
    assert_eq!(exit, Some(1), "{stderr}");
    assert!(stderr.contains("not-found"), "{stderr}");
    for (words, why) in [
        (&["get", "x"][..], "that is no id"),
        (&["lease"], "lease SIZE [MS]"),
        (&["set", id], "set ID DATA"),
        (&["nonsense"], "no such command"),
    ] {
        let (_, stderr, exit) = say(words);
        assert_eq!(exit, Some(2), "{words:?}: {stderr}");
        assert!(stderr.contains(why), "{words:?}: {stderr}");
    }
}
