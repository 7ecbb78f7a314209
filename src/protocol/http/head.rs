//! The head of a request: its first line and its fields, read strictly.
//!
//! ```text
//!   PUT /leases/2f0c… HTTP/1.1 CRLF        method SP target SP version
//!   Host: localhost:4120 CRLF              name ":" OWS value OWS
//!   Content-Length: 3 CRLF
//!   CRLF                                   the end of the head
//! ```
//!
//! If a proxy and this server find the end of a line or of a head at different bytes, an attacker
//! can make them see different requests: request smuggling. So this file refuses the mistakes that
//! the RFC allows a reader to repair: a LF without a CR, a CR without a LF, a folded line (a field
//! that goes on in the next line), more than one space in the first line. The RFC itself forbids a
//! space before the colon. [`crate::protocol::http::Http::decode`] skips one empty line before a
//! request, as the RFC asks.
//!
//! **Invariants**
//!
//! 1. A head borrows all of its parts from the input; only the list of fields is allocated.
//! 2. The server refuses a head over [`MAX_HEAD`] as soon as that many bytes have arrived.
//! 3. The search for the head's end looks at each byte once, however slowly the head arrives. (Only
//!    the length of the first line is measured again after each read: at most 8 KiB.)
//!
//! **Lock** none.
//!
//! **Source** RFC 9112, sections 2 to 5 and 11.2; RFC 9110, section 5.

use crate::protocol::http::refusal::{Refusal, bad};

/// The longest head in bytes, its empty line included. It is several times as long as the head that
/// a browser sends.
pub const MAX_HEAD: usize = 16 * 1024;

/// The longest first line in bytes. RFC 9112, section 3, asks for at least 8000.
pub const MAX_LINE: usize = 8 * 1024;

/// The most fields in a head. Each takes two slices, so all of them take 2 KiB.
pub const MAX_FIELDS: usize = 64;

/// A field's name and its value, without the white space around it.
pub type HeadField<'a> = (&'a [u8], &'a [u8]);

/// A head, borrowed from the input.
#[derive(Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// The method as it came. Methods are case-sensitive, so `get` is an unknown one.
    pub method: &'a [u8],
    /// The target as it came: `/path?query`, `*`, or `http://host/path?query`.
    pub target: &'a [u8],
    /// The `x` of `HTTP/1.x`.
    pub minor: u8,
    /// The fields, in the order in which they came.
    pub fields: Vec<HeadField<'a>>,
}

impl<'a> Head<'a> {
    /// Returns the values of all fields of this name, in their order. The case of a name does
    /// not matter.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let is_it = move |field: &&HeadField<'a>| field.0.eq_ignore_ascii_case(name.as_bytes());
        self.fields.iter().filter(is_it).map(|(_, value)| *value)
    }

    /// Returns the words of the lists in all fields of this name.
    fn words(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.values(name).flat_map(|value| elements(value, b','))
    }

    /// Returns whether the list in the fields of this name has this word.
    pub fn has_word(&self, name: &str, word: &str) -> bool {
        self.words(name).any(|one| one.eq_ignore_ascii_case(word.as_bytes()))
    }

    /// Returns whether the list in the fields of this name has another word than this one.
    pub fn has_other_word(&self, name: &str, word: &str) -> bool {
        self.words(name).any(|one| !one.eq_ignore_ascii_case(word.as_bytes()))
    }

    /// Returns the head as it came, without its secrets (RFC 9110, section 9.3.8), for TRACE.
    pub fn traced(&self) -> Vec<u8> {
        let minor = [b'0' + self.minor];
        let mut came = [self.method, b" ", self.target, b" HTTP/1.", &minor, b"\r\n"].concat();
        let is_secret = |name: &[u8]| {
            [&b"authorization"[..], b"cookie", b"proxy-authorization"]
                .iter()
                .any(|secret| name.eq_ignore_ascii_case(secret))
        };
        for (name, value) in self.fields.iter().filter(|(name, _)| !is_secret(name)) {
            came.extend_from_slice(&[name, &b": "[..], value, b"\r\n"].concat());
        }
        came.extend_from_slice(b"\r\n");
        came
    }
}

