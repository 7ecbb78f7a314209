//! The rules around the figures, one by one: whom the manager asks, who is served when, and
//! what becomes of what a process reports.

use std::time::Duration;

use leasebox::common::caller::Caller;
use leasebox::common::error::Code;
use leasebox::cooperative::manager::{CollectBy, Rules, ServeBy};
use leasebox::cooperative::pool::{Share, Shares};
use leasebox::cooperative::words::Pool::{
    Committed, GrantedLeak, GrantedPause, LoanedEfficiency, LoanedPause,
};
use leasebox::cooperative::words::{Amounts, Level, Pool, Reason, Signal, Wanted};

use crate::world::{KB, MS, World};

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
    let accounts = world.tables.processes.accounts(None, 9);
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
            world.tables.manager().report(client, freeable, Some(efficiency), world.now).unwrap();
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
        let pools = [(LoanedEfficiency, 64 * KB), (GrantedLeak, KB)];
        let mut world = World::with(&pools, &[], rules);
        world.join(1, 64 * KB);
        world.report(1, 64 * KB);
        world.ask(1, 64 * KB, Reason::Efficiency).unwrap();
        world.ask(1, KB, Reason::OutOfMemory).unwrap();
        let wanted = Wanted { wait_ms: 5000, ..Wanted::new(KB, Reason::OutOfMemory) };
        assert!(world.tables.manager().request_or_wait(1, &wanted, world.now).unwrap().is_err());
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
    let wanted = Wanted::new(32 * KB, Reason::Efficiency);
    world.tables.manager().request(1, &wanted, world.now).unwrap();
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
        let wanted = Wanted { wait_ms: 5000, why: true, ..Wanted::new(32 * KB, reason) };
        world.tables.manager().request_or_wait(client, &wanted, world.now).unwrap().unwrap_err().0
    };
    let tickets =
        [wait(2, Reason::UrgentEfficiency), wait(3, Reason::Pause), wait(4, Reason::Pause)];
    world.give_back(1, id);
    let mut served = |ticket| world.tables.processes.take_outcome(ticket, world.now);
    assert!(served(tickets[0]).is_none(), "less urgent, though it came first");
    for ticket in &tickets[1..] {
        let granted = served(*ticket).unwrap().unwrap();
        assert_eq!(granted.by.as_deref(), Some("800-801-802-812-900-906-912-914"));
    }
    world.now += 5000 * MS;
    let late = world.tables.processes.take_outcome(tickets[0], world.now).unwrap().unwrap_err();
    assert!(late.text.contains("no memory came back for it in 5000 ms"), "{late}");
    assert_eq!(world.tables.check(), Ok(()));
}

#[test]
fn a_waiting_request_asks_others_to_collect_and_is_granted_what_they_return() {
    let mut world = World::new(&[(GrantedPause, 64 * KB)]);
    world.join(1, 64 * KB);
    world.join(2, 0);
    let id = world.ask(1, 64 * KB, Reason::Pause).unwrap().id;
    world.report(1, 64 * KB);
    let wanted = Wanted { wait_ms: 5000, ..Wanted::new(32 * KB, Reason::Pause) };
    let (ticket, _) =
        world.tables.manager().request_or_wait(2, &wanted, world.now).unwrap().unwrap_err();
    world.pass(10 * MS);
    let urgent = Signal::Collect { size: 32 * KB, level: Level::Urgent, within_ms: 500 };
    assert_eq!(world.signal(1), Some(urgent));
    world.tables.processes.take_wakers();
    world.tables.processes.add_sleeper(2);
    world.give_back(1, id);
    assert_eq!(world.tables.processes.take_wakers(), [2]);
    assert_eq!(
        world.tables.processes.take_outcome(ticket, world.now).unwrap().unwrap().pool,
        GrantedPause
    );
}

#[test]
fn a_grant_that_was_not_taken_ends_with_its_process() {
    let mut world = World::new(&[(GrantedPause, 64 * KB)]);
    world.join(1, 0);
    world.join(2, KB);
    let id = world.ask(1, 64 * KB, Reason::Pause).unwrap().id;
    let ticket = world.wait(2, 64 * KB, Reason::Pause);
    world.give_back(1, id);
    world.tables.processes.disconnect(2, world.now).unwrap();
    let outcome = world.tables.processes.take_outcome(ticket, world.now).unwrap();
    assert_eq!(outcome.unwrap_err().code, Code::NotFound);
}

