//! What the spawning thread is told, and what it tells of the connections.
//!
//! ```text
//!   accept ── Accepted ──►┐
//!   client ── Ended ─────►│ spawn ── the connections ──► client that asked for a list
//!   client ── Census ────►│                ▲
//!   main ──── Stop ──────►┘              gauges, which each client sets and nobody waits for
//! ```
//!
//! **Invariants** a gauge is set by its client's thread alone, and read by the spawning thread: what
//! a list says of a connection was so a moment ago.
//!
//! **Lock** none: messages, and atomics that guard nothing. **Source** ours.

use std::net::TcpStream;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

use crate::message::ClientNumber;
use crate::representation::Tongue;

/// What the spawning thread is told.
#[derive(Debug)]
pub enum Event {
    /// Somebody connected.
    Accepted(TcpStream),
    /// A client's thread ends.
    Ended(ClientNumber),
    /// Somebody asks who is connected.
    Census(Sender<Vec<Seen>>),
    /// The server stops.
    Stop,
}

/// One connection, as it was a moment ago.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Its number.
    pub client: ClientNumber,
    /// What it speaks.
    pub speaks: Tongue,
    /// What it does.
    pub does: Doing,
    /// How many requests of it were answered.
    pub requests: u64,
    /// How long it has been connected.
    pub connected: Duration,
}

/// What a connection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Doing {
    /// It waits for its client's next request.
    Listening,
    /// It answers what came.
    Answering,
    /// A request waits for other clients.
    Waiting,
    /// It writes replies.
    Writing,
}

impl Doing {
    /// Every one of them, in the order of their numbers.
    const ALL: [Self; 4] = [Doing::Listening, Doing::Answering, Doing::Waiting, Doing::Writing];

    /// As it stands on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Doing::Listening => "listening",
            Doing::Answering => "answering",
            Doing::Waiting => "waiting",
            Doing::Writing => "writing",
        }
    }
}

/// What a client's thread shows of itself.
#[derive(Debug)]
pub struct Gauge {
    requests: AtomicU64,
    /// The number of a [`Tongue`].
    speaks: AtomicU8,
    /// That of a [`Doing`].
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

    /// Shows how many requests were answered, and what is spoken.
    pub fn has_answered(&self, requests: u64, speaks: Tongue) {
        self.requests.store(requests, Ordering::Relaxed);
        self.speaks.store(speaks as u8, Ordering::Relaxed);
    }

    /// What it shows now.
    pub fn see(&self, client: ClientNumber, connected: Duration) -> Seen {
        let number = |of: &AtomicU8| usize::from(of.load(Ordering::Relaxed));
        Seen {
            client,
            speaks: Tongue::ALL.get(number(&self.speaks)).copied().unwrap_or(Tongue::Nothing),
            does: Doing::ALL.get(number(&self.does)).copied().unwrap_or(Doing::Listening),
            requests: self.requests.load(Ordering::Relaxed),
            connected,
        }
    }
}
