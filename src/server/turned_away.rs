//! The `refuse` thread: it tells clients over the limit `error busy …` and closes them.
//!
//! ```text
//!   accept ──channel──► write the line ─► shutdown(Write) ─► kept up to 1 s ─► closed
//!                                                            read and discarded each 50 ms
//! ```
//!
//! Each client is closed in the manner of [`crate::server::closing`], but within a second. The
//! accepting thread must not wait for that: many refused clients would delay the accepted ones.
//! A thread for each refused client would not help: one reason to refuse is that the system has no
//! thread left. So one thread keeps all these sockets, non-blocking, and looks at each in turn.
//!
//! **Invariants** the thread keeps at most 32 sockets; for a new one it drops the oldest. It never
//! waits for a single client. The channel holds at most 32 more clients. So all refused clients
//! together use 64 descriptors, and one or two more while a client moves into or out of the
//! channel.
//!
//! **Lock** none. The thread owns its sockets. It receives them from a channel, and ends when the
//! accepting thread drops its end of the channel.
//!
//! **Simplified** when the channel is full, the accepting thread waits until this thread takes the
//! next client out of it.
//!
//! **Source** ours.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::common::error::{Code, Error};
use crate::server::accept::Acceptor;

/// The most sockets that the thread keeps, and also the most that wait in the channel. These are
/// few file descriptors compared with the thousands of the clients.
pub const MAX_TURNED_AWAY: usize = 32;

/// The longest time for which the input of one client is read and discarded.
const DISCARD_TIME: Duration = Duration::from_secs(1);

/// The longest time between two looks at the sockets. Each look reads up to 4 KiB from each socket.
/// The first look that finds a client closed, and its input read to the end, drops its socket.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A client that is turned away. It moves from the `accept` thread to the `refuse` thread.
#[derive(Debug)]
pub struct TurnedAway {
    /// Its socket.
    pub stream: TcpStream,
    /// The line for the client, with its LF. It is always text, because the server has read no byte
    /// that would choose another format.
    pub line: String,
}

impl Acceptor {
    /// Returns a refusal, with the cause and the cure, if one more client of this address may not
    /// be connected; `None` if it may.
    pub(super) fn refusal(&self, address: IpAddr) -> Option<String> {
        let (all, its) = self.shared.clients.counts(address);
        let full = self.room.refusal(all, &self.shared.buffers);
        // Behind a proxy the client's address is not known yet.
        let addresses = Some(&self.limits.addresses).filter(|_| !self.limits.behind_proxy);
        full.or_else(|| addresses?.refusal(address, its, all))
    }

    /// Hands the client to the `refuse` thread, which writes the line and closes.
    pub(super) fn turn_away(&self, stream: TcpStream, text: String) {
        let line = format!("error {}\n", Error::new(Code::Busy, text));
        // `send` fails only if the `refuse` thread has panicked. The client is then closed without
        // a word.
        let _ = self.refusals.send(TurnedAway { stream, line });
    }
}

/// Runs the `refuse` thread: turns clients away until the accepting thread drops its end of the
/// channel.
pub fn run(inbox: &Receiver<TurnedAway>) {
    let mut sockets: VecDeque<(TcpStream, Instant)> = VecDeque::new();
    loop {
        // Without sockets the thread sleeps until a client comes: an idle server does not wake up.
        let refusal = if sockets.is_empty() {
            inbox.recv().map_err(RecvTimeoutError::from)
        } else {
            inbox.recv_timeout(LOOK_EVERY)
        };
        let now = Instant::now();
        match refusal {
            Ok(refusal) => {
                if sockets.len() == MAX_TURNED_AWAY {
                    sockets.pop_front();
                }
                sockets.extend(tell(refusal).map(|stream| (stream, now + DISCARD_TIME)));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        sockets.retain_mut(|(stream, until)| now < *until && is_open(stream));
    }
}

/// Writes the line and shuts down writing. Returns `None` if the client is lost.
fn tell(TurnedAway { mut stream, line }: TurnedAway) -> Option<TcpStream> {
    stream.set_nonblocking(true).ok()?;
    // The empty send buffer of a fresh socket holds the whole line. If it does not, dropping the
    // stream closes it.
    stream.write_all(line.as_bytes()).ok()?;
    stream.shutdown(Shutdown::Write).ok()?;
    Some(stream)
}

/// Reads and discards at most one buffer of input. Returns false if the client has closed or the
/// connection is broken.
fn is_open(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 4096]) {
        Ok(count) => count > 0,
        Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
    }
}
