//! Bad weather: one exchange by datagrams on a simulated network that loses, delays and repeats what
//! it is told to.
//!
//! ```text
//!   client   Exchange ──► 0: request ──────✕              fault: lost
//!                     ──► 1: request ───────► Datagrams   server: executes it
//!                     ◄────────── 2: reply ◄──            fault: repeated, so it comes twice
//! ```
//!
//! The client's half is the library's own [`Exchange`], the server's half the server's own
//! [`Datagrams`]. The network between them, the clock and the list of numbers are this file's. So a
//! run costs no time, and all placements of up to three faults can be tried.
//!
//! **Invariants** a run depends on its protocol and its faults alone. A datagram meets at most one
//! fault.
//!
//! **Lock** none: one thread plays all parts.
//!
//! **Source** the lecture: R, RR and RRA, and *maybe*, *at least once*, *at most once*.

mod table;

use std::collections::BTreeMap;
use std::hash::RandomState;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

pub use table::{COLUMNS, OutcomeSpan, every, rows, span};

use crate::client::exchange::{Exchange, ExchangePurpose, NextStep, Semantics, Way};
use crate::client::peer::Peer;
use crate::commands::{Draw, Reply, Request};
use crate::common::caller::ClientNumber;
use crate::numbers::taken::Drawn;
use crate::protocol::byte_order::ByteOrder;
use crate::protocol::datagram::{self, Heard, Said, Wish};
use crate::server::datagrams::{DatagramLimits, Datagrams, Executor};

/// The time for one way through the network.
const LATENCY: Duration = Duration::from_millis(1);
/// The client's wait before its second copy.
pub const RETRY: Duration = Duration::from_millis(50);
/// The client's limit for the exchange.
pub const LIMIT: Duration = Duration::from_secs(2);
/// The time for which the server's history keeps a reply.
const HISTORY: Duration = Duration::from_secs(60);

/// The delays that a fault may have: past the next copy, past the end of the exchange, past what
/// the history remembers.
pub const DELAYS: [Duration; 3] =
    [Duration::from_millis(120), Duration::from_secs(10), Duration::from_secs(100)];

/// A fault of the network with one datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatagramFault {
    /// The datagram never arrives.
    Lose,
    /// The datagram arrives so much later.
    Delay(Duration),
    /// The datagram arrives, and a copy of it so much later.
    Repeat(Duration),
}

/// The faults of a run: which datagram, counted from 0 in the order of sending, meets which.
pub type Placement = Vec<(usize, DatagramFault)>;

/// One of the lecture's protocols, with its promise about repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestProtocol {
    /// A request, and no reply.
    R,
    /// A request and a reply.
    Rr(Semantics),
    /// A request, a reply, and its acknowledgement.
    Rra(Semantics),
}

impl RequestProtocol {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::R,
        Self::Rr(Semantics::Maybe),
        Self::Rr(Semantics::AtLeastOnce),
        Self::Rr(Semantics::AtMostOnce),
        Self::Rra(Semantics::Maybe),
        Self::Rra(Semantics::AtLeastOnce),
        Self::Rra(Semantics::AtMostOnce),
    ];

    /// Returns the names of the protocol and of its promise.
    pub fn names(self) -> [&'static str; 2] {
        let promise = |semantics| match semantics {
            Semantics::Maybe => "maybe",
            Semantics::AtLeastOnce => "at least once",
            Semantics::AtMostOnce => "at most once",
        };
        match self {
            Self::R => ["R", "maybe"],
            Self::Rr(semantics) => ["RR", promise(semantics)],
            Self::Rra(semantics) => ["RRA", promise(semantics)],
        }
    }
}

/// One datagram's way through the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// The datagram goes to the server; otherwise to the client.
    pub to_server: bool,
    /// The kind: `hello`, `welcome`, `request`, `reply` or `acknowledgement`.
    pub kind: &'static str,
    /// The time at which it is sent, in milliseconds from the start.
    pub sent_ms: u64,
    /// The times at which it arrives, and what it does there, in the order of time.
    pub arrivals: Vec<(u64, String)>,
}

/// The result of one exchange.
#[derive(Debug, Clone)]
pub struct WeatherRun {
    /// The count of executions of the request.
    pub executed: u32,
    /// The client has its number.
    pub answered: bool,
    /// The replies that are kept when the exchange is over, and nothing is under way but what comes
    /// after the history's time.
    pub kept: usize,
    /// The datagrams, in the order of sending.
    pub passages: Vec<Passage>,
}

