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
//! 3. The buffer grows with what has come, never with a length that was claimed.
//!
//! **Lock** none. **Source** [`crate::representation::frame`].

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::{CallError, deadline};
use crate::message::{Code, Error, Reply, Request};
use crate::representation::byte_order::ByteOrder;
use crate::representation::cdr::Reader;
use crate::representation::frame::{HEADER, Header, kind_of, put_request, take_reply};
use crate::transport::input::Input;

/// The longest answer that is read, in bytes: a draw of the longest list is far below.
const MAX_ANSWER: usize = 1 << 30;

/// What a full server's line begins with, whatever it is asked in.
const TEXT_ERROR: &[u8] = b"error ";

/// A connection that speaks frames.
#[derive(Debug)]
pub struct Stream {
    stream: TcpStream,
    limit: Duration,
    /// The byte order of the requests; that of the answers is theirs.
    order: ByteOrder,
    last_id: u32,
    input: Input,
    output: Vec<u8>,
    /// Invariant 2.
    broken: bool,
}

impl Stream {
    /// Speaks over a connection, in this machine's byte order.
    pub fn new(stream: TcpStream, limit: Duration) -> Self {
        let (input, output) = (Input::default(), Vec::new());
        let order = ByteOrder::NATIVE;
        Self { stream, limit, order, last_id: 0, input, output, broken: false }
    }

    /// Speaks in that byte order from now on.
    pub fn set_order(&mut self, order: ByteOrder) {
        self.order = order;
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
        let deadline = deadline(Instant::now(), self.limit);
        self.last_id = self.last_id.wrapping_add(1);
        self.output.clear();
        let header = Header::new(self.order, kind_of(request), self.last_id);
        header.put(&mut self.output, 0, |body| put_request(request, body));
        self.write(deadline)?;
        loop {
            if let Some(reply) = self.take_answer()? {
                return Ok(reply);
            }
            self.read(deadline)?;
        }
    }

    fn write(&mut self, deadline: Instant) -> Result<(), CallError> {
        // Cleared when all of it is written.
        self.broken = true;
        let mut left = &self.output[..];
        while !left.is_empty() {
            let patience = self.patience(deadline)?;
            let _ = self.stream.set_write_timeout(Some(patience));
            match self.stream.write(left) {
                Ok(count) => left = &left[count..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // A full server may have said why before it closed.
                Err(_) if self.read(deadline).is_ok() => return self.refusal(),
                Err(error) => return Err(CallError::of(error, self.limit)),
            }
        }
        self.broken = false;
        Ok(())
    }

    /// What came instead of an answer, when a request could not be written.
    fn refusal(&mut self) -> Result<(), CallError> {
        match self.take_answer() {
            Err(error) => Err(error),
            Ok(_) => Err(CallError::Closed),
        }
    }

    fn read(&mut self, deadline: Instant) -> Result<(), CallError> {
        loop {
            let patience = self.patience(deadline)?;
            let _ = self.stream.set_read_timeout(Some(patience));
            match self.stream.read(self.input.space()) {
                Ok(0) => return Err(CallError::Closed),
                Ok(count) => {
                    self.input.filled(count);
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(CallError::of(error, self.limit)),
            }
        }
    }

    /// What is left until the deadline, at least what a socket takes for a timeout.
    fn patience(&self, deadline: Instant) -> Result<Duration, CallError> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(CallError::TimedOut(self.limit)) } else { Ok(left) }
    }

    /// The answer to the last request, if it is whole; drops those before it.
    fn take_answer(&mut self) -> Result<Option<Reply<'static>>, CallError> {
        loop {
            let answer = self.take_frame();
            self.broken |= answer.is_err();
            match answer? {
                Some((id, reply)) if id == self.last_id => return Ok(Some(reply)),
                Some(_) => {}
                None => return Ok(None),
            }
        }
    }

    fn take_frame(&mut self) -> Result<Option<(u32, Reply<'static>)>, CallError> {
        let pending = self.input.pending();
        let length = pending.len().min(TEXT_ERROR.len());
        if length > 0 && pending[..length] == TEXT_ERROR[..length] {
            return take_line(pending).map_or(Ok(None), |error| Err(CallError::Refused(error)));
        }
        let Some(first) = pending.first_chunk() else {
            return Ok(None);
        };
        let header = Header::read(first).map_err(|_| CallError::Unreadable)?;
        let used = HEADER.saturating_add(header.length as usize);
        if used > MAX_ANSWER {
            return Err(CallError::Unreadable);
        }
        let Some(frame) = pending.get(..used) else {
            return Ok(None);
        };
        let mut body = Reader::new(frame, HEADER, header.order());
        let reply = take_reply(header.kind, header.status, &mut body);
        let reply = reply.map_err(|_| CallError::Unreadable)?;
        self.input.consume(used);
        Ok(Some((header.id, reply)))
    }
}

/// A line `error CODE explanation`, when it is whole.
fn take_line(pending: &[u8]) -> Option<Error> {
    let line = pending.split(|&byte| byte == b'\n').next()?;
    if line.len() == pending.len() {
        return None;
    }
    Some(error_of(line))
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
