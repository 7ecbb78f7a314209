//! Commands as MemoryLease frames, which an original server knows too.
//!
//! ```text
//!   > 1 Lease, length 8        size 1024, duration 5000
//!   < 2 Leased, length 4       id 123
//!   You have leased 1024 bytes for 5000 MS with id 123
//! ```
//!
//! An original server reads integers as they lie in its own memory. So the client sends its native
//! order, as the original client does, and both machines must have the same order. A leasebox
//! server accepts either.
//!
//! **Invariants** a frame is read whole, in as many reads as it takes. An original client reads
//! once, and takes a part of a long answer for all of it.
//!
//! **Lock** none. **Simplified** one frame on each connection. These frames have no text for
//! errors, only numbers such as -1, or an empty answer. So the client guesses the cause.
//!
//! **Source** `memorylease.txt`; [`crate::protocol::memorylease`] has the frames.

use crate::cli::client::{Destination, Failure, bad_news_of, got_line, line, parse};
use crate::client::CallError;
use crate::protocol::byte_order::ByteOrder;
use crate::protocol::memorylease::{
    ACCESS_DATA, DATA_HEADER, DATA_SET, HEADER, LEASE, LEASED, SET_DATA, SET_DONE, SET_TOO_LARGE,
    header,
};
use crate::protocol::text::MAX_LINE;

/// Connects, sends one frame, and returns the payload of the answer, which must be of the type
/// `expected`.
///
/// # Errors
/// Fails with bad news if the server answers `error …` in text; with `NoAnswer` if the frame is of
/// another type, ends within its payload, or is longer than `--max-message`; or with the error of
/// the call.
fn exchange(
    place: &Destination<'_>,
    kind: i32,
    payload: &[&[u8]],
    expected: i32,
) -> Result<Vec<u8>, Failure> {
    let mut wire = place.wire()?;
    let deadline = wire.deadline();
    let order = ByteOrder::NATIVE;
    let payload = payload.concat();
    // One write sends the header and the payload, so the frame leaves in one piece.
    wire.write(&[header(order, kind, payload.len()).as_slice(), &payload].concat(), deadline)?;
    let mut rest = wire.first(HEADER, deadline)?;
    if rest.starts_with(b"error ") {
        // A full server answers in text, before it knows the format. This is no frame: the bytes
        // `erro` are no frame's type.
        return Err(bad_news_of(&wire.read_line(MAX_LINE, deadline)?[b"error ".len()..]));
    }
    let kind = order.take_i32(&mut rest);
    let length = order.take_i64(&mut rest).and_then(|length| usize::try_from(length).ok());
    let longest = place.max_message;
    let Some(length) = length.filter(|&length| kind == Some(expected) && length <= longest) else {
        return Err(unreadable());
    };
    wire.consume(HEADER);
    // The buffer grows with the bytes that arrive, not with the claimed length.
    match wire.first(length, deadline) {
        Err(CallError::Closed) => Err(unreadable()),
        payload => Ok(payload?.to_vec()),
    }
}

/// Returns the error for an answer that is no frame of the expected type.
fn unreadable() -> Failure {
    Failure::NoAnswer("the answer is no MemoryLease frame; is that a leasebox server?".into())
}

/// Leases bytes. The id in the answer is a positive number.
///
/// # Errors
/// Fails with bad news if the server gives no lease. The reason is unknown: the frame has only -1.
pub fn lease(place: &Destination<'_>, size: &[u8], duration: &[u8]) -> Result<Vec<u8>, Failure> {
    let (bytes, ms) = (parse::<i32>(size, "SIZE")?, parse::<i32>(duration, "MS")?);
    let order = ByteOrder::NATIVE;
    let payload = [&order.put_i32(bytes)[..], &order.put_i32(ms)];
    let answer = exchange(place, LEASE, &payload, LEASED)?;
    match order.take_i32(&mut answer.as_slice()).ok_or_else(unreadable)? {
        id if id > 0 => Ok(line(format!("You have leased {bytes} bytes for {ms} MS with id {id}"))),
        _ if bytes < 1 || ms < 1 => {
            let text = "a lease has at least 1 byte and lasts at least 1 ms; give both";
            Err(Failure::BadNews(text.into()))
        }
        _ => Err(Failure::BadNews(format!(
            "{bytes} bytes for {ms} ms cannot be had; ask for less, or wait until leases end"
        ))),
    }
}

/// Sets the data of a lease with a numeric id.
///
/// # Errors
/// Fails with bad news if the data does not fit, or if there is no such lease. The lease is
/// unchanged then.
pub fn set(place: &Destination<'_>, id: &[u8], data: &[u8]) -> Result<Vec<u8>, Failure> {
    let (number, order) = (parse::<i32>(id, "ID")?, ByteOrder::NATIVE);
    let payload = [&order.put_i32(number)[..], &order.put_i64(data.len() as i64), data];
    let answer = exchange(place, SET_DATA, &payload, DATA_SET)?;
    match order.take_i32(&mut answer.as_slice()).ok_or_else(unreadable)? {
        SET_DONE => Ok(line(format!("Data set for lease {number}"))),
        SET_TOO_LARGE => {
            let length = data.len();
            Err(Failure::BadNews(format!("{length} bytes do not fit lease {number}; lease more")))
        }
        _ => Err(no_such_lease(number)),
    }
}

/// Gets the data of a lease with a numeric id. The answer is the whole lease, with zeros behind the
/// data.
///
/// # Errors
/// Fails with bad news if there is no such lease: the answer is empty then. A lease has at least
/// one byte, so no lease gives an empty answer.
pub fn get(place: &Destination<'_>, id: &[u8]) -> Result<Vec<u8>, Failure> {
    let (number, order) = (parse::<i32>(id, "ID")?, ByteOrder::NATIVE);
    let answer = exchange(place, ACCESS_DATA, &[&order.put_i32(number)], ACCESS_DATA)?;
    let data = answer.get(DATA_HEADER..).ok_or_else(unreadable)?;
    if data.is_empty() {
        return Err(no_such_lease(number));
    }
    Ok(got_line(number.to_string().as_bytes(), data))
}

/// Returns the bad news for an id without a lease: it never was, was released, or has expired.
fn no_such_lease(number: i32) -> Failure {
    Failure::BadNews(format!("there is no lease {number}, or no longer; lease again"))
}
