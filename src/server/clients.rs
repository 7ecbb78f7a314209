//! The list of the connected clients: `list connections` shows it, and the stop ends them.
//!
//! ```text
//!   accept ─── enter ──► │ client 7 │ stream │ thread │ gauge │ since │ ◄── list connections
//!   client 7 ─ leave ──► │ client 9 │ …                               │ ◄── the stop
//! ```
//!
//! The list shares each client's stream with the client's thread, by an `Arc`. The thread alone
//! reads and writes the stream; the list only calls `shutdown` on it, which makes a `read` in the
//! other thread return. `try_clone` would do the same, but costs a second file descriptor for each
//! client.
//!
//! **Invariants**
//!
//! 1. A client enters before its thread starts, and is removed when its thread ends, also after a
//!    panic: the drop of its [`Membership`] removes it.
//! 2. Once the stop has begun no client enters. So the stop shuts down every stream.
//! 3. A number is never given to two clients.
//!
//! **Lock** its own. Under it no thread takes another lock, and none reads or writes a socket. A
//! [`Gauge`] has no lock: its client's thread writes it, and no decision depends on it.
//!
//! **Simplified** `shut_down` makes a system call for each client under the lock. Meanwhile no
//! client can enter or leave.
//!
//! **Source** `memorylease.txt`: its server logs each connection.

use std::collections::BTreeMap;
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::common::caller::ClientNumber;
use crate::common::description::words;
use crate::common::lock::{lock, sleep_while};
use crate::protocol::Protocol;
use crate::server::addresses::{AddressCounts, AddressLimits, counted};

/// The connected clients, behind their lock. All threads share it.
#[derive(Debug, Default)]
pub struct Clients {
    /// The list, behind its lock. Locked by `accept` (count, number, enter, handle; leave, if the
    /// system has no thread left), each client's thread (leave, `stats`, `list connections`, its
    /// address behind a proxy), `udp` (number, `stats`) and the stop.
    connected: Mutex<Connected>,
    /// Goes with `connected`. The last client that leaves during the stop notifies it; the stop
    /// waits on it until the list is empty.
    left: Condvar,
}

/// The data behind the clients' lock.
#[derive(Debug, Default)]
struct Connected {
    /// The clients whose threads run, or are about to start, in the order in which they came.
    clients: BTreeMap<ClientNumber, ConnectedClient>,
    /// The number of these clients for each address.
    addresses: AddressCounts,
    /// The last number that was given to a client, connected or by datagrams.
    last: ClientNumber,
    /// The stop has begun, and no further client enters. This flag is under the lock, so that
    /// "check the flag, then insert" is one step. With only the atomic flag of `Shared`, a client
    /// could enter just after the stop had shut down all streams.
    is_stopping: bool,
}

/// One entry of the list. The clients' lock guards its fields.
#[derive(Debug)]
struct ConnectedClient {
    /// The socket. The client's thread owns another `Arc` of it, to read and write.
    stream: Arc<TcpStream>,
    /// The handle of its thread; `None` until `spawn` has returned to `accept`, and after the stop
    /// has taken it.
    thread: Option<JoinHandle<()>>,
    /// The activity of its thread, which that thread writes without a lock.
    gauge: Arc<Gauge>,
    /// The time at which it was accepted.
    since: Instant,
    /// The other end of its connection: the client, or the proxy before it.
    peer: SocketAddr,
    /// The address under which it is counted.
    address: IpAddr,
}

impl Clients {
    /// Returns the number of a new client: one more than the last, beginning with 1. The command
    /// `table` shows this number in the place of the homework's column "thread".
    pub fn next_number(&self) -> ClientNumber {
        let mut connected = lock(&self.connected);
        connected.last += 1;
        connected.last
    }

    /// Returns how many clients are connected.
    pub fn count(&self) -> usize {
        lock(&self.connected).clients.len()
    }

    /// Returns how many clients are connected, and how many of this address.
    pub fn counts(&self, address: IpAddr) -> (usize, usize) {
        let connected = lock(&self.connected);
        (connected.clients.len(), connected.addresses.of(counted(address)))
    }

