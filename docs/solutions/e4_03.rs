//! The solution of e4_03: a small number has its byte first from a little-endian machine and last
//! from a big-endian one, and no number from 1 to 5 is both.

/// The order of a machine's bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum ByteOrder {
    Little,
    Big,
}

/// Returns the order and the type, if these bytes are a type of MemoryLease.
pub fn order_of(first: [u8; 4]) -> Option<(ByteOrder, u32)> {
    let is_type = |number: &u32| (1..=5).contains(number);
    let little = (ByteOrder::Little, u32::from_le_bytes(first));
    let big = (ByteOrder::Big, u32::from_be_bytes(first));
    [little, big].into_iter().find(|(_, number)| is_type(number))
}
