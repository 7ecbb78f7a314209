//! Tests of the configuration: what it refuses.

use super::*;

#[test]
fn values_out_of_range_are_refused_and_not_corrected() {
    type Change = fn(&mut Config);
    let changes: [(Change, &str); 9] = [
        (|config| config.numbers = 0, "--numbers"),
        (|config| config.numbers = NumberList::MAX + 1, "--numbers"),
        (|config| config.memory = 31, "--memory"),
        (|config| config.max_clients = 0, "--max-clients"),
        (|config| config.max_leases = Some(0), "--max-leases"),
        (|config| config.max_clients = 14_001, "--max-clients"),
        (|config| config.limits.policy.max_message = 1, "--max-message"),
        (|config| config.limits.request_timeout = Duration::ZERO, "--request-timeout"),
        (|config| config.max_lease = Duration::MAX, "--max-lease"),
    ];
    assert!(Config::default().check().is_ok());
    for (change, name) in changes {
        let mut config = Config::default();
        change(&mut config);
        let error = config.check();
        assert!(error.as_ref().is_err_and(|text| text.starts_with(name)), "{name}: {error:?}");
    }
}

#[test]
fn what_no_process_could_have_is_refused_at_the_start() {
    let config = |name: &str, bytes| {
        let mut config = Config::default();
        config.rules.fixed.insert(name.to_string(), bytes);
        config.check().and_then(|()| config.share().map(|_| ()))
    };
    assert_eq!(config("db", 64 << 20), Ok(()));
    assert!(config("d b", 1).is_err_and(|text| text.contains("letters, digits")));
    assert!(config("db", (64 << 20) + 1).is_err_and(|text| text.contains("does not fit")));
    assert!(config("db", u64::MAX).is_err_and(|text| text.contains("does not fit")));
    let mut config = Config::default();
    (config.rules.boost_below, config.rules.block) = (Some(50), 0);
    assert!(config.check().is_err_and(|text| text.contains("boost")));
}

#[test]
fn without_the_lock_it_stays_on_this_machine_unless_told() {
    let check = |bind: [u8; 4], lab, broken_in_public| {
        let address = (bind, 0).into();
        let locking = Locking::None;
        Config { address, locking, lab, broken_in_public, ..Config::default() }.check().is_ok()
    };
    let (here, everywhere) = ([127, 0, 0, 2], [0, 0, 0, 0]);
    assert!(check(here, false, false) && check(here, true, false));
    assert!(!check(everywhere, false, false) && check(everywhere, false, true));
    assert!(!check(everywhere, true, true), "a lab is never public");
}

#[test]
fn the_entries_of_leases_take_no_more_than_the_memory_but_a_small_arena_can_be_full() {
    let most = |memory| Config { memory, ..Config::default() }.max_leases();
    assert_eq!(most(64 << 20), 599_186);
    assert_eq!(most(1000), 65_536);
    assert_eq!(Config { max_leases: Some(7), ..Config::default() }.max_leases(), 7);
}

#[test]
fn the_history_of_datagrams_is_a_part_of_the_buffers() {
    let limits = |max_clients| DatagramLimits {
        longest: 8192,
        max_clients,
        history_time: Duration::from_secs(60),
    };
    let least = least_for_all(Config::default().limits.policy.max_message);
    let config = |clients| Config {
        buffers: Some(least + (1 << 20)),
        udp: Some(limits(clients)),
        ..Config::default()
    };
    assert_eq!(config(128).share().map(|shared| shared.buffers.bound() as u64), Ok(least));
    let error = config(129).share().map(|_| ()).unwrap_err();
    assert!(error.contains("--history") && error.contains("--buffers"), "{error}");
}
