//! leasebox frames over TCP, from the client's side.
//!
//! ```text
//!   ask ── write one frame ──► server
//!    ▲                            │
//!    └─ the frame with its id ◄── read, until it is whole or time is over
//! ```
//!
//! ```text
//!   call 7 ── id 7 ──►                   time is over: call 7 fails
//!   call 8 ── id 8 ──►    ◄── id 7       the late answer: dropped by call 8
//!                         ◄── id 8       the answer
//! ```
//!
//! **Invariants**
//!
//! 1. An answer has the id of its request. If an answer comes after its call gave up, a later call
//!    drops it.
//! 2. After a write failed, something unreadable was read, or a full server refused the client, the
//!    connection carries no further request. If only a part was written or read, one side does not
//!    know where the next frame begins; a full server closes the connection.
//!
//! **Lock** none. **Source** [`crate::protocol::frame`]; Coulouris and others, section 5.2, for the
//! id of a request.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::client::CallError;
use crate::client::wire::{MAX_ANSWER, Wire};
use crate::commands::{Draw, Reply, Request};
use crate::common::error::{Code, Error};
use crate::numbers::list::NumberList;
use crate::protocol::byte_order::ByteOrder;
use crate::protocol::cdr::Reader;
use crate::protocol::frame::{HEADER, Header, read_reply};
use crate::protocol::text::MAX_LINE;

/// The first bytes of the line that a full server sends before it closes. A *full* server has as
/// many clients as it allows, or no thread for one more. The line comes as text, because the server
/// has read no byte that would choose a format. No frame begins with these bytes: the first byte of
/// a frame is 0x89.
const TEXT_ERROR: &[u8] = b"error ";

/// A connection that speaks frames.
#[derive(Debug)]
pub struct Stream {
    pub(super) wire: Wire,
    /// The byte order of requests. An answer names its own.
    pub(super) order: ByteOrder,
    /// The longest answer that is accepted, in bytes; the answer to a draw may be longer.
    pub(super) longest: usize,
    /// The id of the last request.
    last_id: u32,
    /// The buffer of the request's frame, kept for the next one.
    output: Vec<u8>,
    /// The connection carries no further request (invariant 2).
    broken: bool,
}

impl Stream {
    /// Speaks over a connection, in this machine's byte order.
    pub fn new(stream: TcpStream, limit: Duration) -> Self {
        let (wire, order) = (Wire::new(stream, limit), ByteOrder::NATIVE);
        let output = Vec::new();
        Self { wire, order, longest: MAX_ANSWER, last_id: 0, output, broken: false }
    }

    /// Sends one request and waits for its answer. The time that the request itself asks the server
    /// to wait is added to the limit.
    ///
    /// # Errors
    /// Fails with a [`CallError`]; a refusal by the server is an answer.
    pub fn ask(&mut self, request: &Request<'_>) -> Result<Reply<'static>, CallError> {
        if self.broken {
            return Err(CallError::NotConnected);
        }
        let wait = Duration::from_millis(request.longest_wait_ms());
        let deadline = self.wire.deadline_after(wait);
        self.last_id = self.last_id.wrapping_add(1);
        self.output.clear();
        let header = Header::new(self.order, request.kind(), self.last_id);
        // 0: no bytes follow behind the body that `request.write` writes.
        header.put(&mut self.output, 0, |body| request.write(body));
        let longest = self.longest_answer(request);
        // An error of the write is not returned yet: a full server has sent its reason before it
        // closed, and the loop reads that reason first.
        let written = self.wire.write(&self.output, deadline);
        self.broken = written.is_err();
        loop {
            match self.read_frame(longest, deadline) {
                Ok((id, reply)) if id == self.last_id => return Ok(reply),
                // The late answer to an earlier request, which has given up.
                Ok(_) => {}
                Err(error @ (CallError::Refused(_) | CallError::Unreadable)) => {
                    self.broken = true;
                    return Err(error);
                }
                // If the write failed too, the server sent no reason. The write failed first, so
                // its error is the cause. If only the read timed out, the connection can go on: a
                // later call drops the late answer.
                Err(error) => return Err(written.err().unwrap_or(error)),
            }
        }
    }

    /// Returns the longest answer that is accepted for a request, in bytes. The answer to a draw
    /// may be longer than other answers: a header, a count, and 4 bytes for each number.
    fn longest_answer(&self, request: &Request<'_>) -> usize {
        match *request {
            Request::Draw(Draw { count }) => {
                let numbers = count.min(NumberList::MAX.into()) as usize;
                self.longest.max(HEADER + size_of::<u32>() * (1 + numbers))
            }
            _ => self.longest,
        }
    }

    /// Reads one frame. Returns its id and reply. If the time is over before it is whole, its bytes
    /// stay pending.
    ///
    /// # Errors
    /// Fails with [`CallError::Unreadable`] if the bytes are no frame or the frame is too long,
    /// with [`CallError::Refused`] for a full server's line, or with the error of the read.
    fn read_frame(
        &mut self,
        longest: usize,
        deadline: Instant,
    ) -> Result<(u32, Reply<'static>), CallError> {
        if self.wire.first(TEXT_ERROR.len(), deadline)? == TEXT_ERROR {
            // `- 1`: the LF counts too, and without it a line of `MAX_LINE` bytes is refused at
            // once.
            let line = self.wire.read_line(MAX_LINE - 1, deadline)?;
            return Err(CallError::Refused(error_of(&line)));
        }
        let head = self.wire.first(HEADER, deadline)?.first_chunk();
        let header = head.and_then(|head| Header::read(head).ok()).ok_or(CallError::Unreadable)?;
        let used = HEADER.saturating_add(header.length as usize);
        // Checked by the header alone, before the body arrives and fills the buffer.
        if used > longest {
            return Err(CallError::Unreadable);
        }
        let frame = self.wire.first(used, deadline)?;
        let mut body = Reader::new(frame, HEADER, header.order());
        let reply = read_reply(header.kind, header.status, &mut body);
        let reply = reply.map_err(|_| CallError::Unreadable)?;
        self.wire.consume(used);
        Ok((header.id, reply))
    }
}

/// Reads the code and the explanation of an error. With an unknown code the whole line is the
/// explanation: a newer server may have more codes.
fn error_of(line: &[u8]) -> Error {
    let line = String::from_utf8_lossy(line);
    let line = line.strip_prefix("error ").unwrap_or(&line);
    let (word, text) = line.split_once(' ').unwrap_or((line, ""));
    match Code::ALL.into_iter().find(|code| code.word() == word) {
        Some(code) => Error::new(code, text.to_string()),
        None => Error::new(Code::Refused, line.to_string()),
    }
}
