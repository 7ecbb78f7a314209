//! The configuration of a server, with the defaults of the command line.
//!
//! ```text
//!   Config ──check──► sockets ──► list, arena, tables ──► Shared (locks) ──► Server (threads)
//! ```
//!
//! **Invariants**
//!
//! 1. Each value that has a range is checked by [`Config::start`], whether the command line, a test
//!    or another program filled it in. So the rest of the server can trust its limits.
//! 2. A value out of its range is refused with the range, never corrected: a corrected value causes
//!    a surprise later, long after the start.
//!
//! **Lock** none. The configuration is used up before the threads start.
//!
//! **Simplified** it is read once. A bigger server reads some of its limits again while it runs.
//!
//! **Source** ours; the port and the memory are the two arguments of `memorylease.txt`.

mod check;

use std::hash::RandomState;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::cooperative::manager::{Processes, Rules};
use crate::cooperative::pool::{PoolAmounts, Shares};
use crate::cooperative::words::Pool;
use crate::memory::arena::Arena;
use crate::memory::buddy::Buddy;
use crate::memory::ids::Ids;
use crate::memory::lease::{LeaseTable, MAX_ENTRIES};
use crate::numbers::draw::Numbers;
use crate::numbers::list::{NumberList, shuffled};
use crate::numbers::locking::Locking;
use crate::numbers::parking::Parking;
use crate::numbers::unlocked::Unlocked;
use crate::protocol::Policy;
use crate::server::addresses::AddressLimits;
use crate::server::buffers::Buffers;
use crate::server::connection::Limits;
use crate::server::datagrams::DatagramLimits;
use crate::server::holding::least_for_all;
use crate::server::listening::handed_over;
use crate::server::room::{SystemRoom, system_memory};
use crate::server::shared::{DatagramGauges, Shared, WaitLimits};
use crate::server::tables::ServerTables;
use crate::server::threads::Server;
use crate::sessions::Sessions;

/// The port without `--port`: ten times the 412 of `memorylease.txt`, and over 1023, so that it
/// needs no special right.
pub const DEFAULT_PORT: u16 = 4120;

/// The longest time that a draw stays parked before one step on a lab server, if no client tells it
/// to go on. By then the client that planned its steps has probably gone.
const MAX_PARKED: Duration = Duration::from_secs(60);

/// The bytes of the default history: 4096 replies of 8 KiB.
const HISTORY: u64 = 32 << 20;

/// The bytes that a lease takes beside its block, with some to spare: its entry in the table, its
/// place in the two orders, and the state of its contents. 98.7 to 99.7 were measured, and
/// at most 107 are possible.
const BYTES_PER_LEASE_ENTRY: u64 = 112;

/// The smallest default for the most leases. It applies to an arena of less than 7 MiB: the entries
/// of so many leases take 7 MiB, which is more than the arena itself.
const MIN_DEFAULT_MAX_LEASES: u64 = 65_536;

/// The configuration of a server. Its defaults are those of `leasebox serve`.
#[derive(Debug, Clone)]
pub struct Config {
    /// The address to listen on; port 0 takes a free port.
    pub address: SocketAddr,
    /// Listen on the socket that was handed over as standard input, and not on `address`.
    pub socket_on_stdin: bool,
    /// The length of the list: it holds 1 to this number.
    pub numbers: u32,
    /// A list in this order, in the place of a shuffled one.
    pub list: Option<Arc<[u32]>>,
    /// The seed of the shuffle: the same seed gives the same list. `None` takes a random one.
    pub seed: Option<u64>,
    /// The work that a thread does under one hold of the draw's lock.
    pub locking: Locking,
    /// The pause between the load and the store of the counter, in a draw without the lock. It
    /// makes the race more likely.
    pub race_window: Duration,
    /// A lab server: draws have no lock, and park before each step until a client tells them to go
    /// on.
    pub lab: bool,
    /// Other machines may reach a server without the lock (`--yes-it-is-broken`). They may never
    /// reach a lab server.
    pub broken_in_public: bool,
    /// The size of the first memory space, in bytes. Leases and pools come from this space. All
    /// spaces together are the arena.
    pub memory: u64,
    /// The name of the first memory space, and the further memory spaces.
    pub spaces: SpacePlan,
    /// The memory for the buffers of all connections and for the history of datagrams, in bytes.
    /// `None` takes a quarter of the memory that this process may have, or more if one request and
    /// the default history need more.
    pub buffers: Option<u64>,
    /// The most leases and blocks of processes at a time. `None` takes one for each 112 bytes of
    /// the arena, so that their entries take no more than the arena does; but at least 65,536.
    pub max_leases: Option<usize>,
    /// The longest lease, and the longest wait of a request.
    pub max_lease: Duration,
    /// The most clients at a time, if the descriptors are enough for them.
    pub max_clients: usize,
    /// The limits of each connection.
    pub limits: Limits,
    /// The limits of datagrams; `None` if the server takes none.
    pub udp: Option<DatagramLimits>,
    /// The sizes of the pools ([`crate::cooperative::pool`]); without any, the pool `committed` has
    /// the whole first memory space.
    pub pools: Shares,
    /// The most bytes that one process may owe each pool.
    pub caps: Shares,
    /// The rules by which the memory manager of chapter 5 lends memory and asks for it.
    pub rules: Rules,
    /// The administrative memory, in bytes: it bounds the entries of processes, sessions and
    /// messages (chapter 6).
    pub admin: u64,
    /// The time for which a `join` or a `register` tries to lock the tables: see [`WaitLimits`].
    pub rendezvous: Duration,
    /// The time for which messages outlive their sender's process. With 0 they end with it.
    pub keep_messages: Duration,
}

