//! The threads of the server: how they start, and how they stop.
//!
//! | thread | work | waits in |
//! | --- | --- | --- |
//! | `accept` | accepts each client and spawns its thread | `accept` |
//! | `client-N` | serves one client | `read` or `write` of its socket; a condition variable |
//! | `refuse` | tells clients over the limit that the server is busy | its channel |
//! | `reap` | ends expired leases and silent processes | a condition variable |
//! | `look` | looks whether clients whose requests wait are still there | a condition variable |
//! | `udp` | answers datagrams, if the server takes them ([`crate::server::udp`]) | `recv_from` |
//!
//! Three more threads belong to the program: the main thread, which waits for a signal, the one
//! that the crate `ctrlc` makes to receive it, and the one that writes the log.
//!
//! **The stop**, in order. Without steps 1, 2, 3, 5 and 7 a thread would hang; each of them says
//! which:
//!
//! 1. Set the flag, and wake the reaper, the lookout and all requests that wait. Otherwise the
//!    reaper would sleep until the next lease ends, perhaps for a day.
//! 2. Insert no more clients, and shut down reading on every socket. Otherwise a thread whose
//!    client is silent would wait in `read` for ever. Replies under way are still written.
//! 3. After 1 s of grace, shut down writing too. Otherwise a thread whose client reads nothing
//!    would wait in `write` for the whole write timeout.
//! 4. Join the clients' threads, if all of them have ended.
//! 5. Wake the accepting thread by a connection to the server's own port: std has no other way to
//!    end `accept`. This comes late, because it needs a file descriptor, and by now some are free.
//!    When the accepting thread ends, it drops its end of the channel to the `refuse` thread, so
//!    that thread ends too.
//! 6. Join the reaper and the lookout.
//! 7. Wake the thread for datagrams by a datagram of no bytes. Otherwise it would wait in
//!    `recv_from` for the next datagram.
//!
//! ```text
//!   0 s               1 s                    1.8 s      2 s
//!   │ flag, no reads  │ no writes            │ give up  │ the promise
//!   └── replies are ──┴── threads end, join ─┴──────────┘
//!       still written
//! ```
//!
//! **Invariants** the stop returns within 2 s, whatever clients do.
//!
//! **Lock** in step 1, once each: in a lab server the parking's; then those of the turnstiles, the
//! lookout, the account of buffers, the guesses and the tables; then those of HTTP's site, if there
//! is one. In the later steps the clients'. Never two at once.
//!
//! **Simplified** a server with an event loop registers one more descriptor (`eventfd`, a pipe),
//! which wakes it up. So it needs neither step 5 nor 7.
//!
//! **Source** the lecture's servers, which do not stop at all; the steps are ours.

use std::io;
use std::net::{
    IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket,
};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crate::protocol::http::site::Site;
use crate::server::accept::Acceptor;
use crate::server::connection::Limits;
use crate::server::datagrams::DatagramLimits;
use crate::server::room::SystemRoom;
use crate::server::shared::Shared;
use crate::server::turned_away::{self, MAX_TURNED_AWAY};
use crate::server::udp;

/// The time limit of one connection to the server's own port. On one machine it needs microseconds;
/// a full backlog would make it wait longer.
const WAKE: Duration = Duration::from_millis(50);

/// The time that replies under way have when the server stops: half of the promised 2 s.
const GRACE: Duration = Duration::from_secs(1);

/// The time after which the stop no longer waits for threads that still run. The stop promises 2 s;
/// the other 200 ms are for the joins.
const GIVE_UP: Duration = Duration::from_millis(1800);

/// A running server. The thread that started it owns this struct; no other thread uses it.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    /// The one struct that all threads share. Each thread below owns an `Arc` of it too, except
    /// `refuse`.
    shared: Arc<Shared>,
    /// The handles of the threads `accept`, `refuse`, `reap`, `look` and `udp`. Those of the
    /// clients are in [`crate::server::clients`], because the accepting thread adds them while the
    /// server runs.
    accepting: JoinHandle<()>,
    refusing: JoinHandle<()>,
    reaping: JoinHandle<()>,
    looking: JoinHandle<()>,
    udp: Option<JoinHandle<()>>,
    /// The site that HTTP shows. Its own requests may wait too, so the stop closes it.
    site: Option<Arc<dyn Site>>,
}

