//! Tests of the history: time and ids are arguments.

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const TIME: Duration = Duration::from_secs(60);

fn ip(last: u8) -> IpAddr {
    IpAddr::from([127, 0, 0, last])
}

/// Returns a history for four clients, and the time of its start.
fn four() -> (History, Instant) {
    let start = Instant::now();
    (History::new(4, TIME, start), start)
}

#[test]
fn the_same_id_again_is_answered_with_the_reply_that_was_kept() {
    let (mut history, now) = four();
    assert_eq!(history.begin(7, 1, ip(1), now), Recall::New);
    assert_eq!(history.begin(7, 1, ip(1), now), Recall::Settled, "no reply yet");
    history.keep(7, b"one");
    assert_eq!(history.begin(7, 1, ip(1), now), Recall::Repeated(b"one"));
    assert_eq!(history.begin(8, 1, ip(1), now), Recall::New, "another client");
    assert_eq!((history.len(), history.replies(), history.resent()), (2, 1, 1));
}

#[test]
fn a_higher_id_acknowledges_the_reply_before_and_a_lower_one_is_behind() {
    let (mut history, now) = four();
    history.begin(7, 5, ip(1), now);
    history.keep(7, b"five");
    assert_eq!(history.begin(7, 9, ip(1), now), Recall::New);
    assert_eq!(history.replies(), 0);
    history.keep(7, b"nine");
    for id in [0, 5, 8] {
        assert_eq!(history.begin(7, id, ip(1), now), Recall::Behind, "{id}");
    }
    assert_eq!(history.begin(7, 9, ip(1), now), Recall::Repeated(b"nine"));
}

#[test]
fn an_acknowledgement_drops_the_reply_and_not_the_id() {
    let (mut history, now) = four();
    history.begin(7, 5, ip(1), now);
    history.keep(7, b"five");
    history.acknowledge(7, 4);
    history.acknowledge(8, 5);
    assert_eq!(history.replies(), 1, "another's, or an old one, drops nothing");
    history.acknowledge(7, 5);
    assert_eq!((history.len(), history.replies()), (1, 0));
    assert_eq!(history.begin(7, 5, ip(1), now), Recall::Settled);
}

#[test]
fn a_copy_that_outlives_the_history_is_not_executed_again() {
    let (mut history, start) = four();
    history.begin(7, 5, ip(1), start);
    history.keep(7, b"five");
    // Its token is as old as the history.
    let proof = |now: Instant| Proof { client: 7, age: now - start };
    let almost = start + TIME - SECOND;
    assert!(history.accepts(proof(almost), almost));
    assert_eq!(history.begin(7, 5, ip(1), almost), Recall::Repeated(b"five"));
    // With that copy the time of the entry began again.
    let later = almost + TIME - SECOND;
    assert!(history.accepts(proof(later), later), "old, and known");
    let late = almost + TIME;
    assert!(!history.accepts(proof(late), late), "before it is swept");
    history.sweep(late);
    assert!(history.is_empty() && !history.accepts(proof(late), late), "and after");
    // Without the check of the token's age (`accepts`), the copy would be executed again.
    assert_eq!(history.begin(7, 5, ip(1), late), Recall::New);
}

#[test]
fn a_full_history_refuses_new_clients_and_forgets_nobody() {
    let (mut history, start) = four();
    for (client, last) in [(1, 1), (2, 1), (3, 2), (4, 2)] {
        assert_eq!(history.begin(client, 1, ip(last), start), Recall::New);
    }
    let later = start + SECOND;
    assert_eq!(history.begin(5, 1, ip(3), later), Recall::Full);
    assert_eq!(history.begin(1, 2, ip(1), later), Recall::New, "who is in goes on");
    assert_eq!(history.len(), 4);
    // Three clients were silent for the history's time. The sweep drops them, which makes room.
    let late = start + TIME;
    history.sweep(late);
    assert_eq!(history.begin(5, 1, ip(3), late), Recall::New);
    assert_eq!(history.len(), 2);
}

#[test]
fn one_address_has_at_most_half_of_it_and_gets_it_back() {
    let (mut history, now) = four();
    assert_eq!(history.begin(1, 1, ip(1), now), Recall::New);
    assert_eq!(history.begin(2, 1, ip(1), now), Recall::New);
    assert_eq!(history.begin(3, 1, ip(1), now), Recall::Full);
    assert_eq!(history.begin(3, 1, ip(2), now), Recall::New);
    let late = now + TIME;
    history.sweep(late);
    assert_eq!(history.begin(4, 1, ip(1), late), Recall::New);
    assert_eq!(history.begin(5, 1, ip(1), late), Recall::New);
    assert_eq!(history.begin(6, 1, ip(1), late), Recall::Full);
    let mut least = History::new(1, TIME, now);
    assert_eq!(least.begin(1, 1, ip(1), now), Recall::New, "half of one is one");
}

#[test]
fn silent_clients_are_dropped_whoever_else_goes_on() {
    let (mut history, start) = four();
    history.begin(1, 1, ip(1), start);
    let mut now = start;
    while now < start + TIME + TIME / 4 {
        now += SECOND;
        history.sweep(now);
        history.begin(2, 1, ip(2), now);
    }
    assert_eq!(history.len(), 1, "the one that goes on");
}

#[test]
fn two_addresses_cannot_take_all_of_it() {
    let now = Instant::now();
    let mut history = History::new(32, TIME, now);
    for client in 0..32 {
        history.begin(client, 1, ip(1 + (client % 2) as u8), now);
    }
    assert_eq!(history.len(), 30, "the last two are for addresses that have none");
    assert_eq!(history.begin(40, 1, ip(1), now), Recall::Full);
    assert_eq!(history.begin(41, 1, ip(3), now), Recall::New);
    assert_eq!(history.begin(42, 1, ip(3), now), Recall::Full, "it has one now");
    let mut history = History::new(4, TIME, now);
    let network = |last| format!("2001:db8::{last}").parse().unwrap();
    for client in 1..=2 {
        assert_eq!(history.begin(client, 1, network(client), now), Recall::New);
    }
    assert_eq!(history.begin(3, 1, network(3), now), Recall::Full, "one network is one address");
}
