//! Whether a request is granted, and from which pool: figures 8 to 11, box by box.
//!
//! ```text
//!   800 ─ 801 committed? ─ 803                                   from committed
//!            └ 802 type ┬─ 804 out of memory ─ 1200 …            from GL
//!                       ├─ 812 pause ──────── 900 … ◄──┐         from LP, else GP, else LE
//!                       └─ 813 efficiency ── 1100 … ─ 1116       from LE, else if urgent
//! ```
//!
//! Each function is one figure, each branch one box, with the box's number where it is
//! passed: lay it beside the document.
//!
//! Two boxes ask for collateral, and not for the same: 900 asks whether it is *sufficient*
//! ("sufficient memory collateral": at least what is asked for), 1100 whether there is *any*.
//! So one byte of garbage secures an efficiency loan of any size.
//!
//! **Invariants** nothing is changed here: the same standing has the same decision. A pool is
//! empty when nothing in it is free, also when its size is 0. A limit is what is free in
//! the pool or the cap on what one process may owe it, whichever is less.
//!
//! **Lock** none. **Source** `cooperative-memory-management.txt`, figures 8 to 11.

use crate::cooperative::figures::{FULL, Path};
use crate::cooperative::words::{Amounts, Pool, Reason};

/// What a decision rests on. All in bytes of blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What is free in each pool.
    pub free: Amounts,
    /// What the process may still take of each pool, under its cap.
    pub room: Amounts,
    /// Freeable memory of the process that secures no loan yet.
    pub collateral: u64,
}

impl Standing {
    fn is_empty(&self, pool: Pool) -> bool {
        self.free[pool] == 0
    }

    fn is_over_limit(&self, pool: Pool, size: u64) -> bool {
        size > self.free[pool].min(self.room[pool])
    }
}

/// What was decided, and the way there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The pool that gives; `None` is a refusal.
    pub pool: Option<Pool>,
    /// The boxes.
    pub path: Path,
}

/// Figure 8: a request for `size` bytes.
pub fn decide(size: u64, reason: Reason, standing: &Standing) -> Decision {
    let mut path = Path::from(800);
    path.at(801);
    let pool = if reason == Reason::Committed {
        path.at(803);
        committed(size, standing, &mut path)
    } else {
        path.at(802);
        match reason {
            Reason::OutOfMemory => {
                path.at(804);
                out_of_memory(size, standing, &mut path)
            }
            Reason::Pause => {
                path.at(812);
                pause(size, standing, &mut path)
            }
            Reason::Efficiency | Reason::UrgentEfficiency | Reason::Committed => {
                path.at(813);
                efficiency(size, reason == Reason::UrgentEfficiency, standing, &mut path)
            }
        }
    };
    Decision { pool, path }
}

/// Box 803, and what the figure leaves open: too little in the committed pool.
fn committed(size: u64, standing: &Standing, path: &mut Path) -> Option<Pool> {
    if standing.is_over_limit(Pool::Committed, size) {
        path.at(FULL);
        return None;
    }
    Some(Pool::Committed)
}

/// Figure 9.
fn pause(size: u64, standing: &Standing, path: &mut Path) -> Option<Pool> {
    path.at(900);
    if standing.collateral >= size {
        path.at(902);
        if !standing.is_empty(Pool::LoanedPause) {
            path.at(904);
            if !standing.is_over_limit(Pool::LoanedPause, size) {
                path.at(908);
                return Some(Pool::LoanedPause);
            }
        }
    }
    path.at(906);
    if !standing.is_empty(Pool::GrantedPause) {
        path.at(912);
        if !standing.is_over_limit(Pool::GrantedPause, size) {
            path.at(914);
            return Some(Pool::GrantedPause);
        }
    }
    path.at(920);
    if standing.is_empty(Pool::LoanedEfficiency) {
        path.at(922);
        return None;
    }
    path.at(924);
    if standing.is_over_limit(Pool::LoanedEfficiency, size) {
        path.at(926);
        return None;
    }
    path.at(928);
    Some(Pool::LoanedEfficiency)
}

/// Figure 10.
fn efficiency(size: u64, is_urgent: bool, standing: &Standing, path: &mut Path) -> Option<Pool> {
    path.at(1100);
    if standing.collateral > 0 {
        path.at(1104);
        if !standing.is_empty(Pool::LoanedEfficiency) {
            path.at(1108);
            if !standing.is_over_limit(Pool::LoanedEfficiency, size) {
                path.at(1110);
                return Some(Pool::LoanedEfficiency);
            }
        }
    }
    path.at(1114);
    if !is_urgent {
        path.at(1106);
        return None;
    }
    path.at(1116);
    pause(size, standing, path)
}

/// Figure 11.
fn out_of_memory(size: u64, standing: &Standing, path: &mut Path) -> Option<Pool> {
    path.at(1200);
    if standing.is_empty(Pool::GrantedLeak) {
        path.at(1202);
        return None;
    }
    path.at(1204);
    if standing.is_over_limit(Pool::GrantedLeak, size) {
        path.at(1206);
        return None;
    }
    path.at(1208);
    Some(Pool::GrantedLeak)
}

/// The pools that a decision has looked at, in that order: those from which it would have
/// been granted, had there been enough.
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

/// The pools that may ever answer a request for that reason.
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
