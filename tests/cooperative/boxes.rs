//! Scenarios over the manager: each is a test, and together they reach every box of the
//! figures. The table of who reaches which stands in REPORT.md and is checked here.

use std::hash::RandomState;
use std::time::{Duration, Instant};

use leasebox::message::memory::Pool::{
    Committed, GrantedLeak, GrantedPause, LoanedEfficiency, LoanedPause,
};
use leasebox::message::memory::{Amounts, Granted, Level, Pool, Reason, Signal, Wanted};
use leasebox::message::{Code, Error, LeaseId};
use leasebox::service::buddy::Buddy;
use leasebox::service::figures::{BOXES, FRAGMENTED, FULL, Visited};
use leasebox::service::ids::Ids;
use leasebox::service::lease::LeaseTable;
use leasebox::service::manager::{Caller, CollectBy, Manager, Rules};
use leasebox::service::pool::{Pools, Share, Shares};
use rand::SeedableRng;
use rand::rngs::StdRng;

const KB: u64 = 1024;
const MB: u64 = KB * KB;
const MS: Duration = Duration::from_millis(1);

/// A manager, a clock, and processes by the numbers of their clients.
struct World {
    manager: Manager<(), u64>,
    now: Instant,
}

fn shares(of: &[(Pool, u64)]) -> Shares {
    let mut shares = Shares::default();
    for &(pool, bytes) in of {
        shares.set(pool, Share::Bytes(bytes));
    }
    shares
}

impl World {
    /// An arena of 1024 KiB: the pools that are given, and the rest committed.
    fn new(pools: &[(Pool, u64)]) -> Self {
        Self::with(pools, &[], Rules::default())
    }

    fn with(pools: &[(Pool, u64)], caps: &[(Pool, u64)], rules: Rules) -> Self {
        Self::sized(MB, pools, caps, rules)
    }

    fn sized(arena: u64, pools: &[(Pool, u64)], caps: &[(Pool, u64)], rules: Rules) -> Self {
        let pools = Pools::divided(arena, &shares(pools), &shares(caps)).unwrap();
        let ids = Ids::new(StdRng::seed_from_u64(1), RandomState::new());
        let longest = Duration::from_secs(3600);
        let leases = LeaseTable::new(Buddy::new(arena), pools, ids, longest, |_, _| ());
        let now = Instant::now();
        Self { manager: Manager::new(leases, rules, now), now }
    }

    /// A process with so much committed memory, of which all but its collateral is in use.
    fn join(&mut self, client: u64, committed: u64) {
        let name = format!("p{client}");
        let caller = Caller::connected(client);
        self.manager.join(caller, &name, Some(committed), client, self.now).unwrap();
    }

    fn report(&mut self, client: u64, freeable: u64) {
        self.manager.report(client, freeable, None, self.now).unwrap();
    }

    fn ask(&mut self, client: u64, size: u64, reason: Reason) -> Result<Granted, Error> {
        let wanted = Wanted { size, reason, freeable: None, wait_ms: 0, why: true };
        let before = self.state();
        let asked = self.manager.request(client, &wanted, self.now);
        if asked.is_err() {
            assert_eq!(self.state(), before, "a refusal changes nothing");
        }
        assert_eq!(self.manager.check(), Ok(()));
        asked
    }

    /// Asks, and expects a pool and a path.
    fn granted(&mut self, client: u64, size: u64, reason: Reason, pool: Pool, by: &str) -> LeaseId {
        let granted = self.ask(client, size, reason).unwrap();
        assert_eq!((granted.pool, granted.by.as_deref()), (pool, Some(by)));
        granted.id
    }

    /// Asks, and expects a refusal by a path.
    fn refused(&mut self, client: u64, size: u64, reason: Reason, by: &str) {
        let error = self.ask(client, size, reason).unwrap_err();
        assert_eq!(error.code, Code::Refused);
        assert!(error.text.ends_with(&format!(" by {by}")), "{error}, not by {by}");
    }

    fn give_back(&mut self, client: u64, id: LeaseId) -> Amounts {
        let (ending, refill) = self.manager.end_grant(client, id).unwrap();
        self.manager.give_back(vec![ending], self.now);
        assert_eq!(self.manager.check(), Ok(()));
        refill
    }

