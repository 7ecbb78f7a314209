//! A simulation: processes with bursty demand share memory under the server's own memory manager,
//! on a simulated clock.
//!
//! ```text
//!   demand ──► process ── request, report, return ──► Manager ── collect ──► process
//!   (seeded)     a collector that takes 20 ms           the server's own, called each ms
//! ```
//!
//! The simulation tests a claim of the document `cooperative-memory-management.txt`. One *x* is the
//! committed memory of a process: the memory that the program itself needs. Headroom is additional
//! memory for the garbage collector of the process.
//!
//! ```text
//!   each alone    ▓▓░░░  ▓▓▓▓▓  ▓░░░░  …  ▓▓▓░░     5x each for 10 processes: 50x
//!   a pool        ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓░░░░              20x for all, at most 5x for one
//!   a large pool  the same with 50x                 at most 10x for one
//! ```
//!
//! A square is 1x of headroom: ▓ is in use, ░ is free.
//!
//! The claim: a pool of 20x is enough, because few processes are busy at once; and a pool of 50x
//! gives a busy process more headroom than it had alone. The results, also where the claim fails,
//! are in `docs/book/cooperative.md`.
//!
//! **Invariants**
//!
//! 1. The same seed gives the same demand to every way of sharing, so the results of two ways can
//!    be compared.
//! 2. After each run all memory is back, and the manager's `check` finds no broken invariant. Debug
//!    builds assert both.
//!
//! **Lock** none: each run has one thread and its own tables. Time is a number, so a run of 20 s
//! takes only as long as its computation.
//!
//! **Simplified** each object is garbage as soon as it was allocated, apart from those of a leak. A
//! collection takes 20 ms however much it finds, runs beside the program, and frees the garbage
//! that was there when it began. Real collectors take longer for more live objects, and slow the
//! program down.
//!
//! **Source** `cooperative-memory-management.txt`, figures 1 and 2 and their text.

pub mod demand;
pub mod plot;
mod process;

use std::fmt::Write;
use std::time::{Duration, Instant};

use crate::cooperative::manager::{Rules, StandAlone};
use crate::cooperative::pool::{Share, Shares};
use crate::cooperative::words::Pool;
pub use demand::{Demand, Shape};
use process::{Millisecond, SimulatedProcess};

/// The committed memory of a process in bytes: the document's x. Only the ratios to it matter; 1
/// MiB keeps the chunks powers of two, so the buddy allocator wastes nothing.
pub const X: u64 = 1 << 20;

/// A *chunk*: the bytes of one request for headroom. A busy process uses a chunk up in about 5 ms.
const CHUNK: u64 = X / 4;

/// The tables of a simulation. The two `()` stand for the contents of a lease, because no bytes are
/// stored, and for the waker of a waiting thread, because no thread waits.
type SimulatedTables = StandAlone<()>;

/// The rule by which memory is shared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sharing {
    /// The headroom of all processes together, in chunks.
    chunks: u64,
    /// The most headroom of one process, in chunks. Only a grant for `out-of-memory` exceeds it.
    max_chunks: u64,
    /// Whether each process takes `max_chunks` at its start and keeps them to its end. If not, the
    /// processes share all chunks.
    is_separate: bool,
}

/// The chunks in one x.
const CHUNKS: u64 = X / CHUNK;

impl Sharing {
    /// Makes the way of sharing in which each process has `each` x of headroom for itself alone.
    pub fn separate(each: u64, processes: usize) -> Self {
        let max_chunks = each * CHUNKS;
        Self { chunks: max_chunks * processes as u64, max_chunks, is_separate: true }
    }

    /// Makes the way of sharing in which all share `all` x of headroom, of which one process takes
    /// at most `each` x, and more only when it is out of memory.
    pub fn shared(all: u64, each: u64) -> Self {
        Self { chunks: all * CHUNKS, max_chunks: each * CHUNKS, is_separate: false }
    }

    /// Returns the name of the way of sharing for reports, such as `20x shared, 5x at most`.
    pub fn name(&self) -> String {
        let all = self.chunks / CHUNKS;
        let most = self.max_chunks / CHUNKS;
        if self.is_separate {
            format!("{most}x each, {all}x in all")
        } else {
            format!("{all}x shared, {most}x at most")
        }
    }

    /// Returns fresh tables for this many processes: an arena of exactly their committed memory and
    /// the headroom.
    fn tables(&self, processes: usize, now: Instant) -> SimulatedTables {
        let committed = X * processes as u64;
        let arena = committed + self.chunks * CHUNK;
        let mut shares = Shares::default();
        if !self.is_separate {
            // The four pools divide the headroom: a tenth for leaks, a fifth (granted) and a
            // quarter (loaned) against pauses, and the rest, the largest part, for efficiency. Each
            // part is a number of whole chunks, because each request is for one chunk.
            let parts =
                [(Pool::GrantedLeak, 10), (Pool::GrantedPause, 20), (Pool::LoanedPause, 25)];
            let mut rest = self.chunks;
            for (pool, percent) in parts {
                let chunks = self.chunks * percent / 100;
                rest -= chunks;
                shares.insert(pool, Share::Bytes(chunks * CHUNK));
            }
            shares.insert(Pool::LoanedEfficiency, Share::Bytes(rest * CHUNK));
        }
        // The committed pool gets the remainder: 1x for each process and, if the sharing is
        // separate, all of the headroom.
        let rules = Rules { block: X, most: processes, ..Rules::default() };
        let tables = StandAlone::new(arena, &shares, &Shares::default(), rules, now);
        tables.unwrap_or_else(|why| unreachable!("whole chunks sum up: {why}"))
    }
}

