//! Strangers that search for the number of somebody's lease.

use std::io::BufRead;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::frames::Frames;
use crate::support::{Running, scratch, wait_for};

/// The guesses of one connection: fewer than let a connection wait before each.
const GUESSES: u32 = 50;

/// Sends these guesses on a new connection, and returns how many it was told to be wrong.
fn guess(server: &Running, guesses: &str, is_wrong: &str) -> u64 {
    let mut client = server.connect();
    client.send(guesses);
    // A stranger that gets no answer at once closes, and connects again.
    client.stream.get_ref().set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut wrong = 0;
    for _ in 0..GUESSES {
        let mut line = String::new();
        if client.stream.read_line(&mut line).is_err() {
            break;
        }
        assert!(!line.starts_with("data"), "a lease of somebody was found: {line}");
        wrong += u64::from(line.starts_with(is_wrong));
    }
    wrong
}

/// Eight strangers guess on eight connections each, one after the other.
fn search(server: &Running, guesses: impl Fn(u32) -> String + Sync, is_wrong: &str) -> u64 {
    let (wrong, guesses) = (AtomicU64::new(0), &guesses);
    thread::scope(|scope| {
        for stranger in 0..8 {
            let wrong = &wrong;
            scope.spawn(move || {
                for at in 0..8 {
                    let told = guess(server, &guesses(8 * stranger + at), is_wrong);
                    wrong.fetch_add(told, Ordering::Relaxed);
                }
            });
        }
    });
    wrong.into_inner()
}

#[test]
fn strangers_together_try_no_more_numbers_than_the_budget_has() {
    let server = Running::start(&[]);
    let mut owner = server.connect();
    let id = owner.lease_number(16, 600_000);
    assert_eq!(owner.set(id, b"secret"), 0);
    let begun = Instant::now();
    let numbers = |at: u32| {
        let numbers = 1 + GUESSES * at..1 + GUESSES * (at + 1);
        numbers.map(|number| format!("get {number}\n")).collect()
    };
    let wrong = search(&server, numbers, "error not-found");
    // One of 2^31 numbers is right, so 3,200 guesses hardly ever find it.
    wait_for("all of the budget to be spent", || server.figure("wrong_guesses") >= 1000);
    let counted = server.figure("wrong_guesses");
    assert!(wrong <= counted && counted <= 1000 + begun.elapsed().as_secs() + 1, "{counted}");
    let asked = Instant::now();
    assert!(owner.get(id).starts_with(b"secret"));
    assert!(asked.elapsed() < Duration::from_secs(1), "who made the lease does not wait");
}

#[test]
fn passwords_are_tried_out_of_the_same_budget() {
    let file = scratch("password");
    std::fs::write(&file, "secret\n").unwrap();
    let server = Running::start(&["--user", "ada", "--password-file", file.to_str().unwrap()]);
    let begun = Instant::now();
    let auth = "*3\r\n$4\r\nAUTH\r\n$3\r\nada\r\n$5\r\nwrong\r\n".repeat(GUESSES as usize);
    let wrong = search(&server, |_| auth.clone(), "-WRONGPASS");
    assert!(wrong >= 1 && wrong <= 1000 + begun.elapsed().as_secs() + 1, "{wrong}");
    wait_for("a warning", || server.log().contains("strangers try"));
    std::fs::remove_file(file).unwrap();
}
