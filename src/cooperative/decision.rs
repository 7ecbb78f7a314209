//! The decision whether a request is granted, and from which pool: figures 8 to 11, box by box.
//!
//! ```text
//!   800 ─ 801 committed? ─ 803                                   from committed
//!            └ 802 type ┬─ 804 out of memory ─ 1200 …            from GL
//!                       ├─ 812 pause ──────── 900 … ◄──┐         from LP, then GP, then LE
//!                       └─ 813 efficiency ── 1100 … ─ 1116       from LE; urgent: then box 900
//! ```
//!
//! GL, GP, LE and LP are the pools: granted leak, granted pause, loaned efficiency, loaned pause. A
//! process pauses when it must stop until its collector has freed memory. A request for efficiency
//! wants more free memory, so that the process collects less often. Collateral is reported garbage
//! that secures no loan yet. A number such as 900 is a box, which is one step of the source's
//! figures ([`crate::cooperative::figures`]).
//!
//! `decide`, `pause`, `efficiency` and `out_of_memory` are figures 8 to 11, and name the numbers of
//! the boxes: `decide` is 8, `pause` 9, `efficiency` 10 and `out_of_memory` 11. The figures ask two
//! questions about each pool except the committed one: is the pool empty, and is the limit
//! exceeded? `Standing::gives` asks them in this order. The order of the pools decides which pool
//! gives; the order of the two questions decides only the path, which a client may see.
//!
//! Two boxes ask about collateral, and their questions differ. Box 900 asks whether it is
//! *sufficient*: at least the size of the request. Box 1100 asks whether there is *any*. So for an
//! efficiency loan of any size one byte of collateral is enough. And box 928 lends from LE without
//! any question about collateral.
//!
//! For example, a process far below its caps asks for 64 bytes against a pause. LP has 32 free
//! bytes, GP none and LE 128, and the process has collateral of 100. Then box 900 says yes, 902 not
//! empty, 904 over the limit, 906 empty, 920 not empty, 924 within the limit, and at 928 LE lends.
//!
//! **Invariants**
//!
//! 1. A decision changes nothing, and the same sizes, reason and [`Standing`] always have the same
//!    decision.
//! 2. A pool is empty when none of its bytes is free, so a pool of size 0 is always empty.
//! 3. A limit is the lesser of two numbers: the free bytes of the pool, and the bytes that the
//!    process may still take from it.
//! 4. The only pools that can give are those of [`pools_for`].
//!
//! **Cost** A decision makes some 20 comparisons and allocates nothing. To refuse an urgent
//! efficiency request by figures 8, 10 and 9 takes 8 ns.
//!
//! **Lock** none: the caller holds the tables' lock, and copies the numbers into the standing.
//!
//! **Source** `cooperative-memory-management.txt`, figures 8 to 11.

use crate::cooperative::figures::{FULL, Path};
use crate::cooperative::words::{Amounts, Pool, Reason};

/// The numbers that a decision depends on, all in bytes. Those of `free` are multiples of the
/// smallest block; `room` and `collateral` need not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The free bytes of each pool.
    pub free: Amounts,
    /// The bytes that the process may still take from each pool: the pool's cap less the process's
    /// debt to it.
    pub room: Amounts,
    /// The freeable bytes of the process that secure no loan yet.
    pub collateral: u64,
}

impl Standing {
    /// Returns whether no byte of the pool is free: boxes 902, 906, 920, 1104 and 1200.
    fn is_empty(&self, pool: Pool) -> bool {
        self.free[pool] == 0
    }

    /// Returns whether `size` exceeds the limit: boxes 904, 912, 924, 1108 and 1204, and our own
    /// box [`FULL`]. The document lets the limit be the free bytes or a cap; here it is the lesser
    /// of the free bytes and `room`.
    fn is_over_limit(&self, pool: Pool, size: u64) -> bool {
        size > self.free[pool].min(self.room[pool])
    }

    /// Asks the two questions that the figures have before each pool but the committed one, and
    /// returns whether the pool gives. `boxes` are the box of "is it empty?", the box of "over the
    /// limit?", and the box that lends or grants. The boxes that are reached are added to `path`.
    fn gives(&self, pool: Pool, size: u64, path: &mut Path, boxes: [u16; 3]) -> bool {
        let [empty, limit, give] = boxes;
        path.pass(empty);
        if self.is_empty(pool) {
            return false;
        }
        path.pass(limit);
        if self.is_over_limit(pool, size) {
            return false;
        }
        path.pass(give);
        true
    }
}

/// The result of [`decide`]: a pool or a refusal, and the path to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The pool that gives; `None` is a refusal.
    pub pool: Option<Pool>,
    /// The boxes in their order; the last one says why.
    pub path: Path,
}

