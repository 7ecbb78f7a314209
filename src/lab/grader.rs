//! The grader: draws from any running server over its socket, and gives points with reasons.
//!
//! ```text
//!   time ──►
//!   learn │ numbers  │ together  │ vanish  │ unread   │ permutation │ judge  │ unread  │ bad-input
//!         │ 10 %     │ 20 %      │ 10 %    │ 10 %     │ 30 %        │ 0 %    │ 5 %     │ 15 %
//!         │ draw 1   │ bursts of │ clients │ one does │ all clients │ the    │ a flood │ draw -1,
//!         │ … 1000   │ all       │ go away │ not read │ drain       │ ledger │ of draw │ 5000 A …
//! ```
//!
//! Each number that a check read before the judging goes into one [`Ledger`]. The four checks under
//! "judge" draw nothing: `unique`, `range`, `random` and `linearizable` read the ledger when it is
//! complete.
//!
//! The order has reasons. The drain follows the checks that need numbers, because a drained server
//! has none. The flood follows the drain, because more than a million draws would leave no list to
//! judge. Bad input comes last, because it may crash the server.
//!
//! | file | what |
//! | --- | --- |
//! | [`shape`], [`peer`] | how an unknown server writes its numbers; one connection to it |
//! | [`ledger`], [`judgement`] | the record of all draws; what the record proves |
//! | [`load`], [`hostile`] | many well-behaved clients; clients that misbehave |
//! | [`report`], [`formats`] | points and reasons; text, JSON, Gradescope, JUnit, TAP |
//! | [`source`] | a search of the source for structures that the homework forbids |
//!
//! **Invariants**
//!
//! 1. Each wait has an end. A check's deadline is its share of the time; a wait that began before
//!    the deadline may end after it. Only the last probe after the flood may use all the time that
//!    is left.
//! 2. Learning has no share: when it takes long, the last checks that draw do not run.
//! 3. A check that did not run earns nothing.
//!
//! **Lock** the ledger's; [`load`] has a second lock, for failures. A client thread locks the
//! ledger after the end of the answer was timed, so the wait for the lock is no part of the
//! request's interval. No socket is used under a lock.
//!
//! **Simplified** A grading can show a fault, and never that there is none: a race that did not
//! happen in these seconds is not found. [`judgement`] says which race would probably have been
//! found.
//!
//! **Source** `loot-box.txt`, the specification, 2 to 5, and the scenario.

pub mod formats;
pub mod hostile;
pub mod judgement;
pub mod ledger;
pub mod load;
pub mod peer;
pub mod report;
pub mod shape;
pub mod source;

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use self::judgement::{contradiction, strength};
use self::ledger::{Duplicate, Ledger, Operation};
use self::peer::{AnswerEnd, DrawAnswer, GradedPeer, Learned, learn};
use self::report::{CheckOutcome, GradeReport};
use self::shape::ReplyShape;
use crate::common::lock::lock;
use crate::lab::shuffle::Shuffle;

/// The longest wait for one reply. A tenth of `--timeout` is a second bound, so a reply that never
/// comes costs at most a tenth of the time: 5 s of the default 60 s, 500 ms of the least 5 s.
const PATIENCE: Duration = Duration::from_secs(5);

/// The range is judged only when at least one number in `RANGE_NEEDS_ONE_IN` of the list came:
/// 1,000 numbers of 100,000. A server that ends after two good numbers has not shown that its list
/// is right.
const RANGE_NEEDS_ONE_IN: u64 = 100;

/// The longest excerpt of a reply in the report, in characters.
const EXCERPT: usize = 50;

/// The most examples of one finding in the report; the number of all stands before them.
const MAX_SHOWN: usize = 3;

/// The user's options: which server to grade, with how many clients, for how long.
#[derive(Debug, Clone)]
pub struct Options {
    /// The server's address.
    pub address: SocketAddr,
    /// The number of clients that draw at once, each in a thread of its own.
    pub clients: usize,
    /// The greatest number: the list should be a permutation of 1 to this.
    pub numbers: u32,
    /// The time for learning and all checks together.
    pub timeout: Duration,
    /// The list in its order, where the user knows it. Without it `linearizable` is undecidable.
    pub order: Option<Vec<u32>>,
}

