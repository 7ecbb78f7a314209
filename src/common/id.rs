//! Ids: the secret names of leases and sessions, and the tokens of processes.
//!
//! ```text
//!   2f0c…-….-4…-8…-…     a random UUID, for all formats that can carry one
//!   1162964153           a positive `i32`, for MemoryLease frames
//! ```
//!
//! An id is also the right to use its lease: a client that knows the id can read, set and end it. A
//! UUID of version 4 has 122 random bits, so guessing one does not succeed. Its fixed bits keep the
//! two kinds apart: the version stands in bits 76 to 79 as 4, so a UUID is at least 2^78, and a
//! number is below 2^31.
//!
//! **Invariants** an id is a secret. Its form in lists, and its `Debug` form, which a log of a
//! request would show, have three digits of a UUID, and nothing of a number.
//!
//! **Lock** none. **Simplified** a capability without an owner: a bigger system would also ask
//! which client sends the id.
//!
//! **Source** RFC 9562, section 5.4, for version 4; section 4 for the form with hyphens.

use std::fmt;

use crate::common::error::{Code, Error};
use crate::common::line::put_number;

/// The greatest id of a MemoryLease frame: its field is an `i32`, and -1 means no lease.
pub const GREATEST_NUMBER_ID: u32 = i32::MAX as u32;

/// The kind of id that a format can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdKind {
    /// A random (version 4) UUID.
    Uuid,
    /// A positive `i32`, for MemoryLease frames.
    Number,
}

/// The secret name of a lease or a session, or the token of a process. It is a UUID, or a number
/// for clients that know only numbers. Both are the 16 bytes of one big-endian integer, so one
/// table finds both. As bytes it has no alignment: a table that keeps many has no gaps between its
/// fields.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LeaseId([u8; 16]);

impl LeaseId {
    /// The first id in the order of ids: a range over pairs of time and id begins with it.
    pub const MIN: Self = Self([0; 16]);

    /// Returns the id for a number of a MemoryLease frame, or of a line of text. A number that no
    /// lease has, such as 0, is an id too: a lookup answers `not-found`.
    pub fn from_number(number: u64) -> Self {
        Self::from_uuid(number.into())
    }

    /// Returns the id for a UUID, as one big-endian integer.
    pub fn from_uuid(bits: u128) -> Self {
        Self(bits.to_be_bytes())
    }

    /// Returns the id for the 16 bytes of a leasebox frame: a UUID, or twelve zeros and a number,
    /// big-endian.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Returns the 16 bytes of the id in a leasebox frame.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// Returns the id as one integer.
    fn bits(self) -> u128 {
        u128::from_be_bytes(self.0)
    }

    /// Returns the number, if a MemoryLease frame can carry it; `None` for any other id, such as a
    /// UUID.
    pub fn number(self) -> Option<i32> {
        i32::try_from(self.bits()).ok().filter(|&number| number > 0)
    }

    /// Parses a decimal number, or a UUID in its 8-4-4-4-12 form in either case.
    ///
    /// # Errors
    /// Fails with `bad-request` for any other word. The text never repeats the word: it may be an
    /// id with a typing error.
    pub fn parse(word: &[u8]) -> Result<Self, Error> {
        parse_decimal(word)
            .map(Self::from_number)
            .or_else(|| parse_uuid(word).map(Self::from_uuid))
            .ok_or_else(|| Error::new(Code::BadRequest, NOT_AN_ID))
    }
}

const NOT_AN_ID: &str = "that is no id; give it exactly as the reply had it";

/// Parses digits; returns `None` for any other byte, for no digits, and for more than 64 bits.
/// Unlike `str::parse` it accepts no plus sign, and needs no check for UTF-8 first.
pub fn parse_decimal(word: &[u8]) -> Option<u64> {
    if word.is_empty() {
        return None;
    }
    word.iter().try_fold(0_u64, |sum, &byte| {
        // A byte below `0` wraps to a number far over 9, so one comparison refuses both sides.
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        sum.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// Parses the 36 bytes of a UUID: 32 hexadecimal digits, four bits each, and 4 hyphens.
fn parse_uuid(word: &[u8]) -> Option<u128> {
    const HYPHENS: [usize; 4] = [8, 13, 18, 23];
    if word.len() != 36 || HYPHENS.iter().any(|&at| word[at] != b'-') {
        return None;
    }
    let digits = word.iter().enumerate().filter(|(at, _)| !HYPHENS.contains(at));
    digits
        .map(|(_, &byte)| char::from(byte).to_digit(16))
        .try_fold(0_u128, |bits, digit| Some(bits << 4 | u128::from(digit?)))
}

impl LeaseId {
    /// Appends the whole id, for the client that owns it. Most replies have one; with std's
    /// formatter a `lease` took 2,200 instructions more, of 8,400.
    pub fn append(self, out: &mut Vec<u8>) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        // No lease has a number above this bound; such an id is written in the form of a UUID.
        if self.bits() <= u128::from(GREATEST_NUMBER_ID) {
            return put_number(out, self.bits() as u64);
        }
        for (at, byte) in self.0.into_iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                out.push(b'-');
            }
            out.extend([byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)]));
        }
    }

    /// Returns the part of the id that others may see: three of a UUID's 32 digits. Of a number it
    /// shows nothing, because three of its ten digits would make a search for the rest short.
    pub fn shown(self) -> String {
        let mut digits = self.to_string();
        // A UUID has 36 bytes, a number at most 10.
        digits.truncate(if digits.len() < 36 { 0 } else { 3 });
        digits + "…"
    }
}

impl fmt::Display for LeaseId {
    /// Writes the id as [`LeaseId::append`] does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::new();
        self.append(&mut text);
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

impl fmt::Debug for LeaseId {
    /// Writes the shown part only: `{:?}` of a request in a log gives no lease away.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LeaseId({})", self.shown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_it_was_shown() {
        let uuid = LeaseId::from_uuid(0x0123_4567_89ab_4def_8123_4567_89ab_cdef);
        assert_eq!(uuid.to_string(), "01234567-89ab-4def-8123-456789abcdef");
        assert_eq!(LeaseId::parse(uuid.to_string().as_bytes()), Ok(uuid));
        assert_eq!(LeaseId::parse(uuid.to_string().to_uppercase().as_bytes()), Ok(uuid));
        assert_eq!(LeaseId::parse(b"123"), Ok(LeaseId::from_number(123)));
        assert_eq!(LeaseId::from_number(123).to_string(), "123");
    }

    #[test]
    fn what_is_no_id_is_refused() {
        let wrong =
            ["", "-1", "+1", "12x", "18446744073709551616", "0123456789ab4def8123456789abcdef"];
        for word in wrong {
            assert!(LeaseId::parse(word.as_bytes()).is_err(), "{word}");
        }
        assert!(LeaseId::parse("01234567-89ab-4def-8123-456789abcdeg".as_bytes()).is_err());
    }

    #[test]
    fn a_log_line_never_holds_a_whole_id() {
        let uuid = LeaseId::from_uuid(0x0123_4567_89ab_4def_8123_4567_89ab_cdef);
        assert_eq!(format!("{uuid:?}"), "LeaseId(012…)");
        for number in [0, 12, 1_234_567_890] {
            assert_eq!(format!("{:?}", LeaseId::from_number(number)), "LeaseId(…)");
        }
    }
}
