//! The commands of this chapter. Each is a row ([`crate::common::description`]), and the function
//! that executes it. The rows of `inspect` and `replace` stand in [`super::versions`], and `put`
//! stands in [`super::named`].
//!
//! The row of a command has the number of its kind in a frame, its form in a line, and, behind `@`,
//! its route in HTTP. The row of a reply has its kind, the first word of its line, and, behind `/`,
//! its name in XML if that is another one.
//!
//! ```text
//!   > lease 64 5000            < leased 2f0c… 64 5000       from a block of 64 bytes
//!   > set 2f0c… hello          < set 2f0c… 5
//!   > get 2f0c…                < data 2f0c… hello           the 5 bytes of the last set
//!   > renew 2f0c… 9000         < leased 2f0c… 64 9000
//!   > ttl 2f0c…                < ttl 2f0c… 8993
//!   > release 2f0c…            < released 2f0c… 64
//!   > get 2f0c…                < error not-found there is no such lease, or no longer; …
//! ```
//!
//! **Lock** none here: each function calls [`Memory`], which locks the tables, a block, or one
//! after the other.
//!
//! **Source** `memorylease.txt`: lease, set and get by the id of a lease. Renew, ttl and release
//! are our additions.

use std::borrow::Cow;

use super::service::{Memory, Tables, rest};
use super::versions::{Inspect, Replace, Replaced};
use crate::common::caller::Caller;
use crate::common::description::{
    Answer, Execute, Executed, Field, Message, Sink, Source, command, reply,
};
use crate::common::error::Error;
use crate::common::id::{IdKind, LeaseId};
use crate::memory::picture::picture;

command! {
    /// Leases bytes for a duration.
    0x03 "lease SIZE MS" @ "POST /leases?size=in bytes&duration=in milliseconds" Lease -> Leased {
        /// Bytes, at least 1.
        size: u64,
        /// Milliseconds, at least 1.
        duration_ms: u64,
        /// The kind of id that the client's format can carry.
        id_kind: IdKind,
    }
}

/// No format that uses this description carries the field, so a line has no word for it, and `read`
/// returns `Uuid` without reading. Only MemoryLease frames have numbers as ids, and they have their
/// own decoder.
impl<'a> Field<'a> for IdKind {
    const WORDS: (usize, usize) = (0, 0);

    fn read<S: Source<'a>>(_: &mut S) -> Result<Self, Error> {
        Ok(IdKind::Uuid)
    }

    fn write(&self, _: &str, _: &mut impl Sink) {}
}

reply! {
    /// A lease was granted or renewed.
    0x83 "leased" / "lease" Leased {
        /// The id of the lease.
        id: LeaseId,
        /// The bytes that the client asked for when it leased; the block may have more.
        size: u64,
        /// Milliseconds from now.
        duration_ms: u64,
    }
}

impl<T: Tables> Execute<Memory<T>> for Lease {
    fn execute(&self, memory: &Memory<T>, _: Caller, _: &mut Vec<u8>) -> Result<Leased, Error> {
        let &Lease { size, duration_ms, id_kind } = self;
        let id = memory.lease(size, duration_ms, id_kind)?;
        Ok(Leased { id, size, duration_ms })
    }
}

command! {
    /// Replaces the contents of a lease. Behind the data, the lease reads as zeros.
    0x04 "set ID DATA" Set<'a> -> WasSet {
        /// The lease.
        id: LeaseId,
        /// The bytes, borrowed from the input unless they had to be unescaped.
        data: Cow<'a, [u8]>,
    }
}

reply! {
    /// Data was set.
    0x84 "set" WasSet {
        /// The lease.
        id: LeaseId,
        /// The number of bytes that were set.
        length: u64,
    }
}

impl<T: Tables> Execute<Memory<T>> for Set<'_> {
    fn execute(&self, memory: &Memory<T>, _: Caller, _: &mut Vec<u8>) -> Result<WasSet, Error> {
        memory.set(self.id, &self.data)?;
        Ok(WasSet { id: self.id, length: self.data.len() as u64 })
    }
}

command! {
    /// Reads the bytes of the last set.
    0x05 "get ID" Get -> Data {
        /// The lease.
        id: LeaseId,
    }
}

/// The bytes of the last set. The lease reads as these, followed by zeros.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data {
    /// The lease.
    pub id: LeaseId,
    /// The lease's size in bytes, at least `data.len()`. Only frames carry it.
    pub size: u64,
    /// The bytes of the last set.
    pub data: Vec<u8>,
}

impl<'a> Message<'a> for Data {
    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        let (id, size) = (source.id()?, source.u64()?);
        Ok(Data { id, size, data: source.data()?.into_owned() })
    }

    fn write(&self, sink: &mut impl Sink) {
        sink.id("id", self.id);
        if sink.is_binary() {
            sink.u64("size", self.size);
        }
        sink.data("data", &self.data);
    }
}

impl Answer<'_> for Data {
    const KIND: u8 = 0x85;
    const WORD: &'static str = "data";
}

