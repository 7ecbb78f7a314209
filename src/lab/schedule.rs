//! Schedules: the order of all steps of all clients, as the client of each step.
//!
//! ```text
//!   A has 4 steps, B has 2:    AAAABB  AAABAB  AAABBA  …  BBAAAA      15 of them
//! ```
//!
//! The order of the visits is that of the number of preemptions. A preemption is a switch away from
//! a client that still has steps. A switch at a client's end is no preemption, because that client
//! could not go on. With two steps each:
//!
//! ```text
//!   preemptions  0    AABB  BBAA        one client after the other
//!                1    ABBA  BAAB        one stopped in the middle: enough for the race
//!                2    ABAB  BABA
//! ```
//!
//! If the two steps are load and store, each of the 4 schedules with a preemption gives both
//! clients the same number.
//!
//! Because of this order, the first schedule with a fault has the fewest preemptions of all
//! schedules with a fault, and is the easiest to explain. If a limit ends the search early, the
//! schedules that were visited are the simplest ones. The order pays off because the simple ones
//! are few: the number of schedules grows exponentially with the steps, but only polynomially for a
//! fixed number of preemptions.
//!
//! **Invariants** calls of [`Schedules::visit`] with 0, 1, 2, … preemptions visit each schedule
//! once, and in the same order every time.
//!
//! **Lock** none: plain values.
//!
//! **Simplified** two schedules that differ only in the order of independent steps (two reads, for
//! example) have the same result, and both are visited: the number of all schedules is itself a
//! result to show. [`Schedules::visit_kinds`] visits one of them.
//!
//! **Source** Musuvathi and Qadeer, "Iterative context bounding for systematic testing of
//! multithreaded programs" (2007). Each of the nine new faults that they found needs at most two
//! preemptions.

mod kinds;
mod random;

use std::ops::ControlFlow;

/// All schedules of some clients, each with a fixed number of steps. They are never all in memory:
/// [`Schedules::visit`] makes one after the other.
#[derive(Debug, Clone)]
pub struct Schedules {
    /// The number of steps of each client. Its index is the client's number in a schedule, which is
    /// a `u8`: there are at most 256 clients.
    steps: Vec<usize>,
}

impl Schedules {
    /// Makes the schedules of clients with these numbers of steps.
    pub fn new(steps: Vec<usize>) -> Self {
        Self { steps }
    }

    /// Returns the length of each schedule: the sum of all steps.
    pub fn length(&self) -> usize {
        self.steps.iter().sum()
    }

    /// Returns the number of schedules; `None` if it needs more than 128 bits.
    ///
    /// The number is the multinomial coefficient (a + b + …)! / (a! · b! · …): 495 for 8 and 4
    /// steps, because 12! / (8! · 4!) = 495. The factorials themselves overflow at 35!. So the
    /// result grows by one factor for each step instead, and is a whole number after each.
    pub fn count(&self) -> Option<u128> {
        let mut placed = 0_u128;
        let mut count = 1_u128;
        for &steps in &self.steps {
            for step in 1..=steps as u128 {
                placed += 1;
                // The new count, count · placed / step, is a multinomial coefficient too, so it is
                // whole: after `common` is divided out, the rest of `step` divides `placed`. Counts
                // never fall, and both divisions come before the product. So if the product
                // overflows, the final result would too.
                let common = greatest_common_divisor(count, step);
                count = (count / common).checked_mul(placed / (step / common))?;
            }
        }
        Some(count)
    }

    /// Returns the number of preemptions of `schedule`.
    ///
    /// Precondition: it is a schedule of these clients, as from [`Schedules::complete`].
    pub fn preemptions(&self, schedule: &[u8]) -> usize {
        let mut left = self.steps.clone();
        let mut count = 0;
        for (at, &client) in schedule.iter().enumerate() {
            let last = at.checked_sub(1).map(|last| schedule[last]);
            count +=
                usize::from(last.is_some_and(|last| last != client && left[last as usize] > 0));
            left[client as usize] -= 1;
        }
        count
    }

    /// Calls `visit` for each schedule with exactly this number of preemptions, until `visit`
    /// returns `Break`. Then it returns `Break` too.
    ///
    /// Schedules with fewer preemptions are left out, so that calls with 0, 1, 2, … visit each
    /// schedule once. But each call builds their beginnings again. This costs little compared with
    /// a run of a schedule, which switches threads between steps of different clients.
    pub fn visit(
        &self,
        preemptions: usize,
        visit: &mut impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut left = self.steps.clone();
        self.extend(&mut Vec::new(), &mut left, preemptions, visit)
    }

