//! `Person` as Java's `ObjectOutputStream` writes it.
//!
//! ```text
//!   aced 0005                                  magic, version 5
//!   73                                         an object
//!   72 0006 "Person" 0000000000000001 02       of class Person, serialVersionUID 1, serializable
//!      0003                                    with three fields:
//!      49 0004 "year"                          int year; primitives come first
//!      4c 0004 "name"  74 0012 "Ljava/lang/String;"
//!      4c 0005 "place" 71 007e0001             the same type: a reference to that string
//!      78 70                                   no annotations, no superclass
//!   0000078e                                   year
//!   74 0005 "Smith"                            name
//!   74 0006 "London"                           place
//! ```
//!
//! The stream describes the class before the object, so a reader needs no prior agreement. The
//! price is that only 15 of the 96 bytes are the name, the place and the year.
//!
//! Each class descriptor, string and object gets a *handle* when it first comes: 7e0000, 7e0001 and
//! so on. When it comes again, the stream holds only a reference to the handle:
//!
//! ```text
//!   7e0000  class Person              7e0003  "Smith"
//!   7e0001  "Ljava/lang/String;"      7e0004  "London"
//!   7e0002  the object
//! ```
//!
//! A person with telephone numbers is of a class with one more field, an array of strings. An array
//! has a class of its own, whose `serialVersionUID` Java knows:
//!
//! ```text
//!      5b 000a "telephones" 74 0013 "[Ljava/lang/String;"
//!   75 72 0013 "[Ljava.lang.String;" add256e7e91d7b47 02 0000 78 70     an array, its class
//!   00000002  74 0003 "123"  74 0003 "456"                              two elements
//! ```
//!
//! With handles Java can write two references to one object, and even a cycle. A reader that does
//! not count every handle takes a later reference for the wrong object.
//!
//! [`marshal`] writes the bytes that the JDK writes for `class Person implements Serializable` in
//! the default package, if all strings are objects of their own (an object that comes twice would
//! be written as a reference the second time). A [`JavaClass`] says how the class is declared. The
//! lecture's own declares the field `address` in the place of `place`, and no `serialVersionUID`,
//! so Java computes one, which its tool `serialver` prints. [`unmarshal`] accepts any
//! `serialVersionUID`, both names of the field, the fields in any order, and references to strings.
//!
//! **Invariants**
//!
//! 1. Reading makes one `Person` and nothing else, whatever class the stream names. Java's own
//!    reader loads the named class and runs code of it, which has led to many attacks; nothing is
//!    loaded here.
//! 2. `rest` is always the end of the stream: a length is compared with the length of `rest` before
//!    it is used.
//!
//! **Lock** none. **Simplified** no superclass, no `writeObject`, no other class.
//!
//! **Source** the JDK's "Object Serialization Stream Protocol", version 5.

use crate::lecture::marshal::{EncodedPart, Person};
use crate::lecture::modified_utf8;

// The names and values are the specification's. A tag of one byte (`TC_`) begins each item of the
// stream; `SC_` is a flag of a class.
const MAGIC: [u8; 4] = [0xac, 0xed, 0, 5];
const TC_NULL: u8 = 0x70;
const TC_REFERENCE: u8 = 0x71;
const TC_CLASSDESC: u8 = 0x72;
const TC_OBJECT: u8 = 0x73;
const TC_STRING: u8 = 0x74;
const TC_ARRAY: u8 = 0x75;
const TC_ENDBLOCKDATA: u8 = 0x78;
const TC_LONGSTRING: u8 = 0x7c;

/// The flag of a class that is serialized in the default way: only its fields, and no data that a
/// `writeObject` of its own writes.
const SC_SERIALIZABLE: u8 = 2;

/// The declaration of the class `Person` on the reader's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JavaClass {
    /// Its `serialVersionUID`. Java checks it to notice that a class has changed. A class that
    /// declares none gets a hash of its members.
    pub uid: i64,
    /// The field of the place is called `address`, as in the lecture.
    pub has_address: bool,
}

impl JavaClass {
    /// `serialVersionUID = 1`, and the field `place`.
    pub const OURS: Self = Self { uid: 1, has_address: false };
}

const CLASS: &str = "Person";
const STRING_TYPE: &str = "Ljava/lang/String;";
const ARRAY_TYPE: &str = "[Ljava/lang/String;";
const ARRAY_CLASS: &str = "[Ljava.lang.String;";
/// The most bytes of strings that references may copy. A reference itself takes 5 bytes.
const MAX_COPIED: usize = 1 << 20;

