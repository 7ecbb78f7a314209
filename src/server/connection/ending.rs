//! The last steps of a connection, also after a panic.
//!
//! **Lock** the draw's, to count undelivered numbers; that of the turnstile for ends; the tables';
//! and that of each block of the process, if the process ends with its client. Never two at once.
//!
//! **Source** ours.

use std::io::{Error, ErrorKind};

use crate::server::connection::Connection;

/// The way in which a connection ended; it decides how the socket is closed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ConnectionEnd {
    /// The client closed, or cannot be reached. The socket is closed at once.
    Theirs,
    /// The server closes. Input may be unread, so the close has several steps.
    Ours,
    /// The server stops: reading is shut down already.
    Stop,
}

/// Unregisters the client, also after a panic, and counts its undelivered numbers: numbers that
/// were not written, and numbers whose replies met a closed socket. Linux reports a reply that met
/// a closed socket as a broken pipe. With the error *connection reset* the numbers count as
/// delivered, because the reset may come after the client has read the reply.
impl Drop for Connection<'_> {
    fn drop(&mut self) {
        // The log line about the client's end shows the number of its answered requests.
        self.show();
        let mut lost = self.unwritten_numbers;
        let is_refusal = |error: &Error| error.kind() == ErrorKind::BrokenPipe;
        let refused = || self.stream.take_error().ok().flatten().is_some_and(|e| is_refusal(&e));
        if self.unheard_numbers > 0 && (self.met_broken_pipe || refused()) {
            lost += self.unheard_numbers;
        }
        if lost > 0 {
            self.shared.numbers.add_undelivered(lost);
        }
        self.shared.disconnect(self.caller.client);
    }
}
