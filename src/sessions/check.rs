//! The invariants of the chapter as code. The tests call [`Engine::check`] after each step.
//!
//! ```text
//!   check ─┬─ check_process    entry = duplicate, blocks = extents, count of guests = guests there
//!          │    └─ check_filling    bytes of messages = used bytes of the manager
//!          ├─ check_readers    readers = inboxes + names of values + copies that read
//!          ├─ check_sessions   open ends = sessions that processes know of
//!          └─ check_charges    account = sum of what is there, at its price
//! ```
//!
//! A *guest* is the first message of a session: it lies in its receiver's block, not its sender's.
//!
//! The engine knows many numbers twice. For example, a message counts its readers, and the inboxes
//! and copies that refer to it can be counted too. Each function here counts again and compares. So
//! a test finds a bug at the step that made the numbers differ, and not when a count wraps much
//! later.
//!
//! **Lock** the tables. Between two holds of the lock all numbers must agree. Within one hold they
//! may differ: a message that is being posted counts an inbox as a reader before it lies there.
//!
//! **Cost** all messages and all sessions are visited once for each process. That is too slow for a
//! server, which never calls this.
//!
//! **Source** ours.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::cooperative::process::ProcessNumber;
use crate::sessions::administration::{BLOCK, Entry, PROCESS, SESSION, SPAN, Span, Use};
use crate::sessions::block::MessageBlock;
use crate::sessions::message::MessageId;
use crate::sessions::receipt::Purpose;
use crate::sessions::{Engine, EventHandle, RegisteredProcess};

