//! A connection with a deadline on each call: what all clients over TCP are made of.
//!
//! ```text
//!   call ── deadline ──► write all ──► read ──► pending ──► … until it is enough, or time is over
//! ```
//!
//! **Invariants** a call ends with its deadline, however slowly bytes come or go; the buffer
//! grows with what has come, never with a length that was claimed, and to no more than
//! twice the longest answer.
//!
//! **Lock** none. **Source** ours.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::client::{CallError, deadline};
use crate::server::input::Input;

/// The longest answer unless another is asked for, in bytes: the longest message of a server
/// that was not told otherwise.
pub const LONGEST: usize = 32 << 20;

/// A connection and what has come of it.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    limit: Duration,
    input: Input,
}

impl Wire {
    /// With a limit for each call.
    pub fn new(stream: TcpStream, limit: Duration) -> Self {
        Self { stream, limit, input: Input::default() }
    }

    /// Has that limit from now on.
    pub fn set_limit(&mut self, limit: Duration) {
        self.limit = limit;
    }

    /// When a call that begins now ends.
    pub fn deadline(&self) -> Instant {
        self.deadline_after(Duration::ZERO)
    }

    /// The same for a call that may take so much longer.
    pub fn deadline_after(&self, longer: Duration) -> Instant {
        deadline(Instant::now(), self.limit.saturating_add(longer))
    }

    /// What has come and was not yet used.
    pub fn pending(&self) -> &[u8] {
        self.input.pending()
    }

    /// Drops so many bytes of it.
    pub fn consume(&mut self, used: usize) {
        self.input.consume(used);
    }

    /// Writes all.
    ///
    /// # Errors
    /// [`CallError`]; then some of it may have been written.
    pub fn write(&mut self, bytes: &[u8], deadline: Instant) -> Result<(), CallError> {
        let mut left = bytes;
        while !left.is_empty() {
            // A socket that refuses a timeout is gone, and the write says so.
            let _ = self.stream.set_write_timeout(Some(self.patience(deadline)?));
            match self.stream.write(left) {
                Ok(count) => left = &left[count..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(CallError::of(error, self.limit)),
            }
        }
        Ok(())
    }

    /// Waits for at least one more byte.
    ///
    /// # Errors
    /// [`CallError`], also when more than `longest` are pending already.
    pub fn read(&mut self, longest: usize, deadline: Instant) -> Result<(), CallError> {
        if self.pending().len() > longest {
            return Err(CallError::Unreadable);
        }
        loop {
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

    /// What is left until the deadline: more than nothing, which a socket takes for no limit.
    fn patience(&self, deadline: Instant) -> Result<Duration, CallError> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(CallError::TimedOut(self.limit)) } else { Ok(left) }
    }

    /// Reads until an LF; answers the line without it, as far as `longest`.
    ///
    /// # Errors
    /// [`CallError`], also when the stream ends within the line.
    pub fn read_line(&mut self, longest: usize, deadline: Instant) -> Result<Vec<u8>, CallError> {
        let mut scanned = 0;
        loop {
            let pending = self.pending();
            if let Some(end) = pending[scanned..].iter().position(|&byte| byte == b'\n') {
                let line = pending[..scanned + end].to_vec();
                self.consume(line.len() + 1);
                return Ok(line);
            }
            scanned = pending.len();
            self.read(longest, deadline)?;
        }
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
