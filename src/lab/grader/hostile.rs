//! Clients that misbehave. The server must serve the others as before.
//!
//! ```text
//!   vanish      dr ─ close                        half a command
//!   8 times     close                             no command
//!               draw 24 ─ first bytes ─ close     a reset in the middle of the reply
//!   meanwhile   draw 1 ─ 5 ─ draw 1 ─ 19 …        another client
//!   8 times     draw 1, 5 times ─ close           after the drain: the server's second write fails
//!               draw 1, 1000 times ─ end ─ first answer ─ close        … a later one fails
//!
//!   unread      draw 1000 ───────── reads nothing ─────────── reads the reply
//!   bystander              draw 1 ─ 5                         connected before
//!   new client                          connect ─ draw 1 ─ 19
//!
//!   flood       draw 1, draw 1, …  up to 8 MiB, no answer is read       after the drain
//! ```
//!
//! `close` ends the connection; `end` shuts down the client's writing half and leaves the reading
//! half open.
//!
//! | client | finds a server that |
//! | --- | --- |
//! | vanish | ends by SIGPIPE or by an exception when it writes to a closed connection |
//! | unread | serves no second client before the first one is done |
//! | flood | writes to a client while it holds a lock, or in the thread that serves all clients |
//!
//! The flood is needed because 1000 numbers are about 6 kB: the sockets' buffers hold that much, so
//! no server blocks on one such reply. The answers to a million draws do not fit.
//!
//! **Invariants**
//!
//! 1. After the clients that vanish, and while one does not read, two others draw: one that was
//!    connected before, and a new one. After the drain, and after the flood, only a new client
//!    sends `draw 1`: the probe of [`mood`](super::mood). Its result, the *mood*, must be the same
//!    as before the misbehaviour, or an answer.
//! 2. Numbers that a vanished client asked for and did not see count as unseen: the server may have
//!    drawn them. The client peeks before it vanishes: it sees the bytes that have come, and leaves
//!    them unread, so that its close sends a reset.
//!
//! **Lock** the ledger's, to record answers and to add to its count of unseen numbers.
//!
//! **Simplified** When a drained server answers nothing at all, the flood cannot block it.
//!
//! **Source** `loot-box.txt`, specification 4; RFC 1122, section 4.2.2.13, for the reset.

use std::net::Shutdown;
use std::time::{Duration, Instant};

use crate::lab::grader::mood::{LONG_PATIENCE, Mood, PROBE_PATIENCE};
use crate::lab::grader::peer::{AnswerEnd, DrawAnswer, GradedPeer};
use crate::lab::grader::report::CheckOutcome;
use crate::lab::grader::shape::Completeness;
use crate::lab::grader::{CheckVerdict, Grading, describe, lost};

/// Rounds of vanishing clients: a server that crashes only at an unlucky moment is tried many
/// times.
const VANISHING: usize = 8;

/// The single draws of the client that vanishes at once.
const VANISHING_DRAWS: usize = 5;

/// The draw of the client that vanishes in its reply: long enough to catch a server that writes
/// each number by itself, while it holds its lock.
const BROKEN_OFF_DRAW: usize = 24;

/// The number of replies that this client breaks off: it vanishes at the first bytes, so that
/// numbers are lost. In later rounds it waits for the whole reply and vanishes without reading it.
const BROKEN_OFF_EARLY: usize = 2;

/// The most rounds. On a busy machine the whole reply may have come before the client looks; then
/// there are more rounds, until [`BROKEN_OFF_EARLY`] replies were broken off. 20 rounds draw about
/// 600 numbers, and the drain has left at least 1000.
const MOST_ROUNDS: usize = 20;

/// The draws of another client during one round.
const MEANWHILE: usize = 3;

/// The time between two looks at a reply that comes in pieces.
const PEEK_EVERY: Duration = Duration::from_millis(2);

/// Numbers in the reply that is read late.
const UNREAD_DRAW: usize = 1000;

/// The late reader asks for at most a fiftieth of the list, so that a short list is not used up.
const PART_OF_LIST: usize = 50;

/// The draws of a client that vanishes amid the answers.
const MANY_DRAWS: usize = 1000;

