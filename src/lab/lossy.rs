//! A proxy that loses, repeats and reorders the datagrams between UDP clients and a server.
//!
//! ```text
//!   client A ──┐                 ┌── socket of A ──┐
//!   client B ──┴─► one socket ───┤                 ├──► server
//!              ◄── threads ──────┴── socket of B ──┘
//! ```
//!
//! On the loopback interface a datagram is almost never lost, so a client that sends only once
//! seems correct. The proxy makes the faults frequent, and a seed makes them repeatable.
//!
//! Each client has a socket of its own towards the server, so the server sees different addresses.
//! Each client also has a thread for the replies. Each direction of each client is a [`Link`] with
//! its own random numbers. Here 2 is lost and 3 is held back:
//!
//! ```text
//!   in    1   2   3   4
//!   out   1   ✗       4 3        4 has overtaken 3
//! ```
//!
//! **Invariants** with the same seed, the n-th datagram in one direction of the k-th client has the
//! same faults in each run; only the time at which a held one goes out may differ. Reordering alone
//! loses no datagram of a known client. There are at most 1024 known clients. The proxy forgets a
//! client when the server has sent it nothing for 1 to 2 minutes, and later takes it for a new one.
//!
//! **Lock** none: each link belongs to one thread. The threads share only sockets, which the system
//! guards, and atomic counters.
//!
//! **Simplified** faults are independent of each other; real networks lose datagrams in bursts.
//! Only reordering delays a datagram, and no bit is changed.
//!
//! **Source** the lecture, `interprocess-communication-lecture.txt`: omission failures and ordering
//! of datagrams.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::common::warnings::warn_now_and_then;
use crate::protocol::datagram::BUFFER;
use crate::server::udp::any_port;

/// The most clients at once. Their buffers of 64 KiB need up to 64 MiB.
const MAX_CLIENTS: usize = 1024;

/// The time for which a datagram is held back; at worst twice as long, because held datagrams are
/// looked at between two receives, which wait for `HELD` too. Both are shorter than the 50 ms after
/// which our client sends again by default; otherwise each held datagram would look lost.
const HELD: Duration = Duration::from_millis(20);

/// The wait after an error of the system, so that a lasting error does not use up a core.
const BACK_OFF: Duration = Duration::from_millis(1);

/// A client's thread ends when the server was silent for this time, or for twice this time at most:
/// the receive before the check may wait as long.
const SILENCE: Duration = Duration::from_secs(60);

/// The stack of a client's thread in bytes; its buffer lies on the heap.
const STACK: usize = 128 * 1024;

/// The probability of each fault, 0 to 1. `random_bool` panics for other values.
#[derive(Debug, Clone, Copy)]
pub struct Weather {
    /// The datagram is lost.
    pub drop: f64,
    /// The datagram is sent twice.
    pub duplicate: f64,
    /// The datagram is held back until a later one of its direction has overtaken it, or for 20 ms.
    pub reorder: f64,
}

/// The numbers of events so far, of all clients in both directions. `Relaxed` is enough for these
/// totals, because no other data depends on them.
#[derive(Debug, Default)]
pub struct LossyCounts {
    /// Datagrams that arrived, apart from those of clients that the proxy cannot serve.
    pub came: AtomicU64,
    /// Datagrams that were lost on purpose.
    pub dropped: AtomicU64,
    /// Datagrams that were sent twice.
    pub duplicated: AtomicU64,
    /// Datagrams that were held back.
    pub reordered: AtomicU64,
}

/// Counts one event.
fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// One direction of one client, without a socket, thread or clock, so a test can run it.
#[derive(Debug)]
pub struct Link {
    weather: Weather,
    chance: StdRng,
    counts: Arc<LossyCounts>,
    /// The datagrams that wait to be overtaken, in the order in which they came.
    held: Vec<Vec<u8>>,
    /// The time when the first of `held` came; `None` when none is held.
    since: Option<Instant>,
}

impl Link {
    /// Makes a direction in which no datagram is held.
    pub fn new(weather: Weather, chance: StdRng, counts: Arc<LossyCounts>) -> Self {
        Self { weather, chance, counts, held: Vec::new(), since: None }
    }

    /// Takes one datagram, and returns the datagrams to send now: those of [`Link::release`] if it
    /// is lost or held back; otherwise its copies, and then all held ones.
    pub fn pass(&mut self, datagram: &[u8], now: Instant) -> Vec<Vec<u8>> {
        // Also a lost datagram takes three random numbers. Otherwise one more loss would change all
        // later faults of the same seed.
        let Weather { drop, duplicate, reorder } = self.weather;
        let [dropped, duplicated, reordered] =
            [drop, duplicate, reorder].map(|likely| self.chance.random_bool(likely));
        count(&self.counts.came);
        if dropped {
            count(&self.counts.dropped);
            return self.release(now);
        }
        let mut copies = vec![datagram.to_vec()];
        if duplicated {
            count(&self.counts.duplicated);
            copies.push(datagram.to_vec());
        }
        if reordered {
            count(&self.counts.reordered);
            self.held.append(&mut copies);
            // The first one's time counts. If each restarted it, `--reorder 1` would hold all.
            self.since.get_or_insert(now);
            return self.release(now);
        }
        // The new datagram goes first: it has overtaken the held ones.
        self.since = None;
        copies.append(&mut self.held);
        copies
    }

