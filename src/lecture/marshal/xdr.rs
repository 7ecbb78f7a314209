//! `Person` in XDR, which the lecture's book shows as CORBA's CDR.
//!
//! ```text
//!   00000005 │ 53 6d 69 74 68 │ 00 00 00 │ 00000006 │ 4c 6f 6e 64 6f 6e │ 00 00 │ 0000078e
//!   length     "Smith"          padding    length     "London"            padding year
//! ```
//!
//! Integers are big-endian, and the length of each item is a multiple of four bytes. So every
//! integer is aligned, whatever strings come before it. The length of a string counts its bytes
//! alone: there is no NUL, and a NUL may be one of the bytes.
//!
//! **Invariants** padding is zeros: they are written, and checked when they are read. So a person
//! has exactly one encoding, and two encodings can be compared byte by byte.
//!
//! **Lock** none. **Simplified** XDR's strings are ASCII; these are UTF-8.
//!
//! **Source** RFC 4506, sections 3 (the unit), 4.1 and 4.11; the book's figure of CDR.

use crate::lecture::marshal::{EncodedPart, Person};

/// The unit of XDR, in bytes: the length of each item is a multiple of it.
const UNIT: usize = 4;

/// Marshals a person in XDR. It never fails: XDR expresses every string.
pub fn marshal(person: &Person) -> Vec<EncodedPart> {
    vec![
        string(&person.name, "name"),
        string(&person.place, "place"),
        EncodedPart::new(person.year.to_be_bytes(), format!("year   {}", person.year)),
    ]
}

/// Returns a string as one part: length, bytes, padding.
fn string(text: &str, field: &str) -> EncodedPart {
    // The distance to the next multiple of 4, as -n mod 4: 5 gives 3, 6 gives 2, 8 gives 0. The
    // wrong way, `UNIT - length % UNIT`, pads 8 bytes with 4 more.
    let padding = text.len().wrapping_neg() % UNIT;
    // The cast loses nothing: an argument of the command line is far shorter than 4 GiB.
    let mut bytes = (text.len() as u32).to_be_bytes().to_vec();
    bytes.extend_from_slice(text.as_bytes());
    bytes.extend_from_slice(&[0; UNIT][..padding]);
    let length = text.len();
    EncodedPart::new(bytes, format!("{field:<6} length {length}, {text:?}, padding {padding}"))
}

/// Unmarshals a person in XDR.
///
/// # Errors
/// Fails with the field in which the bytes end, whose padding is not zeros, or whose text is not
/// UTF-8; or with the number of bytes behind the year.
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

/// Takes the next four bytes of `rest`. `field` is the field's name, for the error.
///
/// # Errors
/// Fails if fewer than four bytes are left. `rest` is unchanged then.
fn take(rest: &mut &[u8], field: &str) -> Result<[u8; UNIT], String> {
    let (four, more) = rest.split_first_chunk().ok_or_else(|| too_short(field))?;
    *rest = more;
    Ok(*four)
}

fn too_short(field: &str) -> String {
    format!("the bytes end within the {field}; give the whole encoding")
}

/// Takes a string with its padding.
///
/// Splits before it copies: the claimed length `ffffffff` fails here, and allocates nothing.
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
