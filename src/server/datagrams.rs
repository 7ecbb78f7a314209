//! What a server does with a datagram: the server's half of R, RR and RRA.
//!
//! ```text
//!   get_request ──► token? ──► fits? ──► history? ──► execute ──► send_reply
//!                     │no        │no        │no                       ▲
//!                     └► error   └► error   └► the reply that was kept┘
//! ```
//!
//! | protocol | the client | the server |
//! | --- | --- | --- |
//! | R | asks and goes on | executes each copy that arrives (the first one, if asked at most once), sends nothing but what is wrong with a token |
//! | RR | asks, and again until a reply comes | *at least once*: executes each copy; *at most once*: the first one, and sends its reply again |
//! | RRA | and acknowledges the reply | drops the reply that it kept |
//!
//! **Invariants**
//!
//! 1. Without a valid token nothing is executed, nothing is kept, and nothing is sent that
//!    is longer than three times what came.
//! 2. A request that does not fit a datagram, that has an effect and whose reply might
//!    not, or that may wait for another client, is refused before it is executed.
//! 3. At most once means it: see [`crate::server::history`]. The id alone decides what is a repeat.
//!
//! **Lock** none: the `udp` thread's own; executing takes the server's, one at a time.
//!
//! **Source** the lecture's request-reply protocols; invocation semantics from Coulouris
//! and others, section 5.3.

use std::hash::RandomState;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::commands::{Reply, Request};
use crate::common::caller::ClientNumber;
use crate::common::error::{Code, Error};
use crate::protocol::datagram::{
    self, AMPLIFICATION, Said, Token, Welcome, Wish, longest_reply, read, welcome,
};
use crate::protocol::frame::Header;
use crate::server::history::{History, Recall};
use crate::server::token::Tokens;

/// What a server that takes datagrams is bound by.
#[derive(Debug, Clone)]
pub struct DatagramLimits {
    /// The longest datagram in bytes, either way.
    pub longest: usize,
    /// The most clients that the history knows.
    pub history: usize,
    /// How long it knows one after its last request.
    pub history_time: Duration,
}

/// The state of a server that takes datagrams.
#[derive(Debug)]
pub struct Datagrams {
    tokens: Tokens,
    history: History,
    longest: usize,
    /// How many numbers the list has.
    numbers: u32,
}

/// Executes requests: [`crate::server::shared::Shared`] does, or a test.
pub trait Executor {
    /// A number for a new client.
    fn next_client(&mut self) -> ClientNumber;
    /// Executes a request; whether anybody is told is in `wish`.
    fn execute(&mut self, request: &Request<'_>, client: ClientNumber, wish: Wish) -> Reply<'_>;
}

impl Datagrams {
    /// With a secret key; `start` is no later than any time that is given from now on.
    pub fn new(limits: &DatagramLimits, numbers: u32, key: RandomState, start: Instant) -> Self {
        let history = History::new(limits.history, limits.history_time, start);
        Self { tokens: Tokens::new(key, start), history, longest: limits.longest, numbers }
    }

    /// What is kept of at-most-once clients.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Drops what the history has kept for long enough, now and then.
    pub fn sweep(&mut self, now: Instant) {
        self.history.sweep(now);
    }

    /// Treats one datagram; answers what to send back.
    pub fn receive(
        &mut self,
        datagram: &[u8],
        from: SocketAddr,
        now: Instant,
        executor: &mut impl Executor,
    ) -> Option<Vec<u8>> {
        self.history.sweep(now);
        let (header, said) = read(datagram)?;
        let answer = match said {
            Said::Hello => self.welcome(header, from, now, executor.next_client()),
            Said::Unproven => about_token(header, NO_TOKEN),
            Said::Acknowledge(token) => {
                let proof = self.tokens.read(token, from, now)?;
                self.history.acknowledge(proof.client, header.id);
                return None;
            }
            Said::Asked { token, wish, request } => {
                let asked = DatagramCall { header, token, wish, from, length: datagram.len() };
                match self.tokens.read(token, from, now) {
                    Some(proof) if self.history.accepts(proof, now) => {
                        return self.answer(&asked, request, proof.client, now, executor);
                    }
                    Some(_) => about_token(header, TOO_OLD),
                    None => about_token(header, NOT_OURS),
                }
            }
        };
        (answer.len() <= AMPLIFICATION * datagram.len()).then_some(answer)
    }

