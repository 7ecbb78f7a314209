//! Datagrams, from the client's side: the socket around an [`Exchange`].
//!
//! ```text
//!   do_operation ── turn ──► send, or wait for a datagram ──► hear ──┐
//!        ▲                                                           │
//!        └──────────────────── until the exchange is over ◄──────────┘
//! ```
//!
//! All decisions are in the exchange, which is pure. This file only sends, waits and receives, so
//! the tests of lost and repeated datagrams need no network.
//!
//! **Invariants**
//!
//! 1. The client hears only its server: the socket is connected, so the system drops datagrams from
//!    any other address.
//! 2. Each wait has an end.
//!
//! **Lock** none. **Simplified** the client tries the addresses of a host one after the other; a
//! browser tries two at a time (RFC 8305).
//!
//! **Source** the lecture's UDP client, and a timeout, which it lacks; `do_operation` is named as
//! in Coulouris and others, section 5.2.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::client::exchange::{Exchange, ExchangePurpose, NextStep, Way};
use crate::client::peer::Peer;
use crate::client::{CallError, MIN_SOCKET_TIMEOUT, first_that_answers};
use crate::commands::{Reply, Request};
use crate::protocol::byte_order::ByteOrder;
use crate::protocol::datagram::BUFFER;
use crate::server::udp::any_port;

/// The most datagrams that are read before a `tell`. A server that sends more does not hold it up.
const MAX_WAITING: usize = 64;

/// A client that speaks by datagrams.
#[derive(Debug)]
pub struct ByDatagrams {
    /// The socket, connected to `address`.
    socket: UdpSocket,
    address: SocketAddr,
    pub(super) peer: Peer,
    way: Way,
    /// The limit of each operation.
    pub(super) limit: Duration,
    /// The space for one datagram. Any datagram fits, so none is cut.
    buffer: Vec<u8>,
}

impl ByDatagrams {
    /// Says Hello to a host's addresses, one after the other. It goes on to the next address only
    /// if the system reports that this one cannot be reached, or that no program listens there. An
    /// address from which nothing comes back uses up the whole limit. `limit` is for all Hellos
    /// together, and then for each operation.
    ///
    /// # Errors
    /// Fails with a [`CallError`].
    pub fn connect(host: &str, port: u16, limit: Duration, way: Way) -> Result<Self, CallError> {
        let greet = |address, left| Self::greet(address, left, way);
        let client = first_that_answers(host, port, limit, greet)?;
        // The limit of the Hello was the time that was left. Later operations have all of `limit`.
        Ok(Self { limit, ..client })
    }

    /// Says Hello to one address.
    fn greet(address: SocketAddr, limit: Duration, way: Way) -> Result<Self, CallError> {
        let socket = any_port(address).map_err(CallError::NoSocket)?;
        socket.connect(address).map_err(|error| CallError::NoServer(address, error))?;
        // The first id is random, so that a sender with a false address cannot guess it. `/ 2` puts
        // it into the lower half of the range, so that ids can rise for long.
        let peer = Peer::new(ByteOrder::NATIVE, rand::random::<u32>() / 2);
        let mut client = Self { socket, address, peer, way, limit, buffer: vec![0; BUFFER] };
        client.carry_out(ExchangePurpose::Greet)?;
        Ok(client)
    }

    /// RR or RRA: sends a request, and copies of it if the semantics allow, until the reply comes.
    ///
    /// # Errors
    /// Fails with a [`CallError`]; a refusal by the server is a reply.
    pub fn do_operation(&mut self, request: &Request<'_>) -> Result<Reply<'static>, CallError> {
        // An exchange that asks ends with a reply or an error, so `Unreadable` is never returned.
        self.carry_out(ExchangePurpose::Ask(request))?.ok_or(CallError::Unreadable)
    }

    /// R: sends a request once and wants no reply. A datagram that the system does not send is
    /// lost, like one that the network loses.
    ///
    /// # Errors
    /// Fails with a [`CallError`] if the client gets no token, or if the request does not fit a
    /// datagram.
    pub fn tell(&mut self, request: &Request<'_>) -> Result<(), CallError> {
        self.listen_back();
        self.carry_out(ExchangePurpose::Tell(request)).map(|_| ())
    }

    /// Reads datagrams that have arrived, without waiting. A client that calls only `tell` waits
    /// for no reply; without this function it would never learn that the server refuses its token.
    fn listen_back(&mut self) {
        if self.socket.set_nonblocking(true).is_err() {
            return;
        }
        for _ in 0..MAX_WAITING {
            match self.socket.recv(&mut self.buffer) {
                Ok(length) => self.peer.hear_between(&self.buffer[..length]),
                // An earlier datagram found no receiver. Others may have arrived behind this news.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
                Err(_) => break,
            }
        }
        // If this failed, `receive` would not sleep; the exchange still ends at its deadline.
        let _ = self.socket.set_nonblocking(false);
    }

    /// Starts an exchange, and runs it to its end.
    ///
    /// # Errors
    /// Fails with the error of the exchange.
    fn carry_out(
        &mut self,
        purpose: ExchangePurpose<'_>,
    ) -> Result<Option<Reply<'static>>, CallError> {
        let now = Instant::now();
        let mut exchange = Exchange::new(purpose, self.way, &mut self.peer, self.limit, now);
        // Drops an error that a datagram of an earlier exchange caused: it would look like news
        // about this one.
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

    /// Sends the exchange's datagram. An error does not end the exchange, with one exception: no
    /// program listens at the address, and no request was sent yet.
    fn send(&self, exchange: &mut Exchange<'_>) {
        let datagram = exchange.datagram();
        log::debug!("{} bytes to {}", datagram.len(), self.address);
        match self.socket.send(datagram) {
            Ok(_) => {}
            // The news about an earlier datagram: no program listens at that port. Over UDP,
            // `connect` sends nothing, so the client hears this only now.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                exchange.hear_no_listener(CallError::NoServer(self.address, error));
            }
            // This datagram counts as lost, like one that the network loses.
            Err(error) => log::debug!("a datagram was not sent: {error}"),
        }
    }

    /// Waits for one datagram for at most `patience`, and passes it to the exchange.
    fn receive(&mut self, exchange: &mut Exchange<'_>, patience: Duration) {
        // The call fails only for a timeout of zero, which `max` excludes.
        let _ = self.socket.set_read_timeout(Some(patience.max(MIN_SOCKET_TIMEOUT)));
        match self.socket.recv(&mut self.buffer) {
            Ok(length) => {
                log::debug!("{length} bytes from {}", self.address);
                exchange.hear(&mut self.peer, &self.buffer[..length], Instant::now());
            }
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                exchange.hear_no_listener(CallError::NoServer(self.address, error));
            }
            // The time is over, or a signal came. The exchange finds the next step by the clock.
            Err(_) => {}
        }
    }
}
