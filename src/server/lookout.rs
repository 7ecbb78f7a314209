//! One thread looks whether the clients of all waiting requests are still there.
//!
//! ```text
//!   client-7 ─ nothing came for 50 ms ─► enter ─┐            every 80 ms, for each of them:
//!   client-8 ───────────────────────────────────┼─► lookout ─┬─ its socket has nothing to read
//!   client-9 ───────────────────────────────────┘            └─ an end, or bytes: call client-9,
//!                                                               which reads them itself
//! ```
//!
//! The thread of a client that waits sleeps on a condition variable, so it cannot see on the socket
//! that its client has closed. The wrong way is to wake each such thread again and again for a
//! look: with 8,000 of them that took nearly two cores. A look by one thread for all is a system
//! call and no switch between threads. And where the system counts what comes in by TCP, there is
//! no look while that count stands still.
//!
//! **Invariants**
//!
//! 1. A look never waits: a socket is non-blocking while it is in the list, and its own thread does
//!    not use it meanwhile.
//! 2. A call is never lost: the flag is set first; then the tables are locked once, and the waiting
//!    thread checks the flag under that lock before it sleeps.
//! 3. While anything comes in by TCP, a round of looks begins 80 ms after the end of the last one.
//!    While nothing comes in, a round begins about once a second, because the system may give up a
//!    connection by itself.
//!
//! **Lock** its own, for 64 looks at a time; no other lock is taken under it. The tables' lock,
//! once after the looks that found something.
//!
//! **Simplified** a round looks also at each client that has sent nothing. The kernel can tell
//! which sockets have something to read (`epoll`), but std does not ask it.
//!
//! **Source** recv(2), `MSG_PEEK`; RFC 4022, `tcpInSegs`, which proc(5) has as `/proc/net/snmp`.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::TcpStream;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::common::caller::ClientNumber;
use crate::common::lock::{lock, sleep_while};

/// The pause between two rounds of looks. The server promises to see within 100 ms that a client
/// has closed; 8,000 looks and the wake-up of a thread fit into the other 20 ms.
const LOOK_EVERY: Duration = Duration::from_millis(80);

/// After so many rounds in which no segment came, the clients are looked at all the same: about
/// once a second.
const QUIET_ROUNDS: u32 = 12;

/// The looks under one hold of the lock. A look takes half a microsecond.
const LOOKS_PER_LOCK: usize = 64;

/// The clients of waiting requests. All threads share it.
#[derive(Debug, Default)]
pub struct Lookout {
    /// Locked by clients' threads, the `look` thread and the stop.
    waiting: Mutex<WaitingClients>,
    /// Goes with `waiting`. The first client that enters and the stop notify it.
    entered: Condvar,
}

/// The data behind the lookout's lock.
#[derive(Debug, Default)]
struct WaitingClients {
    clients: BTreeMap<ClientNumber, WaitingClient>,
    /// The server stops, so the `look` thread ends.
    is_closed: bool,
}

/// The socket of a client, and the way to call its thread.
#[derive(Debug)]
struct WaitingClient {
    stream: Arc<TcpStream>,
    call: Call,
}

/// The means to call a thread that waits, so that it looks at its socket itself.
#[derive(Debug, Clone)]
pub struct Call {
    /// The condition variable on which the thread sleeps. It goes with the tables' lock.
    pub waker: Arc<Condvar>,
    /// The thread was called. The thread checks this flag under the tables' lock before it sleeps.
    pub is_called: Arc<AtomicBool>,
}

/// The stay of a client in the list; the drop ends it, and the socket blocks again.
#[derive(Debug)]
pub struct LookedAt<'a> {
    lookout: &'a Lookout,
    client: ClientNumber,
    stream: &'a TcpStream,
}

