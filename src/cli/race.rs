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
//! | `--replay HOST PORT` | the counterexample or `--schedule`, with real clients of a lab server |
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
//! **Invariants** The exit code is 0 when the case was explored or run, also when that found the
//! race: a student wants to see it. It is 2 for each error, such as a replay for which no schedule
//! gave a number twice.
//!
//! **Lock** none here: the threads are the explorer's.
//!
//! **Source** `loot-box.txt`, the scenario: A draws 4, B draws 2.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};

use crate::cli::{no_answer, print};
use crate::lab::explorer::{Case, Drawer, Stage};
use crate::lab::replay::replay;
use crate::lab::search::{Bound, Findings, explore};
use crate::lab::step_by_step::step_by_step;
use crate::lab::telling::{
    how_many, letters, read_drawers, read_schedule, tell_case, tell_findings, tell_run,
};
use crate::numbers::draw::Locking;
use crate::numbers::parking::Stuck;

/// The time between two progress lines. It is short enough that the user sees progress, and long
/// enough that the search does not become slower.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

#[derive(Args)]
#[command(after_help = "Examples:\n  \
    leasebox race                                  the homework's case without the lock\n  \
    leasebox race --lock number                    the same with it\n  \
    leasebox race --lock increment                 with a lock around the wrong half\n  \
    leasebox race --clients A:3,B:3,C:2 --preemptions 2\n  \
    leasebox race --schedule AAAAABABAABB          one schedule, a letter for each step\n  \
    leasebox race --step                           choose who runs next\n  \
    leasebox race --replay 127.0.0.1 4120          on a server started with serve --lab\n\n\
    Exit 0: it was explored or run, whatever was found; 2: it could not be.")]
pub struct RaceArguments {
    /// The clients: a letter for each, and how many numbers it draws with one request
    #[arg(long, default_value = "A:4,B:2", value_parser = drawers)]
    clients: Drawers,
    /// What the lock is held for: a request, a number, only the increment of the counter, or
    /// nothing
    #[arg(long, value_enum, default_value = "none")]
    lock: RaceLock,
    /// Steps of a number without the lock: load and store (2, the default), or load, read
    /// and store (3)
    // It is an `Option` without a default of 2, so that `run` can refuse `--steps` together with a
    // lock: a number has no steps then.
    #[arg(long, value_name = "2|3", value_parser = clap::value_parser!(u8).range(2..=3))]
    steps: Option<u8>,
    /// Try only schedules with at most so many preemptions: switches away from a client that has
    /// steps left
    #[arg(long)]
    preemptions: Option<usize>,
    /// Try at most so many schedules, those with the fewest preemptions first
    // It bounds the time, and the memory for outcomes: under 100 bytes for each schedule.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    most: u64,
    /// Run only this schedule, a letter for each step; steps that it lacks follow, client by client
    #[arg(long, conflicts_with_all = ["step", "preemptions"])]
    schedule: Option<String>,
    /// Choose which client runs next, step after step: type its letter on a line
    #[arg(long, conflicts_with = "replay")]
    step: bool,
    /// Carry the smallest counterexample, or --schedule, out on a server that was
    /// started with `serve --lab`; each client's numbers go to a file race-NAME.txt
    #[arg(long, num_args = 2, value_names = ["HOST", "PORT"])]
    replay: Option<Vec<String>>,
}

// The words of `--lock`. A type of its own, so that the draw's `Locking` does not depend on clap.
#[derive(Clone, Copy, ValueEnum)]
enum RaceLock {
    Request,
    Number,
    Increment,
    None,
}

/// The clients of `--clients`. A type of its own, because clap reads a `Vec` as many values.
#[derive(Clone)]
struct Drawers(Vec<Drawer>);

fn drawers(text: &str) -> Result<Drawers, String> {
    read_drawers(text).map(Drawers)
}

/// Explores or runs the case, prints the result, and returns the exit code.
pub fn run(arguments: &RaceArguments) -> ExitCode {
    let locking = match arguments.lock {
        RaceLock::Request => Locking::Request,
        RaceLock::Number => Locking::Number,
        RaceLock::Increment | RaceLock::None => Locking::None,
    };
    if locking != Locking::None && arguments.steps.is_some() {
        return no_answer("under the lock a number has no steps; leave --steps or --lock out");
    }
    let drawers = arguments.clients.0.clone();
    let increments = matches!(arguments.lock, RaceLock::Increment);
    let case = Case { drawers, locking, reads: arguments.steps == Some(3), increments };
    match answer(arguments, &case) {
        Ok(text) => print(text.as_bytes(), ExitCode::SUCCESS),
        Err(why) => no_answer(why),
    }
}

/// Does what the options choose, and returns the text for standard output.
///
/// # Errors
/// Fails with one line that names the cause and the cure.
fn answer(arguments: &RaceArguments, case: &Case) -> Result<String, String> {
    let stage = Stage::new(case.clone()).map_err(|error| {
        format!("no thread for the clients ({error}); end something else first")
    })?;
    // It is read before any schedule runs, so that a wrong letter costs no search.
    let chosen = arguments.schedule.as_deref().map(|text| read_schedule(case, text)).transpose()?;
    if arguments.step {
        let said = |text: &str| {
            io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush())
        };
        return step_by_step(case, &stage, io::stdin().lock(), said).map_err(stuck);
    }
    if let Some(place) = &arguments.replay {
        return replay_on_server(arguments, case, &stage, chosen, place);
    }
    match chosen {
        Some(schedule) => tell_run(case, &stage, &schedule),
        None => tell_findings(case, &stage, &search(arguments, case, &stage)?),
    }
    .map(|text| tell_case(case) + &text)
    .map_err(stuck)
}

/// Returns the message for a step that did not end in time.
fn stuck(_: Stuck) -> String {
    "a step did not end within a minute; the machine is overwhelmed, try again".into()
}

/// Explores the schedules within the bounds, with a progress line on a terminal.
///
/// # Errors
/// Fails with one line if a step does not end in time.
fn search(arguments: &RaceArguments, case: &Case, stage: &Stage) -> Result<Findings, String> {
    let bound = Bound { preemptions: arguments.preemptions, schedules: arguments.most };
    let count = case.schedules().count();
    let on_terminal = io::stderr().is_terminal();
    let mut shown = Instant::now();
    let progress = |tried: u64| {
        if on_terminal && shown.elapsed() >= PROGRESS_EVERY {
            shown = Instant::now();
            let _ = write!(io::stderr(), "\r{tried} of {} schedules ", how_many(count));
        }
    };
    let findings = explore(case, stage, bound, progress);
    if on_terminal {
        // Blanks over the progress line, which has at most 63 characters.
        let _ = write!(io::stderr(), "\r{:63}\r", "");
    }
    findings.map_err(stuck)
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
    // The explorer runs the schedule too: `replay` compares which numbers come twice in both runs.
    let explored = stage.run(&schedule).map_err(stuck)?;
    let received = replay(case, &schedule, &explored, host, port)?;
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
        std::fs::write(&file, words.join("\n") + "\n")
            .map_err(|error| format!("{file} cannot be written ({error}); give it room"))?;
        files.push(file);
    }
    let _ = writeln!(text, "see: leasebox check {}", files.join(" "));
    Ok(text)
}
