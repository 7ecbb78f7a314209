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
//! | all numbers and the last byte | no: `Whole` | | |
//! | all numbers; replies have no known last byte | 60 ms | `Whole` | `Whole` |
//! | all numbers, last byte to come | 300 ms | `Whole`; after digit or letter, `Short` | `Whole` |
//! | some bytes, but not all numbers | 300 ms | `Short` | `Closed` |
//! | not a byte | the patience | `Silent` | `Closed` |
//!
//! All waits for one reply together take at most the patience and 60 ms. A reply that is too long
//! ends as `TooLong`.
//!
//! **Invariants**
//!
//! 1. Every wait has an end, and every reply has a greatest length.
//! 2. The server's draw lies between `start` and `end`. [`judgement`](super::judgement) depends on
//!    that: an interval that is too long proves less, one that is too short proves something false.
//! 3. If this server's replies end with a known last byte, an answer that is not whole has no
//!    number that may be cut: `19 228 66` to `draw 4` gives two numbers.
//!
//! **Lock** none: each thread has its own peers.
//!
//! **Simplified** A pause of more than 300 ms within a reply ends it. A protocol whose replies say
//! their length needs no such guess.
//!
//! **Source** `loot-box.txt`: a client that sends `draw [number]` and reads.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::lab::grader::shape::{Completeness, ReplyShape, tokens};

/// The wait after the last number, when replies have no known last byte. Every draw from such a
/// server takes this much longer, so it is short.
const QUIET: Duration = Duration::from_millis(60);

/// The longest pause within a reply: in every case of the table but that of [`QUIET`].
const PAUSE: Duration = Duration::from_millis(300);

/// The longest pause in a banner (the text that a server sends first) or in a sample (the reply to
/// one of the first draws). The grader does not know how these end, so silence ends them.
const LISTEN: Duration = Duration::from_millis(150);

/// The wait for a banner, once for each line end that [`learn`] tries. Most servers send none.
const BANNER: Duration = Duration::from_millis(500);

/// The shortest timeout for the system. After the deadline the time that is left is zero, and std
/// refuses a timeout of zero.
const MIN_WAIT: Duration = Duration::from_millis(1);

/// The bytes that a reply may have for each number asked for, and for the rest. A number of six
/// digits and a space are 7 bytes; 256 leave room for a sentence around each.
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
}

/// The answer to one draw.
#[derive(Debug, Clone)]
pub struct DrawAnswer {
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
    /// The form of the server's replies, as far as it is known.
    pub shape: ReplyShape,
    /// The connection: none before the first use, after an error, and after a reply with an unknown
    /// end. The next use makes a new one.
    stream: Option<TcpStream>,
    /// The longest wait for one reply.
    patience: Duration,
    /// The instant at which waits should end. A read may pass it a little: by up to 60 ms at the
    /// end of a reply, and by up to 500 ms in a banner.
    deadline: Instant,
}

