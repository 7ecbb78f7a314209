//! The search: the explorer's runs of all schedules within a bound, those with few preemptions first.
//!
//! ```text
//!   preemptions   0, then 1, then 2, …      a switch away from a client that has steps left
//!   schedule      AAAABB, BBAAAA, then …    each is run, and its duplicates are counted
//! ```
//!
//! **Invariants** the smallest counterexample has the fewest preemptions of all schedules that were
//! tried. Two outcomes count as one only if hashes of 128 bits are equal.
//!
//! **Lock** those of [`crate::lab::explorer`].
//!
//! **Source** ours; Musuvathi and Qadeer, "Iterative context bounding for systematic testing of
//! multithreaded programs" (2007), for the order by preemptions.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::ops::ControlFlow;

use crate::lab::explorer::{Case, Stage};
use crate::numbers::parking::Stuck;

/// The limits of a search.
#[derive(Debug, Clone, Copy)]
pub struct Bound {
    /// The most preemptions of a schedule; `None` for no limit.
    pub preemptions: Option<usize>,
    /// The most schedules. It bounds the time, and the memory for outcomes (under 100 bytes each).
    pub schedules: u64,
}

/// The result of a search.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// The schedules that were run.
    pub tried: u64,
    /// The schedules that exist; `None` if their number needs more than 128 bits.
    pub count: Option<u128>,
    /// The schedules with a duplicate.
    pub racy: u64,
    /// The distinct outcomes: the lists that all clients received.
    pub outcomes: usize,
    /// The most duplicates in one schedule.
    pub most_duplicates: usize,
    /// A schedule with a duplicate: with the fewest preemptions, and then the fewest duplicates.
    pub smallest: Option<Smallest>,
}

/// The smallest counterexample: the easiest one to follow by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smallest {
    /// The client of each step.
    pub schedule: Vec<u8>,
    /// The switches away from a client that had steps left.
    pub preemptions: usize,
    /// The duplicates, as [`Run::duplicates`](crate::lab::explorer::Run::duplicates) counts them.
    pub duplicates: usize,
}

/// Runs the schedules within `bound`, few preemptions first. Tells `progress` how many were run.
///
/// # Errors
/// Fails as [`Stage::go_on`] does; the findings are lost.
pub fn explore(
    case: &Case,
    stage: &Stage,
    bound: Bound,
    mut progress: impl FnMut(u64),
) -> Result<Findings, Stuck> {
    let schedules = case.schedules();
    let mut findings = Findings { count: schedules.count(), ..Findings::default() };
    let fingerprint = RandomState::new();
    let mut outcomes: HashSet<(u64, u64)> = HashSet::new();
    let mut stuck = None;
    let most = bound.preemptions.unwrap_or(usize::MAX).min(schedules.length());
    for preemptions in 0..=most {
        let ended = schedules.visit(preemptions, &mut |schedule| {
            if findings.tried >= bound.schedules {
                return ControlFlow::Break(());
            }
            match stage.run(schedule) {
                Ok(run) => {
                    findings.add(schedule, preemptions, run.duplicates());
                    // 128 bits: in 1 of 10^27 searches with a million outcomes, two have one hash.
                    let half = |salt: u64| fingerprint.hash_one((salt, &run.received));
                    outcomes.insert((half(0), half(1)));
                }
                Err(error) => {
                    stuck = Some(error);
                    return ControlFlow::Break(());
                }
            }
            progress(findings.tried);
            ControlFlow::Continue(())
        });
        // The search was broken off, or all schedules were run: none has more preemptions.
        if ended.is_break() || findings.count == Some(u128::from(findings.tried)) {
            break;
        }
    }
    findings.outcomes = outcomes.len();
    stuck.map_or(Ok(findings), Err)
}

impl Findings {
    fn add(&mut self, schedule: &[u8], preemptions: usize, duplicates: usize) {
        self.tried += 1;
        if duplicates == 0 {
            return;
        }
        self.racy += 1;
        self.most_duplicates = self.most_duplicates.max(duplicates);
        let size = |smallest: &Smallest| (smallest.preemptions, smallest.duplicates);
        if self.smallest.as_ref().is_none_or(|known| size(known) > (preemptions, duplicates)) {
            self.smallest = Some(Smallest { schedule: schedule.to_vec(), preemptions, duplicates });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_counterexample_has_the_fewest_preemptions_and_then_the_fewest_duplicates() {
        let mut findings = Findings::default();
        for (name, preemptions, duplicates) in
            [(1, 1, 3), (2, 1, 2), (3, 1, 2), (4, 2, 1), (5, 1, 0)]
        {
            findings.add(&[name], preemptions, duplicates);
        }
        let smallest = Smallest { schedule: vec![2], preemptions: 1, duplicates: 2 };
        assert_eq!(findings.smallest, Some(smallest));
        assert_eq!((findings.tried, findings.racy, findings.most_duplicates), (5, 4, 3));
    }
}
