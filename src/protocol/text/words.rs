//! The words of a line: where it ends, what stands between its spaces, numbers and ids.
//!
//! **Invariants** nothing is copied, and nothing looked at beyond the line or the bulk strings.
//!
//! **Lock** none. **Source** the grammar of [`super`].

use std::borrow::Cow;

use crate::message::{Code, Error, LeaseId, parse_decimal};
use crate::protocol::escape::unescape;

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

/// A word in lower case as one integer, so that finding a command is comparing integers;
/// 0 for no word. No command has more than eight letters, or a NUL among them: such a word
/// has the key of none.
pub(super) const fn key(word: &[u8]) -> u64 {
    if word.len() > 8 {
        return u64::MAX;
    }
    let mut key = 0;
    let mut at = 0;
    while at < word.len() {
        if word[at] == 0 {
            return u64::MAX;
        }
        key = key << 8 | word[at].to_ascii_lowercase() as u64;
        at += 1;
    }
    key
}

/// What a command and its words stand in.
#[derive(Debug, Clone, Copy)]
pub(in crate::protocol) enum Words<'a> {
    /// With spaces between them, and data escaped.
    Line(&'a [u8]),
    /// Each a bulk string of [`crate::protocol::resp`], which has seen that they are whole.
    Bulks(&'a [u8]),
}

impl<'a> Words<'a> {
    /// The next word, empty when there is none, and what follows it.
    pub(in crate::protocol) fn next(self) -> (&'a [u8], Self) {
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
    pub(in crate::protocol) fn count(mut self) -> usize {
        let mut count = 0;
        while !self.is_over() {
            (_, self) = self.next();
            count += 1;
        }
        count
    }

    /// Whether no word follows.
    pub(in crate::protocol) fn is_over(self) -> bool {
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

/// The next word, which has to be there.
pub(super) fn required<'a>(rest: Words<'a>, form: &str) -> Result<(&'a [u8], Words<'a>), Error> {
    match rest.next() {
        ([], _) => Err(usage(form)),
        found => Ok(found),
    }
}

/// One word, or none.
pub(super) fn optional<'a>(rest: Words<'a>, form: &str) -> Result<Option<&'a [u8]>, Error> {
    let (word, rest) = rest.next();
    if rest.is_over() { Ok(Some(word).filter(|word| !word.is_empty())) } else { Err(usage(form)) }
}

/// Exactly `N` words.
pub(super) fn words<'a, const N: usize>(
    mut rest: Words<'a>,
    form: &str,
) -> Result<[&'a [u8]; N], Error> {
    let mut found: [&[u8]; N] = [&[]; N];
    for word in &mut found {
        (*word, rest) = rest.next();
        if word.is_empty() {
            return Err(usage(form));
        }
    }
    if rest.is_over() { Ok(found) } else { Err(usage(form)) }
}

pub(super) fn usage(form: &str) -> Error {
    Error::new(Code::BadRequest, format!("wrong number of words; the form is: {form}"))
}

pub(super) fn id(rest: Words<'_>, form: &str) -> Result<LeaseId, Error> {
    words(rest, form).and_then(|[word]| LeaseId::parse(word))
}

pub(super) fn number(word: &[u8]) -> Result<u64, Error> {
    let text = "a number is missing or out of range; give digits, 1 to 18446744073709551615";
    parse_decimal(word).ok_or_else(|| Error::new(Code::BadRequest, text))
}

const BAD_ESCAPE: &str =
    "an escape is none of \\n \\r \\t \\\\ \\' \\\" \\xNN; write a backslash as \\\\";
