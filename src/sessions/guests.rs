//! First messages: they lie in the block of their receiver, and are *guests* there.
//!
//! A process does not choose the first messages that it gets, so they may take only a part of its
//! first block. All other processes together may have 64 of them there, in at most a quarter of the
//! block. One sender may have 16, in at most a sixteenth of the block. So at least four senders are
//! needed to use the quarter up. A first message counts until it is freed.
//!
//! **Invariants** the count and the bytes of a process's guests are those of the first messages
//! that lie in its first block.
//!
//! **Lock** the tables. **Source** `interprocess-communication-patent.txt`, paragraph 41; the
//! bounds are ours.

use crate::common::error::{Code, Error};
use crate::common::marks::mark;
use crate::cooperative::process::ProcessNumber;
use crate::sessions::administration::{MESSAGE, READER, Use};
use crate::sessions::block::MessageBlock;
use crate::sessions::message::StoredMessage;
use crate::sessions::receipt::Purpose;
use crate::sessions::words::SessionId;
use crate::sessions::{Copying, Engine, no_session};

/// The most first messages in one process's block that are not freed yet; one sender may have a
/// quarter of them.
const MAX_GUESTS: u64 = 64;

impl<W: Clone> Engine<'_, W> {
    /// Begins the first message of a session. The process `number` opens the session, fills the
    /// message and pays for it. The message lies in the block of `other`, the destination. The
    /// session is not in the tables until the copy is finished.
    ///
    /// # Errors
    /// Fails as [`Self::find_guest_room`] does, or if the sender cannot be charged.
    pub(super) fn begin_first(
        &mut self,
        number: ProcessNumber,
        other: ProcessNumber,
        session: SessionId,
        length: u64,
    ) -> Result<Copying, Error> {
        mark!(steps 502, 504, 506);
        let rounded = MessageBlock::rounded(length);
        let address = self.find_guest_room(number, other, rounded)?;
        // The charge includes the one reader that the message will have: the inbox.
        let paid = MESSAGE + READER;
        if let Err(error) = self.sessions.administration.charge(number, Use::Messages, paid) {
            self.release_sub_block(other, 0, address);
            return Err(error);
        }
        if let Some(process) = self.sessions.registered.get_mut(&other) {
            let guests = process.guests.entry(number).or_default();
            guests.count += 1;
            guests.bytes += rounded;
        }
        // The inbox becomes its reader when the copy is finished.
        let message = StoredMessage::unread((0, address), length, number, paid);
        self.begin_fill(number, other, message, Purpose::Open { session, other })
    }

    /// Takes a sub-block of `rounded` bytes in the first block of `other`, for a first message of
    /// the process `number`, and returns its address. The block does not grow for first messages,
    /// because its owner did not ask for them.
    ///
    /// # Errors
    /// `out-of-memory` when the sender's first messages there would be too many or too large, or
    /// when there is no room; `not-found` when the destination has gone.
    fn find_guest_room(
        &mut self,
        number: ProcessNumber,
        other: ProcessNumber,
        rounded: u64,
    ) -> Result<u64, Error> {
        let process = self.sessions.registered.get_mut(&other).ok_or_else(no_session)?;
        let size = process.blocks.first().map_or(0, MessageBlock::size);
        // `all` bounds the bytes of all first messages in the block, `one` those of one sender.
        let (all, one) = (size / 4, size / 16);
        let held = process.guests.values();
        let (count, bytes) = held.fold((0, 0), |sum, g| (sum.0 + g.count, sum.1 + g.bytes));
        let own = process.guests.get(&number).copied().unwrap_or_default();
        // `rounded` is `u64::MAX` for a length that no block can have. The first test refuses it,
        // so the sums with `rounded` below cannot overflow.
        if rounded > one || own.bytes + rounded > one || own.count >= MAX_GUESTS / 4 {
            let (most, bytes) = (MAX_GUESTS / 4, own.bytes);
            let text = format!(
                "first messages of one process that were not received may be {most} and have {one} \
                 bytes of the other's block, and this one's have {bytes}; open without data, and send it"
            );
            return Err(Error::new(Code::OutOfMemory, text));
        }
        let fits = bytes + rounded <= all && count < MAX_GUESTS;
        let block = process.blocks.first_mut().filter(|_| fits);
        block.and_then(|block| block.allocate(rounded)).ok_or_else(|| {
            self.sessions.counts.blocked += 1;
            let text = "the other process's block has no room for a first message now; open \
                        without data, and send it";
            Error::new(Code::OutOfMemory, text)
        })
    }
}
