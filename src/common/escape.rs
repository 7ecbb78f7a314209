//! Any bytes within one line of printable ASCII.
//!
//! ```text
//!   byte            written as        also read
//!   0x20 to 0x7e    itself            \x and 2 digits; a quote: \' or \"
//!   backslash       \\
//!   tab CR LF       \t \r \n          raw, if the format can hold it within a request
//!   any other       \x and 2 digits   raw
//! ```
//!
//! The wrong way is to send data as it is: a LF in the data would end the line, and the rest of the
//! data would run as the next command.
//!
//! **Invariants** escaped bytes read back unchanged. The escaped form holds no line break, and is
//! at most four times as long as the data.
//!
//! **Lock** none. **Source** Rust's `escape_ascii`, without its escapes for quotes; a property test
//! reads back the text of both.

use std::borrow::Cow;

/// From this length on, room for the escaped data is made at once. A vector that grows by doubling
/// could take twice as much.
const LONG: usize = 4096;

/// Appends `data`, escaped.
pub fn escape(data: &[u8], out: &mut Vec<u8>) {
    if data.len() >= LONG {
        out.reserve_exact(escaped_length(data));
    }
    for &byte in data {
        match byte {
            // `escape_default` would escape quotes too. No quotes stand around data in a line, so
            // quotes within it need no escape.
            b'\'' | b'"' => out.push(byte),
            _ => out.extend(std::ascii::escape_default(byte)),
        }
    }
}

/// Returns the length of `data` once it is escaped, in bytes, without escaping it.
pub fn escaped_length(data: &[u8]) -> usize {
    let length = |&byte: &u8| match byte {
        b'\\' | b'\t' | b'\r' | b'\n' => 2,
        b' '..=b'~' => 1,
        _ => 4,
    };
    data.iter().map(length).sum()
}

/// Returns the bytes that `text` stands for; `None` for an escape that the table above does not
/// have. Data without a backslash is borrowed, so the usual `set` command copies nothing here.
pub fn unescape(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    if !text.contains(&b'\\') {
        return Some(Cow::Borrowed(text));
    }
    let mut data = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            data.push(byte);
            continue;
        }
        // A backslash at the end is a cut escape: `?` refuses it.
        let (&kind, after) = rest.split_first()?;
        rest = after;
        data.push(match kind {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'\\' | b'\'' | b'"' => kind,
            b'x' => {
                let (digits, after) = rest.split_first_chunk::<2>()?;
                rest = after;
                hex(digits[0])? << 4 | hex(digits[1])?
            }
            _ => return None,
        });
    }
    Some(Cow::Owned(data))
}

/// Returns the value of a hexadecimal digit in upper or lower case. It uses `to_digit`, because
/// `from_str_radix` would also accept a sign, as in `\x+1`.
fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn escaped(data: &[u8]) -> String {
        let mut out = Vec::new();
        escape(data, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn it_writes_as_escape_ascii_does_but_leaves_quotes() {
        assert_eq!(
            escaped(b"a 'b' \"c\" \\ \n\r\t\0\x7f\xff"),
            r#"a 'b' "c" \\ \n\r\t\x00\x7f\xff"#
        );
    }

    #[test]
    fn an_unknown_or_cut_escape_is_refused() {
        for text in [r"\", r"\q", r"\0", r"\x", r"\x1", r"\xg0", r"\x+1", r"\u{41}", r"a\"] {
            assert_eq!(unescape(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn raw_bytes_and_escaped_quotes_are_read() {
        let read = unescape(b"\\'\\\"\xff\x00\\xFf").unwrap();
        assert_eq!(read.as_ref(), b"'\"\xff\x00\xff");
    }

    proptest! {
        #[test]
        fn all_bytes_read_back_as_they_were_and_as_std_writes_them(data: Vec<u8>) {
            let text = escaped(&data);
            prop_assert_eq!(text.len(), escaped_length(&data));
            prop_assert!(text.bytes().all(|byte| (0x20..0x7f).contains(&byte)));
            let read = unescape(text.as_bytes()).unwrap();
            prop_assert_eq!(read.as_ref(), &data[..]);
            let std = data.escape_ascii().to_string();
            let read = unescape(std.as_bytes()).unwrap();
            prop_assert_eq!(read.as_ref(), &data[..]);
        }
    }
}
