//! **Goal** write a string in CORBA's CDR. **Invariant** the length counts the NUL behind the string, as GIOP says; the next number begins at a multiple of 4.
//!
//! *Predict first:* the book's figure of CDR draws `Smith` as 5, `Smit`, `h` and three bytes of padding. Which representation of the lecture is that in truth?

/// Appends a string to a little-endian message that begins at a multiple of 4.
pub fn put_string(message: &mut Vec<u8>, text: &str) {
    while !message.len().is_multiple_of(4) {
        message.push(0);
    }
    // YOUR TURN: this is XDR. Remove this line.
    message.extend_from_slice(&(text.len() as u32).to_le_bytes());
    message.extend_from_slice(text.as_bytes());
}
