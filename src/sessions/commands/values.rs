//! The commands of a process's own memory: store, load, patch, drop, names, share.
//!
//! ```text
//!   > store table \x01\x02\x03      < stored table 3
//!   > patch table 1 \xff            < patched table 1
//!   > load table                    < value table \x01\xff\x03
//!   > load table 1 1                < value table \xff
//!   > share table 2f0c…             < shared 2f0c… 3          the other end receives all three
//!   > names                         < names table:3
//!   > drop table                    < dropped table 3
//! ```
//!
//! The values lie in the process's own blocks ([`crate::sessions::values`]). Nobody but the
//! process, by any of its connections, reaches them. A name has 1 to 32 letters, digits, hyphens,
//! underscores and dots.
//!
//! **Lock** the tables, then the lock of one block while bytes are copied, then the tables again;
//! never two. `share`, `drop` and `names` copy no byte.
//!
//! **Source** `interprocess-communication-patent.txt`, paragraph 22.

use std::borrow::Cow;

use crate::common::caller::Caller;
use crate::common::description::{
    Answer, Execute, Executed, Message, Sink, Source, command, message, reply,
};
use crate::common::error::Error;
use crate::memory::arena::set_length;
use crate::server::shared::Shared;
use crate::sessions::copying::Bytes;
use crate::sessions::words::SessionId;

command! {
    /// Stores bytes under a name, in the process's own memory. Replaces a value of the same name.
    0x2d "store NAME DATA" Store<'a> -> Stored {
        /// The name.
        name: Cow<'a, str>,
        /// The bytes.
        data: Cow<'a, [u8]>,
    }
}

reply! {
    /// Bytes were stored.
    0xad "stored" Stored {
        /// The name.
        name: String,
        /// The number of bytes.
        length: u64,
    }
}

impl Execute<Shared> for Store<'_> {
    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Result<Stored, Error> {
        let (client, length) = (caller.client, self.data.len() as u64);
        let begun = shared.engine(|engine, _| engine.begin_store(client, &self.name, length));
        shared.copy(begun?, client, Bytes::In(&self.data))?;
        Ok(Stored { name: self.name.to_string(), length })
    }
}

command! {
    /// Reads the value of a name, or a part of it.
    0x2e "load NAME [OFFSET [LENGTH]]" Load<'a> -> LoadedValue {
        /// The name.
        name: Cow<'a, str>,
        /// Bytes from the start.
        offset: u64 = 0,
        /// The part's bytes; fewer come where the value ends.
        length: u64 = u64::MAX,
    }
}

reply! {
    /// The bytes that are stored under a name, or a part of them.
    0xae "value" LoadedValue {
        /// The name.
        name: String,
        /// The bytes.
        data: Vec<u8>,
    }
}

impl Execute<Shared> for Load<'_> {
    fn execute(&self, shared: &Shared, caller: Caller, spare: &mut Vec<u8>) -> Executed<Self> {
        // Of the commands in this file only `load` answers with bytes of a value, which may be more
        // than an answer can have. Then it fails and has changed nothing. If only memory for the
        // answer is missing, the connection reserves more and executes the command again.
        let (client, part) = (caller.client, (self.offset, self.length));
        let begun = shared.engine(|engine, _| {
            engine.begin_load(client, &self.name, part, caller.most_answer_bytes())
        });
        let begun = begun.map_err(|error| caller.explain_too_large(error))?;
        // The connection's buffer is used again, which saves an allocation.
        let mut data = std::mem::take(spare);
        set_length(&mut data, begun.length as usize);
        shared.copy(begun, client, Bytes::Out(&mut data))?;
        Ok(LoadedValue { name: self.name.to_string(), data })
    }
}

command! {
    /// Replaces bytes of a value in place, without a change of its length.
    0x2f "patch NAME OFFSET DATA" Patch<'a> -> Patched {
        /// The name.
        name: Cow<'a, str>,
        /// Bytes from the start.
        offset: u64,
        /// The bytes that replace those from there on.
        data: Cow<'a, [u8]>,
    }
}

reply! {
    /// Bytes of a value were replaced.
    0xaf "patched" Patched {
        /// The name.
        name: String,
        /// The number of bytes that were replaced.
        length: u64,
    }
}

impl Execute<Shared> for Patch<'_> {
    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Result<Patched, Error> {
        let (client, length) = (caller.client, self.data.len() as u64);
        let begun =
            shared.engine(|engine, _| engine.begin_patch(client, &self.name, self.offset, length));
        shared.copy(begun?, client, Bytes::Over(&self.data))?;
        Ok(Patched { name: self.name.to_string(), length })
    }
}

command! {
    /// Removes a name. The value's bytes are freed when the value is in no inbox, and no copy of it
    /// is under way.
    0x30 "drop NAME" DropValue<'a> -> Dropped {
        /// The name.
        name: Cow<'a, str>,
    }
}

reply! {
    /// A name was removed.
    0xb0 "dropped" Dropped {
        /// The name.
        name: String,
        /// The number of bytes that were stored there.
        length: u64,
    }
}

impl Execute<Shared> for DropValue<'_> {
    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Result<Dropped, Error> {
        let length = shared.engine(|engine, _| engine.drop_value(caller.client, &self.name))?;
        Ok(Dropped { name: self.name.to_string(), length })
    }
}

command! {
    /// Lists the names of the process's values, with their lengths.
    0x31 "names" Names -> Vec<ValueRow>
}

message! {
    /// A value of the process.
    ValueRow {
        /// Its name.
        name: String,
        /// Its bytes.
        length: u64,
    }
}

impl ValueRow {
    /// The least bytes of a row in a frame, with an empty name: 4 for the name's length and 1 for
    /// its NUL, 3 of padding, and 8 for the number. A reader divides the frame's bytes by this
    /// before it allocates for the count of rows that the frame claims.
    pub const MIN: u64 = 16;
}

impl<'a> Message<'a> for Vec<ValueRow> {
    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        source.list(ValueRow::MIN as usize, ValueRow::read)
    }

    fn write(&self, sink: &mut impl Sink) {
        sink.list("names", "value", self, ValueRow::write);
    }
}

impl Answer<'_> for Vec<ValueRow> {
    const KIND: u8 = 0xb1;
    const WORD: &'static str = "names";
}

impl Execute<Shared> for Names {
    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Executed<Self> {
        shared.memory.with_tables(|tables, _| tables.engine().values(caller))
    }
}

command! {
    /// Sends a value in a session, by its location: no byte is copied. The value cannot be patched
    /// until the other process has received it.
    0x32 "share NAME SESSION" ShareValue<'a> -> SharedValue {
        /// The name.
        name: Cow<'a, str>,
        /// The session.
        session: SessionId,
    }
}

reply! {
    /// A value was sent by its location.
    0xb2 "shared" SharedValue {
        /// The session.
        session: SessionId,
        /// The number of bytes.
        length: u64,
    }
}

impl Execute<Shared> for ShareValue<'_> {
    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Executed<Self> {
        let (client, session) = (caller.client, self.session);
        let length = shared.engine(|engine, _| engine.share(client, &self.name, session))?;
        Ok(SharedValue { session, length })
    }
}
