//! MemoryLease's own command lines: this program under the names `server` and `client`.
//!
//! ```text
//!   make                                     bin/server and bin/client: copies of this program
//!   bin/server 412 2048                      as leasebox serve 412 2048
//!   bin/client localhost 412 lease 64 5000   as leasebox client localhost 412 lease 64 5000
//! ```
//!
//! A program learns the name that it was started by from its first argument. BusyBox has all its
//! commands in one file in this way.
//!
//! The server prints the two lines of the original, and its log on standard output. The client
//! takes the port 412 if none is given, because the original's own examples leave 412 out.
//!
//! **Lock** none. **Simplified** the original listens on all interfaces. This one listens on this
//! machine alone, and for other machines there is `leasebox serve --bind 0.0.0.0`.
//!
//! **Source** `memorylease.txt`.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use crate::cli::serve::Manner;
use crate::cli::{Arguments, NO_ANSWER, Verb, client, serve};

/// The port of the original's examples.
const PORT: &str = "412";

const SERVER_USAGE: &str = "\
Usage: server port memory
port:   to listen on. example: 412
memory: the bytes to lease. example: 2048
";

const CLIENT_USAGE: &str = "\
Usage: client host [port] [command] [leaseid|size] [duration|data]
host:    that runs the server. example: localhost
port:    of the server. example: 412, also when left out
command: lease SIZE DURATION   leases so many bytes for so many MS
         get LEASEID           prints the data of a lease
         set LEASEID DATA      sets it
";

/// Runs as MemoryLease's server or client, if the program was started as `server` or `client`.
/// Returns `None` for any other name.
pub(super) fn run(mut arguments: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    let program = arguments.next()?;
    let words: Vec<OsString> = arguments.collect();
    match Path::new(&program).file_name()?.to_str()? {
        "server" => Some(run_server(&words)),
        "client" => Some(run_client(&words)),
        _ => None,
    }
}

/// Returns the lines that the server prints when it listens.
pub(super) fn listening(port: u16) -> String {
    format!("starting server on port {port}\nlistening for client")
}

/// Serves with the words of `server PORT MEMORY`. Prints the usage for any other words, because the
/// original takes exactly these two.
fn run_server(words: &[OsString]) -> ExitCode {
    let is_option = words.iter().any(is_option);
    let parsed = Arguments::try_parse_from(line("serve", words));
    match parsed.map(|arguments| arguments.command) {
        Ok(Verb::Serve(arguments)) if words.len() == 2 && !is_option => {
            serve::run(*arguments, Manner::MemoryLease)
        }
        _ => usage(SERVER_USAGE),
    }
}

/// Sends the command of `client HOST [PORT] COMMAND …`. Prints the usage if there is no command, or
/// if an option stands in the place of the host.
fn run_client(words: &[OsString]) -> ExitCode {
    let [host, rest @ ..] = words else { return usage(CLIENT_USAGE) };
    // No command begins with a digit, so a word of digits behind the host is the port. Without one
    // the port 412 is put in, and so `rest` has a command if it has more than one word.
    let is_port = |word: &OsString| word.as_encoded_bytes().iter().all(u8::is_ascii_digit);
    let has_port = rest.first().is_some_and(is_port);
    let port = [OsString::from(PORT)];
    let rest = [if has_port { &[][..] } else { &port }, rest].concat();
    let words = [std::slice::from_ref(host), &rest[..]].concat();
    let parsed = Arguments::try_parse_from(line("client", &words));
    match parsed.map(|arguments| arguments.command) {
        Ok(Verb::Client(arguments)) if rest.len() > 1 && !is_option(host) => {
            client::run(&arguments)
        }
        _ => usage(CLIENT_USAGE),
    }
}

/// Returns the command line of `leasebox` that does the same: `leasebox`, `verb`, and `words`.
fn line<'a>(verb: &'a str, words: &'a [OsString]) -> impl Iterator<Item = &'a OsStr> {
    [OsStr::new("leasebox"), OsStr::new(verb)].into_iter().chain(words.iter().map(AsRef::as_ref))
}

fn is_option(word: &OsString) -> bool {
    word.as_encoded_bytes().starts_with(b"-")
}

/// Prints the usage on standard error, and returns the exit code of wrong arguments.
fn usage(text: &str) -> ExitCode {
    // If this write fails, the exit code is still right.
    let _ = io::stderr().write_all(text.as_bytes());
    ExitCode::from(NO_ANSWER)
}
