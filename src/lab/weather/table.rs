//! Runs every placement of a few faults, and makes a table of the results. A placement says which
//! fault meets which datagram.
//!
//! **Invariants** a placement is tried once: its faults are in the order of sending.
//!
//! **Lock** none. **Source** ours.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::{DELAYS, DatagramFault, Placement, RequestProtocol, WeatherRun, run};

/// Returns all faults that one datagram may meet.
fn faults() -> Vec<DatagramFault> {
    let mut faults = vec![DatagramFault::Lose, DatagramFault::Repeat(Duration::ZERO)];
    faults.extend(DELAYS.map(DatagramFault::Delay));
    faults.extend(DELAYS.map(DatagramFault::Repeat));
    faults
}

/// Runs `placement`, and every placement that has up to `left` further faults behind it. Calls
/// `each` with each placement and its run.
///
/// A further fault is on a later datagram than the last fault. So no placement is run twice, and no
/// datagram has two faults.
pub fn every(
    protocol: RequestProtocol,
    placement: &mut Placement,
    left: usize,
    with_hello: bool,
    each: &mut impl FnMut(&Placement, &WeatherRun),
) {
    let outcome = run(protocol, placement, with_hello);
    each(placement, &outcome);
    let from = placement.last().map_or(0, |(at, _)| at + 1);
    if left > 0 {
        for at in from..outcome.passages.len() {
            for fault in faults() {
                placement.push((at, fault));
                every(protocol, placement, left - 1, with_hello, each);
                placement.pop();
            }
        }
    }
}

/// The results of some placements together: two counts, and for each other figure the range from
/// the least to the greatest.
#[derive(Debug)]
pub struct OutcomeSpan {
    /// The placements that were tried.
    pub placements: usize,
    /// The placements after which the client has a number.
    pub answered: usize,
    /// The executions of the request.
    pub executed: RangeInclusive<u32>,
    /// The numbers that never came to the client.
    pub burnt: RangeInclusive<u32>,
    /// The datagrams that were sent.
    pub datagrams: RangeInclusive<usize>,
    /// The replies that the history kept.
    pub kept: RangeInclusive<usize>,
}

/// Runs every placement of up to `faults` faults, and returns their results together.
pub fn span(protocol: RequestProtocol, faults: usize, with_hello: bool) -> OutcomeSpan {
    // The ranges begin with the run without a fault. `every` runs it again, and counts it.
    let first = run(protocol, &[], with_hello);
    let mut span = OutcomeSpan {
        placements: 0,
        answered: 0,
        executed: first.executed..=first.executed,
        burnt: first.burnt()..=first.burnt(),
        datagrams: first.passages.len()..=first.passages.len(),
        kept: first.kept..=first.kept,
    };
    every(protocol, &mut Vec::new(), faults, with_hello, &mut |_, outcome| {
        span.placements += 1;
        span.answered += usize::from(outcome.answered);
        widen(&mut span.executed, outcome.executed);
        widen(&mut span.burnt, outcome.burnt());
        widen(&mut span.datagrams, outcome.passages.len());
        widen(&mut span.kept, outcome.kept);
    });
    span
}

/// Makes a range wider, if need be, so that it contains `value`.
fn widen<T: Copy + Ord>(range: &mut RangeInclusive<T>, value: T) {
    *range = value.min(*range.start())..=value.max(*range.end());
}

fn shown<T: Display + PartialEq>(range: RangeInclusive<T>) -> String {
    let (least, most) = range.into_inner();
    if least == most { format!("{least}") } else { format!("{least} to {most}") }
}

/// The columns of [`rows`].
pub const COLUMNS: [&str; 9] = [
    "protocol",
    "semantics",
    "faults",
    "placements",
    "answered",
    "executed",
    "numbers burnt",
    "datagrams",
    "replies kept",
];

/// Returns the table: each protocol without a fault, and with every placement of up to three.
pub fn rows() -> Vec<[String; COLUMNS.len()]> {
    let row = |protocol: RequestProtocol, faults: usize| {
        let OutcomeSpan { placements, answered, executed, burnt, datagrams, kept } =
            span(protocol, faults, false);
        let answered = match protocol {
            RequestProtocol::R => "not wanted".into(),
            _ if answered == placements => "all".into(),
            _ => format!("{answered}"),
        };
        let [name, promise] = protocol.names().map(String::from);
        let faults = if faults == 0 { "none" } else { "up to 3" }.into();
        let [executed, burnt] = [executed, burnt].map(shown);
        let [datagrams, kept] = [datagrams, kept].map(shown);
        let placements = placements.to_string();
        [name, promise, faults, placements, answered, executed, burnt, datagrams, kept]
    };
    RequestProtocol::ALL
        .into_iter()
        .flat_map(|protocol| [0, 3].map(|faults| row(protocol, faults)))
        .collect()
}
