//! The commands of this chapter that may wait: for a signal, a message, a receipt or a name.
//!
//! **Invariants** when several connections of a process could receive a message, one receives it only
//! after the server has seen that its client is still connected.
//!
//! **Lock** the tables. **Source** `interprocess-communication-patent.txt`, figure 5.

use std::sync::{Arc, Condvar};
use std::time::{Duration, Instant};

use super::commands::{Deliver, Delivered, Found, Lookup, MessageReply, Receive, Wait};
use super::copying::{Bytes, not_that};
use super::names::NameTicket;
use super::words::{SessionId, Told};
use super::{Copying, Delivery, Finished, MessageId};
use crate::common::caller::{Caller, ClientNumber};
use crate::common::description::Execute;
use crate::common::error::{Code, Error};
use crate::cooperative::manager::check_name;
use crate::memory::service::LockedContents;
use crate::server::shared::Shared;
use crate::server::tables::ServerTables;
use crate::server::waiting::{Begun, Look, MayWait, Moment, Waiting, Waits, stopped_waiting};

/// How long `wait` waits when no time is given, in milliseconds.
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

    fn begin(
        &self,
        shared: &Shared,
        caller: Caller,
        _: &mut Vec<u8>,
    ) -> Result<Begun<Option<Told>>, Error> {
        let longest_ms = shared.waits.longest.as_millis() as u64;
        let ms = self.ms.unwrap_or(DEFAULT_WAIT_MS.min(longest_ms));
        shared.check_wait(ms)?;
        shared.memory.change(|tables, now| {
            let client = caller.client;
            // One of several connections is looked for first: see `take_back`.
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

#[derive(Debug)]
struct ForSignal {
    client: ClientNumber,
}

impl Waiting for ForSignal {
    type Done = Option<Told>;

    fn look(&mut self, tables: &mut ServerTables, turn: &Moment) -> Look<Self::Done> {
        match tables.engine().next_signal(self.client) {
            Ok(None) if !turn.is_over => Look::Nothing,
            signal => Look::Answered(signal),
        }
    }

    fn give_up(&mut self, _: &Shared) -> Result<Self::Done, Error> {
        Ok(None)
    }

    fn can_be_taken_back(&self, signal: &Self::Done) -> bool {
        signal.is_some()
    }

    /// The signal is for whichever other connection waits for the process.
    fn take_back(&mut self, shared: &Shared, signal: Self::Done) -> Result<Self::Done, Error> {
        if let Some(signal) = signal {
            shared.memory.change(|tables, _| tables.engine().put_back(self.client, signal));
        }
        Ok(None)
    }
}

// --- for a message -----------------------------------------------------------------------

impl MayWait for Receive {
    fn longest_wait_ms(&self) -> u64 {
        self.ms
    }

    fn begin(
        &self,
        shared: &Shared,
        caller: Caller,
        spare: &mut Vec<u8>,
    ) -> Result<Begun<MessageReply>, Error> {
        shared.check_wait(self.ms)?;
        let how = ForMessage { session: self.session };
        let begun = shared.memory.change(|tables, _| {
            Ok::<_, Error>(match how.find(tables, caller, false)? {
                Sought::Found(copying) => Ok(copying),
                // One of several connections is looked for first.
                Sought::Ready | Sought::Nothing => Err(tables.processes.waker(caller.client)?),
            })
        });
        match begun? {
            Ok(copying) => shared.read_message(copying, caller, spare).map(Begun::Done),
            Err(waker) => {
                let deadline = Instant::now() + Duration::from_millis(self.ms);
                Ok(Begun::Waits(Waits::new(caller, deadline, waker, how)))
            }
        }
    }
}

#[derive(Debug)]
struct ForMessage {
    session: SessionId,
}

/// The result of a look for a message.
enum Sought {
    /// A message; its bytes are copied after the tables are unlocked.
    Found(Copying<LockedContents>),
    /// There is one, which another connection of the process could have instead.
    Ready,
    Nothing,
}

impl ForMessage {
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
        let begun = tables.engine().begin_receive(client, session, caller.most_data)?;
        Ok(begun.map_or(Sought::Nothing, Sought::Found))
    }
}

impl Waiting for ForMessage {
    type Done = MessageReply;

    fn look(&mut self, tables: &mut ServerTables, turn: &Moment) -> Look<Self::Done> {
        let (session, caller) = (self.session, turn.caller);
        match self.find(tables, caller, turn.is_here) {
            Ok(Sought::Found(copying)) => Look::Unlocked(Box::new(move |shared, spare| {
                shared.read_message(copying, caller, spare)
            })),
            Ok(Sought::Ready) => Look::Ready,
            Ok(Sought::Nothing) if !turn.is_over => Look::Nothing,
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
    type Done = Delivered;

    /// With no wait, withdraws the message unless it was received at once.
    fn execute(
        &self,
        shared: &Shared,
        caller: Caller,
        _: &mut Vec<u8>,
    ) -> Result<Delivered, Error> {
        let caller = Caller::connected(caller.client);
        let (mut how, _) = self.start(shared, caller)?;
        let is_over = true;
        let look = shared.memory.change(|tables, now| {
            how.look(tables, &Moment { caller, now, is_over, is_stopping: false, is_here: true })
        });
        match look {
            Look::Answered(delivered) => delivered,
            _ => how.give_up(shared),
        }
    }
}

impl Deliver<'_> {
    /// Says it, and returns how its receipt is waited for.
    fn start(&self, shared: &Shared, caller: Caller) -> Result<(ForReceipt, Arc<Condvar>), Error> {
        let (client, length) = (caller.client, self.data.len() as u64);
        let waker = shared.memory.read(|tables, _| tables.processes.waker(client))?;
        let begun = shared
            .memory
            .change(|tables, _| tables.engine().begin_send(client, self.session, length, true));
        match shared.copy(begun?, client, Bytes::In(&self.data))? {
            Finished::Sent { message, .. } => {
                Ok((ForReceipt { session: self.session, length, message }, waker))
            }
            other => Err(not_that(&other)),
        }
    }
}

impl MayWait for Deliver<'_> {
    fn longest_wait_ms(&self) -> u64 {
        self.ms
    }

    fn begin(
        &self,
        shared: &Shared,
        caller: Caller,
        _: &mut Vec<u8>,
    ) -> Result<Begun<Delivered>, Error> {
        shared.check_wait(self.ms)?;
        let (how, waker) = self.start(shared, caller)?;
        let deadline = Instant::now() + Duration::from_millis(self.ms);
        Ok(Begun::Waits(Waits::new(caller, deadline, waker, how)))
    }
}

#[derive(Debug)]
struct ForReceipt {
    session: SessionId,
    length: u64,
    message: MessageId,
}

impl Waiting for ForReceipt {
    type Done = Delivered;

    fn look(&mut self, tables: &mut ServerTables, turn: &Moment) -> Look<Self::Done> {
        let &mut ForReceipt { session, length, message } = self;
        let became = if turn.is_over {
            tables.engine().withdraw(session, message)
        } else {
            tables.engine().delivery(message)
        };
        let refused = |text| Look::Answered(Err(Error::new(Code::Refused, text)));
        match became {
            Delivery::Received => Look::Answered(Ok(Delivered { session, length })),
            Delivery::Lost => refused(NOT_RECEIVED),
            Delivery::Waiting if turn.is_over => refused(NOT_IN_TIME),
            Delivery::Waiting => Look::Nothing,
        }
    }

    fn give_up(&mut self, shared: &Shared) -> Result<Self::Done, Error> {
        shared.memory.change(|tables, _| tables.engine().withdraw(self.session, self.message));
        Err(stopped_waiting())
    }
}

// --- for a name --------------------------------------------------------------------------

impl MayWait for Lookup<'_> {
    fn longest_wait_ms(&self) -> u64 {
        self.ms
    }

    fn begin(
        &self,
        shared: &Shared,
        caller: Caller,
        _: &mut Vec<u8>,
    ) -> Result<Begun<Found>, Error> {
        shared.check_wait(self.ms)?;
        check_name(&self.name)?;
        shared.memory.change(|tables, now| {
            let name = self.name.to_string();
            if tables.engine().is_there(&name) {
                return Ok(Begun::Done(Found { name }));
            }
            let waker: Arc<_> = Arc::default();
            let ticket = tables.engine().await_name(&name, Arc::clone(&waker));
            let deadline = now + Duration::from_millis(self.ms);
            Ok(Begun::Waits(Waits::new(caller, deadline, waker, ForName { name, ticket })))
        })
    }
}

#[derive(Debug)]
struct ForName {
    name: String,
    ticket: NameTicket,
}

impl Waiting for ForName {
    type Done = Found;

    fn look(&mut self, tables: &mut ServerTables, turn: &Moment) -> Look<Self::Done> {
        let mut engine = tables.engine();
        let is_there = engine.is_there(&self.name);
        if !is_there && !turn.is_over {
            return Look::Nothing;
        }
        engine.forget_name(&self.name, self.ticket);
        let found = || Found { name: self.name.clone() };
        Look::Answered(is_there.then(found).ok_or_else(no_such_process))
    }

    fn give_up(&mut self, shared: &Shared) -> Result<Self::Done, Error> {
        shared.memory.change(|tables, _| tables.engine().forget_name(&self.name, self.ticket));
        Err(stopped_waiting())
    }
}
