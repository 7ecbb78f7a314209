//! How the shape of an unknown server's replies is found: small draws on two connections are
//! compared.
//!
//! ```text
//!   draw 3    "#1 got 19 228 665, 97 left"      6 numbers      6 = a + 3u
//!   draw 1    "#1 got 50, 96 left"              3 numbers      3 = a + 1u    so u = 1, a = 2
//!   draw 1    "#2 got 7, 95 left"               the second connection
//!              │       └ falls by the counts: a rule, so no drawn number
//!              └ constant on each connection: a rule, too
//! ```
//!
//! The replies to `draw N` have a + uN numbers. Of these, u − 1 stand beside each drawn number and
//! a beside all of them, if a rule explains each of them:
//!
//! | number beside | in draw 1, 3, 2 | rule |
//! | --- | --- | --- |
//! | a fixed one, a client's name | 100, 100, 100 | is the same, on all connections or on each |
//! | the count said again | 1, 3, 2 | is the count |
//! | a counter of numbers, and what is left | 0, 1, 4 and 99, 96, 94 | rises or falls by the counts |
//! | a counter of requests | 1, 2, 3 | rises or falls by 1 |
//! | a length | 3, 11, 6 | differs from the bytes behind it by the same |
//! | a time in seconds, an id | 1700000000 | is never in the list |
//!
//! A number that no rule explains is a drawn one: the wrong way is to take the number that is one
//! too many for a decoration, because a server that gives one number too many would look right.
//! But if words stand in the reply, nobody knows what that number means: then the reply is not
//! understood, and no check judges its numbers.
//!
//! If u is 0, the server answers one number a message, whatever N is.
//!
//! **Lock** none: these are pure functions. **Source** ours.

use std::collections::{BTreeMap, BTreeSet};

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

/// Finds the shape.
///
/// # Errors
/// Fails with a clause that says what is not understood.
pub fn fit(draws: &[SmallDraw], greatest: u32) -> Result<Fit, String> {
    let framing = find_framing(draws);
    let plain = ReplyShape { framing, ..ReplyShape::default() };
    let grouped = ReplyShape { is_grouped: true, ..plain.clone() };
    let has_commas = |draw: &SmallDraw| plain.tokens(&draw.reply) != grouped.tokens(&draw.reply);
    let fits = |draw: &SmallDraw| grouped.tokens(&draw.reply).len() == draw.asked;
    let is_grouped = draws.iter().any(has_commas) && draws.iter().all(fits);
    let mut shape = if is_grouped { grouped } else { plain };
    shape.last = find_last(draws);
    shape.words = find_words(draws);
    let read: Vec<Read> = draws.iter().map(|draw| Read::new(draw, &shape)).collect();
    let Some((beside, unit)) = counts(&read) else {
        return wrong_counts(draws, shape, "their count follows no rule");
    };
    if unit == 0 {
        return one_each(draws, &read, shape, beside, greatest);
    }
    shape = place_in_unit(&read, shape, beside, unit, greatest)?;
    if shape.extra > 0 || shape.unit != unit {
        let what = "it has more numbers than were asked for, and no rule explains them";
        return wrong_counts(draws, shape, what);
    }
    let is_sure = end_alike(draws);
    Ok(Fit { shape, one_each: false, is_sure })
}

/// Returns whether all replies end alike: all with a letter or digit, or all with the same other
/// byte.
fn end_alike(draws: &[SmallDraw]) -> bool {
    let end =
        |draw: &SmallDraw| draw.reply.last().filter(|byte| !byte.is_ascii_alphanumeric()).copied();
    draws.windows(2).all(|pair| end(&pair[0]) == end(&pair[1]))
}

/// A small draw with its numbers.
struct Read<'d> {
    asked: usize,
    connection: usize,
    length: usize,
    tokens: Vec<ReplyNumber>,
    reply: &'d [u8],
}

impl<'d> Read<'d> {
    fn new(draw: &'d SmallDraw, shape: &ReplyShape) -> Self {
        let SmallDraw { asked, connection, ref reply } = *draw;
        let (length, tokens) = (reply.len(), shape.tokens(reply));
        Self { asked, connection, length, tokens, reply }
    }
}

/// Returns the shape of a server whose counts are wrong, if its replies hold nothing but numbers:
/// then there is no doubt what they mean.
fn wrong_counts(draws: &[SmallDraw], shape: ReplyShape, what: &str) -> Result<Fit, String> {
    let has_words = |draw: &SmallDraw| draw.reply.iter().any(u8::is_ascii_alphabetic);
    match draws.iter().find(|draw| has_words(draw)) {
        None => Ok(Fit { shape, one_each: false, is_sure: false }),
        Some(draw) => Err(format!("{what}: {}", draw.reply.escape_ascii())),
    }
}

