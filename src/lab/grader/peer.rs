//! One connection to the server that is graded, and the replies on it.
//!
//! ```text
//!   connect ─ read the banner ─► send "draw N" ─► read ─► read ─► … ─► an answer, and its ending
//!                               ▲ start                        ▲ end: its last byte came
//! ```
//!
//! An unknown server does not say where its reply ends. This file decides by the numbers that have
//! come, by the byte that ends this server's replies ([`ReplyShape::last`]), and by silence:
//!
//! | so far | waits for more | silence means | a close means |
//! | --- | --- | --- | --- |
//! | all numbers and the last byte, or all bytes of the framing | no: `Whole` | | |
//! | one number; replies have no known last byte and came in one piece | no: `Whole` | | |
//! | all numbers; replies have no known last byte | 60 ms | `Whole` | `Whole` |
//! | all numbers, last byte to come | 1 s | `Whole`; after digit or letter, `Short` | `Whole` |
//! | some bytes, but not all numbers | 1 s | `Short` | `Closed` |
//! | not a byte | the patience | `Silent` | `Closed` |
//!
//! All waits for one reply together take at most the patience and 60 ms. A reply that is too long
//! ends as `TooLong`, and one that the grader itself had no time to hear as `Cut`.
//!
//! **Invariants**
//!
//! 1. Every wait has an end, and every reply has a greatest length.
//! 2. The server's draw lies between `start` and `end`. [`judgement`](super::judgement) depends on
//!    that: an interval that is too long proves less, one that is too short proves something false.
//! 3. An answer has no number that may be cut. If this server's replies end with a known last byte,
//!    `19 228 66` to `draw 4` gives two numbers.
//!
//! **Lock** none: each thread has its own peers.
//!
//! **Simplified** A pause of more than 1 s within a reply ends it. A protocol whose replies say
//! their length needs no such guess.
//!
//! [`ReplyShape::last`]: super::shape::ReplyShape::last
//!
//! **Source** `loot-box.txt`: a client that sends `draw [number]` and reads.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::lab::grader::dialect::Dialect;
use crate::lab::grader::shape::Completeness;
use crate::lab::grader::shortage::Shortage;

/// The wait after the last number, when replies have no known last byte. Every draw from such a
/// server takes this much longer, so it is short.
const QUIET: Duration = Duration::from_millis(60);

/// The longest pause within a reply: in every case of the table but that of [`QUIET`].
const PAUSE: Duration = Duration::from_secs(1);

/// The longest pause in a banner, the text that a server sends first, when its length differs.
const BANNER_PAUSE: Duration = Duration::from_millis(150);

/// The shortest timeout for the system. After the deadline the time that is left is zero, and std
/// refuses a timeout of zero.
const MIN_WAIT: Duration = Duration::from_millis(1);

/// The most bytes of a reply: `BYTES_A_NUMBER` for each number asked for, and `BYTES_BESIDE` for
/// all other text. A number of six digits and a space are 7 bytes; 256 leave room for a sentence.
/// `BYTES_BESIDE` alone bounds the bytes that `listen` and `peek` return.
const BYTES_A_NUMBER: usize = 256;
const BYTES_BESIDE: usize = 64 * 1024;

/// The ending of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerEnd {
    /// All numbers came.
    Whole,
    /// The server paused too long with numbers missing, or in the middle of the last one.
    Short,
    /// The server closed the connection, or it failed, with numbers missing.
    Closed,
    /// Nothing came in time.
    Silent,
    /// The reply was longer than any reply may be.
    TooLong,
    /// The server took no connection, or did not take the command.
    Unreachable,
    /// The grader's own time was over before the reply was whole, or its machine ran short of
    /// something.
    Cut,
}

/// The answer to one draw.
#[derive(Debug, Clone)]
pub struct DrawAnswer {
    /// The count that was asked for: 1 if the server answers one number a message.
    pub asked: usize,
    /// The instant before the command was sent. Connecting is not included.
    pub start: Instant,
    /// The instant after the last byte was read; `start` when nothing came.
    pub end: Instant,
    /// The numbers, in their order.
    pub numbers: Vec<u64>,
    /// The ending of the reply.
    pub ending: AnswerEnd,
    /// The bytes of the reply.
    pub raw: Vec<u8>,
}

