//! `help`: the names of all commands, made of their rows.
//!
//! **Lock** none. **Source** ours.

use std::fmt::Write;

use super::Request;

/// The forms of all commands, in one line: the answer to `help` in a text.
pub fn help() -> String {
    let mut line = String::new();
    let mut last = "";
    for &(group, _, form) in Request::COMMANDS {
        let separator = if line.is_empty() { "" } else { " | " };
        let heading = if group == last { "" } else { group };
        last = group;
        line += &format!("{separator}{heading}{form}");
    }
    line
}

/// The kinds of all commands: the answer to `help` in frames.
pub fn kinds() -> String {
    let mut commands = Request::COMMANDS.to_vec();
    commands.sort_unstable_by_key(|&(_, kind, _)| kind);
    let mut line = String::new();
    for (_, kind, form) in commands {
        let separator = if line.is_empty() { "" } else { ", " };
        let word = form.split(' ').next().unwrap_or_default();
        let (first, rest) = word.split_at(1);
        // Writing to a string cannot fail.
        let _ = write!(line, "{separator}{kind:02x} {}{rest}", first.to_ascii_uppercase());
    }
    line
}
