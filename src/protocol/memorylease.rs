//! MemoryLease frames, as the C++ program's clients send them.
//!
//! ```text
//!   offset  0         4                   12
//!           │ type i32 │ payload length i64 │ payload …
//! ```
//!
//! | type | payload | answered with |
//! | --- | --- | --- |
//! | 1 Lease | size `i32`, duration in ms `i32` | 2 Leased: id `i32`, positive; -1 when it cannot be had |
//! | 3 SetData | id `i32`, length `i64`, bytes | 5 DataSet: `i32` 0; -1 no such lease; -2 more than the lease has, or lengths that disagree |
//! | 4 AccessData | id `i32` | 4 AccessData: id `i32`, length `i64`, bytes: the whole lease; length 0 when there is none |
//!
//! Integers are in the sender's byte order, whatever this machine's; a connection whose
//! first type is big-endian is answered so. Sizes and lengths are bytes. Lease, set
//! and get of the vocabulary exist here, and nothing else.
//!
//! Lease 64 bytes for 5000 ms, and the answer:
//!
//! ```text
//!   > 01000000 0800000000000000 40000000 88130000
//!   < 02000000 0400000000000000 7b000000            id 123
//! ```
//!
//! Get of lease 123, 64 bytes of which `hi` was set:
//!
//! ```text
//!   > 04000000 0400000000000000 7b000000
//!   < 04000000 4c00000000000000 7b000000 4000000000000000 6869 and 62 zeros
//! ```
//!
//! The connection closes, without an answer, after any other type and any length that
//! is negative, over the limit, or not that of its type: what follows cannot be told
//! apart any more. A lease is served up to the longest message less 24 bytes, because
//! its get is one message.
//!
//! **Invariants** a frame is answered when it is whole, never before; existing clients
//! read once, so an answer is one piece.
//!
//! **Lock** none. **Source** `memorylease.txt`; its byte order problem is answered
//! above, its integer ids by `memory::ids`.

use std::borrow::Cow;

use crate::commands::{Data, Get, Lease, Leased, Reply, Request, Set};
use crate::common::error::{Code, Error};
use crate::common::id::{IdKind, LeaseId};
use crate::protocol::Decoded;
use crate::protocol::byte_order::ByteOrder;
use crate::protocol::output::Output;

/// The bytes of a frame before its payload.
pub const HEADER: usize = 12;
/// The bytes of a set or a get reply before the data: id and length.
pub const DATA_HEADER: usize = 12;

/// Lease: size and duration.
pub const LEASE: i32 = 1;
/// Leased: the id.
pub const LEASED: i32 = 2;
/// SetData: id, length and bytes.
pub const SET_DATA: i32 = 3;
/// AccessData, both ways.
pub const ACCESS_DATA: i32 = 4;
/// DataSet: how it went.
pub const DATA_SET: i32 = 5;

/// In Leased: it cannot be had.
pub const NO_LEASE: i32 = -1;
/// In DataSet: done.
pub const SET_DONE: i32 = 0;
/// In DataSet: no such lease.
pub const SET_NOT_FOUND: i32 = -1;
/// In DataSet: it does not fit, or the lengths disagree.
pub const SET_TOO_LARGE: i32 = -2;

/// A frame's header.
pub fn header(order: ByteOrder, kind: i32, length: usize) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..4].copy_from_slice(&order.put_i32(kind));
    header[4..].copy_from_slice(&order.put_i64(length as i64));
    header
}

/// A connection that speaks MemoryLease frames.
#[derive(Debug)]
pub struct MemoryLease {
    order: ByteOrder,
    max_message: usize,
    asked: MemoryLeaseCall,
}

/// What was decoded last: the same refusal is another number for each.
#[derive(Debug, Clone, Copy)]
enum MemoryLeaseCall {
    Lease,
    Set,
    Access { id: i32 },
}

impl MemoryLease {
    /// A connection of that byte order, with the longest message in bytes.
    pub fn new(order: ByteOrder, max_message: usize) -> Self {
        Self { order, max_message, asked: MemoryLeaseCall::Lease }
    }

