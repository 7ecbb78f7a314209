//! CORBA's Common Data Representation, as far as leasebox uses it.
//!
//! The lecture's person, Smith in London, born 1934, as three fields (offsets in bytes,
//! big-endian):
//!
//! ```text
//!   0          4               10     12         16                23   24         28
//!   │ 00000006 │ 536d697468 00 │ 0000 │ 00000007 │ 4c6f6e646f6e 00 │ 00 │ 0000078e │
//!    length 6    "Smith", NUL    pad    length 7   "London", NUL     pad  1934
//! ```
//!
//! - An integer stands at a multiple of its size, counted from the message's start. The bytes
//!   before it are padding: written as zeros, and never looked at. So a receiver may read an
//!   integer with one aligned load.
//! - A string is its length in bytes as `u32`, with its NUL counted, and then its bytes.
//! - A sequence is the number of its elements as `u32`, and then its elements.
//! - Integers are in the sender's byte order: the *receiver makes it right*. So two machines of the
//!   same kind reverse no byte, whichever order they have.
//!
//! The message names no field and no type: sender and receiver know both from the row that
//! describes the command ([`crate::common::description`]). That saves bytes, but the receiver may
//! read a message with the fields of another kind as nonsense, instead of refusing it. Java's
//! serialization and XML send the names too ([`crate::lecture::marshal`]).
//!
//! **Invariants**
//!
//! 1. A [`Reader`] looks at no byte behind its message, whatever lengths the message claims.
//! 2. A count is compared with the bytes that are left before memory is reserved for it.
//! 3. A [`Reader`] that has the offset and byte order of a [`Writer`] reads the same values.
//!
//! **Lock** none. **Simplified** no wide strings, no type codes; no message of the server has a
//! floating point number, and [`crate::lecture::marshal`] sends one as its bits. Strings are
//! UTF-8; CORBA lets both sides agree on a character set.
//!
//! **Source** the lecture's first way to marshal; OMG, CORBA 3.3, part 2, section 9.3.

use std::borrow::Cow;

use crate::common::description::{Sink, Source};
use crate::common::error::{Error, Malformed};
use crate::common::id::LeaseId;
use crate::protocol::byte_order::ByteOrder;

/// The longest padding: seven bytes, before a `u64` that follows a single byte.
const PADDING: [u8; 7] = [0; 7];

/// Appends one message to a buffer, which may hold earlier messages.
#[derive(Debug)]
pub struct Writer<'a> {
    bytes: &'a mut Vec<u8>,
    /// The index in `bytes` at which the message starts: alignment counts from there.
    start: usize,
    order: ByteOrder,
    /// The number of bytes of data that the caller itself appends at the end of the message.
    announced: usize,
}

impl<'a> Writer<'a> {
    /// Starts a message at the end of the buffer.
    pub fn new(bytes: &'a mut Vec<u8>, order: ByteOrder) -> Self {
        let start = bytes.len();
        Self { bytes, start, order, announced: 0 }
    }

    /// Announces that the caller appends the data that ends the message, `length` bytes. The length
    /// before the data then counts them. So the caller can move large data instead of copying it
    /// through this buffer.
    pub fn announce_data(&mut self, length: usize) {
        self.announced = length;
    }

    /// Returns the length of the message so far, in bytes.
    pub fn length(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Pads the message with zeros to a multiple of `size`, a power of two. For such a size,
    /// `-length & (size - 1)` is the distance to the next multiple. Length 10 and size 4 give 2;
    /// length 12 and size 4 give 0.
    pub fn align(&mut self, size: usize) {
        let padding = self.length().wrapping_neg() & (size - 1);
        self.bytes.extend_from_slice(&PADDING[..padding]);
    }

    /// Appends bytes unchanged, without padding.
    pub fn octets(&mut self, octets: &[u8]) {
        self.bytes.extend_from_slice(octets);
    }

    /// Appends a `u32`.
    pub fn u32(&mut self, value: u32) {
        self.align(size_of::<u32>());
        self.bytes.extend_from_slice(&self.order.put_u32(value));
    }

    /// Appends a `u64`.
    pub fn u64(&mut self, value: u64) {
        self.align(size_of::<u64>());
        self.bytes.extend_from_slice(&self.order.put_u64(value));
    }

    /// Appends the number of elements or bytes that follow. It fits 32 bits: the services keep
    /// every list and all data far shorter than 2^32.
    pub fn count(&mut self, count: usize) {
        debug_assert!(u32::try_from(count).is_ok());
        self.u32(count as u32);
    }

    /// Appends a string. The text must hold no NUL: the reader would refuse it.
    pub fn string(&mut self, text: &str) {
        self.count(text.len() + 1);
        self.octets(text.as_bytes());
        self.octets(&[0]);
    }

    /// Replaces the four bytes at `offset` of the message by `value`: a length that was not known
    /// when these bytes were written. Does nothing for an offset behind the message.
    pub fn patch(&mut self, offset: usize, value: u32) {
        let at = self.start + offset;
        if let Some(four) = self.bytes.get_mut(at..at + size_of::<u32>()) {
            four.copy_from_slice(&self.order.put_u32(value));
        }
    }
}

/// Reads one message, field by field. After an error the rest of the message has no meaning, and
/// the caller drops it.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    order: ByteOrder,
    /// The length of the data that ended the message, in bytes; 0 before it was read, and for a
    /// message without data. With it, [`crate::protocol::frame`] refuses data that is too long for
    /// an answer.
    pub data_length: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the offset `at` of the message `bytes`. The message begins with its header,
    /// because alignment counts from there.
    pub fn new(bytes: &'a [u8], at: usize, order: ByteOrder) -> Self {
        Self { bytes, at, order, data_length: 0 }
    }

