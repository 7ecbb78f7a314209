//! Tests of one process's account: what secures what, and what repays it.

use super::*;

fn process() -> Process<()> {
    let token = LeaseId::from_number(1);
    Process::new("p".into(), token, ())
}

#[test]
fn the_documents_example_secures_its_loan_and_frees_it_by_repaying() {
    const MB: u64 = 1 << 20;
    let mut process = process();
    process.take(Pool::Committed, 256 * MB);
    process.freeable = 200 * MB;
    process.take(Pool::LoanedPause, 64 * MB);
    assert_eq!((process.secured(), process.collateral()), (64 * MB, 136 * MB));
    let (refill, _) = process.repay(Pool::LoanedPause, 64 * MB);
    assert_eq!(refill, Amounts::in_one_pool(Pool::LoanedPause, 64 * MB));
    assert_eq!((process.secured(), process.collateral()), (0, 136 * MB));
}

#[test]
fn an_efficiency_loan_is_secured_by_what_there_is() {
    let mut process = process();
    process.take(Pool::Committed, 64);
    process.freeable = 1;
    process.take(Pool::LoanedEfficiency, 64);
    assert_eq!((process.secured(), process.collateral()), (1, 0));
    process.freeable = 40;
    assert_eq!(process.collateral(), 39);
    process.take(Pool::LoanedEfficiency, 32);
    assert_eq!((process.secured(), process.collateral()), (33, 7));
    process.repay(Pool::LoanedEfficiency, 32);
    assert_eq!((process.secured(), process.freeable), (33, 8), "what is owed stays secured");
    assert_eq!(process.collateral(), 0);
    process.repay(Pool::LoanedEfficiency, 32);
    process.repay(Pool::Committed, 32);
    assert_eq!((process.secured(), process.freeable), (0, 0));
}

#[test]
fn a_report_below_what_is_secured_leaves_no_collateral() {
    let mut process = process();
    process.take(Pool::Committed, 128);
    process.freeable = 64;
    process.take(Pool::LoanedPause, 64);
    let now = Instant::now();
    assert_eq!(process.report(10, now), Some(54));
    assert_eq!((process.secured(), process.collateral()), (64, 0));
    assert_eq!(process.report(10, now), None, "it was told so");
    assert_eq!(process.report(9, now), Some(55));
    assert_eq!(process.report(64, now), None);
    assert_eq!(process.report(63, now), Some(1), "it is missing anew");
    process.freeable = 10;
    assert_eq!(process.check(&Amounts::each(|_| 128)), Ok(()));
}

#[test]
fn what_it_runs_on_in_its_own_block_is_not_to_be_had_back() {
    let mut process = process();
    process.take(Pool::Committed, 64);
    process.own_extents.insert(LeaseId::from_number(2), 64);
    process.take(Pool::Committed, 32);
    process.freeable = 96;
    assert_eq!(process.returnable(Pool::Committed), 32);
    assert_eq!(process.freeable_by_pool(), Amounts::in_one_pool(Pool::Committed, 32));
}

#[test]
fn garbage_that_secures_a_loan_secures_no_other_when_an_unsecured_one_is_repaid() {
    let mut process = process();
    process.take(Pool::Committed, 64);
    process.freeable = 1;
    assert_eq!(process.take(Pool::LoanedEfficiency, 64), 1);
    assert_eq!(process.take(Pool::LoanedEfficiency, 64), 0, "by box 928");
    process.repay(Pool::LoanedEfficiency, 64);
    process.report(1, Instant::now());
    assert_eq!(process.collateral(), 0);
}

fn grant(pool: Pool, secured: u64) -> BlockRecord {
    BlockRecord { pool, secured, is_for_pause: false }
}

