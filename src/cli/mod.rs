//! The command line: one file for each subcommand, all of them thin.
//!
//! ```text
//!   arguments ─► clap ─► Verb ─► serve::run, client::run, … ─► exit code
//!                 └ wrong: clap's text on standard error, exit 2
//! ```
//!
//! A subcommand parses, calls the library, and prints. The logic is in the library, where a test
//! calls it without a process. Some files are parts of subcommands: `logging`, `signals`, `units`,
//! `order`, `pools` and `history`. `original` has the command lines of MemoryLease's two programs.
//!
//! | exit code | means | example |
//! | --- | --- | --- |
//! | 0 | all is well | no number came twice |
//! | 1 | the answer is bad news | a duplicate; a command that the server refused |
//! | 2 | there is no answer | wrong arguments; no server; a file that cannot be read |
//! | 130 | a second signal ended a server at once | Ctrl-C twice |
//!
//! The difference between 1 and 2 lets a script tell a broken server from its own mistake, as
//! `grep` and `diff` do.
//!
//! **Invariants**
//!
//! 1. Standard output holds only the answer, or a server's address, so that a script can read it.
//!    Errors and the log go to standard error. (Under the name `server` the log is on standard
//!    output, as with MemoryLease's own server.)
//! 2. An error is one line that names the cause and the cure. (Wrong arguments get clap's few
//!    lines.)
//! 3. Text of a client or a server is printed without control characters, by `printable`. (Data of
//!    a lease and replies to the grader are escaped instead.)
//!
//! **Lock** none in this file. `signals` has a static variable that changes, an atomic one;
//! `VERSION` is made once.
//!
//! **Source** ours; the exit codes 0 to 2 are those of `grep` and `diff`.

mod check;
mod client;
mod echo;
mod echo_client;
mod grade;
mod history;
mod lesson;
mod logging;
mod lossy;
mod marshal;
mod order;
mod original;
mod pools;
mod race;
mod serve;
mod shipped;
mod signals;
mod simulate;
pub mod units;

use std::fmt::Display;
use std::fs;
use std::io::{self, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::process::ExitCode;
use std::sync::LazyLock;

use clap::{Parser, Subcommand};

use serve::Manner;

/// The exit code for bad news, such as a duplicate.
const BAD_NEWS: u8 = 1;
/// The exit code for no answer. clap uses the same for wrong arguments.
const NO_ANSWER: u8 = 2;

/// The version, with the commit if the build was told it in `LEASEBOX_COMMIT`.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let version = env!("CARGO_PKG_VERSION");
    match option_env!("LEASEBOX_COMMIT") {
        Some(commit) => format!("{version} ({commit})"),
        None => version.to_string(),
    }
});

#[derive(Parser)]
#[command(
    version = VERSION.as_str(),
    about = "One server that hands out numbers and memory, none of them twice",
    after_help = "Examples:\n  \
        leasebox serve --port 4120 --seed 7\n  \
        leasebox client localhost draw 4\n  \
        leasebox client localhost 4120 lease 1024 5000\n  \
        leasebox check out-1.txt out-2.txt\n  \
        leasebox race --clients A:4,B:2\n  \
        leasebox grade localhost 4120\n  \
        leasebox marshal --as xdr Smith London 1934\n\n\
        Exit 0: all is well; 1: the answer is bad news, such as a duplicate; 2: there is no answer.\n\
        leasebox COMMAND --help says what that means for each; leasebox man prints a manual page."
)]
struct Arguments {
    #[command(subcommand)]
    command: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Serve numbers and leases until Ctrl-C
    // Boxed: it has over 30 options, and an enum is as large as its largest variant.
    Serve(Box<serve::ServeArguments>),
    /// Send one command to a server and print its answer
    Client(client::ClientArguments),
    /// Look for a number that came twice in recorded draws
    Check(check::CheckArguments),
    /// Try the interleavings of several clients' draws, without or with the lock
    Race(race::RaceArguments),
    /// Grade any draw server, in any language
    Grade(grade::GradeArguments),
    /// Show the lessons in a browser: the race and more, one step at a time
    Lesson(lesson::LessonArguments),
    /// Let processes share memory on a simulated clock, under three policies
    Simulate(simulate::SimulateArguments),
    /// Echo strings over TCP and datagrams over UDP, as the lecture's servers do
    Echo(echo::EchoArguments),
    /// Send a string to an echo server of the lecture, over TCP or UDP
    EchoClient(echo_client::EchoClientArguments),
    /// Lose, repeat and reorder datagrams between clients and a server
    Lossy(lossy::LossyArguments),
    /// Write a person in one of the lecture's external data representations
    Marshal(marshal::Marshal),
    /// Read a person back from one of the lecture's external data representations
    Unmarshal(marshal::Unmarshal),
    /// Print the completions of this command line for a shell
    Completions(shipped::Completions),
    /// Print the manual page of the program, or of a command
    Man(shipped::Manual),
}

