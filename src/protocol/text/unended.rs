//! A `draw N` without a line end, as simple course clients send it.
//!
//! ```text
//!   the client sends            meaning            after
//!   draw 4                      one draw           100 ms of silence
//!   draw 4draw 2                two draws          100 ms of silence
//!   draw 4\0                    one draw           100 ms of silence
//!   draw 2, and then 5          a line in pieces   its line end: `draw 25`
//!   draw 3, and then draw 6     wrong              100 ms of silence: one error
//!   hello                       wrong              100 ms of silence: one error
//! ```
//!
//! A program sends its `draw 25` in one piece, and a terminal in character mode sends one key at a
//! time. So only bytes that one read brought count as draws. The wrong way is to take every
//! `draw N` that is followed by silence: whoever types `draw 25` slowly gets 2 numbers, and then an
//! error for the `5`.
//!
//! The answers have no line end either, and one space stands between the answers to one piece. A
//! client that sends no line ends prints what it receives, and a line end would put an
//! empty line between two answers.
//!
//! After the first such answer the client is known, and its next pieces are answered at once.
//!
//! **`serve --course`.** The course's own client sends `draw N` N times and prints each message
//! that it receives: the servers that are written for it answer one number a message. With
//! `--course`, a draw without a line end takes one number, however large its N is, and is answered
//! at once.
//!
//! **Lock** none. **Source** the homework's `client.py`, of which public copies exist.

use super::line::without_cr;
use super::words::Words;
use crate::commands::{Draw, command_words};
use crate::common::id::parse_decimal;
use crate::protocol::Tail;

/// The silence that ends a `draw N` without a line end, in milliseconds. With a much shorter time,
/// `draw 1` would count as whole while the last digit of `draw 10` is on its way.
pub const QUIET_MS: u64 = 100;

/// The longest start of a line that [`is_wrong`] looks at, in bytes. The start is looked at before
/// each read, so a client that sends `draw ` and 65,000 digits byte by byte would otherwise cost
/// over 2 × 10^9 steps.
const MAX_START: usize = 64;

/// The state of a connection on which no line end has arrived yet.
#[derive(Debug, Default)]
pub(super) struct Unended {
    /// The server serves the course's own client.
    course: bool,
    /// A line end has arrived: from now on only a line end ends a request.
    has_line_end: bool,
    /// The client has sent a draw without a line end.
    is_known: bool,
    /// The input is draws that came in one piece. They wait for the silence.
    waits_for_quiet: bool,
    /// The number of bytes at the start of the input that are draws of one piece and need no more
    /// silence: each call of [`Unended::meaning`] returns one of them.
    draws: usize,
    /// The last request had no line end; one may still arrive.
    line_end_may_follow: bool,
    /// The end of the next answer.
    pub(super) reply_end: ReplyEnd,
}

/// The end of an answer. It has a line end only if its request had one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum ReplyEnd {
    /// A LF.
    #[default]
    Line,
    /// A space: more draws of the same piece follow.
    Space,
    /// Nothing.
    Nothing,
}

/// The meaning of the bytes at the start of the input.
pub(super) enum Meaning {
    /// The input is a line, or it may become one when more bytes arrive.
    Line,
    /// More bytes or the silence decide.
    Wait,
    /// A draw, and its length in bytes.
    Draw(Draw, usize),
    /// All of the input together cannot become a request.
    Wrong,
    /// A line end of this length that belongs to the last request, which is answered already.
    LineEnd(usize),
}

impl Unended {
    /// Starts a connection.
    pub(super) fn new(course: bool) -> Self {
        Self { course, ..Self::default() }
    }

    /// Notes that a line end has arrived.
    pub(super) fn line_end_arrived(&mut self) {
        *self = Self { has_line_end: true, ..Self::default() };
    }

    /// Returns whether 100 ms of silence would end a request in the input.
    pub(super) fn awaits_quiet(&self, input: &[u8]) -> bool {
        !self.has_line_end && (self.waits_for_quiet || is_wrong(input))
    }

    /// Returns the meaning of the input.
    #[inline]
    pub(super) fn meaning(&mut self, input: &[u8], tail: Tail) -> Meaning {
        if self.has_line_end { Meaning::Line } else { self.meaning_without_end(input, tail) }
    }

    /// Returns the meaning of the input while no line end has arrived on this connection. The end
    /// of the stream counts as a line end, so there the input is a line and never a draw without a
    /// line end.
    fn meaning_without_end(&mut self, input: &[u8], tail: Tail) -> Meaning {
        // A line end that arrives late belongs to the last request. As a line of its own it would
        // be empty, and get an error.
        if self.line_end_may_follow && !input.is_empty() {
            let used = match input {
                // A CR may begin a CRLF.
                b"\r" if tail.is_open() => return Meaning::Wait,
                [b'\r', b'\n', ..] => 2,
                [b'\n', ..] | b"\r" => 1,
                _ => 0,
            };
            self.line_end_may_follow = false;
            if used > 0 {
                self.line_end_arrived();
                return Meaning::LineEnd(used);
            }
        }
        if self.draws == 0 {
            match tail {
                Tail::OnePiece => self.waits_for_quiet = is_draws(input),
                Tail::Open | Tail::Ended => self.waits_for_quiet = false,
                // No byte has arrived since the last call, so its result is still true.
                Tail::Quiet => {}
            }
            if !self.waits_for_quiet {
                return self.wrong_or_line(input, tail);
            }
            // A known client and the course's client are answered without the silence.
            if tail != Tail::Quiet && !self.is_known && !self.course {
                return Meaning::Wait;
            }
            self.waits_for_quiet = false;
            self.draws = input.len();
        }
        self.next_draw(input)
    }

