//! Lesson 4, who gets the headroom: the reader lets processes report garbage, request memory and
//! return it. The page lights the path of each decision in the flow charts of figures 8 to 12.
//!
//! ```text
//!   moves   A:r2000.A:p1000.B:e4000.A:-1
//!           A reports 2000 freeable bytes, A requests 1000 against a pause, B 4000 for efficiency,
//!           A returns the first block that was granted
//! ```
//!
//! Headroom is the free memory that a garbage collector needs in addition to the live objects. The
//! processes share it through *pools*: LP lends against reported garbage to avoid a pause, GP
//! grants for the same reason without garbage, LE lends for efficiency, and GL grants to a process
//! that is out of memory. [`crate::cooperative`] explains these words and the boxes of a path.
//!
//! A request that is refused waits, and the manager asks other processes to collect. After each
//! move 10 ms pass on the lesson's clock, and the manager looks at its pools.
//!
//! **Invariants** a view shows the state of the server's manager
//! ([`crate::cooperative::manager`]); its paths come from the manager's own journal.
//!
//! **Lock** none: each view has a manager of its own.
//!
//! **Source** `cooperative-memory-management.txt`, figures 8 to 12, and its ten processes.

use std::time::{Duration, Instant};

use super::charts::charts;
use super::headline::headline;
use super::settings::Settings;
use super::view::{list, number, numbers, record, text};
use super::{Lesson, client_of};
use crate::common::caller::Caller;
use crate::cooperative::manager::{Rules, StandAlone};
use crate::cooperative::pool::{Share, Shares};
use crate::cooperative::words::{Account, Amounts, Granted, Pool, Reason, Signal, Wanted};
use crate::protocol::http::value::Value;

/// The lesson.
pub const LESSON: Lesson = Lesson {
    name: "headroom",
    title: "Who gets the headroom",
    question: "processes share memory. Who gets it, and who is asked to give it back?",
    html: include_str!("pages/headroom.html"),
    script: include_str!("pages/headroom.js"),
    settings: &["processes", "seed", "moves"],
    questions: &[("view", view), ("charts", charts), ("headline", headline)],
    between: ".",
    runs: &[
        ("A loan, and what comes back", "processes=2&moves=A:r2000.A:p1000.A:-1"),
        (
            "A pool that is low asks its debtors",
            "processes=2&moves=A:r2048.A:p2048.B:p2048.B:p2048",
        ),
        ("Urgent, on to figure 9", "processes=3&moves=A:e4000.A:u4000.B:o1000"),
    ],
};

/// The bytes of each process's own block, which it has from its join.
const OWN: u64 = 2048;

/// The bytes of the pools; the committed pool has the rest of the arena.
const POOLS: [(Pool, u64); 4] = [
    (Pool::GrantedLeak, 2048),
    (Pool::GrantedPause, 2048),
    (Pool::LoanedEfficiency, 4096),
    (Pool::LoanedPause, 2048),
];

/// The arena's bytes.
const ARENA: u64 = 32 * 1024;

/// The time that passes with each move: as long as the manager takes to look after a low pool or a
/// waiting request (`LOOK_SOON`).
const TICK: Duration = Duration::from_millis(10);

/// The longest wait of a request, in milliseconds: 6,000 moves, more than an address can hold.
const WAIT_MS: u64 = 60_000;

/// A request that waits: its ticket in the manager's queue, the process, and the request.
type Ticketed = (u64, char, Wanted);

/// The state of a view: the manager with its tables, and the results for the page.
struct Headroom {
    /// The manager and its tables. The blocks have no bytes here, and no thread waits: the types of
    /// both the handle and the waker are `()`.
    tables: StandAlone<()>,
    /// The lesson's clock.
    now: Instant,
    /// All granted blocks, in the order of the grants: the process and the block, `None` after its
    /// return. A page names a block by its place here, counted from 1.
    blocks: Vec<(char, Option<Granted>)>,
    /// The requests that wait.
    waiting: Vec<Ticketed>,
    /// The results of the last move, in words.
    told: Vec<String>,
}

impl Headroom {
    /// Makes a manager over the lesson's pools, and lets the processes join: A, B and so on.
    fn new(processes: u64) -> Result<Self, String> {
        let mut shares = Shares::default();
        for (pool, bytes) in POOLS {
            shares.insert(pool, Share::Bytes(bytes));
        }
        let (now, rules) = (Instant::now(), Rules { journal: true, ..Rules::default() });
        // The third argument has no caps: a process may owe a pool all of its bytes.
        let tables = StandAlone::new(ARENA, &shares, &Shares::default(), rules, now)?;
        let (blocks, waiting, told) = (Vec::new(), Vec::new(), Vec::new());
        let mut headroom = Self { tables, now, blocks, waiting, told };
        for name in ('A'..).take(processes as usize) {
            let (caller, own) = (Caller::connected(client_of(name)), Some(OWN));
            let joined = headroom.tables.manager().join(caller, &name.to_string(), own, (), now);
            joined.map_err(|error| error.text.to_string())?;
        }
        // The journal of the joins is dropped: the page shows the paths of the last move alone.
        headroom.tables.processes.take_journal();
        Ok(headroom)
    }