/// Bytes of the whole flood. On Linux a server that waits until its client reads was stuck after 4
/// to 6 MB of commands; 8 MiB leave room for larger buffers.
const FLOOD: usize = 8 << 20;

/// The most times that the flood goes on after a server has answered the probe.
const FLOOD_ROUNDS: usize = 4;

/// The wait for something that may not come: the rest of a reply that nobody reads, room for one
/// write of the flood, an answer to bad input, the end of a process.
pub(super) const SHORT_PATIENCE: Duration = Duration::from_millis(150);

impl Grading<'_> {
    /// `vanish`: others are served after clients have vanished. The bystander draws before, so that
    /// only the vanished clients can explain a later failure.
    pub(super) fn survives_clients_that_vanish(&self, deadline: Instant) -> CheckVerdict {
        let mut bystander = self.lasting_peer();
        if let Err(why) = self.draw_one(&mut bystander, "before anybody vanished, ") {
            return lost(why);
        }
        // A reply with one number comes whole, so no client can vanish in the middle of it.
        let can_be_broken_off = !self.dialect.one_each;
        let (mut round, mut broken_off) = (0, 0);
        while round < VANISHING
            || can_be_broken_off && broken_off < BROKEN_OFF_EARLY && round < MOST_ROUNDS
        {
            // Full points: no round found a fault, and one round is already a whole test. The other
            // rounds only raise the chance of an unlucky moment.
            if round > 0 && Instant::now() >= deadline {
                let made = format!("time was over after {round} of {VANISHING} rounds");
                return (CheckOutcome::Earned(1.0), vec![made]);
            }
            std::thread::scope(|scope| {
                // Without this thread, which the system may refuse, the clients vanish all the
                // same.
                let _ = std::thread::Builder::new().spawn_scoped(scope, || {
                    let mut other = self.lasting_peer();
                    // Errors are ignored: `others_are_served` below judges the server.
                    (0..MEANWHILE).for_each(|_| drop(self.draw_one(&mut other, "")));
                });
                let is_early = broken_off < BROKEN_OFF_EARLY;
                broken_off += usize::from(self.vanish(is_early));
            });
            round += 1;
            let when = "after a client sent draw and vanished, ";
            let served = self.others_are_served(&mut bystander, when);
            if served.0 != CheckOutcome::Earned(1.0) {
                return served;
            }
        }
        (CheckOutcome::Earned(1.0), Vec::new())
    }

    /// Lets three clients vanish, each in its own way. The third one asks for numbers, and vanishes
    /// at the first bytes of the reply if `is_early`, else when all of it has come. The numbers
    /// that it did not see count as unseen. Returns whether the reply was broken off.
    fn vanish(&self, is_early: bool) -> bool {
        // Half a command: a server that loops until the line end comes must see the end of the
        // stream. Rust drops the peer at the end of the statement, and so closes its connection.
        let _ = self.lasting_peer().send(b"dr");
        // No byte at all: the server's first read returns 0.
        let _ = self.lasting_peer().connect();
        // A reply that is not read: the close sends a reset, so a server that is still writing gets
        // an error.
        let mut broken_off = self.lasting_peer();
        let asked = if self.dialect.one_each { 1 } else { BROKEN_OFF_DRAW };
        let command = broken_off.command(&format!("draw {asked}"));
        let start = Instant::now();
        if broken_off.send(&command).is_err() {
            return false;
        }
        let raw = self.peek_at_reply(broken_off, asked, is_early);
        let shape = &self.dialect.shape;
        let mut numbers = shape.numbers(&raw);
        let is_whole = match shape.completeness(&raw, asked) {
            Completeness::Yes => true,
            // No byte shows the end of such a reply. A server that sends a reply in one piece has
            // sent all of it.
            Completeness::Perhaps => shape.last.is_none() && self.dialect.in_one_piece,
            Completeness::No => false,
        };
        // The last number may have more digits that have not come.
        if !is_whole {
            numbers.pop();
        }
        // A message such as `no numbers left` draws nothing. After any other reply, `Cut` makes the
        // ledger count the numbers that did not come as unseen.
        if !shape.is_message(&raw) {
            let (end, ending) = (Instant::now(), AnswerEnd::Cut);
            self.record_and_count_unseen(
                0,
                &DrawAnswer { asked, start, end, numbers, ending, raw },
            );
        }
        !is_whole
    }

    /// Waits for a reply and returns the bytes that have come: the first ones if `is_early`, else
    /// all, if they come in time. The client vanishes without reading them: this function owns
    /// `peer`, so its end closes the connection.
    fn peek_at_reply(&self, peer: GradedPeer, asked: usize, is_early: bool) -> Vec<u8> {
        peer.await_byte(PROBE_PATIENCE);
        let mut raw = peer.peek();
        let late = Instant::now() + SHORT_PATIENCE;
        while !is_early
            && self.dialect.shape.completeness(&raw, asked) != Completeness::Yes
            && Instant::now() < late
        {
            std::thread::sleep(PEEK_EVERY);
            raw = peer.peek();
        }
        raw
    }

    /// Ends chaos, the grader's pauses in a Python server. The ledger is judged by now, and the
    /// clients of the later checks send so much that a server with pauses would need minutes.
    fn end_chaos(&self) {
        if let Some(file) = &self.options.chaos_over {
            // If the file cannot be made, the server only stays slow.
            let _ = std::fs::File::create(file);
        }
    }

    /// `vanish`, second part: clients send several commands and vanish at once, without a look at
    /// the answers. Nobody knows whether the server still draws for them, so the list is drained
    /// before. There are [`VANISHING`] rounds, because on a busy machine the server may answer
    /// before a client has closed. A probe follows each round.
    pub(super) fn survives_clients_that_vanish_at_once(&self, deadline: Instant) -> CheckVerdict {
        self.end_chaos();
        let before = self.probe(PROBE_PATIENCE);
        if before == Mood::Unreachable {
            return lost("before it, when the list was drained, the server took no connection");
        }
        for vanished in 1..=VANISHING {
            let mut at_once = self.lasting_peer();
            // The first write to a closed connection succeeds and causes a reset. Only the second
            // one fails, by EPIPE or the signal SIGPIPE.
            let commands = at_once.command("draw 1").repeat(VANISHING_DRAWS);
            // An error is ignored: the probe below judges the server.
            let _ = at_once.send(&commands);
            drop(at_once);
            self.vanish_amid_answers();
            // After the deadline only the last round has a probe: it finds a server that has ended.
            if vanished < VANISHING && Instant::now() >= deadline {
                continue;
            }
            if let Some(after) = self.fault_after(before) {
                return lost(format!(
                    "input: a client sends draw 1 several times and closes before the answers are \
                     there, {vanished} times; from then on the server {}",
                    after.words()
                ));
            }
        }
        (CheckOutcome::Earned(1.0), Vec::new())
    }

    /// Sends so many commands that the server is still writing answers when this client vanishes.
    ///
    /// The aim is a write of the server that fails by EPIPE or the signal SIGPIPE. A close with
    /// unread answers sends a reset. Linux reports a reset as EPIPE to a server that has received
    /// the end of the stream before, and else as ECONNRESET, without a signal. So this client shuts
    /// down its writing half, waits for the first answer, and closes without reading it. The few
    /// commands of [`VANISHING_DRAWS`] alone do not reach that aim on a busy machine: the server
    /// may have answered all of them before the close, which then only sends a reset.
    fn vanish_amid_answers(&self) {
        let mut client = self.lasting_peer();
        let commands = client.command("draw 1").repeat(MANY_DRAWS);
        let sent = client.send(&commands);
        // The client is connected: `connect` only returns its open stream here.
        if sent.and_then(|()| client.connect()?.shutdown(Shutdown::Write)).is_ok() {
            client.await_byte(SHORT_PATIENCE);
        }
    }

    /// `unread`, first part: others are served while one client has not read its reply.
    pub(super) fn survives_an_unread_reply(&self, _: Instant) -> CheckVerdict {
        let mut bystander = self.lasting_peer();
        if let Err(why) = self.draw_one(&mut bystander, "before, ") {
            return lost(why);
        }
        let mut unread = self.lasting_peer();
        let count = UNREAD_DRAW.min(self.options.numbers as usize / PART_OF_LIST).max(1);
        // Stays `None` when the draw could not be sent: then the closure below does not run.
        let mut verdict = None;
        let when = format!("while a client does not read its draw {count}, ");
        // Reads the reply in the end, so that its numbers are recorded and none of them is missing.
        let answer = unread.draw_meanwhile(count, || {
            verdict = Some(self.others_are_served(&mut bystander, &when));
        });
        self.record_and_count_unseen(0, &answer);
        verdict.unwrap_or_else(|| lost(describe(&answer)))
    }

    /// `unread`, second part: a new client is served while another one sends draws and reads no
    /// answer. The new client is the probe [`Grading::probe`], which sends `draw 1`. The ledger was
    /// judged before, so the numbers that these draws take do not matter.
    pub(super) fn survives_a_flood_that_nobody_reads(&self, _: Instant) -> CheckVerdict {
        let before = self.probe(PROBE_PATIENCE);
        let mut flooding = self.lasting_peer();
        if before == Mood::Unreachable || flooding.connect().is_err() {
            return lost("the server took no connection");
        }
        let command = flooding.command("draw 1");
        let commands = command.repeat(FLOOD / command.len());
        let mut sent = 0;
        // Each round sends until the system takes no more bytes. Then the server has stopped
        // reading from this client, which is no fault as long as it answers the probe. Or the
        // server is only slow, and will block later: so another round follows a good probe. The
        // rounds also end when the system takes nothing more, or the whole flood is sent.
        for _ in 0..FLOOD_ROUNDS {
            let taken = flooding.send_within(&commands[sent..], SHORT_PATIENCE);
            sent += taken;
            // The flood's connection stays open until the probe is answered: closing it would free
            // a server that is blocked in a write.
            let after = self.probe(LONG_PATIENCE);
            if after != before && after != Mood::Speaks {
                return lost(format!(
                    "input: a client sends draw 1 again and again, {sent} bytes, and reads no \
                     answer; meanwhile the server {}",
                    after.words()
                ));
            }
            if taken == 0 {
                break;
            }
        }
        (CheckOutcome::Earned(1.0), Vec::new())
    }

    /// Draws one number as the bystander, which was connected before, and one as a new client. Each
    /// of the two is worth half of the points. `when` begins the lines of the report.
    fn others_are_served(&self, bystander: &mut GradedPeer, when: &str) -> CheckVerdict {
        let results = [
            self.draw_one(bystander, &format!("{when}one that was there before: ")),
            self.draw_one(&mut self.lasting_peer(), &format!("{when}a new one: ")),
        ];
        let served = results.iter().filter(|result| result.is_ok()).count();
        let details = results.into_iter().filter_map(Result::err).collect();
        (CheckOutcome::Earned(served as f64 / 2.0), details)
    }

    /// Draws one number and records it.
    ///
    /// # Errors
    /// Fails with a line for the report, which begins with `when`, if no reply comes.
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

    /// Returns how the server behaves when it serves nobody any more; `None` if it does serve. A
    /// drained server may be silent, or close.
    pub(super) fn is_gone(&self) -> Option<&'static str> {
        let is_drained = self.is_drained();
        let mut mood = self.probe(PROBE_PATIENCE);
        if mood == Mood::Closes {
            // A process that ends closes its connections first, and its port a moment later.
            std::thread::sleep(SHORT_PATIENCE);
            mood = self.probe(PROBE_PATIENCE);
        }
        // At most two probes ran, and no probe records the number that it draws.
        self.ledger().unseen += if is_drained { 0 } else { 2 };
        let is_gone = mood == Mood::Unreachable || mood != Mood::Speaks && !is_drained;
        is_gone.then(|| mood.words())
    }

    /// Returns whether the server may have given all of its numbers: those of the list, or all of
    /// another range ([`Ledger::other_range`](super::ledger::Ledger::other_range)).
    pub(super) fn is_drained(&self) -> bool {
        let ledger = self.ledger();
        ledger.missing() <= ledger.unseen || ledger.other_range().is_some()
    }
}
