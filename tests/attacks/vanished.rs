//! Clients that are silent for ever: their machine lost its power, and says nothing any more.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{BINARY, Client, Running, leasebox, numbers, shown};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn a_request_waits_for_no_longer_than_a_client_may_be_silent() {
    let server = Running::start(&["--idle-timeout", "300ms", "--memory", "64KiB"]);
    server.connect().lease(65536, 60_000);
    let no_memory = "error refused the committed pool has less, or the process's limit is reached";
    for (request, answer) in [
        ("wait 60000", "none"),
        ("lookup nobody 60000", "error not-found "),
        ("request 64 committed wait=60000", no_memory),
    ] {
        let mut client = server.connect();
        assert!(client.ask("join alice 0").starts_with("joined "));
        let start = Instant::now();
        let reply = client.ask(request);
        assert!(reply.starts_with(answer), "{request}: {reply}");
        let (waited, least) = (start.elapsed(), Duration::from_millis(300));
        assert!(waited >= least && waited < Duration::from_secs(30), "{request}: {waited:?}");
        assert_eq!(client.rest(), b"", "and after as long again it is closed");
        server.await_figure("processes", 0);
    }
}

/// Starts a server on a socket that Python makes, as `./run.sh serve` does.
fn on_a_handed_socket() -> Running {
    let mut command = Command::new("python3");
    let script = format!("{ROOT}/client_py/serve.py");
    command.args([&script, BINARY, "--bind", "127.0.0.1", "--port", "0"]);
    Running::start_command(command)
}

#[test]
fn a_socket_that_is_handed_over_keeps_its_backlog_and_its_keep_alive() {
    let server = on_a_handed_socket();
    assert_eq!(numbers(&server.ask("draw 3")).len(), 3);
    let client = server.connect();
    // The client that drew may not have left yet.
    server.await_figure("clients", 2);
    let port = server.address.port();
    let listening = socket_statistics(&["-ltn", &format!("sport = :{port}")]);
    let connected = socket_statistics(&["-tno", &format!("sport = :{port}")]);
    drop(client);
    let (Some(listening), Some(connected)) = (listening, connected) else { return };
    assert!(listening.contains(" 4096 "), "{listening}");
    assert!(connected.contains("timer:(keepalive,"), "{connected}");
}

/// Asks `ss`, which is not on each system.
fn socket_statistics(words: &[&str]) -> Option<String> {
    let output = Command::new("ss").args(words).output();
    if output.is_err() {
        eprintln!("skipped: ss is not installed (iproute2)");
    }
    String::from_utf8(output.ok()?.stdout).ok()
}

#[test]
fn what_is_no_listening_socket_is_refused() {
    let (stdout, stderr, code) = shown(&leasebox(&["serve", "--socket-on-stdin"]));
    assert_eq!((stdout.as_str(), code), ("", Some(2)));
    assert!(stderr.contains("standard input is no listening TCP socket"), "{stderr}");
    // One connection, as inetd hands over with `nowait`.
    let server = Running::start(&[]);
    let one = Client::connect(server.address).stream.into_inner();
    let mut command = Command::new(BINARY);
    command
        .args(["serve", "--socket-on-stdin"])
        .stdin(Stdio::from(std::os::fd::OwnedFd::from(one)));
    let (_, stderr, code) = shown(&command.output().unwrap());
    assert_eq!(code, Some(2));
    assert!(stderr.contains("it is one connection"), "{stderr}");
}

#[test]
fn the_unit_files_are_understood_by_systemd() {
    let mut verify = Command::new("systemd-analyze");
    // The program is not installed at the place that the unit names.
    let units = ["leasebox.socket", "leasebox.service"].map(|name| format!("{ROOT}/docs/{name}"));
    let Ok(output) = verify.arg("verify").args(units).output() else {
        eprintln!("skipped: systemd-analyze is not installed");
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    let others =
        said.lines().filter(|line| line.contains("leasebox") && !line.contains("ExecStart"));
    let others: Vec<&str> = others.filter(|line| !line.contains("is not executable")).collect();
    assert_eq!(others, [""; 0]);
}
