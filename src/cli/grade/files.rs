//! The files of a grading: the report of `--out`, the points of `--weights`, the source of
//! `--source`.
//!
//! **Lock** none. **Source** rename(2): a reader of `--out` sees the old report or the new one.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use crate::cli::grade::GradeArguments;
use crate::lab::grader::report::GradeReport;
use crate::lab::grader::source;

/// Replaces a file as a whole, so that a reader sees either the old text or the new one, and never
/// a part. For this it writes a draft in the same directory, and renames it. The draft has the
/// process's number in its name, so two gradings do not write the same draft. A path that is no
/// plain file (`/dev/null`, a pipe) is written directly.
///
/// # Errors
/// Fails with one line that names the file and the cure. A plain file keeps its old text then.
pub(super) fn write(out: &Path, text: &str) -> Result<(), String> {
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
        // The sync comes before the rename. Otherwise a power failure may leave an empty file under
        // the final name.
        file.sync_all()?;
        // The new file gets the permissions of the old one, which it replaces.
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

/// Reads the file of `--weights`: a line for each check, its key and its points. A line that is
/// empty or begins with `#` is passed over.
///
/// # Errors
/// Fails with one line if the file cannot be read, or if a line of it is not understood.
pub(super) fn weights(arguments: &GradeArguments) -> Result<Vec<(String, u32)>, String> {
    let Some(file) = &arguments.weights else { return Ok(Vec::new()) };
    let name = file.display();
    let text = fs::read_to_string(file)
        .map_err(|error| format!("{name} cannot be read ({error}); give --weights a text file"))?;
    // Also an empty report has an entry for each check, so it gives the known keys.
    let keys: Vec<&str> = GradeReport::new(String::new()).checks.iter().map(|c| c.key).collect();
    let lines =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let weights = lines.map(|line| {
        let (key, points) = line.split_once(char::is_whitespace)?;
        let points = points.trim().parse().ok().filter(|&points| points <= MOST_POINTS)?;
        keys.contains(&key).then(|| (key.to_string(), points))
    });
    let weights: Option<Vec<(String, u32)>> = weights.collect();
    weights.ok_or_else(|| {
        let keys = keys.join(", ");
        format!("{name} has a line that is no check and its points, such as `unique 40`; the checks are {keys}")
    })
}

/// The most points of one check. The table of `--folder` relies on this bound
/// ([`GradeRow::take`](crate::lab::grader::gradebook::GradeRow::take)).
const MOST_POINTS: u32 = 1000;

/// Searches the files of `--source` for structures that the homework may forbid, such as an atomic
/// counter. Returns the findings as notes for the report; they change no score.
///
/// # Errors
/// Fails with one line if the path itself cannot be read.
pub(super) fn look_at_source(path: &Path) -> Result<Vec<String>, String> {
    let looked = source::look(path).map_err(|error| {
        format!("{} cannot be read ({error}); give --source the server's files", path.display())
    })?;
    let mut notes = vec![match looked.findings.len() + looked.more {
        0 => "source: nothing of what the homework forbids was found".to_string(),
        _ => "source: for a person to judge, what the homework may forbid".to_string(),
    }];
    if !looked.has_lock {
        notes.push(
            "source: no lock was found, nothing that looks like a mutex; look how the counter is \
             guarded"
                .to_string(),
        );
    }
    for source::Finding { file, line, words, text } in &looked.findings {
        // At an asterisk the name may go on; a person needs only the word.
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
