//! The account of buffers: the memory that all connections together may hold for their bytes.
//!
//! ```text
//!   a client asks for 32 MiB ─► reserve ─┬─ fits: charged ─► allocate, answer, write ─► settle
//!                                        └─ does not fit: sleep ─┬─ another one settles: again
//!                                                                ├─ each second: close the slow
//!                                                                └─ the deadline: `busy`
//! ```
//!
//! Each buffer of a connection has a bound, but a bound for each is none for all: 34 clients that
//! ask for 32 MiB and read nothing hold more than 1 GiB, and the first allocation that fails ends
//! the process. So a connection reserves bytes here before a buffer grows over [`SMALL`].
//!
//! Waiting alone would let those 34 clients keep everybody else out. So while somebody waits, each
//! second the holders are looked at. Those that moved little in this second, the greatest first, are
//! closed, until what is wanted will fit.
//!
//! **Invariants**
//!
//! 1. The charges together are at most the bound. Only [`Charge::settle`] may raise one above it, if
//!    a buffer has become longer than was reserved.
//! 2. A connection that ends, also by a panic, gives everything back.
//! 3. Nobody is closed while nobody waits.
//!
//! **Lock** its own, a leaf: for a few instructions, or for a walk over those who hold much.
//!
//! **Simplified** those who wait are in no queue: whoever fits goes first, so a small answer passes
//! a large one. memcached copies no large data into buffers at all: it writes from where the data
//! lies, and pins it meanwhile. Then a second set of the same lease needs a second block.
//!
//! **Source** Redis' `maxmemory-clients`, which also closes the greatest.

use std::collections::BTreeMap;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::common::caller::ClientNumber;
use crate::common::lock::lock;

/// The most bytes that a connection holds without a charge.
pub const SMALL: usize = 16 * 1024;

/// The time between two looks at those who hold much, while somebody waits.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A connection that moved fewer bytes between two looks is slow.
const SLOW: u64 = 64 * 1024;

/// The account. All threads of clients share it.
#[derive(Debug)]
pub struct Buffers {
    /// The most bytes.
    bound: usize,
    /// The bytes that are charged. Written under the lock of `charges`; read without it too, where
    /// an old value does no harm.
    used: AtomicUsize,
    /// Locked by clients' threads and the stop.
    charges: Mutex<Charges>,
    /// Goes with `charges`: something was given back, or somebody was closed.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Charges {
    /// The bytes that those want who wait now.
    wanted: usize,
    holders: BTreeMap<ClientNumber, Charged>,
    /// The time of the last look.
    looked: Option<Instant>,
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

/// The bytes that a connection moves, and whether another one had it closed. Its thread and those
/// that wait share this struct.
#[derive(Debug, Default)]
struct Flow {
    /// The bytes that were read and written since the first charge.
    moved: AtomicU64,
    is_closed: AtomicBool,
    /// Its thread writes now.
    is_writing: AtomicBool,
}

/// There is no room: the time is over, or the server stops, or this connection was closed itself.
#[derive(Debug, PartialEq, Eq)]
pub struct NoRoom;

impl Buffers {
    /// Opens an account of so many bytes.
    pub fn new(bound: usize) -> Self {
        Self {
            bound,
            used: AtomicUsize::new(0),
            charges: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Returns the most bytes.
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

    /// Returns whether more than a half is charged. Then nobody keeps a buffer for later.
    pub fn is_tight(&self) -> bool {
        self.used() > self.bound / 2
    }

    /// Lets nobody wait, from now on.
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
    /// Looks at the holders, and returns the sockets of those that have to be closed so that `missing`
    /// bytes come back. The first look only notes what has moved so far.
    ///
    /// One that reads is closed for reading alone, so that it can be told why; if it is still there
    /// at the next look, for writing too.
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
                leaving += holder.bytes;
                closed.push((holder.stream.clone(), Shutdown::Both));
            } else if seen.is_some_and(|seen| moved.saturating_sub(seen) < SLOW) {
                slow.push((holder.bytes, client));
            }
        }
        // A look long ago says nothing about this second.
        if since.is_none_or(|since| since > 2 * LOOK_EVERY) {
            return closed;
        }
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
    /// Starts with no charge.
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

    /// Notes that bytes were read or written.
    pub fn moved(&self, count: usize) {
        if let Some(flow) = &self.flow {
            flow.moved.fetch_add(count as u64, Ordering::Relaxed);
        }
    }

    /// Notes whether its thread writes now.
    pub fn writes(&self, is_writing: bool) {
        if let Some(flow) = &self.flow {
            flow.is_writing.store(is_writing, Ordering::Relaxed);
        }
    }

    /// Returns whether this connection was closed because others needed its room.
    pub fn is_closed(&self) -> bool {
        self.flow.as_ref().is_some_and(|flow| flow.is_closed.load(Ordering::Acquire))
    }

    /// Raises the charge to so many bytes in all. Waits until `deadline` for room; with `None` it
    /// does not wait.
    ///
    /// # Errors
    /// Fails if there is no room until then. The charge is as before.
    pub fn reserve(&mut self, bytes: usize, deadline: Option<Instant>) -> Result<(), NoRoom> {
        if bytes <= self.bytes.max(SMALL) {
            return Ok(());
        }
        let more = bytes - self.bytes;
        let mut charges = lock(&self.buffers.charges);
        if !self.buffers.charge(more) {
            let deadline = deadline.filter(|_| more <= self.buffers.bound).ok_or(NoRoom)?;
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
                    let left = deadline.saturating_duration_since(now).min(LOOK_EVERY);
                    let woken = self.buffers.changed.wait_timeout(charges, left);
                    charges = woken.unwrap_or_else(PoisonError::into_inner).0;
                } else {
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

    /// Sets the charge to what the buffers really hold, in bytes, and wakes those who wait.
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

/// Shuts these sockets down: a read or a write of their threads then returns.
fn close(streams: &[(Arc<TcpStream>, Shutdown)]) {
    for (stream, how) in streams {
        // Fails only if the peer has gone, and then its thread ends by itself.
        let _ = stream.shutdown(*how);
    }
}

#[cfg(test)]
#[path = "buffers_tests.rs"]
mod tests;