/// The `serialVersionUID` of an array of strings: a hash of that class's name and flags.
const ARRAY_UID: u64 = 0xadd2_56e7_e91d_7b47;
// `baseWireHandle` of the specification.
const FIRST_HANDLE: u32 = 0x7e_0000;

/// The handle of [`STRING_TYPE`] in what [`marshal`] writes: it comes second, after the class
/// descriptor.
const STRING_TYPE_HANDLE: u32 = FIRST_HANDLE + 1;

/// Marshals a person in Java's form. It never fails: Java's strings hold every character.
pub fn marshal(person: &Person, class: JavaClass) -> Vec<EncodedPart> {
    let reference = [&[TC_REFERENCE][..], &STRING_TYPE_HANDLE.to_be_bytes()].concat();
    let (name, place) = (string("name  ", &person.name), string("place ", &person.place));
    // Java writes objects in the order of their fields' names, and `address` comes before `name`.
    let (first, second, values) = match class.has_address {
        true => ("address", "name", [place, name]),
        false => ("name", "place", [name, place]),
    };
    let count = 3 + u8::from(!person.telephones.is_empty());
    let mut parts = vec![
        EncodedPart::new(MAGIC, "stream magic and version 5"),
        EncodedPart::new([TC_OBJECT], "an object"),
        EncodedPart::new(tagged(TC_CLASSDESC, CLASS), "of class Person (handle 7e0000)"),
        EncodedPart::new(class.uid.to_be_bytes(), format!("serialVersionUID {}", class.uid)),
        EncodedPart::new([SC_SERIALIZABLE, 0, count], format!("serializable, {count} fields")),
        EncodedPart::new(tagged(b'I', "year"), "int year"),
        EncodedPart::new(tagged(b'L', first), format!("object {first}")),
        EncodedPart::new(tagged(TC_STRING, STRING_TYPE), "which is a String (handle 7e0001)"),
        EncodedPart::new(tagged(b'L', second), format!("object {second}")),
        EncodedPart::new(reference, "which is a String too: a reference to 7e0001"),
    ];
    if !person.telephones.is_empty() {
        parts.push(EncodedPart::new(tagged(b'[', "telephones"), "array telephones"));
        let array_type = tagged(TC_STRING, ARRAY_TYPE);
        parts.push(EncodedPart::new(array_type, "of Strings (handle 7e0002)"));
    }
    parts.push(EncodedPart::new([TC_ENDBLOCKDATA, TC_NULL], "no annotations, no superclass"));
    parts.push(EncodedPart::new(person.year.to_be_bytes(), format!("year   {}", person.year)));
    parts.extend(values);
    if !person.telephones.is_empty() {
        parts.extend(array(&person.telephones));
    }
    parts
}

/// Returns an array of strings. Its class comes before its elements.
fn array(texts: &[String]) -> Vec<EncodedPart> {
    // The cast loses nothing: a list of the command line is far shorter than 4 billion.
    let count = (texts.len() as u32).to_be_bytes();
    let mut parts = vec![
        EncodedPart::new(
            [&[TC_ARRAY][..], &tagged(TC_CLASSDESC, ARRAY_CLASS)].concat(),
            "an array, of the class of arrays of Strings",
        ),
        EncodedPart::new(ARRAY_UID.to_be_bytes(), "serialVersionUID of that class"),
        EncodedPart::new(
            [SC_SERIALIZABLE, 0, 0, TC_ENDBLOCKDATA, TC_NULL],
            "serializable, no fields, no annotations, no superclass",
        ),
        EncodedPart::new(count, format!("count {}", texts.len())),
    ];
    let elements = texts.iter().enumerate();
    parts.extend(elements.map(|(at, text)| string(&format!("[{at}]   "), text)));
    parts
}

/// Returns a string object with its description.
fn string(label: &str, text: &str) -> EncodedPart {
    EncodedPart::new(tagged(TC_STRING, text), format!("{label} {text:?}"))
}

