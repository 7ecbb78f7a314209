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
//! Each telephone number is an element `<telephone>` behind the year. Reading accepts the elements
//! in any order, attributes (and ignores them), comments, character references, the five named
//! entities and CDATA.
//!
//! It refuses a document type, because a document type can define entities by other entities. Ten
//! definitions, each of ten times the one before, turn a kilobyte into gigabytes: the attack is
//! called *billion laughs*.
//!
//! The elements nest only two deep, so no function calls itself, and a deep document cannot
//! overflow the stack. Each function takes its part from the front of `rest`, the part of the
//! document that is not read yet:
//!
//! ```text
//!   person    declaration? blanks fields blanks end
//!   fields    <person> (blanks element)* blanks </person>            or <person/>
//!   element   <name> (text | CDATA | comment | reference)* </name>    or <name/>
//!   blanks    (white space | comment)*
//! ```
//!
//! **Invariants**
//!
//! 1. `rest` is always a suffix of the document, so the line of an error can be counted.
//! 2. Reading allocates at most a few times as many bytes as the document has: no reference is
//!    longer in the result than in the document.
//!
//! **Lock** none. **Simplified** UTF-8 alone; no namespaces, no processing instructions; the
//! contents of attributes are not checked.
//!
//! **Source** W3C, XML 1.0, fifth edition; the XML figure of the lecture's book, whose document
//! also has an `id` and a comment.

use crate::lecture::marshal::{EncodedPart, Person};

/// White space of XML 1.0, production 3. CR is missing: reading has replaced it by LF already.
const BLANKS: [char; 3] = [' ', '\t', '\n'];

/// Marshals a person in XML. Each part has one or two lines.
///
/// # Errors
/// Fails with the character that XML cannot express. A reference does not help: XML 1.0 forbids
/// `&#0;` too.
pub fn marshal(person: &Person) -> Result<Vec<EncodedPart>, String> {
    let (name, place) = (escaped(&person.name)?, escaped(&person.place)?);
    let year = person.year;
    let text = |line: String| EncodedPart::new(line, "");
    let mut parts = vec![
        text("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<person>\n".into()),
        text(format!("  <name>{name}</name>\n")),
        text(format!("  <place>{place}</place>\n")),
        text(format!("  <year>{year}</year>\n")),
    ];
    for telephone in &person.telephones {
        parts.push(text(format!("  <telephone>{}</telephone>\n", escaped(telephone)?)));
    }
    parts.push(text("</person>\n".into()));
    Ok(parts)
}

/// Returns a text with references for the characters that have a meaning in XML. XML allows `>` in
/// a text, except behind `]]`; here it is always replaced.
///
/// # Errors
/// Fails with the first character that XML cannot express.
fn escaped(text: &str) -> Result<String, String> {
    let mut out = String::new();
    for character in text.chars() {
        match character {
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '&' => out += "&amp;",
            // Written as it is, a CR would reach the reader as LF.
            '\r' => out += "&#13;",
            _ if is_allowed(character) => out.push(character),
            _ => return Err(format!("XML cannot say {character:?}; leave it out")),
        }
    }
    Ok(out)
}

/// Returns whether XML 1.0, production 2, allows the character. A `char` is never half of a
/// surrogate pair, so the range needs no gap for those.
fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// Unmarshals the one person of an XML document.
///
/// # Errors
/// Fails with the line and the mistake in it. A document that is not UTF-8, or holds a forbidden
/// character, has no line in the error.
pub fn unmarshal(bytes: &[u8]) -> Result<Person, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "the document is no UTF-8; convert it")?;
    // Drops a byte order mark, and makes each line end one LF (XML 1.0, section 2.11).
    let text =
        text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n").replace('\r', "\n");
    // The whole document is checked at once, so the functions below need no such check.
    if let Some(wrong) = text.chars().find(|&character| !is_allowed(character)) {
        return Err(format!("XML has no {wrong:?}; leave it out"));
    }
    let mut document = Document { rest: &text };
    document.document().map_err(|what| {
        let line = text[..text.len() - document.rest.len()].matches('\n').count() + 1;
        format!("line {line}: {what}; give one person with name, place and year")
    })
}

/// The elements that come once within the person. Their texts stand in the same order.
const ELEMENTS: [&str; 3] = ["name", "place", "year"];

/// The texts within a person: of each of [`ELEMENTS`], and of each `<telephone>`.
#[derive(Default)]
struct PersonTexts {
    once: [Option<String>; 3],
    telephones: Vec<String>,
}

/// Returns the person with these texts.
///
/// # Errors
/// Fails if one is missing, or if the year is not a number of 32 bits.
fn person_of(texts: PersonTexts) -> Result<Person, String> {
    let PersonTexts { once: [name, place, year], telephones } = texts;
    let year = year.ok_or("there is no year")?;
    let year = year.trim_matches(BLANKS);
    // Rust's `parse` also accepts `+1934`, hence the check of each digit.
    let mut digits = year.strip_prefix('-').unwrap_or(year).bytes();
    let number = year.parse().ok().filter(|_| digits.all(|byte| byte.is_ascii_digit()));
    Ok(Person {
        name: name.ok_or("there is no name")?,
        place: place.ok_or("there is no place")?,
        year: number.ok_or("the year is no number of 32 bits")?,
        telephones,
    })
}

