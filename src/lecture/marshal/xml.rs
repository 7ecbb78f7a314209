//! `Person` in XML.
//!
//! ```text
//!   <?xml version="1.0" encoding="UTF-8"?>
//!   <person>
//!     <name>Smith</name>
//!     <place>London</place>
//!     <year>1934</year>
//!   </person>
//! ```
//!
//! Reading takes the three elements in any order, attributes (which are not looked at),
//! comments, character references, the five named entities and CDATA. A document type is
//! refused: its entities could be made to grow without end.
//!
//! **Invariants** reading takes no more memory than a few times the document's.
//!
//! **Lock** none. **Simplified** UTF-8 alone; no namespaces, no processing instructions; what
//! attributes hold is not checked.
//!
//! **Source** W3C, XML 1.0, fifth edition; the XML figure of the lecture's book, whose
//! document also has an `id` and a comment.

use crate::lecture::marshal::{EncodedPart, Person};

/// White space, once ends of lines are one character.
const BLANKS: [char; 3] = [' ', '\t', '\n'];

/// A person in XML.
///
/// # Errors
/// For a character that XML cannot say.
pub fn marshal(person: &Person) -> Result<Vec<EncodedPart>, String> {
    let (name, place) = (escaped(&person.name)?, escaped(&person.place)?);
    let year = person.year;
    let text = |line: String| EncodedPart::new(line, "");
    Ok(vec![
        text("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<person>\n".into()),
        text(format!("  <name>{name}</name>\n")),
        text(format!("  <place>{place}</place>\n")),
        text(format!("  <year>{year}</year>\n</person>\n")),
    ])
}

fn escaped(text: &str) -> Result<String, String> {
    let mut out = String::new();
    for character in text.chars() {
        match character {
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '&' => out += "&amp;",
            // A reader would make a line feed of it.
            '\r' => out += "&#13;",
            _ if is_allowed(character) => out.push(character),
            _ => return Err(format!("XML cannot say {character:?}; leave it out")),
        }
    }
    Ok(out)
}

/// XML 1.0, production 2.
fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// The person of an XML document.
///
/// # Errors
/// The mistake in the bytes.
pub fn unmarshal(bytes: &[u8]) -> Result<Person, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "the document is no UTF-8; convert it")?;
    // Ends of lines are one character each: XML 1.0, section 2.11.
    let text =
        text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n").replace('\r', "\n");
    if let Some(wrong) = text.chars().find(|&character| !is_allowed(character)) {
        return Err(format!("XML has no {wrong:?}; leave it out"));
    }
    let mut document = Document { rest: &text };
    document.person().map_err(|what| {
        let line = text[..text.len() - document.rest.len()].matches('\n').count() + 1;
        format!("line {line}: {what}; give one person with name, place and year")
    })
}

/// The elements within the person.
const ELEMENTS: [&str; 3] = ["name", "place", "year"];

/// The person of the texts of [`ELEMENTS`].
fn person_of([name, place, year]: [Option<String>; 3]) -> Result<Person, String> {
    let year = year.ok_or("there is no year")?;
    let year = year.trim_matches(BLANKS);
    let mut digits = year.strip_prefix('-').unwrap_or(year).bytes();
    let number = year.parse().ok().filter(|_| digits.all(|byte| byte.is_ascii_digit()));
    Ok(Person {
        name: name.ok_or("there is no name")?,
        place: place.ok_or("there is no place")?,
        year: number.ok_or("the year is no number of 32 bits")?,
    })
}

struct Document<'a> {
    rest: &'a str,
}

impl<'a> Document<'a> {
    fn person(&mut self) -> Result<Person, String> {
        if self.rest.starts_with("<?xml ") {
            let declared = self.until("?>")?.to_ascii_lowercase();
            if declared.contains("encoding") && !declared.contains("utf-8") {
                return Err("the document says that it is not in UTF-8".into());
            }
        }
        self.skip_blanks()?;
        if self.rest.starts_with("<!") {
            return Err("a document type is not read".into());
        }
        let fields = self.fields()?;
        self.skip_blanks()?;
        if !self.rest.is_empty() {
            return Err("something follows the person".into());
        }
        person_of(fields)
    }

    /// The texts of [`ELEMENTS`].
    fn fields(&mut self) -> Result<[Option<String>; 3], String> {
        let mut fields = <[Option<String>; 3]>::default();
        if self.open("person")? {
            return Ok(fields);
        }
        loop {
            self.skip_blanks()?;
            if self.close("person")? {
                return Ok(fields);
            }
            let element = self.name();
            let Some(at) = ELEMENTS.iter().position(|known| *known == element) else {
                // Of a name that may be long only the beginning is shown.
                let shown: String = element.chars().take(20).collect();
                return Err(format!("there is {shown:?} within the person"));
            };
            if fields[at].replace(self.element(element)?).is_some() {
                return Err(format!("there is a second {element}"));
            }
        }
    }