#[test]
fn the_end_of_a_process_serves_who_waited() {
    let mut world = World::new(&[(GrantedPause, 64 * KB)]);
    world.join(1, KB);
    world.join(2, 0);
    world.ask(1, 64 * KB, Reason::Pause).unwrap();
    let wanted = Wanted { wait_ms: 5000, ..Wanted::new(64 * KB, Reason::Pause) };
    let (ticket, _) =
        world.tables.manager().request_or_wait(2, &wanted, world.now).unwrap().unwrap_err();
    let number = world.tables.processes.disconnect(1, world.now).unwrap();
    loop {
        let endings = world.tables.manager().strike(number, 1);
        if endings.is_empty() {
            break;
        }
        world.tables.manager().give_back(endings, world.now);
    }
    assert!(world.tables.processes.take_outcome(ticket, world.now).unwrap().is_ok());
}

#[test]
fn memory_for_a_client_that_has_gone_goes_back() {
    let mut world = World::new(&[(GrantedPause, 64 * KB)]);
    world.join(1, 0);
    world.join(2, 0);
    let id = world.ask(1, 64 * KB, Reason::Pause).unwrap().id;
    let wanted = Wanted { wait_ms: 5000, ..Wanted::new(64 * KB, Reason::Pause) };
    let (ticket, _) =
        world.tables.manager().request_or_wait(2, &wanted, world.now).unwrap().unwrap_err();
    world.give_back(1, id);
    let ending = world.tables.manager().cancel(ticket, world.now).unwrap();
    world.tables.manager().give_back(vec![ending], world.now);
    assert_eq!(world.tables.check(), Ok(()));
    assert_eq!(world.free(GrantedPause), 64 * KB);
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
    let report = world.tables.manager().report(1, 64 * KB + 1, None, world.now);
    assert!(report.is_err_and(|error| error.code == Code::BadRequest));
    let mut wanted = Wanted { freeable: Some(65 * KB), ..Wanted::new(KB, Reason::Pause) };
    assert!(world.tables.manager().request(1, &wanted, world.now).is_err());
    wanted.freeable = Some(KB);
    let granted = world.tables.manager().request(1, &wanted, world.now).unwrap();
    assert_eq!(granted.pool, LoanedPause, "reported and asked in one step");
    // A report stands also when the request that it came with is refused.
    wanted = Wanted { size: 64 * KB, freeable: Some(64 * KB), ..wanted };
    assert!(world.tables.manager().request(1, &wanted, world.now).is_err());
    assert_eq!(world.tables.processes.accounts(None, 1)[0].freeable, 64 * KB);
}

#[test]
fn a_low_efficiency_is_boosted_when_that_was_asked_for() {
    let rules = Rules { boost_below: Some(30), block: 16 * KB, ..Rules::default() };
    let mut world = World::with(&[(LoanedEfficiency, 64 * KB)], &[], rules);
    world.join(1, 64 * KB);
    world.tables.manager().report(1, 64 * KB, Some(30), world.now).unwrap();
    assert_eq!(world.signal(1), None, "not below");
    world.tables.manager().report(1, 64 * KB, Some(29), world.now).unwrap();
    let Some(Signal::Granted { id, size, pool }) = world.signal(1) else { panic!() };
    assert_eq!((size, pool), (16 * KB, LoanedEfficiency));
    assert_eq!(world.give_back(1, id), Amounts::in_one_pool(LoanedEfficiency, 16 * KB));
}

