//! Tests of puts to names: beside a model, with expired leases, and in races.

use super::*;
use crate::common::id::IdKind;
use crate::memory::service::tests::memory;
use crate::memory::versions::{Inspect, Part};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Barrier;

type Table = crate::memory::lease::LeaseTable;

const LONG_MS: u64 = 60_000;
const LONG: Duration = Duration::from_secs(60);

fn put(memory: &Memory<Table>, name: &str, condition: Condition, data: &[u8]) -> Result<u64, Code> {
    let name = NameId::of(name.as_bytes());
    let (condition, data) = (Box::new(condition), data.into());
    let put = Put { name, duration_ms: LONG_MS, condition, data };
    memory.put(&put, LONG).map_err(|error| error.code)
}

/// The version and the data of a name.
fn read(memory: &Memory<Table>, name: &str) -> Option<(u64, Vec<u8>)> {
    let id = id_of_name(name.as_bytes());
    let wanted = Inspect { id, part: Part::All, if_version: None };
    let found = memory.inspect(&wanted, u64::MAX, Vec::new()).ok()?;
    Some((found.version, found.data))
}

/// Checks the invariants of the table; returns the bytes of all used blocks.
fn used(memory: &Memory<Table>) -> u64 {
    memory.with_tables(|table, _| {
        table.check().unwrap();
        table.filling().used
    })
}

#[derive(Debug, Clone)]
enum Step {
    Put(usize, u8, usize, u8),
    Set(usize, usize),
    Release(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..3_usize, 0..4_u8, 0..300_usize, any::<u8>())
            .prop_map(|(name, condition, length, byte)| Step::Put(name, condition, length, byte)),
        1 => (0..3_usize, 0..300_usize).prop_map(|(name, length)| Step::Set(name, length)),
        1 => (0..3_usize).prop_map(Step::Release),
    ];
    prop::collection::vec(step, 1..40)
}

/// Versions and bytes of a name in the model, and the room of its lease.
type Model = BTreeMap<usize, (u64, Vec<u8>, usize)>;

fn put_to_model(model: &mut Model, name: usize, condition: &Condition, data: &[u8]) -> Option<u64> {
    let (version, _, room) = model.get(&name).cloned().unwrap_or_default();
    if !condition.holds(version) {
        return None;
    }
    model.insert(name, (version + 1, data.to_vec(), room.max(data.len().max(1))));
    Some(version + 1)
}

proptest! {
    #[test]
    fn puts_do_what_a_map_does(steps in steps()) {
        let memory = memory(4096);
        let mut model = Model::new();
        for step in steps {
            match step {
                Step::Put(name, condition, length, byte) => {
                    let version = model.get(&name).map_or(0, |&(version, ..)| version);
                    let condition = match condition {
                        0 => Condition::Any,
                        1 => Condition::OneOf(vec![version]),
                        2 => Condition::NoneOf(vec![version, 77]),
                        _ => Condition::OneOf(vec![0]),
                    };
                    let data = vec![byte; length];
                    let told = put(&memory, &name.to_string(), condition.clone(), &data);
                    let expected = put_to_model(&mut model, name, &condition, &data);
                    prop_assert_eq!(told, expected.ok_or(Code::Refused));
                }
                Step::Set(name, length) => {
                    let id = id_of_name(name.to_string().as_bytes());
                    let told = memory.set(id, &vec![7; length]).is_ok();
                    let found = model.get_mut(&name).filter(|(.., room)| length <= *room);
                    prop_assert_eq!(told, found.is_some());
                    if let Some((version, data, _)) = found {
                        (*version, *data) = (*version + 1, vec![7; length]);
                    }
                }
                Step::Release(name) => {
                    let id = id_of_name(name.to_string().as_bytes());
                    let ended = memory.change(|table, now| table.end(id, now)).ok();
                    prop_assert_eq!(ended.is_some(), model.remove(&name).is_some());
                    memory.give_back(ended.into_iter().collect());
                }
            }
            for name in 0..3 {
                let expected = model.get(&name).map(|(version, data, _)| (*version, data.clone()));
                prop_assert_eq!(read(&memory, &name.to_string()), expected);
            }
            let blocks = model.values().map(|(.., room)| (*room as u64).next_power_of_two().max(32));
            prop_assert_eq!(used(&memory), blocks.sum::<u64>());
        }
    }
}

#[test]
fn a_put_that_fails_changes_nothing() {
    let memory = memory(256);
    assert_eq!(put(&memory, "a", Condition::Any, &[1; 100]), Ok(1));
    // 200 bytes need a block of 256 beside the block of 128, as long as both are there.
    assert_eq!(put(&memory, "a", Condition::Any, &[2; 200]), Err(Code::OutOfMemory));
    assert_eq!(put(&memory, "a", Condition::Any, &[2; 300]), Err(Code::TooLarge));
    assert_eq!(put(&memory, "b", Condition::OneOf(vec![1]), &[2; 10]), Err(Code::Refused));
    let too_long = Put {
        name: NameId::of(b"a"),
        duration_ms: u64::MAX,
        condition: Box::new(Condition::Any),
        data: vec![2; 10].into(),
    };
    assert_eq!(memory.put(&too_long, LONG).map_err(|error| error.code), Err(Code::BadRequest));
    assert_eq!((read(&memory, "a"), read(&memory, "b")), (Some((1, vec![1; 100])), None));
    assert_eq!(used(&memory), 128);
}

