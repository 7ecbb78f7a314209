//! Java's modified UTF-8: the bytes that `writeUTF` writes and `readUTF` reads.
//!
//! ```text
//!   U+0001 to U+007F          0xxxxxxx
//!   U+0080 to U+07FF, U+0000  110xxxxx 10xxxxxx           NUL is c0 80, so no byte is 0
//!   U+0800 to U+FFFF          1110xxxx 10xxxxxx 10xxxxxx  each half of a surrogate pair by itself
//! ```
//!
//! A Java string is a sequence of 16-bit units, so this code encodes units and not characters. A
//! character beyond U+FFFF is two units, a surrogate pair, and takes six bytes instead of four:
//!
//! ```text
//!   U+1F600   UTF-8  f0 9f 98 80     here  ed a0 bd  ed b8 80     units d83d de00
//! ```
//!
//! Half of such a pair alone is a valid Java string too, but Rust's `String` cannot hold it. That
//! is why [`decode`] returns units.
//!
//! **Invariants**
//!
//! 1. Decoding the encoded units returns the same units, for any units.
//! 2. Encoding uses the fewest bytes for each unit, with one exception: NUL has two. Decoding also
//!    accepts NUL in one byte, and a unit in more bytes than it needs, as `readUTF` does.
//!
//! **Lock** none. **Source** the JDK's `DataInput`, "Modified UTF-8".

/// Returns the bytes of a string's units: at most three for each.
pub fn encode(units: impl IntoIterator<Item = u16>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for unit in units {
        let low = 0x80 | (unit & 0x3f) as u8;
        let middle = (unit >> 6) as u8;
        // In two bytes, `middle` is below 32 and needs no mask. In three bytes it also holds bits
        // that stand in the first byte, and `& 0x3f` removes them.
        match unit {
            1..0x80 => bytes.push(unit as u8),
            0 | 0x80..0x800 => bytes.extend([0xc0 | middle, low]),
            0x800.. => bytes.extend([0xe0 | (unit >> 12) as u8, 0x80 | middle & 0x3f, low]),
        }
    }
    bytes
}

/// Returns the units of a string's bytes; `None` where `readUTF` throws: a byte of the form
/// 10xxxxxx or 1111xxxx at the start of a unit, or a unit whose other bytes are missing or not of
/// the form 10xxxxxx.
pub fn decode(mut bytes: &[u8]) -> Option<Vec<u16>> {
    let mut units = Vec::new();
    // The six bits of a byte of the form 10xxxxxx; `None` for any other byte.
    let tail = |byte: u8| (byte & 0xc0 == 0x80).then_some(u16::from(byte & 0x3f));
    loop {
        let (unit, rest) = match *bytes {
            [] => return Some(units),
            [one @ ..0x80, ref rest @ ..] => (one.into(), rest),
            [one @ 0xc0..0xe0, two, ref rest @ ..] => {
                (u16::from(one & 0x1f) << 6 | tail(two)?, rest)
            }
            [one @ 0xe0..0xf0, two, three, ref rest @ ..] => {
                (u16::from(one & 0x0f) << 12 | tail(two)? << 6 | tail(three)?, rest)
            }
            _ => return None,
        };
        units.push(unit);
        bytes = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_width_has_its_bytes() {
        let cases: [(&[u16], &[u8]); 6] = [
            (&[0x41], b"A"),
            (&[0], &[0xc0, 0x80]),
            (&[0xe9], &[0xc3, 0xa9]),
            (&[0x7ff, 0x800], &[0xdf, 0xbf, 0xe0, 0xa0, 0x80]),
            (&[0x20ac], &[0xe2, 0x82, 0xac]),
            (&[0xd83d, 0xde00], &[0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80]),
        ];
        for (units, bytes) in cases {
            assert_eq!(encode(units.iter().copied()), bytes, "{units:x?}");
            assert_eq!(decode(bytes).as_deref(), Some(units));
        }
        assert_eq!(decode(&[0]), Some(vec![0]), "readUTF takes it, writeUTF writes c0 80");
        assert_eq!(decode(&[0xc1, 0x81]), Some(vec![0x41]), "as readUTF does");
    }

    #[test]
    fn what_readutf_throws_at_is_refused() {
        for bytes in [
            &[0x80][..],
            &[0xc3],
            &[0xc3, 0x41],
            &[0xe2, 0x82],
            &[0xe2, 0x41, 0x82],
            &[0xf0, 0x9f, 0x98, 0x80],
        ] {
            assert_eq!(decode(bytes), None, "{bytes:x?}");
        }
    }

    proptest! {
        #[test]
        fn all_units_come_back(units in prop::collection::vec(any::<u16>(), 0..50)) {
            prop_assert_eq!(decode(&encode(units.iter().copied())), Some(units));
        }

        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..50)) {
            decode(&bytes);
        }
    }
}
