//! Names of processes: lookup, watch, and the queues of requests that wait to join or to register.
//!
//! ```text
//!   lookups      (name, ticket) ─► waker         ("bob", 7) ("bob", 9) ("eve", 8)
//!                                                 └── from ("bob", 0): both wake when bob joins
//!   entrants     ticket ─► waker                 12 ─ 15 ─ 16     12 looks for room next
//!   await_block  ticket ─► space, bytes, waker   13: 0, 4096 ─ 14: 1, 64
//!                                                 └── the oldest that fits looks next
//! ```
//!
//! A client that waits for a name, or to join, may belong to no process yet, so it has no process's
//! waker. Each such request makes a waker of its own and gets a *ticket*, the number of its row in
//! the table. The row stays until the request is answered or its client has gone.
//!
//! **Invariants**
//!
//! 1. The list of a watcher and its place in the log of [`super::changes`] are made under one hold
//!    of the lock: between two holds, a process could join without being in the list or in the log.
//! 2. While joins wait for room in administrative memory, only the oldest of them may join: a later
//!    join cannot pass it, however small its block is. Processes that have joined take no ticket:
//!    their blocks, sessions and messages may take the room first.
//! 3. Each ticket is removed when its request is answered, or when its client has gone.
//!
//! **Lock** the tables. A waker is only noted here. The thread that unlocks the tables notifies it
//! afterwards, so a woken thread does not find the tables still locked.
//!
//! **Simplified** a name is looked up exactly as it stands: no patterns, no names on other
//! machines.
//!
//! **Source** ours; the processes that find each other through administrative memory are those of
//! `interprocess-communication-patent.txt`, paragraph 23.

use std::sync::Arc;

use crate::common::caller::ClientNumber;
use crate::common::error::{Code, Error};
use crate::cooperative::process::ProcessNumber;
use crate::sessions::administration::MIN_ENTRY;
use crate::sessions::changes::ChangeNumber;
use crate::sessions::{Engine, Full};

/// The number of a request that waits for a name or for room. A later request has a greater ticket,
/// and no ticket is used twice.
pub type NameTicket = u64;

/// The most bytes that a list in a frame adds to a name: 4 for its length, 1 for its NUL, and up to
/// 3 of padding, because the next length stands at a multiple of 4.
const AROUND_NAME: usize = 8;

/// The most processes that watch. Each join and each end wakes those of them that wait, and looks
/// at each while the tables are locked: this bounds that time.
const MAX_WATCHERS: usize = 1024;

