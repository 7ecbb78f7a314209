//! `--keep-messages`: what a process has sent outlives it, for a time.

use std::time::{Duration, Instant};

use leasebox::common::error::Code;
use leasebox::sessions::MIN_ENTRY;
use leasebox::sessions::words::{Notice, Told};

use crate::connections::library;
use crate::support::calls::Calls as _;
use crate::support::{Running, wait_for};
use crate::world::{KB, World, refusal};

const KEEP: Duration = Duration::from_secs(5);

/// Two processes; the first has sent two messages, one of them to be handed on to a third.
fn sent() -> (World, leasebox::sessions::words::SessionId) {
    let mut world = World::new().keeping(KEEP);
    (1..=3).for_each(|client| world.join(client, KB));
    let session = world.open(1, 2);
    world.send(1, session, b"one").unwrap();
    world.send(1, session, b"two").unwrap();
    world.told(2);
    (world, session)
}

fn used(world: &World) -> u64 {
    world.tables.leases.filling().used
}

#[test]
fn what_was_sent_is_received_after_its_sender_has_ended() {
    let (mut world, session) = sent();
    let onward = world.open(2, 3);
    world.leave(1);
    assert_eq!(world.told(2), ["closed"]);
    assert_eq!(used(&world), 3 * KB, "the memory of the first one is kept");
    // Its name is free.
    world.join(1, KB);
    assert_eq!(world.receive(2, session).unwrap().unwrap(), b"one");
    assert_eq!(world.engine().forward(2, session, onward), Ok(3));
    world.look();
    assert_eq!(used(&world), 4 * KB, "one message is not received yet");
    assert_eq!(world.receive(3, onward).unwrap().unwrap(), b"two");
    assert_eq!(world.tables.leases.next_wake(), Some(world.now), "the reaper looks at once");
    world.look();
    assert_eq!(used(&world), 3 * KB);
    assert_eq!(refusal(world.receive(2, session), "no such session"), Code::NotFound);
}

#[test]
fn what_was_not_received_in_time_is_lost() {
    let (mut world, session) = sent();
    world.leave(1);
    world.told(2);
    world.now += KEEP - Duration::from_millis(1);
    world.look();
    assert_eq!((used(&world), world.told(2)), (3 * KB, Vec::<String>::new()));
    // A copy that is under way then ends as any copy whose message was lost.
    let begun = world.engine().begin_receive(2, session, u64::MAX).unwrap().unwrap();
    world.now += Duration::from_millis(1);
    world.look();
    assert_eq!(world.told(2), ["lost 1"]);
    assert_eq!(used(&world), 3 * KB, "a thread copies there");
    assert_eq!(refusal(world.finish(begun.number, true), "was lost"), Code::NotFound);
    assert_eq!(used(&world), 2 * KB);
}

#[test]
fn a_process_without_messages_for_others_is_not_kept() {
    let (mut world, session) = sent();
    // Messages for the ended one are thrown away, and so are those that nobody can receive.
    world.send(2, session, b"answer").unwrap();
    let stored = world.engine().begin_store(1, "value", 100).unwrap();
    world.finish(stored.number, true).unwrap();
    world.engine().close(2, session).unwrap();
    world.leave(1);
    assert_eq!(used(&world), 2 * KB);
    let figures = world.tables.sessions.figures();
    assert_eq!((figures.messages, figures.admin_used), (0, 2 * MIN_ENTRY));
}

#[test]
fn a_killed_senders_message_is_received_from_a_server_that_keeps_messages() {
    let server = Running::start(&["--keep-messages", "60s"]);
    let mut alice = library(&server);
    let mut bob = library(&server);
    alice.join("alice", None).unwrap();
    bob.join("bob", None).unwrap();
    let session = alice.open("bob", b"").unwrap();
    alice.send(session, b"last words").unwrap();
    drop(alice);
    let asked = Instant::now();
    loop {
        match bob.wait(Duration::from_secs(20)).unwrap() {
            Some(Told::Notice(Notice::Closed { .. })) => break,
            Some(Told::Notice(Notice::Lost { .. })) | None => panic!("it was lost"),
            _ => {}
        }
    }
    assert_eq!(bob.receive(session, Duration::ZERO).unwrap().unwrap(), b"last words");
    wait_for("its memory to come back", || server.figure("used") == 64 << 10);
    assert!(asked.elapsed() < Duration::from_secs(30));
}
