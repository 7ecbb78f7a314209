//! The budget of wrong guesses at the numbers of leases and at passwords. All clients together have
//! one budget.
//!
//! ```text
//!   begin ─► one out of the budget ─► look ─┬─ right: put it back
//!     └─ none left: wait up to 1 s          └─ wrong: it is spent
//!          └─ none then: false                        the budget gains one a second
//! ```
//!
//! The wrong way is to delay the answer to a wrong guess. The delay itself tells that the guess was
//! wrong, and a new connection has no delay yet. So each guess is taken out of the budget before
//! the look, and a right one is put back.
//!
//! **Invariants**
//!
//! 1. Within N seconds no more than 1000 + N guesses are wrong, whoever makes them, by whatever
//!    protocol.
//! 2. A thread waits for 1.1 s at most (the pause and the wait for a guess), and not when the
//!    server stops.
//!
//! **Lock** its own, for a few steps; a thread that waits has unlocked it.
//!
//! **Simplified** one budget for all. A share for each address would keep honest clients apart from
//! the others.
//!
//! **Source** the token bucket of RFC 2697.

use std::fmt;
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::common::lock::{lock, sleep_while};
use crate::common::warnings::is_due;

/// The most guesses that the budget holds.
pub const MAX_GUESSES: u64 = 1000;

/// The budget gains one guess in so many seconds.
const GAIN_SECONDS: u64 = 1;

/// The longest wait for a guess.
const PATIENCE: Duration = Duration::from_secs(1);

/// The pause before each guess of a caller that was often wrong.
const PAUSE: Duration = Duration::from_millis(100);

/// The budget of all strangers. All threads share it.
pub struct Guesses {
    budget: Mutex<Budget>,
    /// Goes with `budget`. When [`Guesses::end`] puts a right guess back, it notifies one thread
    /// that waits for a guess; the stop notifies all.
    given_back: Condvar,
    /// Goes with `budget`, for threads that pause. The stop notifies all.
    closed: Condvar,
}

#[derive(Debug)]
struct Budget {
    /// The guesses that can still be taken.
    left: u64,
    /// The time up to which the gained guesses were added to `left`.
    counted: Instant,
    /// The number of all wrong guesses so far.
    wrong: u64,
    /// The time of the last warning in the log.
    warned: Option<Instant>,
    /// The server stops, so no thread waits any more.
    is_closed: bool,
}

/// Hides the numbers, because they change all the time. A configuration of the server contains a
/// budget, and tests compare two configurations by their `Debug` texts.
impl fmt::Debug for Guesses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guesses(…)")
    }
}

impl Budget {
    /// Takes one guess out of the budget; returns false if none is left. Before that it adds the
    /// guesses that the budget has gained since `counted`.
    fn take(&mut self, now: Instant) -> bool {
        let gained = now.saturating_duration_since(self.counted).as_secs() / GAIN_SECONDS;
        self.counted += Duration::from_secs(gained * GAIN_SECONDS);
        self.left = self.left.saturating_add(gained).min(MAX_GUESSES);
        self.left.checked_sub(1).map(|left| self.left = left).is_some()
    }

    /// Returns the count of wrong guesses, if it is time for a line in the log.
    fn wrong_to_tell(&mut self, now: Instant) -> Option<u64> {
        is_due(&mut self.warned, now).then_some(self.wrong)
    }
}

impl Guesses {
    /// Returns a full budget.
    pub fn new(now: Instant) -> Self {
        let budget =
            Budget { left: MAX_GUESSES, counted: now, wrong: 0, warned: None, is_closed: false };
        Self { budget: Mutex::new(budget), given_back: Condvar::new(), closed: Condvar::new() }
    }

    /// Takes one guess out of the budget; returns false if there is none. If the caller `may_wait`,
    /// the function waits up to 1 s for a guess. Before that it pauses if the caller `has_missed`,
    /// which means that its guesses were often wrong. Nobody waits any more once the server stops.
    /// (The one thread that serves all datagrams may never wait.)
    pub fn begin(&self, has_missed: bool, may_wait: bool) -> bool {
        let is_open = |budget: &mut Budget| !budget.is_closed;
        let mut budget = lock(&self.budget);
        if has_missed && may_wait {
            // Only the stop ends the pause earlier.
            budget = sleep_while(&self.closed, budget, PAUSE, is_open);
        }
        let patience = if may_wait { PATIENCE } else { Duration::ZERO };
        let mut has_one = false;
        // Takes a guess as soon as there is one. The budget gains one also while nobody notifies,
        // so the last look is at the end of the time.
        let must_wait = |budget: &mut Budget| {
            has_one = budget.take(Instant::now());
            !has_one && !budget.is_closed
        };
        let mut budget = sleep_while(&self.given_back, budget, patience, must_wait);
        if !has_one && !budget.is_closed {
            let wrong = budget.wrong_to_tell(Instant::now());
            // No thread writes into the log while it holds a lock.
            drop(budget);
            if let Some(wrong) = wrong {
                log::warn!("strangers try numbers of leases or passwords: {wrong} were wrong");
            }
        }
        has_one
    }

    /// Puts a right guess back into the budget, or counts a wrong one. While the guess was out, the
    /// budget may have filled up again: a right guess is then dropped.
    pub fn end(&self, is_right: bool) {
        let mut budget = lock(&self.budget);
        if is_right {
            budget.left = (budget.left + 1).min(MAX_GUESSES);
            drop(budget);
            self.given_back.notify_one();
        } else {
            budget.wrong += 1;
        }
    }

    /// Returns how many guesses were wrong.
    pub fn wrong(&self) -> u64 {
        lock(&self.budget).wrong
    }

    /// Lets nobody wait, from now on.
    pub fn close(&self) {
        lock(&self.budget).is_closed = true;
        self.given_back.notify_all();
        self.closed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(now: Instant) -> Budget {
        Budget { left: MAX_GUESSES, counted: now, wrong: 0, warned: None, is_closed: false }
    }

    #[test]
    fn a_thousand_guesses_are_there_and_one_more_each_second() {
        let start = Instant::now();
        let mut budget = full(start);
        let mut taken = |after_ms: u64| {
            let now = start + Duration::from_millis(after_ms);
            (0..2000).take_while(|_| budget.take(now)).count()
        };
        assert_eq!(taken(0), 1000);
        assert_eq!([taken(999), taken(1000), taken(1500), taken(4200)], [0, 1, 0, 3]);
        assert_eq!(taken(86_400_000), 1000, "more than that is not saved up");
    }

    #[test]
    fn the_log_is_told_once_a_minute() {
        let start = Instant::now();
        let mut budget = Budget { wrong: 7, ..full(start) };
        let told =
            [0, 59, 60, 100, 120].map(|s| budget.wrong_to_tell(start + Duration::from_secs(s)));
        assert_eq!(told, [Some(7), None, Some(7), None, Some(7)]);
    }

    #[test]
    fn who_waits_for_a_guess_gets_one_that_is_given_back_and_none_after_the_stop() {
        // Its clock begins tomorrow, so no guess is added during this test.
        let guesses = Guesses::new(Instant::now() + Duration::from_secs(86_400));
        lock(&guesses.budget).left = 0;
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| (0..20).any(|_| guesses.begin(false, true)));
            guesses.end(true);
            assert!(waits.join().unwrap());
        });
        guesses.close();
        assert!(!guesses.begin(true, true));
        guesses.end(true);
        assert!(guesses.begin(true, true), "what is left is there until the end");
    }
}
