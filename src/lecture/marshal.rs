//! One `Person` in each of the lecture's external data representations, both ways.
//!
//! ```text
//!   Person { name: "Smith", place: "London", year: 1934 }
//!      xdr     00000005 536d697468 000000 00000006 4c6f6e646f6e 0000 0000078e
//!      cdr-be  00000006 536d69746800 0000 00000007 4c6f6e646f6e00 00 0000078e
//!      java    aced0005 73 72 0006 "Person" …            96 bytes: the class comes along
//!      xml     <person> <name>Smith</name> …
//! ```
//!
//! | file | representation |
//! | --- | --- |
//! | [`value`] | the types that XDR and CDR have in common: `float`, `boolean`, sequences |
//! | [`xdr`] | Sun's XDR, which the book's figure calls CORBA: lengths without a NUL |
//! | [`cdr`] | GIOP's CDR, in both byte orders: lengths with the NUL |
//! | [`java`] | Java object serialization |
//! | [`xml`] | XML |
//!
//! Apart from the NUL, XDR and CDR differ in one idea. XDR has one byte order, big-endian: two
//! little-endian machines reverse every integer twice, once on each side. With CDR the sender uses
//! its own order and names it, so these two machines reverse nothing: *the receiver makes it
//! right*.
//!
//! The lecture's class declares the field `address` and assigns `place`, so it does not compile;
//! here the field is `place`. The year is a signed 32-bit integer, as in the class. The book's
//! CORBA has it unsigned; the bits are the same from 0 to 2147483647.
//!
//! **Invariants**
//!
//! 1. Unmarshalling the bytes of a person returns the same person. A person that a representation
//!    cannot express is refused when it is marshalled.
//! 2. Unmarshalling reads all bytes: an encoding that is cut, or goes on behind the person, is
//!    refused. (In XML, blanks and comments may follow.)
//! 3. Unmarshalling allocates at most some 50 times as much as its input is long, and 1 MiB: a
//!    boolean takes a byte in CDR, and 24 here, and in Java's form references copy up to 1 MiB. No
//!    length that the input only claims is allocated.
//!
//! **Lock** none: pure functions.
//!
//! **Simplified** A person may have telephone numbers, a sequence of strings; without them it is
//! the lecture's class, and its encoding ends with the year. XDR and CDR name no field, so a reader
//! takes what stands behind the year for these numbers. The order of the fields is written by hand,
//! twice. A library generates such code from a description of the class, as `rpcgen` does for XDR;
//! the lecture warns that by hand it is error-prone.
//!
//! **Source** the lecture, and the figures of CDR, Java's form and XML in chapter 4 of its book.

pub mod cdr;
pub mod java;
pub mod value;
pub mod xdr;
pub mod xml;

use crate::lecture::marshal::cdr::CdrReader;
use crate::lecture::marshal::value::{Datum, FieldType, ValueField, ValueReader};
use crate::lecture::marshal::xdr::XdrReader;
use crate::protocol::byte_order::ByteOrder;
pub use java::JavaClass;

/// The lecture's example: a person with a name, a place and a year, and perhaps telephone numbers.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Person {
    /// The person's name.
    pub name: String,
    /// The place that the person comes from.
    pub place: String,
    /// The year, -2147483648 to 2147483647.
    pub year: i32,
    /// The telephone numbers. Without any, the person is of the lecture's own class.
    pub telephones: Vec<String>,
}

impl Person {
    /// Returns the fields in the order of XDR and CDR.
    fn fields(&self) -> Vec<ValueField> {
        let mut fields = vec![
            ValueField::one("name", Datum::String(self.name.clone())),
            ValueField::one("place", Datum::String(self.place.clone())),
            ValueField::one("year", Datum::Long(self.year)),
        ];
        if !self.telephones.is_empty() {
            fields.push(ValueField::strings("telephones", &self.telephones));
        }
        fields
    }

    /// Reads the fields in the same order. The sender writes no telephone numbers if the person has
    /// none, so a message may end with the year.
    fn read(message: &mut impl ValueReader) -> Result<Self, String> {
        let name = message.string("name")?;
        let place = message.string("place")?;
        let year = message.bits_32("year")?.cast_signed();
        let count = if message.is_at_end() { 0 } else { message.count("telephones")? };
        let telephones =
            (0..count).map(|_| message.string("telephones")).collect::<Result<_, _>>()?;
        Ok(Self { name, place, year, telephones })
    }
}

