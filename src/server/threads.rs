//! The threads of the server: how they start, and how they stop.
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
//! **Lock** [`crate::server::clients`]' own, for a few words. **Source** ours.

use std::io;
use std::net::{
    IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket,
};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crate::server::accept::Door;
use crate::server::connection::Limits;
use crate::server::datagrams::DatagramLimits;
use crate::server::shared::Shared;
use crate::server::turned_away;
use crate::server::udp;

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

    /// The struct that its threads share.
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
