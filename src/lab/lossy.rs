//! A datagram proxy that loses, repeats and reorders what goes through it.
//!
//! ```text
//!   client A ──┐                 ┌── socket of A ──┐
//!   client B ──┴─► one socket ───┤                 ├──► server
//!              ◄── threads ──────┴── socket of B ──┘
//! ```
//!
//! Each client has a socket towards the server, so that the server tells them apart, and a
//! thread for what comes back. Each way of each client is a [`Link`] with its own chance.
//!
//! **Invariants** what a seed does to the first datagrams of the first client it does again;
//! a datagram that is held back for reordering is not lost by that while its client is known. No more than 1024
//! clients; one whose server was silent for a minute is dropped.
//!
//! **Lock** none. **Simplified** faults are independent of each other; real networks lose
//! datagrams in bursts.
//!
//! **Source** the lecture's omission failures and ordering.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

use crate::protocol::datagram::BUFFER;
use crate::server::accept::warn_now_and_then;
use crate::server::udp::any_port;

/// Clients at once: each has a thread and a socket.
const MAX_CLIENTS: usize = 1024;

/// How long a datagram is held back when no other comes to overtake it.
const HELD: Duration = Duration::from_millis(20);

/// The wait after an error of the system.
const BACK_OFF: Duration = Duration::from_millis(1);

/// After this much silence of the server a client's socket is dropped.
const SILENCE: Duration = Duration::from_secs(60);

/// A thread here has little to do.
const STACK: usize = 128 * 1024;

/// How likely each fault is, 0 to 1.
#[derive(Debug, Clone, Copy)]
pub struct Weather {
    /// Lost.
    pub drop: f64,
    /// Sent twice.
    pub duplicate: f64,
    /// Held back until another has overtaken it.
    pub reorder: f64,
}

/// What has happened so far.
#[derive(Debug, Default)]
pub struct LossyCounts {
    /// Datagrams that came.
    pub came: AtomicU64,
    /// Lost ones.
    pub dropped: AtomicU64,
    /// Sent twice.
    pub duplicated: AtomicU64,
    /// Held back.
    pub reordered: AtomicU64,
}

impl LossyCounts {
    fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// One way of one client.
#[derive(Debug)]
pub struct Link<R> {
    weather: Weather,
    chance: R,
    counts: Arc<LossyCounts>,
    held: Vec<Vec<u8>>,
    /// Since when the first of them is.
    since: Option<Instant>,
}

impl<R: Rng> Link<R> {
    /// A way with its own chance.
    pub fn new(weather: Weather, chance: R, counts: Arc<LossyCounts>) -> Self {
        Self { weather, chance, counts, held: Vec::new(), since: None }
    }

    /// Takes a datagram; answers what comes out, in order: it, once or twice, and those that
    /// were held back; or nothing.
    pub fn pass(&mut self, datagram: &[u8], now: Instant) -> Vec<Vec<u8>> {
        // Chance is asked the same three times for each, so one fault does not shift the rest.
        let Weather { drop, duplicate, reorder } = self.weather;
        let [dropped, duplicated, reordered] =
            [drop, duplicate, reorder].map(|likely| self.chance.random_bool(likely));
        LossyCounts::add(&self.counts.came);
        if dropped {
            LossyCounts::add(&self.counts.dropped);
            return Vec::new();
        }
        let mut copies = vec![datagram.to_vec()];
        if duplicated {
            LossyCounts::add(&self.counts.duplicated);
            copies.push(datagram.to_vec());
        }
        if reordered {
            LossyCounts::add(&self.counts.reordered);
            self.held.append(&mut copies);
            self.since.get_or_insert(now);
            return self.release(now);
        }
        self.since = None;
        copies.append(&mut self.held);
        copies
    }

    /// What was held back for long enough, and nothing has overtaken.
    pub fn release(&mut self, now: Instant) -> Vec<Vec<u8>> {
        if self.since.is_none_or(|since| now.saturating_duration_since(since) < HELD) {
            return Vec::new();
        }
        self.since = None;
        std::mem::take(&mut self.held)
    }

