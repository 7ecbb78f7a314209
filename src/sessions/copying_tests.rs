//! Tests of copies by several threads, which start at a barrier. One test copies without seats, and
//! the count of contenders shows the mistake.

use super::*;
use crate::commands::{
    Join, Leave, MessageReply, Open, Opened, Publish, Receive, Reply, Request, Send,
};
use crate::common::error::Code;
use crate::common::marks::{Figures, take_reached};
use crate::server::config::Config;
use crate::sessions::words::SessionId;
use std::sync::Arc;
use std::sync::Barrier;
use std::thread;

/// The bytes of a published message: enough that other threads come during its copy.
const LENGTH: usize = 1 << 20;

/// Returns a server with a process `sender`, whose client is 1, and with `readers` more processes,
/// and the sender's session with each of them.
fn crowd(readers: u64) -> (Shared, Vec<SessionId>) {
    let shared = Config { memory: 8 << 20, ..Config::default() }.share().unwrap();
    join(&shared, 1, "sender", 2 * LENGTH as u64);
    let open = |reader| {
        let name = format!("reader-{reader}");
        join(&shared, 1 + reader, &name, 0);
        let request = Request::Open(Open { name: name.into(), data: [][..].into() });
        match request.execute(&shared, Caller::connected(1), &mut Vec::new()) {
            Reply::Opened(Opened { session }) => session,
            other => panic!("{other:?}"),
        }
    };
    let sessions = (1..=readers).map(open).collect();
    (shared, sessions)
}

fn join(shared: &Shared, client: u64, name: &str, block: u64) {
    let request = Request::Join(Join { name: name.into(), committed: Some(block), space: None });
    let reply = request.execute(shared, Caller::connected(client), &mut Vec::new());
    assert!(matches!(reply, Reply::Joined(_)), "{reply:?}");
}

fn publish(shared: &Shared, sessions: &[SessionId]) {
    let request =
        Request::Publish(Publish { sessions: sessions.to_vec(), data: vec![7; LENGTH].into() });
    let reply = request.execute(shared, Caller::connected(1), &mut Vec::new());
    assert!(matches!(reply, Reply::Published(_)), "{reply:?}");
}

/// Publishes a message, lets all readers call `read` at once, and sends more messages meanwhile.
/// Returns the most threads that held a block's lock or waited for it.
fn read_by_all(
    shared: &Shared,
    sessions: &[SessionId],
    read: impl Fn(u64, SessionId) + Sync,
) -> u32 {
    publish(shared, sessions);
    let barrier = Barrier::new(sessions.len() + 1);
    thread::scope(|scope| {
        for (client, &session) in (2..).zip(sessions) {
            let (barrier, read) = (&barrier, &read);
            scope.spawn(move || {
                barrier.wait();
                read(client, session);
            });
        }
        barrier.wait();
        for _ in 0..20 {
            let request = Request::Send(Send { session: sessions[0], data: vec![8; 1000].into() });
            request.execute(shared, Caller::connected(1), &mut Vec::new());
        }
    });
    shared.contenders.load(Ordering::Relaxed)
}

#[test]
fn never_more_than_two_contend_for_a_block_also_when_a_hundred_read_it() {
    let (shared, sessions) = crowd(100);
    let most = read_by_all(&shared, &sessions, |client, session| {
        let request = Request::Receive(Receive { session, ms: 0 });
        match request.execute(&shared, Caller::connected(client), &mut Vec::new()) {
            Reply::Message(MessageReply { data: Some(data), .. }) => {
                assert!(data.len() == LENGTH && data.iter().all(|&byte| byte == 7));
            }
            other => panic!("{other:?}"),
        }
    });
    assert!((1..=2).contains(&most), "{most} held the lock or waited for it");
    assert_eq!(shared.check(), Ok(()));
}

#[test]
fn without_seats_more_than_two_contend_and_are_caught() {
    let (shared, sessions) = crowd(5);
    publish(&shared, &sessions);
    let begin = |client, session| {
        let begun = lock(shared.memory.tables()).engine().begin_receive(client, session, u64::MAX);
        begun.unwrap().unwrap()
    };
    let copies: Vec<_> = (2..).zip(&sessions).map(|(client, &s)| begin(client, s)).collect();
    let bytes = shared.memory.arena().open(&copies[0].place.first.handle).unwrap();
    thread::scope(|scope| {
        for copying in &copies {
            // The wrong way: the thread does not wait for its seat.
            let mut data = vec![0; LENGTH];
            let shared = &shared;
            scope.spawn(move || shared.copy_pieces(copying, Bytes::Out(&mut data)));
        }
        while shared.contenders.load(Ordering::Relaxed) < 5 {
            thread::yield_now();
        }
        drop(bytes);
    });
}

