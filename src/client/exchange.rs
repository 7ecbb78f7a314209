//! One exchange of datagrams, from the client's side, as a pure function of time.
//!
//! ```text
//!            no token                      a token
//!   start ──────────────► greeting ──────────────► asking ──── reply ──► over
//!                          Hello, again  Welcome    request, again │      acknowledge (RRA)
//!                          and again  ◄──────────── and again      └─ time ──► over
//!                                     token refused (at least once)
//! ```
//!
//! | semantics | the request is sent | the server | executed |
//! | --- | --- | --- | --- |
//! | maybe | once | executes each copy | 0 or 1 times, more if the network repeats it |
//! | at least once | again, until a reply comes | executes each copy | 1 or more times, or unknown |
//! | at most once | again, until a reply comes | executes the first copy, repeats its reply | once, or unknown |
//!
//! Each wait before the next copy is twice as long as the one before, up to 16 times the
//! first.
//!
//! **Invariants**
//!
//! 1. A reply is taken only if it carries the request's id and this client's token.
//! 2. At most once, a request is asked under one token and one id alone. What the server
//!    says of a token that it does not take ends the exchange: an earlier copy may have been
//!    executed. So that this does not happen after a silence, a token that the history was
//!    not heard to know for half its time is renewed before anything is asked: one that is
//!    used at most once then, any other half that time after its Welcome.
//! 3. At most once, *busy* (the history is full) is no answer yet: an earlier copy may still
//!    find room, and be executed.
//!
//! **Lock** none. Time is an argument, and this side's alone: nothing is concluded from it
//! about the server's.
//!
//! **Simplified** waits are not adapted to the round trip, and have no jitter: clients are
//! few, and a server answers in microseconds.
//!
//! **Source** Spector (1982) for R, RR and RRA, through Coulouris and others, sections 5.2
//! and 5.3: `do_operation`, retransmission, duplicate filtering, invocation semantics.

use std::time::{Duration, Instant};

use crate::client::peer::Peer;
use crate::client::{CallError, deadline};
use crate::commands::{Reply, Request};
use crate::common::error::{Code, Error};
use crate::protocol::datagram::{self, Heard, Welcome, Wish};

/// The longest wait before the next copy, in times of the first.
const LONGEST_WAIT: u32 = 16;

/// The shortest wait before the second copy: less would leave no time to listen.
const SHORTEST_RETRY: Duration = Duration::from_millis(1);

/// How often a request may be executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Semantics {
    /// Asked once; who knows.
    Maybe,
    /// Asked until a reply comes; each copy that arrives is executed.
    AtLeastOnce,
    /// Asked until a reply comes; executed once.
    AtMostOnce,
}

/// How to exchange datagrams.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    /// How often a request may be executed.
    pub semantics: Semantics,
    /// Whether replies are acknowledged: RRA, else RR.
    pub acknowledge: bool,
    /// The wait before the second copy, at least a millisecond.
    pub retry: Duration,
}

impl Default for Way {
    /// RR, at most once.
    fn default() -> Self {
        let retry = Duration::from_millis(50);
        Self { semantics: Semantics::AtMostOnce, acknowledge: false, retry }
    }
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum NextStep {
    /// Send [`Exchange::datagram`].
    Send,
    /// Wait for a datagram until then.
    Wait(Instant),
    /// Nothing: see [`Exchange::into_outcome`].
    Over,
}

/// What an exchange is for.
#[derive(Debug)]
enum ExchangePurpose<'r> {
    /// A token.
    Greet,
    /// R: a request without a reply.
    Tell(&'r Request<'r>),
    /// RR or RRA.
    Ask(&'r Request<'r>, Way),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ExchangeStage {
    Greeting,
    Asking,
    Over,
}

/// One exchange.
#[derive(Debug)]
pub struct Exchange<'r> {
    purpose: ExchangePurpose<'r>,
    limit: Duration,
    deadline: Instant,
    retry: Duration,
    stage: ExchangeStage,
    id: u32,
    datagram: Vec<u8>,
    /// When to send it, and how long to wait after that.
    next: Instant,
    wait: Duration,
    acknowledge: bool,
    /// The request was sent at least once, under this token or another.
    asked: bool,
    /// The server said that it has no room.
    busy: bool,
    outcome: Result<Option<Reply<'static>>, CallError>,
}

