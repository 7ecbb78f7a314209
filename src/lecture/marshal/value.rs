//! Values of the types that XDR and CDR have in common.
//!
//! ```text
//!   type     XDR                        CDR
//!   boolean  4 bytes, 0 or 1            1 byte, 0 or 1
//!   char     4 bytes, as C sends it     1 byte
//!   long     4 bytes                    4 bytes, at a multiple of 4
//!   float    4 bytes, IEEE 754          4 bytes, at a multiple of 4
//!   double   8 bytes, IEEE 754          8 bytes, at a multiple of 8
//!   string   length, text, padding      length with the NUL, text, NUL
//!   long[]   count, elements            count, elements: a sequence
//! ```
//!
//! Both write a message field by field, without names and types. [`ValueField`] is one field to
//! write; [`ValueReader`] is a message to read. The representations differ in what one value looks
//! like, so each has its own writer and its own reader, and the person and the words of the command
//! line are the same for both.
//!
//! Platforms also represent floating point numbers differently. Both standards prescribe IEEE 754,
//! which all machines of today use, so here a float is its 32 bits, sent as an integer would be.
//!
//! **Invariants** a reader returns the same value that was written, a NaN bit by bit.
//!
//! **Lock** none. **Simplified** a sequence has simple values, and no sequence or struct within.
//! A char is one byte, a character of ISO 8859-1: CORBA's first choice.
//!
//! **Source** RFC 4506, section 4; OMG, CORBA 3.3, part 2, section 9.3; the lecture on the
//! primitive types of different platforms.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::common::description::words;

/// One value without parts.
#[derive(Debug, Clone, PartialEq)]
pub enum Datum {
    /// True or false.
    Boolean(bool),
    /// A character of ISO 8859-1.
    Char(u8),
    /// A signed integer of 32 bits.
    Long(i32),
    /// A floating point number of 32 bits.
    Float(f32),
    /// A floating point number of 64 bits.
    Double(f64),
    /// A text.
    String(String),
}

words! {
    /// The type of a [`Datum`], with the word that names it on the command line.
    DatumType {
        /// True or false.
        Boolean = "boolean",
        /// A character of ISO 8859-1.
        Char = "char",
        /// A signed integer of 32 bits.
        Long = "long",
        /// A floating point number of 32 bits.
        Float = "float",
        /// A floating point number of 64 bits.
        Double = "double",
        /// A text.
        String = "string",
    }
}

// `String` is not among them: it would hide std's type.
use DatumType::{Boolean, Char, Double, Float, Long};

/// The type of a field: one value, or a sequence of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldType {
    /// The type of the value, or of each element.
    pub of: DatumType,
    /// The field is a sequence.
    pub is_sequence: bool,
}

/// A field of a message.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueField {
    /// The field's name, or its type if it has no name. It is not sent.
    pub name: String,
    /// The one value, or the elements of the sequence.
    pub values: Vec<Datum>,
    /// The field is a sequence: the number of its elements is sent before them.
    pub is_sequence: bool,
}

/// Returns the values of the fields in the order in which a writer appends them. Each has a label,
/// for people: the name of the field, or the index of the element in its sequence. Before the
/// elements comes their number. Both representations send it as they send a long, so it is a long
/// here. Its label is the name, as wide as a label is printed, and the word `count`.
pub fn labelled(fields: &[ValueField]) -> impl Iterator<Item = (String, Cow<'_, Datum>)> {
    fields.iter().flat_map(|field| {
        let ValueField { name, values, is_sequence } = field;
        // The cast loses nothing: a list of the command line is far shorter than 2 billion.
        let count = || (format!("{name:<6} count"), Cow::Owned(Datum::Long(values.len() as i32)));
        let label = move |at: usize| if *is_sequence { format!("[{at}]") } else { name.clone() };
        let values = values.iter().enumerate();
        let values = values.map(move |(at, value)| (label(at), Cow::Borrowed(value)));
        is_sequence.then(count).into_iter().chain(values)
    })
}

/// A message to read, value by value. `field` is the name of the field, for the error. After an
/// error the rest of the message has no meaning.
pub trait ValueReader {
    /// Reads a boolean.
    fn boolean(&mut self, field: &str) -> Result<bool, String>;
    /// Reads a character.
    fn char(&mut self, field: &str) -> Result<u8, String>;
    /// Reads 32 bits: a long, or the bits of a float.
    fn bits_32(&mut self, field: &str) -> Result<u32, String>;
    /// Reads the 64 bits of a double.
    fn bits_64(&mut self, field: &str) -> Result<u64, String>;
    /// Reads a string.
    fn string(&mut self, field: &str) -> Result<String, String>;
    /// Reads the number of elements that follow. It is at most the number of bytes that are left,
    /// so no memory is reserved for a number that is only claimed.
    fn count(&mut self, field: &str) -> Result<usize, String>;
    /// Returns whether the whole message was read.
    fn is_at_end(&self) -> bool;

