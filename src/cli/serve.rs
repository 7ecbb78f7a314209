//! `leasebox serve`: flags, log, Ctrl-C, run, exit code.
//!
//! ```text
//!   flags ─► Config ─► start ─► "leasebox listening on …" ─► first signal ─► stop ─► exit 0
//!            └ an error names the flag and its range: exit 2
//! ```
//!
//! The only line on standard output is the address ([`Manner::Own`]), so a script that starts the
//! server with port 0 can read its port. Everything else, such as the log, goes to standard error.
//!
//! The file only translates: each flag becomes a field of [`Config`], and [`Config::start`] checks
//! the ranges. A check here would not protect a test or another program that fills in a `Config`
//! itself.
//!
//! **Invariants**
//!
//! 1. The server listens before it prints its address: a client that reads the line can connect at
//!    once.
//! 2. When the address is printed, a signal already stops the server in order: a script may send
//!    SIGTERM as soon as it has read the line.
//! 3. Without arguments the configuration is `Config::default()`. A test compares both.
//!
//! **Lock** none here. The main thread starts the others, waits for the signal, and stops them.
//!
//! **Simplified** no configuration file except that of `--pools`, and no change of a flag without a
//! restart.
//!
//! **Source** ours; `memorylease.txt` has the port and the memory as its two arguments.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::cli::logging::Log;
use crate::cli::{announce, no_answer, original, resolve, signals, units};
use crate::numbers::draw::Locking;
use crate::protocol::Policy;
use crate::server::addresses::AddressLimits;
use crate::server::config::{Config, DEFAULT_PORT};
use crate::server::connection::Limits;
use crate::server::datagrams::DatagramLimits;
use crate::server::room::SystemRoom;
use crate::server::threads::Server;

mod access;
mod list;
mod manager;
mod spaces;

use access::{Trusted, trusted, user};
use list::OwnList;
use manager::ManagerArguments;
use spaces::MemoryPlan;

#[derive(Args)]
#[command(after_help = "Examples:\n  \
    leasebox serve                                  on this machine, port 4120\n  \
    leasebox serve --bind 0.0.0.0 --port 0          on all interfaces, a free port\n  \
    leasebox serve --seed 7 --lock number           a repeatable list, drawn one by one\n  \
    leasebox serve --pools gl=5%,gp=10%,le=25%,lp=10%   memory that processes share\n  \
    leasebox serve --course                         for the course's own client: one number a message\n  \
    leasebox serve --udp                            datagrams too, on the same port number\n  \
    leasebox serve --no-lock --race-window 200us    broken on purpose: numbers come twice\n\n\
    Sizes are bytes or KiB, MiB, GiB; durations have a unit: 200us, 500ms, 2s, 24h.\n\
    RUST_LOG=debug logs also why a connection ends, RUST_LOG=warn only trouble.")]