    /// Returns the first draw of a piece, and prepares for the rest of the piece.
    fn next_draw(&mut self, input: &[u8]) -> Meaning {
        let piece = &input[..self.draws.min(input.len())];
        let Some((draw, used)) = first_draw(piece) else {
            // Does not happen: `is_draws` has found only draws in these bytes.
            self.draws = 0;
            return Meaning::Line;
        };
        self.draws = piece.len() - used;
        self.is_known = true;
        self.line_end_may_follow = self.draws == 0;
        self.reply_end = if self.draws == 0 { ReplyEnd::Nothing } else { ReplyEnd::Space };
        // `min`: `draw 0` stays 0, so that its client gets the error for 0.
        let count = if self.course { draw.count.min(1) } else { draw.count };
        Meaning::Draw(Draw { count }, used)
    }

    /// Returns [`Meaning::Wrong`] after a silence, if the input cannot become a request; otherwise
    /// [`Meaning::Line`].
    fn wrong_or_line(&mut self, input: &[u8], tail: Tail) -> Meaning {
        if tail != Tail::Quiet || !is_wrong(input) {
            return Meaning::Line;
        }
        self.line_end_may_follow = true;
        self.reply_end = ReplyEnd::Nothing;
        Meaning::Wrong
    }
}

/// Returns the first `draw N` of a piece, and its length with the NULs behind it. A C program may
/// send the NUL that ends its string.
fn first_draw(piece: &[u8]) -> Option<(Draw, usize)> {
    let (word, rest) = piece.split_at_checked(4)?;
    let spaces = rest.iter().take_while(|&&byte| byte == b' ').count();
    if !word.eq_ignore_ascii_case(b"draw") || spaces == 0 {
        return None;
    }
    let rest = &rest[spaces..];
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let count = parse_decimal(&rest[..digits])?;
    let nuls = rest[digits..].iter().take_while(|&&byte| byte == 0).count();
    Some((Draw { count }, word.len() + spaces + digits + nuls))
}

/// Returns whether a piece is one `draw N` or several, with nothing else but NULs behind each.
fn is_draws(mut piece: &[u8]) -> bool {
    while let Some((_, used)) = first_draw(piece) {
        piece = &piece[used..];
        if piece.is_empty() {
            return true;
        }
    }
    false
}

/// Returns whether a line that begins with `input` is wrong, however it goes on: its first word is
/// no command, or it is a draw whose count is no number. The words behind any other command are not
/// checked.
fn is_wrong(input: &[u8]) -> bool {
    let start = without_cr(&input[..input.len().min(MAX_START)]);
    let mut rest = Words::Line(start);
    let word = rest.next();
    // Always matches: the rest of a line is a line, and never bulk strings.
    let Words::Line(rest) = rest else { return false };
    if rest.is_empty() {
        // The word may go on.
        return !command_words().any(|known| {
            known.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
        });
    }
    if word.eq_ignore_ascii_case(b"draw") {
        return !rest.trim_ascii().iter().all(u8::is_ascii_digit);
    }
    !command_words().any(|known| known.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_draws_and_nothing_else() {
        for piece in
            ["draw 4", "DRAW 10", "draw  4", "draw 4draw 2", "draw 4\0", "draw 4\0\0draw 2\0"]
        {
            assert!(is_draws(piece.as_bytes()), "{piece:?}");
        }
        for piece in [
            "",
            "draw",
            "draw ",
            "draw x",
            "draw 4 ",
            " draw 4",
            "draw4",
            "draw 4 draw 2",
            "draw 4draw",
            "draw 4\n",
            "\0draw 4",
            "draw -4",
            "draw 18446744073709551616",
            "get 7",
            "stats",
        ] {
            assert!(!is_draws(piece.as_bytes()), "{piece:?}");
        }
    }

    #[test]
    fn a_start_is_wrong_only_if_no_line_begins_with_it() {
        for start in [
            "", " ", "d", "DR", "draw", "draw ", "draw 4", "draw 4 ", "draw 4\r", "draw\r", "get",
            "get x", "help\r", "set 7 \0", "re", " draw 4",
        ] {
            assert!(!is_wrong(start.as_bytes()), "{start:?}");
        }
        for start in
            ["hello", "x", "draws", "draw x", "draw 4 2", "draw 4draw 2", "EHLO a", "get\0"]
        {
            assert!(is_wrong(start.as_bytes()), "{start:?}");
        }
    }
}
