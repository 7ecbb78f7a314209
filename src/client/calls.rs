//! The calls: any command by [`Client::call`], and short forms of the eight commonest.
//!
//! **Invariants** a call that may wait has that time beside its limit.
//!
//! **Lock** none. **Source** [`crate::commands`].

use std::borrow::Cow;
use std::time::Duration;

use super::{CallError, Client};
use crate::commands::{Draw, Get, Lease, Receive, Release, Renew, Reply, Request, Send, Set};
use crate::common::description::Command;
use crate::common::id::{IdKind, LeaseId};
use crate::sessions::words::SessionId;

impl Client {
    /// Asks one command, and returns the reply that answers it.
    ///
    /// ```no_run
    /// # use leasebox::client::{CallError, Client};
    /// use leasebox::commands::{Draw, Join, Ttl};
    /// # fn calls(client: &mut Client, id: leasebox::common::id::LeaseId) -> Result<(), CallError> {
    /// let numbers = client.call(Draw { count: 4 })?.numbers();
    /// let left_ms = client.call(Ttl { id })?.left_ms;
    /// let token = client.call(Join { name: "demo".into(), committed: None })?.token;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`CallError`]; a refusal by the server is [`CallError::Refused`].
    pub fn call<'a, C>(&mut self, command: C) -> Result<C::Reply, CallError>
    where
        C: Command<'a>,
        Request<'a>: From<C>,
        C::Reply: TryFrom<Reply<'static>>,
    {
        let reply = self.ask(&Request::from(command))?;
        C::Reply::try_from(reply).map_err(|_| CallError::Unreadable)
    }

    /// Draws up to `count` numbers, at least 1; fewer when fewer are left.
    ///
    /// # Errors
    /// [`CallError`], with `exhausted` when none is left. Numbers of an answer that did not
    /// arrive are gone.
    pub fn draw(&mut self, count: u64) -> Result<Vec<u32>, CallError> {
        Ok(self.call(Draw { count })?.numbers())
    }

    /// Leases `size` bytes, for a duration in whole milliseconds.
    ///
    /// # Errors
    /// [`CallError`], with the server's reason when it cannot be had.
    pub fn lease(&mut self, size: u64, duration: Duration) -> Result<LeaseId, CallError> {
        let duration_ms = milliseconds(duration);
        Ok(self.call(Lease { size, duration_ms, id_kind: IdKind::Uuid })?.id)
    }

    /// Replaces what a lease holds.
    ///
    /// # Errors
    /// [`CallError`], with `not-found` or `too-large`.
    pub fn set(&mut self, id: LeaseId, data: &[u8]) -> Result<(), CallError> {
        self.call(Set { id, data: Cow::Borrowed(data) }).map(|_| ())
    }

    /// The bytes last set.
    ///
    /// # Errors
    /// [`CallError`], with `not-found`.
    pub fn get(&mut self, id: LeaseId) -> Result<Vec<u8>, CallError> {
        Ok(self.call(Get { id })?.data)
    }

    /// Lets a lease end a duration from now, in whole milliseconds.
    ///
    /// # Errors
    /// [`CallError`], with `not-found`.
    pub fn renew(&mut self, id: LeaseId, duration: Duration) -> Result<(), CallError> {
        self.call(Renew { id, duration_ms: milliseconds(duration) }).map(|_| ())
    }

    /// Ends a lease before its time; returns its size in bytes.
    ///
    /// # Errors
    /// [`CallError`], with `not-found`.
    pub fn release(&mut self, id: LeaseId) -> Result<u64, CallError> {
        Ok(self.call(Release { id })?.size)
    }

    /// Says something in a session, and does not wait until it is received.
    ///
    /// # Errors
    /// [`CallError`], with `out-of-memory` when the process's block is full.
    pub fn send(&mut self, session: SessionId, data: &[u8]) -> Result<(), CallError> {
        self.call(Send { session, data: Cow::Borrowed(data) }).map(|_| ())
    }

    /// The oldest message of a session, if there is one within whole milliseconds.
    ///
    /// # Errors
    /// [`CallError`], with `not-found` when the session has ended.
    pub fn receive(
        &mut self,
        session: SessionId,
        time: Duration,
    ) -> Result<Option<Vec<u8>>, CallError> {
        Ok(self.call(Receive { session, ms: milliseconds(time) })?.data)
    }
}

/// Too many are more than any server grants, which then says so.
pub fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
