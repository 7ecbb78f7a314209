//! Whom to ask for memory: figure 5's boxes 506 and 508.
//!
//! ```text
//!   506  a request waits ──► each pool that could answer it, until enough is coming
//!        a pool is low   ──► up to its low-water mark
//!   508  who owes that pool, has reported garbage, and has the best score ──► collect SIZE LEVEL MS
//!                            has not reported for 10 s                    ──► status
//! ```
//!
//! What a process returns repays its debts in figure 12's order. So one is asked for as much
//! as reaches the pool in need: what it owes the pools before that one, and then some.
//!
//! **Invariants** who did not obey the last time, and who has not reported lately, is asked and
//! not relied on: others are asked too. A process has one signal to collect at a time, and until its time is over
//! what was asked for is counted as coming; a more pressing one takes its place.
//!
//! **Lock** the tables. It goes through all processes once for each pool in need: the reaper's
//! thread does it, soon after an allocation and now and then, and not each request.
//!
//! **Source** `cooperative-memory-management.txt`, figure 5: the level of the pool, the
//! freeable memory, and the effect on the process.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use crate::common::marks::mark;
use crate::cooperative::decision::looked_at;
use crate::cooperative::manager::waiting::WaitingRequest;
use crate::cooperative::manager::{Manager, Processes};
use crate::cooperative::process::{Due, Process, ProcessNumber};
use crate::cooperative::repayment::ORDER;
use crate::cooperative::words::{Level, Pool, Reason, Signal};
use crate::memory::buddy::Buddy;
use crate::memory::lease::LOOK_SOON;

/// How long a report is believed.
const FRESH: Duration = Duration::from_secs(10);

/// How often the pools are looked at, when nothing happens.
const EVERY: Duration = Duration::from_secs(1);

/// How an efficiency counts that was never reported, in percent.
const UNKNOWN_EFFICIENCY: u64 = 50;

/// By what those who are asked are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CollectBy {
    /// By the garbage that they reported.
    Freeable,
    /// By the garbage that a collection would find for its effort: freeable times efficiency.
    /// Who waits for memory is passed over.
    Effect,
}

/// How long a process has to obey.
fn within(level: Level) -> Duration {
    match level {
        Level::Low => Duration::from_millis(2000),
        Level::Wanted => Duration::from_millis(1000),
        Level::Urgent => Duration::from_millis(500),
    }
}

/// What to ask for.
struct Need {
    pool: Pool,
    bytes: u64,
    level: Level,
}

/// What a request that waits lacks.
struct Lack {
    level: Level,
    size: u64,
    /// Pools that would answer it with more in them, the first ones first.
    pools: Vec<Pool>,
}

impl<H: Clone, W: Clone> Manager<'_, H, W> {
    /// After an allocation from a pool: asks soon, if that is low now.
    pub(super) fn look_after(&mut self, pool: Pool, now: Instant) {
        let is_low = self.missing(pool) > 0;
        self.collect_by(now + if is_low { LOOK_SOON } else { EVERY });
    }

    pub(super) fn collect_soon(&mut self, now: Instant) {
        let needed = !self.processes.queue.is_empty()
            || Pool::ALL.into_iter().any(|pool| self.missing(pool) > 0);
        self.collect_by(now + if needed { LOOK_SOON } else { EVERY });
    }

    fn collect_by(&mut self, at: Instant) {
        if !self.processes.all.is_empty() {
            self.leases.look_by(at);
        }
    }

    /// How far a pool is below its mark, in bytes.
    pub(super) fn missing(&self, pool: Pool) -> u64 {
        self.processes.low_water[pool].saturating_sub(self.free()[pool])
    }

    /// Looks at the pools, if it is time to, and asks whom it chooses for memory. Answers
    /// whether it was time.
    pub fn collect(&mut self, now: Instant) -> bool {
        if !self.leases.take_look(now) {
            return false;
        }
        self.collect_by(now + EVERY);
        mark!(boxes 506);
        self.processes.forget_dues(now);
        self.ask_for_those_who_wait(now);
        for pool in ORDER {
            let bytes = self.missing(pool);
            if bytes > 0 {
                self.processes.ask_for(&Need { pool, bytes, level: Level::Low }, now);
            }
        }
        true
    }

    /// Each request looks to the first of its pools; those whose pool nobody can refill look
    /// to their next. So many pools and turns are asked for, however many requests wait.
    fn ask_for_those_who_wait(&mut self, now: Instant) {
        let mut lacks = self.lacks();
        for turn in 0..Pool::ALL.len() {
            for pool in ORDER {
                let here = |lack: &Lack| lack.pools.get(turn) == Some(&pool);
                let Some(level) = lacks.iter().filter(|lack| here(lack)).map(|l| l.level).max()
                else {
                    continue;
                };
                let sizes = lacks.iter().filter(|lack| here(lack)).map(|lack| lack.size);
                let wanted = sizes.fold(0, u64::saturating_add);
                let bytes = match wanted.saturating_sub(self.free()[pool]) {
                    // It has the bytes, in pieces: as much again may come in one.
                    0 => wanted,
                    bytes => bytes,
                };
                if self.processes.ask_for(&Need { pool, bytes, level }, now) {
                    lacks.retain(|lack| !here(lack));
                }
            }
        }
    }

    fn lacks(&self) -> Vec<Lack> {
        let cap = self.processes.pools.cap();
        let lack = |waiting: &WaitingRequest| {
            let urgent = waiting.wanted.reason >= Reason::Pause;
            let level = if urgent { Level::Urgent } else { Level::Wanted };
            let size = Buddy::rounded(waiting.wanted.size).unwrap_or(u64::MAX);
            let process = self.processes.all.get(&waiting.process);
            let owed = |pool: Pool| process.map_or(0, |process| process.owed[pool]);
            let has_room = |pool: &Pool| size <= cap[*pool].saturating_sub(owed(*pool));
            Lack { level, size, pools: looked_at(&waiting.path).filter(has_room).collect() }
        };
        self.processes.queue.iter().map(lack).collect()
    }
}