impl<W: EventHandle> Engine<'_, W> {
    /// Checks the invariants in `sessions/mod.rs`, and those of blocks.
    ///
    /// # Errors
    /// The first broken invariant, in words.
    pub fn check(&self) -> Result<(), String> {
        for (&number, process) in &self.sessions.registered {
            self.check_process(number, process)?;
        }
        // Three tables list the living processes. An ended process stays in `registered` until no
        // thread copies in its blocks.
        let living = self.sessions.registered.values().filter(|process| !process.has_ended).count();
        if self.sessions.administration.entries.len() != living
            || living != self.processes.living_count()
        {
            return Err("entries, duplicates and processes disagree".into());
        }
        // The end of a sender's process removes its rows of `deliveries`. One that was left would
        // stay for ever.
        let is_there = |number| self.sessions.registered.get(&number).is_some_and(|p| !p.has_ended);
        if !self.sessions.deliveries.values().all(|&(by, _)| is_there(by)) {
            return Err("a process that has ended waits for a receipt".into());
        }
        // Each process stands in the queue once. Otherwise a client could enter its process over
        // and over, and the queue would grow without a bound.
        let waiting_for_memory: BTreeSet<_> = self.sessions.waiting_for_memory.iter().collect();
        if waiting_for_memory.len() != self.sessions.waiting_for_memory.len() {
            return Err("a process waits twice for memory for its messages".into());
        }
        self.check_readers()?;
        self.check_sessions()?;
        self.check_charges()
    }

    /// Checks one process, and then its blocks by [`Self::check_filling`]:
    ///
    /// - The engine's duplicate is equal to the entry (step 422). An ended process has no entry any
    ///   more; then nothing is compared.
    /// - Each block keeps its own invariants ([`MessageBlock::check`]).
    /// - Each extent lies where the lease table says.
    /// - The blocks have exactly the extents that the memory manager gave the process.
    /// - The counts of guests add up to the first messages of other processes in the blocks.
    /// - Each copy at one of the blocks' seats is under way.
    fn check_process(
        &self,
        number: ProcessNumber,
        process: &RegisteredProcess<W>,
    ) -> Result<(), String> {
        let name = &process.name;
        let spans: Vec<_> = process.blocks.iter().map(MessageBlock::spans).collect();
        let entry = self.sessions.administration.entries.get(&number);
        if entry.is_some_and(|entry| !is_duplicate(process, entry, &spans)) {
            return Err(format!("the engine's duplicate of {name}'s entry differs from it"));
        }
        let mut extents = BTreeMap::new();
        for block in &process.blocks {
            block.check()?;
            for extent in &block.extents {
                let handle = self.leases.handle_of_held(extent.id, number);
                if handle.is_none_or(|handle| handle.offset != extent.span.offset) {
                    return Err(format!("{name}'s extent lies elsewhere"));
                }
                extents.insert(extent.id, extent.span.size);
            }
        }
        if extents != self.processes.extents(number).into_iter().collect() {
            return Err(format!("{name}'s blocks and extents disagree"));
        }
        let own = self.sessions.messages_of(number);
        let of_others = own.filter(|(_, message)| message.payer != number).count() as u64;
        if of_others != process.guests.values().map(|guests| guests.count).sum() {
            return Err(format!("{name}'s block has {of_others} first messages of others"));
        }
        let mut copies =
            process.blocks.iter().flat_map(MessageBlock::seats).flat_map(|seat| seat.copies());
        if !copies.all(|copy| self.sessions.copies.contains_key(&copy)) {
            return Err(format!("a seat at {name}'s block is had by nobody"));
        }
        self.check_filling(number, process)
    }

    /// Checks that `blocked_sessions` has only sessions of the process. Checks also that the
    /// sub-blocks of the messages in each block have as many bytes as the block's manager counts as
    /// used. They differ if a sub-block was never given back, or was given back while its message
    /// is there.
    fn check_filling(
        &self,
        number: ProcessNumber,
        process: &RegisteredProcess<W>,
    ) -> Result<(), String> {
        let name = &process.name;
        if !process.blocked_sessions.is_subset(&process.sessions) {
            return Err(format!("{name} could not say something in a session it has no part in"));
        }
        for (index, block) in process.blocks.iter().enumerate() {
            let here = self.sessions.messages_in((number, index));
            let used: u64 = here.map(|(_, m)| MessageBlock::rounded(m.length)).sum();
            if used != block.manager.filling().used {
                return Err(format!("{name}'s messages have {used} bytes of block {index}"));
            }
        }
        Ok(())
    }

    /// Checks that each message has as many readers as inboxes, names of values and reading copies
    /// that refer to it, and that a message without readers is being filled. With one reader too
    /// many a message is never freed; with one too few it is freed while a copy reads it.
    fn check_readers(&self) -> Result<(), String> {
        let mut readers: HashMap<MessageId, u64> = HashMap::new();
        let ends = self.sessions.all.values().flat_map(|session| &session.ends);
        for queued in ends.flat_map(|end| &end.inbox) {
            *readers.entry(queued.message).or_insert(0) += 1;
        }
        for id in self.sessions.registered.values().flat_map(|process| process.values.values()) {
            *readers.entry(*id).or_insert(0) += 1;
        }
        let mut filled = Vec::new();
        for copy in self.sessions.copies.values() {
            if copy.purpose.reads() {
                *readers.entry(copy.message).or_insert(0) += 1;
            } else {
                filled.push(copy.message);
            }
        }
        for (id, message) in &self.sessions.messages {
            let found = readers.remove(id).unwrap_or(0);
            if found != message.readers || (found == 0) != filled.contains(id) {
                return Err(format!("message {id:?} has {found} of {} readers", message.readers));
            }
        }
        // The ids that are left belong to no message. A reading copy may have such an id: its
        // message was lost with its owner, and `finish` will find that out. An inbox may not.
        let is_copied = |id| self.sessions.copies.values().any(|copy| copy.message == id);
        match readers.into_keys().find(|&id| !is_copied(id)) {
            Some(id) => Err(format!("message {id:?} is read and is not there")),
            None => Ok(()),
        }
    }

    /// Checks that each open end belongs to a living process that knows of the session, and that no
    /// session is left over: with two closed ends, or with one and nothing to receive, it must be
    /// gone.
    fn check_sessions(&self) -> Result<(), String> {
        for (id, session) in &self.sessions.all {
            for end in session.ends.iter().filter(|end| !end.is_closed) {
                let process = self.sessions.registered.get(&end.process).filter(|p| !p.has_ended);
                if process.is_none_or(|process| !process.sessions.contains(id)) {
                    return Err("an open end belongs to no process".into());
                }
            }
            let closed = session.ends.iter().filter(|end| end.is_closed).count();
            let waiting: usize = session.ends.iter().map(|end| end.inbox.len()).sum();
            if closed == 2 || (closed == 1 && waiting == 0) {
                return Err("a session is there that nobody can use".into());
            }
        }
        // The loop found each open end in the list of its process. If the sums are equal too, no
        // process lists a session in which it has no open end.
        let living = self.sessions.registered.values().filter(|process| !process.has_ended);
        let known: usize = living.map(|process| process.sessions.len()).sum();
        let ends = self.sessions.all.values().flat_map(|session| &session.ends);
        if known != ends.filter(|end| !end.is_closed).count() {
            return Err("processes and sessions disagree".into());
        }
        Ok(())
    }

    /// Checks each entry's account, and the account of the whole, against the things that exist.
    /// The whole has more than the entries: the messages and sessions of ended payers. Then checks
    /// the sums against the accounts.
    fn check_charges(&self) -> Result<(), String> {
        // A session with a first message is charged before the copy, and is there after it.
        let copies = self.sessions.copies.values();
        let opening = copies.filter(|copy| matches!(copy.purpose, Purpose::Open { .. }));
        let opening: Vec<ProcessNumber> = opening.map(|copy| copy.by).collect();
        let mut all = SESSION * (self.sessions.all.len() + opening.len()) as u64;
        all += self.sessions.messages.values().map(|message| message.paid).sum::<u64>();
        for (number, entry) in &self.sessions.administration.entries {
            let messages =
                self.sessions.messages.values().filter(|message| message.payer == *number);
            let messages: u64 = messages.map(|message| message.paid).sum();
            let sessions = self.sessions.all.values().filter(|session| session.payer == *number);
            let own = opening.iter().filter(|&by| by == number).count();
            let sessions = SESSION * (sessions.count() + own) as u64;
            let spans: usize = entry.blocks.iter().map(Vec::len).sum();
            let entry_bytes = PROCESS + BLOCK * entry.blocks.len() as u64 + SPAN * spans as u64;
            let account = self.sessions.administration.account(*number);
            let held = |what| account.held.of(what);
            if [held(Use::Entry), held(Use::Sessions), held(Use::Messages)]
                != [entry_bytes, sessions, messages]
            {
                return Err(format!(
                    "{} is charged {:?} of {entry_bytes}, {sessions}, {messages}",
                    entry.name, account.held
                ));
            }
            all += entry_bytes;
        }
        self.sessions.administration.check_sums(all)
    }
}

/// Returns whether the engine's duplicate has what the entry has (step 422).
fn is_duplicate<W: EventHandle>(
    process: &RegisteredProcess<W>,
    entry: &Entry<W>,
    spans: &[Vec<Span>],
) -> bool {
    entry.name == process.name
        && entry.token == process.token
        && entry.event.is_same(&process.event)
        && entry.blocks == spans
}
