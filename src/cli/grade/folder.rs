//! `leasebox grade --folder DIR`: grades every submission of a folder, one after another.
//!
//! ```text
//!   submissions/ali/server.py        grades/grades.csv          a row each
//!   submissions/bo.c           ──►   grades/index.html          the same, to look at
//!   submissions/chen/run.txt         grades/reports/ali.txt     and .json, .html, and
//!                                                              .log: what it printed
//! ```
//!
//! Each entry of the folder, a file or a folder, is a submission. Two gradings at once would slow
//! each other down, and a race shows itself less often on a busy machine.
//!
//! After each submission its reports are written, and then the table. So a grading that is killed
//! loses only the submission that it graded then, and the same command goes on with that one.
//!
//! | exit | when |
//! | --- | --- |
//! | 0 | each submission has a verdict, whatever it is |
//! | 1 | a score fell, with `--previous` |
//! | 2 | this machine could not grade one of them, or an argument or a file is wrong |
//!
//! **Invariants** A row is in the table only if its reports are written.
//!
//! **Lock** none. **Source** [`gradebook`](crate::lab::grader::gradebook) for the table.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use crate::cli::grade::recipe::Recipe;
use crate::cli::grade::started::{NotGraded, grade_started};
use crate::cli::grade::workplace::{Workplace, fingerprint};
use crate::cli::grade::{GradeArguments, files};
use crate::cli::{BAD_NEWS, NO_ANSWER, no_answer, print, printable};
use crate::common::fingerprint::Fingerprint;
use crate::lab::grader::formats::json;
use crate::lab::grader::gradebook::{self, GradeRow};
use crate::lab::grader::pages;
use crate::lab::grader::report::{GradeReport, NOT_GRADED};
use crate::lab::grader::source;

/// Grades the folder and returns the exit code.
pub(super) fn run(arguments: &GradeArguments, folder: &Path) -> ExitCode {
    match graded(arguments, folder) {
        Ok((text, code)) => print(text.as_bytes(), code),
        Err(why) => no_answer(why),
    }
}

/// Grades the folder. Returns the summary, and the exit code.
///
/// # Errors
/// Fails with one line if the folder or a table cannot be read, or a file cannot be written.
fn graded(arguments: &GradeArguments, folder: &Path) -> Result<(String, ExitCode), String> {
    arguments.check()?;
    let out = arguments.out.clone().unwrap_or_else(|| PathBuf::from("grades"));
    let before =
        arguments.previous.as_deref().map_or(Ok(Vec::new()), |file| table(file, "--previous"))?;
    let submissions = submissions(folder, &out)?;
    fs::create_dir_all(out.join("reports")).map_err(|error| {
        format!("{} cannot be made ({error}); give --out a folder with room", out.display())
    })?;
    let csv = out.join("grades.csv");
    let known = if csv.exists() { table(&csv, "--out")? } else { Vec::new() };
    let mut rows: Vec<GradeRow> = Vec::new();
    for (at, submission) in submissions.iter().enumerate() {
        let row = row(arguments, submission, &known, &out)?;
        tell(&format!("{:>3}/{} {}", at + 1, submissions.len(), summary(&row)));
        rows.push(row);
        // A submission that is still to come keeps its row of the earlier table.
        let waits =
            |known: &&GradeRow| submissions[at + 1..].iter().any(|s| name(s) == known.submission);
        let all: Vec<GradeRow> = rows.iter().chain(known.iter().filter(waits)).cloned().collect();
        files::write(&csv, &gradebook::csv(&all))?;
        files::write(&out.join("index.html"), &pages::index(&all))?;
    }
    Ok(answer(&rows, &before, &out))
}

