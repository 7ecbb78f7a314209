//! Lesson 3, bad weather: one request by datagrams, and a network that does what it is told.
//!
//! ```text
//!   moves   0L.2R.4D10000      datagram 0 is lost, 2 comes twice, 4 comes 10,000 ms late
//! ```
//!
//! The protocols are those of the lecture. R is a request without a reply, RR a request and its
//! reply, RRA in addition an acknowledgement of the reply. The promise says how often the server
//! executes a request: maybe (it is sent once, and may be lost), at least once, or at most once.
//!
//! **Invariants** a view is the run of [`crate::lab::weather`], with the library's own client and
//! the server's own history, which remembers the replies.
//!
//! **Lock** none: time and network are simulated.
//!
//! **Source** the lecture: R, RR and RRA, and the three promises about repeats.

use std::sync::LazyLock;
use std::time::Duration;

use super::Lesson;
use super::settings::Settings;
use super::view::{flag, list, number, record, text};
use crate::lab::weather::{
    COLUMNS, DELAYS, DatagramFault, Passage, Placement, RequestProtocol, rows, run,
};
use crate::protocol::http::value::Value;

/// The lesson.
pub const LESSON: Lesson = Lesson {
    name: "weather",
    title: "Bad weather",
    question: "a datagram is lost, repeated, late. How is a request still executed once?",
    html: include_str!("pages/weather.html"),
    script: include_str!("pages/weather.js"),
    settings: &["protocol", "promise", "moves"],
    questions: &[("view", view), ("table", table)],
    between: ".",
    runs: &[
        ("The reply is lost, at least once", "protocol=RR&promise=at-least-once&moves=1L"),
        ("The reply is lost, at most once", "protocol=RR&promise=at-most-once&moves=1L"),
        ("A request that nobody remembers", "protocol=RRA&promise=at-most-once&moves=0D100000"),
        ("R in bad weather", "protocol=R&promise=maybe&moves=0L"),
    ],
};

/// The most faults of one run.
const MOST_FAULTS: usize = 20;

/// Returns the protocol of the settings.
fn protocol(settings: &Settings) -> Result<RequestProtocol, String> {
    let protocol = settings.text_or("protocol", "RR");
    let promise = settings.text_or("promise", "at-most-once").replace('-', " ");
    // R sends one request and promises nothing, whatever else is chosen.
    let promise = if protocol == "R" { "maybe" } else { &promise };
    let found = RequestProtocol::ALL.into_iter().find(|one| one.names() == [protocol, promise]);
    found.ok_or_else(|| {
        "protocol is R, RR or RRA, and promise maybe, at-least-once or at-most-once; give those"
            .into()
    })
}

/// Reads one fault, such as `0L`, `2R`, `2R120` or `4D10000`: the number of a datagram, and the
/// fault that it meets (lost, repeated, delayed) with a delay in milliseconds, 0 or one of
/// [`DELAYS`].
fn read(word: &str) -> Result<(usize, DatagramFault), String> {
    let why = || format!("{word} is no fault; give 0L for lost, 0R for repeated, 0D120 for late");
    let letter = word.find(|c: char| !c.is_ascii_digit()).ok_or_else(why)?;
    let (datagram, rest) = word.split_at(letter);
    let datagram = datagram.parse().map_err(|_| why())?;
    let late = |text: &str| {
        let ms: u64 = text.parse().map_err(|_| why())?;
        let delay = Duration::from_millis(ms);
        if ms == 0 || DELAYS.contains(&delay) { Ok(delay) } else { Err(why()) }
    };
    let mut letters = rest.chars();
    let fault = match (letters.next().unwrap_or_default(), letters.as_str()) {
        ('L', "") => DatagramFault::Lose,
        ('R', "") => DatagramFault::Repeat(Duration::ZERO),
        ('R', delay) => DatagramFault::Repeat(late(delay)?),
        ('D', delay) => DatagramFault::Delay(late(delay)?),
        _ => return Err(why()),
    };
    Ok((datagram, fault))
}

