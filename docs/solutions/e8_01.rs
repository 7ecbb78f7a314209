//! The solution of e8_01: CDR's string has a NUL that counts; XDR's has none. Padding goes up to
//! the next multiple of 4, counted from the start of the message.

/// Appends a string to a little-endian message that begins at a multiple of 4.
pub fn put_string(message: &mut Vec<u8>, text: &str) {
    while !message.len().is_multiple_of(4) {
        message.push(0);
    }
    message.extend_from_slice(&(text.len() as u32 + 1).to_le_bytes());
    message.extend_from_slice(text.as_bytes());
    message.push(0);
}
