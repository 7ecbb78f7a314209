//! The memory manager: processes that share the pools, what they are given, and what they
//! are asked to give back.
//!
//! ```text
//!   join ─────► committed ─► own block          allocation   figures 5, 6 and 8 to 12
//!   request ──► decide ────► lease table ─► id  waiting      who waits for memory
//!   return ───► repay ─────► pools ─► serve ──► who waited   collection   whom to ask for it
//!   report ───► status ────► collect ─► signal  statement    pools and accounts
//! ```
//!
//! It answers at once or says that nothing can be given now; the waiting itself, and the
//! waking, are transport's: for each process the manager keeps a waker of its owner's making,
//! and hands out those that are to be woken ([`Manager::take_wakers`]).
//!
//! A process ends in steps, because a copy may be under way in its blocks: it loses its name,
//! token and place in the queue at once, then its blocks are struck bite by bite
//! ([`Manager::strike`]), marked released by the owner, and given back.
//!
//! **Invariants** ([`Manager::check`], after each step of the tests)
//!
//! 1. Free of all pools, debts, leases and what is on its way back are the arena.
//! 2. Each process owes what it holds ([`super::process`]).
//! 3. A refusal changes nothing but the report that came with it.
//! 4. Every decision is one path of the figures.
//!
//! **Lock** the tables, around the whole of it. Time is an argument.
//!
//! **Simplified** processes are believed: one that reports garbage it does not have borrows on
//! it, up to the caps.
//!
//! **Source** `cooperative-memory-management.txt`. Of figure 3 it is the form with the modules
//! combined into one, in user space, that speaks to the processes by messages.

mod allocation;
mod collection;
mod statement;
mod waiting;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::figures::Visited;
use super::lease::{Ending, LeaseTable};
use super::pool::Shares;
use super::pressure::Pressure;
use super::process::{Process, ProcessNumber};
use crate::message::memory::{Amounts, Pool, ProcessToken};
use crate::message::{ClientNumber, Code, Error};
pub use collection::CollectBy;
use waiting::Queue;
pub use waiting::Ticket;

/// The longest name of a process, in bytes.
pub const MOST_NAME: usize = 32;

/// The most clients of one process that have no connection.
const MOST_UNCONNECTED: usize = 64;

/// What a manager goes by.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// The bytes of a process's own block when it asks for none.
    pub block: u64,
    /// What the user has fixed: the committed bytes of processes by name.
    pub fixed: BTreeMap<String, u64>,
    /// When so much of a pool is free or less, memory is asked for.
    pub low_water: Shares,
    /// Whom to ask.
    pub collect_by: CollectBy,
    /// A process that reports an efficiency below this gets memory without asking.
    pub boost_below: Option<u8>,
    /// How long a process without a connection lives after it was heard.
    pub idle: Duration,
    /// The most processes.
    pub most: usize,
    /// Whether to keep a journal of decisions.
    pub journal: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            block: 64 << 10,
            fixed: BTreeMap::new(),
            low_water: default_low_water(),
            collect_by: CollectBy::Effect,
            boost_below: None,
            idle: Duration::from_secs(30),
            most: 8192,
            journal: false,
        }
    }
}

/// A quarter of each pool that lends and grants; committed memory comes back last, and nobody
/// is asked for it unless another waits.
pub fn default_low_water() -> Shares {
    use super::pool::Share::Percent;
    let mut shares = Shares::all(Percent(25));
    shares.set(Pool::Committed, Percent(0));
    shares
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// A connection, or a token of datagrams.
    pub client: ClientNumber,
    /// It is a connection, whose end will be told.
    pub is_connected: bool,
}

impl Caller {
    /// A connection.
    pub fn connected(client: ClientNumber) -> Self {
        Self { client, is_connected: true }
    }

    /// One of whom only silence tells that it has gone.
    pub fn unconnected(client: ClientNumber) -> Self {
        Self { client, is_connected: false }
    }
}

/// The processes, and the memory that they share.
#[derive(Debug)]
pub struct Manager<H, W> {
    /// Leases and grants. To be changed by the manager alone.
    leases: LeaseTable<H>,
    rules: Rules,
    low_water: Amounts,
    // Who there is.
    processes: BTreeMap<ProcessNumber, Process<W>>,
    names: BTreeMap<Arc<str>, ProcessNumber>,
    tokens: HashMap<ProcessToken, ProcessNumber>,
    clients: HashMap<ClientNumber, ProcessNumber>,
    last: ProcessNumber,
    // Who waits.
    queue: Queue,
    /// How many processes have a request in the queue.
    waiting: usize,
    pressure: Pressure,
    // What is to be done.
    collect_at: Option<Instant>,
    wakers: Vec<W>,
    journal: Vec<String>,
    visited: Visited,
}

