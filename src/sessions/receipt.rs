//! Communication, second half: from a message's location to its bytes, or into another session.
//!
//! ```text
//!   518 load the location ─ 520 map the address ─ 522 copy ─ 524 release the sub-block
//!    └─ forward: the location goes to another inbox; no address is mapped, no byte is copied
//!
//!             lock     receive                     peek                      forward
//!   begin     tables   inbox ─► copy               the copy reads too        inbox ─► inbox
//!   copy      block    bytes ─► client's buffer    bytes ─► client's buffer
//!   finish    tables   the copy has read           the copy has read
//!   readers            1 ────► 0: freed            1 ─► 2 ─► 1               1 ─► 2 ─► 1
//! ```
//!
//! A message counts its readers: the inboxes that it is in, and the copies that read it. When the
//! count reaches 0, its sub-block is freed. So bytes can be copied without the tables' lock: the
//! copy is a reader, and no other message can get the sub-block meanwhile. The wrong way is to free
//! the sub-block in *begin*, when the message leaves its inbox: the next `send` would write over
//! bytes that are being read.
//!
//! **Invariants**
//!
//! 1. Each copy has one of the two seats of its block, or waits for one.
//! 2. A message that is being read is not freed while its owner lives. When the owner ends and its
//!    messages are not kept, the engine forgets the message at once, and the block's memory stays
//!    until the last seat is left ([`Engine::forget_if_quiet`]).
//! 3. Each copy that begins is finished once, also when its thread panics
//!    ([`crate::sessions::copying`]).
//!
//! **Lock** the tables, to begin and to finish. Between these two steps, the copy locks one extent
//! of the block at a time.
//!
//! **Simplified** the bytes go through a buffer of the receiving thread. A bigger system maps the
//! block into the receiver's memory, or gives its pages to the socket, and copies no byte for a
//! `receive`.
//!
//! **Source** `interprocess-communication-patent.txt`, figure 5, steps 518 to 526, and paragraph 8:
//! a message is redirected by its location, at a cost that does not depend on its size.

use std::ops::Range;
use std::sync::Arc;

use crate::common::caller::ClientNumber;
use crate::common::error::{Code, Error};
use crate::common::marks::mark;
use crate::cooperative::process::ProcessNumber;
use crate::sessions::message::{Delivery, MessageId};
use crate::sessions::seat::Side;
use crate::sessions::words::SessionId;
use crate::sessions::{Copying, Engine, no_session};

/// The number of a copy. One counter numbers copies, messages and tickets, so no number is used
/// twice.
pub type CopyNumber = u64;

/// A copy under way, or one that waits for its seat. The engine keeps it from begin to finish.
#[derive(Debug)]
pub(super) struct Copy {
    /// The process that fills the message, or reads it.
    pub by: ProcessNumber,
    /// The owner's seat when the process `by` owns the block; otherwise the engine's.
    pub side: Side,
    /// The message, which may be gone by the time the copy is finished.
    pub message: MessageId,
    /// The index of the block among those of the message's owner.
    pub block: usize,
    pub purpose: Purpose,
}

/// The reason for a copy. It decides what [`Engine::finish`] does when the bytes are copied.
#[derive(Debug)]
pub(super) enum Purpose {
    /// A first message is filled: begin the session with `other`, and post the message in it. The
    /// session is charged already, but the table of sessions does not have it yet.
    Open { session: SessionId, other: ProcessNumber },
    /// A message is filled: post it in each of these sessions. If it is awaited, its sender waits
    /// for the receipt.
    Send { to: Vec<SessionId>, is_awaited: bool },
    /// A message has left its inbox and was read: it loses this reader.
    Receive,
    /// A message stays in its inbox and was read, in part or whole: it loses this reader.
    Peek,
    /// A value is filled: let its name refer to it.
    Store { name: Arc<str> },
    /// A value was read, in part or whole: it loses this reader.
    Load,
    /// A part of a value was replaced: it loses this reader.
    Patch,
}

impl Purpose {
    /// Returns whether the copy counts as a reader of its message. A patch counts too, although it
    /// writes: the value must not be freed meanwhile. The other copies fill a new message, which
    /// has no reader yet.
    pub fn reads(&self) -> bool {
        !matches!(self, Purpose::Open { .. } | Purpose::Send { .. } | Purpose::Store { .. })
    }
}

