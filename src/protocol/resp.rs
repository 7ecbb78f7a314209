//! RESP, the Redis protocol: a Redis client, in any language, is also a leasebox client.
//!
//! ```text
//!   > *2 $4 draw $1 2        a count, and each word with its length; CR LF after each part
//!   < *2 :5 :19
//!   > *2 $3 GET $36 2f0c…    < $11 Hello World
//!   > *2 $4 draw $1 x        < -ERR bad-request a number is missing or out of range; …
//! ```
//!
//! The first byte of a value is its type: `*` an array, `$` a bulk string (any bytes, with their
//! length), `:` an integer, `+` a simple string (one line), `-` an error; in RESP3 also `%` a map
//! and `_` nil.
//!
//! | request | reply |
//! | --- | --- |
//! | the words of [`text`], each a bulk string; data as it is, not escaped | see below the table |
//! | what client libraries ask about the connection, such as `PING` | the table is in `resp/connection.rs` |
//!
//! Of the commands of [`text`], `draw` gets an array of integers; `get` gets a bulk string, or nil
//! if there is no such lease; `quit` gets `+OK`. Any other command gets the text reply as a simple
//! string. An error of these commands is `-ERR`, its code and its text.
//!
//! A connection speaks RESP2 until `HELLO 3`. A request has at most 1,048,576 words, and at most 34
//! bytes more than `--max-message`: 32 bytes leave room for the lines in front of a word that is as
//! long as a message, and 2 are its CR LF. Before the log-on a request has at most 10 words, each
//! of at most 16 KiB. After bytes that are no RESP nothing says where the next request begins: the
//! answer is `-ERR Protocol error: …`, and the connection closes.
//!
//! A request may arrive in many pieces. Between two of them the state is:
//!
//! ```text
//!   *3 CR LF $3 CR LF SET CR LF $1 CR LF 7 CR LF $5 CR LF Hel
//!            │                                   │
//!            first: the words begin              at: all before it is whole; words_left is 1
//! ```
//!
//! **Invariants**
//!
//! 1. A count or a length is compared with its bound before any byte is kept for it, and makes the
//!    server allocate nothing. So `*1048576` alone costs nothing.
//! 2. A whole word is never scanned again, however slowly the rest arrives; only the length of the
//!    word at `at` is read again.
//!
//! **Lock** none, except that of the guesses in a log-on ([`crate::protocol::log_on`]).
//!
//! **Simplified** Redis also accepts inline commands: lines without `*`. Here only `PING` may be
//! one, because tools send it to see whether a server is there; a connection that begins with
//! another line speaks text. RESP3 differs from RESP2 only in the map and in nil.
//!
//! **Source** redis.io, *Redis serialization protocol specification*. The bounds are those of Redis
//! 6; Redis got the ones before the log-on after CVE-2021-32675.

mod connection;

use std::io::Write;

use self::connection::NO_AUTH;
use crate::commands::{Data, Quit, Reply, Request};
use crate::common::caller::ClientNumber;
use crate::common::description::Source;
use crate::common::error::{Code, Error};
use crate::common::id::parse_decimal;
use crate::protocol::output::Output;
use crate::protocol::text::words::Words;
use crate::protocol::{Decoded, Policy, text};

/// The most words of a request after the log-on.
const MAX_WORDS: u64 = 1024 * 1024;
/// The most words of a request before the log-on, and the most bytes of one word. So a request of a
/// client that has not logged on has little more than 160 KiB.
const MAX_BEFORE_LOG_ON: (u64, u64) = (10, 16 * 1024);

/// The number of bytes behind `*` or `$` within which the line of a count or a length must have its
/// CR. The greatest `u64` has 20 digits; a longer line is no number.
const MAX_LINE: usize = 32;

/// The state of a connection that speaks RESP.
#[derive(Debug, Default)]
pub struct Resp {
    // Fields of the request that is arriving.
    /// The scanned bytes: the offset of the first word that is not whole yet.
    at: usize,
    /// The offset of the first word, behind the line of the count.
    first: usize,
    /// The number of words that are not whole yet; `None` before the count is known.
    words_left: Option<u64>,
    // A field of the request that waits for its answer.
    /// The request is a get: for it, and for no other command, `not-found` is nil.
    is_get: bool,
    // Fields of the connection.
    /// The client has sent the right password, or the server has no user.
    is_logged_on: bool,
    /// The client has asked for RESP3: nil is `_`, and a map is `%`.
    is_resp3: bool,
    /// The name that the client gave to the connection; empty before that.
    name: Vec<u8>,
    /// The number of the client, as `list connections` has it.
    client: ClientNumber,
    /// The connection closes after the next answer.
    is_over: bool,
}

