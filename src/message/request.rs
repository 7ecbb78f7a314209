//! What can be asked.
//!
//! **Invariants** nothing is owned that the input buffer has, unless it had to be unescaped.
//!
//! **Lock** none: plain values. **Source** that of each command is named in [`super`],
//! [`crate::cooperative::words`], [`crate::sessions::words`] and [`crate::message::resource`].

use std::borrow::Cow;

use crate::cooperative::words::{ProcessToken, Wanted};
use crate::message::resource::{Condition, Listed, Part};
use crate::message::{ClientNumber, DEFAULT_WAIT_MS, IdKind, LeaseId, Rows};
use crate::sessions::words::SessionId;

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
    /// Look at a lease: how it is, and a part of what it holds.
    Inspect {
        /// The lease, or a granted block.
        id: LeaseId,
        /// The bytes to answer.
        part: Part,
        /// Answer the part only when this is the version, and otherwise all of it.
        if_version: Option<u64>,
    },
    /// Replace what a lease holds, if nobody else has.
    Replace {
        /// The lease, or a granted block.
        id: LeaseId,
        /// The versions of which it has to be. Boxed: every request would be larger by it.
        condition: Box<Condition>,
        /// The bytes.
        data: Cow<'a, [u8]>,
    },
    /// All things of one kind.
    List {
        /// Which kind.
        what: Listed,
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
