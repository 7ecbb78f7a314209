//! A fingerprint is a short hash that tells one version of some bytes from another.
//!
//! ```text
//!   hash of nothing   cbf29ce484222325
//!   for each byte     hash = (hash ^ byte) * 100000001b3
//! ```
//!
//! **Simplified** somebody who wants to can find two texts with the same fingerprint. Only a
//! cryptographic hash would prevent that, and its code is longer.
//!
//! **Lock** none. **Source** Fowler, Noll and Vo: FNV-1a, 64 bits.

/// The fingerprint of nothing.
pub const NOTHING: u64 = 0xcbf2_9ce4_8422_2325;

/// Returns the fingerprint of the bytes that were hashed so far, whose fingerprint is `hash`,
/// followed by `bytes`. The function is `const`, so the compiler can compute fingerprints too; a
/// `for` loop is not possible in such a function.
pub const fn hashed(mut hash: u64, bytes: &[u8]) -> u64 {
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    hash
}

/// A fingerprint of several texts, one after another.
#[derive(Debug, Clone, Copy)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// Returns the fingerprint of these texts.
    pub fn of(texts: &[&[u8]]) -> Self {
        let mut fingerprint = Self(NOTHING);
        texts.iter().for_each(|text| fingerprint.add(text));
        fingerprint
    }

    /// Adds a text and its length, so that two texts cannot run into each other.
    pub fn add(&mut self, text: &[u8]) {
        self.0 = hashed(hashed(self.0, text), &(text.len() as u64).to_le_bytes());
    }

    /// Returns 16 hexadecimal digits behind an `f`, so that no spreadsheet takes them for a number.
    pub fn text(self) -> String {
        format!("f{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_its_authors() {
        // Their test vectors.
        assert_eq!(hashed(NOTHING, b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hashed(NOTHING, b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(hashed(NOTHING, b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn texts_do_not_run_into_each_other() {
        let text = |texts: &[&[u8]]| Fingerprint::of(texts).text();
        assert_ne!(text(&[b"ab", b"c"]), text(&[b"a", b"bc"]));
        assert_ne!(text(&[]), text(&[b""]));
    }
}