    /// Looks for one frame at the start of `input`. A length that no frame of its type may
    /// have is known from the header alone, before any of the payload is kept.
    pub fn decode<'a>(&mut self, input: &'a [u8]) -> Decoded<'a> {
        let mut rest = input;
        let Some((kind, length)) = self.take_header(&mut rest) else {
            return Decoded::Incomplete;
        };
        let Some(length) = self.checked_length(kind, length) else {
            return Decoded::Last(None);
        };
        let Some(payload) = rest.get(..length) else {
            return Decoded::Incomplete;
        };
        let used = HEADER + length;
        let request = match kind {
            LEASE => self.decode_lease(payload),
            SET_DATA => self.decode_set(payload),
            _ => self.decode_access(payload),
        };
        Decoded::Asked { request, used }
    }

    fn take_header(&self, bytes: &mut &[u8]) -> Option<(i32, i64)> {
        if bytes.len() < HEADER {
            return None;
        }
        Some((self.order.take_i32(bytes)?, self.order.take_i64(bytes)?))
    }

    /// The payload's length, if a frame of that type may have it.
    fn checked_length(&self, kind: i32, length: i64) -> Option<usize> {
        let length = usize::try_from(length).ok()?;
        let fits = match kind {
            LEASE => length == 8,
            ACCESS_DATA => length == 4,
            SET_DATA => length <= self.max_message.saturating_sub(HEADER),
            _ => false,
        };
        fits.then_some(length)
    }

    fn decode_lease<'a>(&mut self, mut payload: &[u8]) -> Result<Request<'a>, Error> {
        self.asked = MemoryLeaseCall::Lease;
        let mut next = || self.order.take_i32(&mut payload).and_then(|n| u64::try_from(n).ok());
        let (size, duration_ms) = (next(), next());
        let (Some(size), Some(duration_ms)) = (size, duration_ms) else {
            return Err(Error::new(
                Code::BadRequest,
                "sizes and durations are positive; give more than 0",
            ));
        };
        let longest = self.max_message.saturating_sub(HEADER + DATA_HEADER) as u64;
        if size > longest {
            return Err(Error::new(
                Code::TooLarge,
                "its get would be over the longest message; lease less",
            ));
        }
        Ok(Request::Lease(Lease { size, duration_ms, id_kind: IdKind::Number }))
    }

    fn decode_set<'a>(&mut self, mut payload: &'a [u8]) -> Result<Request<'a>, Error> {
        self.asked = MemoryLeaseCall::Set;
        let id = self.order.take_i32(&mut payload);
        let length = self.order.take_i64(&mut payload).and_then(|n| usize::try_from(n).ok());
        match (id, length) {
            (Some(id), Some(length)) if length == payload.len() => {
                Ok(Request::Set(Set { id: lease_id(id), data: Cow::Borrowed(payload) }))
            }
            _ => Err(Error::new(
                Code::BadRequest,
                "inner and outer length disagree; make them agree",
            )),
        }
    }

    fn decode_access<'a>(&mut self, mut payload: &[u8]) -> Result<Request<'a>, Error> {
        // The payload's four bytes were checked with its length.
        let id = self.order.take_i32(&mut payload).unwrap_or_default();
        self.asked = MemoryLeaseCall::Access { id };
        Ok(Request::Get(Get { id: lease_id(id) }))
    }

    /// Appends the answer to the frame decoded last.
    pub fn encode(&self, reply: &mut Reply<'_>, out: &mut Output) {
        match (self.asked, reply) {
            (MemoryLeaseCall::Lease, Reply::Leased(Leased { id, .. })) => {
                self.put_number(LEASED, id.number().unwrap_or(NO_LEASE), out);
            }
            (MemoryLeaseCall::Lease, _) => self.put_number(LEASED, NO_LEASE, out),
            (MemoryLeaseCall::Set, Reply::Set(_)) => self.put_number(DATA_SET, SET_DONE, out),
            (
                MemoryLeaseCall::Set,
                Reply::Error(Error { code: Code::TooLarge | Code::BadRequest, .. }),
            ) => {
                self.put_number(DATA_SET, SET_TOO_LARGE, out);
            }
            (MemoryLeaseCall::Set, _) => self.put_number(DATA_SET, SET_NOT_FOUND, out),
            (MemoryLeaseCall::Access { id }, Reply::Data(Data { size, data, .. })) => {
                // The lease is in memory, so its size is one of a buffer.
                data.resize(*size as usize, 0);
                self.put_data(id, std::mem::take(data), out);
            }
            (MemoryLeaseCall::Access { id }, _) => self.put_data(id, Vec::new(), out),
        }
    }

    fn put_number(&self, kind: i32, number: i32, out: &mut Output) {
        out.bytes.extend_from_slice(&header(self.order, kind, size_of::<i32>()));
        out.bytes.extend_from_slice(&self.order.put_i32(number));
    }

    fn put_data(&self, id: i32, data: Vec<u8>, out: &mut Output) {
        let length = DATA_HEADER + data.len();
        out.bytes.extend_from_slice(&header(self.order, ACCESS_DATA, length));
        out.bytes.extend_from_slice(&self.order.put_i32(id));
        out.bytes.extend_from_slice(&self.order.put_i64(data.len() as i64));
        out.attach(data);
    }
}

/// A negative id becomes a number that is never given, so it is not found.
fn lease_id(id: i32) -> LeaseId {
    LeaseId::from_number(u64::from(id as u32))
}

#[cfg(test)]
#[path = "memorylease_tests.rs"]
mod tests;