/// A client's connection to the server.
#[derive(Debug)]
pub struct GradedPeer {
    /// The server's address.
    address: SocketAddr,
    /// How the server speaks, as far as it is known.
    pub dialect: Dialect,
    /// The connection: none before the first use, after an error, and after a reply with an unknown
    /// end. The next use makes a new one.
    pub(super) stream: Option<TcpStream>,
    /// How many reads the bytes of the last [`GradedPeer::listen`] took.
    pub(super) pieces: usize,
    /// The last reply ended as `Short`: more of it may come.
    may_go_on: bool,
    /// What this machine ran short of.
    shortage: Shortage,
    /// The longest wait for one reply.
    patience: Duration,
    /// The instant at which waits should end. A read may pass it a little: by up to 60 ms at the
    /// end of a reply, and by up to one pause in a banner or in [`GradedPeer::listen`].
    deadline: Instant,
}

impl GradedPeer {
    /// Returns a peer that connects when it is first used. It notes in `shortage` what this machine
    /// runs short of.
    pub fn new(
        address: SocketAddr,
        dialect: Dialect,
        patience: Duration,
        deadline: Instant,
        shortage: Shortage,
    ) -> Self {
        let (stream, pieces, may_go_on) = (None, 0, false);
        Self { address, dialect, stream, pieces, may_go_on, shortage, patience, deadline }
    }

    /// Returns how long a wait from now on may take: the patience, or the time to the deadline when
    /// that is less, but 1 ms at least.
    pub fn patience(&self) -> Duration {
        let left = self.deadline.saturating_duration_since(Instant::now());
        left.min(self.patience).max(MIN_WAIT)
    }

    /// Connects unless it is connected, reads the banner if this server has one, and returns the
    /// stream.
    ///
    /// # Errors
    /// Fails with the connection's error, or with `NotConnected` when the server closes it after
    /// its banner. The peer has no connection then.
    pub fn connect(&mut self) -> io::Result<&TcpStream> {
        if self.stream.is_none() {
            let connected = TcpStream::connect_timeout(&self.address, self.patience());
            let stream = connected.inspect_err(|error| self.shortage.note(error))?;
            // Otherwise Nagle's algorithm may hold a command back until an earlier one is
            // acknowledged.
            stream.set_nodelay(true)?;
            stream.set_write_timeout(Some(self.patience()))?;
            self.stream = Some(stream);
            self.may_go_on = false;
            if self.dialect.banner > 0 {
                self.hear(self.patience(), BANNER_PAUSE, self.dialect.banner);
            }
        }
        self.stream.as_ref().ok_or_else(|| ErrorKind::NotConnected.into())
    }

    /// Waits up to `first` for a first byte, then reads until no byte comes for `pause`, or the
    /// patience is over, or 64 KiB have come. Returns the bytes. Drops the connection if the server
    /// closes it.
    pub fn listen(&mut self, first: Duration, pause: Duration) -> Vec<u8> {
        self.hear(first, pause, BYTES_BESIDE)
    }

    /// Does the work of [`GradedPeer::listen`], and ends when `enough` bytes have come.
    fn hear(&mut self, first: Duration, pause: Duration, enough: usize) -> Vec<u8> {
        let mut heard = Vec::new();
        self.pieces = 0;
        let end = Instant::now() + self.patience();
        while heard.len() < enough && Instant::now() < end {
            let wait = if heard.is_empty() { first } else { pause };
            match self.read_some(&mut heard, wait) {
                Some(0) => {
                    self.stream = None;
                    break;
                }
                Some(_) => self.pieces += 1,
                None => break,
            }
        }
        heard
    }

    /// Waits for a byte to come, and leaves it unread. An error only ends the wait.
    pub fn await_byte(&self, wait: Duration) {
        if let Some(stream) = &self.stream {
            let _ = stream.set_read_timeout(Some(wait));
            let _ = stream.peek(&mut [0]);
        }
    }

