//! One client's thread: from its first byte to its close.
//!
//! ```text
//!        ┌────────── nothing whole is left: flush ───────────┐
//!        ▼                                                   │
//!   receive ──► decode ──► answer (under a lock) ──► encode ─┘
//!    socket       pure      server::shared        pure
//! ```
//!
//! Replies gather while whole requests are left in the input, up to 64 KiB: many
//! requests sent at once cost one read and one write.
//!
//! **Invariants**
//!
//! 1. Replies go out in the order of the requests.
//! 2. A request that has come whole is answered, also when the server stops, within the
//!    grace. One that was cut off by the stop is not guessed at: `draw 10` may have been
//!    `draw 100`.
//! 3. A connection ends by itself: its client closed, it was too slow, a write failed,
//!    it said `quit` or what cannot be answered, or the server stops.
//!
//! **Lock** only inside [`Request::begin`] and [`Shared::resume`]; none while the socket is read or
//! written.
//!
//! **Source** thread per connection, as the homework and the lecture have it.

use std::io::{Error, ErrorKind, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::commands::{Draw, Reply, Request};
use crate::common::caller::{Caller, ClientNumber};
use crate::protocol::output::Output;
use crate::protocol::{Conversation, Decoded, Manners, Tail};
use crate::server::clients::{Doing, Gauge};
use crate::server::input::Input;
use crate::server::patience::{Patience, Situation, WaitFor};
use crate::server::shared::Shared;
use crate::server::writing;

mod awaiting;

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
    /// What its conversation keeps to.
    pub manners: Manners,
    /// For tests of what a panic leaves behind: sees each request before it is executed.
    pub fault: Option<fn(&Request<'_>)>,
}

/// Serves one client until it or the server ends the connection.
pub fn serve(
    stream: &TcpStream,
    client: ClientNumber,
    shared: &Shared,
    limits: &Limits,
    gauge: &Gauge,
) {
    // A socket that refuses these options is already gone, and the first read says so.
    let _ = stream.set_nodelay(true);
    let _ = stream.set_write_timeout(Some(limits.write_timeout));
    let mut connection = Connection {
        stream,
        caller: Caller::connected(client),
        shared,
        limits,
        gauge,
        conversation: Conversation::new(&limits.manners),
        input: Input::default(),
        output: Output::default(),
        spare: Vec::new(),
        answered: 0,
        unwritten_numbers: 0,
        unheard_numbers: 0,
        refused: false,
        is_ended: false,
        is_seen: false,
        patience: Patience::new(limits.request_timeout, limits.idle_timeout),
        read_timeout: None,
    };
    let end = connection.converse();
    drop(connection);
    log::debug!("client-{client} ended: {end:?}");
    match end {
        ConnectionEnd::Theirs => {}
        ConnectionEnd::Ours => writing::close(stream),
        ConnectionEnd::Stop => writing::close_in_stop(stream),
    }
}

struct Connection<'a> {
    stream: &'a TcpStream,
    caller: Caller,
    shared: &'a Shared,
    limits: &'a Limits,
    /// What others see of it.
    gauge: &'a Gauge,
    answered: u64,
    conversation: Conversation<'a>,
    input: Input,
    output: Output,
    /// A buffer that data was in, kept for the next.
    spare: Vec<u8>,
    /// Numbers drawn whose replies wait in `output`.
    unwritten_numbers: u64,
    /// Numbers whose replies were written since the client was last heard of.
    unheard_numbers: u64,
    /// A read said that what was written came too late.
    refused: bool,
    /// The stream's end was seen while a request waited.
    is_ended: bool,
    /// The client was seen to be there since the last wait: for messages that it could have
    /// together with others.
    is_seen: bool,
    patience: Patience,
    /// The socket's read timeout as it is now: setting it is a system call.
    read_timeout: Option<Duration>,
}

/// Ends the client's part in its process, and counts the numbers of one that was gone before
/// its reply was written, also after a panic: those not written, and those that its system refused because it had closed
/// before (a broken pipe). A connection reset may come after a reply was read, and counts not.
impl Drop for Connection<'_> {
    fn drop(&mut self) {
        let mut lost = self.unwritten_numbers;
        let is_refusal = |error: &Error| error.kind() == ErrorKind::BrokenPipe;
        let refused = || self.stream.take_error().ok().flatten().is_some_and(|e| is_refusal(&e));
        if self.unheard_numbers > 0 && (self.refused || refused()) {
            lost += self.unheard_numbers;
        }
        if lost > 0 {
            self.shared.numbers.add_undelivered(lost);
        }
        self.shared.disconnect(self.caller.client);
    }
}

/// How a connection ended.
#[derive(Debug, PartialEq, Eq)]
enum ConnectionEnd {
    /// The client closed or cannot be reached: nothing of it is left unread.
    Theirs,
    /// The server closes, and input may be unread.
    Ours,
    /// The server stops: reading was shut down already.
    Stop,
}

/// What a read brought.
enum Received {
    Tail(Tail),
    TooSlow,
    ConnectionEnd(ConnectionEnd),
}

/// A draw, by hand: the one request that comes by the million. As a function of its own it makes
/// the reply where it is wanted; to move it once more would cost as much as the lock.
#[inline(never)]
pub fn draw(shared: &Shared, client: ClientNumber, count: u64) -> Reply<'_> {
    match shared.numbers.draw(client, count) {
        Ok(drawn) => Reply::Drawn(drawn),
        Err(error) => Reply::Error(error),
    }
}