impl Server {
    /// Starts the threads of a server on a bound listener. They run until [`Server::stop`].
    ///
    /// # Errors
    /// Fails if the system has no thread left, or cannot tell the listener's address. The threads
    /// that did start are told to stop; `accept` and `udp` notice it only when one more connection
    /// or datagram arrives.
    pub fn start(
        listener: TcpListener,
        udp: Option<(UdpSocket, DatagramLimits)>,
        shared: Arc<Shared>,
        mut limits: Limits,
        room: SystemRoom,
    ) -> io::Result<Self> {
        // An address gets a part of all places, and only `room` knows how many places there are.
        limits.addresses.places = room.clients;
        let address = listener.local_addr()?;
        let site = limits.policy.site.clone();
        let (limits, warned) = (Arc::new(limits), None);
        let limits_of_udp = limits.clone();
        // Each thread has a name, so that `top -H`, a debugger and the message of a panic tell
        // which it is.
        let (refusals, inbox) = sync_channel(MAX_TURNED_AWAY);
        let refusing = Builder::new().name("refuse".into()).spawn(move || turned_away::run(&inbox));
        let reaper = shared.clone();
        let reaping = Builder::new().name("reap".into()).spawn(move || reaper.reap_until_stopped());
        let lookout = shared.clone();
        let looking =
            Builder::new().name("look".into()).spawn(move || lookout.look_until_stopped());
        let mut acceptor = Acceptor { shared: shared.clone(), limits, room, refusals, warned };
        let accepting = Builder::new()
            .name("accept".into())
            .spawn(move || acceptor.accept_until_stopped(&listener));
        let udp = udp.map(|(socket, of_datagrams)| {
            udp::start(socket, shared.clone(), limits_of_udp, &of_datagrams)
        });
        // All five are tried before any result is looked at: one place handles every failure.
        let (Ok(refusing), Ok(reaping), Ok(looking), Ok(accepting), Ok(udp)) =
            (refusing, reaping, looking, accepting, udp.transpose())
        else {
            shared.stop();
            return Err(io::Error::other("the system has no thread left"));
        };
        Ok(Self { address, shared, accepting, refusing, reaping, looking, udp, site })
    }

    /// Does step 1 of the stop: sets its flag, and wakes all threads that wait for something else
    /// than a socket or a channel.
    fn let_nobody_wait(&self) {
        self.shared.stop();
        self.site.iter().for_each(|site| site.close());
    }

    /// Returns the address that the server listens on. With port 0 this is the true port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the memory for the buffers of all connections, in bytes.
    pub fn buffers(&self) -> usize {
        self.shared.buffers.bound()
    }

    /// Returns the struct that the threads share.
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Stops the server by the steps above, within 2 s. Returns the number of clients whose threads
    /// had not ended after 1.8 s: 0, unless the machine is overloaded. Such threads end with the
    /// process.
    pub fn stop(self) -> usize {
        let start = Instant::now();
        let give_up = start + GIVE_UP;
        self.let_nobody_wait();
        let clients = &self.shared.clients;
        // Step 2. First no more clients are inserted, and then the sockets are shut down. In the
        // other order a client that is inserted in between would keep an open socket.
        let threads = clients.begin_stop();
        clients.shut_down(Shutdown::Read);
        // Step 3. `wait_until_empty` returns as soon as all clients have left. That takes 0.3 s
        // even for an idle client: its thread still discards input before it closes
        // (`close_in_stop`).
        clients.wait_until_empty(start + GRACE);
        clients.shut_down(Shutdown::Both);
        let left = clients.wait_until_empty(give_up);
        if left == 0 {
            // Step 4. `join` fails if the thread panicked. The panic ended its own client only, and
            // std has printed it.
            threads.into_iter().for_each(|thread| drop(thread.join()));
        }
        // Step 5.
        let address = reachable(self.address);
        let connect = || drop(TcpStream::connect_timeout(&address, WAKE));
        if wake(&self.accepting, "accepting thread", give_up, connect) {
            let _ = self.accepting.join();
            let _ = self.refusing.join();
        }
        // Step 6. `join` fails if the thread panicked; the stop has nothing left to do for it.
        let _ = self.reaping.join();
        let _ = self.looking.join();
        // Step 7. If the system has no socket left, `wake` only waits.
        if let Some(udp) = self.udp {
            let socket = udp::any_port(address);
            let send = || drop(socket.as_ref().map(|socket| socket.send_to(&[], address)));
            wake(&udp, "thread for datagrams", give_up, send);
        }
        left
    }
}

/// Returns an address by which this machine reaches its own listener. A listener on `0.0.0.0` or
/// `::` accepts on all interfaces, but these are no addresses to connect to; loopback is one of the
/// interfaces.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Wakes a thread so that it ends: calls `try_to` each millisecond until it has ended, or until
/// `give_up`. Once is not enough: a connection may fail, the system may drop a datagram, and
/// the thread may still sleep after an error. Returns whether the thread has ended.
fn wake(thread: &JoinHandle<()>, name: &str, give_up: Instant, try_to: impl Fn()) -> bool {
    while !thread.is_finished() && Instant::now() < give_up {
        try_to();
        std::thread::sleep(Duration::from_millis(1));
    }
    let has_ended = thread.is_finished();
    if !has_ended {
        log::warn!("the {name} could not be woken; the process ends without it");
    }
    has_ended
}
