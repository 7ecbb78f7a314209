//! The id of a name: a UUID of version 5, which everybody can compute.
//!
//! ```text
//!   "notes"  ─ SHA-1 of the bytes of a namespace and of the name ─►  b65a9b43-8c69-5a03-84ba-81bee75347ef
//! ```
//!
//! A client that PUTs to `/named/notes` chooses where its data stands, so the name alone has to
//! lead there. A table of names would be a second place to keep right when a lease ends. With this
//! id there is none: the name *is* an id, and the lease table finds it as any other. In Python:
//!
//! ```text
//!   uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_DNS, "leasebox"), "notes")
//! ```
//!
//! A random id is a secret. This one is as open as the name. Its version, 5 in the place of 4,
//! keeps it apart from all random ids, so no name leads to another client's secret lease.
//!
//! **Lock** none. **Simplified** SHA-1 is broken for signatures: with a lot of computing somebody
//! can find two names with the same id. Such a client could mix up its own two leases, and nobody
//! else's.
//!
//! **Source** RFC 9562, section 5.5; FIPS 180-4, sections 5.1.1, 5.3.1 and 6.1.2 for SHA-1.

use crate::common::id::LeaseId;

/// The namespace of leasebox's names: the id of the name `leasebox` in the namespace of DNS.
const NAMESPACE: u128 = 0x0ffa_541e_a6f3_5772_a87d_b9c7_91b8_e1b2;

/// The bits that are the same in each UUID of version 5: the version, and the variant. Each is a
/// pair: a mask of the bits, and their value.
const VERSION: (u128, u128) = (0xf << 76, 5 << 76);
const VARIANT: (u128, u128) = (0b11 << 62, 0b10 << 62);

/// Returns the id of a name.
pub fn id_of_name(name: &[u8]) -> LeaseId {
    LeaseId::from_uuid(uuid_5(NAMESPACE, name))
}

/// Returns whether the id can be that of a name: its version is 5, and its variant is right.
pub fn is_of_name(id: LeaseId) -> bool {
    let bits = u128::from_be_bytes(id.to_bytes());
    bits & VERSION.0 == VERSION.1 && bits & VARIANT.0 == VARIANT.1
}

/// Returns the UUID of version 5 for a name in a namespace: the first 128 of the 160 bits of the
/// SHA-1, with the bits of the version and the variant replaced.
fn uuid_5(namespace: u128, name: &[u8]) -> u128 {
    let message = [&namespace.to_be_bytes()[..], name].concat();
    let [a, b, c, d, _] = sha_1(&message).map(u128::from);
    let bits = a << 96 | b << 64 | c << 32 | d;
    (bits & !VERSION.0 & !VARIANT.0) | VERSION.1 | VARIANT.1
}

/// Returns the SHA-1 of a message, as five big-endian words.
fn sha_1(message: &[u8]) -> [u32; 5] {
    // The message ends with a bit 1, zeros up to 8 bytes before a multiple of 64, and its length in
    // bits.
    let mut padded = message.to_vec();
    padded.push(0x80);
    padded.resize(padded.len().next_multiple_of(64), 0);
    // The bit 1 (with seven zeros) and the length need 9 bytes. If fewer fit, one more block
    // follows.
    if padded.len() - message.len() <= 8 {
        padded.resize(padded.len() + 64, 0);
    }
    let end = padded.len() - 8;
    padded[end..].copy_from_slice(&(message.len() as u64 * 8).to_be_bytes());
    // The standard fixes the first state (FIPS 180-4, section 5.3.1).
    let start = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    let (blocks, _) = padded.as_chunks::<64>();
    blocks.iter().fold(start, after_block)
}

/// Returns the state after one more block of the message: 80 rounds, in which four functions mix
/// the words of the state, 20 rounds each. The standard fixes the functions and the constants.
fn after_block(state: [u32; 5], block: &[u8; 64]) -> [u32; 5] {
    let mut words = [0_u32; 80];
    let (given, _) = block.as_chunks::<4>();
    for (word, bytes) in words.iter_mut().zip(given) {
        *word = u32::from_be_bytes(*bytes);
    }
    for at in 16..80 {
        let mixed = words[at - 3] ^ words[at - 8] ^ words[at - 14] ^ words[at - 16];
        words[at] = mixed.rotate_left(1);
    }
    let [mut a, mut b, mut c, mut d, mut e] = state;
    for (at, word) in words.into_iter().enumerate() {
        let (mixed, constant) = match at / 20 {
            0 => ((b & c) | (!b & d), 0x5a82_7999),
            1 => (b ^ c ^ d, 0x6ed9_eba1),
            2 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc),
            _ => (b ^ c ^ d, 0xca62_c1d6_u32),
        };
        let sum = a.rotate_left(5).wrapping_add(mixed).wrapping_add(e);
        let sum = sum.wrapping_add(constant).wrapping_add(word);
        (a, b, c, d, e) = (sum, a, b.rotate_left(30), c, d);
    }
    let new = [a, b, c, d, e];
    std::array::from_fn(|at| state[at].wrapping_add(new[at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The namespace of DNS of RFC 9562, section 6.6.
    const DNS: u128 = 0x6ba7_b810_9dad_11d1_80b4_00c0_4fd4_30c8;

    #[test]
    fn the_hash_is_that_of_the_standard() {
        let hex = |message: &[u8]| sha_1(message).map(|word| format!("{word:08x}")).concat();
        assert_eq!(hex(b"abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(hex(b""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        // Computed with Python's hashlib. With 55 bytes the length field just fits into the first
        // block, with 56 it does not.
        assert_eq!(hex(&[b'a'; 55]), "c1c8bbdc22796e28c0e15163d20899b65621d65a");
        assert_eq!(hex(&[b'a'; 56]), "c2db330f6083854c99d4b5bfb6e8f29f201be699");
        assert_eq!(hex(&[b'a'; 64]), "0098ba824b5c16427bd7a1122a5a442a25ec644d");
    }

    #[test]
    fn a_name_has_the_uuid_that_the_rfc_gives_it() {
        // RFC 9562, appendix A.4.
        let uuid = uuid_5(DNS, b"www.example.com");
        assert_eq!(uuid, 0x2ed6_657d_e927_568b_95e1_2665_a8ae_a6a2);
        assert_eq!(NAMESPACE, uuid_5(DNS, b"leasebox"));
        assert!(is_of_name(id_of_name(b"notes")) && id_of_name(b"a") != id_of_name(b"b"));
        let random = LeaseId::from_uuid(0x0123_4567_89ab_4def_8123_4567_89ab_cdef);
        assert!(!is_of_name(random) && !is_of_name(LeaseId::from_number(7)));
    }
}