    /// Carries out one move, lets 10 ms pass, and notes the results in words.
    ///
    /// # Errors
    /// Fails if the word is no move, or names a process that is not there. A refusal by the manager
    /// is a result, and no error.
    fn carry_out(&mut self, word: &str) -> Result<(), String> {
        let why = || format!("{word} is no move; give A:r2000, A:p1000 or A:-1, for example");
        let (name, what) = word.split_once(':').ok_or_else(why)?;
        let mut letters = name.chars();
        let name = letters.next().filter(char::is_ascii_uppercase).ok_or_else(why)?;
        let is_there = self.tables.processes.named(&name.to_string()).is_some();
        if !letters.as_str().is_empty() || !is_there {
            return Err(format!(
                "{word}: there is no such process; choose one that the page shows"
            ));
        }
        self.told.clear();
        if let Some(block) = what.strip_prefix('-') {
            self.give_back(name, block.parse().map_err(|_| why())?);
        } else {
            let mut letters = what.chars();
            let kind = letters.next().ok_or_else(why)?;
            let bytes: u64 = letters.as_str().parse().map_err(|_| why())?;
            match reason(kind) {
                Some(reason) => self.request(name, Wanted::new(bytes, reason)),
                None if kind == 'r' => self.report(name, bytes),
                None => return Err(why()),
            }
        }
        self.pass();
        Ok(())
    }

    fn report(&mut self, name: char, bytes: u64) {
        // `None`: a move reports no efficiency.
        let reported = self.tables.manager().report(client_of(name), bytes, None, self.now);
        self.told.push(match reported {
            Ok(()) => format!("{name} reports {bytes} freeable bytes."),
            Err(error) => format!("{name} is refused its report: {}.", error.text),
        });
    }

    fn request(&mut self, name: char, wanted: Wanted) {
        let wanted = Wanted { wait_ms: WAIT_MS, ..wanted };
        let asked = self.tables.manager().request_or_wait(client_of(name), &wanted, self.now);
        let Wanted { size, reason, .. } = wanted;
        match asked {
            Ok(Ok(granted)) => self.granted(name, granted),
            Ok(Err((ticket, _))) => {
                self.waiting.push((ticket, name, wanted));
                self.told.push(format!("{name} waits for {size} bytes ({}).", reason.word()));
            }
            Err(error) => {
                self.told.push(format!("{name} is refused {size} bytes: {}.", error.text))
            }
        }
    }

    /// Notes a granted block, and says so in words.
    fn granted(&mut self, name: char, granted: Granted) {
        let (size, pool) = (granted.size, granted.pool.word());
        self.told.push(format!("{name} gets {size} bytes from {pool}."));
        self.blocks.push((name, Some(granted)));
    }

    /// Returns the block of that number, counted from 1, for its process. Another process's block
    /// stays, and so does one that was returned already.
    fn give_back(&mut self, name: char, block: usize) {
        let found = block.checked_sub(1).and_then(|at| self.blocks.get_mut(at));
        let granted = found.filter(|(owner, _)| *owner == name).and_then(|(_, block)| block.take());
        let Some(Granted { id, size, .. }) = granted else {
            return self.told.push(format!("{name} has no block {block}: nothing happens."));
        };
        // The manager takes a block back in two steps. `refill` has the bytes that each pool gets.
        match self.tables.manager().return_block(client_of(name), id) {
            Ok((ending, refill)) => {
                self.tables.manager().give_back(vec![ending], self.now);
                let parts = Pool::ALL.into_iter().filter(|&pool| refill[pool] > 0);
                let parts: Vec<_> =
                    parts.map(|pool| format!("{} to {}", refill[pool], pool.word())).collect();
                self.told.push(format!("{name} returns {size} bytes: {}.", parts.join(", ")));
            }
            Err(error) => self.told.push(error.text.to_string()),
        }
    }

    /// Lets 10 ms pass. The manager looks at its pools; then the outcomes of waiting requests, and
    /// the signals to all processes, are noted in words.
    fn pass(&mut self) {
        self.now += TICK;
        self.tables.manager().collect(self.now);
        for (ticket, name, wanted) in std::mem::take(&mut self.waiting) {
            match self.tables.processes.take_outcome(ticket, self.now) {
                None => self.waiting.push((ticket, name, wanted)),
                Some(Ok(granted)) => self.granted(name, granted),
                Some(Err(error)) => self.told.push(format!("{name}: {}.", error.text)),
            }
        }
        for name in self.names() {
            while let Ok(Some(signal)) = self.tables.processes.next_signal(client_of(name)) {
                self.told.push(signalled(name, &signal));
            }
        }
    }

    /// Returns the letters of all processes.
    fn names(&self) -> Vec<char> {
        let accounts = self.tables.processes.accounts(None, usize::MAX);
        accounts.iter().filter_map(|account| account.name.chars().next()).collect()
    }
}

