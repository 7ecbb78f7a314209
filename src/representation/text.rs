//! Text: one line asked, one line answered.
//!
//! A request line ends with LF or CRLF; the end of the stream ends the last one. Words
//! have spaces between them and are read in either case. A line has at most 65,536
//! bytes, its end included.
//!
//! | request | reply |
//! | --- | --- |
//! | `draw N` | the numbers, a space between them; fewer when fewer are left |
//! | `table [ROWS [each]]` | `table COUNTER:CLIENT:RESULT …`, the first 12 or ROWS rows, or those of each client |
//! | `lease SIZE MS` | `leased ID SIZE MS` |
//! | `set ID DATA` | `set ID LENGTH` |
//! | `get ID` | `data ID DATA`, the bytes last set |
//! | `renew ID MS` | `leased ID SIZE MS` |
//! | `ttl ID` | `ttl ID MS`, rounded up |
//! | `release ID` | `released ID SIZE` |
//! | `stats` | `stats key=value …` |
//! | `tree` | `tree PICTURE` |
//! | `help` · `quit` | the commands · `bye`, then the connection closes |
//! | anything wrong | `error CODE explanation` |
//!
//! Sizes are bytes, MS milliseconds, N and ROWS counts. DATA is all after the one space
//! behind ID, trailing spaces included, escaped as [`super::escape`] says; `set ID`
//! alone sets nothing. It speaks every request there is.
//!
//! The connection closes only after a line over the bound, after a first line that
//! holds a control byte (a TLS hello, a port scan), and after `quit`.
//!
//! **Silence.** Simple course clients send `draw 4` with no line end and wait. On a
//! connection that has never sent a line end, a whole `draw N` followed by 100 ms of
//! silence counts as a line; nothing else does. A line end that comes later belongs
//! to it.
//!
//! ```text
//!   > draw 4                         > lease 64 5000
//!   < 5 19 228 665                   < leased 2f0c… 64 5000
//!   > draw 0                         > set 2f0c… a\tb
//!   < error bad-request …            < set 2f0c… 3
//! ```
//!
//! **Invariants** one reply a line, in order; a reply holds no line break but its end.
//!
//! **Lock** none. **Source** the homework's `draw [number]`; the rest follows its shape.

use std::io::{BufRead, Write};

use super::escape::{escape, unescape};
use super::output::Output;
use super::{Decoded, Tail};
use crate::message::{Code, Drawn, Error, IdKind, LeaseId, Reply, Request, Row, parse_decimal};

/// The longest line in bytes, its end included.
pub const MAX_LINE: usize = 64 * 1024;

/// How long a `draw N` without a line end is waited on, in milliseconds.
pub const QUIET_MS: u64 = 100;

/// Rows of a table when none are asked for: two of the homework's.
const TABLE_ROWS: u64 = 12;

/// The answer to `help`, and what every unknown word is pointed to.
pub const COMMANDS: &str = "draw N | table [ROWS [each]] | lease SIZE MS | set ID DATA | get ID | \
     renew ID MS | ttl ID | release ID | stats | tree | help | quit";

/// A connection that speaks text.
#[derive(Debug, Default)]
pub struct Text {
    /// How much of the input was looked at for a line end.
    scanned: usize,
    /// The first line is behind us.
    past_first: bool,
    /// A line end was seen at some time.
    line_end_seen: bool,
    /// The last request was taken by silence; its line end may still come.
    taken_by_quiet: bool,
}

