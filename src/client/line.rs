//! Text lines, from the client's side: one line sent, one line read.
//!
//! ```text
//!   > draw 4
//!   < 5 19 228 665
//! ```
//!
//! **Invariants** each read and each write ends within the limit; a line is read only as
//! far as a bound.
//!
//! **Lock** none. **Source** [`crate::representation::text`].

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::{CallError, dial};

/// The longest line that is read, in bytes: all numbers of the longest list fit.
const MAX_LINE: u64 = 1 << 30;

/// A connection that speaks lines.
#[derive(Debug)]
pub struct Line {
    stream: BufReader<TcpStream>,
    limit: Duration,
}

impl Line {
    /// Connects; `limit` is for that, and for each read and write.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn connect(host: &str, port: u16, limit: Duration) -> Result<Self, CallError> {
        let stream = dial(host, port, limit)?;
        stream.set_read_timeout(Some(limit)).map_err(CallError::Broken)?;
        stream.set_write_timeout(Some(limit)).map_err(CallError::Broken)?;
        Ok(Self { stream: BufReader::new(stream), limit })
    }

    /// Sends a line, whose end is added.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn send(&mut self, line: &[u8]) -> Result<(), CallError> {
        let line = [line, b"\n"].concat();
        self.stream.get_mut().write_all(&line).map_err(|error| CallError::of(error, self.limit))
    }

    /// Reads a line, without its end.
    ///
    /// # Errors
    /// [`CallError`], also when the stream ends within it.
    pub fn receive(&mut self) -> Result<Vec<u8>, CallError> {
        let mut line = Vec::new();
        let read = (&mut self.stream).take(MAX_LINE).read_until(b'\n', &mut line);
        read.map_err(|error| CallError::of(error, self.limit))?;
        match line.pop() {
            Some(b'\n') => Ok(line),
            _ => Err(CallError::of(ErrorKind::UnexpectedEof.into(), self.limit)),
        }
    }

    /// Sends a line and reads one.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn ask(&mut self, line: &[u8]) -> Result<Vec<u8>, CallError> {
        self.send(line)?;
        self.receive()
    }
}
