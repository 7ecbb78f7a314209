//! The `leasebox` program; `leasebox --help` lists its commands.
//!
//! It only calls `leasebox::cli::run`. All other code is in the library, where a test, a benchmark
//! or another program can call it without starting a process.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    leasebox::cli::run()
}
