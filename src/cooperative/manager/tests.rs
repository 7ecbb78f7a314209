//! Tests of the manager: processes take random steps, a naive model checks the results, and every
//! invariant is checked after every step. `tests/cooperative.rs` tests each rule and each box.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::common::caller::Caller;
use crate::common::id::LeaseId;
use crate::cooperative::pool::{Share, Shares};
use crate::cooperative::words::{Reason, Signal, Wanted};
use crate::memory::buddy::Buddy;

type Tables = StandAlone<u64>;

const ARENA: u64 = 4096;
const MS: Duration = Duration::from_millis(1);

fn manager(rules: Rules, shares: &Shares, caps: &Shares) -> Tables {
    StandAlone::new(ARENA, shares, caps, rules, Instant::now()).unwrap()
}

fn divided() -> Shares {
    let mut shares = Shares::default();
    let pools = [
        (Pool::GrantedLeak, 5),
        (Pool::GrantedPause, 15),
        (Pool::LoanedEfficiency, 25),
        (Pool::LoanedPause, 15),
    ];
    for (pool, percent) in pools {
        shares.insert(pool, Share::Percent(percent));
    }
    shares
}

/// A random step. A first `u64` is a client, but in `Lease` a size, and in `Pass` the milliseconds
/// that go by before the manager looks.
#[derive(Debug, Clone)]
enum Step {
    Join(u64, u64),
    Attach(u64, u64),
    Leave(u64),
    Disconnect(u64),
    Report(u64, u64, Option<u8>),
    Request(u64, u64, Reason, Option<u64>, bool),
    Return(u64, prop::sample::Index),
    Reuse(u64, u64),
    Lease(u64),
    Release(prop::sample::Index),
    Pass(u64),
    Signal(u64),
    Cancel(prop::sample::Index),
}

fn step() -> impl Strategy<Value = Step> {
    let client = || 1..7_u64;
    let index = any::<prop::sample::Index>;
    let reason = prop::sample::select(&Reason::ALL[..]);
    let size =
        || prop_oneof![4 => 1..400_u64, 1 => Just(0), 1 => Just(u64::MAX), 1 => 400..5000_u64];
    let freeable = || prop_oneof![4 => 0..600_u64, 1 => Just(u64::MAX)];
    prop_oneof![
        3 => (client(), 0..600_u64).prop_map(|(client, committed)| Step::Join(client, committed)),
        1 => (client(), client()).prop_map(|(client, whose)| Step::Attach(client, whose)),
        1 => client().prop_map(Step::Leave),
        1 => client().prop_map(Step::Disconnect),
        6 => (client(), freeable(), prop::option::of(0..120_u8))
            .prop_map(|(client, freeable, efficiency)| Step::Report(client, freeable, efficiency)),
        12 => (client(), size(), reason, prop::option::of(freeable()), any::<bool>())
            .prop_map(|(c, size, reason, freeable, wait)| Step::Request(c, size, reason, freeable, wait)),
        8 => (client(), index()).prop_map(|(client, at)| Step::Return(client, at)),
        1 => (client(), size()).prop_map(|(client, size)| Step::Reuse(client, size)),
        2 => size().prop_map(Step::Lease),
        2 => index().prop_map(Step::Release),
        2 => (0..1500_u64).prop_map(Step::Pass),
        3 => client().prop_map(Step::Signal),
        2 => index().prop_map(Step::Cancel),
    ]
}

/// What a test knows of a process without asking the manager.
#[derive(Debug, Default)]
struct Known {
    clients: Vec<u64>,
    blocks: HashMap<LeaseId, u64>,
    own: u64,
    freeable: u64,
    /// The bytes that blocks from LP have in addition to the requested ones, by rounding up.
    beyond: u64,
}

#[derive(Default)]
struct Model {
    /// By token.
    processes: HashMap<ProcessToken, Known>,
    leases: Vec<LeaseId>,
    tickets: Vec<(Ticket, ProcessToken)>,
}

