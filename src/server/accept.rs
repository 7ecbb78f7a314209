//! The accepting thread: it lets each client in, and spawns its thread.
//!
//! ```text
//!   accept ──► admit ──► spawn client-1 ──► connection::serve: read, answer, write
//!     ▲                  spawn client-2 ──► …
//!     └── the next
//! ```
//!
//! Spawning takes some 30 us, and nobody accepts meanwhile. std's listen backlog is a fixed 128;
//! a burst of connects that overflows it is retried by the clients' own systems after a second.
//! REPORT.md has the cost of such a burst.
//!
//! **Lock** [`crate::server::clients`]' own, for a few words.
//!
//! **Simplified** std cannot ask for a longer backlog, and cannot poll.
//!
//! **Source** the homework: a thread for each client.

use std::io::{self, ErrorKind};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::Builder;
use std::time::{Duration, Instant};

use crate::common::error::{Code, Error};
use crate::server::clients::{Gauge, Membership};
use crate::server::connection::{self, Limits};
use crate::server::shared::Shared;
use crate::server::turned_away::TurnedAway;

/// A client thread's stack in bytes, reserved and not used up: the deepest thing it
/// does is draw a buddy tree, some 40 calls. A debug build needs the most, about 30 KiB.
pub const CLIENT_STACK: usize = 256 * 1024;

/// Most clients at once that may be asked for: at about 16,000 threads a process meets
/// the system's limit on mappings (four a thread), and aborts where no error is caught.
pub const MAX_CLIENTS: usize = 14_000;

/// How long the accepting thread waits when the system has no descriptor left.
const BACK_OFF: Duration = Duration::from_millis(100);

/// How often it says so, at most: descriptors come and go while it is short of them.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// The accepting thread's own data. It lets clients in, or turns them away.
pub(super) struct Door {
    /// Each client's thread is given it.
    pub(super) shared: Arc<Shared>,
    /// The same for every client.
    pub(super) limits: Arc<Limits>,
    /// More are turned away.
    pub(super) max_clients: usize,
    /// To the refusing thread.
    pub(super) refusals: Sender<TurnedAway>,
    /// When it warned last that the system has nothing left.
    pub(super) warned: Option<Instant>,
}

impl Door {
    /// Accepts one client after the other.
    pub(super) fn accept_until_stopped(&mut self, listener: &TcpListener) {
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
        let _ = self.refusals.send(TurnedAway { stream, line });
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
