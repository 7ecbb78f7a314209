//! The vocabulary: what can be asked of the server, and what it can answer.
//!
//! Every service understands only these types, every representation turns its
//! bytes into them and back. A new command is one variant here; the compiler
//! then names each room that has forgotten it.
//!
//! ```text
//!   bytes ── decode ──► Request<'a> ── a service ──► Reply<'a> ── encode ──► bytes
//!                       borrows from                 a draw borrows from the list,
//!                       the input buffer             data owns one buffer
//! ```
//!
//! **Invariants**
//!
//! 1. A [`LeaseId`] is a secret: whoever has it has the lease.
//! 2. An [`Error`]'s text has at least three words, names the cure, and never an id.
//!
//! **Lock** none: plain values.
//!
//! **Source** MemoryLease's five messages (lease, leased, set, access, data set) and
//! the homework's `draw`; the errors' codes are those of the design, section 3.1.

mod id;
pub mod memory;
pub mod numbers;
pub mod session;

use std::borrow::Cow;
use std::fmt;

pub use id::{GREATEST_NUMBER_ID, IdKind, LeaseId, parse_decimal};
use memory::{Account, Amounts, Granted, PoolState, Pressure, ProcessToken, Signal, Wanted};
use numbers::Drawn;
use session::{SessionId, SessionState};

/// How long `wait` waits when no time is given, in milliseconds.
pub const DEFAULT_WAIT_MS: u64 = 30_000;

/// Which connection asked: counted from 1 in the order of acceptance, never reused.
pub type ClientNumber = u64;

/// One thing asked of the server. Borrows its bytes from the input buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request<'a> {
    /// Draw `count` numbers.
    Draw {
        /// How many, at least 1.
        count: u64,
    },
    /// Rows of the homework's table: who drew what.
    Table {
        /// How many rows.
        rows: u64,
        /// Which ones.
        which: Rows,
    },
    /// Lease `size` bytes for `duration_ms`.
    Lease {
        /// Bytes, at least 1.
        size: u64,
        /// Milliseconds, at least 1.
        duration_ms: u64,
        /// Which kind of id the asker can carry.
        id_kind: IdKind,
    },
    /// Replace what a lease holds; the rest of it reads as zeros.
    Set {
        /// The lease.
        id: LeaseId,
        /// The bytes, borrowed unless they had to be unescaped.
        data: Cow<'a, [u8]>,
    },
    /// Read what was last set.
    Get {
        /// The lease.
        id: LeaseId,
    },
    /// Let a lease last `duration_ms` from now.
    Renew {
        /// The lease.
        id: LeaseId,
        /// Milliseconds, at least 1.
        duration_ms: u64,
    },
    /// How long a lease still lasts.
    Ttl {
        /// The lease.
        id: LeaseId,
    },
    /// Give a lease back before its time.
    Release {
        /// The lease.
        id: LeaseId,
    },
    /// Become a process.
    Join {
        /// Its name, which no other process has.
        name: Cow<'a, str>,
        /// The bytes of its own block; the server's default when left out.
        committed: Option<u64>,
    },
    /// Become a further connection of a process.
    Attach {
        /// What its join was answered with.
        token: ProcessToken,
    },
    /// End the process that this connection belongs to.
    Leave,
    /// Say how the process is.
    Report {
        /// Bytes of garbage that it could return after a collection.
        freeable: u64,
        /// The share of the examined bytes that its last collection freed, in percent.
        efficiency: Option<u8>,
    },
    /// Ask for memory: `request` on the wire, a word that means any question here.
    Grant(Wanted),
    /// Give memory back.
    Return {
        /// The block.
        id: LeaseId,
    },
    /// Keep freed memory instead of giving it back.
    Reuse {
        /// Bytes.
        size: u64,
    },
    /// What the process still owes each pool.
    Owed,
    /// The next signal to the process.
    Wait {
        /// How long to wait for one, in milliseconds; the default when left out.
        ms: Option<u64>,
    },
    /// The state of each pool.
    Pools,
    /// The account of each process.
    Accounts,
    /// Open a session with another process.
    Open {
        /// The other process.
        name: Cow<'a, str>,
        /// The first message; there is none when it is empty.
        data: Cow<'a, [u8]>,
    },
    /// Say something in a session, and do not wait.
    Send {
        /// Which one.
        session: SessionId,
        /// The bytes.
        data: Cow<'a, [u8]>,
    },
    /// Say something in a session, and wait until the other end has received it.
    Deliver {
        /// Which one.
        session: SessionId,
        /// How long to wait, in milliseconds.
        ms: u64,
        /// The bytes.
        data: Cow<'a, [u8]>,
    },
    /// Say the same in several sessions.
    Publish {
        /// Which ones, each once.
        sessions: Vec<SessionId>,
        /// The bytes.
        data: Cow<'a, [u8]>,
    },
    /// Take the oldest message of a session.
    Receive {
        /// Which one.
        session: SessionId,
        /// How long to wait for one, in milliseconds; 0 is not at all.
        ms: u64,
    },
    /// Read a part of the oldest message of a session, and leave it there.
    Peek {
        /// Which one.
        session: SessionId,
        /// Bytes from the message's start.
        offset: u64,
        /// The part's bytes; fewer come where the message ends.
        length: u64,
    },
    /// Hand the oldest message of a session on to the other end of another.
    Forward {
        /// Where it came.
        session: SessionId,
        /// Where it goes.
        to: SessionId,
    },
    /// Close one's end of a session.
    Close {
        /// Which one.
        session: SessionId,
    },
    /// The sessions of the process.
    Sessions,
    /// Whether there is a process of that name.
    Lookup {
        /// The name.
        name: Cow<'a, str>,
        /// How long to wait until it joins, in milliseconds; 0 is not at all.
        ms: u64,
    },
    /// The processes there are, and from then on who joins and who ends.
    Watch,
    /// One more block of the process's own.
    Register {
        /// Bytes.
        size: u64,
    },
    /// Let one of the process's own blocks have more bytes.
    Grow {
        /// The bytes that it shall have at least.
        size: u64,
        /// Which block; 0 is the one it joined with.
        block: u64,
    },
    /// Let one of the process's own blocks have fewer bytes.
    Shrink {
        /// The bytes that it needs.
        size: u64,
        /// Which block.
        block: u64,
    },
    /// The server's figures.
    Stats,
    /// A picture of the buddy tree.
    Tree,
    /// On a lab server: which clients are parked, and before what.
    Parked,
    /// On a lab server: let a parked client do its next step.
    Step {
        /// Which one.
        client: ClientNumber,
    },
    /// The commands, in one line.
    Help,
    /// End the connection.
    Quit,
}

