//! Whoever waits is woken by what it waits for, and not by the next look at the clock.

use leasebox::common::caller::Caller;
use leasebox::common::error::{Code, Error};
use leasebox::common::id::{IdKind, LeaseId};
use leasebox::cooperative::words::{Reason, Wanted};
use leasebox::sessions::words::SessionId;
use leasebox::sessions::{Delivery, Full, MIN_ENTRY};

use crate::world::{KB, World, refusal};

/// Three processes, and a session of the first two, of which both have heard.
fn three() -> (World, SessionId) {
    let mut world = World::new();
    (1..=3).for_each(|client| world.join(client, KB));
    let session = world.open(1, 2);
    world.told(2);
    (world, session)
}

/// Who is woken by that, of three processes that sleep.
fn woken<T>(world: &mut World, act: impl FnOnce(&mut World) -> T) -> Vec<u64> {
    (1..=3).for_each(|client| world.tables.processes.add_sleeper(client));
    world.tables.processes.take_wakers();
    act(world);
    (1..=3).for_each(|client| world.tables.processes.remove_sleeper(client));
    let mut woken = world.tables.processes.take_wakers();
    woken.sort_unstable();
    woken.dedup();
    woken
}

#[test]
fn by_what_is_said_in_its_sessions() {
    let (mut world, session) = three();
    assert_eq!(woken(&mut world, |world| world.open(1, 3)), [3]);
    assert_eq!(woken(&mut world, |world| world.open_with(1, 2, b"hi").unwrap()), [2]);
    assert_eq!(woken(&mut world, |world| world.send(1, session, b"hi").unwrap()), [2]);
    assert_eq!(woken(&mut world, |world| world.send(1, session, &[0; 5000]).unwrap_err()), [2]);
    assert_eq!(woken(&mut world, |world| world.receive(2, session).unwrap()), [1], "unblocked");
    assert_eq!(woken(&mut world, |world| world.engine().close(1, session).unwrap()), [2]);
}

#[test]
fn by_a_close_also_when_it_is_not_told() {
    let (mut world, _) = three();
    let session = world.open(1, 2);
    assert_eq!(woken(&mut world, |world| world.engine().close(1, session).unwrap()), [2]);
    assert_eq!(world.told(2), [""; 0]);
}

#[test]
fn by_the_end_of_who_spoke() {
    let (mut world, session) = three();
    let to = world.open(2, 3);
    world.told(3);
    world.send(1, session, b"hi").unwrap();
    world.engine().forward(2, session, to).unwrap();
    assert_eq!(woken(&mut world, |world| world.leave(1)), [1, 2, 3]);
    assert_eq!((world.told(2), world.told(3)), (vec!["closed".into()], vec!["lost 1".into()]));
}

#[test]
fn by_who_comes_and_goes_when_it_watches() {
    let (mut world, _) = three();
    world.engine().watch(3, 999).unwrap();
    assert_eq!(woken(&mut world, |world| world.join(4, 0)), [3]);
    world.told(3);
    assert_eq!(woken(&mut world, |world| world.leave(4)), [3]);
}

#[test]
fn by_the_receipt_of_what_it_delivers() {
    let (mut world, session) = three();
    let deliver = |world: &mut World| {
        let copying = world.engine().begin_send(1, session, 2, true).unwrap();
        let message = copying.message;
        world.fill(copying, b"hi").unwrap();
        message
    };
    let message = deliver(&mut world);
    assert_eq!(woken(&mut world, |world| world.receive(2, session).unwrap()), [1]);
    assert_eq!(world.engine().delivery(message), Delivery::Received);
    let message = deliver(&mut world);
    assert_eq!(woken(&mut world, |world| world.engine().close(2, session).unwrap()), [1]);
    assert_eq!(world.engine().delivery(message), Delivery::Lost);
}

#[test]
fn by_the_seat_that_it_waits_for() {
    let (mut world, session) = three();
    let other = world.open(1, 3);
    world.publish(1, &[session, other], b"hi").unwrap();
    let first = world.engine().begin_receive(2, session, 9).unwrap().unwrap();
    let second = world.engine().begin_receive(3, other, 9).unwrap().unwrap();
    assert!(!second.is_seated);
    assert_eq!(woken(&mut world, |world| world.finish(first.number, true).unwrap()), [3]);
    assert_eq!(world.engine().is_seated(second.number), Some(true));
    world.finish(second.number, true).unwrap();
}

#[test]
fn by_the_end_of_the_block_that_it_waits_for_and_the_end_by_the_last_copy() {
    let (mut world, session) = three();
    let other = world.open(1, 3);
    world.publish(1, &[session, other], b"hi").unwrap();
    let first = world.engine().begin_receive(2, session, 9).unwrap().unwrap();
    let second = world.engine().begin_receive(3, other, 9).unwrap().unwrap();
    let number = world.tables.processes.named("p1").unwrap();
    assert!(woken(&mut world, |world| world.leave(1)).contains(&3));
    assert_eq!(world.engine().is_seated(second.number), None);
    assert!(world.tables.processes.ending_waker(number).is_some(), "it waits for quiet");
    let woken = woken(&mut world, |world| {
        world.finish(second.number, false).unwrap_err();
        world.engine().finish(first.number, true).unwrap_err();
    });
    assert!(woken.contains(&1), "{woken:?}");
    world.check();
}