    /// The name of the element that begins here.
    fn name(&self) -> &'a str {
        let Some(rest) = self.rest.strip_prefix('<') else { return "text" };
        rest.split(|c: char| c.is_ascii_whitespace() || matches!(c, '>' | '/')).next().unwrap_or("")
    }

    fn until(&mut self, end: &str) -> Result<&'a str, String> {
        let (before, after) =
            self.rest.split_once(end).ok_or_else(|| format!("there is no {end} any more"))?;
        self.rest = after;
        Ok(before)
    }

    /// Blanks and comments.
    fn skip_blanks(&mut self) -> Result<(), String> {
        loop {
            self.rest = self.rest.trim_start_matches(BLANKS);
            match self.rest.strip_prefix("<!--") {
                Some(rest) => self.rest = rest,
                None => return Ok(()),
            }
            self.end_of_comment()?;
        }
    }

    fn end_of_comment(&mut self) -> Result<(), String> {
        match self.until("--")? {
            _ if self.rest.starts_with('>') => self.rest = &self.rest[1..],
            _ => return Err("there is -- within a comment".into()),
        }
        Ok(())
    }

    /// Takes a start tag; true when the element is empty and has ended.
    fn open(&mut self, name: &str) -> Result<bool, String> {
        if self.name() != name {
            return Err(format!("there is no <{name}>"));
        }
        self.rest = &self.rest[1 + name.len()..];
        // A > may stand within an attribute's quotes.
        let mut quote = None;
        for (at, character) in self.rest.char_indices() {
            match (quote, character) {
                (None, '"' | '\'') => quote = Some(character),
                (Some(begun), _) if begun == character => quote = None,
                (None, '>') => {
                    let is_empty = self.rest[..at].ends_with('/');
                    self.rest = &self.rest[at + 1..];
                    return Ok(is_empty);
                }
                (None, '<') => break,
                _ => {}
            }
        }
        Err(format!("the tag {name} does not end"))
    }

    /// Takes an end tag, if there is one.
    fn close(&mut self, name: &str) -> Result<bool, String> {
        let Some(rest) = self.rest.strip_prefix("</") else { return Ok(false) };
        let rest = rest.strip_prefix(name).map(|rest| rest.trim_start_matches(BLANKS));
        let rest = rest.and_then(|rest| rest.strip_prefix('>'));
        self.rest = rest.ok_or_else(|| format!("this is not the end of {name}"))?;
        Ok(true)
    }

    /// Takes an element that holds text alone.
    fn element(&mut self, name: &str) -> Result<String, String> {
        let mut text = String::new();
        if self.open(name)? {
            return Ok(text);
        }
        loop {
            let end = self.rest.find(['<', '&']).ok_or_else(|| format!("{name} does not end"))?;
            let piece = &self.rest[..end];
            if piece.contains("]]>") {
                return Err(format!("there is ]]> within {name}; write it as ]]&gt;"));
            }
            text += piece;
            self.rest = &self.rest[end..];
            if let Some(rest) = self.rest.strip_prefix("<![CDATA[") {
                self.rest = rest;
                text += self.until("]]>")?;
            } else if let Some(rest) = self.rest.strip_prefix("<!--") {
                self.rest = rest;
                self.end_of_comment()?;
            } else if let Some(rest) = self.rest.strip_prefix('&') {
                self.rest = rest;
                let reference = self.until(";")?;
                text.push(referred(reference)?);
            } else if self.close(name)? {
                return Ok(text);
            } else {
                return Err(format!("there is an element within {name}"));
            }
        }
    }
}

/// The character that a reference stands for.
fn referred(reference: &str) -> Result<char, String> {
    let number = match (reference, reference.strip_prefix("#x"), reference.strip_prefix('#')) {
        ("lt", ..) => return Ok('<'),
        ("gt", ..) => return Ok('>'),
        ("amp", ..) => return Ok('&'),
        ("quot", ..) => return Ok('"'),
        ("apos", ..) => return Ok('\''),
        (_, Some(hex), _) if hex.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            u32::from_str_radix(hex, 16).ok()
        }
        (_, None, Some(digits)) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().ok()
        }
        _ => None,
    };
    let character = number.and_then(char::from_u32).filter(|&character| is_allowed(character));
    // Of what is no reference only the beginning is shown.
    let shown: String = reference.chars().take(10).collect();
    character.ok_or_else(|| format!("&{shown}; is no character"))
}
