//! The server's half of R, RR and RRA: the answer to each datagram.
//!
//! ```text
//!   get_request ──► token? ──► fits? ──► new? ──► execute ──► send_reply
//!                     │no        │no       │no                    ▲
//!                     └► error   └► error  └► the kept reply ─────┘
//! ```
//!
//! | protocol | the client | the server |
//! | --- | --- | --- |
//! | R (request) | sends the request once and goes on | executes it; sends no reply |
//! | RR (request, reply) | sends the request until a reply comes | executes it and replies |
//! | RRA (RR and acknowledge) | as RR, and acknowledges the reply | as RR, then drops its copy |
//!
//! The network may deliver several copies of a request. With *at least once*, the server executes
//! each copy. With *at most once*, it executes the first copy, keeps the reply in the *history*,
//! and answers the other copies with it. The history has the last id of each client that asks at
//! most once, and the reply to it. Two copies of `draw 1` show the difference: with *at least once*
//! they take two numbers, with *at most once* one.
//!
//! **Invariants**
//!
//! 1. Without a valid token the server executes nothing and keeps nothing, and sends at most three
//!    times as many bytes as came: it is no tool to flood another machine.
//! 2. The server refuses these requests before it executes them: a request that is longer than a
//!    datagram may be; a draw whose numbers might not fit the reply; a request that asks for a
//!    wait. If a draw were refused after it was executed, its numbers would be lost. (A message
//!    that does not fit stays in its inbox.)
//! 3. With *at most once*, no request is executed twice: see [`crate::server::history`]. The id and
//!    the client alone decide whether a request is a repeat; the bodies are not compared.
//!
//! **Lock** none. The `udp` thread owns this state; executing a request takes the server's locks,
//! one at a time.
//!
//! **Simplified** nothing here measures the network, and a reply of more than one datagram is not
//! cut into pieces: its client asks over TCP.
//!
//! **Source** the lecture's request-reply protocols; Coulouris and others, section 5.3, for the
//! invocation semantics.

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

/// The limits of a server that takes datagrams.
#[derive(Debug, Clone)]
pub struct DatagramLimits {
    /// The longest datagram in bytes, in both directions.
    pub longest: usize,
    /// The most clients in the history.
    pub max_clients: usize,
    /// The time for which the history keeps a client after its last at-most-once request.
    pub history_time: Duration,
}

impl DatagramLimits {
    /// Returns the most bytes that the history takes: for each client one reply of the greatest
    /// length.
    pub fn history_bytes(&self) -> u64 {
        self.max_clients as u64 * self.longest as u64
    }
}

/// The state of a server that takes datagrams. The `udp` thread owns it: no lock guards it.
#[derive(Debug)]
pub struct Datagrams {
    tokens: Tokens,
    history: History,
    longest: usize,
    /// The length of the list of numbers: it bounds the reply to a draw.
    numbers: u32,
}

/// The service that executes requests. In the server it is the struct that all threads share; a
/// test has its own, without sockets and locks.
pub trait Executor {
    /// Returns a number for a new client.
    fn next_client(&mut self) -> ClientNumber;
    /// Executes a request. `wish` says whether a reply is sent.
    fn execute(&mut self, request: &Request<'_>, client: ClientNumber, wish: Wish) -> Reply<'_>;
}

impl Datagrams {
    /// Starts with a secret key for the tokens. No later call may pass a time before `start`.
    pub fn new(limits: &DatagramLimits, numbers: u32, key: RandomState, start: Instant) -> Self {
        let history = History::new(limits.max_clients, limits.history_time, start);
        Self { tokens: Tokens::new(key, start), history, longest: limits.longest, numbers }
    }

    /// Returns the history of at-most-once clients.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Drops old entries of the history, if a sweep is due.
    pub fn sweep(&mut self, now: Instant) {
        self.history.sweep(now);
    }

    /// Returns whether a datagram has a token that proves its sender's address. Such an address
    /// has a queue of its own while datagrams wait. The token's age is checked only in `receive`.
    pub fn has_token(&self, datagram: &[u8], from: SocketAddr, now: Instant) -> bool {
        let token = match read(datagram) {
            Some((_, Said::Acknowledge(token) | Said::Asked { token, .. })) => token,
            Some((_, Said::Hello | Said::Unproven)) | None => return false,
        };
        self.tokens.read(token, from, now).is_some()
    }

    /// Handles one datagram. Returns the datagram to send back, or `None` for no answer. Cannot
    /// fail: anything that a sender can do wrong is answered, or ignored.
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
        // Invariant 1: each datagram that reaches this line is a Hello, or a request with no token,
        // a wrong one or an old one. So its sender may have a false address.
        (answer.len() <= AMPLIFICATION * datagram.len()).then_some(answer)
    }

    /// Returns the Welcome for a Hello. Keeps nothing: the token itself holds the client's number.
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
            // The request changed nothing: `fitting` has refused a draw that is too long, and a
            // message that does not fit stays in its inbox. `error` is not `None` here, because the
            // client wants a reply.
            answer = asked.error(Error::new(Code::TooLarge, REPLY_TOO_LONG))?;
        }
        // No copy of the request is handled between its execution and this line, because one thread
        // handles all datagrams.
        if asked.wish.at_most_once {
            self.history.keep(client, &answer);
        }
        Some(answer)
    }

    /// Refuses a request that cannot be answered by a datagram, before it has an effect.
    ///
    /// # Errors
    /// Fails with `too-large` if the request, or the longest reply to a draw, does not fit. Fails
    /// with `refused` if the request asks for a wait.
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

/// One request without its body: the data that its answer needs. `from` is the sender's address,
/// `length` that of the request's datagram in bytes.
struct DatagramCall {
    header: Header,
    token: Token,
    wish: Wish,
    from: SocketAddr,
    length: usize,
}

impl DatagramCall {
    /// Returns the datagram of an error, if the client wants a reply at all.
    fn error(&self, error: Error) -> Option<Vec<u8>> {
        let reply = || datagram::reply(self.header, Some(self.token), &mut Reply::Error(error));
        self.wish.reply.then(reply)
    }
}

/// The refusal of a request without a token. Invariant 1 bounds it: the shortest request has 16
/// bytes, so the refusal may have at most 48. It has 40: a header of 16, a length of 4, 19
/// characters and a NUL.
const NO_TOKEN: &str = "no token; say Hello";
const NOT_OURS: &str = "no token of ours; say Hello";
const TOO_OLD: &str = "the token is too old and not in the history; say Hello";
const BEHIND: &str = "a later request of this token came first; send one at a time, ids going up";
const FULL: &str = "the history is full; try again later, or ask at least once";
const WAITS: &str =
    "one thread serves all datagrams and waits for nobody; ask for a wait of 0 ms, or by TCP";
const REPLY_TOO_LONG: &str = "the reply does not fit a datagram; ask for less, or by TCP";

/// Returns the datagram of an error about the token itself. The answer to a request carries the
/// token, and this error does not: so the client can tell them apart.
fn about_token(asked: Header, text: &'static str) -> Vec<u8> {
    datagram::reply(asked, None, &mut Reply::Error(Error::new(Code::Refused, text)))
}

#[cfg(test)]
#[path = "datagrams_tests.rs"]
mod tests;
