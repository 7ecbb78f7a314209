//! The commands of this chapter: a process joins, opens sessions, and sends and receives messages.
//! Each command is a row (a `command!`, here or in `commands/`) and a function that executes it. A
//! command that may wait has a second function: in [`super::entering`] for `join`, in
//! [`super::waiting`] for the others. The row of `leave` stands in chapter 5. In text:
//!
//! | request | reply |
//! | --- | --- |
//! | `join NAME [COMMITTED] [space=NAME]` | `joined TOKEN` |
//! | `wait [MS]` | a signal or notice, or `none` after MS (30,000, at most the longest wait) |
//! | `open NAME [DATA]` | `opened SESSION`; without DATA there is no first message |
//! | `send SESSION DATA` | `sent SESSION LENGTH`, without waiting |
//! | `deliver SESSION MS DATA` | `delivered SESSION LENGTH`; `refused` if not received within MS |
//! | `publish SESSION,SESSION,… DATA` | `published COUNT LENGTH` |
//! | `receive SESSION [MS]` | `message SESSION DATA`, the oldest, or `none` after MS (0) |
//! | `peek SESSION OFFSET LENGTH` | `message SESSION DATA`: a part, left where it is; or `none` |
//! | `forward SESSION OTHER` | `forwarded OTHER LENGTH`: the oldest of SESSION, by its location |
//! | `close SESSION` | `closed SESSION` |
//! | `sessions` | `sessions SESSION:NAME:INWARD:OUTWARD …`: messages to receive, and messages that the other end has not received; NAME is empty when the other end is closed. The list also tells of new sessions, so their `opened` notices that still wait are dropped |
//! | `lookup NAME [MS]` | `found NAME` if there is such a process within MS (0), otherwise `not-found` |
//! | `watch` | `watching NAME …`: all processes; later joins and ends are signals |
//! | `register SIZE` | `registered BLOCK SIZE`: one more block of the process's own |
//! | `store NAME DATA` · `drop NAME` | `stored NAME LENGTH` · `dropped NAME LENGTH` |
//! | `load NAME [OFFSET [LENGTH]]` | `value NAME DATA` |
//! | `patch NAME OFFSET DATA` | `patched NAME LENGTH`: in place |
//! | `names` | `names NAME:LENGTH …` |
//! | `share NAME SESSION` | `shared SESSION LENGTH`: sent by its location |
//! | `grow SIZE [BLOCK]` · `shrink SIZE [BLOCK]` | `block SIZE`: the bytes that it has now |
//!
//! The memory manager (chapter 5) has three signals. `collect SIZE LEVEL MS` asks for SIZE bytes
//! within MS. `status` asks for a report. `granted ID SIZE POOL` gives a block. LEVEL is the
//! urgency: 1 (a precaution, for example because few bytes are free), 2 (another process waits) or
//! 3 (another process pauses or ends without the memory). The notices of the engine are:
//!
//! | signal | the process is told that |
//! | --- | --- |
//! | `opened SESSION NAME` | process NAME opened a session with it |
//! | `message SESSION LENGTH` | a message waits to be received |
//! | `blocked SESSION` | the other end has no room for a message: receive what is there |
//! | `unblocked SESSION` | a message of its own did not fit, and now there is more room |
//! | `lost SESSION COUNT` | messages were lost with the process in whose block they lay |
//! | `closed SESSION` | the other end is closed; earlier messages can still be received |
//! | `joined NAME` · `left NAME` | a process joined or ended (after `watch` only) |
//! | `missed` | it read too late what joined and ended, and watches no more: `watch` again |
//!
//! DATA is written as for `set`. SIZE, OFFSET and LENGTH are bytes, and MS is milliseconds.
//! COMMITTED is the bytes of the process's first block. A number in parentheses is the default of
//! MS. Without BLOCK, `grow` and `shrink` change block 0, that of the `join`.
//!
//! ```text
//!   alice                            bob
//!   > open bob hello, bob            > wait
//!   < opened 2f0c…                   < opened 2f0c… alice
//!   > wait                           > receive 2f0c…
//!                                    < message 2f0c… hello, bob
//!                                    > send 2f0c… hi, alice
//!   < message 2f0c… 9                < sent 2f0c… 9
//!   > receive 2f0c…
//!   < message 2f0c… hi, alice
//! ```
//!
//! **Lock** most functions lock the tables for one short change, or for two with a copy between
//! them. During the copy only a block is locked. Some lock the tables more often: `deliver`, and
//! each command that waits; a copy that waits for its seat; `leave`, for each part of the memory
//! that it gives back; and `join`, `register` and `grow`, when they end expired leases. No function
//! holds two locks at once.
//!
//! **Source** `interprocess-communication-patent.txt`, paragraphs 23 and 27: a process makes a call
//! to open a session. The patent's API is code; here it has the form of the other commands.

