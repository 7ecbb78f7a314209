//! Requests that may wait: how one begins, goes on, and is given up.
//!
//! ```text
//!   begin ──► Done: answered at once
//!     └─────► Waits ──► resume, resume … ──► answered, or its time is over
//!                         │ each sleeps until a condition variable wakes it, or for a slice of
//!                         │ time; a change of the tables or the lookout notifies that variable
//!                         └─ the client has gone ─► give_up
//! ```
//!
//! Each kind of request that waits has its own rules, in a struct that implements [`Waiting`]. Its
//! functions look for the answer, and undo the request when its client has gone. This file is the
//! same for all kinds. Chapters 5 and 6 have seven: a request can wait for memory, for room in
//! administrative memory, for a block of its own, for a signal, for a message, for the receipt of a
//! message, or for a process's name.
//!
//! Between two slices the thread of the client holds no lock and no reference into the tables. So a
//! process, a session or a lease may end while a request waits for it. Each look finds them again,
//! by their numbers.
//!
//! Each process has a condition variable. Each request that waits for a name, for room or for a
//! block has one too, because its client may belong to no process. All of them go with the tables'
//! lock.
//!
//! **Invariants**
//!
//! 1. No wake-up is lost: a look and the wait after it are under one hold of the tables' lock, and
//!    a change that could answer the request needs that lock.
//! 2. The thread that waits has unlocked the tables and holds no other lock.
//! 3. After `give_up` no ticket, message or grant of the request is left in the tables.
//!
//! **Lock** the tables' for each look. After the unlock a block's lock, if a message is copied or a
//! block is given back.
//!
//! **Simplified** a wake-up of a process wakes all its connections that wait, and each looks again.
//! A process has few connections. A bigger server wakes only the connection that can go on.
//!
//! **Source** `cooperative-memory-management.txt`, figure 3: messages between process and manager;
//! the long poll of HTTP servers.

use std::fmt::Debug;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, MutexGuard};
use std::time::{Duration, Instant};

use crate::commands::Reply;
use crate::common::caller::Caller;
use crate::common::description::{Asks, Execute};
use crate::common::error::{Code, Error};
use crate::common::lock::{self, lock};
use crate::server::holding::Holding;
use crate::server::lookout::Call;
use crate::server::shared::Shared;
use crate::server::tables::ServerTables;

/// The text of the refusal when the server gives up a wait. A client that has closed does not read
/// it; a client that sent too much does.
const STOPPED_WAITING: &str = "stopped waiting: the connection closed, or sent more than 64 KiB meanwhile; keep it open, and \
     send less until the answer is there";

/// A command that may have to wait for other clients. Its `execute` answers at once, without a
/// wait.
pub trait MayWait: Execute<Shared> {
    /// Returns the longest wait that the command asks for, in milliseconds, by its own time or by
    /// the default of its kind; 0 if it asks for none. A client of the library adds it to its own
    /// time limit.
    fn longest_wait_ms(&self) -> u64;

    /// Returns whether the command may wait at all. A command that may not wait is executed without
    /// [`MayWait::begin`]. A `join` may wait although it names no time: the server limits its wait.
    fn may_wait(&self) -> bool {
        self.longest_wait_ms() > 0
    }

    /// Answers the command at once, or returns how it waits.
    ///
    /// # Errors
    /// Fails with the refusal that is the answer; the command then leaves nothing behind.
    fn begin(&self, shared: &Shared, caller: Caller, spare: &mut Vec<u8>) -> Beginning<Self>;
}

/// The beginning of a command, or the refusal that answers the client.
pub type Beginning<C> = Result<Begun<<C as Asks>::Reply>, Error>;

/// The beginning of a command that may wait.
#[derive(Debug)]
pub enum Begun<Done> {
    /// The answer came at once.
    Done(Done),
    /// The command waits.
    Waits(Waits),
}

/// The rules of one kind of request that waits. It owns all it needs: the bytes of the request are
/// dropped from the input before the wait.
pub trait Waiting: Debug {
    /// The reply of the command.
    type Done;

