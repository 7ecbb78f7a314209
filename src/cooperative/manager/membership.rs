//! Membership: how a process joins, how clients attach to it, and how it ends.
//!
//! ```text
//!   join ───► client ─┐
//!   attach ─► client ─┴─► process ──► leave, the last connection's end, or silence ──► gone
//!                                     name, token, clients, requests: at once
//!                                     blocks: struck in batches, until none is left
//! ```
//!
//! A process is a program that has joined under a name; its clients are its connections and its
//! senders of datagrams. To *strike* a block is to take it out of the lease table. All ways to end
//! lead through one function, `end`: a process that is killed gives its memory back as one that
//! leaves does.
//!
//! **Invariants** A client belongs to at most one process. Only a process that has not ended is
//! found by name or token, so a new process may take the name as soon as the old one has ended.
//!
//! **Lock** the tables.
//!
//! **Simplified** The token is the only right: a client that knows it may attach, and may then end
//! the process for all its clients. A bigger system would give each client rights of its own.
//!
//! **Source** `cooperative-memory-management.txt`, figure 7A, box 702; the rest is ours.

use std::sync::Arc;
use std::time::Instant;

use crate::common::caller::Caller;
use crate::common::caller::ClientNumber;
use crate::common::error::{Code, Error};
use crate::cooperative::manager::{Manager, Processes};
use crate::cooperative::process::{Member, Process, ProcessNumber};
use crate::cooperative::words::{Pool, ProcessToken};
use crate::memory::lease::{Ending, SpaceNumber};

/// The longest name of a process, in bytes.
const MAX_NAME: usize = 32;

/// The most clients without a connection that one process may have. A connection costs its client a
/// socket. A sender of datagrams costs its client nothing, so the number of senders needs a bound.
const MAX_UNCONNECTED: usize = 64;

/// The own block that a process wants when it joins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnBlock {
    /// Its bytes; `None` for the size that the server's rules give, 0 for no block.
    pub size: Option<u64>,
    /// The space, a part of the arena, in which this block and all later own blocks of the process
    /// lie.
    pub space: SpaceNumber,
}

/// A size alone means a block of that size in the first space.
impl From<Option<u64>> for OwnBlock {
    fn from(size: Option<u64>) -> Self {
        Self { size, space: 0 }
    }
}

impl<W: Clone> Manager<'_, W> {
    /// Makes a process of that name, with `caller` as its first client. The process gets an own
    /// block of the size in `own`, or of the configured size; with the size 0 it gets no block.
    /// Returns the process's token. Unchanged when it fails.
    ///
    /// # Errors
    /// `bad-request` for an invalid name; `refused` when the caller belongs to a process already,
    /// when the name is taken, or when another size is fixed for it; `busy` when there are too many
    /// processes; `out-of-memory` when the committed pool cannot give the block.
    pub fn join(
        &mut self,
        caller: Caller,
        name: &str,
        own: impl Into<OwnBlock>,
        waker: W,
        now: Instant,
    ) -> Result<ProcessToken, Error> {
        let OwnBlock { size, space } = own.into();
        let size = self.processes.check_join(caller, name, size)?;
        // `last` is raised only below, when nothing can fail any more. The block comes first,
        // because it is the only step that can still fail.
        let number = self.processes.last + 1;
        let name: Arc<str> = name.into();
        let mut process = Process::new(name.clone(), self.leases.uuid(), waker);
        process.space = space;
        if size > 0 {
            let (id, size) = self.take_in(space, number, size)?;
            process.take_own(id, size);
        }
        let token = process.token;
        self.processes.last = number;
        self.processes.names.insert(name, number);
        self.processes.tokens.insert(token, number);
        self.processes.all.insert(number, Box::new(process));
        self.processes.admit(caller, number, now);
        self.processes.note_pressure(now);
        self.plan_look_after_allocation(Pool::Committed, now);
        Ok(token)
    }

    /// Strikes up to `most` blocks of a process that has ended. The caller gives them back, and
    /// calls again until this returns no block; that last call removes the process. The caller
    /// unlocks the tables between two calls: a process may have thousands of blocks, and other
    /// requests would wait until all of them are struck.
    pub fn strike(&mut self, number: ProcessNumber, most: usize) -> Vec<Ending> {
        let Some(process) = self.processes.all.get_mut(&number).filter(|process| process.has_ended)
        else {
            return Vec::new();
        };
        let ids = process.blocks.keys().chain(process.own_extents.keys());
        let ids: Vec<_> = ids.copied().take(most).collect();
        let endings = ids.into_iter().filter_map(|id| self.end_block(id, number));
        let endings: Vec<_> = endings.map(|(ending, _)| ending).collect();
        if endings.is_empty() {
            self.processes.all.remove(&number);
        }
        endings
    }
}