/// The text of a protocol error.
type Broken = &'static str;

/// A line with a number: the byte that it begins with (`*` or `$`), the error for another byte, and
/// the error for a wrong number.
type Expected = (u8, Broken, Broken);

const COUNT: Expected =
    (b'*', "expected '*'; each request is an array of bulk strings", "invalid multibulk length");
const TOO_BIG: Broken = "too big request; --max-message bounds it, send less";
const MOST_WORDS: Broken = "a request has at most 1048576 words; send fewer";
const LONG_BEFORE_LOG_ON: Broken =
    "before the log-on a request is short; send AUTH NAME PASSWORD first";
const LENGTH: Expected = (b'$', "expected '$'; each word is a bulk string", "invalid bulk length");

impl Resp {
    /// Starts a connection. On a server without a user it counts as logged on.
    pub fn new(policy: &Policy, client: ClientNumber) -> Self {
        Self { is_logged_on: policy.user.is_none(), client, ..Self::default() }
    }

    /// Looks for one request at the start of `input`.
    pub fn decode<'a>(&mut self, input: &'a [u8], policy: &Policy) -> Decoded<'a> {
        // Between two requests the line `PING` is allowed too. 0: the line is not whole yet. While
        // an array is read, the input begins with its `*`, so `inline_ping` returns `None`.
        if let Some(used) = inline_ping(input) {
            let pong = if self.is_logged_on { "+PONG" } else { NO_AUTH };
            let answer = format!("{pong}\r\n").into_bytes();
            return match used {
                0 => Decoded::Incomplete,
                used => Decoded::SelfAnswered { used, answer },
            };
        }
        match self.scan(input, policy.max_message) {
            Err(broken) => {
                self.is_over = true;
                let answer = format!("-ERR Protocol error: {broken}\r\n").into_bytes();
                Decoded::SelfAnswered { used: input.len(), answer }
            }
            Ok(false) => Decoded::Incomplete,
            Ok(true) => {
                let (used, words) = (self.at, Words::Bulks(&input[self.first..self.at]));
                (self.at, self.words_left) = (0, None);
                if words.is_over() {
                    return Decoded::Skip { used };
                }
                let request = text::parse_words(words);
                // RESP itself answers `QUIT`, and each command of `resp/connection.rs` that
                // leasebox does not have, such as `PING`. Before the log-on RESP itself answers
                // every request: no service may see one.
                let is_own = match &request {
                    Ok(request) => !self.is_logged_on || matches!(request, Request::Quit(Quit)),
                    Err(error) => !self.is_logged_on || error.code == Code::UnknownCommand,
                };
                if is_own && let Some(answer) = self.answer_own(words, policy) {
                    return Decoded::SelfAnswered { used, answer };
                }
                self.is_get = matches!(request, Ok(Request::Get(_)));
                Decoded::Asked { request, used }
            }
        }
    }

    /// Returns whether the input begins with a whole request, and moves `at` over the words that
    /// are whole. `most` is the longest message in bytes.
    ///
    /// # Errors
    /// Fails with the text of a protocol error; the connection cannot go on after it.
    fn scan(&mut self, input: &[u8], most: usize) -> Result<bool, Broken> {
        let (most_words, most_bytes) =
            if self.is_logged_on { (MAX_WORDS, most as u64) } else { MAX_BEFORE_LOG_ON };
        if self.words_left.is_none() {
            let Some((count, line)) = number_line(input, COUNT)? else { return Ok(false) };
            if count.is_some_and(|count| count > most_words) {
                return Err(if self.is_logged_on { MOST_WORDS } else { LONG_BEFORE_LOG_ON });
            }
            // Like Redis, skip an array of no words, and a count below 0: both count as 0 words.
            (self.at, self.first, self.words_left) = (line, line, Some(count.unwrap_or(0)));
        }
        while let Some(left @ 1..) = self.words_left {
            let Some((length, line)) = number_line(&input[self.at..], LENGTH)? else {
                return Ok(false);
            };
            // `None` is a number below 0, and no word has such a length.
            let length = length.ok_or(LENGTH.2)?;
            if length > most_bytes {
                return Err(if self.is_logged_on { TOO_BIG } else { LONG_BEFORE_LOG_ON });
            }
            let length = length as usize;
            let end = self.at + line + length;
            // Each word is within its bound, but a million of them need not be: the request as a
            // whole has a bound too. It leaves room for one more line of a length.
            if end > most.saturating_add(MAX_LINE) {
                return Err(TOO_BIG);
            }
            match input.get(end..).unwrap_or_default() {
                [b'\r', b'\n', ..] => (self.at, self.words_left) = (end + 2, Some(left - 1)),
                [] | [b'\r'] => return Ok(false),
                _ => return Err("expected CR LF after a bulk string"),
            }
        }
        Ok(true)
    }

    /// Appends the answer to the request that was decoded last. Moves large data out of `reply`.
    pub fn encode(&mut self, reply: &mut Reply<'_>, out: &mut Output) {
        let is_get = std::mem::take(&mut self.is_get);
        // `let _`: writing to a vector cannot fail.
        match reply {
            Reply::Drawn(drawn) => {
                let _ = write!(out.bytes, "*{}\r\n", drawn.count());
                // A run is a slice of the list; a draw may have several of them.
                drawn.for_each_run(|run| {
                    run.iter().for_each(|n| drop(write!(out.bytes, ":{n}\r\n")));
                });
            }
            Reply::Data(Data { data, .. }) => {
                let _ = write!(out.bytes, "${}\r\n", data.len());
                let mut data = std::mem::take(data);
                data.reserve_exact(2);
                // CR LF goes into the buffer of the data, so that large data still moves as one
                // piece.
                data.extend_from_slice(b"\r\n");
                out.attach(data);
            }
            Reply::Error(Error { code: Code::NotFound, .. }) if is_get => {
                out.bytes.extend_from_slice(self.nil());
            }
            Reply::Error(error) => {
                let _ = write!(out.bytes, "-ERR {error}\r\n");
            }
            // A text reply holds no line break but its end, and neither may a simple string. Only
            // the end differs: LF becomes CR LF. `usize::MAX`: the bound would be for the data of a
            // get, and an arm above has sent that.
            reply => {
                out.bytes.push(b'+');
                text::encode(reply, usize::MAX, out);
                out.bytes.pop();
                out.bytes.extend_from_slice(b"\r\n");
            }
        }
    }

    /// Returns whether the connection closes after the last answer.
    pub fn is_over(&self) -> bool {
        self.is_over
    }
}

