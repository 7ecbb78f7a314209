//! Requests that may wait: how one begins, goes on, and is given up.
//!
//! ```text
//!   begin ──► Done: answered at once
//!     └─────► Waits ──► resume, resume … ──► answered, or its time is over
//!                         ▲ woken by a condition variable, or after a slice of time,
//!                         │ to see whether the client is still there
//!                         └──────────────────► give_up, take_back
//! ```
//!
//! A request that must wait carries its own way to be looked at and given up ([`Waiting`]); nothing
//! here knows which requests there are.
//!
//! Each process has a condition variable of its own, and so has each request that waits for a name
//! or for room, because its client may be no process. A thread that waits has unlocked the tables,
//! and it holds no other lock.
//!
//! **Lock** the tables; a block's when one is given back.
//!
//! **Source** the long poll of HTTP servers; the messages of the memory manager's figure 3.

use std::fmt::Debug;
use std::sync::{Arc, Condvar, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::commands::Reply;
use crate::common::caller::Caller;
use crate::common::description::Execute;
use crate::common::error::{Code, Error};
use crate::common::lock::lock;
use crate::server::shared::Shared;
use crate::server::tables::ServerTables;

const STOPPED_WAITING: &str = "stopped waiting: the connection closed, or sent more than 64 KiB meanwhile; keep it open, and \
     send less until the answer is there";

/// A command that may have to wait for other clients.
pub trait MayWait: Execute<Shared> {
    /// How long it may wait, in milliseconds.
    fn longest_wait_ms(&self) -> u64;

    /// Whether it may wait at all.
    fn may_wait(&self) -> bool {
        self.longest_wait_ms() > 0
    }

    /// Answers it at once, or says how it waits.
    ///
    /// # Errors
    /// The refusal that is answered.
    fn begin(
        &self,
        shared: &Shared,
        caller: Caller,
        spare: &mut Vec<u8>,
    ) -> Result<Begun<Self::Done>, Error>;
}

/// How a command began.
#[derive(Debug)]
pub enum Begun<Done> {
    /// It is answered.
    Done(Done),
    /// It waits.
    Waits(Waits),
}

/// How one kind of request waits.
pub trait Waiting: Debug {
    /// Its reply.
    type Done;

    /// Looks whether it can be answered now.
    fn look(&mut self, tables: &mut ServerTables, turn: &Moment) -> Look<Self::Done>;

    /// Waits no longer: the client has gone.
    ///
    /// # Errors
    /// The refusal that is answered.
    fn give_up(&mut self, shared: &Shared) -> Result<Self::Done, Error>;

    /// Whether an answer can be given back when its client turns out to have gone.
    fn can_be_taken_back(&self, _: &Self::Done) -> bool {
        false
    }

    /// Gives back what was waited for: the client has gone.
    ///
    /// # Errors
    /// The refusal that is answered.
    fn take_back(&mut self, _: &Shared, done: Self::Done) -> Result<Self::Done, Error> {
        Ok(done)
    }
}

/// When a waiting request is looked at, and for whom.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// The client that asked.
    pub caller: Caller,
    /// The time, read under the lock.
    pub now: Instant,
    /// Its time is over, or the server stops.
    pub is_over: bool,
    /// The server stops.
    pub is_stopping: bool,
    /// The client was just seen to be there.
    pub is_here: bool,
}

/// The work that is left once the tables are unlocked.
pub type Rest<Done> = Box<dyn FnOnce(&Shared, &mut Vec<u8>) -> Result<Done, Error>>;

/// The result of a look.
pub enum Look<Done> {
    /// Nothing yet.
    Nothing,
    /// There is something that another connection of the process could have instead: it is taken
    /// when this one is still there.
    Ready,
    /// The answer.
    Answered(Result<Done, Error>),
    /// The answer, once the rest is done without the tables.
    Unlocked(Rest<Done>),
}

/// The refusal of a request whose client has gone.
pub fn stopped_waiting() -> Error {
    Error::new(Code::Refused, STOPPED_WAITING)
}

/// A request that waits.
#[derive(Debug)]
pub struct Waits {
    caller: Caller,
    deadline: Instant,
    waker: Arc<Condvar>,
    how: Box<dyn Resume>,
}

impl Waits {
    /// Waits until `deadline`, and looks again whenever it is woken.
    pub fn new<W>(caller: Caller, deadline: Instant, waker: Arc<Condvar>, how: W) -> Self
    where
        W: Waiting + 'static,
        Reply<'static>: From<W::Done>,
        W::Done: TryFrom<Reply<'static>, Error = Reply<'static>>,
    {
        Self { caller, deadline, waker, how: Box::new(how) }
    }
}

