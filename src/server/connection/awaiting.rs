//! A request that waits for other clients. Meanwhile its thread checks that its own client is still
//! there.
//!
//! ```text
//!   begin ── no answer yet ──► resume ──┬─ answered ──► encode
//!                                 ▲     ├─ the client has gone ──► give up
//!                                 └─────┴─ nothing for 50 ms, later: the lookout calls
//! ```
//!
//! The thread waits for two things: the answer, on a condition variable, and the client's end, on
//! the socket. It cannot wait for both at once. So it waits for the answer alone. After 50 ms it
//! lets the [lookout](crate::server::lookout) look at the socket, which calls it when something is
//! there to read.
//!
//! The wrong way is to wait for the answer alone. A client that closed would keep its thread and
//! its place in the queue until the wait ends, and the message that it received at last would be
//! lost.
//!
//! **Invariants**
//!
//! 1. Replies to earlier requests are written before the wait.
//! 2. The server sees within 100 ms that a client has closed. (It takes longer if unread bytes are
//!    in front of the end, because each look is one read.) A grant that came for this client
//!    meanwhile goes back; a signal or a message stays for the process's other clients. So it is if
//!    there is no room for a look.
//! 3. While a request waits, the server executes nothing that the client sends after it: replies
//!    keep the order of the requests. When 64 KiB of later bytes are in the input, the server reads
//!    no more and gives up the wait.
//! 4. A request waits for no longer than the idle timeout. Otherwise a client whose machine has
//!    lost its power would keep its thread. After that time the request is answered like a request
//!    whose own time is over.
//!
//! **Lock** only inside [`Shared::resume`] and [`Shared::give_up`]; none while the socket is looked
//! at.
//!
//! **Simplified** while bytes come in, the lookout looks twelve times a second at each client that
//! waits. An event loop waits for sockets and wake-ups together, and costs nothing while nothing
//! happens.
//!
//! **Source** `interprocess-communication-patent.txt`, paragraph 20: a process may end unplanned,
//! and its memory is released; the look at the socket is ours.
//!
//! [`Shared::resume`]: crate::server::shared::Shared::resume
//! [`Shared::give_up`]: crate::server::shared::Shared::give_up

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::commands::Reply;
use crate::server::clients::Doing;
use crate::server::connection::Connection;
use crate::server::holding::busy;
use crate::server::waiting::{Resumed, Waits};

/// The time for which a thread waits by itself, before it asks the lookout to look at its socket.
/// Most waits are shorter.
const ALONE: Duration = Duration::from_millis(50);

/// The number of pending bytes at which the server stops reading while a request waits. Without
/// reading it cannot see the end of the stream, so it gives up the wait of such a client.
const READ_AHEAD: usize = 64 * 1024;

/// The result of a look at the socket of a client whose request waits.
enum Sight {
    /// The client is there.
    Present,
    /// The client has closed, or has sent so many bytes that the server could not see its close.
    End,
    /// `--buffers` has no room for the bytes that may have come, so the end would not be seen.
    NoRoom,
}

