//! One simulated process: it allocates, collects its garbage at the same time, and asks the manager
//! for memory as the document says. If the sharing is separate ([`Sharing::separate`]), the process
//! takes all of its headroom at its start, and then asks for nothing and returns nothing before its
//! end.
//!
//! ```text
//!   headroom │ leaked │ garbage │ free │      the chunks that it holds
//!            never freed    └─ a collection ─► free ─► whole chunks go back
//! ```
//!
//! The reasons of requests (`efficiency`, `pause` and so on), loans, grants, collateral (garbage
//! that secures a loan) and signals are those of chapter 5 ([`crate::cooperative`]).
//!
//! | event | the process |
//! | --- | --- |
//! | fewer bytes are free than its reserve | asks, `efficiency` or `urgent-efficiency`; or collects |
//! | too few bytes are free for this millisecond | asks, `pause`; if no chunk comes, collects and stops |
//! | a collection ends | returns the free chunks, which first repay pause loans |
//! | a signal of the manager comes | collects, or reports its garbage |
//! | a collection cannot help | asks, `out-of-memory`; if it is refused, ends and joins again |
//!
//! A collection takes 20 ms. The process allocates meanwhile, so it needs a reserve of free bytes:
//!
//! ```text
//!   free = 2x        0 ──────── collection ──────── 20
//!                    allocates 1x, or 2x in a spike     the garbage of time 0 is free now
//! ```
//!
//! **Invariants** leaked, garbage and free bytes together are those of the chunks that it holds.
//!
//! **Lock** none: the run's thread calls one process after the other.
//!
//! **Source** `cooperative-memory-management.txt`, figures 8 to 11 for the requests, 12 for the
//! return.

use std::time::Instant;

use crate::common::caller::{Caller, ClientNumber};
use crate::common::error::Error;
use crate::common::id::LeaseId;
use crate::cooperative::manager::Ticket;
use crate::cooperative::words::{Granted, Pool, Reason, Signal, Wanted};
use crate::lab::simulation::demand::{BUSY, Demand};
use crate::lab::simulation::{CHUNK, RunOutcome, Sharing, SimulatedTables, X};

/// The length of a collection, in milliseconds.
const COLLECTION_MS: usize = 20;

/// The reserve of a busy process in bytes: with fewer free bytes it asks for more memory, or
/// collects. During a collection it allocates half of the reserve, or all of it in a spike, so its
/// free bytes seldom run out.
const RESERVE: u64 = 2 * BUSY as u64 * COLLECTION_MS as u64;

/// The longest time that a request waits in the manager's queue, in milliseconds.
const PATIENCE_MS: u64 = 100;

/// One millisecond of the simulation: the values that a process may use in it.
pub(super) struct Millisecond<'a> {
    /// The manager's tables.
    pub tables: &'a mut SimulatedTables,
    /// The number of this millisecond in the run.
    pub ms: usize,
    /// The same time as the manager expects it.
    pub now: Instant,
    /// The counters of the run.
    pub outcome: &'a mut RunOutcome,
}

/// The state of one process. It counts bytes and stores none: only the manager's tables are real.
#[derive(Default)]
pub(super) struct SimulatedProcess {
    /// The place of the process in the run, from 0. It never changes.
    number: usize,
    /// The rule by which memory is shared. It never changes.
    sharing: Sharing,
    /// Whether the manager knows the process; false again after the process has failed.
    is_joined: bool,
    // The headroom: chunks by their lease ids, and the kinds of bytes in them.
    chunks: Vec<LeaseId>,
    leaked: u64,
    garbage: u64,
    free: u64,
    /// The collection under way: the millisecond in which it ends, and the garbage that it will
    /// free.
    collection: Option<(usize, u64)>,
    /// The number of a request with reason `pause` that waits in the manager's queue.
    ticket: Option<Ticket>,
    /// Whether the process stopped in the last millisecond, so that a pause is counted once.
    is_paused: bool,
    /// The milliseconds of its demand that are done. A paused millisecond is not done.
    done: usize,
}

impl SimulatedProcess {
    /// Makes a process that has not joined yet.
    pub fn new(number: usize, sharing: Sharing) -> Self {
        Self { number, sharing, ..Self::default() }
    }

    /// Returns the client number by which the manager finds this process. In the server this is the
    /// number of a connection; here it is the process's number plus 1.
    fn client(&self) -> ClientNumber {
        self.number as u64 + 1
    }

    /// Advances the process by one millisecond.
    ///
    /// The process first ends its collection, if that is due, and obeys the signals of the manager.
    /// Then it asks for more memory, and only then allocates. In another order it would pause
    /// although it has memory. If it cannot allocate, the millisecond counts as paused, and its
    /// work is done in a later one.
    pub fn step(&mut self, turn: &mut Millisecond<'_>, demand: &Demand) {
        // A process joins in its first step, and again in the step after a failure.
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
        // If a request still waits in the manager's queue, its memory is not needed any more.
        self.forget_ticket(turn);
        self.free -= wanted;
        let leaked = demand.leaked(self.number, wanted);
        self.leaked += leaked;
        self.garbage += wanted - leaked;
        self.done += 1;
    }

