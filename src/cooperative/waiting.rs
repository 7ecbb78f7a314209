//! A request for memory that waits until memory comes back.
//!
//! **Invariants** memory that was granted to a client that had gone is given back.
//!
//! **Lock** the tables; a block's when one is given back. **Source**
//! `cooperative-memory-management.txt`: a request that cannot be served now.

use std::time::Instant;

use super::manager::Ticket;
use super::words::{Granted, Reason, Wanted};
use crate::common::caller::{Caller, ClientNumber};
use crate::common::error::Error;
use crate::server::shared::Shared;
use crate::server::tables::ServerTables;
use crate::server::waiting::{Begun, Look, MayWait, Moment, Waiting, Waits, stopped_waiting};

/// Lets blocks that grew give back what they do not use, before committed memory is granted.
pub(super) fn make_room_for(tables: &mut ServerTables, wanted: &Wanted) {
    if wanted.reason == Reason::Committed {
        tables.make_room(wanted.size);
    }
}

impl MayWait for Wanted {
    fn longest_wait_ms(&self) -> u64 {
        self.wait_ms
    }

    fn begin(
        &self,
        shared: &Shared,
        caller: Caller,
        _: &mut Vec<u8>,
    ) -> Result<Begun<Box<Granted>>, Error> {
        shared.check_wait(self.wait_ms)?;
        shared.memory.reap_all(Instant::now());
        shared.memory.change(|tables, now| {
            let client = caller.client;
            let waker = tables.processes.waker(client)?;
            make_room_for(tables, self);
            Ok(match tables.manager().request_or_wait(client, self, now)? {
                Ok(granted) => Begun::Done(Box::new(granted)),
                Err((ticket, deadline)) => {
                    Begun::Waits(Waits::new(caller, deadline, waker, ForMemory { client, ticket }))
                }
            })
        })
    }
}

/// Waits in the manager's queue.
#[derive(Debug)]
struct ForMemory {
    client: ClientNumber,
    ticket: Ticket,
}

impl Waiting for ForMemory {
    type Done = Box<Granted>;

    fn look(&mut self, tables: &mut ServerTables, turn: &Moment) -> Look<Self::Done> {
        match tables.processes.served(self.ticket, turn.now) {
            Some(served) => Look::Answered(served.map(Box::new)),
            None if turn.is_stopping => {
                match tables.processes.refuse_waiting(self.ticket, turn.now) {
                    Some(error) => Look::Answered(Err(error)),
                    None => Look::Nothing,
                }
            }
            None => Look::Nothing,
        }
    }

    fn give_up(&mut self, shared: &Shared) -> Result<Self::Done, Error> {
        let cancel = |tables: &mut ServerTables, now| tables.manager().cancel(self.ticket, now);
        if let Some(ending) = shared.memory.change(cancel) {
            shared.memory.give_back(vec![ending]);
        }
        Err(stopped_waiting())
    }

    fn can_be_taken_back(&self, _: &Self::Done) -> bool {
        true
    }

    fn take_back(&mut self, shared: &Shared, granted: Self::Done) -> Result<Self::Done, Error> {
        // Its process may have ended meanwhile, and the block with it.
        let undo = |tables: &mut ServerTables, _| tables.manager().undo(self.client, granted.id);
        if let Some(ending) = shared.memory.change(undo) {
            shared.memory.give_back(vec![ending]);
        }
        Err(stopped_waiting())
    }
}
