//! RESP, the Redis protocol: every Redis client, in every language, is a leasebox client.
//!
//! ```text
//!   > *2 $4 draw $1 2        a count, and each word with its length; CR LF after each part
//!   < *2 :5 :19
//!   > *2 $3 GET $36 2f0c…    < $11 Hello World
//!   > *2 $4 draw $1 x        < -ERR bad-request a number is missing or out of range; …
//! ```
//!
//! | request | reply |
//! | --- | --- |
//! | the words of [`text`], each a bulk string; data as it is, not escaped | `draw`: an array of integers; `get`: a bulk string, nil for no such lease; `quit`: `+OK`; else the text reply as a simple string |
//! | `PING [TEXT]`, `ECHO TEXT` | `+PONG` or the text |
//! | `HELLO [2\|3] [AUTH NAME PASSWORD] [SETNAME X]` | a map of what the server is; from then on nil is said as that version does |
//! | `AUTH NAME PASSWORD` | `+OK`; without it, where a user is wanted, `-NOAUTH …` |
//! | `SELECT 0`, `CLIENT SETINFO …`, `CLIENT SETNAME X` | `+OK` |
//! | `CONFIG GET save\|appendonly`, `COMMAND …` | what is true (nothing is saved); nothing |
//!
//! A request has at most 1,048,576 words and `--max-message` bytes; before a log-on that is wanted, 10
//! words of 16 KiB. What is no RESP is answered `-ERR Protocol error: …`, and the connection closes.
//!
//! **Invariants** a count or length is compared with its bound before anything is kept, and nothing is
//! allocated for it; a request is scanned once, however slowly it comes. **Lock** none.
//!
//! **Simplified** no inline commands; of RESP3 its map and its nil. **Source** the specification of
//! the Redis serialization protocol; the bounds are Redis's.

use std::io::Write;

use crate::commands::{Data, Quit, Reply, Request};
use crate::common::error::{Code, Error};
use crate::common::id::parse_decimal;
use crate::protocol::output::Output;
use crate::protocol::text::words::Words;
use crate::protocol::{Decoded, Manners, text};

/// The most words; and before the log-on, with the bytes of one.
const MAX_WORDS: u64 = 1024 * 1024;
const MAX_BEFORE: (u64, u64) = (10, 16 * 1024);

/// The longest line of a count or length, in bytes: more than its largest number needs.
const MAX_LINE: usize = 32;

/// A connection that speaks RESP.
#[derive(Debug, Default)]
pub struct Resp {
    // Of the request that is coming.
    /// Bytes that were scanned, where the first word begins, and how many words are missing.
    at: usize,
    first: usize,
    missing: Option<u64>,
    // Of the request that is to be answered.
    is_get: bool,
    own: Vec<u8>,
    // Of the connection.
    is_logged_on: bool,
    is_third: bool,
    is_over: bool,
}

/// An answer about the connection, or an error's line.
type OwnReply<T> = Result<T, &'static str>;

/// A protocol error's text.
type Broken = &'static str;

/// The letter that a line begins with, and what is said of another one and of no number.
type Expected = (u8, Broken, Broken);

const COUNT: Expected =
    (b'*', "expected '*'; each request is an array of bulk strings", "invalid multibulk length");
const LENGTH: Expected = (b'$', "expected '$'; each word is a bulk string", "invalid bulk length");

impl Resp {
    /// A connection; where a user is wanted, of nobody yet.
    pub fn new(manners: &Manners) -> Self {
        Self { is_logged_on: manners.user.is_none(), ..Self::default() }
    }