    /// Joins the manager with 1x committed, and returns whether it could. If the sharing is
    /// separate, the process also takes all of its headroom, chunk by chunk, as committed memory:
    /// so it never needs a loan, and returns no chunk before it leaves.
    fn join(&mut self, turn: &mut Millisecond<'_>) -> bool {
        let caller = Caller::connected(self.client());
        let name = format!("process-{}", self.number + 1);
        self.is_joined = turn.tables.manager().join(caller, &name, Some(X), (), turn.now).is_ok();
        if self.is_joined && self.sharing.is_separate {
            while self.has_room() && self.ask(turn, Reason::Committed) {}
        }
        self.is_joined
    }

    /// Fills the reserve before it is needed: asks for memory, or starts a collection, which should
    /// end before the free bytes are used up.
    fn prepare(&mut self, turn: &mut Millisecond<'_>, wanted: u64) {
        let is_busy = wanted >= u64::from(BUSY);
        // A busy process without a reserve may pause before its collection is over. So its request
        // is urgent: the manager may serve it from the pools against pauses too.
        let (reserve, reason) = if is_busy {
            (RESERVE, Reason::UrgentEfficiency)
        } else {
            (2 * wanted * COLLECTION_MS as u64, Reason::Efficiency)
        };
        // Each pass gets one chunk. A collection under way will free memory, so the loop ends.
        while self.free < reserve && self.collection.is_none() {
            let may_ask = !self.sharing.is_separate
                && self.has_room()
                && (is_busy || self.has_collateral(turn));
            if !(may_ask && self.ask(turn, reason)) {
                return self.begin_collection(turn);
            }
        }
    }

    /// Returns whether the process has more garbage than loans. Then some garbage is left as
    /// *collateral*, which secures another loan. Without collateral the manager would refuse a loan
    /// for `efficiency` ([`crate::cooperative::decision`], box 1100), so the process does not ask.
    fn has_collateral(&self, turn: &mut Millisecond<'_>) -> bool {
        let owed = turn.tables.processes.owed(self.client()).unwrap_or_default();
        self.garbage > owed[Pool::LoanedPause] + owed[Pool::LoanedEfficiency]
    }

    /// Returns whether the process has fewer chunks than its limit.
    fn has_room(&self) -> bool {
        (self.chunks.len() as u64) < self.sharing.max_chunks
    }

    /// Tries everything to get `wanted` free bytes. Returns false if the process has to stop for
    /// this millisecond.
    ///
    /// The way that costs the process least is first: it asks for a loan or a grant with reason
    /// `pause`. If no chunk comes, it collects. If a collection cannot help, it asks with reason
    /// `out-of-memory`, also beyond its limit of chunks; if this is refused too, it ends. If the
    /// sharing is separate, it asks for nothing: it collects, and at last ends.
    fn fight(&mut self, turn: &mut Millisecond<'_>, wanted: u64) -> bool {
        while self.free < wanted {
            if !self.sharing.is_separate && self.wait(turn) {
                continue;
            }
            // A collection may still free memory, or the manager may still serve the request in its
            // queue: stop and wait for that.
            if !self.is_out_of_memory() || self.ticket.is_some() {
                self.begin_collection(turn);
                return false;
            }
            if self.sharing.is_separate || !self.ask(turn, Reason::OutOfMemory) {
                self.fail(turn);
                return false;
            }
        }
        true
    }

    /// Returns whether a collection cannot help: the process is at its limit of chunks, and its
    /// garbage and free bytes together would not fill the reserve, because most bytes leaked.
    fn is_out_of_memory(&self) -> bool {
        !self.has_room() && self.garbage + self.free < RESERVE
    }

    /// Asks for a chunk with reason `pause`; if a request is in the manager's queue already, looks
    /// for its answer instead. The thread never blocks here: the wait is that of the simulated
    /// process. Returns whether a chunk came.
    fn wait(&mut self, turn: &mut Millisecond<'_>) -> bool {
        if let Some(ticket) = self.ticket {
            let Some(served) = turn.tables.processes.take_outcome(ticket, turn.now) else {
                return false;
            };
            self.ticket = None;
            return self.has_come(turn, served);
        }
        if !self.has_room() {
            return false;
        }
        let wanted = Wanted { wait_ms: PATIENCE_MS, ..self.wanted(Reason::Pause) };
        match turn.tables.manager().request_or_wait(self.client(), &wanted, turn.now) {
            // The deadline `_` is not needed: after it, `take_outcome` refuses.
            Ok(Err((ticket, _))) => {
                self.ticket = Some(ticket);
                false
            }
            Ok(Ok(granted)) => self.has_come(turn, Ok(granted)),
            Err(error) => self.has_come(turn, Err(error)),
        }
    }

    /// Returns a request for a chunk. The request reports the garbage, because the manager lends
    /// against it.
    fn wanted(&self, reason: Reason) -> Wanted {
        Wanted { freeable: Some(self.garbage), ..Wanted::new(CHUNK, reason) }
    }

