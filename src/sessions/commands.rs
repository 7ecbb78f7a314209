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

use std::borrow::Cow;
use std::time::Instant;

use super::Finished;
use super::copying::{Bytes, not_that};
use super::waiting::no_such_process;
use super::words::{SessionId, SessionState, Told};
use crate::common::caller::Caller;
use crate::common::description::{
    Answer, Execute, LEAST_STRING, Message, Sink, Source, command, reply,
};
use crate::common::error::{Error, Malformed};
use crate::common::escape::escape;
use crate::common::line::put;
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
    /// Says something in a session, and does not wait.
    0x1b "send SESSION DATA" Send<'a> -> Sent {
        /// Which one.
        session: SessionId,
        /// The bytes.
        data: Cow<'a, [u8]>,
    }
}

reply! {
    /// A message was sent.
    0x9b "sent" Sent {
        /// The session.
        session: SessionId,
        /// Its bytes.
        length: u64,
    }
}

impl Execute<Shared> for Send<'_> {
    type Done = Sent;

    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Result<Sent, Error> {
        let (client, length) = (caller.client, self.data.len() as u64);
        let begun = shared
            .memory
            .change(|tables, _| tables.engine().begin_send(client, self.session, length, false));
        match shared.copy(begun?, client, Bytes::In(&self.data))? {
            Finished::Sent { session, length, .. } => Ok(Sent { session, length }),
            other => Err(not_that(&other)),
        }
    }
}

command! {
    /// Says something in a session, and waits until the other end has received it.
    0x1c "deliver SESSION MS DATA" Deliver<'a> -> Delivered {
        /// Which one.
        session: SessionId,
        /// How long to wait, in milliseconds.
        ms: u64,
        /// The bytes.
        data: Cow<'a, [u8]>,
    }
}

reply! {
    /// A message was sent and received.
    0x9c "delivered" Delivered {
        /// The session.
        session: SessionId,
        /// Its bytes.
        length: u64,
    }
}

command! {
    /// Says the same in several sessions; it is stored once.
    0x1d "publish SESSION,SESSION,... DATA" Publish<'a> -> Published {
        /// Which ones, each once.
        sessions: Vec<SessionId>,
        /// The bytes.
        data: Cow<'a, [u8]>,
    }
}

reply! {
    /// A message was sent in several sessions.
    0x9d "published" Published {
        /// In how many.
        count: u64,
        /// Its bytes.
        length: u64,
    }
}

impl Execute<Shared> for Publish<'_> {
    type Done = Published;

    fn execute(
        &self,
        shared: &Shared,
        caller: Caller,
        _: &mut Vec<u8>,
    ) -> Result<Published, Error> {
        let (client, length) = (caller.client, self.data.len() as u64);
        let begun = shared
            .memory
            .change(|tables, _| tables.engine().begin_publish(client, &self.sessions, length));
        match shared.copy(begun?, client, Bytes::In(&self.data))? {
            Finished::Published { count, length } => Ok(Published { count, length }),
            other => Err(not_that(&other)),
        }
    }
}

command! {
    /// Takes the oldest message of a session.
    0x1e "receive SESSION [MS]" Receive -> MessageReply {
        /// Which one.
        session: SessionId,
        /// How long to wait for one, in milliseconds; 0 is not at all.
        ms: u64 = 0,
    }
}

/// A message, or a part of one; or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageReply {
    /// The session.
    pub session: SessionId,
    /// The bytes.
    pub data: Option<Vec<u8>>,
}

impl<'a> Message<'a> for MessageReply {
    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        let session = source.id()?;
        let data = match (source.u32()?, source.data()?) {
            (0, data) if data.is_empty() => None,
            (1, data) => Some(data.into_owned()),
            _ => return Err(Malformed("has a message that is neither there nor left out").into()),
        };
        Ok(Self { session, data })
    }

    fn write(&self, sink: &mut impl Sink) {
        sink.id("session", self.session);
        sink.u32("is_there", self.data.is_some().into());
        sink.data("data", self.data.as_deref().unwrap_or_default());
    }
}

impl Answer<'_> for MessageReply {
    const KIND: u8 = 0x9e;
    const WORD: &'static str = "message";

    fn line(&self, out: &mut Vec<u8>) {
        match &self.data {
            Some(data) => {
                put(out, format_args!("message {} ", self.session));
                escape(data, out);
            }
            None => out.extend_from_slice(b"none"),
        }
    }
}

