//! Finds in the output of a submission that this machine lacks a tool, or room on a disk.
//!
//! ```text
//!   sh: 1: make: not found                      make is not installed
//!   sh: 1: ./server: not found                  the submission's own file: its fault
//!   fatal error: cannot write: No space left on device
//! ```
//!
//! No mark may depend on the machine of the marker. So a submission that could not be built for
//! such a reason is *not graded*, and tried again the next time.
//!
//! **Lock** none: these are pure functions over text.
//!
//! **Simplified** A submission that prints these words itself is not graded either. It earns no
//! points by that, and the report tells the marker.
//!
//! **Source** the messages of dash, bash, busybox and GNU make; strerror(3) for ENOSPC.

/// The number of lines, at the end of the output, in which a missing tool is looked for.
const LAST_LINES: usize = 3;

/// Returns what this machine lacks and the cure, in one clause; `None` if the output names nothing.
pub(super) fn lack(output: &[u8]) -> Option<String> {
    let output = String::from_utf8_lossy(output);
    if output.contains("No space left on device") {
        return Some("a disk of this machine is full, make room".to_string());
    }
    // Only the last lines say why the commands stopped. Earlier ones may come from a script that
    // looked for a tool, did not find it, and went on without it.
    let tool = output.lines().rev().take(LAST_LINES).find_map(missing_tool)?;
    Some(format!("{tool} was not found on this machine, install it or mend run.txt"))
}

/// Returns the tool that is missing according to a line of the shell or of make. A name with a
/// slash is no tool, but a file of the submission.
fn missing_tool(line: &str) -> Option<&str> {
    // Some shells begin their messages with `/bin/sh` instead of `sh`.
    let line = line.strip_prefix("/bin/").unwrap_or(line);
    // dash ends its message with `: not found`, bash with `: command not found`.
    let by_shell = line.strip_suffix("not found").filter(|_| line.starts_with("sh: "));
    let by_shell = by_shell.and_then(|line| line.trim_end_matches("command ").strip_suffix(": "));
    let by_make = || {
        let (maker, rest) = line.split_once(": ")?;
        rest.strip_suffix(": No such file or directory").filter(|_| maker.starts_with("make"))
    };
    let tool = by_shell.or_else(by_make)?.rsplit(": ").next()?;
    let is_tool = |letter: char| letter.is_ascii_alphanumeric() || "+-._".contains(letter);
    (!tool.is_empty() && tool.chars().all(is_tool)).then_some(tool)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_that_is_not_there_is_told_from_a_file_of_the_submission() {
        for (line, tool) in [
            ("sh: 1: make: not found", Some("make")),
            ("sh: line 1: g++: command not found", Some("g++")),
            ("sh: cmake: not found", Some("cmake")),
            ("make: gcc: No such file or directory", Some("gcc")),
            ("/bin/sh: 1: g++: not found", Some("g++")),
            ("make[1]: gcc: No such file or directory", Some("gcc")),
            ("sh: 1: ./server: not found", None),
            ("make: ./generate: No such file or directory", None),
            ("server.py: not found", None),
            ("sh: 1: : not found", None),
            ("the list was not found", None),
        ] {
            assert_eq!(missing_tool(line), tool, "{line}");
        }
    }

    #[test]
    fn a_full_disk_is_no_fault_of_the_submission() {
        let said = b"as: cannot write: No space left on device\nmake: *** [all] Error 1\n";
        assert!(lack(said).unwrap().contains("disk"));
        assert_eq!(lack(b"error: expected ; before }\n"), None);
    }
}