    /// Looks for one request at the start of `input`.
    pub fn decode<'a>(&mut self, input: &'a [u8], manners: &Manners) -> Decoded<'a> {
        match self.scan(input, manners.max_message) {
            Err(broken) => {
                self.own = format!("-ERR Protocol error: {broken}\r\n").into_bytes();
                self.is_over = true;
                Decoded::Own { used: input.len() }
            }
            Ok(false) => Decoded::Incomplete,
            Ok(true) => {
                let (used, bulks) = (self.at, &input[self.first..self.at]);
                (self.at, self.missing) = (0, None);
                if bulks.is_empty() {
                    return Decoded::Skip { used };
                }
                let request = text::parse_bulks(bulks);
                // What text does not know may be about the connection; so is the end.
                let is_own = match &request {
                    Ok(request) => !self.is_logged_on || matches!(request, Request::Quit(Quit)),
                    Err(error) => !self.is_logged_on || error.code == Code::UnknownCommand,
                };
                if is_own && self.answers(Words::Bulks(bulks), manners) {
                    return Decoded::Own { used };
                }
                self.is_get = matches!(request, Ok(Request::Get(_)));
                Decoded::Asked { request, used }
            }
        }
    }

    /// Whether a whole request is there.
    fn scan(&mut self, input: &[u8], most: usize) -> Result<bool, Broken> {
        let (most_words, most_bytes) =
            if self.is_logged_on { (MAX_WORDS, most as u64) } else { MAX_BEFORE };
        if self.missing.is_none() {
            let Some((count, line)) = number(input, COUNT)? else { return Ok(false) };
            if count.is_some_and(|count| count > most_words) {
                return Err(COUNT.2);
            }
            // Redis passes over an array of nothing, and of less.
            (self.at, self.first, self.missing) = (line, line, Some(count.unwrap_or(0)));
        }
        while let Some(missing @ 1..) = self.missing {
            let Some((length, line)) = number(&input[self.at..], LENGTH)? else { return Ok(false) };
            let length = length.filter(|&length| length <= most_bytes).ok_or(LENGTH.2)? as usize;
            let end = self.at + line + length;
            if end > most.saturating_add(MAX_LINE) {
                return Err("too big request");
            }
            match input.get(end..).unwrap_or_default() {
                [b'\r', b'\n', ..] => (self.at, self.missing) = (end + 2, Some(missing - 1)),
                [] | [b'\r'] => return Ok(false),
                _ => return Err("expected CR LF after a bulk string"),
            }
        }
        Ok(true)
    }

    /// Answers what is about the connection, and whoever has to log on first.
    fn answers(&mut self, words: Words<'_>, manners: &Manners) -> bool {
        let (command, rest) = words.next();
        let answer: OwnReply<Vec<u8>> = match &*command.to_ascii_uppercase() {
            b"HELLO" => self.hello(rest, manners),
            b"AUTH" if rest.count() == 2 => self.log_on(rest, manners).map(|()| OK.into()),
            b"QUIT" => {
                self.is_over = true;
                Ok(OK.into())
            }
            _ if !self.is_logged_on => Err(NO_AUTH),
            b"PING" if rest.is_over() => Ok(b"+PONG\r\n".into()),
            b"PING" | b"ECHO" if rest.count() == 1 => Ok(bulk(rest.next().0)),
            b"SELECT" if rest.count() == 1 && rest.next().0 == b"0" => Ok(OK.into()),
            b"SELECT" => Err("-ERR refused there is one database; SELECT 0"),
            // What clients say of themselves is not kept.
            b"CLIENT" => match &*rest.next().0.to_ascii_uppercase() {
                b"SETINFO" | b"SETNAME" => Ok(OK.into()),
                _ => Err("-ERR unknown-command CLIENT has SETINFO and SETNAME here"),
            },
            b"CONFIG" if rest.count() == 2 && rest.next().0.eq_ignore_ascii_case(b"GET") => {
                Ok(config(rest.next().1.next().0))
            }
            b"COMMAND" => Ok(b"*0\r\n".into()),
            _ => return false,
        };
        self.own = answer.unwrap_or_else(|error| [error.as_bytes(), b"\r\n"].concat());
        true
    }

    /// Logs on with the next two words.
    fn log_on(&mut self, words: Words<'_>, manners: &Manners) -> OwnReply<()> {
        let (name, rest) = words.next();
        let (password, _) = rest.next();
        match &manners.user {
            None => Err("-ERR refused this server has no user; leave AUTH out"),
            Some(user) if user.is(name, password) => {
                self.is_logged_on = true;
                Ok(())
            }
            Some(_) => Err("-WRONGPASS name or password is wrong; send AUTH NAME PASSWORD"),
        }
    }

    fn hello(&mut self, words: Words<'_>, manners: &Manners) -> OwnReply<Vec<u8>> {
        let (version, mut rest) = words.next();
        let proto = match version {
            b"" if rest.is_over() => 2 + u8::from(self.is_third),
            b"2" => 2,
            b"3" => 3,
            _ => return Err("-NOPROTO unsupported protocol version; HELLO 2 or HELLO 3"),
        };
        let mut pair = None;
        while !rest.is_over() {
            let (option, after) = rest.next();
            rest = after.next().1;
            match &*option.to_ascii_uppercase() {
                b"AUTH" => (pair, rest) = (Some(after), rest.next().1),
                b"SETNAME" => {}
                _ => return Err("-ERR bad-request HELLO has AUTH NAME PASSWORD and SETNAME X"),
            }
        }
        pair.map_or(Ok(()), |pair| self.log_on(pair, manners))?;
        if !self.is_logged_on {
            return Err(NO_AUTH);
        }
        self.is_third = proto == 3;
        let (map, version) = (["*8", "%4"][usize::from(self.is_third)], env!("CARGO_PKG_VERSION"));
        let text = format!(
            "{map}\r\n$6\r\nserver\r\n$8\r\nleasebox\r\n$7\r\nversion\r\n${}\r\n{version}\r\n\
             $5\r\nproto\r\n:{proto}\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n",
            version.len()
        );
        Ok(text.into_bytes())
    }

    /// Appends the answer to what was decoded last. Large data is moved out of it.
    pub fn encode(&mut self, reply: &mut Reply<'_>, out: &mut Output) {
        let is_get = std::mem::take(&mut self.is_get);
        // Writing to a vector cannot fail.
        match reply {
            Reply::Drawn(drawn) => {
                let _ = write!(out.bytes, "*{}\r\n", drawn.count());
                drawn.for_each_run(|run| {
                    run.iter().for_each(|n| drop(write!(out.bytes, ":{n}\r\n")));
                });
            }
            Reply::Data(Data { data, .. }) => {
                let _ = write!(out.bytes, "${}\r\n", data.len());
                let mut data = std::mem::take(data);
                data.extend_from_slice(b"\r\n");
                out.attach(data);
            }
            Reply::Error(Error { code: Code::NotFound, .. }) if is_get => {
                out.bytes.extend_from_slice(if self.is_third { b"_\r\n" } else { &b"$-1\r\n"[..] });
            }
            Reply::Error(error) => {
                let _ = write!(out.bytes, "-ERR {error}\r\n");
            }
            reply => {
                out.bytes.push(b'+');
                text::encode(reply, usize::MAX, out);
                out.bytes.pop();
                out.bytes.extend_from_slice(b"\r\n");
            }
        }
    }

    /// Appends the answer to what was about the connection.
    pub fn encode_own(&mut self, out: &mut Output) {
        out.bytes.append(&mut self.own);
    }

    /// Whether the connection closes now.
    pub fn is_over(&self) -> bool {
        self.is_over
    }
}

