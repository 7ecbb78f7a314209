//! The solution of e5_03: ask both questions first and change the accounts afterwards, all of
//! them or none.

/// A pool, and what one process owes it.
pub struct Pool {
    pub free: u64,
    pub owed: u64,
    /// The most that the process may owe.
    pub cap: u64,
}

impl Pool {
    /// Lends `size` bytes; returns whether it did.
    pub fn lend(&mut self, size: u64) -> bool {
        if size > self.free.min(self.cap.saturating_sub(self.owed)) {
            return false;
        }
        self.free -= size;
        self.owed += size;
        true
    }
}
