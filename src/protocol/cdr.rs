//! CORBA's Common Data Representation, as far as leasebox uses it.
//!
//! ```text
//!   offset  0          4               10     12         16
//!           │ 00000006 │ 536d697468 00 │ 0000 │ 00000007 │ …          big-endian
//!            length 6    "Smith", NUL    padding
//! ```
//!
//! - An integer stands at a multiple of its size, counted from the message's start;
//!   what is skipped on the way is padding, written as zeros and never looked at.
//! - A string is its length in bytes as `u32`, the NUL that ends it counted, and its bytes.
//! - A sequence is its length as `u32`, and its elements.
//! - Integers are in the sender's byte order: the receiver makes it right.
//!
//! **Invariants** a [`Reader`] looks at nothing beyond its message and allocates nothing,
//! whatever lengths the message claims.
//!
//! **Lock** none. **Simplified** no floating point, no wide strings, no type codes.
//! Strings are UTF-8, where CORBA leaves the character set to be agreed on.
//!
//! **Source** the lecture's first way to marshal; OMG, CORBA 3.3, part 2, section 9.3.

use std::borrow::Cow;

use crate::common::description::{Sink, Source};
use crate::common::error::{Error, Malformed};
use crate::common::id::LeaseId;
use crate::protocol::byte_order::ByteOrder;

/// The greatest padding in bytes: before a `u64` that follows one byte.
const PADDING: [u8; 7] = [0; 7];

/// Appends a message to a buffer.
#[derive(Debug)]
pub struct Writer<'a> {
    bytes: &'a mut Vec<u8>,
    /// Where in the buffer the message starts.
    start: usize,
    order: ByteOrder,
    /// The bytes of data that the caller appends behind the message.
    announced: usize,
}

impl<'a> Writer<'a> {
    /// A message that starts at the buffer's end.
    pub fn new(bytes: &'a mut Vec<u8>, order: ByteOrder) -> Self {
        let start = bytes.len();
        Self { bytes, start, order, announced: 0 }
    }

    /// The data that ends the message is moved: the caller appends so many bytes of it.
    pub fn announce_data(&mut self, length: usize) {
        self.announced = length;
    }

    /// How long the message is so far, in bytes.
    pub fn length(&self) -> usize {
        self.bytes.len() - self.start
    }

    fn align(&mut self, size: usize) {
        let padding = self.length().wrapping_neg() & (size - 1);
        self.bytes.extend_from_slice(&PADDING[..padding]);
    }

    /// Bytes as they are, at any offset.
    pub fn octets(&mut self, octets: &[u8]) {
        self.bytes.extend_from_slice(octets);
    }

    /// A `u32`.
    pub fn u32(&mut self, value: u32) {
        self.align(size_of::<u32>());
        self.bytes.extend_from_slice(&self.order.put_u32(value));
    }

    /// A `u64`.
    pub fn u64(&mut self, value: u64) {
        self.align(size_of::<u64>());
        self.bytes.extend_from_slice(&self.order.put_u64(value));
    }

    /// Padding up to where a `u32` may stand.
    pub fn align_to_u32(&mut self) {
        self.align(size_of::<u32>());
    }

    /// How many elements or bytes follow: what is in memory here fits 32 bits, or its
    /// writer has refused it before.
    pub fn count(&mut self, count: usize) {
        debug_assert!(u32::try_from(count).is_ok());
        self.u32(count as u32);
    }

    /// Several `u32`, after one.
    pub fn u32s(&mut self, values: &[u32]) {
        self.align(size_of::<u32>());
        for &value in values {
            self.bytes.extend_from_slice(&self.order.put_u32(value));
        }
    }

    /// A string without NULs of its own.
    pub fn string(&mut self, text: &str) {
        self.count(text.len() + 1);
        self.octets(text.as_bytes());
        self.octets(&[0]);
    }

    /// Replaces four bytes at an offset into the message that was written before.
    pub fn patch(&mut self, offset: usize, value: u32) {
        let at = self.start + offset;
        if let Some(four) = self.bytes.get_mut(at..at + size_of::<u32>()) {
            four.copy_from_slice(&self.order.put_u32(value));
        }
    }
}

/// Reads a message from its start.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    order: ByteOrder,
    /// The length of the data that ended the message, in bytes; 0 for a message without data.
    pub data_length: usize,
}

impl<'a> Reader<'a> {
    /// The message is all of `bytes`, of which `at` are behind us.
    pub fn new(bytes: &'a [u8], at: usize, order: ByteOrder) -> Self {
        Self { bytes, at, order, data_length: 0 }
    }

    fn align(&mut self, size: usize) {
        // A message is in memory, so its offsets are far from the greatest number.
        self.at += self.at.wrapping_neg() & (size - 1);
    }

    /// Bytes as they are.
    ///
    /// # Errors
    /// When so many are not there, here as in all that follow.
    pub fn octets<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let found = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk());
        let bytes = *found.ok_or(Malformed("ends too early"))?;
        self.at += N;
        Ok(bytes)
    }

    /// A `u32`.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        self.align(size_of::<u32>());
        self.octets().map(|bytes| self.order.u32(bytes))
    }

    /// A `u64`.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn u64(&mut self) -> Result<u64, Malformed> {
        self.align(size_of::<u64>());
        self.octets().map(|bytes| self.order.u64(bytes))
    }

    /// How many elements follow, each of at least `size` bytes: no more than can be there.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn count(&mut self, size: usize) -> Result<usize, Malformed> {
        let count = self.u32()? as usize;
        let left = self.bytes.len().saturating_sub(self.at);
        if count <= left / size { Ok(count) } else { Err(Malformed("ends too early")) }
    }

    /// A sequence of bytes.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn sequence(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.count(1)?;
        let found = self.bytes.get(self.at..self.at + length);
        self.at += length;
        found.ok_or(Malformed("ends too early"))
    }

    /// A string.
    ///
    /// # Errors
    /// [`Malformed`], also without the NUL, with another one, or when it is no UTF-8.
    pub fn string(&mut self) -> Result<&'a str, Malformed> {
        let Some((0, text)) = self.sequence()?.split_last() else {
            return Err(Malformed("has a string that does not end with NUL"));
        };
        if text.contains(&0) {
            return Err(Malformed("has a string with a NUL within"));
        }
        std::str::from_utf8(text).map_err(|_| Malformed("has a string that is no UTF-8"))
    }

    /// Asserts that all was read.
    ///
    /// # Errors
    /// [`Malformed`].
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

    fn data(&mut self, _: &str, data: &[u8]) {
        self.count(data.len() + self.announced);
        self.octets(data);
    }

    fn list<T>(&mut self, _: &str, _: &str, items: &[T], each: impl Fn(&T, &mut Self)) {
        self.count(items.len());
        items.iter().for_each(|item| each(item, self));
    }

    fn record(&mut self, _: &str, fields: impl FnOnce(&mut Self)) {
        fields(self);
    }
}

impl<'a> Source<'a> for Reader<'a> {
    fn word(&mut self) -> Option<&'a [u8]> {
        None
    }

    fn is_over(&self) -> bool {
        false
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
