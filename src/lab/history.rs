//! A recorded history: for each request the client, the times, the count and the numbers received.
//!
//! Each line has one request. The times are seconds from any zero, with up to nine digits behind
//! the point; all clients must have taken them from one clock. A line that is empty or begins with
//! `#` is passed over.
//!
//! ```text
//!   # client  start     end       asked  numbers
//!   1         0.000000  0.000112  2      5 19
//!   2         0.000050  0.000140  1      228
//!   2         0.000150  0.000190  4      665 7 11
//!   1         0.000200  0.000210  1
//! ```
//!
//! The third reply is the end of the list; at the fourth request nothing is left.
//!
//! `start` is a time before the command was sent, `end` a time after the whole reply had come. A
//! reply with fewer numbers than were asked for says that the list was at its end.
//!
//! **Is there one counter?** If one counter gives all numbers, it gives each number at an instant
//! between the start and the end of the request. If the order of the list is known,
//! [`contradiction`](crate::lab::grader::judgement::contradiction) decides whether such instants
//! exist. If the order is not known, the record itself may decide ([`infer`]):
//!
//! ```text
//!   ├─ 1: 5 ─┤               the list was at its end, and later a number came:
//!              ├─ 2: none ─┤                     no counter does this, for any list
//!                             ├─ 1: 19 ─┤
//!
//!   ├─ 1: 5 19 ─┤                                no two requests overlap: the order is 5 19 228
//!                  ├─ 2: 228 ─┤
//!
//!   ├─ 1: 5 ─┤
//!       ├─ 2: 228 ─┤                             5 228 or 228 5: not decidable
//! ```
//!
//! **Invariants** A line that is not understood is an error, and never passed over.
//!
//! **Lock** none: pure functions over a text.
//!
//! **Simplified** To infer an order, the numbers of a reply count as given in the order in which
//! they stand in it. In a check against a known order, the numbers of one reply may stand in any
//! order.
//!
//! **Source** Herlihy and Wing, "Linearizability" (1990): histories, and the orders that explain
//! them.

use std::time::Duration;

use crate::lab::grader::ledger::Operation;

/// The most numbers that one request may ask for: more than any list has.
const MOST_ASKED: usize = 10_000_000;

/// Reads a history. Returns each request with the number of its line, counted from 1.
///
/// # Errors
/// Fails with the number of the first line that is not understood, and with the reason.
pub fn read(text: &str) -> Result<Vec<(usize, Operation)>, String> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|(at, line)| match operation(line) {
            Ok(operation) => Ok((at, operation)),
            Err(why) => Err(format!("line {at}: {why}")),
        })
        .collect()
}

fn operation(line: &str) -> Result<Operation, String> {
    let mut words = line.split_whitespace();
    let mut word = |what: &str| words.next().ok_or_else(|| format!("{what} is missing"));
    let (client, start, end, asked) =
        (word("the client")?, word("the start")?, word("the end")?, word("the count")?);
    let client = client.parse().map_err(|_| format!("{client} is no number of a client"))?;
    let time = |word: &str| seconds(word).ok_or_else(|| format!("{word} is no time in seconds"));
    let (start, end) = (time(start)?, time(end)?);
    if end < start {
        return Err("it ends before it starts".to_string());
    }
    let count = asked.parse().ok().filter(|&asked| (1..=MOST_ASKED).contains(&asked));
    let asked = count.ok_or_else(|| format!("{asked} is no count of 1 to {MOST_ASKED}"))?;
    let number = |word: &str| word.parse().map_err(|_| format!("{word} is no number"));
    let numbers: Vec<u64> = words.map(number).collect::<Result<_, String>>()?;
    if numbers.len() > asked {
        return Err(format!("{} numbers came, and {asked} were asked for", numbers.len()));
    }
    Ok(Operation { client, start, end, asked, numbers })
}

/// Reads a time such as `12.000000345`, without rounding.
fn seconds(word: &str) -> Option<Duration> {
    // Without a point there is no fraction.
    let (whole, part) = word.split_once('.').unwrap_or((word, "0"));
    let are_digits =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(whole) || !are_digits(part) || part.len() > 9 {
        return None;
    }
    // Zeros behind the digits make nine of them: nanoseconds.
    let nanos: u32 = format!("{part:0<9}").parse().ok()?;
    Some(Duration::new(whole.parse().ok()?, nanos))
}

/// The order of a list, as far as a record of requests decides it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderFound {
    /// No order explains the record. The two indices name requests: the first got fewer numbers
    /// than it asked for, the second began after the end of the first, and got at least one number.
    None(usize, usize),
    /// One order explains the record: these numbers.
    One(Vec<u64>),
    /// Several orders explain the record. The two indices name requests that overlapped in time, so
    /// the numbers of either may have been given first.
    Several(usize, usize),
}

