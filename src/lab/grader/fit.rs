//! How the shape of an unknown server's replies is found: small draws on two connections are
//! compared.
//!
//! ```text
//!   draw 3    "#1 got 19 228 665, 97 left"      6 numbers      6 = around + 3 · unit
//!   draw 1    "#1 got 50, 96 left"              3 numbers      3 = around + 1 · unit
//!                                                              so unit = 1, around = 2
//!   draw 1    "#2 got 7, 95 left"               the second connection
//!              │       └ falls by the counts: a rule, so no drawn number
//!              └ constant on each connection: a rule, too
//! ```
//!
//! The reply to `draw N` has `around + N · unit` numbers. Of these, N are drawn. Each drawn number
//! stands in a unit of `unit` numbers, for example together with its index. `around` more numbers
//! stand before the first unit and after the last one. Each number that is not a drawn one must
//! follow a rule:
//!
//! | number that is not drawn | in draw 1, 3, 2 | rule |
//! | --- | --- | --- |
//! | a fixed one, a client's name | 100, 100, 100 | is the same, on all connections or on each |
//! | the count said again | 1, 3, 2 | is the count |
//! | a counter of numbers, and what is left | 0, 1, 4 and 99, 96, 94 | rises or falls by the counts |
//! | a counter of requests | 1, 2, 3 | rises or falls by 1 |
//! | a length | 3, 11, 6 | minus the bytes behind it, or of the reply, is always the same |
//! | a time in seconds, an id | 1700000000 | is greater than each number of the list |
//!
//! A number that no rule explains counts as a drawn one. The wrong way is to ignore it: then a
//! server that gives one number too many would look right. But if the reply also has words, nobody
//! knows what that number means: then the reply is not understood, and no check judges its numbers.
//!
//! If `unit` is 0, the count of numbers does not depend on N: the server answers one number a
//! message. Then `around` counts all numbers of a reply, the drawn one too.
//!
//! **Lock** none: these are pure functions. **Source** ours.

use std::collections::BTreeSet;

use super::shape::{ReplyLength, ReplyNumber, ReplyShape, words};

/// One small draw: the count that was asked for, the connection, and the whole reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmallDraw {
    /// The count.
    pub asked: usize,
    /// The connection: 1 or 2. A server that closes after each reply needs one for each draw.
    pub connection: usize,
    /// The reply.
    pub reply: Vec<u8>,
}

/// The shape of a server's replies, and whether each message has one number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fit {
    /// The shape.
    pub shape: ReplyShape,
    /// The server answers one number a message.
    pub one_each: bool,
    /// The counts follow a rule, and the replies end alike. If not, the server has a fault, or a
    /// pause has cut a reply.
    pub is_sure: bool,
}

/// Finds the shape of the replies to these draws, which stand in the order of their connections.
/// `greatest` is the greatest number of the list.
///
/// # Errors
/// Fails with a clause that says what is not understood.
pub fn fit(draws: &[SmallDraw], greatest: u32) -> Result<Fit, String> {
    let framing = find_framing(draws);
    let plain = ReplyShape { framing, ..ReplyShape::default() };
    let grouped = ReplyShape { is_grouped: true, ..plain.clone() };
    let has_commas = |draw: &SmallDraw| plain.tokens(&draw.reply) != grouped.tokens(&draw.reply);
    let fits = |draw: &SmallDraw| grouped.tokens(&draw.reply).len() == draw.asked;
    // A comma is taken for a part of a number only if each reply then has the count asked for.
    let is_grouped = draws.iter().any(has_commas) && draws.iter().all(fits);
    let mut shape = if is_grouped { grouped } else { plain };
    // The padding of a reply is not its end: a longer reply has none.
    let is_padded = matches!(shape.framing, ReplyLength::Padded(_));
    shape.last = draws.first().and_then(end).filter(|_| end_alike(draws) && !is_padded);
    shape.words = find_words(draws);
    let read = draws.iter().map(|draw| {
        let (asked, tokens) = (draw.asked, shape.tokens(&draw.reply));
        ReadDraw { asked, tokens, draw }
    });
    let read: Vec<ReadDraw> = read.collect();
    let Some((around, unit)) = counts(&read) else {
        return wrong_counts(draws, shape, "their count follows no rule");
    };
    if unit == 0 {
        return one_each(draws, read, shape, around, greatest);
    }
    shape = place_in_unit(&read, shape, around, unit, greatest)?;
    // The two signs of failure: `extra` counts the numbers that no rule explains, and `beside` is
    // still 0 if no place in the unit can be that of the drawn number.
    if shape.extra > 0 || 1 + shape.beside != unit {
        let what = "it has more numbers than were asked for, and no rule explains them";
        return wrong_counts(draws, shape, what);
    }
    let is_sure = end_alike(draws);
    Ok(Fit { shape, one_each: false, is_sure })
}