impl Request<'_> {
    /// Whether its answer may have to wait for another client.
    #[inline]
    pub fn may_wait(&self) -> bool {
        // A join waits for room, as long as the server says.
        self.longest_wait_ms() > 0 || matches!(self, Request::Join { .. })
    }

    /// For how long, in milliseconds.
    #[inline]
    pub fn longest_wait_ms(&self) -> u64 {
        match self {
            Request::Wait { ms } => ms.unwrap_or(DEFAULT_WAIT_MS),
            Request::Grant(wanted) => wanted.wait_ms,
            Request::Deliver { ms, .. }
            | Request::Receive { ms, .. }
            | Request::Lookup { ms, .. } => *ms,
            _ => 0,
        }
    }
}

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

/// A refusal: what kind, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The kind, the same word in every representation.
    pub code: Code,
    /// Cause and cure.
    pub text: Cow<'static, str>,
}

impl Error {
    /// An error with a fixed or a composed explanation.
    pub fn new(code: Code, text: impl Into<Cow<'static, str>>) -> Self {
        let text = text.into();
        Self { code, text }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code.word(), self.text)
    }
}

impl std::error::Error for Error {}

/// The kinds of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// Not a number, zero, negative, out of range, a wrong word count or escape.
    BadRequest,
    /// No such word.
    UnknownCommand,
    /// No such lease, or no longer.
    NotFound,
    /// Can never fit.
    TooLarge,
    /// Does not fit now.
    OutOfMemory,
    /// The list is drained.
    Exhausted,
    /// A rule says no.
    Refused,
    /// The client limit.
    Busy,
}

impl Code {
    /// Every one of them.
    pub const ALL: [Self; 8] = [
        Code::BadRequest,
        Code::UnknownCommand,
        Code::NotFound,
        Code::TooLarge,
        Code::OutOfMemory,
        Code::Exhausted,
        Code::Refused,
        Code::Busy,
    ];

    /// The code as it stands on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Code::BadRequest => "bad-request",
            Code::UnknownCommand => "unknown-command",
            Code::NotFound => "not-found",
            Code::TooLarge => "too-large",
            Code::OutOfMemory => "out-of-memory",
            Code::Exhausted => "exhausted",
            Code::Refused => "refused",
            Code::Busy => "busy",
        }
    }
}

/// Which rows of the homework's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// The first of all.
    First,
    /// The first of each client.
    Each,
    /// Those around the first index that was taken twice.
    Twice,
}

/// What a parked draw will do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// Load the counter.
    Load,
    /// Read the number at the index that was loaded.
    Read,
    /// Store the counter.
    Store,
    /// All of it under the lock, which is one step for everybody else.
    Take,
}

impl Step {
    /// The step as it stands on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Step::Load => "load",
            Step::Read => "read",
            Step::Store => "store",
            Step::Take => "take",
        }
    }
}

/// One row of the homework's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The counter: an index into the list, from 0.
    pub counter: u32,
    /// Who drew it.
    pub client: ClientNumber,
    /// The number there.
    pub result: u32,
}
