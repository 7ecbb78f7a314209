//! Datagrams end to end: the real server, the real proxy that loses them, the library.

mod support;

use std::collections::HashSet;
use std::net::UdpSocket;
use std::process::Command;
use std::time::{Duration, Instant};

use leasebox::client::exchange::{Semantics, Way};
use leasebox::client::{CallError, Client};
use leasebox::commands::{Draw, Reply, Request};
use leasebox::common::error::Code;
use leasebox::protocol::byte_order::ByteOrder;
use leasebox::protocol::datagram::{Heard, Token, Wish, acknowledge, ask, hear, hello};
use leasebox::server::config::Config;
use leasebox::server::datagrams::DatagramLimits;
use support::weather::{BAD, Lossy, client, drain_by_eight};
use support::{BINARY, Running, assert_permutation, shown};

const LIMIT: Duration = Duration::from_secs(30);

fn way(semantics: Semantics, acknowledge: bool) -> Way {
    Way { semantics, acknowledge, retry: Duration::from_millis(20) }
}

fn refusal<T: std::fmt::Debug>(called: Result<T, CallError>) -> Code {
    match called {
        Err(CallError::Refused(error)) => error.code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn eight_clients_at_most_once_drain_the_list_to_a_permutation_in_bad_weather() {
    for acknowledge in [false, true] {
        let server = Running::start(&["--udp", "--numbers", "10000"]);
        let lossy = Lossy::start(server.address, 7, &BAD);
        let all = drain_by_eight(lossy.address, way(Semantics::AtMostOnce, acknowledge));
        assert_permutation(all, 10_000);
        assert!(server.figure("resent") > 0, "the weather was good");
    }
}

#[test]
fn eight_clients_at_least_once_burn_numbers_in_bad_weather() {
    let server = Running::start(&["--udp", "--numbers", "10000"]);
    let lossy = Lossy::start(server.address, 7, &BAD);
    let all = drain_by_eight(lossy.address, way(Semantics::AtLeastOnce, false));
    assert_eq!(server.figure("remaining"), 0);
    let different: HashSet<u32> = all.iter().copied().collect();
    assert_eq!(different.len(), all.len(), "burnt is not given twice");
    assert!(all.len() < 10_000, "none of them was burnt");
}

#[test]
fn both_sockets_have_the_port_and_both_say_the_same() {
    let server = Running::start(&["--udp", "--seed", "7"]);
    let mut by_datagrams = client(server.address, Way::default());
    let numbers = by_datagrams.draw(4).unwrap();
    assert_eq!(numbers, [43948, 46732, 71936, 29535]);
    let id = by_datagrams.lease(64, LIMIT).unwrap();
    by_datagrams.set(id, b"hi").unwrap();
    assert_eq!(server.ask(&format!("get {id}")), format!("data {id} hi"));
    assert_eq!(by_datagrams.release(id).unwrap(), 64);
    assert_eq!(refusal(by_datagrams.get(id)), Code::NotFound);
}

#[test]
fn what_does_not_fit_a_datagram_burns_no_number() {
    let server = Running::start(&["--udp"]);
    let mut client = client(server.address, Way::default());
    assert_eq!(refusal(client.draw(20_000)), Code::TooLarge);
    assert_eq!(server.figure("remaining"), 100_000);
    assert_eq!(client.draw(2037).unwrap().len(), 2037, "8192 bytes, to the last");
    assert_eq!(refusal(client.draw(2038)), Code::TooLarge);
    let id = client.lease(10_000, LIMIT).unwrap();
    assert_eq!(refusal(client.set(id, &[7; 9000])), Code::TooLarge);
    let whole = Running::start(&["--udp", "--datagram", "65507"]);
    let mut client = support::weather::client(whole.address, Way::default());
    assert_eq!(client.draw(16_365).unwrap().len(), 16_365);
}

#[test]
fn r_draws_and_tells_nobody() {
    let server = Running::start(&["--udp"]);
    let mut client = client(server.address, Way::default());
    client.tell(&Request::Draw(Draw { count: 5 })).unwrap();
    server.await_figure("undelivered", 5);
    assert_eq!(server.figure("remaining"), 99_995);
}

/// The datagrams of a client without a library: what it sends it can send again.
struct Raw {
    socket: UdpSocket,
    token: Token,
}

impl Raw {
    fn greet(server: &Running) -> Self {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
        socket.set_read_timeout(Some(LIMIT)).unwrap();
        socket.connect(server.address).unwrap();
        let mut raw = Self { socket, token: Token([0; 24]) };
        match raw.exchange(&hello(ByteOrder::Big, 1)) {
            Heard::Welcome(welcome) => raw.token = welcome.token,
            other => panic!("{other:?}"),
        }
        raw
    }

    fn draw(&self, id: u32) -> Vec<u8> {
        let wish = Wish { at_most_once: true, reply: true };
        ask(ByteOrder::Big, id, self.token, wish, &Request::Draw(Draw { count: 1 }))
    }

    fn send(&self, datagram: &[u8]) {
        self.socket.send(datagram).unwrap();
    }

    fn exchange(&self, datagram: &[u8]) -> Heard {
        self.send(datagram);
        let mut answer = [0; 1000];
        let length = self.socket.recv(&mut answer).unwrap();
        hear(&answer[..length]).unwrap().1
    }
}

#[test]
fn an_acknowledged_reply_is_not_sent_again_and_another_is() {
    let server = Running::start(&["--udp"]);
    let raw = Raw::greet(&server);
    let draw = raw.draw(1);
    let Heard::Reply(_, Reply::Drawn(first)) = raw.exchange(&draw) else { panic!() };
    let Heard::Reply(_, Reply::Drawn(again)) = raw.exchange(&draw) else { panic!() };
    assert_eq!(first.numbers(), again.numbers());
    server.await_figure("resent", 1);
    raw.send(&acknowledge(ByteOrder::Big, 1, raw.token));
    raw.send(&draw);
    // An answer to that would come before this one's.
    let Heard::Reply(_, Reply::Drawn(next)) = raw.exchange(&raw.draw(2)) else { panic!() };
    assert_ne!(next.numbers(), first.numbers());
    assert_eq!((server.figure("resent"), server.figure("remaining")), (1, 99_998));
}

#[test]
fn a_retry_that_outlives_the_history_draws_nothing() {
    let server = Running::start(&["--udp", "--history-time", "1s"]);
    let raw = Raw::greet(&server);
    let draw = raw.draw(1);
    assert!(matches!(raw.exchange(&draw), Heard::Reply(Some(_), Reply::Drawn(_))));
    // Were it counted wrongly, the reply would be repeated and not refused.
    server.await_figure("history", 0);
    let Heard::Reply(None, Reply::Error(error)) = raw.exchange(&draw) else { panic!() };
    assert!(error.code == Code::Refused && error.text.contains("too old"), "{error}");
    assert_eq!(server.figure("remaining"), 99_999);
}

#[test]
fn a_client_goes_on_after_the_history_has_forgotten_it() {
    let server = Running::start(&["--udp", "--history-time", "1s"]);
    let mut client = client(server.address, Way::default());
    client.draw(1).unwrap();
    server.await_figure("history", 0);
    assert_eq!(client.draw(1).unwrap().len(), 1);
    assert_eq!(server.figure("remaining"), 99_998);
}

#[test]
fn the_history_forgets_also_while_others_ask() {
    let server = Running::start(&["--udp", "--history-time", "1s"]);
    client(server.address, Way::default()).draw(1).unwrap();
    let mut other = client(server.address, way(Semantics::AtLeastOnce, false));
    support::wait_for("history=0", || {
        other.draw(1).unwrap();
        std::thread::sleep(Duration::from_millis(20));
        server.figure("history") == 0
    });
}

#[test]
fn who_only_tells_notices_that_the_server_was_started_anew() {
    let mut first = Running::start(&["--udp"]);
    let port = first.address.port().to_string();
    let mut teller = client(first.address, Way::default());
    first.signal("-TERM");
    assert!(first.wait().success());
    let mut command = Command::new(BINARY);
    command.args(["serve", "--udp", "--port", &port]);
    let second = Running::start_command(command);
    // In time before it would take another token anyway.
    let heard = (0..500).any(|_| {
        teller.tell(&Request::Draw(Draw { count: 1 })).unwrap();
        std::thread::sleep(Duration::from_millis(5));
        second.figure("undelivered") > 0
    });
    assert!(heard, "it went on telling nobody");
}

#[test]
fn a_client_of_a_server_that_was_started_anew_is_told_so() {
    let mut first = Running::start(&["--udp"]);
    let port = first.address.port().to_string();
    let mut once = client(first.address, Way::default());
    let mut always = client(first.address, way(Semantics::AtLeastOnce, false));
    once.draw(1).unwrap();
    first.signal("-TERM");
    assert!(first.wait().success());
    let mut command = Command::new(BINARY);
    command.args(["serve", "--udp", "--port", &port]);
    let second = Running::start_command(command);
    assert!(matches!(once.draw(1), Err(CallError::TokenRefused)));
    assert_eq!(second.figure("remaining"), 100_000);
    assert_eq!(once.draw(1).unwrap().len(), 1, "the next call says Hello");
    assert_eq!(always.draw(1).unwrap().len(), 1);
}

#[test]
fn a_closed_port_is_no_server_and_a_silent_one_is_waited_for() {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    let address = socket.local_addr().unwrap();
    let limit = Duration::from_millis(200);
    let start = Instant::now();
    let silent = Client::by_datagrams("127.0.0.1", address.port(), limit, Way::default());
    assert!(matches!(silent, Err(CallError::TimedOut(_))), "{silent:?}");
    assert!((limit..10 * limit).contains(&start.elapsed()), "{:?}", start.elapsed());
    drop(socket);
    let closed = Client::by_datagrams("127.0.0.1", address.port(), LIMIT, Way::default());
    assert!(matches!(closed, Err(CallError::NoServer(..))), "{closed:?}");
}

#[test]
fn a_panic_within_a_datagrams_request_is_answered_and_the_server_goes_on() {
    let mut config = Config { address: ([127, 0, 0, 1], 0).into(), ..Config::default() };
    let history_time = Duration::from_secs(60);
    config.udp = Some(DatagramLimits { longest: 8192, max_clients: 16, history_time });
    config.limits.fault = Some(|request| {
        if matches!(request, Request::Draw(Draw { count: 13 })) {
            panic!("a fault that a test put there");
        }
    });
    let server = config.start().unwrap();
    let mut client = client(server.address(), Way::default());
    assert_eq!(refusal(client.draw(13)), Code::Refused);
    assert_eq!(client.draw(1).unwrap().len(), 1);
    let start = Instant::now();
    let address = server.address();
    assert_eq!(server.stop(), 0);
    assert!(start.elapsed() < Duration::from_secs(2));
    assert!(UdpSocket::bind(address).is_ok(), "its thread has ended, and let the port go");
}

#[test]
fn noise_is_not_answered_and_harms_nobody() {
    let server = Running::start(&["--udp"]);
    let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    for noise in [&b""[..], b"draw 4\n", b"\x89LBX", &[0; 65_507], b"GET / HTTP/1.1\r\n\r\n"] {
        socket.send_to(noise, server.address).unwrap();
    }
    // An answer to any of it would come before this one's.
    let mut hello = b"\x89LBX\x02\x00\x70\x00".to_vec();
    hello.extend([0, 0, 0, 7, 0, 0, 0, 0]);
    socket.send_to(&hello, server.address).unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    let mut answer = [0; 100];
    let (length, _) = socket.recv_from(&mut answer).unwrap();
    assert_eq!((length, answer[6], &answer[8..12]), (48, 0xf0, &[0, 0, 0, 7][..]));
    assert_eq!(server.figure("remaining"), 100_000);
}

#[test]
fn what_would_make_all_datagrams_wait_is_not_served() {
    for wait in [&["--lab"][..], &["--no-lock", "--race-window", "1ms"]] {
        let (_, stderr, code) = shown(&support::leasebox(&[&["serve", "--udp"], wait].concat()));
        assert_eq!(code, Some(2), "{stderr}");
        assert!(stderr.contains("one thread serves all datagrams"), "{stderr}");
    }
}

#[test]
fn without_the_option_nobody_listens_and_a_taken_port_is_said() {
    let server = Running::start(&[]);
    let (host, port) = (server.address.ip().to_string(), server.address.port().to_string());
    let (_, stderr, code) =
        shown(&support::leasebox(&["client", "--udp", &host, &port, "draw", "1"]));
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("--udp") && !stderr.contains("panic"), "{stderr}");
    // Another test's server may have the same number for TCP.
    let tries = (0..10).map(|_| {
        let taken = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
        let port = taken.local_addr().unwrap().port().to_string();
        shown(&support::leasebox(&["serve", "--udp", "--port", &port]))
    });
    let refused = { tries }.find(|(_, stderr, _)| !stderr.contains("TCP"));
    let (_, stderr, code) = refused.unwrap();
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("UDP") && stderr.contains("in use"), "{stderr}");
}