/// Answers with the run under the faults that the moves name. In the answer, `burnt` is the count
/// of numbers that were drawn and never came to the client, and `kept` the count of replies in the
/// server's history after the last datagram that arrives within 60 s.
fn view(settings: &Settings) -> Result<Value, String> {
    let protocol = protocol(settings)?;
    let placement: Placement = settings.moves().map(read).collect::<Result<_, _>>()?;
    let is_again = |at: usize| placement[..at].iter().any(|(other, _)| *other == placement[at].0);
    if let Some(at) = (0..placement.len()).find(|&at| is_again(at)) {
        let which = placement[at].0;
        return Err(format!("datagram {which} has two faults; give it one"));
    }
    if placement.len() > MOST_FAULTS {
        return Err(format!("there are over {MOST_FAULTS} faults; take some away"));
    }
    // The client has its token already.
    let with_hello = false;
    let run = run(protocol, &placement, with_hello);
    let fault_of = |number: usize| placement.iter().find(|(at, _)| *at == number);
    let passage = |(at, one): (usize, &Passage)| {
        let arrival =
            |(ms, does): &(u64, String)| record([("ms", number(*ms)), ("does", text(does))]);
        record([
            ("to_server", flag(one.to_server)),
            ("kind", text(one.kind)),
            ("sent", number(one.sent_ms)),
            ("fault", fault_of(at).map_or(Value::Null, |(_, fault)| text(said(*fault)))),
            ("arrivals", list(one.arrivals.iter().map(arrival))),
        ])
    };
    let [name, promise] = protocol.names();
    Ok(record([
        ("protocol", text(name)),
        ("promise", text(promise)),
        ("passages", list(run.passages.iter().enumerate().map(passage))),
        ("executed", number(run.executed)),
        ("answered", flag(run.answered)),
        ("burnt", number(run.burnt())),
        ("kept", number(run.kept)),
        ("delays", list(DELAYS.map(|delay| number(delay.as_millis())))),
    ]))
}

/// Says a fault in words.
fn said(fault: DatagramFault) -> String {
    match fault {
        DatagramFault::Lose => "lost".into(),
        DatagramFault::Delay(delay) => format!("{} ms late", delay.as_millis()),
        DatagramFault::Repeat(Duration::ZERO) => "repeated".into(),
        DatagramFault::Repeat(delay) => format!("repeated {} ms later", delay.as_millis()),
    }
}

/// Answers with the lab's table: the outcomes of all placements of up to three faults. The first
/// question computes it, and the server keeps it, because that takes long.
fn table(_: &Settings) -> Result<Value, String> {
    static ROWS: LazyLock<Vec<[String; COLUMNS.len()]>> = LazyLock::new(rows);
    let row = |cells: &[String; COLUMNS.len()]| list(cells.iter().map(text));
    Ok(record([("columns", list(COLUMNS.map(text))), ("rows", list(ROWS.iter().map(row)))]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(query: &str) -> Result<Value, String> {
        view(&Settings::read(Some(query.as_bytes()), LESSON.settings).unwrap())
    }

    #[test]
    fn a_fault_is_a_datagram_and_what_happens_to_it() {
        assert_eq!(read("0L"), Ok((0, DatagramFault::Lose)));
        assert_eq!(read("12R120"), Ok((12, DatagramFault::Repeat(DELAYS[0]))));
        assert_eq!(read("3D100000"), Ok((3, DatagramFault::Delay(DELAYS[2]))));
        for word in
            ["", "L", "0", "0X", "0Lx", "0D", "0D7", "0R7", "-1L", "0é", "99999999999999999999L"]
        {
            assert!(read(word).is_err(), "{word}");
        }
    }

    #[test]
    fn a_repeated_request_is_executed_twice_unless_at_most_once_was_promised() {
        let executed = |query: &str| {
            let Value::Record(fields) = ask(query).unwrap() else { panic!("no record") };
            fields.into_iter().find(|(name, _)| name == "executed").unwrap().1
        };
        assert_eq!(executed("promise=at-least-once&moves=0R"), Value::Number(2));
        assert_eq!(executed("promise=at-most-once&moves=0R"), Value::Number(1));
        assert_eq!(executed("protocol=R&moves=0L"), Value::Number(0));
        assert!(ask("moves=0L.00R").is_err());
        assert!(ask("protocol=RRRA").is_err() && ask("promise=perhaps").is_err());
    }
}
