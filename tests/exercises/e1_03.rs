//! **Goal** draw without a lock. Between load and store, `draw` looks whether the counter is still what it loaded, and
//! starts again if not. **Invariant** each index goes out at most once.
//!
//! *Predict first:* it looks again. Is that enough? Find the two steps between which another thread may still come.
//! Then use [`Cas::store_if`]: it stores only if the counter is still `expected`, and says whether it did, in one step.

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
        // YOUR TURN: another thread may come between the look and the store. Remove this line.
        if counter.load() == first {
            counter.store(first + count);
            return first;
        }
    }
}
