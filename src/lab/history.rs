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

use super::shuffle::Shuffle;
use crate::message::parse_decimal;

/// Findings of one kind that are listed; the rest is counted.
const MOST_LISTED: usize = 10;

/// Where a number stood: which file, which line from 1. Line 0: nowhere.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    file: u32,
    line: u32,
}

/// A number that came again.
#[derive(Debug, Clone, Copy)]
struct Duplicate {
    number: u32,
    first: Place,
    again: Place,
}

/// All that was read so far.
#[derive(Debug)]
pub struct History {
    files: Vec<String>,
    counts: Vec<u64>,
    /// For each number where it came first; index 0 is not used.
    first: Vec<Place>,
    duplicates: Vec<Duplicate>,
    /// The numbers in range in the order of the files, each where it came first.
    order: Vec<u32>,
    out_of_range: Vec<(String, Place)>,
    out_of_range_count: u64,
}

impl History {
    /// Nothing read yet, of a list of 1 to `greatest`.
    pub fn new(greatest: u32) -> Self {
        Self {
            files: Vec::new(),
            counts: Vec::new(),
            first: vec![Place::default(); greatest as usize + 1],
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
        let text = &*without_mark(text);
        let text = &*without_colours(text);
        for (at, line) in text.split(|&byte| byte == b'\n').enumerate() {
            if is_no_draw(line) {
                continue;
            }
            let place = Place { file, line: at as u32 + 1 };
            for word in numbers_in(line) {
                self.count(word, place);
                count += 1;
            }
        }
        self.files.push(name.to_string());
        self.counts.push(count);
    }

    fn count(&mut self, word: &[u8], place: Place) {
        let number = parse_decimal(word).and_then(|number| usize::try_from(number).ok());
        let in_range = number.filter(|&number| (1..self.first.len()).contains(&number));
        let Some(number) = in_range else {
            self.out_of_range_count += 1;
            if self.out_of_range.len() < MOST_LISTED {
                let word = String::from_utf8_lossy(word).chars().take(20).collect();
                self.out_of_range.push((word, place));
            }
            return;
        };
        let first = &mut self.first[number];
        if first.line == 0 {
            *first = place;
            self.order.push(number as u32);
        } else {
            self.duplicates.push(Duplicate { number: number as u32, first: *first, again: place });
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
        for Duplicate { number, first, again } in self.smallest_evidence() {
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
            for number in missing.take(MOST_LISTED) {
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
    fn smallest_evidence(&self) -> Vec<Duplicate> {
        let effort = |duplicate: &Duplicate| {
            let Duplicate { number, first, again } = *duplicate;
            let lines = u64::from(first.line) + u64::from(again.line);
            (first.file == again.file, lines, number)
        };
        let mut easiest = self.duplicates.clone();
        if easiest.len() > MOST_LISTED {
            easiest.select_nth_unstable_by_key(MOST_LISTED, effort);
            easiest.truncate(MOST_LISTED);
        }
        easiest.sort_unstable_by_key(effort);
        easiest
    }

    fn place(&self, place: Place) -> String {
        let name = self.files.get(place.file as usize).map_or("?", String::as_str);
        format!("{name} line {}", place.line)
    }
}

/// All numbers of a text, in their order; what 32 bits do not hold is left out.
pub fn listed(text: &[u8]) -> Vec<u32> {
    let text = &*without_mark(text);
    let lines = text.split(|&byte| byte == b'\n').filter(|line| !is_no_draw(line));
    let numbers = lines.flat_map(numbers_in);
    numbers.filter_map(|word| u32::try_from(parse_decimal(word)?).ok()).collect()
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
    let listed = MOST_LISTED as u64;
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
mod tests {
    use super::*;

    fn history(files: &[(&str, &str)]) -> History {
        let mut history = History::new(1000);
        for (name, text) in files {
            history.read(name, text.as_bytes());
        }
        history
    }

    #[test]
    fn a_number_that_came_twice_is_found_with_both_places() {
        let history = history(&[("a", "5\n19\n228\n"), ("b", "228\n665\n")]);
        assert!(!history.is_well(false));
        let expected = "duplicate 228: a line 3, b line 1\na: 3 numbers\nb: 2 numbers\ntoo few numbers to say whether they were shuffled\n4 drawn, 1 duplicate, 996 not drawn\n";
        assert_eq!(history.report(false), expected);
    }

    #[test]
    fn numbers_count_however_they_were_printed() {
        let text = "5, 19 [228,665]\nResult: 7.\n> draw 4\nerror exhausted 9 left\nclient7 got (11)\n\"12\";13\r\n";
        let history = history(&[("a", text)]);
        assert!(
            history.report(false).ends_with("8 drawn, 0 duplicates, 992 not drawn\n"),
            "{}",
            history.report(false)
        );
    }

    #[test]
    fn other_scripts_colours_and_labels_hide_no_number() {
        let text = "\u{7d50}\u{679c}\u{ff1a}5\n\u{62bd}\u{5230}19\n\x1b[31m228\x1b[0m\nYou drew 3: 665 7:11\n\x1b[";
        let history = history(&[("a", text)]);
        assert_eq!(history.order, [5, 19, 228, 665, 7, 11]);
    }

    #[test]
    fn what_cannot_have_been_drawn_is_out_of_range() {
        let history = history(&[("a", "0\n1001\n-5\n99999999999999999999999\n1\n")]);
        assert!(!history.is_well(false));
        assert_eq!((history.drawn(), history.out_of_range_count), (1, 4));
        assert!(history.report(false).contains("out of range 1001: a line 2"));
    }

    #[test]
    fn gaps_are_bad_news_only_when_the_list_was_drained() {
        let all: String = (1..=999).map(|number| format!("{number}\n")).collect();
        let history = history(&[("a", &all)]);
        assert!(history.is_well(false) && !history.is_well(true));
        assert!(history.report(true).contains("gap 1000: nobody drew it"));
        assert!(history.report(true).ends_with("999 drawn, 0 duplicates, 1 gap\n"));
    }

    #[test]
    fn files_that_windows_recorded_are_read_too() {
        let utf_16: Vec<u8> =
            "\u{feff}5\r\n19\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut history = history(&[("a", "\u{feff}5\n6\n")]);
        history.read("b", &utf_16);
        assert_eq!(
            (history.drawn(), history.duplicates.len()),
            (3, 1),
            "{}",
            history.report(false)
        );
    }

    #[test]
    fn a_long_list_of_findings_is_cut_and_counted() {
        let twice: String = (1..=50).chain(1..=50).map(|number| format!("{number} ")).collect();
        let report = history(&[("a", &twice)]).report(false);
        assert_eq!(report.lines().filter(|line| line.starts_with("duplicate")).count(), 10);
        assert!(report.contains("… and 40 more duplicates"), "{report}");
    }

    #[test]
    fn two_lines_of_two_files_stand_before_two_of_one() {
        let report = history(&[("a", "7\n7\n1\n2\n3"), ("b", "3\n4\n2")]).report(false);
        let expected = "duplicate 3: a line 5, b line 1\nduplicate 2: a line 4, b line 3\n\
                        duplicate 7: a line 1, a line 2\n";
        assert!(report.starts_with(expected), "{report}");
    }

    #[test]
    fn a_list_that_was_not_shuffled_is_told_from_one_that_was() {
        let sorted: String = (1..=500).map(|number| format!("{number}\n")).collect();
        let report = history(&[("a", &sorted)]).report(false);
        assert!(report.contains("\nnot shuffled: ") && report.contains("p < 0.000001"), "{report}");
        let list = crate::service::lootbox::shuffled(500, Some(3));
        let mixed: String = (0..500).map(|index| format!("{}\n", list.number(index))).collect();
        let report = history(&[("a", &mixed)]).report(false);
        assert!(report.contains("\nshuffled: "), "{report}");
    }

    use proptest::prelude::*;

    proptest! {
        /// Plant k duplicates however they are printed, find k.
        #[test]
        fn as_many_duplicates_are_found_as_were_planted(
            planted in proptest::collection::vec(1..200_u32, 0..40),
            shapes in proptest::collection::vec(0..5_usize, 240),
            cut in 0..240_usize,
        ) {
            let numbers: Vec<u32> = (1..=200).chain(planted.iter().copied()).collect();
            let shown = |(number, shape): (&u32, &usize)| match shape {
                0 => format!("{number}\n"),
                1 => format!("{number}, "),
                2 => format!("[{number}] "),
                3 => format!("\nclient7 drew: {number}.\ndraw 4\nerror 9 left\n"),
                _ => format!("\"{number}\";"),
            };
            let texts: Vec<String> = numbers.iter().zip(&shapes).map(shown).collect();
            let cut = cut.min(texts.len());
            let halves = [texts[..cut].concat(), texts[cut..].concat()];
            let found = history(&[("a", &halves[0]), ("b", &halves[1])]);
            prop_assert_eq!(found.duplicates.len(), planted.len());
            prop_assert_eq!((found.drawn(), found.out_of_range_count), (200, 0));
        }
    }
}
