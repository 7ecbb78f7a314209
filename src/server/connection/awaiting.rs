//! A request that waits for other clients, and whether its own client is still there.
//!
//! ```text
//!   begin ── cannot be answered now ──► resume, 50 ms ──┬─ answered
//!                                          ▲            ├─ the client has gone: give up
//!                                          └────────────┘ or take back what it cannot have
//! ```
//!
//! **Invariants** what was answered before is written before the wait; that a client has gone is seen within
//! 100 ms, and what came for it meanwhile goes to nobody.
//!
//! **Lock** only inside [`Shared::resume`] and what ends the wait. **Simplified** std cannot wait for a
//! socket and a condition variable at once, so the socket is looked at now and then.
//!
//! **Source** the design's rule that a client's end is noticed.
//!
//! [`Shared::resume`]: crate::server::shared::Shared::resume

use std::io::{ErrorKind, Read};
use std::time::Duration;

use crate::commands::Reply;
use crate::server::clients::Doing;
use crate::server::connection::Connection;
use crate::server::waiting::{Resumed, Waits};

/// How often a request that waits looks whether its client is still there: twice in the
/// 100 ms in which that is promised.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What is read while a request waits, at most, in bytes: whoever sends more waits for nothing,
/// because behind it the client's end could not be seen.
const READ_AHEAD: usize = 64 * 1024;

impl Connection<'_> {
    /// Answers a request that may have to wait for other clients; meanwhile what was
    /// answered before is written.
    pub(super) fn await_answer(&mut self, begun: Result<Reply<'_>, Waits>, used: usize) {
        let mut waits = match begun {
            Ok(mut reply) => {
                self.encode(&mut reply, used);
                return;
            }
            Err(waits) => waits,
        };
        self.input.consume(used);
        let mut reply = if self.flush().is_err() || self.is_beyond_seeing() {
            self.shared.give_up(&mut waits)
        } else {
            self.wait(&mut waits)
        };
        self.encode(&mut reply, 0);
    }

    fn wait(&mut self, waits: &mut Waits) -> Reply<'static> {
        self.show();
        self.gauge.does(Doing::Waiting);
        loop {
            match self.shared.resume(waits, LOOK_EVERY, self.is_seen, &mut self.spare) {
                Resumed::Answered(reply) => return reply,
                // To look for the client costs three system calls.
                Resumed::Taken(reply) if !self.has_gone() => return reply,
                Resumed::Taken(reply) => return self.shared.take_back(waits, reply),
                Resumed::Ready | Resumed::Nothing if self.has_gone() => {
                    return self.shared.give_up(waits);
                }
                Resumed::Ready => self.is_seen = true,
                Resumed::Nothing => self.is_seen = false,
            }
        }
    }

    /// Whether the client has closed, or sent so much that its end could not be seen.
    fn is_beyond_seeing(&self) -> bool {
        self.is_ended || self.input.pending().len() >= READ_AHEAD
    }

    /// Reads what has come while a request waits; true when the client has gone.
    fn has_gone(&mut self) -> bool {
        if self.is_beyond_seeing() {
            return true;
        }
        if self.stream.set_nonblocking(true).is_err() {
            return true;
        }
        let mut stream = self.stream;
        match stream.read(self.input.space()) {
            Ok(0) => self.is_ended = true,
            Ok(count) => {
                self.unheard_numbers = 0;
                self.input.filled(count);
            }
            Err(error) => {
                let goes_on = [ErrorKind::WouldBlock, ErrorKind::Interrupted];
                self.is_ended = !goes_on.contains(&error.kind());
            }
        }
        self.is_ended |= self.stream.set_nonblocking(false).is_err();
        self.is_ended
    }
}
