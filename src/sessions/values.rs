//! A process's own memory: values that it stores in its blocks, each under a name.
//!
//! ```text
//!   store   a sub-block ─ fill ─► the name refers to it; the name's old value goes back
//!   load, patch                   copy out of the sub-block, or into a part of it
//!   share                         its location into the inbox of a session: no byte is copied
//!   drop                          the name is gone; the bytes are freed when no reader is left
//! ```
//!
//! A value is stored as a message is ([`super::message`]), and the *name* is one of its readers. So
//! no code for managers, seats, growing blocks or ending processes needs a special case for values.
//! `store` under an old name fills a new sub-block first: another connection of the process loads
//! the old bytes or the new ones, never a mixture.
//!
//! A shared value must not change before it was received, because the receiver may copy it at any
//! time. So `patch` is refused while an inbox refers to the value, and `share` while a patch is
//! under way.
//!
//! ```text
//!   own_readers   the name, each load and each patch under way       1 for each
//!   readers       these, and each inbox, each receive and each peek  1 for each
//!                 `readers` is more than `own_readers`: the value is shared
//! ```
//!
//! **Invariants**
//!
//! 1. Each name of a process refers to a message in its own blocks, of which the name is a reader.
//! 2. A value that is shared is not changed.
//!
//! **Lock** the tables. The bytes are copied as those of a message are ([`super::copying`]).
//!
//! **Source** `interprocess-communication-patent.txt`, paragraph 22: a process reads and writes
//! variables, arrays and tables in its block.

use std::sync::Arc;

use crate::common::caller::{Caller, ClientNumber};
use crate::common::error::{Code, Error};
use crate::cooperative::manager::check_name;
use crate::cooperative::process::ProcessNumber;
use crate::sessions::administration::{MESSAGE, READER, Use};
use crate::sessions::commands::ValueRow;
use crate::sessions::message::{MessageId, StoredMessage};
use crate::sessions::receipt::{Purpose, part_within};
use crate::sessions::words::SessionId;
use crate::sessions::{Copying, Engine, no_session};

/// The bytes of administrative memory for a value that is not shared, beside those of its name.
const VALUE: u64 = MESSAGE + READER;

