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
//!
//! **Source** `loot-box.txt`: a client that sends `draw [number]` and reads.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::lab::grader::shape::{ReplyShape, Whole, tokens};

/// How long a reply whose numbers are all there may still go on, where no reply has an
/// end that could be waited for.
const QUIET: Duration = Duration::from_millis(60);

/// How long any other reply may pause.
const PAUSE: Duration = Duration::from_millis(300);

/// How long a sample of a shape is waited on once it has begun.
const LISTEN: Duration = Duration::from_millis(150);

/// How long a banner is waited on that may never come.
const BANNER: Duration = Duration::from_millis(500);

/// The system takes no shorter time to wait.
const LEAST_WAIT: Duration = Duration::from_millis(1);

/// The longest reply that is read: so many bytes for each number, and for the rest.
const BYTES_A_NUMBER: usize = 256;
const BYTES_BESIDE: usize = 64 * 1024;

/// How a reply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerEnd {
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
pub struct DrawAnswer {
    /// When the command went out.
    pub start: Instant,
    /// When the last byte came.
    pub end: Instant,
    /// The numbers, in their order.
    pub numbers: Vec<u64>,
    /// How it ended.
    pub ending: AnswerEnd,
    /// The reply as it came.
    pub raw: Vec<u8>,
}

/// One connection, made anew when it is gone.
#[derive(Debug)]
pub struct GradedPeer {
    address: SocketAddr,
    /// What is known of the server.
    pub shape: ReplyShape,
    stream: Option<TcpStream>,
    patience: Duration,
    deadline: Instant,
}

impl GradedPeer {
    /// A connection that is made when it is needed. Nothing takes longer than `patience`,
    /// and nothing is waited for after `deadline`.
    pub fn new(
        address: SocketAddr,
        shape: ReplyShape,
        patience: Duration,
        deadline: Instant,
    ) -> Self {
        Self { address, shape, stream: None, patience, deadline }
    }

