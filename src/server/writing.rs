//! A write of all replies within a time limit.
//!
//! The socket's write timeout is for one call. A client that reads a few bytes now and then would
//! keep its thread for ever, one call after the other, so the calls together have a limit too.
//!
//! **Invariants** a write blocks for at most two write timeouts, however slowly the client reads;
//! for at most three, if the output is longer than 256 KiB or a signal cuts a call short.
//!
//! **Lock** none may be held here: these calls wait for the client.
//!
//! **Source** ours.

use std::io::{self, ErrorKind, IoSlice, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::protocol::output::Output;

/// The most bytes of one call. After each call `moved` reports the bytes, so that a large output
/// does not look as if its client read nothing ([`crate::server::buffers`]).
const PIECE: usize = 256 * 1024;

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
    let count = if output.body.is_empty() { 1 } else { 2 };
    let mut left = &mut slices[..count];
    // The time counts from the end of the first call that wrote only a part: it has used up its own
    // timeout, or a signal has cut it short. So most replies read no clock. The time of a large
    // output, which is written in pieces, counts from here: no call begins after two timeouts.
    let is_large = output.bytes.len() + output.body.len() > PIECE;
    let mut first_part = is_large.then(&clock);
    let limit = if is_large { 2 * timeout } else { timeout };
    while !left.is_empty() {
        match write_piece(&mut stream, left) {
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
            if now.duration_since(*first_part.get_or_insert(now)) >= limit {
                return Err(ErrorKind::TimedOut.into());
            }
        }
    }
    Ok(())
}

/// Writes at most one piece of these slices; returns the bytes that were written.
fn write_piece(stream: &mut impl Write, left: &[IoSlice<'_>]) -> io::Result<usize> {
    match left {
        [first, second, ..] if first.len() < PIECE => {
            let second = &second[..second.len().min(PIECE - first.len())];
            stream.write_vectored(&[IoSlice::new(first), IoSlice::new(second)])
        }
        [first, ..] => stream.write(&first[..first.len().min(PIECE)]),
        [] => Ok(0),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// A client that takes three bytes with each call.
    struct Slow;

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len().min(3))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Writes `bytes` bytes with a timeout of 10 s, and a clock that advances by 1 s each time it
    /// is read. Returns the result, and how often the clock was read.
    fn write(bytes: usize) -> (Result<(), ErrorKind>, u32) {
        let (start, looks) = (Instant::now(), Cell::new(0));
        let clock = || {
            looks.set(looks.get() + 1);
            start + Duration::from_secs(looks.get().into())
        };
        let output = Output { bytes: vec![b'x'; bytes], ..Output::default() };
        let written = write_within(Slow, &output, Duration::from_secs(10), |_| {}, clock);
        (written.map_err(|error| error.kind()), looks.get())
    }

    #[test]
    fn a_client_that_takes_small_pieces_is_given_up_when_the_time_is_over() {
        assert_eq!(write(33), (Ok(()), 10));
        assert_eq!(write(36), (Err(ErrorKind::TimedOut), 11));
    }

    #[test]
    fn a_reply_that_is_written_at_once_reads_no_clock() {
        assert_eq!(write(3), (Ok(()), 0));
    }
}
