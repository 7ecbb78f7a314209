//! The command line: one file for each subcommand, all of them thin.
//!
//! Exit 0 when all is well, 1 when the answer is bad news (a duplicate, a failed
//! command), 2 when the arguments are wrong or the question could not be put. An error
//! is one line on standard error that names the cure; wrong arguments get clap's few.

mod check;
mod client;
mod echo;
mod grade;
mod lossy;
mod marshal;
mod pools;
mod race;
mod serve;
mod signals;
mod simulate;
pub mod units;

use std::fmt::Display;
use std::io::{self, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The answer is bad news.
const BAD_NEWS: u8 = 1;
/// The arguments are wrong, or the question could not be put.
const NO_ANSWER: u8 = 2;

#[derive(Parser)]
#[command(
    version,
    about = "One server that hands out numbers and memory, none of them twice",
    after_help = "Examples:\n  \
        leasebox serve --port 4120 --seed 7\n  \
        leasebox client localhost draw 4\n  \
        leasebox client localhost 4120 lease 1024 5000\n  \
        leasebox check out-1.txt out-2.txt\n  \
        leasebox race --clients A:4,B:2\n  \
        leasebox grade localhost 4120\n  \
        leasebox marshal --as xdr Smith London 1934"
)]
struct Arguments {
    #[command(subcommand)]
    command: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Serve numbers and leases until Ctrl-C
    Serve(Box<serve::ServeArguments>),
    /// Send one command to a server and print its answer
    Client(client::ClientArguments),
    /// Look for a number that came twice in recorded draws
    Check(check::CheckArguments),
    /// Try every interleaving of a draw, with and without the lock
    Race(race::RaceArguments),
    /// Grade any draw server, in any language
    Grade(grade::GradeArguments),
    /// Let processes share memory on a simulated clock, under three policies
    Simulate(simulate::SimulateArguments),
    /// Echo strings over TCP and datagrams over UDP, as the lecture's servers do
    Echo(echo::EchoArguments),
    /// Lose, repeat and reorder datagrams between clients and a server
    Lossy(lossy::LossyArguments),
    /// Write a person in one of the lecture's external data representations
    Marshal(marshal::Marshal),
    /// Read one back
    Unmarshal(marshal::Unmarshal),
}

/// Runs the program: parses the arguments, and calls the subcommand's `run`.
pub fn run() -> ExitCode {
    match Arguments::parse().command {
        Verb::Serve(arguments) => serve::run(*arguments),
        Verb::Client(arguments) => client::run(&arguments),
        Verb::Simulate(arguments) => simulate::run(&arguments),
        Verb::Check(arguments) => check::run(&arguments),
        Verb::Race(arguments) => race::run(&arguments),
        Verb::Grade(arguments) => grade::run(&arguments),
        Verb::Echo(arguments) => echo::run(&arguments),
        Verb::Lossy(arguments) => lossy::run(&arguments),
        Verb::Marshal(arguments) => marshal::run_marshal(arguments),
        Verb::Unmarshal(arguments) => marshal::run_unmarshal(&arguments),
    }
}

/// Prints on one line why there is no answer, and returns exit code 2.
fn no_answer(why: impl Display) -> ExitCode {
    complain(why, NO_ANSWER)
}

/// Prints the bad news on one line, and returns exit code 1.
fn bad_news(why: impl Display) -> ExitCode {
    complain(why, BAD_NEWS)
}

fn complain(why: impl Display, code: u8) -> ExitCode {
    // If standard error is closed, only the exit code tells it.
    let _ = writeln!(io::stderr(), "leasebox: {}", printable(&why.to_string()));
    ExitCode::from(code)
}

/// Returns a text without the bytes that steer a terminal or begin a line. The text may come from any
/// client or server, which could otherwise forge a line of the output.
fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '\'' | '\\' => shown.push(character),
            _ => shown.extend(character.escape_debug()),
        }
    }
    shown
}

/// Resolves an address to listen on or to send to: a name or a number.
fn resolve(option: &str, host: &str, port: u16) -> Result<SocketAddr, String> {
    let found = (host, port).to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
    found.ok_or_else(|| {
        format!("{option} {host} is no known address; give one of this machine, such as 127.0.0.1")
    })
}

/// Prints a line on standard output and flushes it. An error is only logged: a server whose output is
/// closed still serves.
fn announce(line: &str) {
    let mut stdout = io::stdout();
    if writeln!(stdout, "{line}").and_then(|()| stdout.flush()).is_err() {
        log::warn!("standard output is closed; {line}");
    }
}

/// Prints an answer on standard output. If the output cannot be written, the answer is lost, and the
/// exit code is 2. An output that was closed before the start looks like `/dev/null`, which std puts
/// in its place.
fn print(text: &[u8], code: ExitCode) -> ExitCode {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text).and_then(|()| stdout.flush()) {
        Ok(()) => code,
        // The reader, perhaps `head`, has seen enough: that is no error.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => code,
        Err(error) => no_answer(format!("standard output: {error}; give it room to write")),
    }
}
