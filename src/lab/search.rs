//! The search: the explorer runs all schedules within a bound, those with few preemptions first.
//!
//! ```text
//!   preemptions   0, then 1, then 2, …      a switch away from a client that has steps left
//!   schedule      AAAABB, BBAAAA, then …    each is run, and its duplicates are counted
//! ```
//!
//! Two other searches reach further. [`explore_kinds`] runs one schedule of those that differ only
//! in the order of independent steps: the same outcomes, in fewer runs. [`explore_at_random`] runs
//! random ones; [`Schedules::chance_of_finding`] says how likely so many of them find a fault.
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
use crate::numbers::parking::Stuck;

/// The limits of a search.
#[derive(Debug, Clone, Copy)]
pub struct Bound {
    /// The most preemptions of a schedule; `None` for no limit.
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
    /// One schedule of each kind, as [`explore_kinds`] runs them.
    OneOfEachKind,
    /// Random schedules by priorities, as [`explore_at_random`] runs them.
    AtRandom,
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

/// Runs the schedules within `bound`, few preemptions first. Tells `progress` how many were run.
///
/// # Errors
/// Fails as [`Stage::go_on`] does; the findings are lost.
pub fn explore(
    case: &Case,
    stage: &Stage,
    bound: Bound,
    progress: impl FnMut(u64),
) -> Result<Findings, Stuck> {
    let schedules = case.schedules();
    let count = schedules.count();
    // No schedule has more preemptions than steps.
    let most = bound.preemptions.unwrap_or(usize::MAX).min(schedules.length());
    let mut search = Search::new(case, stage, bound, progress);
    for preemptions in 0..=most {
        let ended = schedules.visit(preemptions, &mut |schedule| search.run(schedule));
        // The search was broken off; or all schedules were run, so none has more preemptions.
        if ended.is_break() || count == Some(u128::from(search.findings.tried)) {
            break;
        }
    }
    search.end()
}

/// Runs one schedule of each kind: two schedules are of one kind if they differ only in the order
/// of independent steps ([`Case::are_dependent`]). If the bound does not end the search, it finds
/// the same outcomes and the same most duplicates as a search of all schedules, in fewer runs. The
/// bound on preemptions has no effect.
///
/// # Errors
/// Fails as [`Stage::go_on`] does; the findings are lost.
pub fn explore_kinds(
    case: &Case,
    stage: &Stage,
    bound: Bound,
    progress: impl FnMut(u64),
) -> Result<Findings, Stuck> {
    let mut search = Search::new(case, stage, bound, progress);
    let are_dependent = |a: (usize, usize), b: (usize, usize)| case.are_dependent(a, b);
    let ended = case.schedules().visit_kinds(&are_dependent, &mut |schedule| search.run(schedule));
    let mut findings = search.end()?;
    (findings.way, findings.is_complete) = (SearchWay::OneOfEachKind, ended.is_continue());
    Ok(findings)
}

/// Runs `count` random schedules ([`Schedules::by_priorities`]) for a fault of this depth: the
/// number of steps that must come in the right order. The same seed gives the same schedules.
///
/// # Errors
/// Fails as [`Stage::go_on`] does; the findings are lost.
pub fn explore_at_random(
    case: &Case,
    stage: &Stage,
    (count, seed, depth): (u64, u64, usize),
    progress: impl FnMut(u64),
) -> Result<Findings, Stuck> {
    let bound = Bound { preemptions: None, schedules: count };
    let mut search = Search::new(case, stage, bound, progress);
    let (schedules, mut chance) = (case.schedules(), StdRng::seed_from_u64(seed));
    // `run` breaks the loop when `count` schedules were run, or when a run fails.
    while search.run(&schedules.by_priorities(depth, &mut chance)).is_continue() {}
    let mut findings = search.end()?;
    (findings.way, findings.is_complete) = (SearchWay::AtRandom, false);
    Ok(findings)
}

/// A search under way.
struct Search<'a, P> {
    stage: &'a Stage,
    schedules: Schedules,
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
    stuck: Option<Stuck>,
}

impl<'a, P: FnMut(u64)> Search<'a, P> {
    fn new(case: &Case, stage: &'a Stage, bound: Bound, progress: P) -> Self {
        let schedules = case.schedules();
        let findings = Findings { count: schedules.count(), ..Findings::default() };
        let (outcomes, fingerprint) = (HashSet::new(), RandomState::new());
        let most = bound.schedules;
        Self { stage, schedules, most, progress, findings, outcomes, fingerprint, stuck: None }
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

    /// Returns the findings, or the error that ended the search.
    fn end(mut self) -> Result<Findings, Stuck> {
        self.findings.outcomes = self.outcomes.len();
        self.findings.is_complete = self.findings.count == Some(u128::from(self.findings.tried));
        self.stuck.map_or(Ok(self.findings), Err)
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
