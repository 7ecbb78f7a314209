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
//! Each class descriptor, string and object gets a handle as it comes, from 7e0000 on, and
//! comes a second time as a reference to it. What is written here is what the JDK writes for
//! `class Person implements Serializable` in the default package with
//! `serialVersionUID = 1`, whose strings are two objects. Reading takes any
//! `serialVersionUID` (the lecture's class has one that the compiler made up), fields in any
//! order, and references to strings.
//!
//! **Invariants** reading makes one `Person` and nothing else, whatever the stream names: no
//! class is ever loaded.
//!
//! **Lock** none. **Simplified** no superclass, no `writeObject`, no other class.
//!
//! **Source** the JDK's "Object Serialization Stream Protocol", version 5.

use crate::lecture::marshal::{EncodedPart, Person};
use crate::lecture::modified_utf8;

const MAGIC: [u8; 4] = [0xac, 0xed, 0, 5];
const TC_NULL: u8 = 0x70;
const TC_REFERENCE: u8 = 0x71;
const TC_CLASSDESC: u8 = 0x72;
const TC_OBJECT: u8 = 0x73;
const TC_STRING: u8 = 0x74;
const TC_ENDBLOCKDATA: u8 = 0x78;
const TC_LONGSTRING: u8 = 0x7c;

/// The class can be serialized and does so in the default way.
const SC_SERIALIZABLE: u8 = 2;

const SERIAL_VERSION_UID: u64 = 1;
const CLASS: &str = "Person";
const STRING_TYPE: &str = "Ljava/lang/String;";
const FIRST_HANDLE: u32 = 0x7e_0000;

/// The handle of [`STRING_TYPE`], which comes after the class descriptor.
const STRING_TYPE_HANDLE: u32 = FIRST_HANDLE + 1;

/// A person in Java's form.
pub fn marshal(person: &Person) -> Vec<EncodedPart> {
    let field = |code: u8, name: &str| [&[code][..], &utf(name)].concat();
    let type_string = [&[TC_STRING][..], &utf(STRING_TYPE)].concat();
    let reference = [&[TC_REFERENCE][..], &STRING_TYPE_HANDLE.to_be_bytes()].concat();
    vec![
        EncodedPart::new(MAGIC, "stream magic and version 5"),
        EncodedPart::new([TC_OBJECT], "an object"),
        EncodedPart::new(
            [&[TC_CLASSDESC][..], &utf(CLASS)].concat(),
            "of class Person (handle 7e0000)",
        ),
        EncodedPart::new(SERIAL_VERSION_UID.to_be_bytes(), "serialVersionUID 1"),
        EncodedPart::new([SC_SERIALIZABLE, 0, 3], "serializable, 3 fields"),
        EncodedPart::new(field(b'I', "year"), "int year"),
        EncodedPart::new(field(b'L', "name"), "object name"),
        EncodedPart::new(type_string, "which is a String (handle 7e0001)"),
        EncodedPart::new(field(b'L', "place"), "object place"),
        EncodedPart::new(reference, "which is a 7e0001 too"),
        EncodedPart::new([TC_ENDBLOCKDATA, TC_NULL], "no annotations, no superclass"),
        EncodedPart::new(person.year.to_be_bytes(), format!("year   {}", person.year)),
        EncodedPart::new(string(&person.name), format!("name   {:?}", person.name)),
        EncodedPart::new(string(&person.place), format!("place  {:?}", person.place)),
    ]
}

/// A short string: two bytes of length, and its bytes.
fn utf(text: &str) -> Vec<u8> {
    let bytes = modified_utf8::encode(text.encode_utf16());
    [&(bytes.len() as u16).to_be_bytes()[..], &bytes].concat()
}

/// A string object, of whatever length.
fn string(text: &str) -> Vec<u8> {
    let bytes = modified_utf8::encode(text.encode_utf16());
    match u16::try_from(bytes.len()) {
        Ok(length) => [&[TC_STRING][..], &length.to_be_bytes(), &bytes].concat(),
        Err(_) => {
            let length = bytes.len() as u64;
            [&[TC_LONGSTRING][..], &length.to_be_bytes(), &bytes].concat()
        }
    }
}

/// The person of a Java encoding.
///
/// # Errors
/// The mistake in the bytes.
pub fn unmarshal(bytes: &[u8]) -> Result<Person, String> {
    let mut stream = ObjectStream { bytes, at: 0, handles: Vec::new() };
    stream.person().map_err(|what| {
        format!("at byte {}: {what}; give what ObjectOutputStream wrote of one Person", stream.at)
    })
}

