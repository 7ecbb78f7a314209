//! One client's thread: from its first byte to its close.
//!
//! ```text
//!        ┌───────── no whole request is left: flush ─────────┐
//!        ▼                                                   │
//!   receive ──► decode ──► answer (under a lock) ──► encode ─┘
//!    socket       pure      server::shared        pure
//! ```
//!
//! While the input holds whole requests, their replies gather in the output, up to 64 KiB. So short
//! requests that were sent together cost one read and one write.
//!
//! **Invariants**
//!
//! 1. Replies are written in the order of the requests.
//! 2. A request that arrived whole is answered, unless the connection ends before its turn. When
//!    the server stops, the answer has 1 s to be written. A request that the stop cut off is not
//!    executed: `draw 10` may be the start of `draw 100`.
//! 3. A connection ends only in these cases: its client closes, is too slow, or is idle too long; a
//!    read or a write fails; the client sends `quit`, asks for the close in HTTP, or sends bytes
//!    after which the format cannot go on; no memory is left for its bytes, or others need that
//!    memory; behind a proxy, its header is wrong or its address may have no further client; its
//!    thread panics; the server stops.
//!
//! **Lock** only inside [`draw`], [`Request::execute`], [`Request::begin`], [`Shared::resume`],
//! [`Shared::give_up`], [`Holding`] and the drop of a connection; none during a read or a write of
//! the socket.
//!
//! **Source** `loot-box.txt` and the lecture: a thread for each connection.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::commands::{Draw, Reply, Request};
use crate::common::caller::{Caller, ClientNumber};
use crate::protocol::output::Output;
use crate::protocol::{Conversation, Decoded, Policy, Tail};
use crate::server::addresses::AddressLimits;
use crate::server::buffers::Charge;
use crate::server::clients::{Doing, Gauge};
use crate::server::guesses::Guesser;
use crate::server::holding::Holding;
use crate::server::input::Input;
use crate::server::patience::{Patience, WaitFor};
use crate::server::shared::Shared;
use crate::server::{closing, writing};

/// The bytes that the input may hold beside the longest message: a head, trailers, the start of the
/// next request.
const AROUND: usize = 64 * 1024;

mod awaiting;
mod behind_proxy;
mod ending;
mod own;
mod silence;

use ending::ConnectionEnd;

/// The limits of a connection. All connections share them, and they never change.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The longest time from the first byte of a request to its last.
    pub request_timeout: Duration,
    /// The longest time of one write call on the socket. All writes of one flush together take at
    /// most three times as long: see [`crate::server::writing`].
    pub write_timeout: Duration,
    /// The longest time between requests; zero is no limit.
    pub idle_timeout: Duration,
    /// How many clients an address may have.
    pub addresses: AddressLimits,
    /// Each connection begins with the header of a proxy (`--behind-proxy`).
    pub behind_proxy: bool,
    /// The rules of the formats.
    pub policy: Policy,
    /// For tests: called before a request is executed; may panic.
    pub fault: Option<fn(&Request<'_>)>,
}

/// Serves one client until the client or the server ends the connection. The caller drops the
/// stream afterwards, which closes the socket.
pub fn serve(
    stream: &Arc<TcpStream>,
    caller: Caller,
    shared: &Shared,
    limits: &Limits,
    gauge: &Gauge,
) {
    // A socket that fails these calls is gone already; the first read reports that.
    let _ = stream.set_nodelay(true);
    let _ = stream.set_write_timeout(Some(limits.write_timeout));
    let mut connection = Connection::new(stream, caller, shared, limits, gauge);
    let end = connection.converse();
    // The drop unregisters the client. It comes first, because the close may wait up to 30 s.
    drop(connection);
    log::debug!("client-{} ended: {end:?}", caller.client);
    match end {
        ConnectionEnd::Theirs => {}
        ConnectionEnd::Ours => closing::close(stream),
        ConnectionEnd::Stop => closing::close_in_stop(stream),
    }
}