    /// Looks, under the tables' lock, whether the request can be answered now. When
    /// `moment.is_over`, it returns an answer, if necessary a refusal or an empty answer; or
    /// `Ready`, if the client was not seen yet.
    fn look(&mut self, tables: &mut ServerTables, moment: &Moment) -> Look<Self::Done>;

    /// Ends the wait because the client has gone or sent too much, and removes the traces of the
    /// request from the tables. Returns the empty answer, if the command has one (`wait`,
    /// `receive`). Called without a lock.
    ///
    /// # Errors
    /// Fails with [`stopped_waiting`] if the command has no empty answer.
    fn give_up(&mut self, shared: &Shared) -> Result<Self::Done, Error>;
}

/// The circumstances of one look.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// The client that asked.
    pub caller: Caller,
    /// The time, read under the lock. The next thread that locks reads no earlier time. So a lease
    /// that has expired for one look has expired for all looks after it.
    pub now: Instant,
    /// The wait has reached its deadline, or the server stops.
    pub is_over: bool,
    /// The client was seen to be there just before this look.
    pub is_here: bool,
}

/// The work that is left after the tables are unlocked, such as the copy of a message. It gets the
/// connection's spare buffer.
pub type Rest<Done> = Box<dyn FnOnce(&Shared, &mut Vec<u8>) -> Result<Done, Error>>;

/// The result of a look.
pub enum Look<Done> {
    /// No answer yet.
    Nothing,
    /// There is an answer, and it would be lost if this client has gone. The caller first looks
    /// whether the client is still there, and then asks again with `is_here`.
    Ready,
    /// The answer.
    Answered(Result<Done, Error>),
    /// The answer, after the rest is done without the tables' lock.
    Unlocked(Rest<Done>),
}

/// Returns the refusal for a request whose client has gone or sent too much.
pub fn stopped_waiting() -> Error {
    Error::new(Code::Refused, STOPPED_WAITING)
}

/// A request that waits. The thread of its client owns it. Of this request the tables hold at most
/// a ticket (its number in a queue), its message or its grant; `rules` removes each at the end of
/// the wait.
#[derive(Debug)]
pub struct Waits {
    caller: Caller,
    /// The end of the wait.
    deadline: Instant,
    /// The condition variable to wait on, shared with the tables; and the flag that the lookout
    /// sets when the socket has something to read.
    call: Call,
    /// The rules of this kind of request.
    rules: Box<dyn Resume>,
}

impl Waits {
    /// Makes a wait until `deadline`, on the condition variable `waker`.
    pub fn new<W>(caller: Caller, deadline: Instant, waker: Arc<Condvar>, rules: W) -> Self
    where
        W: Waiting + 'static,
        Reply<'static>: From<W::Done>,
    {
        let call = Call { waker, is_called: Arc::default() };
        Self { caller, deadline, call, rules: Box::new(rules) }
    }

    /// Returns the means to call the thread that waits, so that it looks at its socket.
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// Sets the room for the data of the answer.
    pub fn set_room(&mut self, holding: &Holding<'_>) {
        self.caller = holding.caller(self.caller);
    }

    /// Ends the wait at `latest`, if it would go on for longer. The connection calls this: a
    /// request waits for no longer than the idle timeout, whatever time it asked for.
    pub fn end_by(&mut self, latest: Instant) {
        self.deadline = self.deadline.min(latest);
    }
}

/// The result of one slice of waiting.
#[derive(Debug)]
pub enum Resumed {
    /// The answer.
    Answered(Reply<'static>),
    /// There is an answer, but the caller has to see the client first: [`Look::Ready`].
    Ready,
    /// No answer yet.
    Nothing,
}

/// A [`Waiting`] of any kind as one object: its replies are turned into [`Reply`], so that one
/// `Box` holds any of them.
trait Resume: Debug {
    fn look(&mut self, tables: &mut ServerTables, moment: &Moment) -> Look<Reply<'static>>;
    fn give_up(&mut self, shared: &Shared) -> Reply<'static>;
}

impl<W> Resume for W
where
    W: Waiting,
    Reply<'static>: From<W::Done>,
    W::Done: 'static,
{
    fn look(&mut self, tables: &mut ServerTables, moment: &Moment) -> Look<Reply<'static>> {
        match Waiting::look(self, tables, moment) {
            Look::Nothing => Look::Nothing,
            Look::Ready => Look::Ready,
            Look::Answered(done) => Look::Answered(done.map(Reply::from)),
            Look::Unlocked(rest) => {
                Look::Unlocked(Box::new(|shared, spare| rest(shared, spare).map(Reply::from)))
            }
        }
    }

