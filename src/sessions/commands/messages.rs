//! The commands that send and receive messages: send, deliver, publish, receive, peek, forward.
//!
//! | command | copies the bytes | waits for | the message afterwards |
//! | --- | --- | --- | --- |
//! | `send` | in, once | nothing | in the other end's inbox |
//! | `deliver` | in, once | its receipt | received, taken back, or lost |
//! | `publish` | in, once for all sessions | nothing | in each other end's inbox |
//! | `receive` | out, once | a message, if asked to | freed when its last reader has it |
//! | `peek` | out, a part | nothing | where it was |
//! | `forward` | never | nothing | in another inbox |
//!
//! All but `forward` follow one pattern: *begin* under the tables' lock finds the place, *copy*
//! moves the bytes under the block's lock, *finish* under the tables' lock posts the message or
//! takes a reader from it. Each copy may also wait for its seat, behind other copies in the same
//! block. The wrong way is one lock for all three steps: while 30 MB are copied, every other client
//! would wait.
//!
//! **Lock** the tables, then the lock of one block while bytes are copied
//! ([`crate::sessions::copying`]); never two.
//!
//! **Source** figure 5 of `interprocess-communication-patent.txt`; paragraph 8 for `forward`.

use std::borrow::Cow;

use crate::common::caller::Caller;
use crate::common::description::{
    Answer, Execute, Executed, Message, Sink, Source, command, reply,
};
use crate::common::error::{Error, Malformed};
use crate::common::escape::escape;
use crate::common::line::put;
use crate::server::shared::Shared;
use crate::sessions::copying::Bytes;
use crate::sessions::words::SessionId;

command! {
    /// Sends a message in a session, and does not wait for its receipt.
    0x1b "send SESSION DATA" Send<'a> -> Sent {
        /// The session.
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
        /// The message's bytes.
        length: u64,
    }
}

impl Execute<Shared> for Send<'_> {
    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Result<Sent, Error> {
        let (client, length) = (caller.client, self.data.len() as u64);
        let is_awaited = false;
        let begun =
            shared.engine(|engine, _| engine.begin_send(client, self.session, length, is_awaited));
        shared.copy(begun?, client, Bytes::In(&self.data))?;
        Ok(Sent { session: self.session, length })
    }
}

command! {
    /// Sends a message in a session, and waits until the other end has received it. The outcome is
    /// definite: a message that was not received in time is taken back and cannot be received
    /// later.
    0x1c "deliver SESSION MS DATA" Deliver<'a> -> Delivered {
        /// The session.
        session: SessionId,
        /// The longest wait in milliseconds.
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
        /// The message's bytes.
        length: u64,
    }
}

command! {
    /// Sends one message in several sessions. It is stored once, with one reader for each session:
    /// 100 readers cost one sub-block, one copy, and 64 + 100 × 32 bytes of administrative memory.
    0x1d "publish SESSION,SESSION,... DATA" Publish<'a> -> Published {
        /// The sessions, each once.
        sessions: Vec<SessionId>,
        /// The bytes.
        data: Cow<'a, [u8]>,
    }
}

reply! {
    /// A message was sent in several sessions.
    0x9d "published" Published {
        /// The count of sessions in which it was sent. A session that was closed during the copy is
        /// left out.
        count: u64,
        /// The message's bytes.
        length: u64,
    }
}

impl Execute<Shared> for Publish<'_> {
    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Executed<Self> {
        let (client, length) = (caller.client, self.data.len() as u64);
        let begun = shared.engine(|engine, _| engine.begin_publish(client, &self.sessions, length));
        let count = shared.copy(begun?, client, Bytes::In(&self.data))?;
        Ok(Published { count, length })
    }
}

command! {
    /// Receives the oldest message of a session, and waits up to MS for one.
    0x1e "receive SESSION [MS]" Receive -> MessageReply {
        /// The session.
        session: SessionId,
        /// The longest wait for a message, in milliseconds; 0 for no wait.
        ms: u64 = 0,
    }
}

/// A message, or a part of one; or none. The reply to `receive` and to `peek`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageReply {
    /// The session.
    pub session: SessionId,
    /// The bytes; `None` when there is no message. An empty message is `Some`: its line of text is
    /// `message SESSION ` with nothing behind it. Without a message the line is `none`.
    pub data: Option<Vec<u8>>,
}

/// A frame has a flag: 1 if there is a message, 0 if there is none. The data alone cannot show
/// this, because an empty message has no data either.
impl<'a> Message<'a> for MessageReply {
    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        let session = source.id()?;
        let data = match (source.u32()?, source.data()?) {
            (0, data) if data.is_empty() => None,
            (1, data) => Some(data.into_owned()),
            _ => {
                return Err(Malformed(
                    "has a message without its mark, or a mark that is none of 0 and 1",
                )
                .into());
            }
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

    /// Written by hand: without a message the line is `none`, and names no session.
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
    fn execute(&self, shared: &Shared, caller: Caller, spare: &mut Vec<u8>) -> Executed<Self> {
        // `ms` is 0 here: `begin` in `waiting.rs` executes a `receive` that may wait. The message
        // leaves the inbox in this step, before its bytes are copied. So two connections of one
        // process never receive the same message. A message that is too long for the answer stays
        // in the inbox. If only memory for the answer is missing, the connection reserves more and
        // executes the command again.
        let &Receive { session, .. } = self;
        let begun = shared.engine(|engine, _| {
            engine.begin_receive(caller.client, session, caller.most_answer_bytes())
        });
        let begun = begun.map_err(|error| caller.explain_too_large(error))?;
        shared.read_message(session, begun, caller, spare)
    }
}

command! {
    /// Reads a part of the oldest message of a session, and leaves the message there. A client that
    /// cannot take a large message at once (by datagrams, say) reads it in parts.
    0x1f "peek SESSION OFFSET LENGTH" Peek -> MessageReply {
        /// The session.
        session: SessionId,
        /// Bytes from the message's start.
        offset: u64,
        /// The part's bytes; fewer come where the message ends.
        length: u64,
    }
}

impl Execute<Shared> for Peek {
    fn execute(&self, shared: &Shared, caller: Caller, spare: &mut Vec<u8>) -> Executed<Self> {
        // The copy counts as a reader, so the message outlives a `receive` by another connection.
        let &Peek { session, offset, length } = self;
        let begun = shared.engine(|engine, _| {
            engine.begin_peek(caller.client, session, (offset, length), caller.most_answer_bytes())
        });
        let begun = begun.map_err(|error| caller.explain_too_large(error))?;
        shared.read_message(session, begun, caller, spare)
    }
}

command! {
    /// Moves the oldest message of a session into another session. Its bytes are not copied.
    0x20 "forward SESSION OTHER" Forward -> Forwarded {
        /// The session that the message came in.
        session: SessionId,
        /// The session that it goes to.
        to: SessionId,
    }
}

reply! {
    /// A message was sent on.
    0xa0 "forwarded" Forwarded {
        /// The session that it went to.
        session: SessionId,
        /// The message's bytes.
        length: u64,
    }
}

impl Execute<Shared> for Forward {
    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Executed<Self> {
        // One hold of the tables and no copy: 1 byte and 30 MB take the same time.
        let &Forward { session, to } = self;
        let length = shared.engine(|engine, _| engine.forward(caller.client, session, to))?;
        Ok(Forwarded { session: to, length })
    }
}
