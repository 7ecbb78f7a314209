//! Several memory spaces: a block lies in one, and a session may cross them.

use leasebox::common::caller::Caller;
use leasebox::common::error::Code;
use leasebox::cooperative::manager::OwnBlock;
use leasebox::sessions::Full;
use leasebox::sessions::words::SessionId;

use crate::connections::{library, talker};
use crate::support::{Running, wait_for};
use crate::world::{KB, World};

/// A megabyte in the first space, and 8 KiB in a second.
fn two_spaces() -> World {
    World::new().with_space(8 * KB)
}

fn join_in(world: &mut World, client: u64, size: u64, space: usize) -> Result<(), Full> {
    let (caller, name, now) = (Caller::connected(client), format!("p{client}"), world.now);
    let own = OwnBlock { size: Some(size), space };
    let joined = world.engine().join(caller, &name, own, client, None, now).unwrap();
    world.check();
    joined.map(|_| ())
}

/// The used bytes of both spaces.
fn used(world: &World) -> [u64; 2] {
    let figures = world.tables.leases.space_figures();
    [figures[0].used, figures[1].used]
}

fn committed_free(world: &World) -> u64 {
    world.tables.leases.committed().free()
}

#[test]
fn a_session_crosses_two_spaces_and_each_block_lies_in_its_own() {
    let mut world = two_spaces();
    let free = committed_free(&world);
    join_in(&mut world, 1, 2 * KB, 0).unwrap();
    join_in(&mut world, 2, 4 * KB, 1).unwrap();
    assert_eq!((used(&world), committed_free(&world)), ([2 * KB, 4 * KB], free - 2 * KB));
    assert_eq!(world.tables.leases.requested(), 2 * KB, "the figures are of the first space");
    let session: SessionId = world.open(1, 2);
    for (from, to, data) in [(1, 2, &[7; 1000][..]), (2, 1, &[8; 3000])] {
        world.send(from, session, data).unwrap();
        assert_eq!(world.receive(to, session).unwrap().as_deref(), Some(data));
    }
    // The block grows and shrinks where it lies, and a further block lies there too.
    assert_eq!(world.engine().grow(2, 0, 6 * KB), Ok(6 * KB));
    assert_eq!(used(&world), [2 * KB, 6 * KB]);
    assert_eq!(world.shrink(2, 0, KB), Ok(KB));
    assert_eq!(world.engine().register(2, 4 * KB), Ok(Ok((1, 4 * KB))));
    world.check();
    assert_eq!((used(&world), committed_free(&world)), ([2 * KB, 5 * KB], free - 2 * KB));
    world.leave(2);
    assert_eq!(used(&world), [2 * KB, 0]);
    world.leave(1);
    assert_eq!((used(&world), committed_free(&world)), ([0, 0], free));
}

#[test]
fn who_wants_a_block_of_a_space_is_woken_by_that_space() {
    let mut world = two_spaces();
    join_in(&mut world, 1, 8 * KB, 1).unwrap();
    join_in(&mut world, 2, 8 * KB, 0).unwrap();
    let full = join_in(&mut world, 3, 4 * KB, 1).unwrap_err();
    assert!(matches!(full, Full::Block { space: 1, bytes: 4096, .. }));
    let ticket = world.engine().await_room(&full, 103);
    world.leave(2);
    assert_eq!(world.tables.processes.take_wakers(), [0_u64; 0], "that was the other space");
    world.leave(1);
    assert_eq!(world.tables.processes.take_wakers(), [103]);
    join_in(&mut world, 3, 4 * KB, 1).unwrap();
    world.engine().forget_room(ticket);
    // No space could ever give this.
    let (caller, own) = (Caller::connected(4), OwnBlock { size: Some(16 * KB), space: 1 });
    let now = world.now;
    let refused = world.engine().join(caller, "p4", own, 4, None, now).unwrap_err();
    assert_eq!(refused.code, Code::OutOfMemory);
}

#[test]
fn a_block_that_grew_in_a_space_makes_room_there() {
    let mut world = two_spaces();
    join_in(&mut world, 1, KB, 1).unwrap();
    join_in(&mut world, 2, 0, 0).unwrap();
    let session = world.open(1, 2);
    // The block grows by itself, step 508, and has more than was asked for.
    for _ in 0..2 {
        world.send(1, session, &[7; 2000]).unwrap();
    }
    assert_eq!(used(&world), [0, 4 * KB]);
    while world.receive(2, session).unwrap().is_some() {}
    join_in(&mut world, 3, 4 * KB, 1).unwrap();
    join_in(&mut world, 4, 2 * KB, 1).unwrap();
    assert_eq!(used(&world), [0, 7 * KB], "the first gave back what it did not use");
}

#[test]
fn a_server_has_the_spaces_that_it_was_given() {
    let server = Running::start(&["--memory", "a=1MiB,b=64KiB", "--rendezvous", "50ms"]);
    let spaces = |used: &str| format!(" spaces=a:1048576:{used}");
    let mut alice = talker(&server, "alice");
    assert!(server.ask("stats").contains(&spaces("65536,b:65536:0")));
    let mut bob = server.connect();
    assert!(bob.ask("join bob 32768 space=b").starts_with("joined "));
    assert!(server.ask("stats").contains(&spaces("65536,b:65536:32768")));
    let session = alice.ask("open bob hello").split(' ').nth(1).unwrap().to_string();
    assert!(bob.ask(&format!("receive {session}")).ends_with(" hello"));
    let mut carol = server.connect();
    for (words, answer) in [
        ("carol space=c", "error not-found there is no such memory space; there is a, b"),
        ("carol 65536 space=b", "error out-of-memory 65536 bytes of that space cannot be had"),
        ("carol 1 2", "error bad-request a size comes once"),
        ("carol space=b space=b", "error bad-request a size comes once"),
        ("carol space=b 64", "error bad-request a size comes once"),
    ] {
        let told = carol.ask(&format!("join {words}"));
        assert!(told.starts_with(answer), "{words}: {told}");
    }
    // By frames too, also without a size: the default of 64 KiB does not fit what is left.
    let mut dave = library(&server);
    let join = |size| leasebox::commands::Join {
        name: "dave".into(),
        committed: size,
        space: Some("b".into()),
    };
    assert!(dave.call(join(None)).is_err());
    dave.call(join(Some(16 << 10))).unwrap();
    assert!(server.ask("stats").contains(&spaces("65536,b:65536:49152")));
    // Leases come from the first space alone.
    let mut leases = library(&server);
    assert!(leases.lease(1 << 20, std::time::Duration::from_secs(9)).is_err());
    drop((bob, dave));
    wait_for("all of b to be free", || server.ask("stats").contains(",b:65536:0"));
}
