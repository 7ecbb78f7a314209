//! What breaks: panics, signals, a system without descriptors. Nobody else notices.

mod support;

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use leasebox::commands::{Request, Tree};
use leasebox::server::config::Config;
use leasebox::server::threads::Server;
use support::{BINARY, Client, Running, STOP, numbers, wait_for};

#[test]
fn a_panic_in_one_clients_thread_leaves_all_others_served() {
    let mut config = Config::default();
    config.limits.fault = Some(|request| {
        if matches!(request, Request::Tree(Tree)) {
            std::panic::resume_unwind(Box::new("a fault, on purpose"));
        }
    });
    let server = start_here(config);
    let mut others: Vec<Client> = (0..8).map(|_| Client::connect(server.address())).collect();
    let ids: Vec<String> = others.iter_mut().map(|other| other.lease(100, 60_000)).collect();
    for _ in 0..50 {
        let mut faulty = Client::connect(server.address());
        faulty.send("draw 10\ntree\n");
        assert!(faulty.line().is_empty(), "its thread is gone before it could flush");
    }
    for (other, id) in others.iter_mut().zip(&ids) {
        assert_eq!(numbers(&other.ask("draw 2")).len(), 2);
        assert_eq!(other.ask(&format!("get {id}")), format!("data {id} "));
    }
    assert_eq!(support::figure(&others[0].ask("stats"), "drawn"), 516, "50 of 10 and 8 of 2");
    wait_for("the faulty clients' numbers", || {
        support::figure(&others[0].ask("stats"), "undelivered") == 500
    });
    wait_for("the faulty clients' places", || {
        support::figure(&others[0].ask("stats"), "clients") == 8
    });
    assert_eq!(server.shared().check(), Ok(()));
    drop(others);
    assert_eq!(server.stop(), 0);
}

/// A server within this process, to see what its stop leaves behind.
fn start_here(config: Config) -> Server {
    Config { address: ([127, 0, 0, 1], 0).into(), ..config }.start().unwrap()
}

#[test]
fn a_stop_wakes_silent_clients_at_once_and_does_not_wait_for_their_grace() {
    let server = start_here(Config::default());
    let mut silent: Vec<Client> = (0..20).map(|_| Client::connect(server.address())).collect();
    assert_eq!(numbers(&silent[19].ask("draw 1")).len(), 1);
    let start = Instant::now();
    assert_eq!(server.stop(), 0);
    assert!(start.elapsed() < Duration::from_secs(1), "the grace is for replies under way");
    assert!(silent.iter_mut().all(|client| client.rest().is_empty()));
}

#[test]
fn a_stop_leaves_no_thread_that_waits_for_a_client_that_reads_nothing() {
    let server = start_here(Config { numbers: 3_000_000, ..Config::default() });
    let mut deaf = Client::connect(server.address());
    deaf.send("draw 3000000\n");
    let mut other = Client::connect(server.address());
    wait_for("the draw", || support::figure(&other.ask("stats"), "drawn") == 3_000_000);
    assert_eq!(server.stop(), 0);
}

#[test]
fn it_stops_under_load_in_time_with_exit_0_and_every_whole_request_answered() {
    for signal in ["-TERM", "-INT", "-HUP"] {
        let mut server = Running::start(&["--numbers", "3000000"]);
        let address = server.address;
        let load: Vec<_> = (0..8)
            .map(|_| {
                thread::spawn(move || {
                    let mut client = Client::connect(address);
                    let mut drawn = 0;
                    loop {
                        use std::io::{BufRead, Write};
                        let mut line = String::new();
                        let sent = client.stream.get_mut().write_all(b"draw 5\n");
                        if sent.is_err() || client.stream.read_line(&mut line).unwrap_or(0) == 0 {
                            return drawn;
                        }
                        assert!(line.ends_with('\n'), "a reply was cut: {line:?}");
                        drawn += numbers(line.trim_end()).len();
                    }
                })
            })
            .collect();
        // Silent clients wait in read, one that reads nothing waits in write.
        let _silent: Vec<Client> = (0..8).map(|_| server.connect()).collect();
        let mut deaf = server.connect();
        deaf.send("draw 2000000\n");
        server.await_figure("clients", 18);
        wait_for("some load", || server.figure("drawn") > 2_001_000);
        let start = Instant::now();
        server.signal(signal);
        assert_eq!(server.wait().code(), Some(0), "{signal}");
        assert!(start.elapsed() < STOP, "{signal}: {:?}", start.elapsed());
        let drawn: usize = load.into_iter().map(|client| client.join().unwrap()).sum();
        assert!(drawn > 0);
    }
}