    /// Asks for a chunk, and takes a refusal instead of a place in the queue. Returns whether a
    /// chunk came.
    fn ask(&mut self, turn: &mut Millisecond<'_>, reason: Reason) -> bool {
        let asked = turn.tables.manager().request(self.client(), &self.wanted(reason), turn.now);
        self.has_come(turn, asked)
    }

    /// Takes over the chunk of an answer, or counts the refusal. Returns whether a chunk came.
    fn has_come(&mut self, turn: &mut Millisecond<'_>, answer: Result<Granted, Error>) -> bool {
        match &answer {
            Ok(granted) => self.take(granted.id),
            Err(_) => turn.outcome.refused += 1,
        }
        answer.is_ok()
    }

    /// Takes over a granted chunk.
    fn take(&mut self, id: LeaseId) {
        self.chunks.push(id);
        self.free += CHUNK;
    }

    /// Starts a collection, if none is under way and there is garbage. A collection does not free
    /// the garbage that comes after its start.
    fn begin_collection(&mut self, turn: &Millisecond<'_>) {
        if self.collection.is_none() && self.garbage > 0 {
            self.collection = Some((turn.ms + COLLECTION_MS, self.garbage));
        }
    }

    /// Ends the collection: frees the garbage that was there when it began, returns the free
    /// chunks, and reports. If the sharing is separate, the process keeps all its chunks.
    fn finish_collection(&mut self, turn: &mut Millisecond<'_>) {
        let Some((_, freed)) = self.collection.take() else { return };
        turn.outcome.collections += 1;
        self.garbage -= freed;
        self.free += freed;
        if !self.sharing.is_separate {
            // The collection has freed memory, so the request in the queue is not needed. If the
            // memory is not enough, `fight` asks again.
            self.forget_ticket(turn);
            while self.free >= CHUNK && !self.chunks.is_empty() {
                self.give_one_back(turn);
            }
        }
        // The collector examined the bytes that it freed, the leaked bytes, and the committed bytes
        // (`X`). The efficiency is the freed share of them: it falls as a leak grows.
        let examined = freed + self.leaked + X;
        let efficiency = (freed * 100 / examined) as u8;
        self.report(turn, Some(efficiency));
    }

    /// Reports the garbage and, after a collection, its efficiency.
    fn report(&self, turn: &mut Millisecond<'_>, efficiency: Option<u8>) {
        let (client, garbage) = (self.client(), self.garbage);
        // The report cannot fail: the process has joined, and its garbage lies in its own chunks.
        let reported = turn.tables.manager().report(client, garbage, efficiency, turn.now);
        debug_assert!(reported.is_ok(), "{reported:?}");
    }

    /// Returns one chunk. Any chunk will do: the bytes here belong to no particular chunk.
    fn give_one_back(&mut self, turn: &mut Millisecond<'_>) {
        let Some(id) = self.chunks.pop() else { return };
        // The manager granted this chunk to the process, so the return does not fail.
        if let Ok((ending, _)) = turn.tables.manager().return_block(self.client(), id) {
            turn.tables.manager().give_back(vec![ending], turn.now);
            self.free -= CHUNK;
        }
    }

    /// Obeys the signals that the manager has sent.
    fn hear(&mut self, turn: &mut Millisecond<'_>) {
        while let Ok(Some(signal)) = turn.tables.processes.next_signal(self.client()) {
            match signal {
                Signal::Collect { .. } => self.begin_collection(turn),
                Signal::Status => self.report(turn, None),
                // The manager does not send this under the default rules (`boost_below` is `None`).
                // The block would have `Rules::block` bytes, and not those of a chunk.
                Signal::Granted { id, .. } => self.take(id),
            }
        }
    }

    /// Takes the process's request out of the manager's queue, if there is one. A chunk that was
    /// granted meanwhile goes back to its pool.
    fn forget_ticket(&mut self, turn: &mut Millisecond<'_>) {
        if let Some(ticket) = self.ticket.take()
            && let Some(ending) = turn.tables.manager().cancel(ticket, turn.now)
        {
            turn.tables.manager().give_back(vec![ending], turn.now);
        }
    }

    /// Ends the process because it has no memory left. It joins again in the next millisecond.
    ///
    /// `done` and `is_paused` stay as they are, so that a failure neither shortens the demand nor
    /// counts as a second pause.
    fn fail(&mut self, turn: &mut Millisecond<'_>) {
        turn.outcome.failures += 1;
        self.forget_ticket(turn);
        self.leave(turn.tables, turn.now);
        *self = Self {
            done: self.done,
            is_paused: self.is_paused,
            ..Self::new(self.number, self.sharing)
        };
    }

    /// Leaves the manager and returns all blocks, also the block of its committed memory.
    ///
    /// `strike` takes blocks of the process out of the lease table: here all in one call, because
    /// `usize::MAX` sets no limit. (The server takes a few at a time: other threads wait for its
    /// lock.) Only a call that finds no block left removes the process itself, so there is a second
    /// call.
    pub fn leave(&self, tables: &mut SimulatedTables, now: Instant) {
        // An error says that the process is not joined: it has failed, or never ran a step.
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
