//! Clients that misbehave. The server must serve the others as before.
//!
//! ```text
//!   vanish      dr ─ close                        half a command
//!   8 times     close                             no command
//!               draw 40 ─ first bytes ─ close     a reset in the middle of the reply
//!   meanwhile   draw 1 ─ 5 ─ draw 1 ─ 19 …        another client
//!   8 times     draw 1, 5 times ─ close           after the drain: the server writes to a closed one
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
//! 2. Numbers that a vanished client asked for and did not see count as unseen: the server may have
//!    drawn them. What has come when the client vanishes is seen, without being read.
//!
//! **Lock** the ledger's, to record answers and to add to its count of unseen numbers.
//!
//! **Simplified** When a drained server answers nothing at all, the flood cannot block it, and of
//! bad input only its effect on new connections can be seen.
//!
//! **Source** `loot-box.txt`, specification 4; RFC 1122, section 4.2.2.13, for the reset.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use crate::lab::grader::peer::{AnswerEnd, DrawAnswer, GradedPeer};
use crate::lab::grader::report::CheckOutcome;
use crate::lab::grader::shape::Completeness;
use crate::lab::grader::{CheckVerdict, Grading, describe, lost};

/// Rounds of vanishing clients: a server that crashes only at an unlucky moment is tried many
/// times.
const VANISHING: usize = 8;

/// The single draws of the client that vanishes at once.
const VANISHING_DRAWS: usize = 5;

/// The draw of the client that vanishes in its reply: long enough for a server that writes each
/// number by itself, while it holds its lock.
const BROKEN_OFF_DRAW: usize = 24;

/// The rounds in which this client vanishes at the first bytes of its reply, so that numbers are
/// lost. In the others all of the reply has come, and the client vanishes without reading it.
const BROKEN_OFF_EARLY: usize = 2;

/// The draws of another client during one round.
const MEANWHILE: usize = 3;

