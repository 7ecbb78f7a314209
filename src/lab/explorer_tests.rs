//! Tests of the explorer: its figures for the homework's case, and that steps run in the order of a
//! schedule.

use super::*;
use crate::lab::search::{Bound, Findings, SearchWay, explore};
use proptest::prelude::*;

fn case(locking: Locking, reads: bool) -> Case {
    let drawers = vec![Drawer { name: 'A', count: 4 }, Drawer { name: 'B', count: 2 }];
    Case { drawers, locking, reads, increments: false }
}

fn explored(case: &Case, bound: Bound) -> Findings {
    let stage = Stage::new(case.clone()).unwrap();
    explore(case, &stage, SearchWay::FewPreemptionsFirst, bound, |_| {}).unwrap()
}

const ALL: Bound = Bound { preemptions: None, schedules: u64::MAX };

/// Returns the schedules tried, all that exist, those with a duplicate, the distinct outcomes, and
/// the most duplicates.
fn figures(findings: &Findings) -> (u64, Option<u128>, u64, usize, usize) {
    let Findings { tried, count, racy, outcomes, most_duplicates, .. } = *findings;
    (tried, count, racy, outcomes, most_duplicates)
}

#[test]
fn with_the_lock_no_schedule_gives_a_number_twice() {
    let number = explored(&case(Locking::Number, false), ALL);
    assert_eq!(figures(&number), (15, Some(15), 0, 15, 0));
    assert_eq!(number.smallest, None);
    let request = explored(&case(Locking::Request, false), ALL);
    assert_eq!(figures(&request), (2, Some(2), 0, 2, 0));
}

#[test]
fn without_the_lock_nearly_every_schedule_does_and_one_preemption_is_enough() {
    let none = explored(&case(Locking::None, false), ALL);
    assert_eq!(figures(&none), (495, Some(495), 480, 54, 3));
    let smallest = none.smallest.unwrap();
    assert_eq!((smallest.preemptions, smallest.duplicates), (1, 1));
}

#[test]
fn with_reading_as_a_step_of_its_own_there_are_more_schedules_and_the_same_outcomes() {
    let none = explored(&case(Locking::None, true), ALL);
    assert_eq!(figures(&none), (18_564, Some(18_564), 18_549, 54, 3));
}

#[test]
fn a_bound_is_kept_and_what_was_not_tried_is_not_claimed() {
    let one = Bound { preemptions: Some(1), ..ALL };
    let findings = explored(&case(Locking::None, false), one);
    assert!(findings.tried < 495 && findings.smallest.is_some(), "{findings:?}");
    let few = Bound { schedules: 7, ..ALL };
    assert_eq!(explored(&case(Locking::None, false), few).tried, 7);
}

#[test]
fn the_homeworks_second_table_is_one_schedule() {
    let case = case(Locking::None, false);
    let stage = Stage::new(case.clone()).unwrap();
    let letters = b"AAAAABABAABB".map(|letter| letter - b'A');
    let run = stage.run(&letters).unwrap();
    assert_eq!(run.received, [vec![5, 19, 228, 665], vec![228, 7]]);
    let loads: Vec<u32> =
        run.events.iter().filter(|e| e.step == Step::Load).map(|e| e.loaded).collect();
    assert_eq!(loads, [0, 1, 2, 2, 3, 4], "its results; its counter row says 4 and 5");
    assert_eq!(stage.run(&letters).unwrap(), run, "a schedule repeats");
}

#[test]
fn a_stage_that_is_left_in_the_middle_ends() {
    let case = case(Locking::None, true);
    let stage = Stage::new(case).unwrap();
    stage.go_on(&[0, 1, 1]).unwrap();
    assert_eq!(stage.so_far().events.len(), 3);
    drop(stage);
}

