//! Processes that talk over real connections: every representation, waiting, ends.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use leasebox::client::exchange::Way;
use leasebox::client::{CallError, Client as Library};
use leasebox::commands::{Attach, MessageReply, Receive, Register, Registered, Reply, Request};
use leasebox::common::error::Code;
use leasebox::protocol::byte_order::ByteOrder;
use leasebox::protocol::cdr::Reader;
use leasebox::protocol::frame::{HEADER, Header, read_reply};
use leasebox::sessions::words::{Notice, SessionId, Told};

use crate::support::calls::Calls as _;
use crate::support::{Client, Running, wait_for};

const LIMIT: Duration = Duration::from_secs(30);
const SECOND: Duration = Duration::from_secs(1);
const NOT_AT_ALL: Duration = Duration::ZERO;

pub fn library(server: &Running) -> Library {
    let (host, port) = (server.address.ip().to_string(), server.address.port());
    Library::connect(&host, port, LIMIT).unwrap()
}

/// A process that speaks frames.
fn process(server: &Running, name: &str, block: u64) -> Library {
    let mut process = library(server);
    process.join(name, Some(block)).unwrap();
    process
}

/// One that speaks text.
pub fn talker(server: &Running, name: &str) -> Client {
    let mut client = server.connect();
    assert!(client.ask(&format!("join {name}")).starts_with("joined "));
    client
}

pub fn word(reply: &str, at: usize) -> String {
    reply.split(' ').nth(at).unwrap_or_else(|| panic!("{reply}")).to_string()
}

fn code<T: std::fmt::Debug>(result: Result<T, CallError>) -> Code {
    match result {
        Err(CallError::Refused(error)) => error.code,
        other => panic!("{other:?}"),
    }
}

/// All memory is free, and nothing administered.
pub fn all_back(server: &Running) -> bool {
    ["used", "admin_used", "sessions", "messages", "processes"]
        .into_iter()
        .all(|figure| server.figure(figure) == 0)
}

#[test]
fn what_is_said_in_one_representation_is_heard_in_every_other() {
    let server = Running::start(&["--udp"]);
    let mut text = talker(&server, "text");
    let mut little = process(&server, "little", 65_536);
    let mut big = process(&server, "big", 65_536);
    little.set_order(ByteOrder::Little);
    big.set_order(ByteOrder::Big);
    let (host, port) = (server.address.ip().to_string(), server.address.port());
    let mut datagrams = Library::by_datagrams(&host, port, LIMIT, Way::default()).unwrap();
    datagrams.join("datagrams", Some(65_536)).unwrap();

    let all: Vec<u8> = (0..=255).collect();
    let to_text = big.open("text", &all).unwrap();
    let received = text.ask(&format!("receive {to_text}"));
    let escaped = received.splitn(3, ' ').nth(2).unwrap();
    assert!(escaped.starts_with("\\x00\\x01") && escaped.ends_with("\\xff"), "{escaped}");
    assert_eq!(text.ask(&format!("send {to_text} {escaped}")), format!("sent {to_text} 256"));
    assert_eq!(big.receive(to_text, NOT_AT_ALL).unwrap(), Some(all.clone()));

    let session = little.open("big", b"").unwrap();
    little.send(session, &all).unwrap();
    let onward = big.open("datagrams", b"").unwrap();
    assert_eq!(big.forward(session, onward).unwrap(), 256);
    assert_eq!(datagrams.peek(onward, 10, 3).unwrap(), Some(vec![10, 11, 12]));
    assert_eq!(datagrams.receive(onward, NOT_AT_ALL).unwrap(), Some(all.clone()));
    datagrams.send(onward, b"thanks").unwrap();
    assert_eq!(big.receive(onward, SECOND).unwrap(), Some(b"thanks".to_vec()));
    assert_eq!(code(datagrams.receive(onward, SECOND)), Code::Refused, "it waits for nobody");
    big.send(onward, &[7; 9000]).unwrap();
    assert_eq!(code(datagrams.receive(onward, NOT_AT_ALL)), Code::TooLarge);
    let part = datagrams.peek(onward, 8000, 5000).unwrap().unwrap();
    assert_eq!(part, [7; 1000], "and it is still there");
}

