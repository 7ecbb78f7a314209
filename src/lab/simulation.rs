//! Processes with bursty demand over the server's own memory manager, on a simulated clock.
//!
//! ```text
//!   demand ──► process ── request, report, return ──► Manager ── collect ──► process
//!   (seeded)     a collector that takes 20 ms           the server's own, one step a ms
//! ```
//!
//! The document's claim is tried: ten processes that would need five times their committed
//! memory as headroom each, fifty times in all, share a pool of twenty; or share fifty and may
//! take ten each. One *x* is the committed memory of a process.
//!
//! **Invariants** the same seed gives the same demand to every policy; after each run all
//! memory is back and the manager's `check` holds.
//!
//! **Lock** none: one thread, and time is a number.
//!
//! **Simplified** all objects die young, but for those of a leak; a collection takes 20 ms
//! whatever it finds, beside the program, and frees what was garbage when it began.
//!
//! **Source** `cooperative-memory-management.txt`, figure 2 and its text.

pub mod demand;
pub mod plot;
mod process;

use std::fmt::Write;
use std::hash::RandomState;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::cooperative::manager::{Rules, StandAlone};
use crate::cooperative::pool::{PoolAmounts, Share, Shares};
use crate::cooperative::words::Pool;
use crate::memory::buddy::Buddy;
use crate::memory::ids::Ids;
use crate::memory::lease::LeaseTable;
pub use demand::{Demand, Shape};
use process::{Millisecond, SimulatedProcess};

/// The committed memory of a process in bytes: the document's x.
pub const X: u64 = 1 << 20;

/// What a process asks for at once.
const CHUNK: u64 = X / 4;

/// The tables of a simulation. Nobody sleeps, so nobody is woken.
type SimulatedTables = StandAlone<(), ()>;

/// How memory is shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// What all processes have beside their committed memory, in chunks.
    chunks: u64,
    /// The most that one takes of it, in chunks.
    most: u64,
    /// Each has its own part, from the start and for good.
    is_separate: bool,
}

/// Chunks in one x.
const CHUNKS: u64 = X / CHUNK;

impl Policy {
    /// Each process has `each` x of its own.
    pub fn separate(each: u64, processes: usize) -> Self {
        let most = each * CHUNKS;
        Self { chunks: most * processes as u64, most, is_separate: true }
    }

    /// All share `all` x, of which one takes at most `each` x.
    pub fn shared(all: u64, each: u64) -> Self {
        Self { chunks: all * CHUNKS, most: each * CHUNKS, is_separate: false }
    }

    /// As the document says it.
    pub fn name(&self) -> String {
        let all = self.chunks / CHUNKS;
        let most = self.most / CHUNKS;
        if self.is_separate {
            format!("{most}x each, {all}x in all")
        } else {
            format!("{all}x shared, {most}x at most")
        }
    }

    /// The tables for so many processes.
    fn tables(&self, processes: usize, now: Instant) -> SimulatedTables {
        let committed = X * processes as u64;
        let arena = committed + self.chunks * CHUNK;
        let mut shares = Shares::default();
        if !self.is_separate {
            // A tenth for leaks, most for efficiency: the parts of the issue's example.
            let parts =
                [(Pool::GrantedLeak, 10), (Pool::GrantedPause, 20), (Pool::LoanedPause, 25)];
            let mut rest = self.chunks;
            for (pool, percent) in parts {
                let chunks = self.chunks * percent / 100;
                rest -= chunks;
                shares.set(pool, Share::Bytes(chunks * CHUNK));
            }
            shares.set(Pool::LoanedEfficiency, Share::Bytes(rest * CHUNK));
        }
        let pools = PoolAmounts::divided(arena, &shares, &Shares::default());
        let pools = pools.unwrap_or_else(|why| unreachable!("whole chunks sum up: {why}"));
        let ids = Ids::new(StdRng::seed_from_u64(0), RandomState::new());
        let longest = Duration::from_secs(1);
        let leases = LeaseTable::new(Buddy::new(arena), ids, longest, |_, _| ());
        let rules = Rules { block: X, most: processes, ..Rules::default() };
        StandAlone::new(leases, pools, rules, now)
    }
}

/// What came of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RunOutcome {
    /// Requests that were refused.
    pub refused: u64,
    /// Times that a process had to stop for memory.
    pub pauses: u64,
    /// For how long, all processes together, in milliseconds.
    pub paused_ms: u64,
    /// Collections.
    pub collections: u64,
    /// Processes that ended for want of memory, and began anew.
    pub failures: u64,
    /// The most bytes that were held at once, committed memory included.
    pub peak: u64,
}

