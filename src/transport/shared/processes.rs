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

use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use super::{BITE, LockedContents, Shared, Tables, hold};
use crate::message::memory::{Account, Reason, Wanted};
use crate::message::session::SessionId;
use crate::message::{ClientNumber, Code, DEFAULT_WAIT_MS, Error, LeaseId, Reply, Request};
use crate::service::engine::{self, Copying, Delivery, Full, MessageId};
use crate::service::manager::{Caller, Ticket};
use crate::service::process::ProcessNumber;

/// How long a rendezvous pauses before it tries the lock again, at first and at most.
const SHORTEST_PAUSE: Duration = Duration::from_micros(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(1);

const NOBODY_WAITS: &str = "nobody waits any more: the connection has ended, or sent too much behind the request; keep \
     it open, and send less than 64 KiB until the answer is there";

/// A request that could not be answered at once.
#[derive(Debug)]
pub struct Waiting {
    pub(super) caller: Caller,
    pub(super) what: What,
    pub(super) deadline: Instant,
    pub(super) waker: Arc<Condvar>,
}

/// What is waited for.
#[derive(Debug)]
pub(super) enum What {
    Signal,
    Memory(Ticket),
    Message(SessionId),
    Delivery { session: SessionId, length: u64, message: MessageId },
    Name { name: String, ticket: engine::Ticket },
    Room { name: String, committed: Option<u64>, ticket: engine::Ticket },
}

/// What a look at the tables brought.
pub(super) enum Looked {
    Answered(Reply<'static>),
    /// A message is there, and is to be copied without the tables.
    Found(Copying<LockedContents>),
}

impl Shared {
    /// Answers a request that [`Request::may_wait`], or says what to wait for.
    ///
    /// # Errors
    /// What to wait for.
    pub fn begin(
        &self,
        request: &Request<'_>,
        caller: Caller,
        spare: &mut Vec<u8>,
    ) -> Result<Reply<'_>, Waiting> {
        let begun = match *request {
            Request::Grant(ref wanted) => self.request_or_wait(caller, wanted),
            Request::Wait { ms } => self.signal_or_wait(caller, ms),
            Request::Join { ref name, committed } => self.join_or_wait(caller, name, committed),
            Request::Receive { session, ms } => self.receive_or_wait(caller, session, ms, spare),
            Request::Deliver { session, ms, ref data } => self.deliver(caller, session, ms, data),
            Request::Lookup { ref name, ms } => self.lookup_or_wait(caller, name, ms),
            ref other => return Ok(self.answer(other, caller, spare)),
        };
        begun.unwrap_or_else(|error| Ok(Reply::Error(error)))
    }

    fn signal_or_wait(
        &self,
        caller: Caller,
        ms: Option<u64>,
    ) -> Result<Result<Reply<'_>, Waiting>, Error> {
        let longest_ms = self.waits.longest.as_millis() as u64;
        let ms = ms.unwrap_or(DEFAULT_WAIT_MS.min(longest_ms));
        self.check_wait(ms)?;
        self.change_now(|tables, now| {
            if let Some(signal) = tables.next_signal(caller.client)? {
                return Ok(Ok(Reply::Signal(Some(signal))));
            }
            let deadline = now + Duration::from_millis(ms);
            let waker = tables.manager.waker(caller.client)?;
            Ok(Err(Waiting { caller, what: What::Signal, deadline, waker }))
        })
    }

    fn request_or_wait(
        &self,
        caller: Caller,
        wanted: &Wanted,
    ) -> Result<Result<Reply<'_>, Waiting>, Error> {
        self.check_wait(wanted.wait_ms)?;
        self.reap_all(Instant::now());
        self.change_now(|tables, now| {
            let waker = tables.manager.waker(caller.client)?;
            make_room_for(tables, wanted);
            Ok(match tables.manager.request_or_wait(caller.client, wanted, now)? {
                Ok(granted) => Ok(Reply::Granted(granted.into())),
                Err((ticket, deadline)) => {
                    Err(Waiting { caller, what: What::Memory(ticket), deadline, waker })
                }
            })
        })
    }

    /// Figure 4 for a connection, which waits while administrative memory is full.
    fn join_or_wait(
        &self,
        caller: Caller,
        name: &str,
        committed: Option<u64>,
    ) -> Result<Result<Reply<'_>, Waiting>, Error> {
        let waker: Arc<Condvar> = Arc::default();
        match self.enter(caller, name, committed, &waker)? {
            Ok(reply) => Ok(Ok(reply)),
            Err(Full) => self.change_now(|tables, now| {
                let ticket = tables.await_room(waker.clone());
                let name = name.to_string();
                let what = What::Room { name, committed, ticket };
                Ok(Err(Waiting { caller, what, deadline: now + self.waits.rendezvous, waker }))
            }),
        }
    }

    pub(super) fn check_wait(&self, ms: u64) -> Result<(), Error> {
        if Duration::from_millis(ms) <= self.waits.longest {
            return Ok(());
        }
        let longest = self.waits.longest.as_millis();
        let text = format!("a wait lasts 0 to {longest} ms; wait within that, and again");
        Err(Error::new(Code::BadRequest, text))
    }

    /// Waits on for at most `slice`; answers when there is an answer. `spare` is a buffer to put
    /// data in.
    pub fn resume(
        &self,
        waiting: &Waiting,
        slice: Duration,
        spare: &mut Vec<u8>,
    ) -> Option<Reply<'static>> {
        let mut tables = hold(&self.tables);
        let (sleeps_until, now) = (tables.manager.next_wake(), Instant::now());
        let mut looked = self.look(&mut tables, waiting, now);
        if looked.is_none() {
            let left = waiting.deadline.saturating_duration_since(now).min(slice);
            tables = sleep(tables, waiting.caller, &waiting.waker, left);
            looked = self.look(&mut tables, waiting, Instant::now());
        }
        self.let_go(tables, sleeps_until);
        match looked? {
            Looked::Answered(reply) => Some(reply),
            Looked::Found(copying) => Some(self.told(copying, waiting.caller, spare)),
        }
    }

    fn look(&self, tables: &mut Tables, waiting: &Waiting, now: Instant) -> Option<Looked> {
        let client = waiting.caller.client;
        let is_over = now >= waiting.deadline || self.is_stopping();
        let answered = match &waiting.what {
            What::Signal => match tables.next_signal(client) {
                Ok(None) if !is_over => return None,
                Ok(signal) => Reply::Signal(signal),
                Err(error) => Reply::Error(error),
            },
            &What::Memory(ticket) => match tables.manager.served(ticket, now) {
                None if self.is_stopping() => {
                    Reply::Error(tables.manager.refuse_waiting(ticket, now)?)
                }
                None => return None,
                Some(Ok(granted)) => Reply::Granted(granted.into()),
                Some(Err(error)) => Reply::Error(error),
            },
            &What::Message(session) => {
                match tables.begin_receive(client, session, waiting.caller.most_data) {
                    Ok(Some(copying)) => return Some(Looked::Found(copying)),
                    Ok(None) if !is_over => return None,
                    Ok(None) => Reply::Message { session, data: None },
                    Err(error) => Reply::Error(error),
                }
            }
            &What::Delivery { session, length, message } => {
                look_at_delivery(tables, session, length, message, is_over)?
            }
            What::Name { name, ticket } => look_for_name(tables, name, *ticket, is_over)?,
            What::Room { name, committed, ticket } => {
                let waker = waiting.waker.clone();
                let joined = tables.join(waiting.caller, name, *committed, waker, now);
                if matches!(joined, Ok(Err(Full))) && !is_over {
                    return None;
                }
                tables.forget_room(*ticket);
                match joined {
                    Ok(Ok(token)) => Reply::Joined { token },
                    Ok(Err(Full)) => Reply::Error(full()),
                    Err(error) => Reply::Error(error),
                }
            }
        };
        Some(Looked::Answered(answered))
    }

    /// Waits no longer: the client has gone.
    pub fn give_up(&self, waiting: &Waiting) -> Reply<'static> {
        match &waiting.what {
            What::Signal => return Reply::Signal(None),
            &What::Message(session) => return Reply::Message { session, data: None },
            &What::Memory(ticket) => {
                let granted = self.change_now(|tables, now| tables.manager.cancel(ticket, now));
                granted.into_iter().for_each(|ending| self.give_back(vec![ending]));
            }
            &What::Delivery { session, message, .. } => {
                self.change(|tables| tables.withdraw(session, message));
            }
            What::Name { name, ticket } => {
                self.change(|tables| tables.forget_name(name, *ticket));
            }
            What::Room { ticket, .. } => self.change(|tables| tables.forget_room(*ticket)),
        }
        Reply::Error(Error::new(Code::Refused, NOBODY_WAITS))
    }

    /// What was waited for has come, and its client has gone: memory goes back, and a signal
    /// is for whoever else waits for the process.
    pub fn take_back(&self, waiting: &Waiting, reply: Reply<'static>) -> Reply<'static> {
        let client = waiting.caller.client;
        match reply {
            Reply::Granted(granted) => {
                // Its process may have ended meanwhile, and the block with it.
                let ending = self.change(|tables| tables.manager.undo(client, granted.id));
                ending.into_iter().for_each(|ending| self.give_back(vec![ending]));
                Reply::Error(Error::new(Code::Refused, NOBODY_WAITS))
            }
            Reply::Signal(Some(signal)) => {
                self.change(|tables| tables.put_back(client, signal));
                Reply::Signal(None)
            }
            other => other,
        }
    }

    /// Figure 4: its lock is tried for a bounded time, steps 404 to 408.
    fn enter(
        &self,
        caller: Caller,
        name: &str,
        committed: Option<u64>,
        waker: &Arc<Condvar>,
    ) -> Result<Result<Reply<'static>, Full>, Error> {
        let enter = || {
            self.rendezvous(|tables, now| {
                let joined = tables.join(caller, name, committed, waker.clone(), now)?;
                Ok(joined.map(|token| Reply::Joined { token }))
            })
        };
        enter().or_else(|error| match error.code {
            // What has expired and nobody struck yet stands in nobody's way.
            Code::OutOfMemory if self.reap_all(Instant::now()) => enter(),
            _ => Err(error),
        })
    }

    /// Changes the tables when their lock can be had within the time of a rendezvous.
    pub(super) fn rendezvous<T>(
        &self,
        change: impl FnOnce(&mut Tables, Instant) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let deadline = Instant::now() + self.waits.rendezvous;
        let mut pause = SHORTEST_PAUSE;
        let mut is_locked = false;
        let mut tables = loop {
            match self.tables.try_lock() {
                Ok(tables) => break tables,
                Err(TryLockError::Poisoned(poisoned)) => break poisoned.into_inner(),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    if !is_locked {
                        self.locked.fetch_add(1, Ordering::Relaxed);
                    }
                    is_locked = true;
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(TryLockError::WouldBlock) => {
                    let text = "administrative memory stayed locked for too long; try again later";
                    return Err(Error::new(Code::Busy, text));
                }
            }
        };
        if is_locked {
            tables.note_locked();
        }
        let sleeps_until = tables.manager.next_wake();
        let changed = change(&mut tables, Instant::now());
        self.let_go(tables, sleeps_until);
        changed
    }

    /// A join that does not wait for room.
    pub(super) fn join(
        &self,
        caller: Caller,
        name: &str,
        committed: Option<u64>,
    ) -> Result<Reply<'_>, Error> {
        self.enter(caller, name, committed, &Arc::default())?.map_err(|Full| full())
    }

    pub(super) fn attach(&self, caller: Caller, token: LeaseId) -> Result<Reply<'_>, Error> {
        let name = self.change_now(|tables, now| tables.manager.attach(caller, token, now))?;
        Ok(Reply::Attached { name })
    }

    pub(super) fn leave(&self, client: ClientNumber) -> Result<Reply<'_>, Error> {
        let (number, name) = self.change_now(|tables, now| tables.leave(client, now))?;
        self.end_process(number);
        Ok(Reply::Left { name })
    }

    pub(super) fn report(
        &self,
        client: ClientNumber,
        freeable: u64,
        efficiency: Option<u8>,
    ) -> Result<Reply<'_>, Error> {
        self.change_now(|tables, now| tables.manager.report(client, freeable, efficiency, now))?;
        Ok(Reply::Reported)
    }

    pub(super) fn request(
        &self,
        client: ClientNumber,
        wanted: &Wanted,
    ) -> Result<Reply<'_>, Error> {
        self.reap_all(Instant::now());
        let granted = self.change_now(|tables, now| {
            make_room_for(tables, wanted);
            tables.manager.request(client, wanted, now)
        })?;
        Ok(Reply::Granted(granted.into()))
    }

    pub(super) fn return_block(
        &self,
        client: ClientNumber,
        id: LeaseId,
    ) -> Result<Reply<'_>, Error> {
        let (ending, refill) = self.change(|tables| tables.manager.end_grant(client, id))?;
        self.give_back(vec![ending]);
        Ok(Reply::Returned(refill.into()))
    }

    pub(super) fn reuse(&self, client: ClientNumber, size: u64) -> Result<Reply<'_>, Error> {
        self.change(|tables| tables.manager.reuse(client, size))?;
        Ok(Reply::Reused { size })
    }

    pub(super) fn owed(&self, client: ClientNumber) -> Result<Reply<'_>, Error> {
        Ok(Reply::Owed(hold(&self.tables).manager.owed(client)?.into()))
    }

    /// The next signal that is there already.
    pub(super) fn signal(&self, client: ClientNumber) -> Result<Reply<'_>, Error> {
        Ok(Reply::Signal(hold(&self.tables).next_signal(client)?))
    }

    pub(super) fn pools(&self) -> Reply<'_> {
        let (pools, pressure) = hold(&self.tables).manager.pools(Instant::now());
        Reply::Pools(pools, pressure)
    }

    /// Reads the accounts in bites, so that no request waits for many processes.
    pub(super) fn accounts(&self) -> Reply<'_> {
        let mut accounts: Vec<Account> = Vec::new();
        loop {
            let last = accounts.last().map(|account| account.name.as_str());
            let bite = hold(&self.tables).manager.accounts(last, BITE);
            let is_last = bite.len() < BITE;
            accounts.extend(bite);
            if is_last {
                return Reply::Accounts(accounts);
            }
        }
    }

    /// A client without a connection was heard.
    pub fn hear(&self, client: ClientNumber) {
        hold(&self.tables).manager.hear(client, Instant::now());
    }

    /// A connection has ended: if it was its process's last, so does that.
    pub fn disconnect(&self, client: ClientNumber) {
        let ended = self.change_now(|tables, now| tables.disconnect(client, now));
        ended.into_iter().for_each(|number| self.end_process(number));
    }

    /// Gives everything back that a process held, bite by bite, once nobody copies in it.
    pub(super) fn end_process(&self, number: ProcessNumber) {
        self.await_quiet(number);
        loop {
            let endings = self.change(|tables| tables.manager.strike(number, BITE));
            if endings.is_empty() {
                return;
            }
            self.give_back(endings);
        }
    }
}