    /// How long the next thing may take.
    pub fn patience(&self) -> Duration {
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
                self.listen(self.patience());
            }
        }
        self.stream.as_ref().ok_or_else(|| ErrorKind::NotConnected.into())
    }

    /// Waits `first` for a first byte, then reads until nothing more has come for a while;
    /// answers what came.
    pub fn listen(&mut self, first: Duration) -> Vec<u8> {
        let mut heard = Vec::new();
        let end = Instant::now() + self.patience();
        while heard.len() < BYTES_BESIDE && Instant::now() < end {
            let wait = if heard.is_empty() { first } else { LISTEN };
            match self.read_some(&mut heard, wait) {
                Ok(Some(0)) | Err(_) => {
                    self.stream = None;
                    break;
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
            }
        }
        heard
    }

    /// Whether the connection is there.
    pub fn is_connected(&self) -> bool {
        self.stream.is_some()
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

    /// Sends bytes as long as the server takes them; false when it takes no more.
    pub fn send_within(&mut self, bytes: &[u8], wait: Duration) -> bool {
        let Ok(mut stream) = self.connect() else { return false };
        stream.set_write_timeout(Some(wait)).is_ok() && stream.write_all(bytes).is_ok()
    }

    /// A command as this server wants it.
    pub fn command(&self, text: &str) -> Vec<u8> {
        format!("{text}{}", self.shape.line_end).into_bytes()
    }

    /// Draws `count` numbers.
    pub fn draw(&mut self, count: usize) -> DrawAnswer {
        self.draw_meanwhile(count, || {})
    }

    /// Draws `count` numbers, and does something else before the reply is read.
    pub fn draw_meanwhile(&mut self, count: usize, meanwhile: impl FnOnce()) -> DrawAnswer {
        let command = self.command(&format!("draw {count}"));
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
        // Without a reply whole or short, nobody knows what comes next on it.
        if !self.shape.keeps_open || !matches!(ending, AnswerEnd::Whole | AnswerEnd::Short) {
            self.stream = None;
        }
        let mut numbers = self.shape.numbers(&raw);
        if ending != AnswerEnd::Whole && cut_short(&raw, &self.shape) {
            numbers.pop();
        }
        DrawAnswer { start, end, numbers, ending, raw }
    }

    /// Reads one reply; `heard` is when its last byte came.
    fn receive(
        &mut self,
        raw: &mut Vec<u8>,
        count: usize,
        deadline: Instant,
        heard: &mut Instant,
    ) -> AnswerEnd {
        loop {
            let whole = self.shape.is_whole(raw, count);
            let left = deadline.saturating_duration_since(Instant::now());
            let wait = match whole {
                Whole::Yes => return AnswerEnd::Whole,
                Whole::Perhaps if self.shape.last.is_none() => QUIET,
                Whole::No if raw.is_empty() => left,
                Whole::No | Whole::Perhaps => PAUSE.min(left),
            };
            if raw.len() > BYTES_BESIDE + count.saturating_mul(BYTES_A_NUMBER) {
                return AnswerEnd::TooLong;
            }
            let came = if left.is_zero() { Ok(None) } else { self.read_some(raw, wait) };
            match (came, whole) {
                (Ok(Some(0)) | Err(_), Whole::No) => return AnswerEnd::Closed,
                (Ok(Some(0)) | Err(_), _) => {
                    self.stream = None;
                    return AnswerEnd::Whole;
                }
                (Ok(Some(_)), _) => *heard = Instant::now(),
                (Ok(None), Whole::Perhaps) if cut_short(raw, &self.shape) => {
                    return AnswerEnd::Short;
                }
                (Ok(None), Whole::Perhaps | Whole::Yes) => return AnswerEnd::Whole,
                (Ok(None), Whole::No) if raw.is_empty() => return AnswerEnd::Silent,
                (Ok(None), Whole::No) => return AnswerEnd::Short,
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

/// Whether a reply ends in a word although this server's end with another byte: then its
/// last number may be cut.
fn cut_short(raw: &[u8], shape: &ReplyShape) -> bool {
    shape.last.is_some() && raw.last().is_some_and(u8::is_ascii_alphanumeric)
}

/// How a server speaks, and what was drawn to learn it.
#[derive(Debug)]
pub struct Learned {
    /// What was learned.
    pub shape: ReplyShape,
    /// The counts that were asked for, and what came.
    pub samples: Vec<(usize, DrawAnswer)>,
    /// Numbers asked for in vain, which may have been drawn.
    pub unseen: usize,
}

/// Small draws of different counts, to learn from.
const SAMPLES: [usize; 3] = [1, 3, 2];

/// Learns how a server speaks, from a few small draws; `None` when it never answers with
/// a number. Commands with a line end are tried first, then without, then with CRLF.
pub fn learn(address: SocketAddr, patience: Duration, deadline: Instant) -> Option<Learned> {
    let mut unseen = 0;
    for line_end in ["\n", "", "\r\n"] {
        let shape = ReplyShape { line_end, keeps_open: true, ..ReplyShape::default() };
        let mut peer = GradedPeer::new(address, shape, patience, deadline);
        if peer.connect().is_err() {
            continue;
        }
        peer.shape.banner = !peer.listen(BANNER).is_empty();
        let heard: Vec<Sample> = SAMPLES.into_iter().map_while(|n| sample(&mut peer, n)).collect();
        if heard.is_empty() {
            unseen += SAMPLES[0];
            continue;
        }
        // A server that says a command again, which it did not understand, drew nothing.
        let says_again = heard.iter().all(|sample| tokens(&sample.raw) == [sample.asked as u64]);
        if says_again {
            continue;
        }
        let mut shape = peer.shape.clone();
        shape.learn(
            &heard.iter().map(|sample| (sample.asked, sample.raw.clone())).collect::<Vec<_>>(),
        );
        let samples =
            heard.into_iter().map(|sample| (sample.asked, sample.answer(&shape))).collect();
        return Some(Learned { shape, samples, unseen });
    }
    None
}

/// One small draw and all that came until it was quiet.
struct Sample {
    asked: usize,
    start: Instant,
    end: Instant,
    raw: Vec<u8>,
}

impl Sample {
    fn answer(self, shape: &ReplyShape) -> DrawAnswer {
        let Sample { asked, start, end, raw } = self;
        let numbers = shape.numbers(&raw);
        let ending = if numbers.len() == asked { AnswerEnd::Whole } else { AnswerEnd::Short };
        DrawAnswer { start, end, numbers, ending, raw }
    }
}

/// `None` when no number came.
fn sample(peer: &mut GradedPeer, asked: usize) -> Option<Sample> {
    let command = peer.command(&format!("draw {asked}"));
    let start = Instant::now();
    peer.send(&command).ok()?;
    // The first bytes may take as long as any reply.
    let raw = peer.listen(peer.patience());
    peer.shape.keeps_open &= peer.is_connected();
    (!tokens(&raw).is_empty()).then(|| Sample { asked, start, end: Instant::now(), raw })
}

#[cfg(test)]
#[path = "peer_tests.rs"]
mod tests;
