//! Ctrl-C, SIGTERM and SIGHUP: the first ends the program in order, a second at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};

/// A server is running that the first signal stops in order.
static SERVING: AtomicBool = AtomicBool::new(false);

/// The exit code of a second Ctrl-C: 128 plus the signal's number, as in shells.
const INTERRUPTED: i32 = 130;

/// Installs the handler. Returns the receiver on which the first signal arrives: the caller then stops
/// in order, and a second signal ends the process at once. Before [`serving`], the first one does.
///
/// # Errors
/// The system refuses the handler.
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

/// Marks that a server is running: the first signal is now sent to the receiver.
pub fn serving() {
    SERVING.store(true, Ordering::SeqCst);
}
