//! The name of a lease.
//!
//! ```text
//!   2f0c…-….-4…-8…-…     a random UUID, for all who can carry one
//!   1162964153           a positive `i32`, for MemoryLease frames
//! ```
//!
//! **Invariants** an id is a secret: its `Debug` form, the only one that a log could meet by
//! accident, and what lists show, are the first digits alone.
//!
//! **Lock** none. **Source** RFC 9562 for the form of UUIDs.

use std::fmt;

use crate::common::error::{Code, Error};

/// The greatest id that a MemoryLease frame can carry: a positive `i32`.
pub const GREATEST_NUMBER_ID: u32 = i32::MAX as u32;

/// Which ids a representation can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdKind {
    /// A random (version 4) UUID.
    Uuid,
    /// A positive `i32`, for MemoryLease frames.
    Number,
}

/// The name of a lease: a UUID, or a small number for clients that know only numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LeaseId(u128);

impl LeaseId {
    /// No other stands before it in an order of ids.
    pub const LEAST: Self = Self(0);

    /// A number as MemoryLease frames carry it. As 16 bytes: twelve zeros and the number.
    pub fn from_number(number: u64) -> Self {
        Self(u128::from(number))
    }

    /// A UUID as one big-endian integer.
    pub fn from_uuid(bits: u128) -> Self {
        Self(bits)
    }

    /// As leasebox frames carry it: a UUID's bytes, or twelve zeros and a number, big-endian.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }

    /// The same bytes.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// The number, when this is one that a MemoryLease frame can carry.
    pub fn number(self) -> Option<i32> {
        i32::try_from(self.0).ok().filter(|&number| number > 0)
    }

    /// Reads a decimal number or a UUID in its 8-4-4-4-12 form, in either case.
    ///
    /// # Errors
    /// `bad-request` for anything else; the text never repeats the input.
    pub fn parse(word: &[u8]) -> Result<Self, Error> {
        parse_decimal(word)
            .map(Self::from_number)
            .or_else(|| parse_uuid(word).map(Self))
            .ok_or_else(|| Error::new(Code::BadRequest, NOT_AN_ID))
    }
}

const NOT_AN_ID: &str = "that is no id; give it exactly as the reply had it";

/// Digits alone, within 64 bits.
pub fn parse_decimal(word: &[u8]) -> Option<u64> {
    if word.is_empty() {
        return None;
    }
    word.iter().try_fold(0_u64, |sum, &byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        sum.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

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
    /// What others may see of it: the first digits. Of a number nothing: even three of its digits would make
    /// a search for the others short.
    pub fn shown(self) -> String {
        let mut digits = self.to_string();
        digits.truncate(if digits.len() < 36 { 0 } else { 3 });
        digits + "…"
    }
}

impl fmt::Display for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 <= u128::from(GREATEST_NUMBER_ID) {
            return write!(f, "{}", self.0);
        }
        let hex = format!("{:032x}", self.0);
        let (a, b, c, d, e) = (&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
        write!(f, "{a}-{b}-{c}-{d}-{e}")
    }
}

impl fmt::Debug for LeaseId {
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
