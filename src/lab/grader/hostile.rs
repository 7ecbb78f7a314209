//! Clients that do not behave: one that vanishes, one that never reads, one that talks
//! nonsense. Others must be served as before.
//!
//! ```text
//!   vanish   "draw 1" five times and gone · "dr" and gone · gone · a reply begun, and gone
//!   unread   "draw 1000", and not a byte is read while others draw; later, when nothing is
//!            left, so many draws that their answers fill every buffer
//!   nonsense "draw", "draw -1", 5000 letters, control bytes …      last of all
//! ```
//!
//! What such clients asked for may have been drawn: nobody saw it, so it counts as drawn.
//!
//! **Invariants** a client that vanishes or does not read is followed by one that was
//! connected before and by a new one; the flood and bad input, which come last, by a new one.
//!
//! **Lock** the ledger's, for its count.
//!
//! **Simplified** where a drained server answers nothing at all, the flood blocks nobody,
//! and of bad input only what happens to new connections can be seen.
//!
//! **Source** `loot-box.txt`: the server is connected by several clients, and serves them.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use crate::lab::grader::peer::{AnswerEnd, GradedPeer};
use crate::lab::grader::report::CheckOutcome;
use crate::lab::grader::{CheckVerdict, Grading, describe};

/// Clients that vanish in each way.
const VANISHING: usize = 3;

/// Numbers asked for one by one by a client that vanishes at once, and in one draw by one
/// that vanishes in the middle of its reply. Few, because they cannot be accounted for.
const VANISHING_DRAWS: usize = 5;
const BROKEN_OFF_DRAW: usize = 20;

/// Numbers asked for by one that never reads.
const UNREAD_DRAW: usize = 1000;

/// None of them asks for more than this part of the list.
const PART_OF_LIST: usize = 50;

/// Commands that are sent at once, and bytes in all: a server that waits for its reader
/// was stuck after 4 to 6 MB of them on Linux.
const FLOOD_PIECE: usize = 1000;
const FLOOD: usize = 8 << 20;

/// How long one that will vanish waits for a first byte, and a bad line for its answer.
const SHORT_PATIENCE: Duration = Duration::from_millis(150);

/// How long a server that serves nobody any more is waited on.
const MOOD_PATIENCE: Duration = Duration::from_secs(2);

/// The same after a flood: a busy machine needs longer to work through it.
const FLOOD_PATIENCE: Duration = Duration::from_secs(10);

/// What an alive server does when it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Speaks,
    Closes,
    Silent,
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
    pub(super) fn survives_a_client_that_vanishes(&self, deadline: Instant) -> CheckVerdict {
        let mut bystander = self.peer(deadline);
        self.draw_one(&mut bystander, "before anybody vanished, ").map_or_else(
            |why| (CheckOutcome::Earned(0.0), vec![why]),
            |()| {
                (0..VANISHING).for_each(|_| self.vanish(deadline));
                self.others_are_served(&mut bystander, deadline, "after a client vanished, ")
            },
        )
    }

    fn vanish(&self, deadline: Instant) {
        let mut unseen = 0;
        let mut at_once = self.peer(deadline);
        // Several commands: a server learns only from its second write that nobody is there.
        let commands = at_once.command("draw 1").repeat(VANISHING_DRAWS);
        if at_once.send(&commands).is_ok() {
            unseen += VANISHING_DRAWS;
        }
        drop(at_once);
        let mut in_a_word = self.peer(deadline);
        let _ = in_a_word.send(b"dr");
        drop(in_a_word);
        let mut silent = self.peer(deadline);
        let _ = silent.connect();
        drop(silent);
        let mut broken_off = self.peer(deadline);
        let command = broken_off.command(&format!("draw {BROKEN_OFF_DRAW}"));
        if broken_off.send(&command).is_ok() {
            unseen += BROKEN_OFF_DRAW;
            if let Ok(mut stream) = broken_off.connect() {
                let _ = stream.set_read_timeout(Some(SHORT_PATIENCE));
                let _ = stream.read(&mut [0]);
            }
        }
        drop(broken_off);
        self.ledger().unseen += unseen as u64;
    }

    pub(super) fn survives_an_unread_reply(&self, deadline: Instant) -> CheckVerdict {
        let mut bystander = self.peer(deadline);
        if let Err(why) = self.draw_one(&mut bystander, "before, ") {
            return (CheckOutcome::Earned(0.0), vec![why]);
        }
        let mut unread = self.peer(deadline);
        let count = UNREAD_DRAW.min(self.options.numbers as usize / PART_OF_LIST).max(1);
        let mut verdict = None;
        let when = format!("while a client does not read its draw {count}, ");
        // It is read in the end, so that its numbers are accounted for.
        let answer = unread.draw_meanwhile(count, || {
            verdict = Some(self.others_are_served(&mut bystander, deadline, &when));
        });
        self.record_or_give_up(0, count, &answer);
        verdict.unwrap_or((CheckOutcome::Earned(0.0), vec![describe(count, &answer)]))
    }

    /// After the list is drained: its answers cost nobody a number any more.
    pub(super) fn survives_a_flood_that_nobody_reads(&self, deadline: Instant) -> CheckVerdict {
        let before = self.mood(deadline, MOOD_PATIENCE);
        let mut flooding = self.peer(deadline);
        if before == Mood::Unreachable || flooding.connect().is_err() {
            return (CheckOutcome::Earned(0.0), vec!["the server took no connection".into()]);
        }
        let commands = flooding.command("draw 1").repeat(FLOOD_PIECE);
        let mut sent = 0;
        while sent < FLOOD && flooding.send_within(&commands, SHORT_PATIENCE) {
            sent += commands.len();
        }
        // The flood may have used up its time, where the machine is busy; the server has its own.
        let after = self.mood(self.end, FLOOD_PATIENCE);
        drop(flooding);
        if after == before || after == Mood::Speaks {
            return (CheckOutcome::Earned(1.0), Vec::new());
        }
        let why = format!(
            "input: a client sends draw 1 again and again, {sent} bytes, and reads no answer; \
             meanwhile the server {}",
            after.words()
        );
        (CheckOutcome::Earned(0.0), vec![why])
    }

    /// A client that was there before, and one that is new.
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

    fn draw_one(&self, peer: &mut GradedPeer, when: &str) -> Result<(), String> {
        let answer = peer.draw(1);
        self.record_or_give_up(0, 1, &answer);
        match answer.ending {
            AnswerEnd::Whole => Ok(()),
            _ => Err(format!("{when}{}", describe(1, &answer))),
        }
    }

    /// Last of all: what comes after this is not to be trusted.
    pub(super) fn survives_bad_input(&self, deadline: Instant) -> CheckVerdict {
        let before = self.mood(deadline, MOOD_PATIENCE);
        if before == Mood::Unreachable {
            return (
                CheckOutcome::Earned(0.0),
                vec!["the server took no connection before it".into()],
            );
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
                // Nothing could be seen of it but that it takes connections.
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

    /// Says something and waits a moment for whatever comes.
    fn say(&self, bytes: &[u8], deadline: Instant) {
        let mut peer = self.peer(deadline);
        if peer.send(bytes).is_ok()
            && let Ok(mut stream) = peer.connect()
        {
            let _ = stream.set_read_timeout(Some(SHORT_PATIENCE));
            let _ = stream.read(&mut [0; 4096]);
        }
    }

    /// How the server takes a new client; the list may be drained.
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
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => Mood::Closes,
            Err(_) => Mood::Silent,
        }
    }
}

/// Lines that no server should mind, and what to call them.
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
