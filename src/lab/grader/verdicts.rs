//! The checks that draw nothing: they judge the ledger when it is complete.
//!
//! ```text
//!   ledger ─► unique        did a number come twice?
//!          ─► range         are all in the list, or of which range are they?
//!          ─► random        is the order random?
//!          ─► linearizable  could one counter have given them, at these times?
//!          ─► permutation   did each come, but for those that went to vanished clients?
//! ```
//!
//! **Three verdicts.** A duplicate shows that a server is wrong. No duplicate shows that it is
//! right only as far as a race could have shown itself: [`judgement`](super::judgement) says how
//! narrow a window would have been seen. Where that is wider than a race needs, the verdict is *not
//! shown*, and the user decides what it is worth.
//!
//! **One fault, one check.** A list of 0 to 99,999 is wrong by the assignment, and only `range`
//! says so: it is still a permutation, of another range.
//!
//! **Lock** the ledger's. **Source** `loot-box.txt`, the specification, 2 and 3.

use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use super::judgement::{contradiction, strength};
use super::ledger::{Duplicate, Operation};
use super::report::CheckOutcome;
use super::{CheckVerdict, Grading, MAX_SHOWN, lost};
use crate::lab::history::{OrderFound, infer};
use crate::lab::shuffle::Shuffle;

/// The range is judged only when at least one number in `RANGE_NEEDS_ONE_IN` of the list came:
/// 1,000 numbers of 100,000. A server that ends after two good numbers has not shown that its list
/// is right.
const RANGE_NEEDS_ONE_IN: u64 = 100;

