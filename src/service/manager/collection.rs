//! Whom to ask for memory: figure 5's boxes 506 and 508.
//!
//! ```text
//!   506  a request waits ──► each pool that could answer it, until somebody is found to ask
//!        a pool is low   ──► up to its low-water mark
//!   508  who owes that pool, has reported garbage, and has the best score ──► collect SIZE LEVEL MS
//!                            has not reported for 10 s                    ──► status
//! ```
//!
//! What a process returns repays its debts in figure 12's order. So one is asked for as much
//! as reaches the pool in need: what it owes the pools before that one, and then some.
//!
//! **Invariants** a process has one signal to collect at a time, and until its time is over
//! what was asked for is counted as coming; a more pressing one takes its place.
//!
//! **Lock** the tables. It goes through all processes: the reaper's thread does it, soon after
//! an allocation and now and then, and no request waits for it.
//!
//! **Source** `cooperative-memory-management.txt`, figure 5: the level of the pool, the
//! freeable memory, and the effect on the process.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use super::Manager;
use crate::message::memory::{Amounts, Level, Pool, Reason, Signal};
use crate::service::decision::looked_at;
use crate::service::process::{Due, Process, ProcessNumber};
use crate::service::repayment::ORDER;

/// How long a report is believed.
pub const FRESH: Duration = Duration::from_secs(10);

/// How often the pools are looked at, when nothing happens.
pub const EVERY: Duration = Duration::from_secs(1);

/// How soon after something did: what else happens meanwhile is looked at together.
const SOON: Duration = Duration::from_millis(10);

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
pub(super) fn within(level: Level) -> Duration {
    match level {
        Level::Low => Duration::from_millis(2000),
        Level::Wanted => Duration::from_millis(1000),
        Level::Urgent => Duration::from_millis(500),
    }
}

/// What to ask for, and on whose behalf.
struct Need {
    pool: Pool,
    bytes: u64,
    level: Level,
    /// Not to be asked itself.
    for_process: Option<ProcessNumber>,
}

impl<H: Clone, W: Clone> Manager<H, W> {
    /// When something is to be done without being asked: a lease ends, the pools are to be
    /// looked at.
    pub fn next_wake(&self) -> Option<Instant> {
        let expiry = self.leases.next_expiry();
        expiry.into_iter().chain(self.collect_at).min()
    }

    /// After an allocation from a pool: asks soon, if that is low now.
    pub(super) fn look_after(&mut self, pool: Pool, now: Instant) {
        let is_low = self.missing(pool) > 0;
        self.collect_by(now + if is_low { SOON } else { EVERY });
    }

    pub(super) fn collect_soon(&mut self, now: Instant) {
        let needed =
            !self.queue.is_empty() || Pool::ALL.into_iter().any(|pool| self.missing(pool) > 0);
        self.collect_by(now + if needed { SOON } else { EVERY });
    }

    fn collect_by(&mut self, at: Instant) {
        if !self.processes.is_empty() {
            self.collect_at = Some(self.collect_at.map_or(at, |sooner| sooner.min(at)));
        }
    }

    /// How far a pool is below its mark, in bytes.
    fn missing(&self, pool: Pool) -> u64 {
        self.low_water[pool].saturating_sub(self.leases.pools().free()[pool])
    }

    /// Looks at the pools, if it is time to, and asks whom it chooses for memory.
    pub fn collect(&mut self, now: Instant) {
        if self.collect_at.is_none_or(|at| now < at) {
            return;
        }
        self.collect_at = None;
        self.collect_by(now + EVERY);
        self.visited.at(506);
        self.forget_dues(now);
        for (need, pools) in self.waiting_needs() {
            // The first of its pools that somebody can refill: nobody is asked in vain.
            let _ = pools
                .into_iter()
                .any(|(pool, bytes)| self.ask_for(&Need { pool, bytes, ..need }, now));
        }
        for pool in ORDER {
            let bytes = self.missing(pool);
            if bytes > 0 {
                let need = Need { pool, bytes, level: Level::Low, for_process: None };
                self.ask_for(&need, now);
            }
        }
    }

