//! Tests of the lease table: the rules one by one, and random steps against a naive model.

use super::*;
use crate::memory::buddy::AllocateError;
use proptest::prelude::*;
use std::collections::HashMap;

const MS: Duration = Duration::from_millis(1);
const HOUR_MS: u64 = 3_600_000;

fn lease(table: &mut LeaseTable, size: u64, ms: u64, now: Instant) -> Result<LeaseId, Code> {
    table.lease(size, ms, IdKind::Uuid, now).map_err(|error| error.code)
}

fn code<T>(result: Result<T, Error>) -> Option<Code> {
    result.err().map(|error| error.code)
}

#[test]
fn a_lease_is_there_until_its_last_millisecond_and_then_for_nobody() {
    let now = Instant::now();
    let mut table = LeaseTable::with_known_seed(1024);
    let id = lease(&mut table, 100, 5, now).unwrap();
    let last = now + 5 * MS - Duration::from_nanos(1);
    assert_eq!(table.find(id, last).map(|found| found.size), Ok(100));
    assert_eq!(table.time_left(id, last), Ok(Duration::from_nanos(1)));
    let over = now + 5 * MS;
    assert_eq!(code(table.find(id, over)), Some(Code::NotFound));
    assert_eq!(code(table.time_left(id, over)), Some(Code::NotFound));
    assert_eq!(code(table.renew(id, 5, over)), Some(Code::NotFound));
    assert_eq!(code(table.end(id, over)), Some(Code::NotFound));
}

#[test]
fn sizes_and_durations_out_of_range_are_refused_and_nothing_changes() {
    let now = Instant::now();
    let mut table = LeaseTable::with_known_seed(1000);
    let refusals = [
        ((0, 5), Code::BadRequest),
        ((1, 0), Code::BadRequest),
        ((1, HOUR_MS + 1), Code::BadRequest),
        ((1, u64::MAX), Code::BadRequest),
        ((513, 5), Code::TooLarge),
        (((1 << 30) + 1, 5), Code::TooLarge),
        ((u64::MAX, 5), Code::TooLarge),
    ];
    for ((size, ms), expected) in refusals {
        assert_eq!(lease(&mut table, size, ms, now), Err(expected), "{size} {ms}");
    }
    assert_eq!(table.filling().used, 0);
    lease(&mut table, 512, HOUR_MS, now).unwrap();
    assert_eq!(lease(&mut table, 512, 5, now), Err(Code::OutOfMemory));
}

#[test]
fn a_duration_that_overflows_the_clock_is_refused() {
    let mut last = Instant::now();
    let mut step = Duration::from_secs(1 << 62);
    while step > MS {
        match last.checked_add(step) {
            Some(later) => last = later,
            None => step /= 2,
        }
    }
    let mut table = LeaseTable::with_known_seed(64);
    assert_eq!(lease(&mut table, 1, HOUR_MS, last), Err(Code::BadRequest));
    assert_eq!(table.filling().used, 0);
}

#[test]
fn a_renewal_counts_from_now_and_may_shorten() {
    let now = Instant::now();
    let mut table = LeaseTable::with_known_seed(1024);
    let id = lease(&mut table, 1, 1000, now).unwrap();
    assert_eq!(table.renew(id, 10, now + 5 * MS), Ok(Terms { size: 1, granted_ms: 10 }));
    assert_eq!(table.next_expiry(), Some(now + 15 * MS));
    assert_eq!(code(table.renew(id, 0, now)), Some(Code::BadRequest));
    assert_eq!(table.time_left(id, now + 5 * MS), Ok(10 * MS));
    assert_eq!(table.check(), Ok(()));
}

#[test]
fn expired_leases_are_struck_oldest_first_and_in_bites() {
    let now = Instant::now();
    let mut table = LeaseTable::with_known_seed(1024);
    for ms in [30, 10, 20] {
        lease(&mut table, ms, ms, now).unwrap();
    }
    let bite = table.strike_expired(now + 30 * MS, 2);
    assert_eq!(bite.iter().map(|ending| ending.size()).collect::<Vec<_>>(), [10, 20]);
    assert_eq!(table.strike_expired(now + 29 * MS, 2).len(), 0);
    assert_eq!(table.filling().used, 96, "struck, but not yet given back");
    for ending in bite {
        table.give_back(ending);
    }
    assert_eq!(table.filling().used, 32);
    assert_eq!(table.check(), Ok(()));
}

