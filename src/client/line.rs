//! Text lines, from the client's side: one line sent, one line read.
//!
//! ```text
//!   > draw 4
//!   < 5 19 228 665
//! ```
//!
//! **Invariants** those of [`crate::client::wire`]: sending is a call, and so is receiving.
//!
//! **Lock** none. **Source** [`crate::protocol::text`].

use std::time::Duration;

use crate::client::wire::Wire;
use crate::client::{CallError, dial};

/// The longest line that is read, in bytes: all numbers of the longest list fit.
const LONGEST_LINE: usize = 128 << 20;

/// A connection that speaks lines.
#[derive(Debug)]
pub struct LineConnection {
    wire: Wire,
}

impl LineConnection {
    /// Connects; `limit` is for that, and for each call.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn connect(host: &str, port: u16, limit: Duration) -> Result<Self, CallError> {
        Ok(Self { wire: Wire::new(dial(host, port, limit)?, limit) })
    }

    /// Has that limit for each call from now on.
    pub fn set_limit(&mut self, limit: Duration) {
        self.wire.set_limit(limit);
    }

    /// Sends a line, whose end is added.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn send(&mut self, line: &[u8]) -> Result<(), CallError> {
        let deadline = self.wire.deadline();
        self.wire.write(&[line, b"\n"].concat(), deadline)
    }

    /// Reads a line, without its end.
    ///
    /// # Errors
    /// [`CallError`], also when the stream ends within it.
    pub fn receive(&mut self) -> Result<Vec<u8>, CallError> {
        let deadline = self.wire.deadline();
        self.wire.read_line(LONGEST_LINE, deadline)
    }

    /// Sends a line and reads one, both within one limit.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn ask(&mut self, line: &[u8]) -> Result<Vec<u8>, CallError> {
        let deadline = self.wire.deadline();
        self.wire.write(&[line, b"\n"].concat(), deadline)?;
        self.wire.read_line(LONGEST_LINE, deadline)
    }
}
