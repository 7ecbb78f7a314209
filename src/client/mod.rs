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
//! | file | content |
//! | --- | --- |
//! | [`stream`] | leasebox frames over TCP |
//! | [`datagrams`] | leasebox frames over UDP: the socket |
//! | [`exchange`] | the next step of an exchange of datagrams, as a pure function of time |
//! | [`wire`] | a connection with a deadline for each call, and text lines over it |
//! | [`peer`] | the client's knowledge of the server between two exchanges of datagrams |
//! | `calls` | [`Client::call`] for any command, and short forms such as [`Client::draw`] |
//! | `error` | [`CallError`]: the cause, and whether the request may have been executed |
//!
//! **Invariants**
//!
//! 1. A call ends within its limit, with an answer or a [`CallError`]. Over TCP, a request that
//!    asks the server to wait has that time besides. (The system looks up a host's name, with
//!    limits of its own.)
//! 2. An answer to a [`Client`] that comes too late is never taken for the answer to a later call:
//!    frames carry ids. Text lines carry none ([`wire`]).
//!
//! **Lock** none. One thread owns a client (each call takes `&mut self`); another thread connects a
//! client of its own.
//!
//! **Simplified** one request is under way at a time. A bigger library sends many, and gives each
//! answer to its caller by the id.
//!
//! **Source** the lecture's blocking receive with a timeout.

mod calls;
pub mod datagrams;
mod error;
pub mod exchange;
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

/// Returns the end of a call that begins at `now`. A limit that the clock cannot add ends after a
/// year instead: adding it would panic.
fn deadline(now: Instant, limit: Duration) -> Instant {
    now.checked_add(limit).unwrap_or(now + YEAR)
}

/// The shortest timeout of a socket. std refuses a timeout of zero, which the system takes for no
/// limit.
const MIN_SOCKET_TIMEOUT: Duration = Duration::from_micros(1);

const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Connects to the first of a host's addresses that answers. `limit` is for all of them together.
/// `TCP_NODELAY` is set: without it the system may hold back a short request until the one before
/// it is acknowledged.
///
/// # Errors
/// Fails with [`CallError::UnknownHost`], with the last address's [`CallError::NoServer`], or with
/// [`CallError::Broken`] if the new connection is gone already.
pub fn dial(host: &str, port: u16, limit: Duration) -> Result<TcpStream, CallError> {
    first_that_answers(host, port, limit, |address, left| {
        let stream = TcpStream::connect_timeout(&address, left.max(MIN_SOCKET_TIMEOUT))
            .map_err(|error| CallError::NoServer(address, error))?;
        stream.set_nodelay(true).map_err(CallError::Broken)?;
        Ok(stream)
    })
}

/// Tries a host's addresses one after the other, and returns the result of the first that answers.
/// It goes on to the next address only after [`CallError::NoServer`]. `limit` is for all of them
/// together: `attempt` gets the time that is left. The system looks up the addresses, with time
/// limits of its own.
///
/// # Errors
/// Fails with [`CallError::UnknownHost`], with the last address's [`CallError::NoServer`], or with
/// any other error of an attempt.
fn first_that_answers<T>(
    host: &str,
    port: u16,
    limit: Duration,
    attempt: impl Fn(SocketAddr, Duration) -> Result<T, CallError>,
) -> Result<T, CallError> {
    let deadline = deadline(Instant::now(), limit);
    let unknown = || CallError::UnknownHost(host.to_string());
    let mut last = unknown();
    for address in (host, port).to_socket_addrs().map_err(|_| unknown())? {
        match attempt(address, deadline.saturating_duration_since(Instant::now())) {
            Err(error @ CallError::NoServer(..)) => last = error,
            outcome => return outcome,
        }
    }
    Err(last)
}

/// A client of one server.
#[derive(Debug)]
pub struct Client {
    carrier: Carrier,
}

/// The way to the server, chosen when the client is made.
#[derive(Debug)]
enum Carrier {
    Stream(Stream),
    Datagrams(ByDatagrams),
}

impl Client {
    /// Gets a token from the server by a Hello, and then speaks by datagrams. Each request carries
    /// the token, which proves that the client receives datagrams at its address. `limit` is for
    /// the Hello, and for each call.
    ///
    /// # Errors
    /// Fails with a [`CallError`].
    pub fn by_datagrams(
        host: &str,
        port: u16,
        limit: Duration,
        way: Way,
    ) -> Result<Self, CallError> {
        let datagrams = ByDatagrams::connect(host, port, limit, way)?;
        Ok(Self { carrier: Carrier::Datagrams(datagrams) })
    }

    /// Sets the byte order of later requests. Without this call it is the machine's own.
    pub fn set_order(&mut self, order: ByteOrder) {
        match &mut self.carrier {
            Carrier::Stream(stream) => stream.order = order,
            Carrier::Datagrams(datagrams) => datagrams.peer.order = order,
        }
    }

    /// Sets the limit of each later call.
    pub fn set_limit(&mut self, limit: Duration) {
        match &mut self.carrier {
            Carrier::Stream(stream) => stream.wire.limit = limit,
            Carrier::Datagrams(datagrams) => datagrams.limit = limit,
        }
    }

    /// Sets the longest answer that later calls accept, in bytes; without this call 32 MiB. The
    /// answer to a draw may always be as long as its numbers need. By datagrams the server's limit
    /// counts, and this call changes nothing.
    pub fn set_longest(&mut self, longest: usize) {
        if let Carrier::Stream(stream) = &mut self.carrier {
            stream.longest = longest;
        }
    }

    /// Sends a request whose answer is not wanted. By datagrams this is R (a request alone): it
    /// sends once and does not wait, but gets a token first if it has none. Over a stream it reads
    /// the answer and drops it, also a refusal, because the next answer comes behind it.
    ///
    /// # Errors
    /// Fails with a [`CallError`].
    pub fn tell(&mut self, request: &Request<'_>) -> Result<(), CallError> {
        match &mut self.carrier {
            Carrier::Stream(stream) => stream.ask(request).map(|_| ()),
            Carrier::Datagrams(datagrams) => datagrams.tell(request),
        }
    }

    /// Sends a request and returns its reply. All calls but [`Client::tell`] are made of this one.
    /// A reply of a kind that does not answer the request is an error: no caller has to check.
    ///
    /// # Errors
    /// Fails with a [`CallError`]; a refusal by the server is [`CallError::Refused`].
    pub fn ask(&mut self, request: &Request<'_>) -> Result<Reply<'static>, CallError> {
        let reply = match &mut self.carrier {
            Carrier::Stream(stream) => stream.ask(request)?,
            Carrier::Datagrams(datagrams) => datagrams.do_operation(request)?,
        };
        match reply {
            Reply::Error(error) => Err(CallError::Refused(error)),
            Reply::List(listing) if !is_wanted_list(&listing, request) => {
                Err(CallError::Unreadable)
            }
            reply if reply.kind() == request.reply_kind() => Ok(reply),
            _ => Err(CallError::Unreadable),
        }
    }
}

/// Returns whether a list is of the kind that the request asked for. The kind of the reply does not
/// tell this: it is the same for the lists of leases, of sessions and all others.
fn is_wanted_list(listing: &Listing, request: &Request<'_>) -> bool {
    matches!(request, Request::List(List { what }) if *what == listing.what)
}
