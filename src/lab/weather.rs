//! Bad weather: one exchange of datagrams on a simulated network. The network loses, delays and
//! repeats those datagrams that a *placement* names.
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
//! A request carries a *token*, which proves the client's address. A client without a token first
//! sends a Hello, and the server's Welcome brings one. The server's *history* keeps the replies to
//! at-most-once requests, to answer further copies with them.
//!
//! **Invariants** the arguments of [`run`] alone decide its result. A datagram meets at most one
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

/// The time that a datagram takes through the network if no fault delays it.
const LATENCY: Duration = Duration::from_millis(1);
/// The time that the client waits before it sends the second copy of a datagram.
pub const RETRY: Duration = Duration::from_millis(50);
/// The time after which the client gives the exchange up.
pub const LIMIT: Duration = Duration::from_secs(2);
/// The time for which the server's history keeps a reply.
const HISTORY: Duration = Duration::from_secs(60);

/// The delays that a fault may have. With the first the datagram arrives after the client's next
/// copy, with the second after the end of the exchange, with the third after [`Datagrams`] has
/// forgotten the request.
pub const DELAYS: [Duration; 3] =
    [Duration::from_millis(120), Duration::from_secs(10), Duration::from_secs(100)];

/// A fault of the network with one datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatagramFault {
    /// The datagram never arrives.
    Lose,
    /// The datagram arrives later than usual by this time.
    Delay(Duration),
    /// The datagram arrives as usual, and a copy of it arrives later by this time.
    Repeat(Duration),
}

/// The faults of a run, each with the number of its datagram: 0 for the first that is sent.
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
    /// All protocols.
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
    /// Whether the datagram goes to the server; otherwise it goes to the client.
    pub to_server: bool,
    /// The kind: `hello`, `welcome`, `request`, `reply` or `acknowledgement`. It would be
    /// `unreadable` for any other bytes, which neither side sends.
    pub kind: &'static str,
    /// The time at which it is sent, in milliseconds from the start.
    pub sent_ms: u64,
    /// The arrivals of the datagram and its copies: the time in milliseconds from the start, and
    /// what the receiver does. The earliest is first.
    pub arrivals: Vec<(u64, String)>,
}

/// The result of one exchange.
#[derive(Debug, Clone)]
pub struct WeatherRun {
    /// The count of executions of the request.
    pub executed: u32,
    /// Whether the client received a number.
    pub answered: bool,
    /// The number of replies in the server's history after the last datagram that arrives within
    /// 60 s of the start. After that time the history may drop them, whatever the protocol is.
    pub kept: usize,
    /// The datagrams, in the order of sending.
    pub passages: Vec<Passage>,
}

impl WeatherRun {
    /// Returns how many numbers were drawn and never came to the client. Each execution draws one
    /// number, and the client takes only the first reply.
    pub fn burnt(&self) -> u32 {
        self.executed - u32::from(self.answered)
    }
}

/// The server's list here: 1, 2, 3 and so on. Each execution draws one number.
#[derive(Debug, Default)]
struct OneByOne {
    /// The clients that have said Hello so far.
    clients: ClientNumber,
    /// The numbers that were drawn so far; this is also the last number.
    drawn: u32,
}

impl Executor for OneByOne {
    fn next_client(&mut self) -> ClientNumber {
        self.clients += 1;
        self.clients
    }

    fn execute(&mut self, _: &Request<'_>, _: ClientNumber, _: Wish) -> Reply<'_> {
        self.drawn += 1;
        // The simulated server has no list, so the reply has the number itself, and no range.
        Reply::Drawn(Drawn::Values(vec![self.drawn]))
    }
}

/// The network and the server behind it. The client is an argument of [`Self::carry_out`].
#[derive(Debug)]
pub struct SimulatedNetwork {
    /// The time from which [`Passage`] counts milliseconds.
    start: Instant,
    /// The simulated time. It moves from one event to the next.
    now: Instant,
    /// The datagrams under way, each with its number and bytes. The key is the time of the arrival,
    /// and then the number of the copy: at equal times the copy that was sent first arrives first.
    arrivals: BTreeMap<(Instant, usize), (usize, Vec<u8>)>,
    placement: Placement,
    /// The arrivals planned so far, of originals and of repeats. Each gets the next number, so two
    /// arrivals at the same time have different keys.
    planned: usize,
    /// The datagrams that were sent so far. The index of a datagram is its number.
    passages: Vec<Passage>,
    server: Datagrams,
    list: OneByOne,
    /// As [`WeatherRun::kept`], up to now.
    kept: usize,
}

impl SimulatedNetwork {
    /// Makes a network with these faults, and nothing on its way.
    pub fn new(placement: &[(usize, DatagramFault)]) -> Self {
        let start = Instant::now();
        // The bytes of a datagram, the clients and the length of the list (100) are more than one
        // client with short requests needs. Only the history's time has an effect.
        let limits = DatagramLimits { longest: 8192, max_clients: 16, history_time: HISTORY };
        Self {
            start,
            now: start,
            arrivals: BTreeMap::new(),
            placement: placement.to_vec(),
            planned: 0,
            passages: Vec::new(),
            server: Datagrams::new(&limits, 100, RandomState::new(), start),
            list: OneByOne::default(),
            kept: 0,
        }
    }

