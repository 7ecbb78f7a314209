//! Ctrl-C, SIGTERM and SIGHUP: the first stops a running server in order, a second ends the
//! process at once.
//!
//! ```text
//!   catch() ─────────── serving() ─────────── first signal ─── stop in order ──► exit 0
//!      a signal here:                            a second signal here:
//!      exit 0 at once                            exit 130 at once
//! ```
//!
//! A real signal handler may call almost nothing: the signal may have interrupted `malloc` while
//! that held its lock, and a second `malloc` would wait for ever. The crate `ctrlc` installs a
//! handler that only writes a byte to a pipe. A thread of the crate reads the pipe and calls the
//! closure below. So the closure may lock, allocate and exit like any other code.
//!
//! **Invariants**
//!
//! 1. While a server runs, the receiver gets the first signal, and each later one ends the process.
//!    (One exception: a signal between the receive and the drop of the receiver is lost. The next
//!    one is not.)
//! 2. The caller of [`catch`] drops the receiver before it stops in order, or returns from `main`
//!    at once. Otherwise the empty channel would take the second signal, and nothing would happen.
//!
//! **Lock** none: `SERVING` is atomic. The main thread stores it, the thread of `ctrlc` loads it.
//!
//! **Simplified** SIGKILL cannot be caught: the system ends the process and closes its sockets.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};

/// Whether a server is running that the first signal stops in order. `Relaxed` would do, because no
/// other memory depends on it. For one store, the stricter `SeqCst` costs nothing.
static SERVING: AtomicBool = AtomicBool::new(false);

/// The exit code of a second signal: 128 plus 2, the number of SIGINT, as in shells. It is the same
/// for the other signals.
const INTERRUPTED: i32 = 130;

/// Installs the handler. Returns the receiver on which the first signal arrives. Call it once: the
/// process has one handler.
///
/// # Errors
/// Fails with one line if the system refuses the handler, or if there is one already.
pub fn catch() -> Result<Receiver<()>, String> {
    // The channel has room for one signal. An unbounded one would take every signal until the
    // receiver is dropped.
    let (stop, stopped) = sync_channel(1);
    let handler = move || {
        if !SERVING.load(Ordering::SeqCst) {
            // No server runs yet, so there is nothing to stop in order.
            std::process::exit(0);
        }
        // `try_send` fails if the first signal is still in the channel, or if the receiver is
        // dropped. `send` would wait for room instead, and the second signal would have no effect.
        if stop.try_send(()).is_err() {
            std::process::exit(INTERRUPTED);
        }
    };
    ctrlc::set_handler(handler).map_err(|error| {
        format!("signals cannot be caught ({error}); run it as a process of its own")
    })?;
    Ok(stopped)
}

/// Marks that a server is running: from now on the first signal goes to the receiver. Call it
/// before the address is printed.
pub fn serving() {
    SERVING.store(true, Ordering::SeqCst);
}
