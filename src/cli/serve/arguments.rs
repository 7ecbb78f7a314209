//! The options of `serve`, in the groups of its help, and the configuration that they make.
//!
//! ```text
//!   --port 0 --lock number ──► ServeArguments ──► Config: all other fields have their defaults
//! ```
//!
//! Each flag becomes a field of [`Config`], and [`Config::start`] checks the ranges. A check here
//! would not protect a test or another program that fills in a `Config` itself.
//!
//! **Invariants** without arguments the configuration is `Config::default()`. A test compares both.
//!
//! **Lock** none. **Source** ours; `memorylease.txt` has the port and the memory as its two
//! arguments.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::access::{Trusted, trusted, user};
use super::list::list;
use super::manager::ManagerArguments;
use super::spaces::{self, MemoryPlan};
use crate::cli::{resolve, units};
use crate::numbers::locking::Locking;
use crate::protocol::Policy;
use crate::server::addresses::AddressLimits;
use crate::server::config::{Config, DEFAULT_PORT};
use crate::server::connection::Limits;
use crate::server::datagrams::DatagramLimits;

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
    RUST_LOG=debug logs also why a connection ends, RUST_LOG=warn only trouble.\n\n\
    Exit 0: a signal stopped it; 2: it could not start; 130: a second signal ended it at once.")]
pub struct ServeArguments {
    #[command(flatten, next_help_heading = "Where it listens")]
    listen: ListenArguments,
    #[command(flatten, next_help_heading = "Numbers")]
    numbers: NumberArguments,
    #[command(flatten, next_help_heading = "Memory")]
    memory: MemoryArguments,
    #[command(flatten, next_help_heading = "Who may ask")]
    access: AccessArguments,
    #[command(flatten, next_help_heading = "Time and buffers")]
    limits: LimitArguments,
    #[command(flatten, next_help_heading = "Pools, processes and sessions")]
    manager: ManagerArguments,
    #[command(flatten, next_help_heading = "Datagrams, with --udp")]
    datagrams: DatagramArguments,
    #[command(flatten, next_help_heading = "Broken on purpose")]
    broken: BrokenArguments,
}

#[derive(Args)]
struct ListenArguments {
    /// Address or name of the interface to listen on
    // Loopback by default: without `--user` every machine that reaches the server may use it.
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    bind: String,
    /// Port to listen on; 0 takes a free one
    #[arg(long, default_value_t = DEFAULT_PORT)]
    port: u16,
    /// The same as --port: serve 412 2048 takes the two arguments of MemoryLease's own server
    #[arg(value_name = "PORT", help_heading = "Arguments", conflicts_with_all = ["port", "socket_on_stdin"])]
    first: Option<u16>,
    /// Listen on the TCP socket that is standard input, as of systemd; then --idle-timeout is 0s
    #[arg(long, conflicts_with_all = ["bind", "port"])]
    socket_on_stdin: bool,
    /// Take datagrams too, on the same port number
    #[arg(long)]
    udp: bool,
    /// Each connection begins with a PROXY header, version 1 or 2: its address counts, not the
    /// proxy's
    #[arg(long, conflicts_with = "udp")]
    behind_proxy: bool,
    /// A name that this server has beside its addresses, for HTTP; may be given several times
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// Write the process's number into this file once it listens; the stop removes the file
    #[arg(long, value_name = "FILE")]
    pid_file: Option<PathBuf>,
}

#[derive(Args)]
struct NumberArguments {
    /// The list has the numbers 1 to this, shuffled
    #[arg(long, default_value_t = 100_000, value_name = "N")]
    numbers: u32,
    /// A list of one's own, in this order: numbers such as 5,19,228,665,7,11, or a file of them
    #[arg(long, value_name = "NUMBERS|FILE", value_parser = list, conflicts_with_all = ["numbers", "seed"])]
    list: Option<Arc<[u32]>>,
    /// The same seed gives the same order of the list; without it the order is random
    #[arg(long)]
    seed: Option<u64>,
    /// Lock the counter once for a whole draw, or once for each of its numbers
    // The third value of `Locking` has a flag of its own, `--no-lock`.
    #[arg(long, value_parser = units::one_of(LOCKS), default_value = "request", conflicts_with_all = ["no_lock", "lab"])]
    lock: Locking,
    /// Serve the course's own client: a draw without a line end gets one number, whatever its N
    #[arg(long)]
    course: bool,
}

