//! `Person` and other values in XDR, which the lecture's book shows as CORBA's CDR.
//!
//! ```text
//!   00000005 │ 53 6d 69 74 68 │ 00 00 00 │ 00000006 │ 4c 6f 6e 64 6f 6e │ 00 00 │ 0000078e
//!   length     "Smith"          padding    length     "London"            padding year
//! ```
//!
//! Integers are big-endian, and the length of each item is a multiple of four bytes. So every
//! integer is aligned, whatever strings come before it. The length of a string counts its bytes
//! alone: there is no NUL, and a NUL may be one of the bytes. A double has 8 bytes and needs no
//! more than a multiple of four.
//!
//! **Invariants** padding is zeros: they are written, and checked when they are read. So a person
//! has exactly one encoding, and two encodings can be compared byte by byte.
//!
//! **Lock** none. **Simplified** XDR's strings are ASCII; these are UTF-8. XDR has no char: C's
//! library sends one as an integer, and so it is done here.
//!
//! **Source** RFC 4506, sections 3 (the unit), 4.1, 4.4, 4.6, 4.7, 4.11 and 4.13; the book's
//! figure of CDR.

use crate::lecture::marshal::EncodedPart;
use crate::lecture::marshal::value::{Datum, ValueField, ValueReader, labelled};

/// The unit of XDR, in bytes: the length of each item is a multiple of it.
const UNIT: usize = 4;

/// Marshals the fields in XDR. It never fails: XDR expresses every string.
pub fn marshal(fields: &[ValueField]) -> Vec<EncodedPart> {
    labelled(fields).map(|(label, value)| part(&label, &value)).collect()
}

/// Returns one value with its description.
fn part(label: &str, value: &Datum) -> EncodedPart {
    let bytes = match value {
        Datum::String(text) => return string(text, label),
        Datum::Boolean(value) => u32::from(*value).to_be_bytes().to_vec(),
        Datum::Char(value) => u32::from(*value).to_be_bytes().to_vec(),
        Datum::Long(value) => value.to_be_bytes().to_vec(),
        Datum::Float(value) => value.to_be_bytes().to_vec(),
        Datum::Double(value) => value.to_be_bytes().to_vec(),
    };
    EncodedPart::new(bytes, format!("{label:<6} {value}"))
}

/// Returns a string as one part: length, bytes, padding.
fn string(text: &str, label: &str) -> EncodedPart {
    // The distance to the next multiple of 4, as -n mod 4: 5 gives 3, 6 gives 2, 8 gives 0. The
    // wrong way, `UNIT - length % UNIT`, pads 8 bytes with 4 more.
    let padding = text.len().wrapping_neg() % UNIT;
    // The cast loses nothing: an argument of the command line is far shorter than 4 GiB.
    let mut bytes = (text.len() as u32).to_be_bytes().to_vec();
    bytes.extend_from_slice(text.as_bytes());
    bytes.extend_from_slice(&[0; UNIT][..padding]);
    let length = text.len();
    EncodedPart::new(bytes, format!("{label:<6} length {length}, {text:?}, padding {padding}"))
}

/// Reads a message in XDR: the bytes that are left.
#[derive(Debug)]
pub struct XdrReader<'a>(pub &'a [u8]);

impl XdrReader<'_> {
    /// Takes the next `N` bytes. `field` is the field's name, for the error.
    ///
    /// # Errors
    /// Fails if fewer are left. Nothing is taken then.
    fn take<const N: usize>(&mut self, field: &str) -> Result<[u8; N], String> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or_else(|| too_short(field))?;
        self.0 = rest;
        Ok(*bytes)
    }
}

/// Returns the error for a message that ends before the field does.
fn too_short(field: &str) -> String {
    format!("the bytes end within the {field}; give the whole encoding")
}

impl ValueReader for XdrReader<'_> {
    fn boolean(&mut self, field: &str) -> Result<bool, String> {
        match self.bits_32(field)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(format!("the {field} is {other}, and not 0 or 1; is this XDR?")),
        }
    }

    fn char(&mut self, field: &str) -> Result<u8, String> {
        let value = self.bits_32(field)?;
        value.try_into().map_err(|_| format!("the {field} is {value}, more than 255; is this XDR?"))
    }

    fn bits_32(&mut self, field: &str) -> Result<u32, String> {
        self.take(field).map(u32::from_be_bytes)
    }

    fn bits_64(&mut self, field: &str) -> Result<u64, String> {
        self.take(field).map(u64::from_be_bytes)
    }

    /// Reads a string with its padding.
    ///
    /// Splits before it copies: the claimed length `ffffffff` fails here, and allocates nothing.
    fn string(&mut self, field: &str) -> Result<String, String> {
        let length = self.bits_32(field)? as usize;
        // The distance to the next multiple of 4, as the writer computes it.
        let padding = length.wrapping_neg() % UNIT;
        let (text, rest) = self.0.split_at_checked(length).ok_or_else(|| too_short(field))?;
        let (zeros, rest) = rest.split_at_checked(padding).ok_or_else(|| too_short(field))?;
        self.0 = rest;
        if zeros.iter().any(|&byte| byte != 0) {
            return Err(format!("the padding of the {field} is not zeros; is this XDR?"));
        }
        let text = String::from_utf8(text.to_vec());
        text.map_err(|_| format!("the {field} is no UTF-8; is this XDR?"))
    }

    /// Reads the number of elements. Each has at least one unit.
    fn count(&mut self, field: &str) -> Result<usize, String> {
        let count = self.bits_32(field)? as usize;
        if count <= self.0.len() / UNIT { Ok(count) } else { Err(too_short(field)) }
    }

    fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }
}
