//! Measures how many cores the other programs of this machine left to a grading.
//!
//! ```text
//!   /proc/stat        cpu  user nice system idle iowait irq softirq steal …   all cores together
//!   /proc/PID/stat    … utime stime cutime cstime                             one process
//!
//!   others = (user + nice + system + steal) − grader − server
//!   left   = cores · (1 − others / all)
//! ```
//!
//! A race needs two threads that run at the same time. If another program keeps one of two cores
//! busy, the threads of a server take turns: a window of nanoseconds is hardly ever met, and a
//! server without a lock looks right.
//!
//! **Invariants** Where the system does not tell these times, nothing is claimed.
//!
//! **Lock** none.
//!
//! **Simplified** The result is the mean over a grading: a load of a second may hide in it. The
//! time of a child whose parent does not wait for it (SIGCHLD ignored) counts as another program's
//! time. The time in interrupts counts for no program.
//!
//! **Source** proc(5); all these times are in the same unit, clock ticks.

use std::fs;

use crate::cli::grade::processes::{Family, ticks};

/// The number of times that are read from a line of `/proc/stat`: `user` to `steal`. The next ones,
/// for guests, are not read, because `user` and `nice` include them.
const TIMES: usize = 8;
/// The positions, in such a line, of the times that programs use: user, nice, system, steal.
const BUSY: [usize; 4] = [0, 1, 2, 7];

/// The times of all cores at one moment, in clock ticks since the machine's start.
#[derive(Debug, Clone, Copy)]
pub(super) struct CoreTimes {
    cores: usize,
    all: u64,
    busy: u64,
    /// The part of `busy` that the grader and the server used.
    ours: u64,
}

impl CoreTimes {
    /// Returns the present times; `None` if the system does not show them. `server` names the
    /// processes of the graded server.
    pub(super) fn now(server: &Family) -> Option<Self> {
        let (cores, all, busy) = times(&fs::read_to_string("/proc/stat").ok()?)?;
        let server: u64 = server.processes().into_iter().filter_map(ticks).sum();
        Some(Self { cores, all, busy, ours: ticks(std::process::id())? + server })
    }

    /// Returns the number of cores, and how many of them other programs left since `before`, as a
    /// mean.
    pub(super) fn left_since(self, before: Self) -> (usize, f64) {
        // Saturating: ticks are rounded, so `ours` may grow by more than `busy`.
        let since = |now: u64, before: u64| now.saturating_sub(before);
        let others = since(self.busy, before.busy).saturating_sub(since(self.ours, before.ours));
        // The 1 avoids a division by 0 if no tick has passed.
        let all = since(self.all, before.all).max(1);
        (self.cores, self.cores as f64 * (1.0 - others as f64 / all as f64))
    }
}

/// Returns the cores, the time of all of them together and the busy part of it, from the text of
/// `/proc/stat`.
fn times(stat: &str) -> Option<(usize, u64, u64)> {
    let cores = stat.lines().filter(|line| line.starts_with("cpu") && !line.starts_with("cpu "));
    let times = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace().take(TIMES);
    let times: Vec<u64> = times.map_while(|word| word.parse().ok()).collect();
    let busy: Option<Vec<u64>> = BUSY.iter().map(|&at| times.get(at).copied()).collect();
    Some((cores.count(), times.iter().sum(), busy?.iter().sum()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_other_programs_used_is_not_left() {
        let text = "cpu  10 1 20 300 5 7 8 2 6 0\ncpu0 1 2\ncpu1 1 2\nintr 5\n";
        assert_eq!(times(text), Some((2, 353, 33)));
        assert_eq!(times("nonsense"), None);
        assert_eq!(times("cpu  10 1\n"), None);
        let at = |all, busy, ours| CoreTimes { cores: 2, all, busy, ours };
        let left = |now: CoreTimes| now.left_since(at(1000, 500, 300)).1;
        assert_eq!(left(at(1400, 500, 300)), 2.0, "all was idle");
        assert_eq!(left(at(1400, 900, 700)), 2.0, "all of it was ours");
        assert_eq!(left(at(1400, 700, 300)), 1.0, "another program kept one core busy");
        assert_eq!(left(at(1400, 500, 400)), 2.0, "ticks are rounded, so ours may be more");
        assert_eq!(left(at(1000, 500, 300)), 2.0, "no time has passed");
    }
}