impl Grading<'_> {
    /// `unique`: no number came twice. Without two requests at the same time no race can happen:
    /// then nothing is shown.
    pub(super) fn gives_no_number_twice(&self, _: Instant) -> CheckVerdict {
        let ledger = self.ledger();
        if ledger.duplicates.is_empty() {
            return match why_not_shown(&ledger.operations, self.options.race_window) {
                None => (CheckOutcome::Earned(1.0), Vec::new()),
                Some(why) => (
                    CheckOutcome::NotShown(self.options.unproven),
                    vec![format!("not shown: {why}")],
                ),
            };
        }
        let came = |at: usize| {
            let Operation { client, asked, end, .. } = &ledger.operations[at];
            format!("draw {asked} of client {client} ({:.3} s)", end.as_secs_f64())
        };
        let show = |Duplicate { number, before, again }: &Duplicate| {
            format!("input: {} and {}; both got {number}", came(*before), came(*again))
        };
        let mut details = vec![format!("{} numbers came again", ledger.duplicates.len())];
        details.extend(ledger.duplicates.iter().take(MAX_SHOWN).map(show));
        (CheckOutcome::Earned(0.0), details)
    }

    /// Returns the verdict unchanged if no number came twice. Else returns a skipped check: the
    /// race that gave numbers twice may also have spoilt the replies that this verdict is about,
    /// and one fault costs the points of one check.
    pub(super) fn unless_raced(&self, (outcome, mut details): CheckVerdict) -> CheckVerdict {
        if self.ledger().duplicates.is_empty() {
            return (outcome, details);
        }
        let why = "skipped: numbers came twice, and the same race may have spoilt these replies";
        details.insert(0, why.to_string());
        (CheckOutcome::Skipped, details)
    }

    /// `range`: each number that came is in the list. If too few came, the check earns nothing.
    pub(super) fn stays_in_range(&self, _: Instant) -> CheckVerdict {
        let ledger = self.ledger();
        if ledger.received() < u64::from(ledger.greatest()) / RANGE_NEEDS_ONE_IN {
            return lost(format!("only {} numbers came, too few to tell", ledger.received()));
        }
        if ledger.out_of_range.is_empty() {
            return (CheckOutcome::Earned(1.0), Vec::new());
        }
        let (total, wrong, greatest) =
            (ledger.received(), ledger.out_of_range.len(), ledger.greatest());
        if let Some((least, most)) = ledger.other_range() {
            let why = format!("its list is {least} to {most}, not 1 to {greatest}");
            return lost(why);
        }
        let show = |&(number, at): &(u64, usize)| {
            let asked = ledger.operations[at].asked;
            let number = if number == u64::MAX {
                "a number below 0 or over 64 bits".into()
            } else {
                number.to_string()
            };
            format!("input: draw {asked}; {number} is not in 1 to {greatest}")
        };
        let mut details = vec![format!("{wrong} of {total} numbers are not in the list")];
        details.extend(ledger.out_of_range.iter().take(MAX_SHOWN).map(show));
        (CheckOutcome::Earned(0.0), details)
    }

    /// `random`: the test of [`Shuffle`] over the numbers, one client after the other, each
    /// client's in the order that it got them.
    pub(super) fn draws_in_random_order(&self, _: Instant) -> CheckVerdict {
        let ledger = self.ledger();
        let orders = ledger.orders();
        match Shuffle::of(&orders, ledger.greatest()) {
            Some(shuffle) if shuffle.is_random() => {
                (CheckOutcome::Earned(1.0), vec![shuffle.to_string()])
            }
            Some(shuffle) => {
                let first: Vec<String> = orders.iter().take(8).map(u32::to_string).collect();
                let came = format!("one client drew {} …", first.join(" "));
                (CheckOutcome::Earned(0.0), vec![shuffle.to_string(), came])
            }
            None => lost("too few numbers came to tell"),
        }
    }

    /// `linearizable`: one counter explains all draws. [`contradiction`] compares indices of the
    /// list, so it needs the list's order. If the user does not know the order, the ledger may show
    /// it: if no two requests overlapped, only one order is possible.
    pub(super) fn is_one_counter(&self, _: Instant) -> CheckVerdict {
        let Some(order) = &self.options.order else { return self.is_some_counter() };
        let ledger = self.ledger();
        let known: std::collections::HashSet<u64> = order.iter().map(|&n| u64::from(n)).collect();
        let numbers = || ledger.operations.iter().flat_map(|operation| &operation.numbers);
        if let Some(stranger) = numbers().find(|number| !known.contains(number)) {
            return lost(format!("{stranger} came, which the given order does not hold"));
        }
        let Some(found) = contradiction(&ledger.operations, order) else {
            let why = format!("{} requests, none contradicts another", ledger.operations.len());
            return (CheckOutcome::Earned(1.0), vec![why]);
        };
        let when = |at: usize, what: &str| {
            let Operation { client, start, end, asked, .. } = &ledger.operations[at];
            let (start, end) = (start.as_secs_f64(), end.as_secs_f64());
            format!("client {client}'s draw {asked} {what} ({start:.6} to {end:.6} s)")
        };
        let (over, later) = (found.over, found.later);
        let details = vec![
            format!("index {} went to {}", over.1, when(over.0, "that was over")),
            format!("index {} only to {}", later.1, when(later.0, "that began after it")),
            "unless the order that was given is that of another list".into(),
        ];
        (CheckOutcome::Earned(0.0), details)
    }

    /// Judges `linearizable` without the list's order: decides only if no two requests overlapped.
    fn is_some_counter(&self) -> CheckVerdict {
        let ledger = self.ledger();
        let undecidable = |why: String| {
            let cure = "give --seed for leasebox, or --order FILE with the server's list";
            let why = format!("not decidable: the list's order is not known{why}; {cure}");
            (CheckOutcome::Undecidable, vec![why])
        };
        // `infer` needs a record in which no number came twice.
        if !ledger.duplicates.is_empty() {
            return undecidable(String::new());
        }
        let of = |at: usize| {
            let Operation { client, asked, .. } = &ledger.operations[at];
            format!("client {client}'s draw {asked}")
        };
        match infer(&ledger.operations, false) {
            OrderFound::One(_) => {
                let why = "no two requests overlapped, so the record itself shows the order";
                (CheckOutcome::Earned(1.0), vec![why.into()])
            }
            OrderFound::Several(one, other) => {
                undecidable(format!(", and {} and {} overlapped", of(one), of(other)))
            }
            // Never happens: with `false`, `infer` does not take a short reply for the end of the
            // list, and nothing else makes it return `None`.
            OrderFound::None(..) => undecidable(String::new()),
        }
    }

    /// `permutation`, second part: judges the drained list. As many numbers may be missing as the
    /// ledger counts as unseen. A fault that another check has found is not judged again. `late`
    /// says that the deadline ended the drain: missing numbers are then no fault of the server.
    pub(super) fn judge_permutation(&self, late: bool) -> CheckVerdict {
        let ledger = self.ledger();
        let (missing, unseen) = (ledger.missing(), ledger.unseen);
        let total = u64::from(ledger.greatest());
        let skipped = |why: &str| (CheckOutcome::Skipped, vec![format!("skipped: {why}")]);
        if !ledger.duplicates.is_empty() {
            return skipped("numbers came twice, so the list says nothing more");
        }
        if let Some((least, most)) = ledger.other_range() {
            let why = format!("each number of {least} to {most} came once; see the range");
            return (CheckOutcome::Earned(1.0), vec![why]);
        }
        if !ledger.out_of_range.is_empty() {
            return skipped("numbers came that are not in the list");
        }
        let mut counted = format!("{} of {total} numbers came", ledger.drawn);
        if unseen > 0 {
            counted += &format!("; {unseen} at most went to clients that vanished or never read");
        }
        if missing <= unseen {
            return (CheckOutcome::Earned(1.0), vec![counted]);
        }
        if ledger.lost_in_replies {
            return skipped("replies had fewer numbers than were asked for, and the rest is lost");
        }
        let some: Vec<String> =
            ledger.missing_numbers(MAX_SHOWN).iter().map(usize::to_string).collect();
        let missed = |when| format!("{missing} were missing {when}, such as {}", some.join(", "));
        if late {
            return self.out_of_time(missed("when time was over"));
        }
        (CheckOutcome::Earned(0.0), vec![counted, missed("when nothing more came")])
    }

    /// Returns the note on the strength of the evidence: how narrow a race window this grading
    /// would have found with a probability of 99 %.
    pub(super) fn describe_strength(&self) -> String {
        let strength = strength(&self.ledger().operations);
        let pairs = strength.pairs;
        match strength.window {
            // The clock counts whole nanoseconds, so a narrower window is given as 1 ns.
            Some(window) => format!(
                "strength of evidence: {pairs} pairs of requests overlapped; a race window of \
                 {:.1?} or more would have shown itself with 99 %, if the server's threads run \
                 at once and pass it at any moment of a request alike; threads that take turns \
                 (one core, Python's global lock) can hide a wider one",
                window.max(Duration::from_nanos(1)),
            ),
            None => "strength of evidence: none, no two requests overlapped".into(),
        }
    }
}

/// Returns why a race could have stayed unseen; `None` if the evidence is strong. `widest` is the
/// widest race window that strong evidence may leave unseen.
fn why_not_shown(operations: &[Operation], widest: Duration) -> Option<String> {
    let strength = strength(operations);
    match strength.window {
        None => Some("no two requests overlapped, so no race could show itself".into()),
        Some(window) if window > widest => Some(format!(
            "only a race window of {window:.1?} or more would have been seen; grade again on a \
             machine that is less busy, with more --clients or a longer --timeout"
        )),
        Some(_) if available_parallelism().is_ok_and(|cores| cores.get() == 1) => Some(
            "this machine has one core, so threads take turns; grade again with two or more".into(),
        ),
        Some(_) => None,
    }
}
