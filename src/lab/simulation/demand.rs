//! The demand: how many bytes each simulated process allocates in each millisecond.
//!
//! ```text
//!   busy  ▂▂▂█▂▂    x/20 bytes in a millisecond, sometimes twice as many
//!   idle  ▁▁▁▁▁▁    x/1000 bytes in a millisecond
//! ```
//!
//! The unit *x* ([`X`]) is the committed memory of one process, 1 MiB.
//!
//! The demand is computed before the run, and does not depend on the memory that a process gets: a
//! paused process does the same work later. So all ways of sharing have the same work to do.
//!
//! **Invariants** the same shape, number of processes, length and seed give the same demand.
//!
//! **Lock** none: it never changes after it was made.
//!
//! **Simplified** bursts and rests have exponential lengths, so a burst that has lasted long is no
//! nearer to its end than a new one. Real load also follows the time of day.
//!
//! **Source** `cooperative-memory-management.txt`, the text of figure 2: few processes use much of
//! their headroom, and most are idle. Its claim is that a shared pool may then be small
//! ([`crate::lab::simulation`]). Two shapes test where that fails: all processes busy at once, and
//! a leak.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::lab::simulation::X;

/// The bytes that a busy process allocates in a millisecond: 1x in 20 ms, and 5x in 100 ms.
pub const BUSY: u32 = (X / 20) as u32;

/// The bytes that an idle process allocates in a millisecond.
const IDLE: u32 = BUSY / 50;

/// In a spike, some milliseconds of a burst, a process allocates this multiple of [`BUSY`].
const SPIKE: u32 = 2;
/// The probability that a spike starts in a busy millisecond. A burst of average length has about
/// one spike.
const SPIKE_CHANCE: f64 = 1.0 / 400.0;
/// The length of a spike in milliseconds.
const SPIKE_MS: usize = 25;

/// The average length of a burst in milliseconds. With the rests, a process is busy for a fifth of
/// the time.
const BURST_MS: f64 = 500.0;
/// The average length of a rest between two bursts, in milliseconds.
const REST_MS: f64 = 2000.0;

/// A leaking process never frees 1 of this many bytes that it allocates.
const LEAK: u32 = 20;

/// The times at which processes are busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Each process has bursts of its own, a fifth of the time.
    Independent,
    /// All processes have their bursts at the same time. Each process has spikes of its own.
    Correlated,
    /// The bursts are independent, and the first process leaks.
    Leaking,
    /// The first fifth of the processes, rounded up, is always busy, and the others are always
    /// idle. With ten processes, two are busy.
    FifthBusy,
}

impl Shape {
    /// All shapes.
    pub const ALL: [Self; 4] =
        [Shape::Independent, Shape::Correlated, Shape::Leaking, Shape::FifthBusy];

    /// Returns the shape's name for reports.
    pub fn name(self) -> &'static str {
        match self {
            Shape::Independent => "independent bursts",
            Shape::Correlated => "correlated bursts",
            Shape::Leaking => "one leaking process",
            Shape::FifthBusy => "a fifth busy, the rest idle",
        }
    }
}

/// The demand of all processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    shape: Shape,
    /// The bytes, by process and then by millisecond of its work.
    bytes: Vec<Vec<u32>>,
}

impl Demand {
    /// Computes the demand of this many processes for this many seconds.
    pub fn new(shape: Shape, processes: usize, seconds: u64, seed: u64) -> Self {
        let milliseconds = seconds as usize * 1000;
        let mut common = StdRng::seed_from_u64(seed);
        let together = bursts(&mut common, milliseconds);
        let of = |process: usize| {
            // Each process has a random source of its own, so a further process does not change the
            // others' bursts. The process's number goes into the upper half of the seed. So with
            // seeds of at most 32 bits no process shares a source with another process, or with
            // the common bursts.
            let mut rng = StdRng::seed_from_u64(seed ^ (process as u64 + 1) << 32);
            let is_busy = match shape {
                Shape::Independent | Shape::Leaking => bursts(&mut rng, milliseconds),
                Shape::Correlated => together.clone(),
                Shape::FifthBusy => vec![process * 5 < processes; milliseconds],
            };
            with_spikes(&mut rng, &is_busy)
        };
        Self { shape, bytes: (0..processes).map(of).collect() }
    }

    /// Returns the number of processes.
    pub fn processes(&self) -> usize {
        self.bytes.len()
    }

    /// Returns the length of each process's work in milliseconds.
    pub fn milliseconds(&self) -> usize {
        self.bytes.first().map_or(0, Vec::len)
    }

    /// Returns the bytes that a process allocates in one millisecond of its work; 0 after the last.
    /// Panics if there is no such process.
    pub fn bytes(&self, process: usize, ms: usize) -> u64 {
        self.bytes[process].get(ms).copied().unwrap_or(0).into()
    }

    /// Returns the part of `bytes` that the process will never free.
    pub fn leaked(&self, process: usize, bytes: u64) -> u64 {
        let leaks = self.shape == Shape::Leaking && process == 0;
        if leaks { bytes / u64::from(LEAK) } else { 0 }
    }
}

/// Returns for each millisecond whether it is busy. Busy and idle spans follow each other, each of
/// a random length with an exponential distribution.
fn bursts(rng: &mut StdRng, milliseconds: usize) -> Vec<bool> {
    let mut busy = Vec::new();
    // The probability is the share of busy time, so the start is like any later moment.
    let mut is_busy = rng.random_bool(BURST_MS / (BURST_MS + REST_MS));
    while busy.len() < milliseconds {
        let mean = if is_busy { BURST_MS } else { REST_MS };
        // The inverse of the exponential distribution function turns a uniform random number into a
        // length. `random` is below 1, so the logarithm is finite.
        let span = -mean * (1.0 - rng.random::<f64>()).ln();
        // A span has at least 1 ms, so the loop ends.
        let end = (busy.len() + 1 + span as usize).min(milliseconds);
        busy.resize(end, is_busy);
        is_busy = !is_busy;
    }
    busy
}

/// Returns the bytes of each millisecond, with spikes in some of the busy ones.
fn with_spikes(rng: &mut StdRng, is_busy: &[bool]) -> Vec<u32> {
    let mut spike_until = 0;
    let rate = |(ms, &is_busy): (usize, &bool)| {
        if is_busy && ms >= spike_until && rng.random_bool(SPIKE_CHANCE) {
            spike_until = ms + SPIKE_MS;
        }
        match (is_busy, ms < spike_until) {
            (false, _) => IDLE,
            (true, false) => BUSY,
            (true, true) => SPIKE * BUSY,
        }
    };
    is_busy.iter().enumerate().map(rate).collect()
}
