//! The request-reply protocols against an adversary that tries everything: every placement
//! of up to three faults over one exchange, for each protocol and semantics.
//!
//! The client's half is the library's own `Exchange`, the server's half the server's own
//! `Datagrams`; the network between them, and the clock, are this test's. What comes of it
//! is the table in REPORT.md, section 6: `LEASEBOX_WRITE=1 cargo test --test request_reply`
//! writes it, and without that the test compares.

mod support;

use std::collections::BTreeMap;
use std::hash::RandomState;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use leasebox::client::exchange::{Exchange, ExchangePurpose, NextStep, Semantics, Way};
use leasebox::client::peer::Peer;
use leasebox::commands::{Draw, Reply, Request};
use leasebox::common::caller::ClientNumber;
use leasebox::numbers::taken::Drawn;
use leasebox::protocol::byte_order::ByteOrder;
use leasebox::protocol::datagram::Wish;
use leasebox::server::datagrams::{DatagramLimits, Datagrams, Executor};

const MS: Duration = Duration::from_millis(1);
/// One way through the network.
const LATENCY: Duration = MS;
const RETRY: Duration = Duration::from_millis(50);
const LIMIT: Duration = Duration::from_secs(2);
const HISTORY: Duration = Duration::from_secs(60);

/// How much later a datagram may be: after the next copy, after the exchange, after the
/// history has forgotten it.
const DELAYS: [Duration; 3] =
    [Duration::from_millis(120), Duration::from_secs(10), Duration::from_secs(100)];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Drop,
    Delay(Duration),
    /// A second copy, so much later.
    Duplicate(Duration),
}

fn faults() -> Vec<Fault> {
    let mut faults = vec![Fault::Drop, Fault::Duplicate(Duration::ZERO)];
    faults.extend(DELAYS.map(Fault::Delay));
    faults.extend(DELAYS.map(Fault::Duplicate));
    faults
}

/// Which transmission, counted from 0 in the order of time, meets which fault.
type Placement = Vec<(usize, Fault)>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    R,
    Rr(Semantics),
    Rra(Semantics),
}

const PROTOCOLS: [Protocol; 7] = [
    Protocol::R,
    Protocol::Rr(Semantics::Maybe),
    Protocol::Rr(Semantics::AtLeastOnce),
    Protocol::Rr(Semantics::AtMostOnce),
    Protocol::Rra(Semantics::Maybe),
    Protocol::Rra(Semantics::AtLeastOnce),
    Protocol::Rra(Semantics::AtMostOnce),
];

/// Draws one number each time.
#[derive(Default)]
struct List {
    clients: ClientNumber,
    drawn: u32,
}

impl Executor for List {
    fn next_client(&mut self) -> ClientNumber {
        self.clients += 1;
        self.clients
    }

    fn execute(&mut self, _: &Request<'_>, _: ClientNumber, _: Wish) -> Reply<'_> {
        self.drawn += 1;
        Reply::Drawn(Drawn::Received(vec![self.drawn]))
    }
}

/// What came of one exchange.
#[derive(Debug)]
struct Outcome {
    executed: u32,
    answered: bool,
    datagrams: usize,
    /// Replies kept when the exchange is over and nothing is under way but what comes
    /// after the history's time.
    kept: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum To {
    Client,
    Server,
}

/// The network, and both ends of it.
struct World {
    start: Instant,
    now: Instant,
    /// What arrives, in the order of time and then of sending.
    arrivals: BTreeMap<(Instant, usize), (To, Vec<u8>)>,
    placement: Placement,
    sent: usize,
    copies: usize,
    server: Datagrams,
    list: List,
    kept: usize,
}

impl World {
    fn new(placement: &[(usize, Fault)]) -> Self {
        let start = Instant::now();
        let limits = DatagramLimits { longest: 8192, max_clients: 16, history_time: HISTORY };
        Self {
            start,
            now: start,
            arrivals: BTreeMap::new(),
            placement: placement.to_vec(),
            sent: 0,
            copies: 0,
            server: Datagrams::new(&limits, 100, RandomState::new(), start),
            list: List::default(),
            kept: 0,
        }
    }

    fn send(&mut self, to: To, datagram: Vec<u8>) {
        let fault = self.placement.iter().find(|(at, _)| *at == self.sent).map(|(_, fault)| *fault);
        self.sent += 1;
        let on_time = Duration::ZERO;
        let delays = match fault {
            None => vec![on_time],
            Some(Fault::Drop) => vec![],
            Some(Fault::Delay(delay)) => vec![delay],
            Some(Fault::Duplicate(delay)) => vec![on_time, delay],
        };
        for delay in delays {
            self.copies += 1;
            self.arrivals.insert((self.now + LATENCY + delay, self.copies), (to, datagram.clone()));
        }
    }