/// An external data representation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Sun's XDR, which is always big-endian.
    Xdr,
    /// CORBA's CDR in this byte order. Here both sides choose the order by `--as`; GIOP names it in
    /// the header of each message.
    Cdr(ByteOrder),
    /// Java object serialization, of a class that is declared like this.
    Java(JavaClass),
    /// XML.
    Xml,
}

/// Some bytes of an encoding, with a description for `leasebox marshal` to print beside them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedPart {
    /// The bytes, as they are sent.
    pub bytes: Vec<u8>,
    /// The meaning of the bytes in words; empty in XML, which explains itself.
    pub what: String,
}

impl EncodedPart {
    fn new(bytes: impl Into<Vec<u8>>, what: impl Into<String>) -> Self {
        Self { bytes: bytes.into(), what: what.into() }
    }
}

/// Marshals a person in parts. The bytes of all parts, in order, are the encoding.
///
/// # Errors
/// Fails with the cause and the cure if the form cannot express a character: a NUL in CDR; in XML
/// U+FFFE, U+FFFF, and the control characters below U+0020 except tab, LF and CR.
pub fn marshal(person: &Person, form: Form) -> Result<Vec<EncodedPart>, String> {
    match form {
        Form::Xdr => Ok(xdr::marshal(&person.fields())),
        Form::Cdr(order) => cdr::marshal(&person.fields(), order),
        Form::Java(class) => Ok(java::marshal(person, class)),
        Form::Xml => xml::marshal(person),
    }
}

/// Unmarshals the one person that `bytes` hold.
///
/// # Errors
/// Fails with a text that names the mistake and, where it is known, the position.
pub fn unmarshal(bytes: &[u8], form: Form) -> Result<Person, String> {
    match form {
        Form::Xdr => whole(XdrReader(bytes), "person", Person::read),
        Form::Cdr(order) => whole(CdrReader::new(bytes, order), "person", Person::read),
        // The reader accepts the class however it is declared.
        Form::Java(_) => java::unmarshal(bytes),
        Form::Xml => xml::unmarshal(bytes),
    }
}

/// Marshals values without names, in XDR or CDR.
///
/// # Errors
/// Fails with the cause and the cure in the other forms, which name each field; and for a NUL in a
/// string in CDR.
pub fn marshal_values(fields: &[ValueField], form: Form) -> Result<Vec<EncodedPart>, String> {
    match form {
        Form::Xdr => Ok(xdr::marshal(fields)),
        Form::Cdr(order) => cdr::marshal(fields, order),
        Form::Java(_) | Form::Xml => Err(NAMELESS.into()),
    }
}

/// Unmarshals values of these types, in XDR or CDR.
///
/// # Errors
/// Fails with the mistake in the bytes, and in the other forms.
pub fn unmarshal_values(
    bytes: &[u8],
    types: &[FieldType],
    form: Form,
) -> Result<Vec<ValueField>, String> {
    match form {
        Form::Xdr => whole(XdrReader(bytes), "value", |message| values(message, types)),
        Form::Cdr(order) => {
            let message = CdrReader::new(bytes, order);
            whole(message, "value", |message| values(message, types))
        }
        Form::Java(_) | Form::Xml => Err(NAMELESS.into()),
    }
}

const NAMELESS: &str = "values without names are for XDR and CDR; give --as xdr, cdr-be or cdr-le";

/// Reads one field of each type, in this order.
fn values(message: &mut impl ValueReader, types: &[FieldType]) -> Result<Vec<ValueField>, String> {
    types.iter().map(|&field_type| message.field(field_type)).collect()
}

/// Reads a message with `read`, and checks that nothing follows. For the error, `last` is the word
/// for the item with which the message should end: "person" or "value".
fn whole<R: ValueReader, T>(
    mut message: R,
    last: &str,
    read: impl FnOnce(&mut R) -> Result<T, String>,
) -> Result<T, String> {
    let found = read(&mut message)?;
    match message.is_at_end() {
        true => Ok(found),
        false => Err(format!("the encoding goes on behind the last {last}; is this the whole?")),
    }
}

/// Returns the bytes of all parts together: the encoding itself.
pub fn bytes_of(parts: &[EncodedPart]) -> Vec<u8> {
    parts.iter().flat_map(|part| part.bytes.iter().copied()).collect()
}

#[cfg(test)]
#[path = "marshal_tests.rs"]
mod tests;
