//! MemoryLease frames, as the C++ program's clients send them.
//!
//! ```text
//!   offset  0          4                    12
//!           │ type i32 │ payload length i64 │ payload …
//! ```
//!
//! | type | payload | answered with |
//! | --- | --- | --- |
//! | 1 Lease | size `i32`, duration in ms `i32` | 2 Leased: id `i32`, positive; -1 for no lease |
//! | 3 SetData | id `i32`, length `i64`, bytes | 5 DataSet: `i32` 0; -1 no such lease; -2 more than the lease has, or lengths that disagree |
//! | 4 AccessData | id `i32` | 4 AccessData: id `i32`, length `i64`, bytes: the whole lease; length 0 when there is none |
//!
//! Integers are in the client's byte order, whatever the server's own order is. The first type of a
//! connection shows the order: 01 00 00 00 is little-endian, 00 00 00 01 is big-endian. The answers
//! have the client's order too. Sizes and lengths are bytes. These frames have lease, set and get,
//! and no other command.
//!
//! Lease 64 bytes for 5000 ms, and the answer:
//!
//! ```text
//!   > 01000000 0800000000000000 40000000 88130000
//!   < 02000000 0400000000000000 7b000000            id 123
//! ```
//!
//! A get of lease 123, which has 64 bytes. Only `hi` was set in it:
//!
//! ```text
//!   > 04000000 0400000000000000 7b000000
//!   < 04000000 4c00000000000000 7b000000 4000000000000000 6869 and 62 zeros
//! ```
//!
//! The connection closes, without an answer, after any other type, and after a length that is
//! negative, over the limit, or not that of its type: from then on nothing says where the next
//! frame begins. It also closes after a time limit. A server with a user answers the first header,
//! whatever its type, with an error of the table, and closes ([`super::log_on`]). The greatest
//! lease is the longest message less 24 bytes: the answer to its get is one message, with 12 bytes
//! of header and 12 of id and length before the data.
//!
//! **Invariants**
//!
//! 1. A frame is answered when it is whole, and never before (but for a server with a user).
//! 2. The server passes a whole answer to one write call. (The system writes only a part of it if
//!    the socket's buffer is full.) Existing clients call `read` once, and take the bytes that this
//!    call returns for the whole message.
//!
//! **Lock** none. **Simplified** each error of a lease is -1: these frames have no text that could
//! say which error it is.
//!
//! **Source** `memorylease.txt`. It names two weaknesses of the protocol: the byte order, which the
//! first type settles here, and the integer ids, which [`crate::memory::ids`] makes hard to guess.

use std::borrow::Cow;

use crate::commands::{Data, Get, Lease, Leased, Reply, Request, Set};
use crate::common::error::{Code, Error};
use crate::common::id::{IdKind, LeaseId};
use crate::protocol::Decoded;
use crate::protocol::byte_order::ByteOrder;
use crate::protocol::output::Output;

/// The length of a frame's header in bytes: type and payload length.
pub const HEADER: usize = 12;
/// The number of bytes before the data in the payload of a set, and of a get's answer: id and
/// length.
pub const DATA_HEADER: usize = 12;

/// The type of a lease request: size and duration.
pub const LEASE: i32 = 1;
/// The type of Leased, the answer to a lease request: the id.
pub const LEASED: i32 = 2;
/// The type of a set request: id, length and bytes.
pub const SET_DATA: i32 = 3;
/// The type of a get request, and of its answer.
pub const ACCESS_DATA: i32 = 4;
/// The type of DataSet, the answer to a set request: the result.
pub const DATA_SET: i32 = 5;

/// The id in Leased when no lease was granted.
pub const NO_LEASE: i32 = -1;
/// The result in DataSet: the bytes were set.
pub const SET_DONE: i32 = 0;
/// The result in DataSet: there is no such lease.
pub const SET_NOT_FOUND: i32 = -1;
/// The result in DataSet: the bytes do not fit, or the two lengths disagree.
pub const SET_TOO_LARGE: i32 = -2;

/// Returns the header of a frame with a payload of `length` bytes.
pub fn header(order: ByteOrder, kind: i32, length: usize) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..4].copy_from_slice(&order.put_i32(kind));
    header[4..].copy_from_slice(&order.put_i64(length as i64));
    header
}

/// The state of a connection that speaks MemoryLease frames.
#[derive(Debug)]
pub struct MemoryLease {
    order: ByteOrder,
    max_message: usize,
    asked: MemoryLeaseCall,
}

