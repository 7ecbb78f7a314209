//! Named leases: a client chooses the name under which its data stands.
//!
//! ```text
//!   > put notes 60000 0 hello    < replaced b65a… 5 1      there was none of that name: created
//!   > put notes 60000 1 hello!   < replaced b65a… 6 2      version 1 was replaced
//!   > put notes 60000 0 bye      < error refused …         there is one already
//!   > get b65a…                  < data b65a… hello!
//! ```
//!
//! If no lease has the name, its version counts as 0. So the condition `0` means *create, replace
//! nothing*, and `!0` means *replace, create nothing*. The id of a name is computed from it
//! ([`crate::common::name_id`]); with the id, all other commands work as for any lease.
//!
//! **The wrong way** is to lease a block first and to set it afterwards. Between these two steps
//! another client would read an empty lease. Here new data is written where nobody sees it, and
//! then put in its place by one change under the tables' lock:
//!
//! ```text
//!   create   lease a fresh block, set it │ tables: the lease gets the name's id
//!   grow     lease a fresh block         │ block: check the condition, write there, move there
//!                                        │ tables: the two leases exchange their blocks
//!   fits     block: check the condition, set in place
//! ```
//!
//! While the data grows, the old block and the new one are both charged.
//!
//! These steps take several holds of locks, so two puts to one name would disturb each other:
//!
//! ```text
//!   put A     moves the contents to block a                       exchanges: the lease has block a
//!   put B        moves them on to block b ─ exchanges: block b                │
//!                                                    A gives block b back ◄───┘ with the data in it
//! ```
//!
//! So each put has a *turn* at its name, and a later put waits. Only puts make a lease of that
//! name. The lease may still expire, or be released, during a put; then the put begins again.
//!
//! **Invariants**
//!
//! 1. A client that reads by the name finds the data of one put, whole, or no lease.
//! 2. At most one put to a name is under way.
//!
//! **Lock** the tables', then a block's, then the tables' again; never two at once.
//!
//! **Simplified** a put that waits for its turn looks again each 100 us. A bigger system would let
//! it sleep in a queue.
//!
//! **Source** RFC 9110, section 9.3.4: PUT creates or replaces.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use crate::common::caller::Caller;
use crate::common::description::{Execute, Field, Sink, Source, command};
use crate::common::error::{Code, Error, Malformed};
use crate::common::id::LeaseId;
use crate::common::name_id::{id_of_name, is_of_name};
use crate::memory::contents::{ContentsError, Handle, OpenContents};
use crate::memory::lease::not_found;
use crate::memory::service::{Memory, Tables, rest};
use crate::memory::versions::{Condition, Replaced};

/// The id of a name. A line of text has the name. A frame has the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameId(LeaseId);

impl NameId {
    /// Returns the id of a name, which may be any bytes.
    pub fn of(name: &[u8]) -> Self {
        Self(id_of_name(name))
    }

    /// Takes an id that was computed from a name already.
    pub fn from_id(id: LeaseId) -> Self {
        Self(id)
    }

    /// Returns the id, with which all commands find the lease.
    pub fn id(self) -> LeaseId {
        self.0
    }
}

impl<'a> Field<'a> for NameId {
    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        match source.word() {
            Some(b"") => Err(Error::new(Code::BadRequest, "there is no name; give one")),
            Some(name) => Ok(Self::of(name)),
            // Any other id is refused: the client could take an id that the server would give to a
            // later lease.
            None => match source.id()? {
                id if is_of_name(id) => Ok(Self(id)),
                _ => Err(Malformed("has an id of no name").into()),
            },
        }
    }

    fn write(&self, name: &str, sink: &mut impl Sink) {
        sink.id(name, self.0);
    }
}

command! {
    /// Creates the lease of a name, or replaces its contents, if the condition holds.
    0x2c "put NAME MS VERSIONS DATA" Put<'a> -> Replaced {
        /// The name.
        name: NameId,
        /// Milliseconds from now, at least 1: the lease is renewed, too.
        duration_ms: u64,
        /// The versions that may be replaced; 0 if there is no lease of that name.
        condition: Box<Condition>,
        /// The bytes.
        data: Cow<'a, [u8]>,
    }
}

impl<T: Tables> Execute<Memory<T>> for Put<'_> {
    fn execute(
        &self,
        memory: &Memory<T>,
        caller: Caller,
        _: &mut Vec<u8>,
    ) -> Result<Replaced, Error> {
        let patience = if caller.is_connected { PATIENCE } else { UNCONNECTED_PATIENCE };
        let version = memory.put(self, patience)?;
        Ok(Replaced { id: self.name.id(), length: self.data.len() as u64, version })
    }
}

/// The longest time for which a put waits for its turn.
const PATIENCE: Duration = Duration::from_secs(1);

/// The same for a client that sends datagrams: one thread serves all such clients, and all of them
/// wait meanwhile.
const UNCONNECTED_PATIENCE: Duration = Duration::from_millis(1);

/// The most times that a put begins again because the lease has ended meanwhile.
const MOST_TRIES: usize = 16;

/// The result of one try: the new version, or `None` if the lease has ended meanwhile. After `None`
/// the put tries again.
type Tried = Result<Option<u64>, Error>;

/// The turn of one put at its name. No other put to the name is under way until this value is
/// dropped.
struct PutTurn<'m, T: Tables> {
    memory: &'m Memory<T>,
    id: LeaseId,
}

/// Ends the turn. No thread is woken: a put that waits looks again after 100 us.
impl<T: Tables> Drop for PutTurn<'_, T> {
    fn drop(&mut self) {
        self.memory.with_tables(|tables, _| tables.leases().end_turn(self.id));
    }
}

