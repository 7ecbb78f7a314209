//! Communication, second half: from a message's location to its bytes, and handing it on.
//!
//! ```text
//!   518 load the location ─ 520 map the address ─ 522 copy ─ 524 release the sub-block
//!    └─ forward: the location goes to another inbox; nothing is mapped, nothing is copied
//! ```
//!
//! **Invariants** a copy has a seat at the block, or waits for one; a message that is read is
//! not freed.
//!
//! **Lock** the tables. **Source** `interprocess-communication-patent.txt`, figure 5, steps 518
//! to 526, and paragraph 8: no bytes move when a message is redirected.

use std::ops::Range;

use crate::common::caller::ClientNumber;
use crate::common::error::{Code, Error};
use crate::common::marks::mark;
use crate::cooperative::process::ProcessNumber;
use crate::sessions::message::{Delivery, MessageId};
use crate::sessions::seat::Side;
use crate::sessions::words::SessionId;
use crate::sessions::{Copying, Engine, no_session};

/// One copy under way: counted from 1, never reused.
pub type CopyNumber = u64;

/// A copy under way, or one that waits for its seat.
#[derive(Debug)]
pub(super) struct Copy {
    /// For whom.
    pub by: ProcessNumber,
    pub side: Side,
    pub message: MessageId,
    pub block: usize,
    pub purpose: Purpose,
}

impl Copy {
    /// Whether a session comes of it.
    pub fn opens(&self) -> bool {
        matches!(self.purpose, Purpose::Open { .. })
    }
}

/// What is done when it is finished.
#[derive(Debug)]
pub(super) enum Purpose {
    Open { session: SessionId, other: ProcessNumber },
    Send { session: SessionId, is_awaited: bool },
    Publish { sessions: Vec<SessionId> },
    Receive { session: SessionId },
    Peek { session: SessionId },
}

impl Purpose {
    /// Whether what is read is taken.
    pub fn receives(&self) -> bool {
        matches!(self, Purpose::Receive { .. })
    }

    /// Whether it reads what is there, and does not fill it.
    pub fn reads(&self) -> bool {
        matches!(self, Purpose::Receive { .. } | Purpose::Peek { .. })
    }
}

/// What came of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finished {
    /// A session was opened, and its first message is there.
    Opened(SessionId),
    /// A message was sent.
    Sent {
        /// The session.
        session: SessionId,
        /// Its bytes.
        length: u64,
        /// Which one.
        message: MessageId,
    },
    /// A message was sent in several sessions.
    Published {
        /// In how many.
        count: u64,
        /// Its bytes.
        length: u64,
    },
    /// What was copied is for the client.
    Read(SessionId),
}

fn message_lost() -> Error {
    let text =
        "the message was lost: the process in whose block it lay has ended; go on with the next";
    Error::new(Code::NotFound, text)
}

