//! Scenarios over the manager: each is a test, and together they reach every box of the
//! figures. The table of who reaches which stands in docs/boxes.md and is checked here.

use std::collections::BTreeSet;
use std::time::Duration;

use leasebox::common::caller::Caller;
use leasebox::common::error::Code;
use leasebox::cooperative::figures::{FRAGMENTED, FULL};
use leasebox::cooperative::manager::Rules;
use leasebox::cooperative::words::Pool::{
    Committed, GrantedLeak, GrantedPause, LoanedEfficiency, LoanedPause,
};
use leasebox::cooperative::words::{Amounts, Level, Reason, Signal};

use crate::world::{KB, MB, MS, World, amounts};

/// The number, the figure and the meaning of every box, as docs/boxes.md has them.
const BOXES: [(u16, &str, &str); 59] = [
    (500, "5", "maintain a pool"),
    (502, "5", "is a part of it required?"),
    (504, "5", "attempt to allocate"),
    (506, "5", "should memory come back?"),
    (508, "5", "ask a process for it"),
    (600, "6", "a request is received"),
    (602, "6", "it is analyzed"),
    (604, "6", "memory is allocated accordingly"),
    (700, "7A", "the committed memory is determined"),
    (702, "7A", "it is taken for a process that starts"),
    (704, "7A", "the rest is divided into pools"),
    (750, "7B", "committed memory"),
    (752, "7B", "the granted leak pool, GL"),
    (754, "7B", "the granted pause pool, GP"),
    (756, "7B", "the loaned efficiency pool, LE"),
    (758, "7B", "the loaned pause pool, LP"),
    (800, "8", "a request is received"),
    (801, "8", "is it for committed memory?"),
    (802, "8", "of what type is it?"),
    (803, "8", "grant from committed"),
    (804, "8", "handle out-of-memory: figure 11"),
    (812, "8", "handle pause: figure 9"),
    (813, "8", "handle efficiency: figure 10"),
    (FULL, "ours", "committed has too little: refuse"),
    (900, "9", "sufficient collateral?"),
    (902, "9", "is LP empty?"),
    (904, "9", "over the limit of LP?"),
    (906, "9", "is GP empty?"),
    (908, "9", "lend from LP"),
    (912, "9", "over the limit of GP?"),
    (914, "9", "grant from GP"),
    (920, "9", "is LE empty?"),
    (922, "9", "refuse: LE is empty"),
    (924, "9", "over the limit of LE?"),
    (926, "9", "refuse: over the limit of LE"),
    (928, "9", "lend from LE"),
    (1100, "10", "any collateral?"),
    (1104, "10", "is LE empty?"),
    (1106, "10", "refuse: not urgent"),
    (1108, "10", "over the limit of LE?"),
    (1110, "10", "lend from LE"),
    (1114, "10", "is it urgent?"),
    (1116, "10", "handle it as a pause: figure 9"),
    (1200, "11", "is GL empty?"),
    (1202, "11", "refuse: GL is empty"),
    (1204, "11", "over the limit of GL?"),
    (1206, "11", "refuse: over the limit of GL"),
    (1208, "11", "grant from GL"),
    (1250, "12", "A bytes come back"),
    (1252, "12", "is LP owed?"),
    (1254, "12", "refill LP with the lesser of W and A"),
    (1256, "12", "is LE owed?"),
    (1258, "12", "refill LE with the lesser of X and B"),
    (1260, "12", "is GP owed?"),
    (1262, "12", "refill GP with the lesser of Y and C"),
    (1264, "12", "is GL owed?"),
    (1266, "12", "refill GL with the lesser of Z and D"),
    (1268, "12", "the rest refills committed"),
    (FRAGMENTED, "ours", "no free block is large enough: refuse"),
];