/// A lease that only this thread knows. It ends when this value is dropped, also if the thread
/// panics.
struct UnseenLease<'m, T: Tables> {
    memory: &'m Memory<T>,
    id: LeaseId,
}

impl<T: Tables> Drop for UnseenLease<'_, T> {
    /// Ends the lease. If the lease has got a name, the table has no lease of the old id any more,
    /// and nothing happens.
    fn drop(&mut self) {
        if let Ok(ending) = self.memory.change(|tables, now| tables.leases().end(self.id, now)) {
            self.memory.give_back(vec![ending]);
        }
    }
}

impl<T: Tables> Memory<T> {
    /// Creates or replaces the lease of a name; returns its version. Waits up to `patience` for its
    /// turn.
    ///
    /// # Errors
    /// `refused` if the condition does not hold; `busy` if others put to the name all that time;
    /// the errors of a lease.
    pub fn put(&self, put: &Put<'_>, patience: Duration) -> Result<u64, Error> {
        let id = put.name.id();
        let _turn = self.take_turn(id, Instant::now() + patience)?;
        for _ in 0..MOST_TRIES {
            let found = self.with_tables(|tables, now| {
                // The duration is checked first. After the replacement it would be too late to
                // refuse it.
                tables.leases().check_duration(put.duration_ms, now)?;
                Ok::<_, Error>(tables.leases().find(id, now).ok().map(|handle| (handle, now)))
            })?;
            let tried = match found {
                None => self.create(put),
                Some((handle, now)) if put.data.len() as u64 <= handle.size => {
                    let opened = self.arena().open(&handle);
                    let replace =
                        |mut block: OpenContents<'_>| block.replace(&put.condition, &put.data, now);
                    self.renew_after_replacing(put, opened.and_then(replace), handle.size)
                }
                Some((handle, _)) => self.replace_elsewhere(put, &handle),
            };
            if let Some(version) = tried? {
                return Ok(version);
            }
        }
        Err(busy())
    }

    /// Waits for the turn of a put at a name.
    fn take_turn(&self, id: LeaseId, deadline: Instant) -> Result<PutTurn<'_, T>, Error> {
        while !self.with_tables(|tables, _| tables.leases().begin_turn(id)) {
            if Instant::now() >= deadline {
                return Err(busy());
            }
            rest();
        }
        Ok(PutTurn { memory: self, id })
    }

    /// Leases a fresh block for the data, sets it, and gives it the name. The version is 1 then,
    /// because a version counts the sets.
    fn create(&self, put: &Put<'_>) -> Tried {
        if !put.condition.holds(0) {
            let text =
                "no lease has that name, so its version counts as 0; put it without condition";
            return Err(Error::new(Code::Refused, text));
        }
        let fresh = self.lease_for(put)?;
        self.set(fresh.id, &put.data)?;
        let is_named = self.change(|tables, now| {
            tables.leases().rename(fresh.id, put.name.id(), put.duration_ms, now)
        });
        if !is_named {
            // An expired lease of that name is still in the table. It is ended here, and the next
            // try finds its place free.
            self.reap_all(Instant::now());
        }
        Ok(is_named.then_some(1))
    }

    /// Replaces contents that have no room for the data: moves them into a fresh block.
    fn replace_elsewhere(&self, put: &Put<'_>, handle: &Handle) -> Tried {
        let fresh = self.lease_for(put)?;
        let (offset, now) = self.with_tables(|tables, now| (tables.leases().offset(fresh.id), now));
        let size = put.data.len() as u64;
        // Only this thread knows the fresh lease, so it is there.
        let room = (offset.ok_or_else(not_found)?, size);
        let opened = self.arena().open(handle);
        let moved =
            opened.and_then(|mut block| block.replace_at(room, &put.condition, &put.data, now));
        if moved.is_ok() {
            let id = put.name.id();
            if !self.change(|tables, _| tables.leases().exchange_blocks(id, fresh.id)) {
                // The lease has ended, and its contents stand in the fresh block. A copy of them
                // may be under way there, and has to end before that block is given back.
                self.arena().release(handle);
                return Ok(None);
            }
        }
        // The fresh lease has the old block now, or still its own one after an error. Its end gives
        // this block back, before the lease of the name is renewed.
        drop(fresh);
        self.renew_after_replacing(put, moved, size)
    }

    /// Renews the lease after a replacement, whose result is `set`; returns the new version. `None`
    /// if the lease has ended meanwhile. `size` is the size of the lease, for the error's text.
    fn renew_after_replacing(
        &self,
        put: &Put<'_>,
        set: Result<u64, ContentsError>,
        size: u64,
    ) -> Tried {
        match set {
            Ok(version) => {
                let renew = |tables: &mut T, now| {
                    tables.leases().renew(put.name.id(), put.duration_ms, now)
                };
                Ok(self.change(renew).ok().map(|_| version))
            }
            Err(ContentsError::Released) => Ok(None),
            Err(error) => Err(error.explain(put.data.len(), size)),
        }
    }

    /// Leases a block for the data, under an id that nobody knows. A lease has at least 1 byte,
    /// also if the data is empty.
    fn lease_for(&self, put: &Put<'_>) -> Result<UnseenLease<'_, T>, Error> {
        let size = (put.data.len() as u64).max(1);
        let id = self.lease_by(size, |leases, now| leases.lease_unseen(size, now))?;
        Ok(UnseenLease { memory: self, id })
    }
}

/// Returns the error for a put that did not get its turn, or whose lease ended again and again.
fn busy() -> Error {
    Error::new(Code::Busy, "other clients put to this name all the time; try again")
}

#[cfg(test)]
#[path = "named_tests.rs"]
mod tests;
