//! The solution of e1_03: to look and then to store are two steps. `store_if` does both in one,
//! so it can fail, and then the draw starts again.

/// A counter with a step that compares and stores.
pub trait Cas {
    fn load(&self) -> u32;
    fn store(&self, value: u32);
    /// Stores `value` if the counter is `expected`; returns whether it was.
    fn store_if(&self, expected: u32, value: u32) -> bool;
}

/// Takes `count` indices; returns the first.
pub fn draw<C: Cas>(counter: &C, count: u32) -> u32 {
    loop {
        let first = counter.load();
        if counter.store_if(first, first + count) {
            return first;
        }
    }
}
