//! Marks: the boxes and steps of the documents' figures that the code has reached.
//!
//! ```text
//!   mark!(boxes 600, 502)      cooperative memory, figures 5 to 12
//!   mark!(steps 412)           interprocess communication, figures 4 and 5
//! ```
//!
//! A mark names the place in a document that a line of code stands for. A reader follows it from
//! the code to the figure. A test asks which numbers its thread reached, and so shows that the code
//! takes the path of the figure; only a build with debug assertions, such as that of `cargo test`,
//! keeps these numbers. A lesson asks for the marks of one call, in their order, in every build. A
//! server that has shown no such lesson only reads a flag at each mark.
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

/// True once [`traced`] was called. It is never cleared, and until then a mark costs only the read
/// of this flag.
static IS_TRACED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The marks since [`traced`] began, in their order; `None` outside of it.
    static TRACE: RefCell<Option<Vec<(Figures, u16)>>> = const { RefCell::new(None) };
    /// The marks that this thread has reached and `take_reached` has not returned yet.
    static REACHED: RefCell<BTreeSet<(Figures, u16)>> = const { RefCell::new(BTreeSet::new()) };
}

/// Notes that this thread has reached a number: for [`take_reached`] only in a build with debug
/// assertions, and for [`traced`] in every build.
#[inline]
pub fn reach(figures: Figures, number: u16) {
    if cfg!(debug_assertions) {
        REACHED.with_borrow_mut(|reached| reached.insert((figures, number)));
    }
    if IS_TRACED.load(Ordering::Relaxed) {
        TRACE.with_borrow_mut(|trace| trace.iter_mut().for_each(|all| all.push((figures, number))));
    }
}

/// Calls `what`; returns its result, and the marks that it passed on this thread, in their order.
/// `what` must not call this function itself: the inner call would take all marks so far.
pub fn traced<R>(what: impl FnOnce() -> R) -> (R, Vec<(Figures, u16)>) {
    // `Relaxed` is enough: only this thread, which sees its own store, has to read true now.
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
