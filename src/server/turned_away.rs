//! The `refuse` thread: clients over the limit are told `error busy …` and closed.
//!
//! Each is closed by the rule of [`crate::server::writing`]: told, shut down, listened to until they
//! close. The accepting thread must not wait for that, so it hands them to this thread, which
//! keeps their sockets, non-blocking, and looks at each now and then.
//!
//! **Invariants** never more than 64 sockets; the oldest is dropped for a new one.
//!
//! **Lock** none: the thread's own.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Sockets kept at once: a few descriptors beside thousands.
const MAX: usize = 64;

/// How long each is listened to.
const LISTEN: Duration = Duration::from_secs(1);

/// How often they are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A client that is turned away.
#[derive(Debug)]
pub struct TurnedAway {
    /// Its socket.
    pub stream: TcpStream,
    /// The line that it is told.
    pub line: String,
}

/// Refuses clients until the accepting thread has ended.
pub fn run(inbox: &Receiver<TurnedAway>) {
    let mut sockets: VecDeque<(TcpStream, Instant)> = VecDeque::new();
    loop {
        let refusal = if sockets.is_empty() {
            inbox.recv().map_err(RecvTimeoutError::from)
        } else {
            inbox.recv_timeout(LOOK_EVERY)
        };
        let now = Instant::now();
        match refusal {
            Ok(refusal) => {
                if sockets.len() == MAX {
                    sockets.pop_front();
                }
                sockets.extend(tell(refusal).map(|stream| (stream, now + LISTEN)));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        sockets.retain_mut(|(stream, until)| now < *until && is_open(stream));
    }
}

/// Writes the line and begins to close; `None` when the client is lost.
fn tell(TurnedAway { mut stream, line }: TurnedAway) -> Option<TcpStream> {
    stream.set_nonblocking(true).ok()?;
    // A fresh socket's send buffer takes one line; if not, the client is lost anyway.
    stream.write_all(line.as_bytes()).ok()?;
    stream.shutdown(Shutdown::Write).ok()?;
    Some(stream)
}

/// Discards what has come, at most one buffer of it. False when the client has closed.
fn is_open(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 4096]) {
        Ok(count) => count > 0,
        Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
    }
}
