//! **Goal** a seat is for one, and the others queue for it. **Invariant** at most one copy has the seat; copies get it in the order in which they asked.
//!
//! *Predict first:* a block has a seat for its owner and one for all others. Thirty readers come. How many threads contend for the block's lock with the seat below, and how many with a right one?

use std::collections::VecDeque;

/// A seat: the copy that has it, and those that wait.
#[derive(Default)]
pub struct Seat {
    pub taken: Option<u32>,
    pub queue: VecDeque<u32>,
}

impl Seat {
    /// Asks for the seat; returns whether the copy has it now.
    pub fn ask(&mut self, copy: u32) -> bool {
        // YOUR TURN: was it free? Remove this line.
        self.taken = Some(copy);
        true
    }

    /// Leaves the seat, or the queue. Returns the copy that has the seat now, if that changed.
    pub fn leave(&mut self, copy: u32) -> Option<u32> {
        if self.taken == Some(copy) {
            self.taken = None;
        }
        None
    }
}
