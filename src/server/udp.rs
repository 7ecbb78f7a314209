//! The `udp` thread: datagrams in, datagrams out.
//!
//! ```text
//!   get_request ──► Datagrams::receive ──► Request::execute ──► send_reply
//!     recv_from        no lock                the locks           send_to
//!
//!   more came than were answered ──► WaitingDatagrams ──► each address in turn, until none waits
//! ```
//!
//! One thread answers one datagram after the other. A thread for each client would not help: UDP
//! has no connection, so such a thread would have nothing to read from. A datagram usually takes
//! microseconds. Because one thread does all, the history needs no lock, and two copies of a
//! request are never executed at the same time.
//!
//! **Invariants**
//!
//! 1. A panic within a request is answered with an error, and the thread goes on: it is the only
//!    one for all senders.
//! 2. A client that is slow or has gone costs no time: sending a datagram does not wait for its
//!    receiver.
//! 3. While datagrams of several addresses wait, each address has the same part of the time
//!    ([`WaitingDatagrams`]).
//! 4. No request waits here for other clients, because it would stop all senders. A request that
//!    asks for a wait is refused. A `join` does not wait for room. A `join` or a `register` tries
//!    to lock the tables for about 1 ms.
//!
//! **Lock** none of its own. Executing a request takes the server's locks, one at a time; a Hello
//! takes the clients' lock for its number.
//!
//! **Simplified** one thread answers as many datagrams as one core can. A bigger server has a
//! socket and a thread for each core, each with its part of the clients (`SO_REUSEPORT`).
//!
//! **Source** the lecture's UDP server; `get_request` and `send_reply` are named as in Coulouris
//! and others, section 5.2.

use std::hash::RandomState;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crate::commands::{Reply, Request};
use crate::common::caller::{Caller, ClientNumber};
use crate::common::error::{Code, Error};
use crate::common::warnings::warn_now_and_then;
use crate::protocol::datagram::{self, BUFFER, Wish};
use crate::server::connection::Limits;
use crate::server::datagrams::{DatagramLimits, Datagrams, Executor};
use crate::server::guesses::Guesser;
use crate::server::shared::Shared;
use crate::server::turns::WaitingDatagrams;

/// The pause after an error that belongs to the socket and not to one datagram. Without it the loop
/// would spin.
const BACK_OFF: Duration = Duration::from_millis(100);

/// After so many datagrams, or after one that took [`COSTLY`], the thread looks whether more wait.
/// The look costs three system calls, so the thread does not look after each datagram.
const LOOK_AFTER: u32 = 16;

/// A datagram that takes this time or longer is costly: others may have come meanwhile.
const COSTLY: Duration = Duration::from_micros(200);

/// The most datagrams that are read before the next turn. One read takes a microsecond or two.
const MOST_READS: usize = 256;