impl<'r> Exchange<'r> {
    /// Gets a token, if there is none yet.
    pub fn greet(peer: &mut Peer, retry: Duration, limit: Duration, now: Instant) -> Self {
        Self::new(ExchangePurpose::Greet, retry, peer, limit, now)
    }

    /// R: sends a request once, and no reply is wanted.
    pub fn tell(
        request: &'r Request<'r>,
        retry: Duration,
        peer: &mut Peer,
        limit: Duration,
        now: Instant,
    ) -> Self {
        Self::new(ExchangePurpose::Tell(request), retry, peer, limit, now)
    }

    /// RR and RRA: asks for a reply.
    pub fn ask(
        request: &'r Request<'r>,
        way: Way,
        peer: &mut Peer,
        limit: Duration,
        now: Instant,
    ) -> Self {
        Self::new(ExchangePurpose::Ask(request, way), way.retry, peer, limit, now)
    }

    fn new(
        purpose: ExchangePurpose<'r>,
        retry: Duration,
        peer: &mut Peer,
        limit: Duration,
        now: Instant,
    ) -> Self {
        peer.drop_stale(now);
        let retry = retry.max(SHORTEST_RETRY);
        let mut exchange = Self {
            purpose,
            limit,
            deadline: deadline(now, limit),
            retry,
            stage: ExchangeStage::Greeting,
            id: 0,
            datagram: Vec::new(),
            next: now,
            wait: retry,
            acknowledge: false,
            asked: false,
            busy: false,
            outcome: Err(CallError::TimedOut(limit)),
        };
        exchange.go_on(peer, now);
        exchange
    }

    /// Says what to do at `now`.
    pub fn turn(&mut self, peer: &Peer, now: Instant) -> NextStep {
        if self.stage == ExchangeStage::Over {
            return self.last_turn(peer);
        }
        if now >= self.deadline {
            if self.busy {
                self.outcome = Err(CallError::HistoryFull(self.limit));
            }
            self.stage = ExchangeStage::Over;
            return NextStep::Over;
        }
        if now < self.next {
            return NextStep::Wait(self.next.min(self.deadline));
        }
        self.next = deadline(now, self.wait);
        self.wait = self.wait.saturating_mul(2).min(self.retry.saturating_mul(LONGEST_WAIT));
        self.asked |= self.stage == ExchangeStage::Asking;
        match self.purpose {
            _ if self.stage == ExchangeStage::Greeting => {}
            ExchangePurpose::Tell(_) => self.end(Ok(None)),
            ExchangePurpose::Ask(_, Way { semantics: Semantics::Maybe, .. }) => {
                self.next = self.deadline
            }
            ExchangePurpose::Ask(..) | ExchangePurpose::Greet => {}
        }
        NextStep::Send
    }

    fn last_turn(&mut self, peer: &Peer) -> NextStep {
        match peer.welcome {
            Some(Welcome { token, .. }) if std::mem::take(&mut self.acknowledge) => {
                self.datagram = datagram::acknowledge(peer.order, self.id, token);
                NextStep::Send
            }
            _ => NextStep::Over,
        }
    }

    /// What to send.
    pub fn datagram(&self) -> &[u8] {
        &self.datagram
    }

