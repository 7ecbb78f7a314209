//! The two seats of a block: one for copies of its owner, one for copies of all other processes.
//! The second is called the engine's, because in the patent the engine copies for the others.
//!
//! ```text
//!   owner's    │ copy 7 │ ◄─ 9              7 has the seat, 9 waits for it
//!   engine's   │ copy 8 │ ◄─ 10 ◄─ 11       8 has the seat, 10 is next, then 11
//! ```
//!
//! A thread that copies bytes in a block takes a seat before it locks the bytes, and leaves the
//! seat after it has unlocked them. So at most two threads contend for that lock, however many
//! connections the owner has, and however many processes read. Without seats, 100 readers of one
//! message would all wait for one lock, and the owner's next message would wait among them.
//!
//! **Invariants**
//!
//! 1. Copies get a seat in the order in which they asked for it.
//! 2. A seat is left only by the copy that has it.
//!
//! **Lock** the tables. A thread that waits for a seat sleeps on its process's condition variable.
//!
//! **Source** `interprocess-communication-patent.txt`, paragraph 42: two processes may contend for
//! a block, and one of them is the engine.

use std::collections::VecDeque;

use crate::sessions::CopyNumber;

/// The two seats of a block: the one for copies of its owner, and the one for all other copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Owner,
    Engine,
}

/// One seat: the copy that has it, and the copies that wait for it, oldest first.
#[derive(Debug, Default)]
pub(super) struct Seat {
    taken: Option<CopyNumber>,
    queue: VecDeque<CopyNumber>,
}

impl Seat {
    /// Takes the seat for a copy and returns true if it is free; otherwise queues the copy.
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

    /// Removes a copy from the seat, or from its queue when the copy ends before it got the seat.
    /// Returns the copy that gets the seat now, if it was left and another copy waits.
    pub fn leave(&mut self, copy: CopyNumber) -> Option<CopyNumber> {
        if self.taken == Some(copy) {
            self.taken = self.queue.pop_front();
            return self.taken;
        }
        self.queue.retain(|&waiting| waiting != copy);
        None
    }

    /// Returns whether no copy has the seat. Then no copy waits either: [`Seat::leave`] gives the
    /// seat to the next one in the queue.
    pub fn is_empty(&self) -> bool {
        self.taken.is_none()
    }

    /// Returns the copy that has the seat, and then the copies that wait for it, in their order.
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