impl<W: Clone> Processes<W> {
    /// Checks whether `caller` may join as a process of that name. Returns the bytes of the own
    /// block that the process would get; chapter 6 makes room for so many before it joins.
    ///
    /// # Errors
    /// As [`Manager::join`], except `out-of-memory`: the free bytes are not checked here.
    pub fn check_join(
        &self,
        caller: Caller,
        name: &str,
        committed: Option<u64>,
    ) -> Result<u64, Error> {
        check_name(name)?;
        if self.clients.contains_key(&caller.client) {
            return Err(Error::new(Code::Refused, BELONGS_ALREADY));
        }
        if self.names.contains_key(name) {
            let text = "another process has that name; choose another, or attach by its token";
            return Err(Error::new(Code::Refused, text));
        }
        // Processes that have ended count until their memory is back.
        if self.all.len() >= self.rules.most {
            let text = format!("there are {} processes already; try again later", self.rules.most);
            return Err(Error::new(Code::Busy, text));
        }
        self.own_block_size(name, committed)
    }

    /// Returns whether the process of `client` has other clients too.
    pub fn has_others(&self, client: ClientNumber) -> bool {
        let number = self.clients.get(&client);
        number.and_then(|number| self.all.get(number)).is_some_and(|p| p.members.len() > 1)
    }

    /// Returns the name of the process that a client belongs to.
    pub fn name_of(&self, client: ClientNumber) -> Option<Arc<str>> {
        let process = self.all.get(self.clients.get(&client)?)?;
        Some(process.name.clone())
    }

    /// Returns the process of that name.
    pub fn named(&self, name: &str) -> Option<ProcessNumber> {
        self.names.get(name).copied()
    }

    /// Returns the bytes of an own block: those that are fixed for the name; if none are, those
    /// that the process asks for; if it names no size, the default.
    ///
    /// # Errors
    /// `refused` when the process asks for another size than the fixed one.
    fn own_block_size(&self, name: &str, asked: Option<u64>) -> Result<u64, Error> {
        match (self.rules.fixed.get(name), asked) {
            (Some(&fixed), Some(asked)) if asked != fixed => {
                let text = format!("{fixed} bytes are fixed for that name; join with those");
                Err(Error::new(Code::Refused, text))
            }
            (Some(&fixed), _) => Ok(fixed),
            (None, asked) => Ok(asked.unwrap_or(self.rules.block)),
        }
    }

    /// Makes `caller` a further client of a process; returns the process's name. Unchanged when it
    /// fails.
    ///
    /// # Errors
    /// `not-found` when no process has the token; `refused` when the caller belongs to a process
    /// already, or when too many clients without a connection are attached.
    pub fn attach(
        &mut self,
        caller: Caller,
        token: ProcessToken,
        now: Instant,
    ) -> Result<String, Error> {
        if self.clients.contains_key(&caller.client) {
            return Err(Error::new(Code::Refused, BELONGS_ALREADY));
        }
        let text = "there is no such process, or no longer; join a new one";
        let not_found = || Error::new(Code::NotFound, text);
        let number = *self.tokens.get(&token).ok_or_else(not_found)?;
        let process = self.all.get(&number).ok_or_else(not_found)?;
        let unconnected = process.members.iter().filter(|member| member.heard.is_some()).count();
        if !caller.is_connected && unconnected >= MAX_UNCONNECTED {
            let text = "too many are attached without a connection; attach by TCP";
            return Err(Error::new(Code::Refused, text));
        }
        let name = process.name.to_string();
        self.admit(caller, number, now);
        Ok(name)
    }

