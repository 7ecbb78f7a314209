//! The commands of this chapter that may wait for other clients: `wait`, `receive`, `deliver` and
//! `lookup`. (`join` waits in [`super::entering`].) With a time of 0 a command does not wait: its
//! `execute` answers at once.
//!
//! | command | waits for | its time is over | its client has gone |
//! | --- | --- | --- | --- |
//! | `wait` | a signal or notice | `none` | nothing was taken yet |
//! | `receive` | a message | `none` | nothing was taken yet |
//! | `deliver` | the receipt of its message | the message is withdrawn | the message is withdrawn |
//! | `lookup` | a process of that name | `not-found` | its ticket is removed |
//!
//! The first three sleep on the condition variable of their process. `lookup` makes a new one,
//! because its client may belong to no process. Each looks again when it is woken, under the
//! tables' lock. Its sleep unlocks the tables and begins to wait in one step. So no message can
//! come unseen between the look and the sleep.
//!
//! Several connections of one process may wait at once, and the client of one may close it during
//! the wait. A message or a signal that this connection then took would be lost for the others:
//!
//! ```text
//!   connection 1   receive ── waits … its client closes it
//!   connection 2   receive ── waits
//!   a message      1 finds it: `Ready` ─► is the client of 1 there? ─► no: give up; 2 finds it
//!                  the wrong way: 1 takes the message, and no client reads it
//! ```
//!
//! Another wrong way is to take it first and to put it back later: the sender of a message may hear
//! at once that it was received, and a signal may return behind a newer one. The check finds a
//! closed connection; it does not find a pulled cable. A `receive` of a process with one connection
//! needs no check: when that connection has gone, the process ends.
//!
//! **Invariants** a `wait` without a signal at its beginning takes one only after the server has
//! seen that its connection is not closed. A `receive` without a message at its beginning does the
//! same, when its process has several clients.
//!
//! **Lock** the tables, for each look; unlocked while a thread sleeps or copies. A copy locks one
//! block.
//!
//! **Source** `interprocess-communication-patent.txt`, figure 5, step 516; the waits are ours.

use std::sync::{Arc, Condvar};
use std::time::{Duration, Instant};

use super::commands::{Deliver, Delivered, Found, Lookup, MessageReply, Receive, Wait};
use super::copying::Bytes;
use super::names::NameTicket;
use super::words::{SessionId, Told};
use super::{Copying, Delivery, MessageId};
use crate::common::caller::{Caller, ClientNumber};
use crate::common::description::{Execute, Executed};
use crate::common::error::{Code, Error};
use crate::cooperative::manager::check_name;
use crate::server::shared::Shared;
use crate::server::tables::ServerTables;
use crate::server::waiting::{
    Beginning, Begun, Look, MayWait, Moment, Waiting, Waits, stopped_waiting,
};

/// The time that `wait` waits when the request has none, in milliseconds; the server's longest wait
/// if that is less.
pub const DEFAULT_WAIT_MS: u64 = 30_000;

const NOT_RECEIVED: &str = "the session ended before the message was received; open a new one";
const NOT_IN_TIME: &str =
    "nobody received the message in time, so it was taken back; deliver it again, or send it";

/// The refusal for a name that no process has.
pub(super) fn no_such_process() -> Error {
    let text = "there is no process of that name; wait for it longer, or ask it to join";
    Error::new(Code::NotFound, text)
}

// --- for a signal ------------------------------------------------------------------------

impl MayWait for Wait {
    fn longest_wait_ms(&self) -> u64 {
        self.ms.unwrap_or(DEFAULT_WAIT_MS)
    }

    fn begin(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Beginning<Self> {
        let longest_ms = shared.waits.longest.as_millis() as u64;
        let ms = self.ms.unwrap_or(DEFAULT_WAIT_MS.min(longest_ms));
        shared.check_wait(ms)?;
        shared.memory.change(|tables, now| {
            let client = caller.client;
            // If the process has no other client, a signal is answered at once. Otherwise the
            // server first looks whether this client is there, as it does for a request that waits.
            let is_shared = tables.processes.has_others(client);
            if !is_shared && let Some(signal) = tables.engine().next_signal(client)? {
                return Ok(Begun::Done(Some(signal)));
            }
            let deadline = now + Duration::from_millis(ms);
            let waker = tables.processes.waker(client)?;
            Ok(Begun::Waits(Waits::new(caller, deadline, waker, ForSignal { client })))
        })
    }
}

/// A `wait` that waits. Its waker is that of its process.
#[derive(Debug)]
struct ForSignal {
    client: ClientNumber,
}

impl Waiting for ForSignal {
    type Done = Option<Told>;