    /// Returns all bytes that have come and not been read, at most 64 KiB, and leaves them unread.
    pub fn peek(&self) -> Vec<u8> {
        let Some(stream) = &self.stream else { return Vec::new() };
        let mut bytes = vec![0; BYTES_BESIDE];
        let came = stream.set_nonblocking(true).and_then(|()| stream.peek(&mut bytes));
        let _ = stream.set_nonblocking(false);
        bytes.truncate(came.unwrap_or(0));
        bytes
    }

    /// Returns whether more bytes came after the last reply had ended as `Short`.
    pub fn reply_went_on(&self) -> bool {
        self.may_go_on && !self.peek().is_empty()
    }

    /// Sends the bytes, connecting first where needed.
    ///
    /// # Errors
    /// Fails with the connection's error. The peer has no connection then; the server may have got
    /// a part.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let shuts = self.dialect.shuts;
        let mut stream = self.connect()?;
        let sent = stream.write_all(bytes);
        if sent.is_ok() && shuts {
            // Fails only if the connection is gone; the next read finds that.
            let _ = stream.shutdown(Shutdown::Write);
        }
        if sent.is_err() {
            self.stream = None;
        }
        sent
    }

    /// Sends the bytes and returns how many of them the system took. While the server does not read
    /// and the buffers are full, a write waits for room for at most `wait`. An error ends the loop.
    pub fn send_within(&mut self, bytes: &[u8], wait: Duration) -> usize {
        let mut taken = 0;
        let Ok(mut stream) = self.connect() else { return taken };
        if stream.set_write_timeout(Some(wait)).is_err() {
            return taken;
        }
        while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
            match stream.write(rest) {
                Ok(0) | Err(_) => break,
                Ok(more) => taken += more,
            }
        }
        taken
    }

    /// Returns the command with the line end that this server wants.
    pub fn command(&self, text: &str) -> Vec<u8> {
        format!("{text}{}", self.dialect.line_end).into_bytes()
    }

    /// Draws `count` numbers and returns the answer. A failure is no error here: the answer's
    /// `ending` tells it.
    pub fn draw(&mut self, count: usize) -> DrawAnswer {
        self.draw_meanwhile(count, || {})
    }

    /// Draws `count` numbers, and runs `meanwhile` before it reads the reply. `meanwhile` does not
    /// run when the command cannot be sent.
    pub fn draw_meanwhile(&mut self, count: usize, meanwhile: impl FnOnce()) -> DrawAnswer {
        let asked = if self.dialect.one_each { 1 } else { count };
        let command = self.command(&format!("draw {asked}"));
        if self.reply_went_on() {
            // The rest of that reply would be taken for the reply to this draw.
            self.stream = None;
        }
        // Connects before `start`: the server's draw cannot happen while this client connects.
        let connected = self.connect().is_ok();
        let start = Instant::now();
        let (numbers, ending, raw) = (Vec::new(), AnswerEnd::Unreachable, Vec::new());
        let mut answer = DrawAnswer { asked, start, end: start, numbers, ending, raw };
        if connected && self.send(&command).is_ok() {
            meanwhile();
            answer.ending = self.receive(&mut answer);
        } else if self.shortage.first().is_some() {
            answer.ending = AnswerEnd::Cut;
        }
        // After `Short` the connection is kept: most often the list's last part came, and nothing
        // follows. After the other endings more of this reply may come, and would be taken for the
        // reply to the next draw.
        let ending = answer.ending;
        self.may_go_on = ending == AnswerEnd::Short;
        if !self.dialect.keeps_open || !matches!(ending, AnswerEnd::Whole | AnswerEnd::Short) {
            self.stream = None;
        }
        answer.numbers = self.dialect.shape.numbers(&answer.raw);
        if ending != AnswerEnd::Whole && may_be_cut(&answer.raw, ending, &self.dialect) {
            answer.numbers.pop();
        }
        answer
    }

    /// Reads the bytes of one reply into `answer`, with the instant after each read, and returns
    /// the ending by the table at the top of this file.
    fn receive(&mut self, answer: &mut DrawAnswer) -> AnswerEnd {
        let deadline = Instant::now() + self.patience();
        loop {
            let completeness = self.dialect.shape.completeness(&answer.raw, answer.asked);
            let left = deadline.saturating_duration_since(Instant::now());
            let Some(wait) = self.wait_for_more(answer, completeness, left) else {
                return AnswerEnd::Whole;
            };
            if answer.raw.len() > BYTES_BESIDE + answer.asked.saturating_mul(BYTES_A_NUMBER) {
                return AnswerEnd::TooLong;
            }
            let came = if left.is_zero() { None } else { self.read_some(&mut answer.raw, wait) };
            match (came, completeness) {
                (Some(0), Completeness::No) => return AnswerEnd::Closed,
                (Some(0), _) => {
                    // After `Whole` the caller keeps the stream, and the server has closed it.
                    self.stream = None;
                    return AnswerEnd::Whole;
                }
                (Some(_), _) => answer.end = Instant::now(),
                (None, _) if Instant::now() >= self.deadline => return AnswerEnd::Cut,
                // Passed as `Short`: the server paused too long, and no time limit cut the reply.
                (None, Completeness::Perhaps)
                    if may_be_cut(&answer.raw, AnswerEnd::Short, &self.dialect) =>
                {
                    return AnswerEnd::Short;
                }
                (None, Completeness::Perhaps | Completeness::Yes) => return AnswerEnd::Whole,
                (None, Completeness::No) if answer.raw.is_empty() => return AnswerEnd::Silent,
                (None, Completeness::No) => return AnswerEnd::Short,
            }
        }
    }

    /// Returns how long the next byte of an answer may take; `None` if the reply is whole. `left`
    /// is the time until the deadline.
    fn wait_for_more(
        &self,
        answer: &DrawAnswer,
        completeness: Completeness,
        left: Duration,
    ) -> Option<Duration> {
        let Dialect { ref shape, in_one_piece, .. } = self.dialect;
        match completeness {
            Completeness::Yes => None,
            Completeness::Perhaps if shape.last.is_none() => {
                // Learned from small draws: a longer reply may come in pieces, a number cut in two.
                (answer.asked > 1 || !in_one_piece).then_some(QUIET)
            }
            Completeness::No if answer.raw.is_empty() => Some(left),
            Completeness::No | Completeness::Perhaps => Some(PAUSE.min(left)),
        }
    }

    /// Reads up to 16 KiB once and returns the count of bytes, 0 when the stream ended or failed;
    /// `None` when nothing came in time. After a signal it reads again.
    pub fn read_some(&self, raw: &mut Vec<u8>, wait: Duration) -> Option<usize> {
        let Some(mut stream) = self.stream.as_ref() else { return Some(0) };
        let mut piece = [0; 16 * 1024];
        stream.set_read_timeout(Some(wait.max(MIN_WAIT))).ok()?;
        loop {
            match stream.read(&mut piece).map_err(|error| error.kind()) {
                Ok(count) => {
                    raw.extend_from_slice(&piece[..count]);
                    return Some(count);
                }
                Err(ErrorKind::WouldBlock | ErrorKind::TimedOut) => return None,
                Err(ErrorKind::Interrupted) => {}
                Err(_) => return Some(0),
            }
        }
    }
}

/// Returns whether the last number of a reply that is not whole may be cut: it ends with a digit or
/// letter, although this server's replies end with another byte, or although more was to come.
fn may_be_cut(raw: &[u8], ending: AnswerEnd, dialect: &Dialect) -> bool {
    let has_end = dialect.shape.has_end(raw);
    let more_was_to_come = matches!(ending, AnswerEnd::Cut | AnswerEnd::TooLong);
    raw.last().is_some_and(u8::is_ascii_alphanumeric) && (has_end || more_was_to_come)
}

#[cfg(test)]
#[path = "peer_tests.rs"]
mod tests;
