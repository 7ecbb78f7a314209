//! **Goal** tell a machine's byte order by its first four bytes. **Invariant** each of the types 1 to 5 is known in both orders; nothing else is taken for one.
//!
//! *Predict first:* MemoryLease's type is an `i32` in the sender's order. Which byte of `lease` (1) comes first from each machine?

/// The order of a machine's bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum ByteOrder {
    Little,
    Big,
}

/// Returns the order and the type, if these bytes are a type of MemoryLease.
pub fn order_of(first: [u8; 4]) -> Option<(ByteOrder, u32)> {
    let is_type = |number: &u32| (1..=5).contains(number);
    // YOUR TURN: and the other machine? Remove this line.
    Some((ByteOrder::Little, u32::from_le_bytes(first))).filter(|(_, number)| is_type(number))
}
