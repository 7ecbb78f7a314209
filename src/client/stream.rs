//! leasebox frames over TCP, from the client's side.
//!
//! ```text
//!   ask ── write one frame ──► server
//!    ▲                            │
//!    └─ the frame with its id ◄── read, until it is whole or time is over
//! ```
//!
//! **Invariants**
//!
//! 1. An answer has the id of its request. One that comes after its call gave up is
//!    dropped by the next call.
//! 2. After half a request was written, or something unreadable was read, nothing more is
//!    asked on this connection: the server could not tell it apart.
//!
//! **Lock** none. **Source** [`crate::protocol::frame`].

use std::io::{self, ErrorKind};
use std::net::TcpStream;
use std::time::Duration;

use crate::client::CallError;
use crate::client::wire::{LONGEST, Wire};
use crate::commands::{Draw, Reply, Request};
use crate::common::error::{Code, Error};
use crate::numbers::list::NumberList;
use crate::protocol::byte_order::ByteOrder;
use crate::protocol::cdr::Reader;
use crate::protocol::frame::{HEADER, Header, read_reply};
use crate::protocol::text::MAX_LINE;

/// What a full server's line begins with, whatever it is asked in.
const TEXT_ERROR: &[u8] = b"error ";

/// A connection that speaks frames.
#[derive(Debug)]
pub struct Stream {
    wire: Wire,
    /// The byte order of the requests; that of the answers is theirs.
    order: ByteOrder,
    longest: usize,
    last_id: u32,
    output: Vec<u8>,
    /// Invariant 2.
    broken: bool,
}

impl Stream {
    /// Speaks over a connection, in this machine's byte order.
    pub fn new(stream: TcpStream, limit: Duration) -> Self {
        let (wire, order) = (Wire::new(stream, limit), ByteOrder::NATIVE);
        let output = Vec::new();
        Self { wire, order, longest: LONGEST, last_id: 0, output, broken: false }
    }

    /// Speaks in that byte order from now on.
    pub fn set_order(&mut self, order: ByteOrder) {
        self.order = order;
    }

    /// Has that limit for each call from now on.
    pub fn set_limit(&mut self, limit: Duration) {
        self.wire.set_limit(limit);
    }

    /// Reads answers of up to so many bytes from now on.
    pub fn set_longest(&mut self, longest: usize) {
        self.longest = longest;
    }

    /// Sends one request and waits for its answer.
    ///
    /// # Errors
    /// [`CallError`]; refusals are answers.
    pub fn ask(&mut self, request: &Request<'_>) -> Result<Reply<'static>, CallError> {
        if self.broken {
            let why = "an earlier call broke off; connect again";
            return Err(CallError::Broken(io::Error::new(ErrorKind::BrokenPipe, why)));
        }
        let wait = Duration::from_millis(request.longest_wait_ms());
        let deadline = self.wire.deadline_after(wait);
        self.last_id = self.last_id.wrapping_add(1);
        self.output.clear();
        let header = Header::new(self.order, request.kind(), self.last_id);
        header.put(&mut self.output, 0, |body| request.write(body));
        let longest = self.longest_answer(request);
        // A full server may have said why before it closed: that is read in any case.
        let written = self.wire.write(&self.output, deadline);
        self.broken = written.is_err();
        loop {
            if let Some(reply) = self.take_answer(longest)? {
                return Ok(reply);
            }
            match (self.wire.read(longest, deadline), &written) {
                (Ok(()), _) => {}
                (Err(_), Err(_)) => return Err(written.err().unwrap_or(CallError::Closed)),
                (Err(error), Ok(())) => return Err(error),
            }
        }
    }

    /// A draw of the longest list is longer than a message otherwise is.
    fn longest_answer(&self, request: &Request<'_>) -> usize {
        match *request {
            Request::Draw(Draw { count }) => {
                let numbers = count.min(NumberList::MAX.into()) as usize;
                self.longest.max(HEADER + size_of::<u32>() * (1 + numbers))
            }
            _ => self.longest,
        }
    }

    /// The answer to the last request, if it is whole; drops those before it.
    fn take_answer(&mut self, longest: usize) -> Result<Option<Reply<'static>>, CallError> {
        loop {
            let answer = self.take_frame(longest);
            self.broken |= answer.is_err();
            match answer? {
                Some((id, reply)) if id == self.last_id => return Ok(Some(reply)),
                Some(_) => {}
                None => return Ok(None),
            }
        }
    }

    fn take_frame(&mut self, longest: usize) -> Result<Option<(u32, Reply<'static>)>, CallError> {
        let pending = self.wire.pending();
        let length = pending.len().min(TEXT_ERROR.len());
        if length > 0 && pending[..length] == TEXT_ERROR[..length] {
            return take_error(pending);
        }
        let Some(first) = pending.first_chunk() else {
            return Ok(None);
        };
        let header = Header::read(first).map_err(|_| CallError::Unreadable)?;
        let used = HEADER.saturating_add(header.length as usize);
        if used > longest {
            return Err(CallError::Unreadable);
        }
        let Some(frame) = pending.get(..used) else {
            return Ok(None);
        };
        let mut body = Reader::new(frame, HEADER, header.order());
        let reply = read_reply(header.kind, header.status, &mut body);
        let reply = reply.map_err(|_| CallError::Unreadable)?;
        self.wire.consume(used);
        Ok(Some((header.id, reply)))
    }
}

/// A line `error CODE explanation`, when it is whole.
fn take_error<T>(pending: &[u8]) -> Result<Option<T>, CallError> {
    match pending.iter().take(MAX_LINE).position(|&byte| byte == b'\n') {
        Some(end) => Err(CallError::Refused(error_of(&pending[..end]))),
        None if pending.len() >= MAX_LINE => Err(CallError::Unreadable),
        None => Ok(None),
    }
}

/// Reads an error as text has it; of a code that is not known, all of it is the explanation.
fn error_of(line: &[u8]) -> Error {
    let line = String::from_utf8_lossy(line);
    let line = line.strip_prefix("error ").unwrap_or(&line);
    let (word, text) = line.split_once(' ').unwrap_or((line, ""));
    match Code::ALL.into_iter().find(|code| code.word() == word) {
        Some(code) => Error::new(code, text.to_string()),
        None => Error::new(Code::Refused, line.to_string()),
    }
}