/// Returns the fit of a server that answers one number a message.
fn one_each(
    draws: &[SmallDraw],
    read: &[Read<'_>],
    shape: ReplyShape,
    beside: usize,
    greatest: u32,
) -> Result<Fit, String> {
    // `5`, `19` and `228` without anything between them are `519228`, and nobody can cut that.
    let longest = |is_one: bool| {
        let of_kind = read.iter().filter(|read| (read.asked == 1) == is_one);
        of_kind.flat_map(|read| read.tokens.iter().map(|token| token.value)).max()
    };
    let is_out = |value: Option<u64>| value.is_some_and(|value| value > u64::from(greatest));
    if is_out(longest(false)) && !is_out(longest(true)) {
        let draw = draws.iter().find(|draw| draw.asked > 1).map_or(&[][..], |draw| &draw.reply);
        return Err(format!("nothing stands between its numbers: {}", draw.escape_ascii()));
    }
    let single: Vec<Read> =
        read.iter().map(|read| Read { asked: 1, tokens: read.tokens.clone(), ..*read }).collect();
    let Some(beside) = beside.checked_sub(1) else {
        return Err("a reply without a number came".to_string());
    };
    let shape = place_in_unit(&single, shape, beside, 1, greatest)?;
    if shape.extra > 0 {
        return Err("each message has several numbers, whatever was asked for".to_string());
    }
    Ok(Fit { shape, one_each: true, is_sure: end_alike(draws) })
}

/// Returns how many numbers stand beside the drawn ones, and how many come with each of them.
/// Returns `None` if the counts do not grow evenly.
fn counts(read: &[Read<'_>]) -> Option<(usize, usize)> {
    let first = read.first()?;
    let other = read.iter().find(|read| read.asked != first.asked)?;
    let more = other.asked.abs_diff(first.asked);
    let (small, large) = if other.asked > first.asked { (first, other) } else { (other, first) };
    let grown = large.tokens.len().checked_sub(small.tokens.len())?;
    let unit = grown / more;
    let beside = small.tokens.len().checked_sub(unit * small.asked)?;
    let is_even = |read: &Read<'_>| read.tokens.len() == beside + unit * read.asked;
    read.iter().all(is_even).then_some((beside, unit))
}

/// Divides the numbers beside the drawn ones into those before and those after, and finds the
/// drawn one among the `unit` numbers that come for each.
fn place_in_unit(
    read: &[Read<'_>],
    mut shape: ReplyShape,
    beside: usize,
    unit: usize,
    greatest: u32,
) -> Result<ReplyShape, String> {
    let front = |at: usize| series(read, |tokens| tokens.get(at));
    let back =
        |at: usize| series(read, |tokens| tokens.len().checked_sub(at + 1).map(|i| &tokens[i]));
    let explained = |greatest: Option<u32>| {
        let in_front = (0..beside).take_while(|&at| is_explained(&front(at), greatest)).count();
        let behind = (0..beside).take_while(|&at| is_explained(&back(at), greatest)).count();
        (in_front, behind)
    };
    let (mut in_front, mut behind) = explained(Some(greatest));
    if in_front + behind > beside {
        // The server's list may be longer than it should be: then its numbers are no ids.
        (in_front, behind) = explained(None);
    }
    if in_front + behind > beside && unit == 1 {
        // The list is not shuffled, so the drawn number follows a rule too. Then only the words
        // tell, and they are not read.
        let reply = read.first().map_or(&[][..], |read| read.reply);
        return Err(format!("each of its numbers follows a rule: {}", reply.escape_ascii()));
    }
    shape.before = in_front;
    shape.after = behind.min(beside - in_front);
    shape.extra = beside - shape.before - shape.after;
    if shape.extra == 0 && unit > 1 {
        let places = (0..unit).filter(|&place| is_beside_others(read, &shape, unit, place));
        // An index before the number is the usual form.
        if let Some(place) = places.max() {
            (shape.unit, shape.place) = (unit, place);
        }
    }
    Ok(shape)
}

/// Returns whether each other number of a unit follows a rule within the replies: it is always the
/// same, or it rises or falls by 1.
fn is_beside_others(read: &[Read<'_>], shape: &ReplyShape, unit: usize, place: usize) -> bool {
    (0..unit).filter(|&other| other != place).all(|other| {
        let of = |read: &Read<'_>| -> Vec<i128> {
            let end = read.tokens.len() - shape.after;
            let units = read.tokens[shape.before..end].iter();
            units.skip(other).step_by(unit).map(|token| i128::from(token.value)).collect()
        };
        let values: Vec<Vec<i128>> = read.iter().map(of).collect();
        [0, 1, -1].iter().any(|step| {
            let mut longer = values.iter().filter(|values| values.len() > 1).peekable();
            longer.peek().is_some()
                && longer.all(|values| values.windows(2).all(|pair| pair[1] - pair[0] == *step))
        })
    })
}

/// One number of each reply, in the order of the replies.
struct Beside {
    asked: i128,
    connection: usize,
    value: i128,
    /// The value less the bytes of the whole reply, and less the bytes behind the number.
    over: [i128; 2],
}

fn series<'r>(
    read: &'r [Read<'_>],
    pick: impl Fn(&'r [ReplyNumber]) -> Option<&'r ReplyNumber>,
) -> Vec<Beside> {
    let field = |read: &'r Read<'_>| {
        let token = pick(&read.tokens)?;
        let value = i128::from(token.value);
        let over = [value - read.length as i128, value - token.rest as i128];
        Some(Beside { asked: read.asked as i128, connection: read.connection, value, over })
    };
    read.iter().filter_map(field).collect()
}

/// Returns whether a number follows a rule of the table above, so that it is not a drawn one. A
/// drawn one follows a rule only by chance.
fn is_explained(fields: &[Beside], greatest: Option<u32>) -> bool {
    let mut by_connection: BTreeMap<usize, Vec<&Beside>> = BTreeMap::new();
    for field in fields {
        by_connection.entry(field.connection).or_default().push(field);
    }
    let all: Vec<&Beside> = fields.iter().collect();
    let parts: Vec<Vec<&Beside>> = by_connection.into_values().collect();
    // A connection with one draw alone shows no rule.
    let has_steps = parts.iter().any(|part| part.len() > 1);
    let rises = |rule: fn(i128, i128) -> i128| {
        let follows = |part: &Vec<&Beside>| {
            let step = |pair: &[&Beside]| pair[1].value - pair[0].value;
            part.windows(2).all(|pair| step(pair) == rule(pair[0].asked, pair[1].asked))
        };
        follows(&all) || has_steps && parts.iter().all(follows)
    };
    let is_same = |value: fn(&Beside) -> i128| all.windows(2).all(|p| value(p[0]) == value(p[1]));
    fields.iter().all(|field| field.value == field.asked)
        || greatest.is_some_and(|most| fields.iter().all(|f| f.value > i128::from(most)))
        || is_same(|field| field.over[0])
        || is_same(|field| field.over[1])
        || rises(|_, _| 0)
        || rises(|_, _| 1)
        || rises(|_, _| -1)
        || rises(|before, _| before)
        || rises(|before, _| -before)
        || rises(|_, now| now)
        || rises(|_, now| -now)
}

/// Returns the framing that fits all replies. A length of one byte could be a digit by chance, but
/// not in all of them.
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
    // One record for each number, or one for each message.
    let width = |of: fn(&SmallDraw) -> usize| {
        let first = draws.first()?;
        let width = first.reply.len() / of(first).max(1);
        let fits = |draw: &SmallDraw| draw.reply.len() == width * of(draw);
        (width >= 8 && draws.iter().all(|draw| is_padded(draw) && fits(draw))).then_some(width)
    };
    width(|draw| draw.asked)
        .or_else(|| width(|_| 1))
        .map_or(ReplyLength::None, ReplyLength::Records)
}

/// Returns the words of all replies, or `None` if each connection has words of its own, such as the
/// name of its client.
fn find_words(draws: &[SmallDraw]) -> Option<BTreeSet<Vec<u8>>> {
    let of = |is_first: bool| -> BTreeSet<Vec<u8>> {
        let replies = draws.iter().filter(|draw| (draw.connection == 1) == is_first);
        replies.flat_map(|draw| words(&draw.reply)).collect()
    };
    let (first, other) = (of(true), of(false));
    other.is_subset(&first).then_some(first)
}

/// Returns the byte that ends all replies, unless it may be part of a number or word.
fn find_last(draws: &[SmallDraw]) -> Option<u8> {
    let last = *draws.first()?.reply.last()?;
    let same = draws.iter().all(|draw| draw.reply.last() == Some(&last));
    (same && !last.is_ascii_alphanumeric()).then_some(last)
}

#[cfg(test)]
#[path = "fit_tests.rs"]
mod tests;
