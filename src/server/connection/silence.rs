//! A client that sends nothing: the reads that time out, and what the thread does then.
//!
//! [`crate::server::patience`] decides how long to wait and why, and knows no socket. Here its
//! decision meets the socket and the buffers.
//!
//! **Lock** none. **Source** ours.

use std::io::ErrorKind;
use std::time::Duration;

use crate::protocol::Tail;
use crate::protocol::output::Output;
use crate::server::connection::Connection;
use crate::server::connection::ending::ConnectionEnd;
use crate::server::holding::busy;
use crate::server::input::Growth;
use crate::server::patience::{Situation, WaitFor};

/// The largest buffer that an idle connection keeps, in bytes: a page.
const IDLE_BUFFER: usize = 4096;

impl Connection<'_> {
    /// Handles a read that timed out. Returns the result of `receive`, or `None` to read again.
    pub(super) fn nothing_came(&mut self, wait: WaitFor) -> Option<Result<Tail, ConnectionEnd>> {
        match wait {
            WaitFor::Quiet(_) => Some(Ok(Tail::Quiet)),
            WaitFor::Idle(_) => Some(Err(ConnectionEnd::Ours)),
            WaitFor::Shrink(_) => {
                self.shrink();
                None
            }
            // After `Whole` the next `Patience::wait` returns a time of zero, and `receive` reads
            // one last time. `Forever` has no timeout.
            WaitFor::Whole(_) | WaitFor::Forever => None,
        }
    }

    /// Returns the state of the buffers, from which [`crate::server::patience`] chooses the next
    /// wait.
    pub(super) fn situation(&self) -> Situation {
        let pending = self.input.pending();
        Situation {
            pending: !pending.is_empty(),
            awaits_quiet: !pending.is_empty() && self.conversation.awaits_quiet(pending),
            large: self.input.capacity() > IDLE_BUFFER
                || self.output.bytes.capacity() > IDLE_BUFFER
                || self.spare.capacity() > IDLE_BUFFER,
        }
    }

    /// Sets the socket's read timeout, unless it has this value already: that saves a system call.
    pub(super) fn set_read_timeout(&mut self, timeout: Option<Duration>) {
        if self.read_timeout != timeout && self.stream.set_read_timeout(timeout).is_ok() {
            self.read_timeout = timeout;
        }
    }

    /// Frees the buffers of an idle connection. The input keeps its bytes if some are pending.
    pub(super) fn shrink(&mut self) {
        self.input.shrink();
        self.output = Output::default();
        self.spare = Vec::new();
        self.settle();
    }

    /// Sets the charge of this connection to what its buffers hold.
    pub(super) fn settle(&mut self) {
        self.holding.settle(self.input.capacity(), &mut self.output, &mut self.spare);
    }

    /// Reserves memory for the input, if the input will grow in the next read. If it has to grow
    /// and no room is left, waits for room when `waits` is true. Returns whether there is room to
    /// read into.
    pub(super) fn has_room_to_read(&mut self, waits: bool) -> bool {
        match self.input.growth() {
            Growth::None => true,
            Growth::Optional(length) => {
                if self.holding.grow_input(length, false).is_err() {
                    self.input.cancel_growth();
                }
                true
            }
            Growth::Needed(length) => self.holding.grow_input(length, waits).is_ok(),
        }
    }

    /// Tells the client that there is no room for its request.
    pub(super) fn end_busy(&mut self) -> ConnectionEnd {
        self.conversation.give_up(self.input.pending(), busy(), &mut self.output);
        // The connection closes also if this fails.
        let _ = self.flush();
        ConnectionEnd::Ours
    }

    /// Reads without waiting, when the time of a request is over. This program may have stood
    /// still, suspended or without a core, while the rest of the request came: that is not the
    /// client's fault.
    ///
    /// # Errors
    /// Fails if nothing is there: then the client was too slow, and is told so.
    pub(super) fn read_what_is_there(&mut self) -> Result<Tail, ConnectionEnd> {
        if !self.has_room_to_read(false) {
            return Err(self.end_busy());
        }
        match self.read_at_once() {
            Ok(1..) => Ok(Tail::Open),
            Ok(0) => self.ended(),
            Err(ErrorKind::WouldBlock | ErrorKind::Interrupted) => Err(self.end_too_slow()),
            Err(_) => Err(ConnectionEnd::Theirs),
        }
    }

    /// Finds the cause of the end of the stream. Returns [`Tail::Ended`] if the client has closed.
    ///
    /// # Errors
    /// Fails if the server has shut down reading: in the stop, or because others need the memory of
    /// this connection's buffers. A read then returns 0 too, after the bytes that had arrived.
    pub(super) fn ended(&mut self) -> Result<Tail, ConnectionEnd> {
        if self.shared.is_stopping() {
            return Err(ConnectionEnd::Stop);
        }
        if self.holding.is_closed() {
            return Err(self.end_busy());
        }
        Ok(Tail::Ended)
    }

    /// Tells the client that its request took too long.
    fn end_too_slow(&mut self) -> ConnectionEnd {
        let timeout_ms = self.limits.request_timeout.as_millis();
        self.conversation.too_slow(self.input.pending(), timeout_ms, &mut self.output);
        // The connection closes also if this fails.
        let _ = self.flush();
        ConnectionEnd::Ours
    }
}