    /// Enters a client into the map of clients and into its process.
    fn admit(&mut self, caller: Caller, number: ProcessNumber, now: Instant) {
        self.clients.insert(caller.client, number);
        if let Some(process) = self.all.get_mut(&number) {
            let heard = (!caller.is_connected).then_some(now);
            process.members.push(Member { client: caller.client, heard });
        }
    }

    /// Ends the process that `client` belongs to, for all its clients. Returns its number and its
    /// name; the caller strikes its blocks next.
    ///
    /// # Errors
    /// `refused` when the client belongs to no process.
    pub fn leave(
        &mut self,
        client: ClientNumber,
        now: Instant,
    ) -> Result<(ProcessNumber, String), Error> {
        let number = self.number_of(client)?;
        let name = self.process(number)?.name.to_string();
        self.end(number, now);
        Ok((number, name))
    }

    /// Removes a client whose connection has ended, or that was silent for too long. If it was the
    /// last client of its process, ends the process and returns its number; the caller strikes its
    /// blocks next.
    pub fn disconnect(&mut self, client: ClientNumber, now: Instant) -> Option<ProcessNumber> {
        let number = self.clients.remove(&client)?;
        let process = self.all.get_mut(&number)?;
        process.members.retain(|member| member.client != client);
        if !process.members.is_empty() {
            return None;
        }
        self.end(number, now);
        Some(number)
    }

    /// Notes that a client without a connection was heard, so that `end_silent` keeps it. Does
    /// nothing for a connection, or for a client that belongs to no process.
    pub fn hear(&mut self, client: ClientNumber, now: Instant) {
        let number = self.clients.get(&client);
        let process = number.and_then(|number| self.all.get_mut(number));
        let member = process
            .and_then(|process| process.members.iter_mut().find(|member| member.client == client));
        member.and_then(|member| member.heard.as_mut()).into_iter().for_each(|heard| *heard = now);
    }

    /// Returns the clients without a connection that were silent for too long.
    pub fn silent(&self, now: Instant) -> Vec<ClientNumber> {
        let members = self.all.values().flat_map(|process| &process.members);
        members.filter(|member| self.is_silent(member, now)).map(|member| member.client).collect()
    }

    /// Returns whether a client without a connection was silent for too long. A connection never
    /// is: it has no `heard`, because the server sees its end.
    fn is_silent(&self, member: &Member, now: Instant) -> bool {
        let silence = member.heard.map(|heard| now.saturating_duration_since(heard));
        silence.is_some_and(|silence| silence >= self.rules.idle)
    }

    /// Removes a client if it is still silent: between [`Processes::silent`] and this call the
    /// tables were unlocked, and the client may have been heard. If it was the last client of its
    /// process, ends the process and returns its number; the caller strikes its blocks next.
    pub fn end_silent(&mut self, client: ClientNumber, now: Instant) -> Option<ProcessNumber> {
        let members = &self.all.get(self.clients.get(&client)?)?.members;
        let is_silent = |member: &Member| member.client == client && self.is_silent(member, now);
        if !members.iter().any(is_silent) {
            return None;
        }
        self.disconnect(client, now)
    }

    /// Ends a process for all its clients: removes its name, its token, its clients and its
    /// requests, and wakes the threads that wait for it. Its blocks stay until they are struck.
    fn end(&mut self, number: ProcessNumber, now: Instant) {
        let Some(process) = self.all.get_mut(&number) else { return };
        process.has_ended = true;
        self.names.remove(&process.name);
        self.tokens.remove(&process.token);
        for member in std::mem::take(&mut process.members) {
            self.clients.remove(&member.client);
        }
        // The requests are removed before `note_pressure`, so that it counts without them.
        self.forget_requests(number);
        self.wake(number);
        self.note_pressure(now);
    }
}

/// The text of the refusal for a client that joins or attaches twice.
const BELONGS_ALREADY: &str = "this client belongs to a process already; leave it first";

/// Checks a name: 1 to 32 letters, digits, hyphens, underscores and dots. A space is refused,
/// because a line of text would have two words for one name.
///
/// # Errors
/// `bad-request`.
pub fn check_name(name: &str) -> Result<(), Error> {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(is_good) {
        return Ok(());
    }
    let text = "a name has 1 to 32 letters, digits, hyphens, underscores and dots; choose another";
    Err(Error::new(Code::BadRequest, text))
}
