//! Sessions: one process opens a session with another, both use it, and each may close its end.
//!
//! ```text
//!   end 0, the opener's │ inbox ◄──────────── send │ end 1, the other's
//!                       │ send ────────────► inbox │
//!
//!                            open   close by 0   receive by 1   receive by 1
//!   end 0                    open   closed       closed
//!   messages for end 1       2      2            1              0
//!   session                  ───────────────────────────────────► gone, its bytes are refunded
//! ```
//!
//! **Invariants** ([`Engine::check`])
//!
//! 1. A session has two open ends; or one, whose inbox is not empty; or it is gone.
//! 2. A process's list of sessions has just those in which its own end is open.
//! 3. A session takes its bytes of administrative memory until it is gone, also after the process
//!    that opened it and pays for it has ended.
//!
//! **Lock** the tables.
//!
//! **Cost** an open takes a few steps in maps. A close takes one more for each message in the
//! closed inbox, and for each notice about a session that the two processes have yet to hear.
//!
//! **Simplified** a session has just two ends. A process that speaks to a group publishes in
//! several sessions.
//!
//! **Source** `interprocess-communication-patent.txt`, paragraphs 27 (a call initiates a session)
//! and 41 (the first message).

use std::collections::VecDeque;

use crate::common::caller::{Caller, ClientNumber};
use crate::common::error::{Code, Error};
use crate::cooperative::process::ProcessNumber;
use crate::sessions::administration::{SESSION, Use};
use crate::sessions::commands::MIN_SESSION;
use crate::sessions::message::{Delivery, MessageId};
use crate::sessions::notice::NoticeNumber;
use crate::sessions::words::{Notice, SessionId, SessionState};
use crate::sessions::{Copying, Engine, RegisteredProcess, no_session};

/// A message in an inbox, and the notice of it. When the message leaves the inbox before the
/// process has heard the notice, the notice is withdrawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Queued {
    pub message: MessageId,
    pub notice: NoticeNumber,
}

/// One end of a session.
#[derive(Debug)]
pub(super) struct SessionEnd {
    /// The process that this end belongs to. It may have ended; the end is closed then.
    pub process: ProcessNumber,
    /// A closed end is never opened again, and its inbox is empty.
    pub is_closed: bool,
    /// The messages that the process has yet to receive, oldest first.
    pub inbox: VecDeque<Queued>,
}

impl SessionEnd {
    fn of(process: ProcessNumber) -> Self {
        Self { process, is_closed: false, inbox: VecDeque::new() }
    }
}

/// A session. The end of the process that opened it is the first.
#[derive(Debug)]
pub(super) struct Session {
    pub ends: [SessionEnd; 2],
    /// The process that is charged for it: the one that opened it. It may have ended.
    pub payer: ProcessNumber,
}

impl Session {
    /// Returns the index of the process's end in `ends`; `None` if that end is closed, or the
    /// process has no end here.
    pub fn side_of(&self, process: ProcessNumber) -> Option<usize> {
        self.ends.iter().position(|end| end.process == process && !end.is_closed)
    }
}

