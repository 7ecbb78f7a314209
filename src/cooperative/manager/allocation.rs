//! Allocation and repayment: figures 5 and 6 around the decision, and figure 12 around the return.
//!
//! ```text
//!   502 required? ─ 504 allocate = 600 received ─ 602 analyzed ─ 604 allocated accordingly
//!                                                    │              │
//!                                       decide: 800 to 1208      buddy allocator: a block, an id
//!                                       one of the five pools    none: refused as `fragmented`
//! ```
//!
//! A number is a box, one step of the source's figures; [`crate::cooperative`] has the other words.
//! A request needs two things: free bytes of a pool, and one free block of the arena. The decision
//! comes first, because it is cheap and changes nothing. The pool is charged only when the block is
//! there; the other order would have to undo a charge.
//!
//! **Invariants**
//!
//! 1. A refused request changes nothing; a report that came with it still takes effect.
//! 2. A struck block, which has left the lease table, stays in `returning` until it is given back,
//!    if a pool gave it to a process. Its bytes have repaid debts already, but no pool counts them
//!    as free yet. The pools divide only the first *space*, which is a part of the arena: an own
//!    block in another space is never in `returning`.
//!
//! **Lock** the tables. **Cost** Among 1,000 processes a refusal takes 0.10 us, and a grant with
//! its return 0.36 us (`cargo bench --bench cooperative`).
//!
//! **Source** `cooperative-memory-management.txt`, figures 5, 6 and 12.

use std::time::Instant;

use crate::common::caller::ClientNumber;
use crate::common::error::{Code, Error};
use crate::common::id::LeaseId;
use crate::common::marks::mark;
use crate::cooperative::decision::{Standing, decide};
use crate::cooperative::figures::{FRAGMENTED, Path};
use crate::cooperative::manager::{Manager, Processes, process_ended};
use crate::cooperative::process::ProcessNumber;
use crate::cooperative::words::{Amounts, Granted, Pool, Reason, Signal, Wanted};
use crate::memory::lease::Ending;

/// The outcome of a request: the path of its decision, and the block if one was granted.
pub(super) struct Decided {
    pub path: Path,
    pub granted: Option<Granted>,
}

