//! Warnings whose cause may come many times a second: they are logged at most once a minute.
//!
//! **Lock** none. **Source** ours.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// The shortest time between two warnings. A server that is short of descriptors gets some back and
/// runs out again many times a second.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// Logs a warning, unless the last one, at the time `warned`, is less than a minute old.
pub(crate) fn warn_now_and_then(warned: &mut Option<Instant>, what: &str, why: impl Display) {
    if warned.is_none_or(|at| at.elapsed() >= WARN_EVERY) {
        log::warn!("{what}: {why}");
        *warned = Some(Instant::now());
    }
}
