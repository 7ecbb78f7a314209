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
//! **Simplified** It grades a running server once. It cannot start a new server for each try.
//!
//! **Source** `loot-box.txt`, the specification; Gradescope's autograder specifications for
//! `--out`.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::net::ToSocketAddrs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::cli::{BAD_NEWS, NO_ANSWER, no_answer, print, units};
use crate::lab::grader::formats::{gradescope, json, junit, tap};
use crate::lab::grader::report::GradeReport;
use crate::lab::grader::{Options, grade, source};
use crate::lab::record::listed;
use crate::numbers::list::{NumberList, shuffled};

#[derive(Args)]
#[command(after_help = "Examples:\n  \
    leasebox grade 127.0.0.1 4120 --seed 7\n  \
    leasebox grade 203.0.113.7 8080 --clients 16 --source handed-in/\n  \
    leasebox grade localhost 8080 --format gradescope --out results.json\n  \
    leasebox grade localhost 8080 --order list.txt       the server's list is known\n\n\
    Start a fresh server first: grading drains its list, and bad input comes last.\n\
    Exit 0: no check failed; 1: one failed; 2: no draw was ever answered, or the\n\
    arguments or files are wrong.")]
pub struct GradeArguments {
    /// The machine that runs the server
    host: String,
    /// Its port
    port: u16,
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
    let GradeArguments { host, port, out, .. } = arguments;
    // This write comes first: if a later step fails, the file already holds a report with score 0,
    // and not the result of an earlier grading.
    let format = arguments.format;
    let place = format!("{host}:{port}");
    if let Some(out) = out {
        write(out, &format.render(&GradeReport::new(place)))?;
    }
    if arguments.timeout < MIN_TIMEOUT {
        return Err(format!("--timeout is too short for all checks; give {MIN_TIMEOUT:?} or more"));
    }
    let found = (host.as_str(), *port).to_socket_addrs().ok().and_then(|mut found| found.next());
    let address = found
        .ok_or_else(|| format!("the host {host} is unknown; give its name or its IP address"))?;
    let options = Options {
        address,
        clients: usize::from(arguments.clients),
        numbers: arguments.numbers,
        timeout: arguments.timeout,
        unproven: arguments.unproven.share(),
        order: order(arguments)?,
    };
    let notes = arguments.source.as_deref().map_or(Ok(Vec::new()), look_at_source)?;
    let on_terminal = io::stderr().is_terminal();
    let report = grade(&options, notes, |report, doing| {
        if on_terminal {
            let _ = write!(io::stderr(), "\r{doing:<60}\r");
        }
        if let Some(out) = out {
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
        let (host, port) = (&arguments.host, arguments.port);
        return no_answer(format!(
            "no draw was ever answered with a number by {host} port {port}; is the server started, and anew?"
        ));
    }
    let code = match (report.passed(), report.is_decided()) {
        (false, _) => ExitCode::from(BAD_NEWS),
        (true, true) => ExitCode::SUCCESS,
        (true, false) => ExitCode::from(NO_ANSWER),
    };
    print(text.as_bytes(), code)
}

/// Replaces a file as a whole, so that a reader sees either the old text or the new one, and never
/// a part. For this it writes a draft in the same directory, and renames it. The draft has the
/// process's number in its name, so two gradings do not write the same draft. A path that is no
/// plain file (`/dev/null`, a pipe) is written directly.
///
/// # Errors
/// One line that names the file and the cure. A plain file keeps its old text then.
fn write(out: &Path, text: &str) -> Result<(), String> {
    let failed = |error: io::Error| {
        format!("{} cannot be written ({error}); give --out a place with room", out.display())
    };
    // Follows a link to its target, because `rename` would replace the link itself. A file that
    // does not exist yet has no canonical path: then the given path is used.
    let out = &fs::canonicalize(out).unwrap_or_else(|_| out.to_path_buf());
    if fs::metadata(out).is_ok_and(|about| !about.is_file()) {
        return fs::write(out, text).map_err(failed);
    }
    let mut name = out.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.part", std::process::id()));
    let draft = out.with_file_name(name);
    let written = fs::File::create(&draft).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        // Before the rename: otherwise a power failure may leave the new name with an empty file.
        file.sync_all()?;
        if let Ok(about) = fs::metadata(out) {
            file.set_permissions(about.permissions())?;
        }
        fs::rename(&draft, out)
    });
    written.map_err(|error| {
        let _ = fs::remove_file(&draft);
        failed(error)
    })
}

/// Returns the list's order, from `--seed` or from the file of `--order`; `None` if the user gave
/// neither. The check `linearizable` needs the order.
///
/// # Errors
/// One line, when the file cannot be read or does not hold each number of the list once.
fn order(arguments: &GradeArguments) -> Result<Option<Vec<u32>>, String> {
    if let Some(seed) = arguments.seed {
        // The function that `serve --seed` calls, so the order is the server's.
        let list = shuffled(arguments.numbers, Some(seed));
        return Ok(Some((0..list.len() as usize).map(|index| list.number(index)).collect()));
    }
    let Some(file) = &arguments.order else { return Ok(None) };
    let name = file.display();
    let text = fs::read(file)
        .map_err(|error| format!("{name} cannot be read ({error}); give the server's list"))?;
    let order = listed(&text);
    // With a file in which one number is missing, the check `linearizable` would fail a correct
    // server.
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if sorted.iter().copied().eq(1..=arguments.numbers) {
        return Ok(Some(order));
    }
    let (numbers, found) = (arguments.numbers, order.len());
    Err(format!(
        "{name} holds {found} numbers, and not each of 1 to {numbers} once; give the whole list"
    ))
}

/// Searches the files of `--source` for structures that the homework may forbid, such as an atomic
/// counter. Returns the findings as notes for the report; they change no score.
///
/// # Errors
/// One line, when the path itself cannot be read.
fn look_at_source(path: &Path) -> Result<Vec<String>, String> {
    let looked = source::look(path).map_err(|error| {
        format!("{} cannot be read ({error}); give --source the server's files", path.display())
    })?;
    let mut notes = vec![match looked.findings.len() + looked.more {
        0 => "source: nothing of what the homework forbids was found".to_string(),
        _ => "source: for a person to judge, what the homework may forbid".to_string(),
    }];
    for source::Finding { file, line, words, text } in &looked.findings {
        let words: Vec<&str> = words.iter().map(|word| word.trim_matches('*')).collect();
        // The report does not wrap a line that begins with two spaces. So a person can copy the
        // place in the file.
        notes.push(format!("  {file}:{line}: {}    {text}", words.join(" ")));
    }
    if looked.more > 0 {
        notes.push(format!("  … and {} more lines", looked.more));
    }
    if let Some(first) = looked.skipped.first() {
        let count = looked.skipped.len();
        notes.push(format!(
            "  {count} files were not looked at (no text, or too long), such as {first}"
        ));
    }
    Ok(notes)
}
