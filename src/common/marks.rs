//! Marks: the boxes and steps of the documents' figures that the code has reached.
//!
//! ```text
//!   mark!(boxes 600, 502)      cooperative memory, figures 5 to 12
//!   mark!(steps 412)           interprocess communication, figures 4 and 5
//! ```
//!
//! A mark names the place in a document that a line of code stands for. A reader follows it from
//! the code to the figure; a test asks which numbers its thread reached, and so proves that the
//! code takes the path that the figure shows. Only a build with debug assertions counts marks so,
//! such as that of `cargo test`. A lesson asks for the marks of one call, in their order; a server
//! without lessons only reads a flag at a mark.
//!
//! **Lock** none: each thread counts its own marks, so tests that run at once do not see each
//! other's.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

/// The document that a number belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figures {
    /// `cooperative-memory-management.txt`.
    Boxes,
    /// `interprocess-communication-patent.txt`.
    Steps,
}

/// A thread wants to know the marks that it passes. Set once, and never cleared: a server that shows
/// no lesson reads one flag at each mark.
static IS_TRACED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The marks since [`traced`] began, in their order; `None` outside of it.
    static TRACE: RefCell<Option<Vec<(Figures, u16)>>> = const { RefCell::new(None) };
    /// The marks that this thread has reached and `take_reached` has not returned yet.
    static REACHED: RefCell<BTreeSet<(Figures, u16)>> = const { RefCell::new(BTreeSet::new()) };
}

/// Counts one number as reached by this thread: for tests with debug assertions alone, and for
/// [`traced`] in each build.
#[inline]
pub fn reach(figures: Figures, number: u16) {
    if cfg!(debug_assertions) {
        REACHED.with_borrow_mut(|reached| reached.insert((figures, number)));
    }
    if IS_TRACED.load(Ordering::Relaxed) {
        TRACE.with_borrow_mut(|trace| trace.iter_mut().for_each(|all| all.push((figures, number))));
    }
}

/// Calls `what`, and returns with its result the marks that it passed on this thread, in their
/// order. A call within `what` would take the marks for itself.
pub fn traced<R>(what: impl FnOnce() -> R) -> (R, Vec<(Figures, u16)>) {
    IS_TRACED.store(true, Ordering::Relaxed);
    TRACE.set(Some(Vec::new()));
    let result = what();
    (result, TRACE.take().unwrap_or_default())
}

/// Returns the numbers of a document that this thread has reached since the last call, in order,
/// and forgets them. A release build returns none.
pub fn take_reached(figures: Figures) -> BTreeSet<u16> {
    REACHED.with_borrow_mut(|reached| {
        let (of_these, others): (BTreeSet<_>, BTreeSet<_>) =
            std::mem::take(reached).into_iter().partition(|&(whose, _)| whose == figures);
        *reached = others;
        of_these.into_iter().map(|(_, number)| number).collect()
    })
}

/// Names the boxes or steps that a line of code stands for, and counts them as reached.
macro_rules! mark {
    (boxes $($number:expr),+) => {
        $($crate::common::marks::reach($crate::common::marks::Figures::Boxes, $number);)+
    };
    (steps $($number:expr),+) => {
        $($crate::common::marks::reach($crate::common::marks::Figures::Steps, $number);)+
    };
}
pub(crate) use mark;
