//! Lines that are no command. The server must serve others after each of them.
//!
//! ```text
//!   one client      draw abc ─ close
//!   another client             draw 1 ─ an answer
//!   one client                                    draw -1 ─ close
//!   …
//! ```
//!
//! This check comes last, because it may end the server.
//!
//! **Lock** the ledger's, to see whether the list is drained. **Simplified** When a drained server
//! answers nothing at all, only the effect on new connections can be seen.
//!
//! **Source** ours: each line breaks a habit of simple parsers.

use std::time::Instant;

use crate::lab::grader::hostile::SHORT_PATIENCE;
use crate::lab::grader::mood::{Mood, PROBE_PATIENCE};
use crate::lab::grader::report::CheckOutcome;
use crate::lab::grader::{CheckVerdict, Grading, lost};

/// The name and the bytes of each bad line, without its line end. Each breaks a habit of simple
/// parsers: no word, no second word, no digits, a sign, zero, too many words, more than 64 bits, an
/// unknown word, bytes that are no UTF-8, a line that is longer than the buffer.
const BAD_LINES: [(&str, &[u8]); 10] = [
    ("an empty line", b""),
    ("draw", b"draw"),
    ("draw abc", b"draw abc"),
    ("draw -1", b"draw -1"),
    ("draw 0", b"draw 0"),
    ("draw 1 2 3", b"draw 1 2 3"),
    ("draw 99999999999999999999", b"draw 99999999999999999999"),
    ("an unknown word", b"nonsense"),
    ("control bytes and bytes over 127", b"\x00\x01\xff\xfe\x80draw"),
    ("5000 letters", &[b'A'; 5000]),
];

impl Grading<'_> {
    /// `bad-input`: the server serves new clients after each bad line. It need not answer the bad
    /// line itself. `before` and `after` are the server's moods: its reactions to a `draw 1` by a
    /// new client. A drained server may refuse that draw, so `after` need only be like `before`.
    /// This check is the last one: after it the server may be damaged.
    pub(super) fn survives_bad_input(&self, deadline: Instant) -> CheckVerdict {
        let before = self.probe(PROBE_PATIENCE);
        if before == Mood::Unreachable {
            return lost("the server took no connection before it");
        }
        if before == Mood::Silent && !self.is_drained() {
            return lost("the server answered nobody before it, and numbers were left");
        }
        let (mut good, mut details) = (0, Vec::new());
        for (name, line) in BAD_LINES {
            if Instant::now() >= deadline {
                return self.out_of_time(format!("time was over before {name}"));
            }
            self.say(&[line, b"\n"].concat());
            if let Some(after) = self.fault_after(before) {
                let now = after.words();
                details.push(format!("input: {name}; from then on the server {now}"));
                break;
            }
            if before == Mood::Silent {
                // This server shows only that it takes connections. One line is enough to see that.
                let why = "not decidable: the drained server answers nothing, so nobody can tell \
                           whether it still would";
                return (CheckOutcome::Undecidable, vec![why.into()]);
            }
            good += 1;
        }
        (CheckOutcome::Earned(f64::from(good) / BAD_LINES.len() as f64), details)
    }

    /// Sends the bytes as a new client and waits a moment for an answer, so that the server has
    /// read the bytes before this client closes. The answer and all errors are ignored: the probe
    /// that follows judges the server.
    fn say(&self, bytes: &[u8]) {
        let mut peer = self.lasting_peer();
        if peer.send(bytes).is_ok() {
            peer.read_some(&mut Vec::new(), SHORT_PATIENCE);
        }
    }
}
