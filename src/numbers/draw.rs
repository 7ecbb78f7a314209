//! The draw: a counter over an immutable shuffled list, and the lock around it.
//!
//! ```text
//!   list      5   19  228  665   7   11  …        immutable, read without a lock
//!   counter                       ▲               under the lock
//! ```
//!
//! [`take`] is the whole of it: load the counter, add, store it back. Two threads that do it at
//! once without a lock both load the same value, and both go away with the same numbers. That is
//! the race of the homework. So the counter is loaded and stored through [`Counter`], in two
//! separate steps, and never with one atomic `fetch_add`: the lock is the lesson.
//!
//! ```text
//!   request   lock ─ take n ─ unlock                       --lock request
//!   number    lock ─ take 1 ─ unlock   lock ─ take 1 …     --lock number
//!   none      load ─ (window) ─ store  lock ─ record …     --no-lock: the race
//!   lab       ┤load ─ ┤store           lock ─ record …     --lab: ┤ parked until told
//! ```
//!
//! **Invariants**, of all but [`Locking::None`]: `counter <= list.len()`, it never falls, and every
//! index below it was taken exactly once.
//!
//! **Lock** the draw, around [`DrawState`]. Under it a draw is a few additions and at most one push.
//! Numbers are looked up, and tables are made, after it was unlocked.
//!
//! **Source** `loot-box.txt`, "with lock" and "without lock".

use std::cell::Cell;
use std::ops::Range;
use std::sync::Mutex;

use crate::common::caller::ClientNumber;
use crate::common::error::{Code, Error};
use crate::common::lock::lock;
use crate::numbers::commands::{Row, Rows};
use crate::numbers::list::{Drawn, NumberList, Taken};
use crate::numbers::record::DrawState;
use crate::numbers::table::Turns;
use crate::numbers::unlocked::{Reached, Unlocked};

/// The counter of a draw. It has two separate steps, on purpose.
pub trait Counter {
    /// Loads the index of the next number.
    fn load(&self) -> u32;
    /// Stores it.
    fn store(&self, index: u32);
}

/// The counter behind a lock: nothing but a number.
impl Counter for Cell<u32> {
    fn load(&self) -> u32 {
        self.get()
    }

    fn store(&self, index: u32) {
        self.set(index);
    }
}

/// Takes up to `count` indices of a list of `length`: fewer when fewer are left, an empty range
/// when none is. Correct only if no other thread takes between the load and the store.
pub fn take<C: Counter>(counter: &C, count: u64, length: u32) -> Range<u32> {
    let first = counter.load();
    let left = length.saturating_sub(first);
    let taken = u32::try_from(count).unwrap_or(u32::MAX).min(left);
    let end = first + taken;
    counter.store(end);
    first..end
}

/// The work that the lock is held for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locking {
    /// A whole request.
    Request,
    /// One number: requests interleave.
    Number,
    /// Nothing, number by number: the race.
    None,
}

impl Locking {
    /// The word of the command line and of `stats`.
    pub fn word(self) -> &'static str {
        match self {
            Locking::Request => "request",
            Locking::Number => "number",
            Locking::None => "none",
        }
    }
}

/// The list, and its counter behind the draw's lock.
#[derive(Debug)]
pub struct Numbers {
    /// The shuffled list. It never changes, so reading it needs no lock.
    list: NumberList,
    /// The work that the lock is held for. It never changes.
    locking: Locking,
    /// The counter and the record: a draw, `table`, `stats` and the end of a connection lock them.
    pub(crate) state: Mutex<DrawState>,
    /// The counter that no lock guards, used instead of the other with [`Locking::None`].
    unlocked: Unlocked,
}

impl Numbers {
    /// A list of which nothing is drawn yet.
    pub fn new(list: NumberList, locking: Locking, unlocked: Unlocked) -> Self {
        Self { list, locking, state: Mutex::default(), unlocked }
    }

    /// Draws up to `count` numbers for `client`; fewer when fewer are left.
    ///
    /// # Errors
    /// `bad-request` for none, `exhausted` when none is left.
    // Always: to move what it returns once more costs as much as the lock.
    #[inline(always)]
    pub fn draw(&self, client: ClientNumber, count: u64) -> Result<Drawn<'_>, Error> {
        if count == 0 {
            let text = "a draw takes at least 1 number; ask for more than 0";
            return Err(Error::new(Code::BadRequest, text));
        }
        let take_locked = |count| self.take_locked(client, count);
        let take_unlocked = || self.take_unlocked(client);
        let taken = gather(&self.list, self.locking, count, take_locked, take_unlocked);
        self.unlocked.leave(client);
        if taken.is_empty() {
            let text = "every number has been drawn; start the server anew for another list";
            return Err(Error::new(Code::Exhausted, text));
        }
        Ok(Drawn::Taken(taken))
    }

    /// The homework's critical section: lock, load the counter, add, store it, unlock.
    #[inline]
    fn take_locked(&self, client: ClientNumber, count: u64) -> Range<u32> {
        let mut state = lock(&self.state);
        let taken = take(&state.counter, count, self.list.len());
        state.record(client, taken.clone(), self.list.len());
        taken
    }

    /// The homework's race: the same `take`, and no thread is kept out.
    fn take_unlocked(&self, client: ClientNumber) -> Range<u32> {
        let counter = Reached { unlocked: &self.unlocked, client };
        let taken = take(&counter, 1, self.list.len());
        lock(&self.state).record(client, taken.clone(), self.list.len());
        taken
    }

    /// Rows of the homework's table.
    pub fn table(&self, rows: u64, which: Rows) -> Vec<Row> {
        if which == Rows::Twice && self.locking != Locking::None {
            // Under the lock no index is taken twice.
            return Vec::new();
        }
        Turns { state: &self.state, list: &self.list }.rows(rows, which)
    }

    /// Counts numbers of a client that was gone before their reply was written. They are not put
    /// back.
    pub fn add_undelivered(&self, count: u64) {
        lock(&self.state).add_undelivered(count);
    }

    /// How many numbers went to clients that were gone before their reply was written.
    pub fn undelivered(&self) -> u64 {
        lock(&self.state).undelivered()
    }

    /// How many numbers have gone out; without the lock, as far as the counter knows.
    pub fn drawn(&self) -> u32 {
        match self.locking {
            Locking::None => self.unlocked.drawn(),
            Locking::Request | Locking::Number => lock(&self.state).drawn(),
        }
    }

    /// How many numbers the list has.
    pub fn length(&self) -> u32 {
        self.list.len()
    }

    /// The work that the lock is held for.
    pub fn locking(&self) -> Locking {
        self.locking
    }

    /// The counter that no lock guards.
    pub fn unlocked(&self) -> &Unlocked {
        &self.unlocked
    }
}

/// Takes up to `count` numbers as `locking` says. `take_locked` takes so many under the lock,
/// `take_unlocked` one without it; both return an empty range when none is left.
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