    /// Skips the padding before a value of `size` bytes. Its bytes are not looked at: CDR lets a
    /// sender put anything there.
    fn align(&mut self, size: usize) {
        // Cannot overflow: `at` is an offset in a buffer, and padding adds at most 7.
        self.at += self.at.wrapping_neg() & (size - 1);
    }

    /// Reads bytes unchanged, without padding.
    ///
    /// # Errors
    /// Fails when fewer than `N` bytes are left, and reads nothing then. The functions below also
    /// fail when the message ends too early.
    pub fn octets<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let found = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk());
        let bytes = *found.ok_or(Malformed("ends too early"))?;
        self.at += N;
        Ok(bytes)
    }

    /// Reads a `u32`.
    ///
    /// # Errors
    /// Fails with [`Malformed`].
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        self.align(size_of::<u32>());
        self.octets().map(|bytes| self.order.u32(bytes))
    }

    /// Reads a `u64`.
    ///
    /// # Errors
    /// Fails with [`Malformed`].
    pub fn u64(&mut self) -> Result<u64, Malformed> {
        self.align(size_of::<u64>());
        self.octets().map(|bytes| self.order.u64(bytes))
    }

    /// Reads the number of elements that follow, each of at least `size` bytes; `size` is not 0.
    ///
    /// The wrong way is to reserve memory for the number as it stands: the four bytes `ffffffff`
    /// would ask for 32 GiB of `u64`. The elements have to stand in this same message, so
    /// `left / size` bounds their number.
    ///
    /// # Errors
    /// Fails with [`Malformed`], also for more elements than the rest of the message can hold.
    pub fn count(&mut self, size: usize) -> Result<usize, Malformed> {
        let count = self.u32()? as usize;
        let left = self.bytes.len().saturating_sub(self.at);
        if count <= left / size { Ok(count) } else { Err(Malformed("ends too early")) }
    }

    /// Reads a sequence of bytes. The result borrows from the message: data is not copied here.
    ///
    /// # Errors
    /// Fails with [`Malformed`].
    pub fn sequence(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.count(1)?;
        let found = self.bytes.get(self.at..self.at + length);
        self.at += length;
        found.ok_or(Malformed("ends too early"))
    }

    /// Reads a string.
    ///
    /// # Errors
    /// Fails with [`Malformed`]; also when its NUL is missing, or is not its only one, or when it
    /// is not valid UTF-8.
    pub fn string(&mut self) -> Result<&'a str, Malformed> {
        let Some((0, text)) = self.sequence()?.split_last() else {
            return Err(Malformed("has a string that does not end with NUL"));
        };
        if text.contains(&0) {
            return Err(Malformed("has a string with a NUL within"));
        }
        std::str::from_utf8(text).map_err(|_| Malformed("has a string that is no UTF-8"))
    }

    /// Checks that the whole message was read. Bytes that are left mean that the sender has another
    /// idea of the fields.
    ///
    /// # Errors
    /// Fails with [`Malformed`].
    pub fn end(&self) -> Result<(), Malformed> {
        if self.at >= self.bytes.len() { Ok(()) } else { Err(Malformed("goes on too long")) }
    }
}

