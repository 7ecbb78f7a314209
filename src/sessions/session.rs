//! Sessions: opened by one, known to two, closed by either, ended with each.
//!
//! ```text
//!   end 0 │ inbox ◄──────────── send │ end 1         each end has what it is yet to receive
//!         │ send ────────────► inbox │
//! ```
//!
//! A closed end's inbox is thrown away; what the other end has in its own can still be received,
//! and then the session is gone. What lay in the block of a process that *ends* is lost, and
//! who would have received it is told how much: its memory goes back at once, which a reader that never reads could
//! otherwise prevent.
//!
//! **Invariants** a session has an open end, or two, or is gone; one with a single open end has
//! something in its inbox.
//!
//! **Lock** the tables. **Source** `interprocess-communication-patent.txt`, paragraphs 20, 27
//! and 41.

use std::collections::VecDeque;
use std::time::Instant;

use crate::common::caller::ClientNumber;
use crate::common::error::{Code, Error};
use crate::cooperative::process::ProcessNumber;
use crate::sessions::administration::{SESSION, Use};
use crate::sessions::message::{Delivery, MessageId};
use crate::sessions::notice::NoticeNumber;
use crate::sessions::receipt::Finished;
use crate::sessions::words::{Notice, SessionId, SessionState};
use crate::sessions::{Copying, Engine, RegisteredProcess, no_session};

/// A message in an inbox, and the notice that says so.
#[derive(Debug, Clone, Copy)]
pub(super) struct Queued {
    pub message: MessageId,
    pub notice: NoticeNumber,
}

/// One end.
#[derive(Debug)]
pub(super) struct SessionEnd {
    pub process: ProcessNumber,
    pub is_closed: bool,
    pub inbox: VecDeque<Queued>,
}

impl SessionEnd {
    fn of(process: ProcessNumber) -> Self {
        Self { process, is_closed: false, inbox: VecDeque::new() }
    }
}

/// A session: its opener's end is the first.
#[derive(Debug)]
pub(super) struct Session {
    pub ends: [SessionEnd; 2],
    /// Who pays for it.
    pub payer: ProcessNumber,
}

impl Session {
    /// Which end a process has, if it is open.
    pub fn side_of(&self, process: ProcessNumber) -> Option<usize> {
        self.ends.iter().position(|end| end.process == process && !end.is_closed)
    }
}