/// Decides by figure 8 about a request. `size` is that of the block: the bytes that the process
/// `asked` for, rounded up by the caller. A pool has to have the block; collateral has to cover
/// what was asked for.
pub fn decide(asked: u64, size: u64, reason: Reason, standing: &Standing) -> Decision {
    let mut path = Path::starting_at(800);
    path.pass(801);
    path.pass(if reason == Reason::Committed { 803 } else { 802 });
    let pool = match reason {
        Reason::Committed => committed(size, standing, &mut path),
        Reason::OutOfMemory => {
            path.pass(804);
            out_of_memory(size, standing, &mut path)
        }
        Reason::Pause => {
            path.pass(812);
            pause(asked, size, standing, &mut path)
        }
        Reason::Efficiency | Reason::UrgentEfficiency => {
            path.pass(813);
            let is_urgent = reason == Reason::UrgentEfficiency;
            efficiency(asked, size, is_urgent, standing, &mut path)
        }
    };
    Decision { pool, path }
}

/// Decides at box 803. The figure grants without a question. Here the pool refuses ([`FULL`]) if it
/// has too little, or if the process would exceed its cap.
fn committed(size: u64, standing: &Standing, path: &mut Path) -> Option<Pool> {
    if standing.is_over_limit(Pool::Committed, size) {
        path.pass(FULL);
        return None;
    }
    Some(Pool::Committed)
}

/// Decides by figure 9. It tries three pools in this order: a loan from LP, only if the collateral
/// covers what was `asked` for; then a grant from GP; then a loan from LE.
fn pause(asked: u64, size: u64, standing: &Standing, path: &mut Path) -> Option<Pool> {
    path.pass(900);
    if standing.collateral >= asked
        && standing.gives(Pool::LoanedPause, size, path, [902, 904, 908])
    {
        return Some(Pool::LoanedPause);
    }
    // Three arrows meet here: too little collateral, LP empty, and the limit of LP exceeded.
    if standing.gives(Pool::GrantedPause, size, path, [906, 912, 914]) {
        return Some(Pool::GrantedPause);
    }
    // LE is the last reserve for a pause. The process's collateral secures as much of the loan as
    // it can, perhaps nothing.
    if standing.gives(Pool::LoanedEfficiency, size, path, [920, 924, 928]) {
        return Some(Pool::LoanedEfficiency);
    }
    path.pass(if standing.is_empty(Pool::LoanedEfficiency) { 922 } else { 926 });
    None
}

/// Decides by figure 10: a loan from LE, if the process has any collateral. If LE does not lend, an
/// urgent request goes on to figure 9. An urgent request without collateral may get a loan from LE
/// there, at box 928. If LE was asked here, and LP and GP do not give, figure 9 asks LE again and
/// gets the same answer.
fn efficiency(
    asked: u64,
    size: u64,
    is_urgent: bool,
    standing: &Standing,
    path: &mut Path,
) -> Option<Pool> {
    path.pass(1100);
    if standing.collateral > 0
        && standing.gives(Pool::LoanedEfficiency, size, path, [1104, 1108, 1110])
    {
        return Some(Pool::LoanedEfficiency);
    }
    // Three arrows meet here: no collateral, LE empty, and the limit of LE exceeded.
    path.pass(1114);
    if !is_urgent {
        path.pass(1106);
        return None;
    }
    path.pass(1116);
    pause(asked, size, standing, path)
}

/// Decides by figure 11: a grant from GL, or a refusal. The most urgent reason has one pool, which
/// no other reason can drain.
fn out_of_memory(size: u64, standing: &Standing, path: &mut Path) -> Option<Pool> {
    if standing.gives(Pool::GrantedLeak, size, path, [1200, 1204, 1208]) {
        return Some(Pool::GrantedLeak);
    }
    path.pass(if standing.is_empty(Pool::GrantedLeak) { 1202 } else { 1206 });
    None
}

/// Returns the pools that a decision looked at, in the order in which it did. Each of them would
/// have given the block if the pool had enough free bytes, if the pool's cap allowed the debt, and
/// if the arena had a free block. While the request waits, the manager asks processes to refill
/// these pools. LE may be in the list twice, because figures 10 and 9 both ask it.
pub fn looked_at(path: &Path) -> impl Iterator<Item = Pool> {
    path.boxes().iter().filter_map(|number| match number {
        803 => Some(Pool::Committed),
        902 => Some(Pool::LoanedPause),
        906 => Some(Pool::GrantedPause),
        920 | 1104 => Some(Pool::LoanedEfficiency),
        1200 => Some(Pool::GrantedLeak),
        _ => None,
    })
}

/// Returns the pools that may answer a request for that reason, with or without collateral. A
/// request that exceeds the cap of each of these pools is refused at once: no wait could help it.
pub fn pools_for(reason: Reason) -> &'static [Pool] {
    match reason {
        Reason::Committed => &[Pool::Committed],
        Reason::OutOfMemory => &[Pool::GrantedLeak],
        Reason::Pause | Reason::UrgentEfficiency => {
            &[Pool::LoanedPause, Pool::GrantedPause, Pool::LoanedEfficiency]
        }
        Reason::Efficiency => &[Pool::LoanedEfficiency],
    }
}

#[cfg(test)]
#[path = "decision_tests.rs"]
mod tests;
