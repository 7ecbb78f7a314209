//! The mood of a server: its reaction to a probe, which is a `draw 1` by a new client.
//!
//! ```text
//!   mood before ── misbehaviour of one client ── mood after: is it the same, or does it speak?
//! ```
//!
//! **Invariants** The number that a probe draws is not recorded in the ledger.
//!
//! **Lock** none. **Source** ours.

use std::time::{Duration, Instant};

use crate::lab::grader::Grading;

/// The wait for the answer to a probe by [`Grading::probe`].
pub(super) const PROBE_PATIENCE: Duration = Duration::from_secs(2);

/// The wait of a second probe, and of the probe after the flood: on a busy machine a server that is
/// only slow has answered by then.
pub(super) const LONG_PATIENCE: Duration = Duration::from_secs(10);

/// A server's reaction to a `draw 1` by a new client. A drained list has no right answer to it, so
/// a check compares the mood before the misbehaviour with the mood after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// The server sends something.
    Speaks,
    /// The server closes or resets the connection, or the connection fails.
    Closes,
    /// Nothing comes in time.
    Silent,
    /// The connection fails.
    Unreachable,
}

impl Mood {
    /// Returns the words behind "the server" in the report.
    pub(super) fn words(self) -> &'static str {
        match self {
            Mood::Speaks => "answers",
            Mood::Closes => "closes on everybody",
            Mood::Silent => "answers nobody",
            Mood::Unreachable => "takes no connection",
        }
    }
}

impl Grading<'_> {
    /// Probes the server after a misbehaviour of one client. Returns the new mood if it is a fault:
    /// neither the mood `before` nor an answer. A server that became silent is probed once more.
    pub(super) fn fault_after(&self, before: Mood) -> Option<Mood> {
        let after = match self.probe(PROBE_PATIENCE) {
            Mood::Silent if before != Mood::Silent => self.probe(LONG_PATIENCE),
            mood => mood,
        };
        (after != before && after != Mood::Speaks).then_some(after)
    }

    /// Probes the server with `draw 1` as a new client, and returns its reaction. The number that
    /// comes is not recorded. The wait takes all of `patience`, even if a check's deadline comes
    /// before: a shorter wait would prove nothing.
    pub(super) fn probe(&self, patience: Duration) -> Mood {
        let mut peer = self.peer(Instant::now() + patience);
        let command = peer.command("draw 1");
        if peer.connect().is_err() {
            return Mood::Unreachable;
        }
        if peer.send(&command).is_err() {
            return Mood::Closes;
        }
        match peer.read_some(&mut Vec::new(), patience) {
            // A server that closes before it has read the command causes a reset, which is read
            // as 0 bytes too.
            Some(0) => Mood::Closes,
            Some(_) => Mood::Speaks,
            None => Mood::Silent,
        }
    }
}
