//! The grader: draws from any running server over its socket, and gives points with reasons.
//!
//! ```text
//!   time ──►
//!   learn │ numbers  │ together  │ unread   │ endures   │ drain      │ vanish  │ rest   │ judge  │ …
//!         │ 10 %     │ 20 %      │ 8 %      │ 10 %      │ 25 %       │ 6 %     │ 8 %    │ 0 %    │
//!         │ draw 1   │ bursts of │ one does │ 300       │ all draw,  │ clients │ draw 1 │ the    │
//!         │ … 1000   │ all       │ not read │ connects  │ 1 and more │ go away │        │ ledger │
//!
//!   … vanish, 2 %: at once     unread, 5 %: a flood of draws     bad-input, 6 %: draw -1, 5000 A …
//! ```
//!
//! `drain` and `rest` are the two parts of the check `permutation`. `numbers`, `vanish` and
//! `unread` have a second part too: at "judge" or after it.
//!
//! Each number that a check read before the judging goes into one [`Ledger`]. The checks under
//! "judge" draw nothing: they read the ledger when it is complete ([`verdicts`]).
//!
//! The order has reasons. The clients vanish after the drain, because numbers may be lost with
//! them: `rest` then allows as many missing numbers. The flood follows the judging, because more
//! than a million draws would leave no list to judge. Bad input comes last, because it may crash
//! the server.
//!
//! **One fault, one check.** A server that ended, or that serves one client at a time, would fail
//! later checks too. The grader skips those checks, and the report names the fault.
//!
//! | file | what |
//! | --- | --- |
//! | [`dialect`], [`fit`], [`shape`] | how an unknown server speaks, and where its numbers stand |
//! | [`peer`] | one connection to it |
//! | [`ledger`], [`judgement`], [`verdicts`] | the record of all draws; what it proves; the verdicts |
//! | [`load`], [`last_numbers`], [`endurance`] | well-behaved clients: many at once, at the end of the list, hundreds |
//! | [`hostile`], [`bad_input`], [`mood`] | clients that misbehave; lines that are no command; a probe before and after |
//! | [`report`], [`formats`] | points and reasons; text, JSON, Gradescope, JUnit, TAP |
//! | [`picture`], [`pages`] | which requests a page shows; the page |
//! | [`gradebook`] | a table of many submissions |
//! | [`shortage`] | what this machine itself ran short of |
//! | [`repeats`] | the worst of several gradings |
//! | [`source`] | a search of the source for structures that the homework forbids |
//!
//! **Invariants**
//!
//! 1. Each wait has an end. A check has its share of the time, and the time that earlier checks
//!    left over; a wait that began before the check's deadline may end after it.
//! 2. Learning has a time of its own, at most as long as that of all checks together.
//! 3. A check that had no time is *not shown*: it is no fault of the server.
//!
//! **Lock** one around the ledger, and one around the list of replies with a wrong count of
//! numbers; [`load`] has one for failures. A client thread reads the clock at the end of an answer
//! before it locks the ledger, so the wait for the lock is no part of the request's interval. No
//! socket is used under a lock.
//!
//! **Simplified** A grading can show a fault, and never that there is none: a race that did not
//! happen in these seconds is not found. [`judgement`] says which race would probably have been
//! found.
//!
//! **Source** `loot-box.txt`, the specification, 2 to 5, and the scenario.

pub mod bad_input;
pub mod dialect;
pub mod endurance;
pub mod fit;
pub mod formats;
pub mod gradebook;
pub mod hostile;
pub mod judgement;
pub mod last_numbers;
pub mod ledger;
pub mod load;
pub mod mood;
pub mod pages;
pub mod peer;
pub mod picture;
pub mod repeats;
pub mod report;
pub mod shape;
pub mod shortage;
pub mod source;
pub mod verdicts;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use self::dialect::{Dialect, Learned, learn};
use self::ledger::{Ledger, Operation};
use self::peer::{AnswerEnd, DrawAnswer, GradedPeer};
use self::picture::GradePicture;
use self::report::{CheckOutcome, GradeReport};
use self::shortage::Shortage;
use crate::common::lock::lock;

