//! What sessions promise beyond the figures' steps: sizes, ends, shares, names, seats.

use leasebox::common::caller::Caller;
use leasebox::common::error::Code;
use leasebox::sessions::Delivery;
use leasebox::sessions::words::{Notice, SessionId, Told};

use crate::world::{KB, World, refusal};

/// Two processes with a kilobyte each, and a session.
fn two() -> (World, SessionId) {
    let mut world = World::new();
    [1, 2].into_iter().for_each(|client| world.join(client, KB));
    let session = world.open(1, 2);
    (world, session)
}

// --- sizes -----------------------------------------------------------------------------

#[test]
fn a_block_that_grows_and_shrinks_keeps_its_messages_where_they_are() {
    let (mut world, session) = two();
    world.join(3, KB);
    world.send(1, session, &[1; 900]).unwrap();
    // The place beside it is taken: by an extent. Then in place.
    assert_eq!(world.engine().grow(1, 0, 1500), Ok(1536));
    assert_eq!(world.engine().grow(1, 0, 2000), Ok(2048));
    let copying = world.engine().begin_send(1, session, 900, false).unwrap();
    assert_eq!(world.engine().grow(1, 0, 5000), Ok(6144));
    world.check();
    world.fill(copying, &[2; 900]).unwrap();
    assert_eq!(refusal(world.shrink(1, 0, KB), "up to 2048"), Code::Refused);
    assert_eq!(world.shrink(1, 0, 2048), Ok(2048));
    world.check();
    assert_eq!(world.receive(2, session), Ok(Some(vec![1; 900])));
    assert_eq!(world.receive(2, session), Ok(Some(vec![2; 900])));
    assert_eq!(world.shrink(1, 0, 100), Ok(128));
    assert_eq!(world.shrink(1, 0, 0), Ok(0));
    assert_eq!(world.engine().grow(1, 0, 40), Ok(64));
    world.check();
    assert_eq!(
        world.log(),
        [
            "p1's block 0 grew by an extent to 1536 bytes: it asked",
            "p1's block 0 grew in place to 2048 bytes: it asked",
            "p1's block 0 grew by an extent to 6144 bytes: it asked",
            "p1's block 0 shrank from its end to 2048 bytes: it asked",
            "p1's block 0 shrank from its end to 128 bytes: it asked",
            "p1's block 0 shrank from its end to 0 bytes: it asked",
            "p1's block 0 grew by an extent to 64 bytes: it asked",
        ]
    );
    for (block, size, text, code) in [
        (0, 10, "bytes already", Code::BadRequest),
        (1, 10, "no block of that number", Code::NotFound),
        (u64::MAX, 10, "no block of that number", Code::NotFound),
        (0, u64::MAX, "cannot be had", Code::OutOfMemory),
    ] {
        assert_eq!(refusal(world.engine().grow(1, block, size), text), code);
        world.check();
    }
    assert_eq!(refusal(world.shrink(1, 0, 65), "grow it"), Code::BadRequest);
}

#[test]
fn a_message_may_lie_across_extents() {
    let mut world = World::new();
    world.join(1, KB);
    world.join(2, KB);
    let session = world.open(1, 2);
    world.engine().grow(1, 0, 2 * KB).unwrap();
    let data: Vec<u8> = (0..2000).map(|at| (at / 7) as u8).collect();
    let copying = world.engine().begin_send(1, session, 2000, false).unwrap();
    assert_eq!(copying.place.more.len(), 1, "a kilobyte in each");
    world.fill(copying, &data).unwrap();
    assert_eq!(world.peek(2, session, (1000, 50)), Ok(Some(data[1000..1050].to_vec())));
    assert_eq!(world.receive(2, session), Ok(Some(data)));
}

#[test]
fn a_message_that_does_not_fit_grows_the_block_up_to_four_times_what_was_asked() {
    let (mut world, session) = two();
    world.send(1, session, &[0; 1000]).unwrap();
    world.send(1, session, &[0; 1000]).unwrap();
    assert_eq!(world.log(), ["p1's block 0 grew by an extent to 2048 bytes: step 508"]);
    let too_large = world.send(1, session, &[0; 4000]);
    assert_eq!(refusal(too_large, "4000 bytes do not fit the 2048"), Code::OutOfMemory);
    world.engine().grow(1, 0, 2 * KB).unwrap();
    world.send(1, session, &[0; 4000]).unwrap();
    assert_eq!(world.size(1), 8 * KB);
}