    fn give_up(&mut self, shared: &Shared) -> Reply<'static> {
        Waiting::give_up(self, shared).map_or_else(Reply::Error, Reply::from)
    }
}

impl Shared {
    /// Looks for the answer of a request that waits. If there is none, waits for at most `slice`,
    /// but not beyond the deadline, and looks once more. `is_here` says that the server has just
    /// seen the client. `spare` is a buffer for the data of the answer.
    ///
    /// ```text
    ///   lock ─► look ─► nothing: wait, unlocked ─► locked again ─► look ─► unlock ─► rest
    /// ```
    pub fn resume(
        &self,
        waits: &mut Waits,
        slice: Duration,
        is_here: bool,
        spare: &mut Vec<u8>,
    ) -> Resumed {
        let Waits { caller, deadline, call, rules } = waits;
        let moment = |now: Instant, is_here| {
            let is_over = now >= *deadline || self.is_stopping();
            Moment { caller: *caller, now, is_over, is_here }
        };
        let mut locked = self.memory.begin_change(lock(self.memory.tables()));
        let now = Instant::now();
        let mut look = rules.look(locked.tables(), &moment(now, is_here));
        // If the lookout has called, this thread does not sleep: its caller looks at the socket.
        if matches!(look, Look::Nothing) && !call.is_called.load(Ordering::Acquire) {
            let left = deadline.saturating_duration_since(now).min(slice);
            locked = locked.map(|tables| sleep(tables, *caller, &call.waker, left));
            // `is_here` is false now: the client may have gone during the wait.
            look = rules.look(locked.tables(), &moment(Instant::now(), false));
        }
        self.memory.unlock_and_wake(locked);
        match look {
            Look::Nothing => Resumed::Nothing,
            Look::Ready => Resumed::Ready,
            // A refusal is a reply too.
            Look::Answered(reply) => Resumed::Answered(reply.unwrap_or_else(Reply::Error)),
            Look::Unlocked(rest) => {
                Resumed::Answered(rest(self, spare).unwrap_or_else(Reply::Error))
            }
        }
    }

    /// Ends a wait because its client has gone or sent too much. Returns the answer.
    pub fn give_up(&self, waits: &mut Waits) -> Reply<'static> {
        waits.rules.give_up(self)
    }

    /// Checks that a request may wait for `ms` milliseconds.
    ///
    /// # Errors
    /// Fails with `bad-request`, which names the longest wait.
    pub fn check_wait(&self, ms: u64) -> Result<(), Error> {
        if Duration::from_millis(ms) <= self.waits.longest {
            return Ok(());
        }
        let longest = self.waits.longest.as_millis();
        let text = format!("a wait lasts 0 to {longest} ms; wait within that, and again");
        Err(Error::new(Code::BadRequest, text))
    }
}

/// Waits on `waker` for at most `time`, with the tables unlocked, and returns them locked again.
/// Registers the thread as a sleeper of its process meanwhile: a process without sleepers is not
/// woken, which saves a system call for each message.
pub fn sleep<'a>(
    mut tables: MutexGuard<'a, ServerTables>,
    caller: Caller,
    waker: &Condvar,
    time: Duration,
) -> MutexGuard<'a, ServerTables> {
    tables.processes.add_sleeper(caller.client);
    let mut tables = lock::sleep(waker, tables, time);
    tables.processes.remove_sleeper(caller.client);
    tables
}

#[cfg(test)]
#[path = "waiting_tests.rs"]
mod tests;