/// Returns whether all replies end alike: all with a letter or digit, or all with the same other
/// byte.
fn end_alike(draws: &[SmallDraw]) -> bool {
    draws.windows(2).all(|pair| end(&pair[0]) == end(&pair[1]))
}

/// Returns the last byte of a reply, unless it may be part of a number or word.
fn end(draw: &SmallDraw) -> Option<u8> {
    draw.reply.last().copied().filter(|byte| !byte.is_ascii_alphanumeric())
}

/// A small draw, and all numbers of its reply, drawn ones and others.
struct ReadDraw<'d> {
    /// The count that was drawn: always 1 if the server answers one number a message.
    asked: usize,
    tokens: Vec<ReplyNumber>,
    draw: &'d SmallDraw,
}

/// Returns the shape of a server whose replies have a wrong count of numbers, if they hold no
/// letters: then there is no doubt what the numbers mean.
///
/// # Errors
/// Fails with `what`, the fault in words, and the first reply with letters.
fn wrong_counts(draws: &[SmallDraw], shape: ReplyShape, what: &str) -> Result<Fit, String> {
    let has_words = |draw: &SmallDraw| draw.reply.iter().any(u8::is_ascii_alphabetic);
    match draws.iter().find(|draw| has_words(draw)) {
        None => Ok(Fit { shape, one_each: false, is_sure: false }),
        Some(draw) => Err(format!("{what}: {}", draw.reply.escape_ascii())),
    }
}

/// Returns the fit of a server that answers one number a message, whatever N is. Each of its
/// replies has `around` numbers: the drawn one, and `around - 1` others.
///
/// # Errors
/// Fails with a clause that says what is not understood.
fn one_each(
    draws: &[SmallDraw],
    mut read: Vec<ReadDraw<'_>>,
    shape: ReplyShape,
    around: usize,
    greatest: u32,
) -> Result<Fit, String> {
    // Perhaps each reply has all numbers, and nothing stands between them: 5, 19 and 228 are then
    // `519228`, and nobody can tell where one ends. So the greatest value of the draws of several
    // numbers is compared with that of the draws of one: if only the first is too great for the
    // list, it is several numbers. The argument says which draws: those of one number, or the rest.
    let longest = |is_one: bool| {
        let of_kind = read.iter().filter(|read| (read.asked == 1) == is_one);
        of_kind.flat_map(|read| read.tokens.iter().map(|token| token.value)).max()
    };
    let is_out = |value: Option<u64>| value.is_some_and(|value| value > u64::from(greatest));
    if is_out(longest(false)) && !is_out(longest(true)) {
        let draw = draws.iter().find(|draw| draw.asked > 1).map_or(&[][..], |draw| &draw.reply);
        return Err(format!("nothing stands between its numbers: {}", draw.escape_ascii()));
    }
    // Only one number was drawn for each of these replies, whatever count was asked for.
    read.iter_mut().for_each(|read| read.asked = 1);
    let Some(around) = around.checked_sub(1) else {
        return Err("a reply without a number came".to_string());
    };
    let shape = place_in_unit(&read, shape, around, 1, greatest)?;
    if shape.extra > 0 {
        return Err("each message has several numbers, whatever was asked for".to_string());
    }
    Ok(Fit { shape, one_each: true, is_sure: end_alike(draws) })
}