/// The longest wait for one reply. A tenth of `--timeout` is a second bound, so a reply that never
/// comes costs at most a tenth of the time: 5 s of the default 60 s, 500 ms of the least 5 s.
const PATIENCE: Duration = Duration::from_secs(5);

const NO_ANSWER: &str = "no draw was answered with a number";
const NOT_UNDERSTOOD: &str = "its replies are not understood";

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
    /// The time for all checks together. Learning, before them, may take as long again.
    pub timeout: Duration,
    /// The widest race window that may stay unseen, if `unique` is to earn its points. A window is
    /// the time in which a second thread must come for a race ([`judgement`]).
    pub race_window: Duration,
    /// The file whose existence ends chaos: the pauses that the grader has put into a Python
    /// server, so that races show. `None` without chaos.
    pub chaos_over: Option<PathBuf>,
    /// The share of its points that a check earns if it is *not shown*, 0 to 1.
    pub unproven: f64,
    /// The points of some checks, by their keys. The other checks keep their usual points.
    pub weights: Vec<(String, u32)>,
    /// The list in its order, if the user knows it. Without it `linearizable` can be decided only
    /// if no two requests overlapped.
    pub order: Option<Vec<u32>>,
}

impl Options {
    /// Returns the first line of the report.
    fn target(&self) -> String {
        let Self { address, clients, numbers, .. } = self;
        format!("{address}, {clients} clients, a list of 1 to {numbers}")
    }
}

/// The state that all checks share. The client threads borrow it; of its fields only `shortage` and
/// the two behind a lock change.
#[derive(Debug)]
pub struct Grading<'o> {
    /// The user's options.
    pub options: &'o Options,
    /// How this server speaks; each peer gets a copy.
    pub dialect: Dialect,
    /// The longest wait for one reply.
    pub patience: Duration,
    /// The instant at which the time for all checks is over.
    end: Instant,
    /// The zero of the ledger's times: the start of the first draw.
    began: Instant,
    /// What this machine ran short of.
    shortage: Shortage,
    /// The record of all draws. Every client thread locks it after each of its answers.
    ledger: Mutex<Ledger>,
    /// A line for each reply that had not as many numbers as were asked for, although all clients
    /// drew at once and many numbers were left.
    odd_counts: Mutex<Vec<String>>,
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
/// The grading ends early, and without a last call of `watch`, in two cases. If [`learn`] finds no
/// drawn number in the replies, the report has no points and its `answered` is false. If the
/// replies are not understood, the report leaves out every check.
pub fn grade(
    options: &Options,
    notes: Vec<String>,
    mut watch: impl FnMut(&GradeReport, &str),
) -> GradeReport {
    let mut report = GradeReport::new(options.target());
    report.weigh(&options.weights);
    watch(&report, "learning how it speaks");
    let patience = PATIENCE.min(options.timeout / 10);
    let learned_by = Instant::now() + options.timeout;
    // The last argument of `set` is the time of the check in seconds: no check has run yet.
    let Some(learned) = learn(options.address, options.numbers, patience, learned_by) else {
        report.set("numbers", CheckOutcome::Earned(0.0), vec![NO_ANSWER.into()], 0.0);
        report.settle_rest(CheckOutcome::Skipped, &format!("skipped: {NO_ANSWER}"));
        report.notes.extend(notes);
        return report;
    };
    report.answered = true;
    let Learned { dialect, answers, unseen, doubt } = learned;
    if let Some(why) = doubt {
        report.warnings.push(format!("{NOT_UNDERSTOOD}: {why}"));
        report.settle_rest(CheckOutcome::Undecidable, &format!("not decidable: {NOT_UNDERSTOOD}"));
        report.notes.extend(notes);
        return report;
    }
    let ledger = Mutex::new(Ledger::new(options.numbers, unseen as u64));
    let began = answers.first().map_or_else(Instant::now, |answer| answer.start);
    let (end, odd_counts) = (Instant::now() + options.timeout, Mutex::default());
    let shortage = Shortage::default();
    let grading = Grading { options, dialect, patience, end, began, shortage, ledger, odd_counts };
    report.first_numbers = answers.iter().flat_map(|answer| answer.numbers.clone()).collect();
    // The small draws belong to the record: no other client will get their numbers.
    answers.iter().for_each(|answer| grading.record(0, answer));
    report.notes.push(grading.dialect.describe());
    grading.run_all(&mut report, &mut watch);
    report.notes.extend(notes);
    report.picture = Some(GradePicture::of(&grading.ledger(), options.order.as_deref()));
    watch(&report, "done");
    report
}

