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
//! | `memory` | what a process asks: join, request, return, wait and the rest |
//! | `session` | what it says to others: open, send, receive and the rest |
//! | [`mod@line`] | text lines, for programs that show what a server says |
//!
//! **Invariants** a call ends within its limit, with an answer or a [`CallError`]; an
//! answer that comes too late is never taken for that of a later call of a [`Client`]. Looking a host's name
//! up is the system's, and has its own limits.
//!
//! **Lock** none: a client is used by one thread; another thread has another.
//!
//! **Source** the lecture's blocking receive with a timeout.

pub mod datagrams;
mod error;
pub mod exchange;
pub mod line;
mod memory;
pub mod peer;
mod resource;
mod session;
pub mod stream;
pub mod wire;

use std::borrow::Cow;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use crate::message::{IdKind, LeaseId, Reply, Request, Row, Rows};
use crate::protocol::byte_order::ByteOrder;
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

    /// Asks anything. Every call below is this one and a look at its reply.
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
            reply if answers(&reply, request) => Ok(reply),
            _ => Err(CallError::Unreadable),
        }
    }

    /// Draws up to `count` numbers, at least 1; fewer when fewer are left.
    ///
    /// # Errors
    /// [`CallError`], with `exhausted` when none is left. Numbers of an answer that did not
    /// arrive are gone.
    pub fn draw(&mut self, count: u64) -> Result<Vec<u32>, CallError> {
        match self.ask(&Request::Draw { count })? {
            Reply::Drawn(drawn) => Ok(drawn.numbers()),
            _ => Err(CallError::Unreadable),
        }
    }

    /// Rows of the homework's table.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn table(&mut self, rows: u64, which: Rows) -> Result<Vec<Row>, CallError> {
        match self.ask(&Request::Table { rows, which })? {
            Reply::Table(rows) => Ok(rows),
            _ => Err(CallError::Unreadable),
        }
    }

    /// Leases `size` bytes, for a duration in whole milliseconds.
    ///
    /// # Errors
    /// [`CallError`], with the server's reason when it cannot be had.
    pub fn lease(&mut self, size: u64, duration: Duration) -> Result<LeaseId, CallError> {
        let duration_ms = milliseconds(duration);
        match self.ask(&Request::Lease { size, duration_ms, id_kind: IdKind::Uuid })? {
            Reply::Leased { id, .. } => Ok(id),
            _ => Err(CallError::Unreadable),
        }
    }

    /// Replaces what a lease holds.
    ///
    /// # Errors
    /// [`CallError`], with `not-found` or `too-large`.
    pub fn set(&mut self, id: LeaseId, data: &[u8]) -> Result<(), CallError> {
        match self.ask(&Request::Set { id, data: Cow::Borrowed(data) })? {
            Reply::Set { .. } => Ok(()),
            _ => Err(CallError::Unreadable),
        }
    }

    /// The bytes last set.
    ///
    /// # Errors
    /// [`CallError`], with `not-found`.
    pub fn get(&mut self, id: LeaseId) -> Result<Vec<u8>, CallError> {
        match self.ask(&Request::Get { id })? {
            Reply::Data { data, .. } => Ok(data),
            _ => Err(CallError::Unreadable),
        }
    }

    /// Lets a lease end a duration from now, in whole milliseconds.
    ///
    /// # Errors
    /// [`CallError`], with `not-found`.
    pub fn renew(&mut self, id: LeaseId, duration: Duration) -> Result<(), CallError> {
        match self.ask(&Request::Renew { id, duration_ms: milliseconds(duration) })? {
            Reply::Leased { .. } => Ok(()),
            _ => Err(CallError::Unreadable),
        }
    }

    /// How long a lease still lasts.
    ///
    /// # Errors
    /// [`CallError`], with `not-found`.
    pub fn ttl(&mut self, id: LeaseId) -> Result<Duration, CallError> {
        match self.ask(&Request::Ttl { id })? {
            Reply::Ttl { left_ms, .. } => Ok(Duration::from_millis(left_ms)),
            _ => Err(CallError::Unreadable),
        }
    }

    /// Ends a lease before its time; answers its size in bytes.
    ///
    /// # Errors
    /// [`CallError`], with `not-found`.
    pub fn release(&mut self, id: LeaseId) -> Result<u64, CallError> {
        match self.ask(&Request::Release { id })? {
            Reply::Released { size, .. } => Ok(size),
            _ => Err(CallError::Unreadable),
        }
    }

    /// The server's figures: names and values.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn stats(&mut self) -> Result<Vec<(Cow<'static, str>, String)>, CallError> {
        match self.ask(&Request::Stats)? {
            Reply::Stats(figures) => Ok(figures),
            _ => Err(CallError::Unreadable),
        }
    }

    /// A picture of the buddy tree.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn tree(&mut self) -> Result<String, CallError> {
        match self.ask(&Request::Tree)? {
            Reply::Tree(picture) => Ok(picture),
            _ => Err(CallError::Unreadable),
        }
    }
}

