//! Requests of processes, and the two that may wait: `wait` and `request … wait=MS`.
//!
//! ```text
//!   begin ──► answered at once
//!     └─────► Waiting ──► resume, resume … ──► answered, or its time is over
//!                           ▲ woken by the process's condition variable, or
//!                           │ after a slice, to see whether the client is still there
//!                           └──────────────────► give_up
//! ```
//!
//! Each process has a condition variable of its own. A thread that waits has let go of the
//! tables, and no other lock exists that it could hold.
//!
//! **Invariants** memory that was granted to a client that had gone is given back.
//!
//! **Lock** the tables; a block's when one is given back.
//!
//! **Source** the long poll of HTTP servers; figure 3's messages.

use std::sync::{Arc, Condvar, PoisonError};
use std::time::{Duration, Instant};

use super::{BITE, Shared, Tables, hold};
use crate::message::memory::{Account, Wanted};
use crate::message::{ClientNumber, Code, DEFAULT_WAIT_MS, Error, LeaseId, Reply, Request};
use crate::service::manager::{Caller, Ticket};
use crate::service::process::ProcessNumber;

const NOBODY_WAITS: &str = "nobody waits any more: the connection has ended, or sent too much behind the request; keep \
     it open, and send less than 64 KiB until the answer is there";

/// A request that could not be answered at once.
#[derive(Debug)]
pub struct Waiting {
    client: ClientNumber,
    what: What,
    deadline: Instant,
    waker: Arc<Condvar>,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Signal,
    Memory(Ticket),
}

impl Shared {
    /// Answers a request that [`Request::may_wait`], or says what to wait for.
    ///
    /// # Errors
    /// What to wait for.
    pub fn begin(&self, request: &Request<'_>, caller: Caller) -> Result<Reply<'_>, Waiting> {
        let begun = match *request {
            Request::Grant(ref wanted) => self.request_or_wait(caller.client, wanted),
            Request::Wait { ms } => self.signal_or_wait(caller.client, ms),
            ref other => return Ok(self.answer(other, caller, &mut Vec::new())),
        };
        begun.unwrap_or_else(|error| Ok(Reply::Error(error)))
    }

    fn signal_or_wait(
        &self,
        client: ClientNumber,
        ms: Option<u64>,
    ) -> Result<Result<Reply<'_>, Waiting>, Error> {
        let longest_ms = self.longest_wait.as_millis() as u64;
        let ms = ms.unwrap_or(DEFAULT_WAIT_MS.min(longest_ms));
        self.check_wait(ms)?;
        self.change(|tables, now| {
            if let Some(signal) = tables.next_signal(client)? {
                return Ok(Ok(Reply::Signal(Some(signal))));
            }
            let deadline = now + Duration::from_millis(ms);
            let waker = tables.waker(client)?;
            Ok(Err(Waiting { client, what: What::Signal, deadline, waker }))
        })
    }