    /// Whether something is held back.
    pub fn holds(&self) -> bool {
        !self.held.is_empty()
    }
}

/// The proxy.
#[derive(Debug)]
pub struct Proxy {
    listener: Arc<UdpSocket>,
    to: SocketAddr,
    weather: Weather,
    seed: u64,
    counts: Arc<LossyCounts>,
    clients: HashMap<SocketAddr, LossyClient>,
    /// How many clients there were: each has its own chance.
    known: u64,
    warned: Option<Instant>,
}

#[derive(Debug)]
struct LossyClient {
    socket: Arc<UdpSocket>,
    there: Link<StdRng>,
    back: JoinHandle<()>,
}

impl Proxy {
    /// Listens, and passes on to `to`.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub fn new(
        listen: SocketAddr,
        to: SocketAddr,
        weather: Weather,
        seed: u64,
    ) -> io::Result<Self> {
        let (listener, counts) = (Arc::new(UdpSocket::bind(listen)?), Arc::default());
        let clients = HashMap::new();
        Ok(Self { listener, to, weather, seed, counts, clients, known: 0, warned: None })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system's.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// What has happened so far.
    pub fn counts(&self) -> Arc<LossyCounts> {
        self.counts.clone()
    }

    /// Passes datagrams on for as long as the process lives.
    pub fn run(mut self) {
        let mut buffer = vec![0; BUFFER];
        let mut timeout = None;
        loop {
            self.release();
            let holds = self.clients.values().any(|client| client.there.holds());
            set_timeout(&self.listener, &mut timeout, holds.then_some(HELD));
            match self.listener.recv_from(&mut buffer) {
                Ok((length, from)) => self.pass_on(&buffer[..length], from),
                Err(error) if is_nothing_yet(&error) => {}
                // What a client's system says of a closed port belongs to nobody here.
                Err(error) => {
                    log::debug!("nothing was received: {error}");
                    std::thread::sleep(BACK_OFF);
                }
            }
        }
    }

    fn pass_on(&mut self, datagram: &[u8], from: SocketAddr) {
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

    fn release(&mut self) {
        for client in self.clients.values_mut() {
            send_all(client.there.release(Instant::now()), |datagram| client.socket.send(datagram));
        }
    }

    /// A socket and a thread for a client.
    fn meet(&mut self, from: SocketAddr) -> io::Result<LossyClient> {
        self.clients.retain(|_, client| !client.back.is_finished());
        if self.clients.len() >= MAX_CLIENTS {
            return Err(io::Error::other("there are too many clients; wait for a minute"));
        }
        let socket = Arc::new(any_port(self.to)?);
        socket.connect(self.to)?;
        self.known += 1;
        let link = |way: u64| {
            let chance = StdRng::seed_from_u64(self.seed.wrapping_add(2 * self.known + way));
            Link::new(self.weather, chance, self.counts.clone())
        };
        let (there, back) = (link(0), link(1));
        let (inner, outer) = (socket.clone(), self.listener.clone());
        let builder = Builder::new().name(format!("back-{}", self.known)).stack_size(STACK);
        let back = builder.spawn(move || pass_back(&inner, &outer, from, back))?;
        Ok(LossyClient { socket, there, back })
    }
}

/// A client's thread: what its server says goes back, until the server is silent.
fn pass_back(inner: &UdpSocket, outer: &UdpSocket, client: SocketAddr, mut link: Link<StdRng>) {
    let mut buffer = vec![0; BUFFER];
    let (mut timeout, mut heard) = (None, Instant::now());
    while heard.elapsed() < SILENCE {
        set_timeout(inner, &mut timeout, Some(if link.holds() { HELD } else { SILENCE }));
        let out = match inner.recv(&mut buffer) {
            Ok(length) => {
                heard = Instant::now();
                link.pass(&buffer[..length], heard)
            }
            Err(error) => {
                // Nobody listens at the server's: it may be started later.
                if !is_nothing_yet(&error) {
                    std::thread::sleep(BACK_OFF);
                }
                link.release(Instant::now())
            }
        };
        send_all(out, |datagram| outer.send_to(datagram, client));
    }
}

/// What cannot be sent is lost, like the rest.
fn send_all(datagrams: Vec<Vec<u8>>, send: impl Fn(&[u8]) -> io::Result<usize>) {
    for datagram in datagrams {
        if let Err(error) = send(&datagram) {
            log::debug!("a datagram was not passed on: {error}");
        }
    }
}

fn set_timeout(socket: &UdpSocket, now: &mut Option<Duration>, timeout: Option<Duration>) {
    if *now != timeout && socket.set_read_timeout(timeout).is_ok() {
        *now = timeout;
    }
}

fn is_nothing_yet(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(drop: f64, duplicate: f64, reorder: f64) -> Link<StdRng> {
        let weather = Weather { drop, duplicate, reorder };
        Link::new(weather, StdRng::seed_from_u64(1), Arc::default())
    }

    /// What comes out of a link into which 0, 1, 2, … go.
    fn out(link: &mut Link<StdRng>, count: u32) -> Vec<u32> {
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
        assert!(!link.holds());
    }

    #[test]
    fn a_seed_repeats_what_happens() {
        let run = || out(&mut link(0.3, 0.2, 0.1), 1000);
        assert_eq!(run(), run());
    }
}