#[derive(Args)]
struct MemoryArguments {
    /// The same as --memory
    #[arg(value_name = "MEMORY", help_heading = "Arguments", conflicts_with = "memory", value_parser = spaces::plan)]
    second: Option<MemoryPlan>,
    /// The size of the memory that the server hands out, or several memory spaces with their sizes,
    /// such as a=32MiB,b=32MiB: leases and pools come from the first
    #[arg(long, default_value = "64MiB", value_parser = spaces::plan, value_name = "SIZE|PLAN")]
    memory: MemoryPlan,
    /// Most leases at once; one for each 112 bytes of --memory when left out, at least 65536
    #[arg(long, value_name = "N")]
    max_leases: Option<usize>,
    /// The longest lease
    #[arg(long, default_value = "24h", value_parser = units::duration, value_name = "DURATION")]
    max_lease: Duration,
}

#[derive(Args)]
struct AccessArguments {
    /// Serve only this user, who logs on by HTTP or RESP; other formats are refused
    #[arg(long, value_name = "NAME", requires = "password_file")]
    user: Option<String>,
    /// The file whose first line is the password of --user
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
    /// Most clients at once
    #[arg(long, default_value_t = 8192, value_name = "N")]
    max_clients: usize,
    /// Most clients of one address that is not trusted; half of all when left out
    #[arg(long, value_name = "N")]
    max_clients_per_address: Option<usize>,
    /// An address or network, such as 192.0.2.0/24, without that limit and without a share of
    /// administrative memory; may be given several times; `none` trusts no address; without this
    /// option the server trusts this machine
    #[arg(long, value_name = "ADDRESS", value_parser = trusted)]
    trust: Vec<Trusted>,
}

#[derive(Args)]
struct LimitArguments {
    /// The time limit of a request, from its first byte to its last
    // The limit is for the whole request, so a client that sends byte by byte cannot prolong it.
    #[arg(long, default_value = "30s", value_parser = units::duration, value_name = "DURATION")]
    request_timeout: Duration,
    /// The time limit of one write to a client; all replies that wait together, three times that
    #[arg(long, default_value = "30s", value_parser = units::duration, value_name = "DURATION")]
    write_timeout: Duration,
    /// The time that a client may be silent between requests, or a request wait; 0s is no limit
    // After 2h Linux, with TCP keepalive, asks whether a silent peer is still there. The default is
    // the same time. With `--socket-on-stdin` it is 0s: the program that hands over the socket,
    // such as systemd, can set keepalive on it. inetd does not, so give `--idle-timeout 2h` then.
    #[arg(long, default_value = "2h", default_value_if("socket_on_stdin", "true", "0s"), value_parser = units::duration, value_name = "DURATION")]
    idle_timeout: Duration,
    /// The longest request, and the longest reply with data; a request in text has at most 64 KiB
    #[arg(long, default_value = "32MiB", value_parser = units::size, value_name = "SIZE")]
    max_message: u64,
    /// The most memory that the bytes of all connections take together; a quarter of what the
    /// system leaves when left out
    #[arg(long, value_parser = units::size, value_name = "SIZE")]
    buffers: Option<u64>,
}

#[derive(Args)]
struct DatagramArguments {
    /// The longest datagram that is received or sent
    #[arg(long, default_value = "8KiB", value_parser = units::size, requires = "udp", value_name = "SIZE")]
    datagram: u64,
    /// The most datagram clients whose last reply is kept, so that a copy of their at-most-once
    /// request is not executed again
    #[arg(long, default_value_t = 4096, requires = "udp", value_name = "N")]
    history: usize,
    /// The time that a datagram client's last reply is kept, after its last at-most-once request
    #[arg(long, default_value = "60s", value_parser = units::duration, requires = "udp", value_name = "DURATION")]
    history_time: Duration,
}