/// Binds a socket to a free port, to talk to an address of the same family as `family`.
///
/// # Errors
/// Fails if the system has no socket or no port left.
pub fn any_port(family: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = match family {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    UdpSocket::bind(any)
}

/// Starts the `udp` thread. It ends after the stop has begun, as soon as a datagram arrives or its
/// wait times out. `limits` are those of connections, `of_datagrams` those of datagrams alone.
///
/// # Errors
/// Fails if the system has no thread left.
pub fn start(
    socket: UdpSocket,
    shared: Arc<Shared>,
    limits: Arc<Limits>,
    of_datagrams: &DatagramLimits,
) -> io::Result<JoinHandle<()>> {
    let datagrams =
        Datagrams::new(of_datagrams, shared.numbers.length(), RandomState::new(), Instant::now());
    let most_data = datagram::most_data(of_datagrams.longest);
    let server = DatagramServer {
        socket,
        shared,
        limits,
        datagrams,
        turns: WaitingDatagrams::default(),
        most_data,
        read_timeout: None,
        warned: None,
        dropped: None,
    };
    Builder::new().name("udp".into()).spawn(|| server.run())
}

/// The data of the `udp` thread, which owns it.
struct DatagramServer {
    socket: UdpSocket,
    shared: Arc<Shared>,
    /// The limits of connections. The addresses that the server trusts are the same for datagrams.
    limits: Arc<Limits>,
    datagrams: Datagrams,
    turns: WaitingDatagrams,
    /// The most bytes of data that fit a reply of one datagram.
    most_data: u64,
    /// The socket's present read timeout. Setting it is a system call, so it is set only when it
    /// changes.
    read_timeout: Option<Duration>,
    /// The time of the last warning that no datagram can be received.
    warned: Option<Instant>,
    /// The time of the last warning that datagrams were dropped.
    dropped: Option<Instant>,
}

impl DatagramServer {
    /// Answers one datagram after the other, until the server stops.
    fn run(mut self) {
        let mut buffer = vec![0; BUFFER];
        let mut answered = 0;
        while !self.shared.is_stopping() {
            let Some((length, from)) = self.get_request(&mut buffer) else {
                self.datagrams.sweep(Instant::now());
                self.publish_figures();
                continue;
            };
            let took = self.answer(&buffer[..length], from);
            answered += 1;
            if answered >= LOOK_AFTER || took >= COSTLY {
                answered = 0;
                self.take_turns(&mut buffer);
            }
        }
    }

    /// Answers the datagrams that wait, each address in its turn, until none waits. The socket does
    /// not block meanwhile, so that the thread can see that the system holds no more datagrams.
    fn take_turns(&mut self, buffer: &mut [u8]) {
        // If this call fails, `run` goes on without turns: it answers datagrams as they come.
        if self.socket.set_nonblocking(true).is_err() {
            return;
        }
        while !self.shared.is_stopping() {
            self.read_waiting(buffer);
            let Some(turn) = self.turns.begin() else { break };
            let took = self.answer(&turn.datagram, turn.from);
            self.turns.end(turn, took);
        }
        // The call cannot fail, because the same call above did not.
        let _ = self.socket.set_nonblocking(false);
    }

    /// Reads the datagrams that the system holds, at most [`MOST_READS`], and lets them wait for
    /// their turns. Drops a datagram if too much waits.
    fn read_waiting(&mut self, buffer: &mut [u8]) {
        for _ in 0..MOST_READS {
            let (length, from) = match self.socket.recv_from(buffer) {
                Ok(received) => received,
                // The error is about an earlier reply, which found no receiver. More datagrams may
                // wait behind it.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => continue,
                Err(_) => return,
            };
            let datagram = &buffer[..length];
            let has_token = self.datagrams.has_token(datagram, from, Instant::now());
            if !self.turns.add(datagram, from, has_token) {
                let why = "more come than can be answered";
                warn_now_and_then(&mut self.dropped, "datagrams are dropped", why);
            }
        }
    }

    /// Copies the figures of the history into atomics, from which `stats` reads them. The history
    /// has no lock, so other threads cannot read it.
    fn publish_figures(&self) {
        let history = self.datagrams.history();
        if let Some(gauges) = &self.shared.datagrams {
            gauges.history.store(history.len() as u64, Ordering::Relaxed);
            gauges.resent.store(history.resent(), Ordering::Relaxed);
        }
    }

    /// Handles one datagram, and sends the answer if there is one. Returns the time that this took.
    fn answer(&mut self, datagram: &[u8], from: SocketAddr) -> Duration {
        let begun = Instant::now();
        let stranger = self.limits.addresses.stranger(from.ip());
        let caller = Caller { most_data: self.most_data, stranger, ..Caller::unconnected(0) };
        let mut executor = Executing { shared: &self.shared, fault: self.limits.fault, caller };
        let reply = self.datagrams.receive(datagram, from, begun, &mut executor);
        if let Some(reply) = reply {
            self.send_reply(&reply, from);
        }
        self.publish_figures();
        begun.elapsed()
    }

    /// Waits for a datagram. Returns `None` after an error or a timeout. While the history holds
    /// entries the wait is bounded, so that old entries are dropped even when no datagram comes; an
    /// empty history sets no timer.
    fn get_request(&mut self, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        let history = self.datagrams.history();
        let timeout = (!history.is_empty()).then(|| history.sweep_every());
        if self.read_timeout != timeout && self.socket.set_read_timeout(timeout).is_ok() {
            self.read_timeout = timeout;
        }
        match self.socket.recv_from(buffer) {
            Ok(received) => Some(received),
            Err(error) => {
                // `ConnectionRefused` means that an earlier reply found no receiver.
                use ErrorKind::{ConnectionRefused, Interrupted, TimedOut, WouldBlock};
                if !matches!(error.kind(), ConnectionRefused | Interrupted | TimedOut | WouldBlock)
                {
                    let what = "no datagram can be received now, waiting";
                    warn_now_and_then(&mut self.warned, what, &error);
                    std::thread::sleep(BACK_OFF);
                }
                None
            }
        }
    }

    /// Sends a reply, once. After an error it is not sent again: the client repeats its request.
    fn send_reply(&self, reply: &[u8], to: SocketAddr) {
        let sent = self.socket.send_to(reply, to).or_else(|error| match error.kind() {
            // While turns are taken the socket does not wait, but a reply waits for the system's
            // buffer.
            ErrorKind::WouldBlock => {
                self.socket.set_nonblocking(false)?;
                let sent = self.socket.send_to(reply, to);
                self.socket.set_nonblocking(true)?;
                sent
            }
            _ => Err(error),
        });
        if let Err(error) = sent {
            log::debug!("a reply to {to} was not sent: {error}");
        }
    }
}

/// Executes requests on the struct that all threads share.
struct Executing<'a> {
    shared: &'a Shared,
    fault: Option<fn(&Request<'_>)>,
    /// The sender. `execute` sets its number.
    caller: Caller,
}

impl Executor for Executing<'_> {
    fn next_client(&mut self) -> ClientNumber {
        self.shared.clients.next_number()
    }

    /// Executes a request. A panic within it becomes an error reply.
    fn execute(&mut self, request: &Request<'_>, client: ClientNumber, wish: Wish) -> Reply<'_> {
        let Self { shared, fault, caller } = *self;
        // The thread can go on after a panic: a panic leaves no table half changed
        // (`crate::common::lock`).
        let answered = catch_unwind(AssertUnwindSafe(|| {
            fault.iter().for_each(|fault| fault(request));
            let caller = Caller { client, ..caller };
            // A client without a connection has no `Guesser` of its own, so each number of a lease
            // that it names counts as a guess.
            Guesser::default().run(request, shared, caller, &mut Vec::new())
        }));
        // This client has no connection whose end the server could see. So the server removes it
        // from its process when it was silent for too long.
        shared.hear(client);
        let reply = answered.unwrap_or_else(|_| Reply::Error(Error::new(Code::Refused, FAILED)));
        // Without a reply (protocol R) these numbers reach no client, so `stats` counts them as
        // undelivered.
        if let (Reply::Drawn(drawn), false) = (&reply, wish.reply) {
            shared.numbers.add_undelivered(drawn.count());
        }
        reply
    }
}

/// The text after a panic. It does not say whether the request had an effect: that is unknown.
const FAILED: &str =
    "the server failed within this request; look at its log, and do not rely on it";
