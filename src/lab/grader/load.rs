//! Well-behaved clients: one alone, all of them in bursts, and all of them until the list is empty.
//!
//! ```text
//!   numbers    client 0   draw 1 ─ draw 2 ─ draw 4 ─ … ─ draw 1000
//!
//!   together   client 1   connect ─┐     ┌─ draw ─ reply ────┐     ┌─ connect …
//!              client 2   connect ─┤     ├─ draw ─── reply ──┤     ├─ connect …
//!              client 3   connect ─┘     └─ draw ─ reply ────┘     └─ connect …
//!                               barrier 1               barrier 2: its leader may set `stop`
//!
//!   drain      client 1   draw ─ reply ─ draw ─ reply ─ …  until 1000 are left or nothing more comes
//!              client 2   draw ─── reply ─ draw ─ reply ─ …
//! ```
//!
//! A race needs two threads in its window at the same time. So all clients of a burst are connected
//! before any of them draws, and most bursts draw one number: the shorter two overlapping requests
//! are, the closer together their critical sections lie.
//!
//! **Invariants**
//!
//! 1. Each thread that was made comes to every barrier, whatever its connection does. Between the
//!    two barriers of a round a thread leaves only when all leave, because `stop` is set.
//! 2. All threads leave in the same round. The leader sets `stop` before it comes to the next
//!    barrier 1, and the others read `stop` only after that barrier.
//! 3. Every loop ends: the bursts at a third of the list at the latest, the drain at twelve times
//!    its length, and both at their deadline.
//!
//! **Lock** the ledger's, and those of two lists of lines: the failures and the odd counts. None is
//! held during a request. Only `Burst::is_enough` holds two at once, the ledger's first; no thread
//! can hold them in the other order.
//!
//! **Simplified** All clients run on one machine, often the server's own, and take turns on its
//! cores. A load generator runs on several machines and finds races with narrower windows.
//!
//! **Source** `loot-box.txt`, the scenario: clients A and B that draw at once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex, OnceLock};
use std::thread;
use std::time::Instant;

use crate::common::lock::lock;
use crate::lab::grader::peer::{AnswerEnd, DrawAnswer, GradedPeer};
use crate::lab::grader::report::CheckOutcome;
use crate::lab::grader::{CheckVerdict, Grading, MAX_SHOWN, describe};

/// The counts that one client draws, 1867 numbers in all. From 250 on a reply has more than 1024
/// bytes, a usual size for a buffer: a server that loses the rest is found.
const COUNTS: [usize; 8] = [1, 2, 4, 10, 100, 250, 500, 1000];

/// None of these draws takes more than a twentieth of the list: `draw 1000` needs 20,000 numbers.
const PART_OF_LIST: usize = 20;

/// The counts of the bursts after the long ones. Each client begins at another place, so not all
/// counts of one burst are equal: many replies that go to a wrong client show by their length.
const BURST: [usize; 8] = [1, 1, 2, 1, 3, 1, 1, 10];

/// The number of long bursts, which come first, and the most numbers that a client draws in one.
/// Python's threads run in turns of 5 ms: a short draw is over before its turn ends, and only a
/// long one can be interrupted between the load of the shared index and its store.
const LONG_BURSTS: usize = 2;
const LONG_DRAW: usize = 1000;

/// In one long burst all clients together draw at most a twelfth of the list, so a sixth in both.
/// The other half of the third that all bursts may draw is left to the short bursts.
const LONG_BURST_PART: usize = 12;

/// The bursts stop when they have drawn a third of the list: the drain needs the rest.
const BURSTS_DRAW: u64 = 3;

/// The most numbers in one draw of the drain.
const BATCH: usize = 1000;

/// The draws of the drain are so short that each client makes about this many at least. With one
/// long draw for each client, few draws would overlap.
const MIN_DRAWS: usize = 8;

/// This many numbers, or a fiftieth of a long list, are left for the clients that vanish.
const LEFT_FOR_VANISHING: u64 = 1000;

/// The drain ends after this many times the list: a server may give new numbers for ever.
const MOST_LISTS: u64 = 12;

/// A client stops draining after this many incomplete replies, which have some numbers, but fewer
/// than it asked for. One is the last part of the list; two more may be a fault of the server.
const MAX_INCOMPLETE: usize = 3;

