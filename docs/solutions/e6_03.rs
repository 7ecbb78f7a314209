//! The solution of e6_03: the readers are counted, and the last one frees. A reader that goes
//! without having received counts too.

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
        self.readers -= 1;
        if self.readers == 0 {
            self.bytes = None;
            self.freed += 1;
        }
    }
}
