//! The race, exhaustively: the server's own draw under every schedule.
//!
//! ```text
//!   schedule   A A B A …                   decided beforehand
//!                │
//!   Parking ─────┴── lets one thread do one step
//!      ▲
//!   thread A ── Numbers::draw ─ take ─ Stepped: load ┤ (read ┤) store ┤
//!   thread B ── Numbers::draw ─ take ─ Stepped: load ┤ (read ┤) store ┤
//! ```
//!
//! Nothing of the draw is built a second time: [`take`] and what calls it are the
//! server's, and only the counter that they load and store is ours. It parks before
//! each step until the schedule names its client.
//!
//! With the lock, all that happens under it is one step: that a mutex keeps the others
//! out is taken from std, not proven here (`tests/loom_draw.rs` has a thread stopped within
//! it). What is shown is that nothing goes wrong where each take is whole. Reading the
//! list as a step of its own touches nothing that is shared: the list never changes.
//!
//! The threads live as long as the stage: one that has drawn begins anew and parks
//! before its first step, so that the next schedule costs only its switches.
//!
//! **Invariants** one thread runs at a time; a schedule always has the same result.
//!
//! **Lock** the trace's, by whoever runs; the draw's, where the case has one.
//!
//! **Simplified** every load and store is seen by all at once and in order, which
//! weaker machines do not promise; `tests/loom_draw.rs` is the check for those.
//!
//! **Source** `loot-box.txt`, the scenario: A draws 4, B draws 2.

use std::cell::Cell;
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crate::common::caller::ClientNumber;
use crate::common::lock::lock;
use crate::lab::schedule::Schedules;
use crate::numbers::draw::{Counter, Locking, gather, take};
use crate::numbers::list::{NumberList, Taken};
use crate::numbers::parking::Step;
use crate::numbers::parking::{Parking, Stuck};

/// How long a whole schedule may take: far more than it does, so that a mistake in here
/// ends with an error.
const PATIENCE: Duration = Duration::from_secs(60);

/// A thread's stack in bytes; it calls some ten functions deep.
const STACK: usize = 128 * 1024;

/// The homework's list.
const HOMEWORK: [u32; 6] = [5, 19, 228, 665, 7, 11];

/// One that draws.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawer {
    /// A letter.
    pub name: char,
    /// How many numbers it draws with one request.
    pub count: u64,
}

/// What is explored.
#[derive(Debug, Clone)]
pub struct Case {
    /// The clients.
    pub drawers: Vec<Drawer>,
    /// The work that the lock is held for.
    pub locking: Locking,
    /// Without the lock: reading the list is a step of its own.
    pub reads: bool,
}

impl Case {
    /// The schedules of its steps.
    pub fn schedules(&self) -> Schedules {
        let steps = |drawer: &Drawer| match self.locking {
            Locking::Request => 1,
            Locking::Number => drawer.count as usize,
            Locking::None => drawer.count as usize * if self.reads { 3 } else { 2 },
        };
        Schedules::new(self.drawers.iter().map(steps).collect())
    }

    /// The homework's list, and as many numbers more as all clients together draw.
    pub fn list(&self) -> Vec<u32> {
        let wanted = self.drawers.iter().map(|drawer| drawer.count as usize).sum::<usize>();
        let more = (1..).filter(|number| !HOMEWORK.contains(number));
        HOMEWORK.into_iter().chain(more).take(wanted.max(HOMEWORK.len())).collect()
    }
}

/// One step that was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// Which client, as an index of the case's.
    pub client: u8,
    /// What it did.
    pub step: Step,
    /// The index that was loaded; of a take under the lock, the first one.
    pub first: u32,
    /// What was stored; of a load or read, the index itself.
    pub end: u32,
}

/// What one schedule led to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Run {
    /// Every step, in order.
    pub events: Vec<Event>,
    /// The numbers that each client received.
    pub received: Vec<Vec<u32>>,
}

impl Run {
    /// How many numbers came once too often.
    pub fn duplicates(&self) -> usize {
        let all = || self.received.iter().flatten();
        all().count() - all().collect::<HashSet<_>>().len()
    }
}

