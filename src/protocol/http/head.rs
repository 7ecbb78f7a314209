//! The head of a request: its first line and its fields, read strictly.
//!
//! ```text
//!   PUT /leases/2f0c… HTTP/1.1 CRLF        method SP target SP version
//!   Host: localhost:4120 CRLF              name ":" OWS value OWS
//!   Content-Length: 3 CRLF
//!   CRLF                                   the head's end
//! ```
//!
//! Two readers that end a message at different bytes can be made to see different requests:
//! that is request smuggling. So what RFC 9112 lets a reader forgive is refused here: a bare LF
//! or CR, a folded line, a space before the colon, more than one space in the first line. One empty
//! line before a request is passed over, as the RFC asks.
//!
//! **Invariants** nothing is copied; a head over [`MAX_HEAD`] is refused as soon as so much of it has
//! come; bytes that were searched for the head's end are not searched again.
//!
//! **Lock** none. **Source** RFC 9112, sections 2 to 5; RFC 9110, section 5.

use crate::protocol::http::refusal::{Refusal, bad};

/// The longest head in bytes.
pub const MAX_HEAD: usize = 16 * 1024;

/// The longest first line in bytes.
pub const MAX_LINE: usize = 8 * 1024;

/// The most fields.
pub const MAX_FIELDS: usize = 64;

/// A field's name and its value, without the white space around it.
pub type HeadField<'a> = (&'a [u8], &'a [u8]);

/// A head as it stands in the input.
#[derive(Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// As it came: in capitals, or unknown.
    pub method: &'a [u8],
    /// As it came: a path, `*`, or with a scheme.
    pub target: &'a [u8],
    /// The `x` of `HTTP/1.x`.
    pub minor: u8,
    /// In their order.
    pub fields: Vec<HeadField<'a>>,
}

/// Where the head ends, its empty line included; `None` while that has not come. `scanned` is how
/// much was looked at before, and is now.
///
/// # Errors
/// 400 for a line that ends without CR, 414 and 431 for one that is too long.
pub fn find_end(input: &[u8], scanned: &mut usize) -> Result<Option<usize>, Refusal> {
    let within = &input[..input.len().min(MAX_HEAD)];
    while let Some(found) = within[*scanned..].iter().position(|&byte| byte == b'\n') {
        let end = *scanned + found;
        *scanned = end + 1;
        match within[..end] {
            [.., b'\r', b'\n', b'\r'] | [b'\r'] => {
                return check_first_line(within).map(|()| Some(end + 1));
            }
            [.., b'\r'] => {}
            _ => return Err(bad("a line ends with LF alone; end each with CR LF")),
        }
    }
    *scanned = within.len();
    check_first_line(within)?;
    if within.len() == MAX_HEAD {
        return Err(Refusal::last(431, "the head has over 16384 bytes; send fewer fields"));
    }
    Ok(None)
}

fn check_first_line(head: &[u8]) -> Result<(), Refusal> {
    let length = head.iter().position(|&byte| byte == b'\n').unwrap_or(head.len());
    if length < MAX_LINE {
        return Ok(());
    }
    Err(Refusal::last(414, "the first line has over 8192 bytes; send a shorter target"))
}

/// Reads a whole head, its empty line included.
///
/// # Errors
/// 400 for what is no head, 431 for too many fields, 505 for another version than 1.x.
pub fn parse(head: &[u8]) -> Result<Head<'_>, Refusal> {
    // Behind each LF but the last one is a line; before each is a CR, or it is none.
    let mut lines = head.strip_suffix(b"\r\n").unwrap_or(head).split_inclusive(|&b| b == b'\n');
    let mut next = || lines.next().map(|line| line.strip_suffix(b"\r\n").unwrap_or(line));
    let (method, target, minor) = first_line(next().unwrap_or_default())?;
    let mut fields = Vec::with_capacity(8);
    while let Some(line) = next() {
        if fields.len() == MAX_FIELDS {
            return Err(Refusal::last(431, "the head has over 64 fields; send fewer"));
        }
        fields.push(field(line)?);
    }
    Ok(Head { method, target, minor, fields })
}

fn first_line(line: &[u8]) -> Result<(&[u8], &[u8], u8), Refusal> {
    let mut words = line.split(|&byte| byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(bad("the first line is not METHOD TARGET HTTP/1.1 with single spaces"));
    };
    if method.is_empty() || !method.iter().copied().all(is_token) {
        return Err(bad("the method is no word of letters; send GET, for one"));
    }
    if target.is_empty() || !target.iter().all(u8::is_ascii_graphic) {
        return Err(bad("the target holds what no path may hold; write it as %XX"));
    }
    match *version {
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor @ b'0'..=b'9'] => {
            Ok((method, target, minor - b'0'))
        }
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
            Err(Refusal::last(505, "that version is not spoken here; speak HTTP/1.1"))
        }
        _ => Err(bad("the first line does not end with HTTP/1.1 or HTTP/1.0")),
    }
}

/// One field's line, without its end.
///
/// # Errors
/// 400.
pub fn field(line: &[u8]) -> Result<HeadField<'_>, Refusal> {
    if let [b' ' | b'\t', ..] = line {
        return Err(bad("a field goes on in the next line; write it in one"));
    }
    let colon = line.iter().position(|&byte| byte == b':');
    let (name, value) = line.split_at(colon.ok_or_else(|| bad("a field's line has no colon"))?);
    if let [.., b' ' | b'\t'] = name {
        return Err(bad("a space stands before a field's colon; leave it out"));
    }
    if name.is_empty() || !name.iter().copied().all(is_token) {
        return Err(bad("a field's name holds what no name may hold"));
    }
    let value = &value[1..];
    if value.iter().any(|&byte| byte.is_ascii_control() && byte != b'\t') {
        return Err(bad("a field's value holds a control byte"));
    }
    Ok((name, value.trim_ascii()))
}

/// Whether a byte may stand in a method or a field's name.
pub fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
