//! The solution of e6_02: who finds the seat taken goes to the end of the queue, and who leaves
//! hands the seat to the first of it.

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
        if self.taken.is_some() {
            self.queue.push_back(copy);
            return false;
        }
        self.taken = Some(copy);
        true
    }

    /// Leaves the seat, or the queue. Returns the copy that has the seat now, if that changed.
    pub fn leave(&mut self, copy: u32) -> Option<u32> {
        if self.taken == Some(copy) {
            self.taken = self.queue.pop_front();
            return self.taken;
        }
        self.queue.retain(|&waiting| waiting != copy);
        None
    }
}
