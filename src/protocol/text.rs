//! Text: one line asked, one line answered.
//!
//! A request line ends with LF or CRLF; the end of the stream ends the last one. Words
//! have spaces between them and are read in either case. A line has at most 65,536
//! bytes, its end included.
//!
//! | request | reply |
//! | --- | --- |
//! | `draw N` | the numbers, a space between them; fewer when fewer are left |
//! | `table [ROWS [each\|twice\|last]]` | `table COUNTER:CLIENT:RESULT …`, the first 12 or ROWS rows, or those of each client, or those around the first number drawn twice, or the last |
//! | `lease SIZE MS` | `leased ID SIZE MS` |
//! | `set ID DATA` | `set ID LENGTH` |
//! | `get ID` | `data ID DATA`, the bytes last set |
//! | `renew ID MS` | `leased ID SIZE MS` |
//! | `ttl ID` | `ttl ID MS`, rounded up |
//! | `release ID` | `released ID SIZE` |
//! | `stats` | `stats key=value …` |
//! | what a process asks | [`crate::cooperative::commands`], and what it says to others [`crate::sessions::commands`] |
//! | `inspect` · `replace` · `list` | [`crate::memory::versions`], [`crate::server::lists`] |
//! | `tree` | `tree PICTURE` |
//! | `parked` · `step CLIENT` | `parked CLIENT:STEP …`: a lab server's waiting clients, and what each does next; the same after `CLIENT` did its step |
//! | `help` · `quit` | the commands · `bye`, then the connection closes |
//! | anything wrong | `error CODE explanation` |
//!
//! Sizes are bytes, MS milliseconds, N and ROWS counts. DATA is all after the one space
//! behind ID, trailing spaces included, escaped as [`crate::common::escape`] says; `set ID`
//! alone sets nothing. It speaks every request there is.
//!
//! The connection closes only after a line over the bound, after a first line that holds
//! a control byte (a TLS hello, a port scan), after `quit`, when a time limit is over, and after a line
//! that asks nothing and ends with `HTTP/…` or begins with `Host:`: behind it could be a body, and a
//! page of another site can choose both.
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

pub(crate) mod words;

use words::{Words, find_line_end};

use crate::commands::{Data, Draw, Drawn, Reply, Request, no_such_command};
use crate::common::description::key;
use crate::common::error::{Code, Error};
use crate::common::escape::escaped_length;
use crate::common::id::parse_decimal;
use crate::protocol::output::Output;
use crate::protocol::{Decoded, Tail};

/// The longest line in bytes, its end included.
pub const MAX_LINE: usize = 64 * 1024;

/// How long a `draw N` without a line end is waited on, in milliseconds.
pub const QUIET_MS: u64 = 100;

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
            Err(_) if is_line_of_http(line) => {
                Decoded::Last(Some(Error::new(Code::BadRequest, HTTP_LINE)))
            }
            request => Decoded::Asked { request, used },
        }
    }
}

/// Whether a line that asks nothing is one of HTTP that was not taken for it: its first, or the
/// one that names the host, which no browser leaves out. What follows may be a body.
fn is_line_of_http(line: &[u8]) -> bool {
    let last = line.rsplit(|&byte| byte == b' ').next().unwrap_or_default();
    let begins = |word: &[u8], known: &[u8]| {
        word.get(..known.len()).is_some_and(|start| start.eq_ignore_ascii_case(known))
    };
    begins(last, b"HTTP/") || begins(line, b"Host:")
}

const NOT_TEXT: &str =
    "the first line holds a control byte, so this is no text; send lines, such as draw 4";
const HTTP_LINE: &str =
    "this is a line of HTTP, and what follows may be no command; begin with METHOD /PATH HTTP/1.1";
const LINE_TOO_LONG: &str =
    "a line has at most 65536 bytes; set longer data in frames, or a shorter piece of it";
const GET_TOO_LONG: &str =
    "escaped, the data is longer than a message may be; get it in frames, as it was set";
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
        && matches!(parse(input), Ok(Request::Draw(_)))
}

/// Reads one line without its end.
///
/// # Errors
/// `bad-request` and `unknown-command`.
#[inline]
pub fn parse(line: &[u8]) -> Result<Request<'_>, Error> {
    // The one command that comes by the million, in its usual form, needs no words.
    if let [b'd', b'r', b'a', b'w', b' ', digits @ ..] = line
        && let Some(count) = parse_decimal(digits)
    {
        return Ok(Request::Draw(Draw { count }));
    }
    parse_words(Words::Line(line))
}

/// Reads a command whose words are bulk strings of RESP.
///
/// # Errors
/// `bad-request` and `unknown-command`.
pub(super) fn parse_bulks(bulks: &[u8]) -> Result<Request<'_>, Error> {
    parse_words(Words::Bulks(bulks))
}

#[inline(never)]
fn parse_words(line: Words<'_>) -> Result<Request<'_>, Error> {
    let (command, rest) = line.next();
    match key(command) {
        0 => Err(Error::new(Code::BadRequest, "the line is empty; send help for the commands")),
        command => Request::by_word(command, rest).unwrap_or_else(|| Err(no_such_command())),
    }
}

/// The most bytes of data that an answer of at most `max_message` bytes can have, whatever has to
/// be escaped.
pub fn most_data(max_message: usize) -> u64 {
    const BEFORE: usize = 64;
    (max_message.saturating_sub(BEFORE) / 4) as u64
}

/// Appends one reply line, of no more data than `max_message` bytes once escaped.
pub fn encode(reply: &Reply<'_>, max_message: usize, out: &mut Output) {
    match reply {
        Reply::Drawn(drawn) => return encode_drawn(drawn, &mut out.bytes),
        Reply::Data(Data { data, .. }) if escaped_length(data) > max_message => {
            Reply::Error(Error::new(Code::TooLarge, GET_TOO_LONG)).line(&mut out.bytes);
        }
        reply => reply.line(&mut out.bytes),
    }
    out.bytes.push(b'\n');
}

/// The numbers were rendered when the list was made: this copies them, and makes a line end of the
/// space that follows the last one.
#[inline]
fn encode_drawn(drawn: &Drawn<'_>, bytes: &mut Vec<u8>) {
    drawn.append_text(bytes);
    if let Some(last) = bytes.last_mut() {
        *last = b'\n';
    }
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