/// Whether a reply is of the kind that a request asks for.
fn answers(reply: &Reply<'_>, request: &Request<'_>) -> bool {
    match request {
        Request::Draw { .. } => matches!(reply, Reply::Drawn(_)),
        Request::Table { .. } => matches!(reply, Reply::Table(_)),
        Request::Lease { .. } | Request::Renew { .. } => matches!(reply, Reply::Leased { .. }),
        Request::Set { .. } => matches!(reply, Reply::Set { .. }),
        Request::Get { .. } => matches!(reply, Reply::Data { .. }),
        Request::Ttl { .. } => matches!(reply, Reply::Ttl { .. }),
        Request::Release { .. } => matches!(reply, Reply::Released { .. }),
        Request::Stats => matches!(reply, Reply::Stats(_)),
        Request::Tree => matches!(reply, Reply::Tree(_)),
        Request::Parked | Request::Step { .. } => matches!(reply, Reply::Parked(_)),
        Request::Join { .. } => matches!(reply, Reply::Joined { .. }),
        Request::Attach { .. } => matches!(reply, Reply::Attached { .. }),
        Request::Leave => matches!(reply, Reply::Left { .. }),
        Request::Report { .. } => matches!(reply, Reply::Reported),
        Request::Grant(_) => matches!(reply, Reply::Granted(_)),
        Request::Return { .. } => matches!(reply, Reply::Returned(_)),
        Request::Reuse { .. } => matches!(reply, Reply::Reused { .. }),
        Request::Owed => matches!(reply, Reply::Owed(_)),
        Request::Wait { .. } => matches!(reply, Reply::Signal(_)),
        Request::Pools => matches!(reply, Reply::Pools(..)),
        Request::Accounts => matches!(reply, Reply::Accounts(_)),
        Request::Open { .. } => matches!(reply, Reply::Opened { .. }),
        Request::Send { .. } => matches!(reply, Reply::Sent { .. }),
        Request::Deliver { .. } => matches!(reply, Reply::Delivered { .. }),
        Request::Publish { .. } => matches!(reply, Reply::Published { .. }),
        Request::Receive { .. } => matches!(reply, Reply::Message { .. }),
        Request::Peek { .. } => matches!(reply, Reply::Message { .. }),
        Request::Forward { .. } => matches!(reply, Reply::Forwarded { .. }),
        Request::Close { .. } => matches!(reply, Reply::Closed { .. }),
        Request::Sessions => matches!(reply, Reply::Sessions(_)),
        Request::Lookup { .. } => matches!(reply, Reply::Found { .. }),
        Request::Watch => matches!(reply, Reply::Watching(_)),
        Request::Register { .. } => matches!(reply, Reply::Registered { .. }),
        Request::Grow { .. } => matches!(reply, Reply::Block { .. }),
        Request::Shrink { .. } => matches!(reply, Reply::Block { .. }),
        Request::Inspect { .. } => matches!(reply, Reply::Inspected(_)),
        Request::Replace { .. } => matches!(reply, Reply::Replaced { .. }),
        Request::List { what } => matches!(reply, Reply::List(list) if list.what == *what),
        Request::Help => matches!(reply, Reply::Help),
        Request::Quit => matches!(reply, Reply::Bye),
    }
}

/// Too many are more than any server grants, which then says so.
fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