    /// Those who did not obey in time.
    fn forget_dues(&mut self, now: Instant) {
        for process in self.processes.values_mut() {
            if process.due.is_some_and(|due| due.until <= now) {
                process.due = None;
                process.is_deaf = true;
            }
        }
    }

    /// What those who wait lack, pool by pool in the order in which they would be answered.
    fn waiting_needs(&self) -> Vec<(Need, Vec<(Pool, u64)>)> {
        let pools = self.leases.pools();
        let needs = self.queue.iter().map(|waiting| {
            let level =
                if waiting.wanted.reason >= Reason::Pause { Level::Urgent } else { Level::Wanted };
            let size =
                crate::service::buddy::Buddy::rounded(waiting.wanted.size).unwrap_or(u64::MAX);
            let room = |pool: &Pool| {
                let process = self.processes.get(&waiting.process);
                let owed = process.map_or(0, |process| process.owed[*pool]);
                size <= pools.cap()[*pool].saturating_sub(owed)
            };
            let lacking = looked_at(&waiting.path).filter(room);
            // A pool that has the bytes in pieces gets as much again.
            let lacking = lacking.map(|pool| match size.saturating_sub(pools.free()[pool]) {
                0 => (pool, size),
                bytes => (pool, bytes),
            });
            let for_process = Some(waiting.process);
            (Need { pool: Pool::Committed, bytes: 0, level, for_process }, lacking.collect())
        });
        needs.collect()
    }

    /// Box 508. Answers whether somebody was asked, or had been before.
    fn ask_for(&mut self, need: &Need, now: Instant) -> bool {
        let coming = self.processes.values().filter_map(|process| process.due);
        let coming = coming.filter(|due| due.pool == need.pool && due.level >= need.level);
        let coming: u64 = coming.map(|due| due.gain).sum();
        let mut missing = need.bytes.saturating_sub(coming);
        let mut is_asked = coming > 0;
        for number in self.candidates(need) {
            if missing == 0 {
                break;
            }
            let Some(process) = self.processes.get_mut(&number) else { continue };
            is_asked = true;
            let is_fresh =
                process.reported.is_some_and(|at| now.saturating_duration_since(at) <= FRESH);
            if is_fresh {
                let (size, gain) = worth(process, need.pool, missing);
                missing -= gain;
                order(process, need, size, gain, now);
            } else {
                process.signal(Signal::Status);
            }
            let (name, waker) = (process.name.clone(), process.waker.clone());
            self.wakers.push(waker);
            self.visited.at(508);
            let (pool, what) = (need.pool.word(), if is_fresh { "collect" } else { "report" });
            self.write(|| format!("{name} is asked to {what} for {pool}"));
        }
        is_asked
    }

    /// Who could refill the pool, the best first.
    fn candidates(&self, need: &Need) -> Vec<ProcessNumber> {
        let by_effect = self.rules.collect_by == CollectBy::Effect;
        let can = |(number, process): &(&ProcessNumber, &Process<W>)| {
            let is_free = process.due.is_none_or(|due| due.level < need.level);
            !process.is_gone
                && Some(**number) != need.for_process
                && is_free
                && !(by_effect && process.waiting > 0)
                && worth(process, need.pool, u64::MAX).1 > 0
        };
        let mut candidates: Vec<_> = self.processes.iter().filter(can).collect();
        candidates.sort_by_key(|(number, process)| {
            let effort = process.efficiency.map_or(UNKNOWN_EFFICIENCY, u64::from);
            let score =
                if by_effect { u128::from(effort) } else { 1 } * u128::from(process.freeable);
            (process.is_deaf, Reverse(score), **number)
        });
        candidates.into_iter().map(|(&number, _)| number).collect()
    }
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

/// Bytes that would come back to each pool if all returned what they reported.
pub(super) fn freeable<'a, W: 'a>(processes: impl Iterator<Item = &'a Process<W>>) -> Amounts {
    let mut sum = Amounts::default();
    processes.for_each(|process| sum.add(&process.freeable_by_pool()));
    sum
}
