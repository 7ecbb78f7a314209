//! The commands of this chapter: joining, and what processes say to each other. Each is a row, and
//! the function that carries it out; those that may wait go on in [`super::waiting`]. In text:
//!
//! | request | reply |
//! | --- | --- |
//! | `join NAME [COMMITTED]` | `joined TOKEN` |
//! | `wait [MS]` | a signal, or `none` after MS (30,000) |
//! | `open NAME [DATA]` | `opened SESSION`; without DATA there is no first message |
//! | `send SESSION DATA` | `sent SESSION LENGTH`, without waiting |
//! | `deliver SESSION MS DATA` | `delivered SESSION LENGTH` when it was received within MS; otherwise it is taken back |
//! | `publish SESSION,SESSION,… DATA` | `published COUNT LENGTH` |
//! | `receive SESSION [MS]` | `message SESSION DATA`, the oldest, or `none` after MS (0) |
//! | `peek SESSION OFFSET LENGTH` | `message SESSION DATA`: a part, left where it is; or `none` |
//! | `forward SESSION OTHER` | `forwarded OTHER LENGTH`: the oldest of SESSION, by its location |
//! | `close SESSION` | `closed SESSION` |
//! | `sessions` | `sessions SESSION:NAME:INWARD:OUTWARD …`: messages to receive, and messages that the other end has not received; NAME is empty when the other end is closed |
//! | `lookup NAME [MS]` | `found NAME`, when there is such a process within MS (0) |
//! | `watch` | `watching NAME …`: who is there; later changes are signals |
//! | `register SIZE` | `registered BLOCK SIZE`: one more block of the process's own |
//! | `grow SIZE [BLOCK]` · `shrink SIZE [BLOCK]` | `block SIZE`: what it has now; BLOCK is 0, the one joined with |
//!
//! Signals of the memory manager are `collect SIZE LEVEL MS` · `status` · `granted ID SIZE POOL`.
//! LEVEL is 1 (a pool is low), 2 (another process waits) or 3 (it pauses or ends without). Those of
//! sessions are `opened SESSION NAME` · `message SESSION LENGTH` · `blocked SESSION` (the other end
//! has no room for a message) · `unblocked SESSION` (there is room again) · `lost SESSION COUNT` ·
//! `closed SESSION` · `joined NAME` · `left NAME`.
//!
//! DATA is as in `set`. Sizes, offsets and lengths are bytes, MS milliseconds.
//!
//! ```text
//!   > open bob hello, bob            > wait
//!   < opened 2f0c…                   < opened 2f0c… alice
//!   > wait                           > receive 2f0c…
//!   < message 2f0c… 9                < message 2f0c… hello, bob
//!   > receive 2f0c…                  > send 2f0c… hi, alice
//!   < message 2f0c… hi, alice        < sent 2f0c… 9
//! ```
//!
//! **Source** `interprocess-communication-patent.txt`, in the shape of the other lines.

mod blocks;
mod messages;

pub use blocks::{Grow, Register, Registered, Resized, Shrink};
pub use messages::{
    Deliver, Delivered, Forward, Forwarded, MessageReply, Peek, Publish, Published, Receive, Send,
    Sent,
};

use std::borrow::Cow;

use super::Finished;
use super::copying::{Bytes, not_that};
use super::waiting::no_such_process;
use super::words::{SessionId, SessionState, Told};
use crate::common::caller::Caller;
use crate::common::description::{
    Answer, Execute, LEAST_STRING, Message, Sink, Source, command, reply,
};
use crate::common::error::Error;
use crate::cooperative::commands::{Leave, Left};
use crate::cooperative::manager::check_name;
use crate::cooperative::words::ProcessToken;
use crate::server::shared::Shared;

command! {
    /// Makes this connection a process.
    0x0f "join NAME [COMMITTED]" Join<'a> -> Joined {
        /// Its name, which no other process has.
        name: Cow<'a, str>,
        /// The bytes of its own block; the server's default when left out.
        committed: Option<u64>,
    }
}

reply! {
    /// A process was made.
    0x8f "joined" Joined {
        /// By which further connections attach.
        token: ProcessToken,
    }
}

impl Execute<Shared> for Leave {
    type Done = Left;

    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Result<Left, Error> {
        let leave = shared.memory.change(|tables, now| tables.engine().leave(caller.client, now));
        let (number, name) = leave?;
        shared.end_process(number);
        Ok(Left { name })
    }
}