impl GradedPeer {
    /// Returns a peer that connects when it is first used.
    pub fn new(
        address: SocketAddr,
        shape: ReplyShape,
        patience: Duration,
        deadline: Instant,
    ) -> Self {
        Self { address, shape, stream: None, patience, deadline }
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
            let stream = TcpStream::connect_timeout(&self.address, self.patience())?;
            // Otherwise Nagle's algorithm may hold a command back until an earlier one is
            // acknowledged.
            stream.set_nodelay(true)?;
            stream.set_write_timeout(Some(self.patience()))?;
            self.stream = Some(stream);
            if self.shape.banner {
                self.listen(self.patience());
            }
        }
        self.stream.as_ref().ok_or_else(|| ErrorKind::NotConnected.into())
    }

    /// Waits `first` for a first byte, then reads until `LISTEN` passes without one, the patience
    /// is over, or `BYTES_BESIDE` have come. Returns the bytes. When the server closes, drops the
    /// connection.
    pub fn listen(&mut self, first: Duration) -> Vec<u8> {
        let mut heard = Vec::new();
        let end = Instant::now() + self.patience();
        while heard.len() < BYTES_BESIDE && Instant::now() < end {
            let wait = if heard.is_empty() { first } else { LISTEN };
            match self.read_some(&mut heard, wait) {
                Some(0) => {
                    self.stream = None;
                    break;
                }
                Some(_) => {}
                None => break,
            }
        }
        heard
    }

    /// Sends the bytes, connecting first where needed.
    ///
    /// # Errors
    /// Fails with the connection's error. The peer has no connection then; the server may have got
    /// a part.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut stream = self.connect()?;
        let sent = stream.write_all(bytes);
        if sent.is_err() {
            self.stream = None;
        }
        sent
    }

    /// Sends the bytes and returns whether the system took all of them. The system takes no more
    /// bytes while the server does not read and the buffers are full. Each write waits for that at
    /// most `wait`. After `false` a part of the bytes may have been sent.
    pub fn send_within(&mut self, bytes: &[u8], wait: Duration) -> bool {
        let Ok(mut stream) = self.connect() else { return false };
        stream.set_write_timeout(Some(wait)).is_ok() && stream.write_all(bytes).is_ok()
    }

    /// Returns the command with the line end that this server wants.
    pub fn command(&self, text: &str) -> Vec<u8> {
        format!("{text}{}", self.shape.line_end).into_bytes()
    }

    /// Draws `count` numbers and returns the answer. A failure is no error here: the answer's
    /// `ending` tells it.
    pub fn draw(&mut self, count: usize) -> DrawAnswer {
        self.draw_meanwhile(count, || {})
    }

    /// Draws `count` numbers, and runs `meanwhile` before it reads the reply. `meanwhile` does not
    /// run when the command cannot be sent.
    pub fn draw_meanwhile(&mut self, count: usize, meanwhile: impl FnOnce()) -> DrawAnswer {
        let command = self.command(&format!("draw {count}"));
        // Connects before `start`: the server's draw cannot happen while this client connects.
        let connected = self.connect().is_ok();
        let start = Instant::now();
        let (mut raw, mut end) = (Vec::new(), start);
        let ending = if connected && self.send(&command).is_ok() {
            meanwhile();
            let deadline = Instant::now() + self.patience();
            self.receive(&mut raw, count, deadline, &mut end)
        } else {
            AnswerEnd::Unreachable
        };
        // After `Short` the connection is kept: most often the list's last part came, and nothing
        // follows. After the other endings more of this reply may come, and would be taken for the
        // reply to the next draw.
        if !self.shape.keeps_open || !matches!(ending, AnswerEnd::Whole | AnswerEnd::Short) {
            self.stream = None;
        }
        let mut numbers = self.shape.numbers(&raw);
        if ending != AnswerEnd::Whole && cut_short(&raw, &self.shape) {
            numbers.pop();
        }
        DrawAnswer { start, end, numbers, ending, raw }
    }

    /// Reads one reply into `raw` and returns its ending, by the table at the top of this file.
    /// Sets `heard` to the instant after each read.
    fn receive(
        &mut self,
        raw: &mut Vec<u8>,
        count: usize,
        deadline: Instant,
        heard: &mut Instant,
    ) -> AnswerEnd {
        loop {
            let completeness = self.shape.completeness(raw, count);
            let left = deadline.saturating_duration_since(Instant::now());
            let wait = match completeness {
                Completeness::Yes => return AnswerEnd::Whole,
                Completeness::Perhaps if self.shape.last.is_none() => QUIET,
                Completeness::No if raw.is_empty() => left,
                Completeness::No | Completeness::Perhaps => PAUSE.min(left),
            };
            if raw.len() > BYTES_BESIDE + count.saturating_mul(BYTES_A_NUMBER) {
                return AnswerEnd::TooLong;
            }
            let came = if left.is_zero() { None } else { self.read_some(raw, wait) };
            match (came, completeness) {
                (Some(0), Completeness::No) => return AnswerEnd::Closed,
                (Some(0), _) => {
                    // After `Whole` the caller keeps the stream, and the server has closed it.
                    self.stream = None;
                    return AnswerEnd::Whole;
                }
                (Some(_), _) => *heard = Instant::now(),
                (None, Completeness::Perhaps) if cut_short(raw, &self.shape) => {
                    return AnswerEnd::Short;
                }
                (None, Completeness::Perhaps | Completeness::Yes) => return AnswerEnd::Whole,
                (None, Completeness::No) if raw.is_empty() => return AnswerEnd::Silent,
                (None, Completeness::No) => return AnswerEnd::Short,
            }
        }
    }

    /// Reads up to 16 KiB once and returns the count of bytes, 0 when the stream ended or failed;
    /// `None` when nothing came in time. After a signal it returns 1, so that the caller reads
    /// again.
    fn read_some(&self, raw: &mut Vec<u8>, wait: Duration) -> Option<usize> {
        let Some(mut stream) = self.stream.as_ref() else { return Some(0) };
        let mut piece = [0; 16 * 1024];
        let timeout = stream.set_read_timeout(Some(wait.max(MIN_WAIT)));
        match timeout.and_then(|()| stream.read(&mut piece)).map_err(|error| error.kind()) {
            Ok(count) => {
                raw.extend_from_slice(&piece[..count]);
                Some(count)
            }
            Err(ErrorKind::WouldBlock | ErrorKind::TimedOut) => None,
            Err(ErrorKind::Interrupted) => Some(1),
            Err(_) => Some(0),
        }
    }
}

