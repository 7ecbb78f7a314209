//! Schedules: who does the next step, from the first to the last.
//!
//! ```text
//!   A has 4 steps, B has 2:    AAAABB  AAABAB  AAABBA  …  BBAAAA      15 of them
//! ```
//!
//! They come in the order of their preemptions: a switch away from a client that still
//! has steps to do. So the first that goes wrong is among the smallest that do
//! (iterative context bounding), and a search that is cut off has seen the simple ones.
//!
//! **Invariants** each schedule comes once, in the same order every time.
//!
//! **Lock** none.
//!
//! **Simplified** schedules that differ only in the order of steps which do not touch
//! each other are all tried: their number is what the lab shows.
//!
//! **Source** Musuvathi and Qadeer, "Iterative context bounding" (2007), for the order.

use std::ops::ControlFlow;

/// All schedules of clients that have so many steps each.
#[derive(Debug, Clone)]
pub struct Schedules {
    steps: Vec<usize>,
}

impl Schedules {
    /// Of clients with so many steps each.
    pub fn new(steps: Vec<usize>) -> Self {
        Self { steps }
    }

    /// The length of each.
    pub fn length(&self) -> usize {
        self.steps.iter().sum()
    }

    /// How many there are; `None` when that is over 128 bits.
    pub fn count(&self) -> Option<u128> {
        let mut placed = 0_u128;
        let mut count = 1_u128;
        for &steps in &self.steps {
            for step in 1..=steps as u128 {
                placed += 1;
                // count · placed / step, a binomial coefficient; divided before it is
                // multiplied, so that only a result that is too large overflows.
                let common = greatest_common_divisor(count, step);
                count = (count / common).checked_mul(placed / (step / common))?;
            }
        }
        Some(count)
    }

    /// How often `schedule` switches away from a client that has steps left.
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

    /// Visits each schedule with exactly `preemptions`, until `visit` breaks off.
    pub fn visit(
        &self,
        preemptions: usize,
        visit: &mut impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut left = self.steps.clone();
        self.extend(&mut Vec::new(), &mut left, preemptions, visit)
    }

    fn extend(
        &self,
        schedule: &mut Vec<u8>,
        left: &mut [usize],
        preemptions: usize,
        visit: &mut impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if schedule.len() == self.length() {
            return if preemptions == 0 { visit(schedule) } else { ControlFlow::Continue(()) };
        }
        let last = schedule.last().copied();
        let could_go_on = last.filter(|&last| left[last as usize] > 0);
        for client in 0..left.len() {
            let cost = usize::from(could_go_on.is_some_and(|last| usize::from(last) != client));
            if left[client] == 0 || cost > preemptions {
                continue;
            }
            schedule.push(client as u8);
            left[client] -= 1;
            self.extend(schedule, left, preemptions - cost, visit)?;
            left[client] += 1;
            schedule.pop();
        }
        ControlFlow::Continue(())
    }

    /// `begun`, and then each client's steps that are left, in the clients' order.
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