    /// Lets the next datagram arrive if that is not later than `until`; answers what came to
    /// the client.
    fn arrive(&mut self, until: Option<Instant>) -> Option<Vec<u8>> {
        let (&(at, copy), _) = self.arrivals.first_key_value()?;
        if until.is_some_and(|until| at > until) {
            return None;
        }
        if at - self.start < HISTORY {
            self.kept = self.server.history().replies();
        }
        self.now = at;
        let (to, datagram) = self.arrivals.remove(&(at, copy)).unwrap();
        if to == To::Client {
            return Some(datagram);
        }
        let from = SocketAddr::from(([127, 0, 0, 1], 5));
        let reply = self.server.receive(&datagram, from, at, &mut self.list);
        if let Some(reply) = reply {
            self.send(To::Client, reply);
        }
        if at - self.start < HISTORY {
            self.kept = self.server.history().replies();
        }
        Some(Vec::new())
    }

    /// Gets a token.
    fn greet(&mut self, peer: &mut Peer) {
        let way = Way { retry: RETRY, ..Way::default() };
        let mut hello = Exchange::new(ExchangePurpose::Greet, way, peer, LIMIT, self.now);
        self.carry_out(&mut hello, peer);
    }

    /// Carries one exchange out.
    fn carry_out(&mut self, exchange: &mut Exchange<'_>, peer: &mut Peer) {
        loop {
            match exchange.turn(peer, self.now) {
                NextStep::Send => self.send(To::Server, exchange.datagram().to_vec()),
                NextStep::Wait(until) => match self.arrive(Some(until)) {
                    Some(datagram) => exchange.hear(peer, &datagram, self.now),
                    None => self.now = until,
                },
                NextStep::Over => return,
            }
        }
    }
}

/// One exchange under one placement; with a Hello in it or a token from before.
fn run(protocol: Protocol, placement: &[(usize, Fault)], with_hello: bool) -> Outcome {
    let mut world = World::new(if with_hello { placement } else { &[] });
    let mut peer = Peer::new(ByteOrder::Big, 0);
    if !with_hello {
        world.greet(&mut peer);
        (world.sent, world.placement) = (0, placement.to_vec());
    }
    let request = Request::Draw(Draw { count: 1 });
    let (semantics, acknowledge, wants_reply) = match protocol {
        Protocol::R => (Semantics::Maybe, false, false),
        Protocol::Rr(semantics) => (semantics, false, true),
        Protocol::Rra(semantics) => (semantics, true, true),
    };
    let way = Way { semantics, acknowledge, retry: RETRY };
    let purpose =
        if wants_reply { ExchangePurpose::Ask(&request) } else { ExchangePurpose::Tell(&request) };
    let mut exchange = Exchange::new(purpose, way, &mut peer, LIMIT, world.now);
    world.carry_out(&mut exchange, &mut peer);
    // The stragglers: nobody listens at the client's any more.
    while world.arrive(None).is_some() {}
    let answered = matches!(exchange.into_outcome(), Ok(Some(Reply::Drawn(_))));
    Outcome { executed: world.list.drawn, answered, datagrams: world.sent, kept: world.kept }
}

/// Every placement of up to `left` more faults after those of `placement`.
fn every(
    protocol: Protocol,
    placement: &mut Placement,
    left: usize,
    with_hello: bool,
    each: &mut impl FnMut(&Placement, &Outcome),
) {
    let outcome = run(protocol, placement, with_hello);
    each(placement, &outcome);
    let from = placement.last().map_or(0, |(at, _)| at + 1);
    if left > 0 {
        for at in from..outcome.datagrams {
            for fault in faults() {
                placement.push((at, fault));
                every(protocol, placement, left - 1, with_hello, each);
                placement.pop();
            }
        }
    }
}

/// The least and the greatest of each figure.
#[derive(Debug)]
struct Span {
    placements: usize,
    executed: RangeInclusive<u32>,
    answered: usize,
    burnt: RangeInclusive<u32>,
    datagrams: RangeInclusive<usize>,
    kept: RangeInclusive<usize>,
}

fn span(protocol: Protocol, faults: usize, with_hello: bool) -> Span {
    let mut span: Option<Span> = None;
    every(protocol, &mut Vec::new(), faults, with_hello, &mut |_, outcome| {
        let burnt = outcome.executed - u32::from(outcome.answered);
        let Outcome { executed, answered, datagrams, kept } = *outcome;
        let span = span.get_or_insert(Span {
            placements: 0,
            executed: executed..=executed,
            answered: 0,
            burnt: burnt..=burnt,
            datagrams: datagrams..=datagrams,
            kept: kept..=kept,
        });
        span.placements += 1;
        span.answered += usize::from(answered);
        widen(&mut span.executed, executed);
        widen(&mut span.burnt, burnt);
        widen(&mut span.datagrams, datagrams);
        widen(&mut span.kept, kept);
    });
    span.unwrap()
}

fn widen<T: Copy + Ord>(range: &mut RangeInclusive<T>, value: T) {
    *range = value.min(*range.start())..=value.max(*range.end());
}

fn shown<T: std::fmt::Display + PartialEq>(range: &RangeInclusive<T>) -> String {
    let (least, most) = (range.start(), range.end());
    if least == most { format!("{least}") } else { format!("{least} to {most}") }
}

fn name(protocol: Protocol) -> &'static str {
    let semantics = |semantics, names: [&'static str; 3]| match semantics {
        Semantics::Maybe => names[0],
        Semantics::AtLeastOnce => names[1],
        Semantics::AtMostOnce => names[2],
    };
    match protocol {
        Protocol::R => "R | maybe",
        Protocol::Rr(s) => semantics(s, ["RR | maybe", "RR | at least once", "RR | at most once"]),
        Protocol::Rra(s) => {
            semantics(s, ["RRA | maybe", "RRA | at least once", "RRA | at most once"])
        }
    }
}

fn table() -> String {
    let mut table = String::from(
        "| protocol | semantics | faults | placements | answered | executed | numbers burnt | \
         datagrams | replies kept |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for protocol in PROTOCOLS {
        for faults in [0, 3] {
            let span = span(protocol, faults, false);
            let Span { placements, answered, .. } = span;
            let answered = match protocol {
                Protocol::R => "not wanted".into(),
                _ if answered == placements => "all".into(),
                _ => format!("{answered}"),
            };
            let faults = if faults == 0 { "none" } else { "up to 3" };
            table += &format!(
                "| {} | {faults} | {placements} | {answered} | {} | {} | {} | {} |\n",
                name(protocol),
                shown(&span.executed),
                shown(&span.burnt),
                shown(&span.datagrams),
                shown(&span.kept),
            );
        }
    }
    table
}

#[test]
fn at_most_once_executes_once_and_burns_no_number_wherever_the_faults_are() {
    for protocol in [Protocol::Rr(Semantics::AtMostOnce), Protocol::Rra(Semantics::AtMostOnce)] {
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
fn give_up_and_call_again(placement: &[(usize, Fault)]) -> (World, Vec<Option<Vec<u32>>>) {
    let mut world = World::new(&[]);
    let mut peer = Peer::new(ByteOrder::Big, 0);
    world.greet(&mut peer);
    (world.sent, world.placement) = (0, placement.to_vec());
    let request = Request::Draw(Draw { count: 1 });
    let way = Way { semantics: Semantics::AtMostOnce, acknowledge: true, retry: RETRY };
    let outcomes = [2 * RETRY, LIMIT].map(|limit| {
        let mut exchange =
            Exchange::new(ExchangePurpose::Ask(&request), way, &mut peer, limit, world.now);
        world.carry_out(&mut exchange, &mut peer);
        match exchange.into_outcome() {
            Ok(Some(Reply::Drawn(drawn))) => Some(drawn.numbers()),
            _ => None,
        }
    });
    while world.arrive(None).is_some() {}
    (world, outcomes.to_vec())
}

#[test]
fn a_call_that_was_given_up_is_not_executed_twice_nor_taken_for_the_next() {
    fn every(placement: &mut Placement, left: usize, given_up: &mut usize) {
        let (world, outcomes) = give_up_and_call_again(placement);
        let shown = || format!("{placement:?}: {outcomes:?}, {} executed", world.list.drawn);
        assert!(world.list.drawn <= 2, "{}", shown());
        assert!(outcomes[0].is_none() || outcomes[0] != outcomes[1], "{}", shown());
        *given_up += usize::from(outcomes[0].is_none() && outcomes[1].is_some());
        let from = placement.last().map_or(0, |(at, _)| at + 1);
        if left > 0 {
            for at in from..world.sent {
                for fault in faults() {
                    placement.push((at, fault));
                    every(placement, left - 1, given_up);
                    placement.pop();
                }
            }
        }
    }
    let mut given_up = 0;
    every(&mut Vec::new(), 3, &mut given_up);
    assert!(given_up > 100, "only {given_up} placements made the first call give up");
}

#[test]
fn the_hello_before_it_may_meet_the_same_faults() {
    for protocol in PROTOCOLS {
        let span = span(protocol, 2, true);
        let (most, is_at_most_once) = (*span.executed.end(), name(protocol).ends_with("most once"));
        assert!(most <= if is_at_most_once { 1 } else { 3 }, "{}: {span:?}", name(protocol));
        assert!(span.placements > 100);
    }
}

#[test]
fn at_least_once_is_always_answered_and_burns_numbers() {
    for protocol in [Protocol::Rr(Semantics::AtLeastOnce), Protocol::Rra(Semantics::AtLeastOnce)] {
        let span = span(protocol, 3, false);
        assert_eq!(span.answered, span.placements);
        assert!(*span.executed.start() == 1 && *span.executed.end() > 3, "{span:?}");
    }
}

#[test]
fn maybe_is_maybe() {
    for protocol in [Protocol::R, Protocol::Rr(Semantics::Maybe), Protocol::Rra(Semantics::Maybe)] {
        let span = span(protocol, 1, false);
        assert_eq!(span.executed, 0..=2, "lost, or repeated by the network");
    }
}

#[test]
fn an_acknowledgement_lets_the_server_drop_the_reply() {
    let kept = |protocol| span(protocol, 0, false).kept;
    assert_eq!(kept(Protocol::Rr(Semantics::AtMostOnce)), 1..=1);
    assert_eq!(kept(Protocol::Rra(Semantics::AtMostOnce)), 0..=0);
}

#[test]
fn the_table_in_the_report_is_what_comes_of_it() {
    support::report::stands("tests/request_reply.rs", &table());
}
