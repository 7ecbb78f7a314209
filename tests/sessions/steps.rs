//! Scenarios over the engine: each is a test, and together they reach every step of figures 4
//! and 5. The table of who reaches which stands in docs/boxes.md and is checked here. The number of a
//! step stands in the code where the step is, so a step that the code drops fails the tests.
//!
//! ```text
//!   402 ─ 404 ─ 406 locked? ─ 410 ─ 412 … 424 ─ 426 ─ 428     rendezvous: figure 4
//!          └──── 408 ◄──┘
//!   502 ─ 504 ─ 506 available? ─ 512 ─ 514 … 524 ─ 526        communication: figure 5
//!                └─ 508 ─ 510
//! ```

use leasebox::common::caller::Caller;
use std::collections::BTreeSet;

use leasebox::common::error::Code;
use leasebox::sessions::{Full, MIN_ENTRY};

use crate::world::{KB, World, refusal};

/// The number, the figure and the meaning of each step.
const STEPS: [(u16, &str, &str); 27] = [
    (402, "4", "begin"),
    (404, "4", "attempt to access administrative memory"),
    (406, "4", "is it locked?"),
    (408, "4", "wait, and try again"),
    (410, "4", "lock it"),
    (412, "4", "secure a block"),
    (414, "4", "make handles to notification events and other data of the block"),
    (416, "4", "store them in administrative memory"),
    (418, "4", "set the flag: the block is registered"),
    (420, "4", "signal the engine that the process may be communicated with"),
    (422, "4", "the engine duplicates handles and data"),
    (424, "4", "assign a memory manager to the block"),
    (426, "4", "unlock administrative memory"),
    (428, "4", "end"),
    (502, "5", "begin"),
    (504, "5", "request a sub-block from a memory manager"),
    (506, "5", "is one available?"),
    (508, "5", "out of memory, the engine is told"),
    (510, "5", "so are the initiating process and the destination"),
    (512, "5", "fill the sub-block with data"),
    (514, "5", "write its location to administrative memory"),
    (516, "5", "signal the destination"),
    (518, "5", "load the location"),
    (520, "5", "map the logical address to a physical one"),
    (522, "5", "copy the data, or a part of it"),
    (524, "5", "release the sub-block to its memory manager"),
    (526, "5", "end"),
];

