//! `leasebox grade`: grades any draw server, in any language, from outside.
//!
//! ```text
//!   $ leasebox grade 127.0.0.1 4120 --seed 7
//!   127.0.0.1:4120, 8 clients, a list of 1 to 100000
//!
//!     10/10  answers draw N with N numbers
//!     …
//!   score 100 of 100
//! ```
//!
//! The order of the work matters, because an autograder reads the file of `--out` even if this
//! program was killed. (Arguments that clap itself refuses end the program before the first write.)
//!
//! ```text
//!   write the empty report ─► check --timeout, host ─► read --order, --source ─► grade ─► answer
//!   --out: score 0            still 0                  still 0                   drafts   result
//! ```
//!
//! | exit | when |
//! | --- | --- |
//! | 0 | each check passed, is undecidable or was skipped |
//! | 1 | a check failed or did not run |
//! | 2 | no draw was answered, the replies are not understood, or a verdict is *not shown* |
//! | 2 | an argument is wrong, or a file cannot be read or written |
//!
//! **Invariants**
//!
//! 1. From the first write on, a plain file of `--out` holds a complete report at any time, without
//!    full marks before the end.
//! 2. Standard output has the report alone: in the chosen format, or as text when `--out` has the
//!    chosen format. Progress goes to standard error, and only to a terminal.
//!
//! **Lock** none here: the client threads are the grader's.
//!
//! **Simplified** Without `--start` it grades a running server once, and cannot start it anew.
//!
//! **Source** `loot-box.txt`, the specification; Gradescope's autograder specifications for
//! `--out`.

use std::io::{self, IsTerminal, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::cli::{BAD_NEWS, NO_ANSWER, no_answer, print, units};
use crate::lab::grader::formats::{gradescope, json, junit, tap};
use crate::lab::grader::report::GradeReport;
use crate::lab::grader::{Options, grade, repeats};
use crate::numbers::list::NumberList;

mod files;
mod submission;

use files::{look_at_source, order, write};
use submission::Submission;

#[derive(Args)]
#[command(after_help = "Examples:\n  \
    leasebox grade 127.0.0.1 4120 --seed 7\n  \
    leasebox grade 203.0.113.7 8080 --clients 16 --source handed-in/\n  \
    leasebox grade localhost 8080 --format gradescope --out results.json\n  \
    leasebox grade localhost 8080 --order list.txt       the server's list is known\n  \
    leasebox grade --start 'python3 server.py {port}'    starts it, three times\n\n\
    Start a fresh server first: grading drains its list, and bad input comes last.\n\
    Exit 0: no check failed; 1: one failed; 2: no draw was ever answered, the replies\n\
    are not understood, a verdict is not shown, or the arguments or files are wrong.")]
pub struct GradeArguments {
    /// The machine that runs the server
    #[arg(required_unless_present = "start", requires = "port")]
    host: Option<String>,
    /// Its port
    port: Option<u16>,
    /// Start the server by this command, anew for each run, and end it; `{port}` is a free port
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["host", "port"])]
    start: Option<String>,
    /// The port on which the started server listens; without it, whichever it listens on
    #[arg(long, value_name = "PORT", requires = "start")]
    listens_on: Option<u16>,
    /// Start and grade it so many times; one failing run fails
    #[arg(long, default_value_t = 3, requires = "start", value_parser = clap::value_parser!(u8).range(1..=100))]
    repeat: u8,
    /// Let Python change threads between any two bytecodes of the started server
    #[arg(long, value_enum, default_value = "auto", requires = "start")]
    chaos: Chaos,
    /// The seed of --chaos, to repeat a verdict; each run adds 1
    #[arg(long, requires = "start")]
    chaos_seed: Option<u64>,
    /// The number of clients that draw at the same time
    // A race needs 2 clients. Each is a thread of this machine, so their number has a bound.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(2..=256))]
    clients: u16,
    /// The server's list has the numbers 1 to this
    // With 5000 or more, the check `numbers` also draws 250 at once, because it draws up to a
    // twentieth of the list. That reply has more than 1024 bytes, a usual size for a buffer: a
    // server that loses the rest is found.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(5000..=i64::from(NumberList::MAX)))]
    numbers: u32,
    /// The time for all checks together
    // The least value is checked in `graded`, and not here, so that `--out` is written first.
    #[arg(long, default_value = "60s", value_parser = units::duration)]
    timeout: Duration,
    /// How the report is written
    #[arg(long, value_enum, default_value = "text")]
    format: ReportFormat,
    /// Write the report to this file; at the start it is written with a score of 0
    #[arg(long)]
    out: Option<PathBuf>,
    /// The seed of a leasebox server, so that its list's order is known
    #[arg(long)]
    seed: Option<u64>,
    /// A file with the server's whole list, in its order; for a server without --seed
    #[arg(long, conflicts_with = "seed")]
    order: Option<PathBuf>,
    /// The points of a check that found no fault, but whose evidence is too weak
    #[arg(long, value_enum, default_value = "none")]
    unproven: Unproven,
    /// Search this file or directory for structures that the homework forbids, and list them
    #[arg(long)]
    source: Option<PathBuf>,
}

