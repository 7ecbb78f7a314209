//! The end of the list: the last numbers, and a draw of more than are left.
//!
//! ```text
//!   all clients   draw 1 …            until 80 are left
//!   client 0      draw 1 …            until 60 are left
//!   client 1      draw 100 ─┐  when 12 of the others are answered
//!   client 2      draw 1    ├─ 49 at the same time: each looks for what is left, and takes
//!   client 3      draw 1    │
//!   …            ──────────┘
//!   all clients   draw 1 …            until nothing more comes
//! ```
//!
//! Two faults live here. A server that first looks whether numbers are left, and takes them in a
//! second step, gives the last ones twice. A server that does not cut `draw 100` to what is left
//! gives numbers twice, or none. Both faults show only in the few draws at the end, so the grader
//! makes these draws come together. The long draw finds numbers in any case. A short draw may find
//! none behind it, although numbers were left when the server looked on its behalf.
//!
//! **Lock** the ledger's. **Source** the race from check to use, which the field calls *TOCTOU*.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::lab::grader::peer::AnswerEnd;
use crate::lab::grader::{CheckVerdict, Grading};

/// The count of numbers that are left when one client goes on alone.
const FEW: u64 = 80;

/// The count of numbers that are left when many draw at once: more than there are short draws, so
/// that the long draw finds some in any case.
const LAST: u64 = 60;

/// The count of the long draw: more than can be left.
const TOO_MANY: u64 = 100;

/// The long draw is sent when `BEFORE_THE_LONG` short draws are answered and others are on their
/// way, or after `LONG_WITHIN` at the latest.
const BEFORE_THE_LONG: usize = 12;
const LONG_WITHIN: Duration = Duration::from_millis(50);

/// The clients of the last draws, one of them with the long draw. A server that looks in one step
/// and takes in another shows this at one moment only: when the last number goes. With 8 clients
/// the draws met that moment in 1 of 6 starts of a Python server with chaos (the grader's pauses).
const AT_THE_END: usize = 49;

/// Waits until [`BEFORE_THE_LONG`] draws are answered, or for [`LONG_WITHIN`].
fn await_some(answered: &AtomicUsize) {
    let late = Instant::now() + LONG_WITHIN;
    while answered.load(Ordering::Relaxed) < BEFORE_THE_LONG && Instant::now() < late {
        thread::yield_now();
    }
}

impl Grading<'_> {
    /// `permutation`, second part: all clients draw the rest. Then the server must have given each
    /// of its numbers exactly once; as many as the ledger counts as unseen may be missing.
    pub(super) fn is_drained_to_a_permutation(&self, deadline: Instant) -> CheckVerdict {
        let unseen = self.ledger().unseen;
        let mut late = self.drain_together(unseen + FEW, true, deadline);
        self.draw_alone_until_the_last(deadline);
        let answered = AtomicUsize::new(0);
        self.at_once(AT_THE_END, |client, all| {
            let mut peer = self.lasting_peer();
            // An error is left to `draw`, which connects again and reports it.
            let _ = peer.connect();
            // The unseen numbers may still be in the list, so the long draw asks for them too.
            let too_many = usize::try_from(TOO_MANY + unseen).unwrap_or(usize::MAX);
            let is_long = client == 1;
            all.wait();
            if is_long {
                await_some(&answered);
            }
            let answer = peer.draw(if is_long { too_many } else { 1 });
            answered.fetch_add(1, Ordering::Relaxed);
            // `record` counts no number as unseen: a server that is silent here must fail. A client
            // beyond the usual ones becomes client 0, which stands for all that draw alone.
            self.record(if client > self.options.clients { 0 } else { client }, &answer);
        });
        late |= self.drain_together(0, true, deadline);
        self.judge_permutation(late)
    }

    /// Draws one number after the other as client 0, until only [`LAST`] are left, a reply is not
    /// whole, or the deadline comes.
    fn draw_alone_until_the_last(&self, deadline: Instant) {
        let mut peer = self.peer(deadline);
        while self.left() > LAST && Instant::now() < deadline {
            let answer = peer.draw(1);
            self.record_and_count_unseen(0, &answer);
            if answer.ending != AnswerEnd::Whole {
                return;
            }
        }
    }

    /// Returns how many numbers are left, if the server has drawn all unseen ones. The result is 0
    /// if more are unseen than missing: then the server gave some of them to others.
    fn left(&self) -> u64 {
        let ledger = self.ledger();
        ledger.missing().saturating_sub(ledger.unseen)
    }
}