impl<W: Clone> Manager<'_, W> {
    /// Gives blocks back whose contents are marked released, and then serves the requests that wait
    /// for memory. It serves once for all blocks and not once for each, because each time it goes
    /// through the whole queue.
    pub fn give_back(&mut self, endings: Vec<Ending>, now: Instant) {
        for ending in endings {
            self.give_back_one(ending);
        }
        self.serve(now);
    }

    /// Returns a block to the allocator, and its bytes to the pools that `returning` names. For a
    /// plain lease it names none: the lease table refills the committed bytes itself.
    pub(super) fn give_back_one(&mut self, ending: Ending) {
        let refill = self.processes.returning.remove(&ending.offset());
        self.leases.give_back(ending);
        if let Some(refill) = refill {
            self.refill(&refill);
        }
    }

    /// Takes a report of `client`'s process, and tries the requests of this process that wait: with
    /// more collateral they may succeed. If the efficiency is low, the process may get a block
    /// without asking (`boost`).
    ///
    /// # Errors
    /// `refused` when the client belongs to no process; `bad-request` for more freeable bytes than
    /// the process holds or an efficiency over 100. In each case nothing is changed.
    pub fn report(
        &mut self,
        client: ClientNumber,
        freeable: u64,
        efficiency: Option<u8>,
        now: Instant,
    ) -> Result<(), Error> {
        let number = self.processes.number_of(client)?;
        self.take_report(number, Some(freeable), efficiency, now)?;
        // Figure 5 also monitors processes: a low efficiency is a reason to allocate.
        if efficiency
            .zip(self.processes.rules.boost_below)
            .is_some_and(|(reported, least)| reported < least)
        {
            self.boost(number, now);
        }
        Ok(())
    }

    /// Takes a report: the freeable bytes, the efficiency, or both. A request may come with either,
    /// with both or with none.
    ///
    /// # Errors
    /// `bad-request` for more bytes than the process holds, or an efficiency over 100. Unchanged
    /// when it fails.
    fn take_report(
        &mut self,
        number: ProcessNumber,
        freeable: Option<u64>,
        efficiency: Option<u8>,
        now: Instant,
    ) -> Result<(), Error> {
        if efficiency.is_some_and(|percent| percent > 100) {
            let text = "an efficiency is a share in percent; give 0 to 100";
            return Err(Error::new(Code::BadRequest, text));
        }
        let process = self.processes.process(number)?;
        let held = process.held();
        if freeable.is_some_and(|freeable| freeable > held) {
            let text = format!(
                "the process holds {held} bytes, so no more are freeable; report what it holds at most"
            );
            return Err(Error::new(Code::BadRequest, text));
        }
        process.efficiency = efficiency.or(process.efficiency);
        let Some(freeable) = freeable else { return Ok(()) };
        if let Some(missing) = process.report(freeable, now) {
            // The garbage that secured a loan is gone. The report is accepted all the same, and the
            // process is asked to return the missing bytes.
            self.processes.ask_to_secure(number, missing);
        }
        // More collateral helps its own requests alone.
        self.serve_those(now, |waiting| waiting.process == number);
        self.collect_soon(now);
        Ok(())
    }

    /// Takes a block for a process that did not ask but reported an efficiency below
    /// `boost_below`: figure 5's box 504, with the default size and the reason `efficiency`. A
    /// process without collateral gets no such loan and would soon pause, so the reason is then
    /// `urgent-efficiency`, for which GP or LE may give without collateral. A signal tells the
    /// process. If the boost is refused, only the journal says so: no client waits for it.
    fn boost(&mut self, number: ProcessNumber, now: Instant) {
        let size = self.processes.rules.block;
        let Ok(process) = self.processes.process(number) else { return };
        let reason = match process.collateral() {
            0 => Reason::UrgentEfficiency,
            _ => Reason::Efficiency,
        };
        let wanted = Wanted::new(size, reason);
        mark!(boxes 502);
        let Ok(decided) = self.allocate(number, &wanted, now) else { return };
        self.processes.note(number, &wanted, &decided);
        if let (Some(granted), Ok(process)) = (decided.granted, self.processes.process(number)) {
            let Granted { id, size, pool, .. } = granted;
            process.signal(Signal::Granted { id, size, pool });
            self.processes.wake(number);
        }
    }

    /// Asks for memory for `client`'s process, without waiting.
    ///
    /// # Errors
    /// `bad-request` for zero bytes or a report of more than the process holds; `refused` when the
    /// client belongs to no process, when the figures refuse, or when the arena has no free block
    /// of that size: the last box of the path selects the text. A report that came with a refused
    /// request still takes effect.
    pub fn request(
        &mut self,
        client: ClientNumber,
        wanted: &Wanted,
        now: Instant,
    ) -> Result<Granted, Error> {
        let (_, decided) = self.ask(client, wanted, now)?;
        decided.granted.ok_or_else(|| refusal(wanted, &decided.path))
    }

    /// Takes the report that came with a request, if one did, and decides about the request. If no
    /// block is granted, that is no error here: [`Manager::request_or_wait`] then puts the request
    /// into the queue, with the path of the refusal.
    pub(super) fn ask(
        &mut self,
        client: ClientNumber,
        wanted: &Wanted,
        now: Instant,
    ) -> Result<(ProcessNumber, Decided), Error> {
        let number = self.processes.number_of(client)?;
        if wanted.size == 0 {
            let text = "a request is for at least 1 byte; ask for more than 0";
            return Err(Error::new(Code::BadRequest, text));
        }
        self.take_report(number, wanted.freeable, wanted.efficiency, now)?;
        mark!(boxes 600, 502);
        let decided = self.allocate(number, wanted, now)?;
        self.processes.note(number, wanted, &decided);
        Ok((number, decided))
    }

    /// Decides, takes the block, and charges the pool: box 504, and figure 6 from 602 on. A refusal
    /// changes nothing. It is an outcome without a block, and no error.
    ///
    /// # Errors
    /// `not-found` when the process has ended and its blocks are given back.
    pub(super) fn allocate(
        &mut self,
        number: ProcessNumber,
        wanted: &Wanted,
        now: Instant,
    ) -> Result<Decided, Error> {
        let &Wanted { size, reason, why, .. } = wanted;
        mark!(boxes 504, 602);
        let standing = self.standing(number)?;
        let mut decision = decide(size, wanted.block(), reason, &standing);
        let mut granted = None;
        if let Some(pool) = decision.pool {
            match self.leases.hold(size, number) {
                Ok((id, size)) => {
                    self.processes.pools.charge(pool, size, self.leases.committed_mut());
                    let process = self.processes.process(number)?;
                    let grant = process.take_for(reason, pool, size);
                    process.blocks.insert(id, grant);
                    granted = Some(Granted { id, size, pool, by: None });
                    mark!(boxes 604);
                    self.plan_look_after_allocation(pool, now);
                }
                Err(_) => decision.path.pass(FRAGMENTED),
            }
        }
        let path = decision.path;
        if let Some(granted) = granted.as_mut().filter(|_| why) {
            granted.by = Some(path.to_string());
        }
        path.mark();
        Ok(Decided { path, granted })
    }

    /// Returns the numbers that the decision depends on.
    fn standing(&self, number: ProcessNumber) -> Result<Standing, Error> {
        let process = self.processes.all.get(&number).ok_or_else(process_ended)?;
        let room = process.room(self.processes.pools.cap());
        Ok(Standing { free: self.free(), room, collateral: process.collateral() })
    }

    /// Strikes a block that `client`'s process returns, and repays the process's debts. Returns the
    /// ending, which is the struck block, and the bytes that each pool will get back. The caller
    /// marks the contents released, and then gives the ending back.
    ///
    /// # Errors
    /// `not-found` when the process has no such granted block: own blocks cannot be returned.
    /// `refused` when the client belongs to no process.
    pub fn return_block(
        &mut self,
        client: ClientNumber,
        id: LeaseId,
    ) -> Result<(Ending, Amounts), Error> {
        let text = "there is no such block of this process; return one that it was granted";
        let not_found = || Error::new(Code::NotFound, text);
        let number = self.processes.number_of(client)?;
        if !self.processes.process(number)?.blocks.contains_key(&id) {
            return Err(not_found());
        }
        self.end_block(id, number).ok_or_else(not_found)
    }

    /// Strikes a granted block, or an extent (a part) of an own block, and repays the process's
    /// debts with it: figure 12. Returns the struck block, and the bytes that each pool will get
    /// back: none for an extent outside of the first space. `None` if the process has no such
    /// block.
    pub(super) fn end_block(
        &mut self,
        id: LeaseId,
        number: ProcessNumber,
    ) -> Option<(Ending, Amounts)> {
        let ending = self.leases.end_held(id, number)?;
        let process = self.processes.all.get_mut(&number)?;
        let granted = process.blocks.remove(&id);
        // An own block outside of the first space: no pool gave it, and the process owes nothing.
        if process.own_extents.remove(&id).is_some() && process.space > 0 {
            return Some((ending, Amounts::default()));
        }
        // A block without a grant is an extent of an own block, which is committed memory.
        let pool = granted.map_or(Pool::Committed, |grant| grant.pool);
        let size = ending.size();
        let (refill, path) = process.repay(pool, size);
        let name = process.name.clone();
        path.mark();
        self.processes.write(|| format!("{name} returned {size} bytes by {path}"));
        self.processes.returning.insert(ending.offset(), refill);
        Some((ending, refill))
    }

    /// Strikes a block that was granted to a process and that no client received. Its bytes first
    /// repay the debt to the pool that gave it. If that debt is smaller than the block, the rest
    /// repays other debts. `None` when the process has no such block. The process did not give the
    /// block back itself, so this does not count for a signal to collect.
    pub(super) fn undo_grant(&mut self, number: ProcessNumber, id: LeaseId) -> Option<Ending> {
        let process = self.processes.all.get_mut(&number)?;
        let grant = process.blocks.remove(&id)?;
        let ending = self.leases.end_held(id, number)?;
        let refill = process.undo(ending.size(), grant);
        self.processes.returning.insert(ending.offset(), refill);
        Some(ending)
    }
}