#[test]
fn receive_waits_for_a_message_and_deliver_for_its_receipt() {
    let server = Running::start(&[]);
    let mut alice = process(&server, "alice", 1024);
    let mut bob = process(&server, "bob", 1024);
    let session = alice.open("bob", b"").unwrap();
    let asked = Instant::now();
    assert_eq!(bob.receive(session, Duration::from_millis(80)).unwrap(), None);
    assert!(asked.elapsed() >= Duration::from_millis(80));
    let barrier = Barrier::new(2);
    thread::scope(|scope| {
        scope.spawn(|| {
            barrier.wait();
            assert_eq!(bob.receive(session, LIMIT).unwrap(), Some(b"one".to_vec()));
            // Later, and by another way: it is handed on.
            barrier.wait();
            assert_eq!(bob.receive(session, LIMIT).unwrap(), Some(b"two".to_vec()));
        });
        barrier.wait();
        alice.send(session, b"one").unwrap();
        barrier.wait();
        alice.deliver(session, b"two", LIMIT).unwrap();
    });
    let refused = alice.deliver(session, b"never", Duration::from_millis(50));
    assert_eq!(code(refused), Code::Refused);
    assert_eq!(bob.receive(session, NOT_AT_ALL).unwrap(), None, "it was taken back");
    assert_eq!(code(alice.deliver(session, b"now", NOT_AT_ALL)), Code::Refused);
    let asked = Instant::now();
    thread::scope(|scope| {
        let delivering = scope.spawn(|| alice.deliver(session, b"into the void", LIMIT));
        wait_for("the message", || bob.sessions().unwrap()[0].inward == 1);
        bob.close(session).unwrap();
        assert_eq!(code(delivering.join().unwrap()), Code::Refused);
    });
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
}

fn frame(request: &Request<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    let header = Header::new(ByteOrder::Little, request.kind(), 1);
    header.put(&mut out, 0, |body| request.write(body));
    out
}

fn reply(client: &mut Client) -> Reply<'static> {
    let head = client.exactly::<HEADER>();
    let header = Header::read(&head).unwrap();
    let whole = [&head[..], &client.bytes(header.length as usize)].concat();
    let mut body = Reader::new(&whole, HEADER, header.order());
    read_reply(header.kind, header.status, &mut body).unwrap()
}

