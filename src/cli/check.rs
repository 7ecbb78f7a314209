//! `leasebox check`: looks for a number that came twice in recorded draws.
//!
//! ```text
//!   $ python3 client.py localhost 4120 > out-1.txt      (and so on, for each client)
//!   $ leasebox check out-1.txt out-2.txt
//!   duplicate 228: out-1.txt line 3, out-2.txt line 1   ─► exit 1
//! ```
//!
//! The short way, `sort out-*.txt | uniq -d`, finds duplicates too, if each line is one number. It
//! names no file and no line, sees no number out of range, and its exit code is 0 in any case.
//!
//! **Invariants** a file that is given twice is refused: otherwise each of its numbers would be a
//! duplicate. (Only the paths are compared: a link to a file counts as another file.)
//!
//! **Lock** none. **Simplified** each file is read into memory as a whole, without a bound: the
//! files are the user's own.
//!
//! **Source** `loot-box.txt`; the reading and counting are in [`crate::lab::record`].

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::cli::order::order;
use crate::cli::{BAD_NEWS, history, no_answer, print, read_file};
use crate::lab::record::Record;
use crate::numbers::list::NumberList;

#[derive(Args)]
#[command(after_help = "Examples:\n  \
    leasebox check out-1.txt out-2.txt\n  \
    leasebox check --drained out-*.txt      every number must be there\n  \
    leasebox check --history history.txt    with the times of each request\n\n\
    Exit 0: no duplicate, nothing out of range (and with --drained no gap); 1: there is;\n\
    2: a file cannot be read or is no text, or no file holds a number. Whether the order was shuffled is\n\
    told and changes no exit code: the files may have been sorted afterwards.")]
pub struct CheckArguments {
    /// Recorded draws, one file for each client
    #[arg(required_unless_present = "history")]
    files: Vec<PathBuf>,
    /// A history: on each line a client, start, end, count, and the numbers that came
    // `lab/history.rs` describes the file.
    #[arg(long, value_name = "FILE", conflicts_with = "files")]
    history: Option<PathBuf>,
    /// The seed of a leasebox server, so that the order of its list is known
    #[arg(long, requires = "history")]
    seed: Option<u64>,
    /// A file with the whole list, in its order
    #[arg(long, value_name = "FILE", requires = "history", conflicts_with = "seed")]
    order: Option<PathBuf>,
    /// The server's list has the numbers 1 to this; any other number is out of range
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=i64::from(NumberList::MAX)))]
    max: u32,
    /// The list was drained, so a number that nobody drew is bad news too
    #[arg(long)]
    drained: bool,
}

/// Reads the files and prints the report. Returns exit code 1 if the record has a fault. Returns 2,
/// without a report, if a file cannot be read or no file has a number.
pub fn run(arguments: &CheckArguments) -> ExitCode {
    match report(arguments) {
        Ok((text, true)) => print(text.as_bytes(), ExitCode::SUCCESS),
        Ok((text, false)) => print(text.as_bytes(), ExitCode::from(BAD_NEWS)),
        Err(why) => no_answer(why),
    }
}

/// Reads the files. Returns the report, and whether the record has no fault.
///
/// # Errors
/// Fails with one line if a file cannot be read, is given twice or is no record, if the order is
/// not known from its file, or if there is no number.
fn report(arguments: &CheckArguments) -> Result<(String, bool), String> {
    let &CheckArguments { seed, max, drained, .. } = arguments;
    if let Some(file) = &arguments.history {
        let order = order(seed, arguments.order.as_deref(), max)?;
        return history::report(file, max, drained, order.as_deref());
    }
    let mut record = Record::new(max);
    for (at, file) in arguments.files.iter().enumerate() {
        let name = file.display().to_string();
        if arguments.files[..at].contains(file) {
            return Err(format!("{name} is given twice; give each file once"));
        }
        if !record.read(&name, &read_file(file, "give files of recorded draws")?) {
            let cure = "give what client.py > FILE has written";
            return Err(format!("{name} is no recorded text; {cure}"));
        }
    }
    // Without this check, files without any number would count as a passed test.
    if record.is_empty() {
        return Err("no number was found in these files; record draws with client.py > FILE".into());
    }
    Ok((record.report(drained), record.is_well(drained)))
}
