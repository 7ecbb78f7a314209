//! The account of buffers: the memory that all connections together may hold for their bytes.
//!
//! ```text
//!   a client asks for 32 MiB ─► reserve ─┬─ fits: charged ─► allocate, answer, write ─► settle
//!                                        └─ does not fit: sleep ─┬─ another one settles: again
//!                                                                ├─ each second: close the slow
//!                                                                └─ the deadline: `busy`
//! ```
//!
//! Each buffer of a connection has a bound, but the sum of all buffers would have none: 34 clients
//! that ask for 32 MiB each and read nothing hold more than 1 GiB, and the first allocation that
//! fails ends the process. So a connection reserves bytes here before a buffer grows over
//! [`SMALL`].
//!
//! Waiting alone would let those 34 clients keep all others out. So a connection that waits for
//! room looks each second at the *holders*, the connections with a charge. It closes holders that
//! moved less than 64 KiB in this second, the one with the largest charge first, until the bytes
//! that come back will be enough.
//!
//! **Invariants**
//!
//! 1. The sum of the charges is at most the bound. Only [`Charge::settle`] may raise the sum above
//!    it, if a buffer has become longer than was reserved.
//! 2. A connection that ends, also by a panic, gives everything back.
//! 3. No holder is closed while no connection waits for room.
//!
//! **Lock** its own, for a few instructions or for a walk over the holders. No other lock is taken
//! under it, and no socket is used.
//!
//! **Simplified** the connections that wait form no queue: the first one whose bytes fit goes on,
//! so a small answer overtakes a large one. This server copies the data of a lease into a buffer
//! before it writes the data to the socket. memcached saves the copy and the buffer: it writes to
//! the socket directly from the memory in which the data is stored. That memory must not change
//! until the write ends, so a `set` meanwhile has to store the new data in other memory.
//!
//! **Source** Redis' `maxmemory-clients`, which also closes the clients with the largest buffers.

use std::collections::BTreeMap;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::common::caller::ClientNumber;
use crate::common::lock::{lock, sleep};

/// The most bytes that a connection holds without a charge. It is enough for a short request and
/// its answer in every format, so those never wait for room.
pub const SMALL: usize = 32 * 1024;

/// The time between two looks at the holders, while a connection waits for room.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A holder that read and wrote fewer bytes than this between two looks is slow.
const SLOW: u64 = 64 * 1024;

/// The account. All threads of clients share it.
#[derive(Debug)]
pub struct Buffers {
    /// The most bytes that all connections together may be charged.
    bound: usize,
    /// The bytes that are charged. Written under the lock of `charges`; read without it too, where
    /// an old value does no harm.
    used: AtomicUsize,
    /// Locked by clients' threads and the stop.
    charges: Mutex<Charges>,
    /// Goes with `charges`. Notified when bytes were given back, when connections were closed, and
    /// by the stop.
    changed: Condvar,
}

/// The data behind the lock of the account.
#[derive(Debug, Default)]
struct Charges {
    /// The sum of the bytes for which connections wait now.
    wanted: usize,
    holders: BTreeMap<ClientNumber, Charged>,
    /// The time of the last look.
    looked: Option<Instant>,
    /// The server stops, so no connection waits for room any more.
    is_closed: bool,
}

/// A connection with a charge.
#[derive(Debug)]
struct Charged {
    bytes: usize,
    stream: Arc<TcpStream>,
    flow: Arc<Flow>,
    /// The bytes that `flow` had moved at the last look; `None` before the first look.
    seen: Option<u64>,
}

/// The bytes that a connection moves, and whether another connection closed it. Its own thread and
/// the threads that wait for room share this struct.
#[derive(Debug, Default)]
struct Flow {
    /// The bytes that were read and written since the first charge.
    moved: AtomicU64,
    /// Another connection needed the room, and has shut this connection down.
    is_closed: AtomicBool,
    /// The connection's thread writes now.
    is_writing: AtomicBool,
}

/// The error of [`Charge::reserve`]: no room came in time, the server stops, or another connection
/// closed this one because it needed the room.
#[derive(Debug, PartialEq, Eq)]
pub struct NoRoom;

