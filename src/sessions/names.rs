//! Who is there: lookup, watch, and those who wait to come in.
//!
//! **Invariants** who watches is told of each process that it was not told of at first, once
//! that it joined and once that it ended, unless it did both unheard: there is no gap between
//! the list and the notices, because both are made under one hold of the lock.
//!
//! **Lock** the tables. **Source** ours; the processes that find each other through
//! administrative memory are those of `interprocess-communication-patent.txt`, paragraph 23.

use std::sync::Arc;

use crate::common::caller::ClientNumber;
use crate::common::error::{Code, Error};
use crate::cooperative::process::ProcessNumber;
use crate::sessions::Engine;
use crate::sessions::administration::LEAST;

/// Who waits for a name, or for room: never reused.
pub type NameTicket = u64;

/// What stands around a name in a list, at most, in bytes: its length, its NUL, its padding.
const AROUND_NAME: usize = 8;

/// The most processes that watch.
const MAX_WATCHERS: usize = 1024;

impl<H: Clone, W: Clone> Engine<'_, H, W> {
    /// The process of that name that can be communicated with: its entry has the flag.
    pub(super) fn named(&self, name: &str) -> Option<ProcessNumber> {
        let number = self.processes.named(name)?;
        self.sessions.administration.entry(number).filter(|entry| entry.is_registered)?;
        Some(number)
    }

    /// Whether there is a process of that name.
    pub fn is_there(&self, name: &str) -> bool {
        self.named(name).is_some()
    }

    /// Waits for a name: the waker is woken when a process of that name joins.
    pub fn await_name(&mut self, name: &str, waker: W) -> NameTicket {
        let ticket = self.next();
        self.sessions.lookups.insert((name.to_string(), ticket), waker);
        ticket
    }

    /// Waits for it no longer.
    pub fn forget_name(&mut self, name: &str, ticket: NameTicket) {
        self.sessions.lookups.remove(&(name.to_string(), ticket));
    }

    /// Step 420, to those who wait for the name.
    pub(super) fn tell_who_waits(&mut self, name: &Arc<str>) {
        let first = (name.to_string(), 0);
        let waiting = self.sessions.lookups.range(first..).take_while(|((n, _), _)| **n == **name);
        let wakers: Vec<W> = waiting.map(|(_, waker)| waker.clone()).collect();
        wakers.into_iter().for_each(|waker| self.processes.wake_by(waker));
    }

    /// Waits for room in administrative memory.
    pub fn await_room(&mut self, waker: W) -> NameTicket {
        let ticket = self.next();
        self.sessions.entrants.insert(ticket, waker);
        ticket
    }

    /// Whether nobody else's turn is before that.
    pub(super) fn is_next(&self, ticket: Option<NameTicket>) -> bool {
        self.sessions.entrants.keys().next().is_none_or(|&first| Some(first) == ticket)
    }

    /// Waits for it no longer; whoever is next may find room.
    pub fn forget_room(&mut self, ticket: NameTicket) {
        self.sessions.entrants.remove(&ticket);
        self.tell_entrant();
    }

    /// Room came back: whoever waited longest looks again.
    pub(super) fn tell_entrant(&mut self) {
        if self.sessions.administration.has_room(LEAST)
            && let Some(waker) = self.sessions.entrants.values().next()
        {
            self.processes.wake_by(waker.clone());
        }
    }

    /// Lets `client`'s process watch: the names there are, and from now on who joins and ends.
    /// Unchanged when it fails.
    ///
    /// # Errors
    /// `refused` when the client belongs to none; `busy` when too many watch; `too-large` when
    /// the names have more than `most` bytes, each with what stands before and behind it.
    pub fn watch(&mut self, client: ClientNumber, most: u64) -> Result<Vec<Arc<str>>, Error> {
        let number = self.processes.number_of(client)?;
        let names: Vec<_> =
            self.sessions.administration.entries().map(|(_, e)| e.name.clone()).collect();
        let bytes: usize = names.iter().map(|name| name.len() + AROUND_NAME).sum();
        if bytes as u64 > most {
            let text = "there are more names than can be told here at once; watch by TCP";
            return Err(Error::new(Code::TooLarge, text));
        }
        if !self.sessions.watchers.contains(&number) && self.sessions.watchers.len() >= MAX_WATCHERS
        {
            let text = format!("{MAX_WATCHERS} processes watch already; try again later");
            return Err(Error::new(Code::Busy, text));
        }
        self.sessions.watchers.insert(number);
        if let Some(registered) = self.sessions.registered.get_mut(&number) {
            registered.notices.watch();
        }
        Ok(names)
    }

    /// A process joined: who watches is told.
    pub(super) fn tell_watchers_of(&mut self, name: &Arc<str>, joined: bool) {
        for watcher in self.sessions.watchers.clone() {
            let Some(registered) = self.sessions.registered.get_mut(&watcher) else { continue };
            if joined {
                registered.notices.joined(name);
            } else {
                registered.notices.left(name);
            }
            self.processes.wake(watcher);
        }
    }
}
