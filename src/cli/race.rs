//! `leasebox race`: the interleavings of a draw, all of them, one of them, or step by step.
//!
//! ```text
//!   $ leasebox race --clients A:4,B:2 --lock none | sed -n 5,9p
//!   schedules tried        495, all there are
//!   with a duplicate       480
//!   distinct outcomes      54
//!   most duplicates        3
//!   fewest preemptions     1
//! ```
//!
//! | option | runs |
//! | --- | --- |
//! | none of these | every schedule within the bounds, and shows the smallest counterexample |
//! | `--schedule AAB…` | that one schedule |
//! | `--step` | the client that a person chooses, step after step |
//! | `--kinds` | one schedule of each kind: schedules of a kind differ only in the order of independent steps |
//! | `--random N` | N random schedules, and how likely they would have found the race |
//! | `--replay HOST PORT` | the counterexample or `--schedule`, with real clients of a lab server |
//! | `--program leases` | another program: a get beside a release and a lease of the same block |
//!
//! The number of schedules is a multinomial coefficient of the clients' steps. With A:4 and B:2:
//!
//! ```text
//!   --lock none              8 and 4 steps     12! / (8! · 4!)  =    495
//!   --lock increment         8 and 4 steps                        495
//!   --lock none --steps 3   12 and 6 steps     18! / (12! · 6!) = 18,564
//!   --lock number            4 and 2 steps      6! / (4! · 2!)  =     15
//!   --lock request           1 and 1 step       2! / (1! · 1!)  =      2
//! ```
//!
//! A:3,B:3,C:2 without the lock has 16! / (6! · 6! · 4!) = 1,681,680 schedules, more than `--most`
//! allows by default. So the simple ones, with the fewest preemptions, come first. A *preemption*
//! is a switch away from a client that has steps left.
//!
//! **Invariants** The exit code is 0 when the case was explored or run, also when the race was
//! found: a student wants to see the race. The exit code is 2 for each error, such as a replay for
//! which no schedule gave a number twice.
//!
//! **Lock** none here: the threads are the explorer's.
//!
//! **Source** `loot-box.txt`, the scenario: A draws 4, B draws 2.

mod terminal;

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::cli::{no_answer, print, units, write_file};
use crate::lab::explorer::{Case, Drawer, Stage};
use crate::lab::replay::replay;
use crate::lab::search::{Bound, Findings, SearchWay, explore};
use crate::lab::step_by_step::step_by_step;
use crate::lab::telling::{
    LOCKS, letters, read_drawers, read_schedule, tell_case, tell_findings, tell_run,
};
use crate::lab::tenants::ReleaseOrder;
use crate::lessons::export::answers;
use crate::lessons::pages::single_page;
use crate::lessons::race::LESSON;
use crate::numbers::locking::Locking;

/// The depth of the faults that `--random` looks for; `lab/schedule/random.rs` defines it. A random
/// schedule of depth 2 interrupts a client once, at a random step. One interruption, between a load
/// and its store, is enough for the race.
const DEPTH: usize = 2;

#[derive(Args)]
#[command(after_help = "Examples:\n  \
    leasebox race                                  the homework's case without the lock\n  \
    leasebox race --lock number                    the same with it\n  \
    leasebox race --lock increment                 with a lock around the wrong half\n  \
    leasebox race --clients A:3,B:3,C:2 --preemptions 2\n  \
    leasebox race --schedule AAAAABABAABB          one schedule, a letter for each step\n  \
    leasebox race --step                           choose who runs next\n  \
    leasebox race --kinds                          one schedule of each kind\n  \
    leasebox race --clients A:20,B:20,C:20 --random 1000 --seed 7\n  \
    leasebox race --html race.html                 the smallest mistake as a page\n  \
    leasebox race --program leases --broken        a release in the wrong order\n  \
    leasebox race --replay 127.0.0.1 4120          on a server started with serve --lab\n\n\
    Exit 0: it was explored or run, whatever was found; 2: it could not be.")]