#[test]
fn a_low_arena_shrinks_what_blocks_have_grown_and_do_not_use() {
    let mut world = World::sized(16 * KB, 1024 * KB);
    [1, 2].into_iter().for_each(|client| world.join(client, 2 * KB));
    world.join(4, 8 * KB);
    let session = world.open(1, 2);
    for _ in 0..3 {
        world.send(1, session, &[0; 2000]).unwrap();
    }
    assert_eq!(world.size(1), 6 * KB);
    world.receive(2, session).unwrap();
    world.receive(2, session).unwrap();
    world.log();
    // The last of the three is still there, so nothing can be had.
    assert!(world.try_join(3, 2 * KB).unwrap().is_err());
    assert_eq!(world.log(), [""; 0]);
    world.receive(2, session).unwrap();
    world.join(3, 2 * KB);
    assert_eq!(world.log(), ["p1's block 0 shrank from its end to 2048 bytes: the arena is low"]);
}

#[test]
fn a_block_that_found_no_memory_grows_when_anothers_comes_back() {
    let mut world = World::sized(8 * KB, 1024 * KB);
    world.join(1, KB);
    world.join(2, KB);
    world.join(3, 4 * KB);
    let session = world.open(1, 2);
    world.engine().grow(2, 0, 2 * KB).unwrap();
    world.send(1, session, &[0; 1000]).unwrap();
    world.join(4, KB);
    let full = world.send(1, session, &[0; 1000]);
    assert_eq!(refusal(full, "do not fit"), Code::OutOfMemory);
    world.log();
    world.leave(3);
    assert_eq!(world.log(), ["p1's block 0 grew by an extent to 2048 bytes: another's release"]);
    assert_eq!(world.told(1), ["unblocked"]);
    world.send(1, session, &[0; 1000]).unwrap();
}

#[test]
fn a_process_that_asks_in_vain_in_one_session_after_another_waits_once() {
    let mut world = World::sized(8 * KB, 1024 * KB);
    world.join(1, KB);
    world.join(2, KB);
    world.join(3, 4 * KB);
    world.engine().grow(2, 0, 2 * KB).unwrap();
    world.join(4, KB);
    for _ in 0..3 {
        let session = world.open(1, 2);
        let full = world.send(1, session, &[0; 2000]);
        assert_eq!(refusal(full, "do not fit"), Code::OutOfMemory);
        // The wish is forgotten with the session.
        world.engine().close(1, session).unwrap();
        world.check();
    }
}

// --- ends ------------------------------------------------------------------------------

#[test]
fn what_was_sent_before_a_close_can_still_be_received_and_then_the_session_is_gone() {
    let (mut world, session) = two();
    world.send(1, session, b"one").unwrap();
    world.send(1, session, b"two").unwrap();
    world.send(2, session, b"never read").unwrap();
    world.engine().close(1, session).unwrap();
    world.check();
    assert_eq!(world.told(2), ["message 3", "message 3", "closed"]);
    assert_eq!(world.engine().sessions(Caller::connected(1)), Ok(Vec::new()));
    assert_eq!(world.engine().sessions(Caller::connected(2)).unwrap()[0].name, "");
    assert_eq!(world.receive(2, session), Ok(Some(b"one".to_vec())));
    assert_eq!(world.receive(2, session), Ok(Some(b"two".to_vec())));
    assert_eq!(refusal(world.receive(2, session), "no such session"), Code::NotFound);
    assert_eq!(world.tables.sessions.figures().sessions, 0);
    assert_eq!(refusal(world.engine().close(2, session), "no such session"), Code::NotFound);
}

#[test]
fn what_was_sent_before_a_close_can_still_be_handed_on() {
    let (mut world, session) = two();
    world.join(3, 0);
    let to = world.open(2, 3);
    world.send(1, session, b"hi").unwrap();
    world.engine().close(1, session).unwrap();
    assert_eq!(world.engine().forward(2, session, to), Ok(2));
    world.check();
    assert_eq!(world.tables.sessions.figures().sessions, 1, "the other one is gone");
    assert_eq!(world.receive(3, to), Ok(Some(b"hi".to_vec())));
}

#[test]
fn who_closes_hears_no_more_of_it() {
    let (mut world, session) = two();
    world.open(1, 2);
    assert_eq!(world.told(2), ["opened p1", "opened p1"]);
    world.send(1, session, b"hi").unwrap();
    world.engine().close(2, session).unwrap();
    world.check();
    assert_eq!((world.told(2), world.told(1)), (Vec::new(), vec!["closed".into()]));
}