#[test]
fn a_process_without_a_connection_ends_by_silence() {
    let mut world = World::new(&[]);
    let caller = Caller::unconnected(7);
    let token = world.tables.manager().join(caller, "quiet", Some(KB), 7, world.now).unwrap();
    let start = world.now;
    let silent = |world: &mut World, s| -> Vec<_> {
        let (processes, now) = (&mut world.tables.processes, start + Duration::from_secs(s));
        let silent = processes.silent(now);
        silent.into_iter().filter_map(|client| processes.end_silent(client, now)).collect()
    };
    assert_eq!(silent(&mut world, 29), [0; 0]);
    world.tables.processes.hear(7, start + Duration::from_secs(20));
    assert_eq!(silent(&mut world, 49), [0; 0]);
    // A connection keeps it alive, however silent; who was silent is a client no more.
    world.tables.processes.attach(Caller::connected(8), token, world.now).unwrap();
    assert_eq!(silent(&mut world, 500), [0; 0]);
    assert!(world.tables.processes.owed(7).is_err());
    world
        .tables
        .processes
        .attach(Caller::unconnected(9), token, start + Duration::from_secs(490))
        .unwrap();
    world.tables.processes.disconnect(8, start + Duration::from_secs(500));
    assert_eq!(silent(&mut world, 519), [0; 0]);
    assert_eq!(silent(&mut world, 520).len(), 1);
    assert_eq!(world.tables.check(), Ok(()));
    assert!(world.tables.processes.attach(Caller::connected(10), token, world.now).is_err());
    world.tables.manager().join(caller, "heard", Some(KB), 7, start).unwrap();
    let later = start + Duration::from_secs(31);
    assert_eq!(world.tables.processes.silent(later), [7]);
    world.tables.processes.hear(7, later);
    assert_eq!(world.tables.processes.end_silent(7, later), None, "it was heard in between");
}

#[test]
fn who_is_deaf_or_silent_does_not_stand_before_those_who_obey() {
    for is_silent in [false, true] {
        let mut world = World::new(&[(GrantedPause, 256 * KB), (LoanedEfficiency, 256 * KB)]);
        for (client, committed) in [(1, 256 * KB), (2, 256 * KB), (3, 0)] {
            world.join(client, committed);
        }
        // The first holds GP and never listens; the second holds LE and does.
        world.ask(1, 256 * KB, Reason::Pause).unwrap();
        world.report(1, 256 * KB);
        if is_silent {
            world.now += Duration::from_secs(11);
        }
        world.report(2, 256 * KB);
        world.ask(2, 256 * KB, Reason::Efficiency).unwrap();
        let reason = Reason::Pause;
        let wanted = Wanted { wait_ms: 9000, ..Wanted::new(128 * KB, reason) };
        let waits = world.tables.manager().request_or_wait(3, &wanted, world.now).unwrap();
        assert!(waits.is_err());
        (0..3).for_each(|_| world.pass(Duration::from_secs(1)));
        let mut signals = std::iter::from_fn(|| world.signal(2));
        let urgent = |signal| matches!(signal, Signal::Collect { level: Level::Urgent, .. });
        assert!(signals.any(urgent), "silent: {is_silent}");
    }
}

#[test]
fn what_the_deaf_were_asked_for_again_is_not_relied_on() {
    let mut world = World::new(&[(GrantedPause, 256 * KB), (LoanedEfficiency, 256 * KB)]);
    for (client, committed) in [(1, 256 * KB), (2, 256 * KB), (3, 0)] {
        world.join(client, committed);
    }
    world.ask(1, 256 * KB, Reason::Pause).unwrap();
    world.report(1, 256 * KB);
    world.report(2, 256 * KB);
    world.ask(2, 256 * KB, Reason::Efficiency).unwrap();
    world.report(2, 0);
    world.wait(3, 128 * KB, Reason::Pause);
    (0..2).for_each(|_| world.pass(Duration::from_secs(1)));
    while world.signal(2).is_some() {}
    // The first has not obeyed and was asked again. Now the second has something.
    world.report(2, 256 * KB);
    world.pass(10 * MS);
    assert!(matches!(world.signal(2), Some(Signal::Collect { level: Level::Urgent, .. })));
}

#[test]
fn who_begins_to_wait_is_looked_after_at_once_also_when_no_pool_is_low() {
    let low_water = Shares::from(Pool::ALL.map(|pool| (pool, Share::Percent(0))));
    let rules = Rules { low_water, ..Rules::default() };
    let mut world = World::with(&[(GrantedPause, 64 * KB)], &[], rules);
    world.join(1, 64 * KB);
    world.join(2, 0);
    world.ask(1, 64 * KB, Reason::Pause).unwrap();
    world.report(1, 64 * KB);
    world.pass(Duration::from_secs(2));
    assert_eq!(world.signal(1), None);
    world.wait(2, 64 * KB, Reason::Pause);
    world.pass(10 * MS);
    assert!(matches!(world.signal(1), Some(Signal::Collect { level: Level::Urgent, .. })));
}

