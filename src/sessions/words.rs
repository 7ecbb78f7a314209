//! The words of sessions: ids, notices and lists, and the reply to `wait`.
//!
//! ```text
//!   wait ──► Told ─┬─ Signal   the memory manager asks for memory or a report, or gives a block
//!                  └─ Notice   the engine tells of a session, a message or another process
//! ```
//!
//! The reply to `wait` is a signal of the memory manager (1 to 3), a notice of the engine (4 to
//! 12), or nothing. A frame carries the number and the fields; a line carries the word and the same
//! fields:
//!
//! | number | line | number | line |
//! | --- | --- | --- | --- |
//! | 0 | `none` | 6 | `blocked SESSION` |
//! | 1 | `collect SIZE LEVEL MS` | 7 | `unblocked SESSION` |
//! | 2 | `status` | 8 | `lost SESSION COUNT` |
//! | 3 | `granted ID SIZE POOL` | 9 | `closed SESSION` |
//! | 4 | `opened SESSION NAME` | 10 | `joined NAME` |
//! | 5 | `message SESSION LENGTH` | 11 | `left NAME` |
//! | | | 12 | `missed` |
//!
//! **Invariants** a number keeps its meaning, because older clients know it. The id of a session is
//! a secret of its two ends.
//!
//! **Lock** none: plain values.
//!
//! **Source** `interprocess-communication-patent.txt`: sessions mediated by a communications
//! engine.

use crate::common::description::{Answer, Field, Message, Sink, Source, message};
use crate::common::error::{Error, Malformed};
use crate::common::id::LeaseId;
use crate::common::line::Line;
use crate::cooperative::words::{Level, Pool, Signal};

/// The id of a session, the same at both ends. It has the form of a lease's id and is as hard to
/// guess.
pub type SessionId = LeaseId;

/// A notice of the engine to a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Another process opened a session with this one.
    Opened {
        /// The new session.
        session: SessionId,
        /// The process that opened it.
        name: String,
    },
    /// A message came, and can be received.
    Message {
        /// Its session.
        session: SessionId,
        /// Its length in bytes.
        length: u64,
    },
    /// The other process had no room for a message to this one. There may be room when this process
    /// receives earlier messages.
    Blocked {
        /// The session of that message.
        session: SessionId,
    },
    /// A message of this process did not fit before. Now something in its blocks was freed, or a
    /// block grew, so the message may fit.
    Unblocked {
        /// The session of that message.
        session: SessionId,
    },
    /// Messages were lost: the process in whose block they lay has ended.
    Lost {
        /// Their session.
        session: SessionId,
        /// The number of lost messages.
        count: u64,
    },
    /// The other end was closed. Messages that came before can still be received.
    Closed {
        /// The session. It ends when its last message has been received.
        session: SessionId,
    },
    /// A process joined. Only watchers hear of it.
    Joined {
        /// Its name.
        name: String,
    },
    /// A process ended. Only watchers hear of it.
    Left {
        /// Its name.
        name: String,
    },
    /// The process has read its changes too late: more processes joined and ended than the server
    /// keeps. The process watches no more; a new `watch` returns a new list.
    Missed,
}

message! {
    /// A session, as the process at one of its ends sees it.
    SessionState {
        /// Its id.
        session: SessionId,
        /// The name of the other process; empty when the other end is closed.
        name: String,
        /// The count of messages that this end can receive.
        inward: u64,
        /// The count of messages that the other end has yet to receive.
        outward: u64,
    }
}

/// The contents of a reply to `wait`: a signal of the memory manager, or a notice of the engine.
/// The reply `none` is `Option::<Told>::None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// From the memory manager.
    Signal(Signal),
    /// From the engine: about a session, or about a process that joined or ended.
    Notice(Notice),
}

/// A frame has the number of the signal or notice, 0 for none, and its fields.
impl<'a> Message<'a> for Option<Told> {
    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        let signal = match source.u32()? {
            0 => return Ok(None),
            1 => read_collect(source)?,
            2 => Signal::Status,
            3 => {
                Signal::Granted { id: source.id()?, size: source.u64()?, pool: Pool::read(source)? }
            }
            number => return Ok(Some(Told::Notice(Notice::read(number, source)?))),
        };
        Ok(Some(Told::Signal(signal)))
    }

    fn write(&self, sink: &mut impl Sink) {
        sink.u32("signal", kind(self.as_ref()).0);
        write_fields(self.as_ref(), sink);
    }
}

