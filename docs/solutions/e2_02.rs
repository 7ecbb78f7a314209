//! The solution of e2_02: what lies behind the length is not read, so it need not be cleared. To
//! clear it in `lease` would write the whole block for each tenant.

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
        let mut seen = self.bytes[..self.length].to_vec();
        seen.resize(self.bytes.len(), 0);
        seen
    }
}
