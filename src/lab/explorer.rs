//! The explorer runs the server's own draw under one schedule; [`crate::lab::search`] tries all
//! schedules.
//!
//! ```text
//!   schedule   A A B A …                   chosen before the run
//!                │
//!   Parking ─────┴── lets one thread do one step
//!      ▲
//!   thread A ── gather ─ take ─ Stepped: ┤load (┤read) ┤store      ┤ the thread parks here
//!   thread B ── gather ─ take ─ Stepped: ┤load (┤read) ┤store
//! ```
//!
//! [`take`] and [`gather`] are the server's: to explore a copy would prove nothing about the
//! server. The counters and the lock are the explorer's own. Without the lock, a thread parks
//! before each load and each store of the shared counter. A case may count the read of the list as
//! a step too ([`Case::reads`]), which adds schedules but no outcome, and a store may be an
//! increment ([`Case::increments`]). With the lock, a whole take is one step: std promises that a
//! mutex keeps other threads out (`tests/loom_draw.rs` steps inside the lock).
//!
//! **Invariants** until the stage is dropped, one thread at a time does a step; a schedule always
//! gives the same [`Run`]; a client's number of steps never changes ([`Case::list`]).
//!
//! **Lock** the run's, to read or change it; the draw's, where the case has one; the parking's. A
//! thread parks with none held: a parked owner of the draw's lock would stop the others for ever.
//!
//! **Simplified** all threads see one order of the steps (`SeqCst`); weaker orders give more runs.
//!
//! **Source** `loot-box.txt`, the scenario: A draws 4, B draws 2.

use std::cell::Cell;
use std::collections::HashSet;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crate::common::caller::ClientNumber;
use crate::common::lock::lock;
use crate::lab::schedule::Schedules;
use crate::numbers::draw::{Counter, gather, take};
use crate::numbers::list::NumberList;
use crate::numbers::locking::Locking;
use crate::numbers::parking::{Parking, Step};
use crate::numbers::taken::Taken;

/// The longest time for one [`Stage::go_on`], which on a usual machine takes milliseconds.
const PLAN_LIMIT: Duration = Duration::from_secs(60);

/// A thread's stack in bytes. A draw calls about ten functions deep.
const STACK: usize = 128 * 1024;

/// The start of the homework's list.
const HOMEWORK: [u32; 6] = [5, 19, 228, 665, 7, 11];

/// A client of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawer {
    /// The capital letter that names it in schedules and pictures.
    pub name: char,
    /// The numbers that it asks for in its one request.
    pub count: u64,
}

/// The input of an exploration: the clients, and the lock under which they draw.
#[derive(Debug, Clone)]
pub struct Case {
    /// The clients. A schedule names each by its index here.
    pub drawers: Vec<Drawer>,
    /// The work that the lock is held for.
    pub locking: Locking,
    /// Whether reading the list is a step of its own. With the lock it has no effect.
    pub reads: bool,
    /// Whether a store adds one to the present counter, as one step. Otherwise it stores the loaded
    /// index plus one. With [`Locking::Request`] and [`Locking::Number`] it has no effect.
    ///
    /// The program is `i = counter` without a lock, and then `counter += 1` under a lock: the lock
    /// is around the wrong half. In the end the counter is right, and numbers still come twice.
    pub increments: bool,
}

impl Case {
    /// Returns the client of a letter, capital or small.
    pub fn client_named(&self, letter: char) -> Option<u8> {
        let named = |drawer: &Drawer| drawer.name == letter.to_ascii_uppercase();
        self.drawers.iter().position(named).map(|at| at as u8)
    }

    /// Returns all schedules of the clients' steps.
    pub fn schedules(&self) -> Schedules {
        Schedules::new(self.drawers.iter().map(|drawer| self.steps(drawer)).collect())
    }

    /// Returns the number of steps of one client.
    fn steps(&self, drawer: &Drawer) -> usize {
        match self.locking {
            Locking::Request => 1,
            Locking::Number => drawer.count as usize,
            Locking::None => drawer.count as usize * self.steps_of_a_number().len(),
        }
    }

