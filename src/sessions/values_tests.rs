//! Tests of a process's own memory: against a map as the model, and by several connections at once.

use crate::commands::{
    Attach, DropValue, Join, Load, LoadedValue, MessageReply, Names, Open, Opened, Patch, Receive,
    Reply, Request, ShareValue, Store, ValueRow,
};
use crate::common::caller::Caller;
use crate::common::error::Code;
use crate::server::config::Config;
use crate::server::shared::Shared;
use crate::sessions::words::SessionId;
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Barrier;
use std::thread;

/// Executes a request of a client of the process.
fn ask<'r>(
    shared: &'r Shared,
    client: u64,
    request: impl Into<Request<'r>>,
) -> Result<Reply<'r>, Code> {
    match request.into().execute(shared, Caller::connected(client), &mut Vec::new()) {
        Reply::Error(error) => Err(error.code),
        reply => Ok(reply),
    }
}

fn store(name: &str, data: Vec<u8>) -> Request<'_> {
    Store { name: name.into(), data: data.into() }.into()
}

fn load(name: &str, offset: u64, length: u64) -> Request<'_> {
    Load { name: name.into(), offset, length }.into()
}

fn loaded(reply: Result<Reply<'_>, Code>) -> Result<Vec<u8>, Code> {
    reply.map(|reply| match reply {
        Reply::Value(LoadedValue { data, .. }) => data,
        other => panic!("{other:?}"),
    })
}

/// Alice (client 1) and bob (client 2), and a session of the two.
fn two(block: u64) -> (Shared, SessionId) {
    let shared = Config { memory: 1 << 20, ..Config::default() }.share().unwrap();
    for (client, name) in [(1, "alice"), (2, "bob")] {
        ask(&shared, client, Join { name: name.into(), committed: Some(block), space: None })
            .unwrap();
    }
    let open = Open { name: "bob".into(), data: [][..].into() };
    let Ok(Reply::Opened(Opened { session })) = ask(&shared, 1, open) else { panic!("no session") };
    (shared, session)
}

fn receive(shared: &Shared, client: u64, session: SessionId) -> Option<Vec<u8>> {
    match ask(shared, client, Receive { session, ms: 0 }) {
        Ok(Reply::Message(MessageReply { data, .. })) => data,
        other => panic!("{other:?}"),
    }
}

#[derive(Debug, Clone)]
enum Step {
    Store(u8, Vec<u8>),
    Load(u8, u64, u64),
    Patch(u8, u64, Vec<u8>),
    Drop(u8),
    Share(u8),
    Receive,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..200);
    let name = || 0..3_u8;
    let offset = || 0..220_u64;
    let step = prop_oneof![
        (name(), bytes()).prop_map(|(name, data)| Step::Store(name, data)),
        (name(), offset(), offset()).prop_map(|(name, at, length)| Step::Load(name, at, length)),
        (name(), offset(), bytes()).prop_map(|(name, at, data)| Step::Patch(name, at, data)),
        name().prop_map(Step::Drop),
        name().prop_map(Step::Share),
        Just(Step::Receive),
    ];
    prop::collection::vec(step, 1..60)
}

/// The model of alice's values. `values` has each value under its name, with the number of its
/// store; `shared` has the values that bob has not received yet; `last` is the last such number.
#[derive(Default)]
struct Naive {
    values: BTreeMap<u8, (u64, Vec<u8>)>,
    shared: VecDeque<(u64, Vec<u8>)>,
    last: u64,
}

impl Naive {
    fn is_shared(&self, stored: u64) -> bool {
        self.shared.iter().any(|(which, _)| *which == stored)
    }