impl WeatherRun {
    /// Returns how many numbers were drawn and never came to the client.
    pub fn burnt(&self) -> u32 {
        self.executed - u32::from(self.answered)
    }
}

/// Draws one number each time.
#[derive(Debug, Default)]
struct OneByOne {
    clients: ClientNumber,
    drawn: u32,
}

impl Executor for OneByOne {
    fn next_client(&mut self) -> ClientNumber {
        self.clients += 1;
        self.clients
    }

    fn execute(&mut self, _: &Request<'_>, _: ClientNumber, _: Wish) -> Reply<'_> {
        self.drawn += 1;
        Reply::Drawn(Drawn::Received(vec![self.drawn]))
    }
}

/// The network, and both ends of it.
#[derive(Debug)]
pub struct SimulatedNetwork {
    start: Instant,
    now: Instant,
    /// The datagrams under way, in the order of time and then of sending: the number of each.
    arrivals: BTreeMap<(Instant, usize), (usize, Vec<u8>)>,
    placement: Placement,
    /// The copies that were made, so that each arrival has a place of its own.
    copies: usize,
    passages: Vec<Passage>,
    server: Datagrams,
    list: OneByOne,
    kept: usize,
}

impl SimulatedNetwork {
    /// Makes a network with these faults, and nothing on its way.
    pub fn new(placement: &[(usize, DatagramFault)]) -> Self {
        let start = Instant::now();
        let limits = DatagramLimits { longest: 8192, max_clients: 16, history_time: HISTORY };
        Self {
            start,
            now: start,
            arrivals: BTreeMap::new(),
            placement: placement.to_vec(),
            copies: 0,
            passages: Vec::new(),
            server: Datagrams::new(&limits, 100, RandomState::new(), start),
            list: OneByOne::default(),
            kept: 0,
        }
    }

    /// Makes a network over which the client has got a token already, without a fault.
    pub fn greeted(placement: &[(usize, DatagramFault)]) -> (Self, Peer) {
        let (mut weather, mut peer) = (Self::new(&[]), Peer::new(ByteOrder::Big, 0));
        weather.greet(&mut peer);
        (weather.passages, weather.placement) = (Vec::new(), placement.to_vec());
        weather.start = weather.now;
        (weather, peer)
    }

    /// Returns the time now, which only the network moves on.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Returns how often requests were executed.
    pub fn executed(&self) -> u32 {
        self.list.drawn
    }

    /// Returns how many datagrams were sent.
    pub fn sent(&self) -> usize {
        self.passages.len()
    }

    fn milliseconds(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.start).as_millis() as u64
    }

    fn send(&mut self, to_server: bool, datagram: Vec<u8>) {
        let number = self.passages.len();
        let fault = self.placement.iter().find(|(at, _)| *at == number).map(|(_, fault)| *fault);
        let on_time = Duration::ZERO;
        let delays = match fault {
            None => vec![on_time],
            Some(DatagramFault::Lose) => vec![],
            Some(DatagramFault::Delay(delay)) => vec![delay],
            Some(DatagramFault::Repeat(delay)) => vec![on_time, delay],
        };
        for delay in delays {
            self.copies += 1;
            let place = (self.now + LATENCY + delay, self.copies);
            self.arrivals.insert(place, (number, datagram.clone()));
        }
        let (kind, sent_ms) = (kind(to_server, &datagram), self.milliseconds(self.now));
        self.passages.push(Passage { to_server, kind, sent_ms, arrivals: Vec::new() });
    }

    /// Lets the next datagram arrive if that is not later than `until`; answers it if it came to
    /// the server. Returns its number and its bytes if it came to the client, and nothing in their
    /// place if not; `None` if no datagram arrives by then.
    fn arrive(&mut self, until: Option<Instant>) -> Option<Option<(usize, Vec<u8>)>> {
        let (&(at, _), _) = self.arrivals.first_key_value()?;
        if until.is_some_and(|until| at > until) {
            return None;
        }
        let (_, (number, datagram)) = self.arrivals.pop_first()?;
        self.note_kept(at);
        self.now = at;
        if !self.passages[number].to_server {
            return Some(Some((number, datagram)));
        }
        let from = SocketAddr::from(([127, 0, 0, 1], 5));
        let (drawn, resent) = (self.list.drawn, self.server.history().resent());
        let reply = self.server.receive(&datagram, from, at, &mut self.list);
        let does = if self.list.drawn > drawn {
            format!("executes it: number {}", self.list.drawn)
        } else if self.server.history().resent() > resent {
            "sends the reply of its history again".into()
        } else if self.passages[number].kind == "acknowledgement" {
            "drops the reply".into()
        } else if reply.is_some() {
            "answers it".into()
        } else {
            "ignores it".into()
        };
        self.arrived(number, at, does);
        if let Some(reply) = reply {
            self.send(false, reply);
        }
        self.note_kept(at);
        Some(None)
    }