impl Sink for Writer<'_> {
    fn is_binary(&self) -> bool {
        true
    }

    fn u64(&mut self, _: &str, value: u64) {
        Writer::u64(self, value);
    }

    fn u32(&mut self, _: &str, value: u32) {
        Writer::u32(self, value);
    }

    fn hundredths(&mut self, _: &str, value: u32) {
        Writer::u32(self, value);
    }

    /// Each field of a frame has its fixed place, so an absent number takes the same bytes: the
    /// flag 0 and the number 0. A number that is there has the flag 1 before it.
    fn optional(&mut self, _: &str, value: Option<u64>) {
        Writer::u32(self, value.is_some().into());
        Writer::u64(self, value.unwrap_or(0));
    }

    fn id(&mut self, _: &str, id: LeaseId) {
        self.octets(&id.to_bytes());
    }

    fn text(&mut self, _: &str, text: &str) {
        self.string(text);
    }

    fn choice(&mut self, _: &str, _: &str, number: u32) {
        Writer::u32(self, number);
    }

    /// Appends data with its length. After [`Writer::announce_data`] the data is empty here, and
    /// the length counts the announced bytes, which the caller appends later.
    fn data(&mut self, _: &str, data: &[u8]) {
        self.count(data.len() + self.announced);
        self.octets(data);
    }

    fn list<T>(&mut self, _: &str, _: &str, items: &[T], each: impl Fn(&T, &mut Self)) {
        self.count(items.len());
        items.iter().for_each(|item| each(item, self));
    }
}

impl<'a> Source<'a> for Reader<'a> {
    /// Returns `None`: a frame has no words. A command whose `read` is written by hand learns by
    /// this that it reads the body of a frame.
    fn word(&mut self) -> Option<&'a [u8]> {
        None
    }

    /// Returns false: a body holds every field, so no field takes its default.
    fn is_over(&self) -> bool {
        false
    }

    fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    fn u64(&mut self) -> Result<u64, Error> {
        Ok(Reader::u64(self)?)
    }

    fn u32(&mut self) -> Result<u32, Error> {
        Ok(Reader::u32(self)?)
    }

    fn optional(&mut self) -> Result<Option<u64>, Error> {
        match (Reader::u32(self)?, Reader::u64(self)?) {
            (0, _) => Ok(None),
            (1, value) => Ok(Some(value)),
            _ => Err(Malformed("has an invalid presence flag: 0 or 1 expected").into()),
        }
    }

    fn id(&mut self) -> Result<LeaseId, Error> {
        Ok(LeaseId::from_bytes(self.octets()?))
    }

    fn text(&mut self) -> Result<Cow<'a, str>, Error> {
        Ok(self.string()?.into())
    }

    fn data(&mut self) -> Result<Cow<'a, [u8]>, Error> {
        let data = self.sequence()?;
        self.data_length = data.len();
        Ok(data.into())
    }

    fn list<T>(
        &mut self,
        least: usize,
        each: impl Fn(&mut Self) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let count = self.count(least)?;
        (0..count).map(|_| each(self)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_stand_at_multiples_of_their_size_from_the_messages_start() {
        let mut bytes = vec![0xff; 3];
        let mut writer = Writer::new(&mut bytes, ByteOrder::Big);
        writer.octets(&[7]);
        writer.u32(1);
        writer.u64(2);
        writer.octets(&[9]);
        let expected = [7, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 9];
        assert_eq!(bytes[3..], expected);
        let mut reader = Reader::new(&expected, 0, ByteOrder::Big);
        assert_eq!(reader.octets(), Ok([7]));
        assert_eq!((reader.u32(), reader.u64()), (Ok(1), Ok(2)));
        assert_eq!(reader.end(), Err(Malformed("goes on too long")));
        assert_eq!(reader.octets(), Ok([9]));
        assert_eq!(reader.end(), Ok(()));
    }

    #[test]
    fn a_string_counts_its_nul() {
        let smith = [0, 0, 0, 6, b'S', b'm', b'i', b't', b'h', 0];
        let mut bytes = Vec::new();
        Writer::new(&mut bytes, ByteOrder::Big).string("Smith");
        assert_eq!(bytes, smith);
        let read = |bytes| Reader::new(bytes, 0, ByteOrder::Big).string();
        assert_eq!(read(&smith), Ok("Smith"));
        for (wrong, why) in [
            (&[0, 0, 0, 0][..], "end with NUL"),
            (&[0, 0, 0, 1, b'S'], "end with NUL"),
            (&[0, 0, 0, 2, 0, 0], "NUL within"),
            (&[0, 0, 0, 2, 0xff, 0], "no UTF-8"),
            (&[0, 0, 0, 2, b'S'], "too early"),
            (&[0xff, 0xff, 0xff, 0xff, b'S', 0], "too early"),
            (&[0, 0, 0], "too early"),
        ] {
            assert!(read(wrong).is_err_and(|Malformed(text)| text.contains(why)), "{wrong:?}");
        }
    }

    #[test]
    fn a_count_is_no_more_than_can_be_there() {
        let read = |bytes: &[u8]| Reader::new(bytes, 0, ByteOrder::Little).count(4);
        assert_eq!(read(&[1, 0, 0, 0, 9, 9, 9, 9]), Ok(1));
        assert!(read(&[2, 0, 0, 0, 9, 9, 9, 9]).is_err());
        assert!(read(&[0xff, 0xff, 0xff, 0xff]).is_err());
    }
}