impl Buffers {
    /// Makes an account whose charges have at most `bound` bytes in all.
    pub fn new(bound: usize) -> Self {
        Self {
            bound,
            used: AtomicUsize::new(0),
            charges: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Returns the most bytes that may be charged.
    pub fn bound(&self) -> usize {
        self.bound
    }

    /// Returns the bytes that are charged now.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Returns the bytes that are not charged.
    pub fn left(&self) -> u64 {
        self.bound.saturating_sub(self.used()) as u64
    }

    /// Returns whether more than half of the bound is charged. Connections then free their buffers
    /// after each write, instead of keeping them for the next request.
    pub fn is_tight(&self) -> bool {
        self.used() > self.bound / 2
    }

    /// Ends all waits for room: from now on a charge that does not fit fails at once. The stop
    /// calls this.
    pub fn close(&self) {
        lock(&self.charges).is_closed = true;
        self.changed.notify_all();
    }

    /// Charges `more` bytes if they fit. The caller holds the lock of the account.
    fn charge(&self, more: usize) -> bool {
        let used = self.used();
        let fits = more <= self.bound.saturating_sub(used);
        if fits {
            self.used.store(used + more, Ordering::Relaxed);
        }
        fits
    }
}

impl Charges {
    /// Looks at the holders, if the last look is at least a second old. Returns the sockets that
    /// the caller has to shut down, and how, so that `missing` bytes come back. The first look only
    /// notes how many bytes each holder has moved so far.
    ///
    /// A slow holder that writes is shut down for both directions. Another one is shut down for
    /// reading alone, so that its thread can still tell its client why; if it is still a holder at
    /// the next look, it is shut down for writing too.
    fn look(&mut self, missing: usize, now: Instant) -> Vec<(Arc<TcpStream>, Shutdown)> {
        let since = self.looked.map(|looked| now.saturating_duration_since(looked));
        if since.is_some_and(|since| since < LOOK_EVERY) {
            return Vec::new();
        }
        self.looked = Some(now);
        let (mut leaving, mut slow, mut closed) = (0, Vec::new(), Vec::new());
        for (&client, holder) in &mut self.holders {
            let moved = holder.flow.moved.load(Ordering::Relaxed);
            let seen = holder.seen.replace(moved);
            if holder.flow.is_closed.load(Ordering::Relaxed) {
                // An earlier look chose it, so its bytes will come back.
                leaving += holder.bytes;
                closed.push((holder.stream.clone(), Shutdown::Both));
            } else if seen.is_some_and(|seen| moved.saturating_sub(seen) < SLOW) {
                slow.push((holder.bytes, client));
            }
        }
        // The counts of a first look, or of one after a long pause, say nothing about the last
        // second. So they choose no holder.
        if since.is_none_or(|since| since > 2 * LOOK_EVERY) {
            return closed;
        }
        // Sorted by charge: `pop` takes the largest one first.
        slow.sort_unstable();
        while leaving < missing
            && let Some((bytes, client)) = slow.pop()
        {
            let holder = &self.holders[&client];
            holder.flow.is_closed.store(true, Ordering::Release);
            let is_writing = holder.flow.is_writing.load(Ordering::Relaxed);
            let how = if is_writing { Shutdown::Both } else { Shutdown::Read };
            closed.push((holder.stream.clone(), how));
            leaving += bytes;
        }
        closed
    }
}

/// The charge of one connection. Its drop gives everything back.
#[derive(Debug)]
pub struct Charge<'a> {
    buffers: &'a Buffers,
    client: ClientNumber,
    stream: &'a Arc<TcpStream>,
    /// The bytes that are charged; 0 up to [`SMALL`].
    bytes: usize,
    /// `None` before the first charge.
    flow: Option<Arc<Flow>>,
}

impl<'a> Charge<'a> {
    /// Makes a charge of 0 bytes.
    pub fn new(buffers: &'a Buffers, client: ClientNumber, stream: &'a Arc<TcpStream>) -> Self {
        Self { buffers, client, stream, bytes: 0, flow: None }
    }

    /// Returns the bytes that are charged.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns whether the account is tight: see [`Buffers::is_tight`].
    pub fn is_tight(&self) -> bool {
        self.buffers.is_tight()
    }