impl Connection<'_> {
    fn converse(&mut self) -> ConnectionEnd {
        loop {
            let tail = match self.receive() {
                Received::Tail(tail) => tail,
                Received::TooSlow => return self.end_too_slow(),
                Received::ConnectionEnd(end) => return end,
            };
            self.gauge.does(Doing::Answering);
            let last = self.answer_all(tail);
            if self.flush().is_err() || last {
                return ConnectionEnd::Ours;
            }
            if tail == Tail::Ended {
                return ConnectionEnd::Theirs;
            }
        }
    }

    /// Waits for bytes, as long as the situation allows.
    fn receive(&mut self) -> Received {
        self.is_seen = false;
        self.show();
        self.gauge.does(Doing::Listening);
        loop {
            let wait = self.patience.wait(self.situation(), Instant::now);
            if wait == WaitFor::Whole(Duration::ZERO) {
                return Received::TooSlow;
            }
            self.set_read_timeout(wait.timeout());
            match self.stream.read(self.input.space()) {
                // The stop shuts reading down: what had come is still read, and then an
                // empty socket looks like the stream's end.
                Ok(0) if self.shared.is_stopping() => {
                    return Received::ConnectionEnd(ConnectionEnd::Stop);
                }
                Ok(0) => return Received::Tail(Tail::Ended),
                Ok(count) => {
                    self.unheard_numbers = 0;
                    self.input.filled(count);
                    return Received::Tail(Tail::Open);
                }
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                        if let Some(received) = self.nothing_came(wait) {
                            return received;
                        }
                    }
                    kind => {
                        self.refused = kind == ErrorKind::BrokenPipe;
                        return Received::ConnectionEnd(ConnectionEnd::Theirs);
                    }
                },
            }
        }
    }

    /// Shows others what it has done.
    fn show(&self) {
        self.gauge.has_answered(self.answered, self.conversation.tongue());
    }

    /// What a wait in vain means; `None` to wait on.
    fn nothing_came(&mut self, wait: WaitFor) -> Option<Received> {
        match wait {
            WaitFor::Quiet(_) => Some(Received::Tail(Tail::Quiet)),
            WaitFor::Idle(_) => Some(Received::ConnectionEnd(ConnectionEnd::Ours)),
            WaitFor::Shrink(_) => {
                self.shrink();
                None
            }
            WaitFor::Whole(_) | WaitFor::Forever => None,
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
                    self.look_at(request);
                    if let &Request::Draw(Draw { count }) = request {
                        let mut reply = draw(self.shared, self.caller.client, count);
                        self.encode(&mut reply, used);
                    } else if request.may_wait() {
                        let caller = self.caller();
                        let begun = request.begin(self.shared, caller, &mut self.spare);
                        self.await_answer(begun, used);
                    } else {
                        let (last, caller) = (matches!(request, Request::Quit(_)), self.caller());
                        let mut reply = request.execute(self.shared, caller, &mut self.spare);
                        self.encode(&mut reply, used);
                        if last {
                            return true;
                        }
                    }
                }
                &Decoded::Asked { request: Err(ref error), used } => {
                    self.encode(&mut Reply::Error(error.clone()), used);
                }
                Decoded::Last(error) => {
                    if let Some(error) = error {
                        self.encode(&mut Reply::Error(error.clone()), 0);
                    }
                    return true;
                }
                &Decoded::Own { used } => self.encode_own(used),
                &Decoded::Skip { used } => self.skip(used),
            }
            if self.conversation.is_over() || self.output.is_full() && self.flush().is_err() {
                return true;
            }
        }
    }

    /// Passes over bytes that are no request.
    fn skip(&mut self, used: usize) {
        self.input.consume(used);
        self.patience.request_done();
    }

    /// Before a request is executed: a list of the connections shows this one as it is now.
    fn look_at(&self, request: &Request<'_>) {
        if let Some(fault) = self.limits.fault {
            fault(request);
        }
        if matches!(request, Request::List(_)) {
            self.show();
        }
    }

    /// Who asks, in the representation that it chose.
    fn caller(&self) -> Caller {
        Caller { most_data: self.conversation.most_data(), ..self.caller }
    }

    /// Appends a reply and drops the request that it answers.
    fn encode(&mut self, reply: &mut Reply<'_>, used: usize) {
        if let Reply::Drawn(drawn) = reply {
            self.unwritten_numbers += drawn.count();
        }
        self.conversation.encode(reply, &mut self.output);
        self.input.consume(used);
        self.answered += 1;
        self.patience.request_done();
    }

    /// Appends an answer that needs no service. One that uses nothing is only the word to go on.
    fn encode_own(&mut self, used: usize) {
        self.conversation.encode_own(&mut self.output);
        self.input.consume(used);
        if used > 0 {
            self.answered += 1;
            self.patience.request_done();
        }
    }

    /// Writes all replies that wait.
    fn flush(&mut self) -> Result<(), ()> {
        if self.output.is_empty() {
            return Ok(());
        }
        self.gauge.does(Doing::Writing);
        let written = writing::write_all(self.stream, &self.output, self.limits.write_timeout);
        if written.is_ok() {
            self.unheard_numbers += std::mem::take(&mut self.unwritten_numbers);
        }
        self.output.bytes.clear();
        if !self.output.body.is_empty() {
            self.spare = std::mem::take(&mut self.output.body);
        }
        written.map_err(|error| log::debug!("client-{}: {error}", self.caller.client))
    }

    fn end_too_slow(&mut self) -> ConnectionEnd {
        let timeout_ms = self.limits.request_timeout.as_millis();
        self.conversation.too_slow(self.input.pending(), timeout_ms, &mut self.output);
        let _ = self.flush();
        ConnectionEnd::Ours
    }
}
