//! Many clients one after the other, and one that stays for long.
//!
//! ```text
//!   50 clients   connect ─ draw 1 ─ close, 300 times together
//!   client 0     draw 1, 1500 times on one connection
//! ```
//!
//! Some servers fail only after long use: they have a table of 256 clients that is never cleared, a
//! pool of threads that never come back, or a limit of 1000 requests.
//!
//! **Lock** the ledger's, and never during a request; the first failure is stored once. **Source**
//! ours; Apache's `MaxKeepAliveRequests` is such a limit.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use crate::lab::grader::peer::{AnswerEnd, GradedPeer};
use crate::lab::grader::report::CheckOutcome;
use crate::lab::grader::{CheckVerdict, Grading, describe, lost};

/// The connections and the requests on one connection that a server must serve: more than a pool of
/// threads, a table of 256 clients or a limit of 1000 requests allows.
const CONNECTIONS: usize = 300;
const REQUESTS: usize = 1500;

/// The clients that connect at the same time. One after the other, the 300 connections would take
/// too long with a server that greets each client slowly.
const SIDE_BY_SIDE: usize = 50;

impl Grading<'_> {
    /// `endures`: the server serves its 300th connection, and the 1500th request on one. A server
    /// that closes after each reply has no long connection, so only its connections are counted.
    pub(super) fn endures(&self, deadline: Instant) -> CheckVerdict {
        let made = AtomicUsize::new(0);
        let failure: OnceLock<CheckVerdict> = OnceLock::new();
        // Draws one number if the check goes on, and returns whether it goes on.
        let draw = |peer: &mut GradedPeer, which: &str, at: usize| {
            let goes_on = failure.get().is_none() && Instant::now() < deadline;
            if goes_on && let Some(verdict) = self.unanswered(peer, which, at) {
                // Fails if another thread has found a failure before.
                let _ = failure.set(verdict);
            }
            goes_on
        };
        // Makes the next connection, and returns whether the thread should make another one.
        let connect = || {
            let at = made.fetch_add(1, Ordering::Relaxed) + 1;
            at <= CONNECTIONS && draw(&mut self.patient_peer(), "connection", at)
        };
        thread::scope(|scope| {
            for _ in 1..SIDE_BY_SIDE {
                // If the system refuses a thread, the others make its connections.
                let _ = thread::Builder::new().spawn_scoped(scope, || while connect() {});
            }
            while connect() {}
        });
        let mut kept = self.patient_peer();
        let requests = if self.dialect.keeps_open { REQUESTS } else { 0 };
        for at in 1..=requests {
            if !draw(&mut kept, "on one connection, request", at) {
                break;
            }
        }
        match failure.into_inner() {
            Some(verdict) => verdict,
            None if Instant::now() >= deadline => {
                let all = CONNECTIONS + requests;
                self.out_of_time(format!("fewer than {all} draws were made in time"))
            }
            None => (CheckOutcome::Earned(1.0), Vec::new()),
        }
    }

    /// Draws one number and records it. Returns `None` if the number came, else the verdict of the
    /// check. `which` and `at` name the connection or the request in it.
    fn unanswered(&self, peer: &mut GradedPeer, which: &str, at: usize) -> Option<CheckVerdict> {
        let answer = peer.draw(1);
        // All draws of this check stand in the ledger as those of client 0.
        self.record_and_count_unseen(0, &answer);
        if answer.ending == AnswerEnd::Whole {
            return None;
        }
        let verdict = lost(format!("{which} {at}, {}", describe(&answer)));
        // A race may have spoilt a reply with some bytes; no answer at all is a fault by itself.
        Some(if answer.raw.is_empty() { verdict } else { self.unless_raced(verdict) })
    }
}
