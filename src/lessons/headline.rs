//! The headline of lesson 4, which is the document's claim: ten processes need fewer bytes if they
//! share them. Three curves show how the pauses of ten simulated processes add up.
//!
//! One *x* is the memory that the program of one process runs on. *Headroom* is memory in addition,
//! for the garbage collector. A process *pauses* when it must stop until it gets memory.
//!
//! **Invariants** the same seed gives the same curves. The last point of a curve is at most the
//! `paused_ms` of the whole run, because the run ends after it.
//!
//! **Lock** none: a simulation has tables of its own.
//!
//! **Source** `cooperative-memory-management.txt`: a headroom of 5x for each of ten processes,
//! compared with 20x and 50x that they share.

use super::settings::Settings;
use super::view::{list, number, record, text};
use crate::lab::simulation::demand::{Demand, Shape};
use crate::lab::simulation::{RunOutcome, Sharing, run_seen, sharings};
use crate::protocol::http::value::Value;

/// The number of processes.
const TEN: usize = 10;

/// The length of a run on the simulated clock, in seconds.
const SECONDS: u64 = 20;

/// The time between two points of a curve, in milliseconds.
const EVERY_MS: usize = 200;

/// Answers with three runs of ten processes, as curves: with 5x of headroom for each, with 20x
/// shared, and with 50x shared. A point of a curve is the length of all pauses so far, in
/// milliseconds. All three runs have the same demand, which `seed` decides.
pub fn headline(settings: &Settings) -> Result<Value, String> {
    let seed = settings.number_or("seed", 1, 0..=u64::from(u32::MAX))?;
    let demand = Demand::new(Shape::Independent, TEN, SECONDS, seed);
    let curve = |sharing: Sharing| {
        let mut points = Vec::new();
        let outcome = run_seen(sharing, &demand, |ms, outcome: &RunOutcome| {
            if ms % EVERY_MS == 0 {
                points.push(Value::Number(outcome.paused_ms));
            }
        });
        record([
            ("name", text(sharing.name())),
            ("paused", list(points)),
            ("pauses", number(outcome.pauses)),
            ("paused_ms", number(outcome.paused_ms)),
            ("failures", number(outcome.failures)),
        ])
    };
    Ok(record([("every_ms", number(EVERY_MS)), ("curves", list(sharings(TEN).map(curve)))]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::simulation::run;

    #[test]
    fn the_headline_grows_to_its_outcome() {
        let settings = Settings::read(Some(b"seed=1"), &["seed"]).unwrap();
        let Value::Record(fields) = headline(&settings).unwrap() else { panic!("no record") };
        let Value::List(_, curves) = &fields[1].1 else { panic!("no curves") };
        assert_eq!(curves.len(), 3);
        let demand = Demand::new(Shape::Independent, TEN, SECONDS, 1);
        for (curve, sharing) in curves.iter().zip(sharings(TEN)) {
            let outcome = run(sharing, &demand);
            let Value::Record(fields) = curve else { panic!("no record") };
            assert_eq!(fields[3], ("paused_ms".into(), Value::Number(outcome.paused_ms)));
            let Value::List(_, points) = &fields[1].1 else { panic!("no points") };
            assert_eq!(points.len(), SECONDS as usize * 1000 / EVERY_MS);
        }
    }
}
