//! What was read from a socket and not yet used.
//!
//! ```text
//!   │ used │ pending ……… │ space ……… │
//!          start         end
//! ```
//!
//! **Invariants** the buffer grows only when it is full, to at most four times what has
//! come: never for a length that was claimed. The transport shrinks it when idle.
//!
//! **Lock** none: one for each connection.

/// The first buffer, in bytes: a request or a few; idle connections are many.
const FIRST: usize = 1024;

/// Up to here the buffer grows fourfold, in bytes, then twofold.
const LARGE: usize = 64 * 1024;

/// Bytes of one connection, between the socket and the decoder.
#[derive(Debug, Default)]
pub struct Input {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
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
        if self.end == self.bytes.len() {
            self.make_room();
        }
        &mut self.bytes[self.end..]
    }

    /// Moves what is pending to the front, and grows unless that freed half.
    fn make_room(&mut self) {
        self.bytes.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        let length = self.bytes.len();
        if self.end > length / 2 || length == 0 {
            let grown = if length < LARGE { 4 * length } else { 2 * length };
            self.bytes.resize(grown.max(FIRST), 0);
        }
    }

    /// Says how much of the space was filled.
    pub fn filled(&mut self, count: usize) {
        debug_assert!(count <= self.bytes.len() - self.end);
        self.end += count;
    }

    /// Whether it has grown past what an idle connection should keep.
    pub fn is_large(&self) -> bool {
        self.bytes.len() > LARGE
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
        assert!(input.is_large());
        input.shrink();
        assert!(input.is_large(), "not while something is pending");
        input.consume(input.pending().len());
        input.shrink();
        assert!(!input.is_large() && input.bytes.capacity() == 0);
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