impl Text {
    /// Looks for one request at the start of `input`.
    pub fn decode<'a>(&mut self, input: &'a [u8], tail: Tail) -> Decoded<'a> {
        if self.taken_by_quiet && !input.is_empty() {
            match (input, tail) {
                (b"\r", Tail::Open) => return Decoded::Incomplete,
                ([b'\r', b'\n', ..], _) => return self.skip_late_line_end(2),
                ([b'\n', ..] | b"\r", _) => return self.skip_late_line_end(1),
                _ => self.taken_by_quiet = false,
            }
        }
        let within = &input[..input.len().min(MAX_LINE)];
        let found = find_line_end(within, self.scanned);
        let line = &within[..found.unwrap_or(within.len())];
        if !self.past_first && holds_control(&line[self.scanned..]) {
            return Decoded::Last(Some(Error::new(Code::BadRequest, NOT_TEXT)));
        }
        match found {
            Some(end) => {
                self.line_end_seen = true;
                self.finish(without_cr(line), end + 1)
            }
            None if within.len() == MAX_LINE => {
                Decoded::Last(Some(Error::new(Code::BadRequest, LINE_TOO_LONG)))
            }
            None if tail == Tail::Ended && !input.is_empty() => {
                self.finish(without_cr(input), input.len())
            }
            None if tail == Tail::Quiet && self.awaits_quiet(input) => {
                self.taken_by_quiet = true;
                self.finish(input, input.len())
            }
            None => {
                // A CR is no control byte if a LF follows: look at it again then.
                self.scanned = without_cr(line).len();
                Decoded::Incomplete
            }
        }
    }

    /// Whether 100 ms of silence would make a request of `input`.
    pub fn awaits_quiet(&self, input: &[u8]) -> bool {
        !self.line_end_seen && is_whole_draw(input)
    }

    fn skip_late_line_end<'a>(&mut self, used: usize) -> Decoded<'a> {
        self.taken_by_quiet = false;
        self.line_end_seen = true;
        Decoded::Skip { used }
    }

    fn finish<'a>(&mut self, line: &'a [u8], used: usize) -> Decoded<'a> {
        self.scanned = 0;
        self.past_first = true;
        match parse(line) {
            Ok(request) => Decoded::Request { request, used },
            Err(error) => Decoded::Refused { error, used },
        }
    }
}

const NOT_TEXT: &str =
    "the first line holds a control byte, so this is no text; send lines, such as draw 4";
const LINE_TOO_LONG: &str =
    "a line has at most 65536 bytes; set longer data in frames, or a shorter piece of it";
const BAD_ESCAPE: &str =
    "an escape is none of \\n \\r \\t \\\\ \\' \\\" \\xNN; write a backslash as \\\\";

/// Where the next LF is, from `from` on.
fn find_line_end(input: &[u8], from: usize) -> Option<usize> {
    // std's one public `memchr`: skip past the byte and see how far that was. Reading
    // from a slice cannot fail.
    let skipped = (&input[from..]).skip_until(b'\n').unwrap_or_default();
    let end = (from + skipped).checked_sub(1)?;
    (skipped > 0 && input[end] == b'\n').then_some(end)
}

/// Whether a first line holds a control byte other than the CR of its end.
fn holds_control(line: &[u8]) -> bool {
    without_cr(line).iter().any(u8::is_ascii_control)
}

fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Whether this is a `draw N` that could stand as it is.
pub fn is_whole_draw(input: &[u8]) -> bool {
    input.len() < MAX_LINE
        && input.last().is_some_and(u8::is_ascii_digit)
        && matches!(parse(input), Ok(Request::Draw { .. }))
}

/// Reads one line without its end.
fn parse(line: &[u8]) -> Result<Request<'_>, Error> {
    let (word, rest) = next_word(line);
    // The longest command has 7 letters; a longer word matches nothing when cut.
    let mut lower = [0; 8];
    for (to, from) in lower.iter_mut().zip(word) {
        *to = from.to_ascii_lowercase();
    }
    match &lower[..word.len().min(lower.len())] {
        b"draw" => {
            let [count] = words(rest, "draw N")?;
            Ok(Request::Draw { count: number(count)? })
        }
        b"lease" => {
            let [size, duration] = words(rest, "lease SIZE MS")?;
            let (size, duration_ms) = (number(size)?, number(duration)?);
            Ok(Request::Lease { size, duration_ms, id_kind: IdKind::Uuid })
        }
        b"set" => parse_set(rest),
        b"get" => Ok(Request::Get { id: id(rest, "get ID")? }),
        b"ttl" => Ok(Request::Ttl { id: id(rest, "ttl ID")? }),
        b"release" => Ok(Request::Release { id: id(rest, "release ID")? }),
        b"renew" => {
            let [id, duration] = words(rest, "renew ID MS")?;
            Ok(Request::Renew { id: LeaseId::parse(id)?, duration_ms: number(duration)? })
        }
        b"table" => parse_table(rest),
        b"stats" => words(rest, "stats").map(|[]| Request::Stats),
        b"tree" => words(rest, "tree").map(|[]| Request::Tree),
        b"help" => words(rest, "help").map(|[]| Request::Help),
        b"quit" => words(rest, "quit").map(|[]| Request::Quit),
        b"" => Err(Error::new(Code::BadRequest, "the line is empty; send help for the commands")),
        _ => {
            let text = "there is no such command; send help for those there are";
            Err(Error::new(Code::UnknownCommand, text))
        }
    }
}