/// The result of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RunOutcome {
    /// The requests that were refused, at once or after a wait in the manager's queue. After a
    /// refused request for efficiency the process collects; the refusal itself causes no pause.
    pub refused: u64,
    /// The number of pauses. A process pauses when it has to stop because it has too little memory;
    /// several milliseconds in a row are one pause.
    pub pauses: u64,
    /// The length of all pauses of all processes together, in milliseconds.
    pub paused_ms: u64,
    /// The collections that ended.
    pub collections: u64,
    /// The number of times that a process ended because it had no memory left. The process then
    /// starts again.
    pub failures: u64,
    /// The most bytes in use at the end of any millisecond, committed memory included.
    pub peak: u64,
}

/// Runs the processes of `demand` under `sharing`, millisecond by millisecond, and returns the
/// result.
///
/// In each millisecond the processes act one after the other, always in the same order. Then the
/// manager, if its next look is due, asks for collections where a pool is low or a request waits.
/// So a run is repeatable, because no two requests are handled at the same time.
pub fn run(sharing: Sharing, demand: &Demand) -> RunOutcome {
    run_seen(sharing, demand, |_, _| {})
}

/// Runs as [`run`] does. At the end of each millisecond it calls `see` with the number of the
/// millisecond and the outcome so far.
pub fn run_seen(
    sharing: Sharing,
    demand: &Demand,
    mut see: impl FnMut(usize, &RunOutcome),
) -> RunOutcome {
    // The manager expects an `Instant`. One reading of the clock is enough: all later times are
    // computed from it.
    let start = Instant::now();
    let count = demand.processes();
    let mut tables = sharing.tables(count, start);
    let mut outcome = RunOutcome::default();
    let mut processes: Vec<SimulatedProcess> =
        (0..count).map(|number| SimulatedProcess::new(number, sharing)).collect();
    for ms in 0..demand.milliseconds() {
        let now = start + Duration::from_millis(ms as u64);
        for process in &mut processes {
            let (tables, outcome) = (&mut tables, &mut outcome);
            process.step(&mut Millisecond { tables, ms, now, outcome }, demand);
        }
        // The manager only asks: the processes collect in their next steps.
        tables.manager().collect(now);
        outcome.peak = outcome.peak.max(tables.leases.filling().used);
        see(ms, &outcome);
    }
    let now = start + Duration::from_millis(demand.milliseconds() as u64);
    processes.iter().for_each(|process| process.leave(&mut tables, now));
    // Blocks that are lost here would be lost in the server too: it runs the same manager.
    let used = tables.leases.filling().used;
    debug_assert_eq!((tables.check(), used), (Ok(()), 0), "memory was lost");
    outcome
}

/// Returns the document's three ways of sharing. For 10 processes: 5x each, 20x shared and 50x
/// shared.
pub fn sharings(processes: usize) -> [Sharing; 3] {
    let processes_x = processes as u64;
    [
        Sharing::separate(5, processes),
        Sharing::shared(2 * processes_x, 5),
        Sharing::shared(5 * processes_x, 10),
    ]
}

/// The results of shared pools of different sizes: the size in x, and the outcome. The smallest
/// pool is first. The sizes go up to 10x for each process, in at most 100 equal steps of whole x.
/// One process takes at most 5x, and more only when it is out of memory.
pub type Sweep = Vec<(u64, RunOutcome)>;

/// Runs a sweep for each shape of demand. Each sweep has a thread of its own, because sweeps share
/// no data.
pub fn sweep(processes: usize, seconds: u64, seed: u64) -> [Sweep; Shape::ALL.len()] {
    let most = 10 * processes as u64;
    let step = most.div_ceil(100);
    let of_shape = |shape| {
        let demand = Demand::new(shape, processes, seconds, seed);
        let sizes = (1..=most / step).map(|at| at * step);
        sizes.map(|x| (x, run(Sharing::shared(x, 5), &demand))).collect()
    };
    std::thread::scope(|scope| {
        let threads = Shape::ALL.map(|shape| scope.spawn(move || of_shape(shape)));
        // A thread that panicked has printed its message; its sweep is empty.
        threads.map(|thread| thread.join().unwrap_or_default())
    })
}

/// Returns the size in x of the smallest pool such that this pool and all larger ones of the sweep
/// are good; `None` if the largest pool is not good.
///
/// The search goes from the largest pool down, and stops at the first bad one. A good pool below a
/// bad one is luck, and does not say how small the pool may be.
pub fn smallest(sweep: &[(u64, RunOutcome)], is_good: impl Fn(&RunOutcome) -> bool) -> Option<u64> {
    let good = sweep.iter().rev().take_while(|(_, outcome)| is_good(outcome));
    good.last().map(|(x, _)| *x)
}

/// Returns the smallest pool for each shape of demand, by three measures, as text of at most 80
/// columns. `processes` and `seconds` are those of the [`sweep`].
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
            // 0.1 % is one part of 1000, and 1 % is one of 100. `paused * 1000 <= all` compares
            // whole numbers, without rounding.
            [1000, 100].map(|part| size(&|outcome| outcome.paused_ms * part <= all_ms));
        let _ = writeln!(text, "  {:30}{refusal:>12}{tenth:>15}{whole:>15}", shape.name());
    }
    text
}

/// Runs the three ways of sharing for each shape of demand, and returns their results as a table in
/// text. Its lines have at most 80 columns, apart from the first one, which has 80 for 10
/// processes, 20 s and a seed of four digits.
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
        for sharing in sharings(processes) {
            let RunOutcome { refused, pauses, paused_ms, collections, failures, peak, .. } =
                run(sharing, &demand);
            let peak = peak as f64 / X as f64;
            let name = sharing.name();
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
