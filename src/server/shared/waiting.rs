//! Requests that may wait: for a signal, memory, a message, its receipt, a name, room.
//!
//! ```text
//!   begin ──► answered at once
//!     └─────► Waiting ──► resume, resume … ──► answered, or its time is over
//!                           ▲ woken by a condition variable, or after a slice,
//!                           │ to see whether the client is still there
//!                           └──────────────────► give_up, take_back
//! ```
//!
//! Each process has a condition variable of its own, and so has each request that waits for a name
//! or for room, because its client may be no process. A thread that waits has let go of the
//! tables, and no other lock exists that it could hold.
//!
//! **Invariants** memory that was granted to a client that had gone is given back; a message for
//! one of several connections of a process is taken when that connection was just seen to be there.
//!
//! **Lock** the tables; a block's when one is given back.
//!
//! **Source** the long poll of HTTP servers; the messages of the memory manager's figure 3.

use std::sync::{Arc, Condvar, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::cooperative::manager::{Caller, Ticket};
use crate::cooperative::words::{Reason, Wanted};
use crate::message::{Code, DEFAULT_WAIT_MS, Error, Reply, Request};
use crate::server::shared::rendezvous::full;
use crate::server::shared::{LockedContents, Shared, Tables, hold};
use crate::sessions::words::SessionId;
use crate::sessions::{Copying, Delivery, Full, MessageId, Ticket as RoomTicket};

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
    Name { name: String, ticket: RoomTicket },
    Room { name: String, committed: Option<u64>, ticket: RoomTicket },
}

/// What came of waiting on.
#[derive(Debug)]
pub enum Resumed {
    /// The answer.
    Answered(Reply<'static>),
    /// A message is there, which another connection of the process could have instead: it is
    /// taken when this one is still there.
    Ready,
    /// Nothing yet.
    Nothing,
}

/// What a look at the tables brought.
enum Looked {
    Answered(Reply<'static>),
    Ready,
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
            // One of several connections is looked at first: see `resume`.
            let is_shared = tables.processes.has_others(caller.client);
            if !is_shared && let Some(signal) = tables.engine().next_signal(caller.client)? {
                return Ok(Ok(Reply::Signal(Some(signal))));
            }
            let deadline = now + Duration::from_millis(ms);
            let waker = tables.processes.waker(caller.client)?;
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
            let waker = tables.processes.waker(caller.client)?;
            make_room_for(tables, wanted);
            Ok(match tables.manager().request_or_wait(caller.client, wanted, now)? {
                Ok(granted) => Ok(Reply::Granted(granted.into())),
                Err((ticket, deadline)) => {
                    Err(Waiting { caller, what: What::Memory(ticket), deadline, waker })
                }
            })
        })
    }

    pub(super) fn check_wait(&self, ms: u64) -> Result<(), Error> {
        if Duration::from_millis(ms) <= self.waits.longest {
            return Ok(());
        }
        let longest = self.waits.longest.as_millis();
        let text = format!("a wait lasts 0 to {longest} ms; wait within that, and again");
        Err(Error::new(Code::BadRequest, text))
    }

    /// Waits on for at most `slice`; `is_here` says that the client was seen to be there. `spare` is a
    /// buffer to put data in.
    pub fn resume(
        &self,
        waiting: &Waiting,
        slice: Duration,
        is_here: bool,
        spare: &mut Vec<u8>,
    ) -> Resumed {
        let mut tables = hold(&self.tables);
        let (sleeps_until, now) = (tables.leases.next_wake(), Instant::now());
        let mut looked = self.look(&mut tables, waiting, is_here, now);
        if looked.is_none() && !slice.is_zero() {
            let left = waiting.deadline.saturating_duration_since(now).min(slice);
            tables = sleep(tables, waiting.caller, &waiting.waker, left);
            // Whoever was there may have gone meanwhile.
            looked = self.look(&mut tables, waiting, false, Instant::now());
        }
        self.let_go(tables, sleeps_until);
        match looked {
            None => Resumed::Nothing,
            Some(Looked::Ready) => Resumed::Ready,
            Some(Looked::Answered(reply)) => Resumed::Answered(reply),
            Some(Looked::Found(copying)) => {
                Resumed::Answered(self.told(copying, waiting.caller, spare))
            }
        }
    }

    fn look(
        &self,
        tables: &mut Tables,
        waiting: &Waiting,
        is_here: bool,
        now: Instant,
    ) -> Option<Looked> {
        let client = waiting.caller.client;
        let is_over = now >= waiting.deadline || self.is_stopping();
        let answered = match &waiting.what {
            What::Signal => match tables.engine().next_signal(client) {
                Ok(None) if !is_over => return None,
                Ok(signal) => Reply::Signal(signal),
                Err(error) => Reply::Error(error),
            },
            &What::Memory(ticket) => match tables.processes.served(ticket, now) {
                None if self.is_stopping() => {
                    Reply::Error(tables.processes.refuse_waiting(ticket, now)?)
                }
                None => return None,
                Some(Ok(granted)) => Reply::Granted(granted.into()),
                Some(Err(error)) => Reply::Error(error),
            },
            &What::Message(session) => {
                match look_for_message(tables, session, waiting.caller, is_here) {
                    Ok(Sought::Found(copying)) => return Some(Looked::Found(copying)),
                    Ok(Sought::Ready) => return Some(Looked::Ready),
                    Ok(Sought::Nothing) if !is_over => return None,
                    Ok(Sought::Nothing) => Reply::Message { session, data: None },
                    Err(error) => Reply::Error(error),
                }
            }
            &What::Delivery { session, length, message } => {
                look_at_delivery(tables, session, length, message, is_over)?
            }
            What::Name { name, ticket } => look_for_name(tables, name, *ticket, is_over)?,
            What::Room { name, committed, ticket } => {
                let entering = (name.as_str(), *committed, *ticket);
                enter_late(tables, waiting, entering, is_over, now)?
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
                let granted = self.change_now(|tables, now| tables.manager().cancel(ticket, now));
                granted.into_iter().for_each(|ending| self.give_back(vec![ending]));
            }
            &What::Delivery { session, message, .. } => {
                self.change(|tables| tables.engine().withdraw(session, message));
            }
            What::Name { name, ticket } => {
                self.change(|tables| tables.engine().forget_name(name, *ticket));
            }
            What::Room { ticket, .. } => self.change(|tables| tables.engine().forget_room(*ticket)),
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
                let ending = self.change(|tables| tables.manager().undo(client, granted.id));
                ending.into_iter().for_each(|ending| self.give_back(vec![ending]));
                Reply::Error(Error::new(Code::Refused, NOBODY_WAITS))
            }
            Reply::Signal(Some(signal)) => {
                self.change(|tables| tables.engine().put_back(client, signal));
                Reply::Signal(None)
            }
            other => other,
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
    tables.processes.fall_asleep(caller.client);
    let woken = waker.wait_timeout(tables, time);
    let mut tables = woken.unwrap_or_else(PoisonError::into_inner).0;
    tables.processes.awake(caller.client);
    tables
}

