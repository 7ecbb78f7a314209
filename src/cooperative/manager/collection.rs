//! The choice of the processes to ask for memory: figure 5's boxes 506 and 508.
//!
//! ```text
//!   506  a request waits ──► each pool that could answer it, until enough is coming
//!        a pool is low   ──► up to its low-water mark
//!        --collect-every ──► all that is owed, whatever is free
//!   508  a process that owes that pool, and has reported garbage, best score first
//!                                                   ──► collect SIZE LEVEL MS
//!        a process that owes it, and has not reported for 10 s ──► status
//! ```
//!
//! The numbers 506 and 508 are boxes, steps of the source's figure 5. *Efficiency* is the share of
//! the examined bytes that a process's last collection freed; [`crate::cooperative`] has the other
//! words.
//!
//! Returned memory repays debts in figure 12's order. The manager asks a process for the bytes that
//! the process owes the earlier pools of that order, and in addition for the bytes that the pool in
//! need lacks. Fewer would not reach this pool. For example, a process with 250 freeable bytes owes
//! 100 to LP and 300 to LE, and LE lacks 120:
//!
//! ```text
//!   │ 100 repay LP │ 120 repay LE │ 30 left │     asked for 220, of which the gain is 120
//! ```
//!
//! The *gain* is the part of the asked bytes that refills the pool in need. The process has a
//! limited time to obey. Until this time is over, the gain counts as *coming*, so that no second
//! process collects for the same bytes. A process that has returned too little by then is *deaf*
//! until it obeys a later signal. The signal is *due* from the time when it is sent until the
//! process has obeyed or is found deaf.
//!
//! **Invariants**
//!
//! 1. The manager asks a deaf process, or one without a fresh report, but does not rely on it: it
//!    asks others for the same bytes. Otherwise one process that never answers would keep all
//!    requests waiting.
//! 2. A process has at most one due signal. Only a more pressing one replaces it.
//!
//! **Lock** the tables. **Cost** For each pool in need a look goes through all processes and sorts
//! the candidates: 41 us for four low pools and 1,000 processes. So no client's thread does this
//! for its request. The reaper's thread, which also ends expired leases, does it, at most every
//! 10 ms; requests wait for the lock meanwhile.
//!
//! **Simplified** Sizes are counted and places are not: the returned blocks may lie apart.
//!
//! **Source** `cooperative-memory-management.txt`, figure 5: the level of the pool, the freeable
//! memory, and the effect on the process.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use crate::common::marks::mark;
use crate::cooperative::decision::looked_at;
use crate::cooperative::manager::waiting::WaitingRequest;
use crate::cooperative::manager::{Manager, Processes};
use crate::cooperative::process::{Due, Process, ProcessNumber};
use crate::cooperative::repayment::ORDER;
use crate::cooperative::words::{Level, Pool, Reason, Signal};
use crate::memory::lease::LOOK_SOON;

/// The age up to which a report is believed; also the least time between two signals to report.
const FRESH: Duration = Duration::from_secs(10);

/// The longest time between two looks at the pools: without any request a report may grow old, and
/// the time to obey a signal may end.
const EVERY: Duration = Duration::from_secs(1);

/// The order in which processes are asked for memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CollectBy {
    /// The process with the most freeable bytes first.
    Freeable,
    /// The process with the largest product of freeable bytes and efficiency first, so a process
    /// that finds much garbage for little work may come before one with more garbage. A process
    /// that waits for memory itself is left out.
    Effect,
}

/// Returns the milliseconds that a process has to obey a signal of that level. They are fewer when
/// a request waits, so that the manager finds a deaf process sooner and asks another one.
fn within_ms(level: Level) -> u64 {
    match level {
        Level::Low => 2000,
        Level::Wanted => 1000,
        Level::Urgent => 500,
    }
}

/// A pool that needs bytes, and how pressing the need is.
struct Need {
    pool: Pool,
    bytes: u64,
    level: Level,
}

/// The bytes that a waiting request lacks, and the pools that could give them.
struct Lack {
    level: Level,
    /// The bytes of the block that the request needs.
    size: u64,
    /// The pools that the decision looked at and whose caps allow the block, in the order of the
    /// decision.
    pools: Vec<Pool>,
}

