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
//! **Simplified** a client that goes on sending for more than 30 s after the close began, or pauses
//! for more than 5 s, is reset all the same. Until then it keeps its place among the clients.
//!
//! **Source** RFC 9112, section 9.6, which describes the same for HTTP; RFC 1122, section 4.2.2.13,
//! for the reset.

use std::io::{ErrorKind, Read};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

/// The longest time that input is read and discarded after writing was shut down. It bounds the
/// time that the connection still keeps its thread.
const DISCARD_TIME: Duration = Duration::from_secs(30);

/// The most bytes of one read.
const PIECE: usize = 16 * 1024;

/// The bytes that are discarded as fast as they come.
const FAST: usize = 1 << 20;

/// The pause after each further piece: at most 16 MiB a second are discarded then.
const PAUSE: Duration = Duration::from_millis(1);

/// The longest silence of a client that has not closed.
const SILENCE: Duration = Duration::from_secs(5);

/// The time between the shutdown of writing and the close, when the server stops. Reading is shut
/// down then, so the server cannot see that the client has closed. Each close therefore takes all
/// of this time, and the time must fit the 2 s of the stop.
const STOP_TIME: Duration = Duration::from_millis(300);

/// The longest time that input is discarded after [`STOP_TIME`]. It needs a bound, because a client
/// may go on sending as fast as its bytes are read.
const STOP_DISCARD: Duration = Duration::from_millis(100);

/// Begins to close: shuts down writing, then discards input until the client closes or is silent,
/// or the time is over. The caller closes the socket by dropping it. Errors are ignored, because
/// the socket is closed next.
///
/// Never inlined: the buffer of 16 KiB would then be on the caller's stack, which lives as long as
/// the connection. With thousands of idle clients that was 16 KiB for each.
#[inline(never)]
pub fn close(mut stream: &TcpStream) {
    let deadline = Instant::now() + DISCARD_TIME;
    // Fails only if the connection is gone already. Then there is no reply to save.
    if stream.shutdown(Shutdown::Write).is_err() {
        return;
    }
    let mut discarded = 0;
    loop {
        // The time left until the deadline, so that a client that sends byte after byte cannot
        // prolong the close.
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || stream.set_read_timeout(Some(left.min(SILENCE))).is_err() {
            return;
        }
        match stream.read(&mut [0; PIECE]) {
            Ok(count @ 1..) => {
                discarded += count;
                // Without the pause a client that sends fast would keep a core busy.
                if discarded > FAST {
                    std::thread::sleep(PAUSE);
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => return,
        }
    }
}

/// Does the same as [`close`] after the stop has shut down reading. A read then returns the bytes
/// that have arrived, and does not wait for more. So this function sleeps first, and discards the
/// input once. The wrong way is to wake up every few milliseconds for a read: thousands of threads
/// that do so let no other thread run.
///
/// Never inlined, as [`close`].
#[inline(never)]
pub fn close_in_stop(mut stream: &TcpStream) {
    if stream.shutdown(Shutdown::Write).is_err() {
        return;
    }
    std::thread::sleep(STOP_TIME);
    let deadline = Instant::now() + STOP_DISCARD;
    while matches!(stream.read(&mut [0; PIECE]), Ok(1..)) && Instant::now() < deadline {}
}
