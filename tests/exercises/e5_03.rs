//! **Goal** a pool gives only what it has, and what one process may owe it. **Invariant** a refusal changes nothing; free bytes and debts together are the pool's size.
//!
//! *Predict first:* a pool has 100 free bytes, and a process may owe it 60. It asks for 80, is refused, and asks for 60. What does it get from the function below?

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
        // YOUR TURN: what is left behind by a refusal? Remove this line.
        if size > self.free {
            return false;
        }
        self.free -= size;
        if self.owed + size > self.cap {
            return false;
        }
        self.owed += size;
        true
    }
}