impl Grading<'_> {
    /// `numbers`: the reply to `draw N` has N numbers. The check earns the share of right replies
    /// among the `COUNTS` that the list is long enough for.
    pub(super) fn answers_with_as_many_numbers(&self, deadline: Instant) -> CheckVerdict {
        let mut peer = self.peer(deadline);
        let (mut good, mut details) = (0, Vec::new());
        let most = (self.options.numbers as usize / PART_OF_LIST).max(1);
        let counts = COUNTS.into_iter().filter(|&count| count <= most);
        let tried = counts.clone().count();
        for count in counts {
            if Instant::now() >= deadline {
                let seen = format!("time was over before draw {count}");
                if details.is_empty() {
                    return self.out_of_time(seen);
                }
                details.push(seen);
                break;
            }
            // A server of one number a message is asked `count` times.
            let times = if self.dialect.one_each { count } else { 1 };
            match (0..times).find_map(|_| self.wrong_answer(&mut peer, count)) {
                None => good += 1,
                Some(why) => details.push(why),
            }
        }
        (CheckOutcome::Earned(f64::from(good) / tried as f64), details)
    }

    /// Asks for `count` numbers, or for one if the server says one number a message
    /// (`answer.asked` has which), and records the answer. Returns a line for the report if the
    /// reply is not whole or has too many numbers; `None` if it is right, or if the grader's time
    /// was over.
    fn wrong_answer(&self, peer: &mut GradedPeer, count: usize) -> Option<String> {
        let answer = peer.draw(count);
        self.record_and_count_unseen(0, &answer);
        let is_right = answer.ending == AnswerEnd::Whole && answer.numbers.len() == answer.asked;
        if is_right || answer.ending == AnswerEnd::Cut {
            return None;
        }
        // The check for missing numbers must not blame the server for these a second time.
        self.ledger().lost_in_replies |= answer.numbers.len() < answer.asked;
        Some(describe(&answer))
    }

    /// `numbers`, second part: the reply to `draw N` has N numbers also when all clients draw at
    /// once, with different N. The bursts of `together` have found the wrong replies.
    pub(super) fn answers_with_as_many_under_load(&self, _: Instant) -> CheckVerdict {
        let mut odd = std::mem::take(&mut *lock(&self.odd_counts));
        if odd.is_empty() {
            return (CheckOutcome::Earned(1.0), Vec::new());
        }
        let count = odd.len();
        odd.truncate(MAX_SHOWN);
        odd.insert(0, format!("{count} replies were wrong while all clients drew at once"));
        self.unless_raced((CheckOutcome::Earned(0.0), odd))
    }

    /// `together`: all clients are served when they draw at the same time.
    pub(super) fn serves_many_together(&self, deadline: Instant) -> CheckVerdict {
        let burst = Burst {
            grading: self,
            stop: AtomicBool::default(),
            deadline,
            enough: self.ledger().received() + u64::from(self.options.numbers) / BURSTS_DRAW,
            asked: AtomicUsize::default(),
            failures: Mutex::default(),
        };
        let made = self.at_once(self.options.clients, |client, all| {
            burst.take_part(client, self.peer(deadline), all)
        });
        burst.verdict(made)
    }

    /// `permutation`, first part: all clients draw until only the last numbers are left. The
    /// outcome is always full points: the second part judges the drained list.
    pub(super) fn is_nearly_drained(&self, deadline: Instant) -> CheckVerdict {
        let left = (u64::from(self.options.numbers) / 50).max(LEFT_FOR_VANISHING);
        self.drain_together(left, false, deadline);
        (CheckOutcome::Earned(1.0), Vec::new())
    }

    /// Lets all clients draw until at most `left` numbers are left, or another bound of
    /// [`Grading::drain`] is reached. Returns whether a client was still drawing at the deadline.
    pub(super) fn drain_together(&self, left: u64, draws_single: bool, deadline: Instant) -> bool {
        let (began, late) = (Instant::now(), AtomicBool::new(false));
        let drain = Drain { left, draws_single, began, deadline, late };
        let made = self.at_once(self.options.clients, |client, _| self.drain(client, &drain));
        // The system made no thread: this thread drains, so that the list can still be judged.
        if made == 0 {
            self.drain(0, &drain);
        }
        drain.late.into_inner()
    }

    /// Runs `work` in a thread for each client, 1 and up, and waits for all of them. Returns how
    /// many threads the system made: when it refuses one, the clients after it are left out.
    pub(super) fn at_once(&self, clients: usize, work: impl Fn(usize, &Barrier) + Sync) -> usize {
        // A barrier needs its size in advance, but the number of threads is known only after the
        // last spawn. So each thread first waits until the barrier is made. With a barrier for all
        // clients, the threads that were made would wait for ever for those that were not.
        let made_barrier: OnceLock<Barrier> = OnceLock::new();
        thread::scope(|scope| {
            let (work, made_barrier) = (&work, &made_barrier);
            let spawn = |client| {
                let begin = move || work(client, made_barrier.wait());
                thread::Builder::new().spawn_scoped(scope, begin).ok()
            };
            let made = (1..=clients).map_while(spawn).count();
            made_barrier.get_or_init(|| Barrier::new(made));
            if made < clients {
                let short = format!("threads for {made} of {clients} clients; end something");
                self.shortage.add(short);
            }
            made
        })
    }

    /// Draws as `client` until at most `drain.left` numbers are left, a reply has no number, a
    /// short reply comes again word for word, or a bound is reached: the deadline,
    /// [`MAX_INCOMPLETE`] short replies, or the bound of [`Grading::is_drained_to`].
    fn drain(&self, client: usize, drain: &Drain) {
        let mut peer = self.peer(drain.deadline);
        // A short reply is the last part of the list, or a message such as "0 left". The client
        // keeps it until the end: only a message comes again word for word.
        let mut short: Vec<DrawAnswer> = Vec::new();
        while short.len() < MAX_INCOMPLETE {
            if Instant::now() >= drain.deadline {
                drain.late.store(true, Ordering::Relaxed);
                break;
            }
            let answer = peer.draw(self.batch(drain));
            // A reply that the deadline cut off is no fault of the server.
            drain.late.fetch_or(Instant::now() >= drain.deadline, Ordering::Relaxed);
            if answer.ending == AnswerEnd::Whole || answer.ending == AnswerEnd::Cut {
                self.record_and_count_unseen(client, &answer);
            } else if answer.numbers.is_empty() {
                // A silent server may still draw them.
                self.record_and_count_unseen(client, &answer);
                break;
            } else if short.iter().any(|known| known.raw == answer.raw) {
                // The same bytes again are a message, so its digits are no numbers: the first copy
                // is removed too.
                short.retain(|known| known.raw != answer.raw);
                break;
            } else {
                short.push(answer);
            }
            if self.is_drained_to(drain.left) {
                break;
            }
        }
        // The rest of a reply that was taken for short has come: its last number may have been cut.
        if peer.reply_went_on()
            && let Some(last) = short.last_mut()
        {
            last.numbers.pop();
        }
        short.iter().for_each(|answer| self.record(client, answer));
    }

    /// Returns whether at most `left` numbers are left, or whether the drain makes no sense any
    /// more: so many numbers came that the list has no end, or more than a tenth of the list came
    /// twice. After a number out of range nobody knows how many are left.
    fn is_drained_to(&self, left: u64) -> bool {
        let ledger = self.ledger();
        let numbers = u64::from(self.options.numbers);
        ledger.missing() <= left && ledger.out_of_range.is_empty()
            || ledger.received() > numbers.saturating_mul(MOST_LISTS)
            || ledger.duplicates.len() as u64 > numbers / 10
    }

    /// Returns the count of the next draw. In the first half of the time it is 1: the shorter two
    /// overlapping draws are, the closer together their critical sections lie, and the more
    /// likely a race is. After that it is large, so that a distant server is drained in time too,
    /// and it falls as the list comes to its end.
    fn batch(&self, drain: &Drain) -> usize {
        let half = drain.began + drain.deadline.saturating_duration_since(drain.began) / 2;
        if drain.draws_single || Instant::now() < half {
            return 1;
        }
        // Each `max(1)` avoids a division by zero or a draw of no number.
        let share = self.options.numbers as usize / (self.options.clients * MIN_DRAWS).max(1);
        let left = self.ledger().missing().saturating_sub(drain.left);
        // All clients together ask for about half of what is left, and do not pass the drain's end.
        let last = usize::try_from(left).unwrap_or(usize::MAX) / (2 * self.options.clients).max(1);
        share.clamp(1, BATCH).min(last.max(1))
    }
}

