//! **Goal** a block reads as its last set, followed by zeros. **Invariant** no tenant sees a byte of the tenant before,
//! and nothing is cleared: a lease of 1 GiB costs no more than one of 32 bytes.
//!
//! *Predict first:* which of the three functions must change? Could it be another one, and what would that cost?

/// A block of memory: its bytes, and how many of them were set by this tenant.
pub struct Block {
    pub bytes: Vec<u8>,
    pub length: usize,
}

impl Block {
    /// A new tenant comes. The bytes stay as they are.
    pub fn lease(&mut self) {
        self.length = 0;
    }

    /// Sets the first bytes.
    pub fn set(&mut self, data: &[u8]) {
        self.bytes[..data.len()].copy_from_slice(data);
        self.length = data.len();
    }

    /// Returns all bytes of the block, as this tenant may see them.
    pub fn get(&self) -> Vec<u8> {
        // YOUR TURN: these are the last tenant's bytes, too. Remove this line.
        self.bytes.clone()
    }
}
