//! The words of sessions: what processes say to each other through the engine, and what it
//! tells them.
//!
//! ```text
//!   open NAME ──► session ──► send ──► a sub-block of the sender's own block
//!                    │                      │ by its location
//!                 both ends                 ▼
//!                                   receive, peek, forward
//! ```
//!
//! **Invariants** a session's id is a secret of its two ends.
//!
//! **Lock** none: plain values.
//!
//! **Source** `interprocess-communication-patent.txt`: sessions mediated by a communications
//! engine.

use crate::message::LeaseId;

/// The one name of a session at both its ends. Of a lease id's form, and as hard to guess.
pub type SessionId = LeaseId;

/// What the engine tells a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Another process opened a session.
    Opened {
        /// Which one.
        session: SessionId,
        /// The other process.
        name: String,
    },
    /// A message came.
    Message {
        /// In that session.
        session: SessionId,
        /// Its bytes.
        length: u64,
    },
    /// The other end had no room for a message: receive, so that it has.
    Blocked {
        /// In that session.
        session: SessionId,
    },
    /// A message did not fit before; now something was freed.
    Unblocked {
        /// In that session.
        session: SessionId,
    },
    /// Messages were lost with the process in whose block they lay.
    Lost {
        /// In that session.
        session: SessionId,
        /// How many.
        count: u64,
    },
    /// The other end was closed; what came before can still be received.
    Closed {
        /// Which one.
        session: SessionId,
    },
    /// To who watches: a process joined.
    Joined {
        /// Its name.
        name: String,
    },
    /// To who watches: a process ended.
    Left {
        /// Its name.
        name: String,
    },
}

/// One session, as one of its ends sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionState {
    /// Which one.
    pub session: SessionId,
    /// The other process; empty when its end is closed.
    pub name: String,
    /// Messages that can be received.
    pub inward: u64,
    /// Messages that the other end has not received yet.
    pub outward: u64,
}