impl<W: Clone> Manager<'_, W> {
    /// Plans the next look after an allocation from `pool`: soon when that pool is low now.
    pub(super) fn plan_look_after_allocation(&mut self, pool: Pool, now: Instant) {
        let is_low = self.missing(pool) > 0;
        self.plan_look(now + if is_low { LOOK_SOON } else { EVERY });
    }

    /// Plans the next look: soon when a request waits or a pool is low. `LOOK_SOON` is 10 ms, so
    /// that one look serves all that happens in that time.
    pub(super) fn collect_soon(&mut self, now: Instant) {
        let needed = !self.processes.queue.waiting.is_empty()
            || Pool::ALL.into_iter().any(|pool| self.missing(pool) > 0);
        self.plan_look(now + if needed { LOOK_SOON } else { EVERY });
    }

    /// Plans a look at `at`, if no earlier one is planned. Without processes there is nothing to
    /// ask.
    fn plan_look(&mut self, at: Instant) {
        if !self.processes.all.is_empty() {
            self.leases.plan_look_by(at);
        }
    }

    /// Returns the bytes by which a pool is below its low-water mark.
    pub(super) fn missing(&self, pool: Pool) -> u64 {
        self.processes.low_water[pool].saturating_sub(self.free()[pool])
    }

    /// Looks at the pools if the planned time has come, and asks processes for memory. Returns
    /// whether the time had come.
    pub fn collect(&mut self, now: Instant) -> bool {
        if !self.leases.take_due_look(now) {
            return false;
        }
        // While there are processes, a look comes about once a second. An earlier one is planned
        // for an allocation that leaves a pool low, for a report while a pool is low or a request
        // waits, for a new ticket, and for the end of the interval of `collect_every`.
        self.plan_look(now + EVERY);
        mark!(boxes 506);
        self.processes.forget_dues(now);
        // The requests come before the low pools: their signals are more pressing. In the other
        // order they would replace signals that were sent just before.
        self.ask_for_those_who_wait(now);
        for pool in ORDER {
            let bytes = self.missing(pool);
            if bytes > 0 {
                self.processes.ask_processes_for(&Need { pool, bytes, level: Level::Low }, now);
            }
        }
        if self.is_time_to_ask_all(now) {
            // The last pool of the order comes first. The bytes that a process returns for it repay
            // the debts to the earlier pools too, so a process gets one signal for all.
            for pool in ORDER.into_iter().rev() {
                let bytes = self.processes.all.values().map(|one| one.returnable(pool)).sum();
                self.processes.ask_processes_for(&Need { pool, bytes, level: Level::Low }, now);
            }
        }
        true
    }

    /// Returns whether the interval `collect_every` is over, and plans the look at the end of the
    /// present or next interval. The first look starts the first interval.
    fn is_time_to_ask_all(&mut self, now: Instant) -> bool {
        let Some(every) = self.processes.rules.collect_every else { return false };
        let asked = *self.processes.asked_all.get_or_insert(now);
        let is_time = now.saturating_duration_since(asked) >= every;
        if is_time {
            self.processes.asked_all = Some(now);
        }
        self.plan_look(if is_time { now } else { asked } + every);
        is_time
    }

    /// Asks for the memory that requests in the queue lack. In the first turn of the loop each
    /// request counts for the first of its pools. If processes that are not deaf cannot return
    /// enough bytes for that pool, the request counts for its next pool in the next turn. The lacks
    /// of one pool are added up, so there are at most 25 calls of `ask_processes_for`, five turns
    /// for five pools, however many requests wait.
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
                // The sum saturates: clients choose the sizes, and any number of requests may wait.
                let wanted = sizes.fold(0, u64::saturating_add);
                let bytes = match wanted.saturating_sub(self.free()[pool]) {
                    // The pool has enough bytes, but the arena has no free block of that size. If
                    // as many bytes more come back, they may make one.
                    0 => wanted,
                    bytes => bytes,
                };
                if self.processes.ask_processes_for(&Need { pool, bytes, level }, now) {
                    lacks.retain(|lack| !here(lack));
                }
            }
        }
    }

    /// Returns the lack of each request in the queue.
    fn lacks(&self) -> Vec<Lack> {
        let cap = self.processes.pools.cap();
        let lack = |waiting: &WaitingRequest| {
            let urgent = waiting.wanted.reason >= Reason::Pause;
            let level = if urgent { Level::Urgent } else { Level::Wanted };
            let size = waiting.wanted.block();
            // A pool gives no block that would take the process over its cap, however much is free.
            let room = self.processes.all.get(&waiting.process)?.room(cap);
            let pools = looked_at(&waiting.path).filter(|&pool| size <= room[pool]).collect();
            Some(Lack { level, size, pools })
        };
        self.processes.queue.waiting.values().filter_map(lack).collect()
    }
}

