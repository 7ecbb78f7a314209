//! What can be answered.
//!
//! **Invariants** data is owned by one buffer, copied once; a draw borrows from the list.
//!
//! **Lock** none: plain values. **Source** as [`crate::message::request`].

use std::borrow::Cow;

use crate::cooperative::words::{
    Account, Amounts, Granted, PoolState, Pressure, ProcessToken, Signal,
};
use crate::message::resource::{Inspection, Listing};
use crate::message::{ClientNumber, Error, LeaseId, Row, Step};
use crate::numbers::list::Drawn;
use crate::sessions::words::{SessionId, SessionState};

/// One answer. What it borrows is the immutable list of numbers.
#[derive(Debug)]
pub enum Reply<'a> {
    /// The numbers drawn, at least one.
    Drawn(Drawn<'a>),
    /// Rows of the homework's table.
    Table(Vec<Row>),
    /// A lease was granted or renewed.
    Leased {
        /// Its id.
        id: LeaseId,
        /// The bytes asked for, not those of the block behind them.
        size: u64,
        /// Milliseconds from now.
        duration_ms: u64,
    },
    /// Data was set.
    Set {
        /// The lease.
        id: LeaseId,
        /// How many bytes were set.
        length: u64,
    },
    /// What was last set; the lease reads as this followed by zeros.
    Data {
        /// The lease.
        id: LeaseId,
        /// The lease's size in bytes, at least `data.len()`.
        size: u64,
        /// The bytes last set.
        data: Vec<u8>,
    },
    /// The time a lease has left.
    Ttl {
        /// The lease.
        id: LeaseId,
        /// Milliseconds, rounded up.
        left_ms: u64,
    },
    /// A lease ended.
    Released {
        /// The lease.
        id: LeaseId,
        /// Its size in bytes.
        size: u64,
    },
    /// A process was made.
    Joined {
        /// By which further connections attach.
        token: ProcessToken,
    },
    /// The connection belongs to a process.
    Attached {
        /// The process's name.
        name: String,
    },
    /// A process ended.
    Left {
        /// Its name.
        name: String,
    },
    /// The report was taken.
    Reported,
    /// Memory was given to the process.
    Granted(Box<Granted>),
    /// Memory came back.
    Returned(Box<Amounts>),
    /// Freed memory may be kept.
    Reused {
        /// Bytes.
        size: u64,
    },
    /// What the process owes each pool.
    Owed(Box<Amounts>),
    /// The next signal, if one came in time.
    Signal(Option<Signal>),
    /// The pools, and how long processes had to wait.
    Pools(Vec<PoolState>, Pressure),
    /// The processes' accounts.
    Accounts(Vec<Account>),
    /// A session was opened.
    Opened {
        /// Its id.
        session: SessionId,
    },
    /// A message was sent.
    Sent {
        /// The session.
        session: SessionId,
        /// Its bytes.
        length: u64,
    },
    /// A message was sent and received.
    Delivered {
        /// The session.
        session: SessionId,
        /// Its bytes.
        length: u64,
    },
    /// A message was sent in several sessions.
    Published {
        /// In how many.
        count: u64,
        /// Its bytes.
        length: u64,
    },
    /// A message, or a part of one; or none.
    Message {
        /// The session.
        session: SessionId,
        /// The bytes.
        data: Option<Vec<u8>>,
    },
    /// A message was handed on.
    Forwarded {
        /// The session that it went to.
        session: SessionId,
        /// Its bytes.
        length: u64,
    },
    /// An end of a session was closed.
    Closed {
        /// The session.
        session: SessionId,
    },
    /// The process's sessions.
    Sessions(Vec<SessionState>),
    /// There is a process of that name.
    Found {
        /// The name.
        name: String,
    },
    /// The processes there are.
    Watching(Vec<String>),
    /// A block was registered.
    Registered {
        /// Which one.
        block: u64,
        /// Its bytes.
        size: u64,
    },
    /// A block has another size.
    Block {
        /// Its bytes.
        size: u64,
    },
    /// How a lease is, and a part of it.
    Inspected(Box<Inspection>),
    /// Data was set, by a condition that held.
    Replaced {
        /// The lease.
        id: LeaseId,
        /// How many bytes were set.
        length: u64,
        /// Its version since.
        version: u64,
    },
    /// A list.
    List(Box<Listing>),
    /// Names and values, in a fixed order.
    Stats(Vec<(Cow<'static, str>, String)>),
    /// The buddy tree, cut where the asker's bound was reached.
    Tree(String),
    /// Clients of a lab server that are parked, in their order.
    Parked(Vec<(ClientNumber, Step)>),
    /// The commands, as the representation names them.
    Help,
    /// The connection closes after this.
    Bye,
    /// A refusal.
    Error(Error),
}
