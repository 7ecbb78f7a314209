//! `Person` in CORBA's CDR, as GIOP sends it.
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
use crate::lecture::marshal::{EncodedPart, Person};
use crate::protocol::byte_order::ByteOrder;
use crate::protocol::cdr::{Reader, Writer};

/// Marshals a person in CDR.
///
/// # Errors
/// Fails with a text for a NUL within a string.
pub fn marshal(person: &Person, order: ByteOrder) -> Result<Vec<EncodedPart>, String> {
    let Person { name, place, year } = person;
    if name.contains('\0') || place.contains('\0') {
        return Err("CDR ends a string with NUL, so it cannot hold one; leave it out".into());
    }
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes, order);
    let mut ends = Vec::new();
    for field in [name, place] {
        writer.string(field);
        // The next integer would write this padding anyway. Written here, it belongs to the part of
        // its string, and changes no byte.
        writer.align(size_of::<u32>());
        ends.push(writer.length());
    }
    // The same 32 bits: CDR writes signed numbers in two's complement, as Rust stores them.
    writer.u32(year.cast_unsigned());
    let (names, rest) = bytes.split_at(ends[0]);
    let (places, years) = rest.split_at(ends[1] - ends[0]);
    Ok(vec![
        EncodedPart::new(names, described("name", name, names.len())),
        EncodedPart::new(places, described("place", place, places.len())),
        EncodedPart::new(years, format!("year   {year}")),
    ])
}

/// Describes one string: its length with the NUL, its text, and the padding, which is the rest of
/// the part's `bytes`.
fn described(field: &str, text: &str, bytes: usize) -> String {
    let length = text.len() + 1;
    let padding = bytes - size_of::<u32>() - length;
    format!("{field:<6} length {length}, {text:?} and NUL, padding {padding}")
}

/// Unmarshals a person in CDR, in the byte order that the caller names.
///
/// # Errors
/// Fails with the mistake in the bytes. The usual mistake is the wrong byte order, in which a
/// length seems too long. So the text asks about the byte order.
pub fn unmarshal(bytes: &[u8], order: ByteOrder) -> Result<Person, String> {
    let read = || -> Result<Person, Malformed> {
        let mut reader = Reader::new(bytes, 0, order);
        let (name, place) = (reader.string()?.to_string(), reader.string()?.to_string());
        let year = reader.u32()?.cast_signed();
        reader.end().map(|()| Person { name, place, year })
    };
    read().map_err(|Malformed(what)| {
        format!("the encoding {what}; is this CDR, and in that byte order?")
    })
}
