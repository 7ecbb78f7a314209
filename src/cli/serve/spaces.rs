//! `--memory`: one size, or several memory spaces.
//!
//! ```text
//!   --memory 64MiB              one space, which is called first
//!   --memory a=32MiB,b=32MiB    two: leases and pools come from a, a process may join in b
//! ```
//!
//! A *memory space* is a part of the server's memory, with a name and an allocator of its own. A
//! process has its own blocks in one space.
//!
//! **Lock** none. **Source** `interprocess-communication-patent.txt`, paragraph 43.

use crate::cli::units;
use crate::server::config::SpacePlan;

/// The memory of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryPlan {
    /// The bytes of the first space.
    pub first: u64,
    /// The name of the first space; the names and bytes of the further spaces.
    pub spaces: SpacePlan,
}

/// Reads a size, or a list of spaces with their sizes.
///
/// # Errors
/// Fails with the form; clap adds the flag.
pub fn plan(text: &str) -> Result<MemoryPlan, String> {
    if !text.contains('=') {
        return Ok(MemoryPlan { first: units::size(text)?, spaces: SpacePlan::default() });
    }
    let named = text.split(',').map(|space| {
        let (name, size) = space.split_once('=').ok_or(FORM)?;
        Ok((name.to_string(), units::size(size)?))
    });
    let mut named: Vec<(String, u64)> = named.collect::<Result<_, String>>()?;
    // `split` gives at least one part, so there is a first space.
    let (first_name, first) = named.remove(0);
    Ok(MemoryPlan { first, spaces: SpacePlan { first: first_name, others: named } })
}

/// The error for a list in which a space has no `=`.
const FORM: &str = "give a size such as 64MiB, or spaces such as a=32MiB,b=32MiB";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_one_space_and_a_list_is_several() {
        assert_eq!(plan("4096").map(|plan| plan.first), Ok(4096));
        let two = plan("a=32KiB,b=64").unwrap();
        assert_eq!((two.first, &*two.spaces.first), (32 << 10, "a"));
        assert_eq!(two.spaces.others, [("b".to_string(), 64)]);
        for wrong in ["", "a=", "a=1KB", "a=1,b", "64MiB,b=1"] {
            assert!(plan(wrong).is_err(), "{wrong}");
        }
    }
}