impl Connection<'_> {
    /// Answers a request that may have to wait for other clients. Writes the replies to earlier
    /// requests first: the client may need them before it sends the request, on another connection,
    /// that ends this wait.
    pub(super) fn await_answer(&mut self, begun: Result<Reply<'_>, Waits>, used: usize) {
        let mut waits = match begun {
            Ok(mut reply) => {
                self.encode(&mut reply, used);
                return;
            }
            Err(waits) => waits,
        };
        // The wait owns all it needs of the request (`Waits` is `'static`). So the bytes of the
        // request are dropped now, and their space is free for bytes that arrive meanwhile.
        self.input.consume(used);
        let mut reply = if self.flush().is_err() || self.cannot_see_end() {
            self.shared.give_up(&mut waits)
        } else {
            // The wait may be long, and others need the memory.
            self.shrink();
            self.wait(&mut waits)
        };
        self.encode(&mut reply, 0);
    }

    /// Waits until the request is answered or its client has gone.
    fn wait(&mut self, waits: &mut Waits) -> Reply<'static> {
        self.show();
        self.gauge.does(Doing::Waiting);
        let idle = self.limits.idle_timeout;
        if !idle.is_zero() {
            waits.end_by(Instant::now() + idle);
        }
        let mut is_long = false;
        loop {
            let resumed = self.resume(waits, is_long);
            is_long = matches!(resumed, Resumed::Nothing);
            match resumed {
                // If memory for the answer is missing, nothing was taken: wait on, with more.
                Resumed::Answered(reply) => match self.holding.grow_for(&reply) {
                    None => return reply,
                    Some(Err(error)) => return Reply::Error(error),
                    Some(Ok(())) => waits.set_room(&self.holding),
                },
                Resumed::Ready | Resumed::Nothing => match self.look() {
                    Sight::Present => self.is_seen = matches!(resumed, Resumed::Ready),
                    Sight::End => return self.shared.give_up(waits),
                    // A refusal by `give_up` says that the client has gone or sent too much. That
                    // is not the cause here, so `busy` takes its place.
                    Sight::NoRoom => {
                        return match self.shared.give_up(waits) {
                            Reply::Error(_) => Reply::Error(busy()),
                            answered => answered,
                        };
                    }
                },
            }
        }
    }

    /// Waits for the answer until it is there, or until this thread has to look at the socket. With
    /// `is_long` the lookout looks at the socket meanwhile; otherwise the wait is at most 50 ms.
    fn resume(&mut self, waits: &mut Waits, is_long: bool) -> Resumed {
        let enter =
            || self.shared.lookout.enter(self.caller.client, self.stream, waits.call().clone());
        // If the socket is gone, `enter` fails, and this thread sees that itself after 50 ms.
        let looked_at = is_long.then(enter).and_then(Result::ok);
        let slice = if looked_at.is_some() { Duration::MAX } else { ALONE };
        loop {
            // The last look at the socket counts for one `resume`: the client may go during it.
            let is_seen = std::mem::take(&mut self.is_seen);
            let resumed = self.shared.resume(waits, slice, is_seen, &mut self.spare);
            let is_called = || waits.call().is_called.load(Ordering::Acquire);
            if !matches!(resumed, Resumed::Nothing) || looked_at.is_none() || is_called() {
                return resumed;
            }
            // The wake-up was for another request of the same process, or had no cause: wait again.
        }
    }

    /// Returns whether the client has closed, or has sent so many bytes that the server reads no
    /// more and could not see its close.
    fn cannot_see_end(&self) -> bool {
        self.is_ended || self.input.pending().len() >= READ_AHEAD
    }

    /// Reads from the socket, without waiting, to see whether the client is still there. The bytes
    /// that come stay in the input for the next requests.
    fn look(&mut self) -> Sight {
        if self.cannot_see_end() {
            return Sight::End;
        }
        if !self.has_room_to_read(false) {
            return Sight::NoRoom;
        }
        match self.read_at_once() {
            Ok(1..) => {}
            // No byte now, or a signal of the system: the client is still there.
            Err(ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Ok(0) | Err(_) => self.is_ended = true,
        }
        if self.is_ended { Sight::End } else { Sight::Present }
    }

    /// Reads once, without waiting. Returns the count of bytes that came; 0 is the end of the
    /// stream.
    ///
    /// # Errors
    /// Fails with the kind of the socket's error, which is `WouldBlock` if no byte is there.
    pub(super) fn read_at_once(&mut self) -> Result<usize, ErrorKind> {
        let mut stream: &TcpStream = self.stream;
        let read = stream.set_nonblocking(true).and_then(|()| stream.read(self.input.space()));
        // Back to blocking, for the reads and writes that follow.
        let read = stream.set_nonblocking(false).and(read).map_err(|error| error.kind());
        match read {
            Ok(count) => {
                self.unheard_numbers = if count > 0 { 0 } else { self.unheard_numbers };
                self.input.filled(count);
            }
            Err(kind) => self.met_broken_pipe |= kind == ErrorKind::BrokenPipe,
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;
    use std::sync::Arc;

    use super::*;
    use crate::common::caller::Caller;
    use crate::server::buffers::Charge;
    use crate::server::clients::Gauge;
    use crate::server::config::Config;
    use crate::server::connection::serve;
    use crate::server::shared::Shared;

    /// Ends the threads of the test, also if the test fails.
    struct Ends<'a>(&'a Shared, &'a TcpStream);

    impl Drop for Ends<'_> {
        fn drop(&mut self) {
            let _ = self.1.shutdown(std::net::Shutdown::Both);
            self.0.stop();
        }
    }

    fn connected() -> (TcpStream, Arc<TcpStream>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, Arc::new(listener.accept().unwrap().0))
    }

    #[test]
    fn a_wait_ends_when_no_buffer_is_left_in_which_its_client_s_end_would_be_seen() {
        let config = Config { memory: 1 << 16, ..Config::default() };
        let (shared, limits) = (config.share().unwrap(), config.limits);
        let (client, stream) = connected();
        std::thread::scope(|scope| {
            let gauge = Gauge::default();
            let (shared, limits, stream) = (&shared, &limits, &stream);
            scope.spawn(move || serve(stream, Caller::connected(1), shared, limits, &gauge));
            scope.spawn(|| shared.look_until_stopped());
            let _ends = Ends(shared, &client);
            let (mut requests, mut replies) = (&client, BufReader::new(&client).lines());
            let mut reply = || replies.next().unwrap().unwrap();
            requests.write_all(b"join p 0\nlease 65536 60000\n").unwrap();
            assert!(reply().starts_with("joined ") && reply().starts_with("leased "));
            // The reply is written, so this connection has no charge now.
            let (_other, other) = connected();
            let mut all = Charge::new(&shared.buffers, 2, &other);
            all.reserve(shared.buffers.bound(), None).unwrap();
            // A look needs no charge while the client sends nothing, so the request waits on.
            requests.write_all(b"request 64 committed wait=100\n").unwrap();
            assert!(reply().starts_with("error refused no memory came back for it in 100 ms"));
            // The input cannot grow for so many later bytes.
            let draws = "draw 1\n".repeat(700);
            let request = ["request 64 committed wait=60000\n", &draws].concat();
            requests.write_all(request.as_bytes()).unwrap();
            let refused =
                "error busy the server's buffers are full; try again later, or with less data";
            assert_eq!(reply(), refused);
            drop(all);
            assert!(draws.lines().all(|_| reply().parse::<u32>().is_ok()));
        });
    }
}