command! {
    /// Says the next signal to the process.
    0x17 "wait [MS]" Wait -> Option<Told> {
        /// How long to wait for one, in milliseconds; 30,000 when left out.
        ms: Option<u64>,
    }
}

impl Execute<Shared> for Wait {
    type Done = Option<Told>;

    /// The next signal that is there already.
    fn execute(
        &self,
        shared: &Shared,
        caller: Caller,
        _: &mut Vec<u8>,
    ) -> Result<Self::Done, Error> {
        shared.memory.read(|tables, _| tables.engine().next_signal(caller.client))
    }
}

command! {
    /// Opens a session with another process.
    0x1a "open NAME [DATA]" Open<'a> -> Opened {
        /// The other process.
        name: Cow<'a, str>,
        /// The first message; there is none when it is empty.
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
    type Done = Opened;

    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Result<Opened, Error> {
        let (client, length) = (caller.client, self.data.len() as u64);
        let begun = shared
            .memory
            .change(|tables, _| tables.engine().begin_open(client, &self.name, length));
        let session = match begun? {
            Ok(session) => session,
            Err(copying) => match shared.copy(copying, client, Bytes::In(&self.data))? {
                Finished::Opened(session) => session,
                other => return Err(not_that(&other)),
            },
        };
        Ok(Opened { session })
    }
}

command! {
    /// Closes one end of a session.
    0x21 "close SESSION" Close -> Closed {
        /// Which one.
        session: SessionId,
    }
}

reply! {
    /// An end of a session was closed.
    0xa1 "closed" Closed {
        /// The session.
        session: SessionId,
    }
}

impl Execute<Shared> for Close {
    type Done = Closed;

    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Result<Closed, Error> {
        shared.memory.change(|tables, _| tables.engine().close(caller.client, self.session))?;
        Ok(Closed { session: self.session })
    }
}

command! {
    /// Lists the sessions of the process.
    0x22 "sessions" ListSessions -> Vec<SessionState>
}

/// The least bytes of a session in a frame: an id, a name of at least its NUL, two numbers.
const LEAST_SESSION: usize = 40;

impl SessionState {
    fn read<'a, S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        let (session, name) = (source.id()?, source.text()?.into_owned());
        Ok(SessionState { session, name, inward: source.u64()?, outward: source.u64()? })
    }

    fn write(&self, sink: &mut impl Sink) {
        sink.id("session", self.session);
        sink.text("name", &self.name);
        sink.u64("inward", self.inward);
        sink.u64("outward", self.outward);
    }
}

impl<'a> Message<'a> for Vec<SessionState> {
    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        source.list(LEAST_SESSION, SessionState::read)
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
    type Done = Vec<SessionState>;

    fn execute(
        &self,
        shared: &Shared,
        caller: Caller,
        _: &mut Vec<u8>,
    ) -> Result<Self::Done, Error> {
        shared.memory.read(|tables, _| tables.engine().sessions(caller.client))
    }
}

command! {
    /// Says whether there is a process of that name.
    0x23 "lookup NAME [MS]" Lookup<'a> -> Found {
        /// The name.
        name: Cow<'a, str>,
        /// How long to wait until it joins, in milliseconds; 0 is not at all.
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
    type Done = Found;

    fn execute(&self, shared: &Shared, _: Caller, _: &mut Vec<u8>) -> Result<Found, Error> {
        check_name(&self.name)?;
        let is_there = shared.memory.read(|tables, _| tables.engine().is_there(&self.name));
        let found = || Found { name: self.name.to_string() };
        is_there.then(found).ok_or_else(no_such_process)
    }
}

command! {
    /// Says which processes there are, and from then on who joins and who ends.
    0x24 "watch" Watch -> Vec<String>
}

impl<'a> Message<'a> for Vec<String> {
    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        source.list(LEAST_STRING, |source| source.text().map(Cow::into_owned))
    }

    fn write(&self, sink: &mut impl Sink) {
        sink.list("names", "name", self, |name, sink| sink.text("", name));
    }
}

impl Answer<'_> for Vec<String> {
    const KIND: u8 = 0xa4;
    const WORD: &'static str = "watching";
}

impl Execute<Shared> for Watch {
    type Done = Vec<String>;

    fn execute(
        &self,
        shared: &Shared,
        caller: Caller,
        _: &mut Vec<u8>,
    ) -> Result<Self::Done, Error> {
        let Caller { client, most_data, .. } = caller;
        let names = shared.memory.change(|tables, _| tables.engine().watch(client, most_data))?;
        Ok(names.iter().map(|name| name.to_string()).collect())
    }
}
