//! A process's calls: cooperative memory through the client library.
//!
//! ```no_run
//! use std::time::Duration;
//! use leasebox::client::Client;
//! use leasebox::cooperative::words::Reason;
//!
//! # fn main() -> Result<(), leasebox::client::CallError> {
//! let mut process = Client::connect("localhost", 4120, Duration::from_secs(5))?;
//! process.join("demo", None)?;
//! let block = process.request(65536, Reason::Pause)?;
//! process.set(block.id, b"this is some text")?;
//! process.give_back(block.id)?;
//! # Ok(())
//! # }
//! ```
//!
//! **Invariants** a call that waits for memory or a signal has that time beside its limit.
//!
//! **Lock** none. **Source** [`crate::cooperative::words`].

use std::time::Duration;

use crate::client::{CallError, Client, milliseconds};
use crate::cooperative::words::{
    Account, Amounts, Granted, PoolState, Pressure, ProcessToken, Reason, Signal, Wanted,
};
use crate::message::{LeaseId, Reply, Request};

impl Client {
    /// Becomes a process, with so many bytes of committed memory, or as many as the server
    /// gives; answers the token by which others attach.
    ///
    /// # Errors
    /// [`CallError`], here as in all that follow; `refused` when the name is taken.
    pub fn join(&mut self, name: &str, committed: Option<u64>) -> Result<ProcessToken, CallError> {
        match self.ask(&Request::Join { name: name.into(), committed })? {
            Reply::Joined { token } => Ok(token),
            _ => Err(CallError::Unreadable),
        }
    }

    /// Becomes one more connection of a process; answers its name.
    ///
    /// # Errors
    /// [`CallError`], with `not-found`.
    pub fn attach(&mut self, token: ProcessToken) -> Result<String, CallError> {
        match self.ask(&Request::Attach { token })? {
            Reply::Attached { name } => Ok(name),
            _ => Err(CallError::Unreadable),
        }
    }

    /// Ends the process; everything it holds goes back.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn leave(&mut self) -> Result<(), CallError> {
        self.ask(&Request::Leave).map(|_| ())
    }

    /// Says how many bytes are garbage, and what share of the examined ones the last collection
    /// freed, in percent.
    ///
    /// # Errors
    /// [`CallError`], with `bad-request` for more than the process holds.
    pub fn report(&mut self, freeable: u64, efficiency: Option<u8>) -> Result<(), CallError> {
        self.ask(&Request::Report { freeable, efficiency }).map(|_| ())
    }

    /// Asks for memory, now or never.
    ///
    /// # Errors
    /// [`CallError`], with `refused`.
    pub fn request(&mut self, size: u64, reason: Reason) -> Result<Granted, CallError> {
        self.request_as(&Wanted { size, reason, freeable: None, wait_ms: 0, why: false })
    }

    /// Asks for memory in every way there is.
    ///
    /// # Errors
    /// [`CallError`], with `refused`.
    pub fn request_as(&mut self, wanted: &Wanted) -> Result<Granted, CallError> {
        match self.ask(&Request::Grant(*wanted))? {
            Reply::Granted(granted) => Ok(*granted),
            _ => Err(CallError::Unreadable),
        }
    }

    /// Returns a block; answers what it repaid.
    ///
    /// # Errors
    /// [`CallError`], with `not-found`.
    pub fn give_back(&mut self, id: LeaseId) -> Result<Amounts, CallError> {
        match self.ask(&Request::Return { id })? {
            Reply::Returned(amounts) => Ok(*amounts),
            _ => Err(CallError::Unreadable),
        }
    }

    /// Keeps so many freed bytes, if nothing is owed.
    ///
    /// # Errors
    /// [`CallError`], with `refused` and the pool that is owed.
    pub fn reuse(&mut self, size: u64) -> Result<(), CallError> {
        self.ask(&Request::Reuse { size }).map(|_| ())
    }

    /// What the process owes each pool.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn owed(&mut self) -> Result<Amounts, CallError> {
        match self.ask(&Request::Owed)? {
            Reply::Owed(amounts) => Ok(*amounts),
            _ => Err(CallError::Unreadable),
        }
    }

    /// The next signal, if one comes within whole milliseconds.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn wait(&mut self, time: Duration) -> Result<Option<Signal>, CallError> {
        match self.ask(&Request::Wait { ms: Some(milliseconds(time)) })? {
            Reply::Signal(signal) => Ok(signal),
            _ => Err(CallError::Unreadable),
        }
    }

    /// The pools, and how much of the time processes waited.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn pools(&mut self) -> Result<(Vec<PoolState>, Pressure), CallError> {
        match self.ask(&Request::Pools)? {
            Reply::Pools(pools, pressure) => Ok((pools, pressure)),
            _ => Err(CallError::Unreadable),
        }
    }

    /// The processes' accounts.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn accounts(&mut self) -> Result<Vec<Account>, CallError> {
        match self.ask(&Request::Accounts)? {
            Reply::Accounts(accounts) => Ok(accounts),
            _ => Err(CallError::Unreadable),
        }
    }
}
