//! The request-reply protocols against an adversary that tries everything: every placement
//! of up to three faults over one exchange, for each protocol and semantics.
//!
//! The client's half is the library's own `Exchange`, the server's half the server's own
//! `Datagrams`; the network between them, and the clock, are those of `lab::weather`. What comes of
//! it is the table in docs/book/weather.md: `LEASEBOX_WRITE=1 cargo test --test request_reply`
//! writes it, and without that the test compares.

mod support;

use leasebox::client::exchange::{Exchange, ExchangePurpose, Semantics, Way};
use leasebox::commands::{Draw, Reply, Request};
use leasebox::lab::weather::{
    COLUMNS, DatagramFault, LIMIT, Placement, RETRY, RequestProtocol, SimulatedNetwork, every,
    rows, run, span,
};

/// The table in Markdown.
fn table() -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head = COLUMNS.map(String::from);
    let rule = COLUMNS.map(|_| "---".to_string());
    let rows: String = rows().iter().map(|row| line(row)).collect();
    line(&head) + &line(&rule) + &rows
}

#[test]
fn at_most_once_executes_once_and_burns_no_number_wherever_the_faults_are() {
    for protocol in
        [RequestProtocol::Rr(Semantics::AtMostOnce), RequestProtocol::Rra(Semantics::AtMostOnce)]
    {
        for with_hello in [false, true] {
            every(protocol, &mut Vec::new(), 3, with_hello, &mut |placement, outcome| {
                assert!(
                    outcome.executed == 1 && outcome.answered,
                    "{protocol:?}, {placement:?}: {outcome:?}"
                );
            });
        }
    }
}

/// A call that gives up after two copies, and another after it; the stragglers of both arrive
/// when they like.
fn give_up_and_call_again(
    placement: &[(usize, DatagramFault)],
) -> (SimulatedNetwork, Vec<Option<Vec<u32>>>) {
    let (mut weather, mut peer) = SimulatedNetwork::greeted(placement);
    let request = Request::Draw(Draw { count: 1 });
    let way = Way { semantics: Semantics::AtMostOnce, acknowledge: true, retry: RETRY };
    let outcomes = [2 * RETRY, LIMIT].map(|limit| {
        let mut exchange =
            Exchange::new(ExchangePurpose::Ask(&request), way, &mut peer, limit, weather.now());
        weather.carry_out(&mut exchange, &mut peer);
        match exchange.into_outcome() {
            Ok(Some(Reply::Drawn(drawn))) => Some(drawn.numbers()),
            _ => None,
        }
    });
    weather.let_stragglers_arrive();
    (weather, outcomes.to_vec())
}

#[test]
fn a_call_that_was_given_up_is_not_executed_twice_nor_taken_for_the_next() {
    fn every_one(faults: &[DatagramFault], placement: &mut Placement, left: usize) -> usize {
        let (weather, outcomes) = give_up_and_call_again(placement);
        let shown = || format!("{placement:?}: {outcomes:?}, {} executed", weather.executed());
        assert!(weather.executed() <= 2, "{}", shown());
        assert!(outcomes[0].is_none() || outcomes[0] != outcomes[1], "{}", shown());
        let mut given_up = usize::from(outcomes[0].is_none() && outcomes[1].is_some());
        let from = placement.last().map_or(0, |(at, _)| at + 1);
        if left > 0 {
            for at in from..weather.sent() {
                for &fault in faults {
                    placement.push((at, fault));
                    given_up += every_one(faults, placement, left - 1);
                    placement.pop();
                }
            }
        }
        given_up
    }
    // The faults that one datagram may meet, as the placements of one fault have them.
    let mut faults = Vec::new();
    every(RequestProtocol::R, &mut Vec::new(), 1, false, &mut |placement, _| {
        faults.extend(placement.iter().map(|(_, fault)| *fault));
    });
    assert_eq!(faults.len(), 8);
    let given_up = every_one(&faults, &mut Vec::new(), 3);
    assert!(given_up > 100, "only {given_up} placements made the first call give up");
}

#[test]
fn the_hello_before_it_may_meet_the_same_faults() {
    for protocol in RequestProtocol::ALL {
        let span = span(protocol, 2, true);
        let (most, is_at_most_once) = (*span.executed.end(), protocol.names()[1] == "at most once");
        assert!(most <= if is_at_most_once { 1 } else { 3 }, "{protocol:?}: {span:?}");
        assert!(span.placements > 100);
    }
}

#[test]
fn at_least_once_is_always_answered_and_burns_numbers() {
    for protocol in
        [RequestProtocol::Rr(Semantics::AtLeastOnce), RequestProtocol::Rra(Semantics::AtLeastOnce)]
    {
        let span = span(protocol, 3, false);
        assert_eq!(span.answered, span.placements);
        assert!(*span.executed.start() == 1 && *span.executed.end() > 3, "{span:?}");
    }
}

#[test]
fn maybe_is_maybe() {
    for protocol in [
        RequestProtocol::R,
        RequestProtocol::Rr(Semantics::Maybe),
        RequestProtocol::Rra(Semantics::Maybe),
    ] {
        let span = span(protocol, 1, false);
        assert_eq!(span.executed, 0..=2, "lost, or repeated by the network");
    }
}

#[test]
fn an_acknowledgement_lets_the_server_drop_the_reply() {
    let kept = |protocol| span(protocol, 0, false).kept;
    assert_eq!(kept(RequestProtocol::Rr(Semantics::AtMostOnce)), 1..=1);
    assert_eq!(kept(RequestProtocol::Rra(Semantics::AtMostOnce)), 0..=0);
}

#[test]
fn a_run_tells_what_each_datagram_did() {
    let lost = [(0, DatagramFault::Lose), (2, DatagramFault::Repeat(RETRY))];
    let run = run(RequestProtocol::Rra(Semantics::AtMostOnce), &lost, false);
    let told: Vec<_> = run
        .passages
        .iter()
        .map(|one| {
            let does: Vec<_> =
                one.arrivals.iter().map(|(at, does)| format!("{at} {does}")).collect();
            format!("{} {}: {}", one.sent_ms, one.kind, does.join(", "))
        })
        .collect();
    assert_eq!(
        told,
        [
            "0 request: ",
            "50 request: 51 executes it: number 1",
            "51 reply: 52 takes it, 102 is not listening any more",
            "52 acknowledgement: 53 drops the reply",
        ]
    );
}

#[test]
fn the_table_in_the_report_is_what_comes_of_it() {
    support::report::stands("docs/book/weather.md", "tests/request_reply.rs", &table());
}