/// A check: returns its verdict at the deadline, or soon after it. The checks of `unread`, and
/// those that draw nothing, ignore the deadline: their own waits have an end.
type CheckFunction<'o> = fn(&Grading<'o>, Instant) -> CheckVerdict;

impl<'o> Grading<'o> {
    /// All checks in the order they run: the key, the share of the time, the function. The shares
    /// add up to 1. A check with share 0 draws nothing, so it runs even when time is over. Of a
    /// check with two parts the report keeps the worse outcome.
    const CHECKS: [(&'static str, f64, CheckFunction<'o>); 15] = [
        ("numbers", 0.1, Self::answers_with_as_many_numbers),
        ("together", 0.2, Self::serves_many_together),
        ("unread", 0.08, Self::survives_an_unread_reply),
        ("endures", 0.1, Self::endures),
        ("permutation", 0.25, Self::is_nearly_drained),
        ("vanish", 0.06, Self::survives_clients_that_vanish),
        ("permutation", 0.08, Self::is_drained_to_a_permutation),
        ("unique", 0.0, Self::gives_no_number_twice),
        ("numbers", 0.0, Self::answers_with_as_many_under_load),
        ("range", 0.0, Self::stays_in_range),
        ("random", 0.0, Self::draws_in_random_order),
        ("linearizable", 0.0, Self::is_one_counter),
        ("vanish", 0.02, Self::survives_clients_that_vanish_at_once),
        ("unread", 0.05, Self::survives_a_flood_that_nobody_reads),
        ("bad-input", 0.06, Self::survives_bad_input),
    ];

    /// Returns a peer that is not yet connected. Its waits end at `deadline`, or a little after it
    /// (at the end of a reply or in a banner).
    pub fn peer(&self, deadline: Instant) -> GradedPeer {
        self.peer_with(self.patience, deadline)
    }

    /// Returns a peer that waits for one reply at most for `patience`, and whose waits end at
    /// `deadline`.
    fn peer_with(&self, patience: Duration, deadline: Instant) -> GradedPeer {
        let (address, dialect) = (self.options.address, self.dialect.clone());
        GradedPeer::new(address, dialect, patience, deadline, self.shortage.clone())
    }

    /// Returns a peer that no check's deadline limits: each wait may take the whole patience. So a
    /// server that does not answer it is at fault, and the grader did not lack time.
    pub fn lasting_peer(&self) -> GradedPeer {
        self.peer(Instant::now() + self.options.timeout)
    }

    /// Returns a peer with the whole `PATIENCE`, whatever `--timeout` is. When very many clients
    /// connect at once, the system may drop the first packet of one, and sends it again after 1 s.
    pub fn patient_peer(&self) -> GradedPeer {
        self.peer_with(PATIENCE, Instant::now() + self.options.timeout)
    }

    /// Adds an answer to the ledger. An answer without a number proves nothing and is left out.
    pub fn record(&self, client: usize, answer: &DrawAnswer) {
        if answer.numbers.is_empty() {
            return;
        }
        let since = |moment: Instant| moment.saturating_duration_since(self.began);
        let (start, end) = (since(answer.start), since(answer.end));
        // Copied before the lock, so that no other client waits for the copy.
        let numbers = answer.numbers.clone();
        self.ledger().add(Operation { client, start, end, asked: answer.asked, numbers });
    }

    /// Adds an answer to the ledger. If the grader did not wait for all of it, counts the rest as
    /// unseen: the server may still draw those numbers.
    pub fn record_and_count_unseen(&self, client: usize, answer: &DrawAnswer) {
        self.record(client, answer);
        if matches!(answer.ending, AnswerEnd::Silent | AnswerEnd::Cut) {
            self.ledger().unseen += answer.asked.saturating_sub(answer.numbers.len()) as u64;
        }
    }

