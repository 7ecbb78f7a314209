//! How a server that nobody described says its numbers.
//!
//! ```text
//!   draw 1  ─►  "You drew 1: 5\n"             the asked count, then the numbers
//!   draw 3  ─►  "You drew 3: 19, 228, 665\n"  before 1, after 0, last byte '\n'
//! ```
//!
//! Three small draws are compared. What every reply has beside its N numbers (the count
//! said again, how many are left, an index before each) is set aside from then on.
//!
//! **Invariants** a reply is whole only when its numbers are there and the last one is
//! known to have ended.
//!
//! **Lock** none: pure functions over bytes.
//!
//! **Simplified** numbers hanging on letters (`client7`) are names; a line that begins
//! with `error` holds none; what changes from reply to reply without rule is not learned.
//!
//! **Source** the homework's reply, and how Python, C and Java print a list.

use crate::common::id::parse_decimal;
use crate::lab::record::{is_refusal, numbers_in, without_colours};

/// What was learned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplyShape {
    /// What commands end with.
    pub line_end: &'static str,
    /// The server says something before it is asked.
    pub banner: bool,
    /// A connection may ask again.
    pub keeps_open: bool,
    /// Numbers before those that were drawn.
    pub before: usize,
    /// Numbers behind them.
    pub after: usize,
    /// Each number has another one, such as its index, before it (1) or behind it (0): the
    /// number's place in such a pair.
    pub paired: Option<usize>,
    /// The byte that ends a reply, when it is no part of a number.
    pub last: Option<u8>,
}

/// How much of a reply is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whole {
    /// All.
    Yes,
    /// All the numbers; the last one may go on.
    Perhaps,
    /// Numbers are missing.
    No,
}

/// All numbers of a reply; those that no list can hold are `u64::MAX`.
pub fn tokens(reply: &[u8]) -> Vec<u64> {
    let plain = without_colours(reply);
    let lines = plain.split(|&byte| byte == b'\n').filter(|line| !is_refusal(line));
    let numbers = lines.flat_map(numbers_in);
    numbers.map(|word| parse_decimal(word).unwrap_or(u64::MAX)).collect()
}

impl ReplyShape {
    /// Learns what stands beside the numbers, from whole replies to small draws.
    pub fn learn(&mut self, samples: &[(usize, Vec<u8>)]) {
        if samples.is_empty() {
            return;
        }
        let read: Vec<(usize, Vec<u64>)> =
            samples.iter().map(|(asked, reply)| (*asked, tokens(reply))).collect();
        self.last = learn_last(samples);
        let in_pairs = read.iter().all(|(asked, found)| found.len() == 2 * asked);
        let counted = |place: usize| read.iter().all(|(_, found)| counts_up(found, 1 - place));
        self.paired = [1, 0].into_iter().find(|&place| in_pairs && counted(place));
        let beside = |(asked, found): &(usize, Vec<u64>)| found.len().checked_sub(*asked);
        let Some(more) = read.first().and_then(beside) else { return };
        if self.paired.is_some() || read.iter().any(|sample| beside(sample) != Some(more)) {
            return;
        }
        self.before = (0..more).take_while(|&at| follows_a_rule(&read, at)).count();
        self.after = more - self.before;
    }

    /// How much of a reply to `draw asked` this is.
    pub fn is_whole(&self, reply: &[u8], asked: usize) -> Whole {
        let expected =
            if self.paired.is_some() { 2 * asked } else { asked + self.before + self.after };
        if tokens(reply).len() < expected {
            return Whole::No;
        }
        match (self.last, reply.last()) {
            (Some(last), Some(&byte)) if last == byte => Whole::Yes,
            _ => Whole::Perhaps,
        }
    }

    /// The numbers that were drawn.
    pub fn numbers(&self, reply: &[u8]) -> Vec<u64> {
        let all = tokens(reply);
        if let Some(place) = self.paired {
            return all.into_iter().skip(place).step_by(2).collect();
        }
        let end = all.len().saturating_sub(self.after);
        all.get(self.before..end).unwrap_or_default().to_vec()
    }
}

/// Whether the number at a place is none that was drawn: the same each time, the count
/// said again, or one that goes up or down by the counts (the counter, how many are left).
fn follows_a_rule(read: &[(usize, Vec<u64>)], at: usize) -> bool {
    let said: Vec<(i128, i128)> =
        read.iter().map(|(asked, found)| (*asked as i128, i128::from(found[at]))).collect();
    let changes = |rule: fn(i128, i128) -> i128| {
        said.windows(2).all(|pair| pair[1].1 - pair[0].1 == rule(pair[0].0, pair[1].0))
    };
    said.iter().all(|(asked, number)| asked == number)
        || changes(|_, _| 0)
        || changes(|before, _| before)
        || changes(|before, _| -before)
        || changes(|_, now| now)
        || changes(|_, now| -now)
}

