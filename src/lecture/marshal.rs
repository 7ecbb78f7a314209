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
//! | file | what |
//! | --- | --- |
//! | [`xdr`] | the book's figure of CORBA, which is Sun's XDR: lengths without a NUL |
//! | [`cdr`] | GIOP's CDR, in both byte orders: lengths with the NUL |
//! | [`java`] | Java object serialization |
//! | [`xml`] | XML |
//!
//! The lecture's class declares `address` and assigns `place`; it is `place` here. A year is
//! a signed 32-bit integer, as in the class; the book's CORBA has it unsigned, and the bits
//! are the same up to the year 2147483647.
//!
//! **Invariants** what is marshalled is unmarshalled as the same person, or is refused when
//! the representation cannot say it; no input makes it allocate more than a few times itself.
//!
//! **Lock** none. **Simplified** one class with two strings and a number: enough to compare,
//! too little for a library.
//!
//! **Source** the lecture, and the figures of CDR, Java's form and XML in chapter 4 of its book.

pub mod cdr;
pub mod java;
pub mod xdr;
pub mod xml;

use crate::protocol::byte_order::ByteOrder;

/// The lecture's example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The name.
    pub name: String,
    /// From where.
    pub place: String,
    /// Since when.
    pub year: i32,
}

/// An external data representation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Sun's XDR.
    Xdr,
    /// CORBA's CDR, in that byte order.
    Cdr(ByteOrder),
    /// Java object serialization.
    Java,
    /// XML.
    Xml,
}

/// Some bytes of an encoding, and what they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedPart {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Their meaning, in words.
    pub what: String,
}

impl EncodedPart {
    fn new(bytes: impl Into<Vec<u8>>, what: impl Into<String>) -> Self {
        Self { bytes: bytes.into(), what: what.into() }
    }
}

/// A person in that form, part by part: all their bytes, in order, are the encoding.
///
/// # Errors
/// When the form cannot say it: why, and what to do.
pub fn marshal(person: &Person, form: Form) -> Result<Vec<EncodedPart>, String> {
    match form {
        Form::Xdr => Ok(xdr::marshal(person)),
        Form::Cdr(order) => cdr::marshal(person, order),
        Form::Java => Ok(java::marshal(person)),
        Form::Xml => xml::marshal(person),
    }
}

/// The person of an encoding.
///
/// # Errors
/// The mistake in the bytes.
pub fn unmarshal(bytes: &[u8], form: Form) -> Result<Person, String> {
    match form {
        Form::Xdr => xdr::unmarshal(bytes),
        Form::Cdr(order) => cdr::unmarshal(bytes, order),
        Form::Java => java::unmarshal(bytes),
        Form::Xml => xml::unmarshal(bytes),
    }
}

/// The bytes of all parts.
pub fn bytes_of(parts: &[EncodedPart]) -> Vec<u8> {
    parts.iter().flat_map(|part| part.bytes.iter().copied()).collect()
}

#[cfg(test)]
#[path = "marshal_tests.rs"]
mod tests;