/// Runs the program: parses the arguments, and calls the subcommand's `run`. Under the name
/// `server` or `client` it has the command line of MemoryLease.
pub fn run() -> ExitCode {
    if let Some(code) = original::run(std::env::args_os()) {
        return code;
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(why) if why.use_stderr() => {
            // If this write fails, the exit code is still right.
            let _ = why.print();
            return ExitCode::from(NO_ANSWER);
        }
        // clap returns the text of `--help` or `--version` as an error too.
        Err(text) => return printed(text.print(), ExitCode::SUCCESS),
    };
    match arguments.command {
        Verb::Serve(arguments) => serve::run(*arguments, Manner::Leasebox),
        Verb::Client(arguments) => client::run(&arguments),
        Verb::Simulate(arguments) => simulate::run(&arguments),
        Verb::Check(arguments) => check::run(&arguments),
        Verb::Race(arguments) => race::run(&arguments),
        Verb::Grade(arguments) => grade::run(&arguments),
        Verb::Lesson(arguments) => lesson::run(&arguments),
        Verb::Echo(arguments) => echo::run(&arguments),
        Verb::EchoClient(arguments) => echo_client::run(&arguments),
        Verb::Lossy(arguments) => lossy::run(&arguments),
        Verb::Marshal(arguments) => marshal::run_marshal(arguments),
        Verb::Unmarshal(arguments) => marshal::run_unmarshal(&arguments),
        Verb::Completions(arguments) => shipped::completions(&arguments),
        Verb::Man(arguments) => shipped::manual(&arguments),
    }
}

/// Prints the reason for no answer on one line, and returns exit code 2.
fn no_answer(why: impl Display) -> ExitCode {
    complain(why, NO_ANSWER)
}

/// Prints the bad news on one line, and returns exit code 1.
fn bad_news(why: impl Display) -> ExitCode {
    complain(why, BAD_NEWS)
}

/// Prints one line on standard error. The text may quote a client or a server, so it goes through
/// [`printable`].
fn complain(why: impl Display, code: u8) -> ExitCode {
    // If this write fails, there is no place to report it, but the exit code is still right.
    // `eprintln!` would panic instead.
    let _ = writeln!(io::stderr(), "leasebox: {}", printable(&why.to_string()));
    ExitCode::from(code)
}

/// Returns a text in which each control character is escaped, such as `\u{1b}` for ESC. The text
/// may come from any client or server. Printed as it is, a line break could forge a line of the
/// output, and an ESC could recolour or clear the terminal.
fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            // `escape_debug` would escape these too. They are harmless, and data is full of them.
            '"' | '\'' | '\\' => shown.push(character),
            _ => shown.extend(character.escape_debug()),
        }
    }
    shown
}

/// Splits `HOST:PORT` at its last colon, because an IPv6 address holds colons itself. The brackets
/// of an IPv6 address, as in `[::1]:4121`, are left out. Returns `None` for another form.
fn host_and_port(text: &str) -> Option<(&str, u16)> {
    let (host, port) = text.rsplit_once(':').filter(|(host, _)| !host.is_empty())?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    Some((host, port.parse().ok()?))
}

/// Resolves an address to listen on or to send to: a name or a number. A name may have several
/// addresses; the first one is used. `option` is the flag, for the error.
///
/// # Errors
/// Fails with one line if the system does not know the name.
fn resolve(option: &str, host: &str, port: u16) -> Result<SocketAddr, String> {
    let found = (host, port).to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
    found.ok_or_else(|| {
        format!("{option} {host} is no known address; give one of this machine, such as 127.0.0.1")
    })
}

/// Reads a file that the user named. `cure` is the end of the error.
///
/// # Errors
/// Fails with one line.
fn read_file(file: &Path, cure: &str) -> Result<Vec<u8>, String> {
    fs::read(file).map_err(|error| format!("{} cannot be read ({error}); {cure}", file.display()))
}

/// Writes a file that the user named. `cure` is the end of the error.
///
/// # Errors
/// Fails with one line.
fn write_file(file: &Path, text: &str, cure: &str) -> Result<(), String> {
    fs::write(file, text)
        .map_err(|error| format!("{} cannot be written ({error}); {cure}", file.display()))
}

/// Prints a line on standard output and flushes it: a script that waits for the line in a pipe gets
/// it now. An error is only logged: a server whose output is closed still serves.
fn announce(line: &str) {
    let mut stdout = io::stdout();
    if let Err(error) = writeln!(stdout, "{line}").and_then(|()| stdout.flush()) {
        log::warn!("standard output: {error}; {line}");
    }
}

/// Prints an answer on standard output, and returns `code`. A reader that has closed its pipe
/// changes nothing. After any other error the answer is lost, and the exit code is 2.
///
/// `print!` would panic on a closed pipe, as in `leasebox … | head -1`. An output that was closed
/// before the start is not noticed: std opens `/dev/null` in its place.
fn print(text: &[u8], code: ExitCode) -> ExitCode {
    let mut stdout = io::stdout().lock();
    printed(stdout.write_all(text).and_then(|()| stdout.flush()), code)
}

/// Prints the answer of a server. The server has already executed the command, so with a lost
/// answer the numbers or the lease in it are lost too. So a closed pipe is bad news here, and in
/// `print` it is none.
fn print_or_lose(text: &[u8]) -> ExitCode {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => bad_news(
            "the answer is lost: standard output was closed before it was printed; keep it open",
        ),
        written => printed(written, ExitCode::SUCCESS),
    }
}

/// Returns the exit code after a write to standard output: `code` if it succeeded or the reader has
/// closed the pipe. After another error it prints the reason, and returns exit code 2.
fn printed(written: io::Result<()>, code: ExitCode) -> ExitCode {
    match written {
        Ok(()) => code,
        // The reader, perhaps `head`, has seen enough: that is no error.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => code,
        Err(error) => no_answer(format!("standard output: {error}; give it room to write")),
    }
}