// The words of `--chaos`. `Auto` is on for a command with `python` in it.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Chaos {
    Auto,
    On,
    Off,
}

// The words of `--unproven`.
#[derive(Clone, Copy, ValueEnum)]
enum Unproven {
    None,
    Half,
    Full,
}

impl Unproven {
    // Returns the share of a check's points.
    fn share(self) -> f64 {
        match self {
            Unproven::None => 0.0,
            Unproven::Half => 0.5,
            Unproven::Full => 1.0,
        }
    }
}

// The words of `--format`. A type of its own, so that the grader does not depend on clap.
#[derive(Clone, Copy, ValueEnum)]
enum ReportFormat {
    Text,
    Json,
    Gradescope,
    Junit,
    Tap,
}

impl ReportFormat {
    // Returns the report in this format. The report may be a draft, with checks that have not run.
    fn render(self, report: &GradeReport) -> String {
        match self {
            ReportFormat::Text => report.text(),
            ReportFormat::Json => json(report),
            ReportFormat::Gradescope => gradescope(report),
            ReportFormat::Junit => junit(report),
            ReportFormat::Tap => tap(report),
        }
    }
}

/// The shortest time in which all checks can be made. A wait for one reply is at most a tenth of
/// `--timeout`: here 500 ms. With less, the grader would take a slow reply for no reply.
const MIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Grades the server, reports, and returns the exit code.
pub fn run(arguments: &GradeArguments) -> ExitCode {
    match graded(arguments) {
        Ok(report) => answer(arguments, &report),
        Err(why) => no_answer(why),
    }
}

/// Grades the server and writes drafts of the report to `--out`.
///
/// # Errors
/// One line that names the cause and the cure. The file of `--out` then holds a report with score
/// 0, unless the error is that this file cannot be written.
fn graded(arguments: &GradeArguments) -> Result<GradeReport, String> {
    let GradeArguments { out, .. } = arguments;
    // This write comes first: if a later step fails, the file already holds a report with score 0,
    // and not the result of an earlier grading.
    if let Some(out) = out {
        write(out, &arguments.format.render(&GradeReport::new(arguments.target())))?;
    }
    if arguments.timeout < MIN_TIMEOUT {
        return Err(format!("--timeout is too short for all checks; give {MIN_TIMEOUT:?} or more"));
    }
    match &arguments.start {
        Some(command) => grade_started(arguments, command),
        None => grade_at(arguments, arguments.address()?, Vec::new(), false),
    }
}

/// Starts and grades the server as often as `--repeat` says. Returns the worst report, and says in it
/// what the others were.
///
/// # Errors
/// As [`graded`], or if the server cannot be started.
fn grade_started(arguments: &GradeArguments, command: &str) -> Result<GradeReport, String> {
    let is_python = command.contains("python");
    let chaos = arguments.chaos == Chaos::On || arguments.chaos == Chaos::Auto && is_python;
    let seed = arguments.chaos_seed.unwrap_or_else(|| rand::random_range(1..1_000_000));
    let mut reports: Vec<GradeReport> = Vec::new();
    for run in 0..u64::from(arguments.repeat) {
        let seed = chaos.then_some(seed.wrapping_add(run));
        let mut server = Submission::start(command, arguments.listens_on, seed)?;
        let note = match seed {
            Some(seed) => format!("chaos: on; --repeat 1 --chaos-seed {seed} repeats this run"),
            None if is_python => "chaos: off".to_string(),
            None => NO_CHAOS.to_string(),
        };
        let mut report = grade_at(arguments, server.address, vec![note], seed.is_some())?;
        if let Some(how) = server.ending() {
            report.warnings.insert(0, format!("the server {how}{}", server.last_words()));
        }
        reports.push(report);
    }
    // clap takes no `--repeat 0`, so there is one.
    Ok(repeats::worst(reports).unwrap_or_else(|| GradeReport::new(arguments.target())))
}