fn parse_set(rest: &[u8]) -> Result<Request<'_>, Error> {
    let (word, rest) = next_word(rest);
    if word.is_empty() {
        return Err(usage("set ID DATA"));
    }
    let id = LeaseId::parse(word)?;
    let data = unescape(rest.strip_prefix(b" ").unwrap_or(rest));
    let data = data.ok_or_else(|| Error::new(Code::BadRequest, BAD_ESCAPE))?;
    Ok(Request::Set { id, data })
}

fn parse_table(rest: &[u8]) -> Result<Request<'_>, Error> {
    let (rows, rest) = next_word(rest);
    let rows = if rows.is_empty() { TABLE_ROWS } else { number(rows)? };
    let (each, rest) = next_word(rest);
    let each_client = each.eq_ignore_ascii_case(b"each");
    if !(each.is_empty() || each_client) || !next_word(rest).0.is_empty() {
        return Err(usage("table [ROWS [each]]"));
    }
    Ok(Request::Table { rows, each_client })
}

/// The next word and what follows it, its space included.
fn next_word(text: &[u8]) -> (&[u8], &[u8]) {
    let start = text.iter().take_while(|&&byte| byte == b' ').count();
    let text = &text[start..];
    let end = text.iter().position(|&byte| byte == b' ').unwrap_or(text.len());
    text.split_at(end)
}

/// Exactly `N` words.
fn words<'a, const N: usize>(text: &'a [u8], form: &str) -> Result<[&'a [u8]; N], Error> {
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

fn usage(form: &str) -> Error {
    Error::new(Code::BadRequest, format!("wrong number of words; the form is: {form}"))
}

fn id(rest: &[u8], form: &str) -> Result<LeaseId, Error> {
    words(rest, form).and_then(|[word]| LeaseId::parse(word))
}

fn number(word: &[u8]) -> Result<u64, Error> {
    let text = "a number is missing or out of range; give digits, 1 to 18446744073709551615";
    parse_decimal(word).ok_or(Error::new(Code::BadRequest, text))
}

/// Appends one reply line.
pub fn encode(reply: Reply<'_>, out: &mut Output) {
    match reply {
        Reply::Drawn(drawn) => encode_drawn(&drawn, &mut out.bytes),
        Reply::Data { id, data, .. } => {
            line(out, format_args!("data {id} "));
            escape(&data, &mut out.bytes);
        }
        Reply::Table(rows) => {
            line(out, format_args!("table"));
            for Row { counter, client, result } in rows {
                line(out, format_args!(" {counter}:{client}:{result}"));
            }
        }
        Reply::Stats(figures) => {
            line(out, format_args!("stats"));
            for (name, value) in figures {
                line(out, format_args!(" {name}={value}"));
            }
        }
        Reply::Leased { id, size, duration_ms } => {
            line(out, format_args!("leased {id} {size} {duration_ms}"));
        }
        Reply::Set { id, length } => line(out, format_args!("set {id} {length}")),
        Reply::Ttl { id, left_ms } => line(out, format_args!("ttl {id} {left_ms}")),
        Reply::Released { id, size } => line(out, format_args!("released {id} {size}")),
        Reply::Tree(picture) => line(out, format_args!("tree {picture}")),
        Reply::Help => line(out, format_args!("commands: {COMMANDS}")),
        Reply::Bye => line(out, format_args!("bye")),
        Reply::Error(error) => line(out, format_args!("error {error}")),
    }
    out.bytes.push(b'\n');
}

/// The numbers were rendered when the list was made: this copies, and takes back the
/// space that follows the last one.
#[inline]
fn encode_drawn(drawn: &Drawn<'_>, bytes: &mut Vec<u8>) {
    for text in drawn.texts() {
        bytes.extend_from_slice(text);
    }
    bytes.pop();
}

fn line(out: &mut Output, text: std::fmt::Arguments<'_>) {
    // Writing to a vector cannot fail.
    let _ = out.bytes.write_fmt(text);
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