#[test]
fn a_process_that_cannot_secure_its_loans_is_told_once_for_each_byte() {
    let mut world = World::new(&[(LoanedPause, 64 * KB)]);
    world.join(1, 64 * KB);
    world.report(1, 64 * KB);
    world.ask(1, 64 * KB, Reason::Pause).unwrap();
    let mut told = |freeable| {
        world.report(1, freeable);
        world.signal(1).is_some()
    };
    assert_eq!([told(0), told(0), told(0)], [true, false, false], "or it would collect for ever");
    assert_eq!([told(KB), told(0)], [false, true]);
}

#[test]
fn a_holder_that_never_reported_is_asked_to_when_another_waits() {
    let mut world = World::new(&[(GrantedPause, 64 * KB)]);
    world.join(1, 0);
    world.join(2, 0);
    let id = world.ask(1, 64 * KB, Reason::Pause).unwrap().id;
    let ticket = world.wait(2, 64 * KB, Reason::Pause);
    world.pass(10 * MS);
    assert_eq!(world.signal(1), Some(Signal::Status));
    (0..9).for_each(|_| world.pass(Duration::from_secs(1)));
    assert_eq!(world.signal(1), None, "once in ten seconds");
    world.report(1, 64 * KB);
    world.pass(10 * MS);
    assert!(matches!(world.signal(1), Some(Signal::Collect { level: Level::Urgent, .. })));
    world.give_back(1, id);
    assert!(world.tables.processes.take_outcome(ticket, world.now).unwrap().is_ok());
}

#[test]
fn as_many_are_asked_as_those_who_wait_need() {
    let mut world = World::new(&[(GrantedPause, 128 * KB)]);
    for holder in [1, 2] {
        world.join(holder, 64 * KB);
        world.ask(holder, 64 * KB, Reason::Pause).unwrap();
        world.report(holder, 64 * KB);
    }
    for waiter in [3, 4] {
        world.join(waiter, 0);
        world.wait(waiter, 64 * KB, Reason::Pause);
    }
    world.pass(10 * MS);
    for holder in [1, 2] {
        let signal = world.signal(holder);
        assert!(matches!(signal, Some(Signal::Collect { level: Level::Urgent, .. })), "{signal:?}");
    }
}

#[test]
fn who_owes_a_pool_nothing_is_not_asked_for_it() {
    let mut world = World::new(&[(GrantedPause, 512 * KB)]);
    [1, 2].into_iter().for_each(|client| world.join(client, 0));
    let quarter = |world: &mut World, reason| world.ask(1, 256 * KB, reason).unwrap().id;
    let first = quarter(&mut world, Reason::Committed);
    quarter(&mut world, Reason::Pause);
    quarter(&mut world, Reason::Committed);
    let last = quarter(&mut world, Reason::Pause);
    for id in [first, last] {
        world.give_back(1, id);
    }
    world.report(1, 512 * KB);
    assert_eq!(world.free(GrantedPause), 512 * KB);
    // The whole pool is free, and no block of its size: what is committed is in the way.
    world.wait(2, 512 * KB, Reason::Pause);
    world.pass(10 * MS);
    assert_eq!(world.signal(1), None, "who owes the pool nothing cannot refill it");
}

#[test]
fn a_block_of_one_pool_may_be_what_another_ones_bytes_lacked() {
    let mut world = World::new(&[(GrantedPause, 512 * KB)]);
    (1..=3).for_each(|client| world.join(client, 0));
    let turns = [Reason::Committed, Reason::Pause, Reason::Committed, Reason::Pause];
    let blocks = turns.map(|reason| {
        let client = if reason == Reason::Pause { 2 } else { 1 };
        world.ask(client, 256 * KB, reason).unwrap().id
    });
    world.give_back(2, blocks[1]);
    world.give_back(2, blocks[3]);
    let ticket = world.wait(3, 512 * KB, Reason::Pause);
    assert!(
        world.tables.processes.take_outcome(ticket, world.now).is_none(),
        "GP has the bytes, in pieces"
    );
    assert_eq!(world.give_back(1, blocks[0]), Amounts::in_one_pool(Committed, 256 * KB));
    assert!(world.tables.processes.take_outcome(ticket, world.now).unwrap().is_ok());
}

