//! Which end of an integer comes first.
//!
//! ```text
//!   1934 = 0x0000078e      little  8e 07 00 00        big  00 00 07 8e
//! ```
//!
//! **Invariants** what is put in an order and taken in the same order is the same.
//!
//! **Lock** none. **Source** the lecture's reason for an external data representation.

/// Which end of an integer comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    /// The least significant byte.
    Little,
    /// The most significant byte.
    Big,
}

impl ByteOrder {
    /// This machine's own.
    pub const NATIVE: Self =
        if cfg!(target_endian = "big") { ByteOrder::Big } else { ByteOrder::Little };

    /// From little-endian bytes to this order, and back.
    #[inline]
    fn arrange<const N: usize>(self, mut bytes: [u8; N]) -> [u8; N] {
        if self == ByteOrder::Big {
            bytes.reverse();
        }
        bytes
    }

    /// The four bytes of a `u32`.
    pub fn put_u32(self, value: u32) -> [u8; 4] {
        self.arrange(value.to_le_bytes())
    }

    /// The four bytes of an `i32`.
    pub fn put_i32(self, value: i32) -> [u8; 4] {
        self.arrange(value.to_le_bytes())
    }

    /// The eight bytes of a `u64`.
    pub fn put_u64(self, value: u64) -> [u8; 8] {
        self.arrange(value.to_le_bytes())
    }

    /// The eight bytes of an `i64`.
    pub fn put_i64(self, value: i64) -> [u8; 8] {
        self.arrange(value.to_le_bytes())
    }

    /// The value of four bytes.
    pub fn u32(self, bytes: [u8; 4]) -> u32 {
        u32::from_le_bytes(self.arrange(bytes))
    }

    /// The value of eight bytes.
    pub fn u64(self, bytes: [u8; 8]) -> u64 {
        u64::from_le_bytes(self.arrange(bytes))
    }

    /// Takes an `i32` off the front.
    pub fn take_i32(self, bytes: &mut &[u8]) -> Option<i32> {
        let (four, rest) = bytes.split_first_chunk()?;
        *bytes = rest;
        Some(self.u32(*four).cast_signed())
    }

    /// Takes an `i64` off the front.
    pub fn take_i64(self, bytes: &mut &[u8]) -> Option<i64> {
        let (eight, rest) = bytes.split_first_chunk()?;
        *bytes = rest;
        Some(self.u64(*eight).cast_signed())
    }
}