/// One drain of the list by all clients.
struct Drain {
    /// The drain ends when this many numbers are left.
    left: u64,
    /// Whether each draw asks for one number, however little time is left.
    draws_single: bool,
    /// The start of the drain. Single draws end in the middle between this and `deadline`.
    began: Instant,
    /// The instant at which every client stops.
    deadline: Instant,
    /// Whether a client was still drawing at the deadline. Each client may set it.
    late: AtomicBool,
}

/// The state of all bursts. The client threads share it by reference.
struct Burst<'g> {
    /// The grading, with the ledger that every thread adds to.
    grading: &'g Grading<'g>,
    /// Whether the bursts are over. The leader of barrier 2 sets it, all read it after barrier 1.
    stop: AtomicBool,
    /// The bursts end with the first round that ends after this instant.
    deadline: Instant,
    /// The bursts end when the ledger has received this many numbers.
    enough: u64,
    /// The requests of all clients. `Relaxed` is enough: the sum is read when all threads have
    /// ended.
    asked: AtomicUsize,
    /// For each request without a number, whether some bytes came, and a line for the report. Every
    /// thread may add one.
    failures: Mutex<Vec<(bool, String)>>,
}

impl Burst<'_> {
    /// Draws in every burst as one of the clients, until the leader has set `stop`.
    fn take_part(&self, client: usize, mut peer: GradedPeer, all: &Barrier) {
        let clients = self.grading.options.clients;
        let part = self.grading.options.numbers as usize / (clients * LONG_BURST_PART).max(1);
        let long = part.clamp(1, LONG_DRAW);
        // The counts of the clients differ by up to 6, so that most replies to a wrong client show.
        let long = std::iter::repeat_n(long - client % long.min(7), LONG_BURSTS);
        for count in long.chain(BURST.into_iter().cycle().skip(client)) {
            // All connect before the barrier, so that only draws happen in the burst. An error is
            // left to `draw`, which connects again and reports it: this thread must come to the
            // barrier.
            let _ = peer.connect();
            all.wait();
            if self.stop.load(Ordering::SeqCst) {
                return;
            }
            let answer = peer.draw(count);
            self.asked.fetch_add(1, Ordering::Relaxed);
            self.grading.record_and_count_unseen(client, &answer);
            let why =
                || format!("{clients} clients at once, client {client}: {}", describe(&answer));
            // A reply with some numbers was served; the second part of `numbers` judges whether
            // they are as many as asked for.
            // A reply that the grader's own time cut off is not judged.
            let is_judged = answer.ending != AnswerEnd::Cut;
            if is_judged && answer.numbers.is_empty() {
                lock(&self.failures).push((!answer.raw.is_empty(), why()));
            } else if is_judged && answer.numbers.len() != answer.asked {
                self.grading.ledger().lost_in_replies |= answer.numbers.len() < answer.asked;
                lock(&self.grading.odd_counts).push(why());
            }
            // `is_leader` is true in exactly one thread, so one thread decides for all.
            if all.wait().is_leader() && self.is_enough() {
                self.stop.store(true, Ordering::SeqCst);
            }
        }
    }

    /// Returns whether another burst would prove nothing more: time is over, the numbers for the
    /// bursts are drawn, or a fault was found.
    fn is_enough(&self) -> bool {
        let ledger = self.grading.ledger();
        Instant::now() >= self.deadline
            || ledger.received() >= self.enough
            || !ledger.duplicates.is_empty()
            || !lock(&self.grading.odd_counts).is_empty()
            || !lock(&self.failures).is_empty()
    }

    /// Returns the verdict; `made` is the number of threads that took part.
    fn verdict(self, made: usize) -> CheckVerdict {
        let asked = self.asked.into_inner();
        let failures = std::mem::take(&mut *lock(&self.failures));
        let is_served = failures.iter().all(|(came, _)| *came);
        let mut details: Vec<String> = failures.into_iter().map(|(_, why)| why).collect();
        let answered = asked - details.len();
        if made < 2 {
            return (CheckOutcome::NotShown(0.0), vec!["not shown: not tried".into()]);
        }
        if answered == asked {
            return (CheckOutcome::Earned(1.0), details);
        }
        details.truncate(MAX_SHOWN);
        details.insert(0, format!("{answered} of {asked} requests were answered"));
        // The bursts end with the round of the first failure, so all failures are of one round: of
        // its `made` requests, `served` were answered.
        let served = made.saturating_sub(asked - answered);
        // A server that answers only one client of a round does not serve them together: no points.
        let share = if served < 2 { 0.0 } else { served as f64 / made as f64 };
        let verdict = (CheckOutcome::Earned(share), details);
        // If each failed request had some bytes of a reply, a race may have spoilt these replies.
        if is_served { self.grading.unless_raced(verdict) } else { verdict }
    }
}