impl<H: Clone, W: Clone> Manager<H, W> {
    /// A manager of that memory: box 500. The pools were divided before: boxes 700 and 704.
    pub fn new(leases: LeaseTable<H>, rules: Rules, now: Instant) -> Self {
        let size = *leases.pools().size();
        let low_water = Amounts::each(|pool| {
            rules.low_water.get(pool).map_or(0, |share| share.of(size[pool]).min(size[pool]))
        });
        let mut visited = Visited::default();
        [500, 700, 704].into_iter().for_each(|number| visited.at(number));
        let pools = Pool::ALL.into_iter().zip([750, 752, 754, 756, 758]);
        pools.filter(|(pool, _)| size[*pool] > 0).for_each(|(_, number)| visited.at(number));
        Self {
            leases,
            rules,
            low_water,
            processes: BTreeMap::new(),
            names: BTreeMap::new(),
            tokens: HashMap::new(),
            clients: HashMap::new(),
            last: 0,
            queue: Queue::default(),
            waiting: 0,
            pressure: Pressure::new(now),
            collect_at: None,
            wakers: Vec::new(),
            journal: Vec::new(),
            visited,
        }
    }

    /// The leases and grants, to look at.
    pub fn leases(&self) -> &LeaseTable<H> {
        &self.leases
    }

    /// The boxes of the figures where it has been.
    pub fn visited(&self) -> Visited {
        self.visited
    }

    /// Those who wait and should look again.
    pub fn take_wakers(&mut self) -> Vec<W> {
        std::mem::take(&mut self.wakers)
    }

    /// What was decided since, for the log.
    pub fn take_journal(&mut self) -> Vec<String> {
        std::mem::take(&mut self.journal)
    }

    /// The wakers of all processes: the server stops.
    pub fn all_wakers(&self) -> Vec<W> {
        self.processes.values().map(|process| process.waker.clone()).collect()
    }

    /// Makes `caller` a process of that name, with a block of its own of `committed` bytes,
    /// or as many as the rules say; 0 is none. Answers its token. Unchanged when it fails.
    ///
    /// # Errors
    /// `bad-request` for a name that is none; `refused` when the caller belongs to a process
    /// already, when the name is taken, or when another number of bytes is fixed for it;
    /// `busy` when there are too many; what the committed pool says.
    pub fn join(
        &mut self,
        caller: Caller,
        name: &str,
        committed: Option<u64>,
        waker: W,
        now: Instant,
    ) -> Result<ProcessToken, Error> {
        check_name(name)?;
        if self.clients.contains_key(&caller.client) {
            return Err(Error::new(Code::Refused, ALREADY));
        }
        if self.names.contains_key(name) {
            let text = "another process has that name; choose another, or attach by its token";
            return Err(Error::new(Code::Refused, text));
        }
        if self.processes.len() >= self.rules.most {
            let text = format!("there are {} processes already; try again later", self.rules.most);
            return Err(Error::new(Code::Busy, text));
        }
        let committed = self.committed_for(name, committed)?;
        let number = self.last + 1;
        let name: Arc<str> = name.into();
        let mut process = Process::new(name.clone(), self.leases.uuid(), waker, now);
        if committed > 0 {
            process.own = Some(self.take_own_block(number, committed)?);
            process.take(Pool::Committed, process.own.map_or(0, |(_, size)| size));
        }
        let token = process.token;
        self.last = number;
        self.names.insert(name, number);
        self.tokens.insert(token, number);
        self.processes.insert(number, process);
        self.admit(caller, number, now);
        self.note_pressure(now);
        self.look_after(Pool::Committed, now);
        Ok(token)
    }

    fn committed_for(&self, name: &str, asked: Option<u64>) -> Result<u64, Error> {
        match (self.rules.fixed.get(name), asked) {
            (Some(&fixed), Some(asked)) if asked != fixed => {
                let text = format!("{fixed} bytes are fixed for that name; join with those");
                Err(Error::new(Code::Refused, text))
            }
            (Some(&fixed), _) => Ok(fixed),
            (None, asked) => Ok(asked.unwrap_or(self.rules.block)),
        }
    }

    /// Makes `caller` one more client of a process; answers the process's name.
    ///
    /// # Errors
    /// `not-found` when there is no such process; `refused` when the caller belongs to one
    /// already, or too many are attached.
    pub fn attach(
        &mut self,
        caller: Caller,
        token: ProcessToken,
        now: Instant,
    ) -> Result<String, Error> {
        if self.clients.contains_key(&caller.client) {
            return Err(Error::new(Code::Refused, ALREADY));
        }
        let text = "there is no such process, or no longer; join a new one";
        let not_found = || Error::new(Code::NotFound, text);
        let number = *self.tokens.get(&token).ok_or_else(not_found)?;
        let process = self.processes.get(&number).ok_or_else(not_found)?;
        if !caller.is_connected && process.clients.len() - process.connections >= MOST_UNCONNECTED {
            let text = "too many are attached without a connection; attach by TCP";
            return Err(Error::new(Code::Refused, text));
        }
        let name = process.name.to_string();
        self.admit(caller, number, now);
        Ok(name)
    }

    fn admit(&mut self, caller: Caller, number: ProcessNumber, now: Instant) {
        self.clients.insert(caller.client, number);
        if let Some(process) = self.processes.get_mut(&number) {
            process.clients.push(caller.client);
            process.connections += usize::from(caller.is_connected);
            process.heard = now;
        }
    }

