//! `--keep-messages`: messages outlive their sender's process for some time.
//!
//! ```text
//!   a process ends ─┬─ no message in its blocks has a reader ───────► its memory goes back
//!                   └─ some have: kept ─┬─ the last one was freed ──► its memory goes back
//!                                       └─ the time is over ─► lost ─► its memory goes back
//! ```
//!
//! A message lies in its sender's block. So the engine keeps the blocks of a process that has
//! ended, as long as other processes can receive messages from them, and for at most the time of
//! `--keep-messages`. The name of the process is free at once, and another process may join with
//! it.
//!
//! Without a time, one reader that never reads would keep the memory of an ended process for ever.
//! So nothing is kept by default.
//!
//! **Invariants** a kept process has ended. Either some message in its blocks still has a reader,
//! or its memory is about to be given back.
//!
//! **Lock** the tables. The reaper gives the memory back. It is woken when the last message is
//! freed, or when the time is over.
//!
//! **Simplified** all blocks of the process are kept, also those without a message. There is no
//! bound for one client: it can join, send a byte and leave, again and again, until kept blocks
//! fill the arena. They fill it until their times are over.
//!
//! **Source** `interprocess-communication-patent.txt`, paragraph 7: data should persist after the
//! processes that took part have terminated.

use std::time::Instant;

use crate::cooperative::process::ProcessNumber;
use crate::sessions::Engine;
use crate::sessions::message::MessageId;

impl<W: Clone> Engine<'_, W> {
    /// Keeps the messages in the blocks of a process that terminates at `now`. All sessions of the
    /// process are closed at its side already. Frees the messages without a reader, because nobody
    /// can receive them. Returns false, and frees nothing, if the server does not keep messages, or
    /// no message has a reader.
    pub(super) fn keep(&mut self, number: ProcessNumber, now: Instant) -> bool {
        // If the server does not keep messages, the time is 0 and `until` would be `now`.
        let Some(until) = now.checked_add(self.sessions.keep).filter(|&until| until > now) else {
            return false;
        };
        let own = || self.sessions.messages_of(number);
        if own().all(|(_, message)| message.readers == 0) {
            return false;
        }
        // A message or value without a reader is still being filled, and is in no inbox yet. This
        // process is its sender or its receiver, and has ended, so nobody can ever receive it. The
        // copy that fills it may go on: no other message gets these bytes, because no sub-block is
        // taken any more in the blocks of this process.
        let unpublished = own().filter(|(_, message)| message.readers == 0);
        let unpublished: Vec<MessageId> = unpublished.map(|(&id, _)| id).collect();
        unpublished.into_iter().for_each(|id| self.free(id));
        self.sessions.kept.insert(number, until);
        // The reaper wakes at that time, and then calls `next_kept_long_enough`.
        self.leases.plan_look_by(until);
        true
    }

    /// Returns whether the messages of a process that has ended are kept. Then its memory must not
    /// be given back yet.
    pub fn is_kept(&self, number: ProcessNumber) -> bool {
        self.sessions.kept.contains_key(&number)
    }

    /// Ends the time of the process `owner` and wakes the reaper, if the process is kept and has no
    /// message any more. `free` calls this after it has removed a message.
    pub(super) fn note_kept(&mut self, owner: ProcessNumber) {
        if self.is_kept(owner)
            && self.sessions.messages_of(owner).next().is_none()
            && let Some(until) = self.sessions.kept.get_mut(&owner)
        {
            // `keep` was added to the time at which the process ended. So the result is that time:
            // it has passed, and the reaper wakes at once.
            *until -= self.sessions.keep;
            self.leases.plan_look_by(*until);
        }
    }

    /// Stops keeping one process, whose last message was freed or whose time is over. Its messages
    /// that were not received are lost now. Returns the process, and the caller gives its memory
    /// back. The caller calls again, under a new hold of the lock, until it gets `None`: the time
    /// of thousands of processes may be over at once, and each costs a walk through all sessions.
    pub fn next_kept_long_enough(&mut self, now: Instant) -> Option<ProcessNumber> {
        let is_over = |(_, until): &(&ProcessNumber, &Instant)| **until <= now;
        let Some((&number, _)) = self.sessions.kept.iter().find(is_over) else {
            // The reaper's present look has used up the plan, so the next look is planned here.
            if let Some(&next) = self.sessions.kept.values().min() {
                self.leases.plan_look_by(next);
            }
            return None;
        };
        self.sessions.kept.remove(&number);
        self.lose_messages(number);
        // Copies that wait for a seat in these blocks fail now: the memory is given back next.
        self.wake_copies(number);
        Some(number)
    }
}
