//! A `request` with `wait=MS`: it waits in the manager's queue until memory comes back.
//!
//! ```text
//!   begin ─► granted at once ─────────────────────────────► reply
//!     └────► ticket ─► look … look ─► granted in the queue ─► reply
//!                        └─ client gone: give_up ─► out of the queue, or the block goes back
//! ```
//!
//! A ticket is the number of a request that waits in the manager's queue. A look checks whether the
//! ticket has its answer.
//!
//! A client may vanish while its request waits. (A client that sends 64 KiB meanwhile counts as
//! gone: the server stops reading, and cannot see the end of the connection.) If the block is
//! granted in the queue, the server first checks whether the client is still there, and gives the
//! block back if not. Otherwise the process would hold a block whose id no client knows, until the
//! process ends. A block that is granted at once stays: its request has only just arrived.
//!
//! **Invariants** If a block was granted in the queue, and the server sees before the reply that
//! the client has gone, the block is given back. Its bytes go to the pool that gave it; bytes that
//! the process no longer owes this pool repay other debts.
//!
//! **Lock** the tables', in each look for a few steps; never while the thread sleeps. Before the
//! request begins, expired leases are ended, and at the end a block may be given back. Both take
//! the lock of each such block alone, and then the tables' lock again ([`crate::memory::service`]).
//!
//! **Simplified** A datagram with `wait=MS` is refused: one thread serves all datagrams, so a wait
//! would stop all clients that send them.
//!
//! **Source** `cooperative-memory-management.txt` refuses a request that cannot be served now; the
//! waiting is ours. [`crate::server::waiting`] has the general form.

use std::time::Instant;

use super::manager::Ticket;
use super::words::{Granted, Reason, Wanted};
use crate::common::caller::Caller;
use crate::common::error::Error;
use crate::server::shared::Shared;
use crate::server::tables::ServerTables;
use crate::server::waiting::{
    Beginning, Begun, Look, MayWait, Moment, Waiting, Waits, stopped_waiting,
};

/// Shrinks own blocks that grew, before committed memory is requested. (Chapter 6 lets a process's
/// own block grow when a message does not fit.) For a request with another reason it does nothing,
/// because these blocks took their bytes from the committed pool.
pub(super) fn make_room_for(tables: &mut ServerTables, wanted: &Wanted) {
    if wanted.reason == Reason::Committed {
        tables.engine().make_room(0, wanted.size);
    }
}

impl MayWait for Wanted {
    /// Returns the `wait=MS` of the request.
    fn longest_wait_ms(&self) -> u64 {
        self.wait_ms
    }

    /// Asks for the memory: the request is granted at once, or enters the queue.
    ///
    /// # Errors
    /// `bad-request` for a wait that is too long; then as
    /// [`crate::cooperative::manager::Manager::request_or_wait`].
    fn begin(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Beginning<Self> {
        shared.check_wait(self.wait_ms)?;
        // Ends expired leases first: the request may need their blocks.
        shared.memory.reap_all(Instant::now());
        shared.memory.change(|tables, now| {
            // Every step that can fail comes before the request enters the queue. If a later step
            // failed, the ticket would stay in the queue, and no client would know it.
            let waker = tables.processes.waker(caller.client)?;
            make_room_for(tables, self);
            Ok(match tables.manager().request_or_wait(caller.client, self, now)? {
                Ok(granted) => Begun::Done(Box::new(granted)),
                Err((ticket, deadline)) => {
                    Begun::Waits(Waits::new(caller, deadline, waker, ForMemory { ticket }))
                }
            })
        })
    }
}

/// A request that waits in the manager's queue.
#[derive(Debug)]
struct ForMemory {
    /// The number by which the manager's queue finds the request.
    ticket: Ticket,
}

impl Waiting for ForMemory {
    type Done = Box<Granted>;

    /// Checks whether the manager has the outcome of the ticket. The thread calls this again after
    /// each wake-up.
    fn look(&mut self, tables: &mut ServerTables, moment: &Moment) -> Look<Self::Done> {
        // The block is taken only after the server has seen that the client is there.
        if !moment.is_here && tables.processes.is_granted(self.ticket) {
            return Look::Ready;
        }
        match tables.processes.take_outcome(self.ticket, moment.now) {
            // `served` is the block, the refusal when the time is over, or `not-found` when the
            // process has ended.
            Some(served) => Look::Answered(served.map(Box::new)),
            // The wait ends before the request's own time: the server stops, or the idle timeout is
            // over. Answer now, with the refusal of the last try. The ticket is still in the queue,
            // because it has no outcome, so there is always such a refusal.
            None if moment.is_over => {
                let refused = tables.processes.refuse_waiting(self.ticket, moment.now);
                refused.map_or(Look::Nothing, |error| Look::Answered(Err(error)))
            }
            None => Look::Nothing,
        }
    }

    /// Takes the request out of the queue. If the block was granted between the last look and now,
    /// gives it back.
    ///
    /// # Errors
    /// Fails always: `request` has no empty answer that could stand for the block.
    fn give_up(&mut self, shared: &Shared) -> Result<Self::Done, Error> {
        let cancel = |tables: &mut ServerTables, now| tables.manager().cancel(self.ticket, now);
        if let Some(ending) = shared.memory.change(cancel) {
            shared.memory.give_back(vec![ending]);
        }
        Err(stopped_waiting())
    }
}
