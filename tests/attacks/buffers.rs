//! Clients that make the server hold bytes for them: answers that they do not read, requests that
//! they never finish. Each runs against a server with 1 GiB (`ulimit -d`) and default settings, and
//! ends an earlier edition by an allocation that fails.

use std::io::{ErrorKind, Write};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{BINARY, Client, Running, numbers, wait_for};

pub const MIB: usize = 1 << 20;

/// Nearly the longest message.
const LONG: usize = 31 * MIB;

/// More of them than 1 GiB holds.
const CROWD: usize = 40;

fn with_one_gib() -> Running {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -d 1048576; exec \"$0\" serve --port 0", BINARY]);
    Running::start_command(command)
}

fn resp(words: &[&[u8]]) -> Vec<u8> {
    let mut request = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        request.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        request.extend_from_slice(word);
        request.extend_from_slice(b"\r\n");
    }
    request
}

/// Leases `size` bytes for an hour and fills them.
fn filled(server: &Running, size: usize) -> String {
    let id = server.connect().lease(size as u64, 3_600_000);
    let mut client = server.connect();
    client.send(resp(&[b"set", id.as_bytes(), &vec![b'x'; size]]));
    assert_eq!(client.line(), format!("+set {id} {size}\r"));
    id
}

/// The most bytes that the process had in memory so far.
pub fn peak(server: &Running) -> usize {
    let path = format!("/proc/{}/status", server.child.id());
    let status = std::fs::read_to_string(path).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() * 1024
}

/// Checks that an honest client gets numbers at once, and 1 MiB in its turn, and that the account
/// stays within its bound.
fn serves_others(server: &Running, id: &str) {
    let mut honest = server.connect();
    for _ in 0..20 {
        assert_eq!(numbers(&honest.ask("draw 1")).len(), 1);
    }
    let mut client = server.connect();
    client.send(resp(&[b"get", id.as_bytes()]));
    assert_eq!(client.line(), format!("${MIB}\r"));
    assert!(client.bytes(MIB).iter().all(|&byte| byte == b'x'));
    let (bound, used) = (server.figure("buffers"), server.figure("buffers_used"));
    assert_eq!(bound, 256 << 20, "a quarter of 1 GiB");
    assert!(used <= bound, "{used}");
    // The arena has 64 MiB; the rest is what the program itself takes.
    let most = (64 + 256 + 192) * MIB;
    assert!(peak(server) < most, "{} bytes at the peak", peak(server));
}

fn ends_well(mut server: Running) {
    server.signal("-TERM");
    assert_eq!(server.wait().code(), Some(0));
}

/// Forty clients that each ask for `size` bytes with this request, and read nothing.
fn unread(size: usize, request: impl Fn(&str) -> Vec<u8>) {
    let server = with_one_gib();
    let (long, small) = (filled(&server, size), filled(&server, MIB));
    let crowd: Vec<Client> = (0..CROWD)
        .map(|_| {
            let mut client = server.connect();
            client.send(request(&long));
            client
        })
        .collect();
    // Until all that fits is held, or (without a bound) until the server ends.
    wait_for("they fill the buffers", || server.figure("buffers_used") > 128 << 20);
    wait_for("all have asked", || server.figure("clients") < 20);
    serves_others(&server, &small);
    drop(crowd);
    server.await_figure("buffers_used", 0);
    ends_well(server);
}

#[test]
fn answers_that_nobody_reads_end_no_server_with_1_gib() {
    unread(LONG, |id| resp(&[b"get", id.as_bytes()]));
}

#[test]
fn escaped_answers_that_nobody_reads_end_no_server_with_1_gib() {
    unread(LONG, |id| format!("get {id}\n").into_bytes());
}

#[test]
fn answers_in_json_that_nobody_reads_end_no_server_with_1_gib() {
    // In base64 it is a third longer.
    unread(20 * MIB, |id| {
        let head = "HTTP/1.1\r\nHost: localhost\r\nAccept: application/json";
        format!("GET /leases/{id} {head}\r\n\r\n").into_bytes()
    });
}

