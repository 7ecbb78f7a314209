//! `leasebox simulate`: processes that share memory, on a simulated clock.
//!
//! ```text
//!   report   three ways of sharing, side by side        printed first: it is quick
//!   sweep    one pool in up to 100 sizes, for each      printed when it is done
//!            shape of demand
//!   --svg    a plot of the pauses in the sweep          written last
//! ```
//!
//! **Invariants** the same `--processes`, `--seconds` and `--seed` print the same text. If the
//! output cannot be written, the exit code is 2, but the plot is still written.
//!
//! **Lock** none here. **Source** `cooperative-memory-management.txt`, figures 1 and 2;
//! [`crate::lab::simulation`] has the model.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::cli::{no_answer, print, write_file};
use crate::lab::simulation::{how_small, plot, report, sweep};

#[derive(Args)]
#[command(after_help = "Examples:\n  \
    leasebox simulate\n  \
    leasebox simulate --processes 20 --seed 7\n  \
    leasebox simulate --svg pauses.svg\n\n\
    Exit 0: it was simulated; 2: the plot cannot be written.")]
pub struct SimulateArguments {
    /// The number of processes that share the memory
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=50))]
    processes: u64,
    /// The length of the simulation, in simulated seconds
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Another seed gives the processes another demand for memory
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Write a plot of the pauses by the size of the pool
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// Prints the ways of sharing side by side, and how small the pool may get. Returns exit code 2 if
/// the output or the plot cannot be written.
pub fn run(arguments: &SimulateArguments) -> ExitCode {
    let &SimulateArguments { processes, seconds, seed, .. } = arguments;
    let processes = processes as usize;
    // Printed before the sweep, so the user reads the first part while the second is computed.
    let answered = print(report(processes, seconds, seed).as_bytes(), ExitCode::SUCCESS);
    let sweep = sweep(processes, seconds, seed);
    let text = format!("\n{}", how_small(&sweep, processes, seconds));
    // After a failed print the second part is not printed: the same error would appear twice.
    let answered =
        if answered == ExitCode::SUCCESS { print(text.as_bytes(), answered) } else { answered };
    if let Some(path) = &arguments.svg {
        let svg = plot::svg(&plot::lines(&sweep, processes, seconds));
        if let Err(why) = write_file(path, &svg, "give another --svg") {
            return no_answer(why);
        }
    }
    answered
}