impl<W: Clone> Processes<W> {
    /// Writes a decision into the journal, if one is kept.
    pub(super) fn note(&mut self, number: ProcessNumber, wanted: &Wanted, decided: &Decided) {
        let Some(process) = self.all.get(&number).filter(|_| self.rules.journal) else {
            return;
        };
        let (name, reason, path) = (process.name.clone(), wanted.reason.word(), decided.path);
        let size = wanted.block();
        let outcome = decided.granted.as_ref().map_or("refused", |granted| granted.pool.word());
        self.write(|| format!("{name} asked for {size} bytes, {reason}: {outcome} by {path}"));
    }

    /// Lets `client`'s process keep `size` freed bytes instead of returning them, and lowers its
    /// freeable bytes by `size`. The document prefers the return, for two reasons: returned memory
    /// repays debts, and reused garbage is no collateral any more. So a process that owes any pool
    /// except the committed one is refused.
    ///
    /// # Errors
    /// `refused` when the client belongs to no process, or when the process owes such a pool: the
    /// error names the pool that figure 12 refills first. `bad-request` for 0 bytes or more than
    /// the process holds. Unchanged when it fails.
    pub fn reuse(&mut self, client: ClientNumber, size: u64) -> Result<(), Error> {
        let process = self.process_of(client)?;
        let held = process.held();
        if size == 0 || size > held {
            let text = format!("the process holds {held} bytes; reuse 1 to that");
            return Err(Error::new(Code::BadRequest, text));
        }
        let debts = crate::cooperative::repayment::ORDER.into_iter();
        let mut debts = debts.filter(|&pool| pool != Pool::Committed && process.owed[pool] > 0);
        if let Some(pool) = debts.next() {
            let (word, owed) = (pool.word(), process.owed[pool]);
            let text = format!("{word} is owed {owed} bytes; return memory until nothing is owed");
            return Err(Error::new(Code::Refused, text));
        }
        process.freeable = process.freeable.saturating_sub(size);
        Ok(())
    }

