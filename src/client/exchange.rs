//! One exchange of datagrams, from the client's side, as a pure function of time.
//!
//! ```text
//!   start ─ no token ─► greeting ───── Welcome ─────► asking ─ reply ─► over, acknowledge (RRA)
//!     │                 Hello, again ◄─ token refused ─ request, again
//!     │                 and again       (at least once) and again
//!     └─ a token ─────────────────────────────────────► asking
//!
//!   greeting, asking ─ the time of the call is over ─► over
//! ```
//!
//! | semantics | the request is sent | the server | executed |
//! | --- | --- | --- | --- |
//! | maybe | once | executes each copy | 0 or 1 times, more if the network repeats it |
//! | at least once | again, until a reply comes | executes each copy | 1 or more times, or unknown |
//! | at most once | again, until a reply comes | executes the first copy, repeats its reply | once, or unknown |
//!
//! A request alone is called R, one with a reply RR, and one whose reply is acknowledged RRA.
//! Copies also stop when the time of the call is over; then the outcome is unknown. The server
//! repeats a reply from its *history*, its memory of at-most-once requests
//! ([`crate::protocol::datagram`]).
//!
//! Each wait before the next copy is twice as long as the last one, up to 16 times the first:
//!
//! ```text
//!   retry 50 ms   copy 1   copy 2   copy 3    copy 4            copy 5
//!                 0 ms     50 ms    150 ms    350 ms            750 ms …, then each 800 ms
//! ```
//!
//! The wrong way is a fixed short wait: when the server or the network is overloaded, all clients
//! would add to the load at full speed.
//!
//! **Invariants**
//!
//! 1. A reply is taken only if it carries the request's id and this client's token. (An error with
//!    the id but no token is no reply: it refuses the token.)
//! 2. With *at most once*, all copies of a request have the same token and the same id. If the
//!    server refuses the token, the exchange ends: an earlier copy may have been executed, and
//!    under a new token the server could not know that. So after a silence, in which the server may
//!    have forgotten the token, the client gets a new one first ([`crate::client::peer`]).
//! 3. With *at most once*, the answer *busy* (the server's history is full) does not end the
//!    exchange: another copy, also an earlier one that is still on its way, may find room and be
//!    executed.
//!
//! **Lock** none. Time is an argument, and it is this side's alone: nothing here compares it with
//! the server's clock.
//!
//! **Simplified** the waits do not adapt to the round trip and have no random part: clients are
//! few, and a server answers in microseconds. TCP measures the round trip instead (RFC 6298).
//!
//! **Source** Spector (1982) for R, RR and RRA, through Coulouris and others, sections 5.2 and 5.3:
//! `do_operation`, retransmission, duplicate filtering, invocation semantics.

use std::time::{Duration, Instant};

use crate::client::peer::Peer;
use crate::client::{CallError, deadline};
use crate::commands::{Reply, Request};
use crate::common::error::{Code, Error};
use crate::protocol::datagram::{self, Heard, Welcome, Wish};

/// The longest wait before the next copy, as a multiple of the first wait.
const MAX_WAIT: u32 = 16;

/// The shortest wait before the second copy. A shorter one would send copies before a reply can
/// arrive.
const MIN_RETRY: Duration = Duration::from_millis(1);

/// The promise about the number of times that a request is executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Semantics {
    /// The request is sent once, and may be lost.
    Maybe,
    /// Copies are sent until a reply comes; each one that arrives is executed. Right for requests
    /// that may be repeated, such as `get`.
    AtLeastOnce,
    /// Copies are sent until a reply comes; at most one is executed. Right for a draw.
    AtMostOnce,
}

/// The way to exchange datagrams.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    /// The promise about repeats.
    pub semantics: Semantics,
    /// Replies are acknowledged (RRA), so the server drops its copy early. Otherwise RR.
    pub acknowledge: bool,
    /// The wait before the second copy; at least 1 ms.
    pub retry: Duration,
}

impl Default for Way {
    /// Returns RR with *at most once*, and 50 ms before the second copy.
    fn default() -> Self {
        let retry = Duration::from_millis(50);
        Self { semantics: Semantics::AtMostOnce, acknowledge: false, retry }
    }
}

/// The next step of the socket's owner.
#[derive(Debug, PartialEq, Eq)]
pub enum NextStep {
    /// Send [`Exchange::datagram`].
    Send,
    /// Wait for a datagram until this time, then ask again for the next step.
    Wait(Instant),
    /// The exchange is over: take [`Exchange::into_outcome`].
    Over,
}