#[test]
fn large_messages_that_were_asked_for_at_once_all_arrive() {
    let server = Running::start(&[]);
    let mut alice = process(&server, "alice", 1 << 20);
    let mut bob = library(&server);
    let token = bob.join("bob", Some(0)).unwrap();
    let session = alice.open("bob", b"").unwrap();
    let mut asking = server.connect();
    asking.send(frame(&Request::Attach(Attach { token })));
    assert!(matches!(reply(&mut asking), Reply::Attached(_)));
    for ms in [0, 30_000] {
        (0..4).for_each(|number| alice.send(session, &[number; 100_000]).unwrap());
        let ask = Request::Receive(Receive { session, ms });
        asking.send(frame(&ask).repeat(4));
        for number in 0..4 {
            match reply(&mut asking) {
                Reply::Message(MessageReply { data: Some(data), .. }) => {
                    assert_eq!(data, [number; 100_000])
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn a_stranger_reaches_nothing_and_is_told_nothing() {
    let server = Running::start(&[]);
    let mut alice = process(&server, "alice", 1024);
    let mut bob = process(&server, "bob", 1024);
    let mut eve = process(&server, "eve", 1024);
    let session = alice.open("bob", b"").unwrap();
    alice.send(session, b"secret").unwrap();
    let own = eve.open("bob", b"").unwrap();
    assert_eq!(code(eve.receive(session, NOT_AT_ALL)), Code::NotFound);
    assert_eq!(code(eve.peek(session, 0, 6)), Code::NotFound);
    assert_eq!(code(eve.send(session, b"x")), Code::NotFound);
    assert_eq!(code(eve.publish(&[own, session], b"x")), Code::NotFound);
    assert_eq!(code(eve.forward(session, own)), Code::NotFound);
    assert_eq!(code(eve.forward(own, session)), Code::NotFound);
    assert_eq!(code(eve.close(session)), Code::NotFound);
    assert_eq!(code(eve.deliver(session, b"x", SECOND)), Code::NotFound);
    assert_eq!(eve.sessions().unwrap().len(), 1);
    let mut nobody = library(&server);
    assert_eq!(code(nobody.receive(session, NOT_AT_ALL)), Code::Refused);
    assert_eq!(code(nobody.open("bob", b"x")), Code::Refused);
    let asked: Vec<u64> = bob.sessions().unwrap().iter().map(|state| state.inward).collect();
    assert_eq!(asked.iter().sum::<u64>(), 1, "the stranger said nothing");
    assert_eq!(bob.receive(session, NOT_AT_ALL).unwrap(), Some(b"secret".to_vec()));
    // A session is no lease.
    assert_eq!(code(alice.get(session)), Code::NotFound);
    assert_eq!(code(alice.set(session, b"x")), Code::NotFound);
    assert_eq!(code(alice.give_back(session)), Code::NotFound);
}

#[test]
fn the_end_of_a_process_wakes_who_waits_for_its_words() {
    let server = Running::start(&[]);
    let mut alice = process(&server, "alice", 1024);
    let mut bob = process(&server, "bob", 1024);
    let session = alice.open("bob", b"").unwrap();
    assert!(matches!(
        bob.wait(SECOND).unwrap(),
        Some(Told::Notice(Notice::Opened { name, .. })) if name == "alice"
    ));
    let asked = Instant::now();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| bob.receive(session, LIMIT));
        wait_for("bob to wait", || server.figure("processes") == 2);
        drop(alice);
        assert_eq!(code(waiting.join().unwrap()), Code::NotFound);
    });
    assert!(asked.elapsed() < SECOND, "{:?}", asked.elapsed());
    assert_eq!(bob.wait(SECOND).unwrap(), Some(Told::Notice(Notice::Closed { session })));
    drop(bob);
    wait_for("all to be back", || all_back(&server));
}

#[test]
fn a_message_is_not_taken_for_a_connection_that_has_gone() {
    let server = Running::start(&[]);
    let mut alice = process(&server, "alice", 1024);
    let mut keeper = library(&server);
    let token = keeper.join("bob", Some(0)).unwrap();
    let session = alice.open("bob", b"").unwrap();
    for number in 0..20 {
        let mut waiter = server.connect();
        waiter.send(frame(&Request::Attach(Attach { token })));
        reply(&mut waiter);
        waiter.send(frame(&Request::Receive(Receive { session, ms: 30_000 })));
        server.hang_up(waiter);
        alice.send(session, &[number]).unwrap();
        assert_eq!(keeper.receive(session, LIMIT).unwrap(), Some(vec![number]));
    }
}

#[test]
fn several_connections_of_a_process_receive_each_message_once() {
    let server = Running::start(&[]);
    let mut alice = process(&server, "alice", 1 << 16);
    let mut keeper = library(&server);
    let token = keeper.join("bob", Some(0)).unwrap();
    let session = alice.open("bob", b"").unwrap();
    let barrier = Barrier::new(5);
    let mut all: Vec<u64> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut bob = library(&server);
                    bob.attach(token).unwrap();
                    barrier.wait();
                    let mut heard = Vec::new();
                    while let Some(data) = bob.receive(session, LIMIT).unwrap() {
                        if data.is_empty() {
                            break;
                        }
                        heard.push(u64::from_le_bytes(data.try_into().unwrap()));
                    }
                    heard
                })
            })
            .collect();
        barrier.wait();
        (0..500_u64).for_each(|n| alice.deliver(session, &n.to_le_bytes(), LIMIT).unwrap());
        (0..4).for_each(|_| alice.send(session, b"").unwrap());
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    all.sort_unstable();
    assert_eq!(all, (0..500).collect::<Vec<_>>());
}