/// The content of a field of the class.
#[derive(Clone, Copy, PartialEq)]
enum ClassField {
    Name,
    Place,
    Year,
}

/// Of a name that may be long only the beginning is shown.
fn begin(name: &str) -> String {
    name.chars().take(20).collect()
}

struct ObjectStream<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The objects that came so far, in order. A later reference may name only a string.
    handles: Vec<Option<String>>,
}

impl ObjectStream<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let found = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk());
        let bytes = *found.ok_or("the stream ends too early")?;
        self.at += N;
        Ok(bytes)
    }

    fn require<const N: usize>(&mut self, expected: [u8; N], what: &str) -> Result<(), String> {
        match self.take::<N>() {
            Ok(found) if found == expected => Ok(()),
            Ok(_) => {
                self.at -= N;
                Err(format!("this is not {what}"))
            }
            Err(error) => Err(error),
        }
    }

    fn text(&mut self, length: u64) -> Result<String, String> {
        let length = usize::try_from(length).ok();
        let end = length.and_then(|length| self.at.checked_add(length));
        let bytes = end.and_then(|end| self.bytes.get(self.at..end));
        let bytes = bytes.ok_or("the stream ends within a string")?;
        let units = modified_utf8::decode(bytes).ok_or("this is no modified UTF-8")?;
        let text = String::from_utf16(&units).map_err(|_| "this string has half a character")?;
        self.at += bytes.len();
        Ok(text)
    }

    fn utf(&mut self) -> Result<String, String> {
        let length = u16::from_be_bytes(self.take()?);
        self.text(length.into())
    }

    fn person(&mut self) -> Result<Person, String> {
        self.require(MAGIC, "the magic of a Java stream, aced0005")?;
        self.require([TC_OBJECT], "an object")?;
        let fields = self.class()?;
        // The object's own.
        self.handles.push(None);
        let mut person = Person { name: String::new(), place: String::new(), year: 0 };
        for field in fields {
            match field {
                ClassField::Name => person.name = self.string()?,
                ClassField::Place => person.place = self.string()?,
                ClassField::Year => person.year = i32::from_be_bytes(self.take()?),
            }
        }
        match self.bytes.len() - self.at {
            0 => Ok(person),
            more => Err(format!("{more} bytes follow the person")),
        }
    }

    /// The class's description: its fields, in the order of their values.
    fn class(&mut self) -> Result<[ClassField; 3], String> {
        self.require([TC_CLASSDESC], "a class")?;
        let name = self.utf()?;
        if name != CLASS {
            return Err(format!("the class is {:?} and not Person", begin(&name)));
        }
        let _serial_version_uid: [u8; 8] = self.take()?;
        self.handles.push(None);
        self.require([SC_SERIALIZABLE], "a class that is serialized in the default way")?;
        self.require([0, 3], "three fields")?;
        let fields = [self.field()?, self.field()?, self.field()?];
        let all = [ClassField::Name, ClassField::Place, ClassField::Year];
        if !all.iter().all(|field| fields.contains(field)) {
            return Err("the fields are not name, place and year".into());
        }
        self.require([TC_ENDBLOCKDATA], "the end of the class's annotations")?;
        self.require([TC_NULL], "a class without a superclass")?;
        Ok(fields)
    }

    fn field(&mut self) -> Result<ClassField, String> {
        let [code] = self.take()?;
        let name = self.utf()?;
        let is_string = code == b'L' && self.string()? == STRING_TYPE;
        match (code, name.as_str()) {
            (b'I', "year") => Ok(ClassField::Year),
            (b'L', "name") if is_string => Ok(ClassField::Name),
            (b'L', "place") if is_string => Ok(ClassField::Place),
            _ => {
                let name = begin(&name);
                Err(format!("the field {name:?} is none of int year, String name, String place"))
            }
        }
    }

    /// A string object, or a reference to one.
    fn string(&mut self) -> Result<String, String> {
        let text = match self.take()? {
            [TC_STRING] => self.utf()?,
            [TC_LONGSTRING] => {
                let length = u64::from_be_bytes(self.take()?);
                self.text(length)?
            }
            [TC_REFERENCE] => {
                let handle = u32::from_be_bytes(self.take()?).checked_sub(FIRST_HANDLE);
                let known = handle.and_then(|handle| self.handles.get(handle as usize));
                return known.cloned().flatten().ok_or("this refers to no string before".into());
            }
            [TC_NULL] => return Err("a string is null".into()),
            _ => return Err("this is no string".into()),
        };
        self.handles.push(Some(text.clone()));
        Ok(text)
    }
}
