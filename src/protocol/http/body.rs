//! Where a request's body ends, and what it is.
//!
//! ```text
//!   Content-Length: 11        │ Hello World │
//!   Transfer-Encoding:        │ 5 CRLF Hello CRLF │ 6 CRLF  World CRLF │ 0 CRLF │ trailers │ CRLF │
//!     chunked
//!   neither                   │ nothing
//! ```
//!
//! **Invariants**
//!
//! 1. Both at once, two lengths, or another coding are refused and the connection closes: the two
//!    ends could disagree on where the body ends.
//! 2. A chunked body is scanned once however slowly it comes, and its bytes are copied when all of
//!    them are there: nothing is allocated on a length that was claimed.
//!
//! **Lock** none. **Source** RFC 9112, sections 6 and 7.

use std::borrow::Cow;

use crate::common::id::parse_decimal;
use crate::protocol::http::head::{MAX_HEAD, field};
use crate::protocol::http::refusal::{Refusal, bad};

/// How the body is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// So many bytes.
    Length(usize),
    /// Chunks, until one of no bytes.
    Chunked,
}

/// The longest line of a chunk's size and extensions, in bytes.
const MAX_SIZE_LINE: usize = 256;

/// What the fields say of the body, as they come.
#[derive(Debug, Default)]
pub struct Announced {
    length: Option<usize>,
    is_chunked: bool,
}

impl Announced {
    /// Takes a Content-Length.
    ///
    /// # Errors
    /// 400 for what is no length and for a second one, 413 for one over `most`.
    pub fn length(&mut self, value: &[u8], most: usize) -> Result<(), Refusal> {
        if self.length.is_some() {
            return Err(bad("two lengths are given; send Content-Length once"));
        }
        let length = parse_decimal(value).ok_or_else(|| bad("Content-Length is no number"))?;
        let length = usize::try_from(length).ok().filter(|&length| length <= most);
        self.length = Some(length.ok_or_else(|| too_long(most))?);
        Ok(())
    }

    /// Takes a Transfer-Encoding.
    ///
    /// # Errors
    /// 400 for a second one or in HTTP/1.0, 501 for another coding than `chunked`.
    pub fn coding(&mut self, value: &[u8], minor: u8) -> Result<(), Refusal> {
        if self.is_chunked || minor == 0 {
            return Err(bad("Transfer-Encoding stands once, and not in HTTP/1.0"));
        }
        if !value.eq_ignore_ascii_case(b"chunked") {
            return Err(Refusal::last(
                501,
                "no coding but chunked is understood; send the body so",
            ));
        }
        self.is_chunked = true;
        Ok(())
    }

    /// What they came to.
    ///
    /// # Errors
    /// 400 for both.
    pub fn framing(&self) -> Result<Framing, Refusal> {
        match (self.length, self.is_chunked) {
            (Some(_), true) => {
                Err(bad("Content-Length and Transfer-Encoding contradict; send one of them"))
            }
            (None, true) => Ok(Framing::Chunked),
            (length, false) => Ok(Framing::Length(length.unwrap_or(0))),
        }
    }
}

fn too_long(most: usize) -> Refusal {
    Refusal::last(413, format!("a message has at most {most} bytes; send a shorter one"))
}

/// How far a chunked body was scanned.
#[derive(Debug, Default, Clone, Copy)]
pub struct Scan {
    /// Bytes that are done with.
    at: usize,
    /// Bytes of data among them.
    data: usize,
    /// The last chunk is behind us: trailers follow.
    in_trailers: bool,
    /// Where they begin.
    trailers: usize,
}

/// What is known of a body whose chunks may still come.
#[derive(Debug, PartialEq, Eq)]
pub enum Scanned {
    /// More has to come.
    Incomplete,
    /// All of it, so many bytes with all that is around them.
    Whole(usize),
}

impl Scan {
    /// Looks at what has come of a body since the last look. A message has at most `most` bytes.
    ///
    /// # Errors
    /// 400 for what are no chunks, 413 for too many bytes.
    pub fn scan(&mut self, body: &[u8], most: usize) -> Result<Scanned, Refusal> {
        if self.scan_chunks(body, most)? {
            self.scan_trailers(body)
        } else {
            Ok(Scanned::Incomplete)
        }
    }