/// The state that all checks share. The client threads borrow it; of its fields only the ledger
/// changes.
#[derive(Debug)]
pub struct Grading<'o> {
    /// The user's options.
    pub options: &'o Options,
    /// The form of this server's replies; each peer gets a copy.
    pub shape: ReplyShape,
    /// The longest wait for one reply.
    pub patience: Duration,
    /// The instant at which the time for all checks is over.
    end: Instant,
    /// The zero of the ledger's times: the start of the first draw.
    began: Instant,
    /// The record of all draws. Every client thread locks it after each of its answers.
    ledger: Mutex<Ledger>,
}

/// The outcome of a check, and its reasons, one line each.
pub type CheckVerdict = (CheckOutcome, Vec<String>);

/// Returns the verdict of a check that earns nothing, for one reason.
fn lost(why: impl Into<String>) -> CheckVerdict {
    (CheckOutcome::Earned(0.0), vec![why.into()])
}

/// Grades the server and returns the report. `watch` receives the report, and the name of the next
/// part of the grading: before the learning, before each check and at the end. So the caller can
/// save the report, and a grading that is killed leaves a report without full marks. `notes` are
/// the caller's own lines for the end of the report.
///
/// If [`learn`] finds no drawn number in the server's replies, the grading ends early: the report
/// has no points, its `answered` is false, and `watch` is not called at the end.
pub fn grade(
    options: &Options,
    notes: Vec<String>,
    mut watch: impl FnMut(&GradeReport, &str),
) -> GradeReport {
    let target = format!(
        "{}, {} clients, a list of 1 to {}",
        options.address, options.clients, options.numbers
    );
    let mut report = GradeReport::new(target);
    watch(&report, "learning how it speaks");
    let patience = PATIENCE.min(options.timeout / 10);
    let end = Instant::now() + options.timeout;
    let Some(Learned { shape, samples, unseen }) = learn(options.address, patience, end) else {
        let none = "no draw was answered with a number".to_string();
        report.set("numbers", CheckOutcome::Earned(0.0), vec![none], 0.0);
        report.notes.extend(notes);
        return report;
    };
    report.answered = true;
    let mut ledger = Ledger::new(options.numbers);
    ledger.unseen = unseen as u64;
    let ledger = Mutex::new(ledger);
    let began = samples.first().map_or_else(Instant::now, |(_, answer)| answer.start);
    let grading = Grading { options, shape, patience, end, began, ledger };
    // The samples belong to the record: no other client will get their numbers.
    samples.iter().for_each(|(asked, answer)| grading.record(0, *asked, answer));
    report.notes.push(grading.describe_shape());
    // If a sample has not as many numbers as were asked for, the mistake may be the grader's. So a
    // note asks a person to look at the reply.
    if let Some((asked, answer)) = samples.iter().find(|(n, answer)| answer.numbers.len() != *n) {
        let odd = describe(*asked, answer);
        report.notes.push(format!("its replies may not have been understood: {odd}"));
    }
    grading.run_all(&mut report, &mut watch);
    report.notes.extend(notes);
    watch(&report, "done");
    report
}

/// A check: draws until the deadline at most, and returns its verdict.
type CheckFunction<'o> = fn(&Grading<'o>, Instant) -> CheckVerdict;

impl<'o> Grading<'o> {
    /// All checks in the order they run: the key, the share of the time, the function. The shares
    /// add up to 1. A check with share 0 judges the ledger and draws nothing, so it runs even when
    /// time is over. `unread` has two parts; the report keeps the worse outcome.
    const CHECKS: [(&'static str, f64, CheckFunction<'o>); 11] = [
        ("numbers", 0.1, Self::answers_with_as_many_numbers),
        ("together", 0.2, Self::serves_many_together),
        ("vanish", 0.1, Self::survives_a_client_that_vanishes),
        ("unread", 0.1, Self::survives_an_unread_reply),
        ("permutation", 0.3, Self::is_drained_to_a_permutation),
        ("unique", 0.0, Self::gives_no_number_twice),
        ("range", 0.0, Self::stays_in_range),
        ("random", 0.0, Self::draws_in_random_order),
        ("linearizable", 0.0, Self::is_one_counter),
        ("unread", 0.05, Self::survives_a_flood_that_nobody_reads),
        ("bad-input", 0.15, Self::survives_bad_input),
    ];