/// Forty clients that each send all but the last byte of a request. Returns how many were told
/// `busy` in this time.
fn unfinished(head: impl Fn(&str) -> Vec<u8>, busy: &str) {
    let server = with_one_gib();
    let (long, small) = (filled(&server, LONG), filled(&server, MIB));
    let mut request = head(&long);
    request.resize(request.len() + LONG - 1, b'z');
    let mut crowd: Vec<(Client, usize)> = (0..CROWD).map(|_| (server.connect(), 0)).collect();
    crowd.iter().for_each(|(client, _)| client.stream.get_ref().set_nonblocking(true).unwrap());
    let start = Instant::now();
    // A client that waits for room is served, or told `busy`, within the time of a request. Most are
    // closed before that.
    let is_over = |(_, sent): &(Client, usize)| *sent == request.len();
    while !crowd.iter().all(is_over) && start.elapsed() < Duration::from_secs(20) {
        for (client, sent) in &mut crowd {
            let rest = &request[*sent..];
            match client.stream.get_mut().write(&rest[..rest.len().min(MIB)]) {
                Ok(count) => *sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => *sent = request.len(),
            }
        }
    }
    serves_others(&server, &small);
    let is_told = |(mut client, _): (Client, usize)| {
        client.stream.get_ref().set_nonblocking(false).unwrap();
        client.stream.get_ref().shutdown(std::net::Shutdown::Write).unwrap_or_default();
        // A reset may have taken the line along: this client went on sending.
        let mut said = Vec::new();
        let _ = std::io::Read::read_to_end(&mut client.stream, &mut said);
        String::from_utf8_lossy(&said).contains(busy)
    };
    assert!(crowd.into_iter().map(is_told).filter(|&told| told).count() > 0, "nobody was told");
    ends_well(server);
}

#[test]
fn requests_that_never_end_end_no_server_with_1_gib() {
    let set = |id: &str| format!("*3\r\n$3\r\nset\r\n${}\r\n{id}\r\n${LONG}\r\n", id.len());
    unfinished(|id| set(id).into_bytes(), "-ERR busy the server's buffers are full; try again");
}

#[test]
fn uploads_that_never_end_end_no_server_with_1_gib() {
    let put = |id: &str| {
        format!("PUT /leases/{id} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {LONG}\r\n\r\n")
    };
    unfinished(|id| put(id).into_bytes(), "HTTP/1.1 503 ");
}

#[test]
fn a_list_of_ids_is_bounded_before_it_is_kept() {
    let server = with_one_gib();
    let before = peak(&server);
    let mut client = server.connect();
    client.send(resp(&[b"publish", "1,".repeat(LONG / 2).as_bytes(), b"x"]));
    let refused = "-ERR bad-request a list has at most 32768 ids; send it in several requests\r";
    assert_eq!(client.line(), refused);
    // The request itself, and the pages of a thread: not 24 bytes for each id.
    assert!(peak(&server) - before < LONG + 32 * MIB, "{}", peak(&server) - before);
}

#[test]
fn a_request_that_waits_holds_no_buffer() {
    let server = with_one_gib();
    let id = filled(&server, LONG);
    let mut client = server.connect();
    client.send(resp(&[b"get", id.as_bytes()]));
    assert_eq!(client.line(), format!("${LONG}\r"));
    client.bytes(LONG + 2);
    // The connection has large buffers now. Without the rule it would keep them while it waits.
    client.send(resp(&[b"lookup", b"nobody", b"60000"]));
    server.await_figure("buffers_used", 0);
    // The request still waits. The client that asked before may not have left the count yet.
    server.await_figure("clients", 2);
}

#[test]
fn the_longest_message_bounds_no_list_and_no_table() {
    let server = Running::start(&["--max-message", "64KiB", "--memory", "1MiB"]);
    let mut client = server.connect();
    for _ in 0..600 {
        client.lease(32, 60_000);
    }
    let list = client.ask("list leases");
    assert!(list.starts_with("list leases 600 "), "{}", &list[..list.len().min(90)]);
    assert_eq!(list.split(' ').count(), 4 + 512);
    assert_eq!(numbers(&client.ask("draw 5000")).len(), 5000);
    assert_eq!(client.ask("table 4096").split(' ').count(), 1 + 4096);
    assert!(client.ask("tree").starts_with("tree "));
}