    /// Returns the held datagrams if the first has waited for `HELD` at `now`.
    pub fn release(&mut self, now: Instant) -> Vec<Vec<u8>> {
        if self.since.is_none_or(|since| now.saturating_duration_since(since) < HELD) {
            return Vec::new();
        }
        self.since = None;
        std::mem::take(&mut self.held)
    }

    /// Returns whether a datagram is held back.
    pub fn holds(&self) -> bool {
        !self.held.is_empty()
    }
}

/// The proxy: the socket that clients send to, the clients it knows, and `to`, the server. The
/// thread that calls [`Proxy::run`] owns all fields; it shares the socket and the counters.
#[derive(Debug)]
pub struct Proxy {
    /// The socket towards the clients. The clients' threads send replies through it.
    listener: Arc<UdpSocket>,
    to: SocketAddr,
    weather: Weather,
    seed: u64,
    counts: Arc<LossyCounts>,
    /// The known clients, by the address that they send from.
    clients: HashMap<SocketAddr, LossyClient>,
    /// The count of clients so far, with forgotten ones. Each client's seed is computed from it.
    met: u64,
    /// The time of the last warning, which bounds how often one is logged.
    warned: Option<Instant>,
}

/// A known client.
#[derive(Debug)]
struct LossyClient {
    /// The socket towards the server, connected to it: it receives from no other address.
    socket: Arc<UdpSocket>,
    /// The link to the server. The thread `back` has the link in the other direction.
    there: Link,
    /// The thread that passes replies back. Nobody joins it. When it has ended, the client is
    /// forgotten.
    back: JoinHandle<()>,
}

impl Proxy {
    /// Binds `listen`, and will pass datagrams on to `to`.
    ///
    /// # Errors
    /// Fails with the system's error, when the address is in use or not of this machine.
    pub fn new(
        listen: SocketAddr,
        to: SocketAddr,
        weather: Weather,
        seed: u64,
    ) -> io::Result<Self> {
        let (listener, counts) = (Arc::new(UdpSocket::bind(listen)?), Arc::default());
        let clients = HashMap::new();
        Ok(Self { listener, to, weather, seed, counts, clients, met: 0, warned: None })
    }

    /// Returns the address that it listens on, with the port that the system chose for port 0.
    ///
    /// # Errors
    /// Fails with the system's error.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Returns the counters, which stay readable after [`Proxy::run`] has taken the proxy.
    pub fn counts(&self) -> Arc<LossyCounts> {
        self.counts.clone()
    }

    /// Passes datagrams on until the process ends. It waits without a timeout unless a datagram is
    /// held back, so an idle proxy costs no wake-ups.
    pub fn run(mut self) {
        let mut buffer = vec![0; BUFFER];
        loop {
            self.release();
            let holds = self.clients.values().any(|client| client.there.holds());
            // After an error the socket keeps the timeout that it has.
            let _ = self.listener.set_read_timeout(holds.then_some(HELD));
            match self.listener.recv_from(&mut buffer) {
                Ok((length, from)) => self.pass_on(&buffer[..length], from),
                Err(error) if is_nothing_yet(&error) => {}
                // Some systems report a client's closed port here: it concerns an earlier reply.
                Err(error) => {
                    log::debug!("nothing was received: {error}");
                    std::thread::sleep(BACK_OFF);
                }
            }
        }
    }

    /// Sends one datagram of a client through its link, and makes the link first for a new client.
    fn pass_on(&mut self, datagram: &[u8], from: SocketAddr) {
        // A forgotten client gets a new socket and a new link.
        if self.clients.get(&from).is_none_or(|client| client.back.is_finished()) {
            match self.meet(from) {
                Ok(client) => drop(self.clients.insert(from, client)),
                Err(error) => {
                    return warn_now_and_then(&mut self.warned, "a client is not served", &error);
                }
            }
        }
        if let Some(client) = self.clients.get_mut(&from) {
            let out = client.there.pass(datagram, Instant::now());
            send_all(out, |datagram| client.socket.send(datagram));
        }
    }

    /// Sends the held datagrams of each client, once the first of them has waited for `HELD`.
    fn release(&mut self) {
        for client in self.clients.values_mut() {
            send_all(client.there.release(Instant::now()), |datagram| client.socket.send(datagram));
        }
    }