#[test]
fn a_session_that_was_opened_and_closed_unheard_is_never_told() {
    let (mut world, session) = two();
    world.engine().close(1, session).unwrap();
    let session = world.open(1, 2);
    assert_eq!(world.told(2), ["opened p1"]);
    world.engine().close(1, session).unwrap();
    assert_eq!(world.told(2), ["closed"]);
}

#[test]
fn copies_under_way_when_a_process_ends_are_made_before_its_memory_goes_back() {
    let (mut world, session) = two();
    assert_eq!(world.told(2), ["opened p1"]);
    world.send(1, session, b"half way").unwrap();
    let reading = world.engine().begin_receive(2, session, 99).unwrap().unwrap();
    let filling = world.engine().begin_send(1, session, 5, false).unwrap();
    world.leave(1);
    let used = |world: &World| world.tables.leases.filling().used;
    assert_eq!(used(&world), 2 * KB, "somebody copies there");
    assert_eq!(world.engine().is_seated(reading.number), None);
    assert_eq!(refusal(world.finish(filling.number, true), "no such session"), Code::NotFound);
    assert_eq!(used(&world), 2 * KB);
    assert_eq!(refusal(world.finish(reading.number, true), "was lost"), Code::NotFound);
    assert_eq!(used(&world), KB);
    assert_eq!(refusal(world.finish(reading.number, true), "no such"), Code::NotFound);
    assert_eq!(world.told(2), ["closed"]);
}

#[test]
fn a_delivery_is_received_lost_or_taken_back() {
    let (mut world, session) = two();
    let deliver = |world: &mut World| {
        let copying = world.engine().begin_send(1, session, 2, true).unwrap();
        let message = copying.message;
        world.fill(copying, b"hi").unwrap();
        message
    };
    let message = deliver(&mut world);
    assert_eq!(world.engine().delivery(message), Delivery::Waiting);
    world.receive(2, session).unwrap();
    assert_eq!(world.engine().delivery(message), Delivery::Received);
    let message = deliver(&mut world);
    world.send(1, session, b"after it").unwrap();
    assert_eq!(world.engine().withdraw(session, message), Delivery::Waiting);
    assert_eq!(world.told(2), ["message 8"]);
    assert_eq!(world.receive(2, session), Ok(Some(b"after it".to_vec())));
    let message = deliver(&mut world);
    world.receive(2, session).unwrap();
    assert_eq!(
        world.engine().withdraw(session, message),
        Delivery::Received,
        "it was just in time"
    );
    let message = deliver(&mut world);
    world.engine().close(2, session).unwrap();
    assert_eq!(world.engine().delivery(message), Delivery::Lost);
    world.check();
    let session = world.open(1, 2);
    let copying = world.engine().begin_send(1, session, 2, true).unwrap();
    world.fill(copying, b"hi").unwrap();
    world.leave(1);
}

#[test]
fn to_hand_a_delivery_on_is_to_have_received_it() {
    let (mut world, session) = two();
    world.join(3, KB);
    let to = world.open(2, 3);
    let copying = world.engine().begin_send(1, session, 2, true).unwrap();
    let message = copying.message;
    world.fill(copying, b"hi").unwrap();
    world.engine().forward(2, session, to).unwrap();
    world.engine().close(3, to).unwrap();
    assert_eq!(world.engine().delivery(message), Delivery::Received, "whatever becomes of it then");
}

// --- shares ----------------------------------------------------------------------------

#[test]
fn a_full_block_of_the_smallest_messages_is_within_the_share_of_administrative_memory() {
    let mut world = World::sized(1024 * KB, 1024 * KB);
    world.join(1, 64 * KB);
    world.join(2, 0);
    let session = world.open(1, 2);
    for _ in 0..2048 {
        let copying = world.engine().begin_send(1, session, 1, false).unwrap();
        world.engine().finish(copying.number, true).unwrap();
    }
    world.check();
    let beyond = world.send(1, session, b"x");
    assert_eq!(refusal(beyond, "fit the 65536"), Code::OutOfMemory, "the block's own limit");
    assert_eq!(world.size(1), 64 * KB, "nothing grows for what could not be paid");
    world.engine().grow(1, 0, 65 * KB).unwrap();
    assert_eq!(refusal(world.send(1, session, b"x"), "in messages"), Code::Refused);
}

