//! An engine, its clock and an arena of plain bytes, for tests that say what processes do, step
//! by step: a copy is begun, made and finished at whatever moments the test chooses.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use leasebox::common::caller::Caller;
use leasebox::common::error::{Code, Error};
use leasebox::common::marks::{Figures, take_reached};
use leasebox::cooperative::manager::{Processes, Rules};
use leasebox::cooperative::pool::{PoolAmounts, Shares};
use leasebox::memory::lease::LeaseTable;
use leasebox::server::tables::ServerTables;
use leasebox::sessions::words::{Notice, SessionId, Told};
use leasebox::sessions::{CopyNumber, Copying, Engine, Full, Sessions};

pub const KB: u64 = 1024;

pub struct World {
    /// An extent is known by where it lies.
    pub tables: ServerTables<u64>,
    pub now: Instant,
    arena: Vec<u8>,
    /// Processes that ended, whose blocks are not given back yet.
    ending: Vec<u64>,
}

impl World {
    /// A megabyte of memory, and as much to administer it.
    pub fn new() -> Self {
        Self::sized(1024 * KB, 1024 * KB)
    }

    pub fn sized(memory: u64, admin: u64) -> Self {
        let pools = PoolAmounts::divided(memory, &Shares::default(), &Shares::default()).unwrap();
        let mut leases = LeaseTable::with_known_seed(memory);
        let now = Instant::now();
        let rules = Rules { journal: true, ..Rules::default() };
        let processes = Processes::new(pools, rules, &mut leases, now);
        let sessions = Sessions::new(admin, Duration::ZERO);
        let tables = ServerTables { leases, processes, sessions };
        Self { tables, now, arena: vec![0; memory as usize], ending: Vec::new() }
    }

    /// The same, with messages that outlive their sender.
    pub fn keeping(mut self, keep: Duration) -> Self {
        self.tables.sessions = Sessions::new(1024 * KB, keep);
        self
    }

    /// The same, with a second memory space of `size` bytes behind the first.
    pub fn with_space(mut self, size: u64) -> Self {
        let first = self.tables.leases.buddy().size();
        let leases = LeaseTable::with_known_seed(first);
        self.tables.leases = leases.with_spaces("a", &[("b".to_string(), size)]);
        self.arena.resize((first + size) as usize, 0);
        self
    }

    /// The reaper looks.
    pub fn look(&mut self) {
        let now = self.now;
        while let Some(number) = self.engine().next_kept_long_enough(now) {
            self.ending.push(number);
        }
        self.check();
    }