/// Returns whether the last number of a reply may be cut: the reply ends with a digit or letter,
/// although this server's replies end with another byte.
fn cut_short(raw: &[u8], shape: &ReplyShape) -> bool {
    shape.last.is_some() && raw.last().is_some_and(u8::is_ascii_alphanumeric)
}

/// The shape of a server's replies, and the draws that it was learned from.
#[derive(Debug)]
pub struct Learned {
    /// The shape.
    pub shape: ReplyShape,
    /// The sample draws: the count, and the answer.
    pub samples: Vec<(usize, DrawAnswer)>,
    /// The count of numbers that were asked for in commands without an answer. They may have been
    /// drawn.
    pub unseen: usize,
}

/// The counts of the sample draws. They differ, which tells the numbers beside the drawn ones
/// apart: 1, 3, 2 is the count, and 0, 1, 4 is a counter.
const SAMPLES: [usize; 3] = [1, 3, 2];

/// Learns the shape of a server's replies from a few small draws; returns `None` when no reply has
/// a number, or each reply only says the command again. The commands end with LF in the first try,
/// with nothing in the second, and with CR and LF in the third. A try that the server leaves
/// without an answer takes about `BANNER` and the patience together.
pub fn learn(address: SocketAddr, patience: Duration, deadline: Instant) -> Option<Learned> {
    let mut unseen = 0;
    for line_end in ["\n", "", "\r\n"] {
        let shape = ReplyShape { line_end, keeps_open: true, ..ReplyShape::default() };
        let mut peer = GradedPeer::new(address, shape, patience, deadline);
        if peer.connect().is_err() {
            continue;
        }
        peer.shape.banner = !peer.listen(BANNER).is_empty();
        let mut samples: Vec<(usize, DrawAnswer)> =
            SAMPLES.into_iter().map_while(|n| Some((n, sample(&mut peer, n)?))).collect();
        // One sample may have got no answer; the later ones were then not sent. The server may have
        // drawn its numbers all the same.
        unseen += SAMPLES.get(samples.len()).copied().unwrap_or(0);
        if samples.is_empty() {
            continue;
        }
        // An echo: the only number in each reply is its own count. The server did not understand
        // the command, so it drew nothing.
        let says_again =
            samples.iter().all(|(asked, answer)| tokens(&answer.raw) == [*asked as u64]);
        if says_again {
            continue;
        }
        let mut shape = peer.shape.clone();
        shape.learn(
            &samples.iter().map(|(asked, answer)| (*asked, answer.raw.clone())).collect::<Vec<_>>(),
        );
        for (asked, answer) in &mut samples {
            answer.numbers = shape.numbers(&answer.raw);
            if answer.numbers.len() == *asked {
                answer.ending = AnswerEnd::Whole;
            }
        }
        return Some(Learned { shape, samples, unseen });
    }
    None
}

/// Makes one small draw; `None` when no number came. The answer has all bytes until the server was
/// quiet; its numbers are left out, because the shape is not known yet.
fn sample(peer: &mut GradedPeer, asked: usize) -> Option<DrawAnswer> {
    let command = peer.command(&format!("draw {asked}"));
    let start = Instant::now();
    peer.send(&command).ok()?;
    // The first byte may take as long as that of any reply.
    let raw = peer.listen(peer.patience());
    peer.shape.keeps_open &= peer.stream.is_some();
    // This end is up to 150 ms late, because it is read after the silence. A longer interval proves
    // less, but nothing false.
    let (end, ending) = (Instant::now(), AnswerEnd::Short);
    (!tokens(&raw).is_empty()).then(|| DrawAnswer { start, end, numbers: Vec::new(), ending, raw })
}

#[cfg(test)]
#[path = "peer_tests.rs"]
mod tests;
