//! A write of all replies within a time limit.
//!
//! The socket's write timeout is for one call. A client that reads a few bytes now and then would
//! keep its thread for ever, one call after the other, so the calls together have a limit too.
//!
//! **Invariants** a write blocks for at most two write timeouts, however slowly the client reads;
//! for at most three, if a signal cuts a call short. For a large output see `large`.
//!
//! **Lock** none may be held here: these calls wait for the client.
//!
//! **Source** ours.

mod large;

use std::io::{self, ErrorKind, IoSlice, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::protocol::output::Output;

/// An output of more bytes is large.
const LARGE: usize = 256 * 1024;

/// Writes the whole output, and leaves it unchanged. The caller has set `timeout` as the socket's
/// write timeout. Calls `moved` with the number of bytes of each write call.
///
/// # Errors
/// Fails with the error of the socket, or with `TimedOut`. A part may have been written; the
/// connection cannot go on, because the client would take the next reply for the rest of this one.
pub fn write_all(
    stream: &TcpStream,
    output: &Output,
    timeout: Duration,
    moved: impl Fn(usize),
) -> io::Result<()> {
    if output.bytes.len() + output.body.len() > LARGE {
        return large::write_all(stream, output, timeout, moved);
    }
    write_within(stream, output, timeout, moved, Instant::now)
}

/// Does the work of [`write_all`], with a stream and a clock that a test can replace.
fn write_within(
    mut stream: impl Write,
    output: &Output,
    timeout: Duration,
    moved: impl Fn(usize),
    clock: impl Fn() -> Instant,
) -> io::Result<()> {
    let mut slices = [IoSlice::new(&output.bytes), IoSlice::new(&output.body)];
    // Most replies have no body; then a plain `write` is cheaper than one with a list of slices.
    let mut left = if output.body.is_empty() { &mut slices[..1] } else { &mut slices[..] };
    // The time counts from the end of the first call that wrote only a part: it has used up its own
    // timeout, or a signal has cut it short. So most replies read no clock.
    let mut first_part = None;
    while !left.is_empty() {
        let written = match left {
            [all] => stream.write(all),
            _ => stream.write_vectored(left),
        };
        match written {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => {
                moved(count);
                IoSlice::advance_slices(&mut left, count);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // With a timeout set, Linux reports its end as `WouldBlock`.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                return Err(ErrorKind::TimedOut.into());
            }
            Err(error) => return Err(error),
        }
        if !left.is_empty() {
            let now = clock();
            if now.duration_since(*first_part.get_or_insert(now)) >= timeout {
                return Err(ErrorKind::TimedOut.into());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// A client that takes so many bytes with each call. With 0 the call's time ends.
    pub(super) struct Slow(pub usize);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match bytes.len().min(self.0) {
                0 => Err(ErrorKind::WouldBlock.into()),
                count => Ok(count),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Lets `write` write `bytes` bytes with a timeout of 10 s, and with a clock that advances by a
    /// second each time it is read. Returns the result, and how often the clock was read.
    pub(super) fn timed(
        bytes: usize,
        write: impl FnOnce(&Output, Duration, &dyn Fn() -> Instant) -> io::Result<()>,
    ) -> (Result<(), ErrorKind>, u32) {
        let (start, looks) = (Instant::now(), Cell::new(0));
        let clock = || {
            looks.set(looks.get() + 1);
            start + Duration::from_secs(looks.get().into())
        };
        let output = Output { bytes: vec![b'x'; bytes], ..Output::default() };
        let written = write(&output, Duration::from_secs(10), &clock);
        (written.map_err(|error| error.kind()), looks.get())
    }

    fn write(bytes: usize, client: Slow) -> (Result<(), ErrorKind>, u32) {
        timed(bytes, |output, timeout, clock| write_within(client, output, timeout, |_| {}, clock))
    }

    #[test]
    fn a_client_that_takes_small_pieces_is_given_up_when_the_time_is_over() {
        assert_eq!(write(33, Slow(3)), (Ok(()), 10));
        assert_eq!(write(36, Slow(3)), (Err(ErrorKind::TimedOut), 11));
        assert_eq!(write(1, Slow(0)), (Err(ErrorKind::TimedOut), 0));
    }

    #[test]
    fn a_reply_that_is_written_at_once_reads_no_clock() {
        assert_eq!(write(3, Slow(3)), (Ok(()), 0));
    }
}
