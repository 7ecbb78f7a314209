//! The copies of messages: each in three steps, so that no thread holds two locks.
//!
//! ```text
//!             begin                            copy                    finish
//!   send      tables: sub-block, seat ─ unlock │ bytes: copy ─ unlock │ tables: location, signal
//!   receive   tables: location, seat ── unlock │ bytes: copy ─ unlock │ tables: release
//!                            │ seat taken: wait for it, by the process's condition variable
//!   forward   tables: location ─ unlock
//! ```
//!
//! While the bytes are copied the tables are unlocked, so anything may end meanwhile: the session,
//! the sender, the reader. The copy itself stays safe, because its block is not given back while a
//! seat is taken. `finish` then looks at the tables again. It answers `not-found` if the message is
//! gone, or if no session is left to post it in:
//!
//! ```text
//!   bob: receive    begin ─────── copy ──────────── finish: the message was lost
//!   alice: leave          ends; waits for the seat ────────┴── her memory goes back
//! ```
//!
//! **Invariants**
//!
//! 1. A seat is left also when the copy panics.
//! 2. A thread that copies holds one lock only, that of the bytes. At most one other thread waits
//!    for that lock, because a block has two seats.
//! 3. The memory of an ended process goes back only when both seats of each of its blocks are
//!    empty.
//!
//! **Lock** the tables, then a block's, then the tables again; never two.
//!
//! **Simplified** a thread copies its message in one go. A bigger system would copy a large message
//! in parts and let short ones pass between them.
//!
//! **Source** `interprocess-communication-patent.txt`, figure 5, steps 512 and 522; paragraph 42.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::commands::MessageReply;
use super::words::SessionId;
use super::{CopyNumber, Copying};
use crate::common::caller::{Caller, ClientNumber};
use crate::common::error::Error;
use crate::common::lock::{self, lock};
use crate::cooperative::process::ProcessNumber;
use crate::memory::arena::set_length;
use crate::memory::contents::ContentsError;
use crate::memory::service::ENDED_AT_ONCE;
use crate::server::shared::Shared;
use crate::server::waiting::sleep;

/// The longest sleep before a thread looks again for its seat, or for the last copy in the blocks
/// of an ended process. Usually the thread that leaves a seat wakes the waiting one. That can fail
/// for a thread whose own process has ended meanwhile, because the tables no longer have its
/// condition variable. Then this time bounds its wait.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The direction of a copy, with the client's bytes. `In` fills the sub-block of a new message or
/// value. `Over` replaces a part of a value, and the bytes around that part stay. `Out` reads.
pub(super) enum Bytes<'a> {
    In(&'a [u8]),
    Over(&'a [u8]),
    Out(&'a mut [u8]),
}

/// A guard that finishes a copy whose thread panics. Without it the seat would stay taken, and
/// every later copy in that block would wait for ever.
struct Unfinished<'a> {
    shared: &'a Shared,
    number: CopyNumber,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        // The bytes were not copied, so `finish` undoes what *begin* did. The error is ignored: the
        // thread panics, so no client gets it as an answer.
        let is_made = false;
        let _ = self.shared.engine(|engine, _| engine.finish(self.number, is_made));
    }
}

impl Shared {
    /// Copies a message, or a part of it, for the client that receives it. If `copying` is `None`
    /// there is no message, and the reply has none. Takes the connection's buffer `spare` for the
    /// bytes, so that a receive can reuse an allocation.
    ///
    /// # Errors
    /// `not-found` when the message was lost meanwhile. `spare` is then empty.
    pub(super) fn read_message(
        &self,
        session: SessionId,
        copying: Option<Copying>,
        caller: Caller,
        spare: &mut Vec<u8>,
    ) -> Result<MessageReply, Error> {
        let Some(copying) = copying else { return Ok(MessageReply { session, data: None }) };
        let mut data = std::mem::take(spare);
        set_length(&mut data, copying.length as usize);
        self.copy(copying, caller.client, Bytes::Out(&mut data))?;
        Ok(MessageReply { session, data: Some(data) })
    }

    /// Waits for the seat, copies the bytes, and finishes the copy. Returns the count from
    /// [`super::Engine::finish`]: the sessions in which a filled message was posted, 0 for a copy
    /// that read.
    ///
    /// # Errors
    /// As [`super::Engine::finish`]. The seat is left in any case.
    pub(super) fn copy(
        &self,
        copying: Copying,
        client: ClientNumber,
        bytes: Bytes<'_>,
    ) -> Result<u64, Error> {
        let unfinished = Unfinished { shared: self, number: copying.number };
        let is_seated = copying.is_seated || self.await_seat(copying.number, client);
        let is_made = is_seated && self.copy_pieces(&copying, bytes).is_ok();
        // No panic so far: the next line finishes the copy, and the guard must not do it again. The
        // guard owns nothing but references, so `forget` leaks no memory.
        std::mem::forget(unfinished);
        self.engine(|engine, _| engine.finish(copying.number, is_made))
    }

