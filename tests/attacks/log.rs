//! A standard error that nobody reads.

use std::process::Command;
use std::time::Instant;

use crate::support::{self, BINARY, Client, STOP, numbers};

#[test]
fn a_log_that_nobody_reads_holds_neither_a_client_nor_the_stop() {
    let (mut unread, errors) = std::io::pipe().unwrap();
    let mut command = Command::new(BINARY);
    command.args(["serve", "--port", "0"]).env("RUST_LOG", "debug");
    let (mut child, line) = support::announced(&mut command, errors);
    drop(command);
    let port = line.trim().rsplit(':').next().unwrap().parse::<u16>().unwrap();
    let address = ([127, 0, 0, 1], port).into();
    // Each leaves a line. A pipe holds 64 KiB, and the queue 1024 lines.
    for _ in 0..3000 {
        assert_eq!(numbers(&Client::connect(address).ask("draw 1")).len(), 1);
    }
    let kill = ["-TERM", &child.id().to_string()];
    assert!(Command::new("kill").args(kill).status().unwrap().success());
    let start = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(start.elapsed() < STOP);
    let mut log = String::new();
    std::io::Read::read_to_string(&mut unread, &mut log).unwrap();
    // Had there been room, the last line would be there. A pipe of 16 pages, some of them not
    // filled, was full.
    assert!(!log.contains("serve] stopped"), "the pipe was never full");
    assert!(log.len() >= 40_000, "{} bytes fill no pipe", log.len());
}