impl<H: Clone, W: Clone> Engine<'_, H, W> {
    /// Begins a session with the process of that name: at once without a first message, or else
    /// by a copy. Unchanged when it fails.
    ///
    /// # Errors
    /// `not-found`, `refused` with oneself or beyond the share; of the first message those of
    /// the other's block.
    pub fn begin_open(
        &mut self,
        client: ClientNumber,
        name: &str,
        length: u64,
    ) -> Result<Result<SessionId, Copying<H>>, Error> {
        let number = self.processes.number_of(client)?;
        let text = "there is no process of that name; wait for it with lookup NAME MS";
        let other = self.named(name).ok_or_else(|| Error::new(Code::NotFound, text))?;
        if other == number {
            let text = "a session is between two processes; open it with another one's name";
            return Err(Error::new(Code::Refused, text));
        }
        self.charge_session(number)?;
        let session = self.unused_session();
        if length == 0 {
            self.insert_session(session, number, other);
            return Ok(Ok(session));
        }
        let begun = self.begin_first(number, other, session, length);
        begun.map(Err).inspect_err(|_| self.refund_session(number))
    }

    fn unused_session(&mut self) -> SessionId {
        loop {
            let session = self.leases.uuid();
            if !self.sessions.all.contains_key(&session) {
                return session;
            }
        }
    }

    fn insert_session(&mut self, id: SessionId, number: ProcessNumber, other: ProcessNumber) {
        let name =
            self.sessions.registered.get(&number).map_or_else(String::new, |p| p.name.to_string());
        self.notify(other, Notice::Opened { session: id, name });
        let session = Session { ends: [number, other].map(SessionEnd::of), payer: number };
        self.sessions.all.insert(id, session);
        for process in [number, other] {
            if let Some(process) = self.sessions.registered.get_mut(&process) {
                process.sessions.insert(id);
            }
        }
    }

    /// The first message is filled: the session is there, with it.
    pub(super) fn opened(
        &mut self,
        session: SessionId,
        by: ProcessNumber,
        other: ProcessNumber,
        message: MessageId,
    ) -> Result<Finished, Error> {
        let is_there = |number| self.sessions.registered.get(&number).is_some_and(|p| !p.is_gone);
        if !is_there(by) || !is_there(other) {
            self.refund_session(by);
            self.free(message);
            return Err(no_session());
        }
        self.insert_session(session, by, other);
        self.post(message, by, &[session]);
        Ok(Finished::Opened(session))
    }

    pub(super) fn refund_session(&mut self, payer: ProcessNumber) {
        self.sessions.administration.refund(payer, Use::Sessions, SESSION);
        self.tell_entrant();
    }

    /// The process of `client`, and its end of a session.
    ///
    /// # Errors
    /// `refused` when it belongs to none; `not-found` when that is not party to the session.
    pub(super) fn party(
        &self,
        client: ClientNumber,
        session: SessionId,
    ) -> Result<(ProcessNumber, usize), Error> {
        let number = self.processes.number_of(client)?;
        let side = self.sessions.all.get(&session).and_then(|session| session.side_of(number));
        side.map(|side| (number, side)).ok_or_else(no_session)
    }

    /// Closes one's end of a session.
    ///
    /// # Errors
    /// `not-found`.
    pub fn close(&mut self, client: ClientNumber, session: SessionId) -> Result<(), Error> {
        let (number, _) = self.party(client, session)?;
        self.close_end(number, session);
        Ok(())
    }

    /// Closes a process's end: its inbox is thrown away, the other end told.
    fn close_end(&mut self, number: ProcessNumber, id: SessionId) {
        let Some(session) = self.sessions.all.get_mut(&id) else { return };
        let Some(side) = session.side_of(number) else { return };
        session.ends[side].is_closed = true;
        let inbox = std::mem::take(&mut session.ends[side].inbox);
        let other = &session.ends[1 - side];
        let (other, is_open, is_empty) = (other.process, !other.is_closed, other.inbox.is_empty());
        for Queued { message, notice } in inbox {
            if let Some(process) = self.sessions.registered.get_mut(&number) {
                process.notices.take_back(notice);
            }
            self.sessions.counts.lost += 1;
            self.settle(message, Delivery::Lost);
            self.read(message);
        }
        if let Some(process) = self.sessions.registered.get_mut(&number) {
            process.part_from(id);
            process.notices.forget(id);
        }
        let process = self.sessions.registered.get_mut(&other).filter(|_| is_open);
        match process {
            // Who has not heard of it, and has nothing to receive, need not.
            Some(process) if is_empty && process.notices.is_unheard(id) => {
                process.notices.forget(id);
            }
            Some(_) => drop(self.notify(other, Notice::Closed { session: id })),
            None => {}
        }
        // Also who was not told may wait for a message.
        self.processes.wake(other);
        self.tidy(id);
    }

    /// A session that nobody can use any more is gone.
    pub(super) fn tidy(&mut self, id: SessionId) {
        let Some(session) = self.sessions.all.get(&id) else { return };
        let is_done = |end: &SessionEnd| end.is_closed || end.inbox.is_empty();
        let has_closed = session.ends.iter().any(|end| end.is_closed);
        if !has_closed || !session.ends.iter().all(is_done) {
            return;
        }
        let Some(session) = self.sessions.all.remove(&id) else { return };
        for end in &session.ends {
            let process = self.sessions.registered.get_mut(&end.process).filter(|_| !end.is_closed);
            if let Some(process) = process {
                process.part_from(id);
                if process.notices.is_unheard(id) {
                    process.notices.forget(id);
                } else {
                    process.notices.is_over(id);
                }
            }
        }
        self.refund_session(session.payer);
    }

    /// Takes a message out of a session's inboxes, unread.
    pub(super) fn take_from_inboxes(&mut self, id: SessionId, message: MessageId) {
        let Some(session) = self.sessions.all.get_mut(&id) else { return };
        for end in &mut session.ends {
            let Some(at) = end.inbox.iter().position(|queued| queued.message == message) else {
                continue;
            };
            if let (Some(queued), Some(process)) =
                (end.inbox.remove(at), self.sessions.registered.get_mut(&end.process))
            {
                process.notices.take_back(queued.notice);
            }
            self.read(message);
            break;
        }
        self.tidy(id);
    }

    /// The sessions of `client`'s process.
    ///
    /// # Errors
    /// `refused` when it belongs to none.
    pub fn sessions(&mut self, client: ClientNumber) -> Result<Vec<SessionState>, Error> {
        let number = self.processes.number_of(client)?;
        if let Some(process) = self.sessions.registered.get_mut(&number) {
            let RegisteredProcess { sessions, notices, .. } = process;
            sessions.iter().for_each(|&session| notices.know(session));
        }
        let ids =
            self.sessions.registered.get(&number).into_iter().flat_map(|process| &process.sessions);
        let state = |&id: &SessionId| {
            let session = self.sessions.all.get(&id)?;
            let side = session.side_of(number)?;
            let (own, other) = (&session.ends[side], &session.ends[1 - side]);
            let name = self.sessions.registered.get(&other.process).filter(|_| !other.is_closed);
            let name = name.map_or_else(String::new, |process| process.name.to_string());
            let (inward, outward) = (own.inbox.len() as u64, other.inbox.len() as u64);
            Some(SessionState { session: id, name, inward, outward })
        };
        Ok(ids.filter_map(state).collect())
    }

    /// Ends `client`'s process. Its blocks are to be given back when they are quiet. Answers
    /// which one, and its name.
    ///
    /// # Errors
    /// `refused` when it belongs to none.
    pub fn leave(
        &mut self,
        client: ClientNumber,
        now: Instant,
    ) -> Result<(ProcessNumber, String), Error> {
        let (number, name) = self.processes.leave(client, now)?;
        self.ended(number);
        Ok((number, name))
    }

    /// A connection has ended. Answers the process that ended with it.
    pub fn disconnect(&mut self, client: ClientNumber, now: Instant) -> Option<ProcessNumber> {
        let number = self.processes.disconnect(client, now)?;
        self.ended(number);
        Some(number)
    }

    /// Ends the part of clients that were silent for too long. Answers the processes that ended
    /// with their last one.
    pub fn end_silent(&mut self, now: Instant) -> Vec<ProcessNumber> {
        let ended = self.processes.end_silent(now);
        ended.iter().for_each(|&number| self.ended(number));
        ended
    }

    /// The one way on which a process's sessions and messages end, however that came.
    fn ended(&mut self, number: ProcessNumber) {
        let Some(process) = self.sessions.registered.get_mut(&number) else { return };
        process.is_gone = true;
        let (name, sessions) = (process.name.clone(), process.sessions.clone());
        self.sessions.watchers.remove(&number);
        self.sessions.grown.remove(&number);
        self.sessions.wanting.retain(|&wanting| wanting != number);
        self.sessions.deliveries.retain(|_, (by, _)| *by != number);
        self.lose_messages(number);
        sessions.into_iter().for_each(|session| self.close_end(number, session));
        self.sessions.administration.remove(number);
        self.wake_copies(number);
        self.tell_watchers_of(&name, false);
        self.tell_entrant();
    }

    /// What lies in the blocks of a process that ends is lost; who would have received it is
    /// told.
    fn lose_messages(&mut self, number: ProcessNumber) {
        let lost: Vec<MessageId> = self
            .sessions
            .messages
            .range((number, 0)..=(number, u64::MAX))
            .map(|(&id, _)| id)
            .collect();
        if lost.is_empty() {
            return;
        }
        let mut told = self.take_out_of_inboxes(number);
        for id in lost {
            self.settle(id, Delivery::Lost);
            self.free(id);
        }
        // In the order in which they were sent.
        told.sort_unstable_by_key(|&(first, ..)| first);
        for (_, process, session, count) in told {
            self.sessions.counts.lost += count;
            if process != number {
                self.notify(process, Notice::Lost { session, count });
            }
            self.tidy(session);
        }
    }

    /// Takes the messages in the blocks of a process out of all inboxes. Returns for each inbox
    /// the first of them, the inbox's process and session, and their count.
    fn take_out_of_inboxes(
        &mut self,
        number: ProcessNumber,
    ) -> Vec<(MessageId, ProcessNumber, SessionId, u64)> {
        let owned = |id: &MessageId| id.0 == number;
        let mut told = Vec::new();
        for (&id, session) in &mut self.sessions.all {
            for end in &mut session.ends {
                let before = end.inbox.len();
                let first = end.inbox.iter().map(|queued| queued.message).find(owned);
                let process = self.sessions.registered.get_mut(&end.process);
                let notices = process.map(|process| &mut process.notices);
                if let Some(notices) = notices {
                    for gone in end.inbox.iter().filter(|queued| owned(&queued.message)) {
                        notices.take_back(gone.notice);
                    }
                }
                end.inbox.retain(|queued| !owned(&queued.message));
                if let Some(first) = first {
                    told.push((first, end.process, id, (before - end.inbox.len()) as u64));
                }
            }
        }
        told
    }

    /// Those who wait for a seat at the blocks of a process that ended wait in vain.
    fn wake_copies(&mut self, number: ProcessNumber) {
        let blocks =
            self.sessions.registered.get(&number).into_iter().flat_map(|process| &process.blocks);
        let seats = blocks.flat_map(|block| block.seats());
        let copies: Vec<_> = seats.flat_map(|seat| seat.copies()).collect();
        for copy in copies {
            let by = self.sessions.copies.get(&copy).map(|copy| copy.by);
            by.into_iter().for_each(|by| self.processes.wake(by));
        }
    }

    /// Whether nobody copies in the blocks of a process that has ended, which are then no longer
    /// the engine's; asked until it is so.
    pub fn is_quiet(&mut self, number: ProcessNumber) -> bool {
        let Some(process) = self.sessions.registered.get(&number) else { return true };
        let mut seats = process.blocks.iter().flat_map(|block| block.seats());
        if !process.is_gone || !seats.all(|seat| seat.is_empty()) {
            return false;
        }
        self.sessions.registered.remove(&number);
        true
    }
}
