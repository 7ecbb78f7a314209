//! What simulated processes allocate, millisecond by millisecond.
//!
//! ```text
//!   busy  ▂▂▂█▂▂    x/20 a ms, now and then twice as much
//!   idle  ▁▁▁▁▁▁    a fiftieth of that
//! ```
//!
//! **Invariants** the same shape, number, length and seed are the same demand.
//!
//! **Lock** none. **Source** figure 2's "few processes that utilize … while the majority stay
//! idle", and what would harm it: all at once, and a leak.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::lab::simulation::X;

/// What a busy process allocates in a millisecond, in bytes: 5x last for 100 ms.
pub const BUSY: u32 = (X / 20) as u32;

/// What an idle one does.
const IDLE: u32 = BUSY / 50;

/// A spike's factor, and how likely a busy millisecond begins one of [`SPIKE_MS`].
const SPIKE: u32 = 2;
const SPIKE_CHANCE: f64 = 1.0 / 400.0;
const SPIKE_MS: usize = 25;

/// How long bursts and the times between them last on average, in milliseconds.
const BURST_MS: f64 = 500.0;
const REST_MS: f64 = 2000.0;

/// Of what a leaking process allocates, one part in so many stays.
const LEAK: u32 = 20;

/// Who allocates when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Each has bursts of its own: a fifth of the time.
    Independent,
    /// All have theirs at the same time.
    Correlated,
    /// Independent, and the first one leaks.
    Leaking,
    /// The first fifth is always busy, the others idle.
    TwoBusy,
}

impl Shape {
    /// Every one of them.
    pub const ALL: [Self; 4] =
        [Shape::Independent, Shape::Correlated, Shape::Leaking, Shape::TwoBusy];

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Shape::Independent => "independent bursts",
            Shape::Correlated => "correlated bursts",
            Shape::Leaking => "one leaking process",
            Shape::TwoBusy => "a fifth busy, the rest idle",
        }
    }
}

/// What each process allocates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    shape: Shape,
    /// Bytes, by process and millisecond.
    bytes: Vec<Vec<u32>>,
}

impl Demand {
    /// The demand of so many processes for so many seconds.
    pub fn new(shape: Shape, processes: usize, seconds: u64, seed: u64) -> Self {
        let milliseconds = seconds as usize * 1000;
        let mut common = StdRng::seed_from_u64(seed);
        let together = bursts(&mut common, milliseconds);
        let of = |process: usize| {
            let mut rng = StdRng::seed_from_u64(seed ^ (process as u64 + 1) << 32);
            let is_busy = match shape {
                Shape::Independent | Shape::Leaking => bursts(&mut rng, milliseconds),
                Shape::Correlated => together.clone(),
                Shape::TwoBusy => vec![process * 5 < processes; milliseconds],
            };
            with_spikes(&mut rng, &is_busy)
        };
        Self { shape, bytes: (0..processes).map(of).collect() }
    }

    /// How many processes there are.
    pub fn processes(&self) -> usize {
        self.bytes.len()
    }

    /// How long it lasts.
    pub fn milliseconds(&self) -> usize {
        self.bytes.first().map_or(0, Vec::len)
    }

    /// What a process allocates in that millisecond of its work; nothing after the last.
    pub fn bytes(&self, process: usize, ms: usize) -> u64 {
        self.bytes[process].get(ms).copied().unwrap_or(0).into()
    }

    /// How much of so many bytes the process will never free.
    pub fn leaked(&self, process: usize, bytes: u64) -> u64 {
        let leaks = self.shape == Shape::Leaking && process == 0;
        if leaks { bytes / u64::from(LEAK) } else { 0 }
    }
}

/// Busy or not, in spans of exponential length.
fn bursts(rng: &mut StdRng, milliseconds: usize) -> Vec<bool> {
    let mut busy = Vec::new();
    let mut is_busy = rng.random_bool(BURST_MS / (BURST_MS + REST_MS));
    while busy.len() < milliseconds {
        let mean = if is_busy { BURST_MS } else { REST_MS };
        let span = -mean * (1.0 - rng.random::<f64>()).ln();
        let end = (busy.len() + 1 + span as usize).min(milliseconds);
        busy.resize(end, is_busy);
        is_busy = !is_busy;
    }
    busy
}

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
