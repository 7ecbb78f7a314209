//! A process's calls to others: sessions through the client library.
//!
//! ```no_run
//! use std::time::Duration;
//! use leasebox::client::Client;
//!
//! # fn main() -> Result<(), leasebox::client::CallError> {
//! let mut alice = Client::connect("localhost", 4120, Duration::from_secs(5))?;
//! alice.join("alice", None)?;
//! alice.lookup("bob", Duration::from_secs(10))?;
//! let session = alice.open("bob", b"hello, bob")?;
//! alice.send(session, b"how are you?")?;
//! while let Some(data) = alice.receive(session, Duration::from_secs(1))? {
//!     println!("{}", data.escape_ascii());
//! }
//! alice.close(session)?;
//! # Ok(())
//! # }
//! ```
//!
//! **Invariants** a call that waits has that time beside its limit.
//!
//! **Lock** none. **Source** [`crate::sessions::words`].

use std::time::Duration;

use crate::client::{CallError, Client, milliseconds};
use crate::message::{Reply, Request};
use crate::sessions::words::{SessionId, SessionState};

impl Client {
    /// Opens a session with the process of that name, and says something at once unless `data`
    /// is empty.
    ///
    /// # Errors
    /// [`CallError`], here as in all that follow; `not-found` when there is no such process.
    pub fn open(&mut self, name: &str, data: &[u8]) -> Result<SessionId, CallError> {
        match self.ask(&Request::Open { name: name.into(), data: data.into() })? {
            Reply::Opened { session } => Ok(session),
            _ => Err(CallError::Unreadable),
        }
    }

    /// Says something, and does not wait until it is received.
    ///
    /// # Errors
    /// [`CallError`], with `out-of-memory` when the process's block is full.
    pub fn send(&mut self, session: SessionId, data: &[u8]) -> Result<(), CallError> {
        self.ask(&Request::Send { session, data: data.into() }).map(|_| ())
    }

    /// Says something, and waits until it is received.
    ///
    /// # Errors
    /// [`CallError`], with `refused` when that did not happen in time: then it never will.
    pub fn deliver(
        &mut self,
        session: SessionId,
        data: &[u8],
        time: Duration,
    ) -> Result<(), CallError> {
        let ms = milliseconds(time);
        self.ask(&Request::Deliver { session, ms, data: data.into() }).map(|_| ())
    }

    /// Says the same in several sessions, without a copy for each; answers in how many.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn publish(&mut self, sessions: &[SessionId], data: &[u8]) -> Result<u64, CallError> {
        let sessions = sessions.to_vec();
        match self.ask(&Request::Publish { sessions, data: data.into() })? {
            Reply::Published { count, .. } => Ok(count),
            _ => Err(CallError::Unreadable),
        }
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
        self.message(&Request::Receive { session, ms: milliseconds(time) })
    }

    /// A part of the oldest message of a session, which stays there.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn peek(
        &mut self,
        session: SessionId,
        offset: u64,
        length: u64,
    ) -> Result<Option<Vec<u8>>, CallError> {
        self.message(&Request::Peek { session, offset, length })
    }

    fn message(&mut self, request: &Request<'_>) -> Result<Option<Vec<u8>>, CallError> {
        match self.ask(request)? {
            Reply::Message { data, .. } => Ok(data),
            _ => Err(CallError::Unreadable),
        }
    }

    /// Hands the oldest message of a session on to another; answers its bytes.
    ///
    /// # Errors
    /// [`CallError`], with `not-found` when there is none.
    pub fn forward(&mut self, session: SessionId, to: SessionId) -> Result<u64, CallError> {
        match self.ask(&Request::Forward { session, to })? {
            Reply::Forwarded { length, .. } => Ok(length),
            _ => Err(CallError::Unreadable),
        }
    }

    /// Closes this end of a session.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn close(&mut self, session: SessionId) -> Result<(), CallError> {
        self.ask(&Request::Close { session }).map(|_| ())
    }

    /// The process's sessions.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn sessions(&mut self) -> Result<Vec<SessionState>, CallError> {
        match self.ask(&Request::Sessions)? {
            Reply::Sessions(sessions) => Ok(sessions),
            _ => Err(CallError::Unreadable),
        }
    }

    /// Waits until there is a process of that name, for whole milliseconds.
    ///
    /// # Errors
    /// [`CallError`], with `not-found` when there was none in time.
    pub fn lookup(&mut self, name: &str, time: Duration) -> Result<(), CallError> {
        self.ask(&Request::Lookup { name: name.into(), ms: milliseconds(time) }).map(|_| ())
    }

    /// The processes there are; who comes and goes from then on is told by [`Client::wait`].
    ///
    /// # Errors
    /// [`CallError`].
    pub fn watch(&mut self) -> Result<Vec<String>, CallError> {
        match self.ask(&Request::Watch)? {
            Reply::Watching(names) => Ok(names),
            _ => Err(CallError::Unreadable),
        }
    }

    /// One more block of the process's own; answers which one, and its bytes.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn register(&mut self, size: u64) -> Result<(u64, u64), CallError> {
        match self.ask(&Request::Register { size })? {
            Reply::Registered { block, size } => Ok((block, size)),
            _ => Err(CallError::Unreadable),
        }
    }

    /// Lets a block have at least so many bytes; answers how many it has.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn grow(&mut self, size: u64, block: u64) -> Result<u64, CallError> {
        self.size(&Request::Grow { size, block })
    }

    /// Gives back what a block has over so many bytes; answers how many it has.
    ///
    /// # Errors
    /// [`CallError`], with `refused` when messages lie there.
    pub fn shrink(&mut self, size: u64, block: u64) -> Result<u64, CallError> {
        self.size(&Request::Shrink { size, block })
    }

    fn size(&mut self, request: &Request<'_>) -> Result<u64, CallError> {
        match self.ask(request)? {
            Reply::Block { size } => Ok(size),
            _ => Err(CallError::Unreadable),
        }
    }
}
