//! Replies that wait to be written.
//!
//! ```text
//!   bytes  │ reply │ reply │ header of a large one │
//!   body                                           │ its data, moved here, not copied │
//! ```
//!
//! Small replies gather in `bytes`, so that many go out in one write. A large one
//! keeps the buffer that the service filled: both parts go out in one vectored write.
//!
//! **Invariants** whatever is in `body` follows all of `bytes`; while there is a body
//! the output is full, and nothing may be appended.
//!
//! **Lock** none: one for each connection.

/// Replies are written when so many bytes wait, in bytes: what one system call
/// carries at a good price, and no more memory than that for each connection.
pub const FULL: usize = 64 * 1024;

/// From this length on, data is moved instead of copied, in bytes: about where
/// copying costs as much as a second part of a write.
const LARGE: usize = 16 * 1024;

/// Replies of one connection, in order.
#[derive(Debug, Default)]
pub struct Output {
    /// Replies, and the header of `body`.
    pub bytes: Vec<u8>,
    /// The data of the last reply, when it is large.
    pub body: Vec<u8>,
}

impl Output {
    /// Appends a reply's data, which ends that reply.
    pub fn attach(&mut self, data: Vec<u8>) {
        debug_assert!(self.body.is_empty());
        if data.len() < LARGE {
            self.bytes.extend_from_slice(&data);
        } else {
            self.body = data;
        }
    }

    /// Whether it has to be written before more is appended.
    pub fn is_full(&self) -> bool {
        self.bytes.len() >= FULL || !self.body.is_empty()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.body.is_empty()
    }
}
