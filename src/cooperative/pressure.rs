//! Pressure: the share of the time in which processes waited for memory.
//!
//! ```text
//!   second       … │ 3 │ 4 │ 5 │ 6 │ 7 │ 8 │ 9 │ 10 = now
//!   a waits                ├───────────────────┤
//!   b waits                            ├───────┤
//!   some           │ 0 │ 0 │ 1 │ 1 │ 1 │ 1 │ 1 │       5 of the last 10 s: some10=50.00
//!   all            │ 0 │ 0 │ 0 │ 0 │ 0 │ 1 │ 1 │       2 of the last 10 s: all10=20.00
//! ```
//!
//! A process waits while one of its requests for memory is in the manager's queue. `some` counts
//! the time in which at least one process waited. `all` counts the time in which every process
//! waited: then the machine did no work.
//!
//! A bucket has the waiting time of one second. A window is the last 10 or 60 seconds.
//!
//! **Invariants** The meter has 61 buckets, however often processes begin and stop waiting. `note`
//! visits at most 62 seconds, however long ago the last call was; `figures` reads 72 buckets more,
//! to add up the two windows.
//!
//! **Lock** the tables. Time is an argument.
//!
//! **Simplified** A window seldom begins at a full second, so only a part of its oldest second lies
//! in the window. The meter does not know when in that second a process waited. It counts a
//! proportional part of that second's waiting time. The error is at most 0.25 s: for example, a
//! process waited in the first half of that second, and the window begins with the second half. The
//! time before the server started counts as time without waiting.
//!
//! **Source** Linux's pressure stall information: its `some` and `full`, in plain windows instead
//! of decaying averages.

use std::time::{Duration, Instant};

use crate::cooperative::words;

/// The longest window, in seconds.
const MAX_WINDOW_S: usize = 60;

/// The length of a bucket.
const SECOND: Duration = Duration::from_secs(1);

/// All of the time, in hundredths of a percent.
const WHOLE: u128 = 10_000;

/// The meter: how long processes waited in each of the last 61 seconds, and whether they wait now.
#[derive(Debug)]
pub struct PressureMeter {
    /// The beginning of second 0.
    start: Instant,
    /// The time up to which the buckets count. Since then `is_some` and `is_all` have not changed.
    until: Instant,
    /// Indexed by the second since the start, modulo the length. There is one bucket more than the
    /// longest window has seconds, because a window that ends within a second also begins within
    /// one, and so lies in 61 seconds.
    buckets: [Bucket; MAX_WINDOW_S + 1],
    /// Whether some process has waited since `until`.
    is_some: bool,
    /// Whether all processes have waited since `until`; false when there is no process.
    is_all: bool,
}

/// The time within one second in which some process waited, and in which all did.
#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    some: Duration,
    all: Duration,
}

impl PressureMeter {
    /// Returns a meter that starts `now`, with no process waiting.
    pub fn new(now: Instant) -> Self {
        let buckets = [Bucket::default(); MAX_WINDOW_S + 1];
        Self { start: now, until: now, buckets, is_some: false, is_all: false }
    }

    /// Notes that from `now` on there are `processes` processes, of which `waiting` wait. The
    /// caller must note each change of one of the two numbers: the meter assumes that they stay the
    /// same between two notes.
    pub fn note(&mut self, waiting: usize, processes: usize, now: Instant) {
        self.count_up_to(now);
        self.is_some = waiting > 0;
        self.is_all = waiting > 0 && waiting == processes;
    }

    /// Returns the shares of the last 10 and 60 seconds in which some process waited, and in which
    /// all processes waited. It needs `&mut self` to count up to `now` first.
    pub fn figures(&mut self, now: Instant) -> words::Pressure {
        self.count_up_to(now);
        let (some_10, all_10) = self.share(10);
        let (some_60, all_60) = self.share(60);
        words::Pressure { some_10, some_60, all_10, all_60 }
    }

