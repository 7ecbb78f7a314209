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
//! A verdict is *not shown* if no fault was found and the evidence is too weak, *undecidable* if no
//! client can see it from outside, and *skipped* if an earlier check has found the same fault.
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
//! | file | what |
//! | --- | --- |
//! | [`arguments`], [`files`] | the command line; the files that it names |
//! | [`started`], [`submission`] | `--start`: builds a server, starts it several times, grades it, ends it |
//! | [`workplace`], [`limits`] | the copy of a submission's files; the memory and files that it may use |
//! | [`processes`], [`cores`] | its processes; the cores that other programs left to it |
//! | [`lacks`] | a missing tool or a full disk, which is no fault of a submission |
//! | [`folder`], [`recipe`] | `--folder`: each submission; how it is built and started |
//!
//! *Chaos* is a file that a started Python server loads: it lets Python change threads between any
//! two bytecodes, so that a race shows itself more often.
//!
//! **Simplified** Without `--start` it grades a running server once, and cannot start it anew.
//!
//! **Source** `loot-box.txt`, the specification; Gradescope's autograder specifications for
//! `--out`.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crate::cli::{BAD_NEWS, NO_ANSWER, no_answer, print};
use crate::lab::grader::report::GradeReport;
use crate::lab::grader::{Options, grade};

mod arguments;
mod cores;
mod files;
mod folder;
mod lacks;
mod limits;
mod processes;
mod recipe;
mod started;
mod submission;
mod workplace;

pub use arguments::GradeArguments;
use files::{look_at_source, weights, write};
use recipe::Recipe;
use workplace::Workplace;

/// Grades the server, reports, and returns the exit code.
pub fn run(arguments: &GradeArguments) -> ExitCode {
    if let Some(folder) = &arguments.folder {
        return folder::run(arguments, folder);
    }
    match graded(arguments) {
        Ok(report) => answer(arguments, &report),
        Err(why) => no_answer(why),
    }
}

/// Grades the server and writes drafts of the report to `--out`.
///
/// # Errors
/// Fails with one line that names the cause and the cure. The file of `--out` then holds a report
/// with score 0, unless the error is that this file cannot be written.
fn graded(arguments: &GradeArguments) -> Result<GradeReport, String> {
    let GradeArguments { out, .. } = arguments;
    // This write comes first: if a later step fails, the file already holds a report with score 0,
    // and not the result of an earlier grading.
    if let Some(out) = out {
        write(out, &arguments.format.render(&GradeReport::new(arguments.target())))?;
    }
    arguments.check()?;
    match &arguments.start {
        Some(command) => grade_command(arguments, command),
        None => grade_at(arguments, arguments.address()?, Vec::new(), None),
    }
}

/// Starts the server by the command of `--start`, in a copy of the current folder, and grades it. A
/// folder that is too large for a copy, or that holds `TMPDIR`, is used itself.
///
/// # Errors
/// Fails as [`graded`] does, or if the server cannot be started.
fn grade_command(arguments: &GradeArguments, command: &str) -> Result<GradeReport, String> {
    let here = std::env::current_dir()
        .map_err(|error| format!("the present folder cannot be read ({error}); go to another"))?;
    // A copy in TMPDIR of a folder that holds TMPDIR would copy itself without end.
    let is_above_copies =
        fs::canonicalize(std::env::temp_dir()).is_ok_and(|t| t.starts_with(&here));
    // Only the bounds of `contents` matter here.
    let fits =
        if is_above_copies { Err("it holds TMPDIR".into()) } else { workplace::contents(&here) };
    let (built, note) = match fits {
        Ok(_) => (Workplace::with_copy_of(&here)?, None),
        Err(why) => (Workplace::in_place(&here)?, Some(format!("it ran in its own folder: {why}"))),
    };
    let recipe = Recipe::of_command(command);
    let mut report = started::grade_started(arguments, &here, &built, &recipe)
        .map_err(started::NotGraded::into_line)?;
    report.notes.extend(note);
    Ok(report)
}

/// The widest race window that a grading may leave unseen. A *race window* is the time between the
/// load of the counter and its store: if a second thread loads in it, a number comes twice. Two
/// instructions have a window of some nanoseconds; with a system call between them it is some
/// microseconds.
const RACE_WINDOW: Duration = Duration::from_micros(1);

/// The widest race window that a grading with chaos may leave unseen. Chaos pauses a thread within
/// its window, for 0 or 500 µs (`sitecustomize.py`). The window is then as wide as the pause:
/// 250 µs is the mean.
const CHAOS_WINDOW: Duration = Duration::from_micros(250);

/// The factor for `--timeout` with chaos, because chaos makes a server slower.
const CHAOS_TIME: u32 = 2;

/// Grades the server at an address once. `chaos_over` is the file that ends the chaos of the
/// server's Python; `None` without chaos.
///
/// # Errors
/// Fails as [`graded`] does.
fn grade_at(
    arguments: &GradeArguments,
    address: SocketAddr,
    mut notes: Vec<String>,
    chaos_over: Option<PathBuf>,
) -> Result<GradeReport, String> {
    let is_chaotic = chaos_over.is_some();
    let (format, out) = (arguments.format, &arguments.out);
    let options = Options {
        address,
        clients: usize::from(arguments.clients),
        numbers: arguments.numbers,
        timeout: if is_chaotic { CHAOS_TIME * arguments.timeout } else { arguments.timeout },
        unproven: arguments.unproven.share(),
        race_window: if is_chaotic { CHAOS_WINDOW } else { RACE_WINDOW },
        chaos_over,
        order: arguments.list_order()?,
        weights: weights(arguments)?,
    };
    notes.extend(arguments.source.as_deref().map_or(Ok(Vec::new()), look_at_source)?);
    let on_terminal = io::stderr().is_terminal();
    let report = grade(&options, notes, |report, doing| {
        if on_terminal {
            let _ = write!(io::stderr(), "\r{doing:<60}\r");
        }
        // With `--start` this is one run of several, and another run may be worse. So its report is
        // not written as a draft.
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
