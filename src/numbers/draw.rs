//! The draw: each client gets the next numbers of a shuffled list, and no number goes out twice.
//!
//! ```text
//!   list      5   19  228  665   7   11  …        immutable, read without a lock
//!   counter                      ▲                under the lock
//! ```
//!
//! [`take`] loads the counter, adds the count, and stores the sum. If two threads run it at the
//! same time without a lock, both can load the same value and return the same numbers: this is the
//! race of the homework. A lock around `take` prevents it.
//!
//! A [`Counter`] has two separate steps, a load and a store. One atomic step, `fetch_add`, would
//! need no lock, but then there would be no race to show.
//!
//! The server's options choose how often a draw of n numbers locks: [`Locking`].
//!
//! **Invariants** of a server with the lock
//!
//! 1. `counter <= list.len()`, and the counter never falls.
//! 2. Each index below the counter was taken exactly once.
//!
//! **Lock** the draw's, around [`DrawState`]. Under it a draw does a few additions and at most one
//! push, and `table` copies a part of the record. A thread looks numbers up, and makes the rows of
//! a table, after it has unlocked.
//!
//! **Source** `loot-box.txt`, "with lock" and "without lock".

use std::cell::Cell;
use std::ops::Range;
use std::sync::Mutex;

use crate::common::caller::ClientNumber;
use crate::common::error::{Code, Error};
use crate::common::lock::lock;
use crate::numbers::commands::{Row, Rows};
use crate::numbers::list::NumberList;
use crate::numbers::locking::Locking;
use crate::numbers::record::DrawState;
use crate::numbers::table::table;
use crate::numbers::taken::{Drawn, Taken};
use crate::numbers::unlocked::{ClientCounter, Unlocked};

/// The counter of a draw: a load and a store, as two separate steps. The server, the explorer of
/// chapter 7 and the tests with the model checker loom have different counters, and all run the
/// same [`take`].
pub trait Counter {
    /// Loads the index of the next number.
    fn load(&self) -> u32;
    /// Stores the index of the next number.
    fn store(&self, index: u32);
}

/// The counter behind the draw's lock: a plain number. A `Cell` is not `Sync`, so the compiler
/// refuses to share this counter between threads without the lock.
impl Counter for Cell<u32> {
    fn load(&self) -> u32 {
        self.get()
    }

    fn store(&self, index: u32) {
        self.set(index);
    }
}

/// Takes the next `count` indices of a list of `length`, or as many as are left; returns an empty
/// range when none is left. With the counter at 98, `take(counter, 4, 100)` returns `98..100`.
///
/// The result is correct only if no other thread takes between the load and the store.
pub fn take<C: Counter>(counter: &C, count: u64, length: u32) -> Range<u32> {
    let first = counter.load();
    // Not `length - first`: it would overflow if a wrong counter is above `length`.
    let left = length.saturating_sub(first);
    // A count beyond 32 bits is more than any list has, and `min` cuts it. `taken` is at most
    // `length - first`, so the sum below cannot overflow.
    let taken = u32::try_from(count).unwrap_or(u32::MAX).min(left);
    let end = first + taken;
    counter.store(end);
    first..end
}

/// The list, and its counter behind the draw's lock.
#[derive(Debug)]
pub struct Numbers {
    /// The shuffled list. It never changes, so reading it needs no lock.
    list: NumberList,
    /// The work under one hold of the lock. It never changes.
    locking: Locking,
    /// The counter and the record, behind the draw's lock. The threads of clients, and the thread
    /// `udp` for datagrams, lock it to draw, to answer `table` and `stats`, and to count
    /// undelivered numbers.
    pub(crate) state: Mutex<DrawState>,
    /// The counter without a lock, for [`Locking::None`]. The counter in `state` then stays at 0.
    unlocked: Unlocked,
}

impl Numbers {
    /// Returns the numbers of `list`, none of them drawn yet.
    pub fn new(list: NumberList, locking: Locking, unlocked: Unlocked) -> Self {
        Self { list, locking, state: Mutex::default(), unlocked }
    }

