//! Well-behaved clients, one and many.
//!
//! ```text
//!   numbers    one client: draw 1, 2, 4, … 1000
//!   together   all clients connect, then all ask
//!              barrier ─ all draw ─ barrier ─ all draw ─ …      bursts
//!   drain      all draw, as fast as they can, until nothing is left
//! ```
//!
//! Bursts start on a barrier, because a race needs two in its window at once; most of
//! them draw one number, so that every request passes its critical section soon.
//!
//! **Invariants** whatever a thread meets, it comes to every barrier: none waits for ever.
//!
//! **Lock** the ledger's and the failures', between requests; only the one that decides
//! whether to go on takes the second with the first.
//!
//! **Source** `loot-box.txt`, the scenario: clients that draw at once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Instant;

use crate::common::lock::lock;
use crate::lab::grader::peer::{AnswerEnd, DrawAnswer, GradedPeer};
use crate::lab::grader::report::CheckOutcome;
use crate::lab::grader::{CheckVerdict, Grading, MAX_SHOWN, describe};

/// Counts that one client draws; from 250 on the reply has over 1024 bytes.
const COUNTS: [usize; 8] = [1, 2, 4, 10, 100, 250, 500, 1000];

/// None of them draws more than this part of the list.
const PART_OF_LIST: usize = 20;

/// What the clients of a burst draw, in turn, after the first bursts.
const BURST: [usize; 8] = [1, 1, 1, 2, 1, 1, 1, 10];

/// The first bursts draw so many each: a server whose threads take turns (Python's do,
/// every 5 ms) is switched away from only within a long request.
const LONG_BURSTS: usize = 2;
const LONG_DRAW: usize = 1000;

/// The part of the list that each of them may draw, all clients together.
const LONG_BURST_PART: usize = 12;

/// The part of the list that bursts may draw.
const BURSTS_DRAW: u64 = 3;

/// Numbers of one draw while the list is drained.
const BATCH: usize = 1000;

/// Each client draws so many times at least, so that they meet.
const LEAST_DRAWS: usize = 8;

/// Short replies that end a client.
const MAX_SHORT: usize = 3;

impl Grading<'_> {
    pub(super) fn answers_with_as_many_numbers(&self, deadline: Instant) -> CheckVerdict {
        let mut peer = self.peer(deadline);
        let (mut good, mut details) = (0, Vec::new());
        let most = (self.options.numbers as usize / PART_OF_LIST).max(1);
        let counts = COUNTS.into_iter().filter(|&count| count <= most);
        let tried = counts.clone().count();
        for count in counts {
            if Instant::now() >= deadline {
                details.push(format!("time was over before draw {count}"));
                break;
            }
            let answer = peer.draw(count);
            self.record_or_give_up(0, count, &answer);
            if answer.ending == AnswerEnd::Whole && answer.numbers.len() == count {
                good += 1;
            } else {
                details.push(describe(count, &answer));
            }
        }
        (CheckOutcome::Earned(f64::from(good) / tried as f64), details)
    }

    pub(super) fn serves_many_together(&self, deadline: Instant) -> CheckVerdict {
        let burst = Burst::new(self, deadline);
        let made = self.at_once(|client, all| burst.take_part(client, self.peer(deadline), all));
        burst.verdict(made)
    }

    pub(super) fn is_drained_to_a_permutation(&self, deadline: Instant) -> CheckVerdict {
        let late = AtomicBool::new(false);
        let made = self.at_once(|client, _| self.drain(client, deadline, &late));
        if made == 0 {
            self.drain(0, deadline, &late);
        }
        self.judge_permutation(late.into_inner())
    }

    /// Runs `work` in a thread for each client, with a barrier for as many as there are;
    /// answers how many threads the system had to give.
    fn at_once(&self, work: impl Fn(usize, &Barrier) + Sync) -> usize {
        thread::scope(|scope| {
            let work = &work;
            // Nobody begins before all are made: the barrier is for those that are.
            let waiting: Vec<Sender<Arc<Barrier>>> = (1..=self.options.clients)
                .map_while(|client| {
                    let (go, begin) = channel::<Arc<Barrier>>();
                    let begun = move || {
                        if let Ok(all) = begin.recv() {
                            work(client, &all);
                        }
                    };
                    thread::Builder::new().spawn_scoped(scope, begun).ok().map(|_| go)
                })
                .collect();
            let all = Arc::new(Barrier::new(waiting.len()));
            // A thread that waits is there to receive.
            waiting.iter().for_each(|go| drop(go.send(all.clone())));
            waiting.len()
        })
    }

    /// Draws until nothing more comes.
    fn drain(&self, client: usize, deadline: Instant, late: &AtomicBool) {
        let mut peer = self.peer(deadline);
        let share = self.options.numbers as usize / (self.options.clients * LEAST_DRAWS).max(1);
        let batch = share.clamp(1, BATCH);
        // A list that never ends is no list: as much again is enough to say so.
        let enough = u64::from(self.options.numbers).saturating_mul(2);
        // A short reply is the end of the list, or what the server says when it is drained.
        let mut short: Vec<DrawAnswer> = Vec::new();
        while short.len() < MAX_SHORT {
            if Instant::now() >= deadline {
                late.store(true, Ordering::Relaxed);
                break;
            }
            let answer = peer.draw(batch);
            late.fetch_or(Instant::now() >= deadline, Ordering::Relaxed);
            if answer.ending == AnswerEnd::Whole {
                self.record(client, batch, &answer);
            } else if answer.numbers.is_empty() {
                break;
            } else if short.iter().any(|known| known.raw == answer.raw) {
                // Said again word for word: no numbers, whatever digits it holds.
                short.retain(|known| known.raw != answer.raw);
                break;
            } else {
                short.push(answer);
            }
            let ledger = self.ledger();
            if ledger.missing() == 0 || ledger.received() > enough {
                break;
            }
        }
        short.iter().for_each(|answer| self.record(client, batch, answer));
    }

    fn judge_permutation(&self, late: bool) -> CheckVerdict {
        let ledger = self.ledger();
        let (missing, unseen) = (ledger.missing(), ledger.unseen);
        let total = u64::from(ledger.greatest());
        let strangers = ledger.duplicates.len() + ledger.out_of_range.len();
        let counted = format!(
            "{} of {total} numbers came; {unseen} at most went to clients that vanished or never read",
            ledger.drawn
        );
        if missing <= unseen && strangers == 0 {
            return (CheckOutcome::Earned(1.0), vec![counted]);
        }
        let mut details = vec![counted];
        if strangers > 0 {
            details.push(format!("{strangers} more came that are twice or not in the list"));
        }
        if missing > unseen {
            let some: Vec<String> =
                ledger.missing_numbers(MAX_SHOWN).iter().map(usize::to_string).collect();
            let when = if late { "when time was over" } else { "when nothing more came" };
            details.push(format!("{missing} were missing {when}, such as {}", some.join(", ")));
        }
        // Half for a list that was not drained in time and is well as far as it went.
        let part =
            if late && strangers == 0 { ledger.drawn as f64 / total as f64 / 2.0 } else { 0.0 };
        (CheckOutcome::Earned(part), details)
    }
}