#[test]
fn one_process_cannot_take_administrative_memory_from_the_others() {
    let mut world = World::sized(1024 * KB, 16 * KB);
    (1..=3).for_each(|client| world.join(client, 16 * KB));
    let opened = std::iter::from_fn(|| world.engine().begin_open(1, "p2", 0).ok()).count();
    assert_eq!(opened, 5, "192 bytes each of a quarter of a quarter");
    let refused = world.engine().begin_open(1, "p2", 0);
    assert_eq!(refusal(refused, "close one"), Code::Refused);
    let session = world.open(2, 3);
    let sent = (0..).take_while(|_| world.send(2, session, b"x").is_ok()).count();
    assert_eq!(sent, 32, "96 bytes each of three quarters of a quarter");
    assert_eq!(refusal(world.send(2, session, b"x"), "were received"), Code::Refused);
    assert_eq!(refusal(world.open_with(2, 1, b"x"), "were received"), Code::Refused);
    // Both together meet the quarter before each meets its own part.
    let sessions = world.engine().sessions(Caller::connected(1)).unwrap();
    let to = sessions[0].session;
    let sent = (0..).take_while(|_| world.send(1, to, b"x").is_ok()).count();
    assert_eq!(sent, 30, "an entry of 224 bytes, 5 sessions, and 96 for each");
    assert_eq!(refusal(world.send(1, to, b"x"), "4096 in all"), Code::Refused);
    // The others go on.
    let session = world.open(3, 1);
    world.send(3, session, b"x").unwrap();
    world.receive(1, session).unwrap();
}

#[test]
fn who_has_gone_leaves_no_charge_to_whom_it_called() {
    let mut world = World::sized(1024 * KB, 64 * KB);
    world.join(2, 64 * KB);
    for caller in 3..20 {
        world.join(caller, KB);
        let opened = (0..).take_while(|_| world.open_with(caller, 2, b"x").is_ok()).count();
        assert_eq!(opened, if caller < 7 { 16 } else { 0 }, "a quarter of all for one");
        world.leave(caller);
    }
    assert_eq!(world.tables.sessions.figures().sessions, 64, "so many first messages, no more");
    world.join(1, KB);
    let opened = (0..5).filter(|_| world.engine().begin_open(2, "p1", 0).is_ok()).count();
    assert_eq!(opened, 5, "its own share is its own");
    let sessions = world.engine().sessions(Caller::connected(2)).unwrap();
    for state in sessions.iter().filter(|state| state.name.is_empty()) {
        assert_eq!(world.receive(2, state.session), Ok(Some(b"x".to_vec())));
    }
    assert_eq!(world.tables.sessions.figures().sessions, 5);
}

#[test]
fn signals_that_nobody_reads_do_not_pile_up() {
    let mut world = World::new();
    [1, 2].into_iter().for_each(|client| world.join(client, 64));
    let session = world.open(1, 2);
    for _ in 0..10 {
        assert!(world.send(1, session, &[0; 300]).is_err());
        world.engine().grow(1, 0, 64).unwrap();
    }
    assert_eq!(
        (world.told(1), world.told(2)),
        (vec!["unblocked".into()], vec!["opened p1".into(), "blocked".into()])
    );
    for _ in 0..10 {
        let session = world.open(1, 2);
        assert!(world.send(1, session, &[0; 300]).is_err());
        world.engine().close(1, session).unwrap();
        let session = world.open_with(1, 2, b"hi");
        if let Ok(session) = session {
            world.engine().close(1, session).unwrap();
            world.receive(2, session).unwrap();
        }
        world.join(3, 64);
        let session = world.open(3, 2);
        world.send(3, session, b"lost").unwrap();
        world.leave(3);
    }
    assert_eq!(world.told(2), [""; 0], "it had not heard of any of them");
}

// --- names -----------------------------------------------------------------------------

#[test]
fn who_watches_is_told_of_everybody_once() {
    let mut world = World::new();
    [1, 2].into_iter().for_each(|client| world.join(client, 0));
    let names: Vec<_> =
        world.engine().watch(1, 99).unwrap().iter().map(|n| n.to_string()).collect();
    assert_eq!(names, ["p1", "p2"]);
    world.join(3, 0);
    world.leave(2);
    world.join(4, 0);
    world.leave(4);
    assert_eq!(world.told(1), ["joined p3", "left p2"]);
    world.leave(3);
    world.join(3, 0);
    assert_eq!(world.told(1), ["left p3", "joined p3"]);
    world.join(5, 0);
    let names: Vec<_> =
        world.engine().watch(1, 99).unwrap().iter().map(|n| n.to_string()).collect();
    assert_eq!(names, ["p1", "p3", "p5"]);
    assert_eq!(world.told(1), [""; 0], "the list has it");
}

