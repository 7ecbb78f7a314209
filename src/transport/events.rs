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
    /// How it speaks, if it has spoken.
    pub speaks: &'static str,
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

/// How a connection may speak, in the order of their numbers in a gauge.
const SPEAKS: [&str; 6] = ["nothing", "text", "memorylease", "frames", "http", "resp"];

/// What a client's thread shows of itself.
#[derive(Debug)]
pub struct Gauge {
    requests: AtomicU64,
    /// An index into [`SPEAKS`].
    speaks: AtomicU8,
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

    /// Shows how many requests were answered, and how the connection speaks.
    pub fn has_answered(&self, requests: u64, speaks: &str) {
        let number = SPEAKS.iter().position(|&known| known == speaks).unwrap_or(0);
        self.requests.store(requests, Ordering::Relaxed);
        self.speaks.store(number as u8, Ordering::Relaxed);
    }

    /// What it shows now.
    pub fn see(&self, client: ClientNumber, connected: Duration) -> Seen {
        let speaks = usize::from(self.speaks.load(Ordering::Relaxed));
        let all = [Doing::Listening, Doing::Answering, Doing::Waiting, Doing::Writing];
        let does = usize::from(self.does.load(Ordering::Relaxed));
        Seen {
            client,
            speaks: SPEAKS.get(speaks).copied().unwrap_or(SPEAKS[0]),
            does: all.get(does).copied().unwrap_or(Doing::Listening),
            requests: self.requests.load(Ordering::Relaxed),
            connected,
        }
    }
}
