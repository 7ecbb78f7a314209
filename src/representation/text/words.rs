//! The words of a line: where it ends, what stands between its spaces, numbers and ids.
//!
//! **Invariants** nothing is copied, and nothing looked at beyond the line.
//!
//! **Lock** none. **Source** the grammar of [`super`].

use std::borrow::Cow;

use crate::message::{Code, Error, LeaseId, parse_decimal};
use crate::representation::escape::unescape;

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

/// The next word and what follows it, its space included.
pub(super) fn next_word(text: &[u8]) -> (&[u8], &[u8]) {
    let start = text.iter().take_while(|&&byte| byte == b' ').count();
    let text = &text[start..];
    let end = text.iter().position(|&byte| byte == b' ').unwrap_or(text.len());
    text.split_at(end)
}

/// Exactly `N` words.
pub(super) fn words<'a, const N: usize>(
    text: &'a [u8],
    form: &str,
) -> Result<[&'a [u8]; N], Error> {
    let mut rest = text;
    let mut found = [&text[..0]; N];
    for word in &mut found {
        (*word, rest) = next_word(rest);
        if word.is_empty() {
            return Err(usage(form));
        }
    }
    if next_word(rest).0.is_empty() { Ok(found) } else { Err(usage(form)) }
}

pub(super) fn usage(form: &str) -> Error {
    Error::new(Code::BadRequest, format!("wrong number of words; the form is: {form}"))
}

pub(super) fn id(rest: &[u8], form: &str) -> Result<LeaseId, Error> {
    words(rest, form).and_then(|[word]| LeaseId::parse(word))
}

pub(super) fn number(word: &[u8]) -> Result<u64, Error> {
    let text = "a number is missing or out of range; give digits, 1 to 18446744073709551615";
    parse_decimal(word).ok_or_else(|| Error::new(Code::BadRequest, text))
}

/// The data that ends a line: all after one space.
pub(super) fn data(rest: &[u8]) -> Result<Cow<'_, [u8]>, Error> {
    let data = unescape(rest.strip_prefix(b" ").unwrap_or(rest));
    data.ok_or_else(|| Error::new(Code::BadRequest, BAD_ESCAPE))
}

const BAD_ESCAPE: &str =
    "an escape is none of \\n \\r \\t \\\\ \\' \\\" \\xNN; write a backslash as \\\\";
