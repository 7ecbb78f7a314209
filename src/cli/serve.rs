//! `leasebox serve`: flags, log, Ctrl-C, run, exit code.
//!
//! ```text
//!   flags ─► Config ─► start ─► "leasebox listening on …" ─► first signal ─► stop ─► exit 0
//!            └ an error names the flag and its range: exit 2
//! ```
//!
//! The only line on standard output is the address ([`Manner::Leasebox`]), so a script that starts
//! the server with port 0 can read its port. Everything else, such as the log, goes to standard
//! error.
//!
//! **Invariants**
//!
//! 1. The server listens before it prints its address: a client that reads the line can connect at
//!    once.
//! 2. When the address is printed, a signal already stops the server in order: a script may send
//!    SIGTERM as soon as it has read the line.
//!
//! **Lock** none here. The main thread starts the others, waits for the signal, and stops them.
//!
//! **Simplified** no configuration file except that of `--pools`, and no change of a flag without a
//! restart.
//!
//! **Source** ours; the two lines of [`Manner::MemoryLease`] are `memorylease.txt`'s.

use std::io;
use std::process::ExitCode;

use crate::cli::logging::Log;
use crate::cli::{announce, no_answer, original, signals};
use crate::numbers::locking::Locking;
use crate::server::config::Config;
use crate::server::room::SystemRoom;
use crate::server::threads::Server;

mod access;
mod arguments;
mod list;
mod manager;
mod pid_file;
mod spaces;

pub use arguments::ServeArguments;
use pid_file::PidFile;

/// The lines by which the server reports that it listens, and the place of its log.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// `leasebox listening on ADDRESS:PORT` on standard output, the log on standard error.
    Leasebox,
    /// The two lines of MemoryLease's own server, and the log, on standard output.
    MemoryLease,
}

/// Serves until the first signal. Returns exit code 2 if the server could not start.
pub(super) fn run(arguments: ServeArguments, manner: Manner) -> ExitCode {
    let log = match manner {
        Manner::Leasebox => Log::start("info", io::stderr),
        Manner::MemoryLease => Log::start("info", io::stdout),
    };
    let served = serve(&arguments, &log, manner);
    // The drop writes the rest of the log. Then an error of `served` is the last line.
    drop(log);
    served.map_or_else(no_answer, |()| ExitCode::SUCCESS)
}

/// Starts the server, says that it listens, and serves until the first signal.
///
/// # Errors
/// Fails with one line if the server cannot start.
fn serve(arguments: &ServeArguments, log: &Log, manner: Manner) -> Result<(), String> {
    until_signal(arguments.config()?, |server, config| {
        let pid_file = arguments.pid_file().map(PidFile::write).transpose()?;
        if config.locking == Locking::None {
            warn_that_it_is_broken(log, config.lab);
        }
        announce(&match manner {
            Manner::Leasebox => format!("leasebox listening on {}", server.address()),
            Manner::MemoryLease => original::listening(server.address().port()),
        });
        let memory = config.all_memory();
        let (numbers, buffers) = (server.shared().numbers.length(), server.buffers());
        log::info!("{numbers} numbers, {memory} bytes to lease, {buffers} for buffers (--buffers)");
        if let Some(limits) = &config.udp {
            log::info!("datagrams of up to {} bytes are taken too", limits.longest);
        }
        tell_descriptors(config.max_clients);
        log::info!("a browser shows it live at http://{}/", server.address());
        Ok(pid_file)
    })
}

/// Starts a server, calls `ready`, waits for the first signal, and stops the server. The value that
/// `ready` returns is kept until the stop is over, and then dropped: so a pid file stays as long as
/// the server runs.
///
/// # Errors
/// Fails with one line if the server cannot start, or with the error of `ready`.
pub(super) fn until_signal<T>(
    config: Config,
    ready: impl FnOnce(&Server, &Config) -> Result<T, String>,
) -> Result<(), String> {
    // The handler comes first: otherwise a signal during the start would get the system's default
    // handling, and the exit code would not be 0.
    let stopped = signals::catch()?;
    let server = config.clone().start()?;
    // This comes before `ready`, which prints the address (invariant 2).
    signals::serving();
    let kept = ready(&server, &config);
    if let Err(why) = kept {
        server.stop();
        return Err(why);
    }
    // Only the signal handler owns the sender, so this returns at the first signal.
    let _ = stopped.recv();
    // After this drop the handler's send fails, and so a second signal ends the process at once. If
    // the receiver were kept, its channel would have room for the second signal, and Ctrl-C would
    // do nothing during the stop.
    drop(stopped);
    log::info!("stopping");
    match server.stop() {
        0 => log::info!("stopped"),
        // The process ends although these clients are cut off: a stop that waits for ever would be
        // worse.
        left => log::warn!("stopped, while {left} clients' threads had not ended"),
    }
    Ok(())
}

/// Warns on standard error, also when the log is off: a server without the lock is for the lab
/// alone.
fn warn_that_it_is_broken(log: &Log, lab: bool) {
    let lab = if lab { " Draws wait until step tells them to go on." } else { "" };
    log.say(format!(
        "WARNING: this server draws WITHOUT THE LOCK and hands numbers out twice, on purpose.\n\
         WARNING: it shows the race; for anything else start it without --no-lock or --lab.{lab}\n"
    ));
}

/// Logs the limit on open files, and warns if fewer clients fit than were wanted. Each client's
/// connection takes one file descriptor.
fn tell_descriptors(wanted: usize) {
    let SystemRoom { clients: fitting, open_files, .. } = SystemRoom::for_clients(wanted);
    match open_files {
        Some(limit) if fitting < wanted => log::warn!(
            "open files are limited to {limit}: {fitting} clients fit, not {wanted}; raise it with ulimit -n"
        ),
        Some(limit) => log::info!("open files are limited to {limit}, {wanted} clients fit"),
        None => log::info!("open files have no limit that this system tells"),
    }
}
