//! The turns of addresses whose datagrams wait: each gets the same part of the `udp` thread's time.
//!
//! ```text
//!   192.0.2.1   │ accounts │ accounts │ accounts │ …     its next turn begins at 90 ms
//!   192.0.2.9   │ draw 1 │                               its next turn begins at 62 ms   ◄ next
//!   strangers   │ Hello │ Hello │ …                      at 63 ms
//! ```
//!
//! The wrong way is one queue, in the order in which the datagrams came. An address that asks
//! faster than the thread answers then keeps the queue full, and all others lose their datagrams or
//! wait behind it.
//!
//! Here each address has a queue of its own, and a time at which its next turn begins. A turn that
//! took 3 ms moves this time by 3 ms. The address with the earliest time is next. So an address
//! whose requests take long has few turns, and one whose requests are short has many.
//!
//! An address counts for itself only with a token, which proves that it can be reached. All others
//! are *strangers*, with one queue together: anybody can write false addresses into datagrams.
//!
//! **Invariants**
//!
//! 1. While two addresses wait, each gets half of the time, to within its longest turn.
//! 2. An address that did not wait has saved nothing: its next turn begins now at the earliest.
//! 3. At most 4 MiB wait, and of one address at most 512 KiB.
//!
//! **Lock** none. The `udp` thread owns the queues.
//!
//! **Simplified** a client with many addresses has many turns. One IPv6 network of 64 bits counts
//! as one address.
//!
//! **Source** start-time fair queueing: Goyal, Vin and Cheng (1996).

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::server::addresses::counted;

/// The most bytes of datagrams that wait for their turns, of all addresses together.
const MOST: usize = 4 << 20;

/// The most bytes of one address that wait.
const MOST_OF_ONE: usize = MOST / 8;

/// The bytes that each datagram counts beside its own, for its place in the queue. Without them
/// empty datagrams could fill the memory.
const AROUND: usize = 128;

/// The most addresses that are remembered although no datagram of theirs waits.
const MOST_IDLE: usize = 1024;

/// The least time of a turn, so that each turn moves the next one.
const LEAST: Duration = Duration::from_nanos(100);

/// The key of the queue for all datagrams without a valid token. No datagram comes from this
/// address.
const STRANGERS: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The datagrams that wait, by their address.
#[derive(Debug, Default)]
pub struct WaitingDatagrams {
    senders: HashMap<IpAddr, Sender>,
    /// The addresses that wait, by the time at which their next turn begins.
    order: BTreeSet<(Duration, IpAddr)>,
    /// The time at which the present turn begins. The times here are virtual: turns move them by
    /// the time that they took, and no clock does.
    now: Duration,
    /// The bytes that wait, with [`AROUND`] for each datagram.
    bytes: usize,
}

/// One address, or all strangers together: the datagrams that wait, and the time of the next turn.
#[derive(Debug, Default)]
struct Sender {
    /// The datagrams, each with its sender's address and port, the oldest first.
    waiting: VecDeque<(Box<[u8]>, SocketAddr)>,
    /// The bytes that wait, with [`AROUND`] for each datagram.
    bytes: usize,
    /// The time at which its next turn begins.
    next: Duration,
}

/// A datagram whose turn it is. The turn ends with [`WaitingDatagrams::end`].
#[derive(Debug)]
#[must_use = "the address waits for the end of this turn"]
pub struct BegunTurn {
    /// The datagram.
    pub datagram: Box<[u8]>,
    /// Its sender.
    pub from: SocketAddr,
    address: IpAddr,
}

impl WaitingDatagrams {
    /// Adds a datagram behind those of its address. Returns false, and drops it, if too much waits.
    pub fn add(&mut self, datagram: &[u8], from: SocketAddr, has_token: bool) -> bool {
        let address = if has_token { counted(from.ip()) } else { STRANGERS };
        let bytes = datagram.len() + AROUND;
        let sender = self.senders.entry(address).or_default();
        if self.bytes + bytes > MOST || sender.bytes + bytes > MOST_OF_ONE {
            return false;
        }
        if sender.waiting.is_empty() {
            sender.next = sender.next.max(self.now);
            self.order.insert((sender.next, address));
        }
        sender.waiting.push_back((datagram.into(), from));
        sender.bytes += bytes;
        self.bytes += bytes;
        true
    }

    /// Begins the next turn; `None` if no datagram waits. An address is in `order` only while a
    /// datagram of it waits, so the second and the third `?` never return.
    pub fn begin(&mut self) -> Option<BegunTurn> {
        let (begins, address) = self.order.pop_first()?;
        let sender = self.senders.get_mut(&address)?;
        let (datagram, from) = sender.waiting.pop_front()?;
        let bytes = datagram.len() + AROUND;
        sender.bytes -= bytes;
        self.bytes -= bytes;
        self.now = begins;
        Some(BegunTurn { datagram, from, address })
    }

    /// Ends a turn that took the time `took`, and enters its address into the order again if more
    /// of its datagrams wait.
    pub fn end(&mut self, turn: BegunTurn, took: Duration) {
        if let Some(sender) = self.senders.get_mut(&turn.address) {
            sender.next = self.now + took.max(LEAST);
            if !sender.waiting.is_empty() {
                self.order.insert((sender.next, turn.address));
            }
        }
        // Forgets the idle addresses, so that the map does not grow for ever. A forgotten address
        // begins at `now` again, which gains it at most one turn.
        if self.senders.len() > self.order.len() + MOST_IDLE {
            self.senders.retain(|_, sender| !sender.waiting.is_empty());
        }
    }
}

#[cfg(test)]
#[path = "turns_tests.rs"]
mod tests;
