//! The parking: before each step of a draw a thread waits here, until its client is next in a plan.
//!
//! ```text
//!   client-1 ─┤ parked before load          plan: 1 1 2 1 …
//!   client-2 ─┤ parked before load                ▲ the next step is client 1's
//!   watcher     the thread that gave the plan; it sleeps until the last step is over
//!
//!   plan 1 2 1 2    client-1 loads 0 │ client-2 loads 0 │ client-1 stores 1 │ client-2 stores 1
//! ```
//!
//! A lab server parks its clients here before each load and store of the counter, and its command
//! `step` gives plans of one step. The explorer of chapter 7 parks its own threads here, and gives
//! whole plans. A thread that comes to a step looks at the plan. If its client is next, the thread
//! goes on. Otherwise it wakes the thread of the client that is next, and sleeps. So a client with
//! several steps in a row needs no switch of threads between them. The second plan above, 1 2 1 2,
//! is the race: both clients get the number at index 0.
//!
//! A thread looks at the plan, unlocks, and sleeps. A wake-up between the unlock and the sleep is
//! not lost: `unpark` leaves a token for a thread that is not asleep yet, and the next `park` takes
//! the token and returns at once.
//!
//! **Invariants**
//!
//! 1. At most one thread does a step of the plan at a time: `running`.
//! 2. A thread stays parked until its client is next in the plan, its *patience* (the longest time
//!    that it stays parked) ends, or the parking *opens*, which happens when the server stops or
//!    the explorer is done. After that no thread parks any more. A thread whose patience has ended
//!    does the rest of its draw without parking, perhaps while another thread does a step of the
//!    plan.
//!
//! **Lock** its own, for a few instructions; a thread unlocks it before it sleeps. A thread that
//! parks holds no other lock.
//!
//! **Simplified** if a client vanishes while it is parked, its thread stays parked until its
//! patience ends, and again for each further draw that the client had sent. A bigger system would
//! watch the client's socket too.
//!
//! **Source** `loot-box.txt`: the two tables. Each of them is the result of one plan.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::common::caller::ClientNumber;
use crate::common::description::choice;
use crate::common::lock::lock;

choice! {
    /// The next step of a parked draw. On a lab server it is `load` or `store`; only the explorer
    /// also has `read` and `take`.
    Step["a step is load, read, store or take; give one", "has a step of no known number"] {
        /// Load the counter.
        Load = "load",
        /// Read the number at the index that was loaded.
        Read = "read",
        /// Store the counter.
        Store = "store",
        /// Load, add and store under the lock: one step, as all other clients see it.
        Take = "take",
    }
}

impl Step {
    /// Returns whether the step changes the counter.
    pub fn changes_counter(self) -> bool {
        matches!(self, Step::Store | Step::Take)
    }
}

/// The parked threads, and the plan of their steps.
#[derive(Debug, Default)]
pub struct Parking {
    state: Mutex<ParkingState>,
    /// The longest time that a thread stays parked before one step. The explorer has `None`: no
    /// limit.
    patience: Option<Duration>,
}

#[derive(Debug, Default)]
struct ParkingState {
    /// The parked threads, by their clients.
    parked: BTreeMap<ClientNumber, ParkedThread>,
    /// The client of each step that is still to do, in the order of the plan.
    plan: VecDeque<ClientNumber>,
    /// The client whose step is under way; `None` between two steps.
    running: Option<ClientNumber>,
    /// The clients whose patience has ended in their current draw.
    freed: BTreeSet<ClientNumber>,
    /// The thread that waits in `carry_out` until the plan is done; `None` when no plan is under
    /// way.
    watcher: Option<Thread>,
    /// True once the parking has opened. It stays open, and no thread parks.
    open: bool,
}

#[derive(Debug)]
struct ParkedThread {
    /// The step that the thread is parked before.
    before: Step,
    thread: Thread,
}

/// The reason why a plan was not done to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stuck {
    /// Another plan is under way.
    Busy,
    /// The plan was not done when the time of `carry_out` was over, most often because it names a
    /// client that does not draw. Or the parking opened: then no client does steps of a plan.
    Unfinished,
}

impl Parking {
    /// Returns a parking where no thread waits longer than `patience` before a step.
    pub fn new(patience: Duration) -> Self {
        Self { state: Mutex::default(), patience: Some(patience) }
    }

    /// Parks the calling thread before a step of `client`. Returns when the client is next in the
    /// plan, the thread's patience ends, or the parking opens.
    pub fn park(&self, client: ClientNumber, before: Step) {
        let deadline = self.patience.map(|patience| Instant::now() + patience);
        let mut state = lock(&self.state);
        // The thread is at its next step, so the step before it is over.
        state.arrive(client);
        state.parked.insert(client, ParkedThread { before, thread: thread::current() });
        loop {
            // `None` means that there is no limit.
            let left = deadline.map(|end| end.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                // From now on the steps of this draw do not park (invariant 2).
                state.freed.insert(client);
            }
            if state.open || state.freed.contains(&client) {
                state.parked.remove(&client);
                return;
            }
            if state.running.is_none() && state.plan.front() == Some(&client) {
                state.plan.pop_front();
                state.parked.remove(&client);
                state.running = Some(client);
                return;
            }
            // The client is not next. Before its thread sleeps, it wakes the thread of the client
            // that is next, or the watcher if the plan is done; during a step it wakes nobody.
            state.wake_next();
            drop(state);
            match left {
                Some(left) => thread::park_timeout(left),
                None => thread::park(),
            }
            // `park` may also return without a reason, so the loop looks at the plan again.
            state = lock(&self.state);
        }
    }