impl<W: Clone> Engine<'_, W> {
    /// Returns the process of that name, if other processes may open sessions with it: its entry
    /// has the flag of step 418.
    pub(super) fn named(&self, name: &str) -> Option<ProcessNumber> {
        let number = self.processes.named(name)?;
        self.sessions.administration.entries.get(&number).filter(|entry| entry.is_registered)?;
        Some(number)
    }

    /// Returns whether there is a process of that name.
    pub fn is_there(&self, name: &str) -> bool {
        self.named(name).is_some()
    }

    /// Registers `waker` for a name and returns its ticket. A join under that name wakes it.
    ///
    /// The caller looks for the name under the same hold of the lock. Between two holds the process
    /// could join, and its join would wake no request that is not registered yet.
    pub fn await_name(&mut self, name: &str, waker: W) -> NameTicket {
        let ticket = self.next();
        self.sessions.lookups.insert((name.to_string(), ticket), waker);
        ticket
    }

    /// Removes a request that waits for a name, by its ticket. Does nothing when it is not there.
    pub fn forget_name(&mut self, name: &str, ticket: NameTicket) {
        self.sessions.lookups.remove(&(name.to_string(), ticket));
    }

    /// Step 420: wakes every request that waits for the name. Each request removes its own ticket
    /// when it looks again.
    pub(super) fn wake_lookups(&mut self, name: &Arc<str>) {
        // Tickets begin at 1, so this key stands before all tickets of the name and behind the
        // names before it.
        let first = (name.to_string(), 0);
        let waiting = self.sessions.lookups.range(first..).take_while(|((n, _), _)| **n == **name);
        let wakers: Vec<W> = waiting.map(|(_, waker)| waker.clone()).collect();
        wakers.into_iter().for_each(|waker| self.processes.wake_by(waker));
    }

    /// Lets a new request wait for room in administrative memory or for a block, whichever `full`
    /// names. Returns the request's ticket.
    pub fn await_room(&mut self, full: &Full, waker: W) -> NameTicket {
        let ticket = self.next();
        self.await_room_as(ticket, full, waker);
        ticket
    }

    /// Lets a request that has a ticket wait as `full` says, and takes it out of the queue in which
    /// it waited before.
    pub fn await_room_as(&mut self, ticket: NameTicket, full: &Full, waker: W) {
        self.sessions.entrants.remove(&ticket);
        self.sessions.await_block.remove(&ticket);
        match full {
            Full::Administration => drop(self.sessions.entrants.insert(ticket, waker)),
            &Full::Block { space, bytes, .. } => {
                self.sessions.await_block.insert(ticket, (space, bytes, waker));
            }
        }
    }

    /// Returns whether a join may take room in administrative memory: no join with an older ticket
    /// waits for it. `None` stands for a newcomer without a ticket, which is next only when no join
    /// waits at all.
    pub(super) fn is_next(&self, ticket: Option<NameTicket>) -> bool {
        self.sessions.entrants.keys().next().is_none_or(|&first| Some(first) == ticket)
    }

    /// Removes a request that waits for room or for a block. Then wakes the next request in each of
    /// the two queues, if there is enough for it.
    pub fn forget_room(&mut self, ticket: NameTicket) {
        self.sessions.entrants.remove(&ticket);
        self.sessions.await_block.remove(&ticket);
        self.wake_next_join();
        self.wake_for_block();
    }

    /// Wakes the oldest request for room, if a process with its first block fits now.
    ///
    /// A younger request is not woken: it would find that an older one is next, and sleep again.
    pub(super) fn wake_next_join(&mut self) {
        if self.sessions.administration.has_room(MIN_ENTRY)
            && let Some(waker) = self.sessions.entrants.values().next()
        {
            self.processes.wake_by(waker.clone());
        }
    }

    /// Wakes the oldest of the requests whose block is free now. These requests do not wait for
    /// each other. Otherwise one join that asks for half of the arena would keep out all later
    /// ones.
    pub(super) fn wake_for_block(&mut self) {
        let mut waiting = self.sessions.await_block.values();
        let fits = |&&(space, bytes, _): &&(_, _, _)| self.leases.has_room_in(space, bytes);
        if let Some((.., waker)) = waiting.find(fits) {
            self.processes.wake_by(waker.clone());
        }
    }

    /// Makes `client`'s process a watcher, and returns the names of all processes, its own among
    /// them. Later joins and ends come as notices. Unchanged when it fails.
    ///
    /// # Errors
    /// `refused` when the client belongs to no process; `too-large` when the names take more than
    /// `most` bytes in a frame; `busy` when too many processes watch.
    pub fn watch(&mut self, client: ClientNumber, most: u64) -> Result<Vec<Arc<str>>, Error> {
        let number = self.processes.number_of(client)?;
        let entries = &self.sessions.administration.entries;
        let bytes = |count: usize, length: usize| (count * AROUND_NAME + length) as u64;
        // A datagram of 40 bytes can ask for this list, which is usually too long for a datagram.
        // So the first bound needs no walk through the names: each has at least 1 byte.
        let is_too_long = bytes(entries.len(), entries.len()) > most
            || bytes(entries.len(), entries.values().map(|entry| entry.name.len()).sum()) > most;
        if is_too_long {
            let text = "there are more names than can be told here at once; watch by TCP, or raise --max-message";
            return Err(Error::new(Code::TooLarge, text));
        }
        let names = entries.values().map(|entry| entry.name.clone()).collect();
        // A process may watch again at any time: it gets a new list and counts once only.
        if !self.sessions.changes.has_watcher(number) {
            self.check_watchers(number)?;
        }
        self.sessions.changes.watch(number);
        Ok(names)
    }

    /// Checks that one more process may watch: all addresses together have [`MAX_WATCHERS`], and an
    /// address that the server does not trust has a half of them.
    ///
    /// # Errors
    /// `busy`.
    fn check_watchers(&self, number: ProcessNumber) -> Result<(), Error> {
        let watchers = || self.sessions.changes.watchers();
        if watchers().len() >= MAX_WATCHERS {
            let text = format!("{MAX_WATCHERS} processes watch already; try again later");
            return Err(Error::new(Code::Busy, text));
        }
        let stranger = |process| self.sessions.administration.account(process).stranger;
        let address = stranger(number);
        let of_the_address = watchers().filter(|&process| stranger(process) == address).count();
        if address.is_some() && of_the_address >= MAX_WATCHERS / 2 {
            let text = format!(
                "{of_the_address} processes of your address watch already; let one of them leave"
            );
            return Err(Error::new(Code::Busy, text));
        }
        Ok(())
    }

    /// Writes into the log of changes that a process joined, and wakes the watchers.
    pub(super) fn tell_watchers_of_the_join(&mut self, number: ProcessNumber, name: Arc<str>) {
        let order = self.next();
        let joined = self.sessions.changes.joined(order, name);
        if let Some(registered) = self.sessions.registered.get_mut(&number) {
            registered.joined = joined;
        }
        self.wake_watchers();
    }

    /// Writes into the log of changes that a process ended, and wakes the watchers. `joined` is the
    /// place of the process's join in the log.
    pub(super) fn tell_watchers_of_the_end(&mut self, name: Arc<str>, joined: ChangeNumber) {
        let order = self.next();
        self.sessions.changes.left(order, name, joined);
        self.wake_watchers();
    }

    fn wake_watchers(&mut self) {
        self.sessions.changes.watchers().for_each(|watcher| self.processes.wake(watcher));
    }
}
