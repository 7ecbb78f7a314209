//! Base64: bytes as letters, for passwords in HTTP and data in JSON and XML.
//!
//! ```text
//!   bytes    01001101 01100001 01101110          M        a        n
//!   letters  010011 010110 000101 101110         T    W    F    u
//! ```
//!
//! **Invariants** what was encoded decodes to the same; a text that no encoder makes (other letters,
//! a wrong length, padding within, bits that are left over) decodes to nothing.
//!
//! **Lock** none. **Source** RFC 4648, section 4.

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends `data` as letters.
pub fn encode(data: &[u8], out: &mut Vec<u8>) {
    for three in data.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * at) & 63) as usize];
            out.push(if at <= three.len() { letter } else { b'=' });
        }
    }
}

/// The bytes that the letters stand for.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let padding = text.iter().rev().take(2).take_while(|&&byte| byte == b'=').count();
    let mut data = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for letter in &text[..text.len() - padding] {
        let value = LETTERS.iter().position(|known| known == letter)? as u32;
        (bits, count) = (bits << 6 | value, count + 6);
        if count >= 8 {
            count -= 8;
            data.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    (bits == 0).then_some(data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(data: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        encode(data, &mut out);
        out
    }

    #[test]
    fn the_examples_of_the_rfc() {
        let pairs = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (data, text) in pairs {
            assert_eq!(encoded(data.as_bytes()), text.as_bytes());
            assert_eq!(decode(text.as_bytes()).as_deref(), Some(data.as_bytes()));
        }
    }

    #[test]
    fn what_no_encoder_makes_is_nothing() {
        for wrong in
            ["Zg", "Zg=", "Z===", "Zg==Zg==", "Zh==", "Zm9", "Zm9=", "Zm9v\n", "Z-9v", "===="]
        {
            assert_eq!(decode(wrong.as_bytes()), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_was_encoded_decodes_to_the_same(data in prop::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(decode(&encoded(&data)), Some(data));
        }
    }
}
