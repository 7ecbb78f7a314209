//! The homework's promises, over real sockets and with the real Python client.

mod support;

use std::fs::File;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::process::{Command, Stdio};
use std::sync::Barrier;
use std::thread;

use support::{Client, Running, assert_permutation, numbers, scratch};

/// Draws `batch` at a time until the list is drained.
fn drain(client: &mut Client, batch: u32) -> Vec<u32> {
    let mut all = Vec::new();
    loop {
        let reply = client.ask(&format!("draw {batch}"));
        let drawn = numbers(&reply);
        if drawn.is_empty() {
            return all;
        }
        all.extend(drawn);
    }
}

fn drain_with_16_clients(server: &Running) -> Vec<u32> {
    let barrier = Barrier::new(16);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..16)
            .map(|at| {
                let (server, barrier) = (&server, &barrier);
                scope.spawn(move || {
                    let mut client = server.connect();
                    barrier.wait();
                    drain(&mut client, 1 + at * 37)
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn sixteen_clients_drain_the_list_to_an_exact_permutation() {
    for grain in ["request", "number"] {
        let server = Running::start(&["--lock", grain]);
        assert_permutation(drain_with_16_clients(&server), 100_000);
        assert_eq!(server.figure("remaining"), 0);
        assert!(server.ask("draw 1").starts_with("error exhausted "));
    }
}

#[test]
fn four_python_clients_get_every_number_once() {
    let server = Running::start(&["--numbers", "20000"]);
    let client = concat!(env!("CARGO_MANIFEST_DIR"), "/client_py/client.py");
    let (ip, port) = (server.address.ip().to_string(), server.address.port().to_string());
    let runs: Vec<_> = [1, 10, 100, 1000]
        .map(|batch| {
            let out = scratch("out");
            let mut child = Command::new("python3")
                .args([client, &ip, &port, "--until-exhausted"])
                .stdin(Stdio::piped())
                .stdout(File::create(&out).unwrap())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let commands = format!("draw {batch}\n").repeat(20_000 / batch + 1);
            let mut stdin = child.stdin.take().unwrap();
            // Ends early when the client does.
            let feeding = thread::spawn(move || drop(stdin.write_all(commands.as_bytes())));
            (child, feeding, out)
        })
        .into();
    let mut all = Vec::new();
    for (child, feeding, out) in runs {
        let output = child.wait_with_output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && complaint.starts_with("error exhausted"), "{complaint}");
        feeding.join().unwrap();
        let mut text = String::new();
        File::open(&out).unwrap().read_to_string(&mut text).unwrap();
        all.extend(text.lines().map(|line| line.parse::<u32>().unwrap()));
        std::fs::remove_file(out).unwrap();
    }
    assert_permutation(all, 20_000);
}

#[test]
fn a_seed_repeats_the_order_of_the_whole_list() {
    let order = |seed| Running::start(&["--seed", seed, "--numbers", "500"]).ask("draw 500");
    assert_eq!(order("7"), order("7"));
    assert_ne!(order("7"), order("8"));
}

#[test]
fn the_table_says_who_drew_what() {
    let server = Running::start(&["--seed", "7", "--numbers", "6"]);
    let (mut a, mut b) = (server.connect(), server.connect());
    let mut drawn: Vec<String> = (0..3).map(|_| a.ask("draw 1")).collect();
    drawn.push(b.ask("draw 1"));
    drawn.push(a.ask("draw 1"));
    drawn.push(b.ask("draw 9"));
    let owners = [1, 1, 1, 2, 1, 2];
    let row = |at: usize| format!(" {at}:{}:{}", owners[at], drawn[at]);
    let rows: String = (0..6).map(row).collect();
    assert_eq!(a.ask("table 6"), format!("table{rows}"));
    assert_eq!(a.ask("table 1 each"), format!("table{}{}", row(0), row(3)));
    let (printed, _, code) = support::shown(&server.client(&["table", "6"]));
    assert_eq!(code, Some(0));
    let thread = "Thread        A       A       A       B       A       B\n";
    assert!(printed.contains(thread), "{printed}");
}

/// Reads one message, as the course's own client does: what one read brings.
fn message(client: &mut Client) -> String {
    let mut bytes = [0; 2048];
    let count = client.stream.get_mut().read(&mut bytes).unwrap();
    String::from_utf8(bytes[..count].to_vec()).unwrap()
}

#[test]
fn a_draw_without_a_line_end_is_answered_after_a_silence_and_without_one() {
    let server = Running::start(&[]);
    let mut client = server.connect();
    for _ in 0..3 {
        client.send("draw 4");
        let reply = message(&mut client);
        assert_eq!(numbers(&reply).len(), 4);
        assert!(reply.ends_with(|c: char| c.is_ascii_digit()), "{reply:?}");
    }
    client.send("draw 1draw 2");
    let reply = message(&mut client);
    assert_eq!(numbers(&reply).len(), 3, "two draws in one piece: {reply:?}");
    client.send("\ndraw 2\n");
    assert_eq!(numbers(&client.line()).len(), 2, "the late line end belongs to the draw before");
}

#[test]
fn a_draw_that_is_typed_key_by_key_is_one_draw() {
    let server = Running::start(&[]);
    let mut client = server.connect();
    for key in ["d", "r", "a", "w", " ", "2", "5", "\r\n"] {
        client.send(key);
        thread::sleep(std::time::Duration::from_millis(120));
    }
    assert_eq!(numbers(&client.line()).len(), 25);
}

#[test]
fn what_cannot_become_a_request_is_told_without_a_line_end() {
    let server = Running::start(&[]);
    let mut client = server.connect();
    client.send("hello");
    let reply = message(&mut client);
    assert!(reply.starts_with("error unknown-command ") && !reply.ends_with('\n'), "{reply:?}");
    client.send("draw 2");
    assert_eq!(numbers(&message(&mut client)).len(), 2);
}

#[test]
fn the_courses_client_gets_one_number_a_message() {
    let server = Running::start(&["--course", "--numbers", "2000"]);
    let client = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/course/client.py");
    let (ip, port) = (server.address.ip().to_string(), server.address.port().to_string());
    let run = |commands: &'static str| {
        let mut child = Command::new("python3")
            .args([client, &ip, &port])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(commands.as_bytes()).unwrap();
        thread::spawn(move || String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap())
    };
    let printed = run("draw 4\ndraw 2\n").join().unwrap();
    assert_eq!(printed.lines().count(), 6, "N numbers, one a line: {printed:?}");
    let runs: Vec<_> = (0..4).map(|_| run("draw 2000\n")).collect();
    let rest: String = runs.into_iter().map(|run| run.join().unwrap()).collect();
    let all = printed.lines().chain(rest.lines()).map(|line| line.parse().unwrap()).collect();
    assert_permutation(all, 2000);
    let mut client = server.connect();
    client.send("draw 1\n");
    assert!(client.line().starts_with("error exhausted "), "a line is answered by a line");
}

#[test]
fn a_draw_cut_into_pieces_is_one_draw() {
    let server = Running::start(&[]);
    let mut client = server.connect();
    client.send("help\n");
    client.line();
    for piece in ["dr", "aw", " 1", "0\r", "\n"] {
        client.send(piece);
        thread::sleep(std::time::Duration::from_millis(120));
    }
    assert_eq!(numbers(&client.line()).len(), 10);
}

#[test]
fn many_requests_sent_at_once_are_answered_in_order() {
    let server = Running::start(&["--seed", "1", "--numbers", "3000"]);
    let twin = Running::start(&["--seed", "1", "--numbers", "3000"]);
    let mut client = server.connect();
    let requests: String = (1..=60).map(|count| format!("draw {count}\n")).collect();
    client.send(requests);
    let mut expected = numbers(&twin.ask("draw 3000"));
    for count in 1..=60 {
        let rest = expected.split_off(count);
        assert_eq!(numbers(&client.line()), expected);
        expected = rest;
    }
}

#[test]
fn numbers_drawn_for_a_client_that_vanished_are_counted_and_not_put_back() {
    let server = Running::start(&["--numbers", "1000000", "--write-timeout", "300ms"]);
    let mut client = server.connect();
    // Far more than the sockets' buffers hold, and nobody reads.
    client.send("draw 900000\n");
    client.stream.get_mut().shutdown(Shutdown::Read).unwrap();
    drop(client);
    server.await_figure("undelivered", 900_000);
    assert_eq!(server.figure("remaining"), 100_000);
}

#[test]
fn a_client_that_is_gone_before_its_reply_leaves_it_undelivered_and_one_that_reads_does_not() {
    let server = Running::start(&[]);
    for _ in 0..100 {
        // Without a line end it is answered only when the client has closed.
        server.connect().send("draw 5");
    }
    server.await_figure("drawn", 500);
    server.await_figure("undelivered", 500);
    for _ in 0..100 {
        let mut polite = server.connect();
        polite.send("draw 5");
        polite.end_of_requests();
        assert_eq!(numbers(&polite.line()).len(), 5);
    }
    server.await_figure("clients", 1);
    assert_eq!(server.figure("undelivered"), 500);
}
