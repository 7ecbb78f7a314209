//! A write of a large output, in slices of time.
//!
//! ```text
//!   a fast client    │ all of 1 MiB │
//!   a slow client    │ 300 KiB in 250 ms │ 280 KiB in 250 ms │ …      `moved` after each
//! ```
//!
//! While a large output is written, the account of buffers must see that its client reads
//! ([`crate::server::buffers`]). So each call lasts at most 250 ms, and then reports its bytes. The
//! wrong way is to write pieces of so many bytes: with pieces of 256 KiB a fast client was woken
//! five times for 1 MiB, and got it at 0.6 of the speed.
//!
//! **Invariants** a write blocks for at most two write timeouts and a slice, however slowly the
//! client reads; and for at most one write timeout and a slice while the client reads nothing.
//!
//! **Lock** none may be held here: these calls wait for the client.
//!
//! **Source** ours; socket(7), `SO_SNDTIMEO`: a call whose time ends returns the bytes so far.

use std::io::{self, ErrorKind, IoSlice, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::protocol::output::Output;

/// The longest time of one call.
const SLICE: Duration = Duration::from_millis(250);

/// Writes the whole output, as [`super::write_all`] says. The socket has `timeout` as its write
/// timeout before and after.
///
/// # Errors
/// As [`super::write_all`].
pub(super) fn write_all(
    stream: &TcpStream,
    output: &Output,
    timeout: Duration,
    moved: impl Fn(usize),
) -> io::Result<()> {
    // A socket that fails these calls is gone; the write reports that.
    let _ = stream.set_write_timeout(Some(timeout.min(SLICE)));
    let written = write_within(stream, output, timeout, moved, Instant::now);
    let _ = stream.set_write_timeout(Some(timeout));
    written
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
    let mut left = &mut slices[..];
    let begun = clock();
    let mut last_read = begun;
    loop {
        let count = match stream.write_vectored(left) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => count,
            Err(error) => match error.kind() {
                // A signal came, or the client has read nothing in this slice.
                ErrorKind::Interrupted | ErrorKind::WouldBlock => 0,
                _ => return Err(error),
            },
        };
        moved(count);
        IoSlice::advance_slices(&mut left, count);
        if left.is_empty() {
            return Ok(());
        }
        let now = clock();
        if count > 0 {
            last_read = now;
        }
        if now.duration_since(begun) >= 2 * timeout || now.duration_since(last_read) >= timeout {
            return Err(ErrorKind::TimedOut.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::mpsc::channel;

    use super::super::LARGE;
    use super::super::tests::{Slow, timed};
    use super::*;

    fn write(bytes: usize, client: Slow) -> (Result<(), ErrorKind>, u32) {
        timed(bytes, |output, timeout, clock| write_within(client, output, timeout, |_| {}, clock))
    }

    #[test]
    fn a_large_output_has_twice_the_time_and_its_client_the_timeout_for_each_part() {
        assert_eq!(write(20 * LARGE, Slow(LARGE)), (Ok(()), 20));
        assert_eq!(write(22 * LARGE, Slow(LARGE)), (Err(ErrorKind::TimedOut), 21));
        assert_eq!(write(LARGE + 1, Slow(0)), (Err(ErrorKind::TimedOut), 11));
    }

    #[test]
    fn what_a_slow_client_has_read_is_reported_while_it_reads_and_the_timeout_is_as_before() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let stream = listener.accept().unwrap().0;
        let timeout = Duration::from_secs(3600);
        stream.set_write_timeout(Some(timeout)).unwrap();
        // More than both sockets hold. The client reads only after the first report.
        let output = Output { body: vec![b'x'; 64 << 20], ..Output::default() };
        let (reported, first) = channel();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                first.recv_timeout(Duration::from_secs(30)).unwrap();
                io::copy(&mut client, &mut io::sink()).unwrap()
            });
            let moved = |count| reported.send(count).unwrap_or(());
            write_all(&stream, &output, timeout, moved).unwrap();
            assert_eq!(stream.write_timeout().unwrap(), Some(timeout));
            drop(stream);
        });
    }
}
