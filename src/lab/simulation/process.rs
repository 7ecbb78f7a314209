//! One simulated process: it allocates, collects beside that, and does business with the
//! manager as the document would have it.
//!
//! ```text
//!   headroom │ leaked │ garbage │ free │      chunks that it was given
//!                       collected, and returned when a chunk is free as a whole
//! ```
//!
//! | when | it |
//! | --- | --- |
//! | less is free than a collection will need | asks for efficiency, or collects when refused or at its limit |
//! | nothing is free | asks against the pause, and stops until something came |
//! | a collection is over | returns what is free, pause loans first, and asks anew |
//! | it is told to | collects, or reports |
//! | it cannot go on | asks out of memory; refused, it ends and begins anew |
//!
//! **Invariants** what is leaked, garbage and free is what it was given.
//!
//! **Lock** none. **Source** `cooperative-memory-management.txt`, figures 4 and 12.

use std::time::Instant;

use crate::common::caller::Caller;
use crate::common::caller::ClientNumber;
use crate::common::id::LeaseId;
use crate::cooperative::manager::Ticket;
use crate::cooperative::words::{Pool, Reason, Signal, Wanted};
use crate::lab::simulation::demand::{BUSY, Demand};
use crate::lab::simulation::{CHUNK, Policy, RunOutcome, SimulatedTables, X};

/// How long a collection takes, in milliseconds.
const COLLECTION_MS: usize = 20;

/// A collection begins when this much is free in bytes: twice what a busy process needs
/// meanwhile.
const RESERVE: u64 = 2 * BUSY as u64 * COLLECTION_MS as u64;

/// How long it waits for memory before it asks anew, in milliseconds.
const PATIENCE_MS: u64 = 100;

/// One millisecond of the simulation, as a process sees it.
pub(super) struct Millisecond<'a> {
    pub tables: &'a mut SimulatedTables,
    pub ms: usize,
    pub now: Instant,
    pub outcome: &'a mut RunOutcome,
}

pub(super) struct SimulatedProcess {
    number: usize,
    policy: Policy,
    is_joined: bool,
    chunks: Vec<LeaseId>,
    leaked: u64,
    garbage: u64,
    free: u64,
    /// When the collection that is under way ends, and what it will free.
    collection: Option<(usize, u64)>,
    ticket: Option<Ticket>,
    is_paused: bool,
    /// Milliseconds of its demand that are behind it.
    done: usize,
}

impl SimulatedProcess {
    pub fn new(number: usize, policy: Policy) -> Self {
        Self {
            number,
            policy,
            is_joined: false,
            chunks: Vec::new(),
            leaked: 0,
            garbage: 0,
            free: 0,
            collection: None,
            ticket: None,
            is_paused: false,
            done: 0,
        }
    }

    fn client(&self) -> ClientNumber {
        self.number as u64 + 1
    }

    /// One millisecond of its life.
    pub fn step(&mut self, turn: &mut Millisecond<'_>, demand: &Demand) {
        if !self.is_joined && !self.join(turn) {
            return;
        }
        if self.collection.is_some_and(|(end, _)| end <= turn.ms) {
            self.finish_collection(turn);
        }
        self.hear(turn);
        let wanted = demand.bytes(self.number, self.done);
        self.prepare(turn, wanted);
        if self.free < wanted && !self.fight(turn, wanted) {
            turn.outcome.pauses += u64::from(!self.is_paused);
            turn.outcome.paused_ms += 1;
            self.is_paused = true;
            return;
        }
        self.is_paused = false;
        self.forget_ticket(turn);
        self.free -= wanted;
        let leaked = demand.leaked(self.number, wanted);
        self.leaked += leaked;
        self.garbage += wanted - leaked;
        self.done += 1;
    }

    fn join(&mut self, turn: &mut Millisecond<'_>) -> bool {
        let caller = Caller::connected(self.client());
        let name = format!("process-{}", self.number + 1);
        self.is_joined = turn.tables.manager().join(caller, &name, Some(X), (), turn.now).is_ok();
        if self.is_joined && self.policy.is_separate {
            while (self.chunks.len() as u64) < self.policy.most && self.ask(turn, Reason::Committed)
            {
            }
        }
        self.is_joined
    }

    /// Has more before it is too late: memory, or a collection that will end in time.
    fn prepare(&mut self, turn: &mut Millisecond<'_>, wanted: u64) {
        let is_busy = wanted >= u64::from(BUSY);
        // A busy process without a reserve will pause before its collection is over.
        let (reserve, reason) = if is_busy {
            (RESERVE, Reason::UrgentEfficiency)
        } else {
            (2 * wanted * COLLECTION_MS as u64, Reason::Efficiency)
        };
        while self.free < reserve && self.collection.is_none() {
            let may_ask = !self.policy.is_separate
                && self.has_room()
                && (is_busy || self.has_collateral(turn));
            if !(may_ask && self.ask(turn, reason)) {
                return self.begin_collection(turn);
            }
        }
    }

    /// It knows its debts: garbage beyond them secures another loan.
    fn has_collateral(&self, turn: &mut Millisecond<'_>) -> bool {
        let owed = turn.tables.processes.owed(self.client()).unwrap_or_default();
        self.garbage > owed[Pool::LoanedPause] + owed[Pool::LoanedEfficiency]
    }

    fn has_room(&self) -> bool {
        (self.chunks.len() as u64) < self.policy.most
    }