/// The memory spaces: the name of the first, and the name and the bytes of each further one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpacePlan {
    /// The name of the first space.
    pub first: String,
    /// The further spaces.
    pub others: Vec<(String, u64)>,
}

impl Default for SpacePlan {
    /// One space.
    fn default() -> Self {
        Self { first: "first".into(), others: Vec::new() }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], DEFAULT_PORT)),
            socket_on_stdin: false,
            numbers: 100_000,
            list: None,
            seed: None,
            locking: Locking::Request,
            race_window: Duration::ZERO,
            lab: false,
            broken_in_public: false,
            memory: 64 << 20,
            spaces: SpacePlan::default(),
            buffers: None,
            max_leases: None,
            max_lease: Duration::from_secs(24 * 60 * 60),
            max_clients: 8192,
            limits: Limits {
                request_timeout: Duration::from_secs(30),
                write_timeout: Duration::from_secs(30),
                idle_timeout: Duration::from_secs(2 * 60 * 60),
                addresses: AddressLimits::default(),
                behind_proxy: false,
                // Messages of at most 32 MiB; no user, so no client has to log on.
                policy: Policy::plain(32 << 20),
                fault: None,
            },
            udp: None,
            pools: Shares::default(),
            caps: Shares::default(),
            rules: Rules::default(),
            admin: 1 << 20,
            rendezvous: Duration::from_secs(1),
            keep_messages: Duration::ZERO,
        }
    }
}

// Each error text of these functions names the cause and a cure.
impl Config {
    /// Checks the configuration, makes the server, and starts its threads.
    ///
    /// # Errors
    /// Fails with the text of the reason: a value is out of its range, two values are not allowed
    /// together, or the system refused a port, memory or a thread. Nothing is left running, with
    /// one exception: if the system had no thread left, `accept` or `udp` may have started, and
    /// then waits for one more connection or datagram.
    pub fn start(mut self) -> Result<Server, String> {
        let handed = self.socket_on_stdin.then(handed_over).transpose()?;
        // `check` decides by the address whether other machines can reach the server, so it needs
        // the address of the socket that was handed over.
        if let Some((_, address)) = &handed {
            self.address = *address;
        }
        self.check()?;
        // The sockets are bound before the memory is taken, because a port in use is the most
        // frequent error and the cheapest to find.
        let listener = handed.map(|(listener, _)| listener);
        let (listener, socket) = self.bind(listener, UdpSocket::bind)?;
        let shared = Arc::new(self.share()?);
        let udp = socket.zip(self.udp);
        let room = SystemRoom::for_clients(self.max_clients);
        Server::start(listener, udp, shared, self.limits, room).map_err(|error| {
            format!(
                "the server's own threads could not be made ({error}); end something else first"
            )
        })
    }