    /// Returns the bytes that answer a step; none for a step whose answer has no bytes.
    fn play(&mut self, step: &Step) -> Result<Vec<u8>, Code> {
        let found = |name: &u8| self.values.get(name).cloned().ok_or(Code::NotFound);
        match step {
            Step::Store(name, data) => {
                self.last += 1;
                self.values.insert(*name, (self.last, data.clone()));
            }
            Step::Load(name, at, length) => {
                let (_, data) = found(name)?;
                let from = (*at as usize).min(data.len());
                let to = (from + *length as usize).min(data.len());
                return Ok(data[from..to].to_vec());
            }
            Step::Patch(name, at, new) => {
                let (stored, mut data) = found(name)?;
                let at = *at as usize;
                let part = data.get_mut(at..at + new.len()).ok_or(Code::TooLarge)?;
                if self.is_shared(stored) {
                    return Err(Code::Refused);
                }
                part.copy_from_slice(new);
                self.values.insert(*name, (stored, data));
            }
            Step::Drop(name) => {
                found(name)?;
                self.values.remove(name);
            }
            Step::Share(name) => self.shared.push_back(found(name)?),
            Step::Receive => {
                return Ok(self.shared.pop_front().map_or(Vec::new(), |(_, data)| data));
            }
        }
        Ok(Vec::new())
    }
}

fn play(shared: &Shared, session: SessionId, step: &Step) -> Result<Vec<u8>, Code> {
    let name = |name: &u8| format!("v{name}");
    let none = |reply: Result<Reply<'_>, Code>| reply.map(|_| Vec::new());
    match step {
        Step::Store(n, data) => none(ask(shared, 1, store(&name(n), data.clone()))),
        Step::Load(n, at, length) => loaded(ask(shared, 1, load(&name(n), *at, *length))),
        Step::Patch(n, at, data) => {
            let (name, data) = (name(n).into(), data.into());
            none(ask(shared, 1, Patch { name, offset: *at, data }))
        }
        Step::Drop(n) => none(ask(shared, 1, DropValue { name: name(n).into() })),
        Step::Share(n) => none(ask(shared, 1, ShareValue { name: name(n).into(), session })),
        Step::Receive => Ok(receive(shared, 2, session).unwrap_or_default()),
    }
}

proptest! {
    #[test]
    fn values_are_those_of_a_map_and_what_is_shared_stays_as_it_was(steps in steps()) {
        let (shared, session) = two(64 << 10);
        let mut naive = Naive::default();
        for step in steps {
            prop_assert_eq!(play(&shared, session, &step), naive.play(&step), "{:?}", step);
            prop_assert_eq!(shared.check(), Ok(()));
            let rows = naive.values.iter().map(|(name, (_, data))| ValueRow {
                name: format!("v{name}"),
                length: data.len() as u64,
            });
            let rows: Vec<ValueRow> = rows.collect();
            prop_assert!(matches!(ask(&shared, 1, Names), Ok(Reply::Names(told)) if told == rows));
        }
        // All goes back: without names and messages nothing is charged for any.
        for name in 0..3 {
            let _ = play(&shared, session, &Step::Drop(name));
        }
        while receive(&shared, 2, session).is_some() {}
        let figures = shared.memory.with_tables(|tables, _| tables.sessions.figures());
        prop_assert_eq!(figures.messages, 0);
        prop_assert_eq!(shared.check(), Ok(()));
    }
}

#[test]
fn a_reader_is_charged_until_it_has_received() {
    let (shared, session) = two(4096);
    ask(&shared, 1, store("a", vec![7; 100])).unwrap();
    let charged = || shared.memory.with_tables(|tables, _| tables.sessions.figures().admin_used);
    let before = charged();
    for _ in 0..10 {
        ask(&shared, 1, ShareValue { name: "a".into(), session }).unwrap();
    }
    assert_eq!(charged(), before + 10 * 32);
    for left in (0..10).rev() {
        receive(&shared, 2, session).unwrap();
        assert_eq!((charged(), shared.check()), (before + left * 32, Ok(())));
    }
}