/// Returns the length of the head, its empty line included; `None` while that line has not arrived.
/// `scanned` counts the bytes that are searched already, and moves on.
///
/// # Errors
/// 400 for a line that ends with LF alone, 414 and 431 for a line and a head that are too long.
pub fn find_end(input: &[u8], scanned: &mut usize) -> Result<Option<usize>, Refusal> {
    let within = &input[..input.len().min(MAX_HEAD)];
    while let Some(found) = within[*scanned..].iter().position(|&byte| byte == b'\n') {
        let end = *scanned + found;
        *scanned = end + 1;
        match within[..end] {
            // An empty line: CR LF behind another CR LF, or at the very start.
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

/// Refuses a first line of over [`MAX_LINE`] bytes, its CR LF included, even an incomplete one.
fn check_first_line(head: &[u8]) -> Result<(), Refusal> {
    let length = head.iter().position(|&byte| byte == b'\n').unwrap_or(head.len());
    if length < MAX_LINE {
        return Ok(());
    }
    Err(Refusal::last(414, "the first line has over 8192 bytes; send a shorter target"))
}

/// Parses a complete head, its empty line included.
///
/// # Errors
/// 400 for a line that breaks the grammar, 431 for too many fields, 505 for a version other than
/// 1.x. Each closes the connection.
pub fn parse(head: &[u8]) -> Result<Head<'_>, Refusal> {
    // Cuts off the empty line. Every other line ends with CR LF: `find_end` has checked it.
    let mut lines = head.strip_suffix(b"\r\n").unwrap_or(head).split_inclusive(|&b| b == b'\n');
    let mut next = || lines.next().map(|line| line.strip_suffix(b"\r\n").unwrap_or(line));
    let (method, target, minor) = first_line(next().unwrap_or_default())?;
    // Room for eight fields at first: curl sends three or four. A longer head grows it.
    let mut fields = Vec::with_capacity(8);
    while let Some(line) = next() {
        if fields.len() == MAX_FIELDS {
            return Err(Refusal::last(431, "the head has over 64 fields; send fewer"));
        }
        fields.push(field(line)?);
    }
    Ok(Head { method, target, minor, fields })
}

/// Parses the first line; returns the method, the target, and the `x` of `HTTP/1.x`. Every version
/// 1.x except 1.0 is treated as 1.1 (RFC 9110, section 2.5).
fn first_line(line: &[u8]) -> Result<(&[u8], &[u8], u8), Refusal> {
    let mut words = line.split(|&byte| byte == b' ');
    let (Some(method @ [_, ..]), Some(target @ [_, ..]), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(bad("the first line is not METHOD TARGET HTTP/1.1 with single spaces"));
    };
    if !method.iter().copied().all(is_token) {
        return Err(bad("the method is no word of letters; send GET, for one"));
    }
    if !target.iter().all(u8::is_ascii_graphic) {
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

/// Parses the line of one field, without its CR LF.
///
/// # Errors
/// 400, and the connection closes: a folded line, no colon, a space before the colon, a name that
/// is no token, a control byte in the value (also a bare CR).
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

/// Splits a field's value at each `separator`, and leaves empty elements out (RFC 9110, section
/// 5.6.1.2). A separator inside a quoted string, as in `a;title="x,y"`, ends no element. Inside
/// such a string a backslash takes the meaning from the next byte: `\"` does not end the string.
pub fn elements(value: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let ends = move |&byte: &u8| {
        let ends = byte == separator && !is_quoted;
        is_quoted ^= byte == b'"' && !is_escaped;
        is_escaped = is_quoted && byte == b'\\' && !is_escaped;
        ends
    };
    value.split(ends).map(<[u8]>::trim_ascii).filter(|element| !element.is_empty())
}

/// Returns whether a byte may stand in a method or a field name (RFC 9110, section 5.6.2).
pub fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
