//! How an unknown server speaks, and how that is learned.
//!
//! ```text
//!   "draw 3\n" ─► nothing for 5 s      the next way
//!   "draw 3"   ─► 19                   so no line end stands behind a command
//!   "draw 1"   ─► 50                   one number, whatever N is
//!   …          ─► …                    six draws on two connections: see `fit`
//! ```
//!
//! Students write servers for the client that they have. So a command may end with a line end, with
//! a NUL or with nothing; a reply may come only after the client has closed its writing half; and a
//! connection may be good for one command. The grader tries these ways one after the other (the
//! order is that of `WAYS`), and takes the first one that the server answers with numbers.
//!
//! The replies are read until the server is quiet for 150 ms. If they do not fit together, or do
//! not end alike, the draws are made once more, and each reply has 1.2 s for a pause.
//!
//! **Invariants** The numbers of all draws that were made here are recorded, or counted as unseen:
//! no other client will get them.
//!
//! **Lock** none. **Source** three public servers of this homework.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::fit::{Fit, SmallDraw, fit};
use super::peer::{AnswerEnd, DrawAnswer, GradedPeer};
use super::shape::ReplyShape;
use super::shortage::Shortage;

/// How a server speaks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dialect {
    /// The end of a command: LF, CR and LF, NUL, or nothing.
    pub line_end: &'static str,
    /// Whether the server answers only when the client has closed its writing half.
    pub shuts: bool,
    /// The length of the text that the server sends before the first command, in bytes.
    pub banner: usize,
    /// Whether a connection can be used for more than one command.
    pub keeps_open: bool,
    /// Whether each message has one number, whatever was asked for.
    pub one_each: bool,
    /// Whether each reply to a small draw came with one read.
    pub in_one_piece: bool,
    /// The shape of its replies.
    pub shape: ReplyShape,
}

/// The ends of a command, and whether the writing half is closed behind it, in the order in which
/// they are tried.
const WAYS: [(&str, bool); 6] =
    [("\n", false), ("", false), ("\r\n", false), ("\0", false), ("\n", true), ("", true)];

/// The small draws: the count, and the connection. The counts differ, which tells the numbers
/// beside the drawn ones apart.
const SMALL: [(usize, usize); 6] = [(3, 1), (1, 1), (2, 1), (1, 1), (1, 2), (2, 2)];

/// The longest pauses in a reply, in the first try and in the second.
const PAUSES: [Duration; 2] = [Duration::from_millis(150), Duration::from_millis(1200)];

/// The wait for a text that the server sends first. Most servers send none.
const BANNER: Duration = Duration::from_secs(1);

/// The wait for the first byte of a reply in each way but the first: a server that waits for
/// another end of the command stays silent.
const OTHER_WAYS: Duration = Duration::from_secs(2);

/// What was learned, and the draws that it was learned from.
#[derive(Debug)]
pub struct Learned {
    /// How the server speaks.
    pub dialect: Dialect,
    /// The answers to the small draws.
    pub answers: Vec<DrawAnswer>,
    /// The count of numbers that were asked for and not seen. They may have been drawn.
    pub unseen: usize,
    /// Why the replies are not understood; `None` if they are.
    pub doubt: Option<String>,
}

