//! Tests of the socket of all clients: the errors of a bind, and a port for both protocols.

use super::*;
use crate::server::datagrams::DatagramLimits;
use std::time::Duration;

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