impl Execute<Shared> for Receive {
    type Done = MessageReply;

    fn execute(
        &self,
        shared: &Shared,
        caller: Caller,
        spare: &mut Vec<u8>,
    ) -> Result<MessageReply, Error> {
        let &Receive { session, .. } = self;
        let begun = shared.memory.change(|tables, _| {
            tables.engine().begin_receive(caller.client, session, caller.most_data)
        });
        match begun? {
            Some(copying) => shared.read_message(copying, caller, spare),
            None => Ok(MessageReply { session, data: None }),
        }
    }
}

command! {
    /// Reads a part of the oldest message of a session, and leaves it there.
    0x1f "peek SESSION OFFSET LENGTH" Peek -> MessageReply {
        /// Which one.
        session: SessionId,
        /// Bytes from the message's start.
        offset: u64,
        /// The part's bytes; fewer come where the message ends.
        length: u64,
    }
}

impl Execute<Shared> for Peek {
    type Done = MessageReply;

    fn execute(
        &self,
        shared: &Shared,
        caller: Caller,
        spare: &mut Vec<u8>,
    ) -> Result<MessageReply, Error> {
        let &Peek { session, offset, length } = self;
        let begun = shared.memory.change(|tables, _| {
            tables.engine().begin_peek(caller.client, session, (offset, length), caller.most_data)
        });
        match begun? {
            Some(copying) => shared.read_message(copying, caller, spare),
            None => Ok(MessageReply { session, data: None }),
        }
    }
}

command! {
    /// Hands the oldest message of a session on to the other end of another.
    0x20 "forward SESSION OTHER" Forward -> Forwarded {
        /// Where it came.
        session: SessionId,
        /// Where it goes.
        to: SessionId,
    }
}

reply! {
    /// A message was handed on.
    0xa0 "forwarded" Forwarded {
        /// The session that it went to.
        session: SessionId,
        /// Its bytes.
        length: u64,
    }
}

impl Execute<Shared> for Forward {
    type Done = Forwarded;

    fn execute(
        &self,
        shared: &Shared,
        caller: Caller,
        _: &mut Vec<u8>,
    ) -> Result<Forwarded, Error> {
        let &Forward { session, to } = self;
        let length = shared
            .memory
            .change(|tables, _| tables.engine().forward(caller.client, session, to))?;
        Ok(Forwarded { session: to, length })
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

command! {
    /// Registers one more block of the process's own.
    0x25 "register SIZE" Register -> Registered {
        /// Bytes.
        size: u64,
    }
}

reply! {
    /// A block was registered.
    0xa5 "registered" Registered {
        /// Which one.
        block: u64,
        /// Its bytes.
        size: u64,
    }
}

impl Execute<Shared> for Register {
    type Done = Registered;

    fn execute(
        &self,
        shared: &Shared,
        caller: Caller,
        _: &mut Vec<u8>,
    ) -> Result<Registered, Error> {
        let (block, size) = shared
            .rendezvous(caller, |tables, _| tables.engine().register(caller.client, self.size))?;
        Ok(Registered { block, size })
    }
}

command! {
    /// Lets one of the process's own blocks have more bytes.
    0x26 "grow SIZE [BLOCK]" Grow -> Resized {
        /// The bytes that it has then, at least.
        size: u64,
        /// Which block; 0 is the one it joined with.
        block: u64 = 0,
    }
}

reply! {
    /// A block has another size.
    0xa6 "block" Resized {
        /// Its bytes.
        size: u64,
    }
}

impl Execute<Shared> for Grow {
    type Done = Resized;

    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Result<Resized, Error> {
        shared.memory.reap_all(Instant::now());
        let size = shared
            .memory
            .change(|tables, _| tables.engine().grow(caller.client, self.block, self.size))?;
        Ok(Resized { size })
    }
}

command! {
    /// Lets one of the process's own blocks have fewer bytes.
    0x27 "shrink SIZE [BLOCK]" Shrink -> Resized {
        /// The bytes that it needs.
        size: u64,
        /// Which block.
        block: u64 = 0,
    }
}

impl Execute<Shared> for Shrink {
    type Done = Resized;

    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Result<Resized, Error> {
        let size = shared.memory.change(|tables, now| {
            tables.engine().shrink(caller.client, self.block, self.size, now)
        })?;
        Ok(Resized { size })
    }
}
