//! Tests of the turns. Time is an argument: a turn takes as long as the test says.

use super::*;

const MS: Duration = Duration::from_millis(1);

fn from(last: u8) -> SocketAddr {
    ([192, 0, 2, last], 412).into()
}

/// Takes turns until their times add up to `span`, and returns the time that each address had. A
/// turn takes as many milliseconds as its datagram has bytes.
fn take(turns: &mut WaitingDatagrams, span: Duration) -> HashMap<SocketAddr, Duration> {
    let (mut used, mut all) = (HashMap::new(), Duration::ZERO);
    while all < span {
        let turn = turns.begin().expect("somebody waits");
        let took = MS * turn.datagram.len() as u32;
        *used.entry(turn.from).or_default() += took;
        all += took;
        turns.end(turn, took);
    }
    used
}

/// Takes turns for `span`, and checks that the first two addresses had the same time, to within
/// `a_turn`.
fn assert_fair(turns: &mut WaitingDatagrams, span: Duration, a_turn: Duration) {
    let used = take(turns, span);
    let (first, second) = (used[&from(1)], used[&from(2)]);
    assert!(first.abs_diff(second) <= a_turn, "{first:?} {second:?}");
}

#[test]
fn the_costly_and_the_cheap_have_the_same_time() {
    let mut turns = WaitingDatagrams::default();
    for _ in 0..1000 {
        assert!(turns.add(&[0; 30], from(1), true));
        assert!(turns.add(&[0; 1], from(2), true));
        assert!(turns.add(&[0; 1], from(2), true));
    }
    assert_fair(&mut turns, 2000 * MS, 30 * MS);
}

#[test]
fn who_was_silent_has_saved_nothing_and_owes_nothing() {
    let mut turns = WaitingDatagrams::default();
    for _ in 0..200 {
        turns.add(&[0; 10], from(1), true);
    }
    take(&mut turns, 1000 * MS);
    for _ in 0..200 {
        turns.add(&[0; 10], from(2), true);
    }
    assert_fair(&mut turns, 500 * MS, 10 * MS);
}

#[test]
fn strangers_have_one_turn_together() {
    let mut turns = WaitingDatagrams::default();
    for last in 1..=100 {
        for _ in 0..10 {
            turns.add(&[0; 2], from(last), false);
        }
    }
    for _ in 0..300 {
        turns.add(&[0; 2], from(200), true);
    }
    let used = take(&mut turns, 800 * MS);
    let (one, all) = (used[&from(200)], used.values().sum::<Duration>());
    assert!((all - one).abs_diff(one) <= 2 * MS, "{one:?} of {all:?}");
}

#[test]
fn what_one_address_lets_wait_is_bounded_and_leaves_room_for_others() {
    let mut turns = WaitingDatagrams::default();
    let datagram = [0; 8000];
    let count = |turns: &mut WaitingDatagrams, last| {
        (0..10_000).take_while(|_| turns.add(&datagram, from(last), true)).count()
    };
    let bytes = datagram.len() + AROUND;
    let most = MOST_OF_ONE / bytes;
    for last in 1..=8 {
        assert_eq!(count(&mut turns, last), most, "{last}");
    }
    assert_eq!(count(&mut turns, 9), MOST / bytes - 8 * most, "all together");
    let turn = turns.begin().unwrap();
    turns.end(turn, MS);
    assert_eq!(count(&mut turns, 9), 1);
    while let Some(turn) = turns.begin() {
        turns.end(turn, MS);
    }
    assert_eq!((turns.bytes, turns.order.len()), (0, 0));
}

#[test]
fn addresses_without_a_datagram_are_forgotten_in_the_end() {
    let mut turns = WaitingDatagrams::default();
    for number in 0..100_000_u32 {
        turns.add(&[0], (Ipv4Addr::from(number | 1 << 24), 1).into(), true);
        let turn = turns.begin().unwrap();
        turns.end(turn, MS);
    }
    assert!(turns.senders.len() <= MOST_IDLE);
}