    /// Inserts a client whose thread is about to start, and logs its address. Returns false when
    /// the server stops; nothing is inserted then.
    pub fn enter(
        &self,
        client: ClientNumber,
        stream: &Arc<TcpStream>,
        gauge: &Arc<Gauge>,
        peer: SocketAddr,
        now: Instant,
    ) -> bool {
        // Before the lock: work that needs no lock is not done under it.
        let (stream, gauge, address) = (stream.clone(), gauge.clone(), counted(peer.ip()));
        let entry = ConnectedClient { stream, thread: None, gauge, since: now, peer, address };
        let mut connected = lock(&self.connected);
        if connected.is_stopping {
            return false;
        }
        connected.addresses.add(address);
        connected.clients.insert(client, entry);
        drop(connected);
        log::info!("client-{client} connects from {peer}");
        true
    }

    /// Counts a client behind a proxy under its own address, and no longer under the proxy's.
    /// Returns a refusal if that address may have no further client; then it is counted as before.
    pub fn move_to(
        &self,
        client: ClientNumber,
        address: IpAddr,
        limits: &AddressLimits,
    ) -> Option<String> {
        let to = counted(address);
        let mut connected = lock(&self.connected);
        // Never `None`: the caller is this client's own thread, so the client is in the list.
        let from = connected.clients.get(&client)?.address;
        // The limits ask for the other clients, so this one is counted only after the question.
        connected.addresses.remove(from);
        let others = connected.clients.len().saturating_sub(1);
        let refusal = limits.refusal(address, connected.addresses.of(to), others);
        let at = if refusal.is_none() { to } else { from };
        connected.addresses.add(at);
        connected.clients.get_mut(&client)?.address = at;
        refusal
    }

    /// Stores the handle of a client's thread. A thread that has ended already is no longer in the
    /// list; its handle is dropped, which leaves nothing to join.
    pub fn keep(&self, client: ClientNumber, thread: JoinHandle<()>) {
        if let Some(client) = lock(&self.connected).clients.get_mut(&client) {
            client.thread = Some(thread);
        }
    }

    /// Removes a client whose thread ends, and logs its end. Wakes the stop, if the stop waits and
    /// this was the last client.
    fn leave(&self, client: ClientNumber) {
        let mut connected = lock(&self.connected);
        let removed = connected.clients.remove(&client);
        if let Some(client) = &removed {
            connected.addresses.remove(client.address);
        }
        // Only the stop waits, and a notification is a system call also when nobody waits.
        let stop_waits = connected.is_stopping && connected.clients.is_empty();
        drop(connected);
        // The lock is free from here on: nobody waits for it while this thread logs a line and
        // frees memory, and the stop gets it at once when it wakes up. `see` gets a time of zero,
        // because the line does not show how long the client was connected.
        if let Some(ConnectedClient { gauge, peer, .. }) = removed {
            let ConnectionSnapshot { speaks, requests, .. } = gauge.see(client, Duration::ZERO);
            let speaks = speaks.word();
            log::info!("client-{client} from {peer} goes; requests: {requests}, format: {speaks}");
        }
        if stop_waits {
            self.left.notify_all();
        }
    }

    /// Returns how many clients there are, and a snapshot of the first `most`, in the order in
    /// which they came. The gauges are read one after the other while their threads go on, so two
    /// of them may be of different moments.
    pub fn seen(&self, most: usize, now: Instant) -> (usize, Vec<ConnectionSnapshot>) {
        let connected = lock(&self.connected);
        let see = |(&number, client): (&ClientNumber, &ConnectedClient)| {
            client.gauge.see(number, now.saturating_duration_since(client.since))
        };
        let first = connected.clients.iter().take(most).map(see).collect();
        (connected.clients.len(), first)
    }

    /// Begins the stop: from now on no client enters. Returns the handles of the clients' threads.
    /// The caller joins them without the clients' lock, because a thread that ends needs this lock
    /// to leave.
    pub fn begin_stop(&self) -> Vec<JoinHandle<()>> {
        let mut connected = lock(&self.connected);
        connected.is_stopping = true;
        connected.clients.values_mut().filter_map(|client| client.thread.take()).collect()
    }