/// The two tags that can begin an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OpeningTag {
    /// `<name>`: the content follows, and an end tag.
    Start,
    /// `<name/>`: the element is empty, and has ended.
    Empty,
}

/// The part of a document that is not read yet. After an error it begins near the mistake.
struct Document<'a> {
    rest: &'a str,
}

impl<'a> Document<'a> {
    /// Takes the whole document.
    fn document(&mut self) -> Result<Person, String> {
        let is_space = |rest: &str| rest.starts_with([' ', '\t', '\r', '\n']);
        if self.rest.strip_prefix("<?xml").is_some_and(is_space) {
            let declared = self.until("?>")?.to_ascii_lowercase();
            // By now the bytes are valid UTF-8. Bytes in another encoding can look so by chance,
            // and would give a wrong name.
            if declared.contains("encoding") && !declared.contains("utf-8") {
                return Err("the document says that it is not in UTF-8".into());
            }
        }
        self.skip_blanks()?;
        if self.rest.starts_with("<!") {
            return Err("a document type is not read".into());
        }
        let texts = self.person()?;
        self.skip_blanks()?;
        if !self.rest.is_empty() {
            return Err("something follows the person".into());
        }
        person_of(texts)
    }

    /// Takes the person element.
    fn person(&mut self) -> Result<PersonTexts, String> {
        let mut texts = PersonTexts::default();
        if self.open("person")? == OpeningTag::Empty {
            return Ok(texts);
        }
        loop {
            self.skip_blanks()?;
            if self.close("person")? {
                return Ok(texts);
            }
            let element = self.name();
            if element == "telephone" {
                texts.telephones.push(self.element(element)?);
                continue;
            }
            let Some(at) = ELEMENTS.iter().position(|known| *known == element) else {
                // A name may be as long as the document; an error shows its beginning.
                let shown: String = element.chars().take(20).collect();
                return Err(format!("there is {shown:?} within the person"));
            };
            if texts.once[at].replace(self.element(element)?).is_some() {
                return Err(format!("there is a second {element}"));
            }
        }
    }

    /// Returns the name in the tag that begins here: empty for an end tag. If no tag begins here,
    /// returns the word `text`, for the error. Takes nothing.
    fn name(&self) -> &'a str {
        let Some(rest) = self.rest.strip_prefix('<') else { return "text" };
        rest.split(|c: char| c.is_ascii_whitespace() || matches!(c, '>' | '/')).next().unwrap_or("")
    }

    /// Takes all before `end`, and `end` itself. Returns the part before. Takes nothing if there is
    /// no `end`.
    fn until(&mut self, end: &str) -> Result<&'a str, String> {
        let (before, after) =
            self.rest.split_once(end).ok_or_else(|| format!("there is no {end} any more"))?;
        self.rest = after;
        Ok(before)
    }

    /// Skips blanks and comments.
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

    /// Takes the rest of a comment. XML 1.0, production 15, forbids `--` within a comment, so the
    /// first `--` must be the beginning of `-->`.
    fn end_of_comment(&mut self) -> Result<(), String> {
        match self.until("--")? {
            _ if self.rest.starts_with('>') => self.rest = &self.rest[1..],
            _ => return Err("there is -- within a comment".into()),
        }
        Ok(())
    }

    /// Takes the tag that begins the element `name`.
    fn open(&mut self, name: &str) -> Result<OpeningTag, String> {
        if self.name() != name {
            return Err(format!("there is no <{name}>"));
        }
        self.rest = &self.rest[1 + name.len()..];
        // The wrong way is to search for the first `>`: an attribute's value may hold one, within
        // quotes.
        let mut quote = None;
        for (at, character) in self.rest.char_indices() {
            match (quote, character) {
                (None, '"' | '\'') => quote = Some(character),
                (Some(begun), _) if begun == character => quote = None,
                (None, '>') => {
                    let is_empty = self.rest[..at].ends_with('/');
                    self.rest = &self.rest[at + 1..];
                    return Ok(if is_empty { OpeningTag::Empty } else { OpeningTag::Start });
                }
                (None, '<') => break,
                _ => {}
            }
        }
        Err(format!("the tag {name} does not end"))
    }

    /// Takes an end tag, and returns true. Returns false if none begins here, and fails for another
    /// name.
    fn close(&mut self, name: &str) -> Result<bool, String> {
        let Some(rest) = self.rest.strip_prefix("</") else { return Ok(false) };
        let rest = rest.strip_prefix(name).map(|rest| rest.trim_start_matches(BLANKS));
        let rest = rest.and_then(|rest| rest.strip_prefix('>'));
        self.rest = rest.ok_or_else(|| format!("this is not the end of {name}"))?;
        Ok(true)
    }

    /// Takes an element that holds text alone, and returns its text.
    fn element(&mut self, name: &str) -> Result<String, String> {
        let mut text = String::new();
        if self.open(name)? == OpeningTag::Empty {
            return Ok(text);
        }
        loop {
            // Only `<` and `&` end a piece of text. Each piece is searched once, so the cost is
            // linear.
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

/// Returns the character that a reference stands for; `reference` is the part between `&` and `;`.
fn referred(reference: &str) -> Result<char, String> {
    // `from_str_radix` accepts a plus sign, and `&#+65;` is no reference: hence the checks of
    // digits.
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
    // A reference may be as long as the document; an error shows its beginning.
    let shown: String = reference.chars().take(10).collect();
    character.ok_or_else(|| format!("&{shown}; is no character"))
}
