//! The shape of a server's replies: where the drawn numbers stand among other ones.
//!
//! ```text
//!   draw 1  ─►  "You drew 1: 5 (99 left)\n"             "1:" is a label, not a number
//!   draw 3  ─►  "You drew 3: 19, 228, 665 (96 left)\n"  before 0, after 1, last byte '\n'
//!
//!   draw 2  ─►  00 00 00 05  "7 11\n"                   a length in front: no guess at the end
//!   draw 2  ─►  "7\0\0…" "11\0\0…"                      records of 64 bytes
//! ```
//!
//! [`super::fit`] finds the shape by comparing small draws; this file reads replies by it.
//!
//! When the list is drained, many servers say so with a number: `Sorry, all 100000 are gone`. So a
//! line with a word that no small draw had is a message, and its numbers are not drawn. A line that
//! begins with `error` is one too (`is_refusal`).
//!
//! **Invariants** A reply is [`Completeness::Yes`] only when all its numbers are there and the last
//! one has ended.
//!
//! **Lock** none: these are pure functions over bytes.
//!
//! **Simplified** A number that is joined to letters (`client7`) is a name, one before a colon is a
//! label, `12:30:05`, `6/4/2019` and `3 ms` are times; a line that begins with `error` has no
//! numbers.
//!
//! **Source** the homework's reply, and the forms in which Python, C and Java print a list.

use std::collections::BTreeSet;

use crate::common::id::parse_decimal;
use crate::lab::record::{is_refusal, numbers_in, without_colours};

/// The shape of a server's replies. The default is N numbers and nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplyShape {
    /// How a reply says where it ends.
    pub framing: ReplyLength,
    /// Whether commas stand within numbers: `12,345`.
    pub is_grouped: bool,
    /// The count of numbers before the drawn ones.
    pub before: usize,
    /// The count of numbers after the drawn ones.
    pub after: usize,
    /// The count of other numbers beside each drawn one: 1 when its index stands there.
    pub beside: usize,
    /// The count of these other numbers that stand before the drawn one.
    pub place: usize,
    /// The count of numbers in each reply that were not asked for, and that no rule tells from the
    /// drawn ones.
    pub extra: usize,
    /// The last byte of every reply, when it cannot belong to a number. Most often LF.
    pub last: Option<u8>,
    /// The words of the server's replies, in small letters; `None` if the second connection got a
    /// word that the first did not. Then no word makes a line a message.
    pub words: Option<BTreeSet<Vec<u8>>>,
}

/// How a reply says where it ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ReplyLength {
    /// A reply does not say where it ends.
    #[default]
    None,
    /// A length in bytes stands in front, in binary.
    Length {
        /// The bytes of the length.
        width: usize,
        /// The most significant byte comes first.
        is_big: bool,
        /// The length counts its own bytes too.
        counts_itself: bool,
    },
    /// Each number is padded to this many bytes.
    Records(usize),
    /// Each reply is padded to this many bytes, as by a server that sends its whole buffer. A
    /// longer reply is not padded.
    Padded(usize),
}

/// Whether a whole reply has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// The whole reply has come.
    Yes,
    /// All numbers have come, but the last one may have more digits to come.
    Perhaps,
    /// Some numbers have not come.
    No,
}

/// A number of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplyNumber {
    /// The value; `u64::MAX` for a number below 0 or over 64 bits, so that it still counts as one.
    pub value: u64,
    /// The count of bytes that follow the number and the byte that ends it. A number that is a
    /// length is compared with this count.
    pub rest: usize,
}

