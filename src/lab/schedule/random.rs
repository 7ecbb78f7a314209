//! Random schedules, of two sorts. In the first all schedules are equally likely. The second
//! follows random priorities, and finds a fault with a known least probability.
//!
//! ```text
//!   priorities   A 5, B 7         B runs, because its priority is the highest
//!   at step 3    B falls to 1     a change: now A runs, until it is done
//! ```
//!
//! A schedule of the first sort switches between clients all the time. It seldom finds a fault for
//! which one client must run long while another stands still. Priorities find such a fault: the
//! client with the highest priority runs until it ends, or until a *change* lowers its priority. A
//! fault has *depth* d if d steps, in the right order, are enough for it. The race has depth 2:
//! both loads before the first store.
//!
//! **Invariants** for `n` clients and `k` steps, a schedule by priorities with `d` - 1 changes
//! shows a fault of depth `d` with a probability of at least 1 / (n · k^(d-1)).
//!
//! **Lock** none. **Source** Burckhardt, Kothari, Musuvathi and Nagarakatte, "A randomized
//! scheduler with probabilistic guarantees of finding bugs" (2010).

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use super::Schedules;

impl Schedules {
    /// Returns `begun`, completed by the steps that are left, in a random order: all orders are
    /// equally likely. The same seed gives the same schedule. If `begun` is no beginning of a
    /// schedule, returns it as it is.
    pub fn random(&self, begun: &[u8], seed: u64) -> Vec<u8> {
        let mut all = self.complete(begun).unwrap_or_else(|| begun.to_vec());
        // A schedule names only the client of each step. So each schedule comes from the same
        // number of shuffles, and all are equally likely.
        all[begun.len()..].shuffle(&mut StdRng::seed_from_u64(seed));
        all
    }

    /// Returns a schedule by random priorities with `depth` - 1 changes, each before a random step.
    pub fn by_priorities(&self, depth: usize, chance: &mut StdRng) -> Vec<u8> {
        let (clients, length) = (self.steps.len(), self.length());
        // The priorities at the start are `depth` or more. A change gives one below `depth`, so the
        // client then runs after all clients that had no change.
        let mut priorities: Vec<usize> = (depth..depth + clients).collect();
        priorities.shuffle(chance);
        // `max(1)`: the range must not be empty, also for a schedule without steps.
        let mut changes: Vec<usize> =
            (1..depth).map(|_| chance.random_range(0..length.max(1))).collect();
        changes.sort_unstable();
        let mut left = self.steps.clone();
        let mut schedule = Vec::with_capacity(length);
        while let Some(client) =
            (0..clients).filter(|&at| left[at] > 0).max_by_key(|&at| priorities[at])
        {
            // A change is due before this step: the client that would run now gets a priority
            // below `depth`, and the loop chooses again. The new priority is the number of changes
            // that are still to come, so no two changes give the same one.
            if let Some(change) = changes.iter().position(|&at| at == schedule.len()) {
                changes.remove(change);
                priorities[client] = changes.len();
                continue;
            }
            left[client] -= 1;
            schedule.push(client as u8);
        }
        schedule
    }

    /// Returns the least probability, in percent, with which `count` schedules by priorities show a
    /// fault of that depth. A depth of 0 counts as 1. `of_one` is the least probability for one
    /// schedule; its `max(1.0)` avoids a division by 0 if there are no clients or no steps.
    pub fn chance_of_finding(&self, count: u64, depth: usize) -> f64 {
        let (clients, steps) = (self.steps.len() as f64, self.length() as f64);
        let of_one = 1.0 / (clients * steps.powi(depth.saturating_sub(1) as i32)).max(1.0);
        (1.0 - (1.0 - of_one).powf(count as f64)) * 100.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_random_schedule_goes_on_from_what_was_begun_and_its_seed_repeats_it() {
        let schedules = Schedules::new(vec![3, 3]);
        let one = schedules.random(&[1, 1], 7);
        assert_eq!(one, schedules.random(&[1, 1], 7));
        assert!(one.starts_with(&[1, 1]) && schedules.complete(&one).as_ref() == Some(&one));
        let all: HashSet<_> = (0..200).map(|seed| schedules.random(&[], seed)).collect();
        assert_eq!(all.len(), 20, "all of 6! / (3! * 3!)");
    }

    #[test]
    fn a_schedule_by_priorities_has_as_many_switches_as_changes_and_ends_allow() {
        let schedules = Schedules::new(vec![6, 4, 2]);
        let mut chance = StdRng::seed_from_u64(3);
        for depth in [1, 2, 3] {
            for _ in 0..200 {
                let one = schedules.by_priorities(depth, &mut chance);
                assert_eq!(schedules.complete(&one).as_ref(), Some(&one), "all steps, none twice");
                assert!(schedules.preemptions(&one) < depth, "{one:?}");
            }
        }
    }

    #[test]
    fn a_fault_of_depth_2_is_found_at_least_as_often_as_is_promised() {
        // The fault: client 0 does its step 5 before client 1 does its step 2.
        let schedules = Schedules::new(vec![8, 8]);
        let mut chance = StdRng::seed_from_u64(7);
        let count = 4000;
        let place = |schedule: &[u8], client, nth| {
            let mut own = (0..schedule.len()).filter(|&at| schedule[at] == client);
            own.nth(nth).unwrap()
        };
        let found = (0..count)
            .filter(|_| {
                let one = schedules.by_priorities(2, &mut chance);
                place(&one, 0, 5) < place(&one, 1, 2) && place(&one, 1, 1) < place(&one, 0, 0)
            })
            .count();
        // At least 1 / (2 * 16) of the schedules, which are 125; four standard deviations less.
        assert!(found > 125 - 4 * 11, "{found}");
        let promised = schedules.chance_of_finding(1, 2);
        assert!((promised - 100.0 / 32.0).abs() < 1e-9, "{promised}");
        assert!(schedules.chance_of_finding(1000, 2) > 99.9);
    }
}