    pub fn engine(&mut self) -> Engine<'_, u64> {
        self.tables.engine()
    }

    pub fn shrink(&mut self, client: u64, block: u64, size: u64) -> Result<u64, Error> {
        let now = self.now;
        self.engine().shrink(client, block, size, now)
    }

    /// The steps that were reached since this was asked last.
    pub fn reached(&self) -> BTreeSet<u16> {
        take_reached(Figures::Steps)
    }

    /// After each step: what must hold, holds. What is quiet is given back.
    pub fn check(&mut self) {
        self.tables.check().unwrap();
        for number in std::mem::take(&mut self.ending) {
            if !self.engine().forget_if_quiet(number) {
                self.ending.push(number);
                continue;
            }
            loop {
                let endings = self.tables.manager().strike(number, 3);
                if endings.is_empty() {
                    break;
                }
                self.tables.engine().give_back(endings, self.now);
            }
        }
        self.tables.check().unwrap();
    }

    /// Client N joins as `pN`. Every second one is a stranger, with an address of its own.
    pub fn try_join(&mut self, client: u64, block: u64) -> Result<Result<(), Full>, Error> {
        let stranger = (client % 2 == 1).then(|| IpAddr::from([192, 0, 2, client as u8]));
        let (caller, name) =
            (Caller { stranger, ..Caller::connected(client) }, format!("p{client}"));
        let joined = self.tables.engine().join(caller, &name, Some(block), client, None, self.now);
        self.check();
        Ok(joined?.map(|_| ()))
    }

    pub fn join(&mut self, client: u64, block: u64) {
        self.try_join(client, block).unwrap().unwrap();
    }

    pub fn leave(&mut self, client: u64) {
        let (number, _) = self.tables.engine().leave(client, self.now).unwrap();
        self.ending.push(number);
        self.check();
    }

    /// How many bytes the blocks of a process have.
    pub fn size(&self, client: u64) -> u64 {
        let accounts = self.tables.processes.accounts(None, usize::MAX);
        let name = format!("p{client}");
        accounts.iter().find(|account| account.name == name).unwrap().holds.total()
    }

    pub fn open(&mut self, client: u64, other: u64) -> SessionId {
        let opened = self.engine().begin_open(client, &format!("p{other}"), 0);
        self.check();
        let (session, first) = opened.unwrap();
        assert!(first.is_none());
        session
    }

    /// Opens with a first message.
    pub fn open_with(&mut self, client: u64, other: u64, data: &[u8]) -> Result<SessionId, Error> {
        let begun = self.engine().begin_open(client, &format!("p{other}"), data.len() as u64);
        self.check();
        let (session, first) = begun?;
        if let Some(copying) = first {
            self.fill(copying, data)?;
        }
        Ok(session)
    }

    pub fn send(&mut self, client: u64, session: SessionId, data: &[u8]) -> Result<(), Error> {
        let begun = self.engine().begin_send(client, session, data.len() as u64, false);
        self.check();
        self.fill(begun?, data).map(|_| ())
    }

    pub fn publish(&mut self, client: u64, to: &[SessionId], data: &[u8]) -> Result<u64, Error> {
        let begun = self.engine().begin_publish(client, to, data.len() as u64);
        self.check();
        self.fill(begun?, data)
    }

    pub fn receive(&mut self, client: u64, session: SessionId) -> Result<Option<Vec<u8>>, Error> {
        let begun = self.engine().begin_receive(client, session, u64::MAX);
        self.check();
        begun?.map(|copying| self.read(copying)).transpose()
    }

    pub fn peek(
        &mut self,
        client: u64,
        session: SessionId,
        part: (u64, u64),
    ) -> Result<Option<Vec<u8>>, Error> {
        let begun = self.engine().begin_peek(client, session, part, u64::MAX);
        self.check();
        begun?.map(|copying| self.read(copying)).transpose()
    }

    pub fn signal(&mut self, client: u64) -> Option<Told> {
        let is_there = self.engine().has_signal(client);
        let told = self.engine().next_signal(client).unwrap();
        assert_eq!(is_there, told.is_some(), "nothing is taken before its client was seen");
        told
    }

    /// All that a process is told, in short.
    pub fn told(&mut self, client: u64) -> Vec<String> {
        std::iter::from_fn(|| self.signal(client)).map(|signal| in_short(&signal)).collect()
    }

    /// Fills a sub-block whose seat is free, and finishes.
    pub fn fill(&mut self, copying: Copying, data: &[u8]) -> Result<u64, Error> {
        assert!(copying.is_seated);
        self.write(&copying, data);
        self.finish(copying.number, true)
    }

    pub fn read(&mut self, copying: Copying) -> Result<Vec<u8>, Error> {
        assert!(copying.is_seated);
        let data = self.bytes(&copying);
        self.finish(copying.number, true).map(|_| data)
    }

    pub fn finish(&mut self, copy: CopyNumber, is_made: bool) -> Result<u64, Error> {
        let finished = self.engine().finish(copy, is_made);
        self.check();
        finished
    }

    pub fn write(&mut self, copying: &Copying, data: &[u8]) {
        let mut done = 0;
        for piece in std::iter::once(&copying.place.first).chain(&copying.place.more) {
            let (from, length) = ((piece.handle.offset + piece.at) as usize, piece.length as usize);
            self.arena[from..from + length].copy_from_slice(&data[done..done + length]);
            done += length;
        }
        assert_eq!(done, data.len());
    }

    pub fn bytes(&self, copying: &Copying) -> Vec<u8> {
        let pieces = std::iter::once(&copying.place.first).chain(&copying.place.more);
        let parts = pieces.map(|piece| {
            let from = (piece.handle.offset + piece.at) as usize;
            &self.arena[from..from + piece.length as usize]
        });
        parts.collect::<Vec<_>>().concat()
    }

    /// The log since, without what else is decided.
    pub fn log(&mut self) -> Vec<String> {
        let lines = self.tables.processes.take_journal();
        lines.into_iter().filter(|line| line.contains("block")).collect()
    }

    /// Everybody has left: nothing is used any more.
    pub fn is_empty(&self) -> bool {
        let figures = self.tables.sessions.figures();
        let used = self.tables.leases.filling().used;
        (figures.admin_used, figures.sessions, figures.messages, used) == (0, 0, 0, 0)
    }
}

/// A signal without its session's id.
fn in_short(told: &Told) -> String {
    let notice = match told {
        Told::Signal(signal) => return format!("{signal:?}"),
        Told::Notice(notice) => notice,
    };
    match notice {
        Notice::Opened { name, .. } => format!("opened {name}"),
        Notice::Message { length, .. } => format!("message {length}"),
        Notice::Blocked { .. } => "blocked".into(),
        Notice::Unblocked { .. } => "unblocked".into(),
        Notice::Lost { count, .. } => format!("lost {count}"),
        Notice::Closed { .. } => "closed".into(),
        Notice::Joined { name } => format!("joined {name}"),
        Notice::Left { name } => format!("left {name}"),
        Notice::Missed => "missed".into(),
    }
}

/// The code of a refusal, and that its text is one.
pub fn refusal<T: std::fmt::Debug>(result: Result<T, Error>, with: &str) -> Code {
    let error = result.unwrap_err();
    assert!(error.text.contains(with), "{error} does not say {with:?}");
    assert!(error.text.split(' ').count() >= 3, "{error}");
    error.code
}
