//! Text: each request is one line, and each reply is one line.
//!
//! A request line ends with LF or CRLF; the end of the stream ends the last line. Spaces separate
//! the words. Capitals and small letters mean the same in a command's words, but not in names and
//! data. A line has at most 65,536 bytes, with its end.
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
//! | the commands of processes | [`crate::cooperative::commands`], [`crate::sessions::commands`] |
//! | `inspect` · `replace` · `list` · `put` | [`crate::memory::versions`], [`crate::server::lists`], [`crate::memory::named`] |
//! | `tree` | `tree PICTURE` |
//! | `parked` | `parked CLIENT:STEP …`: a lab server's waiting clients, each with its next step |
//! | `step CLIENT` | the reply of `parked`, after `CLIENT` did its step |
//! | `help` · `quit` | the commands · `bye`, then the connection closes |
//! | a wrong line | `error CODE explanation` |
//!
//! Sizes are bytes, MS is milliseconds, N and ROWS are counts. DATA is all bytes after the one
//! space behind ID, with trailing spaces, escaped as in [`crate::common::escape`]; `set ID` alone
//! sets empty data. Every command has a text form.
//!
//! The server closes the connection when the client closes it, and when the server stops. Before
//! that it closes the connection only after:
//!
//! - a line over the bound;
//! - a first line that holds a control byte (a TLS hello, a port scan), or whose first word is no
//!   command (SMTP, gopher, a printer's language);
//! - a wrong line that ends with the version of a protocol, such as `HTTP/1.1` or `SIP/2.0`, or
//!   begins with `Host:`. The lines behind it may be the body of such a request, and a web page of
//!   another site can choose that body;
//! - any first line, on a server with a user: text has no log-on ([`super::log_on`]);
//! - `quit`;
//! - a time limit.
//!
//! Simple course clients send `draw 4` without a line end and wait: [`unended`] has the rules. A
//! byte order mark in front of the first line and NULs in front of any line are passed over: an
//! editor or a C program adds them, and nobody sees them. If a wrong line holds another invisible
//! character, the answer shows the first one.
//!
//! ```text
//!   > draw 4                         > lease 64 5000
//!   < 5 19 228 665                   < leased 2f0c… 64 5000
//!   > draw 0                         > set 2f0c… a\tb
//!   < error bad-request …            < set 2f0c… 3
//! ```
//!
//! **Invariants**
//!
//! 1. Each line gets one reply, in the order of the lines. A reply holds no line break but its end.
//! 2. The search for a LF looks at each byte once. (Only a CR at the end of a read is looked at
//!    again.) Without the field `scanned`, a client that sends the longest line byte by byte would
//!    cost 65,536² / 2 comparisons, over 2 × 10^9.
//!
//! **Lock** none. **Simplified** no quotes, because DATA always ends the line and so may hold
//! spaces; no line that goes on in the next one.
//!
//! **Source** the homework's `draw [number]`; the other lines follow its form.

mod line;
mod refusals;
pub mod unended;
pub(crate) mod words;

use line::{find_line_end, first_control, pass_over, without_cr};
use refusals::{TOO_LONG, holds_control, refused};
use unended::{Meaning, ReplyEnd, Unended};
use words::Words;

use crate::commands::{Data, Draw, Drawn, Reply, Request, no_such_command};
use crate::common::description::key;
use crate::common::error::{Code, Error};
use crate::common::escape::escaped_length;
use crate::common::id::parse_decimal;
use crate::protocol::output::Output;
use crate::protocol::{Decoded, Tail};

/// The longest line in bytes, with its end. The server keeps a line until it is whole, so this also
/// bounds the memory of a client that never sends a line end.
pub const MAX_LINE: usize = 64 * 1024;

/// The state of a connection that speaks text.
#[derive(Debug, Default)]
pub struct Text {
    /// The number of bytes at the start of the input that hold no LF.
    scanned: usize,
    /// The first line is decoded: from now on neither a control byte nor an unknown command closes
    /// the connection.
    past_first: bool,
    /// The state for requests without a line end.
    unended: Unended,
}

impl Text {
    /// Starts a connection. For `course` see [`unended`].
    pub fn new(course: bool) -> Self {
        Self { unended: Unended::new(course), ..Self::default() }
    }

