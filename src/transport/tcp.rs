//! The threads of the server, and its stop.
//!
//! | thread | does | waits in |
//! | --- | --- | --- |
//! | `accept` | accepts, hands each socket on | `accept` |
//! | `spawn` | makes and joins the clients' threads | its channel |
//! | `client-N` | serves one client | `read` or `write` of its socket |
//! | `reap` | gives the memory of expired leases back | a condition variable |
//! | `udp` | treats datagrams, when they are served ([`super::udp`]) | `recv_from` |
//!
//! Beside them are the main thread, which waits for a signal, and the one that `ctrlc`
//! makes to wait for it.
//!
//! Accepting is a thread of its own because std's backlog is a fixed 128: while a
//! thread is being made (some 30 us) nobody would accept, and a burst of connects
//! that overflows the backlog is retried by the clients' systems only after a second.
//!
//! The spawning thread alone knows who is connected, so that needs no lock: sockets
//! come to it through a channel, and so do the clients' ends and who asks for a list of them.
//!
//! **The stop**, in order, with what would hang without each step:
//!
//! 1. The flag is set: a connection ends when nothing more has come; the reaper is woken,
//!    which may sleep until a lease ends in a day.
//! 2. The spawning thread shuts down reading on every socket: a thread whose client is
//!    silent would wait in `read` for ever. Replies under way are still written.
//! 3. After 1 s of grace it shuts down writing too: a thread whose client reads nothing
//!    would wait in `write` for the whole write timeout.
//! 4. It joins the clients' threads.
//! 5. The accepting thread is woken by a connection to itself: `accept` has no other
//!    end in std. Last, because it needs a descriptor, and by now some are free.
//! 6. The thread for datagrams is woken by one of no bytes, for the same reasons.
//!
//! **Lock** none here.
//!
//! **Simplified** std cannot ask for a longer backlog, and cannot poll.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::{
    IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket,
};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use super::connection::{self, Limits};
use super::datagrams::DatagramLimits;
use super::events::{Event, Gauge, Seen};
use super::shared::Shared;
use super::turned_away::{LOOK_EVERY, TurnedAway};
use super::udp;
use crate::message::{ClientNumber, Code, Error};

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
    events: Sender<Event>,
    accepting: JoinHandle<()>,
    spawning: JoinHandle<usize>,
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
        let (events, inbox) = channel();
        shared.set_events(events.clone());
        let fault = limits.fault;
        let spawner = Spawner {
            shared: shared.clone(),
            limits: Arc::new(limits),
            max_clients,
            events: events.clone(),
            clients: HashMap::new(),
            turned_away: TurnedAway::default(),
            looked: Instant::now(),
            warned: None,
        };
        let spawning = Builder::new().name("spawn".into()).spawn(|| spawner.run(inbox))?;
        let reaper = shared.clone();
        let reaping = Builder::new().name("reap".into()).spawn(move || reaper.reap_until_stopped());
        let (told, handover) = (shared.clone(), events.clone());
        let accepting =
            Builder::new().name("accept".into()).spawn(move || accept(&listener, &told, &handover));
        let udp = udp.map(|(socket, limits)| udp::start(socket, shared.clone(), &limits, fault));
        let (Ok(reaping), Ok(accepting), Ok(udp)) = (reaping, accepting, udp.transpose()) else {
            shared.stop();
            let _ = events.send(Event::Stop);
            return Err(io::Error::other("the system has no thread left"));
        };
        Ok(Self { address, shared, events, accepting, spawning, reaping, udp })
    }

    /// Where it listens; the true port also when port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What its threads share.
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Stops in the order above, within 2 s. Answers how many clients' threads had not
    /// ended by then: none, unless the system is overwhelmed.
    pub fn stop(self) -> usize {
        let give_up = Instant::now() + GIVE_UP;
        self.shared.stop();
        // Both ends of this channel are ours; a send fails only after a panic in there.
        let _ = self.events.send(Event::Stop);
        let left = self.spawning.join().unwrap_or_default();
        while !self.accepting.is_finished() && Instant::now() < give_up {
            let _ = TcpStream::connect_timeout(&reachable(self.address), WAKE);
            std::thread::sleep(Duration::from_millis(1));
        }
        if self.accepting.is_finished() {
            let _ = self.accepting.join();
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

/// The accepting thread.
fn accept(listener: &TcpListener, shared: &Shared, events: &Sender<Event>) {
    let mut warned: Option<Instant> = None;
    loop {
        let accepted = listener.accept();
        if shared.is_stopping() {
            return;
        }
        match accepted {
            Ok((stream, _)) => {
                if events.send(Event::Accepted(stream)).is_err() {
                    return;
                }
            }
            // The client gave up while it waited; the next may not have.
            Err(error) if is_the_clients(&error) => {}
            Err(error) => {
                warn_now_and_then(&mut warned, "no client can be accepted now, waiting", &error);
                std::thread::sleep(BACK_OFF);
            }
        }
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

/// The spawning thread: the only one that knows who is connected.
struct Spawner {
    shared: Arc<Shared>,
    limits: Arc<Limits>,
    max_clients: usize,
    events: Sender<Event>,
    clients: HashMap<ClientNumber, Client>,
    turned_away: TurnedAway,
    looked: Instant,
    warned: Option<Instant>,
}

struct Client {
    stream: Arc<TcpStream>,
    thread: JoinHandle<()>,
    gauge: Arc<Gauge>,
    since: Instant,
}

/// Says that a client ended, also when its thread panicked.
struct Farewell {
    client: ClientNumber,
    events: Sender<Event>,
}

impl Drop for Farewell {
    fn drop(&mut self) {
        let _ = self.events.send(Event::Ended(self.client));
    }
}

impl Spawner {
    /// Runs until the stop; answers how many clients' threads are left.
    fn run(mut self, inbox: Receiver<Event>) -> usize {
        loop {
            let event = if self.turned_away.is_empty() {
                inbox.recv().map_err(RecvTimeoutError::from)
            } else {
                inbox.recv_timeout(LOOK_EVERY)
            };
            match event {
                Ok(Event::Accepted(stream)) => self.admit(stream),
                Ok(Event::Ended(client)) => self.join(client),
                // Who asked may have gone.
                Ok(Event::Census(asker)) => drop(asker.send(self.census())),
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Event::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.looked.elapsed() >= LOOK_EVERY && !self.turned_away.is_empty() {
                self.looked = Instant::now();
                self.turned_away.look(self.looked);
            }
        }
        self.stop(&inbox)
    }

    fn admit(&mut self, stream: TcpStream) {
        if self.clients.len() >= self.max_clients {
            let text = format!("all {} places are taken; try again later", self.max_clients);
            return self.turn_away(stream, text);
        }
        let client = self.shared.next_client();
        let stream = Arc::new(stream);
        let own = stream.clone();
        let (shared, limits) = (self.shared.clone(), self.limits.clone());
        let farewell = Farewell { client, events: self.events.clone() };
        let gauge = Arc::new(Gauge::default());
        let own_gauge = gauge.clone();
        let serve = move || {
            let _farewell = farewell;
            connection::serve(&own, client, &shared, &limits, &own_gauge);
        };
        let builder = Builder::new().name(format!("client-{client}")).stack_size(CLIENT_STACK);
        // Before it can ask how many there are.
        self.shared.set_clients(self.clients.len() + 1);
        match builder.spawn(serve) {
            Ok(thread) => {
                let since = Instant::now();
                self.clients.insert(client, Client { stream, thread, gauge, since });
            }
            Err(error) => {
                self.shared.set_clients(self.clients.len());
                warn_now_and_then(&mut self.warned, "no thread for a client", &error);
                // The closure that shared it was dropped with the error.
                if let Some(stream) = Arc::into_inner(stream) {
                    self.turn_away(stream, "the system has no thread left; try again later".into());
                }
            }
        }
    }

    fn turn_away(&mut self, stream: TcpStream, text: String) {
        let line = format!("error {}\n", Error::new(Code::Busy, text));
        self.turned_away.turn_away(stream, &line, Instant::now());
    }

    fn census(&self) -> Vec<Seen> {
        let see = |(&number, client): (&ClientNumber, &Client)| {
            client.gauge.see(number, client.since.elapsed())
        };
        self.clients.iter().map(see).collect()
    }

    fn join(&mut self, client: ClientNumber) {
        // A failed spawn says farewell too, for a client that was never kept.
        if let Some(ended) = self.clients.remove(&client) {
            // A panic was reported by its own thread; it ends that client and no other.
            let _ = ended.thread.join();
            self.shared.set_clients(self.clients.len());
        }
    }

    /// Steps 2 to 4 of the stop.
    fn stop(mut self, inbox: &Receiver<Event>) -> usize {
        let start = Instant::now();
        self.shut_down_all(Shutdown::Read);
        self.join_until(inbox, start + GRACE);
        self.shut_down_all(Shutdown::Both);
        self.join_until(inbox, start + GIVE_UP);
        self.clients.len()
    }

    fn shut_down_all(&self, how: Shutdown) {
        for client in self.clients.values() {
            // Fails only when the client is gone, which is as good.
            let _ = client.stream.shutdown(how);
        }
    }

    fn join_until(&mut self, inbox: &Receiver<Event>, deadline: Instant) {
        while !self.clients.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            match inbox.recv_timeout(left) {
                Ok(Event::Ended(client)) => self.join(client),
                Ok(Event::Accepted(_) | Event::Census(_) | Event::Stop) => {}
                Err(_) => return,
            }
        }
    }
}
