//! A line as bytes: where it ends, and which bytes or words it must not have.
//!
//! **Lock** none. **Source** ours, but for the two that name one.

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

/// Returns whether a first line holds a control byte other than the CR of its end.
pub fn holds_control(line: &[u8]) -> bool {
    without_cr(line).iter().any(u8::is_ascii_control)
}

/// Returns the line without the one CR before its LF.
pub fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Returns whether a wrong line belongs to HTTP: it is a request line that the choice of the format
/// did not take for HTTP, or it names the host, as each browser does. **Source** Redis closes a
/// connection at `POST` and `Host:` for the same reason.
pub fn is_line_of_http(line: &[u8]) -> bool {
    let last = line.rsplit(|&byte| byte == b' ').next().unwrap_or_default();
    let begins = |word: &[u8], known: &[u8]| {
        word.get(..known.len()).is_some_and(|start| start.eq_ignore_ascii_case(known))
    };
    begins(last, b"HTTP/") || begins(line, b"Host:")
}