pub(super) fn make_room_for(tables: &mut Tables, wanted: &Wanted) {
    if wanted.reason == Reason::Committed {
        tables.make_room(wanted.size);
    }
}

/// What a look for a message brought.
pub(super) enum Sought {
    /// It is to be copied without the tables.
    Found(Copying<LockedContents>),
    /// There is one, which another connection of the process could have instead.
    Ready,
    Nothing,
}

pub(super) fn look_for_message(
    tables: &mut Tables,
    session: SessionId,
    caller: Caller,
    is_here: bool,
) -> Result<Sought, Error> {
    let client = caller.client;
    if !is_here
        && tables.processes.has_others(client)
        && tables.engine().has_message(client, session)
    {
        return Ok(Sought::Ready);
    }
    let begun = tables.engine().begin_receive(client, session, caller.most_data)?;
    Ok(begun.map_or(Sought::Nothing, Sought::Found))
}

/// Tries a join again that found administrative memory full.
fn enter_late(
    tables: &mut Tables,
    waiting: &Waiting,
    (name, committed, ticket): (&str, Option<u64>, RoomTicket),
    is_over: bool,
    now: Instant,
) -> Option<Reply<'static>> {
    let waker = waiting.waker.clone();
    let joined = tables.engine().join(waiting.caller, name, committed, waker, Some(ticket), now);
    if matches!(joined, Ok(Err(Full))) && !is_over {
        return None;
    }
    tables.engine().forget_room(ticket);
    Some(match joined {
        Ok(Ok(token)) => Reply::Joined { token },
        Ok(Err(Full)) => Reply::Error(full()),
        Err(error) => Reply::Error(error),
    })
}

fn look_at_delivery(
    tables: &mut Tables,
    session: SessionId,
    length: u64,
    message: MessageId,
    is_over: bool,
) -> Option<Reply<'static>> {
    let became = if is_over {
        tables.engine().withdraw(session, message)
    } else {
        tables.engine().delivery(message)
    };
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
    ticket: RoomTicket,
    is_over: bool,
) -> Option<Reply<'static>> {
    let is_there = tables.engine().is_there(name);
    if !is_there && !is_over {
        return None;
    }
    tables.engine().forget_name(name, ticket);
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