    /// Locks the ledger. The caller must not use a socket while it holds the guard.
    pub fn ledger(&self) -> std::sync::MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    /// Runs the checks in their order and writes the outcomes into the report.
    fn run_all(&self, report: &mut GradeReport, watch: &mut impl FnMut(&GradeReport, &str)) {
        let (began, mut shares) = (Instant::now(), 0.0);
        let mut cause: Option<Cause> = None;
        for (key, share, check) in Self::CHECKS {
            let name = report.name(key);
            watch(report, name);
            // The sum of the shares so far: a check also gets the time that earlier ones left over.
            shares += share;
            if let Some(why) = cause.as_ref().and_then(|cause| cause.skips(key, share)) {
                report.set(key, CheckOutcome::Skipped, vec![why], 0.0);
                continue;
            }
            let start = Instant::now();
            if share > 0.0 && start >= self.end {
                let (outcome, details) = self.out_of_time("time was over before it".into());
                report.set(key, outcome, details, 0.0);
                continue;
            }
            let deadline = self.end.min(began + self.options.timeout.mul_f64(shares));
            let (outcome, details) = check(self, deadline);
            // A check with share 0 used no socket, so the server is as it was before the check.
            if matches!(outcome, CheckOutcome::Earned(part) if part < 1.0) && share > 0.0 {
                // The later cause counts: only `Gone` can follow another cause, and it is worse.
                cause = self.look_for_cause(key, name, outcome).or(cause);
            }
            if let Some(Cause::Gone(why)) = &cause
                && report.warnings.is_empty()
            {
                let seen = details.first().map_or_else(String::new, |line| format!(": {line}"));
                report.warnings.push(format!("{why}{seen}"));
            }
            report.set(key, outcome, details, start.elapsed().as_secs_f64());
        }
        report.notes.push(self.describe_strength());
        if let Some(what) = self.shortage.first() {
            report.excuse(what);
        }
    }

    /// Returns the verdict of a check that found no fault in the time it had: the server may be
    /// right, and only slow.
    fn out_of_time(&self, seen: String) -> CheckVerdict {
        let why = format!("not shown: {seen}; give a longer --timeout");
        (CheckOutcome::NotShown(self.options.unproven), vec![why])
    }

    /// Probes the server after a check that lost points (`is_gone`). Returns the cause to skip
    /// later checks, if this check's fault would spoil them too.
    fn look_for_cause(&self, key: &str, name: &str, outcome: CheckOutcome) -> Option<Cause> {
        if let Some(now) = self.is_gone() {
            return Some(Cause::Gone(format!("the server {now} since the check \"{name}\"")));
        }
        let serves_one = key == "together" && outcome == CheckOutcome::Earned(0.0);
        serves_one.then_some(Cause::OneAtATime)
    }
}

/// A fault that would spoil later checks.
enum Cause {
    /// The server serves one client at a time.
    OneAtATime,
    /// The server serves nobody any more. The text says how it behaves, and since which check.
    Gone(String),
}

impl Cause {
    /// Returns why a check is skipped; `None` if it runs. `share` is the check's share of the time:
    /// a check with share 0 only reads the ledger, so it needs no server.
    fn skips(&self, key: &str, share: f64) -> Option<String> {
        match self {
            Cause::OneAtATime => {
                ["unique", "unread", "vanish", "endures"].contains(&key).then(|| {
                    "skipped: it needs two clients at once, and the server serves one at a time"
                        .into()
                })
            }
            Cause::Gone(why) => (share > 0.0).then(|| format!("skipped: {why}")),
        }
    }
}

/// Returns one line on a wrong reply: the request, and what came.
pub fn describe(answer: &DrawAnswer) -> String {
    let asked = answer.asked;
    let came = answer.numbers.len();
    // Escaped, so that a student's reply cannot steer the terminal or forge a line of the report.
    let excerpt: String = answer.raw.escape_ascii().to_string().chars().take(EXCERPT).collect();
    let how = match answer.ending {
        AnswerEnd::Whole | AnswerEnd::Short => format!("{came} numbers came: {excerpt}"),
        AnswerEnd::Closed => format!("the server closed after {came} numbers: {excerpt}"),
        AnswerEnd::Silent => "no answer came in time".into(),
        AnswerEnd::TooLong => "the reply did not end".into(),
        AnswerEnd::Unreachable => "the server took no connection".into(),
        AnswerEnd::Cut => "the grader's time was over".into(),
    };
    format!("input: draw {asked}; {how}")
}
