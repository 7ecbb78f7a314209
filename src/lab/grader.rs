//! Grades any draw server, in any language, from outside.
//!
//! ```text
//!   learn its shape ─► draw 1 to 1000 ─► bursts of all clients ─► one vanishes ─► one does
//!   not read ─► drain ─► judge the record ─► a flood that is not read ─► bad input, last
//! ```
//!
//! Everything that was drawn on the way, by whichever check, is one record in the
//! [`Ledger`]; the verdicts on it (twice, range, order, permutation) are made when the
//! list is drained.
//!
//! | file | what |
//! | --- | --- |
//! | [`shape`], [`peer`] | how a server that nobody described says its numbers; one connection to it |
//! | [`ledger`], [`judgement`] | what was drawn and when; what that proves |
//! | [`load`], [`hostile`] | many well-behaved clients; those that are not |
//! | [`report`], [`formats`] | points and reasons; text, JSON, Gradescope, JUnit, TAP |
//! | [`source`] | what the homework forbids, looked for in the source |
//!
//! **Invariants**
//!
//! 1. Each check has its share of the time and ends with it; learning how the server speaks
//!    takes a few replies' patience more.
//! 2. A check that did not run earns nothing.
//!
//! **Lock** the ledger's, after an answer's end was timed.
//!
//! **Source** `loot-box.txt`, the specification.

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

/// No reply takes longer, and none longer than a tenth of all the time.
const PATIENCE: Duration = Duration::from_secs(5);

/// Part of the list that has to be seen before its range is judged.
const ENOUGH: u64 = 100;

/// Columns of a reply that are shown.
const EXCERPT: usize = 50;

/// Examples of a finding.
const MAX_SHOWN: usize = 3;

/// What is graded, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// The server.
    pub address: SocketAddr,
    /// Clients at once.
    pub clients: usize,
    /// The list is 1 to this.
    pub numbers: u32,
    /// For all checks together.
    pub timeout: Duration,
    /// The list's order, where it is known.
    pub order: Option<Vec<u32>>,
}

/// What every check works with.
#[derive(Debug)]
pub struct Grading<'o> {
    /// What was asked for.
    pub options: &'o Options,
    /// How the server speaks.
    pub shape: ReplyShape,
    /// How long one reply may take.
    pub patience: Duration,
    /// When all time is over.
    end: Instant,
    began: Instant,
    ledger: Mutex<Ledger>,
}

/// An outcome and its reasons.
pub type CheckVerdict = (CheckOutcome, Vec<String>);

/// Grades the server; `watch` sees the report before each check and at the end.
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
    samples.iter().for_each(|(asked, answer)| grading.record(0, *asked, answer));
    report.notes.push(grading.describe_shape());
    if let Some((asked, answer)) = samples.iter().find(|(n, answer)| answer.numbers.len() != *n) {
        let odd = describe(*asked, answer);
        report.notes.push(format!("its replies may not have been understood: {odd}"));
    }
    grading.run_all(&mut report, &mut watch);
    report.notes.extend(notes);
    watch(&report, "done");
    report
}

/// Makes one check, until a deadline.
type CheckFunction<'o> = fn(&Grading<'o>, Instant) -> CheckVerdict;

impl<'o> Grading<'o> {
    /// What is done, in this order, and each one's share of the time. Those without a
    /// share judge what the others drew.
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

    /// A connection that waits for nothing beyond `deadline`.
    pub fn peer(&self, deadline: Instant) -> GradedPeer {
        GradedPeer::new(self.options.address, self.shape.clone(), self.patience, deadline)
    }

    /// Writes down what came; an answer without a number proves nothing.
    pub fn record(&self, client: usize, asked: usize, answer: &DrawAnswer) {
        if answer.numbers.is_empty() {
            return;
        }
        let since = |moment: Instant| moment.saturating_duration_since(self.began);
        let (start, end) = (since(answer.start), since(answer.end));
        let numbers = answer.numbers.clone();
        self.ledger().add(Operation { client, start, end, asked, numbers });
    }

    /// Writes down what came. When nothing did, the client hangs up on a draw that may
    /// still be made: it is one that vanished.
    pub fn record_or_give_up(&self, client: usize, asked: usize, answer: &DrawAnswer) {
        self.record(client, asked, answer);
        if answer.ending == AnswerEnd::Silent {
            self.ledger().unseen += asked as u64;
        }
    }

    /// The record, for a moment.
    pub fn ledger(&self) -> std::sync::MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    fn run_all(&self, report: &mut GradeReport, watch: &mut impl FnMut(&GradeReport, &str)) {
        for (key, share, check) in Self::CHECKS {
            let name = report.checks.iter().find(|check| check.key == key).map_or("", |c| c.name);
            watch(report, name);
            let start = Instant::now();
            if share > 0.0 && start >= self.end {
                report.set(key, CheckOutcome::NotRun, vec!["time was over before it".into()], 0.0);
                continue;
            }
            let deadline = self.end.min(start + self.options.timeout.mul_f64(share));
            let (outcome, details) = check(self, deadline);
            report.set(key, outcome, details, start.elapsed().as_secs_f64());
        }
        report.notes.push(self.describe_strength());
    }

    fn gives_no_number_twice(&self, _: Instant) -> CheckVerdict {
        let ledger = self.ledger();
        if ledger.duplicates.is_empty() && strength(&ledger.operations).pairs == 0 {
            let why = "not tried: no two requests overlapped, so no race could show itself";
            return (CheckOutcome::Earned(0.0), vec![why.into()]);
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

    fn stays_in_range(&self, _: Instant) -> CheckVerdict {
        let ledger = self.ledger();
        if ledger.received() < u64::from(ledger.greatest()) / ENOUGH {
            let why = format!("only {} numbers came, too few to tell", ledger.received());
            return (CheckOutcome::Earned(0.0), vec![why]);
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
            None => (CheckOutcome::Earned(0.0), vec!["too few numbers came to tell".into()]),
        }
    }

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
            let why = format!("{stranger} came, which the given order does not hold");
            return (CheckOutcome::Earned(0.0), vec![why]);
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

/// One line for a reply that was not what it should be.
pub fn describe(asked: usize, answer: &DrawAnswer) -> String {
    let came = answer.numbers.len();
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
