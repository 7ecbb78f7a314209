//! The end of a process: it leaves, its last connection ends, or its last client, a sender of
//! datagrams, was silent for too long.
//!
//! | | an end is closed | its process ends |
//! | --- | --- | --- |
//! | messages in its inbox | thrown away | thrown away |
//! | messages that lie in its blocks | can still be received | lost; each receiver hears how many. With `--keep-messages` they can still be received for that time ([`super::keeping`]) |
//! | the other end hears | `closed` | `lost`, if messages in its inbox were lost; then `closed`. With `--keep-messages` it hears `closed` first, and `lost` when the time is over and messages are left |
//!
//! Exception: another process that has not yet heard `opened`, and has no message left to receive,
//! hears nothing.
//!
//! Without `--keep-messages`, the memory of a process that ends goes back as soon as no thread
//! copies in it. The wrong way is to keep it until the messages there are received: a reader that
//! never reads would keep the memory of processes that are long gone.
//!
//! **Invariants** after the end, and after the time for which its messages are kept, no inbox has a
//! message that lies in the process's blocks, and no copy begins there.
//!
//! **Lock** the tables.
//!
//! **Cost** the end of a process with messages in its blocks goes through all sessions of the
//! server and all messages in their inboxes.
//!
//! **Source** `interprocess-communication-patent.txt`, paragraph 20: a process terminates.

use std::time::Instant;

use crate::common::caller::ClientNumber;
use crate::common::error::Error;
use crate::cooperative::process::ProcessNumber;
use crate::sessions::Engine;
use crate::sessions::message::{Delivery, MessageId};
use crate::sessions::words::{Notice, SessionId};