    /// Shuts down reading, writing or both on every stream. A `read` or `write` in which a thread
    /// waits then returns.
    pub fn shut_down(&self, how: Shutdown) {
        for client in lock(&self.connected).clients.values() {
            // Fails only when the peer has gone, and then the thread ends by itself.
            let _ = client.stream.shutdown(how);
        }
    }

    /// Waits until all clients have left, or until `deadline`. Returns the number of clients that
    /// are still in the list.
    pub fn wait_until_empty(&self, deadline: Instant) -> usize {
        let time_left = deadline.saturating_duration_since(Instant::now());
        let has_some = |connected: &mut Connected| !connected.clients.is_empty();
        sleep_while(&self.left, lock(&self.connected), time_left, has_some).clients.len()
    }
}

/// A client's membership of the list. Its drop removes the client from the list, also when the
/// thread unwinds from a panic. A panic would skip a plain call at the end of the thread, and then
/// the stop would wait for a thread that is gone.
#[derive(Debug)]
pub struct Membership<'a> {
    pub(super) clients: &'a Clients,
    /// A client that has entered.
    pub(super) client: ClientNumber,
}

impl Drop for Membership<'_> {
    fn drop(&mut self) {
        self.clients.leave(self.client);
    }
}

/// One connection at one moment.
#[derive(Debug, Clone)]
pub struct ConnectionSnapshot {
    /// The number of its client.
    pub client: ClientNumber,
    /// The format that it speaks.
    pub speaks: Protocol,
    /// Its activity.
    pub does: Doing,
    /// The number of requests that it has answered.
    pub requests: u64,
    /// The time since it was accepted.
    pub connected: Duration,
}

words! {
    /// The activity of a connection. `repr(u8)`, because a [`Gauge`] keeps it in an atomic byte.
    #[repr(u8)]
    Doing {
        /// Waits for its client's next request.
        Listening = "listening",
        /// Decodes and answers requests.
        Answering = "answering",
        /// Waits for other clients: its client has sent a request such as `receive` or `wait`.
        Waiting = "waiting",
        /// Writes replies. A connection that stays here has a client that does not read.
        Writing = "writing",
    }
}

/// The state of a client's thread, which other threads may read at any time. Only the client's own
/// thread writes it. Relaxed atomics are enough: the values are shown to people and nothing else
/// depends on them.
#[derive(Debug, Default)]
pub struct Gauge {
    /// The number of requests that were answered.
    requests: AtomicU64,
    /// The number of a [`Protocol`], its index in `Protocol::ALL`.
    speaks: AtomicU8,
    /// The number of a [`Doing`], at first 0: [`Doing::Listening`].
    does: AtomicU8,
}

impl Gauge {
    /// Stores the activity that begins now.
    pub fn does(&self, doing: Doing) {
        self.does.store(doing as u8, Ordering::Relaxed);
    }

    /// Stores the number of answered requests and the format. The thread calls this before it
    /// waits, not for each request: a list is a little late, and a draw pays nothing.
    pub fn store_progress(&self, requests: u64, speaks: Protocol) {
        self.requests.store(requests, Ordering::Relaxed);
        self.speaks.store(speaks as u8, Ordering::Relaxed);
    }

    /// Reads the gauge into a snapshot. A number without a name, which no thread stores, reads as
    /// the first name.
    fn see(&self, client: ClientNumber, connected: Duration) -> ConnectionSnapshot {
        let number = |of: &AtomicU8| usize::from(of.load(Ordering::Relaxed));
        ConnectionSnapshot {
            client,
            speaks: Protocol::ALL.get(number(&self.speaks)).copied().unwrap_or(Protocol::Nothing),
            does: Doing::ALL.get(number(&self.does)).copied().unwrap_or(Doing::Listening),
            requests: self.requests.load(Ordering::Relaxed),
            connected,
        }
    }
}