/// Learns how a server speaks from a few small draws; returns `None` when no reply has a number, or
/// each reply only says the command again. A way that the server leaves without an answer takes
/// about as long as the patience.
pub fn learn(
    address: SocketAddr,
    greatest: u32,
    patience: Duration,
    deadline: Instant,
) -> Option<Learned> {
    let mut unseen = 0;
    let mut banner = None;
    for (at, (line_end, shuts)) in WAYS.into_iter().enumerate() {
        let patience = if at == 0 { patience } else { patience.min(OTHER_WAYS) };
        let mut dialect = Dialect {
            line_end,
            shuts,
            keeps_open: !shuts,
            in_one_piece: true,
            ..Dialect::default()
        };
        let peer = |dialect: &Dialect| {
            GradedPeer::new(address, dialect.clone(), patience, deadline, Shortage::default())
        };
        // The banner does not depend on the way, so the first connection that succeeds shows its
        // length for all ways.
        if banner.is_none() {
            let mut peer = peer(&dialect);
            banner = peer.connect().is_ok().then(|| peer.listen(BANNER, PAUSES[0]).len());
        }
        dialect.banner = banner.unwrap_or(0);
        if let Some(learned) = learn_one_way(|| peer(&dialect), greatest, &mut unseen) {
            return Some(Learned { unseen, ..learned });
        }
    }
    None
}

/// Learns from draws in one way; returns `None` when the server does not understand this way, and
/// adds the numbers that it may have drawn all the same to `unseen`. If numbers came but do not fit
/// together, with the longer pause neither, the result has a `doubt`.
fn learn_one_way(
    new_peer: impl Fn() -> GradedPeer,
    greatest: u32,
    unseen: &mut usize,
) -> Option<Learned> {
    let mut not_understood = None;
    for pause in PAUSES {
        let mut peer = new_peer();
        let mut answers = small_draws(&mut peer, pause, unseen);
        let small = answers.iter().zip(SMALL).map(|(answer, (asked, connection))| SmallDraw {
            asked,
            connection,
            reply: answer.raw.clone(),
        });
        let small: Vec<SmallDraw> = small.collect();
        if is_useless(&small) {
            break;
        }
        let mut dialect = peer.dialect;
        match fit(&small, greatest) {
            Ok(Fit { shape, one_each, is_sure }) if is_sure || pause == PAUSES[1] => {
                (dialect.shape, dialect.one_each) = (shape, one_each);
                answers.iter_mut().for_each(|answer| read_again(answer, &dialect));
                return Some(Learned { dialect, answers, unseen: 0, doubt: None });
            }
            // A pause may have cut a reply: its rest then stands before the next one. So the draws
            // are made again with the longer pause, and the numbers of these draws are unseen.
            unsure => {
                *unseen += small.iter().map(|draw| draw.asked).sum::<usize>();
                let doubtful = |why| {
                    let (answers, doubt) = (Vec::new(), Some(why));
                    Learned { dialect, answers, unseen: 0, doubt }
                };
                not_understood = unsure.err().map(doubtful);
            }
        }
    }
    not_understood
}

/// Reads the numbers of an answer by the dialect, which was not known when the answer came. The
/// count that was asked for becomes 1 if the server answers one number a message.
fn read_again(answer: &mut DrawAnswer, dialect: &Dialect) {
    if dialect.one_each {
        answer.asked = 1;
    }
    answer.numbers = dialect.shape.numbers(&answer.raw);
    if answer.numbers.len() == answer.asked {
        answer.ending = AnswerEnd::Whole;
    }
}

/// Returns whether nothing can be learned: no number came, or each reply only says its own count
/// again. Such a server did not understand the command.
fn is_useless(draws: &[SmallDraw]) -> bool {
    let shape = ReplyShape::default();
    draws
        .iter()
        .all(|draw| shape.tokens(&draw.reply).iter().all(|token| token.value == draw.asked as u64))
}