    /// Draws the next `count` numbers for `client`, or as many as are left.
    ///
    /// # Errors
    /// `bad-request` for a count of 0, `exhausted` when no number is left.
    // Without `inline(always)` the result is copied once more on its way to the caller. This copy
    // costs as much time as the lock.
    #[inline(always)]
    pub fn draw(&self, client: ClientNumber, count: u64) -> Result<Drawn<'_>, Error> {
        if count == 0 {
            let text = "a draw takes at least 1 number; ask for more than 0";
            return Err(Error::new(Code::BadRequest, text));
        }
        let take_locked = |count| self.take_locked(client, count);
        let take_unlocked = || self.take_unlocked(client);
        let taken = gather(&self.list, self.locking, count, take_locked, take_unlocked);
        // On a lab server the last step of this draw ends here, so the next client may go on. On
        // any other server the call does nothing.
        self.unlocked.leave(client);
        if taken.is_empty() {
            let text = "every number has been drawn; start the server anew for another list";
            return Err(Error::new(Code::Exhausted, text));
        }
        Ok(Drawn::Taken(taken))
    }

    /// Runs the homework's critical section: locks, loads the counter, adds, stores, unlocks. It
    /// records the take under the same lock, so the record has the order of the counter. The guard
    /// `state` unlocks where the function ends, also if it panics.
    #[inline]
    fn take_locked(&self, client: ClientNumber, count: u64) -> Range<u32> {
        let mut state = lock(&self.state);
        let taken = take(&state.counter, count, self.list.len());
        state.record(client, taken.clone(), self.list.len());
        taken
    }

    /// Runs the homework's race: takes one number without a lock. Only the record is under the
    /// lock. `note_taken` counts the take for the figure `came_twice` of `stats`.
    fn take_unlocked(&self, client: ClientNumber) -> Range<u32> {
        let counter = ClientCounter { unlocked: &self.unlocked, client };
        let taken = take(&counter, 1, self.list.len());
        lock(&self.state).record(client, taken.clone(), self.list.len());
        self.unlocked.note_taken(&taken);
        taken
    }

    /// Returns rows of the homework's table, at most `rows` (with [`Rows::Each`], of each client).
    pub fn table(&self, rows: u64, which: Rows) -> Vec<Row> {
        if which == Rows::Twice && self.locking != Locking::None {
            // Under the lock no index is taken twice, so there is nothing to search for.
            return Vec::new();
        }
        table(&self.state, &self.list, rows, which)
    }

    /// Counts numbers as undelivered: the client wanted no reply, or was gone before it could
    /// receive the reply. The numbers do not go back into the list, because the client may have
    /// received some of them.
    pub fn add_undelivered(&self, count: u64) {
        lock(&self.state).add_undelivered(count);
    }

    /// Returns the count of undelivered numbers.
    pub fn undelivered(&self) -> u64 {
        lock(&self.state).undelivered()
    }

    /// Returns the count of drawn numbers. With [`Locking::None`] it is the counter's value, and
    /// more numbers may have gone out: see [`Unlocked::drawn`].
    pub fn drawn(&self) -> u32 {
        match self.locking {
            Locking::None => self.unlocked.drawn(),
            Locking::Request | Locking::Number => lock(&self.state).drawn(),
        }
    }

    /// Returns the length of the list.
    pub fn length(&self) -> u32 {
        self.list.len()
    }

    /// Returns the work that a thread does under one hold of the draw's lock, as the configuration
    /// chose it.
    pub fn locking(&self) -> Locking {
        self.locking
    }

    /// Returns the counter without a lock. The stop and the commands of a lab server use it.
    pub fn unlocked(&self) -> &Unlocked {
        &self.unlocked
    }
}

/// Takes `count` numbers, or as many as are left, and locks as `locking` says. `take_locked(n)`
/// takes up to `n` numbers under the lock, and `take_unlocked()` takes one without it; each returns
/// an empty range when none is left. Both are arguments, so that the explorer of chapter 7 can run
/// this function with another lock and counter.
#[inline]
pub fn gather(
    list: &NumberList,
    locking: Locking,
    count: u64,
    mut take_locked: impl FnMut(u64) -> Range<u32>,
    take_unlocked: impl FnMut() -> Range<u32>,
) -> Taken<'_> {
    match locking {
        Locking::Request => Taken::new(list, take_locked(count)),
        Locking::Number => one_by_one(list, count, || take_locked(1)),
        Locking::None => one_by_one(list, count, take_unlocked),
    }
}

/// Takes one number at a time, until it has `count` numbers or the list is drained. Between two
/// numbers other threads may take some, so the result can have several ranges.
///
/// Precondition: `count` is at least 1, or `count - 1` would overflow.
fn one_by_one(
    list: &NumberList,
    count: u64,
    mut take_one: impl FnMut() -> Range<u32>,
) -> Taken<'_> {
    let mut drawn = Taken::new(list, take_one());
    let mut left = if drawn.is_empty() { 0 } else { count - 1 };
    while left > 0 {
        let taken = take_one();
        if taken.is_empty() {
            break;
        }
        drawn.add(taken);
        left -= 1;
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers::list::shuffled;

    #[test]
    fn a_draw_gives_what_is_left_and_then_nothing() {
        let counter = Cell::default();
        assert_eq!(take(&counter, 4, 6), 0..4);
        assert_eq!(take(&counter, u64::MAX, 6), 4..6);
        assert_eq!(take(&counter, 1, 6), 6..6);
        assert_eq!(counter.load(), 6);
    }

    #[test]
    fn a_drained_list_is_asked_once() {
        let list = shuffled(2, None);
        for (left, asked) in [(0, 1), (1, 2), (2, 3)] {
            let (mut times, mut next) = (0, 2 - left);
            let take_one = || {
                times += 1;
                let first = next;
                next = (next + 1).min(2);
                first..next
            };
            let drawn = gather(&list, Locking::None, 9, |_| 0..0, take_one);
            assert_eq!((drawn.count(), times), (u64::from(left), asked));
        }
    }
}