    /// Waits until a copy has its seat. Returns false when the block's owner has ended meanwhile
    /// and its messages are not kept: then the copy must not begin.
    ///
    /// The thread sleeps on the condition variable of its process; the sleep unlocks the tables. It
    /// waits only for the copies before it, never for a client: a thread with a seat reads and
    /// writes no socket.
    fn await_seat(&self, number: CopyNumber, client: ClientNumber) -> bool {
        let mut tables = lock(self.memory.tables());
        // If the client's process has ended, no thread notifies this new waker, and the sleep ends
        // after `LOOK_EVERY`.
        let waker = tables.processes.waker(client).unwrap_or_default();
        loop {
            match tables.engine().is_seated(number) {
                Some(false) => {}
                seated => return seated.is_some(),
            }
            // `sleep` uses only the number of the caller, so `connected` is right for all clients.
            tables = sleep(tables, Caller::connected(client), &waker, LOOK_EVERY);
        }
    }

    /// Steps 512 and 522: copies the bytes, piece by piece, each under the lock of its own extent.
    /// A reader sees no half-written message between two pieces: a message that is being filled is
    /// in no inbox.
    ///
    /// # Errors
    /// The contents of a piece were released. The seat prevents this; the check would show a bug.
    pub(super) fn copy_pieces(
        &self,
        copying: &Copying,
        mut bytes: Bytes<'_>,
    ) -> Result<(), ContentsError> {
        let place = &copying.place;
        let mut done = 0;
        for piece in std::iter::once(&place.first).chain(&place.more) {
            // `at` counts from the extent's start, `part` from the message's.
            let (at, part) = (piece.at as usize, done..done + piece.length as usize);
            done = part.end;
            // A place without bytes may lie at the border of an extent that is cut off meanwhile.
            if part.is_empty() {
                continue;
            }
            let arena = self.memory.arena();
            // The threads that hold the lock or wait for it. `stats` shows the greatest count. If
            // that is more than 2, the seats do not work, or a copy panicked: the count then stays
            // one too high. `Relaxed` is enough, because the count guards nothing.
            let now = place.contenders.fetch_add(1, Ordering::Relaxed) + 1;
            self.contenders.fetch_max(now, Ordering::Relaxed);
            let copied = arena.open(&piece.handle).map(|mut contents| match &mut bytes {
                Bytes::In(data) => contents.write_part(at, &data[part]),
                Bytes::Over(data) => contents.patch_part(at, &data[part]),
                Bytes::Out(data) => contents.read_part(at, &mut data[part]),
            });
            place.contenders.fetch_sub(1, Ordering::Relaxed);
            copied?;
        }
        Ok(())
    }

    /// Gives back all memory of a process that has ended, when no thread copies in its blocks. If
    /// its messages are kept, does nothing: the reaper calls again.
    ///
    /// The blocks are struck (taken out of the lease table) in parts of at most `ENDED_AT_ONCE`,
    /// with the tables unlocked between the parts. A process may hold thousands of blocks: other
    /// requests would wait until all of them are struck.
    pub fn end_process(&self, number: ProcessNumber) {
        if !self.await_quiet(number) {
            return;
        }
        loop {
            let endings =
                self.memory.change(|tables, _| tables.manager().strike(number, ENDED_AT_ONCE));
            // No block is left, and `strike` has removed the process.
            if endings.is_empty() {
                return;
            }
            self.memory.give_back(endings);
        }
    }

    /// Waits for the copies in the blocks of a process that has ended. A copy reads no socket, so a
    /// client that does not read cannot delay this. Returns false, without a wait, if its messages
    /// are kept.
    fn await_quiet(&self, number: ProcessNumber) -> bool {
        let mut tables = lock(self.memory.tables());
        while !tables.engine().forget_if_quiet(number) {
            if tables.engine().is_kept(number) {
                return false;
            }
            // `sleep` would not do: it finds the process by a client, and this one has none left.
            let waker = tables.processes.ending_waker(number).unwrap_or_default();
            tables = lock::sleep(&waker, tables, LOOK_EVERY);
        }
        true
    }
}

#[cfg(test)]
#[path = "copying_tests.rs"]
mod tests;
