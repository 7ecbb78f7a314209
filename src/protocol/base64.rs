//! Base64: bytes as letters, for passwords in HTTP and for data in JSON and XML.
//!
//! ```text
//!   bytes    01001101 01100001 01101110          M        a        n
//!   letters  010011 010110 000101 101110         T    W    F    u
//!
//!   bytes    01001101                            M
//!   letters  010011 01····                       T    Q    =    =      ····: four zeros fill up Q
//! ```
//!
//! Three bytes become four letters, so the text is a third longer than the data.
//!
//! **Invariants** [`decode`] returns what [`encode`] was given, and `None` for a text that no
//! encoder makes: other letters, a wrong length, padding before the end, or a 1 among the bits that
//! fill up the last letter. So no two texts stand for the same bytes.
//!
//! **Lock** none. **Simplified** [`decode`] searches the alphabet for each letter; a faster one has
//! a table of 256 bytes. The server decodes only passwords, and a head has at most 16 KiB.
//!
//! **Source** RFC 4648, section 4; its section 3.5 for the bits that fill up the last letter.

/// The letter of each number from 0 to 63.
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends `data` as letters. If one or two bytes are left at the end, they are filled up to three
/// with zeros; `=` stands for each letter that holds nothing but these zeros.
pub fn encode(data: &[u8], out: &mut Vec<u8>) {
    for three in data.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * at) & 63) as usize];
            // One byte reaches into letters 0 and 1, two bytes into 0 to 2, three into all four.
            out.push(if at <= three.len() { letter } else { b'=' });
        }
    }
}

/// Returns the bytes for which the letters stand; `None` for a text that no encoder makes.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(4) {
        return None;
    }
    // Padding stands at the end, and is at most two letters.
    let padding = text.iter().rev().take(2).take_while(|&&byte| byte == b'=').count();
    let mut data = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for letter in &text[..text.len() - padding] {
        let value = LETTERS.iter().position(|known| known == letter)? as u32;
        // `bits` holds the `count` bits that no byte has taken yet: at most 6 + 6.
        (bits, count) = (bits << 6 | value, count + 6);
        if count >= 8 {
            count -= 8;
            data.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    // The bits that are left only fill up the last letter. No encoder makes a 1 of them.
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
