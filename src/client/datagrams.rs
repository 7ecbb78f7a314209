//! Datagrams, from the client's side: the socket around an [`Exchange`].
//!
//! ```text
//!   do_operation ── turn ──► send, or wait for what comes ──► hear ──┐
//!        ▲                                                           │
//!        └──────────────────── until the exchange is over ◄──────────┘
//! ```
//!
//! **Invariants** only the server's address is listened to; each wait has an end.
//!
//! **Lock** none. **Source** the lecture's UDP client, with a timeout, which it lacks;
//! `do_operation` is the book's name.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::client::exchange::{Exchange, NextStep, Way};
use crate::client::peer::Peer;
use crate::client::{CallError, SHORTEST, deadline, resolve};
use crate::commands::{Reply, Request};
use crate::protocol::byte_order::ByteOrder;
use crate::protocol::datagram::BUFFER;
use crate::server::udp::any_port;

/// Datagrams that are looked at before telling: whoever sends more does not stop it.
const MAX_WAITING: usize = 64;

/// A client that speaks by datagrams.
#[derive(Debug)]
pub struct ByDatagrams {
    socket: UdpSocket,
    address: SocketAddr,
    peer: Peer,
    way: Way,
    limit: Duration,
    buffer: Vec<u8>,
}

impl ByDatagrams {
    /// Says Hello to the first of a host's addresses where somebody listens. `limit` is for
    /// that, and for each operation.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn connect(host: &str, port: u16, limit: Duration, way: Way) -> Result<Self, CallError> {
        let end = deadline(Instant::now(), limit);
        let mut last = CallError::UnknownHost(host.to_string());
        for address in resolve(host, port)? {
            let left = end.saturating_duration_since(Instant::now());
            match Self::greet(address, left, way) {
                Err(error @ CallError::NoServer(..)) => last = error,
                Err(error) => return Err(error),
                Ok(client) => return Ok(Self { limit, ..client }),
            }
        }
        Err(last)
    }

    fn greet(address: SocketAddr, limit: Duration, way: Way) -> Result<Self, CallError> {
        let socket = any_port(address).map_err(CallError::NoSocket)?;
        socket.connect(address).map_err(|error| CallError::NoServer(address, error))?;
        // Ids nobody can guess, with room to go up.
        let peer = Peer::new(ByteOrder::NATIVE, rand::random::<u32>() / 2);
        let mut client = Self { socket, address, peer, way, limit, buffer: vec![0; BUFFER] };
        let now = Instant::now();
        let exchange = Exchange::greet(&mut client.peer, way.retry, limit, now);
        client.carry_out(exchange)?;
        Ok(client)
    }

    /// Has that limit for each operation from now on.
    pub fn set_limit(&mut self, limit: Duration) {
        self.limit = limit;
    }

    /// Speaks in that byte order from now on.
    pub fn set_order(&mut self, order: ByteOrder) {
        self.peer.set_order(order);
    }

    /// RR or RRA: asks, and again where the semantics allow it, until the reply comes.
    ///
    /// # Errors
    /// [`CallError`]; refusals are replies.
    pub fn do_operation(&mut self, request: &Request<'_>) -> Result<Reply<'static>, CallError> {
        let now = Instant::now();
        let exchange = Exchange::ask(request, self.way, &mut self.peer, self.limit, now);
        self.carry_out(exchange)?.ok_or(CallError::Unreadable)
    }

    /// R: sends a request once, and no reply is wanted. What the system does not send is lost,
    /// like what the network loses.
    ///
    /// # Errors
    /// [`CallError`] while a token is asked for.
    pub fn tell(&mut self, request: &Request<'_>) -> Result<(), CallError> {
        self.listen_back();
        let (now, retry) = (Instant::now(), self.way.retry);
        let exchange = Exchange::tell(request, retry, &mut self.peer, self.limit, now);
        self.carry_out(exchange).map(|_| ())
    }

    /// Who only tells would never hear that the server does not take its token any more.
    fn listen_back(&mut self) {
        if self.socket.set_nonblocking(true).is_err() {
            return;
        }
        for _ in 0..MAX_WAITING {
            match self.socket.recv(&mut self.buffer) {
                Ok(length) => self.peer.hear_between(&self.buffer[..length]),
                // What an earlier datagram met; others may wait behind it.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
                Err(_) => break,
            }
        }
        let _ = self.socket.set_nonblocking(false);
    }

    fn carry_out(
        &mut self,
        mut exchange: Exchange<'_>,
    ) -> Result<Option<Reply<'static>>, CallError> {
        // What an earlier exchange's datagrams met is not this one's.
        let _ = self.socket.take_error();
        loop {
            let now = Instant::now();
            match exchange.turn(&self.peer, now) {
                NextStep::Send => self.send(&mut exchange),
                NextStep::Wait(until) => self.receive(&mut exchange, until - now),
                NextStep::Over => return exchange.into_outcome(),
            }
        }
    }

    fn send(&self, exchange: &mut Exchange<'_>) {
        let datagram = exchange.datagram();
        log::debug!("{} bytes to {}", datagram.len(), self.address);
        match self.socket.send(datagram) {
            // What the system does not send is lost, like what the network loses.
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                exchange.hear_of_nobody(CallError::NoServer(self.address, error));
            }
            Err(error) => log::debug!("a datagram was not sent: {error}"),
        }
    }

    fn receive(&mut self, exchange: &mut Exchange<'_>, patience: Duration) {
        let _ = self.socket.set_read_timeout(Some(patience.max(SHORTEST)));
        match self.socket.recv(&mut self.buffer) {
            Ok(length) => {
                log::debug!("{length} bytes from {}", self.address);
                exchange.hear(&mut self.peer, &self.buffer[..length], Instant::now());
            }
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                exchange.hear_of_nobody(CallError::NoServer(self.address, error));
            }
            // Time is over, or a signal came: the exchange knows what to do.
            Err(_) => {}
        }
    }
}