macro_rules! scenarios {
    ($($name:ident => $body:expr;)*) => {
        $(#[test] fn $name() { $body(); })*
        const SCENARIOS: &[(&str, fn() -> BTreeSet<u16>)] = &[$((stringify!($name), $body)),*];
    };
}

scenarios! {
    a_process_registers_a_block_that_another_can_open_at_once => rendezvous;
    who_finds_administrative_memory_full_waits_until_a_process_has_left => full;
    who_finds_no_block_free_waits_until_one_is => no_block;
    a_further_block_is_registered_and_used_when_the_first_is_full => further_block;
    a_message_is_filled_located_signalled_loaded_copied_and_released => communication;
    the_first_message_lies_in_the_destinations_block_and_outlives_its_sender => first_message;
    a_part_is_read_and_left_where_it_is => part;
    a_message_without_room_grows_the_block_once_and_then_is_refused => no_room;
    a_message_is_handed_on_by_its_location_alone => forwarding;
    one_message_to_many_lives_until_its_last_reader_has_it => publishing;
}

fn rendezvous() -> BTreeSet<u16> {
    let mut world = World::new();
    world.join(1, 4 * KB);
    world.join(2, 0);
    assert_eq!(world.size(1), 4 * KB);
    assert_eq!(
        world.tables.sessions.figures().admin_used,
        MIN_ENTRY + MIN_ENTRY - 32,
        "two entries, one span"
    );
    for (client, block, code) in
        [(1, 0, Code::Refused), (3, 2048 * KB, Code::OutOfMemory), (3, u64::MAX, Code::OutOfMemory)]
    {
        let error = world.try_join(client, block).unwrap_err();
        assert_eq!(error.code, code, "{error}");
    }
    assert_eq!(world.tables.sessions.figures().admin_used, MIN_ENTRY + MIN_ENTRY - 32, "unchanged");
    world.open(2, 1);
    assert_eq!(world.told(1), ["opened p2"]);
    [1, 2].into_iter().for_each(|client| world.leave(client));
    assert!(world.is_empty());
    world.reached()
}

fn full() -> BTreeSet<u16> {
    let mut world = World::sized(1024 * KB, 4 * KB);
    let fit = 4 * KB / MIN_ENTRY;
    (1..=fit).for_each(|client| world.join(client, 32));
    let late = fit + 1;
    assert!(world.try_join(late, 32).unwrap().is_err(), "it is full");
    let first = world.engine().await_room(&Full::Administration, 100);
    let second = world.engine().await_room(&Full::Administration, 101);
    assert_eq!(world.tables.processes.take_wakers(), [0_u64; 0]);
    world.leave(1);
    assert_eq!(world.tables.processes.take_wakers(), [100], "who waited longest looks");
    assert!(world.try_join(late, 32).unwrap().is_err(), "another waits");
    world.engine().forget_room(first);
    assert_eq!(world.tables.processes.take_wakers(), [101]);
    world.engine().forget_room(second);
    world.join(late, 32);
    let second = world.engine().await_room(&Full::Administration, 101);
    assert_eq!(world.tables.processes.take_wakers(), [0_u64; 0], "there is no room for a second");
    world.leave(2);
    assert_eq!(world.tables.processes.take_wakers(), [101]);
    world.engine().forget_room(second);
    world.join(1, 32);
    assert_eq!(refusal(world.try_join(late, 32), "leave it first"), Code::Refused);
    world.reached()
}

fn no_block() -> BTreeSet<u16> {
    let mut world = World::sized(4 * KB, 1024 * KB);
    [1, 2].into_iter().for_each(|client| world.join(client, 2 * KB));
    let of = |full: Result<(), Full>| match full.unwrap_err() {
        full @ Full::Block { bytes, .. } => (bytes, full),
        full => panic!("{full:?}"),
    };
    let (bytes, large) = of(world.try_join(3, 4 * KB).unwrap());
    assert_eq!(bytes, 4 * KB);
    let (_, small) = of(world.try_join(4, KB).unwrap());
    let asked = world.engine().register(1, 64).unwrap().unwrap_err();
    assert!(matches!(asked, Full::Block { bytes: 64, .. }));
    assert_eq!(refusal(world.try_join(5, 8 * KB), "at most 0 can"), Code::OutOfMemory);
    // The large one waited first. It does not keep the small one out.
    let first = world.engine().await_room(&large, 103);
    let second = world.engine().await_room(&small, 104);
    assert_eq!(world.tables.processes.take_wakers(), [0_u64; 0]);
    world.leave(2);
    assert_eq!(world.tables.processes.take_wakers(), [104]);
    world.join(4, KB);
    world.engine().forget_room(second);
    assert_eq!(world.tables.processes.take_wakers(), [0_u64; 0], "4 KiB are not free yet");
    world.leave(4);
    assert_eq!(world.tables.processes.take_wakers(), [0_u64; 0]);
    world.leave(1);
    assert_eq!(world.tables.processes.take_wakers(), [103]);
    world.join(3, 4 * KB);
    world.engine().forget_room(first);
    world.leave(3);
    assert_eq!(world.tables.processes.take_wakers(), [0_u64; 0], "no ticket is left");
    world.reached()
}

fn further_block() -> BTreeSet<u16> {
    let mut world = World::new();
    [1, 2].into_iter().for_each(|client| world.join(client, KB));
    let session = world.open(1, 2);
    assert_eq!(world.engine().register(1, 3000), Ok(Ok((1, 4 * KB))));
    world.check();
    assert_eq!(world.size(1), 5 * KB);
    world.send(1, session, &[1; 1000]).unwrap();
    world.send(1, session, &[2; 4096]).unwrap();
    assert_eq!(world.shrink(1, 0, 1), Err(lies_up_to(2 * KB / 2)));
    assert_eq!(refusal(world.engine().register(1, 0), "at least 1 byte"), Code::BadRequest);
    assert_eq!(refusal(world.engine().register(1, 1 << 40), "cannot be had"), Code::OutOfMemory);
    assert_eq!(refusal(world.engine().register(9, 1), "belongs to no process"), Code::Refused);
    world.check();
    assert_eq!(world.receive(2, session), Ok(Some(vec![1; 1000])));
    assert_eq!(world.receive(2, session), Ok(Some(vec![2; 4096])));
    for block in 2..16 {
        assert_eq!(world.engine().register(1, 1), Ok(Ok((block, 32))));
    }
    assert_eq!(refusal(world.engine().register(1, 1), "at most 16 blocks"), Code::Refused);
    [1, 2].into_iter().for_each(|client| world.leave(client));
    assert!(world.is_empty());
    world.reached()
}

fn lies_up_to(end: u64) -> leasebox::common::error::Error {
    let text = format!("messages lie there up to {end} bytes; receive them, or shrink to that");
    leasebox::common::error::Error::new(Code::Refused, text)
}

fn communication() -> BTreeSet<u16> {
    let mut world = World::new();
    [1, 2, 3].into_iter().for_each(|client| world.join(client, KB));
    let session = world.open(1, 2);
    world.send(1, session, b"one").unwrap();
    world.send(1, session, b"").unwrap();
    world.send(2, session, b"back").unwrap();
    assert_eq!(world.told(2), ["message 3", "message 0"], "it has spoken in the session");
    assert_eq!(world.engine().sessions(Caller::connected(2)).unwrap()[0].inward, 2);
    for strange in [world.send(3, session, b"x"), world.receive(3, session).map(|_| ())] {
        assert_eq!(refusal(strange, "no such session"), Code::NotFound);
    }
    assert_eq!(world.receive(2, session), Ok(Some(b"one".to_vec())));
    assert_eq!(world.receive(2, session), Ok(Some(Vec::new())));
    assert_eq!(world.receive(2, session), Ok(None));
    assert_eq!(world.receive(1, session), Ok(Some(b"back".to_vec())));
    assert_eq!(world.told(1), [""; 0], "what was received unheard is not told");
    assert_eq!(world.tables.sessions.figures().messages, 0);
    world.reached()
}

fn first_message() -> BTreeSet<u16> {
    let mut world = World::new();
    [1, 2].into_iter().for_each(|client| world.join(client, 4 * KB));
    let session = world.open_with(1, 2, b"hello").unwrap();
    assert_eq!(world.told(2), ["opened p1", "message 5"]);
    world.send(1, session, b"lost with me").unwrap();
    world.leave(1);
    assert_eq!(world.told(2), ["lost 1", "closed"]);
    let closed = world.send(2, session, b"who hears?");
    assert_eq!(refusal(closed, "no such session"), Code::NotFound);
    assert_eq!(world.receive(2, session), Ok(Some(b"hello".to_vec())));
    assert_eq!(refusal(world.receive(2, session), "no such session"), Code::NotFound);
    assert_eq!(world.tables.sessions.figures().counts.lost, 1);
    world.join(1, 4 * KB);
    // A sixteenth for one, a quarter for all, of what was not received.
    let too_large = world.open_with(1, 2, &[0; 257]);
    assert_eq!(refusal(too_large, "have 256 bytes"), Code::OutOfMemory);
    world.open_with(1, 2, &[0; 256]).unwrap();
    let again = world.open_with(1, 2, b"x");
    assert_eq!(refusal(again, "this one's have 256"), Code::OutOfMemory);
    for client in 3..6 {
        world.join(client, 0);
        world.open_with(client, 2, &[0; 256]).unwrap();
    }
    world.join(6, 0);
    assert_eq!(refusal(world.open_with(6, 2, b"x"), "no room"), Code::OutOfMemory);
    world.open(6, 2);
    assert_eq!(refusal(world.open_with(1, 6, b"x"), "have 0 bytes"), Code::OutOfMemory);
    for (name, code, text) in
        [("p1", Code::Refused, "between two"), ("nobody", Code::NotFound, "lookup NAME")]
    {
        let begun = world.engine().begin_open(1, name, 1);
        assert_eq!(refusal(begun, text), code);
    }
    (1..=6).for_each(|client| world.leave(client));
    assert!(world.is_empty());
    world.reached()
}

fn part() -> BTreeSet<u16> {
    let mut world = World::new();
    [1, 2].into_iter().for_each(|client| world.join(client, KB));
    let session = world.open(1, 2);
    assert_eq!(world.peek(2, session, (0, 9)), Ok(None));
    world.send(1, session, b"this is some text").unwrap();
    for (part, expected) in [
        ((5, 2), &b"is"[..]),
        ((0, u64::MAX), b"this is some text"),
        ((13, 100), b"text"),
        ((17, 1), b""),
        ((17, 0), b""),
        ((u64::MAX, u64::MAX), b""),
    ] {
        assert_eq!(world.peek(2, session, part), Ok(Some(expected.to_vec())), "{part:?}");
    }
    // Behind the last byte of a full block.
    world.send(2, session, &[1; 1024]).unwrap();
    assert_eq!(world.peek(1, session, (1024, 5)), Ok(Some(Vec::new())));
    let most = world.engine().begin_peek(2, session, (0, 9), 8);
    assert_eq!(refusal(most, "at most 8"), Code::TooLarge);
    let most = world.engine().begin_receive(2, session, 16);
    assert_eq!(refusal(most, "has 17 bytes"), Code::TooLarge);
    assert_eq!(world.receive(2, session), Ok(Some(b"this is some text".to_vec())));
    world.reached()
}

fn no_room() -> BTreeSet<u16> {
    let mut world = World::new();
    [1, 2, 3].into_iter().for_each(|client| world.join(client, KB));
    let (session, other) = (world.open(1, 2), world.open(1, 3));
    assert_eq!(world.told(2), ["opened p1"]);
    for sent in 0..4 {
        world.send(1, session, &[sent; 1000]).unwrap();
    }
    assert_eq!(world.size(1), 4 * KB, "what was asked for, four times");
    for _ in 0..2 {
        let full = world.send(1, session, b"x");
        assert_eq!(refusal(full, "1 bytes do not fit the 4096"), Code::OutOfMemory);
    }
    let full = world.publish(1, &[session, other], b"x");
    assert_eq!(refusal(full, "grow SIZE"), Code::OutOfMemory);
    assert_eq!(world.tables.sessions.figures().counts.blocked, 3);
    let told = ["message 1000", "message 1000", "message 1000", "message 1000", "blocked"];
    assert_eq!(world.told(2), told, "once, as long as it was not heard");
    assert_eq!(world.told(3), ["opened p1", "blocked"]);
    assert_eq!(world.told(1), [""; 0]);
    world.receive(2, session).unwrap();
    assert_eq!(world.told(1), ["unblocked", "unblocked"]);
    world.send(1, session, b"x").unwrap();
    world.reached()
}

fn forwarding() -> BTreeSet<u16> {
    let mut world = World::new();
    [1, 2, 3].into_iter().for_each(|client| world.join(client, KB));
    let (first, second) = (world.open(1, 2), world.open(2, 3));
    let none = world.engine().forward(2, first, second);
    assert_eq!(refusal(none, "no message"), Code::NotFound);
    world.send(1, first, b"for 3").unwrap();
    let before = world.tables.leases.filling();
    for (session, to) in [(second, first), (first, first)] {
        let strange = world.engine().forward(3, session, to);
        assert_eq!(refusal(strange, "session"), Code::NotFound);
    }
    assert_eq!(world.engine().forward(2, first, second), Ok(5));
    world.check();
    assert_eq!(world.tables.leases.filling(), before);
    assert_eq!(world.told(2), [""; 0], "it has the message no longer");
    assert_eq!(world.told(3), ["opened p2", "message 5"]);
    assert_eq!(refusal(world.receive(3, first), "no such session"), Code::NotFound);
    assert_eq!(world.receive(3, second), Ok(Some(b"for 3".to_vec())));
    // What was handed on lies where it lay: it is lost with who said it.
    world.send(1, first, b"for 3").unwrap();
    world.engine().forward(2, first, second).unwrap();
    world.leave(1);
    assert_eq!((world.told(3), world.told(2)), (vec!["lost 1".into()], vec!["closed".into()]));
    assert_eq!(world.receive(3, second), Ok(None));
    // Back to who said it.
    let again = world.open(2, 3);
    world.send(2, again, b"echo").unwrap();
    world.engine().forward(3, again, again).unwrap();
    assert_eq!(world.receive(2, again), Ok(Some(b"echo".to_vec())));
    world.reached()
}

fn publishing() -> BTreeSet<u16> {
    let mut world = World::new();
    (1..=4).for_each(|client| world.join(client, KB));
    let sessions: Vec<_> = (2..=4).map(|other| world.open(1, other)).collect();
    assert_eq!(world.publish(1, &sessions, &[7; 600]), Ok(3));
    let full = world.engine().begin_send(1, sessions[0], 1024, false).unwrap();
    assert_eq!(world.size(1), 2 * KB, "one sub-block for three, and one for the next");
    world.finish(full.number, false).unwrap_err();
    let twice = world.publish(1, &[sessions[0], sessions[0]], b"x");
    assert_eq!(refusal(twice, "each once"), Code::BadRequest);
    let strange = world.publish(2, &sessions, b"x");
    assert_eq!(refusal(strange, "no such session"), Code::NotFound);
    for (client, &session) in (2..=4).zip(&sessions) {
        assert_eq!(world.tables.sessions.figures().messages, 1, "until its last reader has it");
        assert_eq!(world.receive(client, session), Ok(Some(vec![7; 600])));
    }
    assert_eq!(world.tables.sessions.figures().messages, 0);
    assert_eq!(world.tables.sessions.figures().sessions, 3);
    (1..=4).for_each(|client| world.leave(client));
    assert!(world.is_empty());
    world.reached()
}

#[test]
fn each_step_stands_once() {
    let numbers: BTreeSet<u16> = STEPS.iter().map(|step| step.0).collect();
    assert_eq!(numbers.len(), STEPS.len());
}

#[test]
fn every_step_is_reached_and_the_table_in_the_report_says_by_which_test() {
    let runs: Vec<(&str, BTreeSet<u16>)> =
        SCENARIOS.iter().map(|(name, scenario)| (*name, scenario())).collect();
    let mut table = String::from(
        "| figure | step | | in `sessions/` | reached by |\n| --- | --- | --- | --- | --- |\n",
    );
    for (number, figure, meaning) in STEPS {
        let by = runs.iter().filter(|(_, reached)| reached.contains(&number));
        let by = by.map(|(name, _)| *name);
        let by: Vec<&str> = by.collect();
        let first = by.first().unwrap_or_else(|| panic!("no scenario reaches step {number}"));
        let more =
            if by.len() > 1 { format!(", and {} more", by.len() - 1) } else { String::new() };
        let places = places(number).join(", ");
        table += &format!("| {figure} | {number} | {meaning} | {places} | `{first}`{more} |\n");
    }
    crate::support::report::stands("docs/boxes.md", "tests/sessions/steps.rs", &table);
}

/// The files of the engine in which a step stands.
fn places(number: u16) -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/sessions");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    // A folder within has commands, which take no step themselves.
    let files = entries.filter(|entry| entry.path().is_file());
    let marks = |line: &str| {
        line.contains("mark!(steps ")
            && line.split(|c: char| !c.is_ascii_digit()).any(|word| word == number.to_string())
    };
    let here =
        files.filter(|file| std::fs::read_to_string(file.path()).unwrap().lines().any(marks));
    let mut names: Vec<_> = here.map(|file| format!("`{}`", file.file_name().display())).collect();
    names.sort_unstable();
    assert!(!names.is_empty(), "step {number} stands nowhere");
    names
}