#[test]
fn a_line_that_the_stop_cut_off_is_not_guessed_at() {
    let mut server = Running::start(&[]);
    let mut client = server.connect();
    client.send("help\n");
    client.line();
    client.send("draw 10");
    thread::sleep(Duration::from_millis(200));
    server.signal("-TERM");
    assert_eq!(client.rest(), b"", "it may have been draw 100");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut server = Running::start(&["--numbers", "3000000"]);
    let mut deaf = server.connect();
    deaf.send("draw 3000000\n");
    server.await_figure("drawn", 3_000_000);
    server.signal("-INT");
    wait_for("the first signal", || server.log().contains("stopping"));
    server.signal("-INT");
    assert_eq!(server.wait().code(), Some(130), "the first one alone would end with 0");
}

#[test]
fn a_signal_before_there_is_a_server_ends_it_too() {
    let mut child = Command::new(BINARY)
        .args(["serve", "--port", "0", "--numbers", "10000000", "--memory", "1GiB"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // Its handler is there in a few ms, its list and its arena in much more.
    thread::sleep(Duration::from_millis(60));
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    let mut status = None;
    wait_for("its end", || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    let mut said = String::new();
    std::io::Read::read_to_string(child.stdout.as_mut().unwrap(), &mut said).unwrap();
    assert_eq!(said, "", "it never served");
}

#[test]
fn requests_that_had_come_before_the_stop_are_all_answered() {
    const REQUESTS: usize = 20_000;
    let mut server = Running::start(&["--numbers", "3000000"]);
    let mut client = server.connect();
    let mut writing = client.stream.get_ref().try_clone().unwrap();
    let sending = thread::spawn(move || {
        use std::io::Write;
        writing.write_all("draw 100\n".repeat(REQUESTS).as_bytes()).unwrap();
    });
    assert_eq!(numbers(&client.line()).len(), 100, "they are on their way");
    // The replies fill the sockets' buffers, so the server waits in a write.
    thread::sleep(Duration::from_millis(200));
    server.signal("-TERM");
    for answered in 1..REQUESTS {
        let line = client.line();
        assert_eq!(line.split(' ').count(), 100, "after {answered} of {REQUESTS}: {line:?}");
    }
    assert_eq!(client.rest(), b"");
    sending.join().unwrap();
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn without_descriptors_it_waits_and_goes_on_when_there_are_some() {
    let mut command = Command::new("sh");
    // It inherits seven more, so fewer clients fit than it knows.
    let files: String = (3..10).map(|file| format!("{file}</dev/null ")).collect();
    let limited = format!("exec {files}; ulimit -n 20; exec \"$0\" serve --port 0");
    command.args(["-c", &limited, BINARY]);
    let mut server = Running::start_command(command);
    wait_for("the limit it found", || server.log().contains("limited to 20: 10 clients fit"));
    let mut early = server.connect();
    assert_eq!(numbers(&early.ask("draw 1")).len(), 1);
    let crowd: Vec<Client> = (0..40).map(|_| server.connect()).collect();
    wait_for("the one warning", || server.log().contains("no client can be accepted now"));
    assert_eq!(numbers(&early.ask("draw 1")).len(), 1, "those that are in are served");
    drop(crowd);
    let mut late = server.connect();
    assert_eq!(numbers(&late.ask("draw 1")).len(), 1);
    let warned = || server.log().matches("no client can be accepted now").count();
    wait_for("a warning", || warned() > 0);
    assert_eq!(warned(), 1);
    // And it can be stopped while it is short of them.
    let _crowd: Vec<Client> = (0..40).map(|_| server.connect()).collect();
    wait_for("the descriptors' end", || server.resources().1 >= 20);
    let start = Instant::now();
    server.signal("-TERM");
    assert_eq!(server.wait().code(), Some(0));
    assert!(start.elapsed() < STOP);
}