    /// Reads a value of a type.
    ///
    /// # Errors
    /// Fails with the mistake in the bytes.
    fn datum(&mut self, field: &str, of: DatumType) -> Result<Datum, String> {
        Ok(match of {
            Boolean => Datum::Boolean(self.boolean(field)?),
            Char => Datum::Char(self.char(field)?),
            Long => Datum::Long(self.bits_32(field)?.cast_signed()),
            Float => Datum::Float(f32::from_bits(self.bits_32(field)?)),
            Double => Datum::Double(f64::from_bits(self.bits_64(field)?)),
            DatumType::String => Datum::String(self.string(field)?),
        })
    }

    /// Reads a field without a name.
    ///
    /// # Errors
    /// Fails with the mistake in the bytes.
    fn field(&mut self, field_type: FieldType) -> Result<ValueField, String> {
        let FieldType { of, is_sequence } = field_type;
        let name = field_type.to_string();
        let count = if is_sequence { self.count(&name)? } else { 1 };
        let values = (0..count).map(|_| self.datum(&name, of)).collect::<Result<_, _>>()?;
        Ok(ValueField { values, name, is_sequence })
    }
}

impl ValueField {
    /// Returns a field with one value.
    pub fn one(name: &str, value: Datum) -> Self {
        Self { name: name.into(), values: vec![value], is_sequence: false }
    }

    /// Returns a field with a sequence of strings.
    pub fn strings(name: &str, texts: &[String]) -> Self {
        let values = texts.iter().cloned().map(Datum::String).collect();
        Self { name: name.into(), values, is_sequence: true }
    }
}

impl Datum {
    /// Reads the value of a type from a word.
    fn parse(of: DatumType, word: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("{word:?} is no {what}");
        match of {
            Boolean => {
                word.parse().map(Self::Boolean).map_err(|_| wrong("boolean: give true or false"))
            }
            Char => {
                let mut characters = word.chars();
                let first = characters.next().and_then(|first| u8::try_from(first).ok());
                let first = first.filter(|_| characters.next().is_none()).map(Self::Char);
                first.ok_or_else(|| wrong("char: give one character of ISO 8859-1, or a string"))
            }
            Long => {
                word.parse().map(Self::Long).map_err(|_| wrong("long: give an integer of 32 bits"))
            }
            Float => word.parse().map(Self::Float).map_err(|_| wrong("float: give a number")),
            Double => word.parse().map(Self::Double).map_err(|_| wrong("double: give a number")),
            DatumType::String => Ok(Self::String(word.into())),
        }
    }
}

impl FromStr for FieldType {
    type Err = String;

    /// Reads `long`, or `long[]` for a sequence.
    fn from_str(word: &str) -> Result<Self, String> {
        let (name, is_sequence) = match word.strip_suffix("[]") {
            Some(name) => (name, true),
            None => (word, false),
        };
        let found = DatumType::ALL.into_iter().find(|of| of.word() == name);
        let of = found.ok_or_else(|| {
            let names = DatumType::ALL.map(DatumType::word).join(", ");
            format!("{word:?} is no type; give one of {names}, or one with [] for a sequence")
        })?;
        Ok(Self { of, is_sequence })
    }
}

impl FromStr for ValueField {
    type Err = String;

    /// Reads `float:19.34`, or `long[]:1,2,3` for a sequence.
    fn from_str(word: &str) -> Result<Self, String> {
        let Some((name, text)) = word.split_once(':') else {
            return Err("give a type, a colon and a value, such as float:19.34".into());
        };
        let FieldType { of, is_sequence } = name.parse()?;
        let values = match is_sequence {
            true if text.is_empty() => Vec::new(),
            true => text.split(',').map(|word| Datum::parse(of, word)).collect::<Result<_, _>>()?,
            false => vec![Datum::parse(of, text)?],
        };
        Ok(Self { name: name.into(), values, is_sequence })
    }
}

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.of.word(), if self.is_sequence { "[]" } else { "" })
    }
}

impl fmt::Display for Datum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(value) => value.fmt(f),
            Self::Char(value) => char::from(*value).fmt(f),
            Self::Long(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::Double(value) => value.fmt(f),
            Self::String(value) => value.fmt(f),
        }
    }
}

impl fmt::Display for ValueField {
    /// Writes the field as [`ValueField::from_str`] reads it, as long as no element of a sequence
    /// is empty or holds a comma.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values: Vec<String> = self.values.iter().map(Datum::to_string).collect();
        write!(f, "{}:{}", self.name, values.join(","))
    }
}