    /// Returns a peer that is not yet connected. Its waits end at `deadline`, or a little after it
    /// (at the end of a reply or in a banner).
    pub fn peer(&self, deadline: Instant) -> GradedPeer {
        GradedPeer::new(self.options.address, self.shape.clone(), self.patience, deadline)
    }

    /// Adds an answer to the ledger. An answer without a number proves nothing and is left out.
    pub fn record(&self, client: usize, asked: usize, answer: &DrawAnswer) {
        if answer.numbers.is_empty() {
            return;
        }
        let since = |moment: Instant| moment.saturating_duration_since(self.began);
        let (start, end) = (since(answer.start), since(answer.end));
        // Copied before the lock, so that no other client waits for the copy.
        let numbers = answer.numbers.clone();
        self.ledger().add(Operation { client, start, end, asked, numbers });
    }

    /// Adds an answer to the ledger. If the server stayed silent, counts the numbers that were
    /// asked for as unseen: the peer has closed the connection, but the server may still draw them.
    pub fn record_and_count_unseen(&self, client: usize, asked: usize, answer: &DrawAnswer) {
        self.record(client, asked, answer);
        if answer.ending == AnswerEnd::Silent {
            self.ledger().unseen += asked as u64;
        }
    }

    /// Locks the ledger. The caller must not use a socket while it holds the guard.
    pub fn ledger(&self) -> std::sync::MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    /// Runs the checks in their order and writes the outcomes into the report.
    fn run_all(&self, report: &mut GradeReport, watch: &mut impl FnMut(&GradeReport, &str)) {
        for (key, share, check) in Self::CHECKS {
            let name = report.checks.iter().find(|check| check.key == key).map_or("", |c| c.name);
            watch(report, name);
            let start = Instant::now();
            if share > 0.0 && start >= self.end {
                report.set(key, CheckOutcome::NotRun, vec!["time was over before it".into()], 0.0);
                continue;
            }
            // A share is an upper bound: time that a check leaves over does not lengthen the next
            // one.
            let deadline = self.end.min(start + self.options.timeout.mul_f64(share));
            let (outcome, details) = check(self, deadline);
            report.set(key, outcome, details, start.elapsed().as_secs_f64());
        }
        report.notes.push(self.describe_strength());
    }

    /// `unique`: no number came twice. Without two requests at the same time no race can happen:
    /// then the check earns nothing.
    fn gives_no_number_twice(&self, _: Instant) -> CheckVerdict {
        let ledger = self.ledger();
        if ledger.duplicates.is_empty() && strength(&ledger.operations).pairs == 0 {
            return lost("not tried: no two requests overlapped, so no race could show itself");
        }
        if ledger.duplicates.is_empty() {
            return (CheckOutcome::Earned(1.0), Vec::new());
        }
        let came = |at: usize| {
            ledger.operations.get(at).map_or_else(
                String::new,
                |Operation { client, asked, end, .. }| {
                    format!("client {client} (draw {asked}, {:.3} s)", end.as_secs_f64())
                },
            )
        };
        let show = |Duplicate { number, before, again }: &Duplicate| {
            format!("{number} went to {} and to {}", came(*before), came(*again))
        };
        let mut details = vec![format!(
            "input: {} clients draw at once; {} numbers came again",
            self.options.clients,
            ledger.duplicates.len()
        )];
        details.extend(ledger.duplicates.iter().take(MAX_SHOWN).map(show));
        (CheckOutcome::Earned(0.0), details)
    }

    /// `range`: each number that came is in the list. If too few came, the check earns nothing.
    fn stays_in_range(&self, _: Instant) -> CheckVerdict {
        let ledger = self.ledger();
        if ledger.received() < u64::from(ledger.greatest()) / RANGE_NEEDS_ONE_IN {
            return lost(format!("only {} numbers came, too few to tell", ledger.received()));
        }
        if ledger.out_of_range.is_empty() {
            return (CheckOutcome::Earned(1.0), Vec::new());
        }
        let total = ledger.received();
        let wrong = ledger.out_of_range.len();
        let show = |&(number, at): &(u64, usize)| {
            let asked = ledger.operations.get(at).map_or(0, |operation| operation.asked);
            let number = if number == u64::MAX {
                "a number below 0 or over 64 bits".into()
            } else {
                number.to_string()
            };
            format!("input: draw {asked}; {number} is not in 1 to {}", ledger.greatest())
        };
        let mut details = vec![format!("{wrong} of {total} numbers are not in the list")];
        details.extend(ledger.out_of_range.iter().take(MAX_SHOWN).map(show));
        (CheckOutcome::Earned(0.0), details)
    }

