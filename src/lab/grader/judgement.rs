//! The proofs in a record of draws: whether one counter explains it, and which race it would have
//! shown.
//!
//! ```text
//!   time ──►
//!   ├─ client 1: index 7 ─┤
//!                             ├─ client 2: index 3 ─┤      a contradiction: 7 was taken before 3
//!
//!   ├─ client 1: index 7 ─┤
//!                   ├─ client 2: index 3 ─┤                possible: in the overlap, 3 and then 7
//! ```
//!
//! **Linearizability.** One counter gives the indices of its list in rising order. Each index is
//! taken at one instant within its request, so these instants rise with the index. Such instants
//! exist exactly if no request with a greater index was over before one with a smaller index began.
//! A number does not tell its index, so without the list's order this cannot be decided.
//!
//! **Strength of evidence.** Assume that a request passes its critical section at one instant, and
//! that each instant between its start and its end is equally likely. Two requests of lengths a and
//! b that overlap for o then come within a window w of each other with probability 2wo / (ab), for
//! a small w. Let S be the sum of 2o / (ab) over all pairs of requests of different clients. With
//! probability e^(-wS) no pair comes that close. So w = ln(100) / S is the narrowest window that
//! shows itself in 99 of 100 gradings.
//!
//! ```text
//!   a = b = o = 100 µs     1 pair        S =  0.02 per µs     w = ln(100) / S = 230 µs
//!                          1000 pairs    S = 20    per µs     w               = 230 ns
//! ```
//!
//! The first w is longer than the requests, so it is not small, and only says that one pair is too
//! few.
//!
//! **Invariants** The same index in two requests is no contradiction here: it is a duplicate, and
//! the ledger has it.
//!
//! **Lock** none: these are pure functions over operations.
//!
//! **Simplified** A request for many numbers counts as one critical section. The order of the
//! numbers within a reply is not judged. A real server may spend most of a request outside the
//! critical section; then the instants are not equally likely.
//!
//! **Source** Herlihy and Wing, "Linearizability" (1990); the homework's "without lock".

use std::time::Duration;

use crate::lab::grader::ledger::Operation;

/// The accepted probability of missing the race: 1 grading in 100.
const MISSED: f64 = 0.01;

/// Two operations that contradict one counter: the first was over before the second began, and has
/// the greater index. Each field has the operation's place in the list of operations, and an index
/// of the shuffled list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    /// The operation that was over, and its greatest index.
    pub over: (usize, u32),
    /// The operation that began after it, and its smallest index.
    pub later: (usize, u32),
}

/// Finds two operations that contradict one counter; returns `None` if there are none. `order` is
/// the list in its order; a number that it does not hold is ignored. Two sorts and one pass cost
/// O(n log n) for n operations; comparing each pair would cost O(n²).
pub fn contradiction(operations: &[Operation], order: &[u32]) -> Option<Contradiction> {
    let index_of = inverse(order);
    let indices = |operation: &Operation| {
        let index = |&number: &u64| *index_of.get(usize::try_from(number).ok()?)?;
        let known: Vec<u32> = operation.numbers.iter().filter_map(index).collect();
        Some((*known.iter().min()?, *known.iter().max()?))
    };
    let mut ranges: Vec<(usize, (u32, u32))> =
        operations.iter().enumerate().filter_map(|(at, o)| Some((at, indices(o)?))).collect();
    let mut ends = ranges.clone();
    ranges.sort_by_key(|&(at, _)| operations[at].start);
    ends.sort_by_key(|&(at, _)| operations[at].end);
    // The pass visits the operations by their start. Of the operations that were over by then, it
    // keeps the one with the greatest index: when any of them contradicts the visited one, the kept
    // one does.
    let mut over: Option<(usize, u32)> = None;
    let mut ended = ends.into_iter().peekable();
    for (at, (smallest, _)) in ranges {
        // `<`, not `<=`: events at the same instant may have come in either order.
        while let Some((before, (_, greatest))) =
            ended.next_if(|&(before, _)| operations[before].end < operations[at].start)
        {
            if over.is_none_or(|(_, known)| known < greatest) {
                over = Some((before, greatest));
            }
        }
        if let Some(over) = over.filter(|&(_, greatest)| greatest > smallest) {
            return Some(Contradiction { over, later: (at, smallest) });
        }
    }
    None
}

/// Returns the inverse of a list: for each number its index.
fn inverse(order: &[u32]) -> Vec<Option<u32>> {
    let mut index_of: Vec<Option<u32>> = Vec::new();
    for (index, &number) in order.iter().enumerate() {
        let at = number as usize;
        if at >= index_of.len() {
            index_of.resize(at + 1, None);
        }
        index_of[at] = Some(index as u32);
    }
    index_of
}

/// The instants at which one counter could have given the numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instants {
    /// For each number that came: the operation's place in the list of operations, the number's
    /// index, and the instant. The points are sorted by the number's index.
    pub points: Vec<(usize, u32, Duration)>,
    /// The longest run of `points` that one counter could have given: the place of its first point,
    /// and the place after its last.
    pub longest: (usize, usize),
}

