//! Communication, first half: from a message's bytes to the signal that it is there.
//!
//! ```text
//!   502 ─ 504 ask the manager ─ 506 room? ─ 512 fill ─ 514 location ─ 516 signal the destination
//!                                └ no: 508 grow ─ still no: 510 error to sender, blocked to other
//!
//!   readers   0 while it is filled ─► 1 for each inbox ─► 0: freed (a reading copy counts as well)
//! ```
//!
//! A *first message*, the one that `open` sends, lies in the *destination's* block (paragraph 41),
//! so it outlives its sender ([`super::guests`]). Each other message lies in its sender's block. A
//! published message has one sub-block, and as many readers as sessions.
//!
//! **Invariants** a message has as many readers as inboxes and copies refer to it, and a value one
//! more for its name. While it is filled it has none, and no reader can find it.
//!
//! **Lock** the tables. **Source** `interprocess-communication-patent.txt`, figure 5, steps 502 to
//! 516.

use crate::common::caller::ClientNumber;
use crate::common::error::{Code, Error};
use crate::common::marks::mark;
use crate::cooperative::process::ProcessNumber;
use crate::sessions::administration::{MESSAGE, READER, Use};
use crate::sessions::block::MessageBlock;
use crate::sessions::receipt::Purpose;
use crate::sessions::session::Queued;
use crate::sessions::words::{Notice, SessionId};
use crate::sessions::{Copying, Engine, no_session};

/// The process in whose block the message lies (its owner), and the message's number. With the
/// owner first, the messages of one owner are a range of the ordered map. So the end of a process
/// finds them without a walk through all messages.
pub type MessageId = (ProcessNumber, u64);

/// A location (step 514): the place of the bytes of a message or of a value, the count of its
/// readers, and the charge for it in administrative memory.
#[derive(Debug)]
pub(super) struct StoredMessage {
    /// The index of the block among its owner's.
    pub block: usize,
    /// The logical address: bytes from the block's start.
    pub address: u64,
    /// The message's bytes. Its sub-block may have more.
    pub length: u64,
    /// The count of inboxes that it is in, and of copies that read it; for a value
    /// ([`super::values`]) also its name.
    pub readers: u64,
    /// The readers that belong to the process in whose block a value lies: its name, and the loads
    /// and patches under way. 0 for a message.
    pub own_readers: u64,
    /// The process that sent it. For a first message this is not the owner of the block.
    pub payer: ProcessNumber,
    /// The bytes of administrative memory that were charged for it.
    pub paid: u64,
    /// Of these, the bytes for a value without readers outside its process; 0 for a message.
    pub unshared_charge: u64,
}

impl StoredMessage {
    /// Makes the location of a message while it is filled. It has no reader yet, so that no process
    /// can find it. `place` is the index of the block and the address.
    pub fn unread(place: (usize, u64), length: u64, payer: ProcessNumber, paid: u64) -> Self {
        let ((block, address), readers) = (place, 0);
        let (own_readers, unshared_charge) = (0, 0);
        Self { block, address, length, readers, own_readers, payer, paid, unshared_charge }
    }
}

/// The outcome of a message whose sender waits for its receipt, as `deliver` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Not received yet.
    Waiting,
    /// The other end has it, is copying it, or has handed it on.
    Received,
    /// The receiver's end was closed before it received the message, or the sender's process ended.
    Lost,
}