    /// Looks for one request at the start of `input`.
    pub fn decode<'a>(&mut self, input: &'a [u8], tail: Tail) -> Decoded<'a> {
        if let Some(passed_over) = pass_over(input, !self.past_first, tail) {
            return passed_over;
        }
        match self.unended.meaning(input, tail) {
            Meaning::Line => self.decode_line(input, tail),
            Meaning::Wait => Decoded::Incomplete,
            Meaning::Draw(draw, used) => {
                self.past_first = true;
                Decoded::Asked { request: Ok(Request::Draw(draw)), used }
            }
            // Other protocols end their lines, so this is probably a student's client. With
            // `past_first` set, the connection goes on after the error.
            Meaning::Wrong => {
                self.past_first = true;
                self.finish(input, input.len())
            }
            Meaning::LineEnd(used) => Decoded::Skip { used },
        }
    }

    /// Looks for one line at the start of `input`.
    fn decode_line<'a>(&mut self, input: &'a [u8], tail: Tail) -> Decoded<'a> {
        // Bytes over the bound are never searched: the line is refused without them.
        let within = &input[..input.len().min(MAX_LINE)];
        let found = find_line_end(within, self.scanned);
        let line = &within[..found.unwrap_or(within.len())];
        // Checked before the line is whole: a TLS hello may hold no LF, and its client would wait.
        if !self.past_first
            && let Some(byte) = first_control(&line[self.scanned..])
        {
            return Decoded::Last(Some(holds_control(byte)));
        }
        match found {
            Some(end) => {
                self.unended.line_end_arrived();
                self.finish(without_cr(line), end + 1)
            }
            None if within.len() == MAX_LINE => {
                Decoded::Last(Some(Error::new(Code::BadRequest, TOO_LONG)))
            }
            None if tail == Tail::Ended && !input.is_empty() => {
                self.finish(without_cr(input), input.len())
            }
            None => {
                // A CR is no control byte if a LF follows it, so the next call looks at it again.
                self.scanned = without_cr(line).len();
                Decoded::Incomplete
            }
        }
    }

    /// Returns whether 100 ms of silence would end a request.
    pub fn awaits_quiet(&self, input: &[u8]) -> bool {
        self.unended.awaits_quiet(input)
    }

    /// Parses a whole line, and prepares for the next one. `used` counts the line and its end.
    fn finish<'a>(&mut self, line: &'a [u8], used: usize) -> Decoded<'a> {
        self.scanned = 0;
        let is_first = !std::mem::replace(&mut self.past_first, true);
        match parse(line) {
            Err(error) => refused(error, line, is_first, used),
            request => Decoded::Asked { request, used },
        }
    }

    /// Appends one answer, with the end that fits its request.
    #[inline]
    pub fn encode(&self, reply: &Reply<'_>, max_message: usize, out: &mut Output) {
        encode(reply, max_message, out);
        match (self.unended.reply_end, out.bytes.last_mut()) {
            (ReplyEnd::Line, _) | (_, None) => {}
            (ReplyEnd::Space, Some(last)) => *last = b' ',
            (ReplyEnd::Nothing, Some(_)) => drop(out.bytes.pop()),
        }
    }
}

const GET_TOO_LONG: &str =
    "escaped, the data is longer than a message may be; get it in frames, as it was set";

/// Parses one line without its end.
///
/// # Errors
/// Fails with `bad-request` or `unknown-command`.
#[inline]
pub fn parse(line: &[u8]) -> Result<Request<'_>, Error> {
    // The short way for the one command that arrives by the million. Any other form of a draw
    // (capitals, two spaces, a wrong number) takes the long way. The long way would give the same
    // result for every line.
    if let [b'd', b'r', b'a', b'w', b' ', digits @ ..] = line
        && let Some(count) = parse_decimal(digits)
    {
        return Ok(Request::Draw(Draw { count }));
    }
    parse_words(Words::Line(line))
}

/// Finds the command by its first word, and reads its fields from the other words. Never inlined:
/// its code would make the short way of [`parse`] larger.
///
/// # Errors
/// Fails with `bad-request` or `unknown-command`.
#[inline(never)]
pub(crate) fn parse_words(mut words: Words<'_>) -> Result<Request<'_>, Error> {
    match key(words.next()) {
        // `key` returns 0 only if there is no word, or an empty bulk string.
        0 => Err(Error::new(Code::BadRequest, "the line is empty; send help for the commands")),
        command => Request::by_word(command, words).unwrap_or_else(|| Err(no_such_command())),
    }
}

/// Returns the most bytes of a message's data that fit in an answer of `max_message` bytes: about a
/// quarter, because in the worst case each byte is escaped, and `\x00` has four bytes.
pub fn most_data(max_message: usize) -> u64 {
    // Room for what stands before the data of a message: `message `, an id and a space are 45
    // bytes.
    const BEFORE: usize = 64;
    (max_message.saturating_sub(BEFORE) / 4) as u64
}

/// Appends one reply line. The reply to a get becomes `too-large` when its data, escaped, is longer
/// than `max_message` bytes. The escaped length is known only here: the service does not know which
/// bytes need an escape.
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

/// Appends the numbers of a draw. The list rendered all numbers to text when it was made, so this
/// only copies bytes, and replaces the space behind the last number by the line end. There is
/// always a last number: a draw that gets none is an error.
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

#[cfg(test)]
mod unended_tests;
