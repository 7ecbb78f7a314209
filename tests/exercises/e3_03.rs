//! **Goal** cut a stream of bytes into lines, however it comes. **Invariant** the same bytes in any pieces are the same lines; what has no line end yet is kept. A line ends with `\n` or `\r\n`.
//!
//! *Predict first:* `draw 10` comes as `draw 1` and `0`. What does the homework's server answer?

/// The bytes that have come and are not yet a whole line.
#[derive(Default)]
pub struct Lines {
    pub kept: Vec<u8>,
}

impl Lines {
    /// Takes the bytes of one read; returns the lines that are whole now, without their ends.
    pub fn push(&mut self, read: &[u8]) -> Vec<String> {
        // YOUR TURN: a read is not a line. Remove this line.
        let text = String::from_utf8_lossy(read);
        text.lines().map(str::to_string).collect()
    }
}