/// The result of more waiting.
#[derive(Debug)]
pub enum Resumed {
    /// The answer, which can be taken back.
    Taken(Reply<'static>),
    /// The answer.
    Answered(Reply<'static>),
    /// As [`Look::Ready`].
    Ready,
    /// Nothing yet.
    Nothing,
}

/// A [`Waiting`] of any kind, whose answers are replies.
trait Resume: Debug {
    fn look(&mut self, tables: &mut ServerTables, turn: &Moment) -> Look<Resumed>;
    fn give_up(&mut self, shared: &Shared) -> Reply<'static>;
    fn take_back(&mut self, shared: &Shared, reply: Reply<'static>) -> Reply<'static>;
}

impl<W> Resume for W
where
    W: Waiting,
    Reply<'static>: From<W::Done>,
    W::Done: TryFrom<Reply<'static>, Error = Reply<'static>>,
    W::Done: 'static,
{
    fn look(&mut self, tables: &mut ServerTables, turn: &Moment) -> Look<Resumed> {
        match Waiting::look(self, tables, turn) {
            Look::Nothing => Look::Nothing,
            Look::Ready => Look::Ready,
            Look::Answered(Ok(done)) if self.can_be_taken_back(&done) => {
                Look::Answered(Ok(Resumed::Taken(done.into())))
            }
            Look::Answered(done) => Look::Answered(Ok(Resumed::Answered(reply_of(done)))),
            Look::Unlocked(rest) => Look::Unlocked(Box::new(|shared, spare| {
                Ok(Resumed::Answered(reply_of(rest(shared, spare))))
            })),
        }
    }

    fn give_up(&mut self, shared: &Shared) -> Reply<'static> {
        reply_of(Waiting::give_up(self, shared))
    }

    fn take_back(&mut self, shared: &Shared, reply: Reply<'static>) -> Reply<'static> {
        match W::Done::try_from(reply) {
            Ok(done) => reply_of(Waiting::take_back(self, shared, done)),
            Err(reply) => reply,
        }
    }
}

fn reply_of<Done>(done: Result<Done, Error>) -> Reply<'static>
where
    Reply<'static>: From<Done>,
{
    done.map_or_else(Reply::Error, Reply::from)
}

impl Shared {
    /// Waits on for at most `slice`; `is_here` says that the client was seen to be there. `spare` is
    /// a buffer to put data in.
    pub fn resume(
        &self,
        waits: &mut Waits,
        slice: Duration,
        is_here: bool,
        spare: &mut Vec<u8>,
    ) -> Resumed {
        let Waits { caller, deadline, waker, how } = waits;
        let turn = |now: Instant, is_here| {
            let is_stopping = self.is_stopping();
            let is_over = now >= *deadline || is_stopping;
            Moment { caller: *caller, now, is_over, is_stopping, is_here }
        };
        let mut locked = self.memory.begin_change(lock(self.memory.tables()));
        let now = Instant::now();
        let mut look = how.look(locked.tables(), &turn(now, is_here));
        if matches!(look, Look::Nothing) && !slice.is_zero() {
            let left = deadline.saturating_duration_since(now).min(slice);
            locked = locked.map(|tables| sleep(tables, *caller, waker, left));
            // A client that was there may have gone meanwhile.
            look = how.look(locked.tables(), &turn(Instant::now(), false));
        }
        self.memory.unlock_and_wake(locked);
        match look {
            Look::Nothing => Resumed::Nothing,
            Look::Ready => Resumed::Ready,
            Look::Answered(resumed) => resumed.unwrap_or_else(refused),
            Look::Unlocked(rest) => rest(self, spare).unwrap_or_else(refused),
        }
    }

    /// Waits no longer: the client has gone.
    pub fn give_up(&self, waits: &mut Waits) -> Reply<'static> {
        waits.how.give_up(self)
    }

    /// Puts a reply back whose client has gone.
    pub fn take_back(&self, waits: &mut Waits, reply: Reply<'static>) -> Reply<'static> {
        waits.how.take_back(self, reply)
    }

    /// Whether a request may wait for so long.
    ///
    /// # Errors
    /// `bad-request`, with the longest wait.
    pub fn check_wait(&self, ms: u64) -> Result<(), Error> {
        if Duration::from_millis(ms) <= self.waits.longest {
            return Ok(());
        }
        let longest = self.waits.longest.as_millis();
        let text = format!("a wait lasts 0 to {longest} ms; wait within that, and again");
        Err(Error::new(Code::BadRequest, text))
    }
}

fn refused(error: Error) -> Resumed {
    Resumed::Answered(Reply::Error(error))
}

/// Sleeps until the process of `caller` is woken, or for `time`.
pub fn sleep<'a>(
    mut tables: MutexGuard<'a, ServerTables>,
    caller: Caller,
    waker: &Condvar,
    time: Duration,
) -> MutexGuard<'a, ServerTables> {
    tables.processes.add_sleeper(caller.client);
    let woken = waker.wait_timeout(tables, time);
    let mut tables = woken.unwrap_or_else(PoisonError::into_inner).0;
    tables.processes.remove_sleeper(caller.client);
    tables
}

#[cfg(test)]
#[path = "waiting_tests.rs"]
mod tests;