impl Lookout {
    /// Lets the lookout look at a client from now on. Its thread must not use the socket meanwhile.
    ///
    /// # Errors
    /// Fails if the socket is gone.
    pub fn enter<'a>(
        &'a self,
        client: ClientNumber,
        stream: &'a Arc<TcpStream>,
        call: Call,
    ) -> io::Result<LookedAt<'a>> {
        stream.set_nonblocking(true)?;
        call.is_called.store(false, Ordering::Release);
        let entry = WaitingClient { stream: stream.clone(), call };
        let mut waiting = lock(&self.waiting);
        waiting.clients.insert(client, entry);
        let is_first = waiting.clients.len() == 1;
        drop(waiting);
        if is_first {
            self.entered.notify_one();
        }
        Ok(LookedAt { lookout: self, client, stream })
    }

    /// Runs the `look` thread until the server stops. `wake` locks the tables once, and then
    /// notifies these condition variables.
    pub fn look_until_closed(&self, wake: impl Fn(Vec<Arc<Condvar>>)) {
        let mut arrivals = Arrivals::default();
        loop {
            // First the thread sleeps until a client waits: an idle server does not wake up. Then
            // it pauses before the round of looks; only the stop cuts this pause short.
            let is_idle =
                |waiting: &mut WaitingClients| waiting.clients.is_empty() && !waiting.is_closed;
            let waiting = sleep_while(&self.entered, lock(&self.waiting), Duration::MAX, is_idle);
            let is_open = |waiting: &mut WaitingClients| !waiting.is_closed;
            let waiting = sleep_while(&self.entered, waiting, LOOK_EVERY, is_open);
            if waiting.is_closed {
                return;
            }
            drop(waiting);
            if !arrivals.may_have_come(segments_in()) {
                continue;
            }
            let called = self.look_at_all();
            if !called.is_empty() {
                wake(called);
            }
        }
    }

    /// Looks at each client once, and sets the flag of each one whose socket has something to read.
    /// Returns the condition variables of their threads. Unlocks the list after each 64 looks, so
    /// that a thread that enters or leaves waits only for about 30 microseconds.
    fn look_at_all(&self) -> Vec<Arc<Condvar>> {
        let (mut called, mut last) = (Vec::new(), None);
        loop {
            let waiting = lock(&self.waiting);
            let rest = (last.map_or(Unbounded, Excluded), Unbounded);
            let mut looks = 0;
            for (&client, WaitingClient { stream, call }) in
                waiting.clients.range(rest).take(LOOKS_PER_LOCK)
            {
                (last, looks) = (Some(client), looks + 1);
                if has_something_to_read(stream) {
                    call.is_called.store(true, Ordering::Release);
                    called.push(call.waker.clone());
                }
            }
            if looks < LOOKS_PER_LOCK {
                return called;
            }
        }
    }

    /// Ends the `look` thread.
    pub fn close(&self) {
        lock(&self.waiting).is_closed = true;
        self.entered.notify_all();
    }
}

impl Drop for LookedAt<'_> {
    fn drop(&mut self) {
        lock(&self.lookout.waiting).clients.remove(&self.client);
        // Fails only if the socket is gone; the next read reports that.
        let _ = self.stream.set_nonblocking(false);
    }
}

/// The count of TCP segments in the last rounds of looks.
#[derive(Debug, Default)]
struct Arrivals {
    /// The count at the last round.
    segments: Option<u64>,
    /// The rounds since that count changed.
    quiet: u32,
}

impl Arrivals {
    /// Returns whether this round has to look at the clients. `segments` is the present count;
    /// `None` means that the system has no count, and then each round looks.
    fn may_have_come(&mut self, segments: Option<u64>) -> bool {
        let is_quiet = segments.is_some() && segments == self.segments;
        self.segments = segments;
        self.quiet = if is_quiet { (self.quiet + 1) % QUIET_ROUNDS } else { 0 };
        // The first quiet round still looks: a segment is counted just before its bytes can be
        // read. The remainder lets the count begin again, so there are looks once a second.
        self.quiet <= 1
    }
}

/// Returns the number of TCP segments that this machine has received since its start; `None` where
/// the system does not say.
fn segments_in() -> Option<u64> {
    tcp_figure(&std::fs::read_to_string("/proc/net/snmp").ok()?, "InSegs")
}

/// Returns the figure `name` of TCP. `text` is that of `/proc/net/snmp`, in which two lines begin
/// with `Tcp: `: the first has the names, the second the values in the same order.
fn tcp_figure(text: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Tcp: "));
    let at = lines.next()?.split(' ').position(|word| word == name)?;
    lines.next()?.split(' ').nth(at)?.parse().ok()
}