    /// Takes a datagram that came, if it belongs to this exchange.
    pub fn hear(&mut self, peer: &mut Peer, came: &[u8], now: Instant) {
        let Ok((id, heard)) = datagram::hear(came) else { return };
        if id != self.id {
            return;
        }
        match (self.stage, heard) {
            (ExchangeStage::Greeting, Heard::Welcome(welcome)) => {
                peer.welcome = Some(welcome);
                peer.refresh(now);
                if !self.asked {
                    self.wait = self.retry;
                }
                self.go_on(peer, now);
            }
            (ExchangeStage::Greeting, Heard::Reply(None, Reply::Error(error))) => {
                self.refused(error)
            }
            (ExchangeStage::Asking, Heard::Reply(None, Reply::Error(_))) => {
                self.token_refused(peer)
            }
            (ExchangeStage::Asking, Heard::Reply(token, reply))
                if token.is_some() && token == peer.welcome.map(|welcome| welcome.token) =>
            {
                self.replied(peer, reply, now);
            }
            _ => {}
        }
    }

    fn replied(&mut self, peer: &mut Peer, reply: Reply<'static>, now: Instant) {
        let ExchangePurpose::Ask(_, way) = self.purpose else { return };
        if way.semantics == Semantics::AtMostOnce {
            if matches!(&reply, Reply::Error(error) if error.code == Code::Busy) {
                self.busy = true;
                return;
            }
            // An error may come from before the history saw the request.
            if !matches!(reply, Reply::Error(_)) {
                peer.refresh(now);
            }
        }
        self.acknowledge = way.acknowledge;
        self.end(Ok(Some(reply)));
    }

    /// Nobody listens there: known at once while nothing was asked, else the server may come
    /// back.
    pub fn hear_of_nobody(&mut self, nobody: CallError) {
        if self.stage == ExchangeStage::Greeting && !self.asked {
            self.end(Err(nobody));
        }
    }

    /// A refusal of this copy says nothing of one that was sent before under another token.
    fn refused(&mut self, error: Error) {
        let why = if self.asked { CallError::TokenRefused } else { CallError::Refused(error) };
        self.end(Err(why));
    }

    /// What came of it: the reply, or `None` where none was wanted.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn into_outcome(self) -> Result<Option<Reply<'static>>, CallError> {
        self.outcome
    }

    fn end(&mut self, outcome: Result<Option<Reply<'static>>, CallError>) {
        (self.stage, self.outcome) = (ExchangeStage::Over, outcome);
    }

    /// Goes to the next stage: a token first, then the request.
    fn go_on(&mut self, peer: &mut Peer, now: Instant) {
        let id = peer.next_id();
        let (wish, request) = match (&self.purpose, peer.welcome) {
            (_, None) => {
                let hello = datagram::hello(peer.order, id);
                return self.enter(ExchangeStage::Greeting, id, hello, now);
            }
            (ExchangePurpose::Greet, _) => return self.end(Ok(None)),
            (ExchangePurpose::Tell(request), _) => {
                (Wish { at_most_once: false, reply: false }, request)
            }
            (ExchangePurpose::Ask(request, way), _) => {
                let at_most_once = way.semantics == Semantics::AtMostOnce;
                (Wish { at_most_once, reply: true }, request)
            }
        };
        let Some(Welcome { token, longest, .. }) = peer.welcome else { return };
        let datagram = datagram::ask(peer.order, id, token, wish, request);
        if datagram.len() > longest as usize {
            let text = format!("a datagram has at most {longest} bytes there; ask by TCP");
            return self.refused(Error::new(Code::TooLarge, text));
        }
        self.enter(ExchangeStage::Asking, id, datagram, now);
    }

    fn enter(&mut self, stage: ExchangeStage, id: u32, datagram: Vec<u8>, now: Instant) {
        (self.stage, self.id, self.datagram) = (stage, id, datagram);
        self.next = now;
    }

    /// The server does not take the token: invariant 2. At least once goes on under another,
    /// after the wait that was on: a server that takes none is not asked without end.
    fn token_refused(&mut self, peer: &mut Peer) {
        peer.welcome = None;
        match self.purpose {
            ExchangePurpose::Ask(_, way) if way.semantics == Semantics::AtLeastOnce => {
                let next = self.next;
                self.go_on(peer, next);
            }
            _ => self.end(Err(CallError::TokenRefused)),
        }
    }
}

#[cfg(test)]
#[path = "exchange_tests.rs"]
mod tests;
