//! The client library: blocking calls to a server, each within a time limit.
//!
//! ```text
//!   Client ── draw(4) ──► Request ──┬─ Stream ────► one frame after the other over TCP
//!     ▲                             └─ Datagrams ─► one frame in each datagram, over UDP
//!     └── [5, 19, 228, 665] ◄── Reply ◄──┘
//! ```
//!
//! ```no_run
//! use std::time::Duration;
//! use leasebox::client::Client;
//!
//! # fn main() -> Result<(), leasebox::client::CallError> {
//! let mut client = Client::connect("localhost", 4120, Duration::from_secs(5))?;
//! let numbers: Vec<u32> = client.draw(4)?;
//! let id = client.lease(1024, Duration::from_secs(60))?;
//! client.set(id, b"this is some text")?;
//! assert_eq!(client.get(id)?, b"this is some text");
//! # Ok(())
//! # }
//! ```
//!
//! | file | what |
//! | --- | --- |
//! | [`stream`] | leasebox frames over TCP |
//! | [`datagrams`] | leasebox frames over UDP: the socket |
//! | [`exchange`] | what to send and when, as a pure function of time: R, RR, RRA |
//! | [`wire`] | a connection with a deadline on each call: the two over TCP use it |
//! | [`peer`] | what is known of the server between two exchanges |
//! | `calls` | `call`, and the short forms |
//! | [`mod@line`] | text lines, for programs that show what a server says |
//!
//! **Invariants** a call ends within its limit, with an answer or a [`CallError`]; an
//! answer that comes too late is never taken for that of a later call of a [`Client`]. Looking a host's name
//! up is the system's, and has its own limits.
//!
//! **Lock** none: a client is used by one thread; another thread has another.
//!
//! **Source** the lecture's blocking receive with a timeout.

mod calls;
pub mod datagrams;
mod error;
pub mod exchange;
pub mod line;
pub mod peer;
pub mod stream;
pub mod wire;

use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use crate::commands::{List, Listing, Reply, Request};
use crate::protocol::byte_order::ByteOrder;
pub use calls::milliseconds;
use datagrams::ByDatagrams;
pub use error::CallError;
use exchange::Way;
use stream::Stream;

/// When a call of this limit ends. A limit beyond what the clock can count is none to
/// speak of.
fn deadline(now: Instant, limit: Duration) -> Instant {
    now.checked_add(limit).unwrap_or(now + YEAR)
}

/// The shortest wait that a socket takes.
const SHORTEST: Duration = Duration::from_micros(1);

const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Connects to the first of a host's addresses that answers.
///
/// # Errors
/// [`CallError::UnknownHost`], [`CallError::NoServer`].
pub fn dial(host: &str, port: u16, limit: Duration) -> Result<TcpStream, CallError> {
    let deadline = deadline(Instant::now(), limit);
    let mut last = CallError::UnknownHost(host.to_string());
    for address in resolve(host, port)? {
        let left = deadline.saturating_duration_since(Instant::now()).max(SHORTEST);
        match TcpStream::connect_timeout(&address, left) {
            Ok(stream) => {
                stream.set_nodelay(true).map_err(CallError::Broken)?;
                return Ok(stream);
            }
            Err(error) => last = CallError::NoServer(address, error),
        }
    }
    Err(last)
}

fn resolve(host: &str, port: u16) -> Result<impl Iterator<Item = SocketAddr>, CallError> {
    (host, port).to_socket_addrs().map_err(|_| CallError::UnknownHost(host.to_string()))
}

/// A client of one server.
#[derive(Debug)]
pub struct Client {
    carrier: Carrier,
}

#[derive(Debug)]
enum Carrier {
    Stream(Stream),
    Datagrams(ByDatagrams),
}

impl Client {
    /// Connects, and speaks leasebox frames. `limit` is for the connect, and for each call.
    ///
    /// # Errors
    /// [`CallError::UnknownHost`], [`CallError::NoServer`].
    pub fn connect(host: &str, port: u16, limit: Duration) -> Result<Self, CallError> {
        let stream = Stream::new(dial(host, port, limit)?, limit);
        Ok(Self { carrier: Carrier::Stream(stream) })
    }

    /// Says Hello, and speaks by datagrams. `limit` is for the Hello, and for each call.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn by_datagrams(
        host: &str,
        port: u16,
        limit: Duration,
        way: Way,
    ) -> Result<Self, CallError> {
        let datagrams = ByDatagrams::connect(host, port, limit, way)?;
        Ok(Self { carrier: Carrier::Datagrams(datagrams) })
    }

    /// Speaks in that byte order from now on, instead of this machine's own.
    pub fn set_order(&mut self, order: ByteOrder) {
        match &mut self.carrier {
            Carrier::Stream(stream) => stream.set_order(order),
            Carrier::Datagrams(datagrams) => datagrams.set_order(order),
        }
    }

    /// Has that limit for each call from now on.
    pub fn set_limit(&mut self, limit: Duration) {
        match &mut self.carrier {
            Carrier::Stream(stream) => stream.set_limit(limit),
            Carrier::Datagrams(datagrams) => datagrams.set_limit(limit),
        }
    }

    /// Reads answers of up to so many bytes from now on, instead of 32 MiB; a draw's may
    /// always be as long as the list. By datagrams the server's limit counts.
    pub fn set_longest(&mut self, longest: usize) {
        if let Carrier::Stream(stream) = &mut self.carrier {
            stream.set_longest(longest);
        }
    }

    /// Asks without wanting to know the answer: by datagrams that is R, which sends once
    /// and waits for nothing; over a stream the answer is read and dropped.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn tell(&mut self, request: &Request<'_>) -> Result<(), CallError> {
        match &mut self.carrier {
            Carrier::Stream(stream) => stream.ask(request).map(|_| ()),
            Carrier::Datagrams(datagrams) => datagrams.tell(request),
        }
    }

    /// Asks anything. Every call is this one and a look at its reply.
    ///
    /// # Errors
    /// [`CallError`]; a refusal by the server is [`CallError::Refused`].
    pub fn ask(&mut self, request: &Request<'_>) -> Result<Reply<'static>, CallError> {
        let reply = match &mut self.carrier {
            Carrier::Stream(stream) => stream.ask(request)?,
            Carrier::Datagrams(datagrams) => datagrams.do_operation(request)?,
        };
        match reply {
            Reply::Error(error) => Err(CallError::Refused(error)),
            Reply::List(listing) if !is_of(&listing, request) => Err(CallError::Unreadable),
            reply if reply.kind() == request.reply_kind() => Ok(reply),
            _ => Err(CallError::Unreadable),
        }
    }
}

/// Whether a list is the one that was asked for.
fn is_of(listing: &Listing, request: &Request<'_>) -> bool {
    matches!(request, Request::List(List { what }) if *what == listing.what)
}