impl ReplyShape {
    /// Returns the numbers of a reply in their order, without labels, without times, and without
    /// the lines that are messages.
    pub fn tokens(&self, reply: &[u8]) -> Vec<ReplyNumber> {
        let body = without_colours(self.body(reply));
        let body = if self.is_grouped { without_group_commas(&body) } else { body.into_owned() };
        let plain = without_times(body);
        let mut tokens = Vec::new();
        let mut end = 0;
        for line in plain.split(|&byte| byte == b'\n') {
            let start = end;
            end = start + line.len() + 1;
            if is_refusal(line) || !self.knows_words(line) {
                continue;
            }
            for word in numbers_in(line) {
                // `word` is a slice of `line`, so the addresses give the offset of its end.
                let behind = word.as_ptr() as usize - line.as_ptr() as usize + word.len();
                if begins_with_unit(&line[behind..]) {
                    continue;
                }
                let value = parse_decimal(word).unwrap_or(u64::MAX);
                let rest = plain.len().saturating_sub(start + behind + 1);
                tokens.push(ReplyNumber { value, rest });
            }
        }
        tokens
    }

    /// Returns the shape in words, each clause behind a comma.
    pub fn describe(&self) -> String {
        let mut said = match self.framing {
            ReplyLength::None => String::new(),
            ReplyLength::Length { width, .. } => {
                format!(", says a length of {width} bytes before each reply")
            }
            ReplyLength::Records(width) => format!(", pads each number to {width} bytes"),
            ReplyLength::Padded(width) => format!(", pads each reply to {width} bytes"),
        };
        if self.is_grouped {
            said += ", writes commas within numbers";
        }
        let around = self.before + self.after;
        if around > 0 {
            said += &format!(", says {around} more numbers with each reply");
        }
        if self.beside > 0 {
            said += &format!(", says {} more numbers with each number", self.beside);
        }
        said
    }

    /// Returns whether a reply has a message and no number, such as `no numbers left`.
    pub fn is_message(&self, reply: &[u8]) -> bool {
        let mut lines = reply.split(|&byte| byte == b'\n');
        self.tokens(reply).is_empty()
            && lines.any(|line| is_refusal(line) || !self.knows_words(line))
    }

    /// Returns whether a line has only words that the small draws had.
    fn knows_words(&self, line: &[u8]) -> bool {
        self.words.as_ref().is_none_or(|known| words(line).all(|word| known.contains(&word)))
    }

    /// Returns a reply without the length in front of it.
    fn body<'r>(&self, reply: &'r [u8]) -> &'r [u8] {
        match self.framing {
            ReplyLength::Length { width, .. } => reply.get(width..).unwrap_or_default(),
            ReplyLength::None | ReplyLength::Records(_) | ReplyLength::Padded(_) => reply,
        }
    }

    /// Returns the count of numbers in a whole reply to `draw asked`.
    pub(super) fn expected(&self, asked: usize) -> usize {
        self.before + self.after + self.extra + (1 + self.beside) * asked
    }

    /// Returns whether a reply that is as long as `reply` ends with something that is no number.
    pub fn has_end(&self, reply: &[u8]) -> bool {
        match self.framing {
            ReplyLength::None => self.last.is_some(),
            ReplyLength::Padded(width) => reply.len() <= width,
            ReplyLength::Length { .. } | ReplyLength::Records(_) => true,
        }
    }

    /// Returns whether `reply` is a whole answer to `draw asked`.
    pub fn completeness(&self, reply: &[u8], asked: usize) -> Completeness {
        let is_whole = |is_whole| if is_whole { Completeness::Yes } else { Completeness::No };
        match self.framing {
            ReplyLength::Length { width, .. } => {
                let needed = self.framing.length(reply).map(|length| length.max(width));
                return is_whole(needed.is_some_and(|needed| reply.len() >= needed));
            }
            ReplyLength::Records(width) => return is_whole(reply.len() >= asked * width),
            ReplyLength::Padded(width) if reply.len() <= width => {
                return is_whole(reply.len() == width);
            }
            ReplyLength::Padded(_) | ReplyLength::None => {}
        }
        if self.tokens(reply).len() < self.expected(asked) {
            return Completeness::No;
        }
        match (self.last, reply.last()) {
            (Some(last), Some(&byte)) if last == byte => Completeness::Yes,
            _ => Completeness::Perhaps,
        }
    }

    /// Returns the drawn numbers of a reply, without those beside them.
    pub fn numbers(&self, reply: &[u8]) -> Vec<u64> {
        let all = self.tokens(reply);
        let end = all.len().saturating_sub(self.after);
        let drawn = all.get(self.before..end).unwrap_or_default();
        drawn.iter().skip(self.place).step_by(1 + self.beside).map(|token| token.value).collect()
    }
}

