//! One connection to a server that is graded.
//!
//! ```text
//!   connect ─ (banner) ─► draw N ─► read … until the reply is whole, short, or too late
//! ```
//!
//! **Invariants**
//!
//! 1. Every wait has an end, and every reply a greatest length.
//! 2. A short reply answers with the numbers it had, but for one that may be cut.
//!
//! **Lock** none; each thread has its own.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::shape::{Shape, Whole};

/// How long a reply whose numbers are all there may still go on.
const QUIET: Duration = Duration::from_millis(20);

/// How long a reply may pause.
const PAUSE: Duration = Duration::from_millis(300);

/// How long a banner, or a sample of a shape, is waited on.
const LISTEN: Duration = Duration::from_millis(150);

/// The system takes no shorter time to wait.
const LEAST_WAIT: Duration = Duration::from_millis(1);

/// The longest reply that is read: so many bytes for each number, and for the rest.
const BYTES_A_NUMBER: usize = 256;
const BYTES_BESIDE: usize = 64 * 1024;

/// How a reply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All numbers came.
    Whole,
    /// It paused too long with numbers missing.
    Short,
    /// The server closed the connection before it was whole.
    Closed,
    /// Nothing came in time.
    Silent,
    /// It was longer than any reply may be.
    TooLong,
    /// There was no connection.
    Unreachable,
}

/// What came of one draw.
#[derive(Debug, Clone)]
pub struct Answer {
    /// When the command went out.
    pub start: Instant,
    /// When the last byte came.
    pub end: Instant,
    /// The numbers, in their order.
    pub numbers: Vec<u64>,
    /// How it ended.
    pub ending: Ending,
    /// The reply as it came.
    pub raw: Vec<u8>,
}

/// One connection, made anew when it is gone.
#[derive(Debug)]
pub struct Peer {
    address: SocketAddr,
    /// What is known of the server.
    pub shape: Shape,
    stream: Option<TcpStream>,
    patience: Duration,
    deadline: Instant,
}

impl Peer {
    /// A connection that is made when it is needed. Nothing takes longer than `patience`,
    /// and nothing is waited for after `deadline`.
    pub fn new(address: SocketAddr, shape: Shape, patience: Duration, deadline: Instant) -> Self {
        Self { address, shape, stream: None, patience, deadline }
    }

    /// How long the next thing may take.
    fn patience(&self) -> Duration {
        let left = self.deadline.saturating_duration_since(Instant::now());
        left.min(self.patience).max(LEAST_WAIT)
    }

    /// Connects if it is not connected.
    ///
    /// # Errors
    /// Those of the connection.
    pub fn connect(&mut self) -> io::Result<&TcpStream> {
        if self.stream.is_none() {
            let stream = TcpStream::connect_timeout(&self.address, self.patience())?;
            stream.set_nodelay(true)?;
            stream.set_write_timeout(Some(self.patience()))?;
            self.stream = Some(stream);
            if self.shape.banner {
                self.listen();
            }
        }
        self.stream.as_ref().ok_or_else(|| ErrorKind::NotConnected.into())
    }

    /// Reads until nothing more has come for a while; answers what came.
    pub fn listen(&mut self) -> Vec<u8> {
        let mut heard = Vec::new();
        let end = Instant::now() + self.patience();
        while heard.len() < BYTES_BESIDE && Instant::now() < end {
            match self.read(&mut heard, LISTEN) {
                Ok(0) => {
                    self.stream = None;
                    break;
                }
                Ok(_) => {}
                Err(_) => break,
            }
        }
        heard
    }

    /// Whether the connection is there.
    pub fn is_connected(&self) -> bool {
        self.stream.is_some()
    }

    /// Closes it.
    pub fn hang_up(&mut self) {
        self.stream = None;
    }

    fn read(&self, into: &mut Vec<u8>, wait: Duration) -> io::Result<usize> {
        let Some(mut stream) = self.stream.as_ref() else {
            return Err(ErrorKind::NotConnected.into());
        };
        stream.set_read_timeout(Some(wait.max(LEAST_WAIT)))?;
        let mut piece = [0; 16 * 1024];
        let count = stream.read(&mut piece)?;
        into.extend_from_slice(&piece[..count]);
        Ok(count)
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// Those of the connection, which is then gone.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut stream = self.connect()?;
        let sent = stream.write_all(bytes);
        if sent.is_err() {
            self.stream = None;
        }
        sent
    }

    /// A command as this server wants it.
    pub fn command(&self, text: &str) -> Vec<u8> {
        let end = if self.shape.line_end { "\n" } else { "" };
        format!("{text}{end}").into_bytes()
    }