/// The last byte of all samples, where it ends a number.
fn learn_last(samples: &[(usize, Vec<u8>)]) -> Option<u8> {
    let last = *samples.first()?.1.last()?;
    let same = samples.iter().all(|(_, reply)| reply.last() == Some(&last));
    (same && !last.is_ascii_alphanumeric()).then_some(last)
}

/// Whether every second number, from `place` on, is one more than the one before it.
fn counts_up(found: &[u64], place: usize) -> bool {
    let indices: Vec<u64> = found.iter().skip(place).step_by(2).copied().collect();
    indices.windows(2).all(|pair| pair[0].checked_add(1) == Some(pair[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(replies: [&str; 3]) -> ReplyShape {
        let asked = [1, 3, 2];
        let samples: Vec<(usize, Vec<u8>)> =
            asked.into_iter().zip(replies).map(|(n, text)| (n, text.as_bytes().to_vec())).collect();
        let mut shape = ReplyShape::default();
        shape.learn(&samples);
        for ((asked, reply), expected) in
            samples.iter().zip([vec![50], vec![19, 228, 665], vec![7, 11]])
        {
            assert_eq!(shape.numbers(reply), expected, "{replies:?}");
            assert_ne!(shape.is_whole(reply, *asked), Whole::No, "{replies:?}");
        }
        shape
    }

    #[test]
    fn the_shapes_of_student_servers_are_learned() {
        learned(["50\n", "19\n228\n665\n", "7\n11\n"]);
        learned(["50", "19 228 665", "7 11"]);
        learned(["[50]", "[19, 228, 665]", "[7, 11]"]);
        learned(["You got 50!\n", "You got 19, 228, 665!\n", "You got 7, 11!\n"]);
        let again = learned(["draw 1 = 50\n", "draw 3 = 19 228 665\n", "draw 2 = 7 11\n"]);
        assert_eq!((again.before, again.after), (1, 0));
        let left = learned(["50 (99 left)\n", "19 228 665 (96 left)\n", "7 11 (94 left)\n"]);
        assert_eq!((left.before, left.after), (0, 1));
        let both =
            learned(["1 of 100: 50; 9\n", "3 of 100: 19 228 665; 6\n", "2 of 100: 7 11; 4\n"]);
        assert_eq!((both.before, both.after), (1, 1), "100 is a label");
        learned(["0: 50\n", "1: 19\n2: 228\n3: 665\n", "4: 7\n5: 11\n"]);
        let index = learned(["0 = 50\n", "1 = 19\n2 = 228\n3 = 665\n", "4 = 7\n5 = 11\n"]);
        assert_eq!(index.paired, Some(1));
        let behind = learned([
            "50 (no 0)\n",
            "19 (no 1)\n228 (no 2)\n665 (no 3)\n",
            "7 (no 4)\n11 (no 5)\n",
        ]);
        assert_eq!(behind.paired, Some(0));
        learned(["50", "19->228->665", "7->11"]);
        let left = learned(["[99 left] 50\n", "[96 left] 19 228 665\n", "[94 left] 7 11\n"]);
        assert_eq!((left.before, left.after), (1, 0));
        let counter = learned(["at 0 50\n", "at 1 19 228 665\n", "at 4 7 11\n"]);
        assert_eq!((counter.before, counter.after), (1, 0));
        learned(["\u{7d50}\u{679c}50\n", "\u{7d50}\u{679c}19 228 665\n", "\u{7d50}\u{679c}7 11\n"]);
        assert_eq!(learned(["client7 50", "client7 19 228 665", "client7 7 11"]).paired, None);
    }

    #[test]
    fn a_reply_is_whole_only_when_its_last_number_has_ended() {
        let lines = learned(["50\n", "19\n228\n665\n", "7\n11\n"]);
        assert_eq!(lines.is_whole(b"19\n22", 2), Whole::Perhaps);
        assert_eq!(lines.is_whole(b"19\n228\n", 2), Whole::Yes);
        assert_eq!(lines.is_whole(b"19\n", 2), Whole::No);
        let bare = learned(["50", "19 228 665", "7 11"]);
        assert_eq!(bare.is_whole(b"19 228", 2), Whole::Perhaps);
    }

    #[test]
    fn what_follows_no_rule_is_taken_as_it_is() {
        let mut shape = ReplyShape::default();
        shape.learn(&[(1, b"5".to_vec()), (3, b"1 2".to_vec()), (2, b"3 4 5 6".to_vec())]);
        assert_eq!((shape.before, shape.after, shape.paired), (0, 0, None));
        shape.learn(&[]);
        assert_eq!(
            shape.numbers(b"error exhausted 9 left\n-5 99999999999999999999"),
            [u64::MAX; 2]
        );
    }
}