/// Sleeps until the process of `caller` is woken, or for `time`.
pub(super) fn sleep<'a>(
    mut tables: MutexGuard<'a, Tables>,
    caller: Caller,
    waker: &Condvar,
    time: Duration,
) -> MutexGuard<'a, Tables> {
    tables.manager.fall_asleep(caller.client);
    let woken = waker.wait_timeout(tables, time);
    let mut tables = woken.unwrap_or_else(PoisonError::into_inner).0;
    tables.manager.awake(caller.client);
    tables
}

fn make_room_for(tables: &mut Tables, wanted: &Wanted) {
    if wanted.reason == Reason::Committed {
        tables.make_room(wanted.size);
    }
}

fn full() -> Error {
    let text = "administrative memory is full; try again when a process has left";
    Error::new(Code::OutOfMemory, text)
}

fn look_at_delivery(
    tables: &mut Tables,
    session: SessionId,
    length: u64,
    message: MessageId,
    is_over: bool,
) -> Option<Reply<'static>> {
    let became = if is_over { tables.withdraw(session, message) } else { tables.delivery(message) };
    let refused = |text| Some(Reply::Error(Error::new(Code::Refused, text)));
    match became {
        Delivery::Received => Some(Reply::Delivered { session, length }),
        Delivery::Lost => refused(NOT_RECEIVED),
        Delivery::Waiting if is_over => refused(NOT_IN_TIME),
        Delivery::Waiting => None,
    }
}

fn look_for_name(
    tables: &mut Tables,
    name: &str,
    ticket: engine::Ticket,
    is_over: bool,
) -> Option<Reply<'static>> {
    let is_there = tables.is_there(name);
    if !is_there && !is_over {
        return None;
    }
    tables.forget_name(name, ticket);
    Some(match is_there {
        true => Reply::Found { name: name.to_string() },
        false => Reply::Error(nobody()),
    })
}

/// The answer for a name that no process has.
pub(super) fn nobody() -> Error {
    let text = "there is no process of that name; wait for it longer, or ask it to join";
    Error::new(Code::NotFound, text)
}

const NOT_RECEIVED: &str = "the session ended before the message was received; open a new one";
const NOT_IN_TIME: &str =
    "nobody received the message in time, so it was taken back; deliver it again, or send it";