    /// Returns the steps of one number, in their order.
    fn steps_of_a_number(&self) -> &'static [Step] {
        match (self.locking, self.reads) {
            (Locking::Request | Locking::Number, _) => &[Step::Take],
            (Locking::None, false) => &[Step::Load, Step::Store],
            (Locking::None, true) => &[Step::Load, Step::Read, Step::Store],
        }
    }

    /// Returns the next step of a client that has done `done` steps; `None` if it has done all.
    pub fn next_step(&self, drawer: &Drawer, done: usize) -> Option<Step> {
        let steps = self.steps_of_a_number();
        (done < self.steps(drawer)).then(|| steps[done % steps.len()])
    }

    /// Returns whether the order of two steps of different clients can matter: both use the
    /// counter, and at least one of them changes it. An argument is a step: the client, and the
    /// place among the client's steps. A read of the list depends on no step, because the list
    /// never changes.
    pub fn are_dependent(&self, (_, a): (usize, usize), (_, b): (usize, usize)) -> bool {
        let steps = self.steps_of_a_number();
        let [a, b] = [a, b].map(|at| steps[at % steps.len()]);
        a != Step::Read && b != Step::Read && (a.changes_counter() || b.changes_counter())
    }

    /// Returns the homework's six numbers, and as many more as all draws together need.
    ///
    /// The counter never passes the sum of all draws, even in a race, so each take finds a number.
    /// At the list's end a request would stop early, and have too few steps for the schedule.
    pub fn list(&self) -> Vec<u32> {
        let wanted = self.drawers.iter().map(|drawer| drawer.count as usize).sum::<usize>();
        let more = (1..).filter(|number| !HOMEWORK.contains(number));
        HOMEWORK.into_iter().chain(more).take(wanted.max(HOMEWORK.len())).collect()
    }
}

/// One finished step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// The client, as an index into [`Case::drawers`].
    pub client: u8,
    /// The kind of the step.
    pub step: Step,
    /// The index that was loaded. A take under the lock loads its first index.
    pub loaded: u32,
    /// The index that was stored. A load and a read store nothing: here the loaded index again.
    pub stored: u32,
}

impl Event {
    /// Returns the indices that the step is about: all that a take takes, and otherwise the one
    /// that was loaded.
    pub fn indices(&self) -> Range<u32> {
        let end = if self.step == Step::Take { self.stored } else { self.loaded + 1 };
        self.loaded..end
    }
}

/// The result of one schedule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Run {
    /// The steps, in the order in which they ran.
    pub events: Vec<Event>,
    /// The numbers of each client: none before its draw is finished.
    pub received: Vec<Vec<u32>>,
}

impl Run {
    /// Returns the number of duplicates. A number that three clients received counts 2.
    pub fn duplicates(&self) -> usize {
        let all = || self.received.iter().flatten();
        all().count() - all().collect::<HashSet<_>>().len()
    }
}

/// The threads of a case. Between two runs, each is parked before its first step.
#[derive(Debug)]
pub struct Stage {
    scene: Arc<Scene>,
    threads: Vec<JoinHandle<()>>,
}

/// The state that the stage and its threads share.
#[derive(Debug)]
struct Scene {
    case: Case,
    list: NumberList,
    parking: Parking,
    /// The counter of the cases without the lock.
    counter: AtomicU32,
    /// The counter of the cases with the lock, behind the draw's lock as in the server.
    locked: Mutex<Cell<u32>>,
    /// The run since the last reset.
    run: Mutex<Run>,
}

impl Stage {
    /// Starts the threads of `case`.
    ///
    /// # Errors
    /// Fails with one line if the system has no thread left. Then `?` drops `stage`, which joins
    /// the threads.
    pub fn new(case: Case) -> Result<Self, String> {
        let scene = Arc::new(Scene {
            list: NumberList::new(case.list()),
            case,
            parking: Parking::default(),
            counter: AtomicU32::new(0),
            locked: Mutex::default(),
            run: Mutex::default(),
        });
        let mut stage = Self { scene: scene.clone(), threads: Vec::new() };
        for (client, drawer) in scene.case.drawers.iter().enumerate() {
            let builder = Builder::new().name(format!("draw-{}", drawer.name)).stack_size(STACK);
            let (own, count) = (scene.clone(), drawer.count);
            let thread = builder.spawn(move || own.draw_again_and_again(client, count));
            stage.threads.push(thread.map_err(|error| {
                format!("no thread for the clients ({error}); end something else first")
            })?);
        }
        stage.reset();
        Ok(stage)
    }

    /// Sets both counters to 0 and forgets the run. Precondition: no client is in the middle of a
    /// draw, because it would later store an index of the old run.
    fn reset(&self) {
        let clients = self.scene.case.drawers.len();
        self.scene.counter.store(0, Ordering::SeqCst);
        lock(&self.scene.locked).set(0);
        *lock(&self.scene.run) = Run { events: Vec::new(), received: vec![Vec::new(); clients] };
    }