/// Returns the files and folders in the folder, sorted by name, without hidden ones and without the
/// folder of the grades.
///
/// # Errors
/// Fails with one line if the folder cannot be read, or is empty.
fn submissions(folder: &Path, out: &Path) -> Result<Vec<PathBuf>, String> {
    let shown = folder.display();
    let entries = fs::read_dir(folder).map_err(|error| {
        format!("{shown} cannot be read ({error}); give --folder the submissions")
    })?;
    let out = fs::canonicalize(out).ok();
    if out.is_some() && out == fs::canonicalize(folder).ok() {
        return Err(format!("{shown} holds the submissions; give --out another folder"));
    }
    // Also tells which entries are left out, because they are no file and no folder.
    let is_submission = |path: &PathBuf| {
        let has_files = path.is_dir() || path.is_file();
        if !has_files {
            tell(&format!("left out: {} is no file and no folder", path.display()));
        }
        has_files && !name(path).starts_with('.') && fs::canonicalize(path).ok() != out
    };
    let entries = entries.flatten().map(|entry| entry.path());
    let mut submissions: Vec<PathBuf> = entries.filter(is_submission).collect();
    submissions.sort();
    match submissions.is_empty() {
        true => Err(format!("{shown} is empty; each file or folder in it is a submission")),
        false => Ok(submissions),
    }
}

/// The longest name of a submission, in bytes. A file system allows 255 bytes, and the name of a
/// report has an ending too, and a number while the report is a draft.
const LONGEST_NAME: usize = 180;

/// Returns the name of a submission, for the table and for the files of its reports. A name that is
/// too long, or that a terminal cannot show as it is, is changed. A fingerprint of the old name
/// then keeps it apart from others that look the same.
fn name(submission: &Path) -> String {
    let raw = submission.file_name().unwrap_or_default();
    let shown = source::without_controls(&raw.to_string_lossy());
    if raw.to_str() == Some(&shown) && shown.len() <= LONGEST_NAME {
        return shown;
    }
    // A character has at most 4 bytes.
    let short: String = shown.chars().take(LONGEST_NAME / 4).collect();
    format!("{short} {}", Fingerprint::of(&[raw.as_encoded_bytes()]).text())
}

/// Reads a table. `option` is the option that named the file or its folder.
///
/// # Errors
/// Fails with one line if it cannot be read, or is no table of this program.
fn table(file: &Path, option: &str) -> Result<Vec<GradeRow>, String> {
    let shown = file.display();
    let text = fs::read(file)
        .map_err(|error| format!("{shown} cannot be read ({error}); give another {option}"))?;
    gradebook::rows(&String::from_utf8_lossy(&text))
        .ok_or_else(|| format!("{shown} is no grades.csv of this version; give another {option}"))
}

/// Returns the row of a submission. A row of `known`, the earlier table, is used again if the files
/// and the settings are the same. Otherwise the submission is graded, and its reports are written
/// below `out`.
///
/// # Errors
/// Fails with one line if a report cannot be written.
fn row(
    arguments: &GradeArguments,
    submission: &Path,
    known: &[GradeRow],
    out: &Path,
) -> Result<GradeRow, String> {
    let (submission_name, settings, began) =
        (name(submission), arguments.settings(), Instant::now());
    // For a link, the file or folder that it leads to is graded.
    let submission = &fs::canonicalize(submission).unwrap_or_else(|_| submission.to_path_buf());
    let files = fingerprint(submission);
    if let Ok(files) = &files
        && let Some(row) = known.iter().find(|row| row.submission == submission_name)
        && row.holds_for(files, &settings)
    {
        return Ok(row.clone());
    }
    let mut row = GradeRow { submission: submission_name, settings, ..GradeRow::default() };
    let graded = match &files {
        Err(why) => Err(NotGraded::ByMachine(why.clone())),
        Ok(_) => grade_one(arguments, submission, &mut row),
    };
    let (report, verdict) = match graded {
        Ok(report) => (report, None),
        Err(NotGraded::BySubmission(why)) => (empty_report(&row, why), Some("not started")),
        Err(NotGraded::ByMachine(why)) => (empty_report(&row, why), Some(NOT_GRADED)),
    };
    // The row gets its points, its verdict and one reason from the report. The report of a
    // submission that was not graded does not know its verdict, so `verdict` replaces that.
    row.take(&report);
    row.verdict = verdict.map_or(row.verdict, str::to_string);
    row.files = files.unwrap_or_default();
    row.seconds = format!("{:.1}", began.elapsed().as_secs_f64());
    write_reports(&report, &out.join("reports").join(&row.submission))?;
    Ok(row)
}

