//! `--keep-messages`: messages outlive their sender's process for some time.
//!
//! ```text
//!   the process ends ─┬─ no message of its blocks waits in an inbox ─► its memory goes back
//!                     └─ some do: kept ─┬─ the last one was received ─► its memory goes back
//!                                       └─ the time is over ─► lost   ─► its memory goes back
//! ```
//!
//! A message lies in its sender's block. So the engine keeps the blocks of a process that has
//! ended, as long as others can receive what lies there, and no longer than the server's time. The
//! name is free at once, and another process may join with it.
//!
//! Without a time, one reader that never reads would keep the memory of an ended process for ever.
//! So nothing is kept by default.
//!
//! **Invariants** a kept process has ended. Either some message in its blocks still has a reader,
//! or its memory is about to be given back.
//!
//! **Lock** the tables. The reaper gives the memory back: it is woken when the last message was
//! freed, or when the time is over.
//!
//! **Simplified** all blocks of the process are kept, also those without a message. No bound is on
//! one client: it can join, send a byte and leave again and again, until the arena is full of kept
//! blocks for that time.
//!
//! **Source** `interprocess-communication-patent.txt`, paragraph 7: data should persist after the
//! processes that took part have terminated.

use std::time::Instant;

use crate::cooperative::process::ProcessNumber;
use crate::sessions::Engine;
use crate::sessions::message::MessageId;

/// A process that has ended and whose messages are kept.
#[derive(Debug)]
pub(super) struct Kept {
    /// The time of its end.
    since: Instant,
    /// The time at which what was not received is lost.
    until: Instant,
}

impl<H: Clone, W: Clone> Engine<'_, H, W> {
    /// Keeps the messages in the blocks of a process that ends at `now` and whose ends are closed,
    /// if the server keeps messages and others have some of them to receive. Frees those that
    /// nobody can receive. Returns false, and frees nothing, if there are none to keep.
    pub(super) fn keep(&mut self, number: ProcessNumber, now: Instant) -> bool {
        let Some(until) = now.checked_add(self.sessions.keep).filter(|&until| until > now) else {
            return false;
        };
        let own = || self.sessions.messages.range((number, 0)..=(number, u64::MAX));
        if own().all(|(_, message)| message.readers == 0) {
            return false;
        }
        // Messages without a reader are being filled, and their sessions are closed.
        let filled = own().filter(|(_, message)| message.readers == 0);
        let filled: Vec<MessageId> = filled.map(|(&id, _)| id).collect();
        filled.into_iter().for_each(|id| self.free(id));
        self.sessions.kept.insert(number, Kept { since: now, until });
        self.leases.look_by(until);
        true
    }

    /// Returns whether the messages of a process that has ended are kept. Then its memory must not
    /// be given back yet.
    pub fn is_kept(&self, number: ProcessNumber) -> bool {
        self.sessions.kept.contains_key(&number)
    }

    /// Called when a message of a process was freed: if it was the last one that is kept, lets the
    /// reaper look at once.
    pub(super) fn note_kept(&mut self, owner: ProcessNumber) {
        if let Some(kept) = self.sessions.kept.get(&owner)
            && self.has_no_message(owner)
        {
            self.leases.look_by(kept.since);
        }
    }

    /// Stops keeping a process whose last message was received, or whose time is over. Messages
    /// that were not received are then lost. Returns the process; the caller gives its memory back,
    /// and calls again until there is none: thousands may be over at the same time, and each costs
    /// a walk through all sessions.
    pub fn next_kept_long_enough(&mut self, now: Instant) -> Option<ProcessNumber> {
        let is_over = |(number, kept): &(&ProcessNumber, &Kept)| {
            kept.until <= now || self.has_no_message(**number)
        };
        let Some((&number, _)) = self.sessions.kept.iter().find(is_over) else {
            // The reaper has looked; it looks again when the next time is over.
            if let Some(next) = self.sessions.kept.values().map(|kept| kept.until).min() {
                self.leases.look_by(next);
            }
            return None;
        };
        self.sessions.kept.remove(&number);
        self.lose_messages(number);
        self.wake_copies(number);
        Some(number)
    }

    fn has_no_message(&self, number: ProcessNumber) -> bool {
        self.sessions.messages.range((number, 0)..=(number, u64::MAX)).next().is_none()
    }
}
