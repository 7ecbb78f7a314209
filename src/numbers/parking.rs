//! Where draws wait, step by step, to be told whose turn it is.
//!
//! ```text
//!   client-1 ── load ─┤ parked              plan: 1 1 2 1 …
//!   client-2 ── load ─┤ parked                    ▲
//!   watcher  ── plan ─┘ sleeps until the plan is done and its last step is over
//! ```
//!
//! The lab server parks its clients here before each load and store of the counter, and
//! the explorer its threads. Whoever comes to a step looks at the plan: if the next
//! turn is its own it goes on, else it wakes the one whose turn it is. So a thread that
//! has several turns in a row is not switched away from.
//!
//! **Invariants**
//!
//! 1. At most one thread is between two steps: `running`.
//! 2. A thread stays parked until the plan names it, its patience ends, or the place
//!    is opened for good; then nobody parks any more. One whose patience has ended does
//!    the rest of its draw without parking, beside whoever runs.
//!
//! **Lock** its own, for a few words; threads sleep without it. Nobody comes here with
//! another lock held.
//!
//! **Simplified** a client that vanishes while it is parked stays until its patience ends,
//! once for each draw.
//!
//! **Source** the homework's two tables, each of which is one plan.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::common::caller::ClientNumber;
use crate::common::description::choice;
use crate::common::lock::lock;

choice! {
    /// The next step of a parked draw.
    Step["a step is load, read, store or take; give one", "has a step of no known number"] {
        /// Load the counter.
        Load = "load",
        /// Read the number at the index that was loaded.
        Read = "read",
        /// Store the counter.
        Store = "store",
        /// All of it under the lock, which is one step for every other client.
        Take = "take",
    }
}

/// Threads that wait for their turn.
#[derive(Debug, Default)]
pub struct Parking {
    state: Mutex<ParkingState>,
    /// How long a thread stays parked; for ever when there is none.
    patience: Option<Duration>,
}

#[derive(Debug, Default)]
struct ParkingState {
    parked: BTreeMap<ClientNumber, ParkedThread>,
    plan: VecDeque<ClientNumber>,
    running: Option<ClientNumber>,
    /// Those whose patience has ended in this draw.
    freed: BTreeSet<ClientNumber>,
    watcher: Option<Thread>,
    open: bool,
}

#[derive(Debug)]
struct ParkedThread {
    before: Step,
    thread: Thread,
}

/// Why a plan was not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stuck {
    /// Another plan is under way.
    Busy,
    /// Time was over before the plan's end: a client that it names does not draw.
    Late,
}

impl Parking {
    /// A place in which nobody waits for longer than `patience`.
    pub fn new(patience: Duration) -> Self {
        Self { state: Mutex::default(), patience: Some(patience) }
    }

    /// Parks the calling thread before a step of `client` until it is its turn.
    pub fn park(&self, client: ClientNumber, before: Step) {
        let deadline = self.patience.map(|patience| Instant::now() + patience);
        let mut state = lock(&self.state);
        state.arrive(client);
        state.parked.insert(client, ParkedThread { before, thread: thread::current() });
        loop {
            let left = deadline.map(|end| end.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
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
            state.wake_next();
            drop(state);
            match left {
                Some(left) => thread::park_timeout(left),
                None => thread::park(),
            }
            state = lock(&self.state);
        }
    }

    /// Says that `client` has done its last step.
    pub fn leave(&self, client: ClientNumber) {
        let mut state = lock(&self.state);
        state.arrive(client);
        state.freed.remove(&client);
        state.wake_next();
    }

    /// Lets the clients of `plan` do one step each, in its order, and waits until the
    /// last of them has done it and is parked again or has left.
    ///
    /// # Errors
    /// [`Stuck`]; a plan that is late is dropped.
    pub fn carry_out(
        &self,
        plan: impl IntoIterator<Item = ClientNumber>,
        patience: Duration,
    ) -> Result<(), Stuck> {
        let deadline = Instant::now() + patience;
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
                state.plan.clear();
                state.watcher = None;
                return Err(Stuck::Late);
            }
            drop(state);
            thread::park_timeout(left);
            state = lock(&self.state);
        }
        state.watcher = None;
        Ok(())
    }

    /// Who is parked, and before what.
    pub fn parked(&self) -> Vec<(ClientNumber, Step)> {
        let state = lock(&self.state);
        state.parked.iter().map(|(&client, parked)| (client, parked.before)).collect()
    }

    /// Opens the place for good: nobody parks here any more.
    pub fn open(&self) {
        let mut state = lock(&self.state);
        state.open = true;
        state.parked.values().for_each(|parked| parked.thread.unpark());
        state.watcher.iter().for_each(Thread::unpark);
    }
}

impl ParkingState {
    /// The step that `client` was told to do is over.
    fn arrive(&mut self, client: ClientNumber) {
        if self.running == Some(client) {
            self.running = None;
        }
    }

    /// Wakes the thread whose turn it is, or at the plan's end the watcher.
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
        assert_eq!(parking.carry_out([7], Duration::from_millis(1)), Err(Stuck::Late));
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