    fn look(&mut self, tables: &mut ServerTables, moment: &Moment) -> Look<Self::Done> {
        let mut engine = tables.engine();
        if !moment.is_here && engine.has_signal(self.client) {
            return Look::Ready;
        }
        match engine.next_signal(self.client) {
            Ok(None) if !moment.is_over => Look::Nothing,
            signal => Look::Answered(signal),
        }
    }

    fn give_up(&mut self, _: &Shared) -> Result<Self::Done, Error> {
        Ok(None)
    }
}

// --- for a message -----------------------------------------------------------------------

impl MayWait for Receive {
    fn longest_wait_ms(&self) -> u64 {
        self.ms
    }

    fn begin(&self, shared: &Shared, caller: Caller, spare: &mut Vec<u8>) -> Beginning<Self> {
        shared.check_wait(self.ms)?;
        let rules = ForMessage { session: self.session };
        // `Ok` has a copy that has begun. `Err` has the waker of a request that must wait. The
        // server has not looked yet whether the client is still there.
        let is_here = false;
        let begun = shared.memory.change(|tables, _| {
            Ok::<_, Error>(match rules.find(tables, caller, is_here)? {
                Sought::Found(copying) => Ok(copying),
                // `Ready` waits too: the server looks for the client before the message is taken.
                Sought::Ready | Sought::Nothing => Err(tables.processes.waker(caller.client)?),
            })
        });
        match begun? {
            Ok(copying) => {
                let read = shared.read_message(self.session, Some(copying), caller, spare);
                read.map(Begun::Done)
            }
            Err(waker) => {
                let deadline = Instant::now() + Duration::from_millis(self.ms);
                Ok(Begun::Waits(Waits::new(caller, deadline, waker, rules)))
            }
        }
    }
}

/// A `receive` that waits for a message in this session.
#[derive(Debug)]
struct ForMessage {
    session: SessionId,
}

/// The result of a look for a message.
enum Sought {
    /// A message; its bytes are copied after the tables are unlocked.
    Found(Copying),
    /// There is a message, which another connection of the process could have instead.
    Ready,
    /// The inbox is empty.
    Nothing,
}

impl ForMessage {
    /// Looks for a message and begins to receive it. `is_here` says that the server has just seen
    /// the client. When it is false and the process has other clients, a message stays in the
    /// inbox.
    fn find(
        &self,
        tables: &mut ServerTables,
        caller: Caller,
        is_here: bool,
    ) -> Result<Sought, Error> {
        let (client, session) = (caller.client, self.session);
        let is_shared = tables.processes.has_others(client);
        if !is_here && is_shared && tables.engine().has_message(client, session) {
            return Ok(Sought::Ready);
        }
        let begun = tables.engine().begin_receive(client, session, caller.most_answer_bytes());
        let begun = begun.map_err(|error| caller.explain_too_large(error))?;
        Ok(begun.map_or(Sought::Nothing, Sought::Found))
    }
}

impl Waiting for ForMessage {
    type Done = MessageReply;

    /// The bytes are copied after the tables are unlocked: under their lock the copy would stop all
    /// other clients.
    fn look(&mut self, tables: &mut ServerTables, moment: &Moment) -> Look<Self::Done> {
        let (session, caller) = (self.session, moment.caller);
        match self.find(tables, caller, moment.is_here) {
            Ok(Sought::Found(copying)) => Look::Unlocked(Box::new(move |shared, spare| {
                shared.read_message(session, Some(copying), caller, spare)
            })),
            Ok(Sought::Ready) => Look::Ready,
            Ok(Sought::Nothing) if !moment.is_over => Look::Nothing,
            Ok(Sought::Nothing) => Look::Answered(Ok(MessageReply { session, data: None })),
            Err(error) => Look::Answered(Err(error)),
        }
    }

    fn give_up(&mut self, _: &Shared) -> Result<Self::Done, Error> {
        Ok(MessageReply { session: self.session, data: None })
    }
}

// --- for a message's receipt -------------------------------------------------------------

impl Execute<Shared> for Deliver<'_> {
    /// Executes a `deliver` with MS 0: withdraws the message unless it was received at once.
    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Executed<Self> {
        let (mut rules, _) = self.start(shared, caller)?;
        // With `is_over`, the look withdraws the message if it was not received. So the look always
        // has an answer, and the last arm of the `match` below is never reached.
        let is_over = true;
        let look = shared.memory.change(|tables, now| {
            rules.look(tables, &Moment { caller, now, is_over, is_here: true })
        });
        match look {
            Look::Answered(delivered) => delivered,
            _ => rules.give_up(shared),
        }
    }
}