const NO_CHAOS: &str = "chaos: not tried, it is for Python; a server in C or C++ can be built with \
                        -fsanitize=thread, one in Go with -race";

/// The widest race window that a grading may leave unseen. A counter that is read and written by two
/// instructions has a window of some nanoseconds; with a system call between them it is some
/// microseconds.
const RACE_WINDOW: Duration = Duration::from_micros(1);

/// The same with chaos, which makes each window as wide as its pauses.
const CHAOS_WINDOW: Duration = Duration::from_micros(250);

/// Grades the server at an address once.
///
/// # Errors
/// As [`graded`].
fn grade_at(
    arguments: &GradeArguments,
    address: SocketAddr,
    mut notes: Vec<String>,
    is_chaotic: bool,
) -> Result<GradeReport, String> {
    let (format, out) = (arguments.format, &arguments.out);
    let options = Options {
        address,
        clients: usize::from(arguments.clients),
        numbers: arguments.numbers,
        timeout: arguments.timeout,
        unproven: arguments.unproven.share(),
        race_window: if is_chaotic { CHAOS_WINDOW } else { RACE_WINDOW },
        order: order(arguments)?,
    };
    notes.extend(arguments.source.as_deref().map_or(Ok(Vec::new()), look_at_source)?);
    let on_terminal = io::stderr().is_terminal();
    let report = grade(&options, notes, |report, doing| {
        if on_terminal {
            let _ = write!(io::stderr(), "\r{doing:<60}\r");
        }
        // The report of one run of several is no draft: another run may be worse.
        if let Some(out) = out.as_ref().filter(|_| arguments.start.is_none()) {
            // A draft that fails is ignored: `answer` writes the file once more and reports the
            // error.
            let _ = write(out, &format.render(report));
        }
    });
    if on_terminal {
        let _ = write!(io::stderr(), "\r{:60}\r", "");
    }
    Ok(report)
}

impl GradeArguments {
    // Returns the server for the report's first line.
    fn target(&self) -> String {
        match (&self.start, &self.host, self.port) {
            (Some(command), ..) => command.clone(),
            (None, host, port) => {
                format!("{}:{}", host.as_deref().unwrap_or_default(), port.unwrap_or_default())
            }
        }
    }

    // Returns the address of the running server. Fails with one line if the host is unknown.
    fn address(&self) -> Result<SocketAddr, String> {
        let host = self.host.as_deref().unwrap_or_default();
        let found = (host, self.port.unwrap_or_default()).to_socket_addrs().ok();
        found
            .and_then(|mut found| found.next())
            .ok_or_else(|| format!("the host {host} is unknown; give its name or its IP address"))
    }
}

/// Writes the final report, prints it, and returns the exit code.
fn answer(arguments: &GradeArguments, report: &GradeReport) -> ExitCode {
    let format = arguments.format;
    let text = match &arguments.out {
        Some(out) => {
            if let Err(why) = write(out, &format.render(report)) {
                return no_answer(why);
            }
            report.text()
        }
        None => format.render(report),
    };
    // Without any answer the report is still printed, because it has the notes on the source.
    if !report.answered {
        let _ = print(text.as_bytes(), ExitCode::SUCCESS);
        let target = arguments.target();
        return no_answer(format!(
            "no draw was ever answered with a number by {target}; is the server started, and anew?"
        ));
    }
    let code = match (report.passed(), report.is_decided()) {
        (false, _) => ExitCode::from(BAD_NEWS),
        (true, true) => ExitCode::SUCCESS,
        (true, false) => ExitCode::from(NO_ANSWER),
    };
    print(text.as_bytes(), code)
}