#[test]
fn an_expired_lease_of_the_name_is_no_lease() {
    let memory = memory(256);
    let short = Put {
        name: NameId::of(b"a"),
        duration_ms: 1,
        condition: Box::new(Condition::Any),
        data: vec![1; 10].into(),
    };
    assert_eq!(memory.put(&short, LONG), Ok(1));
    // Nobody reaps here, so the table keeps the expired entry.
    while read(&memory, "a").is_some() {
        std::hint::spin_loop();
    }
    assert_eq!(memory.with_tables(|table, _| table.count()), 1);
    assert_eq!(put(&memory, "a", Condition::OneOf(vec![0]), &[2; 20]), Ok(1));
    assert_eq!((read(&memory, "a"), used(&memory)), (Some((1, vec![2; 20])), 32));
}

#[test]
fn a_frame_brings_only_the_id_of_a_name() {
    use crate::protocol::byte_order::ByteOrder;
    use crate::protocol::cdr::{Reader, Writer};
    let read = |id: LeaseId| {
        let mut bytes = Vec::new();
        Writer::new(&mut bytes, ByteOrder::Big).octets(&id.to_bytes());
        NameId::read(&mut Reader::new(&bytes, 0, ByteOrder::Big))
    };
    assert_eq!(read(id_of_name(b"a")), Ok(NameId::of(b"a")));
    assert!(read(LeaseId::from_number(7)).is_err());
}

const WRITERS: usize = 4;
const PUTS: usize = 300;

/// Lets several threads put to one name, each on the condition that `condition` makes of the
/// version that the thread has read; a refused put is tried again. Each put makes the data one byte
/// longer than the thread has read it. Returns the length of the data in the end.
fn race(condition: impl Fn(u64) -> Condition + Sync) -> u64 {
    let memory = memory(1 << 20);
    let barrier = Barrier::new(WRITERS + 1);
    let is_over = std::sync::atomic::AtomicBool::new(false);
    let counted = |data: &[u8]| data.first().map_or(0, |_| data.len());
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|_| {
                scope.spawn(|| {
                    barrier.wait();
                    for _ in 0..PUTS {
                        loop {
                            let (version, data) = read(&memory, "n").unwrap_or_default();
                            // One byte longer each time, so the data often has to move.
                            let data = vec![0x5a; counted(&data) + 1];
                            match put(&memory, "n", condition(version), &data) {
                                Ok(_) => break,
                                Err(Code::Refused | Code::Busy) => {}
                                Err(code) => panic!("{code:?}"),
                            }
                        }
                    }
                })
            })
            .collect();
        let reader = scope.spawn(|| {
            barrier.wait();
            let mut newest = 0;
            while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                let Some((version, data)) = read(&memory, "n") else { continue };
                assert!(version >= newest && data.iter().all(|&byte| byte == 0x5a));
                newest = version;
            }
            // The version never went back, so no put began with a new lease.
            newest
        });
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
        reader.join().unwrap();
    });
    let (version, data) = read(&memory, "n").unwrap();
    assert_eq!(version as usize, WRITERS * PUTS);
    assert_eq!(used(&memory), (data.len() as u64).next_power_of_two());
    data.len() as u64
}

#[test]
fn no_put_on_condition_of_the_version_read_is_lost() {
    assert_eq!(race(|version| Condition::OneOf(vec![version])), (WRITERS * PUTS) as u64);
}

#[test]
fn two_puts_that_grow_a_lease_do_it_one_after_the_other() {
    let memory = memory(1 << 16);
    assert_eq!(put(&memory, "n", Condition::Any, &[1; 10]), Ok(1));
    let id = id_of_name(b"n");
    // The turn stands for a put in the middle of its move. Another put gets no turn, and changes
    // nothing.
    let turn = memory.take_turn(id, Instant::now()).ok().unwrap();
    let second = Put {
        name: NameId::of(b"n"),
        duration_ms: LONG_MS,
        condition: Box::new(Condition::Any),
        data: vec![2; 100].into(),
    };
    let refused = memory.put(&second, Duration::ZERO).map_err(|error| error.code);
    assert_eq!((refused, read(&memory, "n")), (Err(Code::Busy), Some((1, vec![1; 10]))));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| memory.put(&second, LONG));
        drop(turn);
        assert_eq!(waiting.join().unwrap(), Ok(2));
    });
    // A lease that is made now gets none of the bytes of the name.
    let other = memory.lease(100, LONG_MS, IdKind::Uuid).unwrap();
    memory.set(other, &[3; 100]).unwrap();
    assert_eq!(read(&memory, "n"), Some((2, vec![2; 100])));
}

#[test]
fn a_lease_that_ends_while_its_data_moves_gives_all_blocks_back() {
    let memory = memory(1 << 16);
    let barrier = Barrier::new(2);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            barrier.wait();
            for round in 0..2000_usize {
                let _ = put(&memory, "n", Condition::Any, &vec![1; round % 3 * 100 + 1]);
            }
        });
        barrier.wait();
        for _ in 0..2000 {
            let id = id_of_name(b"n");
            let ended = memory.change(|table, now| table.end(id, now)).ok();
            memory.give_back(ended.into_iter().collect());
        }
    });
    let id = id_of_name(b"n");
    let ended = memory.change(|table, now| table.end(id, now)).ok();
    memory.give_back(ended.into_iter().collect());
    assert_eq!((used(&memory), memory.with_tables(|table, _| table.count())), (0, 0));
}