/// Runs processes under a policy for so long as there is demand.
pub fn run(policy: Policy, demand: &Demand) -> RunOutcome {
    let start = Instant::now();
    let count = demand.processes();
    let mut tables = policy.tables(count, start);
    let mut outcome = RunOutcome::default();
    let mut processes: Vec<SimulatedProcess> =
        (0..count).map(|number| SimulatedProcess::new(number, policy)).collect();
    for ms in 0..demand.milliseconds() {
        let now = start + Duration::from_millis(ms as u64);
        for process in &mut processes {
            let (tables, outcome) = (&mut tables, &mut outcome);
            process.step(&mut Millisecond { tables, ms, now, outcome }, demand);
        }
        tables.manager().collect(now);
        outcome.peak = outcome.peak.max(tables.leases.filling().used);
    }
    let now = start + Duration::from_millis(demand.milliseconds() as u64);
    processes.iter().for_each(|process| process.leave(&mut tables, now));
    let is_whole = tables.check().is_ok() && tables.leases.filling().used == 0;
    debug_assert!(is_whole, "memory was lost: {:?}", tables.check());
    outcome
}

/// The three policies of the document, for so many processes.
pub fn policies(processes: usize) -> [Policy; 3] {
    let processes_x = processes as u64;
    [
        Policy::separate(5, processes),
        Policy::shared(2 * processes_x, 5),
        Policy::shared(5 * processes_x, 10),
    ]
}

/// What came of pools that all share, the smallest first, each with its size in x: up to 10x for
/// each process, of which each takes at most 5x. A hundred sizes, or all if there are fewer.
pub type Sweep = Vec<(u64, RunOutcome)>;

/// A sweep for each shape of demand. One thread for each.
pub fn sweep(processes: usize, seconds: u64, seed: u64) -> [Sweep; Shape::ALL.len()] {
    let most = 10 * processes as u64;
    let step = most.div_ceil(100);
    let of_shape = |shape| {
        let demand = Demand::new(shape, processes, seconds, seed);
        let sizes = (1..=most / step).map(|at| at * step);
        sizes.map(|x| (x, run(Policy::shared(x, 5), &demand))).collect()
    };
    std::thread::scope(|scope| {
        let threads = Shape::ALL.map(|shape| scope.spawn(move || of_shape(shape)));
        // A thread that panicked has said so; its line is empty.
        threads.map(|thread| thread.join().unwrap_or_default())
    })
}

/// The smallest pool in x that went as `is_good` says, and so did all larger ones.
pub fn smallest(sweep: &[(u64, RunOutcome)], is_good: impl Fn(&RunOutcome) -> bool) -> Option<u64> {
    let good = sweep.iter().rev().take_while(|(_, outcome)| is_good(outcome));
    good.last().map(|(x, _)| *x)
}

/// How small the pool may get on each shape of demand, as text of at most 80 columns, of what
/// came of a [`sweep`] of so many processes for so many seconds.
pub fn how_small(sweep: &[Sweep], processes: usize, seconds: u64) -> String {
    let mut text = format!(
        "the smallest shared pool, at most 5x for each, that has like all larger ones\n  {:30}{:>12}{:>15}{:>15}\n",
        "", "no refusal", "0.1 % paused", "1 % paused"
    );
    let all_ms = seconds * 1000 * processes as u64;
    for (outcomes, shape) in sweep.iter().zip(Shape::ALL) {
        let size = |is_good: &dyn Fn(&RunOutcome) -> bool| {
            smallest(outcomes, is_good).map_or("none".to_string(), |x| format!("{x}x"))
        };
        let refusal = size(&|outcome| outcome.refused == 0);
        let [tenth, whole] =
            [1000, 100].map(|part| size(&|outcome| outcome.paused_ms * part <= all_ms));
        let _ = writeln!(text, "  {:30}{refusal:>12}{tenth:>15}{whole:>15}", shape.name());
    }
    text
}

/// The three policies side by side on each shape of demand, as text of at most 80 columns.
pub fn report(processes: usize, seconds: u64, seed: u64) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{processes} processes, {seconds} s, seed {seed}; 1x is {X} bytes, a process's committed memory"
    );
    for shape in Shape::ALL {
        let demand = Demand::new(shape, processes, seconds, seed);
        let _ = writeln!(text, "\n{}", shape.name());
        let _ = writeln!(
            text,
            "  {:24}{:>9}{:>8}{:>10}{:>12}{:>7}{:>7}",
            "", "refused", "pauses", "paused ms", "collections", "failed", "peak"
        );
        for policy in policies(processes) {
            let RunOutcome { refused, pauses, paused_ms, collections, failures, peak, .. } =
                run(policy, &demand);
            let peak = peak as f64 / X as f64;
            let name = policy.name();
            let _ = writeln!(
                text,
                "  {name:24}{refused:>9}{pauses:>8}{paused_ms:>10}{collections:>12}{failures:>7}{peak:>6.1}x"
            );
        }
    }
    text
}

#[cfg(test)]
#[path = "simulation_tests.rs"]
mod tests;
