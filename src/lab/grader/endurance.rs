//! Many clients one after the other, and one that stays for long.
//!
//! ```text
//!   client 0   connect ─ draw 1 ─ close, 300 times; then draw 1, 1500 times on one connection
//! ```
//!
//! A table of 256 clients that is never cleared, a pool of threads that never come back, a limit of
//! 1000 requests: such a server serves a classroom well until the evening before the deadline.
//!
//! **Lock** the ledger's. **Source** ours; Apache's `MaxKeepAliveRequests` is such a limit.

use std::time::Instant;

use crate::lab::grader::peer::AnswerEnd;
use crate::lab::grader::report::CheckOutcome;
use crate::lab::grader::{CheckVerdict, Grading, describe, lost};

/// The connections and the requests on one connection that a server must serve: more than a pool of
/// threads, a table of 256 clients or a limit of 1000 requests allows.
const CONNECTIONS: usize = 300;
const REQUESTS: usize = 1500;

impl Grading<'_> {
    /// `endures`: the server serves its 300th connection, and the 1500th request on one.
    pub(super) fn endures(&self, deadline: Instant) -> CheckVerdict {
        let mut kept = self.peer(deadline);
        let requests = if self.dialect.keeps_open { REQUESTS } else { 0 };
        let on_new = (1..=CONNECTIONS).map(|at| (at, format!("connection {at}, ")));
        let on_kept = (1..=requests).map(|at| (at, format!("request {at} on one connection, ")));
        let is_new = |at: usize| at < CONNECTIONS;
        for (at, (_, when)) in on_new.chain(on_kept).enumerate() {
            if Instant::now() >= deadline {
                let made = format!("{at} of {} draws were made in time", CONNECTIONS + requests);
                return self.out_of_time(made);
            }
            let mut fresh = self.peer(deadline);
            let peer = if is_new(at) { &mut fresh } else { &mut kept };
            let answer = peer.draw(1);
            self.record_and_count_unseen(0, &answer);
            if !matches!(answer.ending, AnswerEnd::Whole | AnswerEnd::Cut) {
                return lost(format!("{when}{}", describe(&answer)));
            }
        }
        (CheckOutcome::Earned(1.0), Vec::new())
    }
}
