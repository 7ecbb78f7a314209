//! What a client by datagrams knows of its server from one exchange to the next.
//!
//! ```text
//!   Welcome ──► token ──► fresh for half the history's time ──► renewed before it is used
//!                 ▲ each reply that the history keeps           │
//!                 └─────────────────────────────────────────────┘
//! ```
//!
//! **Invariants** ids go up for as long as a token lives.
//!
//! **Lock** none. Time is an argument. **Source** [`crate::client::exchange`], which uses it.

use std::time::{Duration, Instant};

use crate::client::deadline;
use crate::commands::Reply;
use crate::protocol::byte_order::ByteOrder;
use crate::protocol::datagram::{self, Heard, Welcome};

/// What a client knows of its server from one exchange to the next.
#[derive(Debug)]
pub struct Peer {
    pub(super) order: ByteOrder,
    pub(super) welcome: Option<Welcome>,
    /// Until when the server should know the token, as far as this side's clock tells.
    fresh_until: Option<Instant>,
    pub(super) last_id: u32,
}

impl Peer {
    /// A server that nothing is known of; ids go up from `first_id`.
    pub fn new(order: ByteOrder, first_id: u32) -> Self {
        Self { order, welcome: None, fresh_until: None, last_id: first_id }
    }

    /// Takes a datagram that came when nothing was asked: a token that the server does not
    /// take any more is not used again.
    pub fn hear_between(&mut self, came: &[u8]) {
        if let Ok((_, Heard::Reply(None, Reply::Error(_)))) = datagram::hear(came) {
            self.welcome = None;
        }
    }

    /// The server has heard of the token just now.
    pub(super) fn refresh(&mut self, now: Instant) {
        let time = |welcome: Welcome| Duration::from_millis(welcome.history_ms.into());
        self.fresh_until = self.welcome.map(|welcome| deadline(now, time(welcome) / 2));
    }

    /// Forgets a token that the server may have forgotten.
    pub(super) fn drop_stale(&mut self, now: Instant) {
        if self.fresh_until.is_some_and(|until| now >= until) {
            self.welcome = None;
        }
    }

    /// Speaks in that byte order from now on.
    pub fn set_order(&mut self, order: ByteOrder) {
        self.order = order;
    }

    /// Ids go up for as long as a token lives: after the last one it takes another token.
    pub(super) fn next_id(&mut self) -> u32 {
        self.last_id = self.last_id.checked_add(1).unwrap_or_else(|| {
            self.welcome = None;
            0
        });
        self.last_id
    }
}