    /// Notes that bytes were read or written. A holder that moves enough bytes is not slow.
    pub fn moved(&self, count: usize) {
        if let Some(flow) = &self.flow {
            flow.moved.fetch_add(count as u64, Ordering::Relaxed);
        }
    }

    /// Notes whether the connection's thread writes now: a slow holder that writes is shut down for
    /// both directions.
    pub fn writes(&self, is_writing: bool) {
        if let Some(flow) = &self.flow {
            flow.is_writing.store(is_writing, Ordering::Relaxed);
        }
    }

    /// Returns whether this connection was closed because others needed its room.
    pub fn is_closed(&self) -> bool {
        self.flow.as_ref().is_some_and(|flow| flow.is_closed.load(Ordering::Acquire))
    }

    /// Raises the charge to `bytes` in all. Waits until `deadline` for room; with `None` it does
    /// not wait. A wait ends early if this connection is closed or the server stops.
    ///
    /// # Errors
    /// Fails if no room came. The charge is as before.
    pub fn reserve(&mut self, bytes: usize, deadline: Option<Instant>) -> Result<(), NoRoom> {
        if bytes <= self.bytes.max(SMALL) {
            return Ok(());
        }
        let more = bytes - self.bytes;
        let mut charges = lock(&self.buffers.charges);
        if !self.buffers.charge(more) {
            // More bytes than the whole bound never fit, so a wait would be useless.
            let deadline = deadline.filter(|_| bytes <= self.buffers.bound).ok_or(NoRoom)?;
            charges.wanted += more;
            while !self.buffers.charge(more) {
                let now = Instant::now();
                if charges.is_closed || now >= deadline || self.is_closed() {
                    charges.wanted -= more;
                    return Err(NoRoom);
                }
                let missing =
                    (self.buffers.used() + charges.wanted).saturating_sub(self.buffers.bound);
                let closed = charges.look(missing, now);
                if closed.is_empty() {
                    // Sleeps until bytes come back, but for a second at most: then it looks again.
                    let left = deadline.saturating_duration_since(now).min(LOOK_EVERY);
                    charges = sleep(&self.buffers.changed, charges, left);
                } else {
                    // Unlocked, because each shutdown is a system call. A closed connection may
                    // itself wait here: the notification wakes it, and its `reserve` fails.
                    drop(charges);
                    close(&closed);
                    self.buffers.changed.notify_all();
                    charges = lock(&self.buffers.charges);
                }
            }
            charges.wanted -= more;
        }
        self.bytes = bytes;
        self.enter(&mut charges);
        Ok(())
    }

    /// Enters the charge in the account, where other connections see it.
    fn enter(&mut self, charges: &mut Charges) {
        let flow = self.flow.get_or_insert_default();
        let holder = charges.holders.entry(self.client).or_insert_with(|| Charged {
            bytes: 0,
            stream: self.stream.clone(),
            flow: flow.clone(),
            seen: None,
        });
        holder.bytes = self.bytes;
    }

    /// Sets the charge to the bytes that the buffers really hold, and wakes the threads that wait
    /// for room.
    pub fn settle(&mut self, bytes: usize) {
        let bytes = if bytes <= SMALL { 0 } else { bytes };
        if bytes == self.bytes {
            return;
        }
        let mut charges = lock(&self.buffers.charges);
        let used = self.buffers.used() - self.bytes + bytes;
        self.buffers.used.store(used, Ordering::Relaxed);
        self.bytes = bytes;
        if bytes == 0 {
            charges.holders.remove(&self.client);
        } else {
            self.enter(&mut charges);
        }
        if charges.wanted > 0 {
            drop(charges);
            self.buffers.changed.notify_all();
        }
    }
}

impl Drop for Charge<'_> {
    fn drop(&mut self) {
        self.settle(0);
    }
}

/// Shuts these sockets down: a read or a write in which their threads wait then returns.
fn close(streams: &[(Arc<TcpStream>, Shutdown)]) {
    for (stream, how) in streams {
        // Fails only if the peer has gone, and then its thread ends by itself.
        let _ = stream.shutdown(*how);
    }
}

#[cfg(test)]
#[path = "buffers_tests.rs"]
mod tests;