/// Returns `around` and `unit` of the head of this file, if each reply to `draw N` has
/// `around + N · unit` numbers. Returns `None` if a reply has another count, or if all draws asked
/// for the same N: then the two cannot be told apart.
fn counts(read: &[ReadDraw<'_>]) -> Option<(usize, usize)> {
    let first = read.first()?;
    let other = read.iter().find(|read| read.asked != first.asked)?;
    let more = other.asked.abs_diff(first.asked);
    let (small, large) = if other.asked > first.asked { (first, other) } else { (other, first) };
    let grown = large.tokens.len().checked_sub(small.tokens.len())?;
    let unit = grown / more;
    let around = small.tokens.len().checked_sub(unit * small.asked)?;
    let is_even = |read: &ReadDraw<'_>| read.tokens.len() == around + unit * read.asked;
    read.iter().all(is_even).then_some((around, unit))
}

/// Returns the shape with the places of the drawn numbers: how many of the `around` numbers stand
/// before them and how many after, and which number of each unit is the drawn one. `shape.extra`
/// counts those of the `around` numbers that no rule explains. If the rules leave no place in the
/// unit for the drawn number, `shape.beside` stays 0.
///
/// # Errors
/// Fails with a clause if the drawn numbers follow a rule too.
fn place_in_unit(
    read: &[ReadDraw<'_>],
    mut shape: ReplyShape,
    around: usize,
    unit: usize,
    greatest: u32,
) -> Result<ReplyShape, String> {
    let front = |at: usize| series(read, |tokens| tokens.get(at));
    let back = |at: usize| series(read, |tokens| tokens.iter().rev().nth(at));
    let explained = |greatest: Option<u32>| {
        let in_front = (0..around).take_while(|&at| is_explained(&front(at), greatest)).count();
        let behind = (0..around).take_while(|&at| is_explained(&back(at), greatest)).count();
        (in_front, behind)
    };
    let (mut in_front, mut behind) = explained(Some(greatest));
    if in_front + behind > around {
        // The rules explain more numbers than stand around the units. Perhaps the server's list is
        // too long, and its drawn numbers look like ids: so the rule for ids is left out.
        (in_front, behind) = explained(None);
    }
    if in_front + behind > around && unit == 1 {
        // The list is not shuffled, so the drawn number follows a rule too. Only the words of the
        // reply would tell which number it is, and this program does not understand words.
        let reply = read.first().map_or(&[][..], |read| &read.draw.reply);
        return Err(format!("each of its numbers follows a rule: {}", reply.escape_ascii()));
    }
    shape.before = in_front;
    shape.after = behind.min(around - in_front);
    shape.extra = around - shape.before - shape.after;
    if shape.extra == 0 && unit > 1 {
        let places = (0..unit).filter(|&place| is_beside_others(read, &shape, unit, place));
        // If several places fit, the last one is taken: most servers write an index first.
        if let Some(place) = places.max() {
            (shape.beside, shape.place) = (unit - 1, place);
        }
    }
    Ok(shape)
}

/// Returns whether the drawn number of each unit can stand at `place`: each other number of the
/// unit must follow a rule within every reply. It stays the same, or it rises or falls by 1 from
/// unit to unit.
fn is_beside_others(read: &[ReadDraw<'_>], shape: &ReplyShape, unit: usize, place: usize) -> bool {
    (0..unit).filter(|&other| other != place).all(|other| {
        let of = |read: &ReadDraw<'_>| -> Vec<i128> {
            let end = read.tokens.len() - shape.after;
            let units = read.tokens[shape.before..end].iter();
            units.skip(other).step_by(unit).map(|token| i128::from(token.value)).collect()
        };
        let values: Vec<Vec<i128>> = read.iter().map(of).collect();
        [0, 1, -1].iter().any(|step| {
            // A reply with one unit shows no step.
            let mut longer = values.iter().filter(|values| values.len() > 1).peekable();
            longer.peek().is_some()
                && longer.all(|values| values.windows(2).all(|pair| pair[1] - pair[0] == *step))
        })
    })
}

/// One number of a reply, drawn or not, and the draw.
type NumberOfDraw<'r> = (&'r ReadDraw<'r>, &'r ReplyNumber);

/// Returns the number that `pick` chooses from each reply, in the order of the replies. A reply
/// that has no such number is left out.
fn series<'r>(
    read: &'r [ReadDraw<'_>],
    pick: impl Fn(&'r [ReplyNumber]) -> Option<&'r ReplyNumber>,
) -> Vec<NumberOfDraw<'r>> {
    read.iter().filter_map(|read| Some((read, pick(&read.tokens)?))).collect()
}

