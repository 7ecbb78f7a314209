//! One client's thread: from its first byte to its close.
//!
//! ```text
//!        ┌────────── nothing whole is left: flush ───────────┐
//!        ▼                                                   │
//!   receive ──► decode ──► answer (under a lock) ──► encode ─┘
//!    socket       pure      transport::shared        pure
//! ```
//!
//! Replies gather while whole requests are left in the input, up to 64 KiB: many
//! requests sent at once cost one read and one write.
//!
//! **Invariants**
//!
//! 1. Replies go out in the order of the requests.
//! 2. A request that has come whole is answered, also when the server stops. One that
//!    was cut off by the stop is not guessed at: `draw 10` may have been `draw 100`.
//! 3. A connection ends by itself: its client closed, it was too slow, a write failed,
//!    it said `quit` or what cannot be answered, or the server stops.
//!
//! **Lock** only inside [`Shared::answer`]; none while the socket is read or written.
//!
//! **Source** thread per connection, as the homework and the lecture have it.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::input::Input;
use super::patience::{Patience, Situation, Wait};
use super::shared::Shared;
use super::writing;
use crate::message::{ClientNumber, Error, Reply, Request};
use crate::representation::output::Output;
use crate::representation::{Conversation, Decoded, Tail};

/// The largest buffer that an idle connection keeps, in bytes: a page.
const IDLE_BUFFER: usize = 4096;

/// What every connection is bound by.
#[derive(Debug, Clone)]
pub struct Limits {
    /// From a request's first byte to its last.
    pub request_timeout: Duration,
    /// For one write of replies.
    pub write_timeout: Duration,
    /// Between requests; zero is no limit.
    pub idle_timeout: Duration,
    /// The longest message in bytes.
    pub max_message: usize,
    /// For tests of what a panic leaves behind: sees each request before it is executed.
    pub fault: Option<fn(&Request<'_>)>,
}

/// Serves one client until it or the server ends the connection.
pub fn serve(stream: &TcpStream, client: ClientNumber, shared: &Shared, limits: &Limits) {
    // A socket that refuses these options is already gone, and the first read says so.
    let _ = stream.set_nodelay(true);
    let _ = stream.set_write_timeout(Some(limits.write_timeout));
    let mut connection = Connection {
        stream,
        client,
        shared,
        limits,
        conversation: Conversation::new(limits.max_message),
        input: Input::default(),
        output: Output::default(),
        spare: Vec::new(),
        unwritten_numbers: 0,
        unheard_numbers: 0,
        reset: false,
        patience: Patience::new(limits.request_timeout, limits.idle_timeout),
        last_read: false,
        read_timeout: None,
    };
    let end = connection.converse();
    connection.count_undelivered();
    if end == End::Ours {
        writing::close(stream);
    }
}

struct Connection<'a> {
    stream: &'a TcpStream,
    client: ClientNumber,
    shared: &'a Shared,
    limits: &'a Limits,
    conversation: Conversation,
    input: Input,
    output: Output,
    /// A buffer that data was in, kept for the next.
    spare: Vec<u8>,
    /// Numbers drawn whose replies wait in `output`.
    unwritten_numbers: u64,
    /// Numbers whose replies were written since the client was last heard of.
    unheard_numbers: u64,
    /// A read said that the client is gone, not just silent.
    reset: bool,
    patience: Patience,
    /// The server stops: one more read takes what had come by then.
    last_read: bool,
    /// The socket's read timeout as it is now: setting it is a system call.
    read_timeout: Option<Duration>,
}

/// How a connection ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// The client closed or cannot be reached: nothing of it is left unread.
    Theirs,
    /// The server closes, and input may be unread.
    Ours,
}

/// What a read brought.
enum Received {
    Tail(Tail),
    TooSlow,
    End(End),
}