impl ReplyLength {
    /// Returns the count of bytes of the whole reply, the length field in front included. `reply`
    /// is the part of it that has come. Returns `None` if this framing has no length field, if the
    /// field has not come as a whole, or if its value is too great for a `usize`.
    pub fn length(self, reply: &[u8]) -> Option<usize> {
        let ReplyLength::Length { width, is_big, counts_itself } = self else { return None };
        let mut bytes = reply.get(..width)?.to_vec();
        // The least significant byte goes first in both cases, and the sum begins at the other end.
        if is_big {
            bytes.reverse();
        }
        let add = |sum: u64, &byte: &u8| sum.checked_mul(256)?.checked_add(u64::from(byte));
        let length = usize::try_from(bytes.iter().rev().try_fold(0, add)?).ok()?;
        length.checked_add(if counts_itself { 0 } else { width })
    }
}

/// Returns the words of a text in small letters. A byte of a letter beyond ASCII is a letter.
pub fn words(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let is_letter = |byte: &u8| byte.is_ascii_alphabetic() || *byte >= 0x80;
    let words = text.split(move |byte| !is_letter(byte)).filter(|word| !word.is_empty());
    words.map(<[u8]>::to_ascii_lowercase)
}

/// Returns the text without the commas that stand between groups of three digits.
fn without_group_commas(text: &[u8]) -> Vec<u8> {
    let is_digit = |at: usize| text.get(at).is_some_and(u8::is_ascii_digit);
    let is_group = |at: usize| (1..=3).all(|more| is_digit(at + more)) && !is_digit(at + 4);
    let digits_before =
        |at: usize| text[..at].iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let is_dropped =
        |at: usize| text[at] == b',' && (1..=3).contains(&digits_before(at)) && is_group(at);
    (0..text.len()).filter(|&at| !is_dropped(at)).map(|at| text[at]).collect()
}

/// Returns the text with spaces in the place of times and dates: `12:30`, `12:30:05`, `6/4/2019`.
fn without_times(mut text: Vec<u8>) -> Vec<u8> {
    let is_part = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b':' | b'/');
    let mut at = 0;
    while at < text.len() {
        let length = text[at..].iter().take_while(|byte| is_part(byte)).count();
        if is_time(&text[at..at + length]) {
            text[at..at + length].fill(b' ');
        }
        at += length + 1;
    }
    text
}

/// The units of the times that stand behind a number.
const UNITS: [&[u8]; 11] = [
    b"ns",
    b"us",
    b"ms",
    b"s",
    b"sec",
    b"secs",
    b"second",
    b"seconds",
    b"milliseconds",
    b"microseconds",
    b"nanoseconds",
];

/// Returns whether a space and a unit of time stand behind a number: then it is a time.
fn begins_with_unit(behind: &[u8]) -> bool {
    let Some(behind) = behind.strip_prefix(b" ") else { return false };
    // The Greek letter, and the sign for a millionth.
    let is_micro = ["μs", "µs"].iter().any(|unit| behind.starts_with(unit.as_bytes()));
    let word = behind.split(|byte| !byte.is_ascii_alphanumeric()).next().unwrap_or_default();
    is_micro || UNITS.contains(&word)
}