    /// Nothing is free. False when it has to stop for this millisecond.
    fn fight(&mut self, turn: &mut Millisecond<'_>, wanted: u64) -> bool {
        while self.free < wanted {
            if !self.policy.is_separate && self.wait(turn) {
                continue;
            }
            if !self.is_out_of_memory() || self.ticket.is_some() {
                self.begin_collection(turn);
                return false;
            }
            let may_ask = !self.policy.is_separate;
            if !(may_ask && self.ask(turn, Reason::OutOfMemory)) {
                self.fail(turn);
                return false;
            }
        }
        true
    }

    /// A collection would not free what the next one needs: it leaks.
    fn is_out_of_memory(&self) -> bool {
        !self.has_room() && self.garbage + self.free < RESERVE
    }

    /// Asks against the pause and waits in the queue. True when there is memory.
    fn wait(&mut self, turn: &mut Millisecond<'_>) -> bool {
        if let Some(ticket) = self.ticket {
            match turn.tables.processes.served(ticket, turn.now) {
                None => return false,
                Some(Ok(granted)) => {
                    self.ticket = None;
                    self.take(granted.id);
                    return true;
                }
                Some(Err(_)) => {
                    self.ticket = None;
                    turn.outcome.refused += 1;
                    return false;
                }
            }
        }
        if !self.has_room() {
            return false;
        }
        let wanted = Wanted { wait_ms: PATIENCE_MS, ..self.wanted(Reason::Pause) };
        match turn.tables.manager().request_or_wait(self.client(), &wanted, turn.now) {
            Ok(Ok(granted)) => {
                self.take(granted.id);
                true
            }
            Ok(Err((ticket, _))) => {
                self.ticket = Some(ticket);
                false
            }
            Err(_) => {
                turn.outcome.refused += 1;
                false
            }
        }
    }

    fn wanted(&self, reason: Reason) -> Wanted {
        Wanted { size: CHUNK, reason, freeable: Some(self.garbage), wait_ms: 0, why: false }
    }

    fn ask(&mut self, turn: &mut Millisecond<'_>, reason: Reason) -> bool {
        match turn.tables.manager().request(self.client(), &self.wanted(reason), turn.now) {
            Ok(granted) => {
                self.take(granted.id);
                true
            }
            Err(_) => {
                turn.outcome.refused += 1;
                false
            }
        }
    }

    fn take(&mut self, id: LeaseId) {
        self.chunks.push(id);
        self.free += CHUNK;
    }

    fn begin_collection(&mut self, turn: &Millisecond<'_>) {
        if self.collection.is_none() && self.garbage > 0 {
            self.collection = Some((turn.ms + COLLECTION_MS, self.garbage));
        }
    }

    fn finish_collection(&mut self, turn: &mut Millisecond<'_>) {
        let Some((_, freed)) = self.collection.take() else { return };
        turn.outcome.collections += 1;
        self.garbage -= freed;
        self.free += freed;
        if !self.policy.is_separate {
            self.forget_ticket(turn);
            while self.free >= CHUNK && !self.chunks.is_empty() {
                self.give_one_back(turn);
            }
        }
        let examined = freed + self.leaked + X;
        let efficiency = (freed * 100 / examined) as u8;
        let reported =
            turn.tables.manager().report(self.client(), self.garbage, Some(efficiency), turn.now);
        debug_assert!(reported.is_ok(), "{reported:?}");
    }

    fn give_one_back(&mut self, turn: &mut Millisecond<'_>) {
        let Some(id) = self.chunks.pop() else { return };
        if let Ok((ending, _)) = turn.tables.manager().end_grant(self.client(), id) {
            turn.tables.manager().give_back(vec![ending], turn.now);
            self.free -= CHUNK;
        }
    }

    /// Does what the manager asks.
    fn hear(&mut self, turn: &mut Millisecond<'_>) {
        while let Ok(Some(signal)) = turn.tables.processes.next_signal(self.client()) {
            match signal {
                Signal::Collect { .. } => self.begin_collection(turn),
                Signal::Status => {
                    let reported =
                        turn.tables.manager().report(self.client(), self.garbage, None, turn.now);
                    debug_assert!(reported.is_ok(), "{reported:?}");
                }
                Signal::Granted { id, .. } => self.take(id),
            }
        }
    }

    fn forget_ticket(&mut self, turn: &mut Millisecond<'_>) {
        if let Some(ticket) = self.ticket.take()
            && let Some(ending) = turn.tables.manager().cancel(ticket, turn.now)
        {
            turn.tables.manager().give_back(vec![ending], turn.now);
        }
    }

    /// Ends for want of memory, and begins anew at once.
    fn fail(&mut self, turn: &mut Millisecond<'_>) {
        turn.outcome.failures += 1;
        self.forget_ticket(turn);
        self.leave(turn.tables, turn.now);
        *self = Self {
            done: self.done,
            is_paused: self.is_paused,
            ..Self::new(self.number, self.policy)
        };
    }

    /// Gives everything back.
    pub fn leave(&self, tables: &mut SimulatedTables, now: Instant) {
        let Ok((number, _)) = tables.processes.leave(self.client(), now) else { return };
        loop {
            let endings = tables.manager().strike(number, usize::MAX);
            if endings.is_empty() {
                return;
            }
            tables.manager().give_back(endings, now);
        }
    }
}