#[test]
fn three_clients_race_too() {
    let drawers = ['A', 'B', 'C'].map(|name| Drawer { name, count: 1 }).to_vec();
    let findings =
        explored(&Case { drawers, locking: Locking::None, reads: false, increments: false }, ALL);
    assert_eq!((findings.tried, findings.most_duplicates), (90, 2));
    assert_eq!(findings.racy, 90 - 6, "only those without a preemption are well");
}

#[test]
fn a_lock_around_the_increment_alone_keeps_the_counter_right_and_numbers_come_twice() {
    let case = Case { increments: true, ..case(Locking::None, false) };
    let findings = explored(&case, ALL);
    assert_eq!((findings.tried, findings.racy, findings.most_duplicates), (495, 480, 2));
    assert_eq!(findings.outcomes, 90);
    let stage = Stage::new(case.clone()).unwrap();
    let schedules = case.schedules();
    let last = stage.run(&schedules.complete(&[0, 1]).unwrap()).unwrap();
    assert_eq!(last.events.iter().map(|event| event.stored).max(), Some(6), "4 and 2 were counted");
}

#[test]
fn the_next_step_of_a_client_is_that_before_which_its_thread_is_parked() {
    for (locking, reads) in
        [(Locking::None, false), (Locking::None, true), (Locking::Number, false)]
    {
        let case = case(locking, reads);
        let stage = Stage::new(case.clone()).unwrap();
        let mut done = [0, 0];
        for client in [0, 1, 0, 1, 0] {
            stage.go_on(&[client]).unwrap();
            done[usize::from(client)] += 1;
            let next =
                case.next_step(&case.drawers[usize::from(client)], done[usize::from(client)]);
            let parked = stage.scene.parking.parked();
            let parked = parked.iter().find(|(number, _)| *number == ClientNumber::from(client));
            // A client that has done all its steps is parked before the first one of its next draw.
            assert!(next.is_none() || parked.map(|(_, step)| *step) == next, "{client} {done:?}");
        }
    }
}

fn kinds(case: &Case) -> Findings {
    let stage = Stage::new(case.clone()).unwrap();
    explore(case, &stage, SearchWay::OneOfEachKind, ALL, |_| {}).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn one_schedule_of_each_kind_has_the_outcomes_of_all(
        counts in prop::collection::vec(1_u64..=2, 1..=3),
        locking in prop::sample::select(vec![Locking::None, Locking::Number, Locking::Request]),
        increments in any::<bool>(),
    ) {
        let drawers = "ABC".chars().zip(counts).map(|(name, count)| Drawer { name, count });
        let case = Case { drawers: drawers.collect(), locking, reads: false, increments };
        // 12 steps of three clients have 34,650 schedules.
        let (all, some) = (explored(&case, ALL), kinds(&case));
        prop_assert!(some.is_complete && some.tried <= all.tried);
        prop_assert_eq!(some.outcomes, all.outcomes);
        prop_assert_eq!(some.most_duplicates, all.most_duplicates);
        prop_assert_eq!(some.smallest.is_some(), all.smallest.is_some());
    }
}

#[test]
fn reading_the_list_adds_schedules_and_no_kinds() {
    let two = kinds(&case(Locking::None, false));
    let three = kinds(&case(Locking::None, true));
    assert_eq!(two.tried, three.tried);
    assert_eq!((two.outcomes, two.most_duplicates), (54, 3));
    assert!(two.tried < 495, "{}", two.tried);
}

#[test]
fn a_random_search_is_repeated_by_its_seed_and_finds_the_race() {
    let case = case(Locking::None, false);
    let stage = Stage::new(case.clone()).unwrap();
    let hundred = Bound { schedules: 100, ..ALL };
    let way = |seed| SearchWay::AtRandom { seed, depth: 2 };
    let found = |seed| explore(&case, &stage, way(seed), hundred, |_| {}).unwrap();
    assert_eq!(found(5), found(5));
    assert_eq!(found(5).tried, 100);
    assert!(found(5).racy > 0 && found(5).smallest.is_some_and(|one| one.preemptions == 1));
}
