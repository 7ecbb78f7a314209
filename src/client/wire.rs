//! A connection with a deadline for each call. The library's client over TCP is made with it, and
//! programs that show the server's words send text lines over it.
//!
//! ```text
//!   call ── deadline ──► write all ──► read ──► pending ──► … until it is enough, or time is over
//! ```
//!
//! A call of the library makes several system calls, and a socket's timeout is for one system call.
//! The wrong way is to set the timeout once to the limit of the whole call: a server that sends a
//! byte now and then would make the call last for ever. So each system call gets only the time that
//! is left until the deadline.
//!
//! **Invariants**
//!
//! 1. A call ends at its deadline at the latest, however slowly bytes come or go.
//! 2. The buffer grows with the bytes that have arrived, never with a length that the server only
//!    claims. It has less than four times the bytes of the longest answer, or at most 64 KiB if
//!    that is more.
//! 3. [`Wire::send_line`] and [`Wire::receive_line`] are a call each, with a limit each;
//!    [`Wire::ask_line`] is one call.
//!
//! **Lock** none. **Simplified** a line has no id: after a call that timed out, the next line may
//! be the late answer. A program that goes on after an error uses frames, or connects again.
//!
//! **Source** the lecture's blocking receive with a timeout; the deadline is ours.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::client::{CallError, deadline, dial};
use crate::server::input::Input;

/// The longest answer that is accepted unless the caller sets another, in bytes: a server's default
/// `--max-message`.
pub const MAX_ANSWER: usize = 32 << 20;

/// The longest line that an answer may be, in bytes. All numbers of the longest list fit: their
/// text has 79 MB.
const LONGEST_LINE: usize = 128 << 20;

/// A connection, with the bytes that have arrived on it.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    /// The limit of each call.
    pub(super) limit: Duration,
    /// Bytes that have arrived and are not used yet, in the same kind of buffer as the server's.
    input: Input,
}

impl Wire {
    /// Connects to a host. `limit` is for the connect, and for each call.
    ///
    /// # Errors
    /// Fails with a [`CallError`].
    pub fn connect(host: &str, port: u16, limit: Duration) -> Result<Self, CallError> {
        Ok(Self::new(dial(host, port, limit)?, limit))
    }

    /// Takes over a connection, with a limit for each call.
    pub fn new(stream: TcpStream, limit: Duration) -> Self {
        Self { stream, limit, input: Input::default() }
    }

    /// Returns the end of a call that begins now.
    pub fn deadline(&self) -> Instant {
        self.deadline_after(Duration::ZERO)
    }

    /// Returns the end of a call that begins now. The call may last longer than the limit by
    /// `longer`, because the request itself asks the server to wait.
    pub fn deadline_after(&self, longer: Duration) -> Instant {
        deadline(Instant::now(), self.limit.saturating_add(longer))
    }

    /// Drops the first `used` of the pending bytes.
    pub fn consume(&mut self, used: usize) {
        self.input.consume(used);
    }

    /// Writes all bytes.
    ///
    /// # Errors
    /// Fails with a [`CallError`]. A part may have been written: the connection can carry no
    /// further request.
    pub fn write(&mut self, bytes: &[u8], deadline: Instant) -> Result<(), CallError> {
        let mut left = bytes;
        while !left.is_empty() {
            // A socket that fails this call is gone, and the write reports it.
            let _ = self.stream.set_write_timeout(Some(self.patience(deadline)?));
            match self.stream.write(left) {
                Ok(count) => left = &left[count..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(CallError::of(error, self.limit)),
            }
        }
        Ok(())
    }

    /// Waits until at least one more byte has arrived.
    ///
    /// # Errors
    /// Fails with a [`CallError`].
    fn read(&mut self, deadline: Instant) -> Result<(), CallError> {
        loop {
            // A socket that fails this call is gone, and the read reports it.
            let _ = self.stream.set_read_timeout(Some(self.patience(deadline)?));
            match self.stream.read(self.input.space()) {
                Ok(0) => return Err(CallError::Closed),
                Ok(count) => {
                    self.input.filled(count);
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(CallError::of(error, self.limit)),
            }
        }
    }

    /// Waits until at least `count` bytes have arrived, and returns the first `count`. They stay
    /// pending.
    ///
    /// # Errors
    /// Fails with a [`CallError`]; with [`CallError::Closed`] if the stream ends before.
    pub fn first(&mut self, count: usize, deadline: Instant) -> Result<&[u8], CallError> {
        while self.input.pending().len() < count {
            self.read(deadline)?;
        }
        Ok(&self.input.pending()[..count])
    }

    /// Returns the time that is left until the deadline. It is never zero: std refuses a timeout of
    /// zero, and with the old timeout the call would wait too long.
    ///
    /// # Errors
    /// Fails with [`CallError::TimedOut`] if no time is left.
    fn patience(&self, deadline: Instant) -> Result<Duration, CallError> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(CallError::TimedOut(self.limit)) } else { Ok(left) }
    }

    /// Reads a line, and returns it without its LF. Reads on while at most `longest` bytes are
    /// pending.
    ///
    /// # Errors
    /// Fails with a [`CallError`], also if the stream ends within the line.
    pub fn read_line(&mut self, longest: usize, deadline: Instant) -> Result<Vec<u8>, CallError> {
        let mut scanned = 0;
        loop {
            let pending = self.input.pending();
            if let Some(end) = pending[scanned..].iter().position(|&byte| byte == b'\n') {
                let line = pending[..scanned + end].to_vec();
                self.consume(line.len() + 1);
                return Ok(line);
            }
            // The next search begins here: a long line in many pieces is searched once, not once a
            // piece.
            scanned = pending.len();
            if scanned > longest {
                return Err(CallError::Unreadable);
            }
            self.read(deadline)?;
        }
    }

    /// Sends a line; adds its LF. Both go out in one write.
    ///
    /// # Errors
    /// Fails with a [`CallError`].
    pub fn send_line(&mut self, line: &[u8]) -> Result<(), CallError> {
        self.write(&[line, b"\n"].concat(), self.deadline())
    }

    /// Receives a line, and returns it without its LF.
    ///
    /// # Errors
    /// As [`Wire::read_line`].
    pub fn receive_line(&mut self) -> Result<Vec<u8>, CallError> {
        self.read_line(LONGEST_LINE, self.deadline())
    }

    /// Sends a line and receives one, both within one limit.
    ///
    /// # Errors
    /// As [`Wire::read_line`].
    pub fn ask_line(&mut self, line: &[u8]) -> Result<Vec<u8>, CallError> {
        let deadline = self.deadline();
        self.write(&[line, b"\n"].concat(), deadline)?;
        self.read_line(LONGEST_LINE, deadline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn wire_to(said: &[u8]) -> (Wire, TcpStream) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut theirs, _) = listener.accept().unwrap();
        theirs.write_all(said).unwrap();
        (Wire::new(ours, Duration::from_secs(60)), theirs)
    }

    #[test]
    fn a_line_is_read_to_its_end_or_its_bound() {
        let (mut wire, _theirs) = wire_to(b"5 19\n228\n");
        let deadline = wire.deadline();
        assert_eq!(wire.read_line(100, deadline).unwrap(), b"5 19");
        assert_eq!(wire.read_line(100, deadline).unwrap(), b"228");
        let (mut wire, theirs) = wire_to(&[b'x'; 5000]);
        assert!(matches!(wire.read_line(100, wire.deadline()), Err(CallError::Unreadable)));
        let (mut wire, _) = wire_to(b"cut");
        drop(theirs);
        assert!(matches!(wire.read_line(100, wire.deadline()), Err(CallError::Closed)));
    }
}