#[test]
fn a_lookup_waits_until_there_is_such_a_process() {
    let server = Running::start(&[]);
    let mut early = library(&server);
    assert_eq!(code(early.lookup("late", NOT_AT_ALL)), Code::NotFound);
    assert_eq!(code(early.lookup("late", Duration::from_millis(30))), Code::NotFound);
    assert_eq!(code(early.lookup("no name", SECOND)), Code::BadRequest);
    let asked = Instant::now();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| early.lookup("late", LIMIT));
        let _late = process(&server, "late", 0);
        waiting.join().unwrap().unwrap();
    });
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
}

#[test]
fn who_watches_misses_nobody_however_many_come_meanwhile() {
    let server = Running::start(&[]);
    let barrier = Barrier::new(5);
    let mut known = thread::scope(|scope| {
        for thread in 0..4 {
            let (server, barrier) = (&server, &barrier);
            scope.spawn(move || {
                barrier.wait();
                let processes: Vec<_> =
                    (0..25).map(|n| process(server, &format!("p{thread}-{n}"), 0)).collect();
                barrier.wait();
                drop(processes);
            });
        }
        let mut watcher = process(&server, "watcher", 0);
        barrier.wait();
        let mut known: std::collections::BTreeSet<_> =
            watcher.watch().unwrap().into_iter().collect();
        while known.len() < 101 {
            match watcher.wait(LIMIT).unwrap() {
                Some(Told::Notice(Notice::Joined { name })) => assert!(known.insert(name)),
                other => panic!("{other:?}"),
            }
        }
        barrier.wait();
        while known.len() > 1 {
            match watcher.wait(LIMIT).unwrap() {
                Some(Told::Notice(Notice::Left { name })) => assert!(known.remove(&name)),
                other => panic!("{other:?}"),
            }
        }
        known
    });
    assert_eq!(known.pop_first().as_deref(), Some("watcher"));
}

#[test]
fn a_join_waits_for_room_in_administrative_memory_and_is_told_when_there_is_none() {
    let server = Running::start(&["--admin", "4KiB", "--rendezvous", "20s"]);
    let mut all: Vec<_> = (0..18).map(|n| process(&server, &format!("p{n}"), 32)).collect();
    let asked = Instant::now();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| process(&server, "late", 32));
        wait_for("one to wait", || server.figure("full") > 0);
        all.pop().unwrap().leave().unwrap();
        waiting.join().unwrap();
    });
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    drop(all);
    let server = Running::start(&["--admin", "4KiB", "--rendezvous", "50ms", "--udp"]);
    let _all: Vec<_> = (0..18).map(|n| process(&server, &format!("p{n}"), 32)).collect();
    assert_eq!(code(library(&server).join("late", None)), Code::OutOfMemory);
    let (host, port) = (server.address.ip().to_string(), server.address.port());
    let mut datagrams = Library::by_datagrams(&host, port, LIMIT, Way::default()).unwrap();
    assert_eq!(code(datagrams.join("late", None)), Code::OutOfMemory);
}

#[test]
fn a_join_and_a_register_wait_for_a_block_that_another_gives_back() {
    let server = Running::start(&["--memory", "64KiB", "--rendezvous", "20s"]);
    let asked = Instant::now();
    let mut alice = process(&server, "alice", 32 << 10);
    let mut leases = library(&server);
    let lease = leases.lease(32 << 10, Duration::from_secs(600)).unwrap();
    thread::scope(|scope| {
        let joining = scope.spawn(|| process(&server, "bob", 16 << 10));
        wait_for("one to wait", || server.figure("full") == 1);
        let registering = scope.spawn(|| alice.call(Register { size: 16 << 10 }).unwrap());
        wait_for("two to wait", || server.figure("full") == 2);
        leases.release(lease).unwrap();
        assert_eq!(registering.join().unwrap(), Registered { block: 1, size: 16 << 10 });
        drop(joining.join().unwrap());
    });
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    // A block that could never be free is refused at once, and so is a datagram.
    assert_eq!(code(library(&server).join("carol", Some(128 << 10))), Code::OutOfMemory);
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    let server = Running::start(&["--memory", "64KiB", "--rendezvous", "50ms", "--udp"]);
    let _alice = process(&server, "alice", 64 << 10);
    assert_eq!(code(library(&server).join("bob", Some(64))), Code::OutOfMemory);
    let (host, port) = (server.address.ip().to_string(), server.address.port());
    let mut datagrams = Library::by_datagrams(&host, port, LIMIT, Way::default()).unwrap();
    assert_eq!(code(datagrams.join("bob", Some(64))), Code::OutOfMemory);
}