    fn request_or_wait(
        &self,
        client: ClientNumber,
        wanted: &Wanted,
    ) -> Result<Result<Reply<'_>, Waiting>, Error> {
        self.check_wait(wanted.wait_ms)?;
        self.reap_all(Instant::now());
        self.change(|tables, now| {
            let waker = tables.waker(client)?;
            Ok(match tables.request_or_wait(client, wanted, now)? {
                Ok(granted) => Ok(Reply::Granted(granted.into())),
                Err((ticket, deadline)) => {
                    Err(Waiting { client, what: What::Memory(ticket), deadline, waker })
                }
            })
        })
    }

    fn check_wait(&self, ms: u64) -> Result<(), Error> {
        if Duration::from_millis(ms) <= self.longest_wait {
            return Ok(());
        }
        let longest = self.longest_wait.as_millis();
        let text = format!("a wait lasts 0 to {longest} ms; wait within that, and again");
        Err(Error::new(Code::BadRequest, text))
    }

    /// Waits on for at most `slice`; answers when there is an answer.
    pub fn resume(&self, waiting: &Waiting, slice: Duration) -> Option<Reply<'static>> {
        let mut tables = hold(&self.tables);
        let now = Instant::now();
        if let Some(reply) = self.look(&mut tables, waiting, now) {
            return Some(reply);
        }
        let left = waiting.deadline.saturating_duration_since(now).min(slice);
        let woken = waiting.waker.wait_timeout(tables, left);
        let mut tables = woken.unwrap_or_else(PoisonError::into_inner).0;
        self.look(&mut tables, waiting, Instant::now())
    }

    fn look(&self, tables: &mut Tables, waiting: &Waiting, now: Instant) -> Option<Reply<'static>> {
        match waiting.what {
            What::Signal => match tables.next_signal(waiting.client) {
                Ok(None) if now < waiting.deadline && !self.is_stopping() => None,
                Ok(signal) => Some(Reply::Signal(signal)),
                Err(error) => Some(Reply::Error(error)),
            },
            What::Memory(ticket) => match tables.served(ticket, now) {
                None if self.is_stopping() => tables.refuse_waiting(ticket, now).map(Reply::Error),
                None => None,
                Some(Ok(granted)) => Some(Reply::Granted(granted.into())),
                Some(Err(error)) => Some(Reply::Error(error)),
            },
        }
    }

    /// Waits no longer: the client has gone.
    pub fn give_up(&self, waiting: &Waiting) -> Reply<'static> {
        let What::Memory(ticket) = waiting.what else { return Reply::Signal(None) };
        let granted = self.change(|tables, now| tables.cancel(ticket, now));
        granted.into_iter().for_each(|ending| self.give_back(vec![ending]));
        Reply::Error(Error::new(Code::Refused, NOBODY_WAITS))
    }

    /// What was waited for has come, and its client has gone: memory goes back, and a signal
    /// is for whoever else waits for the process.
    pub fn take_back(&self, waiting: &Waiting, reply: Reply<'static>) -> Reply<'static> {
        match reply {
            Reply::Granted(granted) => {
                // Its process may have ended meanwhile, and the block with it.
                let ending = self.change(|tables, _| tables.undo(waiting.client, granted.id));
                ending.into_iter().for_each(|ending| self.give_back(vec![ending]));
                Reply::Error(Error::new(Code::Refused, NOBODY_WAITS))
            }
            Reply::Signal(Some(signal)) => {
                self.change(|tables, _| tables.put_back(waiting.client, signal));
                Reply::Signal(None)
            }
            other => other,
        }
    }

    pub(super) fn join(
        &self,
        caller: Caller,
        name: &str,
        committed: Option<u64>,
    ) -> Result<Reply<'_>, Error> {
        self.reap_all(Instant::now());
        let waker = Arc::default();
        let token = self.change(|tables, now| tables.join(caller, name, committed, waker, now))?;
        Ok(Reply::Joined { token })
    }

    pub(super) fn attach(&self, caller: Caller, token: LeaseId) -> Result<Reply<'_>, Error> {
        let name = self.change(|tables, now| tables.attach(caller, token, now))?;
        Ok(Reply::Attached { name })
    }

    pub(super) fn leave(&self, client: ClientNumber) -> Result<Reply<'_>, Error> {
        let (number, name) = self.change(|tables, now| tables.leave(client, now))?;
        self.end_process(number);
        Ok(Reply::Left { name })
    }

    pub(super) fn report(
        &self,
        client: ClientNumber,
        freeable: u64,
        efficiency: Option<u8>,
    ) -> Result<Reply<'_>, Error> {
        self.change(|tables, now| tables.report(client, freeable, efficiency, now))?;
        Ok(Reply::Reported)
    }

    pub(super) fn request(
        &self,
        client: ClientNumber,
        wanted: &Wanted,
    ) -> Result<Reply<'_>, Error> {
        self.reap_all(Instant::now());
        let granted = self.change(|tables, now| tables.request(client, wanted, now))?;
        Ok(Reply::Granted(granted.into()))
    }

    pub(super) fn return_block(
        &self,
        client: ClientNumber,
        id: LeaseId,
    ) -> Result<Reply<'_>, Error> {
        let (ending, refill) = self.change(|tables, _| tables.end_grant(client, id))?;
        self.give_back(vec![ending]);
        Ok(Reply::Returned(refill.into()))
    }

    pub(super) fn reuse(&self, client: ClientNumber, size: u64) -> Result<Reply<'_>, Error> {
        self.change(|tables, _| tables.reuse(client, size))?;
        Ok(Reply::Reused { size })
    }

    pub(super) fn owed(&self, client: ClientNumber) -> Result<Reply<'_>, Error> {
        Ok(Reply::Owed(hold(&self.tables).owed(client)?.into()))
    }

    /// The next signal that is there already.
    pub(super) fn signal(&self, client: ClientNumber) -> Result<Reply<'_>, Error> {
        Ok(Reply::Signal(hold(&self.tables).next_signal(client)?))
    }

    pub(super) fn pools(&self) -> Reply<'_> {
        let (pools, pressure) = hold(&self.tables).pools(Instant::now());
        Reply::Pools(pools, pressure)
    }

    /// Reads the accounts in bites, so that no request waits for many processes.
    pub(super) fn accounts(&self) -> Reply<'_> {
        let mut accounts: Vec<Account> = Vec::new();
        loop {
            let last = accounts.last().map(|account| account.name.as_str());
            let bite = hold(&self.tables).accounts(last, BITE);
            let is_last = bite.len() < BITE;
            accounts.extend(bite);
            if is_last {
                return Reply::Accounts(accounts);
            }
        }
    }

    /// A client without a connection was heard.
    pub fn hear(&self, client: ClientNumber) {
        hold(&self.tables).hear(client, Instant::now());
    }

    /// A connection has ended: if it was its process's last, so does that.
    pub fn disconnect(&self, client: ClientNumber) {
        let ended = self.change(|tables, now| tables.disconnect(client, now));
        ended.into_iter().for_each(|number| self.end_process(number));
    }

    /// Gives everything back that a process held, bite by bite.
    pub(super) fn end_process(&self, number: ProcessNumber) {
        loop {
            let endings = self.change(|tables, _| tables.strike(number, BITE));
            if endings.is_empty() {
                return;
            }
            self.give_back(endings);
        }
    }
}
