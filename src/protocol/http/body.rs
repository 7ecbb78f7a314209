//! Bodies: where the body of a request ends, and the bytes in it.
//!
//! ```text
//!   Content-Length: 11   │ Hello World │
//!   Transfer-Encoding:   │ 5 CRLF Hello CRLF │ 6 CRLF  World CRLF │ 0 CRLF │ trailers │ CRLF │
//!     chunked
//!   neither              │ nothing
//! ```
//!
//! A client that knows the length sends it. A client that does not know it yet sends chunks: each
//! chunk has its size before it, in hexadecimal digits, and a chunk of size 0 ends the body. Fields
//! may follow this chunk: the trailers.
//!
//! **Invariants**
//!
//! 1. Both fields at once, two lengths, or a coding other than `chunked` are refused, and the
//!    connection closes. Otherwise a proxy and this server could see the body end at different
//!    bytes. An attacker puts a request behind the earlier end: it is data for the proxy, and a
//!    command here (request smuggling, RFC 9112, section 11.2).
//! 2. A slow body costs little more than a fast one: while it arrives, [`Scan`] never looks at a
//!    finished chunk again.
//! 3. The server allocates nothing for a length that is only claimed: the bytes of a chunked body
//!    are copied when all of them have arrived.
//!
//! **Lock** none. **Simplified** no compression; trailers and chunk extensions are only checked.
//!
//! **Source** RFC 9112, sections 6 and 7.1.

use std::borrow::Cow;

use crate::common::id::parse_decimal;
use crate::protocol::http::head::{Head, MAX_HEAD, field};
use crate::protocol::http::refusal::{Refusal, bad};

/// The rule by which a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// After this many bytes; 0 is no body.
    Length(usize),
    /// After a chunk of size 0 and the trailers.
    Chunked,
}

/// The longest size line of a chunk in bytes, with its extensions and CR LF. Without a bound a
/// client could send extensions forever, none of which count as data (RFC 9112, section 7.1.1).
const MAX_SIZE_LINE: usize = 256;

impl Framing {
    /// Returns the framing that the fields of a head announce. A request without either field has
    /// no body (RFC 9112, section 6.3). `most` is the longest body in bytes.
    ///
    /// # Errors
    /// Each refusal closes the connection. 400 for a second field of one name, even with the same
    /// value, for both fields at once, for a `Content-Length` that is no decimal number of at most
    /// 64 bits, and for a `Transfer-Encoding` in HTTP/1.0: an old proxy may pass that field on
    /// without knowing that it changes where the body ends (RFC 9112, section 6.1). 501 for another
    /// coding than `chunked`, 413 for a length over `most`.
    pub fn announced(head: &Head<'_>, most: usize) -> Result<Self, Refusal> {
        let mut lengths = head.values("content-length");
        let mut codings = head.values("transfer-encoding");
        let (length, coding) = (lengths.next(), codings.next());
        if lengths.next().is_some() {
            return Err(bad("two lengths are given; send Content-Length once"));
        }
        if coding.is_some() && head.minor == 0 || codings.next().is_some() {
            return Err(bad("Transfer-Encoding stands once, and not in HTTP/1.0"));
        }
        if coding.is_some_and(|coding| !coding.eq_ignore_ascii_case(b"chunked")) {
            let text = "no coding but chunked is understood; send the body so";
            return Err(Refusal::last(501, text));
        }
        let Some(length) = length else {
            return Ok(if coding.is_some() { Framing::Chunked } else { Framing::Length(0) });
        };
        let length = parse_decimal(length)
            .ok_or_else(|| bad("Content-Length is not one number of 64 bits; send that"))?;
        if coding.is_some() {
            return Err(bad("Content-Length and Transfer-Encoding contradict; send one of them"));
        }
        let length = usize::try_from(length).ok().filter(|&length| length <= most);
        length.map(Framing::Length).ok_or_else(|| too_long(most))
    }
}

/// Returns the refusal of a body of over `most` bytes: 413, and the connection closes.
fn too_long(most: usize) -> Refusal {
    Refusal::last(
        413,
        format!(
            "a message has at most {most} bytes, the lines of its chunks among them; send less"
        ),
    )
}

/// The progress of a scan. It stays valid while the body grows, because all places are offsets:
///
/// ```text
///   5 CRLF Hello CRLF 6 CRLF  Wor…      at = 10: the second chunk is not complete
///                     └ at              data = 5
/// ```
#[derive(Debug, Default, Clone, Copy)]
pub struct Scan {
    /// Offset behind the last finished chunk, or behind the last finished line of the trailers.
    at: usize,
    /// Bytes of data in the finished chunks.
    data: usize,
    /// Offset of the trailers, once the chunk of size 0 is finished.
    trailers: Option<usize>,
}

impl Scan {
    /// Scans on from the place where the last call stopped. `body` is the same body, and longer if
    /// more has arrived. Its chunks, with their size lines, may have `most` bytes in all; the chunk
    /// of size 0 and the trailers do not count. Returns the length of the body with all size lines
    /// and trailers, `None` while its end has not arrived.
    ///
    /// # Errors
    /// 400 for bytes that are no chunk or no trailer, 413 for too long a body, 431 for too long
    /// trailers. The connection closes, so this scan is not used again.
    pub fn scan(&mut self, body: &[u8], most: usize) -> Result<Option<usize>, Refusal> {
        match self.scan_chunks(body, most)? {
            Some(trailers) => self.scan_trailers(body, trailers),
            None => Ok(None),
        }
    }