/// The state of one connection. Its thread owns it, so no lock guards it. `shared` has its own
/// locks, and `gauge` is atomic, because other threads read it.
struct Connection<'a> {
    stream: &'a Arc<TcpStream>,
    caller: Caller,
    shared: &'a Shared,
    limits: &'a Limits,
    gauge: &'a Gauge,
    /// The number of requests that were answered, for `list connections` and the log.
    answered: u64,
    /// The format that the client speaks, and its state between requests.
    conversation: Conversation<'a>,
    /// The charge for the buffers below.
    holding: Holding<'a>,
    /// Bytes that were read and not decoded yet.
    input: Input,
    /// Replies that were encoded and not written yet.
    output: Output,
    /// The buffer of the last large reply. The next reply uses it, and need not allocate one.
    spare: Vec<u8>,
    /// The count of drawn numbers whose replies are still in `output`.
    unwritten_numbers: u64,
    /// The count of drawn numbers that were written since the last read of bytes. A client that
    /// sends more bytes is still there, so earlier numbers count as delivered.
    unheard_numbers: u64,
    /// A read failed with a broken pipe: the client had closed before the `unheard_numbers`
    /// arrived.
    met_broken_pipe: bool,
    /// The end of the stream, or an error, was read while a request waited.
    is_ended: bool,
    /// The client was there at the last look. Then this connection may take a message, a signal or
    /// a granted block, which would be lost if the client had gone.
    is_seen: bool,
    patience: Patience,
    guesser: Guesser,
    /// The socket's present read timeout. To set it is a system call, so only a change is set.
    read_timeout: Option<Duration>,
}

/// Draws numbers. This request is by far the most frequent, so it skips the trait `Execute`: making
/// a [`Reply`] of the trait's result would move it once more, which costs as much as the lock.
#[inline(never)]
pub fn draw(shared: &Shared, client: ClientNumber, count: u64) -> Reply<'_> {
    match shared.numbers.draw(client, count) {
        Ok(drawn) => Reply::Drawn(drawn),
        Err(error) => Reply::Error(error),
    }
}

impl<'a> Connection<'a> {
    fn new(
        stream: &'a Arc<TcpStream>,
        caller: Caller,
        shared: &'a Shared,
        limits: &'a Limits,
        gauge: &'a Gauge,
    ) -> Self {
        Self {
            stream,
            caller,
            shared,
            limits,
            gauge,
            conversation: Conversation::new(&limits.policy, caller.client),
            holding: Holding::new(Charge::new(&shared.buffers, caller.client, stream), limits),
            input: Input::new(limits.policy.max_message + AROUND),
            output: Output::default(),
            spare: Vec::new(),
            answered: 0,
            unwritten_numbers: 0,
            unheard_numbers: 0,
            met_broken_pipe: false,
            is_ended: false,
            is_seen: false,
            patience: Patience::new(limits.request_timeout, limits.idle_timeout),
            guesser: Guesser::default(),
            read_timeout: None,
        }
    }
}