    /// Ends the last step of `client`'s draw, and wakes the next thread of the plan. The client's
    /// next draw parks again, also if the patience ended in this draw.
    pub fn leave(&self, client: ClientNumber) {
        let mut state = lock(&self.state);
        state.arrive(client);
        state.freed.remove(&client);
        state.wake_next();
    }

    /// Lets clients do their steps in the order of `plan`, and waits, for `limit` at most, until
    /// the last step is over: its client has parked again, or its draw is over.
    ///
    /// # Errors
    /// Fails with [`Stuck`]. `Busy` changes nothing. With `Unfinished` the rest of the plan is
    /// dropped. The steps that were done stay done, and a step that is under way still ends.
    pub fn carry_out(
        &self,
        plan: impl IntoIterator<Item = ClientNumber>,
        limit: Duration,
    ) -> Result<(), Stuck> {
        let deadline = Instant::now() + limit;
        let mut state = lock(&self.state);
        if state.watcher.is_some() {
            return Err(Stuck::Busy);
        }
        state.plan.extend(plan);
        state.watcher = Some(thread::current());
        state.wake_next();
        while !(state.plan.is_empty() && state.running.is_none()) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || state.open {
                // The rest of the plan is dropped. A step that is under way still ends by itself:
                // `running` stays set until then.
                state.plan.clear();
                state.watcher = None;
                return Err(Stuck::Unfinished);
            }
            drop(state);
            thread::park_timeout(left);
            state = lock(&self.state);
        }
        state.watcher = None;
        Ok(())
    }

    /// Returns the parked clients, each with its next step.
    pub fn parked(&self) -> Vec<(ClientNumber, Step)> {
        let state = lock(&self.state);
        state.parked.iter().map(|(&client, parked)| (client, parked.before)).collect()
    }

    /// Opens the parking: no thread parks here from now on. The stop of the server calls this,
    /// because it waits at most 2 s for its threads, and a client may be parked for longer. The
    /// explorer calls it to end its threads.
    pub fn open(&self) {
        let mut state = lock(&self.state);
        state.open = true;
        state.parked.values().for_each(|parked| parked.thread.unpark());
        state.watcher.iter().for_each(Thread::unpark);
    }

    /// Returns whether the parking has opened. The explorer's threads end then.
    pub fn is_open(&self) -> bool {
        lock(&self.state).open
    }
}

impl ParkingState {
    /// Ends the step of `client`, if its step is under way.
    fn arrive(&mut self, client: ClientNumber) {
        if self.running == Some(client) {
            self.running = None;
        }
    }

    /// Wakes the thread of the client that is next, or the watcher when the plan is done. During a
    /// step it wakes no thread: the thread of that step calls it again when the step is over.
    fn wake_next(&self) {
        if self.running.is_some() {
            return;
        }
        match self.plan.front() {
            Some(next) => self.parked.get(next).iter().for_each(|parked| parked.thread.unpark()),
            None => self.watcher.iter().for_each(Thread::unpark),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn steps_are_done_in_the_order_of_the_plan_whoever_came_first() {
        let (parking, done) = (Parking::default(), Mutex::new(Vec::new()));
        thread::scope(|scope| {
            for client in [1, 2] {
                let (parking, done) = (&parking, &done);
                scope.spawn(move || {
                    for step in [Step::Load, Step::Store] {
                        parking.park(client, step);
                        done.lock().unwrap().push((client, step));
                    }
                    parking.leave(client);
                });
            }
            assert_eq!(parking.carry_out([2, 1, 1, 2], LONG), Ok(()));
        });
        let expected = [(2, Step::Load), (1, Step::Load), (1, Step::Store), (2, Step::Store)];
        assert_eq!(*done.lock().unwrap(), expected);
        assert_eq!(parking.parked(), []);
    }

    #[test]
    fn a_plan_that_names_nobody_ends_with_its_time_and_is_dropped() {
        let parking = Parking::default();
        assert_eq!(parking.carry_out([7], Duration::from_millis(1)), Err(Stuck::Unfinished));
        assert_eq!(parking.carry_out([], LONG), Ok(()));
    }

    #[test]
    fn who_waits_too_long_goes_on_and_an_open_place_keeps_nobody() {
        let parking = Parking::new(Duration::from_millis(1));
        parking.park(1, Step::Load);
        assert!(lock(&parking.state).freed.contains(&1), "its next step will not wait");
        parking.park(1, Step::Store);
        parking.leave(1);
        assert!(lock(&parking.state).freed.is_empty());
        let parking = Parking::default();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| parking.park(1, Step::Load));
            while parking.parked() != [(1, Step::Load)] {
                thread::yield_now();
            }
            parking.open();
            waiting.join().unwrap();
        });
        parking.park(2, Step::Store);
        assert_eq!(parking.parked(), []);
    }
}