/// The purpose of an exchange.
#[derive(Debug)]
pub enum ExchangePurpose<'r> {
    /// To get a token, if there is none yet.
    Greet,
    /// R: a request that is sent once and wants no reply.
    Tell(&'r Request<'r>),
    /// RR or RRA: a request that wants a reply.
    Ask(&'r Request<'r>),
}

/// The present stage, as in the picture above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ExchangeStage {
    Greeting,
    Asking,
    Over,
}

/// One exchange. It holds no socket: its owner sends and receives, and tells it the time.
#[derive(Debug)]
pub struct Exchange<'r> {
    purpose: ExchangePurpose<'r>,
    /// The way. Its first wait is at least [`MIN_RETRY`].
    way: Way,
    /// The limit of the call (for the text of an error), and the time at which it ends.
    limit: Duration,
    deadline: Instant,
    stage: ExchangeStage,
    /// The id of `datagram`. An answer with another id belongs to an older exchange, or to an
    /// earlier stage of this one.
    id: u32,
    /// The datagram to send, for the stage.
    datagram: Vec<u8>,
    /// The time at which to send the next copy, and the wait after that.
    next: Instant,
    wait: Duration,
    /// The reply came, and the next step acknowledges it (RRA).
    acknowledge: bool,
    /// The request was sent at least once, under this token or an earlier one. If the exchange then
    /// fails, it is unknown whether the request was executed.
    asked: bool,
    /// The outcome. It starts as `TimedOut`, and becomes `HistoryFull` when the server answers
    /// *busy*. It stays so if no other answer comes.
    outcome: Result<Option<Reply<'static>>, CallError>,
}

impl<'r> Exchange<'r> {
    /// Starts an exchange. Drops a token that the server may have forgotten (invariant 2).
    pub fn new(
        purpose: ExchangePurpose<'r>,
        way: Way,
        peer: &mut Peer,
        limit: Duration,
        now: Instant,
    ) -> Self {
        peer.drop_stale(now);
        let way = Way { retry: way.retry.max(MIN_RETRY), ..way };
        let mut exchange = Self {
            purpose,
            way,
            limit,
            deadline: deadline(now, limit),
            stage: ExchangeStage::Greeting,
            id: 0,
            datagram: Vec::new(),
            next: now,
            wait: way.retry,
            acknowledge: false,
            asked: false,
            outcome: Err(CallError::TimedOut(limit)),
        };
        exchange.go_on(peer, now);
        exchange
    }

    /// Returns the next step at the time `now`. After `Send` the owner sends, and calls this again.
    pub fn turn(&mut self, peer: &Peer, now: Instant) -> NextStep {
        if self.stage == ExchangeStage::Over {
            return self.last_turn(peer);
        }
        if now >= self.deadline {
            self.stage = ExchangeStage::Over;
            return NextStep::Over;
        }
        if now < self.next {
            return NextStep::Wait(self.next.min(self.deadline));
        }
        self.next = deadline(now, self.wait);
        self.wait = self.wait.saturating_mul(2).min(self.way.retry.saturating_mul(MAX_WAIT));
        // Noted before the datagram is sent: after that the request may have been executed,
        // whatever happens next.
        self.asked |= self.stage == ExchangeStage::Asking;
        match self.purpose {
            // The Hello is sent again and again, whatever the purpose.
            _ if self.stage == ExchangeStage::Greeting => {}
            // R is over as soon as the request is sent.
            ExchangePurpose::Tell(_) => self.end(Ok(None)),
            ExchangePurpose::Ask(_) if self.way.semantics == Semantics::Maybe => {
                // Maybe: no second copy, but a reply may still come until the deadline.
                self.next = self.deadline
            }
            ExchangePurpose::Ask(_) | ExchangePurpose::Greet => {}
        }
        NextStep::Send
    }

    /// Returns the step after the end: the acknowledgement, once, if one is due.
    fn last_turn(&mut self, peer: &Peer) -> NextStep {
        match peer.welcome {
            Some(Welcome { token, .. }) if std::mem::take(&mut self.acknowledge) => {
                self.datagram = datagram::acknowledge(peer.order, self.id, token);
                NextStep::Send
            }
            _ => NextStep::Over,
        }
    }

    /// Returns the datagram to send.
    pub fn datagram(&self) -> &[u8] {
        &self.datagram
    }