    /// Whether the last chunk is behind us.
    fn scan_chunks(&mut self, body: &[u8], most: usize) -> Result<bool, Refusal> {
        while !self.in_trailers {
            let Some((size, line)) = size_line(&body[self.at..])? else {
                return incomplete(body, most).map(|()| false);
            };
            if size > most.saturating_sub(self.data) {
                return Err(too_long(most));
            }
            if size == 0 {
                self.at += line;
                (self.in_trailers, self.trailers) = (true, self.at);
                break;
            }
            let end = self.at + line + size;
            match body.get(end..end + 2) {
                Some(b"\r\n") => {
                    self.at = end + 2;
                    self.data += size;
                    if self.at > most {
                        return Err(too_long(most));
                    }
                }
                Some(_) => return Err(bad("a chunk does not end with CR LF where its size says")),
                None if body.get(end).is_some_and(|&byte| byte != b'\r') => {
                    return Err(bad("a chunk does not end with CR LF where its size says"));
                }
                None => return incomplete(body, most).map(|()| false),
            }
        }
        Ok(true)
    }

    fn scan_trailers(&mut self, body: &[u8]) -> Result<Scanned, Refusal> {
        while let Some(found) = body[self.at..].iter().position(|&byte| byte == b'\n') {
            let line = &body[self.at..self.at + found];
            self.at += found + 1;
            check_trailers(self.at - self.trailers)?;
            match line.strip_suffix(b"\r") {
                Some([]) => return Ok(Scanned::Whole(self.at)),
                Some(line) => drop(field(line)?),
                None => return Err(bad("a line ends with LF alone; end each with CR LF")),
            }
        }
        check_trailers(body.len() - self.trailers)?;
        Ok(Scanned::Incomplete)
    }

    /// The data of a body that is whole.
    pub fn collect(&self, body: &[u8]) -> Vec<u8> {
        let mut data = Vec::with_capacity(self.data);
        let mut rest = body;
        while let Ok(Some((size, line))) = size_line(rest) {
            let Some(chunk) = rest.get(line..line + size) else { break };
            data.extend_from_slice(chunk);
            if size == 0 {
                break;
            }
            rest = rest.get(line + size + 2..).unwrap_or_default();
        }
        data
    }
}

fn check_trailers(length: usize) -> Result<(), Refusal> {
    if length <= MAX_HEAD {
        return Ok(());
    }
    Err(Refusal::last(431, "the trailers have over 16384 bytes; send fewer"))
}

fn incomplete(body: &[u8], most: usize) -> Result<(), Refusal> {
    if body.len() > most { Err(too_long(most)) } else { Ok(()) }
}

/// A chunk's size, and the bytes of the line that says it; `None` while that is not whole.
fn size_line(rest: &[u8]) -> Result<Option<(usize, usize)>, Refusal> {
    const NO_SIZE: &str = "a chunk begins with no size in hexadecimal digits and CR LF";
    let within = &rest[..rest.len().min(MAX_SIZE_LINE)];
    let Some(end) = within.iter().position(|&byte| byte == b'\n') else {
        return if within.len() == MAX_SIZE_LINE { Err(bad(NO_SIZE)) } else { Ok(None) };
    };
    let line = within[..end].strip_suffix(b"\r").ok_or_else(|| bad(NO_SIZE))?;
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (size, extensions) = line.split_at(digits);
    let is_plain = |&byte: &u8| byte == b'\t' || !byte.is_ascii_control();
    let is_extension = extensions.is_empty() || extensions.trim_ascii_start().starts_with(b";");
    if !is_extension || !extensions.iter().all(is_plain) {
        return Err(bad(NO_SIZE));
    }
    // No more than 16 digits: 64 bits.
    let size = std::str::from_utf8(size).ok().filter(|size| (1..=16).contains(&size.len()));
    let size = size.and_then(|size| usize::from_str_radix(size, 16).ok());
    Ok(Some((size.ok_or_else(|| bad(NO_SIZE))?, end + 1)))
}

/// A body, and the bytes that it stands in.
pub type Body<'a> = (Cow<'a, [u8]>, usize);

/// The body of a message of which all has come; `None` while more has to come.
///
/// # Errors
/// Those of [`Scan::scan`].
pub fn whole<'a>(
    rest: &'a [u8],
    framing: Framing,
    scan: &mut Scan,
    most: usize,
) -> Result<Option<Body<'a>>, Refusal> {
    match framing {
        Framing::Length(length) => Ok(rest.get(..length).map(|body| (Cow::Borrowed(body), length))),
        Framing::Chunked => Ok(match scan.scan(rest, most)? {
            Scanned::Incomplete => None,
            Scanned::Whole(used) => Some((Cow::Owned(scan.collect(&rest[..used])), used)),
        }),
    }
}