    fn welcome(
        &self,
        asked: Header,
        from: SocketAddr,
        now: Instant,
        client: ClientNumber,
    ) -> Vec<u8> {
        let token = self.tokens.make(client, from, now);
        let history_ms = u32::try_from(self.history.time().as_millis()).unwrap_or(u32::MAX);
        let longest = u32::try_from(self.longest).unwrap_or(u32::MAX);
        welcome(asked, &Welcome { token, history_ms, longest })
    }

    /// Answers a request whose token is valid.
    fn answer(
        &mut self,
        asked: &DatagramCall,
        request: Result<Request<'_>, Error>,
        client: ClientNumber,
        now: Instant,
        executor: &mut impl Executor,
    ) -> Option<Vec<u8>> {
        let request = match request.and_then(|request| self.fitting(asked, request)) {
            Ok(request) => request,
            Err(error) => return asked.error(error),
        };
        if asked.wish.at_most_once {
            match self.history.begin(client, asked.header.id, asked.from.ip(), now) {
                Recall::New => {}
                Recall::Repeated(reply) => return asked.wish.reply.then(|| reply.to_vec()),
                Recall::Settled => return None,
                Recall::Behind => return asked.error(Error::new(Code::Refused, BEHIND)),
                Recall::Full => return asked.error(Error::new(Code::Busy, FULL)),
            }
        }
        let mut reply = executor.execute(&request, client, asked.wish);
        if !asked.wish.reply {
            return None;
        }
        let mut answer = datagram::reply(asked.header, Some(asked.token), &mut reply);
        if answer.len() > self.longest {
            // Only what a request has read: whatever has an effect was refused before.
            answer = asked.error(Error::new(Code::TooLarge, REPLY_TOO_LONG))?;
        }
        if asked.wish.at_most_once {
            self.history.keep(client, &answer);
        }
        Some(answer)
    }

    /// Refuses what does not fit a datagram.
    fn fitting<'a>(
        &self,
        asked: &DatagramCall,
        request: Request<'a>,
    ) -> Result<Request<'a>, Error> {
        let longest = self.longest;
        if asked.length > longest {
            let text = format!("a datagram has at most {longest} bytes here; ask by TCP");
            return Err(Error::new(Code::TooLarge, text));
        }
        if request.longest_wait_ms() > 0 {
            return Err(Error::new(Code::Refused, WAITS));
        }
        if longest_reply(&request, self.numbers) > longest {
            let text = format!(
                "the reply would not fit a datagram of {longest} bytes; ask for less, or by TCP"
            );
            return Err(Error::new(Code::TooLarge, text));
        }
        Ok(request)
    }
}

/// A request as it came.
struct DatagramCall {
    header: Header,
    token: Token,
    wish: Wish,
    from: SocketAddr,
    length: usize,
}

impl DatagramCall {
    fn error(&self, error: Error) -> Option<Vec<u8>> {
        let reply = || datagram::reply(self.header, Some(self.token), &mut Reply::Error(error));
        self.wish.reply.then(reply)
    }
}

/// Short: the answer may be no longer than three headers.
const NO_TOKEN: &str = "no token; say Hello";
const NOT_OURS: &str = "no token of ours; say Hello";
const TOO_OLD: &str = "the token is too old and not in the history; say Hello";
const BEHIND: &str = "a later request of this token came first; send one at a time, ids going up";
const FULL: &str = "the history is full; try again later, or ask at least once";
const WAITS: &str =
    "one thread serves all datagrams and waits for nobody; ask for a wait of 0 ms, or by TCP";
const REPLY_TOO_LONG: &str = "the reply does not fit a datagram; ask for less, or by TCP";

fn about_token(asked: Header, text: &'static str) -> Vec<u8> {
    datagram::reply(asked, None, &mut Reply::Error(Error::new(Code::Refused, text)))
}

#[cfg(test)]
#[path = "datagrams_tests.rs"]
mod tests;
