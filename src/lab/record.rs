//! Reads the recorded draws of several clients, and reports the numbers that came twice, the
//! numbers that never came, and the numbers that are not of the list. The report counts all, and
//! names up to ten of each sort. It names those that never came only for a drained list.
//!
//! A file is read line by line. Each word that is a number counts as drawn, except in the cases of
//! the table. The client may print one number on a line, or many, between commas or in brackets.
//!
//! | in a file | read as |
//! | --- | --- |
//! | `5, 19 [228,665]` | four numbers |
//! | `> draw 4`, `error exhausted …` | a command and a refusal: the line has no draws |
//! | `client7`, `3: 19` | a name; a label and the number 19 |
//! | `\x1b[31m228\x1b[0m`, UTF-16 | the number 228 in colours; the same text as in UTF-8 |
//!
//! ```text
//!   duplicate 228: out-A.txt line 3, out-B.txt line 1
//!   out of range 100001: out-B.txt line 9
//!   out-A.txt: 50000 numbers
//!   out-B.txt: 49997 numbers
//!   shuffled: rank von Neumann ratio 1.9987, 2 in a random order, p = 0.839120
//!   99995 drawn, 1 duplicate, 5 not drawn
//! ```
//!
//! The duplicates that are easiest to look up come first: those in two files before those in one
//! file, because a number in two files is the race between clients; then those near the beginnings
//! of their files.
//!
//! **Invariants** the first time that a number of the list comes it counts as drawn; each further
//! time is one duplicate.
//!
//! **Lock** none: one thread reads all files.
//!
//! **Simplified** a list of all first places is kept in memory, 8 bytes for each number of the
//! list: 80 MB for the longest list, of ten million. A larger check would sort the files on disk.
//!
//! **Source** the homework: no client gets a number that another client has. To test this, the
//! student records the output of each client: `python3 client.py … > file`.

use std::borrow::Cow;
use std::fmt::Write;

use crate::common::id::parse_decimal;
use crate::lab::shuffle::Shuffle;

/// The most findings of one kind in a report; the others are only counted.
const MAX_LISTED: usize = 10;

/// The most characters that the report shows of a line without draws.
const MAX_SHOWN_LINE: usize = 40;

/// The most characters of a number out of range that are shown: all of a 64-bit number.
const MAX_WORD: usize = 20;

/// The place of a number: the index of its file, and the line, counted from 1. Line 0 means no
/// place. So [`Record`] keeps the first places without an `Option`, which would take half as much
/// memory again.
#[derive(Debug, Clone, Copy, Default)]
struct FilePlace {
    file: u32,
    line: u32,
}

/// A number that came again, with its first place and the place of the repeat.
#[derive(Debug, Clone, Copy)]
struct RepeatedNumber {
    number: u32,
    first: FilePlace,
    again: FilePlace,
}

/// The numbers of all files that were read so far.
#[derive(Debug, Default)]
pub struct Record {
    /// The name of each file.
    files: Vec<String>,
    /// The count of numbers in each file.
    counts: Vec<u64>,
    /// The text of [`left_out`] for each file.
    left_out: Vec<String>,
    /// The place where each number came first. The index is the number; index 0 is not used.
    first: Vec<FilePlace>,
    /// Every further time that a number came, also the third and fourth.
    duplicates: Vec<RepeatedNumber>,
    /// The numbers of the list, each once, in the order of their first places: the input of
    /// [`Shuffle`].
    order: Vec<u32>,
    /// The first [`MAX_LISTED`] numbers out of range, as they stood in the file.
    out_of_range: Vec<(String, FilePlace)>,
    /// The count of all numbers out of range.
    out_of_range_count: u64,
}

impl Record {
    /// Makes an empty record for a list of the numbers 1 to `greatest`.
    pub fn new(greatest: u32) -> Self {
        Self { first: vec![FilePlace::default(); greatest as usize + 1], ..Self::default() }
    }

    /// Reads one file. Each number in it is compared with all earlier ones, of this file and of the
    /// files before. Returns false, and reads nothing, if the file is no text: the bytes of a
    /// program or of an archive hold digits too.
    pub fn read(&mut self, name: &str, text: &[u8]) -> bool {
        let plain = plain(text);
        if plain.iter().any(is_no_text) {
            return false;
        }
        let file = self.files.len() as u32;
        let mut count = 0;
        for (line, word) in draws(&plain) {
            self.count(word, FilePlace { file, line });
            count += 1;
        }
        self.files.push(name.to_string());
        self.counts.push(count);
        self.left_out.push(left_out(&plain));
        true
    }