#[test]
fn a_report_serves_what_its_process_waited_for() {
    for with_request in [false, true] {
        let mut world = World::new(&[(LoanedEfficiency, 128 * KB)]);
        world.join(1, 64 * KB);
        let ticket = world.wait(1, 64 * KB, Reason::Efficiency);
        assert!(
            world.tables.processes.take_outcome(ticket, world.now).is_none(),
            "without collateral"
        );
        if with_request {
            let reason = Reason::Committed;
            let freeable = Some(64 * KB);
            let wanted = Wanted { freeable, ..Wanted::new(KB, reason) };
            world.tables.manager().request(1, &wanted, world.now).unwrap();
        } else {
            world.report(1, 64 * KB);
        }
        assert!(world.tables.processes.take_outcome(ticket, world.now).unwrap().is_ok());
    }
}

#[test]
fn there_are_no_more_processes_and_unconnected_clients_than_the_rules_say() {
    let mut world = World::with(&[], &[], Rules { most: 2, ..Rules::default() });
    world.join(1, 0);
    let caller = Caller::unconnected(2);
    let token = world.tables.manager().join(caller, "p2", Some(0), 2, world.now).unwrap();
    let third = world.tables.manager().join(Caller::connected(3), "p3", Some(0), 3, world.now);
    assert!(third.is_err_and(|error| error.code == Code::Busy));
    let mut attach =
        |client| world.tables.processes.attach(Caller::unconnected(client), token, world.now);
    assert!((10..73).all(|client| attach(client).is_ok()));
    assert!(attach(73).is_err_and(|error| error.text.contains("too many")));
    assert!(world.tables.processes.attach(Caller::connected(73), token, world.now).is_ok());
}

#[test]
fn a_boost_is_an_efficiency_request_and_urgent_for_a_process_without_garbage() {
    let rules = Rules { boost_below: Some(30), block: 16 * KB, ..Rules::default() };
    let mut world = World::with(&[(LoanedPause, 64 * KB)], &[], rules.clone());
    world.join(1, 64 * KB);
    world.tables.manager().report(1, 0, Some(1), world.now).unwrap();
    assert_eq!(world.signal(1), None, "without collateral, and no pool grants anything");
    let pools = [(LoanedEfficiency, 64 * KB), (GrantedPause, 16 * KB)];
    for (freeable, from) in [(64 * KB, LoanedEfficiency), (0, GrantedPause)] {
        let mut world = World::with(&pools, &[], rules.clone());
        world.join(1, 64 * KB);
        world.tables.manager().report(1, freeable, Some(1), world.now).unwrap();
        let granted = world.signal(1);
        let Some(Signal::Granted { size, pool, .. }) = granted else { panic!("{granted:?}") };
        assert_eq!((size, pool), (16 * KB, from));
    }
}

#[test]
fn a_cancelled_grant_leaves_no_trace() {
    let mut world = World::new(&[(GrantedPause, 64 * KB), (LoanedPause, 64 * KB)]);
    (1..=2).for_each(|client| world.join(client, 64 * KB));
    world.report(2, 64 * KB);
    world.ask(2, 64 * KB, Reason::Pause).unwrap();
    let id = world.ask(1, 64 * KB, Reason::Pause).unwrap().id;
    let ticket = world.wait(2, 64 * KB, Reason::Pause);
    let before = world.tables.processes.accounts(None, 9)[1].clone();
    assert_eq!(before.owes[LoanedPause], 64 * KB);
    world.give_back(1, id);
    assert_eq!(
        world.tables.processes.accounts(None, 9)[1].owes[GrantedPause],
        64 * KB,
        "it was granted"
    );
    let ending = world.tables.manager().cancel(ticket, world.now).unwrap();
    world.tables.manager().give_back(vec![ending], world.now);
    assert_eq!(world.tables.processes.accounts(None, 9)[1], before, "neither repaid nor obeyed");
    assert!(world.tables.manager().cancel(ticket, world.now).is_none());
}