/// The threads of a case, parked before their first steps.
#[derive(Debug)]
pub struct Stage {
    scene: Arc<Scene>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Scene {
    case: Case,
    list: NumberList,
    parking: Parking,
    counter: AtomicU32,
    lock: Mutex<()>,
    run: Mutex<Run>,
    closing: AtomicBool,
}

impl Stage {
    /// Makes the threads.
    ///
    /// # Errors
    /// When the system has none to give.
    pub fn new(case: Case) -> io::Result<Self> {
        let scene = Arc::new(Scene {
            list: NumberList::new(case.list()),
            case,
            parking: Parking::default(),
            counter: AtomicU32::new(0),
            lock: Mutex::new(()),
            run: Mutex::default(),
            closing: AtomicBool::new(false),
        });
        let mut stage = Self { scene: scene.clone(), threads: Vec::new() };
        for (client, drawer) in scene.case.drawers.iter().enumerate() {
            let builder = Builder::new().name(format!("draw-{}", drawer.name)).stack_size(STACK);
            let (own, count) = (scene.clone(), drawer.count);
            stage.threads.push(builder.spawn(move || own.draw_again_and_again(client, count))?);
        }
        Ok(stage)
    }

    /// Begins anew: the counter at 0, nothing received.
    pub fn reset(&self) {
        let clients = self.scene.case.drawers.len();
        self.scene.counter.store(0, Ordering::SeqCst);
        *lock(&self.scene.run) = Run { events: Vec::new(), received: vec![Vec::new(); clients] };
    }

    /// Lets the clients of `schedule` do a step each.
    ///
    /// # Errors
    /// [`Stuck::Late`], which would be a mistake in here. A client that has no step left
    /// would begin its draw anew: [`Schedules::complete`] tells whether one has.
    pub fn go_on(&self, schedule: &[u8]) -> Result<(), Stuck> {
        let plan = schedule.iter().map(|&client| ClientNumber::from(client));
        self.scene.parking.carry_out(plan, PATIENCE)
    }

    /// What has happened since the reset.
    pub fn so_far(&self) -> Run {
        lock(&self.scene.run).clone()
    }

    /// Runs a whole schedule from the beginning.
    ///
    /// # Errors
    /// As [`Stage::go_on`].
    pub fn run(&self, schedule: &[u8]) -> Result<Run, Stuck> {
        self.reset();
        self.go_on(schedule)?;
        Ok(std::mem::take(&mut *lock(&self.scene.run)))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.scene.closing.store(true, Ordering::SeqCst);
        self.scene.parking.open();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Scene {
    fn draw_again_and_again(&self, client: usize, count: u64) {
        while !self.closing.load(Ordering::SeqCst) {
            let received: Vec<u32> = self.draw(client as u8, count).numbers().collect();
            if let Some(slot) = lock(&self.run).received.get_mut(client) {
                *slot = received;
            }
        }
    }

    fn draw(&self, client: u8, count: u64) -> Taken<'_> {
        let parking = self.case.locking == Locking::None;
        let counter = Stepped { scene: self, client, parking, loaded: Cell::new(0) };
        let unlocked = || take(&counter, 1, self.list.len());
        let locked = |count| counter.take_locked(count);
        gather(&self.list, self.case.locking, count, locked, unlocked)
    }
}

/// The counter as one client's thread reaches it.
struct Stepped<'a> {
    scene: &'a Scene,
    client: u8,
    /// Parks before each step; not under the lock.
    parking: bool,
    loaded: Cell<u32>,
}

impl Stepped<'_> {
    fn park(&self, before: Step) {
        self.scene.parking.park(ClientNumber::from(self.client), before);
    }

    fn did(&self, step: Step, first: u32, end: u32) {
        lock(&self.scene.run).events.push(Event { client: self.client, step, first, end });
    }

    fn take_locked(&self, count: u64) -> Range<u32> {
        self.park(Step::Take);
        let locked = lock(&self.scene.lock);
        let taken = take(self, count, self.scene.list.len());
        drop(locked);
        self.did(Step::Take, taken.start, taken.end);
        taken
    }
}

