//! A close that loses no reply.
//!
//! If a socket is closed while it holds unread input, the system resets the connection. The reset
//! discards replies that were written but not yet read by the client. So a close by the server has
//! three steps:
//!
//! ```text
//!   shutdown(Write) ──► read and discard until the client has closed too, ──► close
//!   "that was all"      is silent for 5 s, or 30 s are over
//! ```
//!
//! The wrong way, `drop(stream)` alone, works in most tests: the client sent one request and waits.
//! It fails for a client that is still sending, for example an upload whose first line the server
//! has refused. That client then sees a broken pipe instead of the error. Many HTTP libraries send
//! the whole body before they read the answer, so a bound in bytes would bring the fault back.
//!
//! **Lock** none may be held here: these calls wait for the client.
//!
//! **Simplified** a client that goes on sending for more than 30 s after the close began is reset
//! all the same. Until then it keeps its place among the clients.
//!
//! **Source** RFC 9112, section 9.6, which describes the same for HTTP; RFC 1122, section 4.2.2.13,
//! for the reset.

use std::io::{ErrorKind, Read};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

/// The longest time that input is read and discarded after writing was shut down. It bounds the
/// time that the connection still keeps its thread.
const DISCARD_TIME: Duration = Duration::from_secs(30);

/// The longest silence of a client that has not closed.
const SILENCE: Duration = Duration::from_secs(5);

/// The longest time to read and discard when the server stops. It is shorter, because the server
/// then cannot see that the client has closed: nearly every such close takes all of this time, and
/// it must fit the 2 s of the stop.
const STOP_TIME: Duration = Duration::from_millis(300);

/// The pause between two reads when the server stops.
const STOP_PAUSE: Duration = Duration::from_millis(5);

/// Begins to close: shuts down writing, then reads and discards. The caller closes the socket by
/// dropping it.
pub fn close(stream: &TcpStream) {
    discard(stream, DISCARD_TIME, None);
}

/// Does the same as [`close`] after the stop has shut down reading. A read then returns 0 at once
/// if no bytes have arrived. So it does not wait, and 0 does not say whether the client has closed.
pub fn close_in_stop(stream: &TcpStream) {
    discard(stream, STOP_TIME, Some(STOP_PAUSE));
}

/// Shuts down writing, then discards input until the client closes or is silent, or `time` is over.
/// With a `pause`, 0 bytes do not mean that the client has closed: the read is tried again after
/// the pause. Errors are ignored, because the socket is closed next.
fn discard(mut stream: &TcpStream, time: Duration, pause: Option<Duration>) {
    let deadline = Instant::now() + time;
    // Fails only if the connection is gone already. Then there is no reply to save.
    if stream.shutdown(Shutdown::Write).is_err() {
        return;
    }
    let mut bytes = [0; 16 * 1024];
    loop {
        // The time left until the deadline, so that a client that sends byte after byte cannot
        // prolong the close.
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || stream.set_read_timeout(Some(left.min(SILENCE))).is_err() {
            return;
        }
        match (stream.read(&mut bytes), pause) {
            (Ok(0), Some(pause)) => std::thread::sleep(pause),
            (Ok(0), None) => return,
            (Ok(_), _) => {}
            (Err(error), _) if error.kind() == ErrorKind::Interrupted => {}
            (Err(_), _) => return,
        }
    }
}
