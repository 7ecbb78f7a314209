//! The accepting thread: it accepts each client and spawns the client's thread.
//!
//! ```text
//!   accept all ──► admit one ──► spawn client-1 ──► connection::serve: read, answer, write
//!     ▲               │          spawn client-2 ──► …
//!     │               ├─ full ─► the `refuse` thread: "error busy …"
//!     └───────────────┘ again
//! ```
//!
//! The system keeps connections that wait to be accepted in the *backlog*; std fixes its length at
//! 128. When a burst of connects fills it, the clients' own systems try again after 1 s, then after
//! 2 s. A spawn takes some 30 us and an accept a tenth of that. So this thread empties the backlog
//! before each spawn. The wrong way is one accept for each spawn: of 5,000 connects at once, most
//! then find the backlog full, some of them more than once.
//!
//! **Invariants**
//!
//! 1. A client is in the list of clients before its thread starts, so the stop finds its socket.
//! 2. No error ends the loop: the accepting thread returns only when the server stops. If a spawn
//!    fails, one client gets an error, and the accepting thread does not panic.
//! 3. This thread reads and writes no client's socket, so no client can hold it up.
//!
//! **Lock** the clients' ([`crate::server::clients`]), for a few instructions.
//!
//! **Simplified** std cannot ask for a longer backlog, and cannot wait for several sockets. A
//! bigger server has several accepting threads on one port, or an event loop.
//!
//! **Source** `loot-box.txt`, point 4, and the lecture's `TCPServer`: a thread for each connection.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::thread::Builder;
use std::time::{Duration, Instant};

use crate::common::caller::Caller;
use crate::common::warnings::warn_now_and_then;
use crate::server::clients::{Gauge, Membership};
use crate::server::connection::{self, Limits};
use crate::server::room::SystemRoom;
use crate::server::shared::Shared;
use crate::server::turned_away::TurnedAway;

/// The stack of a client's thread, in bytes. The system reserves addresses for it, and gives it
/// memory page by page as the thread uses it. The deepest work is the picture of the buddy
/// allocator (`tree`), with some 40 nested calls. A debug build needs the most, about 30 KiB; this
/// is eight times as much.
pub const CLIENT_STACK: usize = 256 * 1024;

/// The most clients that are accepted and have no thread yet; each takes a file descriptor. Without
/// a bound, a flood of connects would keep this thread from spawning any.
const MAX_ACCEPTED: usize = 1024;

/// The pause after an error of `accept`, such as no descriptor left, if no client needs a thread.
/// Without it the loop would spin: the connection stays in the backlog, and `accept` fails again.
const BACK_OFF: Duration = Duration::from_millis(100);

/// The data of the accepting thread, which owns it. It admits clients or turns them away.
pub(super) struct Acceptor {
    /// The struct that all threads share. Each client's thread gets an `Arc` of it.
    pub(super) shared: Arc<Shared>,
    /// The limits of every connection. They never change.
    pub(super) limits: Arc<Limits>,
    /// The most clients at a time, and the limits of the system.
    pub(super) room: SystemRoom,
    /// The channel to the `refuse` thread. That thread ends when this end is dropped.
    pub(super) refusals: SyncSender<TurnedAway>,
    /// The time of the last warning that the system has no descriptor or no thread left.
    pub(super) warned: Option<Instant>,
}

impl Acceptor {
    /// Accepts clients, and spawns a thread for one after the other, until the server stops.
    pub(super) fn accept_until_stopped(&mut self, listener: &TcpListener) {
        // The clients that are accepted and have no thread yet.
        let mut accepted = VecDeque::new();
        loop {
            self.accept_all(listener, &mut accepted);
            // Checked after `accept`: when the server stops, it wakes this thread by a connection,
            // which is no client.
            if self.shared.is_stopping() {
                return;
            }
            if let Some((stream, peer)) = accepted.pop_front() {
                self.admit(stream, peer);
            }
        }
    }

    /// Accepts the clients in the backlog and appends them to `came`, up to [`MAX_ACCEPTED`]. If
    /// both are empty, waits for the next client.
    fn accept_all(&mut self, listener: &TcpListener, came: &mut VecDeque<(TcpStream, SocketAddr)>) {
        while came.len() < MAX_ACCEPTED {
            // `accept` waits only if no client needs a thread. An open listener gives no error
            // here.
            let _ = listener.set_nonblocking(!came.is_empty());
            match listener.accept() {
                Ok(client) => came.push_back(client),
                // The client closed before it was accepted, or a signal came. The loop goes on.
                Err(error) if may_accept_again(&error) => {}
                // The backlog is empty.
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => {
                    // With clients in `came` there is work: `accept` is tried again after it.
                    if came.is_empty() {
                        let what = "no client can be accepted now, waiting";
                        warn_now_and_then(&mut self.warned, what, &error);
                        std::thread::sleep(BACK_OFF);
                    }
                    return;
                }
            }
        }
    }

    /// Inserts one client into the list of clients and spawns its thread. Turns the client away
    /// ([`crate::server::turned_away`]) if the server is full or the system has no thread left.
    fn admit(&mut self, stream: TcpStream, peer: SocketAddr) {
        // Only this thread inserts clients, so the count cannot grow before the insert below.
        if let Some(why) = self.refusal(peer.ip()) {
            return self.turn_away(stream, why);
        }
        let client = self.shared.clients.next_number();
        let (stream, gauge) = (Arc::new(stream), Arc::new(Gauge::default()));
        // `enter` returns false if the stop has begun. Dropping the stream closes it.
        if !self.shared.clients.enter(client, &stream, &gauge, peer, Instant::now()) {
            return;
        }
        let stranger = self.limits.addresses.stranger(peer.ip());
        let caller = Caller { stranger, ..Caller::connected(client) };
        let (shared, limits, own) = (self.shared.clone(), self.limits.clone(), stream.clone());
        // `_membership` is dropped when `serve` returns or panics: the client leaves the list. Then
        // the closure drops `own`, its `Arc` of the stream. The drop of the last `Arc` closes it.
        let serve = move || {
            let _membership = Membership { clients: &shared.clients, client };
            connection::serve(&own, caller, &shared, &limits, &gauge);
        };
        let builder = Builder::new().name(format!("client-{client}")).stack_size(CLIENT_STACK);
        match builder.spawn(serve) {
            Ok(thread) => self.shared.clients.keep(client, thread),
            Err(error) => {
                // Removes the client again, and with it the list's `Arc` of the stream.
                drop(Membership { clients: &self.shared.clients, client });
                warn_now_and_then(&mut self.warned, "no thread for a client", &error);
                // `spawn` has dropped the closure with its `Arc`, so `stream` is the last `Arc`.
                if let Some(stream) = Arc::into_inner(stream) {
                    self.turn_away(stream, "the system has no thread left; try again later".into());
                }
            }
        }
    }
}

/// Returns whether `accept` can be called again at once after this error: only the next client was
/// lost, or a signal came.
fn may_accept_again(error: &io::Error) -> bool {
    use ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}