pub struct ServeArguments {
    /// Address or name of the interface to listen on
    // Loopback by default: without `--user` every machine that reaches the server may use it.
    #[arg(long, default_value = "127.0.0.1")]
    bind: String,
    /// Port to listen on; 0 takes a free one
    #[arg(long, default_value_t = DEFAULT_PORT)]
    port: u16,
    /// The same as --port: serve 412 2048 takes the two arguments of MemoryLease's own server
    #[arg(value_name = "PORT", conflicts_with_all = ["port", "socket_on_stdin"])]
    first: Option<u16>,
    /// The same as --memory
    #[arg(value_name = "MEMORY", conflicts_with = "memory", value_parser = spaces::plan)]
    second: Option<MemoryPlan>,
    /// The list has the numbers 1 to this, shuffled
    #[arg(long, default_value_t = 100_000)]
    numbers: u32,
    /// A list of one's own, in this order: numbers such as 5,19,228,665,7,11, or a file of them
    #[arg(long, value_name = "NUMBERS|FILE", value_parser = list::list, conflicts_with_all = ["numbers", "seed"])]
    list: Option<OwnList>,
    /// The size of the memory that the server hands out, or several memory spaces with their sizes,
    /// such as a=32MiB,b=32MiB: leases and pools come from the first
    #[arg(long, default_value = "64MiB", value_parser = spaces::plan)]
    memory: MemoryPlan,
    /// The most memory that the bytes of all connections take together; a quarter of what the
    /// system leaves when left out
    #[arg(long, value_parser = units::size)]
    buffers: Option<u64>,
    /// The same seed gives the same order of the list; without it the order is random
    #[arg(long)]
    seed: Option<u64>,
    /// Most clients at once
    #[arg(long, default_value_t = 8192)]
    max_clients: usize,
    /// Most clients of one address that is not trusted; half of all when left out
    #[arg(long, value_name = "N")]
    max_clients_per_address: Option<usize>,
    /// An address or network, such as 192.0.2.0/24, without such a limit; may be given several
    /// times; `none` for none; this machine when left out
    #[arg(long, value_name = "ADDRESS", value_parser = trusted)]
    trust: Vec<Trusted>,
    /// Each connection begins with a PROXY header, version 1 or 2: its address counts, not the
    /// proxy's
    #[arg(long, conflicts_with = "udp")]
    behind_proxy: bool,
    /// The time limit of a request, from its first byte to its last
    // Counts for the whole request: a client that sends a byte now and then cannot prolong it.
    #[arg(long, default_value = "30s", value_parser = units::duration)]
    request_timeout: Duration,
    /// The time limit of one write to a client; all replies that wait together, three times that
    #[arg(long, default_value = "30s", value_parser = units::duration)]
    write_timeout: Duration,
    /// The time that a client may be silent between requests, or a request wait; 0s is no limit
    // Linux's own time before it asks whether a silent peer is still there. Whoever hands over a
    // socket can set that time on it; inetd does not, and then `--idle-timeout 2h` is needed.
    #[arg(long, default_value = "2h", default_value_if("socket_on_stdin", "true", "0s"), value_parser = units::duration)]
    idle_timeout: Duration,
    /// Listen on the TCP socket that is standard input, as of systemd; then --idle-timeout is 0s
    #[arg(long, conflicts_with_all = ["bind", "port"])]
    socket_on_stdin: bool,
    /// Most leases at once; one for each 336 bytes of --memory when left out, at least 65536
    #[arg(long, value_name = "N")]
    max_leases: Option<usize>,
    /// The longest lease
    #[arg(long, default_value = "24h", value_parser = units::duration)]
    max_lease: Duration,
    /// The longest request, and the longest reply with data; a request in text has at most 64 KiB
    #[arg(long, default_value = "32MiB", value_parser = units::size)]
    max_message: u64,
    /// A name that this server has beside its addresses, for HTTP; may be given several times
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// Serve only this user, who logs on by HTTP or RESP; other formats are refused
    #[arg(long, value_name = "NAME", requires = "password_file")]
    user: Option<String>,
    /// The file whose first line is the password of --user
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
    /// Lock the counter once for a whole draw, or once for each of its numbers
    #[arg(long, value_enum, default_value = "request", conflicts_with_all = ["no_lock", "lab"])]
    lock: Lock,
    /// Draw without the lock, number by number: numbers come twice
    #[arg(long)]
    no_lock: bool,
    /// The time that a draw waits, for each number, between loading the counter and storing it
    // Widens the race. Without it two threads must meet within a few instructions, which is rare.
    #[arg(long, default_value = "0us", value_parser = units::duration, requires = "no_lock")]
    race_window: Duration,
    /// Allow a server without the lock to serve other machines
    #[arg(long, requires = "no_lock")]
    yes_it_is_broken: bool,
    /// Draw without the lock, and wait before each load and store for a step command, such as
    /// `race --replay` sends
    #[arg(long, conflicts_with = "race_window")]
    lab: bool,
    /// Serve the course's own client: a draw without a line end gets one number, whatever its N
    #[arg(long)]
    course: bool,
    /// Take datagrams too, on the same port number
    #[arg(long)]
    udp: bool,
    /// The longest datagram that is received or sent
    #[arg(long, default_value = "8KiB", value_parser = units::size, requires = "udp")]
    datagram: u64,
    /// The most datagram clients whose last reply is kept, so that a copy of their at-most-once
    /// request is not executed again
    #[arg(long, default_value_t = 4096, requires = "udp")]
    history: usize,
    /// The time that a datagram client's last reply is kept, after its last at-most-once request
    #[arg(long, default_value = "60s", value_parser = units::duration, requires = "udp")]
    history_time: Duration,
    #[command(flatten)]
    manager: ManagerArguments,
}

// The value of `--lock`. The third value of `Locking` has a flag of its own, `--no-lock`.
#[derive(Clone, Copy, ValueEnum)]
enum Lock {
    Request,
    Number,
}

impl ServeArguments {
    /// Returns the rules of the formats. Fails with the errors of [`user`].
    fn policy(&self) -> Result<Policy, String> {
        // On a machine of 32 bits a larger number becomes the largest; `Config::start` refuses that
        // too.
        let max_message = usize::try_from(self.max_message).unwrap_or(usize::MAX);
        let user = match (&self.user, &self.password_file) {
            (Some(name), Some(file)) => Some(user(name, file)?),
            _ => None,
        };
        Ok(Policy {
            course: self.course,
            hosts: self.host.clone(),
            user,
            ..Policy::plain(max_message)
        })
    }

