//! The shape of a server's replies: where the drawn numbers stand among other ones.
//!
//! ```text
//!   draw 1  ─►  "You drew 1: 5 (99 left)\n"             "1:" is a label, not a number
//!   draw 3  ─►  "You drew 3: 19, 228, 665 (96 left)\n"  before 0, after 1, last byte '\n'
//! ```
//!
//! Three small draws are compared. A reply to `draw N` with more than N numbers has others beside
//! them. Those before the drawn numbers are found by a rule, and the others stand after them:
//!
//! | number beside | in draw 1, 3, 2 | rule |
//! | --- | --- | --- |
//! | a fixed one | 100, 100, 100 | does not change |
//! | the count said again | 1, 3, 2 | is the count |
//! | a counter, before or after the draw | 0, 1, 4 or 1, 4, 6 | rises by the counts |
//! | the numbers left, before or after | 100, 99, 96 or 99, 96, 94 | falls by the counts |
//! | an index with each number | `0 = 50`, `1 = 19` | rises by 1 within a reply |
//!
//! **Invariants** A reply is [`Completeness::Yes`] only when all its numbers are there and the last
//! one has ended.
//!
//! **Lock** none: these are pure functions over bytes.
//!
//! **Simplified** A number that is joined to letters (`client7`) is a name, and one before a colon
//! is a label; a line that begins with `error` has no numbers. A number before the drawn ones that
//! follows no rule is taken for a drawn one.
//!
//! **Source** the homework's reply, and the forms in which Python, C and Java print a list.

use crate::common::id::parse_decimal;
use crate::lab::record::{is_refusal, numbers_in, without_colours};

/// The shape of a server's replies. The default is N numbers and nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplyShape {
    /// The line end of a command: LF, CR and LF, or nothing.
    pub line_end: &'static str,
    /// Whether the server sends something before the first command.
    pub banner: bool,
    /// Whether a connection can be used for more than one command.
    pub keeps_open: bool,
    /// The count of numbers before the drawn ones.
    pub before: usize,
    /// The count of numbers after the drawn ones.
    pub after: usize,
    /// The place of the drawn number in a pair, when each has an index beside it: 1 after the
    /// index, 0 before it.
    pub paired: Option<usize>,
    /// The last byte of every reply, when it cannot belong to a number. Most often LF.
    pub last: Option<u8>,
}

/// Whether a reply is there as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// All of it.
    Yes,
    /// All of its numbers, but the last one may have more digits to come.
    Perhaps,
    /// Numbers are missing.
    No,
}

/// Returns the numbers of a reply in their order, without labels and without the lines that begin
/// with `error`. A number of over 64 bits becomes `u64::MAX`, so that the count is right.
pub fn tokens(reply: &[u8]) -> Vec<u64> {
    let plain = without_colours(reply);
    let lines = plain.split(|&byte| byte == b'\n').filter(|line| !is_refusal(line));
    let numbers = lines.flat_map(numbers_in);
    numbers.map(|word| parse_decimal(word).unwrap_or(u64::MAX)).collect()
}

impl ReplyShape {
    /// Learns the numbers beside the drawn ones from whole replies to small draws. `before` and
    /// `after` stay as they are if the samples do not fit together, or if each number has its index
    /// beside it.
    pub fn learn(&mut self, samples: &[(usize, Vec<u8>)]) {
        if samples.is_empty() {
            return;
        }
        let read: Vec<(usize, Vec<u64>)> =
            samples.iter().map(|(asked, reply)| (*asked, tokens(reply))).collect();
        self.last = learn_last(samples);
        // With an index for each, the reply to `draw N` has 2N numbers, and either the first or the
        // second of each pair counts up. An index before the number is tried first.
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

    /// Returns whether `reply` is a whole answer to `draw asked`.
    pub fn completeness(&self, reply: &[u8], asked: usize) -> Completeness {
        let expected =
            if self.paired.is_some() { 2 * asked } else { asked + self.before + self.after };
        if tokens(reply).len() < expected {
            return Completeness::No;
        }
        match (self.last, reply.last()) {
            (Some(last), Some(&byte)) if last == byte => Completeness::Yes,
            _ => Completeness::Perhaps,
        }
    }

    /// Returns the drawn numbers of a reply, without those beside them.
    pub fn numbers(&self, reply: &[u8]) -> Vec<u64> {
        let all = tokens(reply);
        if let Some(place) = self.paired {
            return all.into_iter().skip(place).step_by(2).collect();
        }
        let end = all.len().saturating_sub(self.after);
        all.get(self.before..end).unwrap_or_default().to_vec()
    }
}

/// Returns whether the number at a place follows a rule of the table above, so that it is not a
/// drawn number. A drawn one follows a rule only by chance.
fn follows_a_rule(read: &[(usize, Vec<u64>)], at: usize) -> bool {
    // `i128`, because the difference of two `u64` may not fit an `i64`.
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

/// Returns the byte that ends all samples, unless it may be part of a number or word.
fn learn_last(samples: &[(usize, Vec<u8>)]) -> Option<u8> {
    let last = *samples.first()?.1.last()?;
    let same = samples.iter().all(|(_, reply)| reply.last() == Some(&last));
    (same && !last.is_ascii_alphanumeric()).then_some(last)
}

/// Takes every second number, from `place` on, and returns whether these rise by one each.
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
            assert_ne!(shape.completeness(reply, *asked), Completeness::No, "{replies:?}");
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
        assert_eq!(lines.completeness(b"19\n22", 2), Completeness::Perhaps);
        assert_eq!(lines.completeness(b"19\n228\n", 2), Completeness::Yes);
        assert_eq!(lines.completeness(b"19\n", 2), Completeness::No);
        let bare = learned(["50", "19 228 665", "7 11"]);
        assert_eq!(bare.completeness(b"19 228", 2), Completeness::Perhaps);
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
