//! The replies of one connection that wait to be written.
//!
//! ```text
//!   bytes  │ reply │ reply │ header of a large reply │
//!   body                                             │ its data, moved here, not copied │
//! ```
//!
//! Small replies gather in `bytes`, so that one write sends many of them. A large reply keeps the
//! buffer that the service filled: one vectored write sends both parts.
//!
//! **Invariants** the bytes of `body` follow all of `bytes`. While `body` holds data the output is
//! full, and no reply may be appended: it would overtake the body.
//!
//! **Lock** none: each connection's thread owns one.

/// Once this many bytes wait, the connection writes them before it answers another request. (It
/// also writes before each read.) A system call costs little beside the copy of 64 KiB, so a
/// greater bound would save almost no time; it would only cost memory in each connection.
pub const FULL: usize = 64 * 1024;

/// The same bound for a connection that has not reserved memory for a longer output. The server
/// reserves that memory only while its budget for buffers has room (`server/holding.rs`).
pub const SMALL_FULL: usize = 8 * 1024;

/// From this length on, data is moved instead of copied. At about 16 KiB a copy costs as much as
/// the second part of a vectored write.
const LARGE: usize = 16 * 1024;

/// The replies of one connection, in the order of their requests.
#[derive(Debug)]
pub struct Output {
    /// Whole replies, and then the header of `body` if there is one.
    pub bytes: Vec<u8>,
    /// The data of the last reply if it is large; otherwise empty.
    pub body: Vec<u8>,
    /// The length of `bytes`, in bytes, from which on the output is full: [`FULL`] or
    /// [`SMALL_FULL`].
    pub full: usize,
}

impl Default for Output {
    fn default() -> Self {
        Self { bytes: Vec::new(), body: Vec::new(), full: SMALL_FULL }
    }
}

impl Output {
    /// Appends the data that ends a reply. The caller has written the output if it was full: `body`
    /// must be empty.
    pub fn attach(&mut self, data: Vec<u8>) {
        debug_assert!(self.body.is_empty());
        if data.len() < LARGE {
            self.bytes.extend_from_slice(&data);
        } else {
            self.body = data;
        }
    }

    /// Returns whether the output has to be written before another reply is appended.
    pub fn is_full(&self) -> bool {
        self.bytes.len() >= self.full || !self.body.is_empty()
    }

    /// Returns whether no reply waits to be written.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.body.is_empty()
    }
}
