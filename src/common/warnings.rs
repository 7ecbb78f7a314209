//! Warnings whose cause may come many times a second: they are logged at most once a minute.
//!
//! **Lock** none. **Source** ours.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// The shortest time between two warnings. A server that is short of descriptors gets some back and
/// runs out again many times a second.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// Returns whether a warning is due: there was none yet, or the last one, at the time `warned`, is
/// at least a minute old. If one is due, `now` becomes the time of the last one.
pub fn is_due(warned: &mut Option<Instant>, now: Instant) -> bool {
    let is_due = warned.is_none_or(|at| now.saturating_duration_since(at) >= WARN_EVERY);
    if is_due {
        *warned = Some(now);
    }
    is_due
}

/// Logs a warning if one is due.
pub(crate) fn warn_now_and_then(warned: &mut Option<Instant>, what: &str, why: impl Display) {
    if is_due(warned, Instant::now()) {
        log::warn!("{what}: {why}");
    }
}
