//! Marks: the boxes and steps of the documents' figures that the code has reached.
//!
//! ```text
//!   mark!(boxes 600, 502)      cooperative memory, figures 5 to 12
//!   mark!(steps 412)           interprocess communication, figures 4 and 5
//! ```
//!
//! A mark names the place in a document that a line of code stands for. A reader follows it from
//! the code to the figure; a test asks which numbers its thread reached, and so proves that the
//! code takes the path that the figure shows. Only a build with debug assertions counts marks, such
//! as that of `cargo test`. A release build does nothing at a mark.
//!
//! **Lock** none: each thread counts its own marks, so tests that run at once do not see each
//! other's.

use std::cell::RefCell;
use std::collections::BTreeSet;

/// The document that a number belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figures {
    /// `cooperative-memory-management.txt`.
    Boxes,
    /// `interprocess-communication-patent.txt`.
    Steps,
}

thread_local! {
    /// The marks that this thread has reached and `take_reached` has not returned yet.
    static REACHED: RefCell<BTreeSet<(Figures, u16)>> = const { RefCell::new(BTreeSet::new()) };
}

/// Counts one number as reached by this thread. Without debug assertions it does nothing, and the
/// compiler removes the call.
#[inline]
pub fn reach(figures: Figures, number: u16) {
    if cfg!(debug_assertions) {
        REACHED.with_borrow_mut(|reached| reached.insert((figures, number)));
    }
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