    /// Extends `schedule` by each client in turn, and removes that client again: a depth-first
    /// search.
    ///
    /// `left` has the number of steps that each client has left. `preemptions` is the number that
    /// the rest of the schedule must have. The recursion is as deep as a schedule is long: at most
    /// 300 for the largest case of the command line.
    fn extend(
        &self,
        schedule: &mut Vec<u8>,
        left: &mut [usize],
        preemptions: usize,
        visit: &mut impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        // If preemptions are left over, a call with a smaller number has visited this schedule.
        if schedule.len() == self.length() {
            return if preemptions == 0 { visit(schedule) } else { ControlFlow::Continue(()) };
        }
        let last = schedule.last().copied();
        let could_go_on = last.filter(|&last| left[last as usize] > 0);
        for client in 0..left.len() {
            // A switch away from a client that could go on costs one preemption. To go on with it,
            // or to switch after its last step, costs none.
            let cost = usize::from(could_go_on.is_some_and(|last| usize::from(last) != client));
            if left[client] == 0 || cost > preemptions {
                continue;
            }
            schedule.push(client as u8);
            left[client] -= 1;
            self.extend(schedule, left, preemptions - cost, visit)?;
            // Undo the step, so that the next client starts from the same prefix. After `Break`
            // (the `?`) the lists are not used again.
            left[client] += 1;
            schedule.pop();
        }
        ControlFlow::Continue(())
    }

    /// Returns `begun`, completed by the steps that are left, client by client: `[1]` of two
    /// clients with two steps each becomes `[1, 0, 0, 1]`. Returns `None` if `begun` names an
    /// unknown client, or has more steps of a client than the client has.
    pub fn complete(&self, begun: &[u8]) -> Option<Vec<u8>> {
        let mut left = self.steps.clone();
        for &client in begun {
            let steps = left.get_mut(usize::from(client))?;
            *steps = steps.checked_sub(1)?;
        }
        let rest = left.iter().enumerate();
        let rest = rest.flat_map(|(client, &steps)| std::iter::repeat_n(client as u8, steps));
        Some(begun.iter().copied().chain(rest).collect())
    }
}

/// Returns the greatest common divisor, by Euclid's algorithm.
fn greatest_common_divisor(mut a: u128, mut b: u128) -> u128 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn all(schedules: &Schedules, preemptions: usize) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        let _ = schedules.visit(preemptions, &mut |schedule| {
            found.push(schedule.to_vec());
            ControlFlow::Continue(())
        });
        found
    }

    #[test]
    fn each_schedule_comes_once_and_in_the_order_of_its_preemptions() {
        for (steps, count) in [(vec![4, 2], 15), (vec![8, 4], 495), (vec![2, 2, 2], 90)] {
            let schedules = Schedules::new(steps);
            assert_eq!(schedules.count(), Some(count));
            let mut seen = HashSet::new();
            for preemptions in 0..=schedules.length() {
                for schedule in all(&schedules, preemptions) {
                    assert_eq!(schedules.preemptions(&schedule), preemptions, "{schedule:?}");
                    assert!(seen.insert(schedule), "twice");
                }
            }
            assert_eq!(seen.len() as u128, count);
        }
    }

    #[test]
    fn a_visit_ends_when_it_is_broken_off() {
        let mut visited = 0;
        let _ = Schedules::new(vec![4, 4]).visit(2, &mut |_| {
            visited += 1;
            if visited == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert_eq!(visited, 3);
    }

    #[test]
    fn a_count_that_is_too_large_is_not_rounded() {
        assert_eq!(Schedules::new(vec![12, 6]).count(), Some(18_564));
        assert_eq!(Schedules::new(vec![400, 400]).count(), None);
        let large = Schedules::new(vec![9, 20, 20, 20]).count();
        assert_eq!(large, Some(32_746_893_859_548_171_752_296_999_405_573_519_200));
    }

    #[test]
    fn what_was_begun_is_completed_and_what_has_too_many_steps_is_not() {
        let schedules = Schedules::new(vec![2, 2]);
        assert_eq!(schedules.complete(&[1]), Some(vec![1, 0, 0, 1]));
        assert_eq!(schedules.complete(&[1, 1, 1]), None);
        assert_eq!(schedules.complete(&[2]), None);
    }
}
