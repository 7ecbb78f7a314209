//! The solution of e3_03: the homework's server takes a read for a line: it answers 1 number and
//! then an error. TCP brings bytes, not messages. Keep what has come, and take whole lines from
//! its front.

/// The bytes that have come and are not yet a whole line.
#[derive(Default)]
pub struct Lines {
    pub kept: Vec<u8>,
}

impl Lines {
    /// Takes the bytes of one read; returns the lines that are whole now, without their ends.
    pub fn push(&mut self, read: &[u8]) -> Vec<String> {
        self.kept.extend_from_slice(read);
        let mut lines = Vec::new();
        while let Some(end) = self.kept.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.kept.drain(..=end).collect();
            lines.push(String::from_utf8_lossy(&line[..end]).trim_end_matches('\r').to_string());
        }
        lines
    }
}
