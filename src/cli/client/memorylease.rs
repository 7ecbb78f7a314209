//! Commands as MemoryLease frames, which the original's servers know too.

use crate::cli::client::{Destination, Failure, bad_news_of, got, line, parse};
use crate::client::CallError;
use crate::client::wire::Wire;
use crate::protocol::byte_order::ByteOrder;
use crate::protocol::memorylease::{
    ACCESS_DATA, DATA_HEADER, DATA_SET, HEADER, LEASE, LEASED, SET_DATA, SET_DONE, SET_TOO_LARGE,
    header,
};
use crate::protocol::text::MAX_LINE;

/// Sends one frame and returns the payload of the answer.
fn exchange(
    place: &Destination<'_>,
    kind: i32,
    payload: &[&[u8]],
    expected: i32,
) -> Result<Vec<u8>, Failure> {
    let mut wire = Wire::new(place.dial()?, place.left());
    let deadline = wire.deadline();
    let order = ByteOrder::NATIVE;
    let payload = payload.concat();
    wire.write(&[header(order, kind, payload.len()).as_slice(), &payload].concat(), deadline)?;
    let begin = loop {
        match wire.pending().first_chunk::<HEADER>() {
            Some(begin) => break *begin,
            None => wire.read(HEADER, deadline)?,
        }
    };
    if begin.starts_with(b"error ") {
        // A server that has too many clients answers in text before it knows the client's format.
        return Err(bad_news_of(&wire.read_line(MAX_LINE, deadline)?[b"error ".len()..]));
    }
    let mut rest = &begin[..];
    let kind = order.take_i32(&mut rest);
    let length = order.take_i64(&mut rest).and_then(|length| usize::try_from(length).ok());
    let longest = place.max_message;
    let Some(length) = length.filter(|&length| kind == Some(expected) && length <= longest) else {
        return Err(unreadable());
    };
    wire.consume(HEADER);
    while wire.pending().len() < length {
        match wire.read(length, deadline) {
            Err(CallError::Closed) => return Err(unreadable()),
            read => read?,
        }
    }
    Ok(wire.pending()[..length].to_vec())
}

fn unreadable() -> Failure {
    Failure::NoAnswer("the answer is no MemoryLease frame; is that a leasebox server?".into())
}

/// Leases bytes. The id in the answer is a number.
pub fn lease(place: &Destination<'_>, size: &[u8], duration: &[u8]) -> Result<Vec<u8>, Failure> {
    let (bytes, ms) = (parse::<i32>(size, "SIZE")?, parse::<i32>(duration, "MS")?);
    let order = ByteOrder::NATIVE;
    let payload = [&order.put_i32(bytes)[..], &order.put_i32(ms)];
    let answer = exchange(place, LEASE, &payload, LEASED)?;
    match order.take_i32(&mut answer.as_slice()).ok_or_else(unreadable)? {
        id if id > 0 => Ok(line(format!("You have leased {bytes} bytes for {ms} MS with id {id}"))),
        _ => Err(Failure::BadNews(format!(
            "{bytes} bytes for {ms} ms cannot be had; ask for less, or wait until leases end"
        ))),
    }
}

/// Sets the data of a lease with a numeric id.
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

/// Gets the data of a lease with a numeric id.
pub fn get(place: &Destination<'_>, id: &[u8]) -> Result<Vec<u8>, Failure> {
    let (number, order) = (parse::<i32>(id, "ID")?, ByteOrder::NATIVE);
    let answer = exchange(place, ACCESS_DATA, &[&order.put_i32(number)], ACCESS_DATA)?;
    let data = answer.get(DATA_HEADER..).ok_or_else(unreadable)?;
    if data.is_empty() {
        return Err(no_such_lease(number));
    }
    Ok(got(number.to_string().as_bytes(), data))
}

fn no_such_lease(number: i32) -> Failure {
    Failure::BadNews(format!("there is no lease {number}, or no longer; lease again"))
}