    /// Makes the socket, the two links and the thread of a new client.
    ///
    /// # Errors
    /// Fails with the system's error, or `Other` for too many clients. No client is added then.
    fn meet(&mut self, from: SocketAddr) -> io::Result<LossyClient> {
        self.clients.retain(|_, client| !client.back.is_finished());
        if self.clients.len() >= MAX_CLIENTS {
            return Err(io::Error::other("there are too many clients; wait for a minute"));
        }
        let socket = Arc::new(any_port(self.to)?);
        socket.connect(self.to)?;
        self.met += 1;
        let link = |way: u64| {
            // With one random source for both directions, a seed's effect would depend on timing.
            let chance = StdRng::seed_from_u64(self.seed.wrapping_add(2 * self.met + way));
            Link::new(self.weather, chance, self.counts.clone())
        };
        let (there, back) = (link(0), link(1));
        let (inner, outer) = (socket.clone(), self.listener.clone());
        let builder = Builder::new().name(format!("back-{}", self.met)).stack_size(STACK);
        let back = builder.spawn(move || pass_back(&inner, &outer, from, back))?;
        Ok(LossyClient { socket, there, back })
    }
}

/// Runs the thread of a client: passes the server's replies back until the server is silent.
fn pass_back(inner: &UdpSocket, outer: &UdpSocket, client: SocketAddr, mut link: Link) {
    let mut buffer = vec![0; BUFFER];
    let mut heard = Instant::now();
    while heard.elapsed() < SILENCE {
        // A held reply must go out in time, so the receive waits for `HELD` at most. After an error
        // the socket keeps the timeout that it has.
        let _ = inner.set_read_timeout(Some(if link.holds() { HELD } else { SILENCE }));
        let out = match inner.recv(&mut buffer) {
            Ok(length) => {
                heard = Instant::now();
                link.pass(&buffer[..length], heard)
            }
            Err(error) => {
                // Most often the server's port is closed. It may open later, so the loop goes on.
                if !is_nothing_yet(&error) {
                    std::thread::sleep(BACK_OFF);
                }
                link.release(Instant::now())
            }
        };
        send_all(out, |datagram| outer.send_to(datagram, client));
    }
}

/// Sends datagrams in order. One that cannot be sent is lost, as UDP allows, and logged.
fn send_all(datagrams: Vec<Vec<u8>>, send: impl Fn(&[u8]) -> io::Result<usize>) {
    for datagram in datagrams {
        if let Err(error) = send(&datagram) {
            log::debug!("a datagram was not passed on: {error}");
        }
    }
}

/// Returns whether a receive reached its timeout, which Windows reports as `TimedOut`.
fn is_nothing_yet(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(drop: f64, duplicate: f64, reorder: f64) -> Link {
        let weather = Weather { drop, duplicate, reorder };
        Link::new(weather, StdRng::seed_from_u64(1), Arc::default())
    }

    /// Sends 0, 1, 2, … into a link, and returns the numbers that come out.
    fn out(link: &mut Link, count: u32) -> Vec<u32> {
        let now = Instant::now();
        let mut out: Vec<Vec<u8>> =
            (0..count).flat_map(|number| link.pass(&number.to_be_bytes(), now)).collect();
        out.extend(link.release(now + HELD));
        out.iter().map(|four| u32::from_be_bytes(four[..].try_into().unwrap())).collect()
    }

    #[test]
    fn in_good_weather_everything_passes_in_order() {
        assert!(out(&mut link(0.0, 0.0, 0.0), 100).into_iter().eq(0..100));
        assert_eq!(out(&mut link(1.0, 0.0, 0.0), 100), []);
        assert_eq!(out(&mut link(0.0, 1.0, 0.0), 2), [0, 0, 1, 1]);
    }

    #[test]
    fn faults_are_as_likely_as_they_were_said_to_be() {
        let mut link = link(0.3, 0.2, 0.1);
        let out = out(&mut link, 10_000);
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let LossyCounts { came, dropped, duplicated, reordered } = &*link.counts;
        assert_eq!(count(came), 10_000);
        assert!((2850..3150).contains(&count(dropped)), "{dropped:?}");
        assert!((1290..1510).contains(&count(duplicated)), "{duplicated:?}, of 7000");
        assert!((620..780).contains(&count(reordered)), "{reordered:?}, of 7000");
        assert_eq!(out.len() as u64, 10_000 - count(dropped) + count(duplicated));
        assert!(!out.is_sorted());
    }

    #[test]
    fn what_is_held_back_is_overtaken_and_not_lost() {
        let mut link = link(0.0, 0.0, 0.5);
        let mut all = out(&mut link, 1000);
        assert!(!all.is_sorted());
        all.sort_unstable();
        assert!(all.into_iter().eq(0..1000));
    }

    #[test]
    fn nothing_is_held_back_for_longer_than_it_was_said() {
        let (mut link, now) = (link(0.0, 0.0, 1.0), Instant::now());
        assert!(link.pass(b"1", now).is_empty() && link.release(now + HELD / 2).is_empty());
        assert_eq!(link.pass(b"2", now + HELD), [b"1", b"2"], "also while more comes");
        assert!(!link.holds() && link.pass(b"3", now).is_empty());
        link.weather.drop = 1.0;
        assert_eq!(link.pass(b"4", now + HELD), [b"3"], "also while more comes and is lost");
    }

    #[test]
    fn a_seed_repeats_what_happens() {
        let run = || out(&mut link(0.3, 0.2, 0.1), 1000);
        assert_eq!(run(), run());
    }
}