/// Returns a tag, or the code of a type, and the string behind it: two bytes of length, then its
/// bytes. A string object of more than 65,535 bytes is a `TC_LONGSTRING`, with eight bytes of
/// length. Only a string object can be so long: the names of the class and its fields are short.
fn tagged(tag: u8, text: &str) -> Vec<u8> {
    let bytes = modified_utf8::encode(text.encode_utf16());
    match u16::try_from(bytes.len()) {
        Ok(length) => [&[tag][..], &length.to_be_bytes(), &bytes].concat(),
        Err(_) => [&[TC_LONGSTRING][..], &(bytes.len() as u64).to_be_bytes(), &bytes].concat(),
    }
}

/// Unmarshals a person in Java's form.
///
/// # Errors
/// Fails with the mistake, and with the offset at which reading stopped: at the mistake or just
/// behind it.
pub fn unmarshal(bytes: &[u8]) -> Result<Person, String> {
    let mut stream = ObjectStream { rest: bytes, handles: Vec::new(), copied: 0 };
    stream.person().map_err(|what| {
        let at = bytes.len() - stream.rest.len();
        format!("at byte {at}: {what}; give what ObjectOutputStream wrote of one Person")
    })
}

/// A field of the class. The class descriptor names the fields in the order of their values.
#[derive(Clone, Copy, PartialEq)]
enum ClassField {
    Name,
    Place,
    Year,
    Telephones,
}

impl ClassField {
    /// All fields. The first three are in every class. `Telephones` stands last, because a class of
    /// three fields lacks it.
    const ALL: [Self; 4] = [Self::Name, Self::Place, Self::Year, Self::Telephones];
}

/// Returns the first 20 characters of a name, for an error. The whole name may be too long to show:
/// a stream may name a class with 65,535 bytes.
fn begin(name: &str) -> String {
    name.chars().take(20).collect()
}

/// A reader of one stream. After an error `rest` begins at the mistake or just behind it, and the
/// reader is dropped.
struct ObjectStream<'a> {
    /// The bytes that are not read yet.
    rest: &'a [u8],
    /// The items that have a handle so far; the index is the handle minus 7e0000. `None` stands for
    /// the class or the object: a reference may name only a string, so these need no content.
    handles: Vec<Option<String>>,
    /// The bytes of strings that references have copied so far.
    copied: usize,
}