impl<W: Clone> Processes<W> {
    /// Marks each process that did not obey in time as deaf, and forgets its due signal, so that
    /// the gain no longer counts as coming.
    fn forget_dues(&mut self, now: Instant) {
        for process in self.all.values_mut() {
            if process.due.is_some_and(|due| due.until <= now) {
                process.due = None;
                process.is_deaf = true;
            }
        }
    }

    /// Box 508: asks a process to return `missing` bytes, because its loans are secured by so many
    /// bytes more than it reports as garbage. No pool lacks these bytes, so the signal is not
    /// recorded as due, and the process cannot become deaf by it.
    pub(super) fn ask_to_secure(&mut self, number: ProcessNumber, missing: u64) {
        let Some(process) = self.all.get_mut(&number) else { return };
        let (level, within_ms) = (Level::Low, within_ms(Level::Low));
        process.signal(Signal::Collect { size: missing, level, within_ms });
        self.wake(number);
        mark!(boxes 506, 508);
    }

    /// Box 508: asks processes, the best candidate first, until the bytes that the pool needs are
    /// coming. Returns whether processes that are not deaf will return enough.
    fn ask_processes_for(&mut self, need: &Need, now: Instant) -> bool {
        let coming = self.all.values().filter(|process| !process.is_deaf);
        // A less pressing signal for this pool does not count: the loop below may replace it.
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
                let (size, gain) = size_and_gain(process, need.pool, missing);
                // A deaf process is asked too, but its gain does not count: the next process is
                // asked for the same bytes.
                missing -= if process.is_deaf { 0 } else { gain };
                send_collect(process, need, size, gain, now);
            } else {
                // Without a fresh report the garbage of the process is unknown. Its next report
                // plans a look, and that look can ask the process to collect.
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

    /// Returns the processes that could refill the pool, the best first. A process without a fresh
    /// report is among them if it owes the pool, unless it was asked for a report in the last 10 s.
    fn candidates(&self, need: &Need, now: Instant) -> Vec<ProcessNumber> {
        let by_effect = self.rules.collect_by == CollectBy::Effect;
        let can = |process: &Process<W>| {
            // A process with a due signal of this level or a higher one is not asked again.
            let is_free = process.due.is_none_or(|due| due.level < need.level);
            let may_have = if is_fresh(process.reported, now) {
                // `u64::MAX` sets no limit to the gain: any byte for the pool is enough here.
                size_and_gain(process, need.pool, u64::MAX).1 > 0
            } else {
                process.returnable(need.pool) > 0 && !is_fresh(process.status_asked, now)
            };
            !process.has_ended && is_free && may_have && !(by_effect && process.waiting > 0)
        };
        let mut candidates: Vec<_> = self.all.iter().filter(|(_, process)| can(process)).collect();
        candidates.sort_by_key(|(number, process)| {
            // With the share 1 the freeable bytes alone decide. The product needs 128 bits: a share
            // is up to 100.
            let share = if by_effect { process.presumed_efficiency() } else { 1 };
            let score = u128::from(share) * u128::from(process.freeable);
            // Deaf processes come last. The number makes the order the same in every run.
            (process.is_deaf, Reverse(score), **number)
        });
        candidates.into_iter().map(|(&number, _)| number).collect()
    }
}

/// Returns whether a time is at most [`FRESH`] ago.
fn is_fresh(at: Option<Instant>, now: Instant) -> bool {
    at.is_some_and(|at| now.saturating_duration_since(at) <= FRESH)
}

/// Returns two numbers of bytes: those that a process has to return so that a pool gets up to
/// `missing` bytes, and those that the pool then gets. The first is larger if the process owes
/// pools that come before this pool in figure 12, because those debts are repaid first.
fn size_and_gain<W>(process: &Process<W>, pool: Pool, missing: u64) -> (u64, u64) {
    let before = ORDER.into_iter().take_while(|&earlier| earlier != pool);
    let before = before.fold(0, |sum, earlier| sum + process.owed[earlier]);
    let gain = process.freeable.saturating_sub(before).min(process.returnable(pool)).min(missing);
    (before + gain, gain)
}

/// Sends a signal to collect `size` bytes, and records it in `due`. `gain` is the part of `size`
/// that will refill the pool in need.
fn send_collect<W>(process: &mut Process<W>, need: &Need, size: u64, gain: u64, now: Instant) {
    let (level, within_ms) = (need.level, within_ms(need.level));
    let until = now + Duration::from_millis(within_ms);
    process.due = Some(Due { pool: need.pool, gain, left: size, level, until });
    process.asked += 1;
    process.signal(Signal::Collect { size, level, within_ms });
}