/// Returns the reason that a letter of a move stands for; `None` if it stands for no reason.
fn reason(letter: char) -> Option<Reason> {
    Some(match letter {
        'p' => Reason::Pause,
        'e' => Reason::Efficiency,
        'u' => Reason::UrgentEfficiency,
        'o' => Reason::OutOfMemory,
        'c' => Reason::Committed,
        _ => return None,
    })
}

/// Says a signal in words.
fn signalled(name: char, signal: &Signal) -> String {
    match signal {
        Signal::Collect { size, level, within_ms } => {
            let level = level.number();
            format!(
                "{name} is asked to collect and return {size} bytes in {within_ms} ms (level {level} of 3)."
            )
        }
        Signal::Status => format!("{name} is asked for a report."),
        Signal::Granted { size, pool, .. } => {
            format!("{name} gets {size} bytes from {} without asking.", pool.word())
        }
    }
}

/// Returns the numbers of the boxes that a line of the journal names behind its last " by ".
fn path_of(line: &str) -> Option<Vec<&str>> {
    Some(line.rsplit_once(" by ")?.1.split('-').collect())
}

/// Answers with the pools, the processes, and the paths of the last move.
fn view(settings: &Settings) -> Result<Value, String> {
    let processes = settings.number_or("processes", 3, 2..=5)?;
    let mut headroom = Headroom::new(processes)?;
    let mut journal = Vec::new();
    for word in settings.moves() {
        headroom.carry_out(word)?;
        journal = headroom.tables.processes.take_journal();
    }
    let (pools, _) = headroom.tables.manager().pools(headroom.now);
    let accounts = headroom.tables.processes.accounts(None, usize::MAX);
    let path = |line: &String| {
        let boxes = path_of(line)?;
        Some(record([("said", text(line)), ("boxes", list(boxes.into_iter().map(text)))]))
    };
    let block = |(at, (name, granted)): (usize, &(char, Option<Granted>))| {
        granted.as_ref().map(|granted| {
            record([
                ("number", number(at + 1)),
                ("name", text(*name)),
                ("size", number(granted.size)),
                ("pool", text(granted.pool.word())),
            ])
        })
    };
    let waiting = |(_, name, wanted): &Ticketed| {
        text(format!("{name} waits for {} bytes ({})", wanted.size, wanted.reason.word()))
    };
    Ok(record([
        ("pools", list(pools.iter().map(Value::of))),
        ("processes", list(accounts.iter().map(account))),
        ("blocks", list(headroom.blocks.iter().enumerate().filter_map(block))),
        ("waiting", list(headroom.waiting.iter().map(waiting))),
        ("told", list(headroom.told.iter().map(text))),
        ("paths", list(journal.iter().filter_map(path))),
    ]))
}

/// Returns the record of a process for the page: its garbage, its blocks and its debts.
fn account(account: &Account) -> Value {
    let amounts = |amounts: &Amounts| numbers(Pool::ALL.map(|pool| amounts[pool]));
    record([
        ("name", text(&account.name)),
        ("freeable", number(account.freeable)),
        ("secured", number(account.secured)),
        ("holds", amounts(&account.holds)),
        ("owes", amounts(&account.owes)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(moves: &str) -> Headroom {
        let mut headroom = Headroom::new(3).unwrap();
        moves.split('.').for_each(|word| headroom.carry_out(word).unwrap());
        assert_eq!(headroom.tables.check(), Ok(()));
        headroom
    }

    #[test]
    fn a_loan_needs_garbage_and_comes_back_to_its_pool() {
        assert_eq!(after("A:r2000.A:p1000").told[0], "A gets 1024 bytes from lp.");
        assert_eq!(after("A:p1000").told[0], "A gets 1024 bytes from gp.");
        let told = after("A:r2000.A:p1000.A:-1").told;
        assert_eq!(told[0], "A returns 1024 bytes: 1024 to lp.");
    }

    #[test]
    fn a_request_that_waits_lets_a_debtor_be_asked_and_is_served_when_it_returns() {
        let told = after("A:r2048.A:p2048.B:o2048.C:o2048").told;
        assert!(told[0].starts_with("C waits for 2048 bytes"), "{told:?}");
        let served = after("B:o2048.C:o2048.B:-1").told;
        assert!(served.contains(&"C gets 2048 bytes from gl.".to_string()), "{served:?}");
    }

    #[test]
    fn what_is_no_move_is_refused() {
        let mut headroom = Headroom::new(2).unwrap();
        for word in
            ["", "A", "A:", "A:x1", "A:p", "A:é1", "Z:p1", "AB:p1", "C:p1", "A:--1", "A:p-1"]
        {
            assert!(headroom.carry_out(word).is_err(), "{word}");
        }
        for word in ["A:-0", "A:-9", "A:p0", "A:p99999999", "A:r999999"] {
            assert!(headroom.carry_out(word).is_ok(), "{word}");
        }
    }
}