impl Model {
    fn of(&mut self, client: u64) -> Option<(ProcessToken, &mut Known)> {
        let mut processes = self.processes.iter_mut();
        processes
            .find(|(_, known)| known.clients.contains(&client))
            .map(|(token, known)| (*token, known))
    }

    fn has(&mut self, client: u64, id: LeaseId, size: u64) {
        let (_, known) = self.of(client).unwrap();
        assert!(known.blocks.insert(id, size).is_none(), "a block was given twice");
    }

    fn end(&mut self, token: ProcessToken) {
        self.processes.remove(&token);
        self.tickets.retain(|(_, whose)| *whose != token);
    }
}

/// All that a refusal must not change.
fn accounts(tables: &mut Tables) -> String {
    let (pools, _) = tables.manager().pools(Instant::now());
    let filling = tables.leases.filling();
    format!("{:?} {pools:?} {filling:?}", tables.processes.accounts(None, usize::MAX))
}

/// The same as [`accounts`], without the numbers that a report changes.
fn but_for_the_report(tables: &mut Tables) -> String {
    let of =
        |account: crate::cooperative::words::Account| (account.name, account.holds, account.owes);
    let accounts: Vec<_> =
        tables.processes.accounts(None, usize::MAX).into_iter().map(of).collect();
    format!(
        "{accounts:?} {:?} {:?}",
        (&tables.processes.pools, tables.leases.committed()),
        tables.leases.filling()
    )
}

fn end_blocks(tables: &mut Tables, number: ProcessNumber, now: Instant) {
    loop {
        let endings = tables.manager().strike(number, 2);
        assert_eq!(tables.check(), Ok(()), "with blocks on their way back");
        if endings.is_empty() {
            return;
        }
        tables.manager().give_back(endings, now);
    }
}

