//! The two seats of a block: its owner's, and the engine's on behalf of one other.
//!
//! ```text
//!   owner's    │ copy 7 │ ◄─ 9        who has it, and who is next
//!   engine's   │ copy 8 │ ◄─ 10 ◄─ 11
//! ```
//!
//! Who copies bytes in a block has one of its seats before it asks for the lock of the bytes,
//! and until it has let go of that. So at most two ever contend for the lock, however many
//! connections the owner has, and however many others read.
//!
//! **Invariants** who came first is served first; a seat is left by whoever has it.
//!
//! **Lock** the tables. **Source** `interprocess-communication-patent.txt`, paragraph 42: two
//! processes may contend for a block, the engine being one of them.

use std::collections::VecDeque;

use crate::sessions::CopyNumber;

/// Whose seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Owner,
    Engine,
}

/// One seat.
#[derive(Debug, Default)]
pub(super) struct Seat {
    taken: Option<CopyNumber>,
    queue: VecDeque<CopyNumber>,
}

impl Seat {
    /// Takes it if it is free, or queues for it; answers which.
    pub fn ask(&mut self, copy: CopyNumber) -> bool {
        if self.taken.is_some() {
            self.queue.push_back(copy);
            return false;
        }
        self.taken = Some(copy);
        true
    }

    pub fn is_taken_by(&self, copy: CopyNumber) -> bool {
        self.taken == Some(copy)
    }

    /// Leaves it, or the queue; answers who has it now, if that is somebody else.
    pub fn leave(&mut self, copy: CopyNumber) -> Option<CopyNumber> {
        if self.taken == Some(copy) {
            self.taken = self.queue.pop_front();
            return self.taken;
        }
        self.queue.retain(|&waiting| waiting != copy);
        None
    }

    pub fn is_empty(&self) -> bool {
        self.taken.is_none()
    }

    /// Who has it, and who waits for it.
    pub fn copies(&self) -> impl Iterator<Item = CopyNumber> {
        self.taken.into_iter().chain(self.queue.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_the_seat_and_the_others_get_it_in_their_order() {
        let mut seat = Seat::default();
        assert!(seat.ask(1));
        assert!(!seat.ask(2) && !seat.ask(3) && !seat.ask(4));
        assert_eq!(seat.leave(3), None, "it only waited");
        assert_eq!((seat.leave(1), seat.is_taken_by(2)), (Some(2), true));
        assert_eq!(seat.leave(1), None, "it has left already");
        assert_eq!(seat.copies().collect::<Vec<_>>(), [2, 4]);
        assert_eq!((seat.leave(2), seat.leave(4), seat.is_empty()), (Some(4), None, true));
    }
}
