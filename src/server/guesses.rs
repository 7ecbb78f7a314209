//! The numbers of leases that strangers guess: each wrong guess costs one of the server's budget.
//!
//! ```text
//!   get 7 ── did this connection lease 7, or find it before? ── yes ─────────────► execute
//!                └─ no: a guess ─► one out of the budget ─► execute ─┬─ found: put it back
//!                                    └─ none left: wait up to 1 s,   ├─ not found: it is spent
//!                                       then `busy`                  └─ another error: put it back
//! ```
//!
//! The number of a lease has 31 bits, because a MemoryLease frame has no more for it. A stranger
//! that tries ten million numbers a second finds one of 300 leases within seconds. The budget
//! ([`crate::common::guesses`]) gains one guess a second. With it all 2^31 numbers take 68 years,
//! and a search among 1000 leases finds one within a day with a probability of 4 %.
//!
//! **Invariants** a client never waits for the budget while it uses leases that it has made or
//! found on the same connection: the last 256 of them.
//!
//! **Lock** that of the budget; none while the request is executed.
//!
//! **Simplified** While strangers spend the budget, an honest client waits too, if it uses on a new
//! connection the number of a lease that another connection made. A budget for each address would
//! keep them apart. A MemoryLease frame cannot say `busy`: its client is told that there is no such
//! lease.
//!
//! **Source** `memorylease.txt` for the 31 bits; the budget is ours.

use crate::commands::{Leased, Reply, Request};
use crate::common::caller::Caller;
use crate::common::description::Sink;
use crate::common::error::{Code, Error};
use crate::common::id::LeaseId;
use crate::server::shared::Shared;

/// After so many wrong guesses without a right one between them, a connection pauses for 100 ms
/// before each further guess.
const FEW: u32 = 64;

/// The most numbers that a connection remembers: the last ones that it leased or found.
const REMEMBERED: usize = 256;

/// The numbers of leases that one connection knows.
#[derive(Debug, Default)]
pub struct Guesser {
    /// The last numbers that the connection leased or found, as a ring.
    known: Vec<i32>,
    /// The index of the oldest number in a full ring: the next new number replaces it.
    next: usize,
    /// The wrong guesses since the last right one.
    missed: u32,
}

impl Guesser {
    /// Executes a request. A request that names the number of a lease that this connection does not
    /// know is a guess: it is refused with `busy` if the budget has no guess left.
    pub fn run<'s>(
        &mut self,
        request: &Request<'_>,
        shared: &'s Shared,
        caller: Caller,
        spare: &mut Vec<u8>,
    ) -> Reply<'s> {
        let number = number_in(request).filter(|number| !self.known.contains(number));
        // Without a number, or with a known one, the request is no guess.
        let Some(number) = number else {
            let reply = request.execute(shared, caller, spare);
            if let Reply::Leased(Leased { id, .. }) = &reply {
                id.number().into_iter().for_each(|number| self.remember(number));
            }
            return reply;
        };
        // A connection may wait, but one thread serves all datagrams, and it never waits.
        let (has_missed, may_wait) = (self.missed >= FEW, caller.is_connected);
        if !shared.guesses.begin(has_missed, may_wait) {
            return Reply::Error(Error::new(Code::Busy, NONE_LEFT));
        }
        let reply = request.execute(shared, caller, spare);
        let is_wrong = matches!(&reply, Reply::Error(error) if error.code == Code::NotFound);
        shared.guesses.end(!is_wrong);
        match &reply {
            _ if is_wrong => self.missed = self.missed.saturating_add(1),
            // Some requests fail before they look for the lease, such as `renew N 0`. So after an
            // error the connection does not know the number.
            Reply::Error(_) => {}
            _ => {
                self.missed = 0;
                self.remember(number);
            }
        }
        reply
    }

    /// Adds a number to the known ones. A full ring forgets its oldest number.
    fn remember(&mut self, number: i32) {
        if self.known.contains(&number) {
            return;
        }
        if self.known.len() < REMEMBERED {
            self.known.push(number);
        } else {
            self.known[self.next] = number;
            self.next = (self.next + 1) % REMEMBERED;
        }
    }
}

const NONE_LEFT: &str = "too many wrong numbers of leases or passwords were tried; try again in a second, or \
                         lease by text or HTTP, whose ids nobody can guess";

/// Returns the number of a lease that a request names; `None` for a UUID or no lease. The request
/// writes its fields to a sink, so that this function works for every command.
fn number_in(request: &Request<'_>) -> Option<i32> {
    let mut found = NumberSink(None);
    request.write(&mut found);
    found.0
}

/// A sink that keeps the first numeric id among the fields of a request, and ignores all others.
struct NumberSink(Option<i32>);

impl Sink for NumberSink {
    fn id(&mut self, _: &str, id: LeaseId) {
        self.0 = self.0.or(id.number());
    }

    fn u64(&mut self, _: &str, _: u64) {}
    fn hundredths(&mut self, _: &str, _: u32) {}
    fn optional(&mut self, _: &str, _: Option<u64>) {}
    fn text(&mut self, _: &str, _: &str) {}
    fn data(&mut self, _: &str, _: &[u8]) {}
    fn list<T>(&mut self, _: &str, _: &str, _: &[T], _: impl Fn(&T, &mut Self)) {}
}

#[cfg(test)]
#[path = "guesses_tests.rs"]
mod tests;
