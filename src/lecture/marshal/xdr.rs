//! `Person` in XDR, which is what the lecture's book shows as CORBA's CDR.
//!
//! ```text
//!   00000005 │ 53 6d 69 74 68 │ 00 00 00 │ 00000006 │ 4c 6f 6e 64 6f 6e │ 00 00 │ 0000078e
//!   length     "Smith"          padding    length     "London"            padding year
//! ```
//!
//! Everything is big-endian and a multiple of four bytes; a string's length is that of its
//! bytes, without a NUL. XDR's strings are ASCII; these are UTF-8.
//!
//! **Invariants** padding is zeros, in both directions.
//!
//! **Lock** none. **Source** RFC 4506, sections 4.1 and 4.11; the book's figure of CDR.

use crate::lecture::marshal::{EncodedPart, Person};

/// The unit of XDR, in bytes: the length of each item is a multiple of it.
const UNIT: usize = 4;

/// A person in XDR.
pub fn marshal(person: &Person) -> Vec<EncodedPart> {
    vec![
        string(&person.name, "name"),
        string(&person.place, "place"),
        EncodedPart::new(person.year.to_be_bytes(), format!("year   {}", person.year)),
    ]
}

fn string(text: &str, field: &str) -> EncodedPart {
    let padding = text.len().wrapping_neg() % UNIT;
    // An argument of the command line is far shorter than 4 GiB.
    let mut bytes = (text.len() as u32).to_be_bytes().to_vec();
    bytes.extend_from_slice(text.as_bytes());
    bytes.extend_from_slice(&[0; UNIT][..padding]);
    let length = text.len();
    EncodedPart::new(bytes, format!("{field:<6} length {length}, {text:?}, padding {padding}"))
}

/// The person of an XDR encoding.
///
/// # Errors
/// The mistake in the bytes.
pub fn unmarshal(bytes: &[u8]) -> Result<Person, String> {
    let mut rest = bytes;
    let name = take_string(&mut rest, "name")?;
    let place = take_string(&mut rest, "place")?;
    let year = i32::from_be_bytes(take(&mut rest, "year")?);
    match rest.len() {
        0 => Ok(Person { name, place, year }),
        more => Err(format!("{more} bytes follow the year; give one person alone")),
    }
}

fn take(rest: &mut &[u8], field: &str) -> Result<[u8; UNIT], String> {
    let (four, more) = rest.split_first_chunk().ok_or_else(|| too_short(field))?;
    *rest = more;
    Ok(*four)
}

fn too_short(field: &str) -> String {
    format!("the bytes end within the {field}; give the whole encoding")
}

fn take_string(rest: &mut &[u8], field: &str) -> Result<String, String> {
    let length = u32::from_be_bytes(take(rest, field)?) as usize;
    let padding = length.wrapping_neg() % UNIT;
    let (text, more) = rest.split_at_checked(length).ok_or_else(|| too_short(field))?;
    let (zeros, more) = more.split_at_checked(padding).ok_or_else(|| too_short(field))?;
    *rest = more;
    if zeros.iter().any(|&byte| byte != 0) {
        return Err(format!("the padding of the {field} is not zeros; is this XDR?"));
    }
    String::from_utf8(text.to_vec()).map_err(|_| format!("the {field} is no UTF-8; is this XDR?"))
}