mod blocks;
mod messages;
mod values;

pub use blocks::{Grow, Register, Registered, Resized, Shrink};
pub use messages::{
    Deliver, Delivered, Forward, Forwarded, MessageReply, Peek, Publish, Published, Receive, Send,
    Sent,
};

pub use values::{
    DropValue, Dropped, Load, LoadedValue, Names, Patch, Patched, ShareValue, SharedValue, Store,
    Stored, ValueRow,
};

use std::borrow::Cow;
use std::sync::{Arc, Condvar};
use std::time::Instant;

use super::Engine;
use super::copying::Bytes;
use super::waiting::no_such_process;
use super::words::{SessionId, SessionState, Told};
use crate::common::caller::Caller;
use crate::common::description::{
    Answer, Asks, Command, Execute, Executed, Message, Sink, Source, command, reply,
};
use crate::common::error::{Code, Error};
use crate::common::id::parse_decimal;
use crate::cooperative::commands::{Leave, Left};
use crate::cooperative::manager::check_name;
use crate::cooperative::words::ProcessToken;
use crate::server::shared::Shared;

impl Shared {
    /// Calls the communications engine under the tables' lock, and then wakes the threads that the
    /// call concerns.
    pub(super) fn engine<R>(
        &self,
        call: impl FnOnce(&mut Engine<'_, Arc<Condvar>>, Instant) -> R,
    ) -> R {
        self.memory.change(|tables, now| call(&mut tables.engine(), now))
    }
}

/// Makes a process. The client that sends this is its first client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join<'a> {
    /// The process's name, which no other process may have at the same time.
    pub name: Cow<'a, str>,
    /// The bytes of the process's first block, 0 for no memory. When left out: the size that the
    /// server has fixed for the name, or else the server's default.
    pub committed: Option<u64>,
    /// The memory space in which the process's blocks lie; the first one when left out.
    pub space: Option<Cow<'a, str>>,
}

/// In a text the space is a word `space=NAME`, behind the size or without it, so a text has 1 to 3
/// words. In a frame the name of the space is the last field. A frame for the first space ends
/// before that field.
impl<'a> Message<'a> for Join<'a> {
    const WORDS: (usize, usize) = (1, 3);

    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        let name = source.text()?;
        // `word` returns `None` for a frame. At the end of a text it returns an empty word, which
        // ends the loop below.
        let Some(mut word) = source.word() else {
            let committed = source.optional()?;
            let space = if source.is_at_end() { None } else { Some(source.text()?) };
            return Ok(Self { name, committed, space });
        };
        let (mut committed, mut space) = (None, None);
        while !word.is_empty() {
            match word.strip_prefix(b"space=") {
                Some(name) if space.is_none() => space = Some(String::from_utf8_lossy(name)),
                None if committed.is_none() && space.is_none() => {
                    committed = Some(parse_decimal(word).ok_or_else(Error::not_a_number)?);
                }
                _ => return Err(Error::new(Code::BadRequest, JOIN_WORDS)),
            }
            word = source.word().unwrap_or_default();
        }
        Ok(Self { name, committed, space })
    }

    fn write(&self, sink: &mut impl Sink) {
        sink.text("name", &self.name);
        sink.optional("committed", self.committed);
        if let Some(space) = &self.space {
            sink.text("space", space);
        }
    }
}

/// The text of the refusal when a `join` has more words than it may, or has them in another order.
const JOIN_WORDS: &str = "a size comes once, and space=NAME once behind it; send them so";

impl<'a> Command<'a> for Join<'a> {
    const KIND: u8 = 0x0f;
    const FORM: &'static str = "join NAME [COMMITTED] [space=NAME]";
}

impl Asks for Join<'_> {
    type Reply = Joined;
}

reply! {
    /// The client belongs to a process now.
    0x8f "joined" Joined {
        /// The secret with which further clients `attach` to the process.
        token: ProcessToken,
    }
}

/// The row of `leave` stands in chapter 5. Its function stands here, because a process that ends
/// also closes its sessions.
impl Execute<Shared> for Leave {
    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Result<Left, Error> {
        let leave = shared.engine(|engine, now| engine.leave(caller.client, now));
        let (number, name) = leave?;
        // Now the name is free and the sessions are closed. The memory goes back in a second step.
        // That step may wait for copies in the process's blocks, so it runs after the unlock.
        shared.end_process(number);
        Ok(Left { name })
    }
}

command! {
    /// Returns the next signal for the process, and waits up to MS for one.
    0x17 "wait [MS]" Wait -> Option<Told> {
        /// The longest wait in milliseconds; 30,000 when left out, or the server's longest wait if
        /// that is less.
        ms: Option<u64>,
    }
}