impl ObjectStream<'_> {
    /// Takes the next `N` bytes.
    ///
    /// # Errors
    /// Fails if fewer are left, and takes none then.
    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or("the stream ends too early")?;
        self.rest = rest;
        Ok(*bytes)
    }

    /// Takes `N` bytes that must be `expected`. If they are others, takes none, so that the error
    /// names the offset of the first of them.
    fn require<const N: usize>(&mut self, expected: [u8; N], what: &str) -> Result<(), String> {
        let before = self.rest;
        if self.take::<N>()? == expected {
            return Ok(());
        }
        self.rest = before;
        Err(format!("this is not {what}"))
    }

    /// Takes a text of `length` bytes of modified UTF-8.
    ///
    /// `length` comes from the stream and may be any `u64`: it is converted and compared with
    /// checks, and only then used.
    ///
    /// # Errors
    /// Fails if the stream is shorter, if the bytes are not modified UTF-8, or if Rust's `String`
    /// cannot hold the text: Java's string may hold half of a surrogate pair.
    fn text(&mut self, length: u64) -> Result<String, String> {
        let length = usize::try_from(length).ok();
        let found = length.and_then(|length| self.rest.split_at_checked(length));
        let (bytes, rest) = found.ok_or("the stream ends within a string")?;
        let units = modified_utf8::decode(bytes).ok_or("this is no modified UTF-8")?;
        let text = String::from_utf16(&units).map_err(|_| "this string has half a character")?;
        self.rest = rest;
        Ok(text)
    }

    /// Takes a short string, with its two bytes of length.
    fn utf(&mut self) -> Result<String, String> {
        let length = u16::from_be_bytes(self.take()?);
        self.text(length.into())
    }

    /// Takes the whole stream: magic, one object, and the end.
    fn person(&mut self) -> Result<Person, String> {
        self.require(MAGIC, "the magic of a Java stream, aced0005")?;
        self.require([TC_OBJECT], "an object")?;
        let fields = self.class()?;
        // The object's own handle. It comes after the class descriptor, and before the field
        // values.
        self.handles.push(None);
        let mut person = Person::default();
        for field in fields {
            match field {
                ClassField::Name => person.name = self.string()?,
                ClassField::Place => person.place = self.string()?,
                ClassField::Year => person.year = i32::from_be_bytes(self.take()?),
                ClassField::Telephones => person.telephones = self.array()?,
            }
        }
        match self.rest.len() {
            0 => Ok(person),
            more => Err(format!("{more} bytes follow the person")),
        }
    }

    /// Takes the class descriptor. Returns its fields, in the order of their values.
    fn class(&mut self) -> Result<Vec<ClassField>, String> {
        self.require([TC_CLASSDESC], "a class")?;
        let name = self.utf()?;
        if name != CLASS {
            return Err(format!("the class is {:?} and not Person", begin(&name)));
        }
        // Every serialVersionUID is accepted, because the fields are checked below.
        let _serial_version_uid: [u8; 8] = self.take()?;
        // The class's handle. The type strings of the fields below get the next ones.
        self.handles.push(None);
        self.require([SC_SERIALIZABLE], "a class that is serialized in the default way")?;
        let count = u16::from_be_bytes(self.take()?);
        // As many fields as names, and every name among them: none comes twice.
        let all = match count {
            3 | 4 => &ClassField::ALL[..usize::from(count)],
            _ => return Err(format!("the class has {count} fields, not three or four fields")),
        };
        let fields = all.iter().map(|_| self.field()).collect::<Result<Vec<_>, _>>()?;
        if !all.iter().all(|field| fields.contains(field)) {
            return Err("the fields are not name, place and year, perhaps telephones".into());
        }
        self.require([TC_ENDBLOCKDATA], "the end of the class's annotations")?;
        self.require([TC_NULL], "a class without a superclass")?;
        Ok(fields)
    }

    /// Takes the description of a field: the code of its type, its name and, for an object, its
    /// type.
    fn field(&mut self) -> Result<ClassField, String> {
        let [code] = self.take()?;
        let name = self.utf()?;
        // A primitive has no type string.
        let of = if matches!(code, b'L' | b'[') { self.string()? } else { String::new() };
        match (code, of.as_str(), name.as_str()) {
            (b'I', _, "year") => Ok(ClassField::Year),
            (b'L', STRING_TYPE, "name") => Ok(ClassField::Name),
            (b'L', STRING_TYPE, "place" | "address") => Ok(ClassField::Place),
            (b'[', ARRAY_TYPE, "telephones") => Ok(ClassField::Telephones),
            _ => {
                let name = begin(&name);
                let known = "int year, String name, String place, String[] telephones";
                Err(format!("the field {name:?} is none of {known}"))
            }
        }
    }

    /// Takes an array of strings, with the description of its class.
    fn array(&mut self) -> Result<Vec<String>, String> {
        self.require([TC_ARRAY, TC_CLASSDESC], "an array and its class")?;
        if self.utf()? != ARRAY_CLASS {
            return Err("this is no array of Strings".into());
        }
        self.require(ARRAY_UID.to_be_bytes(), "the serialVersionUID of an array of Strings")?;
        let rest = [SC_SERIALIZABLE, 0, 0, TC_ENDBLOCKDATA, TC_NULL];
        self.require(rest, "the class of an array of Strings")?;
        // The handles of the class and of the array.
        self.handles.extend([None, None]);
        let count = u32::from_be_bytes(self.take()?);
        // Each element takes a byte of the stream at least, so a count that is only claimed ends
        // this with the stream.
        (0..count).map(|_| self.string()).collect()
    }

    /// Takes a string object, or a reference to an earlier one. A new string gets the next handle.
    fn string(&mut self) -> Result<String, String> {
        let text = match self.take()? {
            [TC_STRING] => self.utf()?,
            [TC_LONGSTRING] => {
                let length = u64::from_be_bytes(self.take()?);
                self.text(length)?
            }
            [TC_REFERENCE] => {
                let handle = u32::from_be_bytes(self.take()?).checked_sub(FIRST_HANDLE);
                let known = handle.and_then(|handle| self.handles.get(handle as usize)?.as_deref());
                let text = known.ok_or("this refers to no string before")?;
                self.copied += text.len();
                if self.copied > MAX_COPIED {
                    return Err("references copy more than 1 MiB; write each string whole".into());
                }
                return Ok(text.to_string());
            }
            [TC_NULL] => return Err("a string is null".into()),
            _ => return Err("this is no string".into()),
        };
        self.handles.push(Some(text.clone()));
        Ok(text)
    }
}
