//! The solution of e4_01: first the header must be there, then the length is compared with the
//! bound, and only then with what has come.

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
    let Some((header, rest)) = came.split_at_checked(HEADER) else { return Ok(None) };
    let length = u64::from_be_bytes(header[4..].try_into().unwrap_or_default());
    if length > most {
        return Err(TooLong);
    }
    Ok(usize::try_from(length).ok().and_then(|length| rest.get(..length)))
}
