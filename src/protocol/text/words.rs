//! The words of a request, and how numbers, ids and data are read from them.
//!
//! ```text
//!   Words::Line    lease  64 5000
//!                  └─┬─┘  └┘ └──┘           three words; a run of spaces separates two of them
//!   Words::Bulks   $5 lease $2 64 $4 5000   the same three; each is a bulk string
//! ```
//!
//! Both forms are cursors over borrowed bytes: [`Words::next`] returns the next word and moves on.
//! So the text of a line and the bulk strings of RESP share one [`Source`], and RESP has every
//! command of text.
//!
//! **Invariants**
//!
//! 1. Nothing is copied but data that holds an escape, and a name that is not valid UTF-8.
//! 2. No function looks at a byte behind the line, or behind the bulk strings.
//! 3. A wrong number of words is refused before any field is read. (Bulk strings behind data are
//!    refused later, when the data is read.)
//!
//! **Lock** none. **Simplified** the words of a command are walked twice, once to count them and
//! once to read them. That is cheap: apart from its data, a command has only a few words.
//!
//! **Source** the grammar of [`super`]; the specification of RESP for bulk strings.

use std::borrow::Cow;

use crate::common::description::{Command, Source};
use crate::common::error::{Code, Error};
use crate::common::escape::unescape;
use crate::common::id::{LeaseId, parse_decimal};

/// The words of a request that were not read yet.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Words<'a> {
    /// A line: spaces separate the words, and data is escaped.
    Line(&'a [u8]),
    /// Bulk strings, not escaped. [`crate::protocol::resp`] has checked that each of them is whole.
    Bulks(&'a [u8]),
}

impl<'a> Words<'a> {
    /// Reads the next word. The word is empty when there is none; in RESP it may also be an empty
    /// bulk string, so callers ask [`Source::is_over`] for the end.
    pub(crate) fn next(&mut self) -> &'a [u8] {
        let (word, rest) = match *self {
            Words::Line(text) => {
                let start = text.iter().take_while(|&&byte| byte == b' ').count();
                let text = &text[start..];
                let end = text.iter().position(|&byte| byte == b' ').unwrap_or(text.len());
                (&text[..end], Words::Line(&text[end..]))
            }
            Words::Bulks(bulks) => {
                let (word, rest) = first_bulk(bulks).unwrap_or_default();
                (word, Words::Bulks(rest))
            }
        };
        *self = rest;
        word
    }

    /// Returns the number of words that follow, or `enough` if there are more.
    pub(crate) fn count(mut self, enough: usize) -> usize {
        let mut count = 0;
        while count < enough && !self.is_over() {
            self.next();
            count += 1;
        }
        count
    }
}

/// Splits bulk strings into the first one and the rest: `$4 CR LF draw CR LF` gives `draw`. Returns
/// `None` for bytes that are no bulk string. RESP's scan has refused such bytes already; but if it
/// had a bug, indexing would panic, and `None` does not.
fn first_bulk(bulks: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bulks.iter().position(|&byte| byte == b'\r')?;
    let length = usize::try_from(parse_decimal(bulks.get(1..end)?)?).ok()?;
    let (word, rest) = bulks.get(end + 2..)?.split_at_checked(length)?;
    Some((word, rest.get(2..)?))
}

/// Reads the fields of a command from the words behind the command's name. Counts the words first:
/// if their number is wrong, the client gets the form of the command, and not an error about one of
/// its numbers.
///
/// # Errors
/// Fails with `bad-request` for a wrong number of words, or for the first wrong field.
pub(crate) fn read_command<'a, C: Command<'a>>(mut words: Words<'a>) -> Result<C, Error> {
    let (least, most) = C::WORDS;
    // Count no further than needed: one word too many is enough for a refusal. Data may be any
    // number of words, and megabytes of it are not walked to count them.
    let count = words.count(if most == usize::MAX { least } else { most + 1 });
    if count < least || count > most {
        return Err(Error::wrong_words(C::FORM));
    }
    C::read(&mut words)
}

/// Each field of a command is one word, except data.
impl<'a> Source<'a> for Words<'a> {
    /// Always returns `Some`: by `None` the body of a frame tells a command that it has no words. A
    /// word that is missing is empty here.
    fn word(&mut self) -> Option<&'a [u8]> {
        Some(self.next())
    }

    fn is_over(&self) -> bool {
        match self {
            Words::Line(text) => text.iter().all(|&byte| byte == b' '),
            Words::Bulks(bulks) => bulks.is_empty(),
        }
    }

    fn u64(&mut self) -> Result<u64, Error> {
        parse_decimal(self.next()).ok_or_else(Error::not_a_number)
    }

    fn id(&mut self) -> Result<LeaseId, Error> {
        LeaseId::parse(self.next())
    }

    /// Replaces bytes that are not valid UTF-8 by U+FFFD. Every text in a request is the name of a
    /// process. No process has a name with this character, so the command refuses the name later.
    fn text(&mut self) -> Result<Cow<'a, str>, Error> {
        Ok(String::from_utf8_lossy(self.next()))
    }

    /// Reads the data that ends a request. In a line it is all bytes after one space, so that data
    /// may begin and end with spaces; in RESP it is the last bulk string. An unknown escape is
    /// refused, and so are bulk strings behind the data.
    fn data(&mut self) -> Result<Cow<'a, [u8]>, Error> {
        // Data is the last field: no word is left, whatever the data holds.
        match std::mem::replace(self, Words::Line(&[])) {
            Words::Line(text) => unescape(text.strip_prefix(b" ").unwrap_or(text))
                .ok_or_else(|| Error::new(Code::BadRequest, BAD_ESCAPE)),
            mut bulks @ Words::Bulks(_) => match bulks.next() {
                data if bulks.is_over() => Ok(Cow::Borrowed(data)),
                _ => Err(Error::new(Code::BadRequest, "the data is one bulk string; send no more")),
            },
        }
    }

    fn list<T>(
        &mut self,
        _: usize,
        each: impl Fn(&mut Self) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        // A list is one word, with commas between the items. `each` reads an item as it would read
        // a line of one word. The first argument is for a frame alone: there it bounds the length
        // of a list by the bytes that are left.
        let items = self.next().split(|&byte| byte == b',');
        items.map(|item| each(&mut Words::Line(item))).collect()
    }
}

const BAD_ESCAPE: &str =
    "an escape is none of \\n \\r \\t \\\\ \\' \\\" \\xNN; write a backslash as \\\\";