#[test]
fn a_join_that_has_to_wait_for_a_block_lets_the_next_one_in() {
    let server = Running::start(&["--admin", "4KiB", "--memory", "64KiB", "--rendezvous", "20s"]);
    let mut all: Vec<_> = (0..18).map(|n| process(&server, &format!("p{n}"), 32)).collect();
    let mut leases = library(&server);
    let lease = leases.lease(32 << 10, Duration::from_secs(600)).unwrap();
    let asked = Instant::now();
    thread::scope(|scope| {
        let first = scope.spawn(|| process(&server, "first", 32 << 10));
        wait_for("one to wait", || server.figure("full") == 1);
        let second = scope.spawn(|| process(&server, "second", 0));
        wait_for("two to wait", || server.figure("full") == 2);
        // Now there is room for the first, and no block.
        all.pop().unwrap().leave().unwrap();
        drop(second.join().unwrap());
        leases.release(lease).unwrap();
        drop(first.join().unwrap());
    });
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
}

#[test]
fn a_message_beyond_the_limit_is_refused_and_a_large_one_arrives_whole() {
    let server = Running::start(&["--max-message", "1MiB", "--block", "2MiB", "--admin", "4MiB"]);
    let mut alice = process(&server, "alice", 2 << 20);
    let mut bob = talker(&server, "bob");
    let session = alice.open("bob", b"").unwrap();
    let most = (1 << 20) - 16 - 16 - 8;
    let data: Vec<u8> = (0..most).map(|at: usize| (at / 3) as u8).collect();
    assert_eq!(code(alice.send(session, &vec![0; most + 1])), Code::TooLarge);
    alice.send(session, &data).unwrap();
    // Escaped it may be four times as long: text has it in parts.
    let refused = bob.ask(&format!("receive {session}"));
    assert!(refused.starts_with("error too-large"), "{refused}");
    assert!(bob.ask(&format!("peek {session} 0 300000")).starts_with("error too-large"));
    assert!(bob.ask(&format!("peek {session} 0 4")).ends_with(r" \x00\x00\x00\x01"));
    let mut carol = process(&server, "carol", 0);
    let onward = word(&bob.ask("open carol"), 1);
    assert!(bob.ask(&format!("forward {session} {onward}")).starts_with("forwarded"));
    let onward = onward.parse_id();
    assert_eq!(carol.receive(onward, SECOND).unwrap(), Some(data));
}

trait ParseId {
    fn parse_id(&self) -> SessionId;
}

impl ParseId for String {
    fn parse_id(&self) -> SessionId {
        leasebox::common::id::LeaseId::parse(self.as_bytes()).unwrap()
    }
}

#[test]
fn the_stop_ends_every_wait() {
    let mut server = Running::start(&[]);
    let mut alice = talker(&server, "alice");
    let mut bob = talker(&server, "bob");
    let _carol = talker(&server, "carol");
    let session = word(&alice.ask("open bob"), 1);
    let mut seeker = server.connect();
    alice.send(format!("deliver {session} 60000 hi\n"));
    seeker.send("lookup nobody 60000\n");
    let other = word(&bob.ask("open carol"), 1);
    bob.send(format!("receive {other} 60000\n"));
    wait_for("the message", || server.figure("messages") == 1);
    let asked = Instant::now();
    server.signal("-TERM");
    assert!(server.wait().success());
    assert!(asked.elapsed() < Duration::from_secs(20), "ten times what a stop may take");
    let ends = [alice.line(), bob.line(), seeker.line()];
    assert!(ends[0].starts_with("error refused"), "{ends:?}");
    // Which of the two processes ends first is chance.
    assert!(ends[1] == "none" || ends[1].starts_with("error not-found"), "{ends:?}");
    assert!(ends[2].starts_with("error not-found"), "{ends:?}");
}