pub struct RaceArguments {
    /// The clients: a letter for each, and how many numbers it draws with one request
    #[arg(long, default_value = "A:4,B:2", value_parser = read_drawers)]
    clients: Drawers,
    /// What the lock is held for: a request, a number, only the increment of the counter, or
    /// nothing
    #[arg(long, value_parser = units::one_of(LOCKS), default_value = "none")]
    // The lock of the draw, and whether only the step that adds 1 has one.
    lock: (Locking, bool),
    /// Steps of a number without the lock: load and store (2, the default), or load, read
    /// and store (3)
    // An `Option` without a default of 2 lets `run` refuse `--steps` together with a lock: with a
    // lock, one step draws a number or a whole request.
    #[arg(long, value_name = "2|3", value_parser = clap::value_parser!(u8).range(2..=3))]
    steps: Option<u8>,
    /// Try only schedules with at most so many preemptions: switches away from a client that has
    /// steps left
    #[arg(long)]
    preemptions: Option<usize>,
    /// Try at most so many schedules, those with the fewest preemptions first
    // The option bounds the time, and the memory for outcomes: under 100 bytes for each schedule.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    most: u64,
    /// Run only this schedule, a letter for each step; steps that it lacks follow, client by client
    #[arg(long, conflicts_with_all = ["step", "preemptions"])]
    schedule: Option<String>,
    /// Choose which client runs next, step after step: type its letter on a line
    #[arg(long, conflicts_with = "replay")]
    step: bool,
    /// Run one schedule of those that differ only in the order of independent steps: the same
    /// outcomes, in fewer runs
    #[arg(long, conflicts_with_all = ["schedule", "step", "preemptions", "random"])]
    kinds: bool,
    /// Run so many random schedules, by priorities, and say how likely they find a race
    #[arg(long, value_name = "N", conflicts_with_all = ["schedule", "step", "preemptions", "most"], value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    random: Option<u64>,
    /// The same seed gives the same random schedules
    #[arg(long, requires = "random", default_value_t = 1)]
    seed: u64,
    /// Write the run, or the counterexample, as a page that needs nothing else
    #[arg(long, value_name = "FILE", conflicts_with_all = ["step", "steps", "replay"])]
    html: Option<PathBuf>,
    /// The program: the draw, or the lease table with a get, a release and a lease of one block
    #[arg(long, value_enum, default_value = "draw")]
    program: Program,
    /// With --program leases: a release gives its block back before it marks it released
    #[arg(long)]
    broken: bool,
    /// Carry the smallest counterexample, or --schedule, out on a server that was
    /// started with `serve --lab`; each client's numbers go to a file race-NAME.txt
    #[arg(long, num_args = 2, value_names = ["HOST", "PORT"])]
    replay: Option<Vec<String>>,
}

impl RaceArguments {
    /// Returns whether an option was given that only the program `draw` has.
    fn is_about_draws(&self) -> bool {
        let Self { steps, preemptions, schedule, step, kinds, random, html, replay, .. } = self;
        let values = [schedule.is_some(), random.is_some(), html.is_some(), replay.is_some()];
        let numbers = [steps.is_some(), preemptions.is_some(), *step, *kinds];
        values.into_iter().chain(numbers).any(|is_given| is_given)
    }
}

/// The word of `--program`.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Program {
    Draw,
    Leases,
}

/// The clients of `--clients`. A *drawer* is a client, and the count of numbers that it draws. An
/// alias, because clap would read a `Vec` as many values.
type Drawers = Vec<Drawer>;

/// Explores or runs the case, prints the result, and returns the exit code.
pub fn run(arguments: &RaceArguments) -> ExitCode {
    let (locking, increments) = arguments.lock;
    if locking != Locking::None && arguments.steps.is_some() {
        return no_answer("under the lock a number has no steps; leave --steps or --lock out");
    }
    if arguments.program == Program::Leases {
        if arguments.is_about_draws() {
            return no_answer("--program leases takes --broken alone; leave the other options out");
        }
        let order =
            if arguments.broken { ReleaseOrder::GiveBackFirst } else { ReleaseOrder::MarkFirst };
        return print(terminal::tell_tenants(order).as_bytes(), ExitCode::SUCCESS);
    }
    if arguments.broken {
        return no_answer("--broken is for --program leases; for the draw choose --lock none");
    }
    let drawers = arguments.clients.clone();
    // The third step of `--steps 3` is to read the list: `reads` makes it a step of its own.
    let case = Case { drawers, locking, reads: arguments.steps == Some(3), increments };
    match answer(arguments, &case) {
        Ok(text) => {
            let text = if terminal::has_colours() { terminal::painted(&text, &case) } else { text };
            print(text.as_bytes(), ExitCode::SUCCESS)
        }
        Err(why) => no_answer(why),
    }
}

/// Does what the options choose, and returns the text for standard output.
///
/// # Errors
/// Fails with one line that names the cause and the cure.
fn answer(arguments: &RaceArguments, case: &Case) -> Result<String, String> {
    // `--schedule` is read before any schedule runs, so that a wrong letter costs no search.
    let chosen = arguments.schedule.as_deref().map(|text| read_schedule(case, text)).transpose()?;
    if arguments.step {
        return by_hand(case);
    }
    // The stage has a thread for each client, and lets them step in the order of a schedule.
    let stage = Stage::new(case.clone())?;
    if let Some(place) = &arguments.replay {
        return replay_on_server(arguments, case, &stage, chosen, place);
    }
    let (text, shown) = match chosen {
        Some(schedule) => (tell_run(case, &stage, &schedule)?, Some(schedule)),
        None => {
            let findings = search(arguments, case, &stage)?;
            let chance = arguments.random.map_or_else(String::new, |n| chance(case, n));
            let told = tell_findings(case, &stage, &findings)?;
            (chance + &told, findings.smallest.map(|smallest| smallest.schedule))
        }
    };
    let page = match (&arguments.html, shown) {
        (None, _) => String::new(),
        (Some(file), Some(schedule)) => write_page(arguments, case, &schedule, file)?,
        (Some(_), None) => "There is no counterexample, and so no page.\n".into(),
    };
    Ok(tell_case(case) + &text + &page)
}