    /// Draws `count` numbers.
    pub fn draw(&mut self, count: usize) -> Answer {
        let command = self.command(&format!("draw {count}"));
        let connected = self.connect().is_ok();
        let start = Instant::now();
        let mut raw = Vec::new();
        let ending = if connected && self.send(&command).is_ok() {
            self.receive(&mut raw, count, start + self.patience())
        } else {
            Ending::Unreachable
        };
        // Without a reply whole or short, nobody knows what comes next on it.
        if !self.shape.keeps_open || !matches!(ending, Ending::Whole | Ending::Short) {
            self.stream = None;
        }
        let mut numbers = self.shape.numbers(&raw);
        let in_a_word = raw.last().is_some_and(u8::is_ascii_alphanumeric);
        if ending != Ending::Whole && self.shape.last.is_some() && in_a_word {
            // Replies end with another byte here: this one was cut, and perhaps its last number.
            numbers.pop();
        }
        Answer { start, end: Instant::now(), numbers, ending, raw }
    }

    fn receive(&mut self, raw: &mut Vec<u8>, count: usize, deadline: Instant) -> Ending {
        loop {
            let whole = self.shape.is_whole(raw, count);
            let left = deadline.saturating_duration_since(Instant::now());
            let wait = match whole {
                Whole::Yes => return Ending::Whole,
                Whole::Perhaps => QUIET,
                Whole::No if raw.is_empty() => left,
                Whole::No => PAUSE.min(left),
            };
            if raw.len() > BYTES_BESIDE + count.saturating_mul(BYTES_A_NUMBER) {
                return Ending::TooLong;
            }
            let came = if left.is_zero() { Ok(None) } else { self.read_some(raw, wait) };
            match (came, whole) {
                (Ok(Some(0)) | Err(_), Whole::No) => return Ending::Closed,
                (Ok(Some(0)) | Err(_), _) => {
                    self.stream = None;
                    return Ending::Whole;
                }
                (Ok(Some(_)), _) => {}
                (Ok(None), Whole::Perhaps | Whole::Yes) => return Ending::Whole,
                (Ok(None), Whole::No) if raw.is_empty() => return Ending::Silent,
                (Ok(None), Whole::No) => return Ending::Short,
            }
        }
    }

    /// `None` when nothing came in time.
    fn read_some(&self, raw: &mut Vec<u8>, wait: Duration) -> io::Result<Option<usize>> {
        match self.read(raw, wait) {
            Ok(count) => Ok(Some(count)),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut => Ok(None),
                ErrorKind::Interrupted => Ok(Some(1)),
                _ => Err(error),
            },
        }
    }
}

/// Learns how a server speaks, from three small draws; answers them too. `None` when it
/// never answers with a number.
pub fn learn(
    address: SocketAddr,
    patience: Duration,
    deadline: Instant,
) -> Option<(Shape, Vec<(usize, Answer)>)> {
    [true, false].into_iter().find_map(|line_end| learn_with(address, patience, deadline, line_end))
}

/// So many numbers are drawn to learn: different counts, small ones.
const SAMPLES: [usize; 3] = [1, 3, 2];

fn learn_with(
    address: SocketAddr,
    patience: Duration,
    deadline: Instant,
    line_end: bool,
) -> Option<(Shape, Vec<(usize, Answer)>)> {
    let shape = Shape { line_end, keeps_open: true, ..Shape::default() };
    let mut peer = Peer::new(address, shape, patience, deadline);
    peer.connect().ok()?;
    peer.shape.banner = !peer.listen().is_empty();
    let mut samples = Vec::new();
    for count in SAMPLES {
        let command = peer.command(&format!("draw {count}"));
        let (start, mut raw) = (Instant::now(), Vec::new());
        peer.send(&command).ok()?;
        // The first bytes may take as long as any reply; then until it is quiet.
        peer.read_some(&mut raw, patience).ok()?;
        raw.extend(peer.listen());
        let end = Instant::now();
        peer.shape.keeps_open &= peer.is_connected();
        if super::shape::tokens(&raw).is_empty() {
            return None;
        }
        samples.push((count, raw, start, end));
    }
    let replies: Vec<(usize, Vec<u8>)> =
        samples.iter().map(|(count, raw, ..)| (*count, raw.clone())).collect();
    let mut shape = peer.shape.clone();
    shape.learn(&replies);
    let answer = |(count, raw, start, end): (usize, Vec<u8>, Instant, Instant)| {
        let numbers = shape.numbers(&raw);
        let ending = if numbers.len() == count { Ending::Whole } else { Ending::Short };
        (count, Answer { start, end, numbers, ending, raw })
    };
    let answers = samples.into_iter().map(answer).collect();
    Some((shape, answers))
}

#[cfg(test)]
#[path = "peer_tests.rs"]
mod tests;