    /// Returns the bytes that `client`'s process still owes each pool.
    ///
    /// # Errors
    /// `refused` when the client belongs to no process.
    pub fn owed(&mut self, client: ClientNumber) -> Result<Amounts, Error> {
        Ok(self.process_of(client)?.owed)
    }

    /// Returns whether a signal waits for a process.
    pub fn has_signal(&self, number: ProcessNumber) -> bool {
        self.all.get(&number).is_some_and(|process| !process.signals.is_empty())
    }

    /// Takes the next signal to `client`'s process, if there is one.
    ///
    /// # Errors
    /// `refused` when the client belongs to no process.
    pub fn next_signal(&mut self, client: ClientNumber) -> Result<Option<Signal>, Error> {
        Ok(self.process_of(client)?.signals.pop_front())
    }
}

/// Returns the refusal of a request. The last box of its path selects the text.
pub(super) fn refusal(wanted: &Wanted, path: &Path) -> Error {
    let why = match path.boxes().last() {
        Some(1106) => {
            "the loaned efficiency pool lends it only for collateral and within its limit; report garbage, or ask as urgent-efficiency"
        }
        Some(1202 | 1206) => {
            "the granted leak pool has less, or the process's limit is reached; ask for less, or wait=MS"
        }
        Some(922 | 926) => {
            "no pool that may answer a pause has so much, or the process's limit is reached; collect and return memory, or wait=MS"
        }
        Some(&FRAGMENTED) => {
            "the pool has the bytes, but no free block is that large, or there are as many blocks as --max-leases allows; ask for less, or wait=MS"
        }
        _ => {
            "the committed pool has less, or the process's limit is reached; ask for less, or wait=MS"
        }
    };
    with_path(wanted, path, why)
}

/// Returns a refusal with the text `why`; the path follows the text when the request asked for it.
pub(super) fn with_path(wanted: &Wanted, path: &Path, why: &str) -> Error {
    let by = if wanted.why { format!(" by {path}") } else { String::new() };
    Error::new(Code::Refused, format!("{why}{by}"))
}
