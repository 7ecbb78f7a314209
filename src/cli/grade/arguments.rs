//! The arguments of `leasebox grade`.
//!
//! **Lock** none. **Source** ours. The doc comment of each field is its text in `--help`.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::cli::grade::files::weights;
use crate::cli::grade::limits::StartLimits;
use crate::cli::order::order;
use crate::cli::units;
use crate::common::fingerprint::Fingerprint;
use crate::lab::grader::formats::{gradescope, json, junit, tap};
use crate::lab::grader::pages::page;
use crate::lab::grader::report::GradeReport;
use crate::numbers::list::NumberList;

#[derive(Args)]
#[command(after_help = "Examples:\n  \
    leasebox grade 127.0.0.1 4120 --seed 7\n  \
    leasebox grade 203.0.113.7 8080 --clients 16 --source handed-in/\n  \
    leasebox grade localhost 8080 --format gradescope --out results.json\n  \
    leasebox grade localhost 8080 --order list.txt       the server's list is known\n  \
    leasebox grade --start 'python3 server.py {port}'    starts it, three times\n  \
    leasebox grade --folder handed-in/                   each of them, grades/index.html\n\n\
    Start a fresh server first: grading drains its list, and bad input comes last.\n\
    Exit 0: no check failed; 1: one failed; 2: no draw was ever answered, the replies\n\
    are not understood, a verdict is not shown, or the arguments or files are wrong.\n\
    With --folder, exit 0: each has a verdict; 1: a score fell; 2: one could not be graded here.")]
pub struct GradeArguments {
    /// The machine that runs the server
    #[arg(required_unless_present_any = ["start", "folder"], requires = "port")]
    pub(super) host: Option<String>,
    /// Its port
    pub(super) port: Option<u16>,
    /// Start the server by this command, anew for each run, and end it; `{port}` is a free port
    #[arg(long, value_name = "COMMAND", group = "starts", conflicts_with_all = ["host", "port"])]
    pub(super) start: Option<String>,
    /// Grade each submission in this folder; --out is the folder of the grades, `grades` without it
    // A submission is a file or a folder; `recipe.rs` says how it is started.
    #[arg(long, value_name = "DIR", group = "starts", conflicts_with_all = ["host", "port", "start", "format"])]
    pub(super) folder: Option<PathBuf>,
    /// An earlier grades.csv: name each score that fell although the files are the same
    #[arg(long, value_name = "FILE", requires = "folder")]
    pub(super) previous: Option<PathBuf>,
    /// The port on which the started server listens; without it, whichever it listens on
    #[arg(long, value_name = "PORT", requires = "starts")]
    pub(super) listens_on: Option<u16>,
    /// Start and grade it so many times; one failing run fails
    #[arg(long, default_value_t = 3, requires = "starts", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(super) repeat: u8,
    /// Let Python change threads between any two bytecodes of the started server
    #[arg(long, value_enum, default_value = "auto", requires = "starts")]
    pub(super) chaos: Chaos,
    /// The seed of --chaos, to repeat a verdict; each run adds 1
    #[arg(long, requires = "starts")]
    pub(super) chaos_seed: Option<u64>,
    /// The number of clients that draw at the same time
    // A race needs 2 clients. Each is a thread of this machine, so their number has a bound.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(2..=256))]
    pub(super) clients: u16,
    /// The server's list has the numbers 1 to this
    // With 5000 or more, the check `numbers` also draws 250 at once, because it draws up to a
    // twentieth of the list. That reply has more than 1024 bytes, a usual size for a buffer: a
    // server that loses the rest is found.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(5000..=i64::from(NumberList::MAX)))]
    pub(super) numbers: u32,
    /// The time for all checks together; with chaos twice as much
    // The least value is checked in `check`, and not here, so that `--out` is written first.
    #[arg(long, default_value = "60s", value_parser = units::duration)]
    pub(super) timeout: Duration,
    /// How the report is written
    #[arg(long, value_enum, default_value = "text")]
    pub(super) format: ReportFormat,
    /// Write the report to this file; at the start it is written with a score of 0
    #[arg(long)]
    pub(super) out: Option<PathBuf>,
    /// The seed of a leasebox server, so that its list's order is known
    #[arg(long)]
    pub(super) seed: Option<u64>,
    /// A file with the server's whole list, in its order; for a server without --seed
    #[arg(long, conflicts_with = "seed")]
    pub(super) order: Option<PathBuf>,
    /// The points of a check that found no fault, but whose evidence is too weak
    #[arg(long, value_enum, default_value = "none")]
    pub(super) unproven: Unproven,
    /// Leave races open if other programs left fewer cores than this to a started server
    // Two threads of a server must run at the same time for a race to show itself. Chaos needs no
    // second core, so with chaos this does not matter.
    #[arg(long, value_name = "CORES", default_value_t = 1.5, requires = "starts")]
    pub(super) least_cores: f64,
    /// The points of each check, a key and a number a line; a check that is not named keeps its own
    #[arg(long, value_name = "FILE")]
    pub(super) weights: Option<PathBuf>,
    /// Search this file or directory for structures that the homework forbids, and list them
    #[arg(long)]
    pub(super) source: Option<PathBuf>,
    #[command(flatten)]
    pub(super) limits: StartLimits,
}

