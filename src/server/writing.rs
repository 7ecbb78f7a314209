//! Writing all of a reply within its time, and closing without losing it.
//!
//! A close with unread input in the socket makes the system reset the connection, and
//! the reset overtakes replies that were already written. So a close by the server is
//! three steps:
//!
//! ```text
//!   shutdown(Write) ──► read and discard, at most 1 s and 1 MiB ──► close
//!   "that was all"      until the client has closed too
//! ```
//!
//! **Invariants** a write blocks for at most twice the write timeout, however slowly
//! the client reads.
//!
//! **Lock** none may be held here: these calls wait for the client.
//!
//! **Source** RFC 9112, section 9.6, which describes the same for HTTP.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use crate::protocol::output::Output;

/// How long a closed client is listened to.
const DISCARD_TIME: Duration = Duration::from_secs(1);

/// How much of it, in bytes.
const DISCARD_BYTES: usize = 1024 * 1024;

/// Writes all that waits. The socket's write timeout is `timeout`.
///
/// # Errors
/// The socket's, or `TimedOut`; then some of it may have been written.
pub fn write_all(mut stream: &TcpStream, output: &Output, timeout: Duration) -> io::Result<()> {
    let mut slices = [IoSlice::new(&output.bytes), IoSlice::new(&output.body)];
    // Most replies have no body, and one slice is written without a list of slices.
    let count = if output.body.is_empty() { 1 } else { 2 };
    let mut left = &mut slices[..count];
    // The system's timeout is for one call. A call that wrote only part has used it up
    // (or met a signal), so the clock starts there and not on every short reply.
    let mut first_part: Option<Instant> = None;
    while !left.is_empty() {
        let written = match &*left {
            [only] => stream.write(only),
            several => stream.write_vectored(several),
        };
        match written {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => IoSlice::advance_slices(&mut left, count),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                return Err(ErrorKind::TimedOut.into());
            }
            Err(error) => return Err(error),
        }
        if !left.is_empty() && first_part.get_or_insert_with(Instant::now).elapsed() >= timeout {
            return Err(ErrorKind::TimedOut.into());
        }
    }
    Ok(())
}

/// How long a client is listened to when the server stops: its end can no longer be seen.
const STOP_TIME: Duration = Duration::from_millis(300);

/// How often, when a read no longer waits.
const STOP_PAUSE: Duration = Duration::from_millis(5);

/// Closes in the three steps above; the last is the caller's drop.
pub fn close(stream: &TcpStream) {
    discard(stream, DISCARD_TIME, None);
}

/// The same when reading was shut down by the stop: a read no longer waits, nor tells an
/// end of the stream from nothing yet.
pub fn close_in_stop(stream: &TcpStream) {
    discard(stream, STOP_TIME, Some(STOP_PAUSE));
}

/// With a `pause`, an empty read is tried again after it.
fn discard(mut stream: &TcpStream, time: Duration, pause: Option<Duration>) {
    let deadline = Instant::now() + time;
    if stream.shutdown(Shutdown::Write).is_err() {
        return;
    }
    let mut discarded = 0;
    let mut bytes = [0; 4096];
    while discarded < DISCARD_BYTES {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || stream.set_read_timeout(Some(left)).is_err() {
            return;
        }
        match (stream.read(&mut bytes), pause) {
            (Ok(0), Some(pause)) => std::thread::sleep(pause),
            (Ok(0), None) => return,
            (Ok(count), _) => discarded += count,
            (Err(error), _) if error.kind() == ErrorKind::Interrupted => {}
            (Err(_), _) => return,
        }
    }
}