/// Returns whether a read of this non-blocking socket would return bytes, the end of the stream or
/// an error. Peeks only: the bytes stay for the client's own thread.
fn has_something_to_read(stream: &TcpStream) -> bool {
    let waits = [ErrorKind::WouldBlock, ErrorKind::Interrupted];
    stream.peek(&mut [0]).map_or_else(|error| !waits.contains(&error.kind()), |_| true)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// Both ends of a connection.
    fn pair() -> (Arc<TcpStream>, TcpStream) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let there = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (Arc::new(listener.accept().unwrap().0), there)
    }

    fn call() -> Call {
        Call { waker: Arc::default(), is_called: Arc::default() }
    }

    #[test]
    fn whoever_sends_or_closes_is_called_and_no_other() {
        let lookout = Lookout::default();
        let (here, mut there): (Vec<_>, Vec<_>) = (0..3 * LOOKS_PER_LOCK).map(|_| pair()).unzip();
        let calls: Vec<Call> = here.iter().map(|_| call()).collect();
        let enter =
            |(at, stream): (usize, _)| lookout.enter(at as u64, stream, calls[at].clone()).unwrap();
        let stays: Vec<_> = here.iter().enumerate().map(enter).collect();
        assert_eq!(lookout.look_at_all().len(), 0);
        there[LOOKS_PER_LOCK].write_all(b"x").unwrap();
        there.pop();
        let expected = [LOOKS_PER_LOCK, 3 * LOOKS_PER_LOCK - 1];
        while lookout.look_at_all().len() < expected.len() {
            std::thread::yield_now();
        }
        let is_called = |at: &usize| calls[*at].is_called.load(Ordering::Acquire);
        assert_eq!((0..3 * LOOKS_PER_LOCK).filter(is_called).collect::<Vec<_>>(), expected);
        drop(stays);
        assert_eq!(lookout.look_at_all().len(), 0, "all have left");
    }

    #[test]
    fn no_round_is_made_while_nothing_comes_but_one_in_twelve() {
        let mut arrivals = Arrivals::default();
        let mut rounds = |count| (0..24).map(|_| arrivals.may_have_come(count)).collect::<Vec<_>>();
        assert!(rounds(None).into_iter().all(|looks| looks), "nobody counts");
        let looks: Vec<usize> =
            (0..24).zip(rounds(Some(7))).filter(|(_, l)| *l).unzip::<_, _, _, Vec<_>>().0;
        assert_eq!(looks, [0, 1, 12, 13], "a segment came before the first");
        let text = "Ip: A B\nIp: 1 2\nTcp: RtoMin InSegs OutSegs\nTcp: 200 31 32\nUdp: X\n";
        assert_eq!(tcp_figure(text, "InSegs"), Some(31));
        assert_eq!(tcp_figure("Tcp: InSegs\n", "InSegs"), None);
    }

    #[test]
    fn what_comes_by_tcp_is_counted() {
        // A system without this count has nothing to test.
        if let Some(before) = segments_in() {
            let _pair = pair();
            assert!(segments_in() > Some(before));
        }
    }

    #[test]
    fn after_its_stay_a_socket_blocks_again() {
        let (lookout, (here, _there)) = (Lookout::default(), pair());
        let wait = Duration::from_millis(1);
        here.set_read_timeout(Some(wait)).unwrap();
        let read = || {
            let begun = std::time::Instant::now();
            assert!((&*here).read(&mut [0]).is_err());
            begun.elapsed()
        };
        drop(lookout.enter(1, &here, call()).unwrap());
        assert!(read() >= wait);
    }

    #[test]
    fn the_thread_calls_and_ends_when_the_list_is_closed() {
        let (lookout, (here, there)) = (Lookout::default(), pair());
        let (called, calls) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| lookout.look_until_closed(|wakers| called.send(wakers.len()).unwrap()));
            let _stay = lookout.enter(1, &here, call()).unwrap();
            drop(there);
            assert_eq!(calls.recv(), Ok(1));
            lookout.close();
        });
    }
}