    fn note_kept(&mut self, at: Instant) {
        if at - self.start < HISTORY {
            self.kept = self.server.history().replies();
        }
    }

    fn arrived(&mut self, number: usize, at: Instant, does: impl Into<String>) {
        let at = self.milliseconds(at);
        self.passages[number].arrivals.push((at, does.into()));
    }

    /// Gets a token.
    fn greet(&mut self, peer: &mut Peer) {
        let way = Way { retry: RETRY, ..Way::default() };
        let mut hello = Exchange::new(ExchangePurpose::Greet, way, peer, LIMIT, self.now);
        self.carry_out(&mut hello, peer);
    }

    /// Carries one exchange out.
    pub fn carry_out(&mut self, exchange: &mut Exchange<'_>, peer: &mut Peer) {
        let mut is_answered = false;
        loop {
            match exchange.turn(peer, self.now) {
                NextStep::Send => self.send(true, exchange.datagram().to_vec()),
                NextStep::Wait(until) => match self.arrive(Some(until)) {
                    Some(Some((number, datagram))) => {
                        exchange.hear(peer, &datagram, self.now);
                        let does = if is_answered { "knows it already" } else { "takes it" };
                        is_answered |= self.passages[number].kind == "reply";
                        self.arrived(number, self.now, does);
                    }
                    Some(None) => {}
                    None => self.now = until,
                },
                NextStep::Over => return,
            }
        }
    }

    /// Lets all that is still under way arrive. Nobody listens at the client any more.
    pub fn let_stragglers_arrive(&mut self) {
        while let Some(came) = self.arrive(None) {
            if let Some((number, _)) = came {
                self.arrived(number, self.now, "is not listening any more");
            }
        }
    }
}

/// Returns what a datagram is.
fn kind(to_server: bool, datagram: &[u8]) -> &'static str {
    if to_server {
        return match datagram::read(datagram) {
            Some((_, Said::Hello)) => "hello",
            Some((_, Said::Acknowledge(_))) => "acknowledgement",
            Some((_, Said::Asked { .. } | Said::Unproven)) => "request",
            None => "unreadable",
        };
    }
    match datagram::hear(datagram) {
        Ok((_, Heard::Welcome(_))) => "welcome",
        Ok((_, Heard::Reply(..))) => "reply",
        Err(_) => "unreadable",
    }
}

/// Runs one exchange of `draw 1` under some faults, with a Hello in it or with a token from before.
pub fn run(
    protocol: RequestProtocol,
    placement: &[(usize, DatagramFault)],
    with_hello: bool,
) -> WeatherRun {
    let (mut weather, mut peer) = match with_hello {
        true => (SimulatedNetwork::new(placement), Peer::new(ByteOrder::Big, 0)),
        false => SimulatedNetwork::greeted(placement),
    };
    let request = Request::Draw(Draw { count: 1 });
    let (semantics, acknowledge, wants_reply) = match protocol {
        RequestProtocol::R => (Semantics::Maybe, false, false),
        RequestProtocol::Rr(semantics) => (semantics, false, true),
        RequestProtocol::Rra(semantics) => (semantics, true, true),
    };
    let way = Way { semantics, acknowledge, retry: RETRY };
    let purpose =
        if wants_reply { ExchangePurpose::Ask(&request) } else { ExchangePurpose::Tell(&request) };
    let mut exchange = Exchange::new(purpose, way, &mut peer, LIMIT, weather.now);
    weather.carry_out(&mut exchange, &mut peer);
    weather.let_stragglers_arrive();
    let answered = matches!(exchange.into_outcome(), Ok(Some(Reply::Drawn(_))));
    let SimulatedNetwork { list, kept, passages, .. } = weather;
    WeatherRun { executed: list.drawn, answered, kept, passages }
}