#[test]
fn a_store_that_found_no_room_takes_no_memory_later() {
    let (shared, _) = two(4096);
    let lease =
        shared.memory.lease((1 << 20) / 2, 60_000, crate::common::id::IdKind::Uuid).unwrap();
    let rest: Vec<_> = std::iter::from_fn(|| {
        shared.memory.lease(4096, 60_000, crate::common::id::IdKind::Uuid).ok()
    })
    .collect();
    assert_eq!(ask(&shared, 1, store("a", vec![7; 10_000])).unwrap_err(), Code::OutOfMemory);
    let own = || shared.memory.with_tables(|tables, _| tables.processes.accounts(None, 9)[0].holds);
    let before = own();
    for id in rest.into_iter().chain([lease]) {
        let ending = shared.memory.change(|tables, now| tables.leases.end(id, now)).unwrap();
        shared.memory.give_back(vec![ending]);
    }
    assert_eq!(own(), before);
    ask(&shared, 1, store("a", vec![7; 10_000])).unwrap();
}

#[test]
fn nobody_but_the_process_reaches_its_values_and_its_end_gives_them_back() {
    let (shared, session) = two(4096);
    assert_eq!(ask(&shared, 3, Names).unwrap_err(), Code::Refused);
    ask(&shared, 1, store("a", vec![7; 100])).unwrap();
    assert_eq!(loaded(ask(&shared, 2, load("a", 0, 9))), Err(Code::NotFound));
    assert_eq!(ask(&shared, 1, store("a b", vec![7])).unwrap_err(), Code::BadRequest);
    ask(&shared, 1, ShareValue { name: "a".into(), session }).unwrap();
    // Dropped and stored anew, the value that bob has not received is still there.
    ask(&shared, 1, DropValue { name: "a".into() }).unwrap();
    ask(&shared, 1, store("a", vec![8; 3])).unwrap();
    assert_eq!(receive(&shared, 2, session), Some(vec![7; 100]));
    assert_eq!(ask(&shared, 1, store("b", vec![0; 17_000])).unwrap_err(), Code::OutOfMemory);
    let used = || shared.memory.with_tables(|tables, _| tables.leases.filling().used);
    assert_eq!(used(), 2 * 4096);
    ask(&shared, 1, crate::commands::Leave).unwrap();
    assert_eq!((used(), shared.check()), (4096, Ok(())));
}

#[test]
fn a_value_is_loaded_as_it_was_before_a_store_or_patch_or_after_it() {
    let (shared, _) = two(256 << 10);
    let token = shared.memory.with_tables(|tables, _| {
        let number = tables.processes.number_of(1).unwrap();
        tables.sessions.registered[&number].token
    });
    let length = 40_000;
    ask(&shared, 1, store("a", vec![0; length])).unwrap();
    let barrier = Barrier::new(3);
    thread::scope(|scope| {
        for client in [11, 12] {
            ask(&shared, client, Attach { token }).unwrap();
            let (shared, barrier) = (&shared, &barrier);
            scope.spawn(move || {
                barrier.wait();
                for round in 0..200 {
                    let data = vec![(client * 16 + round % 16) as u8; length];
                    let request = match round % 2 {
                        0 => store("a", data),
                        _ => Patch { name: "a".into(), offset: 0, data: data.into() }.into(),
                    };
                    ask(shared, client, request).unwrap();
                }
            });
        }
        barrier.wait();
        for _ in 0..400 {
            let data = loaded(ask(&shared, 1, load("a", 0, u64::MAX))).unwrap();
            assert!(data.len() == length && data.iter().all(|&byte| byte == data[0]));
        }
    });
    assert_eq!(shared.check(), Ok(()));
}

#[test]
fn no_value_is_shared_while_a_patch_of_it_is_under_way() {
    let (shared, session) = two(4096);
    ask(&shared, 1, store("a", vec![7; 100])).unwrap();
    let begun = shared.memory.change(|tables, _| tables.engine().begin_patch(1, "a", 0, 3));
    let begun = begun.unwrap();
    let share = || ShareValue { name: "a".into(), session };
    assert_eq!(ask(&shared, 1, share()).unwrap_err(), Code::Busy);
    shared.memory.change(|tables, _| tables.engine().finish(begun.number, true)).unwrap();
    ask(&shared, 1, share()).unwrap();
    let begun = shared.memory.change(|tables, _| tables.engine().begin_patch(1, "a", 0, 3));
    assert_eq!(begun.unwrap_err().code, Code::Refused);
    assert_eq!(shared.check(), Ok(()));
}