impl<H: Clone, W: Clone> Engine<'_, H, W> {
    /// Takes the oldest message of a session, to be copied; `None` when there is none.
    /// Unchanged when it fails.
    ///
    /// # Errors
    /// `not-found`; `too-large` when it has more than `most` bytes.
    pub fn begin_receive(
        &mut self,
        client: ClientNumber,
        session: SessionId,
        most: u64,
    ) -> Result<Option<Copying<H>>, Error> {
        let Some((number, message, length)) = self.oldest(client, session)? else {
            return Ok(None);
        };
        if length > most {
            return Err(too_long(length, most));
        }
        mark!(steps 518);
        let side = if message.0 == number { Side::Owner } else { Side::Engine };
        let begun =
            self.begin_copy(number, side, message, 0..length, Purpose::Receive { session })?;
        self.take_oldest(number, session);
        // From here on nobody else can have it, and it cannot be taken back.
        self.settle(message, Delivery::Received);
        self.tidy(session);
        Ok(Some(begun))
    }

    /// Looks at a part of the oldest message of a session; `None` when there is none. What lies
    /// behind the message's end is left out.
    ///
    /// # Errors
    /// `not-found`; `too-large` for a part of more than `most` bytes.
    pub fn begin_peek(
        &mut self,
        client: ClientNumber,
        session: SessionId,
        part: (u64, u64),
        most: u64,
    ) -> Result<Option<Copying<H>>, Error> {
        let Some((number, id, length)) = self.oldest(client, session)? else {
            return Ok(None);
        };
        let from = part.0.min(length);
        let to = from.saturating_add(part.1).min(length);
        if to - from > most {
            return Err(too_long(to - from, most));
        }
        mark!(steps 518);
        let side = if id.0 == number { Side::Owner } else { Side::Engine };
        let begun = self.begin_copy(number, side, id, from..to, Purpose::Peek { session })?;
        if let Some(message) = self.sessions.messages.get_mut(&id) {
            message.readers += 1;
        }
        Ok(Some(begun))
    }

    /// Whether `client`'s process could receive something.
    pub fn has_message(&self, client: ClientNumber, session: SessionId) -> bool {
        matches!(self.oldest(client, session), Ok(Some(_)))
    }

    /// Who asks, and the oldest message that it could receive, with its bytes.
    fn oldest(
        &self,
        client: ClientNumber,
        session: SessionId,
    ) -> Result<Option<(ProcessNumber, MessageId, u64)>, Error> {
        let (number, side) = self.party(client, session)?;
        let inbox = self.sessions.all.get(&session).map(|session| &session.ends[side].inbox);
        let Some(queued) = inbox.and_then(|inbox| inbox.front()) else { return Ok(None) };
        let message = self.sessions.messages.get(&queued.message).ok_or_else(no_session)?;
        Ok(Some((number, queued.message, message.length)))
    }

    /// Takes the oldest message out of a process's inbox, with its notice.
    fn take_oldest(&mut self, number: ProcessNumber, session: SessionId) {
        let Some(found) = self.sessions.all.get_mut(&session) else { return };
        let Some(side) = found.side_of(number) else { return };
        if let (Some(queued), Some(process)) =
            (found.ends[side].inbox.pop_front(), self.sessions.registered.get_mut(&number))
        {
            process.notices.take_back(queued.notice);
            process.notices.know(session);
        }
    }

    /// Steps 518 and 520, and the seat for 512 or 522.
    pub(super) fn begin_copy(
        &mut self,
        by: ProcessNumber,
        side: Side,
        message: MessageId,
        part: Range<u64>,
        purpose: Purpose,
    ) -> Result<Copying<H>, Error> {
        let number = self.next();
        if purpose.reads() {
            mark!(steps 520);
        }
        let found = self.sessions.messages.get(&message).ok_or_else(no_session)?;
        let (index, length) = (found.block, part.end - part.start);
        let address = found.address + part.start;
        let process = self.sessions.registered.get_mut(&message.0).ok_or_else(no_session)?;
        let block = process.blocks.get_mut(index).ok_or_else(no_session)?;
        let place = block.map(address, length).ok_or_else(no_session)?;
        let is_seated = block.seat(side).ask(number);
        self.sessions.copies.insert(number, Copy { by, side, message, block: index, purpose });
        Ok(Copying { number, place, length, is_seated })
    }

    /// Whether a copy has its seat; `None` when the block has gone meanwhile.
    pub fn is_seated(&mut self, number: CopyNumber) -> Option<bool> {
        let Copy { side, message, block, .. } = self.sessions.copies.get(&number)?;
        let process =
            self.sessions.registered.get_mut(&message.0).filter(|process| !process.is_gone)?;
        Some(process.blocks.get_mut(*block)?.seat(*side).is_taken_by(number))
    }

    /// A copy was made, or was not: the seat is left, and what it was for is done.
    ///
    /// # Errors
    /// `not-found` when its session, or a process, ended meanwhile, or it was not made.
    pub fn finish(&mut self, number: CopyNumber, is_made: bool) -> Result<Finished, Error> {
        let copy = self.sessions.copies.remove(&number).ok_or_else(no_session)?;
        self.leave_seat(number, &copy);
        let Copy { by, message: id, purpose, .. } = copy;
        let Some(message) = self.sessions.messages.get(&id) else {
            self.abandon(by, &purpose);
            self.sessions.counts.lost += u64::from(purpose.receives());
            return Err(if purpose.reads() { message_lost() } else { no_session() });
        };
        let length = message.length;
        if !is_made {
            self.abandon(by, &purpose);
            if purpose.reads() {
                self.read(id)
            } else {
                self.free(id)
            }
            return Err(message_lost());
        }
        match purpose {
            Purpose::Open { session, other } => self.opened(session, by, other, id),
            Purpose::Send { session, is_awaited } => self.sent(id, by, session, is_awaited),
            Purpose::Publish { sessions } => match self.post(id, by, &sessions) {
                0 => Err(no_session()),
                count => Ok(Finished::Published { count, length }),
            },
            Purpose::Receive { session } => {
                mark!(steps 522);
                self.read(id);
                mark!(steps 526);
                Ok(Finished::Read(session))
            }
            Purpose::Peek { session } => {
                mark!(steps 522, 526);
                self.read(id);
                Ok(Finished::Read(session))
            }
        }
    }

    /// What was charged for a copy that came to nothing.
    fn abandon(&mut self, by: ProcessNumber, purpose: &Purpose) {
        if let Purpose::Open { .. } = purpose {
            self.refund_session(by);
        }
    }

    fn leave_seat(&mut self, number: CopyNumber, copy: &Copy) {
        let owner = copy.message.0;
        let Some(process) = self.sessions.registered.get_mut(&owner) else { return };
        let is_gone = process.is_gone;
        let Some(block) = process.blocks.get_mut(copy.block) else { return };
        let next = block.seat(copy.side).leave(number);
        let next = next.and_then(|next| self.sessions.copies.get(&next)).map(|next| next.by);
        next.into_iter().for_each(|next| self.processes.wake(next));
        if is_gone {
            self.processes.wake(owner);
        }
    }

    /// Sends the oldest message of one session on in another one, and copies none of its bytes.
    /// Returns how many they are. Unchanged when it fails.
    ///
    /// # Errors
    /// `not-found` when a session is not open, or there is no message.
    pub fn forward(
        &mut self,
        client: ClientNumber,
        session: SessionId,
        to: SessionId,
    ) -> Result<u64, Error> {
        let oldest = self.oldest(client, session)?;
        self.speaker(client, to)?;
        let text = "there is no message in that session to hand on; wait until one comes";
        let (number, id, length) = oldest.ok_or_else(|| Error::new(Code::NotFound, text))?;
        mark!(steps 518);
        self.take_oldest(number, session);
        self.put_in_inbox(id, number, to);
        self.read(id);
        self.settle(id, Delivery::Received);
        self.tidy(session);
        Ok(length)
    }
}

fn too_long(length: u64, most: u64) -> Error {
    let text = format!(
        "that has {length} bytes, and at most {most} can be told here at once; peek in parts, \
         receive by frames over TCP, or hand it on"
    );
    Error::new(Code::TooLarge, text)
}