/// The request that was decoded last; at first a lease. The form of an error depends on it: -1 for
/// a lease, -1 or -2 for a set, a length of 0 for a get.
#[derive(Debug, Clone, Copy)]
enum MemoryLeaseCall {
    Lease,
    Set,
    Access { id: i32 },
}

impl MemoryLease {
    /// Starts a connection in the byte order of its first type; `max_message` is in bytes.
    pub fn new(order: ByteOrder, max_message: usize) -> Self {
        Self { order, max_message, asked: MemoryLeaseCall::Lease }
    }

    /// Looks for one frame at the start of `input`. The header alone is enough to refuse a wrong
    /// length, before any byte of the payload is kept.
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
        // `_` is ACCESS_DATA: `checked_length` has refused every other type.
        let request = match kind {
            LEASE => self.decode_lease(payload),
            SET_DATA => self.decode_set(payload),
            _ => self.decode_access(payload),
        };
        Decoded::Asked { request, used }
    }

    /// Reads the type and the payload's length. Returns `None`, and reads nothing, before all 12
    /// bytes have arrived.
    fn take_header(&self, bytes: &mut &[u8]) -> Option<(i32, i64)> {
        if bytes.len() < HEADER {
            return None;
        }
        Some((self.order.take_i32(bytes)?, self.order.take_i64(bytes)?))
    }

    /// Returns the payload's length if a frame of this type may have it. `try_from` refuses a
    /// negative length; a cast with `as` would make a huge one of it.
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

    /// Reads a Lease. A size or duration of 0 passes here: the lease table refuses it, for every
    /// format.
    ///
    /// # Errors
    /// Fails with `bad-request` for a negative number, and with `too-large` for a lease that a
    /// later get could not return in one message.
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

    /// Reads a SetData. The frame has two lengths, of the payload and of the bytes, and a wrong
    /// client can make them disagree.
    ///
    /// # Errors
    /// Fails with `bad-request` when the two lengths disagree, or when the payload is too short for
    /// id and length. The outer length says where the next frame begins, so the connection goes on.
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

    /// Reads an AccessData.
    fn decode_access<'a>(&mut self, mut payload: &[u8]) -> Result<Request<'a>, Error> {
        // Cannot fail: `checked_length` lets only four bytes through.
        let id = self.order.take_i32(&mut payload).unwrap_or_default();
        self.asked = MemoryLeaseCall::Access { id };
        Ok(Request::Get(Get { id: lease_id(id) }))
    }

    /// Appends the answer to the frame that was decoded last. Moves the data of a get out of
    /// `reply`.
    pub fn encode(&self, reply: &mut Reply<'_>, out: &mut Output) {
        match (self.asked, reply) {
            (MemoryLeaseCall::Lease, Reply::Leased(Leased { id, .. })) => {
                // The id is a number, because `decode_lease` asked for one.
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
                // A lease reads as the bytes last set, followed by zeros; the client expects all of
                // it. The size fits in memory: `decode_lease` bounds it by the longest message.
                data.resize(*size as usize, 0);
                self.put_data(id, std::mem::take(data), out);
            }
            (MemoryLeaseCall::Access { id }, _) => self.put_data(id, Vec::new(), out),
        }
    }

    /// Appends an answer whose payload is one number: the id in Leased, the result in DataSet.
    fn put_number(&self, kind: i32, number: i32, out: &mut Output) {
        out.bytes.extend_from_slice(&header(self.order, kind, size_of::<i32>()));
        out.bytes.extend_from_slice(&self.order.put_i32(number));
    }

    /// Appends an AccessData with the bytes of a lease, or without bytes for no such lease.
    fn put_data(&self, id: i32, data: Vec<u8>, out: &mut Output) {
        let length = DATA_HEADER + data.len();
        out.bytes.extend_from_slice(&header(self.order, ACCESS_DATA, length));
        out.bytes.extend_from_slice(&self.order.put_i32(id));
        out.bytes.extend_from_slice(&self.order.put_i64(data.len() as i64));
        out.attach(data);
    }
}

/// Converts an id of a frame. A negative id becomes a number of at least 2^31. No lease has such a
/// number, so the service answers that there is no such lease.
fn lease_id(id: i32) -> LeaseId {
    LeaseId::from_number(u64::from(id as u32))
}

#[cfg(test)]
#[path = "memorylease_tests.rs"]
mod tests;
