//! The commands that say and hear messages: send, deliver, publish, receive, peek, forward.
//!
//! **Lock** the tables, and the lock of one block while bytes are copied ([`crate::sessions::copying`]).
//! **Source** figure 5 of `interprocess-communication-patent.txt`.

use std::borrow::Cow;

use crate::common::caller::Caller;
use crate::common::description::{Answer, Execute, Message, Sink, Source, command, reply};
use crate::common::error::{Error, Malformed};
use crate::common::escape::escape;
use crate::common::line::put;
use crate::server::shared::Shared;
use crate::sessions::Finished;
use crate::sessions::copying::{Bytes, not_that};
use crate::sessions::words::SessionId;

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
    /// Sends the oldest message of a session on in another one. Its bytes are not copied.
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