#[test]
fn there_are_no_more_leases_and_held_blocks_than_the_table_may_have() {
    let now = Instant::now();
    let mut table = LeaseTable::with_known_seed(1024).with_most(2);
    let id = lease(&mut table, 32, 5, now).unwrap();
    assert!(table.has_room_in(0, 32));
    let (held, _) = table.hold(32, 1).unwrap();
    assert!(!table.has_room_in(0, 32));
    let refused = table.lease(32, 5, IdKind::Uuid, now).unwrap_err();
    assert_eq!(refused.code, Code::OutOfMemory);
    assert!(refused.text.contains("--max-leases"), "{}", refused.text);
    assert_eq!(table.hold(32, 1), Err(AllocateError::TooMany { most: 2 }));
    let ending = table.end_held(held, 1).unwrap();
    table.give_back(ending);
    assert!(table.hold(32, 1).is_ok());
    let ending = table.end(id, now).unwrap();
    table.give_back(ending);
    assert!(lease(&mut table, 32, 5, now).is_ok());
    assert_eq!(table.filling().used, 64, "a refusal takes no block");
}

#[test]
fn a_released_lease_is_gone_and_a_second_release_is_not_found() {
    let now = Instant::now();
    let mut table = LeaseTable::with_known_seed(64);
    let id = lease(&mut table, 64, 5, now).unwrap();
    let ending = table.end(id, now).unwrap();
    assert_eq!(code(table.end(id, now)), Some(Code::NotFound));
    assert_eq!(lease(&mut table, 64, 5, now), Err(Code::OutOfMemory), "a copy may be under way");
    table.give_back(ending);
    assert!(lease(&mut table, 64, 5, now).is_ok());
}

#[test]
fn a_handle_is_made_for_the_place_that_was_allocated() {
    let now = Instant::now();
    let mut table = LeaseTable::with_known_seed(1024);
    table.lease(100, 5, IdKind::Uuid, now).unwrap();
    let id = table.lease(32, 5, IdKind::Number, now).unwrap();
    assert!(id.number().is_some());
    let handle = table.find(id, now).unwrap();
    assert_eq!((handle.offset, handle.size), (128, 32));
}

#[derive(Debug, Clone)]
enum Step {
    Lease(u64, u64),
    Renew(prop::sample::Index, u64),
    End(prop::sample::Index),
    Pass(u64),
    Reap,
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        3 => (0_u64..300, 0_u64..50).prop_map(|(size, ms)| Step::Lease(size, ms)),
        1 => (index(), 0_u64..50).prop_map(|(at, ms)| Step::Renew(at, ms)),
        1 => index().prop_map(Step::End),
        1 => (0_u64..20).prop_map(Step::Pass),
        1 => Just(Step::Reap),
    ]
}

proptest! {
    /// The model: a list of (id, size, expiry), searched whole, and a second buddy allocator
    /// that says when there is room (`buddy_tests.rs` compares that one with a naive model).
    #[test]
    fn it_does_what_a_list_of_leases_does(steps in prop::collection::vec(step(), 1..150)) {
        let mut now = Instant::now();
        let mut table = LeaseTable::with_known_seed(2000);
        let mut model: Vec<(LeaseId, u64, Instant)> = Vec::new();
        let mut room = Buddy::new(2000);
        let mut places = HashMap::new();
        for step in steps {
            match step {
                Step::Lease(size, ms) => match lease(&mut table, size, ms, now) {
                    Ok(id) => {
                        prop_assert!(size > 0 && ms > 0);
                        prop_assert!(model.iter().all(|lease| lease.0 != id));
                        model.push((id, size, now + Duration::from_millis(ms)));
                        places.insert(id, room.allocate(size).unwrap().offset);
                    }
                    Err(Code::BadRequest) => prop_assert!(size == 0 || ms == 0),
                    Err(code) => {
                        prop_assert_eq!(code, Code::OutOfMemory);
                        prop_assert!(room.allocate(size).is_err(), "there was room");
                    }
                },
                Step::Renew(at, ms) if !model.is_empty() => {
                    let lease = at.get(&model);
                    let at = model.iter().position(|other| other == lease).unwrap();
                    let renewed = table.renew(model[at].0, ms, now);
                    prop_assert_eq!(renewed.is_ok(), ms > 0 && now < model[at].2);
                    if renewed.is_ok() {
                        model[at].2 = now + Duration::from_millis(ms);
                    }
                }
                Step::End(at) if !model.is_empty() => {
                    let at = at.index(model.len());
                    let ended = table.end(model[at].0, now);
                    prop_assert_eq!(ended.is_ok(), now < model[at].2);
                    if let Ok(ending) = ended {
                        table.give_back(ending);
                        room.release(places[&model[at].0]).unwrap();
                        model.swap_remove(at);
                    }
                }
                Step::Pass(ms) => now += Duration::from_millis(ms),
                Step::Reap => {
                    for ending in table.strike_expired(now, usize::MAX) {
                        table.give_back(ending);
                    }
                    for lease in model.extract_if(.., |lease| lease.2 <= now) {
                        room.release(places[&lease.0]).unwrap();
                    }
                    prop_assert_eq!(table.count(), model.len());
                }
                Step::Renew(..) | Step::End(_) => {}
            }
            for &(id, size, expiry) in &model {
                let found = table.find(id, now).map(|found| found.size).ok();
                prop_assert_eq!(found, (now < expiry).then_some(size));
            }
            prop_assert_eq!(table.check(), Ok(()));
        }
    }
}
