//! Byte orders: which end of an integer comes first.
//!
//! ```text
//!   1934 = 0x0000078e      little  8e 07 00 00        big  00 00 07 8e
//! ```
//!
//! The wrong way is to send integers in the machine's own order and not to say which it is, as the
//! MemoryLease program does: between machines of two orders, 1934 arrives as 2,382,823,424.
//!
//! **Invariants** an integer that is written and read in the same order is unchanged. Both orders
//! work on every machine: no conversion asks for the machine's own order.
//!
//! **Lock** none. **Source** the lecture's reason for an external data representation;
//! `memorylease.txt` names the problem.

/// The byte order of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    /// The least significant byte comes first: x86 and most ARM machines.
    Little,
    /// The most significant byte comes first: the Internet's own protocols.
    Big,
}

impl ByteOrder {
    /// The order of the machine that this program runs on.
    pub const NATIVE: Self =
        if cfg!(target_endian = "big") { ByteOrder::Big } else { ByteOrder::Little };

    /// Converts little-endian bytes to this order. A second call converts them back, so reading and
    /// writing share it.
    #[inline]
    fn arrange<const N: usize>(self, mut bytes: [u8; N]) -> [u8; N] {
        if self == ByteOrder::Big {
            bytes.reverse();
        }
        bytes
    }

    /// Returns the four bytes of a `u32`.
    pub fn put_u32(self, value: u32) -> [u8; 4] {
        self.arrange(value.to_le_bytes())
    }

    /// Returns the four bytes of an `i32`.
    pub fn put_i32(self, value: i32) -> [u8; 4] {
        self.arrange(value.to_le_bytes())
    }

    /// Returns the eight bytes of a `u64`.
    pub fn put_u64(self, value: u64) -> [u8; 8] {
        self.arrange(value.to_le_bytes())
    }

    /// Returns the eight bytes of an `i64`.
    pub fn put_i64(self, value: i64) -> [u8; 8] {
        self.arrange(value.to_le_bytes())
    }

    /// Returns the value of four bytes.
    pub fn u32(self, bytes: [u8; 4]) -> u32 {
        u32::from_le_bytes(self.arrange(bytes))
    }

    /// Returns the value of eight bytes.
    pub fn u64(self, bytes: [u8; 8]) -> u64 {
        u64::from_le_bytes(self.arrange(bytes))
    }

    /// Reads an `i32` from the front of `bytes` and cuts it off the slice. Returns `None`, and
    /// leaves the slice as it is, when fewer than four bytes are left.
    pub fn take_i32(self, bytes: &mut &[u8]) -> Option<i32> {
        let (four, rest) = bytes.split_first_chunk()?;
        *bytes = rest;
        Some(self.u32(*four).cast_signed())
    }

    /// Reads an `i64` from the front of `bytes` and cuts it off the slice. Returns `None`, and
    /// leaves the slice as it is, when fewer than eight bytes are left.
    pub fn take_i64(self, bytes: &mut &[u8]) -> Option<i64> {
        let (eight, rest) = bytes.split_first_chunk()?;
        *bytes = rest;
        Some(self.u64(*eight).cast_signed())
    }
}