    /// Returns the second since the start in which a time lies.
    fn second(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.start).as_secs()
    }

    /// Returns the bucket of a second.
    fn bucket(&mut self, second: u64) -> &mut Bucket {
        let length = self.buckets.len() as u64;
        &mut self.buckets[(second % length) as usize]
    }

    /// Adds the time from `until` to `now` to the buckets of the seconds that it covers.
    fn count_up_to(&mut self, now: Instant) {
        let last = self.second(now);
        // Leaves out the seconds that have no bucket any more: a later second of this loop would
        // overwrite them.
        let first = self.second(self.until).max(last.saturating_sub(self.buckets.len() as u64));
        for second in first..=last {
            // A `Duration` can only be multiplied by 32 bits: enough for a server of 136 years.
            let begin = self.start + SECOND * u32::try_from(second).unwrap_or(u32::MAX);
            if begin > self.until {
                // The second is new: its bucket still has the times of 61 seconds earlier.
                *self.bucket(second) = Bucket::default();
            }
            let from = begin.max(self.until);
            let span = now.min(begin + SECOND).saturating_duration_since(from);
            let (some, all) = (self.is_some, self.is_all);
            let bucket = self.bucket(second);
            bucket.some += if some { span } else { Duration::ZERO };
            bucket.all += if all { span } else { Duration::ZERO };
        }
        self.until = self.until.max(now);
    }

    /// Returns two shares of the last `seconds` seconds, in hundredths of a percent: the time in
    /// which some process waited, and the time in which all processes waited.
    fn share(&self, seconds: u32) -> (u32, u32) {
        let last = self.second(self.until);
        let passed = self.until.saturating_duration_since(self.start) - SECOND * last as u32;
        let mut sum = Bucket::default();
        for back in 0..=u64::from(seconds).min(last) {
            let bucket = self.buckets[((last - back) % self.buckets.len() as u64) as usize];
            // A part of the oldest second has left the window. It is as long as the part of the
            // newest second that has passed.
            let is_first = back == u64::from(seconds);
            let part = |time: Duration| if is_first { left_of(time, passed) } else { time };
            sum.some += part(bucket.some);
            sum.all += part(bucket.all);
        }
        let window = u128::from(seconds) * SECOND.as_nanos();
        let share = |time: Duration| (time.as_nanos() * WHOLE / window).min(WHOLE) as u32;
        (share(sum.some), share(sum.all))
    }
}

/// Returns the part of `time` that still counts. `time` is the waiting time of the window's oldest
/// second, and the first `passed` of that second are before the window.
fn left_of(time: Duration, passed: Duration) -> Duration {
    time.mul_f64(1.0 - passed.as_secs_f64().min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn who_waits_for_half_the_window_makes_half_the_pressure() {
        let start = Instant::now();
        let mut pressure = PressureMeter::new(start);
        pressure.note(1, 2, start + 5 * SECOND);
        let at_10 = pressure.figures(start + 10 * SECOND);
        assert_eq!((at_10.some_10, at_10.all_10), (5000, 0));
        assert_eq!(at_10.some_60, 833);
        pressure.note(2, 2, start + 10 * SECOND);
        let at_20 = pressure.figures(start + 20 * SECOND);
        assert_eq!((at_20.some_10, at_20.all_10), (10_000, 10_000));
        assert_eq!((at_20.some_60, at_20.all_60), (2500, 1666));
        pressure.note(0, 2, start + 20 * SECOND);
        assert_eq!(pressure.figures(start + 81 * SECOND), words::Pressure::default());
    }

    #[test]
    fn a_naive_model_counts_the_same_to_a_second() {
        use rand::{RngExt, SeedableRng};
        let mut rng = rand::rngs::StdRng::seed_from_u64(5);
        let start = Instant::now();
        let mut pressure = PressureMeter::new(start);
        // For each millisecond, whether some process waited.
        let mut model: Vec<bool> = Vec::new();
        for _ in 0..300 {
            let waits = rng.random();
            pressure.note(usize::from(waits), 2, start + MS * model.len() as u32);
            let span =
                if rng.random_range(0..40) == 0 { 90_000 } else { rng.random_range(0..1500) };
            model.resize(model.len() + span, waits);
            let figures = pressure.figures(start + MS * model.len() as u32);
            for (window, share) in [(10, figures.some_10), (60, figures.some_60)] {
                let last = model.iter().rev().take(window * 1000);
                let expected = last.filter(|waited| **waited).count() * 10_000 / (window * 1000);
                let off = (share as i64 - expected as i64).unsigned_abs() as usize;
                assert!(off <= 10_000 / window / 2, "{window}: {share}, not {expected}");
            }
        }
    }

    #[test]
    fn nobody_waits_where_nobody_is() {
        let start = Instant::now();
        let mut pressure = PressureMeter::new(start);
        pressure.note(0, 0, start);
        assert_eq!(pressure.figures(start + SECOND), words::Pressure::default());
    }
}
