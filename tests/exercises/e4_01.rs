//! **Goal** read a frame whose length a stranger wrote. **Invariant** nothing is allocated, sliced or added on a length that has not been checked; a
//! frame that is not whole yet is no error.
//!
//! *Predict first:* what do the 12 bytes `00000001 ffffffffffffffff` do to the function below, in a debug build and in a release build?

/// Why no frame can be read.
#[derive(Debug, PartialEq, Eq)]
pub struct TooLong;

/// The bytes of a header: a type of 4 bytes, and the length of the payload, 8 bytes, big-endian.
pub const HEADER: usize = 12;

/// Returns the payload of the first frame; `None` if it has not come whole yet.
///
/// # Errors
/// Fails if the header claims more than `most` bytes, also when none of them has come.
pub fn payload(came: &[u8], most: u64) -> Result<Option<&[u8]>, TooLong> {
    // YOUR TURN: who says that this length is true? Remove this line.
    let length = u64::from_be_bytes(came[4..HEADER].try_into().unwrap_or_default());
    let _ = most;
    let end = HEADER + length as usize;
    Ok(Some(&came[HEADER..end]))
}