#[test]
fn by_room_in_administrative_memory_however_it_comes() {
    type Act = fn(&mut World, SessionId);
    let acts: [(bool, Act); 3] = [
        (true, |world, session| drop(world.receive(2, session).unwrap())),
        (false, |world, session| world.engine().close(1, session).unwrap()),
        (true, |world, _| world.leave(50)),
    ];
    for (with_message, act) in acts {
        let mut world = World::sized(1024 * KB, 16 * KB);
        (1..=3).for_each(|client| world.join(client, 32));
        let session = world.open(1, 2);
        // A message has 96 bytes, a block of one extent too. What is left is 64 less than an entry takes.
        if with_message {
            world.send(1, session, b"x").unwrap();
        } else {
            world.engine().register(3, 32).unwrap().unwrap();
        }
        (4..83).for_each(|client| world.join(client, 0));
        world.engine().register(3, 32).unwrap().unwrap();
        assert_eq!(world.tables.sessions.figures().admin_used, 16 * KB - MIN_ENTRY + 64);
        assert!(world.try_join(99, 32).unwrap().is_err());
        world.engine().await_room(&Full::Administration, 99);
        world.tables.processes.take_wakers();
        act(&mut world, session);
        assert_eq!(world.tables.processes.take_wakers(), [99]);
    }
}

#[test]
fn by_the_stop_whatever_it_waits_for() {
    let (mut world, _) = three();
    world.engine().await_room(&Full::Administration, 98);
    world.engine().await_name("nobody", 99);
    assert_eq!(world.tables.all_wakers(), [1, 2, 3, 99, 98]);
}

// --- what the low arena and the end of a wait do ------------------------------------------

fn lease(world: &mut World, size: u64) -> Result<LeaseId, Error> {
    world.tables.leases.lease(size, 1000, IdKind::Uuid, world.now)
}

/// The first process has a block that grew and is idle, and nothing else is free.
fn idle() -> World {
    let mut world = World::sized(16 * KB, 1024 * KB);
    world.join(1, KB);
    world.join(2, KB);
    let session = world.open(1, 2);
    (0..4).for_each(|_| world.send(1, session, &[0; 1000]).unwrap());
    (0..4).for_each(|_| drop(world.receive(2, session).unwrap()));
    while world.tables.leases.lease(KB, 1000, leasebox::common::id::IdKind::Uuid, world.now).is_ok()
    {
    }
    assert_eq!(world.size(1), 4 * KB);
    world.log();
    world
}

const SHRANK: &str = "p1's block 0 shrank from its end to 1024 bytes: the arena is low";

#[test]
fn an_idle_block_makes_room_for_whatever_takes_committed_memory() {
    let acts: [&dyn Fn(&mut World); 4] = [
        &|world| assert_eq!(world.engine().register(2, KB), Ok(Ok((1, KB)))),
        &|world| assert_eq!(world.engine().grow(2, 0, 2 * KB), Ok(2 * KB)),
        &|world| {
            let back = world.engine().sessions(Caller::connected(2)).unwrap()[0].session;
            (0..2).for_each(|_| world.send(2, back, &[0; 1000]).unwrap());
        },
        &|world| world.join(3, KB),
    ];
    for act in acts {
        let mut world = idle();
        act(&mut world);
        assert_eq!(world.log()[0], SHRANK);
    }
}

#[test]
fn an_idle_block_makes_room_for_who_waits_for_memory() {
    let mut world = idle();
    let (size, reason) = (KB, Reason::Committed);
    let wanted = Wanted { wait_ms: 5000, ..Wanted::new(size, reason) };
    let (ticket, _) =
        world.tables.manager().request_or_wait(2, &wanted, world.now).unwrap().unwrap_err();
    let now = world.now;
    world.engine().look_after_blocks(now);
    world.check();
    assert_eq!(world.log()[0], SHRANK);
    assert!(world.tables.processes.take_outcome(ticket, world.now).unwrap().is_ok());
}

