//! The clients that are connected: a list shows them, and the stop ends them.
//!
//! ```text
//!   accept ── enter ──► │ client │ stream │ thread │ gauge │ since │ ◄── list connections
//!   client ── leave ──► │ …                                         │ ◄── the stop: shut down, wait
//! ```
//!
//! **Invariants**
//!
//! 1. A client is entered before its thread starts and leaves when its thread ends, also after
//!    a panic: [`Membership`] leaves when it is dropped.
//! 2. Once the stop has begun nobody is entered, so the stop shuts down every stream there is.
//!
//! **Lock** its own, for a few words: no other lock is taken under it, and no socket is read or
//! written. A gauge has no lock: its client's thread sets it, and it guards nothing.
//!
//! **Source** ours.

use std::collections::HashMap;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::common::caller::ClientNumber;
use crate::common::lock::lock;
use crate::protocol::Tongue;

/// The connected clients, behind their lock.
#[derive(Debug, Default)]
pub struct Clients {
    connected: Mutex<Connected>,
    /// Goes with `connected`: a client has left.
    left: Condvar,
}

#[derive(Debug, Default)]
struct Connected {
    clients: HashMap<ClientNumber, ConnectedClient>,
    /// The number that the last client was given.
    last: ClientNumber,
    is_stopping: bool,
}

#[derive(Debug)]
struct ConnectedClient {
    stream: Arc<TcpStream>,
    /// `None` until the thread has started.
    thread: Option<JoinHandle<()>>,
    gauge: Arc<Gauge>,
    since: Instant,
}

impl Clients {
    /// A number for a new client: its draws are told apart by it.
    pub fn next_number(&self) -> ClientNumber {
        let mut connected = lock(&self.connected);
        connected.last += 1;
        connected.last
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        lock(&self.connected).clients.len()
    }

    /// Enters a client whose thread is about to start. False when the server stops.
    pub fn enter(
        &self,
        client: ClientNumber,
        stream: &Arc<TcpStream>,
        gauge: &Arc<Gauge>,
        now: Instant,
    ) -> bool {
        let (stream, gauge) = (stream.clone(), gauge.clone());
        let mut connected = lock(&self.connected);
        if connected.is_stopping {
            return false;
        }
        connected
            .clients
            .insert(client, ConnectedClient { stream, thread: None, gauge, since: now });
        true
    }

    /// Keeps the thread of a client, unless it has ended already.
    pub fn keep(&self, client: ClientNumber, thread: JoinHandle<()>) {
        if let Some(client) = lock(&self.connected).clients.get_mut(&client) {
            client.thread = Some(thread);
        }
    }

    /// A client's thread ends. Its own handle is dropped: nothing is left to join.
    fn leave(&self, client: ClientNumber) {
        lock(&self.connected).clients.remove(&client);
        self.left.notify_all();
    }

    /// The state of each client's thread now, in no order.
    pub fn seen(&self, now: Instant) -> Vec<ConnectionSnapshot> {
        let connected = lock(&self.connected);
        let see = |(&number, client): (&ClientNumber, &ConnectedClient)| {
            client.gauge.see(number, now.saturating_duration_since(client.since))
        };
        connected.clients.iter().map(see).collect()
    }

    /// Begins the stop: nobody is entered any more. Returns the threads that run.
    pub fn begin_stop(&self) -> Vec<JoinHandle<()>> {
        let mut connected = lock(&self.connected);
        connected.is_stopping = true;
        connected.clients.values_mut().filter_map(|client| client.thread.take()).collect()
    }

    /// Shuts down every stream.
    pub fn shut_down(&self, how: Shutdown) {
        for client in lock(&self.connected).clients.values() {
            // Fails only when the peer is gone, which is as good.
            let _ = client.stream.shutdown(how);
        }
    }

    /// Waits until all have left, or until `deadline`. Returns how many are left.
    pub fn wait_until_empty(&self, deadline: Instant) -> usize {
        let mut connected = lock(&self.connected);
        while !connected.clients.is_empty() {
            let time_left = deadline.saturating_duration_since(Instant::now());
            if time_left.is_zero() {
                break;
            }
            let woken = self.left.wait_timeout(connected, time_left);
            connected = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        connected.clients.len()
    }
}

/// Leaves for a client when its thread ends, also after a panic.
#[derive(Debug)]
pub struct Membership<'a> {
    clients: &'a Clients,
    client: ClientNumber,
}

impl<'a> Membership<'a> {
    /// Of a client that was entered.
    pub fn new(clients: &'a Clients, client: ClientNumber) -> Self {
        Self { clients, client }
    }
}

impl Drop for Membership<'_> {
    fn drop(&mut self) {
        self.clients.leave(self.client);
    }
}

/// One connection, as it was a moment ago.
#[derive(Debug, Clone)]
pub struct ConnectionSnapshot {
    /// Its client's number.
    pub client: ClientNumber,
    /// The representation that it speaks.
    pub speaks: Tongue,
    /// Its activity.
    pub does: Doing,
    /// How many of its requests were answered.
    pub requests: u64,
    /// How long it has been connected.
    pub connected: Duration,
}

/// The activity of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Doing {
    /// It waits for its client's next request.
    Listening,
    /// It answers requests.
    Answering,
    /// A request waits for other clients.
    Waiting,
    /// It writes replies.
    Writing,
}

impl Doing {
    /// All of them, in the order of their numbers.
    const ALL: [Self; 4] = [Doing::Listening, Doing::Answering, Doing::Waiting, Doing::Writing];

    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Doing::Listening => "listening",
            Doing::Answering => "answering",
            Doing::Waiting => "waiting",
            Doing::Writing => "writing",
        }
    }
}

/// The state of a client's thread, for others to read.
#[derive(Debug)]
pub struct Gauge {
    requests: AtomicU64,
    /// The number of a [`Tongue`].
    speaks: AtomicU8,
    /// The number of a [`Doing`].
    does: AtomicU8,
}

impl Default for Gauge {
    fn default() -> Self {
        let does = AtomicU8::new(Doing::Listening as u8);
        Self { requests: AtomicU64::new(0), speaks: AtomicU8::new(0), does }
    }
}

impl Gauge {
    /// Shows what the thread does from now on.
    pub fn does(&self, doing: Doing) {
        self.does.store(doing as u8, Ordering::Relaxed);
    }

    /// Shows how many requests were answered, and which representation is spoken.
    pub fn has_answered(&self, requests: u64, speaks: Tongue) {
        self.requests.store(requests, Ordering::Relaxed);
        self.speaks.store(speaks as u8, Ordering::Relaxed);
    }

    fn see(&self, client: ClientNumber, connected: Duration) -> ConnectionSnapshot {
        let number = |of: &AtomicU8| usize::from(of.load(Ordering::Relaxed));
        ConnectionSnapshot {
            client,
            speaks: Tongue::ALL.get(number(&self.speaks)).copied().unwrap_or(Tongue::Nothing),
            does: Doing::ALL.get(number(&self.does)).copied().unwrap_or(Doing::Listening),
            requests: self.requests.load(Ordering::Relaxed),
            connected,
        }
    }
}
