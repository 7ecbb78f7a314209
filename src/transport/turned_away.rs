//! Clients that are told `error busy` and closed, without anybody waiting for them.
//!
//! They too are closed by the rule of [`super::writing`]: told, shut down, listened to
//! until they close. But the spawning thread, whose task this is, must not wait; so it
//! keeps their sockets, non-blocking, and looks at each now and then.
//!
//! **Invariants** never more than 64 sockets; the oldest is dropped for a new one.
//!
//! **Lock** none: the spawning thread's own.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

/// Sockets kept at once: a few descriptors beside thousands.
const MOST: usize = 64;

/// How long each is listened to.
const LISTEN: Duration = Duration::from_secs(1);

/// How often they should be looked at.
pub const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The sockets of clients that were told to go.
#[derive(Debug, Default)]
pub struct TurnedAway {
    sockets: VecDeque<(TcpStream, Instant)>,
}

impl TurnedAway {
    /// Writes one line to a client and begins to close it.
    pub fn turn_away(&mut self, mut stream: TcpStream, line: &str, now: Instant) {
        // A fresh socket's send buffer takes one line; if not, the client is lost anyway.
        let told = stream.set_nonblocking(true).and_then(|()| stream.write_all(line.as_bytes()));
        if told.and_then(|()| stream.shutdown(Shutdown::Write)).is_err() {
            return;
        }
        if self.sockets.len() == MOST {
            self.sockets.pop_front();
        }
        self.sockets.push_back((stream, now + LISTEN));
    }

    /// Drops those that have closed, or were listened to long enough.
    pub fn look(&mut self, now: Instant) {
        self.sockets.retain_mut(|(stream, until)| now < *until && still_open(stream));
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }
}

/// Discards what has come, a bounded bite of it.
fn still_open(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 4096]) {
        Ok(count) => count > 0,
        Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
    }
}