    /// Returns the configuration of these flags. It checks no range: [`Config::start`] does.
    fn config(&self) -> Result<Config, String> {
        let memory = self.second.as_ref().unwrap_or(&self.memory);
        Ok(Config {
            address: resolve("--bind", &self.bind, self.first.unwrap_or(self.port))?,
            socket_on_stdin: self.socket_on_stdin,
            numbers: self.numbers,
            list: self.list.as_ref().map(|OwnList(numbers)| numbers.clone()),
            seed: self.seed,
            locking: self.locking(),
            race_window: self.race_window,
            lab: self.lab,
            broken_in_public: self.yes_it_is_broken,
            memory: memory.first,
            spaces: memory.spaces.clone(),
            buffers: self.buffers,
            max_leases: self.max_leases,
            max_lease: self.max_lease,
            max_clients: self.max_clients,
            limits: Limits {
                request_timeout: self.request_timeout,
                write_timeout: self.write_timeout,
                idle_timeout: self.idle_timeout,
                addresses: self.addresses(),
                behind_proxy: self.behind_proxy,
                policy: self.policy()?,
                fault: None,
            },
            udp: self.udp.then(|| DatagramLimits {
                longest: usize::try_from(self.datagram).unwrap_or(usize::MAX),
                max_clients: self.history,
                history_time: self.history_time,
            }),
            pools: self.manager.shares(),
            caps: self.manager.caps.unwrap_or_default(),
            rules: self.manager.rules(),
            admin: self.manager.admin,
            rendezvous: self.manager.rendezvous,
            keep_messages: self.manager.keep_messages.unwrap_or_default(),
        })
    }

    /// Returns the work that a draw does under one hold of its lock.
    fn locking(&self) -> Locking {
        match self.lock {
            _ if self.no_lock || self.lab => Locking::None,
            Lock::Request => Locking::Request,
            Lock::Number => Locking::Number,
        }
    }

    /// Returns the limits of addresses.
    fn addresses(&self) -> AddressLimits {
        let most = self.max_clients_per_address;
        let mut limits = AddressLimits { most, ..AddressLimits::default() };
        if !self.trust.is_empty() {
            limits.trusted = self.trust.iter().filter_map(|&Trusted(network)| network).collect();
        }
        limits
    }
}

/// How the server says that it listens, and where its log goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// `leasebox listening on ADDRESS:PORT` on standard output, the log on standard error.
    Own,
    /// The two lines of MemoryLease's own server, and the log, on standard output.
    MemoryLease,
}

/// Serves until the first signal. Returns exit code 2 if the server could not start.
pub(super) fn run(arguments: ServeArguments, manner: Manner) -> ExitCode {
    let log = match manner {
        Manner::Own => Log::start("info", io::stderr),
        Manner::MemoryLease => Log::start("info", io::stdout),
    };
    let served = serve(&arguments, &log, manner);
    // Before the error: it is the last line.
    drop(log);
    served.map_or_else(no_answer, |()| ExitCode::SUCCESS)
}

/// Starts the server, says that it listens, and serves until the first signal.
///
/// # Errors
/// Fails with one line if the server cannot start.
fn serve(arguments: &ServeArguments, log: &Log, manner: Manner) -> Result<(), String> {
    until_signal(arguments.config()?, |server, config| {
        if config.locking == Locking::None {
            warn_that_it_is_broken(log, arguments.lab);
        }
        announce(&match manner {
            Manner::Own => format!("leasebox listening on {}", server.address()),
            Manner::MemoryLease => original::listening(server.address().port()),
        });
        let memory = config.all_memory();
        let (numbers, buffers) = (server.shared().numbers.length(), server.buffers());
        log::info!("{numbers} numbers, {memory} bytes to lease, {buffers} for buffers (--buffers)");
        if arguments.udp {
            log::info!("datagrams of up to {} bytes are taken too", arguments.datagram);
        }
        tell_descriptors(config.max_clients);
        log::info!("a browser shows it live at http://{}/", server.address());
    })
}

/// Starts a server, calls `ready`, waits for the first signal, and stops the server.
///
/// # Errors
/// Fails with one line if the server cannot start.
pub(super) fn until_signal(
    config: Config,
    ready: impl FnOnce(&Server, &Config),
) -> Result<(), String> {
    // This comes first: otherwise a signal while the server starts would get the system's default
    // handling, and the exit code would not be 0.
    let stopped = signals::catch()?;
    let server = config.clone().start()?;
    // Before the address is printed (invariant 2).
    signals::serving();
    ready(&server, &config);
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: ServeArguments,
    }

    #[test]
    fn without_arguments_it_is_the_default_server() {
        let config = Line::parse_from(["serve"]).arguments.config().unwrap();
        assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()));
    }
}
