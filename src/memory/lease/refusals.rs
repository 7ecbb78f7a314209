//! The refusals of leases: each says the cause and the cure.
//!
//! **Lock** none. **Source** ours.

use crate::common::error::{Code, Error};
use crate::memory::buddy::AllocateError;

/// Why no block was allocated.
pub(super) fn explain(size: u64, error: AllocateError) -> Error {
    match error {
        AllocateError::Zero => {
            Error::new(Code::BadRequest, "a lease has at least 1 byte; ask for more than 0")
        }
        AllocateError::TooLarge { largest } => Error::new(
            Code::TooLarge,
            format!("{size} bytes never fit, the largest block has {largest}; ask for less"),
        ),
        AllocateError::OutOfMemory { largest_free } => Error::new(
            Code::OutOfMemory,
            format!(
                "{size} bytes do not fit now, the largest free block has {largest_free}; \
                 ask for less or wait until leases end"
            ),
        ),
    }
}

/// The refusal of a time for a granted block.
pub(super) const GRANTED: &str =
    "a granted block has no time; it ends when its process returns it, or with its process";

/// The refusal of a numeric id.
pub(super) const NO_NUMBERS: &str =
    "all numeric ids were given; lease by text, whose ids do not run out";

/// The one answer for a lease that never was, has expired or was released: a stranger
/// learns nothing from it.
pub fn not_found() -> Error {
    Error::new(Code::NotFound, "there is no such lease, or no longer; lease again")
}
