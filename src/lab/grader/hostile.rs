//! Clients that misbehave. The server must serve the others as before.
//!
//! ```text
//!   vanish      draw 1, 5 times ─ close           the server writes to a closed connection
//!   3 times     dr ─ close                        half a command
//!               close                             no command
//!               draw 20 ─ read 1 byte ─ close     a reset in the middle of the reply
//!
//!   unread      draw 1000 ───────── reads nothing ─────────── reads the reply
//!   bystander              draw 1 ─ 5                         connected before
//!   new client                          connect ─ draw 1 ─ 19
//!
//!   flood       draw 1, draw 1, …  up to 8 MiB, no answer is read       after the drain
//!   nonsense    draw, draw -1, 5000 letters, control bytes, …           last
//! ```
//!
//! | client | finds a server that |
//! | --- | --- |
//! | vanish | ends by SIGPIPE or by an exception when it writes to a closed connection |
//! | unread | serves no second client before the first one is done |
//! | flood | writes to a client while it holds a lock, or in the thread that serves all clients |
//! | nonsense | ends at a line that it cannot parse |
//!
//! The flood is needed because 1000 numbers are about 6 kB: the sockets' buffers hold that much, so
//! no server blocks on one such reply. The answers to a million draws do not fit.
//!
//! **Invariants**
//!
//! 1. After the clients that vanish, and while one does not read, two others draw: one that was
//!    connected before, and a new one. After the flood and after each bad line only a new client
//!    sends `draw 1`.
//! 2. Numbers that a vanished client asked for count as unseen: the server may have drawn them.
//!    There are at most 3 · (5 + 20) = 75 of them, and that many may be missing when the list is
//!    drained.
//!
//! **Lock** the ledger's, to record answers and to add to its count of unseen numbers.
//!
//! **Simplified** When a drained server answers nothing at all, the flood cannot block it, and of
//! bad input only its effect on new connections can be seen.
//!
//! **Source** `loot-box.txt`, specification 4; RFC 1122, section 4.2.2.13, for the reset.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use crate::lab::grader::peer::{AnswerEnd, GradedPeer};
use crate::lab::grader::report::CheckOutcome;
use crate::lab::grader::{CheckVerdict, Grading, describe, lost};

/// Rounds of vanishing clients: a server that crashes only at an unlucky moment is tried three
/// times.
const VANISHING: usize = 3;

/// The numbers of one round that may be drawn and never be seen: the single draws of the client
/// that vanishes at once, and the one draw of the client that vanishes in its reply. They are few,
/// because the check `permutation` must allow that as many numbers are missing.
const VANISHING_DRAWS: usize = 5;
const BROKEN_OFF_DRAW: usize = 20;

/// Numbers in the reply that is read late.
const UNREAD_DRAW: usize = 1000;

/// The late reader asks for at most the fiftieth part of the list, so that a short list is not used
/// up.
const PART_OF_LIST: usize = 50;

/// Commands in one write, and bytes of the whole flood. On Linux a server that waits until its
/// client reads was stuck after 4 to 6 MB of commands; 8 MiB leave room for larger buffers.
const FLOOD_PIECE: usize = 1000;
const FLOOD: usize = 8 << 20;

/// The wait for the first byte of a reply that will be broken off, for the answer to a bad line,
/// and for room for one write of the flood. It is also the least wait of [`Grading::mood`].
const SHORT_PATIENCE: Duration = Duration::from_millis(150);

/// The wait for the answer to a probe by [`Grading::mood`].
const MOOD_PATIENCE: Duration = Duration::from_secs(2);

/// The wait for the answer to the probe after the flood: a busy machine first works through the
/// queued commands.
const FLOOD_PATIENCE: Duration = Duration::from_secs(10);

/// A server's reaction to a `draw 1` by a new client. A drained list has no right answer to it, so
/// a check compares the mood before the misbehaviour with the mood after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    /// The server sends something.
    Speaks,
    /// The server closes or resets the connection.
    Closes,
    /// Nothing comes in time.
    Silent,
    /// The connection fails.
    Unreachable,
}

impl Mood {
    fn words(self) -> &'static str {
        match self {
            Mood::Speaks => "answers",
            Mood::Closes => "closes on everybody",
            Mood::Silent => "answers nobody",
            Mood::Unreachable => "takes no connection",
        }
    }
}

