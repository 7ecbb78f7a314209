//! How long a read may wait, and what it means when nothing came.
//!
//! ```text
//!   nothing pending, small buffers   as long as the idle timeout, or for ever
//!   nothing pending, large buffers   1 s, then the buffers shrink
//!   part of a request                what is left of the request timeout,
//!                                    counted from the request's first byte
//!   `draw N` without a line end      100 ms, then it counts as a line
//! ```
//!
//! A deadline is for the whole request, not for each read: a client that sends one
//! byte every few seconds runs out of it like one that sends nothing.
//!
//! **Invariants** an idle connection asks for no clock and no timer.
//!
//! **Lock** none. Time is an argument.

use std::time::{Duration, Instant};

use crate::protocol::text::QUIET_MS;

/// How long a connection keeps large buffers that nothing is in.
const SHRINK: Duration = Duration::from_secs(1);

/// What the connection knows before it reads.
#[derive(Debug, Clone, Copy)]
pub struct Situation {
    /// Part of a request is there.
    pub pending: bool,
    /// Silence would make a request of it.
    pub awaits_quiet: bool,
    /// Its buffers are larger than an idle connection's should be.
    pub large: bool,
}

/// What to wait for, and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitFor {
    /// For the next byte, for ever.
    Forever,
    /// For the rest of a request; then it was too slow.
    Whole(Duration),
    /// For anything at all; then the silence is a line end.
    Quiet(Duration),
    /// For the next request; then the connection was idle too long.
    Idle(Duration),
    /// For the next request; then the buffers shrink.
    Shrink(Duration),
}

impl WaitFor {
    /// The socket's read timeout.
    pub fn timeout(self) -> Option<Duration> {
        match self {
            WaitFor::Forever => None,
            WaitFor::Whole(left)
            | WaitFor::Quiet(left)
            | WaitFor::Idle(left)
            | WaitFor::Shrink(left) => Some(left),
        }
    }
}

/// One connection's time limits, and when the present request began.
#[derive(Debug)]
pub struct Patience {
    request: Duration,
    /// Zero: none.
    idle: Duration,
    began: Option<Instant>,
    /// How much of the idle time was waited before the buffers shrank.
    idled: Duration,
}

impl Patience {
    /// With these limits; an `idle` of zero is none.
    pub fn new(request: Duration, idle: Duration) -> Self {
        Self { request, idle, began: None, idled: Duration::ZERO }
    }

    /// A request was whole: the next one's time has not begun.
    pub fn request_done(&mut self) {
        self.idled = Duration::ZERO;
        self.began = None;
    }

    /// What to wait for now. The clock is read only while a request is under way.
    pub fn wait(&mut self, situation: Situation, clock: impl FnOnce() -> Instant) -> WaitFor {
        if !situation.pending {
            self.began = None;
            return self.wait_for_next(situation.large);
        }
        self.idled = Duration::ZERO;
        let now = clock();
        let began = *self.began.get_or_insert(now);
        let left = self.request.saturating_sub(now.saturating_duration_since(began));
        let quiet = Duration::from_millis(QUIET_MS);
        if situation.awaits_quiet && quiet < left {
            WaitFor::Quiet(quiet)
        } else {
            WaitFor::Whole(left)
        }
    }

    fn wait_for_next(&mut self, large: bool) -> WaitFor {
        let unlimited = self.idle.is_zero();
        if large && (unlimited || SHRINK < self.idle) {
            self.idled = SHRINK;
            WaitFor::Shrink(SHRINK)
        } else if unlimited {
            WaitFor::Forever
        } else {
            WaitFor::Idle(self.idle - self.idled)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const PART: Situation = Situation { pending: true, awaits_quiet: false, large: false };
    const NOTHING: Situation = Situation { pending: false, ..PART };
    const DRAW: Situation = Situation { awaits_quiet: true, ..PART };

    fn no_clock() -> Instant {
        panic!("an idle connection asks for no clock")
    }

    #[test]
    fn an_idle_connection_waits_for_ever_and_asks_for_no_clock() {
        let mut patience = Patience::new(30 * SECOND, Duration::ZERO);
        assert_eq!(patience.wait(NOTHING, no_clock), WaitFor::Forever);
        let mut patience = Patience::new(30 * SECOND, 9 * SECOND);
        assert_eq!(patience.wait(NOTHING, no_clock), WaitFor::Idle(9 * SECOND));
    }

    #[test]
    fn one_byte_every_few_seconds_still_runs_out_of_time() {
        let start = Instant::now();
        let mut patience = Patience::new(30 * SECOND, Duration::ZERO);
        for seconds in (0..30).step_by(5) {
            let wait = patience.wait(PART, || start + seconds * SECOND);
            assert_eq!(wait, WaitFor::Whole((30 - seconds) * SECOND));
        }
        assert_eq!(patience.wait(PART, || start + 31 * SECOND), WaitFor::Whole(Duration::ZERO));
    }

    #[test]
    fn each_request_has_its_own_time() {
        let start = Instant::now();
        let mut patience = Patience::new(30 * SECOND, Duration::ZERO);
        patience.wait(PART, || start);
        patience.request_done();
        assert_eq!(patience.wait(PART, || start + 20 * SECOND), WaitFor::Whole(30 * SECOND));
        patience.wait(NOTHING, no_clock);
        assert_eq!(patience.wait(PART, || start + 60 * SECOND), WaitFor::Whole(30 * SECOND));
    }

    #[test]
    fn silence_is_waited_for_only_within_the_requests_time() {
        let start = Instant::now();
        let mut patience = Patience::new(SECOND, Duration::ZERO);
        let quiet = Duration::from_millis(QUIET_MS);
        assert_eq!(patience.wait(DRAW, || start), WaitFor::Quiet(quiet));
        let late = start + SECOND - quiet;
        assert_eq!(patience.wait(DRAW, || late), WaitFor::Whole(quiet));
    }

    #[test]
    fn large_buffers_are_kept_for_a_second() {
        let large = Situation { large: true, ..NOTHING };
        let wait = |idle| Patience::new(SECOND, idle).wait(large, no_clock);
        assert_eq!(wait(Duration::ZERO), WaitFor::Shrink(SHRINK));
        assert_eq!(wait(60 * SECOND), WaitFor::Shrink(SHRINK));
        assert_eq!(wait(SECOND), WaitFor::Idle(SECOND));
    }

    #[test]
    fn the_time_until_the_buffers_shrink_is_part_of_the_idle_time() {
        let large = Situation { large: true, ..NOTHING };
        let mut patience = Patience::new(SECOND, 3 * SECOND);
        assert_eq!(patience.wait(large, no_clock), WaitFor::Shrink(SECOND));
        assert_eq!(patience.wait(NOTHING, no_clock), WaitFor::Idle(2 * SECOND));
        patience.request_done();
        assert_eq!(patience.wait(NOTHING, no_clock), WaitFor::Idle(3 * SECOND));
    }
}
