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
//! 3. Unmarshalling allocates at most a few times as much as its input is long. No length that the
//!    input only claims is allocated.
//!
//! **Lock** none: pure functions.
//!
//! **Simplified** The code is for one class with two strings and a number, and written by hand.
//! That is enough to compare the forms. A library generates such code from a description of the
//! class, as `rpcgen` does for XDR; the lecture warns that by hand it is error-prone.
//!
//! **Source** the lecture, and the figures of CDR, Java's form and XML in chapter 4 of its book.

pub mod cdr;
pub mod java;
pub mod xdr;
pub mod xml;

use crate::protocol::byte_order::ByteOrder;
pub use java::JavaClass;

/// The lecture's example: a person with a name, a place and a year.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The person's name.
    pub name: String,
    /// The place that the person comes from.
    pub place: String,
    /// The year, -2147483648 to 2147483647.
    pub year: i32,
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
        Form::Xdr => Ok(xdr::marshal(person)),
        Form::Cdr(order) => cdr::marshal(person, order),
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
        Form::Xdr => xdr::unmarshal(bytes),
        Form::Cdr(order) => cdr::unmarshal(bytes, order),
        Form::Java(_) => java::unmarshal(bytes),
        Form::Xml => xml::unmarshal(bytes),
    }
}

/// Returns the bytes of all parts together: the encoding itself.
pub fn bytes_of(parts: &[EncodedPart]) -> Vec<u8> {
    parts.iter().flat_map(|part| part.bytes.iter().copied()).collect()
}

#[cfg(test)]
#[path = "marshal_tests.rs"]
mod tests;