/// Chooses, for each number in the order of the list, the earliest instant within its operation
/// that is no earlier than the one before. If there is none, the counter would have to go back in
/// time: then a new part begins there.
pub fn instants(operations: &[Operation], order: &[u32]) -> Instants {
    let index_of = inverse(order);
    let index = |number: u64| *index_of.get(usize::try_from(number).ok()?)?;
    let mut came: Vec<(u32, usize)> = Vec::new();
    for (at, operation) in operations.iter().enumerate() {
        came.extend(operation.numbers.iter().filter_map(|&number| Some((index(number)?, at))));
    }
    // If a number came twice, only the request that began first is kept.
    came.sort_unstable_by_key(|&(index, at)| (index, operations[at].start));
    came.dedup_by_key(|&mut (index, _)| index);
    let (mut points, mut longest) = (Vec::with_capacity(came.len()), (0, 0));
    let (mut begun, mut before) = (0, Duration::ZERO);
    for (index, at) in came {
        let Operation { start, end, .. } = &operations[at];
        let mut instant = before.max(*start);
        if instant > *end {
            (begun, instant) = (points.len(), *start);
        }
        before = instant;
        points.push((at, index, instant));
        if points.len() - begun > longest.1 - longest.0 {
            longest = (begun, points.len());
        }
    }
    Instants { points, longest }
}

impl Instants {
    /// Says in words how far one counter explains the numbers. The *marks* are the points that the
    /// page of the report draws at the instants.
    pub fn describe(&self, operations: &[Operation]) -> String {
        let (from, to) = self.longest;
        let all = self.points.len();
        if to - from == all {
            return format!("one counter could have given all {all} numbers, each at its mark");
        }
        let index = |place: usize| self.points.get(place).map_or(0, |&(_, index, _)| index);
        let when = |place: usize| {
            let operation = self.points.get(place).and_then(|&(at, ..)| operations.get(at));
            operation.map_or(0.0, |operation| operation.start.as_secs_f64())
        };
        format!(
            "one counter could have given {} of the {all} numbers at most, those of index {} to {} \
             (from {:.3} s)",
            to - from,
            index(from),
            index(to.saturating_sub(1)),
            when(from),
        )
    }
}

/// The strength of the evidence: how much the requests overlapped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Strength {
    /// The count of pairs of requests of different clients that overlapped.
    pub pairs: u64,
    /// The narrowest race window that shows itself in 99 of 100 gradings; `None` when no two
    /// requests overlapped.
    pub window: Option<Duration>,
}

/// Measures the overlap of the requests. After a sort, each request is compared with the requests
/// that are open at its start: about one for each client.
pub fn strength(operations: &[Operation]) -> Strength {
    // A request of length 0 overlaps nothing, and its length would be a divisor below.
    let mut by_start: Vec<&Operation> = operations.iter().filter(|o| o.end > o.start).collect();
    by_start.sort_by_key(|operation| operation.start);
    let (mut pairs, mut sum) = (0, 0.0);
    let mut open: Vec<&Operation> = Vec::new();
    for one in by_start {
        open.retain(|other| other.end > one.start);
        for other in open.iter().filter(|other| other.client != one.client) {
            let overlap = other.end.min(one.end).saturating_sub(one.start);
            let lengths = length(one) * length(other);
            pairs += 1;
            sum += 2.0 * overlap.as_secs_f64() / lengths;
        }
        open.push(one);
    }
    // Without overlap the sum is 0 and the quotient infinite. `Duration` cannot hold that, so the
    // window is `None`.
    let seconds = -MISSED.ln() / sum;
    let window = Duration::try_from_secs_f64(seconds).ok();
    Strength { pairs, window }
}

/// Returns the length of a request in seconds.
fn length(operation: &Operation) -> f64 {
    (operation.end - operation.start).as_secs_f64()
}

#[cfg(test)]
mod tests {
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
            assert_eq!(
                contradiction(&record, &ORDER).is_some(),
                naive(&record),
                "{round}: {record:?}"
            );
        }
    }

    #[test]
    fn instants_exist_for_the_whole_record_exactly_if_nothing_contradicts() {
        let mut rng = StdRng::seed_from_u64(8);
        for round in 0..2000 {
            let record: Vec<Operation> = (0..rng.random_range(0..7))
                .map(|client| {
                    let start = rng.random_range(0..20);
                    // Each number once.
                    let number = u64::from(ORDER[client]);
                    operation(client, start, start + rng.random_range(0..8), &[number])
                })
                .collect();
            let found = instants(&record, &ORDER);
            let is_whole = found.longest == (0, found.points.len());
            assert_eq!(is_whole, contradiction(&record, &ORDER).is_none(), "{round}: {record:?}");
            for (at, _, instant) in found.points {
                assert!((record[at].start..=record[at].end).contains(&instant), "{round}");
            }
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
}