/// Returns whether digits with colons or slashes between them are a time or a date. The counts of
/// digits decide; a part with another byte than a digit counts as 0.
fn is_time(run: &[u8]) -> bool {
    let parts = |separator: u8| -> Vec<usize> {
        let parts = run.split(|&byte| byte == separator);
        parts.map(|part| if part.iter().all(u8::is_ascii_digit) { part.len() } else { 0 }).collect()
    };
    matches!(parts(b':')[..], [1..=2, 2] | [1..=2, 2, 2])
        || matches!(parts(b'/')[..], [1..=2, 1..=2, 2 | 4] | [4, 1..=2, 1..=2])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(shape: &ReplyShape, reply: &str) -> Vec<u64> {
        shape.tokens(reply.as_bytes()).iter().map(|token| token.value).collect()
    }

    #[test]
    fn a_reply_is_whole_only_when_its_last_number_has_ended() {
        let lines = ReplyShape { last: Some(b'\n'), ..ReplyShape::default() };
        assert_eq!(lines.completeness(b"19\n22", 2), Completeness::Perhaps);
        assert_eq!(lines.completeness(b"19\n228\n", 2), Completeness::Yes);
        assert_eq!(lines.completeness(b"19\n", 2), Completeness::No);
        let bare = ReplyShape::default();
        assert_eq!(bare.completeness(b"19 228", 2), Completeness::Perhaps);
        let framing = ReplyLength::Length { width: 2, is_big: true, counts_itself: false };
        let framed = ReplyShape { framing, ..ReplyShape::default() };
        assert_eq!(framed.completeness(b"\0", 2), Completeness::No);
        assert_eq!(framed.completeness(b"\0\x0619 22", 2), Completeness::No);
        assert_eq!(framed.completeness(b"\0\x0619 228", 2), Completeness::Yes);
        assert_eq!(framed.numbers(b"\0\x0619 228"), [19, 228]);
        let records = ReplyShape { framing: ReplyLength::Records(8), ..ReplyShape::default() };
        assert_eq!(records.completeness(b"19\0\0\0\0\0\x00228\0", 2), Completeness::No);
        assert_eq!(records.completeness(b"19\0\0\0\0\0\x00228\0\0\0\0\0", 2), Completeness::Yes);
    }

    #[test]
    fn times_labels_and_names_are_no_numbers() {
        let shape = ReplyShape::default();
        assert_eq!(values(&shape, "12:30:05 50\n"), [50]);
        assert_eq!(values(&shape, "[6/4/2019 9:05] 50 19\n"), [50, 19]);
        assert_eq!(values(&shape, "client7 drew 2: 50, 19\n"), [50, 19]);
        assert_eq!(values(&shape, "50/19/228/1000\n"), [50, 19, 228, 1000], "no date");
        let times = "50 19 in 3 us\n7 (took 12 ms)\n5, 0.4 s\n11 in 8 µs";
        assert_eq!(values(&shape, times), [50, 19, 7, 5, 11]);
        assert_eq!(values(&shape, "50 sent, 19 \n"), [50, 19], "no units");
        assert_eq!(
            values(&shape, "error exhausted 9 left\n-5 99999999999999999999"),
            [u64::MAX; 2]
        );
    }

    #[test]
    fn a_line_with_an_unknown_word_is_a_message() {
        let known = words(b"You got").collect();
        let shape = ReplyShape { words: Some(known), ..ReplyShape::default() };
        assert_eq!(values(&shape, "You got 5\nSorry, all 100000 are gone\n"), [5]);
        let bare = ReplyShape { words: Some(BTreeSet::new()), ..ReplyShape::default() };
        assert_eq!(values(&bare, "5 19\nonly 2 left\n"), [5, 19]);
        assert_eq!(values(&ReplyShape::default(), "You got 5\n"), [5]);
    }

    #[test]
    fn commas_within_numbers_are_dropped_only_where_they_group() {
        let shape = ReplyShape { is_grouped: true, ..ReplyShape::default() };
        assert_eq!(values(&shape, "12,345 7 100,000"), [12_345, 7, 100_000]);
        assert_eq!(values(&shape, "5,19,2281,665"), [5, 19, 2281, 665].map(|n| n as u64));
    }
}
