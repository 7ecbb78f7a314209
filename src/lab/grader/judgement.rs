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

use std::collections::{HashMap, VecDeque};
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
        let known = operation.numbers.iter().filter_map(|number| index_of.get(number));
        Some((*known.clone().min()?, *known.max()?))
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
fn inverse(order: &[u32]) -> HashMap<u64, u32> {
    order.iter().zip(0..).map(|(&number, index)| (number.into(), index)).collect()
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
    let mut came: Vec<(u32, usize)> = Vec::new();
    for (at, operation) in operations.iter().enumerate() {
        came.extend(operation.numbers.iter().filter_map(|n| Some((*index_of.get(n)?, at))));
    }
    // If a number came twice, only the request that began first is kept.
    came.sort_unstable_by_key(|&(index, at)| (index, operations[at].start));
    came.dedup_by_key(|&mut (index, _)| index);
    let mut points = Vec::with_capacity(came.len());
    let mut before = Duration::ZERO;
    for (index, at) in came {
        let Operation { start, end, .. } = &operations[at];
        let instant = Some(before.max(*start)).filter(|instant| instant <= end);
        before = instant.unwrap_or(*start);
        points.push((at, index, before));
    }
    let longest = longest_run(points.iter().map(|&(at, ..)| &operations[at]));
    Instants { points, longest }
}

/// Returns the longest run of requests, sorted by the indices that they got, for which one counter
/// could have taken the indices in this order: no request of the run ended before an earlier one of
/// the run began. The result is the place of the first, and the place after the last.
fn longest_run<'o>(operations: impl Iterator<Item = &'o Operation>) -> (usize, usize) {
    let (mut longest, mut first) = ((0, 0), 0);
    // Places of the run and their starts, without those that a later place with a later start
    // makes needless. So the starts fall from the front to the back.
    let mut latest: VecDeque<(usize, Duration)> = VecDeque::new();
    for (place, &Operation { start, end, .. }) in operations.enumerate() {
        // A request that began after this one had ended cannot be in the same run. So the run now
        // begins behind the last such request.
        while let Some((conflict, _)) = latest.front().filter(|(_, started)| *started > end) {
            first = conflict + 1;
            latest.pop_front();
        }
        while latest.back().is_some_and(|&(_, started)| started <= start) {
            latest.pop_back();
        }
        latest.push_back((place, start));
        if place + 1 - first > longest.1 - longest.0 {
            longest = (first, place + 1);
        }
    }
    longest
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
        // A run is empty only if there is no point at all: then the function has returned above.
        let ((at, first, _), (_, last, _)) = (self.points[from], self.points[to - 1]);
        format!(
            "one counter could have given {} of the {all} numbers at most, those of index {first} \
             to {last} (from {:.3} s)",
            to - from,
            operations[at].start.as_secs_f64(),
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
#[path = "judgement_tests.rs"]
mod tests;
