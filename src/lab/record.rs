//! Recorded draws: which number came twice, which never, which cannot be.
//!
//! A file is read line by line; every word that is a number counts, however it stands
//! there: one a line, many a line, between commas or in brackets. A line that holds
//! `draw N` is a command and one that begins with `error` a refusal: no draws. A number
//! that hangs on letters (`client7`) is a name, and one before a colon (`3: 19`) a label.
//!
//! ```text
//!   duplicate 228: out-A.txt line 3, out-B.txt line 1
//!   out of range 100001: out-B.txt line 9
//!   shuffled: rank von Neumann ratio 1.9987, 2 in a random order, p = 0.839120
//!   6 drawn, 1 duplicate, 99995 not drawn
//! ```
//!
//! The smallest evidence comes first: two lines of two files before two of one, and those
//! that stand nearest to their files' beginnings.
//!
//! **Invariants** each number within 1 to the greatest is counted once as drawn; each
//! further time is one duplicate.
//!
//! **Lock** none. **Source** the homework: no client gets a number another one has.

use std::borrow::Cow;
use std::fmt::Write;

use crate::common::id::parse_decimal;
use crate::lab::shuffle::Shuffle;

/// Findings of one kind that are listed; the rest is counted.
const MAX_LISTED: usize = 10;

/// Columns of a number out of range that are shown.
const LONGEST_WORD: usize = 20;

/// Where a number stood: which file, which line from 1. Line 0: nowhere.
#[derive(Debug, Clone, Copy, Default)]
struct FilePlace {
    file: u32,
    line: u32,
}

/// A number that came again.
#[derive(Debug, Clone, Copy)]
struct RepeatedNumber {
    number: u32,
    first: FilePlace,
    again: FilePlace,
}

/// All that was read so far.
#[derive(Debug)]
pub struct Record {
    files: Vec<String>,
    counts: Vec<u64>,
    /// For each number where it came first; index 0 is not used.
    first: Vec<FilePlace>,
    duplicates: Vec<RepeatedNumber>,
    /// The numbers in range in the order of the files, each where it came first.
    order: Vec<u32>,
    out_of_range: Vec<(String, FilePlace)>,
    out_of_range_count: u64,
}

impl Record {
    /// Nothing read yet, of a list of 1 to `greatest`.
    pub fn new(greatest: u32) -> Self {
        Self {
            files: Vec::new(),
            counts: Vec::new(),
            first: vec![FilePlace::default(); greatest as usize + 1],
            duplicates: Vec::new(),
            order: Vec::new(),
            out_of_range: Vec::new(),
            out_of_range_count: 0,
        }
    }

    /// Reads one file.
    pub fn read(&mut self, name: &str, text: &[u8]) {
        let file = self.files.len() as u32;
        let mut count = 0;
        for (line, word) in draws(&plain(text)) {
            self.count(word, FilePlace { file, line });
            count += 1;
        }
        self.files.push(name.to_string());
        self.counts.push(count);
    }

    fn count(&mut self, word: &[u8], place: FilePlace) {
        let number = parse_decimal(word).and_then(|number| usize::try_from(number).ok());
        let in_range = number.filter(|&number| (1..self.first.len()).contains(&number));
        let Some(number) = in_range else {
            self.out_of_range_count += 1;
            if self.out_of_range.len() < MAX_LISTED {
                let word = String::from_utf8_lossy(word).chars().take(LONGEST_WORD).collect();
                self.out_of_range.push((word, place));
            }
            return;
        };
        let first = &mut self.first[number];
        if first.line == 0 {
            *first = place;
            self.order.push(number as u32);
        } else {
            self.duplicates.push(RepeatedNumber {
                number: number as u32,
                first: *first,
                again: place,
            });
        }
    }

    /// Whether no number was found.
    pub fn is_empty(&self) -> bool {
        self.counts.iter().sum::<u64>() == 0
    }

    /// Whether nothing is wrong; a number that nobody drew is, when the list was drained.
    pub fn is_well(&self, drained: bool) -> bool {
        self.duplicates.is_empty()
            && self.out_of_range_count == 0
            && !(drained && self.missing() > 0)
    }

    /// How many different numbers were drawn.
    fn drawn(&self) -> u64 {
        self.order.len() as u64
    }

    fn missing(&self) -> u64 {
        self.first.len() as u64 - 1 - self.drawn()
    }

    /// The findings, the smallest evidence first, and one line that sums them up.
    pub fn report(&self, drained: bool) -> String {
        let mut text = String::new();
        for RepeatedNumber { number, first, again } in self.smallest_evidence() {
            let (first, again) = (self.place(first), self.place(again));
            let _ = writeln!(text, "duplicate {number}: {first}, {again}");
        }
        let duplicates = self.duplicates.len() as u64;
        more(&mut text, duplicates, "duplicates");
        for (word, place) in &self.out_of_range {
            let _ = writeln!(text, "out of range {word}: {}", self.place(*place));
        }
        more(&mut text, self.out_of_range_count, "numbers out of range");
        if drained {
            let missing = (1..self.first.len()).filter(|&number| self.first[number].line == 0);
            for number in missing.take(MAX_LISTED) {
                let _ = writeln!(text, "gap {number}: nobody drew it");
            }
            more(&mut text, self.missing(), "gaps");
        }
        for (file, count) in self.files.iter().zip(&self.counts) {
            let _ = writeln!(text, "{file}: {count} numbers");
        }
        match Shuffle::of(&self.order, self.first.len() as u32 - 1) {
            Some(shuffle) => {
                let _ = writeln!(text, "{shuffle}");
            }
            None => {
                let _ = writeln!(text, "too few numbers to say whether they were shuffled");
            }
        }
        let duplicates = plural(duplicates, "duplicate");
        let missing = self.missing();
        let missing = if drained { plural(missing, "gap") } else { format!("{missing} not drawn") };
        let _ = writeln!(text, "{} drawn, {duplicates}, {missing}", self.drawn());
        text
    }

