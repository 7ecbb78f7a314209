//! The copies of messages: in three turns, so that no lock is held with another.
//!
//! ```text
//!   send      tables: sub-block, seat ─ unlock │ bytes: copy ─ unlock │ tables: location, signal
//!   receive   tables: location, seat ── unlock │ bytes: copy ─ unlock │ tables: release
//!                            │ taken: wait for it, by the process's condition variable
//!   forward   tables: location ─ unlock
//! ```
//!
//! **Invariants** a seat is left also when the copy panics. A thread that copies holds the lock of
//! the bytes alone, and at most one other waits for that.
//!
//! **Lock** the tables, then a block's, then the tables again; never two.
//!
//! **Source** `interprocess-communication-patent.txt`, figure 5.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::commands::MessageReply;
use super::{CopyNumber, Copying, Finished, Piece};
use crate::common::caller::{Caller, ClientNumber};
use crate::common::error::Error;
use crate::common::lock::lock;
use crate::cooperative::process::ProcessNumber;
use crate::memory::arena::{Contents, ContentsError};
use crate::memory::service::LockedContents;
use crate::server::shared::Shared;
use crate::server::waiting::sleep;

/// How long a thread waits for a seat before it looks again, should no thread wake it.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Which way bytes are copied.
pub(super) enum Bytes<'a> {
    In(&'a [u8]),
    Out(&'a mut [u8]),
}

/// Finishes a copy that panicked.
struct Unfinished<'a> {
    shared: &'a Shared,
    number: CopyNumber,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        let _ = self.shared.memory.change(|tables, _| tables.engine().finish(self.number, false));
    }
}

impl Shared {
    /// Copies a message, or a part of it, into `spare`, for the client that receives it.
    ///
    /// # Errors
    /// `not-found` when it was lost meanwhile.
    pub(super) fn read_message(
        &self,
        copying: Copying<LockedContents>,
        caller: Caller,
        spare: &mut Vec<u8>,
    ) -> Result<MessageReply, Error> {
        let mut data = std::mem::take(spare);
        data.resize(copying.length as usize, 0);
        match self.copy(copying, caller.client, Bytes::Out(&mut data))? {
            Finished::Read(session) => Ok(MessageReply { session, data: Some(data) }),
            other => Err(not_that(&other)),
        }
    }

    /// Waits for the seat, copies, and leaves it.
    ///
    /// # Errors
    /// `not-found` when a process or session ended meanwhile.
    pub(super) fn copy(
        &self,
        copying: Copying<LockedContents>,
        client: ClientNumber,
        bytes: Bytes<'_>,
    ) -> Result<Finished, Error> {
        let unfinished = Unfinished { shared: self, number: copying.number };
        let is_seated = copying.is_seated || self.await_seat(copying.number, client);
        let is_made = is_seated && self.copy_pieces(&copying, bytes).is_ok();
        // It did not panic: the next line finishes it.
        std::mem::forget(unfinished);
        self.memory.change(|tables, _| tables.engine().finish(copying.number, is_made))
    }

    /// False when the block has gone meanwhile.
    fn await_seat(&self, number: CopyNumber, client: ClientNumber) -> bool {
        let mut tables = lock(self.memory.tables());
        let waker = tables.processes.waker(client).unwrap_or_default();
        loop {
            match tables.engine().is_seated(number) {
                Some(false) => {}
                seated => return seated.is_some(),
            }
            tables = sleep(tables, Caller::connected(client), &waker, LOOK_EVERY);
        }
    }

    /// Steps 512 and 522.
    pub(super) fn copy_pieces(
        &self,
        copying: &Copying<LockedContents>,
        mut bytes: Bytes<'_>,
    ) -> Result<(), ContentsError> {
        let place = &copying.place;
        let mut done = 0;
        for piece in std::iter::once(&place.first).chain(&place.more) {
            let (at, part) = (piece.at as usize, done..done + piece.length as usize);
            done = part.end;
            let arena = self.memory.arena();
            self.in_block(piece, &place.contenders, |contents| match &mut bytes {
                Bytes::In(data) => contents.write_part(arena, at, &data[part]),
                Bytes::Out(data) => contents.read_part(arena, at, &mut data[part]),
            })?;
        }
        Ok(())
    }

    /// Does something under the lock of a block's bytes, and counts the threads that hold it or
    /// wait for it.
    pub(super) fn in_block<T>(
        &self,
        piece: &Piece<LockedContents>,
        contenders: &AtomicU32,
        act: impl FnOnce(&mut Contents) -> T,
    ) -> T {
        let now = contenders.fetch_add(1, Ordering::Relaxed) + 1;
        self.contenders.fetch_max(now, Ordering::Relaxed);
        let done = act(&mut lock(&piece.handle));
        contenders.fetch_sub(1, Ordering::Relaxed);
        done
    }

    /// Gives back everything that a process held which has ended, once no thread copies in it.
    pub fn end_process(&self, number: ProcessNumber) {
        self.await_quiet(number);
        loop {
            let endings =
                self.memory.change(|tables, _| tables.manager().strike(number, ENDED_AT_ONCE));
            if endings.is_empty() {
                return;
            }
            self.memory.give_back(endings);
        }
    }

    /// Waits for the copies in the blocks of a process that has ended: each takes as long as its
    /// bytes do, whatever other clients do.
    fn await_quiet(&self, number: ProcessNumber) {
        let mut tables = lock(self.memory.tables());
        while !tables.engine().is_quiet(number) {
            let waker = tables.processes.ending_waker(number).unwrap_or_default();
            let woken = waker.wait_timeout(tables, LOOK_EVERY);
            tables = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Blocks that are struck under one hold of the tables' lock.
const ENDED_AT_ONCE: usize = 256;

/// A copy ended as another than it began: a bug of the engine, and no client's doing.
pub(super) fn not_that(finished: &Finished) -> Error {
    debug_assert!(false, "{finished:?} is not what the copy began as");
    super::no_session()
}

#[cfg(test)]
#[path = "copying_tests.rs"]
mod tests;
