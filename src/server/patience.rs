//! The longest wait of a read, and the next step when no byte has come in this time.
//!
//! ```text
//!   no bytes pending, small buffers   the idle timeout, or for ever
//!   no bytes pending, large buffers   1 s, then the buffers shrink (if the idle timeout is longer)
//!   a part of a request               the rest of the request timeout,
//!                                     counted from the request's first byte
//!   text without a line end           100 ms, if silence ends it
//! ```
//!
//! The request timeout is for the whole request, not for each read. The wrong way is a fresh
//! timeout for each read: a client that sends one byte every few seconds would then keep its thread
//! and its buffer for as long as it likes.
//!
//! ```text
//!   timeout 30 s   first byte        byte    byte    byte    byte    byte
//!                  0 s               5 s     10 s    15 s    20 s    25 s   30 s: closed
//!   next read waits  30 s             25 s    20 s    15 s    10 s    5 s
//! ```
//!
//! **Invariants**
//!
//! 1. An idle connection reads no clock. Without an idle timeout, and with small buffers, it costs
//!    no timer either.
//! 2. The second before the buffers shrink is a part of the idle timeout, not added to it.
//!
//! **Lock** none. A [`Patience`] belongs to one connection's thread. Time is an argument, so the
//! tests need no sleep.
//!
//! **Source** ours; the attack by slow bytes is known as *Slowloris* (2009).

use std::time::{Duration, Instant};

use crate::protocol::text::unended::QUIET_MS;

/// The time that a connection keeps large empty buffers. While a client sends large messages one
/// after the other, its connection reuses the buffers; after that it frees them.
const SHRINK: Duration = Duration::from_secs(1);

/// The state of the connection before a read.
#[derive(Debug, Clone, Copy)]
pub struct Situation {
    /// The input holds a part of a request.
    pub pending: bool,
    /// That part is text without a line end, which 100 ms of silence would end.
    pub awaits_quiet: bool,
    /// A buffer is larger than an idle connection may keep.
    pub large: bool,
}

/// The purpose of a wait, with its longest time, and what follows if no byte comes in this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitFor {
    /// Wait for the next byte, without a limit.
    Forever,
    /// Wait for the rest of a request. If it does not come, the request was too slow.
    Whole(Duration),
    /// Wait for any byte. If none comes, the silence ends the request.
    Quiet(Duration),
    /// Wait for the next request. If none comes, the connection was idle too long.
    Idle(Duration),
    /// Wait for the next request. If none comes, the buffers shrink, and the wait goes on.
    Shrink(Duration),
}

impl WaitFor {
    /// Returns the read timeout for the socket; `None` is no limit.
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

/// The time limits of one connection, and the progress of its present wait.
#[derive(Debug)]
pub struct Patience {
    /// The request timeout.
    request: Duration,
    /// The idle timeout; zero is none.
    idle: Duration,
    /// The time at which the present request began; `None` between requests.
    began: Option<Instant>,
    /// The part of the idle timeout that has passed before the buffers shrank.
    idled: Duration,
}

impl Patience {
    /// Starts with these limits; an `idle` of zero is none.
    pub fn new(request: Duration, idle: Duration) -> Self {
        Self { request, idle, began: None, idled: Duration::ZERO }
    }

    /// Notes that a request is whole. The time of the next request begins when a part of it is
    /// pending before a read.
    pub fn request_done(&mut self) {
        self.idled = Duration::ZERO;
        self.began = None;
    }

    /// Returns the purpose and the time of the next wait. Reads the clock only while a request is
    /// incomplete. [`WaitFor::Whole`] with zero means that the request is too slow already.
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
        // Silence counts only within the request's own time: if less than 100 ms are left, the
        // request timeout decides.
        if situation.awaits_quiet && quiet < left {
            WaitFor::Quiet(quiet)
        } else {
            WaitFor::Whole(left)
        }
    }

    /// Returns the wait for the next request. With large buffers it is one second, if the idle
    /// timeout is longer than that; then the buffers shrink, and the rest of the idle timeout
    /// follows.
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
