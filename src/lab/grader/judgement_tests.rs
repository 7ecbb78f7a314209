//! Tests of the judgement: each beside a naive one that looks at all pairs, or at all runs.

use super::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const ORDER: [u32; 6] = [5, 19, 228, 665, 7, 11];

fn operation(client: usize, start: u64, end: u64, numbers: &[u64]) -> Operation {
    let (start, end) = (Duration::from_micros(start), Duration::from_micros(end));
    Operation { client, start, end, asked: numbers.len(), numbers: numbers.to_vec() }
}

#[test]
fn indices_that_rise_with_time_are_one_counters() {
    let record = [
        operation(1, 0, 9, &[19, 228]),
        operation(2, 3, 12, &[5, 665]),
        operation(1, 13, 14, &[7]),
    ];
    assert_eq!(contradiction(&record, &ORDER), None);
    assert_eq!(contradiction(&[], &ORDER), None);
}

#[test]
fn an_index_that_was_passed_over_before_is_a_contradiction() {
    let record = [operation(1, 0, 9, &[665]), operation(2, 10, 12, &[5])];
    let found = contradiction(&record, &ORDER).unwrap();
    assert_eq!((found.over, found.later), ((0, 3), (1, 0)));
    // Overlapping in time, the same numbers may be.
    let record = [operation(1, 0, 11, &[665]), operation(2, 10, 12, &[5])];
    assert_eq!(contradiction(&record, &ORDER), None);
    let touching = [operation(1, 0, 10, &[665]), operation(2, 10, 12, &[5])];
    assert_eq!(contradiction(&touching, &ORDER), None, "the same moment decides nothing");
}

/// Returns whether any pair of operations contradicts one counter, by a look at each pair.
fn naive(operations: &[Operation]) -> bool {
    let index = |number: &u64| ORDER.iter().position(|&known| u64::from(known) == *number);
    operations.iter().any(|a| {
        operations.iter().any(|b| {
            let (a_index, b_index) = (
                a.numbers.iter().filter_map(index).max(),
                b.numbers.iter().filter_map(index).min(),
            );
            a.end < b.start && a_index.zip(b_index).is_some_and(|(a, b)| a > b)
        })
    })
}

#[test]
fn it_agrees_with_looking_at_every_pair() {
    let mut rng = StdRng::seed_from_u64(7);
    for round in 0..2000 {
        let record: Vec<Operation> = (0..rng.random_range(0..7))
            .map(|client| {
                let start = rng.random_range(0..20);
                let numbers: Vec<u64> = (0..rng.random_range(0..3))
                    .map(|_| u64::from(ORDER[rng.random_range(0..6)]))
                    .collect();
                operation(client, start, start + rng.random_range(0..8), &numbers)
            })
            .collect();
        assert_eq!(contradiction(&record, &ORDER).is_some(), naive(&record), "{round}: {record:?}");
    }
}

/// Returns so many requests, the first for the first number of the list, and so on. Each starts at
/// random and lasts for less than `longest`.
fn each_number_once(rng: &mut StdRng, requests: usize, longest: u64) -> Vec<Operation> {
    let request = |(client, &number): (usize, &u32)| {
        let start = rng.random_range(0..20);
        operation(client, start, start + rng.random_range(0..longest), &[number.into()])
    };
    ORDER.iter().enumerate().take(requests).map(request).collect()
}

#[test]
fn instants_exist_for_the_whole_record_exactly_if_nothing_contradicts() {
    let mut rng = StdRng::seed_from_u64(8);
    for round in 0..2000 {
        let requests = rng.random_range(0..7);
        let record = each_number_once(&mut rng, requests, 8);
        let found = instants(&record, &ORDER);
        let is_whole = found.longest == (0, found.points.len());
        assert_eq!(is_whole, contradiction(&record, &ORDER).is_none(), "{round}: {record:?}");
        for (at, _, instant) in found.points {
            assert!((record[at].start..=record[at].end).contains(&instant), "{round}");
        }
    }
}

#[test]
fn the_longest_run_is_the_longest_of_all() {
    let mut rng = StdRng::seed_from_u64(9);
    for round in 0..2000 {
        let record = each_number_once(&mut rng, 6, 12);
        // Each run, and each pair in it.
        let is_one_counters = |from: usize, to: usize| {
            let pairs = |at: usize| (from..at).map(move |before| (before, at));
            (from..to).flat_map(pairs).all(|(a, b)| record[a].start <= record[b].end)
        };
        let runs = (0..6).flat_map(|from| (from..=6).map(move |to| (from, to)));
        let naive = runs.filter(|&(from, to)| is_one_counters(from, to));
        let naive = naive.map(|(from, to)| to - from).max().unwrap();
        let (from, to) = instants(&record, &ORDER).longest;
        assert!(is_one_counters(from, to), "{round}: {record:?}");
        assert_eq!(to - from, naive, "{round}: {record:?}");
    }
}

#[test]
fn two_requests_of_100_us_side_by_side_show_a_window_of_about_their_length_not_less() {
    let one = [operation(1, 0, 100, &[5]), operation(2, 0, 100, &[19])];
    let strength_of_one = strength(&one);
    assert_eq!(strength_of_one.pairs, 1);
    // 2·100/(100·100) per us is 0.02; ln(100) / 0.02 is 230 us.
    assert_eq!(strength_of_one.window.unwrap().as_micros(), 230);
    let many: Vec<Operation> = (0..1000)
        .flat_map(|at| [1, 2].map(|client| operation(client, at * 200, at * 200 + 100, &[5])))
        .collect();
    assert_eq!(strength(&many).pairs, 1000);
    assert_eq!(strength(&many).window.unwrap().as_nanos(), 230);
}

#[test]
fn one_client_alone_proves_nothing() {
    let alone = [operation(1, 0, 100, &[5]), operation(1, 50, 150, &[19])];
    assert_eq!(strength(&alone), Strength { pairs: 0, window: None });
    let apart = [operation(1, 0, 100, &[5]), operation(2, 100, 150, &[19])];
    assert_eq!(strength(&apart).window, None);
}

#[test]
fn requests_at_random_moments_meet_the_window_as_often_as_promised() {
    let mut rng = StdRng::seed_from_u64(3);
    let record: Vec<Operation> = (0..200)
        .flat_map(|at| {
            let begin = at * 1000;
            [(1, 0, 300), (2, 100, 500), (3, 50, 250)]
                .map(|(client, start, end)| operation(client, begin + start, begin + end, &[5]))
        })
        .collect();
    let window = strength(&record).window.unwrap();
    let tries = 2000;
    let caught = (0..tries).filter(|_| is_hit(&record, window, &mut rng)).count();
    assert!((tries * 98 / 100..=tries).contains(&caught), "{caught} of {tries}");
    let narrower = (0..tries).filter(|_| is_hit(&record, window / 10, &mut rng)).count();
    assert!((500..1000).contains(&narrower), "1 - 100^(-1/10) is 0.37: {narrower}");
}

/// Whether two critical moments of different clients come within the window.
fn is_hit(record: &[Operation], window: Duration, rng: &mut StdRng) -> bool {
    let mut moments: Vec<(f64, usize)> = record
        .iter()
        .map(|o| (rng.random_range(o.start.as_secs_f64()..o.end.as_secs_f64()), o.client))
        .collect();
    moments.sort_by(|a, b| a.0.total_cmp(&b.0));
    moments
        .windows(2)
        .any(|pair| pair[0].1 != pair[1].1 && pair[1].0 - pair[0].0 < window.as_secs_f64())
}
