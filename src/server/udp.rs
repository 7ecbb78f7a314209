//! The `udp` thread: datagrams in, datagrams out.
//!
//! ```text
//!   get_request ──► Datagrams::receive ──► Shared::answer ──► send_reply
//!     recv_from        pure, its own          the locks          send_to
//! ```
//!
//! One thread treats one datagram after the other: there is no connection that a thread
//! could belong to, each takes microseconds, and so the history needs no lock, nor can two
//! copies of a request be executed at once.
//!
//! **Invariants** a panic within a request is answered as an error, and the thread goes on;
//! that a client is slow or gone costs nothing, because a datagram waits for nobody.
//!
//! **Lock** none of its own; executing takes the server's, one at a time.
//!
//! **Simplified** one thread is one core's worth of datagrams.
//!
//! **Source** the lecture's UDP server; `get_request` and `send_reply` are the book's names.

use std::hash::RandomState;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crate::commands::{Reply, Request};
use crate::common::caller::Caller;
use crate::common::caller::ClientNumber;
use crate::common::error::{Code, Error};
use crate::protocol::datagram::{self, BUFFER, Wish};
use crate::server::accept::warn_now_and_then;
use crate::server::datagrams::{DatagramLimits, Datagrams, Executor};
use crate::server::shared::Shared;

/// The wait after an error that is nobody's datagram's.
const BACK_OFF: Duration = Duration::from_millis(100);

/// A socket of this system's choice of port, to talk to an address of that family.
///
/// # Errors
/// When the system has none to give.
pub fn any_port(family: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = match family {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    UdpSocket::bind(any)
}

/// Starts the thread; it ends when the server stops and one more datagram comes.
///
/// # Errors
/// When the system has no thread to give.
pub fn start(
    socket: UdpSocket,
    shared: Arc<Shared>,
    limits: &DatagramLimits,
    fault: Option<fn(&Request<'_>)>,
) -> io::Result<JoinHandle<()>> {
    let datagrams =
        Datagrams::new(limits, shared.numbers.length(), RandomState::new(), Instant::now());
    let most_data = datagram::most_data(limits.longest);
    let (read_timeout, warned) = (None, None);
    let server =
        DatagramServer { socket, shared, datagrams, fault, most_data, read_timeout, warned };
    Builder::new().name("udp".into()).spawn(|| server.run())
}

struct DatagramServer {
    socket: UdpSocket,
    shared: Arc<Shared>,
    datagrams: Datagrams,
    /// For tests of what a panic leaves behind.
    fault: Option<fn(&Request<'_>)>,
    /// The most bytes of data that fit a reply.
    most_data: u64,
    /// The socket's, as it is now.
    read_timeout: Option<Duration>,
    warned: Option<Instant>,
}

impl DatagramServer {
    fn run(mut self) {
        let mut buffer = vec![0; BUFFER];
        while !self.shared.is_stopping() {
            match self.get_request(&mut buffer) {
                Some((length, from)) => self.answer(&buffer[..length], from),
                None => self.datagrams.sweep(Instant::now()),
            }
            let history = self.datagrams.history();
            if let Some(gauges) = &self.shared.datagrams {
                gauges.history.store(history.len() as u64, Ordering::Relaxed);
                gauges.resent.store(history.resent(), Ordering::Relaxed);
            }
        }
    }

    fn answer(&mut self, datagram: &[u8], from: SocketAddr) {
        let (shared, fault, most_data) = (&*self.shared, self.fault, self.most_data);
        let mut executor = Executing { shared, fault, most_data };
        let reply = self.datagrams.receive(datagram, from, Instant::now(), &mut executor);
        if let Some(reply) = reply {
            self.send_reply(&reply, from);
        }
    }

    /// Waits for a datagram; not for ever while the history has something to forget.
    fn get_request(&mut self, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        let history = self.datagrams.history();
        let timeout = (!history.is_empty()).then(|| history.sweep_every());
        if self.read_timeout != timeout && self.socket.set_read_timeout(timeout).is_ok() {
            self.read_timeout = timeout;
        }
        match self.socket.recv_from(buffer) {
            Ok(received) => Some(received),
            Err(error) => {
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

    fn send_reply(&self, reply: &[u8], to: SocketAddr) {
        // A reply that is lost is asked for again.
        if let Err(error) = self.socket.send_to(reply, to) {
            log::debug!("a reply to {to} was not sent: {error}");
        }
    }
}

/// Executes requests on the server's services.
struct Executing<'a> {
    shared: &'a Shared,
    fault: Option<fn(&Request<'_>)>,
    most_data: u64,
}

impl Executor for Executing<'_> {
    fn next_client(&mut self) -> ClientNumber {
        self.shared.clients.next_number()
    }

    fn execute(&mut self, request: &Request<'_>, client: ClientNumber, wish: Wish) -> Reply<'_> {
        let Self { shared, fault, most_data } = *self;
        // The rule for poisoned locks makes this safe to go on from: see `crate::server::shared`.
        let answered = catch_unwind(AssertUnwindSafe(|| {
            fault.iter().for_each(|fault| fault(request));
            let caller = Caller { most_data, ..Caller::unconnected(client) };
            request.execute(shared, caller, &mut Vec::new())
        }));
        // A process without a connection ends when its clients are silent.
        shared.hear(client);
        let reply = answered.unwrap_or_else(|_| Reply::Error(Error::new(Code::Refused, FAILED)));
        if let (Reply::Drawn(drawn), false) = (&reply, wish.reply) {
            shared.numbers.add_undelivered(drawn.count());
        }
        reply
    }
}

const FAILED: &str =
    "the server failed within this request; look at its log, and do not rely on it";