/// Many clients that draw at once, again and again.
struct Burst<'g, 'o> {
    grading: &'g Grading<'o>,
    stop: AtomicBool,
    deadline: Instant,
    /// Numbers that may be in the ledger when it ends.
    enough: u64,
    asked: AtomicUsize,
    answered: AtomicUsize,
    failures: Mutex<Vec<String>>,
}

impl<'g, 'o> Burst<'g, 'o> {
    fn new(grading: &'g Grading<'o>, deadline: Instant) -> Self {
        Self {
            grading,
            stop: AtomicBool::new(false),
            deadline,
            enough: grading.ledger().received() + u64::from(grading.options.numbers) / BURSTS_DRAW,
            asked: AtomicUsize::new(0),
            answered: AtomicUsize::new(0),
            failures: Mutex::default(),
        }
    }

    fn take_part(&self, client: usize, mut peer: GradedPeer, all: &Barrier) {
        let clients = self.grading.options.clients;
        let part = self.grading.options.numbers as usize / (clients * LONG_BURST_PART).max(1);
        let long = std::iter::repeat_n(part.clamp(1, LONG_DRAW), LONG_BURSTS);
        for count in long.chain(BURST.into_iter().cycle()) {
            // All are connected before the first one asks.
            let _ = peer.connect();
            all.wait();
            if self.stop.load(Ordering::SeqCst) {
                return;
            }
            let answer = peer.draw(count);
            self.asked.fetch_add(1, Ordering::Relaxed);
            self.grading.record_or_give_up(client, count, &answer);
            // A reply with numbers missing is another check's business: it was served.
            if !answer.numbers.is_empty() {
                self.answered.fetch_add(1, Ordering::Relaxed);
            } else {
                let why = format!(
                    "{clients} clients at once, client {client}'s {}",
                    describe(count, &answer)
                );
                lock(&self.failures).push(why);
            }
            if all.wait().is_leader() && self.is_enough() {
                self.stop.store(true, Ordering::SeqCst);
            }
        }
    }

    /// Whether going on would prove nothing more.
    fn is_enough(&self) -> bool {
        let ledger = self.grading.ledger();
        Instant::now() >= self.deadline
            || ledger.received() >= self.enough
            || !ledger.duplicates.is_empty()
            || !lock(&self.failures).is_empty()
    }

    /// What `made` clients at once saw.
    fn verdict(self, made: usize) -> CheckVerdict {
        let (asked, answered) = (self.asked.into_inner(), self.answered.into_inner());
        let mut details = std::mem::take(&mut *lock(&self.failures));
        if made < 2 {
            let why =
                "not tried: this machine has no threads for clients; end something else first";
            return (CheckOutcome::Earned(0.0), vec![why.into()]);
        }
        let clients = self.grading.options.clients;
        if made < clients {
            details.push(format!("this machine had threads for {made} clients, not {clients}"));
        }
        if answered == asked {
            return (CheckOutcome::Earned(1.0), details);
        }
        details.truncate(MAX_SHOWN);
        details.insert(0, format!("{answered} of {asked} requests were answered"));
        // What counts is how many were served in the round that failed.
        let served = made.saturating_sub(asked - answered);
        // One who is served alone is not served together.
        (CheckOutcome::Earned(if served < 2 { 0.0 } else { served as f64 / made as f64 }), details)
    }
}