impl<W: Clone> Processes<W> {
    /// Notes which processes did not collect in time: they are deaf, and owe no answer any more.
    fn forget_dues(&mut self, now: Instant) {
        for process in self.all.values_mut() {
            if process.due.is_some_and(|due| due.until <= now) {
                process.due = None;
                process.is_deaf = true;
            }
        }
    }

    /// Box 508 for a process that has reported less than what secures its loans. Nothing is
    /// relied on, so nothing is due.
    pub(super) fn ask_to_secure(&mut self, number: ProcessNumber, missing: u64) {
        let Some(process) = self.all.get_mut(&number) else { return };
        let (level, within) = (Level::Low, within(Level::Low));
        let within_ms = within.as_millis() as u64;
        process.signal(Signal::Collect { size: missing, level, within_ms });
        self.wake(number);
        mark!(boxes 506);
        mark!(boxes 508);
    }

    /// Box 508. Answers whether so much is coming from those who have obeyed so far: others
    /// are asked too, and not relied on.
    fn ask_for(&mut self, need: &Need, now: Instant) -> bool {
        let coming = self.all.values().filter(|process| !process.is_deaf);
        let coming = coming.filter_map(|process| process.due);
        let coming = coming.filter(|due| due.pool == need.pool && due.level >= need.level);
        let coming: u64 = coming.map(|due| due.gain).sum();
        let mut missing = need.bytes.saturating_sub(coming);
        if missing == 0 {
            return true;
        }
        for number in self.candidates(need, now) {
            if missing == 0 {
                break;
            }
            let Some(process) = self.all.get_mut(&number) else { continue };
            let is_fresh = is_fresh(process.reported, now);
            if is_fresh {
                let (size, gain) = worth(process, need.pool, missing);
                missing -= if process.is_deaf { 0 } else { gain };
                order(process, need, size, gain, now);
            } else {
                process.status_asked = Some(now);
                process.signal(Signal::Status);
            }
            let name = process.name.clone();
            self.wake(number);
            mark!(boxes 508);
            let (pool, what) = (need.pool.word(), if is_fresh { "collect" } else { "report" });
            self.write(|| format!("{name} is asked to {what} for {pool}"));
        }
        missing == 0
    }

    /// Who could refill the pool, the best first; also who has not reported lately, and was
    /// not asked to either.
    fn candidates(&self, need: &Need, now: Instant) -> Vec<ProcessNumber> {
        let by_effect = self.rules.collect_by == CollectBy::Effect;
        let can = |(_, process): &(&ProcessNumber, &Process<W>)| {
            let is_free = process.due.is_none_or(|due| due.level < need.level);
            let may_have = if is_fresh(process.reported, now) {
                worth(process, need.pool, u64::MAX).1 > 0
            } else {
                process.returnable(need.pool) > 0 && !is_fresh(process.status_asked, now)
            };
            !process.is_gone && is_free && may_have && !(by_effect && process.waiting > 0)
        };
        let mut candidates: Vec<_> = self.all.iter().filter(can).collect();
        candidates.sort_by_key(|(number, process)| {
            let effort = process.efficiency.map_or(UNKNOWN_EFFICIENCY, u64::from);
            let score =
                if by_effect { u128::from(effort) } else { 1 } * u128::from(process.freeable);
            (process.is_deaf, Reverse(score), **number)
        });
        candidates.into_iter().map(|(&number, _)| number).collect()
    }
}

/// Whether that was at most [`FRESH`] ago.
fn is_fresh(at: Option<Instant>, now: Instant) -> bool {
    at.is_some_and(|at| now.saturating_duration_since(at) <= FRESH)
}

/// How much a process would have to return so that a pool gets up to `missing` bytes of it,
/// and how many it then gets.
fn worth<W>(process: &Process<W>, pool: Pool, missing: u64) -> (u64, u64) {
    let before = ORDER.into_iter().take_while(|&earlier| earlier != pool);
    let before = before.fold(0, |sum, earlier| sum + process.owed[earlier]);
    let gain = process.freeable.saturating_sub(before).min(process.returnable(pool)).min(missing);
    (before + gain, gain)
}

fn order<W>(process: &mut Process<W>, need: &Need, size: u64, gain: u64, now: Instant) {
    let (level, within) = (need.level, within(need.level));
    process.due = Some(Due { pool: need.pool, gain, left: size, level, until: now + within });
    process.asked += 1;
    process.signal(Signal::Collect { size, level, within_ms: within.as_millis() as u64 });
}