#[test]
fn what_came_for_a_pause_is_owed_as_that_until_it_is_repaid() {
    let mut process = process();
    let pause = process.take_for(Reason::Pause, Pool::GrantedPause, 64);
    let other = process.take_for(Reason::UrgentEfficiency, Pool::GrantedPause, 128);
    let owed = |process: &Process<()>| process.owed_for_pauses.total();
    assert_eq!(owed(&process), 64);
    // No client received the other block, so undoing its grant repays no debt for a pause.
    process.undo(128, other);
    assert_eq!((owed(&process), process.owed[Pool::GrantedPause]), (64, 64));
    process.take_for(Reason::UrgentEfficiency, Pool::GrantedPause, 128);
    process.repay(Pool::GrantedPause, 32);
    assert_eq!(owed(&process), 32, "what is repaid is of the pause first");
    process.undo(64, pause);
    assert_eq!(owed(&process), 0);
}

#[test]
fn a_block_that_nobody_received_leaves_no_trace() {
    let mut process = process();
    process.take(Pool::Committed, 128);
    process.freeable = 96;
    process.take(Pool::LoanedPause, 32);
    let before = format!("{process:?}");
    let secured = process.take(Pool::LoanedEfficiency, 64);
    assert_eq!(
        process.undo(64, grant(Pool::LoanedEfficiency, secured)),
        Amounts::in_one_pool(Pool::LoanedEfficiency, 64)
    );
    process.take(Pool::GrantedPause, 64);
    assert_eq!(
        process.undo(64, grant(Pool::GrantedPause, 0)),
        Amounts::in_one_pool(Pool::GrantedPause, 64)
    );
    assert_eq!(format!("{process:?}"), before);
    // The undone loan was secured by 40 bytes. They do not secure the other loan, which was lent
    // without collateral.
    let mut other = self::process();
    other.take(Pool::Committed, 64);
    other.take(Pool::LoanedEfficiency, 64);
    other.freeable = 40;
    let secured = other.take(Pool::LoanedEfficiency, 64);
    other.undo(64, grant(Pool::LoanedEfficiency, secured));
    assert_eq!((secured, other.secured()), (40, 0));
    // Another block repays 32 bytes of this debt. So 32 bytes of the undone block repay the
    // committed pool instead.
    process.take(Pool::GrantedPause, 64);
    process.repay(Pool::Committed, 64);
    let mut expected = Amounts::in_one_pool(Pool::GrantedPause, 32);
    expected[Pool::Committed] = 32;
    assert_eq!(process.undo(64, grant(Pool::GrantedPause, 0)), expected);
    assert_eq!(process.check(&Amounts::each(|_| 999)), Ok(()));
}

#[test]
fn signals_of_a_kind_do_not_pile_up() {
    let mut process = process();
    let collect = |size| Signal::Collect { size, level: Level::Low, within_ms: 1 };
    let signals = [collect(1), Signal::Status, collect(2), Signal::Status];
    signals.into_iter().for_each(|each| process.signal(each));
    assert_eq!(process.signals, [collect(2), Signal::Status]);
    let urgent = |size| Signal::Collect { size, level: Level::Urgent, within_ms: 1 };
    [urgent(3), collect(2)].into_iter().for_each(|each| process.signal(each));
    assert_eq!(process.signals, [urgent(3), Signal::Status], "the more pressing one stays");
    process.signal(collect(4));
    assert_eq!(process.signals, [urgent(4), Signal::Status], "and the larger size");
    process.signal(urgent(1));
    assert_eq!(process.signals, [urgent(4), Signal::Status], "as much is still due");
}

#[test]
fn what_was_asked_for_is_covered_and_the_block_is_secured_as_far_as_garbage_reaches() {
    let mut process = process();
    process.freeable = 1000;
    assert_eq!(process.take(Pool::LoanedPause, 1024), 1000);
    assert_eq!((process.secured(), process.collateral()), (1000, 0));
    assert_eq!(process.report(1000, Instant::now()), None, "nothing is missing");
    assert_eq!(process.report(900, Instant::now()), Some(100));
    process.repay(Pool::LoanedPause, 1024);
    assert_eq!((process.secured(), process.owed.total()), (0, 0));
}
