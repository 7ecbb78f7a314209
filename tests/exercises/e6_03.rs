//! **Goal** a message for several readers goes back when the last one has it. **Invariant** each reader receives the bytes that were sent; when all have, the sub-block is free, once.
//!
//! *Predict first:* A publishes to B and C. B receives. What may C read, and when does it go wrong: always, or only if somebody else sends?

/// A sub-block: its bytes while it is taken, and how many have yet to read it.
#[derive(Default)]
pub struct SubBlock {
    pub bytes: Option<Vec<u8>>,
    pub readers: usize,
    /// The number of times that it was given back.
    pub freed: u32,
}

impl SubBlock {
    /// Fills it for so many readers.
    pub fn publish(&mut self, bytes: &[u8], readers: usize) {
        self.bytes = Some(bytes.to_vec());
        self.readers = readers;
    }

    /// One reader receives the bytes.
    pub fn receive(&mut self) -> Option<Vec<u8>> {
        let bytes = self.bytes.clone();
        self.one_less();
        bytes
    }

    /// One reader goes, without having received.
    pub fn go(&mut self) {
        self.one_less();
    }

    fn one_less(&mut self) {
        // YOUR TURN: is it the last one? Remove this line.
        self.readers -= 1;
        self.bytes = None;
        self.freed += 1;
    }
}
