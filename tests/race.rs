//! The race, live and replayed: real servers without the lock, real clients.

mod support;

use std::collections::HashSet;
use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::Barrier;
use std::thread;

use support::{BINARY, Client, Running, leasebox, numbers, scratch, shown, wait_for};

/// What four clients draw from a server at once, 50 numbers a request.
fn drawn_at_once(server: &Running) -> Vec<u32> {
    let barrier = Barrier::new(4);
    thread::scope(|scope| {
        let draw = || {
            let mut client = server.connect();
            barrier.wait();
            numbers(&client.ask("draw 50"))
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(draw)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

fn duplicates(numbers: &[u32]) -> usize {
    numbers.len() - numbers.iter().collect::<HashSet<_>>().len()
}

#[test]
fn without_the_lock_numbers_come_twice_and_with_it_they_do_not() {
    let broken = Running::start(&["--no-lock", "--race-window", "200us"]);
    assert!(duplicates(&drawn_at_once(&broken)) > 0);
    let stats = broken.ask("stats");
    assert!(stats.starts_with("stats warning=no-lock"), "{stats}");
    assert!(stats.contains(" lock=none "), "{stats}");
    wait_for("the warning", || broken.log().starts_with("WARNING: "));
    let (table, _, code) = shown(&broken.client(&["table", "9", "twice"]));
    assert!(code == Some(0) && table.contains("\nTwice  "), "{table}");
    let locked = Running::start(&["--lock", "number"]);
    assert_eq!(duplicates(&drawn_at_once(&locked)), 0);
    assert!(!locked.ask("stats").contains("warning"));
    assert_eq!(locked.ask("table 9 twice"), "table");
}

#[test]
fn a_server_that_waits_in_its_window_still_stops_in_time() {
    let mut server = Running::start(&["--no-lock", "--race-window", "500ms"]);
    let mut client = server.connect();
    client.send("draw 1000\n");
    support::wait_for("the first number", || server.figure("drawn") > 0);
    server.signal("-TERM");
    assert!(server.wait().success());
    assert_eq!(numbers(&client.line()).len(), 1000, "the request under way is answered");
}

#[test]
fn a_broken_server_is_not_served_to_other_machines_unawares() {
    for arguments in [&["--no-lock"][..], &["--lab"]] {
        let all = [&["serve", "--port", "0", "--bind", "0.0.0.0"], arguments].concat();
        let (stdout, stderr, code) = shown(&leasebox(&all));
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{stderr}");
        assert!(stderr.contains("loopback --bind"), "{stderr}");
    }
    let told = ["--bind", "0.0.0.0", "--no-lock", "--yes-it-is-broken"];
    let broken = Running::start(&told);
    wait_for("the warning", || broken.log().starts_with("WARNING: "));
}

#[test]
fn the_counterexample_is_replayed_by_real_clients_and_check_finds_it() {
    let server = Running::start(&["--lab", "--seed", "7"]);
    let place = scratch("replay");
    std::fs::create_dir(&place).unwrap();
    let port = server.address.port().to_string();
    let replay = |more: &[&str]| {
        let mut command = Command::new(BINARY);
        command.args(["race", "--replay", "127.0.0.1", &port]).args(more);
        shown(&command.current_dir(&place).output().unwrap())
    };
    let (stdout, stderr, code) = replay(&[]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.starts_with("schedule AAAAAAABBBBA on "), "{stdout}");
    let read = |name: &str| std::fs::read_to_string(place.join(name)).unwrap();
    let (a, b) = (read("race-A.txt"), read("race-B.txt"));
    assert_eq!((a.lines().count(), b.lines().count()), (4, 2));
    assert_eq!(a.lines().last(), b.lines().next(), "the number that came twice");
    let check = Command::new(BINARY)
        .args(["check", "race-A.txt", "race-B.txt"])
        .current_dir(&place)
        .output()
        .unwrap();
    assert_eq!(check.status.code(), Some(1));
    let (_, stderr, code) = replay(&["--lock", "number"]);
    assert!(code == Some(2) && stderr.contains("leave --lock"), "{stderr}");
    std::fs::remove_dir_all(place).unwrap();
}

#[test]
fn a_replay_on_a_plain_server_says_what_it_needs() {
    let server = Running::start(&[]);
    let port = server.address.port().to_string();
    let (_, stderr, code) = shown(&leasebox(&["race", "--replay", "127.0.0.1", &port]));
    assert_eq!(code, Some(2));
    assert!(stderr.contains("serve --lab") && stderr.lines().count() == 1, "{stderr}");
}

#[test]
fn a_lab_servers_clients_wait_until_they_are_told_and_a_stop_lets_them_go() {
    let mut server = Running::start(&["--lab"]);
    let mut client = server.connect();
    client.send("draw 2\n");
    let mut control = server.connect();
    support::wait_for("the park", || control.ask("parked") == "parked 1:load");
    assert_eq!(control.ask("step 1"), "parked 1:store");
    assert_eq!(control.ask("step 1"), "parked 1:load");
    assert!(control.ask("step 2").starts_with("error not-found "));
    server.signal("-TERM");
    assert!(server.wait().success());
    assert_eq!(numbers(&client.line()).len(), 2);
}

#[test]
fn the_explorers_figures_are_printed() {
    let (stdout, _, code) = shown(&leasebox(&["race", "--clients", "A:4,B:2", "--lock", "none"]));
    assert_eq!(code, Some(0));
    for line in [
        "schedules tried        495, all there are",
        "with a duplicate       480",
        "distinct outcomes      54",
        "most duplicates        3",
        "fewest preemptions     1",
    ] {
        assert!(stdout.lines().any(|printed| printed == line), "{line}: {stdout}");
    }
    assert!(stdout.lines().all(|line| line.chars().count() <= 80), "{stdout}");
    let few = shown(&leasebox(&["race", "--clients", "A:9,B:9", "--most", "100"])).0;
    assert!(few.contains("schedules tried        100 of 9075135300, "), "{few}");
}

#[test]
fn one_schedule_is_replayed_and_a_wrong_one_says_what_is_wrong() {
    let (stdout, _, code) = shown(&leasebox(&["race", "--schedule", "aaaaababaabb"]));
    assert_eq!(code, Some(0));
    assert!(stdout.contains("schedule AAAAABABAABB, preemptions 4\n"), "{stdout}");
    assert!(stdout.contains("Result        5      19     228     228     665       7\n"));
    let (begun, _, _) = shown(&leasebox(&["race", "--schedule", "ABB"]));
    assert!(begun.contains("schedule ABBAAAAAAABB, "), "{begun}");
    for (arguments, part) in [
        (&["--schedule", "ABX"][..], "none of --clients"),
        (&["--schedule", "AAAAAAAAA"], "more steps than it has"),
        (&["--lock", "number", "--steps", "3"], "has no steps"),
        (&["--replay", "localhost", "x"], "PORT is no number"),
    ] {
        let (stdout, stderr, code) = shown(&leasebox(&[&["race"], arguments].concat()));
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{stderr}");
        assert!(stderr.contains(part) && stderr.lines().count() == 1, "{stderr}");
    }
}

#[test]
fn a_person_chooses_who_runs_next() {
    let mut child = Command::new(BINARY)
        .args(["race", "--clients", "A:1,B:1", "--step"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"A\nB\nA\nB\n").unwrap();
    let (stdout, _, code) = shown(&child.wait_with_output().unwrap());
    assert_eq!(code, Some(0));
    let why = "while A had loaded 0 in step 1 and not yet stored\n";
    assert_eq!(stdout.matches(why).count(), 2, "when it went wrong, and at the end: {stdout}");
}

#[test]
fn a_replay_that_goes_otherwise_is_no_proof() {
    let server = Running::start(&["--lab", "--numbers", "3"]);
    let port = server.address.port().to_string();
    let (stdout, stderr, code) = shown(&leasebox(&["race", "--replay", "127.0.0.1", &port]));
    assert_eq!((code, stdout.as_str()), (Some(2), ""), "{stderr}");
    assert!(stderr.contains("anew"), "{stderr}");
}

/// Says it is a lab server, and hands out what it likes.
fn false_lab(listener: TcpListener) {
    let mut control = Client::of(listener.accept().unwrap().0);
    control.line();
    control.send("parked\n");
    let mut drawing = Vec::new();
    for parked in ["parked 1:load\n", "parked 1:load 2:load\n"] {
        let mut client = Client::of(listener.accept().unwrap().0);
        client.line();
        drawing.push(client);
        control.line();
        control.send(parked);
    }
    while !control.line().is_empty() {
        control.send("parked 1:load 2:load\n");
        drawing[0].send("1 2 3 4\n");
        drawing[1].send("5 6\n");
    }
}

#[test]
fn a_replay_in_which_nothing_came_twice_is_no_proof() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let serving = thread::spawn(move || false_lab(listener));
    let (stdout, stderr, code) = shown(&leasebox(&["race", "--replay", "127.0.0.1", &port]));
    assert_eq!((code, stdout.as_str()), (Some(2), ""), "{stderr}");
    assert!(stderr.contains("not those of the schedule"), "{stderr}");
    serving.join().unwrap();
}

#[test]
fn both_tables_of_the_homework_are_seen_on_a_server_with_its_own_list() {
    const LIST: [&str; 2] = ["--list", "5,19,228,665,7,11"];
    let locked = Running::start(&[&LIST[..], &["--lock", "number"]].concat());
    let (mut a, mut b) = (locked.connect(), locked.connect());
    let draws = [(&mut a, "draw 3"), (&mut b, "draw 1")].map(|(client, line)| client.ask(line));
    assert_eq!(draws, ["5 19 228", "665"]);
    assert_eq!([a.ask("draw 1"), b.ask("draw 1")], ["7", "11"]);
    let (table, ..) = shown(&locked.client(&["table", "6"]));
    let expected = "\
Counter       0       1       2       3       4       5
Thread        A       A       A       B       A       B
Result        5      19     228     665       7      11
";
    assert!(table.starts_with(expected), "{table}");
    assert!(a.ask("draw 1").starts_with("error exhausted "));
    let broken = Running::start(&[&LIST[..], &["--lab"]].concat());
    let (host, port) = (broken.address.ip().to_string(), broken.address.port().to_string());
    let folder = scratch("replay");
    std::fs::create_dir_all(&folder).unwrap();
    let mut race = Command::new(BINARY);
    race.args(["race", "--schedule", "AAAAABABAABB", "--replay", &host, &port]);
    let (told, why, code) = shown(&race.current_dir(&folder).output().unwrap());
    assert_eq!(code, Some(0), "{why}");
    for line in ["A received 5 19 228 665, in race-A.txt\n", "B received 228 7, in race-B.txt\n"] {
        assert!(told.contains(line), "{told}");
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn one_schedule_of_each_kind_and_random_ones_reach_further() {
    let race = |more: &[&str]| shown(&leasebox(&[&["race"], more].concat()));
    let (kinds, _, code) = race(&["--kinds"]);
    assert_eq!(code, Some(0));
    for line in [
        "schedules tried        195, one of each kind; 495 are all",
        "distinct outcomes      54",
        "most duplicates        3",
        "preemptions at most    1",
    ] {
        assert!(kinds.lines().any(|printed| printed == line), "{line}: {kinds}");
    }
    let three = race(&["--kinds", "--steps", "3"]).0;
    assert!(
        three.contains("schedules tried        195, one of each kind; 18564 are all"),
        "{three}"
    );
    assert!(race(&["--kinds", "--lock", "number"]).0.contains("No schedule gives a number twice."));
    let few = race(&["--kinds", "--most", "7"]).0;
    assert!(few.contains("schedules tried        7 of 495, each of another kind"), "{few}");
    let random = ["--clients", "A:20,B:20,C:20", "--random", "40", "--seed", "7"];
    let (first, _, _) = race(&random);
    assert_eq!(first, race(&random).0, "the seed repeats it");
    // 1 - (1 - 1 / (3 * 120))^40
    assert!(first.contains("with at least 10.5 %"), "{first}");
    assert!(first.contains("schedules tried        40 at random, of more than 10^38"), "{first}");
}

#[test]
fn a_release_in_the_wrong_order_shows_another_tenants_bytes() {
    let race = |more: &[&str]| shown(&leasebox(&[&["race", "--program", "leases"], more].concat()));
    let right = race(&[]).0;
    assert!(right.contains("another tenant's bytes 0\n"), "{right}");
    let broken = race(&["--broken"]).0;
    assert!(broken.contains("schedule GRRLLGR\n") && broken.contains("reads \"the new tenant's\""));
    for more in [&["--html", "x.html"][..], &["--replay", "localhost", "1"], &["--kinds"]] {
        let (_, stderr, code) = race(more);
        assert_eq!((code, stderr.contains("takes --broken alone")), (Some(2), true), "{stderr}");
    }
    let (_, stderr, code) = shown(&leasebox(&["race", "--broken"]));
    assert_eq!(code, Some(2));
    assert!(stderr.contains("--broken is for --program leases"), "{stderr}");
}

#[test]
fn one_run_becomes_a_page_that_needs_nothing_else() {
    let file = support::scratch("race.html");
    let name = file.to_str().unwrap();
    let (stdout, _, code) = shown(&leasebox(&["race", "--schedule", "ABAB", "--html", name]));
    assert_eq!(code, Some(0));
    assert!(stdout.ends_with(&format!("see: {name}, in a browser\n")), "{stdout}");
    let page = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(page.contains("moves=ABABAAAAAABB\": {"), "the answer after the last step");
    assert!(!page.contains("src=") && !page.contains("<link"));
    let (stdout, _, _) = shown(&leasebox(&["race", "--lock", "number", "--html", name]));
    assert!(stdout.ends_with("There is no counterexample, and so no page.\n"), "{stdout}");
    let (_, stderr, code) = shown(&leasebox(&["race", "--html", "/dev/null/x"]));
    assert_eq!(code, Some(2));
    assert!(stderr.contains("cannot be written") && stderr.lines().count() == 1, "{stderr}");
}
