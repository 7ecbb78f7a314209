//! Text lines, from the client's side: one line sent, one line received.
//!
//! ```text
//!   > draw 4
//!   < 5 19 228 665
//! ```
//!
//! **Invariants** those of [`crate::client::wire`]. `send` and `receive` are a call each, with a
//! limit each; `ask` is one call.
//!
//! **Lock** none. **Simplified** a line has no id: after a call that timed out, the next line may
//! be the late answer. A program that goes on after an error uses frames, or connects again.
//!
//! **Source** [`crate::protocol::text`].

use std::time::Duration;

use crate::client::wire::Wire;
use crate::client::{CallError, dial};

/// The longest line that is read, in bytes. All numbers of the longest list fit: their text has
/// 79 MB.
const MAX_LINE: usize = 128 << 20;

/// A connection that speaks lines.
#[derive(Debug)]
pub struct LineConnection {
    wire: Wire,
}

impl LineConnection {
    /// Connects to a host. `limit` is for the connect, and for each call.
    ///
    /// # Errors
    /// Fails with a [`CallError`].
    pub fn connect(host: &str, port: u16, limit: Duration) -> Result<Self, CallError> {
        Ok(Self { wire: Wire::new(dial(host, port, limit)?, limit) })
    }

    /// Sets the limit of each later call.
    pub fn set_limit(&mut self, limit: Duration) {
        self.wire.limit = limit;
    }

    /// Sends a line; adds its LF. Both go out in one write.
    ///
    /// # Errors
    /// Fails with a [`CallError`].
    pub fn send(&mut self, line: &[u8]) -> Result<(), CallError> {
        let deadline = self.wire.deadline();
        self.wire.write(&[line, b"\n"].concat(), deadline)
    }

    /// Receives a line, and returns it without its LF.
    ///
    /// # Errors
    /// Fails with a [`CallError`], also if the stream ends within the line.
    pub fn receive(&mut self) -> Result<Vec<u8>, CallError> {
        let deadline = self.wire.deadline();
        self.wire.read_line(MAX_LINE, deadline)
    }

    /// Sends a line and receives one, both within one limit.
    ///
    /// # Errors
    /// Fails with a [`CallError`].
    pub fn ask(&mut self, line: &[u8]) -> Result<Vec<u8>, CallError> {
        let deadline = self.wire.deadline();
        self.wire.write(&[line, b"\n"].concat(), deadline)?;
        self.wire.read_line(MAX_LINE, deadline)
    }
}