#[test]
fn whoever_wants_memory_for_a_message_is_given_it_in_the_end() {
    let mut world = World::sized(64 * KB, 1024 * KB);
    (1..=12).for_each(|client| world.join(client, KB));
    let sessions: Vec<_> = (1..=12).map(|client| world.open(client, client % 12 + 1)).collect();
    let leased: Vec<_> = (0..60).map_while(|_| lease(&mut world, KB).ok()).collect();
    for (client, &session) in (1..).zip(&sessions) {
        world.send(client, session, &[0; 1000]).unwrap();
        world.send(client, session, &[0; 1000]).unwrap_err();
        world.told(client);
    }
    for &id in &leased {
        let ending = world.tables.leases.end(id, world.now).unwrap();
        world.tables.manager().give_back(vec![ending], world.now);
    }
    let told = |world: &mut World| -> Vec<u64> {
        let is_told = |client: &u64| world.told(*client).contains(&"unblocked".to_string());
        (1..=12).filter(is_told).collect()
    };
    world.tables.engine().give_back(Vec::new(), world.now);
    assert_eq!(
        told(&mut world),
        (1..=8).collect::<Vec<_>>(),
        "who waited longest, so many at once"
    );
    // Who tries again has not to wait for its turn.
    world.send(12, sessions[11], &[0; 1000]).unwrap();
    let now = world.now;
    world.engine().look_after_blocks(now);
    assert_eq!(told(&mut world), [9, 10, 11]);
    world.check();
}

#[test]
fn what_is_leased_or_could_never_be_shrinks_nothing() {
    let mut world = idle();
    world.engine().make_room(0, 1 << 40);
    world.engine().make_room(0, u64::MAX);
    assert_eq!(world.log(), [""; 0]);
    world.engine().make_room(0, KB);
    assert_eq!(world.log(), [SHRANK]);
}

#[test]
fn a_block_that_cannot_grow_as_far_as_it_should_stays_as_it_is() {
    let mut world = World::sized(8 * KB, 1024 * KB);
    world.join(1, KB);
    let sizes = [KB, 2 * KB].into_iter().chain([512; 8]);
    let leases: Vec<_> = sizes.map(|size| lease(&mut world, size).unwrap()).collect();
    // Free are a kilobyte beside the block, two behind it, and four times half a one.
    for id in [0, 1, 2, 4, 6, 8].map(|at: usize| leases[at]) {
        let ending = world.tables.leases.end(id, world.now).unwrap();
        world.tables.engine().give_back(vec![ending], world.now);
    }
    let before = world.tables.sessions.figures();
    let refused = world.engine().grow(1, 0, 5 * KB);
    assert_eq!(refusal(refused, "1024 bytes of committed memory cannot be had"), Code::OutOfMemory);
    world.check();
    assert_eq!(
        (world.size(1), world.log(), world.tables.sessions.figures()),
        (KB, Vec::new(), before)
    );
    assert_eq!(world.engine().grow(1, 0, 3 * KB), Ok(3 * KB));
}

#[test]
fn a_block_has_so_many_extents_and_no_more() {
    let mut world = World::new();
    world.join(1, 32);
    let mut size = 32;
    let refused = loop {
        // Something lies between, so nothing doubles in place.
        world.join(1000 + size, 32);
        match world.engine().grow(1, 0, size + 32) {
            Ok(now) => size = now,
            Err(error) => break error,
        }
    };
    assert!(refused.text.contains("at most 32 extents"), "{refused}");
    world.check();
}

#[test]
fn an_open_whose_first_message_is_not_made_costs_nothing() {
    let (mut world, _) = three();
    let before = world.tables.sessions.figures();
    let begun = world.engine().begin_open(1, "p2", 5).unwrap().1.unwrap();
    world.finish(begun.number, false).unwrap_err();
    assert_eq!(world.tables.sessions.figures(), before);
    let begun = world.engine().begin_open(1, "p2", 5).unwrap().1.unwrap();
    world.leave(2);
    world.finish(begun.number, true).unwrap_err();
    world.check();
    assert_eq!(world.tables.sessions.figures().sessions, 0);
}

#[test]
fn what_was_lost_is_counted() {
    let (mut world, session) = three();
    (0..3).for_each(|_| world.send(1, session, b"hi").unwrap());
    let reading = world.engine().begin_receive(2, session, 9).unwrap().unwrap();
    world.leave(1);
    world.finish(reading.number, true).unwrap_err();
    assert_eq!(world.tables.sessions.figures().counts.lost, 3, "one of them was being received");
    let session = world.open(2, 3);
    world.send(2, session, b"hi").unwrap();
    world.engine().close(3, session).unwrap();
    assert_eq!(world.tables.sessions.figures().counts.lost, 4);
}

#[test]
fn who_has_left_watches_no_more() {
    let (mut world, _) = three();
    world.engine().watch(3, 999).unwrap();
    world.leave(3);
    let (caller, now) = (Caller::connected(3), world.now);
    world.engine().join(caller, "again", Some(0), 3, None, now).unwrap().unwrap();
    world.join(4, 0);
    assert_eq!(world.told(3), [""; 0]);
    assert!(world.engine().watch(3, 10).is_err_and(|error| error.text.contains("by TCP")));
    world.join(5, 0);
    assert_eq!(world.told(3), [""; 0], "a refusal changes nothing");
}