#[test]
fn a_place_without_bytes_is_read_whatever_became_of_its_extent() {
    let (shared, sessions) = crowd(1);
    publish(&shared, &sessions);
    let begun = lock(shared.memory.tables()).engine().begin_receive(2, sessions[0], u64::MAX);
    let mut empty = begun.unwrap().unwrap();
    empty.place.first.length = 0;
    shared.memory.arena().release(&empty.place.first.handle);
    assert_eq!(shared.copy_pieces(&empty, Bytes::Out(&mut [])), Ok(()));
}

#[test]
fn several_connections_of_the_owner_share_its_seat() {
    let (shared, sessions) = crowd(1);
    let barrier = Barrier::new(8);
    thread::scope(|scope| {
        for _ in 0..8 {
            let (shared, barrier, session) = (&shared, &barrier, sessions[0]);
            scope.spawn(move || {
                barrier.wait();
                for _ in 0..20 {
                    let request = Request::Send(Send { session, data: vec![1; LENGTH / 8].into() });
                    request.execute(shared, Caller::connected(1), &mut Vec::new());
                }
            });
        }
    });
    assert_eq!(shared.contenders.load(Ordering::Relaxed), 1, "one at a time");
    assert_eq!(shared.check(), Ok(()));
}

#[test]
fn a_copy_that_panics_leaves_its_seat() {
    let (shared, sessions) = crowd(1);
    publish(&shared, &sessions);
    let begun = lock(shared.memory.tables()).engine().begin_receive(2, sessions[0], u64::MAX);
    let copying = begun.unwrap().unwrap();
    let panicked = thread::scope(|scope| {
        let copy = || {
            // The buffer is too short, so the copy panics. Such a bug must not stop other clients.
            let mut data = vec![0; 10];
            shared.copy(copying, 2, Bytes::Out(&mut data))
        };
        scope.spawn(copy).join()
    });
    assert!(panicked.is_err());
    publish(&shared, &sessions);
    let request = Request::Receive(Receive { session: sessions[0], ms: 0 });
    let reply = request.execute(&shared, Caller::connected(2), &mut Vec::new());
    assert!(matches!(reply, Reply::Message(MessageReply { data: Some(_), .. })), "{reply:?}");
    assert_eq!(shared.check(), Ok(()));
}

#[test]
fn a_join_waits_for_the_tables_as_long_as_a_rendezvous_may_take() {
    let shared = Config { rendezvous: Duration::from_secs(60), ..Config::default() };
    let shared = shared.share().unwrap();
    let tables = lock(shared.memory.tables());
    let steps = thread::scope(|scope| {
        let joining = scope.spawn(|| {
            join(&shared, 1, "late", 64);
            take_reached(Figures::Steps)
        });
        while shared.found_locked.load(Ordering::Relaxed) == 0 {
            thread::yield_now();
        }
        drop(tables);
        joining.join().unwrap()
    });
    assert!(steps.contains(&406) && steps.contains(&408) && steps.contains(&428));
    // After the time of a rendezvous, the join fails.
    let shared = Config { rendezvous: Duration::from_millis(1), ..Config::default() };
    let shared = shared.share().unwrap();
    let tables = lock(shared.memory.tables());
    let reply = shared.rendezvous(Caller::connected(1), |tables, now| {
        tables.engine().join(Caller::connected(1), "late", None, Arc::default(), None, now)
    });
    assert_eq!(reply.unwrap_err().code, Code::Busy);
    drop(tables);
}

#[test]
fn a_process_that_ends_waits_for_the_copies_in_its_blocks() {
    let (shared, sessions) = crowd(1);
    publish(&shared, &sessions);
    let begun = lock(shared.memory.tables()).engine().begin_receive(2, sessions[0], u64::MAX);
    let copying = begun.unwrap().unwrap();
    let used = || lock(shared.memory.tables()).leases.filling().used;
    let before = used();
    thread::scope(|scope| {
        let ending = scope.spawn(|| {
            Request::Leave(Leave).execute(&shared, Caller::connected(1), &mut Vec::new())
        });
        while lock(shared.memory.tables()).engine().is_there("sender") {
            thread::yield_now();
        }
        assert_eq!(used(), before, "its memory is still its own");
        let mut data = vec![0; LENGTH];
        assert_eq!(shared.copy_pieces(&copying, Bytes::Out(&mut data)), Ok(()));
        assert!(data.iter().all(|&byte| byte == 7));
        let finished =
            shared.memory.change(|tables, _| tables.engine().finish(copying.number, true));
        assert!(finished.is_err_and(|error| error.text.contains("was lost")));
        assert!(matches!(ending.join().unwrap(), Reply::Left(_)));
    });
    assert_eq!(used(), 0);
    assert_eq!(shared.check(), Ok(()));
}
