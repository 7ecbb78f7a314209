//! A manager and its clock, for tests that tell what processes do and expect pools and paths.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use leasebox::common::caller::Caller;
use leasebox::common::error::{Code, Error};
use leasebox::common::id::LeaseId;
use leasebox::common::marks::{Figures, take_reached};
use leasebox::cooperative::manager::{Rules, StandAlone};
use leasebox::cooperative::pool::{Share, Shares};
use leasebox::cooperative::words::{Amounts, Granted, Pool, Reason, Signal, Wanted};

pub const KB: u64 = 1024;
pub const MB: u64 = KB * KB;
pub const MS: Duration = Duration::from_millis(1);

/// A manager, a clock, and processes by the numbers of their clients.
pub struct World {
    pub tables: StandAlone<u64>,
    pub now: Instant,
}

pub fn shares(of: &[(Pool, u64)]) -> Shares {
    let mut shares = Shares::default();
    for &(pool, bytes) in of {
        shares.insert(pool, Share::Bytes(bytes));
    }
    shares
}

impl World {
    /// An arena of 1024 KiB: the pools that are given, and the rest committed.
    pub fn new(pools: &[(Pool, u64)]) -> Self {
        Self::with(pools, &[], Rules::default())
    }

    pub fn with(pools: &[(Pool, u64)], caps: &[(Pool, u64)], rules: Rules) -> Self {
        Self::sized(MB, pools, caps, rules)
    }

    pub fn sized(arena: u64, pools: &[(Pool, u64)], caps: &[(Pool, u64)], rules: Rules) -> Self {
        let now = Instant::now();
        let tables = StandAlone::new(arena, &shares(pools), &shares(caps), rules, now).unwrap();
        Self { tables, now }
    }

    /// A process with so much committed memory, of which all but its collateral is in use.
    pub fn join(&mut self, client: u64, committed: u64) {
        let name = format!("p{client}");
        let caller = Caller::connected(client);
        self.tables.manager().join(caller, &name, Some(committed), client, self.now).unwrap();
    }

    pub fn report(&mut self, client: u64, freeable: u64) {
        self.tables.manager().report(client, freeable, None, self.now).unwrap();
    }

    pub fn ask(&mut self, client: u64, size: u64, reason: Reason) -> Result<Granted, Error> {
        let wanted = Wanted { why: true, ..Wanted::new(size, reason) };
        let before = self.state();
        let asked = self.tables.manager().request(client, &wanted, self.now);
        if asked.is_err() {
            assert_eq!(self.state(), before, "a refusal changes nothing");
        }
        assert_eq!(self.tables.check(), Ok(()));
        asked
    }

    /// Asks, and expects a pool and a path.
    pub fn granted(
        &mut self,
        client: u64,
        size: u64,
        reason: Reason,
        pool: Pool,
        by: &str,
    ) -> LeaseId {
        let granted = self.ask(client, size, reason).unwrap();
        assert_eq!((granted.pool, granted.by.as_deref()), (pool, Some(by)));
        granted.id
    }

    /// Asks, and expects a refusal by a path.
    pub fn refused(&mut self, client: u64, size: u64, reason: Reason, by: &str) {
        let error = self.ask(client, size, reason).unwrap_err();
        assert_eq!(error.code, Code::Refused);
        assert!(error.text.ends_with(&format!(" by {by}")), "{error}, not by {by}");
    }

    pub fn give_back(&mut self, client: u64, id: LeaseId) -> Amounts {
        let (ending, refill) = self.tables.manager().return_block(client, id).unwrap();
        self.tables.manager().give_back(vec![ending], self.now);
        assert_eq!(self.tables.check(), Ok(()));
        refill
    }

    /// Asks, and has to wait: the ticket.
    pub fn wait(&mut self, client: u64, size: u64, reason: Reason) -> u64 {
        let wanted = Wanted { wait_ms: 60_000, ..Wanted::new(size, reason) };
        self.tables.manager().request_or_wait(client, &wanted, self.now).unwrap().unwrap_err().0
    }

    /// The manager looks at its pools, so much later.
    pub fn pass(&mut self, time: Duration) {
        self.now += time;
        self.tables.manager().collect(self.now);
    }

    /// What is free in a pool, in bytes.
    pub fn free(&mut self, pool: Pool) -> u64 {
        let (pools, _) = self.tables.manager().pools(self.now);
        pools.iter().find(|state| state.pool == pool).unwrap().free
    }

    pub fn signal(&mut self, client: u64) -> Option<Signal> {
        self.tables.processes.next_signal(client).unwrap()
    }

    pub fn state(&mut self) -> String {
        let (pools, _) = self.tables.manager().pools(self.now);
        format!("{pools:?} {:?}", self.tables.processes.accounts(None, usize::MAX))
    }

    /// The boxes that were reached since this was asked last.
    pub fn reached(self) -> BTreeSet<u16> {
        take_reached(Figures::Boxes)
    }
}

pub fn amounts(of: &[(Pool, u64)]) -> Amounts {
    let mut amounts = Amounts::default();
    of.iter().for_each(|&(pool, bytes)| amounts[pool] = bytes);
    amounts
}
