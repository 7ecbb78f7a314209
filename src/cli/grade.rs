//! `leasebox grade`: grades any draw server, in any language, from outside.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::net::ToSocketAddrs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::cli::{BAD_NEWS, no_answer, print, units};
use crate::lab::grader::formats::{Format, render};
use crate::lab::grader::report::GradeReport;
use crate::lab::grader::{Options, grade, source};
use crate::lab::record::listed;
use crate::numbers::list::NumberList;
use crate::numbers::list::shuffled;

#[derive(Args)]
#[command(after_help = "Examples:\n  \
    leasebox grade 127.0.0.1 4120 --seed 7\n  \
    leasebox grade 203.0.113.7 8080 --clients 16 --source handed-in/\n  \
    leasebox grade localhost 8080 --format gradescope --out results.json\n  \
    leasebox grade localhost 8080 --order list.txt       the server's list is known\n\n\
    Start the server anew before: its list is drained, and bad input comes last.\n\
    Exit 0: all checks passed; 1: one failed; 2: no draw was ever answered.")]
pub struct GradeArguments {
    /// The machine that runs the server
    host: String,
    /// Its port
    port: u16,
    /// Clients at once
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(2..=256))]
    clients: u16,
    /// The server's list is 1 to this
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(5000..=i64::from(NumberList::MAX)))]
    numbers: u32,
    /// For all checks together
    #[arg(long, default_value = "60s", value_parser = units::duration)]
    timeout: Duration,
    /// How the report is written
    #[arg(long, value_enum, default_value = "text")]
    format: ReportFormat,
    /// Write it to this file, from the first moment on with a score of 0
    #[arg(long)]
    out: Option<PathBuf>,
    /// The seed of a leasebox server, so that its list's order is known
    #[arg(long)]
    seed: Option<u64>,
    /// The list of another server, in its order
    #[arg(long, conflicts_with = "seed")]
    order: Option<PathBuf>,
    /// List every use of what the homework forbids in this file or directory
    #[arg(long)]
    source: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum ReportFormat {
    Text,
    Json,
    Gradescope,
    Junit,
    Tap,
}

impl ReportFormat {
    fn format(self) -> Format {
        match self {
            ReportFormat::Text => Format::Text,
            ReportFormat::Json => Format::Json,
            ReportFormat::Gradescope => Format::Gradescope,
            ReportFormat::Junit => Format::Junit,
            ReportFormat::Tap => Format::Tap,
        }
    }
}

/// Shortest time in which all checks can be made at all.
const LEAST_TIMEOUT: Duration = Duration::from_secs(5);

/// Grades and reports.
pub fn run(arguments: &GradeArguments) -> ExitCode {
    match graded(arguments) {
        Ok(report) => answer(arguments, &report),
        Err(why) => no_answer(why),
    }
}

fn graded(arguments: &GradeArguments) -> Result<GradeReport, String> {
    let GradeArguments { host, port, out, .. } = arguments;
    // First of all: whatever happens from here on, there is a file without full marks.
    let format = arguments.format.format();
    let place = format!("{host}:{port}");
    if let Some(out) = out {
        write(out, &render(&GradeReport::new(place), format))?;
    }
    if arguments.timeout < LEAST_TIMEOUT {
        return Err(format!(
            "--timeout is too short for all checks; give {LEAST_TIMEOUT:?} or more"
        ));
    }
    let found = (host.as_str(), *port).to_socket_addrs().ok().and_then(|mut found| found.next());
    let address = found
        .ok_or_else(|| format!("the host {host} is unknown; give its name or its IP address"))?;
    let options = Options {
        address,
        clients: usize::from(arguments.clients),
        numbers: arguments.numbers,
        timeout: arguments.timeout,
        order: order(arguments)?,
    };
    let notes = arguments.source.as_deref().map_or(Ok(Vec::new()), look_at_source)?;
    let on_terminal = io::stderr().is_terminal();
    let report = grade(&options, notes, |report, doing| {
        if on_terminal {
            let _ = write!(io::stderr(), "\r{doing:<60}\r");
        }
        if let Some(out) = out {
            // The last write says whether the file can be had; until then it is a draft.
            let _ = write(out, &render(report, format));
        }
    });
    if on_terminal {
        let _ = write!(io::stderr(), "\r{:60}\r", "");
    }
    Ok(report)
}

fn answer(arguments: &GradeArguments, report: &GradeReport) -> ExitCode {
    let format = arguments.format.format();
    let text = match &arguments.out {
        Some(out) => {
            if let Err(why) = write(out, &render(report, format)) {
                return no_answer(why);
            }
            report.text()
        }
        None => render(report, format),
    };
    if !report.answered {
        let _ = print(text.as_bytes(), ExitCode::SUCCESS);
        let (host, port) = (&arguments.host, arguments.port);
        return no_answer(format!(
            "no draw was ever answered with a number by {host} port {port}; is the server started, and anew?"
        ));
    }
    let code = if report.passed() { ExitCode::SUCCESS } else { ExitCode::from(BAD_NEWS) };
    print(text.as_bytes(), code)
}

/// Replaces the file as a whole: who reads it sees the old one or the new one. What is
/// no plain file (`/dev/null`, a pipe) is written to and not replaced.
fn write(out: &Path, text: &str) -> Result<(), String> {
    let failed = |error: io::Error| {
        format!("{} cannot be written ({error}); give --out a place with room", out.display())
    };
    // Where a link leads, so that the file is replaced and not the link.
    let out = &fs::canonicalize(out).unwrap_or_else(|_| out.to_path_buf());
    if fs::metadata(out).is_ok_and(|about| !about.is_file()) {
        return fs::write(out, text).map_err(failed);
    }
    let mut name = out.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.part", std::process::id()));
    let draft = out.with_file_name(name);
    let written = fs::File::create(&draft).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
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

/// The list's order, where it is known.
fn order(arguments: &GradeArguments) -> Result<Option<Vec<u32>>, String> {
    if let Some(seed) = arguments.seed {
        let list = shuffled(arguments.numbers, Some(seed));
        return Ok(Some((0..list.len() as usize).map(|index| list.number(index)).collect()));
    }
    let Some(file) = &arguments.order else { return Ok(None) };
    let name = file.display();
    let text = fs::read(file)
        .map_err(|error| format!("{name} cannot be read ({error}); give the server's list"))?;
    let order = listed(&text);
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if sorted.iter().copied().eq(1..=arguments.numbers) {
        return Ok(Some(order));
    }
    let (numbers, found) = (arguments.numbers, order.len());
    Err(format!(
        "{name} holds {found} numbers that are not 1 to {numbers}, each once; give the whole list"
    ))
}

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
