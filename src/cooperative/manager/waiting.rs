//! Requests that wait until memory comes back.
//!
//! ```text
//!   queue   out-of-memory, first come │ pause … │ urgent-efficiency … │ efficiency … │ committed …
//!           ◄───────────────── served in this order, whenever something came back ─────────────►
//! ```
//!
//! A request that cannot be served stands in nobody's way: those behind it may be answered out
//! of other pools, or with less.
//!
//! **Invariants** a ticket is in the queue or among the served, and is taken or cancelled once.
//!
//! **Lock** the tables.
//!
//! **Simplified** so a large request may be overtaken by smaller ones until its time is over;
//! to hold memory back for it would grant by other rules than the figures'.
//!
//! **Source** `cooperative-memory-management.txt`: priority by urgency; the order of arrival is
//! ours.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use crate::common::caller::ClientNumber;
use crate::common::error::Error;
use crate::cooperative::decision::pools_for;
use crate::cooperative::figures::Path;
use crate::cooperative::manager::allocation::{Decided, refusal, with_path};
use crate::cooperative::manager::{Manager, Processes, process_ended};
use crate::cooperative::process::ProcessNumber;
use crate::cooperative::words::{Granted, Reason, Signal, Wanted};
use crate::memory::buddy::Buddy;
use crate::memory::lease::Ending;

/// One request that waits: counted from 1, never reused.
pub type Ticket = u64;

/// Most urgent first, then in the order of arrival.
type QueuePlace = (Reverse<Reason>, Ticket);

/// All requests that wait.
#[derive(Debug, Default)]
pub(super) struct Queue {
    places: BTreeMap<QueuePlace, WaitingRequest>,
    served: HashMap<Ticket, (ProcessNumber, Granted)>,
    last: Ticket,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct WaitingRequest {
    pub process: ProcessNumber,
    pub wanted: Wanted,
    pub deadline: Instant,
    /// How it was refused the last time.
    pub path: Path,
}

impl Queue {
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// In their order.
    pub fn iter(&self) -> impl Iterator<Item = &WaitingRequest> {
        self.places.values()
    }
}

impl<H: Clone, W: Clone> Manager<'_, H, W> {
    /// Asks, and waits in the queue if that is refused: answers when it was granted, or the
    /// ticket and the end of its time.
    ///
    /// # Errors
    /// Those of [`Manager::request`] that waiting cannot mend.
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
        let deadline = now.checked_add(Duration::from_millis(wanted.wait_ms)).unwrap_or(now);
        self.processes.queue.last += 1;
        let ticket = self.processes.queue.last;
        let waiting = WaitingRequest { process, wanted: *wanted, deadline, path };
        self.processes.queue.places.insert((Reverse(wanted.reason), ticket), waiting);
        self.processes.begins_to_wait(process, now);
        self.collect_soon(now);
        Ok(Err((ticket, deadline)))
    }

    /// Nobody waits for the ticket any more. Answers the block if one was granted meanwhile.
    pub fn cancel(&mut self, ticket: Ticket, now: Instant) -> Option<Ending<H>> {
        if let Some(place) = self.processes.place(ticket) {
            self.processes.remove(place, now);
        }
        let (number, granted) = self.processes.queue.served.remove(&ticket)?;
        self.undo_grant(number, granted.id)
    }

    /// Serves those who wait, in their order, where a pool has enough by now. A block that came
    /// back to one pool may be what another one's bytes lacked.
    pub(super) fn serve(&mut self, now: Instant) {
        let free = self.free();
        self.serve_those(now, |waiting| {
            let size = Buddy::rounded(waiting.wanted.size).unwrap_or(u64::MAX);
            pools_for(waiting.wanted.reason).iter().any(|&pool| size <= free[pool])
        });
    }

    /// Serves some of those who wait, in their order.
    pub(super) fn serve_those(&mut self, now: Instant, which: impl Fn(&WaitingRequest) -> bool) {
        let places = self.processes.queue.places.iter().filter(|(_, waiting)| which(waiting));
        let places: Vec<QueuePlace> = places.map(|(&place, _)| place).collect();
        for place in places {
            let Some(waiting) = self.processes.queue.places.get(&place).copied() else { continue };
            if now >= waiting.deadline {
                continue;
            }
            let WaitingRequest { process, wanted, .. } = waiting;
            match self.allocate(process, &wanted, now) {
                Ok(Decided { path, granted: Some(granted) }) => {
                    self.processes.remove(place, now);
                    self.processes.queue.served.insert(place.1, (process, granted.clone()));
                    self.processes.note(
                        process,
                        &wanted,
                        &Decided { path, granted: Some(granted) },
                    );
                    self.processes.wake(process);
                }
                Ok(Decided { path, granted: None }) => {
                    if let Some(waiting) = self.processes.queue.places.get_mut(&place) {
                        waiting.path = path;
                    }
                }
                Err(_) => self.processes.remove(place, now),
            }
        }
    }
}