#[test]
fn the_end_of_a_process_wakes_those_who_wait_for_it() {
    let mut world = World::new(&[]);
    [1, 2, 3].into_iter().for_each(|client| world.join(client, 0));
    [1, 3].into_iter().for_each(|client| world.tables.processes.add_sleeper(client));
    world.tables.processes.remove_sleeper(3);
    [1, 2, 3].into_iter().for_each(|client| drop(world.tables.processes.leave(client, world.now)));
    assert_eq!(world.tables.processes.take_wakers(), [1], "nobody sleeps for the others");
    assert!(world.tables.processes.next_signal(1).is_err());
}

#[test]
fn at_an_interval_all_processes_are_asked_however_much_is_free() {
    let every = Duration::from_secs(5);
    let rules =
        Rules { collect_every: Some(every), low_water: Shares::default(), ..Rules::default() };
    let pools = [(LoanedPause, 256 * KB), (LoanedEfficiency, 256 * KB)];
    let mut world = World::with(&pools, &[], rules);
    for client in [1, 2, 3] {
        world.join(client, 64 * KB);
        world.report(client, 48 * KB);
    }
    let lent = world.ask(1, 16 * KB, Reason::Pause).unwrap().id;
    world.ask(1, 16 * KB, Reason::Efficiency).unwrap();
    world.ask(2, 8 * KB, Reason::Committed).unwrap();
    // The interval begins with the first look.
    world.pass(Duration::from_secs(1));
    let signals = |world: &mut World| [1, 2, 3].map(|client| world.signal(client));
    for _ in 0..4 {
        world.pass(Duration::from_secs(1));
        assert_eq!(signals(&mut world), [None, None, None], "the interval is not over");
    }
    world.pass(Duration::from_secs(1));
    // Whoever owes something and has garbage: both loans in one signal, and no own block.
    let collect = |size| Some(Signal::Collect { size, level: Level::Low, within_ms: 2000 });
    assert_eq!(signals(&mut world), [collect(32 * KB), collect(8 * KB), None]);
    world.give_back(1, lent);
    [1, 2, 3].into_iter().for_each(|client| world.report(client, 32 * KB));
    world.pass(Duration::from_secs(4));
    assert_eq!(signals(&mut world), [None, None, None]);
    world.pass(Duration::from_secs(1));
    assert_eq!(signals(&mut world), [collect(16 * KB), collect(8 * KB), None], "once more");
}

/// Three processes wait for the same block, which then comes back: the one that gets it.
fn served(serve_by: ServeBy, status: [(u64, Option<u8>); 3]) -> u64 {
    let rules = Rules { serve_by, low_water: Shares::default(), ..Rules::default() };
    let mut world = World::with(&[(GrantedPause, 64 * KB)], &[], rules);
    (1..=4).for_each(|client| world.join(client, 64 * KB));
    let held = world.ask(4, 64 * KB, Reason::Pause).unwrap().id;
    for (client, (freeable, efficiency)) in (1..).zip(status) {
        world.tables.manager().report(client, freeable, efficiency, world.now).unwrap();
        world.wait(client, 64 * KB, Reason::Pause);
    }
    world.give_back(4, held);
    let accounts = world.tables.processes.accounts(None, 9);
    let has_it = accounts.iter().position(|account| account.owes[GrantedPause] > 0).unwrap();
    has_it as u64 + 1
}

#[test]
fn by_status_the_process_that_the_wait_hurts_most_is_served_first() {
    let status = [(0, Some(40)), (8 * KB, Some(10)), (4 * KB, Some(10))];
    assert_eq!(served(ServeBy::Arrival, status), 1, "who came first");
    assert_eq!(served(ServeBy::Status, status), 3, "the lowest efficiency, and the least garbage");
    let unknown = [(0, Some(60)), (0, None), (0, Some(55))];
    assert_eq!(served(ServeBy::Status, unknown), 2, "an unknown efficiency counts as 50");
    let equal = [(0, Some(10)); 3];
    assert_eq!(served(ServeBy::Status, equal), 1, "of equal ones who came first");
}
