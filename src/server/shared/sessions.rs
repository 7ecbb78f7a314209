//! Requests of sessions, and the copies of messages.
//!
//! ```text
//!   send      tables ─ sub-block, seat ─ let go │ bytes ─ copy ─ let go │ tables ─ location, signal
//!   receive   tables ─ location, seat ── let go │ bytes ─ copy ─ let go │ tables ─ release
//!                            │ taken: wait for it, by the process's condition variable
//!   forward   tables ─ location ─ let go
//! ```
//!
//! **Invariants** a seat is left also when the copy panics; whoever copies holds the lock of the
//! bytes alone, and at most one other waits for that.
//!
//! **Lock** the tables, then a block's, then the tables again; never two.
//!
//! **Source** `interprocess-communication-patent.txt`, figure 5.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::cooperative::manager::{Caller, check_name};
use crate::cooperative::process::ProcessNumber;
use crate::memory::arena::{Contents, ContentsError};
use crate::message::{ClientNumber, Error, Reply};
use crate::server::shared::waiting::{
    Resumed, Sought, Waiting, What, look_for_message, nobody, sleep,
};
use crate::server::shared::{LockedContents, Shared, hold};
use crate::sessions::words::SessionId;
use crate::sessions::{CopyNumber, Copying, Finished, Piece};

/// How long a seat is waited for before it is looked at again, should nobody wake.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Which way bytes are copied.
enum Bytes<'a> {
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
        let _ = self.shared.change(|tables| tables.engine().finish(self.number, false));
    }
}

