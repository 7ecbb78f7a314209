//! The threads of the server, and its stop.
//!
//! ```text
//!   accept ──► admit ──► spawn client-1 ──► connection::serve: read, answer, write
//!     ▲                  spawn client-2 ──► …
//!     └── the next
//! ```
//!
//! | thread | does | waits in |
//! | --- | --- | --- |
//! | `accept` | accepts each client and spawns its thread | `accept` |
//! | `client-N` | serves one client | `read` or `write` of its socket |
//! | `refuse` | tells clients over the limit that the server is busy | its channel |
//! | `reap` | gives the memory of expired leases back | a condition variable |
//! | `udp` | treats datagrams, when they are served ([`crate::server::udp`]) | `recv_from` |
//!
//! Beside them are the main thread, which waits for a signal, and the one that `ctrlc` makes to
//! wait for it.
//!
//! Spawning takes some 30 us, and nobody accepts meanwhile. std's listen backlog is a fixed 128;
//! a burst of connects that overflows it is retried by the clients' own systems after a second.
//! REPORT.md has the cost of such a burst.
//!
//! **The stop**, in order, with what would hang without each step:
//!
//! 1. The flag is set: a connection ends when nothing more has come. The reaper is woken, which
//!    may sleep until a lease ends in a day.
//! 2. Nobody is entered any more, and reading is shut down on every socket: a thread whose client
//!    is silent would wait in `read` for ever. Replies under way are still written.
//! 3. After 1 s of grace writing is shut down too: a thread whose client reads nothing would wait
//!    in `write` for the whole write timeout.
//! 4. The clients' threads are joined.
//! 5. The accepting thread is woken by a connection to itself: `accept` has no other end in std.
//!    Last, because it needs a descriptor, and by now some are free. With it ends the channel of
//!    the refusing thread.
//! 6. The thread for datagrams is woken by one of no bytes, for the same reasons.
//!
//! **Lock** [`crate::server::clients`]' own, for a few words.
//!
//! **Simplified** std cannot ask for a longer backlog, and cannot poll.

use std::io::{self, ErrorKind};
use std::net::{
    IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket,
};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crate::common::error::{Code, Error};
use crate::server::clients::{Gauge, Membership};
use crate::server::connection::{self, Limits};
use crate::server::datagrams::DatagramLimits;
use crate::server::shared::Shared;
use crate::server::turned_away::{self, Refusal};
use crate::server::udp;

/// A client thread's stack in bytes, reserved and not used up: the deepest thing it
/// does is draw a buddy tree, some 40 calls. A debug build needs the most, about 30 KiB.
pub const CLIENT_STACK: usize = 256 * 1024;

/// Most clients at once that may be asked for: at about 16,000 threads a process meets
/// the system's limit on mappings (four a thread), and aborts where no error is caught.
pub const MOST_CLIENTS: usize = 14_000;

/// How long the accepting thread waits when the system has no descriptor left.
const BACK_OFF: Duration = Duration::from_millis(100);

/// How often it says so, at most: descriptors come and go while it is short of them.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// How long one attempt to wake the accepting thread may take.
const WAKE: Duration = Duration::from_millis(50);

/// How long replies under way may take when the server stops.
const GRACE: Duration = Duration::from_secs(1);

/// After this the stop gives up on what is left: its promise is 2 s.
const GIVE_UP: Duration = Duration::from_millis(1800);

/// A running server.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
    refusing: JoinHandle<()>,
    reaping: JoinHandle<()>,
    udp: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves on a bound socket until [`Server::stop`].
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start(
        listener: TcpListener,
        udp: Option<(UdpSocket, DatagramLimits)>,
        shared: Arc<Shared>,
        limits: Limits,
        max_clients: usize,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let fault = limits.fault;
        let (refusals, inbox) = channel();
        let refusing = Builder::new().name("refuse".into()).spawn(move || turned_away::run(&inbox));
        let reaper = shared.clone();
        let reaping = Builder::new().name("reap".into()).spawn(move || reaper.reap_until_stopped());
        let (limits, warned) = (Arc::new(limits), None);
        let mut door = Door { shared: shared.clone(), limits, max_clients, refusals, warned };
        let accepting = Builder::new()
            .name("accept".into())
            .spawn(move || door.accept_until_stopped(&listener));
        let udp = udp.map(|(socket, limits)| udp::start(socket, shared.clone(), &limits, fault));
        let (Ok(refusing), Ok(reaping), Ok(accepting), Ok(udp)) =
            (refusing, reaping, accepting, udp.transpose())
        else {
            shared.stop();
            return Err(io::Error::other("the system has no thread left"));
        };
        Ok(Self { address, shared, accepting, refusing, reaping, udp })
    }

    /// Where it listens; the true port also when port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What its threads share.
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Stops in the order above, within 2 s. Returns how many clients' threads had not ended by
    /// then: none, unless the system is overwhelmed.
    pub fn stop(self) -> usize {
        let start = Instant::now();
        let give_up = start + GIVE_UP;
        self.shared.stop();
        let clients = &self.shared.clients;
        let threads = clients.begin_stop();
        clients.shut_down(Shutdown::Read);
        clients.wait_until_empty(start + GRACE);
        clients.shut_down(Shutdown::Both);
        let left = clients.wait_until_empty(give_up);
        if left == 0 {
            // A panic was reported by its own thread; it ended that client and no other.
            threads.into_iter().for_each(|thread| drop(thread.join()));
        }
        while !self.accepting.is_finished() && Instant::now() < give_up {
            let _ = TcpStream::connect_timeout(&reachable(self.address), WAKE);
            std::thread::sleep(Duration::from_millis(1));
        }
        if self.accepting.is_finished() {
            let _ = self.accepting.join();
            let _ = self.refusing.join();
        } else {
            log::warn!("the accepting thread could not be woken; the process ends without it");
        }
        let _ = self.reaping.join();
        if let Some(udp) = self.udp {
            wake_by_datagrams(&udp, reachable(self.address), give_up);
        }
        left
    }
}