/// Infers the order of the list from a record in which no number came twice. If
/// `short_is_the_end`, a reply with fewer numbers than were asked for says that the list was at its
/// end. Otherwise such a reply says nothing about the list: numbers of it may have been lost.
pub fn infer(operations: &[Operation], short_is_the_end: bool) -> OrderFound {
    let is_short =
        |at: usize| short_is_the_end && operations[at].numbers.len() < operations[at].asked;
    let mut by_start: Vec<usize> = (0..operations.len()).collect();
    by_start.sort_by_key(|&at| operations[at].start);
    // After a short reply has ended, no later request may get a number. The short reply that ended
    // first forbids the most, so one look at it is enough.
    let first_short = by_start.iter().copied().filter(|&at| is_short(at));
    if let Some(short) = first_short.min_by_key(|&at| operations[at].end) {
        let gave = |&at: &usize| {
            operations[at].start > operations[short].end && !operations[at].numbers.is_empty()
        };
        if let Some(later) = by_start.iter().copied().find(gave) {
            return OrderFound::None(short, later);
        }
    }
    let giving: Vec<usize> =
        by_start.into_iter().filter(|&at| !operations[at].numbers.is_empty()).collect();
    // If the second request of a pair begins before the first one has ended, either may have been
    // served first. If no pair is like that, the order of the starts is the only order.
    for pair in giving.windows(2) {
        if operations[pair[0]].end >= operations[pair[1]].start {
            return OrderFound::Several(pair[0], pair[1]);
        }
    }
    OrderFound::One(giving.iter().flat_map(|&at| operations[at].numbers.clone()).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_history_is_read_line_by_line() {
        let text = "# a comment\n\n1 0.5 12.000000345 2 5 19\n7 1 1 3\n";
        let history = read(text).unwrap();
        let first = Operation {
            client: 1,
            start: Duration::from_millis(500),
            end: Duration::new(12, 345),
            asked: 2,
            numbers: vec![5, 19],
        };
        assert_eq!(history[0], (3, first));
        assert_eq!((history[1].0, history[1].1.numbers.len()), (4, 0));
    }

    #[test]
    fn a_line_that_is_not_understood_is_named() {
        for (line, why) in [
            ("1", "line 1: the start is missing"),
            ("a 0 1 1 5", "line 1: a is no number of a client"),
            ("1 0.1s 1 1 5", "line 1: 0.1s is no time in seconds"),
            ("1 0 -1 1 5", "line 1: -1 is no time in seconds"),
            ("1 2 1 1 5", "line 1: it ends before it starts"),
            ("1 0 1 0", "line 1: 0 is no count of 1 to 10000000"),
            ("1 0 1 1 5 19", "line 1: 2 numbers came, and 1 were asked for"),
            ("1 0 1 1 x", "line 1: x is no number"),
        ] {
            assert_eq!(read(line).unwrap_err(), why);
        }
    }

    fn op(start: u64, end: u64, asked: usize, numbers: &[u64]) -> Operation {
        let [start, end] = [start, end].map(Duration::from_micros);
        Operation { client: 1, start, end, asked, numbers: numbers.to_vec() }
    }

    #[test]
    fn numbers_after_the_end_of_the_list_are_no_counters() {
        let record = [op(0, 1, 1, &[5]), op(2, 3, 1, &[]), op(4, 5, 1, &[19])];
        assert_eq!(infer(&record, true), OrderFound::None(1, 2));
        assert_eq!(infer(&record, false), OrderFound::One(vec![5, 19]));
        let beside = [op(0, 1, 1, &[5]), op(2, 6, 1, &[]), op(4, 5, 1, &[19])];
        assert_eq!(infer(&beside, true), OrderFound::One(vec![5, 19]), "they overlapped");
    }

    /// Tries every order of what happened: each number that was given, and each look at a list that
    /// was at its end. Returns the lists that remain.
    fn naive(operations: &[Operation]) -> Vec<Vec<u64>> {
        // The operation, and the number; none for a look at the end of the list.
        let mut events: Vec<(usize, Option<u64>)> = Vec::new();
        for (at, operation) in operations.iter().enumerate() {
            events.extend(operation.numbers.iter().map(|&number| (at, Some(number))));
            if operation.numbers.len() < operation.asked {
                events.push((at, None));
            }
        }
        let may_follow = |before: (usize, Option<u64>), after: (usize, Option<u64>)| {
            let in_time = operations[before.0].start <= operations[after.0].end;
            in_time && (before.1.is_some() || after.1.is_none())
        };
        let mut lists = Vec::new();
        let mut unfinished = vec![(Vec::new(), events)];
        while let Some((order, left)) = unfinished.pop() {
            if left.is_empty() {
                lists.push(order.iter().filter_map(|&(_, number)| number).collect());
            }
            for (place, &event) in left.iter().enumerate() {
                let others = [&left[..place], &left[place + 1..]].concat();
                let is_first_of_its_own = left[..place].iter().all(|other| other.0 != event.0);
                if is_first_of_its_own && others.iter().all(|&other| may_follow(event, other)) {
                    unfinished.push(([&order[..], &[event]].concat(), others));
                }
            }
        }
        lists.sort();
        lists.dedup();
        lists
    }

    proptest! {
        #[test]
        fn it_agrees_with_trying_every_order(
            parts in prop::collection::vec((0_u64..12, 0_u64..5, 1_usize..3, 0_usize..3), 0..5),
        ) {
            let mut next = 0;
            let record: Vec<Operation> = parts
                .into_iter()
                .map(|(start, length, asked, came)| {
                    let numbers: Vec<u64> = (0..came.min(asked) as u64).map(|n| next + n).collect();
                    next += numbers.len() as u64;
                    op(start, start + length, asked, &numbers)
                })
                .collect();
            let lists = naive(&record);
            match infer(&record, true) {
                OrderFound::None(..) => prop_assert_eq!(lists.len(), 0, "{:?}", record),
                OrderFound::One(list) => prop_assert_eq!(lists, [list], "{:?}", record),
                OrderFound::Several(..) => prop_assert!(lists.len() > 1, "{:?}", record),
            }
        }
    }
}
