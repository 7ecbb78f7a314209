//! The search: the explorer runs all schedules within a bound, those with few preemptions first.
//!
//! ```text
//!   preemptions   0, then 1, then 2, …      a switch away from a client that has steps left
//!   schedule      AAAABB, BBAAAA, then …    each is run, and its duplicates are counted
//! ```
//!
//! Two other ways reach further ([`SearchWay`]). One runs a single schedule of those that differ
//! only in the order of independent steps: the same outcomes, in fewer runs. The other runs random
//! schedules; [`Schedules::chance_of_finding`] says how likely so many of them find a fault.
//!
//! **Invariants** the smallest counterexample has the fewest preemptions of all schedules that were
//! tried. Two different outcomes count as one only if their hashes of 128 bits are equal.
//!
//! **Lock** those of [`crate::lab::explorer`].
//!
//! **Source** ours; Musuvathi and Qadeer, "Iterative context bounding for systematic testing of
//! multithreaded programs" (2007), for the order by preemptions. [`crate::lab::schedule`] names the
//! sources of the two others.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::ops::ControlFlow;

use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::lab::explorer::{Case, Stage};
use crate::lab::schedule::Schedules;

/// The limits of a search.
#[derive(Debug, Clone, Copy)]
pub struct Bound {
    /// The most preemptions of a schedule; `None` for no limit. Only
    /// [`SearchWay::FewPreemptionsFirst`] looks at it.
    pub preemptions: Option<usize>,
    /// The most schedules. It bounds the time, and the memory for outcomes (under 100 bytes each).
    pub schedules: u64,
}

/// The choice of a search's schedules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SearchWay {
    /// All schedules; those with few preemptions come first.
    #[default]
    FewPreemptionsFirst,
    /// One schedule of each kind: two schedules are of one kind if they differ only in the order of
    /// independent steps ([`Case::are_dependent`]). If the bound does not end the search, it finds
    /// the same outcomes and the same most duplicates as a search of all schedules, in fewer runs.
    OneOfEachKind,
    /// Random schedules ([`Schedules::by_priorities`]), as many as the bound allows.
    AtRandom {
        /// The same seed gives the same schedules.
        seed: u64,
        /// The depth of the faults that are looked for: the number of steps that must come in the
        /// right order.
        depth: usize,
    },
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
    /// A schedule with a duplicate; `None` if no tried schedule has one. Of the tried ones it has
    /// the fewest preemptions, and among those the fewest duplicates.
    pub smallest: Option<Smallest>,
    /// The choice of the schedules.
    pub way: SearchWay,
    /// Whether all schedules were tried, or with [`SearchWay::OneOfEachKind`] all kinds.
    pub is_complete: bool,
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

/// Runs the schedules that `way` chooses, within `bound`. Tells `progress` how many were run.
///
/// # Errors
/// Fails as [`Stage::go_on`] does; the findings are lost.
pub fn explore(
    case: &Case,
    stage: &Stage,
    way: SearchWay,
    bound: Bound,
    progress: impl FnMut(u64),
) -> Result<Findings, String> {
    let schedules = &case.schedules();
    let findings = Findings { count: schedules.count(), way, ..Findings::default() };
    let (most, outcomes, fingerprint) = (bound.schedules, HashSet::new(), RandomState::new());
    let mut search =
        Search { stage, schedules, most, progress, findings, outcomes, fingerprint, stuck: None };
    search.findings.is_complete = match way {
        SearchWay::FewPreemptionsFirst => {
            // No schedule has more preemptions than steps.
            let most_preemptions = bound.preemptions.unwrap_or(usize::MAX).min(schedules.length());
            for preemptions in 0..=most_preemptions {
                let ended = schedules.visit(preemptions, &mut |one| search.run(one));
                // The search was broken off; or all were run, so none has more preemptions.
                if ended.is_break() || search.has_run_all() {
                    break;
                }
            }
            search.has_run_all()
        }
        SearchWay::OneOfEachKind => {
            let are_dependent = |a: (usize, usize), b: (usize, usize)| case.are_dependent(a, b);
            schedules.visit_kinds(&are_dependent, &mut |one| search.run(one)).is_continue()
        }
        SearchWay::AtRandom { seed, depth } => {
            let mut chance = StdRng::seed_from_u64(seed);
            // `run` breaks the loop when enough schedules were run, or when a run fails.
            while search.run(&schedules.by_priorities(depth, &mut chance)).is_continue() {}
            false
        }
    };
    search.findings.outcomes = search.outcomes.len();
    search.stuck.map_or(Ok(search.findings), Err)
}

/// A search under way.
struct Search<'a, P> {
    stage: &'a Stage,
    schedules: &'a Schedules,
    /// The most schedules to run.
    most: u64,
    /// The function that is told the number of schedules after each run.
    progress: P,
    findings: Findings,
    /// Hashes of 128 bits of the outcomes: in 1 of 10^27 searches with a million outcomes, two have
    /// one hash.
    outcomes: HashSet<(u64, u64)>,
    /// The hash function of the outcomes.
    fingerprint: RandomState,
    /// The error that ended the search. `visit` can only be broken off, so the error waits here.
    stuck: Option<String>,
}

impl<P: FnMut(u64)> Search<'_, P> {
    /// Returns whether no schedule is left to run.
    fn has_run_all(&self) -> bool {
        self.findings.count == Some(u128::from(self.findings.tried))
    }

    /// Runs one schedule, if the bound allows one more. Returns `Break` if it does not, or if the
    /// run fails.
    fn run(&mut self, schedule: &[u8]) -> ControlFlow<()> {
        if self.findings.tried >= self.most {
            return ControlFlow::Break(());
        }
        match self.stage.run(schedule) {
            Ok(run) => {
                let preemptions = self.schedules.preemptions(schedule);
                self.findings.add(schedule, preemptions, run.duplicates());
                // `hash_one` returns 64 bits, so two calls with different salts make 128.
                let half = |salt: u64| self.fingerprint.hash_one((salt, &run.received));
                self.outcomes.insert((half(0), half(1)));
            }
            Err(error) => {
                self.stuck = Some(error);
                return ControlFlow::Break(());
            }
        }
        (self.progress)(self.findings.tried);
        ControlFlow::Continue(())
    }
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