/// The error for a copy whose message was lost while it was read, or whose bytes were not copied.
/// Unless there is a bug, the cause of both is that the owner of the block has ended.
fn message_lost() -> Error {
    let text =
        "the message was lost: the process in whose block it lay has ended; go on with the next";
    Error::new(Code::NotFound, text)
}

impl<W: Clone> Engine<'_, W> {
    /// Takes the oldest message of a session out of the inbox and begins to copy it; `None` when
    /// the inbox is empty. Unchanged when it fails.
    ///
    /// # Errors
    /// `refused` when the client belongs to no process; `not-found` when its end of the session is
    /// not open; `too-large` when the message has more than `most` bytes.
    pub fn begin_receive(
        &mut self,
        client: ClientNumber,
        session: SessionId,
        most: u64,
    ) -> Result<Option<Copying>, Error> {
        let Some((number, message, length)) = self.oldest(client, session)? else {
            return Ok(None);
        };
        // The length is checked before anything is taken. So a message that the client's protocol
        // cannot carry stays in the inbox, where `peek` reads it in parts and `forward` hands it
        // on.
        let whole = part_within((0, length), length, most, OTHER_WAYS)?;
        mark!(steps 518);
        let begun = self.begin_copy(number, message, whole, Purpose::Receive)?;
        // Nothing below fails, so a message leaves its inbox only for a copy that has begun. The
        // copy is a reader now in place of the inbox, so the count of readers stays as it is.
        self.take_oldest(number, session);
        // From here on no other connection of this process can receive the message, and its sender
        // cannot withdraw it. So it counts as received before its bytes are copied.
        self.settle(message, Delivery::Received);
        // If the other end is closed, the session ends with its last message. The copy does not
        // need the session.
        self.remove_if_unused(session);
        Ok(Some(begun))
    }

    /// Begins to copy a part of the oldest message of a session, which stays in the inbox; `None`
    /// when the inbox is empty. `part` is an offset and a length in bytes. It is cut off at the
    /// message's end, so the copy may have 0 bytes. Unchanged when it fails.
    ///
    /// # Errors
    /// `refused` when the client belongs to no process; `not-found` when its end of the session is
    /// not open; `too-large` when the part has more than `most` bytes.
    pub fn begin_peek(
        &mut self,
        client: ClientNumber,
        session: SessionId,
        part: (u64, u64),
        most: u64,
    ) -> Result<Option<Copying>, Error> {
        let Some((number, id, length)) = self.oldest(client, session)? else {
            return Ok(None);
        };
        let part = part_within(part, length, most, OTHER_WAYS)?;
        mark!(steps 518);
        let begun = self.begin_copy(number, id, part, Purpose::Peek)?;
        // The inbox and the copy both read now. Without this count, a `receive` by another
        // connection of the process would free the bytes under this copy.
        if let Some(message) = self.sessions.messages.get_mut(&id) {
            message.readers += 1;
        }
        Ok(Some(begun))
    }

    /// Returns whether `client`'s process could receive a message of that session now; false for a
    /// session that is not its own.
    pub fn has_message(&self, client: ClientNumber, session: SessionId) -> bool {
        matches!(self.oldest(client, session), Ok(Some(_)))
    }

    /// Returns the process of `client`, the oldest message in its inbox, and that message's length
    /// in bytes; `None` when the inbox is empty.
    ///
    /// # Errors
    /// As [`Engine::own_end`].
    fn oldest(
        &self,
        client: ClientNumber,
        session: SessionId,
    ) -> Result<Option<(ProcessNumber, MessageId, u64)>, Error> {
        let (number, side) = self.own_end(client, session)?;
        let inbox = self.sessions.all.get(&session).map(|session| &session.ends[side].inbox);
        let Some(queued) = inbox.and_then(|inbox| inbox.front()) else { return Ok(None) };
        let message = self.sessions.messages.get(&queued.message).ok_or_else(no_session)?;
        Ok(Some((number, queued.message, message.length)))
    }

    /// Takes the oldest message out of a process's inbox, and withdraws its notice. Also drops the
    /// `opened` of the session, because the process uses the session already. Leaves the message's
    /// count of readers as it is: the caller makes a copy the reader in place of the inbox, or
    /// drops that reader.
    fn take_oldest(&mut self, number: ProcessNumber, session: SessionId) {
        let Some(found) = self.sessions.all.get_mut(&session) else { return };
        let Some(side) = found.side_of(number) else { return };
        if let (Some(queued), Some(process)) =
            (found.ends[side].inbox.pop_front(), self.sessions.registered.get_mut(&number))
        {
            process.notices.withdraw(queued.notice);
            process.notices.drop_opened(session);
        }
    }

    /// Steps 518 and 520, and the seat for 512 or 522: maps `part`, in bytes from the message's
    /// start, to a place, and asks for the seat. When the seat is taken, the copy is queued for it.
    /// No copy is begun when it fails.
    ///
    /// # Errors
    /// `not-found` when the message or its block has gone.
    pub(super) fn begin_copy(
        &mut self,
        by: ProcessNumber,
        message: MessageId,
        part: Range<u64>,
        purpose: Purpose,
    ) -> Result<Copying, Error> {
        let number = self.next();
        // Usually the sender owns the block and the reader does not. For a first message it is the
        // other way round: it lies in its receiver's block.
        let side = if by == message.0 { Side::Owner } else { Side::Engine };
        if purpose.reads() {
            mark!(steps 520);
        }
        let found = self.sessions.messages.get(&message).ok_or_else(no_session)?;
        let (index, length) = (found.block, part.end - part.start);
        let address = found.address + part.start;
        let process = self.sessions.registered.get_mut(&message.0).ok_or_else(no_session)?;
        let block = process.blocks.get_mut(index).ok_or_else(no_session)?;
        let place = block.map(address, length).ok_or_else(no_session)?;
        // The seat is asked for last: a copy that failed after this line would stay in the queue.
        let is_seated = block.seat(side).ask(number);
        self.sessions.copies.insert(number, Copy { by, side, message, block: index, purpose });
        Ok(Copying { number, message, place, length, is_seated })
    }

    /// Returns whether a copy that waits has its seat now. `None` when the owner of the block has
    /// ended and its messages are not kept: the copy must not begin, because the block's memory is
    /// about to be given back.
    pub fn is_seated(&self, number: CopyNumber) -> Option<bool> {
        let &Copy { side, message, block, .. } = self.sessions.copies.get(&number)?;
        let process = self.sessions.registered.get(&message.0)?;
        if process.has_ended && !self.is_kept(message.0) {
            return None;
        }
        Some(process.blocks.get(block)?.seats()[side as usize].is_taken_by(number))
    }

    /// Ends a copy: leaves its seat, and then posts a message that was filled, or drops a reader of
    /// a message that was read. `is_made` is false when the bytes were not copied. The tables were
    /// unlocked since the copy began, so its message, its session and both processes may have gone,
    /// and are looked up again. Returns the count of sessions in which a filled message was posted;
    /// 0 for a copy that read.
    ///
    /// # Errors
    /// `not-found` when the message was lost with its owner, when no open session is left for a
    /// filled message, or when the copy was not made. A copy that read succeeds also when its
    /// session has ended.
    pub fn finish(&mut self, number: CopyNumber, is_made: bool) -> Result<u64, Error> {
        let copy = self.sessions.copies.remove(&number).ok_or_else(no_session)?;
        // The seat is left first, and in every case: otherwise all later copies would wait for it.
        self.leave_seat(number, &copy);
        let Copy { by, message: id, purpose, .. } = copy;
        // The message is gone when its owner has ended.
        let is_there = self.sessions.messages.contains_key(&id);
        if !is_there || !is_made {
            return Err(self.undo(by, id, &purpose, is_there));
        }
        match purpose {
            Purpose::Open { session, other } => return self.finish_open(session, by, other, id),
            Purpose::Send { to, is_awaited } => return self.finish_send(id, by, &to, is_awaited),
            Purpose::Store { name } => self.finish_store(by, name, id),
            Purpose::Load | Purpose::Patch => self.drop_own_reader(id),
            Purpose::Receive | Purpose::Peek => {
                mark!(steps 522);
                self.drop_reader(id);
                mark!(steps 526);
            }
        }
        Ok(0)
    }

    /// Ends a copy that was not made, or whose message is gone. Returns the error for its client.
    fn undo(
        &mut self,
        by: ProcessNumber,
        id: MessageId,
        purpose: &Purpose,
        is_there: bool,
    ) -> Error {
        // `drop_reader` and `free` do nothing for a message that is gone.
        match purpose {
            Purpose::Receive => {
                // The message had left its inbox when its owner ended, so it is counted as lost.
                self.sessions.counts.lost += u64::from(!is_there);
                self.drop_reader(id);
            }
            Purpose::Peek => self.drop_reader(id),
            Purpose::Load | Purpose::Patch => self.drop_own_reader(id),
            // A message that was not filled must never be read. It has no reader that would free it
            // later, so it is freed now.
            Purpose::Send { .. } | Purpose::Store { .. } => self.free(id),
            Purpose::Open { .. } => {
                // Refunds the session alone: `free` refunds the message.
                self.refund_session(by);
                self.free(id);
            }
        }
        // A message that was to be filled is gone only if the owner of the block has ended. So no
        // session is open for it, and the error says that. A store gets the same error.
        if is_there || purpose.reads() { message_lost() } else { no_session() }
    }

    /// Leaves a copy's seat and wakes the process whose copy has it next. If the block's owner has
    /// ended, wakes the thread that waits until no copy is left in the owner's blocks.
    fn leave_seat(&mut self, number: CopyNumber, copy: &Copy) {
        let owner = copy.message.0;
        let Some(process) = self.sessions.registered.get_mut(&owner) else { return };
        let has_ended = process.has_ended;
        let Some(block) = process.blocks.get_mut(copy.block) else { return };
        let next = block.seat(copy.side).leave(number);
        let next = next.and_then(|next| self.sessions.copies.get(&next)).map(|next| next.by);
        next.into_iter().for_each(|next| self.processes.wake(next));
        if has_ended {
            self.processes.wake(owner);
        }
    }

    /// Moves the oldest message of `session` into the inbox at the other end of `to`, and returns
    /// its length in bytes. No byte is copied: 1 byte and 1 GiB take the same few steps. The
    /// message stays in the block where it lies, is still charged to the process that first sent
    /// it, and is lost when the owner of that block ends. Unchanged when it fails.
    ///
    /// # Errors
    /// `refused` when the client belongs to no process; `not-found` when its own end of `session`
    /// or one of the two ends of `to` is not open, or there is no message.
    pub fn forward(
        &mut self,
        client: ClientNumber,
        session: SessionId,
        to: SessionId,
    ) -> Result<u64, Error> {
        // Both sessions are checked before the message is taken, so a failure changes nothing.
        let oldest = self.oldest(client, session)?;
        self.sender_in(client, to)?;
        let text = "there is no message in that session to hand on; wait until one comes";
        let (number, id, length) = oldest.ok_or_else(|| Error::new(Code::NotFound, text))?;
        mark!(steps 518);
        self.take_oldest(number, session);
        // The new inbox becomes a reader before the old one stops being one. In the other order the
        // count may be 0 in between, and the message is freed.
        self.put_in_inbox(id, number, to);
        self.drop_reader(id);
        // A process that hands a message on has received it.
        self.settle(id, Delivery::Received);
        self.remove_if_unused(session);
        Ok(length)
    }
}

/// The cure for a message, or a part of one, that does not fit one reply to the client.
const OTHER_WAYS: &str = "peek in parts, receive by frames over TCP, or hand it on";

/// Returns the range of a part of a message or value of `length` bytes. The part is an offset and a
/// count of bytes; the range ends at `length` if the part would go beyond.
///
/// # Errors
/// `too-large`, with the `cure`, when the range has more than `most` bytes.
pub(super) fn part_within(
    (offset, count): (u64, u64),
    length: u64,
    most: u64,
    cure: &str,
) -> Result<Range<u64>, Error> {
    // Both numbers come from the client, so their sum may not fit 64 bits.
    let from = offset.min(length);
    let to = from.saturating_add(count).min(length);
    let left = to - from;
    if left <= most {
        return Ok(from..to);
    }
    let text =
        format!("that has {left} bytes, and at most {most} can be told here at once; {cure}");
    Err(Error::new(Code::TooLarge, text))
}