/// Takes a step in the manager and in the model, and compares the results.
fn take(tables: &mut Tables, model: &mut Model, step: &Step, now: Instant) {
    match *step {
        Step::Join(client, committed) => {
            let (before, name) = (accounts(tables), format!("p{client}"));
            let caller = Caller::connected(client);
            match tables.manager().join(caller, &name, Some(committed), client, now) {
                Ok(token) => {
                    let own = Buddy::rounded(committed).unwrap_or(0);
                    let known = Known { clients: vec![client], own, ..Known::default() };
                    assert!(model.processes.insert(token, known).is_none());
                }
                Err(_) => assert_eq!(accounts(tables), before),
            }
        }
        Step::Attach(client, whose) => {
            let Some((token, _)) = model.of(whose) else { return };
            if tables.processes.attach(Caller::connected(client), token, now).is_ok() {
                model.processes.get_mut(&token).unwrap().clients.push(client);
            }
        }
        Step::Leave(client) => {
            let left = tables.processes.leave(client, now);
            assert_eq!(left.is_ok(), model.of(client).is_some());
            if let Ok((number, _)) = left {
                let token = model.of(client).unwrap().0;
                end_blocks(tables, number, now);
                model.end(token);
            }
        }
        Step::Disconnect(client) => {
            let ended = tables.processes.disconnect(client, now);
            let Some((token, known)) = model.of(client) else { return assert!(ended.is_none()) };
            known.clients.retain(|each| *each != client);
            assert_eq!(ended.is_some(), known.clients.is_empty());
            if let Some(number) = ended {
                end_blocks(tables, number, now);
                model.end(token);
            }
        }
        Step::Report(client, freeable, efficiency) => {
            // A block that was granted meanwhile is held, and may be freeable.
            look_after_tickets(tables, model, now);
            let before = accounts(tables);
            let reported = tables.manager().report(client, freeable, efficiency, now);
            let Some((_, known)) = model.of(client) else { return assert!(reported.is_err()) };
            let held = known.own + known.blocks.values().sum::<u64>();
            let is_good = freeable <= held && efficiency.is_none_or(|percent| percent <= 100);
            assert_eq!(reported.is_ok(), is_good);
            if is_good {
                known.freeable = freeable;
            } else {
                assert_eq!(accounts(tables), before);
            }
            // A boost is held from then on.
            while let Ok(Some(signal)) = tables.processes.next_signal(client) {
                if let Signal::Granted { id, size, .. } = signal {
                    model.has(client, id, size);
                }
            }
        }
        Step::Request(client, size, reason, freeable, wait) => {
            request(tables, model, client, (size, reason, freeable, wait), now);
        }
        Step::Return(client, at) => {
            let Some((_, known)) = model.of(client) else { return };
            let ids: Vec<LeaseId> = known.blocks.keys().copied().collect();
            if ids.is_empty() {
                return;
            }
            let id = ids[at.index(ids.len())];
            let size = known.blocks.remove(&id).unwrap();
            known.freeable = known.freeable.saturating_sub(size);
            let owed = tables.processes.owed(client).unwrap();
            let (ending, refill) = tables.manager().return_block(client, id).unwrap();
            assert_eq!(refill, crate::cooperative::repayment::repay(size, &owed).0);
            assert_eq!(tables.check(), Ok(()), "with a block on its way back");
            tables.manager().give_back(vec![ending], now);
            assert!(tables.manager().return_block(client, id).is_err(), "a block comes back once");
        }
        Step::Reuse(client, size) => {
            let Some((_, known)) = model.of(client) else { return };
            let before = accounts(tables);
            if tables.processes.reuse(client, size).is_ok() {
                known.freeable = known.freeable.saturating_sub(size);
            } else {
                assert_eq!(accounts(tables), before);
            }
        }
        Step::Lease(size) => {
            let before = accounts(tables);
            match tables.leases.lease(size, 3_600_000, crate::common::id::IdKind::Uuid, now) {
                Ok(id) => model.leases.push(id),
                Err(_) => assert_eq!(accounts(tables), before),
            }
        }
        Step::Release(at) => {
            if !model.leases.is_empty() {
                let id = model.leases.swap_remove(at.index(model.leases.len()));
                let ending = tables.leases.end(id, now).unwrap();
                tables.manager().give_back(vec![ending], now);
            }
        }
        Step::Pass(_) => {
            tables.manager().collect(now);
        }
        Step::Cancel(at) => {
            if !model.tickets.is_empty() {
                let (ticket, _) = model.tickets.swap_remove(at.index(model.tickets.len()));
                let ending = tables.manager().cancel(ticket, now);
                tables.manager().give_back(ending.into_iter().collect(), now);
            }
        }
        Step::Signal(client) => {
            let granted = tables.processes.next_signal(client);
            assert!(!matches!(granted, Ok(Some(Signal::Granted { .. }))), "it was not asked for");
        }
    }
}

