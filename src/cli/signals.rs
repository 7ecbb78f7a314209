//! Ctrl-C, SIGTERM and SIGHUP: the first ends the program in order, a second at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};

/// There is something that a signal has to stop in order.
static SERVING: AtomicBool = AtomicBool::new(false);

/// Exit code of a second Ctrl-C: 128 and the signal, as shells say it.
const INTERRUPTED: i32 = 130;

/// Answers where a first signal is told. It stops in order, a second one at once. Before
/// [`serving`], the first one ends the process.
///
/// # Errors
/// When the system takes no handler.
pub fn catch() -> Result<Receiver<()>, String> {
    let (stop, stopped) = sync_channel(1);
    let handler = move || {
        if !SERVING.load(Ordering::SeqCst) {
            std::process::exit(0);
        }
        if stop.try_send(()).is_err() {
            std::process::exit(INTERRUPTED);
        }
    };
    ctrlc::set_handler(handler).map_err(|error| {
        format!("signals cannot be caught ({error}); run it as a process of its own")
    })?;
    Ok(stopped)
}

/// Says that from now on there is something to stop.
pub fn serving() {
    SERVING.store(true, Ordering::SeqCst);
}