#[derive(Args)]
struct BrokenArguments {
    /// Draw without the lock, number by number: numbers come twice
    #[arg(long)]
    no_lock: bool,
    /// The time that a draw waits, for each number, between loading the counter and storing it
    // The wait makes the race likely. Without it two threads must meet within a few instructions,
    // which is rare.
    #[arg(long, default_value = "0us", value_parser = units::duration, requires = "no_lock", value_name = "DURATION")]
    race_window: Duration,
    /// Allow a server without the lock to serve other machines
    #[arg(long, requires = "no_lock")]
    yes_it_is_broken: bool,
    /// Draw without the lock, and wait before each load and store for a step command, such as
    /// `race --replay` sends
    #[arg(long, conflicts_with = "race_window")]
    lab: bool,
}

/// The words of `--lock`.
const LOCKS: [(&str, Locking); 2] = [("request", Locking::Request), ("number", Locking::Number)];

impl ServeArguments {
    /// Returns the rules of the formats. Fails with the errors of [`user`].
    fn policy(&self) -> Result<Policy, String> {
        // On a machine of 32 bits a larger number becomes the largest; `Config::start` refuses that
        // too.
        let max_message = usize::try_from(self.limits.max_message).unwrap_or(usize::MAX);
        let user = match (&self.access.user, &self.access.password_file) {
            (Some(name), Some(file)) => Some(user(name, file)?),
            _ => None,
        };
        Ok(Policy {
            course: self.numbers.course,
            hosts: self.listen.host.clone(),
            user,
            ..Policy::plain(max_message)
        })
    }

    /// Returns the configuration of these flags. It checks no range: [`Config::start`] does.
    pub(super) fn config(&self) -> Result<Config, String> {
        // `listen.first` and `memory.second` are the two plain arguments, PORT and MEMORY.
        let memory = self.memory.second.as_ref().unwrap_or(&self.memory.memory);
        Ok(Config {
            address: resolve(
                "--bind",
                &self.listen.bind,
                self.listen.first.unwrap_or(self.listen.port),
            )?,
            socket_on_stdin: self.listen.socket_on_stdin,
            numbers: self.numbers.numbers,
            list: self.numbers.list.clone(),
            seed: self.numbers.seed,
            locking: self.locking(),
            race_window: self.broken.race_window,
            lab: self.broken.lab,
            broken_in_public: self.broken.yes_it_is_broken,
            memory: memory.first,
            spaces: memory.spaces.clone(),
            buffers: self.limits.buffers,
            max_leases: self.memory.max_leases,
            max_lease: self.memory.max_lease,
            max_clients: self.access.max_clients,
            limits: self.connection_limits()?,
            udp: self.listen.udp.then(|| DatagramLimits {
                longest: usize::try_from(self.datagrams.datagram).unwrap_or(usize::MAX),
                max_clients: self.datagrams.history,
                history_time: self.datagrams.history_time,
            }),
            pools: self.manager.shares(),
            caps: self.manager.caps.clone().unwrap_or_default(),
            rules: self.manager.rules(),
            admin: self.manager.admin,
            rendezvous: self.manager.rendezvous,
            keep_messages: self.manager.keep_messages.unwrap_or_default(),
        })
    }

    /// Returns the limits of connections. Fails with the errors of [`user`].
    fn connection_limits(&self) -> Result<Limits, String> {
        Ok(Limits {
            request_timeout: self.limits.request_timeout,
            write_timeout: self.limits.write_timeout,
            idle_timeout: self.limits.idle_timeout,
            addresses: self.addresses(),
            behind_proxy: self.listen.behind_proxy,
            policy: self.policy()?,
            // Only tests set this function, which is called before each request.
            fault: None,
        })
    }

    /// Returns the file for the number of the process, if one was asked for.
    pub(super) fn pid_file(&self) -> Option<&Path> {
        self.listen.pid_file.as_deref()
    }

    /// Returns the work that a draw does under one hold of its lock. A lab server (`--lab`) has no
    /// lock, so that the race can be shown step by step.
    fn locking(&self) -> Locking {
        match self.broken.no_lock || self.broken.lab {
            true => Locking::None,
            false => self.numbers.lock,
        }
    }

    /// Returns the limits of addresses.
    fn addresses(&self) -> AddressLimits {
        let most = self.access.max_clients_per_address;
        let mut limits = AddressLimits { most, ..AddressLimits::default() };
        // Without `--trust` the default stays: this machine. `--trust none` gives no network, so
        // the list is empty then.
        if !self.access.trust.is_empty() {
            limits.trusted = self.access.trust.iter().copied().flatten().collect();
        }
        limits
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
