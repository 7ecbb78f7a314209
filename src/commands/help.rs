//! `help`: the names of all commands. The names come from the rows of `requests!` in [`super`], so
//! no new command can be left out.
//!
//! ```text
//!   text     draw N | table [ROWS [each|twice|last]] | … | of a process: join NAME … | …
//!   frames   01 Draw, 02 Table, 03 Lease, …
//! ```
//!
//! **Lock** none. **Source** ours.

use super::Request;
use crate::common::description::first_word;

/// Returns the forms of all commands in one line: the answer to `help` in the text format. A
/// group's heading stands before its first command.
pub fn help() -> String {
    let mut forms = Vec::new();
    let mut last = "";
    for &(group, _, form) in Request::COMMANDS {
        let heading = if group == last { "" } else { group };
        forms.push(format!("{heading}{form}"));
        last = group;
    }
    forms.join(" | ")
}

/// Returns the first words of all commands.
pub(crate) fn command_words() -> impl Iterator<Item = &'static [u8]> {
    Request::COMMANDS.iter().map(|(_, _, form)| first_word(form.as_bytes()))
}

/// Returns the kinds of all commands in ascending order: the answer to `help` in frames, whose
/// clients send kinds and not words.
pub fn kinds() -> String {
    let mut commands = Request::COMMANDS.to_vec();
    commands.sort_unstable_by_key(|&(_, kind, _)| kind);
    let names = commands.iter().map(|(_, kind, form)| {
        let word = form.split(' ').next().unwrap_or_default();
        let (first, rest) = word.split_at(1);
        format!("{kind:02x} {}{rest}", first.to_ascii_uppercase())
    });
    names.collect::<Vec<_>>().join(", ")
}
