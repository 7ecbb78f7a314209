//! `Person` and other values in CORBA's CDR, as GIOP sends them.
//!
//! ```text
//!   00000006 │ 53 6d 69 74 68 00 │ 00 00 │ 00000007 │ 4c 6f 6e 64 6f 6e 00 │ 00 │ 0000078e
//!   length     "Smith" and NUL    padding  length     "London" and NUL     padding year
//! ```
//!
//! Integers have the sender's byte order. GIOP's message header names it; here there is no header,
//! and the user names it by `--as`. Read in the wrong order, the length 6 is 100,663,296: longer
//! than the rest, so the mistake is found at once.
//!
//! A string ends with NUL, and its length counts the NUL. So a string cannot contain a NUL: a C
//! program would take the first one for its end.
//!
//! **Invariants** those of [`crate::protocol::cdr`], which does the work. The server writes its
//! leasebox frames with the same code.
//!
//! **Lock** none. **Source** OMG, CORBA 3.3, part 2, section 9.3; the book's figure of CDR, whose
//! lengths leave the NUL out.

use crate::common::error::Malformed;
use crate::lecture::marshal::EncodedPart;
use crate::lecture::marshal::value::{Datum, ValueField, ValueReader, labelled};
use crate::protocol::byte_order::ByteOrder;
use crate::protocol::cdr::{Reader, Writer};

/// Marshals the fields in CDR.
///
/// # Errors
/// Fails with a text for a NUL within a string.
pub fn marshal(fields: &[ValueField], order: ByteOrder) -> Result<Vec<EncodedPart>, String> {
    let values: Vec<_> = labelled(fields).collect();
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes, order);
    // The length and the description of each part.
    let mut parts = Vec::new();
    for (at, (label, value)) in values.iter().enumerate() {
        let start = writer.length();
        append(&mut writer, value)?;
        let end = writer.length();
        // The next value would write this padding anyway. Written here, it belongs to the part of
        // the value before it, and changes no byte.
        if let Some((_, next)) = values.get(at + 1) {
            writer.align(alignment(next));
        }
        let padding = writer.length() - end;
        parts.push((writer.length() - start, described(label, value, padding)));
    }
    let mut rest = bytes.into_iter();
    let part =
        |(length, what)| EncodedPart::new(rest.by_ref().take(length).collect::<Vec<_>>(), what);
    Ok(parts.into_iter().map(part).collect())
}

/// Returns the size of the unit at a multiple of which the value begins, in bytes.
fn alignment(value: &Datum) -> usize {
    match value {
        Datum::Boolean(_) | Datum::Char(_) => 1,
        Datum::Double(_) => size_of::<u64>(),
        Datum::Long(_) | Datum::Float(_) | Datum::String(_) => size_of::<u32>(),
    }
}

/// Writes one value behind the others.
///
/// # Errors
/// Fails with a text for a NUL within a string.
fn append(writer: &mut Writer<'_>, value: &Datum) -> Result<(), String> {
    match value {
        Datum::Boolean(value) => writer.octets(&[u8::from(*value)]),
        Datum::Char(value) => writer.octets(&[*value]),
        // The same 32 bits: CDR writes signed numbers in two's complement, as Rust stores them.
        Datum::Long(value) => writer.u32(value.cast_unsigned()),
        Datum::Float(value) => writer.u32(value.to_bits()),
        Datum::Double(value) => writer.u64(value.to_bits()),
        Datum::String(text) if text.contains('\0') => {
            return Err("CDR ends a string with NUL, so it cannot hold one; leave it out".into());
        }
        Datum::String(text) => writer.string(text),
    }
    Ok(())
}

/// Describes one value. `padding` is the number of zeros behind it.
fn described(label: &str, value: &Datum, padding: usize) -> String {
    match (value, padding) {
        (Datum::String(text), _) => {
            let length = text.len() + 1;
            format!("{label:<6} length {length}, {text:?} and NUL, padding {padding}")
        }
        (value, 0) => format!("{label:<6} {value}"),
        (value, _) => format!("{label:<6} {value}, padding {padding}"),
    }
}

/// Reads a message in CDR. Most errors do not name the field: the server's reader, which does the
/// work, knows no names. So most methods ignore `field`.
#[derive(Debug)]
pub struct CdrReader<'a>(Reader<'a>);

impl<'a> CdrReader<'a> {
    /// Starts at the beginning of `bytes`, in the byte order that the caller names.
    pub fn new(bytes: &'a [u8], order: ByteOrder) -> Self {
        // There is no header, so the message and its alignment begin at offset 0.
        Self(Reader::new(bytes, 0, order))
    }
}

/// Returns the text of an error. The usual mistake is the wrong byte order, in which a length seems
/// too long. So the text asks about the byte order.
fn mistake(Malformed(what): Malformed) -> String {
    format!("the encoding {what}; is this CDR, and in that byte order?")
}

impl ValueReader for CdrReader<'_> {
    fn boolean(&mut self, field: &str) -> Result<bool, String> {
        match self.char(field)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(format!("the {field} is {other}, and not 0 or 1; is this CDR?")),
        }
    }

    fn char(&mut self, _: &str) -> Result<u8, String> {
        self.0.octets().map(|[value]| value).map_err(mistake)
    }

    fn bits_32(&mut self, _: &str) -> Result<u32, String> {
        self.0.u32().map_err(mistake)
    }

    fn bits_64(&mut self, _: &str) -> Result<u64, String> {
        self.0.u64().map_err(mistake)
    }

    fn string(&mut self, _: &str) -> Result<String, String> {
        self.0.string().map(str::to_string).map_err(mistake)
    }

    /// Reads the number of elements. Each has at least one byte.
    fn count(&mut self, _: &str) -> Result<usize, String> {
        self.0.count(1).map_err(mistake)
    }

    fn is_at_end(&self) -> bool {
        self.0.end().is_ok()
    }
}
