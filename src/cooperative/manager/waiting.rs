//! The queue of requests that wait until memory comes back.
//!
//! ```text
//!   served  out-of-memory, first come │ pause … │ urgent-efficiency … │ efficiency … │ committed …
//!           ◄──────────────────── in this order, whenever memory came back ────────────────────►
//!
//!   ticket  in the queue ──► served ──► taken by its client
//!               │               └─────► cancelled: the block goes back
//!               └─► cancelled, late, stopped, or its process has ended
//! ```
//!
//! A request that cannot be served blocks no other: a request behind it may need another pool, or
//! fewer bytes. When blocks are given back, the manager takes each request for which some pool has
//! enough free bytes, the most urgent ones first, and decides it anew by the source's figures: the
//! *collateral* (the reported garbage that secures no loan yet) and the debts of its process may
//! have changed.
//!
//! **Invariants**
//!
//! 1. A ticket, the number of a request that waits, is in `waiting` or in `served`, never in both.
//!    It is in neither after it was taken, cancelled or refused, or after its process ended.
//! 2. A granted block that no client has taken yet is held by a process that has not ended.
//! 3. The deadline is checked at each try, under the lock: a request past its deadline is granted
//!    nothing, also while it is still in the queue because its client has not looked yet.
//!
//! **Lock** the tables. The thread that returns memory, or that reports garbage, serves the
//! requests in the queue; the thread that waits only looks for its ticket.
//!
//! **Simplified** smaller requests may overtake a large one until the wait of the large one is
//! over. The figures have no rule that keeps memory back for a request that waits.
//!
//! **Source** `cooperative-memory-management.txt`: priority by urgency and status; the order of
//! arrival is ours, and the default ([`ServeBy`]).

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use crate::common::caller::ClientNumber;
use crate::common::error::Error;
use crate::cooperative::decision::pools_for;
use crate::cooperative::figures::Path;
use crate::cooperative::manager::allocation::{Decided, refusal, with_path};
use crate::cooperative::manager::{Manager, Processes, ServeBy, process_ended};
use crate::cooperative::process::ProcessNumber;
use crate::cooperative::words::{Granted, Wanted};
use crate::memory::lease::Ending;

/// The number of a request that waits: counted from 1, never reused.
pub type Ticket = u64;

/// All requests that wait, and the blocks that were granted to them and not taken yet.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// The requests, in the order of arrival.
    pub waiting: BTreeMap<Ticket, WaitingRequest>,
    /// The granted blocks by ticket, with the process that holds each.
    served: HashMap<Ticket, (ProcessNumber, Granted)>,
    /// The last ticket given out.
    last: Ticket,
}

/// A request in the queue.
#[derive(Debug, Clone, Copy)]
pub(super) struct WaitingRequest {
    pub process: ProcessNumber,
    pub wanted: Wanted,
    pub deadline: Instant,
    /// The path, the boxes of the figures, of the last refusal. It says which pools could help, and
    /// selects the text when the request is refused in the end.
    pub path: Path,
}