// The words of `--chaos`. Both `Auto` and `On` offer chaos to each start. If no Python loads it,
// the note in the report differs: `On` asks for the reason, `Auto` says that chaos is for Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Chaos {
    Auto,
    On,
    Off,
}

// The words of `--unproven`.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Unproven {
    None,
    Half,
    Full,
}

impl Unproven {
    // Returns the part of its points that a check earns, from 0 to 1, if its evidence is too weak.
    pub(super) fn share(self) -> f64 {
        match self {
            Unproven::None => 0.0,
            Unproven::Half => 0.5,
            Unproven::Full => 1.0,
        }
    }
}

// The words of `--format`. A type of its own, so that the grader does not depend on clap.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum ReportFormat {
    Text,
    Json,
    Html,
    Gradescope,
    Junit,
    Tap,
}

impl ReportFormat {
    // Returns the report in this format. The report may be a draft, with checks that have not run.
    pub(super) fn render(self, report: &GradeReport) -> String {
        match self {
            ReportFormat::Text => report.text(),
            ReportFormat::Json => json(report),
            ReportFormat::Html => page(report),
            ReportFormat::Gradescope => gradescope(report),
            ReportFormat::Junit => junit(report),
            ReportFormat::Tap => tap(report),
        }
    }
}

/// The shortest time in which all checks can be made. A wait for one reply is at most a tenth of
/// `--timeout`: here 500 ms. With less, the grader would take a slow reply for no reply.
const MIN_TIMEOUT: Duration = Duration::from_secs(5);

impl GradeArguments {
    /// Checks what clap cannot check, before anything is started.
    ///
    /// # Errors
    /// Fails with one line that names the argument and the cure.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.timeout < MIN_TIMEOUT {
            return Err(format!(
                "--timeout is too short for all checks; give {MIN_TIMEOUT:?} or more"
            ));
        }
        self.list_order()?;
        weights(self)?;
        self.limits.check()
    }

    /// Returns the list in its order, if the user knows it.
    ///
    /// # Errors
    /// Fails with one line if the file cannot be read, or holds another list.
    pub(super) fn list_order(&self) -> Result<Option<Vec<u32>>, String> {
        order(self.seed, self.order.as_deref(), self.numbers)
    }

    /// Returns all options that can change a score, on one line. A row of `grades.csv` has this
    /// line: with other options the submission is graded again.
    pub(super) fn settings(&self) -> String {
        let Self { numbers, clients, repeat, timeout, .. } = self;
        let word = |value: Option<String>| value.unwrap_or_else(|| "-".to_string());
        // The fingerprint of the contents stands for a file: the contents may change, and the name
        // stay the same. `check` has refused a file that cannot be read.
        let path = |path: &Option<PathBuf>| {
            let text = path.as_ref().map(|path| std::fs::read(path).unwrap_or_default());
            word(text.map(|text| Fingerprint::of(&[&text]).text()))
        };
        format!(
            "numbers={numbers} clients={clients} repeat={repeat} timeout={timeout:?} chaos={:?} \
             chaos-seed={} unproven={} least-cores={} seed={} order={} weights={} listens-on={} {}",
            self.chaos,
            word(self.chaos_seed.map(|seed| seed.to_string())),
            self.unproven.share(),
            self.least_cores,
            word(self.seed.map(|seed| seed.to_string())),
            path(&self.order),
            path(&self.weights),
            word(self.listens_on.map(|port| port.to_string())),
            self.limits.describe(),
        )
    }

    // Returns the server for the report's first line.
    pub(super) fn target(&self) -> String {
        match (&self.start, &self.host, self.port) {
            (Some(command), ..) => command.clone(),
            (None, host, port) => {
                format!("{}:{}", host.as_deref().unwrap_or_default(), port.unwrap_or_default())
            }
        }
    }

    // Returns the address of the running server. Fails with one line if the host is unknown.
    pub(super) fn address(&self) -> Result<SocketAddr, String> {
        let host = self.host.as_deref().unwrap_or_default();
        let found = (host, self.port.unwrap_or_default()).to_socket_addrs().ok();
        found
            .and_then(|mut found| found.next())
            .ok_or_else(|| format!("the host {host} is unknown; give its name or its IP address"))
    }
}