    /// Scans chunks. Returns the offset of the trailers when the chunk of size 0 is finished.
    fn scan_chunks(&mut self, body: &[u8], most: usize) -> Result<Option<usize>, Refusal> {
        while self.trailers.is_none() {
            let Some((size, line)) = size_line(&body[self.at..])? else { return Ok(None) };
            // Checked before the chunk arrives, so a claimed size fills no memory, and `end` cannot
            // overflow.
            if size > most.saturating_sub(self.data) {
                return Err(too_long(most));
            }
            if size == 0 {
                self.at += line;
                self.trailers = Some(self.at);
                break;
            }
            let end = self.at + line + size;
            match body[end.min(body.len())..] {
                [b'\r', b'\n', ..] => {
                    self.at = end + 2;
                    self.data += size;
                    // Size lines count, too: `1 CRLF x CRLF` takes six bytes for one byte of data.
                    if self.at > most {
                        return Err(too_long(most));
                    }
                }
                // The caller waits for more, but not beyond the bound.
                [] | [b'\r'] if body.len() > most => return Err(too_long(most)),
                [] | [b'\r'] => return Ok(None),
                _ => return Err(bad("a chunk does not end with CR LF where its size says")),
            }
        }
        Ok(self.trailers)
    }

    /// Scans trailers up to the empty line. Each must be a field, and is dropped: a trailer that
    /// could change the request, such as `Host`, would come after the request was judged.
    fn scan_trailers(&mut self, body: &[u8], trailers: usize) -> Result<Option<usize>, Refusal> {
        while let Some(found) = body[self.at..].iter().position(|&byte| byte == b'\n') {
            let line = &body[self.at..self.at + found];
            self.at += found + 1;
            check_trailers(self.at - trailers)?;
            match line.strip_suffix(b"\r") {
                Some([]) => return Ok(Some(self.at)),
                Some(line) => drop(field(line)?),
                None => return Err(bad("a line ends with LF alone; end each with CR LF")),
            }
        }
        check_trailers(body.len() - trailers)?;
        Ok(None)
    }

    /// Returns the data of a body for which [`Scan::scan`] has returned a length. Reads the size
    /// lines a second time: that is cheaper than a list of all chunks. The scan has checked every
    /// size line, so no error can end the loop too early.
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

/// Refuses trailers of over [`MAX_HEAD`] bytes with 431: they are fields, as in a head.
fn check_trailers(length: usize) -> Result<(), Refusal> {
    if length <= MAX_HEAD {
        return Ok(());
    }
    Err(Refusal::last(431, "the trailers have over 16384 bytes; send fewer"))
}

/// Reads a size line. Returns the chunk's size and the length of the line, both in bytes, or `None`
/// while the line is incomplete. In `1a;name=value CRLF` the size is hexadecimal 1a, 26 bytes, and
/// `;name=value` is an extension.
///
/// # Errors
/// 400 for a line that has no size or one of over 16 digits, has anything but extensions behind the
/// size, has a control character other than a tab in an extension, ends with LF alone, or is longer
/// than `MAX_SIZE_LINE`.
fn size_line(rest: &[u8]) -> Result<Option<(usize, usize)>, Refusal> {
    const NO_SIZE: &str = "a chunk begins with no size in hexadecimal digits and CR LF";
    const LONG: &str = "the line with a chunk's size has 256 bytes or more; send fewer extensions";
    const DIGITS: &str =
        "the size of a chunk has over 16 digits; send smaller chunks, and no zeros";
    let within = &rest[..rest.len().min(MAX_SIZE_LINE)];
    let Some(end) = within.iter().position(|&byte| byte == b'\n') else {
        return if within.len() == MAX_SIZE_LINE { Err(bad(LONG)) } else { Ok(None) };
    };
    let line = within[..end].strip_suffix(b"\r").ok_or_else(|| bad(NO_SIZE))?;
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (size, extensions) = line.split_at(digits);
    let is_plain = |&byte: &u8| byte == b'\t' || !byte.is_ascii_control();
    let is_extension = extensions.is_empty() || extensions.trim_ascii_start().starts_with(b";");
    if !is_extension || !extensions.iter().all(is_plain) {
        return Err(bad(NO_SIZE));
    }
    if size.len() > 16 {
        return Err(bad(DIGITS));
    }
    // 16 hexadecimal digits are 64 bits. `from_str_radix` alone would accept more leading zeros.
    let size = std::str::from_utf8(size).ok().filter(|size| (1..=16).contains(&size.len()));
    let size = size.and_then(|size| usize::from_str_radix(size, 16).ok());
    Ok(Some((size.ok_or_else(|| bad(NO_SIZE))?, end + 1)))
}

/// A body, and the number of input bytes that it takes with its size lines and trailers.
pub type Body<'a> = (Cow<'a, [u8]>, usize);

/// Returns a body that is complete, `None` while more has to arrive. `rest` is the input behind the
/// head. A body with a length is borrowed from the input. A chunked body is copied, because its
/// data does not lie together; with its size lines it may have `most` bytes.
///
/// # Errors
/// Fails as [`Scan::scan`] does, for a chunked body. A length was checked when its field was read.
pub fn complete_body<'a>(
    rest: &'a [u8],
    framing: Framing,
    scan: &mut Scan,
    most: usize,
) -> Result<Option<Body<'a>>, Refusal> {
    match framing {
        Framing::Length(length) => Ok(rest.get(..length).map(|body| (Cow::Borrowed(body), length))),
        Framing::Chunked => {
            let used = scan.scan(rest, most)?;
            Ok(used.map(|used| (Cow::Owned(scan.collect(&rest[..used])), used)))
        }
    }
}