fn request(
    tables: &mut Tables,
    model: &mut Model,
    client: u64,
    (size, reason, freeable, wait): (u64, Reason, Option<u64>, bool),
    now: Instant,
) {
    let wanted = Wanted {
        freeable,
        wait_ms: if wait { 800 } else { 0 },
        why: true,
        ..Wanted::new(size, reason)
    };
    let (before, whole) = (but_for_the_report(tables), accounts(tables));
    let waiting: Vec<ProcessToken> = model.tickets.iter().map(|(_, token)| *token).collect();
    let asked = if wait {
        tables.manager().request_or_wait(client, &wanted, now)
    } else {
        tables.manager().request(client, &wanted, now).map(Ok)
    };
    let is_refused = !matches!(asked, Ok(Ok(_)));
    // A report may serve an earlier request of the same process.
    let waits = model.of(client).is_some_and(|(token, _)| waiting.contains(&token));
    if is_refused && !(freeable.is_some() && waits) {
        assert_eq!(but_for_the_report(tables), before, "a refusal changes nothing");
    }
    if is_refused && freeable.is_none() {
        assert_eq!(accounts(tables), whole, "a refusal changes nothing");
    }
    if let (Some(freeable), Some((_, known))) = (freeable, model.of(client)) {
        let held = known.own + known.blocks.values().sum::<u64>();
        if size > 0 && freeable <= held {
            known.freeable = freeable;
        }
    }
    match asked {
        Ok(Ok(granted)) => {
            assert!(granted.by.unwrap().starts_with("800-801-"));
            assert_eq!(Some(granted.size), Buddy::rounded(size));
            model.has(client, granted.id, granted.size);
            let (_, known) = model.of(client).unwrap();
            let owed = tables.processes.owed(client).unwrap();
            if granted.pool == Pool::LoanedPause {
                known.beyond += granted.size - size;
                let covered = known.freeable + known.beyond;
                assert!(owed[Pool::LoanedPause] <= covered, "collateral was used twice");
            }
        }
        Ok(Err((ticket, _))) => {
            let token = model.of(client).unwrap().0;
            model.tickets.push((ticket, token));
        }
        Err(_) => {}
    }
}

/// Takes the outcome of each ticket that has one, and enters granted blocks in the model.
fn look_after_tickets(tables: &mut Tables, model: &mut Model, now: Instant) {
    for (ticket, token) in std::mem::take(&mut model.tickets) {
        match tables.processes.take_outcome(ticket, now) {
            None => model.tickets.push((ticket, token)),
            Some(Ok(granted)) => {
                let known = model.processes.get_mut(&token).unwrap();
                assert!(known.blocks.insert(granted.id, granted.size).is_none());
            }
            Some(Err(error)) => assert_eq!(error.code, Code::Refused),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn whatever_processes_do_every_byte_is_accounted_for(
        steps in prop::collection::vec(step(), 0..120),
        with_pools in any::<bool>(),
        by_effect in any::<bool>(),
        boost in any::<bool>(),
        cap in prop::sample::select(vec![25_u64, 60, 100]),
    ) {
        let shares = if with_pools { divided() } else { Shares::default() };
        let caps = Shares::from(Pool::ALL.map(|pool| (pool, Share::Percent(cap))));
        let collect_by = if by_effect { CollectBy::Effect } else { CollectBy::Freeable };
        let boost_below = boost.then_some(30);
        let rules = Rules { block: 64, collect_by, boost_below, most: 5, ..Rules::default() };
        let mut tables = manager(rules, &shares, &caps);
        let (mut model, mut now) = (Model::default(), Instant::now());
        for step in &steps {
            now += if let Step::Pass(ms) = step { MS * *ms as u32 } else { MS };
            take(&mut tables, &mut model, step, now);
            // Not after every step, so that a grant may be cancelled before its client looks.
            if !matches!(step, Step::Return(..) | Step::Release(_)) {
                look_after_tickets(&mut tables, &mut model, now);
            }
            prop_assert_eq!(tables.check(), Ok(()));
        }
        look_after_tickets(&mut tables, &mut model, now);
        for (token, known) in &model.processes {
            let number = tables.processes.tokens[token];
            let process = &tables.processes.all[&number];
            prop_assert_eq!(process.held(), known.own + known.blocks.values().sum::<u64>());
        }
        for client in 1..7 {
            if let Some(number) = tables.processes.disconnect(client, now) {
                end_blocks(&mut tables, number, now);
            }
        }
        for id in model.leases {
            let ending = tables.leases.end(id, now).unwrap();
            tables.manager().give_back(vec![ending], now);
        }
        prop_assert_eq!(tables.check(), Ok(()));
        prop_assert_eq!(tables.processes.all.len(), 0);
        prop_assert_eq!(tables.leases.filling().largest_free, ARENA, "one free block again");
        prop_assert_eq!(tables.processes.pools.free(tables.leases.committed()), *tables.processes.pools.size());
    }
}