/// Returns whether the numbers at one place of the replies follow a rule of the table above, so
/// that they are not drawn ones. Without `greatest` the rule for times and ids is left out.
fn is_explained(all: &[NumberOfDraw<'_>], greatest: Option<u32>) -> bool {
    let parts = || all.chunk_by(|(a, _), (b, _)| a.draw.connection == b.draw.connection);
    // A counter runs over all connections, or each connection has its own. In the second case the
    // counter shows its steps only on a connection with two draws or more.
    let has_steps = parts().any(|part| part.len() > 1);
    let asked = |number: &NumberOfDraw<'_>| number.0.asked as i128;
    let value = |number: &NumberOfDraw<'_>| i128::from(number.1.value);
    let rises = |rule: fn(i128, i128) -> i128| {
        let is_step = |pair: &[NumberOfDraw<'_>]| {
            value(&pair[1]) - value(&pair[0]) == rule(asked(&pair[0]), asked(&pair[1]))
        };
        let follows = |part: &[NumberOfDraw<'_>]| part.windows(2).all(is_step);
        follows(all) || has_steps && parts().all(follows)
    };
    // A length, minus the bytes that it counts, is the same in all replies.
    let is_length = |bytes: fn(&NumberOfDraw<'_>) -> usize| {
        let over = |number: &NumberOfDraw<'_>| value(number) - bytes(number) as i128;
        all.windows(2).all(|pair| over(&pair[0]) == over(&pair[1]))
    };
    // The rules: the count said again, an id, a length, a fixed number, a counter of requests, and
    // a counter of numbers, which moves by the count of the draw before, or of this one.
    all.iter().all(|number| value(number) == asked(number))
        || greatest.is_some_and(|most| all.iter().all(|number| value(number) > i128::from(most)))
        || is_length(|(read, _)| read.draw.reply.len())
        || is_length(|(_, number)| number.rest)
        || rises(|_, _| 0)
        || rises(|_, _| 1)
        || rises(|_, _| -1)
        || rises(|before, _| before)
        || rises(|before, _| -before)
        || rises(|_, now| now)
        || rises(|_, now| -now)
}

/// Returns how the replies say where they end, and tries the most usual widths of a length first.
/// A length of one byte could be a digit by chance, but not in all replies.
fn find_framing(draws: &[SmallDraw]) -> ReplyLength {
    let lengths = [4, 2, 8, 1].into_iter().flat_map(|width| {
        let ways = [(true, false), (false, false), (true, true), (false, true)];
        ways.map(|(is_big, counts_itself)| ReplyLength::Length { width, is_big, counts_itself })
    });
    let is_length = |framing: &ReplyLength| {
        draws.iter().all(|draw| framing.length(&draw.reply) == Some(draw.reply.len()))
    };
    if let Some(framing) = lengths.into_iter().find(is_length) {
        return framing;
    }
    let is_padded = |draw: &SmallDraw| matches!(draw.reply.last(), Some(0 | b' '));
    // One record for each number, or one for each message. `of` returns their count. A width
    // under 8 is no record: it can be a short number with a space behind it.
    let width = |of: fn(&SmallDraw) -> usize| {
        let first = draws.first()?;
        let width = first.reply.len() / of(first).max(1);
        let fits = |draw: &SmallDraw| draw.reply.len() == width * of(draw);
        (width >= 8 && draws.iter().all(|draw| is_padded(draw) && fits(draw))).then_some(width)
    };
    let records = width(|draw| draw.asked).map(ReplyLength::Records);
    records.or_else(|| width(|_| 1).map(ReplyLength::Padded)).unwrap_or(ReplyLength::None)
}

/// Returns the words of all replies; `None` if the second connection has words that the first has
/// not, such as the name of its client.
fn find_words(draws: &[SmallDraw]) -> Option<BTreeSet<Vec<u8>>> {
    let of = |is_first: bool| -> BTreeSet<Vec<u8>> {
        let replies = draws.iter().filter(|draw| (draw.connection == 1) == is_first);
        replies.flat_map(|draw| words(&draw.reply)).collect()
    };
    let (first, other) = (of(true), of(false));
    other.is_subset(&first).then_some(first)
}

#[cfg(test)]
#[path = "fit_tests.rs"]
mod tests;
