//! `serve --list`: the user's own list, in the place of a shuffled one.
//!
//! ```text
//!   5,19,228,665,7,11     the homework's own list
//!   numbers.txt           a file of numbers, with commas, spaces or line ends between them
//! ```
//!
//! **Invariants** the list has the order that the user gave. A later check refuses a list with the
//! same number twice ([`crate::numbers::list::NumberList::given`]).
//!
//! **Lock** none. **Simplified** a text of digits and commas is a list, so the name of a file must
//! hold another character.
//!
//! **Source** `loot-box.txt`, "the server's random list".

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::sync::Arc;

/// The longest file, in bytes. The longest list, 10,000,000 numbers of 10 digits and a comma each,
/// fits.
const MAX_FILE: u64 = 128 << 20;

/// Reads a list, or the name of a file that holds one. The result is an `Arc`, because clap copies
/// a value and the list may be long.
///
/// # Errors
/// Fails with the cause and the cure.
pub(super) fn list(text: &str) -> Result<Arc<[u32]>, String> {
    let is_list = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b',');
    let text = if is_list { Cow::Borrowed(text) } else { Cow::Owned(read(text)?) };
    let words = text.split(|c: char| c == ',' || c.is_ascii_whitespace());
    let words = words.filter(|word| !word.is_empty());
    let numbers: Option<Vec<u32>> = words.map(|word| word.parse().ok()).collect();
    let form = || "give numbers of up to 32 bits such as 5,19,228, or a file of them".to_string();
    numbers.filter(|numbers| !numbers.is_empty()).map(Arc::from).ok_or_else(form)
}

/// Reads the file. It stops one byte behind [`MAX_FILE`], and that byte shows that the file is too
/// long. Asking for the length first would not help: a device such as `/dev/zero` has none.
fn read(name: &str) -> Result<String, String> {
    let why = |error| format!("the file cannot be read ({error}); give one that can, or 5,19,228");
    let mut text = String::new();
    let mut file = File::open(name).map_err(why)?.take(MAX_FILE + 1);
    if file.read_to_string(&mut text).map_err(why)? as u64 > MAX_FILE {
        return Err(format!("the file has over {MAX_FILE} bytes; give a shorter list"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_numbers_with_commas_between() {
        let read = |text: &str| list(text).map(|numbers| numbers.to_vec());
        assert_eq!(read("5,19,228,665,7,11"), Ok(vec![5, 19, 228, 665, 7, 11]));
        assert_eq!(read("4294967295"), Ok(vec![u32::MAX]));
        for wrong in ["", ",", "4294967296", "5;6", "/dev/zero", "no such file"] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
