//! The programs for people: `chat.py` in two terminals, and the command line.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use crate::connections::{all_back, talker, word};
use crate::support::{Running, leasebox, wait_for};

/// `chat.py`, of which standard input and output are pipes.
fn terminal(server: &Running, arguments: &[&str]) -> Child {
    let (host, port) = (server.address.ip().to_string(), server.address.port().to_string());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/client_py/chat.py");
    let mut command = Command::new("python3");
    command.args([path, &host, &port]).args(arguments).env("PYTHONUNBUFFERED", "1");
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    pipes.spawn().unwrap()
}

fn line(terminal: &mut Child) -> String {
    let mut text = String::new();
    // One byte at a time: nothing that comes later may be read with it.
    let mut out = BufReader::with_capacity(1, terminal.stdout.as_mut().unwrap());
    out.read_line(&mut text).unwrap();
    text.trim_end().to_string()
}

#[test]
fn a_killed_program_leaves_nothing_behind() {
    let server = Running::start(&[]);
    let mut chat = terminal(&server, &["alice"]);
    let mut bob = talker(&server, "bob");
    bob.ask("lookup alice 30000");
    let session = word(&bob.ask("open alice hi"), 1);
    assert_eq!(line(&mut chat), "bob: hi");
    chat.stdin.as_mut().unwrap().write_all(b"you there\n").unwrap();
    wait_for("the answer", || server.figure("messages") == 1);
    chat.kill().unwrap();
    chat.wait().unwrap();
    wait_for("its end", || server.figure("processes") == 1);
    let told: Vec<_> = (0..2).map(|_| bob.ask("wait 10000")).collect();
    assert_eq!(told, [format!("lost {session} 1"), format!("closed {session}")]);
    assert_eq!(bob.ask("leave"), "left bob");
    wait_for("all to be back", || all_back(&server));
}

#[test]
fn two_terminals_talk_and_a_third_sees_neither() {
    let server = Running::start(&[]);
    let mut alice = terminal(&server, &["alice"]);
    let mut bob = terminal(&server, &["bob", "alice"]);
    assert_eq!(line(&mut alice), "bob: bob is here");
    let mut third = terminal(&server, &["carol"]);
    let say = |who: &mut Child, text: &str| {
        who.stdin.as_mut().unwrap().write_all(format!("{text}\n").as_bytes()).unwrap();
    };
    say(&mut alice, r"hello \n bob, 'quoted' é");
    assert_eq!(line(&mut bob), r"alice: hello \n bob, 'quoted' é");
    say(&mut bob, "");
    assert_eq!(line(&mut alice), "bob:");
    for number in 0..50 {
        say(&mut bob, &format!("line {number}"));
    }
    drop(bob.stdin.take());
    for number in 0..50 {
        assert_eq!(line(&mut alice), format!("bob: line {number}"));
    }
    assert!(bob.wait().unwrap().success() && alice.wait().unwrap().success());
    // Who called nobody and was called by nobody has heard nothing.
    third.kill().unwrap();
    assert_eq!(line(&mut third), "");
    third.wait().unwrap();
    wait_for("all to be back", || all_back(&server));
}

#[test]
fn chat_says_what_is_wrong() {
    let server = Running::start(&[]);
    let _alice = talker(&server, "alice");
    let mut again = terminal(&server, &["alice"]);
    assert_eq!(again.wait().unwrap().code(), Some(1), "the name is taken");
    let mut bad = terminal(&server, &["a b"]);
    assert_eq!(bad.wait().unwrap().code(), Some(2));
}

#[test]
fn the_command_line_speaks_for_a_process() {
    let server = Running::start(&[]);
    let mut alice = server.connect();
    let token = word(&alice.ask("join alice"), 1);
    let mut bob = talker(&server, "bob");
    let run = |words: &[&str]| {
        let (host, port) = (server.address.ip().to_string(), server.address.port().to_string());
        let ran = leasebox(&[&["client", "--process", &token, &host, &port], words].concat());
        String::from_utf8_lossy(&ran.stdout).trim_end().to_string()
    };
    let session = word(&run(&["open", "bob", r"two words \n"]), 1);
    let said = format!(r"message {session} two words \\n");
    assert_eq!(bob.ask(&format!("receive {session}")), said);
    assert_eq!(run(&["send", &session, "a\tb"]), format!("sent {session} 3"));
    assert_eq!(run(&["publish", &session, "both words"]), "published 1 10");
    assert_eq!(bob.ask(&format!("receive {session}")), format!(r"message {session} a\tb"));
    assert_eq!(bob.ask(&format!("send {session} back")), format!("sent {session} 4"));
    assert_eq!(run(&["receive", &session, "100"]), format!("message {session} back"));
    assert_eq!(run(&["deliver", &session, "0", "x"]), "");
    assert_eq!(run(&["sessions"]), format!("sessions {session}:bob:0:1"));
    assert_eq!(run(&["close", &session]), format!("closed {session}"));
}