/// An address that reaches a socket bound to all interfaces.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Sends datagrams of no bytes until the thread that waits for one has ended.
fn wake_by_datagrams(udp: &JoinHandle<()>, address: SocketAddr, give_up: Instant) {
    let socket = udp::any_port(address);
    while !udp.is_finished() && Instant::now() < give_up {
        let _ = socket.as_ref().map(|socket| socket.send_to(&[], address));
        std::thread::sleep(Duration::from_millis(1));
    }
    if !udp.is_finished() {
        log::warn!("the thread for datagrams could not be woken; the process ends without it");
    }
}

/// What the accepting thread has: it lets clients in, or turns them away.
struct Door {
    shared: Arc<Shared>,
    limits: Arc<Limits>,
    max_clients: usize,
    /// To the refusing thread.
    refusals: Sender<Refusal>,
    warned: Option<Instant>,
}

impl Door {
    fn accept_until_stopped(&mut self, listener: &TcpListener) {
        loop {
            let accepted = listener.accept();
            if self.shared.is_stopping() {
                return;
            }
            match accepted {
                Ok((stream, _)) => self.admit(stream),
                // The client gave up while it waited; the next may not have.
                Err(error) if is_the_clients(&error) => {}
                Err(error) => {
                    let what = "no client can be accepted now, waiting";
                    warn_now_and_then(&mut self.warned, what, &error);
                    std::thread::sleep(BACK_OFF);
                }
            }
        }
    }

    /// Spawns the thread of one client.
    fn admit(&mut self, stream: TcpStream) {
        if self.shared.clients.count() >= self.max_clients {
            let text = format!("all {} places are taken; try again later", self.max_clients);
            return self.turn_away(stream, text);
        }
        let client = self.shared.clients.next_number();
        let (stream, gauge) = (Arc::new(stream), Arc::new(Gauge::default()));
        if !self.shared.clients.enter(client, &stream, &gauge, Instant::now()) {
            return;
        }
        let (shared, limits, own) = (self.shared.clone(), self.limits.clone(), stream.clone());
        let serve = move || {
            let _membership = Membership::new(&shared.clients, client);
            connection::serve(&own, client, &shared, &limits, &gauge);
        };
        let builder = Builder::new().name(format!("client-{client}")).stack_size(CLIENT_STACK);
        match builder.spawn(serve) {
            Ok(thread) => self.shared.clients.keep(client, thread),
            Err(error) => {
                drop(Membership::new(&self.shared.clients, client));
                warn_now_and_then(&mut self.warned, "no thread for a client", &error);
                // The closure that shared it was dropped with the error.
                if let Some(stream) = Arc::into_inner(stream) {
                    self.turn_away(stream, "the system has no thread left; try again later".into());
                }
            }
        }
    }

    fn turn_away(&self, stream: TcpStream, text: String) {
        let line = format!("error {}\n", Error::new(Code::Busy, text));
        // Fails only after a panic in there.
        let _ = self.refusals.send(Refusal { stream, line });
    }
}

/// Warns, but not more often than somebody can read.
pub(crate) fn warn_now_and_then(warned: &mut Option<Instant>, what: &str, error: &io::Error) {
    if warned.is_none_or(|at| at.elapsed() >= WARN_EVERY) {
        log::warn!("{what}: {error}");
        *warned = Some(Instant::now());
    }
}

fn is_the_clients(error: &io::Error) -> bool {
    use ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}