impl<W: Clone> Engine<'_, W> {
    /// Begins to store `length` bytes under a name. The name refers to them when the copy is
    /// finished.
    ///
    /// # Errors
    /// `bad-request` for an invalid name; `out-of-memory` when the blocks or administrative memory
    /// have no room; `refused` when the client belongs to no process, or the value exceeds the
    /// process's share of administrative memory.
    pub fn begin_store(
        &mut self,
        client: ClientNumber,
        name: &str,
        length: u64,
    ) -> Result<Copying, Error> {
        check_name(name)?;
        let number = self.processes.number_of(client)?;
        let paid = VALUE + name.len() as u64;
        // Without `is_told` no block grows later for a store that has failed: a store belongs to no
        // session, so no `unblocked` could tell the process of the room.
        let is_told = false;
        let taken = self.take_sub_block(number, length, paid, is_told)?;
        let place = taken.ok_or_else(|| no_room(length))?;
        // The name becomes a reader when the copy is finished.
        let message = StoredMessage::unread(place, length, number, paid);
        let message = StoredMessage { unshared_charge: paid, ..message };
        self.begin_fill(number, number, message, Purpose::Store { name: name.into() })
    }

    /// Lets the name refer to a value that was filled.
    pub(super) fn finish_store(&mut self, number: ProcessNumber, name: Arc<str>, id: MessageId) {
        let Some(process) = self.sessions.registered.get_mut(&number) else { return };
        let before = process.values.insert(name, id);
        self.add_own_reader(id);
        if let Some(before) = before {
            self.drop_own_reader(before);
        }
    }

    /// Begins to copy a part of a value; `part` is an offset and a length in bytes, and is cut off
    /// at the value's end.
    ///
    /// # Errors
    /// `not-found` for a name that refers to nothing; `too-large` when the part has more than
    /// `most` bytes; `refused` when the client belongs to no process.
    pub fn begin_load(
        &mut self,
        client: ClientNumber,
        name: &str,
        part: (u64, u64),
        most: u64,
    ) -> Result<Copying, Error> {
        let (number, id, length) = self.value_of(client, name)?;
        let part = part_within(part, length, most, "load it in parts")?;
        let begun = self.begin_copy(number, id, part, Purpose::Load)?;
        self.add_own_reader(id);
        Ok(begun)
    }

    /// Begins to replace `length` bytes of a value from `offset` on.
    ///
    /// # Errors
    /// `not-found` for a name that refers to nothing; `too-large` when the value has fewer bytes;
    /// `refused` while it is shared, and when the client belongs to no process.
    pub fn begin_patch(
        &mut self,
        client: ClientNumber,
        name: &str,
        offset: u64,
        length: u64,
    ) -> Result<Copying, Error> {
        let (number, id, size) = self.value_of(client, name)?;
        let end = offset.checked_add(length).filter(|&end| end <= size).ok_or_else(|| {
            let text = format!("the value has {size} bytes; patch within them, or store it anew");
            Error::new(Code::TooLarge, text)
        })?;
        // All readers that are not own ones are inboxes, receives and peeks: the value is shared.
        if self.sessions.messages.get(&id).is_some_and(|value| value.readers > value.own_readers) {
            let text = "the value is shared and was not received yet; wait, or store it anew";
            return Err(Error::new(Code::Refused, text));
        }
        let begun = self.begin_copy(number, id, offset..end, Purpose::Patch)?;
        self.add_own_reader(id);
        Ok(begun)
    }

    /// Puts the location of a value into the inbox at the other end of a session; returns its
    /// length. No byte is copied. Unchanged when it fails.
    ///
    /// # Errors
    /// `not-found` for a name that refers to nothing, and when the session is not open at both
    /// ends; `busy` while another connection patches it; `refused` for a client that belongs to no
    /// process; `refused` and `out-of-memory` for administrative memory.
    pub fn share(
        &mut self,
        client: ClientNumber,
        name: &str,
        session: SessionId,
    ) -> Result<u64, Error> {
        let (number, id, length) = self.value_of(client, name)?;
        self.sender_in(client, session)?;
        let is_patched = |copy: &super::receipt::Copy| {
            copy.message == id && matches!(copy.purpose, Purpose::Patch)
        };
        if self.sessions.copies.values().any(is_patched) {
            let text = "another connection patches the value; try again";
            return Err(Error::new(Code::Busy, text));
        }
        self.sessions.administration.charge(number, Use::Messages, READER)?;
        if let Some(value) = self.sessions.messages.get_mut(&id) {
            value.paid += READER;
        }
        // Cannot fail: `sender_in` has found both ends of the session open.
        self.put_in_inbox(id, number, session);
        Ok(length)
    }

    /// Refunds the charge for readers that have received the value. `drop_reader` calls this when a
    /// reader of the value is gone. The payer of a value is its owner, `id.0`.
    pub(super) fn refund_readers(&mut self, id: MessageId) {
        let Some(value) = self.sessions.messages.get_mut(&id) else { return };
        let needed = value.unshared_charge + (value.readers - value.own_readers) * READER;
        // A peek is a reader that is not charged, so `needed` may be more than was paid.
        let refund = value.paid.saturating_sub(needed);
        if refund > 0 {
            value.paid -= refund;
            self.sessions.administration.refund(id.0, Use::Messages, refund);
            self.wake_next_join();
        }
    }

    /// Removes a name; returns the length of its value. The bytes go back when no reader is left.
    ///
    /// # Errors
    /// `not-found` for a name that refers to nothing; `refused` when the client belongs to no
    /// process.
    pub fn drop_value(&mut self, client: ClientNumber, name: &str) -> Result<u64, Error> {
        let (number, id, length) = self.value_of(client, name)?;
        if let Some(process) = self.sessions.registered.get_mut(&number) {
            process.values.remove(name);
        }
        self.drop_own_reader(id);
        Ok(length)
    }

    /// Returns the names of the process's values, each with its length in bytes.
    ///
    /// # Errors
    /// `refused` when the client belongs to no process; `too-large` when the list does not fit one
    /// reply.
    pub fn values(&self, caller: Caller) -> Result<Vec<ValueRow>, Error> {
        let number = self.processes.number_of(caller.client)?;
        let values = self.sessions.registered.get(&number).map(|process| &process.values);
        let listed = values.into_iter().flatten().filter_map(|(name, id)| {
            let length = self.sessions.messages.get(id)?.length;
            Some(ValueRow { name: name.to_string(), length })
        });
        let rows: Vec<ValueRow> = listed.collect();
        caller.check_room(rows.iter().map(|row| ValueRow::MIN + row.name.len() as u64).sum())?;
        Ok(rows)
    }

    /// Returns the client's process, and the value of a name with its length.
    fn value_of(
        &self,
        client: ClientNumber,
        name: &str,
    ) -> Result<(ProcessNumber, MessageId, u64), Error> {
        let number = self.processes.number_of(client)?;
        let found = self.sessions.registered.get(&number).and_then(|p| p.values.get(name));
        let text = "nothing is stored under that name; store it first";
        let &id = found.ok_or_else(|| Error::new(Code::NotFound, text))?;
        let value = self.sessions.messages.get(&id).ok_or_else(no_session)?;
        Ok((number, id, value.length))
    }

    /// Adds a reader that belongs to the value's own process.
    fn add_own_reader(&mut self, id: MessageId) {
        if let Some(value) = self.sessions.messages.get_mut(&id) {
            value.readers += 1;
            value.own_readers += 1;
        }
    }

    /// Removes a reader that belongs to the value's own process.
    pub(super) fn drop_own_reader(&mut self, id: MessageId) {
        if let Some(value) = self.sessions.messages.get_mut(&id) {
            value.own_readers -= 1;
        }
        self.drop_reader(id);
    }
}

/// Returns the error for a value that fits no block of its process.
fn no_room(length: u64) -> Error {
    let text = format!(
        "{length} bytes do not fit this process's blocks now; drop what is not needed, or grow SIZE"
    );
    Error::new(Code::OutOfMemory, text)
}

#[cfg(test)]
#[path = "values_tests.rs"]
mod tests;