impl<T: Tables> Execute<Memory<T>> for Get {
    fn execute(&self, memory: &Memory<T>, caller: Caller, spare: &mut Vec<u8>) -> Executed<Self> {
        // A connection keeps this buffer from one command to the next. It has its capacity from
        // earlier gets, so most gets allocate nothing. (A datagram's buffer is always new.)
        let mut data = std::mem::take(spare);
        // The format's own bound (`most_data`) is not checked here. The format itself refuses an
        // answer that is too long, when it knows which bytes it has to escape.
        let size = memory.get(self.id, caller.room, &mut data)?;
        Ok(Data { id: self.id, size, data })
    }
}

command! {
    /// Moves the end of a lease to a duration from now. That may be before its old end.
    0x06 "renew ID MS" @ "POST /leases/ID?duration=in milliseconds" Renew -> Leased {
        /// The lease.
        id: LeaseId,
        /// Milliseconds, at least 1.
        duration_ms: u64,
    }
}

impl<T: Tables> Execute<Memory<T>> for Renew {
    fn execute(&self, memory: &Memory<T>, _: Caller, _: &mut Vec<u8>) -> Result<Leased, Error> {
        let &Renew { id, duration_ms } = self;
        let terms = memory.change(|tables, now| tables.leases().renew(id, duration_ms, now))?;
        Ok(Leased { id, size: terms.size, duration_ms: terms.granted_ms })
    }
}

command! {
    /// How long a lease still lasts.
    0x07 "ttl ID" Ttl -> TimeLeft {
        /// The lease.
        id: LeaseId,
    }
}

reply! {
    /// The time that a lease has left.
    0x87 "ttl" TimeLeft {
        /// The lease.
        id: LeaseId,
        /// Milliseconds, rounded up: a lease that still lasts never shows 0.
        left_ms: u64,
    }
}

impl<T: Tables> Execute<Memory<T>> for Ttl {
    fn execute(&self, memory: &Memory<T>, _: Caller, _: &mut Vec<u8>) -> Result<TimeLeft, Error> {
        let left = memory.with_tables(|tables, now| tables.leases().time_left(self.id, now))?;
        Ok(TimeLeft { id: self.id, left_ms: super::service::rounded_up(left) })
    }
}

command! {
    /// Ends a lease before its time.
    0x08 "release ID" @ "DELETE /leases/ID" Release -> Released {
        /// The lease.
        id: LeaseId,
    }
}

reply! {
    /// A lease ended.
    0x88 "released" Released {
        /// The lease.
        id: LeaseId,
        /// Its size in bytes.
        size: u64,
    }
}

impl<T: Tables> Execute<Memory<T>> for Release {
    fn execute(&self, memory: &Memory<T>, _: Caller, _: &mut Vec<u8>) -> Result<Released, Error> {
        // `change` unlocks the tables again. `give_back` locks the block, and no thread holds two
        // locks.
        let ending = memory.change(|tables, now| tables.leases().end(self.id, now))?;
        let size = ending.size();
        memory.give_back(vec![ending]);
        Ok(Released { id: self.id, size })
    }
}

command! {
    /// Shows the buddy tree as one line of text.
    0x0a "tree" @ "GET /tree" Tree -> Picture
}

reply! {
    /// The buddy tree; a longer text is cut after 64 KiB (`MAX_PICTURE`).
    0x8a "tree" Picture {
        /// Nested brackets: the sizes of blocks, and `used` or `free`.
        picture: String,
    }
}

/// The longest picture in bytes, without the mark where it was cut. It also bounds the time under
/// the tables' lock.
const MAX_PICTURE: usize = 64 * 1024;

impl<T: Tables> Execute<Memory<T>> for Tree {
    fn execute(&self, memory: &Memory<T>, caller: Caller, _: &mut Vec<u8>) -> Executed<Self> {
        caller.check_room(MAX_PICTURE as u64)?;
        let picture = memory.with_tables(|tables, _| picture(tables.leases().buddy(), MAX_PICTURE));
        // A client that asks for one picture after the other would keep all others out.
        rest();
        Ok(Picture { picture })
    }
}

impl<T: Tables> Execute<Memory<T>> for Inspect {
    fn execute(&self, memory: &Memory<T>, caller: Caller, spare: &mut Vec<u8>) -> Executed<Self> {
        let inspected = memory.inspect(self, caller.most_answer_bytes(), std::mem::take(spare));
        // If only the connection's memory is too small, `explain_too_large` makes an error at which
        // the connection gets more memory and executes the command again.
        inspected.map(Box::new).map_err(|error| caller.explain_too_large(error))
    }
}

impl<T: Tables> Execute<Memory<T>> for Replace<'_> {
    fn execute(&self, memory: &Memory<T>, _: Caller, _: &mut Vec<u8>) -> Result<Replaced, Error> {
        let version = memory.replace(self.id, &self.condition, &self.data)?;
        Ok(Replaced { id: self.id, length: self.data.len() as u64, version })
    }
}