/// Makes the small draws and returns those that were answered. The first one that is not answered
/// ends them, and its numbers are added to `unseen`.
fn small_draws(peer: &mut GradedPeer, pause: Duration, unseen: &mut usize) -> Vec<DrawAnswer> {
    let mut answers = Vec::new();
    let mut last = 1;
    for (asked, connection) in SMALL {
        if connection != last {
            peer.stream = None;
            last = connection;
        }
        let command = peer.command(&format!("draw {asked}"));
        let connected = peer.connect().is_ok();
        let start = Instant::now();
        let sent = connected && peer.send(&command).is_ok();
        // The first byte may take as long as that of any reply.
        let raw = if sent { peer.listen(peer.patience(), pause) } else { Vec::new() };
        if raw.is_empty() {
            *unseen += if sent { asked } else { 0 };
            break;
        }
        peer.dialect.in_one_piece &= peer.pieces == 1;
        peer.dialect.keeps_open &= peer.stream.is_some();
        // This end is late, because it is read after the silence. A longer interval proves less,
        // but nothing false. `read_again` turns `Short` into `Whole` if the count is right.
        let (end, ending) = (Instant::now(), AnswerEnd::Short);
        answers.push(DrawAnswer { asked, start, end, numbers: Vec::new(), ending, raw });
    }
    answers
}

impl Dialect {
    /// Returns what was learned, in words.
    pub fn describe(&self) -> String {
        let mut said = match self.line_end {
            "" => "it takes commands without a line end".to_string(),
            "\n" => "it takes commands with a line end".to_string(),
            "\0" => "it takes commands with a NUL behind them".to_string(),
            _ => "it takes commands with CR and LF".to_string(),
        };
        let shape = &self.shape;
        if self.shuts {
            said += ", answers when the client has closed its writing half";
        }
        if self.banner > 0 {
            said += &format!(", says {} bytes before the first command", self.banner);
        }
        if self.one_each {
            said += ", answers one number a message";
        }
        said += &shape.describe();
        if !self.keeps_open && !self.shuts {
            said += ", closes after each reply";
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    #[test]
    fn a_draw_that_was_not_answered_may_have_been_made() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            // The first client waits for a banner, and closes.
            drop(listener.accept().unwrap());
            let mut stream = listener.accept().unwrap().0;
            for reply in ["19 228 7\n", "5\n"] {
                assert!(stream.read(&mut [0; 64]).unwrap() > 0);
                stream.write_all(reply.as_bytes()).unwrap();
            }
            // The draw of two is heard, and never answered.
            assert!(stream.read(&mut [0; 64]).unwrap() > 0);
            let _ = stream.read(&mut [0; 64]);
        });
        // Long enough for a busy machine: a reply that comes later would be another case.
        let short = Duration::from_millis(2000);
        let learned = learn(address, 1000, short, Instant::now() + 60 * short).unwrap();
        assert_eq!((learned.answers.len(), learned.unseen), (2, 2));
        assert_eq!(learned.doubt, None);
        server.join().unwrap();
    }

    #[test]
    fn a_reply_that_a_pause_cut_is_not_taken_for_a_number() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let mut number = 1000;
            // The banner; two connections whose last reply is cut; two that are right.
            drop(listener.accept().unwrap());
            for connection in 0..4 {
                let mut stream = listener.accept().unwrap().0;
                let mut command = [0; 64];
                let mut rest = String::new();
                while let Ok(1..) = stream.read(&mut command) {
                    let count = usize::from(command[5] - b'0');
                    let numbers: Vec<String> =
                        (number..number + count).map(|number| number.to_string()).collect();
                    number += count;
                    let mut reply = std::mem::take(&mut rest) + &numbers.join(" ") + "\n";
                    if connection == 1 && count == 1 {
                        // The client gives up, and the rest comes with the next reply.
                        rest = reply.split_off(2);
                    }
                    if stream.write_all(reply.as_bytes()).is_err() {
                        break;
                    }
                }
            }
        });
        // Long enough for a busy machine: a reply that comes later would be another case.
        let short = Duration::from_millis(2000);
        let learned = learn(address, 100_000, short, Instant::now() + 60 * short).unwrap();
        let numbers = learned.answers.iter().flat_map(|answer| &answer.numbers);
        assert!(numbers.clone().all(|&number| number > 999), "{:?}", numbers.collect::<Vec<_>>());
        assert_eq!((learned.dialect.shape.last, learned.doubt), (Some(b'\n'), None));
        server.join().unwrap();
    }
}
