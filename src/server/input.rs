//! What was read from a socket and not yet used.
//!
//! ```text
//!   │ used │ pending ……… │ space ……… │
//!          start         end
//! ```
//!
//! **Invariants** the buffer grows only when a read has filled it, to at most four times
//! what has come: never for a length that was claimed, and past 64 KiB only for a request
//! that is longer. The transport shrinks it when idle.
//!
//! **Lock** none: one for each connection.

/// The first buffer, in bytes: a request or a few; idle connections are many.
const FIRST: usize = 1024;

/// Up to here the buffer grows fourfold, in bytes, whenever a read has filled it: more is
/// likely to wait, and a read costs more than the memory. Then twofold.
const LARGE: usize = 64 * 1024;

/// Bytes of one connection, between the socket and the decoder.
#[derive(Debug, Default)]
pub struct Input {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// The last read filled all the space it was given.
    overflowing: bool,
}

impl Input {
    /// What waits to be decoded.
    pub fn pending(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Drops what was decoded.
    pub fn consume(&mut self, used: usize) {
        debug_assert!(used <= self.end - self.start);
        self.start += used;
    }

    /// Room to read into, at least one byte.
    pub fn space(&mut self) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        if self.end == self.bytes.len() || self.overflowing {
            self.make_room();
        }
        &mut self.bytes[self.end..]
    }

    /// Moves what is pending to the front, and grows if more than half is pending still,
    /// or if the buffer is small for what comes.
    fn make_room(&mut self) {
        self.bytes.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        let length = self.bytes.len();
        let small = std::mem::take(&mut self.overflowing) && length < LARGE;
        if self.end > length / 2 || small || length == 0 {
            let grown = if length < LARGE { 4 * length } else { 2 * length };
            self.bytes.resize(grown.max(FIRST), 0);
        }
    }

    /// Says how much of the space was filled.
    pub fn filled(&mut self, count: usize) {
        debug_assert!(count <= self.bytes.len() - self.end);
        self.end += count;
        self.overflowing = self.end == self.bytes.len();
    }

    /// The bytes it takes.
    pub fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// Gives its memory back, when nothing is pending.
    pub fn shrink(&mut self) {
        if self.start == self.end {
            *self = Self::default();
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