impl Execute<Shared> for Wait {
    /// Returns a signal that is there already, or `None`. The server calls this for MS 0, the only
    /// MS that a datagram may have. For any other MS it calls `begin` in [`super::waiting`].
    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Executed<Self> {
        shared.engine(|engine, _| engine.next_signal(caller.client))
    }
}

command! {
    /// Opens a session with another process.
    0x1a "open NAME [DATA]" Open<'a> -> Opened {
        /// The other process.
        name: Cow<'a, str>,
        /// The first message; without data there is none. It is copied into the other process's
        /// block, so it outlives its sender.
        data: Cow<'a, [u8]>,
    }
}

reply! {
    /// A session was opened.
    0x9a "opened" Opened {
        /// Its id.
        session: SessionId,
    }
}

impl Execute<Shared> for Open<'_> {
    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Result<Opened, Error> {
        let (client, length) = (caller.client, self.data.len() as u64);
        let begun = shared.engine(|engine, _| engine.begin_open(client, &self.name, length));
        // Without data the session is open already. With data it opens when its first message has
        // been copied, so the other end never hears of a session whose message is half written.
        let (session, first) = begun?;
        if let Some(copying) = first {
            shared.copy(copying, client, Bytes::In(&self.data))?;
        }
        Ok(Opened { session })
    }
}

command! {
    /// Closes the process's end of a session, and throws away the messages in its inbox. The other
    /// end can still receive the messages that were sent to it.
    0x21 "close SESSION" Close -> Closed {
        /// The session.
        session: SessionId,
    }
}

reply! {
    /// The process's end of a session was closed.
    0xa1 "closed" Closed {
        /// The session.
        session: SessionId,
    }
}

impl Execute<Shared> for Close {
    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Result<Closed, Error> {
        shared.engine(|engine, _| engine.close(caller.client, self.session))?;
        Ok(Closed { session: self.session })
    }
}

command! {
    /// Lists the sessions of the process. The list also tells the process of new sessions, so their
    /// `opened` notices that still wait are dropped.
    0x22 "sessions" ListSessions -> Vec<SessionState>
}

/// The least bytes of a session in a frame, with an empty name: 16 for its id, 4 for the name's
/// length and 1 for its NUL, 3 of padding, because a number of 64 bits stands at a multiple of 8,
/// and 8 for each of the two counts. A reader divides the frame's bytes by this before it allocates
/// for the count of sessions that the frame claims.
pub(super) const MIN_SESSION: usize = 40;

impl<'a> Message<'a> for Vec<SessionState> {
    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        source.list(MIN_SESSION, SessionState::read)
    }

    fn write(&self, sink: &mut impl Sink) {
        sink.list("sessions", "session", self, SessionState::write);
    }
}

impl Answer<'_> for Vec<SessionState> {
    const KIND: u8 = 0xa2;
    const WORD: &'static str = "sessions";
}

impl Execute<Shared> for ListSessions {
    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Executed<Self> {
        // A `change`, although it returns a list: the list drops `opened` notices.
        shared.engine(|engine, _| engine.sessions(caller))
    }
}

command! {
    /// Looks for a process of that name, and waits up to MS for it to join.
    0x23 "lookup NAME [MS]" Lookup<'a> -> Found {
        /// The name.
        name: Cow<'a, str>,
        /// The longest wait for it to join, in milliseconds; 0 for no wait.
        ms: u64 = 0,
    }
}

reply! {
    /// There is a process of that name.
    0xa3 "found" Found {
        /// The name.
        name: String,
    }
}

impl Execute<Shared> for Lookup<'_> {
    fn execute(&self, shared: &Shared, _: Caller, _: &mut Vec<u8>) -> Result<Found, Error> {
        // Looks once, and ignores `ms`, because `begin` in `waiting.rs` is the function that waits.
        // The name is checked before the lock, so an impossible one costs other clients nothing.
        check_name(&self.name)?;
        let is_there = shared.memory.with_tables(|tables, _| tables.engine().is_there(&self.name));
        let found = || Found { name: self.name.to_string() };
        is_there.then(found).ok_or_else(no_such_process)
    }
}

command! {
    /// Lists the processes, and makes this one a watcher: later joins and ends are signals to it.
    0x24 "watch" Watch -> Watching
}

reply! {
    /// The process is a watcher now.
    0xa4 "watching" Watching {
        /// The names of all processes, its own among them.
        names: Vec<String>,
    }
}

impl Execute<Shared> for Watch {
    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Executed<Self> {
        // `watch` checks under the lock that the list fits one reply (a datagram is small), before
        // the process becomes a watcher. So there is no watcher that never saw its list.
        let (client, most) = (caller.client, caller.most_answer_bytes());
        let names = shared.engine(|engine, _| engine.watch(client, most));
        let names = names.map_err(|error| caller.explain_too_large(error))?;
        Ok(Watching { names: names.iter().map(|name| name.to_string()).collect() })
    }
}