    /// The manager looks at its pools, so much later.
    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.manager.collect(self.now);
    }

    fn signal(&mut self, client: u64) -> Option<Signal> {
        self.manager.next_signal(client).unwrap()
    }

    fn state(&mut self) -> String {
        let (pools, _) = self.manager.pools(self.now);
        format!("{pools:?} {:?}", self.manager.accounts(None, usize::MAX))
    }

    fn visited(self) -> Visited {
        self.manager.visited()
    }
}

fn amounts(of: &[(Pool, u64)]) -> Amounts {
    let mut amounts = Amounts::default();
    of.iter().for_each(|&(pool, bytes)| amounts[pool] = bytes);
    amounts
}

macro_rules! scenarios {
    ($($name:ident => $body:expr;)*) => {
        $(#[test] fn $name() { $body(); })*
        const SCENARIOS: &[(&str, fn() -> Visited)] = &[$((stringify!($name), $body)),*];
    };
}

scenarios! {
    a_pool_is_divided_and_a_starting_process_takes_its_committed_memory => starting;
    committed_memory_is_granted_from_committed_and_refused_when_that_is_full => committed;
    out_of_memory_is_answered_from_gl_until_its_limit => out_of_memory;
    a_pause_without_collateral_is_granted_from_gp => pause_without_collateral;
    a_pause_with_collateral_is_lent_from_lp_then_gp_then_le => pause_with_collateral;
    the_documents_process_of_200_mb_obsolete_asks_for_50 => the_documents_example;
    one_byte_of_garbage_backs_an_efficiency_loan => one_byte;
    efficiency_that_is_not_urgent_is_refused_without_collateral_or_room => efficiency;
    urgent_efficiency_goes_on_as_a_pause => urgent_efficiency;
    what_comes_back_repays_lp_le_gp_gl_and_then_committed => repayment;
    without_loaned_pools_there_are_only_grants => without_loaned_pools;
    credit_without_a_block_that_is_large_enough_is_refused => fragmented;
    a_low_pool_asks_whoever_owes_it_and_has_garbage => low_water;
}

fn starting() -> Visited {
    let pools = [
        (GrantedLeak, 64 * KB),
        (GrantedPause, 64 * KB),
        (LoanedEfficiency, 64 * KB),
        (LoanedPause, 64 * KB),
    ];
    let fixed = [("p2".to_string(), 32 * KB)].into();
    let mut world = World::with(&pools, &[], Rules { fixed, ..Rules::default() });
    assert_eq!(world.manager.leases().pools().size()[Committed], 768 * KB);
    world.join(1, 100);
    let now = world.now;
    let join = |world: &mut World, client, name: &str, committed| {
        world.manager.join(Caller::connected(client), name, committed, client, now)
    };
    assert!(join(&mut world, 2, "p2", Some(64 * KB)).is_err_and(|e| e.text.contains("fixed")));
    join(&mut world, 2, "p2", None).unwrap();
    let held = |world: &World| -> Vec<u64> {
        world.manager.accounts(None, 9).iter().map(|account| account.holds.total()).collect()
    };
    assert_eq!(held(&world), [128, 32 * KB], "in block bytes; the second is fixed by name");
    let before = world.state();
    for (client, name, committed, code) in [
        (1, "p3", None, Code::Refused),
        (3, "p1", None, Code::Refused),
        (3, "p 3", None, Code::BadRequest),
        (3, "", None, Code::BadRequest),
        (3, "p3", Some(768 * KB), Code::OutOfMemory),
        (3, "p3", Some(u64::MAX), Code::OutOfMemory),
    ] {
        let error = join(&mut world, client, name, committed).unwrap_err();
        assert_eq!(error.code, code, "{name} {error}");
        assert_eq!(world.state(), before);
    }
    world.visited()
}

fn committed() -> Visited {
    let mut world =
        World::with(&[(GrantedPause, 512 * KB)], &[(Committed, 384 * KB)], Rules::default());
    world.join(1, 0);
    world.granted(1, 256 * KB, Reason::Committed, Committed, "800-801-803");
    world.refused(1, 256 * KB, Reason::Committed, "800-801-803-full");
    world.granted(1, 128 * KB, Reason::Committed, Committed, "800-801-803");
    world.refused(1, 1, Reason::Committed, "800-801-803-full");
    world.visited()
}

fn out_of_memory() -> Visited {
    let mut world = World::new(&[(GrantedLeak, 64 * KB)]);
    world.join(1, KB);
    world.refused(1, 65 * KB, Reason::OutOfMemory, "800-801-802-804-1200-1204-1206");
    world.granted(1, 64 * KB, Reason::OutOfMemory, GrantedLeak, "800-801-802-804-1200-1204-1208");
    world.refused(1, 1, Reason::OutOfMemory, "800-801-802-804-1200-1202");
    world.visited()
}

fn pause_without_collateral() -> Visited {
    let mut world = World::new(&[(GrantedPause, 64 * KB), (LoanedEfficiency, 64 * KB)]);
    world.join(1, KB);
    let by = "800-801-802-812-900-906-912-914";
    world.granted(1, 64 * KB, Reason::Pause, GrantedPause, by);
    let by = "800-801-802-812-900-906-920-924-926";
    world.refused(1, 65 * KB, Reason::Pause, by);
    let by = "800-801-802-812-900-906-920-924-928";
    world.granted(1, 64 * KB, Reason::Pause, LoanedEfficiency, by);
    world.refused(1, 1, Reason::Pause, "800-801-802-812-900-906-920-922");
    world.visited()
}

fn pause_with_collateral() -> Visited {
    let pools = [(GrantedPause, 64 * KB), (LoanedEfficiency, 64 * KB), (LoanedPause, 64 * KB)];
    let mut world = World::new(&pools);
    world.join(1, 512 * KB);
    world.report(1, 512 * KB);
    let lent = "800-801-802-812-900-902-904-908";
    world.granted(1, 32 * KB, Reason::Pause, LoanedPause, lent);
    // Over the limit of LP, then of GP.
    let over = "800-801-802-812-900-902-904-906-912-914";
    world.granted(1, 64 * KB, Reason::Pause, GrantedPause, over);
    let over = "800-801-802-812-900-902-904-906-920-924-928";
    world.granted(1, 64 * KB, Reason::Pause, LoanedEfficiency, over);
    world.granted(1, 32 * KB, Reason::Pause, LoanedPause, lent);
    world.refused(1, 32, Reason::Pause, "800-801-802-812-900-902-906-920-922");
    let account = &world.manager.accounts(None, 1)[0];
    assert_eq!(account.secured, 128 * KB, "what LP and LE lent, and not what GP granted");
    world.visited()
}

/// "A process may have 200 MB of memory used by obsolete objects; however, the process may
/// require an additional 50 MB": sufficient collateral, so it is a loan out of LP, and the
/// collection that it makes possible repays it.
fn the_documents_example() -> Visited {
    let pools = [(LoanedPause, 128 * MB), (LoanedEfficiency, 64 * MB)];
    let mut world = World::sized(1024 * MB, &pools, &[], Rules::default());
    world.join(1, 256 * MB);
    world.report(1, 200 * MB);
    let by = "800-801-802-812-900-902-904-908";
    let id = world.granted(1, 50 * MB, Reason::Pause, LoanedPause, by);
    let account = |world: &World| world.manager.accounts(None, 1)[0].clone();
    assert_eq!((account(&world).freeable, account(&world).secured), (200 * MB, 64 * MB));
    // In block bytes, 50 MB are 64. A second and a third loan find less and less collateral.
    world.granted(1, 50 * MB, Reason::Pause, LoanedPause, by);
    assert_eq!(account(&world).secured, 128 * MB);
    let by = "800-801-802-813-1100-1104-1108-1110";
    world.granted(1, 64 * MB, Reason::Efficiency, LoanedEfficiency, by);
    assert_eq!(account(&world).secured, 192 * MB);
    world.refused(1, 50 * MB, Reason::Pause, "800-801-802-812-900-906-920-922");
    // The collection is over: 64 MB of what was freed come back, and are garbage no more.
    assert_eq!(world.give_back(1, id), Amounts::of(LoanedPause, 64 * MB));
    assert_eq!((account(&world).freeable, account(&world).secured), (136 * MB, 128 * MB));
    world.visited()
}

fn one_byte() -> Visited {
    let mut world = World::new(&[(LoanedEfficiency, 512 * KB), (LoanedPause, 256 * KB)]);
    world.join(1, KB);
    world.report(1, 1);
    let by = "800-801-802-813-1100-1104-1108-1110";
    world.granted(1, 256 * KB, Reason::Efficiency, LoanedEfficiency, by);
    // For a pause one byte is not sufficient, and it secures a loan already.
    world.refused(1, 512 * KB, Reason::Pause, "800-801-802-812-900-906-920-924-926");
    world.refused(1, 256 * KB, Reason::Efficiency, "800-801-802-813-1100-1114-1106");
    world.visited()
}

fn efficiency() -> Visited {
    let mut world = World::with(
        &[(LoanedEfficiency, 64 * KB)],
        &[(LoanedEfficiency, 32 * KB)],
        Rules::default(),
    );
    world.join(1, 64 * KB);
    world.join(2, 64 * KB);
    world.refused(1, KB, Reason::Efficiency, "800-801-802-813-1100-1114-1106");
    world.report(1, 64 * KB);
    world.report(2, 64 * KB);
    let lent = "800-801-802-813-1100-1104-1108-1110";
    world.granted(1, 32 * KB, Reason::Efficiency, LoanedEfficiency, lent);
    let capped = "800-801-802-813-1100-1104-1108-1114-1106";
    world.refused(1, KB, Reason::Efficiency, capped);
    world.granted(2, 32 * KB, Reason::Efficiency, LoanedEfficiency, lent);
    world.refused(2, KB, Reason::Efficiency, "800-801-802-813-1100-1104-1114-1106");
    world.visited()
}

fn urgent_efficiency() -> Visited {
    let mut world = World::new(&[(LoanedEfficiency, 64 * KB), (LoanedPause, 64 * KB)]);
    world.join(1, 256 * KB);
    // Without collateral it may end in loaned efficiency all the same.
    let by = "800-801-802-813-1100-1114-1116-900-906-920-924-928";
    world.granted(1, 32 * KB, Reason::UrgentEfficiency, LoanedEfficiency, by);
    world.report(1, 256 * KB);
    // Over the limit of LE: as a pause, from LP.
    let by = "800-801-802-813-1100-1104-1108-1114-1116-900-902-904-908";
    world.granted(1, 64 * KB, Reason::UrgentEfficiency, LoanedPause, by);
    // And when LP is empty it comes to LE a second time, and to the same answer.
    let by = "800-801-802-813-1100-1104-1108-1114-1116-900-902-906-920-924-926";
    world.refused(1, 64 * KB, Reason::UrgentEfficiency, by);
    world.visited()
}

fn repayment() -> Visited {
    let pools =
        [GrantedLeak, GrantedPause, LoanedEfficiency, LoanedPause].map(|pool| (pool, 64 * KB));
    let mut world = World::new(&pools);
    world.join(1, 256 * KB);
    let large = world.ask(1, 256 * KB, Reason::Committed).unwrap().id;
    let leak = world.ask(1, 64 * KB, Reason::OutOfMemory).unwrap().id;
    world.ask(1, 32 * KB, Reason::Pause).unwrap();
    world.report(1, 128 * KB);
    world.ask(1, 64 * KB, Reason::Efficiency).unwrap();
    let pause = world.ask(1, 16 * KB, Reason::Pause).unwrap().id;
    let owed = [
        (LoanedPause, 16 * KB),
        (LoanedEfficiency, 64 * KB),
        (GrantedPause, 32 * KB),
        (GrantedLeak, 64 * KB),
        (Committed, 512 * KB),
    ];
    assert_eq!(world.manager.owed(1), Ok(amounts(&owed)));
    assert!(world.manager.reuse(1, KB).is_err_and(|e| e.text.starts_with("lp is owed 16384")));
    // A block of GL repays LP and LE first.
    let refill = world.give_back(1, leak);
    assert_eq!(refill, amounts(&[(LoanedPause, 16 * KB), (LoanedEfficiency, 48 * KB)]));
    assert!(world.manager.reuse(1, KB).is_err_and(|e| e.text.starts_with("le is owed 16384")));
    // And one of committed all that is left, and then committed.
    let refill = world.give_back(1, large);
    let rest = [
        (LoanedEfficiency, 16 * KB),
        (GrantedPause, 32 * KB),
        (GrantedLeak, 64 * KB),
        (Committed, 144 * KB),
    ];
    assert_eq!(refill, amounts(&rest));
    assert_eq!(world.manager.reuse(1, KB), Ok(()), "nothing is owed");
    // What LP gave once is now owed to committed.
    assert_eq!(world.give_back(1, pause), Amounts::of(Committed, 16 * KB));
    world.visited()
}

fn without_loaned_pools() -> Visited {
    let mut world = World::new(&[(GrantedLeak, 64 * KB), (GrantedPause, 64 * KB)]);
    world.join(1, 256 * KB);
    world.report(1, 256 * KB);
    world.refused(1, KB, Reason::Efficiency, "800-801-802-813-1100-1104-1114-1106");
    let by = "800-801-802-813-1100-1104-1114-1116-900-902-906-912-914";
    world.granted(1, 32 * KB, Reason::UrgentEfficiency, GrantedPause, by);
    world.granted(1, 32 * KB, Reason::Pause, GrantedPause, "800-801-802-812-900-902-906-912-914");
    world.refused(1, KB, Reason::Pause, "800-801-802-812-900-902-906-920-922");
    world.visited()
}

fn fragmented() -> Visited {
    let mut world = World::new(&[(GrantedPause, 512 * KB)]);
    world.join(1, 0);
    let quarter = |world: &mut World, reason| world.ask(1, 256 * KB, reason).unwrap().id;
    let first = quarter(&mut world, Reason::Committed);
    quarter(&mut world, Reason::Pause);
    quarter(&mut world, Reason::Committed);
    let last = quarter(&mut world, Reason::Pause);
    world.give_back(1, first);
    world.give_back(1, last);
    // 512 KiB are free in GP, in two places. Figure 12 sent both halves there.
    assert_eq!(world.manager.leases().pools().free()[GrantedPause], 512 * KB);
    world.refused(1, 512 * KB, Reason::Pause, "800-801-802-812-900-906-912-914-fragmented");
    world.visited()
}

fn low_water() -> Visited {
    let mut world = World::new(&[(GrantedPause, 64 * KB), (LoanedEfficiency, 64 * KB)]);
    for client in [1, 2, 3] {
        world.join(client, 64 * KB);
        world.report(client, 64 * KB);
    }
    world.ask(1, 16 * KB, Reason::Efficiency).unwrap();
    world.ask(2, 32 * KB, Reason::Efficiency).unwrap();
    // Above its mark nobody is asked.
    world.pass(10 * MS);
    assert_eq!([1, 2, 3].map(|client| world.signal(client)), [None; 3]);
    let id = world.ask(1, 16 * KB, Reason::Efficiency).unwrap().id;
    world.pass(10 * MS);
    // A quarter of 64 KiB are to be free; two owe LE, and have reported as much garbage.
    let collect = Signal::Collect { size: 16 * KB, level: Level::Low, within_ms: 2000 };
    assert_eq!([1, 2, 3].map(|client| world.signal(client)), [Some(collect), None, None]);
    world.pass(Duration::from_secs(1));
    assert_eq!([1, 2, 3].map(|client| world.signal(client)), [None; 3], "it is coming");
    world.give_back(1, id);
    let account = |world: &World, at: usize| world.manager.accounts(None, 9)[at].clone();
    assert_eq!((account(&world, 0).asked, account(&world, 0).obeyed), (1, 1));
    world.visited()
}

#[test]
fn who_does_not_obey_is_recorded_and_asked_last() {
    let mut world = World::new(&[(LoanedEfficiency, 64 * KB)]);
    for (client, freeable) in [(1, 60 * KB), (2, 40 * KB)] {
        world.join(client, 64 * KB);
        world.report(client, freeable);
        world.ask(client, 32 * KB, Reason::Efficiency).unwrap();
    }
    world.pass(10 * MS);
    assert!(matches!(world.signal(1), Some(Signal::Collect { .. })));
    assert_eq!(world.signal(2), None);
    world.pass(3000 * MS);
    assert!(matches!(world.signal(2), Some(Signal::Collect { .. })), "its time is over");
    assert_eq!(world.signal(1), None);
    let accounts = world.manager.accounts(None, 9);
    assert_eq!(accounts.iter().map(|a| (a.asked, a.obeyed)).collect::<Vec<_>>(), [(1, 0), (1, 0)]);
}

#[test]
fn whom_to_ask_is_chosen_by_garbage_or_by_the_effect_on_the_process() {
    for (collect_by, chosen) in [(CollectBy::Freeable, 1), (CollectBy::Effect, 2)] {
        let rules = Rules { collect_by, ..Rules::default() };
        let mut world = World::with(&[(LoanedEfficiency, 64 * KB)], &[], rules);
        // The first has more garbage, but its collections find little of it.
        for (client, freeable, efficiency) in [(1, 60 * KB, 10), (2, 40 * KB, 90)] {
            world.join(client, 64 * KB);
            world.manager.report(client, freeable, Some(efficiency), world.now).unwrap();
            world.ask(client, 32 * KB, Reason::Efficiency).unwrap();
        }
        world.pass(10 * MS);
        let asked = [1, 2].into_iter().find(|&client| world.signal(client).is_some());
        assert_eq!(asked, Some(chosen), "{collect_by:?}");
    }
}

#[test]
fn by_effect_who_waits_for_memory_itself_is_passed_over() {
    for (collect_by, passed_over) in [(CollectBy::Freeable, false), (CollectBy::Effect, true)] {
        let rules = Rules { collect_by, ..Rules::default() };
        let mut world = World::with(&[(LoanedEfficiency, 64 * KB)], &[], rules);
        world.join(1, 64 * KB);
        world.report(1, 64 * KB);
        world.ask(1, 64 * KB, Reason::Efficiency).unwrap();
        let wanted = Wanted {
            size: KB,
            reason: Reason::OutOfMemory,
            freeable: None,
            wait_ms: 5000,
            why: false,
        };
        assert!(world.manager.request_or_wait(1, &wanted, world.now).unwrap().is_err());
        world.pass(10 * MS);
        assert_eq!(world.signal(1).is_none(), passed_over, "{collect_by:?}");
    }
}

#[test]
fn a_process_whose_report_is_old_is_first_asked_for_its_status() {
    let mut world = World::new(&[(LoanedEfficiency, 64 * KB)]);
    world.join(1, 64 * KB);
    world.report(1, 64 * KB);
    world.ask(1, 32 * KB, Reason::Efficiency).unwrap();
    world.now += Duration::from_secs(11);
    let wanted = Wanted {
        size: 32 * KB,
        reason: Reason::Efficiency,
        freeable: None,
        wait_ms: 0,
        why: false,
    };
    world.manager.request(1, &wanted, world.now).unwrap();
    world.pass(10 * MS);
    assert_eq!(world.signal(1), Some(Signal::Status));
    world.report(1, 64 * KB);
    world.pass(10 * MS);
    assert!(matches!(world.signal(1), Some(Signal::Collect { .. })));
}

#[test]
fn who_waits_is_served_by_urgency_and_then_by_arrival() {
    let mut world = World::new(&[(GrantedPause, 64 * KB)]);
    (1..=4).for_each(|client| world.join(client, 0));
    let id = world.ask(1, 64 * KB, Reason::Pause).unwrap().id;
    let mut wait = |client, reason| {
        let wanted = Wanted { size: 32 * KB, reason, freeable: None, wait_ms: 5000, why: true };
        world.manager.request_or_wait(client, &wanted, world.now).unwrap().unwrap_err().0
    };
    let tickets =
        [wait(2, Reason::UrgentEfficiency), wait(3, Reason::Pause), wait(4, Reason::Pause)];
    world.give_back(1, id);
    let mut served = |ticket| world.manager.served(ticket, world.now);
    assert!(served(tickets[0]).is_none(), "less urgent, though it came first");
    for ticket in &tickets[1..] {
        let granted = served(*ticket).unwrap().unwrap();
        assert_eq!(granted.by.as_deref(), Some("800-801-802-812-900-906-912-914"));
    }
    world.now += 5000 * MS;
    let late = world.manager.served(tickets[0], world.now).unwrap().unwrap_err();
    assert!(late.text.contains("no memory came back for it in 5000 ms"), "{late}");
    assert_eq!(world.manager.check(), Ok(()));
}

#[test]
fn a_waiting_request_asks_others_to_collect_and_is_granted_what_they_return() {
    let mut world = World::new(&[(GrantedPause, 64 * KB)]);
    world.join(1, 64 * KB);
    world.join(2, 0);
    let id = world.ask(1, 64 * KB, Reason::Pause).unwrap().id;
    world.report(1, 64 * KB);
    let wanted =
        Wanted { size: 32 * KB, reason: Reason::Pause, freeable: None, wait_ms: 5000, why: false };
    let (ticket, _) = world.manager.request_or_wait(2, &wanted, world.now).unwrap().unwrap_err();
    world.pass(10 * MS);
    let urgent = Signal::Collect { size: 32 * KB, level: Level::Urgent, within_ms: 500 };
    assert_eq!(world.signal(1), Some(urgent));
    world.manager.take_wakers();
    world.give_back(1, id);
    assert_eq!(world.manager.take_wakers(), [2]);
    assert_eq!(world.manager.served(ticket, world.now).unwrap().unwrap().pool, GrantedPause);
}

#[test]
fn the_end_of_a_process_serves_who_waited() {
    let mut world = World::new(&[(GrantedPause, 64 * KB)]);
    world.join(1, KB);
    world.join(2, 0);
    world.ask(1, 64 * KB, Reason::Pause).unwrap();
    let wanted =
        Wanted { size: 64 * KB, reason: Reason::Pause, freeable: None, wait_ms: 5000, why: false };
    let (ticket, _) = world.manager.request_or_wait(2, &wanted, world.now).unwrap().unwrap_err();
    let number = world.manager.disconnect(1, world.now).unwrap();
    loop {
        let endings = world.manager.strike(number, 1);
        if endings.is_empty() {
            break;
        }
        world.manager.give_back(endings, world.now);
    }
    assert!(world.manager.served(ticket, world.now).unwrap().is_ok());
}

#[test]
fn memory_for_a_client_that_has_gone_goes_back() {
    let mut world = World::new(&[(GrantedPause, 64 * KB)]);
    world.join(1, 0);
    world.join(2, 0);
    let id = world.ask(1, 64 * KB, Reason::Pause).unwrap().id;
    let wanted =
        Wanted { size: 64 * KB, reason: Reason::Pause, freeable: None, wait_ms: 5000, why: false };
    let (ticket, _) = world.manager.request_or_wait(2, &wanted, world.now).unwrap().unwrap_err();
    world.give_back(1, id);
    let ending = world.manager.cancel(ticket, world.now).unwrap();
    world.manager.give_back(vec![ending], world.now);
    assert_eq!(world.manager.check(), Ok(()));
    assert_eq!(world.manager.leases().pools().free()[GrantedPause], 64 * KB);
}

#[test]
fn a_report_below_what_secures_loans_leaves_no_collateral_and_asks_for_memory() {
    let mut world = World::new(&[(LoanedPause, 64 * KB)]);
    world.join(1, 64 * KB);
    world.report(1, 64 * KB);
    world.ask(1, 32 * KB, Reason::Pause).unwrap();
    world.report(1, 8 * KB);
    let collect = Signal::Collect { size: 24 * KB, level: Level::Low, within_ms: 2000 };
    assert_eq!(world.signal(1), Some(collect));
    world.refused(1, KB, Reason::Pause, "800-801-802-812-900-906-920-922");
}

#[test]
fn a_report_of_more_than_the_process_holds_is_refused_also_with_a_request() {
    let mut world = World::new(&[(LoanedPause, 64 * KB)]);
    world.join(1, 64 * KB);
    let report = world.manager.report(1, 64 * KB + 1, None, world.now);
    assert!(report.is_err_and(|error| error.code == Code::BadRequest));
    let mut wanted =
        Wanted { size: KB, reason: Reason::Pause, freeable: Some(65 * KB), wait_ms: 0, why: false };
    assert!(world.manager.request(1, &wanted, world.now).is_err());
    wanted.freeable = Some(KB);
    let granted = world.manager.request(1, &wanted, world.now).unwrap();
    assert_eq!(granted.pool, LoanedPause, "reported and asked in one step");
    // A report stands also when the request that it came with is refused.
    wanted = Wanted { size: 64 * KB, freeable: Some(64 * KB), ..wanted };
    assert!(world.manager.request(1, &wanted, world.now).is_err());
    assert_eq!(world.manager.accounts(None, 1)[0].freeable, 64 * KB);
}

#[test]
fn a_low_efficiency_is_boosted_when_that_was_asked_for() {
    let rules = Rules { boost_below: Some(30), block: 16 * KB, ..Rules::default() };
    let mut world = World::with(&[(LoanedEfficiency, 64 * KB)], &[], rules);
    world.join(1, 64 * KB);
    world.manager.report(1, 64 * KB, Some(30), world.now).unwrap();
    assert_eq!(world.signal(1), None, "not below");
    world.manager.report(1, 64 * KB, Some(29), world.now).unwrap();
    let Some(Signal::Granted { id, size, pool }) = world.signal(1) else { panic!() };
    assert_eq!((size, pool), (16 * KB, LoanedEfficiency));
    assert_eq!(world.give_back(1, id), Amounts::of(LoanedEfficiency, 16 * KB));
}

#[test]
fn a_process_without_a_connection_ends_by_silence() {
    let mut world = World::new(&[]);
    let caller = Caller::unconnected(7);
    let token = world.manager.join(caller, "quiet", Some(KB), 7, world.now).unwrap();
    let start = world.now;
    let silent = |world: &mut World, s| world.manager.end_silent(start + Duration::from_secs(s));
    assert_eq!(silent(&mut world, 29), [0; 0]);
    world.manager.hear(7, start + Duration::from_secs(20));
    assert_eq!(silent(&mut world, 49), [0; 0]);
    // A connection keeps it alive, however silent.
    world.manager.attach(Caller::connected(8), token, world.now).unwrap();
    assert_eq!(silent(&mut world, 500), [0; 0]);
    world.manager.disconnect(8, start + Duration::from_secs(500));
    assert_eq!(silent(&mut world, 529), [0; 0]);
    assert_eq!(silent(&mut world, 530).len(), 1);
    assert!(world.manager.attach(Caller::connected(9), token, world.now).is_err());
}

#[test]
fn every_box_is_reached_and_the_table_in_the_report_says_by_which_test() {
    let runs: Vec<(&str, Visited)> =
        SCENARIOS.iter().map(|(name, scenario)| (*name, scenario())).collect();
    let mut table = String::from("| figure | box | | reached by |\n| --- | --- | --- | --- |\n");
    for (number, figure, meaning) in BOXES {
        let by = runs.iter().filter(|(_, visited)| visited.contains(number)).map(|(name, _)| *name);
        let by: Vec<&str> = by.collect();
        let first = by.first().unwrap_or_else(|| panic!("no scenario reaches box {number}"));
        let word = match number {
            FULL => "full".to_string(),
            FRAGMENTED => "fragmented".to_string(),
            number => number.to_string(),
        };
        let more =
            if by.len() > 1 { format!(", and {} more", by.len() - 1) } else { String::new() };
        table += &format!("| {figure} | {word} | {meaning} | `{first}`{more} |\n");
    }
    crate::support::report::stands("tests/cooperative/boxes.rs", &table);
}