macro_rules! scenarios {
    ($($name:ident => $body:expr;)*) => {
        $(#[test] fn $name() { $body(); })*
        const SCENARIOS: &[(&str, fn() -> BTreeSet<u16>)] = &[$((stringify!($name), $body)),*];
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

fn starting() -> BTreeSet<u16> {
    let pools = [
        (GrantedLeak, 64 * KB),
        (GrantedPause, 64 * KB),
        (LoanedEfficiency, 64 * KB),
        (LoanedPause, 64 * KB),
    ];
    let fixed = [("p2".to_string(), 32 * KB)].into();
    let mut world = World::with(&pools, &[], Rules { fixed, ..Rules::default() });
    assert_eq!(world.tables.leases.committed().size(), 768 * KB);
    world.join(1, 100);
    let now = world.now;
    let join = |world: &mut World, client, name: &str, committed| {
        world.tables.manager().join(Caller::connected(client), name, committed, client, now)
    };
    assert!(join(&mut world, 2, "p2", Some(64 * KB)).is_err_and(|e| e.text.contains("fixed")));
    join(&mut world, 2, "p2", None).unwrap();
    let held = |world: &World| -> Vec<u64> {
        world
            .tables
            .processes
            .accounts(None, 9)
            .iter()
            .map(|account| account.holds.total())
            .collect()
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
    world.reached()
}

fn committed() -> BTreeSet<u16> {
    let mut world =
        World::with(&[(GrantedPause, 512 * KB)], &[(Committed, 384 * KB)], Rules::default());
    world.join(1, 0);
    world.granted(1, 256 * KB, Reason::Committed, Committed, "800-801-803");
    world.refused(1, 256 * KB, Reason::Committed, "800-801-803-full");
    world.granted(1, 128 * KB, Reason::Committed, Committed, "800-801-803");
    world.refused(1, 1, Reason::Committed, "800-801-803-full");
    world.reached()
}

fn out_of_memory() -> BTreeSet<u16> {
    let mut world = World::new(&[(GrantedLeak, 64 * KB)]);
    world.join(1, KB);
    world.refused(1, 65 * KB, Reason::OutOfMemory, "800-801-802-804-1200-1204-1206");
    world.granted(1, 64 * KB, Reason::OutOfMemory, GrantedLeak, "800-801-802-804-1200-1204-1208");
    world.refused(1, 1, Reason::OutOfMemory, "800-801-802-804-1200-1202");
    world.reached()
}

fn pause_without_collateral() -> BTreeSet<u16> {
    let mut world = World::new(&[(GrantedPause, 64 * KB), (LoanedEfficiency, 64 * KB)]);
    world.join(1, KB);
    let by = "800-801-802-812-900-906-912-914";
    world.granted(1, 64 * KB, Reason::Pause, GrantedPause, by);
    let by = "800-801-802-812-900-906-920-924-926";
    world.refused(1, 65 * KB, Reason::Pause, by);
    let by = "800-801-802-812-900-906-920-924-928";
    world.granted(1, 64 * KB, Reason::Pause, LoanedEfficiency, by);
    world.refused(1, 1, Reason::Pause, "800-801-802-812-900-906-920-922");
    world.reached()
}

fn pause_with_collateral() -> BTreeSet<u16> {
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
    let account = &world.tables.processes.accounts(None, 1)[0];
    assert_eq!(account.secured, 128 * KB, "what LP and LE lent, and not what GP granted");
    world.reached()
}

/// "A process may have 200 MB of memory used by obsolete objects; however, the process may
/// require an additional 50 MB": sufficient collateral, so it is a loan out of LP, and the
/// collection that it makes possible repays it.
fn the_documents_example() -> BTreeSet<u16> {
    let pools = [(LoanedPause, 128 * MB), (LoanedEfficiency, 64 * MB)];
    let mut world = World::sized(1024 * MB, &pools, &[], Rules::default());
    world.join(1, 256 * MB);
    world.report(1, 200 * MB);
    let by = "800-801-802-812-900-902-904-908";
    let id = world.granted(1, 50 * MB, Reason::Pause, LoanedPause, by);
    let account = |world: &World| world.tables.processes.accounts(None, 1)[0].clone();
    assert_eq!((account(&world).freeable, account(&world).secured), (200 * MB, 64 * MB));
    // In block bytes, 50 MB are 64. A second and a third loan find less and less collateral.
    world.granted(1, 50 * MB, Reason::Pause, LoanedPause, by);
    assert_eq!(account(&world).secured, 128 * MB);
    let by = "800-801-802-813-1100-1104-1108-1110";
    world.granted(1, 64 * MB, Reason::Efficiency, LoanedEfficiency, by);
    assert_eq!(account(&world).secured, 192 * MB);
    world.refused(1, 50 * MB, Reason::Pause, "800-801-802-812-900-906-920-922");
    // The collection is over: 64 MB of what was freed come back, and are garbage no more.
    assert_eq!(world.give_back(1, id), Amounts::in_one_pool(LoanedPause, 64 * MB));
    assert_eq!((account(&world).freeable, account(&world).secured), (136 * MB, 128 * MB));
    world.reached()
}

fn one_byte() -> BTreeSet<u16> {
    let mut world = World::new(&[(LoanedEfficiency, 512 * KB), (LoanedPause, 256 * KB)]);
    world.join(1, KB);
    world.report(1, 1);
    let by = "800-801-802-813-1100-1104-1108-1110";
    world.granted(1, 256 * KB, Reason::Efficiency, LoanedEfficiency, by);
    // For a pause one byte is not sufficient, and it secures a loan already.
    world.refused(1, 512 * KB, Reason::Pause, "800-801-802-812-900-906-920-924-926");
    world.refused(1, 256 * KB, Reason::Efficiency, "800-801-802-813-1100-1114-1106");
    world.reached()
}

fn efficiency() -> BTreeSet<u16> {
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
    world.reached()
}

fn urgent_efficiency() -> BTreeSet<u16> {
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
    world.reached()
}

fn repayment() -> BTreeSet<u16> {
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
    assert_eq!(world.tables.processes.owed(1), Ok(amounts(&owed)));
    assert!(
        world.tables.processes.reuse(1, KB).is_err_and(|e| e.text.starts_with("lp is owed 16384"))
    );
    // A block of GL repays LP and LE first.
    let refill = world.give_back(1, leak);
    assert_eq!(refill, amounts(&[(LoanedPause, 16 * KB), (LoanedEfficiency, 48 * KB)]));
    assert!(
        world.tables.processes.reuse(1, KB).is_err_and(|e| e.text.starts_with("le is owed 16384"))
    );
    // And one of committed all that is left, and then committed.
    let refill = world.give_back(1, large);
    let rest = [
        (LoanedEfficiency, 16 * KB),
        (GrantedPause, 32 * KB),
        (GrantedLeak, 64 * KB),
        (Committed, 144 * KB),
    ];
    assert_eq!(refill, amounts(&rest));
    assert_eq!(world.tables.processes.reuse(1, KB), Ok(()), "nothing is owed");
    // What LP gave once is now owed to committed.
    assert_eq!(world.give_back(1, pause), Amounts::in_one_pool(Committed, 16 * KB));
    world.reached()
}

fn without_loaned_pools() -> BTreeSet<u16> {
    let mut world = World::new(&[(GrantedLeak, 64 * KB), (GrantedPause, 64 * KB)]);
    world.join(1, 256 * KB);
    world.report(1, 256 * KB);
    world.refused(1, KB, Reason::Efficiency, "800-801-802-813-1100-1104-1114-1106");
    let by = "800-801-802-813-1100-1104-1114-1116-900-902-906-912-914";
    world.granted(1, 32 * KB, Reason::UrgentEfficiency, GrantedPause, by);
    world.granted(1, 32 * KB, Reason::Pause, GrantedPause, "800-801-802-812-900-902-906-912-914");
    world.refused(1, KB, Reason::Pause, "800-801-802-812-900-902-906-920-922");
    world.reached()
}

fn fragmented() -> BTreeSet<u16> {
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
    assert_eq!(world.free(GrantedPause), 512 * KB);
    world.refused(1, 512 * KB, Reason::Pause, "800-801-802-812-900-906-912-914-fragmented");
    world.reached()
}

fn low_water() -> BTreeSet<u16> {
    let mut world = World::new(&[(GrantedPause, 64 * KB), (LoanedEfficiency, 64 * KB)]);
    for client in [1, 2, 3] {
        world.join(client, 64 * KB);
        world.report(client, 64 * KB);
    }
    world.ask(1, 16 * KB, Reason::Efficiency).unwrap();
    world.ask(2, 32 * KB, Reason::Efficiency).unwrap();
    // Above its mark nobody is asked.
    world.pass(10 * MS);
    assert_eq!([1, 2, 3].map(|client| world.signal(client)), [None, None, None]);
    let id = world.ask(1, 16 * KB, Reason::Efficiency).unwrap().id;
    world.pass(10 * MS);
    // A quarter of 64 KiB are to be free; two owe LE, and have reported as much garbage.
    let collect = Signal::Collect { size: 16 * KB, level: Level::Low, within_ms: 2000 };
    assert_eq!([1, 2, 3].map(|client| world.signal(client)), [Some(collect), None, None]);
    world.pass(Duration::from_secs(1));
    assert_eq!([1, 2, 3].map(|client| world.signal(client)), [None, None, None], "it is coming");
    world.give_back(1, id);
    let account = |world: &World, at: usize| world.tables.processes.accounts(None, 9)[at].clone();
    assert_eq!((account(&world, 0).asked, account(&world, 0).obeyed), (1, 1));
    world.reached()
}

#[test]
fn each_box_stands_once() {
    let numbers: BTreeSet<u16> = BOXES.iter().map(|entry| entry.0).collect();
    assert_eq!(numbers.len(), BOXES.len());
}

#[test]
fn every_box_is_reached_and_the_table_in_the_report_says_by_which_test() {
    let runs: Vec<(&str, BTreeSet<u16>)> =
        SCENARIOS.iter().map(|(name, scenario)| (*name, scenario())).collect();
    let mut table = String::from("| figure | box | | reached by |\n| --- | --- | --- | --- |\n");
    for (number, figure, meaning) in BOXES {
        let by = runs.iter().filter(|(_, reached)| reached.contains(&number));
        let by = by.map(|(name, _)| *name);
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
    crate::support::report::stands("docs/boxes.md", "tests/cooperative/boxes.rs", &table);
}