#[test]
fn the_command_line_speaks_by_datagrams_in_each_protocol() {
    let server = Running::start(&["--udp", "--seed", "7"]);
    let (host, port) = (server.address.ip().to_string(), server.address.port().to_string());
    let say = |options: &[&str], words: &[&str]| {
        let arguments = [&["client", "--udp"], options, &[&host, &port], words].concat();
        shown(&support::leasebox(&arguments))
    };
    let ok = |stdout: &str| (stdout.to_string(), String::new(), Some(0));
    assert_eq!(say(&[], &["draw", "2"]), ok("43948 46732\n"));
    assert_eq!(say(&["--protocol", "rra"], &["draw", "1"]), ok("71936\n"));
    assert_eq!(say(&["--semantics", "at-least-once"], &["draw", "1"]), ok("29535\n"));
    assert_eq!(say(&["--semantics", "maybe"], &["draw", "1"]), ok("42815\n"));
    assert_eq!(say(&["--protocol", "r"], &["draw", "1"]), ok(""));
    server.await_figure("remaining", 99_994);
    let (_, stderr, code) =
        say(&["--protocol", "r", "--semantics", "at-most-once"], &["draw", "1"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("give --protocol rr"), "{stderr}");
    assert!(say(&[], &["table", "3", "busiest"]).0.starts_with("Counter "));
    let (_, stderr, code) = say(&[], &["draw", "20000"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("too-large"), "{stderr}");
}
