//! The simulation in docs/book/cooperative.md is what the program prints and draws.

use std::process::Command;

use crate::support::{BINARY, report};

#[test]
fn what_the_report_shows_of_the_simulation_is_what_it_prints() {
    let drawn = crate::support::scratch("svg");
    let output = Command::new(BINARY).args(["simulate", "--svg"]).arg(&drawn).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    let shown = format!("```console\n$ target/release/leasebox simulate\n{printed}```\n");
    report::stands("docs/book/cooperative.md", "tests/cooperative/simulation.rs", &shown);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pauses.svg");
    if std::env::var_os("LEASEBOX_WRITE").is_some() {
        std::fs::copy(&drawn, path).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&drawn).unwrap(), std::fs::read_to_string(path).unwrap());
    std::fs::remove_file(drawn).unwrap();
}

#[test]
fn a_plot_that_cannot_be_written_is_no_answer() {
    let arguments = ["simulate", "--seconds", "1", "--processes", "1", "--svg", "/no/such/file"];
    let output = Command::new(BINARY).args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("cannot be written") && said.contains("--svg"), "{said}");
}