impl<W: Clone> Manager<'_, W> {
    /// Asks for memory. When the figures refuse, or the arena has no free block of that size, the
    /// request enters the queue for at most `wanted.wait_ms` milliseconds. Returns the grant, or
    /// the ticket and the deadline.
    ///
    /// # Errors
    /// As [`Manager::request`]. But a refusal by the figures, or because the arena has no free
    /// block, is an error only when a wait cannot help: the block exceeds the cap of each pool that
    /// may answer.
    pub fn request_or_wait(
        &mut self,
        client: ClientNumber,
        wanted: &Wanted,
        now: Instant,
    ) -> Result<Result<Granted, (Ticket, Instant)>, Error> {
        let (process, Decided { path, granted }) = self.ask(client, wanted, now)?;
        if let Some(granted) = granted {
            return Ok(Ok(granted));
        }
        if !self.processes.may_ever_fit(wanted) {
            return Err(refusal(wanted, &path));
        }
        // The server has limited `wait_ms` before this call, so the sum does not overflow.
        let deadline = now.checked_add(Duration::from_millis(wanted.wait_ms)).unwrap_or(now);
        self.processes.queue.last += 1;
        let ticket = self.processes.queue.last;
        let waiting = WaitingRequest { process, wanted: *wanted, deadline, path };
        self.processes.queue.waiting.insert(ticket, waiting);
        self.processes.count_waiting_request(process, now);
        // Now a request waits: ask other processes within 10 ms, not at the next look in a second.
        self.collect_soon(now);
        Ok(Err((ticket, deadline)))
    }

    /// Removes the request of a ticket whose client waits no longer. If a block was granted to it
    /// meanwhile, strikes and returns the block; the caller marks it released and gives it back.
    pub fn cancel(&mut self, ticket: Ticket, now: Instant) -> Option<Ending> {
        self.processes.remove(ticket, now);
        let (number, granted) = self.processes.queue.served.remove(&ticket)?;
        self.undo_grant(number, granted.id)
    }

    /// Serves the requests that wait, in the order of [`Self::serve_those`], if a pool that may
    /// answer has enough free bytes now. Requests for all pools are tried, not only for the pool
    /// that got bytes: another pool may have had enough bytes before, but the arena no free block
    /// of that size; now the arena may have one.
    pub(super) fn serve(&mut self, now: Instant) {
        // The free bytes are counted once, only to select the requests to try. A request in front
        // may take these bytes; then the decision about a later one refuses.
        let free = self.free();
        self.serve_those(now, |WaitingRequest { wanted, .. }| {
            pools_for(wanted.reason).iter().any(|&pool| wanted.block() <= free[pool])
        });
    }

    /// Serves the waiting requests that `which` selects: the most urgent reason first, then by the
    /// status of their processes if the rules want that, then in the order of arrival.
    pub(super) fn serve_those(&mut self, now: Instant, which: impl Fn(&WaitingRequest) -> bool) {
        let chosen = self.processes.queue.waiting.iter().filter(|(_, waiting)| which(waiting));
        let place = |(&ticket, waiting): (&Ticket, &WaitingRequest)| {
            (Reverse(waiting.wanted.reason), self.processes.status_of(waiting), ticket)
        };
        // The tickets are copied, because a grant changes the queue that is walked.
        let mut places: Vec<_> = chosen.map(place).collect();
        places.sort_unstable();
        for (.., ticket) in places {
            let Some(waiting) = self.processes.queue.waiting.get(&ticket).copied() else {
                continue;
            };
            // A request past its deadline stays in the queue: `take_outcome` removes it when its
            // client looks.
            if now >= waiting.deadline {
                continue;
            }
            let WaitingRequest { process, wanted, .. } = waiting;
            match self.allocate(process, &wanted, now) {
                Ok(Decided { path, granted: None }) => {
                    if let Some(waiting) = self.processes.queue.waiting.get_mut(&ticket) {
                        // The new refusal may have another path. `collection` reads it, to see
                        // which pools could help this request.
                        waiting.path = path;
                    }
                }
                Ok(decided) => {
                    self.processes.remove(ticket, now);
                    self.processes.note(process, &wanted, &decided);
                    // The client's thread asks for the block by the ticket.
                    let granted = decided.granted.map(|granted| (ticket, (process, granted)));
                    self.processes.queue.served.extend(granted);
                    self.processes.wake(process);
                }
                // The process has ended.
                Err(_) => drop(self.processes.remove(ticket, now)),
            }
        }
    }
}

impl<W: Clone> Processes<W> {
    /// Returns the efficiency and the freeable bytes of the process that asked. The request with
    /// the least of these pairs is served first ([`ServeBy::Status`]). By arrival the pair is the
    /// same for all, and no process is looked up: the tables are locked meanwhile.
    fn status_of(&self, waiting: &WaitingRequest) -> (u64, u64) {
        if self.rules.serve_by == ServeBy::Arrival {
            return (0, 0);
        }
        let process = self.all.get(&waiting.process);
        process.map_or((0, 0), |process| (process.presumed_efficiency(), process.freeable))
    }

    /// Returns whether waiting can help the request at all: the block is within the cap of some
    /// pool that may answer it, so a process that owes this pool nothing could get it.
    fn may_ever_fit(&self, wanted: &Wanted) -> bool {
        pools_for(wanted.reason).iter().any(|&pool| wanted.block() <= self.pools.cap()[pool])
    }