    /// `random`: the test of [`Shuffle`] over the numbers, one client after the other, each
    /// client's in the order that it got them.
    fn draws_in_random_order(&self, _: Instant) -> CheckVerdict {
        let ledger = self.ledger();
        match Shuffle::of(&ledger.orders(), ledger.greatest()) {
            Some(shuffle) if shuffle.is_random() => {
                (CheckOutcome::Earned(1.0), vec![shuffle.to_string()])
            }
            Some(shuffle) => {
                let first: Vec<String> =
                    ledger.orders().iter().take(8).map(u32::to_string).collect();
                let came = format!("one client drew {} …", first.join(" "));
                (CheckOutcome::Earned(0.0), vec![shuffle.to_string(), came])
            }
            None => lost("too few numbers came to tell"),
        }
    }

    /// `linearizable`: one counter explains all draws. [`contradiction`] compares indices of the
    /// list, so this check needs to know the list's order.
    fn is_one_counter(&self, _: Instant) -> CheckVerdict {
        let Some(order) = &self.options.order else {
            let why = "not decidable: the list's order is not known; give --seed for leasebox, or \
                       --order FILE with the server's list";
            return (CheckOutcome::Undecidable, vec![why.into()]);
        };
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
            ledger.operations.get(at).map_or_else(String::new, |o| {
                let (start, end) = (o.start.as_secs_f64(), o.end.as_secs_f64());
                format!("client {}'s draw {} {what} ({start:.6} to {end:.6} s)", o.client, o.asked)
            })
        };
        let (over, later) = (found.over, found.later);
        let details = vec![
            format!("index {} went to {}", over.1, when(over.0, "that was over")),
            format!("index {} only to {}", later.1, when(later.0, "that began after it")),
            "unless the order that was given is that of another list".into(),
        ];
        (CheckOutcome::Earned(0.0), details)
    }

    /// Returns the note on how the server speaks.
    fn describe_shape(&self) -> String {
        let shape = &self.shape;
        let mut said = match shape.line_end {
            "" => "it takes commands without a line end".to_string(),
            "\n" => "it takes commands with a line end".to_string(),
            _ => "it takes commands with CR and LF".to_string(),
        };
        let beside = shape.before + shape.after;
        if beside > 0 {
            said += &format!(", says {beside} more numbers with each reply");
        }
        if shape.paired.is_some() {
            said += ", says an index with each number";
        }
        if !shape.keeps_open {
            said += ", closes after each reply";
        }
        said
    }

    /// Returns the note on the strength of the evidence: how narrow a race window this grading
    /// would have found with a probability of 99 %.
    fn describe_strength(&self) -> String {
        let strength = strength(&self.ledger().operations);
        let pairs = strength.pairs;
        match strength.window {
            Some(window) => format!(
                "strength of evidence: {pairs} pairs of requests overlapped; a race window of \
                 {window:.1?} or more would have shown itself with 99 %, if the server's threads run \
                 at once and pass it at any moment of a request alike; threads that take turns \
                 (one core, Python's global lock) can hide a wider one"
            ),
            None => "strength of evidence: none, no two requests overlapped".into(),
        }
    }
}

/// Returns one line on a reply with a fault: the request, and the reply instead of the right one.
pub fn describe(asked: usize, answer: &DrawAnswer) -> String {
    let came = answer.numbers.len();
    // Escaped, so that a student's reply cannot steer the terminal or forge a line of the report.
    let excerpt: String = answer.raw.escape_ascii().to_string().chars().take(EXCERPT).collect();
    let how = match answer.ending {
        AnswerEnd::Whole | AnswerEnd::Short => format!("{came} numbers came: {excerpt}"),
        AnswerEnd::Closed => format!("the server closed after {came} numbers: {excerpt}"),
        AnswerEnd::Silent => "no answer came in time".into(),
        AnswerEnd::TooLong => "the reply did not end".into(),
        AnswerEnd::Unreachable => "the server took no connection".into(),
    };
    format!("input: draw {asked}; {how}")
}