impl<W: Clone> Engine<'_, W> {
    /// Ends `client`'s process, and returns its number and name. The caller gives its blocks back
    /// when no thread copies in them ([`Engine::forget_if_quiet`]).
    ///
    /// # Errors
    /// `refused` when the client belongs to no process.
    pub fn leave(
        &mut self,
        client: ClientNumber,
        now: Instant,
    ) -> Result<(ProcessNumber, String), Error> {
        let (number, name) = self.processes.leave(client, now)?;
        self.forget_process(number, now);
        Ok((number, name))
    }

    /// Unregisters a connection that has ended. If it was its process's last client, ends the
    /// process too and returns it.
    pub fn disconnect(&mut self, client: ClientNumber, now: Instant) -> Option<ProcessNumber> {
        let number = self.processes.disconnect(client, now)?;
        self.forget_process(number, now);
        Some(number)
    }

    /// Unregisters a client without a connection, if it was silent for too long. If it was its
    /// process's last client, ends the process too and returns it.
    pub fn end_silent(&mut self, client: ClientNumber, now: Instant) -> Option<ProcessNumber> {
        let number = self.processes.end_silent(client, now)?;
        self.forget_process(number, now);
        Some(number)
    }

    /// Removes a process that has ended from all sessions, queues and lists of the engine. It is
    /// called for each kind of end: `leave`, a connection that ends, and silence.
    ///
    /// The duplicate of its entry stays, with `has_ended` set, because threads may still copy in
    /// its blocks.
    fn forget_process(&mut self, number: ProcessNumber, now: Instant) {
        let Some(process) = self.sessions.registered.get_mut(&number) else { return };
        // The mark is set first, so that the steps below send no notices to the process that is
        // gone.
        process.has_ended = true;
        let (name, joined) = (process.name.clone(), process.joined);
        let sessions = std::mem::take(&mut process.sessions);
        let values = std::mem::take(&mut process.values);
        self.sessions.changes.forget(number);
        self.sessions.grown.remove(&number);
        self.sessions.waiting_for_memory.retain(|&waiting| waiting != number);
        self.sessions.deliveries.retain(|_, (by, _)| *by != number);
        // The names go. A value that nobody else reads is freed now.
        values.into_values().for_each(|value| self.drop_own_reader(value));
        // The messages are lost before the ends are closed, so the others hear `lost` before
        // `closed`. Messages that are kept are not lost now: `closed` is heard first, and `lost`
        // when their time is over.
        let keeps = !self.sessions.keep.is_zero();
        if !keeps {
            self.lose_messages(number);
        }
        sessions.into_iter().for_each(|session| self.close_end(number, session));
        if keeps && !self.keep(number, now) {
            self.lose_messages(number);
        }
        self.sessions.administration.remove(number);
        self.wake_copies(number);
        self.tell_watchers_of_the_end(name, joined);
        self.wake_next_join();
    }

    /// Frees the messages that lie in the blocks of a process that ends. Sends `lost` with their
    /// count for each inbox of another process that had some of them. Removes sessions that are of
    /// no more use.
    pub(super) fn lose_messages(&mut self, number: ProcessNumber) {
        let lost: Vec<MessageId> = self.sessions.messages_of(number).map(|(&id, _)| id).collect();
        if lost.is_empty() {
            return;
        }
        let mut told = self.take_out_of_inboxes(number);
        for id in lost {
            self.settle(id, Delivery::Lost);
            self.free(id);
        }
        // The notices go out in the order in which the messages were sent, so that each run is the
        // same: the order of a hash map changes from run to run.
        told.sort_unstable_by_key(|&(first, ..)| first);
        for (_, process, session, count) in told {
            self.sessions.counts.lost += count;
            // The process itself may have first messages in its own inboxes; it hears nothing more.
            if process != number {
                self.notify(process, Notice::Lost { session, count });
            }
            self.remove_if_unused(session);
        }
    }

    /// Takes the messages in the blocks of a process out of all inboxes. Returns a row for each
    /// inbox that had some: the oldest of these messages, the inbox's process and session, and the
    /// count of these messages. Cost: all sessions and all their messages.
    fn take_out_of_inboxes(
        &mut self,
        number: ProcessNumber,
    ) -> Vec<(MessageId, ProcessNumber, SessionId, u64)> {
        let mut told = Vec::new();
        for (&id, session) in &mut self.sessions.all {
            for end in &mut session.ends {
                let mut gone = Vec::new();
                end.inbox.retain(|queued| {
                    let is_lost = queued.message.0 == number;
                    if is_lost {
                        gone.push(*queued);
                    }
                    !is_lost
                });
                let Some(first) = gone.first() else { continue };
                if let Some(process) = self.sessions.registered.get_mut(&end.process) {
                    gone.iter().for_each(|queued| process.notices.withdraw(queued.notice));
                }
                told.push((first.message, end.process, id, gone.len() as u64));
            }
        }
        told
    }

    /// Wakes the threads that wait for a seat at the blocks of a process that ended. They look
    /// again. If the messages of that process are not kept, their copies fail.
    pub(super) fn wake_copies(&mut self, number: ProcessNumber) {
        let blocks =
            self.sessions.registered.get(&number).into_iter().flat_map(|process| &process.blocks);
        let seats = blocks.flat_map(|block| block.seats());
        let copies: Vec<_> = seats.flat_map(|seat| seat.copies()).collect();
        for copy in copies {
            let by = self.sessions.copies.get(&copy).map(|copy| copy.by);
            by.into_iter().for_each(|by| self.processes.wake(by));
        }
    }

    /// Removes the engine's duplicate of a process that has ended, if no thread copies in its
    /// blocks. Returns true when there is no duplicate now: the blocks can be given back. The
    /// caller calls again until it gets true, so the memory goes back after the last copy in it.
    pub fn forget_if_quiet(&mut self, number: ProcessNumber) -> bool {
        let Some(process) = self.sessions.registered.get(&number) else { return true };
        let mut seats = process.blocks.iter().flat_map(|block| block.seats());
        if !process.has_ended || self.is_kept(number) || !seats.all(|seat| seat.is_empty()) {
            return false;
        }
        self.sessions.registered.remove(&number);
        true
    }
}