    /// Does one step for each entry of `schedule`, and waits for the last one. A client with no
    /// step left would start its request again; [`Schedules::complete`] refuses that.
    ///
    /// # Errors
    /// Fails with one line after 60 s. A client may then be within a draw: drop the stage. The
    /// other reason of [`Stuck`](crate::numbers::parking::Stuck), a second plan at the same time,
    /// does not come here: each stage has one user.
    pub fn go_on(&self, schedule: &[u8]) -> Result<(), String> {
        let plan = schedule.iter().map(|&client| ClientNumber::from(client));
        let why = "a step did not end within a minute; the machine is overwhelmed, try again";
        self.scene.parking.carry_out(plan, PLAN_LIMIT).map_err(|_| why.into())
    }

    /// Returns a copy of the run: of all steps since the stage was made. After [`Stage::run`],
    /// which takes the run away, it is of no use.
    pub fn so_far(&self) -> Run {
        lock(&self.scene.run).clone()
    }

    /// Runs a complete schedule from the beginning.
    ///
    /// # Errors
    /// Fails as [`Stage::go_on`] does.
    pub fn run(&self, schedule: &[u8]) -> Result<Run, String> {
        self.reset();
        self.go_on(schedule)?;
        Ok(std::mem::take(&mut *lock(&self.scene.run)))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // A thread that `open` wakes ends its draw, sees that the parking is open, and ends.
        self.scene.parking.open();
        for thread in self.threads.drain(..) {
            // An error means that the thread panicked, and it has printed its message.
            let _ = thread.join();
        }
    }
}

impl Scene {
    /// Runs a client's thread: one draw for each schedule, so a schedule needs no new thread.
    fn draw_again_and_again(&self, client: usize, count: u64) {
        while !self.parking.is_open() {
            let received: Vec<u32> = self.draw(client as u8, count).numbers().collect();
            // The numbers are stored before the thread parks again: `carry_out` waits for that.
            // There is no slot if `new` failed before its `reset`, or after `Stage::run` has taken
            // the run.
            if let Some(slot) = lock(&self.run).received.get_mut(client) {
                *slot = received;
            }
        }
    }

    /// Draws once for a client, with the server's own `gather` and `take`.
    fn draw(&self, client: u8, count: u64) -> Taken<'_> {
        let counter = Stepped { scene: self, client, loaded: Cell::new(0) };
        let unlocked = || take(&counter, 1, self.list.len());
        let locked = |count| counter.take_locked(count);
        gather(&self.list, self.case.locking, count, locked, unlocked)
    }
}

/// The steps of one client's thread. Without the lock it is the counter of `take`; with the lock,
/// `take_locked` uses the counter behind the lock.
struct Stepped<'a> {
    scene: &'a Scene,
    client: u8,
    /// The index that was loaded last: a read or a store is recorded with it.
    loaded: Cell<u32>,
}

impl Stepped<'_> {
    fn park(&self, before: Step) {
        self.scene.parking.park(ClientNumber::from(self.client), before);
    }

    /// Records a step. The thread calls this before it parks again, so events are in the order of
    /// the steps.
    fn record_step(&self, step: Step, loaded: u32, stored: u32) {
        lock(&self.scene.run).events.push(Event { client: self.client, step, loaded, stored });
    }

    /// Takes under the lock, as one step. The thread parks before it locks. If it parked later, it
    /// would keep the lock, and the next client would wait for it.
    fn take_locked(&self, count: u64) -> Range<u32> {
        self.park(Step::Take);
        let taken = take(&*lock(&self.scene.locked), count, self.scene.list.len());
        self.record_step(Step::Take, taken.start, taken.end);
        taken
    }
}

impl Counter for Stepped<'_> {
    fn load(&self) -> u32 {
        self.park(Step::Load);
        let index = self.scene.counter.load(Ordering::SeqCst);
        self.loaded.set(index);
        self.record_step(Step::Load, index, index);
        index
    }

    fn store(&self, index: u32) {
        let loaded = self.loaded.get();
        // `take` itself does not read the list, so this step stands for the read of the number.
        if self.scene.case.reads {
            self.park(Step::Read);
            self.record_step(Step::Read, loaded, loaded);
        }
        self.park(Step::Store);
        // Only one thread does a step at a time, so this load and the store below are one step.
        let index = match self.scene.case.increments {
            true => self.scene.counter.load(Ordering::SeqCst) + 1,
            false => index,
        };
        self.scene.counter.store(index, Ordering::SeqCst);
        self.record_step(Step::Store, loaded, index);
    }
}

#[cfg(test)]
#[path = "explorer_tests.rs"]
mod tests;
