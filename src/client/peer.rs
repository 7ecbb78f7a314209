//! The client's knowledge of its server from one exchange of datagrams to the next.
//!
//! ```text
//!   Hello ──► Welcome: a token ──► fresh for half the history's time ──► stale
//!     ▲                            ▲ a reply that the history keeps        │
//!     │                            └ starts this time again                │
//!     └──────────────────── before the next use ◄──────────────────────────┘
//! ```
//!
//! A *token* proves to the server that the client receives datagrams at its address
//! ([`crate::protocol::datagram`]). The *history* is the server's memory of at-most-once requests.
//! The server forgets a client's token when no such request of the client has arrived for the
//! history's time, say 60 s. This side cannot know when the last one arrived: a request may have
//! been lost on its way. A reply shows that its request had arrived, so from there on the client
//! counts half of the time, 30 s. The other half covers the delay of the reply and clocks of
//! different speed.
//!
//! **Invariants** ids rise for as long as a token lives; they never start again under the same
//! token, because the server takes a lower id for a late copy.
//!
//! **Lock** none. Time is an argument. **Source** [`crate::client::exchange`], which uses it.

use std::time::{Duration, Instant};

use crate::client::deadline;
use crate::commands::Reply;
use crate::protocol::byte_order::ByteOrder;
use crate::protocol::datagram::{self, Heard, Welcome};

/// The client's knowledge of its server. The client owns it.
#[derive(Debug)]
pub struct Peer {
    /// The byte order of requests.
    pub(super) order: ByteOrder,
    /// The server's last Welcome, with its token; `None` if the next exchange has to greet first.
    pub(super) welcome: Option<Welcome>,
    /// Until this time the server should know the token, by this side's clock.
    fresh_until: Option<Instant>,
    /// The id of the last datagram.
    pub(super) last_id: u32,
}

impl Peer {
    /// Starts without a token. The first datagram has the id after `first_id`.
    pub fn new(order: ByteOrder, first_id: u32) -> Self {
        Self { order, welcome: None, fresh_until: None, last_id: first_id }
    }

    /// Takes a datagram that arrived between two exchanges. An error that carries no token is the
    /// server's refusal of this client's token, so the token is dropped.
    pub fn hear_between(&mut self, came: &[u8]) {
        if let Ok((_, Heard::Reply(None, Reply::Error(_)))) = datagram::hear(came) {
            self.welcome = None;
        }
    }

    /// Notes that the server has just given the token, or replied to an at-most-once request with
    /// it: the token is fresh for half the history's time.
    pub(super) fn refresh(&mut self, now: Instant) {
        let time = |welcome: Welcome| Duration::from_millis(welcome.history_ms.into());
        self.fresh_until = self.welcome.map(|welcome| deadline(now, time(welcome) / 2));
    }

    /// Drops a token that the server may have forgotten.
    pub(super) fn drop_stale(&mut self, now: Instant) {
        if self.fresh_until.is_some_and(|until| now >= until) {
            self.welcome = None;
        }
    }

    /// Returns the next id. After the last one, ffffffff, ids start again at 0. The token is
    /// dropped then, so they start again under another token.
    pub(super) fn next_id(&mut self) -> u32 {
        self.last_id = self.last_id.checked_add(1).unwrap_or_else(|| {
            self.welcome = None;
            0
        });
        self.last_id
    }
}
