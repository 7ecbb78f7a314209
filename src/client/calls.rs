//! The calls: connect, the short forms of the common commands, and any command by [`Client::call`].
//!
//! The reply's type follows from the command's type: `call(Draw { … })` returns numbers, and
//! `call(Ttl { … })` a time. So a program that expects the wrong reply does not compile.
//!
//! **Invariants** over TCP, a call that asks the server to wait has that time besides its limit. By
//! datagrams the server refuses such a call.
//!
//! **Lock** none. **Source** [`crate::commands`].

use std::borrow::Cow;
use std::time::Duration;

use super::stream::Stream;
use super::{CallError, Carrier, Client, dial};
use crate::commands::{Draw, Get, Lease, Receive, Release, Renew, Reply, Request, Send, Set};
use crate::common::description::Command;
use crate::common::id::{IdKind, LeaseId};
use crate::sessions::words::SessionId;

impl Client {
    /// Connects over TCP, and speaks leasebox frames. `limit` is for the connect, and for each
    /// call.
    ///
    /// # Errors
    /// As [`dial`].
    pub fn connect(host: &str, port: u16, limit: Duration) -> Result<Self, CallError> {
        let stream = Stream::new(dial(host, port, limit)?, limit);
        Ok(Self { carrier: Carrier::Stream(stream) })
    }

    /// Draws `count` numbers, or as many as are left.
    ///
    /// # Errors
    /// Fails with a [`CallError`]: `exhausted` when no number is left, `bad-request` for a count of
    /// 0. After an error of unknown outcome the numbers may be drawn all the same; they do not come
    /// back.
    pub fn draw(&mut self, count: u64) -> Result<Vec<u32>, CallError> {
        Ok(self.call(Draw { count })?.numbers())
    }

    /// Leases `size` bytes. The duration counts in whole milliseconds, rounded down.
    ///
    /// # Errors
    /// Fails with a [`CallError`]: `bad-request` for 0 bytes, or for a duration below 1 ms or over
    /// the server's longest; `too-large` if the size can never be leased; `out-of-memory` if it
    /// cannot be leased now.
    pub fn lease(&mut self, size: u64, duration: Duration) -> Result<LeaseId, CallError> {
        let duration_ms = milliseconds(duration);
        Ok(self.call(Lease { size, duration_ms, id_kind: IdKind::Uuid })?.id)
    }

    /// Replaces the bytes of a lease.
    ///
    /// # Errors
    /// Fails with a [`CallError`]: `not-found`, or `too-large`; the lease then keeps its bytes.
    pub fn set(&mut self, id: LeaseId, data: &[u8]) -> Result<(), CallError> {
        self.call(Set { id, data: Cow::Borrowed(data) }).map(|_| ())
    }

    /// Returns the bytes that were last set.
    ///
    /// # Errors
    /// Fails with a [`CallError`]: `not-found`.
    pub fn get(&mut self, id: LeaseId) -> Result<Vec<u8>, CallError> {
        Ok(self.call(Get { id })?.data)
    }

    /// Gives a lease a new end: a duration from now, in whole milliseconds. The new end may be
    /// earlier or later than the old one.
    ///
    /// # Errors
    /// Fails with a [`CallError`]: `not-found`; `bad-request` for a duration below 1 ms or over the
    /// server's longest.
    pub fn renew(&mut self, id: LeaseId, duration: Duration) -> Result<(), CallError> {
        self.call(Renew { id, duration_ms: milliseconds(duration) }).map(|_| ())
    }

    /// Ends a lease before its time. Returns its size in bytes.
    ///
    /// # Errors
    /// Fails with a [`CallError`]: `not-found`.
    pub fn release(&mut self, id: LeaseId) -> Result<u64, CallError> {
        Ok(self.call(Release { id })?.size)
    }

    /// Sends a message in a session, and does not wait until it is received.
    ///
    /// # Errors
    /// Fails with a [`CallError`]: `out-of-memory` if the process's blocks or administrative memory
    /// have no room for the message; `not-found` if the session is not open at both ends; `refused`
    /// if the client belongs to no process, or its process has used up its share of administrative
    /// memory.
    pub fn send(&mut self, session: SessionId, data: &[u8]) -> Result<(), CallError> {
        self.call(Send { session, data: Cow::Borrowed(data) }).map(|_| ())
    }

    /// Returns the oldest message of a session. If there is none, waits for one up to `time`, in
    /// whole milliseconds; `None` when none came.
    ///
    /// # Errors
    /// Fails with a [`CallError`]: `not-found` if the session has ended; `bad-request` for a `time`
    /// over the server's longest wait. By datagrams the server refuses each `time` of 1 ms or more.
    pub fn receive(
        &mut self,
        session: SessionId,
        time: Duration,
    ) -> Result<Option<Vec<u8>>, CallError> {
        Ok(self.call(Receive { session, ms: milliseconds(time) })?.data)
    }

    /// Sends one command, and returns the reply that answers it.
    ///
    /// ```no_run
    /// # use leasebox::client::{CallError, Client};
    /// use leasebox::commands::{Draw, Join, Ttl};
    /// # fn calls(client: &mut Client, id: leasebox::common::id::LeaseId) -> Result<(), CallError> {
    /// let numbers = client.call(Draw { count: 4 })?.numbers();
    /// let left_ms = client.call(Ttl { id })?.left_ms;
    /// let token = client.call(Join { name: "demo".into(), committed: None, space: None })?.token;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Fails with a [`CallError`]; a refusal by the server is [`CallError::Refused`].
    pub fn call<'a, C>(&mut self, command: C) -> Result<C::Reply, CallError>
    where
        C: Command<'a>,
        Request<'a>: From<C>,
        C::Reply: TryFrom<Reply<'static>>,
    {
        let reply = self.ask(&Request::from(command))?;
        C::Reply::try_from(reply).map_err(|_| CallError::Unreadable)
    }
}

/// Converts a duration to whole milliseconds, rounded down. A number of more than 64 bits becomes
/// the largest one, and the server then refuses the request with its range.
pub fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