impl Deliver<'_> {
    /// Sends the message. Returns the wait for its receipt, and the waker of the sender's process.
    ///
    /// # Errors
    /// As `send`.
    fn start(&self, shared: &Shared, caller: Caller) -> Result<(ForReceipt, Arc<Condvar>), Error> {
        let (client, length) = (caller.client, self.data.len() as u64);
        // The waker is taken before the message is sent: if this fails, no message is left behind.
        let waker = shared.memory.with_tables(|tables, _| tables.processes.waker(client))?;
        let is_awaited = true;
        let begun =
            shared.engine(|engine, _| engine.begin_send(client, self.session, length, is_awaited));
        let copying = begun?;
        let message = copying.message;
        shared.copy(copying, client, Bytes::In(&self.data))?;
        Ok((ForReceipt { session: self.session, length, message }, waker))
    }
}

impl MayWait for Deliver<'_> {
    fn longest_wait_ms(&self) -> u64 {
        self.ms
    }

    fn begin(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Beginning<Self> {
        shared.check_wait(self.ms)?;
        let (rules, waker) = self.start(shared, caller)?;
        let deadline = Instant::now() + Duration::from_millis(self.ms);
        Ok(Begun::Waits(Waits::new(caller, deadline, waker, rules)))
    }
}

/// A `deliver` that waits until its message is received.
#[derive(Debug)]
struct ForReceipt {
    session: SessionId,
    length: u64,
    message: MessageId,
}

impl Waiting for ForReceipt {
    type Done = Delivered;

    /// Looks for the outcome of the message. When the time is over, also withdraws the message
    /// under the same hold of the lock. So the answer is definite: the message was received before,
    /// or it never will be.
    fn look(&mut self, tables: &mut ServerTables, moment: &Moment) -> Look<Self::Done> {
        let &mut ForReceipt { session, length, message } = self;
        let outcome = if moment.is_over {
            tables.engine().withdraw(session, message)
        } else {
            tables.engine().delivery(message)
        };
        let refused = |text| Look::Answered(Err(Error::new(Code::Refused, text)));
        match outcome {
            Delivery::Received => Look::Answered(Ok(Delivered { session, length })),
            Delivery::Lost => refused(NOT_RECEIVED),
            // `withdraw` returns `Waiting` for a message that it has taken back.
            Delivery::Waiting if moment.is_over => refused(NOT_IN_TIME),
            Delivery::Waiting => Look::Nothing,
        }
    }

    fn give_up(&mut self, shared: &Shared) -> Result<Self::Done, Error> {
        shared.engine(|engine, _| engine.withdraw(self.session, self.message));
        Err(stopped_waiting())
    }
}

// --- for a name --------------------------------------------------------------------------

impl MayWait for Lookup<'_> {
    fn longest_wait_ms(&self) -> u64 {
        self.ms
    }

    fn begin(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Beginning<Self> {
        shared.check_wait(self.ms)?;
        check_name(&self.name)?;
        shared.memory.change(|tables, now| {
            let name = self.name.to_string();
            if tables.engine().is_there(&name) {
                return Ok(Begun::Done(Found { name }));
            }
            let waker: Arc<_> = Arc::default();
            // The ticket is taken under the same hold of the lock as the look above. A join between
            // two holds would wake no request, and this one would wait until its time is over.
            let ticket = tables.engine().await_name(&name, Arc::clone(&waker));
            let deadline = now + Duration::from_millis(self.ms);
            Ok(Begun::Waits(Waits::new(caller, deadline, waker, ForName { name, ticket })))
        })
    }
}

/// A `lookup` that waits, and its ticket in the table of names.
#[derive(Debug)]
struct ForName {
    name: String,
    ticket: NameTicket,
}

impl Waiting for ForName {
    type Done = Found;

    fn look(&mut self, tables: &mut ServerTables, moment: &Moment) -> Look<Self::Done> {
        let mut engine = tables.engine();
        let is_there = engine.is_there(&self.name);
        if !is_there && !moment.is_over {
            return Look::Nothing;
        }
        engine.forget_name(&self.name, self.ticket);
        let found = || Found { name: self.name.clone() };
        Look::Answered(is_there.then(found).ok_or_else(no_such_process))
    }

    fn give_up(&mut self, shared: &Shared) -> Result<Self::Done, Error> {
        shared.engine(|engine, _| engine.forget_name(&self.name, self.ticket));
        Err(stopped_waiting())
    }
}
