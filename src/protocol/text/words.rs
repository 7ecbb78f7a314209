//! The words of a request, and how numbers, ids and data are read from them.
//!
//! ```text
//!   Words::Line    lease  64 5000
//!                  └─┬─┘  └┘ └──┘           three words; a run of spaces separates two of them
//!   Words::Bulks   $5 lease $2 64 $4 5000   the same three; each is a bulk string
//! ```
//!
//! Both forms are cursors over borrowed bytes: [`Words::next`] returns the next word and the rest.
//! So the text of a line and the bulk strings of RESP share one reader, and RESP has every command
//! of text.
//!
//! **Invariants**
//!
//! 1. Nothing is copied but data that holds an escape, and a name that is not valid UTF-8.
//! 2. No function looks at a byte behind the line, or behind the bulk strings.
//! 3. A wrong number of words is refused before any field is read. (Bulk strings behind data are
//!    refused later, by [`Words::data`].)
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
    /// Returns the next word and the words behind it. The word is empty when there is none; in RESP
    /// it may also be an empty bulk string, so callers ask [`Words::is_over`] for the end.
    pub(crate) fn next(self) -> (&'a [u8], Self) {
        match self {
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
        }
    }

    /// Returns the number of words that follow.
    pub(crate) fn count(mut self) -> usize {
        let mut count = 0;
        while !self.is_over() {
            (_, self) = self.next();
            count += 1;
        }
        count
    }

    /// Returns whether no word follows.
    pub(crate) fn is_over(self) -> bool {
        match self {
            Words::Line(text) => text.iter().all(|&byte| byte == b' '),
            Words::Bulks(bulks) => bulks.is_empty(),
        }
    }

    /// Returns the data that ends a request. In a line it is all bytes after one space, so that
    /// data may begin and end with spaces; in RESP it is the last bulk string.
    ///
    /// # Errors
    /// Fails with `bad-request` for an unknown escape, or for bulk strings behind the data.
    pub(super) fn data(self) -> Result<Cow<'a, [u8]>, Error> {
        match self {
            Words::Line(text) => unescape(text.strip_prefix(b" ").unwrap_or(text))
                .ok_or_else(|| Error::new(Code::BadRequest, BAD_ESCAPE)),
            Words::Bulks(_) => match self.next() {
                (data, rest) if rest.is_over() => Ok(Cow::Borrowed(data)),
                _ => Err(Error::new(Code::BadRequest, "the data is one bulk string; send no more")),
            },
        }
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
pub(crate) fn read_command<'a, C: Command<'a>>(words: Words<'a>) -> Result<C, Error> {
    let (least, most) = C::WORDS;
    let (mut count, mut rest) = (0, words);
    // Count no further than needed: one word too many is enough for a refusal. Data may be any
    // number of words, and megabytes of it are not walked to count them.
    let enough = if most == usize::MAX { least } else { most + 1 };
    while count < enough && !rest.is_over() {
        (_, rest) = rest.next();
        count += 1;
    }
    if count < least || count > most {
        return Err(Error::wrong_words(C::FORM));
    }
    C::read(&mut FieldWords(words))
}

/// The fields of a command, in a line or in bulk strings: each field is one word, except data.
struct FieldWords<'a>(Words<'a>);

impl<'a> FieldWords<'a> {
    /// Reads the next word; behind the last one it reads empty words.
    fn next(&mut self) -> &'a [u8] {
        let (word, rest) = self.0.next();
        self.0 = rest;
        word
    }
}

impl<'a> Source<'a> for FieldWords<'a> {
    /// Always returns `Some`: by `None` the body of a frame tells a command that it has no words. A
    /// word that is missing is empty here.
    fn word(&mut self) -> Option<&'a [u8]> {
        Some(self.next())
    }

    fn is_over(&self) -> bool {
        self.0.is_over()
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

    fn data(&mut self) -> Result<Cow<'a, [u8]>, Error> {
        let data = self.0.data();
        // Data is the last field: no word is left, whatever the data holds.
        self.0 = Words::Line(&[]);
        data
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
        items.map(|item| each(&mut FieldWords(Words::Line(item)))).collect()
    }
}

const BAD_ESCAPE: &str =
    "an escape is none of \\n \\r \\t \\\\ \\' \\\" \\xNN; write a backslash as \\\\";