#[test]
fn so_many_watch_and_no_more() {
    let mut world = World::new();
    let now = world.now;
    for client in 1..=1025 {
        let (caller, name) = (Caller::connected(client), format!("p{client}"));
        world.engine().join(caller, &name, Some(0), client, None, now).unwrap().unwrap();
        let watched = world.engine().watch(client, u64::MAX);
        assert_eq!(watched.is_ok(), client <= 1024, "{client}");
    }
    assert!(world.engine().watch(1, u64::MAX).is_ok(), "it watches already");
    let busy = world.engine().watch(1025, u64::MAX);
    assert_eq!(refusal(busy, "1024 processes watch"), Code::Busy);
}

#[test]
fn who_waits_for_a_name_is_woken_by_that_alone() {
    let mut world = World::new();
    let first = world.engine().await_name("p2", 100);
    world.engine().await_name("p2", 101);
    world.engine().await_name("p22", 102);
    world.join(1, 0);
    assert_eq!(world.tables.processes.take_wakers(), [0_u64; 0]);
    world.engine().forget_name("p2", first);
    world.join(2, 0);
    assert_eq!(world.tables.processes.take_wakers(), [101]);
    assert!(world.engine().is_there("p2") && !world.engine().is_there("p22"));
}

// --- seats -----------------------------------------------------------------------------

#[test]
fn a_block_has_one_seat_for_its_owner_and_one_for_all_others() {
    let mut world = World::new();
    (1..=4).for_each(|client| world.join(client, KB));
    let sessions: Vec<_> = (2..=4).map(|other| world.open(1, other)).collect();
    world.publish(1, &sessions, b"hi").unwrap();
    let filling = world.engine().begin_send(1, sessions[0], 2, false).unwrap();
    let reading: Vec<_> = (2..=4)
        .zip(&sessions)
        .map(|(client, &session)| {
            world.engine().begin_receive(client, session, 99).unwrap().unwrap()
        })
        .collect();
    let seated = |world: &mut World| {
        let copies = std::iter::once(&filling).chain(&reading);
        copies.map(|copy| world.engine().is_seated(copy.number)).collect::<Vec<_>>()
    };
    assert_eq!(seated(&mut world), [Some(true), Some(true), Some(false), Some(false)]);
    world.finish(reading[0].number, true).unwrap();
    assert_eq!(seated(&mut world), [Some(true), None, Some(true), Some(false)]);
    // A first message of another is filled from the engine's seat.
    let guest = world.engine().begin_open(2, "p1", 5).unwrap().1.unwrap();
    assert_eq!(world.engine().is_seated(guest.number), Some(false), "behind those who read");
    world.finish(guest.number, false).unwrap_err();
    // Who gives up waiting leaves the queue.
    world.finish(reading[2].number, false).unwrap_err();
    world.finish(reading[1].number, true).unwrap();
    assert_eq!(seated(&mut world), [Some(true), None, None, None]);
}

#[test]
fn what_lies_in_ones_own_block_is_read_from_ones_own_seat() {
    let (mut world, session) = two();
    world.open_with(2, 1, b"hi").unwrap();
    let own = world.engine().sessions(Caller::connected(1)).unwrap();
    let own = own.iter().find(|state| state.inward == 1).unwrap().session;
    world.send(1, session, b"hi").unwrap();
    let reading = world.engine().begin_receive(2, session, 9).unwrap().unwrap();
    let looking = world.engine().begin_peek(1, own, (0, 9), 9).unwrap().unwrap();
    assert!(reading.is_seated && looking.is_seated);
    world.finish(looking.number, true).unwrap();
    let receiving = world.engine().begin_receive(1, own, 9).unwrap().unwrap();
    assert!(receiving.is_seated);
    world.finish(receiving.number, true).unwrap();
    world.finish(reading.number, true).unwrap();
}

#[test]
fn a_list_of_sessions_that_an_answer_cannot_carry_changes_nothing() {
    let mut world = World::new();
    (1..=2).for_each(|client| world.join(client, 0));
    let session = world.open(1, 2);
    let short = |most_data| Caller { most_data, ..Caller::connected(2) };
    for most in [0, 41] {
        let refused = world.engine().sessions(short(most));
        assert_eq!(refusal(refused, "ask by TCP"), Code::TooLarge, "{most}");
    }
    let told = world.engine().next_signal(2).unwrap();
    assert!(matches!(told, Some(Told::Notice(Notice::Opened { .. }))), "{told:?}");
    assert_eq!(world.engine().sessions(short(60)).unwrap()[0].session, session);
}