/// Builds, starts and grades a submission, and notes the commands for this in its row.
fn grade_one(
    arguments: &GradeArguments,
    submission: &Path,
    row: &mut GradeRow,
) -> Result<GradeReport, NotGraded> {
    let recipe = Recipe::of(submission).map_err(NotGraded::BySubmission)?;
    row.started_by = recipe.line();
    tell(&format!("        {}: {}", row.submission, row.started_by));
    recipe.check_tool().map_err(NotGraded::ByMachine)?;
    let place = Workplace::with_copy_of(submission).map_err(NotGraded::ByMachine)?;
    grade_started(arguments, submission, &place, &recipe)
}

/// Writes the report in each format; `name` is the file without its ending.
///
/// # Errors
/// Fails with one line if one cannot be written.
fn write_reports(report: &GradeReport, name: &Path) -> Result<(), String> {
    let printed = String::from_utf8_lossy(&report.printed).into_owned();
    let formats = [
        ("txt", report.text()),
        ("json", json(report)),
        ("html", pages::page(report)),
        ("log", printed),
    ];
    for (ending, text) in formats {
        let mut file = name.to_path_buf().into_os_string();
        file.push(format!(".{ending}"));
        files::write(Path::new(&file), &text)?;
    }
    Ok(())
}

/// Returns the report of a submission that was not graded.
fn empty_report(row: &GradeRow, why: String) -> GradeReport {
    let mut report = GradeReport::new(row.submission.clone());
    report.warnings.push(why);
    report
}

/// Writes a line of progress on standard error. An error is ignored: the grading goes on without
/// the line.
fn tell(line: &str) {
    let _ = writeln!(io::stderr(), "{}", printable(line));
}

/// Returns a row on one line, which a long reason makes no longer than 200 characters.
fn summary(row: &GradeRow) -> String {
    let GradeRow { submission, score, verdict, seconds, why, .. } = row;
    let why = if why.is_empty() { String::new() } else { format!(": {why}") };
    let score = if score.is_empty() { "-" } else { score };
    let line = format!("{score:>6}  {submission} ({verdict}, {seconds} s){why}");
    printable(&line).chars().take(200).collect()
}

/// Returns the text for standard output, with a line for each row and for each score that fell, and
/// the exit code. `before` are the rows of `--previous`, and `out` is the folder of the grades.
fn answer(rows: &[GradeRow], before: &[GradeRow], out: &Path) -> (String, ExitCode) {
    let mut text: String = rows.iter().map(|row| summary(row) + "\n").collect();
    let mut fell = 0_usize;
    for row in rows {
        if let Some(was) = before.iter().find(|before| row.fell_since(before)) {
            fell += 1;
            let (name, old, new) = (&row.submission, &was.score, &row.score);
            text += &format!("{name} fell from {old} to {new}, although its files are the same\n");
            if row.settings != was.settings {
                text += &format!("  it was graded with other settings: {}\n", was.settings);
            }
        }
    }
    let not_graded = rows.iter().filter(|row| row.verdict == NOT_GRADED).count();
    let count = rows.len();
    text += &format!(
        "{count} submissions, {not_graded} not graded; {}\n",
        out.join("index.html").display()
    );
    let code = match (not_graded, fell) {
        (1.., _) => ExitCode::from(NO_ANSWER),
        (0, 1..) => ExitCode::from(BAD_NEWS),
        (0, 0) => ExitCode::SUCCESS,
    };
    (text, code)
}