impl Counter for Stepped<'_> {
    fn load(&self) -> u32 {
        if self.parking {
            self.park(Step::Load);
        }
        let index = self.scene.counter.load(Ordering::SeqCst);
        self.loaded.set(index);
        if self.parking {
            self.did(Step::Load, index, index);
        }
        index
    }

    fn store(&self, index: u32) {
        let loaded = self.loaded.get();
        if self.parking && self.scene.case.reads {
            self.park(Step::Read);
            self.did(Step::Read, loaded, loaded);
        }
        if self.parking {
            self.park(Step::Store);
        }
        self.scene.counter.store(index, Ordering::SeqCst);
        if self.parking {
            self.did(Step::Store, loaded, index);
        }
    }
}

/// How far to search.
#[derive(Debug, Clone, Copy)]
pub struct Bound {
    /// Only schedules with at most so many preemptions.
    pub preemptions: Option<usize>,
    /// At most so many schedules.
    pub schedules: u64,
}

/// What a search found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// Schedules tried.
    pub tried: u64,
    /// How many there are; `None` when that is over 128 bits.
    pub count: Option<u128>,
    /// Schedules with a duplicate.
    pub racy: u64,
    /// Distinct outcomes: the list that each client received.
    pub outcomes: usize,
    /// The most duplicates of a schedule.
    pub most_duplicates: usize,
    /// The schedule with a duplicate that has the fewest preemptions, and of those the
    /// fewest duplicates.
    pub smallest: Option<Smallest>,
}

/// The smallest counterexample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smallest {
    /// Who does each step.
    pub schedule: Vec<u8>,
    /// Switches away from a client that had steps left.
    pub preemptions: usize,
    /// Numbers that came once too often.
    pub duplicates: usize,
}

/// Runs the case under every schedule within the bound; tells `progress` how many.
///
/// # Errors
/// [`Stuck`], which would be a mistake in here.
pub fn explore(
    case: &Case,
    stage: &Stage,
    bound: Bound,
    mut progress: impl FnMut(u64),
) -> Result<Findings, Stuck> {
    let schedules = case.schedules();
    let mut findings = Findings { count: schedules.count(), ..Findings::default() };
    let fingerprint = RandomState::new();
    let mut outcomes: HashSet<(u64, u64)> = HashSet::new();
    let mut stuck = None;
    let most = bound.preemptions.unwrap_or(usize::MAX).min(schedules.length());
    for preemptions in 0..=most {
        let ended = schedules.visit(preemptions, &mut |schedule| {
            if findings.tried >= bound.schedules {
                return ControlFlow::Break(());
            }
            match stage.run(schedule) {
                Ok(run) => {
                    findings.add(schedule, preemptions, run.duplicates());
                    // Two times 64 bits: a million outcomes do not fit as they are.
                    let half = |salt: u64| fingerprint.hash_one((salt, &run.received));
                    outcomes.insert((half(0), half(1)));
                }
                Err(error) => {
                    stuck = Some(error);
                    return ControlFlow::Break(());
                }
            }
            progress(findings.tried);
            ControlFlow::Continue(())
        });
        // When all were seen, the rest of the preemptions need no looking for.
        if ended.is_break() || findings.count == Some(u128::from(findings.tried)) {
            break;
        }
    }
    findings.outcomes = outcomes.len();
    stuck.map_or(Ok(findings), Err)
}

impl Findings {
    fn add(&mut self, schedule: &[u8], preemptions: usize, duplicates: usize) {
        self.tried += 1;
        if duplicates == 0 {
            return;
        }
        self.racy += 1;
        self.most_duplicates = self.most_duplicates.max(duplicates);
        let size = |smallest: &Smallest| (smallest.preemptions, smallest.duplicates);
        if self.smallest.as_ref().is_none_or(|known| size(known) > (preemptions, duplicates)) {
            self.smallest = Some(Smallest { schedule: schedule.to_vec(), preemptions, duplicates });
        }
    }
}

#[cfg(test)]
#[path = "explorer_tests.rs"]
mod tests;
