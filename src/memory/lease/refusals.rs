//! The refusals of leases. Each says the cause and the cure, such as "ask for less".
//!
//! **Lock** none: plain texts.

use crate::common::error::{Code, Error};
use crate::memory::buddy::AllocateError;

/// Returns the error for a lease of `size` bytes for which no block was allocated.
pub fn explain(size: u64, error: AllocateError) -> Error {
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
        AllocateError::TooMany { most } => Error::new(
            Code::OutOfMemory,
            format!(
                "there are {most} leases and granted blocks, the most that --max-leases allows; \
                 wait until one ends"
            ),
        ),
    }
}

/// The refusal of `renew`, `ttl` and `release` for a held block. The only held blocks whose ids
/// clients know are those that chapter 5 grants to processes.
pub(super) const GRANTED: &str =
    "a granted block has no time; it ends when its process returns it, or with its process";

/// The refusal of a lease when all numeric ids are used.
pub(super) const NO_NUMBERS: &str =
    "all numeric ids were given; lease by text, whose ids do not run out";

/// Returns the one error for a lease that never was, has expired or was released. The three are one
/// error, so that a stranger who tries ids learns nothing from it.
pub fn not_found() -> Error {
    Error::new(Code::NotFound, "there is no such lease, or no longer; lease again")
}
