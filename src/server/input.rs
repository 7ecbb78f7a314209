//! The bytes that were read from a socket and not decoded yet.
//!
//! ```text
//!   │ used │ pending ……… │ space ……… │
//!          start         end
//!
//!   read 12 bytes   │ draw 4\ndraw  │ space │      start 0, end 12
//!   one request     │ draw 4\n│draw  │ space │     start 7: nothing is moved
//!   the rest comes  │ draw 4\n│draw 2\n│ space │   end 14
//!   all used        │ space            │           start = end: the next read begins at 0
//! ```
//!
//! Pending bytes are moved to the front only when the space is used up. The wrong way is
//! `drain(..used)` after each request. It moves all pending bytes for each request: for n requests
//! in one read that is about n²/2 times the length of a request.
//!
//! **Invariants**
//!
//! 1. The buffer begins with 1 KiB. It grows only after a read has filled it, to at most four times
//!    the bytes that have arrived. It never grows for a length that a client only claims.
//! 2. Past 64 KiB it grows only while more than half of it is pending.
//!
//! **Lock** none. The thread of a connection owns one; so does each client of the library.
//!
//! **Simplified** a ring buffer never moves bytes, but then a request may lie in two pieces, and a
//! decoder that borrows from the input needs it in one.
//!
//! **Source** ours.

/// The length of the first buffer, in bytes. It holds a few short requests. A server can have
/// thousands of connections, and most are idle and need no more.
pub const FIRST: usize = 1024;

/// Up to this length, in bytes, the buffer grows fourfold whenever a read has filled it: more bytes
/// are likely to wait, and another read costs more than the memory. From here on it doubles, and
/// only for bytes that are pending.
const LARGE: usize = 64 * 1024;

/// The bytes of one connection between the socket and the decoder.
#[derive(Debug)]
pub struct Input {
    /// The whole buffer. Its length is its size in memory; it is always initialized, so a read
    /// needs no `unsafe`.
    bytes: Vec<u8>,
    /// The pending bytes are `start..end`; the space is behind them.
    start: usize,
    end: usize,
    /// The last read filled all the space that it got, so more bytes probably wait in the socket.
    was_filled: bool,
    /// The length of the longest request, in bytes. A shorter buffer grows to this length before it
    /// grows beyond it.
    most: usize,
}

impl Default for Input {
    /// Makes the input of a client of the library: no longest request limits a step of its growth.
    fn default() -> Self {
        Self::new(usize::MAX)
    }
}

/// The growth of a buffer before the next read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Growth {
    /// The buffer stays as it is.
    None,
    /// The buffer may grow to this length, for fewer reads.
    Optional(usize),
    /// The buffer has to grow to this length, because all of it is pending.
    Needed(usize),
}

impl Input {
    /// Starts without a buffer. The longest request has `most` bytes.
    pub fn new(most: usize) -> Self {
        Self { bytes: Vec::new(), start: 0, end: 0, was_filled: false, most }
    }

    /// Returns the bytes that wait to be decoded.
    pub fn pending(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Drops the first `used` pending bytes. Nothing is moved.
    pub fn consume(&mut self, used: usize) {
        debug_assert!(used <= self.end - self.start);
        self.start += used;
    }

    /// Returns the space to read into, at least one byte: a read into an empty slice would return
    /// 0, like the end of the stream.
    pub fn space(&mut self) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        if self.end == self.bytes.len() || self.was_filled {
            self.make_room();
        }
        &mut self.bytes[self.end..]
    }

    /// Moves the pending bytes to the front, and lets the buffer grow.
    fn make_room(&mut self) {
        let growth = self.growth();
        self.was_filled = false;
        self.bytes.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        if let Growth::Optional(length) | Growth::Needed(length) = growth {
            self.bytes.reserve_exact(length - self.bytes.len());
            self.bytes.resize(length, 0);
        }
    }

    /// Returns how the buffer will grow in the next [`Input::space`]: if more than half of it is
    /// pending, or if it is small and the last read filled it.
    pub fn growth(&self) -> Growth {
        let (length, pending) = (self.bytes.len(), self.end - self.start);
        let is_small = self.was_filled && length < LARGE;
        // No growth while there is space that the last read did not fill. None either while at
        // most half is pending, because moving those bytes makes space. Exceptions to the second
        // rule: a small buffer that the last read filled, and a buffer of no bytes.
        if self.end < length && !self.was_filled || pending <= length / 2 && !is_small && length > 0
        {
            return Growth::None;
        }
        let grown = if length < LARGE { 4 * length } else { 2 * length };
        let grown = if length < self.most { grown.min(self.most) } else { grown };
        match grown.max(FIRST) {
            grown if pending == length => Growth::Needed(grown),
            grown => Growth::Optional(grown),
        }
    }

    /// Keeps the buffer from growing before the next read, when there is no memory for more. Moves
    /// the pending bytes to the front, so that the rest of the buffer is space. The caller makes
    /// sure that not all of the buffer is pending.
    pub fn cancel_growth(&mut self) {
        debug_assert!(self.end - self.start < self.bytes.len());
        self.was_filled = false;
        self.bytes.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
    }

    /// Adds `count` bytes of the space to the pending bytes, after a read has put them there.
    pub fn filled(&mut self, count: usize) {
        debug_assert!(count <= self.bytes.len() - self.end);
        self.end += count;
        self.was_filled = self.end == self.bytes.len();
    }

    /// Returns the length of the buffer in bytes.
    pub fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// Frees the buffer if nothing is pending.
    pub fn shrink(&mut self) {
        if self.start == self.end {
            *self = Self::new(self.most);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn it_grows_with_what_has_come_and_shrinks_when_idle() {
        let mut input = Input::default();
        for _ in 0..10_000 {
            let space = input.space().len();
            let came = input.pending().len();
            assert!(came + space <= (4 * came).max(FIRST), "{came} came, room for {space} more");
            input.filled(space.min(1000));
        }
        let grown = input.capacity();
        input.shrink();
        assert_eq!(input.capacity(), grown, "not while something is pending");
        input.consume(input.pending().len());
        input.shrink();
        assert_eq!(input.bytes.capacity(), 0);
    }

    #[test]
    fn a_client_that_never_stops_sending_does_not_make_it_grow_past_64_kib() {
        for left_over in [0, 1, 100] {
            let mut input = Input::default();
            for _ in 0..10_000 {
                let space = input.space().len();
                input.filled(space);
                input.consume(input.pending().len() - left_over);
            }
            assert_eq!(input.capacity(), LARGE, "with {left_over} bytes left over each time");
        }
    }

    #[test]
    fn short_requests_leave_it_small() {
        let mut input = Input::default();
        for _ in 0..10_000 {
            input.space();
            input.filled(7);
            input.consume(7);
        }
        assert_eq!(input.capacity(), FIRST);
    }

    proptest! {
        #[test]
        fn it_is_a_queue_of_bytes(steps in prop::collection::vec((any::<bool>(), 0_usize..3000), 0..200)) {
            let mut input = Input::default();
            let mut model: Vec<u8> = Vec::new();
            let mut next = 0_u8;
            for (fill, count) in steps {
                if fill {
                    let space = input.space();
                    let count = count.min(space.len());
                    for byte in &mut space[..count] {
                        next = next.wrapping_add(1);
                        *byte = next;
                        model.push(next);
                    }
                    input.filled(count);
                } else {
                    let count = count.min(model.len());
                    input.consume(count);
                    model.drain(..count);
                }
                prop_assert_eq!(input.pending(), &model[..]);
            }
        }
    }
}