/// Returns a bulk string of these bytes.
pub(crate) fn bulk(text: &[u8]) -> Vec<u8> {
    [format!("${}\r\n", text.len()).as_bytes(), text, b"\r\n"].concat()
}

/// Returns the length of an inline `PING`, a line without an array, at the start of the input.
/// `Some(0)` means that more bytes decide; `None` means that the input is something else.
pub(super) fn inline_ping(input: &[u8]) -> Option<usize> {
    let lines = [&b"PING\r\n"[..], b"PING\n"];
    if let Some(line) = lines.iter().find(|line| input.starts_with(line)) {
        return Some(line.len());
    }
    lines.iter().any(|line| line.starts_with(input)).then_some(0)
}

/// Reads the line of a count or a length. Returns its number, and the length of the line in bytes
/// with its CR LF. `Ok(None)` means that the line is not whole; a number below 0 is read as `None`.
///
/// ```text
///   $11 CR LF Hello…   ──►  Ok(Some((Some(11), 5)))
///   *-1 CR LF          ──►  Ok(Some((None, 5)))
///   $1                 ──►  Ok(None)
/// ```
///
/// # Errors
/// Fails with the text of a protocol error.
fn number_line(input: &[u8], line: Expected) -> Result<Option<(Option<u64>, usize)>, Broken> {
    let (letter, no_letter, no_number) = line;
    let Some((&first, rest)) = input.split_first() else { return Ok(None) };
    if first != letter {
        return Err(no_letter);
    }
    let within = &rest[..rest.len().min(MAX_LINE)];
    let Some(end) = within.iter().position(|&byte| byte == b'\r') else {
        return if within.len() == MAX_LINE { Err(no_number) } else { Ok(None) };
    };
    let Some(after) = rest.get(end + 1) else { return Ok(None) };
    if *after != b'\n' {
        return Err(no_number);
    }
    // A `-` in front of the digits: the number is below 0.
    let (digits, is_below) =
        within[..end].strip_prefix(b"-").map_or((&within[..end], false), |d| (d, true));
    let number = parse_decimal(digits).ok_or(no_number)?;
    // 3: the letter in front, and CR LF.
    Ok(Some((Some(number).filter(|_| !is_below), end + 3)))
}

#[cfg(test)]
#[path = "resp_tests.rs"]
mod tests;