/// The time between two looks at a reply that comes in pieces.
const PEEK_EVERY: Duration = Duration::from_millis(2);

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
    pub(super) fn survives_clients_that_vanish(&self, deadline: Instant) -> CheckVerdict {
        let mut bystander = self.peer(deadline);
        if let Err(why) = self.draw_one(&mut bystander, "before anybody vanished, ") {
            return lost(why);
        }
        for round in 0..VANISHING {
            std::thread::scope(|scope| {
                // Without this thread, which the system may refuse, the clients vanish all the
                // same.
                let _ = std::thread::Builder::new().spawn_scoped(scope, || {
                    let mut other = self.peer(deadline);
                    (0..MEANWHILE).for_each(|_| drop(self.draw_one(&mut other, "")));
                });
                self.vanish(round, deadline);
            });
            let when = "after a client sent draw and vanished, ";
            let served = self.others_are_served(&mut bystander, deadline, when);
            if served.0 != CheckOutcome::Earned(1.0) || Instant::now() >= deadline {
                return served;
            }
        }
        (CheckOutcome::Earned(1.0), Vec::new())
    }

    /// Lets three clients vanish, each in its own way, and counts the numbers that one of them
    /// asked for and did not see as unseen.
    fn vanish(&self, round: usize, deadline: Instant) {
        // Half a command: a server that loops until the line end comes must see the end of the
        // stream. The peer ends with the statement, and its connection with it.
        let _ = self.peer(deadline).send(b"dr");
        // No byte at all: the server's first read returns 0.
        let _ = self.peer(deadline).connect();
        // A reply that is not read: the close sends a reset, so a server that is still writing gets
        // an error.
        let mut broken_off = self.peer(deadline);
        let asked = if self.dialect.one_each { 1 } else { BROKEN_OFF_DRAW };
        let command = broken_off.command(&format!("draw {asked}"));
        let start = Instant::now();
        if broken_off.send(&command).is_err() {
            return;
        }
        let shape = &self.dialect.shape;
        broken_off.await_byte(MOOD_PATIENCE);
        let mut raw = broken_off.peek();
        let late = Instant::now() + SHORT_PATIENCE;
        while round >= BROKEN_OFF_EARLY
            && shape.completeness(&raw, asked) != Completeness::Yes
            && Instant::now() < late
        {
            std::thread::sleep(PEEK_EVERY);
            raw = broken_off.peek();
        }
        drop(broken_off);
        let mut numbers = shape.numbers(&raw);
        // Without a known end the last number is whole too, after so long a silence.
        if round < BROKEN_OFF_EARLY && shape.completeness(&raw, asked) != Completeness::Yes {
            numbers.pop();
        }
        if !shape.is_message(&raw) {
            let (end, ending) = (Instant::now(), AnswerEnd::Cut);
            self.record_and_count_unseen(
                0,
                &DrawAnswer { asked, start, end, numbers, ending, raw },
            );
        }
    }

    /// `vanish`, second part: clients send several commands and vanish at once. Nobody knows
    /// whether the server still draws for them, so the list is drained before.
    pub(super) fn survives_clients_that_vanish_at_once(&self, deadline: Instant) -> CheckVerdict {
        let before = self.mood(deadline, MOOD_PATIENCE);
        for _ in 0..VANISHING {
            let mut at_once = self.peer(deadline);
            // The first write to a closed connection succeeds and causes a reset. Only the second
            // one fails, by EPIPE or the signal SIGPIPE.
            let commands = at_once.command("draw 1").repeat(VANISHING_DRAWS);
            let _ = at_once.send(&commands);
        }
        let after = self.mood(deadline, MOOD_PATIENCE);
        if after == before || after == Mood::Speaks {
            return (CheckOutcome::Earned(1.0), Vec::new());
        }
        lost(format!(
            "input: {VANISHING} clients send draw 1, {VANISHING_DRAWS} times, and close; from then on \
             the server {}",
            after.words()
        ))
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
        self.record_and_count_unseen(0, &answer);
        verdict.unwrap_or_else(|| lost(describe(&answer)))
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
    /// unless a reply comes.
    fn draw_one(&self, peer: &mut GradedPeer, when: &str) -> Result<(), String> {
        let answer = peer.draw(1);
        self.record_and_count_unseen(0, &answer);
        match answer.ending {
            AnswerEnd::Whole | AnswerEnd::Cut => Ok(()),
            // The list may be drained: then the server says so, and that is an answer.
            AnswerEnd::Short | AnswerEnd::Closed if !answer.raw.is_empty() => Ok(()),
            _ => Err(format!("{when}{}", describe(&answer))),
        }
    }

    /// `bad-input`: the server serves new clients after each bad line. It need not answer the bad
    /// line itself. This check is the last one: after it the server may be damaged.
    pub(super) fn survives_bad_input(&self, deadline: Instant) -> CheckVerdict {
        let before = self.mood(deadline, MOOD_PATIENCE);
        if before == Mood::Unreachable {
            return lost("the server took no connection before it");
        }
        if before == Mood::Silent && !self.is_drained() {
            return lost("the server answered nobody before it, and numbers were left");
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

    /// Returns how the server behaves when it serves nobody any more; `None` if it does serve. A
    /// drained server may be silent.
    pub(super) fn is_gone(&self) -> Option<&'static str> {
        let is_drained = self.is_drained();
        let mood = self.mood(self.end, MOOD_PATIENCE);
        // The number that came is seen by nobody.
        self.ledger().unseen += u64::from(!is_drained);
        let is_gone = mood == Mood::Unreachable || mood != Mood::Speaks && !is_drained;
        is_gone.then(|| mood.words())
    }

    /// Returns whether the server may have given all of its numbers.
    fn is_drained(&self) -> bool {
        let ledger = self.ledger();
        ledger.missing() <= ledger.unseen || ledger.other_range().is_some()
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