impl Answer<'_> for Option<Told> {
    const KIND: u8 = 0x97;
    /// Empty: the first word of the line depends on the signal, so `line` writes it.
    const WORD: &'static str = "";

    fn line(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(kind(self.as_ref()).1.as_bytes());
        write_fields(self.as_ref(), &mut Line(out));
    }
}

/// Returns the number in a frame, and the word in a line.
fn kind(told: Option<&Told>) -> (u32, &'static str) {
    match told {
        None => (0, "none"),
        Some(Told::Signal(Signal::Collect { .. })) => (1, "collect"),
        Some(Told::Signal(Signal::Status)) => (2, "status"),
        Some(Told::Signal(Signal::Granted { .. })) => (3, "granted"),
        Some(Told::Notice(notice)) => match notice {
            Notice::Opened { .. } => (4, "opened"),
            Notice::Message { .. } => (5, "message"),
            Notice::Blocked { .. } => (6, "blocked"),
            Notice::Unblocked { .. } => (7, "unblocked"),
            Notice::Lost { .. } => (8, "lost"),
            Notice::Closed { .. } => (9, "closed"),
            Notice::Joined { .. } => (10, "joined"),
            Notice::Left { .. } => (11, "left"),
            Notice::Missed => (12, "missed"),
        },
    }
}

/// Writes the fields, which a frame and a line have in the same order.
fn write_fields(told: Option<&Told>, sink: &mut impl Sink) {
    match told {
        None | Some(Told::Signal(Signal::Status)) => {}
        Some(Told::Signal(Signal::Collect { size, level, within_ms })) => {
            sink.u64("size", *size);
            sink.u32("level", level.number().into());
            sink.u64("within_ms", *within_ms);
        }
        Some(Told::Signal(Signal::Granted { id, size, pool })) => {
            sink.id("id", *id);
            sink.u64("size", *size);
            pool.write("pool", sink);
        }
        Some(Told::Notice(notice)) => notice.write_fields(sink),
    }
}

/// Reads the fields of `collect`.
///
/// # Errors
/// `bad-request` for an unknown number of a level.
fn read_collect<'a, S: Source<'a>>(source: &mut S) -> Result<Signal, Error> {
    let (size, number) = (source.u64()?, source.u32()?);
    let level = Level::ALL.into_iter().find(|level| u32::from(level.number()) == number);
    let level = level.ok_or(Malformed("has a level of no known number"))?;
    Ok(Signal::Collect { size, level, within_ms: source.u64()? })
}

impl Notice {
    fn read<'a, S: Source<'a>>(number: u32, source: &mut S) -> Result<Self, Error> {
        Ok(match number {
            4 => Notice::Opened { session: source.id()?, name: source.text()?.into_owned() },
            5 => Notice::Message { session: source.id()?, length: source.u64()? },
            6 => Notice::Blocked { session: source.id()? },
            7 => Notice::Unblocked { session: source.id()? },
            8 => Notice::Lost { session: source.id()?, count: source.u64()? },
            9 => Notice::Closed { session: source.id()? },
            10 => Notice::Joined { name: source.text()?.into_owned() },
            11 => Notice::Left { name: source.text()?.into_owned() },
            12 => Notice::Missed,
            _ => return Err(Malformed("has a signal of no known number").into()),
        })
    }

    fn write_fields(&self, sink: &mut impl Sink) {
        match self {
            Notice::Opened { session, name } => {
                sink.id("session", *session);
                sink.text("name", name);
            }
            Notice::Message { session, length } => {
                sink.id("session", *session);
                sink.u64("length", *length);
            }
            Notice::Lost { session, count } => {
                sink.id("session", *session);
                sink.u64("count", *count);
            }
            Notice::Blocked { session }
            | Notice::Unblocked { session }
            | Notice::Closed { session } => sink.id("session", *session),
            Notice::Joined { name } | Notice::Left { name } => sink.text("name", name),
            Notice::Missed => {}
        }
    }
}