impl<W: Clone> Engine<'_, W> {
    /// Begins a session with the process of that name. If `length` is 0, the session is there at
    /// once. Otherwise also returns the copy that fills the first message: the session is there
    /// when the copy is finished, so the other process never sees this session without its message.
    /// Unchanged when it fails.
    ///
    /// # Errors
    /// `not-found` when there is no such process; `refused` when the client belongs to no process,
    /// names its own process, or its process would exceed its share of administrative memory;
    /// `out-of-memory` when administrative memory or the other process's block has no room.
    pub fn begin_open(
        &mut self,
        client: ClientNumber,
        name: &str,
        length: u64,
    ) -> Result<(SessionId, Option<Copying>), Error> {
        let number = self.processes.number_of(client)?;
        let text = "there is no process of that name; wait for it with lookup NAME MS";
        let other = self.named(name).ok_or_else(|| Error::new(Code::NotFound, text))?;
        if other == number {
            let text = "a session is between two processes; open it with another one's name";
            return Err(Error::new(Code::Refused, text));
        }
        // The session is charged before the copy. Otherwise two opens could both copy a first
        // message while administrative memory has bytes for one session only.
        self.sessions.administration.charge(number, Use::Sessions, SESSION)?;
        let session = self.unused_session();
        if length == 0 {
            self.insert_session(session, number, other);
            return Ok((session, None));
        }
        let begun = self.begin_first(number, other, session, length);
        let begun = begun.inspect_err(|_| self.refund_session(number))?;
        Ok((session, Some(begun)))
    }

    /// Makes an id that no session in the table has. The 122 random bits make a repetition very
    /// unlikely; the loop makes it impossible for the sessions in the table.
    fn unused_session(&mut self) -> SessionId {
        loop {
            let session = self.leases.uuid();
            if !self.sessions.all.contains_key(&session) {
                return session;
            }
        }
    }

    /// Enters a session in the tables, and sends `opened` to the other process. `number` is the
    /// process that opens it. The opener needs no notice, because it gets a reply. Both processes
    /// are registered, so the name in the notice is never empty.
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

    /// Enters the session that process `by` opens, and posts its first message, which is filled
    /// now. Returns 1, the count of sessions that got the message. Each process may have ended
    /// while the bytes were copied. Then the charge for the session is refunded and the message is
    /// freed.
    ///
    /// # Errors
    /// `not-found` when one of the processes has ended.
    pub(super) fn finish_open(
        &mut self,
        session: SessionId,
        by: ProcessNumber,
        other: ProcessNumber,
        message: MessageId,
    ) -> Result<u64, Error> {
        let is_there = |number| self.sessions.registered.get(&number).is_some_and(|p| !p.has_ended);
        if !is_there(by) || !is_there(other) {
            self.refund_session(by);
            self.free(message);
            return Err(no_session());
        }
        self.insert_session(session, by, other);
        Ok(self.post(message, by, &[session]))
    }

    /// Refunds a session to its payer, which may have ended, and wakes the next request that waits
    /// for room to join.
    pub(super) fn refund_session(&mut self, payer: ProcessNumber) {
        self.sessions.administration.refund(payer, Use::Sessions, SESSION);
        self.wake_next_join();
    }

    /// Returns the process of `client`, and the index of its end of a session. Each command that
    /// names a session begins here. A process without an end of the session gets the same answer as
    /// for an id that does not exist, so a client that guesses ids learns nothing.
    ///
    /// # Errors
    /// `refused` when the client belongs to no process; `not-found` when the process has no open
    /// end.
    pub(super) fn own_end(
        &self,
        client: ClientNumber,
        session: SessionId,
    ) -> Result<(ProcessNumber, usize), Error> {
        let number = self.processes.number_of(client)?;
        let side = self.sessions.all.get(&session).and_then(|session| session.side_of(number));
        side.map(|side| (number, side)).ok_or_else(no_session)
    }

    /// Closes the end of `client`'s process.
    ///
    /// # Errors
    /// `refused` when the client belongs to no process; `not-found` when its end is not open.
    pub fn close(&mut self, client: ClientNumber, session: SessionId) -> Result<(), Error> {
        let (number, _) = self.own_end(client, session)?;
        self.close_end(number, session);
        Ok(())
    }

    /// Closes a process's end: throws its inbox away, tells the other end, and removes the session
    /// if it has no more use. Does nothing when the end is closed already.
    pub(super) fn close_end(&mut self, number: ProcessNumber, id: SessionId) {
        let Some(session) = self.sessions.all.get_mut(&id) else { return };
        let Some(side) = session.side_of(number) else { return };
        session.ends[side].is_closed = true;
        let inbox = std::mem::take(&mut session.ends[side].inbox);
        let other = &session.ends[1 - side];
        let (other, is_open, is_empty) = (other.process, !other.is_closed, other.inbox.is_empty());
        for Queued { message, notice } in inbox {
            if let Some(process) = self.sessions.registered.get_mut(&number) {
                process.notices.withdraw(notice);
            }
            self.sessions.counts.lost += 1;
            // If the sender waits for the receipt (`deliver`), `settle` tells it the outcome.
            self.settle(message, Delivery::Lost);
            self.drop_reader(message);
        }
        if let Some(process) = self.sessions.registered.get_mut(&number) {
            process.part_from(id);
            process.notices.forget(id);
        }
        let process = self.sessions.registered.get_mut(&other).filter(|_| is_open);
        match process {
            // The other process has not heard yet that the session was opened, and has nothing to
            // receive: it is told neither `opened` nor `closed`.
            Some(process) if is_empty && process.notices.is_unheard(id) => {
                process.notices.forget(id);
            }
            // Only an inbox keeps the number of a notice. This notice has no message, so its number
            // is dropped.
            Some(_) => drop(self.notify(other, Notice::Closed { session: id })),
            None => {}
        }
        // The other process is woken also without a notice. If the session is removed below, a
        // thread of that process that waits for a message in it fails now.
        self.processes.wake(other);
        self.remove_if_unused(id);
    }

    /// Removes a session that has no more use: at least one end is closed, and an end that is still
    /// open has an empty inbox. Otherwise does nothing. The callers have closed an end, or have
    /// taken a message out of an inbox.
    ///
    /// The process of the open end still hears `lost` and `closed`. But a process that has not yet
    /// heard `opened` hears nothing of the session at all.
    pub(super) fn remove_if_unused(&mut self, id: SessionId) {
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
                    process.notices.end_session(id);
                }
            }
        }
        self.refund_session(session.payer);
    }

    /// Takes an unread message out of its inbox in a session, because the sender withdraws it. Only
    /// `deliver` withdraws, and its message is in one inbox only.
    pub(super) fn take_from_inbox(&mut self, id: SessionId, message: MessageId) {
        let Some(session) = self.sessions.all.get_mut(&id) else { return };
        for end in &mut session.ends {
            let Some(at) = end.inbox.iter().position(|queued| queued.message == message) else {
                continue;
            };
            if let (Some(queued), Some(process)) =
                (end.inbox.remove(at), self.sessions.registered.get_mut(&end.process))
            {
                process.notices.withdraw(queued.notice);
            }
            self.drop_reader(message);
            break;
        }
        self.remove_if_unused(id);
    }

    /// Returns the sessions in which the end of `client`'s process is open. This list tells the
    /// process of all its sessions, so their `opened` notices that still wait are dropped.
    /// Unchanged when it fails.
    ///
    /// # Errors
    /// `refused` when the client belongs to no process; `too-large` when an answer cannot carry the
    /// list.
    pub fn sessions(&mut self, caller: Caller) -> Result<Vec<SessionState>, Error> {
        let number = self.processes.number_of(caller.client)?;
        let Some(process) = self.sessions.registered.get(&number) else { return Ok(Vec::new()) };
        let count = process.sessions.len() as u64;
        // The first two checks need no list. The first one asks whether the connection has reserved
        // memory for the answer; if not, it reserves more and executes the command again. The
        // second one refuses a list that is too long even with empty names. The check behind the
        // list counts its bytes.
        caller.check_room(count * MOST_OF_SESSION)?;
        check_answer(count * MIN_SESSION as u64, caller)?;
        let state = |&id: &SessionId| {
            let session = self.sessions.all.get(&id)?;
            let side = session.side_of(number)?;
            let (own, other) = (&session.ends[side], &session.ends[1 - side]);
            let name = self.sessions.registered.get(&other.process).filter(|_| !other.is_closed);
            let name = name.map_or_else(String::new, |process| process.name.to_string());
            let (inward, outward) = (own.inbox.len() as u64, other.inbox.len() as u64);
            Some(SessionState { session: id, name, inward, outward })
        };
        let states: Vec<SessionState> = process.sessions.iter().filter_map(state).collect();
        let bytes = states.iter().map(|state| MIN_SESSION + state.name.len() + PADDING);
        check_answer(bytes.sum::<usize>() as u64, caller)?;
        if let Some(process) = self.sessions.registered.get_mut(&number) {
            let RegisteredProcess { sessions, notices, .. } = process;
            sessions.iter().for_each(|&session| notices.drop_opened(session));
        }
        Ok(states)
    }
}

/// The most bytes that one session takes in the list, in any format, with some to spare.
const MOST_OF_SESSION: u64 = 128;

/// The most padding behind a name in a frame, in bytes: the number behind the name stands at a
/// multiple of 8.
const PADDING: usize = 7;

/// Checks that an answer can carry a list of so many bytes. The caller checks this before it drops
/// the `opened` notices: if the list were refused after that, the process would never hear of the
/// sessions.
///
/// # Errors
/// `too-large`.
fn check_answer(bytes: u64, caller: Caller) -> Result<(), Error> {
    if bytes <= caller.most_data {
        return Ok(());
    }
    let text = "there are more sessions than an answer can carry here; ask by TCP, or raise \
                --max-message";
    Err(Error::new(Code::TooLarge, text))
}