    /// The duplicates that are easiest to look up.
    fn smallest_evidence(&self) -> Vec<RepeatedNumber> {
        let effort = |duplicate: &RepeatedNumber| {
            let RepeatedNumber { number, first, again } = *duplicate;
            let lines = u64::from(first.line) + u64::from(again.line);
            (first.file == again.file, lines, number)
        };
        let mut easiest = self.duplicates.clone();
        if easiest.len() > MAX_LISTED {
            easiest.select_nth_unstable_by_key(MAX_LISTED, effort);
            easiest.truncate(MAX_LISTED);
        }
        easiest.sort_unstable_by_key(effort);
        easiest
    }

    fn place(&self, place: FilePlace) -> String {
        let name = self.files.get(place.file as usize).map_or("?", String::as_str);
        format!("{name} line {}", place.line)
    }
}

/// All numbers of a text, in their order; what 32 bits do not hold is left out.
pub fn listed(text: &[u8]) -> Vec<u32> {
    let text = plain(text);
    draws(&text).filter_map(|(_, word)| u32::try_from(parse_decimal(word)?).ok()).collect()
}

/// A recorded text without its mark, and without what colours it.
fn plain(text: &[u8]) -> Cow<'_, [u8]> {
    match without_mark(text) {
        Cow::Borrowed(text) => without_colours(text),
        Cow::Owned(text) => Cow::Owned(without_colours(&text).into_owned()),
    }
}

/// Every number that was drawn, and its line from 1.
fn draws(text: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let lines = (1..).zip(text.split(|&byte| byte == b'\n'));
    let of_draws = lines.filter(|(_, line)| !is_no_draw(line));
    of_draws.flat_map(|(at, line)| numbers_in(line).map(move |word| (at, word)))
}

/// The text as bytes that ASCII can be read in: some terminals record UTF-16, and some
/// begin UTF-8 with a mark.
fn without_mark(text: &[u8]) -> Cow<'_, [u8]> {
    let utf_16 = |pairs: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = pairs.as_chunks().0.iter().map(|&pair| unit(pair)).collect();
        Cow::Owned(String::from_utf16_lossy(&units).into_bytes())
    };
    match text {
        [0xff, 0xfe, pairs @ ..] => utf_16(pairs, u16::from_le_bytes),
        [0xfe, 0xff, pairs @ ..] => utf_16(pairs, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => Cow::Borrowed(rest),
        _ => Cow::Borrowed(text),
    }
}

fn more(text: &mut String, count: u64, what: &str) {
    let listed = MAX_LISTED as u64;
    if count > listed {
        let _ = writeln!(text, "… and {} more {what}", count - listed);
    }
}

fn plural(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Whether a line is a command or a refusal.
fn is_no_draw(line: &[u8]) -> bool {
    if is_refusal(line) {
        return true;
    }
    let mut words = words(line).peekable();
    while let Some(word) = words.next() {
        if word.eq_ignore_ascii_case(b"draw") && words.peek().is_some_and(|word| is_number(word)) {
            return true;
        }
    }
    false
}

/// Whether a line begins with `error`.
pub(super) fn is_refusal(line: &[u8]) -> bool {
    words(line).next().is_some_and(|word| word.eq_ignore_ascii_case(b"error"))
}

/// The numbers of a line. One that a colon and a space follow is a label: `3: 19 228`.
pub(super) fn numbers_in(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let labels = move |word: &[u8]| {
        let end = word.as_ptr_range().end as usize - line.as_ptr_range().start as usize;
        matches!(&line[end..], [b':', b' ' | b'\t' | b'\r', ..] | [b':'])
    };
    words(line).filter(move |word| is_number(word) && !labels(word))
}

/// Runs of what names and numbers are made of. Letters beyond ASCII divide, because many
/// languages put no space before a number.
fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    line.split(move |byte| !part(byte))
        .map(|word| word.strip_suffix(b".").unwrap_or(word))
        // As in `5->19`.
        .map(|word| word.strip_suffix(b"-").unwrap_or(word))
        .filter(|word| !word.is_empty())
}

fn is_number(word: &[u8]) -> bool {
    let digits = word.strip_prefix(b"-").unwrap_or(word);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

/// The text without what colours it on a terminal: ESC, `[`, parameters and a letter.
pub(super) fn without_colours(text: &[u8]) -> Cow<'_, [u8]> {
    const ESCAPE: u8 = 0x1b;
    if !text.contains(&ESCAPE) {
        return Cow::Borrowed(text);
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == ESCAPE && rest.first() == Some(&b'[') {
            let end = rest.iter().skip(1).position(u8::is_ascii_alphabetic);
            rest = end.map_or(&[][..], |end| &rest[end + 2..]);
        } else {
            plain.push(byte);
        }
    }
    Cow::Owned(plain)
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