impl<W: Clone> Engine<'_, W> {
    /// Begins a message of `length` bytes. If the sender's blocks have no room for it and do not
    /// grow, the other end is told `blocked`. With `is_awaited` the sender waits for the receipt,
    /// and the engine keeps the outcome for it.
    ///
    /// # Errors
    /// `not-found` when the session is not open at both ends; `out-of-memory` when the blocks or
    /// administrative memory have no room; `refused` when the client belongs to no process, or the
    /// message exceeds its process's share of administrative memory.
    pub fn begin_send(
        &mut self,
        client: ClientNumber,
        session: SessionId,
        length: u64,
        is_awaited: bool,
    ) -> Result<Copying, Error> {
        let number = self.sender_in(client, session)?;
        self.begin_message(number, length, vec![session], is_awaited)
    }

    /// Begins one message for several sessions.
    ///
    /// # Errors
    /// As [`Engine::begin_send`], for each of them; `bad-request` when the list is empty or names a
    /// session twice.
    pub fn begin_publish(
        &mut self,
        client: ClientNumber,
        sessions: &[SessionId],
        length: u64,
    ) -> Result<Copying, Error> {
        let mut number = self.processes.number_of(client)?;
        if sessions.is_empty() {
            let text = "there is no session in the list; give at least one";
            return Err(Error::new(Code::BadRequest, text));
        }
        let mut seen = std::collections::HashSet::new();
        for &session in sessions {
            // `number` stays the same: each session returns the number of the client's process.
            number = self.sender_in(client, session)?;
            if !seen.insert(session) {
                let text = "a session stands twice in the list; give each once";
                return Err(Error::new(Code::BadRequest, text));
            }
        }
        let is_awaited = false;
        self.begin_message(number, length, sessions.to_vec(), is_awaited)
    }

    /// Returns the client's process, if it can send in a session: the process has one of its ends,
    /// and both ends are open.
    ///
    /// # Errors
    /// `refused` when the client belongs to no process; otherwise `not-found`.
    pub(super) fn sender_in(
        &self,
        client: ClientNumber,
        session: SessionId,
    ) -> Result<ProcessNumber, Error> {
        let (number, side) = self.own_end(client, session)?;
        let other = self.sessions.all.get(&session).map(|session| &session.ends[1 - side]);
        other.filter(|end| !end.is_closed).ok_or_else(no_session)?;
        Ok(number)
    }

    /// Steps 502 to 510: takes a sub-block, charges the message, and begins the copy.
    fn begin_message(
        &mut self,
        number: ProcessNumber,
        length: u64,
        to: Vec<SessionId>,
        is_awaited: bool,
    ) -> Result<Copying, Error> {
        let paid = MESSAGE + to.len() as u64 * READER;
        let is_told = true;
        let Some(place) = self.take_sub_block(number, length, paid, is_told)? else {
            return Err(self.block_sender(number, length, &to));
        };
        // Each inbox becomes a reader when the message is posted; `paid` includes them already.
        let message = StoredMessage::unread(place, length, number, paid);
        self.begin_fill(number, number, message, Purpose::Send { to, is_awaited })
    }

    /// Steps 502 to 508: takes a sub-block for `length` bytes, and charges `paid` bytes of
    /// administrative memory for it. Returns the block's index and the address; `None` when no
    /// block has room and the first one did not grow. With `is_told`, the first block grows as soon
    /// as memory comes back, and the process then hears `unblocked`.
    ///
    /// # Errors
    /// `refused` or `out-of-memory`, when administrative memory cannot be charged.
    pub(super) fn take_sub_block(
        &mut self,
        number: ProcessNumber,
        length: u64,
        paid: u64,
        is_told: bool,
    ) -> Result<Option<(usize, u64)>, Error> {
        mark!(steps 502, 504, 506);
        let mut found = self.find_sub_block(number, length);
        // A block does not grow for a message that its sender cannot pay.
        if found.is_none()
            && self.sessions.administration.check(number, Use::Messages, paid).is_ok()
            && self.grow_for(number, length, is_told, "step 508")
        {
            found = self.find_sub_block(number, length);
        }
        let Some((block, address)) = found else { return Ok(None) };
        if let Err(error) = self.sessions.administration.charge(number, Use::Messages, paid) {
            self.release_sub_block(number, block, address);
            return Err(error);
        }
        Ok(Some((block, address)))
    }

    /// Stores where the message lies, with no reader yet, and begins the copy that fills it. The
    /// copy may have to wait for a *seat*: in each block at most two copies work at a time
    /// ([`super::seat`]). `by` fills the message, which lies in a block of `owner`; for a first
    /// message these are two processes.
    pub(super) fn begin_fill(
        &mut self,
        by: ProcessNumber,
        owner: ProcessNumber,
        message: StoredMessage,
        purpose: Purpose,
    ) -> Result<Copying, Error> {
        let id = (owner, self.next());
        let length = message.length;
        self.sessions.messages.insert(id, message);
        self.begin_copy(by, id, 0..length, purpose)
    }

    /// Steps 504 and 506: takes a sub-block in the first block that has room. Returns the block's
    /// index and the address.
    fn find_sub_block(&mut self, number: ProcessNumber, length: u64) -> Option<(usize, u64)> {
        let blocks = &mut self.sessions.registered.get_mut(&number)?.blocks;
        blocks.iter_mut().enumerate().find_map(|(at, block)| Some((at, block.allocate(length)?)))
    }

    /// Steps 508 and 510, when the first block did not grow: returns the error for the sender, and
    /// tells the other end of each session `blocked`. There may be room again when that end
    /// receives the messages that wait for it.
    fn block_sender(&mut self, number: ProcessNumber, length: u64, to: &[SessionId]) -> Error {
        mark!(steps 508, 510, 526);
        self.sessions.counts.blocked += 1;
        for &session in to {
            self.tell_blocked(session, number);
        }
        let size = self
            .sessions
            .registered
            .get(&number)
            .map_or(0, |process| process.blocks.iter().map(MessageBlock::size).sum());
        let text = format!(
            "{length} bytes do not fit the {size} of this process's blocks now; wait until the \
             other end has received, or grow SIZE"
        );
        Error::new(Code::OutOfMemory, text)
    }

    /// Tells the other end `blocked`, and remembers the session: when something is freed, the
    /// sender hears `unblocked`.
    fn tell_blocked(&mut self, session: SessionId, sender: ProcessNumber) {
        if let Some(process) = self.sessions.registered.get_mut(&sender) {
            process.blocked_sessions.insert(session);
        }
        let Some(found) = self.sessions.all.get(&session) else { return };
        let Some(side) = found.side_of(sender) else { return };
        self.notify(found.ends[1 - side].process, Notice::Blocked { session });
    }

    /// Steps 514 and 516: puts a filled message of the process `by` into the other end's inbox, in
    /// each session whose two ends are still open. Returns the number of these sessions. If there
    /// is none, the message has no reader and is freed at once.
    pub(super) fn post(&mut self, id: MessageId, by: ProcessNumber, to: &[SessionId]) -> u64 {
        mark!(steps 512);
        let mut count = 0;
        for &session in to {
            count += u64::from(self.put_in_inbox(id, by, session));
        }
        if count == 0 {
            self.free(id);
        }
        count
    }

    /// Puts a message into the inbox of the other end, and tells that end's process. Returns false
    /// when an end is closed, or the session or the message has gone.
    pub(super) fn put_in_inbox(
        &mut self,
        id: MessageId,
        by: ProcessNumber,
        session: SessionId,
    ) -> bool {
        let Some(message) = self.sessions.messages.get_mut(&id) else { return false };
        let Some(found) = self.sessions.all.get_mut(&session) else { return false };
        let Some(side) = found.side_of(by) else { return false };
        let end = &mut found.ends[1 - side];
        if end.is_closed {
            return false;
        }
        message.readers += 1;
        mark!(steps 514, 516, 526);
        let (other, length) = (end.process, message.length);
        let notice = self.notify(other, Notice::Message { session, length });
        if let Some(session) = self.sessions.all.get_mut(&session) {
            session.ends[1 - side].inbox.push_back(Queued { message: id, notice });
        }
        // A process that sends in a session knows of it: an `opened` that still waits is dropped.
        if let Some(process) = self.sessions.registered.get_mut(&by) {
            process.notices.drop_opened(session);
        }
        true
    }

    /// Removes one reader of a message. Without any, the message is freed.
    pub(super) fn drop_reader(&mut self, id: MessageId) {
        let Some(message) = self.sessions.messages.get_mut(&id) else { return };
        message.readers -= 1;
        if message.readers == 0 {
            self.free(id);
        } else if message.own_readers > 0 {
            // This is a value with a name, or one that is loaded or patched. It may stay for long,
            // so the charge for the reader that is gone is refunded now. The whole charge for a
            // message is refunded when the message is freed.
            self.refund_readers(id);
        }
    }

    /// Step 524: removes a message, refunds its charge, and gives its sub-block back. Then tells
    /// the block's owner `unblocked` for each session in which a message of its own did not fit,
    /// and wakes the next process that waits to join, if there is room for it. If the owner has
    /// ended and this was the last of its kept messages, wakes the reaper (`note_kept`).
    pub(super) fn free(&mut self, id: MessageId) {
        let Some(message) = self.sessions.messages.remove(&id) else { return };
        mark!(steps 524);
        let owner = id.0;
        self.sessions.administration.refund(message.payer, Use::Messages, message.paid);
        // This was a first message: it lay as a guest in another process's block. It no longer
        // counts against the bounds on first messages.
        if message.payer != owner
            && let Some(process) = self.sessions.registered.get_mut(&owner)
            && let Some(guests) = process.guests.get_mut(&message.payer)
        {
            guests.count -= 1;
            guests.bytes -= MessageBlock::rounded(message.length);
            if guests.count == 0 {
                process.guests.remove(&message.payer);
            }
        }
        self.release_sub_block(owner, message.block, message.address);
        self.note_kept(owner);
        self.notify_unblocked(owner);
        self.wake_next_join();
    }

    /// Gives a sub-block back. A block that has grown may now be able to shrink, so its process is
    /// entered in `grown`.
    pub(super) fn release_sub_block(&mut self, number: ProcessNumber, block: usize, address: u64) {
        let Some(process) = self.sessions.registered.get_mut(&number) else { return };
        let Some(block) = process.blocks.get_mut(block) else { return };
        block.release(address);
        if block.size() > block.asked && !process.has_ended {
            self.sessions.grown.insert(number);
        }
    }

    /// Posts a filled message in its sessions, and returns the number of sessions that got it. With
    /// `is_awaited`, the sender waits for the receipt, and the engine keeps the message's outcome
    /// ([`super::delivery`]) from now on.
    ///
    /// # Errors
    /// `not-found` when all of them were closed meanwhile; `post` has freed the message then.
    pub(super) fn finish_send(
        &mut self,
        id: MessageId,
        by: ProcessNumber,
        to: &[SessionId],
        is_awaited: bool,
    ) -> Result<u64, Error> {
        if is_awaited {
            self.sessions.deliveries.insert(id, (by, Delivery::Waiting));
        }
        let count = self.post(id, by, to);
        if count == 0 {
            self.sessions.deliveries.remove(&id);
            return Err(no_session());
        }
        Ok(count)
    }
}