impl Connection<'_> {
    fn converse(&mut self) -> End {
        loop {
            let tail = match self.receive() {
                Received::Tail(tail) => tail,
                Received::TooSlow => return self.end_too_slow(),
                Received::End(end) => return end,
            };
            let last = self.answer_all(tail);
            if self.flush().is_err() {
                return End::Theirs;
            }
            if last {
                return End::Ours;
            }
            if tail == Tail::Ended {
                return End::Theirs;
            }
        }
    }

    /// Waits for bytes, as long as the situation allows.
    fn receive(&mut self) -> Received {
        loop {
            if self.shared.is_stopping() && std::mem::replace(&mut self.last_read, true) {
                return Received::End(End::Ours);
            }
            let wait = self.patience.wait(self.situation(), Instant::now);
            if wait == Wait::Whole(Duration::ZERO) {
                return Received::TooSlow;
            }
            self.set_read_timeout(wait.timeout());
            match self.stream.read(self.input.space()) {
                // The stop shuts reading down, which looks like an end of the stream.
                Ok(0) if self.shared.is_stopping() => return Received::End(End::Ours),
                Ok(0) => return Received::Tail(Tail::Ended),
                Ok(count) => {
                    self.unheard_numbers = 0;
                    self.input.filled(count);
                    return Received::Tail(Tail::Open);
                }
                Err(error) => match (error.kind(), wait) {
                    (ErrorKind::Interrupted, _) => {}
                    (ErrorKind::WouldBlock | ErrorKind::TimedOut, Wait::Quiet(_)) => {
                        return Received::Tail(Tail::Quiet);
                    }
                    (ErrorKind::WouldBlock | ErrorKind::TimedOut, Wait::Idle(_)) => {
                        return Received::End(End::Ours);
                    }
                    (ErrorKind::WouldBlock | ErrorKind::TimedOut, Wait::Shrink(_)) => self.shrink(),
                    (ErrorKind::WouldBlock | ErrorKind::TimedOut, _) => {}
                    _ => {
                        self.reset = true;
                        return Received::End(End::Theirs);
                    }
                },
            }
        }
    }

    fn situation(&self) -> Situation {
        let pending = self.input.pending();
        Situation {
            pending: !pending.is_empty(),
            awaits_quiet: !pending.is_empty() && self.conversation.awaits_quiet(pending),
            large: self.input.capacity() > IDLE_BUFFER
                || self.output.bytes.capacity() > IDLE_BUFFER
                || self.spare.capacity() > IDLE_BUFFER,
        }
    }

    fn set_read_timeout(&mut self, timeout: Option<Duration>) {
        if self.read_timeout != timeout && self.stream.set_read_timeout(timeout).is_ok() {
            self.read_timeout = timeout;
        }
    }

    fn shrink(&mut self) {
        self.input.shrink();
        self.output = Output::default();
        self.spare = Vec::new();
    }

    /// Answers every whole request in the input; true when the connection shall close.
    fn answer_all(&mut self, tail: Tail) -> bool {
        loop {
            // Looked at where it stands: moving a request costs as much as the lock.
            match &self.conversation.decode(self.input.pending(), tail) {
                Decoded::Incomplete => return false,
                &Decoded::Asked { request: Ok(ref request), used } => {
                    if let Some(fault) = self.limits.fault {
                        fault(request);
                    }
                    let last = matches!(request, Request::Quit);
                    let mut reply = self.shared.answer(request, self.client, &mut self.spare);
                    self.encode(&mut reply, used);
                    if last {
                        return true;
                    }
                }
                &Decoded::Asked { request: Err(ref error), used } => {
                    self.encode(&mut Reply::Error(error.clone()), used);
                }
                Decoded::Last(Some(error)) => {
                    self.encode(&mut Reply::Error(error.clone()), 0);
                    return true;
                }
                Decoded::Last(None) => return true,
                &Decoded::Skip { used } => self.input.consume(used),
            }
            if self.output.is_full() && self.flush().is_err() {
                return true;
            }
        }
    }

    /// Appends a reply and drops the request that it answers.
    fn encode(&mut self, reply: &mut Reply<'_>, used: usize) {
        if let Reply::Drawn(drawn) = reply {
            self.unwritten_numbers += drawn.count();
        }
        self.conversation.encode(reply, &mut self.output);
        self.input.consume(used);
        self.patience.request_done();
    }

    /// Writes all replies that wait.
    fn flush(&mut self) -> Result<(), ()> {
        if self.output.is_empty() {
            return Ok(());
        }
        let written = writing::write_all(self.stream, &self.output, self.limits.write_timeout);
        self.unheard_numbers += std::mem::take(&mut self.unwritten_numbers);
        self.reset |= written.is_err();
        self.output.bytes.clear();
        if !self.output.body.is_empty() {
            self.spare = std::mem::take(&mut self.output.body);
        }
        written.map_err(|error| log::debug!("client-{}: {error}", self.client))
    }

    /// Counts the numbers of a client that is known to be gone: a write failed, or the
    /// client's system refused what was written last.
    fn count_undelivered(&self) {
        let refused = || matches!(self.stream.take_error(), Ok(Some(_)) | Err(_));
        if self.unheard_numbers > 0 && (self.reset || refused()) {
            self.shared.add_undelivered(self.unheard_numbers);
        }
    }

    fn end_too_slow(&mut self) -> End {
        let error: Option<Error> =
            self.conversation.too_slow(self.limits.request_timeout.as_millis());
        if let Some(error) = error {
            self.encode(&mut Reply::Error(error), 0);
            let _ = self.flush();
        }
        End::Ours
    }
}