    /// Adds one number to the record. It comes as text, because a number out of range may need more
    /// than 64 bits.
    fn count(&mut self, word: &[u8], place: FilePlace) {
        let number = parse_decimal(word).and_then(|number| usize::try_from(number).ok());
        let in_range = number.filter(|&number| (1..self.first.len()).contains(&number));
        let Some(number) = in_range else {
            self.out_of_range_count += 1;
            if self.out_of_range.len() < MAX_LISTED {
                let word = String::from_utf8_lossy(word).chars().take(MAX_WORD).collect();
                self.out_of_range.push((word, place));
            }
            return;
        };
        let first = &mut self.first[number];
        if first.line == 0 {
            *first = place;
            self.order.push(number as u32);
        } else {
            let (number, first) = (number as u32, *first);
            self.duplicates.push(RepeatedNumber { number, first, again: place });
        }
    }

    /// Returns whether no number was found.
    pub fn is_empty(&self) -> bool {
        self.counts.iter().sum::<u64>() == 0
    }

    /// Returns whether there is no fault: no duplicate, no number out of range and, if the clients
    /// drained the list, no gap.
    pub fn is_well(&self, drained: bool) -> bool {
        self.duplicates.is_empty()
            && self.out_of_range_count == 0
            && !(drained && self.missing() > 0)
    }

    /// Returns the number of different numbers that were drawn.
    fn drawn(&self) -> u64 {
        self.order.len() as u64
    }

    /// Returns the number of gaps: numbers of the list that never came.
    fn missing(&self) -> u64 {
        self.first.len() as u64 - 1 - self.drawn()
    }

    /// Returns the findings as text, then the count of each file, the order's verdict, and a
    /// summary line. `drained` adds the numbers that never came.
    pub fn report(&self, drained: bool) -> String {
        let mut text = String::new();
        for RepeatedNumber { number, first, again } in self.smallest_evidence() {
            // Writing to a `String` never fails, so the result of `writeln!` is not used.
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
        for ((file, count), left_out) in self.files.iter().zip(&self.counts).zip(&self.left_out) {
            let _ = writeln!(text, "{file}: {count} numbers{left_out}");
        }
        let shuffle = Shuffle::of(&self.order, self.first.len() as u32 - 1);
        let too_few = || "too few numbers to say whether they were shuffled".to_string();
        let _ = writeln!(text, "{}", shuffle.map_or_else(too_few, |shuffle| shuffle.to_string()));
        let duplicates = plural(duplicates, "duplicate");
        let missing = self.missing();
        let missing = if drained { plural(missing, "gap") } else { format!("{missing} not drawn") };
        let _ = writeln!(text, "{} drawn, {duplicates}, {missing}", self.drawn());
        text
    }

    /// Returns the duplicates that are easiest to look up, at most [`MAX_LISTED`].
    fn smallest_evidence(&self) -> Vec<RepeatedNumber> {
        let effort = |duplicate: &RepeatedNumber| {
            let RepeatedNumber { number, first, again } = *duplicate;
            let lines = u64::from(first.line) + u64::from(again.line);
            // `false` sorts before `true`: a duplicate in two files comes first.
            (first.file == again.file, lines, number)
        };
        let mut easiest = self.duplicates.clone();
        easiest.sort_unstable_by_key(effort);
        easiest.truncate(MAX_LISTED);
        easiest
    }

    fn place(&self, place: FilePlace) -> String {
        let name = self.files.get(place.file as usize).map_or("?", String::as_str);
        format!("{name} line {}", place.line)
    }
}

/// Returns all numbers of a text, in order, without those that do not fit 32 bits. `grade --order`
/// reads the server's list with it.
pub fn listed(text: &[u8]) -> Vec<u32> {
    let text = plain(text);
    draws(&text).filter_map(|(_, word)| u32::try_from(parse_decimal(word)?).ok()).collect()
}

/// Returns whether a byte stands in no recorded text. A server may pad its records with NULs, and a
/// terminal's record may hold a backspace.
fn is_no_text(byte: &u8) -> bool {
    byte.is_ascii_control() && !matches!(byte, 0 | 0x08 | b'\t' | b'\n' | 0x0c | b'\r' | 0x1b)
}

/// Returns a text with the number of lines that have words and no draw, and the first such line.
/// The text is empty if there is none.
fn left_out(text: &[u8]) -> String {
    let lines = (1..).zip(text.split(|&byte| byte == b'\n'));
    let has_draw = |line: &[u8]| !is_no_draw(line) && numbers_in(line).next().is_some();
    let mut lines = lines.filter(|(_, line)| words(line).next().is_some() && !has_draw(line));
    let Some((at, first)) = lines.next() else { return String::new() };
    let count = plural(1 + lines.count() as u64, "line");
    let first: String =
        first.trim_ascii().escape_ascii().to_string().chars().take(MAX_SHOWN_LINE).collect();
    format!("; {count} left out, such as line {at}: {first}")
}

/// Returns a text without its byte order mark and without terminal colours; UTF-16 becomes UTF-8.
fn plain(text: &[u8]) -> Cow<'_, [u8]> {
    match without_mark(text) {
        Cow::Borrowed(text) => without_colours(text),
        Cow::Owned(text) => Cow::Owned(without_colours(&text).into_owned()),
    }
}

