//! The order of a server's list, for `grade` and for `check --history`: the file of `--order`, or
//! `--seed`.
//!
//! **Lock** none. **Source** [`shuffled`], which `serve --seed` calls.

use std::path::Path;

use crate::cli::read_file;
use crate::lab::record::listed;
use crate::numbers::list::shuffled;

/// Returns the list's order, from `--seed` or from the file of `--order`; `None` if the user gave
/// neither. The grader's check `linearizable` and the history's verdict *one counter* use it.
///
/// # Errors
/// Fails with one line if the file cannot be read, or does not hold each number of the list once.
pub(super) fn order(
    seed: Option<u64>,
    file: Option<&Path>,
    numbers: u32,
) -> Result<Option<Vec<u32>>, String> {
    if let Some(seed) = seed {
        // The function that `serve --seed` calls, so the order is the server's.
        let list = shuffled(numbers, Some(seed));
        return Ok(Some((0..list.len() as usize).map(|index| list.number(index)).collect()));
    }
    let Some(file) = file else { return Ok(None) };
    let order = listed(&read_file(file, "give the server's list")?);
    // With a file in which one number is missing, the check `linearizable` would fail a correct
    // server.
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if sorted.iter().copied().eq(1..=numbers) {
        return Ok(Some(order));
    }
    let (name, found) = (file.display(), order.len());
    Err(format!(
        "{name} holds {found} numbers, and not each of 1 to {numbers} once; give the whole list"
    ))
}