    /// Ends the process that `client` belongs to. Its blocks are to be struck now. Answers
    /// which one, and its name.
    ///
    /// # Errors
    /// `refused` when it belongs to none.
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

    /// A connection has ended. Answers the process that ended with it: its blocks are to be
    /// struck now.
    pub fn disconnect(&mut self, client: ClientNumber, now: Instant) -> Option<ProcessNumber> {
        let number = self.clients.remove(&client)?;
        let process = self.processes.get_mut(&number)?;
        process.clients.retain(|&each| each != client);
        process.connections -= 1;
        process.heard = now;
        // Others may still speak for it, of whom only silence will tell.
        if !process.clients.is_empty() {
            return None;
        }
        self.end(number, now);
        Some(number)
    }

    /// A client without a connection was heard.
    pub fn hear(&mut self, client: ClientNumber, now: Instant) {
        let number = self.clients.get(&client);
        if let Some(process) = number.and_then(|number| self.processes.get_mut(number)) {
            process.heard = now;
        }
    }

    /// Ends the processes without a connection that were silent for too long: their blocks are
    /// to be struck now.
    pub fn end_silent(&mut self, now: Instant) -> Vec<ProcessNumber> {
        let idle = self.rules.idle;
        let is_silent = |process: &Process<W>| {
            !process.is_gone
                && process.connections == 0
                && now.saturating_duration_since(process.heard) >= idle
        };
        let silent = self.processes.iter().filter(|(_, process)| is_silent(process));
        let silent: Vec<ProcessNumber> = silent.map(|(&number, _)| number).collect();
        silent.iter().for_each(|&number| self.end(number, now));
        silent
    }

    /// Takes a process's name, token, clients and requests.
    fn end(&mut self, number: ProcessNumber, now: Instant) {
        let Some(process) = self.processes.get_mut(&number) else { return };
        process.is_gone = true;
        self.wakers.push(process.waker.clone());
        self.names.remove(&process.name);
        self.tokens.remove(&process.token);
        for client in std::mem::take(&mut process.clients) {
            self.clients.remove(&client);
        }
        self.forget_requests(number);
        self.note_pressure(now);
    }

    /// Strikes up to `most` blocks of a process that has ended; none are left when none come.
    pub fn strike(&mut self, number: ProcessNumber, most: usize) -> Vec<Ending<H>> {
        let Some(process) = self.processes.get_mut(&number).filter(|process| process.is_gone)
        else {
            return Vec::new();
        };
        let blocks = process.blocks.iter().copied().take(most);
        let mut ids: Vec<_> = blocks.collect();
        if ids.len() < most {
            ids.extend(process.own.take().map(|(id, _)| id));
        }
        let endings: Vec<_> = ids.into_iter().filter_map(|id| self.end_block(id, number)).collect();
        if endings.is_empty() {
            self.processes.remove(&number);
        }
        endings
    }

    fn number_of(&self, client: ClientNumber) -> Result<ProcessNumber, Error> {
        let text = "this client belongs to no process; join NAME or attach TOKEN first";
        self.clients.get(&client).copied().ok_or_else(|| Error::new(Code::Refused, text))
    }

    fn process(&mut self, number: ProcessNumber) -> Result<&mut Process<W>, Error> {
        self.processes.get_mut(&number).ok_or_else(process_ended)
    }

    fn write(&mut self, line: impl FnOnce() -> String) {
        if self.rules.journal {
            self.journal.push(line());
        }
    }

    /// Says which invariant is broken, if one is.
    ///
    /// # Errors
    /// The invariant, in words.
    pub fn check(&self) -> Result<(), String> {
        self.leases.check()?;
        let mut owed = Amounts::default();
        for process in self.processes.values() {
            process.check(self.leases.pools().cap())?;
            owed.add(&process.owed);
        }
        self.leases.check_pools(&owed)?;
        let living = || self.processes.iter().filter(|(_, process)| !process.is_gone);
        let named = living().all(|(number, process)| {
            self.names.get(&process.name) == Some(number)
                && self.tokens.get(&process.token) == Some(number)
        });
        let (count, clients) = (living().count(), living().map(|(_, p)| p.clients.len()).sum());
        if !named || self.names.len() != count || self.tokens.len() != count {
            return Err("names, tokens and processes disagree".into());
        }
        if self.clients.len() != clients {
            return Err("clients and processes disagree".into());
        }
        self.check_queue()
    }
}

const ALREADY: &str = "this client belongs to a process already; leave it first";

fn process_ended() -> Error {
    Error::new(Code::NotFound, "the process has ended; join a new one")
}

fn check_name(name: &str) -> Result<(), Error> {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if (1..=MOST_NAME).contains(&name.len()) && name.bytes().all(is_good) {
        return Ok(());
    }
    let text = "a name has 1 to 32 letters, digits, hyphens, underscores and dots; choose another";
    Err(Error::new(Code::BadRequest, text))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
