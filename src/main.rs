//! The `leasebox` program: see `leasebox --help`.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    leasebox::cli::run()
}