impl Grading<'_> {
    /// `vanish`: others are served after clients have vanished. The bystander draws before, so that
    /// only the vanished clients can explain a later failure.
    pub(super) fn survives_a_client_that_vanishes(&self, deadline: Instant) -> CheckVerdict {
        let mut bystander = self.peer(deadline);
        if let Err(why) = self.draw_one(&mut bystander, "before anybody vanished, ") {
            return lost(why);
        }
        (0..VANISHING).for_each(|_| self.vanish(deadline));
        self.others_are_served(&mut bystander, deadline, "after a client vanished, ")
    }

    /// Lets four clients vanish, each in its own way, and counts the numbers that they asked for as
    /// unseen.
    fn vanish(&self, deadline: Instant) {
        let mut at_once = self.peer(deadline);
        // Several commands: the first write to a closed connection succeeds and causes a reset.
        // Only the second one fails, by EPIPE or the signal SIGPIPE.
        let commands = at_once.command("draw 1").repeat(VANISHING_DRAWS);
        if at_once.send(&commands).is_ok() {
            self.ledger().unseen += VANISHING_DRAWS as u64;
        }
        drop(at_once);
        // Half a command: a server that loops until the line end comes must see the end of the
        // stream. The peer ends with the statement, and its connection with it.
        let _ = self.peer(deadline).send(b"dr");
        // No byte at all: the server's first read returns 0.
        let _ = self.peer(deadline).connect();
        // A reply that is not read to its end: the close sends a reset, so a server that is still
        // writing gets an error.
        let mut broken_off = self.peer(deadline);
        let command = broken_off.command(&format!("draw {BROKEN_OFF_DRAW}"));
        if broken_off.send(&command).is_ok() {
            self.ledger().unseen += BROKEN_OFF_DRAW as u64;
            if let Ok(mut stream) = broken_off.connect() {
                let _ = stream.set_read_timeout(Some(SHORT_PATIENCE));
                let _ = stream.read(&mut [0]);
            }
        }
    }

    /// `unread`, first part: others are served while one client has not read its reply.
    pub(super) fn survives_an_unread_reply(&self, deadline: Instant) -> CheckVerdict {
        let mut bystander = self.peer(deadline);
        if let Err(why) = self.draw_one(&mut bystander, "before, ") {
            return lost(why);
        }
        let mut unread = self.peer(deadline);
        let count = UNREAD_DRAW.min(self.options.numbers as usize / PART_OF_LIST).max(1);
        // Stays `None` when the draw could not be sent: then the closure below does not run.
        let mut verdict = None;
        let when = format!("while a client does not read its draw {count}, ");
        // Reads the reply in the end, so that its numbers are recorded and none of them is missing.
        let answer = unread.draw_meanwhile(count, || {
            verdict = Some(self.others_are_served(&mut bystander, deadline, &when));
        });
        self.record_and_count_unseen(0, count, &answer);
        verdict.unwrap_or_else(|| lost(describe(count, &answer)))
    }

    /// `unread`, second part: a new client is served while another one sends draws and reads no
    /// answer. The ledger was judged before, so the numbers that these draws take do not matter.
    pub(super) fn survives_a_flood_that_nobody_reads(&self, deadline: Instant) -> CheckVerdict {
        let before = self.mood(deadline, MOOD_PATIENCE);
        let mut flooding = self.peer(deadline);
        if before == Mood::Unreachable || flooding.connect().is_err() {
            return lost("the server took no connection");
        }
        let commands = flooding.command("draw 1").repeat(FLOOD_PIECE);
        let mut sent = 0;
        // `false` means that the server reads no more from this client, or has closed. That is no
        // fault: it must only serve the others.
        while sent < FLOOD && flooding.send_within(&commands, SHORT_PATIENCE) {
            sent += commands.len();
        }
        // On a busy machine the flood may have used up this check's share, so the probe may use all
        // the time that is left. The flood's connection stays open until the probe is answered:
        // closing it would free a server that is blocked in a write.
        let after = self.mood(self.end, FLOOD_PATIENCE);
        drop(flooding);
        if after == before || after == Mood::Speaks {
            return (CheckOutcome::Earned(1.0), Vec::new());
        }
        lost(format!(
            "input: a client sends draw 1 again and again, {sent} bytes, and reads no answer; \
             meanwhile the server {}",
            after.words()
        ))
    }

    /// Draws a number as a client that was connected before, and one as a new client. Each is worth
    /// half of the points.
    fn others_are_served(
        &self,
        bystander: &mut GradedPeer,
        deadline: Instant,
        when: &str,
    ) -> CheckVerdict {
        let results = [
            self.draw_one(bystander, &format!("{when}one that was there before: ")),
            self.draw_one(&mut self.peer(deadline), &format!("{when}a new one: ")),
        ];
        let served = results.iter().filter(|result| result.is_ok()).count();
        let details = results.into_iter().filter_map(Result::err).collect();
        (CheckOutcome::Earned(served as f64 / 2.0), details)
    }

    /// Draws one number and records it. Fails with a line for the report, which begins with `when`,
    /// unless the reply is whole.
    fn draw_one(&self, peer: &mut GradedPeer, when: &str) -> Result<(), String> {
        let answer = peer.draw(1);
        self.record_and_count_unseen(0, 1, &answer);
        match answer.ending {
            AnswerEnd::Whole => Ok(()),
            _ => Err(format!("{when}{}", describe(1, &answer))),
        }
    }

    /// `bad-input`: the server serves new clients after each bad line. It need not answer the bad
    /// line itself. This check is the last one: after it the server may be damaged.
    pub(super) fn survives_bad_input(&self, deadline: Instant) -> CheckVerdict {
        let before = self.mood(deadline, MOOD_PATIENCE);
        if before == Mood::Unreachable {
            return lost("the server took no connection before it");
        }
        let lines = bad_lines();
        let (mut good, mut details) = (0, Vec::new());
        for (name, line) in &lines {
            if Instant::now() >= deadline {
                details.push(format!("time was over before {name}"));
                break;
            }
            self.say(line, deadline);
            let after = self.mood(deadline, MOOD_PATIENCE);
            if after != before && after != Mood::Speaks {
                let now = after.words();
                details.push(format!("input: {name}; from then on the server {now}"));
                break;
            }
            good += 1;
            if before == Mood::Silent {
                // This server shows only that it takes connections. One line is enough to see that.
                break;
            }
        }
        if before == Mood::Silent && details.is_empty() {
            let why = "not decidable: the drained server answers nothing, so nobody can tell \
                       whether it still would";
            return (CheckOutcome::Undecidable, vec![why.into()]);
        }
        (CheckOutcome::Earned(f64::from(good) / lines.len() as f64), details)
    }

    /// Sends the bytes as a new client and waits a moment for an answer. Its content does not
    /// matter.
    fn say(&self, bytes: &[u8], deadline: Instant) {
        let mut peer = self.peer(deadline);
        if peer.send(bytes).is_ok()
            && let Ok(mut stream) = peer.connect()
        {
            let _ = stream.set_read_timeout(Some(SHORT_PATIENCE));
            let _ = stream.read(&mut [0; 4096]);
        }
    }

    /// Probes the server with `draw 1` as a new client. A number that comes is not recorded,
    /// because the ledger has been judged by then. The least wait is [`SHORT_PATIENCE`], also when
    /// time is over.
    fn mood(&self, deadline: Instant, patience: Duration) -> Mood {
        let mut peer = self.peer(deadline);
        let command = peer.command("draw 1");
        let left = deadline.saturating_duration_since(Instant::now());
        let wait = left.min(patience).max(SHORT_PATIENCE);
        let Ok(mut stream) = peer.connect() else { return Mood::Unreachable };
        let _ = stream.set_read_timeout(Some(wait));
        if stream.write_all(&command).is_err() {
            return Mood::Closes;
        }
        match stream.read(&mut [0; 4096]) {
            Ok(0) => Mood::Closes,
            Ok(_) => Mood::Speaks,
            // A server that closes before it has read the command causes a reset.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => Mood::Closes,
            Err(_) => Mood::Silent,
        }
    }
}

/// Returns the name and the bytes of each bad line. Each breaks a habit of simple parsers: no word,
/// no second word, no digits, a sign, zero, too many words, more than 64 bits, an unknown word,
/// bytes that are no UTF-8, a line that is longer than the buffer.
fn bad_lines() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("an empty line", b"\n".to_vec()),
        ("draw", b"draw\n".to_vec()),
        ("draw abc", b"draw abc\n".to_vec()),
        ("draw -1", b"draw -1\n".to_vec()),
        ("draw 0", b"draw 0\n".to_vec()),
        ("draw 1 2 3", b"draw 1 2 3\n".to_vec()),
        ("draw 99999999999999999999", b"draw 99999999999999999999\n".to_vec()),
        ("an unknown word", b"nonsense\n".to_vec()),
        ("control bytes and bytes over 127", b"\x00\x01\xff\xfe\x80draw\n".to_vec()),
        ("5000 letters", [&[b'A'; 5000][..], b"\n"].concat()),
    ]
}