impl<W: Clone> Processes<W> {
    /// Whether a pool that may answer it, with nothing owed to it, lends so much to one process.
    fn may_ever_fit(&self, wanted: &Wanted) -> bool {
        let size = Buddy::rounded(wanted.size).unwrap_or(u64::MAX);
        pools_for(wanted.reason).iter().any(|&pool| size <= self.pools.cap()[pool])
    }

    /// What came of a ticket, if something did: also that its time is over.
    pub fn served(&mut self, ticket: Ticket, now: Instant) -> Option<Result<Granted, Error>> {
        if let Some((_, granted)) = self.queue.served.remove(&ticket) {
            return Some(Ok(granted));
        }
        let place = self.place(ticket);
        let late = place.and_then(|place| self.queue.places.get(&place).map(|w| (place, *w)));
        let Some((place, waiting)) = late else { return Some(Err(process_ended())) };
        if now < waiting.deadline {
            return None;
        }
        self.remove(place, now);
        let ms = waiting.wanted.wait_ms;
        let why = format!("no memory came back for it in {ms} ms; ask for less, or wait longer");
        Some(Err(with_path(&waiting.wanted, &waiting.path, &why)))
    }

    /// A signal that could not be said is the next one again.
    pub fn put_back(&mut self, client: ClientNumber, signal: Signal) {
        let Ok(number) = self.number_of(client) else { return };
        if let Ok(process) = self.process(number) {
            process.signals.push_front(signal);
        }
        self.wake(number);
    }

    fn place(&self, ticket: Ticket) -> Option<QueuePlace> {
        let places = Reason::ALL.map(|reason| (Reverse(reason), ticket));
        places.into_iter().find(|place| self.queue.places.contains_key(place))
    }

    /// The requests of a process that has ended.
    pub(super) fn forget_requests(&mut self, number: ProcessNumber) {
        self.queue.places.retain(|_, waiting| waiting.process != number);
        if let Some(process) = self.all.get_mut(&number)
            && std::mem::take(&mut process.waiting) > 0
        {
            self.waiting -= 1;
        }
    }

    fn begins_to_wait(&mut self, number: ProcessNumber, now: Instant) {
        if let Some(process) = self.all.get_mut(&number) {
            process.waiting += 1;
            self.waiting += usize::from(process.waiting == 1);
        }
        self.note_pressure(now);
    }

    fn remove(&mut self, place: QueuePlace, now: Instant) {
        let Some(waiting) = self.queue.places.remove(&place) else { return };
        if let Some(process) = self.all.get_mut(&waiting.process) {
            process.waiting -= 1;
            self.waiting -= usize::from(process.waiting == 0);
        }
        self.note_pressure(now);
    }

    pub(super) fn note_pressure(&mut self, now: Instant) {
        self.pressure.note(self.waiting, self.names.len(), now);
    }

    pub(super) fn check_queue(&self) -> Result<(), String> {
        for (number, process) in &self.all {
            let waiting = self.queue.iter().filter(|waiting| waiting.process == *number).count();
            if waiting != process.waiting {
                return Err(format!(
                    "{} waits {waiting} times, not {}",
                    process.name, process.waiting
                ));
            }
        }
        let waiting = self.all.values().filter(|process| process.waiting > 0).count();
        if waiting != self.waiting || self.queue.iter().any(|w| !self.all.contains_key(&w.process))
        {
            return Err("the queue and the processes disagree".into());
        }
        let is_held = |(number, granted): &(ProcessNumber, Granted)| {
            // A process that has ended may have lost it before its client looks.
            self.all.get(number).is_none_or(|p| p.is_gone || p.blocks.contains_key(&granted.id))
        };
        if !self.queue.served.values().all(is_held) {
            return Err("a grant that nobody took is not held".into());
        }
        Ok(())
    }

    /// The refusal of a request that the server's stop found waiting.
    pub fn refuse_waiting(&mut self, ticket: Ticket, now: Instant) -> Option<Error> {
        let place = self.place(ticket)?;
        let waiting = *self.queue.places.get(&place)?;
        self.remove(place, now);
        Some(refusal(&waiting.wanted, &waiting.path))
    }
}
