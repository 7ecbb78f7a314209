//! One schedule of each kind. Two steps of different clients are *independent* if their order
//! cannot matter: two loads, for example. Schedules that differ only in the order of independent
//! steps are of one kind, and have the same result.
//!
//! ```text
//!   A loads, B loads, …        the same kind as B loads, A loads, …: one of the two is enough
//!   A loads, B stores, …       another kind than B stores, A loads, …: A loads another value
//! ```
//!
//! The search goes depth first, as [`Schedules::visit`] does. At each beginning of a schedule it
//! tries the clients one after the other. In addition it keeps a *sleep set* of clients that it
//! does not try:
//!
//! 1. A client whose step was tried falls asleep, because all schedules with that step at this
//!    place are visited.
//! 2. When another client does a step, a sleeping client stays asleep if its own next step is
//!    independent of that step: a swap of the two steps gives a schedule of a visited kind.
//! 3. If the two steps are dependent, the sleeping client wakes up: the result may be another one.
//!
//! **Invariants** of each kind exactly one schedule is visited.
//!
//! **Lock** none. **Simplified** the caller says before any run which steps are dependent. Dynamic
//! partial-order reduction finds this out during the runs. This search also enters branches in
//! which all clients sleep, and leaves them again; a search with source sets would not. Such a
//! branch costs no run, only some steps of the search.
//!
//! **Source** Godefroid, *Partial-Order Methods for the Verification of Concurrent Systems* (1996),
//! chapter 5, for sleep sets; Flanagan and Godefroid, "Dynamic partial-order reduction for model
//! checking software" (2005).

use std::ops::ControlFlow;

use super::Schedules;

/// A step: its client, and its place among the client's steps, from 0.
type ClientStep = (usize, usize);

/// Says whether the order of two steps of different clients can matter.
pub type AreDependent<'a> = &'a dyn Fn(ClientStep, ClientStep) -> bool;

impl Schedules {
    /// Calls `visit` for one schedule of each kind, until `visit` returns `Break`. Then it returns
    /// `Break` too.
    pub fn visit_kinds(
        &self,
        are_dependent: AreDependent<'_>,
        visit: &mut impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut done = vec![0; self.steps.len()];
        let asleep = vec![false; self.steps.len()];
        self.extend_kinds(&mut Vec::new(), &mut done, &asleep, are_dependent, visit)
    }

    /// Extends `schedule` by one step of each client, removes the step again and tries the next
    /// client; leaves out clients that sleep or have no step left. `done` has the number of steps
    /// that each client has done, `asleep` says which clients sleep. The recursion is as deep as a
    /// schedule is long.
    fn extend_kinds(
        &self,
        schedule: &mut Vec<u8>,
        done: &mut [usize],
        asleep: &[bool],
        are_dependent: AreDependent<'_>,
        visit: &mut impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if schedule.len() == self.length() {
            return visit(schedule);
        }
        let mut asleep = asleep.to_vec();
        for client in 0..done.len() {
            if asleep[client] || done[client] == self.steps[client] {
                continue;
            }
            let step = (client, done[client]);
            // A client that sleeps does no step, so the step that it had then is still its next.
            let stays =
                |(at, &sleeps): (usize, &bool)| sleeps && !are_dependent((at, done[at]), step);
            let still_asleep: Vec<bool> = asleep.iter().enumerate().map(stays).collect();
            schedule.push(client as u8);
            done[client] += 1;
            self.extend_kinds(schedule, done, &still_asleep, are_dependent, visit)?;
            done[client] -= 1;
            schedule.pop();
            asleep[client] = true;
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Returns the kind of a schedule: for each pair of dependent steps, which comes first.
    fn kind(schedule: &[u8], are_dependent: AreDependent<'_>) -> Vec<(ClientStep, ClientStep)> {
        let mut done = [0; 3];
        let steps: Vec<ClientStep> = schedule
            .iter()
            .map(|&client| {
                let client = usize::from(client);
                done[client] += 1;
                (client, done[client] - 1)
            })
            .collect();
        let mut pairs = Vec::new();
        for (at, &first) in steps.iter().enumerate() {
            let later = steps[at + 1..].iter().filter(|second| second.0 != first.0);
            pairs
                .extend(later.filter(|second| are_dependent(first, **second)).map(|s| (first, *s)));
        }
        pairs.sort_unstable();
        pairs
    }

    #[test]
    fn each_kind_is_visited_once_and_none_is_left_out() {
        // Steps in turn load and store, as those of a draw without the lock.
        let are_dependent = |(_, a): ClientStep, (_, b): ClientStep| a % 2 == 1 || b % 2 == 1;
        for steps in [vec![4, 4], vec![8, 4], vec![2, 2, 2], vec![4, 2, 2], vec![3, 3, 1]] {
            let schedules = Schedules::new(steps.clone());
            let (mut all, mut visited) = (HashSet::new(), HashSet::new());
            for preemptions in 0..=schedules.length() {
                let _ = schedules.visit(preemptions, &mut |schedule| {
                    all.insert(kind(schedule, &are_dependent));
                    ControlFlow::Continue(())
                });
            }
            let _ = schedules.visit_kinds(&are_dependent, &mut |schedule| {
                assert!(visited.insert(kind(schedule, &are_dependent)), "{schedule:?} twice");
                ControlFlow::Continue(())
            });
            assert_eq!(visited, all, "{steps:?}");
        }
    }

    #[test]
    fn of_steps_that_are_all_independent_there_is_one_kind() {
        let mut visited = 0;
        let _ = Schedules::new(vec![5, 5, 5]).visit_kinds(&|_, _| false, &mut |_| {
            visited += 1;
            ControlFlow::Continue(())
        });
        assert_eq!(visited, 1);
    }
}