/// Lets a person choose which client runs next, and prints each step at once. Returns the schedule,
/// the table and the verdict, for `run` to print.
fn by_hand(case: &Case) -> Result<String, String> {
    let (stdin, has_colours) = (io::stdin(), terminal::has_colours());
    let said = |text: &str| {
        let painted = has_colours.then(|| terminal::painted(text, case));
        let text = painted.as_deref().unwrap_or(text);
        io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush())
    };
    // A prompt is for a person. In a pipe it would only stand between the lines of the answer.
    let prompts = stdin.is_terminal() && io::stdout().is_terminal();
    step_by_step(case, stdin.lock(), prompts, said)
}

/// Returns the lines that state the least probability with which `count` random schedules find a
/// fault.
fn chance(case: &Case, count: u64) -> String {
    let percent = case.schedules().chance_of_finding(count, DEPTH);
    format!(
        "random schedules       by priorities: a fault of depth {DEPTH}, such as the race, is found\n\
         {:23}with at least {percent:.1} %\n",
        ""
    )
}

/// Writes one run as a page, and returns the line that names the file.
///
/// # Errors
/// Fails with one line that names the file.
fn write_page(
    arguments: &RaceArguments,
    case: &Case,
    schedule: &[u8],
    file: &Path,
) -> Result<String, String> {
    let lock = LOCKS.iter().find(|(_, lock)| *lock == arguments.lock);
    let lock = lock.map_or("", |(word, _)| word);
    let clients: Vec<String> =
        case.drawers.iter().map(|d| format!("{}:{}", d.name, d.count)).collect();
    let moves = letters(case, schedule);
    // The race lesson reads its case and its schedule from the query of an address. The page has no
    // server, so `answers` computes in advance all answers that the page needs for this query.
    let address = format!("clients={}&lock={lock}&moves={moves}", clients.join(","));
    let runs = answers(&LESSON, &[(&format!("Schedule {moves}"), &address)]);
    let page = single_page(&LESSON, &runs);
    write_file(file, &page, "name another file")?;
    Ok(format!("see: {}, in a browser\n", file.display()))
}

/// Explores the schedules within the bounds, with a progress line on a terminal.
///
/// # Errors
/// Fails with one line if a step does not end in time.
fn search(arguments: &RaceArguments, case: &Case, stage: &Stage) -> Result<Findings, String> {
    let most = arguments.random.unwrap_or(arguments.most);
    let mut line = terminal::ProgressLine::new(case.schedules().count(), most);
    let bound = Bound { preemptions: arguments.preemptions, schedules: most };
    let way = match arguments.random {
        Some(_) => SearchWay::AtRandom { seed: arguments.seed, depth: DEPTH },
        None if arguments.kinds => SearchWay::OneOfEachKind,
        None => SearchWay::FewPreemptionsFirst,
    };
    let findings = explore(case, stage, way, bound, |tried| line.show(tried));
    line.wipe();
    findings
}

/// Runs one schedule on a lab server, and returns the text for standard output. If the user gave no
/// schedule, it first explores the case to find the smallest counterexample.
///
/// # Errors
/// Fails with one line: for a case with a lock or with `--steps 3`, a wrong port, no
/// counterexample, an error of the connection, a file that cannot be written, or draws that differ
/// from the schedule.
fn replay_on_server(
    arguments: &RaceArguments,
    case: &Case,
    stage: &Stage,
    chosen: Option<Vec<u8>>,
    place: &[String],
) -> Result<String, String> {
    if case.locking != Locking::None || case.reads || case.increments {
        return Err(
            "a lab server loads and stores without the lock; leave --lock and --steps out".into()
        );
    }
    let [host, port] = place else { return Err("--replay takes HOST PORT".into()) };
    let port: u16 = port.parse().map_err(|_| "PORT is no number in range; give 1 to 65535")?;
    let schedule = match chosen {
        Some(schedule) => schedule,
        None => {
            let why = "no schedule that was tried gives a number twice; give two --clients, a \
                       larger --most, or a --schedule";
            search(arguments, case, stage)?.smallest.ok_or(why)?.schedule
        }
    };
    let received = replay(case, stage, &schedule, host, port)?;
    let head = format!("schedule {} on {host} {port}\n", letters(case, &schedule));
    Ok(head + &write_down(case, received)?)
}

/// Writes each client's numbers to a file in the current directory, one on a line, and returns the
/// lines that name the files.
///
/// # Errors
/// Fails with one line that names the file. The files that were written before stay.
fn write_down(case: &Case, received: Vec<Vec<u32>>) -> Result<String, String> {
    let (mut text, mut files) = (String::new(), Vec::new());
    for (drawer, numbers) in case.drawers.iter().zip(received) {
        let file = format!("race-{}.txt", drawer.name);
        let words: Vec<String> = numbers.iter().map(u32::to_string).collect();
        let _ = writeln!(text, "{} received {}, in {file}", drawer.name, words.join(" "));
        let lines = words.join("\n") + "\n";
        write_file(Path::new(&file), &lines, "start race in another folder")?;
        files.push(file);
    }
    let _ = writeln!(text, "see: leasebox check {}", files.join(" "));
    Ok(text)
}
