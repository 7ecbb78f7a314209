//! Tests of the configuration: what it refuses, and the errors of a bind.

use super::*;

#[test]
fn values_out_of_range_are_refused_and_not_corrected() {
    type Change = fn(&mut Config);
    let changes: [(Change, &str); 8] = [
        (|config| config.numbers = 0, "--numbers"),
        (|config| config.numbers = NumberList::MAX + 1, "--numbers"),
        (|config| config.memory = 31, "--memory"),
        (|config| config.max_clients = 0, "--max-clients"),
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
fn a_low_port_without_the_right_to_it_is_an_error_with_its_cure() {
    let denied = io::Error::from(io::ErrorKind::PermissionDenied);
    let text = explain_bind("TCP", ([127, 0, 0, 1], 412).into(), &denied);
    assert!(text.starts_with("port 412 needs a right") && text.contains("--port"), "{text}");
}

#[test]
fn a_free_port_whose_twin_is_taken_is_given_up_for_another() {
    let history_time = Duration::from_secs(60);
    let udp = Some(DatagramLimits { longest: 8192, max_clients: 16, history_time });
    let config = |port| {
        let address = ([127, 0, 0, 1], port).into();
        Config { address, udp: udp.clone(), ..Config::default() }
    };
    let mut taken = 3;
    let (listener, socket) = config(0)
        .bind(None, |address| match taken {
            0 => UdpSocket::bind(address),
            _ => {
                taken -= 1;
                Err(io::ErrorKind::AddrInUse.into())
            }
        })
        .unwrap();
    assert_eq!(listener.local_addr().unwrap(), socket.unwrap().local_addr().unwrap());
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let in_use = |_| Err(io::ErrorKind::AddrInUse.into());
    assert!(config(port).bind(None, in_use).is_err(), "a port that was asked for is the one");
    assert!(config(0).bind(None, in_use).is_err(), "nor is it tried for ever");
}

#[test]
fn a_port_in_use_is_an_error_with_its_cure() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let config = Config { address: taken.local_addr().unwrap(), ..Config::default() };
    let error = config.start().map(|_| ()).unwrap_err();
    assert!(error.contains("in use") && error.contains("--port 0"), "{error}");
}
