//! The words of a line: where it ends, what stands between its spaces, numbers and ids.
//!
//! **Invariants** nothing is copied, and nothing looked at beyond the line or the bulk strings.
//!
//! **Lock** none. **Source** the grammar of [`super`].

use std::borrow::Cow;

use crate::common::description::{Command, Source};
use crate::common::error::{Code, Error};
use crate::common::escape::unescape;
use crate::common::id::{LeaseId, parse_decimal};

/// Where the next LF is, from `from` on. std's `memchr` is not public, and requests are
/// short: eight bytes at a time find the end of `draw 1` in one step.
pub(super) fn find_line_end(input: &[u8], from: usize) -> Option<usize> {
    let (chunks, rest) = input[from..].as_chunks::<8>();
    for (at, chunk) in chunks.iter().enumerate() {
        // A byte that is LF becomes zero, and the lowest zero byte borrows from its high bit.
        let bytes = u64::from_le_bytes(*chunk) ^ (EACH * u64::from(b'\n'));
        let zeros = bytes.wrapping_sub(EACH) & !bytes & (EACH << 7);
        if zeros != 0 {
            return Some(from + 8 * at + zeros.trailing_zeros() as usize / 8);
        }
    }
    let at = rest.iter().position(|&byte| byte == b'\n')?;
    Some(input.len() - rest.len() + at)
}

/// The lowest bit of each of eight bytes.
const EACH: u64 = 0x0101_0101_0101_0101;

/// What a command and its words stand in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Words<'a> {
    /// With spaces between them, and data escaped.
    Line(&'a [u8]),
    /// Each a bulk string of [`crate::protocol::resp`], which has seen that they are whole.
    Bulks(&'a [u8]),
}

impl<'a> Words<'a> {
    /// The next word, empty when there is none, and what follows it.
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

    /// How many words follow.
    pub(crate) fn count(mut self) -> usize {
        let mut count = 0;
        while !self.is_over() {
            (_, self) = self.next();
            count += 1;
        }
        count
    }

    /// Whether no word follows.
    pub(crate) fn is_over(self) -> bool {
        match self {
            Words::Line(text) => text.iter().all(|&byte| byte == b' '),
            Words::Bulks(bulks) => bulks.is_empty(),
        }
    }

    /// The data that ends it: of a line all after one space.
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

/// The first of some bulk strings, and those that follow.
fn first_bulk(bulks: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bulks.iter().position(|&byte| byte == b'\r')?;
    let length = usize::try_from(parse_decimal(bulks.get(1..end)?)?).ok()?;
    let (word, rest) = bulks.get(end + 2..)?.split_at_checked(length)?;
    Some((word, rest.get(2..)?))
}

/// Reads the fields of a command from the words that follow its own.
///
/// # Errors
/// `bad-request`, first of all for too few or too many words.
pub(crate) fn read_command<'a, C: Command<'a>>(words: Words<'a>) -> Result<C, Error> {
    let (least, most) = C::WORDS;
    let (mut count, mut rest) = (0, words);
    // Data may be any number of words: it is not looked through.
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

/// The fields of a command, a word each.
struct FieldWords<'a>(Words<'a>);

impl<'a> FieldWords<'a> {
    fn next(&mut self) -> &'a [u8] {
        let (word, rest) = self.0.next();
        self.0 = rest;
        word
    }
}

impl<'a> Source<'a> for FieldWords<'a> {
    fn word(&mut self) -> Option<&'a [u8]> {
        Some(self.next())
    }

    fn is_over(&self) -> bool {
        self.0.is_over()
    }

    fn u64(&mut self) -> Result<u64, Error> {
        parse_decimal(self.next()).ok_or_else(Error::not_a_number)
    }

    fn u32(&mut self) -> Result<u32, Error> {
        u32::try_from(self.u64()?).map_err(|_| Error::not_a_number())
    }

    fn optional(&mut self) -> Result<Option<u64>, Error> {
        if self.is_over() { Ok(None) } else { self.u64().map(Some) }
    }

    fn id(&mut self) -> Result<LeaseId, Error> {
        LeaseId::parse(self.next())
    }

    /// Bytes that are no text are no name either, which the chapter says.
    fn text(&mut self) -> Result<Cow<'a, str>, Error> {
        Ok(String::from_utf8_lossy(self.next()))
    }

    fn data(&mut self) -> Result<Cow<'a, [u8]>, Error> {
        let data = self.0.data();
        self.0 = Words::Line(&[]);
        data
    }

    fn list<T>(
        &mut self,
        _: usize,
        each: impl Fn(&mut Self) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let items = self.next().split(|&byte| byte == b',');
        items.map(|item| each(&mut FieldWords(Words::Line(item)))).collect()
    }
}

const BAD_ESCAPE: &str =
    "an escape is none of \\n \\r \\t \\\\ \\' \\\" \\xNN; write a backslash as \\\\";