    /// Makes a network with a client that has a token already: its Hello and the server's Welcome
    /// have passed, without a fault. The numbers of datagrams, which `placement` uses, and the
    /// milliseconds of a [`Passage`] count from then on.
    pub fn greeted(placement: &[(usize, DatagramFault)]) -> (Self, Peer) {
        let (mut weather, mut peer) = (Self::new(&[]), Peer::new(ByteOrder::Big, 0));
        let way = Way { retry: RETRY, ..Way::default() };
        let mut hello = Exchange::new(ExchangePurpose::Greet, way, &mut peer, LIMIT, weather.now);
        weather.carry_out(&mut hello, &mut peer);
        (weather.passages, weather.placement) = (Vec::new(), placement.to_vec());
        weather.start = weather.now;
        (weather, peer)
    }

    /// Returns the time now, which only the network moves on.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Returns the number of executions of requests.
    pub fn executed(&self) -> u32 {
        self.list.drawn
    }

    /// Returns the number of datagrams that both sides have sent.
    pub fn sent(&self) -> usize {
        self.passages.len()
    }

    fn milliseconds(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.start).as_millis() as u64
    }

    /// Sends a datagram: plans its arrivals as its fault in the placement says.
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
            self.planned += 1;
            let key = (self.now + LATENCY + delay, self.planned);
            self.arrivals.insert(key, (number, datagram.clone()));
        }
        let (kind, sent_ms) = (kind(to_server, &datagram), self.milliseconds(self.now));
        self.passages.push(Passage { to_server, kind, sent_ms, arrivals: Vec::new() });
    }

    /// Lets the next datagram arrive. Returns `None` if none is under way, or if the next one
    /// arrives after `until`. For a datagram to the client, returns `Some` with its number and its
    /// bytes. For one to the server, lets the server answer and returns `Some(None)`.
    fn arrive(&mut self, until: Option<Instant>) -> Option<Option<(usize, Vec<u8>)>> {
        let (&(at, _), _) = self.arrivals.first_key_value()?;
        if until.is_some_and(|until| at > until) {
            return None;
        }
        let (_, (number, datagram)) = self.arrivals.pop_first()?;
        self.now = at;
        if !self.passages[number].to_server {
            return Some(Some((number, datagram)));
        }
        // Any address will do, if it is always the same one: a token is valid for one address.
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
        // A sweep after the history's time drops the replies, and then their number says nothing
        // about the protocol.
        if at - self.start < HISTORY {
            self.kept = self.server.history().replies();
        }
        Some(None)
    }

    /// Notes the arrival of a datagram, and what the receiver does.
    fn arrived(&mut self, number: usize, at: Instant, does: impl Into<String>) {
        let at = self.milliseconds(at);
        self.passages[number].arrivals.push((at, does.into()));
    }

    /// Carries one exchange out: does each next step that it asks for, until it is over.
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

    /// Lets all datagrams arrive that are still under way. The client does not listen any more.
    pub fn let_stragglers_arrive(&mut self) {
        while let Some(came) = self.arrive(None) {
            if let Some((number, _)) = came {
                self.arrived(number, self.now, "is not listening any more");
            }
        }
    }
}

/// Returns the kind of a datagram, as [`Passage::kind`] has it.
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

/// Runs one exchange of `draw 1` under some faults. `with_hello` makes it begin with a Hello;
/// otherwise the client has a token from before.
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