const NO_AUTH: &str = "-NOAUTH Authentication required; send AUTH NAME PASSWORD";
const OK: &[u8] = b"+OK\r\n";

fn bulk(text: &[u8]) -> Vec<u8> {
    [format!("${}\r\n", text.len()).as_bytes(), text, b"\r\n"].concat()
}

/// What redis-benchmark asks before it begins: nothing is ever saved.
fn config(name: &[u8]) -> Vec<u8> {
    match &*name.to_ascii_lowercase() {
        b"save" => [b"*2\r\n", &*bulk(b"save"), &bulk(b"")].concat(),
        b"appendonly" => [b"*2\r\n", &*bulk(b"appendonly"), &bulk(b"no")].concat(),
        _ => b"*0\r\n".into(),
    }
}

/// A number after a letter, and the bytes of their line; none for one below 0. `None` while the
/// line is not whole.
fn number(input: &[u8], line: Expected) -> Result<Option<(Option<u64>, usize)>, Broken> {
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
    let (digits, is_below) =
        within[..end].strip_prefix(b"-").map_or((&within[..end], false), |d| (d, true));
    let number = parse_decimal(digits).ok_or(no_number)?;
    Ok(Some((Some(number).filter(|_| !is_below), end + 3)))
}

#[cfg(test)]
#[path = "resp_tests.rs"]
mod tests;