/// Returns each drawn number as text, with its line, counted from 1.
fn draws(text: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let lines = (1..).zip(text.split(|&byte| byte == b'\n'));
    let of_draws = lines.filter(|(_, line)| !is_no_draw(line));
    of_draws.flat_map(|(at, line)| numbers_in(line).map(move |word| (at, word)))
}

/// Returns the text in an encoding in which an ASCII character is one byte. The `>` of Windows
/// PowerShell writes UTF-16, and some editors put a byte order mark before UTF-8.
fn without_mark(text: &[u8]) -> Cow<'_, [u8]> {
    let utf_16 = |pairs: &[u8], unit: fn([u8; 2]) -> u16| {
        // A single byte at the end is half a character: `.0` leaves it out.
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

/// Adds a line with the number of findings that were left out, if any were. `count` is the number
/// of all findings of the kind `what`.
fn more(text: &mut String, count: u64, what: &str) {
    let listed = MAX_LISTED as u64;
    if count > listed {
        let _ = writeln!(text, "… and {} more {what}", count - listed);
    }
}

fn plural(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Returns whether a line has no draws: it is a refusal, or holds the command `draw N`. Without
/// this the 4 of a recorded `draw 4` would count as drawn.
fn is_no_draw(line: &[u8]) -> bool {
    let is_draw =
        |(word, next): (&[u8], &[u8])| word.eq_ignore_ascii_case(b"draw") && is_number(next);
    is_refusal(line) || words(line).zip(words(line).skip(1)).any(is_draw)
}

/// Returns whether the first word of a line is `error`.
pub(super) fn is_refusal(line: &[u8]) -> bool {
    words(line).next().is_some_and(|word| word.eq_ignore_ascii_case(b"error"))
}

/// Returns the numbers of a line. A number before a colon is a label if the colon ends the line or
/// a space follows: `3: 19 228` has two numbers.
pub(super) fn numbers_in(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    // The words are slices of the line, so their addresses tell where in it they end.
    let labels = move |word: &[u8]| {
        let end = word.as_ptr_range().end as usize - line.as_ptr_range().start as usize;
        matches!(&line[end..], [b':', b' ' | b'\t' | b'\r', ..] | [b':'])
    };
    words(line).filter(move |word| is_number(word) && !labels(word))
}

/// Returns the words of a line: runs of ASCII letters, digits, `-`, `_` and `.`. A letter beyond
/// ASCII ends a word, because many languages put no space before a number.
fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    line.split(move |byte| !part(byte))
        .map(|word| word.strip_suffix(b".").unwrap_or(word))
        // A dash behind a number joins it to the next, as in `5->19`.
        .map(|word| word.strip_suffix(b"-").unwrap_or(word))
        .filter(|word| !word.is_empty())
}

/// Returns whether a word is digits, perhaps after a minus sign. A negative number is a number, so
/// that it is reported as out of range.
fn is_number(word: &[u8]) -> bool {
    let digits = word.strip_prefix(b"-").unwrap_or(word);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

/// Returns the text without the sequences that colour it on a terminal: ESC, `[`, parameters, and a
/// letter. An unfinished one at the end is removed too.
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
            // `end` counts from behind the `[`, so the rest begins 2 further, behind the letter.
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