    /// Returns the outcome of a ticket: the granted block; a refusal, when the deadline has passed;
    /// or `not-found`, when the process has ended. The ticket is then used up. Returns `None` while
    /// its request still waits.
    pub fn take_outcome(&mut self, ticket: Ticket, now: Instant) -> Option<Result<Granted, Error>> {
        if let Some((_, granted)) = self.queue.served.remove(&ticket) {
            return Some(Ok(granted));
        }
        let Some(&waiting) = self.queue.waiting.get(&ticket) else {
            return Some(Err(process_ended()));
        };
        if now < waiting.deadline {
            return None;
        }
        self.remove(ticket, now);
        let ms = waiting.wanted.wait_ms;
        let why = format!("no memory came back for it in {ms} ms; ask for less, or wait longer");
        Some(Err(with_path(&waiting.wanted, &waiting.path, &why)))
    }

    /// Returns whether a block was granted to the request of a ticket, and no client has it yet.
    pub fn is_granted(&self, ticket: Ticket) -> bool {
        self.queue.served.contains_key(&ticket)
    }

    /// Removes the requests of a process that has ended, and the grants that no client has taken:
    /// their blocks end with the process.
    pub(super) fn forget_requests(&mut self, number: ProcessNumber) {
        self.queue.waiting.retain(|_, waiting| waiting.process != number);
        self.queue.served.retain(|_, (process, _)| *process != number);
        if let Some(process) = self.all.get_mut(&number)
            && std::mem::take(&mut process.waiting) > 0
        {
            self.waiting -= 1;
        }
    }

    /// Counts a request that has entered the queue. `process.waiting` is the number of requests of
    /// one process; `self.waiting` is the number of processes with at least one. Tells the new
    /// number to the pressure meter, which measures how much of the time processes wait.
    fn count_waiting_request(&mut self, number: ProcessNumber, now: Instant) {
        if let Some(process) = self.all.get_mut(&number) {
            process.waiting += 1;
            self.waiting += usize::from(process.waiting == 1);
        }
        self.note_pressure(now);
    }

    /// Removes a request from the queue and from the counts, and tells the pressure meter. Returns
    /// the request; `None` if it has left the queue already.
    fn remove(&mut self, ticket: Ticket, now: Instant) -> Option<WaitingRequest> {
        let waiting = self.queue.waiting.remove(&ticket)?;
        if let Some(process) = self.all.get_mut(&waiting.process) {
            process.waiting -= 1;
            self.waiting -= usize::from(process.waiting == 0);
        }
        self.note_pressure(now);
        Some(waiting)
    }

    /// Tells the pressure meter how many processes wait, and how many there are.
    pub(super) fn note_pressure(&mut self, now: Instant) {
        self.pressure.note(self.waiting, self.names.len(), now);
    }

    /// Checks that the queue, the counts of waiting requests, and the served blocks agree.
    pub(super) fn check_queue(&self) -> Result<(), String> {
        for (number, process) in &self.all {
            let requests = self.queue.waiting.values();
            let waiting = requests.filter(|waiting| waiting.process == *number).count();
            if waiting != process.waiting {
                return Err(format!(
                    "{} waits {waiting} times, not {}",
                    process.name, process.waiting
                ));
            }
        }
        let waiting = self.all.values().filter(|process| process.waiting > 0).count();
        let is_lost = |waiting: &WaitingRequest| !self.all.contains_key(&waiting.process);
        if waiting != self.waiting || self.queue.waiting.values().any(is_lost) {
            return Err("the queue and the processes disagree".into());
        }
        let is_held = |(number, granted): &(ProcessNumber, Granted)| {
            self.all.get(number).is_some_and(|p| !p.has_ended && p.blocks.contains_key(&granted.id))
        };
        if !self.queue.served.values().all(is_held) {
            return Err("a grant that nobody took is not held".into());
        }
        Ok(())
    }

    /// Removes a request from the queue before its time is over, and returns its refusal. `None` if
    /// the ticket is not in the queue.
    pub fn refuse_waiting(&mut self, ticket: Ticket, now: Instant) -> Option<Error> {
        let waiting = self.remove(ticket, now)?;
        Some(refusal(&waiting.wanted, &waiting.path))
    }
}