    /// Takes a datagram that arrived. Ignores one that does not belong to this exchange.
    pub fn hear(&mut self, peer: &mut Peer, came: &[u8], now: Instant) {
        let Ok((id, heard)) = datagram::hear(came) else { return };
        if id != self.id {
            return;
        }
        match (self.stage, heard) {
            (ExchangeStage::Greeting, Heard::Welcome(welcome)) => {
                peer.welcome = Some(welcome);
                peer.refresh(now);
                // The Welcome says that the server is there, so the request begins with the first
                // wait again. A request that was sent already keeps its longer wait.
                if !self.asked {
                    self.wait = self.way.retry;
                }
                self.go_on(peer, now);
            }
            (ExchangeStage::Greeting, Heard::Reply(None, Reply::Error(error))) => {
                self.refused(error)
            }
            // An error without a token refuses this client's token (invariant 1).
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

    /// Takes the reply to the request.
    fn replied(&mut self, peer: &mut Peer, reply: Reply<'static>, now: Instant) {
        // Only `Ask` wants a reply.
        let ExchangePurpose::Ask(_) = self.purpose else { return };
        if self.way.semantics == Semantics::AtMostOnce {
            if matches!(&reply, Reply::Error(error) if error.code == Code::Busy) {
                self.outcome = Err(CallError::HistoryFull(self.limit));
                return;
            }
            // Only a reply that the history keeps renews the token's time. An error may have been
            // sent before the history saw the request.
            if !matches!(reply, Reply::Error(_)) {
                peer.refresh(now);
            }
        }
        self.acknowledge = self.way.acknowledge;
        self.end(Ok(Some(reply)));
    }

    /// Takes the news that no program listens at the address. The news ends the exchange only if
    /// the request was never sent. If it was sent, the exchange goes on: the server may come back,
    /// and an earlier copy may have been executed.
    pub fn hear_no_listener(&mut self, nobody: CallError) {
        if self.stage == ExchangeStage::Greeting && !self.asked {
            self.end(Err(nobody));
        }
    }

    /// Ends the exchange with a refusal. If an earlier copy was sent under another token, the
    /// outcome is unknown: this refusal is about the last copy alone.
    fn refused(&mut self, error: Error) {
        let why = if self.asked { CallError::TokenRefused } else { CallError::Refused(error) };
        self.end(Err(why));
    }

    /// Returns the outcome: the reply, or `None` for an exchange that wanted none.
    ///
    /// # Errors
    /// Fails with a [`CallError`].
    pub fn into_outcome(self) -> Result<Option<Reply<'static>>, CallError> {
        self.outcome
    }

    /// Ends the exchange. After it only an acknowledgement is sent; or, by the R protocol, the one
    /// request, for which `turn` calls this just before the send.
    fn end(&mut self, outcome: Result<Option<Reply<'static>>, CallError>) {
        (self.stage, self.outcome) = (ExchangeStage::Over, outcome);
    }

    /// Enters the next stage: first the greeting, if there is no token, then the request. `now` is
    /// the time at which the stage's first datagram is sent; `token_refused` passes a later one.
    fn go_on(&mut self, peer: &mut Peer, now: Instant) {
        // `next_id` comes before the token is read: it drops the token when it runs out of ids.
        let id = peer.next_id();
        let Some(Welcome { token, longest, .. }) = peer.welcome else {
            let hello = datagram::hello(peer.order, id);
            return self.enter(ExchangeStage::Greeting, id, hello, now);
        };
        let (wish, request) = match &self.purpose {
            ExchangePurpose::Greet => return self.end(Ok(None)),
            ExchangePurpose::Tell(request) => (Wish { at_most_once: false, reply: false }, request),
            ExchangePurpose::Ask(request) => {
                let at_most_once = self.way.semantics == Semantics::AtMostOnce;
                (Wish { at_most_once, reply: true }, request)
            }
        };
        let datagram = datagram::ask(peer.order, id, token, wish, request);
        if datagram.len() > longest as usize {
            let text = format!("a datagram has at most {longest} bytes there; ask by TCP");
            return self.refused(Error::new(Code::TooLarge, text));
        }
        self.enter(ExchangeStage::Asking, id, datagram, now);
    }

    /// Enters a stage whose datagram is sent at `now`.
    fn enter(&mut self, stage: ExchangeStage, id: u32, datagram: Vec<u8>, now: Instant) {
        (self.stage, self.id, self.datagram) = (stage, id, datagram);
        self.next = now;
    }

    /// Drops a token that the server refused. With *at least once*, the exchange greets again, at
    /// the time of the next copy: without that wait, a server that refuses every token would get
    /// one datagram after the other in a tight loop. Otherwise the exchange ends (invariant 2).
    fn token_refused(&mut self, peer: &mut Peer) {
        peer.welcome = None;
        match self.purpose {
            ExchangePurpose::Ask(_) if self.way.semantics == Semantics::AtLeastOnce => {
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