impl Shared {
    pub(super) fn open(
        &self,
        client: ClientNumber,
        name: &str,
        data: &[u8],
    ) -> Result<Reply<'_>, Error> {
        let length = data.len() as u64;
        let session =
            match self.change(|tables| tables.engine().begin_open(client, name, length))? {
                Ok(session) => session,
                Err(copying) => match self.copy(copying, client, Bytes::In(data))? {
                    Finished::Opened(session) => session,
                    other => return Ok(finished(other, None)),
                },
            };
        Ok(Reply::Opened { session })
    }

    pub(super) fn send(
        &self,
        client: ClientNumber,
        session: SessionId,
        data: &[u8],
    ) -> Result<Reply<'static>, Error> {
        let length = data.len() as u64;
        let begun =
            self.change(|tables| tables.engine().begin_send(client, session, length, false))?;
        Ok(finished(self.copy(begun, client, Bytes::In(data))?, None))
    }

    pub(super) fn publish(
        &self,
        client: ClientNumber,
        sessions: &[SessionId],
        data: &[u8],
    ) -> Result<Reply<'static>, Error> {
        let length = data.len() as u64;
        let begun =
            self.change(|tables| tables.engine().begin_publish(client, sessions, length))?;
        Ok(finished(self.copy(begun, client, Bytes::In(data))?, None))
    }

    /// Says something, and waits until it is received.
    pub(super) fn deliver(
        &self,
        caller: Caller,
        session: SessionId,
        ms: u64,
        data: &[u8],
    ) -> Result<Result<Reply<'_>, Waiting>, Error> {
        self.check_wait(ms)?;
        let (client, length) = (caller.client, data.len() as u64);
        let waker = hold(&self.tables).processes.waker(client)?;
        let begun =
            self.change(|tables| tables.engine().begin_send(client, session, length, true))?;
        let message = match self.copy(begun, client, Bytes::In(data))? {
            Finished::Sent { message, .. } => message,
            other => return Ok(Ok(finished(other, None))),
        };
        let deadline = Instant::now() + Duration::from_millis(ms);
        let what = What::Delivery { session, length, message };
        Ok(Err(Waiting { caller, what, deadline, waker }))
    }

    /// The same for one who cannot wait, and gets no answer but that it was not received.
    pub(super) fn deliver_now(
        &self,
        client: ClientNumber,
        session: SessionId,
        data: &[u8],
    ) -> Result<Reply<'_>, Error> {
        match self.deliver(Caller::connected(client), session, 0, data)? {
            Ok(reply) => Ok(reply),
            Err(waiting) => match self.resume(&waiting, Duration::ZERO, true, &mut Vec::new()) {
                Resumed::Answered(reply) => Ok(reply),
                _ => Ok(self.give_up(&waiting)),
            },
        }
    }

    pub(super) fn receive(
        &self,
        caller: Caller,
        session: SessionId,
        spare: &mut Vec<u8>,
    ) -> Result<Reply<'static>, Error> {
        let (client, most) = (caller.client, caller.most_data);
        match self.change(|tables| tables.engine().begin_receive(client, session, most))? {
            Some(copying) => Ok(self.told(copying, caller, spare)),
            None => Ok(Reply::Message { session, data: None }),
        }
    }

    pub(super) fn receive_or_wait(
        &self,
        caller: Caller,
        session: SessionId,
        ms: u64,
        spare: &mut Vec<u8>,
    ) -> Result<Result<Reply<'_>, Waiting>, Error> {
        self.check_wait(ms)?;
        let begun = self.change(|tables| {
            Ok(match look_for_message(tables, session, caller, false)? {
                Sought::Found(copying) => Ok(copying),
                // One of several connections is looked at first.
                Sought::Ready | Sought::Nothing => Err(tables.processes.waker(caller.client)?),
            })
        });
        match begun? {
            Ok(copying) => Ok(Ok(self.told(copying, caller, spare))),
            Err(waker) => {
                let deadline = Instant::now() + Duration::from_millis(ms);
                Ok(Err(Waiting { caller, what: What::Message(session), deadline, waker }))
            }
        }
    }

    pub(super) fn peek(
        &self,
        caller: Caller,
        session: SessionId,
        part: (u64, u64),
        spare: &mut Vec<u8>,
    ) -> Result<Reply<'static>, Error> {
        let (client, most) = (caller.client, caller.most_data);
        match self.change(|tables| tables.engine().begin_peek(client, session, part, most))? {
            Some(copying) => Ok(self.told(copying, caller, spare)),
            None => Ok(Reply::Message { session, data: None }),
        }
    }

    /// Copies a message, or a part of it, for who receives it.
    pub(super) fn told(
        &self,
        copying: Copying<LockedContents>,
        caller: Caller,
        spare: &mut Vec<u8>,
    ) -> Reply<'static> {
        let mut data = std::mem::take(spare);
        data.resize(copying.length as usize, 0);
        match self.copy(copying, caller.client, Bytes::Out(&mut data)) {
            Ok(done) => finished(done, Some(data)),
            Err(error) => Reply::Error(error),
        }
    }

    /// Waits for the seat, copies, and leaves it.
    fn copy(
        &self,
        copying: Copying<LockedContents>,
        client: ClientNumber,
        bytes: Bytes<'_>,
    ) -> Result<Finished, Error> {
        let unfinished = Unfinished { shared: self, number: copying.number };
        let is_seated = copying.is_seated || self.await_seat(copying.number, client);
        let is_made = is_seated && self.copy_pieces(&copying, bytes).is_ok();
        // It ends here as it should.
        std::mem::forget(unfinished);
        self.change(|tables| tables.engine().finish(copying.number, is_made))
    }

    /// False when the block has gone meanwhile.
    fn await_seat(&self, number: CopyNumber, client: ClientNumber) -> bool {
        let mut tables = hold(&self.tables);
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
    fn copy_pieces(
        &self,
        copying: &Copying<LockedContents>,
        mut bytes: Bytes<'_>,
    ) -> Result<(), ContentsError> {
        let place = &copying.place;
        let mut done = 0;
        for piece in std::iter::once(&place.first).chain(&place.more) {
            let (at, part) = (piece.at as usize, done..done + piece.length as usize);
            done = part.end;
            self.in_block(piece, &place.contenders, |contents| match &mut bytes {
                Bytes::In(data) => contents.write_part(&self.arena, at, &data[part]),
                Bytes::Out(data) => contents.read_part(&self.arena, at, &mut data[part]),
            })?;
        }
        Ok(())
    }

    /// Does something under the lock of a block's bytes, and counts who holds it or waits.
    fn in_block<T>(
        &self,
        piece: &Piece<LockedContents>,
        contenders: &AtomicU32,
        act: impl FnOnce(&mut Contents) -> T,
    ) -> T {
        let now = contenders.fetch_add(1, Ordering::Relaxed) + 1;
        self.contenders.fetch_max(now, Ordering::Relaxed);
        let done = act(&mut hold(&piece.handle));
        contenders.fetch_sub(1, Ordering::Relaxed);
        done
    }

    /// Waits until nobody copies in the blocks of a process that has ended: a copy holds up
    /// nobody, so that takes as long as it.
    pub(super) fn await_quiet(&self, number: ProcessNumber) {
        let mut tables = hold(&self.tables);
        while !tables.engine().is_quiet(number) {
            let waker = tables.processes.ending_waker(number).unwrap_or_default();
            let woken = waker.wait_timeout(tables, LOOK_EVERY);
            tables = woken.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
    }

    pub(super) fn forward(
        &self,
        client: ClientNumber,
        session: SessionId,
        to: SessionId,
    ) -> Result<Reply<'_>, Error> {
        let length = self.change(|tables| tables.engine().forward(client, session, to))?;
        Ok(Reply::Forwarded { session: to, length })
    }

    pub(super) fn close(
        &self,
        client: ClientNumber,
        session: SessionId,
    ) -> Result<Reply<'_>, Error> {
        self.change(|tables| tables.engine().close(client, session))?;
        Ok(Reply::Closed { session })
    }

    pub(super) fn sessions(&self, client: ClientNumber) -> Result<Reply<'_>, Error> {
        Ok(Reply::Sessions(hold(&self.tables).engine().sessions(client)?))
    }

    pub(super) fn lookup(&self, name: &str) -> Result<Reply<'_>, Error> {
        check_name(name)?;
        let is_there = hold(&self.tables).engine().is_there(name);
        let found = || Reply::Found { name: name.to_string() };
        is_there.then(found).ok_or_else(nobody)
    }

    pub(super) fn lookup_or_wait(
        &self,
        caller: Caller,
        name: &str,
        ms: u64,
    ) -> Result<Result<Reply<'_>, Waiting>, Error> {
        self.check_wait(ms)?;
        check_name(name)?;
        self.change_now(|tables, now| {
            let name = name.to_string();
            if tables.engine().is_there(&name) {
                return Ok(Ok(Reply::Found { name }));
            }
            let waker: Arc<_> = Arc::default();
            let ticket = tables.engine().await_name(&name, Arc::clone(&waker));
            let deadline = now + Duration::from_millis(ms);
            Ok(Err(Waiting { caller, what: What::Name { name, ticket }, deadline, waker }))
        })
    }

    pub(super) fn watch(&self, caller: Caller) -> Result<Reply<'_>, Error> {
        let names = self.change(|tables| tables.engine().watch(caller.client, caller.most_data))?;
        Ok(Reply::Watching(names.iter().map(|name| name.to_string()).collect()))
    }

    pub(super) fn register(&self, caller: Caller, size: u64) -> Result<Reply<'_>, Error> {
        let client = caller.client;
        let (block, size) =
            self.rendezvous(caller, |tables, _| tables.engine().register(client, size))?;
        Ok(Reply::Registered { block, size })
    }

    pub(super) fn grow(
        &self,
        client: ClientNumber,
        block: u64,
        size: u64,
    ) -> Result<Reply<'_>, Error> {
        self.reap_all(Instant::now());
        let size = self.change(|tables| tables.engine().grow(client, block, size))?;
        Ok(Reply::Block { size })
    }

    pub(super) fn shrink(
        &self,
        client: ClientNumber,
        block: u64,
        size: u64,
    ) -> Result<Reply<'_>, Error> {
        let size =
            self.change_now(|tables, now| tables.engine().shrink(client, block, size, now))?;
        Ok(Reply::Block { size })
    }
}

/// What is answered when a copy is done, with the bytes if there are any.
fn finished(finished: Finished, data: Option<Vec<u8>>) -> Reply<'static> {
    match finished {
        Finished::Opened(session) => Reply::Opened { session },
        Finished::Sent { session, length, .. } => Reply::Sent { session, length },
        Finished::Published { count, length } => Reply::Published { count, length },
        Finished::Read(session) => Reply::Message { session, data },
    }
}

#[cfg(test)]
#[path = "sessions_tests.rs"]
mod tests;