    /// Makes the struct that the threads share: shuffles the list, and takes the arena's memory
    /// from the system now, so that no lease fails later because the system has none. Does not
    /// check the ranges: [`Config::start`] does that first.
    ///
    /// The memory manager keeps a `journal` of its decisions only if the log shows it. There may be
    /// as many processes as clients. A block that `--pools` fixes at 0 bytes is no block, so its
    /// size is not checked.
    ///
    /// # Errors
    /// Fails if the system does not have that many bytes of memory, if the pools do not fit the
    /// first memory space, if a block that `--pools` fixes for one process does not fit committed
    /// memory, if a given list is wrong, or if the history leaves too little for buffers.
    pub fn share(&self) -> Result<Shared, String> {
        let memory = self.all_memory();
        let arena = Arena::new(memory).map_err(|_| {
            format!("the system does not have {memory} bytes; give a smaller --memory")
        })?;
        let ids = Ids::new(rand::make_rng(), RandomState::new());
        let pools = PoolAmounts::divided(self.memory, &self.pools, &self.caps);
        let pools = pools.map_err(|why| format!("--pools: {why}"))?;
        if let Some((name, bytes)) = self.rules.fixed.iter().find(|(_, bytes)| {
            **bytes > 0
                && Buddy::rounded(**bytes).is_none_or(|block| block > pools.cap()[Pool::Committed])
        }) {
            let most = pools.cap()[Pool::Committed];
            let text = format!(
                "--pools: committed.{name}={bytes} does not fit committed memory, of which a process may have {most}; give less"
            );
            return Err(text);
        }
        let mut leases = LeaseTable::new(Buddy::new(self.memory), ids, self.max_lease)
            .with_most(self.max_leases())
            .with_spaces(&self.spaces.first, &self.spaces.others);
        let journal = log::log_enabled!(log::Level::Debug);
        let rules = Rules { journal, most: self.max_clients, ..self.rules.clone() };
        let processes = Processes::new(pools, rules, &mut leases, Instant::now());
        let parking = self.lab.then(|| Parking::new(MAX_PARKED));
        let unlocked = Unlocked::new(self.race_window, parking);
        let list = match &self.list {
            Some(list) => NumberList::given(list).map_err(|why| format!("--list: {why}"))?,
            None => shuffled(self.numbers, self.seed),
        };
        let numbers = Numbers::new(list, self.locking, unlocked);
        let gauges = self.udp.as_ref().map(|_| DatagramGauges::default());
        let waits = WaitLimits { longest: self.max_lease, rendezvous: self.rendezvous };
        let sessions = Sessions::new(self.admin, self.keep_messages);
        let tables = ServerTables { leases, processes, sessions };
        let guesses = self.limits.policy.guesses.clone();
        let buffers = Buffers::new(self.buffers()?);
        Ok(Shared::new(numbers, arena, tables, waits, gauges, guesses, buffers))
    }

    /// Returns the memory for the buffers of connections, in bytes: `--buffers` without the part
    /// that the history of datagrams may take.
    ///
    /// # Errors
    /// Fails if the history leaves less than one request may need.
    fn buffers(&self) -> Result<usize, String> {
        let least = least_for_all(self.limits.policy.max_message);
        let history = self.udp.as_ref().map_or(0, DatagramLimits::history_bytes);
        // On a machine with little memory a quarter may be less than this. The default is then
        // raised, so that the default history leaves enough memory for one request.
        let enough = least + history.min(HISTORY);
        let all = self.buffers.unwrap_or_else(|| enough.max(system_memory() / 4));
        let left = all.checked_sub(history).filter(|&left| left >= least);
        let left = left.ok_or_else(|| {
            format!(
                "--history and --datagram take {history} bytes of {all} for buffers; give less of \
                 them, or more --buffers"
            )
        })?;
        Ok(usize::try_from(left).unwrap_or(usize::MAX))
    }

    /// Returns the bytes of all memory spaces. A sum beyond 64 bits becomes the largest number,
    /// which `check` refuses.
    pub fn all_memory(&self) -> u64 {
        let others = self.spaces.others.iter();
        others.fold(self.memory, |sum, (_, size)| sum.saturating_add(*size))
    }

    /// Returns the most leases and blocks of processes at a time.
    pub fn max_leases(&self) -> usize {
        let by_memory = (self.all_memory() / BYTES_PER_LEASE_ENTRY).max(MIN_DEFAULT_MAX_LEASES);
        let by_memory = usize::try_from(by_memory).unwrap_or(MAX_ENTRIES);
        self.max_leases.unwrap_or(by_memory.min(MAX_ENTRIES))
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
