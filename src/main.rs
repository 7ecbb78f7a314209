//! The `leasebox` program: see `leasebox --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    leasebox::cli::run()
}
