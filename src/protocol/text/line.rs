//! A line as bytes: where it ends, and which bytes or words it must not have.
//!
//! **Lock** none. **Source** ours, except where a function names its source.

use crate::protocol::{Decoded, Tail};

/// Returns the index of the first LF in `input`, from `from` on.
///
/// std's `memchr` is not public, so this compares eight bytes in one step: enough for all of
/// `draw 1` and its LF. An XOR with eight LFs turns each LF into a zero byte. Of one byte `b`, the
/// bits `(b - 1) & !b & 0x80` are 0x80 only for 0. In the subtraction over all eight bytes a zero
/// byte borrows from the byte above it, and may mark that one too. The lowest mark is always true,
/// and with `from_le_bytes` the lowest byte is the first one.
///
/// **Source** S. E. Anderson, *Bit Twiddling Hacks*: determine if a word has a zero byte.
pub fn find_line_end(input: &[u8], from: usize) -> Option<usize> {
    let (chunks, rest) = input[from..].as_chunks::<8>();
    for (at, chunk) in chunks.iter().enumerate() {
        // Each LF becomes a zero byte, and then each zero byte becomes a mark.
        let bytes = u64::from_le_bytes(*chunk) ^ (EACH * u64::from(b'\n'));
        let zeros = bytes.wrapping_sub(EACH) & !bytes & (EACH << 7);
        if zeros != 0 {
            // A mark is the highest bit of its byte: the index of the bit, divided by 8, is the
            // byte.
            return Some(from + 8 * at + zeros.trailing_zeros() as usize / 8);
        }
    }
    let at = rest.iter().position(|&byte| byte == b'\n')?;
    Some(input.len() - rest.len() + at)
}

/// The lowest bit of each of eight bytes. `EACH * b` repeats the byte `b` eight times.
const EACH: u64 = 0x0101_0101_0101_0101;

/// The mark that some editors write in front of a text: U+FEFF in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Skips NULs in front of a line, and a byte order mark in front of the first line. (A program in C
/// may send the NUL of a string behind its line, so it stands in front of the next one.) Returns
/// `Incomplete` for a part of the mark while more bytes may come. Returns `None` if there is
/// nothing to skip.
#[inline]
pub fn pass_over<'a>(input: &[u8], is_first: bool, tail: Tail) -> Option<Decoded<'a>> {
    match input.first() {
        Some(0) => {
            let used = input.iter().take_while(|&&byte| byte == 0).count();
            Some(Decoded::Skip { used })
        }
        Some(0xef) if is_first && input.starts_with(BYTE_ORDER_MARK) => {
            Some(Decoded::Skip { used: BYTE_ORDER_MARK.len() })
        }
        // A part of the mark: more bytes decide.
        Some(0xef) if is_first && BYTE_ORDER_MARK.starts_with(input) => {
            tail.is_open().then_some(Decoded::Incomplete)
        }
        _ => None,
    }
}

/// Returns the first control byte of a first line, other than the CR of its end.
pub fn first_control(line: &[u8]) -> Option<u8> {
    without_cr(line).iter().copied().find(u8::is_ascii_control)
}

/// Returns the first bytes of a line that cannot be seen, escaped: a control byte, a space that is
/// not the usual one, a character without a width, or bytes that are not valid UTF-8.
pub fn first_unseen(line: &[u8]) -> Option<String> {
    let is_unseen = |c: char| {
        let is_blank = c.is_control() || c.is_whitespace() && c != ' ';
        // The soft hyphen; spaces and joiners without a width; the byte order mark.
        is_blank || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
    };
    line.utf8_chunks().find_map(|chunk| {
        let unseen = chunk.valid().chars().find(|&c| is_unseen(c)).map(String::from);
        let bytes = unseen.as_ref().map_or(chunk.invalid(), String::as_bytes);
        (!bytes.is_empty()).then(|| bytes.escape_ascii().to_string())
    })
}

/// Returns a line, whose LF is cut off already, without one CR at its end.
pub fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Returns whether a wrong line belongs to another protocol. Such a line ends with the version of a
/// protocol, as each request of HTTP, RTSP and SIP does, or begins with `Host:`, a field that each
/// browser sends. The lines behind it may be a body that another site has chosen, so they must not
/// run as commands. **Source** Redis closes a connection at `POST` and `Host:` for this reason.
pub fn is_line_of_other_protocol(line: &[u8]) -> bool {
    let last = line.rsplit(|&byte| byte == b' ').next().unwrap_or_default();
    let slash = last.iter().position(|&byte| byte == b'/').unwrap_or(0);
    let (name, version) = (&last[..slash], &last[slash..]);
    let is_version = !name.is_empty()
        && name.iter().all(u8::is_ascii_alphabetic)
        && (matches!(version, [b'/', b'0'..=b'9', ..]) || name.eq_ignore_ascii_case(b"HTTP"));
    is_version || line.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"Host:"))
}
