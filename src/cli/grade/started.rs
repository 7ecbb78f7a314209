//! Builds a submission, starts it several times, and grades each start.
//!
//! ```text
//!   copy ─► build ─┬─► copy ─► start ─► grade ─► end ─┐
//!                  ├─► copy ─► start ─► grade ─► end ─┼─► the worst report
//!                  └─► copy ─► start ─► grade ─► end ─┘
//! ```
//!
//! Each start has a copy of its own: so it begins with the same files, even if the server of an
//! earlier start wrote or deleted some.
//!
//! **Invariants** A fault of this machine is told apart from a fault of the submission: a student
//! must not lose points because a disk is full or a compiler is missing.
//!
//! **Lock** none. **Source** the workplace and the submission, in their files.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::cli::grade::arguments::Chaos;
use crate::cli::grade::cores::CoreTimes;
use crate::cli::grade::processes::Family;
use crate::cli::grade::recipe::Recipe;
use crate::cli::grade::submission::{Start, Submission};
use crate::cli::grade::workplace::Workplace;
use crate::cli::grade::{GradeArguments, grade_at};
use crate::lab::grader::repeats;
use crate::lab::grader::report::GradeReport;

/// The longest time that a build may take, with all its commands.
const BUILT_WITHIN: Duration = Duration::from_secs(180);

/// The reason for which a submission could not be graded, in one line.
#[derive(Debug)]
pub(super) enum NotGraded {
    /// The fault of the submission: it does not build, or it does not start.
    BySubmission(String),
    /// The fault of this machine: it lacks a tool, a port, or room on a disk.
    ByMachine(String),
}

impl NotGraded {
    /// Returns the line, for either fault.
    pub(super) fn into_line(self) -> String {
        match self {
            NotGraded::BySubmission(why) | NotGraded::ByMachine(why) => why,
        }
    }
}

/// Builds the submission in `origin`, then starts and grades it as often as `--repeat` says.
/// Returns the worst report, with a note on the others. After a failed check it waits a moment for
/// the end of the server, so that the report can name a crash.
///
/// # Errors
/// Fails if it cannot be copied, built or started, or if this machine cannot grade.
pub(super) fn grade_started(
    arguments: &GradeArguments,
    origin: &Path,
    place: &Workplace,
    recipe: &Recipe,
) -> Result<GradeReport, NotGraded> {
    let limits = &arguments.limits;
    let (built, run) = (place.built.join(&recipe.folder), place.run().join(&recipe.folder));
    let port = arguments.listens_on;
    let start = |line, folder, chaos_seed| Start { line, folder, port, chaos_seed, origin, limits };
    build(recipe, place, &start("", built.as_path(), None))?;
    let seed = arguments.chaos_seed.unwrap_or_else(|| rand::random_range(1..1_000_000));
    let mut reports: Vec<GradeReport> = Vec::new();
    for round in 0..u64::from(arguments.repeat) {
        // A server that is not in Python ignores the seed.
        let chaos_seed = (arguments.chaos != Chaos::Off).then(|| seed.wrapping_add(round));
        place.renew()?;
        let start = start(&recipe.start, run.as_path(), chaos_seed);
        let mut server = Submission::start(&start, place)?;
        let chaos_over = place.loaded_chaos();
        let is_chaotic = chaos_over.is_some();
        let notes = notes(arguments, chaos_seed.filter(|_| is_chaotic));
        let before = CoreTimes::now(&server.family);
        let report = grade_at(arguments, server.address, notes, chaos_over);
        let mut report = report.map_err(NotGraded::ByMachine)?;
        let is_well = report.answered && report.passed();
        let ending = if is_well { server.ending() } else { server.ending_soon() };
        // `ending` comes first: its wait adds the time of an ended server to the grader's own.
        let why = too_busy(arguments, before, &server.family).filter(|_| !is_chaotic);
        // A race shows itself in the check `unique`. If it passed, its verdict is now *not shown*.
        why.iter().for_each(|why| report.leave_open("unique", arguments.unproven.share(), why));
        if let Some(how) = ending {
            report.warnings.insert(0, format!("the server {how}{}", server.last_words()));
        }
        report.printed = server.output();
        reports.push(report);
    }
    // clap takes no `--repeat 0`, so there is one.
    Ok(repeats::worst(reports).unwrap_or_else(|| GradeReport::new(arguments.target())))
}

/// Returns the reason for which a race may have stayed unseen, if other programs left too few
/// cores. Returns `None` if there were enough, or if the system does not show the times.
fn too_busy(
    arguments: &GradeArguments,
    before: Option<CoreTimes>,
    server: &Family,
) -> Option<String> {
    let (cores, left) = CoreTimes::now(server)?.left_since(before?);
    (left < arguments.least_cores).then(|| {
        format!(
            "other programs used {:.1} of this machine's {cores} cores, and a race needs two \
             threads that run at the same time; end them, and grade again",
            cores as f64 - left,
        )
    })
}

/// Runs the commands that build a submission, one after another. `start` has the folder, the limits
/// and the environment for them; its own line is not used.
fn build(recipe: &Recipe, place: &Workplace, start: &Start<'_>) -> Result<(), NotGraded> {
    let late = Instant::now() + BUILT_WITHIN;
    for command in &recipe.build {
        let build = Start { line: command, ..*start };
        let mut running = Submission::spawn(&build, place).map_err(NotGraded::ByMachine)?;
        running
            .await_end(late.saturating_duration_since(Instant::now()))
            .map_err(|how| running.blame(format!("{command} {how}")))?;
    }
    Ok(())
}

/// Returns the report's notes on chaos and on the sandbox. `loaded` is the seed of chaos, if the
/// server's Python has loaded chaos.
fn notes(arguments: &GradeArguments, loaded: Option<u64>) -> Vec<String> {
    let chaos = match (loaded, arguments.chaos) {
        (Some(seed), _) => format!("chaos: on; --repeat 1 --chaos-seed {seed} repeats this run"),
        (None, Chaos::Off) => "chaos: off".to_string(),
        (None, Chaos::On) => NOT_LOADED.to_string(),
        (None, Chaos::Auto) => NO_CHAOS.to_string(),
    };
    [Some(chaos), arguments.limits.note()].into_iter().flatten().collect()
}

const NOT_LOADED: &str = "chaos: not on, no Python of the server has loaded it (is it Python? does \
                          it ignore PYTHONPATH?)";

const NO_CHAOS: &str = "chaos: not on, it is for Python; a server in C or C++ can be built with \
                        -fsanitize=thread, one in Go with -race";