impl Connection<'_> {
    /// Reads, answers and writes until the connection ends.
    fn converse(&mut self) -> ConnectionEnd {
        let mut received = self.receive_first();
        loop {
            let tail = match received {
                Ok(tail) => tail,
                Err(end) => return end,
            };
            self.gauge.does(Doing::Answering);
            let last = self.answer_all(tail);
            if self.flush().is_err() || last {
                return ConnectionEnd::Ours;
            }
            // Checked only after the answers: `printf 'draw 1\n' | nc` closes its sending half at
            // once, and still reads the reply.
            if tail == Tail::Ended {
                return ConnectionEnd::Theirs;
            }
            received = self.receive();
        }
    }

    /// Waits for bytes for as long as the [`Patience`] of this connection allows, and reads them.
    /// The returned [`Tail`] says whether more bytes can follow.
    ///
    /// # Errors
    /// Fails with the way in which the connection ended.
    fn receive(&mut self) -> Result<Tail, ConnectionEnd> {
        self.is_seen = false;
        self.show();
        self.holding.set_format(self.conversation.protocol());
        self.gauge.does(Doing::Listening);
        loop {
            let wait = self.patience.wait(self.situation(), Instant::now);
            // The time of the request is over.
            if wait == WaitFor::Whole(Duration::ZERO) {
                return self.read_what_is_there();
            }
            if !self.has_room_to_read(true) {
                return Err(self.end_busy());
            }
            self.set_read_timeout(wait.timeout());
            let is_first = self.input.pending().is_empty();
            match (&**self.stream).read(self.input.space()) {
                Ok(0) => return self.ended(),
                Ok(count) => {
                    self.unheard_numbers = 0;
                    self.holding.moved(count);
                    self.input.filled(count);
                    return Ok(if is_first { Tail::OnePiece } else { Tail::Open });
                }
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                        if let Some(received) = self.nothing_came(wait) {
                            return received;
                        }
                    }
                    kind => {
                        self.met_broken_pipe = kind == ErrorKind::BrokenPipe;
                        return Err(ConnectionEnd::Theirs);
                    }
                },
            }
        }
    }

    /// Stores the connection's progress in its gauge, where `list connections` reads it.
    fn show(&self) {
        self.gauge.store_progress(self.answered, self.conversation.protocol());
    }

    /// Answers every whole request in the input, up to one that ends the connection. Returns true
    /// if the connection has to close. A full output is written, unless `grow_output` extends it.
    fn answer_all(&mut self, tail: Tail) -> bool {
        while let Some(is_last) = self.answer(tail) {
            let is_full = self.output.is_full() && !self.holding.grow_output(&mut self.output);
            if is_last || self.conversation.is_over() || is_full && self.flush().is_err() {
                return true;
            }
        }
        false
    }

    /// Answers the first request in the input. Returns whether the connection has to close after
    /// it; `None` if the request is not whole.
    #[inline]
    fn answer(&mut self, tail: Tail) -> Option<bool> {
        // A reference: moving a request once more costs as much time as the draw's lock.
        match &mut self.conversation.decode(self.input.pending(), tail) {
            Decoded::Incomplete => return None,
            &mut Decoded::Asked { request: Ok(ref request), used } => {
                self.before_request(request);
                let (shared, caller) = (self.shared, self.caller());
                if let &Request::Draw(Draw { count }) = request {
                    let room = self.holding.grow_for_draw(count, shared.numbers.length().into());
                    let draw = |()| draw(shared, caller.client, count);
                    self.encode(&mut room.map_or_else(Reply::Error, draw), used);
                    return Some(false);
                }
                let is_last = matches!(request, Request::Quit(_));
                // `holding` calls this again with more memory if the answer needs it. No request
                // that may wait names a lease, so the guesser has only the others.
                let begun = self.holding.begin(caller, |caller| match request.may_wait() {
                    true => request.begin(shared, caller, &mut self.spare),
                    false => Ok(self.guesser.run(request, shared, caller, &mut self.spare)),
                });
                self.await_answer(begun, used);
                return Some(is_last);
            }
            &mut Decoded::Asked { request: Err(ref error), used } => {
                self.encode(&mut Reply::Error(error.clone()), used);
            }
            Decoded::Last(error) => {
                let error = error.clone().map(Reply::Error);
                error.into_iter().for_each(|mut reply| self.encode(&mut reply, 0));
                return Some(true);
            }
            Decoded::SelfAnswered { used, answer } => {
                return Some(self.append_own(std::mem::take(answer), *used).is_err());
            }
            &mut Decoded::Skip { used } => self.skip(used),
        }
        Some(false)
    }

    /// Prepares for a request: calls the test's function, if there is one, and updates the gauge
    /// before a `list`, because the list may show this connection too.
    fn before_request(&self, request: &Request<'_>) {
        if let Some(fault) = self.limits.fault {
            fault(request);
        }
        if matches!(request, Request::List(_)) {
            self.show();
        }
    }

    /// Returns the caller, with the most data that its format can carry.
    fn caller(&self) -> Caller {
        Caller { most_data: self.conversation.most_data(), ..self.caller }
    }

    /// Appends a reply to the output, and drops the `used` bytes of its request from the input.
    /// `used` is 0 after a wait, which has dropped the bytes already, and before a close.
    fn encode(&mut self, reply: &mut Reply<'_>, used: usize) {
        if let Reply::Drawn(drawn) = reply {
            self.unwritten_numbers += drawn.count();
        }
        self.conversation.encode(reply, &mut self.output);
        self.input.consume(used);
        self.answered += 1;
        self.patience.request_done();
    }

    /// Writes all replies in the output. An error is logged here, so the caller gets no details.
    fn flush(&mut self) -> Result<(), ()> {
        if self.output.is_empty() {
            return Ok(());
        }
        self.gauge.does(Doing::Writing);
        // Others get the reserved memory that the replies did not need: this write may take long.
        self.settle();
        self.holding.writes(true);
        let moved = |count| self.holding.moved(count);
        let timeout = self.limits.write_timeout;
        let written = writing::write_all(self.stream, &self.output, timeout, moved);
        self.holding.writes(false);
        if written.is_ok() {
            self.unheard_numbers += std::mem::take(&mut self.unwritten_numbers);
        }
        self.output.bytes.clear();
        if !self.output.body.is_empty() {
            self.spare = std::mem::take(&mut self.output.body);
        }
        self.settle();
        written.map_err(|error| log::debug!("client-{}: {error}", self.caller.client))
    }
}
